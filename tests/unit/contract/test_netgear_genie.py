# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR home routers: opposite polarities, complete posts, pages in place of pages, one administrator, forwards."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Refusal
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _netgear_door as door
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import netgear_genie as genie
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import Reply
from tests.lab import SECRETS, Lab
from tests.lab import netgear_pages as pages
from tests.unit.conftest import lines, web_params

NAME = "netgear_genie"
WANTED: dict[str, Any] = {
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
}  # fmt: skip
PBX = {"pbx": "192.168.1.20", "sources": ["any"]}
SIP_KEY = {"A": "wan_endis_sipalg", "B": "fw_sip_enab", "C": "sip"}


def ask(module: str, device: Any, check: bool = False, **more: Any) -> dict[str, Any]:
    given = {**web_params(device), **(WANTED if module != "edge_info" else {}), **more}
    if module == "undo":
        given.pop("allow_unproven")
    answer = doors.answer(module, given, check=check)
    told = json.dumps({k: v for k, v in answer.items() if k != "kept"})
    assert not [secret for secret in SECRETS if secret in told]
    return answer


def left(device: Any) -> None:
    """Nobody of us is logged in any more."""
    deadline = time.monotonic() + 3
    while device.open_sessions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert device.open_sessions == 0


def page_of(family: str, value: str) -> str:
    config = {**pages.FACTORY[family], SIP_KEY[family]: value}
    if family == "A":
        return pages.wan_a(config, "1", "admin", "", ())
    return pages.wan_b(config, "1", "", ()) if family == "B" else pages.wan_c(config, "1")


@pytest.mark.parametrize(
    ("family", "value", "state"),
    [
        ("A", "1", "off"),
        ("A", "0", "on"),
        ("A", "", "on"),
        ("A", "2", "unknown"),
        ("B", "0", "off"),
        ("B", "1", "on"),
        ("B", "", "unknown"),
        ("B", "2", "unknown"),
        ("C", "off", "off"),
        ("C", "on", "on"),
    ],
)
def test_each_stored_value_turns_the_verdict(family: str, value: str, state: str) -> None:
    seen = genie.wan_page(page_of(family, value))
    assert (seen.family, seen.state) == (family, state)


@pytest.mark.parametrize("family", ["A", "B", "C"])
def test_a_page_that_is_cut_anywhere_says_nothing(family: str) -> None:
    text = page_of(family, {"A": "1", "B": "0", "C": "off"}[family])
    for end in range(0, text.index("</html>") + 6, 7):
        assert genie.wan_page(text[:end]).state == "unknown"


@pytest.mark.parametrize("family", ["A", "B"])
def test_a_page_without_any_single_line_never_turns_from_active_to_disabled(family: str) -> None:
    rows = page_of(family, {"A": "0", "B": "1"}[family]).split("\n")
    for at in range(len(rows)):
        assert genie.wan_page("\n".join(rows[:at] + rows[at + 1 :])).state != "off"


@pytest.mark.parametrize("family", ["A", "B", "C"])
def test_a_control_more_or_less_is_a_problem(family: str) -> None:
    text = page_of(family, "0" if family != "C" else "on")
    known = genie.wan_page(text)
    assert known.problem == ""
    for control in (
        '<input type="checkbox" name="voip_only">',
        '<select name="alg_mode"></select>',
        '<input type="radio" name="x">',
    ):
        more = genie.wan_page(text.replace("</form>", control + "</form>"))
        assert "not known here" in more.problem
    fewer = genie.wan_page(text.replace('name="wan_mtu"', 'name=""'))
    assert "lacks wan_mtu" in fewer.problem
    no_token = genie.wan_page(text.replace("timestamp=1", "").replace("id=1", ""))
    assert "no token" in no_token.problem


@pytest.mark.parametrize(
    "text", [*pages.INSTEAD.values(), pages.SSO, pages.SERCOMM, pages.leads_to("multi_login.html"), "", "<html></html>"]
)
def test_no_other_page_is_read_as_a_value(text: str) -> None:
    seen = genie.wan_page(text)
    assert seen.state == "unknown"
    assert seen.family not in genie.MECHANISMS


def test_what_is_no_read_is_not_sent_as_one() -> None:
    class Silent:
        def request(self, *_args: Any, **_more: Any) -> Reply:
            raise AssertionError("something was sent")

    for line in (
        "POST /WAN_wan.htm submit_flag=wan",
        "ADD /forwarding.htm name=a&ports=1&host=b",
        "GET /apply.cgi",
        "GET / x",
    ):
        with pytest.raises(Refusal):
            door.send(Silent(), line, True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variant", "family"), [("factory", "A"), ("busy", "A"), ("acos-factory", "B"), ("acos-busy", "B")]
)
def test_nothing_but_the_alg_is_changed(lab: Lab, variant: str, family: str) -> None:
    device = lab.add(NAME, variant)
    before = dict(device.config)
    assert ask("sip_alg", device)["verdict"] == "disabled"
    moved = {key for key, value in device.config.items() if before[key] != value}
    assert moved == {SIP_KEY[family]}
    assert device.wan_restarts == 0
    assert ask("sip_alg", device, state="enabled")["verdict"] == "active"
    assert device.config == before
    left(device)


