# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether SIP opens ports: the media port of an INVITE, and the port of a REGISTER to other ports of the server.

Each is held against a socket that no SIP announced: what lets packets in there lets them in anyway. And whether a second
phone may name the media port of the first one's call, as phones behind one NAT often do.
"""

from __future__ import annotations

import asyncio
import re

from . import bodies, frames, marker, messages
from .bodies import RECEIVED, Address, Poke
from .control import Session
from .evidence import Pinhole
from .exchange import Wire
from .messages import Dialog, Endpoint, Shape
from .ports import Port, open_port
from .verdicts import MEDIA, SIGNALLING

POKES = 3
POKE_SECONDS = 0.12
_PORT = re.compile(rb"(?m)^m=audio (\d+) ")
_BIND_TRIES = 20


async def media(wire: Wire, target: Address, origin: Address) -> Pinhole | None:
    """An INVITE announces a media port; does a packet from `origin` get in there? None if the INVITE did not arrive.

    The packets go to the port that the INVITE named when it arrived, which an ALG may have changed.
    """
    session = wire.session
    asking, announced, silent = await open_port(wire.local), await _media_port(wire), await _media_port(wire)
    try:
        message_id = session.new_id(marker.HOLD)
        dialog = _dialog(wire, message_id, asking.local, target, announced.local.port)
        asking.send(messages.request(Shape("INVITE"), dialog), target)
        await asking.take(lambda datagram: datagram.data.startswith(b"SIP/2.0 183"), session.patience)
        received = await session.fetch(message_id, RECEIVED)
        seen = await session.echo(asking, target)
        if not received or seen is None:
            return None
        named = _PORT.search(received[0].data)
        port = int(named.group(1)) if named else announced.local.port
        pokes = [Poke(seen.ticket, bodies.PLAIN, session.own(origin), at) for at in (port, silent.local.port)]
        opened, unasked = await asyncio.gather(
            _gets_in(session, announced, pokes[0]), _gets_in(session, silent, pokes[1])
        )
        ending = _dialog(wire, message_id, asking.local, target, announced.local.port, cseq=2)
        asking.send(messages.bye(ending), target)
        return None if opened is None or unasked is None else Pinhole(MEDIA, opened, unasked)
    finally:
        for port_ in (asking, announced, silent):
            port_.close()


async def signalling(wire: Wire, target: Address, origin: Address) -> Pinhole | None:
    """A REGISTER to `target` is answered; does a packet from `origin` get in at its port? None if it did not arrive."""
    session = wire.session
    registered, silent = await open_port(wire.local), await open_port(wire.local)
    try:
        message_id = session.new_id()
        dialog = _dialog(wire, message_id, registered.local, target, wire.media.take())
        registered.send(messages.request(Shape("REGISTER"), dialog), target)
        answer = await registered.take(lambda datagram: datagram.data.startswith(b"SIP/2.0 200"), session.patience)
        tickets = [await session.echo(port, target) for port in (registered, silent)]
        if answer is None or tickets[0] is None or tickets[1] is None:
            return None
        pokes = [Poke(seen.ticket, bodies.PLAIN, session.own(origin)) for seen in tickets if seen]
        opened, unasked = await asyncio.gather(
            _gets_in(session, registered, pokes[0]), _gets_in(session, silent, pokes[1])
        )
        return None if opened is None or unasked is None else Pinhole(SIGNALLING, opened, unasked)
    finally:
        registered.close()
        silent.close()


async def second_phone(wire: Wire, target: Address, tries: int = POKES) -> bool | None:
    """Whether an INVITE is swallowed because another call has its media port, and arrives once that call has ended.

    Measured on the SIP ALG of Linux, which expects one flow at a port: the second phone's call waits for the end of the
    first. Two sockets of this host do for two phones. None where that is not known: the first INVITE did not arrive, or
    the second not even afterwards.
    """
    first, second = await open_port(wire.local), await open_port(wire.local)
    media_port = wire.media.take()
    try:
        calling = await _invited(wire, first, target, media_port, tries)
        if not calling:
            return None
        during = await _invited(wire, second, target, media_port, tries)
        _hang_up(wire, first, target, media_port, calling)
        if during is None:
            return None
        if during:
            _hang_up(wire, second, target, media_port, during)
            return False
        await asyncio.sleep(wire.session.patience)
        after = await _invited(wire, second, target, media_port, tries)
        if after:
            _hang_up(wire, second, target, media_port, after)
        return True if after else None
    finally:
        first.close()
        second.close()


async def _invited(wire: Wire, port: Port, target: Address, media_port: int, tries: int) -> bytes | None:
    """The id of the first of several INVITEs that arrived at the reflector, empty if none did; None if nobody can tell."""
    for _try in range(tries):
        message_id = wire.session.new_id(marker.HOLD)
        dialog = _dialog(wire, message_id, port.local, target, media_port)
        port.send(messages.request(Shape("INVITE"), dialog), target)
        await port.take(lambda datagram: datagram.data.startswith(b"SIP/2.0 183"), wire.session.patience)
        received = await wire.session.fetch(message_id, RECEIVED)
        if received:
            return message_id
        if received is None:
            return None
    return b""


def _hang_up(wire: Wire, port: Port, target: Address, media_port: int, message_id: bytes) -> None:
    port.send(messages.bye(_dialog(wire, message_id, port.local, target, media_port, cseq=2)), target)


async def _gets_in(session: Session, port: Port, poke: Poke) -> bool | None:
    """Whether one of several packets, a bit apart, arrives; None if the reflector sent none."""
    sent = False
    for _try in range(POKES):
        done = await session.poke(poke, frames.LARGEST)
        sent = sent or (done is not None and done.status == bodies.DONE)
        if await port.take(lambda datagram: _is_ping(session, datagram.data), POKE_SECONDS) is not None:
            return True
    came = await port.take(lambda datagram: _is_ping(session, datagram.data), session.patience)
    return True if came is not None else False if sent else None


def _is_ping(session: Session, data: bytes) -> bool:
    frame = frames.unseal(session.keys, data)
    return frame is not None and frame.type == frames.PING


def _dialog(wire: Wire, message_id: bytes, source: Address, target: Address, media_port: int, cseq: int = 1) -> Dialog:
    ends = Endpoint(source.ip, source.port), Endpoint(target.ip, target.port)
    return Dialog(*ends, wire.session.marker(message_id), None, media_port, cseq)


async def _media_port(wire: Wire) -> Port:
    """A socket on an even port that no INVITE of this run named. Raises OSError if none is free."""
    for _try in range(_BIND_TRIES - 1):
        try:
            return await open_port(wire.local, wire.media.take())
        except OSError:
            continue
    return await open_port(wire.local, wire.media.take())
