# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards of an ASA: NAT rules that bring UDP inside, the access list that says for whom, and ours among them.

A range of ports takes a twice NAT rule with service objects. Its ports are *source* ports, since the rule is written from the
inside host's view. From 8.3 on the access list of the outside interface speaks of the real address and port.
What is written, and the vendor's text for it:

* objects, and `nat (inside,outside) source static HOST interface service RANGE RANGE`: Firewall CLI Configuration Guide 9.1,
  "Configuring Static NAT or Static NAT-with-Port-Translation", syntax and the example of static interface NAT with port
  translation; a rule goes to the end of section 1, or to the number that is given
* `access-list NAME [line N] extended permit udp ...`, and its removal by the whole text: CLI guide, "Adding an Extended Access
  List"; real addresses there: "IP Addresses Used for Access Lists When You Use NAT", and the guide on migrating to 8.3
* `access-group NAME in interface IFC`, never of an empty list; interface rules before global ones before the implicit deny;
  without a list only traffic to a lower security level passes: Firewall CLI guide, "Access Rules"
* an object that is used cannot be removed: Firewall CLI guide, "Guidelines for Objects"
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..core.access import ALL_PORTS, Entry, Networks, Span, obstacle, overlap, who
from ..core.forwards import ANY, OURS, Forward, admits, in_the_way, open_ranges
from ..core.model import Forwards, Mechanism, Plan, Step
from ..core.text import unique
from ..core.verdict import PORT_FORWARDS

PBX, PUBLIC, OWN_LIST = f"{OURS}-pbx", f"{OURS}-public", f"{OURS}-in"
LABEL = "doc"

_TWICE = re.compile(
    r"^nat (?:\((?P<real_if>[^,() ]+),(?P<mapped_if>[^,() ]+)\) )?(?:after-auto )?(?:\d+ )?source (?P<kind>static|dynamic)"
    r" (?P<real>\S+) (?P<mapped>interface|\S+)(?P<rest>(?: \S+)*)$"
)
_OWN = re.compile(r"^nat \((?P<real_if>[^,() ]+),(?P<mapped_if>[^,() ]+)\) static (?P<mapped>\S+)(?P<rest>(?: \S+)*)$")
_OLD = re.compile(r"^static \((?P<real_if>[^,() ]+),(?P<mapped_if>[^,() ]+)\) (?P<rest>.+)$")
_DESTINATION = re.compile(r" destination static (\S+) (\S+)")
_TWO_SERVICES = re.compile(r" service (\S+) (\S+)")
_OWN_SERVICE = re.compile(r" service (tcp|udp|sctp) (\S+) (\S+)")
_PORTS = {
    "biff": 512, "bootpc": 68, "bootps": 67, "cifs": 3020, "dnsix": 195, "domain": 53, "http": 80, "isakmp": 500,
    "kerberos": 750, "mobile-ip": 434, "nameserver": 42, "netbios-dgm": 138, "netbios-ns": 137, "nfs": 2049, "ntp": 123,
    "pcanywhere-status": 5632, "pim-auto-rp": 496, "radius": 1645, "radius-acct": 1646, "rip": 520, "secureid-udp": 5510,
    "sip": 5060, "sip-tls": 5061, "snmp": 161, "snmptrap": 162, "sunrpc": 111, "syslog": 514, "tacacs": 49, "talk": 517,
    "tftp": 69, "time": 37, "vxlan": 4789, "who": 513, "www": 80, "xdmcp": 177,
}  # fmt: skip
_OPERATORS = ("eq", "range", "gt", "lt", "neq")
_IDENTITY = ("user", "user-group", "object-group-user", "security-group", "object-group-security")


@dataclass(frozen=True)
class Interface:
    """`level` and `address` (with its mask) as written, None where they are not."""

    level: int | None = None
    address: str | None = None


@dataclass(frozen=True)
class Rule:
    """A NAT line; `owner` is the network object it stands in."""

    line: str
    owner: str = ""

    @property
    def shown(self) -> str:
        return f"object network {self.owner}: {self.line}" if self.owner else self.line

    @property
    def manual(self) -> bool:
        """Whether it counts in section 1."""
        return not self.owner and " source " in self.line and " after-auto " not in self.line


@dataclass(frozen=True)
class Edge:
    """What one context says of forwards. Objects and groups by name with their lines, lists with their entries in order."""

    whole: bool = False
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, Interface] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    shut: frozenset[str] = frozenset()
    """Interfaces with a list for what leaves them."""
    everywhere: str | None = None


@dataclass(frozen=True)
class Brought:
    """A forward, the interface it comes in by, and what it takes there: None the interface's own address, else networks."""

    forward: Forward
    outside: str
    place: Networks | None
    unsure: tuple[str, ...] = ()


