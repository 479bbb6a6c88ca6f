# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of platforms, and the ways to find one. A platform is added here and nowhere else."""

from __future__ import annotations

from ..core.errors import BadInput
from ..core.text import looks_binary
from . import (
    actiontec_gt784,
    arris_touchstone,
    asus_asuswrt,
    cisco_asa,
    cisco_ios,
    cisco_rv,
    dlink,
    fortinet_fortios,
    linksys,
    linux_netfilter,
    netgear_genie,
    netgear_prosafe,
    peplink,
    sonicwall_sonicos,
    ubiquiti_edgeos,
    vyos,
)
from .base import Platform

PLATFORMS: tuple[Platform, ...] = (
    cisco_ios.PLATFORM,
    cisco_asa.PLATFORM,
    cisco_rv.PLATFORM,
    fortinet_fortios.PLATFORM,
    sonicwall_sonicos.PLATFORM,
    netgear_genie.PLATFORM,
    netgear_prosafe.PLATFORM,
    dlink.PLATFORM,
    asus_asuswrt.PLATFORM,
    linksys.PLATFORM,
    ubiquiti_edgeos.PLATFORM,
    vyos.PLATFORM,
    linux_netfilter.PLATFORM,
    arris_touchstone.PLATFORM,
    actiontec_gt784.PLATFORM,
    peplink.PLATFORM,
)

_BY_NAME: dict[str, Platform] = {}
for _platform in PLATFORMS:
    for _name in _platform.network_os:
        if _name in _BY_NAME:
            raise ValueError(f"two platforms answer to {_name}")
        _BY_NAME[_name] = _platform

AUTO = "auto"


def by_name(name: str) -> Platform | None:
    """The platform of a name or of another collection's ansible_network_os value; None for `auto`.

    Raises BadInput with the names there are.
    """
    if name == AUTO:
        return None
    try:
        return _BY_NAME[name.strip().lower()]
    except KeyError:
        known = ", ".join(p.name for p in PLATFORMS)
        raise BadInput(f"platform: there is no platform '{name}'; known: auto, {known}") from None


def is_known(name: str) -> bool:
    """Whether by_name would find it."""
    return name == AUTO or name.strip().lower() in _BY_NAME


def has_two_doors(name: str) -> bool:
    """Whether a platform is reached by a command line and by HTTPS; False for a name that is not known."""
    platform = _BY_NAME.get(name.strip().lower())
    return platform is not None and platform.over_https is not None


def vendor_of(name: str) -> str:
    """The vendor of a platform as people write it, "" for a name that is not known."""
    platform = _BY_NAME.get(name.strip().lower())
    return platform.vendor if platform is not None else ""


def of_backup(text: str) -> Platform | None:
    """The one platform that recognises a saved configuration; None when none or several do."""
    if looks_binary(text[:4096]):
        return None
    found = [p for p in PLATFORMS if p.recognise_backup(text)]
    return found[0] if len(found) == 1 else None
