# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Link: each stored value means what it means on that model, and what is not as it must be is neither judged nor posted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors, engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _dlink_doors, dlink
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import Reply
from tests.lab import SECRETS, Lab, make_device, variants
from tests.lab import dlink_pages as pages
from tests.unit.conftest import lines, web_params

FORCE = Options(allow_unproven=True)
SAFE = ("DIR-645", "DIR-815 B1", "DIR-845L", "DIR-860L", "DIR-865L", "DIR-868L")
DROPS = ("DIR-850L", "DIR-602", "DIR-616L", "DIR-860LE")
SHOWN = 'set_checked("0", get_by_id("sip"))'


def run(device: Any, options: Options | None = None, check: bool = False, **more: Any) -> engine.Outcome:
    return engine.run(target_of(web_params(device, **more)), options, check)


def verdict(outcome: engine.Outcome) -> str:
    return str(outcome.record["aspects"]["sip_alg"]["verdict"])


def replies(
    family: str, sip: str, model: str | None = "DIR-615 C1", may_change: bool = True, **more: str
) -> dict[str, str]:
    known = {"family": family, "model": model, "firmware": "1.0", "may_change": may_change}
    return {"identity": json.dumps({"dlink": known}), "sip": sip, **more}


def page_a(**settings: str) -> str:
    device = make_device("dlink", "a-factory", "x")
    device.live.update(settings)
    return pages.cameo_firewall(device)


def rows_a(*rows: str, virtual: str = "") -> str:
    device = make_device("dlink", "a-factory", "x")
    device.live.update({f"port_forward_both_{at:02}": row for at, row in enumerate(rows)}, vs_rule_00=virtual)
    return pages.cameo_forwards(device)


def module_b(**settings: str) -> str:
    device = make_device("dlink", "b-safe", "x")
    device.live.update({f"alg/{key}": value for key, value in settings.items()})
    return pages.alpha_acl(device.live, False)


def six_c(**settings: str) -> str:
    values = {
        "SPIIPv4": "false",
        "AntiSpoof": "false",
        "ALGPPTP": "true",
        "ALGIPSec": "true",
        "ALGRTSP": "true",
        **settings,
    }
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in values.items())
    result = "<GetFirewallSettingsResult>OK</GetFirewallSettingsResult>"
    return (
        f"<Envelope><Body><GetFirewallSettingsResponse>{result}{inner}</GetFirewallSettingsResponse></Body></Envelope>"
    )


def judged(given: dict[str, str]) -> str:
    return dlink.PLATFORM.judge(dlink.parse(given), DEFAULT).aspects["sip_alg"].verdict


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (replies("A", page_a(alg_sip="1")), "cannot_disable"),
        (replies("A", page_a(alg_sip="")), "cannot_disable"),
        (replies("A", page_a(alg_sip="0")), "blocking"),
        (replies("A", page_a(alg_sip="2")), "undetermined"),
        (replies("A", page_a(alg_sip="0"), "DIR-655 B1"), "blocking"),
        (replies("A", page_a(alg_sip="0").replace(SHOWN, "")), "undetermined"),
        (replies("A", page_a(alg_sip="0").replace(SHOWN, SHOWN.replace("0", "1"))), "undetermined"),
        *((replies("B", module_b(sip="1"), m), "active") for m in SAFE),
        *((replies("B", module_b(sip="0"), m), "disabled") for m in SAFE),
        *((replies("B", module_b(sip="1"), m), "cannot_disable") for m in DROPS),
        *((replies("B", module_b(sip="0"), m), "blocking") for m in DROPS),
        (replies("B", module_b(sip="1"), "DIR-826L"), "active"),
        (replies("B", module_b(sip="0"), "DIR-826L"), "undetermined"),
        (replies("B", module_b(sip="0"), "DIR-815"), "undetermined"),
        (replies("B", module_b(sip="1"), None), "active"),
        (replies("B", module_b(sip="0"), None), "undetermined"),
        (replies("B", module_b(sip=""), "DIR-645"), "undetermined"),
        (replies("C", six_c(ALGSIP="true"), "DIR-822"), "active"),
        (replies("C", six_c(ALGSIP="1"), "DIR-822"), "active"),
        (replies("C", six_c(ALGSIP="false"), "DIR-822"), "undetermined"),
        (replies("C", six_c(ALGSIP="0"), "DIR-822"), "undetermined"),
        (replies("C", six_c(ALGSIP=""), "DIR-822"), "undetermined"),
        (replies("C", six_c(ALGSIP="perhaps"), "DIR-822"), "undetermined"),
        (replies("C", six_c(), "DIR-822"), "undetermined"),
        (replies("", six_c(ALGSIP="false")), "undetermined"),
    ],
)  # fmt: skip
def test_polarity(given: dict[str, str], expected: str) -> None:
    assert judged(given) == expected


