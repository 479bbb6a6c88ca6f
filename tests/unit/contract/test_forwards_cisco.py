# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards on simulated Cisco routers and firewalls, from the options of a task to the running configuration and back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.options import options_of, target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.cli import CliSession
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.ssh import connect
from tests.lab import Device, Lab
from tests.unit.conftest import lines, params

PBX = "192.168.10.20"
NETS = ["203.0.113.0/24", "198.51.100.130/32"]
ALLOWED = {"save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False}
IOS: dict[str, Any] = {"pbx": PBX, "sources": ["any"], "rtp_ports": "10000-10003"}
ASA: dict[str, Any] = {"pbx": PBX, "sources": NETS}
WISHES = {"cisco_ios": IOS, "cisco_asa": ASA}

# Where forwards are made: each router with what is wrong or in place there.
MAKEABLE = [
    ("cisco_ios", "both-off"),
    ("cisco_ios", "archive"),
    ("cisco_ios", "outside-acl"),
    ("cisco_ios", "long-name"),
    ("cisco_ios", "old-12"),
    ("cisco_asa", "off"),
    ("cisco_asa", "outside-acl-deny"),
    ("cisco_asa", "no-service-policy"),
]
CASES = pytest.mark.parametrize(("platform", "variant"), MAKEABLE)


def want(
    device: Device, check: bool = False, aspects: tuple[str, ...] = ("port_forwards",), **more: Any
) -> engine.Outcome:
    """A run as the module makes it: the same options judge and change."""
    given = params(device, **{**ALLOWED, **WISHES[device.platform], **more})
    return engine.run(target_of(given), options_of(given, aspects), check)


def remove(device: Device, check: bool = False, **more: Any) -> engine.Outcome:
    return want(device, check, state="absent", sources=None, **more)


def send(device: Device, script: Any, platform: Any) -> None:
    """The lines of an undo as a person would type them."""
    target = target_of(params(device))
    session = CliSession(connect(target.login), platform.dialect, 5.0)
    session.greet()
    session.prepare(target.become_password)
    session.may_write = True
    for line in script:
        session.write(line)
    session.close()


def forwards_of(outcome: engine.Outcome) -> dict[tuple[str, str], str]:
    assert outcome.after is not None
    return outcome.after.states("port_forwards")


@CASES
def test_check_mode_writes_nothing_and_predicts_exactly(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    predicted = want(device, check=True)
    assert lines(device) == []
    assert device.running() == before
    made = want(device)
    assert made.error is None
    assert list(made.script) == list(predicted.script)
    assert made.script
    assert forwards_of(made) == forwards_of(predicted)
    assert made.change is not None
    assert made.change.saved
    assert device.login_attempts == 2
    verdict = made.after.aspects["port_forwards"].verdict if made.after else ""
    assert verdict == ("undetermined" if variant == "outside-acl" else "present")


@CASES
def test_a_second_run_changes_nothing(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    want(device)
    written, running = lines(device), device.running()
    again = want(device)
    assert again.error is None
    assert not again.script
    assert lines(device) == written
    assert device.running() == running


@CASES
def test_the_undo_lines_bring_the_configuration_back(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    made = want(device)
    assert device.running() != before
    send(device, made.undo, made.platform)
    assert device.running() == before


@CASES
def test_it_survives_a_restart(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    made = want(device)
    running = device.running()
    device.reboot()
    assert device.running() == running
    again = want(device, check=True)
    assert not again.script
    assert forwards_of(made) == again.before.states("port_forwards") if again.before else False


@CASES
def test_what_was_made_is_taken_away_exactly(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    want(device)
    with_forwards = device.running()
    predicted = remove(device, check=True)
    assert device.running() == with_forwards
    gone = remove(device)
    assert gone.error is None
    assert list(gone.script) == list(predicted.script)
    assert device.running() == before
    assert not remove(device).script
    send(device, gone.undo, gone.platform)
    assert device.running() == with_forwards


def test_an_asa_takes_ours_away_without_being_told_the_pbx(lab: Lab) -> None:
    device = lab.add("cisco_asa", variant="outside-acl-deny")
    before = device.running()
    want(device)
    assert remove(device, pbx=None).error is None
    assert device.running() == before


def test_ios_needs_the_pbx_to_know_ours(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="static-5060")
    outcome = remove(device, pbx=None)
    assert outcome.error is not None
    assert outcome.error.kind == "refusal"
    assert "voip_edge_pbx" in str(outcome.error)
    assert lines(device) == []


def test_a_forward_in_use_is_removed_with_its_children(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="static-5060")
    outcome = remove(device)
    assert outcome.error is None
    assert f"static udp {PBX} 5060" not in device.running()
    assert device.transcript.count("yes") == 1
    assert f"{PBX}:5060" not in [row[2] for row in device.translations]


def test_a_forward_that_is_used_already_is_undone(lab: Lab) -> None:
    """The last line fails when calls already go through the first: its removal asks, and is answered."""
    device = lab.add("cisco_ios", variant="both-off", faults=[f"reject:ip nat inside source static udp {PBX} 10003"])
    before = device.running()
    outcome = want(device)  # the lab has a live translation of the PBX's port 5060
    assert outcome.error is not None
    assert "nothing of this run is left" in str(outcome.error)
    assert device.running() == before
    assert "yes" in device.transcript


def test_everything_in_one_login(lab: Lab) -> None:
    for platform, variant in (("cisco_ios", "nat-default"), ("cisco_asa", "default")):
        device = lab.add(platform, variant=variant)
        outcome = want(device, aspects=("sip_alg", "udp_timeout", "port_forwards"), minimum=400, recommended=600)
        assert outcome.error is None
        assert device.login_attempts == 1
        assert outcome.after is not None
        aspects = outcome.after.aspects
        assert {a: v.compliance for a, v in aspects.items()} == dict.fromkeys(aspects, "compliant")
        order = [next(i for i, w in enumerate(lines(device)) if text in w) for text in ("sip", "timeout", " static ")]
        assert order == sorted(order)
        assert lines(device).count("write memory") == 1


def test_what_cannot_be_made_leaves_the_rest_going_on(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="nat-default")
    outcome = want(device, aspects=("sip_alg", "port_forwards"), sources=NETS, rtp_ports="10000-20000")
    assert outcome.error is None
    assert outcome.after is not None
    assert outcome.after.aspects["sip_alg"].verdict == "disabled"
    assert outcome.record["aspects"]["port_forwards"]["compliance"] == "unsupported"
    advice = " ".join(outcome.record["advice"])
    assert "10002 lines would be needed" in advice
    assert "permit udp 203.0.113.0 0.0.0.255 host 198.51.100.2 range 10000 20000" in advice
    assert "static udp" not in device.running()


@pytest.mark.parametrize(
    ("platform", "variant", "named"),
    [
        ("cisco_ios", "forwards-foreign", "static udp 192.168.10.30 5060"),
        ("cisco_ios", "sip-device", "the router itself speaks SIP"),
        ("cisco_asa", "foreign-forward", "OLD-PBX"),
        ("cisco_asa", "multi-context", "exactly one must"),
        ("cisco_asa", "pix6-fixup", "only judged"),
        ("cisco_asa", "ftd", "its manager"),
    ],
)
@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
def test_what_is_in_the_way_is_refused_before_any_write(
    lab: Lab, platform: str, variant: str, named: str, check: bool
) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    outcome = want(device, check)
    assert outcome.error is not None
    assert outcome.error.kind == "refusal"
    assert named in str(outcome.error)
    assert lines(device) == []
    assert device.running() == before


def test_a_deny_that_stands_before_is_refused(lab: Lab) -> None:
    device = lab.add("cisco_asa", variant="outside-acl-deny")
    device.change("access-list outside_in line 1 extended deny ip 203.0.113.0 255.255.255.128 any")
    before = device.running()
    outcome = want(device)
    assert "203.0.113.0 255.255.255.128" in str(outcome.error)
    assert device.running() == before


def test_one_context_of_several(lab: Lab) -> None:
    device = lab.add("cisco_asa", variant="multi-context")
    for context in ("admin", "cust2"):
        tree = device.trees[context]
        for block in tree.starting("interface"):
            for line in block.children:
                line.text = line.text.replace("192.168.10.1", "192.168.77.1")
    others = device.running("admin") + device.running("cust2")
    before = device.running("cust1")
    made = want(device)
    assert made.error is None
    assert "voip-edge-rtp" in device.running("cust1")
    assert device.running("admin") + device.running("cust2") == others
    device.reboot()
    assert not want(device).script
    assert remove(device).error is None
    assert device.running("cust1") == before


FOREIGN = (
    ("cisco_ios", "forwards-foreign", {"sip_ports": [5062]}, "192.168.10.3"),
    ("cisco_asa", "foreign-forward", {"sip_ports": [5062]}, "OLD-PBX"),
    ("cisco_asa", "outside-acl-deny", {}, "WEB"),
)


@pytest.mark.parametrize(("platform", "variant", "more", "word"), FOREIGN)
def test_foreign_rules_are_never_altered(
    lab: Lab, platform: str, variant: str, more: dict[str, Any], word: str
) -> None:
    device = lab.add(platform, variant=variant)

    def foreign() -> list[str]:
        return [
            line for line in device.running().split("\n") if word in line or ("outside_in " in line and PBX not in line)
        ]

    def theirs() -> list[str]:
        return [line for line in foreign() if "voip-edge" not in line]

    before = theirs()
    assert before
    assert want(device, **more).error is None
    assert theirs() == before
    assert not [line for line in lines(device) if word in line]
    assert remove(device, **more).error is None
    assert theirs() == before
    assert not [line for line in lines(device) if word in line]


# -- faults ------------------------------------------------------------------------------------------------------------

FAULTY = {"cisco_ios": "archive", "cisco_asa": "outside-acl-deny"}
FIRST = {"cisco_ios": f"ip nat inside source static udp {PBX} 5060", "cisco_asa": "object network voip-edge-pbx"}
LAST = {"cisco_ios": f"ip nat inside source static udp {PBX} 10003", "cisco_asa": "access-list outside_in line 6"}
MIDDLE = {"cisco_ios": f"ip nat inside source static udp {PBX} 10001", "cisco_asa": "nat (inside,outside)"}


def undone_or_named(device: Device, outcome: engine.Outcome, before: str) -> None:
    assert outcome.error is not None
    if device.running() != before:
        assert "MAY STILL BE ON THE DEVICE" in str(outcome.error) or "not saved" in str(outcome.error)


@pytest.mark.parametrize("platform", sorted(WISHES))
@pytest.mark.parametrize("step", range(1, 45))
def test_the_line_is_cut_at_every_step(lab: Lab, platform: str, step: int) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=[f"cut:{step}"])
    before = device.running()
    outcome = want(device, timeout=8.0)
    if outcome.error is None:
        assert outcome.after is not None
        assert outcome.after.aspects["port_forwards"].verdict == "present"
        return
    assert outcome.error.kind == "connection_lost"
    undone_or_named(device, outcome, before)


@pytest.mark.parametrize("platform", sorted(WISHES))
@pytest.mark.parametrize("where", [FIRST, MIDDLE, LAST], ids=["first", "middle", "last"])
@pytest.mark.parametrize("fault", ["reject", "ignore", "hang"])
def test_faults_while_writing_are_undone_or_named(lab: Lab, platform: str, where: dict[str, str], fault: str) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=[f"{fault}:{where[platform]}"])
    before = device.running()
    outcome = want(device, timeout=0.7)
    undone_or_named(device, outcome, before)
    if fault != "hang":
        assert device.running() == before
        assert "nothing of this run is left" in str(outcome.error)


@pytest.mark.parametrize("platform", sorted(WISHES))
@pytest.mark.parametrize("fault", ["ignore_writes", "save_fails", "read_only"])
def test_devices_that_do_not_take_it(lab: Lab, platform: str, fault: str) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=[fault])
    before = device.running()
    outcome = want(device)
    if fault == "save_fails":
        assert outcome.change is not None
        assert not outcome.change.saved
        return
    assert outcome.error is not None
    assert device.running() == before


@pytest.mark.parametrize(
    "kept", ["no object service voip-edge-rtp", "no object network", "no access-list voip-edge-in"]
)
def test_an_undo_that_leaves_something_says_so(lab: Lab, kept: str) -> None:
    device = lab.add("cisco_asa", variant="off", faults=["reject:access-group voip-edge-in", f"ignore:{kept}"])
    outcome = want(device)
    assert "MAY STILL BE ON THE DEVICE" in str(outcome.error)
    device.faults.clear()
    assert remove(device).error is None
    assert "voip-edge" not in device.running()


@pytest.mark.parametrize(("fault", "variant"), [("reject", "outside-acl-deny"), ("ignore", "off")])
def test_a_removal_that_fails_is_undone(lab: Lab, fault: str, variant: str) -> None:
    device = lab.add("cisco_asa", variant=variant)
    want(device)
    before = device.running()
    device.faults.add(f"{fault}:no nat (inside,outside) source static voip-edge-pbx interface service voip-edge-rtp")
    outcome = remove(device)
    assert outcome.error is not None
    assert "nothing of this run is left" in str(outcome.error)
    assert device.running() == before
