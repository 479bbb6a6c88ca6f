# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nouns: mechanism, aspect, finding, step, plan, assessment. Plain frozen values, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .errors import EdgeError

STATES = ("on", "off", "blocking", "not_applicable", "unknown")
BASES = ("configured", "default", "pending", "runtime")
LABELS = ("doc", "src", "user", "inferred", "recall", "unknown")
WRITABLE_LABELS = ("doc", "src")
SEVERITIES = ("high", "medium", "low", "info")
COMPLIANCE = ("compliant", "noncompliant", "unsupported", "undetermined", "not_reached")
DISABLED, ENABLED = "disabled", "enabled"


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError("{} {!r} is not one of {}".format(what, value, ", ".join(allowed)))


@dataclass(frozen=True)
class Mechanism:
    """One independent place on a device where an aspect is decided.

    `state` says what it does to traffic now (a definition that nothing uses is not `on`); `evidence` holds the very
    lines or fields that were seen; `label` says how sure the rule is by which they were read.
    """

    id: str
    scope: str
    state: str
    basis: str
    evidence: tuple[str, ...] = ()
    label: str = "doc"
    value: str = ""
    """What the state stands for where there is more than on and off, such as `120 s`; read-backs are held against it."""

    def __post_init__(self) -> None:
        _one_of("state", self.state, STATES)
        _one_of("basis", self.basis, BASES)
        _one_of("label", self.label, LABELS)

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "scope": self.scope,
            "state": self.state,
            "basis": self.basis,
            "evidence": list(self.evidence),
            "label": self.label,
        }


@dataclass(frozen=True)
class Wanted:
    """Bounds of the UDP idle timer in seconds; `maximum` None means no upper bound."""

    minimum: int
    recommended: int
    maximum: int | None = None


@dataclass(frozen=True)
class Aspect:
    """A judged aspect: its verdict, whether that complies, and the mechanisms it follows from."""

    name: str
    verdict: str
    compliance: str
    mechanisms: tuple[Mechanism, ...] = ()
    seconds: int | None = None
    wanted: Wanted | None = None

    def __post_init__(self) -> None:
        _one_of("compliance", self.compliance, COMPLIANCE)

    def as_dict(self) -> dict[str, Any]:
        out: dict[str, Any] = {"verdict": self.verdict}
        if self.wanted is not None:
            out["seconds"] = self.seconds
            out["wanted"] = {
                "min": self.wanted.minimum,
                "recommended": self.wanted.recommended,
                "max": self.wanted.maximum,
            }
        out["compliance"] = self.compliance
        out["mechanisms"] = [m.as_dict() for m in self.mechanisms]
        return out


@dataclass(frozen=True)
class Finding:
    """A stable word, how bad it is, and a sentence for people."""

    id: str
    aspect: str | None
    severity: str
    text: str

    def __post_init__(self) -> None:
        _one_of("severity", self.severity, SEVERITIES)

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "aspect": self.aspect, "severity": self.severity, "text": self.text}


@dataclass(frozen=True)
class Step:
    """One change with its inverse, as lines inside a scope (`""` is the device itself)."""

    do: tuple[str, ...]
    undo: tuple[str, ...]
    scope: str = ""
    label: str = "doc"
    optional: bool = False
    """A device that rejects an optional step does not know what the step switches off: noted, not a failure."""
    by_hand: str = ""
    """What a person does instead where the label does not let the step be sent."""

    def __post_init__(self) -> None:
        _one_of("label", self.label, LABELS)
        if not self.do or not self.undo:
            raise ValueError("a step needs lines and their inverse")

    @property
    def doubt(self) -> str:
        """Why it is not sent without leave, with what a person does instead; "" where its label lets it be sent."""
        if self.label in WRITABLE_LABELS:
            return ""
        hand = f". By hand: {self.by_hand}" if self.by_hand else ""
        text = "this step rests on a fact labelled '{}': {}. Set allow_unproven: true to send it all the same{}"
        return text.format(self.label, " / ".join(self.do), hand)

    def as_dict(self) -> dict[str, str]:
        prefix = f"[{self.scope}]\n" if self.scope else ""
        return {"do": prefix + "\n".join(self.do), "undo": prefix + "\n".join(self.undo)}


