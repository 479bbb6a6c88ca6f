# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NETGEAR ProSafe firewalls: recognised without a password, with the steps by hand."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import netgear_prosafe as prosafe
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import Reply
from tests.lab import Lab
from tests.unit.conftest import web_params

NAME = "netgear_prosafe"


@pytest.mark.parametrize(("variant", "model"), [("fvs318n", "FVS318N"), ("utm10", "UTM10")])
def test_recognised_and_explained_without_a_password(lab: Lab, variant: str, model: str) -> None:
    device = lab.add(NAME, variant)
    answer = doors.answer("edge_info", web_params(device), check=True)
    assert answer["model"] == model
    assert {a["compliance"] for a in answer["record"]["aspects"].values()} == {"undetermined"}
    assert any("untick 'Enable SIP ALG'" in line for line in answer["record"]["advice"])
    assert device.login_attempts == 0
    assert device.transcript == [f"GET {prosafe.LOGIN_PAGE}"]


def test_no_state_of_the_page_is_ever_a_step(lab: Lab) -> None:
    device = lab.add(NAME, "fvs318n")
    allowed: dict[str, Any] = {
        "save": True,
        "revert_timer": 5,
        "allow_unproven": True,
        "clear_sessions": False,
        "edit_policies": False,
    }
    answer = doors.answer("sip_alg", {**web_params(device), **allowed}, check=False)
    assert answer["error_kind"] == "refusal"
    assert "By hand: Security > Firewall > Advanced" in answer["msg"]
    assert device.journal == []


@pytest.mark.parametrize(
    ("page", "seen"),
    [
        (
            "<title>NETGEAR ProSafe&#8482; - NETGEAR Configuration Manager Login</title>FVS336Gv2 name='USERDBUsers.UserName'",
            True,
        ),
        ("<title>D-Link : Unified Services Router</title>name='Users.UserName'", False),
        ("<title>NETGEAR GS724T</title>", False),
        ("", False),
    ],
)
def test_only_its_own_marks_count(page: str, seen: bool) -> None:
    found = prosafe.sniff(lambda line: Reply(200, {}, page.encode()))
    assert (found is not None) == seen
    assert found is None or found.model == "FVS336Gv2"
