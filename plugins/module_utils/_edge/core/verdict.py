# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From mechanisms to verdicts, from verdicts to compliance. Doubt is `undetermined`, never `disabled`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .model import Aspect, Finding, Mechanism, Wanted

SIP_ALG, UDP_TIMEOUT, PORT_FORWARDS = "sip_alg", "udp_timeout", "port_forwards"
ASPECTS = (SIP_ALG, UDP_TIMEOUT, PORT_FORWARDS)

SIP_COMPLIANCE = {
    "disabled": "compliant",
    "not_applicable": "compliant",
    "active": "noncompliant",
    "blocking": "noncompliant",
    "cannot_disable": "noncompliant",
    "undetermined": "undetermined",
}
_WORST_FIRST = ("noncompliant", "undetermined", "unsupported", "compliant")


def sip_verdict(mechanisms: Iterable[Mechanism]) -> str:
    """One mechanism that is on makes the device active; one that could not be read makes it undetermined.

    `disabled` needs every mechanism to be seen off (or not to apply), and at least one of them off.
    """
    states = {m.state for m in mechanisms}
    for state, verdict in (
        ("on", "active"),
        ("unknown", "undetermined"),
        ("blocking", "blocking"),
        ("off", "disabled"),
    ):
        if state in states:
            return verdict
    return "not_applicable" if states else "undetermined"


def sip_aspect(mechanisms: Sequence[Mechanism], cannot_disable: bool = False) -> Aspect:
    verdict = sip_verdict(mechanisms)
    if verdict == "active" and cannot_disable:
        verdict = "cannot_disable"
    return Aspect(SIP_ALG, verdict, SIP_COMPLIANCE[verdict], tuple(mechanisms))


def doubted(aspect: Aspect, why: str) -> Aspect:
    """The same aspect where nothing is known about the firmware: only what is switched on in plain words stays."""
    mechanisms = tuple(
        m if m.state == "on" and m.basis != "default" else replace(m, state="unknown", evidence=(*m.evidence, why))
        for m in aspect.mechanisms
    )
    if aspect.name == SIP_ALG:
        return sip_aspect(mechanisms)
    return replace(aspect, verdict="undetermined", compliance="undetermined", mechanisms=mechanisms)


def sip_findings(aspect: Aspect) -> list[Finding]:
    on = [m for m in aspect.mechanisms if m.state in ("on", "blocking")]
    where = ", ".join(f"{m.id} ({m.scope})" for m in on)
    if aspect.verdict == "active":
        return [Finding("SIPALG-ACTIVE", SIP_ALG, "high", f"the SIP ALG is active: {where}")]
    if aspect.verdict == "cannot_disable":
        return [Finding("SIPALG-CANNOT-DISABLE", SIP_ALG, "high", f"the SIP ALG cannot be switched off: {where}")]
    if aspect.verdict == "blocking":
        return [Finding("SIPALG-BLOCKING", SIP_ALG, "high", f"SIP is blocked: {where}")]
    if aspect.verdict == "undetermined":
        unknown = [m for m in aspect.mechanisms if m.state == "unknown"]
        which = ", ".join(f"{m.id} ({m.scope})" for m in unknown) or "nothing could be read"
        return [Finding("SIPALG-UNDETERMINED", SIP_ALG, "medium", f"whether the SIP ALG acts is not known: {which}")]
    return []


@dataclass(frozen=True)
class Timer:
    """A UDP idle timer that SIP may meet. `seconds` None with `known` means it never expires."""

    id: str
    scope: str
    seconds: int | None
    evidence: tuple[str, ...]
    basis: str = "configured"
    label: str = "doc"
    known: bool = True
    applies: bool = True

    def mechanism(self) -> Mechanism:
        state = "not_applicable" if not self.applies else "on" if self.known else "unknown"
        value = "" if state != "on" else "never" if self.seconds is None else f"{self.seconds} s"
        return Mechanism(self.id, self.scope, state, self.basis, self.evidence, self.label, value)


def is_low(timer: Timer, wanted: Wanted) -> bool:
    """Whether a timer is known to be shorter than what is asked for. Never is never too short."""
    return timer.known and timer.seconds is not None and timer.seconds < wanted.minimum


def timeout_aspect(timers: Sequence[Timer], wanted: Wanted) -> Aspect:
    """Judges by the shortest timer that SIP meets; an unread one leaves room only for `low`."""
    applying = [t for t in timers if t.applies]
    finite = [t.seconds for t in applying if t.known and t.seconds is not None]
    seconds = min(finite) if finite else None
    if not applying:
        verdict = "not_applicable" if timers else "undetermined"
    elif seconds is not None and seconds < wanted.minimum:
        verdict = "low"
    elif any(not t.known for t in applying):
        verdict = "undetermined"
    elif wanted.maximum is not None and (seconds is None or seconds > wanted.maximum):
        verdict = "high"
    else:
        verdict = "ok"
    compliance = {"ok": "compliant", "not_applicable": "compliant", "undetermined": "undetermined"}.get(
        verdict, "noncompliant"
    )
    return Aspect(UDP_TIMEOUT, verdict, compliance, tuple(t.mechanism() for t in timers), seconds, wanted)


def timeout_findings(aspect: Aspect, profile: str) -> list[Finding]:
    wanted, seconds = aspect.wanted, aspect.seconds
    if wanted is None:
        return []
    if aspect.verdict == "low":
        text = "UDP flows are forgotten after {0} s; profile '{1}' asks for at least {2} s, better {3} s"
        text = text.format(seconds, profile, wanted.minimum, wanted.recommended)
        return [Finding("UDP-TIMEOUT-LOW", UDP_TIMEOUT, "medium", text)]
    if aspect.verdict == "high":
        text = "UDP flows are kept {0}; profile '{1}' allows at most {2} s"
        text = text.format("for ever" if seconds is None else f"{seconds} s", profile, wanted.maximum)
        return [Finding("UDP-TIMEOUT-HIGH", UDP_TIMEOUT, "low", text)]
    if aspect.verdict == "ok" and seconds is not None and seconds < wanted.recommended:
        text = f"the UDP timer of {seconds} s is allowed; profile '{profile}' recommends {wanted.recommended} s"
        return [Finding("UDP-TIMEOUT-BELOW-RECOMMENDED", UDP_TIMEOUT, "info", text)]
    return []


def overall(aspects: Iterable[Aspect]) -> str:
    """A host is as compliant as its worst aspect; a host of which nothing was judged is undetermined."""
    return worst(a.compliance for a in aspects)


def worst(compliances: Iterable[str]) -> str:
    """The worst of several words of compliance; `undetermined` of none."""
    seen = set(compliances)
    for word in _WORST_FIRST:
        if word in seen:
            return word
    return "undetermined"
