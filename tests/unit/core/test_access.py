# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists: the first entry that matches decides, and what is not understood is never called closed or open."""

from __future__ import annotations

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.access import (
    ALL_PORTS,
    Entry,
    obstacle,
    overlap,
    who,
)

HOST, SPAN = "192.168.10.20", (10000, 20000)
NET, OTHER = "203.0.113.0/24", "198.51.100.0/24"
ANY = ("any",)


def entry(permit: bool = True, sources: tuple[str, ...] | None = (NET,), **more: object) -> Entry:
    fields: dict[str, object] = {"targets": (HOST,), "ports": (SPAN,), "line": "line", **more}
    return Entry(permit, sources, **fields)  # type: ignore[arg-type]


DENY = entry(False, ANY, targets=ANY, ports=(ALL_PORTS,))


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], ()),
        ([entry()], (NET,)),
        ([entry(), entry(sources=(OTHER,))], (NET, OTHER)),
        ([entry(), DENY, entry(sources=(OTHER,))], (NET,)),
        ([DENY, entry()], ()),
        ([entry(sources=ANY)], ANY),
        ([entry(), entry(sources=ANY)], ANY),
        ([entry(ports=(ALL_PORTS,), targets=ANY)], (NET,)),
        ([entry(targets=("192.168.10.0/24",))], (NET,)),
        # other traffic
        ([entry(targets=("192.168.10.21",)), entry(ports=()), entry(ports=((5060, 5060),))], ()),
        # part of it, or not readable: neither open nor closed
        ([entry(ports=((10000, 10010),))], None),
        ([entry(sources=None)], None),
        ([entry(targets=None)], None),
        ([entry(ports=None)], None),
        ([entry(narrowed=True)], None),
        ([entry(False, (NET,)), entry()], None),
        ([entry(False, None), entry()], None),
        ([entry(False, ANY, ports=((10000, 10000),)), entry()], None),
        ([entry(False, ("203.0.113.9/32",)), entry(sources=ANY)], None),
        # a deny of others, or behind the permit, changes nothing
        ([entry(False, (OTHER,)), entry()], (NET,)),
        ([entry(), entry(False, (NET,))], (NET,)),
        ([entry(False, (OTHER,), ports=((5060, 5060),)), entry(sources=ANY)], ANY),
        ([entry(False, (OTHER,)), entry(sources=(NET, OTHER))], (NET,)),
    ],
)
def test_who_reaches_a_host(entries: list[Entry], found: tuple[str, ...] | None) -> None:
    assert who(entries, HOST, SPAN)[0] == found


def test_what_may_let_more_in_is_named() -> None:
    entries = [entry(), entry(sources=None, line="odd"), entry(sources=(OTHER,), ports=((10000, 10001),), line="part")]
    assert who(entries, HOST, SPAN) == ((NET,), ["odd", "part"])


def test_what_stands_before() -> None:
    deny = entry(False, ("203.0.113.9/32",))
    assert obstacle([entry(), deny], (NET,), HOST, SPAN) is deny
    assert obstacle([entry(), deny], (OTHER,), HOST, SPAN) is None
    assert obstacle([deny], ANY, HOST, SPAN) is deny
    assert obstacle([deny], (NET,), HOST, (5060, 5060)) is None
    assert obstacle([entry(False, None)], (OTHER,), HOST, SPAN) is not None
    assert DENY.denies_all
    assert not deny.denies_all
    assert not entry(False, ANY, ports=(ALL_PORTS,)).denies_all


def test_networks_overlap() -> None:
    assert overlap((NET,), ("203.0.113.7",))
    assert not overlap((NET,), (OTHER,))
    assert not overlap((NET,), ("2001:db8::/32",))
    assert overlap(ANY, (NET,))
    assert not overlap(ANY, ())
