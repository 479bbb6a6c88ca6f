# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inbound UDP forwards: what a device does, what is wanted for a PBX, and where the two get into each other's way. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .model import Aspect, Finding, Forwards, Mechanism
from .profiles import Profile
from .verdict import PORT_FORWARDS

ANY = "any"
OURS = "voip-edge"
"""What the names of our own objects begin with, so that a later run knows them again."""


@dataclass(frozen=True)
class Forward:
    """UDP ports first..last (as seen from outside) that a device sends to a host inside.

    `inside` is that host, None where it could not be resolved; `inside_first` its first port. `sources` are the networks
    that get in: ("any",) everybody, () nobody, None not known. `scope` is the name by which the device shows it.
    """

    id: str
    scope: str
    first: int
    last: int
    inside: str | None
    sources: tuple[str, ...] | None
    evidence: tuple[str, ...]
    inside_first: int | None = None
    label: str = "doc"
    ours: bool = False

    def mechanism(self) -> Mechanism:
        state = "off" if self.sources == () else "on"
        return Mechanism(self.id, self.scope, state, "configured", self.evidence, self.label, self.text)

    @property
    def text(self) -> str:
        shift = "" if self._keeps_ports else f" port {self.inside_first}"
        who = "not known" if self.sources is None else ", ".join(self.sources) or "nobody"
        return f"{ports((self.first, self.last))} to {self.inside or 'a host that was not resolved'}{shift} from {who}"

    @property
    def _keeps_ports(self) -> bool:
        return self.inside_first in (None, self.first)

    def leads_to(self, host: str) -> bool:
        """Whether it brings its ports unchanged to that host."""
        return self.inside == host and self._keeps_ports


def ports(span: tuple[int, int]) -> str:
    return f"UDP {span[0]}" if span[0] == span[1] else f"UDP {span[0]}-{span[1]}"


def admits(have: tuple[str, ...] | None, wanted: Sequence[str]) -> bool | None:
    """Whether sources let all the wanted networks in; None where that is not known."""
    if have is None:
        return None
    if ANY in have or ANY in wanted:
        return ANY in have
    nets = [ipaddress.ip_network(n) for n in have]
    return all(any(_inside(ipaddress.ip_network(w), n) for n in nets) for w in wanted)


def _inside(one: object, other: object) -> bool:
    same = isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network)
    same6 = isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network)
    return (same or same6) and one.subnet_of(other)  # type: ignore[attr-defined]


def open_ranges(forwards: Iterable[Forward], wanted: Forwards, unsure: bool = False) -> list[tuple[int, int]]:
    """The wanted ranges, or parts of them, that do not reach the PBX yet from each of the wanted networks.

    Some devices have one network in a forward, so several forwards may do together what is wanted. With `unsure` a forward
    whose sources are not known counts as one that lets the wanted ones in.
    """
    enough = (True, None) if unsure else (True,)
    there = [f for f in forwards if f.leads_to(wanted.pbx)]
    lets_in = [
        sorted((f.first, f.last) for f in there if admits(f.sources, one) in enough)
        for one in _one_by_one(wanted.sources)
    ]
    return [gap for span in wanted.ranges for gap in _joined(g for spans in lets_in for g in _gaps(span, spans))]


def _one_by_one(sources: tuple[str, ...]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [(source,) for source in sources]
    return found or [()]


def _joined(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ports in as few ranges as possible, in order."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(last, out[-1][1]))
        else:
            out.append((first, last))
    return out


def _gaps(span: tuple[int, int], covered: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    at, out = span[0], []
    for first, last in covered:
        if last < at or first > span[1]:
            continue
        if first > at:
            out.append((at, first - 1))
        at = last + 1
    return [*out, (at, span[1])] if at <= span[1] else out


def in_the_way(forwards: Iterable[Forward], wanted: Forwards) -> str | None:
    """A sentence that names the foreign forward that overlaps what is wanted and still missing; None where there is none."""
    have = list(forwards)
    missing = open_ranges(have, wanted)
    for forward in have:
        meets = any(forward.first <= last and first <= forward.last for first, last in missing)
        if meets and not forward.ours:
            line = f": {forward.evidence[0]}" if forward.evidence else ""
            return (
                f"'{forward.scope}' already sends {forward.text}{line}. It is not ours and is not altered: "
                "change or remove it by hand, or ask for other ports"
            )
    return None


def forwards_aspect(forwards: Sequence[Forward], readable: bool, profile: Profile) -> Aspect:
    """Without a PBX forwards are read and shown, since their presence alone is no fault. With one each wanted port must arrive."""
    mechanisms = tuple(f.mechanism() for f in near(forwards, profile))
    wanted = profile.forwards
    if wanted is not None and wanted.present:
        if not open_ranges(forwards, wanted):
            return Aspect(PORT_FORWARDS, "present", "compliant", mechanisms)
        if not readable or not open_ranges(forwards, wanted, unsure=True):
            return Aspect(PORT_FORWARDS, "undetermined", "undetermined", mechanisms)
        return Aspect(PORT_FORWARDS, "missing", "noncompliant", mechanisms)
    if any(m.state == "on" for m in mechanisms):
        return Aspect(PORT_FORWARDS, "present", "compliant", mechanisms)
    verdict = "none" if readable else "undetermined"
    return Aspect(PORT_FORWARDS, verdict, "compliant" if readable else "undetermined", mechanisms)


def near(forwards: Iterable[Forward], profile: Profile) -> list[Forward]:
    """Those that touch the SIP or RTP ports of the profile."""
    return [f for f in forwards if profile.covers(f.first, f.last)]


def forwards_findings(forwards: Sequence[Forward], aspect: Aspect, profile: Profile) -> list[Finding]:
    wanted, found = profile.forwards, []
    pbx = wanted.pbx if wanted is not None and wanted.present else None
    live = [f for f in near(forwards, profile) if f.sources != ()]
    others = [f for f in live if pbx is None or not f.leads_to(pbx)]
    if others:
        lines = "; ".join((*f.evidence, f.text)[0] for f in others)
        text = f"SIP or RTP ports are forwarded to the inside: {lines}. Hosted telephony needs none; for a PBX check the sources."
        found.append(Finding("FORWARD-PRESENT", PORT_FORWARDS, "info", text))
    wide = [f.scope for f in live if f.sources is not None and ANY in f.sources]
    if wide:
        text = f"everybody reaches SIP or RTP ports inside through: {', '.join(wide)}. Restrict them to the provider's networks"
        found.append(Finding("FORWARD-TOO-OPEN", PORT_FORWARDS, "high", text))
    if wanted is not None and aspect.verdict == "missing":
        gaps = ", ".join(ports(span) for span in open_ranges(forwards, wanted))
        text = f"{gaps} from {', '.join(wanted.sources)} does not reach the PBX {wanted.pbx}"
        found.append(Finding("FORWARD-MISSING", PORT_FORWARDS, "medium", text))
    return found
