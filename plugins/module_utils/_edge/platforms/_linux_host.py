# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Linux host says of its packet filter and its kernel, read with few commands, and what that text means. Pure but for `read`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..core import netfilter
from ..core.forwards import Forward
from ..core.text import ended, lines_of, unique
from . import _openwrt_uci as uci
from .base import Ask, Replies

PROC = "/proc/sys/net/netfilter/nf_conntrack_"
STREAM, UNREPLIED, AUTOMATIC = "udp_timeout_stream", "udp_timeout", "helper"
NO_FILE = "No such file or directory"
SYSTEMD = "/run/systemd/system"
SYSCTL_CONF = "/etc/sysctl.conf"

IDENTIFY = (
    "uname -sr; cat /etc/openwrt_release /etc/os-release /tmp/sysinfo/model; "
    "ls -d /opt/vyatta /usr/bin/ubnt-device-info /usr/share/firewall4 /sbin/fw3 /run/systemd/system /etc/shorewall; echo end"
)
READS = {
    "kernel": "id -u; ls -d /sys/module /sys/module/nf_conntrack_sip /sys/module/nf_nat_sip; "
    f"for k in {AUTOMATIC} {UNREPLIED} {STREAM}; do grep -H . {PROC}$k; done; grep -E '^nf_(nat|conntrack)_sip ' /proc/modules; echo end",
    "nft": "nft -a list ruleset; echo end",
    "iptables": 'for c in iptables ip6tables iptables-legacy ip6tables-legacy; do echo "== $c"; $c-save; done; echo end',
    "sessions": "conntrack -L 2>&1 | grep -E 'helper=sip|been shown|not found|ermission denied|not permitted' | head -n 40; echo end",
    "boot": "grep -H -E '^[^#;]*nf_conntrack_(helper|udp_timeout)' /etc/sysctl.conf /etc/sysctl.d/*.conf /run/sysctl.d/*.conf "
    "/usr/lib/sysctl.d/*.conf /lib/sysctl.d/*.conf; grep -H -E '^nf_conntrack' /etc/modules-load.d/*.conf "
    "/usr/lib/modules-load.d/*.conf; echo end",
}  # fmt: skip
UCI = (
    "uci show firewall; echo == changes; uci changes; echo == modules; "
    "grep -h -E '^nf_(nat|conntrack)_sip' /etc/modules.d/*; echo == sysctl; cat /etc/sysctl.conf; echo; echo end"
)
"""The empty line after the file shows whether its last line has an end."""
FILES = (
    "grep -n -H . /etc/nftables.conf /etc/nftables.d/*.nft /etc/sysconfig/nftables.conf /etc/iptables/rules.v4 "
    "/etc/iptables/rules.v6 /etc/sysconfig/iptables /etc/sysconfig/ip6tables; echo end"
)


@dataclass(frozen=True)
class FileLine:
    """A line of a file, counted from 1."""

    path: str
    number: int
    text: str


@dataclass(frozen=True)
class Linux:
    """What a host says. None, or a key that is missing: it was not seen; a sysctl that is None is not there at all.

    `firewall`: fw3, fw4 or "" where it is not OpenWrt. `live`: the rules that give the SIP helper and are reached, `idle`: those
    that are not. `boot`: (path, sysctl, value) of the files in the order in which they are read.
    """

    system: str
    kernel: str
    model: str | None = None
    firewall: str = ""
    stock: bool = False
    marks: tuple[str, ...] = ()
    root: bool = False
    modules: tuple[str, ...] | None = None
    builtin: bool = False
    """Whether the SIP helper is part of the kernel, where its other half does not show."""
    sysctl: Mapping[str, int | None] = field(default_factory=dict)
    live: tuple[netfilter.Rule, ...] = ()
    idle: tuple[netfilter.Rule, ...] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)
    """How many rules stand in each place."""
    rules_seen: bool = False
    helpers: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    forwards_whole: bool = False
    gets_through: bool | None = None
    sessions: tuple[str, ...] | None = None
    boot: tuple[tuple[str, str, str], ...] | None = None
    early: bool = False
    """Whether nf_conntrack is seen among the modules that systemd loads before the sysctl files are read."""
    conf: str | None = None
    """OpenWrt's /etc/sysctl.conf, "" where it is empty or not there, None where it was not read whole."""
    conf_there: bool = False
    files: tuple[FileLine, ...] | None = None
    sections: tuple[uci.Section, ...] | None = None
    pending: tuple[str, ...] = ()
    at_start: bool = False

    @property
    def openwrt(self) -> bool:
        return self.firewall != ""

    @property
    def label(self) -> str:
        """How sure the way to its sysctls is. That a derivative does what OpenWrt does is a conclusion."""
        return "doc" if self.stock or not self.openwrt else "inferred"

    def at_boot(self, name: str) -> tuple[str, str] | None:
        """The file that decides about a sysctl, and its value; None where none does, or where that was not read."""
        found = [(path, value) for path, key, value in self.boot or () if key == name]
        return found[-1] if found else None


