# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reflector's SIP: what an answer copies, where its proof stands, and what is not taken for a request."""

from __future__ import annotations

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import frames, marker, reflector_sip
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import TCP, UDP, Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_sip import Place

SESSION = b"session1"
KEYS = frames.keys_of("a pre-shared key of the tests, long enough", SESSION)
MARK = marker.Mark(SESSION, marker.STANDARD, 7, b"")
PROOF = marker.marker(KEYS, marker.REFLECTOR, MARK.id).encode()
PLACE = Place(Address("198.51.100.7", 61000), Address("203.0.113.10", 5060), UDP, 10002)

REQUEST = b"""\
REGISTER sip:203.0.113.10 SIP/2.0
Via: SIP/2.0/UDP 192.168.77.10:5060;rport;branch=z9hG4bKa
Via: SIP/2.0/UDP 192.168.77.11:5060;branch=z9hG4bKb
From: <sip:probe@192.168.77.10>;tag=1
To: <sip:probe@203.0.113.10>
Call-ID: a@192.168.77.10
CSeq: 1 REGISTER
Contact: <sip:probe@192.168.77.10:5060>
Expires: 90

""".replace(b"\n", b"\r\n")


def answered(data: bytes, place: Place = PLACE, mark: marker.Mark = MARK) -> list[list[list[bytes]]]:
    """Each answer of each choice as lines."""
    request = reflector_sip.parse(data)
    assert request is not None
    choices = reflector_sip.answers(request, mark, KEYS, place)
    return [[text.split(b"\r\n") for text in texts] for texts in choices]


def test_a_register_gets_back_what_it_said() -> None:
    assert answered(REQUEST) == [
        [
            [
                b"SIP/2.0 200 OK",
                b"Via: SIP/2.0/UDP 192.168.77.10:5060;rport=61000;branch=z9hG4bKa;received=198.51.100.7",
                b"Via: SIP/2.0/UDP 192.168.77.11:5060;branch=z9hG4bKb",
                b"From: <sip:probe@192.168.77.10>;tag=1",
                b"To: <sip:probe@203.0.113.10>;tag=" + PROOF,
                b"Call-ID: a@192.168.77.10",
                b"CSeq: 1 REGISTER",
                b"Contact: <sip:probe@192.168.77.10:5060>",
                b"Expires: 90",
                b"Content-Length: 0",
                b"",
                b"",
            ]
        ]
    ]


@pytest.mark.parametrize(
    ("old", "new", "seconds"),
    [
        (b"Expires: 90", b"Expires: 3600", 300),
        (b"Expires: 90", b"Expires: soon", 60),
        (b"Expires: 90\r\n", b"", 60),
        (b"10:5060>\r\n", b"10:5060>;expires=33\r\n", 33),
        (b"Expires: 90", b"Expires: 0", 0),
    ],
)
def test_how_long_a_registration_lasts(old: bytes, new: bytes, seconds: int) -> None:
    request = reflector_sip.parse(REQUEST.replace(old, new))
    assert request is not None
    assert reflector_sip.expires(request) == seconds


def test_compact_names_folded_lines_and_bare_line_feeds_are_understood() -> None:
    compact = (
        REQUEST.replace(b"Via:", b"v:").replace(b"From:", b"f:").replace(b"To:", b"t:").replace(b"Call-ID:", b"i:")
    )
    lines = answered(compact.replace(b"Contact:", b"m:"))[0][0]
    assert lines[1].startswith(b"v: SIP/2.0/UDP 192.168.77.10:5060;rport=61000;")
    assert lines[5] == b"i: a@192.168.77.10"
    assert b"m: <sip:probe@192.168.77.10:5060>" in lines
    folded = answered(REQUEST.replace(b"To: <", b"To:\r\n <"))[0][0]
    assert b"To: <sip:probe@203.0.113.10>;tag=" + PROOF in folded
    assert answered(REQUEST.replace(b"\r\n", b"\n")) == answered(REQUEST)


def test_only_the_topmost_via_is_stamped() -> None:
    joined = REQUEST.replace(b"z9hG4bKa\r\nVia:", b"z9hG4bKa,")
    assert answered(joined)[0][0][1] == (
        b"Via: SIP/2.0/UDP 192.168.77.10:5060;rport=61000;branch=z9hG4bKa;received=198.51.100.7,"
        b" SIP/2.0/UDP 192.168.77.11:5060;branch=z9hG4bKb"
    )
    filled = answered(REQUEST.replace(b";rport;", b";rport=5;"))[0][0][1]
    assert b";rport=5;" in filled


def test_a_request_within_a_dialog_keeps_its_tag_and_carries_the_proof_apart() -> None:
    inside = REQUEST.replace(b"To: <sip:probe@203.0.113.10>", b"To: <sip:probe@203.0.113.10>;tag=9").replace(
        b"REGISTER", b"BYE"
    )
    lines = answered(inside)[0][0]
    assert b"To: <sip:probe@203.0.113.10>;tag=9" in lines
    assert b"Server: " + PROOF in lines


def test_an_ack_has_no_answer() -> None:
    assert answered(REQUEST.replace(b"REGISTER", b"ACK")) == []


@pytest.mark.parametrize(
    ("ip", "transport", "contact", "line"),
    [
        ("203.0.113.10", TCP, b"Contact: <sip:203.0.113.10:5060;transport=tcp>", b"c=IN IP4 203.0.113.10"),
        ("2001:db8::10", UDP, b"Contact: <sip:[2001:db8::10]:5060>", b"c=IN IP6 2001:db8::10"),
    ],
)
def test_a_description_names_our_own_address(ip: str, transport: int, contact: bytes, line: bytes) -> None:
    place = Place(Address("198.51.100.7", 61000), Address(ip, 5060), transport, 10002)
    early = answered(REQUEST.replace(b"REGISTER", b"INVITE"), place)[0][0]
    assert contact in early
    assert line in early
    assert b"m=audio 10002 RTP/AVP 0" in early
    body = b"\r\n".join(early).split(b"\r\n\r\n")[1]
    assert b"Content-Length: %d" % len(body) in early


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"SIP/2.0 200 OK\r\n" + REQUEST.split(b"\r\n", 1)[1],
        REQUEST.replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"),
        REQUEST.replace(b"CSeq: 1 REGISTER\r\n", b""),
        REQUEST.replace(b"To: <sip:probe@203.0.113.10>\r\n", b""),
    ],
)
def test_what_is_no_request(data: bytes) -> None:
    assert reflector_sip.parse(data) is None
