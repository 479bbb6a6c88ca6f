# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SonicWall firewalls with SonicOS 7, over their REST API. Older ones are recognised, with the advice for people.

The SIP ALG is called SIP Transformations: one global switch, and a mode in which access rules decide for themselves.
Writes are staged until they are committed, and one administrator configures at a time: with foreign edits pending nothing is
written, and nobody is pushed out unless that was asked for.
A forward needs address and service objects, a NAT policy and an access rule. Whether the rule is matched before or after the
translation is not documented, so ours names both the public address and the PBX: that fits either way and opens nothing more.
Sources: the vendor's description of the SonicOS API 7.0.1 (also through a client that is generated from it), its API guide, and
its help on VoIP and UDP settings.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import LoginRefused, Refusal, UnknownReply
from ..core.forwards import (
    ANY,
    OURS,
    Forward,
    admits,
    forwards_aspect,
    forwards_findings,
    in_the_way,
    open_ranges,
    ports,
)
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import unique
from ..core.verdict import Timer, is_low, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

SIP_PORT = 5060
SUB_OPTIONS = ("tcp", "non_sip_packets", "b2bua_support", "endpoint_registration_anomaly_tracking")
GUI = "Network > VoIP > Settings"

# UDP ports of a service object by its name, networks of an address object by its name
Services = Mapping[str, "tuple[tuple[int, int], ...]"]
Addresses = Mapping[str, "tuple[str, ...] | None"]

# The lists that a forward is made of: path, and the key of their entries; made in this order, and removed in the other
LISTS = (
    ("addresses", "/address-objects/ipv4", "address_objects"),
    ("address_groups", "/address-groups/ipv4", "address_groups"),
    ("services", "/service-objects", "service_objects"),
    ("groups", "/service-groups", "service_groups"),
    ("nat", "/nat-policies/ipv4", "nat_policies"),
    ("rules", "/access-rules/ipv4", "access_rules"),
)
DEEPEST = 3
"""Groups within groups that are followed; what lies deeper stays unresolved."""

