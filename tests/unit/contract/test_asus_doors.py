# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ASUS router by both of its doors: the same verdicts, the same values written, and what only one of them can see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from tests.lab import SECRETS, Lab, variants
from tests.unit.conftest import lines, params, web_params
from tests.unit.contract.test_contract import EXPECTED, settle

NAME = "asus_asuswrt"
ALLOWED: dict[str, Any] = {
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
}  # fmt: skip
PBX = {"pbx": "192.168.50.9", "sources": ["203.0.113.0/24", "198.51.100.7/32"]}
DOORS = pytest.mark.parametrize("over", ["ssh", "https"])
# What the kernel shows and the values do not: over HTTP the answer is another one, and says what was not seen.
ONLY_SSH = {
    "old-build": ("undetermined", "refusal"),
    "stale-module": ("disabled", "disabled"),
    "stock-380-2016": ("active", "refusal"),
    "padavan": ("unknown_reply", "unknown_reply"),  # it has no such interface
}


def ask(module: str, device: Any, over: str, check: bool = False, **more: Any) -> dict[str, Any]:
    way = web_params(device) if over == "https" else params(device, platform=NAME)
    return doors.answer(module, {**way, **(ALLOWED if module != "edge_info" else {}), **more}, check=check)


def word(answer: dict[str, Any]) -> str:
    return str(answer.get("error_kind") or answer["verdict"])


def mechanisms(answer: dict[str, Any]) -> dict[str, list[Any]]:
    """By aspect, those that both doors can see."""
    seen = {"fw_pt_sip", "ct_udp_timeout", "vts_rulelist"}
    return {
        name: [m for m in aspect["mechanisms"] if m["id"] in seen] for name, aspect in answer["record"]["aspects"].items()
    }  # fmt: skip


@pytest.mark.parametrize("variant", variants(NAME))
def test_both_doors_say_the_same_of_a_router(lab: Lab, variant: str) -> None:
    device = lab.add(NAME, variant, rest=True)
    ssh, https = ask("edge_info", device, "ssh"), ask("edge_info", device, "https")
    assert word(ssh) == EXPECTED[NAME, variant][0]
    assert word(https) == ONLY_SSH.get(variant, EXPECTED[NAME, variant])[0], https.get("msg")
    assert lines(device) == []
    if "msg" not in https:
        assert (ssh["model"], ssh["firmware"]) == (https["model"], https["firmware"])
        if variant != "old-build":
            assert mechanisms(ssh) == mechanisms(https)
        assert any("over HTTP they cannot be seen" in text for text in https["record"]["not_checked"])
    settle(device)
    assert not [s for s in SECRETS if s in json.dumps([ssh, https])]


@pytest.mark.parametrize("variant", variants(NAME))
def test_over_https_predicted_changed_once_and_put_back(lab: Lab, tmp_path: Path, variant: str) -> None:
    device = lab.add(NAME, variant, rest=True)
    before = device.running()
    more = {"aspects": ["sip_alg"], "report_dir": str(tmp_path)}
    predicted = ask("baseline", device, "https", check=True, **more)
    assert lines(device) == []
    made = ask("baseline", device, "https", **more)
    assert word(made) == ONLY_SSH.get(variant, EXPECTED[NAME, variant])[1], made.get("msg")
    settle(device)
    if "error_kind" in made:
        assert device.running() == before
        assert lines(device) == []
        return
    assert predicted["commands"] == made["commands"]
    assert predicted["after"] == made["after"]
    written = lines(device)
    assert len(written) == len(made["commands"]) <= 1
    assert not ask("baseline", device, "https", **more)["changed"]
    assert lines(device) == written
    device.reboot()
    assert word(ask("edge_info", device, "https")) == "disabled"
    if made["changed"]:
        assert '"fw_pt_sip":"1"' not in made["commands"][0]
        undone = ask("undo", device, "https", report_dir=str(tmp_path))
        assert "msg" not in undone, undone["msg"]
        assert device.running() == before
        settle(device)
    assert device.login_attempts <= 6


