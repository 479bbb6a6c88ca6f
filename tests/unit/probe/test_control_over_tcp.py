# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site that lets no UDP to the control port out: the control channel goes over TCP, and the verdict says so."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, control, frames, stream, verdicts
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.client import probe
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.control import NoReflector, open_session
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.stream import Stream
from tests.lab.relay import Behaviour

Make = Callable[..., Any]
CONTROL, SPARE = 29292, 29293


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE", 0.1)
    monkeypatch.setattr(stream, "ANSWER_SECONDS", 1.0)


def test_a_path_without_udp_to_the_control_port_is_judged_all_the_same(way: Make) -> None:
    said: list[str] = []
    outcome = probe(way(blocked=(CONTROL,)).options, said.append)

    assert (outcome.verdict.verdict, outcome.verdict.rewritings) == (verdicts.CLEAN, ())
    assert outcome.facts["control"] == "tcp"
    assert outcome.facts["nat_type"]["preserved"] == 6
    assert outcome.facts["loss"] == 0.0
    assert "over TCP" in said[0]
    assert any("the control channel went over TCP" in line for line in outcome.verdict.not_tested)


def test_over_udp_nothing_is_said_of_tcp(way: Make) -> None:
    outcome = probe(way().options)

    assert outcome.facts["control"] == "udp"
    assert not any("TCP" in line for line in outcome.verdict.not_tested)


def test_an_alg_is_found_over_it(way: Make) -> None:
    outcome = probe(way(Behaviour(("linux",)), blocked=(CONTROL,)).options)

    assert outcome.verdict.verdict == verdicts.REWRITTEN
    assert {r.direction for r in outcome.verdict.rewritings} == {"out", "reply", "in"}


def test_lifetimes_are_asked_for_over_it(way: Make) -> None:
    options = replace(way(Behaviour(timeout=2.5), blocked=(CONTROL,)).options, lifetime_cap=5.0)
    found = probe(options).facts["lifetimes"]

    assert found[f"exchange to {SPARE}"] == {"low": 2.0, "high": 3.0, "monotonic": True}


def test_loss_is_counted_over_udp_since_tcp_hides_it(way: Make) -> None:
    options = way(Behaviour(loss=0.05), blocked=(CONTROL,)).options

    async def loss() -> float:
        session = await open_session(options.local, options.server, options.secret)
        try:
            assert await session.alive()
            for _more in range(9):
                await session.alive()
            return session.loss
        finally:
            session.close()

    assert 0 < asyncio.run(loss()) < 0.5


def test_where_no_udp_passes_the_ports_are_blocked_and_the_loss_is_not_known(way: Make) -> None:
    every = (CONTROL, SPARE, 5060, 5080, *range(10000, 10064))
    outcome = probe(way(blocked=every).options)

    assert outcome.verdict.verdict == verdicts.PORT_BLOCKED
    assert "nothing passes, UDP from port fresh to 5060" in outcome.verdict.reasons
    assert any("how much is lost over UDP" in line for line in outcome.verdict.not_tested)


def test_a_connection_that_breaks_is_made_anew(way: Make) -> None:
    options = way(blocked=(CONTROL,)).options

    async def work() -> tuple[bool, bool]:
        session = await open_session(options.local, options.server, options.secret)
        try:
            assert session.stream is not None
            before = await session.alive()
            assert session.stream._writer is not None
            session.stream._writer.close()
            await asyncio.sleep(0.05)
            return before, await session.alive()
        finally:
            session.close()

    assert asyncio.run(work()) == (True, True)


def test_another_key_over_tcp_is_no_reflector(way: Make) -> None:
    options = way(blocked=(CONTROL,)).options

    with pytest.raises(NoReflector, match="over UDP in 4 tries and over TCP"):
        probe(replace(options, secret="another key of enough characters, too"))


def answered_by(talk: Callable[[socket.socket], None]) -> bytes | None:
    """What a stream makes of a server that talks like that."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)

        def serve() -> None:
            with listener.accept()[0] as door:
                door.recv(4096)
                talk(door)

        server = threading.Thread(target=serve)
        server.start()

        async def ask() -> bytes | None:
            asking = Stream("127.0.0.1", Address("127.0.0.1", listener.getsockname()[1]))
            try:
                return await asking.ask(frame, bytes(12))
            finally:
                asking.close()

        frame = frames.seal(frames.keys_of("k" * 32), frames.ECHO, bytes(12), b"", size=bodies.ECHO_BYTES)
        try:
            return asyncio.run(ask())
        finally:
            server.join(5)


KEYS = frames.keys_of("k" * 32)
ANSWER = frames.seal(KEYS, frames.ECHOED, bytes(12), b"body")
OTHER = frames.seal(KEYS, frames.ECHOED, bytes(11) + b"x", b"body")
TOO_LONG = frames.seal(KEYS, frames.ECHOED, bytes(12), b"", size=20000)


def test_answers_are_put_together_and_told_apart() -> None:
    def in_pieces(door: socket.socket) -> None:
        for piece in (OTHER + ANSWER[:5], ANSWER[5:]):
            door.sendall(piece)
            time.sleep(0.02)

    assert answered_by(in_pieces) == ANSWER


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request, and more of it\r\n\r\n", TOO_LONG])
def test_what_is_no_answer_ends_the_question_at_once(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "ANSWER_SECONDS", 30.0)

    assert answered_by(lambda door: door.sendall(answer)) is None


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = Address("127.0.0.1", closed.getsockname()[1])

    async def ask() -> bytes | None:
        return await Stream("127.0.0.1", place).ask(b"frame", bytes(12))

    assert asyncio.run(ask()) is None
