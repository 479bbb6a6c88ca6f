# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PBX behind a SonicWall: from factory to fit in one login, and back byte for byte, whatever comes in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from tests.lab import SECRETS, Lab
from tests.unit.conftest import lines, web_params

SITE: dict[str, Any] = {
    "pbx": "192.168.10.20", "sources": ["203.0.113.0/24", "198.51.100.128/25"], "minimum": 120, "recommended": 120,
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
}  # fmt: skip


def ask(module: str, device: Any, check: bool = False, **more: Any) -> dict[str, Any]:
    return doors.answer(module, {**web_params(device), **SITE, **more}, check=check)


FIT = (
    "factory", "already-right", "rule-based-idle", "timers-differ", "sip-null", "auto-lan-wan", "digest-only", "auto-commit",
    "dmz", "auto-shown", "no-export", "restart",
)  # fmt: skip


@pytest.mark.parametrize("variant", FIT)
def test_from_factory_to_fit_in_one_login_and_back(lab: Lab, tmp_path: Path, variant: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    before = device.snapshot()
    folder = str(tmp_path)
    predicted = ask("baseline", device, check=True, report_dir=folder)
    assert device.journal == []
    made = ask("baseline", device, report_dir=folder)
    assert "msg" not in made, made["msg"]
    assert device.login_attempts == 2
    assert made["compliance"] == "compliant"
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert predicted["commands"] == made["commands"]
    assert predicted["after"] == made["after"]
    assert [line.partition(" {")[0] for line in lines(device)] == [c.partition(" {")[0] for c in made["commands"]]
    assert "FORWARD-TOO-OPEN" not in [f["id"] for f in made["record"]["findings"]]
    written = lines(device)
    again = ask("baseline", device, report_dir=folder)
    assert not again["changed"]
    assert lines(device) == written
    text = Path(made["backup"]).with_suffix(".cfg")
    assert text.exists() == (variant != "no-export")
    undone = ask("undo", device, report_dir=folder)
    assert "msg" not in undone, undone["msg"]
    assert device.snapshot() == before
    assert not device.pending()
    assert device.open_sessions == 0
    answers = [predicted, made, again, undone, json.loads(Path(made["backup"]).read_text())]
    assert not [s for s in SECRETS if s in json.dumps(answers)]


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("foreign-rule-5060", "'Old PBX nat UDP 5060-5061' already sends UDP 5060-5061 to 192.168.10.9 from any"),
        ("foreign-forward-pbx", "the access rule 'PBX in' (allow, WAN to LAN) is about the same ports"),
        ("foreign-deny", "the access rule 'No SIP' (deny, WAN to LAN) is about the same ports"),
        ("foreign-deny-broad", "the access rule 'Stealth' (discard, WAN to LAN) is about the same ports"),
        ("foreign-allow", "the access rule 'SIP in' (allow, WAN to LAN) is about the same ports"),
        ("foreign-pending", "edits of another administrator are pending"),
        ("two-wans", "set voip_edge_outside_interface"),
        ("dhcp-wan", "set voip_edge_outside_address"),
    ],
)
def test_what_is_in_the_way_is_named_before_any_write(lab: Lab, variant: str, words: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    before, pending = device.snapshot(), device.pending()
    refused = ask("baseline", device)
    assert refused["error_kind"] == "refusal"
    assert words in refused["msg"]
    assert device.journal == []
    assert (device.snapshot(), device.pending()) == (before, pending)
    assert device.open_sessions == 0


@pytest.mark.parametrize(
    ("variant", "more"),
    [
        ("two-wans", {"outside_interface": "X1"}),
        ("dhcp-wan", {"outside_address": "198.51.100.7"}),
        ("dmz", {"pbx": "192.168.20.9"}),
        ("factory", {"pbx": "10.1.2.3", "inside_interface": "LAN"}),
        ("factory", {"sources": ["203.0.113.7"], "sip_ports": [5062, 5063], "rtp_ports": "16384-16484"}),
    ],
)
def test_what_was_not_plain_is_taken_from_the_variable(lab: Lab, variant: str, more: dict[str, Any]) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    made = ask("port_forwards", device, **more)
    assert "msg" not in made, made["msg"]
    assert made["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert not ask("port_forwards", device, **more)["changed"]


@pytest.mark.parametrize(
    ("variant", "faults", "words"),
    [
        ("full-table", [], "E_TABLE_FULL"),
        ("factory", ["commit_refused"], "MAY STILL BE|nothing of this run is left"),
        ("foreign-lock", [], "voip_edge_take_over"),
        ("auto-last", [], "from nobody, expected was on"),
        ("factory", ["ignore:POST /nat-policies"], "is gone, expected was on"),
        ("factory", ["ignore_writes"], "reading again does not show the change"),
    ],
)
def test_what_the_device_does_not_take_is_undone(lab: Lab, variant: str, faults: list[str], words: str) -> None:
    device = lab.add("sonicwall_sonicos", variant, faults=faults)
    before = device.snapshot()
    made = ask("baseline", device)
    assert made["failed"]
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(made["msg"])
    assert device.snapshot() == before
    assert device.open_sessions == 0


@pytest.mark.parametrize("kind", ["cut", "cut_after"])
def test_the_connection_is_cut_at_every_request(lab: Lab, tmp_path: Path, kind: str) -> None:
    for step in range(1, 80):
        device = lab.add("sonicwall_sonicos", "factory", faults=[f"{kind}:{step}"])
        before, folder = device.snapshot(), str(tmp_path / str(step))
        made = ask("baseline", device, report_dir=folder)
        if not made.get("failed"):
            assert made["compliance"] == "compliant"
            if device.door.since_login < step:
                assert step > 30
                return
            continue
        assert not device.displaced
        if device.snapshot() != before:
            assert "MAY STILL BE ON THE DEVICE" in made["msg"], made["msg"]
            device.faults.clear(kind)
            undone = ask("undo", device, report_dir=folder)
            assert "msg" not in undone, undone["msg"]
            assert device.snapshot() == before
        assert not device.pending() or "MAY STILL BE" in made["msg"], made["msg"]


def test_absent_takes_away_exactly_ours_and_another_wish_replaces_them(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "already-right")
    before = device.snapshot()
    assert ask("port_forwards", device)["changed"]
    other = ask("port_forwards", device, pbx="192.168.10.21", sources=["203.0.113.0/24"], rtp_ports="16384-16484")
    assert "msg" not in other, other["msg"]
    assert other["record"]["aspects"]["port_forwards"]["verdict"] == "present"
    assert "192.168.10.20" not in device.running()
    gone = ask("port_forwards", device, pbx=None, state="absent")
    assert gone["changed"]
    assert device.snapshot() == before
    assert not ask("port_forwards", device, pbx=None, state="absent")["changed"]


def test_everybody_only_by_the_word_and_as_a_finding(lab: Lab) -> None:
    made = ask("port_forwards", lab.add("sonicwall_sonicos", "already-right"), sources=["any"])
    assert made["compliance"] == "compliant"
    assert "FORWARD-TOO-OPEN" in [f["id"] for f in made["record"]["findings"]]


@pytest.mark.parametrize("variant", ["tz270-no-rules-api", "policy-mode"])
def test_hidden_rules_do_not_stop_the_rest(lab: Lab, variant: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    made = ask("baseline", device)
    assert "msg" not in made, made["msg"]
    assert made["changed"]
    assert made["verdict"] == "disabled"
    assert set(made["unsupported"]) == {"udp_timeout", "port_forwards"}
    assert made["record"]["aspects"]["port_forwards"]["compliance"] == "unsupported"
    assert any("UDP Connection Inactivity Timeout" in text for text in made["record"]["advice"])


def test_a_timer_above_the_minimum_stays_and_a_short_one_names_its_rule(lab: Lab) -> None:
    differ = ask("baseline", lab.add("sonicwall_sonicos", "timers-differ"), check=True)
    texts = [f["text"] for f in differ["record"]["findings"] if f["id"] == "UDP-TIMEOUT-DIFFERS"]
    assert texts
    assert "to WAN" in texts[0]
    puts = [c for c in differ["commands"] if c.startswith("PUT /access-rules")]
    assert len(puts) == 1
    assert '"timeout": 180' not in puts[0]


@pytest.mark.parametrize(
    ("variant", "sources", "too_open"),
    [("foreign-rule-5060", "any", True), ("foreign-forward-pbx", "203.0.113.0/24, 198.51.100.128/25", False)],
)
def test_forwards_that_are_there_are_judged_by_who_gets_in(
    lab: Lab, variant: str, sources: str, too_open: bool
) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    seen = ask("edge_info", device, pbx=None)
    assert ("FORWARD-TOO-OPEN" in [f["id"] for f in seen["record"]["findings"]]) is too_open
    judged = ask("edge_info", device, rtp_ports="5061-5061")
    verdict = judged["record"]["aspects"]["port_forwards"]["verdict"]
    assert verdict == ("present" if variant == "foreign-forward-pbx" else "missing")


def test_undo_needs_no_word_of_the_site(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("sonicwall_sonicos", "already-right")
    before, folder = device.snapshot(), str(tmp_path)
    assert ask("port_forwards", device, report_dir=folder, sip_ports=[5062], rtp_ports="16384-16484")["changed"]
    undone = ask("undo", device, report_dir=folder, pbx=None, sources=None)
    assert "msg" not in undone, undone["msg"]
    assert device.snapshot() == before
