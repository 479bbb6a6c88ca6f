# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the lab's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Callable

import pytest

pytest.importorskip("asyncssh")

from ansible_collections.voip.edge.tests.lab import Device, Lab, make_device


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as served:
        yield served


@pytest.fixture
def dialogue() -> Callable[..., str]:
    """Type lines into a device that is not served; returns all it printed, line ends normalised."""

    def talk(device: Device, *lines: str) -> str:
        session = device.open(device.user)
        session.attach(lambda: None)
        out = session.greet().text
        for line in lines:
            out += line + "\n" + session.line(line).text
            while session.wants == "key" and session._pages:
                out += session.key(" ").text
        session.detach()
        return out.replace("\r", "")

    return talk


@pytest.fixture
def device() -> Callable[..., Any]:
    return lambda platform, variant, **more: make_device(platform, variant, more.pop("name", "dut"), **more)
