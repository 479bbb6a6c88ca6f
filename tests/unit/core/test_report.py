# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: merged in any order, honest about silent hosts, and safe against hostile device text."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import tracemalloc
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core import (
    report,
    report_csv,
    report_html,
    report_markdown,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import MissingLibrary

HOSTILE = "<script>alert(1)</script> {{ 7*7 }} {% raw %} \x1b[31m \u202e |`*# =cmd()" + "x" * 100


def record(host: str = "fw1", **more: Any) -> dict[str, Any]:
    return {
        "schema": "voip.edge/record/1",
        "collection": "0.1.0",
        "host": host,
        "mode": "check",
        "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z",
        "platform": "cisco_ios",
        "model": "ISR",
        "firmware": "15.7",
        "compliance": "noncompliant",
        "aspects": {
            "sip_alg": {
                "verdict": "active",
                "compliance": "noncompliant",
                "mechanisms": [
                    {
                        "id": "nat_alg_udp",
                        "scope": "global",
                        "state": "on",
                        "basis": "default",
                        "evidence": ["line"],
                        "label": "doc",
                    }
                ],
            },
            "udp_timeout": {
                "verdict": "low",
                "seconds": 30,
                "wanted": {"min": 60, "recommended": 120, "max": None},
                "compliance": "noncompliant",
                "mechanisms": [],
            },
        },
        "findings": [
            {"id": "B", "aspect": None, "severity": "info", "text": "less"},
            {"id": "A", "aspect": "sip_alg", "severity": "high", "text": "more"},
        ],
        "plan": [{"do": "no x", "undo": "x"}],
        "done": [],
        "advice": ["do this"],
        "not_checked": ["that"],
        **more,
    }


def page(*records: dict[str, Any]) -> str:
    rows = report.merge([report.row_of(r) for r in records], [])
    return "".join(report_html.to_html(rows, "title", "now"))


def test_rows_hold_what_people_need_first() -> None:
    row = report.row_of(record())
    assert [f["id"] for f in row["findings"]] == ["A", "B"]
    assert report.verdict(row, "sip_alg") == "active"
    assert report.verdict(row, "port_forwards") == ""


@pytest.mark.parametrize(
    "broken", [{}, {"host": "x", "compliance": "fine"}, {"host": "x", "compliance": "compliant", "aspects": 3}]
)
def test_a_record_that_is_none_is_undetermined(broken: dict[str, Any]) -> None:
    row = report.row_of(broken)
    assert row["compliance"] == "undetermined"
    assert "not readable" in row["error"]


@pytest.mark.parametrize(
    "more",
    [
        {"compliance": "splendid"},
        {"compliance": ["compliant"]},
        {"compliance": "compliant", "aspects": {}},
        {"compliance": "compliant", "schema": "voip.edge/record/2"},
        {"compliance": "compliant", "finished": None},
        {"compliance": "compliant", "finished": "tomorrow"},
        {"compliance": "compliant", "error": None},
    ],
    ids=str,
)
def test_what_is_not_understood_is_never_compliant(more: dict[str, Any]) -> None:
    assert report.row_of(record(**more))["compliance"] == "undetermined"


def test_host_names_that_look_alike_stay_apart() -> None:
    names = ["fw\x01", "fw\x02", "fw\u202e", "fw\udcff", "fw\udcfe"]
    merged = report.merge([report.row_of(record(name)) for name in names[1:]], names)
    assert {r["host"]: r["compliance"] for r in merged}["fw\\x01"] == "not_reached"
    assert len(merged) == len(names)
    assert report.merge([report.row_of(record("fw\udcff"))], ["fw\udcff"])[0]["compliance"] == "noncompliant"


def test_an_old_row_says_when_it_was_an_answer() -> None:
    old = report.stale(report.row_of(record()))
    assert (old["compliance"], old["aspects"]) == ("not_reached", [])
    assert old["error"] == "not reached in this run; last seen 2026-01-01T00:00:01Z"
    silent = report.row_of(record(compliance="not_reached", aspects={}, error={"kind": "timeout", "text": "no answer"}))
    assert report.stale(silent)["error"] == "not reached in this run; last tried 2026-01-01T00:00:01Z, without success"


def test_a_silent_host_is_not_reached_and_the_rest_is_in_order() -> None:
    rows = [report.row_of(record(name, compliance="compliant")) for name in ("fw10", "fw2")] + [
        report.row_of(record("a"))
    ]
    merged = report.merge(rows, ["fw2", "silent"])
    assert [(r["host"], r["compliance"]) for r in merged] == [
        ("a", "noncompliant"),
        ("silent", "not_reached"),
        ("fw2", "compliant"),
        ("fw10", "compliant"),
    ]


hosts = st.lists(st.sampled_from(["a", "b", "c", "fw2", "fw02", "fw10"]), max_size=6)


@given(hosts, st.randoms())
def test_the_order_of_records_does_not_matter(names: list[str], dice: Any) -> None:
    rows = [report.row_of(record(n, finished=f"2026-01-01T00:00:{at:02}Z")) for at, n in enumerate(names)]
    shuffled = list(rows)
    dice.shuffle(shuffled)
    assert report.merge(rows, ["z"]) == report.merge(shuffled, ["z"])


def test_counts() -> None:
    rows = report.merge([report.row_of(record()), report.row_of(record("b", compliance="compliant"))], ["c"])
    counts = report.summary(rows)
    assert counts["hosts"] == 3
    assert counts["compliance"] == {"compliant": 1, "noncompliant": 1, "not_reached": 1}
    assert counts["sip_alg"] == {"active": 2, "not_reached": 1}
    assert counts["platform"] == {"cisco_ios": 2, "unknown": 1}


def test_csv_has_a_row_a_host_and_aspect_and_no_formulas() -> None:
    rows = report.merge([report.row_of(record("=evil()", error={"kind": "x", "text": "@sum"}))], ["silent"])
    read = list(csv.DictReader(io.StringIO("".join(report_csv.to_csv(rows)))))
    assert [(r["host"], r["aspect"]) for r in read] == [
        ("'=evil()", "sip_alg"),
        ("'=evil()", "udp_timeout"),
        ("silent", ""),
    ]
    assert read[0]["on"] == "nat_alg_udp(global)"
    assert read[0]["error"] == "'@sum"
    assert read[1]["seconds"] == "30"


def test_hostile_text_stays_text_everywhere() -> None:
    bad = record(HOSTILE, model=HOSTILE, advice=[HOSTILE], findings=[{"id": "A", "severity": "high", "text": HOSTILE}])
    row = report.row_of(bad)
    html = page(bad)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "{{ 7*7 }}" in html
    assert "\x1b" not in html
    assert "\u202e" not in html
    markdown = "".join(report_markdown.to_markdown([row], "t", "now"))
    assert "<script>" not in markdown
    assert "\\|" in markdown


def test_markdown_makes_no_links_of_device_text() -> None:
    row = report.row_of(record(advice=["see https://evil.example www.evil.example a@evil.example <http://x>"]))
    text = "".join(report_markdown.to_markdown([row], "t", "now"))
    assert not re.findall(r"(?<!\\)://|www\.|(?<!\\)@", text)


def test_a_flood_of_text_is_cut_and_says_so() -> None:
    row = report.row_of(record(advice=["x" * 1_000_000] * 100))
    assert len(row["advice"]) == 41
    assert row["advice"][-1] == "[60 more]"
    assert "[996000 more characters]" in row["advice"][0]


def test_a_flood_of_entries_is_cut_and_what_acts_stays() -> None:
    bad = record(
        findings=[{"id": "F", "severity": "low", "text": "x"}] * 1_000,
        plan=[{"do": "x", "undo": "y"}] * 1_000,
        error={"kind": "not_proven", "text": "take it back by hand with: " + "y" * 3_000},
    )
    off = {"id": "m", "scope": "s", "state": "off", "basis": "default", "evidence": ["e" * 1_000] * 50, "label": "doc"}
    bad["aspects"]["sip_alg"]["mechanisms"] = [off] * 5_000 + [{**off, "state": "on", "id": "last"}]
    row = report.row_of(bad)
    shown = row["aspects"][0]["mechanisms"]
    assert shown[0]["id"] == "last"
    assert shown[-1]["id"] == "[4801 more]"
    assert row["findings"][-1]["text"] == "[900 more]"
    assert row["plan"][-1]["do"] == "[900 more]"
    assert row["error"].endswith("y" * 3_000)
    assert len(page(bad)) < 3_000_000


def test_what_must_be_sent_is_not_cut_short() -> None:
    lines = "\n".join(f"no ip nat service sip udp port {n}" for n in range(60))
    assert report.row_of(record(done=[{"do": lines, "undo": lines}]))["done"] == [{"do": lines, "undo": lines}]


def test_html_is_one_closed_file() -> None:
    html = page(record(), record("b", compliance="compliant"))
    assert "Content-Security-Policy" in html
    assert "unsafe-inline" not in html
    assert "http://" not in html
    assert "https://" not in html
    assert 'scope="col"' in html
    assert "low (30 s)" in html
    assert html.rstrip().endswith("</html>")


def test_html_allows_its_own_script_and_style_and_no_other() -> None:
    html = page(record())
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)[0]
    for tag in ("script", "style"):
        inner = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        assert len(inner) == 1
        digest = base64.b64encode(hashlib.sha256(inner[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert " style=" not in html
    assert " on" + "click=" not in html


def test_every_table_has_a_caption_and_scoped_headings() -> None:
    html = page(record())
    assert html.count("<table") == html.count("<caption>") == 2
    assert not re.findall(r"<th(?! scope=)[ >]", html)


def test_html_without_jinja_says_which_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_html, "JINJA_ERROR", "No module named 'jinja2'")
    with pytest.raises(MissingLibrary, match="jinja2"):
        page(record())


def test_markdown_names_what_is_to_be_done() -> None:
    rows = report.merge(
        [report.row_of(record(error={"kind": "x", "text": "broken"}, done=[{"do": "y", "undo": "z"}]))], ["silent"]
    )
    text = "".join(report_markdown.to_markdown(rows, "title", "now"))
    assert "| fw1 | noncompliant | active | low |" in text.replace("\\", "")
    assert "1. do this" in text
    assert "planned: no x" in text
    assert "done: y" in text
    assert "error: broken" in text


def peak_of(work: Any) -> int:
    """The most memory in bytes that was held at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_row_is_small() -> None:
    rows = [report.row_of(record(f"first{n}")) for n in range(100)]  # what is made once is there before it is measured
    assert peak_of(lambda: rows.extend(report.row_of(record(f"fw{n}")) for n in range(500))) < 500 * 10_000


def test_ten_thousand_rows_are_written_as_they_come() -> None:
    rows = report.merge([report.row_of(record(f"fw{n}")) for n in range(100)], [f"fw{n}" for n in range(10_000)])
    assert len(rows) == 10_000
    # A template that coverage watches is ten times slower, so there the first rows must do; the bound is the same.
    for write, many in (
        (report_csv.to_csv, 10_000),
        (report_markdown.to_markdown, 10_000),
        (report_html.to_html, 2_000),
    ):
        more = () if write is report_csv.to_csv else ("title", "now")
        sizes = [sum(map(len, write(rows[:150], *more)))]
        work = partial(map, len, write(rows[:many], *more))
        assert peak_of(lambda lengths=work, out=sizes: out.append(sum(lengths()))) < 3_000_000
        assert (
            sizes[1] > (4 if write is not report_html.to_html else 1.5) * sizes[0]
        )  # pages beyond the first are packed


def test_a_name_with_a_raised_digit() -> None:
    rows = [report.row_of(record(name)) for name in ("fw1\u00b22", "fw10")]
    assert len(report.merge(rows, [])) == 2


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1", '"=1"', "a;=1", "a,b", "\uff1d1"])
def test_no_cell_becomes_a_formula(cell: str) -> None:
    rows = [report.row_of(record("h", firmware=cell, model=cell))]
    lines = list(csv.reader(io.StringIO("".join(report_csv.to_csv(rows)))))
    assert {len(line) for line in lines} == {len(report_csv.COLUMNS)}
    assert not [c for line in lines for c in line if c[:1] in ("=", "+", "-", "@", "\t", "\r", "\uff1d")]
