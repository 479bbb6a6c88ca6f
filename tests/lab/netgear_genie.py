# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR home routers with state: HTTP Basic, one administrator at a time, tokens in the forms, and what an incomplete post does."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import urllib.parse
from collections.abc import Iterable
from typing import Any, Callable

from . import netgear_pages as pages
from .device import Device
from .http_server import Door, Request, Response
from .variants.netgear_genie import GenieVariant, Row

# Family A: field of the post, key of the configuration. An absent field is left as it was, an empty one is stored empty.
STORED_A = {
    "spi_value": "wan_endis_spi", "dmz_value": "wan_endis_dmz", "dmz_ip": "dmz_ipaddr", "rspToPing_value": "wan_endis_rspToPing",
    "sipalg_value": "wan_endis_sipalg", "bt_igmp_value": "enable_bt_igmp", "hid_iptv_mask": "iptv_mask", "wan_mtu": "wan_mtu",
    "dod_value": "wan_dod", "enable_ipsec_passthrough": "wan_enable_ipsec", "enable_pptp_passthrough": "wan_enable_pptp",
    "enable_l2tp_passthrough": "wan_enable_l2tp", "hid_brig_ssid1": "wan_brig_ssid1", "hid_brig_ssid2": "wan_brig_ssid2",
    "hid_brig_guest_ssid1": "wan_brig_guest_ssid1", "hid_brig_guest_ssid2": "wan_brig_guest_ssid2",
    **{f"hid_bri_lan{n}": f"wan_bri_lan{n}" for n in range(1, 5)},
}  # fmt: skip
STORED_C = {
    "spi_value": "spi", "DefaultDmz_Active": "dmz", "dmz_ip": "dmz_ip", "rspToPing_value": "ping", "firewall_value": "firewall",
    "sipalg_value": "sip", "sipproxy_value": "siproxd", "ipsecalg_value": "ipsec", "pptpalg_value": "pptp", "l2tpalg_value": "l2tp",
}  # fmt: skip
OUTSIDE = (
    "/",
    "/LGO_logout.htm",
    "/change_user.html",
    "/MNU_access_multiLogin2.htm",
    "/multi_login.cgi",
    "/sso_login.cgi",
)


