# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR ProSafe business firewalls (FVS, FVX, SRX, UTM): recognised by their login page, and put right by hand.

There is a switch, and where it stands is documented; which page and field hold it is not, nor how a session is ended, nor whether a
login ends somebody else's. So nobody logs in: the login page alone is read, no password is sent, and nothing is claimed. Whether the
ALG is on by default cannot be deduced either, since the vendor's own words differ from model to model.
netmiko's `netgear_prosafe` is for the managed switches, which are another product.
Sources: manuals of FVS318G v2, FVS336G v2, SRX5308 and UTM10/25; a decoy that was built on the login page of an FVS318N.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.forwards import forwards_aspect
from ..core.model import Assessment, Mechanism, Options, Plan, aspects_of
from ..core.profiles import Profile
from ..core.text import first_match
from ..core.verdict import Timer, sip_aspect, sip_findings, timeout_aspect
from ..transports.cli import Dialect
from ..transports.http import HttpSession
from ..transports.rest import Door, by_status, only_reads
from .base import Fact, Peek, Platform, Replies, Sighting

LOGIN_PAGE = "/scgi-bin/platform.cgi"
NOT_SEEN = "which page and field hold it is not documented, so it was not read"

FACTS = (
    Fact(
        "enable_sip_alg", "sip_alg", "'Enable SIP ALG': ticked is active", "all", "doc", "no",
        "Security > Firewall > Advanced (UTM: Network Security > Firewall > Advanced): untick 'Enable SIP ALG', Apply, "
        "and let the phones register again", reads="no",
    ),
    Fact(
        "session_limit", "udp_timeout", "UDP timeout of the Session Limit page; UTM manuals say 180 s by default", "all", "doc", "no",
        "Security > Firewall > Session Limit: see that the UDP time-out is long enough, Apply; phones keep alive every 30 s or less",
        reads="no",
    ),
    Fact(
        "lan_wan_rules", "port_forwards", "inbound LAN WAN rules", "all", "doc", "no",
        "Security > Services: add a custom service (UDP, start and finish port) for each range; Security > Firewall > LAN WAN Rules: add "
        "an inbound rule for it, Action 'ALLOW always', Send to LAN Server the PBX, for the provider's "
        "networks alone where the page lets you", reads="no",
    ),
)  # fmt: skip
HOLES = "holes of these firewalls are published, such as CVE-2022-29383: keep the web interface away from the WAN"


@dataclass(frozen=True)
class ProSafe:
    model: str | None


def about(page: str) -> Sighting | None:
    """What the login page shows; None where it is another's. D-Link sells firewalls with the same engine and other field names."""
    if "NETGEAR Configuration Manager Login" not in page or "USERDBUsers.UserName" not in page:
        return None
    return Sighting(model=first_match(r"\b((?:FVS|FVX|SRX|UTM)\d\w*)\b", page))


def sniff(peek: Peek) -> Sighting | None:
    reply = peek(f"GET {LOGIN_PAGE}")
    return about(reply.text()) if reply is not None and reply.status == 200 else None


def parse(replies: Replies) -> ProSafe:
    seen = about(replies.get("login", ""))
    return ProSafe(seen.model if seen is not None else None)


def assess(box: ProSafe, profile: Profile) -> Assessment:
    sip = sip_aspect([Mechanism("enable_sip_alg", "global", "unknown", "configured", (NOT_SEEN,))])
    timeout = timeout_aspect([Timer("session_limit", "global", None, (NOT_SEEN,), known=False)], profile.udp_timeout)
    forwards = forwards_aspect((), False, profile)
    aspects = {a.name: a for a in (sip, timeout, forwards)}
    advice = [
        f"{fact.id}: {fact.by_hand}" for fact in FACTS if fact.aspect != "port_forwards" or profile.forwards is not None
    ]
    return Assessment(
        box.model,
        None,
        aspects,
        tuple(sip_findings(sip)),
        (*advice, HOLES),
        (f"everything behind the login: {NOT_SEEN}",),
    )


def plan(box: ProSafe, options: Options) -> Plan:
    """Never a step: a form whose fields are not known cannot be sent whole."""
    steps = [fact.by_hand for fact in FACTS if fact.aspect in aspects_of(options)]
    return Plan((), box, f"how this firewall is configured by requests is not documented. By hand: {'; '.join(steps)}")


def stay_outside(_session: HttpSession, _extra: dict[str, Any]) -> None:
    """Nobody logs in: nothing that could be read is known, and neither is the way out."""


PLATFORM = Platform(
    name="netgear_prosafe",
    title="NETGEAR ProSafe firewalls (recognised only)",
    network_os=("netgear_prosafe", "netgear_fvs", "netgear_utm", "netgear_srx"),
    dialect=Dialect(),
    facts=FACTS,
    identify=f"GET {LOGIN_PAGE}",
    recognise=lambda reply: about(reply) is not None,
    read=lambda ask, identity: {"login": identity},
    parse=parse,
    assess=assess,
    plan=plan,
    sniff=sniff,
    door=Door(
        base="", log_in=stay_outside, log_out=lambda session: None, refusal=by_status, send=only_reads(LOGIN_PAGE)
    ),
)
