# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and reports on disk. Every file appears whole or not at all: sliced jobs may write into one folder at once."""

from __future__ import annotations

import datetime
import json
import os
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import history
from .core import alarm, drift
from .core.errors import BadInput
from .core.report import Row, host_of, merge, missing_row, row_of, stale, summary, with_path
from .core.report_csv import to_csv
from .core.report_html import to_html
from .core.report_junit import to_junit
from .core.report_markdown import to_markdown
from .core.report_sarif import to_sarif
from .files import cannot_write, file_name, host_of_file, read_json, remove_drafts, write_whole
from .joining import Probes
from .platforms.registry import vendor_of

SCHEMA = "voip.edge/report/1"
TITLE = "SIP readiness of the network edge"
_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"
_NEVER = "9999"
"""Later than any time: a host that did not answer is compared with all that it ever said."""


def check_report_dir(folder: str) -> str:
    """Makes the folder of records and returns it. Raises BadInput when it cannot be written, before anything is touched."""
    records = os.path.join(os.path.expanduser(folder), "records")
    try:
        os.makedirs(records, exist_ok=True)
        for place in (records, os.path.dirname(records)):
            with tempfile.TemporaryFile(dir=place):
                pass
    except (OSError, ValueError) as error:
        raise cannot_write(folder, error) from None
    return records


def write_record(folder: str, record: Mapping[str, Any]) -> str:
    """Writes records/<host>.json, readable by its owner only, and returns its path; the history gets the same. Raises BadInput.

    The history comes first: where a run is killed in between, or an older record replaces a newer one, the report finds the
    newer one there.
    """
    records = os.path.join(os.path.expanduser(folder), "records")
    path = os.path.join(records, file_name(str(record["host"])))
    text = json.dumps(record, ensure_ascii=False) + "\n"
    try:
        if not os.path.isdir(records):
            check_report_dir(folder)
        history.append(folder, record, text)
        write_whole(path, [text], 0o600)
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None
    return path


