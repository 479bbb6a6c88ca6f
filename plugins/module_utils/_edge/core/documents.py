# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration tree as JSON documents: read into the blocks of its text form, and edits of the text form made into requests.

An object is a mapping, a table a list of mappings. What the documents do not say of themselves is in a `Grammar`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .blocks import Block, escaped, value_of, words
from .errors import Refusal

_ORIGIN = "q_origin_key"


@dataclass(frozen=True)
class Grammar:
    """How the JSON of a family differs from its text.

    * `keys`: the field that names an entry, by table (by its last word inside an object); `name` where none is given.
    * `members`: settings with several values, each an object with this one field.
    * `spaced`: settings with several values in one string.
    * `integers`: settings that are numbers.
    * `objects`: blocks inside an object that some versions wrap into a list of one.
    * `cleared`: settings for which an empty value is the same as none.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, str] = field(default_factory=dict)
    spaced: tuple[str, ...] = ()
    integers: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()

    def key(self, table: str) -> str:
        return self.keys.get(table, "name")


def address(table: str) -> str:
    """The path of a table or object: `firewall service custom` is `firewall.service/custom`."""
    *groups, last = table.split()
    return ".".join(groups) + "/" + last


def block_of(name: str, document: Any, grammar: Grammar) -> Block:
    """The block of a table (a list) or an object (a mapping). Raises ValueError for anything else, and for entries without a name."""
    if isinstance(document, dict):
        return _object(document, grammar)
    if not isinstance(document, list):
        raise ValueError(f"{name}: neither an object nor a table")
    block = Block()
    for entry in document:
        found = _name(name, entry, grammar)
        if found is None:
            raise ValueError(f"{name}: an entry without a name")
        block.entries[escaped(found)] = _entry(name, entry, grammar)
    return block


def _name(table: str, entry: Any, grammar: Grammar) -> str | None:
    found = entry.get(grammar.key(table), entry.get(_ORIGIN)) if isinstance(entry, dict) else None
    return None if found is None or isinstance(found, (dict, list)) else str(found)


def _entry(table: str, entry: Mapping[str, Any], grammar: Grammar) -> Block:
    return _object({k: v for k, v in entry.items() if k != grammar.key(table)}, grammar)


def _object(document: Mapping[str, Any], grammar: Grammar) -> Block:
    """Empty values are left out, as the text form leaves them out: they are what is there when nothing is set."""
    block = Block()
    for key, value in document.items():
        if key == _ORIGIN or value is None or value in ("", []):
            continue
        if key in grammar.objects and isinstance(value, list) and len(value) == 1:
            value = value[0]
        values = _members(key, value, grammar)
        if values is not None:
            block.sets[key] = " ".join(value_of(v) for v in values)
        elif isinstance(value, dict):
            block.tables[key] = _object(value, grammar)
        elif isinstance(value, list):
            block.tables[key] = _below(key, value, grammar)
        else:
            text = str(value)
            block.sets[key] = " ".join(text.split()) if key in grammar.spaced else value_of(text)
    return block


def _below(table: str, entries: Sequence[Any], grammar: Grammar) -> Block:
    """A table inside an object; what has no name goes by its place."""
    block = Block()
    for place, entry in enumerate(entries):
        if isinstance(entry, dict):
            block.entries[escaped(_name(table, entry, grammar) or str(place))] = _entry(table, entry, grammar)
    return block


def _members(key: str, value: Any, grammar: Grammar) -> list[str] | None:
    """The values of a setting that is a list: of plain values, or of objects with one field each. None where it is no such list."""
    if not isinstance(value, list) or key in grammar.keys or key in grammar.objects:
        return None
    if not any(isinstance(v, (dict, list)) for v in value):
        return [str(v) for v in value]
    if not all(isinstance(v, dict) for v in value):
        return None
    fields = {grammar.members[key]} if key in grammar.members else {k for v in value for k in v} - {_ORIGIN}
    return [str(v[name]) for name in fields for v in value if name in v] if len(fields) == 1 else None


def bones(table: str, document: Any, grammar: Grammar) -> Any:
    """What a later edit has to know of a document: the names of its entries, and whole the blocks inside of it."""
    if isinstance(document, list):
        key = grammar.key(table)
        return [{key: e.get(key, e.get(_ORIGIN)), **bones(table, e, grammar)} for e in document if isinstance(e, dict)]
    return {k: v for k, v in document.items() if isinstance(v, (dict, list)) and _members(k, v, grammar) is None}


@dataclass
class _Action:
    """One edit: `set`, `unset`, `delete`, `move`, or with edits inside `config`, `edit`. `rest` is what follows the word."""

    word: str
    rest: str
    inside: list[_Action] = field(default_factory=list)


_CLOSED_BY = {"config": "end", "edit": "next"}


def _actions(lines: Iterator[str], closing: str = "") -> list[_Action]:
    """The edits up to the line that closes them. Raises Refusal when it is another one, or is missing."""
    found: list[_Action] = []
    for line in lines:
        word, _sep, rest = line.strip().partition(" ")
        if word in _CLOSED_BY.values():
            if word != closing:
                break
            return found
        inside = _actions(lines, _CLOSED_BY[word]) if word in _CLOSED_BY else []
        found.append(_Action(word, rest.strip(), inside))
    else:
        if not closing:
            return found
    raise Refusal("the lines of a step are not closed as they were opened: they have no request")


class Editor:
    """Turns edits, line by line as a person types them, into the requests that do the same.

    `tables` is the state that the edits are laid over, by table; it follows them. `query` is appended to every address.
    A request is a line: method, path below the interface's base, and a JSON document where there is one.
    """

    def __init__(self, grammar: Grammar, tables: Mapping[str, Any], base: str = "", query: str = "") -> None:
        self.grammar = grammar
        self.tables = copy.deepcopy(dict(tables))
        self._base, self._query = base, query

    def both_ways(self, do: Sequence[str], undo: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The requests of a change and of its inverse; the state is then that after the change. Raises Refusal."""
        forth = self.requests(do)
        then = Editor(self.grammar, self.tables, self._base, self._query)
        return forth, then.requests(undo)

    def requests(self, lines: Sequence[str]) -> tuple[str, ...]:
        """Raises Refusal for an edit that has no request."""
        found: list[str] = []
        for action in _actions(iter(lines)):
            if action.word != "config" or action.rest not in self.tables:
                raise Refusal(f"'{action.word} {action.rest}' has no request: it was not read")
            table = self.tables[action.rest]
            if isinstance(table, list):
                found += [self._in_table(action.rest, table, edit) for edit in action.inside]
            else:
                body = self._laid_over(table, action.inside)
                found.append(self._line("PUT", action.rest, body=body))
        return tuple(found)

    def _line(self, method: str, table: str, entry: str = "", query: str = "", body: Any = None) -> str:
        path = f"{self._base}/{address(table)}" + (f"/{quote(entry, safe='')}" if entry else "")
        asked = "&".join(part for part in (query, self._query) if part)
        line = f"{method} {path}" + (f"?{asked}" if asked else "")
        return line if body is None else f"{line} {json.dumps(body)}"

    def _in_table(self, name: str, table: list[dict[str, Any]], action: _Action) -> str:
        key = self.grammar.key(name)
        entry_name = _word(action.rest)
        at = _find(table, key, entry_name)
        if action.word == "edit":
            if at is not None:
                return self._line("PUT", name, entry_name, body=self._laid_over(table[at], action.inside))
            entry = {key: self._typed(key, entry_name)}
            table.append(entry)
            return self._line("POST", name, body={**entry, **self._laid_over(entry, action.inside)})
        if action.word == "delete":
            if at is not None:
                del table[at]
            return self._line("DELETE", name, entry_name)
        if action.word == "move":
            moved, where, other = words(action.rest)
            return self._line("PUT", name, moved, f"action=move&{where}={quote(other, safe='')}")
        raise Refusal(f"'{action.word} {action.rest}' in '{name}' has no request")

    def _laid_over(self, document: dict[str, Any], actions: Sequence[_Action]) -> dict[str, Any]:
        """What is to be sent so that a document has these edits; the document has them then."""
        body: dict[str, Any] = {}
        for action in actions:
            key, _sep, value = action.rest.partition(" ")
            if action.word == "set":
                body[key] = document[key] = self._json(key, value)
            elif action.word == "unset" and key in self.grammar.cleared:
                body[key] = document[key] = ""
            elif action.word == "config":
                body[key] = copy.deepcopy(self._inside(document, key, action.inside))
            else:
                raise Refusal(f"'{action.word} {action.rest}' has no request")
        return body

    def _inside(self, document: dict[str, Any], key: str, actions: Sequence[_Action]) -> Any:
        """A block inside a document. What is a list is replaced by a request, so it goes back whole; an object is laid over."""
        present = document.get(key)
        if key in self.grammar.objects and not isinstance(present, list):
            document[key] = dict(present or {})
            return self._laid_over(document[key], actions)
        document[key] = [_without_origin(entry) for entry in present or []]
        if key in self.grammar.objects:
            document[key] = document[key] or [{}]
            self._laid_over(document[key][0], actions)
        else:
            self._in_list(key, document[key], actions)
        return document[key]

    def _in_list(self, name: str, table: list[dict[str, Any]], actions: Sequence[_Action]) -> None:
        key = self.grammar.key(name)
        for action in actions:
            entry_name = _word(action.rest)
            at = _find(table, key, entry_name)
            if action.word == "edit":
                if at is None:
                    table.append({key: self._typed(key, entry_name)})
                self._laid_over(table[-1 if at is None else at], action.inside)
            elif action.word == "delete" and at is not None:
                del table[at]
            else:
                raise Refusal(f"'{action.word} {action.rest}' in '{name}' has no request")

    def _json(self, key: str, text: str) -> Any:
        values = words(text)
        if key in self.grammar.members:
            return [{self.grammar.members[key]: value} for value in values if value]
        return self._typed(key, " ".join(values))

    def _typed(self, key: str, text: str) -> Any:
        return int(text) if key in self.grammar.integers and text.isdigit() else text


def _word(text: str) -> str:
    """The name in an edit, as JSON has it."""
    found = words(text)
    return found[0] if found else ""


def _find(table: Sequence[Mapping[str, Any]], key: str, name: str) -> int | None:
    return next((at for at, entry in enumerate(table) if str(entry.get(key, entry.get(_ORIGIN))) == name), None)


def _without_origin(document: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k != _ORIGIN}
