# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters by which the role onboard judges: an empty probe is none, and what is no probe is an error."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.voip.edge.plugins.filter import join_path, newly_blocked
from tests.unit.core.test_path import ELSEWHERE, device, probe, rewriting

JOIN = join_path.FilterModule().filters()["join_path"]
BLOCKED = newly_blocked.FilterModule().filters()["newly_blocked"]


def test_a_record_is_joined_to_a_probe_and_left_alone_without_one() -> None:
    assert JOIN(device(), probe("rewritten", rewriting()))["compliance"] == "noncompliant"
    assert JOIN(device(), {}) == device()


def test_what_is_blocked_since_takes_two_probes() -> None:
    after = probe("blocked_port", reasons=[ELSEWHERE])
    assert BLOCKED(after, probe("clean")) == [ELSEWHERE]
    assert BLOCKED(after, {}) == BLOCKED({}, probe("clean")) == []


def test_what_is_no_probe_is_an_error_that_names_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="^join_path: not a record"):
        JOIN(device(), {"verdict": "clean"})
    with pytest.raises(AnsibleFilterError, match="^newly_blocked: not the documents"):
        BLOCKED({"verdict": "fine"}, probe("clean"))
