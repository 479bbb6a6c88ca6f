# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The http transport: requests, replies and what a login may look like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    BadInput,
    ConnectionLost,
    LoginRefused,
    UnknownReply,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import http_wire
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, HttpSession, Reply
from tests.unit.transports.http_server import Server, Talk, raw, saying, serving, session

SECRET = 'pa"ss&wörd-7421'


@pytest.fixture
def echo() -> Iterator[Server]:
    with Server(serving(lambda talk, request: talk.reply(200, request.body))) as server:
        yield server


def test_a_request_is_what_was_asked_for_and_the_connection_stays(echo: Server) -> None:
    asking = session(echo)
    asking.may_write = True
    assert asking.request("GET", "/a?b=c").status == 200
    assert asking.request("PUT", "/j", json={"ä": [1, None]}, accept="application/json").json() == {"ä": [1, None]}
    assert asking.request("POST", "/f", form={"user": "a b", "key": "&="}).text() == "user=a+b&key=%26%3D"
    assert asking.request("POST", "/t", body="voip\ncommit", headers={"Content-Type": "text/plain"}).body == (
        b"voip\ncommit"
    )
    assert asking.request("DELETE", "/d", headers={"X-CSRFTOKEN": "t"}).body == b""
    assert asking.request("POST", "/empty").status == 200
    asking.close()
    got, put, form, text, delete, empty = echo.requests
    assert (got.method, got.target, got.headers["accept"]) == ("GET", "/a?b=c", "*/*")
    assert "content-length" not in got.headers
    assert got.headers["host"] == f"127.0.0.1:{echo.port}"
    assert got.headers["accept-encoding"] == "identity"
    assert (put.headers["content-type"], put.headers["accept"]) == ("application/json", "application/json")
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert text.headers["content-type"] == "text/plain"
    assert delete.headers["x-csrftoken"] == "t"
    assert empty.headers["content-length"] == "0"
    assert echo.connections == 1


def test_only_reads_go_out_unless_writing_was_allowed(echo: Server) -> None:
    asking = session(echo)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        with pytest.raises(AssertionError, match=f"{method} /x$"):
            asking.request(method, f"/x?key={SECRET}")
    assert echo.connections == 0
    assert asking.request("POST", "/login", reads=True).status == 200
    assert asking.request("HEAD", "/x").status == 200
    asking.close()


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("get", "/x", {}),
        ("GET", "x", {}),
        ("GET", "/x y", {}),
        ("GET", "/x\r\nEvil: 1", {}),
        ("GET", "/x#part", {}),
        ("GET", "/ü", {}),
        ("GET", "/x", {"headers": {"A": "b\r\nEvil: 1"}}),
        ("GET", "/x", {"headers": {"A b": "c"}}),
        ("GET", "/x", {"json": {}, "body": "x"}),
    ],
)
def test_what_is_no_request_is_not_sent(echo: Server, method: str, path: str, more: dict[str, Any]) -> None:
    asking = session(echo)
    asking.may_write = True
    with pytest.raises(BadInput):
        asking.request(method, path, **more)
    assert echo.connections == 0


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nT: v\r\n\r\n",
            b"hello",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
def test_bodies_end_as_their_headers_say(answer: bytes, body: bytes) -> None:
    with Server(raw(answer)) as server:
        assert session(server).request("GET", "/").body == body


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ],
)
def test_a_body_that_ends_early_is_a_lost_connection(answer: bytes) -> None:
    with (
        Server(raw(answer)) as server,
        pytest.raises(ConnectionLost, match=r"GET /x at 127\.0\.0\.1 port \d+: .*within"),
    ):
        session(server).request("GET", "/x?secret=1")


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
    ],
)
def test_what_is_not_http_is_an_unknown_reply(answer: bytes) -> None:
    with Server(raw(answer)) as server, pytest.raises(UnknownReply, match=r"GET /x at 127\.0\.0\.1"):
        session(server).request("GET", "/x")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + (b"64\r\n" + b"x" * 100 + b"\r\n") * 11
        + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001,
    ],
)
def test_a_body_above_the_limit_is_refused(answer: bytes) -> None:
    with Server(raw(answer)) as server, pytest.raises(UnknownReply, match="larger than 1000 bytes"):
        session(server, 1000).request("GET", "/x")


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    for answer in (b"Content-Length: 1000\r\n\r\n", b"Connection: close\r\n\r\n"):
        with Server(raw(b"HTTP/1.1 200 OK\r\n" + answer + b"x" * 1000)) as server:
            assert len(session(server, 1000).request("GET", "/x").body) == 1000


