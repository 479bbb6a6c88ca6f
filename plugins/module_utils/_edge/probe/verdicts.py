# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From evidence to the verdict about a path. The worst one that is proven wins, and silence is never `clean`.

One lost message is loss and one changed message is an accident: a statement needs repetition, and a neutral payload on
the same path that fared better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import chances
from .compare import Addresses, Change, whose
from .evidence import (
    CHANGED,
    FRESH,
    IN,
    LOST,
    OUT,
    REPLY,
    SAME,
    SIP_PORT,
    UNKNOWN,
    UNPROVEN,
    Case,
    Evidence,
    Path,
    Sighting,
    grouped,
)

INCONCLUSIVE, REWRITTEN, STALE, INTERCEPTED = "inconclusive", "rewritten", "rewritten_stale", "intercepted"
SIP_BLOCKED, PORT_BLOCKED, PRESENT, CLEAN = "blocked_sip_aware", "blocked_port", "present_not_rewriting", "clean"
WORST_FIRST = (INCONCLUSIVE, REWRITTEN, STALE, INTERCEPTED, SIP_BLOCKED, PORT_BLOCKED, PRESENT, CLEAN)

MOST_LOSS = 0.30
REPEATED = 2
SELDOM = 5
"""Unchanged flows from fresh ports for one that is changed: so many say that the one is an old flow, by chance."""
STANDARD_PORT = 5060
MEDIA, SIGNALLING = "media", "signalling"
LARGE = "large"
PORT_TAKEN = (
    f"source port {STANDARD_PORT} was not tested, as something on the probe's host holds it, perhaps a phone or a PBX: stop "
    "that or probe from another host. An old session from that port may have kept an ALG that is switched off"
)


@dataclass(frozen=True)
class Rewriting:
    """A difference as people read it: where it happened, what stood there before and after, whose address was put in."""

    case: Case
    direction: str
    change: Change
    inserted: tuple[tuple[str, str], ...]
    times: int

    def as_dict(self) -> dict[str, Any]:
        return {
            "direction": self.direction,
            "method": self.case.method,
            "variant": self.case.variant,
            "transport": self.case.path.transport,
            "source": self.case.path.source,
            "port": self.case.path.port,
            **self.change.as_dict(),
            "inserted": [{"address": address, "whose": who} for address, who in self.inserted],
            "times": self.times,
        }


@dataclass(frozen=True)
class Verdict:
    """The verdict, all that was found (worst first), what was rewritten, and what was not tested.

    `leaning` is what the messages alone would say where the run as a whole cannot be trusted, or where nothing but the
    source port 5060 is missing; else the verdict itself.
    """

    verdict: str
    leaning: str
    reasons: tuple[str, ...]
    found: tuple[tuple[str, tuple[str, ...]], ...]
    rewritings: tuple[Rewriting, ...]
    not_tested: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict,
            "leaning": self.leaning,
            "reasons": list(self.reasons),
            "found": [{"verdict": verdict, "reasons": list(reasons)} for verdict, reasons in self.found],
            "rewritings": [rewriting.as_dict() for rewriting in self.rewritings],
            "not_tested": list(self.not_tested),
        }


def judge(evidence: Evidence) -> Verdict:
    """The worst verdict that the evidence proves; `clean` only when everything it stands for was seen."""
    found: list[tuple[str, tuple[str, ...]]]
    found = [(verdict, tuple(reasons)) for verdict, rule in _RULES if (reasons := rule(evidence))]
    distrust = tuple(_distrust(evidence))
    if not found:
        doubts = (*_undecided(evidence), *_missing(evidence))
        found = [(INCONCLUSIVE, doubts)] if doubts else [(CLEAN, ("every required case arrived unchanged",))]
    leaning = CLEAN if found[0][1] == (PORT_TAKEN,) else found[0][0]
    if distrust:
        found.insert(0, (INCONCLUSIVE, distrust))
    worst, why = found[0]
    return Verdict(worst, leaning, why, tuple(found), _rewritings(evidence), tuple(_not_tested(evidence)))


