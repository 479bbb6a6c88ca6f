# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linksys routers: Smart Wi-Fi and Velop by JNAP, and the older ones by their .asp pages.

JNAP is a JSON interface without sessions: one action sets one boolean, port forwards are two lists that are replaced whole.
The old pages are posted whole. On `Gateway_Function.asp` (E5350 and its like) that is a small page, and it is written;
`Management.asp` (E900, E1200, first firmware of the EA series) carries the administrator's password as well, so it is only read.
Which of them a router has is found by asking, never by its name.
Sources: the vendor's own app (JNAP actions, their models, errors and waits), a public client of Velop, the pages of an E5350
firmware, the page template of the E900 generation, the vendor's support article on the E1700.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from html import unescape
from typing import Any

from ..core.errors import Refusal
from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges, ports
from ..core.model import DISABLED, Assessment, Forwards, Mechanism, Options, Plan, Step
from ..core.pages import script_var
from ..core.profiles import Profile
from ..core.text import first_match
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from ..transports.rest import Door
from . import _linksys_door as door
from ._linksys_answers import (
    GATEWAY,
    MANAGEMENT,
    RANGE,
    SINGLE,
    Table,
    boxes_of,
    family,
    is_login_page,
    output_of,
    radios_of,
    refusal,
    services,
    span_of,
    table_of,
    uncommented,
    unlisted,
    without_firewall,
)
from .base import Ask, Fact, Platform, Replies

FACTS = (
    Fact(
        "jnap_sip", "sip_alg", "JNAP isSIPEnabled: Application Layer Gateway (SIP)", "Smart Wi-Fi, Velop", "src", "yes",
        "Connectivity > Administration > Application Layer Gateway: untick SIP, Apply",
    ),
    Fact(
        "gateway_page", "sip_alg", "nf_alg_sip on Gateway_Function.asp", "E2500 v4, E5350, E5400", "src", "yes",
        "Administration > Gateway Function: untick SIP ALG, Save Settings",
    ),
    Fact(
        "management_page", "sip_alg", "nf_alg_sip on Management.asp, beside the password", "E900, E1200, first EA", "src", "no",
        "Administration > Management > SIP ALG: Disabled, Save Settings; leave the password fields as they are",
    ),
    Fact(
        "sip_switch", "sip_alg", "a switch on a page whose layout is not known", "E1700", "doc", "no",
        "Administration > Management > SIP ALG: Disabled, Save Settings", reads="no",
    ),
    Fact(
        "udp_timer", "udp_timeout", "UDP timer of the router; 65 s in an E5350, and nothing shows or sets it", "all", "src", "no",
        "there is no setting: let the phones send SIP keep-alives; an E5350 forgets UDP after 65 s, so every 50 s there",
        reads="no",
    ),
    Fact(
        "single_port", "port_forwards", "Single Port Forwarding; on the old pages only read", "all", "src", "yes",
        "the page Single Port Forwarding: remove the rule, Apply (old pages: Save Settings)",
    ),
    Fact(
        "port_range", "port_forwards", "Port Range Forwarding; on the old pages only read", "all", "src", "yes",
        "the page Port Range Forwarding: remove the rule, Apply (old pages: Save Settings)",
    ),
)  # fmt: skip
SEEN_MODELS = r"E2500|E5350|E5400"
"""The models whose firmware is known to have Gateway_Function.asp; on another one writing it is a conclusion."""
OWN_PRIMARY = (
    "this is a node or a bridge of a mesh: its firewall is that of the primary node, so give that one's address"
)


@dataclass(frozen=True)
class Linksys:
    """`family`: jnap, gateway, management, or "" where the switch was not found. `sip` None: not known, and `why`.

    `unlisted` says what a write would have to carry and is not known. `single`, `ranges`: JNAP's two lists, None where they were
    not read; `forwards`: what of them, or of the old pages, is in force for UDP.
    """

    family: str
    model: str | None
    version: str | None
    sip: bool | None
    why: str
    old_prefix: bool = False
    is_node: bool = False
    unlisted: str = ""
    single: Table | None = None
    ranges: Table | None = None
    forwards: tuple[Forward, ...] | None = None


