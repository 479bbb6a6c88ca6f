# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections by SSH (or, only when asked for, telnet) on netmiko and paramiko. Nothing is written while connecting."""

from __future__ import annotations

import base64
import codecs
import contextlib
import hashlib
import logging
import os
import re
import selectors
import shlex
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Any

from ..core.errors import (
    BadInput,
    ConnectionLost,
    DeviceTimeout,
    EdgeError,
    HostKeyRefused,
    LoginRefused,
    MissingLibrary,
    Unreachable,
)

try:
    import paramiko
    from netmiko.base_connection import BaseConnection
    from netmiko.exceptions import NetmikoAuthenticationException
    from paramiko.proxy import ProxyCommand

    NETMIKO_ERROR = ""
    # Without a handler of its own paramiko prints tracebacks to the standard error of Ansible's worker.
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    logging.getLogger("paramiko").propagate = False
except ImportError as _error:  # the module that runs on a delegate reports it by name
    NETMIKO_ERROR = str(_error)
    BaseConnection = ProxyCommand = object  # type: ignore[assignment,misc,unused-ignore]
    paramiko = None  # type: ignore[assignment,unused-ignore]

# group16 costs three times the CPU of group14 for each login; both are safe
_SLOW_KEX = "diffie-hellman-group16-sha512"


@dataclass(frozen=True)
class Login:
    """How to reach and enter a device. Times in seconds. Secrets never appear in its text."""

    host: str
    port: int
    user: str
    password: str | None = None
    private_key_file: str | None = None
    private_key_passphrase: str | None = None
    use_agent: bool = False
    host_key_checking: bool = True
    host_key: str | None = None
    known_hosts_file: str | None = None
    proxy_command: str | None = None
    connect_timeout: float = 10.0
    telnet: bool = False

    def __repr__(self) -> str:
        return f"Login({self.user}@{self.host}:{self.port})"


def fingerprint(key: Any) -> str:
    """OpenSSH's SHA256 fingerprint of a paramiko key."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


class _HostKeys:
    """paramiko's policy for a key that known_hosts does not decide: a pin decides, else it is refused."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        seen = fingerprint(key)
        if self._login.host_key:  # a pin counts even where checking is switched off
            if seen != _normal_pin(self._login.host_key):
                raise HostKeyRefused(
                    f"{hostname} shows the host key {seen}, pinned is {self._login.host_key}: "
                    "another device answers there, or its key was replaced. "
                    "Nothing was sent. If the change is known, correct voip_edge_host_key"
                )
            return
        if not self._login.host_key_checking:
            return
        raise HostKeyRefused(
            f"the host key of {hostname} is not in known_hosts: {key.get_name()} {seen}. "
            "Compare it with the device, then add it to known_hosts "
            f"or set voip_edge_host_key: {seen}"
        )


def _normal_pin(pin: str) -> str:
    text = pin.strip()
    return (text if text.startswith("SHA256:") else "SHA256:" + text).rstrip("=")


class _Connection(BaseConnection):  # type: ignore[misc,unused-ignore]
    """netmiko's connection without its habits of writing to the device while connecting."""

    def __init__(self, login: Login, sock: Any) -> None:
        self.login = login
        super().__init__(
            host=login.host,
            port=login.port,
            username=login.user,
            password=login.password or "",
            device_type="generic_telnet" if login.telnet else "generic",
            use_keys=login.use_agent,
            allow_agent=login.use_agent,
            pkey=_key(login),
            conn_timeout=login.connect_timeout,
            auth_timeout=login.connect_timeout,
            banner_timeout=login.connect_timeout,
            sock=sock,
            auto_connect=False,
        )

    def telnet_login(self, *args: Any, **kwargs: Any) -> str:  # pylint: disable=unused-argument
        """Left to the session: netmiko's own repeats the secret and sends line ends on its own."""
        return ""

    def _connect_params_dict(self) -> dict[str, Any]:
        params: dict[str, Any] = super()._connect_params_dict()
        params["transport_factory"] = _transport
        if not params["password"]:
            params["password"] = None
        return params

    def _build_ssh_client(self) -> Any:
        client = paramiko.SSHClient()
        if self.login.host_key_checking and not self.login.host_key:
            for path in _known_hosts(self.login):
                _load_known_hosts(client.get_host_keys(), path)
        client.set_missing_host_key_policy(_HostKeys(self.login))  # type: ignore[arg-type,unused-ignore]
        return client


