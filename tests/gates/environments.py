# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ansible-core the gates run with, on which Python, and how each environment is made.

An environment is kept under ``.cache/`` with a stamp: a hash of everything that went into it. It is made
again when the stamp no longer fits, and reused otherwise.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from interpreters import Interpreter, Version


@dataclass(frozen=True)
class Core:
    """A minor release of ansible-core and the controller Pythons it takes, the preferred one first."""

    name: str
    pythons: tuple[Version, ...]

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"ansible-core~={self.name}.0"


CORES = (
    Core("2.16", ((3, 11), (3, 10), (3, 12))),
    Core("2.17", ((3, 11), (3, 10), (3, 12))),
    Core("2.18", ((3, 12), (3, 11), (3, 13))),
    Core("2.19", ((3, 12), (3, 11), (3, 13))),
    Core("2.20", ((3, 12), (3, 13), (3, 14))),
    Core("2.21", ((3, 12), (3, 13), (3, 14))),
)

# The bootstrap scripts that the releases above ask for, see ``lay_pip_bootstrap``.
PIP_BOOTSTRAPS = ("23_1_2", "24_2", "25_2")

_PIP_BOOTSTRAP = '''\
"""Stand-in for the pip bootstrap script that ansible-test would fetch: ensurepip, then pip."""
import subprocess
import sys

arguments = [item for item in sys.argv[1:] if item not in ("--no-setuptools", "--no-wheel")]
subprocess.check_call([sys.executable, "-m", "ensurepip", "--upgrade"], stdout=subprocess.DEVNULL)
if any(not item.startswith("-") for item in arguments):
    subprocess.check_call([sys.executable, "-m", "pip", "install"] + arguments)
'''


class EnvironmentFailed(Exception):
    """An environment could not be made; the text says which log to read."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment that is ready to use."""

    folder: Path
    core: Core | None
    python: Interpreter

    @property
    def bin(self) -> Path:
        """The folder of its programs."""
        return self.folder / "bin"


def fitting(core: Core, pythons: Mapping[Version, Interpreter]) -> Interpreter | None:
    """The best interpreter of this machine for ``core``."""
    return next((pythons[version] for version in core.pythons if version in pythons), None)


def runnable(pythons: Mapping[Version, Interpreter]) -> list[tuple[Core, Interpreter]]:
    """The releases that this machine has a Python for, oldest first."""
    pairs = ((core, fitting(core, pythons)) for core in CORES)
    return [(core, python) for core, python in pairs if python is not None]


def _stamp(python: Interpreter, requirements: Sequence[str], files: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for part in (python.label, str(python.path), *requirements):
        digest.update(part.encode() + b"\0")
    for file in files:
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def make(  # one call a kind of environment, all facts as arguments
    folder: Path,
    python: Interpreter,
    core: Core | None,
    requirements: Sequence[str],
    files: Sequence[Path],
    env: Mapping[str, str],
    log: Path,
) -> tuple[Environment, bool]:
    """Make the environment unless it is there with the same stamp; says whether it was made now.

    ``requirements`` are lines for pip, ``files`` requirement files. Raises EnvironmentFailed.
    """
    wanted = list(requirements) if core is None else [core.requirement, *requirements]
    stamp = folder / "voip-edge.stamp"
    value = _stamp(python, wanted, files)
    if stamp.is_file() and stamp.read_text() == value:
        return Environment(folder, core, python), False
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--disable-pip-version-check", *wanted]
    for file in files:
        install += ["--requirement", str(file)]
    with log.open("w") as out:
        for command in ([str(python.path), "-m", "venv", str(folder)], install):
            out.write("$ " + " ".join(command) + "\n")
            out.flush()
            done = subprocess.run(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env, check=False
            )
            if done.returncode != 0:
                raise EnvironmentFailed(f"{folder.name} could not be made, see {log}")
    stamp.write_text(value)
    return Environment(folder, core, python), True


def lay_pip_bootstrap(home: Path) -> None:
    """Put our own pip bootstrap where ansible-test looks before it fetches one: no gate needs that host."""
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in PIP_BOOTSTRAPS:
        (cache / f"get_pip_{version}.py").write_text(_PIP_BOOTSTRAP)
