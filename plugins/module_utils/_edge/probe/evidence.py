# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the probe saw, as plain values: the verdict is judged from these and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .compare import Addresses, Change

# Source ports of a case.
FRESH, SIP_PORT, CONTROL = "fresh", "5060", "control"
# Directions of a message, seen from the LAN: our request, the answer to it, the reflector's own request.
OUT, REPLY, IN = "out", "reply", "in"
DIRECTIONS = (OUT, REPLY, IN)
# What became of one message in one direction.
SAME, CHANGED, LOST, UNPROVEN, UNKNOWN = "same", "changed", "lost", "unproven", "unknown"
STATES = (SAME, CHANGED, LOST, UNPROVEN, UNKNOWN)


@dataclass(frozen=True)
class Path:
    """Where a message goes: transport, kind of source port, and the reflector's port."""

    transport: str
    source: str
    port: int

    def __str__(self) -> str:
        return f"{self.transport.upper()} from port {self.source} to {self.port}"


@dataclass(frozen=True)
class Case:
    """One kind of message on one path; `variant` names what is special about it (`compact`, `large`, `redirect`)."""

    method: str
    path: Path
    variant: str = ""

    def __str__(self) -> str:
        return " ".join(word for word in (self.method, self.variant, str(self.path)) if word)


@dataclass(frozen=True)
class Sighting:
    """One message in one direction, once.

    `same` and `changed` stand on the authenticated bytes of both ends. `lost` means that it was sent and did not
    arrive; `unproven` that an answer came without the reflector's proof, or although the reflector had seen nothing;
    `unknown` that the other end's bytes could not be had.
    """

    case: Case
    direction: str
    state: str
    changes: tuple[Change, ...] = ()

    def __post_init__(self) -> None:
        if self.direction not in DIRECTIONS or self.state not in STATES:
            raise ValueError(f"no such sighting: {self.direction} {self.state}")
        if bool(self.changes) != (self.state == CHANGED):
            raise ValueError("changes belong to a changed message, and to no other")


@dataclass(frozen=True)
class Neutral:
    """Payload that is not SIP on a path: how often it was sent, came back as sent, and came back altered.

    `large` tells the payload of the size of a large message, `inbound` the reflector's ping into a binding.
    """

    path: Path
    sent: int
    intact: int
    altered: int = 0
    large: bool = False
    inbound: bool = False


@dataclass(frozen=True)
class Interval:
    """A binding lifetime in seconds: seen alive at `low`, seen dead at `high`; None: never seen dead.

    `monotonic` is False when an older binding was alive where a younger one was dead: then it is no measure.
    """

    low: float
    high: float | None = None
    monotonic: bool = True

    def __str__(self) -> str:
        if not self.monotonic:
            return "not monotonic"
        return f"at least {self.low:g} s" if self.high is None else f"{self.low:g}-{self.high:g} s"


@dataclass(frozen=True)
class Pinhole:
    """Whether a port that SIP announced lets packets in; `unasked` says the same of a port that nothing announced."""

    kind: str
    opened: bool
    unasked: bool


@dataclass(frozen=True)
class Evidence:
    """A whole run. None stands for what was not looked at; it never counts as seen.

    `loss` is the measured share of control exchanges that went unanswered. `reflector_clean`: a self-test from a host
    without NAT found the reflector's own network to change nothing. `own_nat`: the probe's host puts its own NAT in
    front (a container, a virtual machine). `hop_changes` is what a hop on the way to the provider was seen to change,
    twice, and `hop` says which one. `redirected`: an answer came to the port of Via instead of the source port.
    `swallowed`: an INVITE did not arrive while another call had its media port, and did once that call had ended.
    `control_over_tcp`: the reflector's control port had no answer over UDP.
    """

    addresses: Addresses
    sightings: tuple[Sighting, ...] = ()
    neutral: tuple[Neutral, ...] = ()
    control_before: bool = False
    control_after: bool = False
    loss: float = 0.0
    reflector_clean: bool | None = None
    own_nat: bool | None = None
    sip_port_free: bool | None = None
    pinholes: tuple[Pinhole, ...] = ()
    redirected: bool | None = None
    swallowed: bool | None = None
    lifetime_sip: Interval | None = None
    lifetime_other: Interval | None = None
    hop: str = ""
    hop_changes: tuple[Change, ...] = ()
    not_tested: tuple[str, ...] = field(default=())
    control_over_tcp: bool = False


def grouped(sightings: Iterable[Sighting]) -> dict[tuple[Case, str], list[Sighting]]:
    """The sightings of each case and direction, in the order in which they were made."""
    groups: dict[tuple[Case, str], list[Sighting]] = {}
    for sighting in sightings:
        groups.setdefault((sighting.case, sighting.direction), []).append(sighting)
    return groups
