# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a SonicWall's candidate configuration: what a write does, and why it is refused."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Callable, Optional

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


class Refused(Exception):
    """A write (or read) that is not carried out. ``number`` is the code of the firmware that uses integers."""

    def __init__(self, message: str, code: str = "E_INVALID", number: int = 1000, status: int = 200) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.number = number
        self.status = status


def not_found(what: str, status: int = 200) -> Refused:
    return Refused(f"{what} not found.", "E_NOT_FOUND", 1030, status)


def exists(what: str) -> Refused:
    return Refused(f"{what} already exists.", "E_EXISTS", 1055)


def schema_error(text: str) -> Refused:
    return Refused(f"Schema validation error: {text}", "E_SCHEMA", 1001, 400)


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
    """What one box allows: the most entries of a list, how a new rule gets its UDP timer, singular keys."""

    limits: dict[str, int]
    minutes: bool = False
    singular: bool = False
    keyless: bool = False


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
        return {key: fill(value, given[key], f"{where}.{key}") if key in given else copy.deepcopy(value) for key, value in default.items()}
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
        raise schema_error("voip.sip.signaling_port: {\"value\": 0-65535} is expected")
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
    for given in entries_of(kind, edit.body, rules.singular):
        if edit.method == "POST":
            _add(config, kind, given, rules)
        else:
            current = locate(config, kind, by, value) if by else _same(config, kind, given)
            _change(config, kind, current, given, edit.method == "PATCH")


def locate(config: Config, kind: Kind, by: str, value: str) -> Config:
    for entry in config[kind.key]:
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
    if kind.key == "access_rules" and "udp" not in given:
        # A new rule starts with the global value, whatever that counts.
        entry["udp"]["timeout"] = config["udp"]["default_connection_timeout"] * (60 if rules.minutes else 1)
    entry["auto_rule" if kind.key == "access_rules" else "uuid"] = False if kind.key == "access_rules" else given["uuid"]
    _check(config, kind, entry, None)
    _place(config, kind, entry, given.get("priority"))


def _change(config: Config, kind: Kind, current: Config, given: Config, patch: bool) -> None:
    if current.get("_read_only"):
        raise Refused("Nat Policy is read-only.", "E_READ_ONLY", 1060)
    keep = {key: current[key] for key in ("uuid", "auto_rule", "priority") if key in current}
    base = current if patch else {**dict(kind.default), "name": current["name"] if kind.by_name else ""}
    entry = {**_complete(kind, base, given, replace=kind.forms if patch else ()), **keep}
    _check(config, kind, entry, current)
    if kind.by_name and entry["name"] != current["name"]:
        _rename(config, kind, current["name"], entry["name"])
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


def _place(config: Config, kind: Kind, entry: Config, wish: Any) -> None:
    """Put an entry where its priority says; ``auto`` goes before the first one that is broader."""
    entries: list[Config] = config[kind.key]
    if kind.key not in ("access_rules", "nat_policies"):
        entries.append(entry)
        return
    pair = [item for item in entries if kind.key == "nat_policies" or (item["from"], item["to"]) == (entry["from"], entry["to"])]
    manual = (wish or {}).get("manual")
    number = manual.get("value") if isinstance(manual, dict) else manual
    if isinstance(number, int):
        if number < 1:
            raise Refused("Invalid priority!", "E_INVALID", 1041)
        after: Optional[Config] = pair[number - 1] if number <= len(pair) else None
    elif (wish or {}).get("end"):
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


# -- checks -------------------------------------------------------------------------------------------------------


def _check(config: Config, kind: Kind, entry: Config, current: Optional[Config]) -> None:
    others = [item for item in config[kind.key] if item is not current]
    if kind.by_name and not entry["name"]:
        raise schema_error(f"{kind.single}.name is expected")
    if entry["name"] and any(item["name"] == entry["name"] for item in others):
        raise exists(f"{kind.single} {entry['name']}")
    for form in ("tcp", "udp"):
        if kind.key == "service_objects" and form in entry:
            _check_span(entry[form])
    if kind.key in ("address_groups", "service_groups"):
        twin = "address_objects" if kind.key == "address_groups" else "service_objects"
        if any(item["name"] == entry["name"] for item in config[twin]):
            raise exists(entry["name"])
    if kind.key == "address_objects" and entry["zone"] not in [zone["name"] for zone in config["zones"]]:
        raise not_found(f"Zone {entry['zone']}")
    for family, reference in references(kind, entry):
        _check_reference(config, family, reference)
    if kind.key in ("access_rules", "nat_policies"):
        _check_overlap(config, kind, entry, others)


def _check_span(span: Any) -> None:
    if not isinstance(span, dict) or set(span) != {"begin", "end"}:
        raise schema_error("begin and end are expected")
    if not all(isinstance(number, int) and 0 < number < 65536 for number in span.values()):
        raise schema_error("a port is expected")
    if span["end"] < span["begin"]:
        raise Refused("The end of the port range cannot be less than the beginning", "E_RANGE", 1042)


