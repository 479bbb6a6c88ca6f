# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actiontec DSL gateways as data: what their status page says, and what comes in its place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PPPOE, BRIDGE = "ppp0.1:1:1:PPPoE:up", "nas_0_0_35:2:1:Bridge:up"


@dataclass(frozen=True)
class ActiontecVariant:
    """A gateway. ``devinfo``, ``wans``: script variables of the status page; None where the page lacks one.

    ``flags``: ``form`` (its own log-in page with status 200 in place of any), ``title_401`` (an error page with status 200).
    """

    name: str
    doc: str
    devinfo: str | None = "GT784WN|GVAA0000000001|NCS01-1.0.13"
    wans: str | None = PPPOE
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


_ALL = (
    ActiontecVariant("routed", "PPPoE: the ALG is in the path, and there is no switch"),
    ActiontecVariant("verizon", "a GT784WNV, IPoE", devinfo="GT784WNV|CVJA0000000001|1.1.13", wans="nas0:1:1:IPoE:up"),
    ActiontecVariant("bridged", "transparent bridging: the ALG is not in the path", wans=BRIDGE),
    ActiontecVariant("two-wans", "one connection is bridged, the other is not", wans=f"{BRIDGE}|{PPPOE}"),
    ActiontecVariant("both-bridged", "both connections are bridged", wans=f"{BRIDGE}|{BRIDGE}"),
    ActiontecVariant("no-wan-var", "the page does not say how it is connected", wans=None),
    ActiontecVariant("no-wan", "no connection is set up", wans=""),
    ActiontecVariant("short-wan", "a connection with fewer fields", wans="ppp0.1:1:1"),
    ActiontecVariant("sibling", "another model of the vendor", devinfo="C1000A|CVAA0000000001|CAC003-31.30L.86"),
    ActiontecVariant("no-devinfo", "the page does not say what it is", devinfo=None),
    ActiontecVariant("no-version", "the page does not say its firmware", devinfo="GT784WN|GVAA0000000001|"),
    ActiontecVariant("log-in-form", "asks for the password in a page of its own", flags=frozenset({"form"})),
    ActiontecVariant("title-401", "an error page with status 200", flags=frozenset({"title_401"})),
)
VARIANTS = {variant.name: variant for variant in _ALL}
