# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command where the lab of namespaces can be built: ``python tests/lab/netns/enter.py COMMAND ...``.

``--check`` in place of a command says what this machine can do for the lab; exit code 3 when something is missing.

The command gets a network, a mount and a PID namespace of its own, so whatever it does to interfaces, rules and /run stays there,
and every process that it started ends with it, also when it is killed. Without root it also gets a user namespace in which it is
root. Standard library and util-linux only. Exit code: that of the command, or 3 when it is not possible here.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence

IMPOSSIBLE = 3
PR_SET_PDEATHSIG = 1
# /run is the host's: without root nobody may write there, and as root nobody should.
_PREPARE = 'mount -t tmpfs none /run && ip link set lo up && exec "$@"'


def command(argv: Sequence[str], uid: int | None = None) -> list[str]:
    """The command line that runs ``argv`` inside."""
    user = [] if (os.geteuid() if uid is None else uid) == 0 else ["--user", "--map-root-user"]
    return [
        "unshare",
        *user,
        "--net",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--",
        "sh",
        "-c",
        _PREPARE,
        "sh",
        *argv,
    ]


def obstacle() -> str:
    """Why that cannot work on this machine, or an empty text."""
    for program, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(program) is None:
            return f"{program} is not installed (package {package})"
    done = subprocess.run(command(["true"]), capture_output=True, text=True, timeout=30, check=False)
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().replace("\n", " | ")
    hint = "" if os.geteuid() == 0 else "; unprivileged user namespaces seem to be restricted: run it as root"
    return f"{said}{hint}"


def main(argv: Sequence[str]) -> int:
    """Run the command, or say why not."""
    # ip and nft are an administrator's programs; elsewhere than as root their folders may not be on PATH.
    os.environ["PATH"] = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if not argv:
        print(__doc__, file=sys.stderr)
        return 2
    if argv[0] == "--check":
        # The package alone, so that neither the simulated routers nor what they need is imported.
        os.environ["PYTHONPATH"] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        argv = [sys.executable, "-B", "-m", "netns.capability"]
    why = obstacle()
    if why:
        print(f"no namespaces: {why}", file=sys.stderr)
        return IMPOSSIBLE
    # unshare itself blocks SIGTERM while it waits; killed, it takes the command with it.
    child = subprocess.Popen(command(argv), preexec_fn=_end_with_parent)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: child.kill())
    # The terminal sends it to the command, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
