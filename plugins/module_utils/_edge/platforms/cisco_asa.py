# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco ASA, and its relatives: PIX, FWSM and FTD, which are judged but never changed.

SIP inspection sits in the classes of policy maps and acts only where a service-policy applies the map: one globally, one
more per interface, where it replaces the global one. In multiple context mode each context has its own policies and the
system space has none. Forwards have a file of their own.
Sources: the vendor's firewall guide (SIP inspection, service policy guidelines, global timeouts), its article 214282.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..core.forwards import Forward, forwards_aspect, forwards_findings, open_ranges
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import elided, first_match, hms, lines_of, unique
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from . import _asa_forwards as nat
from .base import Ask, Fact, Platform, Replies

UDP_DEFAULT = 120
ASA, PIX6, FTD = "asa", "pix6", "ftd"

FACTS = (
    Fact(
        "inspect_sip",
        "sip_alg",
        "inspect sip [MAP] in a class of an applied policy-map, per context",
        "PIX 7, ASA 7.0 to 9.x; on by default",
        "doc",
        "yes",
        "configure terminal; policy-map global_policy; class inspection_default; no inspect sip; end; write memory",
    ),
    Fact(
        "fixup_sip",
        "sip_alg",
        "fixup protocol sip",
        "PIX 6.x; on by default",
        "src",
        "no",
        "A PIX 6 is out of support: replace it. Its command reference has 'no fixup protocol sip 5060'; "
        "before 6.3 the UDP part cannot be switched off",
    ),
    Fact(
        "ftd_inspect_sip",
        "sip_alg",
        "inspect sip of Firepower Threat Defense",
        "FTD 6.x and 7.x; on by default",
        "doc",
        "no",
        "In the manager: a FlexConfig object with 'policy-map global_policy', 'class inspection_default', "
        "'no inspect sip', append, deploy; "
        "then check 'show running-config policy-map'. A change at the device is overwritten by the next deployment",
    ),
    Fact(
        "udp",
        "udp_timeout",
        "timeout udp",
        "all; default 0:02:00",
        "doc",
        "yes",
        "configure terminal; timeout udp 0:05:00; end; write memory",
    ),
    Fact(
        "nat",
        "port_forwards",
        "static, object NAT with service, twice NAT with service objects, and the access list that permits it",
        "all; changed from 8.3 on",
        "doc",
        "yes",
        "configure terminal; object network PBX, host ADDRESS; object service RTP, service udp source range 10000 20000; "
        "nat (inside,outside) source static PBX interface service RTP RTP; access-list OUTSIDE extended permit udp NETWORK MASK "
        "object PBX range 10000 20000, before what denies; access-group OUTSIDE in interface outside; end; write memory",
    ),
)

DIALECT = Dialect(
    setup=("terminal pager 0",),
    enable="enable",
    errors=(
        r"^\s*ERROR:",
        r"error:",
        r"Removing.* not allowed, it is being used",
        r"Command authorization failed",
        r"^\s*% ?Invalid",
    ),
    nested=r"\(config[^)]*\)",
)


@dataclass(frozen=True)
class Inspect:
    """One `inspect sip` line of a policy and the class that holds it."""

    policy: str
    klass: str
    line: str


@dataclass(frozen=True)
class Space:
    """What one context (or a device in single mode, named "") says."""

    whole: bool
    policies: Mapping[str, int]
    applied: tuple[tuple[str, str, str], ...]
    inspects: tuple[Inspect, ...]
    fixups: tuple[str, ...]
    timers: tuple[tuple[int, str], ...]
    edge: nat.Edge


@dataclass(frozen=True)
class Asa:
    kind: str
    version: str | None
    model: str | None
    multiple: bool
    spaces: Mapping[str, Space]
    unread: tuple[str, ...]
    standby: bool
    live: bool


