# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed since an earlier run, and for what a run fails."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core import alarm, drift, report, report_markdown
from ansible_collections.voip.edge.plugins.module_utils._edge.core.drift import Past, Point
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from tests.unit.core.test_report import HOSTILE, record

VERDICTS = {"fine": ("disabled", "compliant"), "bad": ("active", "noncompliant"), "?": ("undetermined", "undetermined")}
VERDICTS["unsupported"] = ("cannot_disable", "unsupported")


def mechanism(name: str) -> dict[str, Any]:
    return {"id": name, "scope": "g", "state": "on", "basis": "default", "label": "doc", "evidence": []}


def run(day: int, sip: str = "", udp: str = "", **more: Any) -> dict[str, Any]:
    """The record of a night. `sip` is a key of VERDICTS, `udp` seconds; without either the host was not reached."""
    aspects: dict[str, Any] = {}
    if sip:
        verdict, compliance = VERDICTS[sip]
        on = [mechanism("a")] if verdict in ("active", "cannot_disable") else []
        aspects["sip_alg"] = {"verdict": verdict, "compliance": compliance, "mechanisms": on}
    if udp:
        verdict, compliance = ("ok", "compliant") if int(udp) >= 60 else ("low", "noncompliant")
        aspects["udp_timeout"] = {"verdict": verdict, "compliance": compliance, "mechanisms": [], "seconds": int(udp)}
    found = {a["compliance"] for a in aspects.values()}
    worst = [word for word in ("noncompliant", "undetermined", "unsupported", "compliant") if word in found]
    whole = {"compliance": (worst or ["not_reached"])[0], "aspects": aspects, "firmware": f"7.{day}"}
    return record("fw1", **{**whole, "finished": f"2026-01-{day:02}T02:00:00Z", **more})


def points(*records: dict[str, Any]) -> list[Point]:
    found = [drift.point_of(r) for r in records]
    return [p for p in found if p is not None]


def past(*records: dict[str, Any], base: int = 0) -> Past:
    newest_first = sorted(points(*records), key=lambda p: p.finished, reverse=True)
    steps = [(p.finished, partial(lambda point: point, p)) for p in newest_first]
    return Past(steps, f"2026-01-{base:02}T02:00:00Z" if base else "")


def compare(*records: dict[str, Any], base: int = 0) -> tuple[str, list[tuple[str, str, str, str]]]:
    """The last record against those before it: the host's word, and of each change word, aspect, was and now."""
    word, found = drift.compare(drift.point_of(records[-1]), past(*records[:-1], base=base))
    return word, [(c["change"], c["aspect"], c["was"], c["now"]) for c in found]


@pytest.mark.parametrize(
    ("nights", "word", "changes"),
    [
        ([("fine",), ("bad",)], "new", [("new", "sip_alg", "disabled", "active")]),
        ([("bad",), ("fine",)], "fixed", [("fixed", "sip_alg", "active", "disabled")]),
        ([("bad",), ("fine",), ("bad",)], "came_back", [("came_back", "sip_alg", "disabled", "active")]),
        ([("bad",), ("fine",), ("fine",), ("bad",)], "came_back", [("came_back", "sip_alg", "disabled", "active")]),
        ([("bad",), ("bad",)], "same", []),
        ([("fine",), ("fine",)], "same", []),
        ([("bad",), ("unsupported",)], "same", []),
        ([("unsupported",), ("bad",)], "same", []),
        ([("fine",), ("unsupported",)], "new", [("new", "sip_alg", "disabled", "cannot_disable")]),
        ([("fine",), ("?",), ("bad",)], "new", [("new", "sip_alg", "disabled", "active")]),
        ([("bad",), ("?",), ("bad",)], "same", []),
        ([("bad",), ("fine",), ("",), ("?",), ("bad",)], "came_back", [("came_back", "sip_alg", "disabled", "active")]),
        ([("fine",), ("",), ("fine",)], "same", []),
        ([("fine",), ("?",)], "worse", [("worse", "sip_alg", "disabled", "undetermined")]),
        ([("fine",), ("?",), ("?",)], "worse", [("worse", "sip_alg", "disabled", "undetermined")]),
        ([("bad",), ("?",)], "", []),
        ([("?",), ("?",)], "", []),
        ([("?",), ("bad",)], "new", [("new", "sip_alg", "", "active")]),
        ([("?",), ("fine",)], "", []),
        ([("bad",)], "new", [("new", "sip_alg", "", "active")]),
        ([("fine",)], "", []),
        ([("",)], "", []),
        ([("",), ("",)], "", []),
        ([("fine",), ("",)], "unreachable_since", [("unreachable_since", "", "compliant", "not_reached")]),
        ([("bad",), ("",), ("",)], "unreachable_since", [("unreachable_since", "", "noncompliant", "not_reached")]),
        ([("fine", "90"), ("bad", "30")], "new", [("new", "sip_alg", "disabled", "active"),
                                                  ("new", "udp_timeout", "ok 90 s", "low 30 s")]),
        ([("bad", "30"), ("bad", "90")], "same", [("fixed", "udp_timeout", "low 30 s", "ok 90 s")]),
        ([("bad", "30"), ("fine", "90")], "fixed", [("fixed", "sip_alg", "active", "disabled"),
                                                    ("fixed", "udp_timeout", "low 30 s", "ok 90 s")]),
        ([("fine", "30"), ("bad", "90")], "new", [("new", "sip_alg", "disabled", "active"),
                                                  ("fixed", "udp_timeout", "low 30 s", "ok 90 s")]),
        ([("fine", "50"), ("fine", "30")], "worse", [("worse", "udp_timeout", "low 50 s", "low 30 s")]),
        ([("fine", "30"), ("fine", "50")], "same", []),
        ([("fine",), ("fine", "90")], "", []),
    ],
    ids=str,
)  # fmt: skip
def test_a_night_after_other_nights(nights: list[tuple[str, ...]], word: str, changes: list[Any]) -> None:
    assert compare(*(run(day, *night) for day, night in enumerate(nights, 1))) == (word, changes)


