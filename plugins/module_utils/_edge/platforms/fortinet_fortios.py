# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fortinet FortiGate, FortiOS 5.x to 7.6, over SSH, over its REST API, or from a backup.

Nine places decide whether SIP is touched. In order of rank: a policy's VoIP profile puts SIP on the ALG whatever else is
set; without one the mode of the VDOM decides between the ALG (profile "default") and the session helper; the helper acts
when its table has an entry named sip. Removing the helper alone never means off.

The command line and the REST API show one tree. What the API gives is written as the text that the command line would show,
so one reader judges both; a plan is made in lines of the command line, and over the API each line becomes a request.
Sources: the vendor's tips on SIP ALG and helper, its CLI and API references; see the platform's page in the docs.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from ..core.blocks import Block, render, words
from ..core.blocks import read as read_blocks
from ..core.documents import Editor, Grammar, address, block_of, bones
from ..core.errors import LoginRefused, Refusal, UnknownReply
from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges, ports
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import elided, first_match, port_range, unique
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import CliSession, Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door, RestSession
from .base import Ask, Fact, Platform, Replies

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

FACTS = (
    Fact(
        "alg_mode",
        "sip_alg",
        "VDOM: default-voip-alg-mode",
        "5.2 and later; default proxy-based",
        "doc",
        "yes",
        "config system settings; set default-voip-alg-mode kernel-helper-based; end",
    ),
    Fact(
        "policy_profile",
        "sip_alg",
        "policy: voip-profile",
        "all",
        "doc",
        "opt-in",
        "In each policy that carries SIP: remove the VoIP profile (Policy & Objects > Firewall Policy > Security Profiles > VoIP off). "
        "Do not put a profile without SIP on the policy: naming any profile is what brings the ALG in",
    ),
    Fact(
        "voip_profile",
        "sip_alg",
        "voip profile: sip status",
        "5.0 and later",
        "doc",
        "yes",
        'config voip profile; edit "default"; config sip; set rtp disable; set status disable; end; next; end',
    ),
    Fact(
        "session_helper",
        "sip_alg",
        "system session-helper: entries named sip",
        "all; present by default",
        "doc",
        "yes",
        "config system session-helper; show (find the entry whose name is sip, its number varies); delete NUMBER; end",
    ),
    Fact(
        "sip_helper",
        "sip_alg",
        "VDOM: sip-helper",
        "6.0 and before",
        "doc",
        "yes",
        "config system settings; set sip-helper disable; end",
    ),
    Fact(
        "sip_expectation",
        "sip_alg",
        "VDOM: sip-expectation",
        "6.2 and later; default disable",
        "doc",
        "yes",
        "config system settings; set sip-expectation disable; end",
    ),
    Fact(
        "sip_nat_trace",
        "sip_alg",
        "VDOM: sip-nat-trace (records addresses while SIP is processed)",
        "all; default enable",
        "doc",
        "yes",
        "config system settings; set sip-nat-trace disable; end",
    ),
    Fact(
        "service_helper",
        "sip_alg",
        "custom service: helper sip",
        "all",
        "doc",
        "opt-in",
        "config firewall service custom; edit NAME; set helper auto; next; end",
    ),
    Fact(
        "flow_sip",
        "sip_alg",
        "flow-based SIP inspection of policies in flow mode",
        "7.0.1 to 7.2.4; ips-voip-filter from 7.2.5",
        "doc",
        "yes",
        "config system settings; set default-voip-alg-mode kernel-helper-based; end",
    ),
    Fact(
        "udp_idle",
        "udp_timeout",
        "system global: udp-idle-timer (raised by a port entry for 5060)",
        "all; default 180 s",
        "doc",
        "yes",
        "config system session-ttl; config port; edit ID; set protocol 17; set start-port 5060; "
        "set end-port 5060; set timeout 180; next; end; end",
    ),
    Fact(
        "udp_port_ttl",
        "udp_timeout",
        "system session-ttl: port entry for UDP",
        "all",
        "doc",
        "yes",
        "config system session-ttl; config port; edit ID; set timeout 300; next; end; end",
    ),
    Fact(
        "udp_service",
        "udp_timeout",
        "custom service: udp-idle-timer",
        "all",
        "doc",
        "opt-in",
        "config firewall service custom; edit NAME; set udp-idle-timer 180; next; end",
    ),
    Fact(
        "vip",
        "port_forwards",
        "firewall vip, and the policies that let somebody in through it",
        "all; not with central NAT, not in policy-based mode",
        "doc",
        "yes",
        "config firewall vip; edit NAME; set extip PUBLIC; set mappedip PBX; set extintf WAN; set portforward enable; set protocol udp; "
        "set extport 5060; set mappedport 5060; next; end; then a policy from WAN to the PBX's interface with the provider's networks as "
        "source and the virtual IP as destination. To close it remove the policy first, then the virtual IP",
    ),
)

DIALECT = Dialect(
    pager=r"--More--[ \t]*",
    greetings=((r"\(Press 'a' to accept\):", "a"),),
    errors=(
        r"^(?:\d+: )?Command fail\. Return code",
        r"^(?:\d+: )?Unknown action",
        r"parse error before",
        r"entry not found in",
        r"object (?:check|set) operator error",
        r"node_check_object fail",
        r"must be set",
        r"^(?:ambiguous|incomplete) command|^internal error|^invalid input|^invalid netmask",
        r"not found in table",
        r"duplicated with another vip",
        r"^Permission denied",
    ),
    nested=r" \([^()]*\) ?[#$]",
    logout=("exit",),
)


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
        policies=None if policies is None else tuple(_policies(policies)),
        services=None if services is None else tuple(_services(services)),
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


def _policies(table: Block) -> list[Policy]:
    return [
        Policy(i, e.value("voip-profile"), e.value("ips-voip-filter"), e.value("inspection-mode", "flow") == "flow")
        for i, e in table.entries.items()
        if _enabled(e)
    ]


def _enabled(entry: Block) -> bool:
    return entry.value("status", "enable") != "disable"


def _services(table: Block) -> list[Service]:
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


def _mode(box: Fortios, vdom: Vdom) -> str:
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


def _sip_helpers(box: Fortios) -> tuple[Helper, ...]:
    return tuple(h for h in box.helpers or () if h.name == "sip")