def judge_hops(evidence: Evidence) -> Verdict:
    """The verdict where there was no reflector: a change that a hop was seen to make is proof, all else says nothing."""
    reasons = tuple(_rewritten(evidence))
    found = (
        (REWRITTEN, reasons) if reasons else (INCONCLUSIVE, ("no hop was seen to change a request, which is no proof",))
    )
    not_tested = ("everything that needs a reflector: answers, requests that come in, TCP, what later hops do",)
    return Verdict(found[0], found[0], found[1], (found,), (), not_tested)


def _distrust(evidence: Evidence) -> Iterable[str]:
    """Why nothing of this run can be trusted."""
    if not evidence.control_before:
        yield "the control channel did not answer before the cases"
    if not evidence.control_after:
        yield "the control channel did not answer after the cases"
    if evidence.loss > MOST_LOSS:
        yield f"{evidence.loss:.0%} of the control exchanges were lost; above {MOST_LOSS:.0%} nothing is judged"
    if evidence.reflector_clean is not True:
        yield "the reflector has not been tested from a host without NAT: its own network may change the messages"
    if evidence.own_nat:
        yield "the probe's host is behind a NAT of its own (a container or a virtual machine)"
    if any(neutral.altered for neutral in evidence.neutral):
        yield "payload that is not SIP was altered, too: whatever does that is no SIP ALG"


def _changed_on(evidence: Evidence) -> dict[tuple[Path, str], int]:
    """How often messages were changed, by path and direction."""
    counts: dict[tuple[Path, str], int] = {}
    for sighting in evidence.sightings:
        if sighting.state == CHANGED:
            key = (sighting.case.path, sighting.direction)
            counts[key] = counts.get(key, 0) + 1
    return counts


def _repeatedly_changed(evidence: Evidence) -> list[tuple[Path, str]]:
    # Without any neutral payload that came back intact, nobody knows whether only SIP is touched.
    if not any(neutral.intact for neutral in evidence.neutral):
        return []
    return [key for key, times in _changed_on(evidence).items() if times >= REPEATED]


def _is_stale(evidence: Evidence) -> bool:
    """Old flows are changed and new ones are not.

    Old are those from source port 5060, which every run has, and now and then one from a fresh port that an earlier run had by chance.
    """
    changed = _changed_on(evidence)
    from_sip = any(path.source == SIP_PORT for path, _direction in changed)
    return from_sip and all(_passes_fresh(evidence, path, direction) for path, direction in changed)


def _passes_fresh(evidence: Evidence, path: Path, direction: str) -> bool:
    """Whether the same goes unchanged from fresh ports: each of the messages, and all but a few of the flows."""
    if path.source not in (SIP_PORT, FRESH):
        return False
    fresh = Path(path.transport, FRESH, path.port)
    seen = [
        [sighting.state for sighting in group]
        for (case, way), group in grouped(evidence.sightings).items()
        if (case.path, way) == (fresh, direction)
    ]
    same, other = sum(states.count(SAME) for states in seen), sum(states.count(CHANGED) for states in seen)
    each = all(SAME in states for states in seen if CHANGED in states)
    return each and same >= max(REPEATED, other * SELDOM)


def _rewritten(evidence: Evidence) -> list[str]:
    reasons = []
    if evidence.hop_changes:
        names = ", ".join(dict.fromkeys(change.name for change in evidence.hop_changes))
        reasons.append(f"{evidence.hop} changes requests on their way to the provider: {names}")
    if not _is_stale(evidence):
        reasons += [f"{_WORDS[direction]} changed, {path}" for path, direction in _repeatedly_changed(evidence)]
    return reasons


def _stale(evidence: Evidence) -> list[str]:
    keys = [(path, way) for path, way in _repeatedly_changed(evidence) if path.source == SIP_PORT]
    if not keys or not _is_stale(evidence):
        return []
    return [
        *(f"{_WORDS[direction]} changed, {path}; unchanged from a fresh port" for path, direction in keys),
        "old sessions keep the ALG: clear them or restart the router, then probe again",
    ]


