# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which device answers at a web interface: by its own marks, before any login, and never by doubt."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import unmarked
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS
from tests.lab import Lab
from tests.unit.conftest import web_params

CHANGE: dict[str, Any] = {"save": True, "revert_timer": 5, "edit_policies": False, "allow_unproven": False}


def unknown(device: Any, **more: Any) -> dict[str, Any]:
    return {**web_params(device), "platform": "auto", **more}


@pytest.mark.parametrize(
    ("variant", "verdict"), [("factory", "active"), ("already-right", "disabled"), ("digest-only", "active")]
)
def test_a_device_is_recognised_and_then_judged(lab: Lab, variant: str, verdict: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    seen = doors.answer("edge_info", unknown(device), check=True)
    assert (seen["platform"], seen["verdict"]) == ("sonicwall_sonicos", verdict)
    assert device.login_attempts == 1
    assert device.journal == []


@pytest.mark.parametrize("variant", ["factory", "gen6-65", "foreign-session"])
def test_without_a_login_it_is_named_with_what_people_do(lab: Lab, variant: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    seen = doors.answer("edge_info", unknown(device, user=None, password=None), check=True)
    assert (seen["platform"], seen["verdict"], seen["compliance"]) == (
        "sonicwall_sonicos", "undetermined", "undetermined",
    )  # fmt: skip
    assert any("untick 'Enable SIP Transformations'" in text for text in seen["record"]["advice"])
    assert seen["record"]["not_checked"]
    assert device.login_attempts == 0
    assert device.journal == []
    refused = doors.answer("sip_alg", {**unknown(device, user=None, password=None), **CHANGE}, check=False)
    assert refused["error_kind"] == "bad_input"
    assert "password: none is given" in refused["msg"]


# Variants whose web interface shows before any login what it is, and the model as far as it shows that.
SHOWN = [
    ("arris_touchstone", "factory", None),
    ("asus_asuswrt", "factory", None),
    ("cisco_rv", "rv320", "RV320"),
    ("cisco_rv", "rv042", "RV042"),
    ("dlink", "a-factory", "DIR-615"),
    ("dlink", "b-safe", "DIR-868L"),
    ("dlink", "c-factory", "DIR-822"),
    ("linksys", "velop", "WHW03"),
    ("linksys", "gateway-on", "E5350"),
    ("linksys", "management-on", "E1200"),
    ("netgear_genie", "factory", "R7800"),
    ("netgear_genie", "acos-factory", "RBR750"),
    ("netgear_prosafe", "fvs318n", "FVS318N"),
    ("peplink", "balance", None),
    ("sonicwall_sonicos", "factory", None),
]


def test_every_platform_that_shows_marks_is_tried() -> None:
    assert {p.name for p in PLATFORMS if (p.over_https or p).sniff is not unmarked} == {name for name, _v, _m in SHOWN}


@pytest.mark.parametrize(("platform", "variant", "model"), SHOWN)
def test_each_is_named_without_a_login_and_not_taken_for_another(
    lab: Lab, platform: str, variant: str, model: str | None
) -> None:
    device: Any = lab.add(platform, variant, rest=platform == "asus_asuswrt")
    seen = doors.answer("edge_info", unknown(device, user=None, password=None), check=True)
    assert seen.get("platform") == platform, seen.get("msg")
    assert (seen["model"] or "").startswith(model or "")
    assert model is None or seen["model"]
    assert (seen["verdict"], seen["compliance"]) == ("undetermined", "undetermined")
    assert device.login_attempts == 0
    assert device.journal == []


def test_what_shows_no_marks_gets_no_password(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "default-74", rest=True)
    seen = doors.answer("edge_info", unknown(device), check=True)
    assert seen["error_kind"] == "unknown_reply"
    assert "no password was sent" in seen["msg"]
    assert device.login_attempts == 0


def test_who_does_not_answer_is_not_reached(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory")
    gone = doors.answer("edge_info", unknown(device, port=1), check=True)
    assert gone["unreachable"]
    mute = lab.add("sonicwall_sonicos", "factory", faults=["hang:/"])
    silent = doors.answer("edge_info", unknown(mute, timeout=0.3), check=True)
    assert silent["unreachable"] or silent["failed"]
