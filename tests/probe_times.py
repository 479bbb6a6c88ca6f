# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long the probe takes and how much memory, measured through a real router; what the design promises is asserted.

``python tests/probe_times.py`` needs the lab of network namespaces (``tests/lab/netns``), and ``tests/lab/netns/enter.py``
in front of it where nobody is root. Four minutes, nearly all of it waiting for the timers of the kernel. Exit code 1 if a
bound is missed. The bounds are of waiting and of memory, not of a machine's speed:

* the profile ``quick`` at most 12 s where nothing is lost, with the ALG and without, and with the control channel over TCP;
* the profiles ``standard`` and ``full`` at most 1.2 times the longest lifetime that they measured, and 15 s;
* a sweep of every media port no faster than a small router has room for, and hardly slower;
* every lifetime within one step of the ages that are looked at;
* the module's process and a reflector with more than 10,000 sockets below 60 MB each;
* with a tenth of the packets lost nothing that is called rewritten, and the ALG still found.
"""

from __future__ import annotations

import argparse
import json
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import frames, rtp

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.lab.netns import SERVER, Lab
from tests.lab.netns.lab import SECOND_SERVER

EDGE = Path(frames.__file__).resolve().parents[1]
QUICK_SECONDS, STANDARD_FACTOR, STANDARD_SECONDS = 12.0, 1.2, 15.0
MOST_KB, LEAST_SOCKETS = 60 * 1000, 10_011
PORTS = 10_001
SWEEP_SECONDS = PORTS / rtp.RATE
# The module as Ansible runs it, and then the most memory that its process ever had.
WORKER = """
import sys
from ansible.module_utils import basic
basic._ANSIBLE_ARGS, basic._ANSIBLE_PROFILE = sys.stdin.buffer.read(), "legacy"
from ansible_collections.voip.edge.plugins.modules import sip_probe
try:
    sip_probe.main()
finally:
    with open("/proc/self/status") as status:
        print(*[line.split()[1] for line in status if line.startswith("VmHWM")], file=sys.stderr)
"""


# /proc/self, as in a PID namespace /proc may be that of another one.
REFLECTOR = """
import os, sys
from probe import reflector
close = reflector.Reflector.close
def told(self):
    with open("/proc/self/status") as status:
        memory = [line.split()[1] for line in status if line.startswith("VmHWM")]
    print(len(os.listdir("/proc/self/fd")), *memory, file=sys.stderr)
    close(self)
