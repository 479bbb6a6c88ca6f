# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exit of the modules."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import missing_required_lib


def finish(module: Any, result: dict[str, Any]) -> None:
    """Ends a module with its result: a failure, or an answer. A missing library is named with the way to install it."""
    library = result.pop("library", None)
    if library:
        result["msg"] = "{} ({})".format(missing_required_lib(library), result.get("msg", ""))
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
