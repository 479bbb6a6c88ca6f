# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Link home routers: what is right for each variant. Off is made only where it is known to leave SIP alone."""

from __future__ import annotations

PLATFORM = "dlink"
FAULTY = "b-safe"

EXPECTED = {
    "a-factory": ("cannot_disable", "cannot_disable"),
    "a-blocked": ("blocking", "blocking"),
    "a-empty": ("cannot_disable", "cannot_disable"),
    "a-no-row": ("undetermined", "undetermined"),
    "a-captcha": ("login_refused", "login_refused"),
    "a-user": ("cannot_disable", "cannot_disable"),
    "a-occupied": ("refusal", "refusal"),
    "a-forward": ("cannot_disable", "cannot_disable"),
    "a-virtual": ("cannot_disable", "cannot_disable"),
    "a-full": ("cannot_disable", "cannot_disable"),
    "a-other": ("cannot_disable", "cannot_disable"),
    "b-safe": ("active", "disabled"),
    "b-off": ("disabled", "disabled"),
    "b-645": ("active", "disabled"),
    "b-forward": ("active", "disabled"),
    "b-trap": ("cannot_disable", "cannot_disable"),
    "b-blocked": ("blocking", "blocking"),
    "b-unread": ("active", "active"),
    "b-unread-off": ("undetermined", "undetermined"),
    "b-815": ("active", "active"),
    "b-nameless-off": ("undetermined", "undetermined"),
    "b-no-sip": ("undetermined", "undetermined"),
    "b-captcha": ("login_refused", "login_refused"),
    "b-user": ("active", "refusal"),
    "b-busy": ("active", "refused_command"),
    "b-failed": ("active", "refused_command"),
    "b-save-failed": ("active", "refused_command"),
    "c-factory": ("active", "refusal"),
    "c-off": ("undetermined", "undetermined"),
    "c-numbers": ("active", "refusal"),
    "c-forced": ("active", "undetermined"),
    "c-restart": ("active", "refused_command"),
    "c-failed": ("active", "refused_command"),
    "b0-old": ("undetermined", "refusal"),
    "json": ("undetermined", "refusal"),
}

FORCED = {"allow_unproven": True}
MORE = {"c-forced": FORCED, "c-restart": FORCED, "c-failed": FORCED}