def test_what_came_back_has_both_firmwares_and_the_time_it_was_last_fine() -> None:
    nights = [run(1, "bad"), run(2, "fine"), run(3, "fine"), run(4), run(5, "bad")]
    (change,) = drift.compare(drift.point_of(nights[-1]), past(*nights[:-1]))[1]
    assert (change["firmware_was"], change["firmware_now"]) == ("7.3", "7.5")
    assert change["since"] == "2026-01-03T02:00:00Z"
    text = "sip_alg came back: disabled -> active, firmware 7.3 -> 7.5, last seen disabled 2026-01-03T02:00:00Z"
    assert report.change_text(change) == text


def test_a_silent_host_is_unreachable_since_its_last_answer_of_any_kind() -> None:
    refused = run(3, compliance="undetermined", error={"kind": "login_refused", "text": "no"})
    (change,) = drift.compare(None, past(run(1, "fine"), run(2), refused, run(4)))[1]
    assert (change["since"], change["was"]) == ("2026-01-03T02:00:00Z", "undetermined")
    assert report.change_text(change) == "unreachable since 2026-01-03T02:00:00Z, undetermined before"
    assert drift.compare(None, past(run(1, "fine", mode="backup"))) == ("", []), "a file is no sign of life"


def test_a_login_that_is_refused_loses_what_was_known() -> None:
    refused = run(3, compliance="undetermined", error={"kind": "login_refused", "text": "no"})
    assert compare(run(1, "fine"), run(2), refused) == ("worse", [("worse", "", "compliant", "undetermined")])
    assert compare(run(1, "bad"), refused) == ("", [])


def test_saved_configurations_and_devices_are_not_held_against_each_other() -> None:
    assert compare(run(1, "fine", mode="backup"), run(2, "bad")) == ("", [])
    assert compare(run(1, "bad"), run(2, "fine", mode="backup")) == ("", [])
    both = [run(1, "bad"), run(2, "fine", mode="backup"), run(3, "bad", mode="apply")]
    assert compare(*both) == ("same", [])
    assert compare(run(1, "fine", mode="apply"), run(2, "bad"))[0] == "new"


def test_a_router_of_another_platform_says_which() -> None:
    now = run(2, "bad", "20", platform="fortinet_fortios")
    _word, found = drift.compare(drift.point_of(now), past(run(1, "fine", "30")))
    assert [c["change"] for c in found] == ["new"], "timers of two platforms are not comparable"
    assert (found[0]["firmware_was"], found[0]["firmware_now"]) == ("cisco_ios 7.1", "fortinet_fortios 7.2")


def test_more_mechanisms_that_act_are_worse() -> None:
    more = run(2, "bad")
    more["aspects"]["sip_alg"]["mechanisms"].append({**mechanism("b"), "state": "blocking"})
    assert compare(run(1, "bad"), more) == ("worse", [("worse", "sip_alg", "active", "active")])
    other = run(2, "bad")
    other["aspects"]["sip_alg"]["mechanisms"] = [mechanism("b")]
    assert compare(run(1, "bad"), other) == ("same", [])


