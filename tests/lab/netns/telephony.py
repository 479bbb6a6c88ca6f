# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of telephony, from the machine or from packages that were only unpacked: how they are called in either case."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from .kernel import CommandFailed, find

PACKAGES = {"kamailio": "kamailio", "kamcmd": "kamailio", "sipp": "sip-tester"}


def command(program: str) -> tuple[list[str], dict[str, str]]:
    """The beginning of the command line of a program of PACKAGES, and its environment. Raises CommandFailed where it is not there.

    Below another root than ``/`` (``ROOT/usr/sbin/kamailio``) its libraries and its own modules are looked for there, too.
    """
    place = find(program)
    if place is None:
        raise CommandFailed(f"{program} is not installed (package {PACKAGES[program]})")
    line, env = [place], dict(os.environ)
    root = Path(place).resolve().parent.parent.parent
    if root != Path("/") and (root / "usr").is_dir():
        places = [*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*"), root / "usr/lib", root / "usr/lib64"]
        own = [folder / "kamailio" for folder in places]
        env["LD_LIBRARY_PATH"] = _joined([*places, *own])
        if program == "kamailio":
            line += ["-L", _joined([folder / "modules" for folder in own])]
    return line, env


def _joined(folders: list[Path]) -> str:
    return os.pathsep.join(str(folder) for folder in folders if folder.is_dir())


def obstacle(program: str) -> str:
    """Why a program that is there cannot run, such as a library that is missing; or an empty text."""
    line, env = command(program)
    # SIPp says its version and ends with a code of its own, which is not that of a program that was not started.
    done = subprocess.run([*line, "-v"], env=env, capture_output=True, text=True, timeout=30, check=False)
    return "" if "version" in done.stdout.lower() or "SIPp v" in done.stdout else f"{program}: {done.stderr.strip()}"
