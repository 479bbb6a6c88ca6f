# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP messages that the probe sends: valid by RFC 3261 and RFC 4566, and such that an ALG takes them for a phone's.

Measured on the SIP ALG of Linux 6.18, and therefore the rules of this file:

* it rewrites a URI only if address and port are those of the flow, so Via, Contact and From carry the socket's own;
* it leaves host names and 127.0.0.1 alone, so the address is a literal IPv4 address of an interface;
* it drops an INVITE whose media port is below 1024 or already expected by another flow, and one whose body has no
  Content-Length, so each INVITE has a media port of its own and each message its Content-Length;
* it leaves Call-ID, a=rtcp and a=candidate alone, so these are the lines that a rewritten message contradicts.

The addresses stand within the first 500 bytes, as an ICMP error quotes about that much.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterable
from dataclasses import dataclass

METHODS = ("REGISTER", "OPTIONS", "INVITE")
TRANSPORTS = ("udp", "tcp")
USER = "probe"
PRODUCT = "voip-edge-probe"
EXPIRES = 60
LARGE = 1600
"""Bytes that a large message has at least: more than any Ethernet frame holds, so over UDP it travels in fragments."""

_COMPACT = {
    "Via": "v",
    "From": "f",
    "To": "t",
    "Call-ID": "i",
    "Contact": "m",
    "Content-Type": "c",
    "Content-Length": "l",
    "Supported": "k",
}
_AUDIO = ((8, "PCMA/8000"), (0, "PCMU/8000"), (9, "G722/8000"), (96, "opus/48000/2"), (101, "telephone-event/8000"))


@dataclass(frozen=True)
class Endpoint:
    """An IPv4 address and a port, one end of a flow."""

    address: str
    port: int

    def __post_init__(self) -> None:
        if ipaddress.IPv4Address(self.address).is_unspecified:
            raise ValueError("0.0.0.0 is nobody's address")
        if not 0 < self.port < 65536:
            raise ValueError(f"{self.port} is no port")

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class Shape:
    """What a message looks like, apart from its addresses.

    `compact` uses the one-letter header names; `large` makes an INVITE longer than LARGE; `length_first` puts
    Content-Length right behind Via instead of last; `transport` stands in Via and in Contact.
    """

    method: str
    transport: str = "udp"
    compact: bool = False
    large: bool = False
    length_first: bool = False

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method {self.method!r} is not one of {', '.join(METHODS)}")
        if self.transport not in TRANSPORTS:
            raise ValueError(f"transport {self.transport!r} is not one of {', '.join(TRANSPORTS)}")
        if self.large and self.method != "INVITE":
            raise ValueError("only an INVITE is made large")


@dataclass(frozen=True)
class Dialog:
    """What the messages of one transaction share.

    `mark` is the marker's text: it goes into branch, Call-ID and User-Agent, so one copy survives an ALG.
    `via_port` differs from `local.port` in the redirect case alone. `media_port` is needed by an INVITE.
    """

    local: Endpoint
    server: Endpoint
    mark: str
    via_port: int | None = None
    media_port: int | None = None
    cseq: int = 1

    @property
    def via(self) -> Endpoint:
        return Endpoint(self.local.address, self.via_port or self.local.port)


class MediaPorts:
    """Hands out even media ports, none of them twice: an ALG remembers the port of an INVITE for 180 s.

    Raises LookupError when all of them are used up.
    """

    def __init__(self, low: int = 20000, high: int = 40000, source: random.Random | None = None) -> None:
        if low < 1024 or high > 65534 or low > high:
            raise ValueError("media ports lie between 1024 and 65534")
        ports = list(range(low + low % 2, high + 1, 2))
        (source or random.SystemRandom()).shuffle(ports)
        self._left = ports

    def take(self) -> int:
        if not self._left:
            raise LookupError("no media port is left that this run has not used")
        return self._left.pop()


def request(shape: Shape, dialog: Dialog) -> bytes:
    """The bytes of a REGISTER, OPTIONS or INVITE. Raises ValueError where the ALG itself would drop the message."""
    body = _session(shape, dialog) if shape.method == "INVITE" else ""
    headers = [*_first_headers(shape, dialog), *_own_headers(shape, dialog)]
    if body:
        headers.append(("Content-Type", "application/sdp"))
    length = ("Content-Length", str(len(body)))
    headers.insert(1 if shape.length_first else len(headers), length)
    return _assemble(f"{shape.method} {_target(shape, dialog)} SIP/2.0", headers, body, shape.compact)


def bye(dialog: Dialog, transport: str = "udp") -> bytes:
    """Ends the dialog of an INVITE that has only been answered provisionally; the ALG then closes its pinholes."""
    shape = Shape("OPTIONS", transport)
    product = ("User-Agent", f"{PRODUCT} {dialog.mark}")
    headers = [*_first_headers(shape, dialog, "BYE"), product, ("Content-Length", "0")]
    return _assemble(f"BYE sip:{USER}@{dialog.server} SIP/2.0", headers, "", False)


