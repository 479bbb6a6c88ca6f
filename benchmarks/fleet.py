# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What voip.edge costs, side by side with other ways to do the same work, in one run on one machine.

Ratios are what counts: absolute seconds depend on the machine. The simulated routers answer without latency; with slow
routers the ratios of the wall clock shrink, see --latency.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from configurations import write
from measure import Cost, adopt_orphans, cost

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent

PLAYS = {
    "empty": "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug:\n        msg: nothing\n",
    "ours read": "- hosts: all\n  gather_facts: false\n  tasks:\n    - voip.edge.edge_info:\n",
    "ours change": "- hosts: all\n  gather_facts: false\n  tasks:\n    - voip.edge.sip_alg:\n        state: disabled\n",
    "peer read": """- hosts: all
  gather_facts: false
  tasks:
    - cisco.ios.ios_command:
        commands: [show version, show running-config]
""",
    "peer change": """- hosts: all
  gather_facts: false
  tasks:
    - cisco.ios.ios_command:
        commands: [show version, show running-config]
    - cisco.ios.ios_config:
        lines:
          - no ip nat service sip udp port 5060
          - no ip nat service sip tcp port 5060
        save_when: modified
    - cisco.ios.ios_command:
        commands: [show running-config]
""",
}
PEER_VARIABLES = {
    "ansible_connection": "ansible.netcommon.network_cli",
    "ansible_network_os": "cisco.ios.ios",
    "ansible_network_cli_ssh_type": "libssh",
    "ansible_become": True,
    "ansible_become_method": "enable",
    "ansible_host_key_checking": False,
    "ansible_persistent_connect_timeout": 120,
    "ansible_persistent_command_timeout": 120,
}


class Lab:
    """Simulated routers in a process of their own, which is not part of what is measured."""

    def __init__(self, folder: Path, count: int, latency: str) -> None:
        self.folder = folder
        folder.mkdir()
        serve = str(CHECKOUT / "tests" / "lab" / "serve.py")
        command = [sys.executable, serve, "--clones", f"cisco_ios:nat-default:{count}", "--dir", str(folder)]
        command += ["--latency", latency, "--exit-with", str(os.getpid())]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (folder / "ready").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the simulated routers did not start")
            time.sleep(0.1)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.terminate()
        self.process.wait(20)


def play_command(name: str, folder: Path, inventory: Path, forks: int) -> list[str]:
    playbook = folder / f"{name.replace(' ', '-')}.yml"
    playbook.write_text(PLAYS[name])
    command = ["ansible-playbook", "-i", str(inventory), "-f", str(forks), str(playbook)]
    if name.startswith("peer"):
        command += ["-e", json.dumps(PEER_VARIABLES)]
    return command


