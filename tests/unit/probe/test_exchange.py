# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be had is unknown and nothing else: a control channel that fails, halves of a stream, ports that are gone."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import (
    bodies,
    cases,
    control,
    exchange,
    frames,
    marker,
    more,
    nat,
    pinholes,
    ports,
    rtp,
    verdicts,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address, Data, Opened, Span
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.client import probe, probe_hops
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.control import Message, Session
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.evidence import (
    CHANGED,
    FRESH,
    IN,
    LOST,
    OUT,
    REPLY,
    SAME,
    UNKNOWN,
    UNPROVEN,
    Case,
    Path,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.messages import Shape
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.ports import Datagram, Port
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.settings import Options
from tests.lab.relay import Behaviour

Make = Callable[..., Any]
T = TypeVar("T")

LOCAL, SERVER = "127.0.0.1", Address("127.0.0.1", 29292)
SPANS = (Span(bodies.CONTROL, bodies.UDP, (0,), 29292, 29292),)
OPENED = Opened(b"sessions", Address("203.0.113.1", 4000), SERVER, 1800, 120, 128, 300, ("127.0.0.1",), SPANS)
KEYS = frames.keys_of("k" * frames.KEY_CHARACTERS, OPENED.session)
CASE = Case("OPTIONS", Path("udp", FRESH, 5060))
TCP_CASE = Case("OPTIONS", Path("tcp", FRESH, 5060))
PROOF = marker.marker(KEYS, marker.REFLECTOR, marker.id_of(OPENED.session, 1)).encode()
ANSWER = b"SIP/2.0 200 OK\r\nTo: <sip:a>;tag=" + PROOF + b"\r\nContent-Length: 0\r\n\r\n"
FORGED = b"SIP/2.0 200 OK\r\nTo: <sip:a>;tag=1\r\nContent-Length: 0\r\n\r\n"


class Canned(Session):
    """A session whose reflector says what the test wants, and is never reached."""

    def __init__(self, received: Any = None, sent: Any = None) -> None:
        super().__init__(Port(), SERVER, KEYS, OPENED)
        self.slowest = 0.001
        self.kept = {bodies.RECEIVED: received, bodies.SENT: sent}

    @property
    def patience(self) -> float:
        return 0.01

    async def fetch(self, message_id: bytes, direction: int) -> Any:
        return self.kept[direction]


def message(data: bytes, whole: bool = True) -> Message:
    return Message(data, SERVER, SERVER, whole)


def run(work: Awaitable[T]) -> T:
    async def inner() -> T:
        return await work

    return asyncio.run(inner())


def states(sightings: Sequence[Any]) -> list[tuple[str, str]]:
    return [(sighting.direction, sighting.state) for sighting in sightings]


@pytest.mark.parametrize(
    ("received", "sent", "heard", "expected"),
    [
        (None, None, [], [UNKNOWN]),
        ([message(b"x")], None, [], [UNKNOWN]),
        ([message(b"x")], [], [], [UNKNOWN]),
        ([message(b"x")], [message(ANSWER)], [], [LOST]),
        ([message(b"x")], [message(ANSWER)], [ANSWER], [SAME]),
        ([message(b"x")], [message(ANSWER)], [ANSWER, ANSWER], [SAME]),
        ([message(b"x")], [message(ANSWER)], [ANSWER.replace(b"<sip:a>", b"<sip:b>")], [CHANGED]),
        ([message(b"x")], [message(ANSWER)], [FORGED], [LOST, UNPROVEN]),
        ([message(b"x")], [message(ANSWER)], [FORGED, ANSWER], [SAME, UNPROVEN]),
        ([], [], [ANSWER], [UNPROVEN]),
        ([], [], [], []),
    ],
)
def test_what_became_of_the_answers(received: Any, sent: Any, heard: list[bytes], expected: list[str]) -> None:
    answers = [Datagram(data, SERVER, 0.0) for data in heard]

    found = exchange._replies(Canned(), CASE, received, sent, answers)
    assert [sighting.state for sighting in found] == expected


@pytest.mark.parametrize(
    ("received", "expected", "heard", "state"),
    [
        (None, b"", b"", [UNKNOWN]),
        ([], b"", b"", []),
        ([message(b"x")], b"", b"", [UNKNOWN]),
        ([message(b"x")], ANSWER, b"", [LOST]),
        ([message(b"x")], ANSWER, ANSWER[:-4], [LOST]),
        ([message(b"x")], ANSWER, ANSWER, [SAME]),
        ([message(b"x")], ANSWER, ANSWER.replace(b"200 OK", b"200 No"), [CHANGED]),
        ([message(b"x")], ANSWER, FORGED, [UNPROVEN]),
        ([], b"", FORGED, [UNPROVEN]),
    ],
)
def test_what_became_of_answers_in_a_stream(received: Any, expected: bytes, heard: bytes, state: list[str]) -> None:
    assert [s.state for s in exchange._stream(Canned(), TCP_CASE, received, expected, heard)] == state


def test_a_request_whose_fate_cannot_be_fetched_is_unknown_and_not_lost() -> None:
    async def work() -> Any:
        port = await ports.open_port(LOCAL)
        try:
            wire = exchange.Wire(Canned(), LOCAL)
            return await exchange.over_udp(wire, CASE, Shape("OPTIONS"), port, Address(LOCAL, port.local.port))
        finally:
            port.close()

    assert states(run(work())) == [(OUT, UNKNOWN), (REPLY, UNKNOWN)]


def test_a_connection_that_nobody_takes_is_a_lost_request() -> None:
    with socket.socket() as closed:
        closed.bind((LOCAL, 0))
        target = Address(LOCAL, closed.getsockname()[1])
    wire = exchange.Wire(Canned(), LOCAL)

    assert states(run(exchange.over_tcp(wire, TCP_CASE, Shape("OPTIONS", "tcp"), target))) == [(OUT, LOST)]


def test_a_stream_that_ends_early_was_cut_and_not_edited() -> None:
    class Cutting(Canned):
        async def fetch(self, message_id: bytes, direction: int) -> Any:
            return [message(b"OPTIONS sip:probe@", False)] if direction == bodies.RECEIVED else []

    with socket.socket() as listener:
        listener.bind((LOCAL, 0))
        listener.listen(1)
        wire = exchange.Wire(Cutting(), LOCAL)
        target = Address(LOCAL, listener.getsockname()[1])
        assert states(run(exchange.over_tcp(wire, TCP_CASE, Shape("OPTIONS", "tcp"), target))) == [(OUT, LOST)]


class Bound(Canned):
    """A session that sees a socket at once; what a POKE does is up to the test."""

    poked: bodies.Poked | None = None

    async def echo(self, port: Port, target: Address, size: int = 0) -> bodies.Echoed | None:
        return bodies.Echoed(port.local, target, bodies.NO_TICKET)

    async def poke(self, poke: bodies.Poke, size: int) -> bodies.Poked | None:
        return self.poked


def with_port(work: Callable[[Port], Awaitable[T]]) -> T:
    async def inner() -> T:
        port = await ports.open_port(LOCAL)
        try:
            return await work(port)
        finally:
            port.close()

    return asyncio.run(inner())


@pytest.mark.parametrize(
    ("sent", "expected"), [(None, [(IN, UNKNOWN)]), ([], []), ([message(b"INVITE sip:a SIP/2.0")], [(IN, LOST)])]
)
def test_an_invite_that_does_not_come(sent: Any, expected: list[tuple[str, str]]) -> None:
    session = Bound(sent=sent)
    found = with_port(lambda port: exchange.inbound(exchange.Wire(session, LOCAL), CASE, port, SERVER))

    assert states(found) == expected


def test_without_a_binding_nothing_is_said_about_what_comes_in() -> None:
    class Deaf(Bound):
        async def echo(self, port: Port, target: Address, size: int = 0) -> None:
            return None

    wire = exchange.Wire(Deaf(), LOCAL)
    assert with_port(lambda port: exchange.inbound(wire, CASE, port, SERVER)) == []
    assert run(pinholes.media(wire, SERVER, SERVER)) is None
    assert run(pinholes.signalling(wire, SERVER, SERVER)) is None
    assert run(rtp.inbound(wire.session, LOCAL, 30000, 30001, SERVER, 2)) is None
    found = run(nat.classify(wire.session, LOCAL, 29293, "127.0.0.2"))
    assert (found.mapping, found.filtering, found.samples) == (nat.UNKNOWN, nat.UNKNOWN, 0)


def test_packets_that_the_reflector_did_not_send_prove_no_closed_port() -> None:
    session = Bound([message(b"INVITE")], [])
    refused = Bound([message(b"INVITE")], [])
    refused.poked = bodies.Poked(bodies.NOT_ALLOWED, 0)
    done = Bound([message(b"INVITE")], [])
    done.poked = bodies.Poked(bodies.DONE, 100)

    for silent in (session, refused):
        assert run(pinholes.media(exchange.Wire(silent, LOCAL), SERVER, SERVER)) is None
        found = run(rtp.inbound(silent, LOCAL, 30100, 30101, SERVER, 2))
        assert found is not None
        assert (found.probed, found.busy) == (0, 2)
    closed = run(pinholes.media(exchange.Wire(done, LOCAL), SERVER, SERVER))
    assert closed is not None
    assert (closed.opened, closed.unasked) == (False, False)


@pytest.mark.parametrize(
    ("arrived", "swallowed"),
    [
        ([True, True], False),
        ([True, False, False, True], True),
        ([False, True, False, False, False, True], True),
        ([True, False, True], False),
        ([True, False, False, False, False], None),
        ([False, False], None),
        ([None], None),
        ([True, None], None),
        ([True, False, False, None], None),
    ],
)
def test_a_call_is_swallowed_only_if_it_arrives_once_the_other_has_ended(
    arrived: list[bool | None], swallowed: bool | None
) -> None:
    class Counting(Canned):
        async def fetch(self, message_id: bytes, direction: int) -> Any:
            came = left.pop(0)
            return None if came is None else [message(b"INVITE")] if came else []

    left = list(arrived)
    assert run(pinholes.second_phone(exchange.Wire(Counting(), LOCAL), SERVER, 2)) is swallowed
    assert left == []


def test_taken_ports_are_counted_apart() -> None:
    done = Bound()
    done.poked = bodies.Poked(bodies.DONE, 100)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((LOCAL, 0))
        port = taken.getsockname()[1]
        found = run(rtp.inbound(done, LOCAL, port, port, SERVER, 1))

    assert found is not None
    assert (found.busy, found.probed) == (1, 0)


def data_of(plain: bytes, packed: bytes | None = None, digest: bytes | None = None, chunk: bytes | None = None) -> Data:
    packed = zlib.compress(plain) if packed is None else packed
    digest = hashlib.sha256(plain).digest() if digest is None else digest
    whole = packed if chunk is None else chunk
    return Data(1, bodies.UDP, True, digest, SERVER, SERVER, len(plain), len(packed), 0, whole)


class Answering(Session):
    """A session whose FETCH is answered with one canned body, or not at all."""

    def __init__(self, data: Data | None) -> None:
        super().__init__(Port(), SERVER, KEYS, OPENED)
        self.data = data

    async def ask(self, kind: int, body: bytes, size: int, tries: int = 0) -> frames.Frame | None:
        if self.data is None:
            return None
        return frames.Frame(frames.DATA, OPENED.session, bytes(12), self.data.pack(), 1200)


@pytest.mark.parametrize(
    "data",
    [
        None,
        data_of(b"message", packed=b"no zlib stream"),
        data_of(b"message", digest=bytes(32)),
        data_of(b"message", chunk=b""),
    ],
)
def test_bytes_that_do_not_prove_themselves_are_not_had(data: Data | None) -> None:
    assert run(Answering(data).fetch(bytes(12), bodies.RECEIVED)) is None


def test_bytes_that_prove_themselves_are_had() -> None:
    found = run(Answering(data_of(b"message")).fetch(bytes(12), bodies.RECEIVED))

    assert found == [Message(b"message", SERVER, SERVER, True)]


def test_an_altered_answer_is_told_from_none() -> None:
    async def work(port: Port) -> tuple[Any, bool]:
        session = Session(port, SERVER, KEYS, OPENED)
        session.slowest = 0.1

        def send(data: bytes, target: Address) -> None:
            head = frames.head_of(data)
            assert head is not None
            answer = bytearray(frames.seal(KEYS, frames.ECHOED, head.nonce, bytes(74), OPENED.session))
            answer[-1] ^= 1
            asyncio.get_running_loop().call_soon(port.datagram_received, bytes(answer), tuple(target))

        port.send = send  # type: ignore[method-assign]
        return await session.tried(port, SERVER, frames.ECHO, b"", 200)

    assert with_port(work) == (None, True)


def test_loss_and_patience_follow_what_was_seen() -> None:
    session = Session(Port(), SERVER, KEYS, OPENED)
    assert (session.loss, session.patience) == (0.0, control.PATIENCE)
    session.sent, session.answered, session.slowest = 10, 7, 0.2
    assert session.loss == pytest.approx(0.3)
    assert session.patience == pytest.approx(0.8)
    session.slowest = 5.0
    assert session.patience == 2.0


def test_an_address_that_is_known_by_another_name() -> None:
    opened = replace(OPENED, arrived=Address("10.0.0.9", 29292))
    session = Session(Port(), SERVER, KEYS, opened)

    assert session.own(Address(SERVER.ip, 5060)) == ("10.0.0.9", 5060)
    assert session.own(Address("192.0.2.2", 5060)) == ("192.0.2.2", 5060)


def test_a_reflector_without_sip_ports_leaves_cases_and_measures_out() -> None:
    places = cases.Places.of(OPENED, 29292)
    options = Options(SERVER, "k" * 32)
    measures = more.More(options, Canned(), LOCAL, places)
    run(measures.all())

    assert (places.sip_udp, places.sip_tcp, places.rtp, places.spare, places.second) == ((), (), None, None, None)
    assert places.media_sample() is None
    assert list(cases.over_udp(places, cases.sources(False))) == []
    assert list(cases.over_tcp(places)) == []
    assert [case.path.port for case in cases.inbound(places, cases.sources(True))] == [29292]
    assert measures.facts == {}
    assert any("kind of NAT" in line for line in measures.not_tested)
    assert any("media ports" in line for line in measures.not_tested)


def test_the_second_address_is_another_one_of_ipv4() -> None:
    opened = replace(OPENED, addresses=("2001:db8::1", "127.0.0.1", "127.0.0.2"))

    assert cases.Places.of(opened, 29292).second == "127.0.0.2"


def test_a_port_keeps_a_bounded_number_of_datagrams() -> None:
    port = Port()

    async def flood() -> None:
        for index in range(200):
            port.datagram_received(b"%d" % index, ("127.0.0.1", 9))
        port.error_received(OSError("refused"))
        assert await port.take(lambda datagram: datagram.data == b"3", 0) is not None
        assert await port.take(lambda datagram: False, 0) is None

    asyncio.run(flood())
    assert len(port.received) == 63
    port.send(b"nobody", SERVER)
    port.close()


def test_the_first_hops_alone_prove_no_clean_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.voip.edge.plugins.module_utils._edge.probe.ttl.PATIENCE", 0.02)
    outcome = probe_hops(Options(SERVER, "", provider=Address(LOCAL, 9), local=LOCAL))

    assert outcome.verdict.verdict == verdicts.INCONCLUSIVE
    with pytest.raises(ValueError, match="provider"):
        probe_hops(Options(SERVER, ""))


def test_forwards_and_the_provider_are_facts_of_a_run(way: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ansible_collections.voip.edge.plugins.module_utils._edge.probe.ttl.PATIENCE", 0.02)
    options = replace(way(Behaviour()).options, forwarded=(30200, 30201))
    outcome = probe(replace(options, provider=Address(options.server.ip, 9)))

    assert outcome.facts["media_in"]["blocked"] == [[30200, 30201]]
    assert outcome.facts["hops"]["changed_by"] is None
    assert any("quoted enough" in line for line in outcome.verdict.not_tested)
