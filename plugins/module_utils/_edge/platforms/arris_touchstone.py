# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARRIS Touchstone gateways (DG860A, DG1670A and relatives) whose pages read and set SNMP objects by GET requests.

The ALGs are bits of one object of each LAN. What is set waits in a cache until an apply stores it and restarts every service.
The object and its bits are in the vendor's MIB and the grammar of a set is in working clients, but no client was found that sets
this very object, so the switch is only thrown where the user allows what is not proven. Forwards are in the clients whole.
One model may carry other firmware of its operator: with an encrypted log-in (S2) or with PHP pages (P). Those are recognised
by asking, no password is sent to them, and nothing is claimed.
Sources: the vendor's ARRIS-ROUTER-DEVICE-MIB; two clients of the Virgin Media Hub 3; the scripts of the vendor's own pages; a client
of the PHP pages; the support article about the DG860A and the DG1670A.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..core.forwards import ANY, OURS, Forward, forwards_aspect, forwards_findings, in_the_way, open_ranges
from ..core.model import DISABLED, Assessment, Finding, Forwards, Mechanism, Options, Plan, Step
from ..core.profiles import Profile
from ..core.verdict import UDP_TIMEOUT, Timer, sip_aspect, sip_findings, timeout_aspect, timeout_findings
from ..transports.cli import Dialect
from ..transports.rest import Door, by_status
from . import _arris_door as door
from ._arris_door import (
    ALGS,
    CREATE,
    DESTROY,
    FIRMWARE,
    IDENTIFY,
    LEVEL,
    LIVE,
    LOCKS,
    MODES,
    SERVERS,
    SERVERS_ON,
    TYPES,
    UDP,
    USER,
    WALL,
    got,
    has_sip,
    is_key,
    octets,
    pairs,
    turned_to,
)  # fmt: skip
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

BRIDGE = "ask the operator for bridge mode, and let a router behind it that is fit for SIP do the NAT"
NO_TIMER = f"no setting for UDP timers exists on this gateway: let the phones send a SIP keep-alive every 20 to 30 s; better, {BRIDGE}"

