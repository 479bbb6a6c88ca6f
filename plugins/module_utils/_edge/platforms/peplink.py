# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Peplink and Pepwave routers (Balance, MAX, Transit, B One): recognised over their documented API, and explained.

The SIP setting is a choice in the web administration, Service Passthrough > SIP. No documented request reads or writes it, and
guessing at names of requests on a customer's router is no way: so whether the ALG acts stays open, with the steps by hand.
The API also applies and discards pending changes; since nothing is set here, neither is ever sent.
Sources: the vendor's Router API for firmware 8.1.1; a published list of the requests of 8.5.2; a detection script (the marks of the
log-in page); a support article and the vendor's forum on what the two modes of SIP mean.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core.errors import LoginRefused, UnknownReply
from ..core.forwards import forwards_aspect
from ..core.model import Assessment, Mechanism, Options, Plan, aspects_of
from ..core.profiles import Profile
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect
from ..transports.cli import Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door, only_reads
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

FRONT = "/cgi-bin/MANGA/index.cgi"
INFO = "/api/info.firmware"
MARKS = ("<title>Web Admin", 'oemid = "PEPLINK"')
SIP = (
    "Network > (Misc. Settings >) Service Passthrough > SIP: choose Compatibility Mode (Standard Mode is the SIP ALG), Save, "
    "Apply Changes; then test with a call, since what Compatibility Mode does on the wire is not documented"
)
NO_TIMER = "no setting for UDP timers is known: let the phones send a SIP keep-alive every 20 to 30 s"
FORWARD = (
    "MAX: Advanced > Port Forwarding > Add Service, UDP, one Port Range each; Balance: Inbound Access > Servers, then Services; "
    "limit the sources with an inbound firewall rule, Apply Changes"
)

FACTS = (
    Fact(
        "service_passthrough", "sip_alg", "Service Passthrough, SIP; no documented request shows it", "all", "user", "no", SIP, reads="no",
    ),
    Fact("udp_timer", "udp_timeout", "UDP timer; nothing documented shows or sets it", "all", "unknown", "no", NO_TIMER, reads="no"),
    Fact("forwarding", "port_forwards", "port forwarding; not read", "all", "doc", "no", FORWARD, reads="no"),
)  # fmt: skip


@dataclass(frozen=True)
class Peplink:
    version: str | None


def _answer(text: str) -> Any:
    """What a request gave; None unless its own word says that it went well. A refusal comes with status 200, too."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document.get("response") if isinstance(document, dict) and document.get("stat") == "ok" else None


def _versions(part: Any) -> Iterator[str]:
    """The versions in an answer, wherever they stand: its shape is not in the sources."""
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    if isinstance(part, dict) and isinstance(part.get("version"), str):
        yield part["version"]
    for inner in parts:
        yield from _versions(inner)


def recognise(identity: str) -> bool:
    return isinstance(_answer(identity), (dict, list))


def read(ask: Ask, identity: str) -> dict[str, str]:
    """There is nothing more to ask for."""
    return {"firmware": identity}


def parse(replies: Replies) -> Peplink:
    """Of several versions none is claimed: which of them runs is not in the sources."""
    found = sorted(set(_versions(_answer(replies.get("firmware", "")))))
    return Peplink(found[0] if len(found) == 1 else None)


def assess(box: Peplink, profile: Profile) -> Assessment:
    line = ("no documented request shows it",)
    sip = sip_aspect([Mechanism("service_passthrough", "global", "unknown", "configured", line, "unknown")])
    timer = Timer("udp_timer", "global", None, line, label="unknown", known=False)
    timeout = timeout_aspect([timer], profile.udp_timeout)
    forwards = forwards_aspect([], False, profile)
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    findings = tuple(sip_findings(sip))
    return Assessment(
        None, box.version, aspects, findings, (SIP, NO_TIMER), ("port forwards", "inbound firewall rules")
    )


def plan(box: Peplink, options: Options) -> Plan:
    why = {"sip_alg": SIP, "udp_timeout": NO_TIMER, "port_forwards": FORWARD}
    return Plan((), box, unsupported={name: why[name] for name in aspects_of(options)})


def _is_peplink(reply: Reply | None) -> bool:
    return reply is not None and reply.status == 200 and all(mark in reply.text() for mark in MARKS)


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt, and none at a device that does not show the marks."""
    front = session.request("GET", FRONT)
    if not _is_peplink(front):
        raise UnknownReply(f"{front.asked}: it does not look like a Peplink (status {front.status}): {front.excerpt()}")
    user = session.login.user or ""
    body = {"username": user, "password": session.login.password or ""}
    reply = session.request("POST", "/api/login", json=body, reads=True)
    said = reply.text()
    if "You must change your default password" in said:
        raise LoginRefused(f"user '{user}' must change the password first, in the device's own pages")
    if reply.status == 404 or (reply.status == 200 and "<html" in said.lower()):
        raise UnknownReply(f"{reply.asked}: this firmware has no API (it came with 7.0); by hand: {SIP}")
    if _answer(said) is None:
        raise LoginRefused(f"the login of user '{user}' was refused (one attempt was made): {reply.excerpt()}")


def log_out(session: HttpSession) -> None:
    session.request("POST", "/api/logout", json={}, reads=True)


def refusal(reply: Reply) -> str | None:
    """The word of the answer counts: a refusal may come with status 200."""
    fine = reply.status == 200 and _answer(reply.text()) is not None
    return None if fine else f"HTTP {reply.status} {reply.excerpt()}".strip()


def sniff(peek: Peek) -> Sighting | None:
    return Sighting() if _is_peplink(peek(f"GET {FRONT}")) else None


PLATFORM = Platform(
    name="peplink",
    title="Peplink, Pepwave (Balance, MAX, Transit, B One)",
    network_os=("peplink", "pepwave"),
    dialect=Dialect(),
    facts=FACTS,
    identify=f"GET {INFO}",
    recognise=recognise,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    sniff=sniff,
    factory_logins=(("admin", "admin"),),
    door=Door(base="", log_in=log_in, log_out=log_out, refusal=refusal, send=only_reads(INFO)),
)