NO_VALUE = (
    "", "<html>", pages.cameo_failed(), pages.saved("The setting is saved."), "200 the login page came back: there is no session",
    "<report><result>FAILED</result><message>Not authorized</message></report>", "<postxml></postxml>", "<postxml><module>",
    pages.cameo_login(make_device("dlink", "a-captcha", "x"), True),
    "<!DOCTYPE x [<!ENTITY a 'b'>]>" + module_b(sip="0"),
)  # fmt: skip


@pytest.mark.parametrize("family", ["A", "B", "C"])
@pytest.mark.parametrize("said", NO_VALUE)
def test_another_page_is_never_a_value(family: str, said: str) -> None:
    given = replies(family, said, "DIR-868L")
    assert judged(given) == "undetermined"
    plan = dlink.plan(dlink.parse(given), FORCE)
    assert not plan.steps
    assert "sip_alg" in plan.unsupported


def test_a_document_cut_anywhere_never_says_off() -> None:
    for family, said in (("A", page_a(alg_sip="1")), ("B", module_b(sip="1")), ("C", six_c(ALGSIP="true"))):
        for at in range(0, len(said), 7):
            assert judged(replies(family, said[:at], "DIR-868L")) in ("undetermined", "active", "cannot_disable")


def controls_of(page: str) -> list[str]:
    form = page[page.index('action="apply.cgi"') :]
    return re.findall(r'<input type="?(?:hidden|text)"?[^>]*>', form)


def test_a_page_without_one_of_its_fields_is_not_posted() -> None:
    page = page_a()
    assert not dlink.parse(replies("A", page)).broken
    for control in controls_of(page):
        box = dlink.parse(replies("A", page.replace(control, "", 1)))
        assert box.broken, control
        assert not dlink.plan(box, FORCE).steps
    for name in ("udp_nat_type", "tcp_nat_type"):
        assert dlink.parse(replies("A", page.replace(f'get_by_name("{name}")', 'get_by_name("x")'))).broken


@pytest.mark.parametrize(
    "more", ['<input type="hidden" name="dscp" value="1">', '<select name="alg_mode"><option value="2"></select>']
)
def test_a_page_with_a_field_more_is_not_posted(more: str) -> None:
    box = dlink.parse(replies("A", page_a().replace("</form>", more + "</form>")))
    assert "which is not known" in box.broken
    assert not dlink.plan(box, FORCE).steps


@pytest.mark.parametrize(
    "node", ["dos", "spi", "pptp", "rtsp", "ipsec", "cone", "udp_cone", "tcp_cone", "anti_spoof", "acl"]
)
def test_a_module_without_one_of_its_nodes_is_not_posted(node: str) -> None:
    said = re.sub(rf"<{node}>.*?</{node}>", "", module_b(), flags=re.S)
    box = dlink.parse(replies("B", said, "DIR-868L"))
    assert box.broken
    assert not dlink.plan(box, Options()).steps
    more = module_b().replace("\t\t<cone>", "\t\t<fence>1</fence>\n\t\t<cone>")
    assert "'fence', which is not known" in dlink.parse(replies("B", more, "DIR-868L")).broken


@pytest.mark.parametrize("name", ["SPIIPv4", "AntiSpoof", "ALGPPTP", "ALGIPSec", "ALGRTSP"])
def test_five_elements_are_not_posted(name: str) -> None:
    said = re.sub(rf"<{name}>.*?</{name}>", "", six_c(ALGSIP="true"))
    assert not dlink.plan(dlink.parse(replies("C", said, "DIR-822")), FORCE).steps
    more = six_c(ALGSIP="true", ALGH323="true")
    assert not dlink.plan(dlink.parse(replies("C", more, "DIR-822")), FORCE).steps


