# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration that is cut, or lacks a line, never turns into `disabled`, unless the lost line was the one that said otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import registry
from tests.lab import make_device
from tests.unit.contract.test_contract import EXPECTED

# Without these lines the device really is off: the rule, its application, the policy that is bound.
SAID_SO = (
    "ip nat service sip ",
    "ip inspect ",
    "match protocol sip",
    "inspect sip",
    "service-policy ",
    "set voip-profile ",
    "set helper sip",
    "set system conntrack modules sip",
)
SAVED = {p.name for p in registry.PLATFORMS if p.from_backup("text")}
IN_THE_KERNEL = {("ubiquiti_edgeos", "stale-module")}
"""On, and their configuration says off: no saved text shows that."""
NOT_OFF = [
    case
    for case, found in EXPECTED.items()
    if found[0] not in ("disabled", "unknown_reply") and case[0] in SAVED and case not in IN_THE_KERNEL
]
MOST = 120


@pytest.mark.parametrize(("platform", "variant"), NOT_OFF)
def test_lost_lines(platform: str, variant: str) -> None:
    device: Any = make_device(platform, variant, variant)
    text = device.as_saved() if hasattr(device, "as_saved") else device.running()
    known = registry.of_backup(text)
    assert known is not None
    assert known.name == platform

    def verdict(lines: list[str]) -> str:
        record = engine.judge_text("h", "\n".join(lines), known, DEFAULT)
        return str(record["aspects"]["sip_alg"]["verdict"])

    lines = text.split("\n")
    assert verdict(lines) != "disabled"
    for at in range(0, len(lines), max(1, len(lines) // MOST)):
        assert verdict(lines[:at]) != "disabled", f"cut after line {at}"
        if verdict(lines[:at] + lines[at + 1 :]) == "disabled":
            assert lines[at].strip().startswith(SAID_SO), f"without line {at + 1}: {lines[at]}"


def test_a_manager_is_no_firewall() -> None:
    text = make_device("fortinet_fortios", "fortimanager", "fmg").running()
    assert registry.of_backup(text.replace("#config-version=FGT60F", "#config-version=FMG-VM64")) is None