@pytest.mark.parametrize("variant", ["factory", "merlin", "stock-380", "stock-3006", "forwards"])
def test_both_doors_leave_a_router_alike(lab: Lab, variant: str) -> None:
    texts = []
    for over in ("ssh", "https"):
        device = lab.add(NAME, variant, name="same", rest=True)
        made = ask("baseline", device, over, minimum=240, recommended=300, allow_unproven=True, **PBX)
        assert "msg" not in made, made["msg"]
        assert made["compliance"] == "compliant"
        assert device.startup() == device.running()
        texts.append(device.running())
    assert texts[0] == texts[1]


@DOORS
def test_the_timer_of_streams_is_raised_and_the_other_stays(lab: Lab, over: str) -> None:
    device = lab.add(NAME, "stock-380", rest=True)
    refused = ask("udp_timeout", device, over, minimum=240, recommended=300)
    if over == "https":
        assert refused["error_kind"] == "refusal"
        assert "use SSH" in refused["msg"]
        assert lines(device) == []
    made = ask("udp_timeout", device, over, minimum=240, recommended=300, allow_unproven=True)
    assert "msg" not in made, made["msg"]
    assert device.nvram["ct_udp_timeout"] == "30 300"
    assert device.live == (30, 300)
    assert not ask("udp_timeout", device, over, minimum=60, recommended=120)["changed"]


@DOORS
def test_what_https_cannot_prove_does_not_stop_the_rest(lab: Lab, over: str) -> None:
    device = lab.add(NAME, "factory", rest=True)
    made = ask("baseline", device, over, minimum=240, recommended=300)
    assert "msg" not in made, made["msg"]
    assert made["verdict"] == "disabled"
    assert ("udp_timeout" in made["unsupported"]) == (over == "https")


@DOORS
def test_merlin_has_a_service_for_its_timers(lab: Lab, over: str) -> None:
    device = lab.add(NAME, "merlin", rest=True)
    alone = ask("udp_timeout", device, over, True, minimum=240, recommended=300, allow_unproven=True)
    text = "\n".join(alone["commands"])
    assert "restart_conntrack" in text
    assert "restart_firewall" not in text
    both = ask("baseline", device, over, True, minimum=240, recommended=300, allow_unproven=True)
    assert "restart_firewall" in "\n".join(both["commands"])
    assert "restart_net" not in "\n".join(both["commands"])


# ---- forwards --------------------------------------------------------------------------------------------------------


@DOORS
def test_a_pbx_gets_its_ports_and_loses_exactly_them(lab: Lab, tmp_path: Path, over: str) -> None:
    device = lab.add(NAME, "forwards", rest=True)
    before = device.running()
    made = ask("port_forwards", device, over, report_dir=str(tmp_path), **PBX)
    assert "msg" not in made, made["msg"]
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert made["compliance"] == "compliant"
    theirs = device.variant.nvram["vts_rulelist"]
    assert device.nvram["vts_rulelist"] == theirs + (
        "<voip-edge-5060>5060>192.168.50.9>5060>UDP>203.0.113.0/24"
        "<voip-edge-5060>5060>192.168.50.9>5060>UDP>198.51.100.7/32"
        "<voip-edge-10000-20000>10000:20000>192.168.50.9>>UDP>203.0.113.0/24"
        "<voip-edge-10000-20000>10000:20000>192.168.50.9>>UDP>198.51.100.7/32"
    )
    assert "FORWARD-TOO-OPEN" not in [f["id"] for f in made["record"]["findings"]]
    written = lines(device)
    assert not ask("port_forwards", device, over, **PBX)["changed"]
    assert lines(device) == written
    other = ask("port_forwards", device, over, pbx="192.168.50.8", sources=["any"], rtp_ports="16384-16484")
    assert "msg" not in other, other["msg"]
    assert device.nvram["vts_rulelist"] == theirs + (
        "<voip-edge-5060>5060>192.168.50.8>5060>UDP>"
        "<voip-edge-16384-16484>16384:16484>192.168.50.8>>UDP>"
    )  # fmt: skip
    assert "FORWARD-TOO-OPEN" in [f["id"] for f in other["record"]["findings"]]
    gone = ask("port_forwards", device, over, state="absent")
    assert gone["changed"]
    assert device.running() == before
    assert not ask("port_forwards", device, over, state="absent")["changed"]


