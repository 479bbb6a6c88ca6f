# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers (SSH, telnet, HTTPS) on the loopback for any number of devices: one process, one loop, one thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Callable, TypeVar

import asyncssh

from .device import Device, Reply, Session
from .http_server import Certificate, HttpServer, dropper
from .platforms import make_device

T = TypeVar("T")

LEGACY_KEX = ("diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1")
# The default list of the SSH library, which ends with group14-sha1, plus nothing: what a maintained router offers.
MODERN_KEX = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group14-sha1",
)


class Terminal:
    """The line discipline between a byte stream and a session: echo, line ends, erase keys, pager keys, delays."""

    def __init__(
        self,
        session: Session,
        write: Callable[[str], None],
        close: Callable[[], None],
        abort: Callable[[], None],
        latency: float = 0.0,
    ) -> None:
        self.session = session
        self._write = write
        self._close = close
        self._abort = abort
        self._latency = latency
        self._input = ""
        self._typed = ""
        self._last = ""
        self._busy = False
        self._dead = False
        self._loop = asyncio.get_running_loop()

    def start(self) -> None:
        self.session.attach(self._drop)
        self._put(self.session.greet().text)

    def _drop(self) -> None:
        """Called from any thread: a reboot, or the end of the lab."""
        self._loop.call_soon_threadsafe(self._cut)

    def end(self) -> None:
        """The connection is gone."""
        self._dead = True
        self.session.detach()

    def feed(self, text: str) -> None:
        self._input += text
        self._pump()

    def _put(self, text: str) -> None:
        if text and not self._dead:
            self._write(text)

    def _cut(self) -> None:
        self._dead = True
        self._abort()

    def _pump(self) -> None:
        while self._input and not self._busy and not self._dead:
            if self.session.wants == "key":
                char, self._input = self._input[0], self._input[1:]
                self._last = char
                self._put(self.session.key(char).text)
            else:
                self._take_typed()

    def _take_typed(self) -> None:
        """Take input up to the end of a line; the echo goes out before the answer is worked out."""
        echo = ""
        for index, char in enumerate(self._input):
            previous, self._last = self._last, char
            if char == "\x00" or (char == "\n" and previous == "\r"):
                continue
            if char in "\r\n\x1a\x03":
                self._input = self._input[index + 1 :]
                self._put(echo)
                self._enter(char)
                return
            echo += self._edit(char)
        self._input = ""
        self._put(echo)

    def _edit(self, char: str) -> str:
        hidden = self.session.wants == "secret"
        if char in "\x08\x7f":
            erased, self._typed = bool(self._typed), self._typed[:-1]
            return "\b \b" if erased and not hidden else ""
        if char == "\x15":
            count, self._typed = len(self._typed), ""
            return "" if hidden else "\b \b" * count
        if char < " " and char != "\t":
            return ""
        self._typed += char
        return self.session.secret_echo if hidden else char

    def _enter(self, char: str) -> None:
        typed, self._typed = self._typed, ""
        if char == "\x03":
            self._put("^C" + self.session.echo_end + self.session.prompt())
            return
        if char == "\x1a":
            typed = "end"
        self._put(("^Z" if char == "\x1a" else "") + self.session.echo_end)
        reply = self.session.line(typed)
        if reply.cut:
            self._cut()
            return
        if reply.hang:
            self._busy = True
            return
        delay = self._latency + reply.delay
        if delay > 0:
            self._busy = True
            self._loop.call_later(delay, self._deliver, reply)
        else:
            self._deliver(reply)

    def _deliver(self, reply: Reply) -> None:
        self._busy = False
        self._put(reply.text)
        for wait, text in reply.later:
            self._loop.call_later(wait, self._put, text)
        if reply.close:
            self._dead = True
            self._close()
            return
        self._pump()


