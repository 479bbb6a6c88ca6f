# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message, sent once, and what became of it in either direction: the bytes of both ends side by side.

What the reflector received and sent is fetched over the authenticated control channel. What the client hears by itself
proves nothing, since an ALG translates the answers back.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import bodies, frames, marker, messages
from .bodies import RECEIVED, SENT, Address
from .compare import compare
from .control import Message, Session
from .evidence import CHANGED, IN, LOST, OUT, REPLY, SAME, UNKNOWN, UNPROVEN, Case, Sighting
from .messages import Dialog, Endpoint, Shape
from .ports import Datagram, Port, open_port

SPLIT_PAUSE = 0.05
"""Seconds between two segments, so that no stack on the way joins them."""
_MOST_STREAM = 65536


@dataclass
class Wire:
    """What the exchanges of a run share: the session, the own address, media ports that no message named before."""

    session: Session
    local: str
    media: messages.MediaPorts = field(default_factory=messages.MediaPorts)

    def dialog(self, message_id: bytes, source: Address, target: Address, via: int | None = None) -> Dialog:
        ends = Endpoint(source.ip, source.port), Endpoint(target.ip, target.port)
        return Dialog(*ends, self.session.marker(message_id), via, self.media.take())


async def over_udp(wire: Wire, case: Case, shape: Shape, port: Port, target: Address) -> list[Sighting]:
    """A request from `port`, and its answers."""
    message_id = wire.session.new_id()
    sent = messages.request(shape, wire.dialog(message_id, port.local, target))
    port.send(sent, target)
    answers = await _answers(wire, port, message_id, 1, [])
    received = await wire.session.fetch(message_id, RECEIVED)
    replies = await wire.session.fetch(message_id, SENT)
    answers = await _answers(wire, port, message_id, len(replies or ()), answers)
    return [_request(case, sent, received), *_replies(wire.session, case, received, replies, answers)]


async def redirected(wire: Wire, target: Address) -> bool | None:
    """Whether the answer to a REGISTER came to the port of Via instead of the port that asked; None if none came."""
    message_id = wire.session.new_id()
    asking, other = await open_port(wire.local), await open_port(wire.local)
    try:
        dialog = wire.dialog(message_id, asking.local, target, other.local.port)
        asking.send(messages.request(Shape("REGISTER"), dialog), target)
        waiting = [asyncio.ensure_future(_answers(wire, port, message_id, 1, [])) for port in (asking, other)]
        at_source, at_via = await asyncio.gather(*waiting)
        if at_via:
            return True
        return False if at_source else None
    finally:
        asking.close()
        other.close()


async def inbound(wire: Wire, case: Case, port: Port, origin: Address) -> list[Sighting]:
    """The reflector's own INVITE from `origin` into the binding that `port` has to it.

    Nothing is seen where the binding itself does not work: the ping before the INVITE is the neutral payload's matter.
    """
    session = wire.session
    seen = await session.echo(port, origin)
    if seen is None:
        return []
    message_id = session.new_id()
    poke = bodies.Poke(seen.ticket, bodies.INVITE, session.own(origin), id=message_id)
    await session.poke(poke, frames.LARGEST)
    came = await port.take(lambda datagram: _is_about(datagram.data, message_id), session.patience)
    sent = await session.fetch(message_id, SENT)
    if sent is None:
        return [Sighting(case, IN, UNKNOWN)]
    if not sent:
        return []
    if came is None:
        return [Sighting(case, IN, LOST)]
    refusal = messages.answer(came.data, 488, "Not Acceptable Here")
    if refusal is not None:
        port.send(refusal, came.source)
    return [_compared(case, IN, sent[0].data, came.data)]


async def over_tcp(wire: Wire, case: Case, shape: Shape, target: Address) -> list[Sighting]:
    """A request in one segment, or in two for the variant `split`, over a connection of its own."""
    connection = await connect(wire, target)
    if connection is None:
        return [Sighting(case, OUT, LOST)]
    with connection:
        session, message_id = wire.session, wire.session.new_id()
        source = Address(*connection.getsockname()[:2])
        sent = messages.request(shape, wire.dialog(message_id, source, target))
        try:
            await _send(connection, sent, case.variant == "split")
            heard = await read(connection, 1, session.patience)
            if not heard:
                # The reflector waits for the rest of a message that claims to be longer: tell it that this was all.
                connection.shutdown(socket.SHUT_WR)
                await asyncio.sleep(session.patience)
        except OSError:
            heard = b""
        received = await session.fetch(message_id, RECEIVED)
        replies = await session.fetch(message_id, SENT)
        expected = b"".join(reply.data for reply in replies or ())
        heard += await read(connection, len(expected) - len(heard), session.patience)
    if received and not received[0].whole and sent.startswith(received[0].data):
        # A stream that ended early was cut, not edited.
        return [Sighting(case, OUT, LOST)]
    return [_request(case, sent, received), *_stream(session, case, received, expected, heard)]


