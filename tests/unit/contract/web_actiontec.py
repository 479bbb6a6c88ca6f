# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each simulated Actiontec GT784."""

from __future__ import annotations

PLATFORM = "actiontec_gt784"
EXPECTED = {
    "routed": ("cannot_disable", "refusal"),
    "verizon": ("cannot_disable", "refusal"),
    "bridged": ("not_applicable", "not_applicable"),
    "two-wans": ("cannot_disable", "refusal"),
    "both-bridged": ("not_applicable", "not_applicable"),
    "no-wan-var": ("undetermined", "refusal"),
    "no-wan": ("undetermined", "refusal"),
    "short-wan": ("undetermined", "refusal"),
    "sibling": ("unknown_reply", "unknown_reply"),
    "no-devinfo": ("unknown_reply", "unknown_reply"),
    "no-version": ("undetermined", "refusal"),
    "log-in-form": ("login_refused", "login_refused"),
    "title-401": ("login_refused", "login_refused"),
}
FAULTY = None  # it is never changed
