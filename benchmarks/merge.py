# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The third part: many records with their history, merged into a report in every form and compared with an earlier one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workplace import HERE, BenchFailed, Cost, Workplace


def _work(place: Workplace, programs: Path, what: str, folder: Path, hosts: int, nights: int) -> tuple[Cost, Path]:
    command = [str(programs / "python"), str(HERE / "merge_work.py"), what, str(folder), str(hosts), str(nights)]
    return place.measure(command, programs, {"PYTHONPATH": str(place.root)})


def run(place: Workplace, hosts: int, nights: int) -> dict[str, Any]:
    """A report of ``hosts`` records with the history of ``nights``; beside it, reading the same records alone."""
    programs, folder = place.environment("ours", ansible=True), place.work / "merge"
    folder.mkdir()
    print(f"  writing the records of {hosts} hosts in {nights + 1} nights", flush=True)
    made, _output = _work(place, programs, "make", folder, hosts, nights)
    reading, _output = _work(place, programs, "read", folder, hosts, nights)
    cost, output = _work(place, programs, "report", folder, hosts, nights)
    found = json.loads(output.read_text(encoding="utf-8").splitlines()[-1])
    if found["hosts"] != hosts or not found["change"].get("new"):
        raise BenchFailed(f"the report has {found}")
    now = folder / "now"
    return {
        "hosts": hosts,
        "nights": nights,
        "change": found["change"],
        "write_cpu_ms": round(made.cpu * 1000 / (hosts * (nights + 4)), 3),  # two of them twice
        "wall_s": round(cost.wall, 2),
        "cpu_s": round(cost.cpu, 2),
        "memory_mb": round(cost.memory_mb, 1),
        "read_s": round(reading.wall, 2),
        "times_reading": round(cost.wall / reading.wall, 1),
        "megabytes": {path.name: round(path.stat().st_size / 1e6, 1) for path in sorted(now.glob("*.*"))},
    }


def table(found: dict[str, Any]) -> list[str]:
    return [
        f"report: {found['hosts']} records, {found['nights']} nights of history, an earlier folder",
        f"  merged into all forms                  {found['wall_s']:.1f} s wall, {found['cpu_s']:.1f} s CPU, "
        f"{found['memory_mb']:.0f} MB",
        f"  reading the records of both alone      {found['read_s']:.1f} s; the report takes {found['times_reading']:.1f} times as long",
        f"  making and writing a file of a record  {found['write_cpu_ms']:.2f} ms CPU",
        f"  files in MB                            {found['megabytes']}",
        f"  changes                                {found['change']}",
    ]


def targets(found: dict[str, Any]) -> list[tuple[str, float, str, float]]:
    share = found["hosts"] / 10_000
    return [
        ("report: wall, s", found["wall_s"], "at most", max(5.0, 30.0 * share)),
        ("report: memory, MB", found["memory_mb"], "at most", 500.0),
    ]
