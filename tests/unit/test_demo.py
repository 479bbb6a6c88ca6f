# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's proof on the wire: where a machine cannot bring it, it says why; where it fails, so does the demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asyncssh")

from tests import demo
from tests.lab.netns import capability
from tests.netns import proof

REASON = "not installed: nft (package nftables), conntrack (package conntrack)"


@pytest.fixture
def demonstrate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the demo with a program in place of the proof, and without the fleet; its exit code."""

    def run(program: str, fleet: bool = True) -> int:
        (tmp_path / "proof.py").write_text(f"import sys\n{program}\n")
        monkeypatch.setattr(demo, "PROOF", [str(tmp_path / "proof.py")])
        monkeypatch.setattr(demo, "fleet_part", lambda: fleet)
        return demo.main()

    return run


def test_a_machine_that_cannot_says_why_and_the_demo_is_no_failure(demonstrate: Any, capfd: Any) -> None:
    assert demonstrate(f"print({REASON!r}); sys.exit(3)") == 0
    said = capfd.readouterr().out.splitlines()
    assert [line for line in said if "not on this machine" in line] == [
        f"  not on this machine: {REASON} (what it needs: tests/lab/netns/README.md)"
    ]
    assert not any("proven" in line.lower() for line in said)


def test_a_proof_that_fails_is_a_failure_of_the_demo(demonstrate: Any, capfd: Any) -> None:
    assert demonstrate("sys.exit('--check' not in sys.argv)") == 1
    assert "  NOT PROVEN, " in capfd.readouterr().out


def test_a_check_that_breaks_is_not_taken_for_a_machine_that_cannot(demonstrate: Any, capfd: Any) -> None:
    assert demonstrate("raise RuntimeError('a defect')") == 1
    assert "RuntimeError: a defect" in capfd.readouterr().out


def test_a_proof_that_is_brought_does_not_hide_a_fleet_that_failed(demonstrate: Any, capfd: Any) -> None:
    assert demonstrate("sys.exit(0)") == 0
    assert "  proven, " in capfd.readouterr().out
    assert demonstrate("sys.exit(0)", fleet=False) == 1


def test_the_check_names_everything_that_is_missing_once(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    lost = {"namespaces": f"no namespaces: {REASON}", "alg": f"no namespaces: {REASON}", "timers": "no matter"}
    monkeypatch.setattr(capability, "check", lambda: {**lost, "sshd": "not installed: sshd (package openssh-server)"})
    assert proof.main(["--check"]) == proof.IMPOSSIBLE == demo.IMPOSSIBLE
    assert capsys.readouterr().out == f"no namespaces: {REASON}; not installed: sshd (package openssh-server)\n"


def test_something_else_than_expected_is_not_proven() -> None:
    proof.expect("the audit", "active", "active")
    with pytest.raises(proof.NotProven, match="the audit says 'undetermined' and had to say 'active'"):
        proof.expect("the audit", "undetermined", "active")
