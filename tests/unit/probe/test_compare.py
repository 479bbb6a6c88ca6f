# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes decide, and every difference has an explanation. The fixtures are what the SIP ALG of Linux was seen to do."""

from __future__ import annotations

import random

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import (
    INNER,
    KINDS,
    MAPPED,
    OTHER,
    OWN,
    PARTS,
    REFLECTOR,
    Addresses,
    Change,
    compare,
    inserted,
    whose,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.messages import Dialog, Endpoint, Shape, request

LAN, PUBLIC, SERVER, PORT = "192.168.77.10", "203.0.113.1", "203.0.113.10", 53253
DIALOG = Dialog(Endpoint(LAN, PORT), Endpoint(SERVER, 5060), "a1b2c3d4e5f60718293a4b5c6d7e8f90", media_port=30000)
INVITE = request(Shape("INVITE"), DIALOG)
COMPACT = request(Shape("INVITE", compact=True), DIALOG)


def linux_outbound(message: bytes) -> bytes:
    """Via, From and Contact of the flow, o= and c=, and the length that follows; all else is left alone."""
    old, new = LAN.encode(), PUBLIC.encode()
    head, body = message.split(b"\r\n\r\n", 1)
    head = head.replace(b"%s:%d" % (old, PORT), b"%s:%d" % (new, PORT))
    lines = [line.replace(old, new) if line[:2] in (b"o=", b"c=") else line for line in body.split(b"\r\n")]
    edited = b"\r\n".join(lines)
    for name in (b"Content-Length: ", b"l: "):
        head = head.replace(name + b"%d" % len(body), name + b"%d" % len(edited))
    return head + b"\r\n\r\n" + edited


def by_name(changes: tuple[Change, ...]) -> dict[str, Change]:
    assert len({change.name for change in changes}) == len(changes)
    return {change.name: change for change in changes}


@pytest.mark.parametrize("message", [INVITE, COMPACT], ids=["full", "compact"])
def test_what_linux_does_to_an_invite_is_named_line_by_line(message: bytes) -> None:
    changes = by_name(compare(message, linux_outbound(message)))

    assert set(changes) == {"via", "from", "contact", "content-length", "o=", "c="}
    assert all(change.kind == "changed" for change in changes.values())
    assert f"SIP/2.0/UDP {LAN}:{PORT};rport" in changes["via"].before
    assert f"SIP/2.0/UDP {PUBLIC}:{PORT};rport" in changes["via"].after
    assert changes["c="].before == f"c=IN IP4 {LAN}"
    assert changes["c="].after == f"c=IN IP4 {PUBLIC}"
    assert changes["content-length"].inserted == ()
    assert {changes[name].inserted for name in ("via", "from", "contact", "o=", "c=")} == {(PUBLIC,)}
    assert inserted(tuple(changes.values())) == (PUBLIC,)


def test_a_reply_in_which_the_public_address_became_the_lan_address() -> None:
    sent = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.1:53253;received=203.0.113.1;rport=53253\r\nCSeq: 1 OPTIONS\r\n\r\n"
    came = sent.replace(b"203.0.113.1", LAN.encode())

    (change,) = compare(sent, came)
    assert (change.part, change.name, change.inserted) == ("header", "via", (LAN,))
    assert "received=192.168.77.10;rport=53253" in change.after


def test_an_address_that_stood_in_the_line_already_may_be_put_in_once_more() -> None:
    sent = b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.168.77.10:5060;received=203.0.113.1\r\n\r\n"

    (change,) = compare(sent, sent.replace(b"203.0.113.1", LAN.encode()))
    assert change.inserted == (LAN,)


def test_an_invite_that_comes_in() -> None:
    sent = b"INVITE sip:probe@203.0.113.1:56798 SIP/2.0\r\nTo: <sip:probe@203.0.113.1:56798>\r\nCSeq: 1 INVITE\r\n\r\n"
    changes = by_name(compare(sent, sent.replace(PUBLIC.encode(), LAN.encode())))

    assert set(changes) == {"start line", "to"}
    assert changes["start line"].part == "start_line"
    assert changes["start line"].after == "INVITE sip:probe@192.168.77.10:56798 SIP/2.0"


@pytest.mark.parametrize(
    ("address", "who"),
    [
        (PUBLIC, MAPPED),
        (LAN, OWN),
        ("100.64.0.2", INNER),
        ("10.1.2.3", INNER),
        ("172.31.0.1", INNER),
        ("172.32.0.1", OTHER),
        (SERVER, REFLECTOR),
        ("198.51.100.7", OTHER),
        ("999.1.1.1", OTHER),
    ],
)
def test_whose_address_it_is(address: str, who: str) -> None:
    assert whose(address, Addresses(LAN, PUBLIC, (SERVER,))) == who


def test_without_nat_the_own_address_is_not_called_a_nats() -> None:
    assert whose(LAN, Addresses(LAN, LAN)) == OWN


def test_a_stale_length_is_told_apart_from_a_corrected_one() -> None:
    edited = INVITE.replace(b"c=IN IP4 192.168.77.10", b"c=IN IP4 203.0.113.1")
    changes = [(change.part, change.name) for change in compare(INVITE, edited)]

    assert changes == [("sdp", "c="), ("length", "content-length")]


def test_a_header_that_was_removed_added_or_moved() -> None:
    removed = INVITE.replace(b"Supported: replaces, timer, from-change, norefersub\r\n", b"")
    added = INVITE.replace(b"Max-Forwards", b"Record-Route: <sip:203.0.113.1;lr>\r\nMax-Forwards")
    lines = INVITE.split(b"\r\n")
    lines[2], lines[3] = lines[3], lines[2]

    assert compare(INVITE, removed) == (
        Change("header", "supported", "removed", "Supported: replaces, timer, from-change, norefersub", ""),
    )
    assert compare(INVITE, added) == (
        Change("header", "record-route", "added", "", "Record-Route: <sip:203.0.113.1;lr>", (PUBLIC,)),
    )
    (moved,) = compare(INVITE, b"\r\n".join(lines))
    assert (moved.name, moved.kind) == ("order of headers", "reordered")


def test_a_second_via_does_not_hide_behind_the_first() -> None:
    twice = INVITE.replace(b"Max-Forwards", b"Via: SIP/2.0/UDP 100.64.0.2:5060\r\nMax-Forwards")

    (change,) = compare(INVITE, twice)
    assert (change.name, change.kind, change.inserted) == ("via", "added", ("100.64.0.2",))


def test_two_lines_of_a_name_that_swapped_places() -> None:
    sent = b"OPTIONS sip:a SIP/2.0\r\nRoute: <sip:1>\r\nRoute: <sip:2>\r\n\r\n"

    (change,) = compare(sent, b"OPTIONS sip:a SIP/2.0\r\nRoute: <sip:2>\r\nRoute: <sip:1>\r\n\r\n")
    assert (change.name, change.kind) == ("route", "reordered")


def test_line_ends_are_compared_as_bytes() -> None:
    (change, *rest) = compare(INVITE, INVITE.replace(b"\r\n", b"\n"))

    assert change.part == "line_ends"
    assert change.before.endswith(" CRLF")
    assert change.after.endswith(" LF")
    # Each line end of the body lost an octet, and the length was not corrected.
    assert [(other.part, other.name) for other in rest] == [("length", "content-length")]


def test_a_short_name_is_the_same_header_and_still_a_difference() -> None:
    (change,) = compare(INVITE, INVITE.replace(b"Contact:", b"m:"))

    assert (change.name, change.kind) == ("contact", "changed")


def test_lines_of_sdp_that_moved() -> None:
    (change,) = compare(INVITE, INVITE.replace(b"a=ptime:20\r\na=sendrecv\r\n", b"a=sendrecv\r\na=ptime:20\r\n"))

    assert (change.part, change.kind) == ("sdp", "reordered")


@pytest.mark.parametrize("cut", [1, 40, 200, 400, len(INVITE) - 1])
def test_a_cut_message_is_different(cut: int) -> None:
    assert compare(INVITE, INVITE[:cut])


def test_bytes_that_are_no_message_are_compared_as_bytes() -> None:
    (change,) = compare(b"\xff\xfe\xfd\r\n", b"\xff\xfe\xfd\r\n\r\n\r\n")

    assert (change.part, change.kind) == ("bytes", "added")


def test_every_difference_of_bytes_is_a_difference_and_has_an_explanation() -> None:
    source = random.Random(5)
    assert compare(INVITE, INVITE) == ()
    for _round in range(400):
        edited = bytearray(INVITE)
        for _edit in range(source.randrange(1, 4)):
            at = source.randrange(len(edited))
            action = source.randrange(3)
            if action == 0:
                edited[at] ^= source.randrange(1, 256)
            elif action == 1:
                del edited[at]
            else:
                edited.insert(at, source.randrange(256))
        changes = compare(INVITE, bytes(edited))
        assert bool(changes) == (bytes(edited) != INVITE)
        assert all(change.part in PARTS and change.kind in KINDS for change in changes)
        assert all(change.before != change.after for change in changes)


def test_a_change_as_a_record_keeps_it() -> None:
    assert Change("sdp", "c=", "changed", "a", "b", (PUBLIC,)).as_dict() == {
        "part": "sdp",
        "name": "c=",
        "kind": "changed",
        "before": "a",
        "after": "b",
        "inserted": [PUBLIC],
    }
