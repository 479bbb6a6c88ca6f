# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as Markdown, for tickets and wikis."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .report import Row, change_text, on_the_wire, summary, verdict


def _md(text: Any) -> str:
    """Text for Markdown: nothing in it is markup, links or HTML."""
    flat = str(text).replace("\n", " / ")
    return re.sub(
        r"([\\`*_{}\[\]()#+!|~<>&@]|:(?=//)|(?<=www)\.)",
        lambda m: html.escape(m.group(1)) if m.group(1) in "<>&" else "\\" + m.group(1),
        flat,
    )


def to_markdown(
    rows: Sequence[Row], title: str, generated: str, gone: Sequence[Mapping[str, str]] = ()
) -> Iterator[str]:
    """Lines of a document: a summary, what changed, a table of all hosts, and a section for each host that needs something.

    `gone` are hosts of an earlier report that are in this one no more: `host`, `compliance` and `finished`.
    """
    counts = summary(rows)
    yield f"# {_md(title)}\n\nMade {generated}. {counts['hosts']} hosts: "
    yield ", ".join(f"{n} {_md(word)}" for word, n in counts["compliance"].items()) + ".\n\n"
    yield from _md_changes(rows, gone, counts["change"])
    # What no host has is no column: site, the comparison with an earlier run, the wire.
    more = [key for key in ("site", "change") if any(row[key] for row in rows)]
    wire = ["on the wire"] if any(row["path"] for row in rows) else []
    heads = ["host", "compliance", "SIP ALG", "UDP timeout", "port forwards", *wire, "platform", "firmware", *more]
    yield f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}\n"
    for row in rows:
        cells = [
            row["host"],
            row["compliance"],
            *(verdict(row, a) for a in ("sip_alg", "udp_timeout", "port_forwards")),
            *(on_the_wire(row) for _column in wire),
            row["platform"],
            row["firmware"],
            *(row[key] for key in more),
        ]
        yield "| " + " | ".join(_md(c) for c in cells) + " |\n"
    for row in rows:
        if row["compliance"] != "compliant" or row["done"] or row["path"]:
            yield from _md_host(row)


def _md_changes(rows: Iterable[Row], gone: Sequence[Mapping[str, str]], counts: Mapping[str, int]) -> Iterator[str]:
    if not counts and not gone:
        return
    yield "## Since the earlier run\n\n"
    if counts:
        yield ", ".join(f"{n} {_md(word)}" for word, n in counts.items()) + ".\n\n"
    for row in rows:
        for change in row.get("changes", ()):
            yield f"* {_md(row['host'])}: {_md(change_text(change))}\n"
    for host in gone:
        yield f"* {_md(host['host'])}: gone, {_md(host['compliance'])} {_md(host['finished'])}\n"
    yield "\n"


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
