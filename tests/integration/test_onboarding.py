# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Onboarding a router as a pipeline does it: the plan, the change, a second run, and back."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.integration.conftest import Site, recap
from tests.lab import SECRETS, Device, Lab
from tests.unit.contract.test_contract import same_configuration

WANTED = {
    "voip_edge_profile": "ours",
    "voip_edge_profiles": {
        "ours": {
            "source": "contract of 2026",
            "udp_timeout": {"minimum": 120, "recommended": 120},
            "networks": ["203.0.113.0/24", "198.51.100.128/25"],
        }
    },
}
PBX = {"voip_edge_pbx": "192.168.10.9"}


def everything(site: Site, *outputs: str) -> str:
    """All that a run shows or leaves for others; the kept configurations are what they are."""
    files = [p for p in site.report.rglob("*") if p.is_file() and p.suffix != ".cfg"]
    return "".join([*outputs, *(p.read_text(encoding="utf-8") for p in files)])


def journal(device: Device) -> list[str]:
    return [w.line for w in device.journal]


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("cisco_ios", "nat-default", {}),
    ("cisco_asa", "short-udp", PBX),
    ("fortinet_fortios", "default-74", PBX),
    ("fortinet_fortios", "low-udp", {**PBX, "voip_edge_transport": "https"}),
    ("sonicwall_sonicos", "factory", PBX),
]


@pytest.mark.parametrize(("platform", "variant", "more"), CASES, ids=[f"{case[0]}-{case[1]}" for case in CASES])
def test_plan_change_again_and_back(lab: Lab, site: Site, platform: str, variant: str, more: dict[str, Any]) -> None:
    over_https = "voip_edge_transport" in more
    device = lab.add(platform, variant, name="edge1", rest=over_https)
    pin: dict[str, Any] = {}
    if over_https or device.web_only:
        pin = {"voip_edge_tls_fingerprint": device.tls_fingerprint, "ansible_port": device.http_port}
    site.add(device, platform, **WANTED, **more, **pin)
    before = device.running()
    check = site.play("voip.edge.onboard", "--check", "--diff", "-vvv")
    assert check.returncode == 0, check.stdout
    assert journal(device) == []
    plan = json.loads((site.report / "records" / "edge1.json").read_text())["plan"]
    assert not (site.report / "changes").exists()
    real = site.play("voip.edge.onboard", "-vvv")
    assert real.returncode == 0, real.stdout
    assert device.login_attempts == 2, "one login a run"
    record = site.records()["edge1"]
    assert record["compliance"] == "compliant"
    assert record["done"] == plan
    assert "edge1:   " in real.stdout, "the plan is shown"
    assert [p.suffix for p in sorted((site.report / "changes" / "edge1").iterdir())] == [".cfg", ".json"]
    written = journal(device)
    again = site.play("voip.edge.onboard")
    assert again.returncode == 0, again.stdout
    assert recap(again, "edge1")["changed"] == 0
    assert journal(device) == written
    shown = site.play("voip.edge.onboard_undo", "--check")
    assert shown.returncode == 0, shown.stdout
    assert journal(device) == written
    back = site.play("voip.edge.onboard_undo", "-vvv")
    assert back.returncode == 0, back.stdout
    assert same_configuration(device.running(), before)
    assert site.records()["edge1"]["compliance"] == "noncompliant"
    nothing = site.play("voip.edge.onboard_undo")
    assert nothing.returncode == 0, nothing.stdout
    assert "nothing to take back" in nothing.stdout
    seen = everything(site, *(part for done in (check, real, back) for part in (done.stdout, done.stderr)))
    assert not [secret for secret in SECRETS if secret in seen]


