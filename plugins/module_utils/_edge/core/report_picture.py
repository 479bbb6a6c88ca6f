# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of a fleet: how many hosts are fit, by vendor and by site, as figures that a drawing needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .report import Row
from .report_words import CHANGES, CODES, WORDS

MOST_BARS = 12
_GOOD_CHANGES = {"fixed": "c", "same": "x"}


def picture_of(rows: Sequence[Row]) -> dict[str, Any]:
    """`lead` and `alt` in words, `ring` and `changes` with their parts, and `groups`: vendor and site, the worst first."""
    counts = _count(row["compliance"] for row in rows)
    known = {word: counts[word] for word in WORDS if word in counts}
    hosts, good = len(rows), counts.get("compliant", 0)
    changes = _count(row["change"] for row in rows if row["change"])
    groups = [_group(key, rows) for key in ("vendor", "site") if any(row[key] for row in rows)]
    return {
        "hosts": hosts,
        "percent": f"{100 * good // hosts} %" if hosts else "-",  # rounded down: 100 % is all of them
        "lead": _lead(hosts, counts),
        "alt": _said(known),
        "ring": _parts(known, hosts),
        "changes": [
            {"n": changes[key], "word": word, "code": _GOOD_CHANGES.get(key, "n")}
            for key, word in CHANGES.items()
            if key in changes
        ],
        "groups": groups,
    }


def _count(values: Iterable[str]) -> dict[str, int]:
    out: dict[str, int] = {}
    for value in values:
        out[value] = out.get(value, 0) + 1
    return out


def _lead(hosts: int, counts: Mapping[str, int]) -> str:
    """The picture in two sentences for people who read no further."""
    if not hosts:
        return "There is no host in this report."
    good = counts.get("compliant", 0)
    first = f"{good} of {hosts} {'is' if good == 1 else 'are'} fit for SIP telephony as far as it was seen."
    rest = {
        "noncompliant": "needs a change" if counts.get("noncompliant") == 1 else "need a change",
        "unsupported": "cannot be put right by this collection",
        "undetermined": "could not be judged",
        "not_reached": "gave no answer",
    }
    said = ", ".join(f"{counts[key]} {text}" for key, text in rest.items() if counts.get(key))
    return f"{first} {said}." if said else first


def _said(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {WORDS[word]}" for word, n in counts.items()) or "no hosts"


def _parts(counts: Mapping[str, int], hosts: int) -> list[dict[str, Any]]:
    """Each part with its share of a hundred and where it starts."""
    out, start = [], 0.0
    for word, n in counts.items():
        share = 100.0 * n / max(1, hosts)
        part = {"code": CODES[word], "word": WORDS[word], "n": n, "start": round(start, 2), "share": round(share, 2)}
        out.append(part)
        start += share
    return out


def _group(key: str, rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        counts = found.setdefault(row[key], {})
        counts[row["compliance"]] = counts.get(row["compliance"], 0) + 1
    worst_first = sorted(found.items(), key=lambda item: (item[1].get("compliant", 0) - sum(item[1].values()), item[0]))
    return {
        "key": key,
        "bars": [_bar(value, counts) for value, counts in worst_first[:MOST_BARS]],
        "more": max(0, len(found) - MOST_BARS),
    }


def _bar(value: str, counts: Mapping[str, int]) -> dict[str, Any]:
    known, hosts = {word: counts[word] for word in WORDS if word in counts}, sum(counts.values())
    alt = f"{value or 'not known'}: {_said(known)}"
    good = counts.get("compliant", 0)
    return {"value": value, "hosts": hosts, "good": good, "alt": alt, "parts": _parts(known, hosts)}
