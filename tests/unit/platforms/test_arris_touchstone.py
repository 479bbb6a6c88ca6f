# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARRIS Touchstone: which way round each value is, what is not believed, and how the gateway's moods are met."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import LoginRefused
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _arris_door as door
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import arris_touchstone
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import Sighting
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpSession, Reply
from tests.lab import Lab
from tests.lab.arris_touchstone import ALGS, SERVERS
from tests.unit.conftest import lines, web_params
from tests.unit.contract import web_arris
from tests.unit.contract.test_web import ask, settled, word

ALLOWED, TO_PBX = web_arris.ALLOWED, web_arris.TO_PBX
PLATFORM = arris_touchstone.PLATFORM


def arris(lab: Lab, variant: str, *faults: str) -> Any:
    return lab.add("arris_touchstone", variant, faults=faults)


def judged(algs: str, modes: str = '{"1":"Finish"}', model: str = "DG1670A", level: str = "1", wall: str = "1") -> Any:
    """The assessment of what a gateway answers to the two walks that decide."""
    singles = {door.FIRMWARE: "9.1", door.LEVEL: level, door.WALL: wall, door.SERVERS_ON: "1"}
    replies = {
        "identity": json.dumps({"family": "S", "model": model}),
        **{name: json.dumps({name: value}) for name, value in singles.items()},
        **dict.fromkeys((door.LOCKS, door.SERVERS), '{"1":"Finish"}'),
        door.ALGS: algs,
        door.MODES: modes,
    }
    return PLATFORM.judge(PLATFORM.parse(replies), DEFAULT)


def verdict(*given: Any, **more: Any) -> str:
    return str(judged(*given, **more).aspects["sip_alg"].verdict)


def walk(**values: str) -> str:
    return json.dumps({**{f"{door.ALGS}.{lan[1:]}": value for lan, value in values.items()}, "1": "Finish"})


@given(st.binary(min_size=2, max_size=4))
def test_the_bit_of_sip_and_no_other_decides(octets: bytes) -> None:
    value = f"${octets.hex().upper()}"
    wanted = "active" if octets[1] & 0x10 else "disabled"
    assert verdict(walk(l200=value)) == wanted
    flipped = door.turned_to(value, wanted == "disabled")
    assert verdict(walk(l200=flipped)) == ("disabled" if wanted == "active" else "active")
    assert len(flipped) == len(value)
    assert int(flipped[1:], 16) ^ int(value[1:], 16) == 0x10 << 8 * (len(octets) - 2)
    assert door.turned_to(flipped, wanted == "active") == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "$",
        "$60",
        "$60E",
        "$60E7C00112",
        "60E7C0",
        "$60E7CG",
        "0x60",
        "60 E",
        "6",
        "60E7",
        "disabled",
        "0",
        "No Such",
    ],
)
def test_a_value_in_doubt_is_not_off(value: str) -> None:
    assert verdict(walk(l200="$60E7C0", l201=value)) in (
        "undetermined",
        "disabled" if value == "No Such" else "undetermined",
    )
    assert verdict(walk(l200="$60F7C0", l201=value)) == "active"


@pytest.mark.parametrize(
    "answer",
    [
        "", "[]", "null", '"text"', "{", "<html>Please log in</html>", "401 HTTP 401", "500 HTTP 500", '{"1":1}',
        json.dumps({f"{door.ALGS}.200": "$60E7C0"}), json.dumps({"1": "Finish", f"{door.ALGS}.200": 7}),
    ],
)  # fmt: skip
def test_what_is_no_whole_walk_says_nothing(answer: str) -> None:
    assert verdict(answer) == "undetermined"
    # without the modes a missing switch may be one of a bridge
    assert verdict('{"1":"Finish"}', answer) == "undetermined"


def test_every_cut_of_a_walk_says_nothing() -> None:
    whole = walk(l200="$60E7C0")
    assert {verdict(whole[:end]) for end in range(len(whole))} == {"undetermined"}


def modes(**values: str) -> str:
    return walk(**values).replace(door.ALGS, door.MODES)


