# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS and IOS XE routers.

Three independent mechanisms touch SIP: the NAT ALG (per transport and port; on by default and then not shown), the
classic firewall (CBAC), and the zone-based firewall. Only NAT ALG lines are changed: taking SIP out of a firewall also
takes away the pinholes of its media, which a person has to decide.
Forwards are static lines of one port each. They carry no name and keep nobody out: ours are known again by their full text,
and sources are left to the access list of the outside interface.
Sources: the data model of IOS XE (containers service/sip and nat static), the vendor's guides on SRST, zone-based firewalls
and "NAT TCP SIP ALG Support"; the child entries' question: a vendor's test library that answers it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.forwards import ANY, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import elided, first_match, lines_of, unique
from ..core.verdict import PORT_FORWARDS, Timer, is_low, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from .base import Ask, Fact, Platform, Replies

SIP_PORT = 5060
NAT_UDP_DEFAULT = 300
MOST_LINES = 64
"""Forwards of one port each that are made at most: more of them bury the configuration of the router."""

FACTS = (
    Fact(
        "nat_alg_udp",
        "sip_alg",
        "NAT ALG for SIP over UDP, per port",
        "all; on by default, not shown",
        "doc",
        "yes",
        "configure terminal; no ip nat service sip udp port 5060; end; write memory",
    ),
    Fact(
        "nat_alg_tcp",
        "sip_alg",
        "NAT ALG for SIP over TCP, per port",
        "15.x and IOS XE; on by default, not shown",
        "doc",
        "yes",
        "configure terminal; no ip nat service sip tcp port 5060; end; write memory",
    ),
    Fact(
        "cbac",
        "sip_alg",
        "classic firewall: ip inspect name RULE sip, applied to an interface",
        "classic IOS",
        "doc",
        "no",
        "Take SIP out of the rule with 'no ip inspect name RULE sip', but only if the same rule also has a 'udp' line: "
        "otherwise the return traffic and the media of calls are blocked",
    ),
    Fact(
        "zone_firewall",
        "sip_alg",
        "zone firewall: a class that inspects SIP in an applied policy",
        "12.4T and later, IOS XE",
        "doc",
        "no",
        "Decide per zone pair: 'pass' for SIP and RTP in both directions instead of 'inspect', or the feature "
        "'Enabling ALGs and AICs in Zone-Based Policy Firewalls' to switch the application inspection off",
    ),
    Fact(
        "nat_udp",
        "udp_timeout",
        "ip nat translation udp-timeout",
        "all; default 300 s, not shown",
        "doc",
        "yes",
        "configure terminal; ip nat translation udp-timeout 300; end; write memory",
    ),
    Fact(
        "nat_port_udp",
        "udp_timeout",
        "ip nat translation port-timeout udp PORT",
        "all",
        "doc",
        "yes",
        "configure terminal; no ip nat translation port-timeout udp 5060 ...; end; write memory",
    ),
    Fact(
        "cbac_udp",
        "udp_timeout",
        "ip inspect udp idle-time, timeout of a rule",
        "classic IOS",
        "recall",
        "no",
        "configure terminal; ip inspect udp idle-time 300; end; write memory",
    ),
    Fact(
        "zone_udp",
        "udp_timeout",
        "udp idle-time in the parameter map of an inspecting class",
        "12.4T and later, IOS XE",
        "recall",
        "no",
        "set 'udp idle-time 300' in the parameter-map type inspect that the class uses",
    ),
    Fact(
        "static_nat",
        "port_forwards",
        "ip nat inside source static, one line a port",
        "all; no ranges of ports",
        "src",
        "yes",
        "configure terminal; ip nat inside source static udp PBX 5060 interface INTERFACE 5060, and a line for each RTP port; "
        "end; write memory. It lets everybody in: only an access list on the outside interface keeps others out",
    ),
)

DIALECT = Dialect(
    setup=("terminal length 0", "terminal width 511"),
    enable="enable",
    errors=(
        r"^\s*% ?(?:Error|Invalid|Incomplete|Ambiguous|Bad|Unknown|Authorization|Access denied|Login invalid)",
        r"^\s*ERROR:",
        r"Command authorization failed",
        r"Command rejected",
        r"overlaps with",
        r"returned error code",
        r"^\s*%.*(?:not found|in use|not supported|failed)",
    ),
    nested=r"\(config[^)]*\)",
    # a forward in use: its translations go with it, otherwise it stays
    questions=((r"no ip nat inside source static udp ", r"delete child entries\?(?: ?\[no\])?:?", "yes"),),
)

