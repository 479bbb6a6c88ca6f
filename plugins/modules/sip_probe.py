#!/usr/bin/python
# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sip_probe
short_description: Prove on the wire whether something between a site and the internet touches SIP
version_added: 0.1.0
description:
  - Runs on a host inside the site, best in the voice VLAN, and sends real SIP through the site's NAT to a reflector of your own
    (the role P(voip.edge.reflector#role) installs one). Compares byte for byte what one end sent with what the other end received.
  - Says whether SIP is rewritten, intercepted or blocked, in which direction, on which ports, which header was changed and whose
    address was put in. Never says V(clean) because nothing was heard.
  - Measures, next to it, how long UDP bindings live, the kind of NAT, and which media ports pass.
  - Logs in to no device and changes nothing. Knows IPv4 only.
author: The voip.edge maintainers (@voip-edge)
extends_documentation_fragment:
  - voip.edge._attributes
attributes:
  check_mode:
    support: full
    details: Does the same in check mode. Nothing is changed, but the packets of the probe make entries in the router's NAT table.
  diff_mode:
    support: none
  idempotent:
    support: N/A
    details: Each run measures anew.
options:
  reflector:
    description:
      - Address or name of the reflector. Without it, O(provider) alone tells what the first hops change, and the verdict is never V(clean).
    type: str
  port:
    description:
      - The UDP port of the reflector's control channel.
    type: int
    default: 29292
  key:
    description:
      - The pre-shared key of the reflector, at least 32 characters. Needed with O(reflector).
    type: str
  profile:
    description:
      - How much is done. V(quick) takes at most 12 seconds where nothing is lost, and measures no lifetimes. V(standard) measures them
        up to 180 seconds and takes at most 1.2 times the longest, and 15 seconds. V(full) measures them up to 330 seconds, samples 1024
        media ports instead of 128, and tries whether a second phone can call while a first one has the same media port.
    type: str
    choices: [full, quick, standard]
    default: quick
  reflector_proven:
    description:
      - Whether the reflector's self-test from a host without NAT went well. Without it nothing is proven, since the reflector's own network
        may change the messages, and the verdict is V(inconclusive) with what the messages say in RV(probe.leaning).
    type: bool
    default: false
  own_nat:
    description:
      - Whether the host that runs this is behind a NAT of its own, as containers and virtual machines often are. Then nothing is proven
        about the site. Without it the marks of a container are looked for.
    type: bool
  local_address:
    description:
      - The IPv4 address to send from. Without it the one of the interface that leads to the reflector is taken.
    type: str
  lifetime_cap:
    description:
      - The longest idle time in seconds that is looked at, at most 3600, instead of that of the profile. V(0) measures no lifetimes.
    type: int
  every_media_port:
    description:
      - Whether every media port of the reflector is tried instead of a sample, with any O(profile). The 10001 ports of a reflector take
        three minutes, as the rate is kept to what costs a router 2000 entries at a time where it keeps each for 30 seconds.
    type: bool
    default: false
  provider:
    description:
      - Address or name of the provider's SIP server, for the test that needs no reflector. A SIP message with a time to live of
        one to three hops is sent towards it, and the first routers quote what they had received. Linux only.
    type: str
  provider_port:
    description:
      - The port of O(provider).
    type: int
    default: 5060
  forwarded_ports:
    description:
      - A range such as V(10000-20000) that the router should forward to the very host that runs this. A sample of it is tried from outside.
    type: str
  redact:
    description:
      - Whether the addresses of the site and of the reflector are left out of the result.
    type: bool
    default: false
  progress_file:
    description:
      - A file on the host that runs this, to which each step is appended as it begins.
    type: path
notes:
  - Source port 5060 is tested too, as old sessions may have kept an ALG that is switched off. A phone or PBX that holds this port on the
    same host makes the verdict V(inconclusive), and RV(probe.leaning) says V(clean) where nothing else was missing.
  - Where the reflector's control port has no answer over UDP, the control channel goes over TCP to the same port. What is measured over
    UDP is then held against another port of the reflector.
  - Addresses are IPv4. A reflector, provider or local address that has IPv6 alone is refused.
"""

EXAMPLES = r"""
- name: Look at the path from inside the site
  voip.edge.sip_probe:
    reflector: reflector.example.net
    key: "{{ vault_reflector_key }}"
    reflector_proven: true
  delegate_to: onsite_box
  register: path

- name: Measure how long the router keeps UDP bindings, too
  voip.edge.sip_probe:
    reflector: reflector.example.net
    key: "{{ vault_reflector_key }}"
    reflector_proven: true
    profile: standard
    provider: sip.example.com

- name: Look for an ALG in the first routers without a reflector
  voip.edge.sip_probe:
    provider: sip.example.com
"""

RETURN = r"""
probe:
  description: What was seen, and the verdict that it proves.
  returned: success
  type: dict
  contains:
    verdict:
      description:
        - The worst that is proven. One of V(inconclusive), V(rewritten), V(rewritten_stale), V(intercepted), V(blocked_sip_aware),
          V(blocked_port), V(present_not_rewriting), V(clean).
      returned: success
      type: str
      sample: rewritten
    leaning:
      description:
        - What the messages alone say where the run as a whole cannot be trusted, or where nothing but source port 5060 was not tested;
          else the verdict itself.
      returned: success
      type: str
      sample: rewritten
    reasons:
      description: Why.
      returned: success
      type: list
      elements: str
      sample: ["requests changed, UDP from port fresh to 5060"]
    found:
      description: Everything that was found, worst first, each with its reasons.
      returned: success
      type: list
      elements: dict
      sample: [{"verdict": "rewritten", "reasons": ["requests changed, UDP from port fresh to 5060"]}]
    rewritings:
      description: Each difference, with what stood there before and after, and whose address was put in.
      returned: success
      type: list
      elements: dict
      sample:
        - direction: out
          method: REGISTER
          variant: ""
          transport: udp
          source: fresh
          port: 5060
          part: header
          name: via
          kind: changed
          before: "Via: SIP/2.0/UDP 192.168.77.10:53253;rport"
          after: "Via: SIP/2.0/UDP 203.0.113.1:53253;rport"
          inserted: [{"address": "203.0.113.1", "whose": "outermost NAT"}]
          times: 2
    not_tested:
      description: What this run says nothing about.
      returned: success
      type: list
      elements: str
      sample: ["how long a binding to port 5060 lives, compared with another port"]
    facts:
      description:
        - The addresses, the transport of the control channel, loss, the kind of NAT, lifetimes in seconds, media ports, whether a second
          phone's call was swallowed, and the keepalive that follows.
      returned: success
      type: dict
      sample: {"local": "192.168.77.10", "mapped": "203.0.113.1", "nat": true, "control": "udp", "loss": 0.0, "keepalive_advice": 23}
    schema:
      description: The name and version of this document.
      returned: success
      type: str
      sample: voip.edge/probe/1
    profile:
      description: The profile that was asked for.
      returned: success
      type: str
      sample: quick
    started:
      description: When the run began, in UTC.
      returned: success
      type: str
      sample: "2026-11-26T02:00:00Z"
    finished:
      description: When the run ended, in UTC.
      returned: success
      type: str
      sample: "2026-11-26T02:00:05Z"
error_kind:
  description: A stable word for what went wrong.
  returned: on failure
  type: str
  sample: unreachable
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.voip.edge.plugins.module_utils._edge.finish import finish
from ansible_collections.voip.edge.plugins.module_utils._edge.probing import SIP_PROBE, sip_probe


def main() -> None:
    module = AnsibleModule(argument_spec=SIP_PROBE, supports_check_mode=True)
    finish(module, sip_probe(module.params))


if __name__ == "__main__":
    main()
