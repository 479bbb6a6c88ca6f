# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms of the lab by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

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
    sonicos,
    vyatta,
)
from .device import Device
from .variants import actiontec_gt784 as actiontec_variants
from .variants import arris_touchstone as arris_variants
from .variants import asus_asuswrt as asus_variants
from .variants import cisco_asa as asa_variants
from .variants import cisco_ios as ios_variants
from .variants import cisco_rv as rv_variants
from .variants import dlink as dlink_variants
from .variants import fortinet_fortios as forti_variants
from .variants import linksys as linksys_variants
from .variants import linux_netfilter as linux_variants
from .variants import netgear_genie as genie_variants
from .variants import netgear_prosafe as prosafe_variants
from .variants import peplink as peplink_variants
from .variants import sonicwall_sonicos as sonic_variants
from .variants import vyatta as vyatta_variants

KINDS: dict[str, tuple[type[Device], Mapping[str, Any]]] = {
    "cisco_ios": (cisco_ios.IosDevice, ios_variants.VARIANTS),
    "cisco_asa": (cisco_asa.AsaDevice, asa_variants.VARIANTS),
    "fortinet_fortios": (fortinet_fortios.FortiDevice, forti_variants.VARIANTS),
    "sonicwall_sonicos": (sonicos.SonicDevice, sonic_variants.VARIANTS),
    "linksys": (linksys.LinksysDevice, linksys_variants.VARIANTS),
    "ubiquiti_edgeos": (vyatta.VyattaDevice, vyatta_variants.EDGE),
    "vyos": (vyatta.VyattaDevice, vyatta_variants.VYATTA),
    "linux_netfilter": (linux_netfilter.LinuxDevice, linux_variants.VARIANTS),
    "dlink": (dlink.DlinkDevice, dlink_variants.VARIANTS),
    "netgear_genie": (netgear_genie.GenieDevice, genie_variants.VARIANTS),
    "netgear_prosafe": (netgear_prosafe.ProSafeDevice, prosafe_variants.VARIANTS),
    "asus_asuswrt": (asus_asuswrt.AsusDevice, asus_variants.VARIANTS),
    "arris_touchstone": (arris_touchstone.ArrisDevice, arris_variants.VARIANTS),
    "actiontec_gt784": (actiontec_gt784.ActiontecDevice, actiontec_variants.VARIANTS),
    "peplink": (peplink.PeplinkDevice, peplink_variants.VARIANTS),
    "cisco_rv": (cisco_rv.RvDevice, rv_variants.VARIANTS),
}


def variants(platform: str) -> dict[str, str]:
    """The names of a platform's variants with one line about each."""
    return {name: variant.doc for name, variant in KINDS[platform][1].items()}


def make_device(
    platform: str, variant: str, name: str, faults: Iterable[str] = (), login: dict[str, Any] | None = None
) -> Device:
    """Make a device without serving it. Raises KeyError for an unknown platform or variant."""
    kind, known = KINDS[platform]
    if variant not in known:
        raise KeyError(f"{platform} has no variant {variant!r}; there are: {', '.join(known)}")
    return kind(name, known[variant], faults, login)
