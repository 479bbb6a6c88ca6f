# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the reflector share: one without sockets, with a session, and requests as a client would make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames, marker
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import UDP, Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_answers import Answers, Arrival
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_limits import Packet, Reply
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import Settings

SECRET = "a pre-shared key of the tests, long enough"
SOURCE = Address("198.51.100.7", 40000)
STRANGER = Address("192.0.2.66", 5060)
HERE = "203.0.113.10"
SETTINGS = Settings((HERE, "203.0.113.11", "2001:db8::10"))
CONTROL = Address(HERE, SETTINGS.control_port)
SPARE = Address(HERE, SETTINGS.spare_port)
SIP = Address(HERE, 5060)


class Table:
    """A reflector and one client at a table: time is what the test says it is."""

    def __init__(self, secrets: Sequence[str] = (SECRET,), **limits: Any) -> None:
        self.now = 1000.0
        self.answers = Answers(SETTINGS.offer(tuple(secrets)), set(SETTINGS.places(UDP)), self.now, **limits)
        self.secret, self.session, self.keys = secrets[0], frames.NO_SESSION, frames.keys_of(secrets[0])
        self.nonce = 0

    def give(
        self, data: bytes, source: Address = SOURCE, local: Address = CONTROL, transport: int = UDP, whole: bool = True
    ) -> Reply:
        """What the reflector makes of these bytes."""
        return self.answers.handle(Arrival(data, transport, source, local, whole), self.now)

    def frame(self, kind: int, body: bytes = b"", size: int = 0) -> bytes:
        self.nonce += 1
        return frames.seal(self.keys, kind, self.nonce.to_bytes(12, "big"), body, self.session, size)

    def ask(self, kind: int, body: bytes = b"", size: int = 1200, **where: Any) -> list[Packet]:
        return self.give(self.frame(kind, body, size), **where).packets

    def body(self, packet: Packet) -> bytes:
        """The body of a frame that the reflector has sent."""
        frame = frames.unseal(self.keys, packet.data)
        assert frame is not None
        return frame.body

    def open(self, source: Address = SOURCE) -> bodies.Opened:
        """Open a session, in which all later requests are made."""
        self.session, self.keys = frames.NO_SESSION, frames.keys_of(self.secret)
        cookie = self.body(self.ask(frames.HELLO, source=source)[0])
        opened = bodies.Opened.read(self.body(self.ask(frames.OPEN, cookie, source=source)[0]))
        self.session, self.keys = opened.session, frames.keys_of(self.secret, opened.session)
        return opened

    def ticket(self, source: Address = SOURCE) -> bytes:
        return bodies.Echoed.read(self.body(self.ask(frames.ECHO, source=source)[0])).ticket

    def poke(self, poke: bodies.Poke, size: int = 1200, **where: Any) -> tuple[bodies.Poked, list[Packet]]:
        """The answer, and what else was sent."""
        packets = self.ask(frames.POKE, poke.pack(), size, **where)
        return bodies.Poked.read(self.body(packets[-1])), packets[:-1]

    def fetch(
        self, message_id: bytes, direction: int, index: int = 0, offset: int = 0, size: int = 1200
    ) -> bodies.Data:
        asked = bodies.Fetch(message_id, direction, index, offset).pack()
        return bodies.Data.read(self.body(self.ask(frames.FETCH, asked, size)[0]))

    def sip(
        self, method: str, number: int = 1, wish: int = marker.STANDARD, more: Sequence[str] = (), body: str = ""
    ) -> bytes:
        """A request as the client makes it, with lines of headers on top."""
        mark = marker.marker(self.keys, marker.CLIENT, marker.id_of(self.session, number, wish))
        lines = (
            f"{method} sip:probe@{HERE}:5060 SIP/2.0",
            f"Via: SIP/2.0/UDP 192.168.77.10:40000;rport;branch=z9hG4bK{mark}",
            "Max-Forwards: 70",
            "From: <sip:probe@192.168.77.10:40000>;tag=1",
            f"To: <sip:probe@{HERE}>",
            f"Call-ID: {mark}@192.168.77.10",
            f"CSeq: 1 {method}",
            "Contact: <sip:probe@192.168.77.10:40000>",
            *more,
            f"User-Agent: voip.edge {mark}",
            f"Content-Length: {len(body)}",
        )
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
