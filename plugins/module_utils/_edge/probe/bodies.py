# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the frames, type by type. HELLO, ECHO and PING have no body, COOKIE and OPEN have the cookie as it is.

All numbers are big-endian. An address takes 18 bytes: 16 of IPv6, in which IPv4 is ``::ffff:a.b.c.d``, and the port.
Every ``read`` raises ValueError for bytes that are not such a body.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import Any, NamedTuple

from .frames import OVERHEAD

COOKIE_BYTES = 20
TICKET_BYTES = 38
NO_TICKET = bytes(TICKET_BYTES)

UDP, TCP = 17, 6  # the protocol numbers of IP
CONTROL, SIP, RTP, SPARE = range(4)  # what ports are for
RECEIVED, SENT = 0, 1  # seen from the reflector
PLAIN, INVITE = 0, 1  # what a POKE makes the reflector send: a PING frame, or an INVITE with the message's marker
# What became of a POKE.
DONE, BAD_TICKET, NO_ORIGIN, NOT_ALLOWED, TOO_LONG = range(5)

_V4 = bytes(10) + b"\xff\xff"
_ADDRESS = struct.Struct("!16sH")
_OPENED = struct.Struct("!8s18s18sHHHHBB")
_SPAN = struct.Struct("!BBBHH")
_FETCH = struct.Struct("!12sBBI")
_DATA = struct.Struct("!BBB32s18s18sIII")
_POKE = struct.Struct("!38sB18sHH12s")
_POKED = struct.Struct("!BH")

# The smallest whole request whose answer fits it. An answer to ECHO and FETCH is as long as the request if it can be.
HELLO_BYTES = OVERHEAD + COOKIE_BYTES
OPEN_BYTES = 512
ECHO_BYTES = OVERHEAD + 2 * _ADDRESS.size + TICKET_BYTES
FETCH_BYTES = OVERHEAD + _DATA.size + 64
POKED_BYTES = OVERHEAD + _POKED.size


class Address(NamedTuple):
    """An IP address in its shortest text, without a zone, and a port."""

    ip: str
    port: int

    def pack(self) -> bytes:
        """18 bytes. Raises ValueError if it is no address."""
        try:
            if ":" in self.ip:
                return _ADDRESS.pack(socket.inet_pton(socket.AF_INET6, self.ip.partition("%")[0]), self.port)
            return _ADDRESS.pack(_V4 + socket.inet_pton(socket.AF_INET, self.ip), self.port)
        except (OSError, struct.error) as error:
            raise ValueError(f"{self.ip} port {self.port} is no address") from error

    @classmethod
    def read(cls, data: bytes) -> Address:
        if len(data) != _ADDRESS.size:
            raise ValueError("no address")
        packed, port = _ADDRESS.unpack(data)
        if packed.startswith(_V4):
            return cls(socket.inet_ntop(socket.AF_INET, packed[12:]), port)
        return cls(socket.inet_ntop(socket.AF_INET6, packed), port)


@dataclass(frozen=True)
class Span:
    """Ports ``first`` to ``last`` that are open: for what, by which transport, on the addresses of these indexes."""

    use: int
    transport: int
    addresses: tuple[int, ...]
    first: int
    last: int


@dataclass(frozen=True)
class Opened:
    """OPENED: the session, and what the reflector offers in it.

    ``seconds`` is how long session and tickets last, ``kept`` for how many seconds a message can be fetched, ``messages``
    how many the session may have there at a time, ``rate`` how many requests a second are answered to one source.
    """

    session: bytes
    mapped: Address
    arrived: Address
    seconds: int
    kept: int
    messages: int
    rate: int
    addresses: tuple[str, ...]
    spans: tuple[Span, ...]

    def pack(self) -> bytes:
        """Raises ValueError if there is more than fits."""
        if len(self.addresses) > 8 or len(self.spans) > 24:
            raise ValueError("more than 8 addresses or 24 spans of ports")
        limits = (self.seconds, self.kept, self.messages, self.rate, len(self.addresses), len(self.spans))
        parts = [_OPENED.pack(self.session, self.mapped.pack(), self.arrived.pack(), *limits)]
        parts += [Address(ip, 0).pack()[:16] for ip in self.addresses]
        for span in self.spans:
            mask = sum(1 << index for index in span.addresses)
            parts.append(_SPAN.pack(span.use, span.transport, mask, span.first, span.last))
        return b"".join(parts)

    @classmethod
    def read(cls, data: bytes) -> Opened:
        size = _OPENED.size
        fixed = _fields(_OPENED, data[:size])
        ips, spans = fixed[-2], fixed[-1]
        rest = data[size:]
        if len(rest) != ips * 16 + spans * _SPAN.size:
            raise ValueError("no body of OPENED")
        packed = (rest[at:][:16] for at in range(0, ips * 16, 16))
        addresses = tuple(Address.read(ip + b"\0\0").ip for ip in packed)
        found = []
        for at in range(spans):
            use, transport, mask, first, last = _SPAN.unpack_from(rest, ips * 16 + at * _SPAN.size)
            found.append(Span(use, transport, tuple(i for i in range(8) if mask >> i & 1), first, last))
        mapped, arrived = Address.read(fixed[1]), Address.read(fixed[2])
        return cls(fixed[0], mapped, arrived, fixed[3], fixed[4], fixed[5], fixed[6], addresses, tuple(found))


