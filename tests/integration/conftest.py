# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site for the playbooks: simulated routers, an inventory of them, and a way to play on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab import Device, Lab

ROOT = Path(__file__).resolve().parents[2]
NETWORK_OS = {
    "sonicwall_sonicos": "sonicwall_sonicos",
    "cisco_ios": "cisco.ios.ios",
    "cisco_asa": "cisco.asa.asa",
    "fortinet_fortios": "fortinet.fortios.fortios",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder above ansible_collections, made of links where the checkout does not lie in one."""
    if ROOT.parts[-3:] == ("ansible_collections", "voip", "edge"):
        return str(ROOT.parents[2])
    made = tmp_path_factory.mktemp("collections")
    (made / "ansible_collections" / "voip").mkdir(parents=True)
    (made / "ansible_collections" / "voip" / "edge").symlink_to(ROOT)
    return str(made)


class Site:
    """An inventory, a report folder, and a way to run ansible-playbook on them."""

    def __init__(self, folder: Path, collections: str) -> None:
        self.folder = folder
        self.report = folder / "report"
        self.collections = collections
        self.hosts: dict[str, dict[str, Any]] = {}

    def add(self, device: Device, platform: str, **more: Any) -> Device:
        self.hosts[device.name] = {
            "ansible_host": device.host,
            "ansible_port": device.port,
            "ansible_user": device.user,
            "ansible_password": device.password,
            "ansible_become_password": device.enable_secret,
            "ansible_network_os": NETWORK_OS[platform],
            "voip_edge_host_key": device.host_key,
            **more,
        }
        return device

    def play(self, playbook: str, *more: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        inventory = self.folder / "inventory.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts}}))
        command = ["ansible-playbook", "-i", str(inventory), playbook, *more]
        command += ["-e", json.dumps({"voip_edge_report_dir": str(self.report), **variables})]
        env = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCAL_TEMP": str(self.folder),
        }
        env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
        return subprocess.run(
            command, env=env, capture_output=True, text=True, check=False, timeout=120, cwd=self.folder
        )

    def records(self) -> dict[str, dict[str, Any]]:
        whole = json.loads((self.report / "report.json").read_text(encoding="utf-8"))
        return {r["host"]: r for r in whole["records"]}


@pytest.fixture
def site(tmp_path: Path, collections: str) -> Site:
    return Site(tmp_path, collections)


def recap(done: subprocess.CompletedProcess[str], host: str) -> dict[str, int]:
    line = next(line for line in done.stdout.splitlines() if line.startswith(host) and "ok=" in line)
    return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", line)}


def diff_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if re.match(r"^[-+][ a-z]", line)]
