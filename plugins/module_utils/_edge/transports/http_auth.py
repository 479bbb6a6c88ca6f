# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an HTTP session proves who it is: Basic, Bearer and Digest (RFC 7616), and the cookies that a device hands out."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Protocol

from ..core.errors import BadInput, LoginRefused, UnknownReply

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PART = re.compile(r"[\s,]*(" + _TOKEN + r')(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,"]*))?')
_HASHES = ("SHA-256", "MD5")


@dataclass(frozen=True)
class Challenge:
    """One way to log in that a 401 offers; both the scheme and the names of the parameters in lower case."""

    scheme: str
    parameters: Mapping[str, str]


def challenges(headers: Sequence[str]) -> list[Challenge]:
    """What the WWW-Authenticate headers of one reply offer; what cannot be read is left out."""
    found: list[Challenge] = []
    for header in headers:
        position = 0
        scheme: dict[str, str] = {}
        while True:
            part = _PART.match(header, position)
            if part is None:
                break
            position = part.end()
            name, value = part.group(1).lower(), part.group(2)
            if value is None:
                scheme = {}
                found.append(Challenge(name, scheme))
            else:
                scheme[name] = _unquoted(value)
    return found


def parameters(header: str) -> dict[str, str]:
    """The name=value pairs of a header without a scheme (Authentication-Info)."""
    return {part.group(1).lower(): _unquoted(part.group(2)) for part in _PART.finditer(header) if part.group(2)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Auth(Protocol):
    """A secret and how it is shown to a device."""

    @property
    def whose(self) -> str:
        """For messages: the user, or the kind of secret."""

    @property
    def secret(self) -> str:
        """What must appear in no message."""

    def header(self, method: str, target: str, body: bytes) -> str | None:
        """The Authorization of the next request; None while the device has to be asked first."""

    def stale(self, offers: Sequence[Challenge]) -> bool:
        """Whether a 401 refuses not the secret but only the age of what it was wrapped in."""

    def take(self, offers: Sequence[Challenge]) -> None:
        """Learns from a 401 to a request without the secret. Raises LoginRefused, UnknownReply."""

    def heard(self, info: str) -> None:
        """Learns from the Authentication-Info of a good reply."""


class _Preemptive:
    """A header that needs no challenge; it is sent with every request, and a 401 to it is final."""

    def __init__(self, whose: str, secret: str, value: str) -> None:
        self.whose = whose
        self.secret = secret
        self._value = value

    def header(self, method: str, target: str, body: bytes) -> str | None:  # pylint: disable=unused-argument
        return self._value

    def stale(self, offers: Sequence[Challenge]) -> bool:  # pylint: disable=unused-argument
        return False

    def take(self, offers: Sequence[Challenge]) -> None:
        """Never asked: no request goes out without the header."""

    def heard(self, info: str) -> None:
        """Nothing to learn."""


def basic(user: str, password: str) -> Auth:
    """Raises BadInput."""
    if ":" in user:
        raise BadInput("user: a name with a colon in it cannot log in by HTTP Basic")
    joined = f"{user}:{password}".encode()
    return _Preemptive(f"user '{user}'", password, "Basic " + base64.b64encode(joined).decode("ascii"))


def bearer(token: str, whose: str = "this token") -> Auth:
    """Raises BadInput."""
    if not re.fullmatch(r"[\x21-\x7e]+", token):
        raise BadInput("token: it is empty, or has characters in it that no HTTP header can carry")
    return _Preemptive(whose, token, "Bearer " + token)


class Digest:
    """RFC 7616 and its forerunners: MD5, SHA-256, both as -sess, with qop auth, auth-int or none.

    The answer to a challenge counts its uses; one client nonce serves a challenge, so that servers
    which remember the first and servers which take the latest agree on the -sess key.
    """

    def __init__(self, user: str, password: str) -> None:
        self.whose = f"user '{user}'"
        self.secret = password
        self._user = user
        self._challenge: Mapping[str, str] | None = None
        self._count = 0
        self._cnonce = ""

    def header(self, method: str, target: str, body: bytes) -> str | None:
        if self._challenge is None:
            return None
        self._count += 1
        given = self._challenge
        fields = {
            "username": _quoted(self._user),
            "realm": _quoted(given.get("realm", "")),
            "nonce": _quoted(given["nonce"]),
            "uri": _quoted(target),
            "response": _quoted(self._response(given, method, target, body)),
        }
        if "algorithm" in given:
            fields["algorithm"] = given["algorithm"]
        if "opaque" in given:
            fields["opaque"] = _quoted(given["opaque"])
        qop = _qop(given)
        if qop:
            fields.update(qop=qop, nc=f"{self._count:08x}")
        if qop or _is_session(given):
            fields["cnonce"] = _quoted(self._cnonce)
        return "Digest " + ", ".join(f"{name}={value}" for name, value in fields.items())

    def _response(self, given: Mapping[str, str], method: str, target: str, body: bytes) -> str:
        algorithm, qop = _algorithm(given), _qop(given)
        key = _hash(algorithm, ":".join((self._user, given.get("realm", ""), self.secret)))
        if _is_session(given):
            key = _hash(algorithm, ":".join((key, given["nonce"], self._cnonce)))
        what = f"{method}:{target}"
        if qop == "auth-int":
            what += ":" + _hash(algorithm, body)
        middle = [given["nonce"]]
        if qop:
            middle += [f"{self._count:08x}", self._cnonce, qop]
        return _hash(algorithm, ":".join((key, *middle, _hash(algorithm, what))))

    def stale(self, offers: Sequence[Challenge]) -> bool:
        return any(c.scheme == "digest" and c.parameters.get("stale", "").lower() == "true" for c in offers)

    def take(self, offers: Sequence[Challenge]) -> None:
        digests = [c.parameters for c in offers if c.scheme == "digest"]
        if not digests:
            others = ", ".join(sorted({c.scheme for c in offers})) or "nothing"
            raise LoginRefused(f"digest login is not offered, but: {others}. No secret was sent")
        usable = [p for p in digests if p.get("nonce") and _algorithm(p) in _HASHES and _qop(p) is not None]
        if not usable:
            asked = "; ".join(f"algorithm {p.get('algorithm', 'MD5')}, qop {p.get('qop', 'none')}" for p in digests)
            raise UnknownReply(
                f"it asks for a kind of digest login that is not known here ({asked}). No secret was sent"
            )
        self._adopt(min(usable, key=lambda p: _HASHES.index(_algorithm(p))))

    def _adopt(self, challenge: Mapping[str, str]) -> None:
        self._challenge = challenge
        self._count = 0
        self._cnonce = secrets.token_hex(16)

    def heard(self, info: str) -> None:
        following = parameters(info).get("nextnonce")
        if following and self._challenge is not None:
            self._adopt({**self._challenge, "nonce": following})


def _algorithm(challenge: Mapping[str, str]) -> str:
    return re.sub(r"-SESS$", "", challenge.get("algorithm", "MD5").upper())


def _is_session(challenge: Mapping[str, str]) -> bool:
    return challenge.get("algorithm", "").upper().endswith("-SESS")


def _qop(challenge: Mapping[str, str]) -> str | None:
    """auth before auth-int, "" when the challenge is of the old kind without one, None when it has only unknown ones."""
    offered = [word.strip().lower() for word in challenge.get("qop", "").split(",") if word.strip()]
    if not offered:
        return ""
    return next((word for word in ("auth", "auth-int") if word in offered), None)


def _hash(algorithm: str, data: str | bytes) -> str:
    raw = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
    if (
        algorithm == "MD5"
    ):  # the device's choice; marked so that builds of Python which forbid MD5 compute it all the same
        return hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return hashlib.sha256(raw).hexdigest()


@dataclass
class _Cookie:
    value: str = field(repr=False)
    path: str
    secure: bool
    ends: float | None


class Cookies:
    """The cookies of one host; none is taken for, or sent to, another."""

    def __init__(self, host: str) -> None:
        self._host = host.lower()
        self._kept: dict[tuple[str, str], _Cookie] = {}

    def take(self, header: str, target: str) -> None:
        """One Set-Cookie header of the reply to a request for `target`."""
        pair, *rest = header.split(";")
        name, sign, value = (part.strip() for part in pair.partition("="))
        attributes = {k.strip().lower(): v.strip() for k, found, v in (part.partition("=") for part in rest)}
        if not sign or not name or not self._covers(attributes.get("domain", "")):
            return
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = target.split("?", maxsplit=1)[0].rpartition("/")[0] or "/"
        ends = _ends(attributes)
        if ends is not None and ends <= time.time():
            self._kept.pop((name, path), None)
        else:
            self._kept[(name, path)] = _Cookie(value, path, "secure" in attributes, ends)

    def _covers(self, domain: str) -> bool:
        domain = domain.lstrip(".").lower()
        if not domain or domain == self._host:
            return True
        try:
            ipaddress.ip_address(self._host)
        except ValueError:
            return self._host.endswith("." + domain)
        return False

    def header(self, target: str, secure: bool) -> str | None:
        """The Cookie header for a request, the closest paths first; None without any."""
        path, now = target.split("?", maxsplit=1)[0], time.time()
        fitting = [
            (name, cookie)
            for (name, where), cookie in self._kept.items()
            if all(
                (
                    path == where or path.startswith(where.rstrip("/") + "/"),
                    secure or not cookie.secure,
                    cookie.ends is None or cookie.ends > now,
                )
            )
        ]
        fitting.sort(key=lambda pair: -len(pair[1].path))
        return "; ".join(f"{name}={cookie.value}" for name, cookie in fitting) or None

    def all(self) -> dict[str, str]:
        """Values by name, as the device wrote them (quotes are part of it)."""
        now = time.time()
        return {
            name: cookie.value
            for (name, path), cookie in self._kept.items()
            if cookie.ends is None or cookie.ends > now
        }


def _ends(attributes: Mapping[str, str]) -> float | None:
    """When a cookie ends (seconds since 1970), None at the end of the session."""
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?\d{1,12}", age):
        return time.time() + int(age)
    try:
        return parsedate_to_datetime(attributes.get("expires", "")).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
