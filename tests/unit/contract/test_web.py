# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract of the platforms whose only door is a web interface: what holds whatever the device is.

A platform gives its module here, ``tests/unit/contract/web_NAME.py``, with what is right for each of its variants.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import tests.unit.contract as here
from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from tests.lab import SECRETS, Lab, variants
from tests.unit.conftest import lines, web_params

MODULES = [
    importlib.import_module(f"{here.__name__}.{found.name}")
    for found in pkgutil.iter_modules(here.__path__)
    if found.name.startswith("web_")
]
# Verdict of sip_alg as found and after `baseline`; an error kind where that is the answer. Of the options more than the usual
# where a variant has an entry in MORE.
EXPECTED = {(m.PLATFORM, variant): words for m in MODULES for variant, words in m.EXPECTED.items()}
MORE = {(m.PLATFORM, variant): more for m in MODULES for variant, more in getattr(m, "MORE", {}).items()}
CASES = [(m.PLATFORM, variant) for m in MODULES for variant in variants(m.PLATFORM)]
# How often a run that changes something logs in: a device that ends every session with a change is proven in a new one.
LOGINS = {m.PLATFORM: getattr(m, "LOGINS", 1) for m in MODULES}
# The variant on which faults are tried: one that is wrong and can be put right.
FAULTY = {m.PLATFORM: m.FAULTY for m in MODULES if getattr(m, "FAULTY", None)}
WANTED: dict[str, Any] = {
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
    "minimum": 60, "recommended": 120,
}  # fmt: skip


def ask(module: str, device: Any, check: bool = False, **more: Any) -> dict[str, Any]:
    extra = MORE.get((device.platform, device.variant.name), {})
    given = {**web_params(device), **(WANTED if module != "edge_info" else {}), **extra, **more}
    return doors.answer(module, given, check=check)


def word(answer: dict[str, Any]) -> str:
    return str(answer.get("error_kind") or answer["verdict"])


def settled(device: Any) -> None:
    """Every session was logged out, or is gone a moment later."""
    deadline = time.monotonic() + 3
    while device.open_sessions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert device.open_sessions == 0


def no_secret_in(*answers: dict[str, Any]) -> None:
    text = json.dumps([{k: v for k, v in a.items() if k != "kept"} for a in answers])
    assert not [secret for secret in SECRETS if secret in text]


def test_every_variant_has_its_expectation() -> None:
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_an_audit_finds_it_and_writes_nothing(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant)
    answer = ask("edge_info", device)
    assert word(answer) == EXPECTED[platform, variant][0], answer.get("msg")
    assert lines(device) == []
    assert device.login_attempts <= 1
    settled(device)
    no_secret_in(answer)


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_predicted_changed_once_and_put_back(lab: Lab, tmp_path: Path, platform: str, variant: str) -> None:
    device = lab.add(platform, variant)
    before = device.running()
    folder = str(tmp_path)
    predicted = ask("baseline", device, check=True, report_dir=folder)
    assert lines(device) == []
    assert device.running() == before
    made = ask("baseline", device, report_dir=folder)
    assert word(made) == EXPECTED[platform, variant][1], made.get("msg")
    if "error_kind" in made:
        assert device.running() == before
        assert made["error_kind"] != "refusal" or lines(device) == []
        return
    assert predicted["commands"] == made["commands"]
    assert predicted["after"] == made["after"]
    assert device.login_attempts <= 1 + LOGINS[platform]
    written = lines(device)
    again = ask("baseline", device, report_dir=folder)
    assert not again["changed"]
    assert lines(device) == written
    device.reboot()
    assert word(ask("edge_info", device)) == EXPECTED[platform, variant][1]
    if made["changed"]:
        undone = ask("undo", device, report_dir=folder)
        assert "msg" not in undone, undone["msg"]
        assert device.running() == before
    settled(device)
    no_secret_in(predicted, made, again)


READ_FAULTS = ("refuse_login", "garble:/", "short:/", "http500:/", "hang:/", "truncate:/")


@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
@pytest.mark.parametrize("platform", FAULTY)
@pytest.mark.parametrize("fault", READ_FAULTS)
def test_faults_while_reading(lab: Lab, platform: str, fault: str, check: bool) -> None:
    device = lab.add(platform, FAULTY[platform], faults=[fault])
    before = device.running()
    answer = ask("baseline", device, check=check, timeout=0.7)
    assert answer.get("failed") or answer.get("unreachable")
    assert lines(device) == []
    assert device.running() == before
    assert device.login_attempts <= 1
    no_secret_in(answer)


@pytest.mark.parametrize("platform", FAULTY)
@pytest.mark.parametrize("kind", ["cut", "cut_after"])
def test_the_line_is_cut_at_every_request(lab: Lab, tmp_path: Path, platform: str, kind: str) -> None:
    for step in range(1, 60):
        device = lab.add(platform, FAULTY[platform], faults=[f"{kind}:{step}"])
        before = device.running()
        folder = str(tmp_path / str(step))
        answer = ask("baseline", device, timeout=8.0, report_dir=folder)
        if not answer.get("failed") and not answer.get("unreachable"):
            assert word(answer) == EXPECTED[platform, FAULTY[platform]][1]
            if device.door.since_login < step:
                return  # there are no more requests to cut
            continue
        if device.running() != before:
            assert "MAY STILL BE ON THE DEVICE" in answer["msg"] or "not saved" in answer["msg"], answer["msg"]
            device.faults.clear(kind)
            undone = ask("undo", device, report_dir=folder)
            assert "msg" not in undone, undone["msg"]
            assert device.running() == before
        no_secret_in(answer)


@pytest.mark.parametrize("platform", FAULTY)
def test_writes_that_are_ignored_are_noticed(lab: Lab, platform: str) -> None:
    device = lab.add(platform, FAULTY[platform], faults=["ignore_writes"])
    before = device.running()
    answer = ask("baseline", device)
    assert answer["failed"]
    assert device.running() == before


@pytest.mark.parametrize("platform", FAULTY)
def test_a_wrong_platform_is_found_before_any_write(lab: Lab, platform: str) -> None:
    device = lab.add(platform, FAULTY[platform])
    for other in FAULTY:
        if other != platform:
            answer = ask("baseline", device, platform=other)
            assert answer.get("failed"), f"{platform} was taken for {other}"
    assert lines(device) == []


BARE = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
for name in ("netmiko", "paramiko", "jmespath", "ansible", "yaml", "jinja2"):
    sys.modules[name] = None
from ansible_collections.voip.edge.plugins.module_utils._edge import doors
print(json.dumps(doors.answer("edge_info", json.load(sys.stdin), check=True)))
"""


OVER_HTTP = {
    **{m.PLATFORM: next(iter(m.EXPECTED)) for m in MODULES},
    "asus_asuswrt": "factory", "fortinet_fortios": "default-74", "sonicwall_sonicos": "factory",
}  # fmt: skip


@pytest.mark.parametrize("platform", sorted(OVER_HTTP))
def test_the_standard_library_is_enough(lab: Lab, platform: str) -> None:
    device = lab.add(platform, OVER_HTTP[platform], rest=platform in ("asus_asuswrt", "fortinet_fortios"))
    root = next(path for path in sys.path if (Path(path) / "ansible_collections" / "voip" / "edge").is_dir())
    command = [sys.executable, "-I", "-c", BARE, json.dumps([root])]
    given = json.dumps({**web_params(device), **MORE.get((platform, device.variant.name), {})})
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["platform"] == platform