@dataclass(frozen=True)
class Echoed:
    """ECHOED: from where the ECHO came, where it arrived, and the ticket by which a POKE may send back there.

    Over TCP the ticket is `NO_TICKET`. The frame is as long as its request.
    """

    mapped: Address
    arrived: Address
    ticket: bytes

    def pack(self) -> bytes:
        return self.mapped.pack() + self.arrived.pack() + self.ticket

    @classmethod
    def read(cls, data: bytes) -> Echoed:
        if len(data) != 2 * _ADDRESS.size + TICKET_BYTES:
            raise ValueError("no body of ECHOED")
        return cls(Address.read(data[:18]), Address.read(data[18:36]), data[36:])


@dataclass(frozen=True)
class Fetch:
    """FETCH: bytes from ``offset`` on of the compressed message ``index`` of those that the reflector received or sent."""

    id: bytes
    direction: int
    index: int
    offset: int

    def pack(self) -> bytes:
        return _FETCH.pack(self.id, self.direction, self.index, self.offset)

    @classmethod
    def read(cls, data: bytes) -> Fetch:
        return cls(*_fields(_FETCH, data))


@dataclass(frozen=True)
class Data:
    """DATA: how many messages there are of that id and direction, and a piece of the one that was asked for.

    With ``count`` not above the index nothing is there and the other fields are empty. ``sha256`` and ``size`` are of the
    message as it was on the wire, ``compressed`` the length of its zlib stream, ``chunk`` what of it begins at ``offset``.
    ``whole`` is False where a message over TCP did not come to its end.
    """

    count: int
    transport: int
    whole: bool
    sha256: bytes
    source: Address
    destination: Address
    size: int
    compressed: int
    offset: int
    chunk: bytes

    def pack(self) -> bytes:
        ends = (self.source.pack(), self.destination.pack())
        sizes = (self.size, self.compressed, self.offset)
        return _DATA.pack(self.count, self.transport, self.whole, self.sha256, *ends, *sizes) + self.chunk

    @classmethod
    def read(cls, data: bytes) -> Data:
        head = _DATA.size
        count, transport, whole, digest, source, target, size, packed, offset = _fields(_DATA, data[:head])
        ends = (Address.read(source), Address.read(target))
        return cls(count, transport, bool(whole), digest, ends[0], ends[1], size, packed, offset, data[head:])


NOWHERE = Address("0.0.0.0", 0)
# The bytes of DATA that are not the chunk.
DATA_BYTES = OVERHEAD + _DATA.size


@dataclass(frozen=True)
class Poke:
    """POKE: send one packet to the ticket's address, from ``origin``, which must be one of the reflector's sockets.

    ``target_port`` other than 0 stands in for the ticket's port: 1024 or above, and a PLAIN packet only. ``size`` is wanted
    of a PLAIN packet, ``id`` is that of the INVITE. Packet and POKED together are never longer than the POKE.
    """

    ticket: bytes
    kind: int
    origin: Address
    target_port: int = 0
    size: int = 0
    id: bytes = bytes(12)

    def pack(self) -> bytes:
        return _POKE.pack(self.ticket, self.kind, self.origin.pack(), self.target_port, self.size, self.id)

    @classmethod
    def read(cls, data: bytes) -> Poke:
        ticket, kind, origin, *rest = _fields(_POKE, data)
        return cls(ticket, kind, Address.read(origin), *rest)


@dataclass(frozen=True)
class Poked:
    """POKED: what became of it (`DONE` and the words after it), and the bytes of the packet that was sent."""

    status: int
    size: int

    def pack(self) -> bytes:
        return _POKED.pack(self.status, self.size)

    @classmethod
    def read(cls, data: bytes) -> Poked:
        return cls(*_fields(_POKED, data))


def _fields(form: struct.Struct, data: bytes) -> tuple[Any, ...]:
    if len(data) != form.size:
        raise ValueError(f"{len(data)} bytes are no body of {form.size}")
    return form.unpack(data)
