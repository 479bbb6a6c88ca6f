# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab over real connections, with clients that know nothing of it."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

netmiko = pytest.importorskip("netmiko")
paramiko = pytest.importorskip("paramiko")

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab, variants  # noqa: E402

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*Diffie-Hellman.*"),
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]


def connect(device: Any, kind: str, **more: Any) -> Any:
    options = {"username": device.user, "password": device.password, "secret": device.enable_secret, **more}
    options.setdefault("port", device.port)
    return netmiko.ConnectHandler(device_type=kind, host=device.host, **options)


def wait_until(condition: Any, seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Raw:
    """A bare SSH shell: what the device says, byte for byte."""

    def __init__(self, device: Any) -> None:
        self.transport = paramiko.Transport(socket.create_connection((device.host, device.port), 5))
        self.transport.connect(username=device.user, password=device.password)
        self.channel = self.transport.open_session()
        self.channel.get_pty()
        self.channel.invoke_shell()

    def until(self, end: str, seconds: float = 3.0) -> str:
        text = ""
        self.channel.settimeout(seconds)
        while not text.endswith(end):
            chunk = self.channel.recv(65535).decode()
            if not chunk:
                break
            text += chunk
        return text

    def close(self) -> None:
        self.transport.close()


def test_stock_netmiko_on_ios(lab: Lab) -> None:
    device = lab.add("cisco_ios", "classic-15", name="edge1")
    connection = connect(device, "cisco_ios")
    connection.enable()
    assert "Cisco IOS Software" in connection.send_command("show version")
    assert "ip nat outside" in connection.send_command("show running-config")
    assert device.journal == []
    assert device.open_sessions == 1
    connection.send_config_set(["no ip nat service sip udp port 5060"])
    assert "[OK]" in connection.save_config()
    connection.disconnect()
    assert wait_until(lambda: device.open_sessions == 0)
    assert device.writes == ["configure terminal", "no ip nat service sip udp port 5060", "write memory"]
    assert device.login_attempts == 1


def test_stock_netmiko_fortinet_driver_writes_on_connect_when_the_pager_is_on(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "output-more", name="fg1")
    connection = connect(device, "fortinet")
    assert [write.line for write in device.journal] == ["config system console", "set output standard", "end"]
    connection.disconnect()
    assert "set output more" in device.writes
    calm = lab.add("fortinet_fortios", "default-74", name="fg2")
    connect(calm, "fortinet").disconnect()
    assert calm.journal == []


def test_stock_netmiko_asa_driver_writes_on_connect(lab: Lab) -> None:
    device = lab.add("cisco_asa", "default", name="fw1")
    connection = connect(device, "cisco_asa", allow_auto_change=False)
    assert "inspect sip" in connection.send_command("show running-config policy-map")
    connection.disconnect()
    assert device.journal == []
    connect(device, "cisco_asa").disconnect()
    assert device.writes == ["configure terminal", "terminal width 511"]


def test_echo_prompt_and_pager_on_the_wire(lab: Lab) -> None:
    device = lab.add("fortinet_fortios", "output-more", name="fg3")
    raw = Raw(device)
    assert raw.until("# ") == "fg3 # "
    raw.channel.send(b"show\n")
    assert raw.until("--More-- ").startswith("show\r\r\n#config-version=")
    raw.channel.send(b" ")
    assert raw.until("--More-- ").startswith("\r         \r")
    raw.channel.send(b"q")
    assert raw.until("# ").endswith("fg3 # ")
    raw.close()
    router = lab.add("cisco_ios", "nat-default", name="edge2")
    raw = Raw(router)
    raw.until("edge2#")
    raw.channel.send(b"terminal length 0\r\nshow privilegf\x7fe\r")
    assert raw.until("15\r\nedge2#").startswith("terminal length 0\r\nedge2#show privilegf\b \be\r\n")
    raw.close()


def test_faults_of_the_connection(lab: Lab) -> None:
    refusing = lab.add("cisco_ios", "nat-default", faults=["refuse_login"])
    with pytest.raises(paramiko.AuthenticationException):
        Raw(refusing)
    assert refusing.login_attempts == 1
    cut = Raw(lab.add("cisco_ios", "nat-default", name="c", faults=["cut:2"]))
    cut.until("c#")
    cut.channel.send(b"show privilege\nshow version\n")
    assert "Version" not in cut.until("never")
    assert wait_until(lambda: not cut.transport.is_active())
    hung = lab.add("cisco_ios", "nat-default", name="h", faults=["hang:show version"])
    raw = Raw(hung)
    raw.until("h#")
    raw.channel.send(b"show version\n")
    with pytest.raises(socket.timeout):
        raw.until("h#", seconds=0.3)
    raw.close()
    assert wait_until(lambda: hung.open_sessions == 0)


def test_late_log_line_comes_after_the_prompt(lab: Lab) -> None:
    raw = Raw(lab.add("cisco_ios", "nat-default", name="late", faults=["late_log"]))
    raw.until("late#")
    raw.channel.send(b"configure terminal\nend\n")
    text = raw.until("(127.0.0.1)\r\n")
    assert "late#\r\n*Nov" in text
    raw.close()


def test_reboot_drops_the_connections(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default", name="r")
    raw = Raw(device)
    raw.until("r#")
    device.reboot()
    assert wait_until(lambda: not raw.transport.is_active())
    assert wait_until(lambda: device.open_sessions == 0)


def test_host_keys(lab: Lab) -> None:
    one, two = lab.add("cisco_ios", "nat-default"), lab.add("cisco_ios", "nat-default")
    own = lab.add("cisco_ios", "nat-default", login={"own_host_key": True})
    assert one.host_key == two.host_key != own.host_key
    assert one.host_key.startswith("SHA256:")
    raw = Raw(own)
    key = raw.transport.get_remote_server_key()
    assert own.known_hosts_line == f"[127.0.0.1]:{own.port} {key.get_name()} {key.get_base64()}"
    raw.close()


def test_legacy_key_exchange(lab: Lab) -> None:
    device = lab.add("cisco_ios", "old-12", name="old")
    raw = Raw(device)
    assert raw.transport.get_remote_server_key().get_name() == "ssh-rsa"
    raw.close()
    modern = paramiko.Transport((device.host, device.port))
    modern.get_security_options().kex = ("curve25519-sha256@libssh.org", "diffie-hellman-group14-sha256")
    with pytest.raises(paramiko.SSHException, match="no acceptable kex"):
        modern.start_client(timeout=5)
    modern.close()


def test_keyboard_interactive_and_public_key(lab: Lab) -> None:
    asked = lab.add("cisco_ios", "nat-default", login={"auth": "keyboard-interactive"})
    transport = paramiko.Transport((asked.host, asked.port))
    transport.start_client()
    transport.auth_interactive(asked.user, lambda *_args: [asked.password])
    assert transport.is_authenticated()
    transport.close()
    key = paramiko.ECDSAKey.generate()
    public = f"{key.get_name()} {key.get_base64()}"
    keyed = lab.add("cisco_ios", "nat-default", login={"public_key": public})
    transport = paramiko.Transport((keyed.host, keyed.port))
    transport.connect(username=keyed.user, pkey=key)
    assert transport.is_authenticated()
    assert keyed.login_attempts == 1
    transport.close()


def test_telnet(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default", name="tel", login={"telnet": True})
    connection = connect(device, "cisco_ios_telnet", port=device.telnet_port)
    assert connection.send_command("show privilege") == "Current privilege level is 15"
    connection.disconnect()
    assert wait_until(lambda: device.open_sessions == 0)


def test_many_devices_in_one_process() -> None:
    with Lab() as crowd:
        devices = [crowd.add("cisco_ios", "nat-default") for _number in range(100)]
        assert len({device.port for device in devices}) == 100
        raws = [Raw(device) for device in devices[:5]]
        assert all(raw.until("#").endswith("#") for raw in raws)
    assert wait_until(lambda: not any(raw.transport.is_active() for raw in raws))
    crowd.stop()


def test_every_variant_has_words_and_secrets(device: Any) -> None:
    found: set[str] = set()
    for platform in ("cisco_ios", "cisco_asa", "fortinet_fortios"):
        for name, text in variants(platform).items():
            assert len(text) > 8
            made = device(platform, name)
            found.update(secret for secret in SECRETS if secret in made.running())
            found.update({made.password, made.enable_secret})
    assert found == set(SECRETS)


def test_unknown_variant(device: Any) -> None:
    with pytest.raises(KeyError, match="no variant"):
        device("cisco_ios", "nothing")


def test_the_readme_names_every_variant() -> None:
    text = (Path(__file__).resolve().parents[2] / "lab" / "README.md").read_text(encoding="utf-8")
    missing = [
        name
        for platform in ("cisco_ios", "cisco_asa", "fortinet_fortios")
        for name in variants(platform)
        if f"`{name}`" not in text
    ]
    assert missing == []
