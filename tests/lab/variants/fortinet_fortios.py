# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FortiGates: what each firmware knows, the factory configuration, and the variants as lines typed into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..forti_schema import Version

HELPERS = (
    "pptp/6/1723 h323/6/1720 ras/17/1719 tns/6/1521 tftp/17/69 rtsp/6/554 rtsp/6/7070 rtsp/6/8554 ftp/6/21 mms/6/1863 "
    "pmap/6/111 pmap/17/111 sip/17/5060 dns-udp/17/53 rsh/6/514 rsh/6/512 dcerpc/6/135 dcerpc/17/135 mgcp/17/2427 mgcp/17/2727"
)

FACTORY_GLOBAL = """\
config system global
set alias "Branch"
set timezone "Europe/Berlin"
end
config system interface
edit "wan1"
set vdom "root"
set ip 198.51.100.2 255.255.255.248
set allowaccess ping https ssh
set type physical
next
edit "internal"
set vdom "root"
set ip 192.168.10.1 255.255.255.0
set allowaccess ping https ssh
set type hard-switch
next
end
config system admin
edit "admin"
set accprofile "super_admin"
set vdom "root"
set password ENC PLANTED-SECRET-forti
next
end
config system snmp community
edit 1
set name "PLANTED-SECRET-snmp"
next
end
config system console
set output standard
end
"""

FACTORY_VDOM = """\
config firewall address
edit "lan"
set subnet 192.168.10.0 255.255.255.0
next
end
config firewall service custom
edit "ALL"
set category "General"
set protocol IP
next
edit "DNS"
set category "Network Services"
set tcp-portrange 53
set udp-portrange 53
next
edit "HTTPS"
set category "Web Access"
set tcp-portrange 443
next
edit "SIP"
set category "VoIP, Messaging & Other Applications"
set tcp-portrange 5060
set udp-portrange 5060
next
end
config vpn ipsec phase1-interface
edit "hq"
set interface "wan1"
set psksecret ENC PLANTED-SECRET-psk
next
end
config firewall policy
edit 1
set name "lan-out"
set uuid 1585ef74-97ea-51e6-ddc8-5645ba473ce4
set srcintf "internal"
set dstintf "wan1"
set action accept
set srcaddr "lan"
set dstaddr "all"
set schedule "always"
set service "ALL"
set nat enable
next
edit 2
set name "phones-out"
set srcintf "internal"
set dstintf "wan1"
set action accept
set srcaddr "lan"
set dstaddr "all"
set schedule "always"
set service "SIP"
set nat enable
next
end
"""

FACTORY_VOIP = """\
config voip profile
edit "default"
set comment "Default VoIP profile."
next
edit "strict"
config sip
set malformed-request-line discard
set malformed-header-via discard
end
next
end
"""

KERNEL = "config system settings\nset default-voip-alg-mode kernel-helper-based\nset sip-nat-trace disable\nend\n"
NO_HELPER = "config system session-helper\ndelete 13\nend\n"
PROFILE_OFF = 'config voip profile\nedit "default"\nconfig sip\nset status disable\nset rtp disable\nend\nnext\nend\n'
ALL_OFF = KERNEL + NO_HELPER + PROFILE_OFF


def _policy_lines(number_: int, *lines: str) -> str:
    return "\n".join(["config firewall policy", f"edit {number_}", *lines, "next", "end"]) + "\n"


VIPS = """\
config firewall vip
edit "pbx-sip"
set extip 198.51.100.2
set mappedip "192.168.10.20"
set extintf "wan1"
set portforward enable
set protocol udp
set extport 5060
set mappedport 5060
next
edit "pbx-rtp"
set extip 198.51.100.2
set mappedip "192.168.10.20"
set extintf "wan1"
set portforward enable
set protocol udp
set extport 10000-20000
set mappedport 10000-20000
next
end
config firewall policy
edit 9
set name "pbx-in"
set srcintf "wan1"
set dstintf "internal"
set action accept
set srcaddr "all"
set dstaddr "pbx-sip" "pbx-rtp"
set schedule "always"
set service "ALL"
next
end
"""

OTHER_IDS = """\
config system session-helper
delete 13
edit 20
set name sip
set protocol 17
set port 5060
next
edit 21
set name sip
set protocol 6
set port 5060
next
end
"""

MANY_ADDRESSES = (
    "config firewall address\n"
    + "".join(f'edit "host-{n:02}"\nset subnet 192.168.20.{n} 255.255.255.255\nnext\n' for n in range(1, 61))
    + "end\n"
)


@dataclass(frozen=True)
class FortiVariant:
    """A FortiGate: firmware, and lines typed into the factory configuration (device-wide, or into one VDOM).

    ``flags``: ``vdoms``, ``vdom_admin``, ``no_voip`` (table and policy key absent), ``manager`` (a FortiManager),
    ``secondary``/``primary`` (cluster).
    """

    name: str
    doc: str
    version: Version = (7, 4, 7)
    build: str = "build2731,250120 (GA.M)"
    model: str = "FortiGate-60F"
    lines: str = ""
    vdoms: dict[str, str] = field(default_factory=lambda: {"root": ""})
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


