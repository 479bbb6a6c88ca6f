# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command costs with everything it starts: wall clock, CPU, and the peak of its memory."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """Seconds and MiB; memory is the proportional set size summed over the command's processes at its highest."""

    wall: float
    cpu: float
    memory: float
    code: int


def adopt_orphans() -> None:
    """Daemons that a command leaves behind become ours, so that their CPU is counted and they can be ended."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this kernel cannot adopt orphaned processes: the CPU of daemons would be missed")


def _parents() -> dict[int, int]:
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    return found


def descendants(root: int, without: frozenset[int]) -> set[int]:
    """All processes below a process, except those below the ones named in ``without``."""
    parents = _parents()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    todo = [pid for pid in children.get(root, []) if pid not in without]
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += [child for child in children.get(pid, []) if child not in without]
    return found


def _pss(pid: int) -> float:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


class _Sampler(threading.Thread):
    def __init__(self, without: frozenset[int]) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self.ended = threading.Event()
        self._without = without

    def run(self) -> None:
        while not self.ended.wait(_SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(_pss(pid) for pid in descendants(os.getpid(), self._without)))


def cost(command: list[str], env: dict[str, str], log: Path, without: frozenset[int], memory: bool = True) -> Cost:
    """Runs a command and ends whatever it left. ``without`` names processes of ours that are not part of it.

    Sampling the memory costs CPU on a small machine, so it is measured in runs of its own.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    sampler = _Sampler(without)
    if memory:
        sampler.start()
    began = time.monotonic()
    with log.open("ab") as stream:
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
        code = process.wait()
    wall = time.monotonic() - began
    sampler.ended.set()
    for pid in descendants(os.getpid(), without):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    _reap(without)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall, cpu, sampler.peak, code)


def _reap(without: frozenset[int]) -> None:
    deadline = time.monotonic() + 5
    while descendants(os.getpid(), without) and time.monotonic() < deadline:
        for pid in descendants(os.getpid(), without):
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue
        time.sleep(0.02)
