#!/usr/bin/python
# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_backups
short_description: Judge a folder of saved configurations
version_added: 0.1.0
description:
  - Judges each file below a folder as the saved configuration of one host, on all processors, and writes the records and
    the report as M(voip.edge.report) does. Understands the layouts of Oxidized and RANCID.
  - A file that is cut off, binary, or of an unknown platform is V(undetermined), never compliant.
author: The voip.edge maintainers (@voip-edge)
extends_documentation_fragment:
  - voip.edge._attributes
  - voip.edge._compared
attributes:
  check_mode:
    support: full
    details: Writes its files in check mode too; they are on the controller, no device is touched.
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details: Each run writes its files anew.
options:
  path:
    description:
      - The folder with the saved configurations, one file a host.
    type: path
    required: true
  report_dir:
    description:
      - The folder that receives C(records/) and the report.
    type: path
    required: true
  platform:
    description:
      - The platform of all files, or V(auto) to recognise each by its text.
    type: str
    default: auto
  profile:
    description:
      - The provider profile that the UDP timeout and the ports are held against.
    type: raw
    default: default
  workers:
    description:
      - Number of processes, V(0) for one for each processor.
    type: int
    default: 0
requirements:
  - jinja2
"""

EXAMPLES = r"""
- name: Judge what Oxidized has collected
  voip.edge.audit_backups:
    path: /var/lib/oxidized/configs
    report_dir: ./voip-report
  delegate_to: localhost
"""

RETURN = r"""
judged:
  description: How many files were judged.
  returned: success
  type: int
  sample: 1200
summary:
  description: Counts of the hosts by compliance, by verdict, by platform, and by what changed since an earlier run.
  returned: success
  type: dict
  sample: {"hosts": 2, "compliance": {"compliant": 1, "noncompliant": 1}, "change": {"came_back": 1, "same": 1}}
files:
  description: The files that were written.
  returned: success
  type: list
  elements: str
  sample: [/srv/voip-report/report.html]
gone:
  description: How many hosts of the report in O(earlier) are in this one no more.
  returned: success
  type: int
  sample: 0
error_kind:
  description: A stable word for what went wrong; V(fail_on) where the report was written and O(fail_on) names what is in it.
  returned: on failure
  type: str
  sample: bad_input
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.edge.plugins.module_utils._edge.doors import answer
from ansible_collections.voip.edge.plugins.module_utils._edge.finish import finish
from ansible_collections.voip.edge.plugins.module_utils._edge.options import AUDIT_BACKUPS


def main() -> None:
    module = AnsibleModule(argument_spec=AUDIT_BACKUPS, supports_check_mode=True)
    finish(module, answer("audit_backups", module.params, module.check_mode))


if __name__ == "__main__":
    main()