# -- reading -----------------------------------------------------------------------------------------------------------


class Reader:
    """Takes the lines of a context by key words: captured configurations lose indentation and carry blanks at both ends."""

    def __init__(self) -> None:
        self.block: list[str] | None = None
        self.owner = self.nameif = ""
        self.networks: dict[str, list[str]] = {}
        self.services: dict[str, list[str]] = {}
        self.groups: dict[str, list[str]] = {}
        self.kinds: dict[str, str] = {}
        self.aliases: dict[str, str] = {}
        self.interfaces: dict[str, Interface] = {}
        self.rules: list[Rule] = []
        self.lists: dict[str, list[str]] = {}
        self.bound: dict[str, str] = {}
        self.shut: set[str] = set()
        self.everywhere: str | None = None
        handlers = {name[3:].replace("_", "-"): getattr(self, name) for name in dir(self) if name.startswith("on_")}
        self._handlers: dict[str, Callable[[list[str]], None]] = handlers

    def line(self, words: list[str]) -> None:
        """A line that is not empty, as words."""
        self._handlers.get(words[0], self.other)(words)

    def other(self, words: list[str]) -> None:
        self.owner, self.block = "", None

    def on_object(self, words: list[str]) -> None:
        self.owner, self.block = "", None
        if len(words) > 2 and words[1] == "network":
            self.owner = words[2]
            self.block = self.networks.setdefault(words[2], [])
        elif len(words) > 2 and words[1] == "service":
            self.block = self.services.setdefault(words[2], [])

    def on_object_group(self, words: list[str]) -> None:
        self.owner, self.block = "", None
        if len(words) > 2:
            self.kinds[words[2]] = words[1]
            self.block = self.groups.setdefault(words[2], [])

    def _member(self, words: list[str]) -> None:
        if self.block is not None:
            self.block.append(" ".join(words))

    on_host = on_subnet = on_range = on_fqdn = on_service = on_description = _member
    on_network_object = on_service_object = on_port_object = on_group_object = on_protocol_object = _member

    def on_nat(self, words: list[str]) -> None:
        line = " ".join(words)
        own = _OWN.match(line) is not None or (" dynamic " in line and " source " not in line)
        self.rules.append(Rule(line, self.owner if own else ""))

    def on_static(self, words: list[str]) -> None:
        self.rules.append(Rule(" ".join(words)))

    def on_interface(self, words: list[str]) -> None:
        self.owner, self.block, self.nameif = "", None, ""

    def on_nameif(self, words: list[str]) -> None:
        self.nameif = words[1] if len(words) == 2 else ""
        if self.nameif:
            self.interfaces[self.nameif] = Interface()

    def on_security_level(self, words: list[str]) -> None:
        if self.nameif and len(words) == 2 and words[1].isdigit():
            self.interfaces[self.nameif] = replace(self.interfaces[self.nameif], level=int(words[1]))

    def on_ip(self, words: list[str]) -> None:
        if self.nameif and words[1:2] == ["address"] and len(words) > 3:
            address = "/".join(words[2:4])
            if _networks([f"subnet {words[2]} {words[3]}"]) is not None:
                self.interfaces[self.nameif] = replace(self.interfaces[self.nameif], address=address)

    def on_name(self, words: list[str]) -> None:
        if len(words) > 2:
            self.aliases[words[2]] = words[1]

    def on_access_list(self, words: list[str]) -> None:
        self.owner, self.block, self.nameif = "", None, ""
        if len(words) > 2:
            self.lists.setdefault(words[1], []).append(" ".join(words[2:]))

    def on_access_group(self, words: list[str]) -> None:
        if words[2:] == ["global"]:
            self.everywhere = words[1]
        elif words[3:4] == ["interface"] and len(words) > 4:
            if words[2] == "in":
                self.bound[words[4]] = words[1]
            else:
                self.shut.add(words[4])

    def edge(self, whole: bool) -> Edge:
        networks, services, groups, lists = (
            {name: tuple(lines) for name, lines in part.items()}
            for part in (self.networks, self.services, self.groups, self.lists)
        )
        return Edge(
            whole, networks, services, groups, self.kinds, self.aliases, self.interfaces, tuple(self.rules), lists,
            self.bound, frozenset(self.shut), self.everywhere,
        )  # fmt: skip


