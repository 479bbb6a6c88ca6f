# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay does what its edits say, and nothing to anything else."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.lab.relay import Behaviour, Relay
from tests.lab.relay_edits import EDITS, IN, OUT, REPLY, Flow, direction_of, forged_reply

SIP = (
    b"INVITE sip:probe@203.0.113.10:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.168.77.10:53253;rport;branch=z9hG4bK1\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: <sip:probe@192.168.77.10:53253>;tag=1\r\n"
    b"Call-ID: a@192.168.77.10\r\n"
    b"Contact: <sip:probe@192.168.77.10:53253>\r\n"
    b"User-Agent: phone\r\n"
    b"Content-Length: 79\r\n\r\n"
    b"o=- 1 1 IN IP4 192.168.77.10\r\nc=IN IP4 192.168.77.10\r\na=rtcp:1 IN IP4 192.168.77.10\r\n"
).replace(b"Content-Length: 79", b"Content-Length: 85")
NEUTRAL = b"\x80\x81 no sip"
GOING = Flow(("192.168.77.10", 53253), ("203.0.113.1", 53253), OUT)


def test_linux_translates_the_flow_and_leaves_reference_lines() -> None:
    edited = EDITS["linux"](SIP, GOING)

    assert edited is not None
    assert b"Via: SIP/2.0/UDP 203.0.113.1:53253;rport" in edited
    assert b"Contact: <sip:probe@203.0.113.1:53253>" in edited
    assert b"Call-ID: a@192.168.77.10" in edited
    assert b"c=IN IP4 203.0.113.1\r\na=rtcp:1 IN IP4 192.168.77.10\r\n" in edited
    assert b"Content-Length: 81\r\n" in edited
    assert len(edited.partition(b"\r\n\r\n")[2]) == 81


def test_linux_translates_back_in_a_reply() -> None:
    reply = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1:53253;received=203.0.113.1;rport=40000\r\n\r\n"
    flow = Flow(("192.168.77.10", 53253), ("203.0.113.1", 40000), REPLY)

    edited = EDITS["linux"](reply, flow)
    assert edited is not None
    assert b"received=192.168.77.10;rport=53253" in edited


@pytest.mark.parametrize("name", sorted(set(EDITS) - {"drop_non_sip", "drop_all"}))
def test_no_edit_touches_what_is_not_sip(name: str) -> None:
    assert EDITS[name](NEUTRAL, GOING) == NEUTRAL


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("sdp_only", lambda data: b"Via: SIP/2.0/UDP 192" in data and b"c=IN IP4 203" in data and b": 81\r" in data),
        ("stale_length", lambda data: b"c=IN IP4 203" in data and b"Content-Length: 85" in data),
        ("register_only", lambda data: data == SIP),
        ("replies_only", lambda data: data == SIP),
        ("inbound_invite_only", lambda data: data == SIP),
        ("drop_invite", lambda data: data is None),
        ("drop_sip", lambda data: data is None),
        ("drop_all", lambda data: data is None),
        ("drop_replies", lambda data: data == SIP),
        ("drop_non_sip", lambda data: data == SIP),
        ("header_removed", lambda data: b"User-Agent" not in data and len(data) < len(SIP)),
        ("header_added", lambda data: b"X-Gateway: 203.0.113.1\r\n" in data),
        ("header_reordered", lambda data: data != SIP and sorted(data) == sorted(SIP)),
        ("crlf_to_lf", lambda data: b"\r" not in data),
        ("blind_replace", lambda data: b"192.168.77.10" not in data),
    ],
)
def test_what_each_edit_does_to_an_invite(name: str, effect: object) -> None:
    assert callable(effect)
    assert effect(EDITS[name](SIP, GOING))


def test_an_inbound_invite_and_a_register_are_edited_by_their_edits() -> None:
    inbound = Flow(GOING.outside, GOING.inside, IN)

    assert EDITS["inbound_invite_only"](SIP, inbound) != SIP
    assert EDITS["register_only"](SIP.replace(b"INVITE", b"REGISTER", 1), GOING) != SIP.replace(
        b"INVITE", b"REGISTER", 1
    )
    assert EDITS["drop_replies"](b"SIP/2.0 200 OK\r\n\r\n", GOING) is None
    assert EDITS["drop_non_sip"](NEUTRAL, GOING) is None


def test_directions_and_a_forged_reply() -> None:
    assert direction_of(SIP, True) == OUT
    assert direction_of(SIP, False) == IN
    assert direction_of(forged_reply(SIP), False) == REPLY
    assert b"Call-ID: a@192.168.77.10" in forged_reply(SIP)


