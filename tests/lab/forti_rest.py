# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A FortiGate's REST interface onto the same state that its command line edits."""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
import urllib.parse
from typing import Any, Callable

from .device import LOCKOUT_AFTER
from .forti_json import (
    RestError,
    assign,
    defaults,
    entries_of,
    entry_of,
    matches,
    mkey_of,
    object_of,
    pick,
    schema_of,
    skip_of,
)
from .forti_monitor import SERIAL, Monitor
from .forti_session import FortiSession
from .forti_tree import Node, Obj, Table
from .http_server import Door, Request, Response, as_json


class WebSession:
    """One log-in by name and password. ``key``: also good as a bearer token."""

    def __init__(self, door: RestDoor, user: str, number: int) -> None:
        self.door = door
        self.user = user
        # Planted words, so that they are found like a password.
        self.key = f"PLANTED-SECRET-login-{hashlib.sha256(f'{door.device.name}{number}'.encode()).hexdigest()[:20]}"
        self.csrf = f"PLANTED-SECRET-login-{hashlib.sha256(f'csrf{number}'.encode()).hexdigest()[:20]}"
        self.with_cookie = False

    def drop(self) -> None:
        if self in self.door.device.sessions:
            self.door.device.sessions.remove(self)
        self.door.device.hang_up()


