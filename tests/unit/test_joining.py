# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes that lie in a report folder: which of them count, and which are of nobody."""

from __future__ import annotations

import csv
import datetime
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

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


def night(folder: Path, day: int, wire: str = "", **more: Any) -> tuple[str, list[tuple[str, str, str]]]:
    """A night with a compliant device, and a probe of this verdict before it, at the clock of then.

    Returns the host's word, and what changed on the wire.
    """
    date = f"2026-02-{day:02}T0"
    if wire:
        put(
            folder,
            "probes/fw1.json",
            probe(wire, *([rewriting()] if wire == "rewritten" else []), asked=f"{date}1:00:00Z"),
        )
    times = {"started": f"{date}2:00:00Z", "finished": f"{date}2:00:09Z"}
    reporting.write_record(str(folder), device(host="fw1", firmware=f"7.{day}", **times))
    made = datetime.datetime.fromisoformat(f"{date}3:00:00+00:00")
    with mock.patch.object(reporting, "_now", return_value=made):
        reporting.write_report(str(folder), ["fw1"], **{"since": f"{date}1:30:00Z", **more})
    whole = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    (one,) = whole["changes"] or [{"change": "", "changes": []}]
    word = one["change"] or next(iter(whole["summary"]["change"]), "")
    return word, [(c["change"], c["was"], c["now"]) for c in one["changes"] if c["aspect"] == "path"]


def test_nights_on_the_wire(tmp_path: Path) -> None:
    assert night(tmp_path, 1, "clean") == ("", []), "the first night"
    assert night(tmp_path, 2, "clean") == ("same", [])
    assert night(tmp_path, 3, "rewritten") == ("new", [("new", "clean", "rewritten")])
    assert night(tmp_path, 4, "rewritten") == ("same", [])
    assert night(tmp_path, 5, "clean") == ("fixed", [("fixed", "rewritten", "clean")])
    assert night(tmp_path, 6, "inconclusive") == ("same", []), "what proves nothing is passed over"
    assert night(tmp_path, 7, "rewritten") == ("came_back", [("came_back", "clean", "rewritten")])
    shown = html.unescape((tmp_path / "report.md").read_text(encoding="utf-8"))
    assert "path came back: clean -> rewritten, firmware 7.5 -> 7.7, last seen clean 2026-02-05T01:00:00Z" in shown
    with (tmp_path / "report.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["wire_change"] for row in csv.DictReader(stream)] == ["came_back"]


def test_what_is_worse_on_the_wire_alone_is_a_regression(tmp_path: Path) -> None:
    night(tmp_path, 1, "clean")
    night(tmp_path, 2, "rewritten")
    reason = reporting.write_report(str(tmp_path), ["fw1"], fail_on=("regression",))["reason"]
    assert reason.startswith("regression: 1 host(s): fw1 (path new: clean -> rewritten, firmware 7.1 -> 7.2, last")


def test_a_probe_of_an_earlier_night_is_told_once(tmp_path: Path) -> None:
    night(tmp_path, 1, "clean")
    assert night(tmp_path, 2, "rewritten")[0] == "new"
    assert night(tmp_path, 2)[0] == "new", "the same night's report, made again"
    assert night(tmp_path, 2, since=None)[0] == "new", "and by itself"
    assert night(tmp_path, 3) == ("same", []), "nobody looked again, or not yet"
    assert night(tmp_path, 3, since=None) == ("same", [])
    assert [p.name.split("-")[1] for p in sorted((tmp_path / "history" / "fw1").iterdir())].count("path") == 2


def test_a_probe_after_the_audit_is_told_in_the_report_that_follows(tmp_path: Path) -> None:
    changed = []
    for day, wire in ((1, "clean"), (2, "rewritten"), (3, "rewritten")):
        changed.append(
            night(tmp_path, day)[1]
        )  # an audit makes a report of its own, with the probe of the night before
        put(tmp_path, "probes/fw1.json", probe(wire, rewriting(), asked=f"2026-02-{day:02}T02:30:00Z"))
        changed.append(night(tmp_path, day, since=None)[1])
    assert changed == [[], [], [], [("new", "clean", "rewritten")], [], []]


@pytest.mark.parametrize("told", ["{half", '{"told": 3}', '{"told": "2026"}', "{}"])
def test_where_it_cannot_be_read_when_it_was_told_it_is_told_again(tmp_path: Path, told: str) -> None:
    night(tmp_path, 1, "clean")
    night(tmp_path, 2, "rewritten")
    kept = max((tmp_path / "history" / "fw1").glob("*-path-*.json"))
    kept.write_text(told, encoding="utf-8")
    assert night(tmp_path, 3)[1] == [("new", "clean", "rewritten")]


def test_a_device_that_is_fixed_under_a_wire_that_is_not_is_not_fixed(tmp_path: Path) -> None:
    put(tmp_path, "probes/fw1.json", probe("rewritten", rewriting(), asked="2026-01-31T01:00:00Z"))
    times = {"started": "2026-01-31T02:00:00Z", "finished": "2026-01-31T02:00:09Z"}
    reporting.write_record(str(tmp_path), device("active", host="fw1", **times))
    reporting.write_report(str(tmp_path), ["fw1"])
    assert night(tmp_path, 1, "rewritten") == ("same", [])
    assert night(tmp_path, 2, "clean") == ("fixed", [("fixed", "rewritten", "clean")])


def test_the_wire_against_an_earlier_report(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier", tmp_path / "now"
    night(earlier, 1, "rewritten")
    for day, wire in ((2, "clean"), (3, "clean")):
        night(now, day, wire)
    assert night(now, 4, "clean", earlier=str(earlier)) == ("fixed", [("fixed", "rewritten", "clean")])
    assert night(now, 5, "rewritten", earlier=str(earlier)) == ("came_back", [("came_back", "clean", "rewritten")])
    copy = shutil.copytree(now, tmp_path / "copy")
    assert night(now, 5, earlier=str(copy)) == ("same", []), "against its own copy"


def test_a_silent_host_has_a_wire_all_the_same(tmp_path: Path) -> None:
    night(tmp_path, 1, "clean")
    put(tmp_path, "probes/fw1.json", probe("rewritten", rewriting(), asked="2026-02-02T01:00:00Z"))
    reporting.write_report(str(tmp_path), ["fw1"], since="2026-02-02T01:30:00Z")
    (one,) = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["changes"]
    assert (one["change"], [c["change"] for c in one["changes"]]) == ("unreachable_since", ["unreachable_since", "new"])


@pytest.mark.parametrize(
    "text",
    ["{half", "[]", '{"host": "fw1"}', '{"host": "fw1", "path": {"current": true}}', '{"host": "fw1", "path": 3}'],
)
def test_a_broken_file_of_the_wires_past_is_no_answer(tmp_path: Path, text: str) -> None:
    night(tmp_path, 1, "clean")
    (kept,) = (tmp_path / "history" / "fw1").glob("*-path-*.json")
    kept.write_text(text, encoding="utf-8")
    assert night(tmp_path, 2, "rewritten") == ("same", [])
    assert not reporting.write_report(str(tmp_path), ["fw1"], fail_on=("regression",))["reason"]
