# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile datagrams against a reflector on loopback, bounded in rate and time, while legitimate probes are at work.

``python tests/hostile.py --count 1000000`` ends with 0 if the reflector stayed silent to everybody without a proof, never
sent more bytes than it received, kept its memory, and answered every legitimate probe meanwhile.

Each batch goes to one port and is followed by a legitimate ECHO there. Its answer shows that the reflector has looked at
the whole batch before it, so nothing that counts as sent was lost in a queue. Needs Linux (the network 127.0.0.0/8).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import bodies, frames, marker
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_visitor import NoAnswer, Visitor

EDGE = Path(frames.__file__).resolve().parents[1]
SECRET = "the pre-shared key of the hostile datagrams"
CONTROL, SPARE = 29292, 29293
SIP = [5060, 5070, 5080]
BATCH = 64
VISITORS, STRANGERS = 8, 8
# One in so many batches is followed by a whole probe: OPTIONS, byte for byte, both ways.
PROBE_EVERY = 50
GROWTH_KB, MOST_KB = 4096, 60 * 1024


@dataclass
class Outcome:
    """What was sent and seen. Bytes are payload; ``slowest`` is the longest wait for a legitimate answer, in seconds."""

    sent: int = 0
    sent_bytes: int = 0
    to_strangers: int = 0
    replayed_bytes: int = 0
    to_replayer: int = 0
    echoes: int = 0
    probes: int = 0
    slowest: float = 0.0
    seconds: float = 0.0
    memory_kb: list[int] = field(default_factory=lambda: [0])
    counters: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


class Server:
    """A reflector in a process of its own, at an address that nobody else has."""

    def __init__(self, folder: Path, rtp: tuple[int, int]) -> None:
        self.ip = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}.1"
        self.rtp = rtp
        self.counters = folder / "counters.prom"
        ports = {"control_port": CONTROL, "spare_port": SPARE, "sip_ports": SIP, "rtp_ports": rtp}
        settings = {"addresses": [self.ip], **ports}
        (folder / "settings.json").write_text(json.dumps({**settings, "counters": str(self.counters)}))
        (folder / "key").write_text(SECRET)
        (folder / "key").chmod(0o600)
        files = ["--settings", str(folder / "settings.json"), "--key", str(folder / "key")]
        self.process = subprocess.Popen([sys.executable, "-B", "-m", "probe.reflector", *files], cwd=EDGE)

    def memory_kb(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def stop(self) -> dict[str, int]:
        """End it, and read its counters."""
        self.process.terminate()
        self.process.wait(20)
        lines = self.counters.read_text().splitlines()
        return {name.removeprefix("voip_edge_reflector_"): int(number) for name, number in (x.split() for x in lines)}


@contextmanager
def doors(ips: list[str]) -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ip in ips]
    try:
        for door, ip in zip(made, ips):
            door.bind((ip, 0))
            door.setblocking(False)
        yield made
    finally:
        for door in made:
            door.close()


class Hostility:
    """Makes datagrams of which none may be answered when it comes from a stranger."""

    def __init__(self, seed: int, visitor: Visitor, place: Address) -> None:
        self.random = random.Random(seed)
        self.wrong = frames.keys_of("a key that this reflector has never had")
        message_id = marker.id_of(visitor.session, 999)
        caught = [frames.seal(visitor.keys, kind, bytes(12), b"", visitor.session, 300) for kind in frames.REQUESTS]
        caught.append(visitor._options(marker.marker(visitor.keys, marker.CLIENT, message_id), place))
        self.caught, self.session = caught, visitor.session
        self.makers = (self.noise, self.almost, self.forged, self.replayed, self.bent, self.scanner, self.marked)

    def next(self) -> bytes:
        return self.random.choice(self.makers)()

    def noise(self) -> bytes:
        return self.random.randbytes(self.random.choice((0, 1, 20, 172, 1400, 9000)))

    def almost(self) -> bytes:
        return frames.MAGIC + self.random.randbytes(self.random.randrange(200))

    def forged(self) -> bytes:
        session = self.random.choice((self.session, frames.NO_SESSION, self.random.randbytes(8)))
        kind = self.random.randrange(256)
        return frames.seal(self.wrong, kind, self.random.randbytes(12), b"", session, self.random.randrange(400))

    def replayed(self) -> bytes:
        """Caught on the way and sent from another address."""
        return self.random.choice(self.caught)

    def bent(self) -> bytes:
        data = bytearray(self.random.choice(self.caught[:-1]))
        data[self.random.randrange(len(data))] ^= 1 << self.random.randrange(8)
        return bytes(data)

    def scanner(self) -> bytes:
        words = self.random.choice(("OPTIONS", "REGISTER", "INVITE"))
        text = (
            f"{words} sip:100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK{self.random.random()}\r\n"
            f"From: <sip:100@192.0.2.66>;tag=1\r\nTo: <sip:100@192.0.2.1>\r\nCall-ID: {self.random.random()}\r\n"
            f"CSeq: 1 {words}\r\nContent-Length: 0\r\n\r\n"
        )
        return text.encode()

    def marked(self) -> bytes:
        """SIP with markers that nobody made."""
        letters = "".join(self.random.choices("abcdefghijklmnopqrstuvwxyz234567", k=32))
        return self.scanner().replace(b"CSeq", f"User-Agent: vep{letters}\r\nX: vep{letters[::-1]}\r\nCSeq".encode())


def _drain(door: socket.socket) -> int:
    """The bytes that have come in."""
    total = 0
    while True:
        try:
            total += max(1, len(door.recv(65535)))
        except OSError:
            return total


