# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workshop of a run: the home folder of its tools, fresh copies of the checkout, and commands with a log.

Nothing is written outside the checkout's ``.cache`` and one temporary folder, which is removed at the end.
"""

from __future__ import annotations

import ast
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TextIO

import environments
import interpreters
from environments import Core, Environment
from interpreters import Interpreter

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
CACHE = CHECKOUT / ".cache"
REQUIREMENTS = HERE / "requirements"

NAMESPACE = "voip"
NAME = "edge"

# What the user's shell may have set for another Python, another Ansible or another coverage run.
_DROPPED_PREFIXES = ("PYTHON", "ANSIBLE_", "COV", "PYTEST_", "GALAXY_IMPORTER_", "MYPY", "RUFF_", "XDG_")
_DROPPED = {"VIRTUAL_ENV", "CDPATH", "PIP_REQUIRE_VIRTUALENV", "PIP_USER", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}


class GateFailed(Exception):
    """A gate said no; the text is one line for people."""


class Workshop:
    """Everything that gates share. Use as a context manager."""

    def __init__(self) -> None:
        self.pythons = interpreters.find()
        self.cores = environments.runnable(self.pythons)
        self.logs = CACHE / "logs"
        self.home = CACHE / "home"
        self._path = CACHE / "pythons"
        self._temp = Path()
        self.env: dict[str, str] = {}

    def __enter__(self) -> Workshop:
        for folder in (self.logs, self.home, self._path):
            folder.mkdir(parents=True, exist_ok=True)
        self._lay_path()
        self.env = self._environment()
        self._lay_pip_configuration()
        environments.lay_pip_bootstrap(self.home)
        self._temp = Path(tempfile.mkdtemp(prefix="voip-edge-gates-"))
        self._snapshot()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not os.environ.get("KEEP_TREES"):
            shutil.rmtree(self._temp, ignore_errors=True)

    def _lay_path(self) -> None:
        """A folder with a link to each interpreter that works, to stand first on PATH."""
        wanted = {f"python{python.label}": python.path for python in self.pythons.values()}
        for link in self._path.iterdir():
            # Another run may be at work here: what is right stays.
            if not link.exists() or (link.name.startswith("python") and wanted.get(link.name) != link.readlink()):
                link.unlink(missing_ok=True)
        for name, path in wanted.items():
            if not (self._path / name).is_symlink():
                (self._path / name).symlink_to(path)

    def _environment(self) -> dict[str, str]:
        """The machine's environment without what belongs to another Python, and with a home of our own."""
        kept = {
            key: value
            for key, value in os.environ.items()
            if key not in _DROPPED and not key.startswith(_DROPPED_PREFIXES)
        }
        kept.update(
            HOME=str(self.home),
            PATH=os.pathsep.join([str(self._path), os.environ.get("PATH", os.defpath)]),
            LC_ALL="C.UTF-8",
            NO_COLOR="1",
            ANSIBLE_NOCOLOR="1",
            PIP_DISABLE_PIP_VERSION_CHECK="1",
        )
        return kept

    def _lay_pip_configuration(self) -> None:
        """Carry the machine's pip settings into the home of the gates.

        The user's own file is no longer found there, and ansible-test drops every PIP_ variable.
        """
        python = next(iter(self.pythons.values()))
        listed = subprocess.run(
            [str(python.path), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
        )
        lines = ["[global]"]
        for line in (line for line in listed.stdout.splitlines() if "=" in line):
            key, quoted = line.split("=", 1)
            option = key.rpartition(".")[2]
            if key.partition(".")[0] in ("global", "install", ":env:") and option not in ("user", "config-file"):
                value = " ".join(str(ast.literal_eval(quoted)).split())
                lines.append(f"{option} = {value}")
        folder = self.home / ".config" / "pip"
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / "pip.conf"
        target.touch(mode=0o600)
        # Later lines win in pip's own order (global, user, environment); a file takes each key once.
        unique = {line.partition(" = ")[0]: line for line in lines}
        target.write_text("\n".join(unique.values()) + "\n")

    def home_of(self, environment: str) -> Path:
        """The home folder of an environment's tools.

        ansible-test keeps its own environments there under names that do not tell its releases apart: two that run
        at the same time would overwrite each other's.
        """
        home = self.home / environment
        target = home / ".config" / "pip"
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self.home / ".config" / "pip" / "pip.conf", target / "pip.conf")
        environments.lay_pip_bootstrap(home)
        return home

    def _snapshot(self) -> None:
        """Copy what git tracks or would track; later edits in the checkout do not reach a running gate."""
        listed = subprocess.run(
            ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=CHECKOUT,
            capture_output=True,
            check=True,
        )
        for name in listed.stdout.decode().split("\0"):
            source = CHECKOUT / name
            if name and source.is_file():
                target = self._temp / "snapshot" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)

    def fresh(self, purpose: str) -> Path:
        """A new root for ``purpose``: a folder that holds ``ansible_collections/voip/edge``."""
        root = self._temp / purpose
        shutil.copytree(self._temp / "snapshot", tree_of(root))
        return root

    def environment(
        self,
        name: str,
        core: Core | None,
        python: Interpreter,
        requirements: Sequence[str] = (),
        files: Sequence[str] = (),
    ) -> tuple[Environment, bool]:
        """The virtual environment ``name``; ``files`` are names in the folder of requirement files."""
        paths = [CHECKOUT / "requirements.txt"] if "run" in files else []
        paths += [REQUIREMENTS / f"{file}.txt" for file in files if file != "run"]
        log = self.logs / f"env-{name}.log"
        folder = CACHE / f"venv-{name}"
        made = environments.make(folder, python, core, requirements, paths, self.env, log)
        shellcheck = made[0].bin / "shellcheck"
        if shellcheck.exists() and not (self._path / "shellcheck").exists():
            (self._path / "shellcheck").symlink_to(shellcheck)
        return made


class Bench:
    """Where one gate works: its own copy of the collection, its environment, its log."""

    def __init__(self, workshop: Workshop, name: str, environment: Environment, log: TextIO) -> None:
        self.workshop = workshop
        self.environment = environment
        self.root = workshop.fresh(name)
        self.tree = tree_of(self.root)
        self._home = workshop.home_of(environment.folder.name)
        self._log = log

    def say(self, text: str) -> None:
        """A line for the log."""
        self._log.write(text + "\n")
        self._log.flush()

    def call(
        self,
        command: Sequence[str],
        cwd: Path | None = None,
        extra: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> int:
        """Run one program of the environment in the tree; raises GateFailed when it fails and ``check``."""
        env = dict(self.workshop.env)
        env["PATH"] = os.pathsep.join([str(self.environment.bin), env["PATH"]])
        env["VIRTUAL_ENV"] = str(self.environment.folder)
        env["ANSIBLE_COLLECTIONS_PATH"] = str(self.root)
        env["HOME"] = str(self._home)
        env.update(extra or {})
        self.say("$ " + shlex.join(command))
        done = subprocess.run(
            list(command),
            cwd=cwd or self.tree,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if check and done.returncode != 0:
            raise GateFailed(f"{Path(command[0]).name} ended with {done.returncode}")
        return done.returncode


def tree_of(root: Path) -> Path:
    """The collection's folder under ``root``."""
    return root / "ansible_collections" / NAMESPACE / NAME