def recognise(identity: str) -> bool:
    if output_of(identity) is not None:
        return str((output_of(identity) or {}).get("manufacturer", "")).lower() in ("linksys", "cisco")
    if is_login_page(identity) or re.search(r"DD-WRT|Tomato", identity):
        return False
    return family(identity) != "" or "linksys" in identity.lower()


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Of a router whose switch was not found nothing more is read."""
    kind = family(identity)
    replies = {"identity": identity}
    if kind == "jnap" and not without_firewall(identity):
        replies["alg"] = ask("JNAP firewall/GetALGSettings")
        replies["single"] = ask(f"JNAP firewall/Get{SINGLE}")
        replies["range"] = ask(f"JNAP firewall/Get{RANGE}")
    elif kind == "gateway":
        replies["page"] = ask(f"GET {GATEWAY}")
        # each of the two pages holds the list of the other, to compare with
        replies["single"] = ask("GET Forward.asp")
        replies["range"] = ask("GET SingleForward.asp")
    elif kind == "management":
        replies["page"] = ask(f"GET {MANAGEMENT}")
    return replies


def parse(replies: Replies) -> Linksys:
    identity = replies.get("identity", "")
    kind = family(identity)
    if kind == "jnap":
        return _parse_jnap(replies, identity)
    page = replies.get("page", "")
    model = first_match(r"linksys-ModelName\">\s*([\w -]+?)\s*<", identity)
    version = first_match(r"share\.firmwarever\)\s*;?\s*</script>[\s:]*(?:&nbsp;)*\s*([\w.() -]+?)\s*<", identity) or ""
    if kind == "gateway":
        boxes = boxes_of(uncommented(page))
        sip = boxes.get("_nf_alg_sip") if not is_login_page(page) else None
        state = {"on": True, "off": False}.get(sip or "")
        why = (
            f"{GATEWAY}: the box SIP ALG is {'ticked' if state else 'not ticked'}"
            if sip
            else f"{GATEWAY} does not say it"
        )
        box = Linksys(kind, model, version, state, why, unlisted=unlisted(page))
        return replace(box, forwards=_page_forwards(replies))
    if kind == "management":
        radios = radios_of(page) if not is_login_page(page) else {}
        chosen = [value for value, checked in radios.items() if checked]
        state = {"1": True, "0": False}.get(chosen[0]) if len(chosen) == 1 else None
        why = f"{MANAGEMENT}: nf_alg_sip {chosen[0]}" if state is not None else f"{MANAGEMENT} does not say it"
        return Linksys(kind, model, version, state, why)
    return Linksys("", model, version, None, f"neither {MANAGEMENT} nor {GATEWAY} holds nf_alg_sip")


def _parse_jnap(replies: Replies, identity: str) -> Linksys:
    info = output_of(identity) or {}
    model, version = info.get("modelNumber"), info.get("firmwareVersion")
    said = replies.get("alg", "")
    settings = output_of(said) or {}
    sip = settings.get("isSIPEnabled")
    node = without_firewall(identity) or "ErrorDeviceNotInMasterMode" in said
    if isinstance(sip, bool):
        why = f"isSIPEnabled: {str(sip).lower()}"
    elif node:
        why = "this node has no firewall of its own"
    else:
        why = f"GetALGSettings: {said[:100]}" if said[:3].isdigit() else "GetALGSettings does not say isSIPEnabled"
    box = Linksys(
        "jnap", str(model) if model else None, str(version) if version else None, sip if isinstance(sip, bool) else None, why,
        old_prefix=any(s.startswith("http://cisco.com/") for s in services(identity)), is_node=node,
        unlisted=", ".join(sorted(set(settings) - {"isSIPEnabled"})),
        single=table_of(replies.get("single", "")), ranges=table_of(replies.get("range", "")),
    )  # fmt: skip
    return replace(box, forwards=_rule_forwards(box))


def _rule_forwards(box: Linksys) -> tuple[Forward, ...] | None:
    """The rules that are in force for UDP; None where one of them cannot be read."""
    if box.single is None or box.ranges is None:
        return None
    found: list[Forward] = []
    for kind, table in (("single_port", box.single), ("port_range", box.ranges)):
        for text in table.rules:
            rule = json.loads(text)
            span = span_of(rule)
            if span is None or not isinstance(rule.get("isEnabled"), bool):
                return None
            if rule["isEnabled"] and span[2] != "TCP":
                inside, name = str(rule.get("internalServerIPAddress", "")), str(rule.get("description", ""))
                first = rule.get("internalPort", span[0])
                scope = _free(found, f"{name or 'without a name'} {ports(span[:2])}")
                evidence = (f"{name}: {span[2]} {span[0]}-{span[1]} to {inside} port {first}",)
                ours = name.startswith(OURS)
                found.append(Forward(kind, scope, span[0], span[1], inside, (ANY,), evidence, first, "src", ours))
    return tuple(found)


def _free(found: list[Forward], scope: str) -> str:
    """Two rules may look the same; a record needs them apart."""
    taken = sum(1 for f in found if f.scope == scope or f.scope.startswith(f"{scope} #"))
    return f"{scope} #{taken + 1}" if taken else scope


def _page_forwards(replies: Replies) -> tuple[Forward, ...] | None:
    """Forwards as the old pages store them: `name:on:udp:5060>10:5060`, `name:on:udp:10000:20000>10`; the host's last octet."""
    found: list[Forward] = []
    for kind, reply, pattern in (
        ("single_port", replies.get("single", ""), r"(.*):(on|off):(tcp|udp|both):(\d+)()>(\d+):(\d+)"),
        ("port_range", replies.get("range", ""), r"(.*):(on|off):(tcp|udp|both):(\d+):(\d+)>(\d+)()"),
    ):
        lan, stored = script_var(reply, "lan_ip"), script_var(reply, "forward_port")
        if is_login_page(reply) or lan is None or stored is None or lan.count(".") != 3:
            return None
        for entry in unescape(stored).split():
            row = re.fullmatch(pattern, entry)
            if row is None:
                return None
            name, state, protocol, first, last, octet, to = row.groups()
            if state == "on" and protocol != "tcp" and int(first) and int(octet):
                span = (int(first), int(last or first))
                scope = _free(found, f"{name or 'without a name'} {ports(span)}")
                inside = f"{lan.rsplit('.', 1)[0]}.{octet}"
                found.append(
                    Forward(
                        kind, scope, *span, inside, (ANY,), (entry,), int(to or first), "src", name.startswith(OURS)
                    )
                )
    return tuple(found)