FACTS = (
    Fact(
        "sip_transformations", "sip_alg", "voip.sip.enable: SIP Transformations, everywhere", "7.x", "doc", "yes",
        f"{GUI}: untick 'Enable SIP Transformations', Accept",
    ),
    Fact(
        "rule_transformations", "sip_alg", "voip.sip.access_rule_based: access rules with SIP on", "7.x", "doc", "no",
        "Policy > Rules and Policies > Access Rules: in each rule that is named switch the SIP transformation off",
    ),
    Fact(
        "sip_options", "sip_alg", "the options below SIP Transformations, which do nothing without it", "7.x", "doc", "opt-in",
        f"{GUI}: untick the options below 'Enable SIP Transformations' before that one",
    ),
    Fact(
        "consistent_nat", "sip_alg", "voip.consistent_nat: the public port of a phone stays the same", "7.x", "doc", "yes",
        f"{GUI}: tick 'Enable Consistent NAT', Accept",
    ),
    Fact(
        "rule_udp", "udp_timeout", "UDP timeout of an access rule towards the WAN, in seconds", "7.x", "doc", "yes",
        "Policy > Rules and Policies > Access Rules, the rule LAN to WAN: UDP Connection Inactivity Timeout (seconds)",
    ),
    Fact(
        "global_udp", "udp_timeout", "global default UDP timeout; only new rules start from it, and its unit is in doubt", "7.x",
        "inferred", "no", "Network > Firewall > Flood Protection > UDP: Default UDP Connection Timeout",
    ),
    Fact(
        "nat_policy", "port_forwards", "NAT policies that send UDP to a host inside, with the access rule WAN to its zone", "7.x",
        "doc", "yes",
        "Policy > Rules and Policies > NAT Rules: a policy from any to the WAN address, translated destination the PBX, service SIP "
        "and RTP; then Access Rules, WAN to LAN: allow that service from the provider's networks to the WAN address. To close it "
        "remove the rule, then the policy",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """An access rule, with the whole document as it was read: a PUT replaces it whole."""

    uuid: str
    name: str
    source: str
    target: str
    allows: bool
    enabled: bool
    sip: bool | None
    seconds: int | None
    covers_sip: bool | None
    document: str

    @property
    def lets_sip_out(self) -> bool:
        """From the phones to the WAN; a service that cannot be resolved may hold SIP."""
        return all(
            (self.allows, self.enabled, self.target == "WAN", self.source != "WAN", self.covers_sip is not False)
        )


@dataclass(frozen=True)
class Sonic:
    version: str | None
    model: str | None
    voip: str
    sip_known: bool
    enable: bool
    rule_based: bool
    consistent_nat: bool | None
    sub_options: tuple[str, ...]
    rules: tuple[Rule, ...] | None
    global_seconds: int | None
    forwards: tuple[Forward, ...] | None
    unresolved: bool
    """Whether a policy brings in what could not be resolved."""
    lists: Mapping[str, tuple[dict[str, Any], ...]]
    """The entries of LISTS as they were read; a list that was not shown is not in it."""
    interfaces: tuple[tuple[str, str, str], ...]
    """Name, zone and address with mask (`198.51.100.2/24`), "" for one that is not fixed."""
    pending: str


@functools.lru_cache(maxsize=32)
def _document(text: str) -> Any:
    """The JSON of a reply, to be looked at only; None where the device was not asked, refused, or answered something else.

    A reply is judged as an answer, then searched and then parsed: it is decoded once.
    """
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def parse(replies: Replies) -> Sonic:
    version = _document(replies.get("version", "")) or {}
    voip = _document(replies.get("voip", ""))
    settings = voip.get("voip") if isinstance(voip, dict) else None
    settings = settings if isinstance(settings, dict) else {}
    # A nullable block that is there and empty is the off state; one that is missing says nothing.
    sip = settings.get("sip")
    options = sip if isinstance(sip, dict) else {}
    said = all(isinstance(options.get(key), bool) for key in ("enable", "access_rule_based"))
    known = "sip" in settings and (sip is None or sip == {} or said)
    udp = _document(replies.get("udp", ""))
    nat = settings.get("consistent_nat")
    seconds = udp.get("udp", {}).get("default_connection_timeout") if isinstance(udp, dict) else None
    firmware = re.search(r"(\d+\.\d+[\w.-]*)\s*$", str(version.get("firmware_version", "")))
    lists = _lists(replies)
    services = _services(lists)
    return Sonic(
        version=firmware.group(1) if firmware else None,
        model=str(version["model"]) if version.get("model") else None,
        voip=json.dumps({"voip": settings}) if settings else "",
        sip_known=known,
        enable=options.get("enable") is True,
        rule_based=options.get("access_rule_based") is True,
        consistent_nat=nat if isinstance(nat, bool) else None,
        sub_options=tuple(name for name in SUB_OPTIONS if options.get(name) is True),
        rules=_rules(replies, services),
        global_seconds=seconds if isinstance(seconds, int) else None,
        forwards=_forwards(lists),
        unresolved=any(_brings(p) and _spans(_part(p, "service"), services) is None for p in lists.get("nat", ())),
        lists=lists,
        interfaces=_interfaces(replies),
        pending=_pending(replies.get("pending", "")),
    )


def _pending(text: str) -> str:
    """What is staged, "" for nothing. How an empty answer looks is not documented, so only plainly empty ones count."""
    bare = text.strip()
    if bare in ("", "{}", "[]", "null"):
        return ""
    document = _document(bare)
    status = document.get("status") if isinstance(document, dict) else None
    if isinstance(document, dict) and set(document) <= {"status", "pending"} and isinstance(status, dict):
        cli = status.get("cli")
        staged = isinstance(cli, dict) and cli.get("pending_config")
        if status.get("success") is True and not staged and not document.get("pending"):
            return ""
    return bare[:200]


def _entries(replies: Replies, name: str, key: str) -> list[dict[str, Any]] | None:
    """The list of a collection; None where the firmware did not give one."""
    document = _document(replies.get(name, ""))
    found = document.get(key) if isinstance(document, dict) else None
    return [e for e in found if isinstance(e, dict)] if isinstance(found, list) else None


def _part(document: Mapping[str, Any], key: str) -> dict[str, Any]:
    part = document.get(key)
    return part if isinstance(part, dict) else {}


def _rules(replies: Replies, services: Services) -> tuple[Rule, ...] | None:
    entries = _entries(replies, "rules", "access_rules")
    if entries is None:
        return None
    return tuple(_rule(_part(entry, "ipv4"), entry, services) for entry in entries if _part(entry, "ipv4"))


def _rule(rule: dict[str, Any], entry: dict[str, Any], services: Services) -> Rule:
    seconds = _part(rule, "udp").get("timeout")
    spans = _spans(_part(rule, "service"), services)
    return Rule(
        uuid=str(rule.get("uuid", "")),
        name=str(rule.get("name") or rule.get("uuid") or "?"),
        source=str(rule.get("from", "")),
        target=str(rule.get("to", "")),
        allows=rule.get("action") == "allow",
        enabled=rule.get("enable") is not False,
        sip=rule["sip"] if isinstance(rule.get("sip"), bool) else None,
        seconds=seconds if isinstance(seconds, int) else None,
        covers_sip=None if spans is None else any(a <= SIP_PORT <= b for a, b in spans),
        document=json.dumps({"access_rules": [entry]}),
    )


def _services(lists: Mapping[str, tuple[dict[str, Any], ...]]) -> Services:
    """The UDP ports of each service object and group."""
    out: dict[str, tuple[tuple[int, int], ...]] = {}
    for entry in lists.get("services", ()):
        udp = _part(entry, "udp")
        first, last = udp.get("begin"), udp.get("end")
        out[str(entry.get("name", ""))] = ((first, last),) if isinstance(first, int) and isinstance(last, int) else ()
    for _depth in range(DEEPEST):
        for entry in lists.get("groups", ()):
            members = [m.get("name") for key in ("service_object", "service_group") for m in entry.get(key) or ()]
            if all(m in out for m in members):
                out[str(entry.get("name", ""))] = tuple(span for m in members for span in out[m])
    return out


def _spans(service: Mapping[str, Any], services: Services) -> tuple[tuple[int, int], ...] | None:
    """The UDP ports of a rule's service; None where it cannot be resolved."""
    if service.get("any") is True:
        return ((0, 65535),)
    return services.get(str(service.get("name") or service.get("group") or ""))


def _lists(replies: Replies) -> dict[str, tuple[dict[str, Any], ...]]:
    out = {}
    for name, path, key in LISTS:
        entries = _entries(replies, name, key)
        if entries is not None:
            wrapped = path.endswith("/ipv4")
            out[name] = tuple(_part(e, "ipv4") for e in entries if _part(e, "ipv4")) if wrapped else tuple(entries)
    return out


def _interfaces(replies: Replies) -> tuple[tuple[str, str, str], ...]:
    out = []
    for entry in _entries(replies, "interfaces", "interfaces") or []:
        face = _part(entry, "ipv4") or entry
        given = _part(face, "ip_assignment")
        fixed = _part(_part(given, "mode"), "static")
        address = f"{fixed.get('ip')}/{fixed.get('netmask')}" if fixed.get("ip") and fixed.get("netmask") else ""
        out.append((str(face.get("name", "")), str(given.get("zone", "")), address))
    return tuple(out)


def _networks(lists: Mapping[str, tuple[dict[str, Any], ...]]) -> Addresses:
    """The networks of each address object and group; None for one that is no fixed network."""
    out: dict[str, tuple[str, ...] | None] = {}
    for entry in lists.get("addresses", ()):
        host, net, span = (_part(entry, key) for key in ("host", "network", "range"))
        out[str(entry.get("name", ""))] = _network(host, net, span)
    for _depth in range(DEEPEST):  # a group may be listed before the groups that it holds
        for entry in lists.get("address_groups", ()):
            parts = [_part(entry, key).get("ipv4") or [] for key in ("address_object", "address_group")]
            found = [out.get(str(m.get("name", ""))) for part in parts for m in part if isinstance(m, dict)]
            whole = bool(found) and all(found)
            out[str(entry.get("name", ""))] = unique(n for nets in found for n in nets or ()) if whole else None
    return out


def _network(host: Mapping[str, Any], net: Mapping[str, Any], span: Mapping[str, Any]) -> tuple[str, ...] | None:
    try:
        if host:
            return (str(ipaddress.IPv4Network(str(host["ip"]))),)
        if net:
            return (str(ipaddress.IPv4Network(f"{net['subnet']}/{net['mask']}", strict=False)),)
        first, last = (ipaddress.IPv4Address(str(span[key])) for key in ("begin", "end"))
        return tuple(str(n) for n in ipaddress.summarize_address_range(first, last))
    except (KeyError, ValueError):
        return None


def _place(part: Mapping[str, Any], addresses: Addresses) -> tuple[str, ...] | None:
    """The networks that a reference stands for; ("any",) for all of them, None where it cannot be resolved."""
    if part.get("any") is True:
        return (ANY,)
    return addresses.get(str(part.get("name") or part.get("group") or ""))


def _brings(policy: Mapping[str, Any]) -> bool:
    moved = _part(policy, "translated_destination")
    return policy.get("enable") is not False and bool(moved) and moved.get("original") is not True


def _forwards(lists: Mapping[str, tuple[dict[str, Any], ...]]) -> tuple[Forward, ...] | None:
    """Enabled NAT policies that send UDP to another host, and who the access rules let in."""
    if "nat" not in lists:
        return None
    services, addresses = _services(lists), _networks(lists)
    found = []
    for policy in filter(_brings, lists["nat"]):
        name = str(policy.get("name") or policy.get("uuid") or "?")
        inside = _place(_part(policy, "translated_destination"), addresses)
        host = inside[0].partition("/")[0] if inside and len(inside) == 1 and inside[0].endswith("/32") else None
        moved = _spans(_part(policy, "translated_service"), services)
        for first, last in _spans(_part(policy, "service"), services) or ():
            start = moved[0][0] if moved and _part(policy, "translated_service").get("original") is not True else None
            who = _who_gets_in(lists, policy, host, (first, last))
            evidence = (f"NAT policy {name}: UDP {first}-{last}",)
            scope = f"{name} {ports((first, last))}"
            found.append(
                Forward("nat_policy", scope, first, last, host, who, evidence, start, ours=name.startswith(OURS))
            )
    return tuple(found)


def _in_order(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By their place numbers where all show one, else as they are listed."""
    found = list(rules)
    placed = [
        (p, r) for r in found for p in (_part(_part(r, "priority"), "manual").get("value"),) if isinstance(p, int)
    ]
    return [rule for _at, rule in sorted(placed, key=lambda pair: pair[0])] if len(placed) == len(found) else found


def _who_gets_in(
    lists: Mapping[str, tuple[dict[str, Any], ...]], policy: Mapping[str, Any], host: str | None, span: tuple[int, int]
) -> tuple[str, ...] | None:
    """The networks from which the rules of the WAN let a range of ports in; None where that cannot be said.

    A rule counts when its destination holds the public address or the PBX; the order of rules is read as the device gives it.
    """
    rules, services, addresses = lists.get("rules"), _services(lists), _networks(lists)
    public = _place(_part(policy, "destination"), addresses)
    target = str(_part(policy, "translated_destination").get("name", ""))
    zone = next((e.get("zone") for e in lists.get("addresses", ()) if e.get("name") == target), None)
    if rules is None or host is None or not public or not zone:
        return None
    out: list[str] = []
    for rule in _in_order(r for r in rules if r.get("from") == "WAN" and r.get("to") == zone):
        if rule.get("enable") is False:
            continue
        there = _place(_part(_part(rule, "destination"), "address"), addresses)
        service = _spans(_part(rule, "service"), services)
        if there is None or service is None:
            return None
        if not any(first <= span[1] and span[0] <= last for first, last in service):
            continue
        if ANY not in there and not set(there) & {*public, f"{host}/32"}:
            continue
        if rule.get("action") != "allow":
            if ANY in there:
                break  # what comes behind a rule about everything is behind the default of the box
            return None
        who = _place(_part(_part(rule, "source"), "address"), addresses)
        if who is None or not any(first <= span[0] and span[1] <= last for first, last in service):
            return None
        out += who
    found = _place(_part(policy, "source"), addresses)
    if found is None:
        return None
    rules_let = (ANY,) if ANY in out else unique(out)
    return rules_let if ANY in found else tuple(n for n in found if admits(rules_let, (n,)))


def _mechanisms(box: Sonic) -> list[Mechanism]:
    return [_global(box), _by_rules(box), _options(box), _nat(box)]


def _global(box: Sonic) -> Mechanism:
    evidence = (
        f"voip.sip.enable: {str(box.enable).lower()}",
        f"voip.sip.access_rule_based: {str(box.rule_based).lower()}",
    )
    if not box.sip_known:
        return Mechanism("sip_transformations", "global", "unknown", "configured", ("GET /voip does not say it",))
    state = "on" if box.enable and not box.rule_based else "off"
    return Mechanism("sip_transformations", "global", state, "configured", evidence)


def _options(box: Sonic) -> Mechanism:
    """They cannot act alone, so they decide no verdict; what was asked of them is proven like the rest."""
    evidence = tuple(f"voip.sip.{name}: true" for name in box.sub_options) or ("none is on",)
    return Mechanism(
        "sip_options", "global", "not_applicable", "configured", evidence, "doc", ", ".join(box.sub_options)
    )


def _by_rules(box: Sonic) -> Mechanism:
    if not box.sip_known:
        return Mechanism("rule_transformations", "global", "unknown", "configured", ("GET /voip does not say it",))
    if not box.rule_based:
        return Mechanism(
            "rule_transformations", "global", "not_applicable", "configured", ("access_rule_based: false",)
        )
    if box.rules is None:
        return Mechanism(
            "rule_transformations", "global", "unknown", "configured", ("the access rules could not be read",)
        )
    on = [r for r in box.rules if r.sip and r.enabled]
    if on:
        evidence = tuple(f"rule {r.name}: sip true" for r in on[:10])
        return Mechanism("rule_transformations", "global", "on", "configured", evidence)
    silent = [r for r in box.rules if r.sip is None and r.enabled]
    if silent:
        evidence = tuple(f"rule {r.name} does not show sip" for r in silent[:10])
        return Mechanism("rule_transformations", "global", "unknown", "configured", evidence)
    return Mechanism("rule_transformations", "global", "off", "configured", ("no enabled rule has sip true",))


def _nat(box: Sonic) -> Mechanism:
    """It rewrites nothing, so it decides no verdict; its value is proven like the others."""
    value = {True: "enabled", False: "disabled", None: ""}[box.consistent_nat]
    evidence = (f"voip.consistent_nat: {value or 'not shown'}",)
    return Mechanism("consistent_nat", "global", "not_applicable", "configured", evidence, "doc", value)


def _timers(box: Sonic) -> list[Timer]:
    timers = []
    for rule in box.rules or ():
        if rule.lets_sip_out:
            evidence = (f"rule {rule.name} ({rule.source} to {rule.target}): udp.timeout {rule.seconds}",)
            known = rule.seconds is not None and rule.covers_sip is True
            timers.append(Timer("rule_udp", f"{rule.name} {rule.uuid}".strip(), rule.seconds, evidence, known=known))
    if not timers:
        note = "the access rules could not be read" if box.rules is None else "no rule towards the WAN lets SIP out"
        timers.append(Timer("rule_udp", "global", None, (note,), known=False))
    line = (
        f"udp.default_connection_timeout: {box.global_seconds}",
        "a rule's own value overrides it; its unit is in doubt",
    )
    timers.append(Timer("global_udp", "global", box.global_seconds, line, label="inferred", applies=False))
    return timers


def _forwards_readable(box: Sonic) -> bool:
    return box.forwards is not None and not box.unresolved


def assess(box: Sonic, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box))
    timers = _timers(box)
    timeout = timeout_aspect(timers, profile.udp_timeout)
    inbound = box.forwards or ()
    forwards = forwards_aspect(inbound, _forwards_readable(box), profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    if box.consistent_nat is False:
        text = "Consistent NAT is off: the public port of a phone may change with each request"
        findings.append(Finding("CONSISTENT-NAT-OFF", "sip_alg", "medium", text))
    if box.pending:
        findings.append(
            Finding("FOREIGN-EDITS-PENDING", None, "info", "edits of another administrator wait to be committed")
        )
    low = [t.scope for t in timers if is_low(t, profile.udp_timeout) and t.applies]
    if len(low) not in (0, len([t for t in timers if t.applies])):
        findings.append(
            Finding("UDP-TIMEOUT-DIFFERS", "udp_timeout", "info", f"too short in the rules: {', '.join(low)}")
        )
    not_checked = ["runtime state: calls in progress keep their treatment until they end"]
    if box.rules is None:
        not_checked.append("the access rules: this firmware does not show them to the API")
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.version, aspects, tuple(findings), (), unique(not_checked), _traces(box.lists))


def _traces(lists: Mapping[str, tuple[dict[str, Any], ...]]) -> tuple[str, ...]:
    return tuple(
        f"{path} {entry.get('name')}"
        for name, path, _key in LISTS
        for entry in lists.get(name, ())
        if str(entry.get("name", "")).startswith(OURS)
    )


def plan(box: Sonic, options: Options) -> Plan:
    """Each object is read, changed in the few keys that count, and sent back whole; one commit makes all of it live."""
    steps: list[Step] = []
    left: list[str] = []
    unsupported: dict[str, str] = {}
    expected = box
    if options.state is not None:
        if not box.sip_known or not box.voip:
            return Plan((), box, "GET /voip does not show the settings of SIP")
        found, expected = _sip_step(expected, options.state == DISABLED, options.strict)
        steps += found
        left = ["calls in progress keep their treatment until they end: let the phones register again"] if found else []
    if options.timeout is not None:
        if box.rules is None:
            unsupported["udp_timeout"] = (
                f"this firmware does not show its access rules to the API. By hand: {_by_hand('rule_udp')} {options.timeout.recommended}"
            )
        else:
            found, expected = _timeout_steps(expected, options.timeout)
            steps += found
    if options.forwards is not None:
        if "rules" not in box.lists or "nat" not in box.lists:
            unsupported["port_forwards"] = (
                f"this firmware does not show its NAT policies and access rules to the API. By hand: {_by_hand('nat_policy')}"
            )
        else:
            try:
                found, expected = _forward_steps(expected, options.forwards)
            except Refusal as error:
                return Plan((), box, str(error))
            steps += found
    if not steps:
        return Plan((), box, unsupported=unsupported)
    if box.pending:
        return Plan(
            (), box, "edits of another administrator are pending (GET /config/pending): our commit would make them live"
        )
    return Plan(tuple(steps), expected, None, tuple(left), unsupported)


def _by_hand(fact_id: str) -> str:
    return next(f.by_hand for f in FACTS if f.id == fact_id)


def _sip_step(box: Sonic, disable: bool, strict: bool) -> tuple[list[Step], Sonic]:
    """Unless asked for strictly the options below SIP Transformations stay as they are: without the switch above they do nothing."""
    document = json.loads(box.voip)
    settings = document["voip"]
    sip = settings.get("sip")
    if disable and isinstance(sip, dict) and sip.get("enable") is True and not box.rule_based:
        settings["sip"] = {**sip, "enable": False}
    elif not disable and not box.enable:
        settings["sip"] = {**(sip or {}), "enable": True}
    if disable and strict and not box.rule_based and isinstance(settings.get("sip"), dict):
        settings["sip"] = {**settings["sip"], **dict.fromkeys(box.sub_options, False)}
    if disable and box.consistent_nat is False:
        settings["consistent_nat"] = True
    text = json.dumps(document)
    if text == box.voip:
        return [], box
    after = parse({"voip": text})
    step = Step((f"PUT /voip {text}",), (f"PUT /voip {box.voip}",))
    return [step], replace(
        box, voip=text, enable=after.enable, consistent_nat=after.consistent_nat, sub_options=after.sub_options
    )


def _timeout_steps(box: Sonic, wanted: Wanted) -> tuple[list[Step], Sonic]:
    """The timers of rules are in seconds and are what acts. The global value is left alone: its unit cannot be established."""
    steps, rules = [], []
    due = {t.scope for t in _timers(box) if t.id == "rule_udp" and t.applies and is_low(t, wanted)}
    for rule in box.rules or ():
        if f"{rule.name} {rule.uuid}".strip() in due and rule.uuid and rule.target == "WAN":
            document = json.loads(rule.document)
            document["access_rules"][0]["ipv4"]["udp"] = {
                **(document["access_rules"][0]["ipv4"].get("udp") or {}), "timeout": wanted.recommended,
            }  # fmt: skip
            text = json.dumps(document)
            path = f"/access-rules/ipv4/uuid/{rule.uuid}"
            steps.append(Step((f"PUT {path} {text}",), (f"PUT {path} {rule.document}",)))
            rule = replace(rule, seconds=wanted.recommended, document=text)
        rules.append(rule)
    return steps, replace(box, rules=tuple(rules))


def _forward_steps(box: Sonic, wanted: Forwards) -> tuple[list[Step], Sonic]:
    """Ours are exactly what is wanted, or they are made anew; what somebody else made stays as it is. Raises Refusal."""
    have = box.forwards or ()
    ours = [f for f in have if f.ours]
    exact = all(f.leads_to(wanted.pbx) and set(f.sources or ()) == set(wanted.sources) for f in ours)
    settled = {(f.first, f.last) for f in ours} <= set(wanted.ranges) and not open_ranges(have, wanted)
    if wanted.present and exact and settled:
        return [], box
    steps, lists = _remove_ours(box.lists)
    if wanted.present:
        theirs = _forwards(lists) or ()
        where = _where(box, wanted)
        blocked = in_the_way(theirs, wanted) or _stands_before(lists, wanted, where[1])
        if blocked:
            raise Refusal(blocked)
        new = _wanted_entries(lists, wanted, open_ranges(theirs, wanted), where)
        for name, path, key in LISTS:
            made = [_entry_step(path, key, entry) for entry in new[name]]
            steps += made
            # a rule that is narrower than the others is put before them; where it is not, the proof will show it
            lists[name] = (*new[name], *lists[name])
    return steps, replace(box, lists=lists, forwards=_forwards(lists))


def _entry_step(path: str, key: str, entry: Mapping[str, Any]) -> Step:
    """Making an entry; its inverse names it, since its id is not known before it is there."""
    body = json.dumps({key: [{"ipv4": entry} if path.endswith("/ipv4") else entry]})
    by = f"name/{entry['name']}" if key.startswith(("address", "service")) else f"uuid/{{name:{entry['name']}}}"
    return Step((f"POST {path} {body}",), (f"DELETE {path}/{by}",))


def _remove_ours(
    lists: Mapping[str, tuple[dict[str, Any], ...]],
) -> tuple[list[Step], dict[str, tuple[dict[str, Any], ...]]]:
    """What uses an object goes before the object."""
    steps, left = [], dict(lists)
    for name, path, key in reversed(LISTS):
        for entry in lists.get(name, ()):
            if str(entry.get("name", "")).startswith(OURS):
                bare = {k: v for k, v in entry.items() if k not in ("uuid", "priority", "auto_rule")}
                made = _entry_step(path, key, bare)
                steps.append(Step(made.undo, made.do))
        left[name] = tuple(e for e in lists.get(name, ()) if not str(e.get("name", "")).startswith(OURS))
    return steps, left


def _stands_before(lists: Mapping[str, tuple[dict[str, Any], ...]], wanted: Forwards, zone: str) -> str | None:
    """A rule of somebody else about the same ports from the WAN: it would keep the provider out, or let others in."""
    services, addresses = _services(lists), _networks(lists)
    for rule in lists["rules"]:
        there = _place(_part(_part(rule, "destination"), "address"), addresses)
        spans = _spans(_part(rule, "service"), services)
        if rule.get("from") != "WAN" or rule.get("to") != zone or rule.get("enable") is False:
            continue
        if rule.get("action") != "allow" and there == (ANY,):
            continue  # the default of the box; ours is narrower
        about = spans is None or any(a <= last and first <= b for a, b in spans for first, last in wanted.ranges)
        if about and not (there and all(n.startswith(wanted.pbx + "/") for n in there)):
            what = f"the access rule '{rule.get('name') or rule.get('uuid')}' ({rule.get('action')}, WAN to {rule.get('to')})"
            return f"{what} is about the same ports. It is not ours and is not altered: change or remove it by hand"
    return None


def _wanted_entries(
    lists: Mapping[str, tuple[dict[str, Any], ...]],
    wanted: Forwards,
    spans: list[tuple[int, int]],
    where: tuple[str, str, str],
) -> dict[str, tuple[dict[str, Any], ...]]:
    outside, zone, public = where
    addresses = [{"name": f"{OURS}-pbx", "zone": zone, "host": {"ip": wanted.pbx}}]
    known = [e for e in lists["addresses"] if _network(_part(e, "host"), {}, {}) == (f"{public}/32",)]
    if known:
        target = str(known[0]["name"])
    else:
        target = f"{OURS}-public"
        addresses.append({"name": target, "zone": "WAN", "host": {"ip": public}})
    sources = []
    for text in wanted.sources:
        if text != ANY:
            net = ipaddress.IPv4Network(text)
            sources.append({"name": f"{OURS}-{text.replace('/', '-')}"})
            there = {"subnet": str(net.network_address), "mask": str(net.netmask)}
            shape = {"host": {"ip": str(net.network_address)}} if net.prefixlen == 32 else {"network": there}
            addresses.append({**sources[-1], "zone": "WAN", **shape})
    services = [
        {"name": f"{OURS}-{'-'.join(map(str, sorted({first, last})))}", "udp": {"begin": first, "end": last}}
        for first, last in spans
    ]
    groups = [{"name": f"{OURS}-target", "address_object": {"ipv4": [{"name": target}, {"name": f"{OURS}-pbx"}]}}]
    if sources:
        groups.append({"name": f"{OURS}-sources", "address_object": {"ipv4": sources}})
    who = {"group": f"{OURS}-sources"} if sources else {"any": True}
    policy = {
        "name": OURS, "inbound": outside, "outbound": "any", "enable": True,
        "source": {"any": True}, "translated_source": {"original": True},
        "destination": {"name": target}, "translated_destination": {"name": f"{OURS}-pbx"},
        "service": {"group": OURS}, "translated_service": {"original": True},
    }  # fmt: skip
    rule = {
        "name": OURS, "from": "WAN", "to": zone, "action": "allow", "enable": True,
        "source": {"address": who, "port": {"any": True}}, "service": {"group": OURS},
        "destination": {"address": {"group": f"{OURS}-target"}}, "schedule": {"always_on": True},
        "sip": False, "udp": {"timeout": wanted.timer},
    }  # fmt: skip
    return {
        "addresses": tuple(addresses),
        "address_groups": tuple(groups),
        "services": tuple(services),
        "groups": ({"name": OURS, "service_object": [{"name": s["name"]} for s in services]},),
        "nat": (policy,),
        "rules": (rule,),
    }


def _where(box: Sonic, wanted: Forwards) -> tuple[str, str, str]:
    """Outside interface, zone of the PBX, public address. Raises Refusal that names the variable to set."""
    if "addresses" not in box.lists or "address_groups" not in box.lists or "services" not in box.lists:
        raise Refusal("the address and service objects were not all read")
    outer = [i for i in box.interfaces if i[1] == "WAN" and wanted.outside in (None, i[0])]
    if len(outer) != 1:
        what = ", ".join(i[0] for i in outer) or "none"
        raise Refusal(f"which interface is in the zone WAN is not plain ({what}): set voip_edge_outside_interface")
    if not (wanted.address or outer[0][2]):
        raise Refusal(f"{outer[0][0]} has no fixed address: set voip_edge_outside_address")
    public = wanted.address or outer[0][2].partition("/")[0]
    if wanted.inside:
        return outer[0][0], wanted.inside, public
    pbx = ipaddress.IPv4Address(wanted.pbx)
    zones = [i[1] for i in box.interfaces if i[2] and i[1] != "WAN" and pbx in ipaddress.IPv4Interface(i[2]).network]
    if len(zones) != 1:
        raise Refusal(
            f"no single interface has a network with {wanted.pbx} in it: set voip_edge_inside_interface to the zone of the PBX"
        )
    return outer[0][0], zones[0], public


def read_forwards(ask: Ask, replies: Replies, profile: Profile) -> dict[str, str]:
    """Addresses and interfaces, where a policy leads inside or a forward is wanted."""
    some = any(_brings(_part(e, "ipv4")) for e in _entries(replies, "nat", "nat_policies") or ())
    if not some and profile.forwards is None:
        return {}
    return {
        **({} if "services" in replies else _read_services(ask)),
        "addresses": ask("GET /address-objects/ipv4"),
        "address_groups": ask("GET /address-groups/ipv4"),
        "interfaces": ask("GET /interfaces/ipv4"),
    }


def whole(ask: Ask, _replies: Replies) -> str:
    """The configuration as text; some firmware gives it to the built-in account only."""
    text = ask("GET /export/current-config/cli text/plain")
    return "" if re.match(r"\d{3} ", text) else text


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Services only where a rule towards the WAN, or a policy that leads inside, goes by one."""
    out = {
        "version": identity,
        "voip": ask("GET /voip"),
        "udp": ask("GET /udp"),
        "rules": ask("GET /access-rules/ipv4"),
        "nat": ask("GET /nat-policies/ipv4"),
        "pending": ask("GET /config/pending"),
    }
    lists = _lists(out)
    outward = [r for r in lists.get("rules", ()) if r.get("to") == "WAN" and r.get("action") == "allow"]
    inward = [p for p in lists.get("nat", ()) if _brings(p)]
    if any(_part(entry, "service").get("any") is not True for entry in (*outward, *inward)):
        out.update(_read_services(ask))
    return out


def _read_services(ask: Ask) -> dict[str, str]:
    return {"services": ask("GET /service-objects"), "groups": ask("GET /service-groups")}


def sniff(peek: Peek) -> Sighting | None:
    """The name of the server, or the words by which a switched-off API says so."""
    reply = peek(f"GET {BASE}/auth", follow=False)
    if reply is None:
        return None
    named = reply.headers.get("server", "").lower() == "sonicwall"
    return Sighting() if named or (reply.status == 403 and "E_DISABLED" in reply.text()) else None


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt, by the method that the device itself offers."""
    login = session.login
    user, password = login.user or "", login.password or ""
    override = {"override": bool(extra.get("take_over"))}
    if extra.get("second_factor"):
        body = {"user": user, "password": password, "tfa": str(extra["second_factor"]), **override}
        reply = session.request("POST", BASE + "/tfa", json=body, reads=True)
        _admitted(session, reply, user)
        return
    hello = session.request("GET", BASE + "/auth", accept="application/json")
    said = hello.text()
    if hello.status == 404:
        raise UnknownReply("SonicOS 5 has no API: see the advice for Gen 5, or give the platform another name")
    if hello.status == 403 and "E_DISABLED" in said:
        raise LoginRefused(
            "the SonicOS API is switched off. Switch it on under Device > Settings > Administration > Audit/SonicOS API "
            "('Enable SonicOS API' and one authentication method), or on the command line: configure, administration, "
            "sonicos-api, enable, basic, commit"
        )
    offered = hello.headers.get("www-authenticate", "").lower()
    entry: dict[str, Any] = dict(override)
    if "digest" in offered:
        session.use_digest(user, password)
    elif "basic" not in offered and "challenge" in said:
        entry.update(_chap(_document(said), user, password))
    else:
        session.use_basic(user, password)
    _admitted(session, session.request("POST", BASE + "/auth", json=entry, reads=True), user)


def _chap(offer: Any, user: str, password: str) -> dict[str, str]:
    """The answer to a challenge; MD5 is what the device asks for. [src S2]"""
    try:
        number, challenge = str(offer["id"]), bytes.fromhex(str(offer["challenge"]))
        text = bytes.fromhex(number) + password.encode("utf-8") + challenge
    except (KeyError, TypeError, ValueError):
        raise UnknownReply("GET /auth offers a challenge that is not understood") from None
    return {"id": number, "user": user, "digest": hashlib.md5(text, usedforsecurity=False).hexdigest()}


def _admitted(session: HttpSession, reply: Reply, user: str) -> None:
    said = reply.text()
    if reply.status == 401:
        raise LoginRefused(f"the login of user '{user}' was refused (one attempt was made)")
    if "API_AUTH_PASSWORD_UPDATE" in said:
        raise LoginRefused(f"user '{user}' must change the password first, in the device's own pages")
    if "TOTP" in said and "bearer_token" not in said:
        raise LoginRefused("a one-time code is needed: set voip_edge_second_factor")
    word = refusal(reply)
    if word is not None:
        raise LoginRefused(f"the login of user '{user}' was refused: {word}")
    document = _document(said)
    for info in _infos(document):
        token = info.get("bearer_token")
        if isinstance(token, str) and token:
            session.use_bearer(token)


def _infos(document: Any) -> list[dict[str, Any]]:
    status = document.get("status") if isinstance(document, dict) else None
    infos = status.get("info") if isinstance(status, dict) else None
    return [i for i in infos if isinstance(i, dict)] if isinstance(infos, list) else []


def locked(word: str) -> bool:
    """The device's word for: another administrator is configuring."""
    return "non config mode" in word.lower()


def log_out(session: HttpSession) -> None:
    session.request("DELETE", BASE + "/auth", reads=True)


def refusal(reply: Reply) -> str | None:
    """A request is judged by the word `success`, never by the HTTP code alone."""
    document = _document(reply.text())
    status = document.get("status") if isinstance(document, dict) else None
    failed = isinstance(status, dict) and status.get("success") is False
    if reply.status < 400 and not failed:
        return None
    words = "; ".join(f"{i.get('code', '')} {i.get('message', '')}".strip() for i in _infos(document))
    text = words or reply.excerpt()
    if locked(text):
        return f"{text}: another administrator is configuring; set voip_edge_take_over: true to push them out"
    return f"HTTP {reply.status} {text}".strip()


BASE = "/api/sonicos"

PLATFORM = Platform(
    name="sonicwall_sonicos",
    title="SonicWall (SonicOS 7, over HTTPS)",
    network_os=("sonicwall_sonicos", "sonicos", "sonicwall", "sonicwall.sonicos.sonicos"),
    dialect=Dialect(),
    facts=FACTS,
    identify="GET /version",
    recognise=lambda reply: "SonicOS" in reply,
    read=read,
    read_forwards=read_forwards,
    whole=whole,
    parse=parse,
    assess=assess,
    plan=plan,
    leave=lambda box, scope, options: ("POST /config/pending",),
    firmware=r"7\.",
    sniff=sniff,
    door=Door(
        base=BASE, log_in=log_in, log_out=log_out, refusal=refusal,
        commit="POST /config/pending", discard="DELETE /config/pending",
        locked=locked,
        seize="POST /config-mode",
        release="POST /non-config-mode",
    ),
)  # fmt: skip