@dataclass(frozen=True)
class Plan:
    """What leads from what is to what is wanted. `expected` is the parsed device as it must read afterwards."""

    steps: tuple[Step, ...]
    expected: Any
    refusal: str | None = None
    still_needed: tuple[str, ...] = ()
    unsupported: Mapping[str, str] = field(default_factory=dict)
    """Aspects that cannot be brought about here, with the reason and what a person does; the others go on."""
    advice: tuple[str, ...] = ()
    """What a person does besides the steps; `still_needed` is about sessions that keep the ALG."""


@dataclass(frozen=True)
class Forwards:
    """Inbound UDP forwards to a PBX. `sources` are networks, or ("any",) where that was asked for in words.

    `outside` and `inside` are interfaces or zones in the device's own words, `address` the public address; None leaves them
    to what the device says. `present` False takes ours away. `timer` is the UDP idle timer, in seconds, of a rule that is made for
    them, where a device has one in each rule.
    """

    pbx: str
    sources: tuple[str, ...]
    sip_ports: tuple[int, ...] = (5060,)
    rtp: tuple[int, int] = (10000, 20000)
    outside: str | None = None
    inside: str | None = None
    address: str | None = None
    present: bool = True
    timer: int = 120

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """All ports as inclusive ranges, SIP first; a SIP port inside the RTP range is there already."""
        return (*((p, p) for p in self.sip_ports if not self.rtp[0] <= p <= self.rtp[1]), self.rtp)


@dataclass(frozen=True)
class Options:
    """What is wanted of each aspect (None leaves it alone), and what the user allows a change to do beyond the plain setting."""

    state: str | None = DISABLED
    timeout: Wanted | None = None
    forwards: Forwards | None = None
    allow_unproven: bool = False
    edit_policies: bool = False
    clear_sessions: bool = False
    strict: bool = False
    save: bool = True
    revert_timer: int = 5


@dataclass(frozen=True)
class Assessment:
    """Everything that one read of a device says."""

    model: str | None
    firmware: str | None
    aspects: Mapping[str, Aspect]
    findings: tuple[Finding, ...] = ()
    advice: tuple[str, ...] = ()
    not_checked: tuple[str, ...] = ()
    traces: tuple[str, ...] = ()
    """Objects of ours that a forward is made of, such as addresses: what decides nothing alone, and must not be left behind."""

    def states(self, *aspects: str) -> dict[tuple[str, str], str]:
        """Mechanism states by (id, scope): what check mode predicts and the read-back is held against."""
        found = [self.aspects[name] for name in aspects if name in self.aspects]
        states = {(m.id, m.scope): f"{m.state} {m.value}".strip() for aspect in found for m in aspect.mechanisms}
        traces = self.traces if "port_forwards" in aspects else ()
        return {**states, **{("object", trace): "there" for trace in traces}}


def aspects_of(options: Options) -> tuple[str, ...]:
    """The aspects that a change is about."""
    wanted = (("sip_alg", options.state), ("udp_timeout", options.timeout), ("port_forwards", options.forwards))
    return tuple(name for name, value in wanted if value is not None)


@dataclass
class Change:
    """What a run did: grows while it goes on, so that a failure in the middle can say it."""

    done: list[Step] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    left: list[Step] = field(default_factory=list)
    skipped: list[Step] = field(default_factory=list)
    saved: bool | None = None
    unsaved: str = ""
    """Why it could not be saved, where this way to the device has no means for it."""
    cleared: bool = False
    notes: list[str] = field(default_factory=list)


class ChangeFailed(EdgeError):
    """A change did not come through. `change` says what was undone and what may be left on the device."""

    def __init__(self, cause: EdgeError, change: Change) -> None:
        parts = [str(cause).rstrip(".")]
        if change.undone:
            parts.append(f"undone: {len(change.undone)} step(s)")
        if change.left:
            lines = "; ".join(" / ".join(s.undo) for s in reversed(change.left))
            parts.append(f"MAY STILL BE ON THE DEVICE, take it back by hand with: {lines}")
        elif change.done:
            parts.append("the change is live and proven, but was not saved: it is lost at the next restart")
        else:
            parts.append("nothing of this run is left on the device")
        super().__init__(". ".join(parts + change.notes))
        self.kind = cause.kind
        self.change = change