MECHANISMS = {"jnap": "jnap_sip", "gateway": "gateway_page", "management": "management_page", "": "sip_switch"}


def assess(box: Linksys, profile: Profile) -> Assessment:
    state = {True: "on", False: "off", None: "unknown"}[box.sip]
    label = "doc" if not box.family else "src"
    sip = sip_aspect([Mechanism(MECHANISMS[box.family], "global", state, "configured", (box.why,), label)])
    where = "no page shows it" if box.family != "jnap" else "no JNAP action shows it"
    default = "; the default of an E5350 is 65 s" if box.family == "gateway" else ""
    timeout = timeout_aspect(
        [Timer("udp_timer", "global", None, (where + default,), "default", "src", False)], profile.udp_timeout
    )
    inbound = box.forwards or ()
    forwards = forwards_aspect(inbound, box.forwards is not None, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    not_checked = [
        "the UDP timer: the router does not show it",
        "UPnP mappings and a DMZ host, which may lead to SIP ports, too",
    ]
    if box.forwards is None:
        not_checked.append("port forwards: they could not be read")
    advice = [OWN_PRIMARY] if box.is_node else [_hand("sip_switch")] if not box.family else []
    advice.append(_hand("udp_timer"))
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.version, aspects, tuple(findings), tuple(advice), tuple(not_checked))


