# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FortiOS's configuration tree as JSON: the same objects that the command line edits, in the words of the REST API."""

from __future__ import annotations

import copy
from typing import Any, Callable

from .forti_session import make_entry
from .forti_tree import Key, Node, Obj, Schema, Table, bad_value, tokens_of

LISTS = {
    "srcintf": "name",
    "dstintf": "name",
    "srcaddr": "name",
    "dstaddr": "name",
    "service": "name",
    "mappedip": "range",
}
"""Keys that hold several values: a list of objects with this key."""
NUMBERS = {"system session-helper": ("protocol", "port")}


class RestError(Exception):
    """A refused request: HTTP status, FortiOS's own code, and its text where it gives one."""

    def __init__(self, status: int, code: int = 0, text: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text


def _is_number(schema: Schema, key: str) -> bool:
    return schema.keys[key].span is not None or key in NUMBERS.get(schema.name, ())


def _value(schema: Schema, key: str, values: list[str]) -> Any:
    if key in LISTS:
        return [{LISTS[key]: item, "q_origin_key": item} for item in values if item]
    text = " ".join(values)
    return int(text) if _is_number(schema, key) and text.isdigit() else text


def mkey_of(schema: Schema, name: str) -> Any:
    return int(name) if schema.numbered else name


def object_of(item: Obj, listed: bool = False, only_set: bool = False) -> dict[str, Any]:
    """An object with all its keys. ``listed``: sub-objects come as lists of one; ``only_set``: no defaults."""
    shown: dict[str, Any] = {}
    for key, spec in item.schema.keys.items():
        if key in item.values:
            shown[key] = _value(item.schema, key, item.values[key])
        elif not only_set:
            shown[key] = _value(item.schema, key, (spec.default or "").split() or [""])
    for name, node in item.subs.items():
        if isinstance(node, Table):
            shown[name] = entries_of(node, listed, only_set)
        else:
            inner = object_of(node, listed, only_set)
            shown[name] = [inner] if listed else inner
    return shown


def key_of(schema: Schema) -> str:
    """The name of a table's key: numbered tables have ``policyid`` or ``id``."""
    if not schema.numbered:
        return schema.key_name
    return schema.key_name if schema.key_name != "name" else "id"


def entries_of(table: Table, listed: bool = False, only_set: bool = False) -> list[dict[str, Any]]:
    found = []
    for name, entry in table.entries.items():
        key = mkey_of(table.schema, name)
        found.append({key_of(table.schema): key, "q_origin_key": key, **object_of(entry, listed, only_set)})
    return found


def defaults(node: Node, listed: bool) -> dict[str, Any]:
    return object_of(make_entry(node) if isinstance(node, Table) else Obj(node.schema), listed)


def schema_of(schema: Schema) -> dict[str, Any]:
    """What ``action=schema`` gives, shortened to what one needs to learn which keys there are."""
    children: dict[str, Any] = {}
    for key, spec in schema.keys.items():
        child: dict[str, Any] = {"name": key, "type": "integer" if _is_number(schema, key) else "string"}
        if spec.choices:
            child["type"] = "option"
            child["options"] = [{"name": choice} for choice in spec.choices]
        if spec.default is not None:
            child["default"] = spec.default
        children[key] = child
    for name, sub in schema.subs.items():
        children[name] = {"category": "table" if sub.table else "complex", **schema_of(sub)}
    return {"name": schema.name.split()[-1], "children": children}


# -- writing ------------------------------------------------------------------------------------------------------


def _tokens(spec: Key, key: str, value: Any) -> list[str]:
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        raise RestError(424, -651, f"value parse error before '{key}'")
    if isinstance(value, list):
        names = [item.get(LISTS.get(key, "name")) if isinstance(item, dict) else item for item in value]
        if not all(isinstance(name, str) for name in names):
            raise RestError(424, -651, f"value parse error before '{key}'")
        return [str(name) for name in names]
    if isinstance(value, int):
        return [str(value)]
    if spec.quoted and key not in LISTS:
        return [value]
    return tokens_of(value) or [""]


def assign(item: Obj, body: dict[str, Any], exists: Callable[[str, str], bool], skip: tuple[str, ...] = ()) -> None:
    """Lay a request's body over an object; raises RestError. ``exists(table, name)``: is there such an entry?"""
    for key, value in body.items():
        if key in (*skip, "q_origin_key"):
            continue
        if key in item.subs:
            _assign_below(item.subs[key], value, exists)
            continue
        spec = item.schema.keys.get(key)
        if spec is None:
            raise RestError(500, -61, f"command parse error before '{key}'")
        tokens = _tokens(spec, key, value)
        if bad_value(spec, tokens):
            raise RestError(424, -651, f"value parse error before '{' '.join(tokens)}'")
        if spec.refers_to and tokens[0] and not exists(spec.refers_to, tokens[0]):
            raise RestError(424, -3, f"entry not found in datasource\n\nvalue parse error before '{tokens[0]}'")
        item.assign(key, tokens)


def _assign_below(node: Node, value: Any, exists: Callable[[str, str], bool]) -> None:
    if isinstance(node, Obj):
        inner = value[0] if isinstance(value, list) and len(value) == 1 else value
        if not isinstance(inner, dict):
            raise RestError(424, -651, f"value parse error before '{node.schema.name}'")
        assign(node, inner, exists)
        return
    if not isinstance(value, list):
        raise RestError(424, -651, f"value parse error before '{node.schema.name}'")
    # A list in a request takes the place of the whole list.
    fresh = Table(node.schema)
    for body in value:
        name, entry = entry_of(fresh, body, exists)
        fresh.entries[name] = entry
    node.entries = fresh.entries


def entry_of(table: Table, body: Any, exists: Callable[[str, str], bool]) -> tuple[str, Obj]:
    """The key and the new entry that a body describes."""
    if not isinstance(body, dict):
        raise RestError(400)
    key = key_of(table.schema)
    name = str(body.get(key, "0" if table.schema.numbered else ""))
    if table.schema.numbered and name == "0":
        name = table.next_id()
    if not name or (table.schema.numbered and not name.isdigit()):
        raise RestError(424, -651, f"Attribute '{key}' MUST be set")
    if name in table.entries:
        raise RestError(424, -5, "duplicate entry")
    entry = copy.deepcopy(make_entry(table))
    assign(entry, body, exists, skip=skip_of(table.schema))
    return name, entry


def skip_of(schema: Schema) -> tuple[str, ...]:
    """The table's key is no setting, unless a setting has the same name (policies have an id and a name)."""
    key = key_of(schema)
    return () if key in schema.keys else (key,)


# -- filter, format -----------------------------------------------------------------------------------------------

OPERATORS = ("==", "!=", "=@", "!@", "<=", ">=", "<", ">")


def matches(entry: dict[str, Any], condition: str) -> bool:
    """One ``filter``: conditions joined by commas, of which one must hold."""
    return any(_holds(entry, part) for part in condition.split(","))


def _holds(entry: dict[str, Any], part: str) -> bool:
    for operator in OPERATORS:
        key, sep, wanted = part.partition(operator)
        if sep and key in entry:
            value, wanted = str(entry[key]).lower(), wanted.lower()
            if operator in ("==", "!="):
                return (value == wanted) is (operator == "==")
            if operator in ("=@", "!@"):
                return (wanted in value) is (operator == "=@")
            if not (value.isdigit() and wanted.isdigit()):
                return False
            low, high = int(value), int(wanted)
            return {"<=": low <= high, ">=": low >= high, "<": low < high, ">": low > high}[operator]
    return False


def pick(entry: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """``format``: only these keys; unknown names are passed over."""
    return {key: value for key, value in entry.items() if key in names or key == "q_origin_key"}
