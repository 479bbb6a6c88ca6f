# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reflector with its sockets, on loopback, over IPv4 and IPv6, UDP and TCP; and its self-test against it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import (
    bodies,
    frames,
    marker,
    reflector,
    reflector_check,
    reflector_streams,
    reflector_visitor,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.bodies import Address
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector import Reflector
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import Settings
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_visitor import NoAnswer, Visitor
from tests.unit.probe.reflecting import SECRET

PACKAGE = Path(reflector.__file__).parent
LOOPBACKS = ["127.0.0.1"]
try:
    with socket.socket(socket.AF_INET6) as there:
        there.bind(("::1", 0))
    LOOPBACKS.append("::1")
except OSError:  # a host without IPv6 tests IPv4 alone
    pass


def free_ports(count: int) -> list[int]:
    """Ports that nobody has at all addresses of the tests, for both transports."""
    found: list[int] = []
    while len(found) < count:
        with socket.socket() as scout:
            scout.bind(("127.0.0.1", 0))
            port = scout.getsockname()[1]
        try:
            for ip in LOOPBACKS:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind) as other:
                        other.bind((ip, port))
        except OSError:
            continue
        if port not in found:
            found.append(port)
    return found


def settings_of(counters: str = "") -> Settings:
    control, spare, sip, other, rtp = free_ports(5)
    return Settings(tuple(LOOPBACKS), control, spare, (sip, other), (rtp, rtp), counters)