def references(kind: Kind, entry: Config) -> list[tuple[str, Config]]:
    """What an entry points at: (``address`` or ``service``, {"name"|"group": ...})."""
    if kind.key == "access_rules":
        places = [("address", entry["source"]["address"]), ("service", entry["source"].get("port", {}))]
        places += [("address", entry["destination"]["address"]), ("service", entry["service"])]
    elif kind.key == "nat_policies":
        places = [("address", entry[key]) for key in ("source", "translated_source", "destination", "translated_destination")]
        places += [("service", entry["service"]), ("service", entry["translated_service"])]
    elif kind.key == "address_groups":
        members = entry["address_object"].get("ipv4", [])
        places = [("address", {"name": member.get("name")}) for member in members]
        places += [("address", {"group": member.get("name")}) for member in entry["address_group"].get("ipv4", [])]
    elif kind.key == "service_groups":
        places = [("service", {"name": member.get("name")}) for member in entry["service_object"]]
        places += [("service", {"group": member.get("name")}) for member in entry["service_group"]]
    else:
        places = []
    return [(family, place) for family, place in places if "name" in place or "group" in place]


def _check_reference(config: Config, family: str, reference: Config) -> None:
    objects = [item["name"] for item in config[f"{family}_objects"]]
    groups = [item["name"] for item in config[f"{family}_groups"]]
    if "name" in reference and reference["name"] not in objects:
        if reference["name"] in groups:
            raise Refused(f"{reference['name']} is a group, should not use as an object.", "E_INVALID", 1043)
        raise not_found(f"{family} object {reference['name']}")
    if "group" in reference and reference["group"] not in groups:
        if reference["group"] in objects:
            raise Refused(f"{reference['group']} is an object, should not use as a group.", "E_INVALID", 1043)
        raise not_found(f"{family} group {reference['group']}")


def meaning(config: Config, family: str, place: Config) -> frozenset[str]:
    """The addresses or ports behind a reference, so that two names for the same thing count as the same."""
    if "name" in place:
        item = next((entry for entry in config[f"{family}_objects"] if entry["name"] == place["name"]), {})
        return frozenset({repr(sorted((key, repr(value)) for key, value in item.items() if key not in ("name", "uuid")))})
    if "group" in place:
        item = next((entry for entry in config[f"{family}_groups"] if entry["name"] == place["group"]), {})
        kind = KINDS["/address-groups/ipv4" if family == "address" else "/service-groups"]
        parts = [meaning(config, family, member) for unused, member in references(kind, item)] if item else []
        return frozenset().union(*parts)
    return frozenset({"any"})


def _check_overlap(config: Config, kind: Kind, entry: Config, others: list[Config]) -> None:
    def match(item: Config) -> Any:
        if kind.key == "access_rules":
            return (
                item["from"],
                item["to"],
                repr(item["schedule"]),
                meaning(config, "address", item["source"]["address"]),
                meaning(config, "service", item["service"]),
                meaning(config, "address", item["destination"]["address"]),
            )
        parts = (meaning(config, family, item[key]) for family, key in (("address", "source"), ("address", "destination"), ("service", "service")))
        return (item["inbound"], item["outbound"], *parts)

    zones = [zone["name"] for zone in config["zones"]]
    if kind.key == "access_rules" and not (entry["from"] in zones and entry["to"] in zones):
        raise not_found(f"Zone {entry['from']} or {entry['to']}")
    if kind.key == "nat_policies":
        names = ["any", *(item["ipv4"]["name"] for item in config["interfaces"])]
        for side in ("inbound", "outbound"):
            if entry[side] not in names:
                raise not_found(f"Interface {entry[side]}")
    wanted = match(entry)
    if any(match(item) == wanted for item in others):
        where = "From Zone: Rule overlap, rule not added." if kind.key == "access_rules" else "Nat Policy overlap, policy not added."
        raise Refused(where, "E_OVERLAP", 1056)


# -- removal ------------------------------------------------------------------------------------------------------


def _delete(config: Config, kind: Kind, by: str, value: str) -> None:
    entry = locate(config, kind, by, value)
    if entry.get("_read_only"):
        raise Refused("Nat Policy is read-only.", "E_READ_ONLY", 1060)
    if entry.get("auto_rule"):
        raise Refused("Auto-added rule cannot be deleted.", "E_READ_ONLY", 1060)
    if kind.by_name and (entry["name"] in users(config, kind)):
        raise Refused(f"{entry['name']} is in use.", "E_IN_USE", 1057)
    config[kind.key] = [item for item in config[kind.key] if item is not entry]


def users(config: Config, kind: Kind) -> set[str]:
    """The names of this list that something points at."""
    family = kind.single.split("_", maxsplit=1)[0]
    key = "group" if kind.key.endswith("groups") else "name"
    found = set()
    for other in KINDS.values():
        for entry in config[other.key]:
            found |= {place[key] for what, place in references(other, entry) if what == family and key in place}
    return found


def _rename(config: Config, kind: Kind, old: str, new: str) -> None:
    family = kind.single.split("_", maxsplit=1)[0]
    key = "group" if kind.key.endswith("groups") else "name"
    for other in KINDS.values():
        for entry in config[other.key]:
            for what, place in references(other, entry):
                if what == family and place.get(key) == old:
                    place[key] = new


def _delete_all(config: Config, edit: Edit) -> None:
    kind = KINDS.get(edit.path.replace("/all-", "/", 1))
    if kind is None or edit.method != "DELETE":
        raise Refused("API not found.", "E_NO_API", 1031, 404)
    config[kind.key] = [item for item in config[kind.key] if item.get("_read_only") or item.get("auto_rule")]