def _hand(fact_id: str) -> str:
    return next(f.by_hand for f in FACTS if f.id == fact_id)


def plan(box: Linksys, options: Options) -> Plan:
    if box.is_node:
        return Plan((), box, OWN_PRIMARY)
    steps: list[Step] = []
    unsupported: dict[str, str] = {}
    expected = box
    if options.state is not None and box.sip != (options.state != DISABLED):
        why = _why_not_sip(box)
        if box.family == "gateway" and box.unlisted:
            return Plan((), box, f"{GATEWAY} is not as it is known: {box.unlisted}. By hand: {_hand('gateway_page')}")
        if box.family == "jnap" and box.sip is not None and box.unlisted:
            return Plan((), box, f"GetALGSettings shows more than SIP ({box.unlisted}), and a write might lose it")
        if why:
            unsupported["sip_alg"] = why
        else:
            steps.append(_sip_step(box))
            expected = replace(box, sip=not box.sip, why="as it was set")
    if options.timeout is not None:
        unsupported["udp_timeout"] = f"the router has no setting for its UDP timer. {_hand('udp_timer').capitalize()}"
    if options.forwards is not None:
        try:
            more, expected = _forward_steps(expected, options.forwards)
            steps += more
        except Refusal as error:
            unsupported["port_forwards"] = str(error)
    return Plan(tuple(steps), expected, None, (), unsupported)


def _why_not_sip(box: Linksys) -> str:
    if box.family == "management":
        return f"SIP ALG is set on the page that carries the administrator's password, which is not posted. {_hand('management_page')}"
    if box.sip is None:
        return f"the switch of the SIP ALG was not found ({box.why}). Where the menus show it: {_hand(MECHANISMS[box.family])}"
    if (box.model or "").startswith("E1700"):
        return f"the pages of an E1700 are only read, as their layout is not documented. {_hand('sip_switch')}"
    return ""


def _sip_step(box: Linksys) -> Step:
    now, then = bool(box.sip), not box.sip
    if box.family == "jnap":
        line = "JNAP firewall/SetALGSettings {}"
        do, undo = (line.format(json.dumps({"isSIPEnabled": value})) for value in (then, now))
        return Step((do,), (undo,), label=_label(box))
    line = f"POST {GATEWAY} nf_alg_sip={{:d}}"
    return Step((line.format(then),), (line.format(now),), label=_label(box))


def _label(box: Linksys) -> str:
    """Old firmware with Cisco's prefix, and models whose page nobody has seen, are taken to be like the known ones."""
    known = not box.old_prefix if box.family == "jnap" else re.match(SEEN_MODELS, box.model or "") is not None
    return "src" if known else "inferred"


def _forward_steps(box: Linksys, wanted: Forwards) -> tuple[list[Step], Linksys]:
    """Our rules made right: stale ones go, missing ones are added at the end. Raises Refusal with the advice."""
    have = box.forwards
    if have is not None and not (open_ranges(have, wanted) if wanted.present else any(f.ours for f in have)):
        return [], box
    asked = ", ".join(ports(span) for span in wanted.ranges)
    by_hand = f"By hand: Port Range Forwarding and Single Port Forwarding, {asked} to {wanted.pbx}"
    if box.single is None or box.ranges is None or have is None:
        raise Refusal(f"port forwards are not written on this router. {by_hand}")
    if wanted.present and wanted.sources != (ANY,):
        raise Refusal(
            "the router cannot restrict a port forward to networks: it would let everybody in. If that is meant, give the word "
            f"'any' as the sources; better restrict the PBX itself to {', '.join(wanted.sources)}. {by_hand}"
        )
    steps: list[Step] = []
    gone, tables = [], {SINGLE: list(box.single.rules), RANGE: list(box.ranges.rules)}
    for kind, rules in tables.items():
        for text in list(rules):
            rule = json.loads(text)
            if str(rule.get("description", "")).startswith(OURS) and not (wanted.present and _serves(rule, wanted)):
                at = rules.index(text)
                gone.append(
                    Step((_edit(kind, "remove", at, rule),), (_edit(kind, "add", at, rule),), label=_label(box))
                )
                rules.remove(text)
    kept = _with(box, tables)
    if wanted.present:
        steps = _additions(kept, wanted, tables)
        kept = _with(box, tables)
    return gone + steps, kept


