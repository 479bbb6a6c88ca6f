# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a SonicWall's candidate configuration: what a write does, and why it is refused."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Callable

from .sonicos_check import Refused, check, not_found, references, schema_error
from .sonicos_state import (
    CHOICES,
    H323_DEFAULT,
    KINDS,
    SIP_DEFAULT,
    SPANS,
    UDP_DEFAULT,
    Config,
    Kind,
    overlay,
    renumber,
)


@dataclass
class Edit:
    """One staged write. The body is complete: ids are given when it is staged, so that it can be made again."""

    owner: str
    method: str
    path: str
    body: Any

    def text(self) -> str:
        return f"{self.owner}: {self.method} {self.path}"


@dataclass(frozen=True)
class Rules:
    """What one box allows and means: the most entries of a list, the global UDP unit, a SIP block without ``enable``.

    ``last``: an automatic priority is the last one.
    """

    limits: dict[str, int]
    minutes: bool = False
    keyless: bool = False
    last: bool = False


def apply(config: Config, edit: Edit, rules: Rules) -> None:
    """Carry out one edit; raises :class:`Refused` and leaves the configuration as it was."""
    draft = copy.deepcopy(config)
    blocks: dict[str, Callable[[Config, Any, Rules], None]] = {
        "/voip": _put_voip,
        "/udp": _put_udp,
        "/administration/global": _put_administration,
    }
    if edit.path in blocks:
        if edit.method != "PUT":
            raise Refused("Method not allowed.", "E_NOT_ALLOWED", 1010, 405)
        if not isinstance(edit.body, dict):
            raise schema_error("an object is expected")
        blocks[edit.path](draft, edit.body, rules)
    elif edit.path.startswith("/all-"):
        _delete_all(draft, edit)
    else:
        _apply_list(draft, edit, rules)
    renumber(draft)
    config.clear()
    config.update(draft)


# -- single objects -----------------------------------------------------------------------------------------------


def fill(default: Any, given: Any, where: str) -> Any:
    """What a PUT makes of ``given``: what it leaves out falls back to the default. Unknown keys are refused."""
    if isinstance(default, dict):
        if not isinstance(given, dict):
            raise schema_error(f"{where}: an object is expected")
        if not default or set(default) <= CHOICES:
            return copy.deepcopy(given)
        for key in given:
            if key not in default:
                raise schema_error(f"{where}.{key}: unknown")
        return {
            key: fill(value, given[key], f"{where}.{key}") if key in given else copy.deepcopy(value)
            for key, value in default.items()
        }
    if isinstance(default, bool) is not isinstance(given, bool) or not isinstance(given, type(default)):
        raise schema_error(f"{where}: {type(default).__name__} is expected")
    span = SPANS.get(where.rsplit(".", maxsplit=1)[-1])
    if span is not None and not span[0] <= given <= span[1]:
        raise Refused(f"{where}: value out of range ({span[0]} - {span[1]}).", "E_RANGE", 1040)
    return copy.deepcopy(given)


def _put_voip(config: Config, body: Config, rules: Rules) -> None:
    given = body.get("voip")
    if set(body) != {"voip"} or not isinstance(given, dict):
        raise schema_error("voip is expected")
    for key in given:
        if key not in ("consistent_nat", "sip", "h323"):
            raise schema_error(f"voip.{key}: unknown")
    new: Config = {"consistent_nat": fill(False, given.get("consistent_nat", False), "voip.consistent_nat")}
    for name, default in (("sip", SIP_DEFAULT), ("h323", H323_DEFAULT)):
        value = given.get(name, {})
        if rules.keyless and name == "sip":
            default = {key: item for key, item in default.items() if key != "enable"}
        # Nothing or an empty object means "not configured".
        new[name] = value if value is None or (value == {} and name in given) else fill(default, value, f"voip.{name}")
    if rules.keyless and new["sip"] and "sip" not in given:
        new["sip"] = None
    port = (new["sip"] or {}).get("signaling_port") or {}
    if port and not (set(port) == {"value"} and isinstance(port["value"], int) and 0 <= port["value"] <= 65535):
        raise schema_error('voip.sip.signaling_port: {"value": 0-65535} is expected')
    config["voip"] = new


def _put_udp(config: Config, body: Config, rules: Rules) -> None:
    if set(body) != {"udp"}:
        raise schema_error("udp is expected")
    config["udp"] = fill(UDP_DEFAULT, body["udp"], "udp")


