# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of the reflector, one by one: who gets a session, what is echoed, kept, fetched and sent where."""

from __future__ import annotations

import hashlib
import zlib

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames, marker
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import TCP, UDP, Address, Poke
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_limits import Rates
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_store import Bounds
from tests.unit.probe.reflecting import CONTROL, HERE, SECRET, SIP, SOURCE, SPARE, STRANGER, Table

V6 = Address("2001:db8::99", 40000)


def id_of(table: Table, number: int = 1, wish: int = marker.STANDARD) -> bytes:
    return marker.id_of(table.session, number, wish)


def test_a_session_says_what_is_offered() -> None:
    table = Table()
    opened = table.open()
    assert (opened.mapped, opened.arrived) == (SOURCE, CONTROL)
    assert (opened.seconds, opened.kept, opened.messages, opened.rate) == (1800, 120, 128, 300)
    assert opened.addresses == (HERE, "203.0.113.11", "2001:db8::10")
    assert bodies.Span(bodies.RTP, UDP, (0, 2), 10000, 20000) in opened.spans
    assert bodies.Span(bodies.SIP, TCP, (0, 1, 2), 5080, 5080) in opened.spans


def test_a_cookie_is_for_one_address_and_port_and_two_minutes() -> None:
    table = Table()
    cookie = table.body(table.ask(frames.HELLO)[0])
    for source in (STRANGER, Address(SOURCE.ip, SOURCE.port + 1)):
        assert table.ask(frames.OPEN, cookie, source=source) == []
    assert table.ask(frames.OPEN, cookie[:-1]) == []
    assert table.ask(frames.OPEN, cookie[:-1] + bytes((cookie[-1] ^ 1,))) == []
    table.now += 121
    assert table.ask(frames.OPEN, cookie) == []
    assert table.answers.counters["bad_cookie"] == 5
    assert len(table.answers.sessions) == 0


def test_an_open_that_is_sent_again_opens_nothing_new() -> None:
    table = Table()
    cookie = table.body(table.ask(frames.HELLO)[0])
    request = table.frame(frames.OPEN, cookie, 512)
    first, second = (bodies.Opened.read(table.body(table.give(request).packets[0])) for _time in range(2))
    assert first.session == second.session
    assert len(table.answers.sessions) == 1


def test_the_old_key_is_taken_beside_the_new_one_and_no_other() -> None:
    table = Table((SECRET, "the key before it, which is still known here"))
    table.open()
    table.secret = "the key before it, which is still known here"
    table.open()
    assert table.ask(frames.ECHO) != []
    table.session, table.keys = frames.NO_SESSION, frames.keys_of("a key that nobody has ever given to anybody")
    assert table.ask(frames.HELLO) == []


def test_a_request_too_short_for_its_answer_has_none() -> None:
    table = Table()
    assert table.ask(frames.HELLO, size=0) == []
    assert table.answers.counters["too_long"] == 1
    assert len(table.ask(frames.HELLO, size=bodies.HELLO_BYTES)) == 1


def test_a_session_belongs_to_the_address_that_opened_it_and_ends() -> None:
    table = Table()
    table.open()
    assert table.ask(frames.ECHO, source=STRANGER) == []
    assert table.ask(frames.ECHO, source=Address(SOURCE.ip, 1)) != []
    assert table.ask(frames.HELLO) == [], "a handshake has no session"
    for _minute in range(29):
        table.now += 60
        assert table.ask(frames.ECHO) != []
    table.now += 61
    assert table.ask(frames.ECHO) == [], "1800 seconds, however busy it is"
    table.open()
    table.now += 301
    assert table.ask(frames.ECHO) == [], "300 seconds without a word"


def test_frames_that_are_no_requests_have_no_answer() -> None:
    table = Table()
    table.open()
    for kind in (frames.COOKIE, frames.OPENED, frames.ECHOED, frames.DATA, frames.POKED, frames.PING, 0, 12, 255):
        assert table.ask(kind) == []
    table.session, table.keys = frames.NO_SESSION, frames.keys_of(SECRET)
    assert table.ask(frames.ECHO) == [], "not outside of a session"


