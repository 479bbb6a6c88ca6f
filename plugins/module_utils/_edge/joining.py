# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of a report folder, joined to its records when a report is made.

`probes/<host>.json` is the last probe of a host, `probes/before/` holds the one before the last change, and
`probes/undone/` the one for which a change was taken back. The records stay as they were written, so it does not matter
which of the two came first.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from .core.path import Looks, alone, join, unreadable

_BROKEN = (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError)
_MOST_OCTETS = 16_000_000
_CHANGE = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-\d+)?\.json")


class Probes:
    """The probes below a report folder. Hosts go by the names of their records' files."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.expanduser(folder)
        self._names = frozenset(_listed(os.path.join(self._folder, "probes")))

    def joined(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        """The record with what the wire says of its host, or as it is where there is no probe of it."""
        if name not in self._names or not isinstance(record.get("not_checked"), list):
            return record
        try:
            return join(record, self._looks(name, record["host"]))
        except _BROKEN:
            return unreadable(record)

    def path(self, name: str, host: str) -> dict[str, Any] | None:
        """What the wire says of a host without a record; None where it says nothing."""
        if name not in self._names:
            return None
        try:
            return alone(self._looks(name, host))
        except _BROKEN:
            return None

    def _looks(self, name: str, host: str) -> Looks:
        last = self._read(host, name)
        if last is None:
            raise ValueError("no such probe")
        before, undone = (self._read(host, moment, name) for moment in ("before", "undone"))
        return Looks(last, before, undone, self._changes(name[: -len(".json")]))

    def _read(self, host: str, *parts: str) -> Mapping[str, Any] | None:
        path = os.path.join(self._folder, "probes", *parts)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as stream:
            probe: dict[str, Any] = json.loads(stream.read(_MOST_OCTETS))
        if probe["host"] != host:
            raise ValueError("the probe of another host")
        return probe

    def _changes(self, stem: str) -> tuple[str, ...]:
        """When changes of a host began, as far as they are kept here: their files have their times as names."""
        names = (_CHANGE.fullmatch(name) for name in _listed(os.path.join(self._folder, "changes", stem)))
        return tuple("{}-{}-{}T{}:{}:{}Z".format(*found.groups()) for found in names if found)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