def _networks(lines: Iterable[str]) -> Networks | None:
    """The networks of an object's lines; None for a name that only a resolver knows, and for what is not understood."""
    found: list[str] = []
    for line in lines:
        words = line.split()
        try:
            if words[0] == "host":
                found.append(str(ipaddress.ip_network(words[1])))
            elif words[0] == "subnet" and len(words) == 3:
                found.append(str(ipaddress.ip_network("/".join(words[1:]), strict=False)))
            elif words[0] == "subnet":
                found.append(str(ipaddress.ip_network(words[1])))
            elif words[0] == "range":
                ends = [ipaddress.IPv4Address(w) for w in words[1:3]]
                found += [str(n) for n in ipaddress.summarize_address_range(*ends)]
            elif words[0] != "description":
                return None
        except (ValueError, IndexError):
            return None
    return tuple(found) or None


def _named(edge: Edge, name: str, seen: tuple[str, ...] = ()) -> Networks | None:
    """The networks of an object or a group of objects."""
    if name in edge.networks:
        return _networks(_plain(edge, line) for line in edge.networks[name])
    if name in seen or edge.kinds.get(name) != "network":
        return None
    found: list[str] = []
    for line in edge.groups[name]:
        words = _plain(edge, line).split()
        if words[0] == "description":
            continue
        if words[0] == "group-object" or words[1:2] == ["object"]:
            more = _named(edge, words[-1], (*seen, name))
        else:
            more = _networks([" ".join(words[1:] if words[1:2] == ["host"] else ["subnet", *words[1:]])])
        if more is None:
            return None
        found += more
    return tuple(found) or None


def _plain(edge: Edge, line: str) -> str:
    """A line with the addresses behind the names that stand for them."""
    return " ".join(edge.aliases.get(word, word) for word in line.split()) if edge.aliases else line


def _port(word: str) -> int | None:
    port = int(word) if word.isdigit() else _PORTS.get(word)
    return port if port is not None and port < 65536 else None


def _spans(words: Sequence[str]) -> tuple[Span, ...] | None:
    """The ports of an operator with its figures."""
    figures = [_port(w) for w in words[1:]]
    if not figures or None in figures or words[0] not in _OPERATORS:
        return None
    first, last = figures[0] or 0, figures[-1] or 0
    if words[0] == "range":
        return ((first, last),)
    return {
        "eq": ((first, first),),
        "gt": ((first + 1, 65535),),
        "lt": ((0, first - 1),),
        "neq": ((0, first - 1), (first + 1, 65535)),
    }[words[0]]


def _service(edge: Edge, name: str) -> tuple[str, Span] | None:
    """Side ("source", "destination" or "both", then of the source) and UDP ports of a service object; None for any other."""
    for line in edge.services.get(name, ()):
        words = line.split()
        if words[:2] == ["service", "udp"] and len(words) > 4 and words[2] in ("source", "destination"):
            size = 3 if words[3] == "range" else 2
            end = 3 + size
            spans = _spans(words[3:end])
            if spans is None or len(spans) != 1:
                return None
            return ("both" if len(words) > end else words[2]), spans[0]
    return None


# -- access lists ------------------------------------------------------------------------------------------------------


def entries_of(edge: Edge, name: str) -> tuple[Entry, ...]:
    return tuple(e for e in (_entry(edge, line) for line in edge.lists.get(name, ())) if e is not None)


def _entry(edge: Edge, line: str) -> Entry | None:
    """None for a remark and for what is switched off."""
    words = _plain(edge, line).split()
    if words[0] == "remark" or "inactive" in words:
        return None
    words = words[1:] if words[0] == "extended" else words
    permit = words[:1] != ["deny"]
    try:
        if words[0] not in ("permit", "deny"):
            raise ValueError("an entry of another kind")
        return _parts(edge, permit, words[1:], line)
    except (IndexError, ValueError):
        return Entry(permit, None, None, None, line, narrowed=True)


def _parts(edge: Edge, permit: bool, words: list[str], line: str) -> Entry:
    ports, narrowed, words = _protocol(edge, words)
    if words[0] in _IDENTITY:
        raise ValueError("users and tags are not understood")
    sources, words = _address(edge, words)
    if _is_ports(edge, words):
        narrowed, words = True, _port_part(edge, words)[1]
    if words[0] in _IDENTITY:
        raise ValueError("users and tags are not understood")
    targets, words = _address(edge, words)
    if _is_ports(edge, words):
        own, words = _port_part(edge, words)
        ports = own if ports != () else ports
    return Entry(permit, sources, targets, ports, line, narrowed or "time-range" in words)


def _protocol(edge: Edge, words: list[str]) -> tuple[tuple[Span, ...] | None, bool, list[str]]:
    """UDP ports that the protocol part leaves, whether it also speaks of source ports, and the rest of the words."""
    if words[0] == "object":
        found = _service(edge, words[1])
        if found is None:
            mine = any("udp" in text.split() or "ip" in text.split() for text in edge.services.get(words[1], ("ip",)))
            return (None if mine else ()), False, words[2:]
        return ((found[1],) if found[0] == "destination" else (ALL_PORTS,)), found[0] != "destination", words[2:]
    if words[0] == "object-group":
        return _group_ports(edge, words[1]), False, words[2:]
    return ((ALL_PORTS,) if words[0] in ("ip", "udp", "17", "0") else ()), False, words[1:]


