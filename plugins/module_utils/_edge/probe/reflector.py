# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reflector: the sockets, one event loop over all of them, and the program that runs it.

``python3 -m PACKAGE.reflector --settings FILE --key FILE`` runs until SIGTERM. It needs no privileges for ports above 1023,
only as many open files as it has ports. It sends what `Answers` says, from the address that was asked, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import resource
import selectors
import signal
import socket
import sys
import time
from collections import Counter
from typing import Any

from .bodies import TCP, UDP, Address
from .reflector_answers import Answers, Arrival
from .reflector_limits import Packet, Rates
from .reflector_settings import Settings, read_key
from .reflector_store import Bounds
from .reflector_streams import Stream, Streams

TICK_SECONDS = 0.5
COUNTERS_SECONDS = 15.0
# Datagrams of one socket before the others have their turn.
TURN = 32
# Bytes that wait in the kernel at the ports where a flood is likely; the RTP ports have the system's default.
QUEUE_BYTES = 1 << 20
SPARE_FILES = 256


class Reflector:
    """Its sockets are open once it is made. Raises OSError that names the place that cannot be opened."""

    def __init__(
        self, settings: Settings, secrets: tuple[str, ...], bounds: Bounds | None = None, rates: Rates | None = None
    ) -> None:
        self.settings = settings
        self.streams = Streams()
        self.stopping = False
        self.counters: Counter[str] = Counter(connections=0, refused_connections=0, send_errors=0)
        self._selector = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(65536))
        self._next_sweep = self._next_counters = 0.0
        self._udp: dict[Address, socket.socket] = {}
        self._listeners: list[socket.socket] = []
        self.answers = Answers(settings.offer(secrets), self._udp, time.monotonic(), bounds, rates)
        try:
            self._open()
        except OSError:
            self.close()
            raise

    def _open(self) -> None:
        rtp = (
            set(range(self.settings.rtp_ports[0], self.settings.rtp_ports[1] + 1)) if self.settings.rtp_ports else set()
        )
        udp, tcp = self.settings.places(UDP), self.settings.places(TCP)
        allow_files(len(udp) + len(tcp) + SPARE_FILES)
        for place in udp:
            self._udp[place] = _bound(place, socket.SOCK_DGRAM)
            if place.port not in rtp:
                self._udp[place].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE_BYTES)
            self._selector.register(self._udp[place], selectors.EVENT_READ, place)
        for place in tcp:
            listener = _bound(place, socket.SOCK_STREAM)
            self._listeners.append(listener)
            listener.listen(64)
            self._selector.register(listener, selectors.EVENT_READ, listener)

    def run(self) -> None:
        """Until `stopping` is set, which is looked at twice a second."""
        while not self.stopping:
            self.step(TICK_SECONDS)
        self._write_counters()

    def step(self, seconds: float) -> None:
        """Wait at most that long for something to come in, and answer it."""
        for key, _dummy in self._selector.select(seconds):
            if isinstance(key.data, Address):
                self._datagrams(self._udp[key.data], key.data)
            elif isinstance(key.data, Stream):
                self._read(key.data)
            else:
                self._accept(key.data)
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + TICK_SECONDS
            self._sweep(now)

    def close(self) -> None:
        for stream in list(self.streams.open.values()):
            self._drop(stream)
        for opened in (*self._udp.values(), *self._listeners):
            opened.close()
        self._selector.close()

    def _datagrams(self, door: socket.socket, local: Address) -> None:
        for _dummy in range(TURN):
            try:
                size, source = door.recvfrom_into(self._buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error about something that we sent
                continue
            data = bytes(self._buffer[:size])
            reply = self.answers.handle(Arrival(data, UDP, _address(source), local), time.monotonic())
            for packet in reply.packets:
                self._send(packet, source if packet.target == _address(source) else packet.target)

    def _send(self, packet: Packet, target: Any) -> None:
        try:
            self._udp[packet.origin].sendto(packet.data, tuple(target))
        except OSError:
            self.counters["send_errors"] += 1

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, source = listener.accept()
        except OSError:  # gone again, or no file left; the next one may have more luck
            return
        connection.setblocking(False)
        now = time.monotonic()
        stream = Stream(connection, _address(source), _address(connection.getsockname()), now)
        gone = self.streams.admit(stream)
        if gone is None:
            self.counters["refused_connections"] += 1
            connection.close()
            return
        for other in gone:
            self._drop(other)
        self.counters["connections"] += 1
        self._selector.register(connection, selectors.EVENT_READ, stream)

    def _read(self, stream: Stream) -> None:
        if stream.connection.fileno() < 0:  # dropped by what was answered just before
            return
        try:
            size = stream.connection.recv_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self._end(stream)
            return
        stream.feed(bytes(self._buffer[:size]), time.monotonic())
        try:
            for data in stream.take():
                self._answer(stream, data, True)
                if not stream.proven:
                    raise ValueError("no proof in the first thing that was said")
        except (OSError, ValueError):
            self._drop(stream)

    def _answer(self, stream: Stream, data: bytes, whole: bool) -> None:
        """Raises OSError if the other side does not take the answer."""
        reply = self.answers.handle(Arrival(data, TCP, stream.source, stream.local, whole), time.monotonic())
        stream.proven = stream.proven or reply.proven
        for packet in reply.packets:
            if packet.transport == UDP:
                self._send(packet, packet.target)
            elif stream.connection.send(packet.data) != len(packet.data):
                raise BlockingIOError

    def _end(self, stream: Stream) -> None:
        """Keep what came of a message that has no end, and close."""
        if stream.buffer:
            self.answers.handle(Arrival(stream.rest(), TCP, stream.source, stream.local, False), time.monotonic())
        self._drop(stream)

    def _drop(self, stream: Stream) -> None:
        if stream.connection.fileno() >= 0:
            self.streams.remove(stream)
            self._selector.unregister(stream.connection)
            stream.connection.close()

    def _sweep(self, now: float) -> None:
        self.answers.sessions.sweep(now)
        for stream in self.streams.broken_off(now):
            self.answers.handle(Arrival(stream.rest(), TCP, stream.source, stream.local, False), now)
        for stream in self.streams.overdue(now):
            self._drop(stream)
        if now >= self._next_counters:
            self._next_counters = now + COUNTERS_SECONDS
            self._write_counters()

    def numbers(self) -> dict[str, int]:
        """All counters, and what is open now."""
        now_open = {"sessions_open": len(self.answers.sessions), "connections_open": len(self.streams.open)}
        return {**self.answers.counters, **self.counters, **now_open, "kept_bytes": self.answers.sessions.bytes}

    def _write_counters(self) -> None:
        path = self.settings.counters
        if path:
            try:
                write_counters(path, self.numbers())
            except OSError as error:
                sys.stderr.write(f"the counters cannot be written: {error}\n")


def write_counters(path: str, numbers: dict[str, int]) -> None:
    """As lines of ``voip_edge_reflector_NAME NUMBER``, which the text file collector of Prometheus reads. Raises OSError."""
    lines = [f"voip_edge_reflector_{name} {number}\n" for name, number in sorted(numbers.items())]
    with open(f"{path}.new", "w", encoding="ascii") as handle:
        handle.writelines(lines)
    os.replace(f"{path}.new", path)


def allow_files(count: int) -> None:
    """Let this process open that many files. Raises OSError if the system does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < count:
        raise OSError(f"{count} open files are needed and {hard} allowed (LimitNOFILE of the service)")
    if soft != resource.RLIM_INFINITY and soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def _bound(place: Address, kind: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in place.ip else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setblocking(False)
        opened.bind(tuple(place))
    except OSError as error:
        opened.close()
        raise OSError(f"{place.ip} port {place.port}: {error.strerror}") from error
    return opened


def _address(source: Any) -> Address:
    """Without the zone and the other fields of IPv6."""
    return Address(source[0].partition("%")[0], source[1])


def main(arguments: list[str]) -> int:
    """The exit code: 0 after SIGTERM, 2 where settings, key or ports are not fit."""
    parser = argparse.ArgumentParser(prog="reflector", description="The far end of the SIP ALG probe.")
    parser.add_argument("--settings", required=True, help="JSON file")
    parser.add_argument("--key", required=True, help="file with the pre-shared key")
    options = parser.parse_args(arguments)
    try:
        with open(options.settings, encoding="utf-8") as handle:
            settings = Settings.read(handle.read())
        reflector = Reflector(settings, read_key(options.key))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"reflector: {error}\n")
        return 2

    def stop(*dummy: Any) -> None:
        reflector.stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        reflector.run()
    finally:
        reflector.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
