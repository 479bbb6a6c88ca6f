# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that loads the files for AWX, played with stand-ins of the awx.awx modules that write down what they get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODULES = ("execution_environment", "project", "credential_type", "job_template", "workflow_job_template", "schedule")
STAND_IN = """\
#!/usr/bin/python
# WANT_JSON
import json, os, sys
with open(sys.argv[1]) as stream:
    args = {k: v for k, v in json.load(stream).items() if not k.startswith("_ansible_")}
with open(os.environ["AWX_JOURNAL"], "a") as stream:
    stream.write(json.dumps(["KIND", args]) + "\\n")
print(json.dumps({"changed": False}))
"""


def test_awx_gets_the_files_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "ansible_collections" / "awx" / "awx" / "plugins" / "modules"
    folder.mkdir(parents=True)
    for kind in MODULES:
        (folder / f"{kind}.py").write_text(STAND_IN.replace("KIND", kind))
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path), "AWX_JOURNAL": str(tmp_path / "journal")}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(ROOT / "docs" / "awx" / "load.yml")]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    got: dict[str, dict[str, Any]] = {}
    for line in (tmp_path / "journal").read_text().splitlines():
        kind, args = json.loads(line)
        got.setdefault(kind, {})[args["name"]] = args
    assert list(got) == list(MODULES), "what is named by others comes before them"
    login = got["credential_type"]["Network edge login"]
    assert login["injectors"]["extra_vars"]["ansible_password"] == "{{ password }}", "AWX fills it in"
    audit = got["job_template"]["Edge audit"]
    assert int(audit["job_slice_count"]) == 3
    assert audit["extra_vars"]["voip_edge_report_dir"].endswith("/{{ '%Y-%m-%d' | ansible.builtin.strftime }}")
    assert audit["survey_spec"] == json.loads((ROOT / "docs" / "awx" / "survey_audit.json").read_text())
    assert "survey_spec" not in got["job_template"]["Edge report"]
    assert "credentials" not in got["job_template"]["Edge report"], "a report needs no login"
    assert got["workflow_job_template"]["Edge nightly"]["workflow_nodes"][1]["identifier"] == "report"
    assert got["schedule"]["Edge nightly at two"]["unified_job_template"] == "Edge nightly"