class _Reader:
    """Reads by key words: captured configurations lose indentation and carry blanks at both ends of a line."""

    def __init__(self) -> None:
        self.policy: str | None = None
        self.klass = ""
        self.nat = nat.Reader()
        self.policies: dict[str, int] = {}
        self.applied: list[tuple[str, str, str]] = []
        self.inspects: list[Inspect] = []
        self.fixups: list[str] = []
        self.timers: list[tuple[int, str]] = []

    def read(self, text: str) -> None:
        lines = lines_of(text)
        for at, raw in enumerate(lines):
            line = raw.strip()
            words = line.split()
            if not words:
                continue
            self.nat.line(words)
            if not self.inspection(line, words, at) and words[0] == "timeout" and "udp" in words:
                seconds = _timer(line, lines[at + 1] if at + 1 < len(lines) else "")
                self.timers += [] if seconds is None else [(seconds, line)]

    def inspection(self, line: str, words: list[str], at: int) -> bool:
        """Policies, their classes, and where they are applied; the old fixup lines."""
        if words[0] == "policy-map":
            self.policy = None if words[1:2] == ["type"] or len(words) < 2 else words[1]
            self.klass = ""
            if self.policy is not None:
                self.policies[self.policy] = at
        elif words[0] == "class-map":
            self.policy = None
        elif words[0] == "class" and self.policy is not None and len(words) == 2:
            self.klass = words[1]
        elif words[:2] == ["inspect", "sip"]:
            self.inspects += [Inspect(self.policy, self.klass, line)] if self.policy is not None else []
        elif words[0] == "service-policy" and len(words) >= 3:
            self.policy = None
            where = "global" if words[2] == "global" else f"interface {words[3] if len(words) > 3 else '?'}"
            self.applied.append((words[1], where, line))
        elif "fixup" in words[:2] and "sip" in words:
            self.fixups.append(line)
        else:
            return False
        return True


def _space(text: str) -> Space:
    reader = _Reader()
    reader.read(text)
    ended = re.search(r"^\s*:+ ?end\s*$|^Cryptochecksum:", text, re.M) is not None
    whole = ended and not elided(text)
    return Space(
        whole,
        reader.policies,
        tuple(reader.applied),
        tuple(reader.inspects),
        tuple(reader.fixups),
        tuple(reader.timers),
        reader.nat.edge(whole),
    )


def _timer(line: str, following: str) -> int | None:
    """`udp` may stand anywhere on a timeout line; a terminal of 80 columns breaks lines in the middle of a word."""
    for text in (line, line + following.strip()):
        found = re.search(r"\budp (\d+:\d+:\d+)", text)
        if found:
            return hms(found.group(1))
    return None


def _kind(version: str, config: str) -> str:
    head = version or config[:4000]
    if re.search(r"Threat Defense|^NGFW Version", head, re.M):
        return FTD
    number = first_match(r"PIX (?:Firewall |Security Appliance )?(?:Software )?Version (\d+)\.", head)
    # Later systems turn fixup lines into inspect lines, so a text that has them is of a PIX 6.
    fixup = number is None and re.search(r"^\s*(?:no )?fixup protocol ", config, re.M)
    return PIX6 if fixup or (number is not None and int(number) < 7) else ASA


def parse(replies: Replies) -> Asa:
    version, config = replies.get("version", ""), replies.get("config", "")
    contexts = {name[8:]: text for name, text in replies.items() if name.startswith("context:")}
    multiple = "multiple" in replies.get("mode", "") or (
        bool(re.search(r"^context \S+", config, re.M)) and "config-url" in config
    )
    spaces = {name: _space(text) for name, text in contexts.items()}
    if not multiple:
        spaces[""] = _space(config)
    number = first_match(
        r"(?:Appliance Software|(?:ASA|PIX|FWSM|NGFW)(?: Firewall| Security Appliance)?(?: Software)?) Version (\S+)",
        version or config,
    )
    return Asa(
        kind=_kind(version, config),
        version=number,
        model=first_match(r"Hardware: +([^\s,]+)", version or config),
        multiple=multiple,
        spaces=spaces,
        unread=tuple(sorted(name for name in replies.get("contexts", "").split() if name not in spaces)),
        standby=bool(re.search(r"This host:.*Standby", replies.get("failover", ""))),
        live=bool(version),
    )


def _scope(context: str, where: str) -> str:
    return f"{context}: {where}" if context else where