_VERSION = re.compile(
    r"(?:Cisco IOS Software|Cisco IOS XE Software|IOS \(tm\)|Cisco Internetwork Operating System Software)"
)
_FOREIGN = re.compile(r"^(?:ASA|PIX|NGFW|FWSM) Version |^: Saved", re.M)
# A text that shows all patterns of one row is a running configuration; captures lose their beginning or their indentation.
_SIGNS = (
    (r"^version \d+\.\d+\s*$", r"^(?:hostname|interface|service timestamps|boot-start-marker|line con) ?"),
    (r"^! ?Cisco IOS",),
    (
        r"^interface \S*(?:Ethernet|Serial|Dialer|Vlan|Loopback)\S*",
        r"^\s*(?:ip nat |ip address |line vty )",
        r"^(?:end|!)\s*$",
    ),
)
_SWITCH = re.compile(r"^(?:! .*\bCAT\dK\w*|.*\bCatalyst .*Switch Software)", re.M)
_SIP_LINE = re.compile(r"^(no )?ip nat service sip (tcp|udp) port (\d+)$")
_INSPECT_APPLIED = re.compile(r"^ip inspect (\S+) (in|out)$")
_INSPECT_RULE = re.compile(r"^ip inspect name (\S+) (\S+)(?: (.*))?$")
_STATIC = re.compile(
    r"^ip nat (?P<nvi>inside )?source static (?P<network>network )?(?:(?P<proto>tcp|udp) )?(?P<host>[\d.]+)(?: (?P<port>\d+))?"
    r" (?:interface (?P<interface>\S+)|(?P<address>[\d.]+))(?: (?P<gport>\d+))?(?P<rest>(?: \S+)*)$"
)
# Words behind a static line that leave it to everybody and to all of its traffic; others are not understood here.
_HARMLESS = ("extendable", "no-alias", "no-payload")
_ACTION = re.compile(r"^(inspect|pass|drop)(?: (\S+))?$")
_GENERIC = ("udp", "tcp")
_SIP_WORDS = ("sip", "sip-tls")
_SIP_DEVICE = frozenset(("voice service voip", "sip-ua", "voice register global"))


@dataclass(frozen=True)
class Zone:
    """One class of an applied inspect policy: `kind` is sip, generic, other or broken."""

    scope: str
    kind: str
    evidence: tuple[str, ...]
    parameter_map: str | None = None


@dataclass(frozen=True)
class Face:
    """An interface as a forward meets it: its side of NAT ("inside", "outside" or ""), its address as written ("" where it
    is not written), and the lines that may stop traffic on it.
    """

    side: str = ""
    address: str = ""
    stops: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ios:
    """A running configuration, reduced to what decides about SIP."""

    whole: bool
    ended: bool
    switch: bool
    version: str | None
    model: str | None
    xe: bool | None
    controller: bool
    live: bool
    nat_interfaces: tuple[str, ...]
    nat_rules: tuple[str, ...]
    interfaces: int
    off: frozenset[tuple[str, int]]
    on: frozenset[tuple[str, int]]
    all_algs_off: bool
    rejected: frozenset[tuple[str, int]]
    inspect_rules: Mapping[str, tuple[tuple[str, str, str], ...]]
    inspect_applied: tuple[tuple[str, str], ...]
    zones: tuple[Zone, ...]
    zone_members: bool
    timers: tuple[tuple[str, str, str], ...]
    parameter_timers: Mapping[str, int]
    statics: tuple[str, ...]
    faces: Mapping[str, Face]
    archive_path: bool
    archive: str
    rollback: str
    sip_device: tuple[str, ...]


