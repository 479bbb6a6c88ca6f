# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR home routers with the genie pages: Nighthawk, Orbi, DSL gateways. Plain HTTP, one administrator at a time.

genie is a look, not a firmware. Behind the same 'WAN Setup > Disable SIP ALG' are back ends with other fields and with opposite
polarity of the stored value, so the page itself says which one it is, never the model:

* A, DNI: `apply.cgi?/WAN_wan.htm`, `endis_sipalg` 1 = disabled. The HTML never has `checked` and its hidden fields are empty.
* B, ACOS: `security.cgi`, `sipenable` 1 = active. A box that is missing in the post counts as unticked.
* C, TrendChip: `WAN_wan.asp`, the box itself is `checked`; no model is proven, so it is changed only where that is allowed.
* D (`setup.cgi`) and E (`sso_login.cgi`) are known by their marks alone: reported, with the steps by hand.

Each family has a builder of the complete post out of the page's variables. A control that it does not know, or a marker that is
missing, ends it before the first write.
Sources: the pages and scripts in the firmware sources of R7800, RBR50, D7800 (A) and RBR750 (B); a page of C; working clients.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace

from ..core.errors import Refusal
from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges, ports
from ..core.model import DISABLED, Assessment, Forwards, Mechanism, Options, Plan, Step, Wanted
from ..core.pages import script_var
from ..core.profiles import Profile
from ..core.verdict import Timer, is_low, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from ..transports.rest import Door
from ._netgear_door import leave, log_in, refusal, send
from ._netgear_pages import (
    ABOUT,
    ASP,
    MECHANISMS,
    NEW_RULE,
    SERVICES,
    WAN,
    Page,
    Rule,
    about,
    refused,
    service_line,
    services_of,
    table_of,
    taken_ports,
    wan_page,
    whole,
)
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

GUI = "ADVANCED > Setup > WAN Setup"
BY_HAND = f"{GUI}: tick 'Disable SIP ALG', Apply, and let the phones register again"
FORWARD_BY_HAND = "ADVANCED > Advanced Setup > Port Forwarding / Port Triggering"
FIXED_TIMER = 300
TIMER_SEEN_IN = ("R7800", "D7800", "RBR50")
LARGEST_TABLE, LAST_PORT, RESERVED = 64, 65534, (123, 1900)

