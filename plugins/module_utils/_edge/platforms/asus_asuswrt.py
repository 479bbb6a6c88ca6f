# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ASUS routers with Asuswrt, the vendor's or Merlin's, over SSH or over the interface of the vendor's app.

One nvram value, `fw_pt_sip`, and a restart of the firewall, which loads the kernel's SIP modules or unloads them. The value reads
differently: in the vendor's firmware anything but 0 is on, in Merlin's anything but 1 is off. 0 is off in all, so 0 is written.
Some builds of 2016 also dropped port 5060 when it was off. Over SSH the loaded modules, the filter rules and the kernel's timers
are looked at as well; over HTTP only the values can be seen.
Sources: the firmware's sources (378.7410, 380.8287, 382; Merlin), Merlin's changelogs and issue 951, clients of the app's
interface (asusrouter, pyasuswrt), a register of the values of 3.0.0.6.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import secrets
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any
from urllib.parse import unquote

from ..core.errors import LoginRefused, Refusal, UnknownReply
from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.profiles import Profile
from ..core.text import ended, unique
from ..core.verdict import (
    PORT_FORWARDS,
    SIP_ALG,
    UDP_TIMEOUT,
    Timer,
    sip_aspect,
    sip_findings,
    timeout_aspect,
    timeout_findings,
)
from ..transports.cli import Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

FACTS = (
    Fact(
        "fw_pt_sip", SIP_ALG, "nvram fw_pt_sip: SIP Passthrough", "3.0.0.4 from 378 on, 3.0.0.6, Merlin from 378 on", "src", "yes",
        "WAN > NAT Passthrough: SIP Passthrough: Disable, Apply (or over SSH: nvram set fw_pt_sip=0; nvram commit; "
        "service restart_firewall). Leave the other rows as they are: PPTP, L2TP and IPSec block what they switch off",
    ),
    Fact(
        "sip_modules", SIP_ALG, "the kernel's SIP modules, seen over SSH only", "all", "src", "no",
        "they go with SIP Passthrough; where they stay after it was set to Disable, restart the router",
    ),
    Fact(
        "filter_5060", SIP_ALG, "a filter rule that drops port 5060, seen over SSH only", "builds of 2016 (380)", "doc", "no",
        "this build blocks SIP while its helper is off: install a newer firmware (Administration > Firmware Upgrade)",
    ),
    Fact(
        "nf_alg_sip", SIP_ALG, "nvram nf_alg_sip of the community firmware rt-n56u, which is not Asuswrt", "Padavan", "src", "no",
        "this firmware is not changed by this tool: switch its SIP ALG off on its own pages, or install the vendor's firmware",
    ),
    Fact(
        "ct_udp_timeout", UDP_TIMEOUT, "nvram ct_udp_timeout: unreplied and stream; SIP meets the second", "all; default 30 180",
        "src", "yes",
        "Merlin: Tools > Other Settings: UDP Timeout, Assured. The vendor's firmware has no page: over SSH "
        "nvram set ct_udp_timeout=\"30 300\"; nvram commit; service restart_firewall",
    ),
    Fact(
        "udp_stream_live", UDP_TIMEOUT, "the kernel's timer for UDP streams, seen over SSH only", "all", "src", "no",
        "it follows ct_udp_timeout when the firewall is restarted; where it does not, restart the router",
    ),
    Fact(
        "vts_rulelist", PORT_FORWARDS, "nvram vts_rulelist and vts_enable_x: Port Forwarding", "all", "src", "yes",
        "WAN > Virtual Server / Port Forwarding: delete the entry, Apply",
    ),
)  # fmt: skip

