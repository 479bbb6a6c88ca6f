# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs over the loopback: a reflector, a NAT with each kind of ALG in front of it, and the verdict that follows."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import verdicts
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.client import Outcome, own_nat, probe, unsettled
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import MAPPED, OWN, Change
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.control import NoReflector, open_session
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import (
    CHANGED,
    FRESH,
    IN,
    LOST,
    OUT,
    REPLY,
    SAME,
    UNKNOWN,
    UNPROVEN,
    Case,
    Path,
    Sighting,
)
from tests.lab.relay import Behaviour

Make = Callable[..., Any]


def changed(outcome: Outcome) -> set[tuple[str, str, int]]:
    """Direction, method and port of what was rewritten."""
    return {(r.direction, r.case.method, r.case.path.port) for r in outcome.verdict.rewritings}


def test_a_nat_without_an_alg_is_clean_and_takes_a_few_seconds(way: Make) -> None:
    said: list[str] = []
    began = time.monotonic()
    outcome = probe(way().options, said.append)

    assert outcome.verdict.verdict == verdicts.CLEAN
    assert time.monotonic() - began < 12
    assert outcome.facts["nat"] is True
    assert outcome.facts["loss"] == 0.0
    assert outcome.evidence.redirected is False
    assert [pinhole.opened for pinhole in outcome.evidence.pinholes] == [False, False]
    assert len(said) >= 4
    assert said[-1] == "verdict: clean"


def test_quick_is_quick_on_a_path_of_a_tenth_of_a_second(way: Make) -> None:
    options = replace(way(Behaviour(delay=0.05)).options, media_samples=48)
    began = time.monotonic()
    outcome = probe(options)

    assert outcome.verdict.verdict == verdicts.CLEAN
    assert time.monotonic() - began < 12


def test_a_path_slower_than_the_first_patience_is_waited_for(way: Make) -> None:
    options = way(Behaviour(delay=0.4)).options

    async def session_of() -> tuple[float, bool]:
        session = await open_session(options.local, options.server, options.secret)
        try:
            return session.patience, await session.alive(1)
        finally:
            session.port.close()

    assert asyncio.run(session_of()) == (2.0, True)


def test_linux_rewrites_all_of_port_5060_and_nothing_else(way: Make) -> None:
    outcome = probe(way(Behaviour(("linux",))).options)
    udp = [r for r in outcome.verdict.rewritings if r.case.path.transport == "udp"]
    found = {(r.direction, r.case.method, r.change.name): r for r in udp}

    assert outcome.verdict.verdict == verdicts.REWRITTEN
    assert {port for _direction, _method, port in changed(outcome)} == {5060}
    assert {r.case.path.transport for r in outcome.verdict.rewritings} == {"udp", "tcp"}
    assert {"", "compact", "large"} <= {r.case.variant for r in outcome.verdict.rewritings}
    via = found[OUT, "REGISTER", "via"]
    assert via.inserted == ((outcome.facts["mapped"], MAPPED),)
    assert f"UDP {outcome.facts['local']}:" in via.change.before
    assert f"UDP {outcome.facts['mapped']}:" in via.change.after
    assert found[IN, "INVITE", "start line"].inserted == ((outcome.facts["local"], OWN),)
    assert found[REPLY, "REGISTER", "via"].inserted[0][1] == OWN


def test_an_alg_on_another_port_is_found_there(way: Make) -> None:
    outcome = probe(way(Behaviour(("linux",), ports=frozenset({5080}))).options)

    assert outcome.verdict.verdict == verdicts.REWRITTEN
    assert {port for _direction, _method, port in changed(outcome)} == {5080}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("sdp_only", {(OUT, "INVITE")}),
        ("stale_length", {(OUT, "INVITE")}),
        ("register_only", {(OUT, "REGISTER")}),
        ("replies_only", {(REPLY, "REGISTER"), (REPLY, "OPTIONS"), (REPLY, "INVITE")}),
        ("inbound_invite_only", {(IN, "INVITE")}),
    ],
)
def test_an_alg_that_edits_some_messages_is_found_in_those_alone(way: Make, edit: str, expected: set[Any]) -> None:
    outcome = probe(way(Behaviour((edit,))).options)

    assert outcome.verdict.verdict == verdicts.REWRITTEN
    assert {(direction, method) for direction, method, _port in changed(outcome)} == expected


@pytest.mark.parametrize(
    ("edit", "name", "kind"),
    [
        ("header_removed", "user-agent", "removed"),
        ("header_added", "x-gateway", "added"),
        ("header_reordered", "order of headers", "reordered"),
        ("crlf_to_lf", "line ends", "changed"),
        ("blind_replace", "via", "changed"),
        ("stale_length", "content-length", "changed"),
    ],
)
def test_edits_of_every_kind_are_named(way: Make, edit: str, name: str, kind: str) -> None:
    outcome = probe(way(Behaviour((edit,))).options)

    assert outcome.verdict.verdict == verdicts.REWRITTEN
    assert (name, kind) in {(r.change.name, r.change.kind) for r in outcome.verdict.rewritings}


