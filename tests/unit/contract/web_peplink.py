# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each simulated Peplink."""

from __future__ import annotations

PLATFORM = "peplink"
EXPECTED = {
    "balance": ("undetermined", "refusal"),
    "compatibility": ("undetermined", "refusal"),
    "two-firmwares": ("undetermined", "refusal"),
    "other-answer": ("undetermined", "refusal"),
    "read-only": ("undetermined", "refusal"),
    "no-api": ("unknown_reply", "unknown_reply"),
    "first-login": ("login_refused", "login_refused"),
    "no-info": ("unknown_reply", "unknown_reply"),
    "expired": ("unknown_reply", "unknown_reply"),
    "unmarked": ("unknown_reply", "unknown_reply"),
}
FAULTY = None  # it is never changed