def test_the_page_is_not_put_back_to_what_it_was(lab: Lab, tmp_path: Path) -> None:
    """An undo posts the whole page: somebody's change of another box in between would be lost."""
    device = lab.add(NAME, "factory")
    assert ask("sip_alg", device, report_dir=str(tmp_path))["changed"]
    device.change(lambda router: router.config.update(wan_endis_rspToPing="1"))
    before = device.running()
    answer = ask("undo", device, report_dir=str(tmp_path))
    assert "somebody changed the page meanwhile: rspToPing_value" in answer["msg"]
    assert device.running() == before


def test_an_audit_does_not_touch_the_tab_that_was_looked_at(lab: Lab) -> None:
    """The list of forwards stores that on being read, so the page for a new one is asked instead."""
    device = lab.add(NAME, "forwards")
    device.config["port_forward_trigger"] = "1"
    answer = ask("edge_info", device)
    assert device.config["port_forward_trigger"] == "1"
    shown = answer["record"]["aspects"]["port_forwards"]["mechanisms"]
    assert [m["scope"] for m in shown] == ["Old PBX: UDP 5060"]


@pytest.mark.parametrize("variant", ["held", "acos-held"])
def test_another_administrator_stays_unless_told_otherwise(lab: Lab, variant: str) -> None:
    device = lab.add(NAME, variant)
    refused = ask("sip_alg", device)
    assert "set voip_edge_take_over: true" in refused["msg"]
    assert device.displaced == []
    assert device.holder == "other"
    assert device.login_attempts == 1
    taken = ask("sip_alg", device, take_over=True)
    assert taken["verdict"] == "disabled"
    assert device.displaced == ["other"]
    left(device)


@pytest.mark.parametrize("variant", ["look-alike", "sso"])
def test_no_password_goes_to_what_is_not_known_to_want_it(lab: Lab, variant: str) -> None:
    device = lab.add(NAME, variant)
    ask("edge_info", device)
    assert device.login_attempts == 0


@pytest.mark.parametrize("variant", ["sercomm", "sso", "password-page", "acos-empty", "captcha-page"])
def test_what_is_not_known_comes_with_the_steps_by_hand(lab: Lab, variant: str) -> None:
    answer = ask("edge_info", lab.add(NAME, variant))
    assert any("tick 'Disable SIP ALG', Apply" in line for line in answer["record"]["advice"])
    assert answer["record"]["aspects"]["sip_alg"]["compliance"] == "undetermined"


@pytest.mark.parametrize(
    "fault", ["garble:/WAN_wan.htm", "http500:/WAN_wan.htm", "short:/WAN_wan.htm", "hang:/WAN_wan.htm"]
)
@pytest.mark.parametrize("variant", ["off", "acos-off"])
def test_a_page_that_is_not_the_page_is_never_disabled(lab: Lab, variant: str, fault: str) -> None:
    device = lab.add(NAME, variant, faults=[fault])
    answer = ask("edge_info", device, timeout=0.7)
    assert (answer.get("verdict") or "undetermined") == "undetermined"
    left(device)


@pytest.mark.parametrize("variant", ["factory", "acos-factory"])
@pytest.mark.parametrize("fault", ["ignore_writes", "http500:POST /", "cut_after:4", "cut:4", "read_only"])
def test_a_change_that_fails_says_so_and_leaves(lab: Lab, variant: str, fault: str) -> None:
    device = lab.add(NAME, variant, faults=[fault])
    before = device.running()
    answer = ask("sip_alg", device, timeout=8.0)
    if "error_kind" in answer:
        assert device.running() == before or "MAY STILL BE ON THE DEVICE" in answer["msg"]
    left(device)


def test_the_timer_is_claimed_only_where_its_source_is_known(lab: Lab) -> None:
    known = ask("edge_info", lab.add(NAME, "factory"))["record"]["aspects"]["udp_timeout"]
    assert (known["verdict"], known["seconds"]) == ("ok", 300)
    for variant in ("unknown-timer", "acos-factory", "asp-on"):
        answer = ask("edge_info", lab.add(NAME, variant))
        assert answer["record"]["aspects"]["udp_timeout"]["verdict"] == "undetermined"
        assert any("every 30 s or less" in line for line in answer["record"]["advice"])
    short = ask("udp_timeout", lab.add(NAME, "factory"), minimum=600)
    assert "fixed at 300 s" in short["msg"]


