# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each NETGEAR ProSafe firewall of the lab: nothing is claimed, and nothing is changed."""

from __future__ import annotations

PLATFORM = "netgear_prosafe"

EXPECTED = {
    "fvs318n": ("undetermined", "refusal"),
    "utm10": ("undetermined", "refusal"),
    "dsr": ("unknown_reply", "unknown_reply"),
}

FAULTY = None
