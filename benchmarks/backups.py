# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The second part: a folder of saved configurations, by the playbook and against a parser library."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from generate import generate
from workplace import HERE, BenchFailed, Cost, Workplace


def _playbook(place: Workplace, programs: Path, configs: Path, count: int) -> tuple[Cost, dict[str, int]]:
    """The playbook voip.edge.audit_backups on a folder; also its counts by verdict."""
    report = place.work / f"report-{count}"
    command = ["ansible-playbook", "voip.edge.audit_backups", "-e", f"voip_edge_backups={configs}"]
    cost, _output = place.measure([*command, "-e", f"voip_edge_report_dir={report}"], programs)
    with (report / "report.json").open(encoding="utf-8") as stream:
        records = json.load(stream)["records"]
    if len(records) != count:
        raise BenchFailed(f"the report has {len(records)} of {count} configurations")
    shutil.rmtree(report)
    return cost, dict(Counter(record["aspects"].get("sip_alg", {}).get("verdict", "none") for record in records))


def _judge(place: Workplace, programs: Path, script: str, *arguments: str) -> dict[str, Any]:
    result = place.work / f"{script}.json"
    command = [str(programs / "python"), str(HERE / script), *arguments, str(result)]
    cost, _output = place.measure(command, programs, {"PYTHONPATH": str(place.root)})
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    found["memory_mb"] = round(cost.memory_mb, 1)
    return found


def run(place: Workplace, files: int, compared: int) -> dict[str, Any]:
    """``files`` configurations and a fifth of them by the playbook; ``compared`` of them by both judgements."""
    ours, parser = place.environment("ours", ansible=True), place.environment("parser", ansible=False)
    few, folders = max(1, files // 5), [place.work / name for name in ("compared", "few", "all")]
    print(f"  writing {files} configurations", flush=True)
    size = generate(folders[2], 0, files)
    for folder, count in ((folders[0], compared), (folders[1], few)):
        folder.mkdir()
        for path in sorted(folders[2].iterdir())[:count]:
            os.link(path, folder / path.name)
    _playbook(place, ours, folders[0], min(compared, files))  # compiles what is not compiled yet; not counted
    costs = {}
    for folder, count in ((folders[1], few), (folders[2], files)):
        costs[count], verdicts = _playbook(place, ours, folder, count)
        cost = costs[count]
        print(f"  {count} files: {cost.wall:.1f} s wall {cost.cpu:.1f} s CPU {cost.memory_mb:.0f} MB", flush=True)
    mine = _judge(place, ours, "judge_ours.py", str(folders[0]), str(place.work / "judged"))
    theirs = _judge(place, parser, "judge_parser.py", str(folders[0]))
    differing = sorted(h for h in theirs["verdicts"] if mine["verdicts"].get(h) != theirs["verdicts"][h])
    return {
        "files": files,
        "bytes_per_file": round(size / files),
        "verdicts": verdicts,
        "wall_s": round(costs[files].wall, 2),
        "cpu_s": round(costs[files].cpu, 2),
        "files_a_second": round(files / costs[files].wall),
        "memory_mb": round(costs[files].memory_mb, 1),
        "fewer_files": few,
        "fewer_files_memory_mb": round(costs[few].memory_mb, 1),
        "compared": len(theirs["verdicts"]),
        "differing": differing,
        "ours_ms_per_file": round(mine["seconds"] * 1000, 3),
        "parser_ms_per_file": round(theirs["seconds"] * 1000, 3),
        "times_faster": round(theirs["seconds"] / mine["seconds"], 1),
    }
