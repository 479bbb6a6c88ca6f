# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process that runs playbooks loads before it forks."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.voip.edge.plugins.plugin_utils import _parent

LOADS = """
import gc, json, sys
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder
root = sys.argv[1]
_AnsibleCollectionFinder([root])._install()
before = list(sys.meta_path)
from ansible_collections.voip.edge.plugins.plugin_utils import _parent
engine = _parent.engine
print(json.dumps({
    "bytecode": engine.__spec__.cached, "same": before == sys.meta_path, "collects": gc.isenabled(), "frozen": gc.get_freeze_count() > 0,
    "name": engine.__name__, "loader": type(sys.modules[_parent.__name__].__spec__.loader).__name__,
}))
"""


def test_our_modules_are_loaded_from_their_bytecode(tmp_path: Path) -> None:
    root = next(path for path in sys.path if (Path(path) / "ansible_collections" / "voip" / "edge").is_dir())
    variables = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, "-c", LOADS, root], capture_output=True, text=True, check=True, env=variables
    )
    found = json.loads(done.stdout)
    assert Path(found["bytecode"]).is_file()
    assert Path(found["bytecode"]).is_relative_to(tmp_path)
    assert found["name"].startswith("ansible_collections.voip.edge.plugins.module_utils._edge.")
    assert found["loader"] == "_AnsibleCollectionLoader"  # everything else is Ansible's to load
    assert (found["same"], found["collects"], found["frozen"]) == (True, True, True)


def test_other_modules_are_left_to_ansible() -> None:
    find = _parent._WithBytecode.find_spec
    assert find("ansible_collections.voip.edge.plugins.module_utils", ["/"]) is None
    assert find("ansible_collections.voip.edge.plugins.module_utils._edgeways", ["/"]) is None
    assert find(f"{_parent._OURS}.nothing", _parent.engine.__spec__.submodule_search_locations) is None
    assert gc.isenabled()
