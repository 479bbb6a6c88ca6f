# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records into a report: rows that are small, merged in any order, and written as CSV, Markdown and HTML.

Device text is hostile input everywhere here: it is cut to a stated length, loses its control characters, and is escaped
by whatever it is written into.
"""

from __future__ import annotations

import csv
import html
import io
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
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
    empty: dict[str, Any] = dict.fromkeys(("platform", "model", "firmware", "finished", "mode"), "")
    lists: dict[str, Any] = {key: [] for key in ("aspects", "findings", "plan", "done", "advice", "not_checked")}
    return {"host": host_of(host), "compliance": compliance, "error": why, "path": None, **empty, **lists}


def row_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """The row of a record: plain, small, cleaned. A record of unknown shape becomes an undetermined row that says so."""
    try:
        return _row(record)
    except (AttributeError, KeyError, TypeError, ValueError):
        return missing_row(record.get("host", "?"), "the record is not readable", "undetermined")


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    compliance = record["compliance"]
    if record["schema"] != SCHEMA or not _TIME.fullmatch(record["finished"]):
        raise ValueError("another kind of record")
    if compliance == "compliant" and not record["aspects"]:
        raise ValueError("compliant without anything that was judged")
    return {
        "host": host_of(record["host"]),
        "platform": clean(record["platform"]),
        "model": clean(record["model"]),
        "firmware": clean(record["firmware"]),
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
        "path": _path(record.get("path")),
    }


def with_path(row: dict[str, Any], found: Mapping[str, Any] | None) -> dict[str, Any]:
    """The row of a host that gave no answer, with what the wire says of it."""
    return {**row, "path": _path(found)} if found else row


def _path(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What the report shows of a path, with its cell of the table in `words`."""
    if found is None:
        return None
    keepalive = found["keepalive"]
    return {
        "words": clean(path.words(found)),
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
    return {"case": clean(case), "before": clean(one["before"]), "after": clean(one["after"]), "whose": clean(whose)}


def _findings(found: list[Mapping[str, Any]]) -> list[dict[str, str]]:
    worst_first = sorted(found, key=lambda f: _SEVERITY.get(f["severity"], 9))
    out = [
        {"id": clean(f["id"]), "severity": clean(f["severity"]), "text": clean(f["text"], LONGEST_TEXT)}
        for f in worst_first[:MOST]
    ]
    if len(found) > MOST:
        out.append({"id": "", "severity": "info", "text": f"[{len(found) - MOST} more]"})
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
    return {**missing_row("", f"not reached in this run; {last}"), "host": row["host"], "path": row["path"]}


def on_the_wire(row: Row) -> str:
    """What a probe proved about the path, "" where nobody looked."""
    return row["path"]["words"] if row["path"] else ""


def verdict(row: Row, aspect: str) -> str:
    """The verdict on an aspect, "" where it was not judged."""
    return next((str(a["verdict"]) for a in row["aspects"] if a["name"] == aspect), "")


def summary(rows: Iterable[Row]) -> dict[str, Any]:
    """Counts by compliance, by the verdict on the SIP ALG, and by platform."""
    out: dict[str, Any] = {"hosts": 0, "compliance": {}, "sip_alg": {}, "platform": {}}
    for row in rows:
        out["hosts"] += 1
        for key, value in (
            ("compliance", row["compliance"]),
            ("sip_alg", verdict(row, "sip_alg") or row["compliance"]),
            ("platform", row["platform"] or "unknown"),
        ):
            out[key][value] = out[key].get(value, 0) + 1
    return {key: dict(sorted(value.items())) if isinstance(value, dict) else value for key, value in out.items()}


COLUMNS = (
    "host", "platform", "model", "firmware", "aspect", "verdict", "aspect_compliance", "seconds", "on",
    "host_compliance", "findings", "error", "finished", "on_the_wire",
)  # fmt: skip


def to_csv(rows: Iterable[Row]) -> Iterator[str]:
    """Lines: one row a host and aspect. Cells that a spreadsheet would take for a formula get an apostrophe."""
    yield _csv_line(COLUMNS)
    for row in rows:
        for aspect in row["aspects"] or [
            {"name": "", "verdict": "", "compliance": "", "seconds": None, "mechanisms": []}
        ]:
            yield _csv_line((
                row["host"], row["platform"], row["model"], row["firmware"], aspect["name"], aspect["verdict"],
                aspect["compliance"], aspect["seconds"],
                " ".join(f"{m['id']}({m['scope']})" for m in aspect["mechanisms"] if m["state"] == "on"),
                row["compliance"], " ".join(f["id"] for f in row["findings"]), row["error"], row["finished"],
                on_the_wire(row),
            ))  # fmt: skip


def _csv_line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    texts = ["" if c is None else str(c).replace("\n", " ") for c in cells]
    csv.writer(out, lineterminator="\n").writerow(
        ["'" + t if t.startswith(("=", "+", "-", "@", "\t", "\r", *"\uff1d\uff0b\uff0d\uff20")) else t for t in texts]
    )
    return out.getvalue()


def _md(text: Any) -> str:
    """Text for Markdown: nothing in it is markup, links or HTML."""
    flat = str(text).replace("\n", " / ")
    return re.sub(
        r"([\\`*_{}\[\]()#+!|~<>&@]|:(?=//)|(?<=www)\.)",
        lambda m: html.escape(m.group(1)) if m.group(1) in "<>&" else "\\" + m.group(1),
        flat,
    )


def to_markdown(rows: Sequence[Row], title: str, generated: str) -> Iterator[str]:
    """Lines of a document with a summary, a table of all hosts, and a section for each host that needs something."""
    counts = summary(rows)
    yield f"# {_md(title)}\n\nMade {generated}. {counts['hosts']} hosts: "
    yield ", ".join(f"{n} {_md(word)}" for word, n in counts["compliance"].items()) + ".\n\n"
    heads = ("host", "compliance", "SIP ALG", "UDP timeout", "port forwards", "on the wire", "platform", "firmware")
    yield "| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|\n"
    for row in rows:
        cells = [
            row["host"],
            row["compliance"],
            *(verdict(row, a) for a in ("sip_alg", "udp_timeout", "port_forwards")),
            on_the_wire(row),
        ]
        yield "| " + " | ".join(_md(c) for c in [*cells, row["platform"], row["firmware"]]) + " |\n"
    for row in rows:
        if row["compliance"] != "compliant" or row["done"] or row["path"]:
            yield from _md_host(row)


def _md_host(row: Row) -> Iterator[str]:
    yield f"\n## {_md(row['host'])}\n\n"
    if row["error"]:
        yield f"* error: {_md(row['error'])}\n"
    for finding in row["findings"]:
        yield f"* {_md(finding['severity'])}: {_md(finding['text'])} ({_md(finding['id'])})\n"
    for word, steps in (("planned", row["plan"]), ("done", row["done"])):
        for step in steps:
            yield f"* {word}: {_md(step['do'])}\n"
    if row["path"]:
        yield from _md_path(row["path"])
    for at, text in enumerate(row["advice"], 1):
        yield f"{at}. {_md(text)}\n"


def _md_path(found: Mapping[str, Any]) -> Iterator[str]:
    keepalive = f", keepalive at most every {found['keepalive']}" if found["keepalive"] else ""
    yield f"* on the wire at {_md(found['finished'])}: {_md(found['words'])}{keepalive}\n"
    for one in found["rewritings"]:
        yield f"* {_md(one['case'])}: {_md(one['before'])} became {_md(one['after'])}\n"
