# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as CSV: one row a host and aspect."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from .drift import PATH
from .report import Row, change_of, on_the_wire

COLUMNS = (
    "host", "platform", "model", "firmware", "aspect", "verdict", "aspect_compliance", "seconds", "on",
    "host_compliance", "findings", "error", "finished", "change", "site", "vendor", "on_the_wire", "wire_change",
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
                change_of(row, aspect["name"]), row["site"], row["vendor"], on_the_wire(row),
                next((c["change"] for c in row["changes"] if c["aspect"] == PATH), ""),
            ))  # fmt: skip


def _csv_line(cells: Iterable[Any]) -> str:
    out = io.StringIO()
    texts = ["" if c is None else str(c).replace("\n", " ") for c in cells]
    csv.writer(out, lineterminator="\n").writerow(
        ["'" + t if t.startswith(("=", "+", "-", "@", "\t", "\r", *"\uff1d\uff0b\uff0d\uff20")) else t for t in texts]
    )
    return out.getvalue()
