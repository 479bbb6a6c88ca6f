# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asuswrt: what its answers say, cut off or strange, and the lines that change it."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards, Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import asus_asuswrt as asus
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Sighting
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import by_name
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import Reply
from tests.unit.conftest import DEFAULTS

IDENTITY = {"productid": "RT-AX58U", "odmpid": "", "firmver": "3.0.0.4", "buildno": "386", "extendno": "51665-g1a2b3c4"}
OFF = {
    "fw_pt_sip": "0", "fw_pt_sip_mode": "", "vts_enable_x": "0", "ct_udp_timeout": "30 180",
    "vts_rulelist": "", "vts1_rulelist": "", "game_vts_rulelist": "",
}  # fmt: skip
LSMOD = "Module                  Size  Used by\nnf_conntrack_ftp        5904  0\nend\n"
RULES = "-P INPUT ACCEPT\n-P FORWARD DROP\n-A FORWARD -i br0 -j ACCEPT\nend\n"


def shown(values: dict[str, str]) -> str:
    return "".join(f"{key}=[{value}]\n" for key, value in values.items()) + "end\n"


def over_ssh(identity: dict[str, str] | None = None, **changes: str) -> dict[str, str]:
    texts = {key: changes.pop(key) for key in ("lsmod", "iptables", "live") if key in changes}
    known = {**IDENTITY, "nf_alg_sip": "", **(identity or {})}
    model = known.pop("productid")
    return {
        "version": f"{model}\n", "values": shown({**known, **OFF, **changes}),
        "lsmod": LSMOD, "iptables": RULES, "live": "30\n180\nend\n", **texts,
    }  # fmt: skip


def over_http(identity: dict[str, str] | None = None, page: str = "404 HTTP 404", **changes: str) -> dict[str, str]:
    return {
        "http": json.dumps({**IDENTITY, **(identity or {})}), "values": json.dumps({**OFF, **changes}), "merlin": page,
    }  # fmt: skip


def verdict(replies: dict[str, str]) -> str:
    return asus.PLATFORM.judge(asus.parse(replies), DEFAULT).aspects["sip_alg"].verdict


def test_off_is_off_by_each_door() -> None:
    assert verdict(over_ssh()) == verdict(over_http()) == "disabled"


def test_no_answer_that_is_cut_off_makes_a_router_disabled() -> None:
    on = over_ssh(fw_pt_sip="1", lsmod=LSMOD.replace("ftp", "sip"))
    for name, text in on.items():
        for at in range(len(text)):
            assert verdict({**on, name: text[:at]}) != "disabled", (name, text[:at])
    on = over_http(fw_pt_sip="1")
    for name, text in on.items():
        for at in range(len(text)):
            assert verdict({**on, name: text[:at]}) != "disabled", (name, text[:at])


def test_a_release_that_is_cut_off_makes_no_merlin_of_the_vendors() -> None:
    two = over_ssh(fw_pt_sip="2")
    for name in ("version", "values"):
        for at in range(len(two[name])):
            assert verdict({**two, name: two[name][:at]}) != "disabled"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"lsmod": LSMOD.replace("nf_conntrack_ftp", "nf_nat_sip")}, "active"),
        ({"lsmod": LSMOD.replace("nf_conntrack_ftp", "ip_conntrack_sip")}, "active"),
        ({"lsmod": LSMOD.replace("nf_conntrack_ftp", "cisco_sip")}, "active"),
        ({"lsmod": LSMOD.replace("nf_conntrack_ftp", "my_nf_nat_sip")}, "disabled"),
        ({"lsmod": "-sh: lsmod: not found\nend\n"}, "disabled"),  # not seen, and said to be not seen
        ({"iptables": RULES.replace("-i br0 -j ACCEPT", "-p udp -m udp --dport 5060 -j DROP")}, "blocking"),
        (
            {"iptables": RULES.replace("-i br0 -j ACCEPT", "-p udp -m multiport --dports 5060,5061 -j logdrop")},
            "blocking",
        ),
        ({"iptables": RULES.replace("-i br0 -j ACCEPT", "-p udp -m udp --dport 50600 -j DROP")}, "disabled"),
        ({"iptables": RULES.replace("-i br0 -j ACCEPT", "-p udp -m udp --dport 5060 -j ACCEPT")}, "disabled"),
    ],
)
def test_the_kernel_has_the_last_word(changes: dict[str, str], found: str) -> None:
    assert verdict(over_ssh(**changes)) == found


def test_what_was_not_seen_is_said() -> None:
    seen = asus.assess(asus.parse(over_ssh(lsmod="", iptables="", live="")), DEFAULT)
    assert "the loaded modules could not be read" in seen.not_checked
    assert "the kernel's timers could not be read" in seen.not_checked
    blind = over_ssh({"buildno": "380", "extendno": "3264"}, iptables="iptables v1.3.8: Unknown arg `-S'\nend\n")
    assert verdict(blind) == "undetermined"