def answer(received: bytes, status: int, reason: str) -> bytes | None:
    """The answer of a user agent to a request that came in, without a body; None if `received` is no request.

    Via, From, To, Call-ID and CSeq are copied as they came (RFC 3261, 8.2.6.2); To gets a tag if it has none.
    """
    lines = received.split(b"\r\n\r\n", 1)[0].split(b"\r\n")
    if not lines[0].endswith(b" SIP/2.0"):
        return None
    kept = [b"SIP/2.0 %d %s" % (status, reason.encode("ascii"))]
    for line in lines[1:]:
        name = canonical(line.split(b":", 1)[0].decode("latin-1"))
        if name == "to" and b"tag=" not in line:
            line += b";tag=" + PRODUCT.encode("ascii")
        if name in ("via", "from", "to", "call-id", "cseq"):
            kept.append(line)
    return b"\r\n".join([*kept, b"Content-Length: 0", b"", b""])


def canonical(name: str) -> str:
    """A header's full name in small letters, for either of its two forms (RFC 3261, 7.3.3)."""
    low = name.strip().lower()
    return _LONG.get(low, low)


_LONG = {short: long.lower() for long, short in _COMPACT.items()}
_LONG.update({"s": "subject", "e": "content-encoding"})


def neutral(size: int, source: random.Random | None = None) -> bytes:
    """Bytes of the same size that no inspection takes for SIP: none of them is a letter, a digit or a line end."""
    chosen = source or random.SystemRandom()
    return bytes(chosen.randrange(0x80, 0x100) for _index in range(size))


def _target(shape: Shape, dialog: Dialog) -> str:
    # A registrar is addressed without a user (RFC 3261, 10.2).
    return f"sip:{dialog.server}" if shape.method == "REGISTER" else f"sip:{USER}@{dialog.server}"


def _first_headers(shape: Shape, dialog: Dialog, method: str = "") -> list[tuple[str, str]]:
    method = method or shape.method
    ours, theirs = f"<sip:{USER}@{dialog.local}>", f"<sip:{USER}@{dialog.server}>"
    transport = shape.transport.upper()
    return [
        ("Via", f"SIP/2.0/{transport} {dialog.via};rport;branch=z9hG4bK{dialog.mark}"),
        ("Max-Forwards", "70"),
        ("From", f"{ours};tag={dialog.mark[-8:]}"),
        ("To", ours if method == "REGISTER" else theirs),
        ("Call-ID", dialog.mark),
        ("CSeq", f"{dialog.cseq} {method}"),
    ]


def _own_headers(shape: Shape, dialog: Dialog) -> list[tuple[str, str]]:
    """What a phone says about itself. All of it, always: an answer must fit the request even when an ALG shortened it."""
    suffix = ";transport=tcp" if shape.transport == "tcp" else ""
    headers = [
        ("Contact", f"<sip:{USER}@{dialog.via}{suffix}>"),
        ("User-Agent", f"{PRODUCT} {dialog.mark}"),
        ("Allow", "INVITE, ACK, CANCEL, OPTIONS, BYE, UPDATE, INFO, NOTIFY, REFER, MESSAGE, SUBSCRIBE"),
        ("Supported", "replaces, timer, from-change, norefersub"),
        ("Accept", "application/sdp, message/sipfrag"),
    ]
    if shape.method == "REGISTER":
        headers.append(("Expires", str(EXPIRES)))
    return headers


def _session(shape: Shape, dialog: Dialog) -> str:
    """The offer of an INVITE (RFC 4566; a=rtcp of RFC 3605, a=candidate of RFC 8839)."""
    port, address = dialog.media_port, dialog.local.address
    if port is None or port % 2 or not 1024 <= port <= 65534:
        raise ValueError(f"an INVITE needs an even media port from 1024 on, not {port}")
    lines = [
        "v=0",
        f"o={USER} {port} 1 IN IP4 {address}",
        f"s={PRODUCT}",
        f"c=IN IP4 {address}",
        "t=0 0",
        "m=audio {} RTP/AVP {}".format(port, " ".join(str(number) for number, _codec in _AUDIO)),
        f"a=rtcp:{port + 1} IN IP4 {address}",
        f"a=candidate:1 1 UDP 2130706431 {address} {port} typ host",
        *(f"a=rtpmap:{number} {codec}" for number, codec in _AUDIO),
        "a=fmtp:96 useinbandfec=1",
        "a=fmtp:101 0-16",
        "a=ptime:20",
        "a=sendrecv",
    ]
    if shape.large:
        lines += _filling(LARGE)
    return "".join(line + "\r\n" for line in lines)


def _filling(size: int) -> Iterable[str]:
    """Attributes that an answerer must ignore when it does not know them (RFC 4566, 5.13), at least `size` bytes."""
    return (f"a=X-filling:{number:03d} " + "." * 44 for number in range(-(-size // 60)))


def _assemble(start: str, headers: Iterable[tuple[str, str]], body: str, compact: bool) -> bytes:
    lines = [start]
    lines += [f"{_COMPACT.get(name, name) if compact else name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("ascii")
