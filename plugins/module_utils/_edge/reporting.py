# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and reports on disk. Every file appears whole or not at all: sliced jobs may write into one folder at once."""

from __future__ import annotations

import datetime
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .core.errors import BadInput
from .core.report import merge, row_of, stale, summary, to_csv, to_markdown
from .core.report_html import to_html

SCHEMA = "voip.edge/report/1"
TITLE = "SIP readiness of the network edge"


def check_report_dir(folder: str) -> str:
    """Makes the folder of records and returns it. Raises BadInput when it cannot be written, before anything is touched."""
    records = os.path.join(os.path.expanduser(folder), "records")
    try:
        os.makedirs(records, exist_ok=True)
        with tempfile.TemporaryFile(dir=records):
            pass
    except OSError as error:
        raise BadInput(f"report_dir: {folder} cannot be written: {error.strerror or error}") from None
    return records


def _file_name(host: str) -> str:
    """A host name as a file name that no other host name gets."""
    safe = re.sub(r"[^A-Za-z0-9._-]", lambda m: "".join(f"%{byte:02X}" for byte in m.group(0).encode("utf-8")), host)
    return re.sub(r"^\.", "%2E", safe)[:200] + ".json"


def write_record(folder: str, record: Mapping[str, Any]) -> str:
    """Writes records/<host>.json, readable by its owner only, and returns its path. Raises BadInput."""
    records = os.path.join(os.path.expanduser(folder), "records")
    path = os.path.join(records, _file_name(str(record["host"])))
    text = json.dumps(record, ensure_ascii=False) + "\n"
    try:
        _write(path, [text], 0o600)
    except FileNotFoundError:
        check_report_dir(folder)
        _write(path, [text], 0o600)
    except OSError as error:
        raise BadInput(f"report_dir: {path} cannot be written: {error.strerror or error}") from None
    return path


def _write(path: str, pieces: Iterable[str], mode: int) -> None:
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as stream:
            stream.writelines(pieces)
        os.chmod(draft, mode)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise


def iter_records(folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file name, record) of each record; a file that is no record gives one that says so."""
    records = os.path.join(os.path.expanduser(folder), "records")
    try:
        names = sorted(n for n in os.listdir(records) if n.endswith(".json") and not n.startswith("."))
    except OSError as error:
        raise BadInput(f"report_dir: there are no records in {folder}: {error.strerror or error}") from None
    for name in names:
        try:
            with open(os.path.join(records, name), encoding="utf-8") as stream:
                record = json.load(stream)
            yield name, record if isinstance(record, dict) else {"host": name[:-5]}
        except (OSError, ValueError):
            yield name, {"host": name[:-5]}


def write_report(folder: str, hosts: Iterable[str], since: str | None = None) -> dict[str, Any]:
    """Merges the records into report.json, .csv, .md and .html. Returns their paths and the counts.

    `since`: a time in ISO 8601; records that were finished earlier are no answer for this run. Raises BadInput.
    """
    begun = _time(since)
    check_report_dir(folder)
    folder = os.path.expanduser(folder)
    rows = []
    for _name, record in iter_records(folder):
        row = row_of(record)
        rows.append(stale(row) if begun and row["finished"] < begun and row["compliance"] != "not_reached" else row)
    merged = merge(rows, hosts)
    del rows
    generated = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    counts = summary(merged)
    files = {
        "report.json": _json(folder, counts, generated),
        "report.csv": to_csv(merged),
        "report.md": to_markdown(list(merged), TITLE, generated),
        "report.html": to_html(list(merged), TITLE, generated),
    }
    paths = []
    for name, pieces in files.items():
        paths.append(os.path.join(folder, name))
        try:
            _write(paths[-1], pieces, 0o644)
        except OSError as error:
            raise BadInput(f"report_dir: {paths[-1]} cannot be written: {error.strerror or error}") from None
    return {"summary": counts, "files": paths}


def _time(since: str | None) -> str | None:
    if since is None:
        return None
    try:
        return datetime.datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ").strftime("%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise BadInput(f"since: '{since}' is not a time like 2026-11-26T02:00:00Z") from None


def _json(folder: str, counts: Mapping[str, Any], generated: str) -> Iterator[str]:
    """The records as they are, streamed: a fleet's worth of them is never in memory at once."""
    head = json.dumps({"schema": SCHEMA, "generated": generated, "summary": counts}, indent=1)
    yield head[:-2] + ',\n "records": [\n'
    separator = ""
    for _name, record in iter_records(folder):
        yield separator + json.dumps(record, ensure_ascii=False)
        separator = ",\n"
    yield "\n]}\n"
