# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a process of its own, as the demo and the integration tests use it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

paramiko = pytest.importorskip("paramiko")
pytest.importorskip("asyncssh")

SERVE = Path(__file__).resolve().parents[2] / "lab" / "serve.py"


def started(folder: Path, *arguments: str) -> Any:
    process = subprocess.Popen([sys.executable, str(SERVE), "--dir", str(folder), *arguments])
    end = time.monotonic() + 20
    while not (folder / "ready").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.05)
    return process


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[Path, Any]]:
    process = started(tmp_path, "--fleet", "demo")
    yield tmp_path, process
    process.terminate()
    process.wait(10)


def test_demo_fleet(demo: tuple[Path, Any]) -> None:
    folder, process = demo
    hosts = yaml.safe_load((folder / "inventory.yml").read_text())["all"]["children"]["routers"]["hosts"]
    assert len(hosts) >= 12
    assert (folder / "ready").read_text().strip() == str(process.pid)
    by_ssh = [name for name, values in hosts.items() if "voip_edge_host_key" in values]
    assert len((folder / "known_hosts").read_text().splitlines()) >= len(by_ssh) >= 12
    assert {values.get("ansible_network_os") for values in hosts.values()} > {"cisco.ios.ios", "cisco.asa.asa"}
    one = hosts["berlin-r1"]
    client = paramiko.SSHClient()
    client.load_host_keys(str(folder / "known_hosts"))
    client.connect(
        one["ansible_host"], one["ansible_port"], one["ansible_user"], one["ansible_password"], look_for_keys=False
    )
    shell = client.invoke_shell()
    shell.send(b"terminal length 0\nshow version\nconfigure terminal\nno ip nat service sip udp port 5060\nend\nexit\n")
    while shell.recv(4096):
        pass
    client.close()
    journal = [json.loads(line) for line in (folder / "journal" / "berlin-r1.jsonl").read_text().splitlines()]
    assert [entry["line"] for entry in journal] == ["configure terminal", "no ip nat service sip udp port 5060"]
    assert (folder / "journal" / "essen-r1.jsonl").read_text() == ""
    os.kill(process.pid, signal.SIGUSR1)
    end = time.monotonic() + 5
    running = folder / "running" / "berlin-r1.cfg"
    while not running.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert "no ip nat service sip udp port 5060" in running.read_text()


def test_unreachable_and_wrong_password(demo: tuple[Path, Any]) -> None:
    hosts = yaml.safe_load((demo[0] / "inventory.yml").read_text())["all"]["children"]["routers"]["hosts"]
    facts = json.loads((demo[0] / "devices.json").read_text())
    twisted = {facts[name]["twist"]: values for name, values in hosts.items()}
    with pytest.raises(paramiko.SSHException, match="Unable to connect"):
        paramiko.Transport((twisted["unreachable"]["ansible_host"], twisted["unreachable"]["ansible_port"])).connect()
    assert twisted["wrong_password"]["ansible_password"] != hosts["berlin-r1"]["ansible_password"]


def test_clones_end_with_another_process(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent:
        process = started(tmp_path, "--clones", "cisco_ios:both-off:12", "--exit-with", str(parent.pid))
        assert len(list((tmp_path / "journal").iterdir())) == 12
        parent.communicate(b"\n")
    assert process.wait(10) == 0
    assert len(list((tmp_path / "running").glob("ios-both-off-*.cfg"))) == 12
    assert not (tmp_path / "ready").exists()


def test_list() -> None:
    out = subprocess.run([sys.executable, str(SERVE), "--list"], capture_output=True, text=True, check=True).stdout
    assert "cisco_ios:nat-default:" in out
