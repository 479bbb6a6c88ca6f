# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a device on one connection that stays open. Only reads go out unless writing was allowed.

Environment proxies are not used: a router's secrets go to the router. Compressed answers are not asked for.
"""

from __future__ import annotations

import html
import re
import socket
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http.client import HTTPException, HTTPResponse, IncompleteRead
from json import dumps, loads
from typing import Any
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ..core.errors import BadInput, ConnectionLost, DeviceTimeout, EdgeError, LoginRefused, Refusal, UnknownReply
from .http_auth import Auth, Cookies, Digest, basic, bearer, challenges
from .http_wire import HttpLogin, Origin, Wire, check, connect, fingerprint

__all__ = ["HttpLogin", "HttpLoginRefused", "HttpSession", "Reply", "fingerprint"]

BODY_LIMIT = 8 * 1024 * 1024
_READS = ("GET", "HEAD")
_WITH_BODY = ("POST", "PUT", "PATCH")
_REDIRECTS = (301, 302, 303, 307, 308)
_FARTHEST = 5
_EXCERPT = 120
_PIECE = 65536
_CHARSET = re.compile(r"(?i)charset\s*=\s*\"?([\w.:-]+)")


@dataclass(frozen=True)
class Reply:
    """What came back. Header names in lower case, several of one name joined by ", "; cookies are kept by the session only."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: str = field(default="the request", compare=False)
    hidden: tuple[str, ...] = field(default=(), compare=False)
    """Secrets that must not appear in an excerpt."""

    def __repr__(self) -> str:
        return f"Reply({self.status}, {len(self.body)} bytes, {self.asked})"

    def text(self) -> str:
        """The body; bytes that the charset (UTF-8 if none is named) does not know are replaced."""
        return self._decoded("replace")

    def json(self) -> Any:
        """The document in the body. Raises UnknownReply: a text that was decoded with losses would be written back damaged."""
        try:
            return loads(self._decoded("strict"))
        except (ValueError, RecursionError):
            raise UnknownReply(
                f"{self.asked}: the answer (status {self.status}) is not JSON: {self.excerpt() or 'it is empty'}"
            ) from None

    def excerpt(self) -> str:
        """The first characters of the body on one line, known secrets masked; for messages."""
        return self.shown(self.text())[:_EXCERPT]

    def shown(self, text: str) -> str:
        """A part of the answer on one line, known secrets masked; for messages."""
        return " ".join(_masked(text, self.hidden).split())

    def _decoded(self, errors: str) -> str:
        named = _CHARSET.search(self.headers.get("content-type", ""))
        charset = named.group(1).lower() if named else "utf-8"
        try:
            return self.body.decode("utf-8-sig" if charset in ("utf-8", "utf8") else charset, errors)
        except LookupError:
            return self.body.decode("utf-8-sig", errors)


class HttpLoginRefused(LoginRefused):
    """As LoginRefused; `reply` is the 401, `offers` the ways to log in that it names (lower case)."""

    def __init__(self, text: str, reply: Reply, offers: tuple[str, ...]) -> None:
        super().__init__(text)
        self.reply = reply
        self.offers = offers


@dataclass(frozen=True)
class _Ask:
    """One request. `fields` are the caller's headers and those that describe the body."""

    method: str
    target: str
    body: bytes | None
    fields: Mapping[str, str]
    deadline: float
    told: bool
    """Whether it carries more than its address: a body or headers of the caller's."""
    writes: bool = False

    @property
    def once(self) -> bool:
        """Whether it must not be sent again, or followed elsewhere."""
        return self.writes or self.method not in _READS

    def named(self, origin: Origin) -> str:
        path = self.target.split("?", maxsplit=1)[0]
        return f"{self.method} {path} at {origin.host} port {origin.port}"


class _Dropped(Exception):
    """The device closed the line before the first byte of an answer."""


