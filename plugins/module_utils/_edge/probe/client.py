# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run of the probe, on one event loop: control, neutral payload, SIP cases, control again; then the verdict."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from . import bodies, cases, chances, exchange, frames, pinholes, ttl
from .bodies import Address
from .compare import Addresses
from .control import Session, open_session
from .evidence import (
    CHANGED,
    FRESH,
    IN,
    SAME,
    SIP_PORT,
    UNPROVEN,
    Case,
    Evidence,
    Neutral,
    Path,
    Pinhole,
    Sighting,
    grouped,
)
from .exchange import Wire
from .more import More
from .ports import Port, local_address_towards, open_port
from .settings import Options
from .verdicts import STANDARD_PORT, Verdict, judge, judge_hops

_Seen = TypeVar("_Seen")
ROUNDS = 2
MOST_ROUNDS = 6
TOGETHER = 12
"""Exchanges that are under way at a time: enough to be quick, too few to be a burst that a router drops."""
_CONTROL_ECHOES = 10
# As long as an INVITE, a large one, and the reflector's own INVITE.
_NEUTRAL_BYTES, _LARGE_BYTES, _INBOUND_BYTES = 1000, 2000, 600
_PROGRESS_SECONDS = 10.0
_CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


@dataclass(frozen=True)
class Outcome:
    """The verdict, the evidence it was judged from, and facts that stand next to it."""

    verdict: Verdict
    evidence: Evidence
    facts: dict[str, Any]


Progress = Callable[[str], None]


def probe(options: Options, progress: Progress = lambda text: None) -> Outcome:
    """Runs the probe and judges. Raises NoReflector without an answer, OSError without a socket, ValueError for the key."""
    return asyncio.run(_probe(options, progress))


def probe_hops(options: Options, progress: Progress = lambda text: None) -> Outcome:
    """What can be said without a reflector: what the first hops change on the way to the provider. Never clean.

    Raises OSError without a socket, or where the system has no error queue.
    """
    return asyncio.run(_probe_hops(options, progress))


async def _probe_hops(options: Options, progress: Progress) -> Outcome:
    provider = options.provider
    if provider is None:
        raise ValueError("without a reflector the provider's address is needed")
    local = options.local or local_address_towards(provider.ip)
    progress(f"the first hops towards {provider.ip}")
    found, repeated = await ttl.trace_twice(local, provider)
    changes = found.changes if repeated else ()
    # Nobody outside says what the public address is: every address that is put in is that of a router in between.
    known = Addresses(local, "", (provider.ip,))
    evidence = Evidence(known, hop=found.words if repeated else "", hop_changes=changes)
    verdict = judge_hops(evidence)
    progress(f"verdict: {verdict.verdict}")
    return Outcome(verdict, evidence, {"local": local, "provider": provider.ip, "hops": found.as_dict()})


async def _probe(options: Options, progress: Progress) -> Outcome:
    local = options.local or local_address_towards(options.server.ip)
    session = await open_session(local, options.server, options.secret)
    try:
        run = Run(options, session, local, progress)
        return await run.whole()
    finally:
        session.close()


