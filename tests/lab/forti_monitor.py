# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a FortiGate's REST interface that is about state and not about configuration."""

from __future__ import annotations

from typing import Any

from .forti_json import RestError
from .http_server import Request, Response

SERIAL, PEER = "FGT60FTK00000000", "FGT60FTK00000001"


class Monitor:
    """Mixed into the REST door: status, backup, revisions, sessions."""

    device: Any
    revisions: list[dict[str, Any]]

    def envelope(self, request: Request, vdom: str, status: int, more: dict[str, Any]) -> Response:
        raise NotImplementedError

    def monitor(self, request: Request, path: str) -> Response:
        action = f"{request.method} {path}"
        device = self.device
        if action == "GET /monitor/system/status":
            results = {
                "model_name": "FortiGate",
                "model_number": device.variant.model.split("-")[-1],
                "hostname": device.hostname,
            }
            return self.envelope(request, "root", 200, {"results": results})
        if action == "GET /monitor/system/ha-checksums":
            if "vdom_admin" in device.variant.flags:
                raise RestError(403, -37)
            return self.envelope(request, "root", 200, {"results": self._members()})
        if path == "/monitor/system/config/backup" and request.method in ("GET", "POST"):
            return self._backup(request)
        if action == "POST /monitor/system/config-revision/save":
            self.revisions.append(
                {"id": len(self.revisions) + 1, "comment": (request.json() or {}).get("comments", "")}
            )
            return self.envelope(request, "root", 200, {"results": {}})
        if action == "GET /monitor/system/config-revision":
            return self.envelope(request, "root", 200, {"results": {"revisions": self.revisions}})
        if path.startswith("/monitor/firewall/session"):
            return self._sessions(request, action)
        raise RestError(404)

    def _members(self) -> list[dict[str, Any]]:
        """The units of a cluster and which of them leads; older versions have other words for it."""
        flags = self.device.variant.flags
        if not {"primary", "secondary"} & flags:
            return []
        leads = "primary" in flags
        if self.device.variant.version < (7, 0, 0):
            return [{"serial_no": s, "is_root_master": int(lead)} for s, lead in ((SERIAL, leads), (PEER, not leads))]
        return [{"serial_no": s, "is_root_primary": lead} for s, lead in ((SERIAL, leads), (PEER, not leads))]

    def _backup(self, request: Request) -> Response:
        device = self.device
        if request.method == "POST" and self.device.variant.version < (7, 0, 0):
            raise RestError(405)
        values = (
            request.json() or {}
            if request.method == "POST"
            else {key: found[0] for key, found in request.query.items()}
        )
        limited = "vdom_admin" in device.variant.flags
        if values.get("scope") not in ("global", "vdom") or (limited and values["scope"] == "global"):
            raise RestError(403 if limited else 424, -37 if limited else -651)
        only = (
            (values.get("vdom") or ("cust1" if limited else "root"))
            if values["scope"] == "vdom" and device.multi
            else None
        )
        text = device.whole(device.scopes, device.user, only)
        return Response(200, text.encode(), kind="text/plain")

    def _sessions(self, request: Request, action: str) -> Response:
        device, query = self.device, request.query
        numbers = {"udp": 17, "tcp": 6}
        if action == "GET /monitor/firewall/session":
            hits = device.sip_sessions
            if "protocol" in query:
                hits = [item for item in hits if item["proto"] == numbers.get(query["protocol"][0], -1)]
            if "destport" in query:
                hits = [item for item in hits if str(item["dport"]) == query["destport"][0]]
            return self.envelope(request, "root", 200, {"results": hits})
        names = {"pro": "proto", "proto": "proto", "saddr": "src", "daddr": "dst", "sport": "sport", "dport": "dport"}
        body = request.json() or {}
        if action == "POST /monitor/firewall/session/close" and not {"pro", "saddr", "daddr", "sport", "dport"} <= set(
            body
        ):
            raise RestError(424, -651)
        closers = ["POST /monitor/firewall/session/close", "POST /monitor/firewall/session/clear_all"]
        if device.variant.version >= (7, 4, 0):
            closers += ["POST /monitor/firewall/session/close-multiple", "POST /monitor/firewall/session/close-all"]
        if action not in closers:
            raise RestError(404)

        def hit(item: dict[str, Any]) -> bool:
            wanted = {names[key]: numbers.get(str(value), value) for key, value in body.items() if key in names}
            return all(str(item[key]) == str(value) for key, value in wanted.items())

        device.sip_sessions = [item for item in device.sip_sessions if not hit(item)]
        return self.envelope(request, "root", 200, {"results": {}})