def _transport(sock: Any, **kwargs: Any) -> Any:
    transport = paramiko.Transport(sock, **kwargs)
    options = transport.get_security_options()
    kex = [k for k in options.kex if k != _SLOW_KEX]
    if len(kex) < len(options.kex):
        options.kex = [*kex, _SLOW_KEX]
    return transport


def _known_hosts(login: Login) -> list[str]:
    if login.known_hosts_file:
        path = os.path.expanduser(login.known_hosts_file)
        if not os.path.isfile(path):
            raise BadInput(f"known_hosts_file: there is no file {login.known_hosts_file}")
        return [path]
    standard = (os.path.expanduser("~/.ssh/known_hosts"), "/etc/ssh/ssh_known_hosts")
    return [p for p in standard if os.path.isfile(p)]


def _load_known_hosts(keys: Any, path: str) -> None:
    """The entries of a known_hosts file. A line that cannot be used costs only itself; a revoked key is never known.

    Certificate authorities are not believed: paramiko has no host certificates.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            lines = [line.strip() for line in stream if line.strip() and not line.startswith("#")]
    except OSError as error:
        raise BadInput(f"known_hosts_file: {path} cannot be read: {error.strerror or error}") from None
    revoked = {tuple(line.split()[2:4]) for line in lines if line.startswith("@revoked")}
    for line in lines:
        if line.startswith("@") or tuple(line.split()[1:3]) in revoked:
            continue
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line)
        except (paramiko.SSHException, paramiko.hostkeys.InvalidHostKey, ValueError, IndexError):
            continue
        if entry is not None:
            for name in entry.hostnames or ():
                keys.add(name, entry.key.get_name(), entry.key)


class SshChannel:
    """A shell on a device, as the dialogue needs it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._channel = connection.remote_conn
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def receive(self, seconds: float) -> str:
        end, text = time.monotonic() + seconds, ""
        while not text:  # a packet may end inside a character
            try:
                self._channel.settimeout(max(0.0, end - time.monotonic()))
                data = self._channel.recv(65536)
            except socket.timeout:
                return ""
            except (OSError, EOFError) as error:
                raise ConnectionLost(f"the connection broke: {error}") from None
            if not data:
                raise ConnectionLost("the device closed the connection")
            text = self._decode(data)
        return text

    def send(self, text: str) -> None:
        try:
            self._channel.sendall(text.encode("utf-8"))
        except (OSError, EOFError):
            raise ConnectionLost("the device closed the connection") from None

    def close(self) -> None:
        hop = getattr(self._connection, "sock", None)
        self._connection.disconnect()
        if isinstance(hop, _Hop):
            hop.close()


def _readable(sock: socket.socket, seconds: float) -> bool:
    """Whether something comes in that time; select() itself ends at 1024 open files."""
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ)
        return bool(selector.select(seconds))


