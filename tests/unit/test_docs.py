# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation repeats of the code is what the code says; what it names is there; its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.edge.plugins.module_utils._edge import options
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import EdgeError
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import LABELS
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS, vendor_of
from tests import docs_from_platforms
from tests.lab import Lab, variants
from tests.unit.conftest import audit

ROOT = Path(__file__).resolve().parents[2]
RST = ROOT / "docs" / "docsite" / "rst"
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = {path.stem: path.read_text(encoding="utf-8") for path in sorted(RST.glob("*.rst"))}
BASE = "https://github.com/voip-edge/voip.edge/blob/main/"
NAMES = {
    "module": {p.stem for p in (ROOT / "plugins" / "modules").glob("*.py")} - {"__init__"},
    "role": {p.name for p in (ROOT / "roles").iterdir() if p.is_dir()},
    "filter": {p.stem for p in (ROOT / "plugins" / "filter").glob("*.py")},
    "playbook": {p.stem for p in (ROOT / "playbooks").glob("*.yml")},
}


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a Markdown text."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)


def commands() -> Iterator[str]:
    """The lines that a reader would type."""
    for block in blocks(README, "console"):
        yield from re.findall(r"^\$ (.+)$", block, re.M)
    for text in GUIDES.values():
        yield from re.findall(r"^ +\$ (.+)$", text, re.M)


PLAYS = sorted({line for line in commands() if line.startswith("ansible-playbook ")})


def test_what_is_derived_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_from_platforms.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_copy_is_noticed_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("plugins", "roles"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / docs_from_platforms.RST).mkdir(parents=True)
    (tmp_path / "README.md").write_text(README.replace("| yes |", "| no |"), encoding="utf-8")
    monkeypatch.setattr(docs_from_platforms, "ROOT", tmp_path)
    assert docs_from_platforms.main(["--check"]) == 1
    assert "README.md is not what the code says" in capsys.readouterr().out
    assert docs_from_platforms.main([]) == 0
    assert docs_from_platforms.main(["--check"]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README
    assert len(list((tmp_path / docs_from_platforms.RST).iterdir())) == len(PLATFORMS)
    (tmp_path / "README.md").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="must be there, once each"):
        docs_from_platforms.main(["--check"])


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
def test_the_versions_in_words_are_those_of_the_platform(platform: Any) -> None:
    if platform.firmware == "":
        assert docs_from_platforms.versions(platform) == "any"
        return
    for words in docs_from_platforms.versions(platform).split(", "):
        for end in words.split(" to "):
            assert platform.knows(end.replace("x", "9") + ".1")
    assert not platform.knows("99.9.1")


def test_markup_in_facts_stays_text() -> None:
    assert docs_from_platforms._rst(r"a*b `c` |d| e_ f_g \h") == r"a\*b \`c\` \|d\| e\_ f_g \\h"
    table = docs_from_platforms._markdown([("a", "b"), ("1|2", "3")])
    assert table.split("\n") == ["| a | b |", "|---|---|", "| 1\\|2 | 3 |"]


def test_every_page_is_in_the_index() -> None:
    index = yaml.safe_load((ROOT / docs_from_platforms.INDEX).read_text(encoding="utf-8"))
    listed = [page for section in index["sections"] for page in section["toctree"]]
    assert sorted(listed) == sorted(GUIDES)
    for page, text in GUIDES.items():
        assert f".. _ansible_collections.voip.edge.docsite.{page}:\n" in text


def test_every_platform_page_has_sources() -> None:
    for platform in PLATFORMS:
        text = GUIDES[f"platform_{platform.name}"]
        assert "None is given yet" not in text
        assert re.search(r"^Sources\n-+\n\n\* ", text, re.M)


def test_every_platform_has_a_vendor_as_people_write_it() -> None:
    for platform in PLATFORMS:
        assert re.fullmatch(r"[A-Z][A-Za-z-]+", platform.vendor), platform.title
        assert platform.name.startswith(platform.vendor.lower().replace("-", "")) or platform.vendor == "OpenWrt"
        assert vendor_of(platform.name) == platform.vendor
    assert vendor_of("nobody") == ""


def test_the_inventory_is_five_lines() -> None:
    block = next(b for b in blocks(README, "yaml") if b.startswith("routers:"))
    assert len(block.strip().split("\n")) == 5
    hosts = yaml.safe_load(block)["routers"]["hosts"]
    assert {h["ansible_network_os"] for h in hosts.values()} <= {n for p in PLATFORMS for n in p.network_os}
    indented = "".join(f"    {line}\n" for line in block.strip().split("\n"))
    assert indented in GUIDES["guide_first_audit"]


def test_the_number_of_platforms_is_right() -> None:
    words = [
        "no",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
    ]
    count = words[len(PLATFORMS)] if len(PLATFORMS) < len(words) else str(len(PLATFORMS))
    assert f" knows {count} platforms" in README


def test_every_yaml_block_is_yaml() -> None:
    for block in blocks(README, "yaml"):
        assert yaml.safe_load(block)


