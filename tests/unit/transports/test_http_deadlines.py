# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The http transport against devices that are slow, silent, or hang up."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    ConnectionLost,
    DeviceTimeout,
    Unreachable,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import http_wire
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, HttpSession
from tests.unit.transports.http_server import (
    Identity,
    Request,
    Server,
    Talk,
    ended,
    make_identity,
    saying,
    serving,
    session,
    silent,
)

SECRET = 'pa"ss&wörd-7421'


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "router")


@pytest.fixture
def echo() -> Iterator[Server]:
    with Server(serving(lambda talk, request: talk.reply(200, request.body))) as server:
        yield server


def test_a_silent_device_is_a_timeout() -> None:
    with Server(silent) as server:
        begun = time.monotonic()
        with pytest.raises(DeviceTimeout, match=r"GET /x at .*: waited 0\.3 s for the answer, 0 bytes came$"):
            session(server, timeout=0.3).request("GET", "/x")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
@pytest.mark.parametrize("secure", [False, True])
def test_a_device_that_drips_cannot_prolong_the_wait(start: bytes, secure: bool, identity: Identity) -> None:
    def handler(talk: Talk) -> None:
        talk.request()
        talk.send(start)
        while talk.server.wait(0.02):
            talk.send(b"H")

    more: dict[str, Any] = {"scheme": "https", "tls_fingerprint": identity.fingerprint} if secure else {}
    with Server(handler, identity.context if secure else None) as server:
        begun = time.monotonic()
        with pytest.raises(DeviceTimeout):
            session(server, timeout=0.4, **more).request("GET", "/x")
    assert time.monotonic() - begun < 1.5


def test_nothing_is_left_of_a_deadline_that_has_passed() -> None:
    with pytest.raises(socket.timeout):
        http_wire.left(time.monotonic())
    assert 0 < http_wire.left(time.monotonic() + 1) <= 1


def test_a_device_that_takes_nothing_is_a_timeout() -> None:
    with Server(silent) as server:
        asking = session(server, timeout=0.4)
        asking.may_write = True
        with pytest.raises(DeviceTimeout, match="whether it was carried out is not known"):
            asking.request("PUT", "/x", body=b"x" * 30_000_000)


def test_the_deadline_covers_redirects_too() -> None:
    def answer(talk: Talk, request: Request) -> None:
        talk.server.wait(0.2)
        talk.reply(302, b"", "Location: /next")

    with Server(serving(answer)) as server, pytest.raises(DeviceTimeout):
        session(server, timeout=0.5).request("GET", "/x")


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    def handler(talk: Talk) -> None:
        talk.request()
        talk.reply(200, str(talk.number).encode())

    with Server(handler) as server:
        asking = session(server)
        asking.may_write = True
        assert asking.request("GET", "/a").body == b"1"
        assert ended(asking)
        assert asking.request("PUT", "/b").body == b"2"  # seen before anything was sent: even a write may go on
    assert [r.target for r in server.requests] == ["/a", "/b"]


def _dropping(talk: Talk) -> None:
    """Closes each connection on its second request, once it has read it."""
    talk.request()
    talk.reply(200, b"first")
    talk.request()


def test_a_get_is_sent_again_once_when_a_kept_connection_ends_without_an_answer() -> None:
    with Server(_dropping) as server:
        asking = session(server)
        asking.request("GET", "/a")
        assert asking.request("GET", "/b").body == b"first"
    assert [r.target for r in server.requests] == ["/a", "/b", "/b"]
    assert server.connections == 2


def test_a_write_is_never_sent_again() -> None:
    for method, reads in (("PUT", False), ("POST", True)):
        with Server(_dropping) as server:
            asking = session(server)
            asking.may_write = not reads
            asking.request("GET", "/a")
            with pytest.raises(ConnectionLost, match="without an answer; whether it was carried out is not known"):
                asking.request(method, "/b", reads=reads)
        assert [r.target for r in server.requests] == ["/a", "/b"]


