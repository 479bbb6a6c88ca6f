# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Linux routers: their shell, uci, the packet filter, and what a restart leaves."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, make_device, variants


def device(variant: str, *faults: str, platform: str = "linux_netfilter") -> tuple[Any, Any]:
    made: Any = make_device(platform, variant, "box", faults)
    return made, made.open(made.user)


def test_what_uci_changes_is_taken_up_by_a_restart_of_the_firewall_and_kept_by_a_commit() -> None:
    box, shell = device("openwrt-helper")
    assert 'ct helper set "sip"' in shell.run("nft list ruleset")
    shell.run("uci set firewall.@zone[0].auto_helper='0'")
    assert "auto_helper='0'" in shell.run("uci changes")
    assert 'ct helper set "sip"' in shell.run("nft list ruleset")
    shell.run("/etc/init.d/firewall restart")
    assert "ct helper set" not in shell.run("nft list ruleset")
    box.reboot()
    assert 'ct helper set "sip"' in shell.run("nft list ruleset")
    for line in ("uci set firewall.@zone[0].auto_helper='0'", "uci commit firewall"):
        shell.run(line)
    assert shell.run("uci changes") == ""
    box.reboot()
    assert "ct helper set" not in shell.run("nft list ruleset")
    assert [write.line for write in box.journal][-1] == "uci commit firewall"


def test_an_empty_list_of_helpers_is_no_list() -> None:
    _box, shell = device("openwrt-list-sip")
    assert 'ct helper set "ftp"' not in shell.run("nft list ruleset")
    shell.run("uci delete firewall.@zone[0].helper")
    shell.run("/etc/init.d/firewall restart")
    assert 'ct helper set "ftp"' in shell.run("nft list ruleset")
    assert shell.run("uci delete firewall.@zone[0].helper") == "uci: Entry not found"


def test_firewall3_makes_rules_of_iptables_for_both_protocols() -> None:
    _box, shell = device("openwrt-fw3")
    text = shell.run("iptables-save")
    assert text.count("-j CT --helper sip") == 2
    assert "not found" in shell.run("nft list ruleset")


def test_rules_are_deleted_by_handle_and_put_back_by_index() -> None:
    box, shell = device("linux-nft-by-hand")
    before = box.running()
    listed = shell.run("nft -a list ruleset")
    handle = next(line.split()[-1] for line in listed.split("\n") if '"sipu"' in line and "helper set" in line)
    assert shell.run(f"nft delete rule ip alg pre handle {handle}") == ""
    assert "No such file" in shell.run(f"nft delete rule ip alg pre handle {handle}")
    assert '"sipu"' not in [line for line in shell.run("nft list ruleset").split("\n") if "set" in line]
    shell.run("nft 'insert rule ip alg pre index 1 udp dport 5060 ct helper set \"sipu\"'")
    assert box.running() == before
    assert "# handle" not in shell.run("nft list ruleset")
    box.reboot()
    assert "table ip alg" not in shell.run("nft list ruleset")


def test_a_rule_of_iptables_goes_by_its_words_and_comes_back_to_its_place() -> None:
    box, shell = device("linux-iptables")
    before = box.running()
    spec = "-i lan0 -p udp -m comment --comment 'old phones' -m udp --dport 5060 -j CT --helper sip"
    assert shell.run(f"iptables -t raw -D PREROUTING {spec}") == ""
    assert "Bad rule" in shell.run(f"iptables -t raw -D PREROUTING {spec}")
    assert shell.run(f"iptables -t raw -I PREROUTING 2 {spec}") == ""
    assert box.running() == before


@pytest.mark.parametrize(("line", "after"), [("", "40"), ("echo nf_conntrack > /etc/modules-load.d/x.conf", "90")])
def test_a_sysctl_of_a_module_that_comes_late_is_lost(line: str, after: str) -> None:
    box, shell = device("linux-short")
    shell.run("echo 'net.netfilter.nf_conntrack_udp_timeout_stream=90' > /etc/sysctl.d/99-x.conf")
    if line:
        shell.run(line)
    box.reboot()
    assert shell.run("cat /proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream") == after


def test_only_connections_to_the_port_are_forgotten() -> None:
    box, shell = device("openwrt-helper")
    assert "2 flow entries have been shown" in shell.run("conntrack -L")
    assert "1 flow entries have been deleted" in shell.run("conntrack -D -p udp --orig-port-dst 5060")
    assert len(box.sessions_text) == 1


def test_who_is_not_root_sees_nothing_and_may_become_root() -> None:
    box, shell = device("linux-sudo")
    assert "must be root" in shell.run("nft list ruleset")
    assert "Permission denied" in shell.run("echo x > /etc/x")
    assert shell.run("sudo -s") == ""
    assert shell.ask_prompt.startswith("[sudo] password for ops")
    assert shell.line(box.enable_secret).text.endswith("root@gw1:~# ")
    assert "table ip alg" in shell.run("nft list ruleset")
    shell.run("exit")
    assert not shell.closing
    assert shell.prompt() == "ops@gw1:~$ "


@pytest.mark.parametrize("platform", ["linux_netfilter", "ubiquiti_edgeos", "vyos"])
def test_each_has_a_secret_that_must_not_come_out(platform: str) -> None:
    for variant in variants(platform):
        assert any(secret in device(variant, platform=platform)[0].running() for secret in SECRETS)


@pytest.mark.parametrize(("platform", "line"), [("ubiquiti_edgeos", "set system conntrack modules sip disable"),
                                                ("vyos", "delete system conntrack modules sip")])  # fmt: skip
def test_a_commit_takes_the_modules_out_and_a_save_keeps_it(platform: str, line: str) -> None:
    box, shell = device({"ubiquiti_edgeos": "factory", "vyos": "sagitta-on"}[platform], platform=platform)
    for text in ("configure", line):
        shell.run(text)
    assert "modified" in shell.run("exit")
    assert box.modules
    shell.run("commit")
    assert not box.modules
    shell.run("exit")
    box.reboot()
    assert box.modules
    shell = box.open(box.user)
    for text in ("configure", line, "commit", "save", "exit"):
        shell.run(text)
    box.reboot()
    assert not box.modules


def test_the_old_line_and_the_new_one_are_not_the_same() -> None:
    box, shell = device("sagitta", platform="vyos")
    shell.run("configure")
    assert "Set failed" in shell.run("set system conntrack modules sip disable")
    shell.run("exit")
    for text in ("configure", "set system conntrack modules sip", "commit"):
        shell.run(text)
    assert box.modules
