# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SARIF: valid by the rules of version 2.1.0 that readers rely on, stable between runs, and safe against hostile text."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core import report, report_sarif
from tests.unit.core.test_report import HOSTILE, record

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}}
PLACE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["logicalLocations"],
    "properties": {
        "logicalLocations": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "properties": {key: {"type": "string"} for key in ("name", "fullyQualifiedName", "kind")},
            },
        }
    },
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ESSENTIAL = {
    # The parts of the published schema that this report uses, with its own constraints.
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string", "format": "uri"},
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "version": {"type": "string"},
                                    "semanticVersion": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "helpUri": {"type": "string", "pattern": "^https://"},
                                                "defaultConfiguration": {"properties": {"level": LEVEL}},
                                            },
                                        },
                                    },
                                },
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "invocations": {
                        "type": "array",
                        "items": {
                            "required": ["executionSuccessful"],
                            "properties": {
                                "endTimeUtc": {"pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
                                "toolExecutionNotifications": {
                                    "type": "array",
                                    "items": {
                                        "required": ["message"],
                                        "properties": {"message": TEXT, "level": LEVEL, "locations": {"items": PLACE}},
                                    },
                                },
                            },
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["message"],
                            "properties": {
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "kind": {"enum": ["notApplicable", "pass", "fail", "review", "open", "informational"]},
                                "level": LEVEL,
                                "message": TEXT,
                                "locations": {"type": "array", "items": PLACE},
                                "partialFingerprints": {"additionalProperties": {"type": "string"}},
                                "properties": {"type": "object"},
                            },
                        },
                    },
                },
            },
        },
    },
}


def made(*rows: Any) -> dict[str, Any]:
    """The one run of the document, after it was held against the essential rules."""
    document = json.loads("".join(report_sarif.to_sarif(rows, "2026-11-26T02:10:00Z")))
    jsonschema.validate(document, ESSENTIAL)
    run: dict[str, Any] = document["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(rules) == len(set(rules))
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] == "none" or result["kind"] == "fail"  # section 3.27.9
    return run


def prints(run: dict[str, Any]) -> list[str]:
    return [value for result in run["results"] for value in result["partialFingerprints"].values()]


def names(result: dict[str, Any]) -> list[str]:
    return [place["logicalLocations"][0]["fullyQualifiedName"] for place in result["locations"]]


def test_findings_are_results_of_rules_with_levels() -> None:
    run = made(report.row_of(record()))
    assert [(rule["id"], rule["defaultConfiguration"]["level"]) for rule in run["tool"]["driver"]["rules"]] == [
        ("A", "error"),
        ("B", "note"),
    ]
    assert [(r["ruleId"], r["level"], r["message"]["text"]) for r in run["results"]] == [
        ("A", "error", "more"),
        ("B", "note", "less"),
    ]


@pytest.mark.parametrize(
    ("severity", "level"), [("high", "error"), ("medium", "warning"), ("low", "note"), ("odd", "note")]
)
def test_levels(severity: str, level: str) -> None:
    run = made(report.row_of(record(findings=[{"id": "A", "aspect": None, "severity": severity, "text": "t"}])))
    assert run["results"][0]["level"] == level


def test_a_finding_is_at_a_host_an_aspect_and_each_mechanism_that_acts() -> None:
    bad = record("a/b", findings=[
        {"id": "A", "aspect": "sip_alg", "severity": "high", "text": "t"},
        {"id": "B", "aspect": "udp_timeout", "severity": "low", "text": "t"},
        {"id": "C", "aspect": None, "severity": "info", "text": "t"},
        {"id": "D", "aspect": "port_forwards", "severity": "info", "text": "t"},
    ])  # fmt: skip
    first = bad["aspects"]["sip_alg"]["mechanisms"][0]
    bad["aspects"]["sip_alg"]["mechanisms"] += [
        {**first, "id": "off", "state": "off"},
        {**first, "id": "two", "scope": "x/y"},
    ]
    found = {r["ruleId"]: names(r) for r in made(report.row_of(bad))["results"]}
    assert found == {
        "A": ["a%2Fb/sip_alg/nat_alg_udp(global)", "a%2Fb/sip_alg/two(x%2Fy)"],
        "B": ["a%2Fb/udp_timeout"],
        "C": ["a%2Fb"],
        "D": ["a%2Fb/port_forwards"],
    }


def test_the_print_of_a_finding_stays_while_its_text_changes() -> None:
    one = {"id": "A", "aspect": "sip_alg", "severity": "high", "text": "30 s"}
    rows = [
        report.row_of(record(findings=[{**one, "text": text}], finished=f"2026-01-0{n}T00:00:00Z"))
        for n, text in ((1, "30 s"), (2, "31 s"))
    ]
    assert prints(made(rows[0])) == prints(made(rows[1]))
    others = [
        record("fw2", findings=[one]),
        record(findings=[{**one, "id": "B"}]),
        record(findings=[{**one, "aspect": None}]),
    ]
    all_prints = prints(made(rows[0], *map(report.row_of, others)))
    assert len(set(all_prints)) == 4
    twice = prints(made(report.row_of(record(findings=[one, one]))))
    assert len(set(twice)) == 2
    assert twice[0] == all_prints[0]


def test_a_host_that_nothing_is_known_of_is_a_notification() -> None:
    rows = report.merge([report.row_of(record(error={"kind": "refusal", "text": "locked"}))], ["silent"])
    notes = made(*rows)["invocations"][0]["toolExecutionNotifications"]
    assert [(n["level"], n["message"]["text"], n["descriptor"]["id"]) for n in notes] == [
        ("warning", "locked", "NONCOMPLIANT"),
        ("error", "there is no record of this run", "NOT-REACHED"),
    ]


def test_properties_are_those_that_are_known() -> None:
    row = {**report.row_of(record(site="Kiel"), lambda platform: "Cisco"), "change": "came_back"}
    assert made(row)["results"][0]["properties"] == {
        "platform": "cisco_ios", "vendor": "Cisco", "model": "ISR", "firmware": "15.7", "site": "Kiel", "change": "came_back",
    }  # fmt: skip


def test_a_report_of_nothing_is_valid() -> None:
    assert made()["results"] == []


def test_hostile_text_stays_text() -> None:
    bad = record(
        HOSTILE + "\udcff",
        findings=[{"id": HOSTILE, "aspect": HOSTILE, "severity": HOSTILE, "text": "x" * 1_000_000}] * 500,
    )
    bad["aspects"]["sip_alg"]["mechanisms"][0]["id"] = HOSTILE
    run = made(report.row_of(bad))
    assert len(run["results"]) == report.MOST
    assert len(json.dumps(run)) < 1_000_000
    assert "".join(report_sarif.to_sarif([report.row_of(bad)], "2026-11-26T02:10:00Z")).isascii()
