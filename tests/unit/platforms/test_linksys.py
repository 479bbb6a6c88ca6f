# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linksys: what is read for what it says, what is refused, and what a change leaves alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Refusal
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _linksys_door as door
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import linksys
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Sighting
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, HttpSession, Reply
from tests.lab import Lab, variants
from tests.unit.conftest import lines, web_params
from tests.unit.contract.test_web import WANTED, no_secret_in, settled

PBX = {"pbx": "192.168.1.10", "sources": ["any"]}
KINDS = {name for name in variants("linksys") if name.startswith(("velop", "gateway", "management"))}


def ask(module: str, device: Any, check: bool = False, **more: Any) -> dict[str, Any]:
    given = {**web_params(device), **(WANTED if module != "edge_info" else {}), **more}
    return doors.answer(module, given, check=check)


def findings(answer: dict[str, Any]) -> list[str]:
    return [f["id"] for f in answer["record"]["findings"]]


def info(**more: Any) -> str:
    services = ["http://linksys.com/jnap/core/Core7", "http://linksys.com/jnap/firewall/Firewall"]
    output = {"manufacturer": "Linksys", "modelNumber": "WHW03", "firmwareVersion": "2.1", "services": services, **more}
    return json.dumps({"result": "OK", "output": output})


def judged(alg: Any, **more: Any) -> str:
    """The verdict that follows from an answer to GetALGSettings."""
    text = alg if isinstance(alg, str) else json.dumps(alg)
    box = linksys.parse({"identity": info(**more), "alg": text})
    return linksys.PLATFORM.judge(box, DEFAULT).aspects["sip_alg"].verdict


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ({"result": "OK", "output": {"isSIPEnabled": True}}, "active"),
        ({"result": "OK", "output": {"isSIPEnabled": False}}, "disabled"),
        ({"result": "OK", "output": {"isSIPEnabled": "false"}}, "undetermined"),
        ({"result": "OK", "output": {"isSIPEnabled": 0}}, "undetermined"),
        ({"result": "OK", "output": {"isSIPEnabled": None}}, "undetermined"),
        ({"result": "OK", "output": {}}, "undetermined"),
        ({"result": "OK"}, "undetermined"),
        ({"output": {"isSIPEnabled": False}}, "undetermined"),
        ({"result": "_ErrorUnknownAction", "output": {"isSIPEnabled": False}}, "undetermined"),
        ("200 _ErrorUnknownAction: this firmware does not have it", "undetermined"),
        ("<html>isSIPEnabled: false</html>", "undetermined"),
        ('{"result":"OK","output":{"isSIPEna', "undetermined"),
        ("", "undetermined"),
    ],
)
def test_only_a_plain_false_is_off(answer: Any, verdict: str) -> None:
    assert judged(answer) == verdict


def test_without_a_version_off_is_not_believed() -> None:
    off = {"result": "OK", "output": {"isSIPEnabled": False}}
    assert judged(off, firmwareVersion=None) == "undetermined"


@pytest.mark.parametrize("variant", sorted(KINDS))
def test_what_is_stored_decides(lab: Lab, variant: str) -> None:
    """The switch is flipped in the router, and the verdict with it, wherever there is one."""
    device = lab.add("linksys", variant)
    first = ask("edge_info", device)["verdict"]
    if variant.startswith("velop"):
        device.change(lambda live: live["alg"].update(isSIPEnabled=not live["alg"]["isSIPEnabled"]))
    else:
        device.change(lambda live: live.update(nf_alg_sip={"1": "0", "0": "1"}[live["nf_alg_sip"]]))
    then = ask("edge_info", device)["verdict"]
    assert {first, then} in ({"active", "disabled"}, {"undetermined"})
    assert ("undetermined" in {first, then}) == variant.endswith("no-module")


PAGE = "gateway-on"


def page_of(lab: Lab, variant: str = PAGE) -> str:
    device = lab.add("linksys", variant)
    device.new_key()
    from tests.lab import linksys_pages

    return linksys_pages.gateway(device, device.keys[-1])


