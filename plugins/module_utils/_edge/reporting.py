# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and reports on disk. Every file appears whole or not at all: sliced jobs may write into one folder at once."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from .core.errors import BadInput
from .core.report import Row, merge, row_of, stale, summary, to_csv, to_markdown, with_path
from .core.report_html import to_html
from .joining import Probes

SCHEMA = "voip.edge/report/1"
TITLE = "SIP readiness of the network edge"
_LONGEST_NAME = 200
_TIME_FORM = "%Y-%m-%dT%H:%M:%SZ"


def check_report_dir(folder: str) -> str:
    """Makes the folder of records and returns it. Raises BadInput when it cannot be written, before anything is touched."""
    records = os.path.join(os.path.expanduser(folder), "records")
    try:
        os.makedirs(records, exist_ok=True)
        for place in (records, os.path.dirname(records)):
            with tempfile.TemporaryFile(dir=place):
                pass
    except (OSError, ValueError) as error:
        raise _cannot_write(folder, error) from None
    return records


def _cannot_write(path: str, error: Exception) -> BadInput:
    return BadInput(f"report_dir: {path} cannot be written: {getattr(error, 'strerror', None) or error}")


def file_name(host: str) -> str:
    """A host name as a file name that no other host name gets and that every file system takes."""
    # Names of files that are no UTF-8 come as halves of characters: "surrogatepass" keeps them apart.
    safe = re.sub(
        r"[^A-Za-z0-9._-]|^\.",
        lambda m: "".join(f"%{byte:02X}" for byte in m.group(0).encode("utf-8", "surrogatepass")),
        host,
    )
    if len(safe) > _LONGEST_NAME:  # a tilde stands in no other name
        digest = hashlib.sha256(host.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        safe = f"{safe[: _LONGEST_NAME - 40]}~{digest}"
    return safe + ".json"


def _host_of_file(name: str) -> str:
    stem = name[: -len(".json")]
    try:
        return unquote(stem, errors="surrogatepass")
    except UnicodeDecodeError:  # somebody else's file
        return stem


def write_record(folder: str, record: Mapping[str, Any]) -> str:
    """Writes records/<host>.json, readable by its owner only, and returns its path. Raises BadInput."""
    records = os.path.join(os.path.expanduser(folder), "records")
    path = os.path.join(records, file_name(str(record["host"])))
    text = json.dumps(record, ensure_ascii=False) + "\n"
    try:
        if not os.path.isdir(records):
            check_report_dir(folder)
        write_whole(path, [text], 0o600)
    except (OSError, ValueError) as error:
        raise _cannot_write(path, error) from None
    return path


def write_whole(path: str, pieces: Iterable[str], mode: int) -> None:
    """A file that appears whole or not at all. Raises OSError or ValueError."""
    handle, draft = tempfile.mkstemp(dir=os.path.dirname(path), prefix=".", suffix=".tmp")
    try:
        # Half a character is written as its escape, which is also how JSON spells it.
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
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
        nothing = {"host": _host_of_file(name)}
        try:
            with open(os.path.join(records, name), encoding="utf-8") as stream:
                record = json.load(stream)
        except (OSError, ValueError, RecursionError):
            record = nothing
        yield name, record if isinstance(record, dict) else nothing


def write_report(folder: str, hosts: Iterable[str], since: str | None = None) -> dict[str, Any]:
    """Merges the records, with the probes of their hosts, into report.json, .csv, .md and .html. Returns paths and counts.

    `since`: a time in ISO 8601; records that were finished earlier are no answer for this run. Raises BadInput.
    """
    begun = _time(since)
    check_report_dir(folder)
    folder = os.path.expanduser(folder)
    rows, answers, probes = [], set(), Probes(folder)
    for name, record in iter_records(folder):
        row = row_of(probes.joined(name, record))
        old = begun is not None and "" < row["finished"] < begun
        rows.append(stale(row) if old else row)
        if row["finished"] and not old:
            answers.add(name)
    merged = [
        row if row["path"] else with_path(row, probes.path(file_name(row["host"]), row["host"]))
        for row in merge(rows, hosts)
    ]
    del rows
    generated = datetime.datetime.now(datetime.timezone.utc)
    shown, counts = generated.strftime("%Y-%m-%d %H:%M UTC"), summary(merged)
    files = {
        "report.json": _json(folder, probes, answers, merged, generated.strftime(_TIME_FORM)),
        "report.csv": to_csv(merged),
        "report.md": to_markdown(merged, TITLE, shown),
        "report.html": to_html(merged, TITLE, shown),
    }
    paths = []
    for name, pieces in files.items():
        paths.append(os.path.join(folder, name))
        try:
            write_whole(paths[-1], pieces, 0o644)
        except OSError as error:
            raise _cannot_write(paths[-1], error) from None
    return {"summary": counts, "files": paths}


def _time(since: str | None) -> str | None:
    if since is None:
        return None
    try:
        return datetime.datetime.strptime(since, _TIME_FORM).strftime(_TIME_FORM)
    except ValueError:
        raise BadInput(f"since: '{since}' is not a time like 2026-11-26T02:00:00Z") from None


def _json(folder: str, probes: Probes, answers: Collection[str], rows: Iterable[Row], generated: str) -> Iterator[str]:
    """The records that are answers, joined to their probes, streamed: a fleet's worth of them is never in memory at once.

    `answers` are their file names. Hosts with no answer in this run stand beside them, so that none is missed or taken
    for what it was earlier.
    """
    rows = list(rows)
    without = [
        {"host": r["host"], "compliance": r["compliance"], "text": r["error"]} for r in rows if not r["finished"]
    ]
    head = {"schema": SCHEMA, "generated": generated, "summary": summary(rows), "without_record": without}
    yield json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "records": [\n'
    separator = ""
    for name, record in iter_records(folder):
        if name in answers:
            yield separator + json.dumps(probes.joined(name, record), ensure_ascii=False)
            separator = ",\n"
    yield "\n]}\n"
