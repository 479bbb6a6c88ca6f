# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding with a probe host: what the wire says before and after, and a change that is taken back for it.

The router is simulated, and the path is a relay that behaves as the router is set.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from tests.integration.conftest import Site
from tests.lab import Device, Lab
from tests.lab.relay_edits import Flow, is_sip, linux
from tests.unit.probe.conftest import net, way

__all__ = ["net", "way"]

Make = Callable[..., Any]
WANTED = {
    "voip_edge_profile": "ours",
    "voip_edge_profiles": {"ours": {"source": "contract of 2026", "udp_timeout": {"minimum": 120, "recommended": 120}}},
}


def switched_off(device: Device) -> bool:
    """Whether the last word to the router about the ALG was no."""
    lines = [write.line for write in device.journal if "ip nat service sip udp" in write.line]
    return bool(lines) and lines[-1].startswith("no ")


def wired(lab: Lab, site: Site, path: Any, name: str, blocks: bool) -> tuple[Device, dict[str, Any]]:
    """A router whose ALG rewrites while it is on. Off, SIP passes, or with `blocks` is dropped."""
    device = site.add(lab.add("cisco_ios", "nat-default", name=name), "cisco_ios", voip_edge_probe_host="box", **WANTED)
    site.hosts["box"] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}

    def edit(data: bytes, flow: Flow) -> bytes | None:
        if not switched_off(device):
            return linux(data, flow)
        return None if blocks and is_sip(data) else data

    path.relay.behaviour.functions = (edit,)
    variables = {
        "voip_edge_hosts": name,
        "voip_edge_reflector": path.options.server.ip,
        "voip_edge_reflector_key": path.options.secret,
        "voip_edge_reflector_proven": True,
        "voip_edge_probe_own_nat": False,
    }
    return device, variables


def test_the_wire_before_and_after_the_change_is_in_the_report(lab: Lab, site: Site, way: Make) -> None:
    path = way()
    device, variables = wired(lab, site, path, "edge1", blocks=False)
    check = site.play("voip.edge.onboard", "--check", **variables)
    assert check.returncode == 0, check.stdout
    assert device.journal == []
    assert site.records()["edge1"]["path"]["verdict"] == "rewritten"
    done = site.play("voip.edge.onboard", **variables)
    assert done.returncode == 0, done.stdout
    record = site.records()["edge1"]
    assert record["path"]["verdict"] == "clean"
    assert [(one["moment"], one["verdict"]) for one in record["path"]["earlier"]] == [("before", "rewritten")]
    assert (record["compliance"], switched_off(device)) == ("compliant", True)
    assert "clean (before: rewritten)" in (site.report / "report.html").read_text(encoding="utf-8")
    assert path.options.secret not in done.stdout + check.stdout


def test_a_change_after_which_sip_is_blocked_is_taken_back(lab: Lab, site: Site, way: Make) -> None:
    path = way()
    device, variables = wired(lab, site, path, "edge2", blocks=True)
    before = device.running()
    done = site.play("voip.edge.onboard", voip_edge_require_compliant=False, **variables)
    assert done.returncode == 2, done.stdout
    assert "the change was taken back, as SIP was blocked since" in done.stdout
    assert device.running() == before
    record = site.records()["edge2"]
    assert record["aspects"]["sip_alg"]["verdict"] == "active"
    assert record["path"]["verdict"] == "rewritten"
    assert [one["verdict"] for one in record["path"]["earlier"]] == ["rewritten", "blocked_sip_aware"]
    assert "CHANGE-BLOCKED-SIP" in [finding["id"] for finding in record["findings"]]
    nothing = site.play("voip.edge.onboard_undo", voip_edge_hosts="edge2")
    assert "nothing to take back" in nothing.stdout, "it is not taken back twice"


def test_a_probe_that_fails_is_told_and_stops_nothing(lab: Lab, site: Site, way: Make) -> None:
    path = way()
    device, variables = wired(lab, site, path, "edge3", blocks=True)
    done = site.play("voip.edge.onboard", **{**variables, "voip_edge_reflector_key": "x" * 40})
    assert done.returncode == 0, done.stdout
    assert switched_off(device), "silence is no reason to take a change back"
    assert re.search(r"the path was not proven: HELLO .* had no authentic answer", done.stdout)
    assert "path" not in site.records()["edge3"]


def test_a_probe_host_that_is_not_there_is_told_and_stops_nothing(lab: Lab, site: Site, way: Make) -> None:
    path = way()
    device, variables = wired(lab, site, path, "edge4", blocks=True)
    site.hosts["box"] = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_connection": "ssh"}
    playbook = site.folder / "play.yml"
    playbook.write_text("""
- hosts: edge4
  gather_facts: false
  roles: [voip.edge.onboard]
  tasks:
    - ansible.builtin.copy:
        content: "{{ onboard_todo | to_json }}"
        dest: "{{ playbook_dir }}/todo.json"
        mode: "0600"
      tags: [always]
      delegate_to: localhost
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
""")
    done = site.play(str(playbook), "--tags", "onboard_change", **variables)
    assert done.returncode == 0, done.stdout
    assert switched_off(device)
    assert done.stdout.count("Look at the path] ***") == 2, "before and after"
    todo = json.loads((site.folder / "todo.json").read_text())
    assert [text for text in todo if text.startswith("the path was not proven: ")]