class Path:
    """A client and a server with a relay between them, on addresses of the loopback that nobody else uses."""

    def __init__(self, stack: ExitStack, behaviour: Behaviour) -> None:
        self.server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.server.bind(("127.9.0.4", 5060))
        self.other = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.other.bind(("127.9.0.4", 5080))
        self.client = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.client.bind(("127.9.0.1", 0))
        self.relay = stack.enter_context(Relay("127.9.0.2", "127.9.0.3", "127.9.0.4", (5060, 5080), (5060,), behaviour))
        for end in (self.server, self.other, self.client):
            end.settimeout(2)


@contextmanager
def path(behaviour: Behaviour | None = None) -> Iterator[Path]:
    with ExitStack() as stack:
        yield Path(stack, behaviour or Behaviour())


def test_packets_go_there_and_back_with_the_port_preserved() -> None:
    with path() as way:
        way.client.sendto(b"there", ("127.9.0.2", 5060))
        data, source = way.server.recvfrom(100)
        way.server.sendto(b"back", source)

        assert (data, source) == (b"there", ("127.9.0.3", way.client.getsockname()[1]))
        assert way.client.recvfrom(100) == (b"back", ("127.9.0.2", 5060))


def test_another_port_of_the_server_is_let_in_only_when_asked() -> None:
    with path() as way:
        way.client.sendto(b"there", ("127.9.0.2", 5060))
        source = way.server.recvfrom(100)[1]
        way.other.sendto(b"unasked", source)
        way.server.sendto(b"asked", source)
        assert way.client.recv(100) == b"asked"

        way.client.sendto(b"there", ("127.9.0.2", 5080))
        assert way.other.recvfrom(100)[1] == source, "the mapping does not depend on the other end"
        way.other.sendto(b"now asked", source)
        assert way.client.recv(100) == b"now asked"


def test_only_the_ports_of_the_alg_are_edited() -> None:
    with path(Behaviour(("crlf_to_lf",))) as way:
        way.client.sendto(SIP, ("127.9.0.2", 5060))
        way.client.sendto(SIP, ("127.9.0.2", 5080))

        assert b"\r" not in way.server.recv(2000)
        assert way.other.recv(2000) == SIP


def test_it_answers_by_itself() -> None:
    with path(Behaviour(answers=True)) as way:
        way.client.sendto(SIP, ("127.9.0.2", 5060))

        assert way.client.recv(2000).startswith(b"SIP/2.0 200 OK\r\n")
        way.server.settimeout(0.05)
        with pytest.raises(OSError, match="timed out"):
            way.server.recv(2000)


def test_a_pinhole_leads_to_the_media_port() -> None:
    with path(Behaviour(pinholes=True)) as way, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media:
        media.bind(("127.9.0.1", 0))
        media.settimeout(2)
        port = media.getsockname()[1]
        way.client.sendto(SIP + b"m=audio %d RTP/AVP 0\r\n" % port, ("127.9.0.2", 5060))
        way.server.recv(2000)
        way.other.sendto(b"media", ("127.9.0.3", port))

        assert media.recv(100) == b"media"


def test_a_mapping_ends_and_random_loss_is_the_share_that_was_asked_for() -> None:
    with path(Behaviour(timeout=0.05)) as way:
        way.client.sendto(b"there", ("127.9.0.2", 5080))
        source = way.other.recvfrom(100)[1]
        way.client.settimeout(0.15)
        with pytest.raises(OSError, match="timed out"):
            way.client.recv(100)
        way.other.sendto(b"late", source)
        with pytest.raises(OSError, match="timed out"):
            way.client.recv(100)
    with path(Behaviour(loss=0.5)) as way:
        for _index in range(200):
            way.client.sendto(b"x", ("127.9.0.2", 5080))
        way.other.settimeout(0.1)
        arrived = 0
        try:
            while True:
                way.other.recv(10)
                arrived += 1
        except OSError:
            pass
        assert 60 < arrived < 140


def test_a_delay_is_added_in_either_direction() -> None:
    with path(Behaviour(delay=0.1)) as way:
        began = time.monotonic()
        way.client.sendto(b"there", ("127.9.0.2", 5080))
        source = way.other.recvfrom(100)[1]
        way.other.sendto(b"back", source)

        assert way.client.recv(100) == b"back"
        assert 0.2 <= time.monotonic() - began < 1.0


def test_tcp_is_passed_on_and_edited_by_the_segment() -> None:
    with path(Behaviour(("crlf_to_lf",))), socket.socket() as listener, socket.socket() as client:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.9.0.4", 5060))
        listener.listen(1)
        client.settimeout(2)
        client.bind(("127.9.0.1", 0))
        client.connect(("127.9.0.2", 5060))
        listener.settimeout(2)
        with listener.accept()[0] as far:
            far.settimeout(2)
            client.sendall(SIP)
            assert far.recv(2000) == SIP.replace(b"\r\n", b"\n")
            far.sendall(b"SIP/2.0 200 OK\r\n\r\n")
            assert client.recv(2000) == b"SIP/2.0 200 OK\n\n"
