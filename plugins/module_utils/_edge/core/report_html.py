# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one HTML file: it opens offline, sorts, filters, prints, and has a page a host.

The pages of a small fleet stand in the file as they are, and are read without scripts. Those of a large one are packed,
a few hosts together, and unpacked by the browser when they are asked for: the text is the template's in both cases. So a
thousand hosts stay below a megabyte, with the lines that were seen.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from . import report_templates as templates
from .errors import MissingLibrary
from .records import VERSION
from .report import Row, change_text
from .report_picture import picture_of
from .report_script import SCRIPT
from .report_style import STYLE
from .report_words import ASPECTS, CHANGES, CODES, MEANINGS, MODES, SURE, WIRE, WORDS

try:
    import jinja2

    JINJA_ERROR = ""
except ImportError as _error:  # ships with ansible-core; a delegate may lack it
    jinja2 = None  # type: ignore[assignment,unused-ignore]
    JINJA_ERROR = str(_error)

PLAIN = 400_000
"""Characters of the hosts' pages up to which they stand in the file as they are."""
PACK = 32
"""Hosts that are packed together: more are smaller in sum, fewer open faster."""
MOST_ASPECTS = 8
MOST_GONE = 50
FIRST = "sip_alg"
"""The aspect that a telephone has room for in the table."""
HEADINGS = {"port_forwards": "Forwards"}
"""Shorter words where a table has many columns."""
SEVERITIES = {"high": "n", "medium": "u", "low": "x", "info": "x"}


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii") + "'"


# The browser runs our own script and takes our own style, told by their hashes, and nothing else; nothing is fetched.
POLICY = (
    f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; base-uri 'none'; form-action 'none'"
)


def to_html(rows: Sequence[Row], title: str, generated: str, gone: Sequence[Mapping[str, str]] = ()) -> Iterator[str]:
    """Pieces of the HTML file. `gone` are hosts of an earlier report that are in this one no more: `host`, `compliance`, `finished`.

    Raises MissingLibrary where Jinja2 is not installed.
    """
    if JINJA_ERROR:
        raise MissingLibrary("jinja2", JINJA_ERROR)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made = {name: environment.from_string(getattr(templates, name)) for name in ("FLEET", "LINE", "MIDDLE", "PACKED")}
    host, end = environment.from_string(templates.HOST), environment.from_string(templates.END)
    aspects = _aspects(rows)
    has = {key: any(row[name] for row in rows) for key, name in (("site",) * 2, ("change",) * 2, ("wire", "path"))}
    pages = (host.render(_page(n, row)) for n, row in enumerate(rows))
    first, size = [], 0
    for page in pages:
        first.append(page)
        size += len(page)
        if size > PLAIN:
            break
    packed = size > PLAIN
    yield made["FLEET"].render(
        title=title, generated=generated, policy=POLICY, style=STYLE, picture=picture_of(rows), aspects=aspects,
        columns=_columns(aspects, has), has=has, packed=packed, gone=gone, most_gone=MOST_GONE,
    )  # fmt: skip
    for row in rows:
        yield made["LINE"].render(_line(row, aspects), has=has)
    meanings = [(CODES[word], text, MEANINGS[word]) for word, text in WORDS.items()]
    yield made["MIDDLE"].render(meanings=meanings, pack=PACK)
    if packed:
        yield "</div>\n"
        yield from (made["PACKED"].render(text=text) for text in _packs(first, pages))
    else:
        yield from first
        yield "</div>\n"
    yield end.render(script=SCRIPT, version=VERSION)


def _packs(first: list[str], rest: Iterable[str]) -> Iterator[str]:
    """The pages, PACK together, compressed as browsers take it (zlib) and as Base64. `first` is emptied."""
    waiting, first[:] = list(first), []
    for page in rest:
        waiting.append(page)
        while len(waiting) > PACK:
            yield _pack(waiting[:PACK])
            del waiting[:PACK]
    while waiting:
        yield _pack(waiting[:PACK])
        del waiting[:PACK]