class _Judge:
    """The mechanisms of one VDOM."""

    def __init__(self, box: Fortios, name: str, vdom: Vdom) -> None:
        self.box, self.scope, self.vdom = box, name or "root" if box.multi else "global", vdom
        self.mode = _mode(box, vdom)
        self.default_status = None if vdom.profiles is None else vdom.profiles.get("default", ("enable", "enable"))[0]

    def made(
        self, fact: str, state: str, evidence: tuple[str, ...], basis: str = "configured", label: str = "doc"
    ) -> Mechanism:
        if state != "on" and not self.box.whole:
            state, evidence = "unknown", (*evidence, "the text is not whole")
        return Mechanism(fact, self.scope, state, basis, evidence, label)

    def all(self) -> list[Mechanism]:
        return [
            self.alg_mode(),
            self.policy_profile(),
            self.voip_profile(),
            self.sip_helper(),
            self.sip_expectation(),
            self.sip_nat_trace(),
            self.service_helper(),
            self.flow_sip(),
        ]

    def setting(self, key: str) -> str | None:
        return (self.vdom.settings or {}).get(key)

    def alg_mode(self) -> Mechanism:
        line = f"set {MODE} {self.mode}"
        if self.mode == "unknown":
            return self.made(
                "alg_mode", "unknown", ("config system settings is not in this text, or the version is unknown",)
            )
        if self.mode == "absent":
            return self.made("alg_mode", "not_applicable", (f"this firmware has no {MODE}",), "default")
        if self.mode == KERNEL:
            return self.made("alg_mode", "off", (line,))
        basis = "configured" if self.setting(MODE) else "default"
        evidence = (line,) if basis == "configured" else (f"no {MODE} line: default {PROXY}",)
        if self.default_status == "disable":
            return self.made("alg_mode", "off", (*evidence, 'profile "default": set status disable'), basis)
        if self.vdom.profiles_absent:
            return self.made(
                "alg_mode",
                "unknown",
                (*evidence, "this model has no voip profiles; what the mode does there is not documented"),
                basis,
            )
        return self.made("alg_mode", "on", evidence, basis)

    def policy_profile(self) -> Mechanism:
        if self.vdom.policies is None:
            return self.made("policy_profile", "unknown", ("config firewall policy was not read",))
        carriers = [p for p in self.vdom.policies if p.voip_profile]
        for policy in carriers:
            evidence = (f"edit {policy.id}", f'set voip-profile "{policy.voip_profile}"')
            known = (self.vdom.profiles or {}).get(policy.voip_profile)
            if known is None:
                return self.made("policy_profile", "unknown", (*evidence, "that profile is not in this text"))
            if known[0] != "disable":
                return self.made("policy_profile", "on", evidence)
        if carriers:
            names = ", ".join(unique(p.voip_profile for p in carriers))
            return self.made("policy_profile", "off", (f"profiles with sip status disable: {names}",))
        return self.made("policy_profile", "off", ("no policy has a voip-profile",))

    def voip_profile(self) -> Mechanism:
        used = self.mode == PROXY or any(p.voip_profile == "default" for p in self.vdom.policies or ())
        if self.vdom.profiles is None:
            gone = self.vdom.profiles_absent or self.mode == KERNEL
            note = "no voip profiles here" if self.vdom.profiles_absent else "config voip profile is not in this text"
            return self.made("voip_profile", "not_applicable" if gone else "unknown", (note,))
        evidence = ('edit "default"', f"set status {self.default_status}")
        if self.default_status == "disable":
            return self.made("voip_profile", "off", evidence)
        return self.made(
            "voip_profile", "on" if used else "not_applicable", evidence if used else (*evidence, "nothing uses it")
        )

    def sip_helper(self) -> Mechanism:
        value = self.setting("sip-helper")
        if value is None:
            return self.made("sip_helper", "not_applicable", ("no sip-helper key",), "default")
        if value == "disable":
            return self.made("sip_helper", "off", ("set sip-helper disable",))
        state = "on" if _sip_helpers(self.box) else "unknown" if self.box.helpers is None else "off"
        note = () if state == "on" else ("no helper entry named sip that it could switch",)
        return self.made("sip_helper", state, (f"set sip-helper {value}", *note))

    def sip_expectation(self) -> Mechanism:
        value = self.setting("sip-expectation") or "disable"
        if value == "disable":
            return self.made(
                "sip_expectation",
                "off",
                ("set sip-expectation disable",),
                "configured" if self.setting("sip-expectation") else "default",
            )
        state = "on" if _sip_helpers(self.box) else "unknown" if self.box.helpers is None else "not_applicable"
        return self.made("sip_expectation", state, (f"set sip-expectation {value}",))

    def sip_nat_trace(self) -> Mechanism:
        value = self.setting("sip-nat-trace")
        if value == "disable":
            return self.made("sip_nat_trace", "off", ("set sip-nat-trace disable",))
        evidence = ("set sip-nat-trace {}".format(value or "enable"), "it acts only where something else processes SIP")
        return self.made("sip_nat_trace", "not_applicable", evidence, "configured" if value else "default")

    def service_helper(self) -> Mechanism:
        if self.vdom.services is None:
            return self.made("service_helper", "unknown", ("config firewall service custom was not read",))
        forced = [s.name for s in self.vdom.services if s.helper == "sip"]
        if forced:
            return self.made("service_helper", "on", tuple(f'edit "{n}": set helper sip' for n in forced[:5]))
        return self.made("service_helper", "off", ("no service has helper sip",))

    def flow_sip(self) -> Mechanism:
        version, policies = self.box.version, self.vdom.policies
        if self.mode == KERNEL:
            return self.made("flow_sip", "off", (f"mode {KERNEL}",))
        filters = [p.id for p in policies or () if p.ips_filter]
        if filters:
            return self.made(
                "flow_sip",
                "not_applicable",
                (f"policy {filters[0]}: set ips-voip-filter", "it inspects, it does not rewrite"),
            )
        if version is None or not (7, 0, 1) <= version <= (7, 2, 4):
            return self.made(
                "flow_sip",
                "not_applicable",
                ("FortiOS {}".format(self.box.firmware or "of unknown version"),),
                "default",
            )
        flow = [p.id for p in policies or () if p.flow and not p.voip_profile]
        if flow and self.mode == PROXY:
            return self.made("flow_sip", "on", (f"edit {flow[0]}: flow inspection, no voip-profile", f"mode {PROXY}"))
        return self.made(
            "flow_sip", "off" if policies is not None else "unknown", ("no policy in flow mode without a profile",)
        )


def _helper_mechanism(box: Fortios) -> Mechanism:
    entries = _sip_helpers(box)
    if box.helpers is None:
        return Mechanism(
            "session_helper", "global", "unknown", "configured", ("config system session-helper was not read",)
        )
    if any(not h.name for h in box.helpers):
        return Mechanism("session_helper", "global", "unknown", "configured", ("an entry without a name",))
    if not entries:
        state = "off" if box.whole else "unknown"
        return Mechanism("session_helper", "global", state, "configured", ("no entry named sip",))
    evidence = tuple(text for h in entries for text in ["edit " + h.id] + [f"set {k} {v}" for k, v in h.sets])
    if box.whole and box.vdoms and all((v.settings or {}).get("sip-helper") == "disable" for v in box.vdoms.values()):
        return Mechanism("session_helper", "global", "off", "configured", (*evidence, "set sip-helper disable"))
    return Mechanism("session_helper", "global", "on", "configured", evidence)


def _mechanisms(box: Fortios) -> list[Mechanism]:
    out = [_helper_mechanism(box)]
    for name, vdom in box.vdoms.items():
        out += _Judge(box, name, vdom).all()
    return out


def _timers(box: Fortios) -> list[Timer]:
    timers: list[Timer] = []
    covered = bool(box.vdoms)
    for name, vdom in box.vdoms.items():
        scope = name or "global"
        ttls = [t for t in vdom.ttls if t[1] <= 5060 <= t[2]]
        covered = covered and bool(ttls)
        for entry, first, last, seconds in ttls:
            timers.append(
                Timer(
                    "udp_port_ttl",
                    f"{scope} entry {entry}",
                    seconds,
                    ("edit {}: ports {}-{}, timeout {}".format(entry, first, last, seconds or "never"),),
                )
            )
        for service in vdom.services or ():
            if service.udp_idle and any(a <= 5060 <= b for a, b in service.ports):
                timers.append(
                    Timer(
                        "udp_service",
                        f"{scope} service {service.name}",
                        service.udp_idle,
                        (f'edit "{service.name}": set udp-idle-timer {service.udp_idle}',),
                    )
                )
    basis = "default" if box.udp_idle_line.startswith("no ") else "configured"
    # Without the services nobody knows whether one of them has a shorter timer of its own.
    known = box.udp_idle is not None and all(v.services is not None for v in box.vdoms.values())
    line = (box.udp_idle_line,)
    timers.append(Timer("udp_idle", "global", box.udp_idle, line, basis, known=known, applies=not covered))
    return timers


