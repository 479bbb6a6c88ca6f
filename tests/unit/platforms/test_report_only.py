# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that are recognised and explained, and never written: Actiontec GT784, Peplink, Cisco RV."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Refusal
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import actiontec_gt784, cisco_rv, peplink
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Sighting
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpSession, Reply
from tests.lab import Lab, variants
from tests.lab.variants.actiontec_gt784 import BRIDGE, PPPOE
from tests.unit.conftest import lines, web_params
from tests.unit.contract.test_web import ask, settled, word

ALL = {"actiontec_gt784": "routed", "peplink": "balance", "cisco_rv": "rv320"}


def status_page(devinfo: str = "GT784WN|GVAA1|NCS01-1.0.13", wans: str = PPPOE) -> str:
    return f'<html><script>\nvar devinfo = "{devinfo}";\nvar wanInfNames = "{wans}";\n</script></html>'


def verdicts(platform: Any, replies: dict[str, str]) -> dict[str, str]:
    found = platform.judge(platform.parse(replies), DEFAULT).aspects
    return {name: aspect.verdict for name, aspect in found.items()}


@pytest.mark.parametrize(("platform", "variant"), ALL.items())
@pytest.mark.parametrize("module", ["sip_alg", "udp_timeout", "port_forwards", "baseline"])
def test_nothing_is_changed_and_the_refusal_says_what_to_do(lab: Lab, platform: str, variant: str, module: str) -> None:
    device = lab.add(platform, variant)
    more: dict[str, Any] = {"state": {"port_forwards": "present", "sip_alg": "disabled"}.get(module)}
    if module in ("port_forwards", "baseline"):
        more.update(pbx="192.168.1.9", sources=["203.0.113.0/24"])
    before = device.running()
    answer = ask(module, device, allow_unproven=True, take_over=True, **{k: v for k, v in more.items() if v})
    assert word(answer) == "refusal"
    assert any(place in answer["msg"] for place in (">", "bridge", "keep-alive", "Save"))
    assert (lines(device), device.running()) == ([], before)
    settled(device)


@pytest.mark.parametrize(("platform", "variant"), ALL.items())
def test_the_audit_has_the_steps_by_hand(lab: Lab, platform: str, variant: str) -> None:
    record = ask("edge_info", lab.add(platform, variant))["record"]
    assert record["advice"]
    words = {"actiontec_gt784": "Transparent Bridging", "peplink": "Compatibility Mode", "cisco_rv": "UDP timeout"}
    assert any(words[platform] in text for text in record["advice"])
    assert record["compliance"] in ("noncompliant", "undetermined")


@pytest.mark.parametrize(("platform", "variant"), ALL.items())
@pytest.mark.parametrize("line", ["GET /utilities_reboot.html", "POST /api/cmd.config.apply", "PUT /x {}", "GET", ""])
def test_no_other_line_leaves(lab: Lab, platform: str, variant: str, line: str) -> None:
    device = lab.add(platform, variant)
    target = target_of(web_params(device))
    session = HttpSession(target.http)
    session.may_write = True
    assert target.platform is not None
    assert target.platform.door is not None
    assert target.platform.door.send is not None
    identify = target.platform.identify
    for wanted, reads in ((line, True), (line, False), (identify, False)):
        with pytest.raises(Refusal, match="is not sent"):
            target.platform.door.send(session, wanted, reads)
    session.close()
    assert device.transcript == []


@pytest.mark.parametrize(("platform", "variant"), ALL.items())
@pytest.mark.parametrize("fault", ["garble:/", "http500:/", "truncate:/"])
def test_another_page_in_its_place_is_no_value(lab: Lab, platform: str, variant: str, fault: str) -> None:
    answer = ask("edge_info", lab.add(platform, variant, faults=[fault]))
    assert answer["failed"]
    assert answer["record"]["compliance"] == "undetermined"


@pytest.mark.parametrize(("platform", "variant"), [("actiontec_gt784", "routed"), ("peplink", "balance")])
def test_a_wrong_password_is_tried_once(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant, faults=["refuse_login"])
    assert word(ask("edge_info", device)) == "login_refused"
    assert device.login_attempts == 1
    settled(device)


def test_no_password_goes_to_what_shows_no_mark(lab: Lab) -> None:
    for platform, variant in (*(("cisco_rv", name) for name in variants("cisco_rv")), ("peplink", "unmarked")):
        device = lab.add(platform, variant)
        ask("edge_info", device)
        assert device.login_attempts == 0
        assert not [line for line in device.transcript if line.startswith("POST")]


