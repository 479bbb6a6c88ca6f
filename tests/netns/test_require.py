# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that cannot build the lab: the tests say so and pass, or fail where the proof was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.netns

ROOT = Path(__file__).parents[2]
# Without that capability no namespace is granted, as to a user without privileges.
POWERLESS = ["setpriv", "--bounding-set", "-sys_admin", "--"]


def outcome(**more: str) -> tuple[int, str]:
    """Exit code and output of one file of tests, run without privileges."""
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/netns/test_alg.py"]
    env = {key: value for key, value in os.environ.items() if key != "VOIP_EDGE_REQUIRE_NETNS"}
    done = subprocess.run(
        [*POWERLESS, *tests], cwd=ROOT, env={**env, **more}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout


def test_the_tests_are_skipped_and_say_what_is_not_proven() -> None:
    code, said = outcome()
    assert code == 0
    assert " passed" not in said
    assert (
        "NOT PROVEN ON THIS MACHINE: the kernel's SIP ALG: no namespaces: this process may not make namespaces" in said
    )


def test_where_the_proof_was_asked_for_the_skip_is_a_failure() -> None:
    code, said = outcome(VOIP_EDGE_REQUIRE_NETNS="1")
    assert code == 1
    assert " skipped" not in said
    assert "VOIP_EDGE_REQUIRE_NETNS=1, and this machine cannot do network namespaces" in said