class TelnetChannel:
    """The same over telnet; option negotiation is netmiko's."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._telnet = connection.remote_conn
        self._kept = ""
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def receive(self, seconds: float) -> str:
        end = time.monotonic() + seconds
        text, self._kept = self._kept, ""
        while not text:
            try:
                data = self._telnet.read_very_eager()
            except (OSError, EOFError):
                raise ConnectionLost("the device closed the connection") from None
            text = self._decode(data) if data else ""
            left = end - time.monotonic()
            if not text and (left <= 0 or not _readable(self._telnet.get_socket(), left)):
                return ""
        return text

    def keep(self, text: str) -> None:
        """Puts text back that belongs to whoever reads next."""
        self._kept = text

    def send(self, text: str, line_end: str = "\r\n") -> None:
        try:
            self._telnet.write(text.replace("\n", line_end).encode("utf-8"))
        except (OSError, EOFError):
            raise ConnectionLost("the device closed the connection") from None

    def close(self) -> None:
        self._connection.disconnect()


def connect(login: Login) -> Any:
    """A channel to a device that has let us in.

    Raises BadInput, MissingLibrary, Unreachable, HostKeyRefused, LoginRefused, ConnectionLost, DeviceTimeout.
    """
    if NETMIKO_ERROR:
        raise MissingLibrary("netmiko", NETMIKO_ERROR)
    _check(login)
    connection = _Connection(login, None)
    if not login.telnet:
        connection.sock = _socket(login)
    try:
        connection.establish_connection()
    except EdgeError:
        _drop(connection)
        raise
    except Exception as error:  # noqa: BLE001 - netmiko and paramiko raise many kinds; all become one of ours
        hop: Any = connection.sock
        ended = hop.process.poll() if isinstance(hop, _Hop) else None
        _drop(connection)
        if ended is not None:
            where = f"{login.host} port {login.port}"
            raise Unreachable(f"{where}: the jump command ended with {ended} before the device answered") from None
        raise _translated(login, error) from None
    if not login.telnet:
        return SshChannel(connection)
    channel = TelnetChannel(connection)
    try:
        _telnet_login(channel, login)
    except EdgeError:
        channel.close()
        raise
    return channel


class _Hop(ProxyCommand):  # type: ignore[misc,unused-ignore]
    """A jump command that is ended and reaped once, whoever closes it: paramiko's own leaves it and its pipes behind.

    No pipe is closed while paramiko's thread reads from it: the next jump command may get its number, and that thread would
    take what is the other's.
    """

    def __init__(self, command_line: str) -> None:
        super().__init__(command_line)
        self._reading = threading.Lock()
        self._ended = False

    def recv(self, size: int) -> bytes:
        with self._reading:
            return b"" if self._ended else bytes(super().recv(size))

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with self._reading:
            self._ended = True
            for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError, ValueError):
                        stream.close()


def _key(login: Login) -> Any:
    """The private key, read here: what paramiko says of a key that it cannot use names the wrong cause."""
    if not login.private_key_file:
        return None
    secret = login.private_key_passphrase
    try:
        passphrase: Any = secret.encode("utf-8") if secret else None
        return paramiko.PKey.from_path(login.private_key_file, passphrase)
    except (paramiko.SSHException, paramiko.pkey.UnknownKeyType, ValueError, TypeError, OSError) as error:
        locked = any(word in str(error).lower() for word in ("encrypted", "password"))
        if not secret and (locked or isinstance(error, paramiko.PasswordRequiredException)):
            raise BadInput(
                f"private_key_passphrase: the key {login.private_key_file} is encrypted and no passphrase is given"
            ) from None
        with_it = " with the passphrase that is given" if secret else ""
        raise BadInput(f"private_key_file: {login.private_key_file} cannot be used{with_it}: {error}") from None


def _drop(connection: Any) -> None:
    try:
        if getattr(connection, "remote_conn_pre", None) is not None:
            connection.paramiko_cleanup()
        if connection.sock is not None:
            connection.sock.close()
    except Exception as error:  # noqa: BLE001 - best effort on a connection that never came about
        logging.getLogger("paramiko").debug("closing: %s", error)


def _check(login: Login) -> None:
    if login.private_key_file and not os.path.isfile(os.path.expanduser(login.private_key_file)):
        raise BadInput(f"private_key_file: there is no file {login.private_key_file}")
    if not (login.telnet or login.password or login.private_key_file or login.use_agent):
        raise BadInput(f"password: none is given for {login.host}, and neither a private_key_file nor use_agent")


def _socket(login: Login) -> Any:
    if login.proxy_command:
        command = login.proxy_command.replace("%h", login.host).replace("%p", str(login.port)).replace("%r", login.user)
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise BadInput(f"proxy_command: '{login.proxy_command}' is not a command: {error}") from None
        if not words:
            raise BadInput("proxy_command: it is empty")
        try:
            return _Hop(command)
        except OSError as error:
            raise Unreachable(f"the jump command '{words[0]}' cannot be started: {error}") from None
    try:
        sock = socket.create_connection((login.host, login.port), timeout=login.connect_timeout)
    except socket.timeout:
        raise Unreachable(f"no answer from {login.host} port {login.port} within {login.connect_timeout:g} s") from None
    except UnicodeError:
        raise BadInput(f"host: '{login.host}' is no host name or address") from None
    except OSError as error:
        raise Unreachable(f"cannot connect to {login.host} port {login.port}: {error.strerror or error}") from None
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _translated(login: Login, error: Exception) -> EdgeError:
    """One of our errors for what netmiko or paramiko raised; netmiko's long texts hide the cause in its context."""
    cause = error.__context__ if isinstance(error.__context__, Exception) else error
    where = f"{login.host} port {login.port}"
    if isinstance(cause, paramiko.BadHostKeyException):
        text = "{0} shows the host key {1}, known_hosts has another one. Nothing was sent"
        return HostKeyRefused(text.format(where, fingerprint(cause.key)))
    if isinstance(error, NetmikoAuthenticationException) or isinstance(cause, paramiko.AuthenticationException):
        return LoginRefused(f"{where} refused the login of user '{login.user}'{_attempts(login, cause)}")
    text = str(cause).strip() or type(cause).__name__
    if "no acceptable" in text or "Incompatible" in text:
        return Unreachable(
            f"{where}: no common SSH algorithm ({text}). Old routers need paramiko>=3.5.1,<5; newer ones dropped SHA-1 and ssh-rsa"
        )
    if isinstance(cause, (socket.timeout, TimeoutError)) or "timed out" in text or "timeout" in text.lower():
        return DeviceTimeout(f"{where} did not finish the SSH login within {login.connect_timeout:g} s")
    if isinstance(cause, paramiko.SSHException) and ("banner" in text or "EOF" in text or "reset" in text):
        return Unreachable(f"{where} is not an SSH server or closed the connection: {text}")
    return Unreachable("{}: {}".format(where, text.split("\n")[0]))


