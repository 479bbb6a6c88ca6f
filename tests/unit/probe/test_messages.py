# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each message keeps the rules by which an ALG takes it for a phone's, and none by which the ALG drops it."""

from __future__ import annotations

import itertools
import random
import re

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames, marker, reflector_sip
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.messages import (
    LARGE,
    Dialog,
    Endpoint,
    MediaPorts,
    Shape,
    answer,
    bye,
    canonical,
    neutral,
    request,
)

LOCAL, SERVER = Endpoint("192.168.77.10", 53253), Endpoint("203.0.113.10", 5060)
MARK = "vep" + "abcdefgh234567yz" * 2
DIALOG = Dialog(LOCAL, SERVER, MARK, media_port=30000)
SHAPES = [
    Shape(method, transport, compact, large, first)
    for method, transport, compact, large, first in itertools.product(
        ("REGISTER", "OPTIONS", "INVITE"), ("udp", "tcp"), (False, True), (False, True), (False, True)
    )
    if method == "INVITE" or not large
]


def parts(message: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
    head, body = message.split(b"\r\n\r\n", 1)
    start, *lines = head.decode("ascii").split("\r\n")
    return start, [(canonical(line.split(":", 1)[0]), line.split(":", 1)[1].strip()) for line in lines], body


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_message_is_valid_and_carries_the_flows_own_address(shape: Shape) -> None:
    message = request(shape, DIALOG)
    start, pairs, body = parts(message)
    headers = dict(pairs)

    assert len(headers) == len(pairs), "a header stands twice"
    assert start.split(" ")[0] == shape.method
    assert start.endswith(" SIP/2.0")
    assert headers["via"].startswith(f"SIP/2.0/{shape.transport.upper()} 192.168.77.10:53253;rport;branch=z9hG4bK")
    assert "192.168.77.10:53253" in headers["contact"]
    assert "192.168.77.10:53253" in headers["from"]
    assert ";tag=" in headers["from"]
    assert ";tag=" not in headers["to"]
    assert headers["cseq"] == f"1 {shape.method}"
    assert headers["max-forwards"] == "70"
    assert int(headers["content-length"]) == len(body)
    assert b"\n" not in message.replace(b"\r\n", b"")


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_mark_stands_in_three_headers(shape: Shape) -> None:
    headers = dict(parts(request(shape, DIALOG))[1])

    assert headers["via"].endswith("z9hG4bK" + MARK)
    assert headers["call-id"] == MARK
    assert headers["user-agent"].endswith(MARK)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s.method == "INVITE"], ids=str)
def test_an_invite_offers_audio_with_reference_lines(shape: Shape) -> None:
    body = parts(request(shape, DIALOG))[2].decode("ascii").split("\r\n")

    assert body[0] == "v=0"
    assert body[-1] == ""
    assert "c=IN IP4 192.168.77.10" in body
    assert any(line.startswith("o=") and line.endswith("IN IP4 192.168.77.10") for line in body)
    assert any(line.startswith("m=audio 30000 RTP/AVP ") for line in body)
    assert "a=rtcp:30001 IN IP4 192.168.77.10" in body
    assert any(line.startswith("a=candidate:") and " 192.168.77.10 30000 " in line for line in body)
    order = [line[0] for line in body if line]
    assert order == sorted(order, key="vosctma".index), "RFC 4566 fixes the order of the lines"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_addresses_stand_early_enough_to_be_quoted_by_an_icmp_error(shape: Shape) -> None:
    message = request(shape, DIALOG)
    headers = [match.end() for match in re.finditer(rb"192\.168\.77\.10:53253", message)]

    assert headers
    assert max(headers) <= 500


def test_a_large_invite_exceeds_a_frame_and_a_small_one_fits_in_it() -> None:
    assert len(request(Shape("INVITE", large=True), DIALOG)) > LARGE
    assert all(len(request(shape, DIALOG)) < 1300 for shape in SHAPES if not shape.large)


def test_compact_uses_short_names_and_full_does_not() -> None:
    compact, full = request(Shape("INVITE", compact=True), DIALOG), request(Shape("INVITE"), DIALOG)

    assert b"\r\nv: SIP/2.0/UDP" in compact
    assert b"\r\nl: " in compact
    assert b"Via:" not in compact
    assert b"\r\nVia: SIP/2.0/UDP" in full
    assert len(compact) < len(full)


def test_content_length_stands_last_unless_asked_otherwise() -> None:
    assert parts(request(Shape("INVITE"), DIALOG))[1][-1][0] == "content-length"
    assert parts(request(Shape("INVITE", length_first=True), DIALOG))[1][1][0] == "content-length"


def test_in_the_redirect_case_via_and_contact_name_the_other_port() -> None:
    dialog = Dialog(LOCAL, SERVER, MARK, via_port=40404)
    headers = dict(parts(request(Shape("REGISTER"), dialog))[1])

    assert headers["via"].startswith("SIP/2.0/UDP 192.168.77.10:40404;")
    assert "192.168.77.10:40404" in headers["contact"]
    assert "192.168.77.10:53253" in headers["from"]


