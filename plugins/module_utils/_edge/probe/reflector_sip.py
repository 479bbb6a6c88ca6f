# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP that a reflector speaks: answers to the probe's requests, and the INVITE that it sends to a ticket's address.

Nothing that a request says decides where an answer goes. RFC 3261 (sections 8.2.6, 10.3, 18.2) says what an answer copies,
RFC 3581 how ``received`` and ``rport`` are filled in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .bodies import TCP, Address
from .frames import Keys
from .marker import HOLD, REFLECTOR, Mark, marker

LONGEST_EXPIRES = 300
DEFAULT_EXPIRES = 60

_REQUEST = re.compile(rb"([A-Z]{2,16}) \S+ SIP/2\.0\r?$")
_COMPACT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id", b"m": b"contact", b"l": b"content-length"}
_COPIED = (b"via", b"from", b"to", b"call-id", b"cseq")


@dataclass(frozen=True)
class Request:
    """A request of the probe: its headers as they stood on the wire, by their long names in lower case."""

    method: str
    headers: tuple[tuple[bytes, bytes], ...]

    def all(self, name: bytes) -> list[bytes]:
        return [line for known, line in self.headers if known == name]

    def value(self, name: bytes) -> bytes:
        """The value of the first header of that name, or nothing."""
        lines = self.all(name)
        return lines[0].partition(b":")[2].strip() if lines else b""


def parse(data: bytes) -> Request | None:
    """The request that these bytes are; None for an answer and for what lacks a header that an answer copies."""
    lines = [line.rstrip(b"\r") for line in re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0].split(b"\n")]
    first = _REQUEST.match(lines[0])
    if first is None:
        return None
    headers: list[tuple[bytes, bytes]] = []
    for line in lines[1:]:
        if line[:1] in (b" ", b"\t") and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + b" " + line.strip())
            continue
        name = line.partition(b":")[0].strip().lower()
        headers.append((_COMPACT.get(name, name), line))
    request = Request(first.group(1).decode("ascii"), tuple(headers))
    return request if all(request.all(name) for name in _COPIED) else None


@dataclass(frozen=True)
class Place:
    """Where a request came in: from where, to where, over what, and the RTP port that a description would name."""

    source: Address
    local: Address
    transport: int
    rtp: int


def answers(request: Request, mark: Mark, keys: Keys, place: Place) -> list[list[bytes]]:
    """The answers, best choice first: the sender takes the first list that fits the size of the request.

    ACK has none. INVITE has 183 and 488, or 488 alone; with the wish `HOLD` 183 alone, and the client ends it with BYE.
    """
    proof = marker(keys, REFLECTOR, mark.id)
    if request.method == "ACK":
        return []
    if request.method == "INVITE":
        early = _answer(request, b"183 Session Progress", proof, place, *_described(place))
        if mark.wish == HOLD:
            return [[early]]
        final = _answer(request, b"488 Not Acceptable Here", proof, place)
        return [[early, final], [final]]
    extra = [*request.all(b"contact"), b"Expires: %d" % expires(request)] if request.method == "REGISTER" else []
    return [[_answer(request, b"200 OK", proof, place, extra)]]


def expires(request: Request) -> int:
    """Seconds that a REGISTER asks for, at most five minutes."""
    asked = re.search(rb";\s*expires=(\d{1,9})", request.value(b"contact"), re.I)
    text = asked.group(1) if asked else request.value(b"expires")
    return min(int(text), LONGEST_EXPIRES) if text.isdigit() and len(text) < 10 else DEFAULT_EXPIRES


def invite(keys: Keys, message_id: bytes, origin: Address, target: Address, rtp: int) -> bytes:
    """Our own INVITE to a mapped address, which an ALG in an outer NAT would rewrite."""
    proof, here, there = marker(keys, REFLECTOR, message_id), _host_port(origin), _host_port(target)
    body = _description(origin.ip, rtp)
    lines = (
        f"INVITE sip:probe@{there} SIP/2.0",
        f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{proof}",
        "Max-Forwards: 70",
        f"From: <sip:reflector@{here}>;tag={message_id[-4:].hex()}",
        f"To: <sip:probe@{there}>",
        f"Call-ID: {proof}@{_host(origin.ip)}",
        "CSeq: 1 INVITE",
        f"Contact: <sip:reflector@{here}>",
        f"User-Agent: voip.edge {proof}",
        "Content-Type: application/sdp",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


def _answer(
    request: Request, status: bytes, proof: str, place: Place, extra: list[bytes] | None = None, body: bytes = b""
) -> bytes:
    lines = [b"SIP/2.0 " + status]
    vias = request.all(b"via")
    lines += [_stamped(vias[0], place.source), *vias[1:]]
    target = request.all(b"to")[0]
    tagged = re.search(rb";\s*tag=", target, re.I) is not None
    lines += [request.all(b"from")[0], target if tagged else target + b";tag=" + proof.encode("ascii")]
    lines += [request.all(b"call-id")[0], request.all(b"cseq")[0], *(extra or [])]
    if tagged:
        lines.append(b"Server: " + proof.encode("ascii"))
    lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _stamped(via: bytes, source: Address) -> bytes:
    """The topmost Via with the address and port from which the request came."""
    first, comma, others = via.partition(b",")
    first = re.sub(rb";\s*rport(?![=\w-])", b";rport=%d" % source.port, first, count=1, flags=re.I)
    return first + b";received=" + source.ip.encode("ascii") + comma + others


def _described(place: Place) -> tuple[list[bytes], bytes]:
    scheme = ";transport=tcp" if place.transport == TCP else ""
    contact = f"Contact: <sip:{_host_port(place.local)}{scheme}>".encode("ascii")
    return [contact, b"Content-Type: application/sdp"], _description(place.local.ip, place.rtp)


def _description(ip: str, rtp: int) -> bytes:
    """The smallest session description (RFC 8866) of one PCMU stream."""
    family = "IP6" if ":" in ip else "IP4"
    lines = ("v=0", f"o=- {rtp} 1 IN {family} {ip}", "s=-", f"c=IN {family} {ip}", "t=0 0", f"m=audio {rtp} RTP/AVP 0")
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")


def _host(ip: str) -> str:
    return f"[{ip}]" if ":" in ip else ip


def _host_port(address: Address) -> str:
    return f"{_host(address.ip)}:{address.port}"
