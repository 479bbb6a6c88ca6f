#!/usr/bin/python
# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: port_forwards
short_description: Forward the SIP and RTP ports of a router to a PBX behind it
version_added: 0.1.0
description:
  - Forwards UDP 5060 and UDP 10000 to 20000, or other ports, from the provider's networks to a PBX.
  - Phones that register to a hosted service need no forward. Make one only for a PBX that the provider calls.
  - Rules of somebody else are never altered. One that overlaps is a refusal that names it.
author: The voip.edge maintainers (@voip-edge)
extends_documentation_fragment:
  - voip.edge._connection
  - voip.edge._change
  - voip.edge._attributes
attributes:
  check_mode:
    support: full
    details: Writes nothing and predicts the commands and the diff of the real run.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) makes what is missing for the O(pbx). V(absent) takes away exactly the forwards that this collection made.
    type: str
    choices: [present, absent]
    default: present
seealso:
  - module: voip.edge.baseline
  - module: voip.edge.undo
"""

EXAMPLES = r"""
- name: Forward the default ports to the PBX, for two networks of the provider
  voip.edge.port_forwards:
    pbx: 192.168.10.9
    sources: [203.0.113.0/24, 198.51.100.128/25]

- name: Other ports
  voip.edge.port_forwards:
    pbx: 192.168.10.9
    sources: [203.0.113.0/24]
    sip_ports: [5062]
    rtp_ports: 16384-16484

- name: Take our forwards away
  voip.edge.port_forwards:
    state: absent
"""

RETURN = r"""
before:
  description: The verdict of each aspect and the state of each of its mechanisms before.
  returned: when the device was read
  type: list
  elements: str
  sample: ["port_forwards: missing"]
after:
  description: The same after the change; in check mode as it would be.
  returned: when the device was read
  type: list
  elements: str
  sample: ["port_forwards: present", "  static_nat (udp 5060 on Dialer0): on UDP 5060 to 192.168.10.9 from any"]
commands:
  description: The lines that were sent, or in check mode would be sent, in order.
  returned: when the device was read
  type: list
  elements: str
  sample: [configure terminal, ip nat inside source static udp 192.168.10.9 5060 interface Dialer0 5060, end, write memory]
undo:
  description: The lines that take the change back.
  returned: when the device was read
  type: list
  elements: str
  sample: [configure terminal, no ip nat inside source static udp 192.168.10.9 5060 interface Dialer0 5060, end, write memory]
saved:
  description: Whether the change survives a restart. Null when nothing was changed.
  returned: when the device was read
  type: bool
still_needed:
  description: What has to follow and was not allowed or cannot be done from here.
  returned: when the device was read
  type: list
  elements: str
  sample: ["live translations keep the old behaviour until they end"]
notes:
  description: What happened on the way, such as a line that the device does not know.
  returned: when the device was read
  type: list
  elements: str
unsupported:
  description: Aspects that cannot be brought about on this device, with the reason and what a person does instead.
  returned: when the device was read
  type: dict
  sample: {"port_forwards": "IOS has no ranges of ports"}
backup:
  description:
    - The file that holds the steps and the state before, C(changes/<host>/<time>.json) in O(report_dir). Beside it, as C(.cfg),
      lies the configuration before the change, which has secrets. Both are readable by their owner only.
    - Null when nothing was changed or no O(report_dir) is given.
  returned: when the device was read
  type: str
  sample: voip-report/changes/fw-acme/20261126T020000Z.json
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
from ansible_collections.voip.edge.plugins.module_utils._edge.options import PORT_FORWARDS


def main() -> None:
    module = AnsibleModule(argument_spec=PORT_FORWARDS, supports_check_mode=True)
    finish(module, answer("port_forwards", module.params, module.check_mode))


if __name__ == "__main__":
    main()
