# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the benchmark works: its environments, a copy of the collection, the lab, and the measuring of one command."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).resolve().parent
TREE = HERE.parent
sys.path.insert(0, str(TREE / "tests" / "gates"))

import environments  # noqa: E402
import interpreters  # noqa: E402

LAB_SECONDS = 120.0
LIMIT_SECONDS = 3600.0
_DROPPED = ("PYTHON", "ANSIBLE_", "COV", "VIRTUAL_ENV", "MAKE", "MFLAGS")


class BenchFailed(Exception):
    """A measurement that says nothing; the text is for people."""


@dataclass(frozen=True)
class Cost:
    """What a command cost. Seconds, megabytes (proportional set size, peak of the whole tree)."""

    wall: float
    cpu: float
    memory_mb: float
    processes: int
    left_running: int
    code: int


@dataclass(frozen=True)
class Fleet:
    """A lab that serves: its folder and its process."""

    folder: Path
    process: subprocess.Popen[bytes]

    def writes(self) -> int:
        """Lines that would change something and reached a router."""
        return sum(path.stat().st_size > 0 for path in (self.folder / "journal").iterdir())

    def cpu(self) -> float:
        """CPU seconds of the simulator so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Workplace:
    """Use as a context manager; ``work`` is removed at the end, ``cache`` stays."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.work = Path(tempfile.mkdtemp(prefix="voip-edge-bench-"))
        self.root = self.work / "root"
        self._count = 0

    def __enter__(self) -> Workplace:
        self.cache.mkdir(parents=True, exist_ok=True)
        (self.work / "home").mkdir()
        (self.work / "ansible.cfg").write_text("[defaults]\n", encoding="utf-8")
        _copy_collection(self.root / "ansible_collections" / "voip" / "edge")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.work, ignore_errors=True)

    def environment(self, name: str, ansible: bool) -> Path:
        """The folder of programs of the environment ``name``; made when it is missing or no longer fits."""
        pythons = interpreters.find()
        runnable = environments.runnable(pythons)
        if not runnable:
            raise BenchFailed("no Python here fits any ansible-core from 2.16 on: 3.11 or newer with venv is needed")
        core, python = runnable[-1]
        files = [HERE / f"requirements-{name}.txt"]
        if name == "ours":
            files.insert(0, TREE / "requirements.txt")
        folder = self.cache / f"venv-{name}"
        if not folder.is_dir():
            print(f"Setting up {folder} (Python {python.label})", flush=True)
        made, _new = environments.make(
            folder, python, core if ansible else None, (), files, os.environ, self.cache / f"env-{name}.log"
        )
        return made.bin

    def variables(self, programs: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """A clean environment: nothing of the user's Ansible, no setting but those given."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_DROPPED)}
        kept.update(
            HOME=str(self.work / "home"),
            PATH=os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)]),
            LC_ALL="C.UTF-8",
            ANSIBLE_CONFIG=str(self.work / "ansible.cfg"),
            ANSIBLE_HOME=str(self.work / "home" / ".ansible"),
            ANSIBLE_COLLECTIONS_PATH=str(self.root),
            ANSIBLE_NOCOLOR="1",
        )
        kept.update(extra or {})
        return kept

    def measure(
        self, command: Sequence[str], programs: Path, extra: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> tuple[Cost, Path]:
        """Runs a command; its cost, and where its output is. Raises BenchFailed when it does not end well."""
        self._count += 1
        result, output = self.work / f"{self._count}.json", self.work / f"{self._count}.out"
        wrapper = [sys.executable, str(HERE / "measure.py"), str(result), str(LIMIT_SECONDS), str(output), "--"]
        subprocess.run([*wrapper, *command], env=self.variables(programs, extra), cwd=cwd or self.work, check=True)
        cost = Cost(**json.loads(result.read_text(encoding="utf-8")))
        if cost.code != 0:
            tail = "\n".join(output.read_text(errors="replace").splitlines()[-25:])
            raise BenchFailed(f"{Path(command[0]).name} ended with {cost.code}:\n{tail}")
        return cost, output

    @contextmanager
    def fleet(self, programs: Path, hosts: int, latency: str, clone: str) -> Iterator[Fleet]:
        """Fresh simulated routers, all of one platform and variant, in a process of their own."""
        folder = Path(tempfile.mkdtemp(prefix="lab-", dir=self.work))
        command = [str(programs / "python"), str(TREE / "tests" / "lab" / "serve.py")]
        command += ["--clones", f"{clone}:{hosts}", "--dir", str(folder), "--latency", latency]
        command += ["--exit-with", str(os.getpid())]
        with (folder / "lab.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=self.variables(programs))
        try:
            deadline = time.monotonic() + LAB_SECONDS
            while not (folder / "ready").exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchFailed("the lab did not start:\n" + (folder / "lab.log").read_text(errors="replace"))
                time.sleep(0.05)
            yield Fleet(folder, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(LAB_SECONDS)


def _copy_collection(target: Path) -> None:
    """What git tracks or would track; in a tree without git, all of it."""
    if (TREE / ".git").exists():
        command = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"]
        listed = subprocess.run(command, cwd=TREE, capture_output=True, check=True).stdout.decode()
        for name in filter(None, listed.split("\0")):
            if (TREE / name).is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(TREE / name, target / name)
    else:
        shutil.copytree(TREE, target, ignore=shutil.ignore_patterns(".cache", "__pycache__"))
