# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR ProSafe firewalls as far as they are known: a login page. What lies behind it is not, and is not simulated."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import Door, Request, Response
from .variants.netgear_prosafe import ProSafeVariant

PAGE = "/scgi-bin/platform.cgi"


class ProSafeDevice(Device):
    platform = "netgear_prosafe"
    web_only = True

    def __init__(
        self, name: str, variant: ProSafeVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.inside = 0
        self.door = ProSafeDoor(self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        return json.dumps({"sip_alg": "on", "password": "PLANTED-SECRET-psk"}) + "\n"

    startup = running

    @property
    def open_sessions(self) -> int:
        return self.inside

    def change(self, what: Any) -> None:
        raise NotImplementedError("nothing behind the login is simulated")

    def _load_startup(self) -> None:
        self.inside = 0


class ProSafeDoor(Door):
    server = "Embedded HTTP Server."
    device: ProSafeDevice

    def is_login(self, request: Request) -> bool:
        return request.path == PAGE

    def pretend(self, request: Request) -> Response:
        return _page("")

    def handle(self, request: Request) -> Response:
        variant = self.device.variant
        if request.path == "/":
            return Response(302, headers=[("Location", PAGE)])
        if request.path != PAGE:
            return Response(404, b"<html><body>404</body></html>", kind="text/html")
        text = ""
        if request.method == "POST":
            fields = dict(urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True))
            user, password = (fields.get(f"{variant.prefix}{name}", "") for name in ("UserName", "Password"))
            if fields.get("USERDBDomains.Domainname") == "geardomain" and self.device.check_password(user, password):
                self.device.inside += 1
                return _page("<title>Router Status</title>")
            text = '<span id="lblWarning">User authentication Failed</span>'
        return _page(
            f"<title>{variant.title}</title></head><body>{text}<form action='platform.cgi' method='post'>{variant.model}"
            f'<input type="hidden" name="thispage" value="index.htm"><input type="text" name="{variant.prefix}UserName">'
            f'<input type="password" name="{variant.prefix}Password"></form></body>'
        )


def _page(inner: str) -> Response:
    return Response(200, f"<html><head>{inner}</html>\n".encode(), kind="text/html")
