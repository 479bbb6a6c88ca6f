# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marker in a SIP-shaped message: found wherever it stands, and believed only with the session's key."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import frames, marker

SESSION = b"session1"
KEYS = frames.keys_of("a pre-shared key of the tests, long enough", SESSION)


@given(number=st.integers(0, 0xFFFFFF), wish=st.sampled_from([marker.STANDARD, marker.HOLD]), upper=st.booleans())
def test_a_marker_is_found_in_any_case(number: int, wish: int, upper: bool) -> None:
    written = marker.marker(KEYS, marker.CLIENT, marker.id_of(SESSION, number, wish))
    assert re.fullmatch(r"vep[a-z2-7]{32}", written)
    assert len(written) == marker.CHARACTERS
    text = (
        f"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{written.upper() if upper else written}\r\n"
    )
    mark = marker.find(KEYS, marker.CLIENT, SESSION, text.encode())
    assert mark is not None
    assert (mark.number, mark.wish, mark.id) == (number, wish, marker.id_of(SESSION, number, wish))


def test_one_harmed_marker_leaves_the_others() -> None:
    written = marker.marker(KEYS, marker.CLIENT, marker.id_of(SESSION, 7))
    harmed = written[:20] + ("a" if written[20] != "a" else "b") + written[21:]
    for text in (
        f"{harmed} {written}",
        f"{written} {harmed}",
        f"vep {written[:30]} {written}",
        f"{harmed} {harmed} {written}",
    ):
        mark = marker.find(KEYS, marker.CLIENT, SESSION, text.encode())
        assert mark is not None
        assert mark.number == 7
    assert marker.find(KEYS, marker.CLIENT, SESSION, harmed.encode()) is None


def test_it_proves_the_maker_the_session_and_the_key() -> None:
    message_id = marker.id_of(SESSION, 7)
    data = marker.marker(KEYS, marker.CLIENT, message_id).encode()
    assert marker.find(KEYS, marker.CLIENT, SESSION, data) is not None
    assert marker.find(KEYS, marker.REFLECTOR, SESSION, data) is None
    assert marker.find(KEYS, marker.CLIENT, b"session2", data) is None
    other = frames.keys_of("a pre-shared key of the tests, long enough", b"session2")
    assert marker.find(other, marker.CLIENT, SESSION, data) is None


def test_a_datagram_of_forged_markers_costs_eight_hashes_at_most() -> None:
    forged = [marker.marker(KEYS, marker.REFLECTOR, marker.id_of(SESSION, number)) for number in range(100)]
    assert len(list(marker.marks_in(" ".join(forged).encode()))) == 8
    assert len(list(marker.marks_in(" ".join([forged[0]] * 100).encode()))) == 1


def test_a_number_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError):
        marker.id_of(SESSION, 1 << 24)
