# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as a user runs them, against simulated routers, with right and with wrong input."""

from __future__ import annotations

import json
import stat
import sys
import time
from typing import Any

import pytest

from tests.integration.conftest import Site, diff_of, recap
from tests.lab import SECRETS, Lab


def test_a_fleet_is_audited_set_right_and_audited_again(lab: Lab, site: Site) -> None:
    devices = [
        site.add(lab.add("cisco_ios", "nat-default", name="ios"), "cisco_ios"),
        site.add(lab.add("cisco_ios", "short-udp-timeout", name="short"), "cisco_ios"),
        site.add(lab.add("cisco_asa", "two-policies", name="asa"), "cisco_asa"),
        site.add(lab.add("fortinet_fortios", "default-74", name="forti"), "fortinet_fortios"),
        site.add(lab.add("cisco_ios", "cbac-sip-no-udp", name="cbac"), "cisco_ios"),
    ]
    wall = lab.add("sonicwall_sonicos", "factory", name="sonic")
    devices.append(site.add(wall, "sonicwall_sonicos", voip_edge_tls_fingerprint=wall.tls_fingerprint))
    api: Any = lab.add("fortinet_fortios", "default-74", name="api", rest=True)
    devices.append(
        site.add(
            api,
            "fortinet_fortios",
            ansible_connection="ansible.netcommon.httpapi",
            ansible_httpapi_port=api.http_port,
            ansible_httpapi_session_key={"access_token": api.api_token},
            voip_edge_tls_fingerprint=api.tls_fingerprint,
        )
    )
    audit = site.play("voip.edge.audit", "-vvv")
    assert audit.returncode == 0, audit.stdout
    assert [d.journal for d in devices] == [[]] * 7
    assert {h: r["compliance"] for h, r in site.records().items()} == dict.fromkeys(site.hosts, "noncompliant")
    check = site.play("voip.edge.remediate", "--check", "--diff")
    assert check.returncode == 0, check.stdout
    assert [d.journal for d in devices] == [[]] * 7
    real = site.play("voip.edge.remediate", "--diff", "-vvv")
    assert real.returncode == 0, real.stdout
    assert diff_of(check)
    assert sorted(diff_of(check)) == sorted(diff_of(real))
    assert [d.login_attempts for d in devices] == [*[3] * 6, 0]
    for host in ("ios", "short", "asa", "forti", "sonic", "api"):
        assert recap(check, host)["changed"] == recap(real, host)["changed"] == 1
    written = [len(d.journal) for d in devices]
    again = site.play("voip.edge.remediate")
    assert again.returncode == 0, again.stdout
    assert [len(d.journal) for d in devices] == written
    assert all(recap(again, host)["changed"] == 0 for host in site.hosts)
    found = {h: r["compliance"] for h, r in site.records().items()}
    assert found == {**dict.fromkeys(site.hosts, "compliant"), "cbac": "noncompliant"}
    assert site.records()["cbac"]["advice"]
    seen = "".join([audit.stdout, audit.stderr, real.stdout, real.stderr, again.stdout])
    kept, shown = [], []
    for path in (p for p in site.report.rglob("*") if p.is_file()):
        (kept if path.suffix == ".cfg" else shown).append(path)
    seen += "".join(p.read_text(encoding="utf-8") for p in shown)
    assert not [s for s in SECRETS if s in seen]
    assert kept
    assert {stat.S_IMODE(p.stat().st_mode) for p in kept} == {0o600}, "configurations have secrets"


def test_hosts_that_fail_are_in_the_report_and_the_play_says_so(lab: Lab, site: Site) -> None:
    site.add(lab.add("cisco_ios", "both-off", name="good"), "cisco_ios")
    site.add(lab.add("cisco_ios", "nat-default", name="gone"), "cisco_ios", ansible_port=1)
    homeless = site.add(lab.add("cisco_ios", "nat-default", name="homeless.invalid"), "cisco_ios")
    del site.hosts[homeless.name]["ansible_host"]
    wrong = site.add(
        lab.add("cisco_ios", "nat-default", name="wrong"), "cisco_ios", ansible_password="outdated-password"
    )
    audit = site.play("voip.edge.audit")
    assert audit.returncode == 0, audit.stdout
    summary = json.loads((site.report / "report.json").read_text(encoding="utf-8"))["summary"]
    assert summary["compliance"] == {"compliant": 1, "not_reached": 2, "undetermined": 1}
    assert wrong.login_attempts == 1
    change = site.play("voip.edge.remediate", "-vvv")
    assert change.returncode == 2
    seen = change.stdout + change.stderr + "".join(p.read_text() for p in site.report.rglob("*") if p.is_file())
    assert not [s for s in (*SECRETS, "outdated-password") if s in seen]
    assert wrong.login_attempts == 2
    assert "refused the login of user" in change.stdout
    assert "Connection refused" in change.stdout
    assert "cannot connect to homeless.invalid port" in change.stdout
    assert homeless.transcript == wrong.journal == []
    assert (recap(change, "good")["failed"], recap(change, "gone")["failed"], recap(change, "wrong")["failed"]) == (
        0,
        1,
        1,
    )