def _group_ports(edge: Edge, name: str, seen: tuple[str, ...] = ()) -> tuple[Span, ...] | None:
    """The UDP destination ports of a group of services, ports or protocols."""
    if name in seen or edge.kinds.get(name) not in ("service", "protocol"):
        return None
    found: list[Span] = []
    for line in edge.groups[name]:
        words = line.split()
        more: tuple[Span, ...] | None = ()
        if words[0] == "port-object":
            more = _spans(words[1:])
        elif words[0] == "group-object":
            more = _group_ports(edge, words[1], (*seen, name))
        elif words[0] == "service-object" and words[1] == "object":
            service = _service(edge, words[2])
            tcp = all("udp" not in text.split() for text in edge.services.get(words[2], ("udp",)))
            more = () if tcp else (service[1],) if service is not None and service[0] == "destination" else None
        elif words[0] in ("service-object", "protocol-object") and words[1] in ("udp", "ip", "tcp-udp", "17"):
            more = (ALL_PORTS,) if len(words) == 2 else _spans(words[3:]) if words[2] == "destination" else None
        if more is None:
            return None
        found += more
    return tuple(found)


def _is_ports(edge: Edge, words: list[str]) -> bool:
    return words[:1] != [] and (
        words[0] in _OPERATORS or (words[0] == "object-group" and edge.kinds.get(words[1]) == "service")
    )


def _port_part(edge: Edge, words: list[str]) -> tuple[tuple[Span, ...] | None, list[str]]:
    if words[0] == "object-group":
        return _group_ports(edge, words[1]), words[2:]
    size = 3 if words[0] == "range" else 2
    return _spans(words[:size]), words[size:]


def _address(edge: Edge, words: list[str]) -> tuple[Networks | None, list[str]]:
    if words[0] in ("any", "any4"):
        return (ANY,), words[1:]
    if words[0] == "any6":
        return (), words[1:]
    if words[0] == "host":
        return _networks([f"host {words[1]}"]), words[2:]
    if words[0] in ("object", "object-group"):
        return _named(edge, words[1]), words[2:]
    if words[0] == "interface":
        return None, words[2:]
    found = _networks([f"subnet {words[0]} {words[1]}"])
    return ((ANY,) if found == ("0.0.0.0/0",) else found), words[2:]


# -- what is there -----------------------------------------------------------------------------------------------------


def brought(edge: Edge, prefix: str = "") -> list[Brought]:
    """Everything that brings UDP inside; `prefix` stands before the names by which it is shown."""
    lists: dict[str, tuple[Entry, ...]] = {}
    out = []
    for rule in edge.rules:
        found = _twice(edge, rule) or _own(edge, rule) or _old(edge, rule)
        if found is None:
            continue
        forward, outside, inside, place = found
        unsure: tuple[str, ...] = ()
        if forward.sources is not None and forward.inside is not None:
            sources, unsure = _sources(edge, forward, outside, inside, lists)
            forward = replace(forward, sources=sources)
        elif forward.inside is None:
            forward = replace(forward, sources=None)
        out.append(Brought(replace(forward, scope=prefix + _scope(forward, outside, place)), outside, place, unsure))
    return out


def _scope(forward: Forward, outside: str, place: Networks | None) -> str:
    span = (forward.first, forward.last)
    what = "all ports" if span == ALL_PORTS else "udp {}-{}".format(*span) if span[0] != span[1] else f"udp {span[0]}"
    return f"{what} on {outside if place is None else ', '.join(n.replace('/32', '') for n in place)}"


Found = tuple[Forward, str, str, "Networks | None"]
"""A forward whose sources are still open (() to be looked up, None not to be known), outside, inside, place."""


def _made(
    rule: Rule, real: Networks | None, inside_span: Span, span: Span, lookup: bool, inside: str, outside: str,
    place: Networks | None,
) -> Found:  # fmt: skip
    host = real[0][:-3] if real is not None and len(real) == 1 and real[0].endswith("/32") else None
    if inside_span[1] - inside_span[0] != span[1] - span[0]:
        host = None
    shift = inside_span[0] if span != ALL_PORTS else None
    forward = Forward(
        "nat", "", *span, host, () if lookup else None, (rule.shown,), shift, LABEL, _is_our_rule(rule.line)
    )
    return forward, outside, inside, place