FACTS = (
    Fact("dni_sipalg", "sip_alg", "endis_sipalg on WAN_wan.htm: 1 disabled, 0 or empty active", "A: apply.cgi", "src", "yes", BY_HAND),
    Fact("acos_sip", "sip_alg", "sipenable on WAN_wan.htm: 1 active, 0 disabled", "B: security.cgi", "src", "yes", BY_HAND),
    Fact(
        "asp_sipalg", "sip_alg", "disable_sipalg on WAN_wan.asp is ticked: inactive", "C: WAN_wan.asp",
        "inferred", "opt-in", BY_HAND,
    ),
    Fact("wan_setup", "sip_alg", "another back end, or a page that shows no value", "D, E, others", "unknown", "no", BY_HAND, reads="no"),
    Fact(
        "udp_kernel", "udp_timeout", "UDP timer of the firmware: 300 s in the sources of R7800, D7800 and RBR50", "A", "src", "no",
        "no page sets it: let the phones send a keep-alive every 30 s or less",
        reads="known",
    ),
    Fact("forwarding", "port_forwards", "port forwarding rules, for everybody", "A", "src", "yes", f"{FORWARD_BY_HAND}: Delete Service"),
    Fact("pf_services", "port_forwards", "port forwarding rules, for everybody", "B", "src", "no", f"{FORWARD_BY_HAND}: Delete Service"),
    Fact(
        "dmz_host", "port_forwards", "Default DMZ Server: all ports go to one host", "A, B, C", "src", "no",
        f"{GUI}: untick 'Default DMZ Server'",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Genie:
    """`rules` None where they could not be read; `taken`: UDP ports of port triggering and UPnP; `lan`: address and mask."""

    model: str | None
    firmware: str | None
    page: Page
    rules: tuple[Rule, ...] | None = None
    taken: tuple[tuple[int, int, str], ...] = ()
    lan: tuple[str, str] = ("", "")


def sniff(peek: Peek) -> Sighting | None:
    reply = peek(f"GET {ABOUT}")
    return about(reply.text()) if reply is not None and reply.status == 200 else None


def parse(replies: Replies) -> Genie:
    seen = about(replies.get("about", "")) or Sighting()
    page = wan_page(replies.get("wan", ""))
    box = Genie(seen.model, seen.firmware, page)
    text = replies.get("forwards", "")
    if refused(text) or not whole(text):
        return box
    if page.family == "A":
        lan = (script_var(text, "lan_ip") or "", script_var(text, "lan_subnet") or "")
        return replace(box, rules=table_of(text), taken=taken_ports(text), lan=lan)
    return replace(box, rules=services_of(text)) if page.family == "B" else box


def _mechanism(page: Page) -> Mechanism:
    name = MECHANISMS.get(page.family, "wan_setup")
    return Mechanism(
        name, "global", page.state, page.basis, (page.evidence,), "src" if page.state != "unknown" else "unknown"
    )


def _timer(box: Genie) -> Timer:
    """No page shows it. Where the firmware's source is known it is fixed; of others nothing is claimed."""
    known = box.page.family == "A" and box.model in TIMER_SEEN_IN
    note = (
        f"fixed by the firmware of {box.model}; it is not shown by the router"
        if known
        else "no page of this router shows it"
    )
    label = "src" if known else "unknown"
    return Timer("udp_kernel", "global", FIXED_TIMER if known else None, (note,), "default", label, known=known)


def _inbound(box: Genie) -> list[Forward]:
    """These routers cannot say who may use a forward: everybody can."""
    kind = "forwarding" if box.page.family == "A" else "pf_services"
    ours = {name for name in _groups(box) if _is_ours(box, name)}
    out = [
        Forward(
            kind, f"{r.name}: {ports((r.first, r.last))}", r.first, r.last, r.host or None, (ANY,),
            (f"{r.name} {r.protocol} {r.first}-{r.last} {r.host}",), r.inside_first, "src", r.name in ours,
        )
        for r in box.rules or () if r.takes_udp
    ]  # fmt: skip
    if box.page.dmz:
        evidence = f"Default DMZ Server {box.page.dmz}"
        out.append(Forward("dmz_host", "Default DMZ Server", 1, 65535, box.page.dmz, (ANY,), (evidence,), label="src"))
    return out


def assess(box: Genie, profile: Profile) -> Assessment:
    sip = sip_aspect([_mechanism(box.page)])
    timer = _timer(box)
    timeout = timeout_aspect([timer], profile.udp_timeout)
    inbound = _inbound(box)
    forwards = forwards_aspect(inbound, box.rules is not None, profile)
    findings = (
        sip_findings(sip) + timeout_findings(timeout, profile.name) + forwards_findings(inbound, forwards, profile)
    )
    advice, not_checked = [], ["runtime state: calls in progress keep their treatment until the phones register again"]
    if box.page.state == "unknown":
        advice.append(
            f"{box.page.evidence}. {BY_HAND}. An access point or bridge does not translate, and does not show this page"
        )
    if not timer.known:
        advice.append(TIMER_ADVICE)
        not_checked.append("the UDP timer: no page of this router shows it")
    elif timer.seconds is not None and not is_low(timer, profile.udp_timeout):
        not_checked.append(
            f"the UDP timer of {timer.seconds} s is that of the firmware's source, the router does not show it"
        )
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.firmware, aspects, tuple(findings), tuple(advice), tuple(not_checked))


TIMER_ADVICE = "the UDP timer cannot be read or set: let the phones send a keep-alive every 30 s or less"


def plan(box: Genie, options: Options) -> Plan:
    page = box.page
    steps: list[Step] = []
    unsupported: dict[str, str] = {}
    expected, left = box, ""
    if page.family not in MECHANISMS:
        return Plan((), box, f"{page.evidence or 'its pages are of no known family'}. By hand: {BY_HAND}")
    if options.state is not None and page.state == "unknown":
        return Plan((), box, f"the state of the SIP ALG is not shown ({page.evidence}). By hand: {BY_HAND}")
    if options.state is not None and page.state != ("off" if options.state == DISABLED else "on"):
        if page.problem:
            return Plan((), box, f"the WAN Setup page is not as it is known here: {page.problem}. By hand: {BY_HAND}")
        disable = options.state == DISABLED
        step = Step((page.line(disable),), (page.line(),), label="src" if page.family != "C" else "inferred")
        steps.append(step)
        after = replace(page, state="off" if disable else "on", basis="configured")
        expected = replace(box, page=after)
        left = "calls in progress keep their treatment: let the phones register again"
    if options.timeout is not None:
        reason = _timer_reason(box, options.timeout)
        if reason:
            unsupported["udp_timeout"] = reason
    if options.forwards is not None:
        try:
            found, rules = _forward_steps(box, options.forwards)
        except Refusal as error:
            unsupported["port_forwards"] = str(error)
        else:
            steps += found
            expected = replace(expected, rules=rules)
    return Plan(tuple(steps), expected, None, (left,) if left else (), unsupported)


def _timer_reason(box: Genie, wanted: Wanted) -> str:
    timer = _timer(box)
    if not timer.known:
        return TIMER_ADVICE
    if is_low(timer, wanted):
        return f"the UDP timer is fixed at {FIXED_TIMER} s: let the phones send a keep-alive every 30 s or less"
    return ""


def _groups(box: Genie) -> dict[str, list[Rule]]:
    """Rows by name: the router shows and removes those of one name, next to each other, as one service."""
    out: dict[str, list[Rule]] = {}
    for rule in box.rules or ():
        out.setdefault(rule.name, []).append(rule)
    return out


def _is_ours(box: Genie, name: str) -> bool:
    """A service as we make it; one that was altered by hand has no exact inverse here, and is somebody else's."""
    rows = _groups(box)[name]
    plain = all(r.protocol == "UDP" and r.inside_first == r.first and r.host == rows[0].host for r in rows)
    return name.startswith(OURS) and plain


def _forward_steps(box: Genie, wanted: Forwards) -> tuple[list[Step], tuple[Rule, ...] | None]:
    """Steps, and the rules afterwards. Raises Refusal with what a person does instead."""
    host = f"Internal IP address {wanted.pbx}" if wanted.pbx else ""
    spans = ", ".join(ports(span) for span in wanted.ranges)
    by_hand = f"By hand: {FORWARD_BY_HAND} > Add Custom Service, {spans}, {host}".rstrip(", ")
    if box.page.family != "A" or box.rules is None:
        raise Refusal(
            f"how forwards are made on this router is not known here, or its rules could not be read. {by_hand}"
        )
    ours = [rows for name, rows in _groups(box).items() if _is_ours(box, name)]
    if not wanted.present:
        kept = tuple(r for r in box.rules if not any(r in rows for rows in ours))
        return [Step((service_line("REMOVE", rows),), (service_line("ADD", rows),), label="src") for rows in ours], kept
    inbound = _inbound(box)
    if not open_ranges(inbound, wanted):
        return [], box.rules
    if ANY not in wanted.sources:
        raise Refusal(
            "this router cannot restrict a forward to networks: everybody would reach the PBX. Put a firewall that can before it, "
            f"or ask for it with sources: any. {by_hand}"
        )
    blocked = in_the_way(inbound, wanted) or _against(box, wanted)
    if not blocked and OURS in _groups(box) and not _is_ours(box, OURS):
        blocked = f"there is a service '{OURS}' that is not as it was made here"
    if blocked:
        raise Refusal(f"{blocked}. {by_hand}")
    others = [f for f in inbound if not f.ours]
    rows = [Rule(OURS, "UDP", first, last, first, wanted.pbx) for first, last in open_ranges(others, wanted)]
    kept = tuple(r for r in box.rules if not any(r in group for group in ours))
    if len(kept) + len(rows) > LARGEST_TABLE:
        raise Refusal(f"the table holds {LARGEST_TABLE} rows and is full. {by_hand}")
    steps = [Step((service_line("REMOVE", group),), (service_line("ADD", group),), label="src") for group in ours]
    return [*steps, Step((service_line("ADD", rows),), (service_line("REMOVE", rows),), label="src")], (*kept, *rows)


def _against(box: Genie, wanted: Forwards) -> str:
    """What else forbids a rule: only the page's scripts check it, the server takes anything."""
    address, mask = box.lan
    try:
        inside = ipaddress.IPv4Interface(f"{address}/{mask}")
    except ValueError:
        return "the address of the LAN could not be read"
    pbx = ipaddress.IPv4Address(wanted.pbx)
    if pbx not in inside.network or pbx in (
        inside.ip,
        inside.network.network_address,
        inside.network.broadcast_address,
    ):
        return f"{wanted.pbx} is no host of the LAN {inside.network}"
    reserved = [(port, port, "the router itself") for port in RESERVED]
    for first, last in wanted.ranges:
        if last > LAST_PORT:
            return f"this router forwards ports up to {LAST_PORT} only"
        for low, high, who in (*box.taken, *reserved):
            if low <= last and first <= high:
                return f"{ports((low, high))} is used by {who}"
    return ""


def read(ask: Ask, identity: str) -> dict[str, str]:
    text = ask(f"GET {WAN}")
    answered = text.startswith("404 ") or not refused(text)
    if answered and not wan_page(text).family:
        # The other families have their page elsewhere, or show themselves on the first page.
        for other in (ASP, "/"):
            more = ask(f"GET {other}")
            if wan_page(more).family:
                text = more
                break
    return {"about": identity, "wan": text}


def read_forwards(ask: Ask, replies: Replies, _profile: Profile) -> dict[str, str]:
    family = wan_page(replies["wan"]).family
    if family == "A":
        return {"forwards": ask(f"GET {NEW_RULE}")}
    if family == "B":
        text = ask(f"GET {SERVICES[0]}")
        return {"forwards": text if "pf_services_tbl" in text else ask(f"GET {SERVICES[1]}")}
    return {}


PLATFORM = Platform(
    name="netgear_genie",
    title="NETGEAR home routers (genie pages)",
    network_os=("netgear_genie", "netgear", "nighthawk", "orbi"),
    dialect=Dialect(),
    facts=FACTS,
    identify=f"GET {ABOUT}",
    recognise=lambda reply: about(reply) is not None,
    read=read,
    read_forwards=read_forwards,
    parse=parse,
    assess=assess,
    plan=plan,
    sniff=sniff,
    factory_logins=(("admin", "password"),),
    door=Door(base="", log_in=log_in, log_out=leave, refusal=refusal, send=send),
)
