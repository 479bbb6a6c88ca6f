# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inbound forwards of a FortiGate: the virtual IPs that are there, and the lines that make or remove ours. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace

from ..core.blocks import Block, words
from ..core.errors import Refusal
from ..core.forwards import ANY, OURS, Forward, in_the_way, open_ranges, ports
from ..core.model import Forwards, Step
from ..core.text import port_range, unique
from ._fortinet_tree import (
    ADDRESS,
    EVERY_PORT,
    FORWARD_TABLES,
    POLICY,
    SERVICE,
    VIP,
    Fortios,
    Vdom,
    is_enabled,
    policies_of,
    services_of,
)


def forwards_of(box: Fortios) -> list[Forward]:
    """The virtual IPs that bring UDP in, and who gets through the policies that name them."""
    out = []
    for name, vdom in box.vdoms.items():
        for vip, entry in vdom.tables.get(VIP, {}).items():
            span = _vip_span(entry)
            if span is None or not is_enabled(entry):
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
    for rule in filter(is_enabled, rules.values()):
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


class Cannot(Exception):
    """A forward cannot be made here; the text says why and what a person does."""


def forward_steps(box: Fortios, wanted: Forwards, unproven: bool) -> tuple[list[Step], Fortios]:
    """Ours are exactly what is wanted, or they are made anew; what somebody else made stays as it is."""
    have = forwards_of(box)
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
    theirs = [f for f in forwards_of(box) if f.scope.startswith(f"{name or 'global'} ")]
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
        raise Cannot(
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
    out = [r for r in vdom.tables.get(POLICY, {}).values() if is_enabled(r) and r.value("nat") == "enable"]
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
    return is_enabled(rule) and rule.value("action", "deny") != "accept" and _comes_from(rule, outside) and named


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
        policies=None if policies is None else tuple(policies_of(Block(entries=dict(policies)))),
        services=None if services is None else tuple(services_of(Block(entries=dict(services)))),
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