def test_a_register_binds_its_own_address_for_a_time() -> None:
    start, pairs, _body = parts(request(Shape("REGISTER"), DIALOG))
    headers = dict(pairs)

    assert start == "REGISTER sip:203.0.113.10:5060 SIP/2.0"
    assert headers["to"] == headers["from"].split(";")[0]
    assert int(headers["expires"]) >= 60


@pytest.mark.parametrize("port", [None, 1022, 30001, 65536, 0])
def test_an_invite_that_the_alg_would_drop_is_not_made(port: int | None) -> None:
    with pytest.raises(ValueError, match="even media port"):
        request(Shape("INVITE"), Dialog(LOCAL, SERVER, MARK, media_port=port))


@pytest.mark.parametrize(
    ("address", "port"), [("0.0.0.0", 5060), ("example.org", 5060), ("192.0.2.1", 0), ("192.0.2.1", 65536), ("::1", 1)]
)
def test_an_endpoint_is_a_literal_address_and_a_port(address: str, port: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        Endpoint(address, port)


@pytest.mark.parametrize(
    ("method", "transport", "large"), [("BYE", "udp", False), ("INVITE", "tls", False), ("REGISTER", "udp", True)]
)
def test_a_shape_that_does_not_exist_is_refused(method: str, transport: str, large: bool) -> None:
    with pytest.raises(ValueError, match=r"method|transport|large"):
        Shape(method, transport, large=large)


def test_media_ports_are_even_and_never_repeat() -> None:
    ports = MediaPorts(1024, 1100, random.Random(1))
    taken = [ports.take() for _index in range(39)]

    assert len(set(taken)) == 39
    assert all(port % 2 == 0 and 1024 <= port <= 1100 for port in taken)
    with pytest.raises(LookupError):
        ports.take()


def test_media_ports_of_two_runs_do_not_follow_the_same_order() -> None:
    assert [MediaPorts().take() for _index in range(5)] != [MediaPorts().take() for _index in range(5)]


@pytest.mark.parametrize(("low", "high"), [(1000, 2000), (3000, 2000), (2000, 65535)])
def test_media_ports_outside_the_range_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="between 1024 and 65534"):
        MediaPorts(low, high)


def test_bye_belongs_to_the_dialog_of_its_invite() -> None:
    start, pairs, body = parts(bye(Dialog(LOCAL, SERVER, MARK, cseq=2)))
    headers = dict(pairs)

    assert start == "BYE sip:probe@203.0.113.10:5060 SIP/2.0"
    assert headers["call-id"] == MARK
    assert headers["cseq"] == "2 BYE"
    assert headers["from"] == dict(parts(request(Shape("INVITE"), DIALOG))[1])["from"]
    assert (headers["content-length"], body) == ("0", b"")


def test_an_answer_copies_what_the_rules_say_and_tags_to() -> None:
    received = request(Shape("INVITE", compact=True), DIALOG)
    made = answer(received, 488, "Not Acceptable Here")

    assert made is not None
    start, pairs, body = parts(made)
    asked, said = dict(parts(received)[1]), dict(pairs)
    assert start == "SIP/2.0 488 Not Acceptable Here"
    assert all(said[name] == asked[name] for name in ("via", "from", "call-id", "cseq"))
    assert said["to"].startswith(asked["to"] + ";tag=")
    assert (said["content-length"], body) == ("0", b"")
    assert "contact" not in said


@pytest.mark.parametrize("received", [b"", b"SIP/2.0 200 OK\r\n\r\n", neutral(300, random.Random(1))])
def test_nothing_but_a_request_is_answered(received: bytes) -> None:
    assert answer(received, 488, "Not Acceptable Here") is None


def test_neutral_bytes_look_like_nothing() -> None:
    sample = neutral(700, random.Random(3))

    assert len(sample) == 700
    assert re.search(rb"[\x00-\x7f]", sample) is None


KEYS = frames.keys_of("k" * frames.KEY_CHARACTERS)
FAR = bodies.Address("255.255.255.255", 65535)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_answer_fits_the_request_even_when_an_alg_took_a_header_away(shape: Shape) -> None:
    proof = marker.marker(KEYS, marker.CLIENT, marker.id_of(b"12345678", 7))
    message = request(shape, Dialog(Endpoint("1.1.1.1", 1024), Endpoint("9.9.9.9", 5060), proof, media_port=20000))
    shortened = re.sub(rb"User-Agent:[^\r]*\r\n", b"", message)
    parsed, (mark, *others) = reflector_sip.parse(message), list(marker.marks_in(message))

    assert parsed is not None
    assert others == [], "the same marker stands everywhere"
    assert marker.authentic(KEYS, marker.CLIENT, mark)
    best = reflector_sip.answers(parsed, mark, KEYS, reflector_sip.Place(FAR, FAR, bodies.UDP, 20000))[0]
    assert sum(map(len, best)) <= len(shortened) < len(message)


def test_the_answer_to_a_bye_fits_it() -> None:
    message = bye(Dialog(Endpoint("1.1.1.1", 1024), Endpoint("9.9.9.9", 5060), MARK))
    parsed = reflector_sip.parse(message)

    assert parsed is not None
    (answer_texts,) = reflector_sip.answers(
        parsed, marker.Mark(b"12345678", 0, 1, bytes(8)), KEYS, reflector_sip.Place(FAR, FAR, bodies.UDP, 20000)
    )
    assert sum(map(len, answer_texts)) <= len(message)
