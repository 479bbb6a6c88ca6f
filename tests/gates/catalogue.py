# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each gate does. A gate is a function of a Bench; it raises GateFailed, or returns for yes."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import unpacked
import workshop
from workshop import Bench, GateFailed

MINIMUM_COVERAGE = 95

_IMPORTER = """\
[galaxy-importer]
CHECK_REQUIRED_TAGS = True
REQUIRE_V1_OR_GREATER = {v1}
RUN_FLAKE8 = True
"""


@dataclass(frozen=True)
class Gate:
    """A named check, the environment it runs in, and whether to print its closing lines when it passes.

    ``obstacle`` says why this machine cannot run it, or nothing; ``make test`` then leaves it out and prints that.
    """

    name: str
    what: str
    environment: str
    body: Callable[[Bench], None]
    show: bool = False
    obstacle: Callable[[], str] = str  # which is nothing when it is called


def style(bench: Bench) -> None:
    """Ruff, both as linter and as formatter."""
    first = bench.call(["ruff", "check", "--no-cache", "."], check=False)
    second = bench.call(["ruff", "format", "--check", "--no-cache", "."], check=False)
    if first or second:
        raise GateFailed("ruff has something to say")


def types(bench: Bench) -> None:
    """mypy, strict, over the plugins and over these gates."""
    plugins = f"ansible_collections/{workshop.NAMESPACE}/{workshop.NAME}/plugins"
    bench.call(["mypy", "--config-file", str(bench.tree / "mypy.ini"), plugins], cwd=bench.root)
    gates = bench.tree / "tests" / "gates"
    bench.call(["mypy", "--strict", *sorted(p.name for p in gates.glob("*.py"))], cwd=gates)


