# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR home routers as data: the back end, and what differs from its factory configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = tuple[str, str, str, str]  # name, protocol, ports as from-to or one number, host


@dataclass(frozen=True)
class GenieVariant:
    """A router.

    ``family``: the back end, ``A`` to ``E``. ``config``: laid over the factory values of the family, by the router's own keys.
    ``rows``: port forwarding rules. ``flags``: ``held`` (another administrator is logged in), ``held_later`` (comes in after us),
    ``guest``, ``cookie`` (a login without the XSRF cookie is refused), ``no_realm`` (the 401 does not name NETGEAR),
    ``stale_tokens`` (each token but a second one has expired), and pages in place of the WAN page: ``password_page``,
    ``terms_page``, ``captcha_page``. ``controls``: HTML put into the form of the WAN page; ``without``: names taken out of it.
    """

    name: str
    doc: str
    family: str = "A"
    model: str = "R7800"
    firmware: str = "V1.0.2.98"
    config: dict[str, str] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    flags: frozenset[str] = frozenset()
    controls: str = ""
    without: tuple[str, ...] = ()
    login: dict[str, Any] = field(default_factory=dict)


ORBI = {"family": "B", "model": "RBR750", "firmware": "V3.2.16.6_1.4.14"}
TREND: dict[str, Any] = {"family": "C", "model": "DGND", "firmware": "V1.0.0.12"}
SWITCH = '<input type="checkbox" name="block_voip" value="block_voip">'
BUSY_A = {
    "wan_endis_spi": "0", "wan_endis_dmz": "1", "dmz_ipaddr": "192.168.1.44", "wan_endis_rspToPing": "1", "wan_endis_igmp": "1",
    "enable_bt_igmp": "1", "wan_bri_lan2": "1", "wan_bri_lan4": "1", "iptv_mask": "10", "wan_mtu": "1492", "wan_nat_fitering": "1",
    "dsl_wan_preference": "2", "wan_enable_ipsec": "0", "wan_dod": "1",
}  # fmt: skip
BUSY_B = {
    "fw_spi_enab": "0", "fw_dmz_enab": "1", "dmz_ipaddr": "192.168.1.44", "fw_resp_ping": "1", "igmp_proxy": "1", "bt_igmp": "1",
    "nat_inbound_filtering": "0", "wan_mtu": "1400", "wan_proto": "pppoe", "pptp_passthrough": "0", "iptv_lan2": "2",
    "iptv_wlan1": "5",
}  # fmt: skip


def _all(*variants: GenieVariant) -> dict[str, GenieVariant]:
    return {variant.name: variant for variant in variants}


VARIANTS = _all(
    GenieVariant("factory", "R7800 as it is shipped: ALG active, the DMZ address prepared but off"),
    GenieVariant("off", "R7800, already right", config={"wan_endis_sipalg": "1"}),
    GenieVariant("never-written", "the key of the ALG was never written: active", config={"wan_endis_sipalg": ""}),
    GenieVariant("odd-value", "a value that no source explains", config={"wan_endis_sipalg": "2"}),
    GenieVariant("busy", "every other setting of the page is not what it is shipped with", model="RBR50", config=BUSY_A),
    GenieVariant("unknown-timer", "WNDR4300: the same pages, a firmware whose UDP timer nobody looked up", model="WNDR4300"),
    GenieVariant(
        "forwards", "UDP 5060 goes to an old PBX, 8080 to a camera",
        rows=(("Old&harr;PBX", "TCP/UDP", "5060", "192.168.1.9"), ("Camera", "TCP", "8080", "192.168.1.7")),
    ),
    GenieVariant("held", "another administrator is logged in", flags=frozenset({"held"})),
    GenieVariant("held-taken", "the same, for a task that may end their session", flags=frozenset({"held"})),
    GenieVariant("held-later", "another administrator takes over right after our login", flags=frozenset({"held_later"})),
    GenieVariant("guest", "a guest account: reads, and has no Apply", flags=frozenset({"guest"}), login={"user": "guest"}),
    GenieVariant("cookie", "takes a login only with its XSRF cookie", flags=frozenset({"cookie"})),
    GenieVariant("stale-tokens", "a token has expired when it comes back, the second one has not", flags=frozenset({"stale_tokens"})),
    GenieVariant("unlisted-control", "the WAN page has a box that nobody knows", controls=SWITCH),
    GenieVariant("missing-control", "the WAN page has no igmp_value", without=("igmp_value",)),
    GenieVariant("password-page", "asks for a better password in place of every page", flags=frozenset({"password_page"})),
    GenieVariant("captcha-page", "shows a captcha in place of the WAN page", flags=frozenset({"captcha_page"})),
    GenieVariant("look-alike", "a web interface that asks for a login and names no NETGEAR", flags=frozenset({"no_realm"})),
    GenieVariant("old-password", "the inventory has a password that is not right any more"),
    GenieVariant("acos-factory", "Orbi RBR750 as it is shipped: ALG active", **ORBI),
    GenieVariant("acos-off", "Orbi RBR750, already right", config={"fw_sip_enab": "0"}, **ORBI),
    GenieVariant("acos-empty", "the value of the ALG is empty, which says nothing about the module", config={"fw_sip_enab": ""}, **ORBI),
    GenieVariant("acos-busy", "every other setting of the page is not what it is shipped with", config=BUSY_B, **ORBI),
    GenieVariant("acos-held", "another administrator is logged in", flags=frozenset({"held"}), **ORBI),
    GenieVariant("acos-held-taken", "the same, for a task that may end their session", flags=frozenset({"held"}), **ORBI),
    GenieVariant("acos-cookie", "takes a login only with its XSRF cookie", flags=frozenset({"cookie"}), **ORBI),
    GenieVariant("acos-stale-tokens", "each token but a second one has expired", flags=frozenset({"stale_tokens"}), **ORBI),
    GenieVariant("acos-unlisted-control", "the WAN page has a box that nobody knows", controls=SWITCH, **ORBI),
    GenieVariant("acos-mtu", "the stored MTU is above the ceiling of PPPoE: Apply would lower it", config={"wan_proto": "pppoe"}, **ORBI),
    GenieVariant(
        "acos-ping", "'Respond to Ping' is on and greyed by the VPN service: Apply would switch it off",
        config={"fw_resp_ping": "1", "openvpn": "enable"}, **ORBI,
    ),
    GenieVariant("acos-forward", "UDP 5060 goes to a PBX", rows=(("PBX", "UDP", "5060", "192.168.1.9"),), **ORBI),
    GenieVariant("asp-on", "a TrendChip gateway, ALG active", **TREND),
    GenieVariant("asp-allowed", "the same, for a task that allows what is not proven", **TREND),
    GenieVariant("asp-off", "a TrendChip gateway, already right", config={"sip": "off"}, **TREND),
    GenieVariant("sercomm", "setup.cgi pages: recognised, and no more", family="D", model="D7000", firmware="V1.0.1.80"),
    GenieVariant("sso", "the newer login page: recognised, and not entered", family="E", model="RS300", firmware="V1.0.6.16"),
)  # fmt: skip
