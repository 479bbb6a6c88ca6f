# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's side of a session with the reflector: requests with tries, and the loss that they measure.

The control channel is UDP; where the reflector's control port gives no answer over UDP it is TCP, with the same frames.
"""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from . import bodies, frames, marker
from .bodies import Address, Data, Echoed, Fetch, Opened, Poke, Poked
from .frames import Frame, Keys
from .ports import Port, open_port
from .stream import Stream

PATIENCE = 0.7
"""Seconds that an answer may take at first; afterwards four times the longest round trip that was seen, within limits."""
_SHORTEST, _LONGEST = 0.25, 2.0
TRIES = 4
STREAM_TRIES = 2
_ECHOES_FOR_LOSS = 6


class NoReflector(Exception):
    """The reflector gave no authentic answer: out of reach, another key, or blocked. The text says what was tried."""


@dataclass(frozen=True)
class Message:
    """A message as the reflector received or sent it; `whole` is False for a stream that ended within it."""

    data: bytes
    source: Address
    destination: Address
    whole: bool


class Session:
    """An open session. `server` is the UDP address that we send to, `opened` what the reflector offers.

    With `stream` the control channel is TCP. Then `server` is a UDP port that answers all the same, for what is
    measured over UDP, the loss among it; and `over_udp` is False where none was found.
    """

    def __init__(self, port: Port, server: Address, keys: Keys, opened: Opened, stream: Stream | None = None) -> None:
        self.port, self.server, self.keys, self.opened, self.stream = port, server, keys, opened, stream
        self.over_udp = True
        self.sent = self.answered = 0
        self.slowest = 0.0
        self._next = 1

    def close(self) -> None:
        self.port.close()
        if self.stream is not None:
            self.stream.close()

    @property
    def loss(self) -> float:
        """The share of requests over UDP that went unanswered."""
        return 1.0 - self.answered / self.sent if self.sent else 0.0

    @property
    def patience(self) -> float:
        """Seconds to wait for an answer."""
        if not self.slowest:
            return PATIENCE
        return min(_LONGEST, max(_SHORTEST, 4 * self.slowest))

    def new_id(self, wish: int = marker.STANDARD) -> bytes:
        """The id of a message that no other message of this session has."""
        self._next += 1
        return marker.id_of(self.opened.session, self._next - 1, wish)

    def marker(self, message_id: bytes) -> str:
        return marker.marker(self.keys, marker.CLIENT, message_id)

    def own(self, address: Address) -> Address:
        """What the reflector calls an address that we send to, should we know its first one by another."""
        return address._replace(ip=self.opened.arrived.ip) if address.ip == self.server.ip else address

    async def ask(self, kind: int, body: bytes, size: int, tries: int = TRIES) -> Frame | None:
        """An authentic answer to a request over the control channel, or None after that many tries."""
        for _try in range(tries if self.stream is None else min(tries, STREAM_TRIES)):
            answer = await self._control(kind, body, size)
            if self.stream is None:
                self._count(answer is not None)
            if answer is not None:
                return answer
        return None

    async def _control(self, kind: int, body: bytes, size: int) -> Frame | None:
        """One request over the control channel, and its answer."""
        if self.stream is None:
            return await self.once(self.port, self.server, kind, body, size)
        nonce = frames.new_nonce()
        request = frames.seal(self.keys, kind, nonce, body, self.opened.session, size)
        came = await self.stream.ask(request, nonce)
        return frames.unseal(self.keys, came) if came and _is_answer(came, nonce, kind + 1) else None

    def _count(self, answered: bool) -> None:
        self.sent += 1
        self.answered += answered

    async def once(self, port: Port, target: Address, kind: int, body: bytes, size: int) -> Frame | None:
        """One request from any socket to any address of the reflector, and its answer, which must come from there."""
        return (await self.tried(port, target, kind, body, size))[0]

    async def tried(self, port: Port, target: Address, kind: int, body: bytes, size: int) -> tuple[Frame | None, bool]:
        """The same, and whether an answer came that is not as it was sent."""
        nonce = frames.new_nonce()
        loop = asyncio.get_running_loop()
        began = loop.time()
        port.send(frames.seal(self.keys, kind, nonce, body, self.opened.session, size), target)
        came = await port.take(
            lambda datagram: datagram.source == target and _is_answer(datagram.data, nonce, kind + 1), self.patience
        )
        frame = frames.unseal(self.keys, came.data) if came else None
        if came and frame:
            self.slowest = max(self.slowest, came.at - began)
        return frame, bool(came) and frame is None

    async def echo(self, port: Port, target: Address, size: int = bodies.ECHO_BYTES) -> Echoed | None:
        """How the reflector sees that socket, once; the answer comes from where the request went."""
        frame = await self.once(port, target, frames.ECHO, b"", max(size, bodies.ECHO_BYTES))
        return Echoed.read(frame.body) if frame else None

    async def alive(self, tries: int = TRIES) -> bool:
        """Whether the control channel answers. Where that is TCP, which hides loss, UDP is counted beside it."""
        if self.stream is not None and self.over_udp:
            for _echo in range(_ECHOES_FOR_LOSS):
                self._count(await self.echo(self.port, self.server) is not None)
        return await self.ask(frames.ECHO, b"", bodies.ECHO_BYTES, tries) is not None

    async def poke(self, poke: Poke, size: int) -> Poked | None:
        """Makes the reflector send one packet; not repeated, as a lost answer does not mean a lost packet."""
        frame = await self._control(frames.POKE, poke.pack(), size)
        return Poked.read(frame.body) if frame else None

    async def fetch(self, message_id: bytes, direction: int) -> list[Message] | None:
        """What the reflector received or sent under an id, in order; None if it could not be had whole."""
        found: list[Message] = []
        while True:
            got = await self._fetch(Fetch(message_id, direction, len(found), 0))
            if got is None:
                return None
            count, message = got
            if message is None:
                return found
            found.append(message)
            if len(found) >= count:
                return found

    async def _fetch(self, wanted: Fetch) -> tuple[int, Message | None] | None:
        packed = b""
        while True:
            fetch = Fetch(wanted.id, wanted.direction, wanted.index, len(packed))
            frame = await self.ask(frames.FETCH, fetch.pack(), frames.LARGEST)
            if frame is None:
                return None
            data = Data.read(frame.body)
            if data.count <= wanted.index:
                return data.count, None
            packed += data.chunk
            if len(packed) >= data.compressed:
                return _unpacked(data, packed)
            if not data.chunk:
                return None


async def open_session(local: str, server: Address, secret: str) -> Session:
    """A session with the reflector at that address, over UDP, or over TCP where UDP has no answer.

    Raises NoReflector when no authentic answer comes, ValueError for a key that is too short, OSError without a socket.
    """
    keys = frames.keys_of(secret)
    port, stream = await open_port(local), Stream(local, server)
    try:
        session = await _open_over_udp(port, server, keys, secret)
        if session is None:
            session = await _open_over_tcp(port, stream, keys, secret)
        if session is None:
            raise NoReflector(
                f"HELLO and OPEN to {server.ip}:{server.port} had no authentic answer, over UDP in {TRIES} tries and over "
                "TCP: the reflector is out of reach, has another key, or both are blocked"
            )
        await _take_time(session)
    except BaseException:
        port.close()
        stream.close()
        raise
    return session


async def _open_over_udp(port: Port, server: Address, keys: Keys, secret: str) -> Session | None:
    async def asked(kind: int, body: bytes, size: int) -> Frame | None:
        nonce = frames.new_nonce()
        for _try in range(TRIES):
            # The same nonce again: a reflector whose answer was lost gives the session that it has opened for it.
            port.send(frames.seal(keys, kind, nonce, body, frames.NO_SESSION, size), server)
            came = await port.take(lambda datagram: _is_answer(datagram.data, nonce, kind + 1), PATIENCE)
            frame = frames.unseal(keys, came.data) if came else None
            if frame is not None:
                return frame
        return None

    opened = await _handshake(asked)
    return Session(port, server, frames.keys_of(secret, opened.session), opened) if opened is not None else None


async def _open_over_tcp(port: Port, stream: Stream, keys: Keys, secret: str) -> Session | None:
    async def asked(kind: int, body: bytes, size: int) -> Frame | None:
        nonce = frames.new_nonce()
        came = await stream.ask(frames.seal(keys, kind, nonce, body, frames.NO_SESSION, size), nonce)
        return frames.unseal(keys, came) if came and _is_answer(came, nonce, kind + 1) else None

    opened = await _handshake(asked)
    if opened is None:
        return None
    session = Session(port, stream.server, frames.keys_of(secret, opened.session), opened, stream)
    await _find_udp(session)
    return session


async def _handshake(asked: Callable[[int, bytes, int], Awaitable[Frame | None]]) -> Opened | None:
    cookie = await asked(frames.HELLO, b"", bodies.HELLO_BYTES)
    answer = await asked(frames.OPEN, cookie.body, bodies.OPEN_BYTES) if cookie is not None else None
    return Opened.read(answer.body) if answer is not None else None


async def _find_udp(session: Session) -> None:
    """A UDP port beside those of SIP that answers: that of the control channel, the spare one, one of the media ports."""
    uses, opened = (bodies.CONTROL, bodies.SPARE, bodies.RTP), session.opened
    here = opened.addresses.index(opened.arrived.ip) if opened.arrived.ip in opened.addresses else 0
    spans = [span for use in uses for span in opened.spans if (span.use, span.transport) == (use, bodies.UDP)]
    places = [session.server._replace(port=(span.first + span.last) // 2) for span in spans if here in span.addresses]

    async def answers(place: Address) -> bool:
        for _try in range(TRIES):
            if await session.echo(session.port, place) is not None:
                return True
        return False

    found = await asyncio.gather(*(answers(place) for place in places))
    session.over_udp = any(found)
    session.server = next((place for place, alive in zip(places, found) if alive), session.server)


async def _take_time(session: Session) -> None:
    """The first round trip is waited for at length, so that on a slow path the others are not asked too impatiently.

    The handshake cannot tell it: its tries share a nonce, and an answer may be that to an earlier one.
    """
    loop = asyncio.get_running_loop()
    for _try in range(TRIES):
        session.slowest, began = _LONGEST / 4, loop.time()
        over_udp = session.over_udp and await session.echo(session.port, session.server) is not None
        if over_udp or (session.stream is not None and not session.over_udp and await session.alive(1)):
            session.slowest = loop.time() - began
            return


def _is_answer(data: bytes, nonce: bytes, kind: int) -> bool:
    head = frames.head_of(data)
    return head is not None and head.nonce == nonce and head.type == kind


def _unpacked(data: Data, packed: bytes) -> tuple[int, Message] | None:
    try:
        plain = zlib.decompressobj().decompress(packed, data.size + 1)
    except zlib.error:
        return None
    if hashlib.sha256(plain).digest() != data.sha256:
        return None
    return data.count, Message(plain, data.source, data.destination, data.whole)
