# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts under the reflector: the bounds of what it keeps, its buckets, its connections, and its settings."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import TCP, UDP, Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_limits import (
    Bucket,
    Limits,
    Rates,
    source_of,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import (
    Settings,
    read_key,
    secrets_of,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_store import (
    Bounds,
    Record,
    Session,
    Sessions,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_streams import Seats, Stream, Streams
from tests.unit.probe.reflecting import CONTROL, SECRET, SOURCE


def record(data: bytes) -> Record:
    return Record.of(data, UDP, SOURCE, CONTROL)


def opened(bounds: Bounds, sessions: int = 1) -> tuple[Sessions, list[Session]]:
    store = Sessions(bounds, (10000, 10009))
    found = [store.open(SECRET, Address(f"192.0.2.{n}", 1), bytes(12), 0) for n in range(sessions)]
    return store, [session for session in found if session is not None]


SMALL = Bounds(messages=4, session_bytes=3000, all_bytes=5000)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 1), st.integers(1, 4000)), max_size=60))
def test_what_is_kept_never_exceeds_its_bounds(steps: list[tuple[int, int, int, int]]) -> None:
    store, sessions = opened(SMALL, 3)
    for which, number, direction, size in steps:
        session = sessions[which]
        message = store.message(session, bytes((number,)) * 12, 0)
        store.keep(session, message, direction, record(os.urandom(size)))
        for each in sessions:
            assert len(each.messages) <= SMALL.messages
            assert each.bytes == sum(message.bytes for message in each.messages.values()) <= SMALL.session_bytes
        assert store.bytes == sum(each.bytes for each in sessions) <= SMALL.all_bytes
    store.sweep(1e9)
    assert (store.bytes, len(store)) == (0, 0)


def test_the_oldest_message_of_the_same_session_makes_way() -> None:
    store, (mine, other) = opened(SMALL, 2)
    for number, session in ((1, mine), (2, mine), (3, other)):
        assert store.keep(session, store.message(session, bytes((number,)), 0), 0, record(os.urandom(1400)))
    assert store.keep(mine, store.message(mine, b"\4", 0), 0, record(os.urandom(1400)))
    assert list(mine.messages) == [b"\2", b"\4"]
    assert list(other.messages) == [b"\3"]
    assert not store.keep(other, store.message(other, b"\5", 0), 0, record(os.urandom(1400))), "all together are full"


def test_of_one_message_eight_copies_are_kept_a_direction() -> None:
    store, (session,) = opened(Bounds())
    message = store.message(session, bytes(12), 0)
    assert [store.keep(session, message, 0, record(b"x")) for _copy in range(9)] == [True] * 8 + [False]
    assert store.keep(session, message, 1, record(b"x"))


def test_rtp_ports_are_even_within_the_range_and_begin_again() -> None:
    for first, last, wanted in ((10000, 10009, [10000, 10002, 10004, 10006, 10000]), (10001, 10002, [10002] * 5)):
        store = Sessions(Bounds(), (first, last))
        session = store.open(SECRET, SOURCE, bytes(12), 0)
        assert session is not None
        assert [store.message(session, bytes((n,)), 0).rtp for n in range(5)] == wanted


def test_a_bucket_lets_the_rate_through_and_the_burst_at_once() -> None:
    bucket = Bucket(2, 3, 100.0)
    assert [bucket.take(100.0) for _time in range(4)] == [True, True, True, False]
    assert [bucket.take(101.0) for _time in range(3)] == [True, True, False]
    assert [bucket.take(999.0) for _time in range(4)] == [True, True, True, False]


def test_no_more_sources_are_remembered_than_there_is_room_for() -> None:
    limits = Limits(Rates(source=1, sources=10), 0)
    for number in range(1000):
        assert limits.allow(f"2001:db8:0:{number:x}::1", 100, False, 0)
    assert len(limits._sources) == 10
    assert limits.allow("2001:db8:0:3e7::2", 100, False, 0)
    assert not limits.allow("2001:db8:0:3e7::3", 100, False, 0), "one site is one source"


def test_bytes_are_limited_for_all_together() -> None:
    limits = Limits(Rates(bytes=1000), 0)
    assert [limits.allow(f"192.0.2.{n}", 900, False, 0) for n in range(4)] == [True, True, False, False]


def test_a_source_is_an_ipv4_address_or_64_bits_of_ipv6() -> None:
    assert source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("2001:db8:1:2:3:4:5:6") == source_of("2001:db8:1:2::") != source_of("2001:db8:1:3::")


@contextmanager
def a_stream(source: Address = SOURCE, now: float = 0.0) -> Iterator[Stream]:
    with socket.socket() as connection:
        yield Stream(connection, source, CONTROL, now)


FRAME = frames.seal(frames.keys_of(SECRET), frames.HELLO, bytes(12), b"", size=100)
MESSAGE = b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\nContent-Length: 5\r\nTo: y\r\n\r\n12345"
ANSWER = b"SIP/2.0 200 OK\r\nl: 0\r\n\r\n"


@given(st.lists(st.sampled_from([FRAME, MESSAGE, ANSWER]), max_size=5), st.lists(st.integers(1, 200), min_size=1))
def test_a_stream_gives_what_was_sent_however_it_is_cut(wanted: list[bytes], cuts: list[int]) -> None:
    data, found, at = b"\r\n\r\n".join(wanted), [], 0
    with a_stream() as stream:
        while data:
            size = cuts[at % len(cuts)]
            stream.feed(data[:size], 0)
            data, at = data[size:], at + 1
            found += list(stream.take())
        assert found == wanted
        assert stream.rest() == b""