def refused(page: str) -> str:
    box = linksys.parse({"identity": page, "page": page})
    return linksys.plan(box, Options()).refusal or ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name="ctm404_enable"', 'name="ctm405_enable"'),
        ('<input type="hidden" name="upnp_config" />', ""),
        ('<input type="hidden" name="upnp_config" />', '<input type="hidden" name="upnp_config" />' * 2),
        ("</FORM>", '<input type="text" name="http_passwd"></FORM>'),
        ("</FORM>", "<select name='x'><option value='1'></select></FORM>"),
        ("</FORM>", "<script>draw_checkbox('_more', a.b, '1', '' );</script></FORM>"),
        ("</FORM>", "<script>draw_radio('_more', a.b, '1');</script></FORM>"),
        ("</FORM>", "</FORM><form action='other.cgi'></form>"),
        ("draw_checkbox('_upnp_config'", "draw_checkbox('_upnp_other'"),
        ("'_upnp_enable', mgt.upnp, '1'", "'_upnp_enable', mgt.upnp, '2'"),
        ('name="need_reboot" value="0"', 'name="need_reboot" value="1"'),
        ('name="wait_time" value="4"', 'name="wait_time" value=""'),
        ("var close_session", "var open_session"),
        ("apply.cgi?session_id=", "apply2.cgi?session_id="),
    ],
)
def test_a_page_that_is_another_is_not_written(lab: Lab, old: str, new: str) -> None:
    page = page_of(lab)
    assert refused(page) == ""
    assert old in page
    assert "not as it is known" in refused(page.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' , 1);", ""),
        ("draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' , 1);", "draw_checkbox('_nf_alg_sip', mgt.sipalg, '1'"),
        (
            "draw_checkbox('_nf_alg_sip'",
            "draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' ); draw_checkbox('_nf_alg_sip'",
        ),
        ("<script>draw_checkbox('_nf_alg_sip'", "<!-- <script>draw_checkbox('_nf_alg_sip'"),
    ],
)
def test_a_box_that_is_not_there_once_is_not_off(lab: Lab, old: str, new: str) -> None:
    page = page_of(lab)
    assert old in page
    box = linksys.parse({"identity": page, "page": page.replace(old, new)})
    assert box.sip is None
    assert linksys.PLATFORM.judge(box, DEFAULT).aspects["sip_alg"].verdict == "undetermined"


@pytest.mark.parametrize("variant", ["gateway-off", "management-off"])
def test_a_page_that_is_cut_off_is_never_off(lab: Lab, variant: str) -> None:
    device = lab.add("linksys", variant)
    from tests.lab import linksys_pages

    whole = getattr(linksys_pages, variant.split("-", maxsplit=1)[0])(device, "k")
    for at in range(0, len(whole), 7):
        box = linksys.parse({"identity": whole, "page": whole[:at]})
        if box.sip is not None:
            assert box.sip is False
            assert "draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' );" in whole[:at] or "nf_alg_sip" in whole[:at]


def test_the_login_page_is_no_answer(lab: Lab) -> None:
    device = lab.add("linksys", "gateway-off")
    from tests.lab import linksys_pages

    page, gone = page_of(lab, "gateway-off"), linksys_pages.login_page(device, "2")
    assert not linksys.recognise(gone)
    for swapped in (gone, page + gone):
        box = linksys.parse({"identity": page, "page": swapped, "single": swapped, "range": swapped})
        assert (box.sip, box.forwards) == (None, None)
    assert linksys.refusal(Reply(200, {}, gone.encode())) is not None
    assert linksys.refusal(Reply(200, {}, b"Invalid <b>Port</b>: out of range")) is not None


@pytest.mark.parametrize("variant", ["gateway-on", "gateway-body-key", "gateway-closed-session"])
def test_a_session_that_ends_in_the_middle_changes_nothing(lab: Lab, variant: str) -> None:
    """The second request after the log-in gets the log-in page."""
    device = lab.add("linksys", variant, faults=["lie:/Gateway_Function.asp|draw_checkbox|session_status"])
    before = device.running()
    assert ask("baseline", device).get("failed")
    assert device.running() == before
    assert lines(device) == []
    settled(device)