def test_a_post_that_would_be_refused_in_the_plan_is_refused_at_the_door(lab: Lab) -> None:
    """A page that changed between reading and writing."""
    device = lab.add("dlink", "a-factory", faults=['lie:GET /adv_dmz.asp|name="spi_enable"|name="spi_level"'])
    outcome = run(device, FORCE)
    assert "spi_level" in str(outcome.error)
    assert lines(device) == []


# -- what is done, and what is not --------------------------------------------------------------------------------


def test_the_whole_module_is_posted_with_one_value_changed(lab: Lab) -> None:
    device = lab.add("dlink", "b-safe")
    device.change(lambda live: live.update({"cone/udp_cone": "endpoint_indep", "alg/rtsp": "0", "dos/enable": "1"}))
    before = dict(device.live)
    outcome = run(device, Options())
    assert outcome.error is None
    assert (verdict(outcome), device.sip) == ("disabled", "untouched")
    assert device.live == {**before, "alg/sip": "0"} == device.stored
    assert [step["do"] for step in outcome.record["done"]] == ['SET ACL alg/sip "1" -> "0"']
    assert any("let a phone register over UDP 5060" in text for text in outcome.record["advice"])


@pytest.mark.parametrize("variant", ["a-factory", "a-other", "b-trap", "b-unread", "b-815", "c-factory"])
def test_off_is_not_made_where_it_may_stop_the_phones(lab: Lab, variant: str) -> None:
    device = lab.add("dlink", variant)
    outcome = run(device, Options())
    assert "is not changed" in str(outcome.error)
    assert lines(device) == []
    assert device.sip == "rewritten"
    assert any("UDP 5060" in text for text in outcome.record["advice"])


@pytest.mark.parametrize(
    ("variant", "found", "words"),
    [
        ("a-factory", "blocking", "SIP over UDP 5060 is now blocked by this router"),
        ("b-trap", "blocking", "SIP over UDP 5060 is now blocked by this router"),
        ("b-unread", "undetermined", "not proven: this model may drop UDP 5060 now"),
        ("c-factory", "undetermined", "not proven: this model may drop UDP 5060 now"),
        ("c-numbers", "undetermined", "not proven: this model may drop UDP 5060 now"),
    ],
)
def test_who_insists_gets_it_and_is_told(lab: Lab, variant: str, found: str, words: str) -> None:
    device = lab.add("dlink", variant)
    before = dict(device.live)
    outcome = run(device, FORCE)
    assert outcome.error is None
    assert verdict(outcome) == found
    assert device.sip != "rewritten"
    assert any(words in text for text in outcome.record["advice"])
    assert {key for key in before if before[key] != device.live[key]} <= {"alg_sip", "alg/sip", "ALGSIP"}
    assert outcome.record["compliance"] != "compliant"


@pytest.mark.parametrize("variant", ["a-blocked", "b-blocked"])
def test_a_blocked_router_is_left_and_can_be_opened_again(lab: Lab, variant: str) -> None:
    device = lab.add("dlink", variant)
    outcome = run(device, FORCE)
    assert (verdict(outcome), lines(device)) == ("blocking", [])
    assert {f["id"] for f in outcome.record["findings"]} >= {"SIPALG-BLOCKING"}
    assert any("'SIP' must stay ticked" in text and "The usual recipe" in text for text in outcome.record["advice"])
    opened = run(device, Options(state="enabled"))
    assert (opened.error, verdict(opened), device.sip) == (None, "cannot_disable", "rewritten")


def test_the_timer_is_fixed_and_the_advice_says_how_to_live_with_it(lab: Lab) -> None:
    wanted = Options(state=None, timeout=Wanted(90, 120))
    for variant, verdict_of_timer in (("a-factory", "low"), ("b-safe", "low"), ("c-factory", "undetermined")):
        device = lab.add("dlink", variant)
        outcome = run(device, wanted, minimum=90)
        assert "keep-alive every 30 s" in str(outcome.error)
        assert outcome.record["aspects"]["udp_timeout"]["verdict"] == verdict_of_timer
        assert lines(device) == []


