# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many tries tell loss from blocking, and what a sample can overlook."""

from __future__ import annotations

DOUBT = 0.01
LEAST_TRIES = 3
MOST_TRIES = 12


def tries(loss: float, items: int = 1, doubt: float = DOUBT) -> int:
    """The smallest k with items x loss^k < doubt: so many unanswered tries in a row are no accident.

    `loss` is the share of exchanges that are lost, `items` how many things are tried. At most MOST_TRIES, which is
    enough for 500 items at a loss of 40 %.
    """
    needed, chance = 1, items * loss
    while chance >= doubt and needed < MOST_TRIES:
        needed, chance = needed + 1, chance * loss
    return needed


def overlooked(fraction: float, samples: int) -> float:
    """The chance that a sample hits none of a blocked fraction of the ports: (1-f)^n."""
    return (1.0 - fraction) ** samples


def visible_fraction(samples: int, doubt: float = DOUBT) -> float:
    """The smallest blocked fraction that a sample of that size finds but for one time in a hundred."""
    return 1.0 - doubt ** (1.0 / samples) if samples > 0 else 1.0
