# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lifetimes, the kind of NAT, media ports: the arithmetic by itself, then against the relay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import nat, rtp, verdicts
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.client import probe
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.control import Session, open_session
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import Interval
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.lifetime import (
    ONE_EXCHANGE,
    Lifetimes,
    Series,
    ages,
    interval,
    keepalive,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.settings import Options
from tests.lab.relay import Behaviour

Make = Callable[..., Any]
T = TypeVar("T")


def with_session(options: Options, work: Callable[[Session], Awaitable[T]]) -> T:
    async def run() -> T:
        session = await open_session(options.local, options.server, options.secret)
        try:
            return await work(session)
        finally:
            session.port.close()

    return asyncio.run(run())


def test_ages_are_a_second_apart_and_then_three_percent() -> None:
    found = ages(180.0)

    assert found[:3] == [1.0, 2.0, 3.0]
    assert found[-1] == 180.0
    steps = [high - low for low, high in zip(found, found[1:-1])]
    assert all(step <= max(1.0, low * 0.0301) + 0.001 for low, step in zip(found, steps))
    assert len(found) < 100


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, None),
        ({1.0: True, 2.0: False, 3.0: False}, Interval(1.0, 2.0)),
        ({1.0: True, 2.0: True}, Interval(2.0, None)),
        ({1.0: False}, Interval(0.0, 1.0)),
        ({1.0: True, 2.0: False, 3.0: True}, Interval(3.0, 2.0, monotonic=False)),
    ],
)
def test_the_interval_of_a_series(seen: dict[float, bool], expected: Interval | None) -> None:
    assert interval(seen) == expected


def test_an_interval_in_words() -> None:
    assert str(Interval(29.0, 30.0)) == "29-30 s"
    assert str(Interval(180.0)) == "at least 180 s"
    assert str(Interval(3.0, 2.0, monotonic=False)) == "not monotonic"


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [
        ([], None),
        ([Interval(0.0, 1.0)], None),
        ([Interval(29.0, 30.0), Interval(119.5, 121.9)], 23),
        ([Interval(180.0)], 29),
        ([Interval(1.0, 2.0)], 1),
        ([Interval(9.0, 8.0, monotonic=False), Interval(20.0, 21.0)], 16),
    ],
)
def test_keepalive_advice_is_below_the_shortest_lifetime(intervals: list[Interval], seconds: int | None) -> None:
    assert keepalive(intervals) == seconds


def test_lifetimes_are_measured_within_their_grid(way: Make) -> None:
    options = way(Behaviour(timeout=1.0, sticky=2.2)).options
    wanted = [Series(ONE_EXCHANGE, options.server._replace(port=port)) for port in (29293, 5060)]

    async def work(session: Session) -> tuple[dict[str, Interval], float]:
        measure = Lifetimes(session, options.local, 3.0, step=0.4)
        return await measure.measure(wanted), measure.worst_lateness

    found, lateness = with_session(options, work)
    assert lateness < 0.3
    for name, seconds in (("exchange to 29293", 1.0), ("exchange to 5060", 2.2)):
        low, high = found[name].low, found[name].high
        assert found[name].monotonic
        assert high is not None
        assert low - 0.3 <= seconds <= high + 0.3
        assert high - low < 1.0


def test_a_binding_that_never_dies_lives_at_least_the_cap(way: Make) -> None:
    options = way().options

    async def work(session: Session) -> dict[str, Interval]:
        return await Lifetimes(session, options.local, 0.6, step=0.3).measure([Series(ONE_EXCHANGE, options.server)])

    assert list(with_session(options, work).values()) == [Interval(0.6, None)]


def test_a_series_to_a_port_without_reflector_says_nothing(way: Make) -> None:
    options = way().options

    async def work(session: Session) -> tuple[dict[str, Interval], int]:
        measure = Lifetimes(session, options.local, 0.4, step=0.2)
        found = await measure.measure([Series(ONE_EXCHANGE, options.server._replace(port=9))])
        return found, measure.not_bound

    assert with_session(options, work) == ({}, 2)


LAN, MAPPED, ELSE = Address("192.168.1.2", 4000), Address("203.0.113.1", 4000), Address("203.0.113.1", 4001)