def _forwards(box: Fortios) -> list[Forward]:
    """The virtual IPs that bring UDP in, and who gets through the policies that name them."""
    out = []
    for name, vdom in box.vdoms.items():
        for vip, entry in vdom.tables.get(VIP, {}).items():
            span = _vip_span(entry)
            if span is None or not _enabled(entry):
                continue
            mapped = entry.value("mappedip").partition("-")
            inside = mapped[0] if not mapped[2] or mapped[2] == mapped[0] else None
            first = port_range(entry.value("mappedport")) if span != EVERY_PORT else span
            evidence = (f'edit "{vip}": {ports(span)}',)
            out.append(
                Forward(
                    "vip",
                    f"{name or 'global'} {vip}",
                    *span,
                    inside or None,
                    _admitted(vdom, vip, entry, span),
                    evidence,
                    first[0] if first else None,
                    ours=vip.startswith(OURS),
                )
            )
    return out


def _vip_span(entry: Block) -> tuple[int, int] | None:
    """The external UDP ports of a virtual IP. Without a port forward it takes all of them."""
    if entry.value("portforward", "disable") != "enable":
        return EVERY_PORT
    if entry.value("protocol", "tcp") != "udp":
        return None
    outer, inner = port_range(entry.value("extport")), port_range(entry.value("mappedport"))
    if outer is None:
        return EVERY_PORT
    if inner is not None and outer[0] == outer[1]:  # 5.x writes the first port only
        return outer[0], outer[0] + inner[1] - inner[0]
    return outer


def _admitted(vdom: Vdom, vip: str, entry: Block, span: tuple[int, int]) -> tuple[str, ...] | None:
    """The networks that the policies let in through a virtual IP; None where that cannot be said."""
    rules, addresses = vdom.tables.get(POLICY), vdom.tables.get(ADDRESS)
    if rules is None or addresses is None or (vdom.settings or {}).get("central-nat", "disable") != "disable":
        return None
    known = {"all", *addresses, *vdom.tables.get(VIP, {})}
    found: list[str] = []
    strange = denied = False
    for rule in filter(_enabled, rules.values()):
        targets = words(rule.sets.get("dstaddr", ""))
        if rule.value("action", "deny") != "accept":
            denied = denied or (_comes_from(rule, entry.value("extintf")) and bool({"all", vip} & set(targets)))
        elif vip in targets:
            nets = _networks(addresses, words(rule.sets.get("srcaddr", "")))
            covered = _covers(vdom, words(rule.sets.get("service", "")), span)
            if denied or nets is None or covered is None or _negated(rule):
                return None
            found += nets if covered else ()
        else:
            strange = strange or not set(targets) <= known  # a group may hold the virtual IP
    if not found and strange:
        return None
    return (ANY,) if ANY in found else unique(found)


def _negated(rule: Block) -> bool:
    return any(key.endswith("-negate") and rule.value(key) != "disable" for key in rule.sets)


def _comes_from(rule: Block, interface: str) -> bool:
    sources = words(rule.sets.get("srcintf", ""))
    return interface in ("", "any") or interface in sources or "any" in sources


def _networks(addresses: Mapping[str, Block], names: list[str]) -> tuple[str, ...] | None:
    out = []
    for name in names:
        entry = addresses.get(name)
        subnet = words(entry.sets.get("subnet", "0.0.0.0 0.0.0.0")) if entry is not None else []
        if name == "all" or subnet == ["0.0.0.0", "0.0.0.0"]:
            out.append(ANY)
        elif entry is None or entry.value("type", "ipmask") != "ipmask" or len(subnet) != 2:
            return None
        else:
            out.append(str(ipaddress.ip_network("/".join(subnet), strict=False)))
    return tuple(out) if out else None


def _covers(vdom: Vdom, names: list[str], span: tuple[int, int]) -> bool | None:
    """Whether services let a range of UDP ports through; None where one is not known or lets a part through."""
    known = {s.name: s.ports for s in vdom.services or ()}
    if "ALL" in names or "ALL_UDP" in names:
        return True
    if any(name not in known for name in names):
        return None
    spans = [p for name in names for p in known[name]]
    if any(first <= span[0] and span[1] <= last for first, last in spans):
        return True
    return None if any(first <= span[1] and span[0] <= last for first, last in spans) else False


