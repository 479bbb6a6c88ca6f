# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each simulated ARRIS Touchstone."""

from __future__ import annotations

from typing import Any

from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _arris_door

# a simulated gateway is back in less than a second, not in a minute
_arris_door.WAITS.update(apply=(0.02, 0.05, 5.0), busy=(0.01, 0.01, 0.01))

PLATFORM = "arris_touchstone"
LOGINS = 2
EXPECTED = {
    "factory": ("active", "disabled"),
    "not-allowed": ("active", "refusal"),
    "off": ("disabled", "disabled"),
    "two-lans": ("active", "disabled"),
    "two-octets": ("active", "disabled"),
    "four-octets": ("active", "disabled"),
    "one-octet": ("undetermined", "refusal"),
    "form-0x-on": ("active", "refusal"),
    "form-0x-off": ("disabled", "disabled"),
    "form-spaced": ("disabled", "disabled"),
    "form-raw": ("disabled", "disabled"),
    "form-decimal": ("undetermined", "refusal"),
    "no-object": ("cannot_disable", "refusal"),
    "no-such-object": ("cannot_disable", "refusal"),
    "dg860a": ("cannot_disable", "refusal"),
    "dg860a-bits": ("cannot_disable", "refusal"),
    "bridge": ("not_applicable", "not_applicable"),
    "dg860a-bridge": ("not_applicable", "not_applicable"),
    "half-bridge": ("active", "disabled"),
    "operator-lock": ("active", "refusal"),
    "read-only": ("active", "refused_command"),
    "max-firewall": ("blocking", "refusal"),
    "max-firewall-off": ("disabled", "disabled"),
    "other-admin": ("active", "refusal"),
    "other-admin-taken": ("active", "disabled"),
    "busy": ("login_refused", "login_refused"),
    "encrypted": ("undetermined", "refusal"),
    "php": ("undetermined", "refusal"),
    "not-arris": ("unknown_reply", "unknown_reply"),
    "stored-reads": ("active", "disabled"),
    "apply-silent": ("active", "disabled"),
    "sessions-stay": ("active", "disabled"),
    "stray-line": ("active", "disabled"),
    "unfinished": ("undetermined", "refusal"),
    "pbx": ("disabled", "disabled"),
    "pbx-there": ("disabled", "disabled"),
    "overlap": ("disabled", "disabled"),
    "no-overlap": ("disabled", "disabled"),
    "servers-off": ("disabled", "disabled"),
    "odd-server": ("disabled", "disabled"),
}
ALLOWED: dict[str, Any] = {"allow_unproven": True}
TO_PBX: dict[str, Any] = {"pbx": "192.168.0.5", "sources": ["any"]}
MORE: dict[str, dict[str, Any]] = {
    **{name: ALLOWED for name in EXPECTED if name != "not-allowed"},
    **dict.fromkeys(("pbx", "pbx-there", "overlap", "no-overlap", "servers-off", "odd-server"), TO_PBX),
    "other-admin-taken": {**ALLOWED, "take_over": True},
    "sessions-stay": {**ALLOWED, **TO_PBX},
}
FAULTY = "factory"
