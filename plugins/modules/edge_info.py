#!/usr/bin/python
# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: edge_info
short_description: Identify a router and judge whether it is fit for SIP telephony
version_added: 0.1.0
description:
  - Logs in once, identifies the device, and judges its SIP ALG over every mechanism, its UDP timeout and its port forwards.
  - Reads only. Nothing is written to the device, not even while connecting.
  - With O(config) a saved configuration is judged instead of a device.
author: The voip.edge maintainers (@voip-edge)
extends_documentation_fragment:
  - voip.edge._connection
  - voip.edge._attributes
attributes:
  check_mode:
    support: full
    details: It only reads, with and without check mode.
  diff_mode:
    support: N/A
    details: It changes nothing.
  idempotent:
    support: full
options:
  config:
    description:
      - A saved configuration to judge instead of the device, a file on the machine where the module runs.
      - What such a file cannot tell is in RV(record.not_checked).
    type: path
seealso:
  - module: voip.edge.sip_alg
  - module: voip.edge.report
"""

EXAMPLES = r"""
- name: Judge a router, whatever it is
  voip.edge.edge_info:
    report_dir: ./voip-report

- name: Judge a router that only a box inside the customer's network reaches
  voip.edge.edge_info:
  delegate_to: onsite_box

- name: Judge a saved configuration
  voip.edge.edge_info:
    config: /backups/edge1.cfg
    platform: cisco_ios
  delegate_to: localhost
"""

RETURN = r"""
platform:
  description: The platform of the device.
  returned: when the device was read
  type: str
  sample: cisco_ios
model:
  description: The model, as far as the device says it.
  returned: when the device was read
  type: str
  sample: ISR4321/K9
firmware:
  description: The version of the firmware.
  returned: when the device was read
  type: str
  sample: 17.06.05
verdict:
  description:
    - The verdict on the SIP ALG, one of V(disabled), V(active), V(blocking), V(cannot_disable), V(not_applicable), V(undetermined).
  returned: when the device was read
  type: str
  sample: active
compliance:
  description: Of the worst aspect, one of V(compliant), V(noncompliant), V(unsupported), V(undetermined).
  returned: when the device was read
  type: str
  sample: noncompliant
record:
  description: The whole record of the host, see C(docs/schema/record-1.json).
  returned: when the device was read
  type: dict
  sample: {"schema": "voip.edge/record/1", "host": "fw-acme", "compliance": "noncompliant"}
  contains:
    aspects:
      description: The verdict, the compliance and the mechanisms of each aspect, with the evidence and how sure it is.
      returned: always
      type: dict
    findings:
      description: What is wrong, as stable words with a severity and a sentence.
      returned: always
      type: list
      elements: dict
    plan:
      description: In check mode the steps that lead to what is wanted, each with its inverse.
      returned: always
      type: list
      elements: dict
    done:
      description: The steps that were carried out.
      returned: always
      type: list
      elements: dict
    advice:
      description: What a person must do by hand, in the device's own words.
      returned: always
      type: list
      elements: str
    not_checked:
      description: What could not be checked, and why.
      returned: always
      type: list
      elements: str
error_kind:
  description: A stable word for what went wrong.
  returned: on failure
  type: str
  sample: login_refused
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.edge.plugins.module_utils._edge.doors import answer
from ansible_collections.voip.edge.plugins.module_utils._edge.finish import finish
from ansible_collections.voip.edge.plugins.module_utils._edge.options import EDGE_INFO


def main() -> None:
    module = AnsibleModule(argument_spec=EDGE_INFO, supports_check_mode=True)
    finish(module, answer("edge_info", module.params, module.check_mode))


if __name__ == "__main__":
    main()
