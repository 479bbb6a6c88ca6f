# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NAT in user space that edits SIP, between two addresses of the loopback: the ALG kinds that Linux does not have.

Clients talk to `inside` as if it were the server; the server sees them come from `outside`. The NAT maps a client's
address and port to one outside port, the same number where it is free, and lets packets in from an address and port
that the client has sent to. Runs in a thread of its own and needs no privileges.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .relay_edits import EDITS, OUT, Edit, Flow, direction_of, forged_reply, is_reply, is_sip

Address = tuple[str, int]
_LARGEST = 65535


@dataclass
class _Mapping:
    """What the NAT knows of one client address and port."""

    client: Address
    socket: socket.socket
    asked: set[Address]
    used: float
    pinhole: bool = False


@dataclass
class Behaviour:
    """How the relay behaves. `edits` are names of `EDITS`, applied in order on `ports` (of the server) alone.

    `answers` makes it answer SIP requests itself, `pinholes` lets packets in on media ports that an INVITE announced,
    `loss` drops that share of all packets, `delay` is added in either direction, `timeout` is the idle lifetime of a
    mapping (None: for ever), `sticky` the lifetime on `ports`, all in seconds; `stale` are the client's ports that alone
    are edited.
    """

    edits: tuple[str, ...] = ()
    ports: frozenset[int] = frozenset({5060})
    answers: bool = False
    pinholes: bool = False
    loss: float = 0.0
    delay: float = 0.0
    timeout: float | None = None
    sticky: float | None = None
    stale: frozenset[int] = frozenset()
    seed: int = 1
    functions: tuple[Edit, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.functions = tuple(EDITS[name] for name in self.edits)


class Relay:
    """Use as a context manager. `udp` and `tcp` are the server's ports that are passed on, the same on both sides."""

    def __init__(
        self,
        inside: str,
        outside: str,
        server: str,
        udp: Iterable[int],
        tcp: Iterable[int] = (),
        behaviour: Behaviour | None = None,
    ) -> None:
        self.inside, self.outside, self.server = inside, outside, server
        self.behaviour = behaviour or Behaviour()
        self._udp, self._tcp = tuple(udp), tuple(tcp)
        self._random = random.Random(self.behaviour.seed)
        self._selector = selectors.DefaultSelector()
        self._front: dict[int, socket.socket] = {}
        self._mappings: dict[Address, _Mapping] = {}
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)
        self._stop = threading.Event()
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self.passed = 0
        self.dropped = 0

    def __enter__(self) -> Relay:
        for port in self._udp:
            front = _bound(socket.SOCK_DGRAM, self.inside, port)
            self._front[port] = front
            self._selector.register(front, selectors.EVENT_READ, ("out", port))
        for port in self._tcp:
            listener = _bound(socket.SOCK_STREAM, self.inside, port)
            listener.listen(16)
            self._selector.register(listener, selectors.EVENT_READ, ("accept", port))
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            wait = self._due[0][0] - time.monotonic() if self._due else 0.05
            for key, _events in self._selector.select(min(0.05, max(0.0, wait))):
                if key.fileobj.fileno() < 0:  # type: ignore[union-attr]
                    continue  # closed by what came just before
                kind, value = key.data
                try:
                    getattr(self, "_on_" + kind)(key.fileobj, value)
                except (ConnectionError, BlockingIOError):
                    continue

            self._send_due()

    def _later(self, send: Callable[[], object]) -> None:
        """Now where there is no delay; what waits goes in the order in which it came."""
        heapq.heappush(self._due, (time.monotonic() + self.behaviour.delay, next(self._numbers), send))
        self._send_due()

    def _send_due(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            with contextlib.suppress(OSError):
                heapq.heappop(self._due)[2]()

    # ---- UDP

    def _on_out(self, front: socket.socket, port: int) -> None:
        data, client = front.recvfrom(_LARGEST)
        if self._loses():
            return
        mapping = self._mapping(client, port)
        mapping.asked.add((self.server, port))
        edited = self._edit(data, mapping, port, outbound=True)
        if edited is None:
            self.dropped += 1
        elif self.behaviour.answers and port in self.behaviour.ports and is_sip(data) and not is_reply(data):
            self._later(lambda: front.sendto(forged_reply(data), client))
        else:
            self._pinhole(data, client, port)
            self._later(lambda: mapping.socket.sendto(edited, (self.server, port)))
            self.passed += 1

    def _on_back(self, outside: socket.socket, client: Address) -> None:
        data, source = outside.recvfrom(_LARGEST)
        mapping = self._mappings.get(client)
        front = self._front.get(source[1])
        if mapping is None or front is None or self._loses() or self._expired(mapping, source[1]):
            return
        if not mapping.pinhole and source not in mapping.asked:
            return
        mapping.used = time.monotonic()
        edited = self._edit(data, mapping, source[1], outbound=False)
        if edited is None:
            self.dropped += 1
            return
        self._later(lambda: front.sendto(edited, client))
        self.passed += 1

    def _loses(self) -> bool:
        lost = self._random.random() < self.behaviour.loss
        self.dropped += lost
        return lost

    def _mapping(self, client: Address, port: int) -> _Mapping:
        mapping = self._mappings.get(client)
        if mapping and self._expired(mapping, port):
            self._selector.unregister(mapping.socket)
            mapping.socket.close()
            mapping = None
        if mapping is None:
            mapping = self._mappings[client] = self._open(client)
        mapping.used = time.monotonic()
        return mapping

    def _open(self, client: Address) -> _Mapping:
        try:
            outside = _bound(socket.SOCK_DGRAM, self.outside, client[1])
        except OSError:
            outside = _bound(socket.SOCK_DGRAM, self.outside, 0)
        self._selector.register(outside, selectors.EVENT_READ, ("back", client))
        return _Mapping(client, outside, set(), time.monotonic())

    def _expired(self, mapping: _Mapping, port: int) -> bool:
        limit = self.behaviour.timeout
        if self.behaviour.sticky is not None and port in self.behaviour.ports:
            limit = self.behaviour.sticky
        return limit is not None and time.monotonic() - mapping.used > limit

    def _pinhole(self, data: bytes, client: Address, port: int) -> None:
        announced = re.search(rb"(?m)^m=audio (\d+) ", data)
        if self.behaviour.pinholes and announced and port in self.behaviour.ports:
            inner = (client[0], int(announced.group(1)))
            self._mappings.setdefault(inner, self._open(inner)).pinhole = True

    def _edit(self, data: bytes, mapping: _Mapping, port: int, outbound: bool) -> bytes | None:
        direction = OUT if outbound else direction_of(data, outbound)
        return self._edited(data, Flow(mapping.client, mapping.socket.getsockname(), direction), port)

    def _edited(self, data: bytes, flow: Flow, port: int) -> bytes | None:
        stale = self.behaviour.stale
        if port not in self.behaviour.ports or (stale and flow.inside[1] not in stale):
            return data
        current: bytes | None = data
        for edit in self.behaviour.functions:
            current = None if current is None else edit(current, flow)
        return current

    # ---- TCP: each segment is edited by itself, as an ALG without reassembly does.

    def _on_accept(self, listener: socket.socket, port: int) -> None:
        near, client = listener.accept()
        far = _bound(socket.SOCK_STREAM, self.outside, 0)
        far.setblocking(True)
        try:
            far.connect((self.server, port))
        except OSError:
            near.close()
            far.close()
            return
        far.setblocking(False)
        near.setblocking(False)
        ends = (client, far.getsockname(), port)
        self._selector.register(near, selectors.EVENT_READ, ("stream", (far, True, ends)))
        self._selector.register(far, selectors.EVENT_READ, ("stream", (near, False, ends)))

    def _on_stream(
        self, source: socket.socket, value: tuple[socket.socket, bool, tuple[Address, Address, int]]
    ) -> None:
        target, outbound, (client, outside, port) = value
        try:
            data = source.recv(_LARGEST)
        except ConnectionError:
            data = b""
        if not data:
            for end in (source, target):
                self._selector.unregister(end)
                end.close()
            return
        if self.behaviour.answers and outbound and port in self.behaviour.ports and is_sip(data):
            self._later(lambda: source.sendall(forged_reply(data)))
            return
        edited = self._edited(data, Flow(client, outside, direction_of(data, outbound)), port)
        if edited is not None:
            self._later(lambda: target.sendall(edited))


def _bound(kind: int, address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, kind)
    if kind == socket.SOCK_STREAM:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    made.setblocking(False)
    return made