def _pytest(bench: Bench, folders: list[str], options: list[str], **variables: str) -> None:
    # Its exit code counts as it is: also "no tests were collected" (5) is a failure.
    present = [folder for folder in folders if (bench.tree / folder).is_dir()]
    extra = {"PYTHONPATH": str(bench.root), **variables}
    # Tests look for the corpus beside the checkout; from the copy they would not find it.
    corpus = workshop.CHECKOUT.parent / "shared" / "corpus"
    if "VOIP_EDGE_CORPUS" not in bench.workshop.env and corpus.is_dir():
        extra["VOIP_EDGE_CORPUS"] = str(corpus)
    bench.call(["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *present], extra=extra)


def units_covered(bench: Bench) -> None:
    """Unit tests with branch coverage of plugins/; of the contract's cases one half, tomorrow the other, `make gates` has all."""
    options = [
        "--cov=plugins",
        "--cov-branch",
        "--cov-report=term-missing:skip-covered",
        f"--cov-fail-under={MINIMUM_COVERAGE}",
    ]
    half = f"{datetime.date.today().toordinal() % 2}/2"
    _pytest(bench, ["tests/unit"], options, VOIP_EDGE_CONTRACT_PART=half)


_ROLE_OF_THE_REFLECTOR = "tests/integration/test_reflector_role.py"


def integration(bench: Bench) -> None:
    """The playbooks against the simulated devices; without the role that needs a host of its own, see `reflector_role`."""
    _pytest(bench, ["tests/integration"], [f"--ignore={_ROLE_OF_THE_REFLECTOR}"])


def reflector_role(bench: Bench) -> None:
    """The role of the reflector on a throw-away host, which takes root and a minute. What is missing is a failure here."""
    _pytest(bench, [], [_ROLE_OF_THE_REFLECTOR], VOIP_EDGE_REQUIRE_HOST="1")


def contract(bench: Bench) -> None:
    """The contract of the platforms, all of its cases."""
    _pytest(bench, ["tests/unit/contract"], [])


def units(bench: Bench) -> None:
    """Unit tests but the contract of the platforms: Ansible has no part in that, and `make gates` runs it on this release too."""
    _pytest(bench, ["tests/unit"], ["--ignore=tests/unit/contract"])


_CHROMIUM = "tests/browser/chromium.py"


def no_browser() -> str:
    """What this machine lacks for the tests of the HTML report in a browser."""
    check = [sys.executable, "-B", str(workshop.CHECKOUT / _CHROMIUM)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"the check ended with {done.returncode}"


def browser(bench: Bench) -> None:
    """The HTML report in a headless Chromium. Without one this fails, after an administrator's attempt to install it."""
    if no_browser() and os.getuid() == 0 and shutil.which("apt-get"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        bench.call(["apt-get", "update", "-qq"], extra=quiet, check=False)
        bench.call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], extra=quiet, check=False)
    command = ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/browser"]
    bench.call(command, extra={"PYTHONPATH": str(bench.root), "VOIP_EDGE_REQUIRE_BROWSER": "1"})


_ENTER = "tests/lab/netns/enter.py"
_TELEPHONY = "tests/netns/test_telephony.py"


def no_namespaces() -> str:
    """What this machine lacks for the lab of network namespaces: programs of an administrator, or features of its kernel."""
    check = [sys.executable, "-B", str(workshop.CHECKOUT / _ENTER), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("ok ")]
    return " ".join((said or [f"the check ended with {done.returncode}"])[0].split())


def _netns_tests(bench: Bench, *options: str, **extra: str) -> None:
    command = ["python", _ENTER, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    bench.call(command, extra={"PYTHONPATH": str(bench.root), "VOIP_EDGE_REQUIRE_NETNS": "1", **extra})


def real_router(bench: Bench) -> None:
    """A real router in network namespaces: the kernel's NAT and SIP ALG, and OpenSSH. What is missing is a failure here."""
    _netns_tests(bench, "tests/netns", f"--ignore={_TELEPHONY}")


def played_router(bench: Bench) -> None:
    """Of the same what stands for all: the kernel's ALG as it was measured, and the playbooks from one end to the other."""
    _netns_tests(bench, "tests/netns/test_alg.py", "tests/netns/test_playbooks.py")


def telephony(bench: Bench) -> None:
    """Kamailio and SIPp of the distribution with that router in between; without them it fails."""
    path = unpacked.path_with(bench, {"kamailio": "kamailio", "kamcmd": "kamailio", "sipp": "sip-tester"})
    _netns_tests(bench, "-rP", _TELEPHONY, PATH=os.pathsep.join([str(bench.environment.bin), path]))


def changelog(bench: Bench) -> None:
    """The fragments are well formed; whoever installs what the collection needs installs what requirements.txt says."""
    bench.call(["antsibull-changelog", "lint"])

    def lines(name: str) -> list[str]:
        return [line for line in (bench.tree / name).read_text().splitlines() if line and not line.startswith("#")]

    wanted = lines("requirements.txt")
    if lines("meta/ee-requirements.txt") != wanted:
        raise GateFailed("requirements.txt and meta/ee-requirements.txt differ")
    for name in ("tests/unit/requirements.txt", "tests/integration/requirements.txt"):
        if not set(wanted) <= set(lines(name)):
            raise GateFailed(f"{name} lacks a line of requirements.txt")


def lint(bench: Bench) -> None:
    """ansible-lint, profile production; the other settings stand in .ansible-lint."""
    bench.call(["ansible-lint", "--strict", "--offline", "--profile", "production"])


def docs(bench: Bench) -> None:
    """The documentation of every plugin and role, and its links to other content."""
    bench.call(
        [
            "antsibull-docs",
            "lint-collection-docs",
            "--plugin-docs",
            "--skip-rstcheck",
            "--validate-collection-refs",
            "all",
            "--disallow-unknown-collection-refs",
            ".",
        ]
    )


def sanity(bench: Bench) -> None:
    """ansible-test sanity, every test of this release, without a single ignore entry."""
    ignores = sorted(p.name for p in (bench.tree / "tests" / "sanity").glob("ignore*"))
    if ignores:
        raise GateFailed(f"ignore files are not allowed: {', '.join(ignores)}")
    bench.call(["ansible-test", "sanity", "--local", "--color", "no"])


def official_units(bench: Bench) -> None:
    """The unit tests as ansible-test runs them, on every Python that is there."""
    bench.call(["ansible-test", "units", "--venv", "--color", "no"])


def official_integration(bench: Bench) -> None:
    """The integration targets as ansible-test runs them."""
    label = bench.environment.python.label
    bench.call(["ansible-test", "integration", "--venv", "--python", label, "--color", "no"])


def _scenarios(bench: Bench) -> list[str]:
    return sorted(path.parent.name for path in (bench.tree / "extensions" / "molecule").glob("*/molecule.yml"))


def molecule(bench: Bench) -> None:
    """Every scenario against simulated routers: check, converge, idempotence, the devices' own state, undo."""
    if not _scenarios(bench):
        raise GateFailed("there is no scenario under extensions/molecule")
    bench.call(["molecule", "test", "--all"])


def molecule_of_the_day(bench: Bench) -> None:
    """One scenario, another one every day."""
    names = _scenarios(bench)
    bench.call(["molecule", "test", "--scenario-name", names[datetime.date.today().toordinal() % len(names)]])


def image(bench: Bench) -> None:
    """ansible-builder finds what the collection needs, and takes the definition of an execution environment."""
    found, packages = bench.root / "python.txt", bench.root / "system.txt"
    bench.call(
        ["ansible-builder", "introspect", "--write-pip", str(found), "--write-bindep", str(packages), str(bench.root)]
    )
    for written, name in ((found, "requirements.txt"), (packages, "meta/ee-bindep.txt")):
        lines = {line.partition("#")[0].strip() for line in written.read_text().splitlines()}
        missing = [w for w in (bench.tree / name).read_text().splitlines() if w and w[0] != "#" and w not in lines]
        if missing:
            raise GateFailed(f"an image would lack '{missing[0]}' of {name}")
    definition = str(bench.tree / "docs" / "awx" / "execution-environment.yml")
    bench.call(["ansible-builder", "create", "--file", definition, "--context", str(bench.root / "context")])


def _build(bench: Bench) -> Path:
    target = bench.root / "dist"
    bench.call(["ansible-galaxy", "collection", "build", "--output-path", str(target)])
    return next(target.glob("*.tar.gz"))


def package(bench: Bench) -> None:
    """Build, install from the archive into an empty folder, and read every module's documentation there."""
    archive = _build(bench)
    place = bench.root / "installed"
    extra = {"ANSIBLE_COLLECTIONS_PATH": str(place)}
    bench.call(["ansible-galaxy", "collection", "install", "--offline", "-p", str(place), str(archive)], extra=extra)
    installed = workshop.tree_of(place)
    full = f"{workshop.NAMESPACE}.{workshop.NAME}"
    modules = sorted(p.stem for p in (installed / "plugins" / "modules").glob("*.py") if p.stem != "__init__")
    if not modules:
        raise GateFailed("the archive holds no module")
    names = [f"{full}.{module}" for module in modules]
    bench.call(["ansible-doc", "-t", "module", "--json", *names], extra=extra, cwd=place)
    bench.call(["ansible-doc", "-t", "role", "-l", "-r", str(installed / "roles")], extra=extra, cwd=place)
    for playbook in sorted((installed / "playbooks").glob("*.yml")):
        bench.call(
            ["ansible-playbook", "-i", "localhost,", "--syntax-check", f"{full}.{playbook.stem}"],
            extra=extra,
            cwd=place,
        )


def _import(bench: Bench, v1: bool) -> None:
    archive = _build(bench)
    settings = bench.root / "importer.cfg"
    settings.write_text(_IMPORTER.format(v1=v1))
    output = bench.root / "importer.out"
    command = f'python -m galaxy_importer.main "{archive}" > "{output}" 2>&1'
    code = bench.call(
        ["sh", "-c", command], cwd=bench.root, extra={"GALAXY_IMPORTER_CONFIG": str(settings)}, check=False
    )
    text = output.read_text(errors="replace")
    bench.say(text)
    # Findings of the linters come as warnings with exit code 0.
    bad = [line for line in text.splitlines() if re.search(r"\b(WARNING|ERROR)\b", line)]
    if code or bad:
        raise GateFailed(bad[0] if bad else f"the importer ended with {code}")
    result = json.loads((bench.root / "importer_result.json").read_text())
    bench.say(f"contents: {[item['name'] for item in result['contents']]}")


def importer(bench: Bench) -> None:
    """galaxy-importer takes the archive, and its log has no warning."""
    _import(bench, v1=False)


def certification(bench: Bench) -> None:
    """The same with the pinned set that certification uses, and its ansible-lint."""
    version = re.search(r"^version: (\d+)", (bench.tree / "galaxy.yml").read_text(), re.MULTILINE)
    _import(bench, v1=version is not None and int(version[1]) >= 1)
    bench.call(["ansible-lint", "--offline", "--profile=production", "-x", "sanity"])


def docs_site(bench: Bench) -> None:
    """The docs site builds, and Sphinx has nothing to warn of."""
    site = bench.root / "site"
    site.mkdir(mode=0o700)
    full = f"{workshop.NAMESPACE}.{workshop.NAME}"
    bench.call(
        ["antsibull-docs", "sphinx-init", "--use-current", "--lenient", "--dest-dir", str(site), full], cwd=bench.root
    )
    bench.call(["sh", "-c", "./build.sh > build.log 2>&1; code=$?; cat build.log; exit $code"], cwd=site)
    # Without the Internet the inventories of other projects are missing, and with them the labels of Ansible's own docs.
    elsewhere = re.compile(r"failed to reach any of the inventories|undefined label: '(?!ansible_collections\.)")
    lines = (site / "build.log").read_text().splitlines()
    warned = [line for line in lines if "WARNING" in line and not elsewhere.search(line)]
    if warned:
        raise GateFailed(warned[0])


def hostile(bench: Bench) -> None:
    """A million hostile datagrams at a reflector, with legitimate probes at work meanwhile; it prints its seed."""
    bench.call(["python", "-B", "tests/hostile.py", "--count", "1000000"], extra={"PYTHONPATH": str(bench.root)})


def probe_times(bench: Bench) -> None:
    """The probe through a real router with the kernel's own timers: seconds, memory, lifetimes, a tenth of the packets lost."""
    command = ["python", _ENTER, "python", "-B", "tests/probe_times.py"]
    bench.call(command, extra={"PYTHONPATH": str(bench.root)})


def catalogue(oldest: str, newest: str) -> dict[str, Gate]:
    """Every gate of ``make test`` by name, the longest first; arguments are releases, such as ``2.16``."""
    older = [] if oldest == newest else [oldest]
    gates = [
        Gate("units", f"pytest tests/unit with coverage, ansible-core {newest}", newest, units_covered, show=True),
        *(
            Gate(f"units-{r}", f"pytest tests/unit without the contract, ansible-core {r}", r, units, show=True)
            for r in older
        ),
        *(Gate(f"sanity-{r}", f"ansible-test sanity, ansible-core {r}", r, sanity) for r in (newest, *older)),
        # All of tests/netns takes minutes of waiting for timers: that is for `make gates`.
        _netns("netns-playbooks", newest, played_router),
        _browser(newest),
        Gate("integration", f"pytest tests/integration, ansible-core {newest}", newest, integration, show=True),
        Gate("importer", "galaxy-importer with a clean log", newest, importer),
        Gate("lint", "ansible-lint, profile production", newest, lint),
        Gate("molecule-today", "molecule, one scenario against the lab", "content", molecule_of_the_day),
        Gate("package", "build, install, ansible-doc of the installed", newest, package),
        Gate("types", "mypy --strict", newest, types),
        Gate("docs", "antsibull-docs lint-collection-docs", newest, docs),
        Gate("changelog", "antsibull-changelog lint", newest, changelog),
        Gate("style", "ruff check, ruff format", newest, style),
    ]
    return {gate.name: gate for gate in gates}


def _browser(environment: str) -> Gate:
    # With `make test` where there is a browser, with `make gates` always: a release must have been looked at.
    return Gate("browser", "pytest, the HTML report in a headless Chromium", environment, browser, True, no_browser)


def _netns(name: str, environment: str, body: Callable[[Bench], None]) -> Gate:
    # With `make test` where the machine can, with `make gates` always: a release must have seen a real router.
    what = "pytest, the kernel's SIP ALG and OpenSSH in namespaces"
    return Gate(name, what, environment, body, show=True, obstacle=no_namespaces)


def heavy(releases: list[str]) -> dict[str, Gate]:
    """What a release goes through on top: all cores, the official runner, certification, the docs site."""
    ends = [releases[0], releases[-1]]
    gates = [Gate(f"sanity-{r}", f"ansible-test sanity, ansible-core {r}", r, sanity) for r in releases]
    gates += [Gate(f"ansible-units-{r}", f"ansible-test units, ansible-core {r}", r, official_units) for r in ends]
    gates += [
        Gate(f"ansible-integration-{r}", f"ansible-test integration, ansible-core {r}", r, official_integration)
        for r in ends
    ]
    gates += [
        Gate("contract", "pytest, every case of every platform", releases[-1], contract, show=True),
        Gate("molecule", "molecule, all scenarios against the lab", "content", molecule),
        Gate("image", "ansible-builder: what the collection asks of an image", "content", image),
        Gate("certification", "galaxy-importer and ansible-lint, certification set", "certification", certification),
        Gate("site", "docs site", "docs", docs_site),
        _browser(releases[-1]),
        _netns("netns", releases[-1], real_router),
        Gate(
            "reflector-role", "the role of the reflector on a throw-away host", releases[-1], reflector_role, show=True
        ),
        Gate("probe-times", "what the probe takes, through a real router", releases[-1], probe_times, show=True),
        Gate("telephony", "SIPp and Kamailio through a real router", releases[-1], telephony, show=True),
        Gate("hostile", "1,000,000 hostile datagrams at a reflector", releases[-1], hostile, show=True),
    ]
    return {gate.name: gate for gate in gates}
