# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts follow from mechanisms; doubt is never `disabled`."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import verdict
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import STATES, Mechanism, Wanted


def mechanism(state: str, name: str = "m", basis: str = "configured") -> Mechanism:
    return Mechanism(name, "global", state, basis, ("line",))


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), "undetermined"),
        (("on",), "active"),
        (("off",), "disabled"),
        (("not_applicable",), "not_applicable"),
        (("unknown",), "undetermined"),
        (("blocking",), "blocking"),
        (("off", "not_applicable"), "disabled"),
        (("off", "on"), "active"),
        (("off", "unknown"), "undetermined"),
        (("unknown", "on"), "active"),
        (("off", "blocking"), "blocking"),
    ],
)
def test_sip_verdict(states: tuple[str, ...], expected: str) -> None:
    assert verdict.sip_verdict(mechanism(s) for s in states) == expected


@pytest.mark.parametrize("states", list(itertools.product(STATES, repeat=3)))
def test_disabled_needs_every_mechanism_seen_off(states: tuple[str, ...]) -> None:
    disabled = verdict.sip_verdict(mechanism(s) for s in states) == "disabled"
    assert disabled == (set(states) <= {"off", "not_applicable"} and "off" in states)


def test_an_alg_that_cannot_be_switched_off_is_noncompliant() -> None:
    aspect = verdict.sip_aspect([mechanism("on")], cannot_disable=True)
    assert (aspect.verdict, aspect.compliance) == ("cannot_disable", "noncompliant")
    assert [f.id for f in verdict.sip_findings(aspect)] == ["SIPALG-CANNOT-DISABLE"]


@pytest.mark.parametrize(
    ("state", "finding"),
    [("on", "SIPALG-ACTIVE"), ("blocking", "SIPALG-BLOCKING"), ("unknown", "SIPALG-UNDETERMINED"), ("off", None)],
)
def test_sip_findings(state: str, finding: str | None) -> None:
    found = verdict.sip_findings(verdict.sip_aspect([mechanism(state)]))
    assert [f.id for f in found] == ([finding] if finding else [])


WANTED = Wanted(60, 120, 300)


@pytest.mark.parametrize(
    ("timers", "expected", "seconds"),
    [
        ([], "undetermined", None),
        ([("a", 30, True, True)], "low", 30),
        ([("a", 60, True, True)], "ok", 60),
        ([("a", 400, True, True)], "high", 400),
        ([("a", None, True, True)], "high", None),
        ([("a", 180, True, True), ("b", None, False, True)], "undetermined", 180),
        ([("a", 30, True, True), ("b", None, False, True)], "low", 30),
        ([("a", 180, True, True), ("b", 30, True, False)], "ok", 180),
        ([("a", 30, True, False)], "not_applicable", None),
    ],
)
def test_timeout_is_judged_by_the_shortest_that_applies(
    timers: list[tuple[str, int | None, bool, bool]], expected: str, seconds: int | None
) -> None:
    made = [verdict.Timer(i, "global", s, ("line",), known=k, applies=a) for i, s, k, a in timers]
    aspect = verdict.timeout_aspect(made, WANTED)
    assert (aspect.verdict, aspect.seconds) == (expected, seconds)


def test_timeout_findings_name_the_profile_and_the_figures() -> None:
    low = verdict.timeout_aspect([verdict.Timer("a", "global", 30, ("line",))], WANTED)
    assert "30 s" in verdict.timeout_findings(low, "default")[0].text
    assert "'default'" in verdict.timeout_findings(low, "default")[0].text
    between = verdict.timeout_aspect([verdict.Timer("a", "global", 90, ("line",))], WANTED)
    assert [f.severity for f in verdict.timeout_findings(between, "default")] == ["info"]
    endless = verdict.timeout_aspect([verdict.Timer("a", "global", None, ("line",))], WANTED)
    assert "for ever" in verdict.timeout_findings(endless, "default")[0].text
    assert verdict.timeout_findings(verdict.sip_aspect([]), "default") == []


def test_a_host_is_as_compliant_as_its_worst_aspect() -> None:
    on, off, unknown = (verdict.sip_aspect([mechanism(s)]) for s in ("on", "off", "unknown"))
    assert verdict.overall([off, on, unknown]) == "noncompliant"
    assert verdict.overall([off, unknown]) == "undetermined"
    assert verdict.overall([off]) == "compliant"
    assert verdict.overall([]) == "undetermined"


def test_doubt_leaves_only_what_is_plainly_on() -> None:
    aspect = verdict.sip_aspect([mechanism("on", "a"), mechanism("on", "b", "default"), mechanism("off", "c")])
    doubted = verdict.doubted(aspect, "unknown version")
    assert [m.state for m in doubted.mechanisms] == ["on", "unknown", "unknown"]
    assert doubted.mechanisms[1].evidence[-1] == "unknown version"
    timer = verdict.timeout_aspect([verdict.Timer("a", "global", 180, ("line",))], WANTED)
    assert verdict.doubted(timer, "unknown version").verdict == "undetermined"
