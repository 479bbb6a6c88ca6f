# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reflector keeps: sessions, and the exact bytes of the messages of each. Everything here is bounded and ages."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field

from .bodies import Address
from .frames import Keys, keys_of

# An INVITE that is repeated three times has as many requests and twice as many answers.
COPIES = 8


@dataclass(frozen=True)
class Bounds:
    """The most that is kept: seconds, sessions, and messages and bytes of one session and of all."""

    session_seconds: int = 1800
    idle_seconds: int = 300
    message_seconds: int = 120
    sessions: int = 256
    sessions_of_source: int = 8
    messages: int = 128
    session_bytes: int = 256 * 1024
    all_bytes: int = 12 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """A message as it was on the wire, compressed; ``whole`` is False where a stream ended within it."""

    transport: int
    whole: bool
    source: Address
    destination: Address
    sha256: bytes
    size: int
    packed: bytes

    @classmethod
    def of(cls, data: bytes, transport: int, source: Address, destination: Address, whole: bool = True) -> Record:
        return cls(transport, whole, source, destination, hashlib.sha256(data).digest(), len(data), zlib.compress(data))


@dataclass
class Message:
    """All copies of one message id: what was received and what was sent, in order."""

    ends: float
    rtp: int
    copies: tuple[list[Record], list[Record]] = field(default_factory=lambda: ([], []))
    bytes: int = 0


@dataclass
class Session:
    """One run of a probe, bound to the address that opened it."""

    id: bytes
    keys: Keys
    ip: str
    opener: tuple[Address, bytes]
    ends: float
    seen: float
    messages: OrderedDict[bytes, Message] = field(default_factory=OrderedDict)
    bytes: int = 0


class Sessions:
    """The sessions that are open. Times are seconds of a clock that only goes forward."""

    def __init__(self, bounds: Bounds, rtp: tuple[int, int]) -> None:
        """``rtp`` are the first and last port that our session descriptions name."""
        self.bounds = bounds
        self.bytes = 0
        self._rtp, self._next_rtp = rtp, 0
        self._open: dict[bytes, Session] = {}

    def __len__(self) -> int:
        return len(self._open)

    def get(self, session_id: bytes, now: float) -> Session | None:
        session = self._open.get(session_id)
        return session if session is not None and self._alive(session, now) else None

    def open(self, secret: str, source: Address, nonce: bytes, now: float) -> Session | None:
        """A new session, or the one that this very request has opened before; None if there are too many."""
        self.sweep(now)
        same = [session for session in self._open.values() if session.ip == source.ip]
        for session in same:
            if session.opener == (source, nonce):
                return session
        if len(same) >= self.bounds.sessions_of_source or len(self._open) >= self.bounds.sessions:
            return None
        session_id = os.urandom(8)
        ends = now + self.bounds.session_seconds
        session = Session(session_id, keys_of(secret, session_id), source.ip, (source, nonce), ends, now)
        self._open[session_id] = session
        return session

    def message(self, session: Session, message_id: bytes, now: float) -> Message:
        """What is kept of a message, from now on if nothing is. Its RTP port was not named in the messages before.

        An ALG drops a session description whose RTP port it still expects for another call: measured, 180 s.
        """
        found = session.messages.get(message_id)
        if found is None:
            while len(session.messages) >= self.bounds.messages:
                self._forget(session, next(iter(session.messages)))
            first, last = self._rtp
            found = Message(now + self.bounds.message_seconds, first + first % 2 + 2 * self._next_rtp)
            self._next_rtp = (self._next_rtp + 1) % max(1, (last - first) // 2)
            session.messages[message_id] = found
        return found

    def keep(self, session: Session, message: Message, direction: int, record: Record) -> bool:
        """Whether there was room to keep it; older messages of the same session make way, those of others do not."""
        size = len(record.packed)
        if len(message.copies[direction]) >= COPIES or size > self.bounds.session_bytes:
            return False
        while session.bytes + size > self.bounds.session_bytes:
            oldest = next(iter(session.messages))
            if session.messages[oldest] is message:
                return False
            self._forget(session, oldest)
        if self.bytes + size > self.bounds.all_bytes:
            return False
        message.copies[direction].append(record)
        message.bytes += size
        session.bytes += size
        self.bytes += size
        return True

    def sweep(self, now: float) -> None:
        """Forget what has ended."""
        for session in list(self._open.values()):
            for message_id in [key for key, message in session.messages.items() if message.ends < now]:
                self._forget(session, message_id)
            if not self._alive(session, now):
                self.bytes -= session.bytes
                del self._open[session.id]

    def _alive(self, session: Session, now: float) -> bool:
        return now <= session.ends and now <= session.seen + self.bounds.idle_seconds

    def _forget(self, session: Session, message_id: bytes) -> None:
        gone = session.messages.pop(message_id).bytes
        session.bytes -= gone
        self.bytes -= gone
