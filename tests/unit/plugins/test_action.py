# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The action class in this process: what it takes from an inventory, and where the work is done."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import jsonschema
import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.voip.edge.plugins.action.audit_backups import ActionModule as AuditBackups
from ansible_collections.voip.edge.plugins.action.baseline import ActionModule as Baseline
from ansible_collections.voip.edge.plugins.action.edge_info import ActionModule as EdgeInfo
from ansible_collections.voip.edge.plugins.action.report import ActionModule as Report
from ansible_collections.voip.edge.plugins.action.sip_alg import ActionModule as SipAlg
from ansible_collections.voip.edge.plugins.action.udp_timeout import ActionModule as UdpTimeout
from ansible_collections.voip.edge.plugins.module_utils._edge.transports import ssh
from ansible_collections.voip.edge.plugins.plugin_utils._ssh_args import proxy_command
from tests.lab import SECRETS, Device, Lab

CLASSES = {
    "audit_backups": AuditBackups,
    "baseline": Baseline,
    "edge_info": EdgeInfo,
    "report": Report,
    "sip_alg": SipAlg,
    "udp_timeout": UdpTimeout,
}

# What a module that was shipped to another host answers.
SHIPPED: dict[str, Any] = {"result": {"changed": False, "record": None}}


def variables(device: Device, **more: Any) -> dict[str, Any]:
    return {
        "inventory_hostname": device.name,
        "ansible_host": device.host,
        "ansible_port": device.port,
        "ansible_user": device.user,
        "ansible_password": device.password,
        "ansible_become_password": device.enable_secret,
        "voip_edge_host_key": device.host_key,
        **more,
    }


