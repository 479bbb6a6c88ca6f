# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's UDP sockets on one event loop. What comes in is kept until somebody takes it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .bodies import Address

# An idle socket has nothing to keep; whoever floods it must not fill the memory.
_MOST_KEPT = 64


@dataclass(frozen=True)
class Datagram:
    """Bytes, where they came from, and the loop's time at which they came, in seconds."""

    data: bytes
    source: Address
    at: float


class Port(asyncio.DatagramProtocol):
    """A bound UDP socket. Make one by `open_port`."""

    def __init__(self) -> None:
        self.local = Address("0.0.0.0", 0)
        self.received: list[Datagram] = []
        self._waiting: list[tuple[Callable[[Datagram], bool], asyncio.Future[Datagram]]] = []
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        address = transport.get_extra_info("sockname")
        self.local = Address(address[0], address[1])

    def datagram_received(self, data: bytes, addr: Any) -> None:
        came = Datagram(data, Address(addr[0], addr[1]), asyncio.get_running_loop().time())
        for index, (wanted, future) in enumerate(self._waiting):
            if not future.done() and wanted(came):
                del self._waiting[index]
                future.set_result(came)
                return
        if len(self.received) < _MOST_KEPT:
            self.received.append(came)

    def error_received(self, exc: Exception) -> None:
        """An ICMP error is no answer: what it means shows in what does not come."""

    def send(self, data: bytes, target: Address) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, (target.ip, target.port))

    async def take(self, wanted: Callable[[Datagram], bool], seconds: float) -> Datagram | None:
        """The first datagram that is wanted, of those that came or come within the time; None if there is none."""
        for index, came in enumerate(self.received):
            if wanted(came):
                return self.received.pop(index)
        if seconds <= 0:
            return None
        future: asyncio.Future[Datagram] = asyncio.get_running_loop().create_future()
        entry = (wanted, future)
        self._waiting.append(entry)
        try:
            return await asyncio.wait_for(future, seconds)
        except asyncio.TimeoutError:
            return None
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def open_port(ip: str, port: int = 0) -> Port:
    """A UDP socket on that address; port 0 lets the system choose. Raises OSError if the port is taken."""
    loop = asyncio.get_running_loop()
    _transport, made = await loop.create_datagram_endpoint(Port, local_addr=(ip, port), family=socket.AF_INET)
    return made


def local_address_towards(ip: str) -> str:
    """The address of the interface that leads there. Nothing is sent. Raises OSError without a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.connect((ip, 9))
        return str(made.getsockname()[0])
