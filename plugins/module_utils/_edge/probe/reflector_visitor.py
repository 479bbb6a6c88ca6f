# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the reflector that asks one question at a time from one UDP socket: all that a self-test needs."""

from __future__ import annotations

import socket
import time
import zlib
from typing import Any, Callable, Optional

from . import bodies, frames, marker
from .bodies import Address, Data, Echoed, Fetch, Opened, Poke, Poked

TRIES, WAIT_SECONDS = 4, 0.5
# Bytes of an OPTIONS or POKE request, so that its answers have room.
ROOMY = 1000

Wanted = Callable[[bytes, Address], Optional[Any]]


class NoAnswer(Exception):
    """Nothing came back in all tries."""


class Visitor:
    """One session. Every question raises NoAnswer where none comes, and ValueError for an answer that is none."""

    def __init__(self, secret: str, control: Address, own: str = "") -> None:
        """``own`` is the address to ask from, if not the one of the route.

        Raises OSError where there is no way to that address, ValueError for a key that is too short.
        """
        self.secret, self.control = secret, control
        self.session, self.keys = frames.NO_SESSION, frames.keys_of(secret)  # until it is open
        self._number = 0
        self.strays = 0  # datagrams that came in without a proof
        family = socket.AF_INET6 if ":" in control.ip else socket.AF_INET
        # Only a connected socket shows which of our addresses the route takes; the one we use must hear all ports.
        with socket.socket(family, socket.SOCK_DGRAM) as scout:
            scout.connect(tuple(control))
            ip = own or scout.getsockname()[0]
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((ip, 0))
        self.own = Address(ip.partition("%")[0], self.socket.getsockname()[1])

    def close(self) -> None:
        self.socket.close()

    def exchange(self, request: bytes, place: Address, wanted: Wanted) -> Any:
        """Send until ``wanted`` makes something of what comes back."""
        for _try in range(TRIES):
            self.socket.sendto(request, tuple(place))
            ends = time.monotonic() + WAIT_SECONDS
            while time.monotonic() < ends:
                self.socket.settimeout(max(0.001, ends - time.monotonic()))
                try:
                    data, source = self.socket.recvfrom(65535)
                except OSError:  # nothing yet, or an ICMP error that says the same
                    continue
                found = wanted(data, Address(source[0].partition("%")[0], source[1]))
                if found is not None:
                    return found
                self.strays += not self._is_proven(data)
        raise NoAnswer(f"{place.ip} port {place.port} does not answer")

    def _is_proven(self, data: bytes) -> bool:
        if frames.unseal(self.keys, data) is not None:
            return True
        return marker.find(self.keys, marker.REFLECTOR, self.session, data) is not None

    def ask(self, kind: int, body: bytes, size: int, place: Address | None = None) -> bytes:
        """The body of the answer to a frame, which comes from where the frame was sent."""
        place, nonce = place or self.control, frames.new_nonce()

        def answer(data: bytes, source: Address) -> bytes | None:
            frame = frames.unseal(self.keys, data)
            if frame is None or source != place:
                return None
            return frame.body if (frame.type, frame.nonce) == (kind + 1, nonce) else None

        found: bytes = self.exchange(frames.seal(self.keys, kind, nonce, body, self.session, size), place, answer)
        return found

    def open(self) -> Opened:
        self.session, self.keys = frames.NO_SESSION, frames.keys_of(self.secret)
        cookie = self.ask(frames.HELLO, b"", bodies.HELLO_BYTES)
        opened = Opened.read(self.ask(frames.OPEN, cookie, bodies.OPEN_BYTES))
        self.session, self.keys = opened.session, frames.keys_of(self.secret, opened.session)
        return opened

    def echo(self, place: Address | None = None) -> Echoed:
        return Echoed.read(self.ask(frames.ECHO, b"", bodies.ECHO_BYTES, place))

    def poke(self, origin: Address) -> bool:
        """Whether a packet comes from another of the reflector's sockets that was asked for over the control port."""
        nonce = frames.new_nonce()
        body = Poke(self.echo().ticket, bodies.PLAIN, origin).pack()
        request = frames.seal(self.keys, frames.POKE, nonce, body, self.session, ROOMY)

        def ping_or_no(data: bytes, source: Address) -> bool | None:
            frame = frames.unseal(self.keys, data)
            if frame is None or frame.nonce != nonce:
                return None
            if frame.type == frames.POKED and Poked.read(frame.body).status != bodies.DONE:
                return False
            return True if frame.type == frames.PING and source == origin else None

        return bool(self.exchange(request, self.control, ping_or_no))

    def options(self, place: Address) -> tuple[bytes, bytes, bytes]:
        """An OPTIONS request: its id, itself, and its answer that carries the reflector's proof."""
        self._number += 1
        message_id = marker.id_of(self.session, self._number)
        request = self._options(marker.marker(self.keys, marker.CLIENT, message_id), place)

        def answer(data: bytes, source: Address) -> bytes | None:
            mark = marker.find(self.keys, marker.REFLECTOR, self.session, data)
            return data if mark is not None and mark.id == message_id and source == place else None

        return message_id, request, self.exchange(request, place, answer)

    def _options(self, mark: str, place: Address) -> bytes:
        here, there = (
            f"[{end.ip}]:{end.port}" if ":" in end.ip else f"{end.ip}:{end.port}" for end in (self.own, place)
        )
        lines = (
            f"OPTIONS sip:probe@{there} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};rport;branch=z9hG4bK{mark}",
            "Max-Forwards: 70",
            f"From: <sip:probe@{here}>;tag={self._number}",
            f"To: <sip:probe@{there}>",
            f"Call-ID: {mark}@{here}",
            "CSeq: 1 OPTIONS",
            f"Contact: <sip:probe@{here}>",
            f"User-Agent: voip.edge {mark}",
            "Accept: application/sdp",
            "Content-Length: 0",
        )
        return "\r\n".join((*lines, "", "")).encode("ascii")

    def fetch(self, message_id: bytes, direction: int) -> bytes:
        """The first copy of a message as the reflector received or sent it; nothing if it has none."""
        packed = b""
        while True:
            body = Fetch(message_id, direction, 0, len(packed)).pack()
            piece = Data.read(self.ask(frames.FETCH, body, frames.LARGEST))
            packed += piece.chunk
            if not piece.chunk or len(packed) >= piece.compressed:
                return zlib.decompress(packed) if packed else b""
