# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SonicWall firewalls with SonicOS 7, over their REST API. Older ones are recognised, with the advice for people.

The SIP ALG is called SIP Transformations: one global switch, and a mode in which access rules decide for themselves.
Writes are staged until they are committed, and one administrator configures at a time: with foreign edits pending nothing is
written, and nobody is pushed out unless that was asked for.
Sources: the vendor's description of the SonicOS API 7.0.1, its API guide, and its help on VoIP and UDP settings.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..core.errors import LoginRefused, UnknownReply
from ..core.forwards import Forward, forwards_aspect, forwards_findings
from ..core.model import DISABLED, Assessment, Finding, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import unique
from ..core.verdict import Timer, is_low, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door
from .base import Ask, Fact, Platform, Replies

SIP_PORT = 5060
SUB_OPTIONS = ("tcp", "non_sip_packets", "b2bua_support", "endpoint_registration_anomaly_tracking")
GUI = "Network > VoIP > Settings"

# UDP ports of a service object by its name
Services = Mapping[str, "tuple[tuple[int, int], ...]"]

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
        "nat_policy", "port_forwards", "NAT policies that send UDP to a host inside", "7.x", "doc", "no",
        "Policy > Rules and Policies > NAT Rules: remove the policy, then the access rule WAN to LAN of the same service",
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
    forwards: tuple[tuple[str, tuple[tuple[int, int], ...] | None], ...] | None
    pending: str


def _document(text: str) -> Any:
    """The JSON of a reply; None where the device refused or answered something else."""
    try:
        return json.loads(text)
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
    return Sonic(
        version=firmware.group(1) if firmware else None,
        model=str(version["model"]) if version.get("model") else None,
        voip=json.dumps({"voip": settings}) if settings else "",
        sip_known=known,
        enable=options.get("enable") is True,
        rule_based=options.get("access_rule_based") is True,
        consistent_nat=nat if isinstance(nat, bool) else None,
        sub_options=tuple(name for name in SUB_OPTIONS if options.get(name) is True),
        rules=_rules(replies),
        global_seconds=seconds if isinstance(seconds, int) else None,
        forwards=_forwards(replies),
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


def _rules(replies: Replies) -> tuple[Rule, ...] | None:
    entries = _entries(replies, "rules", "access_rules")
    if entries is None:
        return None
    services = _services(replies)
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


def _services(replies: Replies) -> Services:
    """The UDP ports of each service object and group."""
    out: dict[str, tuple[tuple[int, int], ...]] = {}
    for entry in _entries(replies, "services", "service_objects") or []:
        udp = _part(entry, "udp")
        first, last = udp.get("begin"), udp.get("end")
        out[str(entry.get("name", ""))] = ((first, last),) if isinstance(first, int) and isinstance(last, int) else ()
    for entry in _entries(replies, "groups", "service_groups") or []:
        members = [m.get("name") for key in ("service_object", "service_group") for m in entry.get(key) or ()]
        if all(m in out for m in members):
            out[str(entry.get("name", ""))] = tuple(span for m in members for span in out[m])
    return out


def _spans(service: Mapping[str, Any], services: Services) -> tuple[tuple[int, int], ...] | None:
    """The UDP ports of a rule's service; None where it cannot be resolved."""
    if service.get("any") is True:
        return ((0, 65535),)
    return services.get(str(service.get("name") or service.get("group") or ""))


def _forwards(replies: Replies) -> tuple[tuple[str, tuple[tuple[int, int], ...] | None], ...] | None:
    """Enabled NAT policies that send traffic to another host: name and UDP ports."""
    entries = _entries(replies, "nat", "nat_policies")
    if entries is None:
        return None
    services = _services(replies)
    found = []
    for policy in (_part(entry, "ipv4") for entry in entries):
        moved = _part(policy, "translated_destination")
        if policy.get("enable") is not False and moved and moved.get("original") is not True:
            found.append(
                (str(policy.get("name") or policy.get("uuid") or "?"), _spans(_part(policy, "service"), services))
            )
    return tuple(found)


def _mechanisms(box: Sonic) -> list[Mechanism]:
    return [_global(box), _by_rules(box), _nat(box)]


def _global(box: Sonic) -> Mechanism:
    evidence = (
        f"voip.sip.enable: {str(box.enable).lower()}",
        f"voip.sip.access_rule_based: {str(box.rule_based).lower()}",
    )
    if not box.sip_known:
        return Mechanism("sip_transformations", "global", "unknown", "configured", ("GET /voip does not say it",))
    below = tuple(f"voip.sip.{name}: true" for name in box.sub_options) if box.enable else ()
    state = "on" if box.enable and not box.rule_based else "off"
    return Mechanism("sip_transformations", "global", state, "configured", evidence + below)


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


def _inbound(box: Sonic) -> list[Forward]:
    return [
        Forward("nat_policy", name, first, last, None, None, (f"NAT policy {name}: UDP {first}-{last}",))
        for name, spans in box.forwards or ()
        for first, last in spans or ()
    ]


def _forwards_readable(box: Sonic) -> bool:
    return box.forwards is not None and all(spans is not None for _name, spans in box.forwards)


def assess(box: Sonic, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box))
    timers = _timers(box)
    timeout = timeout_aspect(timers, profile.udp_timeout)
    inbound = _inbound(box)
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
    return Assessment(box.model, box.version, aspects, tuple(findings), (), unique(not_checked))


