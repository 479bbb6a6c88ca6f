# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each simulated Linksys."""

from __future__ import annotations

from typing import Any

from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _linksys_door as door

# a simulated router is back in less than half a second, not in twenty
door.WAITS.update(DeviceRestart=(0.1, 0.1, 5.0), WirelessInterruption=(0.0, 0.1, 5.0))

PLATFORM = "linksys"
EXPECTED = {
    "velop": ("active", "disabled"),
    "velop-off": ("disabled", "disabled"),
    "ea": ("active", "disabled"),
    "no-check": ("active", "disabled"),
    "cisco-prefix": ("active", "refusal"),
    "node": ("undetermined", "refusal"),
    "not-master": ("undetermined", "refusal"),
    "no-alg": ("undetermined", "refusal"),
    "no-answer": ("undetermined", "refusal"),
    "more-keys": ("active", "refusal"),
    "locked": ("login_refused", "login_refused"),
    "delayed": ("login_refused", "login_refused"),
    "setup": ("unknown_reply", "unknown_reply"),
    "restart": ("active", "disabled"),
    "wireless": ("active", "disabled"),
    "pbx": ("disabled", "disabled"),
    "overlap": ("disabled", "disabled"),
    "overlap-disabled": ("disabled", "disabled"),
    "overlap-tcp": ("disabled", "disabled"),
    "overlap-unseen": ("active", "disabled"),
    "full": ("disabled", "disabled"),
    "old-pbx": ("disabled", "disabled"),
    "gateway-on": ("active", "disabled"),
    "gateway-off": ("disabled", "disabled"),
    "gateway-body-key": ("active", "disabled"),
    "gateway-closed-session": ("active", "disabled"),
    "gateway-extra-field": ("active", "refusal"),
    "gateway-less-field": ("active", "refusal"),
    "gateway-extra-box": ("active", "refusal"),
    "gateway-need-reboot": ("active", "refusal"),
    "gateway-no-module": ("undetermined", "refusal"),
    "gateway-unseen": ("active", "disabled"),
    "gateway-forwards": ("disabled", "disabled"),
    "captcha": ("unknown_reply", "unknown_reply"),
    "refused": ("login_refused", "login_refused"),
    "management-on": ("active", "refusal"),
    "management-off": ("disabled", "disabled"),
    "management-login": ("active", "refusal"),
    "management-no-module": ("undetermined", "refusal"),
    "e1700": ("active", "refusal"),
    "e1700-other": ("undetermined", "refusal"),
}
TO_PBX = {"pbx": "192.168.1.10", "sources": ["any"]}
MORE: dict[str, dict[str, Any]] = {
    "gateway-unseen": {"allow_unproven": True},
    "pbx": TO_PBX,
    "old-pbx": TO_PBX,
    "overlap": TO_PBX,
    "overlap-disabled": TO_PBX,
    "overlap-tcp": TO_PBX,
    "restart": TO_PBX,
    "full": TO_PBX,
    "velop": TO_PBX,
    "gateway-forwards": TO_PBX,
}
FAULTY = "velop"
