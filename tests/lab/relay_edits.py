# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ALG does to one packet, as plain functions. Written from what ALGs were seen to do; knows nothing of the probe.

An edit takes the packet and its flow, and gives the bytes that go on, or None where the packet goes no further.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

OUT, REPLY, IN = "out", "reply", "in"


@dataclass(frozen=True)
class Flow:
    """The ends of a flow as a NAT knows them, "address:port" in bytes, and where the packet goes."""

    inside: tuple[str, int]
    outside: tuple[str, int]
    direction: str

    @property
    def old(self) -> tuple[bytes, int]:
        """What an ALG looks for: the inside address in what goes out, the outside address in what comes in."""
        address, port = self.inside if self.direction == OUT else self.outside
        return address.encode(), port

    @property
    def new(self) -> tuple[bytes, int]:
        address, port = self.outside if self.direction == OUT else self.inside
        return address.encode(), port


Edit = Callable[[bytes, Flow], "bytes | None"]

_SIP = re.compile(rb"^(?:[A-Z]+ sips?:[^\r\n]+ SIP/2\.0|SIP/2\.0 \d{3} )")
_TOUCHED = rb"(?im)^(?:via|v|from|f|to|t|contact|m):[^\r\n]*"


def is_sip(data: bytes) -> bool:
    return bool(_SIP.match(data))


def is_reply(data: bytes) -> bool:
    return data.startswith(b"SIP/2.0 ")


def direction_of(data: bytes, outbound: bool) -> str:
    """A reply to an own request, or a request of the other side; what is no SIP counts as a reply."""
    if outbound:
        return OUT
    return IN if is_sip(data) and not is_reply(data) else REPLY


def linux(data: bytes, flow: Flow) -> bytes:
    """The request line, Via, From, To and Contact of the flow's own address and port, o= and c=, the length corrected."""
    if not is_sip(data):
        return data
    head, blank, body = data.partition(b"\r\n\r\n")
    (old, old_port), (new, new_port) = flow.old, flow.new
    own, other = b"%s:%d" % (old, old_port), b"%s:%d" % (new, new_port)

    def translate(line: re.Match[bytes]) -> bytes:
        text = re.sub(re.escape(own) + rb"(?!\d)", other, line.group())
        text = text.replace(b"received=" + old, b"received=" + new)
        return text.replace(b"rport=%d" % old_port, b"rport=%d" % new_port)

    start, end, rest = head.partition(b"\r\n")
    head = start.replace(own, other) + end + re.sub(_TOUCHED, translate, rest)
    return _corrected(head, blank, _session(body, old, new), len(body))


def _session(body: bytes, old: bytes, new: bytes) -> bytes:
    return re.sub(rb"(?m)^([oc]=[^\r\n]*)" + re.escape(old) + rb"(?![\d.])", rb"\g<1>" + new, body)


def _corrected(head: bytes, blank: bytes, body: bytes, was: int) -> bytes:
    head = re.sub(rb"(?im)^(content-length|l): *%d\b" % was, rb"\g<1>: %d" % len(body), head)
    return head + blank + body


def sdp_only(data: bytes, flow: Flow) -> bytes:
    head, blank, body = data.partition(b"\r\n\r\n")
    return _corrected(head, blank, _session(body, flow.old[0], flow.new[0]), len(body)) if is_sip(data) else data


def stale_length(data: bytes, flow: Flow) -> bytes:
    head, blank, body = data.partition(b"\r\n\r\n")
    return head + blank + _session(body, flow.old[0], flow.new[0]) if is_sip(data) else data


def register_only(data: bytes, flow: Flow) -> bytes:
    return linux(data, flow) if data.startswith(b"REGISTER ") else data


def replies_only(data: bytes, flow: Flow) -> bytes:
    return linux(data, flow) if is_reply(data) else data


def inbound_invite_only(data: bytes, flow: Flow) -> bytes:
    return linux(data, flow) if flow.direction == IN and data.startswith(b"INVITE ") else data


def drop_invite(data: bytes, flow: Flow) -> bytes | None:
    return None if data.startswith(b"INVITE ") else data


def drop_replies(data: bytes, flow: Flow) -> bytes | None:
    return None if is_reply(data) else data


def drop_sip(data: bytes, flow: Flow) -> bytes | None:
    return None if is_sip(data) else data


def drop_non_sip(data: bytes, flow: Flow) -> bytes | None:
    return data if is_sip(data) else None


def drop_all(data: bytes, flow: Flow) -> None:
    return None


def header_removed(data: bytes, flow: Flow) -> bytes:
    return re.sub(rb"(?im)^(?:user-agent|server):[^\r\n]*\r\n", b"", data) if is_sip(data) else data


def header_added(data: bytes, flow: Flow) -> bytes:
    return data.replace(b"\r\n", b"\r\nX-Gateway: %s\r\n" % flow.outside[0].encode(), 1) if is_sip(data) else data


def header_reordered(data: bytes, flow: Flow) -> bytes:
    if not is_sip(data):
        return data
    head, blank, body = data.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    return b"\r\n".join([lines[0], *lines[2:], lines[1]]) + blank + body


def crlf_to_lf(data: bytes, flow: Flow) -> bytes:
    return data.replace(b"\r\n", b"\n") if is_sip(data) else data


def blind_replace(data: bytes, flow: Flow) -> bytes:
    """Wherever the address stands, whatever it stands in, and without correcting the length."""
    return data.replace(flow.old[0], flow.new[0])


def forged_reply(data: bytes) -> bytes:
    """The answer of somebody who is not the server that was asked."""
    lines = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
    copied = [line for line in lines if re.match(rb"(?i)(?:via|v|from|f|to|t|call-id|i|cseq):", line)]
    return b"\r\n".join([b"SIP/2.0 200 OK", *copied, b"Server: gateway", b"Content-Length: 0", b"", b""])


EDITS: dict[str, Edit] = {
    edit.__name__: edit
    for edit in (
        linux,
        sdp_only,
        stale_length,
        register_only,
        replies_only,
        inbound_invite_only,
        drop_invite,
        drop_replies,
        drop_sip,
        drop_non_sip,
        drop_all,
        header_removed,
        header_added,
        header_reordered,
        crlf_to_lf,
        blind_replace,
    )
}