# ---- reading ---------------------------------------------------------------------------------------------------------


def read(ask: Ask, identity: str) -> dict[str, str]:
    out = {"identity": identity, **{name: ask(line) for name, line in READS.items()}}
    if _identity(identity).openwrt:
        out["uci"] = ask(UCI)
    else:
        out["files"] = ask(FILES)
    return out


def recognise(reply: str) -> bool:
    """A Linux with a release file. Vyatta's family and UniFi's gateways have their own masters, who would undo a change."""
    named = re.search(r"^(?:DISTRIB_ID=|ID=)\S", reply, re.M)
    foreign = re.search(r"^(?:/opt/vyatta|/usr/bin/ubnt-device-info)\s*$|^ID=\"?vyos", reply, re.M)
    return re.search(r"^Linux \d", reply, re.M) is not None and named is not None and foreign is None


def parse(replies: Replies) -> Linux:
    out = _identity(replies.get("identity", ""))
    out = _kernel(out, ended(replies.get("kernel")))
    out = _rules(out, ended(replies.get("nft")), ended(replies.get("iptables")))
    return replace(
        out,
        sessions=_sessions(ended(replies.get("sessions"))),
        boot=boot_order(ended(replies.get("boot")), out.openwrt),
        early=re.search(r"^/\S+/modules-load\.d/\S+:nf_conntrack\s*$", replies.get("boot") or "", re.M) is not None,
        files=_files(ended(replies.get("files"))),
        **_uci(ended(replies.get("uci"))),
    )


def _identity(text: str) -> Linux:
    values = dict(re.findall(r"^(\w+)=[\"']?([^\"'\n]*)[\"']?$", text, re.M))
    kernel = re.search(r"^Linux (\S+)", text, re.M)
    marks = tuple(re.findall(r"^(/\S+)$", text, re.M))
    openwrt = "DISTRIB_ID" in values and re.search(r"openwrt", text, re.I) is not None and SYSTEMD not in marks
    firewall = "fw4" if "/usr/share/firewall4" in marks else "fw3" if "/sbin/fw3" in marks else "unknown"
    if openwrt:
        system = f"{values['DISTRIB_ID']} {values.get('DISTRIB_RELEASE', '')}".strip()
    else:
        system = f"{values.get('NAME') or values.get('ID', '')} {values.get('VERSION_ID', '')}".strip()
    after = re.findall(r"^([A-Z][\w .,()/+-]+)$", text, re.M)
    models = [line for line in after if not line.startswith("Linux ")]
    return Linux(
        system=system,
        kernel=kernel.group(1) if kernel else "",
        model=models[-1] if openwrt and models else None,
        firewall=firewall if openwrt else "",
        stock=values.get("DISTRIB_ID") == "OpenWrt",
        marks=marks,
    )


def _kernel(linux: Linux, text: str | None) -> Linux:
    if text is None:
        return linux
    seen = re.search(r"^/sys/module$", text, re.M) is not None
    names = ("nf_conntrack_sip", "nf_nat_sip")
    found = tuple(n for n in names if re.search(rf"^(?:/sys/module/{n}|{n} .*)$", text, re.M))
    builtin = found[:1] == names[:1] and re.search(rf"^{names[0]} ", text, re.M) is None
    sysctl: dict[str, int | None] = {}
    for key in (AUTOMATIC, UNREPLIED, STREAM):
        value = re.search(rf"^{PROC}{key}:(\d+)$", text, re.M)
        if value:
            sysctl[key] = int(value.group(1))
        elif re.search(rf"^grep: {PROC}{key}: {NO_FILE}$", text, re.M):
            sysctl[key] = None
    return replace(
        linux, root=text.startswith("0\n"), modules=found if seen or found else None, builtin=builtin, sysctl=sysctl
    )


