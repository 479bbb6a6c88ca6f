# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a SonicWall refuses an entry: names, references, ranges, overlaps."""

from __future__ import annotations

from typing import Any

from .sonicos_state import KINDS, Config, Kind


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


def check(config: Config, kind: Kind, entry: Config, current: Config | None) -> None:
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
        places = [
            ("address", entry[key]) for key in ("source", "translated_source", "destination", "translated_destination")
        ]
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
        item: Config = next((entry for entry in config[f"{family}_objects"] if entry["name"] == place["name"]), {})
        return frozenset(
            {repr(sorted((key, repr(value)) for key, value in item.items() if key not in ("name", "uuid")))}
        )
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
        parts = (
            meaning(config, family, item[key])
            for family, key in (("address", "source"), ("address", "destination"), ("service", "service"))
        )
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
        where = (
            "From Zone: Rule overlap, rule not added."
            if kind.key == "access_rules"
            else "Nat Policy overlap, policy not added."
        )
        raise Refused(where, "E_OVERLAP", 1056)