@pytest.mark.parametrize("edit", ["drop_invite", "drop_replies", "drop_sip", "drop_non_sip"])
def test_sip_or_all_but_sip_dropped_is_sip_aware_blocking(way: Make, edit: str) -> None:
    outcome = probe(way(Behaviour((edit,))).options)

    assert outcome.verdict.verdict == verdicts.SIP_BLOCKED
    assert outcome.verdict.rewritings == ()


def test_a_port_that_passes_nothing_is_a_blocked_port(way: Make) -> None:
    outcome = probe(way(Behaviour(("drop_all",))).options)

    assert outcome.verdict.verdict == verdicts.PORT_BLOCKED


def test_somebody_who_answers_in_place_of_the_server_is_found(way: Make) -> None:
    outcome = probe(way(Behaviour(answers=True)).options)

    assert outcome.verdict.verdict == verdicts.INTERCEPTED


def test_a_pinhole_without_a_changed_byte_is_an_alg(way: Make) -> None:
    outcome = probe(way(Behaviour(pinholes=True)).options)

    assert outcome.verdict.verdict == verdicts.PRESENT
    assert outcome.verdict.reasons == ("a media port that only SIP announced let packets in",)


def test_only_the_flow_of_an_old_port_is_stale(way: Make) -> None:
    outcome = probe(way(Behaviour(("linux",), stale=frozenset({5060}))).options)

    assert outcome.verdict.verdict == verdicts.STALE


@pytest.mark.parametrize("seed", range(3))
def test_loss_of_ten_percent_is_not_taken_for_anything_else(way: Make, seed: int) -> None:
    outcome = probe(way(Behaviour(loss=0.05, seed=seed)).options)

    assert 0 < outcome.facts["loss"] < 0.30
    assert outcome.verdict.verdict in (verdicts.CLEAN, verdicts.INCONCLUSIVE)
    assert outcome.verdict.rewritings == ()


def test_loss_does_not_hide_rewriting(way: Make) -> None:
    assert probe(way(Behaviour(("linux",), loss=0.05)).options).verdict.verdict == verdicts.REWRITTEN


def test_a_source_port_that_is_taken_is_said_and_not_clean(way: Make) -> None:
    options = way().options
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((options.local, 5060))
        outcome = probe(options)

    assert (outcome.verdict.verdict, outcome.verdict.leaning) == (verdicts.INCONCLUSIVE, verdicts.CLEAN)
    assert outcome.verdict.reasons == (verdicts.PORT_TAKEN,)
    assert any("taken on the probe's host" in line for line in outcome.verdict.not_tested)


@pytest.mark.parametrize("more", [{"reflector_proven": False}, {"own_nat": True}])
def test_without_trust_in_the_ends_nothing_is_judged(way: Make, more: dict[str, bool]) -> None:
    outcome = probe(way(Behaviour(("linux",)), **more).options)

    assert (outcome.verdict.verdict, outcome.verdict.leaning) == (verdicts.INCONCLUSIVE, verdicts.REWRITTEN)


def test_another_key_or_no_reflector_is_an_error_and_no_verdict(way: Make) -> None:
    options = way().options

    with pytest.raises(NoReflector, match="another key"):
        probe(replace(options, secret="another key of enough characters, too"))
    with pytest.raises(ValueError, match="fewer than"):
        probe(replace(options, secret="short"))


def test_the_key_is_in_no_text(way: Make) -> None:
    options = way().options

    assert options.secret not in repr(options)
    assert options.secret not in repr(probe(options))


CASE = Case("INVITE", Path("udp", FRESH, 5060))
VIA = (Change("header", "via", "changed", "a", "b"),)


@pytest.mark.parametrize(
    ("states", "again"),
    [
        ([SAME], False),
        ([SAME, LOST], False),
        ([LOST, LOST], True),
        ([LOST, LOST, LOST], False),
        ([UNKNOWN, UNKNOWN], True),
        ([SAME, CHANGED], True),
        ([CHANGED, LOST], True),
        ([CHANGED, CHANGED], False),
        ([SAME, UNPROVEN], True),
        ([UNPROVEN, UNPROVEN], False),
    ],
)
def test_what_one_more_round_may_settle_is_tried_again(states: list[str], again: bool) -> None:
    seen = [Sighting(CASE, OUT, state, VIA if state == CHANGED else ()) for state in states]

    assert unsettled(seen, 3) == ({CASE} if again else set())


def test_a_request_that_was_to_come_in_and_left_no_trace_is_asked_for_again() -> None:
    assert unsettled([Sighting(CASE, OUT, SAME)], 3, [CASE]) == {CASE}
    assert unsettled([Sighting(CASE, IN, SAME)], 3, [CASE]) == set()


def test_a_stated_nat_of_the_host_is_believed() -> None:
    assert own_nat(False) is False
    assert own_nat(True) is True
    assert own_nat(None) in (None, True)