def attack(server: Server, count: int, rate: float, seconds: float, seed: int, outcome: Outcome) -> None:
    """Send ``count`` datagrams, at most ``rate`` a second and no longer than ``seconds``."""
    net = server.ip.rpartition(".")[0]
    control = Address(server.ip, CONTROL)
    visitors = [Visitor(SECRET, control, f"{net}.{10 + n}") for n in range(VISITORS)]
    started = time.monotonic()
    try:
        _wait_for(visitors)
        hostility = Hostility(seed, visitors[0], Address(server.ip, 5060))
        hello = frames.seal(frames.keys_of(SECRET), frames.HELLO, bytes(12), b"", size=bodies.HELLO_BYTES)
        with doors([f"{net}.{100 + n}" for n in range(STRANGERS)]) as strangers, doors([f"{net}.200"]) as (replayer,):
            outcome.memory_kb = [server.memory_kb()]
            batches = -(-count // BATCH)
            for number in range(batches):
                place = _place(server, hostility.random)
                for _datagram in range(min(BATCH, count - outcome.sent)):
                    data = hostility.next()
                    hostility.random.choice(strangers).sendto(data, tuple(place))
                    outcome.sent += 1
                    outcome.sent_bytes += len(data)
                replayer.sendto(hello, tuple(place))
                outcome.replayed_bytes += len(hello)
                _legitimate(visitors[number % VISITORS], place, outcome, number % PROBE_EVERY == 0)
                if number % 100 == 0 or number == batches - 1:
                    outcome.to_strangers += sum(map(_drain, strangers))
                    outcome.to_replayer += _drain(replayer)
                if number in (batches // 10, batches - 1):
                    outcome.memory_kb.append(server.memory_kb())
                if time.monotonic() - started > seconds:
                    outcome.failures.append(f"{outcome.sent} of {count} datagrams were sent in {seconds:.0f} s")
                    break
                time.sleep(max(0.0, outcome.sent / rate - (time.monotonic() - started)))
    finally:
        outcome.seconds = time.monotonic() - started
        for visitor in visitors:
            visitor.close()


def _place(server: Server, dice: random.Random) -> Address:
    return Address(server.ip, dice.choice((CONTROL, SPARE, *SIP, dice.randint(*server.rtp))))


def _wait_for(visitors: list[Visitor]) -> None:
    for attempt in range(10):
        try:
            visitors[0].open()
            break
        except NoAnswer:
            if attempt == 9:
                raise
    for visitor in visitors[1:]:
        visitor.open()


def _legitimate(visitor: Visitor, place: Address, outcome: Outcome, whole: bool) -> None:
    """An ECHO, or a whole probe; raises NoAnswer where none comes."""
    began = time.monotonic()
    if visitor.echo(place).arrived != place:
        outcome.failures.append(f"port {place.port} says that it is another")
    outcome.echoes += 1
    outcome.slowest = max(outcome.slowest, time.monotonic() - began)
    if whole:
        message_id, request, answer = visitor.options(place)
        kept = visitor.fetch(message_id, bodies.RECEIVED), visitor.fetch(message_id, bodies.SENT)
        if kept != (request, answer):
            outcome.failures.append(f"a message to port {place.port} was not kept as it was")
        outcome.probes += 1


def run(
    count: int, rate: float = 30000, seconds: float = 600, seed: int = 1, rtp: tuple[int, int] = (10000, 20000)
) -> Outcome:
    """The outcome; its ``failures`` are empty if all is well."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), rtp)
        try:
            attack(server, count, rate, seconds, seed, outcome)
        except NoAnswer as error:
            outcome.failures.append(f"a legitimate probe had no answer after {outcome.sent} datagrams: {error}")
        finally:
            outcome.counters = server.stop()
    _judge(outcome)
    return outcome


def _judge(outcome: Outcome) -> None:
    counters = outcome.counters
    wrong = {
        f"strangers received {outcome.to_strangers} bytes": outcome.to_strangers > 0,
        "caught HELLOs were answered with more bytes than they have": outcome.to_replayer > outcome.replayed_bytes,
        "more bytes went out than came in": counters["sent_bytes"] > counters["received_bytes"],
        "fewer datagrams arrived than were sent": counters["received"] < outcome.sent,
        f"memory grew: {outcome.memory_kb} kB": outcome.memory_kb[-1] > outcome.memory_kb[0] + GROWTH_KB,
        f"memory is above 60 MB: {outcome.memory_kb} kB": max(outcome.memory_kb) > MOST_KB,
    }
    outcome.failures += [text for text, is_so in wrong.items() if is_so]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Hostile datagrams against a reflector on loopback.")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--rate", type=float, default=30_000, help="datagrams a second at most")
    parser.add_argument("--seconds", type=float, default=600, help="the most that it may take")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    options = parser.parse_args(arguments)
    print(f"{options.count} hostile datagrams, seed {options.seed}", flush=True)
    outcome = run(options.count, options.rate, options.seconds, options.seed)
    counters = outcome.counters
    print(
        f"sent {outcome.sent} ({outcome.sent_bytes} bytes) in {outcome.seconds:.0f} s; strangers got {outcome.to_strangers} bytes"
    )
    print(f"caught HELLOs {outcome.replayed_bytes} bytes, answered with {outcome.to_replayer}")
    print(
        f"the reflector: {counters['received_bytes']} bytes in, {counters['sent_bytes']} out; memory {outcome.memory_kb} kB"
    )
    print(
        f"legitimate meanwhile: {outcome.echoes} echoes, {outcome.probes} probes, slowest {outcome.slowest * 1000:.0f} ms"
    )
    for failure in outcome.failures:
        print(f"FAILED: {failure}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
