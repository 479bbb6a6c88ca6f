#!/usr/bin/python
# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Make a report of the records of a run
version_added: 0.1.0
description:
  - Merges the records in a folder into C(report.html), C(report.json), C(report.csv), C(report.md), C(report.sarif) and
    C(junit.xml) in the same folder.
  - C(report.html) is one file that opens offline, with a page a host. C(report.sarif) has the findings in SARIF 2.1.0, C(junit.xml)
    a test case for each host and aspect.
  - A host that is expected and has no record is I(not reached), never compliant.
  - C(report.json) has the records that are answers of this run under C(records), and under C(without_record) each host that
    gave none, with the reason. C(changes) are the hosts on which something changed since an earlier run, C(gone) those of the
    earlier report that are in this one no more.
  - What the role P(voip.edge.probe#role) kept in C(probes/) of the folder is joined to the records, which stay as they are. The
    compliance of a host is then the worst of what its device shows and what the wire proves.
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
  report_dir:
    description:
      - The folder with C(records/); the report is written into it.
    type: path
    required: true
  hosts:
    description:
      - The hosts that should have a record.
    type: list
    elements: str
    default: []
  since:
    description:
      - A time such as V(2026-11-26T02:00:00Z). Records that were finished earlier are no answer for this run, their
        hosts count as not reached.
    type: str
  begin:
    description:
      - Only sees whether the folders can be used and O(fail_on) is understood, and returns the time in RV(started), which is
        what O(since) of the report at the end of the run needs. For the beginning of a run, before a device is touched.
    type: bool
    default: false
requirements:
  - jinja2
"""

EXAMPLES = r"""
- name: Make the report of the last run
  voip.edge.report:
    report_dir: ./voip-report
    hosts: "{{ groups['routers'] }}"
  delegate_to: localhost

- name: Compare it with the report of last month and fail if something is worse
  voip.edge.report:
    report_dir: ./voip-report
    hosts: "{{ groups['routers'] }}"
    earlier: /srv/voip/2026-10-31
    fail_on: [regression]
  delegate_to: localhost
"""

RETURN = r"""
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
started:
  description: The time, where O(begin) is set.
  returned: success
  type: str
  sample: "2026-11-26T02:00:00Z"
error_kind:
  description: A stable word for what went wrong; V(fail_on) where the report was written and O(fail_on) names what is in it.
  returned: on failure
  type: str
  sample: bad_input
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.edge.plugins.module_utils._edge.doors import answer
from ansible_collections.voip.edge.plugins.module_utils._edge.finish import finish
from ansible_collections.voip.edge.plugins.module_utils._edge.options import REPORT


def main() -> None:
    module = AnsibleModule(argument_spec=REPORT, supports_check_mode=True)
    finish(module, answer("report", module.params, module.check_mode))


if __name__ == "__main__":
    main()
