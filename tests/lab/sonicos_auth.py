# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one gets into a SonicWall's API: Basic, Digest, CHAP, name and password with a one-time code; and its sessions."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from typing import TYPE_CHECKING, Any, Callable

from .http_server import Request, Response

if TYPE_CHECKING:
    from .sonicos import SonicDevice

REALM = "SonicOS API"
IDLE_MINUTES = 5
OTHER = "jdoe"
"""The other administrator, wherever one is needed."""
HASHES = {"SHA-256": "sha256", "MD5": "md5"}
TICK = {"SHA-256": "digest-sha256", "MD5": "digest-md5"}


class ApiSession:
    """One log-in that has not been logged out."""

    def __init__(self, device: SonicDevice, user: str, peer: str) -> None:
        self.device = device
        self.user = user
        self.peer = peer
        self.number = next(device.counter)
        # A planted word, so that a token in an output is found like a password.
        self.token = f"PLANTED-SECRET-login-{hashlib.sha256(f'{device.name}{self.number}'.encode()).hexdigest()[:24]}"
        self.seen = device.clock

    @property
    def foreign(self) -> bool:
        return self.user == OTHER

    def drop(self) -> None:
        """End the session from outside (reboot, end of the lab); its connections are dropped."""
        self.device.end_session(self)
        self.device.hang_up()


