# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept before a change, and taking it back: for every platform and every variant."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors, keeping
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput
from tests.lab import SECRETS, Device, Lab, variants
from tests.unit.conftest import lines, params
from tests.unit.contract.test_contract import NEEDS_LEAVE, same_configuration

PLATFORMS = (
    "cisco_ios",
    "cisco_asa",
    "fortinet_fortios",
    "sonicwall_sonicos",
    "linux_netfilter",
    "ubiquiti_edgeos",
    "vyos",
)
CASES = [(platform, variant) for platform in PLATFORMS for variant in variants(platform)]
# Rules that were loaded by hand are gone after any restart, and a module that was taken out by hand is back.
RESTART_CHANGES = {("linux_netfilter", "linux-nft-by-hand"), ("linux_netfilter", "openwrt-unloaded")}
MORE: dict[str, Any] = {"save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False}
WANTED = {**MORE, "minimum": 240, "recommended": 300, "clear_sessions": False}


def given(device: Device, folder: Path, **more: Any) -> dict[str, Any]:
    found = {**params(device, **more), "report_dir": str(folder)}
    if device.platform == "sonicwall_sonicos":
        found.update(
            platform="sonicwall_sonicos", transport="https", port=device.http_port, use_ssl=True, validate_certs=True,
            legacy_tls=False, tls_fingerprint=device.tls_fingerprint, second_factor=None, take_over=False,
        )  # fmt: skip
    return found


def baseline(device: Device, folder: Path, check: bool = False, **more: Any) -> dict[str, Any]:
    return doors.answer("baseline", {**given(device, folder), **WANTED, **more}, check=check)


def undo(device: Device, folder: Path, check: bool = False, **more: Any) -> dict[str, Any]:
    return doors.answer("undo", {**given(device, folder), **MORE, **more}, check=check)


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "changes").rglob("*.json"))


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_what_was_changed_is_put_back(lab: Lab, tmp_path: Path, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    change = baseline(device, tmp_path, allow_unproven=(platform, variant) in NEEDS_LEAVE)
    if not change["changed"]:
        assert [json.loads(path.read_text())["status"] for path in kept(tmp_path)] in ([], ["nothing"])
        assert not undo(device, tmp_path)["changed"]
        return
    assert change["backup"] == str(kept(tmp_path)[0])
    assert device.login_attempts == 1
    written = lines(device)
    predicted = undo(device, tmp_path, check=True)
    assert lines(device) == written
    done = undo(device, tmp_path)
    assert "msg" not in done, done["msg"]
    assert done["changed"]
    assert done["commands"] == predicted["commands"]
    assert done["after"]
    assert predicted["after"]
    assert same_configuration(device.running(), before)
    assert done["taken_back"] == json.loads(kept(tmp_path)[0].read_text())["started"]
    written = lines(device)
    assert "nothing to take back" in undo(device, tmp_path)["msg"]
    assert lines(device) == written
    device.reboot()
    if (platform, variant) not in RESTART_CHANGES:
        assert same_configuration(device.running(), before)


def test_the_change_is_kept_before_the_first_write_and_for_its_owner_only(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    before = device.running()
    change = baseline(device, tmp_path)
    path = Path(change["backup"])
    text = path.with_suffix(".cfg").read_text()
    assert "ip nat inside" in text
    assert [secret for secret in SECRETS if secret in text], "the configuration is kept as it was"
    document = path.read_text()
    assert not [secret for secret in SECRETS if secret in document + json.dumps(change)]
    assert device.running() != before
    for place in (path, path.with_suffix(".cfg")):
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert json.loads(document)["status"] == "done"


def test_where_it_cannot_be_kept_nothing_is_written(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    (tmp_path / "changes").write_text("in the way")
    change = baseline(device, tmp_path)
    assert change["failed"]
    assert change["error_kind"] == "bad_input"
    assert "cannot be written" in change["msg"]
    assert lines(device) == []


def test_check_mode_keeps_nothing(lab: Lab, tmp_path: Path) -> None:
    change = baseline(lab.add("cisco_ios", "nat-default"), tmp_path, check=True)
    assert change["backup"] is None
    assert not (tmp_path / "changes").exists()


def test_two_changes_are_taken_back_one_after_the_other(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    first = device.running()
    baseline(device, tmp_path, aspects=["sip_alg"])
    second = device.running()
    baseline(device, tmp_path, minimum=400, recommended=500, aspects=["udp_timeout"])
    assert undo(device, tmp_path)["changed"]
    assert device.running() == second
    assert undo(device, tmp_path)["changed"]
    assert device.running() == first
    assert len(kept(tmp_path)) == 4


def test_a_device_that_somebody_changed_since_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    baseline(device, tmp_path)
    device.change(["ip nat service sip udp port 5060"])
    written = lines(device)
    refused = undo(device, tmp_path)
    assert refused["failed"]
    assert "somebody else changed it: nat_alg_udp (global) is on, expected was off" in refused["msg"]
    assert lines(device) == written


def test_another_device_under_the_same_name_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    baseline(lab.add("cisco_ios", "nat-default", name="edge1"), tmp_path)
    other = lab.add("cisco_asa", "default", name="edge2")
    refused = undo(other, tmp_path, name="edge1")
    assert "was made on cisco_ios" in refused["msg"]
    assert lines(other) == []


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_asa", "fortinet_fortios"])
@pytest.mark.parametrize("step", range(8, 30, 3))
def test_a_change_that_was_cut_off_is_taken_back_as_far_as_it_is_there(
    lab: Lab, tmp_path: Path, platform: str, step: int
) -> None:
    variant = {"cisco_ios": "nat-default", "cisco_asa": "two-policies", "fortinet_fortios": "default-74"}[platform]
    device = lab.add(platform, variant, faults=[f"cut:{step}"])
    before = device.running()
    change = baseline(device, tmp_path)
    device.faults.clear("cut")
    if change.get("failed") and kept(tmp_path) and not same_configuration(device.running(), before):
        assert json.loads(kept(tmp_path)[0].read_text())["status"] in ("failed", "done")
        done = undo(device, tmp_path)
        assert "msg" not in done, done["msg"]
        assert same_configuration(device.running(), before)


def test_a_run_that_was_killed_can_be_taken_back(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    before = device.running()
    path = Path(baseline(device, tmp_path)["backup"])
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "status": "planned"}))
    device.change(["ip nat service sip tcp port 5060"])  # as if the run had not come that far
    done = undo(device, tmp_path)
    assert done["changed"]
    assert device.running() == before


@pytest.mark.parametrize(
    "change",
    [
        {"schema": "other"},
        {"platform": "nobody"},
        {"steps": [{"scope": "", "do": ["a"], "undo": ["reload\nyes"], "label": "doc"}]},
        {"steps": [{"scope": "", "do": ["a"], "undo": [], "label": "doc"}]},
        {"steps": [{"scope": "", "do": ["a"], "undo": ["b"], "label": "guess"}]},
        {"before": [["a", "b"]]},
        {"aspects": None},
        {"rtp": [1]},
        {"sip_ports": ["5060"]},
    ],
)
def test_a_file_that_is_no_change_of_ours_is_refused(lab: Lab, tmp_path: Path, change: dict[str, Any]) -> None:
    device = lab.add("cisco_ios", "nat-default")
    path = Path(baseline(device, tmp_path)["backup"])
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    written = lines(device)
    refused = undo(device, tmp_path)
    assert refused["error_kind"] == "bad_input"
    assert str(path) in refused["msg"]
    assert lines(device) == written


def test_what_undo_needs_is_named(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    refused = doors.answer("undo", {**params(device), **MORE, "report_dir": None}, check=False)
    assert refused["msg"].startswith("report_dir: none is given")
    place = tmp_path / "changes" / device.name
    place.mkdir(parents=True)
    (place / "20260101T000000Z.json").write_text("not json")
    with pytest.raises(BadInput, match="is not a change that this collection kept"):
        keeping.latest(str(tmp_path), device.name)
    (place / "20260101T000000Z.json").write_text("")
    assert keeping.latest(str(tmp_path), device.name) is None


def test_changes_of_one_second_do_not_overwrite_each_other(tmp_path: Path) -> None:
    change = {"host": "a", "started": "2026-01-01T00:00:00Z"}
    paths = [keeping.keep(str(tmp_path), change, "text") for _number in range(12)]
    assert len(set(paths)) == 12
    assert [p for p in paths if Path(p).with_suffix(".cfg").exists()] == paths


def test_what_was_allowed_is_remembered(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default", faults=["unknown_version"])
    before = device.running()
    assert baseline(device, tmp_path)["error_kind"] == "refusal"
    assert baseline(device, tmp_path, allow_unproven=True)["changed"]
    assert undo(device, tmp_path)["changed"]
    assert device.running() == before
