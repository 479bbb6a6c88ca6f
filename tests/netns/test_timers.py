# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP timeouts, waited for: all flows age side by side, so the whole file takes as long as its oldest flow."""

from __future__ import annotations

import socket
import time

import pytest

from tests.lab.netns import Lab
from tests.netns.talk import Talk

pytestmark = pytest.mark.netns("timers")

SINGLE, STREAM = 6, 12


def open_flows(talk: Talk, count: int, stream: bool) -> list[tuple[socket.socket, tuple[str, int]]]:
    """Flows with one packet each way, or such that the kernel takes for streams; the phones and their mapped addresses."""
    phones = [talk.phone() for number in range(count)]
    mapped = []
    # A flow becomes a stream by traffic both ways that comes more than two seconds after its first packet.
    for pause in (0.0, 2.2) if stream else (0.0,):
        time.sleep(pause)
        mapped = []
        for phone in phones:
            seen = talk.out(phone, b"out")
            assert seen is not None
            assert talk.back(phone, b"back", seen.source) is not None
            mapped.append(seen.source)
    return list(zip(phones, mapped))


def alive_after(talk: Talk, single: list[float], stream: list[float]) -> dict[str, list[bool]]:
    """Whether the server still reaches a flow of each age in seconds; each is asked once, as asking renews it."""
    plan = []
    for name, ages in (("stream", stream), ("single", single)):
        flows = open_flows(talk, len(ages), name == "stream")
        start = time.monotonic()
        plan += [(start + age, name, *flow) for age, flow in zip(ages, flows)]
    found: dict[str, list[bool]] = {"single": [], "stream": []}
    for due, name, phone, mapped in sorted(plan, key=lambda one: one[0]):
        time.sleep(max(0.0, due - time.monotonic()))
        found[name].append(talk.back(phone, b"still there?", mapped, wait=0.8) is not None)
    return found


def test_one_exchange_lives_six_seconds_and_a_stream_twelve(lab: Lab) -> None:
    lab.router.timers(SINGLE, STREAM)
    with Talk(lab, 5070) as talk:
        found = alive_after(talk, [SINGLE - 1.0, SINGLE + 1.5], [STREAM - 1.0, STREAM + 1.5])
    assert found == {"single": [True, False], "stream": [True, False]}


def test_the_kernel_s_own_are_thirty_and_a_hundred_and_twenty(lab: Lab) -> None:
    with Talk(lab, 5070) as talk:
        open_flows(talk, 1, False)
        assert left(lab) == [pytest.approx(30, abs=2)]
        lab.router.flush()
        open_flows(talk, 1, True)
        assert left(lab) == [pytest.approx(120, abs=2)]


def left(lab: Lab) -> list[int]:
    """Seconds that are left to each flow of the test."""
    return [int(line.split()[2]) for line in lab.router.entries("-p", "udp", "--dport", "5070")]
