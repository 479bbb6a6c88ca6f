# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit in three slices, each on a worker of ansible-runner that knows nothing of the others, and one report of all."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab import SECRETS, Device, Lab
from tests.lab.fleet import DEMO, inventory, start

SLICES = 3
SITES = (
    "bremen-r1",
    "dresden-r1",
    "essen-r1",
    "hannover-fg1",
    "leipzig-fw1",
    "passau-ax1",
    "rostock-r1",
    "siegen-sw1",
    "stuttgart-fg1",
)
# What a worker gets with every slice: the report lands among the artifacts, and these travel back.
EXTRA_VARIABLES = """\
voip_edge_report_dir: "{{ lookup('ansible.builtin.env', 'AWX_ISOLATED_DATA_DIR') }}/voip-report"
"""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\dZ| UTC)")


@dataclass
class Fleet:
    """A served fleet; ``hosts`` are the variables of each, as its inventory has them."""

    folder: Path
    collections: str
    devices: dict[str, Device]
    hosts: dict[str, dict[str, Any]]

    def call(self, *command: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, env=self.environment(), capture_output=True, timeout=120, check=False, **more)

    def environment(self) -> dict[str, str]:
        """A worker's environment comes back with its first event: nothing secret is in it."""
        folders = [str(Path(sys.executable).parent), os.environ["PATH"]]
        return {
            "PATH": os.pathsep.join(folders),
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": self.collections,
            "ANSIBLE_NOCOLOR": "1",
        }

    def play(self, playbook: str, report: Path) -> None:
        """The playbook with the inventory of all hosts."""
        path = self.folder / "all.json"
        path.write_text(json.dumps({"all": {"hosts": self.hosts}}))
        done = self.call("ansible-playbook", "-i", str(path), playbook, "-e", f"voip_edge_report_dir={report}")
        assert done.returncode == 0, done.stdout.decode()

    def transmit(self, number: int) -> bytes:
        """The slice as the stream that a worker reads; numbers start at 1."""
        job = self.folder / f"job{number}"
        for name in ("inventory", "env", "project"):
            (job / name).mkdir(parents=True)
        mine = sorted(self.hosts)[number - 1 :: SLICES]
        (job / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": {h: self.hosts[h] for h in mine}}}))
        (job / "env" / "extravars").write_text(EXTRA_VARIABLES)
        done = self.call("ansible-runner", "transmit", str(job), "-p", "voip.edge.audit", "--ident", str(number))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def worker(self, number: int) -> subprocess.Popen[bytes]:
        """A worker that has its slice and is at work."""
        command = ["ansible-runner", "worker", "--private-data-dir", str(self.folder / f"worker{number}")]
        stream = self.transmit(number)
        worker = subprocess.Popen(command, env=self.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert worker.stdin
        worker.stdin.write(stream)
        worker.stdin.close()
        return worker

    def process(self, number: int, stream: bytes) -> Path:
        """Takes what a worker sent and returns the folder of its artifacts."""
        out = self.folder / "out"
        done = self.call("ansible-runner", "process", str(out), "--ident", str(number), input=stream)
        assert done.stderr == b"", done.stderr.decode()
        return out / "artifacts" / str(number)

    def merge(self, name: str, artifacts: list[Path]) -> Path:
        """One report of the records that came back, and of the whole inventory."""
        merged = self.folder / name
        for folder in artifacts:
            if (folder / "voip-report" / "records").is_dir():
                shutil.copytree(folder / "voip-report" / "records", merged / "records", dirs_exist_ok=True)
        self.play("voip.edge.report", merged)
        return merged


@pytest.fixture
def fleet(tmp_path: Path, collections: str) -> Iterator[Fleet]:
    with Lab() as lab:
        served = start(lab, [member for member in DEMO if member.name in SITES])
        hosts = yaml.safe_load(inventory(served))["all"]["children"]["routers"]["hosts"]
        yield Fleet(tmp_path, collections, {device.name: device for member, device in served}, hosts)


def report_of(folder: Path) -> dict[str, Any]:
    """The report but for times, records by host."""
    text = _TIME.sub("(time)", (folder / "report.json").read_text(encoding="utf-8"))
    whole: dict[str, Any] = json.loads(text)
    whole["records"] = {record["host"]: record for record in whole["records"]}
    return whole


def answer_of(worker: subprocess.Popen[bytes]) -> bytes:
    """All that a worker sends until it ends."""
    with worker:
        assert worker.stdout
        return worker.stdout.read()


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "nothing happened for a minute"
        time.sleep(0.05)


def test_three_slices_give_the_report_of_one_run(fleet: Fleet) -> None:
    fleet.play("voip.edge.audit", fleet.folder / "one")
    answers = [answer_of(worker) for worker in [fleet.worker(number) for number in range(1, SLICES + 1)]]
    artifacts = [fleet.process(number, answer) for number, answer in enumerate(answers, 1)]
    merged = fleet.merge("merged", artifacts)
    one = report_of(fleet.folder / "one")
    assert len(one["records"]) + len(one["without_record"]) == len(SITES)
    assert report_of(merged) == one
    for name in ("report.csv", "report.md"):
        texts = [(folder / name).read_text(encoding="utf-8") for folder in (merged, fleet.folder / "one")]
        assert _TIME.sub("(time)", texts[0]) == _TIME.sub("(time)", texts[1])
    assert all(device.journal == [] for device in fleet.devices.values())
    came_back = b"".join(answers).decode()
    came_back += "".join(p.read_text(encoding="utf-8") for p in (fleet.folder / "out").rglob("*") if p.is_file())
    assert [secret for secret in SECRETS if secret in came_back] == []


def test_hosts_of_a_killed_worker_are_not_reached(fleet: Fleet) -> None:
    lost = sorted(fleet.hosts)[2::SLICES]
    assert "essen-r1" in lost
    fleet.devices["essen-r1"].faults.add("hang:show running-config")
    workers = [fleet.worker(number) for number in range(1, SLICES + 1)]
    wait_for(lambda: any("show running-config" in line for line in fleet.devices["essen-r1"].transcript))
    workers[2].send_signal(signal.SIGKILL)
    answers = [answer_of(worker) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, -signal.SIGKILL]
    artifacts = [fleet.process(number, answer) for number, answer in enumerate(answers, 1)]
    found = report_of(fleet.merge("merged", artifacts))
    states = {host: record["compliance"] for host, record in found["records"].items()}
    states |= {entry["host"]: entry["compliance"] for entry in found["without_record"]}
    assert sorted(states) == sorted(SITES)
    assert {states[host] for host in lost} == {"not_reached"}
    assert {host for host in SITES if states[host] == "not_reached"} - set(lost) <= {"stuttgart-fg1"}
