# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which media ports pass: a stratified sample of the range, then every edge between open and closed, bisected.

The edges of wide holes come out exactly, holes of single ports do not: a blocked share f is overlooked with (1-f)^n. Each
port costs the router an entry for a whole UDP timeout, so the rate is kept to what a small router has room for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import bodies, chances, frames
from .bodies import Address, Poke
from .control import Session
from .ports import Port, open_port

SAMPLE = 128
ENTRIES, TIMEOUT = 2000, 30.0
"""Entries that a small router can spare, and the seconds that it keeps each."""
RATE = ENTRIES / TIMEOUT
_BOUND_AT_A_TIME = 64
# What waits for its turn takes memory.
_ASKED_AT_A_TIME = 512


@dataclass(frozen=True)
class Range:
    """What was seen of a range: `blocked` are spans of ports, first and last, whose edges are exact.

    `visible` is the blocked share that this sample finds but for one time in a hundred; `busy` ports could not be
    looked at because they are taken on the probe's host.
    """

    first: int
    last: int
    probed: int
    open: int
    blocked: tuple[tuple[int, int], ...]
    tries: int
    visible: float
    busy: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "last": self.last,
            "probed": self.probed,
            "open": self.open,
            "blocked": [list(span) for span in self.blocked],
            "tries": self.tries,
            "overlooks_below": round(self.visible, 4),
            "busy": self.busy,
        }


def sample(first: int, last: int, count: int, source: random.Random) -> list[int]:
    """About `count` ports, one of each stratum and both ends, even and odd in turn, in random order."""
    width = last - first + 1
    if count >= width:
        chosen = set(range(first, last + 1))
    else:
        chosen = {first, last}
        for index in range(count):
            low, high = first + index * width // count, first + (index + 1) * width // count - 1
            port = source.randint(low, high)
            if port % 2 != index % 2 and low < high:
                port += 1 if port < high else -1
            chosen.add(port)
    ports = sorted(chosen)
    source.shuffle(ports)
    return ports


def midpoints(seen: Mapping[int, bool]) -> list[int]:
    """The ports to look at next: the middle between neighbours that differ and are not adjacent."""
    ports = sorted(seen)
    return [(low + high) // 2 for low, high in zip(ports, ports[1:]) if seen[low] != seen[high] and high - low > 1]


def blocked_spans(seen: Mapping[int, bool]) -> tuple[tuple[int, int], ...]:
    """The closed spans between the open ports that were seen. Exact where `midpoints` has nothing left."""
    spans: list[tuple[int, int]] = []
    begun: int | None = None
    before = 0
    for port in sorted(seen):
        if not seen[port] and begun is None:
            begun = port
        if seen[port] and begun is not None:
            spans.append((begun, before))
            begun = None
        before = port
    if begun is not None:
        spans.append((begun, before))
    return tuple(spans)


class Sweep:
    """Looks at ports of the reflector, outbound. `rate` is in ports a second."""

    def __init__(self, session: Session, local: str, rate: float = RATE) -> None:
        self.session, self.local, self.rate = session, local, rate

    async def look(self, first: int, last: int, count: int = SAMPLE, source: random.Random | None = None) -> Range:
        """Samples the range and bisects. A port is open when the answer comes from that very port."""
        tries = max(chances.LEAST_TRIES, chances.tries(self.session.loss, last - first + 1))
        port, seen = await open_port(self.local), {}
        try:
            ports = sample(first, last, count, source or random.SystemRandom())
            while ports:
                seen.update(await self._all(port, ports, tries))
                ports = midpoints(seen)
        finally:
            port.close()
        return _result(first, last, seen, tries)

    async def _all(self, port: Port, ports: Sequence[int], tries: int) -> dict[int, bool]:
        """Each port once, then the silent ones again, spread over the time that the rate takes."""
        seen: dict[int, bool] = {}
        left = list(ports)
        for _try in range(tries):
            for begin in range(0, len(left), _ASKED_AT_A_TIME):
                part = left[begin:][:_ASKED_AT_A_TIME]
                answers = await asyncio.gather(*(self._one(port, at, index) for index, at in enumerate(part)))
                seen.update(zip(part, answers))
            left = [at for at in left if not seen[at]]
            if not left:
                break
        return seen

    async def _one(self, port: Port, at: int, index: int) -> bool:
        await asyncio.sleep(index / self.rate)
        return await self.session.echo(port, self.session.server._replace(port=at)) is not None


async def inbound(
    session: Session, local: str, first: int, last: int, origin: Address, count: int = SAMPLE // 2
) -> Range | None:
    """Whether forwarded ports lead here: the reflector sends to a sample of them. None if it did not send.

    For a host that is the target of the forwards. Ports that are taken on this host are counted apart.
    """
    waiting = await open_port(local)
    echoed = await session.echo(waiting, session.server)
    waiting.close()
    if echoed is None:
        return None
    tries = max(chances.LEAST_TRIES, chances.tries(session.loss, count))
    seen: dict[int, bool] = {}
    busy = 0
    ports = sample(first, last, count, random.SystemRandom())
    for begin in range(0, len(ports), _BOUND_AT_A_TIME):
        part = ports[begin:][:_BOUND_AT_A_TIME]
        answers = await asyncio.gather(
            *(
                _arrives(session, local, Poke(echoed.ticket, bodies.PLAIN, session.own(origin), at), tries)
                for at in part
            )
        )
        busy += sum(answer is None for answer in answers)
        seen.update({at: answer for at, answer in zip(part, answers) if answer is not None})
    return _result(first, last, seen, tries, busy)


async def _arrives(session: Session, local: str, poke: Poke, tries: int) -> bool | None:
    """Whether something arrives at the target port; None if the port is taken here, or nothing was sent."""
    try:
        port = await open_port(local, poke.target_port)
    except OSError:
        return None
    try:
        sent = False
        for _try in range(tries):
            done = await session.poke(poke, frames.LARGEST)
            sent = sent or (done is not None and done.status == bodies.DONE)
            came = await port.take(
                lambda datagram: frames.unseal(session.keys, datagram.data) is not None, session.patience
            )
            if came is not None:
                return True
        return False if sent else None
    finally:
        port.close()


def _result(first: int, last: int, seen: Mapping[int, bool], tries: int, busy: int = 0) -> Range:
    spans = blocked_spans(seen)
    return Range(first, last, len(seen), sum(seen.values()), spans, tries, chances.visible_fraction(len(seen)), busy)