VENDOR, MERLIN, FORK, BUSINESS, PADAVAN = "Asuswrt", "Asuswrt-Merlin", "a fork of Merlin", "BRT", "Padavan"
NAMES = ("productid", "odmpid", "firmver", "buildno", "extendno")
LISTS = ("vts_rulelist", "vts1_rulelist", "game_vts_rulelist")
VALUES = ("fw_pt_sip", "fw_pt_sip_mode", "vts_enable_x", "ct_udp_timeout")
MODULES = ("nf_conntrack_sip", "nf_nat_sip", "ip_conntrack_sip", "ip_nat_sip", "cisco_sip")
FIRST_BUILD = 378
"""The oldest build whose sources were read."""
FIRST_CHOICE = (380, 59)
"""Merlin's first release that knows a 2."""
FREE_BUILD = 8287
"""The build of 380 whose sources do not drop port 5060 any more; some before it do, and which ones is not known."""
LONGEST_LIST, LONGEST_LINE, PIECE = 8192, 256, 90
"""Characters: of a list, of a line, and of a part of a value that is put together, of which each may need five."""
PROC = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout", "/proc/sys/net/ipv4/netfilter/ip_conntrack_udp_timeout"
PATIENCE = 8
"""Seconds that the kernel may lag behind the values: the firewall is restarted in the background."""

DIALECT = Dialect(
    errors=(
        r"^-?(?:ba|a)?sh: ",
        r": (?:applet )?not found\s*$",
        r"Permission denied",
        r"Read-only file system",
        r"No space left",
        r"^usage: ",
    )
)


@dataclass(frozen=True)
class Asus:
    """What a router says. `values` is nvram by name, without those that were not read. None: not seen, as most over HTTP.

    `live`: the kernel's unreplied and stream timers in seconds.
    """

    model: str | None
    version: str | None
    build: int
    minor: int
    extend: str
    family: str
    values: Mapping[str, str]
    over_http: bool
    modules: tuple[str, ...] | None = None
    drops: tuple[str, ...] | None = None
    live: tuple[int, int] | None = None

    @property
    def sip(self) -> str:
        """State of the SIP helper by its value: the table of the families. Only 1 and 0 mean the same in all."""
        value = self.values.get("fw_pt_sip")
        if self.family == "" or value not in ("0", "1", "2", ""):
            return "unknown"
        if value in ("0", "1"):
            return "on" if value == "1" else "off"
        if self.family in (VENDOR, BUSINESS):
            return "on"  # anything but 0
        if self.family == MERLIN:
            recent = self.build < FIRST_BUILD  # 3.0.0.6 counts anew
            known = recent or self.build >= 386 if value == "" else recent or (self.build, self.minor) >= FIRST_CHOICE
            return "off" if known else "unknown"
        return "unknown"

    @property
    def doubtful(self) -> bool:
        """Whether it is a build that may drop port 5060 while the helper is off."""
        number = _leading(self.extend)
        return self.family == VENDOR and self.build == 380 and (number is None or number < FREE_BUILD)

    @property
    def label(self) -> str:
        """How sure it is what a value does here: that forks follow Merlin is a conclusion."""
        return "inferred" if self.family == FORK else "src"


def _leading(text: str) -> int | None:
    found = re.match(r"\d+", text)
    return int(found.group()) if found else None


# ---- reading ---------------------------------------------------------------------------------------------------------


def _shell(names: Iterable[str]) -> str:
    """One line that shows values, each in brackets: an empty one can be told from one that did not come."""
    return f'for k in {" ".join(names)}; do echo "$k=[$(nvram get $k)]"; done; echo end'


def _shown(reply: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+)=\[(.*)\]$", ended(reply) or "", re.M))


