# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders of saved configurations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import backups, doors, reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import by_name

IOS = """version 15.7
hostname r
interface GigabitEthernet0/0
 ip nat outside
interface GigabitEthernet0/1
 ip nat inside
no ip nat service sip tcp port 5060
no ip nat service sip udp port 5060
end
"""


def judged(path: Path, platform: str = "auto") -> dict[str, object]:
    return backups.judge_file("h", str(path), by_name(platform), DEFAULT)


def test_the_layouts_of_oxidized_and_rancid(tmp_path: Path) -> None:
    for name in (
        "oxidized/fw1",
        "oxidized/group/fw2.cfg",
        "rancid/site/configs/fw3",
        "rancid/site/configs/CVS/Entries",
        "rancid/site/router.db",
        "rancid/site/configs/fw3,v",
        ".git/config",
        "oxidized/.hidden",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(IOS)
    assert [host for host, _path in backups.find(str(tmp_path))] == ["fw1", "fw2", "fw3"]


def test_equal_names_in_two_groups_are_told_apart(tmp_path: Path) -> None:
    for group in ("a", "b"):
        (tmp_path / group).mkdir()
        (tmp_path / group / "fw1").write_text(IOS)
    assert [host for host, _path in backups.find(str(tmp_path))] == ["a/fw1", "b/fw1"]


def test_folders_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="^path: .*nowhere is not a folder"):
        backups.find(str(tmp_path / "nowhere"))
    with pytest.raises(BadInput, match="^path: there is no configuration file"):
        backups.find(str(tmp_path))
    monkeypatch.setattr(backups.os, "access", lambda *_args: False)
    with pytest.raises(BadInput, match="cannot be read"):
        backups.find(str(tmp_path))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"\x7fELF\x00\x00", "not a text"),
        (b"hello world\n", "no platform recognises"),
    ],
)
def test_what_is_no_configuration_is_undetermined(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    found = judged(path)
    assert found["compliance"] == "undetermined"
    assert words in str(found["not_checked"])


def test_a_file_that_cannot_be_read_or_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cannot be read" in str(judged(tmp_path)["not_checked"])
    path = tmp_path / "x"
    path.write_text(IOS)
    monkeypatch.setattr(backups, "LARGEST", 10)
    assert "larger than" in str(judged(path)["not_checked"])


def test_what_is_large_is_counted_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_text(IOS + "! übergröße\n" * 100, encoding="utf-8")
    monkeypatch.setattr(backups, "LARGEST", path.stat().st_size - 20)
    assert "larger than" in str(judged(path)["not_checked"])


def test_a_link_to_nowhere_is_a_host_that_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "r1").symlink_to(tmp_path / "gone")
    ((host, path),) = backups.find(str(tmp_path))
    assert host == "r1"
    assert "No such file" in str(judged(Path(path))["not_checked"])


def test_only_files_are_configurations(tmp_path: Path) -> None:
    (tmp_path / "r1").write_text(IOS)
    os.mkfifo(tmp_path / "pipe")
    assert [host for host, _path in backups.find(str(tmp_path))] == ["r1"]


def test_a_platform_that_does_not_fit_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(IOS)
    assert judged(path, "cisco_ios")["compliance"] == "compliant"
    wrong = judged(path, "fortinet_fortios")
    assert wrong["compliance"] == "undetermined"
    assert "does not look like Fortinet" in str(wrong["not_checked"])


def test_a_cut_file_is_undetermined(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text(IOS.replace("end\n", ""))
    assert judged(path)["compliance"] == "undetermined"


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_many_files_with_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(150):
        (folder / f"r{number}").write_text(IOS)
    monkeypatch.setattr(backups, "_PROGRESS_SECONDS", 0.0)
    said: list[str] = []
    params = {
        "path": str(folder),
        "report_dir": str(tmp_path / "out"),
        "platform": "auto",
        "profile": "default",
        "workers": workers,
    }
    result = doors.audit_backups(params, progress=said.append)
    assert result["judged"] == 150
    assert result["summary"]["compliance"] == {"compliant": 150}
    assert "of 150 configurations" in said[0]
    assert len(list(reporting.iter_records(str(tmp_path / "out")))) == 150


def test_wrong_options(tmp_path: Path) -> None:
    base = {
        "path": str(tmp_path),
        "report_dir": str(tmp_path / "out"),
        "platform": "auto",
        "profile": "default",
        "workers": 0,
    }
    for change, words in (
        ({"workers": -1}, "workers: -1"),
        ({"platform": "nortel"}, "no platform 'nortel'; known: auto, cisco_ios"),
        ({"profile": "nobody"}, "no profile 'nobody'"),
    ):
        answer = doors.answer("audit_backups", {**base, **change}, check=False)
        assert answer["failed"]
        assert words in answer["msg"]
        assert not (tmp_path / "out").exists()
