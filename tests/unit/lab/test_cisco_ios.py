# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated IOS router: state, display rules, errors, the rollback timer, the journal."""

from __future__ import annotations

from typing import Any

import pytest

OFF = ("no ip nat service sip udp port 5060", "no ip nat service sip tcp port 5060")
READS = (
    "terminal length 0",
    "terminal width 511",
    "show version",
    "show privilege",
    "show running-config",
    "show archive",
)


def services(device: Any) -> list[str]:
    return [line for line in device.running().splitlines() if "ip nat service" in line]


def test_reading_leaves_no_write(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "nat-default")
    out = dialogue(router, *READS, "show archive config rollback timer", "show startup-config", "exit")
    assert router.journal == []
    assert router.transcript[0] == "terminal length 0"
    assert "Current configuration : " in out
    assert "ip nat service" not in out


def test_disabled_lines_are_shown_tcp_first_before_the_rules(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "nat-default")
    dialogue(router, "configure terminal", *OFF, "end")
    lines = router.running().splitlines()
    start = lines.index("no ip nat service sip tcp port 5060")
    assert lines[start + 1] == "no ip nat service sip udp port 5060"
    assert lines[start + 2].startswith("ip nat inside source")
    assert [write.line for write in router.journal] == ["configure terminal", *OFF]
    assert router.journal[1].scope == "config"


def test_inverse_lines_restore_the_configuration(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "nat-default")
    before = router.running()
    dialogue(router, "conf t", *OFF, *(line[3:] for line in OFF), "end")
    assert router.running() == before


def test_extra_port_is_shown_and_removed(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "extra-port")
    assert services(router)[-1] == "ip nat service sip udp port 5080"
    dialogue(router, "conf t", "no ip nat service sip udp port 5080", "end")
    assert services(router) == [OFF[1], OFF[0]]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("no inspect sip", "% Invalid input detected at '^' marker."),
        ("no ip nat service sip", "% Incomplete command."),
        ("ip nat service sip udp port 99999", "% Invalid input detected at '^' marker."),
    ],
)
def test_errors(device: Any, dialogue: Any, line: str, text: str) -> None:
    router = device("cisco_ios", "nat-default")
    before = router.running()
    assert text in dialogue(router, "conf t", line, "end")
    assert router.running() == before
    assert router.writes[-1] == line


def test_old_image_rejects_the_tcp_line_only(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "old-12", login={"privilege": 15})
    out = dialogue(router, "conf t", *OFF, "end")
    assert out.count("% Invalid input") == 1
    assert services(router) == [OFF[0]]


def test_reboot_drops_what_was_not_saved(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "nat-default")
    dialogue(router, "conf t", *OFF, "end")
    router.reboot()
    assert services(router) == []
    assert "[OK]" in dialogue(router, "conf t", *OFF, "end", "write memory")
    router.reboot()
    assert len(services(router)) == 2


def test_revert_timer_reverts_unless_confirmed(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "archive")
    dialogue(router, "configure terminal revert timer 5", *OFF, "end")
    assert "Timer value: 5 min" in dialogue(router, "show archive config rollback timer")
    router.tick(4)
    assert len(services(router)) == 2
    router.tick(1)
    assert services(router) == []
    out = dialogue(router, "configure terminal revert timer 5", *OFF, "end", "configure confirm")
    assert "Backing up current running config" in out
    router.tick(60)
    assert len(services(router)) == 2
    assert "%No Rollback Confirmed Change pending" in dialogue(router, "show archive config rollback timer")


def test_revert_now(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "archive")
    dialogue(router, "configure terminal revert timer 5", OFF[0], "end", "configure revert now")
    assert services(router) == []


def test_without_archive_there_is_no_timer(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "no-archive")
    out = dialogue(router, "show archive", "configure terminal revert timer 5", "show clock")
    assert " Archive feature not enabled" in out
    assert "%Please turn config archive on" in out
    assert "(config)" not in out


def test_enable(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "classic-15")
    out = dialogue(router, "show running-config", "enable", router.enable_secret, "show privilege")
    assert "dut>" in out
    assert "% Invalid input" in out
    assert "Current privilege level is 15" in out
    assert router.enable_secret not in router.transcript
    refused = dialogue(device("cisco_ios", "classic-15"), "enable", "a", "b", "c")
    assert "% Bad secrets" in refused
    assert refused.endswith("dut>")


def test_long_hostname_is_shortened_in_configuration_prompts(device: Any, dialogue: Any) -> None:
    out = dialogue(device("cisco_ios", "long-name"), "conf t")
    assert out.endswith("dut-branch-router-nu(config)#")


def test_pager(device: Any) -> None:
    session = device("cisco_ios", "nat-default").open("admin")
    first = session.line("show running-config").text
    assert first.endswith(" --More-- ")
    assert session.wants == "key"
    assert session.key("q").text.endswith("dut#")


