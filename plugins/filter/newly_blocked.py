# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where SIP is blocked since a change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.voip.edge.plugins.module_utils._edge.core import path

DOCUMENTATION = r"""
name: newly_blocked
short_description: Say where SIP does not pass after a change and did before
version_added: 0.1.0
description:
  - Compares two probes. Only what both of them prove counts. Where one is missing or V(inconclusive) the answer is empty.
  - Payload that is not SIP and does not pass is no blocked SIP.
author: The voip.edge maintainers (@voip-edge)
positional: before
options:
  _input:
    description: What was kept of the probe after the change by the role P(voip.edge.probe#role), or an empty dictionary.
    type: dict
    required: true
  before:
    description: The same of the probe before the change.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Stop where the change blocks SIP
  ansible.builtin.fail:
    msg: "{{ after | voip.edge.newly_blocked(before) | join('; ') }}"
  when: after | voip.edge.newly_blocked(before) | length > 0
"""

RETURN = r"""
_value:
  description: Why, in the probe's words; empty where nothing is blocked since.
  type: list
  elements: str
"""


def newly_blocked(after: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    try:
        return path.newly_blocked(before, after)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"newly_blocked: not the documents of two probes: {error!r}") from error


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"newly_blocked": newly_blocked}
