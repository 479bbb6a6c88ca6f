# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each simulated router of Cisco's RV series."""

from __future__ import annotations

PLATFORM = "cisco_rv"
EXPECTED = {
    "rv320": ("undetermined", "refusal"),
    "rv320-off": ("undetermined", "refusal"),
    "rv042": ("undetermined", "refusal"),
    "rv180": ("undetermined", "refusal"),
    "rv340": ("undetermined", "refusal"),
    "two-names": ("unknown_reply", "unknown_reply"),
    "unnamed": ("unknown_reply", "unknown_reply"),
    "error": ("unknown_reply", "unknown_reply"),
}
FAULTY = None  # it is never changed