def _hook(names: Iterable[str], lists: Iterable[str] = ()) -> str:
    """The request for values. A list is asked for in percent signs, since its < and > do not come through otherwise."""
    asked = [f"nvram_get({n})" for n in names] + [f"nvram_char_to_ascii({n},{n})" for n in lists]
    return f"GET /appGet.cgi?hook={';'.join(asked)}"


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _texts(reply: str) -> dict[str, str]:
    return {k: unquote(v) if k in LISTS else v for k, v in _document(reply).items() if isinstance(v, str)}


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Over SSH: the values, then what the kernel makes of them, once it has had the time to."""
    out = {"version": identity, "values": ask(_shell((*NAMES[1:], "nf_alg_sip", *VALUES, *LISTS)))}
    for second in range(PATIENCE + 1):
        out["lsmod"] = ask("lsmod; echo end")
        out["live"] = ask(" || ".join(f"cat {p} {p}_stream" for p in PROC) + "; echo end")
        if not _lags(parse(out)) or second == PATIENCE:
            break
        ask("sleep 1")
    out["iptables"] = ask("iptables -S; echo end")  # last: modules are loaded and unloaded after the rules
    return out


def read_http(ask: Ask, identity: str) -> dict[str, str]:
    """Over HTTP: the values, and the page that only Merlin has."""
    return {"http": identity, "values": ask(_hook(VALUES, LISTS)), "merlin": ask("GET /ajax_sysinfo.asp")}


def parse(replies: Replies) -> Asus:
    over_http = "http" in replies
    values = _texts(replies.get("values", "")) if over_http else _shown(replies.get("values", ""))
    known = _texts(replies["http"]) if over_http else {**values, "productid": replies.get("version", "").strip()}
    firmver, build, extend = (known.get(n, "") for n in ("firmver", "buildno", "extendno"))
    padavan = bool(known.get("nf_alg_sip")) and not firmver.startswith("3.0.0.")
    box = Asus(
        model=known.get("odmpid") or known.get("productid") or None,
        version=f"{firmver}.{build}_{extend}" if firmver and build else firmver or None,
        build=_leading(build) or 0,
        minor=_leading(build.partition(".")[2]) or 0,
        extend=extend,
        family=PADAVAN if padavan else _family(firmver, build, extend, values, replies.get("merlin")),
        values=values,
        over_http=over_http,
    )
    modules = ended(replies.get("lsmod", ""))
    rules = ended(replies.get("iptables", ""))
    live = re.findall(r"^\d+$", ended(replies.get("live", "")) or "", re.M)
    return replace(
        box,
        modules=tuple(m for m in MODULES if re.search(rf"^{m}\s", modules, re.M))
        if modules is not None and re.search(r"^Module\s", modules, re.M)
        else None,
        drops=tuple(re.findall(r"^-A .*\b5060\b.* -j \S*(?:DROP|REJECT|drop|reject).*$", rules, re.M))
        if rules is not None and "-P FORWARD" in rules
        else None,
        live=(int(live[0]), int(live[1])) if len(live) == 2 else None,
    )


def _family(firmver: str, build: str, extend: str, values: Mapping[str, str], page: str | None) -> str:
    """Whose firmware it is, by its own marks; "" where it is none of the known ones, or the marks disagree.

    Merlin counts its releases (`5`, `2-beta1`), the vendor has long numbers of builds; over HTTP Merlin has one page more.
    """
    number = _leading(build)
    known = (firmver == "3.0.0.4" and number is not None and FIRST_BUILD <= number < 400) or (
        firmver == "3.0.0.6" and number is not None
    )
    counted = _leading(extend)
    trial = re.search(r"alpha|beta", extend) is not None
    if not known or "fw_pt_sip" not in values or (counted is None and not trial):
        return ""
    if "gnuton" in extend:
        return FORK
    merlin = trial or (counted is not None and counted < 100)
    if page is not None:
        has_page = not page.startswith("404") if re.match(r"404|(?!\s*<|\d{3} )\s*\S", page) else None
        if has_page is not merlin:
            return ""
    if merlin:
        return MERLIN
    return BUSINESS if values.get("fw_pt_sip_mode") else VENDOR


def _lags(box: Asus) -> bool:
    """Whether the kernel does not do yet what the values say."""
    if box.modules is not None and box.sip in ("on", "off") and bool(box.modules) != (box.sip == "on"):
        return True
    timers = _timers(box)
    return any(t.basis == "pending" for t in timers)


# ---- judging ---------------------------------------------------------------------------------------------------------


def _mechanisms(box: Asus) -> list[Mechanism]:
    if box.family == PADAVAN:
        value = box.values["nf_alg_sip"]
        state = {"1": "on", "0": "off"}.get(value, "unknown")
        return [Mechanism("nf_alg_sip", "global", state, "configured", (f"nf_alg_sip={value}",), "src", value)]
    value = box.values.get("fw_pt_sip", "")
    seen = f"fw_pt_sip={value}" if "fw_pt_sip" in box.values else "fw_pt_sip was not read"
    family = box.family or "which firmware it is could not be told"
    out = [Mechanism("fw_pt_sip", "global", box.sip, "configured", (seen, family), box.label, value)]
    if box.modules is not None:
        state = "on" if box.modules else "off"
        basis = "runtime" if state == box.sip or box.sip == "unknown" else "pending"
        out.append(
            Mechanism("sip_modules", "kernel", state, basis, box.modules or ("lsmod shows no SIP module",), "src")
        )
    if box.drops is not None:
        state = "blocking" if box.drops else "off"
        evidence = box.drops or ("no rule that is loaded drops port 5060",)
        out.append(Mechanism("filter_5060", "iptables", state, "runtime", evidence, "doc"))
    elif box.doubtful and box.sip == "off":
        note = "some builds of 2016 drop port 5060 while the helper is off, and whether this one does was not seen"
        out.append(Mechanism("filter_5060", "iptables", "unknown", "runtime", (note,), "doc"))
    return out


def _pair(box: Asus) -> tuple[int, int] | None:
    """Unreplied and stream, as they are stored; None where it is not two numbers: the firmware then takes others."""
    words = box.values.get("ct_udp_timeout", "").split()
    return (int(words[0]), int(words[1])) if len(words) == 2 and all(w.isdigit() for w in words) else None


def _timers(box: Asus) -> list[Timer]:
    pair = _pair(box)
    text = box.values.get("ct_udp_timeout")
    line = "ct_udp_timeout was not read" if text is None else f"ct_udp_timeout={text}"
    stored = pair[1] if pair else None
    out = [Timer("ct_udp_timeout", "stream", stored, (line,), label="src", known=pair is not None)]
    if pair:
        out.append(Timer("ct_udp_timeout", "unreplied", pair[0], (line,), label="src", applies=False))
    if box.live is not None:
        down = box.live == (1, 6)  # set on purpose while there is no internet connection
        note = f"nf_conntrack_udp_timeout_stream: {box.live[1]}" + (" (no internet connection)" if down else "")
        basis = "runtime" if down or pair is None or box.live[1] == stored else "pending"
        out.append(Timer("udp_stream_live", "kernel", box.live[1], (note,), basis=basis, label="src", applies=not down))
    return out


def _entries(text: str) -> tuple[str, ...] | None:
    """The entries of a list, each without the < that begins it; None for a text that does not begin like a list."""
    if text and not text.startswith("<"):
        return None
    return tuple(text.split("<")[1:])


def _forwards(box: Asus) -> tuple[list[Forward], bool]:
    """The forwards of UDP, and whether all of the list was understood. While the list is switched off nobody gets in."""
    entries = _entries(box.values.get("vts_rulelist", "?"))
    if entries is None or "vts_enable_x" not in box.values:
        return [], False
    out: list[Forward] = []
    whole = not any(box.values.get(name, "?") for name in LISTS[1:])
    live, seen = box.values["vts_enable_x"] == "1", dict[str, int]()
    for entry in entries:
        fields = entry.split(">")
        if len(fields) < 5:
            continue  # the router passes it over, too
        name, outer, inside, inner, proto, *more = fields
        if proto not in ("UDP", "BOTH"):
            whole = whole and (proto == "TCP" or (proto == "OTHER" and outer.isdigit() and outer != "17"))
            continue
        spans = [_span(part) for part in outer.split(",")]
        if None in spans or not (inner == "" or inner.isdigit()):
            whole = False
            continue
        for span in spans:
            label = f"{name or '(no name)'} {':'.join(map(str, sorted(set(span or ()))))}"
            seen[label] = seen.get(label, 0) + 1
            scope = label if seen[label] == 1 else f"{label} #{seen[label]}"
            out.append(
                Forward(
                    "vts_rulelist", scope, *(span or (0, 0)), _host(inside), _sources(more) if live else (),
                    (f"<{entry}",), int(inner) if inner else None, "src", name.startswith(OURS),
                )
            )  # fmt: skip
    return out, whole


def _span(text: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,5})(?::(\d{1,5}))?", text)
    return (int(found.group(1)), int(found.group(2) or found.group(1))) if found else None


def _host(text: str) -> str | None:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        return None


def _sources(more: list[str]) -> tuple[str, ...] | None:
    """Who gets in by the sixth field, which old lists do not have; None for what is no network, such as a MAC address."""
    if not more or not more[0]:
        return (ANY,)
    try:
        return (str(ipaddress.IPv4Network(more[0], strict=False)),)
    except ValueError:
        return None


def assess(box: Asus, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box))
    timeout = timeout_aspect(_timers(box), profile.udp_timeout)
    inbound, whole = _forwards(box)
    forwards = forwards_aspect(inbound, whole, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    late = [m for aspect in (sip, timeout) for m in aspect.mechanisms if m.basis == "pending"]
    if late:
        text = f"not as it is set before the router is restarted: {', '.join(m.id for m in late)}"
        findings.append(Finding("RESTART-NEEDED", None, "medium", text))
    if box.over_http:
        unseen = ["the loaded SIP modules, the filter rules and the kernel's timers: over HTTP they cannot be seen"]
    else:
        named = {"the loaded modules": box.modules, "the filter rules": box.drops, "the kernel's timers": box.live}
        unseen = [f"{name} could not be read" for name, value in named.items() if value is None]
    if box.family in (MERLIN, FORK):
        unseen.append("scripts in /jffs/scripts: one of them may set things again")
    unseen.append("whether the router does NAT at all: as an access point it ignores its forwards")
    unseen += [f"{name} has entries, which are not judged" for name in LISTS[1:] if box.values.get(name)]
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.version, aspects, tuple(findings), (), unique(unseen))


# ---- changing --------------------------------------------------------------------------------------------------------


class _Cannot(Exception):
    """An aspect cannot be brought about here; the text says why and what a person does."""


def plan(box: Asus, options: Options) -> Plan:
    """Which values are to be others, and the lines that make them so. A refusal says why nothing may be touched."""
    wanted: dict[str, dict[str, str]] = {}
    unsupported: dict[str, str] = {}
    try:
        if options.state is not None:
            _want(wanted, unsupported, SIP_ALG, lambda: _sip(box, options))
        if options.timeout is not None:
            seconds = options.timeout
            _want(wanted, unsupported, UDP_TIMEOUT, lambda: _udp(box, seconds, options))
        if options.forwards is not None:
            forwards = options.forwards
            _want(wanted, unsupported, PORT_FORWARDS, lambda: _list(box, forwards))
    except Refusal as error:
        return Plan((), box, str(error))
    if not wanted:
        return Plan((), box, unsupported=unsupported)
    if box.family in ("", PADAVAN, BUSINESS):
        what = box.family or "which firmware this is could not be told"
        return Plan((), box, f"unsupported firmware: {what} is only judged. By hand: {_by_hand(box)}")
    steps = [_step(box, label, values, options) for label, values in sorted(wanted.items(), reverse=True)]
    new = {key: value for values in wanted.values() for key, value in values.items()}
    note = "calls that are tracked may keep the helper until they end: let the phones register again"
    left = (note,) if "fw_pt_sip" in new else ()
    return Plan(tuple(steps), _after(box, new), None, left, unsupported)


def _by_hand(box: Asus) -> str:
    wanted = "nf_alg_sip" if box.family == PADAVAN else "fw_pt_sip"
    return next(f.by_hand for f in FACTS if f.id == wanted)


def _want(wanted: dict[str, dict[str, str]], unsupported: dict[str, str], aspect: str, found: Any) -> None:
    """Collects new values by the label of what they rest on."""
    try:
        label, values = found()
    except _Cannot as error:
        unsupported[aspect] = str(error)
        return
    if values:
        wanted.setdefault(label, {}).update(values)


def _sip(box: Asus, options: Options) -> tuple[str, dict[str, str]]:
    """0 is off in every family. A 2 of Merlin's is off as well and stays."""
    value = box.values.get("fw_pt_sip")
    if box.family == PADAVAN:
        return box.label, {} if box.values["nf_alg_sip"] == "0" and options.state == DISABLED else {"fw_pt_sip": "0"}
    if value is None or value not in ("0", "1", "2", ""):
        raise Refusal(
            "fw_pt_sip was not read" if value is None else "fw_pt_sip has a value that no known firmware gives it"
        )
    if options.state != DISABLED:
        return box.label, {} if box.sip == "on" else {"fw_pt_sip": "1"}
    if box.drops and box.sip == "off":
        if box.family == MERLIN and value == "0" and options.allow_unproven:
            return "inferred", {"fw_pt_sip": "2"}
        raise _Cannot(
            "SIP is blocked while its helper is off: " + next(f.by_hand for f in FACTS if f.id == "filter_5060")
        )
    if box.sip == "off":
        return box.label, {}
    if box.doubtful and box.drops is None:
        if not options.allow_unproven:
            raise _Cannot(
                f"some builds of 380 before {FREE_BUILD} block port 5060 while the helper is off, and over this way it cannot "
                "be seen: use SSH (voip_edge_transport: ssh), install a newer firmware, or set allow_unproven: true"
            )
        return "inferred", {"fw_pt_sip": "0"}
    return box.label, {"fw_pt_sip": "0"}


