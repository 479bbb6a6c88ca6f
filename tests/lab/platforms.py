# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms of the lab by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import cisco_asa, cisco_ios, fortinet_fortios, sonicos
from .device import Device
from .variants import cisco_asa as asa_variants
from .variants import cisco_ios as ios_variants
from .variants import fortinet_fortios as forti_variants
from .variants import sonicwall_sonicos as sonic_variants

KINDS: dict[str, tuple[type[Device], Mapping[str, Any]]] = {
    "cisco_ios": (cisco_ios.IosDevice, ios_variants.VARIANTS),
    "cisco_asa": (cisco_asa.AsaDevice, asa_variants.VARIANTS),
    "fortinet_fortios": (fortinet_fortios.FortiDevice, forti_variants.VARIANTS),
    "sonicwall_sonicos": (sonicos.SonicDevice, sonic_variants.VARIANTS),
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
