# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the quotes of two hops prove, and what they do not."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import ttl
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.messages import Dialog, Endpoint, Shape, request

SENT = request(Shape("OPTIONS"), Dialog(Endpoint("192.168.77.10", 53253), Endpoint("203.0.113.10", 5060), "ttlmark"))
EDITED = SENT.replace(b"192.168.77.10:53253", b"203.0.113.1:53253")
QUOTED = 500


def hop(number: int, data: bytes) -> ttl.Hop:
    return ttl.Hop(number, f"10.0.0.{number}", data[:QUOTED])


def test_a_change_between_two_hops_names_the_first_of_them() -> None:
    found = ttl.judge([SENT] * 3, [hop(1, SENT), hop(2, EDITED), hop(3, EDITED)])

    assert (found.changed_by, found.address, found.unchanged_up_to) == (1, "10.0.0.1", 1)
    assert {change.name for change in found.changes} == {"via", "from", "contact"}
    assert {change.inserted for change in found.changes} == {("203.0.113.1",)}


def test_unchanged_quotes_are_unchanged_as_far_as_they_reach() -> None:
    found = ttl.judge([SENT] * 3, [hop(1, SENT), ttl.Hop(2), hop(3, SENT)])

    assert (found.changed_by, found.changes, found.unchanged_up_to, found.octets) == (None, (), 3, QUOTED)


@pytest.mark.parametrize("quote", [b"", SENT[:8], EDITED[:99]])
def test_no_quote_or_a_short_one_says_nothing(quote: bytes) -> None:
    found = ttl.judge([SENT], [ttl.Hop(1, "10.0.0.1", quote)])

    assert found.as_dict() == {"changed_by": None, "address": "", "changes": [], "unchanged_up_to": 0, "octets": 0}


def test_only_a_time_exceeded_message_counts_as_a_hop() -> None:
    def ancillary(origin: int, kind: int) -> bytes:
        error = struct.pack("=IBBBBII", 113, origin, kind, 0, 0, 0, 0)
        return error + struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton("192.168.77.1"))

    assert ttl._offender(ancillary(2, 11)) == "192.168.77.1"
    assert ttl._offender(ancillary(2, 3)) is None
    assert ttl._offender(ancillary(1, 11)) is None
    assert ttl._offender(b"short") is None


@pytest.mark.parametrize(
    ("answers", "repeated"),
    [
        ([[hop(1, SENT), hop(2, EDITED)]] * 2, True),
        ([[hop(1, SENT), hop(2, EDITED)], [hop(1, SENT), hop(2, SENT)]], False),
        ([[hop(1, SENT), hop(2, EDITED)], [hop(1, EDITED), hop(2, EDITED)]], True),
        ([[hop(1, SENT), hop(2, SENT)]], False),
    ],
)
def test_a_change_must_be_seen_twice(
    answers: list[list[ttl.Hop]], repeated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = list(answers)

    async def trace(local: str, target: Address, hops: int) -> ttl.Finding:
        return ttl.judge([SENT] * 2, left.pop(0))

    monkeypatch.setattr(ttl, "trace", trace)
    found, again = asyncio.run(ttl.trace_twice("192.168.77.10", Address("203.0.113.10", 5060), 2))
    assert again is repeated
    assert left == []
    assert found.changed_by is None or found.words == "hop 1 (10.0.0.1)"


def test_a_silent_hop_shares_the_suspicion() -> None:
    found = ttl.judge([SENT] * 3, [hop(1, SENT), ttl.Hop(2), hop(3, EDITED)])

    assert (found.changed_by, found.unchanged_up_to) == (2, 1)
    assert found.words == "hop 2 or something before it"


@pytest.mark.skipif(not ttl.is_supported(), reason="the error queue of UDP sockets is Linux's own")
def test_a_target_on_this_very_host_has_no_hops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ttl, "PATIENCE", 0.05)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
        end.bind(("127.0.0.1", 0))
        end.settimeout(2)
        found = asyncio.run(ttl.trace("127.0.0.1", Address("127.0.0.1", end.getsockname()[1]), 1))

        assert end.recv(2000).startswith(b"OPTIONS sip:probe@127.0.0.1:")
    assert (found.changed_by, found.octets) == (None, 0)


def test_elsewhere_it_says_that_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ttl.sys, "platform", "darwin")
    with pytest.raises(OSError, match="Linux"):
        asyncio.run(ttl.trace("127.0.0.1", Address("127.0.0.1", 9)))
