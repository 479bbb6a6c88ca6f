# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the part `report` starts: ``merge_work.py make|report|read FOLDER HOSTS NIGHTS``

FOLDER gets `now`, a report folder with a history of so many nights, and `then`, that of the night a week before. `report`
merges the former and compares it with the latter; `read` only loads the records of both.
"""

from __future__ import annotations

import datetime
import json
import random
import sys
from pathlib import Path
from typing import Any

from generate import SEED, generate

from ansible_collections.voip.edge.plugins.module_utils._edge import backups, history, reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core import records
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Unreachable
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import get_profile

TEXTS = 200
FIRST = datetime.datetime(2026, 1, 1, 2)
CHANGES, SILENT = 0.02, 0.01
"""Of the hosts so many change in a night, and so many do not answer."""


def make(folder: Path, hosts: int, nights: int) -> None:
    """The records are judged from generated configurations; names, times and firmware are those of a night."""
    generate(folder / "configs", 0, TEXTS)
    profile = get_profile("default")
    judged = [backups.judge_file(h, p, None, profile) for h, p in backups.find(str(folder / "configs"))]
    rng = random.Random(SEED)
    chosen = [rng.randrange(TEXTS) for _host in range(hosts)]
    for night in range(nights + 1):
        when = (FIRST + datetime.timedelta(days=night)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for number in range(hosts):
            if rng.random() < CHANGES:
                chosen[number] = rng.randrange(TEXTS)
            more: dict[str, Any] = {"host": f"site{number:05}", "started": when, "finished": when, "mode": "check"}
            record = {**judged[chosen[number]], **more}
            if rng.random() < SILENT:
                record = records.failure(record["host"], "check", when, when, None, Unreachable("no answer"), False)
            if night == max(0, nights - 7):
                reporting.write_record(str(folder / "then"), record)
            if night == nights:
                reporting.write_record(str(folder / "now"), record)
            else:
                history.append(str(folder / "now"), record, json.dumps(record) + "\n")


def report(folder: Path, hosts: int, nights: int) -> None:
    since = (FIRST + datetime.timedelta(days=nights)).strftime("%Y-%m-%dT%H:%M:%SZ")
    names = [f"site{number:05}" for number in range(hosts)]
    made = reporting.write_report(str(folder / "now"), names, since, str(folder / "then"), fail_on=("regression",))
    print(json.dumps({**made["summary"], "reason": made["reason"][:200]}))


def read(folder: Path, _hosts: int, _nights: int) -> None:
    found = [len(r["host"]) for name in ("now", "then") for _path, r in reporting.iter_records(str(folder / name))]
    print(len(found))


if __name__ == "__main__":
    {"make": make, "report": report, "read": read}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