FACTS = (
    Fact(
        "alg_bits", "sip_alg", "arrisRouterLanNatAlgsEnabled, bit 11 (SIP) of a LAN", "DG1670A and relatives", "inferred", "opt-in",
        f"in the gateway's pages (http://192.168.0.1), look for the ALGs among the Firewall pages: untick SIP, Apply; or {BRIDGE}",
    ),
    Fact(
        "no_switch", "sip_alg", "an ALG for which the firmware has no switch", "DG860A, where the object is missing", "doc", "no", BRIDGE,
        reads="known",
    ),
    Fact(
        "other_firmware", "sip_alg", "the operator's own firmware (encrypted log-in, or PHP pages)", "S2, P", "src", "no",
        f"the pages of this firmware are not read: ask the operator whether the SIP ALG is off; or {BRIDGE}",
        reads="no",
    ),
    Fact(
        "firewall_level", "sip_alg", "firewall level: the maximum lets no SIP and no RTP out", "all", "doc", "no",
        "Firewall: choose Minimum or Medium instead of Maximum, Apply",
    ),
    Fact(
        "udp_timer", "udp_timeout", "UDP timer: no object for it exists, and on the DG1670A it goes on causing trouble", "all", "doc", "no",
        NO_TIMER, reads="no",
    ),
    Fact(
        "virtual_server", "port_forwards", "virtual servers (port forwards); they let everybody in", "all", "src", "yes",
        "Firewall > Virtual Servers / Port Forwarding: remove the row, Apply",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Touchstone:
    """`family` is S, S2 or P. What is None was not read whole. `algs`, `modes`, `locks`: values by LAN; `servers`: columns by row."""

    family: str
    model: str | None
    version: str | None
    other: str
    algs: Mapping[str, str] | None
    modes: Mapping[str, str] | None
    locks: Mapping[str, str] | None
    level: str | None
    wall: str | None
    servers: Mapping[int, Mapping[str, str]] | None
    servers_on: str | None

    @property
    def has_switch(self) -> bool:
        """The DG860A has an ALG and no switch, whatever its objects show; others may lack the object."""
        return bool(self.algs) and not (self.model or "").upper().startswith("DG860A")

    def bridged(self, lan: str) -> bool:
        return (self.modes or {}).get(lan) == "1"

    @property
    def out_of_the_path(self) -> bool:
        """Whether every LAN is bridged."""
        return bool(self.modes) and all(self.bridged(lan) for lan in self.modes or ())


# ---- reading ---------------------------------------------------------------------------------------------------------


def _walked(text: str, root: str) -> dict[str, str] | None:
    """The instances below a column; None where the walk did not come to its end."""
    found = pairs(text)
    if found is None or found.get("1") != "Finish":
        return None
    return {
        name.removeprefix(f"{root}."): value
        for name, value in found.items()
        if name.startswith(f"{root}.") and not value.lower().startswith("no such")
    }


def recognise(identity: str) -> bool:
    return (pairs(identity) or {}).get("family") in ("S", "S2", "P")


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Of the operators' own firmware nothing more is read."""
    replies = {"identity": identity}
    if (pairs(identity) or {}).get("family") == "S":
        for name in (FIRMWARE, LEVEL, WALL, SERVERS_ON):
            replies[name] = ask(f"GET {name}")
        for root in (ALGS, MODES, LOCKS, SERVERS):
            replies[root] = ask(f"WALK {root}")
    return replies


def parse(replies: Replies) -> Touchstone:
    who = pairs(replies.get("identity", "")) or {}
    return Touchstone(
        family=who.get("family", ""),
        model=who.get("model") or None,
        version=got(replies.get(FIRMWARE, ""), FIRMWARE),
        other=who.get("other", ""),
        algs=_walked(replies.get(ALGS, ""), ALGS),
        modes=_walked(replies.get(MODES, ""), MODES),
        locks=_walked(replies.get(LOCKS, ""), LOCKS),
        level=got(replies.get(LEVEL, ""), LEVEL),
        wall=got(replies.get(WALL, ""), WALL),
        servers=_rows(_walked(replies.get(SERVERS, ""), SERVERS)),
        servers_on=got(replies.get(SERVERS_ON, ""), SERVERS_ON),
    )


def _rows(instances: Mapping[str, str] | None) -> dict[int, dict[str, str]] | None:
    if instances is None:
        return None
    rows: dict[int, dict[str, str]] = {}
    for name, value in instances.items():
        column, _sep, row = name.partition(".")
        if not row.isdigit():
            return None
        rows.setdefault(int(row), {})[column] = value
    return dict(sorted(rows.items()))


# ---- judging ---------------------------------------------------------------------------------------------------------


def _mechanisms(box: Touchstone) -> list[Mechanism]:
    if box.family != "S":
        why = {"S2": "the log-in of this firmware is encrypted", "P": "this firmware has the operator's PHP pages"}
        return [Mechanism("other_firmware", "global", "unknown", "default", (why.get(box.family, "not known"),), "src")]
    return [*_bits(box), _wall(box)]


def _bits(box: Touchstone) -> list[Mechanism]:
    if box.algs is None:
        return [Mechanism("alg_bits", "global", "unknown", "configured", (f"the walk of {ALGS} is not whole",), "doc")]
    if not box.has_switch:
        return [_no_switch(box)]
    found = []
    for lan, value in box.algs.items():
        shown = octets(value)
        mode = " (bridged)" if box.bridged(lan) else ""
        line = f"{ALGS}.{lan}: {value if value.isprintable() else value.encode('latin-1', 'replace').hex(' ')}{mode}"
        if box.bridged(lan):
            state = "not_applicable"
        elif shown is None:
            state = "unknown"
        else:
            state = "on" if has_sip(value) else "off"
        found.append(
            Mechanism("alg_bits", f"lan {lan}", state, "configured", (line,), shown[1] if shown else "unknown")
        )
    return found


def _no_switch(box: Touchstone) -> Mechanism:
    missing = not box.algs
    line = (
        f"{ALGS}: the firmware has no such object"
        if missing
        else f"{box.model} has no switch; {ALGS}: {dict(box.algs or {})}"
    )
    state = "unknown" if box.modes is None else "not_applicable" if box.out_of_the_path else "on"
    named = (box.model or "").upper().startswith("DG860A")
    return Mechanism("no_switch", "global", state, "default", (line,), "doc" if named else "inferred")


def _wall(box: Touchstone) -> Mechanism:
    """A firewall level that drops SIP; what was not read leaves the question open."""
    line = (f"{LEVEL}: {box.level}", f"{WALL}: {box.wall}")
    if box.level is None or box.wall is None:
        return Mechanism("firewall_level", "global", "unknown", "configured", line)
    state = "blocking" if box.level == "3" and box.wall != "2" and not box.out_of_the_path else "not_applicable"
    return Mechanism("firewall_level", "global", state, "configured", line)


def _timer(box: Touchstone) -> Timer:
    line = ("no object for it exists",)
    return Timer("udp_timer", "global", None, line, "default", known=False, applies=not box.out_of_the_path)


def _host(value: str) -> str | None:
    """The address in `$C0A80005`."""
    digits = re.fullmatch(r"\$([0-9A-Fa-f]{8})", value)
    return str(ipaddress.IPv4Address(int(digits.group(1), 16))) if digits else None


def _inbound(box: Touchstone) -> list[Forward] | None:
    """The virtual servers in use for UDP; None where one of them, or the table, cannot be read."""
    if box.servers is None or box.servers_on is None:
        return None
    found = []
    for number, row in box.servers.items():
        if row.get("11") != LIVE or row.get("5") == "1":
            continue
        try:
            first, last, to = int(row["3"]), int(row["4"]), int(row["9"])
        except (KeyError, ValueError):
            return None
        name = row.get("2", "")
        line = f"row {number} '{name}': {first}-{last} to {row.get('7')} port {to}"
        sources = () if box.servers_on == "2" else (ANY,)
        found.append(
            Forward(
                "virtual_server", f"row {number} {name}".rstrip(), first, last, _host(row.get("7", "")), sources, (line,),
                to, "src", name.startswith(OURS),
            )
        )  # fmt: skip
    return found


def assess(box: Touchstone, profile: Profile) -> Assessment:
    sip = sip_aspect(_mechanisms(box), cannot_disable=box.family == "S" and not box.has_switch)
    timeout = timeout_aspect([_timer(box)], profile.udp_timeout)
    inbound = _inbound(box)
    forwards = forwards_aspect(inbound or [], inbound is not None, profile)
    findings = [
        *sip_findings(sip), *timeout_findings(timeout, profile.name), *forwards_findings(inbound or [], forwards, profile),
    ]  # fmt: skip
    advice = []
    if not box.out_of_the_path:
        advice.append(NO_TIMER)
        if (box.model or "").upper().startswith("DG1670"):
            text = "also with its SIP ALG off a DG1670A has a UDP session timer that goes on causing trouble"
            findings.append(Finding("UDP-TIMER-RESIDUAL", UDP_TIMEOUT, "medium", text))
    if box.family != "S":
        advice.append(next(f.by_hand for f in FACTS if f.id == "other_firmware"))
    not_checked = ["UPnP and the DMZ host", "the operator may push other settings: look again in each audit"]
    if box.level == "4":
        not_checked.append("the custom rules of the firewall")
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.version, aspects, tuple(findings), tuple(advice), tuple(not_checked))


# ---- changing --------------------------------------------------------------------------------------------------------


def plan(box: Touchstone, options: Options) -> Plan:
    steps: list[Step] = []
    unsupported: dict[str, str] = {}
    expected = box
    if options.timeout is not None and not box.out_of_the_path:
        unsupported["udp_timeout"] = NO_TIMER
    if options.state is not None:
        found, expected, why = _switch(expected, options.state == DISABLED)
        steps += found
        if why:
            unsupported["sip_alg"] = why
    if options.forwards is not None:
        found, expected, why = _forward(expected, options.forwards)
        steps += found
        if why:
            unsupported["port_forwards"] = why
    if steps and box.other:
        who = "from outside" if box.other == "GW_WAN" else "in the LAN"
        text = f"another administrator is logged in ({who}), and an apply makes live what they have set; set voip_edge_take_over: true"
        return Plan((), box, f"{text} to go on all the same")
    return Plan(tuple(steps), expected, None, (), unsupported)


def _switch(box: Touchstone, disable: bool) -> tuple[list[Step], Touchstone, str]:
    """The bit of SIP in each LAN that is routed, and why that cannot be. Reads as it must where nothing is to be done."""
    if box.family != "S":
        return [], box, next(f.by_hand for f in FACTS if f.id == "other_firmware")
    if box.algs is None:
        return [], box, f"the walk of {ALGS} did not come to its end"
    if not box.has_switch:
        done = box.out_of_the_path or not disable
        return [], box, "" if done else f"the firmware has no switch for its SIP ALG: {BRIDGE}"
    routed = {lan: value for lan, value in box.algs.items() if not box.bridged(lan)}
    if any(octets(value) is None for value in routed.values()):
        return [], box, f"{ALGS} is shown in a form that is not understood: {', '.join(routed.values())}"
    due = {lan: value for lan, value in routed.items() if has_sip(value) is disable}
    if not due:
        blocked = disable and _wall(box).state == "blocking"
        return [], box, next(f.by_hand for f in FACTS if f.id == "firewall_level") if blocked else ""
    if not all(value.startswith("$") for value in due.values()):
        return [], box, f"how to set {ALGS} is only known where it is shown with a $: {', '.join(due.values())}"
    if box.locks is None:
        return [], box, f"whether the operator closed the LAN settings is not known: the walk of {LOCKS} is not whole"
    closed = [lan for lan in due if box.locks.get(lan) == "1"]
    if closed:
        return (
            [],
            box,
            f"the operator closed the settings of LAN {', '.join(closed)}: ask the operator to switch the SIP ALG off",
        )
    now, then = ("off", "on") if disable else ("on", "off")
    steps = [Step((f"ALG {lan} sip {now}",), (f"ALG {lan} sip {then}",), label="inferred") for lan in due]
    turned = {lan: turned_to(value, not disable) for lan, value in due.items()}
    return steps, replace(box, algs={**box.algs, **turned}), ""


def _forward(box: Touchstone, wanted: Forwards) -> tuple[list[Step], Touchstone, str]:
    """One row a range that is missing; or all of ours gone. A row cannot say who gets in, so only everybody can be asked for."""
    inbound = _inbound(box)
    if inbound is None or box.servers is None:
        return [], box, "the virtual servers of the gateway could not be read whole"
    rows = dict(box.servers)
    if not wanted.present:
        ours = [n for n, row in rows.items() if row.get("2", "").startswith(OURS)]
        steps = [Step((_gone(n),), _made(n, rows[n]), label="src") for n in ours]
        return steps, replace(box, servers={n: row for n, row in rows.items() if n not in ours}), ""
    missing = open_ranges(inbound, wanted)
    if not missing:
        return [], box, ""
    why: str | None = None
    if box.servers_on != "1":
        why = "the virtual servers are switched off as a whole; switching them on would open those of others: Firewall > Virtual Servers"
    why = why or in_the_way(inbound, wanted)
    if why is None and wanted.sources != (ANY,):
        why = (
            "a virtual server of this gateway lets everybody in and cannot be limited to the provider's networks: "
            "let a router behind it in bridge mode do that, or ask for it with the word 'any' and let the PBX filter"
        )
    if why is not None:
        return [], box, why
    steps = []
    for first, last in missing:
        number = next(n for n in range(1, len(rows) + 2) if n not in rows)  # as the gateway's own pages number them
        rows[number] = _row(first, last, wanted)
        steps.append(Step(_made(number, rows[number]), (_gone(number),), label="src"))
    return steps, replace(box, servers=dict(sorted(rows.items()))), ""


def _row(first: int, last: int, wanted: Forwards) -> dict[str, str]:
    name = f"{OURS}-{'sip' if first in wanted.sip_ports and first == last else 'rtp'}"
    ports = {"3": str(first), "4": str(last), "9": str(first), "10": str(last)}
    host = f"${int(ipaddress.IPv4Address(wanted.pbx)):08X}"
    return {"2": name, **ports, "5": UDP[0], "6": "1", "7": host, "11": LIVE}


def _gone(number: int) -> str:
    return f"SET {SERVERS}.11.{number}={DESTROY};2"


def _made(number: int, row: Mapping[str, str]) -> tuple[str, ...]:
    """The lines that make a row: it is created, filled, and only then put to use."""
    values = [(column, row[column]) for column in TYPES if column != "11" and column in row]
    steps = [("11", CREATE), *values, ("11", row.get("11", LIVE))]
    return tuple(f"SET {SERVERS}.{column}.{number}={value};{TYPES[column]}" for column, value in steps)


def sniff(peek: Peek) -> Sighting | None:
    """Only the vendor's own objects count, or the key of the encrypted log-in; PHP pages are not the vendor's alone."""
    reply = peek(f"GET /snmpGet?oids={USER};")
    if reply is not None and reply.status == 200 and USER in (pairs(reply.text()) or {}):
        return Sighting()
    key = peek("GET /factory/getPublicKey")
    return Sighting() if key is not None and is_key(key) else None


PLATFORM = Platform(
    name="arris_touchstone",
    title="ARRIS Touchstone (DG860A, DG1670A, TG series)",
    network_os=("arris_touchstone", "arris", "touchstone"),
    dialect=Dialect(),
    facts=FACTS,
    identify=IDENTIFY,
    recognise=recognise,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    leave=lambda box, scope, options: ("APPLY",),
    sniff=sniff,
    factory_logins=(("admin", "password"),),
    door=Door(
        base="", log_in=door.log_in, log_out=door.log_out, refusal=by_status, send=door.send, commit="APPLY", discard="REVERT",
    ),
)  # fmt: skip