def test_pages_of_others_are_not_a_linksys() -> None:
    for page in (
        "<title>DD-WRT (build 44715) linksys</title>",
        "<html>Tomato Linksys</html>",
        "<html>Netgear</html>",
        "",
    ):
        assert not linksys.recognise(page)
    assert linksys.recognise(info())
    assert not linksys.recognise(info(manufacturer="Other"))
    assert not linksys.recognise('{"result":"_ErrorUnknownAction"}')


@pytest.mark.parametrize(
    "variant", ["velop", "ea", "no-check", "gateway-on", "gateway-closed-session", "management-on", "management-login"]
)
def test_a_wrong_password_is_tried_once(lab: Lab, variant: str) -> None:
    device = lab.add("linksys", variant)
    for module in ("edge_info", "baseline"):
        answer = ask(module, device, password="wrong")
        assert answer["error_kind"] == "login_refused", answer["msg"]
        no_secret_in(answer)
    assert device.login_attempts == 2
    assert lines(device) == []
    settled(device)


@pytest.mark.parametrize(
    ("variant", "words"), [("locked", "locked"), ("delayed", "delays"), ("captcha", "captcha_code")]
)
def test_who_is_not_let_in_says_why(lab: Lab, variant: str, words: str) -> None:
    device = lab.add("linksys", variant)
    assert words in ask("edge_info", device)["msg"]
    assert device.login_attempts == (0 if variant == "captcha" else 1)


def test_an_answer_to_the_login_that_is_not_understood_leaves_no_session(lab: Lab) -> None:
    twice = "lie:/login.cgi|index.asp|index.asp?session_id=other&x=index.asp"
    device = lab.add("linksys", "gateway-body-key", faults=[twice])
    assert ask("edge_info", device)["error_kind"] == "unknown_reply"
    settled(device)


def test_the_hash_of_the_login_page() -> None:
    """The password, its length in two digits, repeated up to 64 characters."""
    for password, unit in (("secret", "secret06"), ("a" * 12, "a" * 12 + "12"), ("", "00")):
        text = (unit * 64)[:64]
        assert door.hashed(password) == hashlib.md5(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "line",
    [
        'JNAP firewall/SetALGSettings {"isSIPEnabled": false}',
        "POST Gateway_Function.asp nf_alg_sip=0",
        'JNAP firewall/SetSinglePortForwardingRules add 1 {"isEnabled": true}',
        "JNAP core/Reboot",
        "JNAP core/SetAdminPassword {}",
        "GET apply.cgi?submit_button=Gwfunc",
        "GET Upgrade.asp",
    ],
)
def test_a_read_never_writes(line: str) -> None:
    session = HttpSession(HttpLogin("192.0.2.1", 443, user="admin", password="x"))
    session.kept.update(root="linksys", door="jnap")
    with pytest.raises(Refusal):
        door.send(session, line, True)


@pytest.mark.parametrize(
    "line", ["JNAP core/Reboot {}", "POST Management.asp nf_alg_sip=0", "POST Gateway_Function.asp upnp=1"]
)
def test_other_lines_are_not_sent_from_a_file(line: str) -> None:
    session = HttpSession(HttpLogin("192.0.2.1", 443, user="admin", password="x"))
    with pytest.raises(Refusal):
        door.send(session, line, False)