# ---- Actiontec -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wans", "verdict"),
    [
        (PPPOE, "cannot_disable"), (BRIDGE, "not_applicable"), (f"{BRIDGE}|{PPPOE}", "cannot_disable"),
        (f"{BRIDGE}|{BRIDGE}|", "not_applicable"), ("a:b:c:PPPoA", "cannot_disable"), ("a:b:c:", "undetermined"),
        ("a:b:c", "undetermined"), (f"{BRIDGE}|a:b", "undetermined"), ("", "undetermined"), ("a:b:c:bridge", "cannot_disable"),
        ("Bridge", "undetermined"), ("Bridge:Bridge:Bridge:PPPoE", "cannot_disable"),
    ],
)  # fmt: skip
def test_bridged_is_what_every_connection_says(wans: str, verdict: str) -> None:
    page = {"home": status_page(wans=wans)}
    found = verdicts(actiontec_gt784.PLATFORM, page)
    assert found["sip_alg"] == verdict
    assert found["udp_timeout"] == ("not_applicable" if verdict == "not_applicable" else "undetermined")


@pytest.mark.parametrize("model", ["GT784", "GT784WNX", "GT701", "gt784wn", "", "C1000A", "FGT784WN"])
def test_the_verdict_is_for_the_exact_models(model: str) -> None:
    page = status_page(devinfo=f"{model}|1|2")
    assert not actiontec_gt784.recognise(page)
    assert verdicts(actiontec_gt784.PLATFORM, {"home": page})["sip_alg"] == "undetermined"


def test_a_page_that_is_cut_never_says_bridged() -> None:
    whole = status_page(wans=BRIDGE)
    end = whole.index('";\n</script>') + 2
    assert {verdicts(actiontec_gt784.PLATFORM, {"home": whole[:at]})["sip_alg"] for at in range(end)} == {
        "undetermined"
    }


# ---- Peplink ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["balance", "compatibility", "two-firmwares", "other-answer"])
def test_whatever_is_stored_a_peplink_says_nothing_about_sip(lab: Lab, variant: str) -> None:
    answer = ask("edge_info", lab.add("peplink", variant))
    assert word(answer) == "undetermined"
    assert answer["firmware"] == ("8.1.1 build 4990" if variant in ("balance", "compatibility") else None)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"stat":"fail","response":{"version":"8.1.1"}}', "<html>", '{"stat":"ok"}']
)
def test_a_refusal_with_status_200_is_one(text: str) -> None:
    assert not peplink.recognise(text)
    assert peplink.refusal(Reply(200, {}, text.encode())) is not None


# ---- Cisco RV --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "model"),
    [
        ("Cisco RV320", "RV320"), ("<title>RV042G</title>", "RV042G"), ("RV180W", "RV180W"), ("RV3200", None), ("XRV320", None),
        ("RV320-K9", None), ("RV320 RV320", "RV320"), ("RV320 RV345", None), ("rv320", None), ("", None),
    ],
)  # fmt: skip
def test_the_model_is_named_once(page: str, model: str | None) -> None:
    assert cisco_rv.model_of(page) == model


def test_the_timer_of_each_model() -> None:
    assert "every 24 s" in cisco_rv.SmallRouter("RV325").timer
    assert "Session Settings" in cisco_rv.SmallRouter("RV120W").timer
    assert "Session Settings" in cisco_rv.SmallRouter("RV180").timer
    assert "look for" in cisco_rv.SmallRouter("RV042").timer


# ---- without a login -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "variant", "seen"),
    [
        ("peplink", "balance", Sighting()), ("peplink", "unmarked", None), ("cisco_rv", "rv320", Sighting("RV320")),
        ("cisco_rv", "two-names", None), ("cisco_rv", "unnamed", None), ("cisco_rv", "error", None),
        ("actiontec_gt784", "routed", None),
    ],
)  # fmt: skip
def test_what_is_seen_without_a_login(lab: Lab, platform: str, variant: str, seen: Sighting | None) -> None:
    device = lab.add(platform, variant)
    target = target_of(web_params(device))
    session = HttpSession(target.http)
    assert target.platform is not None
    assert target.platform.sniff(lambda line: session.request("GET", line.split(" ", 1)[1])) == seen
    assert target.platform.sniff(lambda line: None) is None
    session.close()
    assert device.login_attempts == 0
