# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Peplink: the log-in page with its marks, and the documented part of the API that a reader needs, with its cookie."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import Door, Request, Response, as_json
from .variants.peplink import PeplinkVariant


class PeplinkDevice(Device):
    platform = "peplink"
    web_only = True
    variant: PeplinkVariant

    def __init__(
        self, name: str, variant: PeplinkVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.live = {"sip_passthrough": variant.sip, "pepvpn_psk": "PLANTED-SECRET-psk"}
        self.cookies: set[str] = set()
        self.counter = itertools.count(1)
        self.door = PeplinkDoor(self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        """What is stored, as canonical text."""
        return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running

    @property
    def open_sessions(self) -> int:
        return len(self.cookies)

    def _load_startup(self) -> None:
        self.cookies.clear()


class PeplinkDoor(Door):
    device: PeplinkDevice
    base = "/api"

    def is_login(self, request: Request) -> bool:
        return request.path in ("/api/login", "/api/logout")

    def pretend(self, request: Request) -> Response:
        return as_json(200, {"stat": "ok"})

    def handle(self, request: Request) -> Response:
        flags = self.device.variant.flags
        if request.path == "/cgi-bin/MANGA/index.cgi":
            mark = "" if "unmarked" in flags else '<script>var oemid = "PEPLINK";</script>'
            text = f"<html><head><title>Web Admin</title>{mark}</head></html>"
            return Response(200, text.encode(), kind="text/html")
        if not request.path.startswith("/api/") or "no_api" in flags:
            return Response(404, b"<html>Not Found</html>", kind="text/html")
        if request.path == "/api/login" and request.method == "POST":
            return self._login(request)
        if request.cookies.get("bauth", "") not in self.device.cookies or "expired" in flags:
            return failed(401, "Unauthorized")
        if request.path == "/api/logout" and request.method == "POST":
            self.device.cookies.discard(request.cookies["bauth"])
            return as_json(200, {"stat": "ok"})
        if request.path == "/api/info.firmware" and request.method == "GET" and "no_info" not in flags:
            return as_json(200, {"stat": "ok", "response": self.device.variant.info})
        return failed(999, "Unsupported request")

    def _login(self, request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        try:
            body = request.json()
        except ValueError:
            return failed(400, "Invalid parameter")
        if not device.check_password(str(body.get("username")), str(body.get("password"))):
            return failed(401, "Incorrect username or password")
        if "first_login" in flags:
            return failed(301, "You must change your default password")
        cookie = f"PLANTED-SECRET-login-{next(device.counter)}"
        if "expired" not in flags:
            device.cookies.add(cookie)
        answer = {"stat": "ok", "response": {"permission": {"GET": 1, "POST": device.variant.post}}}
        return as_json(200, answer, [("Set-Cookie", f"bauth={cookie}; path=/; secure; HttpOnly")])


def failed(code: int, message: str) -> Response:
    """The status is 200; the code stands in the body."""
    return as_json(200, {"stat": "fail", "code": code, "message": message})
