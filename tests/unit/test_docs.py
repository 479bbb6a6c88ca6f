# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is derived from the platform files is what they say, and the README names only what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests import docs_from_platforms

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8") if (ROOT / "README.md").exists() else ""


def test_the_derived_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs_from_platforms.main(["--check"]) == 0, capsys.readouterr().out


def test_the_inventory_of_the_readme_is_one() -> None:
    block = re.search(r"```yaml\n(routers:.*?)```", README, re.S)
    assert block is not None
    assert len(block.group(1).strip().split("\n")) == 5
    assert set(yaml.safe_load(block.group(1))["routers"]["hosts"]) == {"berlin-r1", "hamburg-fg1"}


def test_every_playbook_of_the_readme_exists() -> None:
    named = set(re.findall(r"ansible-playbook voip\.edge\.(\w+)", README))
    assert named == {"audit", "remediate", "audit_backups"}
    for name in named:
        assert (ROOT / "playbooks" / f"{name}.yml").is_file()


def test_every_module_and_role_is_in_the_readme() -> None:
    for kind in ("plugins/modules/*.py", "roles/*"):
        for path in ROOT.glob(kind):
            assert f"`{path.stem}`" in README or f"voip.edge.{path.stem}" in README, path


def test_links_are_whole() -> None:
    for link in re.findall(r"\]\(([^)]+)\)", README):
        assert link.startswith("https://"), link