def test_forwards_are_predicted_made_and_taken_away(lab: Lab, tmp_path: Path) -> None:
    device = lab.add(NAME, "factory")
    before = device.running()
    predicted = ask("port_forwards", device, check=True, **PBX)
    assert lines(device) == []
    made = ask("port_forwards", device, report_dir=str(tmp_path), **PBX)
    assert predicted["commands"] == made["commands"]
    assert predicted["after"] == made["after"]
    assert device.rows == [
        ("voip-edge", "UDP", "5060", "192.168.1.20"),
        ("voip-edge", "UDP", "10000-20000", "192.168.1.20"),
    ]
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert "FORWARD-TOO-OPEN" in [f["id"] for f in made["record"]["findings"]]
    assert not ask("port_forwards", device, **PBX)["changed"]
    moved = ask("port_forwards", device, **{**PBX, "pbx": "192.168.1.21"})
    assert moved["changed"]
    assert {row[3] for row in device.rows} == {"192.168.1.21"}
    assert ask("port_forwards", device, state="absent")["changed"]
    assert device.rows == []
    assert device.running() == before
    made = ask("port_forwards", device, report_dir=str(tmp_path), **PBX)
    assert "msg" not in ask("undo", device, report_dir=str(tmp_path))
    assert device.running() == before
    left(device)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sources": ["203.0.113.0/24"]}, "cannot restrict a forward to networks"),
        ({"pbx": "192.168.2.20"}, "is no host of the LAN 192.168.1.0/24"),
        ({"pbx": "192.168.1.1"}, "is no host of the LAN"),
        ({"rtp_ports": "1800-2000"}, "UDP 1900 is used by the router itself"),
        ({"rtp_ports": "60000-65535"}, "up to 65534 only"),
    ],
)
def test_a_forward_that_cannot_be_right_is_left_to_people(lab: Lab, more: dict[str, Any], words: str) -> None:
    device = lab.add(NAME, "factory")
    answer = ask("port_forwards", device, **{**PBX, **more})
    assert words in answer["msg"]
    assert "Add Custom Service" in answer["msg"]
    assert lines(device) == []


@pytest.mark.parametrize(
    ("triggers", "words"),
    [
        ('<script>var triggeringArray1="games 1 any TCP 6112 UDP 5060 5062 20";</script>', "used by port triggering"),
        ('<script>var upnpArray1="YES;UDP;10500;10500;192.168.1.9";</script>', "used by UPnP"),
    ],
)
def test_what_the_page_would_have_checked_is_checked(lab: Lab, triggers: str, words: str) -> None:
    device = lab.add(NAME, "factory")
    device.triggers = triggers
    assert words in ask("port_forwards", device, **PBX)["msg"]
    assert lines(device) == []


@pytest.mark.parametrize(
    ("variant", "words"),
    [("forwards", "is not ours"), ("busy", "Default DMZ Server"), ("acos-factory", "not known here")],
)
def test_the_forwards_of_others_stay(lab: Lab, variant: str, words: str) -> None:
    device = lab.add(NAME, variant)
    before = device.running()
    assert words in ask("port_forwards", device, **PBX)["msg"]
    assert device.running() == before


def test_a_service_of_our_name_that_was_altered_is_somebody_elses(lab: Lab) -> None:
    device = lab.add(NAME, "factory")
    device.rows.append(("voip-edge", "TCP", "8443", "192.168.1.20"))
    assert "that is not as it was made here" in ask("port_forwards", device, **PBX)["msg"]
    assert not ask("port_forwards", device, state="absent")["changed"]
    assert lines(device) == []


def test_the_alg_is_changed_where_forwards_are_not(lab: Lab) -> None:
    answer = ask("baseline", lab.add(NAME, "acos-factory"), **PBX)
    assert answer["verdict"] == "disabled"
    assert set(answer["unsupported"]) == {"port_forwards", "udp_timeout"}


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
def test_the_line_is_cut_while_forwards_are_made(lab: Lab, tmp_path: Path, kind: str) -> None:
    for step in range(1, 30):
        device = lab.add(NAME, "off", faults=[f"{kind}:{step}"])
        before = device.running()
        folder = str(tmp_path / str(step))
        answer = ask("port_forwards", device, timeout=8.0, report_dir=folder, **PBX)
        if "error_kind" not in answer:
            if device.door.since_login < step:
                return
            continue
        if device.running() != before:
            assert "MAY STILL BE ON THE DEVICE" in answer["msg"]
            device.faults.clear(kind)
            assert "msg" not in ask("undo", device, report_dir=folder)
        assert device.running() == before
    raise AssertionError("it never came to the end")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Firmware=V1.0.2.98\r\nRegionTag=R7800_NA\r\nModel=R7800\r\n", ("R7800", "V1.0.2.98")),
        ("Model=R7000\nFirmware=V1.0.11.123_10.2.100\n", ("R7000", "V1.0.11.123_10.2.100")),
        ("<html>Model=R7800 Firmware=V1</html>", None),
        ("Model=R7800\n", None),
    ],
)
def test_recognised_by_what_it_shows_to_everybody(text: str, seen: tuple[str, str] | None) -> None:
    found = genie.sniff(lambda line: Reply(200, {}, text.encode()) if line == "GET /currentsetting.htm" else None)
    assert (found and (found.model, found.firmware)) == seen
    assert genie.sniff(lambda line: None) is None