def test_bridged_and_routed() -> None:
    on, off = "$60F7C0", "$60E7C0"
    assert verdict(walk(l200=on), modes(l200="1")) == "not_applicable"
    assert verdict(walk(l200=on), modes(l200="2")) == "active"
    assert verdict(walk(l200=on, l201=off), modes(l200="1", l201="2")) == "disabled"
    assert verdict(walk(l200=off, l201=on), modes(l200="1", l201="2")) == "active"
    assert verdict(walk(), modes(l200="1")) == "not_applicable"
    assert verdict(walk(), modes(l200="2")) == "cannot_disable"
    assert verdict(walk(l200=off), modes(l200="2"), model="DG860A") == "cannot_disable"
    assert verdict(walk(l200=off), modes(l200="1"), model="DG860A") == "not_applicable"


def test_the_firewall_level() -> None:
    off = walk(l200="$60E7C0")
    found = {level: verdict(off, level=level) for level in "1234"}
    assert found == {"1": "disabled", "2": "disabled", "3": "blocking", "4": "disabled"}
    assert verdict(off, level="3", wall="2") == "disabled"
    assert verdict(off, level="No Such Object") == "undetermined"


def test_the_timer_that_stays_is_always_named() -> None:
    for value in ("$60F7C0", "$60E7C0"):
        found = judged(walk(l200=value))
        assert "UDP-TIMER-RESIDUAL" in [f.id for f in found.findings]
        assert found.aspects["udp_timeout"].verdict == "undetermined"
        assert any("20 to 30 s" in text for text in found.advice)
    assert "UDP-TIMER-RESIDUAL" not in [f.id for f in judged(walk(l200="$60F7C0"), model="TG862G").findings]
    assert "UDP-TIMER-RESIDUAL" not in [f.id for f in judged(walk(l200="$60F7C0"), modes(l200="1")).findings]


def test_a_device_whose_firmware_is_not_shown_is_not_believed(lab: Lab) -> None:
    device = arris(lab, "off", f"lie:/snmpGet|{door.FIRMWARE}|{door.FIRMWARE}9")
    assert word(ask("edge_info", device)) == "undetermined"


# ---- the line --------------------------------------------------------------------------------------------------------


def test_only_the_bit_is_set_and_one_apply_makes_it_live(lab: Lab) -> None:
    device = arris(lab, "two-lans")
    assert word(ask("baseline", device)) == "disabled"
    assert [line.split("1.1.", maxsplit=1)[1] for line in lines(device)] == ["2.2.1.26.201=$60E7C0;4", "9.0=1;2"]
    settled(device)


def test_what_another_administrator_changed_meanwhile_stays(lab: Lab, tmp_path: Any) -> None:
    device = arris(lab, "factory")
    ask("baseline", device, report_dir=str(tmp_path))
    device.change(lambda live: live.update({f"{ALGS}.200": "$20E7C0"}))  # the ALG of FTP goes, too
    assert "msg" not in ask("undo", device, report_dir=str(tmp_path))
    assert json.loads(device.running())[f"{ALGS}.200"] == "$20F7C0"


@pytest.mark.parametrize("step", range(3, 13))
def test_a_session_that_ends_amid_the_reads_is_opened_again(lab: Lab, step: int) -> None:
    device = arris(lab, "off", f"expire:{step}")
    assert word(ask("edge_info", device)) == "disabled"
    assert device.login_attempts <= 2
    settled(device)


def test_a_session_that_never_holds_ends_in_doubt(lab: Lab) -> None:
    device = arris(lab, "off", *(f"expire:{step}" for step in range(3, 99)))
    assert word(ask("edge_info", device)) == "undetermined"
    assert device.login_attempts == 1 + door.RETRIES


def test_a_secret_that_was_refused_once_is_not_sent_again(lab: Lab) -> None:
    device = arris(lab, "factory")
    first = ask("baseline", device, check=True)
    assert first["changed"]
    device.login_attempts = 0
    device.faults.add("expire:5")
    session = HttpSession(_login(device))
    door.log_in(session, {})
    device.faults.add("refuse_login")
    device.tokens.clear()
    for _again in range(3):
        with pytest.raises(LoginRefused):
            door.send(session, f"GET {door.FIRMWARE}", True)
    assert device.login_attempts == 2
    door.log_out(session)
    session.close()


def _login(device: Any) -> Any:
    return target_of(web_params(device)).http


