# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's own SIP ALG, held against what was written down about it before."""

from __future__ import annotations

import itertools
import socket

import pytest

from tests.lab.netns import PHONE, PUBLIC, SERVER, Lab, sip
from tests.lab.netns.lab import BEHIND_CARRIER
from tests.netns.talk import BRIEFLY, Seen, Talk, receive

pytestmark = pytest.mark.netns("alg")

# Every INVITE names an RTP port of its own: the ALG drops one whose port another flow is expected on.
_rtp = itertools.count(30000, 2)


def call_in(talk: Talk, phone: socket.socket) -> Seen | None:
    """Register, answer that, and send an INVITE to the address from which the REGISTER came."""
    seen = talk.register(phone)
    assert seen is not None
    assert talk.back(phone, sip.answer(seen.got, seen.source), seen.source) is not None
    target = f"sip:probe@{seen.source[0]}:{seen.source[1]}"
    return talk.back(phone, sip.invite((SERVER, 5060), target, next(_rtp)), seen.source)


def registered(talk: Talk, phone: socket.socket) -> str:
    """The address in the Via of a REGISTER when the server gets it."""
    seen = talk.register(phone)
    assert seen is not None
    return sip.header(seen.got, "Via").split()[1].split(":")[0]


def test_a_register_goes_out_with_the_public_address(talk: Talk) -> None:
    talk.lab.router.alg_on()
    phone = talk.phone()
    port = phone.getsockname()[1]
    seen = talk.register(phone)
    assert seen is not None
    assert seen.changed == {"Via", "From", "Contact"}
    assert sip.header(seen.got, "Via").startswith(f"SIP/2.0/UDP {PUBLIC}:{port};rport;branch=")
    assert sip.header(seen.got, "From").startswith(f"<sip:probe@{PUBLIC}:{port}>;tag=")
    assert sip.header(seen.got, "Contact") == f"<sip:probe@{PUBLIC}:{port}>"
    assert PHONE in sip.header(seen.got, "Call-ID")


def test_an_answer_is_translated_back_so_it_looks_clean(talk: Talk) -> None:
    talk.lab.router.alg_on()
    phone = talk.phone()
    port = phone.getsockname()[1]
    seen = talk.register(phone)
    assert seen is not None
    answered = talk.back(phone, sip.answer(seen.got, seen.source), seen.source)
    assert answered is not None
    assert answered.changed == {"Via", "From", "Contact"}
    via = sip.header(answered.got, "Via")
    assert via.startswith(f"SIP/2.0/UDP {PHONE}:{port};received={PHONE};rport={port};branch=")


def test_an_invite_goes_out_with_the_public_address_in_its_sdp_too(talk: Talk) -> None:
    talk.lab.router.alg_on()
    phone = talk.phone()
    rtp = next(_rtp)
    seen = talk.out(phone, sip.invite(phone.getsockname(), f"sip:probe@{SERVER}", rtp))
    assert seen is not None
    assert seen.changed == {"Via", "From", "Contact", "Content-Length", "o=", "c="}
    assert sip.header(seen.got, "c=") == f"IN IP4 {PUBLIC}"
    body = seen.got.split(b"\r\n\r\n")[1]
    assert sip.header(seen.got, "Content-Length") == str(len(body))
    expected = talk.lab.router.expectations()
    for port in (rtp, rtp + 1):
        # For 180 seconds, from the server's address alone, whatever its port.
        seconds = [
            int(line.split()[0]) for line in expected if f"src={SERVER} dst={PUBLIC} sport=0 dport={port} " in line
        ]
        assert seconds == [pytest.approx(180, abs=2)]


def test_an_invite_comes_in_with_the_private_address(talk: Talk) -> None:
    talk.lab.router.alg_on()
    phone = talk.phone()
    seen = call_in(talk, phone)
    assert seen is not None
    assert seen.changed == {"start", "To"}
    assert seen.got.startswith(f"INVITE sip:probe@{PHONE}:{phone.getsockname()[1]} SIP/2.0\r\n".encode())


def test_tcp_is_rewritten_like_udp(lab: Lab) -> None:
    lab.router.alg_on()
    there = (SERVER, 5060)
    with lab.wan.tcp(there) as server, lab.lan.tcp((PHONE, 0)) as phone:
        server.listen(1)
        phone.connect(there)
        sent = sip.register(phone.getsockname(), there, "TCP")
        phone.sendall(sent)
        served, source = server.accept()
        with served:
            served.settimeout(3)
            got = served.recv(65535)
    assert source[0] == PUBLIC
    assert sip.changed(sent, got) == {"Via", "From", "Contact"}


