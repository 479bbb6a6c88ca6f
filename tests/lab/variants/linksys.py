# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linksys routers as data: JNAP with its flags, and the old pages with what is stored behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Rule = dict[str, Any]


@dataclass(frozen=True)
class LinksysVariant:
    """A Linksys.

    ``kind``: ``jnap``, or for the old pages ``gateway`` (Gateway_Function.asp), ``management`` (Management.asp), ``other``
    (neither). ``sip``: the stored switch. ``single``, ``ranges``: stored forwards, for JNAP as rules, for the pages as the text
    that is stored. ``most``: rules that fit into each list. ``core``: number of the core service. ``tls``: HTTPS or plain HTTP.
    ``flags``: ``cisco`` (old prefix), ``no_firewall``, ``not_master``, ``no_alg``, ``locked``, ``delayed``, ``no_check`` (has no
    CheckAdminPassword), ``setup`` (a page instead of JSON), ``restart``, ``wireless`` (side effects of a write), ``more_keys``
    (GetALGSettings shows another switch), ``nothing`` (it shows none), ``unseen_overlap`` (no list of ranges is taken); for the
    pages ``basic`` (no log-in page), ``body_key`` (the key stands in the page after the log-in), ``closed_session`` (no key),
    ``extra_field``, ``extra_box``, ``less_field``, ``need_reboot``, ``no_module`` (the box is commented out), ``captcha``,
    ``refused``.
    """

    name: str
    doc: str
    kind: str = "jnap"
    model: str = "WHW03"
    firmware: str = "2.1.20.213195"
    sip: bool = True
    single: Any = ()
    ranges: Any = ()
    most: int = 25
    core: int = 8
    tls: bool = True
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


def single(port: int, host: str, name: str, protocol: str = "UDP", inside: int = 0, on: bool = True) -> Rule:
    return {
        "isEnabled": on,
        "externalPort": port,
        "protocol": protocol,
        "internalServerIPAddress": host,
        "internalPort": inside or port,
        "description": name,
    }


def span(first: int, last: int, host: str, name: str, protocol: str = "UDP", on: bool = True) -> Rule:
    return {
        "isEnabled": on,
        "firstExternalPort": first,
        "lastExternalPort": last,
        "protocol": protocol,
        "internalServerIPAddress": host,
        "description": name,
    }


WEB = single(443, "192.168.1.20", "web", "TCP")
GAME = span(27000, 27050, "192.168.1.30", "game", "Both")


def jnap(name: str, doc: str, *flags: str, **more: Any) -> LinksysVariant:
    return LinksysVariant(name, doc, flags=frozenset(flags), **{"single": (WEB,), "ranges": (GAME,), **more})


def pages(name: str, doc: str, kind: str, *flags: str, **more: Any) -> LinksysVariant:
    given = {"model": "E5350", "firmware": "1.0.03", "tls": False, "single": "", "ranges": "", **more}
    return LinksysVariant(name, doc, kind, flags=frozenset(flags), **given)


