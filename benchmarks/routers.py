# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first part: the same work on N simulated routers by several contenders, alternating, medians of several rounds."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workplace import HERE, BenchFailed, Cost, Fleet, Workplace

OURS = "voip.edge"
PEER = "cisco.ios, network_cli, libssh"
NORNIR = "nornir-netmiko"
EMPTY = "an empty Ansible task"
AUDIT = "voip.edge.audit (whole playbook, report)"
ONE, THREE = "one aspect: voip.edge.sip_alg", "three aspects: voip.edge.baseline"
IOS, FORTIGATE, SONICWALL = "cisco_ios:nat-default", "fortinet_fortios:default-74", "sonicwall_sonicos:factory"
OFF = ("no ip nat service sip udp port 5060", "no ip nat service sip tcp port 5060")

# The connection that their inventories name is of a collection that is not installed.
LOCAL = ("-e", "ansible_connection=local")
# Which routers, and whether only the plan is made
ASPECTS = {
    "plan, FortiGate over SSH": (FORTIGATE, True),
    "plan, SonicWall over HTTPS": (SONICWALL, True),
    "change, FortiGate over SSH": (FORTIGATE, False),
    "change, SonicWall over HTTPS": (SONICWALL, False),
}

_HEAD = "---\n- name: Benchmark\n  hosts: routers\n  gather_facts: false\n  tasks:\n"
PLAYS = {
    "empty": "    - name: Do nothing\n      ansible.builtin.debug:\n        msg: nothing\n",
    "ours-read": "    - name: Audit\n      voip.edge.edge_info:\n",
    "ours-change": "    - name: Disable\n      voip.edge.sip_alg:\n        state: disabled\n",
    "three": """\
    - name: Make it fit
      voip.edge.baseline:
        minimum: 240
        recommended: 300
        pbx: 192.168.10.9
        sources: [203.0.113.0/24, 198.51.100.128/25]
""",
    "peer-read": """\
    - name: Read
      cisco.ios.ios_command:
        commands: [show version, show running-config]
""",
    "peer-change": f"""\
    - name: Read
      cisco.ios.ios_command:
        commands: [show version, show running-config]
    - name: Disable
      cisco.ios.ios_config:
        lines:
          - {OFF[0]}
          - {OFF[1]}
        save_when: changed
    - name: Verify
      cisco.ios.ios_command:
        commands: [show running-config]
        wait_for:
          - result[0] contains "{OFF[0]}"
          - result[0] contains "{OFF[1]}"
""",
}
# On top of the lab's inventory, which is of the kind that network_cli users have.
PEER_VARIABLES = """\
---
routers:
  vars:
    ansible_connection: ansible.netcommon.network_cli
    ansible_network_cli_ssh_type: libssh
    ansible_host_key_checking: false
    ansible_become: true
    ansible_become_method: ansible.netcommon.enable
"""


@dataclass(frozen=True)
class Contender:
    """Who does it, in which environment, and the command that does it with a fleet's inventory."""

    name: str
    environment: str
    command: Callable[[Path], list[str]]
    clone: str = IOS


