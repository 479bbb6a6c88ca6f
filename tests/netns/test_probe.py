# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe and the reflector with a real router between them: what each state of that router has to be called."""

from __future__ import annotations

import contextlib

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.cases import SPLIT
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import INNER, MAPPED, OWN
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import CHANGED, IN, OUT, REPLY, SAME
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.verdicts import Verdict
from tests.lab.netns import PHONE, PUBLIC, SERVER, Lab
from tests.lab.netns.lab import BEHIND_CARRIER, GATEWAY
from tests.lab.relay import Behaviour, Relay
from tests.netns.probing import outcome, probe

pytestmark = pytest.mark.netns("alg")


def found(verdict: Verdict) -> dict[tuple[str, str], set[str]]:
    """Names of what was rewritten by direction and the reflector's port, such as ``out 5060``, and transport."""
    names: dict[tuple[str, str], set[str]] = {}
    for one in verdict.rewritings:
        key = (one.case.path.transport, f"{one.direction} {one.case.path.port}")
        names.setdefault(key, set()).add(one.change.name)
    return names


def inserted(verdict: Verdict, direction: str) -> set[tuple[str, str]]:
    """Addresses that were put in, and whose they are."""
    return {pair for one in verdict.rewritings if one.direction == direction for pair in one.inserted}


def test_without_alg_the_path_is_clean(lab: Lab) -> None:
    verdict = probe(lab)
    assert (verdict.verdict, verdict.rewritings) == ("clean", ()), verdict.reasons


@pytest.mark.parametrize(("port", "other"), [(5060, 5080), (5080, 5060)])
def test_the_alg_is_seen_on_its_port_over_udp_and_tcp_and_on_no_other(lab: Lab, port: int, other: int) -> None:
    lab.router.alg_on([port])
    verdict = probe(lab)
    assert verdict.verdict == "rewritten", verdict.reasons
    changed = found(verdict)
    for transport in ("udp", "tcp"):
        assert {"via", "from", "contact"} <= changed[(transport, f"out {port}")]
    assert not [key for key in changed if key[1].endswith(str(other))]
    assert inserted(verdict, "out") == {(PUBLIC, MAPPED)}


@pytest.mark.parametrize("port", [5060, 5080])
def test_every_case_of_the_alg_s_port_is_changed_and_no_other(lab: Lab, port: int) -> None:
    lab.router.alg_on([port])
    evidence = outcome(lab).evidence
    sightings = evidence.sightings
    for direction in (OUT, REPLY, IN):
        seen = {(s.case, s.state) for s in sightings if s.direction == direction}
        cases = {case for case, _state in seen}
        changed = {case for case, state in seen if state == CHANGED}
        # The kernel passes on what comes in two segments, and has then nothing to translate back in the answer.
        missed = {case for case in cases if case.variant == SPLIT}
        assert changed == {case for case in cases - missed if case.path.port == port}
        assert changed or (direction == IN and port != 5060), "it starts requests where it has the standard port"
        assert {case for case, state in seen if state == SAME} == cases - changed
    sent = {(s.case.path.transport, s.case.path.source, s.case.method, s.case.variant) for s in sightings}
    for method in ("REGISTER", "OPTIONS", "INVITE"):
        assert {("udp", "fresh", method, ""), ("udp", "5060", method, ""), ("tcp", "fresh", method, "")} <= sent
    assert {variant for *_path, variant in sent} == {"", "compact", "large", "split", "length_first"}
    # What changes no byte is looked for on the standard port.
    assert evidence.redirected is (port == 5060)
    assert [pinhole.opened for pinhole in evidence.pinholes] == [port == 5060] * 2


def test_compact_and_large_messages_are_rewritten_like_the_others(lab: Lab) -> None:
    lab.router.alg_on()
    variants = {one.case.variant for one in probe(lab).rewritings if one.direction == "out"}
    assert {"compact", "large"} <= variants


def test_what_comes_in_gets_the_private_address(lab: Lab) -> None:
    lab.router.alg_on()
    assert inserted(probe(lab), "in") == {(PHONE, OWN)}