def _policy_mechanisms(asa: Asa, context: str, space: Space) -> list[Mechanism]:
    """One mechanism a service-policy line; each is judged by the very map it applies."""
    kind = "ftd_inspect_sip" if asa.kind == FTD else "inspect_sip"
    out = []
    for policy, where, line in space.applied:
        scope = _scope(context, f"{policy} {where}")
        hits = [i for i in space.inspects if i.policy == policy]
        if hits:
            evidence = unique([text for i in hits for text in ("class {}".format(i.klass or "?"), i.line)] + [line])
            out.append(Mechanism(kind, scope, "on", "configured", evidence))
        elif policy not in space.policies:
            out.append(Mechanism(kind, scope, "unknown", "configured", (line, "the policy-map is not in this text")))
        elif not space.whole:
            out.append(Mechanism(kind, scope, "unknown", "configured", (line, "the text is not whole")))
        else:
            out.append(Mechanism(kind, scope, "off", "configured", (line, f"no inspect sip in policy-map {policy}")))
    if not space.applied:
        whole = space.whole and asa.kind == ASA and asa.version is not None
        note = (
            "no service-policy line: nothing is inspected"
            if whole
            else "no service-policy line in this text, which may not be whole"
        )
        state = "off" if whole else "unknown"
        out.append(
            Mechanism(kind, _scope(context, "global"), state, "configured" if whole else "default", (note,), "inferred")
        )
    return out


def _fixup_mechanisms(space: Space) -> list[Mechanism]:
    out = []
    for line in space.fixups:
        positive = line.startswith("fixup")
        state = "on" if positive else "off" if space.whole else "unknown"
        out.append(
            Mechanism(
                "fixup_sip",
                "udp" if " udp" in line or "-udp" in line else "tcp",
                state,
                "configured",
                (line,),
                "src" if positive else "recall",
            )
        )
    if not any(m.state == "on" for m in out):
        # Before 6.3 the UDP part could not be switched off and was not shown, so no line proves it off.
        out.append(
            Mechanism(
                "fixup_sip",
                "global",
                "unknown",
                "default",
                ("no fixup protocol sip line that is on: PIX 6 has it on by default",),
                "recall",
            )
        )
    return out


def _mechanisms(asa: Asa) -> list[Mechanism]:
    out: list[Mechanism] = []
    for context, space in asa.spaces.items():
        out += _fixup_mechanisms(space) if asa.kind == PIX6 else _policy_mechanisms(asa, context, space)
    for name in asa.unread:
        out.append(
            Mechanism(
                "inspect_sip", _scope(name, "global"), "unknown", "configured", ("the context could not be read",)
            )
        )
    if asa.multiple and not out:
        out.append(
            Mechanism(
                "inspect_sip",
                "system",
                "unknown",
                "configured",
                ("the system space has no policies: its contexts were not read",),
            )
        )
    return out


def _timers(asa: Asa) -> list[Timer]:
    timers = []
    for context, space in asa.spaces.items():
        scope = _scope(context, "global")
        if space.timers:
            seconds, line = space.timers[-1]
            timers.append(Timer("udp", scope, seconds or None, (line,)))
        else:
            note = f"no timeout udp line: default {UDP_DEFAULT} s"
            timers.append(Timer("udp", scope, UDP_DEFAULT, (note,), "default", known=space.whole))
    return timers


def _brought(asa: Asa, wanted: Forwards | None) -> list[nat.Brought]:
    """What comes in; where a PBX is meant, rules of other contexts and other ways in lead to none."""
    found = {name: nat.brought(space.edge, f"{name}: " if name else "") for name, space in asa.spaces.items()}
    if wanted is None or not wanted.present:
        return [b for some in found.values() for b in some]
    places = _places(asa, wanted)
    out: list[nat.Brought] = []
    for name, some in found.items():
        outside = places.get(name) if len(places) == 1 else None
        here = nat.at(some, outside) if outside else some if not asa.multiple else []
        out += [b if b in here else replace(b, forward=replace(b.forward, inside=None, sources=None)) for b in some]
    return out


def _places(asa: Asa, wanted: Forwards) -> dict[str, str]:
    """The contexts that lead to a PBX, each with its outside interface."""
    sides = {name: nat.sides(space.edge, wanted) for name, space in asa.spaces.items()}
    return {name: outside for name, (outside, _inside, problem) in sides.items() if not problem}


def _forwards(asa: Asa, wanted: Forwards | None = None) -> list[Forward]:
    return [b.forward for b in _brought(asa, wanted)]