class Run:
    """One run over an open session."""

    def __init__(self, options: Options, session: Session, local: str, progress: Progress) -> None:
        self.options, self.session, self.progress = options, session, progress
        self.wire = Wire(session, local)
        self.places = cases.Places.of(session.opened, session.server.port)
        self.sightings: list[Sighting] = []
        self.neutral: dict[tuple[Path, bool, bool], Neutral] = {}
        self.not_tested: list[str] = []
        self._gate = asyncio.Semaphore(TOGETHER)

    async def whole(self) -> Outcome:
        transport = "UDP" if self.session.stream is None else "TCP, as UDP had no answer"
        self.progress(
            f"session with {self.options.server.ip} over {transport}, seen as {self.session.opened.mapped.ip}"
        )
        before = await self._control()
        sip_port = await self._sip_port()
        more = More(self.options, self.session, self.wire.local, self.places)
        try:
            await self._neutral(sip_port)
            measuring = asyncio.ensure_future(more.all())
            try:
                await self._rounds(sip_port)
                opened, redirected = await self._side_effects()
                swallowed = await self._second_phone()
                await self._wait_for(measuring)
            finally:
                measuring.cancel()
        finally:
            if sip_port is not None:
                sip_port.close()
        after = await self._control()
        self.not_tested += more.not_tested
        if not self.session.over_udp:
            self.not_tested.append("how much is lost over UDP, as no port beside those of SIP has an answer")
        sip, other = more.compared()
        evidence = self._evidence(before, after, sip_port is not None, opened, redirected)
        evidence = replace(evidence, lifetime_sip=sip, lifetime_other=other, hop=more.hop, hop_changes=more.hop_changes)
        if swallowed is not None:
            evidence = replace(evidence, swallowed=swallowed)
            more.facts["second_phone"] = "swallowed" if swallowed else "passed"
        verdict = judge(evidence)
        self.progress(f"verdict: {verdict.verdict}")
        return Outcome(verdict, evidence, {**self._facts(), **more.facts})

    async def _wait_for(self, measuring: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not measuring.done():
            await asyncio.wait([measuring], timeout=_PROGRESS_SECONDS)
            if not measuring.done():
                self.progress(f"lifetimes and ports, {loop.time() - began:.0f} s")
        measuring.result()

    def _evidence(
        self, before: bool, after: bool, sip_port: bool, opened: tuple[Pinhole, ...], redirected: bool | None
    ) -> Evidence:
        server = (self.options.server.ip, *self.session.opened.addresses)
        return Evidence(
            Addresses(self.wire.local, self.session.opened.mapped.ip, tuple(dict.fromkeys(server))),
            tuple(self.sightings),
            tuple(self.neutral.values()),
            before,
            after,
            self.session.loss,
            self.options.reflector_proven,
            own_nat(self.options.own_nat),
            sip_port,
            opened,
            redirected,
            not_tested=tuple(self.not_tested),
            control_over_tcp=self.session.stream is not None,
        )

    def _facts(self) -> dict[str, Any]:
        opened = self.session.opened
        return {
            "local": self.wire.local,
            "mapped": opened.mapped.ip,
            "reflector": self.options.server.ip,
            "control": "udp" if self.session.stream is None else "tcp",
            "nat": opened.mapped.ip != self.wire.local,
            "loss": round(self.session.loss, 4),
            "messages": len(self.sightings),
        }

    async def _control(self) -> bool:
        """Whether the control channel answers; several times, as its loss is what silence elsewhere is held against."""
        answers = await asyncio.gather(*(self._guarded(self.session.alive()) for _echo in range(_CONTROL_ECHOES)))
        return any(answers)

    async def _sip_port(self) -> Port | None:
        try:
            return await open_port(self.wire.local, STANDARD_PORT)
        except OSError:
            return None

    async def _guarded(self, work: Awaitable[Any]) -> Any:
        async with self._gate:
            return await work

    # ---- neutral payload

    async def _neutral(self, sip_port: Port | None) -> None:
        self.progress("payload that is not SIP, on every path")
        sample = self.places.media_sample()
        ports = [*self.places.sip_udp, *(() if sample is None else (sample,)), self.places.control]
        work: list[Awaitable[None]] = []
        for port in ports:
            for source in cases.sources(sip_port is not None):
                path = Path("udp", source, port)
                work.append(self._neutral_udp(path, sip_port if source == SIP_PORT else None))
        work.append(self._neutral_udp(Path("udp", FRESH, STANDARD_PORT), None, large=True))
        work += [self._neutral_tcp(Path("tcp", FRESH, port)) for port in self.places.sip_tcp]
        work += [
            self._neutral_inbound(case.path, sip_port) for case in cases.inbound(self.places, self._sources(sip_port))
        ]
        await asyncio.gather(*work)

    def _sources(self, sip_port: Port | None) -> tuple[str, ...]:
        return cases.sources(sip_port is not None)

    def _count(
        self, path: Path, intact: bool, altered: bool = False, large: bool = False, inbound: bool = False
    ) -> None:
        key = (path, large, inbound)
        had = self.neutral.get(key, Neutral(path, 0, 0, 0, large, inbound))
        self.neutral[key] = Neutral(path, had.sent + 1, had.intact + intact, had.altered + altered, large, inbound)

    def _target(self, path: Path) -> Address:
        return self.options.server._replace(port=path.port)

    async def _neutral_udp(self, path: Path, shared: Port | None, large: bool = False) -> None:
        size = _LARGE_BYTES if large else _NEUTRAL_BYTES
        for _try in range(self.options.tries):
            port = shared or await open_port(self.wire.local)
            request = self.session.tried(port, self._target(path), frames.ECHO, b"", size)
            frame, altered = await self._guarded(request)
            self._count(path, frame is not None, altered, large)
            if shared is None:
                port.close()

    async def _neutral_tcp(self, path: Path) -> None:
        for _try in range(self.options.tries):
            connection = await exchange.connect(self.wire, self._target(path))
            if connection is None:
                self._count(path, False)
                continue
            with connection:
                frame = frames.seal(
                    self.session.keys, frames.ECHO, frames.new_nonce(), b"", self.session.opened.session, _NEUTRAL_BYTES
                )
                try:
                    await asyncio.get_running_loop().sock_sendall(connection, frame)
                except OSError:
                    frame = b""
                heard = await exchange.read(connection, _NEUTRAL_BYTES, self.session.patience)
            intact = frames.unseal(self.session.keys, heard) is not None
            self._count(path, intact, len(heard) == len(frame) and not intact and bool(heard))

    async def _neutral_inbound(self, path: Path, sip_port: Port | None) -> None:
        """The reflector's ping into a binding, of the size of its INVITE."""
        shared = sip_port if path.source == SIP_PORT else None
        for _try in range(self.options.tries):
            port = shared or await open_port(self.wire.local)
            seen = await self._guarded(self.session.echo(port, self._target(path)))
            if seen is not None:
                origin = self.session.own(self._target(path))
                poke = bodies.Poke(seen.ticket, bodies.PLAIN, origin, size=_INBOUND_BYTES)
                waiting = asyncio.ensure_future(port.take(self._is_ping, 2 * self.session.patience))
                done = await self.session.poke(poke, frames.LARGEST)
                came = await waiting
                if done is not None and done.status == bodies.DONE:
                    self._count(path, came is not None, inbound=True)
            if shared is None:
                port.close()

    def _is_ping(self, datagram: Any) -> bool:
        frame = frames.unseal(self.session.keys, datagram.data)
        return frame is not None and frame.type == frames.PING

    # ---- SIP

    async def _rounds(self, sip_port: Port | None) -> None:
        """Two rounds of everything, then as many of what is lost or was changed only once as the loss asks for."""
        for turn in range(MOST_ROUNDS):
            groups = grouped(self.sightings)
            needed = max(self.options.tries, chances.tries(self.session.loss, len(groups) + len(self.neutral)))
            inbound = cases.inbound(self.places, self._sources(sip_port))
            again = None if turn < ROUNDS else unsettled(self.sightings, needed, inbound)
            if again is not None and not again:
                return
            self.progress(f"SIP messages, round {turn + 1}")
            work = list(self._round(sip_port, again))
            for found in await asyncio.gather(*work):
                self.sightings += found

    def _round(self, sip_port: Port | None, again: set[Case] | None) -> Iterable[Awaitable[list[Sighting]]]:
        sources = self._sources(sip_port)
        for planned in cases.over_udp(self.places, sources):
            if again is None or planned.case in again:
                shared = sip_port if planned.case.path.source == SIP_PORT else None
                yield self._guarded(self._udp(planned, shared))
        for planned in cases.over_tcp(self.places):
            if again is None or planned.case in again:
                target = self._target(planned.case.path)
                yield self._guarded(exchange.over_tcp(self.wire, planned.case, planned.shape, target))
        for case in cases.inbound(self.places, sources):
            if again is None or case in again:
                shared = sip_port if case.path.source == SIP_PORT else None
                yield self._guarded(self._inbound(case, shared))

    async def _udp(self, planned: cases.Planned, shared: Port | None) -> list[Sighting]:
        port = shared or await open_port(self.wire.local)
        try:
            return await exchange.over_udp(
                self.wire, planned.case, planned.shape, port, self._target(planned.case.path)
            )
        finally:
            if shared is None:
                port.close()

    async def _inbound(self, case: Case, shared: Port | None) -> list[Sighting]:
        port = shared or await open_port(self.wire.local)
        try:
            return await exchange.inbound(self.wire, case, port, self._target(case.path))
        finally:
            if shared is None:
                port.close()

    async def _side_effects(self) -> tuple[tuple[Pinhole, ...], bool | None]:
        """Pinholes, from another port of the reflector, and whether answers follow the port of Via."""
        if STANDARD_PORT not in self.places.sip_udp or self.places.spare is None:
            self.not_tested.append("pinholes: the reflector offers no port for it")
            return (), None
        self.progress("ports that SIP may open")
        target = self.options.server._replace(port=STANDARD_PORT)
        origin = self.options.server._replace(port=self.places.spare)
        media, signalling, redirected = await asyncio.gather(
            self._repeated(lambda: pinholes.media(self.wire, target, origin)),
            self._repeated(lambda: pinholes.signalling(self.wire, target, origin)),
            self._repeated(lambda: exchange.redirected(self.wire, target)),
        )
        return tuple(pinhole for pinhole in (media, signalling) if pinhole is not None), redirected

    async def _second_phone(self) -> bool | None:
        """Whether the call of a second phone waits for the end of the first one's, where that was asked for."""
        if not self.options.second_phone or STANDARD_PORT not in self.places.sip_udp:
            return None
        self.progress("a second phone with the media port of the first")
        tries = max(self.options.tries, chances.tries(self.session.loss, doubt=chances.DOUBT / 10))
        swallowed = await pinholes.second_phone(self.wire, self._target(Path("udp", FRESH, STANDARD_PORT)), tries)
        if swallowed is None:
            self.not_tested.append("whether a second phone with the media port of the first can call")
        return swallowed

    async def _repeated(self, attempt: Callable[[], Awaitable[_Seen | None]]) -> _Seen | None:
        """What an attempt saw; the next attempt where a lost message let it see nothing."""
        for _try in range(max(self.options.tries, chances.tries(self.session.loss, doubt=chances.DOUBT / 10))):
            seen = await attempt()
            if seen is not None:
                return seen
        return None


def unsettled(sightings: Iterable[Sighting], needed: int, wanted: Iterable[Case] = ()) -> set[Case]:
    """The cases that another round may settle: lost or unknown so far, or changed or answered by somebody else but once.

    A group is given up after `needed` tries. `wanted` are cases of requests that come in, of which nothing at all is
    seen where the packet that asks for them was lost.
    """
    groups = grouped(sightings)
    again = {case for case in wanted if (case, IN) not in groups}
    for (case, _direction), group in groups.items():
        states = [sighting.state for sighting in group]
        single = 1 in (states.count(CHANGED), states.count(UNPROVEN))
        proven = SAME in states or states.count(CHANGED) > 1 or states.count(UNPROVEN) > 1
        if len(states) < needed and (single or not proven):
            again.add(case)
    return again


def own_nat(stated: bool | None) -> bool | None:
    """Whether this host is behind a NAT of its own: as stated, else True in a container, else unknown."""
    if stated is not None:
        return stated
    return True if any(os.path.exists(path) for path in _CONTAINER_FILES) else None
