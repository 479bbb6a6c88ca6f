# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Link home routers (DIR-6xx, DIR-8xx): three families of firmware, told apart by what answers and never by the model's name.

On many of them "SIP ALG off" does not mean "leave SIP alone" but "drop UDP 5060 from the LAN to the WAN". Family A (Cameo: .asp pages,
apply.cgi) never unloads the ALG at all; family B (Alpha: getcfg.php) unloads it, and on four models drops 5060 as well; of family C
(HNAP1) nobody has read that part. So only those models of family B are changed whose code was read and has no such rule.
Sources: the vendor's published source and firmware files of DIR-615 C (Cameo) and of a DIR-850L A1 tree with all models of its
generation (Alpha), templates of DIR-822 A1 (HNAP1), the vendor's help texts, and working clients for the logins.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges
from ..core.model import DISABLED, Assessment, Forwards, Mechanism, Options, Plan, Step
from ..core.profiles import Profile
from ..core.text import port_range
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
)  # fmt: skip
from ..transports.cli import Dialect
from ..transports.rest import Door
from . import _dlink_doors as doors
from . import _dlink_text as text
from ._dlink_doors import ALPHA, CAMEO, HNAP, OTHER
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

# Family B, by what the code of that model does with "off". [src: one tree, that of DIR-850L A1] Of DIR-815 only hardware B.
SAFE = r"DIR-?(645|815 ?B\w?|845L?|860L|865L|868L)"
DROPS = r"DIR-?(850L|602|616L|860LE)"

WARNING = "there 'SIP' must stay ticked: unticked, the router drops UDP 5060 towards the Internet and every phone on that port stops"
RECIPE = (
    "The usual recipe (untick 'Enable SPI', 'UDP Endpoint Filtering: Endpoint Independent', untick 'SIP', Save Settings, Reboot) is right "
    "only where no phone uses UDP 5060 upstream"
)
HELPS = "What helps: SIP over TLS or TCP, or another port than 5060 at the provider"
GUI = "Advanced > Firewall Settings > Application Level Gateway (ALG) Configuration"
TEST = (
    "let a phone register over UDP 5060 and make a call; if that fails, take the change back (voip.edge.onboard_undo)"
)
FORWARD_BY_HAND = (
    "Advanced > Inbound Filter: a rule with the provider's networks; then Advanced > Port Forwarding: one rule with the UDP ports "
    "5060,10000-20000 to the PBX, with that filter (in newer pages the two stand elsewhere, and some have no filter)"
)
KEEP_ALIVE = "the UDP timer is fixed in the firmware of these routers; let the phones send a keep-alive every 30 s"