def test_an_echo_is_as_long_as_its_request_and_its_ticket_is_for_udp() -> None:
    table = Table()
    table.open()
    packet = table.ask(frames.ECHO, size=777, local=SIP)[0]
    echoed = bodies.Echoed.read(table.body(packet))
    assert len(packet.data) == 777
    assert (packet.origin, packet.target) == (SIP, SOURCE)
    assert (echoed.mapped, echoed.arrived) == (SOURCE, SIP)
    over_tcp = bodies.Echoed.read(table.body(table.ask(frames.ECHO, transport=TCP)[0]))
    assert over_tcp.ticket == bodies.NO_TICKET


def test_a_poke_sends_one_packet_from_where_it_is_asked_to() -> None:
    table = Table()
    table.open()
    ticket = table.ticket(Address(SOURCE.ip, 41000))
    poked, packets = table.poke(Poke(ticket, bodies.PLAIN, SPARE, size=500))
    assert poked == bodies.Poked(bodies.DONE, 500)
    assert [(len(p.data), p.origin, p.target) for p in packets] == [(500, SPARE, Address(SOURCE.ip, 41000))]
    frame = frames.unseal(table.keys, packets[0].data)
    assert frame is not None
    assert (frame.type, frame.nonce) == (frames.PING, table.nonce.to_bytes(12, "big"))


def test_a_poke_to_another_port_is_small_and_not_below_1024() -> None:
    table = Table()
    table.open()
    ticket = table.ticket()
    poked, packets = table.poke(Poke(ticket, bodies.PLAIN, SPARE, 5060))
    assert (poked.status, packets[0].target) == (bodies.DONE, Address(SOURCE.ip, 5060))
    for poke in (
        Poke(ticket, bodies.PLAIN, SPARE, 1023),
        Poke(ticket, bodies.PLAIN, SPARE, 5060, 201),
        Poke(ticket, bodies.INVITE, SPARE, 5060, 0, id_of(table)),
        Poke(ticket, bodies.INVITE, SPARE, 0, 0, bytes(12)),
        Poke(ticket, 7, SPARE),
    ):
        assert table.poke(poke) == (bodies.Poked(bodies.NOT_ALLOWED, 0), [])


def test_a_poke_needs_a_ticket_of_this_session_that_is_for_its_sender() -> None:
    table = Table()
    table.open()
    other = table.ticket()
    table.open()
    ticket = table.ticket()
    forged = ticket[:-1] + bytes((ticket[-1] ^ 1,))
    elsewhere = table.answers.proofs.ticket(STRANGER, table.session, table.now + 100)
    for bad in (other, forged, bodies.NO_TICKET, elsewhere):
        assert table.poke(Poke(bad, bodies.PLAIN, SPARE)) == (bodies.Poked(bodies.BAD_TICKET, 0), [])
    ended = table.answers.proofs.ticket(SOURCE, table.session, table.now - 2)
    assert table.poke(Poke(ended, bodies.PLAIN, SPARE))[0].status == bodies.BAD_TICKET


@pytest.mark.parametrize("origin", [STRANGER, Address(HERE, 9), Address("2001:db8::10", 5060)])
def test_a_poke_comes_from_a_socket_of_ours_and_of_the_tickets_family(origin: Address) -> None:
    table = Table()
    table.open()
    assert table.poke(Poke(table.ticket(), bodies.PLAIN, origin)) == (bodies.Poked(bodies.NO_ORIGIN, 0), [])


def test_a_poke_pays_for_its_packet() -> None:
    table = Table()
    table.open()
    ticket = table.ticket()
    assert table.poke(Poke(ticket, bodies.PLAIN, SPARE, size=500), 540)[0].status == bodies.TOO_LONG
    poked, packets = table.poke(Poke(ticket, bodies.INVITE, SPARE, id=id_of(table)), 300)
    assert (poked.status, packets) == (bodies.TOO_LONG, [])
    assert table.fetch(id_of(table), bodies.SENT).count == 0