def test_an_account_that_may_only_look_writes_nothing(lab: Lab) -> None:
    device = lab.add("dlink", "b-user")
    outcome = run(device, Options())
    assert "may look and not change" in str(outcome.error)
    assert lines(device) == []
    for variant in ("a-factory", "b-safe", "c-factory"):
        sly = lab.add("dlink", variant, faults=["read_only"])
        before = sly.running()
        refused = run(sly, FORCE)
        assert refused.error is not None
        assert sly.running() == before


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
@pytest.mark.parametrize("variant", ["a-factory", "b-trap", "b-645", "c-factory"])
def test_a_line_cut_at_any_request_is_never_called_done(lab: Lab, tmp_path: Path, variant: str, kind: str) -> None:
    for step in range(1, 30):
        device = lab.add("dlink", variant, faults=[f"{kind}:{step}"])
        before, folder = device.running(), str(tmp_path / str(step))
        given = {**web_params(device), "save": True, "revert_timer": 5, "allow_unproven": True, "report_dir": folder}
        answer = doors.answer("sip_alg", {**given, "state": "disabled"}, check=False)
        assert device.open_sessions == 0
        if "msg" not in answer:
            if device.door.since_login < step:
                return
            continue
        if device.running() != before:
            assert "MAY STILL BE ON THE DEVICE" in answer["msg"]
            device.faults.clear(kind)
            assert "msg" not in doors.answer("undo", given, check=False)
            assert device.running() == before


# -- forwards -----------------------------------------------------------------------------------------------------


def forward(lab: Lab, variant: str, check: bool = False, **more: Any) -> tuple[Any, dict[str, Any]]:
    device = lab.add("dlink", variant)
    wanted = {"save": True, "revert_timer": 5, "pbx": "192.168.0.10", "sources": ["any"], **more}
    return device, doors.answer("port_forwards", {**web_params(device), **wanted}, check=check)


def test_family_a_gets_one_row_and_loses_it_again(lab: Lab, tmp_path: Any) -> None:
    device, made = forward(lab, "a-factory", report_dir=str(tmp_path))
    assert made["changed"], made.get("msg")
    assert device.live["port_forward_both_00"] == "1/voip-edge/192.168.0.10/0/5060,10000-20000/Always/Allow_All"
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    given = {**web_params(device), "save": True, "revert_timer": 5, "pbx": "192.168.0.10", "sources": ["any"]}
    assert not doors.answer("port_forwards", given, check=False)["changed"]
    gone = doors.answer("port_forwards", {**given, "state": "absent"}, check=False)
    assert gone["changed"], gone.get("msg")
    assert device.live["port_forward_both_00"] == pages.FREE_ROW


def test_a_row_that_somebody_else_took_meanwhile_is_left(lab: Lab, tmp_path: Any) -> None:
    device, made = forward(lab, "a-factory", report_dir=str(tmp_path))
    assert made["changed"]
    device.change(lambda live: live.update(port_forward_both_00="1/Cam/192.168.0.7/80/0/Always/Allow_All"))
    given = {**web_params(device), "save": True, "revert_timer": 5, "report_dir": str(tmp_path)}
    undone = doors.answer("undo", given, check=False)
    assert "somebody else changed it" in undone["msg"]
    assert device.live["port_forward_both_00"].startswith("1/Cam/")


@pytest.mark.parametrize(
    ("variant", "more", "words"),
    [
        ("a-factory", {"sources": ["203.0.113.0/24"]}, "unless an inbound filter is chosen"),
        ("a-forward", {}, "already sends UDP 5060 to 192.168.0.9"),
        ("a-virtual", {}, "already sends UDP 5060 to 192.168.0.9"),
        ("a-full", {}, "all 24 rules are in use"),
        ("b-safe", {}, "is not proven"),
        ("c-factory", {}, "virtual servers of this firmware cannot be seen"),
        ("json", {}, "this firmware is not known"),
    ],
)
def test_forwards_that_are_not_made_say_why(lab: Lab, variant: str, more: dict[str, Any], words: str) -> None:
    device, answer = forward(lab, variant, **more)
    assert words in answer["msg"]
    assert lines(device) == []