def assess(asa: Asa, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(asa))
    timeout = timeout_aspect(_timers(asa), profile.udp_timeout)
    whole = bool(asa.spaces) and all(s.whole for s in asa.spaces.values())
    brought = _brought(asa, profile.forwards)
    inbound = [b.forward for b in brought]
    forwards = forwards_aspect(inbound, whole, profile)
    left = [m for name, space in asa.spaces.items() for m in nat.leftovers(space.edge, f"{name}: " if name else "")]
    forwards = replace(forwards, mechanisms=(*forwards.mechanisms, *left))
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    not_checked = nat.notes(brought)
    if asa.kind == FTD:
        findings.append(
            Finding("MANAGED-BY-CONTROLLER", None, "info", "Firepower Threat Defense: only its manager can change it")
        )
    if not whole:
        not_checked.append("the configuration text is not whole (no Cryptochecksum or ': end', or parts were left out)")
    if asa.multiple and not asa.live:
        not_checked.append("the contexts: each has a configuration file of its own")
    if not asa.live:
        not_checked.append("runtime state: connections that are open keep the policy they started with")
    not_checked.append("timers that a class sets for its own traffic (set connection timeout)")
    return Assessment(
        asa.model, asa.version, {a.name: a for a in (sip, timeout, forwards)}, tuple(findings), (), unique(not_checked)
    )


def plan(asa: Asa, options: Options) -> Plan:
    """`no` + the very line in each applied class. Classes, policies and service policies stay: other inspections hang on them."""
    unread = [name or "the device" for name, space in asa.spaces.items() if not space.whole] + list(asa.unread)
    if asa.kind == ASA and (unread or not asa.spaces):
        return Plan((), asa, f"the configuration was not read whole: {', '.join(unread) or 'no context'}")
    steps: list[Step] = []
    left: list[str] = []
    spaces = dict(asa.spaces)
    for context, space in asa.spaces.items():
        if options.state is not None:
            found, spaces[context] = _sip_steps(context, space, options.state)
            steps += found
            left = (
                ["connections that are open keep the old policy until they end: let the phones register again"]
                if steps
                else []
            )
        if options.timeout is not None:
            found, spaces[context] = _timeout_steps(context, spaces[context], options.timeout)
            steps += found
    made = _forward_plan(replace(asa, spaces=spaces), options.forwards)
    due = any(m.state == ("on" if options.state == DISABLED else "off") for m in _mechanisms(asa))
    if asa.kind != ASA:
        why = "a PIX 6 is only judged" if asa.kind == PIX6 else "an FTD is changed by its manager only"
        return Plan((), asa, why if steps or made.steps or made.refusal or (due and options.state) else None)
    if made.refusal:
        return Plan((), asa, made.refusal)
    if not steps and not made.steps:
        missing = due and options.state not in (None, DISABLED) and not any(m.state == "on" for m in _mechanisms(asa))
        why = "there is no global policy with a class inspection_default to put 'inspect sip' into"
        return Plan((), asa, why if missing else None, unsupported=made.unsupported)
    if asa.standby:
        return Plan((), asa, "this is the standby unit of a failover pair: change the active one")
    return Plan((*steps, *made.steps), made.expected, None, tuple(left), made.unsupported)


def _forward_plan(asa: Asa, wanted: Forwards | None) -> Plan:
    """Made in the one context that leads to the PBX; ours are taken away wherever they are."""
    if wanted is None:
        return Plan((), asa)
    if not wanted.present:
        gone = {name: nat.absent(space.edge, name, wanted) for name, space in asa.spaces.items()}
        spaces = {name: replace(space, edge=gone[name].expected) for name, space in asa.spaces.items()}
        return Plan(tuple(step for plan in gone.values() for step in plan.steps), replace(asa, spaces=spaces))
    if not open_ranges(_forwards(asa, wanted), wanted):
        return Plan((), asa)
    if asa.kind == ASA and _is_old(asa.version):
        return Plan((), asa, unsupported=nat.by_hand(wanted, asa.version or ""))
    places = _places(asa, wanted)
    if asa.multiple and len(places) != 1:
        which = f"{len(places)} contexts ({', '.join(places)})" if places else "no context"
        why = f"{which} of {', '.join(asa.spaces)} can lead to {wanted.pbx}: exactly one must, by its interfaces and their networks"
        return Plan((), asa, f"{why} (voip_edge_outside_interface, voip_edge_inside_interface)")
    name = next(iter(places), "")
    made = nat.present(asa.spaces[name].edge, name, wanted)
    spaces = {**asa.spaces, name: replace(asa.spaces[name], edge=made.expected)}
    return replace(made, expected=replace(asa, spaces=spaces))


def _is_old(version: str | None) -> bool:
    """Before 8.3, which has no objects."""
    found = re.match(r"(\d+)\.(\d+)", version or "")
    return found is not None and (int(found.group(1)), int(found.group(2))) < (8, 3)


