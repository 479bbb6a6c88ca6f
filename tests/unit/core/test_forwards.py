# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inbound forwards: what reaches the PBX, what is missing, what is in the way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.core.forwards import (
    Forward,
    admits,
    forwards_aspect,
    forwards_findings,
    in_the_way,
    open_ranges,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT

NETS = ("203.0.113.0/24", "198.51.100.128/25")
WANTED = Forwards("192.168.10.9", NETS)
SITE = replace(DEFAULT, forwards=WANTED)


def forward(first: int, last: int, **more: object) -> Forward:
    made = Forward("nat", f"{first}", first, last, "192.168.10.9", NETS, ("line",))
    return replace(made, **more)  # type: ignore[arg-type]


SIP, RTP = forward(5060, 5060), forward(10000, 20000)


def test_without_a_pbx_the_presence_of_a_forward_is_no_fault() -> None:
    assert forwards_aspect([], readable=False, profile=DEFAULT).compliance == "undetermined"
    assert forwards_aspect([], readable=True, profile=DEFAULT).verdict == "none"
    present = forwards_aspect([SIP], readable=False, profile=DEFAULT)
    assert (present.verdict, present.compliance) == ("present", "compliant")
    assert "line" in forwards_findings([SIP], present, DEFAULT)[0].text
    assert forwards_aspect([forward(443, 443)], readable=True, profile=DEFAULT).verdict == "none"


def test_a_pbx_needs_every_port() -> None:
    assert forwards_aspect([SIP, RTP], readable=True, profile=SITE).compliance == "compliant"
    missing = forwards_aspect([SIP], readable=True, profile=SITE)
    assert (missing.verdict, missing.compliance) == ("missing", "noncompliant")
    found = forwards_findings([SIP], missing, SITE)
    assert [f.id for f in found] == ["FORWARD-MISSING"]
    assert "UDP 10000-20000" in found[0].text
    assert forwards_aspect([SIP], readable=False, profile=SITE).verdict == "undetermined"


@pytest.mark.parametrize(
    "wrong",
    [
        {"inside": "192.168.10.8"},
        {"inside": None},
        {"inside_first": 6060},
        {"sources": ("203.0.113.0/24",)},
        {"sources": ()},
    ],
)
def test_a_forward_that_leads_elsewhere_does_not_count(wrong: dict[str, object]) -> None:
    assert open_ranges([forward(5060, 5060, **wrong), RTP], WANTED) == [(5060, 5060)]


def test_sources_that_are_not_known_prove_nothing() -> None:
    unknown = [forward(5060, 5060, sources=None), RTP]
    assert forwards_aspect(unknown, readable=True, profile=SITE).verdict == "undetermined"


def test_everybody_is_a_finding_and_lets_the_provider_in() -> None:
    wide = [forward(5060, 5060, sources=("any",)), RTP]
    aspect = forwards_aspect(wide, readable=True, profile=SITE)
    assert aspect.compliance == "compliant"
    assert [f.id for f in forwards_findings(wide, aspect, SITE)] == ["FORWARD-TOO-OPEN"]


def test_wider_networks_let_narrower_ones_in() -> None:
    assert admits(("203.0.0.0/16",), ("203.0.113.0/24",))
    assert not admits(("203.0.113.0/24",), ("203.0.0.0/16",))
    assert not admits(("203.0.113.0/24",), ("any",))
    assert admits(("any",), NETS)
    assert admits(None, NETS) is None
    assert not admits(("2001:db8::/32",), NETS)


def test_what_is_in_the_way_is_named_and_ours_is_not() -> None:
    old = forward(5060, 5061, inside="192.168.10.8", scope="Old PBX")
    assert "'Old PBX' already sends UDP 5060-5061 to 192.168.10.8" in (in_the_way([old], WANTED) or "")
    assert in_the_way([replace(old, ours=True)], WANTED) is None
    assert in_the_way([SIP, RTP], WANTED) is None
    assert in_the_way([forward(443, 443, inside="192.168.10.8")], WANTED) is None
    # the whole host, for everybody: it overlaps all that is missing
    assert in_the_way([forward(0, 65535, inside="192.168.10.8")], WANTED) is not None
    # somebody's own forward to the same PBX, for fewer networks
    assert in_the_way([forward(5060, 5060, sources=("203.0.113.0/24",)), RTP], WANTED) is not None


def test_a_sip_port_inside_the_rtp_range_is_there_once() -> None:
    assert Forwards("192.0.2.1", NETS, (5060, 15060)).ranges == ((5060, 5060), (10000, 20000))


@given(st.lists(st.tuples(st.integers(9990, 20010), st.integers(0, 40)), max_size=30))
def test_the_gaps_are_exactly_the_ports_that_no_forward_covers(spans: list[tuple[int, int]]) -> None:
    wanted = Forwards("192.168.10.9", NETS, (), (10000, 20000))
    have = [forward(first, first + more) for first, more in spans]
    covered = {port for first, more in spans for port in range(first, first + more + 1)}
    gaps = {port for first, last in open_ranges(have, wanted) for port in range(first, last + 1)}
    assert gaps == set(range(10000, 20001)) - covered


def test_forwards_with_one_network_each_count_together() -> None:
    halves = [forward(first, last, sources=(net,)) for first, last in ((5060, 5060), (10000, 20000)) for net in NETS]
    assert open_ranges(halves, WANTED) == []
    assert open_ranges(halves[:3], WANTED) == [(10000, 20000)]
    uneven = [*halves[:3], forward(10000, 15000, sources=(NETS[1],))]
    assert open_ranges(uneven, WANTED) == [(15001, 20000)]
    assert open_ranges([forward(5060, 5060, sources=("any",)), *halves[2:]], WANTED) == []


def test_what_is_missing_for_one_network_or_another_is_one_range() -> None:
    apart = [SIP, forward(10000, 12000, sources=(NETS[0],)), forward(12001, 20000, sources=(NETS[1],))]
    assert open_ranges(apart, WANTED) == [(10000, 20000)]
