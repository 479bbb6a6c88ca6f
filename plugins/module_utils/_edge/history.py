# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of earlier runs: `history/<host>/<time>-<kind>-<digest>.json` in the report folder.

Many jobs write into it at once without a lock: the name follows from the record, each file is moved into place whole, and
nobody alters one. So histories of several machines are merged by copying them together, in any order. `time` is when the
record was finished, in UTC, `kind` what a reader has to expect in it, `digest` keeps records of one second apart. What was
proven on the wire lies beside the records, as `path`, with the time at which it was asked for.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .core.drift import Load, Past, Point, point_of, point_of_path
from .core.errors import BadInput
from .core.report import TIME
from .files import cannot_write, file_name, read_json, remove_drafts, write_whole

KEPT = 30
"""Records of each kind that are kept of a host where nothing else is said: a month of nights."""

JUDGED, UNDETERMINED, NOT_REACHED, PATH = "judged", "undetermined", "not_reached", "path"
RECORDS = (JUDGED, UNDETERMINED, NOT_REACHED)
_NAME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z-(judged|undetermined|not_reached|path)-[0-9a-f]{16}\.json"
)


@dataclass(frozen=True, order=True)
class Entry:
    """One file of the past: when its record was finished (ISO 8601, UTC), its kind, and where it lies."""

    finished: str
    path: str
    kind: str = JUDGED


def _folder_of(report_dir: str, host: str) -> str:
    # A host without a name is none of ours; it must still not become the folder above.
    return os.path.join(os.path.expanduser(report_dir), "history", file_name(host)[: -len(".json")] or "%")


def _kind(record: Mapping[str, Any]) -> str:
    if record.get("aspects"):
        return JUDGED
    return NOT_REACHED if record.get("compliance") == NOT_REACHED else UNDETERMINED


def append(report_dir: str, record: Mapping[str, Any], text: str) -> None:
    """Adds a record, whose JSON is `text`, to its host's past. Raises BadInput when that cannot be done."""
    _append(report_dir, str(record["host"]), str(record.get("finished")), _kind(record), text)


def append_path(
    report_dir: str, host: str, found: Mapping[str, Any], record: Mapping[str, Any], known: Iterable[Entry], now: str
) -> str:
    """Adds a record's `path` to its host's past unless it is `known` there. Returns when a report first told of it (ISO 8601, UTC),
    `now` if this is the first. Raises BadInput when that cannot be done."""
    asked = str(found.get("asked"))
    same = [read_json(entry.path) for entry in known if entry.kind == PATH and entry.finished == asked]
    if not same:
        kept = {
            "host": host,
            **{key: record.get(key, "") for key in ("platform", "firmware")},
            "told": now,
            "path": found,
        }
        _append(report_dir, host, asked, PATH, json.dumps(kept, ensure_ascii=False) + "\n")
    times = [str(one.get("told")) for one in same if one is not None]
    return min((time for time in times if TIME.fullmatch(time)), default=now)


def _append(report_dir: str, host: str, finished: str, kind: str, text: str) -> None:
    if not TIME.fullmatch(finished):  # it cannot be put in order
        return
    folder = _folder_of(report_dir, host)
    digest = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
    when = finished.replace("-", "").replace(":", "")
    path = os.path.join(folder, f"{when}-{kind}-{digest}.json")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        write_whole(path, [text], 0o600)
    except (OSError, ValueError) as error:
        raise cannot_write(path, error) from None


def entries(report_dir: str, host: str, tidy: bool = False) -> list[Entry]:
    """A host's past by the names of its files, newest first; `tidy` removes drafts that nobody will finish. Raises BadInput."""
    folder = _folder_of(report_dir, host)
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadInput(f"the history in {folder} cannot be read: {error.strerror or error}") from None
    found = []
    for name in names:
        match = _NAME.fullmatch(name)
        if match:
            year, month, day, hour, minute, second, kind = match.groups()
            when = f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
            found.append(Entry(when, os.path.join(folder, name), kind))
    if tidy and len(found) < len(names):
        remove_drafts(folder, names)
    return sorted(found, reverse=True)


def prune(past: Iterable[Entry], keep: int) -> None:
    """Removes all but the newest `keep` of each kind: a host that is silent for a year keeps what it said last."""
    counts: dict[str, int] = {}
    for entry in past:  # newest first
        counts[entry.kind] = counts.get(entry.kind, 0) + 1
        if counts[entry.kind] > keep:
            try:
                os.unlink(entry.path)
            except OSError:  # another run was quicker
                continue


def newest(past: Iterable[Entry], host: str) -> tuple[str, dict[str, Any]] | None:
    """The file and the newest record that is really this host's."""
    for entry in past:
        record = read_json(entry.path) if entry.kind in RECORDS else None
        if record is not None and record.get("host") == host:
            return entry.path, record
    return None


def past_of(
    host: str,
    past: Iterable[Entry],
    before: str,
    base: Point | None,
    also: Iterable[Point] = (),
    kinds: Collection[str] = (JUDGED, UNDETERMINED),
) -> Past:
    """What drift looks back on: entries and points that were finished before a time; each file is read when it is asked for.

    `base` is the point that an earlier report gives, if there is one; `also` are points that lie nowhere in the history;
    `kinds` those of the entries that count.
    """
    loaders: dict[tuple[str, str], Load] = {
        (e.finished, e.path): partial(_point, e, host) for e in past if e.finished < before and e.kind in kinds
    }
    for number, point in enumerate([*also, *([] if base is None else [base])]):
        loaders[point.finished, f"\uffff{number}"] = partial(_itself, point)
    steps = [(finished, load) for (finished, _path), load in sorted(loaders.items(), key=lambda i: i[0], reverse=True)]
    return Past(steps, base.finished if base is not None else "")


def _point(entry: Entry, host: str) -> Point | None:
    record = read_json(entry.path)
    if record is None or record.get("host") != host:
        return None
    return point_of_path(record.get("path"), record) if entry.kind == PATH else point_of(record)


def _itself(point: Point) -> Point:
    return point
