# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections: keys, passwords, hops and what is no SSH server, against the lab's real SSH and telnet servers."""

from __future__ import annotations

import fcntl
import resource
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from netmiko import ConnectHandler

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
    BadInput,
    ConnectionLost,
    DeviceTimeout,
    EdgeError,
    HostKeyRefused,
    LoginRefused,
    MissingLibrary,
    Unreachable,
)
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import ssh
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.cli import CliSession, Dialect
from tests.lab import Device, Lab
from tests.unit.conftest import audit, params


def failure(device: Device, **more: Any) -> EdgeError:
    error = audit(device, **more).error
    assert error is not None
    return error


def test_an_unknown_host_key_is_refused_with_its_fingerprint(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    empty = tmp_path / "known_hosts"
    empty.write_text("")
    error = failure(device, host_key=None, known_hosts_file=str(empty))
    assert isinstance(error, HostKeyRefused)
    assert device.host_key in str(error)
    assert device.transcript == []
    assert device.login_attempts == 0


def test_a_pinned_key_decides(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    assert audit(device, host_key=device.host_key.replace("SHA256:", "") + "=").error is None
    error = failure(device, host_key="SHA256:" + "A" * 43)
    assert isinstance(error, HostKeyRefused)
    assert "correct voip_edge_host_key" in str(error)
    assert device.login_attempts == 1


def test_known_hosts(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    known = tmp_path / "known_hosts"
    known.write_text(device.known_hosts_line + "\n")
    assert audit(device, host_key=None, known_hosts_file=str(known)).error is None
    other = paramiko.ECDSAKey.generate()
    known.write_text(f"[{device.host}]:{device.port} {other.get_name()} {other.get_base64()}\n")
    changed = failure(device, host_key=None, known_hosts_file=str(known))
    assert isinstance(changed, HostKeyRefused)
    twin = lab.add("cisco_ios", "nat-default", login={"own_host_key": True})
    known.write_text(f"[{device.host}]:{device.port} {' '.join(twin.known_hosts_line.split()[1:])}\n")
    replaced = failure(device, host_key=None, known_hosts_file=str(known))
    assert isinstance(replaced, HostKeyRefused)
    assert "known_hosts has another one. Nothing was sent" in str(replaced)
    assert device.login_attempts == 1
    lines = ["# a comment", "junk", f"[{device.host}]:{device.port} ssh-rsa !!!", device.known_hosts_line]
    known.write_bytes(b"\xff\xfe\n" + "\n".join(lines).encode())
    assert audit(device, host_key=None, known_hosts_file=str(known)).error is None
    known.write_text(f"@revoked * {' '.join(device.known_hosts_line.split()[1:])}\n{device.known_hosts_line}\n")
    assert isinstance(failure(device, host_key=None, known_hosts_file=str(known)), HostKeyRefused)
    assert isinstance(failure(device, host_key=None, known_hosts_file=str(tmp_path / "none")), BadInput)


def test_the_standard_known_hosts_are_used(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default")
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text(device.known_hosts_line + "\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert audit(device, host_key=None).error is None


def test_checking_can_be_switched_off(lab: Lab) -> None:
    assert audit(lab.add("cisco_ios", "nat-default"), host_key=None, host_key_checking=False).error is None


def test_a_wrong_password_is_tried_once(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    error = failure(device, password="wrong-password")
    assert isinstance(error, LoginRefused)
    assert "one attempt was made" in str(error)
    assert "wrong-password" not in str(error)
    assert device.login_attempts == 1


def test_no_way_to_log_in(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    assert "password: none is given" in str(failure(device, password=None))
    assert "private_key_file: there is no file" in str(failure(device, password=None, private_key_file="/nowhere/key"))


def test_keys(lab: Lab, tmp_path: Path) -> None:
    key = paramiko.RSAKey.generate(2048)
    plain, locked = tmp_path / "plain", tmp_path / "locked"
    key.write_private_key_file(str(plain))
    key.write_private_key_file(str(locked), password="sesame")
    device = lab.add("cisco_ios", "nat-default", login={"public_key": f"{key.get_name()} {key.get_base64()}"})
    assert audit(device, password=None, private_key_file=str(plain)).error is None
    opened = audit(device, password=None, private_key_file=str(locked), private_key_passphrase="sesame")
    assert opened.error is None
    error = failure(device, password=None, private_key_file=str(locked))
    assert "private_key_passphrase" in str(error)
    assert "cannot be used" in str(
        failure(device, password=None, private_key_file=str(locked), private_key_passphrase="wrong")
    )
    locked.write_text("no key")
    assert "private_key_file" in str(failure(device, password=None, private_key_file=str(locked)))
    stranger = tmp_path / "stranger"
    paramiko.RSAKey.generate(2048).write_private_key_file(str(stranger))
    assert isinstance(failure(device, password=None, private_key_file=str(stranger)), LoginRefused)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*Diffie-Hellman")
def test_old_routers_are_not_locked_out(lab: Lab) -> None:
    assert audit(lab.add("cisco_ios", "old-12")).error is None


def test_nobody_listens(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    error = failure(device, port=1)
    assert isinstance(error, Unreachable)
    assert "port 1: Connection refused" in str(error)


class Server:
    """A TCP server that is no SSH server."""

    def __init__(self, says: bytes | None) -> None:
        self.says = says
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.held: list[socket.socket] = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self) -> None:
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            self.held.append(connection)
            if self.says is not None:
                connection.sendall(self.says)
                connection.close()

    def close(self) -> None:
        self.socket.close()
        for connection in self.held:
            connection.close()


@pytest.fixture(params=[None, b"", b"HTTP/1.0 400 Bad Request\r\n\r\n"], ids=["silent", "closes", "http"])
def stranger(request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(request.param)
    yield server
    server.close()


def test_what_is_no_ssh_server(lab: Lab, stranger: Server) -> None:
    error = failure(lab.add("cisco_ios", "nat-default"), port=stranger.port, connect_timeout=0.5)
    assert isinstance(error, (Unreachable, DeviceTimeout))
    assert str(stranger.port) in str(error)
    silent = failure(lab.add("cisco_ios", "nat-default"), port=stranger.port, connect_timeout=0.5, transport="telnet")
    assert isinstance(silent, (ConnectionLost, DeviceTimeout))


def test_telnet_only_when_asked_for(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default", login={"telnet": True})
    assert device.telnet_port
    right = audit(device, transport="telnet", port=device.telnet_port)
    assert right.error is None
    assert right.record["aspects"]["sip_alg"]["verdict"] == "active"
    wrong = failure(device, transport="telnet", port=device.telnet_port, password="wrong")
    assert isinstance(wrong, LoginRefused)
    assert "telnet" in str(wrong)


RELAY = """
import os, socket, sys, threading
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def back():
    while True:
        data = peer.recv(65536)
        if not data:
            os._exit(0)
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while True:
    data = os.read(0, 65536)
    if not data:
        break
    peer.sendall(data)
"""


def test_a_proxy_command_reaches_the_device(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "relay.py"
    script.write_text(RELAY)
    device = lab.add("cisco_ios", "nat-default")
    assert audit(device, proxy_command=f"{sys.executable} {script} %h %p").error is None
    missing = failure(device, proxy_command="/nowhere/hop %h %p")
    assert isinstance(missing, Unreachable)
    assert "/nowhere/hop" in str(missing)


def test_netmiko_missing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "NETMIKO_ERROR", "No module named 'netmiko'")
    assert isinstance(failure(lab.add("cisco_ios", "nat-default")), MissingLibrary)


@pytest.mark.parametrize(
    ("cause", "kind", "words"),
    [
        (
            paramiko.ssh_exception.IncompatiblePeer("Incompatible ssh peer (no acceptable kex algorithm)"),
            Unreachable,
            "paramiko>=3.5.1,<5",
        ),
        (socket.timeout("timed out"), DeviceTimeout, "did not finish the SSH login"),
        (paramiko.SSHException("Error reading SSH protocol banner"), Unreachable, "is not an SSH server"),
        (ValueError("odd\nmore"), Unreachable, "port 22: odd$"),
    ],
)
def test_what_libraries_raise_becomes_one_sentence(cause: Exception, kind: type[EdgeError], words: str) -> None:
    error = ssh._translated(ssh.Login("192.0.2.1", 22, "u"), cause)
    assert isinstance(error, kind)
    with pytest.raises(kind, match=words):
        raise error


def test_a_login_shows_no_secret() -> None:
    text = repr(ssh.Login("192.0.2.1", 22, "u", password="sesame", private_key_passphrase="sesame"))
    assert "sesame" not in text


def test_nothing_is_sent_while_connecting(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "output-more")
    channel = ssh.connect(target_of(params(device)).login)
    assert device.transcript == []
    channel.close()


def test_stock_netmiko_is_the_oracle(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    with ConnectHandler(
        device_type="cisco_ios", host=device.host, port=device.port, username=device.user, password=device.password
    ) as stock:
        expected = {command: stock.send_command(command) for command in ("show version", "show running-config")}
    session = CliSession(ssh.connect(target_of(params(device)).login), Dialect(setup=("terminal length 0",)), 5.0)
    session.greet()
    session.prepare(None)
    for command, text in expected.items():
        assert session.ask(command).strip() == text.strip()
    session.close()


def test_a_task_timeout_ends_the_session(lab: Lab) -> None:
    class Interrupt(BaseException):
        pass

    closed: list[bool] = []

    class Channel:
        def receive(self, seconds: float) -> str:
            raise Interrupt

        def send(self, text: str) -> None:
            raise AssertionError("nothing was to be sent")

        def close(self) -> None:
            closed.append(True)

    target = target_of(params(lab.add("cisco_ios", "nat-default")))
    with pytest.raises(Interrupt):
        engine.run(target, None, dial=lambda _login: Channel())
    assert closed == [True]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*Diffie-Hellman")
def test_no_common_algorithm_says_which_library_has_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    modern = tuple(k for k in paramiko.Transport._preferred_kex if not k.endswith("sha1"))
    monkeypatch.setattr(paramiko.Transport, "_preferred_kex", modern)
    error = failure(lab.add("cisco_ios", "old-12"))
    assert isinstance(error, Unreachable)
    assert "no common SSH algorithm" in str(error)
    assert "paramiko>=3.5.1,<5" in str(error)


def test_an_address_that_swallows_everything(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_args: object, **_kwargs: object) -> socket.socket:
        raise socket.timeout("timed out")

    monkeypatch.setattr(ssh.socket, "create_connection", never)
    error = failure(lab.add("cisco_ios", "nat-default"), connect_timeout=0.5)
    assert isinstance(error, Unreachable)
    assert "no answer from 127.0.0.1" in str(error)
    assert "within 0.5 s" in str(error)


@pytest.mark.parametrize("command", ["false", "true", "sh -c 'echo hello'", "sleep 5"])
def test_a_proxy_command_that_leads_nowhere(lab: Lab, command: str) -> None:
    device = lab.add("cisco_ios", "nat-default")
    error = failure(device, proxy_command=command, connect_timeout=0.5)
    assert isinstance(error, (Unreachable, DeviceTimeout))
    assert str(device.port) in str(error)
    assert device.login_attempts == 0


@pytest.mark.parametrize("command", [" ", "ssh 'jump"])
def test_a_proxy_command_that_is_none(lab: Lab, command: str) -> None:
    error = failure(lab.add("cisco_ios", "nat-default"), proxy_command=command)
    assert isinstance(error, BadInput)
    assert str(error).startswith("proxy_command: ")


@pytest.mark.parametrize("host", ["a..example", "a" * 70 + ".example"])
def test_an_address_that_is_none(lab: Lab, host: str) -> None:
    error = failure(lab.add("cisco_ios", "nat-default"), host=host)
    assert host in str(error)


class Broken:
    """A netmiko connection whose line broke."""

    def __init__(self) -> None:
        self.remote_conn = self
        self.disconnected = False

    def broken(self, *_args: object) -> bytes:
        raise OSError("Socket is closed")

    settimeout = recv = sendall = write = read_very_eager = broken

    def disconnect(self) -> None:
        self.disconnected = True


@pytest.mark.parametrize("kind", [ssh.SshChannel, ssh.TelnetChannel])
def test_a_line_that_broke_is_one_of_our_errors(kind: Any) -> None:
    connection = Broken()
    channel = kind(connection)
    with pytest.raises(ConnectionLost, match="the connection"):
        channel.receive(1.0)
    with pytest.raises(ConnectionLost, match="the device closed the connection"):
        channel.send("x\n")
    channel.close()
    assert connection.disconnected


def test_what_cannot_be_closed_is_let_go() -> None:
    class Stubborn:
        remote_conn_pre = None
        sock = Broken()

    ssh._drop(Stubborn())  # a Broken has no close()
    Stubborn.sock = None  # type: ignore[assignment]
    ssh._drop(Stubborn())


def test_telnet_in_a_process_with_many_open_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip(f"a process may open only {hard} files here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    near, far = socket.socketpair()
    try:
        with near, far, socket.socket(fileno=fcntl.fcntl(near, fcntl.F_DUPFD, 1100)) as high:
            wire = SimpleNamespace(read_very_eager=lambda: b"", get_socket=lambda: high)
            assert ssh.TelnetChannel(SimpleNamespace(remote_conn=wire)).receive(0.05) == ""
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
