# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The http transport: cookies, Basic, Bearer and Digest."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from typing import Callable

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    BadInput,
    EdgeError,
    LoginRefused,
    UnknownReply,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import http_auth
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLoginRefused, HttpSession
from tests.unit.transports.http_server import Request, Server, Talk, saying, serving, session

SECRET = 'pa"ss&wörd-7421'


@pytest.fixture
def echo() -> Iterator[Server]:
    with Server(serving(lambda talk, request: talk.reply(200, request.body))) as server:
        yield server


def test_cookies_come_back_to_the_device_only() -> None:
    fields = (
        'Set-Cookie: ccsrftoken_443="AB=C"; Path=/; Secure',
        "Set-Cookie: APSCOOKIE_1=Era%3D0; path=/; HttpOnly",
        "Set-Cookie: sub=deep; path=/api/v2",
        "Set-Cookie: foreign=1; domain=example.com",
        "Set-Cookie: own=1; domain=127.0.0.1",
        "Set-Cookie: gone=1; expires=Wed, 09-Jun-2021 10:18:14 GMT",
        "Set-Cookie: nonsense; path=/",
        "Set-Cookie: raw=\xff\xe4",
        "Set-Cookie: later=1; expires=Fri, 01 Jan 2100 00:00:00 GMT; path=/api",
    )

    def answer(talk: Talk, request: Request) -> None:
        if request.target == "/logout":
            talk.reply(200, b"", "Set-Cookie: APSCOOKIE_1=0; path=/; Max-Age=0", "Set-Cookie: own=2; max-age=60")
        else:
            talk.reply(200, b"", *fields)

    with Server(serving(answer)) as server:
        asking = session(server)
        asking.request("GET", "/login?x=/y/z")
        asking.request("GET", "/api/v2/cmdb")
        asking.request("GET", "/apiary")
        assert asking.cookie("ccsrftoken_443") == '"AB=C"'
        assert asking.cookie("missing") is None
        asking.request("GET", "/logout")
        assert "APSCOOKIE_1" not in asking.cookies()
        asking.request("GET", "/")
        asking.close()
    sent = [r.headers.get("cookie", "") for r in server.requests]
    assert sent[0] == ""
    assert sent[1] == "sub=deep; later=1; APSCOOKIE_1=Era%3D0; own=1; raw=\xff\xe4"
    assert "sub=" not in sent[2]
    assert "later=" not in sent[2]
    assert "foreign" not in "".join(sent)
    assert "ccsrftoken" not in "".join(sent), "a Secure cookie stays away from plain http"
    assert sent[4] == "own=2; raw=\xff\xe4"


def test_a_cookie_of_a_domain_reaches_the_hosts_in_it() -> None:
    jar = http_auth.Cookies("fw.example.com")
    jar.take("a=1; domain=.Example.com", "/x/y")
    jar.take("b=2; domain=other.com", "/x/y")
    jar.take("c=3; secure; expires=nonsense", "/x/y")
    jar.take("d=4; max-age=1", "/x/y")
    assert jar.header("/x/z", True) == "a=1; c=3; d=4"
    assert jar.header("/x/z", False) == "a=1; d=4"
    assert jar.header("/", True) is None


def test_a_cookie_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    jar = http_auth.Cookies("fw")
    jar.take("a=1; max-age=10", "/")
    later = time.time() + 11
    monkeypatch.setattr(time, "time", lambda: later)
    assert jar.header("/", True) is None
    assert jar.all() == {}


def test_a_cookie_cannot_smuggle_a_header() -> None:
    with Server(saying(200, b"", "Set-Cookie: a=b\x07c")) as server:
        asking = session(server)
        asking.request("GET", "/")
        with pytest.raises(BadInput, match="cannot be put into a header"):
            asking.request("GET", "/")


def test_basic_and_bearer_are_sent_at_once(echo: Server) -> None:
    asking = session(echo)
    asking.use_basic("admin", SECRET)
    asking.request("GET", "/a")
    asking.use_bearer("tok-1")
    asking.request("GET", "/b")
    asking.close()
    first, second = (r.headers.get("authorization") for r in echo.requests)
    assert base64.b64decode((first or "").split(maxsplit=1)[1]).decode() == f"admin:{SECRET}"
    assert second == "Bearer tok-1"


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_a_refused_secret_is_tried_once(kind: str) -> None:
    fields = ('WWW-Authenticate: Digest realm="a, b", nonce="n"', "WWW-Authenticate: Basic realm=x")
    with Server(saying(401, b'{"why": "TOTP"}', *fields)) as server:
        asking = session(server)
        asking.use_basic("admin", SECRET) if kind == "basic" else asking.use_bearer("tok-" + "9" * 20)
        with pytest.raises(HttpLoginRefused, match=r"one attempt was made\); offered: basic, digest$") as caught:
            asking.request("GET", "/a?x=1")
        assert caught.value.kind == "login_refused"
        assert caught.value.reply.json() == {"why": "TOTP"}
        assert caught.value.offers == ("basic", "digest")
        assert ("user 'admin'" if kind == "basic" else "this token") in str(caught.value)
        assert asking.request("DELETE", "/auth", reads=True).status == 401
        asking.close()
    assert ["authorization" in r.headers for r in server.requests] == [True, False]