def test_filters(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "both-off")
    out = dialogue(router, "show running-config | include ^(no )?ip nat service", "sh run | section interface")
    assert OFF[0] in out
    assert " ip nat outside" in out
    assert "hostname" not in out


def test_cbac_line_goes_without_its_options(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "cbac-sip")
    dialogue(router, "conf t", "no ip inspect name EDGE sip", "end")
    assert "EDGE sip" not in router.running()
    assert "ip inspect name EDGE udp" in router.running()


def test_sub_modes_change_their_own_block(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "zbf-sip")
    out = dialogue(router, "conf t", "class-map type inspect match-any VOICE", "no match protocol sip", "end")
    assert "dut(config-cmap)#" in out
    assert "match protocol sip" not in router.running()
    assert router.journal[-1].scope == "class-map type inspect match-any VOICE"


def test_static_with_children_asks(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "static-5060")
    line = "no ip nat inside source static udp 192.168.10.20 5060 interface GigabitEthernet0/0 5060"
    out = dialogue(router, "conf t", line, "")
    assert "delete child entries?" in out
    assert "%: Error: static entry in use, cannot remove" in out
    assert line[3:] in router.running()
    dialogue(router, "conf t", line, "yes", "end")
    assert line[3:] not in router.running()


@pytest.mark.parametrize("fault", ["ignore_writes", f"ignore:{OFF[0]}"])
def test_ignored_writes_are_journaled_and_change_nothing(device: Any, dialogue: Any, fault: str) -> None:
    router = device("cisco_ios", "nat-default", faults=[fault])
    out = dialogue(router, "conf t", OFF[0], "end")
    assert "%" not in out
    assert services(router) == []
    assert OFF[0] in router.writes


def test_other_faults(device: Any, dialogue: Any) -> None:
    def told(fault: str, *lines: str) -> str:
        return str(dialogue(device("cisco_ios", "nat-default", faults=[fault]), *lines))

    assert "% Invalid input" in told(f"reject:{OFF[1]}", "conf t", *OFF)
    assert "[OK]" not in told("save_fails", "write memory")
    assert "99.9" not in told("unknown_version", "show version")
    assert "Version 29.9(9)Z" in told("unknown_version", "show version")
    assert "Current privilege level" in told("garble:show version", "show version")
    assert "\nend\n" not in told("truncate:show running-config", "terminal length 0", "show running-config")
    assert "User: otheradmin" in told("pending_revert_timer", "show archive config rollback timer")
    assert "Controller-Managed" in told("sdwan", "show version | include operating mode", "conf t")
    assert "% Invalid" in told("sdwan", "terminal length 0")
    assert "Command authorization failed" in told("read_only:authorization", "conf t")
    assert "% Bad secrets" in told("read_only", "enable", *["PLANTED-SECRET-enable"] * 3)
    assert "SYS-5-CONFIG_I" in told("late_log:before", "conf t", "end")
    assert "fake-router>" in told("prompt_like_banner")
    assert "12.2" in told("lie:show version|15.7(3)M5|12.2", "show version")


def test_change_by_another_administrator_is_not_journaled(device: Any) -> None:
    router = device("cisco_ios", "both-off")
    router.change([line[3:] for line in OFF])
    assert services(router) == []
    assert router.journal == []
    with pytest.raises(ValueError, match="nonsense"):
        router.change("nonsense")


def test_router_that_speaks_sip_refuses_the_forward(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "sip-device")
    line = "ip nat inside source static udp 192.168.10.20 5060 interface GigabitEthernet0/0 5060"
    assert "%Port 5060 is being used by system" in dialogue(router, "conf t", line, "end")


def test_udp_timer(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "short-udp-timeout")
    dialogue(router, "conf t", "ip nat translation udp-timeout 180", "end")
    assert router.running().count("udp-timeout") == 1
    dialogue(router, "conf t", "no ip nat translation udp-timeout", "end")
    assert "udp-timeout" not in router.running()


def test_static_lines_are_extended_and_may_not_overlap(device: Any, dialogue: Any) -> None:
    router = device("cisco_ios", "forwards-foreign")
    before = router.running()
    line = "ip nat inside source static udp 192.168.10.20 {0} 198.51.100.4 {0}"
    dialogue(router, "conf t", line.format(10000), line.format(10001), line.format(10001), "end")
    found = [text for text in router.running().splitlines() if "198.51.100.4" in text]
    assert found == [line.format(10000), line.format(10001) + " extendable"]
    taken = "ip nat inside source static udp 192.168.10.20 5060 interface GigabitEthernet0/0 5060"
    assert "overlaps with" in dialogue(router, "conf t", taken, "end")
    dialogue(router, "conf t", "no " + line.format(10000), "no " + line.format(10001), "end")
    assert router.running() == before