def test_an_endless_body_is_not_read_to_its_end() -> None:
    sent = []

    def handler(talk: Talk) -> None:
        talk.request()
        talk.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for count in range(4000):
            talk.send(b"x" * 65536)
            sent.append(count)

    with Server(handler) as server, pytest.raises(UnknownReply, match="larger than 8388608 bytes"):
        session(server, timeout=20.0).request("GET", "/x")
    assert len(sent) < 1000


def test_headers_are_in_lower_case_and_joined() -> None:
    with Server(saying(200, b"", "Server: SonicX", "Via: a", "VIA: b", "Set-Cookie: k=secretvalue")) as server:
        reply = session(server).request("GET", "/x?q=1")
    assert reply.headers == {"content-length": "0", "server": "SonicX", "via": "a, b"}
    assert repr(reply) == f"Reply(200, 0 bytes, GET /x at 127.0.0.1 port {server.port})"


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/html", "ä".encode(), "ä"),
        ("text/html; charset=iso-8859-1", "ä".encode("iso-8859-1"), "ä"),
        ("text/html; charset=nonsense", "ä".encode(), "ä"),
        ('text/html; charset="UTF-8"', b"\xef\xbb\xbf\xff", "\ufffd"),
    ],
)
def test_text_follows_the_charset(kind: str, body: bytes, text: str) -> None:
    assert Reply(200, {"content-type": kind}, body).text() == text


def test_json_is_decoded_without_losses_or_refused() -> None:
    assert Reply(200, {}, b'\xef\xbb\xbf{"a": 1}').json() == {"a": 1}
    assert Reply(200, {"content-type": "x; charset=latin1"}, b'"\xe4"').json() == "ä"
    for body in (b"", b'"\xe4"', b"[" * 200_000, b"<html>"):
        with pytest.raises(UnknownReply, match=r"the request: the answer \(status 200\) is not JSON"):
            Reply(200, {}, body).json()


def test_what_json_shows_is_short_and_without_known_secrets() -> None:
    echoed = "<p>\n{} {} {} {}</p>{}".format(SECRET, "pa&quot;ss&amp;wörd-7421", "longcookievalue", "tok-1", "y" * 500)
    fields = ("Set-Cookie: k=longcookievalue",)
    with Server(saying(200, echoed.encode(), *fields)) as server:
        asking = session(server, password=SECRET, token="tok-1")
        asking.use_basic("admin", "other-secret")
        reply = asking.request("GET", "/voip?key=hidden")
    with pytest.raises(UnknownReply) as caught:
        reply.json()
    text = str(caught.value)
    shown = text.split("not JSON: ", maxsplit=1)[1]
    assert text.startswith(f"GET /voip at 127.0.0.1 port {server.port}: ")
    assert shown.startswith("<p> ******** ******** ******** ********</p>yyy")
    assert len(shown) == 120


@pytest.mark.parametrize(
    "more",
    [
        {"scheme": "ftp"},
        {"host": "a/b"},
        {"host": "a b"},
        {"host": ""},
        {"host": "user@a"},
        {"host": ".fw"},
        {"host": "a" * 70},
        {"port": 0},
        {"port": 65536},
        {"tls_fingerprint": "12:34"},
        {"tls_fingerprint": "g" * 64},
        {"tls_fingerprint": ""},
        {"tls_fingerprint": "0" * 64, "scheme": "http"},
    ],
)
def test_a_login_that_cannot_be_used(more: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        HttpSession(HttpLogin(**{"host": "a", "port": 1, **more}))


def test_a_login_shows_no_secret() -> None:
    login = HttpLogin("fw", 443, user="admin", password=SECRET, token="tok-1")
    assert repr(login) == f"{login}" == "HttpLogin(admin@https://fw:443)"


def test_the_host_header_leaves_out_what_is_usual() -> None:
    assert http_wire.Origin("https", "fw", 443).netloc() == "fw"
    assert http_wire.Origin("https", "fw", 80).netloc() == "fw:80"
    assert http_wire.check(HttpLogin("[2001:db8::1]", 8443)).netloc() == "[2001:db8::1]:8443"


def test_a_connection_is_opened_without_a_request(echo: Server) -> None:
    asking = session(echo)
    asking.open()
    asking.open()
    assert asking.request("GET", "/x").status == 200
    asking.close()
    assert (echo.connections, len(echo.requests)) == (1, 1)


def test_a_part_of_an_answer_is_shown_masked_and_on_one_line() -> None:
    reply = Reply(200, {}, b"", hidden=(SECRET,))
    assert reply.shown(f"a\n {SECRET} b") == "a ******** b"


def test_a_refused_token_is_named(echo: Server) -> None:
    with Server(serving(lambda talk, request: talk.reply(401))) as server:
        asking = session(server)
        asking.use_bearer("t-1", "the key in my pocket")
        assert asking.bears_secret
        with pytest.raises(LoginRefused, match="the login of the key in my pocket was refused"):
            asking.request("GET", "/x")
        asking.close()