def _udp(box: Asus, wanted: Wanted, options: Options) -> tuple[str, dict[str, str]]:
    """Only the timer of streams is raised: a phone that registers is answered."""
    pair = _pair(box)
    if pair is None:
        raise _Cannot('ct_udp_timeout is not two numbers: over SSH: nvram set ct_udp_timeout="30 180", then run again')
    if pair[1] >= wanted.minimum:
        return box.label, {}
    if box.over_http and not options.allow_unproven:
        raise _Cannot(
            "that the router takes ct_udp_timeout over HTTP is a conclusion: use SSH (voip_edge_transport: ssh), or set "
            "allow_unproven: true. By hand: " + next(f.by_hand for f in FACTS if f.id == "ct_udp_timeout")
        )
    return "inferred" if box.over_http else box.label, {"ct_udp_timeout": f"{pair[0]} {wanted.recommended}"}


def _list(box: Asus, wanted: Forwards) -> tuple[str, dict[str, str]]:
    """The list with ours in it and nothing else moved: what others made is written back byte for byte. Raises Refusal."""
    text, enabled = box.values.get("vts_rulelist"), box.values.get("vts_enable_x")
    entries = _entries(text) if text is not None else None
    if text is None or entries is None or enabled is None:
        raise _Cannot("the list of forwards was not read, or does not look like one")
    _have, whole = _forwards(box)
    foreign = "".join(f"<{e}" for e in entries if not e.startswith(OURS))
    if not wanted.present:
        return box.label, {} if foreign == text else {"vts_rulelist": foreign}
    theirs = _forwards(replace(box, values={**box.values, "vts_rulelist": foreign}))[0]
    missing = open_ranges(theirs, wanted)
    new = foreign + "".join(_entry(span, source, wanted.pbx) for span in missing for source in wanted.sources)
    if new == text and (enabled == "1" or not missing):
        return box.label, {}
    if not whole:
        raise Refusal(
            "the forwards are not all understood (an odd entry in vts_rulelist, or entries in vts1_rulelist or "
            "game_vts_rulelist), so nobody knows what would get into the way: make the forward by hand"
        )
    blocked = in_the_way(theirs, wanted)
    if blocked:
        raise Refusal(blocked)
    if enabled != "1" and foreign:
        raise Refusal(
            "the list of forwards is switched off and holds entries of others, which would be opened with it: delete them, or "
            "switch Port Forwarding on by hand"
        )
    most = 64 if box.build > 380 or box.build < FIRST_BUILD else 32
    count = len(_entries(new) or ())
    if count > most or len(new) > LONGEST_LIST:
        raise _Cannot(
            f"the list would have {count} entries and {len(new)} characters; {most} and {LONGEST_LIST} are allowed"
        )
    if re.search(r"[^ -~]", text):
        raise _Cannot("the list has characters that cannot be written back with certainty: make the forward by hand")
    return box.label, {"vts_rulelist": new, **({} if enabled == "1" else {"vts_enable_x": "1"})}


