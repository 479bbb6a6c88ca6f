# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records and reports on disk."""

from __future__ import annotations

import csv
import json
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from tests.unit.core.test_report import HOSTILE, record


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


@pytest.mark.parametrize("name", ["ä" * 40, "x" * 200], ids=["marks", "long"])
def test_long_host_names_do_not_share_a_file_either(tmp_path: Path, name: str) -> None:
    assert len({reporting.write_record(str(tmp_path), record(name + end)) for end in "ab"}) == 2


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
    assert [Path(p).name for p in made["files"]] == [
        "report.json",
        "report.csv",
        "report.md",
        "report.html",
        "junit.xml",
        "report.sarif",
    ]
    assert made["summary"]["compliance"] == {"noncompliant": 1, "not_reached": 1}
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert whole["schema"] == "voip.edge/report/1"
    assert whole["records"] == [record("fw1")]
    assert whole["summary"] == made["summary"]


def test_a_broken_record_is_undetermined_not_lost(tmp_path: Path) -> None:
    reporting.check_report_dir(str(tmp_path))
    (tmp_path / "records" / "bad.json").write_text("{half")
    (tmp_path / "records" / "list.json").write_text("[]")
    (tmp_path / "records" / "odd%FF.json").write_text("")
    (tmp_path / "records" / "latin.json").write_bytes(b'{"host": "\xe4"}')
    (tmp_path / "records" / "folder.json").mkdir()
    made = reporting.write_report(str(tmp_path), ["bad"])
    assert made["summary"]["compliance"] == {"undetermined": 5}


def test_a_broken_record_is_that_of_its_host(tmp_path: Path) -> None:
    for name in ("a/b", ".c", "d\udcff", "e" * 300):
        Path(reporting.write_record(str(tmp_path), record(name, compliance="compliant"))).write_text("{half")
    made = reporting.write_report(str(tmp_path), ["a/b", ".c", "d\udcff"], since="2026-01-01T00:00:00Z")
    assert made["summary"]["compliance"] == {"undetermined": 4}


def test_a_file_name_of_raw_bytes_is_a_host_like_any_other(tmp_path: Path) -> None:
    names = ["r\udcff", "r\udcfe", "\ud800"]
    assert len({reporting.write_record(str(tmp_path), record(name)) for name in names}) == 3
    made = reporting.write_report(str(tmp_path), names)
    assert made["summary"]["compliance"] == {"noncompliant": 3}
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {r["host"] for r in whole["records"]} == set(names)


def test_a_record_nested_without_end(tmp_path: Path) -> None:
    reporting.check_report_dir(str(tmp_path))
    (tmp_path / "records" / "bad.json").write_text("[" * 200_000)
    assert reporting.write_report(str(tmp_path), [])["summary"]["compliance"] == {"undetermined": 1}


def test_hostile_text_in_every_file_of_a_report(tmp_path: Path) -> None:
    bad = record("=cmd|' /C calc'!A0", model=HOSTILE + "x" * 1_000_000, advice=[HOSTILE] * 3, firmware="+1\t-1")
    bad["aspects"]["sip_alg"]["mechanisms"][0].update(
        id="@x", scope=HOSTILE, evidence=[HOSTILE, "{{ lookup('pipe', 'id') }}"]
    )
    reporting.write_record(str(tmp_path), bad)
    made = reporting.write_report(str(tmp_path), [HOSTILE])
    texts = {Path(path).suffix: Path(path).read_text(encoding="utf-8") for path in made["files"]}
    assert json.loads(texts[".json"])["records"][0]["model"] == bad["model"]
    for suffix in (".html", ".md", ".csv"):
        assert "\x1b" not in texts[suffix]
        assert "\u202e" not in texts[suffix]
        assert len(texts[suffix]) < 100_000
    for suffix in (".html", ".md"):
        assert "<script>alert" not in texts[suffix]
    rows = list(csv.reader(texts[".csv"].splitlines()))
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t")]


def test_slices_in_any_order_make_the_same_report(tmp_path: Path) -> None:
    names = [f"fw{n}" for n in range(12)]
    rows: list[list[str]] = []
    for folder, order in (("a", names), ("b", names[::-1])):
        for name in order:
            reporting.write_record(str(tmp_path / folder), record(name))
        reporting.write_report(str(tmp_path / folder), order)
        rows.append((tmp_path / folder / "report.csv").read_text(encoding="utf-8").splitlines())
    assert rows[0] == rows[1]


def test_an_old_record_is_no_answer_for_this_run(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), record("old", compliance="compliant", finished="2026-01-01T00:00:00Z"))
    reporting.write_record(str(tmp_path), record("new", compliance="compliant", finished="2026-02-01T00:00:00Z"))
    made = reporting.write_report(str(tmp_path), [], since="2026-01-15T00:00:00Z")
    assert made["summary"]["compliance"] == {"compliant": 1, "not_reached": 1}
    assert "last seen 2026-01-01T00:00:00Z" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_json_holds_answers_of_this_run_and_says_who_gave_none(tmp_path: Path) -> None:
    reporting.write_record(str(tmp_path), record("old", compliance="compliant", finished="2026-01-01T00:00:00Z"))
    reporting.write_record(str(tmp_path), record("new", finished="2026-02-01T00:00:00Z"))
    (tmp_path / "records" / "bad.json").write_text("{half")
    made = reporting.write_report(str(tmp_path), ["silent"], since="2026-01-15T00:00:00Z")
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [r["host"] for r in whole["records"]] == ["new"]
    assert [(r["host"], r["compliance"]) for r in whole["without_record"]] == [
        ("bad", "undetermined"),
        ("old", "not_reached"),
        ("silent", "not_reached"),
    ]
    assert "last seen 2026-01-01T00:00:00Z" in whole["without_record"][1]["text"]
    assert made["summary"]["hosts"] == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", whole["generated"])


def test_a_report_of_nothing(tmp_path: Path) -> None:
    made = reporting.write_report(str(tmp_path), [])
    assert made["summary"]["hosts"] == 0
    whole = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (whole["records"], whole["without_record"]) == ([], [])


@pytest.mark.parametrize("folder", ["no\0name", "x" * 300])
def test_a_folder_that_can_be_no_folder(folder: str, tmp_path: Path) -> None:
    for call in (reporting.check_report_dir, lambda path: reporting.write_record(path, record())):
        with pytest.raises(BadInput, match="^report_dir: .*cannot be written"):
            call(str(tmp_path / folder))


def test_a_folder_that_vanishes_or_fills_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_args: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    reporting.check_report_dir(str(tmp_path))
    monkeypatch.setattr(reporting.tempfile, "mkstemp", full)
    monkeypatch.setattr(reporting.tempfile, "TemporaryFile", full)
    for call in (
        lambda: reporting.check_report_dir(str(tmp_path)),
        lambda: reporting.write_record(str(tmp_path), record()),
        lambda: reporting.write_report(str(tmp_path), []),
    ):
        with pytest.raises(BadInput, match="^report_dir: .*No space left on device"):
            call()


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
