# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The device's verdict and the path's side by side: who is named, what follows, and what is never claimed."""

from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib
from typing import Any

import jsonschema
import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import (
    culprit,
    path,
    report,
    report_csv,
    report_markdown,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.path import Looks, alone, join, judge, words
from ansible_collections.voip.edge.plugins.module_utils._edge.probe import compare, verdicts
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import Addresses
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import (
    FRESH,
    OUT,
    REPLY,
    Case,
    Evidence,
    Neutral,
    Path,
    Sighting,
)
from tests.unit.core.test_report import HOSTILE, page, record

SCHEMA = json.loads(
    (pathlib.Path(__file__).parents[3] / "docs" / "schema" / "record-1.json").read_text(encoding="utf-8")
)
VALID = jsonschema.Draft202012Validator(SCHEMA)

LAN, WAN, PUBLIC = "192.168.77.10", "100.64.0.2", "203.0.113.1"
BEFORE, CHANGED, AFTER = "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"
LOST = "REGISTER UDP from port fresh to 5060: requests lost in all 5 tries, payload that is not SIP passed"
OTHER = "OPTIONS UDP from port fresh to 5060: requests lost in all 9 tries, payload that is not SIP passed"
INBOUND = (
    "INVITE UDP from port fresh to 5060: requests that come in lost in all 5 tries, payload that is not SIP passed"
)
FROM_5060 = "nothing passes, UDP from port 5060 to 5060"
UNKNOWN = "OPTIONS UDP from port fresh to 5060: answers, as the other end's bytes could not be had"
TAKEN = "source port 5060, which is taken on the probe's host"
ELSEWHERE = "nothing passes, UDP from port fresh to 5080"
NEUTRAL = "payload that is not SIP was lost in all 5 tries, SIP passed, UDP from port fresh to 5060"
DEVICES = ("disabled", "not_applicable", "active", "cannot_disable", "blocking", "undetermined", "")


def rewriting(
    direction: str = "out", whose: str = "outermost NAT", address: str = PUBLIC, **more: Any
) -> dict[str, Any]:
    return {
        "direction": direction, "method": "REGISTER", "variant": "", "transport": "udp", "source": "fresh", "port": 5060,
        "part": "header", "name": "via", "kind": "changed", "before": f"Via: SIP/2.0/UDP {LAN}:5060",
        "after": f"Via: SIP/2.0/UDP {address}:5060", "inserted": [{"address": address, "whose": whose}], "times": 2, **more,
    }  # fmt: skip


def probe(verdict: str = "rewritten", *rewritings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A probe's document; by its own clock it was made long ago, by the controller's after the change."""
    reasons = more.pop("reasons", ["requests changed, UDP from port fresh to 5060"])
    return {
        "schema": "voip.edge/probe/1", "host": "fw1", "profile": "quick", "asked": AFTER, "started": "2001-01-01T00:00:00Z",
        "finished": "2001-01-01T00:00:09Z", "verdict": verdict, "leaning": verdict, "reasons": reasons,
        "found": [{"verdict": verdict, "reasons": reasons}], "rewritings": list(rewritings), "not_tested": ["IPv6"],
        "facts": {"local": LAN, "mapped": PUBLIC}, **more,
    }  # fmt: skip


def device(verdict: str = "disabled", **more: Any) -> dict[str, Any]:
    """A host whose only aspect has this verdict."""
    compliance = {"disabled": "compliant", "not_applicable": "compliant", "undetermined": "undetermined"}.get(
        verdict, "noncompliant"
    )
    aspects = {"sip_alg": {"verdict": verdict, "compliance": compliance, "mechanisms": []}} if verdict else {}
    empty = {"findings": [], "advice": [], "plan": [], "not_checked": []}
    return record(**{**empty, "aspects": aspects, "compliance": compliance if verdict else "undetermined", **more})


def ids(joined: dict[str, Any]) -> list[str]:
    return [finding["id"] for finding in joined["findings"]]


def valid(joined: dict[str, Any]) -> dict[str, Any]:
    VALID.validate(joined)
    return joined


def test_the_words_are_those_of_the_probe() -> None:
    assert verdicts.WORST_FIRST == path.VERDICTS
    assert (culprit.MAPPED, culprit.INNER, culprit.OWN) == (compare.MAPPED, compare.INNER, compare.OWN)


@pytest.mark.parametrize(
    ("direction", "whose", "address", "who", "todo"),
    [
        ("out", "outermost NAT", PUBLIC, "outermost NAT, the one whose outside address is 203.0.113.1", "this router itself still"),
        ("out", "inner router", WAN, "inside of the outermost NAT, the one whose outside address is 100.64", "If it is 100.64.0.2, this"),
        ("in", "inner router", WAN, "the NAT in front of 100.64.0.2", "the provider's NAT or a modem"),
        ("reply", "inner router", WAN, "the NAT in front of 100.64.0.2", "the provider's NAT or a modem"),
        ("in", "own LAN address", LAN, "the innermost NAT, the one that translates to 192.168.77.10", "nearest to the phones"),
        ("reply", "own LAN address", LAN, "the innermost NAT", "nearest to the phones"),
        ("out", "other public address", "198.51.100.7", "something that puts in 198.51.100.7", "proxy or border controller"),
        ("in", "reflector", "203.0.113.10", "something that puts in 203.0.113.10", "proxy or border controller"),
        ("out", "own LAN address", LAN, "something that puts in 192.168.77.10", "proxy or border controller"),
        ("out", "outermost NAT", "(public address)", "whose outside address is (public address)", "probe again"),
    ],
)  # fmt: skip
def test_the_address_and_the_direction_name_who_rewrites(
    direction: str, whose: str, address: str, who: str, todo: str
) -> None:
    joined = valid(join(device(), Looks(probe("rewritten", rewriting(direction, whose, address)))))
    assert ids(joined) == ["SIPALG-ON-PATH"]
    assert joined["findings"][0]["severity"] == "high"
    assert who in joined["findings"][0]["text"]
    assert "the device's SIP ALG is off, and yet" in joined["findings"][0]["text"]
    assert todo in joined["advice"][0]
    assert joined["compliance"] == "noncompliant"
    assert joined["aspects"] == device()["aspects"], "what the device showed stays"


def test_one_router_that_rewrites_both_ways_is_named_once_a_way() -> None:
    both = [rewriting(), rewriting(), rewriting("in", "own LAN address", LAN, method="INVITE")]
    found = judge("disabled", probe("rewritten", *both)).findings[0].text
    assert "requests that go out, requests that come in" in found
    assert found.count("outermost NAT") == found.count("innermost NAT") == 1


def test_without_an_address_nobody_is_blamed() -> None:
    said = judge("disabled", probe("rewritten", rewriting(inserted=[])))
    assert "no address was put in that tells by whom" in said.findings[0].text
    assert "voip_edge_probe_provider" in said.advice[0]
    assert "likely" not in said.findings[0].text


@pytest.mark.parametrize("verdict", ["active", "cannot_disable"])
def test_a_device_whose_alg_is_on_is_set_right_first(verdict: str) -> None:
    said = judge(verdict, probe("rewritten", rewriting()))
    assert [f.id for f in said.findings] == ["SIPALG-ON-PATH"]
    assert "is off" not in said.findings[0].text
    assert "Switch the SIP ALG of this router off first" in said.advice[0]


COMPLIANCE = [
    ("disabled", "rewritten", "SIPALG-ON-PATH", "noncompliant"),
    ("not_applicable", "rewritten", "SIPALG-ON-PATH", "noncompliant"),
    ("undetermined", "rewritten", "SIPALG-ON-PATH", "noncompliant"),
    ("disabled", "rewritten_stale", "SIPALG-STALE-SESSIONS", "noncompliant"),
    ("active", "rewritten_stale", "SIPALG-STALE-SESSIONS", "noncompliant"),
    ("disabled", "intercepted", "SIP-INTERCEPTED", "noncompliant"),
    ("disabled", "blocked_sip_aware", "SIP-BLOCKED", "noncompliant"),
    ("disabled", "blocked_port", "SIP-PORT-BLOCKED", "noncompliant"),
    ("disabled", "present_not_rewriting", "SIPALG-PRESENT", "undetermined"),
    ("active", "present_not_rewriting", "SIPALG-PRESENT", "noncompliant"),
    ("disabled", "inconclusive", "PATH-INCONCLUSIVE", "compliant"),
    ("active", "inconclusive", "PATH-INCONCLUSIVE", "noncompliant"),
    ("active", "clean", "PATH-CLEAN", "noncompliant"),
    ("undetermined", "clean", "", "undetermined"),
    ("disabled", "clean", "", "compliant"),
]


@pytest.mark.parametrize(("of_device", "of_path", "name", "compliance"), COMPLIANCE)
def test_what_follows_from_both(of_device: str, of_path: str, name: str, compliance: str) -> None:
    joined = valid(join(device(of_device), Looks(probe(of_path, rewriting()))))
    assert (ids(joined), joined["compliance"]) == ([name] if name else [], compliance)
    assert report.row_of(joined)["compliance"] == compliance
    assert joined["path"]["verdict"] == of_path


ORDER = ("noncompliant", "undetermined", "unsupported", "compliant")


@pytest.mark.parametrize(("of_device", "of_path"), list(itertools.product(DEVICES, path.VERDICTS)))
def test_the_wire_never_makes_a_host_better(of_device: str, of_path: str) -> None:
    known = device(of_device)
    for leaning in path.VERDICTS:
        joined = valid(join(known, Looks(probe(of_path, rewriting(), leaning=leaning))))
        assert ORDER.index(joined["compliance"]) <= ORDER.index(known["compliance"])
        if of_path == "inconclusive":
            assert joined["compliance"] == known["compliance"], "a leaning is no proof"


def test_a_host_that_was_not_reached_stays_that_and_shows_its_path() -> None:
    silent = device("", compliance="not_reached", error={"kind": "timeout", "text": "no answer"})
    joined = valid(join(silent, Looks(probe("rewritten", rewriting()))))
    assert joined["compliance"] == "not_reached"
    assert ids(joined) == ["SIPALG-ON-PATH"]


def test_a_leaning_is_told_as_what_it_is() -> None:
    said = judge("disabled", probe("inconclusive", leaning="rewritten", reasons=["the reflector has not been tested"]))
    assert "the messages alone would say rewritten, which is no proof" in said.findings[0].text
    assert said.findings[0].severity == "info"
    assert said.at_best == ""


def test_stale_sessions_lead_to_the_scoped_clearing() -> None:
    on_device = {
        "id": "SIPALG-STALE-SESSIONS",
        "aspect": "sip_alg",
        "severity": "low",
        "text": "2 tracked ones keep it",
    }
    other = {"id": "SIPALG-ARMED", "aspect": "sip_alg", "severity": "info", "text": "loaded"}
    joined = valid(join(device(findings=[on_device, other]), Looks(probe("rewritten_stale", rewriting(source="5060")))))
    assert ids(joined) == ["SIPALG-STALE-SESSIONS", "SIPALG-ARMED"], "the same finding is not told twice"
    assert joined["findings"][0]["severity"] == "medium"
    assert joined["findings"][0]["text"].endswith("on the device: 2 tracked ones keep it")
    assert "voip_edge_clear_sessions: true" in joined["advice"][0]
    assert "restart" in joined["advice"][0]


@pytest.mark.parametrize(
    ("reasons", "severity", "compliance"),
    [
        (["nothing passes, UDP from port fresh to 5060"], "high", "noncompliant"),
        (["nothing passes, UDP from port 5060 to 5080"], "low", "compliant"),
        (["nothing passes, TCP from port fresh to 5060"], "low", "compliant"),
        (["nothing passes, UDP from port fresh to 10000", "nothing passes, UDP from port 5060 to 5060"], "high", "noncompliant"),
    ],
)  # fmt: skip
def test_only_the_port_of_sip_is_held_against_a_host(reasons: list[str], severity: str, compliance: str) -> None:
    joined = join(device(), Looks(probe("blocked_port", reasons=reasons)))
    assert (joined["findings"][0]["severity"], joined["compliance"]) == (severity, compliance)


def test_everything_that_was_found_counts() -> None:
    found = [{"verdict": "rewritten", "reasons": ["a"]}, {"verdict": "blocked_sip_aware", "reasons": [LOST]}]
    both = probe("rewritten", rewriting(), found=found)
    assert [f.id for f in judge("disabled", both).findings] == ["SIPALG-ON-PATH", "SIP-BLOCKED"]
    assert list(path.blocked(both).values()) == [LOST]


@pytest.mark.parametrize("verdict", ["rewritten", "rewritten_stale"])
def test_what_an_alg_does_beside_rewriting_is_no_second_finding(verdict: str) -> None:
    found = [{"verdict": verdict, "reasons": ["a"]}, {"verdict": "present_not_rewriting", "reasons": ["b"]}]
    assert "SIPALG-PRESENT" not in [f.id for f in judge("disabled", probe(verdict, rewriting(), found=found)).findings]


def test_a_filter_that_drops_what_is_no_sip_is_a_sign_and_blocks_nothing() -> None:
    picky = probe("blocked_sip_aware", reasons=[NEUTRAL])
    said = judge("disabled", picky)
    assert ([f.id for f in said.findings], said.at_best) == (["SIPALG-PRESENT"], "undetermined")
    assert path.blocked(picky) == {}
    assert path.newly_blocked(picky, probe("blocked_sip_aware", reasons=[NEUTRAL, LOST])) == [LOST]


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        (probe("clean"), probe("blocked_sip_aware", reasons=[LOST, OTHER]), [LOST]),
        (probe("rewritten"), probe("blocked_port", reasons=[ELSEWHERE]), [ELSEWHERE]),
        (probe("blocked_sip_aware", reasons=[LOST]), probe("blocked_sip_aware", reasons=[OTHER]), []),
        (probe("blocked_port", reasons=[ELSEWHERE]), probe("blocked_sip_aware", reasons=[LOST]), [LOST]),
        (probe("blocked_sip_aware", reasons=[INBOUND]), probe("blocked_sip_aware", reasons=[LOST, INBOUND]), [LOST]),
        (probe("inconclusive", leaning="clean"), probe("blocked_sip_aware", reasons=[LOST]), []),
        (probe("clean"), probe("inconclusive", found=[{"verdict": "blocked_sip_aware", "reasons": [LOST]}]), []),
        ({}, probe("blocked_sip_aware", reasons=[LOST]), []),
        (probe("clean"), {}, []),
        (probe("clean"), probe("rewritten"), []),
        (probe("rewritten", not_tested=[UNKNOWN]), probe("blocked_sip_aware", reasons=[LOST]), []),
        (probe("rewritten", not_tested=[TAKEN]), probe("blocked_port", reasons=[FROM_5060, ELSEWHERE]), [ELSEWHERE]),
    ],
)  # fmt: skip
def test_what_is_blocked_since(before: dict[str, Any], after: dict[str, Any], new: list[str]) -> None:
    assert path.newly_blocked(before, after) == new


def test_the_reasons_are_read_as_the_probe_writes_them() -> None:
    """The probe's own verdict on evidence in which SIP, a port, and other payload are lost."""
    ways = {port: Path("udp", FRESH, port) for port in (5060, 5070, 5080)}
    lost = [Sighting(Case("REGISTER", ways[5060]), OUT, "lost")] * 5 + [
        Sighting(Case("REGISTER", ways[5070]), OUT, "lost")
    ] * 5
    passed = [Sighting(Case("REGISTER", ways[5080]), REPLY, "same")] * 5
    neutral = (Neutral(ways[5060], 5, 5), Neutral(ways[5070], 5, 0), Neutral(ways[5080], 5, 0))
    proven = {"control_before": True, "control_after": True, "reflector_clean": True}
    judged = verdicts.judge(Evidence(Addresses(LAN, PUBLIC), (*lost, *passed), neutral, **proven)).as_dict()
    assert [one["verdict"] for one in judged["found"]] == ["blocked_sip_aware", "blocked_port"]
    found = path.newly_blocked(probe("clean"), {**probe(), **judged})
    assert [text.partition(" ")[0] for text in found] == ["REGISTER", "nothing"]
    taken = dataclasses.replace(Evidence(Addresses(LAN, PUBLIC)), sip_port_free=False)
    assert TAKEN in verdicts.judge(taken).not_tested


# ---- when it was seen


def test_a_probe_from_before_the_change_proves_nothing_about_now() -> None:
    for known, changes in (
        (device(mode="apply", done=[{"do": "x", "undo": "y"}], finished=CHANGED), ()),
        (device(), (CHANGED,)),
    ):
        joined = valid(join(known, Looks(probe("rewritten", rewriting(), asked=BEFORE), changes=changes)))
        assert (joined["compliance"], joined["findings"], joined["path"]["current"]) == ("compliant", [], False)
        assert CHANGED in joined["not_checked"][0]
        assert words(joined["path"]) == "rewritten (from before the last change)"


def test_the_clock_of_the_host_that_sent_does_not_count() -> None:
    skewed = probe("rewritten", rewriting(), asked=BEFORE, started="2031-01-01T00:00:00Z")
    assert not join(device(), Looks(skewed, changes=(CHANGED,)))["path"]["current"]
    without = probe("clean", started=AFTER)
    del without["asked"]
    assert join(device(), Looks(without, changes=(CHANGED,)))["path"]["current"]


def test_a_run_that_changed_nothing_does_not_outdate_a_probe() -> None:
    joined = join(device(mode="apply", done=[], finished=CHANGED), Looks(probe("clean", asked=BEFORE)))
    assert joined["path"]["current"]


def test_a_device_that_was_read_later_is_not_blamed_without_saying_so() -> None:
    said = join(device(started=AFTER, finished=AFTER), Looks(probe("rewritten", rewriting(), asked=BEFORE)))
    assert f"the device was read later, at {AFTER}" in said["findings"][0]["text"]
    assert "read later" not in join(device(), Looks(probe("rewritten", rewriting())))["findings"][0]["text"]


def test_before_and_after_a_change_stand_side_by_side() -> None:
    looks = Looks(probe("clean"), probe("rewritten", asked=BEFORE), changes=("2025-12-01T00:00:00Z", CHANGED))
    joined = valid(join(device(), looks))
    assert [(one["moment"], one["verdict"]) for one in joined["path"]["earlier"]] == [("before", "rewritten")]
    assert words(joined["path"]) == "clean (before: rewritten)"
    assert joined["compliance"] == "compliant"


def test_blocked_since_the_change_leads_to_undo() -> None:
    before = probe("rewritten", asked=BEFORE)
    joined = join(device(), Looks(probe("blocked_sip_aware", reasons=[LOST]), before, changes=(CHANGED,)))
    assert "SIP was not blocked before the last change: take it back" in joined["advice"][0]


@pytest.mark.parametrize("verdict", ["blocked_port", "inconclusive"])
def test_no_undo_is_advised_where_it_is_not_known_that_the_change_did_it(verdict: str) -> None:
    after, before = probe("blocked_sip_aware", reasons=[LOST]), probe(verdict, asked=BEFORE, reasons=[LOST])
    joined = join(device(), Looks(after, before, changes=(CHANGED,)))
    assert not [text for text in joined["advice"] if "onboard_undo" in text]


def test_what_was_taken_back_is_told_with_its_reason() -> None:
    undone = probe("blocked_sip_aware", asked="2026-01-01T02:10:00Z", reasons=["REGISTER lost in all 5 tries"])
    looks = Looks(
        probe("rewritten", rewriting()), probe("rewritten", asked=BEFORE), undone, (CHANGED, "2026-01-01T02:20:00Z")
    )
    joined = valid(join(device("active"), looks))
    assert ids(joined) == ["SIPALG-ON-PATH", "CHANGE-BLOCKED-SIP"]
    assert "REGISTER lost in all 5 tries" in joined["findings"][1]["text"]
    assert words(joined["path"]) == "rewritten (before: rewritten; a change that blocked SIP was undone)"


@pytest.mark.parametrize(
    "changes",
    [(), (CHANGED,), (CHANGED, "2026-01-01T02:20:00Z", "2026-01-01T02:30:00Z")],
    ids=["no change", "no undo", "another change since"],
)
def test_old_stories_are_not_told_again(changes: tuple[str, ...]) -> None:
    undone = probe("blocked_sip_aware", asked="2026-01-01T02:10:00Z")
    joined = join(device("active"), Looks(probe("clean"), probe("rewritten", asked=BEFORE), undone, changes))
    assert "undone" not in [one["moment"] for one in joined["path"]["earlier"]]
    assert "CHANGE-BLOCKED-SIP" not in ids(joined)


# ---- what is kept and shown


def test_a_path_is_of_bounded_size() -> None:
    flood = probe(
        "rewritten",
        *[rewriting(before="x" * 10_000)] * 500,
        reasons=["y" * 10_000] * 500,
        not_tested=["z" * 10_000] * 500,
    )
    joined = valid(join(device(), Looks(flood)))
    assert len(json.dumps(joined)) < 60_000
    assert joined["path"]["reasons"][-1] == "[480 more]"


@pytest.mark.parametrize(
    "more",
    [{"schema": "voip.edge/probe/2"}, {"verdict": "fine"}, {"leaning": None}, {"reasons": "text"}, {"rewritings": [3]}, {"facts": None}],
    ids=str,
)  # fmt: skip
def test_what_is_no_probe_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
        join(device(), Looks({**probe(), **more}))


def test_the_report_has_a_cell_and_a_section() -> None:
    joined = join(device(), Looks(probe("rewritten", rewriting(), facts={"keepalive_advice": 23})))
    row = report.row_of(joined)
    html, markdown = page(joined), "".join(report_markdown.to_markdown([row], "t", "now")).replace("\\", "")
    for text in (html, markdown, "".join(report_csv.to_csv([row]))):
        assert "rewritten" in text
    for text in (html, markdown):
        assert f"Via: SIP/2.0/UDP {PUBLIC}:5060" in text
        assert "keepalive at most every 23 s" in text
    assert "203.0.113.1 (outermost NAT)" in html
    assert report.on_the_wire(report.row_of(device())) == ""


def test_a_host_without_a_record_shows_its_path_and_stays_not_reached() -> None:
    row = report.with_path(report.missing_row("fw9", "no record"), alone(Looks(probe("rewritten", rewriting()))))
    assert (row["compliance"], report.on_the_wire(row)) == ("not_reached", "rewritten")


def test_hostile_text_of_a_probe_stays_text() -> None:
    bad = probe(
        "rewritten", rewriting(after=HOSTILE, method=HOSTILE), reasons=[HOSTILE], profile=HOSTILE, not_tested=[HOSTILE]
    )
    row = report.row_of(join(device(), Looks(bad)))
    for text in (page(join(device(), Looks(bad))), "".join(report_markdown.to_markdown([row], "t", "now"))):
        assert "<script>alert" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text