def _place(edge: Edge, word: str) -> tuple[bool, Networks | None]:
    """Whether the outside address of a rule is known as an interface's own or as networks, and those."""
    if word == "interface":
        return True, None
    plain = _plain(edge, word)
    found = _named(edge, word) or _networks([f"host {plain}"])
    return found is not None, found or ()


def _twice(edge: Edge, rule: Rule) -> Found | None:
    line = rule.line.split(" description ")[0]
    found = _TWICE.match(line)
    if found is None or {"inactive", "unidirectional"} & set(found.group("rest").split()):
        return None
    rest = found.group("rest")
    one, other = found.group("real_if") or "any", found.group("mapped_if") or "any"
    destination, services = _DESTINATION.search(rest), _TWO_SERVICES.search(rest)
    spans = [_service(edge, name) for name in services.groups()] if services else []
    if None in spans:
        return None  # TCP, or an object that is not in this text
    ports = [s[1] for s in spans if s is not None] or [ALL_PORTS, ALL_PORTS]
    side = spans[0][0] if spans and spans[0] is not None else "source"
    if found.group("kind") == "static" and found.group("real") != found.group("mapped"):
        known, place = _place(edge, found.group("mapped"))
        lookup = known and destination is None and side == "source"
        real = _named(edge, found.group("real")) if side == "source" else None
        return _made(rule, real, ports[0], ports[1], lookup, one, other, place)
    if destination is None or destination.group(1) == destination.group(2):
        return None  # nothing is translated
    # the other way of writing it: from outside, where the destination is what is translated
    known, place = _place(edge, destination.group(1))
    plain = side == "destination" or not spans
    lookup = known and plain and found.group("kind") == "static" and found.group("real") == ANY
    real = _named(edge, destination.group(2)) if plain else None
    return _made(rule, real, ports[1], ports[0], lookup, other, one, place)


def _own(edge: Edge, rule: Rule) -> Found | None:
    found = _OWN.match(rule.line)
    if found is None or not rule.owner:
        return None
    service = _OWN_SERVICE.search(found.group("rest"))
    if service is not None and service.group(1) != "udp":
        return None
    known, place = _place(edge, found.group("mapped"))
    real = _named(edge, rule.owner)
    if service is None and place is not None and place == real:
        return None
    ports = [_port(w) for w in service.groups()[1:]] if service else [0, 65535]
    if None in ports:
        return None
    inside, outside = ((p or 0, p or 0) for p in ports) if service else (ALL_PORTS, ALL_PORTS)
    return _made(rule, real, inside, outside, known, found.group("real_if"), found.group("mapped_if"), place)


def _old(edge: Edge, rule: Rule) -> Found | None:
    """Before 8.3: access lists speak of the outside address there, which is not looked up."""
    found = _OLD.match(_plain(edge, rule.line))
    if found is None:
        return None
    words = found.group("rest").split()
    sides = found.group("real_if"), found.group("mapped_if")
    if words[0] == "tcp" or words[:2] == words[1:2] * 2:
        return None
    _known, place = _place(edge, words[1] if words[0] == "udp" else words[0])
    if words[0] != "udp":
        real = _networks([f"host {words[1]}"]) if len(words) > 1 else None
        return _made(rule, real, ALL_PORTS, ALL_PORTS, False, *sides, place)
    outer = _port(words[2]) if len(words) > 2 else None
    if outer is None:
        return None
    inner = _port(words[4]) if len(words) > 4 else None
    real = _networks([f"host {words[3]}"]) if inner is not None else None
    return _made(rule, real, (inner or outer,) * 2, (outer, outer), False, *sides, place)


def _sources(
    edge: Edge, forward: Forward, outside: str, inside: str, lists: dict[str, tuple[Entry, ...]]
) -> tuple[Networks | None, tuple[str, ...]]:
    """Who gets in, and the lines that may let more in."""
    if not edge.whole or outside not in edge.interfaces or edge.shut & {inside, *(edge.shut if inside == ANY else ())}:
        return None, ()
    deciding = deciding_lists(edge, outside)
    if not deciding:
        # without a list, traffic passes only to a lower security level
        levels = [edge.interfaces.get(name, Interface()).level for name in (outside, inside)]
        return (() if None not in levels and (levels[0] or 0) < (levels[1] or 0) else None), ()
    for name in deciding:
        if name not in edge.lists:
            return None, ()
        lists.setdefault(name, entries_of(edge, name))
    first = forward.first if forward.inside_first is None else forward.inside_first
    span = (first, first + forward.last - forward.first)
    found, unsure = who([e for name in deciding for e in lists[name]], forward.inside or "", span)
    return found, tuple(unsure)


def deciding_lists(edge: Edge, outside: str) -> list[str]:
    """The lists that inbound traffic meets, in order."""
    return [name for name in (edge.bound.get(outside), edge.everywhere) if name is not None]