def test_over_two_segments_only_the_one_with_the_end_of_the_headers_is_rewritten(lab: Lab) -> None:
    lab.router.alg_on()
    there = (SERVER, 5060)
    with lab.wan.tcp(there) as server, lab.lan.tcp((PHONE, 0)) as phone:
        server.listen(1)
        phone.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        phone.connect(there)
        sent = sip.register(phone.getsockname(), there, "TCP")
        cut = sent.index(b"From: ")
        served = server.accept()[0]
        with served:
            served.settimeout(3)
            got = []
            for part in (sent[:cut], sent[cut:]):
                phone.sendall(part)
                got.append(served.recv(65535))
    assert got[0] == sent[:cut]
    assert sip.changed(sent, b"".join(got)) == {"From", "Contact"}


def test_only_its_own_ports_are_touched(lab: Lab) -> None:
    lab.router.alg_on([5080])
    for port, address in ((5060, PHONE), (5080, PUBLIC)):
        with Talk(lab, port) as talk:
            assert registered(talk, talk.phone()) == address, port


def test_off_touches_nothing(talk: Talk) -> None:
    talk.lab.router.alg_on()
    assert talk.lab.router.has_alg()
    talk.lab.router.alg_off()
    assert not talk.lab.router.has_alg()
    seen = talk.register(talk.phone())
    assert seen is not None
    assert seen.got == seen.sent


def test_old_entries_keep_it_until_they_are_flushed(talk: Talk) -> None:
    router = talk.lab.router
    router.alg_on()
    old = talk.phone(5060)
    assert registered(talk, old) == PUBLIC
    router.alg_off()
    assert registered(talk, old) == PUBLIC
    assert registered(talk, talk.phone()) == PHONE
    assert [line for line in router.entries("-p", "udp", "--orig-port-src", "5060") if "helper=sip" in line]
    router.flush()
    assert registered(talk, old) == PHONE


def test_a_flow_with_the_helper_lives_an_hour(talk: Talk) -> None:
    talk.lab.router.alg_on()
    talk.register(talk.phone())
    with Talk(talk.lab, 5090) as other:
        other.register(other.phone())
    left = {line.split("dport=")[1].split()[0]: int(line.split()[2]) for line in talk.lab.router.entries("-p", "udp")}
    assert 3590 < left["5060"] <= 3600
    assert left["5090"] <= 30


def test_without_nat_it_rewrites_nothing_and_is_there_all_the_same(talk: Talk) -> None:
    talk.lab.without_nat()
    talk.lab.router.alg_on()
    phone = talk.phone()
    rtp = next(_rtp)
    seen = talk.out(phone, sip.invite(phone.getsockname(), f"sip:probe@{SERVER}", rtp))
    assert seen is not None
    assert seen.changed == set()
    assert any(f"dport={rtp}" in line for line in talk.lab.router.expectations())
    assert all(int(line.split()[2]) > 3590 for line in talk.lab.router.entries("-p", "udp", "--dport", "5060"))


def test_a_phone_with_another_port_in_its_via_gets_the_answer_there(talk: Talk) -> None:
    talk.lab.router.alg_on()
    phone, named = talk.phone(), talk.phone()
    sent = sip.register(phone.getsockname(), talk.there)
    sent = sent.replace(b":%d;rport" % phone.getsockname()[1], b":%d;rport" % named.getsockname()[1])
    seen = talk.out(phone, sent)
    assert seen is not None
    talk.server.sendto(sip.answer(seen.got, seen.source), seen.source)
    assert receive(named) is not None
    assert receive(phone, BRIEFLY) is None


def test_the_inner_router_puts_in_the_address_that_the_carrier_gave_it(double: Lab) -> None:
    double.router.alg_on()
    with Talk(double) as talk:
        assert registered(talk, talk.phone()) == BEHIND_CARRIER


def test_an_alg_of_the_carrier_shows_in_what_comes_in_alone(double: Lab) -> None:
    assert double.carrier is not None
    double.carrier.alg_on()
    with Talk(double) as talk:
        phone = talk.phone()
        assert registered(talk, phone) == PHONE
        seen = call_in(talk, talk.phone())
        assert seen is not None
        assert "start" in seen.changed
        assert seen.got.startswith(f"INVITE sip:probe@{BEHIND_CARRIER}:".encode())


def test_two_nats_without_alg_pass_everything_as_it_is(double: Lab) -> None:
    with Talk(double) as talk:
        seen = talk.register(talk.phone())
        assert seen is not None
        assert (seen.source[0], seen.changed) == (PUBLIC, set())
        invited = call_in(talk, talk.phone())
        assert invited is not None
        assert invited.changed == set()
