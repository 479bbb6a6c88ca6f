# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS and IOS XE routers: configurations and version texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VERSION_CLASSIC = """\
Cisco IOS Software, C800 Software (C800-UNIVERSALK9-M), Version {version}, RELEASE SOFTWARE (fc2)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2019 by Cisco Systems, Inc.
Compiled Thu 25-Jul-19 21:37 by prod_rel_team

ROM: System Bootstrap, Version 15.4(1r)T1, RELEASE SOFTWARE (fc1)

{hostname} uptime is 12 weeks, 3 days, 4 hours, 10 minutes
System returned to ROM by power-on
System image file is "flash:c800-universalk9-mz.SPA.{version}.bin"
Last reload type: Normal Reload
Last reload reason: power-on

Cisco C897VA-K9 (revision 1.0) with 488524K/35763K bytes of memory.
Processor board ID FCZ0000C0LB

1 DSL controller
1 Ethernet interface
9 Gigabit Ethernet interfaces
255K bytes of non-volatile configuration memory.
250880K bytes of ATA System CompactFlash (Read/Write)

License Info:

License UDI:

-------------------------------------------------
Device#   PID                   SN
-------------------------------------------------
*1        C897VA-K9             FCZ0000C0LB

Configuration register is 0x2102
"""

VERSION_XE = """\
Cisco IOS XE Software, Version 17.06.05
Cisco IOS Software [Bengaluru], ISR Software (X86_64_LINUX_IOSD-UNIVERSALK9-M), Version {version}, RELEASE SOFTWARE (fc2)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2023 by Cisco Systems, Inc.
Compiled Wed 25-Jan-23 16:07 by mcpre


Cisco IOS-XE software, Copyright (c) 2005-2023 by cisco Systems, Inc.
All rights reserved.  Certain components of Cisco IOS-XE software are
licensed under the GNU General Public License ("GPL") Version 2.0.


ROM: 16.12(2r)

{hostname} uptime is 44 weeks, 4 days, 1 hour, 16 minutes
Uptime for this control processor is 44 weeks, 4 days, 1 hour, 17 minutes
System returned to ROM by Reload Command
System image file is "bootflash:isr4300-universalk9.17.06.05.SPA.bin"
Last reload reason: Reload Command

cisco ISR4331/K9 (1RU) processor with 1647778K/3071K bytes of memory.
Processor board ID FLM0000W0AB
Router operating mode: {mode}
3 Gigabit Ethernet interfaces
32768K bytes of non-volatile configuration memory.
4194304K bytes of physical memory.
3207167K bytes of flash memory at bootflash:.

Configuration register is 0x2102
"""

VERSION_OLD = """\
Cisco Internetwork Operating System Software
IOS (tm) C1700 Software (C1700-K9O3SY7-M), Version {version}, RELEASE SOFTWARE (fc1)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2005 by cisco Systems, Inc.
Compiled Wed 17-Aug-05 13:03 by ssearch
Image text-base: 0x80008098, data-base: 0x817C9F8C

ROM: System Bootstrap, Version 12.2(7r)XM2, RELEASE SOFTWARE (fc1)

{hostname} uptime is 3 years, 2 weeks, 1 day, 7 hours, 2 minutes
System returned to ROM by power-on
System image file is "flash:c1700-k9o3sy7-mz.123-15a.bin"

cisco 1721 (MPC860P) processor (revision 0x100) with 87030K/11274K bytes of memory.
Processor board ID FOC00000000 (1234567890), with hardware revision 0000
1 Ethernet/IEEE 802.3 interface(s)
1 FastEthernet/IEEE 802.3 interface(s)
32K bytes of non-volatile configuration memory.
32768K bytes of processor board System flash (Read/Write)

Configuration register is 0x2102
"""

VERSION_SWITCH = """\
Cisco IOS XE Software, Version 17.09.04a
Cisco IOS Software [Cupertino], Catalyst L3 Switch Software (CAT9K_LITE_IOSXE), Version {version}, RELEASE SOFTWARE (fc3)
Technical Support: http://www.cisco.com/techsupport
Copyright (c) 1986-2023 by Cisco Systems, Inc.
Compiled Fri 20-Oct-23 10:33 by mcpre

