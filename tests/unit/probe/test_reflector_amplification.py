# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever comes in, from wherever: never more bytes out than in, and nobody gets a byte who did not prove himself."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames, marker
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import TCP, UDP, Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_limits import Packet, Reply
from tests.unit.probe.reflecting import CONTROL, HERE, SIP, SOURCE, SPARE, STRANGER, Table

# One for all examples: what came before must not help what comes later. Its clock does not move, so its buckets run empty
# unless the test moves it.
TABLE = Table()
TABLE.open()
TICKET = TABLE.ticket()
OTHER_TICKET = Table().answers.proofs.ticket(SOURCE, TABLE.session, 9e8)

ORIGINS = st.sampled_from([CONTROL, SPARE, SIP, Address(HERE, 15000), Address("2001:db8::10", 5060), STRANGER])
IDS = st.builds(marker.id_of, st.sampled_from([TABLE.session, bytes(8)]), st.integers(0, 40), st.integers(0, 2))
POKES = st.builds(
    bodies.Poke,
    st.sampled_from([TICKET, OTHER_TICKET, bodies.NO_TICKET]),
    st.integers(0, 3),
    ORIGINS,
    st.sampled_from([0, 0, 53, 1023, 1024, 5060]),
    st.one_of(st.just(0), st.integers(0, 65535)),
    IDS,
).map(lambda poke: poke.pack())
FETCHES = st.builds(bodies.Fetch, IDS, st.integers(0, 2), st.integers(0, 9), st.integers(0, 3000)).map(
    lambda f: f.pack()
)
BODIES = st.one_of(st.binary(max_size=100), POKES, FETCHES, st.just(TABLE.answers.proofs.cookie(SOURCE, 1000)))
SIZES = st.one_of(st.just(0), st.integers(0, 1500))


def _frame(kind: int, body: bytes, size: int, keyless: bool) -> bytes:
    if keyless:
        return frames.seal(frames.keys_of(TABLE.secret), kind, frames.new_nonce(), body, size=size)
    return TABLE.frame(kind, body, size)


FRAMES = st.builds(_frame, st.integers(0, 12), BODIES, SIZES, st.booleans())
LINES = st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=6)
METHODS = st.sampled_from(["REGISTER", "OPTIONS", "INVITE", "ACK", "BYE", "CANCEL", "MESSAGE", "options", ""])
MESSAGES = st.builds(
    TABLE.sip, METHODS, st.integers(0, 40), st.integers(0, 2), LINES, st.text("v=0\r\nmaudio 123", max_size=900)
)


def _damaged(data: bytes, at: int, bit: int, cut: int) -> bytes:
    whole = bytearray(data)
    whole[at % len(whole)] ^= bit
    return bytes(whole[: len(whole) - cut % len(whole)])


PROVEN = st.one_of(FRAMES, MESSAGES)
DAMAGED = st.builds(_damaged, PROVEN, st.integers(0, 3000), st.sampled_from([0, 1, 32, 128]), st.integers(0, 40))
GARBAGE = st.one_of(st.binary(max_size=1500), st.binary(max_size=100).map(lambda data: frames.MAGIC + data))
SOURCES = st.sampled_from([SOURCE, SOURCE, Address(SOURCE.ip, 5060), STRANGER, Address("2001:db8::99", 5060)])


def give(data: bytes, source: Address, transport: int = UDP, whole: bool = True) -> Reply:
    TABLE.now += 0.1
    TABLE.answers.sessions.get(TABLE.session, TABLE.now)
    session = TABLE.answers.sessions._open[TABLE.session]
    session.ends, session.seen = TABLE.now + 1e6, TABLE.now
    return TABLE.give(data, source, transport=transport, whole=whole)


def total(packets: list[Packet]) -> int:
    return sum(len(packet.data) for packet in packets)


@settings(max_examples=400)
@given(st.one_of(PROVEN, DAMAGED, GARBAGE), SOURCES, st.sampled_from([UDP, TCP]), st.booleans())
def test_never_more_bytes_out_than_in(data: bytes, source: Address, transport: int, whole: bool) -> None:
    reply = give(data, source, transport, whole)
    assert total(reply.packets) <= len(data)
    assert reply.room == len(data) - total(reply.packets)
    for packet in reply.packets:
        assert packet.target.ip == source.ip, "nothing goes to any other address than the one that asked"


@settings(max_examples=200)
@given(GARBAGE, SOURCES)
def test_no_answer_without_a_proof(data: bytes, source: Address) -> None:
    before = dict(TABLE.answers.counters)
    assert give(data, source).packets == []
    assert TABLE.answers.counters["unproven"] == before["unproven"] + 1


@settings(max_examples=200)
@given(
    st.one_of(FRAMES, MESSAGES).filter(lambda data: data[5:13] != bytes(8)),
    st.sampled_from([STRANGER, Address("2001:db8::99", 5060)]),
)
def test_no_answer_to_a_caught_request_from_another_address(data: bytes, source: Address) -> None:
    assert give(data, source).packets == []


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(0, 100))
def test_the_guard_by_itself(texts: list[bytes], room: int) -> None:
    reply = Reply(room)
    taken: list[Any] = [reply.add(Packet(text, UDP, CONTROL, SOURCE)) for text in texts]
    assert total(reply.packets) + reply.room == room
    assert reply.room >= 0
    assert reply.refused == taken.count(False)
    assert [packet.data for packet in reply.packets] == [text for text, fits in zip(texts, taken) if fits]
