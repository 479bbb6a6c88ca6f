# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A SonicWall with state: live and candidate configuration, edits waiting for a commit, one administrator at a time."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterable
from typing import Any, Callable

from .device import Device
from .http_server import HTML, Door, Request, Response, as_json
from .sonicos_auth import OTHER, ApiSession, Gate, totp
from .sonicos_check import Refused, not_found
from .sonicos_edit import Edit, Rules, apply, entries_of, locate, split
from .sonicos_state import ADDRESS_DEFAULT, SERIAL, Config, factory, interface, interface_addresses, overlay, uuid_of
from .sonicos_text import export
from .variants.sonicwall_sonicos import SonicVariant

SINGLE = ("/voip", "/udp", "/administration/global")


class SonicDevice(Device):
    platform = "sonicwall_sonicos"
    web_only = True
    totp_secret = "JBSWY3DPEHPK3PXP"
    sessions: list[Any]  # of ApiSession

    def __init__(
        self, name: str, variant: SonicVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.counter = itertools.count(1)
        self.door = SonicDoor(self)
        self.hang_up: Callable[[], None] = lambda: None
        self.lock_holder = OTHER if "foreign_lock" in variant.flags else ""
        self.displaced: list[str] = []  # administrators that were pushed out
        self.calls: list[dict[str, str]] = [
            {"caller_ip": "192.168.10.21", "called_ip": "192.0.2.80", "protocol": "SIP"}
        ]
        self.rules = Rules(
            variant.limits, "minutes" in variant.flags, "keyless" in variant.flags, "auto_last" in variant.flags
        )
        self.edits: list[Edit] = []
        self.live = self._made(variant)
        self.candidate = copy.deepcopy(self.live)
        for method, path, body in variant.edits:
            self.stage(OTHER, method, path, body)
        self.commit()
        for method, path, body in variant.pending:
            self.stage(OTHER, method, path, body)
        if "foreign_session" in variant.flags:
            self.sessions.append(ApiSession(self, OTHER, "192.168.10.77"))

    def _made(self, variant: SonicVariant) -> Config:
        config = factory()
        config["voip"] = overlay(config["voip"], variant.voip)
        config["udp"] = overlay(config["udp"], variant.udp)
        for rule in config["access_rules"]:
            rule.update(overlay(rule, variant.rules.get(rule["name"], {})))
        for number, (name, zone, ip) in enumerate(variant.interfaces):
            made = interface(name, zone, ip)
            config["interfaces"] = [i for i in config["interfaces"] if i["ipv4"]["name"] != name] + [made]
            if ip != "dhcp":
                config["address_objects"] += [
                    overlay(dict(ADDRESS_DEFAULT), {**entry, "uuid": uuid_of(0x300 + 2 * number + at)})
                    for at, entry in enumerate(interface_addresses(name, zone, ip))
                ]
        api = config["administration"]["sonicos_api"]
        api.update(
            basic="basic" in variant.auth,
            chap="chap" in variant.auth,
            digest=any(method.startswith("digest") for method in variant.auth),
            two_factor_bearer_token="tfa" in variant.auth,
            auto_commit="auto_commit" in variant.flags,
            enable="api_off" not in variant.flags,
        )
        if "keyless" in variant.flags and not config["voip"]["sip"].pop("enable"):
            config["voip"]["sip"] = None
        return config

    # -- what a test looks at -------------------------------------------------------------------------------------

    def running(self) -> str:
        """The live configuration as canonical text."""
        with self.lock:
            return json.dumps(self.live, indent=1, sort_keys=True) + "\n"

    startup = running  # a commit is on flash at once

    def snapshot(self) -> bytes:
        return self.running().encode()

    def pending(self) -> list[str]:
        """The writes that nobody has committed, as ``user: METHOD path``."""
        with self.lock:
            return [edit.text() for edit in self.edits]

    @property
    def open_sessions(self) -> int:
        return sum(1 for session in self.sessions if session.user != OTHER)

    def totp(self) -> str:
        """The one-time code of this moment."""
        return totp(self.totp_secret)

    def change(self, what: Any) -> None:
        """As another administrator who commits at once: a function of the live configuration."""
        with self.lock:
            what(self.live)
            self._rebuild()

    def foreign_edit(self, method: str, path: str, body: Any) -> None:
        """Another administrator stages something and does not commit it."""
        with self.lock:
            self.stage(OTHER, method, path, body)

    def foreign_lock(self, on: bool = True) -> None:
        """Another administrator takes configuration mode, or gives it back."""
        with self.lock:
            self.lock_holder = OTHER if on else ""

    # -- pending configuration ------------------------------------------------------------------------------------

    def stage(self, owner: str, method: str, path: str, body: Any) -> None:
        """Carry out an edit on the candidate; raises :class:`~.sonicos_edit.Refused`."""
        body = copy.deepcopy(body)
        if method != "DELETE" and path not in SINGLE:
            kind, _by, _value = split(path)
            entries = entries_of(kind, body, "singular" in self.variant.flags and owner != OTHER)
            for entry in entries:
                if method == "POST":
                    entry["uuid"] = uuid_of(0x1000 + next(self.counter))
            body = {kind.key: [{kind.wrap: entry} if kind.wrap else entry for entry in entries]}
        edit = Edit(owner, method, path, body)
        apply(self.candidate, edit, self.rules)
        self.edits.append(edit)

    def commit(self) -> None:
        self.live = copy.deepcopy(self.candidate)
        self.edits = []

    def discard(self, owner: str | None = None) -> None:
        """Forget the edits of one administrator, or all."""
        self.edits = [edit for edit in self.edits if owner is not None and edit.owner != owner]
        self._rebuild()

    def _rebuild(self) -> None:
        self.candidate = copy.deepcopy(self.live)
        edits, self.edits = self.edits, []
        for edit in edits:
            try:
                apply(self.candidate, edit, self.rules)
                self.edits.append(edit)
            except Refused:
                continue  # it rested on an edit that is gone

    def end_session(self, session: ApiSession, keep_edits: bool = False) -> None:
        """Log out: configuration mode is given back, and what was not committed is lost."""
        with self.lock:
            if session not in self.sessions:
                return
            self.sessions.remove(session)
            if self.lock_holder == session.user:
                self.lock_holder = ""
            if not keep_edits:
                self.discard(session.user)

    def _load_startup(self) -> None:
        self.discard()
        self.lock_holder = ""

    # -- envelopes ------------------------------------------------------------------------------------------------

    def plain(self, value: Any) -> Response:
        return as_json(200, value)

    def success(self, **info: Any) -> Response:
        code: Any = 0 if "numbers" in self.variant.flags else "E_OK"
        return self._status(200, True, {"level": "info", "code": code, "message": "Success.", **info})

    def refusal(self, message: str, code: str, number: int, status: int = 200, **info: Any) -> Response:
        shown: Any = number if "numbers" in self.variant.flags else code
        return self._status(status, False, {"level": "error", "code": shown, "message": message, **info})

    def _status(self, status: int, good: bool, info: dict[str, Any]) -> Response:
        value: dict[str, Any] = {"success": good, "info": [info]}
        if "no_cli_status" not in self.variant.flags and status != 401:
            value["cli"] = {
                "depth": 0,
                "mode": "config_mode" if self.lock_holder == self.user else "non_config_mode",
                "command": "",
                "configuring": self.lock_holder == self.user,
                "pending_config": bool(self.edits),
                "restart_required": "APPLIANCE" if "restart" in self.variant.flags and good else "NONE",
            }
        return as_json(status, {"status": value})


class SonicDoor(Door):
    base = "/api/sonicos"
    server = "SonicWALL"
    device: SonicDevice

    def __init__(self, device: SonicDevice) -> None:
        super().__init__(device)
        self.gate = Gate(device)

    def is_login(self, request: Request) -> bool:
        return self.short(request.path) in ("/auth", "/tfa")

    def accepted(self, response: Response) -> bool:
        if response.status >= 400:
            return False
        try:
            value = json.loads(response.body or b"{}")
        except ValueError:
            return True
        return not (isinstance(value, dict) and value.get("status", {}).get("success") is False)

    def pretend(self, request: Request) -> Response:
        return self.device.success()

    def handle(self, request: Request) -> Response:
        flags = self.device.variant.flags
        if not request.path.startswith(self.base + "/"):
            return Response(200, HTML, kind="text/html")
        if "gen5" in flags:
            return Response(404, b"<html><body>Not Found</body></html>", kind="text/html")
        if "api_off" in flags:
            return self.device.refusal("Service disabled.", "E_DISABLED", 1090, 403)
        path = self.short(request.path)
        if self.is_login(request):
            return self.gate.enter(request, path)
        session = self.gate.session_of(request)
        if session is None:
            return self.gate.unauthorized()
        if "no_json" in flags and path.startswith(("/voip", "/udp", "/access-rules", "/nat-policies")):
            return Response(406)
        try:
            if {"policy_mode", "no_rules_api"} & flags and path.startswith("/access-rules"):
                raise Refused("API not found.", "E_NO_API", 1031, 404)
            return self._read(path) if request.method in ("GET", "HEAD") else self._write(request, path, session)
        except Refused as refused:
            return self.device.refusal(refused.message, refused.code, refused.number, refused.status)

    # -- reading --------------------------------------------------------------------------------------------------

    def _read(self, path: str) -> Response:
        device, config = self.device, self.device.candidate
        answers: dict[str, Callable[[], Response]] = {
            "/version": lambda: device.plain(self._version()),
            "/reporting/status/system": lambda: device.plain(self._system()),
            "/config/pending": self._pending,
            "/voip": lambda: device.plain({"voip": config["voip"]}),
            "/udp": lambda: device.plain({"udp": config["udp"]}),
            "/zones": lambda: device.plain({"zones": config["zones"]}),
            "/interfaces/ipv4": lambda: device.plain({"interfaces": config["interfaces"]}),
            "/administration/global": lambda: device.plain({"administration": config["administration"]}),
            "/reporting/voip": lambda: device.plain(device.calls),
            "/export/current-config/cli": self._export,
        }
        if "policy_mode" in device.variant.flags:
            answers["/security-policies/ipv4"] = lambda: device.plain({"security_policies": []})
        if path in answers:
            return answers[path]()
        kind, by, value = split(path)
        entries = [locate(config, kind, by, value)] if by else config[kind.key]
        if "singular" in device.variant.flags and by:
            return device.plain({kind.single: kind.show(entries[0])})
        return device.plain({kind.key: [kind.show(self._as_shown(entry)) for entry in entries]})

    def _as_shown(self, entry: Config) -> Config:
        """An entry that somebody made, on a box that does not say where it stands."""
        made = "auto_shown" in self.device.variant.flags and "priority" in entry and entry["uuid"] >= uuid_of(0x1000)
        return {**entry, "priority": {"auto": True}} if made else entry

    def _version(self) -> dict[str, str]:
        variant = self.device.variant
        unknown = self.device.faults.has("unknown_version")
        return {
            "firmware_version": "SonicOS 99.0.0-1" if unknown else variant.firmware,
            "rom_version": "7.0.1.0",
            "safemode_version": "7.0.1.0",
            "serial_number": SERIAL,
            "model": variant.model,
            "system_time": "11/25/2026 10:02:11",
            "system_uptime": "12 Days, 3 Hours, 4 Minutes, 5 Seconds",
            "last_modified_by": "admin 192.168.10.77:X0 UI 11/24/2026 09:00:00",
        }

    def _system(self) -> dict[str, str]:
        mode = "Policy" if "policy_mode" in self.device.variant.flags else "Classic"
        return {
            **{key: value for key, value in self._version().items() if key != "system_uptime"},
            "product_code": "11204",
            "firewall_name": self.device.name,
            "authentication_code": "PLANTED-SECRET-login",
            "global_mode": mode,
            "restart_required": "NONE",
        }

    def _pending(self) -> Response:
        nothing, device = self.device.variant.nothing, self.device
        if not device.edits:
            return device.success() if nothing == "status" else Response(200, nothing.encode())
        shown: dict[str, Any] = {}
        for edit in device.edits:
            if isinstance(edit.body, dict):
                for key, value in edit.body.items():
                    shown[key] = shown.get(key, []) + value if isinstance(value, list) else value
            else:
                kind, by, name = split(edit.path)
                shown.setdefault(kind.key, []).append({by: name, "deleted": True})
        return device.plain(shown)

    def _export(self) -> Response:
        if "no_export" in self.device.variant.flags:
            raise Refused("Not allowed.", "E_NOT_ALLOWED", 1010, 403)
        version = self._version()
        text = export(self.device.live, version["model"], version["firmware_version"])
        return Response(200, text.encode(), kind="text/plain")

    # -- writing --------------------------------------------------------------------------------------------------

    def _write(self, request: Request, path: str, session: ApiSession) -> Response:
        device = self.device
        if "read_only_api" in device.variant.flags or device.faults.has("read_only"):
            raise Refused("Read only.", "E_READ_ONLY", 1060)
        action = f"{request.method} {path}"
        if action == "POST /config-mode":
            if device.lock_holder not in ("", session.user):
                device.displaced.append(device.lock_holder)
            device.lock_holder = session.user
            return device.success()
        if action == "POST /non-config-mode":
            if device.lock_holder == session.user:
                device.lock_holder = ""
            return device.success()
        if device.lock_holder != session.user:
            raise Refused("Non config mode", "E_NON_CONFIG_MODE", 1012, 405)
        if path.startswith("/config/pending"):
            return self._settle(action)
        if action == "POST /voip/flush":
            device.calls = []
            return device.success()
        self._stage(request, path, session)
        return device.success()

    def _settle(self, action: str) -> Response:
        """Commit or discard what is pending, whoever's it is."""
        device = self.device
        if action == "DELETE /config/pending":
            device.discard()
            return device.success()
        if action not in ("POST /config/pending", "POST /config/pending/best-effort"):
            raise Refused("Method not allowed.", "E_NOT_ALLOWED", 1010, 405)
        if device.faults.has("commit_refused"):
            raise Refused("Error encountered processing command: commit.", "E_ERROR", 1099)
        device.commit()
        return device.success()

    def _stage(self, request: Request, path: str, session: ApiSession) -> None:
        if request.body and not request.headers.get("content-type", "").startswith("application/json"):
            raise Refused("Content-Type must be application/json.", "E_CONTENT_TYPE", 1002, 400)
        try:
            body = request.json()
        except ValueError as error:
            raise Refused("Schema validation error: not JSON.", "E_SCHEMA", 1001, 400) from error
        if path in ("/version", "/zones", "/interfaces/ipv4"):
            raise not_found("Method", 405)
        self.device.stage(session.user, request.method, path, body)
        if self.device.candidate["administration"]["sonicos_api"]["auto_commit"]:
            self.device.commit()