def _intercepted(evidence: Evidence) -> list[str]:
    counts: dict[Path, int] = {}
    for sighting in evidence.sightings:
        if sighting.state == UNPROVEN:
            counts[sighting.case.path] = counts.get(sighting.case.path, 0) + 1
    return [f"answered by somebody else {n} times, {path}" for path, n in counts.items() if n >= REPEATED]


def _sip_blocked(evidence: Evidence) -> list[str]:
    reasons = [
        f"{case}: {_WORDS[direction]} lost in all {len(group)} tries, payload that is not SIP passed"
        for (case, direction), group in _all_lost(evidence)
        if _passed(evidence, case, direction)
    ]
    enough = _enough(evidence)
    for neutral in evidence.neutral:
        if neutral.large or neutral.inbound or neutral.intact or neutral.sent < enough:
            continue
        arrived = [s for s in evidence.sightings if s.case.path == neutral.path and s.direction == REPLY]
        if sum(s.state in (SAME, CHANGED) for s in arrived) >= REPEATED:
            reasons.append(f"payload that is not SIP was lost in all {neutral.sent} tries, SIP passed, {neutral.path}")
    return reasons


def _port_blocked(evidence: Evidence) -> list[str]:
    """SIP and neutral payload are lost on a path, and others carry both."""
    alive = {s.case.path for s in evidence.sightings if s.direction == REPLY and s.state in (SAME, CHANGED)}
    alive |= {neutral.path for neutral in evidence.neutral if neutral.intact}
    reasons = []
    for neutral in evidence.neutral:
        if neutral.large or neutral.inbound or neutral.intact or neutral.sent < _enough(evidence):
            continue
        dead = any(case.path == neutral.path for (case, _direction), _group in _all_lost(evidence))
        if dead and neutral.path not in alive and alive:
            reasons.append(f"nothing passes, {neutral.path}")
    return reasons


def _present(evidence: Evidence) -> list[str]:
    reasons = [
        f"a {pinhole.kind} port that only SIP announced let packets in"
        for pinhole in evidence.pinholes
        if pinhole.opened and not pinhole.unasked
    ]
    if evidence.redirected:
        reasons.append("an answer came to the port of Via instead of the port that asked")
    if evidence.swallowed:
        reasons.append("an INVITE was swallowed while another call had its media port, and arrived once that had ended")
    sip, other = evidence.lifetime_sip, evidence.lifetime_other
    if sip and other and sip.monotonic and other.monotonic and other.high is not None and sip.low >= 2 * other.high:
        reasons.append(f"a binding to port {STANDARD_PORT} lives {sip}, to another port {other}")
    return reasons


_RULES: tuple[tuple[str, Callable[[Evidence], list[str]]], ...] = (
    (REWRITTEN, _rewritten),
    (STALE, _stale),
    (INTERCEPTED, _intercepted),
    (SIP_BLOCKED, _sip_blocked),
    (PORT_BLOCKED, _port_blocked),
    (PRESENT, _present),
)
_WORDS = {OUT: "requests", REPLY: "answers", IN: "requests that come in"}


def _enough(evidence: Evidence) -> int:
    """Tries after which silence is more than loss, over all that was tried."""
    groups = len(grouped(evidence.sightings)) + len(evidence.neutral)
    return max(chances.LEAST_TRIES, chances.tries(evidence.loss, groups))


def _lost(evidence: Evidence) -> list[tuple[tuple[Case, str], list[Sighting]]]:
    """The cases and directions of which nothing arrived, however often they were tried."""
    groups = grouped(evidence.sightings).items()
    return [(key, group) for key, group in groups if all(s.state == LOST for s in group)]


def _all_lost(evidence: Evidence) -> list[tuple[tuple[Case, str], list[Sighting]]]:
    enough = _enough(evidence)
    return [(key, group) for key, group in _lost(evidence) if len(group) >= enough]


def _passed(evidence: Evidence, case: Case, direction: str) -> bool:
    """Whether neutral payload of that size passed on the same path in the same direction."""
    large, inbound = case.variant == LARGE, direction == IN
    return any(n.intact and n.path == case.path and n.large == large and n.inbound == inbound for n in evidence.neutral)


