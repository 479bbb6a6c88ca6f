# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a device with what a probe proved on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.voip.edge.plugins.module_utils._edge.core.path import Looks, join

DOCUMENTATION = r"""
name: join_path
short_description: Join what a probe proved on the wire to the record of a device
version_added: 0.1.0
description:
  - Adds C(path) to the record, with the findings and the advice that follow from both, and lowers the compliance where the wire proves
    something worse. A probe from before the change that the record tells of proves nothing and changes nothing.
  - The module M(voip.edge.report) does the same with what is kept in its folder.
author: The voip.edge maintainers (@voip-edge)
positional: probe
options:
  _input:
    description: A record, as M(voip.edge.baseline) and others return it.
    type: dict
    required: true
  probe:
    description: What was kept of a probe by the role P(voip.edge.probe#role). An empty one leaves the record as it is.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Judge device and path together
  ansible.builtin.debug:
    msg: "{{ (result.record | voip.edge.join_path(probe_document)).compliance }}"
"""

RETURN = r"""
_value:
  description: The record with C(path), see C(docs/schema/record-1.json).
  type: dict
"""


def join_path(record: Mapping[str, Any], probe: Mapping[str, Any]) -> dict[str, Any]:
    if not probe:
        return dict(record)
    try:
        return join(record, Looks(probe))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"join_path: not a record and a probe's document: {error!r}") from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"join_path": join_path}
