# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured beside the SIP cases: lifetimes, the kind of NAT, media ports, and what the first hops quote."""

from __future__ import annotations

import asyncio
from typing import Any

from . import nat, rtp, ttl
from .cases import Places
from .compare import Change
from .control import Session
from .evidence import Interval
from .lifetime import ONE_EXCHANGE, STREAM, Lifetimes, Series, keepalive
from .settings import Options
from .verdicts import STANDARD_PORT


class More:
    """`facts` holds what was measured by its name, `not_tested` what was not, with the reason."""

    def __init__(self, options: Options, session: Session, local: str, places: Places) -> None:
        self.options, self.session, self.local, self.places = options, session, local, places
        self.facts: dict[str, Any] = {}
        self.not_tested: list[str] = []
        self.hop = ""
        self.hop_changes: tuple[Change, ...] = ()
        self._lifetimes: dict[str, Interval] = {}

    async def all(self) -> None:
        """Everything that was asked for, side by side."""
        await asyncio.gather(self._nat(), self._media(), self._forwarded(), self._lifetime(), self._hops())

    def compared(self) -> tuple[Interval | None, Interval | None]:
        """The lifetimes of a stream to 5060 and to another port."""
        control = self._lifetimes.get(self._series(STREAM, self.places.control).name)
        return self._lifetimes.get(self._series(STREAM, STANDARD_PORT).name), control

    def _series(self, shape: str, port: int) -> Series:
        return Series(shape, self.options.server._replace(port=port))

    async def _nat(self) -> None:
        if self.places.spare is None:
            self.not_tested.append("the kind of NAT: the reflector offers no second port")
            return
        found = await nat.classify(self.session, self.local, self.places.spare, self.places.second)
        self.facts["nat_type"] = found.as_dict()

    async def _media(self) -> None:
        if not self.places.rtp or not self.options.media_samples:
            self.not_tested.append("which media ports pass")
            return
        sweep = rtp.Sweep(self.session, self.local)
        found = await sweep.look(*self.places.rtp, self.options.media_samples)
        self.facts["media_out"] = found.as_dict()

    async def _forwarded(self) -> None:
        if self.options.forwarded is None or self.places.spare is None:
            return
        origin = self.options.server._replace(port=self.places.spare)
        found = await rtp.inbound(self.session, self.local, *self.options.forwarded, origin)
        if found is None:
            self.not_tested.append("whether forwarded ports lead here: the reflector did not answer")
        else:
            self.facts["media_in"] = found.as_dict()

    async def _lifetime(self) -> None:
        if not self.options.lifetime_cap:
            return
        ports = [self.places.control, *(port for port in self.places.sip_udp if port == STANDARD_PORT)]
        wanted = [self._series(shape, port) for port in ports for shape in (ONE_EXCHANGE, STREAM)]
        measure = Lifetimes(self.session, self.local, self.options.lifetime_cap)
        self._lifetimes = await measure.measure(wanted)
        self.facts["lifetimes"] = {
            name: {"low": found.low, "high": found.high, "monotonic": found.monotonic}
            for name, found in self._lifetimes.items()
        }
        self.facts["lifetime_lateness"] = round(measure.worst_lateness, 3)
        self.facts["keepalive_advice"] = keepalive(self._lifetimes.values())

    async def _hops(self) -> None:
        if self.options.provider is None:
            self.not_tested.append("what the first hops towards the provider do (no address of the provider was given)")
            return
        try:
            found, repeated = await ttl.trace_twice(self.local, self.options.provider)
        except OSError as error:
            self.not_tested.append(f"what the first hops towards the provider do: {error}")
            return
        self.facts["hops"] = found.as_dict()
        if repeated:
            self.hop, self.hop_changes = found.words, found.changes
        if not found.octets and found.changed_by is None:
            self.not_tested.append("what the first hops towards the provider do: none of them quoted enough")
