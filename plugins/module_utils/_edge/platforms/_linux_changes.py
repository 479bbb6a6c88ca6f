# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is sent to a Linux host to change it, each step with its inverse. Pure.

How sure each line is, by its source:

* Deleting a rule of nft or iptables and putting it back: measured on a kernel 6.18 with its own SIP helper, where it was off once
  the rule was gone. The same for `conntrack -D`, which frees the connections that keep it.
* `sysctl -w` with the names of the kernel's page about nf_conntrack, and where they are kept: see _linux_sysctl.
* The mark before a line of nftables' own file: the form of a comment of nft. That iptables' files take one as well is a conclusion.
* The lines of `uci`: see _openwrt_uci.

A rule goes back to its place in the chain, a file of ours is removed again, a line of somebody's file comes back as it was.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field, replace

from ..core import netfilter
from ..core.errors import Refusal
from ..core.forwards import ANY, OURS, in_the_way, open_ranges
from ..core.model import DISABLED, Forwards, Options, Plan, Step, aspects_of
from ..core.verdict import PORT_FORWARDS, SIP_ALG, UDP_TIMEOUT, is_low
from . import _openwrt_uci as uci
from ._linux_host import AUTOMATIC, STREAM, FileLine, Linux
from ._linux_judging import file_rules, forwards, mechanisms, of_nft, timers
from ._linux_sysctl import Kept, keep

MARK = "#voip-edge "
"""Stands before a line of somebody's rules file that was switched off, so that it can come back as it was."""


class _Cannot(Exception):
    """An aspect cannot be brought about here; the text says why and what a person does."""


@dataclass
class _Work:
    """A plan while it is made: what is sent besides uci, uci's own lines, and the host as it will read."""

    linux: Linux
    options: Options
    steps: list[Step] = field(default_factory=list)
    edit: uci.Edit = field(default_factory=uci.Edit)
    left: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    """What a person does who does not want uci's lines to be sent."""

    def change(self, edit: uci.Edit, by_hand: str) -> None:
        if edit.do:
            self.edit = self.edit.then(edit)
            self.by_hand.append(by_hand)
            self.linux = replace(self.linux, sections=edit.after)


def plan(linux: Linux, options: Options) -> Plan:
    """Where leave is missing for a part of it, the aspects that rest on sure facts alone are changed all the same."""
    whole = _plan(linux, options)
    if options.allow_unproven or not _doubts(whole):
        return whole
    parts = {name: _plan(linux, _only(options, name)) for name in aspects_of(options)}
    sure = [name for name, part in parts.items() if not _doubts(part)]
    kept = _plan(linux, _only(options, *sure))
    if not kept.steps:
        return whole
    why = {name: _doubts(part)[0] for name, part in parts.items() if name not in sure}
    return replace(kept, unsupported={**kept.unsupported, **why})


def _doubts(made: Plan) -> list[str]:
    return [step.doubt for step in made.steps if step.doubt]


def _only(options: Options, *aspects: str) -> Options:
    """The same for these aspects alone."""
    return replace(
        options,
        state=options.state if SIP_ALG in aspects else None,
        timeout=options.timeout if UDP_TIMEOUT in aspects else None,
        forwards=options.forwards if PORT_FORWARDS in aspects else None,
    )


def _plan(linux: Linux, options: Options) -> Plan:
    """All that uci is told goes into one step, so that the firewall is restarted once."""
    work = _Work(linux, options)
    unsupported: dict[str, str] = {}
    todo = {SIP_ALG: _sip, UDP_TIMEOUT: _udp, PORT_FORWARDS: _inbound}
    try:
        for aspect in aspects_of(options):
            try:
                todo[aspect](work)
            except _Cannot as error:
                unsupported[aspect] = str(error)
        steps = [*work.steps, *_uci_step(work)]
        if steps and not linux.root:
            raise Refusal("only root may change it: log in as root (ansible_user: root)")
    except Refusal as error:
        return Plan((), linux, str(error))
    if not steps:
        return Plan((), linux, None, (), unsupported)
    return Plan(tuple(steps), work.linux, None, tuple(work.left), unsupported, tuple(work.advice))