def _attempts(login: Login, cause: Exception) -> str:
    """What was tried, and what the device would take where it says so."""
    accepted = getattr(cause, "allowed_types", None)
    if accepted:
        return f": it takes only {', '.join(accepted)}"
    several = login.use_agent or (login.password and login.private_key_file)
    return " (each secret was tried once)" if several else " (one attempt was made)"


def _telnet_login(channel: TelnetChannel, login: Login) -> None:
    """User name and password, each once; the prompt that follows is left to the session."""
    text, deadline, asked = "", time.monotonic() + login.connect_timeout, False
    while True:
        data = channel.receive(max(0.0, deadline - time.monotonic()))
        if not data:
            raise DeviceTimeout(f"no telnet login prompt from {login.host} within {login.connect_timeout:g} s")
        text += data
        if re.search(r"(?i)password:\s*$", text):
            # some routers take \r\n for two line ends and would see an empty password
            channel.send((login.password or "") + "\n", "\r")
            break
        if not asked and _ASKS_NAME.search(text):
            channel.send(login.user + "\n", "\r")
            asked, text = True, ""
    text = ""
    while not text.strip():
        data = channel.receive(max(0.0, deadline - time.monotonic()))
        if not data:
            break
        text += data
        if _REFUSED.search(text) or _ASKS_NAME.search(text):
            raise LoginRefused(f"{login.host} refused the telnet login of user '{login.user}' (one attempt was made)")
    channel.keep(text)


_ASKS_NAME = re.compile(r"(?i)(?:user ?name|login|user|password):\s*$")
# only as a line of its own: greetings speak of failed logins, too
_REFUSED = re.compile(
    r"(?im)^\s*(?:% ?)?(?:login (?:invalid|incorrect|failed)|authentication failed|access denied|bad passwords)\b"
)