# -- what is wanted ----------------------------------------------------------------------------------------------------


def sides(edge: Edge, wanted: Forwards) -> tuple[str, str, str]:
    """Outside and inside interface for a PBX, or a sentence why that cannot be said."""
    have = ", ".join(edge.interfaces) or "none"
    outside = wanted.outside or "outside"
    if outside not in edge.interfaces:
        return "", "", f"there is no interface '{outside}' (there are: {have}); name it (voip_edge_outside_interface)"
    if wanted.inside:
        if wanted.inside in edge.interfaces and wanted.inside != outside:
            return outside, wanted.inside, ""
        return (
            "",
            "",
            f"there is no inside interface '{wanted.inside}' (there are: {have}) (voip_edge_inside_interface)",
        )
    for name, interface in edge.interfaces.items():
        if name != outside and interface.address is not None and _holds(interface.address, wanted.pbx):
            return outside, name, ""
    why = f"no interface but {outside} has a network that holds {wanted.pbx} (there are: {have}); name the one that leads there"
    return "", "", f"{why} (voip_edge_inside_interface)"


def _holds(network: str, host: str) -> bool:
    return overlap([str(ipaddress.ip_network(network, strict=False))], [host])


def at(found: Iterable[Brought], outside: str) -> list[Brought]:
    """Those that come in by that interface."""
    return [b for b in found if b.outside in (outside, ANY)]


def present(edge: Edge, context: str, wanted: Forwards) -> Plan:
    """Objects, rules, entries and the binding that are missing, in this order; `expected` is the edge afterwards."""
    outside, inside, problem = sides(edge, wanted)
    if problem:
        return Plan((), edge, problem)
    found = at(brought(edge), outside)
    have = [b.forward for b in found]
    if not open_ranges(have, wanted):
        return Plan((), edge)
    place = _place_of(edge, outside, wanted)
    foreign = in_the_way(
        [b.forward for b in found if b.forward.leads_to(wanted.pbx) or _may_meet(edge, b, place)], wanted
    )
    if foreign:
        return Plan((), edge, foreign)
    work = _Work(edge, context)
    gaps = open_ranges([replace(f, sources=(ANY,)) for f in have], wanted)
    entries, problem = _missing_entries(edge, outside, wanted)
    problem = problem or _objects(work, wanted, gaps, place)
    if problem:
        return Plan((), edge, problem)
    mapped = PUBLIC if place is not None else "interface"
    for span in gaps:
        name = _service_name(wanted, span)
        work.rule(f"nat ({inside},{outside}) source static {PBX} {mapped} service {name} {name}")
    target = edge.bound.get(outside, OWN_LIST)
    for number, body in entries:
        work.entry(target, number, body)
    if outside not in edge.bound and entries:
        work.bind(OWN_LIST, outside)
    return Plan(tuple(work.steps), work.edge)


def _place_of(edge: Edge, outside: str, wanted: Forwards) -> Networks | None:
    """The outside address of our rules: None the interface's own, which the vendor wants by its key word."""
    own = edge.interfaces[outside].address
    if wanted.address is None or (own is not None and own.split("/")[0] == wanted.address):
        return None
    return (f"{wanted.address}/32",)


def _may_meet(edge: Edge, other: Brought, place: Networks | None) -> bool:
    """Whether a rule may take the same outside address as ours."""
    if other.outside == ANY or other.place == ():
        return True
    if place is None and other.place is None:
        return True
    own = edge.interfaces[other.outside].address
    mine = [own.split("/")[0]] if own is not None else [ANY]
    return overlap(mine if place is None else place, mine if other.place is None else other.place)


def _service_name(wanted: Forwards, span: Span) -> str:
    if span == wanted.rtp:
        return f"{OURS}-rtp"
    return f"{OURS}-sip-{span[0]}" if span[0] == span[1] else "{}-rtp-{}-{}".format(OURS, *span)


def _operand(span: Span) -> str:
    return f"eq {span[0]}" if span[0] == span[1] else "range {} {}".format(*span)


def _objects(work: _Work, wanted: Forwards, gaps: Sequence[Span], place: Networks | None) -> str:
    """Makes the objects that are missing. A name of ours with other content is somebody's, or of another PBX."""
    edge = work.edge
    needed = [("network", PBX, f"host {wanted.pbx}")]
    if place is not None and gaps:
        needed.append(("network", PUBLIC, f"host {wanted.address}"))
    needed += [("service", _service_name(wanted, span), f"service udp source {_operand(span)}") for span in gaps]
    for kind, name, line in needed:
        there = edge.networks.get(name) if kind == "network" else edge.services.get(name)
        taken = name in edge.groups or name in (edge.services if kind == "network" else edge.networks)
        if there is None and not taken:
            work.object(kind, name, line)
        elif taken or not _same(kind, edge, name, line):
            lines = ", ".join(there or edge.groups.get(name) or ())
            return (
                f"the object {name} is there already with other content ({lines}), and '{line}' is wanted. "
                "Take ours away first (state: absent), or rename it by hand"
            )
    return ""


