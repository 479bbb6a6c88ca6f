# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: all that the workers need, loaded and used once in the process that forks them.

What is compiled or looked up here they inherit, and what is frozen here no garbage collection of theirs walks through, which
would copy every page of it for each host.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

_OURS = __name__.rsplit(".", 2)[0] + ".module_utils._edge"


class _WithBytecode(MetaPathFinder):
    """Finds our modules as Python itself would: Ansible's own finder compiles them anew in every process, 2 ms a module."""

    @staticmethod
    def find_spec(fullname: str, path: Sequence[str] | None = None, _target: Any = None) -> ModuleSpec | None:
        if fullname != _OURS and not fullname.startswith(f"{_OURS}."):
            return None
        found = (FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(fullname) for folder in path or ())
        return next((spec for spec in found if spec is not None), None)


@contextmanager
def _quickly() -> Iterator[None]:
    """Nothing is garbage while modules are loaded, so nothing is collected meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    sys.meta_path.insert(0, _WithBytecode)
    try:
        yield
    finally:
        sys.meta_path.remove(_WithBytecode)
        if collects:
            gc.enable()


with _quickly():
    from ..module_utils._edge import doors, engine, keeping, options, reporting
    from ..module_utils._edge.core import errors, profiles
    from ..module_utils._edge.platforms import registry
    from ..module_utils._edge.transports.rehearsal import warm_up

__all__ = ["PROFILES", "doors", "errors", "keeping", "options", "profiles", "registry", "reporting"]

PROFILES: dict[str, Any] = yaml_load((Path(__file__).parent / "_profiles.yml").read_text(encoding="utf-8"))

engine.rehearse()
warm_up()
_given = {"host": "192.0.2.1", "user": "rehearsal", "password": "rehearsal", "profile": {}}
options.target_of(ArgumentSpecValidator(options.BASELINE).validate(_given).validated_parameters)
gc.freeze()
