# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reflector may send, and how often it may be asked: the rules that keep it from being used against others."""

from __future__ import annotations

import socket
from collections import OrderedDict
from dataclasses import dataclass, field

from .bodies import Address


@dataclass(frozen=True)
class Packet:
    """Bytes to send from one of our addresses; over TCP on the connection that asked."""

    data: bytes
    transport: int
    origin: Address
    target: Address


@dataclass
class Reply:
    """What one request causes to be sent. The one place where no more goes out than came in.

    ``room`` is how many bytes may still be sent; it begins with the bytes of the request. Only what is in ``packets`` is
    ever sent, and only `add` puts something there. ``proven`` is whether the request carried a proof.
    """

    room: int
    proven: bool = False
    packets: list[Packet] = field(default_factory=list)
    refused: int = 0

    def add(self, packet: Packet) -> bool:
        """Whether there was room for it."""
        if len(packet.data) > self.room:
            self.refused += 1
            return False
        self.room -= len(packet.data)
        self.packets.append(packet)
        return True


class Bucket:
    """Lets ``rate`` a second through, and ``burst`` at once."""

    __slots__ = ("burst", "filled", "rate", "tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self.rate, self.burst, self.tokens, self.filled = rate, burst, burst, now

    def take(self, now: float, amount: float = 1.0) -> bool:
        self.tokens = min(self.burst, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        if self.tokens < amount:
            return False
        self.tokens -= amount
        return True


@dataclass(frozen=True)
class Rates:
    """Requests a second that are answered, for which the double is let through at once, and bytes a second."""

    source: int = 300
    sessions: int = 4000
    handshakes: int = 100
    bytes: int = 4_000_000
    sources: int = 4096


class Limits:
    """The buckets of the sources and of all together. Only proven requests get here, so the unproven leave no trace."""

    def __init__(self, rates: Rates, now: float) -> None:
        self.rates = rates
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._sessions = Bucket(rates.sessions, 2 * rates.sessions, now)
        # Apart, so that whoever floods us with caught HELLOs does not shut out the sessions that are there.
        self._handshakes = Bucket(rates.handshakes, 2 * rates.handshakes, now)
        self._bytes = Bucket(rates.bytes, 2 * rates.bytes, now)

    def allow(self, ip: str, size: int, handshake: bool, now: float) -> bool:
        """Whether a request of that many bytes from that source is to be answered now."""
        together = self._handshakes if handshake else self._sessions
        return self._source(source_of(ip), now).take(now) and together.take(now) and self._bytes.take(now, size)

    def _source(self, key: str, now: float) -> Bucket:
        bucket = self._sources.pop(key, None)
        if bucket is None:
            bucket = Bucket(self.rates.source, 2 * self.rates.source, now)
            if len(self._sources) >= self.rates.sources:
                self._sources.popitem(last=False)
        self._sources[key] = bucket
        return bucket


def source_of(ip: str) -> str:
    """What counts as one source: an IPv4 address, or the 64 bits that a site has of IPv6."""
    if ":" not in ip:
        return ip
    return socket.inet_pton(socket.AF_INET6, ip.partition("%")[0])[:8].hex()
