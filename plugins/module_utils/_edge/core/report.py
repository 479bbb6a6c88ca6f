# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records into rows that are small and merged in any order. report_csv, report_html and their like write them.

Device text is hostile input everywhere here: it is cut to a stated length, loses its control characters, and is escaped
by whatever it is written into.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from . import path
from .model import COMPLIANCE
from .records import SCHEMA

LONGEST = 400
"""Characters of a cell or a line of evidence."""
LONGEST_TEXT = 4_000
"""Characters of what a person has to read whole: lines to send, errors that say what is left on a device, advice."""
MOST, MOST_LINES, MOST_MECHANISMS = 100, 12, 200
# Control characters, what turns the writing direction round or cannot be seen, and halves of characters.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_FIRST = {
    word: at for at, word in enumerate(("noncompliant", "undetermined", "not_reached", "unsupported", "compliant"))
}
_SEVERITY = {"high": 0, "medium": 1, "low": 2, "info": 3}
_STATE = {"on": 0, "blocking": 1, "unknown": 2}

Row = Mapping[str, Any]


def clean(value: Any, longest: int = LONGEST) -> str:
    """A value as one text of bounded length without control characters; what was cut off is said."""
    text = "" if value is None else str(value)
    cut = len(text) - longest
    text = _CONTROL.sub("\ufffd", text[:longest])
    # The same few words stand in the rows of ten thousand hosts: one object each.
    return sys.intern(text) if cut <= 0 else f"{text} [{cut} more characters]"


def host_of(name: Any) -> str:
    """A host's name as it is shown. What cannot be seen is spelt out, or two names would become one."""
    return clean(_CONTROL.sub(lambda m: ascii(m.group(0))[1:-1], str(name)))


def _texts(values: Any, most: int = 40, longest: int = LONGEST_TEXT) -> list[str]:
    listed = values if isinstance(values, list) else []
    out = [clean(v, longest) for v in listed[:most]]
    return out if len(listed) <= most else [*out, f"[{len(listed) - most} more]"]


def missing_row(host: Any, why: str, compliance: str = "not_reached") -> dict[str, Any]:
    """The row of a host that should be in the report and has nothing to say."""
    words = ("platform", "vendor", "model", "firmware", "site", "finished", "mode", "change")
    lists = ("aspects", "findings", "plan", "done", "advice", "not_checked", "changes")
    empty: dict[str, Any] = {**dict.fromkeys(words, ""), **{key: [] for key in lists}, "path": None}
    return {"host": host_of(host), "compliance": compliance, "error": why, **empty}


def row_of(record: Mapping[str, Any], vendor_of: Callable[[str], str] = lambda platform: "") -> dict[str, Any]:
    """The row of a record: plain, small, cleaned. A record of unknown shape becomes an undetermined row that says so.

    `vendor_of` tells the vendor of a platform's name. `change` and `changes` are filled by a comparison with an earlier
    run, `path` is None where nothing was looked at on the wire.
    """
    try:
        row = _row(record)
        return {**row, "vendor": clean(vendor_of(row["platform"]))}
    except (AttributeError, KeyError, TypeError, ValueError):
        return missing_row(record.get("host", "?"), "the record is not readable", "undetermined")


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    compliance = record["compliance"]
    if record["schema"] != SCHEMA or not TIME.fullmatch(record["finished"]):
        raise ValueError("another kind of record")
    if compliance == "compliant" and not record["aspects"]:
        raise ValueError("compliant without anything that was judged")
    return {
        "host": host_of(record["host"]),
        "platform": clean(record["platform"]),
        "model": clean(record["model"]),
        "firmware": clean(record["firmware"]),
        "site": clean(record.get("site")),
        "finished": clean(record["finished"]),
        "mode": clean(record["mode"]),
        "compliance": compliance if compliance in COMPLIANCE else "undetermined",
        "error": clean(record.get("error", {}).get("text"), LONGEST_TEXT),
        "aspects": [_aspect(clean(name), aspect) for name, aspect in record["aspects"].items()],
        "findings": _findings(record["findings"]),
        "plan": _steps(record["plan"]),
        "done": _steps(record["done"]),
        "advice": _texts(record["advice"]),
        "not_checked": _texts(record["not_checked"]),
        "change": "",
        "changes": [],
        "path": _path(record.get("path")),
    }