class GenieDevice(Device):
    platform = "netgear_genie"
    web_only = True
    tls = False
    sessions: list[Any]

    def __init__(
        self, name: str, variant: GenieVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.config = {**pages.FACTORY[variant.family], **variant.config}
        self.rows: list[Row] = list(variant.rows)
        self.holder = "other" if "held" in variant.flags else ""
        self.displaced: list[str] = []
        self.wan_restarts = 0
        self.triggers = ""  # script lines with port triggering and UPnP entries
        self.door = GenieDoor(self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        with self.lock:
            return json.dumps({"config": self.config, "rows": self.rows}, indent=1, sort_keys=True) + "\n"

    startup = running  # Apply writes to flash

    @property
    def open_sessions(self) -> int:
        return 1 if self.holder == "us" else 0

    def change(self, what: Any) -> None:
        """As another administrator: a function of the device."""
        with self.lock:
            what(self)

    def _load_startup(self) -> None:
        self.holder = ""
        self.config = copy.deepcopy(self.config)


class GenieDoor(Door):
    device: GenieDevice

    def __init__(self, device: GenieDevice) -> None:
        super().__init__(device)
        self.server = "uhttpd/1.0.0" if device.variant.family == "A" else ""
        self.counter = itertools.count(83914550)
        self.tokens: dict[str, str] = {}
        self.cookie = "PLANTED-SECRET-psk-1804289383"
        self.stale = "stale_tokens" in device.variant.flags
        self.came_later = False
        self.known: tuple[str, str] | None = None  # what was judged and found good, until it logs out

    def is_login(self, request: Request) -> bool:
        return request.path in OUTSIDE

    def accepted(self, response: Response) -> bool:
        return response.status < 400 and b"csrf_timeout" not in response.body and b"location.href" not in response.body

    def pretend(self, request: Request) -> Response:
        return _page("<html><body>OK</body></html>\n")

    # -- who comes in ---------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        variant, path = self.device.variant, request.path
        if path == "/currentsetting.htm" and "no_realm" not in variant.flags:
            return Response(200, self._about().encode(), kind="text/plain")
        if variant.family == "E":
            return _page(pages.SSO)
        refused = self._gate(request)
        if refused is not None:
            return refused
        return self._write(request) if request.method == "POST" else self._read(path)

    def _about(self) -> str:
        variant = self.device.variant
        firmware = "V99.0.0.1" if self.device.faults.has("unknown_version") else variant.firmware
        return (
            f"Firmware={firmware}\r\nRegionTag={variant.model}_WW\r\nRegion=ww\r\nModel={variant.model}\r\n"
            "InternetConnectionStatus=Up\r\nParentalControlSupported=1\r\nSOAPVersion=3.43\r\nLoginMethod=2.0\r\n"
        )

    def _unauthorized(self) -> Response:
        flags, model = self.device.variant.flags, self.device.variant.model
        realm = "Please log in" if "no_realm" in flags else f"NETGEAR {model}"
        headers = [("WWW-Authenticate", f'Basic realm="{realm}"')]
        if "cookie" in flags:
            headers.append(("Set-Cookie", f"XSRF_TOKEN={self.cookie}; Path=/"))
        return Response(401, pages.LEGACY_LOGIN.encode(), headers, kind="text/html")

    def _gate(self, request: Request) -> Response | None:
        """What is answered in place of the page: no or a wrong login, or that somebody else is in."""
        device, flags = self.device, self.device.variant.flags
        scheme, _sep, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return self._unauthorized()
        if "cookie" in flags and request.cookies.get("XSRF_TOKEN") != self.cookie:
            return self._unauthorized()
        user, _sep, password = base64.b64decode(secret).decode().partition(":")
        if (user, password) != self.known and not device.check_password(user, password):
            return self._unauthorized()
        self.known = (user, password)
        if request.path == "/LGO_logout.htm":
            self.known = None
            if device.holder == "us":
                device.holder = ""
            return _page("<html><body>Goodbye</body></html>\n")
        if request.path == "/change_user.html" and device.variant.family == "A":
            self._displace()
            return self._unauthorized()  # asks everybody to log in anew, whoever they are
        if request.path in ("/MNU_access_multiLogin2.htm", "/multi_login.cgi") and device.variant.family == "B":
            return self._question(request)
        if device.holder == "other":
            return _page(
                pages.leads_to("multi_login.html" if device.variant.family == "A" else "MNU_access_multiLogin2.htm")
            )
        if device.holder != "us":
            device.holder = "us"
            self.since_login = 0
        elif "held_later" in flags and request.path != "/" and not self.came_later:
            self.came_later, device.holder = True, "other"
            return _page(pages.leads_to("multi_login.html"))
        return None

    def _displace(self) -> None:
        if self.device.holder == "other":
            self.device.displaced.append(self.device.holder)
        self.device.holder = ""

    def _question(self, request: Request) -> Response:
        if request.method == "POST":
            if self._fields(request).get("act") == "yes" and request.query.get("id") == [self.tokens.get("multi")]:
                self._displace()
            return _page("<html><body></body></html>\n")
        return _page(pages.question_b(self._token("multi")))

    # -- pages ----------------------------------------------------------------------------------------------------

    def _token(self, name: str) -> str:
        """A newer one replaces the one before."""
        self.tokens[name] = str(next(self.counter))
        return self.tokens[name]

    def _read(self, path: str) -> Response:
        device, variant = self.device, self.device.variant
        instead = next((text for flag, text in pages.INSTEAD.items() if flag in variant.flags), None)
        if instead is not None and path in ("/WAN_wan.htm", "/"):
            return _page(instead)
        if path == "/":
            return _page(pages.SERCOMM if variant.family == "D" else "<html><frameset></frameset></html>\n")
        made: dict[tuple[str, str], Callable[[], str]] = {
            ("A", "/WAN_wan.htm"): lambda: pages.wan_a(
                device.config, self._token("wan"), device.user if "guest" in variant.flags else "admin", variant.controls,
                variant.without,
            ),
            ("A", "/forwarding.htm"): self._rules,
            ("A", "/forwarding_add.htm"): lambda: pages.new_rule_a(
                device.config, self.tokens.get("forwarding_add_range", "0"), device.rows, device.triggers
            ),
            ("B", "/WAN_wan.htm"): lambda: pages.wan_b(device.config, self._token("wan"), variant.controls, variant.without),
            ("B", "/FW_forward_service3.htm"): lambda: pages.services_b(self._token("pf"), device.rows),
            ("C", "/cgi-bin/WAN_wan.asp"): lambda: pages.wan_c(device.config, self._token("wan")),
        }  # fmt: skip
        make = made.get((variant.family, path))
        return (
            _page(make())
            if make is not None
            else Response(404, b"<html><body>404 Not Found</body></html>", kind="text/html")
        )

    def _rules(self) -> str:
        """Rendering the list stores which tab was looked at last, and makes the token of the page for a new rule."""
        self.device.config["port_forward_trigger"] = "0"
        self._token("forwarding_add_range")
        return pages.rules_a(self.device.config, self._token("forwarding_del_range"), self.device.rows)

    # -- posts ----------------------------------------------------------------------------------------------------

    def _fields(self, request: Request) -> dict[str, str]:
        return dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))

    def _write(self, request: Request) -> Response:
        fields, family = self._fields(request), self.device.variant.family
        target = urllib.parse.unquote(request.target)
        if self.device.faults.has("read_only") or "guest" in self.device.variant.flags:
            return Response(403, b"<html><body>403</body></html>", kind="text/html")
        if self.stale:
            self.stale = False
            self.tokens = dict.fromkeys(self.tokens, "gone")
        if family == "A" and request.path == "/apply.cgi":
            flag = fields.get("submit_flag", "")
            if not target.endswith(f" timestamp={self.tokens.get(flag)}"):
                return Response(400, b"<html><body>400 Bad Request</body></html>", kind="text/html")
            actions = {"wan": self._wan_a, "forwarding_add_range": self._add_a, "forwarding_del_range": self._remove_a}
            actions[flag](fields)
            return _page("<html><body></body></html>\n")
        if request.query.get("id") != [self.tokens.get("wan")]:
            return _page(pages.leads_to("csrf_timeout.htm"))
        if (
            family == "B"
            and request.path == "/security.cgi"
            and fields.get("buttonHit") == "apply"
            and "apply" in fields
        ):
            self._wan_b(fields)
        elif family == "C" and fields.get("submit_flag") == "1":
            self._wan_c(fields)
        return self._read("/cgi-bin/WAN_wan.asp" if family == "C" else "/WAN_wan.htm")

    def _wan_a(self, fields: dict[str, str]) -> None:
        config = self.device.config
        if fields.get("wan_preference") != config["dsl_wan_preference"] or fields.get("wan_mtu") != config["wan_mtu"]:
            self.device.wan_restarts += 1
        config.update({key: fields[field] for field, key in STORED_A.items() if field in fields})
        config["wan_endis_igmp"] = fields.get("igmp_value", "0")
        if "NatInboundFiltering" in fields:
            config["wan_nat_fitering"] = "0" if fields["NatInboundFiltering"] == "Secured" else "1"
        config["dsl_wan_preference"] = fields.get("wan_preference", config["dsl_wan_preference"])

    def _add_a(self, fields: dict[str, str]) -> None:
        """The server checks nothing: that is left to the page's scripts."""
        starts, ends = fields["port_start"].split(","), fields["port_end"].split(",")
        for first, last in zip(starts, ends):
            if first:
                ports = first if first == last else f"{first}-{last}"
                self.device.rows.append((fields["portname"], fields["srvtype"], ports, fields["service_ip"]))

    def _remove_a(self, fields: dict[str, str]) -> None:
        at = int(fields["select_del"]) - 1
        del self.device.rows[at : at + int(fields["select_del_num"])]

    def _wan_b(self, fields: dict[str, str]) -> None:
        """What is absent counts as unticked, and a filtering that is absent as open."""
        config = self.device.config
        config["fw_sip_enab"] = "0" if "disable_sip" in fields else "1"
        config["fw_spi_enab"] = "0" if "disable_spi" in fields else "1"
        config["fw_dmz_enab"] = "1" if "dmz_enable" in fields else "0"
        config["fw_resp_ping"] = "1" if "rspToPing" in fields else "0"
        config["igmp_proxy"] = "0" if "disable_gproxy" in fields else "1"
        config["bt_igmp"] = "1" if "bt_igmp_enable" in fields else "0"
        config["dmz_ipaddr"] = ".".join(fields.get(f"dmzip{n}", "0") for n in range(1, 5))
        config["nat_inbound_filtering"] = "1" if fields.get("NatInboundFiltering") == "Secured" else "0"
        if fields.get("wan_mtu", "").isdigit() and 616 <= int(fields["wan_mtu"]) <= 1500:
            config["wan_mtu"] = fields["wan_mtu"]
        for name in ("IPSec", "PPTP", "L2TP"):
            config[f"{name.lower()}_passthrough"] = "0" if fields.get(f"{name}Passthrough") == "disable" else "1"
        for number, place in enumerate(("lan1", "lan2", "lan3", "lan4", "wlan1", "wlan2"), 1):
            config[f"iptv_{place}"] = str(number) if f"enable_iptv_{place}" in fields else "0"

    def _wan_c(self, fields: dict[str, str]) -> None:
        config = self.device.config
        if fields.get("WANCHANGED") == "1":
            self.device.wan_restarts += 1
        config.update({key: fields[field] for field, key in STORED_C.items() if fields.get(field)})
        for place in ("bri_lan1", "bri_lan2", "bri_lan3", "bri_lan4", "brig_ssid1"):
            config[place] = "1" if fields.get(f"hid_{place}") == "1" else "0"


def _page(text: str) -> Response:
    return Response(200, text.encode(), kind="text/html")