def test_a_refusal_that_offers_nothing() -> None:
    with Server(saying(401)) as server:
        asking = session(server)
        asking.use_bearer("tok-1")
        with pytest.raises(HttpLoginRefused, match=r"\(one attempt was made\)$"):
            asking.request("GET", "/a")


def test_a_401_without_a_secret_of_ours_is_a_reply() -> None:
    with Server(saying(401, b"who?")) as server:
        assert session(server).request("GET", "/a").status == 401


@pytest.mark.parametrize(
    "use",
    [
        lambda s: s.use_basic("a:b", "c"),
        lambda s: s.use_bearer(""),
        lambda s: s.use_bearer("a\r\nEvil: 1"),
        lambda s: s.use_bearer("geheimnißvoll"),
    ],
)
def test_a_secret_that_cannot_be_sent(use: Callable[[HttpSession], None], echo: Server) -> None:
    with pytest.raises(BadInput):
        use(session(echo))
    asking = session(echo)
    asking.use_basic("a\r\nb", "c")  # inside base64 it harms nobody
    assert asking.request("GET", "/").status == 200


class DigestServer:
    """The server's side of RFC 7616, written on its own: it recomputes every response and counts every use of a nonce."""

    def __init__(self, algorithm: str | None, qop: str | None, password: str = SECRET, user: str = "admin") -> None:
        self.algorithm, self.qop, self.password, self.user = algorithm, qop, password, user
        self.nonce, self.uses, self.problems = "nonce-1", 0, list[str]()
        self.opaque = "op=1" if qop else ""
        self.first_cnonce: str | None = None
        self.renew_at: set[int] = set()
        self.always_stale = False
        self.next_nonce = ""
        self.good = 0

    def challenge(self, stale: bool) -> str:
        parts = [f'Digest realm="R \\"1\\", ü", nonce="{self.nonce}"']
        if self.opaque:
            parts.append(f'opaque="{self.opaque}"')
        if self.qop is not None:
            parts.append(f'qop="{self.qop}"')
        if self.algorithm is not None:
            parts.append(f"algorithm={self.algorithm}")
        if stale:
            parts.append("stale=TRUE")
        return "WWW-Authenticate: " + ", ".join(parts)

    def _digest(self, data: bytes) -> bytes:
        name = (self.algorithm or "MD5").replace("-sess", "").replace("-", "").lower()
        return hashlib.new(name, data).hexdigest().encode()

    def _expected(self, request: Request, given: dict[str, str]) -> bytes:
        a1 = self._digest(f'{self.user}:R "1", ü:{self.password}'.encode())
        if (self.algorithm or "").endswith("-sess"):
            a1 = self._digest(a1 + f":{self.nonce}:{self.first_cnonce}".encode())
        a2 = f"{request.method}:{request.target}".encode()
        if given.get("qop") == "auth-int":
            a2 += b":" + self._digest(request.body)
        if self.qop is None:
            return self._digest(a1 + f":{self.nonce}:".encode() + self._digest(a2))
        head = f":{self.nonce}:{given['nc']}:{given['cnonce']}:{given['qop']}:".encode()
        return self._digest(a1 + head + self._digest(a2))

    def _check(self, request: Request, given: dict[str, str]) -> bool:
        self.uses += 1
        self.first_cnonce = self.first_cnonce or given.get("cnonce")
        if self.qop is not None and given["nc"] != f"{self.uses:08x}":
            self.problems.append(f"nc {given['nc']} at use {self.uses}")
        if given["uri"] != request.target or given.get("opaque", "") != self.opaque or given["username"] != self.user:
            self.problems.append(str(given))
        if given.get("algorithm") != self.algorithm:
            self.problems.append(f"algorithm {given.get('algorithm')}")
        return given["response"].encode() == self._expected(request, given)

    def answer(self, talk: Talk, request: Request) -> None:
        header = request.headers.get("authorization", "")
        given = {m[0]: m[1] or m[2] for m in re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^,\s]+))', header)}
        number = len(talk.server.requests)
        if given and (number in self.renew_at or self.always_stale):
            self.nonce, self.uses, self.first_cnonce = f"nonce-{number}", 0, None
            talk.reply(401, b"", self.challenge(True))
        elif given and self._check(request, given):
            self.good += 1
            extra = [f'Authentication-Info: qop=auth, nextnonce="{self.next_nonce}"'] if self.next_nonce else []
            if self.next_nonce:
                self.nonce, self.uses, self.first_cnonce = self.next_nonce, 0, None
            talk.reply(200, b"in", *extra)
        else:
            talk.reply(401, b"", 'WWW-Authenticate: Basic realm="x"', self.challenge(False))