ROM: IOS-XE ROMMON

{hostname} uptime is 44 weeks, 4 days, 1 hour, 16 minutes
System image file is "flash:cat9k_lite_iosxe.17.09.04a.SPA.bin"
Last reload reason: Reload Command

cisco C9200L-24P-4G (ARM64) processor with 519464K/3071K bytes of memory.
Processor board ID JAE00FFFFFF
2 Virtual Ethernet interfaces
28 Gigabit Ethernet interfaces
Model Number                       : C9200L-24P-4G

Configuration register is 0x102
"""

FORMS = {"classic": VERSION_CLASSIC, "xe": VERSION_XE, "old": VERSION_OLD, "switch": VERSION_SWITCH}

OFF_TCP = "no ip nat service sip tcp port 5060"
OFF_UDP = "no ip nat service sip udp port 5060"
OVERLOAD = "ip nat inside source list 100 interface GigabitEthernet0/0 overload"


@dataclass(frozen=True)
class IosVariant:
    """A router. ``nat`` lines stand where IOS prints them; ``top`` before the interfaces; ``inside``/``outside`` in them.

    ``flags``: ``no_nat``, ``switch``, ``rejects_tcp`` (no TCP SIP ALG line), ``sip_listener`` (5060 is the router's own),
    ``archive_blank`` (the leading space before "Archive feature not enabled").
    """

    name: str
    doc: str
    form: str = "classic"
    version: str = "15.7(3)M5"
    nat: tuple[str, ...] = ()
    top: str = ""
    bottom: str = ""
    inside: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    rules: tuple[str, ...] = (OVERLOAD,)
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


CBAC_RULE = """\
ip inspect name EDGE tcp
ip inspect name EDGE udp
ip inspect name EDGE sip alert on audit-trail off
ip inspect name EDGE ftp
"""

ZBF_COMMON = """\
zone security INSIDE
zone security OUTSIDE
zone-pair security IN-OUT source INSIDE destination OUTSIDE
 service-policy type inspect IN-OUT-POLICY
zone-pair security OUT-IN source OUTSIDE destination INSIDE
 service-policy type inspect OUT-IN-POLICY
"""

ZBF_SIP = """\
class-map type inspect match-any VOICE
 match protocol sip
 match protocol rtsp
class-map type inspect match-any WEB
 match protocol http
 match protocol https
 match protocol dns
policy-map type inspect IN-OUT-POLICY
 class type inspect VOICE
  inspect
 class type inspect WEB
  inspect
 class class-default
  drop log
policy-map type inspect OUT-IN-POLICY
 class class-default
  drop
"""

ZBF_ACL = """\
parameter-map type inspect EDGE-PARAMS
 udp idle-time 60
class-map type inspect match-all TO-PROVIDER
 match access-group name SIP-OUT
policy-map type inspect IN-OUT-POLICY
 class type inspect TO-PROVIDER
  inspect EDGE-PARAMS
 class class-default
  drop
policy-map type inspect OUT-IN-POLICY
 class class-default
  drop
"""

ZONED: dict[str, Any] = {"inside": ("zone-member security INSIDE",), "outside": ("zone-member security OUTSIDE",)}

VOICE = """\
voice service voip
 ip address trusted list
  ipv4 192.0.2.80
 allow-connections sip to sip
 sip
  bind control source-interface GigabitEthernet0/0
  bind media source-interface GigabitEthernet0/0
voice register global
 mode srst
 max-dn 40
 max-pool 40
"""

VOICE_PEERS = """\
dial-peer voice 100 voip
 destination-pattern 9T
 session protocol sipv2
 session target ipv4:192.0.2.80
sip-ua
 registrar dns:sip.example.net expires 240
"""

FORWARDS = (
    "ip nat inside source static udp 192.168.10.20 5060 interface GigabitEthernet0/0 5060",
    "ip nat inside source static udp 192.168.10.20 10000 198.51.100.2 10000 extendable",
    "ip nat inside source static udp 192.168.10.20 10001 198.51.100.2 10001 extendable",
    "ip nat inside source static tcp 192.168.10.30 443 198.51.100.2 443 extendable",
)

FOREIGN = (
    "ip nat inside source static udp 192.168.10.30 5060 interface GigabitEthernet0/0 5060",
    "ip nat inside source static 192.168.10.31 198.51.100.3",
)

_ALL = (
    IosVariant("nat-default", "NAT, nothing said about SIP: UDP and TCP are on by default and not shown"),
    IosVariant("both-off", "already right: both transports off", nat=(OFF_TCP, OFF_UDP)),
    IosVariant("udp-off-only", "half done: UDP off, TCP still on", nat=(OFF_UDP,)),
    IosVariant("tcp-off-only", "half done: TCP off, UDP still on", nat=(OFF_TCP,)),
    IosVariant(
        "extra-port",
        "both standard ports off, but SIP is also rewritten on UDP 5080",
        nat=(OFF_TCP, OFF_UDP, "ip nat service sip udp port 5080"),
    ),
    IosVariant("no-nat", "a router that does no NAT", rules=(), flags=frozenset({"no_nat"})),
    IosVariant(
        "switch",
        "a Catalyst switch with the same command line and no NAT",
        form="switch",
        version="17.9.4a",
        rules=(),
        flags=frozenset({"no_nat", "switch"}),
    ),
    IosVariant(
        "cbac-sip",
        "NAT ALG off, but the classic firewall inspects SIP on the outside interface",
        nat=(OFF_TCP, OFF_UDP),
        top=CBAC_RULE,
        outside=("ip inspect EDGE out",),
    ),
    IosVariant(
        "cbac-sip-no-udp",
        "as cbac-sip, but the rule has no generic udp line: taking sip out would cut the media",
        nat=(OFF_TCP, OFF_UDP),
        top=CBAC_RULE.replace("ip inspect name EDGE udp\n", ""),
        outside=("ip inspect EDGE out",),
    ),
    IosVariant(
        "cbac-defined-not-applied",
        "a rule with sip is defined and no interface uses it; NAT ALG off",
        nat=(OFF_TCP, OFF_UDP),
        top=CBAC_RULE,
    ),
    IosVariant(
        "zbf-sip",
        "zone firewall that inspects protocol sip; NAT ALG off",
        nat=(OFF_TCP, OFF_UDP),
        top=ZBF_SIP + ZBF_COMMON,
        **ZONED,
    ),
    IosVariant(
        "zbf-acl-inspect",
        "IOS XE zone firewall: matched by access list only, still inspects; its UDP timer is 60 s",
        form="xe",
        version="17.6.5",
        nat=(OFF_TCP, OFF_UDP),
        top=ZBF_ACL + ZBF_COMMON,
        bottom="ip access-list extended SIP-OUT\n permit udp any any eq 5060\n permit udp any any range 10000 20000\n",
        **ZONED,
    ),
    IosVariant(
        "all-algs-off",
        "IOS XE with every NAT ALG off by one switch",
        form="xe",
        version="17.6.5",
        nat=("no ip nat service all-algs",),
    ),
    IosVariant(
        "archive", "archive with a path: the revert timer works", top="archive\n path flash:archive\n maximum 5\n"
    ),
    IosVariant("no-archive", "archive not enabled, said with a leading blank", flags=frozenset({"archive_blank"})),
    IosVariant(
        "sip-device",
        "the router itself is CUBE and SRST; NAT ALG on",
        form="xe",
        version="17.6.5",
        top=VOICE,
        bottom=VOICE_PEERS,
        flags=frozenset({"sip_listener"}),
    ),
    IosVariant(
        "classic-15",
        "classic IOS 15, logs in at privilege 1 and needs enable",
        version="15.4(3)M9",
        login={"privilege": 1},
    ),
    IosVariant("xe-17", "IOS XE 17 on an ISR 4331", form="xe", version="17.6.5"),
    IosVariant(
        "old-12",
        "12.3: knows no TCP SIP ALG and rejects its line; only SHA-1 key exchange",
        form="old",
        version="12.3(15a)",
        flags=frozenset({"rejects_tcp"}),
        login={"legacy_kex": True, "privilege": 1},
    ),
    IosVariant(
        "short-udp-timeout",
        "both off, but NAT drops UDP after 30 s",
        nat=("ip nat translation udp-timeout 30", OFF_TCP, OFF_UDP),
    ),
    IosVariant(
        "static-5060", "a static forward of UDP 5060 that has live child entries", rules=(OVERLOAD, FORWARDS[0])
    ),
    IosVariant(
        "forwards", "UDP 5060, two RTP ports and HTTPS forwarded", nat=(OFF_TCP, OFF_UDP), rules=(OVERLOAD, *FORWARDS)
    ),
    IosVariant(
        "forwards-foreign",
        "UDP 5060 of the outside interface belongs to another host, and a web server has a public address of its own",
        nat=(OFF_TCP, OFF_UDP),
        rules=(OVERLOAD, *FOREIGN),
    ),
    IosVariant(
        "outside-acl",
        "the outside interface has an inbound access list",
        nat=(OFF_TCP, OFF_UDP),
        outside=("ip access-group FROM-OUTSIDE in",),
        bottom="ip access-list extended FROM-OUTSIDE\n permit udp host 192.0.2.80 host 198.51.100.2 eq 5060\n deny   ip any any log\n",
    ),
    IosVariant(
        "long-name",
        "hostname of 29 characters: shortened to 20 in configuration prompts",
        top="",
        flags=frozenset({"long_name"}),
    ),
)

VARIANTS: dict[str, IosVariant] = {variant.name: variant for variant in _ALL}

_HEAD = """\
service timestamps debug datetime msec
service timestamps log datetime msec
service password-encryption
!
hostname {hostname}
!
boot-start-marker
boot-end-marker
!
enable secret 5 $1$PLANTED-SECRET-ios
!
no aaa new-model
!
ip domain name example.net
"""

_MIDDLE = """\
username admin privilege {privilege} secret 5 $1$PLANTED-SECRET-ios-user
!
crypto isakmp key PLANTED-SECRET-psk address 203.0.113.77
!
"""

_TAIL = """\
ip route 0.0.0.0 0.0.0.0 198.51.100.1
!
access-list 100 permit ip 192.168.10.0 0.0.0.255 any
!
snmp-server community PLANTED-SECRET-snmp RO
!
line con 0
 password 7 PLANTED-SECRET-ios
line vty 0 4
 login local
 transport input ssh
!
end
"""


def _interface(name: str, lines: tuple[str, ...]) -> str:
    return f"interface {name}\n" + "".join(f" {line}\n" for line in lines) + "!\n"


def configuration(variant: IosVariant, hostname: str, privilege: int) -> str:
    """The running configuration from ``version`` to ``end``, in the order IOS prints it."""
    nat = "no_nat" not in variant.flags
    outside: tuple[str, ...] = ("description WAN", "ip address 198.51.100.2 255.255.255.248")
    inside: tuple[str, ...] = ("description LAN", "ip address 192.168.10.1 255.255.255.0")
    outside += (("ip nat outside",) if nat else ()) + variant.outside
    inside += (("ip nat inside",) if nat else ()) + variant.inside
    version = ".".join(variant.version.split(".")[:2]).split("(", maxsplit=1)[0]
    return "".join(
        (
            f"version {version}\n",
            _HEAD.format(hostname=hostname),
            "" if not variant.top else variant.top + "!\n",
            _MIDDLE.format(privilege=privilege),
            _interface("GigabitEthernet0/0", (*outside, "duplex auto", "speed auto")),
            _interface("GigabitEthernet0/1", (*inside, "duplex auto", "speed auto")),
            "ip forward-protocol nd\n!\n",
            "".join(line + "\n" for line in (*variant.nat, *variant.rules)),
            variant.bottom,
            _TAIL,
        )
    )
