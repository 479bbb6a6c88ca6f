# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small readers that several kinds of configuration text share."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ELIDED = re.compile(
    r"^[ \t!#;:]*(?:\.{3,}|<\W*(?:snip|output omitted)\W*>|\[\W*(?:snip|omitted)\W*\]|-+ ?snip ?-+)[ \t]*$", re.I | re.M
)
_ODD = re.compile("[\x01-\x02\x04-\x07\x0b\x0e-\x1a\x1c-\x1f\ufffd]")
_PORTS = re.compile(r"^(\d{1,5})(?:-(\d{1,5}))?$")
_HMS = re.compile(r"^(\d+):(\d+):(\d+)$")


def lines_of(text: str) -> list[str]:
    """Lines without their ends; a carriage return is never part of a line."""
    return text.replace("\r", "").split("\n")


def ended(reply: str | None) -> str | None:
    """The answer of a shell's line that ends in `echo end`, without that end; None where it did not come whole."""
    lines = lines_of((reply or "").rstrip("\r\n"))
    return "\n".join(lines[:-1]) if lines[-1] == "end" else None


def elided(text: str) -> bool:
    """Whether somebody left parts out and marked it: such a text proves no absence."""
    if "..." not in text:
        lowered = text.lower()
        if "snip" not in lowered and "omitted" not in lowered:
            return False
    return _ELIDED.search(text) is not None


def looks_binary(sample: str) -> bool:
    """Whether a text is no text: NUL bytes, or many characters that do not print."""
    return "\x00" in sample or len(_ODD.findall(sample)) > len(sample) // 10


def hms(text: str) -> int | None:
    """Seconds of h:m:s, or None."""
    found = _HMS.match(text)
    return None if found is None else int(found.group(1)) * 3600 + int(found.group(2)) * 60 + int(found.group(3))


def port_range(text: str) -> tuple[int, int] | None:
    """First and last port of `5060` or `10000-20000`, or None."""
    found = _PORTS.match(text)
    if found is None:
        return None
    first = int(found.group(1))
    return first, int(found.group(2) or first)


def first_match(pattern: str, text: str, default: str | None = None) -> str | None:
    """Group 1 of the first match in a text, or the default."""
    found = re.search(pattern, text, re.M)
    return default if found is None else found.group(1)


def unique(items: Iterable[str]) -> tuple[str, ...]:
    """Without repetition, in order."""
    return tuple(dict.fromkeys(items))
