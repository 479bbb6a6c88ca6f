# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a FortiGate is set to, read out of its configuration tree. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..core.blocks import Block, words
from ..core.blocks import read as read_blocks
from ..core.profiles import Profile
from ..core.text import elided, port_range
from .base import Replies

ROLE_HIDDEN = "role not shown"
KERNEL, PROXY = "kernel-helper-based", "proxy-based"
MODE = "default-voip-alg-mode"
GLOBAL = "global"
UDP_DEFAULT = 180
EVERY_PORT = (0, 65535)
VIP, ADDRESS, SERVICE, POLICY = "firewall vip", "firewall address", "firewall service custom", "firewall policy"
FORWARD_TABLES = (VIP, ADDRESS, SERVICE, POLICY)
# The keys of `system settings` that decide or accompany, with the value that means off
OFF_VALUES = ((MODE, KERNEL), ("sip-expectation", "disable"), ("sip-helper", "disable"), ("sip-nat-trace", "disable"))


@dataclass(frozen=True)
class Helper:
    id: str
    name: str
    sets: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Policy:
    id: str
    voip_profile: str
    ips_filter: str
    flow: bool


@dataclass(frozen=True)
class Service:
    name: str
    helper: str
    udp_idle: int
    ports: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Vdom:
    """One virtual domain. A table that was not seen is None; `keys` holds all keys of the settings when they are known."""

    settings: Mapping[str, str] | None
    keys: tuple[str, ...] | None
    profiles: Mapping[str, tuple[str, str]] | None
    profiles_absent: bool
    policies: tuple[Policy, ...] | None
    services: tuple[Service, ...] | None
    ttls: tuple[tuple[str, int, int, int | None], ...]
    tables: Mapping[str, Mapping[str, Block]]
    """The entries of the tables that make a forward, as they are written; one that was not seen is not in it."""
    ttl_ids: tuple[str, ...]
    """Ids of all port entries, those for other protocols too."""


@dataclass(frozen=True)
class Fortios:
    version: tuple[int, int, int] | None
    interfaces: Mapping[str, Block] | None
    firmware: str | None
    model: str | None
    whole: bool
    multi: bool
    live: bool
    vdoms: Mapping[str, Vdom]
    helpers: tuple[Helper, ...] | None
    udp_idle: int | None
    udp_idle_line: str
    cfg_save: str
    secondary: bool
    role_hidden: bool = False
    """It is in a cluster, and whether it is the primary was not shown."""
    documents: str = ""
    """What a change over the REST API has to know of the tables, by scope; JSON."""
    refused: tuple[str, ...] = ()
    """Reads that the device refused, with its words."""


def parse(replies: Replies) -> Fortios:
    status, text = replies.get("status", ""), replies.get("config", "")
    document = read_blocks(text)
    root = document.root
    more = read_blocks(replies.get("forwards", ""))
    if more.sound:
        _lay_over(root, more.root)
    multi = bool(root.tables.get("vdom", Block()).entries) or bool(
        re.search(r"Virtual domain configuration: (?:multiple|enable|split-task)", status)
    )
    header = re.search(r"^#config-version=(\w+?)-(\d+)\.(\d+)(?:\.(\d+))?", text, re.M)
    numbers = re.search(r"^Version: (\S+) v(\d+)\.(\d+)\.(\d+)", status, re.M)
    version: tuple[int, int, int] | None = None
    if numbers:
        version = (int(numbers.group(2)), int(numbers.group(3)), int(numbers.group(4)))
    elif header:
        # 5.x headers write 5.02 for 5.2
        version = (int(header.group(2)), int(header.group(3)), int(header.group(4) or 0))
    top = root.tables.get(GLOBAL, root) if multi else root
    full_global = read_blocks(replies.get("full_global", "")).root.tables.get("system global", Block())
    system = top.tables.get("system global", Block())
    idle = full_global.value("udp-idle-timer") or system.value("udp-idle-timer")
    vdoms = _vdoms(root, multi, replies)
    whole = document.sound and not elided(text) and bool(vdoms)
    interfaces = top.tables.get("system interface")
    return Fortios(
        version=version,
        interfaces=None if interfaces is None else interfaces.entries,
        firmware=".".join(str(n) for n in version) if version else None,
        model=numbers.group(1) if numbers else header.group(1) if header else None,
        whole=whole,
        multi=multi,
        live=bool(status),
        vdoms=vdoms,
        helpers=_helpers(top.tables.get("system session-helper")),
        udp_idle=int(idle) if idle.isdigit() else UDP_DEFAULT if "system global" in top.tables and whole else None,
        udp_idle_line=f"set udp-idle-timer {idle}" if idle else f"no udp-idle-timer line: default {UDP_DEFAULT} s",
        cfg_save=full_global.value("cfg-save") or system.value("cfg-save", "automatic"),
        secondary=bool(re.search(r"Current HA mode: .*(?:secondary|slave|backup)", status)),
        role_hidden=ROLE_HIDDEN in status,
        documents=replies.get("documents", ""),
        refused=tuple(line for line in replies.get("refused", "").split("\n") if line),
    )


