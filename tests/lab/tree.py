# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An indented configuration (IOS, ASA) as a tree of lines that commands really change."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Line:
    """One configuration line and the lines below it."""

    text: str
    children: list[Line] = field(default_factory=list)

    def child(self, text: str) -> Line | None:
        """The child with exactly this text, blanks at the ends not counted."""
        return next((item for item in self.children if item.text.strip() == text.strip()), None)

    def starting(self, prefix: str) -> list[Line]:
        """The children that begin with these words."""
        return [item for item in self.children if begins(item.text, prefix)]

    def render(self, depth: int = -1) -> list[str]:
        own = [" " * depth + self.text] if depth >= 0 else []
        for item in self.children:
            own.extend(item.render(depth + 1))
        return own

    def drop(self, keep: Callable[[Line], bool]) -> int:
        """Keep only the children for which ``keep`` is true; returns how many went."""
        before = len(self.children)
        self.children = [item for item in self.children if keep(item)]
        return before - len(self.children)


def begins(text: str, prefix: str) -> bool:
    """Does the text begin with these whole words?"""
    clean = text.strip()
    return clean == prefix or clean.startswith(prefix + " ")


def parse(text: str) -> Line:
    """Make a tree of indented text. Lines that only hold ``!`` are kept as separators at the level they stand at."""
    root = Line("")
    stack: list[tuple[int, Line]] = [(-1, root)]
    for raw in text.strip("\n").split("\n"):
        # Trailing blanks are part of the text: real devices print some.
        stripped = raw.lstrip(" ")
        if not stripped:
            continue
        depth = len(raw) - len(stripped)
        while stack[-1][0] >= depth:
            stack.pop()
        node = Line(stripped)
        stack[-1][1].children.append(node)
        stack.append((depth, node))
    return root


def place(root: Line, text: str, before: tuple[str, ...] = ()) -> Line:
    """Add a line where the device would show it: after its nearest kin, else before the given prefixes, else last."""
    node = Line(text)
    words = text.split()
    for count in range(len(words) - 1, 0, -1):
        kin = [index for index, item in enumerate(root.children) if begins(item.text, " ".join(words[:count]))]
        if kin:
            root.children.insert(kin[-1] + 1, node)
            return node
    for index, item in enumerate(root.children):
        if any(begins(item.text, prefix) for prefix in before):
            root.children.insert(index, node)
            return node
    root.children.append(node)
    return node


def pipe(lines: list[str], expression: str) -> list[str]:
    """Apply an output filter of IOS and ASA: ``include``, ``exclude``, ``begin``, ``section``, ``count``."""
    verb, _sep, pattern = expression.strip().partition(" ")
    pattern = pattern.strip().strip('"')
    try:
        regex = re.compile(pattern)
    except re.error:
        return ["% Failed to compile regular expression."]
    if verb.startswith("i") or verb == "grep":
        return [line for line in lines if regex.search(line)]
    if verb.startswith("e"):
        return [line for line in lines if not regex.search(line)]
    if verb.startswith("c"):
        return [f"Number of lines which match regexp = {sum(1 for line in lines if regex.search(line))}"]
    if verb.startswith("b"):
        found = next((index for index, line in enumerate(lines) if regex.search(line)), len(lines))
        return lines[found:]
    if verb.startswith("s"):
        return _section(lines, regex)
    return ["% Invalid input detected at '^' marker."]


def _section(lines: list[str], regex: re.Pattern[str]) -> list[str]:
    kept: list[str] = []
    inside = -1
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        if regex.search(line) and (inside < 0 or depth <= inside):
            inside = depth
            kept.append(line)
        elif 0 <= inside < depth:
            kept.append(line)
        else:
            inside = -1
    return kept
