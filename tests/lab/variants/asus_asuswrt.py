# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASUS routers as data: whose firmware, which build, and the nvram values that differ from its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class AsusVariant:
    """A router. ``maker``: ``asus``, ``merlin``, ``gnuton``, ``brt`` or ``padavan``; it decides what a value means.

    ``flags``: ``stale_module`` (the SIP modules are loaded although the value says otherwise), ``wan_down``,
    ``old_iptables`` (knows no ``-S``), ``old_proc`` (the timers under their older path), ``login_v2``.
    """

    name: str
    doc: str
    model: str = "RT-AX58U"
    maker: str = "asus"
    firmver: str = "3.0.0.4"
    buildno: str = "386"
    extendno: str = "51665-g1a2b3c4"
    nvram: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


MERLIN: dict[str, Any] = {"model": "RT-AX88U", "maker": "merlin", "buildno": "386.12", "extendno": "4"}
OLD = "<Old PBX>5060>192.168.50.20>5060>UDP>"
OTHERS = "<Web server>8443>192.168.50.30>443>TCP><Game>3074,3478:3480>192.168.50.40>>BOTH>198.51.100.0/24"

VARIANTS = {
    v.name: v
    for v in (
        AsusVariant("factory", "the vendor's firmware 386 as it is shipped: 1, on"),
        AsusVariant("already-off", "already right: 0", nvram={"fw_pt_sip": "0"}),
        AsusVariant("stock-2", "the vendor's firmware with the 2 of Merlin's pages: on", nvram={"fw_pt_sip": "2"}),
        AsusVariant("stock-empty", "the vendor's firmware without a value: on", nvram={"fw_pt_sip": ""}),
        AsusVariant(
            "stock-378",
            "378.7410: timers under their older path, iptables without -S",
            model="RT-AC87U",
            buildno="378",
            extendno="7410-g5678abc",
            flags=frozenset({"old_proc", "old_iptables"}),
        ),
        AsusVariant(
            "stock-380",
            "380.8287: a blank stands at the end of the timers",
            model="RT-AC1200HP",
            buildno="380",
            extendno="8287",
            nvram={"ct_udp_timeout": "30 180 "},
        ),
        AsusVariant(
            "stock-380-2016",
            "a build of June 2016, one of those of which some drop port 5060",
            model="RT-AC66U",
            buildno="380",
            extendno="3264",
        ),
        AsusVariant(
            "stock-3006",
            "3.0.0.6: the newer login by a nonce",
            model="RT-BE90U",
            firmver="3.0.0.6",
            buildno="102",
            extendno="58500",
            flags=frozenset({"login_v2"}),
        ),
        AsusVariant("merlin", "Merlin 386.12_4 as it is shipped: 1, on", **MERLIN),
        AsusVariant("merlin-0", "Merlin, 0: off", **MERLIN, nvram={"fw_pt_sip": "0"}),
        AsusVariant("merlin-2", "Merlin, the 2 of its older pages: off, and to be left alone", **MERLIN, nvram={"fw_pt_sip": "2"}),
        AsusVariant("merlin-empty", "Merlin without a value: off", **MERLIN, nvram={"fw_pt_sip": ""}),
        AsusVariant(
            "merlin-384-empty",
            "Merlin 384 without a value: what that means there was not established",
            **{**MERLIN, "buildno": "384.19", "extendno": "0"},
            nvram={"fw_pt_sip": ""},
        ),
        AsusVariant("merlin-380", "Merlin 380.65_4, the page with three choices: 1", **{**MERLIN, "buildno": "380.65"}),
        AsusVariant(
            "merlin-3006",
            "Merlin 3006.102.1 without a value: off",
            **{**MERLIN, "firmver": "3.0.0.6", "buildno": "102.1", "extendno": "alpha1"},
            nvram={"fw_pt_sip": ""},
            flags=frozenset({"login_v2"}),
        ),
        AsusVariant(
            "gnuton",
            "a fork of Merlin: 1",
            **{**MERLIN, "model": "DSL-AX82U", "maker": "gnuton", "extendno": "2-gnuton1"},
        ),
        AsusVariant(
            "brt",
            "BRT-AC828 with the vendor's other SIP module",
            model="BRT-AC828",
            maker="brt",
            buildno="382",
            extendno="70348-g0b10de5",
            nvram={"fw_pt_sip_mode": "1"},
        ),
        AsusVariant(
            "padavan",
            "the community firmware rt-n56u on an ASUS router, SIP ALG on: not Asuswrt",
            model="RT-N56U",
            maker="padavan",
            firmver="3.4.3.9",
            buildno="099",
            extendno="",
            nvram={"nf_alg_sip": "1"},
        ),
        AsusVariant("old-build", "376, a build whose sources nobody read", buildno="376", extendno="3626-g9e8f7a6"),
        AsusVariant("short-timer", "off, but streams are forgotten after 40 s", nvram={"fw_pt_sip": "0", "ct_udp_timeout": "20 40"}),
        AsusVariant(
            "stale-module",
            "0, but the modules are still loaded: only a restart takes them away",
            nvram={"fw_pt_sip": "0"},
            flags=frozenset({"stale_module"}),
        ),
        AsusVariant("wan-down", "no internet connection: the kernel's timers are 1 and 6 on purpose", flags=frozenset({"wan_down"})),
        AsusVariant(
            "forward-5060",
            "somebody's forward of UDP 5060, open to everybody",
            nvram={"vts_enable_x": "1", "vts_rulelist": OLD + OTHERS},
        ),
        AsusVariant(
            "forwards",
            "forwards of others, none of them SIP",
            nvram={"fw_pt_sip": "0", "vts_enable_x": "1", "vts_rulelist": OTHERS},
        ),
        AsusVariant("list-off", "a list of forwards that is switched off", nvram={"fw_pt_sip": "0", "vts_rulelist": OTHERS}),
        AsusVariant(
            "dual-wan",
            "a second internet connection with a list of forwards of its own",
            nvram={"fw_pt_sip": "0", "vts_enable_x": "1", "vts1_rulelist": OLD},
        ),
    )
}  # fmt: skip