class HttpSession:
    """One connection to one device, opened by the first request.

    `may_write` lets methods other than GET and HEAD out; `reads=True` does so for a single request that
    changes no configuration (login, logout). Every request ends within the login's `timeout`, whatever it takes.
    """

    def __init__(self, login: HttpLogin, body_limit: int = BODY_LIMIT) -> None:
        """Raises BadInput. `body_limit`: bytes of a body that are taken."""
        self.login = login
        self.may_write = False
        self.kept: dict[str, str] = {}
        """What a door keeps from the login to later requests, such as the key of a session that stands in every address."""
        self._limit = body_limit
        self._origin = check(login)
        self._wire: Wire | None = None
        self._auth: Auth | None = None
        self._cookies = Cookies(self._origin.host)
        self._told = False

    def use_basic(self, user: str, password: str) -> None:
        """From now on sent with every request."""
        self._auth = basic(user, password)

    def use_bearer(self, token: str, whose: str = "this token") -> None:
        """From now on sent with every request; `whose` is its name in messages."""
        self._auth = bearer(token, whose)

    def open(self) -> None:
        """Connects now and asks nothing, so that a device which cannot be reached is told from one that refuses.

        Raises Unreachable, HostKeyRefused, DeviceTimeout.
        """
        if self._wire is None:
            where = f"the connection to {self._origin.host} port {self._origin.port}"
            self._wire = connect(self.login, self._origin, time.monotonic() + self.login.timeout, where)

    def use_digest(self, user: str, password: str) -> None:
        """The next request goes without; its 401 says how to answer, and later requests answer at once."""
        self._auth = Digest(user, password)

    @property
    def bears_secret(self) -> bool:
        """Whether requests carry a secret of ours in their headers."""
        return self._auth is not None

    def cookie(self, name: str) -> str | None:
        """The value as the device wrote it (with its quotes), or None."""
        return self._cookies.all().get(name)

    def cookies(self) -> dict[str, str]:
        """All values by name, for names that are only known in part."""
        return self._cookies.all()

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        accept: str | None = None,
        reads: bool = False,
        writes: bool = False,
        follow: bool = True,
    ) -> Reply:
        """`writes`: a GET that changes something, as some devices have it; it is then treated like any other write.

        Any status is a reply, except a 401 to our secret and a redirect that is not followed (`follow=False` returns it).

        A GET is sent again when a kept connection turns out to be closed; a write that may have arrived never is.
        Raises AssertionError, BadInput, Unreachable, HostKeyRefused, LoginRefused, DeviceTimeout, ConnectionLost,
        UnknownReply, Refusal.
        """
        changes = writes or (method not in _READS and not reads)
        if changes and not self.may_write:
            raise AssertionError(f"a write was attempted in a session that may only read: {method} {_bare(path)}")
        content, kind = _content(json, form, body)
        fields = {"Accept": accept or "*/*"}
        if kind:
            fields["Content-Type"] = kind
        fields.update(headers or {})
        _check_request(method, path, fields)
        deadline = time.monotonic() + self.login.timeout
        ask = _Ask(method, path, content, fields, deadline, content is not None or bool(headers), writes)
        for hop in range(_FARTHEST + 1):
            reply = self._authorized(ask)
            if reply.status not in _REDIRECTS or not follow:
                return reply
            if hop < _FARTHEST:
                ask = self._redirected(ask, reply)
        raise UnknownReply(f"{ask.named(self._origin)}: more than {_FARTHEST} redirects one after the other")

    def close(self) -> None:
        """Hangs up; it is for the platform to log out before. Never raises."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def _authorized(self, ask: _Ask) -> Reply:
        """The reply, after at most one attempt with the secret; an outdated nonce is no refusal, but only once."""
        reply, shown, offered = self._exchange(ask)
        renewed = False
        while reply.status == 401 and self._auth is not None:
            offers = challenges(offered)
            names = tuple(sorted({c.scheme for c in offers}))
            if shown and (renewed or not self._auth.stale(offers)):
                text = f"{reply.asked}: the login of {self._auth.whose} was refused (one attempt was made)"
                if names:
                    text += f"; offered: {', '.join(names)}"
                self._auth = None
                raise HttpLoginRefused(text, reply, names)
            renewed = renewed or shown
            try:
                self._auth.take(offers)
            except LoginRefused as error:
                raise HttpLoginRefused(f"{reply.asked}: {error}", reply, names) from None
            except UnknownReply as error:
                raise UnknownReply(f"{reply.asked}: {error}") from None
            reply, shown, offered = self._exchange(ask)
        return reply

    def _exchange(self, ask: _Ask) -> tuple[Reply, bool, list[str]]:
        """The reply, whether our secret went out with it, and its WWW-Authenticate headers."""
        kept = self._wire is not None and self._wire.alive()
        if not kept:
            self.close()  # nothing of this request was sent on it, so even a write may take a new one
        while True:
            wire = self._wire or connect(self.login, self._origin, ask.deadline, ask.named(self._origin))
            self._wire = None  # it is kept again once a whole answer has come, and only then
            try:
                return self._carried(wire, ask)
            except _Dropped:
                wire.close()
                if not kept or ask.once:
                    text = f"{ask.named(self._origin)}: the device closed the connection without an answer{_doubt(ask)}"
                    raise ConnectionLost(text) from None
                kept = False  # a new connection has no second chance
            except EdgeError:
                wire.close()
                raise

    def _carried(self, wire: Wire, ask: _Ask) -> tuple[Reply, bool, list[str]]:
        """One request and its reply. Raises _Dropped, or one of ours; the line is then of no more use."""
        asked = ask.named(self._origin)
        authorization = self._auth.header(ask.method, ask.target, ask.body or b"") if self._auth else None
        wire.deadline, wire.received = ask.deadline, 0
        try:
            wire.send(self._head(ask, authorization) + (ask.body or b""))
            response = HTTPResponse(wire, method=ask.method)  # type: ignore[arg-type,unused-ignore]
            response.begin()
            content = self._body(response, asked)
        except socket.timeout:
            raise DeviceTimeout(
                f"{asked}: waited {self.login.timeout:g} s for the answer, {wire.received} bytes came{_doubt(ask)}"
            ) from None
        except OSError as error:
            if not wire.received:
                raise _Dropped from None
            raise ConnectionLost(f"{asked}: the connection broke within the answer: {error}{_doubt(ask)}") from None
        except IncompleteRead:
            raise ConnectionLost(f"{asked}: the device closed the connection within the answer{_doubt(ask)}") from None
        except HTTPException as error:
            what = _masked(str(error), self._secrets())[:_EXCERPT]
            raise UnknownReply(f"{asked}: the answer is not HTTP: {type(error).__name__} {what}{_doubt(ask)}") from None
        reply = self._reply(response, content, ask)
        if response.will_close:
            wire.close()
        else:
            self._wire = wire
        offered = [_utf8(value) for value in response.headers.get_all("www-authenticate", [])]
        return reply, authorization is not None, offered

    def _head(self, ask: _Ask, authorization: str | None) -> bytes:
        fields = {"Host": self._origin.netloc(), "User-Agent": "voip.edge", "Accept-Encoding": "identity"}
        cookies = self._cookies.header(ask.target, self._origin.scheme == "https")
        if cookies:
            fields["Cookie"] = cookies
        if authorization:
            fields["Authorization"] = authorization
        self._told = self._told or ask.told or bool(cookies or authorization)
        if ask.body is not None or ask.method in _WITH_BODY:
            fields["Content-Length"] = str(len(ask.body or b""))
        fields.update(ask.fields)
        lines = [f"{ask.method} {ask.target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
        if any(_BROKEN.search(line) for line in lines):
            raise BadInput(f"{ask.named(self._origin)}: the user name or a cookie cannot be put into a header")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def _body(self, response: HTTPResponse, asked: str) -> bytes:
        """Raises IncompleteRead when it ends early (http.client itself says so for chunked bodies only)."""
        declared, content = response.length or 0, bytearray()
        while declared <= self._limit and len(content) <= self._limit:
            part = response.read(_PIECE)
            if not part:
                break
            content += part
        if max(declared, len(content)) > self._limit:
            raise UnknownReply(f"{asked}: the answer is larger than {self._limit} bytes")
        if response.length:
            raise IncompleteRead(b"", response.length)
        response.close()
        return bytes(content)

    def _reply(self, response: HTTPResponse, content: bytes, ask: _Ask) -> Reply:
        headers: dict[str, str] = {}
        for name, value in response.getheaders():
            key = name.lower()
            if key == "set-cookie":
                self._cookies.take(_utf8(value), ask.target)
            else:
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
        asked = ask.named(self._origin)
        coding = headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise UnknownReply(
                f"{asked}: the answer is compressed ({coding[:20]}), which was not asked for{_doubt(ask)}"
            )
        if self._auth and response.status != 401 and "authentication-info" in headers:
            self._auth.heard(headers["authentication-info"])
        return Reply(response.status, headers, content, asked, self._secrets())

    def _redirected(self, ask: _Ask, reply: Reply) -> _Ask:
        """The request that a redirect leads to. Raises UnknownReply, Refusal."""
        location = quote(reply.headers.get("location", ""), encoding="iso-8859-1", safe=string.punctuation)
        shown = _bare(location) or "nowhere"
        asked = ask.named(self._origin)
        if ask.once or not location:
            raise UnknownReply(f"{asked}: answered by a redirect ({reply.status}) to {shown}{_doubt(ask)}")
        try:
            origin, target = self._landing(ask, location)
        except ValueError:
            raise UnknownReply(f"{asked}: redirected to {shown}, which is no address") from None
        if origin != self._origin:
            upgrade = self._origin.scheme == "http" and origin.scheme == "https" and origin.host == self._origin.host
            if not upgrade or self._told:
                why = "something secret went out over http already" if upgrade else "only the device itself is asked"
                raise Refusal(f"{asked}: redirected to {shown}, which was not followed: {why}")
            self.close()
            self._origin = origin
        return replace(ask, target=target)

    def _landing(self, ask: _Ask, location: str) -> tuple[Origin, str]:
        """Where a Location leads. Raises ValueError when it is no http(s) address."""
        parts = urlsplit(urljoin(f"{self._origin.scheme}://{self._origin.netloc()}{ask.target}", location))
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError(location)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        host = self._origin.host if parts.hostname == self._origin.host.lower() else parts.hostname
        return Origin(parts.scheme, host, port), (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _secrets(self) -> tuple[str, ...]:
        known = [self.login.password, self.login.token, self._auth.secret if self._auth else None]
        tokens = (*self._cookies.all().values(), *self.kept.values())
        return tuple(s for s in known if s) + tuple(t for t in tokens if len(t) >= 8)


_METHOD = re.compile("[A-Z]+")
_PATH = re.compile(r"/[\x21-\x7e]*")
_FIELD = re.compile("[A-Za-z0-9_-]+")
_BROKEN = re.compile(r"[\x00-\x1f\x7f]")


def _check_request(method: str, path: str, fields: Mapping[str, str]) -> None:
    if not _METHOD.fullmatch(method) or not _PATH.fullmatch(path) or "#" in path:
        raise BadInput(f"request: '{method} {_bare(path)}' is no request; the path starts with / and is quoted")
    for name, value in fields.items():
        if not _FIELD.fullmatch(name) or _BROKEN.search(value):
            raise BadInput(f"request: the header {name!r} has a name or a value that cannot be sent")


def _content(document: Any, form: Mapping[str, str] | None, body: bytes | str | None) -> tuple[bytes | None, str]:
    """The body and its type. Raises BadInput when more than one is given."""
    if sum(given is not None for given in (document, form, body)) > 1:
        raise BadInput("request: only one of json, form and body can be sent")
    if document is not None:
        return dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8"), "application/json"
    if form is not None:
        return urlencode(form).encode("ascii"), "application/x-www-form-urlencoded"
    return (body.encode("utf-8") if isinstance(body, str) else body), ""


def _utf8(value: str) -> str:
    """http.client reads headers as Latin-1. Bytes that are no UTF-8 become such that encoding gives them back."""
    return value.encode("iso-8859-1").decode("utf-8", "surrogateescape")


def _bare(address: str) -> str:
    """An address without what may be secret in it: query, fragment, user."""
    return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", address, maxsplit=1)[0])


def _doubt(ask: _Ask) -> str:
    return "; whether it was carried out is not known" if ask.once else ""


def _masked(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        for form in (secret, dumps(secret)[1:-1], quote(secret, safe=""), html.escape(secret)):
            text = text.replace(form, "********")
    return text