def test_a_login_refused_after_the_apply_is_said_and_not_repeated(lab: Lab) -> None:
    device = arris(lab, "factory")
    device.on_write.append(lambda _device, write: device.faults.add("refuse_login") if ".9.0=" in write.line else None)
    answer = ask("baseline", device)
    assert word(answer) == "login_refused"
    assert "MAY STILL BE ON THE DEVICE" in answer["msg"]
    assert device.login_attempts == 2


def test_a_busy_gateway_is_asked_again(lab: Lab) -> None:
    device = arris(lab, "off")
    session = HttpSession(_login(device))
    door.log_in(session, {})
    device.faults.add("busy")
    assert door.send(session, f"GET {door.FIRMWARE}", True).status == 200
    door.log_out(session)
    session.close()
    settled(device)


def test_an_apply_that_got_lost_is_not_taken_for_one(lab: Lab) -> None:
    """Nothing was restarted, so what was set is discarded, and nobody's next apply stores it."""
    device = arris(lab, "factory")
    before = device.running()
    last = _requests_until_apply(lab)
    device.faults.add(f"cut:{last}")
    answer = ask("baseline", device)
    assert word(answer) == "refused_command"
    assert "nothing of this run is left" in answer["msg"]
    assert (device.running(), device.pending(), device.applied) == (before, [], 0)


def test_a_set_whose_answer_got_lost_is_discarded(lab: Lab) -> None:
    device = arris(lab, "stored-reads", f"cut_after:{_requests_until_apply(lab) - 1}")
    before = device.running()
    answer = ask("baseline", device)
    assert answer["failed"]
    assert lines(device)[0].endswith("=$60E7C0;4")
    assert (device.running(), device.pending(), device.applied) == (before, [], 0)


def _requests_until_apply(lab: Lab) -> int:
    device = arris(lab, "factory")
    ask("baseline", device)
    asked = [line for line in device.transcript if not line.startswith(("GET /login", "GET /logout"))]
    return 1 + next(n for n, line in enumerate(asked) if "9.0=1" in line)


