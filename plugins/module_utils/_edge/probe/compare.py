# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a message arrived as it was sent. The bytes decide; headers and SDP lines only explain the difference.

The two sides of a comparison are what one end sent and what the other end received. An echoed header is no evidence:
an ALG translates the addresses of a reply back, so that the echo looks untouched.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .messages import canonical

KINDS = ("changed", "added", "removed", "reordered")
PARTS = ("start_line", "header", "sdp", "line_ends", "length", "bytes")

# Whose address was put in.
MAPPED = "outermost NAT"
INNER = "inner router"
OWN = "own LAN address"
REFLECTOR = "reflector"
OTHER = "other public address"

_ADDRESS = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
# RFC 1918, RFC 3927, and RFC 6598 (between a provider's NAT and its customers). Not `is_private`: that counts the
# documentation networks in, which stand for public addresses in every lab.
_INSIDE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10")
)
_AROUND = 24


@dataclass(frozen=True)
class Change:
    """One difference: in which part, of which name, what stood there before and what stands there after.

    `inserted` has the IPv4 addresses of `after` that `before` did not have.
    """

    part: str
    name: str
    kind: str
    before: str
    after: str
    inserted: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "part": self.part,
            "name": self.name,
            "kind": self.kind,
            "before": self.before,
            "after": self.after,
            "inserted": list(self.inserted),
        }


@dataclass(frozen=True)
class Addresses:
    """Who is who on a path: the probe's own address, the address the reflector saw, and the reflector's addresses."""

    local: str
    mapped: str
    reflector: tuple[str, ...] = ()


def compare(sent: bytes, received: bytes) -> tuple[Change, ...]:
    """The differences between what was sent and what arrived; empty if and only if the bytes are equal."""
    if sent == received:
        return ()
    before, after = _Message(sent), _Message(received)
    changes = [
        *_line_ends(before, after),
        *_start_line(before, after),
        *_headers(before, after),
        *_lines_of_body(before, after),
        *_length(before, after),
    ]
    # A difference that no line explains (blanks around a colon, a cut that hits no line) is one all the same.
    return tuple(changes) or (_raw(sent, received),)


def whose(address: str, known: Addresses) -> str:
    """Whose address an ALG put in, which tells where it stands.

    The mapped address is that of the outermost NAT, the probe's own one appears in messages that come in, and any
    other private one, or one of 100.64.0.0/10, belongs to a router in between.
    """
    if address == known.mapped and address != known.local:
        return MAPPED
    if address == known.local:
        return OWN
    if address in known.reflector:
        return REFLECTOR
    try:
        value = ipaddress.IPv4Address(address)
    except ValueError:
        return OTHER
    return INNER if any(value in network for network in _INSIDE) else OTHER


def inserted(changes: Sequence[Change]) -> tuple[str, ...]:
    """The addresses that were put in, each once, in order of appearance."""
    return tuple(dict.fromkeys(address for change in changes for address in change.inserted))


