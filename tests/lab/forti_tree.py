# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FortiOS's configuration tree: schema, objects, tables, and the ``show`` and ``get`` forms of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Union


@dataclass(frozen=True)
class Key:
    """One settable key. ``default`` None: there is none, so the key is shown whenever it is set."""

    default: str | None = None
    quoted: bool = False
    choices: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    refers_to: str | None = None


@dataclass(frozen=True)
class Schema:
    """One object or table. ``scope``: ``global`` or ``vdom``. ``always``: printed in a whole ``show`` even when empty."""

    name: str
    keys: Mapping[str, Key]
    subs: Mapping[str, Schema] = field(default_factory=dict)
    table: bool = False
    numbered: bool = False
    required: tuple[str, ...] = ()
    scope: str = "vdom"
    always: bool = True
    key_name: str = "name"


@dataclass
class Obj:
    """An object, or one entry of a table."""

    schema: Schema
    values: dict[str, list[str]] = field(default_factory=dict)
    subs: dict[str, Node] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, schema in self.schema.subs.items():
            self.subs.setdefault(name, make(schema))

    def value(self, key: str) -> str:
        """The value that is in force, as one string."""
        if key in self.values:
            return " ".join(self.values[key])
        return self.schema.keys[key].default or ""

    def assign(self, key: str, tokens: list[str]) -> None:
        """Store a value; the default is stored as nothing, so that ``show`` leaves it out."""
        if " ".join(tokens) == self.schema.keys[key].default:
            self.values.pop(key, None)
        else:
            self.values[key] = tokens

    def replace(self, other: Obj) -> None:
        self.values = other.values
        self.subs = other.subs

    def is_empty(self) -> bool:
        return not self.values and all(node.is_empty() for node in self.subs.values())

    def lines(self, full: bool, depth: int) -> list[str]:
        """The ``set`` lines and sub-blocks, without the surrounding ``config`` or ``edit``."""
        pad = "    " * depth
        out: list[str] = []
        for key, spec in self.schema.keys.items():
            if key in self.values:
                out.append(f"{pad}set {key} {shown(spec, self.values[key])}")
            elif full and spec.default is not None:
                out.append(f"{pad}set {key} {shown(spec, spec.default.split() or [''])}")
        for name, node in self.subs.items():
            if full or not node.is_empty():
                out += [f"{pad}config {name}", *node.lines(full, depth + 1), f"{pad}end"]
        return out

    def get_lines(self) -> list[str]:
        out = [f"{key:<20}: {self.value(key)} ".rstrip(" ") for key in self.schema.keys]
        for name, node in self.subs.items():
            out.append(f"{name}:")
            if isinstance(node, Obj):
                out += ["    " + line for line in node.get_lines()]
            else:
                out += [f"    == [ {entry} ]" for entry in node.entries]
        return out


@dataclass
class Table:
    schema: Schema
    entries: dict[str, Obj] = field(default_factory=dict)

    def is_empty(self) -> bool:
        return not self.entries

    def next_id(self) -> str:
        return str(max((int(entry) for entry in self.entries), default=0) + 1)

    def lines(self, full: bool, depth: int) -> list[str]:
        out: list[str] = []
        for name in self.entries:
            out += self.entry_lines(name, full, depth)
        return out

    def entry_lines(self, name: str, full: bool, depth: int) -> list[str]:
        pad = "    " * depth
        label = name if self.schema.numbered else f'"{name}"'
        return [f"{pad}edit {label}", *self.entries[name].lines(full, depth + 1), f"{pad}next"]

    def get_lines(self) -> list[str]:
        out: list[str] = []
        for name in self.entries:
            out += [f"== [ {name} ]", f"{self.schema.key_name}: {name}"]
        return out


Node = Union[Obj, Table]


def make(schema: Schema) -> Node:
    return Table(schema) if schema.table else Obj(schema)


def shown(spec: Key, tokens: list[str]) -> str:
    if tokens == [""]:
        return "''"
    return " ".join(f'"{token}"' for token in tokens) if spec.quoted else " ".join(tokens)


def tokens_of(line: str) -> list[str]:
    """Split a command line; double quotes hold a token together."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line)
    return [quoted if not bare else bare.strip("'") for quoted, bare in found]


def bad_value(spec: Key, tokens: list[str]) -> bool:
    """Is the value outside what the key takes?"""
    if not tokens:
        return True
    if spec.choices and tokens[0] not in spec.choices:
        return True
    if spec.span is not None:
        return not (tokens[0].isdigit() and spec.span[0] <= int(tokens[0]) <= spec.span[1])
    return False


def grep(lines: list[str], expression: str) -> list[str]:
    """``| grep [-i] [-v] [-n] [-f] PATTERN`` over printed lines."""
    words = tokens_of(expression)
    options = "".join(word[1:] for word in words if word.startswith("-"))
    pattern = " ".join(word for word in words if not word.startswith("-"))
    regex = re.compile(pattern, re.IGNORECASE if "i" in options else 0)
    return [line for line in lines if bool(regex.search(line)) != ("v" in options)]