def test_a_message_that_is_shorter_than_it_says_is_left_over() -> None:
    with a_stream() as stream:
        stream.feed(MESSAGE[:-1], 5)
        assert list(stream.take()) == []
        assert stream.rest() == MESSAGE[:-1]
        assert stream.buffer == b""


def test_a_message_that_is_longer_than_it_says_is_taken_whole() -> None:
    with a_stream() as stream:
        stream.feed(MESSAGE + b"6789", 0)
        assert list(stream.take()) == [MESSAGE + b"6789"]


@pytest.mark.parametrize(
    "data",
    [
        b"GARBAGE-OF-A-SCANNER",
        b"\x16\x03\x01" + bytes(30),
        b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 99999\r\n\r\n",
        b"OPTIONS sip:a SIP/2.0\r\nX: " + bytes(8200),
        frames.seal(frames.keys_of(SECRET), 1, bytes(12), b"", size=9000)[:40],
    ],
)
def test_a_stream_of_something_else_is_not_gone_on_with(data: bytes) -> None:
    with a_stream() as stream:
        stream.feed(data, 0)
        with pytest.raises(ValueError, match="too long|neither"):
            list(stream.take())


def test_connections_have_seats_and_the_unproven_make_way() -> None:
    streams = Streams(Seats(all=3, source=2))
    made = [Stream(socket.socket(), Address(f"192.0.2.{n}", 1), CONTROL, n) for n in (1, 2, 3, 4, 5, 1, 1)]
    try:
        assert [streams.admit(stream) for stream in made[:3]] == [[], [], []]
        made[0].proven = True
        assert streams.admit(made[3]) == [made[1]], "the oldest without a proof"
        streams.remove(made[1])
        for stream in streams.open.values():
            stream.proven = True
        assert streams.admit(made[4]) is None
        streams.remove(made[2])
        assert streams.admit(made[5]) == []
        assert streams.admit(made[6]) is None, "a third of one source"
    finally:
        for stream in made:
            stream.connection.close()


def test_connections_have_their_time() -> None:
    streams = Streams()
    with a_stream() as unproven, a_stream() as proven:
        proven.proven = True
        for stream in (unproven, proven):
            streams.admit(stream)
        proven.feed(b"OPT", 20)
        assert streams.broken_off(20.9) == []
        assert streams.broken_off(21.1) == [proven]
        assert streams.overdue(9.9) == []
        assert streams.overdue(10.1) == [unproven]
        assert streams.overdue(200.1) == [unproven, proven]


def test_settings_have_defaults_and_say_what_is_open() -> None:
    settings = Settings.read('{"addresses": ["192.0.2.1", "192.0.2.2", "2001:DB8::1"]}')
    assert settings.addresses[2] == "2001:db8::1"
    places = settings.places(UDP)
    assert len(places) == len(set(places)) == 2 * 10005 + 4
    assert Address("192.0.2.2", 10000) not in places
    assert settings.places(TCP) == [
        Address(ip, port) for port in (29292, 29293, 5060, 5080) for ip in settings.addresses
    ]
    without = Settings.read('{"addresses": ["192.0.2.1"], "rtp_ports": null, "sip_ports": [5060]}')
    assert len(without.places(UDP)) == 3
    assert without.offer((SECRET,)).rtp == (10000, 20000)
    inside = Settings.read('{"addresses": ["192.0.2.1"], "rtp_ports": [5060, 5062]}')
    assert [place.port for place in inside.places(UDP)] == [29292, 29293, 5060, 5080, 5061, 5062]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"addresses": []}, "addresses: 1 to 8"),
        ({"addresses": ["0.0.0.0"]}, "an answer must come from where the request went"),
        ({"addresses": ["ff02::1"]}, "is not one address"),
        ({"addresses": ["router"]}, "does not appear to be"),
        ({"addresses": "192.0.2.1"}, "does not appear to be"),
        ({"sip_ports": [0]}, "sip_ports: 0 is no port"),
        ({"sip_ports": [True]}, "sip_ports: True is no port"),
        ({"sip_ports": list(range(5060, 5067))}, "6 at most"),
        ({"control_port": "29292"}, "control_port: 29292 is no port"),
        ({"rtp_ports": [20, 10]}, "the first is above the last"),
        ({"ports": 1}, "the settings are an object with"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Settings.read(json.dumps({"addresses": ["192.0.2.1"], **change}))


def test_settings_are_json() -> None:
    for text in ("[]", "{", '"x"'):
        with pytest.raises(ValueError, match="settings are an object|Expecting"):
            Settings.read(text)


def test_a_key_file_has_one_key_or_two_and_is_not_for_everybody(tmp_path: Path) -> None:
    old = SECRET[::-1]
    assert secrets_of(f"# made by hand\n{SECRET}\n\n{old}\n") == (SECRET, old)
    for text, words in (("", "holds one key"), (f"{SECRET}\n" * 3, "holds one key"), ("short", "fewer than 32")):
        with pytest.raises(ValueError, match=words):
            secrets_of(text)
    path = tmp_path / "key"
    path.write_text(SECRET, encoding="utf-8")
    path.chmod(0o640)
    assert read_key(str(path)) == (SECRET,)
    path.chmod(0o644)
    with pytest.raises(ValueError, match="open to everybody"):
        read_key(str(path))


def test_a_span_of_no_family_is_on_no_address() -> None:
    spans = Settings(("2001:db8::1", "192.0.2.1", "192.0.2.2")).spans()
    assert [span.addresses for span in spans if span.use == bodies.RTP] == [(0, 1)]
