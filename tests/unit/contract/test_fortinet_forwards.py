# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PBX behind a FortiGate: virtual IPs and their policy, made, proven and taken away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from tests.lab import SECRETS, Lab
from tests.unit.conftest import lines, params, web_params
from tests.unit.contract.test_contract import same_configuration, settle

PBX = {"pbx": "192.168.10.9", "sources": ["203.0.113.0/24", "198.51.100.128/25"]}
ALLOWED: dict[str, Any] = {
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
}  # fmt: skip
TIMEOUT = {"minimum": 120, "recommended": 120}
DENY_ALL = """\
config firewall policy
edit 9
set name "no"
set srcintf "any"
set dstintf "any"
set srcaddr "all"
set dstaddr "all"
set schedule "always"
set service "ALL"
next
end"""
OLD = """\
config firewall vip
edit "old"
set extip {}
set mappedip "192.168.10.20"
set extintf "wan1"
set portforward enable
set protocol udp
set extport 5060-5061
set mappedport 5060-5061
next
end"""


BOTH_DOORS = pytest.mark.parametrize("rest", [False, True], ids=["ssh", "https"])


def ask(module: str, device: Any, check: bool = False, **more: Any) -> dict[str, Any]:
    """Over HTTPS where the device is served that way, else over SSH."""
    reached = web_params(device) if getattr(device, "http_port", 0) else params(device)
    return doors.answer(module, {**reached, **ALLOWED, **TIMEOUT, **PBX, **more}, check=check)


def findings(answer: dict[str, Any]) -> list[str]:
    return [f["id"] for f in answer["record"]["findings"]]


@BOTH_DOORS
@pytest.mark.parametrize(
    "variant", ["default-74", "default-64", "default-60", "default-52", "v50", "low-udp", "vdoms", "output-more"]
)
def test_from_factory_to_fit_in_one_login_and_back(lab: Lab, tmp_path: Path, variant: str, rest: bool) -> None:
    device = lab.add("fortinet_fortios", variant, rest=rest)
    before = device.running()
    more = {"report_dir": str(tmp_path)}
    predicted = ask("baseline", device, check=True, **more)
    assert lines(device) == []
    made = ask("baseline", device, **more)
    assert "msg" not in made, made["msg"]
    assert device.login_attempts == 2
    assert made["compliance"] == "compliant"
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert made["commands"] == predicted["commands"]
    assert made["after"] == predicted["after"]
    assert "FORWARD-TOO-OPEN" not in findings(made)
    written = lines(device)
    again = ask("baseline", device, **more)
    assert not again["changed"]
    assert lines(device) == written
    device.reboot()
    assert ask("baseline", device, check=True, **more)["commands"] == []
    undone = ask("undo", device, **more)
    assert "msg" not in undone, undone["msg"]
    assert same_configuration(device.running(), before)
    settle(device)
    assert not [s for s in SECRETS if s in json.dumps([predicted, made, again, undone])]


@BOTH_DOORS
def test_absent_takes_away_exactly_ours(lab: Lab, rest: bool) -> None:
    device = lab.add("fortinet_fortios", "off-74", rest=rest)
    device.change(OLD.format("198.51.100.5").split("\n"))
    before = device.running()
    assert ask("port_forwards", device)["changed"]
    gone = ask("port_forwards", device, state="absent", pbx=None)
    assert gone["changed"]
    assert same_configuration(device.running(), before)
    assert not ask("port_forwards", device, state="absent", pbx=None)["changed"]


