# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our judgement of saved configurations in one process: ``judge_ours.py FOLDER REPORT_DIR RESULT.json``"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ansible_collections.voip.edge.plugins.module_utils._edge import backups, reporting
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import get_profile


def main(folder: str, report_dir: str, result: str) -> int:
    reporting.check_report_dir(report_dir)
    files, profile = backups.find(folder), get_profile("default")
    verdicts = {}
    begun = time.process_time()
    for host, path in files:
        record = backups.judge_file(host, path, None, profile)
        reporting.write_record(report_dir, record)
        verdicts[host] = record["aspects"].get("sip_alg", {}).get("verdict", "undetermined")
    seconds = time.process_time() - begun
    Path(result).write_text(json.dumps({"seconds": seconds / len(files), "verdicts": verdicts}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