def test_forwards_are_added_to_what_is_there_and_taken_away_again(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("linksys", "velop")
    before = json.loads(device.running())
    made = ask("baseline", device, report_dir=str(tmp_path), **PBX)
    assert "msg" not in made, made.get("msg")
    live = device.live
    assert [r["description"] for r in live["single"]] == ["web", "voip-edge SIP 5060"]
    assert [r["description"] for r in live["range"]] == ["game", "voip-edge RTP 10000"]
    assert live["single"][0] == before["single"][0]
    assert "FORWARD-TOO-OPEN" in findings(made)
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert set(made["unsupported"]) == {"udp_timeout"}
    # somebody else adds a rule before ours is taken back: it stays
    device.change(
        lambda stored: stored["single"].insert(0, {**before["single"][0], "externalPort": 8443, "description": "n"})
    )
    undone = ask("undo", device, report_dir=str(tmp_path))
    assert "msg" not in undone, undone["msg"]
    assert [r["description"] for r in device.live["single"]] == ["n", "web"]
    assert device.live["range"] == before["range"]
    assert device.live["alg"] == before["alg"]


def test_without_a_restriction_no_forward_is_made(lab: Lab) -> None:
    device = lab.add("linksys", "velop")
    made = ask("baseline", device, pbx="192.168.1.10", sources=["203.0.113.0/24"])
    assert "msg" not in made, made.get("msg")
    assert "cannot restrict" in made["unsupported"]["port_forwards"]
    assert [write.path for write in device.journal] == ["firewall/SetALGSettings"]
    assert made["record"]["aspects"]["port_forwards"]["compliance"] == "unsupported"
    alone = ask("port_forwards", device, pbx="192.168.1.10", sources=["203.0.113.0/24"])
    assert alone["error_kind"] == "refusal"


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("overlap", "camera"),
        ("overlap-disabled", "camera"),
        ("full", "full (1 rules)"),
        ("gateway-on", "not written on this router"),
        ("management-on", "not written on this router"),
    ],
)
def test_what_stands_in_the_way_of_a_forward(lab: Lab, variant: str, words: str) -> None:
    device = lab.add("linksys", variant)
    before = device.running()
    answer = ask("port_forwards", device, **PBX)
    assert words in answer["msg"]
    assert device.running() == before
    assert lines(device) == []


def test_a_rule_for_tcp_is_not_in_the_way(lab: Lab) -> None:
    device = lab.add("linksys", "overlap-tcp")
    assert ask("port_forwards", device, **PBX)["changed"]
    assert len(device.live["range"]) == 2


def test_an_overlap_that_only_the_router_sees_undoes_the_rest(lab: Lab) -> None:
    device = lab.add("linksys", "overlap-unseen")
    before = device.running()
    answer = ask("baseline", device, **PBX)
    assert "ErrorRulesOverlap: the router finds that a rule overlaps another one" in answer["msg"]
    assert "nothing of this run is left" in answer["msg"] or "undone" in answer["msg"]
    assert device.running() == before