_ALL = (
    jnap("velop", "a Velop: the ALG is on, forwards of others are stored"),
    jnap("velop-off", "already right: the ALG is off", sip=False),
    jnap(
        "ea", "an EA7500 by plain HTTP, older core: the ALG is on",
        model="EA7500", firmware="1.1.14.201979", core=4, tls=False,
    ),
    jnap("no-check", "has no action that checks a password", "no_check", core=1),
    jnap(
        "cisco-prefix", "old firmware, where the actions still have Cisco's prefix",
        "cisco", model="EA6500", firmware="1.1.28.147876", core=1,
    ),
    jnap("node", "a node of a Velop: no firewall service", "no_firewall"),
    jnap("not-master", "has the service, but is not the primary node", "not_master"),
    jnap("no-alg", "a firewall without the actions of the ALG", "no_alg"),
    jnap("no-answer", "GetALGSettings succeeds and says nothing", "nothing"),
    jnap("more-keys", "GetALGSettings shows a second switch, which a write would drop", "more_keys"),
    jnap("locked", "the account is locked after wrong passwords", "locked"),
    jnap("delayed", "log-ins are delayed after wrong passwords", "delayed"),
    jnap("setup", "a fresh box: every request gets its set-up page", "setup"),
    jnap("restart", "a write restarts the router", "restart"),
    jnap("wireless", "a write interrupts the Wi-Fi", "wireless"),
    jnap(
        "pbx", "SIP and RTP are forwarded to 192.168.1.10 already",
        sip=False, single=(WEB, single(5060, "192.168.1.10", "sip")), ranges=(span(10000, 20000, "192.168.1.10", "rtp"),),
    ),
    jnap(
        "overlap", "somebody's range reaches into the RTP ports",
        sip=False, ranges=(GAME, span(9000, 10100, "192.168.1.40", "camera", "Both")),
    ),
    jnap("overlap-disabled", "as overlap, but that rule is switched off", sip=False,
         ranges=(span(9000, 10100, "192.168.1.40", "camera", "Both", False),)),
    jnap("overlap-tcp", "as overlap, but that rule is for TCP", sip=False,
         ranges=(span(9000, 10100, "192.168.1.40", "camera", "TCP"),)),
    jnap("overlap-unseen", "the router finds an overlap that its lists do not show", "unseen_overlap"),
    jnap("full", "no room for another rule", sip=False, most=1),
    jnap(
        "old-pbx", "our forwards lead to a PBX that is no more",
        sip=False, single=(single(5060, "192.168.1.9", "voip-edge SIP 5060"), WEB),
        ranges=(span(10000, 20000, "192.168.1.9", "voip-edge RTP 10000"), GAME),
    ),
    pages("gateway-on", "an E5350 whose SIP ALG is on", "gateway"),
    pages("gateway-off", "an E5350 as it is shipped: the SIP ALG is off", "gateway", sip=False),
    pages("gateway-body-key", "the key of the session stands in the page after the log-in", "gateway", "body_key"),
    pages("gateway-closed-session", "sessions without a key in the address", "gateway", "closed_session"),
    pages("gateway-extra-field", "the page has a field more", "gateway", "extra_field"),
    pages("gateway-less-field", "the page lacks a field", "gateway", "less_field"),
    pages("gateway-extra-box", "the page draws a box more", "gateway", "extra_box"),
    pages("gateway-need-reboot", "the page wants a restart", "gateway", "need_reboot"),
    pages("gateway-no-module", "built without ALGs: the box is commented out", "gateway", "no_module", sip=False),
    pages("gateway-unseen", "the page of an E5350 on a model of which nobody saw it", "gateway", model="E8350"),
    pages(
        "gateway-forwards", "SIP and RTP forwarded to a PBX", "gateway", sip=False,
        single="sip:on:udp:5060>10:5060 web:on:tcp:443>20:443", ranges="rtp:on:udp:10000:20000>10 old:off:both:5000:6000>11",
    ),
    pages("captcha", "the log-in page asks for a third thing", "gateway", "captcha"),
    pages("refused", "no password is right, and the page does not say which of the two is wrong", "gateway", "refused"),
    pages("management-on", "an E1200: the switch is on the page with the password; Basic", "management", "basic", model="E1200"),
    pages("management-off", "as management-on, but off", "management", "basic", model="E1200", sip=False),
    pages("management-login", "the same page behind a log-in page", "management", model="E900"),
    pages("management-no-module", "the same page without the switch", "management", "no_module", model="E900"),
    pages("e1700", "an E1700 whose page is that of an E5350", "gateway", model="E1700"),
    pages("e1700-other", "an E1700 whose switch is on no page that is known", "other", model="E1700"),
)  # fmt: skip

VARIANTS: dict[str, LinksysVariant] = {variant.name: variant for variant in _ALL}