def _same(kind: str, edge: Edge, name: str, line: str) -> bool:
    if kind == "network":
        return _named(edge, name) == _networks([line])
    return _service(edge, name) == _service(Edge(services={name: (line,)}), name)


def _missing_entries(edge: Edge, outside: str, wanted: Forwards) -> tuple[list[tuple[int | None, str]], str]:
    """The entries to be made with their line (None: at the end), or a sentence why they are not."""
    own = edge.bound.get(outside)
    deciding = deciding_lists(edge, outside)
    entries = [e for name in deciding for e in entries_of(edge, name)]
    shape = [_entry(edge, line) for line in edge.lists.get(own or "", ())]
    last = next((i for i, e in enumerate(shape) if e is not None and e.denies_all), len(shape))
    before = [e for e in shape[:last] if e is not None]
    while 0 < last < len(shape) and shape[last - 1] is None and edge.lists[own or ""][last - 1].startswith("remark"):
        last -= 1  # a remark belongs to what follows it
    out: list[tuple[int | None, str]] = []
    for span in wanted.ranges:
        admitted = who(entries, wanted.pbx, span)[0] if deciding else ()
        for source in wanted.sources:
            if admits(admitted, (source,)):
                continue
            stop = obstacle(before, (source,), wanted.pbx, span)
            if stop is not None:
                return [], (
                    f"access-list {own} denies some of it first: '{stop.line}'. It is not ours and is not altered: "
                    "change or move it by hand, or ask for other sources"
                )
            number = last + 1 + len(out) if last < len(shape) else None
            out.append((number, f"extended permit udp {_with_mask(source)} object {PBX} {_operand(span)}"))
    return out, _unbindable(edge, outside) if out and own is None else ""


def _unbindable(edge: Edge, outside: str) -> str:
    """Why a first list on the outside interface would do more than let the PBX be reached."""
    if OWN_LIST in edge.lists:
        return f"the access list {OWN_LIST} is there already and bound to nothing: take it away first (state: absent, or by hand)"
    level = edge.interfaces[outside].level
    others = {name: i.level for name, i in edge.interfaces.items() if name != outside}
    lower = [name for name, other in others.items() if level is None or other is None or other <= level]
    if lower:
        return (
            f"{outside} has no access list, and a first one would also cut what passes from there to {', '.join(lower)} by the "
            "security levels. Bind a list by hand that permits what is needed, then ask again"
        )
    return ""


def _with_mask(source: str) -> str:
    if source == ANY:
        return ANY
    net = ipaddress.ip_network(source)
    return (
        f"host {net.network_address}" if net.prefixlen == net.max_prefixlen else f"{net.network_address} {net.netmask}"
    )


def absent(edge: Edge, context: str, wanted: Forwards) -> Plan:
    """Exactly ours: closed first, objects last, since one that is used cannot be removed. Undone, each comes to its old place."""
    if wanted.pbx and PBX in edge.networks and _named(edge, PBX) != (f"{wanted.pbx}/32",):
        return Plan((), edge)
    work = _Work(edge, context)
    for outside, name in list(edge.bound.items()):
        if name == OWN_LIST and all(_is_ours(body) for body in edge.lists.get(name, ("",))):
            work.unbind(name, outside)
    for name, body in [(n, b) for n, bodies in edge.lists.items() for b in bodies if _is_ours(b)]:
        work.no_entry(name, body)
    for rule in [r for r in edge.rules if r.manual and _is_our_rule(r.line)]:
        work.no_rule(rule)
    for name in reversed([n for n in edge.services if n.startswith((f"{OURS}-sip-", f"{OURS}-rtp"))]):
        work.no_object("service", name)
    for name in [n for n in (PUBLIC, PBX) if n in edge.networks]:
        work.no_object("network", name)
    return Plan(tuple(work.steps), work.edge)


def _is_ours(body: str) -> bool:
    return body.startswith("extended permit udp ") and f" object {PBX} " in body


def _is_our_rule(line: str) -> bool:
    words = line.split()
    return PBX in words and words[-1].startswith(OURS + "-")


