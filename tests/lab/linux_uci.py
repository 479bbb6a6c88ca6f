# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenWrt's firewall configuration with ``uci`` in front of it, and what firewall3 and firewall4 make of it."""

from __future__ import annotations

import copy
import re
import shlex
from dataclasses import dataclass, field
from typing import Union

from .linux_tables import Ruleset, Tables

Value = Union[str, "list[str]"]
CATALOGUE = (("ftp", "nf_conntrack_ftp", "tcp", 21, "FTP passive connection tracking"),
             ("sip", "nf_conntrack_sip", "udp", 5060, "SIP VoIP connection tracking"),
             ("tftp", "nf_conntrack_tftp", "udp", 69, "TFTP connection tracking"))  # fmt: skip
DEVICES = {"lan": "br-lan", "wan": "eth1", "guest": "br-guest"}


@dataclass
class Part:
    """One section."""

    kind: str
    name: str = ""
    options: dict[str, Value] = field(default_factory=dict)

    def text(self, key: str, default: str = "") -> str:
        value = self.options.get(key, default)
        return value if isinstance(value, str) else " ".join(value)


class Uci:
    """The configuration as it is edited, and as it is on flash. ``changes``: what is not committed."""

    def __init__(self, parts: list[Part], changes: list[str]) -> None:
        self.parts = copy.deepcopy(parts)
        self.flash = copy.deepcopy(parts)
        self.changes = list(changes)

    def commit(self) -> None:
        self.flash, self.changes = copy.deepcopy(self.parts), []

    def forget(self) -> None:
        self.parts, self.changes = copy.deepcopy(self.flash), []

    def show(self) -> str:
        out, seen = "", dict[str, int]()
        for part in self.parts:
            number = seen[part.kind] = seen.get(part.kind, -1) + 1
            ref = part.name or f"@{part.kind}[{number}]"
            out += f"firewall.{ref}={part.kind}\n"
            for key, value in part.options.items():
                values = [value] if isinstance(value, str) else value
                out += f"firewall.{ref}.{key}=" + " ".join("'" + v.replace("'", "'\\''") + "'" for v in values) + "\n"
        return out

    def find(self, ref: str) -> Part | None:
        found = re.fullmatch(r"@(\w+)\[(\d+)\]", ref)
        if found:
            same = [p for p in self.parts if p.kind == found.group(1)]
            return same[int(found.group(2))] if int(found.group(2)) < len(same) else None
        return next((p for p in self.parts if p.name == ref), None)

    def command(self, verb: str, argument: str) -> str:
        """``set``, ``add_list``, ``del_list`` and ``delete``; the complaint or ""."""
        path, _sep, value = argument.partition("=")
        _config, ref, *rest = path.split(".")
        part, key = self.find(ref), rest[0] if rest else ""
        if verb == "set" and not key:
            if part is None:
                self.parts.append(Part(value, ref))
            self.changes.append(f"firewall.{ref}='{value}'")
            return ""
        if part is None or (verb == "delete" and key and key not in part.options):
            return "uci: Entry not found\n"
        self.changes.append(f"{'-' if verb == 'delete' else ''}firewall.{ref}" + (f".{key}='{value}'" if key else ""))
        if verb == "delete":
            if key:
                del part.options[key]
            else:
                self.parts.remove(part)
        elif verb == "set":
            part.options[key] = value
        else:
            old = part.options.get(key, [])
            listed = [old] if isinstance(old, str) else list(old)
            part.options[key] = [*listed, value] if verb == "add_list" else [v for v in listed if v != value]
        return ""


def given(uci: Uci, zone: Part, there: tuple[str, ...]) -> list[tuple[str, str, str, int, str]]:
    """The helpers of the catalogue that a zone gives, ``there`` being the modules of the kernel."""
    defaults = next((p for p in uci.parts if p.kind == "defaults"), Part("defaults"))
    listed = zone.text("helper").split()
    auto = "0" not in (defaults.text("auto_helper", "1"), zone.text("auto_helper", "1")) and zone.text("masq") != "1"
    return [h for h in CATALOGUE if h[1] in there and (h[0] in listed if listed else auto)]


def _redirects(uci: Uci) -> list[Part]:
    return [p for p in uci.parts if p.kind == "redirect" and p.text("enabled", "1") != "0"]


def _protocols(part: Part) -> list[str]:
    return part.text("proto", "tcp udp").replace("tcpudp", "tcp udp").split()


