# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists in which the first entry that matches decides: who reaches UDP ports of a host, and what stands before. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .forwards import ANY
from .text import unique

ALL_PORTS = (0, 65535)
Networks = tuple[str, ...]
Span = tuple[int, int]


@dataclass(frozen=True)
class Entry:
    """`sources` and `targets` are networks or ("any",), `ports` ranges of UDP ports (none: another protocol); None is not readable.

    `narrowed` says that something else limits it, such as a source port or the time of the day.
    """

    permit: bool
    sources: Networks | None
    targets: Networks | None
    ports: tuple[Span, ...] | None
    line: str
    narrowed: bool = False

    def meets(self, host: str, span: Span) -> bool:
        """Whether it may match some of that traffic."""
        if self.targets is not None and not overlap(self.targets, (host,)):
            return False
        return self.ports is None or any(first <= span[1] and span[0] <= last for first, last in self.ports)

    def covers(self, host: str, span: Span) -> bool:
        """Whether it matches all of that traffic that comes from its sources."""
        if self.narrowed or self.targets is None or self.ports is None or not overlap(self.targets, (host,)):
            return False
        return any(first <= span[0] and span[1] <= last for first, last in self.ports)

    @property
    def denies_all(self) -> bool:
        """The deny that ends a list in plain words."""
        everything = self.sources == self.targets == (ANY,) and self.ports == (ALL_PORTS,)
        return everything and not self.permit and not self.narrowed


def overlap(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether networks have an address in common."""
    ones, others = list(one), list(other)
    if not ones or not others:
        return False
    if ANY in ones or ANY in others:
        return True
    nets = [ipaddress.ip_network(n) for n in others]
    return any(a.version == b.version and a.overlaps(b) for a in map(ipaddress.ip_network, ones) for b in nets)


def who(entries: Sequence[Entry], host: str, span: Span) -> tuple[Networks | None, list[str]]:
    """The networks that reach all of the span, None where that is not known; and the lines that may let more in."""
    found: list[str] = []
    unsure: list[str] = []
    denied: list[str] = []
    for entry in (e for e in entries if e.meets(host, span)):
        if not entry.permit:
            if entry.sources == (ANY,) and entry.covers(host, span):
                break
            denied += [ANY] if entry.sources is None else entry.sources
            continue
        clean = [n for n in entry.sources or () if not overlap((n,), denied)]
        if not entry.covers(host, span) or entry.sources is None or len(clean) < len(entry.sources):
            unsure.append(entry.line)
        if entry.covers(host, span):
            if ANY in clean:
                return (ANY,), unsure
            found += clean
    return (unique(found) if found or not unsure else None), unsure


def obstacle(entries: Iterable[Entry], sources: Networks, host: str, span: Span) -> Entry | None:
    """The first entry that denies some of that traffic, or may."""
    for entry in entries:
        if not entry.permit and entry.meets(host, span) and (entry.sources is None or overlap(entry.sources, sources)):
            return entry
    return None
