# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web server of an ASUS router: the vendor's app beside browsers, both ways to log in, values by name."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
import urllib.parse
from typing import Any

from .http_server import Door, Request, Response

LOGIN_PAGE = b"<HTML><HEAD><script>top.location.href='/Main_Login.asp';</script>\n</HEAD></HTML>\n"
LOGINS = ("/login.cgi", "/get_Nonce.cgi", "/login_v2.cgi", "/Logout.asp")
LOCKED_AFTER = 5
TOKEN = "PLANTED-SECRET-psk-token"


def status(number: int, **more: Any) -> Response:
    return Response(200, json.dumps({"error_status": str(number), **more}).encode(), kind="application/json")


class WebSession:
    """Somebody who is logged in. ``app``: by the vendor's app, which is not held to one at a time."""

    def __init__(self, device: Any, token: str, app: bool) -> None:
        self.device, self.token, self.app = device, token, app

    def drop(self) -> None:
        if self in self.device.sessions:
            self.device.sessions.remove(self)


class AppDoor(Door):
    server = "httpd/2.0"

    def __init__(self, device: Any) -> None:
        super().__init__(device)
        self.counter = itertools.count(1)
        self.nonces: dict[str, str] = {}
        self.displaced = 0  # browsers that lost their session to us
        device.door = self
        device.hang_up = lambda: None

    def is_login(self, request: Request) -> bool:
        return request.path in LOGINS

    def accepted(self, response: Response) -> bool:
        return response.status < 400 and b"error_status" not in response.body and response.body != LOGIN_PAGE

    def pretend(self, request: Request) -> Response:
        return self._json({"modify": "1", "run_service": (request.json() or {}).get("rc_service", "")})

    def _json(self, value: Any) -> Response:
        """The router lays its answers out over several lines."""
        return Response(200, json.dumps(value, indent=0).encode(), kind="application/json")

    def handle(self, request: Request) -> Response:
        app = re.match(r"asusrouter-[^-]+-DUTUtil-", request.headers.get("user-agent", "")) is not None
        if self.device.variant.maker == "padavan":
            return Response(401, b"<html><body>401 Unauthorized</body></html>", kind="text/html")
        if request.path in LOGINS[:3] and request.method == "POST":
            return self._enter(request, app)
        session = self._session_of(request)
        if request.path == "/Logout.asp":
            if session is not None:
                session.drop()
            return status(8)
        if session is None or session.app != app:
            return status(1) if app else Response(200, LOGIN_PAGE, kind="text/html")
        if not app and not self._own_referer(request):
            return status(4)
        return self._answer_to(request)

    # -- log in ---------------------------------------------------------------------------------------------------

    def _own_referer(self, request: Request) -> bool:
        host = urllib.parse.urlsplit(request.headers.get("referer", "")).netloc
        return bool(host) and host == request.headers.get("host", "")

    def _session_of(self, request: Request) -> WebSession | None:
        token = request.cookies.get("asus_token", "")
        sessions = [s for s in self.device.sessions if isinstance(s, WebSession)]
        return next((s for s in sessions if s.token == token), None)

    def _enter(self, request: Request, app: bool) -> Response:
        device = self.device
        newer = "login_v2" in device.variant.flags
        if request.path == "/get_Nonce.cgi":
            if not newer:
                return status(1) if app else Response(200, LOGIN_PAGE, kind="text/html")
            nonce = f"nonce{next(self.counter)}"
            self.nonces[str((request.json() or {}).get("id"))] = nonce
            return self._json({"nonce": nonce})
        if device.faults.has("locked") or device.failed_logins >= LOCKED_AFTER:
            return status(7, remaining_lock_time="287")
        form = urllib.parse.parse_qs(request.body.decode(), keep_blank_values=True)
        proof = request.body.decode().partition("login_authorization=")[2]
        if request.path == "/login.cgi":
            if newer or not app:
                return status(2)
            user, _sep, password = base64.b64decode(proof).decode().partition(":")
        else:
            if app or not newer or not self._own_referer(request):
                return status(4 if newer else 2)
            user, password = device.user, self._proven(form)
        if device.faults.has("captcha"):
            return status(10)
        if device.faults.has("default_password"):
            return status(11)
        if not device.check_password(user, password):
            return status(3)
        if device.faults.has("somebody_else") and not app:
            return status(9)
        return self._let_in(app)

    def _proven(self, form: dict[str, list[str]]) -> str:
        """The device's own password where the proof is right, else none."""
        one = {key: values[0] for key, values in form.items()}
        nonce = self.nonces.pop(one.get("id", ""), "")
        text = f"{self.device.user}:{nonce}:{self.device.password}:{one.get('cnonce', '')}"
        right = nonce and hashlib.sha256(text.encode()).hexdigest() == one.get("login_authorization")
        return self.device.password if right else ""

    def _let_in(self, app: bool) -> Response:
        token = f"{TOKEN}{next(self.counter)}"
        self.device.sessions.append(WebSession(self.device, token, app))
        response = (
            self._json({"asus_token": token})
            if app
            else Response(200, b"<script>top.location.href='/index.asp';</script>", kind="text/html")
        )
        response.headers.append(("Set-Cookie", f"asus_token={token}; HttpOnly;"))
        if app:
            response.headers += [
                ("AiHOMEAPILevel", "15"),
                ("Httpd_AiHome_Ver", "15"),
                ("Model_Name", self.device.variant.model),
            ]
        self.since_login = 0
        return response

    # -- inside ---------------------------------------------------------------------------------------------------

    def _answer_to(self, request: Request) -> Response:
        if self.device.faults.has("session_ends"):
            return Response(200, LOGIN_PAGE, kind="text/html")
        if request.path == "/appGet.cgi":
            return self._json(self._hooks(request.target.partition("hook=")[2]))
        if request.path == "/ajax_sysinfo.asp" and self.device.variant.maker in ("merlin", "gnuton"):
            return Response(200, b'mem_stats_arr = ["512.00", "120.31"];\n', kind="text/javascript")
        if request.path == "/applyapp.cgi" and request.method == "POST":
            return self._apply(request)
        return Response(404, b"<html><body>404 Not Found</body></html>", kind="text/html")

    def _hooks(self, text: str) -> dict[str, str]:
        nvram, out = self.device.nvram, {}
        for name, given in re.findall(r"(\w+)\(([^()]*)\)", urllib.parse.unquote(text)):
            key = given.split(",")[-1]
            if name == "nvram_get":
                out[key] = nvram.get(key, "")
            elif name == "nvram_char_to_ascii":
                out[key] = urllib.parse.quote(nvram.get(key, ""), safe="")
        return out

    def _apply(self, request: Request) -> Response:
        """Only names of the default table are taken; others are dropped without a word."""
        if self.device.faults.has("read_only"):
            return status(2)
        try:
            body = request.json()
        except ValueError:
            return status(4002)
        device, changed = self.device, False
        for key, value in body.items():
            if key in device.nvram and key not in ("productid", "firmver", "buildno", "extendno"):
                changed = changed or device.nvram[key] != value
                device.nvram[key] = value
        device.commit()
        services = str(body.get("rc_service", ""))
        for name in services.split(";"):
            device.service(name)
        return self._json({"modify": "1" if changed else "0", "run_service": services})