def _rules(linux: Linux, nft: str | None, iptables: str | None) -> Linux:
    """Both tools; one that is not installed has no rules, if the other one was heard."""
    tables, heard, doubt = [], False, nft is None or iptables is None
    for text in [nft] if nft is not None else []:
        missing = re.search(r"not found\s*$", text) is not None
        failed = not missing and re.search(r"^Error: |ermission denied|not permitted|must be root|netlink", text, re.M)
        tables += netfilter.read_nft(text)
        heard, doubt = heard or not (missing or failed), doubt or bool(failed)
    parts = re.split(r"^== (\S+)$", iptables or "", flags=re.M)[1:]
    spoken, legacy = [], []
    for tool, text in zip(parts[::2], parts[1::2]):
        missing = re.search(r"not found\s*$", text) is not None
        failed = not missing and re.search(
            r"ermission denied|not permitted|must be root|can't initialize|^iptables", text, re.M
        )
        tables += netfilter.read_iptables(text, tool)
        spoken += [] if missing or failed else [tool]
        legacy += [f"{tool}-legacy"] if "legacy tables present" in text else []
        doubt = doubt or bool(failed)
    heard, doubt = heard or bool(spoken), doubt or not set(legacy) <= set(spoken)
    # what iptables made shows whole by iptables alone
    doubt = doubt or (any(table.managed for table in tables) and "iptables" not in spoken)
    live, idle = netfilter.helper_rules(tables)
    # rules that a firewall program made are shown better by its own configuration
    forwards, understood = netfilter.dnat_forwards(tables, skip=f"!{linux.firewall}: " if linux.openwrt else "")
    seen = heard and not doubt
    return replace(
        linux,
        live=tuple(_once(live)),
        idle=tuple(_once(idle)),
        lengths={rule.place: len(c.rules) for t in tables for c in t.chains.values() for rule in c.rules[:1]},
        rules_seen=seen,
        helpers=_other_helpers(tables),
        forwards=tuple(forwards),
        forwards_whole=seen and understood,
        gets_through=netfilter.accepts_dnat(tables),
    )


def _once(rules: Iterable[netfilter.Rule]) -> list[netfilter.Rule]:
    """Without those that a second name of the same tool shows again."""
    out: dict[tuple[str, ...], netfilter.Rule] = {}
    for rule in rules:
        tool = rule.tool.replace("-legacy", "")
        out.setdefault((tool, rule.family, rule.table, rule.chain, rule.plain, str(rule.index)), rule)
    return list(out.values())


def _other_helpers(tables: Iterable[netfilter.Table]) -> tuple[str, ...]:
    """The other helpers that OpenWrt's firewall has set up, by their names."""
    names: list[str] = []
    for table in tables:
        if (table.family, table.name) == ("inet", "fw4"):
            names += [name for name in table.helpers if name != uci.SIP]
        for chain in table.chains.values() if table.name == "raw" and table.tool != "nft" else ():
            for rule in chain.rules:
                names += [n for n in re.findall(r"-j CT --helper (\S+)", rule.text) if n != uci.SIP]
    return unique(names)


def _sessions(text: str | None) -> tuple[str, ...] | None:
    """The connections that have the helper, at most forty; None where the table could not be read."""
    if text is None or "been shown" not in text:
        found = re.findall(r"^.*helper=sip.*$", text or "", re.M)
        return tuple(found) or None
    return tuple(re.findall(r"^.*helper=sip.*$", text, re.M))


def boot_order(text: str | None, openwrt: bool) -> tuple[tuple[str, str, str], ...] | None:
    """The lines of the sysctl files, in the order in which they take effect.

    OpenWrt reads /etc/sysctl.d and then /etc/sysctl.conf. systemd goes by the name of a file wherever it is, and reads
    /etc/sysctl.conf only where a link of /etc/sysctl.d leads to it.
    """
    if text is None or "ermission denied" in text:
        return None
    out = []
    for path, key, value in re.findall(
        r"^(/\S+?):\s*-?net[./]netfilter[./]nf_conntrack_(\w+)\s*=\s*(\S+)\s*$", text, re.M
    ):
        if openwrt and not path.startswith("/etc/"):
            continue
        out.append((path, key, value))
    if openwrt:
        return tuple(sorted(out, key=lambda line: (line[0] == "/etc/sysctl.conf", line[0])))
    return tuple(
        sorted((line for line in out if line[0] != "/etc/sysctl.conf"), key=lambda line: line[0].rsplit("/", 1)[1])
    )


def _files(text: str | None) -> tuple[FileLine, ...] | None:
    if text is None or "ermission denied" in text:
        return None
    return tuple(FileLine(p, int(n), t) for p, n, t in re.findall(r"^(/[^:\n]+):(\d+):(.*)$", text, re.M))


def _uci(text: str | None) -> dict[str, Any]:
    parts = re.split(r"^== (?:changes|modules|sysctl)\n", text or "", flags=re.M)
    if len(parts) != 4:
        return {}
    missing = re.match(r"cat: .*No such file or directory\n", parts[3]) is not None
    return {
        "sections": uci.parse(parts[0]),
        "pending": tuple(line for line in lines_of(parts[1]) if re.match(r"[-+]?firewall\.", line)),
        "at_start": re.search(r"^nf_(?:nat|conntrack)_sip", parts[2], re.M) is not None,
        "conf": "" if missing else parts[3] if parts[3].endswith("\n") or not parts[3] else None,
        "conf_there": not missing,
    }