class _Reader:
    """Walks a running configuration by key words, not by indentation: published files lose it."""

    def __init__(self) -> None:
        self.found: dict[str, list[Any]] = {}
        self.interface = ""
        self.block: tuple[str, str] = ("", "")
        self.klass = ""
        self.classes: dict[str, list[str]] = {}
        self.policies: dict[str, list[tuple[str, str]]] = {}
        self.pairs: dict[str, list[str]] = {}
        self.parameters: dict[str, int] = {}
        self.ended = False

    def add(self, key: str, value: Any) -> None:
        self.found.setdefault(key, []).append(value)

    def get(self, key: str) -> tuple[Any, ...]:
        return tuple(self.found.get(key, ()))

    def read(self, text: str) -> None:
        banner = ""
        handlers = {
            "interface": self.start_interface,
            "class-map": self.open,
            "policy-map": self.open,
            "zone-pair": self.open,
            "parameter-map": self.open,
            "ip": self.ip,
            "no": self.ip,
        }
        for raw in lines_of(text):
            line = raw.strip()
            if banner:
                banner = "" if banner in line else banner
            elif not line:
                continue
            elif line[0] == "!":
                self.block = ("", "") if raw[0] == "!" else self.block
            else:
                first = line.split(" ", 1)[0]
                handler = handlers.get(first)
                if handler is not None:
                    handler(line)
                elif first == "banner":
                    banner = _banner_end(line)
                else:
                    self.other(first, line)
        if banner:
            self.ended = False

    def start_interface(self, line: str) -> None:
        self.interface, self.block = line[10:].strip(), ("", "")
        self.add("interface", line)

    def other(self, first: str, line: str) -> None:
        if first == "end":
            self.ended = self.ended or line == "end"
        elif first in ("version", "hostname"):
            self.add(first, line.split(" ", 1)[-1].strip())
        elif first == "zone-member":
            self.add("zone_member", line)
            self.add("face", (self.interface, line))
        elif first == "archive":
            self.block = ("archive", "")
        elif line in _SIP_DEVICE or (first == "dial-peer" and line.startswith("dial-peer voice ")):
            self.add("sip_device", line)
        elif first == "service-policy" and self.block[0] != "pair" and line.startswith("service-policy type inspect "):
            self.add("orphan", line)
        elif self.block[0]:
            self.inside(line)

    def open(self, line: str) -> None:
        """A block of the zone firewall; a class map or policy map of another type is none."""
        self.klass = ""
        self.block = ("other", "")
        for kind, pattern in (
            ("class", r"^class-map type inspect (?:match-(?:any|all) )?(\S+)$"),
            ("policy", r"^policy-map type inspect (\S+)$"),
            ("pair", r"^zone-pair security (\S+) "),
            ("parameter", r"^parameter-map type inspect (\S+)$"),
        ):
            name = first_match(pattern, line)
            if name is not None:
                self.block = (kind, name)
                if kind == "class":
                    self.classes.setdefault(name, [])
                elif kind == "policy":
                    self.policies.setdefault(name, [])
                elif kind == "pair":
                    self.pairs.setdefault(name, [])
        if self.block[0] == "pair":
            self.add("pair", line)

    def inside(self, line: str) -> None:
        kind, name = self.block
        if kind == "class" and line.startswith("match "):
            self.classes[name].append(line)
        elif kind == "policy" and line.startswith("class "):
            self.klass = line.split()[-1]
            self.policies[name].append((self.klass, ""))
        elif kind == "policy" and _ACTION.match(line):
            self.policies[name].append((self.klass, line))
        elif kind == "pair" and line.startswith("service-policy type inspect "):
            self.pairs[name].append(line.split()[-1])
        elif kind == "parameter" and re.match(r"^udp idle-time \d+", line):
            self.parameters[name] = int(line.split()[2])
        elif kind == "archive" and line.startswith("path "):
            self.add("archive_path", line)

    def ip(self, line: str) -> None:
        if not line.startswith(("ip nat ", "ip inspect ", "no ip nat ")):
            if line.startswith(("ip access-group ", "ip address ")):
                self.add("face", (self.interface, line))
            return
        sip = _SIP_LINE.match(line)
        applied = _INSPECT_APPLIED.match(line)
        rule = _INSPECT_RULE.match(line)
        if sip:
            self.add("off" if sip.group(1) else "on", (sip.group(2), int(sip.group(3))))
        elif line == "no ip nat service all-algs":
            self.add("all_algs", line)
        elif line in ("ip nat inside", "ip nat outside", "ip nat enable"):
            self.add("nat_interface", "{}: {}".format(self.interface or "interface", line))
            self.add("face", (self.interface, line))
        elif rule:
            self.add("rule", (rule.group(1), rule.group(2), line))
        elif applied and applied.group(1) != "name":
            self.add("applied", (applied.group(1), "{}: {}".format(self.interface or "interface", line)))
        elif re.match(r"^ip nat (?:inside|outside) source |^ip nat (?:source|pool) ", line):
            self.add("nat_rule", line)
            if line.startswith(("ip nat inside source static", "ip nat source static")):
                self.add("static", line)
        elif re.match(r"^ip nat translation (?:udp-timeout|port-timeout udp) |^ip inspect udp idle-time ", line):
            self.add("timer", line)


def _banner_end(line: str) -> str:
    """The delimiter that closes a banner, or "" when it closes on its own line."""
    rest = line.split(None, 2)[2] if len(line.split(None, 2)) > 2 else ""
    mark = rest[:2] if rest.startswith("^") else rest[:1]
    after = rest.replace(mark, "", 1) if mark else ""
    return "" if not mark or mark in after else mark


def parse(replies: Replies) -> Ios:
    text, version = replies.get("config", ""), replies.get("version", "")
    reader = _Reader()
    reader.read(text)
    number = first_match(r"Version ([\w.()]+)", version) or (reader.get("version") or (None,))[0]
    number = number.split()[0] if number else None
    rules: dict[str, list[tuple[str, str, str]]] = {}
    for name, protocol, line in reader.get("rule"):
        rules.setdefault(name, []).append((name, protocol, line))
    rejected = [m for m in map(_SIP_LINE.match, lines_of(replies.get("rejected", ""))) if m]
    return Ios(
        whole=reader.ended and not elided(text),
        ended=reader.ended,
        switch=any(_SWITCH.search(part) for part in (version, text) if "CAT" in part or "Catalyst" in part),
        version=number,
        model=first_match(r"^[Cc]isco (\S+) \(.*\) processor", version),
        xe=_is_xe(version, text, number),
        # a router that its manager configures rejects `terminal length`
        controller=bool(re.search(r"operating mode: +controller", version, re.I)) or "^" in replies.get("setup", ""),
        live=bool(version),
        nat_interfaces=reader.get("nat_interface"),
        nat_rules=reader.get("nat_rule"),
        interfaces=len(reader.get("interface")),
        off=frozenset(reader.get("off")),
        on=frozenset(reader.get("on")),
        all_algs_off=bool(reader.get("all_algs")),
        rejected=frozenset((m.group(2), int(m.group(3))) for m in rejected),
        inspect_rules={name: tuple(lines) for name, lines in rules.items()},
        inspect_applied=reader.get("applied"),
        zones=tuple(_zones(reader)),
        zone_members=bool(reader.get("zone_member")) and not reader.pairs,
        timers=tuple(
            (line.split()[-1], line, "cbac" if line.startswith("ip inspect") else "nat") for line in reader.get("timer")
        ),
        parameter_timers=dict(reader.parameters),
        statics=reader.get("static"),
        faces=_faces(reader),
        archive_path=bool(reader.get("archive_path")),
        archive=replies.get("archive", ""),
        rollback=replies.get("rollback", ""),
        sip_device=unique(reader.get("sip_device")),
    )