def _uci_step(work: _Work) -> list[Step]:
    if not work.edit.do:
        return []
    if work.linux.pending:
        lines = "; ".join(work.linux.pending[:3])
        raise Refusal(
            f"the firewall has changes of somebody else that are not committed, which would be taken along: {lines}"
        )
    if work.linux.firewall == "unknown":
        raise Refusal("neither firewall3 nor firewall4 was found, so nobody knows what would take the change up")
    ends = (*(("uci commit firewall",) if work.options.save else ()), "/etc/init.d/firewall restart")
    # that the firewall takes up what is not committed, and that a derivative does as OpenWrt does, are conclusions
    label = work.edit.label if work.options.save and work.linux.stock else "inferred"
    hand = "; ".join(work.by_hand)
    return [Step((*work.edit.do, *ends), (*work.edit.undo, *ends), label=label, by_hand=hand)]


def _sip(work: _Work) -> None:
    linux = work.linux
    found = mechanisms(linux)
    unknown = [f"{m.id}: {m.evidence[0]}" for m in found if m.state == "unknown"]
    if unknown:
        raise Refusal(f"it was not read whole ({'; '.join(unknown)})")
    on = {m.id for m in found if m.state == "on"}
    if work.options.state != DISABLED:
        if not on & {"helper_rules", "helper_automatic"}:
            _give(work)
        return
    if not on:
        return
    if "helper_automatic" in on:
        _sysctl(work, AUTOMATIC, 0)
    if linux.openwrt:
        _take_from_zones(work)
    else:
        _take_rules(work)
    if linux.sessions != ():
        text = (
            "connections that are tracked keep the helper until they end, and each packet renews them for an hour: let the phones "
            "register again from another port, or set clear_sessions: true (conntrack -D -p udp --orig-port-dst 5060)"
        )
        work.left.append(text)


def _made_by_zones(rule: netfilter.Rule) -> bool:
    """Whether OpenWrt's firewall made a rule from a zone."""
    if rule.tool == "nft":
        return rule.table == "fw4" and rule.chain.startswith("helper_")
    return re.match(r"zone_.*_helper$", rule.chain) is not None


def _take_from_zones(work: _Work) -> None:
    linux = work.linux
    others = [f"{r.place}: {r.plain}" for r in linux.live if not _made_by_zones(r)]
    if others:
        raise _Cannot(
            f"a rule that no zone makes gives the SIP helper as well ({'; '.join(others)}): delete it where it is made"
        )
    edit = uci.helper_off(linux.sections or (), linux.helpers)
    if not edit.do and linux.live:
        raise _Cannot(
            "the firewall's rules are not those of its configuration: /etc/init.d/firewall restart, then run again"
        )
    hand = (
        "in /etc/config/firewall, in the zone, list the helpers that shall stay (list helper 'ftp'), or option auto_helper '0'; then "
        "uci commit firewall and /etc/init.d/firewall restart"
    )
    work.change(edit, hand)
    work.linux = replace(work.linux, live=())


def _give(work: _Work) -> None:
    """The SIP helper in OpenWrt's zones; elsewhere nobody knows which rule somebody would want."""
    linux = work.linux
    if not linux.openwrt:
        raise _Cannot(
            "which connections shall get the SIP helper is for a person to say: a rule with ct helper set, or -j CT --helper sip"
        )
    if not linux.modules:
        raise _Cannot(
            "the SIP helper is not installed: install the package kmod-nf-nathelper-extra, and restart the firewall"
        )
    edit = uci.helper_on(linux.sections or ())
    if not edit.do:
        raise _Cannot(
            "the firewall's rules are not those of its configuration: /etc/init.d/firewall restart, then run again"
        )
    work.change(edit, "in /etc/config/firewall, in the zone, list helper 'sip'; then /etc/init.d/firewall restart")
    work.linux = replace(work.linux, live=(netfilter.Rule("nft", "inet", "fw4", "helper_", "ct helper set", 0),))