def _pack(pages: Iterable[str]) -> str:
    # Half a character is written as its escape, as in the other files.
    data = "".join(pages).encode("utf-8", "backslashreplace")
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii")


def _aspects(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """(name, title) of each aspect that was judged somewhere: the known ones in their order, then the others."""
    found = {aspect["name"] for row in rows for aspect in row["aspects"]}
    names = [name for name in ASPECTS if name in found] + sorted(found - set(ASPECTS))
    return [(name, _title(name)) for name in names[:MOST_ASPECTS]]


def _title(aspect: str) -> str:
    return ASPECTS.get(aspect, aspect.replace("_", " "))


def _columns(aspects: Sequence[tuple[str, str]], has: dict[str, bool]) -> list[tuple[str, str, bool]]:
    """(key, heading, whether a telephone does without)."""
    return [
        ("host", "Host", False),
        *([("site", "Site", True)] if has["site"] else []),
        ("result", "Result", False),
        *([("change", "Change", True)] if has["change"] else []),
        *((name, HEADINGS.get(name, title[0].upper() + title[1:]), name != FIRST) for name, title in aspects),
        *([("wire", "Wire", True)] if has["wire"] else []),
        ("vendor", "Vendor", True),
        ("model", "Device", True),
        ("firmware", "Firmware", True),
    ]


def _shown(aspect: Row) -> str:
    """The verdict, with the seconds of a timer."""
    return f"{aspect['verdict']} ({aspect['seconds']} s)" if aspect["seconds"] is not None else str(aspect["verdict"])


def _code(compliance: str) -> str:
    return CODES.get(compliance, "u")


def _wire(row: Row) -> str:
    path = row["path"]
    if not path:
        return ""
    return WIRE.get(path["verdict"], "n") if path["current"] else "u"


def _when(time: str) -> str:
    return time.replace("T", " ").replace("Z", " UTC")


def _change(row: Row) -> str:
    return CHANGES.get(row["change"], str(row["change"]))


def _cell(name: str, aspect: Row | None) -> tuple[str, str]:
    """The classes and the text of an aspect in the table."""
    less = [] if name == FIRST else ["less"]
    if aspect is None:
        return " ".join(less), ""
    return " ".join([_code(aspect["compliance"]), *less]), _shown(aspect)


def _line(row: Row, aspects: Sequence[tuple[str, str]]) -> dict[str, Any]:
    by_name = {a["name"]: a for a in row["aspects"]}
    return {
        "row": row,
        "code": _code(row["compliance"]),
        "word": WORDS[row["compliance"]],
        "aspects": [_cell(name, by_name.get(name)) for name, _title_of in aspects],
        "words": " ".join(dict.fromkeys((row["platform"], *(f["id"] for f in row["findings"])))),
        "change": _change(row),
        "wire": _wire(row),
    }


def _page(n: int, row: Row) -> dict[str, Any]:
    device = " ".join(text for text in (row["vendor"], row["model"]) if text)
    return {
        "n": n,
        "row": row,
        "code": _code(row["compliance"]),
        "word": WORDS[row["compliance"]],
        "change": "" if row["change"] in ("", "same") else _change(row),
        "changes": [change_text(change) for change in row["changes"]],
        "wire": _wire(row),
        "seen_on_wire": _when(row["path"]["finished"]) if row["path"] else "",
        "facts": (
            ("Device", device),
            ("Platform", row["platform"]),
            ("Firmware", row["firmware"]),
            ("Site", row["site"]),
            ("Seen", _when(row["finished"])),
            ("How", MODES.get(row["mode"], row["mode"])),
        ),
        "aspects": [
            {**a, "title": _title(a["name"]), "code": _code(a["compliance"]), "shown": _shown(a)}
            for a in row["aspects"]
        ],
        "severities": {**dict.fromkeys((f["severity"] for f in row["findings"]), "x"), **SEVERITIES},
        "sure": {**dict.fromkeys((m["label"] for a in row["aspects"] for m in a["mechanisms"]), ""), **SURE},
    }
