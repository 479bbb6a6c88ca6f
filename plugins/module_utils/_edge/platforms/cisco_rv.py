# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco's routers for small business (RV0xx, RV1xx, RV2xx, RV3xx): recognised by their first page, and explained.

They have pages and nothing else, and neither the forms of those pages nor their log-in are in any source. So no password is sent,
nothing is read behind the log-in, and everything stays open, with the steps by hand for the model that the first page names.
Sources: the vendor's administration guides of RV0xx, RV120W, RV180 and RV320, as far as they could be read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..core.errors import UnknownReply
from ..core.forwards import forwards_aspect
from ..core.model import Assessment, Mechanism, Options, Plan, aspects_of
from ..core.profiles import Profile
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect
from ..transports.cli import Dialect
from ..transports.http import HttpSession
from ..transports.rest import Door, by_status, only_reads
from .base import Ask, Fact, Peek, Platform, Replies, Sighting

FRONT = "/"
MODEL = r"(?<![\w-])RV(?:016|042G?|082|110W|120W|130W?|160W?|180W?|215W|260[PW]?|320|325|340W?|345P?)(?![\w-])"

SIP = (
    "look for SIP ALG on the pages of the Firewall (General, Basic or Advanced Settings) and untick it, Save; RV0xx may have no such "
    "item: then install the latest firmware for the hardware revision, or replace the router"
)
# Pages and defaults that the guides name, by model; the first that fits
TIMERS = (
    (
        r"RV32",
        "Firewall > General > UDP timeout, 30 s unless it was changed: set 120 s, Save; until then a keep-alive every 24 s",
    ),
    (
        r"RV1[28]0",
        "Firewall > Advanced Settings > Session Settings > UDP Session Timeout Duration (120 s by default), Save",
    ),
    (r"", "look for the UDP session timeout on the pages of the Firewall and set 120 s, Save"),
)
FORWARD = (
    "add one service for each range of ports (Service Management), forward it to the PBX, and allow it in the access rules from the "
    "provider's networks only, Save"
)

FACTS = (
    Fact(
        "sip_alg_box", "sip_alg", "SIP ALG on a page of the Firewall; not read", "all", "recall", "no", SIP, reads="no"
    ),
    Fact("udp_session", "udp_timeout", "UDP session timeout; not read", "all", "doc", "no", TIMERS[-1][1], reads="no"),
    Fact(
        "forwarding",
        "port_forwards",
        "port forwarding and access rules; not read",
        "all",
        "doc",
        "no",
        FORWARD,
        reads="no",
    ),
)


@dataclass(frozen=True)
class SmallRouter:
    model: str | None

    @property
    def timer(self) -> str:
        """The steps for its UDP timer."""
        return next(text for pattern, text in TIMERS if re.match(pattern, self.model or ""))


def model_of(page: str) -> str | None:
    """The one model that a page names; None where it names none, or several."""
    found = set(re.findall(MODEL, page))
    return found.pop() if len(found) == 1 else None


def read(ask: Ask, identity: str) -> dict[str, str]:
    """Behind the log-in nothing is asked for."""
    return {"front": identity}


def parse(replies: Replies) -> SmallRouter:
    return SmallRouter(model_of(replies.get("front", "")))


def assess(box: SmallRouter, profile: Profile) -> Assessment:
    line = ("the pages behind the log-in are not read",)
    sip = sip_aspect([Mechanism("sip_alg_box", "global", "unknown", "configured", line, "unknown")])
    timer = Timer("udp_session", "global", None, line, label="unknown", known=False)
    timeout = timeout_aspect([timer], profile.udp_timeout)
    forwards = forwards_aspect([], False, profile)
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    findings = tuple(sip_findings(sip))
    return Assessment(box.model, None, aspects, findings, (SIP, box.timer), ("everything behind the log-in",))


def plan(box: SmallRouter, options: Options) -> Plan:
    why = {"sip_alg": SIP, "udp_timeout": box.timer, "port_forwards": FORWARD}
    return Plan((), box, unsupported={name: why[name] for name in aspects_of(options)})


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """No password is sent: to what, no source says. Raises UnknownReply where the first page names no model of the family."""
    front = session.request("GET", FRONT)
    if front.status != 200 or model_of(front.text()) is None:
        raise UnknownReply(
            f"{front.asked}: no model of the RV series is named (status {front.status}): {front.excerpt()}"
        )


def sniff(peek: Peek) -> Sighting | None:
    """Without the vendor's name a model's alone is not enough."""
    front = peek(f"GET {FRONT}")
    page = front.text() if front is not None and front.status == 200 else ""
    model = model_of(page)
    return Sighting(model) if model and re.search(r"(?i)\b(?:cisco|linksys)\b", page) else None


PLATFORM = Platform(
    name="cisco_rv",
    title="Cisco RV series (small business)",
    network_os=("cisco_rv", "cisco_smb"),
    dialect=Dialect(),
    facts=FACTS,
    identify=f"GET {FRONT}",
    recognise=lambda page: model_of(page) is not None,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    sniff=sniff,
    door=Door(base="", log_in=log_in, log_out=lambda session: None, refusal=by_status, send=only_reads(FRONT)),
)
