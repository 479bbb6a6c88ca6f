# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the work of voip.edge.port_forwards in Ansible's own process."""

from __future__ import annotations

from ansible_collections.voip.edge.plugins.plugin_utils._action import EdgeAction


class ActionModule(EdgeAction):
    """See plugin_utils/_action.py."""
