# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which NAT of a path rewrites SIP, told from the address that it put in and from the direction of the message.

An ALG puts the address in that its own NAT translates to. In what goes out that is the outside address of the router
that rewrites; in what comes in it is the address of the next one on the way to the phone. So 100.64.0.2 in a request
that goes out is the work of the router that has 100.64.0.2, and in one that comes in the work of the NAT before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAPPED, INNER, OWN = "outermost NAT", "inner router", "own LAN address"
"""Whose address it is, in the probe's own words. What else it says belongs to no NAT of the path."""

_WAY = {"out": "requests that go out", "reply": "answers", "in": "requests that come in"}
_NEVER = "SIP over TLS passes it untouched until then"


@dataclass(frozen=True)
class Culprit:
    """Who rewrites, as a phrase, and what a technician does about it."""

    who: str
    todo: str


def culprits(rewritings: Iterable[Mapping[str, Any]]) -> list[Culprit]:
    """Each likely culprit once, in order of appearance. `rewritings` are those of a probe's document.

    Empty where no address was put in. Raises KeyError, TypeError or AttributeError for another shape.
    """
    found: dict[str, Culprit] = {}
    for rewriting in rewritings:
        for pair in rewriting["inserted"]:
            made = _culprit(rewriting["direction"] == "out", str(pair["whose"]), str(pair["address"]))
            found.setdefault(made.who, made)
    return list(found.values())


def directions(rewritings: Iterable[Mapping[str, Any]]) -> str:
    """The directions in which something was changed, in words."""
    seen = {str(rewriting["direction"]) for rewriting in rewritings}
    return ", ".join(words for key, words in _WAY.items() if key in seen)


def _culprit(outbound: bool, whose: str, address: str) -> Culprit:
    if whose in (MAPPED, INNER) and outbound:
        place = "the outermost NAT" if whose == MAPPED else "a router inside of the outermost NAT"
        return Culprit(
            f"{place}, the one whose outside address is {address}",
            f"Look up this router's outside (WAN) address. If it is {address}, this router itself still rewrites SIP: restart it, "
            f"probe again, and look for a second SIP setting in it. If it is not, switch the SIP ALG off in the router that has "
            f"{address}, or ask the provider of the line to do so; {_NEVER}.",
        )
    if whose == INNER:
        return Culprit(
            f"the NAT in front of {address}, which translates the public address to it",
            f"Look up this router's outside (WAN) address. If it is {address}, the SIP ALG is in the equipment in front of this router, "
            f"such as the provider's NAT or a modem that routes: switch it off there, or ask the provider of the line for that or for a "
            f"public address; {_NEVER}.",
        )
    if whose == OWN and not outbound:
        return Culprit(
            f"the innermost NAT, the one that translates to {address} in the LAN",
            "The router nearest to the phones rewrites what comes in. If that is this one, restart it and probe again; if there is another "
            "one between it and the phones, switch the SIP ALG off in that.",
        )
    return Culprit(
        f"something that puts in {address} ({whose})",
        f"{address} is the address of no NAT on this path. Ask the provider of the line which proxy or border controller is there.",
    )
