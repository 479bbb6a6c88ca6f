# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the Python interpreters of this machine that really start.

A version manager puts stand-ins on PATH that fail for versions which are not selected, and ansible-test
stops at the first interpreter that it cannot start. So each candidate is started once and asked who it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

Version = tuple[int, int]

# The oldest Python that modules run on; older ones are of no use here.
OLDEST: Version = (3, 9)

_NAME = re.compile(r"python3\.\d+")
_PROBE = (
    "import sys, os\n"
    "try:\n    import ensurepip, ssl, venv\n    usable = 1\n"
    "except ImportError:\n    usable = 0\n"
    "print(sys.version_info[0], sys.version_info[1], usable, os.path.realpath(sys.executable))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python that starts and can make virtual environments."""

    version: Version
    path: Path

    @property
    def label(self) -> str:
        """For example ``3.12``."""
        return f"{self.version[0]}.{self.version[1]}"


def _candidates() -> list[Path]:
    """All paths that look like a Python 3, those on PATH first, then those of a version manager."""
    folders = [Path(entry) for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry]
    if shutil.which("pyenv"):
        asked = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False, timeout=30)
        if asked.returncode == 0 and asked.stdout.strip():
            folders.extend(sorted(Path(asked.stdout.strip()).glob("versions/*/bin")))
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            continue
        found.extend(p for p in sorted(folder.iterdir()) if p.name == "python3" or _NAME.fullmatch(p.name))
    return found


def _probe(path: Path) -> Interpreter | None:
    """Start ``path``; None if it does not start, or cannot make environments (no ensurepip, no TLS)."""
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _PROBE], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    major, minor, usable, real = answer.stdout.strip().split(" ", 3)
    return Interpreter((int(major), int(minor)), Path(real)) if usable == "1" else None


def find() -> dict[Version, Interpreter]:
    """One interpreter a version; the first on PATH wins."""
    found: dict[Version, Interpreter] = {}
    for path in _candidates():
        interpreter = _probe(path)
        if interpreter is not None and interpreter.version >= OLDEST:
            found.setdefault(interpreter.version, interpreter)
    return dict(sorted(found.items()))