def _put_administration(config: Config, body: Config, rules: Rules) -> None:
    if set(body) != {"administration"}:
        raise schema_error("administration is expected")
    config["administration"] = overlay(config["administration"], body["administration"])


# -- lists --------------------------------------------------------------------------------------------------------


def split(path: str) -> tuple[Kind, str, str]:
    """The list, ``name`` or ``uuid`` or nothing, and the value; raises Refused for an unknown path."""
    for kind in KINDS.values():
        if path == kind.path:
            return kind, "", ""
        for key in ("uuid", "name") if kind.by_name else ("uuid",):
            prefix = f"{kind.path}/{key}/"
            if path.startswith(prefix) and len(path) > len(prefix):
                return kind, key, path[len(prefix) :]
        if path.startswith(kind.path + "/"):
            raise Refused("API endpoint is incomplete.", "E_INCOMPLETE", 1020, 404)
    raise Refused("API not found.", "E_NO_API", 1031, 404)


def entries_of(kind: Kind, body: Any, singular: bool = False) -> list[Config]:
    """The entries of a request's body, unwrapped."""
    key = kind.single if singular else kind.key
    if not isinstance(body, dict) or set(body) != {key}:
        raise schema_error(f"{key} is expected")
    items = body[key] if isinstance(body[key], list) else [body[key]]
    if not items or (singular and len(items) != 1):
        raise schema_error(f"{key}: entries are expected")
    found = []
    for item in items:
        entry = item.get(kind.wrap) if kind.wrap and isinstance(item, dict) else item
        if not isinstance(entry, dict):
            raise schema_error(f"{key}: {kind.wrap or 'an object'} is expected")
        found.append(entry)
    return found


def _apply_list(config: Config, edit: Edit, rules: Rules) -> None:
    kind, by, value = split(edit.path)
    allowed = {"POST", "PUT", "PATCH"} if not by else {"PUT", "PATCH", "DELETE"}
    if edit.method not in (allowed if kind.patch else allowed - {"PATCH"}):
        raise Refused("Method not allowed.", "E_NOT_ALLOWED", 1010, 405)
    if edit.method == "DELETE":
        _delete(config, kind, by, value)
        return
    for given in entries_of(kind, edit.body):
        if edit.method == "POST":
            _add(config, kind, given, rules)
        else:
            current = locate(config, kind, by, value) if by else _same(config, kind, given)
            _change(config, kind, current, given, edit.method == "PATCH")


def locate(config: Config, kind: Kind, by: str, value: str) -> Config:
    entries: list[Config] = config[kind.key]
    for entry in entries:
        if entry[by] == value:
            return entry
    raise not_found(f"{kind.single} {value}", 404)


def _same(config: Config, kind: Kind, given: Config) -> Config:
    by = "uuid" if given.get("uuid") else "name"
    return locate(config, kind, by, str(given.get(by, "")))


def _add(config: Config, kind: Kind, given: Config, rules: Rules) -> None:
    entries = config[kind.key]
    if len(entries) >= rules.limits.get(kind.key, kind.limit):
        raise Refused(f"The maximum number of {kind.key} has been reached.", "E_TABLE_FULL", 1070)
    entry = _complete(kind, dict(kind.default), given)
    if kind.key == "access_rules":
        entry["auto_rule"] = False
        if "udp" not in given:
            # A new rule starts with the global value, whatever that counts.
            entry["udp"]["timeout"] = config["udp"]["default_connection_timeout"] * (60 if rules.minutes else 1)
    check(config, kind, entry, None)
    _place(config, kind, entry, given.get("priority"), rules.last)


def _change(config: Config, kind: Kind, current: Config, given: Config, patch: bool) -> None:
    if current.get("_read_only"):
        raise Refused("Nat Policy is read-only.", "E_READ_ONLY", 1060)
    keep: Config = {key: current[key] for key in ("uuid", "auto_rule", "priority") if key in current}
    name = current["name"] if kind.by_name else ""
    base: Config = current if patch else overlay(dict(kind.default), {"name": name})
    entry = _complete(kind, base, given, replace=kind.forms if patch else ())
    entry.update(keep)
    check(config, kind, entry, current)
    if kind.by_name and entry["name"] != current["name"]:
        raise_if_used(config, kind, current["name"])
    wish = given.get("priority")
    if wish is None or wish == current.get("priority"):
        current.clear()
        current.update(entry)
        return
    config[kind.key] = [item for item in config[kind.key] if item is not current]
    _place(config, kind, entry, wish)


