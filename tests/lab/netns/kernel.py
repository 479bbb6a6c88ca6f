# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces of one process: made, entered, and gone with the process, however it ends.

A namespace here has no name in the file system and no process that holds it: it lives by an open file descriptor, so the kernel
takes it and every interface in it away when that is closed, also when this process is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, Union

CLONE_NEWNET = 0x40000000
Address = tuple[str, int]
Channel = Union[int, Any]

# The folders of an administrator's programs need not be on a user's PATH.
SEARCH = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: int) -> None:
    # os.unshare and os.setns are there from Python 3.12 only.
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _own() -> int:
    # Of the thread, not of the process: setns() moves one thread.
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def find(program: str) -> str | None:
    """Where a program is, or None."""
    return shutil.which(program, path=SEARCH)


class CommandFailed(RuntimeError):
    """A command in a namespace ended with an error; the text says which, with what it printed."""


class Namespace:
    """A network namespace, empty but for a loopback interface that is up.

    Raises OSError (EPERM) when the process may not make one: it needs CAP_SYS_ADMIN in its user namespace.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        home = _own()
        try:
            _call("unshare", CLONE_NEWNET)
            try:
                self.fd = _own()
            finally:
                _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)
        try:
            self.run(["ip", "link", "set", "lo", "up"])
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> str:
        """Where other programs find it while this process lives: ``nsenter --net=PATH``, ``ip link ... netns PATH``."""
        return f"/proc/{os.readlink('/proc/self')}/fd/{self.fd}"

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in the namespace; sockets and processes made meanwhile stay there."""
        home = _own()
        try:
            _call("setns", self.fd, CLONE_NEWNET)
            try:
                yield
            finally:
                _call("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    def run(self, argv: Sequence[str], text: str | None = None, timeout: float = 30.0) -> str:
        """What a command printed on its standard output. Raises CommandFailed."""
        line = [find(argv[0]) or argv[0], *argv[1:]]
        with self.entered():
            done = subprocess.run(line, input=text, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip()).replace("\n", " | ")
            raise CommandFailed(f"{self.name}: {' '.join(argv)}: exit {done.returncode}: {said}")
        return done.stdout

    def start(self, argv: Sequence[str], **options: Channel) -> subprocess.Popen[bytes]:
        """A process in the namespace; options are those of subprocess.Popen. Ending it is the caller's affair."""
        with self.entered():
            return subprocess.Popen(list(argv), **options)

    def udp(self, address: Address, timeout: float = 1.0) -> socket.socket:
        """A UDP socket bound in the namespace; it can be used from anywhere and is closed with the namespace."""
        return self._bound(socket.SOCK_DGRAM, address, timeout)

    def tcp(self, address: Address, timeout: float = 1.0) -> socket.socket:
        """A TCP socket bound in the namespace, neither connected nor listening."""
        return self._bound(socket.SOCK_STREAM, address, timeout)

    def _bound(self, kind: int, address: Address, timeout: float) -> socket.socket:
        with self.entered():
            made = socket.socket(socket.AF_INET, kind)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
        except OSError:
            made.close()
            raise
        made.settimeout(timeout)
        self._sockets.add(made)
        return made

    def sysctl(self, key: str, value: object = None) -> str:
        """Read a network sysctl (``net.ipv4.ip_forward``), or set it and read it back."""
        path = "/proc/sys/" + key.replace(".", "/")
        with self.entered():
            if value is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(value))
            with open(path, encoding="ascii") as file:
                return file.read().strip()

    def close(self) -> None:
        """Close the sockets made here and let go of the namespace. Twice is once."""
        for made in list(self._sockets):
            made.close()
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
