# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco's small routers as data: the first page, and what stands behind it out of sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class RvVariant:
    """A router. ``title``: of the first page; ``sip``: the stored switch, which nobody sees. ``tls``: HTTPS or plain HTTP."""

    name: str
    doc: str
    title: str = "Cisco RV320 Configuration Utility"
    sip: bool = True
    tls: bool = True
    status: int = 200
    login: dict[str, Any] = field(default_factory=dict)


_ALL = (
    RvVariant("rv320", "an RV320 with its SIP ALG on"),
    RvVariant("rv320-off", "the same with its SIP ALG off: nobody can tell", sip=False),
    RvVariant("rv042", "a Linksys RV042, plain HTTP", title="Linksys RV042", tls=False),
    RvVariant("rv180", "an RV180W", title="RV180W - Cisco Systems"),
    RvVariant("rv340", "an RV340", title="Cisco Small Business RV340"),
    RvVariant("two-names", "a page that names two models", title="RV320 and RV325"),
    RvVariant("unnamed", "a page that names no model", title="Router Login"),
    RvVariant("error", "an error page that names one", title="Cisco RV320", status=500),
)
VARIANTS = {variant.name: variant for variant in _ALL}