def _complete(kind: Kind, base: Config, given: Config, replace: tuple[str, ...] = ()) -> Config:
    """The entry that a body makes of a base; one form of several replaces the others."""
    for key in given:
        if key not in kind.default and key not in kind.forms:
            raise schema_error(f"{kind.single}.{key}: unknown")
    form = [key for key in kind.forms if key in given]
    entry = {key: value for key, value in copy.deepcopy(base).items() if not (form and key in replace)}
    for key, value in given.items():
        default = kind.default.get(key)
        if key == "priority" or default is None:
            entry[key] = copy.deepcopy(value)
        elif isinstance(default, dict) and default and not set(default) <= CHOICES:
            entry[key] = fill(default, value, f"{kind.single}.{key}")
        elif isinstance(default, (dict, list)) or type(value) is type(default):
            entry[key] = copy.deepcopy(value)
        else:
            raise schema_error(f"{kind.single}.{key}: {type(default).__name__} is expected")
    if kind.forms and len([key for key in kind.forms if key in entry]) != 1:
        raise schema_error(f"{kind.single}: one of {', '.join(kind.forms)} is expected")
    return entry


def _place(config: Config, kind: Kind, entry: Config, wish: Any, last: bool = False) -> None:
    """Put an entry where its priority says; ``auto`` goes before the first one that is broader."""
    entries: list[Config] = config[kind.key]
    if kind.key not in ("access_rules", "nat_policies"):
        entries.append(entry)
        return
    pair = [
        item
        for item in entries
        if kind.key == "nat_policies" or (item["from"], item["to"]) == (entry["from"], entry["to"])
    ]
    manual = (wish or {}).get("manual")
    number = manual.get("value") if isinstance(manual, dict) else manual
    if isinstance(number, int):
        if number < 1:
            raise Refused("Invalid priority!", "E_INVALID", 1041)
        after: Config | None = pair[number - 1] if number <= len(pair) else None
    elif (wish or {}).get("end") or last:
        after = None
    else:
        after = next((item for item in pair if _breadth(item) > _breadth(entry)), None)
    if after is not None:
        entries.insert(next(index for index, item in enumerate(entries) if item is after), entry)
    elif pair:
        entries.insert(next(index for index, item in enumerate(entries) if item is pair[-1]) + 1, entry)
    else:
        entries.append(entry)


def _breadth(entry: Config) -> int:
    source = entry["source"].get("address", entry["source"])
    destination = entry["destination"].get("address", entry["destination"])
    return sum(1 for part in (source, destination, entry["service"]) if part.get("any"))


# -- removal ------------------------------------------------------------------------------------------------------


def _delete(config: Config, kind: Kind, by: str, value: str) -> None:
    entry = locate(config, kind, by, value)
    if entry.get("_read_only"):
        raise Refused("Nat Policy is read-only.", "E_READ_ONLY", 1060)
    if entry.get("auto_rule"):
        raise Refused("Auto-added rule cannot be deleted.", "E_READ_ONLY", 1060)
    if kind.by_name:
        raise_if_used(config, kind, entry["name"])
    config[kind.key] = [item for item in config[kind.key] if item is not entry]


def raise_if_used(config: Config, kind: Kind, name: str) -> None:
    if name in users(config, kind):
        raise Refused(f"{name} is in use.", "E_IN_USE", 1057)


def users(config: Config, kind: Kind) -> set[str]:
    """The names of this list that something points at."""
    family = kind.single.split("_", maxsplit=1)[0]
    key = "group" if kind.key.endswith("groups") else "name"
    found = set()
    for other in KINDS.values():
        for entry in config[other.key]:
            found |= {place[key] for what, place in references(other, entry) if what == family and key in place}
    return found


def _delete_all(config: Config, edit: Edit) -> None:
    kind = KINDS.get(edit.path.replace("/all-", "/", 1))
    if kind is None or edit.method != "DELETE":
        raise Refused("API not found.", "E_NO_API", 1031, 404)
    config[kind.key] = [item for item in config[kind.key] if item.get("_read_only") or item.get("auto_rule")]