@pytest.mark.parametrize(
    ("rows", "virtual", "expected"),
    [
        (("1/a/192.168.0.9/0/5060/Always/Allow_All",), "", [("UDP 5060 to 192.168.0.9 from any", "on")]),
        (("1/a/192.168.0.9/0/5060/Always/Deny_All",), "", [("UDP 5060 to 192.168.0.9 from nobody", "off")]),
        (("1/a/192.168.0.9/0/5060/Never/Allow_All",), "", [("UDP 5060 to 192.168.0.9 from nobody", "off")]),
        (("1/a/192.168.0.9/0/5060/Always/provider",), "", [("UDP 5060 to 192.168.0.9 from not known", "on")]),
        (("0/a/192.168.0.9/0/5060/Always/Allow_All",), "", []),
        (("1/a/192.168.0.9/5060/0/Always/Allow_All",), "", []),
        ((), "1/a/17/5060/5080/192.168.0.9/Always/Allow_All", [("UDP 5060 to 192.168.0.9 port 5080 from any", "on")]),
        ((), "1/a/256/5060/5060/192.168.0.9/Always/Allow_All", [("UDP 5060 to 192.168.0.9 from any", "on")]),
        ((), "1/a/6/5060/5060/192.168.0.9/Always/Allow_All", []),
    ],
)
def test_rows_of_family_a(rows: tuple[str, ...], virtual: str, expected: list[tuple[str, str]]) -> None:
    box = dlink.parse(replies("A", page_a(), forwards=rows_a(*rows, virtual=virtual)))
    found = dlink.assess(box, DEFAULT).aspects["port_forwards"].mechanisms
    assert [(m.value, m.state) for m in found] == expected
    assert box.forwards_known


def test_a_row_that_cannot_be_read_leaves_it_open() -> None:
    for rows in (("1/a/192.168.0.9/0/odd/Always/Allow_All",), ("1/a/b/192.168.0.9/0/5060/Always/Allow_All",)):
        assert not dlink.parse(replies("A", page_a(), forwards=rows_a(*rows))).forwards_known
    page = rows_a().replace('name="port_forward_both_07"', 'name="other"')
    assert not dlink.parse(replies("A", page_a(), forwards=page)).forwards_known
    used = rows_a().replace('name="application_03" value=""', 'name="application_03" value="1/game/0/UDP/UDP/5060"')
    assert "application rules" in dlink.parse(replies("A", page_a(), forwards=used)).rows_broken


# -- who gets in --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "attempts", "words"),
    [
        ("a-captcha", 0, "characters of a picture"),
        ("b-captcha", 1, "characters of a picture"),
        ("a-occupied", 0, "somebody is logged in"),
    ],
)
def test_who_is_not_let_in_says_why(lab: Lab, variant: str, attempts: int, words: str) -> None:
    device = lab.add("dlink", variant)
    outcome = run(device)
    assert words in str(outcome.error)
    assert device.login_attempts == attempts
    assert "aspects" not in outcome.record or not outcome.record["aspects"]


@pytest.mark.parametrize("variant", ["a-factory", "b-safe", "b-645", "c-factory"])
def test_a_wrong_password_is_tried_once(lab: Lab, variant: str) -> None:
    device = lab.add("dlink", variant)
    outcome = run(device, password="something else")
    assert "one attempt was made" in str(outcome.error)
    assert device.login_attempts == 1
    assert device.open_sessions == 0


def test_somebody_at_the_same_address_is_only_displaced_when_asked(lab: Lab) -> None:
    device = lab.add("dlink", "a-occupied")
    run(device)
    assert device.people == {"127.0.0.1": "somebody else"}
    assert run(device, take_over=True).error is None
    assert device.people == {}


@pytest.mark.parametrize("variant", ["b0-old", "json"])
def test_a_family_that_is_not_known_is_neither_entered_nor_read(lab: Lab, variant: str) -> None:
    device = lab.add("dlink", variant)
    outcome = run(device)
    assert outcome.error is None
    assert verdict(outcome) == "undetermined"
    assert device.login_attempts == 0
    assert device.transcript == ["GET /", "GET /HNAP1/", "POST /getcfg.php"]
    assert outcome.record["model"] == device.variant.model