def one(name: str, options: argparse.Namespace, folder: Path, memory: bool) -> Cost:
    """One run against fresh routers: a change finds them as they left the factory."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        Lab(Path(place) / "lab", options.hosts, options.latency) as lab,
    ):
        inventory = lab.folder / "inventory.yml"
        if name.startswith("nornir"):
            command = [
                sys.executable,
                str(HERE / "peers.py"),
                "nornir",
                name.split()[1],
                str(inventory),
                str(options.forks),
            ]
        else:
            command = play_command(name, Path(place), inventory, options.forks)
        env = {**os.environ, "ANSIBLE_LOCAL_TEMP": place, "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": place}
        env.update(ANSIBLE_HOST_KEY_CHECKING="false") if name.startswith("peer") else None
        log = folder / f"{name.replace(' ', '-')}.log"
        log.unlink(missing_ok=True)
        done = cost(command, env, log, frozenset({lab.process.pid}), memory)
        if done.code:
            sys.exit(f"{name} ended with {done.code}; its output: {log}")
        return done


def median(runs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(r, key) for r in runs) for key in ("wall", "cpu", "memory")), code=0)


def fleet(options: argparse.Namespace, folder: Path) -> dict[str, Cost]:
    names = ["empty", "ours read", "nornir read", "peer read", "ours change", "nornir change", "peer change"]
    runs: dict[str, list[Cost]] = {name: [] for name in names}
    peaks: dict[str, float] = {}
    for at in range(options.rounds):
        for name in names:
            print(f"round {at + 1} of {options.rounds}: {name}", flush=True)
            runs[name].append(one(name, options, folder, memory=False))
    for name in names:
        print(f"memory: {name}", flush=True)
        peaks[name] = one(name, options, folder, memory=True).memory
    costs = {name: median(found) for name, found in runs.items()}
    return {name: Cost(c.wall, c.cpu, peaks[name], 0) for name, c in costs.items()}


def show_fleet(costs: dict[str, Cost], hosts: int) -> dict[str, tuple[float, str, float]]:
    print(f"\n{hosts} simulated routers, medians; the routers themselves are not counted")
    print(f"{'':16}{'wall s':>9}{'CPU s':>9}{'CPU ms/host':>13}{'memory MB':>11}")
    for name, c in costs.items():
        print(f"{name:16}{c.wall:9.2f}{c.cpu:9.2f}{1000 * c.cpu / hosts:13.1f}{c.memory:11.0f}")
    ours, peer, empty = costs["ours read"], costs["peer read"], costs["empty"]
    change, peer_change = costs["ours change"], costs["peer change"]
    return {
        "CPU of the peer / ours, read": (peer.cpu / ours.cpu, "at least", 12),
        "CPU of the peer / ours, read and change": (peer_change.cpu / change.cpu, "at least", 20),
        "wall of the peer / ours, read": (peer.wall / ours.wall, "at least", 8),
        "wall of the peer / ours, read and change": (peer_change.wall / change.wall, "at least", 8),
        "memory of the peer / ours, read": (peer.memory / ours.memory, "at least", 10),
        "CPU of ours, read / the empty task": (ours.cpu / empty.cpu, "at most", 2.0),
    }


def backups(options: argparse.Namespace, folder: Path) -> dict[str, tuple[float, str, float]]:
    saved = folder / "saved"
    print(f"\nwriting {options.files} configurations of about 30 kB", flush=True)
    write(saved, options.files)
    few = folder / "few"
    few.mkdir()
    for path in sorted(saved.glob("*.cfg"))[: max(1, options.files // 5)]:
        (few / path.name).symlink_to(path)
    costs = {}
    for label, place in (("a fifth of them", few), ("all of them", saved)):
        report = folder / f"report-{place.name}"
        command = ["ansible-playbook", "-i", "localhost,", "voip.edge.audit_backups"]
        command += ["-e", f"voip_edge_backups={place}", "-e", f"voip_edge_report_dir={report}"]
        costs[label] = cost(command, dict(os.environ), folder / f"backups-{place.name}.log", frozenset(), memory=True)
        if costs[label].code:
            sys.exit(f"audit_backups ended with {costs[label].code}; its output: {folder}/backups-{place.name}.log")
        c = costs[label]
        print(
            f"audit_backups, {label:16} wall {c.wall:6.1f} s, CPU {c.cpu:6.1f} s, memory {c.memory:5.0f} MB", flush=True
        )
    ratio = compare_parsers(saved, min(300, options.files), folder)
    full, part = costs["all of them"], costs["a fifth of them"]
    return {
        f"seconds for {options.files} saved configurations": (full.wall, "at most", 60 * options.files / 10_000),
        "memory, all of them / a fifth of them": (full.memory / part.memory, "at most", 2.0),
        "ciscoconfparse2 / ours, CPU per file": (ratio, "at least", 20),
    }


def compare_parsers(saved: Path, count: int, folder: Path) -> float:
    """CPU per file in one process each, imports not counted, and whether both say the same."""
    times = {}
    verdicts: dict[str, dict[str, str]] = {}
    sys.path.insert(0, str(HERE))
    for path in [Path(p) for p in os.environ.get("ANSIBLE_COLLECTIONS_PATH", "").split(os.pathsep) if p]:
        sys.path.insert(0, str(path))
    from peers import judged

    from ansible_collections.voip.edge.plugins.module_utils._edge import backups as own
    from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import get_profile
    from ansible_collections.voip.edge.plugins.module_utils._edge.reporting import write_record

    files = sorted(saved.glob("*.cfg"))[:count]
    judged(files[0].read_text())
    began = time.process_time()
    verdicts["peer"] = {f.stem: judged(f.read_text()) for f in files}
    times["peer"] = (time.process_time() - began) / count
    began = time.process_time()
    verdicts["ours"] = {}
    for f in files:
        record = own.judge_file(f.stem, str(f), None, get_profile("default"))
        write_record(str(folder / "records"), record)
        verdicts["ours"][f.stem] = record["aspects"]["sip_alg"]["verdict"]
    times["ours"] = (time.process_time() - began) / count
    differ = [name for name in verdicts["ours"] if verdicts["ours"][name] != verdicts["peer"][name]]
    print(
        f"{count} files: ciscoconfparse2 {1000 * times['peer']:.1f} ms a file, ours {1000 * times['ours']:.2f} ms a file"
    )
    print(f"their verdicts differ on {len(differ)} of {count} files")
    return times["peer"] / times["ours"]


def show_goals(goals: dict[str, tuple[float, str, float]]) -> None:
    print(f"\n{'':45}{'measured':>10}   goal")
    for name, (value, word, goal) in goals.items():
        met = value >= goal if word == "at least" else value <= goal
        print(f"{name:45}{value:10.2f}   {word} {goal:g}: {'met' if met else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--forks", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", default="0,0", metavar="LOGIN,COMMAND", help="seconds a router takes")
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--only", choices=["fleet", "backups"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    adopt_orphans()
    output = Path(os.environ.get("VOIP_EDGE_OUTPUT", tempfile.gettempdir())).resolve()
    output.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=output))
    goals: dict[str, tuple[float, str, float]] = {}
    result: dict[str, Any] = {}
    if options.only != "backups":
        costs = fleet(options, folder)
        goals.update(show_fleet(costs, options.hosts))
        result["fleet"] = {name: vars(c) for name, c in costs.items()}
    if options.only != "fleet":
        goals.update(backups(options, folder))
    show_goals(goals)
    result["goals"] = {name: {"measured": v, "word": w, "goal": g} for name, (v, w, g) in goals.items()}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
