# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved configurations of Vyatta's descendants: `show configuration commands` as text, and config.boot with its braces. Pure.

Both stand in the order of the names. So a text proves that a node is absent once a line comes that belongs after it, and one that was
cut off before proves nothing.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from ..core.text import elided, lines_of

_FOOTER = re.compile(r"(?:vyos|vyatta)-config-version: ")
_SET = re.compile(
    r"^set interfaces (?:ethernet|loopback|bonding|bridge|switch|pppoe|tunnel|openvpn|wireguard|dummy|vti) \S", re.M
)
_BLOCK = re.compile(r"^interfaces \{\n(?:    .*\n)*?    (?:ethernet|loopback|bonding|bridge|switch) \S+ \{$", re.M)


@dataclass(frozen=True)
class Saved:
    """What a text holds: its lines without `set`; None where it is no such text or its braces do not fit."""

    lines: tuple[str, ...] | None

    def proves_absence_of(self, path: str) -> bool:
        """Whether the text goes on beyond the place of a path, in the order of the names."""
        if self.lines is None:
            return False
        words = path.split()
        for depth, word in enumerate(words):
            head = words[:depth]
            names = [p[depth] for p in (line.split() for line in self.lines) if p[:depth] == head and len(p) > depth]
            if names != sorted(names):
                return False
            if names and names[-1] > word:
                return True
        return False


def of_vyos(text: str) -> bool:
    """Whether a text says of itself that it is VyOS's."""
    return re.search(r"vyos-config-version: |Version:\s+VyOS |Release version: (?:VyOS |1\.[1-5])", text) is not None


def of_edgeos(text: str) -> bool:
    """Whether a text has what only EdgeOS has."""
    return re.search(r"Release version: v\d|Ubiquiti|^(?:set )?port-forward ", text, re.M) is not None


def looks_like(text: str) -> bool:
    """Whether a text is such a configuration. Those of Junos have other interfaces, and semicolons."""
    text = text.replace("\r", "")
    if _SET.search(text) and re.search(r"^set system ", text, re.M):
        return True
    return _FOOTER.search(text) is not None or (_BLOCK.search(text) is not None and ";" not in text[:2000])


def read(text: str) -> Saved:
    if elided(text):
        return Saved(None)
    lines = [line for line in lines_of(text) if line.strip() and not re.match(r"\s*(?:#|//|/\*|\*)", line)]
    if any(line.startswith("set ") for line in lines):
        # any other line may be a complaint in place of a part
        sound = all(line.startswith("set ") for line in lines)
        return Saved(tuple(line.removeprefix("set ").strip() for line in lines) if sound else None)
    return Saved(_of_braces(lines))


def _of_braces(lines: list[str]) -> tuple[str, ...] | None:
    """The blocks as paths. A brace that closes nothing makes all of it doubtful; one that is missing at the end is a cut."""
    path: list[str] = []
    out: list[str] = []
    empty = False
    for raw in lines:
        line = raw.strip()
        if line == "}":
            if not path:
                return None
            if empty:
                out.append(" ".join(path))
            path, empty = path[:-1], False
        elif line.endswith("{"):
            path, empty = [*path, _plain(line[:-1].strip())], True
        else:
            out.append(" ".join([*path, _plain(line)]))
            empty = False
    return tuple(out)


def _plain(text: str) -> str:
    """A node and its value without the quotes around it, as `show configuration commands` gives a plain word."""
    try:
        words = shlex.split(text)
    except ValueError:
        return text
    return " ".join(word if re.fullmatch(r"[\w.,:/+-]+", word) else shlex.quote(word) for word in words)
