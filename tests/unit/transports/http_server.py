# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small HTTP servers on loopback for the tests of the transport. Each is a function that talks on one connection."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import socket
import ssl
import struct
import threading
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, HttpSession


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Talk:
    """One accepted connection, seen from the server."""

    def __init__(self, sock: socket.socket, server: Server) -> None:
        self.sock = sock
        self.server = server
        self.number = server.connections
        self._file = sock.makefile("rb")

    def request(self) -> Request | None:
        """The next request, None at the end of the connection."""
        line = self._file.readline().decode("utf-8").split()
        if not line:
            return None
        headers: dict[str, str] = {}
        while True:
            field = self._file.readline().decode("utf-8").rstrip("\r\n")
            if not field:
                break
            name, value = field.split(": ", 1)
            headers[name.lower()] = value
        body = self._file.read(int(headers.get("content-length", "0")))
        request = Request(line[0], line[1], headers, body)
        self.server.requests.append(request)
        return request

    def send(self, raw: bytes) -> None:
        self.sock.sendall(raw)

    def reply(self, status: int, body: bytes = b"", *fields: str) -> None:
        head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *fields]
        self.send("\r\n".join(head).encode("utf-8") + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """Hangs up with a TCP reset instead of an orderly end."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Server:
    """Accepts on a port of the system's choice until it is left; one thread a connection."""

    def __init__(self, handler: Callable[[Talk], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.sessions: list[HttpSession] = []
        self.connections = 0
        self._handler, self._tls = handler, tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        for asking in self.sessions:
            asking.close()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def wait(self, seconds: float) -> bool:
        """Waits, but not longer than the test; False when the test is over."""
        return not self._ended.wait(seconds)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock = self._listener.accept()[0]
                sock.settimeout(5)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            try:
                if self._tls:
                    sock = self._tls.wrap_socket(sock, server_side=True)
                talk = Talk(sock, self)
                self._handler(talk)
                talk._file.close()
            finally:
                sock.close()


def serving(answer: Callable[[Talk, Request], None]) -> Callable[[Talk], None]:
    """A handler that answers request after request on a kept connection."""

    def handler(talk: Talk) -> None:
        while True:
            request = talk.request()
            if request is None:
                return
            answer(talk, request)

    return handler


def saying(status: int, body: bytes = b"", *fields: str) -> Callable[[Talk], None]:
    return serving(lambda talk, request: talk.reply(status, body, *fields))


def silent(talk: Talk) -> None:
    """A handler that accepts the connection, and that is all."""
    talk.server.wait(5)


def raw(data: bytes) -> Callable[[Talk], None]:
    """A handler that answers one request by these bytes and hangs up."""

    def handler(talk: Talk) -> None:
        talk.request()
        talk.send(data)

    return handler


def session(server: Server, limit: int | None = None, **more: Any) -> HttpSession:
    """A session with a server; it is closed with it."""
    options: dict[str, Any] = {"host": "127.0.0.1", "port": server.port, "scheme": "http", "timeout": 3.0, **more}
    login = HttpLogin(**options)
    server.sessions.append(HttpSession(login) if limit is None else HttpSession(login, limit))
    return server.sessions[-1]


def ended(asking: HttpSession) -> bool:
    """Waits until the kept connection of a session is of no more use."""
    wire, until = asking._wire, time.monotonic() + 5
    while wire is not None and wire.alive() and time.monotonic() < until:
        time.sleep(0.005)
    return wire is not None and time.monotonic() < until


class Identity(NamedTuple):
    context: ssl.SSLContext
    file: str
    fingerprint: str


def make_identity(folder: Path, name: str) -> Identity:
    """A certificate of its own for localhost, with a server context that shows it."""
    x509 = pytest.importorskip("cryptography.x509")
    hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    today = datetime.datetime(2024, 1, 1)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    ours = key.public_key()
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(ours)
        .serial_number(x509.random_serial_number())
        .not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName(names), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .add_extension(usage, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ours), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ours), False)
        .sign(key, hashes.SHA256())
    )
    path, secret = folder / f"{name}.pem", folder / f"{name}.key"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, secret)
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Identity(context, str(path), hashlib.sha256(der).hexdigest())