def _faces(reader: _Reader) -> dict[str, Face]:
    faces = {line[10:].strip(): Face() for line in reader.get("interface")}
    for name, line in reader.get("face"):
        face, words = faces.get(name, Face()), line.split()
        if words[1] == "nat":
            faces[name] = replace(face, side=words[2])
        elif words[1] == "address" and "secondary" not in words:
            faces[name] = replace(face, address=words[2] if re.match(r"\d+\.", words[2]) else "")
        elif words[1] != "address":
            faces[name] = replace(face, stops=(*face.stops, line))
    return faces


def _is_xe(version: str, text: str, number: str | None) -> bool | None:
    """True or False when it is seen; a saved `version 15.4` may be either."""
    if version:
        return "IOS XE" in version or "IOS-XE" in version
    if "Cisco IOS" in text and re.search(r"^! ?Cisco IOS[ -]XE", text, re.M):
        return True
    major = int(number.split(".")[0]) if number and number.split(".")[0].isdigit() else 0
    return True if major >= 16 else False if 0 < major < 15 else None


def _zones(reader: _Reader) -> list[Zone]:
    zones = [Zone("?", "broken", (line, "its zone-pair is not in this text")) for line in reader.get("orphan")]
    for pair, policies in reader.pairs.items():
        if not policies:
            zones.append(Zone(pair, "broken", (f"zone-pair {pair} has no service-policy in this text",)))
        for policy in policies:
            if policy not in reader.policies:
                zones.append(Zone(pair, "broken", (f"the policy-map {policy} is not in this text",)))
            zones += _policy_zones(reader, pair, policy)
    return zones


def _policy_zones(reader: _Reader, pair: str, policy: str) -> list[Zone]:
    zones: list[Zone] = []
    actions: dict[str, list[str]] = {}
    for klass, action in reader.policies.get(policy, ()):
        actions.setdefault(klass, [])
        if action:
            actions[klass].append(action)
    for klass, lines in actions.items():
        scope = "{} / {} / {}".format(pair, policy, klass or "?")
        if len(lines) != 1 and klass != "class-default":
            zones.append(Zone(scope, "broken", ("class {}: {}".format(klass or "?", ", ".join(lines) or "no action"),)))
            continue
        kind, evidence = _class_kind(reader, klass, ())
        if any(line.startswith("inspect") for line in lines):
            words = lines[0].split()
            zones.append(
                Zone(scope, kind, (*evidence, f"class {klass}: {lines[0]}"), words[1] if len(words) > 1 else None)
            )
    return zones


