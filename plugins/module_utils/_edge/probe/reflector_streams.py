# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections over TCP: where a frame or a message begins and ends, and how many may be open for how long."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from . import frames
from .bodies import Address
from .reflector_answers import LONGEST_MESSAGE
from .reflector_limits import source_of

# Seconds: for the first proof; for the rest of a message that an ALG may have made shorter than it says; without a word.
PROOF_SECONDS, REST_SECONDS, IDLE_SECONDS = 10.0, 1.0, 180.0

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*\r?$", re.I | re.M)
_METHOD = re.compile(rb"[A-Z]{1,16}(?: |$)")


class Stream:
    """One connection: what has come in and is not yet taken, at most one message of the longest kind and a bit."""

    def __init__(self, connection: socket.socket, source: Address, local: Address, now: float) -> None:
        self.connection, self.source, self.local = connection, source, local
        self.proven = False
        self.opened = self.heard = now
        self.buffer = b""

    def feed(self, data: bytes, now: float) -> None:
        self.buffer += data
        self.heard = now

    def take(self) -> Iterator[bytes]:
        """The frames and messages that are complete. Raises ValueError where neither can begin, or one is too long."""
        while True:
            self.buffer = self.buffer.lstrip(b"\r\n")
            end = self._end()
            if end is None:
                if len(self.buffer) > LONGEST_MESSAGE:
                    raise ValueError("too long")
                return
            whole, self.buffer = self.buffer[:end], self.buffer[end:]
            yield whole

    def rest(self) -> bytes:
        """What is left of a message that does not come to its end."""
        left, self.buffer = self.buffer, b""
        return left

    def _end(self) -> int | None:
        """Where the first frame or message ends, if that is known."""
        data = self.buffer
        if data.startswith(frames.MAGIC):
            head = frames.head_of(data)
            if head is not None and head.size > LONGEST_MESSAGE:
                raise ValueError("too long")
            return head.size if head is not None and head.size <= len(data) else None
        if not _may_begin(data):
            raise ValueError("neither a frame nor SIP")
        headers = re.search(rb"\r?\n\r?\n", data)
        if headers is None:
            return None
        length = _LENGTH.search(data, 0, headers.end())
        end = headers.end() + (int(length.group(1)) if length else 0)
        if end > LONGEST_MESSAGE:
            raise ValueError("too long")
        if end > len(data):
            return None
        after = data[end:].lstrip(b"\r\n")
        # A Content-Length that an ALG forgot to raise: what follows belongs to this message and is evidence.
        return end if _may_begin(after) else len(data)


def _may_begin(data: bytes) -> bool:
    """Whether a frame, a request or an answer begins with these bytes, of which there may be few yet or none."""
    fixed = frames.MAGIC.startswith(data[:4]) or b"SIP/2.0 ".startswith(data[:8])
    return fixed or _METHOD.match(data) is not None


@dataclass(frozen=True)
class Seats:
    """Connections at a time: of all, and of one source."""

    all: int = 128
    source: int = 8


class Streams:
    """The connections that are open."""

    def __init__(self, seats: Seats | None = None) -> None:
        self.seats = seats or Seats()
        self.open: dict[int, Stream] = {}

    def admit(self, stream: Stream) -> list[Stream] | None:
        """The connections to close for this one, or None if it has no place. The proven do not make way."""
        key = source_of(stream.source.ip)
        if sum(source_of(other.source.ip) == key for other in self.open.values()) >= self.seats.source:
            return None
        gone = []
        if len(self.open) >= self.seats.all:
            unproven = [other for other in self.open.values() if not other.proven]
            if not unproven:
                return None
            gone = [min(unproven, key=lambda other: other.opened)]
        self.open[stream.connection.fileno()] = stream
        return gone

    def remove(self, stream: Stream) -> None:
        self.open.pop(stream.connection.fileno(), None)

    def broken_off(self, now: float) -> list[Stream]:
        """Those that wait for the rest of a message that does not come."""
        return [stream for stream in self.open.values() if stream.buffer and now > stream.heard + REST_SECONDS]

    def overdue(self, now: float) -> list[Stream]:
        """Those whose time is over."""
        return [
            stream
            for stream in self.open.values()
            if now > (stream.heard + IDLE_SECONDS if stream.proven else stream.opened + PROOF_SECONDS)
        ]
