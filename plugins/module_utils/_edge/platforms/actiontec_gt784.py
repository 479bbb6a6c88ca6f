# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Actiontec GT784WN and GT784WNV: DSL gateways whose SIP ALG cannot be switched off, neither in the pages nor by telnet.

They are recognised by the exact model on their own status page, and whether they are bridged is read: then the ALG is not in the
path. Nothing is ever written, and no other page than that one is fetched: on a sibling a bare GET may restart the gateway.
Other models of the vendor have other pages and another truth, and are not given this one's verdict.
Sources: the support article on the GT784WN; a public client of the GT784WN and its constants; a capture of its UPnP answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import LoginRefused
from ..core.forwards import forwards_aspect
from ..core.model import DISABLED, Assessment, Mechanism, Options, Plan
from ..core.pages import controls, script_var
from ..core.profiles import Profile
from ..core.text import first_match
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect
from ..transports.cli import Dialect
from ..transports.http import HttpSession, Reply
from ..transports.rest import Door, by_status, only_reads
from .base import Ask, Fact, Platform, Replies

HOME = "/modemstatus_home.html"
MODELS = ("GT784WN", "GT784WNV")
BRIDGED = "Bridge"
"""The protocol of a WAN connection that the pages call Transparent Bridging."""
BRIDGE = (
    "note the PPPoE user and VLAN, set Advanced Setup > WAN IP Address > ISP Protocol to Transparent Bridging, and let a router "
    "behind it that is fit for SIP do the NAT; or replace the gateway. Do not lower its firewall to 'NAT only' instead: "
    "that blocks keep-alives now and then"
)
NO_TIMER = "no setting for UDP timers is known: let the phones send a SIP keep-alive every 20 to 30 s; better, bridge the gateway"
NO_FORWARD = (
    "the forms for port forwarding are not known here, and a forward does not take the ALG away: bridge the gateway"
)

FACTS = (
    Fact(
        "fixed_alg", "sip_alg", "SIP ALG in the firmware, without a switch", "all", "doc", "no", BRIDGE, reads="known"
    ),
    Fact(
        "udp_timer", "udp_timeout", "UDP timer; nothing shows or sets it", "all", "unknown", "no", NO_TIMER, reads="no"
    ),
    Fact("forwarding", "port_forwards", "port forwarding; not read", "all", "unknown", "no", NO_FORWARD, reads="no"),
)


@dataclass(frozen=True)
class Gateway:
    """`wans` are the protocols of its WAN connections; None where the page does not say them all."""

    model: str | None
    version: str | None
    wans: tuple[str, ...] | None

    @property
    def bridged(self) -> bool:
        return bool(self.wans) and all(protocol == BRIDGED for protocol in self.wans or ())


def _device(page: str) -> list[str]:
    """Model, serial and version of the status page; no words where it does not have all three."""
    words = (script_var(page, "devinfo") or "").split("|")
    return words if len(words) == 3 else []


def _wans(page: str) -> tuple[str, ...] | None:
    """Field four of each connection. A list that is empty or not understood says nothing."""
    entries = [entry.split(":") for entry in (script_var(page, "wanInfNames") or "").split("|") if entry]
    whole = bool(entries) and all(len(fields) >= 4 and fields[3].strip() for fields in entries)
    return tuple(fields[3].strip() for fields in entries) if whole else None


def recognise(page: str) -> bool:
    return _device(page)[:1] in ([model] for model in MODELS)


def read(ask: Ask, identity: str) -> dict[str, str]:
    """The page that shows what it is shows the rest as well."""
    return {"home": identity}


def parse(replies: Replies) -> Gateway:
    page = replies.get("home", "")
    if not recognise(page):
        return Gateway(None, None, None)
    model, _serial, version = _device(page)
    return Gateway(model, version.strip() or None, _wans(page))


def assess(box: Gateway, profile: Profile) -> Assessment:
    shown = f"wanInfNames: {', '.join(box.wans)}" if box.wans else "wanInfNames does not say whether it is bridged"
    state = "not_applicable" if box.bridged else "on" if box.wans and box.model else "unknown"
    sip = sip_aspect([Mechanism("fixed_alg", "global", state, "default", (shown,))], cannot_disable=True)
    timer = Timer("udp_timer", "global", None, (shown,), "default", "unknown", known=False, applies=not box.bridged)
    timeout = timeout_aspect([timer], profile.udp_timeout)
    # a bridge forwards nothing by itself; of a router the forwards were not read
    forwards = forwards_aspect([], box.bridged, profile)
    advice = () if box.bridged else (NO_TIMER,)
    not_checked = (
        "what stands behind or before it: only this hop was asked",
        *(() if box.bridged else ("port forwards",)),
    )
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    return Assessment(box.model, box.version, aspects, tuple(sip_findings(sip)), advice, not_checked)


def plan(box: Gateway, options: Options) -> Plan:
    """Nothing is ever changed; what is bridged needs no change."""
    why = {
        "sip_alg": f"the SIP ALG cannot be switched off: {BRIDGE}"
        if options.state == DISABLED and not box.bridged
        else "",
        "udp_timeout": NO_TIMER if options.timeout is not None and not box.bridged else "",
        "port_forwards": NO_FORWARD if options.forwards is not None else "",
    }
    return Plan((), box, unsupported={name: text for name, text in why.items() if text})


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """HTTP Basic with every request; the first one is judged when the gateway is asked who it is."""
    session.use_basic(session.login.user or "", session.login.password or "")


_GET = only_reads(HOME)


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """A log-in page or an error may come with status 200. Raises LoginRefused."""
    reply = _GET(session, line, reads)
    page = reply.text()
    failed = "401" in (first_match(r"(?i)<title>([^<]*)</title>", page) or "")
    if failed or any(control.name in ("adminPassword", "rt_adminPassword") for control in controls(page)):
        raise LoginRefused(
            f"{reply.asked}: the log-in page came instead of the status (one attempt was made): the password is wrong, "
            "or this firmware wants its own log-in form, of which only the fields are known"
        )
    return reply


PLATFORM = Platform(
    name="actiontec_gt784",
    title="Actiontec GT784WN, GT784WNV",
    network_os=("actiontec_gt784", "actiontec", "gt784wn"),
    dialect=Dialect(),
    facts=FACTS,
    identify=f"GET {HOME}",
    recognise=recognise,
    read=read,
    parse=parse,
    assess=assess,
    plan=plan,
    factory_logins=(("admin", "password"),),
    door=Door(base="", log_in=log_in, log_out=lambda session: None, refusal=by_status, send=send),
)
