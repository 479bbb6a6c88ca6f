# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated ASA: inspections, contexts, timers, its relatives, the journal."""

from __future__ import annotations

from typing import Any

import pytest

UP = ("enable", "PLANTED-SECRET-enable", "terminal pager 0")
CLASS = ("configure terminal", "policy-map global_policy", "class inspection_default")
READS = (
    "show version",
    "show mode",
    "show curpriv",
    "show running-config",
    "show running-config service-policy",
    "show running-config policy-map",
    "show running-config class-map",
    "show running-config timeout",
    "show running-config nat",
    "show running-config object",
    "show failover",
    "show service-policy",
)


def test_reading_leaves_no_write(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    out = dialogue(wall, *UP, *READS, "exit")
    assert wall.journal == []
    assert "ERROR" not in out
    assert "  inspect sip  \n" in out
    assert out.count(": end\n") == 1


def test_width_in_configuration_mode_is_a_write(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    dialogue(wall, *UP, "configure terminal", "terminal width 511", "end")
    assert wall.writes == ["configure terminal", "terminal width 511"]


def test_off_and_on_again_restores_the_configuration(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    before = wall.running()
    dialogue(wall, *UP, *CLASS, "no inspect sip", "end")
    assert "inspect sip" not in wall.running()
    assert wall.journal[-1].scope == "config / policy-map global_policy / class inspection_default"
    dialogue(wall, *UP, *CLASS, "inspect sip", "end")
    assert wall.running() == before


def test_line_at_global_level_is_an_error(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    assert "ERROR: % Invalid input" in dialogue(wall, *UP, "configure terminal", "no inspect sip", "end")
    assert "inspect sip" in wall.running()


@pytest.mark.parametrize(("variant", "short_works"), [("sip-map", True), ("sip-map-strict", False)])
def test_map(device: Any, dialogue: Any, variant: str, short_works: bool) -> None:
    wall = device("cisco_asa", variant)
    assert "Inspect configuration of this type exists" in dialogue(wall, *UP, *CLASS, "inspect sip", "end")
    dialogue(wall, *UP, *CLASS, "no inspect sip", "end")
    assert ("inspect sip STRICT-SIP \n" not in wall.running()) is short_works
    dialogue(wall, *UP, *CLASS, "no inspect sip STRICT-SIP", "end")
    assert "  inspect sip STRICT-SIP" not in wall.running()
    assert "policy-map type inspect sip STRICT-SIP" in wall.running()


def test_contexts_are_separate(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "multi-context")
    out = dialogue(
        wall, *UP, "show context", "changeto system", "show running-config policy-map", "changeto context cust1"
    )
    assert "dut/admin# " in out
    assert out.endswith("dut/cust1# ")
    assert "Total active Security Contexts: 3" in out
    assert "inspect" not in out
    dialogue(wall, *UP, "changeto context cust1", *CLASS, "no inspect sip", "end", "write memory")
    assert "inspect sip" not in wall.running("cust1")
    assert "inspect sip" in wall.running("admin")
    wall.reboot()
    assert "inspect sip" not in wall.running("cust1")


def test_save_and_reboot(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    dialogue(wall, *UP, *CLASS, "no inspect sip", "end")
    wall.reboot()
    assert "inspect sip" in wall.running()


def test_timers(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "short-udp")
    out = dialogue(wall, *UP, "configure terminal", "timeout udp 0:00:30", "timeout udp 0:5:0", "end")
    assert "ERROR" in out
    assert "half-closed 0:10:00 udp 0:05:00 sctp" in wall.running()
    dialogue(wall, *UP, "configure terminal", "no timeout", "end")
    assert " udp 0:02:00 " in wall.running()
    bare = device("cisco_asa", "no-udp-timeout-line")
    assert "timeout" not in bare.running()


def test_enable_login_and_privilege(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    out = dialogue(wall, "show running-config", "login", "admin", wall.password, "show curpriv")
    assert "ERROR" in out
    assert "Current privilege level : 15" in out
    assert "Access denied" in dialogue(wall, "enable", "x", "y", "z")


def test_relatives(device: Any, dialogue: Any) -> None:
    pix = device("cisco_asa", "pix6-fixup")
    out = dialogue(pix, *UP, "show version", "show running-config", "show running-config policy-map")
    assert "Cisco PIX Firewall Version 6.3(5)" in out
    assert "fixup protocol sip udp 5060" in out
    ftd = device("cisco_asa", "ftd")
    out = dialogue(ftd, "enable", "configure terminal", "show running-config policy-map")
    assert out.count("Syntax error") == 2
    assert "inspect sip" in out
    dialogue(ftd, "configure inspection sip disable")
    assert "inspect sip" not in ftd.running()


def test_forwards_are_shown_in_their_own_blocks(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "static-forwards")
    out = dialogue(wall, *UP, "show running-config nat", "show running-config object")
    assert out.count("object network PBX-SIP\n nat (inside,outside) static interface service udp 5060 5060") == 1
    assert out.count("object network PBX-SIP\n host 192.168.10.20") == 1


CONF = (*UP, "configure terminal")
PBX = ("object network P", "host 192.168.10.20")
RTP = ("object service R", "service udp source range 10000 20000")
TWICE = "nat (inside,outside) source static P interface service R R"


def test_objects_and_rules_come_and_go(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "foreign-forward")
    before = wall.running()
    out = dialogue(wall, *CONF, *PBX, *RTP, TWICE, "object service S", "service udp source eq 5060", "end")
    assert "ERROR" not in out
    assert " service udp source eq sip\n" in wall.running()
    shown = wall.running().splitlines()
    assert shown.index("object network P") < shown.index("pager lines 24")
    assert shown.index(TWICE) == shown.index("nat (inside,outside) source static WEB interface service HTTPS HTTPS") + 1
    assert dialogue(wall, *CONF, "no object network P", "no object service R").count("it is being used") == 2
    assert "ERROR" not in dialogue(
        wall, *CONF, f"no {TWICE}", "no object service R", "no object network P", "no object service S"
    )
    assert wall.running() == before
    out = dialogue(wall, *CONF, TWICE, "no object network P", f"no {TWICE}", "object service OLD-PBX")
    assert out.count("ERROR") == 4


def test_a_rule_goes_to_its_number(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "foreign-forward")
    dialogue(wall, *CONF, *PBX, *RTP, TWICE.replace(" source", " 1 source"), "end")
    shown = [line for line in wall.running().splitlines() if line.startswith("nat ")]
    assert shown[0] == TWICE


def test_entries_of_an_access_list(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "outside-acl-deny")
    before = wall.running()
    entry = "extended permit udp 203.0.113.0 255.255.255.0 host 192.168.10.20 eq 5060"
    out = dialogue(wall, *CONF, f"access-list outside_in line 3 {entry}", f"access-list outside_in {entry}", "end")
    assert "found duplicate element" in out
    entries = [line for line in wall.running().splitlines() if line.startswith("access-list")]
    assert (
        entries[2] == "access-list outside_in extended permit udp 203.0.113.0 255.255.255.0 host 192.168.10.20 eq sip "
    )
    assert "ERROR" not in dialogue(wall, *CONF, f"no access-list outside_in {entry}", "end")
    assert wall.running() == before
    out = dialogue(
        wall, *CONF, f"no access-list outside_in {entry}", "access-list x extended permit udp any object NONE"
    )
    assert out.count("ERROR") == 2


def test_a_list_is_bound_once_it_has_entries(device: Any, dialogue: Any) -> None:
    wall = device("cisco_asa", "default")
    before = wall.running()
    entry, bind = "access-list new_in extended permit ip any any", "access-group new_in in interface outside"
    assert "does not exist" in dialogue(wall, *CONF, bind)
    assert "ERROR" not in dialogue(wall, *CONF, entry, bind)
    shown = wall.running().splitlines()
    assert shown.index(entry + " ") < shown.index("pager lines 24")
    assert shown.index(bind) < shown.index("route outside 0.0.0.0 0.0.0.0 198.51.100.1 1")
    assert "it is being used" in dialogue(wall, *CONF, f"no {entry}")
    assert "ERROR" not in dialogue(wall, *CONF, f"no {bind}", f"no {entry}")
    assert wall.running() == before
    wall.change([entry, bind])
    dialogue(wall, *UP, "write memory")
    wall.reboot()
    assert bind in wall.running()


def test_faults(device: Any, dialogue: Any) -> None:
    def told(fault: str, *lines: str) -> str:
        return str(dialogue(device("cisco_asa", "default", faults=[fault]), *UP, *lines))

    assert "Standby Ready" in told("standby", "show failover")
    assert "NOT performed from Standby" in told("standby", "configure terminal")
    assert "99.9(9)9" in told("unknown_version", "show version")
    assert "[OK]" not in told("save_fails", "write memory")
    assert "ERROR" in told("reject:no inspect sip", *CLASS, "no inspect sip")
    assert "Access denied" in told("read_only", "x", "y", "z")


def test_change_by_another_administrator(device: Any) -> None:
    wall = device("cisco_asa", "off")
    wall.change(["policy-map global_policy", "class inspection_default", "inspect sip"])
    assert "inspect sip" in wall.running()
    assert wall.journal == []
