# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated saved configurations of IOS routers, about 30 kB each, the same ones for the same seed."""

from __future__ import annotations

import multiprocessing
import random
from pathlib import Path

SEED = 5060
WANTED_BYTES = 30_000

_HEAD = """\
!
! Last configuration change at 0{hour}:12:4{minute} UTC Tue Nov 24 2026 by admin
!
version {version}
service timestamps debug datetime msec
service timestamps log datetime msec
service password-encryption
!
hostname {host}
!
boot-start-marker
boot-end-marker
!
no aaa new-model
ip domain name example.net
ip cef
!
"""
_TAIL = """\
!
line con 0
 logging synchronous
line vty 0 4
 login local
 transport input ssh
!
ntp server 192.0.2.123
end
"""
_OFF = ("no ip nat service sip tcp port 5060", "no ip nat service sip udp port 5060")
# Which of the two lines are there, by weight.
_LINES = ((), (), _OFF, _OFF, _OFF, _OFF[:1], _OFF[1:])
_FIREWALLS = ("none", "none", "none", "none", "cbac-sip", "cbac", "cbac-unused", "zone-sip", "zone-other", "zone-acl")
_PROTOCOLS = ("tcp", "udp", "ftp", "tftp", "h323", "rtsp", "icmp")


def _cbac(rng: random.Random, kind: str) -> str:
    lines = [f"ip inspect name FW {name}" for name in rng.sample(_PROTOCOLS, 5)]
    if kind != "cbac":
        lines.insert(rng.randrange(6), "ip inspect name FW sip")
    return "\n".join(lines) + "\n!\n"


def _zones(kind: str) -> str:
    match = {
        "zone-sip": " match protocol sip",
        "zone-other": " match protocol http\n match protocol https",
        "zone-acl": " match access-group name OUTBOUND",
    }[kind]
    return (
        f"class-map type inspect match-any TRAFFIC\n{match}\n!\n"
        "policy-map type inspect OUT\n class type inspect TRAFFIC\n  inspect\n class class-default\n  drop\n!\n"
        "zone security inside\nzone security outside\n"
        "zone-pair security in-out source inside destination outside\n service-policy type inspect OUT\n!\n"
    )


def _interfaces(rng: random.Random, nat: bool, firewall: str, count: int) -> str:
    out = []
    for number in range(count):
        name = f"GigabitEthernet0/{number // 8}/{number % 8}"
        outside = number == 0
        lines = [f"interface {name}", f" description site {rng.randrange(10**6)} circuit {rng.randrange(10**9)}"]
        lines.append(f" ip address 10.{rng.randrange(256)}.{rng.randrange(256)}.1 255.255.255.0")
        if nat and number < 4:
            lines.append(" ip nat outside" if outside else " ip nat inside")
        if outside and firewall in ("cbac", "cbac-sip"):
            lines.append(" ip inspect FW out")
        if firewall.startswith("zone") and number < 4:
            lines.append(" zone-member security {}".format("outside" if outside else "inside"))
        out.append("\n".join([*lines, " duplex auto", " speed auto", "!\n"]))
    return "".join(out)


def _acl(rng: random.Random, name: str) -> str:
    lines = [f"ip access-list extended {name}"]
    for _number in range(rng.randrange(20, 60)):
        action, protocol = rng.choice(("permit", "deny")), rng.choice(("tcp", "udp"))
        source = f"10.{rng.randrange(256)}.{rng.randrange(256)}.0 0.0.0.255"
        target = f"host 192.0.2.{rng.randrange(256)}"
        lines.append(f" {action} {protocol} {source} {target} eq {rng.randrange(1, 65536)}")
    return "\n".join(lines) + "\n"


def configuration(number: int, seed: int = SEED) -> tuple[str, str]:
    """(host, text) of the configuration with this number."""
    rng = random.Random(seed * 1_000_003 + number)
    host = f"site-{number:05d}-{rng.choice(('r1', 'r2', 'gw'))}"
    version = rng.choice(("12.4", "15.1", "15.4", "15.7", "16.9", "17.3", "17.6"))
    firewall = rng.choice(_FIREWALLS)
    if firewall.startswith("cbac") and version >= "16":
        firewall = "none"  # IOS XE has no classic firewall
    nat = rng.random() < 0.85
    parts = [_HEAD.format(hour=rng.randrange(10), minute=rng.randrange(10), version=version, host=host)]
    if firewall.startswith("cbac"):
        parts.append(_cbac(rng, firewall))
    elif firewall.startswith("zone"):
        parts.append(_zones(firewall))
    parts.append(_interfaces(rng, nat, firewall, rng.randrange(12, 48)))
    if nat:
        parts += [line + "\n" for line in rng.choice(_LINES)]
        parts.append("ip nat inside source list 100 interface GigabitEthernet0/0/0 overload\n")
        if rng.random() < 0.2:
            parts.append(f"ip nat translation udp-timeout {rng.choice((30, 60, 120, 600))}\n")
    parts.append("ip route 0.0.0.0 0.0.0.0 198.51.100.1\n!\nip access-list extended OUTBOUND\n permit ip any any\n")
    size = sum(map(len, parts)) + len(_TAIL)
    while size < WANTED_BYTES:
        parts.append(_acl(rng, f"ACL-{len(parts)}"))
        size += len(parts[-1])
    return host, "".join(parts) + "access-list 100 permit ip 192.168.0.0 0.0.255.255 any\n" + _TAIL


def _write(item: tuple[str, int]) -> int:
    folder, number = item
    host, text = configuration(number)
    return Path(folder, f"{host}.cfg").write_text(text, encoding="utf-8")


def generate(folder: Path, first: int, count: int) -> int:
    """Writes ``count`` configurations, numbered from ``first``, on all processors. Returns their bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool() as pool:
        return sum(pool.imap_unordered(_write, ((str(folder), n) for n in range(first, first + count)), chunksize=50))
