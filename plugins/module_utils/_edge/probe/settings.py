# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the probe is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import chances
from .bodies import Address


@dataclass(frozen=True)
class Options:
    """What a run is asked for.

    `reflector_proven`: the reflector's self-test from a host without NAT went well. `own_nat`: whether this host puts a
    NAT of its own in front; None looks for the marks of a container. `local` is the address to send from; empty takes
    that of the interface that leads to the reflector. `lifetime_cap` is the highest idle age in seconds that is looked
    at (0: none), `media_samples` how many media ports are sampled (0: none), `provider` the address for the TTL test,
    `forwarded` the range of ports that should lead to this very host. `second_phone` asks whether a second call with the
    media port of the first one is swallowed.
    """

    server: Address
    secret: str = field(repr=False)
    reflector_proven: bool = False
    own_nat: bool | None = None
    local: str = ""
    tries: int = chances.LEAST_TRIES
    lifetime_cap: float = 0.0
    media_samples: int = 0
    provider: Address | None = None
    forwarded: tuple[int, int] | None = None
    second_phone: bool = False


@dataclass(frozen=True)
class Profile:
    """How much of a run is done: the highest idle age in seconds, how many media ports are sampled, the second phone."""

    lifetime_cap: float
    media_samples: int
    second_phone: bool = False


PROFILES = {"quick": Profile(0.0, 48), "standard": Profile(180.0, 128), "full": Profile(330.0, 1024, True)}
EVERY_PORT = 65536
"""As many samples as there are ports: all of the range."""