class _Work:
    """Steps as they add up, with the edge as each leaves it."""

    def __init__(self, edge: Edge, context: str) -> None:
        self.edge = edge
        self.context = context
        self.steps: list[Step] = []

    def _step(self, do: tuple[str, ...], undo: tuple[str, ...]) -> None:
        self.steps.append(Step(do, undo, self.context, LABEL))

    def object(self, kind: str, name: str, line: str) -> None:
        self._step((f"object {kind} {name}", line), (f"no object {kind} {name}",))
        self._set(kind, {**self._get(kind), name: (line,)})

    def no_object(self, kind: str, name: str) -> None:
        """Left where somebody else uses it: then it is no longer ours alone."""
        if name in _used(self.edge):
            return
        self._step((f"no object {kind} {name}",), (f"object {kind} {name}", *self._get(kind)[name]))
        self._set(kind, {n: v for n, v in self._get(kind).items() if n != name})

    def _get(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        return self.edge.networks if kind == "network" else self.edge.services

    def _set(self, kind: str, value: Mapping[str, tuple[str, ...]]) -> None:
        self.edge = replace(self.edge, networks=value) if kind == "network" else replace(self.edge, services=value)

    def rule(self, line: str) -> None:
        self._step((line,), (f"no {line}",))
        self.edge = replace(self.edge, rules=(*self.edge.rules, Rule(line)))

    def no_rule(self, rule: Rule) -> None:
        """The inverse names its place, unless it was the last one of its section."""
        section = [r for r in self.edge.rules if r.manual]
        number = section.index(rule) + 1
        back = (
            rule.line
            if number == len(section)
            else re.sub(r"(?:^nat (?:\(\S+\) )?)", rf"\g<0>{number} ", rule.line, count=1)
        )
        self._step((f"no {rule.line}",), (back,))
        self.edge = replace(self.edge, rules=tuple(r for r in self.edge.rules if r != rule))

    def entry(self, name: str, number: int | None, body: str) -> None:
        where = "" if number is None else f"line {number} "
        self._step((f"access-list {name} {where}{body}",), (f"no access-list {name} {body}",))
        bodies = self.edge.lists.get(name, ())
        spot = len(bodies) if number is None else number - 1
        self._lists({**self.edge.lists, name: (*bodies[:spot], body, *bodies[spot:])})

    def no_entry(self, name: str, body: str) -> None:
        bodies = self.edge.lists[name]
        spot = bodies.index(body)
        after = spot + 1
        where = f"line {after} " if after < len(bodies) else ""
        self._step((f"no access-list {name} {body}",), (f"access-list {name} {where}{body}",))
        rest = (*bodies[:spot], *bodies[after:])
        self._lists({n: b for n, b in {**self.edge.lists, name: rest}.items() if b})

    def _lists(self, value: Mapping[str, tuple[str, ...]]) -> None:
        self.edge = replace(self.edge, lists=value)

    def bind(self, name: str, outside: str) -> None:
        line = f"access-group {name} in interface {outside}"
        self._step((line,), (f"no {line}",))
        self.edge = replace(self.edge, bound={**self.edge.bound, outside: name})

    def unbind(self, name: str, outside: str) -> None:
        line = f"access-group {name} in interface {outside}"
        self._step((f"no {line}",), (line,))
        self.edge = replace(self.edge, bound={i: n for i, n in self.edge.bound.items() if i != outside})


def _used(edge: Edge) -> set[str]:
    """Every word of the lines that may name an object."""
    lines = [line for part in (edge.lists, edge.groups) for body in part.values() for line in body]
    return {word for line in (*lines, *(rule.shown.replace(":", " ") for rule in edge.rules)) for word in line.split()}


def leftovers(edge: Edge, prefix: str = "") -> list[Mechanism]:
    """What bears our name and does nothing: the rest of a change that broke off. Seen, so that no undo is called whole with it."""
    names = [
        f"object {n}" for n in (*edge.networks, *edge.services) if n.startswith(OURS + "-") and n not in _used(edge)
    ]
    if OWN_LIST in edge.lists and OWN_LIST not in edge.bound.values():
        names.append(f"access-list {OWN_LIST}")
    return [
        Mechanism("nat", prefix + name, "off", "configured", ("nothing uses it",), value="unused") for name in names
    ]


def by_hand(wanted: Forwards, version: str) -> dict[str, str]:
    """Before 8.3 there are no objects, and lists speak of the outside address: one line a port, all of it by hand."""
    why = (
        f"ASA {version} forwards one port a line and knows no ranges: upgrade to 8.3 or later, or by hand for each port "
        f"'static (inside,outside) udp interface 5060 {wanted.pbx} 5060 netmask 255.255.255.255' and an entry of the outside "
        "access list for the outside address"
    )
    return {PORT_FORWARDS: why}


def notes(found: Iterable[Brought]) -> list[str]:
    """Entries that were not understood: they may let in more than is said."""
    lines = unique(line for b in found for line in b.unsure)
    return [f"access-list entry '{line}': not understood in full, it may let more in" for line in lines[:5]]
