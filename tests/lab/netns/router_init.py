# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first process of the router: gives it file systems of its own, starts OpenSSH, and ends with the lab.

Run by openssh.py through unshare, as process 1 of a PID namespace: when it ends, the kernel ends every session of the router
with it. It ends when its standard input does, which is when the lab's process is gone, however that came about.

Everything is read-only but /etc, /root, /run, /tmp and /var, which are tmpfs: what an administrator writes on the router never
reaches the machine that runs the lab, also where the lab runs as its root.

Protocol: a line of JSON comes in (see Settings), a line of JSON goes out (``client_key``, ``host_key``, or ``error``).
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1
# From <asm/unistd.h> and <linux/audit.h>.
SETGROUPS = {"x86_64": (116, 0xC000003E), "aarch64": (159, 0xC00000B7)}
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_CAPBSET_DROP = 22, 2, 24
# Modules, raw I/O and the clock belong to the machine, also when its root runs the lab.
CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME = 16, 17, 25

# What programs of a router read in /etc; the rest of the machine's settings is none of the router's business.
KEPT = (
    *("alternatives", "bash.bashrc", "inputrc", "iproute2", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime"),
    *("os-release", "profile", "protocols", "services", "shells", "sysctl.conf", "sysctl.d", "terminfo"),
)
OWN = ("/root", "/tmp", "/var")
# Where builds of OpenSSH want an empty folder that belongs to root.
EMPTY = ("/usr/share/empty.sshd", "/var/empty", "/run/sshd")
SSHD_CONFIG = """\
ListenAddress {address}:{port}
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PidFile none
PrintMotd no
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    done = _libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode() or None)
    _checked(done, f"mount {target}")


def _tmpfs(target: str, mode: str = "755") -> None:
    _mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode},size=64m")


def _read_only(path: str, yes: bool, recursive: bool) -> None:
    # struct mount_attr: attr_set, attr_clr, propagation, userns_fd. From Linux 5.12 on.
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY * yes, MOUNT_ATTR_RDONLY * (not yes), 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    done = _libc.syscall(MOUNT_SETATTR, AT_FDCWD, path.encode(), flags, attributes, len(attributes))
    _checked(done, f"mount_setattr {path}")


def file_systems(files: dict[str, str]) -> None:
    """Writable places of the router's own over a read-only rest, and ``files`` (path: text) in them."""
    _mount("none", "/", "none", MS_REC | MS_PRIVATE)
    _read_only("/", True, recursive=True)
    # Sysctls are written there. A fresh /proc shows the router's own processes, where the kernel grants one.
    _read_only("/proc", False, recursive=False)
    try:
        _mount("proc", "/proc", "proc")
    except PermissionError:
        print("no /proc of its own: the machine's is partly hidden", file=sys.stderr)
    # Of the sysctls only those of the network are the router's own.
    for place, writable in (("/proc/sys", False), ("/proc/sys/net", True)):
        _mount(place, place, "none", MS_BIND)
        _read_only(place, not writable, recursive=False)
    _tmpfs("/run")
    _etc(Path("/run/etc"))
    _mount("/run/etc", "/etc", "none", MS_BIND)
    for place in OWN:
        _tmpfs(place, "1777" if place == "/tmp" else "700" if place == "/root" else "755")
    # With the machine's terminals a session without root could not own its own.
    _mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620")
    _mount("/dev/pts/ptmx", "/dev/ptmx", "none", MS_BIND)
    for place in EMPTY:
        if place.startswith(("/run/", "/var/")):
            os.makedirs(place, 0o755)
        elif os.path.isdir(place):
            _tmpfs(place)
    os.makedirs("/var/log")
    # OpenSSH keeps count of log-ins there, and complains where it cannot.
    for place in ("/var/log/lastlog", "/var/log/wtmp", "/run/utmp"):
        Path(place).touch()
    os.symlink("/run", "/var/run")
    for name, text in files.items():
        os.makedirs(os.path.dirname(name), exist_ok=True)
        Path(name).write_text(text)


def _etc(target: Path) -> None:
    target.mkdir(mode=0o755)
    for name in KEPT:
        source = Path("/etc", name)
        try:
            if source.is_dir():
                shutil.copytree(source, target / name, symlinks=True)
            elif source.exists():
                shutil.copy2(source, target / name, follow_symlinks=False)
        except (PermissionError, shutil.Error):
            print(f"/etc/{name} cannot be read", file=sys.stderr)
    unprivileged = 65534 if many_users() else 0
    # No group "tty": a terminal then belongs to its user's group, which is there without root, too.
    texts = {
        "passwd": f"root:*:0:0:root:/root:{_shell()}\nsshd:*:{unprivileged}:{unprivileged}:sshd:/run/sshd:/usr/sbin/nologin\n",
        "group": "root:*:0:\n",
        "shadow": "",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
        "hosts": "127.0.0.1 localhost\n",
        "hostname": socket.gethostname() + "\n",
    }
    for name, text in texts.items():
        (target / name).write_text(text)
    (target / "ssh").mkdir(mode=0o755)


def _shell() -> str:
    return shutil.which("bash") or "/bin/sh"


def many_users() -> bool:
    """Whether this user namespace has more users than one; without root it has one, and setgroups() is denied."""
    return sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines()) > 65534


