# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for the tests, and the rule for machines that cannot build one: skip and say so, or fail where that was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab.netns import Lab, capability
from tests.netns.talk import Talk

REQUIRE = "VOIP_EDGE_REQUIRE_NETNS"
NAMES = {**capability.FEATURES, **capability.OPTIONAL}
_found: dict[str, str] = {}
_asked: set[str] = set()


def missing() -> dict[str, str]:
    """What the capability check found; asked once."""
    if not _found:
        _found.update(capability.check(), **capability.programs())
    return _found


def pytest_runtest_setup(item: pytest.Item) -> None:
    # Before any fixture: the lab's is made once a module and must not be tried where it cannot be made.
    for mark in item.iter_markers("netns"):
        wanted = ("namespaces", *mark.args)
        _asked.update(wanted)
        for feature in wanted:
            why = missing()[feature]
            if why:
                text = f"{NAMES[feature]}: {why}"
                if os.environ.get(REQUIRE) == "1":
                    pytest.fail(f"{REQUIRE}=1, and this machine cannot do {text}", pytrace=False)
                pytest.skip(text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for feature, why in _found.items():
        if why and feature in _asked:
            terminalreporter.write_line(f"NOT PROVEN ON THIS MACHINE: {NAMES[feature]}: {why}", red=True)


@pytest.fixture(scope="module")
def shared() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """A lab as it was made; the namespaces are those of the whole module."""
    shared.reset()
    return shared


@pytest.fixture
def talk(lab: Lab) -> Iterator[Talk]:
    """The server on the Internet, on port 5060, and phones in the LAN."""
    with Talk(lab) as made:
        yield made


@pytest.fixture
def double() -> Iterator[Lab]:
    """A lab with a provider's NAT behind the router's."""
    with Lab(carrier=True) as made:
        yield made
