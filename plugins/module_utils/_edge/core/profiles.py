# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What telephony providers ask of the edge. Figures only with their source."""

from __future__ import annotations

from dataclasses import dataclass

from .errors import BadInput
from .model import Wanted


@dataclass(frozen=True)
class Profile:
    """Ports are UDP; `rtp` is an inclusive range."""

    name: str
    source: str
    udp_timeout: Wanted
    sip_ports: tuple[int, ...] = (5060,)
    rtp: tuple[int, int] = (10000, 20000)

    def covers(self, first: int, last: int) -> bool:
        """Whether the port range first..last touches a SIP or RTP port of this profile."""
        return any(first <= p <= last for p in self.sip_ports) or (first <= self.rtp[1] and last >= self.rtp[0])


PROFILES = {
    p.name: p
    for p in (
        Profile(
            name="default",
            source="the common request of hosted telephony: UDP 5060, RTP 10000-20000, at least 60 s, better 120 or 180 s",
            udp_timeout=Wanted(minimum=60, recommended=120),
        ),
    )
}


def get_profile(name: str) -> Profile:
    """The profile of that name. Raises BadInput with the names there are."""
    try:
        return PROFILES[name]
    except KeyError:
        raise BadInput(
            "profile: there is no profile '{}'; known: {}".format(name, ", ".join(sorted(PROFILES)))
        ) from None
