# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role that installs the reflector: what it copies is what the program needs, what it writes is what the program takes."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.voip.edge.plugins.module_utils._edge.probe import reflector
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.reflector_settings import Settings

PACKAGE = Path(reflector.__file__).parent
ROLE = Path(__file__).resolve().parents[3] / "roles" / "reflector"
VARS: dict[str, Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
OPTIONS: dict[str, Any] = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))[
    "argument_specs"
]["main"]["options"]
UNIT = (ROLE / "templates" / "voip-edge-reflector.service.j2").read_text(encoding="utf-8")


def needed(name: str, found: set[str]) -> set[str]:
    """The files of the package that one of them imports, itself and theirs included."""
    if name not in found:
        found.add(name)
        for node in ast.walk(ast.parse((PACKAGE / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, f"{name} imports from outside of the package"
                for imported in [node.module] if node.module else [alias.name for alias in node.names]:
                    needed(imported, found)
    return found


def test_what_is_copied_is_what_the_programs_need() -> None:
    found = needed("reflector", needed("reflector_check", {"__init__"}))
    assert sorted(found) == VARS["reflector_files"]


def test_the_copied_files_run_by_themselves(tmp_path: Path) -> None:
    (tmp_path / "probe").mkdir()
    for name in VARS["reflector_files"]:
        shutil.copy(PACKAGE / f"{name}.py", tmp_path / "probe")
    for name in ("reflector", "reflector_check"):
        command = [sys.executable, "-B", "-m", f"probe.{name}", "--help"]
        done = subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr


def settings_for(**variables: Any) -> Settings:
    """What the program makes of what the role writes."""
    facts = {"default_ipv4": {"address": "192.0.2.1"}, "default_ipv6": {}}
    made = NativeEnvironment().from_string(VARS["reflector_settings"]).render(ansible_facts=facts, **variables)
    return Settings.read(json.dumps(made))


def test_the_settings_are_taken_and_their_defaults_are_the_programs() -> None:
    made = settings_for()
    assert made == Settings(("192.0.2.1",), counters="/run/voip-edge-reflector/counters.prom")
    other = settings_for(
        voip_edge_reflector_addresses=["192.0.2.7", "2001:db8::7"],
        voip_edge_reflector_control_port="3000",
        voip_edge_reflector_sip_ports=["5070"],
        voip_edge_reflector_rtp_ports="30000-30010",
    )
    assert other.addresses == ("192.0.2.7", "2001:db8::7")
    assert (other.control_port, other.sip_ports, other.rtp_ports) == (3000, (5070,), (30000, 30010))


def test_the_documented_defaults_are_the_programs() -> None:
    defaults = {name.removeprefix("voip_edge_reflector_"): option.get("default") for name, option in OPTIONS.items()}
    made = Settings(("192.0.2.1",))
    assert defaults["control_port"] == made.control_port
    assert defaults["spare_port"] == made.spare_port
    assert defaults["sip_ports"] == list(made.sip_ports)
    assert made.rtp_ports is not None
    assert defaults["rtp_ports"] == "-".join(map(str, made.rtp_ports))


def test_the_unit_allows_as_many_files_as_the_widest_settings_need_and_no_privilege() -> None:
    limit = re.search(r"^LimitNOFILE=(\d+)$", UNIT, re.M)
    assert limit is not None
    both = Settings(("192.0.2.1", "2001:db8::1"))
    assert len(both.places(reflector.UDP)) + len(both.places(reflector.TCP)) + reflector.SPARE_FILES < int(
        limit.group(1)
    )
    for line in ("CapabilityBoundingSet=", "AmbientCapabilities=", "NoNewPrivileges=yes", "User=voip-edge-reflector"):
        assert f"\n{line}\n" in UNIT


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not there")
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    unit = tmp_path / "voip-edge-reflector.service"
    unit.write_text(
        NativeEnvironment().from_string(UNIT).render(voip_edge_reflector_python=sys.executable), encoding="utf-8"
    )
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "voip-edge-reflector" not in done.stderr, done.stderr


def test_the_key_is_never_shown() -> None:
    tasks = yaml.safe_load((ROLE / "tasks" / "present.yml").read_text(encoding="utf-8"))
    tasks += yaml.safe_load((ROLE / "tasks" / "witness.yml").read_text(encoding="utf-8"))[0]["block"]
    with_key = {task["name"]: task.get("no_log") for task in tasks if "reflector_key" in json.dumps(task)}
    # An assertion shows its words, not the values in them.
    assert with_key == {"Refuse a key that can be guessed": None, "Write its key": True, "Lend it the key": True}
