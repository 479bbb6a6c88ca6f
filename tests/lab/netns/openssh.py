# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real OpenSSH server on the LAN side of the router, with a host key of its own and a log-in by key.

No file of it lies in the machine's file system: the server's are in tmpfs that only it sees, the client's key and its
known_hosts are in the memory of this process.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .kernel import Namespace, find
from .lab import GATEWAY

PORT = 22
USER = "root"


class OpenSSHFailed(RuntimeError):
    """OpenSSH did not start; the text has its own words."""


class MemoryFile:
    """A file for other programs of this user that is in memory only; ``path`` opens it while this process lives."""

    def __init__(self, name: str, text: str = "") -> None:
        self.fd = os.memfd_create(name)
        # ssh refuses a private key that others may read.
        os.fchmod(self.fd, 0o600)
        os.write(self.fd, text.encode())

    @property
    def path(self) -> str:
        # Not getpid(): in a PID namespace without a /proc of its own the two differ.
        return f"/proc/{os.readlink('/proc/self')}/fd/{self.fd}"

    def __enter__(self) -> MemoryFile:
        return self

    def __exit__(self, *details: object) -> None:
        os.close(self.fd)


class OpenSSH:
    """OpenSSH in the router's namespace; a context that ends it with every session, and that ends with this process.

    ``host_key`` is the public host key (``ssh-ed25519 AAAA...``), ``key_file`` and ``known_hosts`` are paths for the client.
    ``files`` (path: text) are put into the router's own /etc, /root or /var. Raises OpenSSHFailed.
    """

    address, port, user = GATEWAY, PORT, USER

    def __init__(self, namespace: Namespace, files: Mapping[str, str] | None = None, name: str = "router") -> None:
        self.namespace = namespace
        self._settings = {"address": GATEWAY, "port": PORT, "name": name, "files": dict(files or {})}
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> OpenSSH:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._log = self._stack.enter_context(MemoryFile("sshd_log"))
        line = [find("unshare") or "unshare", "--mount", "--uts", "--ipc", "--pid", "--fork"]
        line += [sys.executable, "-I", "-S", "-B", str(Path(__file__).with_name("router_init.py"))]
        self._process = self.namespace.start(
            line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log.fd, cwd="/"
        )
        self._stack.callback(self._end)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._settings).encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        keys: dict[str, str] = json.loads(answer) if answer else {"error": "the router's first process ended"}
        if "error" in keys:
            raise OpenSSHFailed(f"{keys['error']}: {self.log().strip()}")
        self.host_key = keys["host_key"]
        self.key_file = self._file("client_key", keys["client_key"])
        self.known_hosts = self._file("known_hosts", f"{self.address} {self.host_key}\n")

    def _file(self, name: str, text: str) -> str:
        return self._stack.enter_context(MemoryFile(name, text)).path

    def _end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)

    @property
    def fingerprint(self) -> str:
        """Of the host key, as ssh-keygen shows it: ``SHA256:...``."""
        digest = hashlib.sha256(base64.b64decode(self.host_key.split()[1])).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    def log(self) -> str:
        """What sshd wrote so far."""
        # Not seek(): the server writes at the offset that it shares with this descriptor.
        return os.pread(self._log.fd, 1 << 20, 0).decode(errors="replace")

    def command(self, *words: str) -> list[str]:
        """The ssh command line that logs in from the LAN; run it in the namespace ``lan``."""
        return [
            "ssh",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            f"UserKnownHostsFile={self.known_hosts}",
            "-i",
            self.key_file,
            f"{self.user}@{self.address}",
            *words,
        ]

    def run(self, lan: Namespace, *words: str) -> str:
        """What a command printed on the router. Raises CommandFailed."""
        return lan.run(self.command(*words))

    def host_vars(self) -> dict[str, Any]:
        """Variables of an inventory for this router; valid while this process lives, for plays in the namespace ``lan``."""
        return {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": self.key_file,
            "ansible_ssh_common_args": " ".join(
                ["-F none", "-o StrictHostKeyChecking=yes", f"-o UserKnownHostsFile={self.known_hosts}"]
            ),
            "voip_edge_host_key": self.fingerprint,
        }


def environment() -> dict[str, str]:
    """Environment of an ansible-playbook that leaves no connection open behind it."""
    return {"ANSIBLE_SSH_ARGS": "-o ControlMaster=no", "ANSIBLE_HOST_KEY_CHECKING": "true"}