def _entry(span: tuple[int, int], source: str, pbx: str) -> str:
    """An entry of ours. A range keeps its ports by an empty inner port."""
    first, last = span
    outer, inner = (f"{first}", f"{first}") if first == last else (f"{first}:{last}", "")
    return f"<{OURS}-{outer.replace(':', '-')}>{outer}>{pbx}>{inner}>UDP>{'' if source == ANY else source}"


def _step(box: Asus, label: str, values: Mapping[str, str], options: Options) -> Step:
    """One step for all of one label, so that the firewall is restarted once; back goes to the very texts of before."""
    old = {key: box.values[key] for key in values}
    services = _services(box, values)
    if box.over_http:
        return Step((_post(values, services),), (_post(old, services),), label=label)
    # before the restart, since some builds drop the session then; what is not to be saved is not committed at all
    ends = (*(("nvram commit",) if options.save else ()), *(f"service {name}" for name in services))
    do, undo = (tuple(line for pair in to.items() for line in _set(*pair)) for to in (values, old))
    return Step((*do, *ends), (*undo, *ends), label=label)


def _services(box: Asus, values: Iterable[str]) -> tuple[str, ...]:
    """Merlin has a service of its own for the timers. Never what the page sends to switch SIP on: that drops every link."""
    apart = {"ct_udp_timeout"} if box.family == MERLIN else set()
    return (
        *(("restart_firewall",) if set(values) - apart else ()),
        *(("restart_conntrack",) if set(values) & apart else ()),
    )


