# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EdgeRouters and VyOS routers as data: the version, and the lines of the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EDGEOS = """\
Version:      v{version}
Build ID:     5024004
Build on:     10/05/17 04:03
Copyright:    2012-2017 Ubiquiti Networks, Inc.
HW model:     EdgeRouter PoE 5-Port
HW S/N:       000000000000
Uptime:       10:00:00 up 5 days"""
VYOS = """\
Version:          VyOS {version}
Release train:    sagitta

Built by:         maintainers@vyos.net
Architecture:     x86_64
Hardware vendor:  QEMU
Hardware model:   Standard PC
Copyright:        VyOS maintainers and contributors"""

BASE = """\
interfaces ethernet eth0 address dhcp
interfaces ethernet eth1 address 192.168.1.1/24
system host-name edge
system login user admin authentication plaintext-password PLANTED-SECRET-login
service snmp community PLANTED-SECRET-snmp authorization ro
"""
SIP = "system conntrack modules sip"


@dataclass(frozen=True)
class VyattaVariant:
    """A router. ``old``: the helper is on unless it is disabled. ``flags``: ``stale_module``, the modules are loaded by hand."""

    name: str
    doc: str
    platform: str = "ubiquiti_edgeos"
    version: str = "1.9.7+hotfix.4"
    banner: str = EDGEOS
    host: str = "ubnt"
    old: bool = True
    config: str = BASE
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=lambda: {"user": "admin"})


NEW: dict[str, Any] = {"platform": "vyos", "banner": VYOS, "host": "vyos", "old": False, "version": "1.4.0"}
EDGE = {
    v.name: v
    for v in (
        VyattaVariant("factory", "EdgeOS as it is shipped: no line, on"),
        VyattaVariant("off", "the helper is disabled", config=BASE + f"{SIP} disable\n"),
        VyattaVariant("options", "on, with options of the helper", config=BASE + f"{SIP} enable-indirect-media\n{SIP} port 5060\n"),
        VyattaVariant("v2", "EdgeOS 2", version="2.0.9-hotfix.7"),
        VyattaVariant("stale-module", "disabled, but a script loaded the modules again", config=BASE + f"{SIP} disable\n",
                      flags=frozenset({"stale_module"})),
        VyattaVariant("short-timer", "off, but streams are forgotten after 40 s",
                      config=BASE + f"{SIP} disable\nsystem conntrack timeout udp stream 40\n"),
        VyattaVariant("forward-5060", "a port forward of UDP 5060 and RTP", config=BASE + f"{SIP} disable\n"
                      "port-forward wan-interface eth0\nport-forward rule 1 description PBX\n"
                      "port-forward rule 1 forward-to address 192.168.1.20\nport-forward rule 1 original-port 5060,10000-20000\n"
                      "port-forward rule 1 protocol udp\n"),
        VyattaVariant("usg", "a UniFi Security Gateway, whose controller writes over it",
                      banner=EDGEOS.replace("EdgeRouter PoE 5-Port", "UniFi-Gateway-3"), version="4.4.57"),
    )
}  # fmt: skip
VYATTA = {
    v.name: v
    for v in (
        VyattaVariant("sagitta", "1.4.0 without a line: off", **NEW),
        VyattaVariant("sagitta-on", "1.4.0 after an upgrade, which wrote the line: on", **NEW, config=BASE + SIP + "\n"),
        VyattaVariant("equuleus", "1.3.8 with the line: on", **{**NEW, "version": "1.3.8"}, config=BASE + SIP + "\n"),
        VyattaVariant("equuleus-ga", "1.3.0 without a line: what that means is not known", **{**NEW, "version": "1.3.0"}),
        VyattaVariant("crux", "1.2.9 without a line: on", **{**NEW, "version": "1.2.9", "old": True}),
        VyattaVariant("crux-off", "1.2.9, disabled", **{**NEW, "version": "1.2.9", "old": True}, config=BASE + f"{SIP} disable\n"),
        VyattaVariant("circinus", "1.5: the timer has another place", **{**NEW, "version": "1.5.0"},
                      config=BASE + f"{SIP}\nfirewall global-options timeout udp stream 50\n"),
        VyattaVariant("forwards", "destination NAT from one network", **NEW, config=BASE +
                      "nat destination rule 10 inbound-interface name eth0\nnat destination rule 10 protocol udp\n"
                      "nat destination rule 10 destination port 5060,10000-20000\nnat destination rule 10 source address 203.0.113.0/24\n"
                      "nat destination rule 10 translation address 192.168.1.20\n"),
    )
}  # fmt: skip
