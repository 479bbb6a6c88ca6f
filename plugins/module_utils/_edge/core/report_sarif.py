# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as SARIF 2.1.0, the OASIS format of findings that SIEMs and code hosts read.

A finding's id is a rule, a finding is a result, and where it is found is a logical location: host, aspect, mechanism.
A host that nothing is known of has no result; it is a notification of the run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from .records import VERSION
from .report import Row

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
GUIDE = "https://github.com/voip-edge/voip.edge/blob/main/docs/docsite/rst/guide_verdicts.rst"
LEVELS = {"high": "error", "medium": "warning", "low": "note", "info": "note"}
SEVERITIES = {"high": "8.0", "medium": "5.0", "low": "2.0", "info": "0.0"}
"""The figures by which code hosts sort: 7.0 to 8.9 is high there, 4.0 to 6.9 medium, 0.1 to 3.9 low."""
MOST_PLACES = 20
_ACTING = ("on", "blocking", "unknown")


def to_sarif(rows: Sequence[Row], generated: str) -> Iterator[str]:
    """Pieces of the JSON file. `generated` is a time in ISO 8601, UTC, with a final Z."""
    rules = _rules(rows)
    driver = {
        "name": "voip.edge",
        "version": VERSION,
        "semanticVersion": VERSION,
        "informationUri": "https://github.com/voip-edge/voip.edge",
        "rules": [_rule(name, severity) for name, severity in rules.items()],
    }
    notes = [_notification(row) for row in rows if row["error"] or row["compliance"] == "not_reached"]
    run = {
        "tool": {"driver": driver},
        "invocations": [
            # a host that could not be reached is no failure of the run: it is what the run found out
            {"executionSuccessful": True, "endTimeUtc": generated, "toolExecutionNotifications": notes}
        ],
        "columnKind": "unicodeCodePoints",
    }
    head = json.dumps({"$schema": SCHEMA, "version": "2.1.0"}, indent=1)[:-2]
    yield f'{head},\n "runs": [\n{json.dumps(run)[:-1]}, "results": [\n'
    index = {name: at for at, name in enumerate(rules)}
    separator = ""
    for row in rows:
        for result in _results(row, index):
            yield separator + json.dumps(result)
            separator = ",\n"
    yield "\n]}]}\n"


def _rules(rows: Sequence[Row]) -> dict[str, str]:
    """Each id that was found with the worst severity that it has, in alphabetical order."""
    order = list(LEVELS)
    found: dict[str, str] = {}
    for row in rows:
        for finding in row["findings"]:
            if finding["id"]:
                worst = min((found.get(finding["id"], "info"), _known(finding["severity"])), key=order.index)
                found[finding["id"]] = worst
    return dict(sorted(found.items()))


def _known(severity: str) -> str:
    return severity if severity in LEVELS else "info"


def _rule(name: str, severity: str) -> dict[str, Any]:
    words = name.replace("-", " ").lower()
    return {
        "id": name,
        "name": "".join(part.capitalize() for part in words.split()),
        "shortDescription": {"text": words},
        "fullDescription": {"text": f"{words}; what it means stands in the guide to verdicts and findings"},
        "helpUri": GUIDE,
        "defaultConfiguration": {"level": LEVELS[severity]},
        "properties": {"security-severity": SEVERITIES[severity], "tags": ["voip", "sip", "network"]},
    }


def _results(row: Row, index: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for finding in row["findings"]:
        if not finding["id"]:
            continue
        aspect = next((a for a in row["aspects"] if a["name"] == finding["aspect"]), None)
        key = f"{row['host']}\0{finding['id']}\0{finding['aspect']}"
        seen[key] = seen.get(key, 0) + 1
        yield {
            "ruleId": finding["id"],
            "ruleIndex": index[finding["id"]],
            "kind": "fail",
            "level": LEVELS[_known(finding["severity"])],
            "message": {"text": finding["text"] or finding["id"]},
            "locations": [{"logicalLocations": [one]} for one in _places(row, finding["aspect"], aspect)],
            # The same fault of the same host has the same print in every run, whatever its text says that day.
            "partialFingerprints": {"hostFindingAspect/v1": _print(f"{key}\0{seen[key]}")},
            "properties": {
                key: row[key] for key in ("platform", "vendor", "model", "firmware", "site", "change") if row[key]
            },
        }


def _print(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _places(row: Row, name: str, aspect: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The host; with an aspect that; with a SIP ALG its mechanisms that act or may act: each of them must change."""
    host = _place(row["host"], [row["host"]], "resource")
    if not name:
        return [host]
    if aspect is None or name != "sip_alg":  # of timers and forwards the finding's text says which
        return [_place(name, [row["host"], name], "property")]
    acting = [m for m in aspect["mechanisms"] if m["state"] in _ACTING][:MOST_PLACES]
    places = [_place(m["id"], [row["host"], name, f"{m['id']}({m['scope']})"], "property") for m in acting]
    return places or [_place(name, [row["host"], name], "property")]


def _place(name: str, path: Sequence[str], kind: str) -> dict[str, Any]:
    """The parts of the full name are escaped as in an address, so that a slash in one is no separator."""
    return {"name": name, "fullyQualifiedName": "/".join(quote(part, safe="()") for part in path), "kind": kind}


def _notification(row: Row) -> dict[str, Any]:
    return {
        "level": "error" if row["compliance"] in ("not_reached", "undetermined") else "warning",
        "message": {"text": row["error"] or f"the host is {row['compliance']}"},
        "descriptor": {"id": row["compliance"].upper().replace("_", "-")},
        "locations": [{"logicalLocations": [_place(row["host"], [row["host"]], "resource")]}],
    }