@pytest.mark.parametrize(("source", "local"), [(SOURCE, CONTROL), (V6, Address("2001:db8::10", 29292))])
def test_our_invite_goes_to_the_ticket_and_can_be_fetched(source: Address, local: Address) -> None:
    table = Table()
    table.open(source)
    ticket = table.ticket(source)
    origin = Address(local.ip, 5060)
    packets = table.ask(
        frames.POKE, Poke(ticket, bodies.INVITE, origin, id=id_of(table, 5)).pack(), source=source, local=local
    )
    text = packets[0].data
    assert (packets[0].origin, packets[0].target) == (origin, source)
    mark = marker.find(table.keys, marker.REFLECTOR, table.session, text)
    assert mark is not None
    assert mark.number == 5
    where = f"[{source.ip}]:40000" if ":" in source.ip else f"{source.ip}:40000"
    assert text.startswith(f"INVITE sip:probe@{where} SIP/2.0\r\n".encode())
    head, body = text.split(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    asked = bodies.Fetch(id_of(table, 5), bodies.SENT, 0, 0).pack()
    data = bodies.Data.read(table.body(table.ask(frames.FETCH, asked, source=source)[0]))
    assert zlib.decompress(data.chunk) == text
    assert (data.source, data.destination) == (origin, source)


def test_a_message_is_kept_as_it_came_and_its_answer_as_it_went() -> None:
    table = Table()
    table.open()
    request = table.sip("OPTIONS")
    answer = table.give(request, local=SIP).packets[0]
    assert (answer.origin, answer.target) == (SIP, SOURCE), "not to the Via"
    for direction, text, source, target in (
        (bodies.RECEIVED, request, SOURCE, SIP),
        (bodies.SENT, answer.data, SIP, SOURCE),
    ):
        data = table.fetch(id_of(table), direction)
        assert (data.count, data.source, data.destination) == (1, source, target)
        assert (data.sha256, data.size) == (hashlib.sha256(text).digest(), len(text))
        assert zlib.decompress(data.chunk) == text


def test_a_long_message_is_fetched_in_pieces_of_the_requests_size() -> None:
    table = Table()
    table.open()
    filler = "".join(hashlib.sha256(bytes((n,))).hexdigest() for n in range(40))
    request = table.sip("OPTIONS", more=(f"Subject: {filler}",))
    table.give(request)
    packed = b""
    while True:
        data = table.fetch(id_of(table), bodies.RECEIVED, 0, len(packed), 400)
        packed += data.chunk
        if len(packed) >= data.compressed:
            break
        assert len(data.chunk) == 400 - bodies.DATA_BYTES
    assert zlib.decompress(packed) == request


def test_what_is_not_there_is_said_to_be_not_there() -> None:
    table = Table()
    table.open()
    table.give(table.sip("OPTIONS"))
    assert table.fetch(id_of(table, 9), bodies.RECEIVED).count == 0
    assert (
        table.fetch(id_of(table), bodies.RECEIVED, 3).count,
        table.fetch(id_of(table), bodies.RECEIVED, 3).size,
    ) == (1, 0)
    assert table.fetch(id_of(table), bodies.RECEIVED, 0, 60000).chunk == b""
    table.now += 121
    table.answers.sessions.sweep(table.now)
    assert table.fetch(id_of(table), bodies.RECEIVED).count == 0, "kept for 120 seconds"


def test_authentic_nonsense_is_counted_and_not_answered() -> None:
    table = Table()
    table.open()
    assert table.ask(frames.FETCH, b"short") == []
    assert table.ask(frames.POKE, b"short") == []
    assert table.ask(frames.FETCH, bodies.Fetch(bytes(12), 2, 0, 0).pack()) == []
    assert table.answers.counters["malformed"] == 3


def test_an_altered_message_is_kept_though_it_cannot_be_answered() -> None:
    table = Table()
    table.open()
    mangled = table.sip("REGISTER").replace(b"Via:", b"Vix:")
    assert table.give(mangled).packets == []
    assert zlib.decompress(table.fetch(id_of(table), bodies.RECEIVED).chunk) == mangled


def test_a_message_from_elsewhere_is_kept_and_nobody_is_answered() -> None:
    table = Table()
    table.open()
    reply = table.give(table.sip("OPTIONS"), source=STRANGER)
    assert (reply.packets, reply.proven) == ([], False)
    assert table.fetch(id_of(table), bodies.RECEIVED).source == STRANGER
    assert table.answers.counters["elsewhere"] == 1


def test_the_answer_to_our_invite_is_kept_and_not_answered() -> None:
    table = Table()
    table.open()
    mark = marker.marker(table.keys, marker.REFLECTOR, id_of(table))
    answer = (
        f"SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP {HERE};branch=z9hG4bK{mark}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert table.give(answer).packets == []
    assert zlib.decompress(table.fetch(id_of(table), bodies.RECEIVED).chunk) == answer


def test_a_message_without_a_session_or_too_long_is_nothing() -> None:
    table = Table()
    table.open()
    long = table.sip("OPTIONS", body="x" * 8192)
    request = table.sip("OPTIONS")
    table.now += 1801
    for data in (long, request):
        reply = table.give(data)
        assert (reply.packets, reply.proven) == ([], False)
    assert table.answers.counters["unproven"] == 2


def test_the_rest_of_a_broken_stream_is_kept_and_not_answered() -> None:
    table = Table()
    table.open()
    assert table.give(table.sip("OPTIONS"), transport=TCP, whole=False).packets == []
    data = table.fetch(id_of(table), bodies.RECEIVED)
    assert (data.whole, data.transport) == (False, TCP)


def test_an_invite_is_answered_twice_if_that_fits_and_finally_in_any_case() -> None:
    table = Table()
    table.open()
    roomy = table.give(table.sip("INVITE", 1, more=(f"Subject: {'x' * 900}",))).packets
    assert [packet.data.split(b"\r\n")[0] for packet in roomy] == [
        b"SIP/2.0 183 Session Progress",
        b"SIP/2.0 488 Not Acceptable Here",
    ]
    tight = table.give(table.sip("INVITE", 2)).packets
    assert [packet.data.split(b"\r\n")[0] for packet in tight] == [b"SIP/2.0 488 Not Acceptable Here"]
    held = table.give(table.sip("INVITE", 3, marker.HOLD, (f"Subject: {'x' * 900}",))).packets
    assert [packet.data.split(b"\r\n")[0] for packet in held] == [b"SIP/2.0 183 Session Progress"]
    assert table.give(table.sip("INVITE", 4, marker.HOLD)).packets == []
    assert table.answers.counters["too_long"] == 1


def test_each_invite_has_an_rtp_port_of_its_own_and_keeps_it() -> None:
    table = Table()
    table.open()
    ports = []
    for number in (1, 2, 3, 1):
        text = table.give(table.sip("INVITE", number, marker.HOLD, (f"Subject: {'x' * 900}",))).packets[0].data
        ports.append(int(text.split(b"m=audio ")[1].split()[0]))
    assert ports == [10000, 10002, 10004, 10000]


def test_who_asks_too_often_waits() -> None:
    table = Table(rates=Rates(source=5, handshakes=2))
    table.open()
    answered = [bool(table.ask(frames.ECHO)) for _time in range(20)]
    assert answered == [True] * 8 + [False] * 12, "ten at once, of which opening took two"
    assert table.give(table.sip("OPTIONS")).packets == []
    assert table.answers.counters["limited"] == 13
    table.now += 1
    assert [bool(table.ask(frames.ECHO)) for _time in range(6)] == [True] * 5 + [False]


def test_a_flood_of_handshakes_leaves_the_sessions_alone() -> None:
    table = Table(rates=Rates(source=1000, handshakes=5))
    table.open()
    mine = table.session, table.keys
    table.session, table.keys = frames.NO_SESSION, frames.keys_of(SECRET)
    hellos = [table.ask(frames.HELLO, source=Address(f"192.0.2.{n}", 1)) for n in range(100)]
    assert sum(map(bool, hellos)) == 8
    table.session, table.keys = mine
    assert table.ask(frames.ECHO) != []


def test_no_more_sessions_than_there_is_room_for() -> None:
    table = Table(bounds=Bounds(sessions=3, sessions_of_source=2))
    table.open()
    table.open()
    with pytest.raises(IndexError):
        table.open()
    table.open(STRANGER)
    with pytest.raises(IndexError):
        table.open(V6)
    assert table.answers.counters["no_session_left"] == 2
    table.now += 301
    table.open(V6)
    assert len(table.answers.sessions) == 1