@pytest.mark.parametrize(
    ("first", "port", "address", "expected"),
    [
        (LAN, LAN, None, nat.NO_NAT),
        (MAPPED, MAPPED, MAPPED, nat.INDEPENDENT),
        (MAPPED, MAPPED, ELSE, nat.BY_ADDRESS),
        (MAPPED, ELSE, None, nat.BY_PORT),
        (MAPPED, ELSE, MAPPED, nat.BY_PORT),
        (MAPPED, MAPPED, None, nat.UNKNOWN),
        (None, MAPPED, MAPPED, nat.UNKNOWN),
        (MAPPED, None, MAPPED, nat.UNKNOWN),
    ],
)
def test_mapping(first: Address | None, port: Address | None, address: Address | None, expected: str) -> None:
    assert nat.mapping_of(LAN, first, port, address) == expected


@pytest.mark.parametrize(
    ("from_port", "from_address", "expected"),
    [
        (True, True, nat.INDEPENDENT),
        (True, False, nat.BY_ADDRESS),
        (False, False, nat.BY_PORT),
        (False, None, nat.BY_PORT),
        (True, None, nat.UNKNOWN),
        (None, None, nat.UNKNOWN),
    ],
)
def test_filtering(from_port: bool | None, from_address: bool | None, expected: str) -> None:
    assert nat.filtering_of(from_port, from_address) == expected


def test_the_relays_nat_is_classified(way: Make) -> None:
    options = way().options

    found = with_session(options, lambda session: nat.classify(session, options.local, 29293, None))
    assert found.as_dict() == {
        "mapping": nat.UNKNOWN,
        "filtering": nat.BY_PORT,
        "preserved": found.samples,
        "samples": nat.SAMPLES,
    }


def test_a_sample_covers_the_range_with_both_parities() -> None:
    ports = rtp.sample(10000, 20000, 128, random.Random(2))

    assert len(ports) == len(set(ports))
    assert {10000, 20000} <= set(ports)
    assert 128 <= len(ports) <= 130
    assert abs(sum(port % 2 for port in ports) - 64) <= 3
    gaps = [high - low for low, high in zip(sorted(ports), sorted(ports)[1:])]
    assert max(gaps) <= 2 * 10001 // 128 + 2
    assert ports != sorted(ports)
    assert sorted(rtp.sample(5, 9, 10, random.Random(1))) == [5, 6, 7, 8, 9]


def test_bisection_finds_the_exact_edges_of_a_wide_hole_in_few_probes() -> None:
    def is_open(port: int) -> bool:
        return not 16384 <= port <= 17000

    seen = {port: is_open(port) for port in rtp.sample(10000, 20000, 128, random.Random(3))}
    while ports := rtp.midpoints(seen):
        seen.update({port: is_open(port) for port in ports})

    assert rtp.blocked_spans(seen) == ((16384, 17000),)
    assert len(seen) <= 150


def test_spans_at_the_ends_and_none_at_all() -> None:
    assert rtp.blocked_spans({1: True, 2: True}) == ()
    assert rtp.blocked_spans({1: False, 2: True, 3: False}) == ((1, 1), (3, 3))
    assert rtp.blocked_spans({1: False, 5: False}) == ((1, 5),)
    assert rtp.blocked_spans({}) == ()


def test_blocked_media_ports_are_found_over_the_relay(way: Make) -> None:
    path = way(Behaviour(("drop_all",), ports=frozenset(range(10020, 10031))))

    async def work(session: Session) -> rtp.Range:
        return await rtp.Sweep(session, path.options.local, rate=1000).look(10000, 10063, 16, random.Random(4))

    found = with_session(path.options, work)
    assert found.blocked == ((10020, 10030),)
    assert found.tries == 3
    assert found.as_dict()["blocked"] == [[10020, 10030]]


def test_forwards_are_looked_at_from_outside(way: Make) -> None:
    path = way()
    origin = path.options.server._replace(port=29293)

    async def work(session: Session) -> rtp.Range | None:
        return await rtp.inbound(session, path.options.local, 30000, 30003, origin, 4)

    found = with_session(path.options, work)
    assert found is not None
    assert (found.open, found.blocked, found.busy) == (0, ((30000, 30003),), 0)


def test_a_sticky_port_5060_is_an_alg_and_lifetimes_are_facts(way: Make) -> None:
    options = replace(way(Behaviour(timeout=0.8, sticky=30.0)).options, lifetime_cap=3.0, media_samples=8)
    outcome = probe(options)

    assert outcome.facts["lifetimes"]["stream to 29292"]["high"] == 1.0
    assert outcome.facts["lifetimes"]["stream to 5060"] == {"low": 3.0, "high": None, "monotonic": True}
    assert outcome.verdict.verdict == verdicts.PRESENT
    assert outcome.facts["media_out"]["blocked"] == []
    assert outcome.facts["nat_type"]["filtering"] == nat.BY_PORT