class RestDoor(Door, Monitor):
    """``device`` is a FortiDevice; the door hangs itself onto it and gives it an ``api_token``."""

    base = "/api/v2"
    server = "xxxxxxxx-xxxxx"

    def __init__(self, device: Any) -> None:
        super().__init__(device)
        self._counter = itertools.count(1)
        self.revisions: list[dict[str, Any]] = []
        device.door = self
        device.api_token = f"PLANTED-SECRET-login-{hashlib.sha256(device.name.encode()).hexdigest()[:20]}"
        device.hang_up = lambda: None

    # -- what kind of request -------------------------------------------------------------------------------------

    def is_login(self, request: Request) -> bool:
        return self.short(request.path) in ("/authentication", "/logincheck", "/logout")

    def is_write(self, request: Request) -> bool:
        return super().is_write(request) and self.short(request.path) != "/monitor/system/config/backup"

    def pretend(self, request: Request) -> Response:
        return self.envelope(request, "root", 200, {"revision_changed": True} if self._new else {})

    @property
    def _new(self) -> bool:
        """Newer builds say whether a write changed anything."""
        return bool(self.device.variant.version >= (7, 0, 0))

    def handle(self, request: Request) -> Response:
        path = self.short(request.path)
        if "manager" in self.device.variant.flags:
            return Response(404, b"<html><body>Not Found</body></html>", kind="text/html")
        if self.device.failed_logins >= LOCKOUT_AFTER:
            return Response(429)
        if self.is_login(request):
            return self._enter(request, path)
        if not request.path.startswith(self.base + "/"):
            return Response(302, headers=[("Location", "/login")])
        refusal = self._judge(request)
        if refusal is not None:
            return refusal
        try:
            if path.startswith("/cmdb/"):
                return self._cmdb(request, path[len("/cmdb/") :])
            return self.monitor(request, path)
        except RestError as error:
            return self._failed(request, error)

    # -- log in ---------------------------------------------------------------------------------------------------

    def _enter(self, request: Request, path: str) -> Response:
        if path == "/authentication" and self.device.variant.version < (7, 2, 0):
            return Response(404)
        if path == "/logout" or request.method == "DELETE":
            session = self._session_of(request)
            if session is not None:
                self.device.sessions.remove(session)
            return Response(200, b"" if path == "/logout" else b'{"status_message": "LOGOUT_SUCCESS"}')
        if request.method != "POST":
            return Response(405)
        if path == "/logincheck":
            form = urllib.parse.parse_qs(request.body.decode("utf-8", "replace"))
            user, password = (form.get(key, [""])[0] for key in ("username", "secretkey"))
            session = self._log_in(user, password)
            return (
                Response(200, b"0", kind="text/html")
                if session is None
                else self._cookies(session, b'1document.location="/";\n', "text/html")
            )
        return self._enter_by_json(request)

    def _enter_by_json(self, request: Request) -> Response:
        try:
            body = request.json() or {}
        except ValueError:
            return Response(400)
        banner = self.device.table("", "system global").value("post-login-banner") == "enable"
        if banner and not body.get("ack_post_disclaimer"):
            return as_json(200, {"status_code": 3, "status_message": "LOGIN_POST_DISCLAIMER"})
        session = self._log_in(str(body.get("username", "")), str(body.get("secretkey", body.get("password", ""))))
        if session is None:
            return as_json(401, {"status_code": -1, "status_message": "LOGIN_FAILED"})
        answer = {"status_code": 5, "status_message": "LOGIN_SUCCESS"}
        if body.get("request_key"):
            return as_json(200, {**answer, "session_key": session.key})
        return self._cookies(session, json.dumps(answer).encode(), "application/json")

    def _log_in(self, user: str, password: str) -> WebSession | None:
        if not self.device.check_password(user, password):
            return None
        session = WebSession(self, user, next(self._counter))
        self.device.sessions.append(session)
        self.since_login = 0
        return session

    def _cookies(self, session: WebSession, body: bytes, kind: str) -> Response:
        session.with_cookie = True
        number = getattr(self.device, "http_port", 443)
        cookies = [
            f'APSCOOKIE_{number}="{session.key}"; path=/; secure; httponly',
            f'ccsrftoken_{number}="{session.csrf}"; path=/; secure',
        ]
        return Response(200, body, [("Set-Cookie", cookie) for cookie in cookies], kind)

    def _session_of(self, request: Request) -> WebSession | None:
        bearer = request.headers.get("authorization", "").partition("Bearer ")[2]
        values = {value.strip('"') for name, value in request.cookies.items() if name.startswith("APSCOOKIE_")}
        for session in self.device.sessions:
            if isinstance(session, WebSession) and (
                session.key in values if session.with_cookie else session.key == bearer
            ):
                return session
        return None

    def _judge(self, request: Request) -> Response | None:
        """None when the request may go on."""
        device = self.device
        bearer = request.headers.get("authorization", "").partition("Bearer ")[2]
        in_url = request.query.get("access_token", [""])[0]
        by_token = bearer == device.api_token or (in_url == device.api_token and device.variant.version < (7, 4, 5))
        session = self._session_of(request)
        if device.faults.has("refuse_login") or not (by_token or session):
            if bearer or in_url:
                device.login_attempts += 1
                device.failed_logins += 1
            return Response(401, b"<html><body>Unauthorized</body></html>", kind="text/html")
        if self.hits("forbid", request) or (self.is_write(request) and device.faults.has("read_only")):
            return self._failed(request, RestError(403, -37))
        by_cookie = session is not None and session.with_cookie and not by_token
        if by_cookie and self.is_write(request) and not self._has_csrf(request, session):
            return self._failed(request, RestError(403))
        return None

    def _has_csrf(self, request: Request, session: Any) -> bool:
        return bool(request.headers.get("x-csrftoken", "").strip('"') == session.csrf)

    # -- envelopes ------------------------------------------------------------------------------------------------

    def envelope(self, request: Request, vdom: str, status: int, more: dict[str, Any]) -> Response:
        return as_json(status, self._body(request, vdom, status, more))

    def _body(self, request: Request, vdom: str, status: int, more: dict[str, Any]) -> dict[str, Any]:
        parts = self.short(request.path).strip("/").split("/")
        build = self.device.variant.build[5:9]
        return {
            "http_method": request.method,
            **more,
            "vdom": vdom,
            "path": parts[1] if len(parts) > 1 else "",
            "name": parts[2] if len(parts) > 2 else "",
            "status": "success" if status < 400 else "error",
            "http_status": status,
            "serial": SERIAL,
            "version": f"v{self.device.version}",
            "build": int(build) if build.isdigit() else 0,
        }

    def _failed(self, request: Request, error: RestError) -> Response:
        more: dict[str, Any] = {"error": error.code} if error.code else {}
        if error.text:
            more["cli_error"] = error.text + "\n"
        return self.envelope(request, "root", error.status, more)

    def _revision(self) -> str:
        return hashlib.sha256(self.device.running().encode()).hexdigest()[:32]

    # -- configuration --------------------------------------------------------------------------------------------

    def _scopes(self, request: Request, schema_scope: str) -> tuple[list[str], bool]:
        """The VDOMs (or "" for device-wide) that a request is about, and whether the answer is a list."""
        device, query = self.device, request.query
        limited = "vdom_admin" in device.variant.flags
        if query.get("global") == ["1"]:
            if limited:
                raise RestError(403, -37)
            if schema_scope != "global":
                return list(device.vdoms), True
            return [""], True
        wanted = query.get("vdom", ["cust1" if limited else "root"])[0]
        names = list(device.vdoms) if wanted == "*" else wanted.split(",")
        if any(name not in device.vdoms for name in names):
            raise RestError(404, -3)
        if limited and (names != ["cust1"] or schema_scope == "global"):
            raise RestError(403, -37)
        several = wanted == "*" or len(names) > 1
        return ([""] if schema_scope == "global" else names), several

    def _cmdb(self, request: Request, path: str) -> Response:
        parts = path.split("/")
        if parts[:2] == ["system", "vdom"]:
            return self._vdoms(request)
        name = " ".join(parts[0].split(".") + parts[1:2])
        schema = self.device.schemas.get(name)
        if schema is None or len(parts) > 3:
            raise RestError(404)
        scopes, several = self._scopes(request, schema.scope)
        mkey = parts[2] if len(parts) == 3 else ""
        bodies = []
        for scope in scopes:
            node = self.device.scopes[scope][name]
            more = (
                self._read(request, node, mkey) if request.method == "GET" else self._write(request, scope, node, mkey)
            )
            bodies.append(self._body(request, scope or "root", 200, more))
        return as_json(200, bodies if several else bodies[0])

    def _vdoms(self, request: Request) -> Response:
        if request.method != "GET":
            raise RestError(403, -37)
        names = ["cust1"] if "vdom_admin" in self.device.variant.flags else list(self.device.vdoms)
        results = [{"name": name, "q_origin_key": name, "short-name": name[:11], "vcluster-id": 0} for name in names]
        body = self._body(request, "root", 200, {"results": self._narrow(request, results)})
        return as_json(200, [body] if request.query.get("global") == ["1"] else body)

    @property
    def _listed(self) -> bool:
        """Up to 6.4 a block inside an object is described as a list of one."""
        return bool(self.device.variant.version < (7, 0, 0))

    def _read(self, request: Request, node: Node, mkey: str) -> dict[str, Any]:
        action = request.query.get("action", [""])[0]
        if action == "schema":
            return {"results": schema_of(node.schema)}
        if action == "default":
            return {"results": defaults(node, self._listed)}
        only_set = request.query.get("exclude-default-values", [""])[0] in ("1", "true")
        if isinstance(node, Obj):
            return {"results": self._narrow(request, [object_of(node, self._listed, only_set)])[0]}
        if mkey and mkey not in node.entries:
            raise RestError(404, -3)
        results = entries_of(node, self._listed, only_set)
        if mkey:
            results = [item for item in results if str(item["q_origin_key"]) == mkey]
        return {"results": self._narrow(request, results)}

    def _narrow(self, request: Request, results: list[dict[str, Any]]) -> list[dict[str, Any]]:
        query = request.query
        for condition in query.get("filter", []):
            results = [item for item in results if matches(item, condition)]
        start, count = (int(query.get(key, [text])[0] or 0) for key, text in (("start", "0"), ("count", "100000")))
        results = results[start : start + count]
        names = query.get("format", [""])[0]
        return [pick(item, names.split("|")) for item in results] if names else results

    def _write(self, request: Request, scope: str, node: Node, mkey: str) -> dict[str, Any]:
        before = self._revision()
        try:
            body = request.json() or {}
        except ValueError as error:
            raise RestError(400) from error
        if not isinstance(body, dict):
            raise RestError(400)
        session = FortiSession(self.device, "rest", quiet=True)
        session.scope = scope if self.device.multi else None
        if node.schema.name == "voip profile" and self._frozen(session):
            raise RestError(403, -7)

        def exists(table: str, name: str) -> bool:
            return name in session._names(table)

        more: dict[str, Any] = {}
        if isinstance(node, Obj):
            self._put_object(request, node, body, exists)
        else:
            more = self._write_table(request, node, mkey, body, exists, session)
        self.device.committed()
        after = self._revision()
        more["revision"] = after
        if self._new:
            more.update(revision_changed=after != before, old_revision=before)
        return more

    def _frozen(self, session: FortiSession) -> bool:
        settings = session.reach()["system settings"]
        return (
            isinstance(settings, Obj)
            and "ngfw-mode" in settings.schema.keys
            and settings.value("ngfw-mode") == "policy-based"
        )

    def _put_object(
        self, request: Request, node: Obj, body: dict[str, Any], exists: Callable[[str, str], bool]
    ) -> None:
        if request.method != "PUT":
            raise RestError(405)
        draft = copy.deepcopy(node)
        assign(draft, body, exists)
        node.replace(draft)

    def _write_table(
        self,
        request: Request,
        table: Table,
        mkey: str,
        body: dict[str, Any],
        exists: Callable[[str, str], bool],
        session: FortiSession,
    ) -> dict[str, Any]:
        if request.method == "POST" and not mkey:
            if self.hits("table_full", request):
                raise RestError(424, -4, "reached the maximum number of entries")
            name, entry = entry_of(table, body, exists)
            self._complete(entry)
            table.entries[name] = entry
            return {"mkey": mkey_of(table.schema, name)}
        if request.method not in ("PUT", "DELETE") or not mkey:
            raise RestError(405)
        if mkey not in table.entries:
            raise RestError(404, -3)
        if request.method == "DELETE":
            if session._in_use(table.schema.name, mkey):
                raise RestError(500, -23, "The entry is used by other 1 entries")
            del table.entries[mkey]
        elif request.query.get("action") == ["move"]:
            self._move(request, table, mkey)
        else:
            draft = copy.deepcopy(table.entries[mkey])
            assign(draft, body, exists, skip=skip_of(table.schema))
            self._complete(draft)
            table.entries[mkey] = draft
        return {"mkey": mkey_of(table.schema, mkey)}

    def _complete(self, entry: Obj) -> None:
        for key in entry.schema.required:
            if not [token for token in entry.values.get(key, []) if token]:
                raise RestError(424, -651, f"Attribute '{key}' MUST be set")

    def _move(self, request: Request, table: Table, mkey: str) -> None:
        where = "before" if "before" in request.query else "after"
        other = request.query.get(where, [""])[0]
        if other not in table.entries:
            raise RestError(404, -3)
        moved = table.entries.pop(mkey)
        order = list(table.entries.items())
        spot = [name for name, _entry in order].index(other) + (where == "after")
        order.insert(spot, (mkey, moved))
        table.entries = dict(order)
