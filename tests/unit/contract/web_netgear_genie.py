# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is right for each NETGEAR home router of the lab."""

from __future__ import annotations

PLATFORM = "netgear_genie"

EXPECTED = {
    "factory": ("active", "disabled"),
    "off": ("disabled", "disabled"),
    "never-written": ("active", "disabled"),
    "odd-value": ("undetermined", "refusal"),
    "busy": ("active", "disabled"),
    "unknown-timer": ("active", "disabled"),
    "forwards": ("active", "disabled"),
    "held": ("login_refused", "login_refused"),
    "held-taken": ("active", "disabled"),
    "held-later": ("undetermined", "login_refused"),
    "guest": ("active", "refusal"),
    "cookie": ("active", "disabled"),
    "stale-tokens": ("active", "disabled"),
    "unlisted-control": ("active", "refusal"),
    "missing-control": ("active", "refusal"),
    "password-page": ("undetermined", "refusal"),
    "captcha-page": ("undetermined", "refusal"),
    "look-alike": ("unknown_reply", "unknown_reply"),
    "old-password": ("login_refused", "login_refused"),
    "acos-factory": ("active", "disabled"),
    "acos-off": ("disabled", "disabled"),
    "acos-empty": ("undetermined", "refusal"),
    "acos-busy": ("active", "disabled"),
    "acos-held": ("login_refused", "login_refused"),
    "acos-held-taken": ("active", "disabled"),
    "acos-cookie": ("active", "disabled"),
    "acos-stale-tokens": ("active", "disabled"),
    "acos-unlisted-control": ("active", "refusal"),
    "acos-mtu": ("active", "refusal"),
    "acos-ping": ("active", "refusal"),
    "acos-forward": ("active", "disabled"),
    "asp-on": ("active", "refusal"),
    "asp-allowed": ("active", "disabled"),
    "asp-off": ("disabled", "disabled"),
    "sercomm": ("undetermined", "refusal"),
    "sso": ("undetermined", "refusal"),
}

MORE = {
    "held-taken": {"take_over": True},
    "acos-held-taken": {"take_over": True},
    "asp-allowed": {"allow_unproven": True},
    "old-password": {"password": "not-right-any-more"},
}

FAULTY = "factory"
