# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations made of nested config / edit / set / next / end lines: read, and written again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Block:
    """A `config` table or an `edit` entry: its settings as raw text after the key, its entries, its tables."""

    sets: dict[str, str] = field(default_factory=dict)
    entries: dict[str, Block] = field(default_factory=dict)
    tables: dict[str, Block] = field(default_factory=dict)

    def value(self, key: str, default: str = "") -> str:
        """The first word of a setting, without quotes."""
        found = words(self.sets.get(key, ""))
        return found[0] if found else default


@dataclass
class Document:
    """A whole text. `sound` is false when it is cut off or its nesting does not add up: then it proves no absence."""

    root: Block
    sound: bool


def words(text: str) -> list[str]:
    """The values of a setting, unquoted; a text with broken quotes is split at blanks."""
    try:
        return shlex.split(text) if '"' in text or "'" in text else text.split()
    except ValueError:
        return text.split()


def unquoted(name: str) -> str:
    name = name.strip()
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


def escaped(text: str) -> str:
    """A text as it stands between quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def value_of(text: str) -> str:
    """One value of a setting, in quotes where it needs them; `words` takes them off again."""
    return text if re.fullmatch(r"[\w.:/@%+=,-]+", text) else f'"{escaped(text)}"'


def render(block: Block) -> str:
    """The text of a block's content, which `read` reads back; entries stand in quotes."""
    return "".join(line + "\n" for line in _lines(block))


def _lines(block: Block) -> Iterator[str]:
    for key, value in block.sets.items():
        yield f"set {key} {value}"
    for name, table in block.tables.items():
        yield f"config {name}"
        yield from _lines(table)
        yield "end"
    for name, entry in block.entries.items():
        yield f'edit "{name}"'
        yield from _lines(entry)
        yield "next"


def read(text: str) -> Document:
    """Never raises: what does not fit makes the document unsound."""
    root = Block()
    stack: list[tuple[str, Block]] = [("root", root)]
    sound = True
    for line in _logical_lines(text):
        word, _sep, rest = line.partition(" ")
        kind, block = stack[-1]
        if word == "config":
            stack.append(("config", block.tables.setdefault(rest.strip(), Block())))
        elif kind == "root":
            sound = sound and word not in ("next", "end", "set", "edit")
        elif word == "edit":
            if kind == "edit":  # a lost `next`
                sound = False
                stack.pop()
                block = stack[-1][1]
            stack.append(("edit", block.entries.setdefault(unquoted(rest), Block())))
        elif word == "set":
            key, _sep, value = rest.partition(" ")
            block.sets[key] = value
        elif word == "next":
            sound = sound and kind == "edit"
            if kind == "edit":
                stack.pop()
        elif word == "end":
            if kind == "edit":
                stack.pop()
            stack.pop()
        elif word not in ("unset", "append", "") and not line.startswith("#"):
            sound = False
    return Document(root, sound and len(stack) == 1)


def _logical_lines(text: str) -> Iterator[str]:
    """Stripped lines; a quoted value may run over many lines and is one."""
    held: list[str] = []
    for raw in text.replace("\r", "").split("\n"):
        line = raw if held else raw.strip()
        if not line and not held:
            continue
        if held or (line.startswith("set ") and _open_quote(line)):
            held.append(line)
            if len(held) == 1 or not _open_quote(line):
                continue
            yield "\n".join(held)
            held = []
            continue
        yield line
    if held:
        yield "\n".join(held)
        yield "\0unclosed quote"


def _open_quote(line: str) -> bool:
    """Whether a line has an odd number of quotes that are not escaped."""
    return (
        line.count('"') % 2 == 1
        if "\\" not in line
        else line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 1
    )
