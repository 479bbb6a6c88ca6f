# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of NAT it is, in the words of RFC 4787: mapping, filtering, whether ports are preserved.

One socket asks two ports of the reflector and, where it has one, a second address; what it is seen as tells the mapping.
Then the reflector sends from where that socket has not asked; what arrives tells the filtering.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from . import bodies, frames
from .bodies import Address, Poke
from .control import Session
from .ports import Port, open_port

NO_NAT = "no_nat"
INDEPENDENT, BY_ADDRESS, BY_PORT = "endpoint_independent", "address_dependent", "address_and_port_dependent"
UNKNOWN = "unknown"
SAMPLES, POKES, TRIES = 6, 3, 3


@dataclass(frozen=True)
class Nat:
    """`mapping` and `filtering` are one of the words above; with one address of the reflector, some stay `unknown`.

    `preserved` of `samples` sockets were seen with the port that they have.
    """

    mapping: str
    filtering: str
    preserved: int
    samples: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def mapping_of(local: Address, first: Address | None, port: Address | None, address: Address | None) -> str:
    """From what one socket is seen as at A1:P1, at A1:P2 and at A2:P1 (RFC 4787, 4.1).

    Without A2, equal sights at two ports leave independent and address-dependent open: `unknown`.
    """
    if first is None or port is None:
        return UNKNOWN
    if first == local == port:
        return NO_NAT
    if first != port:
        return BY_PORT
    if address is None:
        return UNKNOWN
    return INDEPENDENT if address == first else BY_ADDRESS


def filtering_of(from_port: bool | None, from_address: bool | None) -> str:
    """From whether packets of another port and of another address get in unasked (RFC 4787, 5)."""
    if from_port is False:
        return BY_PORT
    if from_port is None or from_address is None:
        return UNKNOWN
    return INDEPENDENT if from_address else BY_ADDRESS


async def classify(session: Session, local: str, spare: int, second: str | None) -> Nat:
    """Asks with fresh sockets. `spare` is a port of the reflector that nothing else uses, `second` its other address."""
    asking, filtered = await open_port(local), await open_port(local)
    server = session.server
    try:
        first = await _seen(session, asking, server)
        at_port = await _seen(session, asking, server._replace(port=spare))
        at_address = await _seen(session, asking, Address(second, server.port)) if second else None
        mapping = mapping_of(asking.local, first, at_port, at_address)
        ticket = await _ticket(session, filtered, server)
        from_port = await _gets_in(session, filtered, ticket, session.own(server._replace(port=spare)))
        from_address = await _gets_in(session, filtered, ticket, Address(second, server.port)) if second else None
    finally:
        asking.close()
        filtered.close()
    preserved, samples = await _preserved(session, local)
    return Nat(mapping, filtering_of(from_port, from_address), preserved, samples)


async def _preserved(session: Session, local: str) -> tuple[int, int]:
    ports = [await open_port(local) for _index in range(SAMPLES)]
    try:
        seen = await asyncio.gather(*(_seen(session, port, session.server) for port in ports))
    finally:
        for port in ports:
            port.close()
    pairs = [(port.local.port, address.port) for port, address in zip(ports, seen) if address is not None]
    return sum(own == mapped for own, mapped in pairs), len(pairs)


async def _seen(session: Session, port: Port, target: Address) -> Address | None:
    for _try in range(TRIES):
        echoed = await session.echo(port, target)
        if echoed is not None:
            return echoed.mapped
    return None


async def _ticket(session: Session, port: Port, target: Address) -> bytes | None:
    for _try in range(TRIES):
        echoed = await session.echo(port, target)
        if echoed is not None:
            return echoed.ticket
    return None


async def _gets_in(session: Session, port: Port, ticket: bytes | None, origin: Address) -> bool | None:
    if ticket is None:
        return None
    sent = False
    for _poke in range(POKES):
        done = await session.poke(Poke(ticket, bodies.PLAIN, origin), frames.LARGEST)
        sent = sent or (done is not None and done.status == bodies.DONE)
    came = await port.take(
        lambda datagram: datagram.source.port == origin.port and frames.unseal(session.keys, datagram.data) is not None,
        session.patience,
    )
    return True if came is not None else False if sent else None
