# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco ASA, a PIX 6 and an FTD: configurations and version texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VERSION_ASA = """
Cisco Adaptive Security Appliance Software Version {version}\x20
SSP Operating System Version 2.6(1.272)

Compiled on Thu 14-Mar-24 18:01 GMT by builders
System image file is "disk0:/asa9-12-4-67-smp-k8.bin"
Config file at boot was "startup-config"

{hostname} up 173 days 16 hours

Hardware:   ASA5512, 4096 MB RAM, CPU Clarkdale 2800 MHz, 1 CPU (2 cores)
            ASA: 1666 MB RAM, 1 CPU (1 core)
Internal ATA Compact Flash, 4096MB
BIOS Flash MX25EEEEEE @ 0xffbb0000, 8192KB

 0: Int: Internal-Data0/0    : address is c08c.cafe.7303, irq 11
 1: Ext: GigabitEthernet0/0  : address is c08c.cafe.7307, irq 10

Licensed features for this platform:
Maximum Physical Interfaces       : Unlimited      perpetual
Failover                          : Active/Active  perpetual
Security Contexts                 : 2              perpetual

Serial Number: FCH00AAAAAA
Configuration register is 0x1

Image type          : Release
Key version         : A

{modified}"""

VERSION_PIX = """
Cisco PIX Firewall Version {version}
Cisco PIX Device Manager Version 3.0(4)

Compiled on Thu 04-Aug-05 21:40 by morlee

{hostname} up 2 years 40 days

Hardware:   PIX-506E, 32 MB RAM, CPU Pentium II 300 MHz
Flash E28F640J3 @ 0x300, 8MB
BIOS Flash AM29F400B @ 0xfffd8000, 32KB

0: ethernet0: address is 0011.93d1.6ec4, irq 10
1: ethernet1: address is 0011.93d1.6ec5, irq 11
Licensed Features:
Failover:                    Disabled
VPN-DES:                     Enabled

Serial Number: 800000000 (0x30000000)
{modified}"""

VERSION_FTD = """\
-------------------[ {hostname} ]--------------------
Model                     : Cisco Firepower 1010 Threat Defense (78) Version 7.4.2 (Build 172)
UUID                      : 5d111111-0000-0000-0000-00000000cafe
LSP version               : lsp-rel-20250114-1341
VDB version               : 400
----------------------------------------------------

Cisco Adaptive Security Appliance Software Version {version}\x20
SSP Operating System Version 2.14(1.167)

Compiled on Mon 29-Jul-24 18:15 GMT by builders
Config file at boot was "startup-config"

{hostname} up 40 days 21 hours

Hardware:   FPR-1010, 2581 MB RAM, CPU Atom C3000 series 2200 MHz, 1 CPU (4 cores)

Serial Number: JAD00000AAA
{modified}"""

FORMS = {"asa": VERSION_ASA, "pix6": VERSION_PIX, "ftd": VERSION_FTD}

# The order in which the lab prints inspections; a line that comes back goes to its old place.
ORDER = (
    "ftp", "h323 h225", "h323 ras", "ip-options", "netbios", "rsh", "rtsp", "skinny", "esmtp", "sqlnet", "sunrpc", "tftp",
    "sip", "xdmcp", "icmp",
)  # fmt: skip


def inspections(sip: str | None) -> str:
    """A class's list as a 9.12 prints it: one trailing blank, two after sip and skinny. ``sip`` is what follows the word."""
    out = ""
    for name in ORDER:
        if name == "sip":
            out += "" if sip is None else f"  inspect sip{' ' + sip if sip else ' '} \n"
        else:
            out += f"  inspect {name} {' ' if name == 'skinny' else ''}\n"
    return out


def policy(name: str, sip: str | None, clazz: str = "inspection_default") -> str:
    return f"policy-map {name}\n class {clazz}\n{inspections(sip)}"


MAP = "policy-map type inspect sip STRICT-SIP\n parameters\n  max-forwards-validation action drop log\n  no traffic-non-sip\n"
OTHER_CLASS = "class-map SIP-5080\n match port udp eq 5080\n"
OTHER_POLICY = policy("global_policy", None) + " class SIP-5080\n  inspect sip  \n"

TIMEOUTS = """\
timeout xlate 3:00:00
timeout pat-xlate 0:00:30
timeout conn 1:00:00 half-closed 0:10:00 udp {udp} sctp 0:02:00 icmp 0:00:02
timeout sunrpc 0:10:00 h323 0:05:00 h225 1:00:00 mgcp 0:05:00 mgcp-pat 0:05:00
timeout sip 0:30:00 sip_media 0:02:00 sip-invite 0:03:00 sip-disconnect 0:02:00
timeout sip-provisional-media 0:02:00 uauth 0:05:00 absolute
timeout tcp-proxy-reassembly 0:01:00
"""