def _post(values: Mapping[str, str], services: Iterable[str]) -> str:
    body = {"action_mode": "apply", "rc_service": ";".join(services), **values}
    return f"POST /applyapp.cgi {json.dumps(body, separators=(',', ':'))}"


def _set(key: str, value: str) -> tuple[str, ...]:
    """The lines that set a value. A shell takes lines of some length only, so a long value is put together first."""
    line = f"nvram set {key}={shlex.quote(value)}"
    if len(line) <= LONGEST_LINE:
        return (line,)
    pieces = ("".join(some) for some in zip_longest(*[iter(value)] * PIECE, fillvalue=""))
    parts = [piece.replace("'", "'\"'\"'") for piece in pieces]
    return (f"v='{parts[0]}'", *(f"v=$v'{part}'" for part in parts[1:]), f'nvram set {key}="$v"')


def _after(box: Asus, new: Mapping[str, str]) -> Asus:
    """The router as it must read afterwards."""
    out = replace(box, values={**box.values, **new})
    if "fw_pt_sip" in new and box.modules is not None:
        out = replace(out, modules=MODULES[:1] if out.sip == "on" else ())
    pair = _pair(out)
    if box.live is not None and box.live != (1, 6) and pair is not None and "ct_udp_timeout" in new:
        out = replace(out, live=pair)
    return replace(out, drops=()) if "fw_pt_sip" in new and box.drops is not None else out