def _sip_steps(context: str, space: Space, state: str) -> tuple[list[Step], Space]:
    return _disable(context, space) if state == DISABLED else _enable(context, space)


def _timeout_steps(context: str, space: Space, wanted: Wanted) -> tuple[list[Step], Space]:
    """One timer is set, the others stay; going back names the old value, since `no timeout` would reset every timer."""
    seconds, _line = space.timers[-1] if space.timers else (UDP_DEFAULT, "")
    if seconds == 0 or seconds >= wanted.minimum:
        return [], space
    line = f"timeout udp {_hms(wanted.recommended)}"
    step = Step((line,), (f"timeout udp {_hms(seconds)}",), context)
    return [step], replace(space, timers=((wanted.recommended, line),))


def _hms(seconds: int) -> str:
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _disable(context: str, space: Space) -> tuple[list[Step], Space]:
    applied = {policy for policy, _where, _line in space.applied}
    hits = [i for i in space.inspects if i.policy in applied]
    steps = []
    for hit in hits:
        where = ("policy-map " + hit.policy, "class " + hit.klass)
        steps.append(Step((*where, "no " + hit.line), (*where, hit.line), context))
    return steps, replace(space, inspects=tuple(i for i in space.inspects if i not in hits))


def _enable(context: str, space: Space) -> tuple[list[Step], Space]:
    added, steps = [], []
    for policy, where, _line in space.applied:
        if where == "global" and policy in space.policies and not any(i.policy == policy for i in space.inspects):
            lines = ("policy-map " + policy, "class inspection_default")
            steps.append(Step((*lines, "inspect sip"), (*lines, "no inspect sip"), context))
            added.append(Inspect(policy, "inspection_default", "inspect sip"))
    return steps, replace(space, inspects=space.inspects + tuple(added))


def read(ask: Ask, identity: str) -> dict[str, str]:
    """In multiple mode the contexts are walked; they are listed in the system space."""
    out = {"version": identity}
    if _kind(identity, "") == FTD:
        out["config"] = "\n".join(ask("show running-config " + part) for part in ("policy-map", "service-policy"))
        return out
    out["mode"] = ask("show mode")
    if "multiple" not in out["mode"]:
        out["config"] = ask("show running-config")
        return out
    ask("changeto system")
    out["config"] = ask("show running-config")
    names = re.findall(r"^context (\S+)", out["config"], re.M)
    out["contexts"] = " ".join(names)
    for name in names:
        reply = ask("changeto context " + name)
        text = "" if "ERROR" in reply else ask("show running-config")
        if text and "ERROR" not in text[:200]:
            out["context:" + name] = text
    ask("changeto system")
    return out


def before_change(ask: Ask, replies: Replies) -> dict[str, str]:
    return {"failover": ask("show failover")}


def recognise_backup(text: str) -> bool:
    return (" Version " in text and bool(re.search(r"^(?:ASA|PIX|NGFW|FWSM) Version ", text, re.M))) or (
        text.lstrip().startswith(": Saved") and "Cryptochecksum" in text
    )


def _enter(asa: Asa, scope: str, options: Options) -> tuple[str, ...]:
    return (("changeto context " + scope,) if scope else ()) + ("configure terminal",)


def _leave(asa: Asa, scope: str, options: Options) -> tuple[str, ...]:
    return ("end",) + (("changeto system",) if scope else ())


def _save(asa: Asa, scope: str) -> tuple[str, ...]:
    """Each context saves itself."""
    return ("changeto context " + scope, "write memory", "changeto system") if scope else ("write memory",)


PLATFORM = Platform(
    name="cisco_asa",
    title="Cisco ASA (PIX, FWSM, FTD: judged only)",
    network_os=("cisco_asa", "asa", "cisco.asa.asa"),
    dialect=DIALECT,
    facts=FACTS,
    identify="show version",
    recognise=lambda reply: bool(
        re.search(
            r"Cisco Adaptive Security Appliance|Cisco ASA|PIX (?:Firewall|Security Appliance)|Threat Defense", reply
        )
    ),
    recognise_backup=recognise_backup,
    read=read,
    from_backup=lambda text: {"config": text},
    parse=parse,
    assess=assess,
    plan=plan,
    enter=_enter,
    leave=_leave,
    save=_save,
    saved=r"\[OK\]",
    firmware=r"[3-9]\.",
    before_change=before_change,
    privileged=lambda identity: _kind(identity, "") != FTD,
)
