# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes that lie in a report folder: which of them count, and which are of nobody."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from ansible_collections.voip.edge.plugins.module_utils._edge import reporting
from tests.unit.core.test_path import AFTER, BEFORE, CHANGED, device, probe, rewriting


def put(folder: Path, where: str, document: Any) -> None:
    path = folder / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def report(folder: Path, *hosts: str, **more: Any) -> dict[str, dict[str, Any]]:
    """The records of the report by host; those without one as the report tells them."""
    reporting.write_report(str(folder), hosts, **more)
    whole = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {one["host"]: one for one in (*whole["without_record"], *whole["records"])}


def cells(folder: Path) -> dict[str, str]:
    with (folder / "report.csv").open(encoding="utf-8", newline="") as stream:
        return {row["host"]: row["on_the_wire"] for row in csv.DictReader(stream)}


def test_a_probe_is_joined_and_the_record_stays_as_it_was_written(tmp_path: Path) -> None:
    for host in ("fw1", "fw2"):
        reporting.write_record(str(tmp_path), device(host=host))
    put(tmp_path, "probes/fw1.json", probe("rewritten", rewriting()))
    kept = (tmp_path / "records" / "fw1.json").read_text()
    found = report(tmp_path)
    assert found["fw1"]["compliance"] == "noncompliant"
    assert found["fw1"]["path"]["verdict"] == "rewritten"
    assert found["fw2"] == device(host="fw2")
    assert (tmp_path / "records" / "fw1.json").read_text() == kept
    assert cells(tmp_path) == {"fw1": "rewritten", "fw2": ""}
    assert '<strong class="n w">rewritten</strong>' in (tmp_path / "report.html").read_text()


def test_changes_that_are_kept_here_say_what_a_probe_is_from_before(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), device(host="fw1"))
    put(tmp_path, "probes/fw1.json", probe("rewritten", rewriting(), asked=BEFORE))
    put(tmp_path, "changes/fw1/20260101T020000Z-2.json", "{}")
    put(tmp_path, "changes/fw1/20260101T020000Z.cfg", "secret")
    found = report(tmp_path)["fw1"]
    assert (found["compliance"], found["path"]["current"]) == ("compliant", False)
    assert CHANGED in found["not_checked"][0]


def test_before_the_change_and_after_it(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), device("active", host="fw1"))
    put(tmp_path, "changes/fw1/20260101T020000Z.json", "{}")
    put(tmp_path, "changes/fw1/20260101T022000Z.json", "{}")
    put(tmp_path, "probes/before/fw1.json", probe("rewritten", rewriting(), asked=BEFORE))
    put(tmp_path, "probes/undone/fw1.json", probe("blocked_sip_aware", asked="2026-01-01T02:10:00Z"))
    put(tmp_path, "probes/fw1.json", probe("rewritten", rewriting(), asked=AFTER))
    assert "CHANGE-BLOCKED-SIP" in [one["id"] for one in report(tmp_path)["fw1"]["findings"]]


@pytest.mark.parametrize(
    "text", ["{half", "[]", "3", json.dumps(probe(host="fw2")), json.dumps({**probe(), "reasons": 3}), "[" * 200_000]
)
def test_what_is_no_probe_of_the_host_is_said_and_judges_nothing(tmp_path: Path, text: str) -> None:
    reporting.write_record(str(tmp_path), device(host="fw1"))
    put(tmp_path, "probes/fw1.json", text)
    put(tmp_path, "probes/silent.json", text)
    found = report(tmp_path, "fw1", "silent")
    assert (found["fw1"]["compliance"], found["silent"]["compliance"]) == ("compliant", "not_reached")
    assert found["fw1"]["not_checked"] == ["the path: what was kept of its probe is not readable"]
    assert "path" not in found["fw1"]


def test_a_broken_record_is_not_mended_by_a_probe(tmp_path: Path) -> None:
    put(tmp_path, "records/fw1.json", "{half")
    put(tmp_path, "probes/fw1.json", probe("clean"))
    assert report(tmp_path)["fw1"]["compliance"] == "undetermined"


def test_a_host_that_gave_no_answer_shows_what_the_wire_says(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), device(host="old"))
    for host in ("old", "a b", "gone"):
        put(tmp_path, "probes/" + reporting.file_name(host), probe("clean", host=host))
    found = report(tmp_path, "old", "a b", "gone", since="2026-06-01T00:00:00Z")
    assert {one["compliance"] for one in found.values()} == {"not_reached"}
    assert set(cells(tmp_path).values()) == {"clean"}


@pytest.mark.parametrize("host", ["fw1", "a/b", ".hidden", "a b~c", "ü", "x%2Fy", "fw.example.net", "-x_"])
def test_the_role_names_its_file_as_the_record_is_named(host: str) -> None:
    role = Path(__file__).parents[2] / "roles" / "probe" / "vars" / "main.yml"
    template = yaml.safe_load(role.read_text(encoding="utf-8"))["probe_file"]
    environment = jinja2.Environment()
    environment.filters["regex_replace"] = lambda text, old, new: re.sub(old, new, text)
    assert environment.from_string(template).render(inventory_hostname=host) == reporting.file_name(host)