def _additions(kept: Linksys, wanted: Forwards, tables: dict[str, list[str]]) -> list[Step]:
    way = in_the_way(kept.forwards or (), wanted)
    if way:
        raise Refusal(way)
    steps = []
    for first, last in open_ranges(kept.forwards or (), wanted):
        _clear_of_others(kept, first, last)
        kind, table = (SINGLE, kept.single) if first == last else (RANGE, kept.ranges)
        name = f"{OURS} {'SIP' if first in wanted.sip_ports else 'RTP'} {first}"
        rule = _rule(first, last, wanted.pbx, name)
        if table is None or table.most is None or table.length is None:
            raise Refusal("the router does not say how many port forwards it takes, so none is added")
        if len(tables[kind]) >= table.most:
            raise Refusal(f"the list of the router is full ({table.most} rules): remove one by hand")
        if len(name) > table.length:
            raise Refusal(f"the router takes names of {table.length} characters, and '{name}' is longer")
        at = len(tables[kind])
        steps.append(Step((_edit(kind, "add", at, rule),), (_edit(kind, "remove", at, rule),), label=_label(kept)))
        tables[kind].append(json.dumps(rule))
    return steps


def _clear_of_others(box: Linksys, first: int, last: int) -> None:
    """Rules that are switched off overlap, too. Raises Refusal."""
    for table in (box.single, box.ranges):
        for text in table.rules if table is not None else ():
            span = span_of(json.loads(text))
            if span is not None and span[2] != "TCP" and span[0] <= last and first <= span[1]:
                name = json.loads(text).get("description", "")
                raise Refusal(
                    f"the rule '{name}' ({span[2]} {span[0]}-{span[1]}) overlaps {ports((first, last))}: change it by hand"
                )


def _serves(rule: dict[str, Any], wanted: Forwards) -> bool:
    """Whether a rule of ours is still one that is wanted."""
    span = span_of(rule)
    if span is None or rule.get("isEnabled") is not True or rule.get("internalServerIPAddress") != wanted.pbx:
        return False
    plain = span[2] != "TCP" and rule.get("internalPort", span[0]) == span[0]
    return plain and any(a <= span[0] and span[1] <= b for a, b in wanted.ranges)


def _with(box: Linksys, tables: dict[str, list[str]]) -> Linksys:
    if box.single is None or box.ranges is None:
        return box
    box = replace(
        box,
        single=replace(box.single, rules=tuple(tables[SINGLE])),
        ranges=replace(box.ranges, rules=tuple(tables[RANGE])),
    )
    return replace(box, forwards=_rule_forwards(box))


def _rule(first: int, last: int, host: str, name: str) -> dict[str, Any]:
    if first == last:
        where = {"externalPort": first, "protocol": "UDP", "internalServerIPAddress": host, "internalPort": first}
    else:
        where = {
            "firstExternalPort": first,
            "lastExternalPort": last,
            "protocol": "UDP",
            "internalServerIPAddress": host,
        }
    return {"isEnabled": True, **where, "description": name}


def _edit(kind: str, verb: str, at: int, rule: dict[str, Any]) -> str:
    """A list is sent whole, but a line names the one rule that it is about: what others add in between stays."""
    return f"JNAP firewall/Set{kind} {verb} {at + 1} {json.dumps(rule)}"


PLATFORM = Platform(
    name="linksys",
    title="Linksys (Smart Wi-Fi, Velop, E series)",
    network_os=("linksys", "linksys_jnap", "linksys_velop", "velop"),
    dialect=Dialect(),
    facts=FACTS,
    identify=door.IDENTIFY,
    recognise=recognise,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    sniff=door.sniff,
    factory_logins=(("admin", "admin"),),
    door=Door(base="", log_in=door.log_in, log_out=door.log_out, refusal=refusal, send=door.send),
)