GLOBAL = "service-policy global_policy global\n"
OUTSIDE = "service-policy outside_policy interface outside\n"

OBJECTS = """\
object network PBX-SIP
 host 192.168.10.20
object network PBX
 host 192.168.10.20
object service RTP
 service udp source range 10000 20000
object service SIP-UDP
 service udp source eq 5060
"""
NATS = """\
nat (inside,outside) source static PBX interface service RTP RTP
!
object network PBX-SIP
 nat (inside,outside) static interface service udp 5060 5060
"""
FOREIGN_OBJECTS = """\
object network OLD-PBX
 host 192.168.10.30
object network WEB
 host 192.168.10.31
"""
FOREIGN_NATS = """\
nat (inside,outside) source static WEB interface service HTTPS HTTPS
!
object network OLD-PBX
 nat (inside,outside) static interface service udp sip sip\x20
"""
HTTPS = "object service HTTPS\n service tcp source eq https\x20\n"
OUTSIDE_LIST = """\
access-list outside_in remark the web server
access-list outside_in extended permit tcp any object WEB eq https\x20
access-list outside_in remark everything else
access-list outside_in extended deny ip any any log\x20
"""
WEB_NAT = "nat (inside,outside) source static WEB interface service HTTPS HTTPS\n!\n"


@dataclass(frozen=True)
class AsaVariant:
    """A firewall. ``policies`` and ``services`` are printed at the end of the configuration; ``contexts`` (name to
    policies) makes it multiple-context. ``flags``: ``full_line_only`` (``no inspect sip`` without the map's name is
    ignored), ``no_udp_line``."""

    name: str
    doc: str
    form: str = "asa"
    version: str = "9.12(4)67"
    policies: str = policy("global_policy", "")
    services: str = GLOBAL
    udp: str = "0:02:00"
    objects: str = ""
    nats: str = ""
    contexts: dict[str, str] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=lambda: {"privilege": 1})


_ALL = (
    AsaVariant("default", "factory policy: inspect sip (two trailing blanks) in global_policy"),
    AsaVariant("off", "already right: no SIP inspection", policies=policy("global_policy", None)),
    AsaVariant("sip-map", "inspect sip with a map attached", policies=MAP + policy("global_policy", "STRICT-SIP")),
    AsaVariant(
        "sip-map-strict",
        "as sip-map, but only the full line with the map's name removes it",
        policies=MAP + policy("global_policy", "STRICT-SIP"),
        flags=frozenset({"full_line_only"}),
    ),
    AsaVariant(
        "interface-policy",
        "global policy clean, the policy of the outside interface inspects SIP",
        policies=policy("global_policy", None) + policy("outside_policy", ""),
        services=GLOBAL + OUTSIDE,
    ),
    AsaVariant(
        "two-policies",
        "global policy and interface policy both inspect SIP",
        policies=policy("global_policy", "") + policy("outside_policy", ""),
        services=GLOBAL + OUTSIDE,
    ),
    AsaVariant(
        "other-class-port",
        "SIP on UDP 5080 is inspected by a class of its own",
        policies=OTHER_CLASS + OTHER_POLICY,
    ),
    AsaVariant(
        "definition-only",
        "a SIP inspection map is defined and nobody uses it; a policy with inspect sip is not applied either",
        policies=MAP + policy("global_policy", None) + policy("unused_policy", ""),
    ),
    AsaVariant("no-service-policy", "inspect sip in global_policy, but no service-policy line", services=""),
    AsaVariant("no-udp-timeout-line", "no timeout lines printed: defaults", flags=frozenset({"no_udp_line"})),
    AsaVariant(
        "multi-context",
        "multiple context mode: admin and cust1 inspect SIP, cust2 does not",
        contexts={
            "admin": policy("global_policy", ""),
            "cust1": policy("global_policy", ""),
            "cust2": policy("global_policy", None),
        },
    ),
    AsaVariant("pix6-fixup", "a PIX 6.3 with the SIP fixup on TCP and UDP", form="pix6", version="6.3(5)", policies="", services=""),
    AsaVariant("ftd", "Firepower Threat Defense: > prompt, no enable, no configuration mode", form="ftd", version="9.20(2)32",
               login={"privilege": 15}),
    AsaVariant("short-udp", "no inspection, but UDP is dropped after one minute", policies=policy("global_policy", None), udp="0:01:00"),
    AsaVariant("foreign-forward", "UDP 5060 of the outside interface belongs to another host, and HTTPS to a web server",
               policies=policy("global_policy", None), objects=FOREIGN_OBJECTS + HTTPS, nats=FOREIGN_NATS),
    AsaVariant("outside-acl-deny", "the outside interface has an access list that ends with an explicit deny",
               policies=policy("global_policy", None), objects=FOREIGN_OBJECTS + HTTPS + OUTSIDE_LIST,
               nats=WEB_NAT + "access-group outside_in in interface outside\n"),
    AsaVariant("static-forwards", "UDP 5060 by object NAT and 10000-20000 by twice NAT", policies=policy("global_policy", None),
               objects=OBJECTS, nats=NATS),
)  # fmt: skip

