# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run one command and write what it cost: ``measure.py RESULT.json LIMIT OUTPUT -- command ...``

Counted is the whole tree, daemons that detach included: this process declares itself the reaper of its descendants
(Linux), so whoever loses its parent becomes a child of this process and is in its RUSAGE_CHILDREN in the end.
What is left when the command has ended is stopped by its process id, and its CPU counts, too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
# Reading the memory of a hundred processes costs CPU that the measured command would miss: rest 20 times as long.
REST = 20.0
SHORTEST_REST = 0.05
GRACE_SECONDS = 5.0


def become_reaper() -> None:
    """Raises OSError where the kernel cannot do it."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def descendants(root: int) -> list[int]:
    """Process ids below ``root``, zombies left out."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = (
                Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            )
        except OSError:
            continue
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = [], [root]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def memory_kb(pid: int) -> int:
    """Proportional set size in kB: pages that processes share are counted once. 0 for a process that is gone."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as stream:
            return next((int(line.split()[1]) for line in stream if line.startswith("Pss:")), 0)
    except OSError:
        return 0


class Sampler(threading.Thread):
    """Watches the tree's memory; ends the command when the limit is over."""

    def __init__(self, command: int, limit: float) -> None:
        super().__init__(daemon=True)
        self.command, self.deadline = command, time.monotonic() + limit
        self.peak_kb = self.processes = 0
        self.ended = threading.Event()
        self.overdue = False

    def run(self) -> None:
        rest = SHORTEST_REST
        while not self.ended.wait(rest):
            begun = time.monotonic()
            pids = descendants(os.getpid())
            total = sum(memory_kb(pid) for pid in pids)
            self.peak_kb, self.processes = max(self.peak_kb, total), max(self.processes, len(pids))
            rest = max(SHORTEST_REST, REST * (time.monotonic() - begun))
            if begun > self.deadline and not self.overdue:
                self.overdue = True
                os.kill(self.command, signal.SIGTERM)


def stop_leftovers() -> int:
    """Ends what the command left running, and reaps it. Returns how many there were."""
    left = descendants(os.getpid())
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants(os.getpid()):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + GRACE_SECONDS
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.02)
            except ChildProcessError:
                return len(left)
    return len(left)


def main(argv: list[str]) -> int:
    result, limit, output, _dashes, *command = argv
    become_reaper()
    begun = time.monotonic()
    with open(output, "wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    sampler = Sampler(process.pid, float(limit))
    sampler.start()
    pid, status = os.wait()
    while pid != process.pid:  # a daemon that ended before
        pid, status = os.wait()
    wall = time.monotonic() - begun
    sampler.ended.set()
    sampler.join()
    left = stop_leftovers()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    facts = {
        "wall": wall,
        "cpu": used.ru_utime + used.ru_stime,
        "memory_mb": sampler.peak_kb / 1024,
        "processes": sampler.processes,
        "left_running": left,
        "code": -1 if sampler.overdue else os.waitstatus_to_exitcode(status),
    }
    Path(result).write_text(json.dumps(facts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
