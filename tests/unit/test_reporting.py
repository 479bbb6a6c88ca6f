# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and reports on disk."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from tests.unit.core.test_report import record


def test_a_record_is_written_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    path = Path(reporting.write_record(str(tmp_path / "new" / "report"), record("fw1")))
    assert path == tmp_path / "new" / "report" / "records" / "fw1.json"
    assert json.loads(path.read_text(encoding="utf-8"))["host"] == "fw1"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["fw1.json"]


def test_host_names_never_share_a_file_and_never_leave_the_folder(tmp_path: Path) -> None:
    names = ["a/b", "a%2Fb", "../x", ".hidden", "a b", "a_b", "ü"]
    paths = {reporting.write_record(str(tmp_path), record(name)) for name in names}
    assert len(paths) == len(names)
    assert all(Path(p).parent == tmp_path / "records" for p in paths)
    assert {r["host"] for _name, r in reporting.iter_records(str(tmp_path))} == set(names)


def test_a_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    for call in (
        lambda: reporting.check_report_dir(str(blocked)),
        lambda: reporting.write_record(str(blocked), record()),
        lambda: reporting.write_report(str(blocked), []),
    ):
        with pytest.raises(BadInput, match="^report_dir: .*file.* cannot be written: Not a directory"):
            call()


def test_the_report_has_every_form(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), record("fw1"))
    made = reporting.write_report(str(tmp_path), ["fw1", "silent"])
    assert [Path(p).name for p in made["files"]] == ["report.json", "report.csv", "report.md", "report.html"]
    assert made["summary"]["compliance"] == {"noncompliant": 1, "not_reached": 1}
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert whole["schema"] == "voip.edge/report/1"
    assert whole["records"] == [record("fw1")]
    assert whole["summary"] == made["summary"]


def test_a_broken_record_is_undetermined_not_lost(tmp_path: Path) -> None:
    reporting.check_report_dir(str(tmp_path))
    (tmp_path / "records" / "bad.json").write_text("{half")
    (tmp_path / "records" / "list.json").write_text("[]")
    made = reporting.write_report(str(tmp_path), ["bad"])
    assert made["summary"]["compliance"] == {"undetermined": 2}


def test_an_old_record_is_no_answer_for_this_run(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), record("old", compliance="compliant", finished="2026-01-01T00:00:00Z"))
    reporting.write_record(str(tmp_path), record("new", compliance="compliant", finished="2026-02-01T00:00:00Z"))
    made = reporting.write_report(str(tmp_path), [], since="2026-01-15T00:00:00Z")
    assert made["summary"]["compliance"] == {"compliant": 1, "not_reached": 1}
    assert "last seen 2026-01-01T00:00:00Z" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_time_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="^since: 'yesterday' is not a time"):
        reporting.write_report(str(tmp_path), [], since="yesterday")


def test_no_records_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there are no records"):
        list(reporting.iter_records(str(tmp_path / "nowhere")))


def test_what_cannot_be_moved_into_place_leaves_nothing(tmp_path: Path) -> None:
    reporting.check_report_dir(str(tmp_path))
    (tmp_path / "records" / "fw1.json").mkdir()
    with pytest.raises(BadInput, match="fw1.json cannot be written"):
        reporting.write_record(str(tmp_path), record("fw1"))
    (tmp_path / "report.html").mkdir()
    with pytest.raises(BadInput, match="report.html cannot be written"):
        reporting.write_report(str(tmp_path), [])
    assert not list(tmp_path.rglob(".*.tmp"))