def test_a_pbx_that_moved_gets_the_forwards_and_back(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("linksys", "old-pbx")
    before = device.running()
    made = ask("port_forwards", device, report_dir=str(tmp_path), **PBX)
    assert "msg" not in made, made.get("msg")
    hosts = {r["internalServerIPAddress"] for r in device.live["single"] + device.live["range"]}
    assert "192.168.1.9" not in hosts
    assert len(device.live["single"]) == 2
    undone = ask("undo", device, report_dir=str(tmp_path))
    assert "msg" not in undone, undone["msg"]
    assert device.running() == before


def test_ours_are_taken_away_when_they_are_not_wanted(lab: Lab) -> None:
    device = lab.add("linksys", "old-pbx")
    gone = ask("port_forwards", device, state="absent", pbx="192.168.1.9")
    assert "msg" not in gone, gone.get("msg")
    assert [r["description"] for r in device.live["single"] + device.live["range"]] == ["web", "game"]


def test_forwards_of_the_old_pages_are_read(lab: Lab) -> None:
    record = ask("edge_info", lab.add("linksys", "gateway-forwards"))["record"]
    shown = {m["scope"]: m["evidence"] for m in record["aspects"]["port_forwards"]["mechanisms"]}
    assert shown == {"sip UDP 5060": ["sip:on:udp:5060>10:5060"], "rtp UDP 10000-20000": ["rtp:on:udp:10000:20000>10"]}
    assert (record["model"], record["firmware"]) == ("E5350", "1.0.03")


def test_what_was_changed_on_the_page_by_others_stays(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("linksys", "gateway-on")
    ask("sip_alg", device, report_dir=str(tmp_path), state="disabled")
    assert (device.live["nf_alg_sip"], device.live["upnpEnabled"], device.live["upnp_internet_dis"]) == ("0", "1", "0")
    device.change(lambda live: live.update(upnpEnabled="0", upnp_internet_dis="1"))
    undone = ask("undo", device, report_dir=str(tmp_path))
    assert "msg" not in undone, undone["msg"]
    assert (device.live["nf_alg_sip"], device.live["upnpEnabled"], device.live["upnp_internet_dis"]) == ("1", "0", "1")
    settled(device)


@pytest.mark.parametrize("kind", ["cut", "cut_after", "http500", "ignore_writes"])
def test_faults_on_the_old_pages(lab: Lab, kind: str) -> None:
    for step in range(1, 16):
        fault = {"http500": "http500:/apply.cgi", "ignore_writes": "ignore_writes"}.get(kind, f"{kind}:{step}")
        device = lab.add("linksys", "gateway-on", faults=[fault])
        before = device.running()
        answer = ask("sip_alg", device, state="disabled", timeout=2.0)
        if kind in ("cut", "cut_after") and not answer.get("failed"):
            assert device.live["nf_alg_sip"] == "0"
            return
        assert answer["failed"]
        assert device.running() == before or "MAY STILL BE ON THE DEVICE" in answer["msg"]
        settled(device)
        if kind not in ("cut", "cut_after"):
            return


def test_it_waits_for_a_restart(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("linksys", "restart")
    monkeypatch.setitem(door.WAITS, "DeviceRestart", (0.0, 0.05, 0.1))
    answer = ask("sip_alg", device, state="disabled")
    assert "did not come back within" in answer["msg"]


def test_a_lie_about_the_switch_is_noticed(lab: Lab) -> None:
    device = lab.add("linksys", "velop", faults=["ignore:/JNAP"])
    before = device.running()
    answer = ask("sip_alg", device, state="disabled")
    assert "reading again does not show the change" in answer["msg"]
    assert device.running() == before


def test_old_firmware_is_changed_only_when_that_is_allowed(lab: Lab) -> None:
    device = lab.add("linksys", "cisco-prefix")
    refused_answer = ask("sip_alg", device, state="disabled")
    assert "labelled 'inferred'" in refused_answer["msg"]
    assert lines(device) == []
    made = ask("sip_alg", device, state="disabled", allow_unproven=True)
    assert made["verdict"] == "disabled"


def test_it_is_seen_without_a_login(lab: Lab) -> None:
    from tests.lab import linksys_pages

    login = linksys_pages.login_page(lab.add("linksys", "gateway-on"), "0").encode()

    def sight(status: int, headers: dict[str, str], body: bytes = b"") -> Any:
        return door.sniff(lambda line, **more: Reply(status, headers, body))

    assert sight(200, {}, login).model == "E5350"
    assert sight(401, {"www-authenticate": 'Basic realm="Linksys E1200"'}).model == "E1200"
    assert sight(401, {"www-authenticate": 'Basic realm="router"'}) is None
    assert sight(200, {}, b"<html>Log in</html>") is None
    about = (
        b'{"result": "OK", "output": {"manufacturer": "Linksys", "modelNumber": "WHW03", "firmwareVersion": "2.1.20"}}'
    )
    assert sight(200, {}, about) == Sighting("WHW03", "2.1.20")
    assert sight(200, {}, about.replace(b'"Linksys"', b'"Belkin"')) is None
    assert sight(200, {}, b'{"result": "OK", "output": ["Linksys"]}') is None
    assert door.sniff(lambda line, **more: None) is None
    front = Reply(200, {}, b"<html></html>")
    assert door.sniff(lambda line, **more: front if line == "GET /" else None) is None
