# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is particular to FortiGates and not in the contract."""

from __future__ import annotations

from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options, Wanted
from tests.lab import Lab
from tests.unit.conftest import change

LONGER = Options(state=None, timeout=Wanted(minimum=240, recommended=360))
TCP_ENTRY = [
    *("config system session-ttl", "config port", "edit 1", "set protocol 6", "set start-port 1494"),
    *("set end-port 1494", "set timeout 7200", "next", "end", "end"),
]


def test_each_vdom_gets_its_port_entry(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "vdoms")
    outcome = change(device, options=LONGER)
    assert outcome.error is None
    assert outcome.plan is not None
    assert [step.scope for step in outcome.plan.steps] == ["root", "cust1", "cust2"]
    assert device.running().count("set timeout 360") == 3


def test_a_new_port_entry_takes_no_id_of_another_protocol(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "default-74")
    device.change(TCP_ENTRY)
    outcome = change(device, options=LONGER)
    assert outcome.error is None
    assert "edit 2" in outcome.script
    assert "set start-port 1494" in device.running()
