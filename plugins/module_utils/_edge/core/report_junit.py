# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit's XML: a suite a host, a test case an aspect. What is not known is an error, never a pass.

The form is the one that CI servers read: testsuites, testsuite, testcase with failure, error or skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from .report import Row

OUTCOMES = {
    "compliant": "",
    "noncompliant": "failure",
    "unsupported": "skipped",
    "undetermined": "error",
    "not_reached": "error",
}
"""What JUnit calls a compliance."""
LONGEST_MESSAGE = 1_000
_NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no characters for, section 2.2 of its specification."""


def _text(value: Any) -> str:
    return _NO_XML.sub("\ufffd", str(value))


def _cases(row: Row) -> list[tuple[str, str, str, list[str]]]:
    """(name, outcome, message, lines) of each test case. A host of which nothing is known is one case that says why."""
    out = []
    for aspect in row["aspects"]:
        outcome = OUTCOMES.get(aspect["compliance"], "error")
        texts = [f["text"] for f in row["findings"] if f["aspect"] == aspect["name"]]
        message = "; ".join(texts) or f"{aspect['name']} is {aspect['verdict']}"
        out.append((aspect["name"], outcome, message, _lines(aspect) if outcome else []))
    worst = OUTCOMES.get(row["compliance"], "error")
    if worst and (not out or worst not in [case[1] for case in out]):
        # nothing was judged, or the host is worse than its aspects: because of the wire, or of a finding of its own
        texts = [row["error"], *(f["text"] for f in row["findings"] if not f["aspect"]), *row["not_checked"][:1]]
        message = next((text for text in texts if text), f"the host is {row['compliance']}")
        out.append(("host", worst, message, list(row["advice"])))
    return out


def _lines(aspect: Mapping[str, Any]) -> list[str]:
    """Each mechanism with its state and what was seen."""
    return [
        f"{m['id']} ({m['scope']}): {m['state']}: {' / '.join(m['evidence'])}".rstrip(": ")
        for m in aspect["mechanisms"]
    ]


def _counts(cases: Sequence[tuple[str, str, str, list[str]]]) -> dict[str, int]:
    outcomes = [case[1] for case in cases]
    return {
        "tests": len(cases),
        "failures": outcomes.count("failure"),
        "errors": outcomes.count("error"),
        "skipped": outcomes.count("skipped"),
    }


def _attributes(words: Mapping[str, Any]) -> str:
    return "".join(f" {key}={quoteattr(_text(value))}" for key, value in words.items())


def to_junit(rows: Sequence[Row], title: str) -> Iterator[str]:
    """Pieces of the XML file, a host at a time."""
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for row in rows:
        for key, number in _counts(_cases(row)).items():
            total[key] += number
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites{_attributes({"name": title, **total})}>\n'
    for row in rows:
        yield from _suite(row)
    yield "</testsuites>\n"


def _suite(row: Row) -> Iterator[str]:
    cases = _cases(row)
    when = {"timestamp": row["finished"].rstrip("Z")} if row["finished"] else {}
    yield f"<testsuite{_attributes({'name': row['host'], **_counts(cases), **when})}>\n"
    known = {key: row[key] for key in ("platform", "model", "firmware", "site", "change") if row[key]}
    if known:
        inner = "".join(f"<property{_attributes({'name': key, 'value': value})}/>" for key, value in known.items())
        yield f"<properties>{inner}</properties>\n"
    for name, outcome, message, lines in cases:
        head = f"<testcase{_attributes({'classname': row['host'], 'name': name})}"
        if not outcome:
            yield head + "/>\n"
            continue
        said = _attributes({"message": message[:LONGEST_MESSAGE]})
        kind = "" if outcome == "skipped" else _attributes({"type": row["compliance"] if name == "host" else outcome})
        yield f"{head}><{outcome}{said}{kind}>{escape(_text(chr(10).join(lines)))}</{outcome}></testcase>\n"
    yield "</testsuite>\n"
