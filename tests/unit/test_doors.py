# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules answer, and that every record is what the schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import backups, doors
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import ssh
from tests.lab import SECRETS, Lab, variants
from tests.unit.conftest import audit, change, params
from tests.unit.core.test_report import record
from tests.unit.test_backups import IOS

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schema" / "record-1.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)
CHANGE: dict[str, Any] = {
    "revert_timer": 5,
    "allow_unproven": False,
    "edit_policies": False,
    "save": True,
    "state": "disabled",
}
BASELINE = {**CHANGE, "aspects": ["sip_alg", "udp_timeout"], "minimum": 240, "recommended": 300}


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_asa", "fortinet_fortios"])
def test_every_record_keeps_to_the_schema(lab: Lab, platform: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for variant in variants(platform):
        for outcome in (audit(lab.add(platform, variant=variant)), change(lab.add(platform, variant=variant))):
            VALID.validate(outcome.record)
    first = next(iter(variants(platform)))
    for fault in ("refuse_login", "cut:9", "ignore_writes", "save_fails", "unknown_version"):
        VALID.validate(change(lab.add(platform, variant=first, faults=[fault])).record)
    gone = change(lab.add(platform, variant=first), port=1)
    assert (gone.record["compliance"], gone.record["aspects"]) == ("not_reached", {})
    VALID.validate(gone.record)


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_asa", "fortinet_fortios"])
def test_saved_configurations_keep_to_the_schema_and_never_say_more_than_the_device(
    lab: Lab, tmp_path: Path, platform: str
) -> None:
    path = tmp_path / "saved"
    for variant in variants(platform):
        device = lab.add(platform, variant=variant)
        path.write_text(device.running())
        record = backups.judge_file("h", str(path), None, DEFAULT)
        VALID.validate(record)
        assert record["mode"] == "backup"
        live = audit(device).record["aspects"].get("sip_alg", {"verdict": "undetermined"})
        saved = record["aspects"].get("sip_alg", {"verdict": "undetermined"})
        if saved["verdict"] in ("disabled", "not_applicable"):
            assert live["verdict"] == saved["verdict"], variant
        assert not [s for s in SECRETS if s in json.dumps(record)], variant


def objects_of(node: Any, at: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, node) of every part of a schema that has properties."""
    if isinstance(node, dict):
        if "properties" in node:
            yield at, node
        for key, value in node.items():
            yield from objects_of(value, f"{at}.{key}")


def test_the_schema_is_strict_and_explains_every_key() -> None:
    for path, node in objects_of(SCHEMA):
        assert node["additionalProperties"] is False, path
        assert set(node.get("required", ())) <= set(node["properties"]), path
        for name, part in node["properties"].items():
            assert "description" in part or "const" in part, f"{path}.{name}"


@pytest.mark.parametrize(
    "change_of",
    [
        {"extra": 1},
        {"compliance": "fine"},
        {"started": "yesterday"},
        {"aspects": {"dscp": {}}},
        {"findings": [{"id": "x"}]},
        {"error": {"kind": "other", "text": ""}},
    ],
)
def test_what_is_no_record_is_refused(change_of: dict[str, Any]) -> None:
    good = record(findings=[])
    assert VALID.is_valid(good)
    assert not VALID.is_valid({**good, **change_of})


def test_edge_info(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="nat-default")
    answer = doors.answer("edge_info", params(device), check=True)
    assert (answer["changed"], answer["verdict"], answer["compliance"]) == (False, "active", "noncompliant")
    assert answer["record"]["plan"]
    assert device.journal == []


def test_edge_info_of_a_saved_configuration(tmp_path: Path) -> None:
    path = tmp_path / "edge1.cfg"
    path.write_text(IOS)
    options = {"config": str(path), "platform": "auto", "profile": "default"}
    answer = doors.answer("edge_info", options, check=True)
    assert (answer["verdict"], answer["record"]["host"], answer["record"]["mode"]) == (
        "disabled",
        "edge1.cfg",
        "backup",
    )
    VALID.validate(answer["record"])
    for content, words in ((b"\x00", "is not a text file"), (b"hello", "no platform recognises edge1.cfg")):
        path.write_bytes(content)
        assert words in doors.answer("edge_info", options, check=True)["msg"]
    path.write_text(IOS)
    for other in ("fortinet_fortios", "cisco_asa"):
        forced = doors.answer("edge_info", {**options, "platform": other}, check=True)
        assert forced["compliance"] == "undetermined", "a platform that does not fit proves nothing"
    path.unlink()
    assert "cannot be read: No such file" in doors.answer("edge_info", options, check=True)["msg"]


def test_sip_alg_says_what_it_did(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="nat-default")
    planned = doors.answer("sip_alg", {**params(device), **CHANGE}, check=True)
    done = doors.answer("sip_alg", {**params(device), **CHANGE}, check=False)
    again = doors.answer("sip_alg", {**params(device), **CHANGE}, check=False)
    assert planned["changed"]
    assert planned["saved"] is None
    assert planned["diff"] == done["diff"]
    assert planned["commands"] == done["commands"]
    assert done["before"] == ["sip_alg: active", "  nat_alg_udp (global): on", "  nat_alg_tcp (global): on"]
    assert done["after"] == ["sip_alg: disabled", "  nat_alg_udp (global): off", "  nat_alg_tcp (global): off"]
    assert done["diff"]["after"].endswith("\n")
    assert done["saved"]
    assert "register again" in done["still_needed"][0]
    assert (again["changed"], again["commands"], again["still_needed"]) == (False, [], [])


def test_baseline_and_udp_timeout(lab: Lab) -> None:
    device = lab.add("cisco_ios", variant="short-udp-timeout")
    assert not doors.answer("udp_timeout", {**params(device), **CHANGE, "minimum": 20}, check=False)["changed"]
    done = doors.answer("baseline", {**params(device), **BASELINE}, check=False)
    assert done["changed"]
    assert "ip nat translation udp-timeout 300" in done["commands"]
    assert "  nat_udp (global): on 300 s" in done["after"]
    assert done["compliance"] == "compliant"


def test_a_timer_of_a_firewall_is_left_to_people(lab: Lab) -> None:
    answer = doors.answer(
        "udp_timeout", {**params(lab.add("cisco_ios", variant="zbf-acl-inspect")), **BASELINE}, check=True
    )
    assert not [line for line in answer["commands"] if "idle-time" in line]
    assert any(text.startswith("zone_udp") for text in answer["record"]["advice"])


def test_failures_are_sentences(lab: Lab) -> None:
    refused = doors.answer(
        "sip_alg", {**params(lab.add("cisco_ios", "nat-default", faults=["refuse_login"])), **CHANGE}, check=False
    )
    assert (refused["failed"], refused["error_kind"]) == (True, "login_refused")
    gone = lab.add("cisco_ios", "nat-default")
    silent = doors.answer("sip_alg", {**params(gone), **CHANGE, "port": 1}, check=False)
    assert silent["unreachable"]
    assert "failed" not in silent
    half = doors.answer(
        "sip_alg", {**params(lab.add("cisco_ios", "nat-default", faults=["cut:10"])), **CHANGE}, check=False
    )
    assert half["failed"]
    assert half["changed"]
    assert not [s for s in SECRETS if s in json.dumps([refused, silent, half])]


def test_not_saved_is_a_failure(lab: Lab) -> None:
    answer = doors.answer(
        "sip_alg", {**params(lab.add("cisco_ios", "nat-default", faults=["save_fails"])), **CHANGE}, check=False
    )
    assert answer["failed"]
    assert answer["changed"]
    assert "did not confirm" in answer["msg"]
    kept = doors.answer(
        "sip_alg", {**params(lab.add("cisco_ios", "nat-default")), **CHANGE, "save": False}, check=False
    )
    assert (kept.get("failed"), kept["saved"]) == (None, False)


def test_a_missing_library_is_named(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "NETMIKO_ERROR", "No module named 'netmiko'")
    answer = doors.answer("edge_info", params(lab.add("cisco_ios", "nat-default")), check=True)
    assert answer["library"] == "netmiko"
    assert answer["error_kind"] == "missing_library"


def test_sessions_are_cleared_only_where_that_is_safe(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", variant="default-74")
    answer = doors.answer("sip_alg", {**params(device), **CHANGE, "clear_sessions": True}, check=False)
    assert "UDP sessions to port 5060 were cleared" in answer["notes"]
    assert "SIPALG-STALE-SESSIONS" not in [f["id"] for f in answer["record"]["findings"]]
    several = doors.answer(
        "sip_alg",
        {**params(lab.add("fortinet_fortios", variant="vdoms")), **CHANGE, "clear_sessions": True},
        check=False,
    )
    assert any("with VDOMs the sessions are not cleared" in note for note in several["notes"])
    router = doors.answer(
        "sip_alg", {**params(lab.add("cisco_ios", "nat-default")), **CHANGE, "clear_sessions": True}, check=False
    )
    assert any("no documented way" in note for note in router["notes"])


def test_policies_are_edited_only_when_both_words_are_said(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", variant="policy-voip-profile")
    allowed = {**params(device), **CHANGE, "edit_policies": True}
    refused = doors.answer("sip_alg", allowed, check=False)
    assert "labelled 'inferred'" in refused["msg"]
    assert device.journal == []
    done = doors.answer("sip_alg", {**allowed, "allow_unproven": True}, check=False)
    assert done["verdict"] == "disabled"
    service = doors.answer(
        "sip_alg",
        {**params(lab.add("fortinet_fortios", variant="service-helper-sip")), **CHANGE, "edit_policies": True},
        check=False,
    )
    assert service["verdict"] == "disabled"


def test_an_unknown_firmware_is_changed_only_when_that_is_said(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default", faults=["unknown_version"])
    assert "nothing is known here" in doors.answer("sip_alg", {**params(device), **CHANGE}, check=False)["msg"]
    done = doors.answer("sip_alg", {**params(device), **CHANGE, "allow_unproven": True}, check=False)
    assert done["verdict"] == "disabled"


def test_records_are_kept(tmp_path: Path, lab: Lab) -> None:
    answer = doors.answer("edge_info", params(lab.add("cisco_ios", "nat-default", name="kept")), check=True)
    doors.keep_record(answer, str(tmp_path))
    doors.keep_record(answer, None)
    made = doors.answer("report", {"report_dir": str(tmp_path), "hosts": ["kept", "silent"], "since": None}, check=True)
    assert made["summary"]["compliance"] == {"noncompliant": 1, "not_reached": 1}
