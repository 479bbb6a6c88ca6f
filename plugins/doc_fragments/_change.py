# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: the options that all modules share that change a device."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  save:
    description:
      - Whether to save the change, so that it survives a restart.
    type: bool
    default: true
  revert_timer:
    description:
      - Minutes after which the device takes the change back by itself if this module could not confirm it.
        V(0) does without. Used where the device has such a timer and it is ready (Cisco IOS with an archive).
    type: int
    default: 5
  edit_policies:
    description:
      - Whether to change firewall policies and services that bring SIP processing or short timers in.
        They are the customer's own rules.
    type: bool
    default: false
  allow_unproven:
    description:
      - Whether to send commands that no documentation confirms, and to change a firmware about which nothing is known.
    type: bool
    default: false
"""

    SIP = r"""
options:
  clear_sessions:
    description:
      - Whether to drop the live SIP sessions, which otherwise keep the old behaviour until they end. This cuts calls.
      - Only sessions of UDP port 5060 are dropped, on Linux routers those to the ports of connections that have the SIP helper,
        and only on platforms where that is documented.
      - Sessions that are seen to keep an ALG which is off already are dropped as well.
    type: bool
    default: false
  strict:
    description:
      - Whether to switch off as well what stands below the SIP ALG and does nothing without it, on SonicWalls the options below SIP
        Transformations. A firmware that does not take them then is left as it was.
    type: bool
    default: false
"""

    TIMEOUT = r"""
options:
  minimum:
    description:
      - The shortest allowed UDP idle timer in seconds, in place of the profile's.
    type: int
  recommended:
    description:
      - The seconds to which a timer is raised that is shorter than O(minimum), in place of the profile's.
    type: int
  maximum:
    description:
      - The longest allowed timer in seconds, in place of the profile's. A longer one is a finding; it is never lowered.
    type: int
"""
