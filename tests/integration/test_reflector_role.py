# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that installs the reflector, on a throw-away host: /etc, /usr/local, /run, processes and network of its own.

The host is made of namespaces and overlays, so it needs root, and nothing of it is left. systemd is played by a script that
starts the unit's command as the unit's user; what the other lines of the unit do is systemd's and not tested here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

KEY = "a-key-of-the-tests-that-nobody-else-has"
PYTHON = "/usr/bin/python3"

# The first process of the host: its name is what Ansible finds out about the init system.
INIT = """\
#!/bin/bash
set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/system /run/o/{e,ew,u,uw}
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/o/e,workdir=/run/o/ew /etc
mount -t overlay overlay -o lowerdir=/usr/local,upperdir=/run/o/u,workdir=/run/o/uw /usr/local
mkdir -p /etc/systemd/system
ip link set lo up
ip link add eth9 type veth peer name eth8
ip addr add 192.0.2.10/24 dev eth9
ip link set eth9 up
ip link set eth8 up
ip route add default via 192.0.2.1
"$@"
"""

SYSTEMCTL = """\
#!/bin/bash
unit=/etc/systemd/system/voip-edge-reflector.service
alive() { [ -f /run/pid ] && kill -0 "$(cat /run/pid)" 2>/dev/null; }
value() { sed -n "s/^$1=//p" $unit; }
start() {
  alive && return
  cd "$(value WorkingDirectory)" && install -d -o "$(value User)" "/run/$(value RuntimeDirectory)"
  setpriv --reuid="$(value User)" --regid="$(value Group)" --clear-groups --bounding-set=-all --no-new-privs \\
    $(value ExecStart) >/run/out 2>&1 &
  echo $! >/run/pid
}
stop() { alive && kill "$(cat /run/pid)"; while alive; do sleep 0.05; done; rm -f /run/pid; }
echo "$@" >>/run/asked
words=(); for word in "$@"; do case $word in -*) ;; *) words+=("$word") ;; esac; done
case ${words[0]} in
  show)
    [ -f $unit ] && echo LoadState=loaded || echo LoadState=not-found
    alive && echo ActiveState=active || echo ActiveState=inactive ;;
  is-enabled) [ -f /run/enabled ] && echo enabled || { echo disabled; exit 1; } ;;
  enable) touch /run/enabled ;;
  disable) rm -f /run/enabled ;;
  start) start ;;
  stop) stop ;;
  restart) stop; start ;;
esac
"""

STEPS = """\
play() { "$PLAYS" -m ansible playbook voip.edge.reflector -i inventory.json "${@:2}" >"$1.txt" 2>&1; echo $? >"$1.rc"; }
play check --check
ls -d /etc/voip-edge-reflector >check.left 2>&1
play real -e voip_edge_reflector_witness=elsewhere
ls -l /etc/voip-edge-reflector/key >key.ls
ps -o user= -p "$(cat /run/pid)" >user.txt
cp /etc/voip-edge-reflector/settings.json .
cp /run/pid first.pid
ls -d "${TMPDIR:-/tmp}"/voip-edge-witness-* >lent 2>/dev/null
play again
cmp -s /run/pid first.pid; echo $? >same.rc
play absent -e voip_edge_reflector_state=absent
ls -d /etc/voip-edge-reflector /usr/local/lib/voip-edge-reflector /etc/systemd/system/voip-edge-reflector.service >left 2>/dev/null
getent passwd voip-edge-reflector >>left
[ -f /run/pid ] && cat /run/pid >>left
true
"""

UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--net", "--mount-proc"]
TOOLS = ("unshare", "ip", "mount", "setpriv", "useradd", "ps", PYTHON)


def _lacks(why: str) -> None:
    """Skips; fails where the run was made for this test."""
    if os.environ.get("VOIP_EDGE_REQUIRE_HOST"):
        pytest.fail(why)
    pytest.skip(why)


def _script(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def host(tmp_path: Path, collections: str) -> Path:
    """The folder in which the steps have left what they saw."""
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    init = _script(tmp_path / "systemd", INIT)
    if os.geteuid() or missing:
        _lacks(f"needs root and {', '.join(missing or ['no more'])}")
    tried = subprocess.run([*UNSHARE, str(init), "true"], capture_output=True, text=True, check=False, timeout=30)
    if tried.returncode:
        _lacks(f"no namespaces or overlays here: {tried.stderr.strip()}")
    (tmp_path / "bin").mkdir()
    _script(tmp_path / "bin" / "systemctl", SYSTEMCTL)
    variables = {
        "ansible_connection": "local",
        "ansible_become": False,
        "ansible_python_interpreter": sys.executable,
        "voip_edge_reflector_key": KEY,
        "voip_edge_reflector_rtp_ports": "10000-10020",
    }
    elsewhere = {name: value for name, value in variables.items() if name.startswith("ansible_")}
    inventory = {"reflectors": {"hosts": {"outside": variables}}, "others": {"hosts": {"elsewhere": elsewhere}}}
    (tmp_path / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    env = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": collections,
        "ANSIBLE_NOCOLOR": "1",
        "HOME": str(tmp_path),
        "ANSIBLE_PIPELINING": "1",
    }
    env.update(PLAYS=sys.executable, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", ANSIBLE_LOCAL_TEMP=str(tmp_path))
    command = [*UNSHARE, str(init), "bash", str(_script(tmp_path / "steps", STEPS))]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_it_is_installed_asked_left_alone_and_taken_away(host: Path) -> None:
    def said(name: str) -> str:
        return (host / name).read_text(encoding="utf-8")

    for play in ("check", "real", "again", "absent"):
        assert said(f"{play}.rc") == "0\n", said(f"{play}.txt")
        assert KEY not in said(f"{play}.txt")
    assert "No such file" in said("check.left"), "check mode writes nothing"
    assert "udp dport { 29292, 29293, 5060, 5080, 10000-10020 }" in said("real.txt")
    assert "voip_edge_reflector_witness" in said("again.txt"), "which was asked from its own host alone"
    assert "elsewhere saw nothing changed" in said("real.txt")
    assert said("lent") == "", "the key is taken away from the witness"
    assert "-rw-r----- 1 root voip-edge-reflector" in said("key.ls")
    assert said("user.txt").strip() not in ("root", "")
    assert json.loads(said("settings.json"))["addresses"] == ["192.0.2.10"]
    assert " changed=0 " in said("again.txt")
    assert said("same.rc") == "0\n", "a second run restarts nothing"
    assert said("left") == ""
