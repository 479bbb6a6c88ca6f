# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated router configurations of about 30 kB, with the variety that the judgement looks at. The seed fixes them."""

from __future__ import annotations

import random
from pathlib import Path


def configuration(number: int, size: int = 30_000) -> str:
    """One running configuration; what it holds follows from its number."""
    dice = random.Random(number)
    lines = ["!", "version 15.7", "service timestamps log datetime msec", "!", f"hostname edge-{number}", "!"]
    cbac = dice.random() < 0.2
    if cbac:
        lines += [f"ip inspect name FW {p}" for p in ("tcp", "udp", "sip" if dice.random() < 0.5 else "ftp")] + ["!"]
    nat = dice.random() < 0.8
    for at in range(40):
        lines += [f"interface GigabitEthernet0/{at}", f" description port {at} of site {number}"]
        lines += [f" ip address 10.{number % 250}.{at}.1 255.255.255.0", " no ip redirects", " no ip proxy-arp"]
        if nat and at < 2:
            lines.append(" ip nat outside" if at == 0 else " ip nat inside")
        if cbac and at == 0:
            lines.append(" ip inspect FW out")
        lines += [" duplex auto", " speed auto", "!"]
    if nat:
        off = dice.random()
        if off < 0.5:
            lines.append("no ip nat service sip tcp port 5060")
        if off < 0.6:
            lines.append("no ip nat service sip udp port 5060")
        if dice.random() < 0.3:
            lines.append(f"ip nat translation udp-timeout {dice.choice((30, 60, 300, 600))}")
        lines.append("ip nat inside source list 10 interface GigabitEthernet0/0 overload")
    lines.append("!")
    length = sum(len(line) + 1 for line in lines)
    lists = 0
    while length < size - 200:
        block = [f"ip access-list extended ACL-{lists}"]
        block += [
            f" permit tcp 10.{dice.randrange(256)}.0.0 0.0.255.255 host 192.0.2.{dice.randrange(1, 255)} eq {dice.randrange(1, 65535)}"
            for _entry in range(20)
        ] + [" deny   ip any any log", "!"]
        lines += block
        length += sum(len(line) + 1 for line in block)
        lists += 1
    lines += ["line vty 0 4", " login local", " transport input ssh", "!", "end", ""]
    return "\n".join(lines)


def write(folder: Path, count: int) -> None:
    """``count`` files, one a host."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"edge-{number:05}.cfg").write_text(configuration(number))
