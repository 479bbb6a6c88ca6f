# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Vyatta's descendants share: a configuration of `set` lines, and a Linux kernel below it that shows what became of them.

`system conntrack modules sip` has two meanings. In Vyatta's own, the old one, the helper is on unless there is `disable`; in the new one
of VyOS it is on where the node is there. Which one holds is the platform's to say, None where that is not known.

A commit that turns the helper off takes the module out of the kernel, which frees every tracked connection of it: there is nothing
to clear afterwards. That the shell has the program conntrack is known from experience alone, so nothing of it is sent.
Sources: vyatta-conntrack, vyos-1x (conntrack.py, system_conntrack.py, migration 2-to-3), the modules of vyos.vyos and community.network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..core.forwards import ANY, Forward, forwards_aspect, forwards_findings, open_ranges
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import ended, lines_of, port_range, unique
from ..core.verdict import (
    PORT_FORWARDS,
    SIP_ALG,
    UDP_TIMEOUT,
    Timer,
    is_low,
    sip_aspect,
    sip_findings,
    timeout_aspect,
    timeout_findings,
)
from ..transports.cli import Dialect
from . import _vyatta_saved
from .base import Ask, Replies

SIP = "system conntrack modules sip"
CONFIG = "show configuration commands|cat; echo end"
KERNEL = (
    "ls -d /sys/module /sys/module/nf_conntrack_sip /sys/module/nf_nat_sip; "
    "grep -H . /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream; echo end"
)
DEFAULT_STREAM = 180

DIALECT = Dialect(
    setup=("unset HISTFILE; export VYATTA_PAGER=cat",),
    errors=(
        r"Invalid command",
        r"(?:Set|Delete|Commit) failed",
        r"Failed to generate committed config",
        r"Cannot exit: configuration modified",
        r"Configuration path: .* is not valid",
        r"Permission denied",
        r"^-?(?:v?ba)?sh: ",
    ),
    nested=r"^[^\s:@]+@[^\s:]+#$",
    leave="exit discard",
)


@dataclass(frozen=True)
class Sureness:
    """The labels that differ: of the meaning of absence, of what the kernel shows, of the line that turns the helper on, of forwards."""

    meaning: str = "src"
    kernel: str = "src"
    turn_on: str = "src"
    forwards: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Vyatta:
    """A router. `lines`: its configuration without `set`, None where it was not read whole. `old`: which meaning holds.

    `modules`: the SIP modules in the kernel, None where they do not show. `stream`: the kernel's timer in seconds.
    `timeout`: the path of the timer, "" where it is not known. `controlled`: by whom it is overwritten.
    `saved`: it is a saved configuration, which shows nothing of the kernel; `whole`: what does not stand in it is not set.
    """

    model: str | None
    version: str | None
    lines: tuple[str, ...] | None
    old: bool | None
    timeout: str
    modules: tuple[str, ...] | None
    stream: int | None
    controlled: str = ""
    sure: Sureness = Sureness()
    saved: bool = False
    whole: bool = True

    def under(self, path: str) -> list[str]:
        """What stands below a path, "" for the path itself."""
        return [line.removeprefix(path).strip() for line in self.lines or () if f"{line} ".startswith(f"{path} ")]


def read(ask: Ask, identity: str) -> dict[str, str]:
    return {"version": identity, "config": ask(CONFIG), "kernel": ask(KERNEL)}


def parse(replies: Replies, model: str | None, version: str | None, old: bool | None, timeout: str) -> Vyatta:
    kernel = ended(replies.get("kernel"))
    config = ended(replies.get("config"))
    lines = tuple(line[4:].strip() for line in lines_of(config or "") if line.startswith("set "))
    # any other line may be a complaint in place of a part
    sound = config is not None and all(line.startswith("set ") for line in lines_of(config) if line.strip())
    names = ("nf_conntrack_sip", "nf_nat_sip")
    found = tuple(n for n in names if re.search(rf"^/sys/module/{n}$", kernel or "", re.M))
    seen = kernel is not None and re.search(r"^/sys/module$", kernel, re.M) is not None
    stream = re.search(r"_udp_timeout_stream:(\d+)$", kernel or "", re.M)
    whole = sound and any(line.startswith("system ") for line in lines)
    return Vyatta(
        model, version, lines if whole else None, old, timeout, found if seen or found else None,
        int(stream.group(1)) if stream else None,
    )  # fmt: skip


def from_saved(text: str, version: str | None, old: bool | None, timeout: str) -> Vyatta:
    """A router out of its saved configuration. Only a text that goes on beyond a place proves that nothing stands there."""
    saved = _vyatta_saved.read(text)
    whole = saved.proves_absence_of(SIP)
    return Vyatta(None, version, saved.lines, old, timeout, None, None, saved=True, whole=whole)


# ---- judging ---------------------------------------------------------------------------------------------------------


def configured(box: Vyatta) -> str:
    """The state that the configuration asks for."""
    below = box.under(SIP)
    if box.lines is None:
        return "unknown"
    if "disable" in below:
        return "off" if box.old is not False else "unknown"
    if below:
        return "on"
    return {True: "on", False: "off", None: "unknown"}[box.old if box.whole else None]


