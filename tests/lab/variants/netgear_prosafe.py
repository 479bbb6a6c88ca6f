# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR ProSafe firewalls as data: what their login page shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ProSafeVariant:
    """A firewall. ``title`` and ``prefix`` of the login page: of NETGEAR, or of the vendor that shares its engine."""

    name: str
    doc: str
    model: str
    title: str = "NETGEAR ProSafe&#8482; - NETGEAR Configuration Manager Login"
    prefix: str = "USERDBUsers."
    login: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    variant.name: variant
    for variant in (
        ProSafeVariant(
            "fvs318n", "recognised by its login page", "NETGEAR ProSafe&#8482; Gigabit 8 Port VPN Firewall FVS318N"
        ),
        ProSafeVariant("utm10", "a UTM, whose menus begin with another word", "NETGEAR ProSecure&#8482; UTM10"),
        ProSafeVariant(
            "dsr",
            "a look-alike of D-Link with the same engine",
            "DSR-250N",
            "D-Link : Unified Services Router",
            "Users.",
        ),
    )
}