def iter_records(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, record) of each record; a file that is no record gives one that says so."""
    records = os.path.join(os.path.expanduser(folder), "records")
    for name in _names(records, "report_dir"):
        path = os.path.join(records, name)
        record = read_json(path)
        yield path, {"host": host_of_file(name)} if record is None else record


def _names(records: str, option: str) -> list[str]:
    try:
        return sorted(n for n in os.listdir(records) if n.endswith(".json") and not n.startswith("."))
    except OSError as error:
        folder = os.path.dirname(records)
        raise BadInput(f"{option}: there are no records in {folder}: {error.strerror or error}") from None


def check_earlier(earlier: str | None, folder: str) -> None:
    """Raises BadInput for a folder that is no earlier report, before anything is touched."""
    if not earlier:
        return
    place = os.path.expanduser(earlier)
    if os.path.realpath(place) == os.path.realpath(os.path.expanduser(folder)):
        raise BadInput(
            f"earlier: {earlier} is the report folder itself. What it says of earlier runs is compared with anyway; "
            "give the folder of another report, or nothing"
        )
    if not _names(os.path.join(place, "records"), "earlier"):
        raise BadInput(f"earlier: there are no records in {earlier}; give the folder of an earlier report")


@dataclass
class Merged:
    """A folder's records on their way to a report."""

    folder: str
    begun: str | None
    earlier: str | None
    keep: int
    made: str
    """When this report is made (ISO 8601, UTC)."""
    expected: Collection[str]
    probes: Probes
    earlier_probes: Probes | None
    rows: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    """Of the records that are answers of this run the name that sorts them, and the file."""
    seen: set[str] = field(default_factory=set)
    known: bool = False
    """Whether there is anything earlier to compare with, of any host."""

    def add(self, host: str, path: str | None, record: dict[str, Any] | None) -> None:
        """The row of a host from its record, or from what the history has of it that is newer."""
        past = history.entries(self.folder, host, tidy=True)
        row = missing_row(host, "there is no record of this run") if record is None else row_of(record, vendor_of)
        # Where no file stands, somebody may have taken the host out: only an answer of this very run is taken from the past.
        if row["finished"] or (record is None and self.begun is not None):
            newer = [e for e in past if e.finished > row["finished"]]
            found = history.newest(newer, host)
            if found is not None and row_of(found[1])["finished"]:
                path, record = found
                row = row_of(record, vendor_of)
        joined = record if record is None else self.probes.joined(file_name(host), record)
        if joined is not None and joined is not record:
            row = row_of(joined, vendor_of)
        old = self.begun is not None and "" < row["finished"] < self.begun
        if row["finished"] and not old and path is not None:
            self.answers.append((file_name(host), path))
        self.seen.add(host)
        shown = stale(row) if old else row
        seen = (joined or {}).get("path") or self.probes.path(file_name(host), host)
        if not shown["path"]:
            shown = with_path(shown, seen)
        device = self._compared(host, shown, record, past)
        wire = self._compared_path(host, row, seen, record or {}, past) if seen else ("", [])
        shown["change"], shown["changes"] = drift.together(device, wire, shown["compliance"])
        history.prune(past, self.keep)
        self.rows.append(shown)

    def _compared_path(
        self, host: str, row: Row, path: Mapping[str, Any], record: Mapping[str, Any], past: Sequence[history.Entry]
    ) -> tuple[str, list[drift.Change]]:
        """What changed on the wire. What a report told before this run is no news, unless another report is compared with."""
        now = drift.point_of_path(path, record)
        if now is None:
            return "", []
        told = history.append_path(self.folder, host, path, record, past, self.made)
        if not self.earlier and told < (self.begun or row["finished"]):
            return "", []
        known_then, base = self._base_of_path(host, now.finished)
        if known_then and base is None:
            return "", []
        known = history.past_of(host, self._with_earlier(host, past), now.finished, base, kinds=(history.PATH,))
        self.known = self.known or bool(known)
        return drift.compare(now, known)

    def _base_of_path(self, host: str, before: str) -> tuple[bool, drift.Point | None]:
        """Whether the earlier report has a probe of the host, and what that says if it is really earlier."""
        if not self.earlier or self.earlier_probes is None:
            return False, None
        record, name, probes = self._earlier_record(self.earlier, host), file_name(host), self.earlier_probes
        joined = probes.joined(name, record) if record is not None else {}
        point = drift.point_of_path(joined.get("path") or probes.path(name, host), record or {})
        return point is not None, point if point is not None and point.finished < before else None

    def _compared(
        self, host: str, row: Row, record: Mapping[str, Any] | None, past: Sequence[history.Entry]
    ) -> tuple[str, list[drift.Change]]:
        now = drift.point_of(record) if record is not None else None
        silent = row["compliance"] == drift.NOT_REACHED
        if now is None and not silent:
            return "", []  # it is not readable
        before = _NEVER if silent else self.begun or row["finished"]
        known_then, base = self._base(host, before)
        also = [now] if silent and now is not None and now.compliance != drift.NOT_REACHED else []
        known = history.past_of(host, self._with_earlier(host, past), before, base, also)
        self.known = self.known or bool(known)
        if known_then and not known:
            return "", []  # not a new host, and nothing to compare with
        if silent and self.expected and host not in self.expected:
            return "", []  # this run did not try it: another one may have
        return drift.compare(None if silent else now, known)

    def _with_earlier(self, host: str, past: Sequence[history.Entry]) -> list[history.Entry]:
        return [*past, *(history.entries(self.earlier, host) if self.earlier else [])]

    def _base(self, host: str, before: str) -> tuple[bool, drift.Point | None]:
        """Whether the earlier report has the host, and what it says of it if that is really earlier."""
        if not self.earlier:
            return False, None
        record = self._earlier_record(self.earlier, host)
        if record is None:
            return False, None
        point = drift.point_of(record)
        return True, point if point is not None and point.finished <= before else None

    @staticmethod
    def _earlier_record(folder: str, host: str) -> dict[str, Any] | None:
        record = read_json(os.path.join(os.path.expanduser(folder), "records", file_name(host)))
        return record if record is not None and record.get("host") == host else None


def _gather(folder: str, hosts: Iterable[str], begun: str | None, earlier: str | None, keep: int, made: str) -> Merged:
    expected = dict.fromkeys(str(host) for host in hosts)
    then = Probes(earlier) if earlier else None
    merged = Merged(folder, begun, earlier, keep, made, expected, Probes(folder), then, known=earlier is not None)
    for path, record in iter_records(folder):
        merged.add(str(record.get("host", "?")), path, record)
    for host in expected:
        if host not in merged.seen:
            merged.add(host, None, None)
    if not merged.known:  # the first run: everything would be new
        for row in merged.rows:
            row["change"], row["changes"] = "", []
    return merged