def test_a_get_on_a_new_connection_is_not_sent_again() -> None:
    def handler(talk: Talk) -> None:
        talk.request()
        talk.reset()

    with Server(handler) as server, pytest.raises(ConnectionLost, match="without an answer$"):
        session(server).request("GET", "/a")
    assert len(server.requests) == 1


def test_a_get_is_sent_again_only_once() -> None:
    def handler(talk: Talk) -> None:
        talk.request()
        if talk.number == 1:
            talk.reply(200)
            talk.request()

    with Server(handler) as server:
        asking = session(server)
        asking.request("GET", "/a")
        with pytest.raises(ConnectionLost):
            asking.request("GET", "/b")
    assert len(server.requests) == 3


def test_a_get_is_not_sent_again_once_an_answer_has_begun() -> None:
    def handler(talk: Talk) -> None:
        talk.request()
        talk.reply(200)
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        talk.server.wait(0.1)
        talk.reset()

    with Server(handler) as server:
        asking = session(server)
        asking.request("GET", "/a")
        with pytest.raises(ConnectionLost, match="within the answer"):
            asking.request("GET", "/b")
    assert len(server.requests) == 2


def test_bytes_that_nobody_asked_for_are_no_answer() -> None:
    def answer(talk: Talk, request: Request) -> None:
        talk.reply(200, request.target.encode())
        talk.server.wait(0.05)
        with contextlib.suppress(OSError):
            talk.reply(200, b"forged")

    with Server(serving(answer)) as server:
        asking = session(server)
        asking.request("GET", "/a")
        assert ended(asking)
        assert asking.request("GET", "/b").body == b"/b"
    assert server.connections == 2


def test_a_connection_is_not_used_again_after_an_answer_that_did_not_end() -> None:
    def answer(talk: Talk, request: Request) -> None:
        if request.target == "/slow":
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        else:
            talk.reply(200, b"good")

    with Server(serving(answer)) as server:
        asking = session(server, timeout=1.0)
        with pytest.raises(DeviceTimeout):
            asking.request("GET", "/slow")
        assert asking.request("GET", "/b").body == b"good"
    assert server.connections == 2


def test_an_end_that_is_announced_is_kept_to() -> None:
    with Server(saying(200, b"x", "Connection: close")) as server:
        asking = session(server)
        asking.request("GET", "/a")
        asking.request("GET", "/b")
        asking.close()
        asking.close()
    assert server.connections == 2


def test_nobody_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match=rf"GET /x at 127\.0\.0\.1 port {port}: cannot connect: Connection refused"):
        HttpSession(HttpLogin("127.0.0.1", port, "http")).request("GET", "/x")


def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="the name no-such-host.invalid cannot be resolved"):
        HttpSession(HttpLogin("no-such-host.invalid", 80, "http")).request("GET", "/x")


def test_a_silent_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch, echo: Server) -> None:
    tried = []
    real = socket.socket.connect

    def connect(sock: socket.socket, address: Any) -> None:
        tried.append((address[0], sock.gettimeout() or 0))
        if address[0] == "127.0.0.9":
            raise socket.timeout("timed out")
        real(sock, address)

    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, echo.port)) for host in ("127.0.0.9", "127.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    monkeypatch.setattr(socket.socket, "connect", connect)
    asking = session(echo, connect_timeout=2.0)
    assert asking.request("GET", "/x").status == 200
    asking.close()
    assert [host for host, seconds in tried] == ["127.0.0.9", "127.0.0.1"]
    assert tried[0][1] <= 1.0 < tried[1][1] <= 2.0
    found.pop()
    with pytest.raises(Unreachable, match="no answer within 2 s"):
        session(echo, connect_timeout=2.0).request("GET", "/x")


def test_no_address_at_all(monkeypatch: pytest.MonkeyPatch, echo: Server) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: [])
    with pytest.raises(Unreachable, match="no address"):
        session(echo).request("GET", "/x")


def test_closing_never_raises() -> None:
    class Stubborn:
        def close(self) -> None:
            raise OSError("no")

        def settimeout(self, seconds: float) -> None:
            raise OSError("no")

    wire = http_wire.Wire(Stubborn(), 0.0)  # type: ignore[arg-type]
    assert not wire.alive()
    wire.close()
