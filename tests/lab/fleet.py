# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of simulated routers as data, and the inventory a user would have for them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .device import Device
from .servers import Lab

NETWORK_OS = {
    "cisco_ios": "cisco.ios.ios",
    "cisco_asa": "cisco.asa.asa",
    "fortinet_fortios": "fortinet.fortios.fortios",
    "sonicwall_sonicos": "sonicwall.sonicos.sonicos",
    "vyos": "vyos.vyos.vyos",
}
"""What inventories that other collections use say; for the others it is our own name."""


@dataclass(frozen=True)
class Member:
    """One router of a fleet. ``twist``: ``wrong_password``, ``unreachable`` or nothing. ``own_words``: the inventory
    uses the collection's own variables and not ``ansible_network_os`` and those of ``httpapi``. ``rest``: the inventory
    leads to a FortiGate's REST interface; ``token``: with an API token and not with a name and a password."""

    name: str
    platform: str
    variant: str
    faults: tuple[str, ...] = ()
    login: dict[str, Any] = field(default_factory=dict)
    twist: str = ""
    own_words: bool = False
    rest: bool = False
    token: bool = False


DEMO = (
    Member("berlin-r1", "cisco_ios", "nat-default"),
    Member("bremen-r1", "cisco_ios", "udp-off-only", login={"privilege": 1}),
    Member("dresden-r1", "cisco_ios", "cbac-sip-no-udp"),
    Member("erfurt-r1", "cisco_ios", "xe-17", own_words=True),
    Member("essen-r1", "cisco_ios", "both-off"),
    Member("frankfurt-fg1", "fortinet_fortios", "default-74"),
    Member("hamburg-fg1", "fortinet_fortios", "vdoms"),
    Member("hannover-fg1", "fortinet_fortios", "off-74"),
    Member("kassel-fg1", "fortinet_fortios", "helper-only-off"),
    Member("leipzig-fw1", "cisco_asa", "default"),
    Member("lindau-rv1", "cisco_rv", "rv320"),
    Member("mainz-fw1", "cisco_asa", "interface-policy"),
    Member("marburg-ng1", "netgear_genie", "factory"),
    Member("minden-ng2", "netgear_prosafe", "fvs318n"),
    Member("neuss-er1", "ubiquiti_edgeos", "factory"),
    Member("olpe-ow1", "linux_netfilter", "openwrt-helper"),
    Member("passau-ax1", "asus_asuswrt", "factory"),
    Member("plauen-dl1", "dlink", "a-factory"),
    Member("potsdam-fw1", "cisco_asa", "off"),
    Member("rostock-r1", "cisco_ios", "nat-default", twist="wrong_password"),
    Member("siegen-sw1", "sonicwall_sonicos", "factory", own_words=True),
    Member("speyer-lx1", "linksys", "velop"),
    Member("stuttgart-fg1", "fortinet_fortios", "default-60", twist="unreachable"),
    Member("trier-fg1", "fortinet_fortios", "low-udp", rest=True, token=True),
    Member("ulm-cm1", "arris_touchstone", "not-allowed"),
    Member("unna-vy1", "vyos", "sagitta-on"),
    Member("velbert-dsl1", "actiontec_gt784", "routed"),
    Member("wesel-gw1", "linux_netfilter", "linux-nft"),
    Member("worms-pl1", "peplink", "balance"),
)

EDGE = (
    Member("aachen-sw1", "sonicwall_sonicos", "factory", own_words=True),
    Member("augsburg-sw1", "sonicwall_sonicos", "already-right"),
    Member("bochum-sw1", "sonicwall_sonicos", "rule-based"),
    Member("bonn-sw1", "sonicwall_sonicos", "udp-120-rules-30"),
    Member("celle-sw1", "sonicwall_sonicos", "digest-only"),
    Member("cottbus-sw1", "sonicwall_sonicos", "gen6-65"),
    Member("dortmund-sw1", "sonicwall_sonicos", "foreign-pending"),
    Member("einbeck-dl1", "dlink", "a-blocked"),
    Member("emden-sw1", "sonicwall_sonicos", "foreign-lock"),
    Member("fulda-sw1", "sonicwall_sonicos", "foreign-rule-5060", own_words=True),
    Member("gera-sw1", "sonicwall_sonicos", "factory", twist="wrong_password"),
    Member("goslar-ax1", "asus_asuswrt", "stock-2"),
    Member("halle-fg1", "fortinet_fortios", "default-74", rest=True),
    Member("jena-fg1", "fortinet_fortios", "low-udp", rest=True, token=True),
    Member("kiel-fg1", "fortinet_fortios", "vdoms", rest=True, token=True, own_words=True),
    Member("kiel-lx1", "linksys", "old-pbx", own_words=True),
    Member("koblenz-cm1", "arris_touchstone", "off"),
    Member("konstanz-dsl1", "actiontec_gt784", "bridged"),
    Member("wismar-gw1", "linux_netfilter", "linux-automatic"),
    Member("worms-ng1", "netgear_genie", "acos-busy"),
)

FLEETS = {"demo": DEMO, "edge": EDGE}


def closed_port() -> int:
    """A port of the loopback where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(lab: Lab, members: Iterable[Member]) -> list[tuple[Member, Device]]:
    """Serve the members; an unreachable one exists, too, but its inventory names a closed port."""
    return [
        (item, lab.add(item.platform, item.variant, item.name, item.faults, item.login, rest=item.rest))
        for item in members
    ]


def inventory(served: Iterable[tuple[Member, Device]]) -> str:
    """The Ansible inventory (YAML) of a served fleet, all hosts in the group ``routers``."""
    lines = ["---", "all:", "  children:", "    routers:", "      hosts:"]
    for member, device in served:
        lines.append(f"        {member.name}:")
        lines.extend(f"          {key}: {json.dumps(value)}" for key, value in _variables(member, device).items())
    return "\n".join(lines) + "\n"


def _variables(member: Member, device: Any) -> dict[str, Any]:
    wrong = member.twist == "wrong_password"
    web = member.rest or device.web_only
    port = closed_port() if member.twist == "unreachable" else device.http_port if web else device.port
    variables: dict[str, Any] = {"ansible_host": device.host, "ansible_httpapi_port" if web else "ansible_port": port}
    variables["voip_edge_site"] = member.name.partition("-")[0].title()  # the demo's names begin with a town
    if member.token and member.own_words:
        variables["voip_edge_api_token"] = device.api_token
    elif member.token:
        variables["ansible_httpapi_session_key"] = {"access_token": device.api_token}
    else:
        variables["ansible_user"] = device.user
        variables["ansible_password"] = device.password + ("-outdated" if wrong else "")
    if device.login.privilege < 15 or member.platform == "cisco_asa":
        variables["ansible_become_password"] = device.enable_secret
    if member.own_words:
        variables["voip_edge_platform"] = member.platform
    else:
        variables["ansible_network_os"] = NETWORK_OS.get(member.platform, member.platform)
    if web:
        if member.own_words:
            variables["voip_edge_transport"] = "https"
        else:
            variables["ansible_connection"] = "httpapi"
        if not (member.own_words and device.tls):
            variables["ansible_httpapi_use_ssl"] = device.tls
        if device.tls:
            variables["voip_edge_tls_fingerprint"] = device.tls_fingerprint
    else:
        variables["voip_edge_host_key"] = device.host_key
    return variables