def assess(box: Fortios, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box))
    timeout = timeout_aspect(_timers(box), profile.udp_timeout)
    inbound = _forwards(box)
    readable = box.whole and all(VIP in v.tables for v in box.vdoms.values())
    forwards = forwards_aspect(inbound, readable, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    advice, not_checked = [], []
    if sip.verdict == "disabled":
        advice.append(
            "the FortiGate no longer translates addresses inside SIP: the phones or the PBX must cope with NAT "
            "(keep-alive, STUN, outbound proxy)"
        )
    for name, vdom in box.vdoms.items():
        carriers = [p.id for p in vdom.policies or () if p.voip_profile]
        if carriers:
            text = "{}: policies with a voip-profile: {}".format(name or "device", ", ".join(carriers[:10]))
            findings.append(Finding("POLICY-CARRIES-VOIP-PROFILE", "sip_alg", "low", text))
    if not box.whole:
        not_checked.append("the configuration text is not whole, or its nesting does not add up")
    if box.version is None:
        not_checked.append("the FortiOS version: defaults that are not written cannot be known")
    not_checked += box.refused
    if not box.live:
        not_checked.append("runtime state: live sessions keep their helper until they end")
    return Assessment(
        box.model,
        box.firmware,
        {a.name: a for a in (sip, timeout, forwards)},
        tuple(findings),
        unique(advice),
        unique(not_checked),
        _traces(box),
    )


def _traces(box: Fortios) -> tuple[str, ...]:
    return tuple(
        f"{scope or 'global'} {table} {name}"
        for scope, vdom in box.vdoms.items()
        for table in (ADDRESS, SERVICE, VIP)
        for name in vdom.tables.get(table, {})
        if name.startswith(OURS)
    )


def plan(box: Fortios, options: Options) -> Plan:
    """Helper entries first: a profile switched off alone would hand the traffic to them."""
    if not box.whole:
        return Plan((), box, "the configuration was not read whole")
    steps, expected, left = _steps(box, options)
    unsupported: dict[str, str] = {}
    if options.forwards is not None:
        try:
            more, expected = _forward_steps(expected, options.forwards, options.allow_unproven)
            steps += more
        except _Cannot as error:
            unsupported["port_forwards"] = str(error)
        except Refusal as error:
            return Plan((), box, str(error))
    if not steps:
        return Plan((), box, unsupported=unsupported)
    if box.secondary:
        return Plan((), box, "this is the secondary unit of a cluster: change the primary")
    if box.role_hidden:
        why = "whether this is the secondary unit of a cluster is not shown over REST: change it over SSH"
        return Plan((), box, why)
    if any(v.policies is None for v in box.vdoms.values()):
        return Plan((), box, "the firewall policies were not read: one of them may carry a VoIP profile")
    if any(v.keys is None for v in box.vdoms.values()):
        return Plan((), box, "which settings this firmware knows was not read: nothing is sent on a guess")
    if box.helpers is None:
        return Plan((), box, "the session-helper table was not read (an administrator of one VDOM cannot see it)")
    return Plan(tuple(steps), expected, None, tuple(left), unsupported)


def _steps(box: Fortios, options: Options) -> tuple[list[Step], Fortios, list[str]]:
    """The steps, the device as it must read afterwards, and what is still needed then."""
    steps: list[Step] = []
    left: list[str] = []
    expected = box
    if options.state is not None:
        steps, expected = _sip_steps(box, options.state == DISABLED, options.edit_policies)
    if steps:
        left.append(
            "live sessions keep the helper until they end: clear the SIP sessions (clear_sessions: true, over SSH) "
            "or let the phones register again"
        )
    if steps and options.state != DISABLED:
        left.append("restart the device: the vendor asks for it after switching the SIP ALG on again")
    if options.timeout is not None:
        more, expected = _timeout_steps(expected, options.timeout, options.edit_policies)
        steps = steps + more
    return steps, expected, left


def _sip_steps(box: Fortios, disable: bool, edit_policies: bool) -> tuple[list[Step], Fortios]:
    steps: list[Step] = []
    helpers = box.helpers or ()
    top = GLOBAL if box.multi else ""
    if disable and _sip_helpers(box):
        steps.append(_delete_helpers(top, _sip_helpers(box)))
        helpers = tuple(h for h in helpers if h.name != "sip")
    elif not disable and not _sip_helpers(box) and box.helpers is not None:
        new = Helper(
            _free_id([h.id for h in helpers], 13), "sip", (("name", "sip"), ("protocol", "17"), ("port", "5060"))
        )
        removed = _delete_helpers(top, (new,))
        steps.append(Step(removed.undo, removed.do, top))
        helpers += (new,)
    vdoms = {}
    for name, vdom in box.vdoms.items():
        found, vdoms[name] = _settings_step(box, name, vdom, disable)
        more, vdoms[name] = _profile_step(name, vdoms[name], disable, _mode(box, vdom) == PROXY or bool(found))
        steps += found + more
        if disable and edit_policies:
            found, vdoms[name] = _policy_steps(name, vdoms[name])
            steps += found
    return steps, replace(box, helpers=helpers if box.helpers is not None else None, vdoms=vdoms)


def _timeout_steps(box: Fortios, wanted: Wanted, edit_policies: bool) -> tuple[list[Step], Fortios]:
    """A port entry for UDP 5060: no device-wide change, no policy edit. An entry that is there is raised in its place."""
    steps, vdoms = [], dict(box.vdoms)
    short = box.udp_idle is not None and box.udp_idle < wanted.minimum
    for name, vdom in box.vdoms.items():
        frame = ("config system session-ttl", "config port")
        ttls = list(vdom.ttls)
        for at, (entry, first, last, seconds) in enumerate(vdom.ttls):
            if first <= 5060 <= last and seconds is not None and seconds < wanted.minimum:
                head = (*frame, f"edit {entry}")
                lines = [(*head, f"set timeout {n}", "next", "end", "end") for n in (wanted.recommended, seconds)]
                steps.append(Step(lines[0], lines[1], name))
                ttls[at] = (entry, first, last, wanted.recommended)
        if short and not any(first <= 5060 <= last for _entry, first, last, _seconds in ttls):
            entry = _free_id(list(vdom.ttl_ids), 1)
            sets = ("set protocol 17", "set start-port 5060", "set end-port 5060", f"set timeout {wanted.recommended}")
            do = (*frame, f"edit {entry}", *sets, "next", "end", "end")
            steps.append(Step(do, (*frame, f"delete {entry}", "end", "end"), name))
            ttls.append((entry, 5060, 5060, wanted.recommended))
        services = list(vdom.services or ())
        for at, service in enumerate(services):
            brief = 0 < service.udp_idle < wanted.minimum
            if edit_policies and brief and any(a <= 5060 <= b for a, b in service.ports):
                top = ("config firewall service custom", f'edit "{service.name}"')
                pair = [
                    (*top, f"set udp-idle-timer {n}", "next", "end") for n in (wanted.recommended, service.udp_idle)
                ]
                steps.append(Step(pair[0], pair[1], name))
                services[at] = replace(service, udp_idle=wanted.recommended)
        vdoms[name] = replace(vdom, ttls=tuple(ttls), services=None if vdom.services is None else tuple(services))
    return steps, replace(box, vdoms=vdoms)


def _delete_helpers(scope: str, entries: tuple[Helper, ...]) -> Step:
    do, undo = ["config system session-helper"], ["config system session-helper"]
    for entry in entries:
        do.append("delete " + entry.id)
        undo += ["edit " + entry.id] + [f"set {k} {v}" for k, v in entry.sets] + ["next"]
    return Step((*do, "end"), (*undo, "end"), scope)


def _free_id(used: list[str], first: int) -> str:
    return next(str(n) for n in range(first, 65535) if str(n) not in used)


def _settings_step(box: Fortios, name: str, vdom: Vdom, disable: bool) -> tuple[list[Step], Vdom]:
    """Only keys that this firmware was seen to have. The accompanying keys go along with the deciding ones."""
    settings, keys = vdom.settings or {}, vdom.keys or ()
    if disable:
        wanted = {k: v for k, v in OFF_VALUES if k in keys and settings.get(k) != v}
        deciding = {k for k in wanted if k in (MODE, "sip-helper") or (k == "sip-expectation" and _sip_helpers(box))}
        if not deciding and not _sip_helpers(box):
            wanted = {}
    else:
        wanted = {MODE: PROXY} if MODE in keys and settings.get(MODE) != PROXY else {}
        if settings.get("sip-helper") == "disable":
            wanted["sip-helper"] = "enable"
    if not wanted:
        return [], vdom
    do = [f"set {k} {v}" for k, v in wanted.items()]
    undo = [f"set {k} {settings[k]}" for k in wanted]
    step = Step(("config system settings", *do, "end"), ("config system settings", *undo, "end"), name)
    return [step], replace(vdom, settings={**settings, **wanted})


def _profile_step(name: str, vdom: Vdom, disable: bool, used: bool) -> tuple[list[Step], Vdom]:
    """Profile "default", where the mode or a policy brings it in. In policy-based mode it cannot be edited."""
    fixed = (vdom.settings or {}).get("ngfw-mode") == "policy-based"
    if fixed or vdom.profiles is None or "default" not in vdom.profiles:
        return [], vdom
    status, rtp = vdom.profiles["default"]
    wanted = "disable" if disable else "enable"
    named = any(p.voip_profile == "default" for p in vdom.policies or ())
    if status == wanted or not (used or named):
        return [], vdom

    def lines(new_status: str, new_rtp: str) -> tuple[str, ...]:
        inner = ("set rtp " + new_rtp, "set status " + new_status)
        return ("config voip profile", 'edit "default"', "config sip", *inner, "end", "next", "end")

    return [Step(lines(wanted, wanted), lines(status, rtp), name)], replace(
        vdom, profiles={**vdom.profiles, "default": (wanted, wanted)}
    )


def _policy_steps(name: str, vdom: Vdom) -> tuple[list[Step], Vdom]:
    """What belongs to the customer's rules; only with edit_policies. Unsetting the profile rests on an inference."""
    steps, policies, services = [], [], []
    for policy in vdom.policies or ():
        if policy.voip_profile and (vdom.profiles or {}).get(policy.voip_profile, ("enable", ""))[0] != "disable":
            frame = ("config firewall policy", "edit " + policy.id)
            undo = (*frame, f'set voip-profile "{policy.voip_profile}"', "next", "end")
            steps.append(Step((*frame, "unset voip-profile", "next", "end"), undo, name, "inferred"))
            policy = replace(policy, voip_profile="")
        policies.append(policy)
    for service in vdom.services or ():
        if service.helper == "sip":
            frame = ("config firewall service custom", f'edit "{service.name}"')
            steps.append(
                Step((*frame, "set helper auto", "next", "end"), (*frame, "set helper sip", "next", "end"), name)
            )
            service = replace(service, helper="auto")
        services.append(service)
    changed = replace(
        vdom,
        policies=None if vdom.policies is None else tuple(policies),
        services=None if vdom.services is None else tuple(services),
    )
    return steps, changed


class _Cannot(Exception):
    """A forward cannot be made here; the text says why and what a person does."""


def _forward_steps(box: Fortios, wanted: Forwards, unproven: bool) -> tuple[list[Step], Fortios]:
    """Ours are exactly what is wanted, or they are made anew; what somebody else made stays as it is."""
    have = _forwards(box)
    ours = [f for f in have if f.ours]
    exact = all(f.leads_to(wanted.pbx) and set(f.sources or ()) == set(wanted.sources) for f in ours)
    settled = {(f.first, f.last) for f in ours} <= set(wanted.ranges) and not open_ranges(have, wanted)
    if wanted.present and exact and settled:
        return [], box
    steps, vdoms = [], {}
    for name, vdom in box.vdoms.items():
        found, vdoms[name] = _remove_ours(name, vdom)
        steps += found
    box = replace(box, vdoms=vdoms)
    if not wanted.present:
        return steps, box
    name, outside, inside, address = _where(box, wanted, unproven)
    theirs = [f for f in _forwards(box) if f.scope.startswith(f"{name or 'global'} ")]
    blocked = in_the_way([f for f in theirs if _meets(box.vdoms[name], f, outside, address)], wanted)
    if blocked:
        raise Refusal(blocked)
    made, vdom = _make(name, box.vdoms[name], wanted, open_ranges(theirs, wanted), (outside, inside, address))
    return steps + made, replace(box, vdoms={**box.vdoms, name: vdom})


def _meets(vdom: Vdom, forward: Forward, outside: str, address: str) -> bool:
    """Whether a virtual IP stands on the same public address."""
    entry = vdom.tables[VIP][forward.scope.split(" ", 1)[1]]
    there = entry.value("extip").partition("-")[0]
    return entry.value("extintf") in ("", "any", outside) and (there in ("0.0.0.0", address) or address == "0.0.0.0")


def _where(box: Fortios, wanted: Forwards, unproven: bool) -> tuple[str, str, str, str]:
    """VDOM, outside interface, inside interface, public address. Raises Refusal that names the variable to set."""
    candidates = [
        (n, o)
        for n, vdom in box.vdoms.items()
        for o in ([wanted.outside] if wanted.outside else _outsides(vdom))
        if not box.multi or _vdom_of(box, o) in ("", n)
    ]
    if len(candidates) != 1:
        what = ", ".join(f"{o} ({n or 'global'})" for n, o in candidates) or "no policy with nat enable"
        raise Refusal(f"which interface leads to the internet is not plain ({what}): set voip_edge_outside_interface")
    name, outside = candidates[0]
    vdom = box.vdoms[name]
    settings = vdom.settings or {}
    if settings.get("central-nat", "disable") != "disable" or settings.get("ngfw-mode") == "policy-based":
        raise _Cannot(
            "with central NAT or in policy-based mode a virtual IP acts in other ways: make the forward by hand"
        )
    if any(table not in vdom.tables for table in FORWARD_TABLES) or box.interfaces is None:
        raise Refusal("the tables of addresses, services, virtual IPs, policies and interfaces were not all read")
    if outside not in box.interfaces:
        raise Refusal(f"there is no interface {outside} (a zone is not one): set voip_edge_outside_interface")
    return name, outside, wanted.inside or _inside(box, name, wanted.pbx), _public(box, wanted, outside, unproven)


def _vdom_of(box: Fortios, interface: str) -> str:
    entry = (box.interfaces or {}).get(interface)
    return entry.value("vdom") if entry is not None else ""


def _outsides(vdom: Vdom) -> tuple[str, ...]:
    """Where the policies send translated traffic."""
    out = [r for r in vdom.tables.get(POLICY, {}).values() if _enabled(r) and r.value("nat") == "enable"]
    return unique(i for r in out for i in words(r.sets.get("dstintf", "")))


def _inside(box: Fortios, name: str, pbx: str) -> str:
    """The interface whose network holds the PBX."""
    found = [
        i
        for i, entry in (box.interfaces or {}).items()
        if name in ("", entry.value("vdom", name)) and _holds(words(entry.sets.get("ip", "")), pbx)
    ]
    if len(found) != 1:
        raise Refusal(f"no single interface has a network with {pbx} in it: set voip_edge_inside_interface")
    return found[0]


def _holds(ip: list[str], host: str) -> bool:
    try:
        return len(ip) == 2 and ipaddress.ip_address(host) in ipaddress.ip_network("/".join(ip), strict=False)
    except ValueError:
        return False


def _public(box: Fortios, wanted: Forwards, outside: str, unproven: bool) -> str:
    """The public address. One that changes would need 0.0.0.0, which is documented for another kind of virtual IP only."""
    entry = (box.interfaces or {})[outside]
    own = words(entry.sets.get("ip", ""))[:1]
    if wanted.address:
        return wanted.address
    if own and own != ["0.0.0.0"] and entry.value("mode", "static") == "static":
        return own[0]
    if unproven:
        return "0.0.0.0"
    raise Refusal(f"{outside} has no fixed address: set voip_edge_outside_address")


def _remove_ours(name: str, vdom: Vdom) -> tuple[list[Step], Vdom]:
    """Policies first: what they name cannot be deleted."""
    steps, tables = [], dict(vdom.tables)
    vips = {n for n in tables.get(VIP, {}) if n.startswith(OURS)}
    rules = {i for i, r in tables.get(POLICY, {}).items() if set(words(r.sets.get("dstaddr", ""))) & vips}
    foreign = [i for i in rules if not set(words(tables[POLICY][i].sets["dstaddr"])) <= vips]
    if foreign:
        raise Refusal(
            f"policy {foreign[0]} names one of our virtual IPs beside others: it is not ours and is not altered"
        )
    for table, gone in ((POLICY, rules), (VIP, vips), (SERVICE, None), (ADDRESS, None)):
        entries = tables.get(table, {})
        names = gone if gone is not None else {n for n in entries if n.startswith(OURS)}
        if names:
            old = {n: e for n, e in entries.items() if n in names}
            steps.append(Step(_deleted(table, old), _written(table, old), name))
            tables[table] = {n: e for n, e in entries.items() if n not in names}
    return steps, _with(vdom, tables)


def _make(
    name: str, vdom: Vdom, wanted: Forwards, spans: list[tuple[int, int]], where: tuple[str, str, str]
) -> tuple[list[Step], Vdom]:
    """Virtual IPs and their policy together: a virtual IP alone takes its address away from others."""
    outside, inside, address = where
    sources = {f"{OURS}-{n.replace('/', '-')}": n for n in wanted.sources if n != ANY}
    vips = {f"{OURS}-{'-'.join(map(str, sorted(set(span))))}": span for span in spans}
    number = str(max((int(i) for i in vdom.tables[POLICY] if i.isdigit()), default=0) + 1)
    new: dict[str, dict[str, dict[str, str]]] = {
        ADDRESS: {n: {"subnet": _subnet(net)} for n, net in sources.items()},
        SERVICE: {OURS: {"udp-portrange": " ".join(map(_range, spans))}},
        VIP: {
            n: {
                "extip": address, "mappedip": f'"{wanted.pbx}"', "extintf": f'"{outside}"', "portforward": "enable",
                "protocol": "udp", "extport": _range(span), "mappedport": _range(span),
            }
            for n, span in vips.items()
        },
        POLICY: {
            number: {
                **({"name": f'"{OURS}"'} if any("name" in r.sets for r in vdom.tables[POLICY].values()) else {}),
                "srcintf": f'"{outside}"', "dstintf": f'"{inside}"', "action": "accept",
                "srcaddr": " ".join(f'"{n}"' for n in sources) or '"all"',
                "dstaddr": " ".join(f'"{n}"' for n in vips), "schedule": '"always"', "service": f'"{OURS}"',
            }
        },
    }  # fmt: skip
    steps, tables = [], dict(vdom.tables)
    for table, entries in new.items():
        blocks = {n: Block(dict(sets)) for n, sets in entries.items()}
        do = list(_written(table, blocks))
        order = {**tables[table], **blocks}
        denies = [i for i, r in tables[table].items() if table == POLICY and _denies(r, outside)]
        if denies:  # a new policy lands at the end, behind what would keep the provider out
            do.insert(-1, f"move {number} before {denies[0]}")
            order = {}
            for key, entry in tables[table].items():
                order.update({**blocks, key: entry} if key == denies[0] else {key: entry})
        if blocks:
            steps.append(Step(tuple(do), _deleted(table, blocks), name))
        tables[table] = order
    return steps, _with(vdom, tables)


def _denies(rule: Block, outside: str) -> bool:
    named = "all" in words(rule.sets.get("dstaddr", ""))
    return _enabled(rule) and rule.value("action", "deny") != "accept" and _comes_from(rule, outside) and named


def _range(span: tuple[int, int]) -> str:
    return str(span[0]) if span[0] == span[1] else "{}-{}".format(*span)


def _subnet(network: str) -> str:
    net = ipaddress.ip_network(network)
    return f"{net.network_address} {net.netmask}"


def _with(vdom: Vdom, tables: Mapping[str, Mapping[str, Block]]) -> Vdom:
    """The VDOM with other tables, and what is read out of them."""
    policies, services = tables.get(POLICY), tables.get(SERVICE)
    return replace(
        vdom,
        tables=tables,
        policies=None if policies is None else tuple(_policies(Block(entries=dict(policies)))),
        services=None if services is None else tuple(_services(Block(entries=dict(services)))),
    )


def _edited(table: str, name: str) -> str:
    return f"edit {name}" if table == POLICY else f'edit "{name}"'


def _written(table: str, entries: Mapping[str, Block]) -> tuple[str, ...]:
    lines = [
        line
        for name, entry in entries.items()
        for line in (_edited(table, name), *(f"set {k} {v}" for k, v in entry.sets.items()), "next")
    ]
    return (f"config {table}", *lines, "end")


def _deleted(table: str, entries: Mapping[str, Block]) -> tuple[str, ...]:
    return (f"config {table}", *(_edited(table, n).replace("edit", "delete", 1) for n in reversed([*entries])), "end")


SETTINGS = "show full-configuration system settings"
_PARTS = (
    "show full-configuration voip profile",
    "show firewall policy",
    "show firewall service custom",
    "show system session-ttl",
    "show firewall vip",
    "show system session-helper",
)


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Without VDOMs the tables that matter; with them the whole `show`, then the settings of each VDOM in full."""
    out = {"status": identity}
    if re.search(r"Virtual domain configuration: (?:multiple|enable|split-task)", identity):
        return _read_vdoms(ask, out)
    out["full_global"] = ask("show full-configuration system global")
    out["full:"] = ask(SETTINGS)
    parts = [ask(command) for command in _PARTS]
    if _ERROR.search(parts[0]):
        out["profiles_absent"] = parts[0].strip() or "refused"
    out["config"] = "\n".join(
        [_blocks_only(out["full_global"]), _blocks_only(out["full:"])] + [_blocks_only(p) for p in parts]
    )
    return out


_ERROR = re.compile(r"parse error|Return code|Unknown action|entry not found", re.I)


def _blocks_only(reply: str) -> str:
    return "" if _ERROR.search(reply) else reply


def _read_vdoms(ask: Ask, out: dict[str, str]) -> dict[str, str]:
    """Only names that the device itself listed are entered: `edit` of an unknown name would make a VDOM."""
    out["config"] = ask("show")
    names = list(read_blocks(out["config"]).root.tables.get("vdom", Block()).entries)
    if not names:
        out["full:"] = ask(SETTINGS)
        return out
    if not _ERROR.search(ask("config global")):
        out["full_global"] = ask("show full-configuration system global")
        ask("end")
    for name in names:
        if _ERROR.search(ask("config vdom")):
            continue
        if not _ERROR.search(ask("edit " + name)):
            out["full:" + name] = ask(SETTINGS)
        ask("end")
    return out


def _forwards_matter(root: Block, profile: Profile) -> bool:
    scopes = [root, *root.tables.get("vdom", Block()).entries.values()]
    return profile.forwards is not None or any(scope.tables.get(VIP, Block()).entries for scope in scopes)


def read_forwards(ask: Ask, replies: Replies, profile: Profile) -> dict[str, str]:
    """Addresses and interfaces, where there are virtual IPs to judge or forwards to make. With VDOMs they are there already."""
    root = read_blocks(replies.get("config", "")).root
    if not _forwards_matter(root, profile) or "vdom" in root.tables or "system interface" in root.tables:
        return {}
    return {"forwards": "".join(_blocks_only(ask(f"show {table}")) + "\n" for table in (ADDRESS, "system interface"))}


def clear(session: CliSession | RestSession, box: Fortios) -> str:
    """Drops UDP sessions to port 5060 only. Without its filter the last command would drop every session: it is read back first."""
    if box.multi:
        raise Refusal("with VDOMs the sessions are not cleared: in which scope the filter counts is not documented")
    for line in (
        "diagnose sys session filter clear",
        "diagnose sys session filter proto 17",
        "diagnose sys session filter dport 5060",
    ):
        session.write(line)
    shown = session.ask("diagnose sys session filter")
    if not re.search(r"dest port:\s*5060-5060", shown):
        session.write("diagnose sys session filter clear")
        raise Refusal("the session filter does not show 'dest port: 5060-5060': no session was cleared")
    session.write("diagnose sys session clear")
    session.write("diagnose sys session filter clear")
    return "UDP sessions to port 5060 were cleared"


def recognise_backup(text: str) -> bool:
    # A search anchored to lines walks through the whole text: plain words decide first.
    if not any(word in text for word in ("#config-version=F", "config system global", "config vdom")):
        return False
    if "#config-version=" in text and not re.search(r"^#config-version=F(?:GT?|W|G)", text, re.M):
        return False  # a manager or an analyzer, whose tables look alike
    return re.search(r"^#config-version=F(?:GT?|W|G)|^config (?:system global|vdom)\s*$", text, re.M) is not None


def _enter(box: Fortios, scope: str, options: Options) -> tuple[str, ...]:
    if not scope:
        return ()
    return ("config global",) if scope == GLOBAL else ("config vdom", "edit " + scope)


def _save(box: Fortios, scope: str) -> tuple[str, ...]:
    """Live and on flash at once, unless the device keeps changes until they are saved."""
    if box.cfg_save == "automatic":
        return ()
    return ("config global", "execute cfg save", "end") if box.multi else ("execute cfg save",)


# -- the REST API -------------------------------------------------------------------------------------------------------

BASE = "/api/v2"
GRAMMAR = Grammar(
    keys={"firewall policy": "policyid", "system session-helper": "id", "port": "id"},
    members={
        "srcintf": "name", "dstintf": "name", "srcaddr": "name", "dstaddr": "name", "service": "name", "mappedip": "range",
    },
    spaced=("udp-portrange", "tcp-portrange", "subnet", "ip"),
    integers=("id", "policyid", "protocol", "port", "start-port", "end-port", "udp-idle-timer"),
    objects=("sip", "sccp", "msrp"),
    cleared=("voip-profile",),
)  # fmt: skip
VDOM_TABLES = (
    "system settings", "voip profile", "firewall policy", "firewall service custom", "system session-ttl", "firewall vip",
)  # fmt: skip
SINGLE = ("system global", "system ha", "system settings", "system session-ttl")
"""Objects; all others are tables."""
MAY_LACK = ("voip profile", "system ha")
"""Small models have the one no more, and where there are no clusters there is no setting for them."""
# The access group of an administrator's profile that each part of the configuration belongs to
GROUPS = {"system": "sysgrp", "voip": "utmgrp", "firewall": "fwgrp"}


def _is_fortigate(reply: str) -> bool:
    """A FortiGate says its version beside its serial number, which begins with FG or FW; a FortiManager's with FMG."""
    seen = _mapping(reply)
    version, serial = str(seen.get("version", "")), str(seen.get("serial", ""))
    return re.match(r"v\d+\.\d+\.\d+", version) is not None and re.match(r"F[GW]", serial) is not None


def _mapping(text: str) -> dict[str, Any]:
    """The JSON object of an answer, of a list the first; empty where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return next((part for part in (found if isinstance(found, list) else [found]) if isinstance(part, dict)), {})


class _Reader:
    """Asks for tables and keeps what came. A refused one is not there; an unreadable one spoils the whole."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.refused: list[str] = []
        self.absent: list[str] = []
        self.broken: list[str] = []

    def table(self, name: str, query: str = "") -> dict[str, _Table]:
        """What each VDOM answers. 404 is the device's word for a table that it does not have."""
        reply = self.ask(f"GET /cmdb/{address(name)}{query}")
        if re.match(r"\d{3} ", reply):
            if reply.startswith("404 ") and name in MAY_LACK:
                self.absent.append(name)
            else:
                self.refused.append(f"GET /cmdb/{address(name)}: {reply[4:]}")
            return {}
        try:
            return self._answers(name, json.loads(reply))
        except (ValueError, RecursionError):
            self.broken.append(name)
            return {}

    def only(self, name: str, query: str = "") -> _Table | None:
        """The answer of a table that is there once; None where it was refused or cannot be read."""
        return next(iter(self.table(name, query).values()), None)

    def _answers(self, name: str, document: Any) -> dict[str, _Table]:
        """An answer for several VDOMs, or for the global scope, is a list. Raises ValueError."""
        found = {}
        for part in document if isinstance(document, list) else [document]:
            results = part.get("results") if isinstance(part, dict) and part.get("status") == "success" else None
            if not isinstance(results, dict if name in SINGLE else list):
                raise ValueError(name)
            found[str(part.get("vdom", ""))] = _Table(results, block_of(name, results, GRAMMAR))
        return found


@dataclass(frozen=True)
class _Table:
    """A table or object as it came, and as the command line would show it."""

    results: Any
    block: Block


_Tables = Mapping[str, _Table]


def _read_documents(ask: Ask, identity: str) -> dict[str, str]:
    """The replies that a command line would have given, out of one request a table for all VDOMs."""
    reader = _Reader(ask)
    settings = reader.only("system global")
    multi, names = _vdom_names(reader, settings)
    helpers = reader.only("system session-helper", "?global=1" if multi else "")
    device = {n: t for n, t in (("system global", settings), ("system session-helper", helpers)) if t is not None}
    query = "?vdom=" + ",".join(quote(n, safe="") for n in names) if multi else ""
    scopes: dict[str, dict[str, _Table]] = {name: {} for name in names}
    for table in VDOM_TABLES:
        for vdom, found in reader.table(table, query).items():
            scopes.setdefault(vdom if multi else "", {})[table] = found
    # an administrator of one VDOM sees its tables without the frame around them, as on the command line
    framed = multi and (len(names) > 1 or settings is not None)
    if not framed:
        scopes = {"": scopes[names[0]]}
    out = {
        "status": _status(_mapping(identity), multi, "" if framed else names[0]),
        "full_global": render(_block({n: t for n, t in device.items() if n == "system global"})),
        "refused": "\n".join(reader.refused),
        "profiles_absent": "404" if "voip profile" in reader.absent else "",
        "documents": json.dumps({name: _bones(tables) for name, tables in {**scopes, GLOBAL: device}.items()}),
    }
    for name, tables in scopes.items():
        out["full:" + name] = render(_block({n: t for n, t in tables.items() if n == "system settings"}))
    if framed:
        vdoms = Block(entries={name: _block(tables) for name, tables in scopes.items()})
        whole = Block(tables={GLOBAL: _block(device), "vdom": vdoms})
    else:
        whole = _block({**device, **scopes[""]})
    # a block that never ends: the text then counts as one that was not read whole
    out["config"] = render(whole) + "".join(f"config (not readable: {name})\n" for name in reader.broken)
    return out


def _read_forward_documents(ask: Ask, replies: Replies, profile: Profile) -> dict[str, str]:
    """Addresses and interfaces, as on the command line. An administrator of one VDOM sees no interfaces."""
    documents = json.loads(replies.get("documents", "{}"))
    multi = "configuration: multiple" in replies["status"]
    names = [name for name in documents if name != GLOBAL]
    if not _forwards_matter(read_blocks(replies["config"]).root, profile) or (multi and "" in names):
        return {}
    reader = _Reader(ask)
    faces = reader.only("system interface", "?global=1" if multi else "")
    query = "?vdom=" + ",".join(quote(n, safe="") for n in names) if multi else ""
    found = {(vdom if multi else ""): table for vdom, table in reader.table(ADDRESS, query).items()}
    for name, table in found.items():
        documents.setdefault(name, {})[ADDRESS] = bones(ADDRESS, table.results, GRAMMAR)
    device = {"system interface": faces} if faces is not None else {}
    if multi:
        vdoms = Block(entries={name: _block({ADDRESS: table}) for name, table in found.items()})
        whole = Block(tables={GLOBAL: _block(device), "vdom": vdoms})
    else:
        whole = _block(device | {ADDRESS: found[""]} if "" in found else device)
    refused = "\n".join(part for part in (replies.get("refused", ""), *reader.refused) if part)
    return {"forwards": render(whole), "documents": json.dumps(documents), "refused": refused}


def _vdom_names(reader: _Reader, settings: _Table | None) -> tuple[bool, list[str]]:
    """Whether there are VDOMs, and their names. Only where the device says that there are none it is not asked for them.

    An administrator of one VDOM does not see the device's own settings, but the name of his VDOM.
    """
    seen = settings.results if settings is not None else {}
    mode = str(seen.get("vdom-mode") or seen.get("vdom-admin") or "")
    if mode in ("no-vdom", "disable"):
        return False, [""]
    listed = reader.only("system vdom", "?format=name")
    names = list(listed.block.entries) if listed is not None else []
    if not names or (not mode and names == ["root"]):
        reader.broken.append("system vdom")  # there may be VDOMs that were not seen
        return False, [""]
    return True, names


def _block(tables: _Tables) -> Block:
    return Block(tables={name: table.block for name, table in tables.items()})


def _bones(tables: _Tables) -> dict[str, Any]:
    return {name: bones(name, table.results, GRAMMAR) for name, table in tables.items()}


def _status(seen: Mapping[str, Any], multi: bool, vdom: str) -> str:
    """What `get system status` says in these lines, as far as the API tells it."""
    results = seen.get("results")
    parts = results if isinstance(results, dict) else {}
    model = "-".join(str(parts[key]) for key in ("model_name", "model_number") if parts.get(key)) or "FortiGate"
    lines = [
        f"Version: {model} {seen.get('version')},build{seen.get('build')}",
        f"Serial-Number: {seen.get('serial')}",
        f"Current virtual domain: {vdom or seen.get('vdom') or 'root'}",
        f"Virtual domain configuration: {'multiple' if multi else 'disable'}",
    ]
    return "".join(line + "\n" for line in lines)


def _read_role(ask: Ask, replies: Replies) -> dict[str, str]:
    """Before a change: whether this is a cluster's secondary unit. No table for clusters: it cannot be in one.

    The fields are those by which exporters and connectors for this API tell the primary. [src]
    """
    status = replies["status"]
    reader = _Reader(ask)
    settings = reader.only("system ha", "?global=1" if "configuration: multiple" in status else "")
    mode = str(settings.results.get("mode", "")) if settings is not None else ""
    if mode == "standalone" or (not mode and reader.absent):
        return {"status": status + "Current HA mode: standalone\n"}
    serial = first_match(r"^Serial-Number: (\S+)", status)
    members = _mapping(ask("GET /monitor/system/ha-checksums")).get("results")
    role = ROLE_HIDDEN
    for member in members if isinstance(members, list) else []:
        if isinstance(member, dict) and member.get("serial_no") == serial:
            leads = member.get("is_root_primary", member.get("is_root_master"))
            role = ROLE_HIDDEN if leads is None else "primary" if leads in (True, 1) else "secondary"
    return {"status": f"{status}Current HA mode: {mode or 'unknown'}, {role}\n"}


def _plan_requests(box: Fortios, options: Options) -> Plan:
    """The same plan, its lines as requests. What has no request is refused before the first write."""
    made = plan(box, options)
    if not made.steps:
        return made
    if box.cfg_save == "revert":
        return Plan(
            (), box, "cfg-save is revert: the device takes back what is not saved, and its API cannot save: use SSH"
        )
    editors: dict[str, Editor] = {}
    steps = []
    try:
        for step in made.steps:
            editor = editors.setdefault(step.scope, _editor(box, step.scope))
            do, undo = editor.both_ways(step.do, step.undo)
            steps.append(replace(step, do=do, undo=undo))
    except Refusal as error:
        return Plan((), box, str(error))
    unsaved = _unsaved(box)
    return replace(made, steps=tuple(steps), still_needed=made.still_needed + ((unsaved,) if unsaved else ()))


def _editor(box: Fortios, scope: str) -> Editor:
    """Over the tables of a scope as they were read; with VDOMs each request names the scope that it is for."""
    documents = json.loads(box.documents or "{}")
    if not box.multi:
        return Editor(GRAMMAR, {**documents.get(GLOBAL, {}), **documents.get("", {})}, "/cmdb")
    query = "global=1" if scope == GLOBAL else "vdom=" + quote(scope, safe="")
    return Editor(GRAMMAR, documents.get(scope, {}), "/cmdb", query)


def _unsaved(box: Fortios) -> str:
    """The API has no request that does what `execute cfg save` does."""
    if box.cfg_save == "automatic":
        return ""
    return f"cfg-save is {box.cfg_save} and the API cannot save: run 'execute cfg save' on the device's command line"


def _log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """With an API token there is nothing to do; else one attempt with the password, at the door that this version has."""
    login = session.login
    if login.token:
        session.use_bearer(
            login.token,
            "the API token (option api_token; it is wrong, has expired, or this address is none of its trusted hosts)",
        )
        session.open()
        return
    body = {
        "username": login.user, "secretkey": login.password, "request_key": True,
        "ack_pre_disclaimer": True, "ack_post_disclaimer": True,
    }  # fmt: skip
    reply = session.request("POST", BASE + "/authentication", json=body, reads=True)
    said = _mapping(reply.text())
    if reply.status == 404 or (reply.status == 401 and not said):
        # An older version: it has no such address, or says 401 to whoever asks below this base without a session. Nobody has
        # judged the password; who judges one answers in JSON, and that answer is final.
        _log_in_by_form(session)
        return
    if reply.status == 200 and not said:
        raise UnknownReply(f"{reply.asked}: the answer to the login is not JSON: {reply.excerpt()}")
    word = str(said.get("status_message", ""))
    if "LOGIN_SUCCESS" not in word:
        raise _not_admitted(session, reply, word)
    if said.get("session_key"):
        session.use_bearer(str(said["session_key"]), "this session")
    elif not session.cookies():
        raise UnknownReply("POST /api/v2/authentication says LOGIN_SUCCESS and gives neither a key nor a cookie")


def _log_in_by_form(session: HttpSession) -> None:
    form = {"username": session.login.user or "", "secretkey": session.login.password or "", "ajax": "1"}
    reply = session.request("POST", "/logincheck", form=form, reads=True)
    text = reply.text().strip()
    if reply.status == 404:
        raise UnknownReply(
            "neither /api/v2/authentication nor /logincheck is there: this is no FortiGate, or not its port"
        )
    if not text.startswith("1") or "disclaimer" in text:
        if text.startswith("1"):
            _log_out(session)
        raise _not_admitted(session, reply, "a disclaimer must be accepted" if "disclaimer" in text else "")
    if not any(name.startswith("APSCOOKIE") for name in session.cookies()):
        raise UnknownReply("/logincheck lets us in and gives no cookie")


def _not_admitted(session: HttpSession, reply: Reply, word: str) -> LoginRefused:
    if reply.status == 429:
        return LoginRefused(BLOCKED)
    why = f": {reply.shown(word)}" if word else "" if reply.status in (200, 401) else f": HTTP {reply.status}"
    return LoginRefused(
        f"the login of user '{session.login.user}' was refused{why} (one attempt was made). "
        "An administrator with a second factor needs an API token: set voip_edge_api_token"
    )


BLOCKED = "the device blocks this address after failed logins (HTTP 429). Nothing more was tried; wait until it lets us in again"


def _log_out(session: HttpSession) -> None:
    """A token has no session. Cookies end at /logout, a session key where it came from."""
    if session.login.token:
        return
    way = ("DELETE", BASE + "/authentication") if session.bears_secret else ("POST", "/logout")
    session.request(*way, headers=_csrf(session), reads=True)


def _csrf(session: HttpSession) -> dict[str, str]:
    """What a session by cookies has to show with each write."""
    found = [value.strip('"') for name, value in session.cookies().items() if name.startswith("ccsrftoken")]
    return {"X-CSRFTOKEN": found[0]} if found else {}


def _refusal(reply: Reply) -> str | None:
    """The device's own words; for a missing right the access group that the administrator's profile lacks."""
    if reply.status == 429:
        raise LoginRefused(BLOCKED)
    if reply.status == 401:
        raise LoginRefused(f"{reply.asked}: the device does not know our session any more (HTTP 401)")
    reads = reply.asked.startswith("GET ")
    if reply.status < 400 and (reads or not re.search(rb'"status":\s*"error"', reply.body)):
        return None
    said = _mapping(reply.text())
    text = f"HTTP {reply.status}" + (f", error {said['error']}" if "error" in said else "")
    if said.get("cli_error"):
        text += ": " + reply.shown(str(said["cli_error"]))
    elif not said:
        text += f": {reply.excerpt()}" if reply.body else ""
    part = first_match(r"/cmdb/(\w+)", reply.asked)
    if reply.status == 403 and part in GROUPS:
        right = "read" if reads else "read-write"
        text += f"; the administrator's profile needs {right} on {GROUPS[part]}, and scope global where there are VDOMs"
    return text


_BY_COMMANDS = Platform(
    name="fortinet_fortios",
    title="Fortinet FortiGate (FortiOS)",
    network_os=("fortinet_fortios", "fortios", "fortinet", "fortinet.fortios.fortios"),
    dialect=DIALECT,
    facts=FACTS,
    identify="get system status",
    recognise=lambda reply: bool(re.search(r"^Version: Forti(?:Gate|WiFi|OS)\S* v\d", reply, re.M)),
    recognise_backup=recognise_backup,
    read=read,
    from_backup=lambda text: {"config": text},
    parse=parse,
    assess=assess,
    plan=plan,
    enter=_enter,
    leave=lambda box, scope, options: ("end",) if scope else (),
    save=_save,
    read_forwards=read_forwards,
    whole=lambda ask, replies: replies["config"] if "vdom" in replies["config"] else ask("show"),
    firmware=r"5\.|6\.[024]\.|7\.[0246]\.",
    clear=clear,
)

PLATFORM = replace(
    _BY_COMMANDS,
    over_https=replace(
        _BY_COMMANDS,
        identify="GET /monitor/system/status",
        recognise=_is_fortigate,
        read=_read_documents,
        read_forwards=_read_forward_documents,
        whole=lambda ask, replies: "\n".join((replies["config"], replies.get("forwards", ""))),
        before_change=_read_role,
        plan=_plan_requests,
        enter=lambda box, scope, options: (),
        leave=lambda box, scope, options: (),
        save=lambda box, scope: (),
        unsaved=_unsaved,
        clear=None,
        door=Door(
            base=BASE,
            log_in=_log_in,
            log_out=_log_out,
            refusal=_refusal,
            write_headers=_csrf,
            body_limit=64 * 1024 * 1024,
            takes_token=True,
        ),
    ),
)