def _owner(linux: Linux, rule: netfilter.Rule) -> str:
    """The firewall program that would make a rule again, with what a person does there; "" where none is seen."""
    if rule.table == "firewalld" or rule.chain.startswith("PRE_"):
        return (
            "firewalld made it: firewall-cmd --permanent --remove-service=sip in its zone, then firewall-cmd --reload"
        )
    if "/etc/shorewall" in linux.marks and rule.tool != "nft":
        return "Shorewall makes the rules here: list nf_conntrack_sip and nf_nat_sip under DONT_LOAD in shorewall.conf, then restart it"
    return ""


def _take_rules(work: _Work) -> None:
    """Deletes the rules, the last one first: so taking it back finds each place as it was. Then the lines of the files."""
    linux = work.linux
    for rule in linux.live:
        owner = _owner(linux, rule)
        if owner:
            raise _Cannot(f"{rule.place}: {rule.plain}: {owner}")
    lines = file_rules(linux) if work.options.save else []
    odd = [f"{f.path} line {f.number}" for f in lines if not _whole_line(f.text)]
    if odd:
        raise _Cannot(
            f"the rule does not stand on a line of its own in {', '.join(odd)}: take it out there by hand, and load the file again"
        )
    work.steps += [_rule_step(linux, rule) for rule in sorted(linux.live, key=lambda r: (r.tool, r.place, -r.index))]
    work.steps += [_marked(line) for line in lines]
    marked = tuple(replace(f, text=MARK + f.text) if f in lines else f for f in linux.files or ())
    work.linux = replace(linux, live=(), files=marked)
    if linux.live and not lines and work.options.save:
        work.advice.append(
            "the rule is in none of the usual files, so whatever made it may make it again: look for it there"
        )


def _marked(line: FileLine) -> Step:
    at = f"{line.number}s/^"
    return Step(
        (f"sed -i '{at}/{MARK}/' {line.path}",),
        (f"sed -i '{at}{MARK}//' {line.path}",),
        label="doc" if of_nft(line.path) else "inferred",
        by_hand=f"delete the rule (iptables -t raw -D ...), and take line {line.number} out of {line.path}",
    )


def _whole_line(text: str) -> bool:
    """Whether a line holds one rule and nothing else, so that it can be switched off alone."""
    return (
        re.fullmatch(r"(?!.*\b(?:chain|table)\s)(?:[^;{}#]|\{[^;{}]*\})*;?\s*", re.sub(r"^\s*add rule ", "", text))
        is not None
    )


def _rule_step(linux: Linux, rule: netfilter.Rule) -> Step:
    """Putting a rule back first looks whether it is still there: a delete that the host refused is not made into a second rule."""
    if rule.tool == "nft":
        where = f"{rule.family} {rule.table} {rule.chain}"
        going = {r.index for r in linux.live if (r.tool, r.place) == (rule.tool, rule.place)}
        after = [i for i in range(rule.index + 1, linux.lengths.get(rule.place, 0)) if i not in going]
        back = f"insert rule {where} index {rule.index}" if after else f"add rule {where}"
        there = f"nft -a list chain {where} | grep 'ct helper set ' | grep -q ' # handle {rule.handle}$'"
        return Step(
            (f"nft delete rule {where} handle {rule.handle}",),
            (f"{there} || nft {shlex.quote(f'{back} {rule.text}')}",),
            label="doc",
        )
    spec = " ".join(shlex.quote(word) for word in shlex.split(rule.text))
    head = f"{rule.tool} -t {rule.table}"
    twice = sum((r.place, r.plain) == (rule.place, rule.plain) for r in linux.live) > 1
    back = f"{head} -I {rule.chain} {rule.index + 1} {spec}"
    there = "" if twice else f"{head} -C {rule.chain} {spec} 2>/dev/null || "
    return Step((f"{head} -D {rule.chain} {spec}",), (there + back,), label="doc")


