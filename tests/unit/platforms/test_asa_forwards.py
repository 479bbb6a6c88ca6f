# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forwards of an ASA: explained with their lines and never sent, while the other aspects go on."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.cisco_asa import _by_hand
from tests.lab import Lab
from tests.unit.conftest import lines, params

SITE: dict[str, Any] = {
    "pbx": "192.168.10.9", "sources": ["203.0.113.0/24", "198.51.100.7"], "minimum": 240, "recommended": 300,
    "save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False, "clear_sessions": False,
}  # fmt: skip


def test_the_other_aspects_go_on(lab: Lab) -> None:
    device = lab.add("cisco_asa", "default")
    made = doors.answer("baseline", {**params(device), **SITE}, check=False)
    assert "msg" not in made, made["msg"]
    assert made["verdict"] == "disabled"
    assert "timeout udp 0:05:00" in lines(device)
    assert not [line for line in lines(device) if "nat" in line or "access-list" in line]
    assert (
        "access-list LIST extended permit udp 203.0.113.0 255.255.255.0 object voip-edge-pbx eq 5060"
        in (made["unsupported"]["port_forwards"])
    )
    assert made["record"]["aspects"]["port_forwards"]["compliance"] == "unsupported"
    assert any("voip-edge-pbx" in text for text in made["record"]["advice"])


def test_alone_it_is_a_refusal_with_the_lines(lab: Lab) -> None:
    device = lab.add("cisco_asa", "default")
    refused = doors.answer("port_forwards", {**params(device), **SITE, "state": "present"}, check=False)
    assert refused["error_kind"] == "refusal"
    assert "nat (inside,outside) source static voip-edge-pbx interface service" in refused["msg"]
    assert lines(device) == []
    nothing = doors.answer("port_forwards", {**params(device), **SITE, "pbx": None, "state": "absent"}, check=False)
    assert not nothing["changed"]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (
            Forwards("192.0.2.9", ("any",)),
            "access-list LIST extended permit udp any object voip-edge-pbx range 10000 20000",
        ),
        (Forwards("192.0.2.9", ("192.0.2.0/30",), outside="wan", inside="dmz"), "nat (dmz,wan) source static"),
        (Forwards("192.0.2.9", ("192.0.2.0/30",), address="198.51.100.9"), "voip-edge-pbx 198.51.100.9 service"),
        (Forwards("", (), present=False), "remove the nat line"),
    ],
)
def test_the_lines_by_hand(wanted: Forwards, words: str) -> None:
    assert words in _by_hand(wanted)