def action(
    module: str,
    args: dict[str, Any],
    task_vars: dict[str, Any],
    check: bool = False,
    delegate: str | None = None,
    own_vars: dict[str, Any] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """An action plugin as the strategy would make it, and the result of its run."""
    task = SimpleNamespace(
        action=f"voip.edge.{module}",
        args=args,
        check_mode=check,
        diff=False,
        delegate_to=delegate,
        async_val=0,
        environment=None,
        no_log=False,
        module_defaults={},
        vars=own_vars or {},
        collections=[],
        resolved_action=None,
    )
    templar = Templar(loader=DataLoader(), variables=task_vars)
    made = CLASSES[module](task, Mock(), Mock(check_mode=check), Mock(), templar, Mock())
    made._execute_module = Mock(return_value={"invocation": {"module_args": {}}, **SHIPPED["result"]})
    return made, made.run(task_vars=task_vars)


def run(*args: Any, **kwargs: Any) -> dict[str, Any]:
    return action(*args, **kwargs)[1]


def test_an_inventory_is_enough(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default", name="r1")
    result = run(
        "edge_info", {}, variables(device, voip_edge_report_dir=str(tmp_path), ansible_network_os="cisco.ios.ios")
    )
    assert (result["verdict"], result["changed"]) == ("active", False)
    assert json.loads((tmp_path / "records" / "r1.json").read_text())["host"] == "r1"
    assert device.journal == []


@pytest.mark.parametrize("fails", [False, True], ids=["read", "refused"])
def test_the_site_of_the_inventory_is_in_the_record_also_of_a_host_that_fails(
    lab: Lab, tmp_path: Path, fails: bool
) -> None:
    device = lab.add("cisco_ios", "nat-default", name="r1")
    known = variables(device, voip_edge_report_dir=str(tmp_path), voip_edge_site="Kiel")
    if fails:
        known["ansible_password"] += "-outdated"
    assert bool(run("edge_info", {}, known).get("failed")) == fails
    kept = json.loads((tmp_path / "records" / "r1.json").read_text())
    assert kept["site"] == "Kiel"
    schema = json.loads((Path(__file__).parents[3] / "docs" / "schema" / "record-1.json").read_text(encoding="utf-8"))
    jsonschema.validate(kept, schema)
    known.pop("voip_edge_site")
    run("edge_info", {}, known)
    assert "site" not in json.loads((tmp_path / "records" / "r1.json").read_text())


def test_templated_variables_are_resolved(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    templated = variables(
        device, ansible_host="{{ address }}", address=device.host, ansible_port="{{ number }}", number=str(device.port)
    )
    try:
        from ansible.template import trust_as_template

        templated["ansible_host"] = trust_as_template(templated["ansible_host"])
        templated["ansible_port"] = trust_as_template(templated["ansible_port"])
    except ImportError:  # before 2.19 every text may be a template
        pass
    assert run("edge_info", {}, templated)["verdict"] == "active"


@pytest.mark.parametrize("where", ["voip_edge_api_token", "ansible_httpapi_session_key"])
def test_an_inventory_with_a_token_needs_no_name(lab: Lab, where: str) -> None:
    device: Any = lab.add("fortinet_fortios", "default-74", rest=True)
    token = device.api_token if where == "voip_edge_api_token" else {"access_token": "{{ vaulted }}"}
    if isinstance(token, dict):
        try:
            from ansible.template import trust_as_template

            token["access_token"] = trust_as_template(token["access_token"])
        except ImportError:  # before 2.19 every text may be a template
            pass
    found = {
        "inventory_hostname": device.name,
        "ansible_host": device.host,
        "ansible_httpapi_port": device.http_port,
        "ansible_connection": "ansible.netcommon.httpapi",
        "ansible_network_os": "fortinet.fortios.fortios",
        "voip_edge_tls_fingerprint": device.tls_fingerprint,
        "vaulted": device.api_token,
        where: token,
    }
    result = run("edge_info", {}, found)
    assert (result["verdict"], device.journal, device.login_attempts) == ("active", [], 0)
    # as the roles do it: the task's own connection hides the inventory's
    hidden = {**found, "ansible_connection": "local", "hostvars": {device.name: found}}
    changed = run("sip_alg", {}, hidden, own_vars={"ansible_connection": "local"})
    assert changed["verdict"] == "disabled"
    assert not [secret for secret in SECRETS if secret in json.dumps(changed)]


def test_what_could_not_be_saved_fails_with_the_reason(lab: Lab) -> None:
    device: Any = lab.add("fortinet_fortios", "cfg-save-manual", rest=True)
    found = variables(
        device,
        ansible_httpapi_port=device.http_port,  # beside ansible_port, which is that of SSH
        ansible_network_os="fortios",
        voip_edge_transport="https",
        voip_edge_tls_fingerprint=device.tls_fingerprint,
    )
    result = run("sip_alg", {}, found)
    assert (result["failed"], result["changed"], result["saved"]) == (True, True, False)
    assert "live and proven, but cfg-save is manual and the API cannot save: run 'execute cfg save'" in result["msg"]
    assert "failed" not in run("sip_alg", {"save": False, "state": "enabled"}, found)


def test_options_of_the_task_win(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    wrong = variables(device, ansible_host="192.0.2.1", ansible_user="nobody")
    assert run("edge_info", {"host": device.host, "user": device.user}, wrong)["verdict"] == "active"


def test_a_change_and_its_check(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    assert run("sip_alg", {}, variables(device), check=True)["changed"]
    assert device.journal == []
    assert run("sip_alg", {}, variables(device))["verdict"] == "disabled"
    assert not run("baseline", {}, variables(device))["changed"]
    raised = run("udp_timeout", {"minimum": 400, "recommended": 500}, variables(device))
    assert "ip nat translation udp-timeout 500" in raised["commands"]


@pytest.mark.parametrize(
    ("args", "more", "words"),
    [
        ({"stat": "disabled"}, {}, "sip_alg: there is no option 'stat'; known: allow_unproven"),
        ({"state": "of"}, {}, "value of state must be one of"),
        (
            {},
            {"ansible_network_os": "junipernetworks.junos.junos"},
            "is no platform of voip.edge; set voip_edge_platform",
        ),
        ({"profile": "nobody"}, {}, "there is no profile 'nobody'; known: 8x8, cytracom, default"),
        ({"profile": "x"}, {"voip_edge_profiles": ["x"]}, "must be a mapping"),
    ],
)
def test_wrong_input_is_one_sentence(lab: Lab, args: dict[str, Any], more: dict[str, Any], words: str) -> None:
    device = lab.add("cisco_ios", "nat-default")
    with pytest.raises(AnsibleActionFail, match=words):
        run("sip_alg", args, variables(device, **more))
    assert device.transcript == []


def test_a_host_without_address_or_user(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    nobody = variables(device)
    del nobody["ansible_user"]
    assert "user: none is given" in run("edge_info", {}, nobody)["msg"]
    nowhere = variables(device, ansible_host="", inventory_hostname="")
    assert "host: no address" in run("edge_info", {}, nowhere)["msg"]


def test_profiles_of_providers_and_of_the_inventory(lab: Lab) -> None:
    device = lab.add("cisco_ios", "short-udp-timeout")
    shipped = run("edge_info", {}, variables(device, voip_edge_profile="goto"))
    assert shipped["record"]["aspects"]["udp_timeout"]["wanted"] == {"min": 90, "recommended": 300, "max": None}
    own = {"ours": {"udp_timeout": {"minimum": 20, "recommended": 25}}}
    ours = run("edge_info", {"profile": "ours"}, variables(device, voip_edge_profiles=own))
    assert ours["record"]["aspects"]["udp_timeout"]["verdict"] == "ok"
    inline = run("edge_info", {"profile": {"udp_timeout": {"minimum": 31}}}, variables(device))
    assert inline["record"]["aspects"]["udp_timeout"]["verdict"] == "low"


def test_a_failure_is_short_and_shows_no_secret(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default", faults=["refuse_login"])
    result = run("edge_info", {"report_dir": str(tmp_path)}, variables(device))
    assert result["failed"]
    assert "record" not in result
    assert not [s for s in SECRETS if s in json.dumps(result)]
    kept = next((tmp_path / "records").iterdir()).read_text()
    assert "login_refused" in kept
    assert not [s for s in SECRETS if s in kept]


def test_a_report_folder_that_cannot_be_written_stops_before_the_device(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    blocked = tmp_path / "file"
    blocked.write_text("")
    result = run("sip_alg", {"report_dir": str(blocked)}, variables(device))
    assert "report_dir: " in result["msg"]
    assert device.transcript == []


def test_a_task_for_another_host_ships_the_module(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default")
    made, result = action(
        "edge_info", {"report_dir": str(tmp_path)}, variables(device, voip_edge_profile="nfon"), delegate="onsite_box"
    )
    shipped = made._execute_module.call_args.kwargs
    assert shipped["module_name"] == "voip.edge.edge_info"
    assert shipped["module_args"]["host"] == device.host
    assert shipped["module_args"]["password"] == device.password
    assert shipped["module_args"]["profile"]["name"] == "nfon"
    assert "report_dir" not in shipped["module_args"]
    assert "invocation" not in result
    assert device.transcript == []
    assert run("edge_info", {}, variables(device), delegate="localhost")["verdict"] == "active"


def test_ansibles_own_host_key_setting_counts(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default")
    unpinned = variables(device)
    del unpinned["voip_edge_host_key"]
    seen: list[ssh.Login] = []
    monkeypatch.setattr(ssh, "_known_hosts", lambda login: seen.append(login) or [])
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", "true")  # ansible-test has a configuration of its own
    assert run("edge_info", {}, unpinned)["error_kind"] == "host_key"
    assert run("edge_info", {}, {**unpinned, "ansible_host_key_checking": False})["verdict"] == "active"
    assert [login.host_key_checking for login in seen] == [True]


def test_backups_and_report_need_no_device(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "r1").write_text("version 15.7\nhostname r1\ninterface Vlan1\nend\n")
    made = run(
        "audit_backups", {"path": str(tmp_path / "in"), "report_dir": str(tmp_path / "out"), "profile": "goto"}, {}
    )
    assert made["judged"] == 1
    assert run("report", {"report_dir": str(tmp_path / "out"), "hosts": ["r1", "r2"]}, {})["summary"]["hosts"] == 2


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ("", None),
        ("-o StrictHostKeyChecking=no", None),
        ("-J jump", "ssh -o BatchMode=yes -W [%h]:%p jump"),
        ("-Jme@jump:2222", "ssh -o BatchMode=yes -p 2222 -W [%h]:%p me@jump"),
        ("-o ProxyJump=a,b", "ssh -o BatchMode=yes -J a -W [%h]:%p b"),
        ("-oProxyCommand='nc %h %p'", "nc %h %p"),
        ("-o 'ProxyCommand ssh -W %h:%p jump'", "ssh -W %h:%p jump"),
        ("-o ProxyCommand=none", None),
        ("-J ''", None),
        ("'unbalanced", None),
    ],
)
def test_the_jump_host_of_an_inventory(arguments: str, command: str | None) -> None:
    assert proxy_command(arguments) == command


def test_the_jump_host_reaches_the_login(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default")
    seen: list[Any] = []
    monkeypatch.setattr(ssh, "_socket", lambda login: seen.append(login.proxy_command) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run("edge_info", {}, variables(device, ansible_ssh_common_args="-J jump"))
    assert seen == ["ssh -o BatchMode=yes -W [%h]:%p jump"]


@pytest.mark.parametrize("module", ["edge_info", "sip_alg", "udp_timeout", "baseline"])
@pytest.mark.parametrize("variant", ["nat-default", "cbac-sip-no-udp"])
def test_no_secret_in_any_result(lab: Lab, tmp_path: Path, module: str, variant: str) -> None:
    device = lab.add("cisco_ios", variant)
    for check in (True, False):
        result = run(module, {"report_dir": str(tmp_path)}, variables(device), check=check)
        assert result["record"]
        assert "invocation" not in result
        assert not [s for s in SECRETS if s in json.dumps(result)]
    kept = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "records").iterdir())
    assert not [s for s in SECRETS if s in kept]


def test_what_comes_back_from_another_host_is_masked(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default")
    echoing = {"changed": False, "msg": f"login with {device.password}", "deep": [{"key": f"x {device.enable_secret}"}]}
    monkeypatch.setitem(SHIPPED, "result", echoing)
    result = run("edge_info", {}, variables(device), delegate="onsite_box")
    assert result["msg"] == "login with ********"
    assert not [s for s in SECRETS if s in json.dumps(result)]


def test_a_record_from_another_host_is_kept_here(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = lab.add("cisco_ios", "nat-default", name="afar")
    monkeypatch.setitem(SHIPPED, "result", {"changed": False, "record": {"host": "afar", "mode": "check"}})
    run("edge_info", {"report_dir": str(tmp_path)}, variables(device), delegate="onsite_box")
    assert [path.name for path in (tmp_path / "records").iterdir()] == ["afar.json"]


def test_a_folder_that_cannot_be_written_stops_a_delegated_task_too(lab: Lab, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    device = lab.add("cisco_ios", "nat-default")
    made, result = action("sip_alg", {"report_dir": str(blocked)}, variables(device), delegate="onsite_box")
    assert "report_dir: " in result["msg"]
    made._execute_module.assert_not_called()


def test_a_record_that_cannot_be_kept_is_a_failure(lab: Lab, tmp_path: Path) -> None:
    device = lab.add("cisco_ios", "nat-default", name="r1")
    (tmp_path / "records" / "r1.json").mkdir(parents=True)
    result = run("edge_info", {"report_dir": str(tmp_path)}, variables(device))
    assert result["failed"]
    assert "r1.json cannot be written" in result["msg"]


@pytest.mark.parametrize("checking", ["true", "false"])
def test_ansible_cfg_says_whether_host_keys_are_checked(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, checking: str
) -> None:
    unpinned = variables(lab.add("cisco_ios", "nat-default"))
    del unpinned["voip_edge_host_key"]
    monkeypatch.setattr(ssh, "_known_hosts", lambda _login: [])
    monkeypatch.setenv("ANSIBLE_HOST_KEY_CHECKING", checking)
    result = run("edge_info", {}, unpinned)
    assert result.get("error_kind") == ("host_key" if checking == "true" else None)


@pytest.mark.parametrize(
    ("platform", "variant", "names"),
    [
        ("cisco_ios", "nat-default", ["cisco.ios.ios", "ios", "cisco_ios"]),
        ("cisco_asa", "default", ["cisco.asa.asa", "asa", "cisco_asa"]),
        ("fortinet_fortios", "default-74", ["fortinet.fortios.fortios", "fortios", "fortinet_fortios"]),
    ],
)
def test_names_of_other_collections_are_understood(lab: Lab, platform: str, variant: str, names: list[str]) -> None:
    device = lab.add(platform, variant)
    for name in names:
        result = run("edge_info", {}, variables(device, ansible_network_os=name))
        assert result.get("platform") == platform, result.get("msg")


def test_our_own_word_wins_over_an_unknown_network_os(lab: Lab) -> None:
    mixed = variables(lab.add("cisco_ios", "nat-default"), ansible_network_os="vendor.thing.os")
    for word in ("auto", "cisco_ios"):
        assert run("edge_info", {}, {**mixed, "voip_edge_platform": word})["verdict"] == "active"


def test_an_inventory_of_httpapi_means_https(lab: Lab) -> None:
    device = lab.add("cisco_ios", "nat-default")
    named = {"ansible_connection": "ansible.netcommon.httpapi", "voip_edge_platform": "cisco_ios"}
    result = run("edge_info", {}, variables(device, **named))
    assert "transport: https needs a platform" in result["msg"]
    asked = run("edge_info", {"transport": "ssh"}, variables(device, ansible_connection="httpapi"))
    assert asked["verdict"] == "active"


@pytest.mark.parametrize("named", [{"voip_edge_profile": "default"}, {}], ids=["named", "not named"])
def test_the_default_profile_may_be_ones_own(lab: Lab, named: dict[str, Any]) -> None:
    device = lab.add("cisco_ios", "short-udp-timeout")
    own = {"default": {"udp_timeout": {"minimum": 10, "recommended": 20}}}
    result = run("edge_info", {}, variables(device, voip_edge_profiles=own, **named))
    assert result["record"]["aspects"]["udp_timeout"]["wanted"] == {"min": 10, "recommended": 20, "max": None}


@pytest.mark.parametrize("entry", ["text", 90, None])
def test_a_profile_that_is_no_mapping(lab: Lab, entry: Any) -> None:
    device = lab.add("cisco_ios", "nat-default")
    with pytest.raises(AnsibleActionFail, match="'ours' is not a mapping"):
        run("edge_info", {"profile": "ours"}, variables(device, voip_edge_profiles={"ours": entry}))


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_no_connection_is_opened_for_an_action(name: str) -> None:
    assert CLASSES[name]._requires_connection is False
    assert CLASSES[name]._supports_async is False
    assert CLASSES[name]._supports_check_mode is True
