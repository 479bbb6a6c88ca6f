# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test without a reflector: a SIP message with a small TTL towards the provider's own address, on Linux.

The hop at which it ends says so by ICMP (RFC 792, RFC 1812) and quotes the packet as it had received it. What hop k+1
quotes and hop k does not was changed by hop k. A change is proof; bytes that were quoted unchanged are unchanged up to
that hop, in that direction, and nothing more; a hop that does not answer says nothing. The message is an OPTIONS: it is
not meant to arrive, and does no harm where the provider is nearer than the TTL reaches.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import messages
from .bodies import Address
from .compare import Change, compare
from .messages import Dialog, Endpoint, Shape

HOPS = 3
PATIENCE = 1.0
TRIES = 2
# linux/in.h, linux/errqueue.h, linux/icmp.h: not all of them are in Python's socket module.
_IP_RECVERR, _ORIGIN_ICMP, _TIME_EXCEEDED = 11, 2, 11
_ERROR = struct.Struct("=IBBBxII")
_SOCKADDR_IN = struct.Struct("!2xH4s")

SHORTEST_QUOTE = 100


@dataclass(frozen=True)
class Hop:
    """What one hop said: its number, its address and the bytes that it quoted. Empty when it did not answer."""

    number: int
    address: str = ""
    quote: bytes = b""


@dataclass(frozen=True)
class Finding:
    """`changed_by` is the number of the hop that changed the message, with its address if it is known; None: nobody seen.

    `unchanged_up_to` is the highest hop that quoted the message as it was sent, `octets` how many of it were quoted.
    """

    changed_by: int | None
    address: str
    changes: tuple[Change, ...]
    unchanged_up_to: int
    octets: int

    @property
    def words(self) -> str:
        """Which hop it is, for people, and no more than was seen: a silent hop before it may have done it as well."""
        name = f"hop {self.changed_by} ({self.address})" if self.address else f"hop {self.changed_by}"
        return name if self.unchanged_up_to == self.changed_by else f"{name} or something before it"

    def as_dict(self) -> dict[str, Any]:
        return {
            "changed_by": self.changed_by,
            "address": self.address,
            "changes": [change.as_dict() for change in self.changes],
            "unchanged_up_to": self.unchanged_up_to,
            "octets": self.octets,
        }


def judge(sent: Sequence[bytes], hops: Sequence[Hop]) -> Finding:
    """From what was sent with each TTL and what each hop quoted.

    A changed quote of hop k+1 names hop k, if hop k had quoted it unchanged or is the first; else the change happened
    somewhere up to hop k, which is the latest that it can have been.
    """
    names = {hop.number: hop.address for hop in hops}
    unchanged, octets = 0, 0
    for data, hop in zip(sent, hops):
        if len(hop.quote) < SHORTEST_QUOTE:
            continue
        # An ALG may change the length, so the quote is held against as much of the message as can be told.
        if data.startswith(hop.quote):
            unchanged, octets = hop.number, max(octets, len(hop.quote))
            continue
        changes = compare(_whole_lines(data[: len(hop.quote)]), _whole_lines(hop.quote))
        by = max(1, hop.number - 1)
        return Finding(by, names.get(by, ""), _of_both(changes), unchanged, octets)
    return Finding(None, "", (), unchanged, octets)


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1] or data


def _of_both(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Without the lines that only one of the two cuts has: they are the ends of the quote, not an edit."""
    kept = tuple(change for change in changes if change.kind == "changed" and change.part != "length")
    return kept or tuple(changes)


def is_supported() -> bool:
    return sys.platform.startswith("linux")


async def trace(local: str, target: Address, hops: int = HOPS) -> Finding:
    """Sends an OPTIONS with TTL 1 to `hops` towards the target. Raises OSError where the system has no such sockets."""
    if not is_supported():
        raise OSError("the error queue of UDP sockets is Linux's own")
    sent, answers = [], []
    for number in range(1, hops + 1):
        data, hop = b"", Hop(number)
        for _try in range(TRIES):
            data, hop = await _one(local, target, number)
            if hop.quote:
                break
        sent.append(data)
        answers.append(hop)
    return judge(sent, answers)


async def trace_twice(local: str, target: Address, hops: int = HOPS) -> tuple[Finding, bool]:
    """The finding, and whether a second trace found the same lines changed by the same hop: one change is an accident."""
    first = await trace(local, target, hops)
    if first.changed_by is None:
        return first, False
    second = await trace(local, target, hops)
    names = [[change.name for change in found.changes] for found in (first, second)]
    return first, first.changed_by == second.changed_by and names[0] == names[1]


async def _one(local: str, target: Address, number: int) -> tuple[bytes, Hop]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.bind((local, 0))
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, number)
        source = made.getsockname()
        mark = "ttl" + os.urandom(12).hex()
        dialog = Dialog(Endpoint(source[0], source[1]), Endpoint(target.ip, target.port), mark)
        data = messages.request(Shape("OPTIONS"), dialog)
        made.sendto(data, (target.ip, target.port))
        return data, await _answer(made, number)
    finally:
        made.close()


async def _answer(made: socket.socket, number: int) -> Hop:
    loop = asyncio.get_running_loop()
    ends = loop.time() + PATIENCE
    while loop.time() < ends:
        try:
            quote, ancillary, _flags, _address = made.recvmsg(2048, 512, socket.MSG_ERRQUEUE)
        except BlockingIOError:
            await asyncio.sleep(0.02)
            continue
        for level, kind, data in ancillary:
            address = _offender(data) if (level, kind) == (socket.IPPROTO_IP, _IP_RECVERR) else None
            if address is not None:
                return Hop(number, address, quote)
    return Hop(number)


def _offender(data: bytes) -> str | None:
    """Who sent the time-exceeded message; None for any other error."""
    if len(data) < _ERROR.size + _SOCKADDR_IN.size:
        return None
    _number, origin, kind, _code, _info, _more = _ERROR.unpack_from(data)
    if (origin, kind) != (_ORIGIN_ICMP, _TIME_EXCEEDED):
        return None
    return socket.inet_ntoa(_SOCKADDR_IN.unpack_from(data, _ERROR.size)[1])
