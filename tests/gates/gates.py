# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the gates of this collection, or set up an environment and run one program in it.

``gates.py test``            all that CI runs; exit code 1 if one of them fails, after all have run
``gates.py gates``           what a release goes through on top
``gates.py run NAME...``     single gates by name
``gates.py list``            their names
``gates.py demo|bench ...``  tests/demo.py or benchmarks/fleet.py in an environment of its own
``gates.py clean``           remove .cache
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import catalogue
import environments
import workshop
from catalogue import Gate
from environments import Core, Environment, EnvironmentFailed
from interpreters import Interpreter
from workshop import CACHE, CHECKOUT, Bench, GateFailed, Workshop

# Gates are processes of their own; two at a time keep a small machine busy and the tests' deadlines met.
AT_A_TIME = 2
SHOWN_LINES = 12
FAILED_LINES = 60
_PIP_NOISE = re.compile(
    r"\s*(Attempting |Collecting |Downloading |Found existing |Installing |Looking in |Obtaining "
    r"|Running sanity test |Successfully |Uninstalling |Using cached |WARNING: Location |\S*[━])"
)


def _say(text: str) -> None:
    print(text, flush=True)


def _line(word: str, name: str, what: str, started: float, more: str = "") -> None:
    seconds = time.monotonic() - started
    _say(f"{word:<7} {name:<24} {what:<62} {seconds:6.1f} s{more}")


def _known(shop: Workshop) -> dict[str, Gate]:
    releases = [pair[0].name for pair in shop.cores]
    return {**catalogue.heavy(releases), **catalogue.catalogue(releases[0], releases[-1])}


def _environment_files(name: str, newest: str) -> list[str]:
    """The requirement files of an environment; linters live in the newest core's only."""
    special = {"certification": ["certification"], "docs": ["run", "docs"], "content": ["run", "demo", "content"]}
    return special.get(name) or ["run", "unit", *(["lint"] if name == newest else [])]


def _core_of(shop: Workshop, name: str) -> tuple[Core | None, Interpreter]:
    cores: Mapping[str, tuple[Core, Interpreter]] = {pair[0].name: pair for pair in shop.cores}
    if name in cores:
        return cores[name]
    if name == "certification":
        # Its requirement file pins the core, to a release that stops at Python 3.12.
        python = next((shop.pythons[v] for v in ((3, 12), (3, 11), (3, 10)) if v in shop.pythons), None)
        if python is None:
            raise EnvironmentFailed("the certification set needs Python 3.10, 3.11 or 3.12")
        return None, python
    return shop.cores[-1]


def _prepare(shop: Workshop, names: Iterable[str]) -> dict[str, Environment | None]:
    """Make the environments; None for one that could not be made. Prints one line each."""
    newest = shop.cores[-1][0].name

    def make(name: str) -> Environment | None:
        started = time.monotonic()
        try:
            core, python = _core_of(shop, name)
            made, new = shop.environment(name, core, python, files=_environment_files(name, newest))
        except EnvironmentFailed as failure:
            _line("FAILED", f"env-{name}", str(failure), started)
            return None
        _line("ok", f"env-{name}", f"Python {python.label}, {'made' if new else 'reused'}", started)
        return made

    wanted = sorted(set(names))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        return dict(zip(wanted, pool.map(make, wanted)))


def _tail(text: str, count: int) -> str:
    """The closing lines of a log, indented, without what pip says while ansible-test sets itself up."""
    lines = [line for line in text.rstrip().splitlines() if not _PIP_NOISE.match(line)]
    return "\n".join("    " + line if line else "" for line in lines[-count:])


def _run_gate(shop: Workshop, gate: Gate, environment: Environment | None) -> bool:
    started = time.monotonic()
    if environment is None:
        _line("FAILED", gate.name, f"no environment {gate.environment}", started)
        return False
    path = shop.logs / f"{gate.name}.log"
    reason = ""
    with path.open("w") as log:
        try:
            gate.body(Bench(shop, gate.name, environment, log))
        except GateFailed as failure:
            reason = str(failure)
        except Exception as failure:  # a defect of the gate itself must not hide the others' results
            reason = f"{type(failure).__name__}: {failure}"
    if reason:
        tail = _tail(path.read_text(errors="replace"), FAILED_LINES)
        _line("FAILED", gate.name, gate.what, started, f"  {reason}, log: {path}\n{tail}")
        return False
    text = path.read_text(errors="replace")
    # Not indented: whoever reads the run looks for pytest's own closing line.
    shown = "\n" + "\n".join(text.rstrip().splitlines()[-SHOWN_LINES:]) if gate.show else ""
    _line("ok", gate.name, gate.what, started, shown)
    return True


