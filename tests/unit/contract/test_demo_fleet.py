# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of the demo has a router of every platform, and each gets the verdict that is right for it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.base import unmarked
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS, by_name
from tests.lab import Lab
from tests.lab.fleet import DEMO, Member, start
from tests.unit.conftest import params, web_params

# Platform, SIP ALG, UDP timeout and the result of the whole; by hand, from what each variant of the lab is.
RIGHT = {
    "berlin-r1": ("cisco_ios", "active", "ok", "noncompliant"),
    "bremen-r1": ("cisco_ios", "active", "ok", "noncompliant"),
    "dresden-r1": ("cisco_ios", "active", "ok", "noncompliant"),
    "erfurt-r1": ("cisco_ios", "active", "ok", "noncompliant"),
    "essen-r1": ("cisco_ios", "disabled", "ok", "compliant"),
    "frankfurt-fg1": ("fortinet_fortios", "active", "ok", "noncompliant"),
    "hamburg-fg1": ("fortinet_fortios", "active", "ok", "noncompliant"),
    "hannover-fg1": ("fortinet_fortios", "disabled", "ok", "compliant"),
    "kassel-fg1": ("fortinet_fortios", "active", "ok", "noncompliant"),
    "leipzig-fw1": ("cisco_asa", "active", "ok", "noncompliant"),
    "lindau-rv1": ("cisco_rv", "undetermined", "undetermined", "undetermined"),
    "mainz-fw1": ("cisco_asa", "active", "ok", "noncompliant"),
    "marburg-ng1": ("netgear_genie", "active", "ok", "noncompliant"),
    "minden-ng2": ("netgear_prosafe", "undetermined", "undetermined", "undetermined"),
    "neuss-er1": ("ubiquiti_edgeos", "active", "ok", "noncompliant"),
    "olpe-ow1": ("linux_netfilter", "active", "ok", "noncompliant"),
    "passau-ax1": ("asus_asuswrt", "active", "ok", "noncompliant"),
    "plauen-dl1": ("dlink", "cannot_disable", "ok", "unsupported"),
    "potsdam-fw1": ("cisco_asa", "disabled", "ok", "compliant"),
    "siegen-sw1": ("sonicwall_sonicos", "active", "low", "noncompliant"),
    "speyer-lx1": ("linksys", "active", "undetermined", "noncompliant"),
    "trier-fg1": ("fortinet_fortios", "disabled", "low", "noncompliant"),
    "ulm-cm1": ("arris_touchstone", "active", "undetermined", "noncompliant"),
    "unna-vy1": ("vyos", "active", "ok", "noncompliant"),
    "velbert-dsl1": ("actiontec_gt784", "cannot_disable", "undetermined", "undetermined"),
    "wesel-gw1": ("linux_netfilter", "active", "ok", "noncompliant"),
    "worms-pl1": ("peplink", "undetermined", "undetermined", "undetermined"),
}
REACHED = [member for member in DEMO if not member.twist]


def test_every_platform_is_there() -> None:
    assert {member.platform for member in REACHED} == {platform.name for platform in PLATFORMS}
    assert {member.name for member in REACHED} == set(RIGHT)


@pytest.mark.parametrize("member", REACHED, ids=lambda member: member.name)
def test_the_verdict_is_right_and_a_person_learns_what_is_left(lab: Lab, member: Member) -> None:
    device: Any = start(lab, [member])[0][1]
    given = web_params(device) if member.rest or device.web_only else params(device)
    if member.token:
        given.update(api_token=device.api_token, user=None, password=None)
    shown = by_name(member.platform).sniff is not unmarked  # else the inventory has to name it
    answer = doors.answer("edge_info", {**given, "platform": "auto" if shown else member.platform}, check=True)
    assert "record" in answer, answer["msg"]
    record = answer["record"]
    aspects = record["aspects"]
    found = (record["platform"], aspects["sip_alg"]["verdict"], aspects["udp_timeout"]["verdict"], record["compliance"])
    assert found == RIGHT[member.name]
    if record["compliance"] in ("undetermined", "unsupported"):
        assert record["advice"]
    assert device.journal == []