def test_a_gateway_that_does_not_come_back(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(door.WAITS, "apply", (0.01, 0.02, 0.1))
    device = arris(lab, "factory")
    device.on_write.append(lambda dev, write: setattr(dev, "down_until", 1e12) if ".9.0=" in write.line else None)
    answer = ask("baseline", device)
    assert "did not come back within" in answer["msg"]
    assert "MAY STILL BE ON THE DEVICE" in answer["msg"]


def test_no_password_goes_to_other_firmware(lab: Lab) -> None:
    for variant in ("encrypted", "php", "not-arris"):
        device = arris(lab, variant)
        ask("baseline", device)
        assert device.login_attempts == 0
        assert not [
            line for line in device.transcript if "login?" in line or "check.php" in line or line.startswith("POST")
        ]


def test_the_credential_is_in_no_answer(lab: Lab) -> None:
    device = arris(lab, "read-only")
    shown = set()
    device.on_write.append(lambda dev, _write: shown.update(dev.tokens))
    answer = ask("baseline", device)
    assert shown
    assert not [token for token in shown if token in json.dumps(answer)]


# ---- forwards --------------------------------------------------------------------------------------------------------


def rows(device: Any) -> list[str]:
    live = json.loads(device.running())
    names = {key: value for key, value in live.items() if key.startswith(f"{SERVERS}.2.")}
    return [names[key] for key in sorted(names)]


def test_ports_of_a_pbx_are_opened_and_closed_again(lab: Lab) -> None:
    device = arris(lab, "no-overlap")
    before = device.running()
    made = ask("port_forwards", device, state="present", **TO_PBX)
    assert made["changed"]
    assert rows(device) == ["web", "idle", "voip-edge-sip", "voip-edge-rtp"]
    assert "FORWARD-TOO-OPEN" in [f["id"] for f in made["record"]["findings"]]
    assert not ask("port_forwards", device, state="present", **TO_PBX)["changed"]
    gone = ask("port_forwards", device, state="absent")
    assert gone["changed"]
    assert device.running() == before
    settled(device)


@pytest.mark.parametrize(
    ("variant", "more", "words"),
    [
        ("overlap", {}, "old pbx"),
        ("servers-off", {}, "switched off as a whole"),
        ("odd-server", {}, "row 1 odd"),
        ("unfinished", {}, "could not be read whole"),
        ("pbx", {"sources": ["203.0.113.0/24"]}, "cannot be limited to the provider's networks"),
    ],
)
def test_forwards_that_are_not_made(lab: Lab, variant: str, more: dict[str, Any], words: str) -> None:
    device = arris(lab, variant)
    answer = ask("port_forwards", device, state="present", **{**TO_PBX, **more})
    assert word(answer) == "refusal"
    assert words in answer["msg"]
    assert lines(device) == []


def test_forwards_that_are_there_are_left(lab: Lab) -> None:
    device = arris(lab, "pbx-there")
    assert not ask("port_forwards", device, state="present", **TO_PBX)["changed"]
    assert not ask("port_forwards", device, state="absent")["changed"]
    assert lines(device) == []


def test_a_row_of_somebody_else_is_not_destroyed(lab: Lab) -> None:
    """Between the reading and the first set somebody took the number: our row is refused, and theirs stays."""
    device = arris(lab, "pbx")
    theirs = {
        "2": "theirs",
        "3": "80",
        "4": "80",
        "5": "1",
        "6": "1",
        "7": "$C0A80007",
        "9": "80",
        "10": "80",
        "11": "1",
    }

    def take(_device: Any, write: Any) -> None:
        if write.line.endswith(".11.1=5;2"):
            device.change(
                lambda live: live.update({f"{SERVERS}.{column}.1": value for column, value in theirs.items()})
            )

    device.on_write.append(take)
    device.faults.add("ignore:GET /snmpSet")
    answer = ask("port_forwards", device, state="present", **TO_PBX)
    assert answer["failed"]
    assert rows(device) == ["theirs"]
    assert not [line for line in lines(device) if line.endswith("=6;2")]


@pytest.mark.parametrize("order", ["5", "6"])
def test_a_row_that_is_not_ours_is_neither_made_anew_nor_destroyed(lab: Lab, order: str) -> None:
    device = arris(lab, "overlap")
    session = HttpSession(_login(device))
    door.log_in(session, {})
    session.may_write = True
    with pytest.raises(door.CommandRefused, match="is not ours; nothing was sent"):
        door.send(session, f"SET {SERVERS}.11.4={order};2", False)
    assert lines(device) == []
    door.log_out(session)
    session.close()


def test_our_half_made_row_is_destroyed(lab: Lab) -> None:
    device = arris(lab, "pbx")
    session = HttpSession(_login(device))
    door.log_in(session, {})
    session.may_write = True
    door.send(session, f"SET {SERVERS}.11.3=5;2", False)
    door.send(session, f"SET {SERVERS}.11.3=6;2", False)
    assert device.pending() == []
    door.log_out(session)
    session.close()


@pytest.mark.parametrize("line", ["SET 1.3.6.1.2.1.1.5.0=x;4", "ALG 200 ftp off", "REBOOT", f"SET {SERVERS}.2.1=x;9"])
def test_a_line_that_is_none_of_ours_is_not_sent(lab: Lab, line: str) -> None:
    device = arris(lab, "factory")
    session = HttpSession(_login(device))
    door.log_in(session, {})
    session.may_write = True
    with pytest.raises(door.CommandRefused, match="nothing was sent"):
        door.send(session, line, False)
    with pytest.raises(AssertionError):
        door.send(session, line, True)
    assert lines(device) == []
    door.log_out(session)
    session.close()


# ---- without a login -------------------------------------------------------------------------------------------------


def test_it_is_known_by_its_own_marks_alone(lab: Lab) -> None:
    found = {}
    for variant in ("factory", "encrypted", "php", "not-arris"):
        session = HttpSession(replace(_login(arris(lab, variant)), password="unused"))

        def peek(line: str, session: HttpSession = session) -> Reply:
            return session.request("GET", line.split(" ", 1)[1])

        found[variant] = PLATFORM.sniff(peek)
        session.close()
    assert found == {"factory": Sighting(), "encrypted": Sighting(), "php": None, "not-arris": None}
    assert PLATFORM.sniff(lambda line: None) is None
