# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small flood of hostile datagrams; ``tests/hostile.py`` sends a million."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_visitor import Visitor
from tests import hostile


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8")
def test_a_flood_is_met_with_silence_and_probes_are_answered() -> None:
    outcome = hostile.run(3000, rate=20000, seconds=60, rtp=(10000, 10050))
    assert outcome.failures == []
    assert outcome.sent == 3000
    assert outcome.to_strangers == 0
    assert 0 < outcome.to_replayer <= outcome.replayed_bytes
    assert outcome.counters["sent_bytes"] <= outcome.counters["received_bytes"]
    assert outcome.counters["unproven"] > 2000
    assert (outcome.echoes, outcome.probes) == (47, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="needs all of 127.0.0.0/8, and /proc")
def test_ten_thousand_sockets_take_less_than_60_mb(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 10300:
        pytest.skip("not as many open files are allowed here")
    server = hostile.Server(tmp_path, (10000, 20000))
    try:
        visitor = Visitor(hostile.SECRET, Address(server.ip, hostile.CONTROL))
        hostile._wait_for([visitor])
        visitor.close()
        sockets = [
            link for link in Path(f"/proc/{server.process.pid}/fd").iterdir() if "socket" in str(link.readlink())
        ]
        assert len(sockets) == 10011
        assert server.memory_kb() < 60 * 1024
    finally:
        server.stop()


def test_what_would_be_wrong_is_said() -> None:
    outcome = hostile.Outcome(sent=9, to_strangers=1, to_replayer=1, memory_kb=[60000, 70000])
    outcome.counters = {"sent_bytes": 2, "received_bytes": 1, "received": 8}
    hostile._judge(outcome)
    assert [text.split(":")[0] for text in outcome.failures] == [
        "strangers received 1 bytes",
        "caught HELLOs were answered with more bytes than they have",
        "more bytes went out than came in",
        "fewer datagrams arrived than were sent",
        "memory grew",
        "memory is above 60 MB",
    ]
