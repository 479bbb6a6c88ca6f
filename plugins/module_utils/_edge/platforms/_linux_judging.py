# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a Linux host says to mechanisms, timers and forwards. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

from ..core.forwards import ANY, Forward
from ..core.model import Mechanism
from ..core.text import unique
from ..core.verdict import Timer
from . import _openwrt_uci as uci
from ._linux_host import AUTOMATIC, STREAM, SYSCTL_CONF, UNREPLIED, FileLine, Linux


def file_rules(linux: Linux) -> list[FileLine]:
    """The lines of the rules files that give the SIP helper; a helper of unknown kind is taken at its worst."""
    lines = [line for line in linux.files or () if not line.text.lstrip().startswith("#")]
    text = "\n".join(line.text for line in lines)
    kinds = dict(re.findall(r"ct helper (?:\S+ )*?([\w-]+)\s*\{\s*type \"?([\w-]+)", text))
    out = []
    for line in lines:
        nft = re.search(r"\bct helper set \"?([\w-]+)", line.text)
        other = re.search(r"-j CT\b.*--helper \"?([\w-]+)", line.text)
        kind = kinds.get(nft.group(1), uci.SIP) if nft else other.group(1) if other else ""
        if re.match(r"sip(?:-\d+)?$", kind):
            out.append(line)
    return out


def of_nft(path: str) -> bool:
    """Whether a file of rules is nftables' own."""
    return "nftables" in path


def mechanisms(linux: Linux) -> list[Mechanism]:
    """Where the modules do not show, as in a container, it is enough that nothing can give the helper to a connection."""
    absent, there = linux.modules == (), bool(linux.modules)
    if absent:
        text = "neither nf_conntrack_sip nor nf_nat_sip is in the kernel"
    elif there:
        text = f"{', '.join(linux.modules or ())}: acts on the connections that it is given to"
    else:
        text = "the kernel's modules do not show: what is given to connections decides"
    if linux.builtin:
        text += "; it is part of the kernel, where nf_nat_sip, which rewrites, does not show"
    elif linux.modules == ("nf_conntrack_sip",):
        text += "; without nf_nat_sip it opens ports and rewrites no address"
    heard = linux.rules_seen and linux.sysctl.get(AUTOMATIC, -1) in (None, 0)
    state = "off" if absent else "not_applicable" if there or heard else "unknown"
    # what shows of a helper that is part of the kernel is known from experience alone
    label = "recall" if linux.builtin else "src"
    out = [Mechanism("sip_modules", "kernel", state, "runtime", (text,), label), _automatic(linux), _given(linux)]
    if linux.openwrt:
        if linux.sections is None:
            out.append(_unread("zone_helper", "firewall", "uci show firewall was not read"))
        else:
            out += uci.mechanisms(linux.sections, there, linux.at_start or linux.modules is None)
    elif linux.files is None:
        out.append(_unread("rules_file", "files", "the files of the rules were not read"))
    else:
        for path in unique(line.path for line in file_rules(linux)):
            lines = tuple(f"line {f.number}: {f.text.strip()}" for f in file_rules(linux) if f.path == path)
            lines += () if linux.live else ("it is not loaded now, and is on after the next start",)
            name, label = ("rules_file", "doc") if of_nft(path) else ("iptables_file", "inferred")
            out.append(Mechanism(name, path, "on", "configured", lines, label))
    return out


def _unread(name: str, scope: str, why: str) -> Mechanism:
    return Mechanism(name, scope, "unknown", "configured", (why,), "src")


def _automatic(linux: Linux) -> Mechanism:
    """Whether the kernel gives the helper by itself."""
    value, absent = linux.sysctl.get(AUTOMATIC, -1), linux.modules == ()
    seen = f"nf_conntrack_helper = {value}"
    if value is None:
        state, seen = "not_applicable", "this kernel has no nf_conntrack_helper: it gives no helper by itself"
    elif value == -1:
        state, seen = "off" if absent else "unknown", "nf_conntrack_helper was not read"
    elif value == 0 or absent:
        state = "off"
    else:
        state = "on" if linux.modules else "unknown"
    # that kernels without it give no helper by themselves is what users report, and what the kernel's page no longer names
    return Mechanism("helper_automatic", "kernel", state, "runtime", (seen,), "user" if value is None else "src")


def _given(linux: Linux) -> Mechanism:
    """Whether rules that packets come by give the helper. They cannot be there without it, so they outweigh all else."""
    rules = tuple(f"{r.place}: {r.plain}" for r in linux.live)
    if rules:
        count = len(linux.sessions or ())
        seen = (f"{count} tracked connections have it, such as: {linux.sessions[0].strip()}",) if linux.sessions else ()
        return Mechanism("helper_rules", "kernel", "on", "runtime", rules + seen, "src")
    if not linux.rules_seen:
        state = "off" if linux.modules == () else "unknown"
        return Mechanism("helper_rules", "kernel", state, "runtime", ("the rules were not read whole",), "src")
    idle = tuple(f"nothing leads to {r.place}: {r.plain}" for r in linux.idle)
    return Mechanism("helper_rules", "kernel", "off", "runtime", idle or ("no rule gives the SIP helper",), "src")


def timers(linux: Linux) -> list[Timer]:
    out = []
    for name, key, applies in (("udp_stream", STREAM, True), ("udp_unreplied", UNREPLIED, False)):
        value = linux.sysctl.get(key)
        seen = f"nf_conntrack_{key} = {value}" if value is not None else f"nf_conntrack_{key} was not read"
        out.append(Timer(name, "kernel", value, (seen,), "runtime", "doc", value is not None, applies))
    stored = linux.at_boot(STREAM)
    if stored is not None:
        seconds = int(stored[1]) if stored[1].isdigit() else None
        seen, label = f"{stored[0]}: {stored[1]}", _file_label(linux, stored[0])
        out.append(Timer("udp_stream_file", "files", seconds, (seen,), "configured", label, seconds is not None))
    return out


def _file_label(linux: Linux, path: str) -> str:
    """How sure it is that a file is read at the start, and that it is the last one."""
    if linux.openwrt:
        return "doc" if path == SYSCTL_CONF else "recall"
    return "doc" if path.startswith("/etc/sysctl.d/") else "inferred"


def forwards(linux: Linux) -> tuple[list[Forward], bool]:
    """What leads inside. Where the filter decides who of those gets through, everybody is not said."""
    if linux.openwrt:
        own, understood = uci.forwards(linux.sections or ())
        whole_list = linux.sections is not None and understood and linux.forwards_whole
        return [*own, *linux.forwards], whole_list
    narrowed = [
        replace(f, sources=None) if f.sources == (ANY,) and linux.gets_through is not True else f
        for f in linux.forwards
    ]
    return narrowed, linux.forwards_whole
