# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An Actiontec GT784: HTTP Basic and a status page with script variables. A restart by GET, should anybody ask for it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import Door, Request, Response
from .variants.actiontec_gt784 import ActiontecVariant

FORM = """<!DOCTYPE html><html><head><title>Login</title></head><body><form action="/login.cgi" method="post">
<input type="password" name="adminPassword"><input type="hidden" name="rt_adminPassword">
<input type="button" id="apply_btn" value="OK"></form></body></html>"""


class ActiontecDevice(Device):
    platform = "actiontec_gt784"
    web_only = True
    tls = False
    variant: ActiontecVariant

    def __init__(
        self, name: str, variant: ActiontecVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.live = {"devinfo": variant.devinfo, "wanInfNames": variant.wans, "wpa_psk": "PLANTED-SECRET-psk"}
        self.door = ActiontecDoor(self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        """What is stored, as canonical text."""
        return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running

    def _load_startup(self) -> None:
        self.sessions.clear()


class ActiontecDoor(Door):
    device: ActiontecDevice

    def __init__(self, device: ActiontecDevice) -> None:
        super().__init__(device)
        self.judged = False

    def is_login(self, request: Request) -> bool:
        return request.path == "/login.cgi"

    def is_write(self, request: Request) -> bool:
        return super().is_write(request) or request.path == "/utilities_reboot.html"

    def pretend(self, request: Request) -> Response:
        return page("")

    def handle(self, request: Request) -> Response:
        device, flags = self.device, self.device.variant.flags
        if not self._known(request):
            return Response(
                401, b"<html><title>401 Unauthorized</title></html>",
                [("WWW-Authenticate", 'Basic realm="Actiontec"')], "text/html",
            )  # fmt: skip
        if "form" in flags:
            return page(FORM)
        if "title_401" in flags:
            return page("<html><head><title>401 Unauthorized</title></head></html>")
        if request.path != "/modemstatus_home.html":
            return Response(404, b"<html><title>404 Not Found</title></html>", kind="text/html")
        words = [f'var {key} = "{value}";' for key, value in device.live.items() if value is not None]
        return page(f"<html><head><title>Modem Status</title><script>\n{chr(10).join(words)}\n</script></head></html>")

    def _known(self, request: Request) -> bool:
        """A right password is judged once, a wrong one each time."""
        given = request.headers.get("authorization", "")
        if not given.startswith("Basic "):
            return False
        user, _sep, password = base64.b64decode(given[6:]).decode("utf-8", "replace").partition(":")
        if self.judged and (user, password) == (self.device.user, self.device.password):
            return True
        self.judged = self.device.check_password(user, password)
        return self.judged


def page(text: str) -> Response:
    return Response(200, text.encode(), kind="text/html")