def _report_pythons(shop: Workshop) -> None:
    labels = ", ".join(python.label for python in shop.pythons.values())
    _say(f"Pythons that start: {labels or 'none'}")
    there = {pair[0].name for pair in shop.cores}
    for core in environments.CORES:
        if core.name not in there:
            wanted = " or ".join(f"{major}.{minor}" for major, minor in core.pythons)
            _say(f"skipped: no gate runs with ansible-core {core.name}, it needs Python {wanted}")


def _possible(gates: Iterable[Gate]) -> list[Gate]:
    """Those that this machine can run; says of the others why not."""
    kept = []
    for gate in gates:
        why = gate.obstacle()
        if why:
            _say(f"skipped: {gate.name}, {gate.what}: {why}")
        else:
            kept.append(gate)
    return kept


def _run_gates(shop: Workshop, gates: Sequence[Gate]) -> int:
    """Run them all, two at a time; 0 when all passed."""
    started = time.monotonic()
    ready = _prepare(shop, (gate.environment for gate in gates))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda gate: _run_gate(shop, gate, ready[gate.environment]), gates))
    failed = [gate.name for gate, passed in zip(gates, results) if not passed]
    seconds = time.monotonic() - started
    if failed:
        _say(f"FAILED: {', '.join(failed)} ({len(gates)} gates, {seconds:.0f} s)")
        return 1
    _say(f"All {len(gates)} gates are green ({seconds:.0f} s).")
    return 0


def _run_program(shop: Workshop, name: str, script: str, files: Sequence[str], arguments: Sequence[str]) -> int:
    """Run ``script`` from a fresh copy of the checkout; its results go to ``VOIP_EDGE_OUTPUT``."""
    core, python = shop.cores[-1]
    _say(f"Setting up .cache/venv-{name}: ansible-core {core.name}, Python {python.label}")
    environment = shop.environment(name, core, python, files=files)[0]
    root = shop.fresh(name)
    output = CACHE / Path(script).stem
    output.mkdir(parents=True, exist_ok=True)
    env = dict(shop.env)
    env["PATH"] = os.pathsep.join([str(environment.bin), env["PATH"]])
    env["VIRTUAL_ENV"] = str(environment.folder)
    env["PYTHONPATH"] = env["ANSIBLE_COLLECTIONS_PATH"] = str(root)
    env["VOIP_EDGE_OUTPUT"] = str(output)
    command = [str(environment.bin / "python"), script, *arguments]
    return subprocess.run(command, cwd=workshop.tree_of(root), env=env, check=False).returncode


def _dispatch(shop: Workshop, word: str, arguments: Sequence[str]) -> int:
    releases = [pair[0].name for pair in shop.cores]
    if word == "demo":
        return _run_program(shop, "run", "tests/demo.py", ["run", "demo"], arguments)
    if word == "bench":
        return _run_program(shop, "bench", "benchmarks/fleet.py", ["run"], arguments)
    _report_pythons(shop)
    if word == "test":
        return _run_gates(shop, _possible(catalogue.catalogue(releases[0], releases[-1]).values()))
    if word == "gates":
        return _run_gates(shop, list(catalogue.heavy(releases).values()))
    known = _known(shop)
    if word == "list":
        for gate in known.values():
            _say(f"{gate.name:<24} {gate.what}")
        return 0
    names = [name for pattern in arguments for name in known if name == pattern or name.startswith(f"{pattern}-")]
    if word != "run" or not names:
        _say(__doc__ or "")
        return 2
    return _run_gates(shop, [known[name] for name in dict.fromkeys(names)])


def main(arguments: Sequence[str]) -> int:
    """The exit code of the run."""
    word = arguments[0] if arguments else ""
    if word == "clean":
        shutil.rmtree(CACHE, ignore_errors=True)
        return 0
    os.chdir(CHECKOUT)
    with Workshop() as shop:
        if not shop.cores:
            _say("no Python here fits any ansible-core from 2.16 on: 3.11, 3.12 or 3.13 with venv is needed")
            return 2
        try:
            return _dispatch(shop, word, arguments[1:])
        except EnvironmentFailed as failure:
            _say(f"FAILED: {failure}")
            return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