class _Message:
    """A message taken apart without ever failing: octets are read as Latin-1, any line end ends a line."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.ends = Counter(re.findall(rb"\r\n|\r|\n", data))
        head, _blank, body = _normal(data).partition("\n\n")
        lines = head.split("\n")
        self.start = lines[0]
        self.headers = [(canonical(line.partition(":")[0]), line) for line in lines[1:] if line]
        self.body = [line for line in body.split("\n") if line]
        self.octets = len(data.partition(b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n")[2])

    def values(self, name: str) -> list[str]:
        return [line for known, line in self.headers if known == name]

    def wrong_length(self) -> str | None:
        """What is wrong about Content-Length, or None."""
        stated = [line.partition(":")[2].strip() for line in self.values("content-length")]
        if stated == [str(self.octets)]:
            return None
        return "{} stated, {} octets came".format(" and ".join(stated) or "nothing", self.octets)


def _normal(data: bytes) -> str:
    return data.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")


def _line_ends(before: _Message, after: _Message) -> Iterator[Change]:
    # Kinds of line ends, not their number: a removed line has its end removed, too.
    if set(before.ends) != set(after.ends) and before.ends and after.ends:
        yield Change("line_ends", "line ends", "changed", _names(before.ends), _names(after.ends))


def _names(ends: Counter[bytes]) -> str:
    words = {b"\r\n": "CRLF", b"\n": "LF", b"\r": "CR"}
    return " and ".join(f"{count} {words[end]}" for end, count in sorted(ends.items()))


def _start_line(before: _Message, after: _Message) -> Iterator[Change]:
    if before.start != after.start:
        yield _changed("start_line", "start line", before.start, after.start)


def _headers(before: _Message, after: _Message) -> Iterator[Change]:
    names = list(dict.fromkeys(name for name, _line in [*before.headers, *after.headers]))
    touched = False
    for name in names:
        changes = list(_pairs("header", before.values(name), after.values(name), name))
        touched = touched or any(change.kind != "changed" for change in changes)
        yield from changes
    order = [name for name, _line in before.headers], [name for name, _line in after.headers]
    if not touched and order[0] != order[1]:
        yield Change("header", "order of headers", "reordered", ", ".join(order[0]), ", ".join(order[1]))


def _pairs(part: str, old: list[str], new: list[str], name: str) -> Iterator[Change]:
    """Differences between the lines of one name. Lines that both sides have are matched first."""
    if old == new:
        return
    if Counter(old) == Counter(new):
        yield Change(part, name, "reordered", "\n".join(old), "\n".join(new))
        return
    left, came = list((Counter(old) - Counter(new)).elements()), list((Counter(new) - Counter(old)).elements())
    for was, now in zip(left, came):
        yield _changed(part, name, was, now)
    both = min(len(left), len(came))
    for was in left[both:]:
        yield Change(part, name, "removed", was, "")
    for now in came[both:]:
        yield Change(part, name, "added", "", now, tuple(dict.fromkeys(_ADDRESS.findall(now))))


def _lines_of_body(before: _Message, after: _Message) -> Iterator[Change]:
    names = list(dict.fromkeys(_field(line) for line in [*before.body, *after.body]))
    found = False
    for name in names:
        old = [line for line in before.body if _field(line) == name]
        new = [line for line in after.body if _field(line) == name]
        for change in _pairs("sdp", old, new, name):
            found = True
            yield change
    if not found and before.body != after.body:
        yield Change("sdp", "order of lines", "reordered", "\n".join(before.body), "\n".join(after.body))


def _length(before: _Message, after: _Message) -> Iterator[Change]:
    """A Content-Length that was right and is not any more: the body was edited behind its back, or cut."""
    if before.wrong_length() is None and (wrong := after.wrong_length()) is not None:
        yield Change("length", "content-length", "changed", f"{before.octets} octets", wrong)


def _field(line: str) -> str:
    """The name of an SDP line: c=, or a=rtcp for an attribute."""
    kind, equals, rest = line.partition("=")
    return f"a={rest.partition(':')[0]}" if kind == "a" else kind + equals


def _changed(part: str, name: str, was: str, now: str) -> Change:
    # Counted, as an address that stands in Via may be put into received= as well.
    new = Counter(_ADDRESS.findall(now)) - Counter(_ADDRESS.findall(was))
    return Change(part, name, "changed", was, now, tuple(new))


def _raw(sent: bytes, received: bytes) -> Change:
    shared = min(len(sent), len(received))
    at = next((index for index in range(shared) if sent[index] != received[index]), shared)
    kind = "removed" if at == len(received) else "added" if at == len(sent) else "changed"
    first, last = max(0, at - _AROUND), at + _AROUND
    cut = [repr(data[first:last])[1:] for data in (sent, received)]
    return Change("bytes", f"octet {at}", kind, cut[0], cut[1])