def with_path(row: dict[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row of a host that gave no answer, with what the wire says of it."""
    return {**row, "path": _path(found)} if found else row


def _path(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the report shows of a path, with its cell of the table in `words`. What is not `current` says nothing about now."""
    if found is None:
        return None
    keepalive = found["keepalive"]
    return {
        "verdict": clean(found["verdict"]),
        "words": clean(path.words(found)),
        "current": found["current"] is True,
        "finished": clean(found["finished"]),
        "profile": clean(found["profile"]),
        "reasons": _texts(found["reasons"]),
        "rewritings": [_rewriting(one) for one in found["rewritings"][:MOST_LINES]],
        "not_tested": _texts(found["not_tested"]),
        "keepalive": f"{keepalive} s" if isinstance(keepalive, int) else "",
    }


def _rewriting(one: Mapping[str, Any]) -> dict[str, str]:
    whose = ", ".join(f"{pair['address']} ({pair['whose']})" for pair in one["inserted"])
    case = f"{one['method']} {one['direction']}, {one['transport']} from port {one['source']} to {one['port']}"
    words = {key: clean(one[key]) for key in ("name", "before", "after", "times")}
    return {"case": clean(case), "whose": clean(whose), **words}


def _findings(found: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    worst_first = sorted(found, key=lambda f: _SEVERITY.get(f["severity"], 9))
    out = [
        {
            **{key: clean(f[key]) for key in ("id", "severity")},
            "aspect": clean(f.get("aspect")),
            "text": clean(f["text"], LONGEST_TEXT),
        }
        for f in worst_first[:MOST]
    ]
    if len(found) > MOST:
        out.append({"id": "", "severity": "info", "aspect": "", "text": f"[{len(found) - MOST} more]"})
    return out


def _steps(steps: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    out = [{key: clean(step[key], LONGEST_TEXT) for key in ("do", "undo")} for step in steps[:MOST]]
    if len(steps) > MOST:
        out.append(dict.fromkeys(("do", "undo"), f"[{len(steps) - MOST} more]"))
    return out


def _aspect(name: str, aspect: Mapping[str, Any]) -> dict[str, Any]:
    mechanisms = aspect["mechanisms"]
    if len(mechanisms) > MOST_MECHANISMS:  # what acts must not be among those that are left out
        mechanisms = sorted(mechanisms, key=lambda m: _STATE.get(m["state"], 9))
    shown = [
        {
            **{key: clean(m[key]) for key in ("id", "scope", "state", "basis", "label")},
            "evidence": _texts(m["evidence"], MOST_LINES, LONGEST),
        }
        for m in mechanisms[:MOST_MECHANISMS]
    ]
    if len(mechanisms) > MOST_MECHANISMS:
        more: dict[str, Any] = dict.fromkeys(("scope", "state", "basis", "label"), "")
        shown.append({"id": f"[{len(mechanisms) - MOST_MECHANISMS} more]", **more, "evidence": []})
    seconds = aspect.get("seconds")
    return {
        "name": name,
        "verdict": clean(aspect["verdict"]),
        "compliance": clean(aspect["compliance"]),
        "seconds": seconds if isinstance(seconds, int) else None,
        "mechanisms": shown,
    }


def _natural(name: str) -> list[Any]:
    """fw2 before fw10."""
    parts: list[Any] = re.split(r"([0-9]+)", name)
    parts[1::2] = map(int, parts[1::2])
    return parts


def merge(rows: Iterable[dict[str, Any]], hosts: Iterable[str]) -> list[dict[str, Any]]:
    """All rows, and one for each expected host without a record; what needs action first, then by name.

    The order in which rows come does not matter; of two rows of one host the later one counts.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        known = found.get(row["host"])
        if known is None or (known["finished"], str(known)) < (row["finished"], str(row)):
            found[row["host"]] = row
    for host in hosts:
        name = host_of(host)
        if name not in found:
            found[name] = missing_row(host, "there is no record of this run")
    return sorted(found.values(), key=lambda r: (_FIRST[r["compliance"]], _natural(r["host"]), r["host"]))


def stale(row: Row) -> dict[str, Any]:
    """An old row is no answer for this run."""
    tried = row["compliance"] == "not_reached"
    last = f"last tried {row['finished']}, without success" if tried else f"last seen {row['finished']}"
    kept = {key: row[key] for key in ("host", "site", "vendor", "platform", "path")}
    return {**missing_row("", f"not reached in this run; {last}"), **kept}


def on_the_wire(row: Row) -> str:
    """What a probe proved about the path, "" where nobody looked."""
    return row["path"]["words"] if row["path"] else ""


def verdict(row: Row, aspect: str) -> str:
    """The verdict on an aspect, "" where it was not judged."""
    return next((str(a["verdict"]) for a in row["aspects"] if a["name"] == aspect), "")


def change_of(row: Row, aspect: str) -> str:
    """What changed of an aspect; of a host where nothing changed, or all of it, that is the word for each aspect."""
    for change in row.get("changes", ()):
        if change["aspect"] in (aspect, ""):
            return str(change["change"])
    return "same" if row.get("change") == "same" else ""


def change_text(change: Mapping[str, str]) -> str:
    """A change as a phrase for people."""
    if change["change"] == "unreachable_since":
        return f"unreachable since {change['since']}, {change['was']} before"
    text = f"{change['aspect']} {change['change'].replace('_', ' ')}".strip()
    text += f": {change['was']} -> {change['now']}" if change["was"] else f": {change['now']}"
    if change["since"] and change["firmware_was"] != change["firmware_now"]:
        text += f", firmware {change['firmware_was'] or 'not known'} -> {change['firmware_now'] or 'not known'}"
    return text + (f", last seen {change['was']} {change['since']}" if change["since"] else "")


def summary(rows: Iterable[Row]) -> dict[str, Any]:
    """Counts by compliance, by the verdict on the SIP ALG, by platform, and by what changed since an earlier run."""
    out: dict[str, Any] = {"hosts": 0, "compliance": {}, "sip_alg": {}, "platform": {}, "change": {}}
    for row in rows:
        out["hosts"] += 1
        if row.get("change"):
            out["change"][row["change"]] = out["change"].get(row["change"], 0) + 1
        for key, value in (
            ("compliance", row["compliance"]),
            ("sip_alg", verdict(row, "sip_alg") or row["compliance"]),
            ("platform", row["platform"] or "unknown"),
        ):
            out[key][value] = out[key].get(value, 0) + 1
    return {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in out.items()}