@BOTH_DOORS
def test_another_wish_replaces_ours(lab: Lab, rest: bool) -> None:
    device = lab.add("fortinet_fortios", "off-74", rest=rest)
    ask("port_forwards", device)
    other = ask("port_forwards", device, pbx="192.168.10.7", sources=["203.0.113.0/24"], rtp_ports="16384-16484")
    assert "msg" not in other, other["msg"]
    assert other["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    text = device.running()
    assert "192.168.10.9" not in text
    assert "198.51.100.128" not in text
    assert "10000-20000" not in text
    assert not ask(
        "port_forwards", device, pbx="192.168.10.7", sources=["203.0.113.0/24"], rtp_ports="16384-16484"
    )["changed"]  # fmt: skip


@BOTH_DOORS
def test_everybody_only_by_the_word_and_as_a_finding(lab: Lab, rest: bool) -> None:
    device = lab.add("fortinet_fortios", "off-74", rest=rest)
    made = ask("port_forwards", device, sources=["any"])
    assert any('srcaddr "all"' in c or '"srcaddr": [{"name": "all"}]' in c for c in made["commands"])
    assert made["compliance"] == "compliant"
    assert "FORWARD-TOO-OPEN" in findings(made)


@BOTH_DOORS
@pytest.mark.parametrize("address", ["198.51.100.2", "0.0.0.0"])
def test_a_foreign_forward_in_the_way_is_named_and_left(lab: Lab, address: str, rest: bool) -> None:
    device = lab.add("fortinet_fortios", "default-74", rest=rest)
    device.change(OLD.format(address).split("\n"))
    refused = ask("baseline", device)
    assert refused["error_kind"] == "refusal"
    assert "'global old' already sends UDP 5060-5061 to 192.168.10.20" in refused["msg"]
    assert lines(device) == []


def test_a_foreign_forward_on_another_address_is_not_in_the_way(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "off-74")
    device.change(OLD.format("198.51.100.5").split("\n"))
    made = ask("port_forwards", device)
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert 'edit "old"' in device.running()


@BOTH_DOORS
def test_our_policy_stands_before_the_one_that_denies_everything(lab: Lab, rest: bool) -> None:
    device = lab.add("fortinet_fortios", "off-74", rest=rest)
    device.change(DENY_ALL.split("\n"))
    before = device.running()
    made = ask("port_forwards", device)
    assert "msg" not in made, made["msg"]
    moved = ("move 10 before 9", "PUT /cmdb/firewall/policy/10?action=move&before=9")
    assert any(c.startswith(moved) for c in made["commands"])
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    ask("port_forwards", device, state="absent", pbx=None)
    assert device.running() == before


def test_behind_such_a_policy_nobody_knows(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "off-74")
    ask("port_forwards", device)
    device.change([*DENY_ALL.split("\n")[:-1], "move 9 before 1", "end"])
    seen = doors.answer("edge_info", {**params(device), **PBX}, check=True)
    assert seen["record"]["aspects"]["port_forwards"]["verdict"] == "undetermined"


def test_what_a_fortigate_cannot_do_does_not_stop_the_rest(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "ngfw-policy-mode")
    made = ask("baseline", device)
    assert "msg" not in made, made["msg"]
    assert made["changed"]
    assert "policy-based mode" in made["unsupported"]["port_forwards"]
    assert made["record"]["aspects"]["port_forwards"]["compliance"] == "unsupported"
    assert made["verdict"] == "disabled"
    alone = ask("port_forwards", device)
    assert alone["error_kind"] == "refusal"
    assert "policy-based mode" in alone["msg"]


@pytest.mark.parametrize(
    ("change", "more", "words"),
    [
        ([], {"pbx": "10.9.9.9"}, "set voip_edge_inside_interface"),
        ([], {"outside_interface": "wan9"}, "there is no interface wan9"),
        (["config system interface", 'edit "wan1"', "unset ip", "next", "end"], {}, "set voip_edge_outside_address"),
        (
            ["config firewall policy", "edit 2", 'set dstintf "internal"', "next", "end"],
            {},
            r"not plain \(wan1 \(global\), internal \(global\)\): set voip_edge_outside_interface",
        ),
    ],
)
def test_what_is_not_plain_is_asked_for(lab: Lab, change: list[str], more: dict[str, Any], words: str) -> None:
    device = lab.add("fortinet_fortios", "default-74")
    if change:
        device.change(change)
    refused = ask("baseline", device, **more)
    assert refused["error_kind"] == "refusal"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(refused["msg"])
    assert lines(device) == []


def test_an_address_that_changes_needs_the_users_word(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "off-74")
    device.change(["config system interface", 'edit "wan1"', "unset ip", "next", "end"])
    made = ask("port_forwards", device, allow_unproven=True)
    assert "set extip 0.0.0.0" in made["commands"]
    assert ask("port_forwards", lab.add("fortinet_fortios", "off-74"), outside_address="198.51.100.3")["changed"]


@pytest.mark.parametrize("step", range(10, 70, 3))
def test_the_line_is_cut_at_every_third_step(lab: Lab, tmp_path: Path, step: int) -> None:
    device = lab.add("fortinet_fortios", "off-74", faults=[f"cut:{step}"])
    device.change(OLD.format("198.51.100.5").split("\n"))
    before = device.running()
    made = ask("port_forwards", device, report_dir=str(tmp_path))
    assert 'edit "old"' in device.running()
    if "msg" not in made:
        return
    if not same_configuration(device.running(), before):
        assert "MAY STILL BE ON THE DEVICE" in made["msg"] or "not saved" in made["msg"]
        device.faults.clear("cut")
        assert "msg" not in ask("undo", device, report_dir=str(tmp_path))
        assert same_configuration(device.running(), before)


@pytest.mark.parametrize(
    "fault",
    [
        "reject:set mappedip",
        "reject:set dstaddr",
        "reject:edit 3",
        "ignore:set srcaddr",
        "ignore:set dstaddr",
        "ignore_writes",
    ],
)
def test_what_the_device_refuses_or_ignores_is_undone(lab: Lab, fault: str) -> None:
    device = lab.add("fortinet_fortios", "off-74", faults=[fault])
    before = device.running()
    made = ask("port_forwards", device)
    assert made["failed"]
    assert same_configuration(device.running(), before)


def test_forwards_that_are_there_are_judged_by_who_gets_in(lab: Lab) -> None:
    seen = doors.answer("edge_info", params(lab.add("fortinet_fortios", "vip-forwards")), check=True)
    assert findings(seen).count("FORWARD-TOO-OPEN") == 1
    assert seen["record"]["aspects"]["port_forwards"]["compliance"] == "compliant"
    missing = doors.answer("edge_info", {**params(lab.add("fortinet_fortios", "off-74")), **PBX}, check=True)
    assert missing["compliance"] == "noncompliant"
    assert "FORWARD-MISSING" in findings(missing)


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
def test_the_connection_is_cut_at_every_request(lab: Lab, tmp_path: Path, kind: str) -> None:
    for step in range(1, 60):
        device = lab.add("fortinet_fortios", "off-74", faults=[f"{kind}:{step}"], rest=True)
        device.change(OLD.format("198.51.100.5").split("\n"))
        before, folder = device.running(), str(tmp_path / str(step))
        made = ask("port_forwards", device, report_dir=folder)
        assert 'edit "old"' in device.running()
        if "msg" not in made:
            if device.door.since_login < step:
                assert step > 20
                return
            continue
        if not same_configuration(device.running(), before):
            assert "MAY STILL BE ON THE DEVICE" in made["msg"], made["msg"]
            device.faults.clear(kind)
            undone = ask("undo", device, report_dir=folder)
            assert "msg" not in undone, undone["msg"]
            assert same_configuration(device.running(), before)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("table_full:/cmdb/firewall/policy", "-4"),
        ("table_full:/cmdb/firewall/vip", "-4"),
        ("ignore:POST /cmdb/firewall/policy", "from nobody, expected was on"),
        ("ignore_writes", "is gone, expected was on"),
        ("forbid:/cmdb/firewall/address", "fwgrp|not all read"),
        ("forbid:/cmdb/system/interface", "sysgrp|not all read"),
        ("garble:/cmdb/firewall/address", "not all read"),
    ],
)
def test_what_the_api_refuses_or_ignores_is_undone(lab: Lab, fault: str, words: str) -> None:
    device = lab.add("fortinet_fortios", "off-74", faults=[fault], rest=True)
    before = device.running()
    made = ask("port_forwards", device)
    assert made["failed"]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(made["msg"])
    assert same_configuration(device.running(), before)