def test_what_a_person_still_has_to_do_fails_the_pipeline(lab: Lab, site: Site) -> None:
    device = site.add(lab.add("cisco_ios", "cbac-sip", name="cbac"), "cisco_ios", **WANTED)
    done = site.play("voip.edge.onboard")
    assert done.returncode == 2
    assert "Take SIP out of the rule" in done.stdout
    assert site.records()["cbac"]["compliance"] == "noncompliant"
    report_only = site.play("voip.edge.onboard", voip_edge_require_compliant=False)
    assert report_only.returncode == 0, report_only.stdout
    assert device.login_attempts == 2


def test_a_pipeline_goes_by_the_facts_of_the_role(lab: Lab, site: Site) -> None:
    site.add(lab.add("cisco_ios", "nat-default", name="edge1"), "cisco_ios", **WANTED)
    site.add(lab.add("cisco_ios", "nat-default", name="gone"), "cisco_ios", ansible_port=1, **WANTED)
    playbook = site.folder / "play.yml"
    playbook.write_text("""
- hosts: all
  gather_facts: false
  roles:
    - role: voip.edge.onboard
      vars: {voip_edge_keep_going: true}
  tasks:
    - ansible.builtin.copy:
        content: >-
          {{ {'compliance': onboard_compliance, 'changed': onboard_changed, 'todo': onboard_todo, 'backup': onboard_backup}
          | to_json }}
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
      delegate_to: localhost
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
""")
    done = site.play(str(playbook))
    assert done.returncode == 0, done.stdout
    edge, gone = (json.loads((site.folder / f"{name}.json").read_text()) for name in ("edge1", "gone"))
    assert (edge["compliance"], edge["changed"]) == ("compliant", True)
    assert edge["backup"].startswith(str(site.report / "changes" / "edge1"))
    assert (gone["compliance"], gone["changed"], gone["backup"]) == ("not_reached", False, "")
    assert "Connection refused" in gone["todo"][0]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"voip_edge_pbx": "pbx.example"}, "pbx: 'pbx.example' is not an IPv4 address"),
        ({**PBX, "voip_edge_profile": "default"}, "sources: profile 'default' names no networks"),
        ({**PBX, "voip_edge_sources": ["0.0.0.0/0"]}, "write the word 'any'"),
        ({"voip_edge_aspects": ["port_forwards"]}, "pbx: none is given for port_forwards"),
        (
            {"voip_edge_aspects": ["sip"]},
            "value of aspects must be one or more of: sip_alg, udp_timeout, port_forwards",
        ),
    ],
)
def test_wrong_input_touches_nothing(lab: Lab, site: Site, more: dict[str, Any], words: str) -> None:
    device = site.add(lab.add("cisco_ios", "nat-default", name="edge1"), "cisco_ios", **{**WANTED, **more})
    done = site.play("voip.edge.onboard")
    assert done.returncode == 2
    assert words in done.stdout + done.stderr
    assert device.transcript == []


def test_a_change_made_by_another_host_is_kept_here_and_taken_back_from_there(lab: Lab, site: Site) -> None:
    device = site.add(lab.add("cisco_ios", "nat-default", name="edge1"), "cisco_ios", **WANTED)
    site.hosts["onsite_box"] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    before = device.running()
    playbook = site.folder / "play.yml"
    playbook.write_text("""
- hosts: edge1
  gather_facts: false
  tasks:
    - voip.edge.baseline:
      delegate_to: onsite_box
      when: not back | default(false)
    - voip.edge.undo:
      delegate_to: onsite_box
      when: back | default(false)
""")
    done = site.play(str(playbook), "-vvv")
    assert done.returncode == 0, done.stdout
    assert device.running() != before
    kept = site.report / "changes" / "edge1"
    assert [p.suffix for p in kept.iterdir()] == [".json"], "its configuration has secrets and does not travel"
    assert not [secret for secret in SECRETS if secret in done.stdout + done.stderr]
    assert site.play(str(playbook), back=True).returncode == 0
    assert device.running() == before
    nothing = site.play(str(playbook), "-v", back=True)
    assert nothing.returncode == 0, nothing.stdout
    assert "nothing to take back" in nothing.stdout
