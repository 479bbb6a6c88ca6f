# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict says what was proven and never more: each rule with what is just enough for it, and with just less."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import chances
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import INNER, MAPPED, OWN, Addresses, Change
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import (
    CHANGED,
    FRESH,
    IN,
    LOST,
    OUT,
    REPLY,
    SAME,
    SIP_PORT,
    UNKNOWN,
    UNPROVEN,
    Case,
    Evidence,
    Interval,
    Neutral,
    Path,
    Pinhole,
    Sighting,
    grouped,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.verdicts import (
    CLEAN,
    INCONCLUSIVE,
    INTERCEPTED,
    PORT_BLOCKED,
    PORT_TAKEN,
    PRESENT,
    REWRITTEN,
    SIP_BLOCKED,
    STALE,
    WORST_FIRST,
    judge,
)

ADDRESSES = Addresses("192.168.77.10", "203.0.113.1", ("203.0.113.10",))
UDP_FRESH, UDP_SIP, TCP = Path("udp", FRESH, 5060), Path("udp", SIP_PORT, 5060), Path("tcp", FRESH, 5060)
OTHER = Path("udp", FRESH, 5080)
VIA = Change("header", "via", "changed", "Via: 192.168.77.10", "Via: 203.0.113.1", ("203.0.113.1",))


def seen(case: Case, direction: str, state: str = SAME, times: int = 3, change: Change = VIA) -> list[Sighting]:
    return [Sighting(case, direction, state, (change,) if state == CHANGED else ())] * times


def both(case: Case) -> list[Sighting]:
    return [*seen(case, OUT), *seen(case, REPLY)]


def all_clean() -> Evidence:
    cases = [
        Case(method, path) for path in (UDP_FRESH, UDP_SIP, OTHER, TCP) for method in ("REGISTER", "OPTIONS", "INVITE")
    ]
    sightings = [sighting for case in cases for sighting in both(case)]
    return Evidence(
        ADDRESSES,
        (*sightings, *seen(Case("INVITE", UDP_FRESH), IN)),
        tuple(
            [Neutral(path, 3, 3) for path in (UDP_FRESH, UDP_SIP, OTHER, TCP)]
            + [Neutral(UDP_FRESH, 3, 3, inbound=True), Neutral(UDP_FRESH, 3, 3, large=True)]
        ),
        control_before=True,
        control_after=True,
        reflector_clean=True,
        own_nat=False,
        sip_port_free=True,
        pinholes=(Pinhole("media", False, False), Pinhole("signalling", False, False)),
        redirected=False,
        lifetime_sip=Interval(29.0, 30.0),
        lifetime_other=Interval(29.0, 30.0),
    )


def with_state(evidence: Evidence, state: str, change: Change = VIA, **where: Any) -> Evidence:
    """The same evidence, with the sightings of a path, direction or method in another state."""

    def matches(sighting: Sighting) -> bool:
        values = {"path": sighting.case.path, "direction": sighting.direction, "method": sighting.case.method}
        return all(values[name] == value for name, value in where.items())

    changes = (change,) if state == CHANGED else ()
    return replace(
        evidence,
        sightings=tuple(
            replace(sighting, state=state, changes=changes) if matches(sighting) else sighting
            for sighting in evidence.sightings
        ),
    )


def with_neutral(evidence: Evidence, path: Path, **values: Any) -> Evidence:
    return replace(evidence, neutral=tuple(replace(n, **values) if n.path == path else n for n in evidence.neutral))


def test_clean_when_everything_was_seen_unchanged() -> None:
    verdict = judge(all_clean())

    assert (verdict.verdict, verdict.leaning) == (CLEAN, CLEAN)
    assert verdict.rewritings == ()
    assert verdict.not_tested == ()


def test_nothing_seen_is_never_clean() -> None:
    verdict = judge(Evidence(ADDRESSES))

    assert (verdict.verdict, verdict.leaning) == (INCONCLUSIVE, INCONCLUSIVE)


REQUIRED = [
    *itertools.product((UDP_FRESH, UDP_SIP), (OUT, REPLY), ("REGISTER", "OPTIONS", "INVITE")),
    (UDP_FRESH, IN, "INVITE"),
]


@pytest.mark.parametrize(("path", "direction", "method"), REQUIRED, ids=str)
@pytest.mark.parametrize("how", ["gone", UNKNOWN])
def test_each_required_case_must_have_been_seen(path: Path, direction: str, method: str, how: str) -> None:
    evidence = all_clean()
    key = (Case(method, path), direction)
    kept = tuple(s for s in evidence.sightings if (s.case, s.direction) != key)
    if how == UNKNOWN:
        kept = (*kept, *seen(key[0], direction, UNKNOWN))

    verdict = judge(replace(evidence, sightings=kept))
    assert verdict.verdict == INCONCLUSIVE
    assert any("not seen" in reason for reason in verdict.reasons)


def test_a_swallowed_call_is_an_alg_that_is_there() -> None:
    assert judge(replace(all_clean(), swallowed=True)).verdict == PRESENT
    assert judge(replace(all_clean(), swallowed=False)).verdict == CLEAN


def without_the_sip_port(evidence: Evidence) -> Evidence:
    kept = tuple(s for s in evidence.sightings if s.case.path.source != SIP_PORT)
    return replace(evidence, sightings=kept, sip_port_free=False)


def test_a_taken_source_port_is_said_in_one_sentence_and_the_rest_is_what_the_run_leans_to() -> None:
    taken = without_the_sip_port(all_clean())
    verdict = judge(taken)

    assert (verdict.verdict, verdict.leaning, verdict.reasons) == (INCONCLUSIVE, CLEAN, (PORT_TAKEN,))
    assert PORT_TAKEN.startswith("source port 5060 was not tested, as something on the probe's host holds it")
    less = judge(replace(taken, pinholes=()))
    assert (less.verdict, less.leaning) == (INCONCLUSIVE, INCONCLUSIVE)
    assert less.reasons[0] == PORT_TAKEN
    found = judge(without_the_sip_port(with_state(all_clean(), CHANGED, path=UDP_FRESH)))
    assert (found.verdict, found.leaning) == (REWRITTEN, REWRITTEN)


def test_tcp_and_pinholes_are_required_and_the_timers_are_named() -> None:
    evidence = all_clean()
    no_tcp = replace(evidence, sightings=tuple(s for s in evidence.sightings if s.case.path != TCP))
    no_timers = judge(replace(evidence, lifetime_sip=None))

    assert judge(no_tcp).verdict == INCONCLUSIVE
    assert judge(replace(evidence, pinholes=evidence.pinholes[:1])).verdict == INCONCLUSIVE
    assert judge(replace(evidence, pinholes=())).verdict == INCONCLUSIVE
    assert no_timers.verdict == CLEAN
    assert any("how long a binding" in line for line in no_timers.not_tested)


@pytest.mark.parametrize(
    "values",
    [
        {"control_before": False},
        {"control_after": False},
        {"loss": 0.31},
        {"reflector_clean": None},
        {"reflector_clean": False},
        {"own_nat": True},
    ],
    ids=str,
)
def test_a_run_that_cannot_be_trusted_is_inconclusive_whatever_it_saw(values: dict[str, Any]) -> None:
    clean = judge(replace(all_clean(), **values))
    worse = judge(replace(with_state(all_clean(), CHANGED, path=UDP_FRESH), **values))

    assert (clean.verdict, clean.leaning) == (INCONCLUSIVE, CLEAN)
    assert (worse.verdict, worse.leaning) == (INCONCLUSIVE, REWRITTEN)
    assert worse.rewritings, "what was seen stays in the evidence"


def test_loss_of_thirty_percent_is_still_judged() -> None:
    assert judge(replace(all_clean(), loss=0.30)).verdict == CLEAN


@pytest.mark.parametrize("direction", [OUT, REPLY, IN])
def test_a_change_seen_twice_is_rewriting_in_any_direction(direction: str) -> None:
    evidence = with_state(all_clean(), CHANGED, path=UDP_FRESH, direction=direction, method="INVITE")

    assert judge(evidence).verdict == REWRITTEN


def test_a_change_on_any_port_is_rewriting() -> None:
    assert judge(with_state(all_clean(), CHANGED, path=OTHER)).verdict == REWRITTEN


def test_a_change_seen_once_is_neither_rewriting_nor_clean() -> None:
    evidence = all_clean()
    once = judge(replace(evidence, sightings=(*evidence.sightings, *seen(Case("INVITE", OTHER), OUT, CHANGED, 1))))

    assert once.verdict == INCONCLUSIVE
    assert "not enough" in once.reasons[0]


def test_altered_neutral_payload_is_no_sip_alg() -> None:
    evidence = with_neutral(with_state(all_clean(), CHANGED, path=UDP_FRESH), UDP_FRESH, intact=0, altered=3)

    assert judge(evidence).verdict == INCONCLUSIVE


def test_without_any_neutral_payload_a_change_is_not_proven() -> None:
    assert judge(replace(with_state(all_clean(), CHANGED, path=UDP_FRESH), neutral=())).verdict == INCONCLUSIVE


def test_rewriting_is_reported_with_header_direction_and_whose_address() -> None:
    lan = Change("header", "to", "changed", "a", "b", ("192.168.77.10",))
    inner = Change("sdp", "c=", "changed", "a", "b", ("100.64.0.2",))
    evidence = with_state(all_clean(), CHANGED, path=UDP_FRESH, direction=OUT, method="REGISTER")
    evidence = with_state(evidence, CHANGED, lan, path=UDP_FRESH, direction=IN)
    evidence = with_state(evidence, CHANGED, inner, path=UDP_FRESH, direction=OUT, method="INVITE")
    found = {(r.direction, r.change.name): r for r in judge(evidence).rewritings}

    assert found[OUT, "via"].inserted == (("203.0.113.1", MAPPED),)
    assert found[IN, "to"].inserted == (("192.168.77.10", OWN),)
    assert found[OUT, "c="].inserted == (("100.64.0.2", INNER),)
    assert found[OUT, "via"].times == 3
    assert found[OUT, "via"].as_dict() == {
        "direction": "out",
        "method": "REGISTER",
        "variant": "",
        "transport": "udp",
        "source": "fresh",
        "port": 5060,
        "part": "header",
        "name": "via",
        "kind": "changed",
        "before": "Via: 192.168.77.10",
        "after": "Via: 203.0.113.1",
        "inserted": [{"address": "203.0.113.1", "whose": MAPPED}],
        "times": 3,
    }


def test_only_old_flows_changed_is_stale() -> None:
    verdict = judge(with_state(all_clean(), CHANGED, path=UDP_SIP))

    assert verdict.verdict == STALE
    assert "clear them" in verdict.reasons[-1]


def with_one_changed(evidence: Evidence, path: Path, method: str) -> Evidence:
    """The same, with the first request of that method on a path changed and the others as they are."""
    at = next(
        index
        for index, sighting in enumerate(evidence.sightings)
        if (sighting.case.path, sighting.case.method, sighting.direction) == (path, method, OUT)
    )
    first = replace(evidence.sightings[at], state=CHANGED, changes=(VIA,))
    return replace(evidence, sightings=(*evidence.sightings[:at], first, *evidence.sightings[at + 1 :]))


def test_a_fresh_port_that_meets_an_old_flow_by_chance_is_stale_too() -> None:
    stale = with_state(all_clean(), CHANGED, path=UDP_SIP)

    verdict = judge(with_one_changed(stale, UDP_FRESH, "INVITE"))

    assert verdict.verdict == STALE
    assert not [reason for reason in verdict.reasons if "from port fresh" in reason]


def test_fresh_flows_that_are_changed_more_than_by_chance_are_rewriting() -> None:
    stale = with_state(all_clean(), CHANGED, path=UDP_SIP)
    often = with_one_changed(with_one_changed(stale, UDP_FRESH, "INVITE"), UDP_FRESH, "OPTIONS")

    assert judge(often).verdict == REWRITTEN
    # An ALG that only knows one method changes each of its messages.
    assert judge(with_state(stale, CHANGED, path=UDP_FRESH, method="REGISTER", direction=OUT)).verdict == REWRITTEN


def test_old_flows_without_a_fresh_comparison_are_rewriting() -> None:
    evidence = with_state(all_clean(), CHANGED, path=UDP_SIP)
    unseen = replace(evidence, sightings=tuple(s for s in evidence.sightings if s.case.path != UDP_FRESH))

    assert judge(unseen).verdict == REWRITTEN
    assert judge(with_state(evidence, CHANGED, path=UDP_FRESH, direction=IN)).verdict == REWRITTEN
    assert judge(with_state(evidence, LOST, path=UDP_FRESH)).verdict == REWRITTEN


def test_answers_of_somebody_else_are_interception() -> None:
    evidence = with_state(all_clean(), UNPROVEN, path=UDP_FRESH, direction=REPLY)
    once = replace(all_clean(), sightings=(*all_clean().sightings, *seen(Case("OPTIONS", OTHER), REPLY, UNPROVEN, 1)))

    assert judge(evidence).verdict == INTERCEPTED
    assert judge(once).verdict == INCONCLUSIVE


@pytest.mark.parametrize("direction", [OUT, REPLY, IN])
def test_sip_lost_where_neutral_payload_passes_is_sip_aware(direction: str) -> None:
    evidence = with_state(all_clean(), LOST, path=UDP_FRESH, direction=direction, method="INVITE")

    assert judge(evidence).verdict == SIP_BLOCKED


def test_one_try_that_arrived_makes_it_loss() -> None:
    evidence = with_state(all_clean(), LOST, path=UDP_FRESH, direction=OUT, method="INVITE")
    arrived = replace(evidence, sightings=(*evidence.sightings, *seen(Case("INVITE", UDP_FRESH), OUT, SAME, 1)))

    assert judge(arrived).verdict == CLEAN


@pytest.mark.parametrize(("tries", "loss"), [(2, 0.0), (3, 0.1)])
def test_too_few_tries_are_neither_blocking_nor_clean(tries: int, loss: float) -> None:
    evidence = all_clean()
    case = Case("INVITE", OTHER, "compact")
    lost = replace(evidence, loss=loss, sightings=(*evidence.sightings, *seen(case, OUT, LOST, tries)))

    assert judge(lost).verdict == INCONCLUSIVE
    enough = replace(evidence, loss=loss, sightings=(*evidence.sightings, *seen(case, OUT, LOST, 4)))
    assert judge(enough).verdict == SIP_BLOCKED


def test_neutral_payload_lost_where_sip_passes_is_sip_aware() -> None:
    assert judge(with_neutral(all_clean(), UDP_SIP, intact=0)).verdict == SIP_BLOCKED
    assert judge(with_neutral(all_clean(), UDP_SIP, intact=0, sent=2)).verdict == CLEAN


def test_both_lost_is_a_blocked_port() -> None:
    evidence = with_state(with_neutral(all_clean(), TCP, intact=0), LOST, path=TCP)

    verdict = judge(evidence)
    assert verdict.verdict == PORT_BLOCKED
    assert verdict.reasons == ("nothing passes, TCP from port fresh to 5060",)


def test_lost_without_a_neutral_comparison_is_inconclusive() -> None:
    evidence = with_state(all_clean(), LOST, path=OTHER, direction=OUT)

    verdict = judge(replace(evidence, neutral=tuple(n for n in evidence.neutral if n.path != OTHER)))
    assert verdict.verdict == INCONCLUSIVE
    assert any("is not known" in reason for reason in verdict.reasons)


def test_large_messages_are_compared_with_large_payload() -> None:
    evidence = all_clean()
    lost = (*evidence.sightings, *seen(Case("INVITE", UDP_FRESH, "large"), OUT, LOST))
    blocked = judge(replace(evidence, sightings=lost))
    no_fragments = tuple(replace(n, intact=0) if n.large else n for n in evidence.neutral)
    fragments = judge(replace(evidence, sightings=lost, neutral=no_fragments))

    assert blocked.verdict == SIP_BLOCKED
    assert fragments.verdict == CLEAN
    assert any("messages of that size did not arrive" in line for line in fragments.not_tested)


@pytest.mark.parametrize(
    "values",
    [
        {"pinholes": (Pinhole("media", True, False), Pinhole("signalling", False, False))},
        {"pinholes": (Pinhole("media", False, False), Pinhole("signalling", True, False))},
        {"redirected": True},
        {"lifetime_sip": Interval(60.0, 70.0)},
        {"lifetime_sip": Interval(120.0)},
    ],
    ids=str,
)
def test_an_alg_that_shows_without_changing_a_byte(values: dict[str, Any]) -> None:
    assert judge(replace(all_clean(), **values)).verdict == PRESENT


@pytest.mark.parametrize(
    "values",
    [
        {"lifetime_sip": Interval(59.0, 70.0)},
        {"lifetime_sip": Interval(3600.0), "lifetime_other": Interval(30.0)},
        {"lifetime_sip": Interval(3600.0, None, monotonic=False)},
        {"lifetime_sip": Interval(3600.0), "lifetime_other": Interval(29.0, 30.0, monotonic=False)},
    ],
    ids=str,
)
def test_timers_that_prove_nothing(values: dict[str, Any]) -> None:
    assert judge(replace(all_clean(), **values)).verdict == CLEAN


def test_a_port_that_is_open_anyway_says_nothing_about_sip() -> None:
    verdict = judge(replace(all_clean(), pinholes=(Pinhole("media", True, True), Pinhole("signalling", True, True))))

    assert verdict.verdict == CLEAN
    assert sum("open without being asked" in line for line in verdict.not_tested) == 2


def test_the_worst_wins_and_the_rest_stays_listed() -> None:
    evidence = with_state(all_clean(), CHANGED, path=UDP_FRESH)
    evidence = replace(with_state(evidence, LOST, path=OTHER, method="INVITE", direction=OUT), redirected=True)
    verdict = judge(evidence)

    assert verdict.verdict == REWRITTEN
    assert [word for word, _reasons in verdict.found] == [REWRITTEN, SIP_BLOCKED, PRESENT]


def test_a_hop_that_changes_requests_to_the_provider_is_rewriting_where_the_reflector_sees_none() -> None:
    verdict = judge(replace(all_clean(), hop="hop 1 (192.168.77.1)", hop_changes=(VIA,)))
    stale = replace(with_state(all_clean(), CHANGED, path=UDP_SIP), hop="hop 1", hop_changes=(VIA,))

    assert verdict.verdict == REWRITTEN
    assert verdict.reasons == ("hop 1 (192.168.77.1) changes requests on their way to the provider: via",)
    assert [word for word, _reasons in judge(stale).found] == [REWRITTEN, STALE]


def test_random_loss_never_makes_a_rewriting_and_silence_never_a_clean() -> None:
    source = random.Random(11)
    for _round in range(150):
        sightings = tuple(
            replace(s, state=LOST) if source.random() < 0.1 else s
            for s in all_clean().sightings
            if source.random() < 0.9
        )
        verdict = judge(replace(all_clean(), sightings=sightings, loss=0.1)).verdict
        assert verdict in (CLEAN, INCONCLUSIVE)
    silent = with_state(all_clean(), LOST)
    silent = replace(silent, neutral=tuple(replace(n, intact=0) for n in silent.neutral))
    assert judge(silent).verdict == INCONCLUSIVE


def test_all_verdicts_are_known_and_ordered() -> None:
    assert len(set(WORST_FIRST)) == len(WORST_FIRST) == 8
    assert (WORST_FIRST[0], WORST_FIRST[-1]) == (INCONCLUSIVE, CLEAN)


def test_what_was_not_tested_is_said() -> None:
    evidence = replace(all_clean(), own_nat=None, sip_port_free=False, redirected=None, not_tested=("TTL",))

    said = judge(evidence).as_dict()
    assert said["not_tested"] == [
        "TTL",
        "whether the probe's host has a NAT of its own",
        "source port 5060, which is taken on the probe's host",
        "whether answers follow the port of Via",
    ]
    assert (said["verdict"], said["leaning"], said["rewritings"]) == (CLEAN, CLEAN, [])


@pytest.mark.parametrize(
    ("direction", "state", "changes"), [("up", SAME, ()), (OUT, "fine", ()), (OUT, CHANGED, ()), (OUT, SAME, (VIA,))]
)
def test_a_sighting_that_contradicts_itself_is_refused(direction: str, state: str, changes: tuple[Change, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Sighting(Case("INVITE", OTHER), direction, state, changes)


def test_sightings_are_grouped_in_order() -> None:
    case = Case("INVITE", OTHER)
    first, second = Sighting(case, OUT, SAME), Sighting(case, OUT, LOST)

    assert grouped([first, Sighting(case, REPLY, SAME), second])[case, OUT] == [first, second]


@pytest.mark.parametrize(
    ("loss", "items", "needed"), [(0.0, 10001, 1), (0.19, 10001, 9), (0.1, 1, 3), (0.05, 30, 3), (0.9, 1, 12)]
)
def test_tries_follow_the_loss(loss: float, items: int, needed: int) -> None:
    assert chances.tries(loss, items) == needed
    if needed < chances.MOST_TRIES:
        assert items * loss**needed < chances.DOUBT
        assert needed == 1 or items * loss ** (needed - 1) >= chances.DOUBT


def test_what_a_sample_overlooks() -> None:
    assert chances.overlooked(0.5, 2) == 0.25
    assert chances.overlooked(chances.visible_fraction(128), 128) == pytest.approx(0.01)
    assert chances.visible_fraction(0) == 1.0
