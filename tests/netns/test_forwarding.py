# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The router without an ALG: forwarding, masquerade, port forwards, blocked ports, loss, filters, no NAT, a relay."""

from __future__ import annotations

import threading

import pytest

from tests.lab.netns import PHONE, PUBLIC, SERVER, Lab, sip
from tests.lab.netns.lab import SECOND_PHONE, SECOND_SERVER
from tests.netns.talk import BRIEFLY, PATIENCE, Talk, receive

pytestmark = pytest.mark.netns


def test_the_server_sees_the_public_address_and_the_answer_comes_back(talk: Talk) -> None:
    phone = talk.phone()
    seen = talk.out(phone, b"hello")
    assert seen is not None
    assert (seen.got, seen.source) == (b"hello", (PUBLIC, phone.getsockname()[1]))
    answered = talk.back(phone, b"hello yourself", seen.source)
    assert answered is not None
    assert (answered.got, answered.source) == (b"hello yourself", talk.there)


def test_a_register_passes_unchanged_without_alg(talk: Talk) -> None:
    seen = talk.register(talk.phone())
    assert seen is not None
    assert seen.got == seen.sent
    assert not any("helper=" in line for line in talk.lab.router.entries())


def test_nobody_gets_in_unasked(talk: Talk) -> None:
    assert talk.back(talk.phone(5060), b"unasked", (PUBLIC, 5060), BRIEFLY) is None


def test_a_port_forward_lets_its_ports_in_and_no_other(talk: Talk) -> None:
    talk.lab.router.forward("5060, 10000-20000", PHONE)
    for port, arrives in ((5060, True), (10000, True), (20000, True), (20001, False)):
        seen = talk.back(talk.phone(port), b"come in", (PUBLIC, port), PATIENCE if arrives else BRIEFLY)
        assert (seen is not None) is arrives, port


def test_blocked_ports_are_blocked_and_their_neighbours_are_not(lab: Lab) -> None:
    lab.router.block("16384-17000")
    for port, arrives in ((16383, True), (16384, False), (17000, False), (17001, True)):
        with Talk(lab, port) as talk:
            seen = talk.out(talk.phone(), b"rtp", PATIENCE if arrives else BRIEFLY)
            assert (seen is not None) is arrives, port


def test_a_tenth_of_the_packets_is_lost(talk: Talk) -> None:
    talk.lab.router.lose(10)
    phone = talk.phone()
    arrived = 0
    # A hundred at a time: the receiver's buffer must not lose any of them itself.
    for turn in range(10):
        for number in range(100):
            phone.sendto(b"%d %d" % (turn, number), talk.there)
        while receive(talk.server, 0.1):
            arrived += 1
    # 1000 tries at 10 %: six standard deviations are 57.
    assert 843 < arrived < 957


def test_register_is_dropped_and_other_payload_of_its_port_passes(talk: Talk) -> None:
    talk.lab.router.drop_sip("REGISTER")
    phone = talk.phone()
    assert talk.register(phone, BRIEFLY) is None
    assert talk.out(phone, sip.options(phone.getsockname(), talk.there)) is not None
    assert talk.out(phone, b"neutral") is not None


def test_answers_are_dropped_and_requests_are_not(talk: Talk) -> None:
    talk.lab.router.drop_sip("SIP/", answers=True)
    phone = talk.phone()
    seen = talk.register(phone)
    assert seen is not None
    assert talk.back(phone, sip.answer(seen.got, seen.source), seen.source, BRIEFLY) is None
    assert talk.back(phone, b"neutral", seen.source) is not None


def test_a_symmetric_nat_gives_each_destination_its_own_port(lab: Lab) -> None:
    # Two ports drawn at random may be equal once in 60,000 times; three are never all equal.
    servers = [(SERVER, 5060), (SECOND_SERVER, 5060), (SECOND_SERVER, 5062)]

    def ports() -> set[int]:
        seen = set()
        with lab.lan.udp((PHONE, 0)) as phone:
            for place in servers:
                with lab.wan.udp(place) as server:
                    phone.sendto(b"who am i", place)
                    got = receive(server)
                    assert got is not None
                    seen.add(got[1][1])
        return seen

    assert len(ports()) == 1
    lab.router.symmetric_nat()
    assert len(ports()) > 1


def test_without_nat_the_server_sees_the_phone_itself(talk: Talk) -> None:
    talk.lab.without_nat()
    phone = talk.phone(address=SECOND_PHONE)
    seen = talk.register(phone)
    assert seen is not None
    assert (seen.source, seen.changed) == (phone.getsockname(), set())


def test_a_relay_in_the_path_edits_what_the_kernel_would_not(talk: Talk) -> None:
    lab = talk.lab
    lab.router.divert(5060, 15060)
    phone = talk.phone()
    with lab.router.namespace.udp(("0.0.0.0", 15060)) as inner, lab.router.namespace.udp((PUBLIC, 0)) as outer:

        def relay() -> None:
            request, source = inner.recvfrom(65535)
            outer.sendto(request.replace(b"Max-Forwards: 70", b"Max-Forwards: 69"), talk.there)
            inner.sendto(outer.recv(65535), source)

        worker = threading.Thread(target=relay)
        worker.start()
        seen = talk.register(phone)
        assert seen is not None
        answered = talk.back(phone, b"SIP/2.0 200 OK\r\n\r\n", seen.source)
        worker.join(5)
    assert (seen.changed, seen.source[0]) == ({"Max-Forwards"}, PUBLIC)
    # The phone sees the server's address, not the relay's.
    assert answered is not None
    assert answered.source == talk.there