def _sysctl(work: _Work, key: str, value: int) -> None:
    """Sets a sysctl now, and for the next start."""
    linux = work.linux
    full = f"net.netfilter.nf_conntrack_{key}"
    kept = keep(linux, key, value) if work.options.save else Kept(linux, label=linux.label)
    if kept.why:
        raise _Cannot(kept.why)
    do, undo = f"sysctl -w {full}={value}", f"sysctl -w {full}={linux.sysctl[key]}"
    hand = f"{do}, and the same in the file that this system reads at its start"
    work.steps.append(Step((do, *kept.do), (undo, *kept.undo), label=kept.label, by_hand=hand))
    work.advice += [kept.advice] if kept.advice else []
    work.linux = replace(kept.linux, sysctl={**linux.sysctl, key: value})


def _udp(work: _Work) -> None:
    """Only the timer of streams is raised: a phone that registers is answered."""
    wanted = work.options.timeout
    now = work.linux.sysctl.get(STREAM)
    if now is None:
        raise Refusal(f"nf_conntrack_{STREAM} was not read")
    if wanted is not None and [t for t in timers(work.linux) if t.applies and is_low(t, wanted)]:
        _sysctl(work, STREAM, max(now, wanted.recommended))


def _inbound(work: _Work) -> None:
    linux, wanted = work.linux, work.options.forwards
    if wanted is None:
        return
    have, understood = forwards(linux)
    theirs = [f for f in have if not f.ours]
    if not linux.openwrt:
        if wanted.present and open_ranges(have, wanted):
            raise _Cannot(_forward_by_hand(wanted))
        return
    if linux.sections is None:
        raise Refusal("uci show firewall was not read")
    if not wanted.present:
        hand = f"Network > Firewall > Port Forwards: delete the entries whose names begin with {OURS}, Save & Apply"
        work.change(uci.replaced(linux.sections, []), hand)
        return
    missing = open_ranges(theirs, wanted)
    if missing and ":" in "".join((wanted.pbx, *wanted.sources)):
        raise _Cannot(
            "IPv6 needs no redirect but a rule that lets the packets pass: Network > Firewall > Traffic Rules"
        )
    outside, inside, why = uci.zones_for(linux.sections, wanted)
    if missing and why:
        raise _Cannot(why)
    edit = uci.replaced(linux.sections, uci.forward_sections(missing, wanted, outside, inside))
    if not edit.do:
        return
    if not understood:
        raise Refusal(
            "the forwards are not all understood (an odd redirect, or a rule of a program such as UPnP), so nobody knows what would "
            "get into the way: make the forward by hand"
        )
    blocked = in_the_way(theirs, wanted)
    if blocked:
        raise Refusal(blocked)
    hand = (
        f"Network > Firewall > Port Forwards: UDP {_spans(wanted)} from {outside} to {inside}, {wanted.pbx}, for each source "
        f"({', '.join(wanted.sources)}) an entry, Save & Apply"
    )
    work.change(edit, hand)


def _spans(wanted: Forwards) -> str:
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in wanted.ranges)


def _forward_by_hand(wanted: Forwards) -> str:
    """The rules that a person puts into the host's own ruleset, where they must get past its filter as well."""
    who = "" if wanted.sources == (ANY,) else f"ip saddr {{ {', '.join(wanted.sources)} }} "
    return (
        "how this host's filter lets a forward pass is its owner's business, so none is made. By hand, in the chain of the hook "
        f"prerouting of kind nat: {who}udp dport {{ {_spans(wanted)} }} dnat ip to {wanted.pbx}; in the chain of the hook forward, before "
        "what drops: ct status dnat accept; both in the file that is loaded at the start (/etc/nftables.conf)"
    )