def totp(secret: str, when: float | None = None, digits: int = 6) -> str:
    """The one-time code of a base32 secret for a time in seconds since the epoch (RFC 6238, 30 s, SHA-1)."""
    counter = struct.pack(">Q", int((time.time() if when is None else when) // 30))
    mac = hmac.new(base64.b32decode(secret), counter, "sha1").digest()
    offset = mac[-1] & 15
    number = struct.unpack(">I", mac[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**digits:0{digits}}"


def parameters(text: str) -> dict[str, str]:
    """The parameters of a Digest header."""
    found = re.findall(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', text)
    return {name.lower(): quoted or bare for name, quoted, bare in found}


class Gate:
    """Judges log-ins and finds the session of a request."""

    def __init__(self, device: SonicDevice) -> None:
        self.device = device
        self._nonces: dict[str, int] = {}  # nonce to the highest count seen
        self._chap: tuple[str, str] | None = None

    @property
    def ticked(self) -> tuple[str, ...]:
        return tuple(self.device.variant.auth)

    # -- log in and out -------------------------------------------------------------------------------------------

    def enter(self, request: Request, path: str) -> Response:
        """GET, POST or DELETE of ``/auth``, POST of ``/tfa``."""
        if request.method == "DELETE" and path == "/auth":
            return self._leave(request)
        if request.method == "GET" and path == "/auth":
            return self._chap_challenge()
        if request.method != "POST":
            return self.device.refusal("Method not allowed.", "E_NOT_ALLOWED", 1010, 405)
        try:
            body = request.json() or {}
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self.device.refusal("Schema validation error", "E_SCHEMA", 1001, 400)
        if path == "/tfa":
            return self._by_code(request, body)
        if "digest" in body and "chap" in self.ticked:
            return self._by_chap(request, body)
        return self._by_header(request, body)

    def _leave(self, request: Request) -> Response:
        session = self.session_of(request)
        if session is None:
            return self.unauthorized()
        self.device.end_session(session)
        return self.device.success()

    def _by_header(self, request: Request, body: dict[str, Any]) -> Response:
        scheme, _sep, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            if "basic" not in self.ticked:
                return self.unauthorized(empty=True)
            user, password = basic(rest)
            return self._judge(request, user, password == self.device.password, body)
        if scheme.lower() == "digest":
            values = parameters(rest)
            good = self.digest_holds(values, request)
            if good is None:
                return self.unauthorized(stale=True)
            return self._judge(request, values.get("username", ""), good, body)
        return self.unauthorized()

    def _by_chap(self, request: Request, body: dict[str, Any]) -> Response:
        issued, self._chap = self._chap, None
        if issued is None or body.get("id") != issued[0]:
            return self.unauthorized()
        data = bytes.fromhex(issued[0]) + self.device.password.encode() + bytes.fromhex(issued[1])
        # CHAP is defined with MD5.
        good = hashlib.md5(data).hexdigest() == str(body["digest"]).lower()
        return self._judge(request, str(body.get("user")), good, body)

    def _chap_challenge(self) -> Response:
        if "chap" not in self.ticked:
            return self.unauthorized()
        number = next(self.device.counter)
        self._chap = (f"{number & 255:02x}", hashlib.sha256(f"chap{number}".encode()).hexdigest()[:32])
        return self.device.plain({"id": self._chap[0], "challenge": self._chap[1]})

    def _by_code(self, request: Request, body: dict[str, Any]) -> Response:
        if "tfa" not in self.ticked:
            return self.unauthorized(empty=True)
        good = body.get("password") == self.device.password
        code = str(body.get("tfa") or "")
        if good and "totp" in self.ticked:
            if not code:
                return self._code_needed()
            good = code in [totp(self.device.totp_secret, time.time() + 30 * step) for step in (-1, 0, 1)]
        return self._judge(request, str(body.get("user")), good, body, coded=True)

    def _code_needed(self) -> Response:
        info = {"auth_code": "API_AUTH_TOTP_REQUIRED"}
        return self.device.refusal("TOTP code is required.", "E_UNAUTHORIZED", 1080, 401, **info)

    def _judge(self, request: Request, user: str, good: bool, body: dict[str, Any], coded: bool = False) -> Response:
        device = self.device
        device.login_attempts += 1
        limits = [int(arg or 3) for arg in device.faults.args("lockout")]
        locked = bool(limits) and device.failed_logins >= min(limits)
        if locked or device.faults.has("refuse_login") or not (good and user == device.user):
            device.failed_logins += 1
            text = "Maximum login attempts exceeded." if locked else "Unauthorized."
            return self.unauthorized(text=text)
        device.failed_logins = 0
        if "totp" in self.ticked and not coded:
            return self._code_needed()
        return self._admit(request, bool(body.get("override")))

    def _admit(self, request: Request, override: bool) -> Response:
        """The password was right; the box may still not let the account in."""
        device, flags = self.device, self.device.variant.flags
        if "password_update" in flags:
            return device.refusal(
                "Password must be changed.", "E_UNAUTHORIZED", 1081, 200, auth_code="API_AUTH_PASSWORD_UPDATE"
            )
        if "read_only" in flags:
            return device.refusal("Full administrator privileges are required.", "E_FORBIDDEN", 1082, 403)
        for session in list(device.sessions):
            mine = device.variant.session == "address" and session.peer == request.peer and not session.foreign
            if not (mine or override):
                return device.refusal("Another administrator is logged in.", "E_BUSY", 1083)
            if not mine:
                device.displaced.append(session.user)
            device.end_session(session, keep_edits=mine)
        if override and device.lock_holder == OTHER:
            device.displaced.append(OTHER)
            device.lock_holder = ""
        session = ApiSession(device, device.user, request.peer)
        device.sessions.append(session)
        if not device.lock_holder and "explicit_mode" not in flags:
            device.lock_holder = session.user
        device.door.since_login = 0
        return self._welcome(session)

    def _welcome(self, session: ApiSession) -> Response:
        if self.device.variant.session == "bearer":
            return self.device.success(bearer_token=session.token)
        response = self.device.success()
        if self.device.variant.session == "cookie":
            response.headers.append(("Set-Cookie", f"smngsess={session.token}; Path=/; Secure; HttpOnly"))
        return response

    # -- later requests -------------------------------------------------------------------------------------------

    def session_of(self, request: Request) -> ApiSession | None:
        """The live session that this request belongs to."""
        for session in list(self.device.sessions):
            if not session.foreign and self.device.clock - session.seen >= IDLE_MINUTES:
                self.device.end_session(session)
        known: dict[str, Callable[[ApiSession], bool]] = {
            "address": lambda session: session.peer == request.peer and not self._wrong_header(request),
            "cookie": lambda session: request.cookies.get("smngsess") == session.token,
            "bearer": lambda session: request.headers.get("authorization", "") == f"Bearer {session.token}",
        }
        test = known[self.device.variant.session]
        found = next((session for session in self.device.sessions if not session.foreign and test(session)), None)
        if found is not None:
            found.seen = self.device.clock
        return found

    def _wrong_header(self, request: Request) -> bool:
        scheme, _sep, rest = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return basic(rest) != (self.device.user, self.device.password)
        if scheme.lower() == "digest":
            return not self.digest_holds(parameters(rest), request)
        return False

    # -- Digest ---------------------------------------------------------------------------------------------------

    def unauthorized(self, empty: bool = False, stale: bool = False, text: str = "Unauthorized.") -> Response:
        """A 401 with the challenges of the methods that are ticked."""
        response = self.device.refusal(text, "E_UNAUTHORIZED", 1080, 401)
        if empty:
            response.body = b""
        for algorithm, method in TICK.items():
            if method in self.ticked:
                response.headers.append(("WWW-Authenticate", self._challenge(algorithm, stale)))
        if "basic" in self.ticked:
            response.headers.append(("WWW-Authenticate", f'Basic realm="{REALM}"'))
        return response

    def _challenge(self, algorithm: str, stale: bool) -> str:
        nonce = hashlib.sha256(f"nonce{next(self.device.counter)}".encode()).hexdigest()[:32]
        self._nonces[nonce] = 0
        for old in list(self._nonces)[:-20]:
            del self._nonces[old]
        qop = ",".join(self.device.variant.qop)
        tail = ", stale=true" if stale else ""
        return f'Digest realm="{REALM}", qop="{qop}", algorithm={algorithm}, nonce="{nonce}", opaque="5ccc069c"{tail}'

    def digest_holds(self, values: dict[str, str], request: Request) -> bool | None:
        """Is this Digest response right? None: the nonce is not (or no more) known, or was used with this count."""
        nonce, qop = values.get("nonce", ""), values.get("qop", "")
        algorithm = values.get("algorithm", "MD5")
        variant = re.sub("-sess$", "", algorithm, flags=re.IGNORECASE).upper()
        count = int(values.get("nc", "0"), 16) if re.fullmatch("[0-9a-fA-F]{1,8}", values.get("nc", "0")) else 0
        if nonce not in self._nonces or count <= self._nonces[nonce]:
            return None
        if TICK.get(variant) not in self.ticked or qop not in self.device.variant.qop:
            return False
        if values.get("realm") != REALM or values.get("uri") != request.target or values.get("opaque") != "5ccc069c":
            return False
        self._nonces[nonce] = count

        def digest(*parts: str) -> str:
            return hashlib.new(HASHES[variant], ":".join(parts).encode()).hexdigest()

        first = digest(self.device.user, REALM, self.device.password)
        if algorithm.lower().endswith("-sess"):
            first = digest(first, nonce, values.get("cnonce", ""))
        second = [request.method, values["uri"]]
        if qop == "auth-int":
            second.append(hashlib.new(HASHES[variant], request.body).hexdigest())
        wanted = digest(first, nonce, values.get("nc", ""), values.get("cnonce", ""), qop, digest(*second))
        return hmac.compare_digest(wanted, values.get("response", ""))


def basic(text: str) -> tuple[str, str]:
    """User name and password of a Basic header; two empty strings when it is malformed."""
    try:
        user, _sep, password = base64.b64decode(text, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return "", ""
    return user, password