class Running:
    """A reflector in a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reflector = Reflector(settings, (SECRET,))
        self.thread = threading.Thread(target=self.reflector.run)
        self.thread.start()

    def stop(self) -> None:
        self.reflector.stopping = True
        self.thread.join()
        self.reflector.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    started = Running(settings_of(str(tmp_path_factory.mktemp("run") / "counters.prom")))
    yield started
    started.stop()


@pytest.fixture(params=LOOPBACKS)
def visitor(running: Running, request: pytest.FixtureRequest) -> Iterator[Visitor]:
    made = Visitor(SECRET, Address(request.param, running.settings.control_port))
    yield made
    made.close()


@pytest.fixture(params=LOOPBACKS)
def alone(request: pytest.FixtureRequest) -> Iterator[tuple[Visitor, Settings]]:
    """A session with a reflector of its own, as a reflector opens eight at most for one source."""
    started = Running(settings_of())
    made = Visitor(SECRET, Address(request.param, started.settings.control_port))
    yield made, started.settings
    made.close()
    started.stop()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector_visitor, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(reflector_visitor, "TRIES", 2)


def connect(place: Address) -> socket.socket:
    return socket.create_connection(tuple(place), timeout=5)


def ask_over_tcp(visitor: Visitor, door: socket.socket, kind: int, body: bytes, size: int) -> bytes:
    nonce = frames.new_nonce()
    door.sendall(frames.seal(visitor.keys, kind, nonce, body, visitor.session, size))
    data = b""
    while True:
        head = frames.head_of(data)
        if head is not None and head.size <= len(data):
            break
        more = door.recv(4096)
        assert more, "closed instead of an answer"
        data += more
    frame = frames.unseal(visitor.keys, data)
    assert frame is not None
    assert frame.nonce == nonce
    return frame.body


def open_over_tcp(visitor: Visitor, door: socket.socket) -> bodies.Opened:
    cookie = ask_over_tcp(visitor, door, frames.HELLO, b"", bodies.HELLO_BYTES)
    opened = bodies.Opened.read(ask_over_tcp(visitor, door, frames.OPEN, cookie, bodies.OPEN_BYTES))
    visitor.session, visitor.keys = opened.session, frames.keys_of(SECRET, opened.session)
    return opened


def test_every_port_answers_and_nothing_is_changed(running: Running, quick: None) -> None:
    for ip in LOOPBACKS:
        found = reflector_check.check(SECRET, Address(ip, running.settings.control_port))
        assert found.failed == []
        assert f"{ip}: port {running.settings.rtp_ports[0]} answers" in found.passed  # type: ignore[index]
        assert f"{ip}: OPTIONS to port {running.settings.sip_ports[1]} arrives unchanged" in found.passed


def test_addresses_are_told_as_they_are_in_either_family(alone: tuple[Visitor, Settings]) -> None:
    visitor, settings = alone
    opened = visitor.open()
    assert (opened.mapped, opened.arrived) == (visitor.own, visitor.control)
    assert opened.addresses == tuple(LOOPBACKS)
    place = Address(visitor.control.ip, settings.spare_port)
    echoed = visitor.echo(place)
    assert (echoed.mapped, echoed.arrived) == (visitor.own, place)
    other_family = next((ip for ip in LOOPBACKS if ip != visitor.control.ip), None)
    if other_family is not None:
        assert not visitor.poke(Address(other_family, settings.spare_port)), "from a socket of the other family"


def test_a_poke_comes_from_the_other_port(running: Running, visitor: Visitor) -> None:
    visitor.open()
    assert visitor.poke(Address(visitor.control.ip, running.settings.spare_port))
    assert not visitor.poke(Address(visitor.control.ip, 1)), "not a socket of the reflector's"


def requests_of(visitor: Visitor, spare: Address) -> list[bytes]:
    """One of each kind, with hardly any room, with much, and such as nobody may answer."""
    ticket = visitor.echo().ticket
    poke = bodies.Poke(ticket, bodies.PLAIN, spare).pack()
    elsewhere = bodies.Poke(ticket, bodies.PLAIN, spare, 9, 100).pack()
    fetch = bodies.Fetch(marker.id_of(visitor.session, 1), bodies.RECEIVED, 0, 0).pack()
    bodies_of = [(frames.ECHO, b""), (frames.FETCH, fetch), (frames.POKE, poke), (frames.POKE, elsewhere)]
    made = [
        frames.seal(visitor.keys, kind, frames.new_nonce(), body, visitor.session, size)
        for kind, body in bodies_of
        for size in (0, 150, 1200)
    ]
    made.append(frames.seal(frames.keys_of(SECRET), frames.HELLO, frames.new_nonce(), b""))
    return [*made, *SCANNERS]


SCANNERS = [
    b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\n\r\n",
    os.urandom(300),
    b"VEP1" + bytes(80),
]


def test_no_request_is_answered_with_more_bytes_in_either_family(alone: tuple[Visitor, Settings]) -> None:
    visitor, settings = alone
    visitor.open()
    visitor.socket.settimeout(0.1)
    answered = 0
    for request in requests_of(visitor, Address(visitor.control.ip, settings.spare_port)):
        visitor.socket.sendto(request, tuple(visitor.control))
        came = 0
        with contextlib.suppress(OSError):
            while True:
                came += len(visitor.socket.recv(65535))
        assert came <= len(request), request[4]
        assert not (came and request in SCANNERS)
        answered += came > 0
    assert answered >= 8


def test_the_control_channel_works_over_tcp_too(running: Running, visitor: Visitor) -> None:
    with connect(visitor.control) as door:
        opened = open_over_tcp(visitor, door)
        assert opened.mapped == Address(*door.getsockname()[:2])
        echoed = bodies.Echoed.read(ask_over_tcp(visitor, door, frames.ECHO, b"", 300))
        assert (echoed.arrived, echoed.ticket) == (visitor.control, bodies.NO_TICKET)
        ticket = visitor.echo().ticket
        poke = bodies.Poke(ticket, bodies.PLAIN, Address(visitor.control.ip, running.settings.spare_port))
        poked = bodies.Poked.read(ask_over_tcp(visitor, door, frames.POKE, poke.pack(), 300))
        assert poked.status == bodies.DONE
        visitor.socket.settimeout(5)
        data, source = visitor.socket.recvfrom(2048)
        assert source[1] == running.settings.spare_port
        assert len(data) == poked.size


def _message(visitor: Visitor, length: int, body: str) -> tuple[bytes, bytes]:
    message_id = marker.id_of(visitor.session, 1)
    mark = marker.marker(visitor.keys, marker.CLIENT, message_id)
    text = (
        f"REGISTER sip:a SIP/2.0\r\nVia: SIP/2.0/TCP 192.168.77.10;rport;branch=z9hG4bK{mark}\r\nTo: a\r\nFrom: b\r\n"
        f"Call-ID: c\r\nCSeq: 1 REGISTER\r\nContent-Length: {length}\r\nContact: d\r\nSubject: {'x' * 300}\r\n\r\n{body}"
    )
    return message_id, text.encode()


def test_sip_over_tcp_in_one_segment_and_in_two(running: Running, visitor: Visitor) -> None:
    visitor.open()
    message_id, request = _message(visitor, 4, "body")
    for cut in (len(request), 100):
        with connect(Address(visitor.control.ip, running.settings.sip_ports[0])) as door:
            door.sendall(request[:cut])
            time.sleep(0.05)
            if cut < len(request):
                door.sendall(request[cut:])
            answer = door.recv(4096)
            assert answer.startswith(b"SIP/2.0 200 OK\r\n")
            assert len(answer) <= len(request)
            mark = marker.find(visitor.keys, marker.REFLECTOR, visitor.session, answer)
            assert mark is not None
            assert mark.id == message_id
    assert visitor.fetch(message_id, bodies.RECEIVED) == request


def test_what_came_of_a_message_that_never_ended_is_kept(
    running: Running, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector_streams, "REST_SECONDS", 0.1)
    visitor.open()
    message_id, request = _message(visitor, 10, "body")
    with connect(Address(visitor.control.ip, running.settings.sip_ports[0])) as door:
        door.sendall(request)
        assert _in_the_end(visitor, message_id) == request
    visitor.open()
    message_id, request = _message(visitor, 10, "rest")
    with connect(Address(visitor.control.ip, running.settings.sip_ports[0])) as door:
        door.sendall(request)
    assert _in_the_end(visitor, message_id) == request


def _in_the_end(visitor: Visitor, message_id: bytes) -> bytes:
    """What is kept of a message, as soon as something is."""
    for _time in range(100):
        found = visitor.fetch(message_id, bodies.RECEIVED)
        if found:
            return found
        time.sleep(0.05)
    return b""


def test_a_scanner_over_tcp_hears_nothing_and_is_shown_out(
    running: Running, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(visitor.control) as door:
        door.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        door.sendall(bytes(100))
        assert _closed(door)
    monkeypatch.setattr(reflector_streams, "PROOF_SECONDS", 0.1)
    with connect(visitor.control) as door:
        assert _closed(door), "without a word, after its time"


def _closed(door: socket.socket) -> bool:
    """Whether the other side closes, and said nothing before."""
    try:
        return door.recv(100) == b""
    except ConnectionResetError:
        return True


def test_only_so_many_connections_of_one_source(running: Running, visitor: Visitor) -> None:
    doors = [connect(visitor.control) for _number in range(9)]
    try:
        assert _closed(doors[8])
        doors[0].settimeout(0.2)
        with pytest.raises(TimeoutError):
            doors[0].recv(1)
    finally:
        for door in doors:
            door.close()
    ends = time.monotonic() + 5
    while running.reflector.streams.open:
        assert time.monotonic() < ends, "closed by the other side and still there"
        time.sleep(0.01)


def test_whoever_does_not_take_the_answer_is_dropped(
    running: Running, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reflector, "_answer", _refuse)
    with connect(visitor.control) as door:
        door.sendall(frames.seal(visitor.keys, frames.HELLO, bytes(12), b"", size=100))
        assert _closed(door)


def _refuse(*dummy: Any) -> None:
    raise BlockingIOError


class Failing:
    """A socket on which nothing can be done but once something else."""

    def __init__(self, *errors: OSError) -> None:
        self.errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        if name == "fileno":
            return lambda: 99
        if name == "close":
            return lambda: None
        return self._fail

    def _fail(self, *dummy: Any) -> Any:
        raise self.errors.pop(0)


def test_errors_of_sockets_stop_nothing(running: Running, visitor: Visitor) -> None:
    idle = running.reflector
    told: Any = Failing(ConnectionRefusedError(), BlockingIOError())
    idle._datagrams(told, visitor.control)
    assert told.errors == [], "an ICMP error is passed over, and what comes after it read"
    gone: Any = Failing(ConnectionAbortedError())
    before = dict(idle.counters)
    idle._accept(gone)
    assert (gone.errors, dict(idle.counters)) == ([], before)
    waiting: Any = Failing(BlockingIOError())
    stream = reflector_streams.Stream(waiting, visitor.own, visitor.control, time.monotonic())
    idle._read(stream)
    assert waiting.errors == [], "nothing there after all"


def test_a_connection_that_is_reset_is_forgotten(running: Running, visitor: Visitor) -> None:
    with connect(visitor.control) as door:
        door.sendall(b"OPT")
        while not running.reflector.streams.open:
            time.sleep(0.01)
        door.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ends = time.monotonic() + 5
    while running.reflector.streams.open:
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_oldest_unproven_connection_makes_way(
    running: Running, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running.reflector.streams, "seats", reflector_streams.Seats(all=1))
    with connect(visitor.control) as first, connect(visitor.control) as second:
        assert _closed(first)
        opened = open_over_tcp(visitor, second)
        assert opened.arrived == visitor.control
        with connect(visitor.control) as third:
            assert _closed(third), "a proven one does not"
    stale = reflector_streams.Stream(socket.socket(), visitor.own, visitor.control, 0)
    stale.connection.close()
    running.reflector._read(stale)
    assert stale.heard == 0, "nothing is read from one that was closed in the same round"


def test_what_cannot_be_sent_is_counted(running: Running, visitor: Visitor) -> None:
    before = running.reflector.counters["send_errors"]
    packet = reflector.Packet(b"x" * 70000, bodies.UDP, visitor.control, visitor.own)
    running.reflector._send(packet, visitor.own)
    assert running.reflector.counters["send_errors"] == before + 1


def test_a_wrong_key_is_answered_by_nothing(running: Running, quick: None) -> None:
    findings = reflector_check.check(SECRET[::-1], Address("127.0.0.1", running.settings.control_port))
    assert findings.passed == []
    assert findings.failed == [f"127.0.0.1: 127.0.0.1 port {running.settings.control_port} does not answer"]


def test_one_that_talks_to_everybody_fails_the_self_test(
    running: Running, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Reflector._datagrams

    class Chatty:
        """A socket that says something to whoever sends it something."""

        def __init__(self, door: socket.socket) -> None:
            self.door = door

        def recvfrom_into(self, buffer: Any) -> Any:
            size, source = self.door.recvfrom_into(buffer)
            self.door.sendto(b"SIP/2.0 400 Bad Request\r\n\r\n", source)
            return size, source

    monkeypatch.setattr(Reflector, "_datagrams", lambda self, door, local: real(self, Chatty(door), local))  # type: ignore[arg-type]
    findings = reflector_check.check(SECRET, Address("127.0.0.1", running.settings.control_port))
    assert [text for text in findings.failed if "silent" in text] == findings.failed
    assert len(findings.failed) == 2


def test_a_visitor_gives_up(quick: None) -> None:
    visitor = Visitor(SECRET, Address("127.0.0.1", free_ports(1)[0]))
    try:
        with pytest.raises(NoAnswer, match="does not answer"):
            visitor.open()
    finally:
        visitor.close()


def test_the_counters_are_lines_that_prometheus_reads(tmp_path: Path) -> None:
    settings = settings_of(str(tmp_path / "counters.prom"))
    started = Running(settings)
    visitor = Visitor(SECRET, Address("127.0.0.1", settings.control_port))
    visitor.open()
    visitor.close()
    started.stop()
    lines = (tmp_path / "counters.prom").read_text(encoding="ascii").splitlines()
    numbers = {name: int(number) for name, number in (line.split(" ") for line in lines)}
    assert numbers["voip_edge_reflector_hello"] == numbers["voip_edge_reflector_open"] == 1
    assert numbers["voip_edge_reflector_sessions_open"] == 1
    assert numbers["voip_edge_reflector_unproven"] == 0
    assert numbers["voip_edge_reflector_sent_bytes"] <= numbers["voip_edge_reflector_received_bytes"]
    assert SECRET not in "".join(lines)
    assert os.listdir(tmp_path) == ["counters.prom"]


def test_counters_that_cannot_be_written_stop_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    started = Reflector(settings_of("/nowhere/counters.prom"), (SECRET,))
    started.step(0)
    started.close()
    assert "the counters cannot be written" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named() -> None:
    settings = settings_of()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", settings.sip_ports[1]))
        with pytest.raises(OSError, match=f"127.0.0.1 port {settings.sip_ports[1]}: Address already in use"):
            Reflector(settings, (SECRET,))


def test_too_few_files_are_said_before_a_port_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda what: (100, 200))
    asked: list[Any] = []
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: asked.append(limits))
    with pytest.raises(OSError, match="201 open files are needed and 200 allowed"):
        reflector.allow_files(201)
    reflector.allow_files(150)
    reflector.allow_files(50)
    assert asked == [(150, 200)]


@pytest.fixture
def installed(tmp_path: Path) -> Any:
    """The two files of a reflector, and a way to run a program of the package as it is run where it is installed."""
    settings = settings_of()
    (tmp_path / "settings.json").write_text(
        json.dumps(
            {
                "addresses": ["127.0.0.1"],
                "control_port": settings.control_port,
                "spare_port": settings.spare_port,
                "sip_ports": settings.sip_ports,
                "rtp_ports": settings.rtp_ports,
            }
        )
    )
    (tmp_path / "key").write_text(SECRET)
    (tmp_path / "key").chmod(0o600)
    (tmp_path / "copied").symlink_to(PACKAGE)
    return settings


def program(folder: Path, name: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-B", "-m", f"copied.{name}", "--key", "key", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_programs_run_from_a_copy_of_the_package_alone(installed: Settings, tmp_path: Path) -> None:
    with program(tmp_path, "reflector", "--settings", "settings.json") as serving:
        with program(
            tmp_path, "reflector_check", "--address", "127.0.0.1", "--port", str(installed.control_port)
        ) as asking:
            said, wrong = asking.communicate(timeout=60)
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(10) == 0
    assert asking.returncode == 0, said + wrong
    assert json.loads(said)["failed"] == []


def test_main_says_what_does_not_fit(installed: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, key = str(tmp_path / "settings.json"), str(tmp_path / "key")
    assert reflector.main(["--settings", "/nowhere", "--key", key]) == 2
    assert "No such file" in capsys.readouterr().err
    (tmp_path / "key").chmod(0o644)
    assert reflector.main(["--settings", settings, "--key", key]) == 2
    assert reflector_check.main(["--address", "127.0.0.1", "--key", key]) == 2
    assert capsys.readouterr().err.count("open to everybody") == 2


def test_main_runs_until_it_is_told_to_stop(
    installed: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", lambda number, handler: handlers.update({number: handler}))
    real = Reflector.step

    def step(running: Reflector, seconds: float) -> None:
        real(running, 0)
        handlers[signal.SIGTERM]()

    monkeypatch.setattr(Reflector, "step", step)
    assert reflector.main(["--settings", str(tmp_path / "settings.json"), "--key", str(tmp_path / "key")]) == 0
    assert set(handlers) == {signal.SIGTERM, signal.SIGINT}


def test_the_self_test_prints_what_failed(
    installed: Settings, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--address", "127.0.0.1", "--key", str(tmp_path / "key"), "--port", str(installed.control_port)]
    assert reflector_check.main(arguments) == 1
    assert "does not answer" in json.loads(capsys.readouterr().out)["failed"][0]