@DOORS
def test_forwards_are_taken_back_from_what_was_kept(lab: Lab, tmp_path: Path, over: str) -> None:
    device = lab.add(NAME, "factory", rest=True)
    before = device.running()
    made = ask("baseline", device, over, report_dir=str(tmp_path), **PBX)
    assert "msg" not in made, made["msg"]
    assert device.nvram["vts_enable_x"] == "1"
    undone = ask("undo", device, over, report_dir=str(tmp_path))
    assert "msg" not in undone, undone["msg"]
    assert device.running() == device.startup() == before


@DOORS
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["vts_rulelist=<Old>5060>192.168.50.20>5060>UDP>"], "'Old 5060' already sends UDP 5060 to 192.168.50.20"),
        (["vts_rulelist=<Old>4000:6000>192.168.50.20>>BOTH>"], "already sends UDP 4000-6000"),
        (["vts_rulelist=<Old>80,15000:15010>192.168.50.20>>UDP>"], "already sends UDP 15000-15010"),
        (["vts_rulelist=<Old>5060>192.168.50.20>5060>UDP"], "already sends UDP 5060"),
        (["vts_rulelist=<Old>10000-20000>192.168.50.20>>UDP>"], "not all understood"),
        (["vts_rulelist=<Old>17>192.168.50.20>>OTHER>"], "not all understood"),
        (["game_vts_rulelist=<Game>1>2>3>UDP>"], "not all understood"),
        (["vts1_rulelist=<Old>5060>192.168.50.20>5060>UDP>"], "not all understood"),
        (["vts_rulelist=Old>5060>192.168.50.20"], "does not look like one"),
        (
            ["vts_enable_x=0", "vts_rulelist=<Web>443>192.168.50.30>443>TCP>"],
            "is switched off and holds entries of others",
        ),
        (["vts_rulelist=" + "<x>1>192.168.50.30>1>TCP>" * 61], "65 entries"),
        (["vts_rulelist=<" + "x" * 8100 + ">1>192.168.50.30>1>TCP>"], "8192 are allowed"),
        (["vts_rulelist=<Türe>1>192.168.50.30>1>TCP>"], "cannot be written back"),
    ],
)
def test_what_is_in_the_way_is_named_and_left(lab: Lab, over: str, values: list[str], said: str) -> None:
    device = lab.add(NAME, "already-off", rest=True)
    device.change(["vts_enable_x=1", *values])
    before = device.running()
    refused = ask("port_forwards", device, over, **PBX)
    assert refused["error_kind"] == "refusal"
    assert said in refused["msg"]
    assert device.running() == before
    assert lines(device) == []


@DOORS
@pytest.mark.parametrize(
    "entries",
    [
        "<Web>5060>192.168.50.30>5060>TCP>",
        "<short>5060>192.168.50.30>5060",
        "<Near>5061:9999>192.168.50.30>>UDP>",
        "<It's>443>192.168.50.30>443>TCP>$(reboot)",
        "<Long" + "g" * 300 + '>443>192.168.50.30>443>TCP>`id` "$HOME" \\',
    ],
)
def test_what_is_not_in_the_way_stays_byte_for_byte(lab: Lab, over: str, entries: str) -> None:
    device = lab.add(NAME, "already-off", rest=True)
    device.change(["vts_enable_x=1", f"vts_rulelist={entries}"])
    made = ask("port_forwards", device, over, **PBX)
    assert "msg" not in made, made["msg"]
    assert device.nvram["vts_rulelist"].startswith(entries + "<voip-edge-5060>")
    assert max(map(len, made["commands"])) < 900
    ask("port_forwards", device, over, state="absent")
    assert device.nvram["vts_rulelist"] == entries


