# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For what a run ends with an error: the words of `fail_on` held against the rows of its report."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from .drift import is_regression
from .errors import BadInput
from .report import Row, change_text

FAIL_ON = ("noncompliant", "regression", "undetermined", "not_reached")
_MOST_NAMED = 10


def fail_on_of(words: Iterable[Any]) -> tuple[str, ...]:
    """The words of `fail_on`, checked. Raises BadInput."""
    found = tuple(dict.fromkeys(text for text in (str(word).strip() for word in words) if text))
    for word in found:
        if word not in FAIL_ON:
            raise BadInput(f"fail_on: there is no word '{word}'; known: {', '.join(FAIL_ON)}")
    return found


def _meets(row: Row, word: str) -> bool:
    if word == "regression":
        return is_regression(row["changes"])
    return word == row["compliance"] or word in (aspect["compliance"] for aspect in row["aspects"])


def reason_to_fail(rows: Iterable[Row], words: Collection[str]) -> str:
    """Which hosts a run fails for and why, as one line; "" where there is no reason. At most ten hosts a word are named."""
    met: dict[str, list[str]] = {word: [] for word in FAIL_ON if word in words}
    for row in rows if met else ():
        for word, hosts in met.items():
            if _meets(row, word):
                hosts.append(f"{row['host']}{_regressed(row) if word == 'regression' else ''}")
    return "; ".join(_named(word, hosts) for word, hosts in met.items() if hosts)


def _named(word: str, hosts: list[str]) -> str:
    more = f" and {len(hosts) - _MOST_NAMED} more" if len(hosts) > _MOST_NAMED else ""
    return f"{word}: {len(hosts)} host(s): {', '.join(hosts[:_MOST_NAMED])}{more}"


def _regressed(row: Row) -> str:
    each = [c for c in row["changes"] if is_regression([c])]
    return " ({})".format(", ".join(change_text(c) for c in each))
