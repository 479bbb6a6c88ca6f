# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection does at its edges: keys that changed, logins in other ways, hops, broken lines, and what is left over."""

from __future__ import annotations

import importlib.util
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import (
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
from tests.lab import Device, Lab
from tests.unit.conftest import params


def login_of(device: Device, **more: Any) -> ssh.Login:
    """Patient: a loaded machine must not make a test fail."""
    return target_of(params(device, **{"connect_timeout": 20.0, **more})).login


def refused(device: Device, **more: Any) -> EdgeError:
    with pytest.raises(EdgeError) as caught:
        ssh.connect(login_of(device, **more))
    return caught.value


def read_prompt(channel: Any) -> str:
    text, deadline = "", time.monotonic() + 20
    while "#" not in text and time.monotonic() < deadline:
        text += channel.receive(1.0)
    return text


def prompt_of(channel: Any) -> str:
    text = read_prompt(channel)
    channel.close()
    return text


def transports() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    before = set(transports())
    yield
    deadline = time.monotonic() + 20
    while set(transports()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not set(transports()) - before


def test_a_changed_key_is_shown_and_nothing_was_sent(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    known = tmp_path / "known_hosts"
    other = paramiko.ECDSAKey.generate()
    known.write_text(f"[{device.host}]:{device.port} {other.get_name()} {other.get_base64()}\n")
    error = refused(device, host_key=None, known_hosts_file=str(known))
    assert isinstance(error, HostKeyRefused)
    assert f"shows the host key {device.host_key}, known_hosts has another one" in str(error)
    assert device.transcript == []
    assert device.login_attempts == 0


def test_a_wrong_pin_shows_both_keys_and_sends_no_password(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    pin = "SHA256:" + "A" * 43
    error = refused(device, host_key=pin)
    assert isinstance(error, HostKeyRefused)
    assert device.host_key in str(error)
    assert pin in str(error)
    assert device.login_attempts == 0


def test_the_fingerprint_is_the_one_openssh_prints(tmp_path: Path) -> None:
    key = paramiko.ECDSAKey.generate()
    public = tmp_path / "key.pub"
    public.write_text(f"{key.get_name()} {key.get_base64()}\n")
    try:
        printed = subprocess.run(["ssh-keygen", "-lf", str(public)], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.skip("no ssh-keygen here")
    assert printed.split()[1] == ssh.fingerprint(key)


def test_known_hosts_that_cannot_be_used(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    broken = tmp_path / "known_hosts"
    broken.write_bytes(b"\xff\xfe\n")
    error = refused(device, host_key=None, known_hosts_file=str(broken))
    assert isinstance(error, HostKeyRefused)  # a bad line is passed over, and proves no key
    missing = refused(device, host_key=None, known_hosts_file=str(tmp_path / "none"))
    assert str(missing) == f"known_hosts_file: there is no file {tmp_path / 'none'}"
    assert device.login_attempts == 0


def test_with_a_pin_no_file_is_read(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    assert prompt_of(ssh.connect(login_of(device, known_hosts_file=str(tmp_path / "none")))).endswith("#")


def test_home_is_where_a_key_may_be(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = paramiko.ECDSAKey.generate()
    key.write_private_key_file(str(tmp_path / "id"))
    monkeypatch.setenv("HOME", str(tmp_path))
    device = lab.add("cisco_ios", "nat-default", login={"public_key": f"{key.get_name()} {key.get_base64()}"})
    assert prompt_of(ssh.connect(login_of(device, password=None, private_key_file="~/id"))).endswith("#")
    assert device.login_attempts == 1


def test_a_key_that_cannot_be_used_reaches_nobody(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    locked = tmp_path / "locked"
    paramiko.ECDSAKey.generate().write_private_key_file(str(locked), password="sesame")
    assert refused(device, password=None, private_key_file=str(locked)).kind == "bad_input"
    wrong = refused(device, password=None, private_key_file=str(locked), private_key_passphrase="open barley")
    assert wrong.kind == "bad_input"
    assert "open barley" not in str(wrong)
    assert device.login_attempts == 0


@pytest.mark.filterwarnings("ignore:.*Diffie-Hellman")
def test_a_device_that_only_knows_sha1(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default", login={"legacy_kex": True})
    assert prompt_of(ssh.connect(login_of(device))).endswith("#")


@pytest.mark.parametrize("slow", [ssh._SLOW_KEX, "an-exchange-that-paramiko-does-not-know"])
def test_the_costly_key_exchange_comes_last_and_no_other_is_lost(monkeypatch: pytest.MonkeyPatch, slow: str) -> None:
    monkeypatch.setattr(ssh, "_SLOW_KEX", slow)
    near, far = socket.socketpair()
    with near, far:
        plain, ours = paramiko.Transport(near), ssh._transport(far)
        usual, order = plain.get_security_options().kex, ours.get_security_options().kex
        plain.close()
        ours.close()
    assert sorted(order) == sorted(usual)
    assert (order[-1] == slow) is (slow in usual)
    assert [k for k in order if k != slow] == [k for k in usual if k != slow]


class Interactive(paramiko.ServerInterface):
    """A login that only asks questions, as many TACACS+ setups do.

    Not a device of the lab: paramiko asks for the login service again before it answers. OpenSSH and routers allow that,
    the lab's SSH server does not.
    """

    def __init__(self) -> None:
        self.answers: list[str] = []

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(self, username: str, submethods: Any) -> Any:
        return paramiko.server.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: Any) -> int:
        self.answers.extend(responses)
        return paramiko.common.AUTH_SUCCESSFUL if responses == ["sesame"] else paramiko.common.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.common.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *about: Any) -> bool:
        return True

    def check_channel_shell_request(self, channel: Any) -> bool:
        channel.send(b"\r\nr1#")
        return True


@pytest.mark.parametrize(("password", "enters"), [("sesame", True), ("wrong", False)])
def test_a_login_that_only_asks_questions(password: str, enters: bool) -> None:
    key, asked = paramiko.ECDSAKey.generate(), Interactive()
    served: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            transport = paramiko.Transport(listener.accept()[0])
            served.append(transport)
            transport.add_server_key(key)
            transport.start_server(event=threading.Event(), server=asked)

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        login = ssh.Login("127.0.0.1", port, "admin", password, host_key=ssh.fingerprint(key), connect_timeout=20.0)
        if enters:
            assert prompt_of(ssh.connect(login)).endswith("r1#")
        else:
            with pytest.raises(LoginRefused, match="refused the login of user 'admin'"):
                ssh.connect(login)
    served[0].close()
    assert asked.answers == [password]


RELAY = (
    "import os,socket,sys,threading as t;s=socket.create_connection((sys.argv[1],int(sys.argv[2])));"
    "t.Thread(target=lambda:[s.sendall(d) for d in iter(lambda:os.read(0,65536),b'')],daemon=True).start();"
    "open(sys.argv[4],'w').write(sys.argv[3]);[os.write(1,d) for d in iter(lambda:s.recv(65536),b'')]"
)


def test_a_hop_gets_host_port_and_user_and_the_key_is_still_checked(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    seen = tmp_path / "user"
    hop = f"{shlex.quote(sys.executable)} -c {shlex.quote(RELAY)} %h %p %r {shlex.quote(str(seen))}"
    assert prompt_of(ssh.connect(login_of(device, proxy_command=hop))).endswith("#")
    assert seen.read_text() == device.user
    error = refused(device, proxy_command=hop, host_key="SHA256:" + "A" * 43)
    assert isinstance(error, HostKeyRefused)
    assert device.login_attempts == 1


def test_a_hop_is_not_closed_under_the_thread_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next hop would get the number of the pipe, and the thread what the next device says."""
    inside, closed = threading.Event(), []

    def slow(hop: Any, _size: int) -> bytes:
        inside.set()
        time.sleep(0.3)
        closed.append(hop.process.stdout.closed)
        return b"x"

    monkeypatch.setattr(paramiko.ProxyCommand, "recv", slow)
    hop = ssh._Hop("cat")
    reader = threading.Thread(target=hop.recv, args=(1,))
    reader.start()
    assert inside.wait(10)
    hop.close()
    reader.join(10)
    assert closed == [False]
    assert hop.process.stdout.closed
    assert hop.recv(1) == b"", "the end, as of a connection that was closed"


class Listener:
    """Accepts, says something, and then keeps the connection or closes it."""

    def __init__(self, says: bytes, closes: bool) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.says, self.closes = says, closes
        self.taken: list[socket.socket] = []
        self.heard = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        taken = self.socket.accept()[0]
        self.taken.append(taken)
        taken.sendall(self.says)
        if self.closes:
            taken.shutdown(socket.SHUT_WR)
        while True:
            try:
                data = taken.recv(4096)
            except OSError:
                return
            if not data:
                return
            self.heard += data

    def close(self) -> None:
        self.socket.close()
        for taken in self.taken:
            taken.close()


@pytest.mark.parametrize(
    ("says", "closes"),
    [(b"", False), (b"", True), (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n", True)],
    ids=["silent", "closes", "http"],
)
def test_what_is_no_ssh_server_is_told_in_time_and_hears_no_password(lab: Lab, says: bytes, closes: bool) -> None:
    device, listener = lab.add("cisco_ios", "nat-default"), Listener(says, closes)
    begun = time.monotonic()
    try:
        error = refused(device, port=listener.port, connect_timeout=0.5)
    finally:
        listener.close()
    assert isinstance(error, (Unreachable, DeviceTimeout))
    assert f"127.0.0.1 port {listener.port}" in str(error)
    assert "\n" not in str(error)
    assert time.monotonic() - begun < 10
    assert device.password.encode() not in listener.heard


def test_a_host_that_does_not_answer_is_named_with_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(address: Any, timeout: float) -> Any:
        raise socket.timeout("timed out")

    monkeypatch.setattr(socket, "create_connection", never)
    with pytest.raises(Unreachable, match="no answer from 192.0.2.1 port 22 within 2.5 s"):
        ssh.connect(ssh.Login("192.0.2.1", 22, "u", "p", connect_timeout=2.5))


def test_nobody_listens_for_telnet(lab: Lab) -> None:
    error = refused(lab.add("cisco_ios", "nat-default"), transport="telnet", port=1)
    assert isinstance(error, Unreachable)
    assert "127.0.0.1 port 1" in str(error)


@pytest.mark.parametrize("telnet", [False, True])
def test_silence_is_empty_and_takes_no_longer_than_asked(lab: Lab, telnet: bool) -> None:
    device = lab.add("cisco_ios", "nat-default", login={"telnet": True})
    more = {"transport": "telnet", "port": device.telnet_port} if telnet else {}
    channel = ssh.connect(login_of(device, **more))
    assert read_prompt(channel).endswith("#")
    begun = time.monotonic()
    assert channel.receive(0.2) == ""
    assert 0.15 < time.monotonic() - begun < 10
    channel.close()
    channel.close()


@pytest.mark.parametrize("telnet", [False, True])
def test_a_device_that_hangs_up_is_noticed(lab: Lab, telnet: bool) -> None:
    device = lab.add("cisco_ios", "nat-default", login={"telnet": True}, faults=["cut:1"])
    more = {"transport": "telnet", "port": device.telnet_port} if telnet else {}
    channel = ssh.connect(login_of(device, **more))
    channel.send("show version\n")
    with pytest.raises(ConnectionLost, match=r"closed the connection|connection broke"):
        all(iter(lambda: channel.receive(20.0), ""))
    channel.close()


class Wire:
    """A netmiko connection of either kind, with nothing behind it."""

    def __init__(self, *received: Any) -> None:
        self.received = list(received)
        self.written = b""
        self.disconnected = 0
        self.remote_conn = self

    def _next(self) -> bytes:
        if not self.received:
            return b""
        item = self.received.pop(0)
        if isinstance(item, Exception):
            raise item
        return bytes(item)

    def settimeout(self, seconds: float) -> None:
        self.seconds = seconds

    def recv(self, size: int) -> bytes:
        return self._next()

    def read_very_eager(self) -> bytes:
        return self._next()

    def sendall(self, data: bytes) -> None:
        self.written += data
        self._next()

    write = sendall

    def get_socket(self) -> Any:
        raise AssertionError("there is nothing to wait for")

    def disconnect(self) -> None:
        self.disconnected += 1


@pytest.mark.parametrize("kind", [ssh.SshChannel, ssh.TelnetChannel])
@pytest.mark.parametrize("cause", [ConnectionResetError(104, "Connection reset by peer"), EOFError()])
def test_a_broken_line_is_one_error_in_both_directions(kind: Any, cause: Exception) -> None:
    channel = kind(Wire(cause, cause))
    with pytest.raises(ConnectionLost, match="connection"):
        channel.receive(1.0)
    with pytest.raises(ConnectionLost, match="the device closed the connection"):
        channel.send("show version\n")


@pytest.mark.parametrize("kind", [ssh.SshChannel, ssh.TelnetChannel])
def test_a_character_in_two_packets_is_one_character(kind: Any) -> None:
    channel = kind(Wire(b"caf\xc3", b"\xa9 \xff#"))
    assert channel.receive(1.0) + channel.receive(1.0) == "caf\u00e9 \ufffd#"


def test_what_was_kept_comes_first_and_once() -> None:
    channel = ssh.TelnetChannel(Wire(b"later"))
    channel.keep("first")
    assert [channel.receive(1.0), channel.receive(1.0)] == ["first", "later"]


def test_line_ends_over_telnet() -> None:
    wire = Wire()
    ssh.TelnetChannel(wire).send("a\n")
    ssh.TelnetChannel(wire).send("b\n", "\r")
    assert wire.written == b"a\r\nb\r"


class Talk:
    """A telnet channel at the moment of the login: pieces of text, and "" for silence."""

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)
        self.sent: list[str] = []
        self.kept = ""

    def receive(self, seconds: float) -> str:
        return self.pieces.pop(0) if self.pieces else ""

    def send(self, text: str, line_end: str = "\r\n") -> None:
        self.sent.append(text.replace("\n", line_end))

    def keep(self, text: str) -> None:
        self.kept = text


def telnet_login(talk: Any, password: str | None = "sesame", timeout: float = 0.2) -> None:
    ssh._telnet_login(talk, ssh.Login("192.0.2.1", 23, "admin", password, telnet=True, connect_timeout=timeout))


def test_a_telnet_login_in_pieces() -> None:
    talk = Talk("\r\nWelcome\r\nUser", "name: ", "admin\r\n", "Password: ", "\r\n", "\r\n", "r1#")
    telnet_login(talk)
    assert talk.sent == ["admin\r", "sesame\r"]
    assert talk.kept.endswith("r1#")


def test_a_line_that_only_asks_for_a_password() -> None:
    talk = Talk("\r\nPassword: ", "\r\nr1>")
    telnet_login(talk)
    assert talk.sent == ["sesame\r"]


def test_a_telnet_login_without_a_password_sends_an_empty_one() -> None:
    talk = Talk("login: ", "Password: ", "$ ")
    telnet_login(talk, None)
    assert talk.sent == ["admin\r", "\r"]


@pytest.mark.parametrize(
    "reply", ["\r\n% Login invalid\r\n\r\nUsername: ", "\r\nLogin incorrect\r\n", "\r\nPassword: "]
)
def test_a_refused_telnet_login_is_not_repeated(reply: str) -> None:
    talk = Talk("Username: ", "Password: ", reply)
    with pytest.raises(LoginRefused, match="refused the telnet login of user 'admin'") as caught:
        telnet_login(talk)
    assert "sesame" not in str(caught.value)
    assert talk.sent == ["admin\r", "sesame\r"]


@pytest.mark.parametrize("pieces", [(), ("Welcome\r\n",), ("Username: ", "admin\r\n")])
def test_a_telnet_login_that_does_not_ask(pieces: tuple[str, ...]) -> None:
    talk = Talk(*pieces)
    with pytest.raises(DeviceTimeout, match=r"from 192.0.2.1 within 0.2 s"):
        telnet_login(talk)
    assert "sesame\r" not in talk.sent


def test_a_telnet_line_that_let_nobody_in_is_hung_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default", login={"telnet": True})
    closed: list[bool] = []
    hang_up = ssh.TelnetChannel.close

    def close(channel: ssh.TelnetChannel) -> None:
        hang_up(channel)
        closed.append(True)

    def refuse(*_: Any) -> None:
        raise LoginRefused("refused")

    monkeypatch.setattr(ssh.TelnetChannel, "close", close)
    monkeypatch.setattr(ssh, "_telnet_login", refuse)
    with pytest.raises(LoginRefused):
        ssh.connect(login_of(device, transport="telnet", port=device.telnet_port))
    assert closed == [True]


def test_silence_after_the_password_is_left_to_the_session() -> None:
    talk = Talk("Username: ", "Password: ", "\r\n")
    telnet_login(talk, timeout=0.05)
    assert talk.kept == "\r\n"


def test_a_connection_that_never_came_about_is_dropped() -> None:
    near, far = socket.socketpair()
    with far:
        ssh._drop(SimpleNamespace(remote_conn_pre=None, sock=near))
        assert near.fileno() == -1
    cleaned: list[bool] = []

    def cleanup() -> None:
        cleaned.append(True)
        raise OSError("already gone")

    ssh._drop(SimpleNamespace(remote_conn_pre=object(), paramiko_cleanup=cleanup, sock=None))
    assert cleaned == [True]
    ssh._drop(SimpleNamespace(remote_conn_pre=None, sock=None))


def test_without_netmiko_the_module_still_loads_and_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    name = ssh.__name__ + "_without_netmiko"
    spec = importlib.util.spec_from_file_location(name, ssh.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "netmiko.base_connection", None)
    spec.loader.exec_module(module)
    assert module.paramiko is None
    with pytest.raises(MissingLibrary, match="^netmiko: .*netmiko") as caught:
        module.connect(module.Login("192.0.2.1", 22, "u", "p"))
    assert caught.value.library == "netmiko"
