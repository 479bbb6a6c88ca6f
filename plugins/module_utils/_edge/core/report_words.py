# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the reports for what records say in words of their own. Data alone."""

from __future__ import annotations

WORDS = {
    "noncompliant": "needs a change",
    "undetermined": "not known",
    "not_reached": "not reached",
    "unsupported": "not supported",
    "compliant": "compliant",
}
"""Compliance, what needs action first."""
CODES = {"compliant": "c", "noncompliant": "n", "undetermined": "u", "unsupported": "s", "not_reached": "x"}
"""The same as classes: a letter each, since they stand in every cell of a large fleet."""
MEANINGS = {
    "noncompliant": "something disturbs SIP, and it was seen",
    "undetermined": "it was not seen well enough to say; never taken for off",
    "not_reached": "the host did not answer in this run",
    "unsupported": "a person has to do it, or the device cannot",
    "compliant": "all that was judged is as the profile asks",
}
ASPECTS = {"sip_alg": "SIP ALG", "udp_timeout": "UDP timeout", "port_forwards": "port forwards"}
CHANGES = {
    "came_back": "came back",
    "new": "new",
    "worse": "worse",
    "unreachable_since": "unreachable since",
    "fixed": "fixed",
    "same": "unchanged",
}
MODES = {"check": "read only", "apply": "changed, then read again", "backup": "a saved configuration"}
WIRE = {"clean": "c", "inconclusive": "u", "present_not_rewriting": "u"}
"""The class of a verdict about the path; the others are proven to disturb SIP."""
SURE = {
    "doc": "vendor's documentation",
    "src": "captures, working software",
    "user": "reported by users",
    "inferred": "inferred",
    "recall": "not confirmed",
    "unknown": "unknown",
}
"""How sure the rule is by which a line was read."""
