# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP/1.1 server on the lab's event loop, with or without TLS, and what all simulated web interfaces share.

A *door* turns requests into responses and knows nothing of sockets; the server carries it. Faults that concern the
line (hang, cut, half an answer) are carried out here, so they look the same on every platform.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import ipaddress
import json
import ssl
import tempfile
import time
import urllib.parse
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_BODY = 4 * 1024 * 1024
REASONS = {
    200: "OK",
    301: "Moved Permanently",
    302: "Found",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    413: "Payload Too Large",
    424: "Failed Dependency",
    429: "Too Many Requests",
    500: "Internal Server Error",
}
HTML = b"<!DOCTYPE html><html><head><title>Login</title></head><body><h1>Please log in</h1></body></html>\n"


class HttpWrite(NamedTuple):
    """A request that would change something. The first three fields are those of a command line's ``Write``."""

    line: str
    scope: str
    when: float
    method: str
    path: str
    body: Any
    accepted: bool


@dataclass
class Request:
    """One request. ``path`` is decoded and without the query; ``target`` is what stood in the request line."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = "127.0.0.1"

    @property
    def path(self) -> str:
        return urllib.parse.unquote(self.target.partition("?")[0])

    @property
    def query(self) -> dict[str, list[str]]:
        return urllib.parse.parse_qs(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def cookies(self) -> dict[str, str]:
        pairs = (part.strip().partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name: value for name, sep, value in pairs if sep}

    def json(self) -> Any:
        """The body as JSON, or None when there is none; raises ValueError for what is no JSON."""
        return json.loads(self.body.decode("utf-8")) if self.body.strip() else None


@dataclass
class Response:
    """One answer, and what happens to the connection: ``cut`` drops it, ``half`` drops it amid the body."""

    status: int = 200
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    kind: str = "application/json; charset=UTF-8"
    delay: float = 0.0
    hang: bool = False
    cut: bool = False
    half: bool = False
    login: bool = False


def as_json(status: int, value: Any, headers: list[tuple[str, str]] | None = None) -> Response:
    return Response(status, json.dumps(value).encode(), list(headers or []))


class Door:
    """A web interface of one device. Subclasses answer with ``handle`` and say what a write is with ``is_write``."""

    base = ""
    server = ""

    def __init__(self, device: Any) -> None:
        self.device = device
        self.since_login = 0

    # -- in the subclasses ----------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        raise NotImplementedError

    def is_login(self, request: Request) -> bool:
        """Log-ins and log-outs: never a write, not counted by ``cut``."""
        raise NotImplementedError

    def is_write(self, request: Request) -> bool:
        """The questions by which other families are recognised change nothing, here and there."""
        asks = request.path == "/getcfg.php" or request.headers.get("x-jnap-action", "").endswith("/GetDeviceInfo")
        return request.method not in ("GET", "HEAD", "OPTIONS") and not self.is_login(request) and not asks

    def accepted(self, response: Response) -> bool:
        return response.status < 400

    def pretend(self, request: Request) -> Response:
        """The answer to a write that is swallowed by a fault."""
        raise NotImplementedError

    # -- called by the server -------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Response:
        with self.device.lock:
            self.device.note_line(f"{request.method} {request.target}")
            response = self._answer(request)
            if self.is_write(request):
                self._journal(request, self.accepted(response))
            for arg in self.device.faults.args("slow"):
                response.delay += float(arg)
            response.login = self.is_login(request)
            return response

    # -- inside ---------------------------------------------------------------------------------------------------

    def short(self, path: str) -> str:
        """The path below the interface's base, with one slash in front."""
        return "/" + path[len(self.base) :].strip("/") if path.startswith(self.base) else path

    def hits(self, name: str, request: Request) -> bool:
        """Is there a fault ``name:[METHOD] PATH-PREFIX`` for this request?"""
        return any(self._matches(arg.partition("|")[0], request) for arg in self.device.faults.args(name))

    def _matches(self, arg: str, request: Request) -> bool:
        words = arg.split(maxsplit=1)
        if words and words[0].upper() in METHODS:
            if words[0].upper() != request.method:
                return False
            words = words[1:]
        prefix = "/" + words[0].strip("/") if words else "/"
        return self.short(request.path).lower().startswith(prefix.lower())

    def _answer(self, request: Request) -> Response:
        faults = self.device.faults
        if not self.is_login(request):
            self.since_login += 1
        count = -1 if self.is_login(request) else self.since_login
        if str(count) in faults.args("cut"):
            return Response(status=599, cut=True)
        if self.hits("hang", request):
            return Response(status=599, hang=True)
        if self.hits("http500", request):
            return Response(500, b"<html><body>Internal Server Error</body></html>", kind="text/html")
        if self.is_write(request) and (faults.has("ignore_writes") or self.hits("ignore", request)):
            response = self.pretend(request)
        else:
            response = self.handle(request)
        if str(count) in faults.args("cut_after"):
            response.cut = True
        return self._spoil(request, response)

    def _spoil(self, request: Request, response: Response) -> Response:
        for arg in self.device.faults.args("lie"):
            prefix, _sep, change = arg.partition("|")
            old, _sep, new = change.partition("|")
            if self._matches(prefix, request):
                response.body = response.body.replace(old.encode(), new.encode())
        if self.hits("garble", request):
            response.body, response.kind = HTML, "text/html"
        if self.hits("short", request):
            response.body = response.body[: len(response.body) // 2]
        response.half = response.half or self.hits("truncate", request)
        return response

    def _journal(self, request: Request, accepted: bool) -> None:
        try:
            body = request.json()
        except ValueError:
            body = request.body.decode("utf-8", "replace")
        path = self.short(request.path)
        query = request.target.partition("?")[2]
        line = f"{request.method} {path}" + (f"?{query}" if query else "")
        if body is not None:
            line += " " + json.dumps(body, separators=(",", ":"))
        scope = "accepted" if accepted else "refused"
        write = HttpWrite(line, scope, time.time(), request.method, path, body, accepted)
        self.device._journal.append(write)
        for listener in self.device.on_write:
            listener(self.device, write)


class Certificate:
    """A self-signed certificate for the loopback, and the server contexts made of it."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "router.example")])
        now = datetime.datetime(2024, 1, 1)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now.replace(year=2044))
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()
        self.fingerprint = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()
        self._key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._contexts: dict[bool, ssl.SSLContext] = {}

    def context(self, old: bool = False) -> ssl.SSLContext:
        """``old``: TLS 1.0 and 1.1 only, as routers of that age."""
        if old not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "both.pem"
                path.touch(mode=0o600)
                path.write_bytes(self._key + self.pem.encode())
                context.load_cert_chain(path)
            if old:
                context.set_ciphers("ALL:@SECLEVEL=0")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # old on purpose
                    context.minimum_version = ssl.TLSVersion.TLSv1
                    context.maximum_version = ssl.TLSVersion.TLSv1_1
            self._contexts[old] = context
        return self._contexts[old]


class HttpServer:
    """Serves one door. ``latency``: seconds more for a log-in, for any other request."""

    def __init__(self, door: Door, latency: tuple[float, float], connections: set[Any]) -> None:
        self._door = door
        self._latency = latency
        self._all = connections
        self._own: set[Any] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[Any] = set()
        self.connections_seen = 0

    async def start(self, host: str, context: ssl.SSLContext | None) -> int:
        """Listen on a port that the system chooses; returns it."""
        self._server = await asyncio.start_server(self._talk, host, 0, ssl=context, limit=MAX_BODY)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()

    def drop(self) -> None:
        """Drop all connections; on the loop's own thread."""
        for transport in list(self._own):
            transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        transport = writer.transport
        self._own.add(transport)
        self._all.add(transport)
        self._tasks.add(asyncio.current_task())
        self.connections_seen += 1
        peer = (writer.get_extra_info("peername") or ["127.0.0.1"])[0]
        errors = (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError)
        try:
            with contextlib.suppress(*errors):
                while await self._one(reader, writer, peer):
                    pass
        finally:
            self._own.discard(transport)
            self._all.discard(transport)
            self._tasks.discard(asyncio.current_task())
            with contextlib.suppress(*errors):
                writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> bool:
        """One request and its answer; returns whether the connection stays."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, _sep, rest = head.partition("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            await send(writer, Response(400), "", False)
            return False
        pairs = (line.partition(":") for line in rest.split("\r\n") if line)
        headers = {name.strip().lower(): value.strip() for name, sep, value in pairs if sep}
        request = Request(words[0].upper(), words[1], headers, await body_of(reader, headers), peer)
        response = self._door.answer(request)
        if response.hang:
            await reader.read()  # until the client gives up
            return False
        delay = response.delay + self._latency[0 if response.login else 1]
        if delay > 0:
            await asyncio.sleep(delay)
        if response.cut:
            writer.transport.abort()
            return False
        keep = headers.get("connection", "").lower() != "close" and words[2] == "HTTP/1.1" and not response.half
        await send(writer, response, self._door.server, keep, request.method == "HEAD")
        return keep


async def body_of(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            size = int((await reader.readuntil(b"\r\n")).split(b";", maxsplit=1)[0], 16)
            chunk = await reader.readexactly(size + 2)
            body += chunk[:-2]
            if size == 0:
                return body
    length = headers.get("content-length", "0")
    return await reader.readexactly(min(int(length), MAX_BODY)) if length.isdigit() else b""


async def send(
    writer: asyncio.StreamWriter, response: Response, server: str, keep: bool, head_only: bool = False
) -> None:
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Other')}"]
    headers = [("Server", server), *response.headers, ("Content-Length", str(len(response.body)))]
    if response.body:
        headers.append(("Content-Type", response.kind))
    headers.append(("Connection", "keep-alive" if keep else "close"))
    lines += [f"{name}: {value}" for name, value in headers if value]
    body = response.body[: len(response.body) // 2] if response.half else response.body
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (b"" if head_only else body))
    await writer.drain()


def dropper(loop: asyncio.AbstractEventLoop, server: HttpServer) -> Callable[[], None]:
    """A function that drops the server's connections, to be called from any thread."""

    def drop() -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(server.drop)

    return drop
