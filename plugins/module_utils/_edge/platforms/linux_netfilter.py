# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenWrt and plain Linux routers over SSH as root: the kernel's own SIP helper.

The helper is a kernel module that acts on the connections it was given to: by itself where the sysctl `nf_conntrack_helper` is 1
(kernels before 6.0), else by a rule. On OpenWrt the zones of the firewall make these rules. A module that is loaded and given to
nothing does nothing, and a connection keeps the helper until it ends. The kernel's UDP timers come from files of sysctl.
Sources: Linux (nf_conntrack_sip.c, nf_conntrack_helper.c, nf_conntrack-sysctl.rst), OpenWrt's firewall3, firewall4 and its file of
sysctls, and what was measured on a kernel 6.18 with its own SIP helper. How sure the lines are that change something stands with them.
"""

from __future__ import annotations

import re

from ..core.forwards import forwards_aspect, forwards_findings
from ..core.model import Assessment, Finding
from ..core.profiles import Profile
from ..core.text import unique
from ..core.verdict import (
    PORT_FORWARDS,
    SIP_ALG,
    UDP_TIMEOUT,
    sip_aspect,
    sip_findings,
    timeout_aspect,
    timeout_findings,
)
from ..transports.cli import CliSession, Dialect
from ..transports.rest import RestSession
from ._linux_changes import plan
from ._linux_host import IDENTIFY, STREAM, SYSTEMD, Linux, parse, read, recognise
from ._linux_judging import forwards as judged_forwards
from ._linux_judging import mechanisms, timers
from .base import Fact, Platform

FACTS = (
    Fact(
        "zone_helper", SIP_ALG, "OpenWrt: the zones' helper and auto_helper, and rules with set_helper", "OpenWrt with firewall3 or 4",
        "src", "opt-in",
        "/etc/config/firewall: in the zone, list the helpers that shall stay (list helper 'ftp'), or option auto_helper '0'; then "
        "uci commit firewall and /etc/init.d/firewall restart",
    ),
    Fact(
        "helper_rules", SIP_ALG, "rules that give the helper: nft ct helper set, iptables -j CT --helper", "all", "src", "yes",
        "delete the rule (nft -a list ruleset shows its handle: nft delete rule FAMILY TABLE CHAIN handle N; iptables -t raw -D ...), "
        "and take it out of the file or the firewall program that makes it",
    ),
    Fact(
        "rules_file", SIP_ALG, "the same rules in nftables' files, which are loaded at the start", "hosts without a firewall program",
        "doc", "yes", "take the rule out of the file that is named, so that it does not come back",
    ),
    Fact(
        "iptables_file", SIP_ALG, "the same rules in iptables' files, which are loaded at the start", "hosts without a firewall program",
        "inferred", "opt-in", "take the rule out of the file that is named, so that it does not come back",
    ),
    Fact(
        "helper_automatic", SIP_ALG, "sysctl nf_conntrack_helper: the helper is given by itself", "kernels before 6.0", "src", "yes",
        "sysctl -w net.netfilter.nf_conntrack_helper=0, and the same in /etc/sysctl.conf (OpenWrt) or a file below /etc/sysctl.d",
    ),
    Fact(
        "sip_modules", SIP_ALG, "the kernel modules nf_conntrack_sip and nf_nat_sip", "all", "src", "no",
        "modprobe -r nf_nat_sip nf_conntrack_sip once no rule names them, and keep them from being loaded again",
    ),
    Fact(
        "udp_stream", UDP_TIMEOUT, "sysctl nf_conntrack_udp_timeout_stream, the kernel's timer", "all; default 120, before 180", "doc",
        "yes", "sysctl -w net.netfilter.nf_conntrack_udp_timeout_stream=SECONDS, and the same in /etc/sysctl.conf (OpenWrt) or a file "
        "below /etc/sysctl.d",
    ),
    Fact(
        "udp_unreplied", UDP_TIMEOUT, "sysctl nf_conntrack_udp_timeout: before the first answer", "all; default 30", "doc", "no",
        "it does not hold a registration that was answered, and stays",
    ),
    Fact(
        "udp_stream_file", UDP_TIMEOUT, "the same timer in the files that are read at the start", "all", "doc", "yes",
        "set it in /etc/sysctl.conf (OpenWrt), or in a file below /etc/sysctl.d that is read later than the one that is named",
    ),
    Fact(
        "redirect", PORT_FORWARDS, "OpenWrt: redirects of /etc/config/firewall", "OpenWrt with firewall3 or 4", "recall", "opt-in",
        "Network > Firewall > Port Forwards: delete the entry, Save & Apply",
    ),
    Fact(
        "dnat", PORT_FORWARDS, "rules that change the destination: nft dnat, iptables DNAT", "all", "src", "no",
        "delete the rule where it is made, in the ruleset's file or in the firewall program",
    ),
)  # fmt: skip

DIALECT = Dialect(
    setup=("unset HISTFILE; export LC_ALL=C",),
    enable="unset HISTFILE; sudo -s",
    other_shell=True,
    password_prompt=r"\[sudo\] password for [^:\n]*: ?",
    logout=("exit", "exit"),
    errors=(
        r"^-?(?:ba|a|da)?sh: ",
        r": (?:applet )?not found\s*$",
        r"Permission denied",
        r"Operation not permitted",
        r"Read-only file system",
        r"No space left",
        r"^usage: ",
        r"^(?:uci|sed|sysctl|rm): ",
        r"^ip6?tables(?:-legacy)?(?: v[\d.]+| ?[(:])",
        r"^Error: ",
        r"ruleset contains errors",
    ),
)


def assess(linux: Linux, profile: Profile) -> Assessment:
    sip = sip_aspect(mechanisms(linux))
    timeout = timeout_aspect(timers(linux), profile.udp_timeout)
    inbound, understood = judged_forwards(linux)
    forwards = forwards_aspect(inbound, understood, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    if sip.verdict == "disabled" and linux.sessions:
        text = (
            f"the helper is given to no new connection, but {len(linux.sessions)} tracked ones keep it until they end"
        )
        findings.append(Finding("SIPALG-STALE-SESSIONS", SIP_ALG, "low", text))
    if sip.verdict == "disabled" and linux.modules:
        text = "the SIP helper is loaded and given to nothing: a rule or a sysctl would switch it on"
        findings.append(Finding("SIPALG-ARMED", SIP_ALG, "info", text))
    firmware = f"{linux.kernel} ({linux.system})" if linux.kernel else None
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(linux.model, firmware, aspects, tuple(findings), (), unique(_unseen(linux)))


def _unseen(linux: Linux) -> list[str]:
    out = []
    if not linux.root:
        out.append("what only root may see: log in as root")
    if linux.sessions is None:
        out.append("the tracked connections (the program conntrack): some may keep the helper from before")
    if linux.boot is None:
        out.append("the sysctl files: what the timer will be after a restart")
    elif SYSTEMD in linux.marks and not linux.early and linux.at_boot(STREAM) is not None:
        out.append(
            "whether nf_conntrack is loaded before the sysctl files are read: if not, the timer is the kernel's own after a restart"
        )
    if not linux.openwrt:
        out.append(
            "rules that a firewall program or a script makes again: only those that are loaded, and the usual files"
        )
    if linux.openwrt and not linux.stock:
        out.append(f"what {linux.system} does beyond OpenWrt's firewall")
    return out


def clear(session: CliSession | RestSession, linux: Linux) -> str:
    """Forgets the tracked connections to the ports of those that have the helper, UDP 5060 where none was seen.

    The next packet makes a new one, without the helper. Measured on a kernel 6.18: with the rule gone, a connection kept the helper
    for as long as packets came, and `conntrack -D -p udp` with the port freed it. No connection of another port is touched.
    """
    seen = [re.match(r"(udp|tcp) .*?\bdport=(\d+)", entry) for entry in linux.sessions or ()]
    doors = unique(f"-p {found.group(1)} --orig-port-dst {found.group(2)}" for found in seen if found) or (
        "-p udp --orig-port-dst 5060",
    )
    said = [session.write(f"conntrack -D {door}") for door in doors]
    counts = [int(n) for reply in said for n in re.findall(r"(\d+) flow entries have been deleted", reply)]
    return f"tracked connections that were cleared: {sum(counts)} ({'; '.join(doors)})"


PLATFORM = Platform(
    name="linux_netfilter",
    title="OpenWrt and plain Linux (netfilter)",
    network_os=("linux_netfilter", "linux", "openwrt"),
    dialect=DIALECT,
    facts=FACTS,
    identify=IDENTIFY,
    recognise=recognise,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    whole=lambda ask, replies: "\n".join(replies.get(name, "") for name in ("nft", "iptables", "uci", "files", "boot")),
    firmware=r"[3-6]\.",
    clear=clear,
)