class _Shell(asyncssh.SSHServerSession[str]):
    """An interactive channel of a device. Commands by ``exec`` and subsystems are refused, as on most routers."""

    def __init__(self, device: Device, user: str, latency: float) -> None:
        self._device = device
        self._user = user
        self._latency = latency
        self._terminal: Terminal | None = None
        self._chan: Any = None

    def connection_made(self, chan: Any) -> None:
        self._chan = chan

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Any) -> bool:
        return True

    def shell_requested(self) -> bool:
        return True

    def session_started(self) -> None:
        def close() -> None:
            self._chan.exit(0)
            self._chan.get_connection().close()

        def abort() -> None:
            self._chan.get_connection().abort()

        session = self._device.open(self._user)
        self._terminal = Terminal(session, self._chan.write, close, abort, self._latency)
        self._terminal.start()

    def data_received(self, data: str, datatype: Any) -> None:
        if self._terminal is not None:
            self._terminal.feed(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._terminal is not None:
            self._terminal.end()


class _Front(asyncssh.SSHServer):
    """The log-in of one connection."""

    def __init__(self, device: Device, lab: Lab) -> None:
        self._device = device
        self._lab = lab
        self._user = ""
        self._conn: Any = None
        self._keys_tried: set[bytes] = set()

    def connection_made(self, conn: Any) -> None:
        self._conn = conn
        self._lab._connections.add(conn)
        with contextlib.suppress(OSError):
            conn.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lab._connections.discard(self._conn)

    def begin_auth(self, username: str) -> bool:
        self._user = username
        if self._device.login.banner:
            self._conn.send_auth_banner(self._device.login.banner.replace("\n", "\r\n"))
        return True

    def password_auth_supported(self) -> bool:
        return self._device.login.auth == "password"

    async def validate_password(self, username: str, password: str) -> bool:
        return await self._judge(username, password)

    def kbdint_auth_supported(self) -> bool:
        return self._device.login.auth == "keyboard-interactive"

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return "", "", "", [("Password: ", False)]

    async def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        return await self._judge(username, responses[0] if responses else "")

    def public_key_auth_supported(self) -> bool:
        return self._device.login.public_key is not None

    def validate_public_key(self, username: str, key: Any) -> bool:
        data = key.public_data
        if data not in self._keys_tried:
            self._keys_tried.add(data)
            self._device.login_attempts += 1
        wanted = asyncssh.import_public_key(self._device.login.public_key or "")
        return bool(username == self._device.user and data == wanted.public_data)

    def session_requested(self) -> _Shell:
        return _Shell(self._device, self._user, self._lab.latency[1])

    async def _judge(self, user: str, password: str) -> bool:
        if self._lab.latency[0] > 0:
            await asyncio.sleep(self._lab.latency[0])
        return self._device.check_password(user, password)


class _Telnet(asyncio.Protocol):
    """A telnet line: option bytes are taken out, then user name and password are asked, then the shell."""

    OPTIONS = b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18"  # will echo, will suppress go-ahead, do terminal type

    def __init__(self, device: Device, lab: Lab) -> None:
        self._device = device
        self._lab = lab
        self._transport: Any = None
        self._terminal: Terminal | None = None
        self._pending = b""
        self._user: str | None = None
        self._typed = ""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        transport.write(self.OPTIONS + b"\r\n" + (self._device.login.banner or "").encode() + b"\r\n")
        self._write(self._device.telnet_user_prompt)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._terminal is not None:
            self._terminal.end()

    def data_received(self, data: bytes) -> None:
        text = self._strip(self._pending + data)
        if self._terminal is not None:
            self._terminal.feed(text)
            return
        for index, char in enumerate(text):
            if char in "\r\n":
                terminal = self._entered()
                if terminal is not None:
                    terminal.feed(text[index + 1 :].lstrip("\n\x00"))
                    return
            elif char >= " ":
                self._typed += char
                if self._user is None:
                    self._write(char)

    def _strip(self, data: bytes) -> str:
        """Take out the option commands; an unfinished one waits for more."""
        out = bytearray()
        index = 0
        while index < len(data):
            if data[index] != 0xFF:
                out.append(data[index])
                index += 1
                continue
            command = data[index + 1 : index + 2]
            length = 2 if command == b"\xff" or not command >= b"\xfa" else 3
            if command == b"\xfa":
                end = data.find(b"\xff\xf0", index)
                length = end + 2 - index if end >= 0 else len(data) + 1
            if index + length > len(data):
                break
            index += length
        self._pending = bytes(data[index:])
        return out.decode("utf-8", "replace")

    def _entered(self) -> Terminal | None:
        typed, self._typed = self._typed, ""
        if self._user is None:
            if typed:
                self._user = typed
                self._write("\r\nPassword: ")
            return None
        user, self._user = self._user, None
        if not self._device.check_password(user, typed):
            self._write("\r\n% Login invalid\r\n\r\n" + self._device.telnet_user_prompt)
            return None
        self._write("\r\n")
        session = self._device.open(user)
        self._terminal = Terminal(
            session, self._write, self._transport.close, self._transport.abort, self._lab.latency[1]
        )
        self._terminal.start()
        return self._terminal

    def _write(self, text: str) -> None:
        self._transport.write(text.encode())


class Lab:
    """A set of served devices. Use it as a context manager; devices may be added at any time.

    :param latency: seconds that a log-in and a command take more than they must.
    """

    def __init__(self, latency: tuple[float, float] = (0.0, 0.0)) -> None:
        self.latency = latency
        self.devices: list[Device] = []
        self._connections: set[Any] = set()
        self._listeners: list[Any] = []
        self._keys: dict[str, Any] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab", daemon=True)
        self._thread.start()

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def add(
        self,
        platform: str,
        variant: str,
        name: str | None = None,
        faults: list[str] | tuple[str, ...] = (),
        login: dict[str, Any] | None = None,
        rest: bool = False,
        tls: bool | None = None,
        old_tls: bool = False,
    ) -> Any:
        """Make a device and serve it. ``login`` overrides fields of :class:`~.device.Login`.

        :param rest: serve the web interface of a device that has SSH, too; one that has nothing else needs no word.
        :param tls: whether the web interface speaks TLS, instead of what such devices do; ``old_tls``: TLS 1.0 and 1.1 only.
        """
        device = make_device(
            platform, variant, name or f"{platform.split('_')[-1]}{len(self.devices) + 1}", faults, login
        )
        if rest:
            device.add_web_door()
        if not device.web_only:
            self._call(self._serve(device))
        if getattr(device, "door", None) is not None:
            self._call(self._serve_http(device, device.tls if tls is None else tls, old_tls))
        self.devices.append(device)
        return device

    def stop(self) -> None:
        """Close everything; may be called twice."""
        if not self._thread.is_alive():
            return
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=60)

    def _key(self, device: Device) -> Any:
        kind = "ssh-rsa" if device.login.legacy_kex else "ssh-ed25519"
        if device.login.own_host_key:
            return asyncssh.generate_private_key(kind)
        if kind not in self._keys:
            self._keys[kind] = asyncssh.generate_private_key(kind)
        return self._keys[kind]

    async def _serve(self, device: Device) -> None:
        key = self._key(device)
        legacy = device.login.legacy_kex
        listener = await asyncssh.create_server(
            lambda: _Front(device, self),
            device.host,
            0,
            server_host_keys=[key],
            kex_algs=list(LEGACY_KEX if legacy else MODERN_KEX),
            signature_algs=["ssh-rsa"] if legacy else (),
            encoding="utf-8",
            errors="replace",
            line_editor=False,
            login_timeout=120,
            gss_host=None,
            allow_scp=False,
            agent_forwarding=False,
            compression_algs=["none"],
        )
        self._listeners.append(listener)
        device.port = listener.get_port()
        device.host_key = key.get_fingerprint("sha256")
        public = key.export_public_key("openssh").decode().split()
        device.known_hosts_line = f"[{device.host}]:{device.port} {public[0]} {public[1]}"
        if device.login.telnet:
            telnet = await self._loop.create_server(lambda: _Telnet(device, self), device.host, 0)
            self._listeners.append(telnet)
            device.telnet_port = telnet.sockets[0].getsockname()[1]

    def _certificate(self, device: Device) -> Certificate:
        if device.login.own_host_key:
            return Certificate()
        if "tls" not in self._keys:
            self._keys["tls"] = Certificate()
        certificate: Certificate = self._keys["tls"]
        return certificate

    async def _serve_http(self, device: Any, tls: bool, old_tls: bool) -> None:
        server = HttpServer(device.door, self.latency, self._connections)
        certificate = self._certificate(device)
        device.http_port = await server.start(device.host, certificate.context(old_tls) if tls else None)
        device.port = device.port or device.http_port
        device.tls_fingerprint = certificate.fingerprint if tls else ""
        device.tls_certificate = certificate.pem if tls else ""
        device.web = server
        device.hang_up = dropper(self._loop, server)
        self._listeners.append(server)

    async def _close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for connection in list(self._connections):
            connection.abort()
        for device in self.devices:
            for session in list(device.sessions):
                session.drop()
        await asyncio.sleep(0.02)