def _gone(merged: Merged) -> list[dict[str, str]]:
    """The hosts of the earlier report that are in this one no more, neither as a record nor as expected."""
    if not merged.earlier:
        return []
    present = {file_name(host) for host in merged.seen}
    found = []
    records = os.path.join(os.path.expanduser(merged.earlier), "records")
    for name in _names(records, "earlier"):
        if name not in present:
            row = row_of(read_json(os.path.join(records, name)) or {"host": host_of_file(name)})
            found.append({key: row[key] for key in ("host", "compliance", "finished")})
    return found


def write_report(
    folder: str,
    hosts: Iterable[str],
    since: str | None = None,
    earlier: str | None = None,
    keep: int = history.KEPT,
    fail_on: Collection[str] = (),
) -> dict[str, Any]:
    """Merges the records, with the probes of their hosts, into report.json, .csv, .md, .html and .sarif, and junit.xml.

    Returns their paths, the counts, and the reason to fail.

    `since`: a time in ISO 8601; records that were finished earlier are no answer for this run. `earlier`: the folder of the
    report that is compared with. `keep`: how much of the history stays. Raises BadInput.
    """
    begun = _time(since)
    check_earlier(earlier, folder)
    check_report_dir(folder)
    folder = os.path.expanduser(folder)
    for place in (folder, os.path.join(folder, "records")):
        remove_drafts(place, os.listdir(place))
    generated = _now()
    gathered = _gather(folder, hosts, begun, earlier, keep, generated.strftime(_TIME_FORM))
    merged, gone = merge(gathered.rows, ()), _gone(gathered)
    gathered.rows.clear()
    shown, counts = generated.strftime("%Y-%m-%d %H:%M UTC"), summary(merged)
    files = {
        "report.json": _json(gathered.probes, gathered.answers, merged, gone, generated.strftime(_TIME_FORM)),
        "report.csv": to_csv(merged),
        "report.md": to_markdown(merged, TITLE, shown, gone),
        "report.html": to_html(merged, TITLE, shown, gone),
        "junit.xml": to_junit(merged, TITLE),
        "report.sarif": to_sarif(merged, generated.strftime(_TIME_FORM)),
    }
    paths = []
    for name, pieces in files.items():
        paths.append(os.path.join(folder, name))
        try:
            write_whole(paths[-1], pieces, 0o644)
        except OSError as error:
            raise cannot_write(paths[-1], error) from None
    asked = {host_of(host) for host in gathered.expected}
    reason = alarm.reason_to_fail((r for r in merged if not asked or r["host"] in asked), fail_on)
    return {"summary": counts, "files": paths, "gone": len(gone), "reason": reason}


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _time(since: str | None) -> str | None:
    if since is None:
        return None
    try:
        return datetime.datetime.strptime(since, _TIME_FORM).strftime(_TIME_FORM)
    except ValueError:
        raise BadInput(f"since: '{since}' is not a time like 2026-11-26T02:00:00Z") from None


def _json(
    probes: Probes,
    answers: Iterable[tuple[str, str]],
    rows: Iterable[Row],
    gone: Sequence[Mapping[str, str]],
    generated: str,
) -> Iterator[str]:
    """The records that are answers, joined to their probes, streamed: a fleet's worth of them is never in memory at once.

    `answers` are their files. Hosts with no answer in this run stand beside them, so that none is missed or taken
    for what it was earlier; so do those with a change, and those that are `gone`.
    """
    rows = list(rows)
    without = [
        {"host": r["host"], "compliance": r["compliance"], "text": r["error"]} for r in rows if not r["finished"]
    ]
    changes = [{key: r[key] for key in ("host", "change", "changes")} for r in rows if r.get("changes")]
    head = {"schema": SCHEMA, "generated": generated, "summary": summary(rows), "without_record": without}
    yield json.dumps({**head, "changes": changes, "gone": gone}, indent=1, ensure_ascii=False)[:-2]
    yield ',\n "records": [\n'
    separator = ""
    for name, path in sorted(answers):
        record = read_json(path)
        if record is not None:  # it was there a moment ago
            yield separator + json.dumps(probes.joined(name, record), ensure_ascii=False)
            separator = ",\n"
    yield "\n]}\n"