async def connect(wire: Wire, target: Address) -> socket.socket | None:
    """A connection from a fresh port; None if none came about in time."""
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.bind((wire.local, 0))
        loop = asyncio.get_running_loop()
        # A lost SYN is repeated after a second.
        await asyncio.wait_for(loop.sock_connect(made, (target.ip, target.port)), 1.5 + wire.session.patience)
    except (OSError, asyncio.TimeoutError):
        made.close()
        return None
    return made


async def read(connection: socket.socket, least: int, seconds: float) -> bytes:
    """At least that many bytes, or what comes in the time."""
    loop, data = asyncio.get_running_loop(), b""
    ends = loop.time() + seconds
    while len(data) < least and loop.time() < ends:
        try:
            piece = await asyncio.wait_for(loop.sock_recv(connection, _MOST_STREAM), ends - loop.time())
        except (OSError, asyncio.TimeoutError):
            break
        if not piece:
            break
        data += piece
    return data


async def _send(connection: socket.socket, data: bytes, split: bool) -> None:
    loop = asyncio.get_running_loop()
    if not split:
        await loop.sock_sendall(connection, data)
        return
    half = len(data) // 2
    await loop.sock_sendall(connection, data[:half])
    await asyncio.sleep(SPLIT_PAUSE)
    await loop.sock_sendall(connection, data[half:])


async def _answers(wire: Wire, port: Port, message_id: bytes, least: int, known: Sequence[Datagram]) -> list[Datagram]:
    """The known answers and those that come, until there are as many as are expected, or time is up."""
    loop, found = asyncio.get_running_loop(), list(known)
    ends = loop.time() + wire.session.patience
    while True:
        seconds = ends - loop.time() if len(found) < least else 0.0
        came = await port.take(lambda datagram: _is_about(datagram.data, message_id), seconds)
        if came is None:
            return found
        found.append(came)


def _is_about(data: bytes, message_id: bytes) -> bool:
    return any(mark.id == message_id for mark in marker.marks_in(data))


def _request(case: Case, sent: bytes, received: Sequence[Message] | None) -> Sighting:
    if received is None:
        return Sighting(case, OUT, UNKNOWN)
    if not received:
        return Sighting(case, OUT, LOST)
    return _compared(case, OUT, sent, received[0].data)


def _compared(case: Case, direction: str, sent: bytes, received: bytes) -> Sighting:
    changes = compare(sent, received)
    return Sighting(case, direction, CHANGED if changes else SAME, changes)


def _replies(
    session: Session,
    case: Case,
    received: Sequence[Message] | None,
    replies: Sequence[Message] | None,
    answers: Sequence[Datagram],
) -> list[Sighting]:
    """What became of each answer that the reflector sent, and of answers that it did not send."""
    if received is None or replies is None:
        return [Sighting(case, REPLY, UNKNOWN)]
    left, found = [answer.data for answer in answers], []
    for reply in sorted(replies, key=lambda one: one.data not in left):
        came = next((data for data in left if data == reply.data), None) or next(
            (data for data in left if _status(data) == _status(reply.data) and _is_proven(session, data)), None
        )
        if came is None:
            found.append(Sighting(case, REPLY, LOST))
        else:
            left.remove(came)
            found.append(_compared(case, REPLY, reply.data, came))
    # A packet may be doubled on its way; only what lacks the reflector's proof is somebody else's.
    found += [Sighting(case, REPLY, UNPROVEN) for data in left if not received or not _is_proven(session, data)]
    return found or ([Sighting(case, REPLY, UNKNOWN)] if received else [])


def _stream(
    session: Session, case: Case, received: Sequence[Message] | None, expected: bytes, heard: bytes
) -> list[Sighting]:
    if received is None:
        return [Sighting(case, REPLY, UNKNOWN)]
    if heard and not _is_proven(session, heard):
        return [Sighting(case, REPLY, UNPROVEN)]
    if not expected:
        return [Sighting(case, REPLY, UNKNOWN)] if received else []
    if len(heard) < len(expected) and expected.startswith(heard):
        return [Sighting(case, REPLY, LOST)]
    return [_compared(case, REPLY, expected, heard)]


def _is_proven(session: Session, data: bytes) -> bool:
    return marker.find(session.keys, marker.REFLECTOR, session.opened.session, data) is not None


def _status(data: bytes) -> bytes:
    found = re.match(rb"SIP/2\.0 (\d{3})", data)
    return found.group(1) if found else b""