@pytest.mark.parametrize("line", PLAYS)
def test_every_playbook_command_is_taken(tmp_path: Path, line: str) -> None:
    """With --list-tasks everything is parsed, inventory and hosts included, and nothing is run."""
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(next(b for b in blocks(README, "yaml") if b.startswith("routers:")), encoding="utf-8")
    words = [word for word in shlex.split(line, comments=True)[1:] if word != "#"]
    home = Path(options.__file__).resolve().parents[3]
    root = tmp_path / "root" / "ansible_collections" / "voip"
    root.mkdir(parents=True)
    (root / "edge").symlink_to(home)
    # ansible-test has a command of this name, and no `python -m ansible playbook`; elsewhere it is beside the Python.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "root"), "HOME": str(tmp_path), "PATH": path}
    command = [str(shutil.which("ansible-playbook", path=path)), *words, "--list-tasks", "--list-hosts"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "hosts (0)" not in done.stdout
    if "inventory.yml" in words:
        assert "berlin-r1" in done.stdout


def test_the_three_playbooks_come_with_the_plan_first() -> None:
    named = [re.findall(r"voip\.edge\.(\w+)", line)[0] for line in PLAYS]
    assert {"audit", "remediate", "audit_backups"} <= set(named)
    shown = [line for block in blocks(README, "console") for line in block.split("\n") if "voip.edge.remediate" in line]
    assert "--check" in shown[0]


def test_every_name_is_there() -> None:
    known = set().union(*NAMES.values())
    for where, text in {"README.md": README, **GUIDES}.items():
        named = set(re.findall(r"(?<![-/\w])voip\.edge\.([a-z_]+)\b(?!\.)", text.replace(".docsite.", "/docsite/")))
        assert named <= known, f"{where} names what is not there"
    for kind, names in NAMES.items():
        for name in names:
            assert f"voip.edge.{name}" in README, f"the {kind} {name} is not in the README"


def _variables() -> set[str]:
    """The variables that a user can set: what options, roles and playbooks read and nothing of ours sets."""
    found = {name for names in options.VARIABLES.values() for name in names if name.startswith("voip_edge_")}
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        found |= set(yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    for path in (ROOT / "playbooks").glob("*.yml"):
        found |= set(re.findall(r"(voip_edge_\w+) \| (?:default|mandatory)", path.read_text(encoding="utf-8")))
    return found | {"voip_edge_profiles"}


def test_the_variables_of_the_readme_are_the_ones_there_are() -> None:
    table = README.split("\n## Variables\n", maxsplit=1)[1].split("\n## ", maxsplit=1)[0]
    assert set(re.findall(r"voip_edge_\w+", table)) == _variables()
    for text in (README, *GUIDES.values()):
        assert set(re.findall(r"voip_edge_[a-z_]+[a-z]", text)) <= _variables()


def test_the_requirements_of_the_readme_are_those_of_the_file() -> None:
    wanted = [
        line
        for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").split("\n")
        if line and not line.startswith("#")
    ]
    install = next(line for line in commands() if "pip install" in line)
    assert shlex.split(install)[-len(wanted) :] == wanted


def test_the_verdicts_and_findings_are_explained() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "plugins" / "module_utils" / "_edge").rglob("*.py")
    )
    ids = set(re.findall(r'Finding\(\s*"([A-Z-]+)"', source))
    assert ids == set(re.findall(r"^  \* - ``([A-Z-]+)``$", GUIDES["guide_verdicts"], re.M))
    kinds = {kind.kind for kind in EdgeError.__subclasses__()} - {"error"}
    for word in (*kinds, *LABELS):
        assert f"``{word}``" in GUIDES["guide_verdicts"], word
    for verdict in ("disabled", "active", "blocking", "cannot_disable", "not_applicable", "undetermined"):
        assert f"| `{verdict}` |" in README


def test_links_are_whole_and_lead_to_files_that_are_there() -> None:
    links = re.findall(r"\]\(([^)]+)\)", README)
    for link in links:
        assert link.startswith("https://"), link
        assert not link.startswith(BASE) or (ROOT / link[len(BASE) :]).exists(), link


def _audit_commands(platform: str) -> list[str]:
    """What the security guide says that an audit sends."""
    row = re.search(rf"^  \* - ``{platform}``\n    - (.+)$", GUIDES["guide_security"], re.M)
    return re.findall(r"``([^`]+)``", row.group(1)) if row else []


def test_the_security_guide_has_every_platform() -> None:
    assert [p.name for p in PLATFORMS if not _audit_commands(p.name)] == []


@pytest.mark.parametrize("platform", [p.name for p in PLATFORMS if p.has_command_line])
def test_the_commands_of_an_audit_are_the_ones_in_the_security_guide(lab: Lab, platform: str) -> None:
    allowed = _audit_commands(platform)
    for variant in variants(platform):
        device = lab.add(platform, variant=variant)
        audit(device)
        sent = {line.strip() for line in device.transcript} - {"", "(secret)", "exit", "a"}
        sent -= {p.identify for p in PLATFORMS}  # without a platform in the inventory it is asked by the words of all
        assert not [line for line in sent if not any(f"{line} ".startswith(f"{known} ") for known in allowed)]


def test_the_requests_of_an_audit_are_the_ones_in_the_security_guide(lab: Lab) -> None:
    row = re.search(
        r"^  \* - ``fortinet_fortios`` over HTTPS\n    - ((?:.|\n)+?)^  \* - ", GUIDES["guide_security"], re.M
    )
    assert row is not None
    allowed = {path.removeprefix("GET ").removeprefix("/cmdb/") for path in re.findall(r"``([^`]+)``", row.group(1))}
    for variant in ("default-74", "vdoms"):
        device: Any = lab.add("fortinet_fortios", variant, rest=True)
        tls = {
            "port": device.http_port,
            "tls_fingerprint": device.tls_fingerprint,
            "use_ssl": True,
            "validate_certs": True,
        }
        audit(device, transport="https", platform="fortios", legacy_tls=False, **tls)
        asked = {
            line.partition("?")[0].partition("/api/v2")[2] for line in device.transcript if line.startswith("GET ")
        }
        assert {path.removeprefix("/cmdb/") for path in asked} <= allowed
