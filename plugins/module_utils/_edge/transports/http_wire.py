# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The line under an HTTP session: TCP, TLS, the certificate check and a deadline on every wait. No request is made here."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import socket
import ssl
import time
import warnings
from dataclasses import dataclass
from typing import NamedTuple

from ..core.errors import BadInput, DeviceTimeout, HostKeyRefused, Unreachable

# What OpenSSL says when the two sides have no protocol version, cipher, key size or signature in common.
_OLD_TLS = (
    "UNSUPPORTED_PROTOCOL",
    "PROTOCOL_VERSION",
    "NO_PROTOCOLS_AVAILABLE",
    "HANDSHAKE_FAILURE",
    "INSUFFICIENT_SECURITY",
    "TOO_SMALL",
    "TOO_WEAK",
    "LEGACY_RENEGOTIATION",
    "WRONG_SIGNATURE_TYPE",
    "UNSUPPORTED_SIGNATURE",
    "BAD_SIGNATURE",
    "NO_SUITABLE_",
    "NO_CIPHERS",
    "WRONG_CIPHER",
    "UNKNOWN_CIPHER",
    "INTERNAL_ERROR",
)
# What it says when the other side does not speak TLS at all.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL")
# OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT; the ssl module names it only from Python 3.12 on
_OP_LEGACY_SERVER_CONNECT = 0x4
_HOST = re.compile(r"[^\s/?#@\\\x00-\x1f]+")
_SHA256 = re.compile("[0-9a-f]{64}")
_SHA256_NAME = re.compile("(?i)^sha-?256[:=]")
_BETWEEN_OCTETS = re.compile(r"[:\s]")


@dataclass(frozen=True)
class HttpLogin:
    """How to reach and enter a device by HTTP. Times in seconds. Secrets never appear in its text.

    `tls_fingerprint`: SHA-256 of the device's certificate; it decides instead of the certificate authorities.
    """

    host: str
    port: int
    scheme: str = "https"
    user: str | None = None
    password: str | None = None
    token: str | None = None
    verify: bool = True
    tls_fingerprint: str | None = None
    ca_file: str | None = None
    legacy_tls: bool = False
    connect_timeout: float = 10.0
    timeout: float = 30.0

    @property
    def has_credentials(self) -> bool:
        return bool(self.token or (self.user and self.password is not None))

    def __repr__(self) -> str:
        return f"HttpLogin({self.user}@{self.scheme}://{self.host}:{self.port})"


class Origin(NamedTuple):
    """Where requests go; `host` without the brackets of an IPv6 address."""

    scheme: str
    host: str
    port: int

    def netloc(self) -> str:
        """As the Host header has it: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def check(login: HttpLogin) -> Origin:
    """Where a login leads. Raises BadInput before anything is opened."""
    if login.scheme not in ("http", "https"):
        raise BadInput(f"scheme: '{login.scheme}' is neither http nor https")
    if not _HOST.fullmatch(login.host):
        raise BadInput(f"host: '{login.host}' is no host name or address")
    try:
        login.host.encode("idna")  # as the resolver and the TLS handshake will
    except UnicodeError as error:
        raise BadInput(f"host: '{login.host}' is no host name: {error}") from None
    if not 0 < login.port < 65536:
        raise BadInput(f"port: {login.port} is not between 1 and 65535")
    if login.tls_fingerprint is not None:
        _normal_pin(login.tls_fingerprint)
        if login.scheme == "http":
            raise BadInput("tls_fingerprint: it cannot be checked over http; use https or leave it out")
    return Origin(login.scheme, login.host.strip("[]"), login.port)


def _normal_pin(pin: str) -> str:
    text = _SHA256_NAME.sub("", pin.strip())
    text = _BETWEEN_OCTETS.sub("", text).lower()
    if not _SHA256.fullmatch(text):
        raise BadInput(
            f"tls_fingerprint: '{pin}' is not a SHA-256 fingerprint; it has 64 hexadecimal digits, colons may stand between them"
        )
    return text


def fingerprint(certificate: bytes) -> str:
    """SHA-256 of a certificate (DER), written as browsers and openssl do."""
    return hashlib.sha256(certificate).digest().hex(":").upper()


@functools.lru_cache(maxsize=32)
def tls_context(verify: bool, ca_file: str | None, legacy_tls: bool) -> ssl.SSLContext:
    """One context for each way of checking; forks inherit it, so the bundle of authorities is read once. Raises BadInput."""
    if verify:
        try:
            context = ssl.create_default_context(cafile=os.path.expanduser(ca_file) if ca_file else None)
        except OSError as error:  # ssl.SSLError, when the file has no certificate in it, is one too
            raise BadInput(f"ca_file: {ca_file} cannot be used: {error.strerror or error}") from None
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if not legacy_tls:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
    with warnings.catch_warnings():  # Python deprecates what old routers have nothing better than
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.options |= _OP_LEGACY_SERVER_CONNECT
    return context


def left(deadline: float) -> float:
    """Seconds until a deadline of the monotonic clock. Raises socket.timeout when it has passed."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise socket.timeout("deadline")
    return seconds


