# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: all that the workers need, loaded and used once in the process that forks them.

What is compiled or looked up here they inherit, and what is frozen here no garbage collection of theirs walks through, which
would copy every page of it for each host. While it loads nothing is garbage, so nothing is collected either.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.yaml import yaml_load

_collects = gc.isenabled()
gc.disable()
try:
    from ..module_utils._edge import doors, engine, keeping, options, reporting
    from ..module_utils._edge.core import errors, profiles
    from ..module_utils._edge.platforms import registry
    from ..module_utils._edge.transports.rehearsal import warm_up
finally:
    if _collects:
        gc.enable()

__all__ = ["PROFILES", "doors", "errors", "keeping", "options", "profiles", "registry", "reporting"]

PROFILES: dict[str, Any] = yaml_load((Path(__file__).parent / "_profiles.yml").read_text(encoding="utf-8"))

engine.rehearse()
warm_up()
_given = {"host": "192.0.2.1", "user": "rehearsal", "password": "rehearsal", "profile": {}}
options.target_of(ArgumentSpecValidator(options.BASELINE).validate(_given).validated_parameters)
gc.freeze()