def firewall4(uci: Uci, there: tuple[str, ...], own: str) -> Ruleset:
    """The table ``inet fw4``; ``own`` are lines of files of the user that go into it."""
    out = Ruleset()
    zones = [p for p in uci.parts if p.kind == "zone"]
    lines = ["table inet fw4 {"]
    for name, module, proto, _port, _what in CATALOGUE:
        if module in there:
            lines += [f"ct helper {name} {{", f'type "{name}" protocol {proto}', "l3proto inet", "}"]
    lines += ["chain forward {", "type filter hook forward priority filter; policy drop;",
              'ct state established,related accept comment "!fw4: Allow forwarded established and related flows"', "}"]  # fmt: skip
    helper_chains, jumps = [], []
    for zone in zones:
        rules = [f'{h[2]} dport {h[3]} ct helper set "{h[0]}" comment "!fw4: {h[4]}"' for h in given(uci, zone, there)]
        for rule in uci.parts:
            mine = rule.kind == "rule" and rule.text("src") == zone.text("name") and rule.text("enabled", "1") != "0"
            helper = next((h for h in CATALOGUE if h[0] == rule.text("set_helper") and h[1] in there), None)
            if mine and helper:
                rules.append(
                    f'udp dport {rule.text("dest_port")} ct helper set "{helper[0]}" comment "!fw4: {rule.text("name")}"'
                )
        if rules:
            name = zone.text("name")
            jumps.append(
                f'iifname "{DEVICES[name]}" jump helper_{name} comment "!fw4: Handle {name} IPv4/IPv6 helper assignment"'
            )
            helper_chains += [f"chain helper_{name} {{", *rules, "}"]
    lines += [
        "chain prerouting {",
        "type filter hook prerouting priority filter; policy accept;",
        *jumps,
        "}",
        *helper_chains,
    ]
    lines += ["chain dstnat {", "type nat hook prerouting priority dstnat; policy accept;"]
    lines += (
        [f'iifname "{DEVICES["wan"]}" jump dstnat_wan comment "!fw4: Handle wan IPv4/IPv6 dstnat traffic"']
        if _redirects(uci)
        else []
    )
    lines.append("}")
    if _redirects(uci):
        lines.append("chain dstnat_wan {")
        for part in _redirects(uci):
            source = f"ip saddr {part.text('src_ip')} " if part.text("src_ip") else "meta nfproto ipv4 "
            target = part.text("dest_port") or part.text("src_dport")
            lines += [
                f'{source}{p} dport {part.text("src_dport")} counter packets 0 bytes 0 dnat ip to {part.text("dest_ip")}:{target} '
                f'comment "!fw4: {part.text("name")}"'
                for p in _protocols(part)
            ]  # fmt: skip
        lines.append("}")
    out.load("\n".join([*lines, *own.split("\n"), "}"]))
    return out


def firewall3(uci: Uci, there: tuple[str, ...]) -> Tables:
    raw, nat = [":PREROUTING ACCEPT [0:0]"], [":PREROUTING ACCEPT [0:0]", ":zone_wan_prerouting - [0:0]"]
    rules, forwards = [], ['-A PREROUTING -i eth1 -m comment --comment "!fw3" -j zone_wan_prerouting']
    for zone in (p for p in uci.parts if p.kind == "zone"):
        name, helpers = zone.text("name"), given(uci, zone, there)
        if helpers:
            raw.append(f":zone_{name}_helper - [0:0]")
            rules.append(
                f'-A PREROUTING -i {DEVICES[name]} -m comment --comment "!fw3: {name} CT helper assignment" -j zone_{name}_helper'
            )
        for helper, _module, proto, port, what in helpers:
            for p in ("tcp", "udp") if helper == "sip" else (proto,):
                rules.append(
                    f'-A zone_{name}_helper -p {p} -m comment --comment "!fw3: {what}" -m {p} --dport {port} -j CT --helper {helper}'
                )
    for part in _redirects(uci):
        source = f"-s {part.text('src_ip')} " if part.text("src_ip") else ""
        target = part.text("dest_port") or part.text("src_dport")
        forwards += [
            f'-A zone_wan_prerouting {source}-p {p} -m {p} --dport {part.text("src_dport").replace("-", ":")} -m comment --comment '
            f'"!fw3: {part.text("name")}" -j DNAT --to-destination {part.text("dest_ip")}:{target}'
            for p in _protocols(part)
        ]  # fmt: skip
    return Tables("\n".join(["*raw", *raw, *rules, "COMMIT", "*nat", *nat, *forwards, "COMMIT"]))


def config(text: str) -> list[Part]:
    """Sections of the text of /etc/config/firewall."""
    parts: list[Part] = []
    for line in text.split("\n"):
        words = shlex.split(line)
        if words[:1] == ["config"]:
            parts.append(Part(words[1], words[2] if len(words) > 2 else ""))
        elif words[:1] == ["option"]:
            parts[-1].options[words[1]] = words[2]
        elif words[:1] == ["list"]:
            old = parts[-1].options.setdefault(words[1], [])
            if isinstance(old, list):
                old.append(words[2])
    return parts