def _class_kind(reader: _Reader, klass: str, seen: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """What traffic a class catches: sip by name, anything (ACL, udp, tcp), other protocols only, or not readable."""
    if klass == "class-default":
        return "generic", ("class-default",)
    if klass not in reader.classes or klass in seen:
        return "broken", ("the class-map {} is not in this text".format(klass or "?"),)
    kinds = {}
    for line in reader.classes[klass]:
        words = line.split()
        if words[1:2] == ["class-map"]:
            kinds[_class_kind(reader, words[-1], (*seen, klass))[0]] = line
        elif words[1:2] == ["protocol"] and len(words) > 2:
            kinds["sip" if words[2] in _SIP_WORDS else "generic" if words[2] in _GENERIC else "other"] = line
        else:
            kinds["generic"] = line
    for kind in ("sip", "broken", "generic", "other"):
        if kind in kinds:
            return kind, (kinds[kind],)
    return "broken", (f"the class-map {klass} matches nothing in this text",)


def _nat_mechanisms(ios: Ios) -> list[Mechanism]:
    out = []
    ports = sorted({SIP_PORT} | {p for _t, p in ios.on})
    for transport in ("udp", "tcp"):
        for port in ports:
            if port == SIP_PORT or (transport, port) in ios.on:
                out.append(_nat_alg(ios, transport, port))
    return out


def _nat_alg(ios: Ios, transport: str, port: int) -> Mechanism:
    scope = "global" if port == SIP_PORT else f"port {port}"
    positive = f"ip nat service sip {transport} port {port}"
    used = ios.nat_interfaces[:2] or ios.nat_rules[:1]

    def made(state: str, basis: str, evidence: tuple[str, ...], label: str = "doc") -> Mechanism:
        return Mechanism("nat_alg_" + transport, scope, state, basis, evidence, label)

    if not ios.nat_interfaces:
        if ios.nat_rules and not ios.interfaces:
            return made("unknown", "configured", ("NAT rules, but no interface in this text", *used))
        # A switch without NAT lines stays without NAT even where its publisher left parts out.
        if not ios.whole and not (ios.switch and ios.ended):
            return made("unknown", "default", ("the text is not whole: no NAT seen in it",))
        return made("not_applicable", "configured", ("no interface has ip nat inside, outside or enable",), "inferred")
    if (transport, port) in ios.off:
        if (transport, port) in ios.on:
            return made("unknown", "configured", (positive, "no " + positive))
        state = "off" if ios.whole else "unknown"
        return made(state, "configured", ("no " + positive,) + (() if ios.whole else ("the text is not whole",)))
    if (transport, port) in ios.on:
        return made("on", "configured", (positive, *used))
    if (transport, port) in ios.rejected:
        return made("not_applicable", "runtime", (f"this image rejects 'no {positive}'",), "inferred")
    if transport == "tcp" and re.match(r"^1[12]\.", ios.version or ""):
        return made("not_applicable", "default", (f"IOS {ios.version}: SIP over TCP is translated from 15.0 on only",))
    if ios.all_algs_off:
        return made(
            "unknown", "configured", ("no ip nat service all-algs", "how it acts on SIP is not documented"), "inferred"
        )
    state = "on" if ios.whole or used else "unknown"
    return made(state, "default", (*used, f"no line 'no {positive}': on by default"), "src")


def _cbac_mechanisms(ios: Ios) -> list[Mechanism]:
    out = []
    for rule, evidence in ios.inspect_applied:
        lines = ios.inspect_rules.get(rule)
        scope = "{} on {}".format(rule, evidence.split(":")[0])
        if not lines:
            out.append(Mechanism("cbac", scope, "unknown", "configured", (evidence, "the rule is not in this text")))
            continue
        sip = tuple(line for _n, protocol, line in lines if protocol in _SIP_WORDS)
        state = "on" if sip else "off" if ios.whole else "unknown"
        out.append(Mechanism("cbac", scope, state, "configured", (sip or ("no sip line in the rule",)) + (evidence,)))
    return out


def _zone_mechanisms(ios: Ios) -> list[Mechanism]:
    out = []
    for zone in ios.zones:
        # On IOS XE plain `inspect` of port 5060 engages the ALG, whatever the class matches by.
        generic = "off" if ios.xe is False and ios.whole else "unknown"
        state = {"sip": "on", "generic": generic, "other": "off" if ios.whole else "unknown", "broken": "unknown"}[
            zone.kind
        ]
        label = "doc" if zone.kind == "sip" else "inferred"
        out.append(Mechanism("zone_firewall", zone.scope, state, "configured", zone.evidence, label))
    if ios.zone_members:
        out.append(
            Mechanism(
                "zone_firewall", "global", "unknown", "configured", ("zone members, but no zone pair in this text",)
            )
        )
    return out


def _timers(ios: Ios) -> list[Timer]:
    timers = []
    nat = bool(ios.nat_interfaces)
    general = [(v, line) for v, line, kind in ios.timers if "udp-timeout" in line]
    if general:
        timers.append(Timer("nat_udp", "global", _seconds(general[-1][0]), (general[-1][1],), applies=nat))
    else:
        evidence = (f"no ip nat translation udp-timeout line: default {NAT_UDP_DEFAULT} s",)
        timers.append(
            Timer("nat_udp", "global", NAT_UDP_DEFAULT, evidence, "default", applies=nat, known=ios.whole or not nat)
        )
    for value, line, _kind in ios.timers:
        port = first_match(r"port-timeout udp (\d+)", line)
        if port == str(SIP_PORT):
            timers.append(Timer("nat_port_udp", "port " + port, _seconds(value), (line,), applies=nat))
    idle = [(v, line) for v, line, kind in ios.timers if kind == "cbac"]
    for rule, where in ios.inspect_applied:
        timers += _cbac_timer(ios, rule, where, idle)
    for zone in ios.zones:
        if zone.kind in ("sip", "generic"):
            seconds = ios.parameter_timers.get(zone.parameter_map or "")
            evidence = (
                (f"udp idle-time {seconds} in {zone.parameter_map}",) if seconds else ("no udp idle-time written",)
            )
            timers.append(
                Timer(
                    "zone_udp",
                    zone.scope,
                    seconds,
                    evidence,
                    "configured" if seconds else "default",
                    "recall",
                    seconds is not None,
                )
            )
    return timers


def _cbac_timer(ios: Ios, rule: str, where: str, idle: list[tuple[str, str]]) -> list[Timer]:
    lines = [line for _n, protocol, line in ios.inspect_rules.get(rule, ()) if protocol == "udp"]
    if not lines:
        return []
    own = first_match(r" timeout (\d+)", lines[0])
    if own or idle:
        line = lines[0] if own else idle[-1][1]
        return [Timer("cbac_udp", rule, _seconds(own or idle[-1][0]), (line, where), label="doc")]
    return [Timer("cbac_udp", rule, None, (lines[0], where, "no idle time written"), "default", "recall", known=False)]


def _seconds(text: str) -> int | None:
    return None if text == "never" else int(text)


@dataclass(frozen=True)
class Static:
    """A static line that brings UDP inside. `place` is what it takes from outside: "interface NAME", an address, a network."""

    forward: Forward
    place: str


def _statics(ios: Ios) -> list[Static]:
    out = []
    for line in ios.statics:
        found = _STATIC.match(line)
        if found is None or found.group("proto") == "tcp":
            continue
        sources = _sources(ios, found)
        place = "interface {}".format(found.group("interface")) if found.group("interface") else found.group("address")
        host = found.group("host")
        where = place.split()[-1]
        if found.group("network"):
            words = found.group("rest").split()
            place = "{}/{}".format(place, words[0].lstrip("/") if words else "32")
            forward = Forward("static_nat", f"network {host} on {place}", 0, 65535, None, None, (line,), label="src")
        elif found.group("proto") is None:
            forward = Forward(
                "static_nat", f"all ports of {host} on {where}", 0, 65535, host, sources, (line,), label="src"
            )
        else:
            inside = int(found.group("port") or 0)
            port = int(found.group("gport") or inside)
            forward = Forward("static_nat", f"udp {port} on {where}", port, port, host, sources, (line,), inside, "src")
        out.append(Static(forward, place))
    return out


def _sources(ios: Ios, line: re.Match[str]) -> tuple[str, ...] | None:
    """Everybody, where nothing was seen that could keep anybody out; else not known."""
    if not ios.whole or not line.group("nvi") or line.group("network"):
        return None
    if set(line.group("rest").split()) - set(_HARMLESS):
        return None
    name = line.group("interface")
    outer = [f for n, f in ios.faces.items() if f.side == "outside" and (name is None or n == name)]
    inner = [f for f in ios.faces.values() if f.side == "inside"]
    shut = any(not stop.endswith(" out") for f in outer for stop in f.stops)
    shut = shut or any(not stop.endswith(" in") for f in inner for stop in f.stops)
    return (ANY,) if outer and not shut else None


def _forwards(ios: Ios) -> list[Forward]:
    return [static.forward for static in _statics(ios)]


def assess(ios: Ios, profile: Profile) -> Assessment:
    sip = sip_aspect(_nat_mechanisms(ios) + _cbac_mechanisms(ios) + _zone_mechanisms(ios))
    timers = _timers(ios)
    timeout = timeout_aspect(timers, profile.udp_timeout)
    inbound = _forwards(ios)
    forwards = forwards_aspect(inbound, ios.whole, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    not_checked = []
    for timer in timers:
        if timer.applies and not timer.known:
            not_checked.append(
                f"{timer.id} {timer.scope}: its default is not documented here, it may be as short as 30 s"
            )
    if ios.sip_device:
        text = "the router itself speaks SIP ({}): leave that alone, and forward no 5060 past it".format(
            ", ".join(ios.sip_device)
        )
        findings.append(Finding("ROUTER-IS-SIP-DEVICE", "sip_alg", "info", text))
    if ios.controller:
        findings.append(
            Finding("MANAGED-BY-CONTROLLER", None, "info", "SD-WAN controller mode: change the template in the manager")
        )
    if not ios.whole:
        not_checked.append("the configuration text is not whole (no 'end', or parts were left out)")
    if not ios.live:
        not_checked.append("runtime state: live translations keep an ALG until they end")
    return Assessment(
        ios.model, ios.version, {a.name: a for a in (sip, timeout, forwards)}, tuple(findings), (), unique(not_checked)
    )


def plan(ios: Ios, options: Options) -> Plan:
    """NAT lines only. Each line is its own step, so that a failure leaves no half of one. Forwards come last: what they let in
    shall find the ALG off.
    """
    if not ios.whole:
        return Plan((), ios, "the running configuration was not read whole")
    steps: list[Step] = []
    left: list[str] = []
    expected = ios
    if options.state is not None:
        steps, expected = _sip_steps(expected, options.state)
        if steps:
            left.append("live translations keep the old behaviour until they end: let the phones register again")
    if options.timeout is not None:
        more, expected = _timeout_steps(expected, options.timeout)
        steps += more
    unsupported: Mapping[str, str] = {}
    if options.forwards is not None:
        made = (
            _absent(expected, options.forwards)
            if not options.forwards.present
            else _present(expected, options.forwards)
        )
        if made.refusal:
            return Plan((), ios, made.refusal)
        steps, expected, unsupported = [*steps, *made.steps], made.expected, made.unsupported
    if not steps:
        return Plan((), ios, unsupported=unsupported)
    if ios.controller:
        return Plan((), ios, "the router is in SD-WAN controller mode: its manager would overwrite the change")
    if re.search(r"Timer (?:value|type)", ios.rollback):
        why = "another administrator's rollback timer is pending (show archive config rollback timer): it could undo this change"
        return Plan((), ios, why)
    return Plan(tuple(steps), expected, None, tuple(left), unsupported)


def _sip_steps(ios: Ios, state: str) -> tuple[list[Step], Ios]:
    """Only NAT ALG lines, each transport and port by itself; `enabled` brings port 5060 back."""
    mechanisms = _nat_mechanisms(ios)
    if state == DISABLED:
        wanted = [m for m in mechanisms if m.state == "on" or (m.state == "unknown" and ios.nat_interfaces)]
    else:
        wanted = [m for m in mechanisms if m.state == "off"]
    steps, off, on = [], set(ios.off), set(ios.on)
    for mechanism in wanted:
        transport = mechanism.id.rsplit("_", 1)[1]
        port = SIP_PORT if mechanism.scope == "global" else int(mechanism.scope.split()[1])
        line = f"ip nat service sip {transport} port {port}"
        if state == DISABLED:
            steps.append(Step(("no " + line,), (line,), optional=transport == "tcp"))
            on.discard((transport, port))
            off |= {(transport, port)} if port == SIP_PORT else set()
        else:
            steps.append(Step((line,), ("no " + line,)))
            off.discard((transport, port))
    return steps, replace(ios, off=frozenset(off), on=frozenset(on))


def _timeout_steps(ios: Ios, wanted: Wanted) -> tuple[list[Step], Ios]:
    """The NAT timers that are too short, general and for port 5060. Those of the firewalls are left to people: their
    commands are known from memory only.
    """
    steps, timers = [], list(ios.timers)
    for timer in _timers(ios):
        if timer.id not in ("nat_udp", "nat_port_udp") or not timer.applies or not is_low(timer, wanted):
            continue
        head = (
            "ip nat translation udp-timeout"
            if timer.id == "nat_udp"
            else f"ip nat translation port-timeout udp {SIP_PORT}"
        )
        old = [entry for entry in timers if entry[1].startswith(head + " ")]
        line = f"{head} {wanted.recommended}"
        steps.append(Step((line,), (old[-1][1] if old else "no " + head,)))
        timers = [entry for entry in timers if entry not in old] + [(str(wanted.recommended), line, "nat")]
    return steps, replace(ios, timers=tuple(timers))


def _present(ios: Ios, wanted: Forwards) -> Plan:
    """A line for each port that no line brings to the PBX yet. A line that is there and whose sources are left to an access
    list is not made again.
    """
    statics = _statics(ios)
    have = [s.forward for s in statics]
    missing = open_ranges(have, wanted, unsure=True)
    if not missing:
        return Plan((), ios)
    speaks = ""
    if ios.sip_device and any(first <= SIP_PORT <= last for first, last in missing):
        speaks = (
            f"the router itself speaks SIP ({', '.join(ios.sip_device)}) and listens on UDP {SIP_PORT}: that port cannot be "
            "forwarded past it. Let it talk to the PBX, or forward another port (sip_ports)"
        )
    place, reasons = _place(ios, wanted)
    reasons += _reasons(ios, wanted, place, missing)
    if reasons:
        return Plan((), ios, unsupported={PORT_FORWARDS: ". ".join([*reasons, *([speaks] if speaks else [])])})
    # what leads to the PBX is not in the way, also where an access list decides who gets that far
    near = [
        replace(f, sources=(ANY,)) if f.sources is None and f.leads_to(wanted.pbx) else f
        for f in (s.forward for s in statics if s.forward.leads_to(wanted.pbx) or _may_meet(ios, s.place, place))
    ]
    refusal = in_the_way(near, wanted) or speaks
    if refusal:
        return Plan((), ios, refusal)
    lines = tuple(_line(wanted, place, port) for first, last in missing for port in range(first, last + 1))
    steps = tuple(Step((line,), ("no " + line,), label="src") for line in lines)
    return Plan(steps, replace(ios, statics=(*ios.statics, *lines)))


def _line(wanted: Forwards, place: str, port: int) -> str:
    return f"ip nat inside source static udp {wanted.pbx} {port} {place} {port}"


def _place(ios: Ios, wanted: Forwards) -> tuple[str, list[str]]:
    """What a line of ours takes from outside, "" with the reason where that cannot be said."""
    outer = [name for name, face in ios.faces.items() if face.side == "outside"]
    if wanted.outside:
        name = next((n for n in ios.faces if n.lower() == wanted.outside.lower()), "")
        if name not in outer:
            what = "has no 'ip nat outside'" if name else "is not there"
            return "", [
                f"the interface {wanted.outside} {what}; it has: {', '.join(outer) or 'none'} (voip_edge_outside_interface)"
            ]
        outer = [name]
    if wanted.address and outer:
        return wanted.address, []
    if len(outer) == 1:
        return "interface " + outer[0], []
    found = (
        f"{len(outer)} interfaces have 'ip nat outside' ({', '.join(outer)})"
        if outer
        else "no interface has 'ip nat outside'"
    )
    return "", [f"{found}: name the one that the provider reaches (voip_edge_outside_interface)"]


def _reasons(ios: Ios, wanted: Forwards, place: str, missing: list[tuple[int, int]]) -> list[str]:
    """Why the lines are not made, with what a person does."""
    out = []
    count = sum(last - first + 1 for first, last in missing)
    public = wanted.address or ios.faces.get(place.split(" ")[-1], Face()).address or "<the public address>"
    if count > MOST_LINES:
        out.append(
            f"IOS forwards one port a line and has no ranges: {count} lines would be needed, and at most {MOST_LINES} are made. "
            f"By hand, either give the PBX a spare public address of its own ('ip nat inside source static {wanted.pbx} "
            "<spare address>') and an access list on the outside interface, or use a small range of RTP ports, the same in the "
            "PBX and in rtp_ports"
        )
    if wanted.sources != (ANY,):
        lines = [
            f"permit udp {_with_wildcard(source)} host {public} {f'eq {first}' if first == last else f'range {first} {last}'}"
            for source in wanted.sources
            for first, last in wanted.ranges
        ]
        out.append(
            f"a static line lets everybody in, and the access list that keeps it to {', '.join(wanted.sources)} is not made from "
            f"here. By hand, in the list that 'ip access-group LIST in' binds to the outside interface, before what denies: "
            f"{'; '.join(lines)}. A new list refuses all that it does not permit. Then ask for the forward with sources: any; "
            "without such a list everybody reaches the PBX (FORWARD-TOO-OPEN)"
        )
    return out


def _with_wildcard(source: str) -> str:
    net = ipaddress.ip_network(source)
    return (
        f"host {net.network_address}" if net.prefixlen == net.max_prefixlen else f"{net.network_address} {net.hostmask}"
    )


def _may_meet(ios: Ios, one: str, other: str) -> bool:
    """Whether two places may be the same address; an address that is not written may be any."""
    if one.startswith("interface ") and other.startswith("interface "):
        return one == other
    nets = []
    for place in (one, other):
        text = ios.faces.get(place[10:], Face()).address if place.startswith("interface ") else place
        try:
            nets.append(ipaddress.ip_network(text, strict=False))
        except ValueError:
            return True
    return nets[0].overlaps(nets[1])


def _absent(ios: Ios, wanted: Forwards) -> Plan:
    """Exactly the lines that `_present` would make. IOS adds `extendable` by itself, any other word is somebody's own."""
    statics = [s for s in _statics(ios) if any(s.forward.first <= b and a <= s.forward.last for a, b in wanted.ranges)]
    if not statics:
        return Plan((), ios)
    if not wanted.pbx:
        why = (
            "lines of IOS carry no name, so ours are known by the PBX alone: give it (voip_edge_pbx), and the ports that were "
            f"forwarded. There are: {'; '.join(s.forward.evidence[0] for s in statics[:5])}"
        )
        return Plan((), ios, unsupported={PORT_FORWARDS: why})
    if not any(s.forward.leads_to(wanted.pbx) for s in statics):
        return Plan((), ios)
    place, reasons = _place(ios, wanted)
    if reasons:
        return Plan((), ios, unsupported={PORT_FORWARDS: ". ".join(reasons)})
    ours = {_line(wanted, place, port) for first, last in wanted.ranges for port in range(first, last + 1)}
    lines = tuple(line for line in ios.statics if re.sub(r" extendable$", "", line) in ours)
    steps = tuple(
        Step(("no " + line,), (line,), label="src") for line in reversed(lines)
    )  # undone, they keep their order
    return Plan(steps, replace(ios, statics=tuple(line for line in ios.statics if line not in lines)))


def read(ask: Ask, identity: str) -> dict[str, str]:
    return {"version": identity, "config": ask("show running-config")}


def before_change(ask: Ask, replies: Replies) -> dict[str, str]:
    """Whether a rollback timer can be had, and whether somebody else's is running."""
    return {"archive": ask("show archive"), "rollback": ask("show archive config rollback timer")}


def _timer_possible(ios: Ios, options: Options) -> bool:
    free = "No Rollback Confirmed Change pending" in ios.rollback
    return all((options.revert_timer, ios.archive_path, ios.archive, free))


def enter(ios: Ios, scope: str, options: Options) -> tuple[str, ...]:
    if _timer_possible(ios, options):
        return (f"configure terminal revert timer {options.revert_timer}",)
    return ("configure terminal",)


def confirm(ios: Ios, options: Options) -> tuple[str, ...]:
    return ("configure confirm",) if _timer_possible(ios, options) else ()


def recognise_backup(text: str) -> bool:
    # A search anchored to lines walks through the whole text: plain words decide first.
    if "#config-version=" in text[:4096] or ((" Version " in text or ": Saved" in text) and _FOREIGN.search(text)):
        return False
    return any(all(re.search(pattern, text, re.M) for pattern in signs) for signs in _SIGNS)


PLATFORM = Platform(
    name="cisco_ios",
    title="Cisco IOS and IOS XE",
    network_os=("cisco_ios", "ios", "cisco.ios.ios", "cisco_xe", "iosxe"),
    dialect=DIALECT,
    facts=FACTS,
    identify="show version",
    recognise=lambda reply: bool(_VERSION.search(reply)) and "Adaptive Security Appliance" not in reply,
    recognise_backup=recognise_backup,
    read=read,
    from_backup=lambda text: {"config": text},
    parse=parse,
    assess=assess,
    plan=plan,
    enter=enter,
    leave=lambda ios, scope, options: ("end",),
    confirm=confirm,
    save=lambda ios, scope: ("write memory",),
    saved=r"\[OK\]",
    firmware=r"0?3\.|1[1256]\.|17\.",
    before_change=before_change,
)
