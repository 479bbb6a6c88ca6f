# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenSSH server in the router: log-ins, what a session can do there, and what it cannot do to this machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.netns import CommandFailed, Lab
from tests.lab.netns.openssh import MemoryFile, OpenSSH, OpenSSHFailed, environment
from tests.lab.netns.router import UDP_TIMER

pytestmark = pytest.mark.netns("sshd")


@pytest.fixture
def ssh(lab: Lab) -> Iterator[OpenSSH]:
    with OpenSSH(lab.router.namespace, {"/etc/nftables.conf": "# nothing yet\n"}, name="edge1") as running:
        yield running


def replaced(ssh: OpenSSH, old: str, new: str) -> list[str]:
    """The command line of a log-in with one of its files replaced."""
    return [word.replace(old, new) for word in ssh.command("true")]


def test_the_log_in_leads_into_the_router(lab: Lab, ssh: OpenSSH) -> None:
    assert ssh.run(lab.lan, "id -un; hostname").split() == ["root", "edge1"]
    assert {"labnat", "labfw"} <= set(ssh.run(lab.lan, "nft list tables").split())
    assert "lan0" in ssh.run(lab.lan, "ip -br link")


def test_a_change_over_ssh_is_a_change_of_the_router(lab: Lab, ssh: OpenSSH) -> None:
    ssh.run(lab.lan, f"nft delete table ip labnat && sysctl -qw {UDP_TIMER}=77")
    assert "labnat" not in lab.router.namespace.run(["nft", "list", "tables"])
    assert lab.router.namespace.sysctl(UDP_TIMER) == "77"


def test_a_session_with_a_terminal_has_a_prompt(lab: Lab, ssh: OpenSSH) -> None:
    line = ssh.command()
    said = lab.lan.run([line[0], "-tt", *line[1:]], "echo $((6 * 7)); exit\n").replace("\r", "")
    assert "root@edge1:~#" in said
    assert "\n42\n" in said


def test_another_key_is_refused(lab: Lab, ssh: OpenSSH, tmp_path: Path) -> None:
    stranger = str(tmp_path / "key")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", stranger], check=True)
    with pytest.raises(CommandFailed, match="Permission denied"):
        lab.lan.run(replaced(ssh, ssh.key_file, stranger))
    assert "Failed publickey" in ssh.log()


def test_another_host_key_is_noticed(lab: Lab, ssh: OpenSSH, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    kind, key = ssh.host_key.split()
    known.write_text(f"{ssh.address} {kind} {key[:-4]}AAAA\n")
    with pytest.raises(CommandFailed, match="Host key verification failed"):
        lab.lan.run(replaced(ssh, ssh.known_hosts, str(known)))


def test_a_server_that_cannot_listen_says_so(lab: Lab) -> None:
    with pytest.raises(OpenSSHFailed, match="Cannot assign requested address"), OpenSSH(lab.lan):
        pytest.fail("the LAN has not the router's address")


def test_what_is_written_there_does_not_reach_this_machine(lab: Lab, ssh: OpenSSH) -> None:
    places = [f"{folder}/voip-edge-lab-trial" for folder in ("/etc", "/root", "/tmp", "/var", "/run")]
    ssh.run(lab.lan, f"touch {' '.join(places)} && rm {places[0]} && cat /etc/nftables.conf > {places[0]}")
    assert ssh.run(lab.lan, f"cat {places[0]}") == "# nothing yet\n"
    assert [place for place in places if os.path.exists(place)] == []
    for place in ("/usr/voip-edge-lab-trial", "/proc/sys/kernel/printk"):
        with pytest.raises(CommandFailed, match="Read-only file system"):
            ssh.run(lab.lan, f"echo 1 > {place}")


def test_a_session_may_not_unload_a_module_of_this_machine(lab: Lab, ssh: OpenSSH) -> None:
    # CapBnd: bits 16 (modules), 17 (raw I/O), 25 (clock).
    bounding = int(ssh.run(lab.lan, "grep CapBnd /proc/self/status").split()[1], 16)
    assert [bit for bit in (16, 17, 25) if bounding >> bit & 1] == []
    assert bounding >> 12 & 1, "CAP_NET_ADMIN"


def test_a_play_logs_in_from_the_lan(lab: Lab, ssh: OpenSSH, tmp_path: Path) -> None:
    (tmp_path / "inventory.json").write_text(json.dumps({"routers": {"hosts": {"edge1": ssh.host_vars()}}}))
    task = {"name": "List the tables", "ansible.builtin.raw": "nft list tables", "changed_when": False}
    show = {"name": "Show them", "ansible.builtin.debug": {"msg": "{{ said.stdout_lines | join(' ') }}"}}
    play = [
        {"name": "Log in", "hosts": "routers", "gather_facts": False, "tasks": [{**task, "register": "said"}, show]}
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    with lab.lan.entered():
        done = subprocess.run(
            ["ansible-playbook", "-i", "inventory.json", "play.yml"],
            cwd=tmp_path,
            env={**os.environ, **environment(), "HOME": str(tmp_path), "ANSIBLE_LOCALHOST_WARNING": "false"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "table ip labnat" in done.stdout


def test_the_end_ends_open_sessions(lab: Lab) -> None:
    with OpenSSH(lab.router.namespace) as ssh, MemoryFile("empty") as nothing:
        assert os.stat(nothing.path).st_mode & 0o777 == 0o600
        session = lab.lan.start(ssh.command("sleep 600"), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not ssh.run(lab.lan, "pgrep -x sleep || true"):
            assert session.poll() is None
    assert session.wait(10) == 255