def _undecided(evidence: Evidence) -> Iterable[str]:
    """What was seen and is neither proof nor fine."""
    for (path, direction), times in _changed_on(evidence).items():
        yield f"{_WORDS[direction]} changed {times} times, {path}, which is not enough to be proven"
    if any(s.state == UNPROVEN for s in evidence.sightings):
        yield "an answer came from somebody else once"
    for (case, direction), group in _lost(evidence):
        # A large message in fragments that are lost whatever they carry says nothing about SIP.
        if case.variant != LARGE:
            yield f"{case}: {_WORDS[direction]} lost in {len(group)} tries, and whether that is SIP is not known"


def _required() -> Iterable[tuple[Case, str]]:
    for source in (FRESH, SIP_PORT):
        for method in ("REGISTER", "OPTIONS", "INVITE"):
            for direction in (OUT, REPLY):
                yield Case(method, Path("udp", source, STANDARD_PORT)), direction


def _missing(evidence: Evidence) -> Iterable[str]:
    """What `clean` stands for and was not seen."""
    same = {key for key, group in grouped(evidence.sightings).items() if any(s.state == SAME for s in group)}
    unseen = [key for key in _required() if key not in same]
    if evidence.sip_port_free is False and any(case.path.source == SIP_PORT for case, _direction in unseen):
        yield PORT_TAKEN
        unseen = [(case, direction) for case, direction in unseen if case.path.source != SIP_PORT]
    for case, direction in unseen:
        yield f"not seen: {_WORDS[direction]} of {case}"
    paths = {(case.path.transport, case.path.port, direction) for case, direction in same}
    for transport, direction in (("tcp", OUT), ("tcp", REPLY), ("udp", IN)):
        if (transport, STANDARD_PORT, direction) not in paths:
            yield f"not seen: {_WORDS[direction]} over {transport.upper()} {STANDARD_PORT}"
    for kind in (MEDIA, SIGNALLING):
        if kind not in {pinhole.kind for pinhole in evidence.pinholes}:
            yield f"not seen: whether a {kind} port that SIP announces stays closed"


def _not_tested(evidence: Evidence) -> Iterable[str]:
    yield from evidence.not_tested
    if evidence.lifetime_sip is None or evidence.lifetime_other is None:
        yield f"how long a binding to port {STANDARD_PORT} lives, compared with another port"
    if evidence.own_nat is None:
        yield "whether the probe's host has a NAT of its own"
    if evidence.sip_port_free is False:
        yield f"source port {STANDARD_PORT}, which is taken on the probe's host"
    if evidence.control_over_tcp:
        yield "the reflector's control port over UDP, which had no answer: the control channel went over TCP"
    if evidence.redirected is None:
        yield "whether answers follow the port of Via"
    for pinhole in evidence.pinholes:
        if pinhole.unasked:
            yield f"whether SIP opens a {pinhole.kind} port: here it is open without being asked"
    fragments = {key for key, _group in _lost(evidence) if not _passed(evidence, *key)}
    for (case, direction), group in grouped(evidence.sightings).items():
        if all(sighting.state == UNKNOWN for sighting in group):
            yield f"{case}: {_WORDS[direction]}, as the other end's bytes could not be had"
        elif case.variant == LARGE and (case, direction) in fragments:
            yield f"{case}: {_WORDS[direction]}, as messages of that size did not arrive"


def _rewritings(evidence: Evidence) -> tuple[Rewriting, ...]:
    """Each difference once, with how often it was seen. Values differ from message to message, names do not."""
    first: dict[tuple[Case, str, str, str, str], tuple[Change, int]] = {}
    for sighting in evidence.sightings:
        for change in sighting.changes:
            key = (sighting.case, sighting.direction, change.part, change.name, change.kind)
            seen, times = first.get(key, (change, 0))
            first[key] = (seen, times + 1)
    return tuple(
        Rewriting(case, direction, change, _owners(change.inserted, evidence.addresses), times)
        for (case, direction, *_name), (change, times) in first.items()
    )


def _owners(addresses: Sequence[str], known: Addresses) -> tuple[tuple[str, str], ...]:
    return tuple((address, whose(address, known)) for address in addresses)
