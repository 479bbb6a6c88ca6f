# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing stays behind: no process, no namespace, no interface, no mount, no file, whichever way the lab's process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import netns
from tests.lab.netns import Lab, Namespace, enter

pytestmark = pytest.mark.netns("sshd")

ROOT = Path(__file__).parents[2]
ENTER = Path(enter.__file__)

# A lab with everything that it can hold: two routers, OpenSSH with an open session, a process of the user's own.
VICTIM = """\
import os, signal, subprocess, sys
# Where a shell started all this in the background, SIGINT is ignored from there on.
signal.signal(signal.SIGINT, signal.default_int_handler)
from tests.lab.netns import Lab
from tests.lab.netns.openssh import OpenSSH

with Lab(carrier=True) as lab, OpenSSH(lab.router.namespace) as ssh:
    null = subprocess.DEVNULL
    session = lab.lan.start(ssh.command("echo in; sleep 600"), stdin=null, stdout=subprocess.PIPE, stderr=null)
    session.stdout.readline()
    spaces = [lab.lan, lab.wan, lab.router.namespace, lab.carrier.namespace]
    print(*(os.fstat(space.fd).st_ino for space in spaces), flush=True)
    word = sys.stdin.readline().strip()
    if word == "raise":
        raise RuntimeError("as asked")
"""


def living(inodes: set[int]) -> list[str]:
    """Command lines of processes in these namespaces, as far as this process may look."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            # It may end while we look, or belong to somebody else.
            with contextlib.suppress(OSError):
                if os.stat(entry / "ns" / "net").st_ino in inodes:
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def wait_for_end(inodes: set[int], seconds: float = 10.0) -> list[str]:
    end = time.monotonic() + seconds
    while living(inodes) and time.monotonic() < end:
        time.sleep(0.05)
    return living(inodes)


def surroundings(folder: Path) -> dict[str, object]:
    """What of this machine a lab could leave something in."""
    names = Path("/run/netns")
    return {
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "names": sorted(os.listdir(names)) if names.is_dir() else [],
        "files": sorted(os.listdir(folder)),
    }


@contextlib.contextmanager
def victim(folder: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], set[int]]]:
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", VICTIM],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder), "HOME": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process, {int(word) for word in process.stdout.readline().split()}
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("how", ["end", "raise", "SIGKILL", "SIGTERM", "SIGINT"])
def test_nothing_is_left_of_a_lab(how: str, tmp_path: Path) -> None:
    before = surroundings(tmp_path)
    with victim(tmp_path) as (process, inodes):
        assert len(inodes) == 4
        assert any("sleep 600" in line for line in living(inodes))
        if how.startswith("SIG"):
            process.send_signal(getattr(signal, how))
            process.wait(10)
        else:
            process.communicate(f"{how}\n", 20)
        assert wait_for_end(inodes) == []
    assert process.returncode == {"end": 0, "raise": 1}.get(how, -getattr(signal, how, 0))
    assert surroundings(tmp_path) == before


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "SIGHUP"])
def test_a_command_that_was_entered_ends_with_its_launcher(how: str, tmp_path: Path) -> None:
    before = surroundings(tmp_path)
    with victim(tmp_path, sys.executable, str(ENTER)) as (process, inodes):
        assert len(inodes) == 4
        process.send_signal(getattr(signal, how))
        process.wait(10)
        assert wait_for_end(inodes) == []
    assert surroundings(tmp_path) == before


def test_the_launcher_gives_back_the_code_of_its_command() -> None:
    assert subprocess.run([sys.executable, ENTER, "sh", "-c", "exit 7"], check=False).returncode == 7
    assert subprocess.run([sys.executable, ENTER], check=False, stderr=subprocess.DEVNULL).returncode == 2


def test_the_launcher_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(enter.shutil, "which", lambda program: None)
    assert enter.main(["true"]) == enter.IMPOSSIBLE
    assert "unshare is not installed (package util-linux)" in capsys.readouterr().err


def test_a_lab_that_cannot_be_built_takes_its_first_half_away(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Namespace] = []
    build = Namespace.__init__

    def at_most_two(self: Namespace, name: str) -> None:
        if len(made) == 2:
            raise OSError("no more")
        build(self, name)
        made.append(self)

    monkeypatch.setattr(netns.Namespace, "__init__", at_most_two)
    with pytest.raises(OSError, match="no more"), Lab():
        pytest.fail("there is no third namespace")
    assert [space.fd for space in made] == [-1, -1]


def test_sockets_end_with_their_namespace() -> None:
    with Lab() as lab:
        left = lab.lan.udp(("0.0.0.0", 0))
    assert left.fileno() == -1