ALGORITHMS = [None, "MD5", "MD5-sess", "SHA-256", "SHA-256-sess"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("qop", ["auth", "auth-int", "auth-int,auth", None])
def test_digest_is_what_the_server_computes(algorithm: str | None, qop: str | None) -> None:
    device = DigestServer(algorithm, qop)
    with Server(serving(device.answer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        asking.may_write = True
        assert asking.request("POST", "/auth?x=1", json={"override": False}).status == 200
        assert asking.request("GET", "/voip").status == 200
        assert asking.request("PUT", "/voip", body=b"\x00\xff").status == 200
        asking.close()
    assert device.problems == []
    assert device.good == 3
    assert len(server.requests) == 4, "one challenge serves them all"
    assert server.connections == 1


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256-sess"])
def test_an_outdated_nonce_is_renewed_once(algorithm: str) -> None:
    device = DigestServer(algorithm, "auth-int")
    device.renew_at = {2, 5}
    with Server(serving(device.answer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        for path in ("/a", "/b", "/c"):
            assert asking.request("GET", path).status == 200
        asking.close()
    assert device.problems == []
    device = DigestServer(algorithm, "auth")
    device.always_stale = True
    with Server(serving(device.answer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        with pytest.raises(HttpLoginRefused):
            asking.request("GET", "/a")
    assert len(server.requests) == 3


def test_the_next_nonce_is_taken() -> None:
    device = DigestServer("SHA-256-sess", "auth")
    with Server(serving(device.answer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        for number in range(3):
            device.next_nonce = f"following-{number}"
            assert asking.request("GET", "/a").status == 200
        asking.close()
    assert len(server.requests) == 4
    assert device.problems == []


def test_information_that_names_no_nonce_changes_nothing() -> None:
    with Server(saying(200, b"", "Authentication-Info: rspauth=abc")) as server:
        for use in (lambda s: s.use_digest("a", "b"), lambda s: s.use_basic("a", "b")):
            asking = session(server)
            use(asking)
            assert asking.request("GET", "/a").status == 200
            asking.close()


def test_a_wrong_password_is_sent_once_by_digest() -> None:
    device = DigestServer("SHA-256", "auth", password="another")
    with Server(serving(device.answer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        with pytest.raises(HttpLoginRefused, match="user 'admin' was refused"):
            asking.request("GET", "/a")
        assert asking.request("GET", "/b").status == 401
        asking.close()
    assert ["authorization" in r.headers for r in server.requests] == [False, True, False]


@pytest.mark.parametrize(
    ("offer", "error", "text"),
    [
        ("WWW-Authenticate: Basic realm=x", LoginRefused, "not offered, but: basic. No secret was sent"),
        ("Server: x", LoginRefused, "not offered, but: nothing"),
        ('WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-512-256', UnknownReply, "algorithm SHA-512-256"),
        ('WWW-Authenticate: Digest realm="r", nonce="n", qop="token"', UnknownReply, "algorithm MD5, qop token"),
        ('WWW-Authenticate: Digest realm="r"', UnknownReply, "not known here"),
    ],
)
def test_a_challenge_that_cannot_be_answered(offer: str, error: type[EdgeError], text: str) -> None:
    with Server(saying(401, b"", offer)) as server:
        asking = session(server)
        asking.use_digest("admin", SECRET)
        with pytest.raises(error, match=text):
            asking.request("GET", "/a")
        asking.close()
    assert len(server.requests) == 1


def test_the_digest_examples_of_rfc_7616(monkeypatch: pytest.MonkeyPatch) -> None:
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr(http_auth.secrets, "token_hex", lambda size: cnonce)
    offers = [
        'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5, '
        'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    ]
    offers.append(offers[0].replace("=MD5", "=SHA-256"))
    for taken, response in (
        (offers[:1], "8ca523f5e9506fed4657c9700eebdbec"),
        (offers, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ):
        digest = http_auth.Digest("Mufasa", "Circle of Life")
        digest.take(http_auth.challenges(taken))
        header = digest.header("GET", "/dir/index.html", b"")
        assert header is not None
        assert f'response="{response}"' in header
        assert f'nc=00000001, cnonce="{cnonce}"' in header


def test_challenges_are_read_as_devices_write_them() -> None:
    text = 'Negotiate, Basic realm="a, b" , digest realm=x,nonce="q\\"t", Bearer'
    found = http_auth.challenges([text, '"broken', "NTLM TlRMTVNTUAAB=", ""])
    assert [(c.scheme, dict(c.parameters)) for c in found][:4] == [
        ("negotiate", {}),
        ("basic", {"realm": "a, b"}),
        ("digest", {"realm": "x", "nonce": 'q"t'}),
        ("bearer", {}),
    ]
    assert found[4].scheme == "ntlm"