V60: dict[str, Any] = {"version": (6, 0, 11), "build": "build0387,200824 (GA)", "model": "FortiGate-60E"}
V52: dict[str, Any] = {"version": (5, 2, 9), "build": "build0736,160907 (GA)", "model": "FortiGate-60D"}
V50: dict[str, Any] = {"version": (5, 0, 12), "build": "build0318,150701 (GA)", "model": "FortiGate-60C"}
V64: dict[str, Any] = {"version": (6, 4, 14), "build": "build2093,230808 (GA)", "model": "FortiGate-60F"}
V702: dict[str, Any] = {"version": (7, 0, 2), "build": "build0234,211019 (GA)", "model": "FortiGate-60F"}
TWO_VDOMS = {"root": ALL_OFF.replace(NO_HELPER, ""), "cust1": "", "cust2": KERNEL}

_ALL = (
    FortiVariant("default-74", "factory settings of 7.4: proxy ALG by default, helper 13"),
    FortiVariant("default-64", "factory settings of 6.4: as 7.4, older keys", **V64),
    FortiVariant("default-60", "factory settings of 6.0: has sip-helper, has no sip-expectation", **V60),
    FortiVariant("default-52", "factory settings of 5.2", **V52),
    FortiVariant("v50", "5.0: no default-voip-alg-mode; the session helper decides", **V50),
    FortiVariant("off-74", "already right: kernel-helper-based, no helper, profile off", lines=ALL_OFF),
    FortiVariant(
        "off-60", "already right on 6.0", lines=ALL_OFF + "config system settings\nset sip-helper disable\nend\n", **V60
    ),
    FortiVariant(
        "helper-only-off",
        "the helper is gone, but the mode is still proxy-based: SIP is still rewritten",
        lines=NO_HELPER,
    ),
    FortiVariant("mode-only", "kernel-helper-based, but the helper entry is still there", lines=KERNEL),
    FortiVariant("helper-at-12-other", "sip at 20 and (TCP) 21; 12 is pmap and must stay", lines=OTHER_IDS),
    FortiVariant(
        "vdoms",
        "VDOMs: root off, cust1 default, cust2 kernel-helper-based; one helper table for all",
        vdoms=TWO_VDOMS,
        flags=frozenset({"vdoms"}),
    ),
    FortiVariant(
        "vdom-admin",
        "the account sees only VDOM cust1; device-wide tables are out of sight",
        vdoms=TWO_VDOMS,
        flags=frozenset({"vdoms", "vdom_admin"}),
    ),
    FortiVariant(
        "policy-voip-profile",
        "everything off, but policy 2 names the profile strict: the ALG acts there",
        lines=ALL_OFF + _policy_lines(2, "set utm-status enable", 'set voip-profile "strict"'),
    ),
    FortiVariant(
        "policy-profile-sip-off",
        "everything off, policy 2 names a profile whose SIP part is off",
        lines=ALL_OFF + _policy_lines(2, "set utm-status enable", 'set voip-profile "default"'),
    ),
    FortiVariant(
        "flow-702",
        "7.0.2 with a policy in flow inspection: flow-based SIP",
        lines=_policy_lines(2, "set utm-status enable", "set inspection-mode flow"),
        **V702,
    ),
    FortiVariant(
        "ips-voip-filter-74",
        "all off, but a policy has an IPS VoIP filter",
        lines=ALL_OFF
        + 'config voip profile\nedit "sip-ips"\nset feature-set ips\nnext\nend\n'
        + _policy_lines(2, "set utm-status enable", 'set ips-voip-filter "sip-ips"'),
    ),
    FortiVariant(
        "service-helper-sip",
        "all off, but a custom service forces the helper",
        lines=ALL_OFF
        + 'config firewall service custom\nedit "PBX"\nset udp-portrange 5060\nset helper sip\nnext\nend\n'
        + _policy_lines(2, 'set service "PBX"'),
    ),
    FortiVariant(
        "ngfw-policy-mode",
        "NGFW policy-based: profiles cannot be edited",
        lines="config system settings\nset ngfw-mode policy-based\nend\n",
    ),
    FortiVariant(
        "no-voip-table",
        "a 2 GB model on 7.4.4 without the VoIP profile table",
        version=(7, 4, 4),
        build="build2662,240514 (GA.F)",
        model="FortiGate-40F",
        flags=frozenset({"no_voip"}),
    ),
    FortiVariant(
        "cfg-save-manual",
        "changes are lost at a reboot unless saved",
        lines="config system global\nset cfg-save manual\nend\n",
    ),
    FortiVariant(
        "output-more",
        "pager on (stored setting) and a long configuration",
        lines=MANY_ADDRESSES + "config system console\nset output more\nend\n",
    ),
    FortiVariant(
        "post-login-banner",
        "a notice that must be accepted with 'a'",
        lines="config system global\nset post-login-banner enable\nend\n",
    ),
    FortiVariant("ha-secondary", "secondary unit of a cluster", flags=frozenset({"secondary"})),
    FortiVariant("ha-primary", "primary unit of a cluster: the prompt says so", flags=frozenset({"primary"})),
    FortiVariant("fortimanager", "a look-alike that is no FortiGate", version=(7, 4, 6), flags=frozenset({"manager"})),
    FortiVariant(
        "low-udp", "UDP sessions end after 30 s", lines=ALL_OFF + "config system global\nset udp-idle-timer 30\nend\n"
    ),
    FortiVariant("vip-forwards", "UDP 5060 and 10000-20000 forwarded to a PBX, from anywhere", lines=ALL_OFF + VIPS),
)

VARIANTS: dict[str, FortiVariant] = {variant.name: variant for variant in _ALL}