# ---- HTTP ------------------------------------------------------------------------------------------------------------

APP, BROWSER = "asusrouter-Android-DUTUtil-1.0.0.245", "Mozilla/5.0 (voip.edge)"
"""The router lets the vendor's app in beside a browser, and asks it for no Referer; the newer login is for browsers."""
REFUSED = {
    "1": "the session has ended",
    "2": "the login was refused (one attempt was made)",
    "3": "the login was refused: wrong account or password (one attempt was made)",
    "4": "it wants another Referer",
    "5": "it wants another Referer",
    "6": "it wants another Referer",
    "7": "it is locked after too many wrong passwords",
    "8": "the session was logged out",
    "9": "another administrator is logged in, who is left in peace: let them log out first",
    "10": "it asks for a captcha after wrong passwords: log in once with a browser",
    "11": "the default password must be changed first, in the router's own pages",
}


def _headers(session: HttpSession) -> dict[str, str]:
    if session.kept.get("agent") != "browser":
        return {"User-Agent": APP}
    login = session.login
    port = "" if login.port == {"http": 80, "https": 443}[login.scheme] else f":{login.port}"
    return {"User-Agent": BROWSER, "Referer": f"{login.scheme}://{login.host}{port}/Main_Login.asp"}


def _error(reply: Reply) -> str:
    """The router's own word for a refusal, "" where there is none. A page instead of an answer means that the session is gone."""
    document = _document(reply.text())
    number = str(document.get("error_status", ""))
    if number:
        wait = document.get("remaining_lock_time")
        more = f"; it opens again in {wait} s" if number == "7" and wait is not None else ""
        return f"{REFUSED.get(number, 'it refused')} (error_status {number}){more}"
    return "the session has ended, or somebody else took it over" if "Main_Login.asp" in reply.text() else ""