def _lay_over(block: Block, more: Block) -> None:
    """Adds the tables and entries of another text about the same device."""
    for name, table in more.tables.items():
        _lay_over(block.tables.setdefault(name, Block()), table)
    for name, entry in more.entries.items():
        _lay_over(block.entries.setdefault(name, Block()), entry)
    block.sets.update(more.sets)


def _vdoms(root: Block, multi: bool, replies: Replies) -> dict[str, Vdom]:
    found = root.tables.get("vdom", Block()).entries
    # An administrator of one VDOM, and a backup of one VDOM, show its tables without the frame around them.
    scopes = dict(found.items()) if found else {"": root}
    return {
        name: _vdom(block, replies.get("full:" + name, ""), replies.get("profiles_absent", ""))
        for name, block in scopes.items()
    }


def _helpers(table: Block | None) -> tuple[Helper, ...] | None:
    if table is None:
        return None
    return tuple(Helper(i, e.value("name"), tuple(e.sets.items())) for i, e in table.entries.items())


def _vdom(block: Block, full: str, profiles_absent: str) -> Vdom:
    compact = block.tables.get("system settings")
    complete = read_blocks(full)
    detailed = complete.root.tables.get("system settings") if complete.sound else None
    settings = {
        k: words(v)[0] if words(v) else "" for b in (compact, detailed) if b is not None for k, v in b.sets.items()
    }
    profiles = block.tables.get("voip profile")
    policies, services = block.tables.get("firewall policy"), block.tables.get("firewall service custom")
    ttl = block.tables.get("system session-ttl", Block()).tables.get("port", Block())
    return Vdom(
        settings=None if compact is None and detailed is None else settings,
        keys=tuple(detailed.sets) if detailed is not None and len(detailed.sets) > 3 else None,
        profiles=None if profiles is None else {n: _profile(e) for n, e in profiles.entries.items()},
        profiles_absent=bool(profiles_absent),
        policies=None if policies is None else tuple(policies_of(policies)),
        services=None if services is None else tuple(services_of(services)),
        ttls=tuple(
            (i, *_span(e), _number(e.value("timeout")))
            for i, e in ttl.entries.items()
            if e.value("protocol") in ("17", "0")
        ),
        tables={name: block.tables[name].entries for name in FORWARD_TABLES if name in block.tables},
        ttl_ids=tuple(ttl.entries),
    )


def _profile(entry: Block) -> tuple[str, str]:
    sip = entry.tables.get("sip", Block())
    return sip.value("status", "enable"), sip.value("rtp", "enable")


def policies_of(table: Block) -> list[Policy]:
    return [
        Policy(i, e.value("voip-profile"), e.value("ips-voip-filter"), e.value("inspection-mode", "flow") == "flow")
        for i, e in table.entries.items()
        if is_enabled(e)
    ]


def is_enabled(entry: Block) -> bool:
    return entry.value("status", "enable") != "disable"


def services_of(table: Block) -> list[Service]:
    out = []
    for name, entry in table.entries.items():
        spans = [port_range(w.split(":")[0]) for w in words(entry.sets.get("udp-portrange", ""))]
        idle = entry.value("udp-idle-timer", "0")
        ports = tuple(s for s in spans if s is not None)
        out.append(Service(name, entry.value("helper", "auto"), int(idle) if idle.isdigit() else 0, ports))
    return out


def _span(entry: Block) -> tuple[int, int]:
    first = entry.value("start-port", "0")
    last = entry.value("end-port", first)
    return (int(first), int(last)) if first.isdigit() and last.isdigit() else (0, 0)


def _number(text: str) -> int | None:
    return None if text == "never" else int(text) if text.isdigit() else 300


def mode_of(box: Fortios, vdom: Vdom) -> str:
    """The mode of a VDOM: a value, `absent` where this firmware has no such key, or `unknown`."""
    if vdom.settings is None:
        return "unknown"
    if MODE in vdom.settings:
        return vdom.settings[MODE]
    if vdom.keys is not None:
        return "absent"
    if box.version is None:
        return "unknown"
    return PROXY if box.version >= (5, 2, 0) else "absent"


def sip_helpers(box: Fortios) -> tuple[Helper, ...]:
    return tuple(h for h in box.helpers or () if h.name == "sip")


def forwards_matter(root: Block, profile: Profile) -> bool:
    scopes = [root, *root.tables.get("vdom", Block()).entries.values()]
    return profile.forwards is not None or any(scope.tables.get(VIP, Block()).entries for scope in scopes)