def test_no_password_goes_to_a_device_that_is_none(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory")
    outcome = run(device, platform="dlink")
    assert "no password was sent" in str(outcome.error)
    assert device.login_attempts == 0
    assert lines(device) == []


@pytest.mark.parametrize("variant", ["a-factory", "b-safe", "b-645"])
@pytest.mark.parametrize("options", [None, FORCE])
def test_it_logs_out_also_where_something_fails(lab: Lab, variant: str, options: Options | None) -> None:
    for fault in ("", "http500:/adv_dmz.asp", "http500:/getcfg.php", "garble:/apply.cgi", "garble:/hedwig.cgi"):
        device = lab.add("dlink", variant, faults=[fault] if fault else [])
        run(device, options)
        assert device.open_sessions == 0, fault


def test_no_secret_is_told(lab: Lab) -> None:
    for variant in ("a-factory", "b-safe", "b-645", "c-factory", "b-failed", "a-captcha"):
        outcome = run(lab.add("dlink", variant), FORCE)
        told = json.dumps(outcome.record) + str(outcome.error) + repr(outcome.plan)
        assert not [secret for secret in SECRETS if secret in told]


@pytest.mark.parametrize("variant", list(variants("dlink")))
def test_an_audit_sends_what_the_security_guide_says(lab: Lab, variant: str) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "docsite" / "rst" / "guide_security.rst").read_text(encoding="utf-8")
    row = re.search(r"^  \* - ``dlink``\n    - (.+)$", guide, re.M)
    assert row is not None
    listed = set(re.findall(r"``((?:GET|POST) [^`]+)``", row.group(1)))
    entry = ("/login.cgi", "/logout.cgi", "/session.cgi", "/authentication.cgi", "/authentication_logout.cgi")
    device = lab.add("dlink", variant)
    run(device)
    sent = {line.partition("?")[0] for line in device.transcript}
    assert {line for line in sent if line.split(" ")[1] not in entry} <= listed


# -- marks --------------------------------------------------------------------------------------------------------


def peek_of(device: Any) -> Any:
    from tests.lab.http_server import Request

    def peek(line: str) -> Reply | None:
        method, path = line.split(" ", 1)
        answer = device.door.answer(Request(method, path))
        headers = {name.lower(): value for name, value in [("server", device.door.server), *answer.headers]}
        return Reply(answer.status, headers, answer.body)

    return peek


@pytest.mark.parametrize(
    ("variant", "model", "firmware"),
    [
        ("a-factory", "DIR-615 C1", "3.13"),
        ("b-safe", "DIR-868L", "1.10"),
        ("b-trap", "DIR-850L", "1.10"),
        ("c-factory", "DIR-822", "1.03"),
        ("b0-old", "DIR-600", "2.05"),
        ("json", "DIR-846", "1.00"),
    ],
)
def test_known_by_its_marks(variant: str, model: str, firmware: str) -> None:
    device = make_device("dlink", variant, "x")
    sighting = dlink.sniff(peek_of(device))
    assert sighting is not None
    assert (sighting.model, sighting.firmware) == (model, firmware)
    assert {line.split()[0] for line in device.transcript} == {"GET"}


@pytest.mark.parametrize(
    "body", ["", "<html>Please log in</html>", "<html><input name='log_pass'></html>", "GetFirewallSettings"]
)
def test_others_are_not_taken_for_one(body: str) -> None:
    assert dlink.sniff(lambda line: Reply(200, {}, body.encode())) is None
    assert dlink.sniff(lambda line: None) is None


def test_marks_of_two_families_are_refused() -> None:
    both = f"<title>{pages.TITLE}LOGIN</title>"
    about = make_device("dlink", "c-factory", "x").about().body

    def peek(line: str) -> Reply:
        return Reply(200, {}, both.encode() if line == "GET /" else about)

    with pytest.raises(Exception, match="marks of two families"):
        dlink.sniff(peek)


@pytest.mark.parametrize(
    ("plain", "coded"),
    [("admin", "YWRtaW4A"), ("", ""), ("a", "YQ=="), ("ab", "YWIA"), ("abc", "YWJj"), ("abcd", "YWJjZA==")],
)
def test_the_odd_base64_of_the_login_page(plain: str, coded: str) -> None:
    assert _dlink_doors._odd_base64(plain) == coded
