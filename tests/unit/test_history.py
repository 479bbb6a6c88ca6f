# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of earlier runs: written by many at once, merged in any order, and compared with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge import doors, files, history, reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from tests.unit.core.test_drift import run
from tests.unit.core.test_report import record

WRITER = """
import json, sys
from ansible_collections.voip.edge.plugins.module_utils._edge import reporting
folder, first, count, record = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
for n in range(first, first + count):
    record["host"] = f"fw{n}"
    reporting.write_record(folder, record)
    print(record["host"], flush=True)
"""
LONG = "x" * 12_000
"""Longer than a file is written at once, so that a torn one would be seen."""


def write(folder: Path, *records: dict[str, Any]) -> None:
    for each in records:
        reporting.write_record(str(folder), each)


def whole(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


def changes(folder: Path) -> dict[str, str]:
    return {row["host"]: row["change"] for row in whole(folder)["changes"]}


def kept(folder: Path, host: str = "fw1") -> list[str]:
    return sorted(path.name for path in (folder / "history" / host).iterdir())


def start(folder: Path, first: int, count: int) -> subprocess.Popen[str]:
    """A job of its own that writes records and says the host of each when it is done with it."""
    command = [sys.executable, "-c", WRITER, str(folder), str(first), str(count), json.dumps(record("", advice=[LONG]))]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, stdout=subprocess.PIPE, text=True
    )