def pretend_setgroups() -> None:
    """Let setgroups() do nothing and succeed. OpenSSH ends when it fails, and with one user there is no group to drop.

    Raises OSError on a machine whose number of that system call is not in SETGROUPS.
    """
    machine = platform.machine()
    if machine not in SETGROUPS:
        raise OSError(f"OpenSSH without root is not prepared for {machine}; run the lab as root")
    number, architecture = SETGROUPS[machine]
    # load the architecture; other: allow; load the number; setgroups: error 0; allow
    program = b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (0x20, 0, 0, 4),
            (0x15, 0, 3, architecture),
            (0x20, 0, 0, 0),
            (0x15, 0, 1, number),
            (0x06, 0, 0, 0x00050000),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    lines = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(lines)))
    _checked(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0), "seccomp")


def _key(path: str) -> str:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", path], check=True)
    return Path(path + ".pub").read_text()


def start(settings: dict[str, Any]) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """OpenSSH, listening, and the two keys: the client's private one and the host's public one."""
    socket.sethostname(settings["name"])
    file_systems(settings["files"])
    host_key = _key("/etc/ssh/ssh_host_ed25519_key")
    os.mkdir("/root/.ssh", 0o700)
    public = _key("/root/.ssh/client")
    Path("/root/.ssh/authorized_keys").write_text(public)
    private = Path("/root/.ssh/client").read_text()
    os.unlink("/root/.ssh/client")
    Path("/etc/ssh/sshd_config").write_text(SSHD_CONFIG.format(**settings))
    for capability in (CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME):
        _checked(_libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "drop a capability")
    if not many_users():
        pretend_setgroups()
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    # Its log goes to our standard error; what it would read or print elsewhere goes nowhere.
    server = subprocess.Popen([program, "-D", "-e"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd="/")
    _wait(server, (settings["address"], settings["port"]))
    return server, {"client_key": private, "host_key": " ".join(host_key.split()[:2])}


def _wait(server: subprocess.Popen[bytes], address: tuple[str, int], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if server.poll() is not None:
            raise OSError(f"sshd ended with {server.returncode}")
        # Nothing may be imported any more, as the folders of this interpreter may be hidden: so no create_connection().
        with socket.socket() as trial:
            trial.settimeout(0.5)
            if trial.connect_ex(address) == 0:
                return
        time.sleep(0.02)
    raise OSError(f"sshd does not listen after {seconds:g} s")


def main() -> int:
    """Answer with the keys, then live as long as the lab does."""
    # What ssh-keygen or sshd print must not end up in the protocol.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        server, keys = start(json.loads(sys.stdin.readline()))
    except (OSError, subprocess.SubprocessError) as error:
        print(json.dumps({"error": str(error)}), file=answers, flush=True)
        return 1
    print(json.dumps(keys), file=answers, flush=True)
    sys.stdin.read()
    server.kill()
    return 0


if __name__ == "__main__":
    sys.exit(main())
