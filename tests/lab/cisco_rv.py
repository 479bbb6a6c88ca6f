# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small router of Cisco's: a first page that asks for the password, and nothing that is known behind it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import Door, Request, Response
from .variants.cisco_rv import RvVariant


class RvDevice(Device):
    platform = "cisco_rv"
    web_only = True
    variant: RvVariant

    def __init__(self, name: str, variant: RvVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None):
        super().__init__(name, variant, faults, login)
        self.tls = variant.tls
        self.live = {"sip_alg": variant.sip, "udp_timeout": 30, "vpn_psk": "PLANTED-SECRET-psk"}
        self.door = RvDoor(self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        """What is stored, as canonical text."""
        return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running

    def _load_startup(self) -> None:
        self.sessions.clear()


class RvDoor(Door):
    device: RvDevice

    def is_login(self, request: Request) -> bool:
        """Whatever is posted counts as an attempt to log in."""
        return request.method == "POST"

    def pretend(self, request: Request) -> Response:
        return Response(200)

    def handle(self, request: Request) -> Response:
        if request.method == "POST" or "authorization" in request.headers:
            self.device.check_password("", "")
        title, status = self.device.variant.title, self.device.variant.status
        text = f'<html><head><title>{title}</title></head><body><form action="/userLogin.cgi" method="post">'
        text += f'<h1>{title.split(" - ")[0]}</h1><input name="username"><input type="password" name="password"></form></body></html>'
        return Response(status, text.encode(), kind="text/html")