def whole_records(folder: Path) -> set[str]:
    """The hosts of the records in a folder, each of which must be whole, there and in the history."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "records").glob("*.json")]
    past = [json.loads(path.read_text(encoding="utf-8")) for path in (folder / "history").glob("*/*.json")]
    assert {r["advice"][0] for r in found + past} == {LONG}
    assert {r["host"] for r in found} <= {r["host"] for r in past}
    return {r["host"] for r in past}


def test_two_jobs_write_one_folder_while_a_third_is_killed_and_a_report_is_made(tmp_path: Path) -> None:
    jobs = [start(tmp_path, 0, 500), start(tmp_path, 500, 500)]
    with start(tmp_path, 1_000, 100_000) as killed:
        assert killed.stdout is not None
        said = [killed.stdout.readline().strip() for _line in range(100)]
        killed.send_signal(signal.SIGKILL)
        said += killed.stdout.read().split("\n")[:-1]
    reporting.write_report(str(tmp_path), [])  # in the middle of it
    assert whole(tmp_path)["summary"]["compliance"].keys() == {"noncompliant"}
    for job in jobs:
        assert job.communicate(timeout=60)[0].split()[-1] in ("fw499", "fw999")
        assert job.returncode == 0
    found = whole_records(tmp_path)
    assert {f"fw{n}" for n in range(1_000)} | set(said) <= found
    assert len(found) <= 1_000 + len(said) + 1, "more than the one that it was at"
    hosts = [f"fw{n}" for n in range(1_000)]
    made = reporting.write_report(str(tmp_path), hosts, since="2026-01-01T00:00:00Z")
    reported = {r["host"] for r in whole(tmp_path)["records"]}
    assert made["summary"]["compliance"] == {"noncompliant": len(reported)}
    assert {f"fw{n}" for n in range(1_000)} | set(said) <= reported <= found
    assert len(found - reported) <= 1, "the killed job may have got no further with a host than its history"


def test_two_jobs_on_the_same_hosts_lose_nothing(tmp_path: Path) -> None:
    early, late = run(1, "fine"), run(2, "bad")
    write(tmp_path, late, early)  # the older one was slower
    assert json.loads((tmp_path / "records" / "fw1.json").read_text())["finished"] == early["finished"]
    assert len(kept(tmp_path)) == 2
    made = reporting.write_report(str(tmp_path), ["fw1"], since="2026-01-02T00:00:00Z")
    assert made["summary"]["compliance"] == {"noncompliant": 1}
    assert whole(tmp_path)["records"] == [late]
    assert changes(tmp_path) == {"fw1": "new"}


def test_the_name_has_the_time_and_the_kind_and_a_second_holds_several(tmp_path: Path) -> None:
    write(tmp_path, run(1, "bad"), run(1, "fine"), run(1, "fine"), run(2), run(3, compliance="undetermined"))
    names = kept(tmp_path)
    assert [name.rsplit("-", 1)[0] for name in names] == [
        "20260101T020000Z-judged",
        "20260101T020000Z-judged",
        "20260102T020000Z-not_reached",
        "20260103T020000Z-undetermined",
    ]
    assert {stat.S_IMODE((tmp_path / "history" / "fw1" / name).stat().st_mode) for name in names} == {0o600}
    assert stat.S_IMODE((tmp_path / "history" / "fw1").stat().st_mode) == 0o700


def test_hostile_host_names_stay_in_the_folder(tmp_path: Path) -> None:
    names = ["a/b", "../../x", "..", ".", "", "x" * 300, "r\udcff", "fw1", "FW1"]
    write(tmp_path, *({**run(1, "bad"), "host": name} for name in names))
    folders = list((tmp_path / "history").iterdir())
    assert len(folders) == len(names)
    assert all(len(list(folder.iterdir())) == 1 for folder in folders)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["history", "records"]


def test_of_two_hosts_that_share_a_folder_each_has_its_own_past(tmp_path: Path) -> None:
    """As where a file system takes FW1 and fw1 for one name."""
    write(tmp_path, {**run(1, "fine"), "host": "FW1"}, run(2, "fine"), {**run(3, "bad"), "host": "FW1"}, run(4, "fine"))
    for path in (tmp_path / "history" / "FW1").iterdir():
        shutil.copy(path, tmp_path / "history" / "fw1")
    (tmp_path / "records" / "FW1.json").unlink()
    shutil.rmtree(tmp_path / "history" / "FW1")
    (tmp_path / "history" / "FW1").symlink_to("fw1")
    reporting.write_report(str(tmp_path), ["fw1", "FW1"], since="2026-01-03T00:00:00Z")
    assert changes(tmp_path) == {"FW1": "new"}
    assert whole(tmp_path)["summary"]["compliance"] == {"compliant": 1, "noncompliant": 1}


def test_the_newest_of_each_kind_are_kept_and_what_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, *(run(day, "bad") for day in range(1, 8)), *(run(day) for day in range(8, 20)))
    foreign = tmp_path / "history" / "fw1" / "20200101T000000Z-judged-notes.json"
    foreign.write_text("mine")
    reporting.write_report(str(tmp_path), ["fw1"], keep=3)
    assert [name[:8] for name in kept(tmp_path)] == [
        "20200101", "20260105", "20260106", "20260107", "20260117", "20260118", "20260119",
    ]  # fmt: skip
    (row,) = whole(tmp_path)["changes"]
    assert row["changes"][0]["since"] == "2026-01-07T02:00:00Z"


def test_drafts_of_the_dead_go_after_a_day(tmp_path: Path) -> None:
    write(tmp_path, run(1, "bad"))
    places = [tmp_path, tmp_path / "records", tmp_path / "history" / "fw1"]
    old = [place / ".voip-edge-abcd1234.tmp" for place in places]
    others = [place / name for place in places for name in (".voip-edge-new_1234.tmp", ".mine.tmp")]
    for path in old + others:
        path.write_text("{half")
    yesterday = time.time() - 90_000
    for path in [*old, *others[1::2]]:
        os.utime(path, (yesterday, yesterday))
    made = reporting.write_report(str(tmp_path), [])
    assert made["summary"]["hosts"] == 1
    assert not [path for path in old if path.exists()]
    assert [path for path in others if not path.exists()] == []


def test_nights_in_one_folder(tmp_path: Path) -> None:
    for day, night in enumerate(("bad", "fine", "?", "", "bad", "bad"), 1):
        write(tmp_path, run(day, night))
        reporting.write_report(str(tmp_path), ["fw1"], since=f"2026-01-{day:02}T00:00:00Z")
        word = {
            1: {},
            2: {"fw1": "fixed"},
            3: {"fw1": "worse"},
            4: {"fw1": "unreachable_since"},
            5: {"fw1": "came_back"},
        }
        assert changes(tmp_path) == word.get(day, {}), day
    assert whole(tmp_path)["summary"]["change"] == {"same": 1}


def test_an_earlier_record_of_the_same_run_is_no_earlier_run(tmp_path: Path) -> None:
    write(tmp_path, run(1, "fine"), run(3, "bad"), run(4, "bad"))
    reporting.write_report(str(tmp_path), ["fw1"], since="2026-01-03T00:00:00Z")
    assert changes(tmp_path) == {"fw1": "new"}
    write(tmp_path, run(5))
    reporting.write_report(str(tmp_path), ["fw1"], since="2026-01-03T00:00:00Z")
    assert whole(tmp_path)["changes"][0]["changes"][0]["since"] == "2026-01-04T02:00:00Z", "it answered a moment ago"


def test_the_first_run_has_nothing_to_compare_with(tmp_path: Path) -> None:
    write(tmp_path, run(1, "bad"), {**run(1, "fine"), "host": "b"})
    made = reporting.write_report(str(tmp_path), ["fw1", "b", "c"], fail_on=("regression",))
    assert (made["summary"]["change"], made["reason"]) == ({}, "")
    write(tmp_path, run(2, "bad"), {**run(2, "bad"), "host": "late"})
    made = reporting.write_report(str(tmp_path), ["fw1"], fail_on=("regression",))
    assert (made["summary"]["change"], made["reason"]) == ({"new": 1, "same": 1}, "")
    assert changes(tmp_path) == {"late": "new"}


def test_with_an_earlier_folder(tmp_path: Path) -> None:
    then, now = tmp_path / "then", tmp_path / "now"
    write(then, run(1, "bad"), run(2, "fine"), *({**run(2, "fine"), "host": host} for host in ("gone", "silent", "b")))
    write(now, run(5, "bad"), {**run(5, "fine"), "host": "b"}, {**run(5, "bad"), "host": "added"})
    before = {str(path): path.stat().st_mtime_ns for path in then.rglob("*")}
    hosts = ["fw1", "b", "silent", "added"]
    made = reporting.write_report(str(now), hosts, earlier=str(then), fail_on=("regression",))
    assert changes(now) == {"fw1": "came_back", "silent": "unreachable_since", "added": "new"}
    assert made["gone"] == 1
    assert whole(now)["gone"] == [{"host": "gone", "compliance": "compliant", "finished": "2026-01-02T02:00:00Z"}]
    assert made["reason"].startswith("regression: 1 host(s): fw1 (sip_alg came back: disabled -> active, firmware 7.2 ")
    assert "gone: gone" not in (now / "report.csv").read_text(encoding="utf-8")
    assert "* gone: gone, compliant" in (now / "report.md").read_text(encoding="utf-8")
    assert "came_back" in (now / "report.csv").read_text(encoding="utf-8")
    assert {str(path): path.stat().st_mtime_ns for path in then.rglob("*")} == before, "the earlier folder is only read"


def test_a_run_against_its_own_copy_and_against_a_later_one(tmp_path: Path) -> None:
    write(tmp_path / "now", run(5, "bad"), {**run(5, "fine"), "host": "b"}, {**run(5), "host": "c"})
    shutil.copytree(tmp_path / "now", tmp_path / "copy")
    made = reporting.write_report(str(tmp_path / "now"), [], earlier=str(tmp_path / "copy"))
    assert (changes(tmp_path / "now"), made["gone"]) == ({}, 0)
    write(tmp_path / "copy", run(9, "fine"))
    reporting.write_report(str(tmp_path / "now"), [], earlier=str(tmp_path / "copy"))
    assert changes(tmp_path / "now") == {}, "what is later is not earlier"


def test_a_host_that_this_run_is_not_about_is_no_reason_to_fail(tmp_path: Path) -> None:
    write(tmp_path, {**run(1, "fine"), "host": "other"}, run(1, "fine"), run(3, "fine"))
    since, words = "2026-01-03T00:00:00Z", ("not_reached", "regression")
    made = reporting.write_report(str(tmp_path), ["fw1"], since=since, fail_on=words)
    assert made["summary"]["compliance"] == {"compliant": 1, "not_reached": 1}
    assert (made["reason"], changes(tmp_path)) == ("", {})
    made = reporting.write_report(str(tmp_path), ["fw1", "other", "third"], since=since, fail_on=words)
    assert made["reason"] == "not_reached: 2 host(s): other, third"
    assert changes(tmp_path) == {"other": "unreachable_since"}


def test_a_record_that_was_taken_out_is_not_an_answer_again(tmp_path: Path) -> None:
    write(tmp_path, run(1, "fine"))
    (tmp_path / "records" / "fw1.json").unlink()
    assert reporting.write_report(str(tmp_path), [])["summary"]["hosts"] == 0
    assert reporting.write_report(str(tmp_path), ["fw1"])["summary"]["compliance"] == {"not_reached": 1}
    found = reporting.write_report(str(tmp_path), ["fw1"], since="2026-01-01T00:00:00Z")
    assert found["summary"]["compliance"] == {"compliant": 1}, "it is of this very run: the job was killed in between"


def test_broken_files_of_the_past_are_no_answers(tmp_path: Path) -> None:
    write(tmp_path, run(1, "fine"), run(2, "bad"))
    (tmp_path / "history" / "fw1" / kept(tmp_path)[0]).write_text("{half")
    reporting.write_report(str(tmp_path), ["fw1"])
    assert changes(tmp_path) == {}
    assert not whole(tmp_path)["summary"]["change"]


def test_a_past_that_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    write(tmp_path, run(1, "fine"))
    shutil.rmtree(tmp_path / "history" / "fw1")
    (tmp_path / "history" / "fw1").write_text("a file")
    with pytest.raises(BadInput, match=r"^report_dir: .*fw1.* cannot be written: "):
        write(tmp_path, run(2, "fine"))
    with pytest.raises(BadInput, match=r"^the history in .*fw1 cannot be read: Not a directory"):
        reporting.write_report(str(tmp_path), ["fw1"])


def test_a_wrong_earlier_folder_is_one_clear_sentence_before_anything(tmp_path: Path) -> None:
    (tmp_path / "empty" / "records").mkdir(parents=True)
    for earlier, words in (
        (str(tmp_path / "none"), "earlier: there are no records in .*none: No such file"),
        (str(tmp_path / "empty"), "earlier: there are no records in .*empty; give"),
        (str(tmp_path / "now"), "earlier: .*now is the report folder itself"),
    ):
        for more in ({}, {"begin": True}):
            options = {"report_dir": str(tmp_path / "now"), "hosts": [], "earlier": earlier, **more}
            answer = doors.answer("report", options, check=False)
            assert (answer["failed"], answer["error_kind"]) == (True, "bad_input")
            with pytest.raises(BadInput, match=f"^{words}"):
                raise BadInput(answer["msg"])
    assert not (tmp_path / "now").exists()


def test_the_module_fails_after_the_report_was_written(tmp_path: Path) -> None:
    write(tmp_path, run(1, "bad"))
    options: dict[str, Any] = {"report_dir": str(tmp_path), "hosts": ["fw1"]}
    answer = doors.answer("report", {**options, "fail_on": ["noncompliant"]}, check=False)
    assert (answer["failed"], answer["error_kind"]) == (True, "fail_on")
    assert answer["msg"] == "fail_on: noncompliant: 1 host(s): fw1"
    assert all(Path(path).exists() for path in answer["files"])
    assert "failed" not in doors.answer("report", {**options, "fail_on": ["regression", "undetermined"]}, check=False)
    (tmp_path / "report.html").unlink()
    wrong = doors.answer("report", {**options, "fail_on": ["drift"]}, check=False)
    assert "there is no word 'drift'" in wrong["msg"]
    assert "history_keep: 0 is less than 1" in doors.answer("report", {**options, "history_keep": 0}, False)["msg"]
    begun = doors.answer("report", {**options, "begin": True, "fail_on": ["noncompliant"]}, check=False)
    assert set(begun) == {"changed", "started"}
    assert not (tmp_path / "report.html").exists()


def test_saved_configurations_are_compared_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    config = tmp_path / "in" / "r1.cfg"
    options = {"path": str(tmp_path / "in"), "report_dir": str(tmp_path / "a"), "platform": "auto",
               "profile": "default", "workers": 1}  # fmt: skip
    nat = "version 15.7\nhostname r1\ninterface Vlan1\n ip nat inside\n"
    off = "no ip nat service sip udp port 5060\nno ip nat service sip tcp port 5060\n"
    config.write_text(f"{nat}{off}end\n")
    assert doors.answer("audit_backups", options, False)["summary"]["compliance"] == {"compliant": 1}
    config.write_text(f"{nat}end\n")
    more = {**options, "report_dir": str(tmp_path / "b"), "earlier": str(tmp_path / "a"), "fail_on": ["regression"]}
    answer = doors.answer("audit_backups", more, False)
    assert answer["msg"].startswith("fail_on: regression: 1 host(s): r1 (sip_alg new: disabled -> active")
    assert answer["judged"] == 1
    wrong = doors.answer("audit_backups", {**more, "report_dir": str(tmp_path / "c"), "earlier": str(config)}, False)
    assert wrong["msg"].startswith("earlier: there are no records in")
    assert not (tmp_path / "c").exists()


steps = st.tuples(st.sampled_from(["fw1", "b", "c"]), st.integers(1, 9), st.sampled_from(["fine", "bad", "?", ""]))


@settings(max_examples=15, deadline=None)
@given(st.lists(steps, min_size=1, max_size=8, unique_by=lambda step: step[:2]), st.randoms())
def test_the_order_in_which_jobs_write_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, found: list[tuple[str, int, str]], dice: Any
) -> None:
    shuffled = list(found)
    dice.shuffle(shuffled)
    seen = []
    for order in (found, shuffled):
        folder = tmp_path_factory.mktemp("order")
        write(folder, *({**run(day, sip), "host": host} for host, day, sip in order))
        reporting.write_report(str(folder), ["fw1"])
        report = {key: value for key, value in whole(folder).items() if key != "generated"}
        seen.append((report, (folder / "report.csv").read_text(encoding="utf-8")))
    assert seen[0] == seen[1]


def test_histories_are_merged_by_copying_them_together(tmp_path: Path) -> None:
    write(tmp_path / "a", run(1, "bad"), run(3, "bad"))
    write(tmp_path / "b", run(2, "fine"), run(3, "bad"))
    shutil.copytree(tmp_path / "b", tmp_path / "a", dirs_exist_ok=True)
    assert len(kept(tmp_path / "a")) == 3, "the same record has the same name"
    reporting.write_report(str(tmp_path / "a"), ["fw1"])
    assert changes(tmp_path / "a") == {"fw1": "came_back"}


def test_a_record_without_a_time_is_in_no_history(tmp_path: Path) -> None:
    write(tmp_path, record("fw1", finished="tomorrow"))
    assert not (tmp_path / "history").exists()
    assert history.entries(str(tmp_path), "fw1") == []
    assert files.read_json(str(tmp_path / "records" / "fw1.json")) is not None