def test_the_report_alone_is_made_of_what_is_there(lab: Lab, site: Site) -> None:
    site.add(lab.add("cisco_ios", "both-off", name="one"), "cisco_ios")
    empty = site.play("voip.edge.report")
    assert empty.returncode == 0, empty.stdout
    assert site.records() == {}
    assert site.play("voip.edge.audit").returncode == 0
    late = site.add(lab.add("cisco_ios", "both-off", name="late"), "cisco_ios")
    done = site.play("voip.edge.report")
    assert done.returncode == 0, done.stdout
    summary = json.loads((site.report / "report.json").read_text(encoding="utf-8"))["summary"]
    assert summary["compliance"] == {"compliant": 1, "not_reached": 1}
    assert late.transcript == []
    (site.report / "report.html").unlink()
    (site.report / "report.html").mkdir()
    blocked = site.play("voip.edge.report")
    assert blocked.returncode == 2
    assert "report.html cannot be written: Is a directory" in blocked.stdout + blocked.stderr


def test_a_limited_run_reports_on_its_hosts(lab: Lab, site: Site) -> None:
    site.add(lab.add("cisco_ios", "both-off", name="one"), "cisco_ios")
    two = site.add(lab.add("cisco_ios", "both-off", name="two"), "cisco_ios")
    done = site.play("voip.edge.audit", "--limit", "one")
    assert done.returncode == 0, done.stdout
    assert set(site.records()) == {"one"}
    assert two.transcript == []


def test_staggered_changes_are_one_report(lab: Lab, site: Site) -> None:
    for name in ("one", "two", "three"):
        site.add(lab.add("cisco_ios", "nat-default", name=name), "cisco_ios")
    done = site.play("voip.edge.remediate", voip_edge_serial=1)
    assert done.returncode == 0, done.stdout
    summary = json.loads((site.report / "report.json").read_text(encoding="utf-8"))["summary"]
    assert summary["compliance"] == {"compliant": 3}


def test_inventories_of_network_cli_work_without_its_collection(lab: Lab, site: Site) -> None:
    site.add(
        lab.add("cisco_ios", "nat-default", name="r1"),
        "cisco_ios",
        ansible_connection="ansible.netcommon.network_cli",
        ansible_become=True,
        ansible_become_method="ansible.netcommon.enable",
    )
    done = site.play("voip.edge.audit")
    assert done.returncode == 0, done.stdout
    assert site.records()["r1"]["aspects"]["sip_alg"]["verdict"] == "active"


def test_delegated_to_another_host_the_answer_is_the_same(lab: Lab, site: Site) -> None:
    for name in ("here", "there"):
        site.add(lab.add("fortinet_fortios", "default-74", name=name), "fortinet_fortios")
    site.hosts["onsite_box"] = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    playbook = site.folder / "play.yml"
    playbook.write_text("""
- hosts: here,there
  gather_facts: false
  tasks:
    - voip.edge.baseline:
        minimum: 200
        recommended: 300
      check_mode: true
      register: result
      delegate_to: "{{ (inventory_hostname == 'there') | ternary('onsite_box', omit) }}"
    - ansible.builtin.copy:
        content: "{{ result | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
      delegate_to: onsite_box
""")
    done = site.play(str(playbook), "-vvv")
    assert done.returncode == 0, done.stdout
    assert not [s for s in SECRETS if s in done.stdout + done.stderr]
    here, there = (json.loads((site.folder / f"{name}.json").read_text()) for name in ("here", "there"))
    for result in (here, there):
        for key in ("started", "finished", "host"):
            result["record"].pop(key)
        result["diff"] = {key: result["diff"][key] for key in ("before", "after")}
        result.pop("_ansible_delegated_vars", None)
    assert here == there
    assert set(site_records(site)) == {"here", "there"}


def site_records(site: Site) -> list[str]:
    return [path.stem for path in (site.report / "records").iterdir()]


