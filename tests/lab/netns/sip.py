# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few SIP messages with which the lab proves itself: the addresses stand where the kernel's ALG looks for them.

The probe's own messages are its own affair; these are written from what was measured about the ALG.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

Address = tuple[str, int]


def _message(lines: Iterable[str], body: str = "") -> bytes:
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode("ascii")


def _common(method: str, local: Address, to: str, transport: str) -> list[str]:
    host = f"{local[0]}:{local[1]}"
    mark = secrets.token_hex(8)
    return [
        f"Via: SIP/2.0/{transport} {host};rport;branch=z9hG4bK{mark}",
        "Max-Forwards: 70",
        f"From: <sip:probe@{host}>;tag={mark}",
        f"To: <{to}>",
        f"Call-ID: {mark}@{local[0]}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:probe@{host}>",
    ]


def register(local: Address, server: Address, transport: str = "UDP") -> bytes:
    """A REGISTER of the LAN host at ``local`` (address and source port must be the socket's own, or nothing is translated)."""
    lines = _common("REGISTER", local, f"sip:probe@{server[0]}", transport)
    return _message([f"REGISTER sip:{server[0]} SIP/2.0", *lines, "Expires: 300"])


def options(local: Address, server: Address, transport: str = "UDP") -> bytes:
    """An OPTIONS, likewise."""
    uri = f"sip:{server[0]}:{server[1]}"
    return _message([f"OPTIONS {uri} SIP/2.0", *_common("OPTIONS", local, uri, transport)])


def invite(local: Address, target: str, rtp: int) -> bytes:
    """An INVITE to the URI ``target`` with SDP for an even port ``rtp`` of at least 1024, unique for each call."""
    body = "\r\n".join(
        [
            "v=0",
            f"o=probe 1 1 IN IP4 {local[0]}",
            "s=-",
            f"c=IN IP4 {local[0]}",
            "t=0 0",
            f"m=audio {rtp} RTP/AVP 0",
            "a=sendrecv",
            "",
        ]
    )
    lines = _common("INVITE", local, target, "UDP")
    return _message([f"INVITE {target} SIP/2.0", *lines, "Content-Type: application/sdp"], body)


def answer(request: bytes, source: Address, code: str = "200 OK") -> bytes:
    """The answer of a server that saw the request come from ``source``."""
    kept = []
    for line in request.decode("ascii").split("\r\n\r\n")[0].split("\r\n")[1:]:
        name = line.split(":")[0]
        if name == "Via":
            kept.append(line.replace(";rport", f";received={source[0]};rport={source[1]}"))
        elif name in ("From", "To", "Call-ID", "CSeq", "Contact", "Expires"):
            kept.append(line)
    return _message([f"SIP/2.0 {code}", *kept])


def header(message: bytes, name: str) -> str:
    """The value of a header, or of an SDP line (``c=``); of the first when there are several. Raises KeyError."""
    start = name if name.endswith("=") else f"{name}: "
    for line in message.decode("ascii").split("\r\n"):
        if line.startswith(start):
            return line[len(start) :]
    raise KeyError(name)


def changed(before: bytes, after: bytes) -> set[str]:
    """Names of the headers and SDP lines (and ``start``) that differ. Raises ValueError when lines came or went."""
    pairs = list(zip(before.decode("ascii").split("\r\n"), after.decode("ascii").split("\r\n")))
    if before.count(b"\r\n") != after.count(b"\r\n"):
        raise ValueError("the messages have not the same number of lines")
    names = set()
    for number, (one, other) in enumerate(pairs):
        if one != other:
            names.add("start" if number == 0 else one[:2] if one[1:2] == "=" else one.split(":")[0])
    return names
