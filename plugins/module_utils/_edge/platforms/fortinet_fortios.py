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

import re
from dataclasses import replace

from ..core.blocks import Block
from ..core.blocks import read as read_blocks
from ..core.documents import Editor
from ..core.errors import Refusal
from ..core.forwards import OURS, forwards_aspect, forwards_findings
from ..core.model import DISABLED, Assessment, Finding, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import unique
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import CliSession, Dialect
from ..transports.rest import Door, RestSession
from ._fortinet_forwards import Cannot, forward_steps, forwards_of
from ._fortinet_rest import (
    BASE,
    csrf,
    editor_of,
    is_fortigate,
    log_in,
    log_out,
    read_documents,
    read_forward_documents,
    read_role,
    refusal,
    unsaved,
)
from ._fortinet_tree import (
    ADDRESS,
    GLOBAL,
    KERNEL,
    MODE,
    OFF_VALUES,
    PROXY,
    SERVICE,
    VIP,
    Fortios,
    Helper,
    Vdom,
    forwards_matter,
    mode_of,
    parse,
    sip_helpers,
)
from .base import Ask, Fact, Platform, Replies

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


class _Judge:
    """The mechanisms of one VDOM."""

    def __init__(self, box: Fortios, name: str, vdom: Vdom) -> None:
        self.box, self.scope, self.vdom = box, name or "root" if box.multi else "global", vdom
        self.mode = mode_of(box, vdom)
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
        state = "on" if sip_helpers(self.box) else "unknown" if self.box.helpers is None else "off"
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
        state = "on" if sip_helpers(self.box) else "unknown" if self.box.helpers is None else "not_applicable"
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
    entries = sip_helpers(box)
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


def assess(box: Fortios, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box))
    timeout = timeout_aspect(_timers(box), profile.udp_timeout)
    inbound = forwards_of(box)
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
            more, expected = forward_steps(expected, options.forwards, options.allow_unproven)
            steps += more
        except Cannot as error:
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
    if disable and sip_helpers(box):
        steps.append(_delete_helpers(top, sip_helpers(box)))
        helpers = tuple(h for h in helpers if h.name != "sip")
    elif not disable and not sip_helpers(box) and box.helpers is not None:
        new = Helper(
            _free_id([h.id for h in helpers], 13), "sip", (("name", "sip"), ("protocol", "17"), ("port", "5060"))
        )
        removed = _delete_helpers(top, (new,))
        steps.append(Step(removed.undo, removed.do, top))
        helpers += (new,)
    vdoms = {}
    for name, vdom in box.vdoms.items():
        found, vdoms[name] = _settings_step(box, name, vdom, disable)
        more, vdoms[name] = _profile_step(name, vdoms[name], disable, mode_of(box, vdom) == PROXY or bool(found))
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
        deciding = {k for k in wanted if k in (MODE, "sip-helper") or (k == "sip-expectation" and sip_helpers(box))}
        if not deciding and not sip_helpers(box):
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


def read_forwards(ask: Ask, replies: Replies, profile: Profile) -> dict[str, str]:
    """Addresses and interfaces, where there are virtual IPs to judge or forwards to make. With VDOMs they are there already."""
    root = read_blocks(replies.get("config", "")).root
    if not forwards_matter(root, profile) or "vdom" in root.tables or "system interface" in root.tables:
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
            editor = editors.setdefault(step.scope, editor_of(box, step.scope))
            do, undo = editor.both_ways(step.do, step.undo)
            steps.append(replace(step, do=do, undo=undo))
    except Refusal as error:
        return Plan((), box, str(error))
    left = unsaved(box)
    return replace(made, steps=tuple(steps), still_needed=made.still_needed + ((left,) if left else ()))


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
        recognise=is_fortigate,
        read=read_documents,
        read_forwards=read_forward_documents,
        whole=lambda ask, replies: "\n".join((replies["config"], replies.get("forwards", ""))),
        before_change=read_role,
        plan=_plan_requests,
        enter=lambda box, scope, options: (),
        leave=lambda box, scope, options: (),
        save=lambda box, scope: (),
        unsaved=unsaved,
        clear=None,
        door=Door(
            base=BASE,
            log_in=log_in,
            log_out=log_out,
            refusal=refusal,
            write_headers=csrf,
            body_limit=64 * 1024 * 1024,
            takes_token=True,
        ),
    ),
)