@pytest.mark.parametrize(
    ("nights", "word"),
    [
        (["fine", "bad", "fine"], "same"),  # as in the earlier report
        (["fine", "bad", "bad"], "new"),  # since then, although last night knew it
        (["bad", "fine", "bad"], "came_back"),
        (["bad", "fine", "fine"], "fixed"),
        (["bad", "bad", "bad"], "same"),
        (["?", "fine", "bad"], "new"),
        (["?", "bad", "fine"], "fixed"),
        (["?", "?", "bad"], "new"),
    ],
    ids=str,
)
def test_with_an_earlier_report_it_is_the_base(nights: list[str], word: str) -> None:
    records = [run(day, night) for day, night in enumerate(nights, 1)]
    assert compare(*records, base=1)[0] == word


def test_the_history_before_the_earlier_report_tells_what_came_back() -> None:
    assert compare(run(1, "bad"), run(2, "fine"), run(3, "bad"), base=2)[0] == "came_back"


def test_forwards_that_are_missing_still_are_the_same() -> None:
    nights = [run(1, "fine"), run(2, "fine")]
    for night in nights:
        night["aspects"]["port_forwards"] = {"verdict": "missing", "compliance": "noncompliant", "mechanisms": []}
    assert compare(*nights) == ("same", [])


def test_nothing_is_read_that_is_not_needed() -> None:
    read: list[int] = []

    def load(day: int, sip: str) -> Point | None:
        read.append(day)
        return drift.point_of(run(day, sip))

    nights: Sequence[tuple[int, str]] = [(9, "bad"), (8, "fine"), (7, "fine"), (6, "bad"), (5, "bad")]
    steps = [(f"2026-01-{day:02}T02:00:00Z", partial(load, day, sip)) for day, sip in nights]
    assert drift.compare(drift.point_of(run(10, "bad")), Past(steps))[0] == "same"
    assert read == [9]
    assert drift.compare(drift.point_of(run(10, "bad")), Past(steps[1:]))[0] == "came_back"
    assert read == [9, 8, 7, 6]


nights = st.lists(st.tuples(st.sampled_from(["fine", "bad", "?", "unsupported", ""]), st.sampled_from(["", "30", "90"])),
                  min_size=1, max_size=6)  # fmt: skip


@given(nights)
def test_a_run_against_itself_has_not_changed(found: list[tuple[str, str]]) -> None:
    records = [run(day, *night) for day, night in enumerate(found, 1)]
    same = [*records, {**records[-1], "finished": "2026-01-30T02:00:00Z"}]
    if not records[-1]["aspects"] or "?" in found[-1]:
        return  # what is not known is not called the same
    assert compare(*same) == ("same", [])
    assert compare(*same, base=len(records)) == ("same", [])


@given(nights)
def test_nothing_bad_is_missed_and_nothing_fine_is_blamed(found: list[tuple[str, str]]) -> None:
    records = [run(day, *night) for day, night in enumerate(found, 1)]
    word, changes = drift.compare(drift.point_of(records[-1]), past(*records[:-1]))
    aspects = records[-1]["aspects"]
    for change in changes:
        compliance = aspects[change["aspect"]]["compliance"] if change["aspect"] else records[-1]["compliance"]
        assert (change["change"] == "fixed") == (compliance == "compliant")
    if word in ("fixed", "same"):
        assert not drift.is_regression(changes)
    if word == "fixed":
        assert records[-1]["compliance"] == "compliant"


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"schema": "other"},
        {"finished": "yesterday"},
        {"compliance": "splendid"},
        {"compliance": ["x"]},
        {"aspects": 3},
        {"aspects": {"sip_alg": {}}},
        {"compliance": "compliant", "aspects": {}},
    ],
    ids=str,
)
def test_what_is_no_record_is_no_answer(broken: dict[str, Any]) -> None:
    assert drift.point_of({**run(1, "bad"), **broken} if broken else {}) is None


def test_hostile_text_of_a_device_is_cleaned() -> None:
    bad = run(2, "bad", firmware=HOSTILE)
    bad["aspects"]["sip_alg"]["verdict"] = HOSTILE
    _word, (change,) = drift.compare(drift.point_of(bad), past(run(1, "fine")))
    assert "\x1b" not in "".join(change.values())
    assert "\u202e" not in "".join(change.values())