class Routers:
    """The measurements of one task: "read", "change", "https", or one of ASPECTS."""

    def __init__(self, place: Workplace, hosts: int, forks: int, latency: str, rounds: int) -> None:
        self.place, self.hosts, self.forks, self.latency, self.rounds = place, hosts, forks, latency, rounds
        self.programs = {"ours": place.environment("ours", ansible=True)}
        for name, text in PLAYS.items():
            (place.work / f"{name}.yml").write_text(_HEAD + text, encoding="utf-8")
        (place.work / "peer-variables.yml").write_text(PEER_VARIABLES, encoding="utf-8")

    def contenders(self, task: str) -> list[Contender]:
        work, forks = self.place.work, str(self.forks)

        def play(name: str, *more: str) -> Callable[[Path], list[str]]:
            playbook = name if name.startswith("voip.edge.") else str(work / f"{name}.yml")
            return lambda folder: [
                "ansible-playbook", "-f", forks, "-i", str(folder / "inventory.yml"), *more, playbook
            ]  # fmt: skip

        if task in ASPECTS:
            clone, check = ASPECTS[task]
            more = (*LOCAL, "--check") if check else LOCAL
            return [
                Contender(ONE, "ours", play("ours-change", *more), clone),
                Contender(THREE, "ours", play("three", *more), clone),
            ]
        if task == "https":
            return [
                Contender(n, "ours", play(p, *LOCAL), SONICWALL) for n, p in ((OURS, "ours-read"), (EMPTY, "empty"))
            ]
        self.programs.setdefault("peer", self.place.environment("peer", ansible=True))
        client = [str(self.programs["peer"] / "python"), str(HERE / "nornir_client.py"), task]
        found = [
            Contender(OURS, "ours", play(f"ours-{task}")),
            Contender(PEER, "peer", play(f"peer-{task}", "-i", str(work / "peer-variables.yml"))),
            Contender(NORNIR, "peer", lambda folder: [*client, str(folder / "inventory.yml"), forks]),
            Contender(EMPTY, "ours", play("empty")),
        ]
        if task == "read":
            report = f"voip_edge_report_dir={work / 'audit'}"
            found.append(Contender(AUDIT, "ours", play("voip.edge.audit", "-e", report)))
        return found

    def run(self, task: str) -> dict[str, dict[str, Any]]:
        """Medians by contender. Raises BenchFailed when one of them did not do the work."""
        contenders = self.contenders(task)
        costs: dict[str, list[tuple[Cost, float]]] = {item.name: [] for item in contenders}
        for item in contenders:  # compiles what is not compiled yet; not counted
            self._once(task, item, 2)
        for number in range(self.rounds):
            for item in contenders[number % len(contenders) :] + contenders[: number % len(contenders)]:
                cost, lab = self._once(task, item, self.hosts)
                costs[item.name].append((cost, lab))
                text = f"{cost.wall:7.1f} s wall {cost.cpu:7.1f} s CPU {cost.memory_mb:7.0f} MB"
                print(f"  {task}, round {number + 1} of {self.rounds}: {item.name:42} {text}", flush=True)
        return {name: self._medians(found) for name, found in costs.items()}

    def _once(self, task: str, item: Contender, hosts: int) -> tuple[Cost, float]:
        """One run against fresh routers; also the CPU seconds that the simulator took."""
        programs = self.programs[item.environment]
        extra = {"ANSIBLE_HOST_KEY_CHECKING": "false"} if item.name == PEER else {}
        with self.place.fleet(self.programs["ours"], hosts, self.latency, item.clone) as fleet:
            idle = fleet.cpu()
            cost, output = self.place.measure(item.command(fleet.folder), programs, extra)
            lab = fleet.cpu() - idle
        self._check(task, item, fleet, output, hosts)
        return cost, lab

    def _check(self, task: str, item: Contender, fleet: Fleet, output: Path, hosts: int) -> None:
        text = output.read_text(errors="replace")
        done = len(re.findall(r"ok=\d+ .*unreachable=0 +failed=0", text))
        if item.name != NORNIR and done != hosts:
            raise BenchFailed(f"{item.name}: {done} of {hosts} routers in the recap\n{text[-2000:]}")
        plan = task in ASPECTS and ASPECTS[task][1]
        if plan and text.count("changed=1") != hosts:
            raise BenchFailed(f"{item.name}: not every router has something to change\n{text[-2000:]}")
        if task in ("read", "https") or plan or item.name == EMPTY:
            if fleet.writes():
                raise BenchFailed(f"{item.name}: {fleet.writes()} routers were written to")
            return
        if task in ASPECTS:
            if fleet.writes() != hosts:
                raise BenchFailed(f"{item.name}: {fleet.writes()} of {hosts} routers were written to")
            return
        for path in (fleet.folder / "running").iterdir():
            lines = path.read_text(encoding="utf-8").splitlines()
            if not set(OFF) <= set(lines):
                raise BenchFailed(f"{item.name}: the SIP ALG of {path.stem} is not off")

    def _medians(self, found: list[tuple[Cost, float]]) -> dict[str, Any]:
        def median(values: list[float]) -> float:
            return round(statistics.median(values), 4)

        return {
            "wall_s": median([c.wall for c, _lab in found]),
            "cpu_s": median([c.cpu for c, _lab in found]),
            "cpu_ms_per_host": median([c.cpu * 1000 / self.hosts for c, _lab in found]),
            "memory_mb": median([c.memory_mb for c, _lab in found]),
            "processes": max(c.processes for c, _lab in found),
            "left_running": max(c.left_running for c, _lab in found),
            "simulator_cpu_s": median([lab for _c, lab in found]),
        }