def plan(box: Sonic, options: Options) -> Plan:
    """Each object is read, changed in the few keys that count, and sent back whole; one commit makes all of it live."""
    steps: list[Step] = []
    left: list[str] = []
    expected = box
    if options.state is not None:
        if not box.sip_known or not box.voip:
            return Plan((), box, "GET /voip does not show the settings of SIP")
        found, expected = _sip_step(expected, options.state == DISABLED)
        steps += found
        left = ["calls in progress keep their treatment until they end: let the phones register again"] if found else []
    if options.timeout is not None:
        if box.rules is None:
            return Plan((), box, "this firmware does not show its access rules to the API")
        found, expected = _timeout_steps(expected, options.timeout)
        steps += found
    if not steps:
        return Plan((), box)
    if box.pending:
        return Plan(
            (), box, "edits of another administrator are pending (GET /config/pending): our commit would make them live"
        )
    return Plan(tuple(steps), expected, None, tuple(left))


def _sip_step(box: Sonic, disable: bool) -> tuple[list[Step], Sonic]:
    """The options below SIP Transformations stay as they are: without the switch above them they do nothing."""
    document = json.loads(box.voip)
    settings = document["voip"]
    sip = settings.get("sip")
    if disable and isinstance(sip, dict) and sip.get("enable") is True and not box.rule_based:
        settings["sip"] = {**sip, "enable": False}
    elif not disable and not box.enable:
        settings["sip"] = {**(sip or {}), "enable": True}
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


def read(ask: Ask, identity: str) -> dict[str, str]:
    return {
        "version": identity,
        "voip": ask("GET /voip"),
        "udp": ask("GET /udp"),
        "rules": ask("GET /access-rules/ipv4"),
        "services": ask("GET /service-objects"),
        "groups": ask("GET /service-groups"),
        "nat": ask("GET /nat-policies/ipv4"),
        "pending": ask("GET /config/pending"),
    }


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
    recognise_backup=lambda text: False,
    read=read,
    from_backup=lambda text: {},
    parse=parse,
    assess=assess,
    plan=plan,
    leave=lambda box, scope, options: ("POST /config/pending",),
    firmware=r"7\.",
    door=Door(
        base=BASE, log_in=log_in, log_out=log_out, refusal=refusal,
        commit="POST /config/pending", discard="DELETE /config/pending",
        locked=locked,
        seize="POST /config-mode",
        release="POST /non-config-mode",
    ),
)  # fmt: skip
