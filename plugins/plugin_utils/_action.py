# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: the one action class of the modules. It does their work in Ansible's own process.

A module that is shipped costs a Python start and all imports for each host and task; here they are paid once, by the
parent, when the strategy loads this file. Only a task that is delegated to another host ships the module there.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Mapping
from typing import Any

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ._parent import PROFILES, doors, errors, keeping, options, profiles, registry, reporting
from ._ssh_args import proxy_command

display = Display()

_HERE = ("localhost", "127.0.0.1", "::1")
_SPECS = {
    "edge_info": options.EDGE_INFO,
    "sip_alg": options.SIP_ALG,
    "udp_timeout": options.UDP_TIMEOUT,
    "port_forwards": options.PORT_FORWARDS,
    "baseline": options.BASELINE,
    "undo": options.UNDO,
    "report": options.REPORT,
    "audit_backups": options.AUDIT_BACKUPS,
}
_VALIDATORS = {module: ArgumentSpecValidator(spec) for module, spec in _SPECS.items()}


class EdgeAction(ActionBase):  # type: ignore[misc,unused-ignore]
    """Fills options from the inventory, validates them with the module's own specification, and does the work."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False
    _requires_connection = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        gc.freeze()  # what Ansible made since, the inventory of the whole fleet among it, is no garbage of this host either
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        module = self._task.action.rsplit(".", 1)[-1]
        spec = _SPECS[module]
        given = {k: v for k, v in _plain(self._task.args).items() if v is not None}
        if "host" in spec:
            given = {**self._from_inventory(variables, spec, given), **given}
        if "profile" in spec and isinstance(given.get("profile", profiles.DEFAULT.name), str):
            given["profile"] = self._profile(given.get("profile", profiles.DEFAULT.name), variables)
        validated = _VALIDATORS[module].validate(given)
        unknown = sorted(str(name) for name in validated.unsupported_parameters)
        if unknown:
            known = ", ".join(sorted(spec))
            raise AnsibleActionFail(f"{module}: there is no option '{unknown[0]}'; known: {known}")
        if validated.error_messages:
            raise AnsibleActionFail("{}: {}".format(module, "; ".join(validated.error_messages)))
        params = _plain(validated.validated_parameters)
        secrets = validated._no_log_values  # pylint: disable=protected-access
        result.update(self._answer(module, params, given, variables))
        result.pop("kept", None)  # for a controller that is elsewhere; here it is in the folder, or nobody asked for it
        self._record(result, params if "record" in result else {})
        if result.get("failed") or result.get("unreachable"):
            # Ansible prints the whole result of a failure: whoever reads it at night needs the sentence, not the record
            result.pop("record", None)
        return _without(result, secrets)

    def _answer(
        self, module: str, params: dict[str, Any], given: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        if "host" in params and params.get("report_dir"):
            try:
                reporting.check_report_dir(params["report_dir"])
            except errors.BadInput as error:
                return {"failed": True, "changed": False, "error_kind": error.kind, "msg": str(error)}
        delegate = self._task.delegate_to
        if delegate and str(delegate) not in _HERE:
            # The record, and what a change keeps, stay here on the controller.
            args = {k: v for k, v in given.items() if not (k == "report_dir" and "host" in params)}
            args = {k: v for k, v in args.items() if not (k == "config" and not v)}
            return self._ship(module, args, params, variables)
        return doors.answer(module, params, bool(self._task.check_mode), display.display)

    def _ship(
        self, module: str, args: dict[str, Any], params: dict[str, Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        """Lets the host that the task is delegated to do the work."""
        path = None
        if module == "undo" and not params.get("change"):
            try:
                path, args["change"] = doors.to_take_back(params)
            except errors.EdgeError as error:
                return {"failed": True, "changed": False, "error_kind": error.kind, "msg": str(error)}
            if args["change"] is None:
                return doors.nothing_to_take_back(params)
        shipped: dict[str, Any] = self._execute_module(
            module_name=f"voip.edge.{module}", module_args=args, task_vars=variables
        )
        shipped.pop("invocation", None)
        try:
            doors.keep_change(shipped, params.get("report_dir"))
            if path is not None and shipped.get("taken_back") and not self._task.check_mode:
                keeping.mark_undone(path, args["change"])
        except errors.EdgeError as error:
            shipped.update(failed=True, msg=str(error))
        return shipped

    def _record(self, result: dict[str, Any], params: dict[str, Any]) -> None:
        try:
            doors.keep_record(result, params.get("report_dir"))
        except errors.EdgeError as error:
            result.update(failed=True, msg=str(error))

    def _from_inventory(self, variables: dict[str, Any], spec: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
        """Options that the task leaves out, from the variables of network_cli, httpapi and plain ssh inventories."""
        found: dict[str, Any] = {}
        for option, names in options.VARIABLES.items():
            if option in given or option not in spec:
                continue
            for name in names:
                value = self._named(variables, name)
                if value not in (None, ""):
                    found[option] = value
                    break
        if "platform" in found and "voip_edge_platform" not in variables and not registry.is_known(found["platform"]):
            # an inventory's ansible_network_os may belong to a collection that knows more platforms than we do
            raise AnsibleActionFail(
                "ansible_network_os is '{}', which is no platform of voip.edge; set voip_edge_platform (or auto)".format(
                    found["platform"]
                )
            )
        told = "transport" in found or "transport" in given
        if not told and self._by_api(variables, str(given.get("platform", found.get("platform", registry.AUTO)))):
            found["transport"] = "https"
        by_https = given.get("transport", found.get("transport")) == "https"
        if by_https and "port" in found and self._value(variables.get("ansible_httpapi_port")):
            # ansible_port may be the SSH server's, as it is where a device has both doors
            found["port"] = self._value(variables["ansible_httpapi_port"])
        found.setdefault("host_key_checking", bool(C.config.get_config_value("HOST_KEY_CHECKING")))
        if not by_https and not {"jump_host", "proxy_command"} & (set(found) | set(given)):
            command = proxy_command(
                " ".join(
                    str(self._value(variables.get(name)) or "")
                    for name in ("ansible_ssh_common_args", "ansible_ssh_extra_args")
                )
            )
            if command:
                found["proxy_command"] = command
        return found

    def _profile(self, name: str, variables: dict[str, Any]) -> Any:
        """The figures of a named profile: the inventory's own first, then the providers' that ship with the collection."""
        own = self._value(variables.get("voip_edge_profiles")) or {}
        if not isinstance(own, dict):
            raise AnsibleActionFail("voip_edge_profiles: must be a mapping of names to profiles")
        known = {**PROFILES, **own}
        if name == profiles.DEFAULT.name and name not in own:
            return name
        if name not in known:
            names = ", ".join(sorted({profiles.DEFAULT.name, *known}))
            raise AnsibleActionFail(f"profile: there is no profile '{name}'; known: {names}")
        if not isinstance(known[name], dict):
            raise AnsibleActionFail(f"profile: '{name}' is not a mapping")
        return {**known[name], "name": name}

    def _by_api(self, variables: dict[str, Any], platform: str) -> bool:
        """Whether the inventory leads to the device's API. A task may hide that, as the roles do, which run on the controller."""
        if "httpapi" in str(variables.get("ansible_connection", "")):
            return True
        if "ansible_connection" not in (self._task.vars or {}) or not registry.has_two_doors(platform):
            return False  # looking behind the task costs, so only where it makes a difference
        own = variables.get("hostvars", {}).get(variables.get("inventory_hostname"), {})
        return "httpapi" in str(own.get("ansible_connection", ""))

    def _named(self, variables: dict[str, Any], name: str) -> Any:
        """The value of a variable, or with a dot in its name of a key of one."""
        whole, _dot, key = name.partition(".")
        value = variables.get(whole)
        if value is None:
            return None
        if key:
            # not made plain before the key is taken: a template in it would lose what newer cores trust it by
            value = value if isinstance(value, Mapping) else self._value(value)
            value = value.get(key) if isinstance(value, Mapping) else None
        return self._value(value)

    def _value(self, value: Any) -> Any:
        """A variable's value; templating costs, so plain text goes without."""
        if (isinstance(value, str) and ("{{" in value or "{%" in value)) or hasattr(value, "_tag_type"):
            value = self._templar.template(value)
        return _plain(value)


def _plain(value: Any) -> Any:
    """Plain Python values: newer cores hand out subclasses that carry tags, which libraries stumble over."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    return json.loads(json.dumps(value, default=str))


def _without(result: dict[str, Any], secrets: Any) -> dict[str, Any]:
    """The result with secrets masked. Walking through a record costs more than judging it: a search decides first."""
    text = json.dumps(result, default=str)
    found = any(json.dumps(str(secret))[1:-1] in text for secret in secrets)
    return remove_values(result, secrets) if found else result  # type: ignore[no-any-return,unused-ignore]