def test_old_sessions_are_told_from_an_alg_that_is_on(lab: Lab) -> None:
    lab.router.alg_on()
    assert probe(lab).verdict == "rewritten"
    lab.router.alg_off()
    verdict = probe(lab)
    assert verdict.verdict == "rewritten_stale", verdict.reasons
    # A fresh port may by chance be one of the first run, whose session is still there, too.
    assert "5060" in {one.case.path.source for one in verdict.rewritings}
    lab.router.flush()
    assert probe(lab).verdict == "clean"


@pytest.mark.netns("timers")
def test_a_helper_without_nat_opens_ports_and_keeps_bindings_and_rewrites_nothing(lab: Lab) -> None:
    lab.without_nat()
    lab.router.timers(3, 4)
    lab.router.alg_on()
    verdict = outcome(lab, lifetime_cap=8.0).verdict
    assert (verdict.verdict, verdict.rewritings) == ("present_not_rewriting", ()), verdict.reasons
    for kind in ("media", "signalling"):
        assert f"a {kind} port that only SIP announced let packets in" in verdict.reasons
    assert "a binding to port 5060 lives at least 8 s, to another port 3-4 s" in verdict.reasons


def test_a_filter_that_drops_register_alone_is_aware_of_sip(lab: Lab) -> None:
    lab.router.drop_sip("REGISTER")
    assert probe(lab).verdict == "blocked_sip_aware"


def test_a_filter_that_drops_answers_alone_is_aware_of_sip(lab: Lab) -> None:
    lab.router.drop_sip("SIP/", answers=True)
    assert probe(lab).verdict == "blocked_sip_aware"


def test_a_port_that_is_blocked_for_everything_is_just_that(lab: Lab) -> None:
    lab.router.block("5060")
    assert probe(lab).verdict == "blocked_port"


@pytest.mark.parametrize(
    ("edit", "verdict"),
    [("sdp_only", "rewritten"), ("replies_only", "rewritten"), ("drop_invite", "blocked_sip_aware")],
)
def test_an_alg_that_linux_has_not_is_found_in_the_router_s_path(lab: Lab, edit: str, verdict: str) -> None:
    for protocol in ("udp", "tcp"):
        lab.router.divert(5060, 5060, protocol)
    relay = Relay(GATEWAY, PUBLIC, SERVER, udp=[5060], tcp=[5060], behaviour=Behaviour(edits=(edit,)))
    with contextlib.ExitStack() as stack:
        with lab.router.namespace.entered():
            stack.enter_context(relay)
        assert probe(lab).verdict == verdict
    assert relay.passed > 0


def test_a_symmetric_nat_is_no_alg(lab: Lab) -> None:
    lab.router.symmetric_nat()
    verdict = probe(lab)
    assert (verdict.verdict, verdict.rewritings) == ("clean", ()), verdict.reasons


@pytest.mark.parametrize("turn", range(2))
def test_a_tenth_lost_is_never_taken_for_an_alg(lab: Lab, turn: int) -> None:
    lab.router.lose(10)
    verdict = probe(lab)
    assert verdict.rewritings == ()
    assert verdict.verdict in ("clean", "inconclusive"), (turn, verdict.reasons)


def test_a_tenth_lost_does_not_hide_an_alg(lab: Lab) -> None:
    lab.router.lose(10)
    lab.router.alg_on()
    assert probe(lab).verdict == "rewritten"


def test_two_nats_without_alg_are_clean(double: Lab) -> None:
    verdict = probe(double)
    assert (verdict.verdict, verdict.rewritings) == ("clean", ()), verdict.reasons


def test_the_inner_router_is_named_by_the_address_that_it_puts_in(double: Lab) -> None:
    double.router.alg_on()
    verdict = probe(double)
    assert verdict.verdict == "rewritten"
    assert inserted(verdict, "out") == {(BEHIND_CARRIER, INNER)}


def test_an_alg_of_the_carrier_alone_is_found_in_what_comes_in(double: Lab) -> None:
    assert double.carrier is not None
    double.carrier.alg_on()
    verdict = probe(double)
    assert verdict.verdict == "rewritten"
    assert {one.direction for one in verdict.rewritings} == {"in"}
    assert inserted(verdict, "in") == {(BEHIND_CARRIER, INNER)}


