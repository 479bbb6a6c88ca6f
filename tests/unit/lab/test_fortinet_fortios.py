# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated FortiGate: display of defaults, commit, VDOMs, sessions, saving, the journal."""

from __future__ import annotations

from typing import Any

import pytest

READS = (
    "get system status",
    "get system global",
    "show",
    "show system settings",
    "show full-configuration system settings",
    "show system session-helper",
    "show full-configuration voip profile",
    "show firewall policy",
    "show firewall service custom",
    "show firewall vip",
    "diagnose sys session filter dport 5060",
    "diagnose sys session list",
)
MODE = ("config system settings", "set default-voip-alg-mode kernel-helper-based")


def test_reading_leaves_no_write(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    out = dialogue(gate, *READS, "exit")
    assert gate.journal == []
    assert out.startswith("dut # ")
    assert "#config-version=FGT60F-7.4.7-FW-build2731-250120:opmode=0:vdom=0:user=admin" in out
    assert "Command fail" not in out


def test_walking_through_vdoms_is_no_write(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "vdoms")
    walk = [
        "config global",
        "show system session-helper",
        "end",
        "config vdom",
        "edit cust1",
        "show system settings",
        "end",
    ]
    out = dialogue(gate, *walk, "config vdom", "edit cust2", "next", "edit root", "end")
    assert gate.journal == []
    assert "dut (global) # " in out
    assert "dut (cust1) # " in out
    assert "Command fail" not in out


def test_misspelt_vdom_is_created_and_journaled(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "vdoms")
    dialogue(gate, "config vdom", "edit custl", "end")
    assert "custl" in gate.vdoms
    assert gate.writes == ["edit custl"]


def test_default_is_not_shown_but_full_configuration_shows_it(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    assert "default-voip-alg-mode" not in dialogue(gate, "show system settings")
    full = dialogue(gate, "show full system settings | grep default-voip")
    assert "    set default-voip-alg-mode proxy-based\n" in full


@pytest.mark.parametrize(
    ("variant", "has", "lacks"),
    [
        ("default-60", "sip-helper", "sip-expectation"),
        ("default-74", "sip-expectation", "sip-helper"),
        ("v50", "sip-helper", "default-voip-alg-mode"),
    ],
)
def test_keys_by_version(device: Any, dialogue: Any, variant: str, has: str, lacks: str) -> None:
    gate = device("fortinet_fortios", variant)
    out = dialogue(gate, "show full-configuration system settings")
    assert has in out
    assert lacks not in out
    refused = dialogue(gate, "config system settings", f"set {lacks} disable", "end")
    assert f"command parse error before '{lacks}'" in refused
    assert "Command fail. Return code -61" in refused


def test_commit_at_end_and_not_at_abort(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    dialogue(gate, *MODE, "abort")
    assert "kernel-helper-based" not in gate.running()
    out = dialogue(gate, *MODE, "show", "end")
    assert "dut (settings) # " in out
    assert "kernel-helper-based" in gate.running()
    assert gate.writes[-3:] == [*MODE, "end"]
    assert gate.journal[-1].scope == "root / settings"


def test_cut_before_end_changes_nothing(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    dialogue(gate, "config voip profile", 'edit "default"', "config sip", "set status disable", "end")
    assert "status disable" not in gate.running()


def test_nested_object(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    dialogue(gate, "config voip profile", 'edit "default"', "config sip", "set status disable", "end", "next", "end")
    out = dialogue(gate, "show voip profile default")
    assert "            set status disable\n" in out
    assert "strict" not in out


def test_delete(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "helper-at-12-other")
    out = dialogue(gate, "config system session-helper", "delete 99", "delete 20", "end", "show system session-helper")
    assert "Command fail. Return code -3" in out
    assert "edit 20" not in out
    assert "edit 21" in out
    assert "name pmap" in out


def test_referred_profile_and_missing_reference(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "policy-voip-profile")
    out = dialogue(gate, "config voip profile", "delete strict", "end")
    assert "Return code -23" in out
    out = dialogue(gate, "config firewall policy", "edit 2", "set voip-profile nope", "abort")
    assert "entry not found in datasource" in out
    dialogue(gate, "config firewall policy", "edit 2", "unset voip-profile", "next", "end")
    assert "voip-profile" not in gate.running()


def test_incomplete_policy_is_refused(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    out = dialogue(gate, "config firewall policy", "edit 0", "set name x", "next", "abort")
    assert "MUST be set" in out
    assert '"x"' not in gate.running()


def test_global_tables_are_out_of_sight_in_a_vdom_and_for_its_administrator(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "vdom-admin")
    out = dialogue(gate, "show system session-helper", "config global", "show system settings")
    assert "command parse error" in out
    assert "Return code -37" in out
    assert "config system settings" in out
    assert gate.journal == []


def test_whole_configuration_with_vdoms(device: Any) -> None:
    text = device("fortinet_fortios", "vdoms").running()
    assert text.splitlines()[5:13] == [
        "config vdom",
        "edit root",
        "next",
        "edit cust1",
        "next",
        "edit cust2",
        "next",
        "end",
    ]
    assert text.count("config system settings") == 3
    assert text.count("config system session-helper") == 1


def test_saving(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    dialogue(gate, *MODE, "end")
    gate.reboot()
    assert "kernel-helper-based" in gate.running()
    manual = device("fortinet_fortios", "cfg-save-manual")
    dialogue(manual, *MODE, "end")
    manual.reboot()
    assert "kernel-helper-based" not in manual.running()
    dialogue(manual, *MODE, "end", "execute cfg save")
    manual.reboot()
    assert "kernel-helper-based" in manual.running()


def test_sessions_are_cleared_by_filter_only(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    only_sip = ("diagnose sys session filter proto 17", "diagnose sys session filter dport 5060")
    out = dialogue(
        gate, *only_sip, "diagnose sys session filter", "diagnose sys session list", "diagnose sys session clear"
    )
    assert "dest port: 5060-5060" in out
    assert "helper=sip" in out
    assert [item["dport"] for item in gate.sip_sessions] == [443]
    assert gate.writes == ["diagnose sys session clear"]
    dialogue(gate, "diagnose sys session clear")
    assert gate.sip_sessions == []


def test_variants_that_differ_in_kind(device: Any, dialogue: Any) -> None:
    assert "Platform Type" in dialogue(device("fortinet_fortios", "fortimanager"), "get system status")
    assert "Current HA mode: a-p, secondary" in dialogue(
        device("fortinet_fortios", "ha-secondary"), "get system status"
    )
    assert dialogue(device("fortinet_fortios", "ha-primary")).endswith("dut(Primary) # ")
    missing = device("fortinet_fortios", "no-voip-table")
    assert "command parse error before 'voip'" in dialogue(missing, "show voip profile")
    frozen = device("fortinet_fortios", "ngfw-policy-mode")
    out = dialogue(
        frozen, "config voip profile", "edit default", "config sip", "set status disable", "end", "next", "end"
    )
    assert "Return code -7" in out


def test_banner_waits_for_a(device: Any) -> None:
    session = device("fortinet_fortios", "post-login-banner").open("admin")
    assert session.greet().text.endswith("(Press 'a' to accept):")
    assert session.wants == "key"
    assert session.key("x").text == ""
    assert session.key("a").text.endswith("dut # ")


@pytest.mark.parametrize("fault", ["ignore_writes", "ignore:set default-voip-alg-mode"])
def test_ignored_writes(device: Any, dialogue: Any, fault: str) -> None:
    gate = device("fortinet_fortios", "default-74", faults=[fault])
    out = dialogue(gate, *MODE, "end")
    assert "fail" not in out
    assert "kernel-helper-based" not in gate.running()
    assert list(MODE) == gate.writes[:2]


def test_read_only(device: Any, dialogue: Any) -> None:
    gate = device("fortinet_fortios", "default-74", faults=["read_only"])
    out = dialogue(gate, "show system session-helper", *MODE)
    assert "dut $ " in out
    assert "Command fail" in out
    assert "kernel-helper-based" not in gate.running()


def test_change_by_another_administrator(device: Any) -> None:
    gate = device("fortinet_fortios", "off-74")
    gate.change(["config system settings", "set default-voip-alg-mode proxy-based", "end"])
    assert "kernel-helper-based" not in gate.running()
    assert gate.journal == []


def test_lockout(device: Any) -> None:
    gate = device("fortinet_fortios", "default-74")
    assert [gate.check_password("admin", "wrong") for _number in range(3)] == [False] * 3
    assert gate.check_password(gate.user, gate.password) is False
    assert gate.login_attempts == 4
    gate.tick(1)
    assert gate.check_password(gate.user, gate.password)
