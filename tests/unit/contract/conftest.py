# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A part of the contract, for runs that have no time for all of it.

``VOIP_EDGE_CONTRACT_PART=1/2`` takes every second case of each test, from the second on. Without it all are run.
"""

from __future__ import annotations

import os
import re
from collections import Counter

import pytest

PART = "VOIP_EDGE_CONTRACT_PART"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = os.environ.get(PART, "0/1")
    found = re.fullmatch(r"(\d+)/([1-9]\d*)", wanted)
    if found is None:
        raise pytest.UsageError(f"{PART}: '{wanted}' is no part such as 0/2")
    turn, parts = int(found.group(1)), int(found.group(2))
    here = os.path.dirname(__file__)
    counts: Counter[str] = Counter()
    kept, left = [], []
    for item in items:
        test = item.nodeid.partition("[")[0]
        number = counts[test]
        counts[test] += 1
        # A test that has one case only is in every part.
        whole = "[" not in item.nodeid or not str(item.path).startswith(here)
        (kept if whole or number % parts == turn % parts else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept
