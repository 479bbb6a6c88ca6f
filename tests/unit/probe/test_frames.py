# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The envelope of client and reflector: what is sealed is what is unsealed, and nothing else is taken for a frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import frames

SECRET = "a pre-shared key of the tests, long enough"
SESSION = b"session1"
KEYS = frames.keys_of(SECRET, SESSION)
NONCE = bytes(range(12))


@given(
    kind=st.integers(1, 11),
    nonce=st.binary(min_size=12, max_size=12),
    body=st.binary(max_size=1400),
    size=st.integers(0, 2000),
)
def test_what_is_sealed_is_unsealed(kind: int, nonce: bytes, body: bytes, size: int) -> None:
    data = frames.seal(KEYS, kind, nonce, body, SESSION, size)
    assert len(data) == max(size, frames.OVERHEAD + len(body))
    assert frames.head_of(data) == frames.Head(kind, SESSION, nonce, len(data))
    assert frames.unseal(KEYS, data) == frames.Frame(kind, SESSION, nonce, body, len(data))


@given(at=st.integers(0, 299), bit=st.integers(0, 7))
def test_a_frame_with_one_bit_changed_is_none(at: int, bit: int) -> None:
    data = bytearray(frames.seal(KEYS, frames.ECHO, NONCE, b"body", SESSION, 300))
    data[at] ^= 1 << bit
    assert frames.unseal(KEYS, bytes(data)) is None


@given(st.binary(max_size=200))
def test_other_bytes_are_no_frame(data: bytes) -> None:
    assert frames.unseal(KEYS, data) is None
    assert frames.unseal(KEYS, frames.MAGIC + data) is None


def test_a_frame_is_neither_cut_nor_followed_by_more() -> None:
    data = frames.seal(KEYS, frames.ECHO, NONCE, b"body", SESSION)
    for cut in range(len(data)):
        assert frames.unseal(KEYS, data[:cut]) is None
    assert frames.unseal(KEYS, data + b"x") is None
    head = frames.head_of(data[:27] + b"more to come over TCP")
    assert head is not None
    assert head.size == len(data)


def test_other_keys_do_not_open_it() -> None:
    data = frames.seal(KEYS, frames.ECHO, NONCE, b"body", SESSION)
    assert frames.unseal(frames.keys_of(SECRET), data) is None
    assert frames.unseal(frames.keys_of(SECRET + "x", SESSION), data) is None


def test_an_address_in_a_body_is_not_seen_on_the_wire() -> None:
    body = bytes((192, 168, 77, 10)) * 20
    first = frames.seal(KEYS, frames.ECHO, NONCE, body, SESSION)
    answer = frames.seal(KEYS, frames.ECHOED, NONCE, body, SESSION)
    assert bytes((192, 168, 77, 10)) not in first
    assert first[27:-16] != answer[27:-16], "request and answer of one nonce have masks of their own"


def test_a_length_that_exceeds_the_frame_is_refused_though_the_tag_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(frames.struct, "pack", lambda form, value: (value + 1).to_bytes(2, "big"))
        data = frames.seal(KEYS, frames.ECHO, NONCE, b"body", SESSION)
    assert frames.unseal(KEYS, data) is None


def test_a_short_key_and_a_long_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 32 characters"):
        frames.keys_of("x" * 31)
    with pytest.raises(ValueError, match="cannot be that long"):
        frames.seal(KEYS, frames.ECHO, NONCE, b"", SESSION, 65536)


def test_each_type_has_its_name_and_a_nonce_is_new() -> None:
    assert [frames.NAMES[kind] for kind in frames.REQUESTS] == ["HELLO", "OPEN", "ECHO", "FETCH", "POKE"]
    assert len({frames.new_nonce() for dummy in range(100)}) == 100