VARIANTS: dict[str, AsaVariant] = {variant.name: variant for variant in _ALL}

_HEAD = """\
hostname {hostname}
domain-name example.net
enable password $sha512$5000$PLANTED-SECRET-asa pbkdf2
passwd PLANTED-SECRET-asa encrypted
names
no mac-address auto
!
interface GigabitEthernet0/0
 nameif outside
 security-level 0
 ip address 198.51.100.2 255.255.255.248\x20
!
interface GigabitEthernet0/1
 nameif inside
 security-level 100
 ip address 192.168.10.1 255.255.255.0\x20
!
ftp mode passive
{objects}pager lines 24
mtu outside 1500
mtu inside 1500
{nats}route outside 0.0.0.0 0.0.0.0 198.51.100.1 1
{timeouts}snmp-server host inside 192.168.10.5 community PLANTED-SECRET-snmp
tunnel-group 203.0.113.77 type ipsec-l2l
tunnel-group 203.0.113.77 ipsec-attributes
 ikev1 pre-shared-key PLANTED-SECRET-psk
username admin password $sha512$5000$PLANTED-SECRET-asa-user pbkdf2 privilege 15
!
"""

_CLASS = "class-map inspection_default\n match default-inspection-traffic\n"
_DNS = "!\n!\npolicy-map type inspect dns preset_dns_map\n parameters\n  message-length maximum client auto\n  message-length maximum 512\n"

_SYSTEM = """\
hostname {hostname}
enable password $sha512$5000$PLANTED-SECRET-asa pbkdf2
mac-address auto
!
interface GigabitEthernet0/0
!
interface GigabitEthernet0/1
!
admin-context admin
"""

_PIX = """\
interface ethernet0 auto
interface ethernet1 100full
nameif ethernet0 outside security0
nameif ethernet1 inside security100
enable password PLANTED-SECRET-asa encrypted
passwd PLANTED-SECRET-asa encrypted
hostname {hostname}
fixup protocol dns maximum-length 512
fixup protocol ftp 21
fixup protocol h323 h225 1720
fixup protocol http 80
fixup protocol rtsp 554
fixup protocol sip 5060
fixup protocol sip udp 5060
fixup protocol skinny 2000
names
pager lines 24
ip address outside 198.51.100.2 255.255.255.248
ip address inside 192.168.10.1 255.255.255.0
global (outside) 1 interface
nat (inside) 1 0.0.0.0 0.0.0.0 0 0
timeout xlate 0:05:00
timeout conn 1:00:00 half-closed 0:10:00 udp 0:02:00 rpc 0:10:00 h225 1:00:00
timeout h323 0:05:00 mgcp 0:05:00 sip 0:30:00 sip_media 0:02:00
snmp-server community PLANTED-SECRET-snmp
"""


def configuration(variant: AsaVariant, hostname: str, context: str = "") -> str:
    """The body of one context's (or the only) running configuration."""
    if variant.form == "pix6":
        return _PIX.format(hostname=hostname)
    if context == "system":
        blocks = "".join(
            f"context {name}\n  allocate-interface GigabitEthernet0/0\n  config-url disk0:/{name}.cfg\n!\n"
            for name in variant.contexts
        )
        return _SYSTEM.format(hostname=hostname) + blocks
    timeouts = "" if "no_udp_line" in variant.flags else TIMEOUTS.format(udp=variant.udp)
    head = _HEAD.format(hostname=context or hostname, objects=variant.objects, nats=variant.nats, timeouts=timeouts)
    policies = variant.contexts.get(context, variant.policies)
    tail = "" if context else "prompt hostname context \nno call-home reporting anonymous\n"
    return head + _CLASS + _DNS + policies + "!\n" + variant.services + tail
