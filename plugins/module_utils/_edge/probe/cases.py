# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which messages are sent on which paths: made from the ports that the reflector offers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from . import bodies
from .bodies import TCP, UDP, Opened
from .evidence import CONTROL, FRESH, SIP_PORT, Case, Path
from .messages import METHODS, Shape
from .verdicts import LARGE, STANDARD_PORT

COMPACT, SPLIT, LENGTH_FIRST = "compact", "split", "length_first"


@dataclass(frozen=True)
class Planned:
    """A case and the shape of its message."""

    case: Case
    shape: Shape


@dataclass(frozen=True)
class Places:
    """The ports of the reflector's first address, by use. `control` is a UDP port that answers and is not one of SIP."""

    control: int
    spare: int | None
    sip_udp: tuple[int, ...]
    sip_tcp: tuple[int, ...]
    rtp: tuple[int, int] | None
    second: str | None

    @classmethod
    def of(cls, opened: Opened, control: int) -> Places:
        """From OPENED; `control` is the UDP port that the session uses. The second address is another IPv4 one.

        Where the session had to take the spare port, since UDP to the control port has no answer, a media port is spare.
        """
        ips = opened.addresses
        first = ips.index(opened.arrived.ip) if opened.arrived.ip in ips else 0
        spans = [span for span in opened.spans if first in span.addresses]

        def ports(use: int, transport: int) -> tuple[int, ...]:
            return tuple(span.first for span in spans if (span.use, span.transport) == (use, transport))

        rtp = next(((span.first, span.last) for span in spans if span.use == bodies.RTP), None)
        second = next((ip for index, ip in enumerate(ips) if index != first and ":" not in ip), None)
        spare = next((port for port in (*ports(bodies.SPARE, UDP), *(rtp or ())) if port != control), None)
        return cls(control, spare, ports(bodies.SIP, UDP), ports(bodies.SIP, TCP), rtp, second)

    def media_sample(self) -> int | None:
        """One port of the RTP range: an ALG that looks for SIP on any port shows there."""
        return sum(self.rtp) // 2 if self.rtp else None


def over_udp(places: Places, sources: tuple[str, ...]) -> Iterator[Planned]:
    """Each method from each source to each port, then the variants from a fresh port to 5060."""
    sample = places.media_sample()
    for port in (*places.sip_udp, *(() if sample is None else (sample,))):
        for source in sources:
            for method in METHODS:
                yield Planned(Case(method, Path("udp", source, port)), Shape(method))
    if STANDARD_PORT in places.sip_udp:
        path = Path("udp", FRESH, STANDARD_PORT)
        for method in ("REGISTER", "INVITE"):
            yield Planned(Case(method, path, COMPACT), Shape(method, compact=True))
        yield Planned(Case("INVITE", path, LARGE), Shape("INVITE", large=True))


def over_tcp(places: Places) -> Iterator[Planned]:
    """Each method in one segment to 5060 and an INVITE to the other ports; then the variants that hide from an ALG."""
    for port in places.sip_tcp:
        path = Path("tcp", FRESH, port)
        for method in METHODS if port == STANDARD_PORT else ("INVITE",):
            yield Planned(Case(method, path), Shape(method, "tcp"))
    if STANDARD_PORT in places.sip_tcp:
        path = Path("tcp", FRESH, STANDARD_PORT)
        yield Planned(Case("INVITE", path, SPLIT), Shape("INVITE", "tcp"))
        yield Planned(Case("INVITE", path, LENGTH_FIRST), Shape("INVITE", "tcp", length_first=True))


def inbound(places: Places, sources: tuple[str, ...]) -> Iterator[Case]:
    """The reflector's INVITE into bindings to 5060, and into one to the control port."""
    if STANDARD_PORT in places.sip_udp:
        for source in sources:
            yield Case("INVITE", Path("udp", source, STANDARD_PORT))
    yield Case("INVITE", Path("udp", CONTROL, places.control))


def sources(sip_port_free: bool) -> tuple[str, ...]:
    return (FRESH, SIP_PORT) if sip_port_free else (FRESH,)