reflector.Reflector.close = told
sys.exit(reflector.main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Case:
    """A router and what is asked of the probe; ``timers`` are those of the kernel, single exchange and stream.

    ``loss`` is in percent, ``blocked`` are UDP ports in the words of nft, ``more`` are options of the module.
    """

    name: str
    profile: str
    timers: tuple[int, int] = (30, 120)
    alg: bool = False
    loss: int = 0
    blocked: str = ""
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What one run of the module took, and its document."""

    case: Case
    seconds: float
    probe_kb: int
    reflector_kb: int
    sockets: int
    probe: dict[str, Any]

    @property
    def media(self) -> dict[str, Any]:
        found: dict[str, Any] = self.probe["facts"]["media_out"]
        return found

    @property
    def lifetimes(self) -> dict[str, tuple[float, float | None]]:
        found = self.probe["facts"].get("lifetimes", {})
        return {name: (one["low"], one["high"]) for name, one in found.items()}


class Far:
    """A reflector with all the ports of its default settings, in a process of its own; what it took, once it has ended."""

    def __init__(self, lab: Lab, folder: Path, key: str) -> None:
        self.memory_kb = self.files = 0
        counters = folder / "counters.prom"
        (folder / "settings.json").write_text(
            json.dumps({"addresses": [SERVER, SECOND_SERVER], "counters": str(counters)})
        )
        (folder / "key").write_text(key)
        (folder / "key").chmod(0o600)
        files = ["--settings", str(folder / "settings.json"), "--key", str(folder / "key")]
        with lab.wan.entered():
            line = [sys.executable, "-B", "-c", REFLECTOR, *files]
            self.process = subprocess.Popen(line, cwd=EDGE, stderr=subprocess.PIPE)
        # They are written for the first time when every socket is open.
        ends = time.monotonic() + 20
        while not counters.exists():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError("the reflector did not open its sockets")
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        said = self.process.communicate(timeout=20)[1].split()
        self.files, self.memory_kb = int(said[-2]), int(said[-1])


def measured(case: Case) -> Run:
    """Raises RuntimeError where the module failed."""
    key = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as folder, Lab() as lab:
        far = Far(lab, Path(folder), key)
        try:
            seconds, kilobytes, probe = _run(case, lab, key)
        finally:
            far.stop()
    return Run(case, seconds, kilobytes, far.memory_kb, far.files, probe)


def _run(case: Case, lab: Lab, key: str) -> tuple[float, int, dict[str, Any]]:
    """Seconds, memory and document of the module behind such a router."""
    lab.router.timers(*case.timers)
    if case.alg:
        lab.router.alg_on()
    if case.loss:
        lab.router.lose(case.loss)
    if case.blocked:
        lab.router.block(case.blocked)
    arguments = {"reflector": SERVER, "key": key, "reflector_proven": True, "own_nat": False, **case.more}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "profile": case.profile}}).encode()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    began = time.monotonic()
    with lab.lan.entered():
        worker = subprocess.Popen([sys.executable, "-B", "-c", WORKER], **pipes)
    out, err = worker.communicate(given, timeout=600)
    seconds = time.monotonic() - began
    if worker.returncode:
        raise RuntimeError(f"{case.name}: {out.decode()} {err.decode()}")
    return seconds, int(err.split()[-1]), json.loads(out)["probe"]


def missed(run: Run) -> Iterator[str]:
    """The bounds that a run did not keep, as sentences."""
    case, verdict = run.case, run.probe["verdict"]
    wanted = ("rewritten",) if case.alg else ("clean", "inconclusive") if case.loss else ("clean",)
    if verdict not in wanted:
        yield f"the verdict is {verdict}: {run.probe['reasons']}"
    if not case.alg and run.probe["rewritings"]:
        yield f"called rewritten: {run.probe['rewritings']}"
    if not case.loss and run.seconds > limit(run):
        yield f"{run.seconds:.1f} s, and {limit(run):.1f} s are allowed"
    if case.more and (run.seconds < SWEEP_SECONDS or run.media["probed"] != PORTS or run.media["blocked"]):
        yield f"{PORTS} media ports are open, and in {run.seconds:.1f} s it saw {run.media}"
    if run.probe_kb > MOST_KB:
        yield f"the probe took {run.probe_kb} kB"
    if run.reflector_kb > MOST_KB or run.sockets < LEAST_SOCKETS:
        yield f"the reflector took {run.reflector_kb} kB for {run.sockets} files"
    if case.profile != "quick":
        yield from _off_grid(run)


def limit(run: Run) -> float:
    if run.case.profile == "quick":
        return QUICK_SECONDS + (1.1 * SWEEP_SECONDS if run.case.more else 0.0)
    return STANDARD_FACTOR * max(low for low, _high in run.lifetimes.values()) + STANDARD_SECONDS


def _off_grid(run: Run) -> Iterator[str]:
    single, stream = run.case.timers
    expected = {"exchange": single, "stream": stream}
    if len(run.lifetimes) != 4:
        yield f"4 lifetimes were to be measured: {run.lifetimes}"
    for name, (low, high) in run.lifetimes.items():
        shape, _to, port = name.split()
        if run.case.alg and port == "5060":
            if high is not None:
                yield f"{name}: {low}-{high} s, and the helper keeps it for an hour"
        elif high is None or not low <= expected[shape] <= high or high - low > max(1.0, 0.03 * high):
            yield f"{name}: {low}-{high} s, and the kernel's timer is {expected[shape]} s"


def why(run: Run) -> str:
    verdict, reasons = run.probe["verdict"], run.probe["reasons"]
    return f"{verdict} ({'; '.join(reasons)})" if verdict == "inconclusive" else str(verdict)


def shown(run: Run) -> str:
    lifetimes = ", ".join(
        f"{name} {low:g}-{'' if high is None else f'{high:g}'}" for name, (low, high) in run.lifetimes.items()
    )
    late = run.probe["facts"].get("lifetime_lateness")
    bound = "" if run.case.loss else f" of {limit(run):.1f}"
    more = f"; lifetimes {lifetimes} s, {late} s late at most" if lifetimes else ""
    return (
        f"{run.case.name}: {why(run)}, {run.seconds:.1f}{bound} s, probe {run.probe_kb} kB, "
        f"reflector {run.reflector_kb} kB with {run.sockets} files{more}"
    )


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="How long the probe takes and how much memory.")
    parser.add_argument("--loss-runs", type=int, default=10, help="runs with a tenth of the packets lost")
    parser.add_argument("--short", action="store_true", help="without the kernel's own timers, which take minutes")
    options = parser.parse_args(arguments)
    quick = [Case("quick, ALG off", "quick"), Case("quick, ALG on", "quick", alg=True)]
    quick += [Case("quick, control over TCP", "quick", blocked="29292")]
    standard = [Case("standard, 6/12 s", "standard", (6, 12))]
    if not options.short:
        standard += [Case("standard, 30/120 s", "standard"), Case("standard, ALG on", "standard", alg=True)]
        standard += [Case("full, 30/120 s", "full")]
        standard += [Case("quick, every media port", "quick", more={"every_media_port": True})]
    lossy = [Case(f"quick, 10 % lost, run {n + 1}", "quick", loss=10) for n in range(options.loss_runs)]
    lossy += [Case("quick, 10 % lost, ALG on", "quick", alg=True, loss=10)]
    failures = 0
    # One at a time where seconds count; the long ones wait side by side.
    with ThreadPoolExecutor(len(standard)) as pool:
        for runs in (map(measured, quick), pool.map(measured, standard), map(measured, lossy)):
            for run in runs:
                print(shown(run), flush=True)
                for text in missed(run):
                    failures += 1
                    print(f"FAILED: {run.case.name}: {text}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
