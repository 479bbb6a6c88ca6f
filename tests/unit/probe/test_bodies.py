# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies of the frames: read gives what was packed, and refuses every other length."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address

# IPv6 has a form for IPv4, which is IPv4 here.
IPS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6).filter(lambda ip: ip.ipv4_mapped is None)).map(str)
PORTS = st.integers(0, 65535)
ADDRESSES = st.builds(Address, IPS, PORTS)
IDS = st.binary(min_size=12, max_size=12)
TICKETS = st.binary(min_size=bodies.TICKET_BYTES, max_size=bodies.TICKET_BYTES)
BYTE, SHORT, LONG = (st.integers(0, 256**n - 1) for n in (1, 2, 4))
SPANS = st.builds(
    bodies.Span, BYTE, BYTE, st.sets(st.integers(0, 7)).map(lambda indexes: tuple(sorted(indexes))), PORTS, PORTS
)
ANY = st.one_of(
    st.builds(
        bodies.Opened,
        st.binary(min_size=8, max_size=8),
        ADDRESSES,
        ADDRESSES,
        SHORT,
        SHORT,
        SHORT,
        SHORT,
        st.lists(IPS, max_size=8).map(tuple),
        st.lists(SPANS, max_size=24).map(tuple),
    ),
    st.builds(bodies.Echoed, ADDRESSES, ADDRESSES, TICKETS),
    st.builds(bodies.Fetch, IDS, BYTE, BYTE, LONG),
    st.builds(
        bodies.Data,
        BYTE,
        BYTE,
        st.booleans(),
        st.binary(min_size=32, max_size=32),
        ADDRESSES,
        ADDRESSES,
        LONG,
        LONG,
        LONG,
        st.binary(max_size=600),
    ),
    st.builds(bodies.Poke, TICKETS, BYTE, ADDRESSES, SHORT, SHORT, IDS),
    st.builds(bodies.Poked, BYTE, SHORT),
)


def _same(one: str, other: str) -> bool:
    return ipaddress.ip_address(one) == ipaddress.ip_address(other)


@given(ANY)
def test_read_gives_what_was_packed(body: Any) -> None:
    packed = body.pack()
    assert type(body).read(packed).pack() == packed
    back = type(body).read(packed)
    for name, value in vars(body).items():
        if isinstance(value, Address):
            assert _same(value.ip, getattr(back, name).ip)
            assert value.port == getattr(back, name).port
        elif name != "addresses":
            assert getattr(back, name) == value


@given(
    st.sampled_from([bodies.Opened, bodies.Echoed, bodies.Fetch, bodies.Data, bodies.Poke, bodies.Poked]),
    st.binary(max_size=30),
)
def test_other_bytes_are_refused(kind: Any, data: bytes) -> None:
    if len(data) in (18, 3):
        return
    with pytest.raises(ValueError, match="no body|no address"):
        kind.read(data)


def test_opened_is_refused_where_its_lists_do_not_fit() -> None:
    nowhere = bodies.NOWHERE
    full = bodies.Opened(bytes(8), nowhere, nowhere, 1, 1, 1, 1, ("2001:db8::1",) * 8, ())
    with pytest.raises(ValueError, match="no body of OPENED"):
        bodies.Opened.read(full.pack() + b"x")
    with pytest.raises(ValueError, match="more than 8 addresses"):
        bodies.Opened(bytes(8), nowhere, nowhere, 1, 1, 1, 1, ("192.0.2.1",) * 9, ()).pack()


def test_the_longest_opened_fits_its_request() -> None:
    spans = (bodies.Span(bodies.SIP, bodies.UDP, (0, 7), 5060, 5060),) * 24
    body = bodies.Opened(bytes(8), bodies.NOWHERE, bodies.NOWHERE, 1, 1, 1, 1, ("2001:db8::1",) * 8, spans).pack()
    assert frames.OVERHEAD + len(body) <= bodies.OPEN_BYTES


def test_an_address_without_its_zone() -> None:
    assert Address.read(Address("fe80::1%eth0", 5).pack()) == Address("fe80::1", 5)
    for ip, port in (("router", 1), ("192.0.2.1", 65536), ("2001:db8::g", 1)):
        with pytest.raises(ValueError, match="is no address"):
            Address(ip, port).pack()
    with pytest.raises(ValueError, match="no address"):
        Address.read(b"")