@DOORS
def test_a_forward_that_is_there_is_used(lab: Lab, over: str) -> None:
    device = lab.add(NAME, "already-off", rest=True)
    theirs = "<PBX>5060,10000:20000>192.168.50.9>>UDP>203.0.113.0/24"
    device.change(["vts_enable_x=1", f"vts_rulelist={theirs}"])
    same = ask("port_forwards", device, over, pbx="192.168.50.9", sources=["203.0.113.0/25"])
    assert not same["changed"]
    assert same["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    device.change(["vts_rulelist=<PBX>5060,10000:20000>192.168.50.9>>UDP>00:11:22:33:44:55"])
    seen = ask("edge_info", device, over, pbx="192.168.50.9", sources=["203.0.113.0/25"])
    assert seen["record"]["aspects"]["port_forwards"]["verdict"] == "undetermined"
    device.change(["vts_enable_x=0"])
    seen = ask("edge_info", device, over)
    assert seen["record"]["aspects"]["port_forwards"]["verdict"] == "none"


# ---- what only SSH sees ----------------------------------------------------------------------------------------------


def test_a_module_that_stays_is_said_to_wait_for_a_restart(lab: Lab, tmp_path: Path) -> None:
    device = lab.add(NAME, "factory", faults=["module_stays"])
    made = ask("baseline", device, "ssh", report_dir=str(tmp_path))
    assert "msg" not in made, made["msg"]
    assert made["changed"]
    assert made["verdict"] == "active"
    assert made["compliance"] == "noncompliant"
    assert any("waits for a restart" in note for note in made["notes"])
    assert "RESTART-NEEDED" in [f["id"] for f in made["record"]["findings"]]
    assert any("restart the router" in text for text in made["record"]["advice"])
    written = lines(device)
    assert not ask("baseline", device, "ssh")["changed"]
    assert lines(device) == written
    undone = ask("undo", device, "ssh", check=True, report_dir=str(tmp_path))
    assert "msg" not in undone, undone["msg"]
    device.reboot()
    assert word(ask("edge_info", device, "ssh")) == "disabled"


@pytest.mark.parametrize("late", [1, 3, 7])
def test_a_firewall_that_takes_its_time_is_waited_for(lab: Lab, late: int) -> None:
    device = lab.add(NAME, "factory", faults=[f"late_restart:{late}"])
    made = ask("baseline", device, "ssh", minimum=240, recommended=300)
    assert "msg" not in made, made["msg"]
    assert made["compliance"] == "compliant"
    assert not made["notes"]


def test_a_build_that_blocks_5060_gets_its_helper_back(lab: Lab) -> None:
    device = lab.add(NAME, "stock-380-2016", faults=["drops_5060"])
    before = device.running()
    made = ask("baseline", device, "ssh")
    assert made["error_kind"] == "not_proven"
    assert "filter_5060 (iptables) is blocking" in made["msg"]
    assert "nothing of this run is left" in made["msg"]
    assert device.running() == device.startup() == before
    assert not device.drops


def test_sip_that_is_blocked_is_no_disabled_alg(lab: Lab) -> None:
    device = lab.add(NAME, "already-off", faults=["drops_5060"])
    seen = ask("edge_info", device, "ssh")
    assert word(seen) == "blocking"
    made = ask("sip_alg", device, "ssh", state="disabled")
    assert made["error_kind"] == "refusal"
    assert "install a newer firmware" in made["msg"]
    merlin = lab.add(NAME, "merlin-0", faults=["drops_5060"])
    assert ask("sip_alg", merlin, "ssh", state="disabled")["error_kind"] == "refusal"
    assert lines(device) == lines(merlin) == []


def test_over_https_such_a_build_is_left_alone_unless_the_user_insists(lab: Lab) -> None:
    device = lab.add(NAME, "stock-380-2016", rest=True)
    made = ask("sip_alg", device, "https", state="disabled")
    assert made["error_kind"] == "refusal"
    assert "use SSH" in made["msg"]
    assert lines(device) == []
    made = ask("sip_alg", device, "https", state="disabled", allow_unproven=True)
    assert "msg" not in made, made["msg"]
    assert made["verdict"] == "undetermined"  # whether it blocks now was not seen
    assert word(ask("edge_info", device, "ssh")) == "disabled"


def test_the_kernels_timer_is_judged_where_it_counts(lab: Lab) -> None:
    device = lab.add(NAME, "factory")
    device.live = (30, 20)
    aspect = ask("edge_info", device, "ssh")["record"]["aspects"]["udp_timeout"]
    assert (aspect["verdict"], aspect["seconds"]) == ("low", 20)
    down = ask("edge_info", lab.add(NAME, "wan-down"), "ssh")["record"]["aspects"]["udp_timeout"]
    assert (down["verdict"], down["seconds"]) == ("ok", 180)


def test_nothing_is_committed_that_is_not_to_be_saved(lab: Lab) -> None:
    device = lab.add(NAME, "factory")
    made = ask("sip_alg", device, "ssh", state="disabled", save=False)
    assert made["saved"] is False
    assert "nvram commit" not in lines(device)
    assert "NOT-SAVED" in [f["id"] for f in made["record"]["findings"]]
    device.reboot()
    assert word(ask("edge_info", device, "ssh")) == "active"


# ---- the values, turned ----------------------------------------------------------------------------------------------

MEANS = {
    "factory": {"0": "disabled", "1": "active", "2": "active", "": "active"},
    "stock-3006": {"0": "disabled", "1": "active", "2": "active", "": "active"},
    "merlin": {"0": "disabled", "1": "active", "2": "disabled", "": "disabled"},
    "merlin-380": {"0": "disabled", "1": "active", "2": "disabled", "": "undetermined"},
    "merlin-3006": {"0": "disabled", "1": "active", "2": "disabled", "": "disabled"},
    "gnuton": {"0": "disabled", "1": "active", "2": "undetermined", "": "undetermined"},
    "brt": {"0": "disabled", "1": "active", "2": "active", "": "active"},
}


@DOORS
@pytest.mark.parametrize("variant", MEANS)
def test_each_value_means_what_it_means_in_that_family(lab: Lab, over: str, variant: str) -> None:
    device = lab.add(NAME, variant, rest=True)
    for value, meaning in MEANS[variant].items():
        device.change(f"fw_pt_sip={value}")
        assert word(ask("edge_info", device, over)) == meaning, value
    device.change("fw_pt_sip=7")
    seen = ask("edge_info", device, over)
    assert word(seen) != "disabled"
    assert ask("baseline", device, over)["error_kind"] == "refusal"
    assert lines(device) == []


@DOORS
@pytest.mark.parametrize("extend", ["", "x", "51665-gnuton1"])
def test_without_marks_the_family_is_not_guessed(lab: Lab, over: str, extend: str) -> None:
    device = lab.add(NAME, "already-off", rest=True)
    device.change([f"extendno={extend}", "fw_pt_sip=2"])
    device.modules = False
    assert word(ask("edge_info", device, over)) == "undetermined"
    assert ask("baseline", device, over)["error_kind"] == "refusal"
    assert lines(device) == []


# Over SSH a release that looks like Merlin's is all there is, and the loaded modules say how the value is meant.
@pytest.mark.parametrize(("over", "found"), [("ssh", "active"), ("https", "undetermined")])
def test_marks_that_disagree_prove_no_family(lab: Lab, over: str, found: str) -> None:
    device = lab.add(NAME, "stock-2", rest=True)
    device.change("extendno=4-beta2")
    assert word(ask("edge_info", device, over)) == found


# ---- the web door ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
@pytest.mark.parametrize(
    "fault",
    [
        "refuse_login", "locked", "captcha", "default_password", "session_ends", "unknown_version",
        "hang:/appGet.cgi", "http500:/appGet.cgi", "truncate:/appGet.cgi", "short:/appGet.cgi", "garble:/appGet.cgi",
        "lie:/appGet.cgi|fw_pt_sip|fw_pt_ssp",
    ],
)  # fmt: skip
def test_faults_while_reading(lab: Lab, fault: str, check: bool) -> None:
    device = lab.add(NAME, "factory", faults=[fault], rest=True)
    before = device.running()
    made = ask("baseline", device, "https", check=check, timeout=0.7)
    assert made.get("failed") or made.get("unreachable")
    assert lines(device) == []
    assert device.running() == before
    assert device.login_attempts <= 1
    settle(device)
    assert not [s for s in SECRETS if s in json.dumps(made)]


@pytest.mark.parametrize(
    ("variant", "fault"),
    [
        ("stock-2", "http500:/ajax_sysinfo.asp"),
        ("merlin-2", "garble:/ajax_sysinfo.asp"), ("merlin-2", "http500:/ajax_sysinfo.asp"),
    ],
)  # fmt: skip
def test_a_page_that_is_no_answer_tells_no_family(lab: Lab, variant: str, fault: str) -> None:
    device = lab.add(NAME, variant, faults=[fault], rest=True)
    assert word(ask("edge_info", device, "https")) == "undetermined"
    assert ask("baseline", device, "https")["error_kind"] == "refusal"
    assert lines(device) == []


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
@pytest.mark.parametrize("variant", ["factory", "stock-3006"])
def test_the_line_is_cut_at_every_request(lab: Lab, tmp_path: Path, variant: str, kind: str) -> None:
    for step in range(1, 20):
        device = lab.add(NAME, variant, faults=[f"{kind}:{step}"], rest=True)
        before = device.running()
        folder = str(tmp_path / str(step))
        made = ask("baseline", device, "https", timeout=8.0, report_dir=folder)
        if not made.get("failed") and not made.get("unreachable"):
            assert word(made) == "disabled"
            if device.door.since_login < step:
                return
            continue
        if device.running() != before:
            assert "MAY STILL BE ON THE DEVICE" in made["msg"], made["msg"]
            device.faults.clear(kind)
            assert "msg" not in ask("undo", device, "https", report_dir=folder)
            assert device.running() == before


@pytest.mark.parametrize("fault", ["ignore_writes", "read_only"])
def test_writes_that_are_not_taken_are_noticed(lab: Lab, fault: str) -> None:
    device = lab.add(NAME, "factory", faults=[fault], rest=True)
    before = device.running()
    made = ask("baseline", device, "https")
    assert made["failed"]
    assert device.running() == before
    settle(device)


@pytest.mark.parametrize(
    ("variant", "fault", "said"),
    [
        ("factory", "refuse_login", "wrong account or password (one attempt was made)"),
        ("factory", "locked", "opens again in 287 s"),
        ("factory", "captcha", "captcha"),
        ("factory", "default_password", "default password"),
        ("stock-3006", "refuse_login", "wrong account or password (one attempt was made)"),
        ("stock-3006", "somebody_else", "left in peace"),
    ],
)
def test_a_login_is_tried_once_and_its_refusal_understood(lab: Lab, variant: str, fault: str, said: str) -> None:
    device = lab.add(NAME, variant, faults=[fault], rest=True)
    made = ask("edge_info", device, "https", take_over=True)
    assert made["error_kind"] == "login_refused"
    assert said in made["msg"]
    logins = [line for line in device.transcript if line.startswith("POST /login")]
    assert len(logins) == 1
    assert device.login_attempts <= 1
    settle(device)


def test_no_password_goes_to_something_else(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory", tls=False)
    answer = ask("edge_info", device, "https", platform=NAME)
    assert answer["error_kind"] == "unknown_reply"
    assert "no password was sent" in answer["msg"]
    assert device.login_attempts == 0


@pytest.mark.parametrize("step", range(1, 40))
def test_over_ssh_the_line_is_cut_at_every_step(lab: Lab, tmp_path: Path, step: int) -> None:
    device = lab.add(NAME, "forwards", faults=[f"cut:{step}"])
    before = device.running()
    made = ask("baseline", device, "ssh", minimum=240, recommended=300, report_dir=str(tmp_path), **PBX)
    if "msg" not in made:
        assert made["compliance"] == "compliant"
        return
    if device.running() != before:
        assert "MAY STILL BE ON THE DEVICE" in made["msg"] or "not saved" in made["msg"]
        device.faults.clear("cut")
        undone = ask("undo", device, "ssh", report_dir=str(tmp_path))
        assert "msg" not in undone, undone["msg"]
        assert device.running() == device.startup() == before


@pytest.mark.parametrize("fault", ["reject:service", "reject:nvram commit", "ignore:nvram set", "read_only"])
def test_over_ssh_what_is_refused_or_ignored_is_undone(lab: Lab, fault: str) -> None:
    device = lab.add(NAME, "forwards", faults=[fault])
    before = device.running()
    made = ask("baseline", device, "ssh", minimum=240, recommended=300, **PBX)
    assert made["failed"]
    assert device.running() == before