class Wire:
    """An open line. Each single wait ends at `deadline`, so a device that drips bytes cannot prolong it."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self.deadline = deadline
        self.received = 0
        """Bytes that came since it was last set to 0."""

    def send(self, data: bytes) -> None:
        """Raises socket.timeout, OSError."""
        rest = memoryview(data)
        while rest:
            self._sock.settimeout(left(self.deadline))
            sent = self._sock.send(rest)
            rest = rest[sent:]

    def receive_into(self, buffer: memoryview) -> int:
        """Raises socket.timeout, OSError; 0 at the end."""
        self._sock.settimeout(left(self.deadline))
        count = self._sock.recv_into(buffer)
        self.received += count
        return count

    def makefile(self, mode: str) -> io.BufferedReader:  # pylint: disable=unused-argument
        """What http.client's reader of answers asks a socket for; closing it leaves the line open."""
        return io.BufferedReader(_Reader(self))

    def alive(self) -> bool:
        """Whether the idle line is still open; anything readable now is its end, or is not the answer to a request of ours."""
        try:
            self._sock.settimeout(0)
            self._sock.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Never raises."""
        try:
            self._sock.close()
        except OSError:
            self.deadline = 0.0


class _Reader(io.RawIOBase):
    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override,unused-ignore]
        return self._wire.receive_into(buffer)


def connect(login: HttpLogin, origin: Origin, deadline: float, asked: str) -> Wire:
    """An open line on which not one byte of a request was sent. `asked` opens every message.

    Raises Unreachable, DeviceTimeout, HostKeyRefused, BadInput.
    """
    until = min(deadline, time.monotonic() + login.connect_timeout)
    if origin.scheme == "http":
        return Wire(_tcp(origin, until, asked), deadline)
    verify = login.verify and login.tls_fingerprint is None
    context = tls_context(verify, login.ca_file if verify else None, login.legacy_tls)
    secured = _tls(context, login, origin, until, asked)
    if login.tls_fingerprint is not None:
        seen = fingerprint(secured.getpeercert(binary_form=True) or b"")
        if _normal_pin(seen) != _normal_pin(login.tls_fingerprint):
            secured.close()
            raise HostKeyRefused(
                f"{asked}: the certificate has the SHA-256 fingerprint {seen}, pinned is {login.tls_fingerprint}: "
                "another device answers there, or its certificate was replaced. "
                "Nothing was sent. If the change is known, correct voip_edge_tls_fingerprint"
            )
    return Wire(secured, deadline)


def _tcp(origin: Origin, until: float, asked: str) -> socket.socket:
    """The first of the host's addresses that answers; a silent one does not use up the time of the others."""
    seconds = max(0.0, until - time.monotonic())
    try:
        found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{asked}: the name {origin.host} cannot be resolved: {error}") from None
    why = "no address"
    for number, info in enumerate(found):
        sock = socket.socket(*info[:3])
        try:
            sock.settimeout(left(until) / (len(found) - number))
            sock.connect(info[4])
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except socket.timeout:
            why = f"no answer within {seconds:.3g} s"
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return sock
        sock.close()
    raise Unreachable(f"{asked}: cannot connect: {why}")


def _shake(context: ssl.SSLContext, origin: Origin, until: float, asked: str) -> ssl.SSLSocket:
    """Raises Unreachable without a connection; then OSError as the ssl module does."""
    sock = _tcp(origin, until, asked)
    try:
        sock = secured = context.wrap_socket(sock, server_hostname=origin.host, do_handshake_on_connect=False)
        secured.settimeout(left(until))
        secured.do_handshake()
    except OSError:
        sock.close()
        raise
    return secured


def _tls(context: ssl.SSLContext, login: HttpLogin, origin: Origin, until: float, asked: str) -> ssl.SSLSocket:
    try:
        return _shake(context, origin, until, asked)
    except ssl.SSLCertVerificationError as error:
        raise HostKeyRefused(_unverified(error.verify_message, login, origin, until, asked)) from None
    except socket.timeout:
        raise DeviceTimeout(f"{asked}: the TLS handshake did not end within {login.connect_timeout:g} s") from None
    except OSError as error:
        raise Unreachable(f"{asked}: {_handshake_failure(error, login)}") from None


def _handshake_failure(error: OSError, login: HttpLogin) -> str:
    reason = (getattr(error, "reason", None) or error.strerror or str(error)).upper().replace(" ", "_")
    if any(word in reason for word in _NO_TLS):
        return f"it does not speak TLS on this port ({reason}); is it the port for plain http (scheme: http)?"
    hint = ""
    closed = isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError))
    if closed:
        reason = "the device closed the connection"
    if closed and not login.legacy_tls:
        hint = ". If the device is old and knows only TLS 1.0 or 1.1, set legacy_tls: true (voip_edge_legacy_tls)"
    elif not login.legacy_tls and any(word in reason for word in _OLD_TLS):
        hint = (
            ". The device seems to know only old TLS, or weak keys; legacy_tls: true (voip_edge_legacy_tls) allows that"
        )
    return f"the TLS handshake failed ({reason}){hint}"


def _unverified(why: str, login: HttpLogin, origin: Origin, until: float, asked: str) -> str:
    """A failed check hides the certificate: a second line, on which nothing is sent either, shows whose it is."""
    seen = None
    try:
        with _shake(tls_context(False, None, login.legacy_tls), origin, until, asked) as secured:
            seen = fingerprint(secured.getpeercert(binary_form=True) or b"")
    except (Unreachable, OSError) as error:
        why += f" ({error})"
    text = f"{asked}: the certificate was not accepted: {why}. Nothing was sent. "
    if seen is None:
        return text + "Its fingerprint could not be read; pin it with voip_edge_tls_fingerprint, or give ca_file"
    return (
        text + f"Its SHA-256 fingerprint is {seen}. Compare it with the device, "
        f'then set voip_edge_tls_fingerprint: "{seen}", or give ca_file'
    )
