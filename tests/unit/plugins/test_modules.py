# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules as they run on another host: the same answer, through the one exit."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, ClassVar

import pytest
import yaml
from ansible.module_utils import basic

from ansible_collections.voip.edge.plugins.module_utils._edge import doors, finish, options
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import ssh
from tests.lab import Lab
from tests.unit.conftest import params

SPECS = {
    "audit_backups": options.AUDIT_BACKUPS,
    "baseline": options.BASELINE,
    "edge_info": options.EDGE_INFO,
    "port_forwards": options.PORT_FORWARDS,
    "report": options.REPORT,
    "sip_alg": options.SIP_ALG,
    "udp_timeout": options.UDP_TIMEOUT,
    "undo": options.UNDO,
}


class Ended(Exception):
    pass


class FakeModule:
    """What a module needs of AnsibleModule, with the options already read."""

    given: ClassVar[dict[str, Any]] = {}
    check_mode = True

    def __init__(self, argument_spec: dict[str, Any], supports_check_mode: bool) -> None:
        assert supports_check_mode
        defaults = {name: spec.get("default") for name, spec in argument_spec.items()}
        self.params = {**defaults, **self.given}

    def exit_json(self, **result: Any) -> None:
        raise Ended(json.dumps(result))

    def fail_json(self, **result: Any) -> None:
        raise Ended(json.dumps({**result, "failed": True}))


def run(name: str, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], check: bool = True) -> dict[str, Any]:
    module = import_module(f"ansible_collections.voip.edge.plugins.modules.{name}")
    monkeypatch.setattr(module, "AnsibleModule", FakeModule)
    monkeypatch.setattr(FakeModule, "given", given)
    monkeypatch.setattr(FakeModule, "check_mode", check)
    with pytest.raises(Ended) as ended:
        module.main()
    result: dict[str, Any] = json.loads(str(ended.value))
    return result


def test_there_is_a_door_an_action_and_a_specification_for_each() -> None:
    assert set(SPECS) == set(doors.DOORS)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_documentation_names_exactly_the_options(name: str) -> None:
    module = import_module(f"ansible_collections.voip.edge.plugins.modules.{name}")
    documentation = yaml.safe_load(module.DOCUMENTATION)
    assert documentation["module"] == name
    assert set(documentation.get("options", {})) <= set(SPECS[name])
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


@pytest.mark.parametrize("name", ["edge_info", "sip_alg", "udp_timeout", "baseline"])
def test_the_same_answer_as_in_process(lab: Lab, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    device = lab.add("cisco_ios", "nat-default")
    shipped = run(name, monkeypatch, params(device))
    defaults = {key: spec.get("default") for key, spec in SPECS[name].items()}
    own = doors.answer(name, {**defaults, **params(device)}, check=True)
    for result in (shipped, own):
        for time in ("started", "finished"):
            result["record"].pop(time)
    assert shipped == json.loads(json.dumps(own))


def test_failures_end_as_failures(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = run("edge_info", monkeypatch, params(lab.add("cisco_ios", "nat-default", faults=["refuse_login"])))
    assert refused["failed"]
    silent = run("edge_info", monkeypatch, {**params(lab.add("cisco_ios", "nat-default")), "port": 1})
    assert silent["unreachable"]
    assert "report_dir" in run("report", monkeypatch, {"report_dir": "/dev/null/x"})["msg"]
    assert "report_dir" in run("audit_backups", monkeypatch, {"report_dir": "/dev/null/x", "path": "/nowhere"})["msg"]


def test_a_missing_library_comes_with_the_way_to_install_it(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh, "NETMIKO_ERROR", "No module named 'netmiko'")
    result = run("edge_info", monkeypatch, params(lab.add("cisco_ios", "nat-default")))
    assert result["failed"]
    assert basic.missing_required_lib("netmiko") in result["msg"]
    assert finish.finish.__doc__
