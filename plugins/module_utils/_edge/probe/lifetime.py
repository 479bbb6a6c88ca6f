# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a NAT keeps an idle UDP binding, in one pass: one socket for each age, all of them bound at the start.

When an age is reached the reflector is asked, over the control socket that is kept alive, to send something into that
binding. A socket serves one age only, since a packet that comes in may renew the binding (RFC 4787, REQ-6). Ages are 1 s
apart and then 3 % apart. A series ends after three dead ages in a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from . import bodies, frames
from .bodies import Address, Poke
from .control import Session
from .evidence import Interval
from .ports import Datagram, Port, open_port

STEP, GROWTH = 1.0, 0.03
PACKETS, SPACING = 3, 0.12
DEAD_IN_A_ROW = 3
BINDINGS_PER_SECOND = 100
STREAM_PAUSE = 2.6
"""Seconds between the two exchanges of a stream: Linux takes a flow for one that lasts when it has traffic after 2 s."""
KEEPALIVE_SHARE = 0.8
_ALIVE_EVERY = 8.0

ONE_EXCHANGE, STREAM = "exchange", "stream"


@dataclass(frozen=True)
class Series:
    """One question: how long does a binding to that port live after one exchange, or after a stream."""

    shape: str
    target: Address

    @property
    def name(self) -> str:
        return f"{self.shape} to {self.target.port}"


def ages(cap: float, step: float = STEP, growth: float = GROWTH) -> list[float]:
    """The ages that are looked at, in seconds, up to and with the cap."""
    found, age = [], step
    while age < cap:
        found.append(round(age, 3))
        age += max(step, age * growth)
    return [*found, cap]


def interval(seen: Mapping[float, bool]) -> Interval | None:
    """From what was alive and dead at each age: (last alive, first dead]. None if nothing was looked at.

    Where something older was alive than the first dead one there is no such interval, and the result says so. A binding
    that is dead at the youngest age lived less than that: its lower bound is 0.
    """
    if not seen:
        return None
    alive, dead = [age for age in seen if seen[age]], [age for age in seen if not seen[age]]
    low, high = max(alive, default=0.0), min(dead, default=None)
    if high is not None and low > high:
        return Interval(low, high, monotonic=False)
    return Interval(low, high)


def keepalive(intervals: Iterable[Interval]) -> int | None:
    """Seconds between keepalives: at most 0.8 of the shortest lower bound, and never more than 29 (RFC 5626, 4.4.1)."""
    bounds = [found.low for found in intervals if found.monotonic and found.low > 0]
    return min(29, max(1, int(min(bounds) * KEEPALIVE_SHARE))) if bounds else None


class Lifetimes:
    """One pass over several series. `cap` is the highest age in seconds.

    `worst_lateness` is by how many seconds an age was missed at most, `not_bound` how many sockets had no answer at the
    start: both tell how far the intervals can be trusted.
    """

    def __init__(self, session: Session, local: str, cap: float, step: float = STEP) -> None:
        self.session, self.local, self.cap, self.step = session, local, cap, step
        self.worst_lateness = 0.0
        self.not_bound = 0
        self._seen: dict[str, dict[float, bool]] = {}

    async def measure(self, wanted: Sequence[Series]) -> dict[str, Interval]:
        """The lifetimes by the names of the series; a series of which nothing was seen is not there."""
        keeping = asyncio.ensure_future(self._keep_alive())
        try:
            await asyncio.gather(*(self._series(series, turn, len(wanted)) for turn, series in enumerate(wanted)))
        finally:
            keeping.cancel()
        found = {name: interval(seen) for name, seen in self._seen.items()}
        return {name: result for name, result in found.items() if result is not None}

    async def _keep_alive(self) -> None:
        """The control binding must outlive the pass."""
        while True:
            await asyncio.sleep(_ALIVE_EVERY)
            await self.session.alive(1)

    async def _series(self, series: Series, turn: int, turns: int) -> None:
        """All ages at once; each waits for its time by itself, and three dead ones in a row end the rest."""
        began = asyncio.get_running_loop().time()
        seen = self._seen[series.name] = {}
        work = [
            asyncio.ensure_future(self._age(series, age, began + (index * turns + turn) / BINDINGS_PER_SECOND))
            for index, age in enumerate(ages(self.cap, self.step))
        ]
        try:
            for next_one in asyncio.as_completed(work):
                age, alive = await next_one
                if alive is not None:
                    seen[age] = alive
                oldest = sorted(seen)[-DEAD_IN_A_ROW:]
                if len(oldest) == DEAD_IN_A_ROW and not any(seen[age] for age in oldest):
                    return
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _age(self, series: Series, age: float, begin: float) -> tuple[float, bool | None]:
        """The age, and whether a binding of that age lives; None if that could not be asked."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, begin - loop.time()))
        try:
            port = await open_port(self.local)
        except OSError:
            self.not_bound += 1
            return age, None
        try:
            ticket = await self._bound(port, series)
            if ticket is None:
                self.not_bound += 1
                return age, None
            ripe = loop.time() + age
            await asyncio.sleep(age)
            self.worst_lateness = max(self.worst_lateness, loop.time() - ripe)
            return age, await self._lives(port, Poke(ticket, bodies.PLAIN, self.session.own(series.target)))
        finally:
            port.close()

    async def _bound(self, port: Port, series: Series) -> bytes | None:
        seen = await self.session.echo(port, series.target)
        if series.shape == STREAM and seen is not None:
            await asyncio.sleep(STREAM_PAUSE)
            seen = await self.session.echo(port, series.target)
        return seen.ticket if seen is not None else None

    async def _lives(self, port: Port, poke: Poke) -> bool | None:
        sent = False
        for _packet in range(PACKETS):
            done = await self.session.poke(poke, frames.LARGEST)
            sent = sent or (done is not None and done.status == bodies.DONE)
            if await port.take(self._is_ping, SPACING) is not None:
                return True
        came = await port.take(self._is_ping, self.session.patience)
        return True if came is not None else False if sent else None

    def _is_ping(self, datagram: Datagram) -> bool:
        frame = frames.unseal(self.session.keys, datagram.data)
        return frame is not None and frame.type == frames.PING
