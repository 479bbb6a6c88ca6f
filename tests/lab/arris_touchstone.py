# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ARRIS Touchstone gateway with state: objects that are read and set by GET, a cache, and an apply that restarts it."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.parse
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import HTML, Door, HttpWrite, Request, Response, as_json
from .variants.arris_touchstone import ArrisVariant

ROOT = "1.3.6.1.4.1.4115.1.20.1.1"
ALGS, MODE, LOCK = f"{ROOT}.2.2.1.26", f"{ROOT}.2.2.1.21", f"{ROOT}.2.2.1.28"
SERVERS = f"{ROOT}.4.12.1"
APPLY, SETTINGS, USER = f"{ROOT}.9.0", f"{ROOT}.2.6.0", f"{ROOT}.5.16.1.2.1"
TYPES = {"2": r"-?\d+", "66": r"\d+", "4": r".*"}
STRAY = b"Error in OID formatting!\n"
DOWN = 0.15
"""Seconds that an apply takes."""
PUBLIC_KEY = "c4" * 64 + ":10001"


class ArrisDevice(Device):
    platform = "arris_touchstone"
    web_only = True
    tls = False
    variant: ArrisVariant

    def __init__(
        self, name: str, variant: ArrisVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.live = _stored(variant)
        self.cache = dict(self.live)
        self.tokens: dict[str, str] = {}  # credential: nonce
        self.serial = 0
        self.applied = 0
        self.strays = 1 if "stray_line" in variant.flags else 0
        self.down_until = 0.0
        kinds: dict[str, type[Door]] = {"s": ArrisDoor, "s2": EncryptedDoor, "p": PhpDoor, "other": OtherDoor}
        self.door = kinds[variant.kind](self)
        self.hang_up: Callable[[], None] = lambda: None

    def running(self) -> str:
        """What is stored, as canonical text. What was set and not applied is not in it."""
        with self.lock:
            return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running

    @property
    def open_sessions(self) -> int:
        return len(self.tokens)

    def change(self, what: Any) -> None:
        """As another administrator: a function of what is stored."""
        with self.lock:
            what(self.live)
            self.cache = dict(self.live)

    def pending(self) -> list[str]:
        """The objects that were set and not applied."""
        names = sorted({*self.live, *self.cache})
        return [name for name in names if self.live.get(name) != self.cache.get(name)]

    def _load_startup(self) -> None:
        self.cache = dict(self.live)
        self.tokens.clear()

    def new_token(self, nonce: str) -> str:
        """The answer to a log-in, which is the credential of later requests."""
        self.serial += 1
        variant = self.variant
        value = {
            "gwWan": "f",
            "conType": "LAN",
            "muti": variant.muti,
            "modelname": variant.model,
            "family": "950",
            "tech": f"PLANTED-SECRET-login-{self.serial}",
        }
        token = base64.b64encode(json.dumps(value).encode()).decode()
        self.tokens[token] = nonce
        return token

    def restart(self) -> None:
        """Apply: what was set is stored, every service restarts."""
        self.live = dict(self.cache)
        self.applied += 1
        self.down_until = time.monotonic() + DOWN
        if "sessions_stay" not in self.variant.flags:
            self.tokens.clear()


def _shown(octets: str, form: str) -> str:
    if form == "dollar":
        return f"${octets}"
    if form == "0x":
        return f"0x{octets}"
    if form == "spaced":
        return " ".join(octets[at : at + 2] for at in range(0, len(octets), 2))
    return bytes.fromhex(octets).decode("latin-1") if form == "raw" else str(int(octets, 16))


def _stored(variant: ArrisVariant) -> dict[str, str]:
    """Every object that the lab knows, by its OID."""
    lans = tuple(variant.algs) if variant.algs is not None else (200,)
    objects = {
        f"{ROOT}.5.8.0": "5CT0000000001",
        f"{ROOT}.5.10.0": "3",
        f"{ROOT}.5.11.0": variant.firmware,
        f"{ROOT}.5.14.0": "0",
        USER: "admin",
        f"{ROOT}.5.16.1.3.1": "PLANTED-SECRET-login",
        f"{ROOT}.3.26.1.2.10001": "PLANTED-SECRET-psk",
        f"{ROOT}.4.1.0": variant.firewall,
        f"{ROOT}.4.6.0": "2",
        f"{ROOT}.4.9.0": variant.level,
        f"{ROOT}.4.32.0": variant.servers_on,
    }
    for lan in lans:
        objects[f"{MODE}.{lan}"] = "1" if lan in variant.bridged else "2"
        objects[f"{LOCK}.{lan}"] = "1" if lan in variant.locked else "0"
        if variant.algs is not None:
            objects[f"{ALGS}.{lan}"] = _shown(variant.algs[lan], variant.form)
    for number, row in variant.servers.items():
        objects.update({f"{SERVERS}.{column}.{number}": value for column, value in row.items()})
    return objects


class ArrisDoor(Door):
    device: ArrisDevice
    server = "ARRIS"

    def is_login(self, request: Request) -> bool:
        return request.path in ("/login", "/logout")

    def is_write(self, request: Request) -> bool:
        return request.path == "/snmpSet" or super().is_write(request)

    def accepted(self, response: Response) -> bool:
        return response.cut or response.status == 304 or (response.status == 200 and b"4115" in response.body)

    def pretend(self, request: Request) -> Response:
        name, _sep, value = self._argument(request, "oid").partition("=")
        return as_json(200, {name: value.split(";")[0]})

    def _journal(self, request: Request, accepted: bool) -> None:
        """The object, its value and type; the nonce and the time are different each time."""
        line = f"SET {self._argument(request, 'oid').rstrip(';')}"
        scope = "accepted" if accepted else "refused"
        write = HttpWrite(line, scope, time.time(), request.method, request.path, None, accepted)
        self.device._journal.append(write)
        for listener in self.device.on_write:
            listener(self.device, write)

    def _argument(self, request: Request, name: str) -> str:
        """An argument of the query; everything up to the next & belongs to it, as the semicolons do."""
        for part in request.target.partition("?")[2].split("&"):
            key, _sep, value = part.partition("=")
            if key == name:
                return urllib.parse.unquote(value)
        return ""

    def handle(self, request: Request) -> Response:
        device = self.device
        if time.monotonic() < device.down_until:
            return Response(599, cut=True)
        if device.faults.has("busy") and not self.is_login(request):
            device.faults.clear("busy")  # asked too fast, once
            return Response(500)
        if str(self.since_login) in device.faults.args("expire"):
            device.tokens.clear()
        if request.path == "/":
            return Response(200, b"<html><script src='main_page.js'></script></html>", kind="text/html")
        handlers = {
            "/login": self._login,
            "/logout": self._logout,
            "/snmpGet": self._get,
            "/walk": self._walk,
            "/snmpSet": self._set,
        }
        handler = handlers.get(request.path)
        if handler is None or request.method != "GET":
            return Response(404, b"<html>404</html>", kind="text/html")
        return handler(request)

    def _login(self, request: Request) -> Response:
        device = self.device
        given = request.target.partition("arg=")[2].partition("&")[0]
        if (
            not re.fullmatch(r"\d{5}", self._argument(request, "_n"))
            or not self._argument(request, "_")
            or "%" in given
        ):
            return Response(200)
        user, _sep, password = base64.b64decode(given).decode("utf-8", "replace").partition(":")
        if not device.check_password(user, password):
            return Response(200)  # an empty answer
        if "busy" in device.variant.flags:
            return Response(200, b"can_not_login", kind="text/html")
        return Response(200, device.new_token(self._argument(request, "_n")).encode(), kind="text/html")

    def _logout(self, request: Request) -> Response:
        self.device.tokens.pop(request.cookies.get("credential", ""), None)
        return Response(500)

    def _inside(self, request: Request) -> bool:
        nonce = self.device.tokens.get(request.cookies.get("credential", ""))
        return nonce is not None and nonce == self._argument(request, "_n")

    def _seen(self) -> dict[str, str]:
        return self.device.live if "stored_reads" in self.device.variant.flags else self.device.cache

    def _get(self, request: Request) -> Response:
        name = self._argument(request, "oids").rstrip(";")
        if name != USER and not self._inside(request):
            return Response(401)
        return as_json(200, {name: self._seen().get(name, "No Such Object")})

    def _walk(self, request: Request) -> Response:
        device, root = self.device, self._argument(request, "oids").rstrip(";")
        if not self._inside(request):
            return Response(401)
        found = {n: v for n, v in sorted(self._seen().items(), key=_order) if n.startswith(root + ".")}
        if not found and "no_such" in device.variant.flags:
            found = {root: "No Such Object"}
        if "unfinished" not in device.variant.flags:
            found["1"] = "Finish"
        response = as_json(200, found)
        if device.strays:
            device.strays -= 1
            response.body = STRAY + response.body
        return response

    def _set(self, request: Request) -> Response:
        device = self.device
        if not self._inside(request):
            return Response(401)
        argument = re.fullmatch(r"([\d.]+)=(.*);(\d+);", self._argument(request, "oid"))
        if argument is None or device.faults.has("read_only") or "read_only" in device.variant.flags:
            return as_json(200, {})
        name, value, kind = argument.groups()
        if not re.fullmatch(TYPES.get(kind, "(?!)"), value):
            return as_json(200, {})
        if name == APPLY and value == "1":
            device.restart()
            return Response(599, cut=True) if "apply_silent" in device.variant.flags else as_json(200, {name: value})
        if name == SETTINGS and value == "10":
            device.cache = dict(device.live)
            return as_json(200, {name: value})
        if not self._take(name, value):
            return as_json(200, {})
        return as_json(200, {name: value})

    def _take(self, name: str, value: str) -> bool:
        cache = self.device.cache
        row = re.fullmatch(re.escape(SERVERS) + r"\.(\d+)\.(\d+)", name)
        if row is None:
            if name not in cache:
                return False
            cache[name] = value
            return True
        column, number = row.groups()
        status = f"{SERVERS}.11.{number}"
        if column == "11" and value == "5":
            if status in cache:
                return False
            cache[status] = "3"
        elif column == "11" and value == "6":
            for other in [n for n in cache if n.startswith(SERVERS + ".") and n.endswith(f".{number}")]:
                del cache[other]
        elif status not in cache:
            return False
        elif column == "11":
            if value != "1" or any(f"{SERVERS}.{c}.{number}" not in cache for c in (2, 3, 4, 5, 6, 7, 9, 10)):
                return False
            cache[name] = value
        else:
            if column == "2" and len(value) > 16:
                return False
            cache[name] = value
        return True


def _order(item: tuple[str, str]) -> tuple[int, ...]:
    return tuple(int(part) for part in item[0].split("."))


class EncryptedDoor(ArrisDoor):
    """Family S2: it hands out a key and takes no log-in in the clear."""

    def handle(self, request: Request) -> Response:
        if request.path == "/factory/getPublicKey":
            return Response(200, PUBLIC_KEY.encode(), kind="text/plain")
        if request.path == "/login":
            self.device.check_password("", "")
            return Response(200)
        return super().handle(request)


class PhpDoor(Door):
    """Family P: pages that begin with a form to check.php."""

    def is_login(self, request: Request) -> bool:
        return request.path == "/check.php"

    def pretend(self, request: Request) -> Response:
        return Response(200, b"", kind="text/html")

    def handle(self, request: Request) -> Response:
        if request.path == "/check.php":
            self.device.check_password("", "")
        if request.path == "/":
            return Response(302, b"", [("Location", "/home_loggedout.php")], "text/html")
        if request.path == "/home_loggedout.php":
            page = (
                b'<html><title>XFINITY</title><form action="check.php" method="post"><input name="username">'
                b'<input type="password" name="password"></form></html>'
            )
            return Response(200, page, kind="text/html")
        return Response(404, b"<html>404</html>", kind="text/html")


class OtherDoor(Door):
    """Something else, which has one page for every address."""

    def is_login(self, request: Request) -> bool:
        return request.path == "/login"

    def pretend(self, request: Request) -> Response:
        return Response(200, HTML, kind="text/html")

    def handle(self, request: Request) -> Response:
        if self.is_login(request):
            self.device.check_password("", "")
        return Response(200, HTML, kind="text/html")