@pytest.mark.netns("timers")
def test_lifetimes_are_measured_within_a_second_and_the_helper_s_is_longer(lab: Lab) -> None:
    lab.router.timers(6, 12)
    lab.router.alg_on()
    found_out = outcome(lab, lifetime_cap=20.0)
    lifetimes = {name: (one["low"], one["high"]) for name, one in found_out.facts["lifetimes"].items()}
    control = lifetimes["exchange to 29292"], lifetimes["stream to 29292"]
    assert control == ((5.0, 6.0), (11.0, 12.0))
    assert {lifetimes["exchange to 5060"], lifetimes["stream to 5060"]} == {(20.0, None)}


def test_the_kind_of_nat_is_told(lab: Lab) -> None:
    assert outcome(lab).facts["nat_type"]["mapping"] == "endpoint_independent"
    lab.router.symmetric_nat()
    lab.router.flush()
    assert outcome(lab).facts["nat_type"]["mapping"] == "address_and_port_dependent"


def test_holes_in_the_media_ports_are_found_at_their_edges(lab: Lab) -> None:
    lab.router.block("10020-10059")
    media = outcome(lab, media_samples=48).facts["media_out"]
    assert media["blocked"] == [[10020, 10059]]


def test_a_forward_is_seen_from_outside(lab: Lab) -> None:
    lab.router.forward("10000-10020", PHONE)
    media = outcome(lab, forwarded=(10000, 10025)).facts["media_in"]
    assert media["blocked"] == [[10021, 10025]]


def test_ports_that_a_forward_opens_are_not_taken_for_an_alg_s(lab: Lab) -> None:
    lab.router.forward("1024-65535", PHONE)
    verdict = probe(lab)
    assert (verdict.verdict, verdict.rewritings) == ("clean", ()), verdict.reasons
    for kind in ("media", "signalling"):
        assert f"whether SIP opens a {kind} port: here it is open without being asked" in verdict.not_tested


def test_an_alg_behind_a_symmetric_nat_is_found(lab: Lab) -> None:
    lab.router.symmetric_nat()
    lab.router.alg_on()
    verdict = probe(lab)
    assert verdict.verdict == "rewritten", verdict.reasons
    assert inserted(verdict, "out") == {(PUBLIC, MAPPED)}


@pytest.mark.netns("timers")
def test_without_udp_to_the_control_port_everything_is_asked_for_over_tcp(lab: Lab) -> None:
    lab.router.block("29292")
    lab.router.timers(3, 5)
    seen = outcome(lab, lifetime_cap=7.0)
    assert (seen.verdict.verdict, seen.verdict.rewritings) == ("clean", ()), seen.verdict.reasons
    assert seen.facts["control"] == "tcp"
    assert any("the control channel went over TCP" in line for line in seen.verdict.not_tested)
    lifetimes = {name: (one["low"], one["high"]) for name, one in seen.facts["lifetimes"].items()}
    assert lifetimes == {
        "exchange to 29293": (2.0, 3.0),
        "stream to 29293": (4.0, 5.0),
        "exchange to 5060": (2.0, 3.0),
        "stream to 5060": (4.0, 5.0),
    }


def test_an_alg_is_found_without_udp_to_the_control_port(lab: Lab) -> None:
    lab.router.block("29292")
    lab.router.alg_on()
    assert probe(lab).verdict == "rewritten"


def test_where_no_udp_passes_at_all_the_ports_are_blocked(lab: Lab) -> None:
    lab.router.drop("meta l4proto udp")
    verdict = probe(lab)
    assert verdict.verdict == "blocked_port", verdict.reasons
    assert any("how much is lost over UDP" in line for line in verdict.not_tested)


def test_a_second_phone_with_the_port_of_the_first_waits_for_the_end_of_its_call(lab: Lab) -> None:
    assert outcome(lab, second_phone=True).facts["second_phone"] == "passed"
    lab.router.flush()
    lab.router.alg_on()
    seen = outcome(lab, second_phone=True)
    assert seen.facts["second_phone"] == "swallowed"
    assert any("an INVITE was swallowed" in why for _verdict, reasons in seen.verdict.found for why in reasons)


def test_the_hop_that_rewrites_is_named_by_what_the_next_one_quotes(double: Lab) -> None:
    double.router.alg_on()
    hops = outcome(double, provider=Address(SERVER, 5060)).facts["hops"]
    assert (hops["changed_by"], hops["address"]) == (1, GATEWAY)
    assert {"via", "from", "contact"} == {change["name"] for change in hops["changes"]}