def row(host: str, *records: dict[str, Any]) -> dict[str, Any]:
    made = report.row_of({**records[-1], "host": host})
    word, changes = drift.compare(drift.point_of(records[-1]), past(*records[:-1]))
    return {**made, "change": word, "changes": changes}


def test_what_a_run_fails_for() -> None:
    rows = [
        row("worse", run(1, "fine"), run(2, "bad")),
        row("always", run(1, "bad"), run(2, "bad")),
        row("first", run(1, "bad")),
        row("doubt", run(1, "fine"), run(2, "?")),
        row("half", run(1, "?", "30"), run(2, "?", "30")),
        row("silent", run(1, "fine"), run(2)),
        row("good", run(1, "fine"), run(2, "fine")),
    ]
    assert alarm.reason_to_fail(rows, ()) == ""
    assert alarm.reason_to_fail(rows, ("noncompliant",)) == "noncompliant: 4 host(s): worse, always, first, half"
    text = "regression: 1 host(s): worse (sip_alg new: disabled -> active, firmware 7.1 -> 7.2, last seen disabled "
    assert alarm.reason_to_fail(rows, ("regression",)) == text + "2026-01-01T02:00:00Z)"
    both = alarm.reason_to_fail(rows, ("not_reached", "undetermined"))
    assert both == "undetermined: 2 host(s): doubt, half; not_reached: 1 host(s): silent"
    assert alarm.reason_to_fail(rows[-1:], alarm.FAIL_ON) == ""


def test_of_many_hosts_ten_are_named() -> None:
    rows = [row(f"fw{n}", run(1, "bad")) for n in range(1_000)]
    text = alarm.reason_to_fail(rows, ("noncompliant",))
    assert text.endswith("fw8, fw9 and 990 more")
    assert text.startswith("noncompliant: 1000 host(s): fw0, ")


def test_the_words_to_fail_on() -> None:
    assert alarm.fail_on_of([" regression", "not_reached", "", "regression"]) == ("regression", "not_reached")
    with pytest.raises(BadInput, match=r"^fail_on: there is no word 'drift'; known: noncompliant, regression, "):
        alarm.fail_on_of(["regression", "drift"])


def test_the_changes_are_in_every_form() -> None:
    rows = [row("a", run(1, "fine", "30"), run(2, "bad", "30")), row("b", run(1, "fine"), run(2)),
            row("c", run(1, "bad"), run(2, "bad"))]  # fmt: skip
    assert report.summary(rows)["change"] == {"new": 1, "same": 1, "unreachable_since": 1}
    assert [report.change_of(rows[0], a) for a in ("sip_alg", "udp_timeout")] == ["new", ""]
    assert (report.change_of(rows[1], ""), report.change_of(rows[2], "sip_alg")) == ("unreachable_since", "same")
    gone = [{"host": "old*", "compliance": "compliant", "finished": "2026-01-01T02:00:00Z"}]
    text = "".join(report_markdown.to_markdown(rows, "t", "now", gone)).replace("\\", "")
    assert "* a: sip_alg new: disabled -&gt; active, firmware 7.1 -&gt; 7.2, last seen disabled 2026" in text
    assert "* b: unreachable since 2026-01-01T02:00:00Z, compliant before" in text
    assert "* old*: gone, compliant 2026-01-01T02:00:00Z" in text
    assert "Since the earlier run" not in "".join(report_markdown.to_markdown([report.row_of(record())], "t", "now"))


@pytest.mark.parametrize(
    ("device", "wire", "compliance", "word"),
    [
        ("same", "", "compliant", "same"),
        ("", "same", "compliant", ""),
        ("same", "same", "noncompliant", "same"),
        ("same", "new", "noncompliant", "new"),
        ("new", "came_back", "noncompliant", "came_back"),
        ("unreachable_since", "new", "not_reached", "unreachable_since"),
        ("fixed", "same", "noncompliant", "same"),
        ("fixed", "", "compliant", "fixed"),
        ("same", "fixed", "compliant", "fixed"),
        ("same", "fixed", "noncompliant", "same"),
        ("", "fixed", "undetermined", ""),
        ("fixed", "worse", "undetermined", "worse"),
    ],
)
def test_a_host_has_one_word_for_its_device_and_its_wire(device: str, wire: str, compliance: str, word: str) -> None:
    one, other = {"change": device}, {"change": wire}
    assert drift.together((device, [one]), (wire, [other]), compliance) == (word, [one, other])