def refusal(reply: Reply) -> str | None:
    return _error(reply) or (f"HTTP {reply.status}" if reply.status >= 400 else None)


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt. The device shows first that it is such a router; a nonce decides between the two ways to log in."""
    user, password = session.login.user or "", session.login.password or ""
    hello = session.request("GET", "/appGet.cgi?hook=nvram_get(productid)", headers=_headers(session))
    if not _error(hello):
        raise UnknownReply(
            "it does not answer like Asuswrt, and no password was sent. Routers on ASUS's DSL firmware have other pages: "
            "set SIP ALG to off there by hand (NAT Passthrough)"
        )
    if _document(hello.text()).get("error_status") in ("7", 7):
        raise LoginRefused(_error(hello))
    session.kept["agent"] = "browser"
    own = secrets.token_hex(5)
    asked = session.request("POST", "/get_Nonce.cgi", json={"id": own}, headers=_headers(session), reads=True)
    nonce = _document(asked.text()).get("nonce")
    if isinstance(nonce, str) and nonce:
        mine = secrets.token_hex(16)
        proof = hashlib.sha256(f"{user}:{nonce}:{password}:{mine}".encode()).hexdigest()
        form = {"id": own, "cnonce": mine, "login_authorization": proof, "login_captcha": "", "next_page": ""}
        reply = session.request("POST", "/login_v2.cgi", form=form, headers=_headers(session), reads=True)
    else:
        session.kept["agent"] = "app"
        pair = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        headers = {**_headers(session), "Content-Type": "application/x-www-form-urlencoded"}
        body = f"login_authorization={pair}"
        reply = session.request("POST", "/login.cgi", body=body, headers=headers, reads=True)
    if not any(session.cookie(name) for name in ("asus_token", "asus_s_token")):
        raise LoginRefused(f"user '{user}': {_error(reply) or 'it gave no session (one attempt was made)'}")


def log_out(session: HttpSession) -> None:
    session.request("GET", "/Logout.asp", headers=_headers(session))


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """`GET path`, or `POST /applyapp.cgi document`, as whoever logged in."""
    method, _sep, rest = line.partition(" ")
    path, _sep, body = rest.partition(" ")
    if reads or method == "GET":
        return session.request("GET", path, headers=_headers(session))
    return session.request("POST", path, body=body, headers={**_headers(session), "Content-Type": "application/json"})


def sniff(peek: Peek) -> Sighting | None:
    """Any page of a browser that is not logged in is one line that leads to the login, from a server of that name."""
    reply = peek("GET /")
    if reply is None or not reply.headers.get("server", "").startswith("httpd/2.0"):
        return None
    return Sighting() if re.search(r"top\.location\.href='/Main_Login\.asp'", reply.text()) else None


def _is_name(text: str) -> bool:
    """Whether it is the name of a model, which other firmware does not have under `productid`: one word and no complaint."""
    return re.fullmatch(r"\s*[A-Z0-9][\w.+-]{2,31}\s*", text) is not None


DOOR = Door(base="", log_in=log_in, log_out=log_out, refusal=refusal, send=send)

_CLI = Platform(
    name="asus_asuswrt",
    title="ASUS (Asuswrt, Asuswrt-Merlin)",
    network_os=("asus_asuswrt", "asuswrt", "asuswrt_merlin", "asus"),
    dialect=DIALECT,
    facts=FACTS,
    identify="nvram get productid",
    recognise=_is_name,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    save=lambda box, scope: ("nvram commit",),
    whole=lambda ask, replies: replies.get("values", ""),
    firmware=r"3\.0\.",
    sniff=sniff,
)

PLATFORM = replace(
    _CLI,
    over_https=replace(
        _CLI,
        identify=_hook(NAMES),
        recognise=lambda reply: _is_name(_texts(reply).get("productid", "")),
        read=read_http,
        save=lambda box, scope: (),
        door=DOOR,
    ),
)