def mechanisms(box: Vyatta) -> list[Mechanism]:
    lines = tuple(f"set {SIP} {below}".strip() for below in box.under(SIP))
    if box.lines is None:
        seen: tuple[str, ...] = ("the configuration was not read whole",)
    else:
        meaning = {True: "absence means on", False: "absence means off", None: "what absence means is not known"}
        seen = lines or (f"no line of {SIP}: in this version {meaning[box.old]}",)
    if not lines and not box.whole:
        seen = (f"no line of {SIP} in what there is of the configuration",)
    basis = "configured" if lines else "default"
    out = [Mechanism("modules_sip", "system", configured(box), basis, seen, box.sure.meaning)]
    if box.saved:
        return out
    label = box.sure.kernel
    if box.modules is None:
        return [*out, Mechanism("sip_modules", "kernel", "unknown", "runtime", ("the modules do not show",), label)]
    text = box.modules or ("neither nf_conntrack_sip nor nf_nat_sip is in the kernel",)
    return [*out, Mechanism("sip_modules", "kernel", "on" if box.modules else "off", "runtime", text, label)]


def timers(box: Vyatta) -> list[Timer]:
    stored = [value.strip("'\"") for value in (box.under(box.timeout) if box.timeout else [])]
    out = []
    if stored and stored[0].isdigit():
        line = f"set {box.timeout} {stored[0]}"
        out.append(Timer("udp_timeout_stream", "system", int(stored[0]), (line,), "configured", "src"))
    if not box.saved:
        known = box.stream is not None
        seen = f"nf_conntrack_udp_timeout_stream = {box.stream}" if known else "the kernel's timer does not show"
        return [Timer("udp_stream", "kernel", box.stream, (seen,), "runtime", box.sure.kernel, known), *out]
    if not out:
        known = box.whole and box.timeout != ""
        seen = f"no line of {box.timeout or 'the timer'}" + (f": {DEFAULT_STREAM} by default" if known else "")
        out.append(Timer("udp_timeout_stream", "system", DEFAULT_STREAM, (seen,), "default", box.sure.kernel, known))
    return out


def _rules(box: Vyatta, head: str) -> dict[str, dict[str, list[str]]]:
    """The rules below a path by their numbers, each with its settings; a setting may have several values."""
    out: dict[str, dict[str, list[str]]] = {}
    for text in box.under(head):
        found = re.match(r"rule (\d+)(?: (.*))?$", text)
        if found:
            words = [w.strip("'\"") for w in (found.group(2) or "").split()]
            out.setdefault(found.group(1), {}).setdefault(" ".join(words[:-1]) or "".join(words), []).extend(words[-1:])
    return out


FORWARDS = (
    ("port-forward", "original-port", "forward-to address", "forward-to port"),
    ("nat destination", "destination port", "translation address", "translation port"),
    ("service nat", "destination port", "inside-address address", "inside-address port"),
)
_PLAIN = {
    "description", "protocol", "inbound-interface", "inbound-interface name", "destination port", "original-port", "type", "log",
    "forward-to address", "forward-to port", "translation address", "translation port", "inside-address address",
    "inside-address port", "destination address", "source address",
}  # fmt: skip


def forwards(box: Vyatta) -> tuple[list[Forward], bool]:
    """Forwards of UDP inwards, and whether all were understood."""
    out, whole = [], box.lines is not None and box.whole
    for head, outer, inside, inner in FORWARDS:
        for number, rule in _rules(box, head).items():
            protocol = (rule.get("protocol") or ["tcp_udp"])[0]
            if "disable" in rule or protocol == "tcp":
                continue
            if head == "service nat" and rule.get("type") != ["destination"]:
                continue
            spans = [port_range(part) for part in ",".join(rule.get(outer, ["1-65535"])).split(",")]
            target = ",".join(rule.get(inside, []))
            port = (rule.get(inner) or [""])[0]
            if None in spans or not re.fullmatch(r"\d+\.\d+\.\d+\.\d+", target):
                whole = False
                continue
            first = port_range(port)
            for span in spans:
                if span is not None:
                    scope = f"rule {number} {span[0]}" + (f"-{span[1]}" if span[1] != span[0] else "")
                    line = f"set {head} rule {number} {inside} {target}"
                    out.append(
                        Forward(head.replace(" ", "_").replace("-", "_"), scope, *span, target, _sources(rule), (line,),
                                first[0] if first else None, box.sure.forwards.get(head, "recall"))
                    )  # fmt: skip
    return out, whole


