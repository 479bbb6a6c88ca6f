# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JUnit: a test case a host and aspect, well formed whatever a device says, and nothing unknown passes."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core import report, report_junit
from tests.unit.core.test_report import HOSTILE, record


def parsed(*rows: Any) -> ElementTree.Element:
    return ElementTree.fromstring("".join(report_junit.to_junit(rows, "title")).encode("utf-8"))


def cases(*rows: Any) -> dict[tuple[str, str], str]:
    """The outcome of each test case, "" where it passes."""
    return {
        (case.attrib["classname"], case.attrib["name"]): next((child.tag for child in case), "")
        for case in parsed(*rows).iter("testcase")
    }


def of(compliance: str, **more: Any) -> dict[str, Any]:
    made = record(compliance=compliance, **more)
    made["aspects"]["sip_alg"]["compliance"] = compliance
    made["aspects"]["udp_timeout"]["compliance"] = "compliant"
    return report.row_of(made)


@pytest.mark.parametrize(
    ("compliance", "outcome"),
    [
        ("compliant", ""),
        ("noncompliant", "failure"),
        ("unsupported", "skipped"),
        ("undetermined", "error"),
        ("odd", "error"),
    ],
)
def test_an_aspect_is_a_case_with_the_outcome_of_its_compliance(compliance: str, outcome: str) -> None:
    row = of(compliance)
    found = cases({**row, "compliance": compliance if compliance != "odd" else "undetermined"})
    assert found == {("fw1", "sip_alg"): outcome, ("fw1", "udp_timeout"): ""}


def test_a_case_says_why_and_shows_what_was_seen() -> None:
    failure = parsed(of("noncompliant")).find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == "more"
    assert failure.text == "nat_alg_udp (global): on: line"
    skipped = parsed(of("unsupported", findings=[])).find(".//skipped")
    assert skipped is not None
    assert skipped.attrib["message"] == "sip_alg is active"


def test_a_host_that_is_silent_or_broken_is_an_error_with_the_reason() -> None:
    rows = report.merge([report.row_of({"host": "broken"})], ["silent"])
    assert cases(*rows) == {("broken", "host"): "error", ("silent", "host"): "error"}
    said = [error.attrib["message"] for error in parsed(*rows).iter("error")]
    assert said == ["the record is not readable", "there is no record of this run"]


def test_a_host_that_is_worse_than_its_aspects_does_not_pass() -> None:
    """Off by the device's word, rewritten on the wire: that is a finding of the host."""
    row = of("compliant", findings=[{"id": "SIPALG-ON-PATH", "aspect": None, "severity": "high", "text": "rewritten"}])
    found = {**row, "compliance": "noncompliant"}
    assert cases(found)["fw1", "host"] == "failure"
    failure = parsed(found).find(".//failure")
    assert failure is not None
    assert failure.attrib["message"] == "rewritten"
    assert ("fw1", "host") not in cases(row)


def test_the_counts_are_those_of_the_cases() -> None:
    rows = [of(c) for c in ("compliant", "noncompliant", "unsupported", "undetermined")]
    root = parsed(*[{**row, "host": f"h{n}"} for n, row in enumerate(rows)])
    assert {k: v for k, v in root.attrib.items() if k != "name"} == {
        "tests": "8",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
    }
    assert [suite.attrib["tests"] for suite in root] == ["2"] * 4
    assert root[0].attrib["timestamp"] == "2026-01-01T00:00:01"


def test_what_the_device_says_is_only_text() -> None:
    text = HOSTILE + "]]></testcase>\x00\ufffe\uffff\ud800"
    bad = record(
        text, model=text, firmware=text, findings=[{"id": "A", "aspect": "sip_alg", "severity": "high", "text": text}]
    )
    bad["aspects"]["sip_alg"]["mechanisms"][0].update(id=text, evidence=[text])
    row = report.row_of(bad)
    suites = list(parsed(row))
    assert len(suites) == 1
    assert "<script>alert(1)</script> {{ 7*7 }}" in suites[0].attrib["name"]
    assert "]]></testcase>" in suites[0].attrib["name"]


@given(st.text(st.characters(codec=None)))
def test_every_text_is_well_formed(text: str) -> None:
    row = {**report.missing_row("h", text), "host": text, "site": text, "advice": [text]}
    case = parsed(row).find(".//testcase")
    assert case is not None
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", case.attrib["classname"])


def test_a_flood_is_bounded() -> None:
    bad = record(findings=[{"id": "A", "aspect": "sip_alg", "severity": "high", "text": "x" * 1_000_000}] * 1_000)
    failure = parsed(report.row_of(bad)).find(".//failure")
    assert failure is not None
    assert len(failure.attrib["message"]) == report_junit.LONGEST_MESSAGE
