# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The http transport: which redirects it follows."""

from __future__ import annotations

import re
from typing import Callable

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import Refusal, UnknownReply
from tests.unit.transports.http_server import Identity, Request, Server, Talk, make_identity, saying, serving, session

SECRET = 'pa"ss&wörd-7421'


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "router")


def _redirects(where: Callable[[Talk, Request], str], status: int = 302) -> Callable[[Talk], None]:
    def answer(talk: Talk, request: Request) -> None:
        location = where(talk, request)
        talk.reply(status, b"", f"Location: {location}") if location else talk.reply(200, request.target.encode())

    return serving(answer)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/b?c=d", "b?c=d#e", "http://127.0.0.1:{port}/b?c=d", "//127.0.0.1:{port}/b?c=d"])
def test_a_redirect_to_the_device_itself_is_followed(status: int, location: str) -> None:
    def where(talk: Talk, request: Request) -> str:
        return location.format(port=talk.server.port) if request.target == "/a" else ""

    with Server(_redirects(where, status)) as server:
        asking = session(server)
        assert asking.request("GET", "/a").text() == "/b?c=d"
        asking.close()
    assert server.connections == 1


def test_a_redirect_with_odd_characters_is_quoted() -> None:
    with Server(_redirects(lambda talk, request: "/b ü" if request.target == "/a" else "")) as server:
        assert session(server).request("GET", "/a").text() == "/b%20%C3%BC"


@pytest.mark.parametrize(
    "location",
    ["http://192.0.2.1/b", "http://127.0.0.1:1/b", "https://localhost/b", "http://127.0.0.1.example.com:{port}/b"],
)
def test_a_redirect_elsewhere_is_refused_and_named(location: str) -> None:
    def where(talk: Talk, request: Request) -> str:
        return location.format(port=talk.server.port) + "?token=hidden"

    with Server(_redirects(where)) as server:
        wanted = re.escape(location.format(port=server.port))
        with pytest.raises(Refusal, match=f"redirected to {wanted}, which was not followed: only the device itself"):
            session(server).request("GET", "/a")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "location", ["ftp://127.0.0.1/", "http://u:p@127.0.0.1:{port}/", "http://[::1/", "http://a:99999999/"]
)
def test_a_redirect_to_what_is_no_address(location: str) -> None:
    handler = _redirects(lambda talk, request: location.format(port=talk.server.port))
    with Server(handler) as server, pytest.raises(UnknownReply, match="which is no address") as caught:
        session(server).request("GET", "/a")
    assert "u:p" not in str(caught.value)


def test_a_redirect_without_a_target_or_without_an_end() -> None:
    with Server(saying(302)) as server, pytest.raises(UnknownReply, match="redirect .302. to nowhere"):
        session(server).request("GET", "/a")
    endless = _redirects(lambda talk, request: request.target + "a")
    with Server(endless) as server, pytest.raises(UnknownReply, match="more than 5 redirects"):
        session(server).request("GET", "/a")
    assert len(server.requests) == 6


def test_a_write_that_is_redirected_is_not_repeated() -> None:
    with Server(_redirects(lambda talk, request: "/b" if request.target == "/a" else "")) as server:
        asking = session(server)
        with pytest.raises(UnknownReply, match=r"POST /a .*redirect \(302\) to /b; whether it was carried out"):
            asking.request("POST", "/a", reads=True)
        reply = asking.request("POST", "/a", reads=True, follow=False)
        asking.close()
    assert (reply.status, reply.headers["location"]) == (302, "/b")
    assert len(server.requests) == 2


def test_from_http_to_https_only_before_anything_secret(identity: Identity) -> None:
    with Server(saying(200, b"safe"), identity.context) as secure:
        target = f"https://127.0.0.1:{secure.port}/b"
        with Server(_redirects(lambda talk, request: target)) as plain:
            asking = session(plain, ca_file=identity.file)
            assert asking.request("GET", "/a").text() == "safe"
            assert asking.request("GET", "/c").text() == "safe"
            asking.close()
            assert [r.target for r in secure.requests] == ["/b", "/c"]
            for more in ({"headers": {"X-Token": "s"}}, {"body": b"s"}):
                with pytest.raises(Refusal, match="something secret went out over http already"):
                    session(plain, ca_file=identity.file).request("GET", "/a", **more)  # type: ignore[arg-type]
            asking = session(plain, ca_file=identity.file)
            asking.use_basic("u", "p")
            with pytest.raises(Refusal, match=re.escape(target)):
                asking.request("GET", "/a")
    back = _redirects(lambda talk, request: f"http://127.0.0.1:{secure.port}/")
    with Server(back, identity.context) as server, pytest.raises(Refusal, match="only the device itself"):
        session(server, scheme="https", ca_file=identity.file).request("GET", "/a")