def _sources(rule: Mapping[str, list[str]]) -> tuple[str, ...] | None:
    """Who gets in by a rule; None where it looks at more than one network."""
    if set(rule) - _PLAIN:
        return None
    source = rule.get("source address")
    if source is None:
        return (ANY,)
    if len(source) != 1 or not re.fullmatch(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?", source[0]):
        return None
    return (source[0] if "/" in source[0] else f"{source[0]}/32",)


def assess(box: Vyatta, profile: Profile) -> Assessment:
    sip = sip_aspect(mechanisms(box))
    timeout = timeout_aspect(timers(box), profile.udp_timeout)
    inbound, whole = forwards(box)
    aspect = forwards_aspect(inbound, whole, profile)
    findings = sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, aspect, profile)
    if box.controlled:
        findings.append(Finding("MANAGED-BY-CONTROLLER", None, "info", box.controlled))
    unseen = ["what a script in /config/scripts does again"]
    unseen += ["what the kernel does: its modules and its timer"] if box.saved else []
    unseen += (
        ["what is not in this text: it does not go on far enough to show that nothing else is set"]
        if not box.whole
        else []
    )
    unseen += ["the configuration: it was not read whole"] if box.lines is None else []
    aspects = {a.name: a for a in (sip, timeout, aspect)}
    return Assessment(box.model, box.version, aspects, tuple(findings), (), unique(unseen))


# ---- changing --------------------------------------------------------------------------------------------------------


@dataclass
class _Work:
    box: Vyatta
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    unsupported: dict[str, str] = field(default_factory=dict)
    refusal: str = ""


def plan(box: Vyatta, options: Options) -> Plan:
    work = _Work(box)
    if options.state is not None:
        _sip(work, options.state)
    if options.timeout is not None and not work.refusal:
        _udp(work, options.timeout)
    if options.forwards is not None and not work.refusal:
        _inbound(work, options.forwards)
    if work.steps and box.controlled:
        work.refusal = box.controlled
    if work.refusal:
        return Plan((), box, work.refusal)
    return Plan(tuple(work.steps), work.box if work.steps else box, None, tuple(work.left), work.unsupported)


def _sip(work: _Work, state: str) -> None:
    box, wanted = work.box, "off" if state == DISABLED else "on"
    now = configured(box)
    running = None if box.modules is None else "on" if box.modules else "off"
    if box.lines is None or running is None:
        work.refusal = "it was not read whole: the configuration, or the modules of the kernel"
    elif now == wanted and running != wanted:
        hand = "sudo rmmod nf_nat_sip nf_conntrack_sip" if wanted == "off" else "sudo modprobe nf_nat_sip"
        work.unsupported[SIP_ALG] = (
            f"the configuration says {wanted} and the kernel does otherwise: {hand}, or restart the router"
        )
    elif now == "unknown" or (now != wanted and box.old is None):
        work.unsupported[SIP_ALG] = (
            f"what {SIP} means in this version is not known. By hand: in configuration mode 'set {SIP} ?' offers disable where "
            "absence means on"
        )
    elif now != wanted:
        _flip(work, wanted)


def _flip(work: _Work, wanted: str) -> None:
    """The one line that turns the helper, and back to the very lines of before."""
    box = work.box
    mine = f"{SIP} disable" if box.old else SIP
    add = (wanted == "off") == bool(box.old)
    lines = box.lines or ()
    mine_now = tuple(line for line in lines if f"{line} ".startswith(f"{mine} "))
    have = tuple(f"set {line}" for line in mine_now)
    do, undo = (f"set {mine}", (f"delete {mine}",)) if add else (f"delete {mine}", have)
    turning = "src" if wanted == "off" else box.sure.turn_on
    label = next((one for one in (turning, box.sure.meaning) if one != "src"), "src")
    step = Step((do,), undo, label=label, by_hand=f"configure; {do}; commit; save; exit")
    kept = (*lines, mine) if add else tuple(line for line in lines if line not in mine_now)
    work.steps.append(step)
    work.box = replace(box, lines=kept, modules=() if wanted == "off" else ("nf_conntrack_sip", "nf_nat_sip"))


def _udp(work: _Work, wanted: Wanted) -> None:
    box = work.box
    if not [t for t in timers(box) if t.applies and is_low(t, wanted)]:
        return
    if box.lines is None:
        work.refusal = "the configuration was not read whole"
        return
    if not box.timeout:
        work.unsupported[UDP_TIMEOUT] = (
            "where this version keeps the timer is not known: set the UDP stream timeout by hand"
        )
        return
    old = box.under(box.timeout)
    seconds = max(wanted.recommended, box.stream or 0)
    back = f"set {box.timeout} {old[0]}" if old else f"delete {box.timeout}"
    work.steps.append(Step((f"set {box.timeout} {seconds}",), (back,), label="src"))
    kept = tuple(line for line in box.lines if not line.startswith(f"{box.timeout} "))
    work.box = replace(box, lines=(*kept, f"{box.timeout} {seconds}"), stream=seconds)


def _inbound(work: _Work, wanted: Forwards) -> None:
    if not wanted.present or not open_ranges(forwards(work.box)[0], wanted):
        return
    spans = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in wanted.ranges)
    sources = " and ".join(f"source address {s}" for s in wanted.sources if s != ANY) or "no source address"
    work.unsupported[PORT_FORWARDS] = (
        "which of its rules come before a new one is for its owner to say, so none is made. By hand, in configuration mode, a rule for "
        f"destination NAT of the interface outside: protocol udp, destination port {spans}, {sources}, to the address {wanted.pbx}; "
        "and a rule of the firewall from outside to inside that accepts the same; then commit and save"
    )