FACTS = (
    Fact(
        "alg_sip", SIP_ALG, "alg_sip, .asp pages: 1 is on, 0 drops UDP 5060 with the ALG still loaded", "family A", "src", "no",
        f"{GUI}: {WARNING}. {HELPS}. {RECIPE}",
    ),
    Fact(
        "acl_sip", SIP_ALG, "acl/alg/sip of DIR-645, 815 B, 845, 860L, 865L, 868L: off unloads the ALG", "family B", "src", "yes",
        f"{GUI}: untick 'SIP', Save Settings; then {TEST}",
    ),
    Fact(
        "acl_sip_drops", SIP_ALG, "acl/alg/sip of DIR-850L, 602, 616L, 860LE: off unloads the ALG and drops UDP 5060", "family B", "src",
        "no", f"{GUI}: {WARNING}. {HELPS}. {RECIPE}",
    ),
    Fact(
        "acl_sip_unread", SIP_ALG, "acl/alg/sip of another model: whether off drops UDP 5060 was not read", "family B", "inferred", "no",
        f"{GUI}: untick 'SIP', Save Settings, only with a phone at hand, since on some models that drops UDP 5060: {TEST}. {HELPS}",
    ),
    Fact(
        "hnap_sip", SIP_ALG, "ALGSIP of GetFirewallSettings: whether off drops UDP 5060 was not read", "family C", "inferred", "no",
        "in the firewall settings of its pages: untick 'SIP' and save, only with a phone at hand, since on some D-Link models that drops "
        f"UDP 5060: {TEST}. {HELPS}",
    ),
    Fact(
        "udp_5060_drop", SIP_ALG, "whether SIP over UDP 5060 is dropped while SIP is unticked, on models of which that was not read",
        "families B and C", "unknown", "no",
        f"SIP is unticked, and on some D-Link models that drops UDP 5060 towards the Internet: {TEST}, or tick 'SIP' again",
        reads="no",
    ),
    Fact(
        "not_read", SIP_ALG, "older and other D-Link models: no switch for SIP is known", "others", "unknown", "no",
        f"look for a switch for SIP ({GUI}, if it is there); without one use SIP over TLS or TCP, or another router",
        reads="no",
    ),
    Fact("udp_unreplied", UDP_TIMEOUT, "UDP without an answer: 65 s, fixed", "family A", "src", "no", KEEP_ALIVE, reads="known"),
    Fact("udp_stream", UDP_TIMEOUT, "UDP in both directions: 80 s, fixed", "families A and B", "src", "no", KEEP_ALIVE, reads="known"),
    Fact("udp_unread", UDP_TIMEOUT, "the UDP timer was not read", "family C, others", "unknown", "no", KEEP_ALIVE, reads="no"),
    Fact(
        "port_forward", PORT_FORWARDS, "port forwarding rules; made where everybody may reach the PBX (sources: any)", "family A", "src",
        "yes", FORWARD_BY_HAND,
    ),
    Fact("port_forward_read", PORT_FORWARDS, "port forwarding rules", "families B and C", "src", "no", FORWARD_BY_HAND),
    Fact(
        "virtual_server", PORT_FORWARDS, "virtual servers", "families A and B", "src", "no",
        "Advanced > Virtual Server: remove the rule that is in the way",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Dlink:
    """`sip` is the stored value, None where it was not read; `broken` why nothing can be posted; `rows` are family A's own."""

    family: str
    model: str | None
    firmware: str | None
    may_change: bool
    sip: str | None
    broken: str
    forwards: tuple[Forward, ...] = ()
    forwards_known: bool = False
    rows: tuple[tuple[str, str], ...] = ()
    rows_broken: str = ""

    @property
    def mechanism(self) -> str:
        """The id of the place where SIP is decided here: it follows from family and model."""
        if self.family != ALPHA:
            return {CAMEO: "alg_sip", HNAP: "hnap_sip"}.get(self.family, "not_read")
        model = self.model or ""
        return (
            "acl_sip"
            if re.fullmatch(SAFE, model)
            else "acl_sip_drops"
            if re.fullmatch(DROPS, model)
            else "acl_sip_unread"
        )

    @property
    def drops(self) -> bool:
        """Whether "off" is known to drop UDP 5060."""
        return self.mechanism in ("alg_sip", "acl_sip_drops")

    @property
    def unsure(self) -> bool:
        return self.mechanism in ("acl_sip_unread", "hnap_sip")

    @property
    def state(self) -> str:
        on = {CAMEO: ("1", ""), ALPHA: ("1",), HNAP: ("true",)}.get(self.family, ())
        off = {CAMEO: ("0",), ALPHA: ("0",), HNAP: ("false",)}.get(self.family, ())
        if self.sip is None or self.sip not in (*on, *off):
            return "unknown"
        if self.sip in on:
            return "on"
        return "blocking" if self.drops else "off"

    @property
    def place(self) -> tuple[str, str]:
        """Where the value stands: page, service or action, and name."""
        return {CAMEO: (text.FIREWALL, "alg_sip"), ALPHA: ("ACL", "alg/sip")}.get(
            self.family, ("FirewallSettings", "ALGSIP")
        )


def parse(replies: Replies) -> Dlink:
    try:
        known = json.loads(replies.get("identity", ""))["dlink"]
    except (ValueError, KeyError, TypeError):
        known = {"family": OTHER}
    family, said = str(known.get("family", OTHER)), replies.get("sip", "")
    readers = {CAMEO: text.sip_of_page, ALPHA: text.sip_of_module, HNAP: text.sip_of_six}
    sip, broken = None, "nothing is known about how this device is changed"
    if family in readers:
        sip, broken = readers[family](said), _broken(family, said)
    box = Dlink(family, known.get("model"), known.get("firmware"), known.get("may_change") is True, sip, broken)
    inbound = {CAMEO: _cameo_forwards, ALPHA: _alpha_forwards, HNAP: _hnap_forwards}.get(family)
    return inbound(box, replies) if inbound is not None else box


def _broken(family: str, said: str) -> str:
    """Why the whole of it cannot be posted again; "" where it can."""
    try:
        if family == CAMEO:
            text.form(said, text.FIREWALL)
        elif family == ALPHA:
            text.acl(said)
        else:
            text.six(said)
    except ValueError as error:
        return str(error)
    return ""


def _spans(ports: str) -> list[tuple[int, int]] | None:
    """`5060,10000-20000` as ranges, `0` or nothing as none; some firmware writes a range with a colon."""
    parts = [part.strip().replace(":", "-") for part in ports.split(",") if part.strip() not in ("", "0")]
    found = [port_range(part) for part in parts]
    return None if None in found else [span for span in found if span is not None]


def _cameo_forwards(box: Dlink, replies: Replies) -> Dlink:
    """`enable/name/lan_ip/tcp_ports/udp_ports/schedule/inbound_filter`, and `enable/name/proto/public/private/ip/schedule/inbound`."""
    page = replies.get("forwards", "")
    rows, rules = text.hidden(page, text.ROWS), text.hidden(page, text.RULES)
    found: list[Forward] = []
    whole = rows is not None and rules is not None
    for slot, row in (rows or {}).items():
        cells = row.split("/")
        if cells[0] != "1":
            continue
        spans = _spans(cells[4]) if len(cells) == 7 else None
        whole = whole and spans is not None
        for first, last in spans or ():
            found.append(_cameo_forward("port_forward", slot, (first, last), cells[2], (cells[1], *cells[5:7]), row))
    for slot, rule in (rules or {}).items():
        cells = rule.split("/")
        if cells[0] == "1" and cells[2:3] != ["6"]:
            good = len(cells) == 8 and cells[3].isdigit() and cells[4].isdigit()
            whole = whole and good
            if good:
                port = int(cells[3])
                one = _cameo_forward("virtual_server", slot, (port, port), cells[5], (cells[1], *cells[6:8]), rule)
                found.append(replace(one, inside_first=int(cells[4])))
    problem = ""
    try:
        text.form(page, text.FORWARDS)
    except ValueError as error:
        problem = str(error)
    if not problem and text.applications_in_use(page):
        problem = "application rules are in use, and whether they overlap is for a person to see"
    return replace(
        box, forwards=tuple(found), forwards_known=whole, rows=tuple((rows or {}).items()), rows_broken=problem
    )


def _cameo_forward(kind: str, slot: str, span: tuple[int, int], inside: str, more: Sequence[str], row: str) -> Forward:
    name, schedule, who = more
    sources: tuple[str, ...] | None = (ANY,) if (schedule, who) == ("Always", "Allow_All") else None
    if schedule == "Never" or who == "Deny_All":
        sources = ()
    return Forward(
        kind, f"{name} ({slot})", span[0], span[1], inside, sources, (f"{slot}={row}",), label="src",
        ours=kind == "port_forward" and name == OURS,
    )  # fmt: skip


def _alpha_forwards(box: Dlink, replies: Replies) -> Dlink:
    """Only the host part of an inside address is stored, and what filters the sources is not known."""
    found: list[Forward] = []
    whole = True
    for kind, service in (("port_forward_read", "PFWD.NAT-1"), ("virtual_server", "VSVR.NAT-1")):
        module = text.module(text.document(replies.get(service, "")), service)
        whole = whole and module is not None
        for entry in module.iter("entry") if module is not None else ():
            if entry.find("uid") is None or _cell(entry, "enable") != "1":
                continue
            listed = _cell(entry, "uport_str")
            if not listed and _cell(entry, "protocol") != "TCP":
                listed = "-".join(p for p in (_cell(entry, "external/start"), _cell(entry, "external/end")) if p)
            spans = _spans(listed)
            whole = whole and spans is not None
            name = f"{_cell(entry, 'description')} ({_cell(entry, 'uid')})"
            found += [
                Forward(kind, name, first, last, None, None, (f"{service} {name}: UDP {listed}",), label="src")
                for first, last in spans or ()
            ]
    return replace(box, forwards=tuple(found), forwards_known=whole)


def _cell(entry: ET.Element, path: str) -> str:
    return (entry.findtext(path) or "").strip()


def _hnap_forwards(box: Dlink, replies: Replies) -> Dlink:
    """The virtual servers are not read, so that there is no forward can never be said."""
    listed = text.answer(replies.get("forwards", ""), "GetPortForwardingSettings")
    found = []
    for entry in listed.iter("PortForwardingInfo") if listed is not None else ():
        if _cell(entry, "Enabled").lower() in text.TRUE:
            name, ports = _cell(entry, "PortForwardingDescription"), _cell(entry, "UDPPorts")
            sources = (ANY,) if _cell(entry, "ScheduleName") in ("", "Always") else None
            for first, last in _spans(ports) or ():
                inside = _cell(entry, "LocalIPAddress") or None
                found.append(
                    Forward(
                        "port_forward_read", name, first, last, inside, sources, (f"{name}: UDP {ports}",), label="src"
                    )
                )
    return replace(box, forwards=tuple(found))


def _sip(box: Dlink) -> Mechanism:
    where, name = box.place
    if box.family == OTHER:
        return Mechanism(
            "not_read",
            "global",
            "unknown",
            "configured",
            ("this firmware is of no family that is known here",),
            "unknown",
        )
    evidence = [f"{where}: {name} = '{box.sip}'" if box.sip is not None else f"{where} does not show {name}"]
    if box.state == "blocking":
        evidence.append(
            "off drops UDP 5060 towards the WAN here" + ("; the ALG stays loaded" if box.family == CAMEO else "")
        )
    # the code of the drop was read in DIR-615 C and the generation of DIR-652V; of the others of family A it follows
    read = box.family == ALPHA or (box.family == CAMEO and re.match(r"DIR-6(15|52)", box.model or "") is not None)
    label = "src" if read or box.state == "on" else "inferred"
    return Mechanism(box.mechanism, "global", box.state, "configured", tuple(evidence), label, box.sip or "")


def _drop(box: Dlink) -> Mechanism:
    """The ALG is off, and that may be what stops the phones: as long as nobody has read that model's code, nothing is claimed."""
    state = {"on": "not_applicable", "off": "unknown"}.get(box.state, "unknown")
    note = (
        "not while SIP is ticked"
        if state == "not_applicable"
        else f"not read for {box.model or 'a model that is not shown'}"
    )
    return Mechanism("udp_5060_drop", "global", state, "configured", (note,), "unknown")


def _timers(box: Dlink) -> list[Timer]:
    if box.family == CAMEO:
        return [
            Timer(
                "udp_unreplied", "global", 65, ("65 s until the first answer, fixed in the firmware",), "default", "src"
            ),
            Timer("udp_stream", "global", 80, ("80 s afterwards, fixed in the firmware",), "default", "src"),
        ]
    if box.family == ALPHA:
        return [Timer("udp_stream", "global", 80, ("80 s from the start on, fixed in the firmware",), "default", "src")]
    return [
        Timer(
            "udp_unread",
            "global",
            None,
            ("the timer of this firmware was not read",),
            "default",
            "unknown",
            known=False,
        )
    ]


def assess(box: Dlink, profile: Profile) -> Assessment:
    sip = sip_aspect([_sip(box), *([_drop(box)] if box.unsure else [])], cannot_disable=box.drops)
    timeout = timeout_aspect(_timers(box), profile.udp_timeout)
    forwards = forwards_aspect(box.forwards, box.forwards_known, profile)
    findings = sip_findings(sip) + timeout_findings(timeout, profile.name)
    findings += forwards_findings(box.forwards, forwards, profile)
    by_id = {fact.id: fact.by_hand for fact in FACTS}
    advice = tuple(f"{m.id} (global): {by_id[m.id]}" for m in sip.mechanisms if m.state == "unknown")
    not_checked = [
        "whether SIP over UDP 5060 passes: the value is the device's own word, and later firmware of a model may differ"
    ]
    if box.family == HNAP:
        not_checked.append("virtual servers: there is no known request for them")
    return Assessment(
        box.model,
        box.firmware,
        {a.name: a for a in (sip, timeout, forwards)},
        tuple(findings),
        advice,
        tuple(not_checked),
    )


def plan(box: Dlink, options: Options) -> Plan:
    """Nothing is written that could stop the phones unless the user insists, and then the result says what it does."""
    steps: list[Step] = []
    left: list[str] = []
    why: dict[str, str] = {}
    expected = box
    if options.state is not None:
        found, expected, said = _sip_plan(expected, options)
        steps += found
        if isinstance(said, str):
            why[SIP_ALG] = said
        else:
            left += said
    if options.timeout is not None and any(is_low(t, options.timeout) or not t.known for t in _timers(box)):
        why[UDP_TIMEOUT] = KEEP_ALIVE
    if options.forwards is not None:
        found, expected, said = _forwards_plan(expected, options.forwards)
        steps += found
        if said:
            why[PORT_FORWARDS] = said
    if steps and not box.may_change:
        return Plan((), box, "this account may look and not change: log in as the administrator ('admin')", (), why)
    return Plan(tuple(steps), expected, None, tuple(left), why)


def _sip_plan(box: Dlink, options: Options) -> tuple[list[Step], Dlink, str | list[str]]:
    """The steps, the device afterwards, and what is left to do, or in one sentence why there are none."""
    disable = options.state == DISABLED
    if box.sip is None or box.state == "unknown":
        return [], box, f"what is set for SIP is not known: {_sip(box).evidence[-1]}"
    if (box.state != "on") == disable:
        return [], box, []
    if disable and not options.allow_unproven and (box.drops or box.unsure):
        if box.drops:
            return [], box, f"the SIP ALG of this router has no off: unticking SIP drops UDP 5060. {HELPS}"
        return [], box, f"whether this model drops UDP 5060 with SIP unticked is not known, so it is not tried. {HELPS}"
    if box.broken:
        return [], box, f"nothing is posted: {box.broken}"
    words = ("true", "false") if box.family == HNAP else ("1", "0")
    new = words[1] if disable else words[0]
    where, name = box.place
    after = replace(box, sip=new)
    step = Step(
        (doors.setting(where, name, box.sip, new),), (doors.setting(where, name, new, box.sip),),
        label="inferred" if disable and box.unsure else "src",
    )  # fmt: skip
    if not disable:
        return [step], after, []
    left = ["calls in progress keep their treatment until they end: let the phones register again"]
    if box.drops:
        left.append(f"SIP over UDP 5060 is now blocked by this router. {HELPS}; or set state: enabled")
    elif box.unsure:
        left.append(f"not proven: this model may drop UDP 5060 now: {TEST}")
    else:
        left.append(TEST)
    return [step], after, left


def _forwards_plan(box: Dlink, wanted: Forwards) -> tuple[list[Step], Dlink, str]:
    """Family A only: one row, by the name that is ours. The steps, the device afterwards, and why there are none."""
    if wanted.present and not open_ranges(box.forwards, wanted):
        return [], box, ""
    if box.family != CAMEO:
        reason = {
            ALPHA: "how this firmware writes a range of ports and an inside address is not proven",
            HNAP: "the virtual servers of this firmware cannot be seen, so that an overlap would not be noticed",
        }.get(box.family, "this firmware is not known")
        return [], box, f"no forward is made: {reason}. {FORWARD_BY_HAND}"
    if box.rows_broken or not box.forwards_known:
        return [], box, f"no forward is made: {box.rows_broken or 'the rules could not be read'}. {FORWARD_BY_HAND}"
    old = [(slot, row) for slot, row in box.rows if row.split("/")[1:2] == [OURS]]
    if not wanted.present:
        return _rows(box, [(slot, row, text.FREE_ROW) for slot, row in old])
    if wanted.sources != (ANY,):
        return (
            [],
            box,
            f"no forward is made: a rule of this router lets everybody in unless an inbound filter is chosen. {FORWARD_BY_HAND}",
        )
    foreign = [f for f in box.forwards if not f.ours]
    blocking = in_the_way(foreign, wanted)
    if blocking is not None:
        return [], box, blocking
    ports = ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in open_ranges(foreign, wanted))
    row = f"1/{OURS}/{wanted.pbx}/0/{ports}/Always/Allow_All"
    free = [(slot, was) for slot, was in box.rows if was == "" or was.split("/")[1:2] == [""]]
    if not old and not free:
        return [], box, f"no forward is made: all {len(box.rows)} rules are in use (Advanced > Port Forwarding)"
    slot, was = (old or free)[0]
    return _rows(box, [(slot, was, row)])


def _rows(box: Dlink, changes: list[tuple[str, str, str]]) -> tuple[list[Step], Dlink, str]:
    rows = dict(box.rows)
    steps = []
    for slot, was, row in changes:
        do, undo = doors.setting(text.FORWARDS, slot, was, row), doors.setting(text.FORWARDS, slot, row, was)
        steps.append(Step((do,), (undo,), label="src"))
        rows[slot] = row
    foreign = tuple(f for f in box.forwards if not f.ours)
    ours = []
    for slot, row in rows.items():
        cells = row.split("/")
        if cells[:2] == ["1", OURS]:
            more = (cells[1], *cells[5:7])
            ours += [_cameo_forward("port_forward", slot, span, cells[2], more, row) for span in _spans(cells[4]) or ()]
    return steps, replace(box, forwards=(*ours, *foreign), rows=tuple(rows.items())), ""


def read(ask: Ask, identity: str) -> dict[str, str]:
    """The family is known by now; of an unknown one nothing is read."""
    where = {CAMEO: text.FIREWALL, ALPHA: "ACL", HNAP: "FirewallSettings"}.get(parse({"identity": identity}).family)
    return {"identity": identity, **({"sip": ask(f"GET {where}")} if where else {})}


def read_forwards(ask: Ask, replies: Replies, _profile: Profile) -> dict[str, str]:
    family = parse({"identity": replies["identity"]}).family
    if family == ALPHA:
        return {service: ask(f"GET {service}") for service in ("PFWD.NAT-1", "VSVR.NAT-1")}
    where = {CAMEO: text.FORWARDS, HNAP: "PortForwardingSettings"}.get(family)
    return {"forwards": ask(f"GET {where}")} if where else {}


def sniff(peek: Peek) -> Sighting | None:
    box = doors.seen(peek)
    return (
        Sighting(box.model, box.firmware)
        if box is not None and (box.family != OTHER or box.model is not None)
        else None
    )


PLATFORM = Platform(
    name="dlink",
    title="D-Link home routers (DIR-6xx, DIR-8xx)",
    network_os=("dlink", "d-link", "dlink_dir"),
    dialect=Dialect(),
    facts=FACTS,
    identify=doors.IDENTITY,
    recognise=lambda reply: reply.startswith('{"dlink":'),
    read=read,
    read_forwards=read_forwards,
    parse=parse,
    assess=assess,
    plan=plan,
    door=Door(base="", log_in=doors.log_in, log_out=doors.log_out, refusal=doors.refusal, send=doors.send),
    sniff=sniff,
    factory_logins=(("admin", ""), ("Admin", "")),
)  # fmt: skip