@pytest.mark.parametrize(
    ("identity", "page", "family"),
    [
        ({}, "404 HTTP 404", asus.VENDOR),
        ({}, "cpu_stats_arr = 1", ""),
        ({}, "500 HTTP 500", ""),
        ({}, "<html>Please log in</html>", ""),
        ({}, "", ""),
        ({"buildno": "386.12", "extendno": "4"}, "cpu_stats_arr = 1", asus.MERLIN),
        ({"buildno": "386.12", "extendno": "4"}, "404 HTTP 404", ""),
        ({"buildno": "386.12", "extendno": "4"}, "200 the session has ended", ""),
        ({"buildno": "376"}, "404 HTTP 404", ""),
        ({"firmver": "3.0.0.5"}, "404 HTTP 404", ""),
        ({"firmver": "3.0.0.6", "buildno": "102"}, "404 HTTP 404", asus.VENDOR),
    ],
)
def test_marks_that_disagree_prove_no_family(identity: dict[str, str], page: str, family: str) -> None:
    assert asus.parse(over_http(identity, page)).family == family


def test_merlins_before_the_third_choice_do_not_know_a_2() -> None:
    for build, found in (
        ("380.57", "undetermined"),
        ("380.58", "undetermined"),
        ("380.59", "disabled"),
        ("378.56", "undetermined"),
    ):
        merlin = over_http({"buildno": build, "extendno": "2"}, "cpu_stats_arr = 1", fw_pt_sip="2")
        assert verdict(merlin) == found, build


def test_a_drop_on_merlin_has_a_way_out_for_those_who_insist() -> None:
    rules = RULES.replace("-i br0 -j ACCEPT", "-p udp -m udp --dport 5060 -j DROP")
    box = asus.parse(over_ssh({"buildno": "384.19", "extendno": "0"}, iptables=rules))
    assert "sip_alg" in asus.plan(box, Options()).unsupported
    step = asus.plan(box, Options(allow_unproven=True)).steps[0]
    assert step.label == "inferred"
    assert step.do[0] == "nvram set fw_pt_sip=2"
    assert step.undo[0] == "nvram set fw_pt_sip=0"


def test_a_disable_never_writes_a_1_and_nothing_cuts_the_links() -> None:
    wanted = Options(timeout=Wanted(240, 300), forwards=Forwards("192.168.50.9", ("any",)), allow_unproven=True)
    for box in (asus.parse(over_ssh(fw_pt_sip=v)) for v in ("1", "2", "")):
        lines = [line for step in asus.plan(box, wanted).steps for line in step.do]
        assert "nvram set fw_pt_sip=0" in lines
        assert lines[-1] == "service restart_firewall"
        assert not [line for line in lines if "restart_net" in line or "fw_pt_sip=1" in line]


@pytest.mark.parametrize("text", ["0", "", "<a>1>b>c>UDP>", "it's", "'" * 700, "<x'" * 300, '$(reboot)`id`\\"' * 60])
def test_a_value_comes_through_a_shell_as_it_is(text: str) -> None:
    variable, result = "", None
    for line in asus._set("key", text):
        assert len(line) < 480  # a terminal of 511 columns, less the prompt
        words = shlex.split(line)
        if words[0].startswith("v="):
            variable = words[0][2:].replace("$v", variable, 1) if line.startswith("v=$v") else words[0][2:]
        else:
            assert words[:2] == ["nvram", "set"]
            result = words[2].partition("=")[2]
            result = variable if result == "$v" else result
    assert result == text


def test_odd_timers_are_not_guessed() -> None:
    for text in ("", "180", "30 180 5", "a b", "30 -1"):
        box = asus.parse(over_ssh(ct_udp_timeout=text))
        assert asus.assess(box, DEFAULT).aspects["udp_timeout"].verdict in ("undetermined", "low")
        assert "udp_timeout" in asus.plan(box, Options(state=None, timeout=Wanted(240, 300))).unsupported
    box = asus.parse(over_ssh(ct_udp_timeout="30 600"))
    assert not asus.plan(box, Options(state=None, timeout=Wanted(240, 300))).steps


def test_what_a_router_shows_without_a_login() -> None:
    def peek(server: str, body: str) -> Any:
        return lambda line: Reply(200, {"server": server}, body.encode()) if line == "GET /" else None

    page = "<HTML><HEAD><script>top.location.href='/Main_Login.asp';</script></HEAD></HTML>"
    assert asus.sniff(peek("httpd/2.0", page)) == Sighting()
    assert asus.sniff(peek("nginx", page)) is None
    assert asus.sniff(peek("httpd/2.0", "<html>Tomato</html>")) is None
    assert asus.sniff(lambda line: None) is None


def test_the_door_follows_the_transport() -> None:
    way = {**DEFAULTS, "host": "192.0.2.1", "user": "u", "password": "p", "platform": "asus", "use_ssl": False}
    way.update(validate_certs=True, legacy_tls=False)
    assert target_of({**way, "transport": None}).platform is by_name("asus_asuswrt") is asus.PLATFORM
    https = target_of({**way, "transport": "https"})
    assert https.platform is asus.PLATFORM.over_https
    assert https.http is not None
    assert https.http.port == 80


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "\n",
        "-sh: nvram: not found\n",
        "% Invalid input detected\n",
        "RT-AX58U\nRT-AX58U\n",
        "Unknown action 0",
        "syntax error.",
    ],
)
def test_other_devices_are_not_recognised(reply: str) -> None:
    assert not asus.PLATFORM.recognise(reply)


@pytest.mark.parametrize("name", ["RT-AX58U", "ZenWiFi_XT8", "4G-AC55U", "BLUECAVE", "GT-AXE16000"])
def test_a_model_is_one_word(name: str) -> None:
    assert asus.PLATFORM.recognise(f"{name}\n")
    assert asus.PLATFORM.over_https is not None
    assert asus.PLATFORM.over_https.recognise(json.dumps({"productid": name}))
