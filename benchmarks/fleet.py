# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark: what an audit and a change of a fleet cost, beside the alternatives, in one run on one machine.

Needs Linux, git or an unpacked tree, and a Python that ansible-core takes; makes its environments itself, in
``.cache/bench``. Compare ratios, not seconds: the routers are simulated on the same machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import backups
import merge
from routers import ASPECTS, EMPTY, ONE, OURS, PEER, THREE, Routers
from workplace import TREE, BenchFailed, Workplace

PARTS = ("read", "change", "https", "aspects", "backups", "report")
Target = tuple[str, float, str, float]  # what, measured, "at most" or "at least", wanted


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=100, help="simulated routers (default 100)")
    parser.add_argument("--forks", type=int, default=20, help="routers at a time (default 20)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the medians are shown (default 3)")
    parser.add_argument(
        "--latency", default="0,0", metavar="LOGIN,COMMAND", help="seconds a router takes (default 0,0)"
    )
    parser.add_argument("--files", type=int, default=10_000, help="saved configurations (default 10000)")
    parser.add_argument("--compared", type=int, default=300, help="of these, judged by both (default 300)")
    parser.add_argument("--records", type=int, default=10_000, help="records in a report (default 10000)")
    parser.add_argument("--nights", type=int, default=7, help="nights in their history (default 7)")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there, too")
    return parser.parse_args(argv)


def cache_folder() -> Path:
    """Beside the output that the gates name, or in the checkout."""
    output = os.environ.get("VOIP_EDGE_OUTPUT")
    return Path(output).resolve() / "environments" if output else TREE / ".cache" / "bench"


def fleet_table(task: str, found: dict[str, dict[str, Any]]) -> list[str]:
    ours = next(iter(found.values()))
    lines = [
        f"{task:42} {'wall s':>8} {'CPU ms/host':>12} {'memory MB':>10} {'wall x':>8} {'CPU x':>7} {'memory x':>9}"
    ]
    for name, cost in found.items():
        wall, cpu, memory = (cost[key] / ours[key] for key in ("wall_s", "cpu_ms_per_host", "memory_mb"))
        numbers = f"{cost['wall_s']:8.2f} {cost['cpu_ms_per_host']:12.1f} {cost['memory_mb']:10.0f}"
        lines.append(f"{name:42} {numbers} {wall:8.2f} {cpu:7.2f} {memory:9.2f}")
    return lines


def fleet_targets(task: str, found: dict[str, dict[str, Any]], cpu_times: float) -> list[Target]:
    ours, peer, empty = found[OURS], found[PEER], found[EMPTY]
    return [
        (f"{task}: CPU of {PEER} / ours", peer["cpu_s"] / ours["cpu_s"], "at least", cpu_times),
        (f"{task}: wall of {PEER} / ours", peer["wall_s"] / ours["wall_s"], "at least", 8.0),
        (f"{task}: memory of {PEER} / ours", peer["memory_mb"] / ours["memory_mb"], "at least", 10.0),
        (f"{task}: CPU of ours / an empty task", ours["cpu_s"] / empty["cpu_s"], "at most", 2.0),
    ]


def backups_table(found: dict[str, Any]) -> list[str]:
    return [
        f"saved configurations: {found['files']} files of {found['bytes_per_file']} bytes, {os.cpu_count()} processors",
        f"  the playbook voip.edge.audit_backups   {found['wall_s']:.1f} s wall, {found['cpu_s']:.1f} s CPU, "
        f"{found['files_a_second']} files a second",
        f"  memory                                 {found['memory_mb']:.0f} MB; "
        f"{found['fewer_files_memory_mb']:.0f} MB with {found['fewer_files']} files",
        f"  one process, judging and recording     {found['ours_ms_per_file']:.2f} ms a file",
        f"  one process, ciscoconfparse2           {found['parser_ms_per_file']:.2f} ms a file",
        f"  verdicts of both on {found['compared']} files          {len(found['differing'])} differ",
        f"  verdicts                               {found['verdicts']}",
    ]


def backups_targets(found: dict[str, Any]) -> list[Target]:
    return [
        ("saved configurations: wall, s", found["wall_s"], "at most", 60.0 * found["files"] / 10_000),
        (
            f"saved configurations: memory, {found['files']} / {found['fewer_files']} files",
            found["memory_mb"] / found["fewer_files_memory_mb"],
            "at most",
            1.5,
        ),
        ("saved configurations: ciscoconfparse2 / ours, a file", found["times_faster"], "at least", 20.0),
        ("saved configurations: verdicts that differ", float(len(found["differing"])), "at most", 0.0),
    ]


def show_targets(targets: Sequence[Target]) -> list[dict[str, Any]]:
    """Prints whether each is met; what is missed does not fail the run."""
    shown = []
    print("\ntargets")
    for what, measured, word, wanted in targets:
        met = measured >= wanted if word == "at least" else measured <= wanted
        print(f"  {'met   ' if met else 'MISSED'} {what:62} {measured:8.2f}  ({word} {wanted:g})")
        shown.append({"what": what, "measured": round(measured, 3), word: wanted, "met": met})
    return shown


def run(options: argparse.Namespace, place: Workplace) -> dict[str, Any]:
    parts = options.only or list(PARTS)
    result: dict[str, Any] = {
        "machine": {"processors": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "settings": {key: getattr(options, key) for key in ("hosts", "forks", "rounds", "latency")},
    }
    tables: list[str] = []
    targets: list[Target] = []
    if set(parts) - {"backups", "report"}:
        routers = Routers(place, options.hosts, options.forks, options.latency, options.rounds)
        for part, task, times in (("read", "read", 12.0), ("change", "read + disable + verify + save", 20.0)):
            if part in parts:
                result[part] = found = routers.run(part)
                tables += ["", *fleet_table(task, found)]
                targets += fleet_targets(task, found, times)
        if "https" in parts:
            result["https"] = found = routers.run("https")
            tables += ["", *fleet_table("read, SonicWall over HTTPS", found)]
            ratio = found[OURS]["cpu_s"] / found[EMPTY]["cpu_s"]
            targets.append(("read over HTTPS: CPU of ours / an empty task", ratio, "at most", 1.5))
        for task in ASPECTS if "aspects" in parts else ():
            result[task] = found = routers.run(task)
            tables += ["", *fleet_table(task, found)]
            targets.append(
                (f"{task}: wall of three aspects / one", found[THREE]["wall_s"] / found[ONE]["wall_s"], "at most", 1.25)
            )
    if "backups" in parts:
        result["backups"] = saved = backups.run(place, options.files, options.compared)
        tables += ["", *backups_table(saved)]
        targets += backups_targets(saved)
    if "report" in parts:
        result["report"] = merged = merge.run(place, options.records, options.nights)
        tables += ["", *merge.table(merged)]
        targets += merge.targets(merged)
    latency = "zero latency" if options.latency == "0,0" else f"latency {options.latency} s (log-in, command)"
    print(f"\n{options.hosts} simulated routers, {latency}, {options.forks} at a time, medians of {options.rounds}")
    print("\n".join(tables))
    result["targets"] = show_targets(targets)
    return result


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments(argv)
    try:
        with Workplace(cache_folder()) as place:
            result = run(options, place)
    except BenchFailed as failure:
        print(f"the benchmark failed: {failure}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
