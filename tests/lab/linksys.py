# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linksys with state: JNAP without sessions, or the old pages with a key in every address."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import json
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any

from .device import Device
from .http_server import Door, HttpWrite, Request, Response, as_json
from .linksys_pages import PAGES, apply, login_page, success
from .variants.linksys import LinksysVariant

SETUP = b"<!DOCTYPE html><html><head><title>Linksys Smart Setup</title></head><body>Welcome</body></html>"
DOWN = 0.4
"""Seconds that a restart takes."""
NOBODY_ASKS = ("core/GetDeviceInfo", "core/IsAdminPasswordDefault", "core/GetAdminPasswordAuthStatus")


class LinksysDevice(Device):
    platform = "linksys"
    web_only = True
    variant: LinksysVariant

    def __init__(
        self, name: str, variant: LinksysVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.tls = variant.tls
        self.keys: list[str] = []
        self.counter = itertools.count(1)
        self.down_until = 0.0
        self.live = _stored(variant)
        self.door: Door = JnapDoor(self) if variant.kind == "jnap" else PagesDoor(self)
        self.hang_up = lambda: None

    def running(self) -> str:
        """Everything that is stored, as canonical text."""
        with self.lock:
            return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running  # whatever is set is stored at once

    @property
    def open_sessions(self) -> int:
        return len(self.keys)

    def change(self, what: Any) -> None:
        """As another administrator: a function of what is stored."""
        with self.lock:
            what(self.live)

    def _load_startup(self) -> None:
        self.keys.clear()

    def new_key(self) -> str:
        key = f"PLANTED-SECRET-snmp-{next(self.counter):08x}"
        self.keys.append(key)
        return key


def _stored(variant: LinksysVariant) -> dict[str, Any]:
    if variant.kind == "jnap":
        return {
            "alg": {"isSIPEnabled": variant.sip},
            "single": [dict(rule) for rule in variant.single],
            "range": [dict(rule) for rule in variant.ranges],
            "wifi": {"ssid": "home", "passphrase": "PLANTED-SECRET-psk"},
        }
    return {
        "nf_alg_sip": str(int(variant.sip)),
        "upnpEnabled": "1",
        "upnp_config": "1",
        "upnp_internet_dis": "0",
        "ctm404_enable": "",
        "forward_single": variant.single,
        "forward_port": variant.ranges,
        "lan_ipaddr": "192.168.1.1",
        "http_passwd": "PLANTED-SECRET-login",
        "wl_wpa_psk": "PLANTED-SECRET-psk",
        "remote_management": "0",
    }


class JnapDoor(Door):
    device: LinksysDevice

    def action(self, request: Request) -> str:
        return request.headers.get("x-jnap-action", "")

    def is_login(self, request: Request) -> bool:
        return "/core/CheckAdminPassword" in self.action(request)

    def is_write(self, request: Request) -> bool:
        name = self.action(request).rsplit("/", 1)[-1]
        return request.method == "POST" and not name.startswith(("Get", "Is", "Check"))

    def accepted(self, response: Response) -> bool:
        try:
            return json.loads(response.body or b"{}").get("result") == "OK"
        except (ValueError, AttributeError):
            return False

    def pretend(self, request: Request) -> Response:
        return ok({})

    def _journal(self, request: Request, accepted: bool) -> None:
        """The action stands in a header, so the journal has it in place of the path, which is always the same."""
        name, body = self.action(request).partition("/jnap/")[2], request.json()
        line = f"JNAP {name} {json.dumps(body, separators=(',', ':'))}"
        write = HttpWrite(line, "accepted" if accepted else "refused", time.time(), "POST", name, body, accepted)
        self.device._journal.append(write)
        for listener in self.device.on_write:
            listener(self.device, write)

    def handle(self, request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        if time.monotonic() < device.down_until:
            return Response(599, cut=True)
        if request.path != "/JNAP/" or request.method != "POST" or "setup" in flags:
            return Response(200 if "setup" in flags or request.path == "/" else 404, SETUP, kind="text/html")
        root, _sep, name = self.action(request).partition("/jnap/")
        if root != ("http://cisco.com" if "cisco" in flags else "http://linksys.com"):
            return failed("_ErrorUnknownAction")
        if not request.headers.get("content-type", "").startswith("application/json"):
            return failed("_ErrorInvalidInput", "not JSON")
        try:
            body = request.json()
        except ValueError:
            return failed("_ErrorInvalidInput", "not JSON")
        if not isinstance(body, dict):
            return failed("_ErrorInvalidInput", "not an object")
        return self._action(name, body, request)

    def _action(self, name: str, body: dict[str, Any], request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        if name == "core/GetDeviceInfo":
            return ok(self._info())
        if name.startswith("core/CheckAdminPassword"):
            return self._check(name, body)
        if name not in NOBODY_ASKS and not self._known(request):
            return failed("_ErrorUnauthorized")
        if not name.startswith("firewall/") or "no_firewall" in flags:
            return failed("_ErrorUnknownAction")
        if "not_master" in flags:
            return failed("ErrorDeviceNotInMasterMode")
        verb, what = name[len("firewall/") :][:3], name[len("firewall/") :][3:]
        if what == "ALGSettings" and "no_alg" not in flags:
            return self._alg(verb, body)
        kind = {"SinglePortForwardingRules": "single", "PortRangeForwardingRules": "range"}.get(what)
        if kind is None:
            return failed("_ErrorUnknownAction")
        if verb == "Get":
            return ok({"maxRules": device.variant.most, "maxDescriptionLength": 32, "rules": device.live[kind]})
        return self._rules(kind, body)

    def _info(self) -> dict[str, Any]:
        device, variant = self.device, self.device.variant
        root = "http://cisco.com/jnap" if "cisco" in variant.flags else "http://linksys.com/jnap"
        cores = ["Core", *(f"Core{n}" for n in range(2, variant.core + 1))]
        services = [f"{root}/core/{name}" for name in cores] + [f"{root}/wirelessap/WirelessAP"]
        if "no_firewall" not in variant.flags:
            services += [f"{root}/firewall/Firewall", f"{root}/firewall/Firewall2"]
        unknown = device.faults.has("unknown_version")
        info = {
            "manufacturer": "Linksys",
            "modelNumber": variant.model,
            "hardwareVersion": "1",
            "description": "Velop",
            "serialNumber": "20J10C00000001",
            "firmwareVersion": variant.firmware,
            "firmwareDate": "2024-01-31T21:00:00Z",
            "services": services,
        }
        return {key: value for key, value in info.items() if not (unknown and key == "firmwareVersion")}

    def _check(self, name: str, body: dict[str, Any]) -> Response:
        flags, number = self.device.variant.flags, name[len("core/CheckAdminPassword") :]
        best = "3" if self.device.variant.core >= 7 else "2" if self.device.variant.core >= 2 else ""
        if "no_check" in flags or number not in ("", best):
            return failed("_ErrorUnknownAction")
        good = self.device.check_password("admin", str(body.get("adminPassword", "")))
        if "locked" in flags:
            return failed("ErrorAdminAccountLocked")
        if "delayed" in flags:
            return failed("ErrorPasswordCheckDelayed", output={"attemptsRemaining": 2, "delayTimeRemaining": 30})
        return ok({}) if good else failed("ErrorInvalidAdminPassword", output={"attemptsRemaining": 4})

    def _known(self, request: Request) -> bool:
        wanted = base64.b64encode(f"admin:{self.device.password}".encode()).decode()
        good = request.headers.get("x-jnap-authorization") == f"Basic {wanted}"
        if not good or self.device.faults.has("refuse_login"):
            self.device.check_password("admin", "")
            return False
        return True

    def _alg(self, verb: str, body: dict[str, Any]) -> Response:
        device, flags = self.device, self.device.variant.flags
        if verb == "Get":
            shown = {} if "nothing" in flags else dict(device.live["alg"])
            if "more_keys" in flags:
                shown["isH323Enabled"] = True
            return ok(shown)
        if set(body) != {"isSIPEnabled"} or not isinstance(body["isSIPEnabled"], bool):
            return failed("_ErrorInvalidInput", "isSIPEnabled is missing")
        device.live["alg"] = dict(body)
        return self._done()

    def _rules(self, kind: str, body: dict[str, Any]) -> Response:
        device, rules = self.device, body.get("rules")
        shape = {"isEnabled", "protocol", "internalServerIPAddress", "description"}
        shape |= {"externalPort", "internalPort"} if kind == "single" else {"firstExternalPort", "lastExternalPort"}
        if set(body) != {"rules"} or not isinstance(rules, list) or any(set(rule) != shape for rule in rules):
            return failed("_ErrorInvalidInput", "the rules are not well formed")
        if len(rules) > device.variant.most:
            return failed("ErrorTooManyRules")
        if any(len(rule["description"]) > 32 for rule in rules):
            return failed("ErrorDescriptionTooLong")
        if any(not rule["internalServerIPAddress"].startswith("192.168.1.") for rule in rules):
            return failed("ErrorInvalidDestinationIPAddress")
        if "unseen_overlap" in device.variant.flags and kind == "range":
            return failed("ErrorRulesOverlap")
        everything = rules + device.live["range" if kind == "single" else "single"]
        if any(overlap(one, other) for one, other in itertools.combinations(everything, 2)):
            return failed("ErrorRulesOverlap")
        device.live[kind] = copy.deepcopy(rules)
        return self._done()

    def _done(self) -> Response:
        flags, value = self.device.variant.flags, {"result": "OK", "output": {}}
        if "restart" in flags:
            self.device.down_until = time.monotonic() + DOWN
            value["sideEffects"] = ["DeviceRestart"]
        if "wireless" in flags:
            value["sideEffects"] = ["WirelessInterruption"]
        return as_json(200, value)


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Switched off or not: the same port from outside, with a protocol in common."""
    spans = [
        (
            rule.get("externalPort", rule.get("firstExternalPort")),
            rule.get("externalPort", rule.get("lastExternalPort")),
        )
        for rule in (one, other)
    ]
    same = "Both" in (one["protocol"], other["protocol"]) or one["protocol"] == other["protocol"]
    return bool(same and spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1])


def ok(output: Any) -> Response:
    return as_json(200, {"result": "OK", "output": output})


def failed(result: str, error: str = "", output: Any = None) -> Response:
    value = {"result": result, "error": error, "output": output}
    return as_json(200, {key: entry for key, entry in value.items() if key == "result" or entry})


class PagesDoor(Door):
    device: LinksysDevice
    server = "httpd"

    def is_login(self, request: Request) -> bool:
        return request.path == "/login.cgi"

    def pretend(self, request: Request) -> Response:
        return html(success())

    def handle(self, request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        if self.is_login(request) and request.method == "POST" and "basic" not in flags:
            return self._login(request)
        if "basic" in flags:
            if not self._basic(request):
                realm = [("WWW-Authenticate", f'Basic realm="Linksys {device.variant.model}"')]
                return Response(401, b"<html><body>401 Unauthorized</body></html>", realm, "text/html")
        elif request.path in ("/", "/Router_Login.asp") and not self._inside(request):
            if request.path == "/":
                return Response(302, b"", [("Location", "/Router_Login.asp")], "text/html")
            return html(login_page(device, "0"))
        name = request.path.strip("/") or "index.asp"
        if request.method == "POST" and name not in ("apply.cgi",):
            return Response(404, b"<html><body>404 Not Found</body></html>", kind="text/html")
        if "basic" not in flags and not self._inside(request):
            return html(login_page(device, "2"))
        if name == "apply.cgi":
            return html(apply(device.live, dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))))
        page = PAGES.get((device.variant.kind, name)) or PAGES.get(("", name))
        if page is None:
            return Response(404, b"<html><body>404 Not Found</body></html>", kind="text/html")
        return html(page(device, self._key()))

    def _key(self) -> str:
        return self.device.keys[-1] if self.device.keys else ""

    def _inside(self, request: Request) -> bool:
        if "closed_session" in self.device.variant.flags:
            return bool(self.device.keys)
        return request.query.get("session_id", [""])[0] in self.device.keys

    def _basic(self, request: Request) -> bool:
        given = request.headers.get("authorization", "")
        good = base64.b64encode(f"{self.device.user}:{self.device.password}".encode()).decode()
        if given and (given != f"Basic {good}" or self.device.faults.has("refuse_login")):
            self.device.check_password("", "")
            return False
        return bool(given)

    def _login(self, request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        form = dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))
        if form.get("submit_button") == "logout":
            device.keys.clear()
            return html(login_page(device, "1"))
        unit = device.password + f"{len(device.password):02d}"
        wanted = hashlib.md5((unit * 64)[:64].encode()).hexdigest()
        good = device.check_password(
            str(form.get("http_username")), device.password if form.get("http_passwd") == wanted else ""
        )
        if not good or "refused" in flags:
            return html(login_page(device, "4" if "refused" in flags else "3"))
        self.since_login = 0
        key = device.new_key()
        if "closed_session" in flags:
            return Response(302, b"", [("Location", "/index.asp")], "text/html")
        if "body_key" in flags:
            text = f'<html><script>document.location.href = "index.asp?session_id={key}";</script></html>'
            return html(text)
        return Response(302, b"", [("Location", f"/index.asp?session_id={key}")], "text/html")


def html(text: str) -> Response:
    return Response(200, text.encode(), kind="text/html")