def test_saved_configurations(site: Site) -> None:
    folder = site.folder / "saved"
    folder.mkdir()
    (folder / "r1.cfg").write_text("version 15.7\nhostname r1\ninterface Vlan1\n ip nat inside\nend\n")
    (folder / "binary").write_bytes(b"\x00\x01")
    done = site.play("voip.edge.audit_backups", voip_edge_backups=str(folder))
    assert done.returncode == 0, done.stdout
    assert {h: r["compliance"] for h, r in site.records().items()} == {"r1": "noncompliant", "binary": "undetermined"}
    assert "report.html" in done.stdout
    for change, words in (
        ({}, "voip_edge_backups: the folder with the saved configurations is not given"),
        ({"voip_edge_backups": "/nowhere"}, "path: /nowhere is not a folder"),
        (
            {"voip_edge_backups": str(folder), "voip_edge_platform": "nortel"},
            "there is no platform 'nortel'; known: auto",
        ),
        ({"voip_edge_backups": str(folder), "voip_edge_profile": "nobody"}, "there is no profile 'nobody'; known: "),
    ):
        wrong = site.play("voip.edge.audit_backups", **change)
        assert wrong.returncode != 0
        assert words in wrong.stdout + wrong.stderr


def test_nights_that_are_compared_and_decide_how_the_play_ends(lab: Lab, site: Site) -> None:
    router = site.add(lab.add("cisco_ios", "both-off", name="r1"), "cisco_ios")
    site.add(lab.add("cisco_ios", "both-off", name="gone"), "cisco_ios")
    first = site.play("voip.edge.audit", voip_edge_fail_on=["regression", "noncompliant"])
    assert first.returncode == 0, first.stdout
    assert "since the earlier run: nothing to compare with" in first.stdout
    time.sleep(1.1)  # what ended in the second in which another begins is not told apart from it
    site.hosts["gone"]["ansible_port"] = 1
    site.hosts["r1"].update(ansible_port=(other := lab.add("cisco_ios", "nat-default", name="r1b")).port,
                            voip_edge_host_key=other.host_key)  # fmt: skip
    second = site.play("voip.edge.audit", voip_edge_fail_on="regression, not_reached")
    assert second.returncode == 2
    assert "fail_on: regression: 1 host(s): r1 (sip_alg new: disabled -> active" in second.stdout
    assert "not_reached: 1 host(s): gone" in second.stdout
    assert "report.html" in second.stdout
    change = {row["host"]: row["change"] for row in json.loads((site.report / "report.json").read_text())["changes"]}
    assert change == {"r1": "new", "gone": "unreachable_since"}
    lines = router.transcript + other.transcript
    for playbook, option, value, words in (
        ("voip.edge.audit", "voip_edge_fail_on", ["drift"], "fail_on: there is no word 'drift'; known: noncompliant"),
        ("voip.edge.remediate", "voip_edge_earlier", "/nowhere", "earlier: there are no records in /nowhere"),
    ):
        wrong = site.play(playbook, **{option: value})
        assert wrong.returncode == 2
        assert wrong.stdout.count("fatal: ") == 1
        assert words in wrong.stdout
    assert router.transcript + other.transcript == lines


@pytest.mark.parametrize(
    ("host", "extra", "words"),
    [
        ({"voip_edge_platform": "nortel"}, {}, "platform: there is no platform 'nortel'; known: auto, cisco_ios"),
        ({"ansible_network_os": "nortel.os"}, {}, "which is no platform of voip.edge; set voip_edge_platform"),
        ({"ansible_user": ""}, {}, "user: none is given"),
        ({"voip_edge_host_key": "SHA256:" + "A" * 43}, {}, "another device answers there, or its key was replaced"),
        ({"voip_edge_profile": "nobody"}, {}, "there is no profile 'nobody'; known: 8x8"),
        ({}, {"voip_edge_report_dir": "/dev/null/x"}, "report_dir: /dev/null/x cannot be written: Not a directory"),
        ({}, {"voip_edge_revert_timer": 500}, "revert_timer: 500 is not between 0 (none) and 120 minutes"),
    ],
    ids=["platform", "network_os", "user", "host_key", "profile", "report_dir", "revert_timer"],
)
def test_wrong_input_is_one_clear_sentence_and_touches_nothing(
    lab: Lab, site: Site, host: dict[str, Any], extra: dict[str, Any], words: str
) -> None:
    device = site.add(lab.add("cisco_ios", "nat-default"), "cisco_ios", **host)
    done = site.play("voip.edge.remediate", **extra)
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
    assert device.journal == []
    assert device.login_attempts == 0


def test_a_misspelt_option_is_named(lab: Lab, site: Site) -> None:
    device = site.add(lab.add("cisco_ios", "nat-default", name="r1"), "cisco_ios")
    playbook = site.folder / "play.yml"
    playbook.write_text(
        "- hosts: r1\n  gather_facts: false\n  tasks:\n    - voip.edge.sip_alg:\n        stat: disabled\n"
    )
    done = site.play(str(playbook))
    assert done.returncode != 0
    assert "there is no option 'stat'; known: " in done.stdout + done.stderr
    assert device.transcript == []
