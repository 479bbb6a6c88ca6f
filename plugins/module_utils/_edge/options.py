# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules, said once: the modules, their action plugins and the tests read them here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from .core.errors import BadInput
from .core.model import Options
from .core.profiles import get_profile
from .engine import Target
from .platforms.registry import by_name
from .transports.ssh import Login

CONNECTION: dict[str, dict[str, Any]] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "private_key_file": {"type": "path", "no_log": False},
    "private_key_passphrase": {"type": "str", "no_log": True},
    "use_agent": {"type": "bool", "default": False},
    "become_password": {"type": "str", "no_log": True},
    "platform": {"type": "str", "default": "auto"},
    "transport": {"type": "str", "choices": ["ssh", "telnet"], "default": "ssh"},
    "host_key_checking": {"type": "bool", "default": True},
    "host_key": {"type": "str", "no_log": False},
    "known_hosts_file": {"type": "path"},
    "jump_host": {"type": "str"},
    "proxy_command": {"type": "str"},
    "connect_timeout": {"type": "float", "default": 10.0},
    "timeout": {"type": "float", "default": 30.0},
    "profile": {"type": "str", "default": "default"},
    "name": {"type": "str"},
    "report_dir": {"type": "path"},
}

EDGE_INFO: dict[str, dict[str, Any]] = {**CONNECTION, "config": {"type": "path"}}

SIP_ALG: dict[str, dict[str, Any]] = {
    **CONNECTION,
    "state": {"type": "str", "choices": ["disabled", "enabled"], "default": "disabled"},
    "save": {"type": "bool", "default": True},
    "revert_timer": {"type": "int", "default": 5},
    "clear_sessions": {"type": "bool", "default": False},
    "edit_policies": {"type": "bool", "default": False},
    "allow_unproven": {"type": "bool", "default": False},
}

REPORT: dict[str, dict[str, Any]] = {
    "report_dir": {"type": "path", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str"},
}

AUDIT_BACKUPS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "report_dir": {"type": "path", "required": True},
    "platform": {"type": "str", "default": "auto"},
    "profile": {"type": "str", "default": "default"},
    "workers": {"type": "int", "default": 0},
}

# Which variables of an inventory fill an option that the task leaves out, first found first taken.
VARIABLES: dict[str, tuple[str, ...]] = {
    "host": ("ansible_host", "inventory_hostname"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "password": ("ansible_password", "ansible_ssh_password", "ansible_ssh_pass"),
    "private_key_file": ("ansible_private_key_file", "ansible_ssh_private_key_file"),
    "private_key_passphrase": ("ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"),
    "become_password": ("ansible_become_password", "ansible_become_pass"),
    "platform": ("voip_edge_platform", "ansible_network_os"),
    "transport": ("voip_edge_transport",),
    "host_key_checking": ("ansible_host_key_checking", "ansible_ssh_host_key_checking"),
    "host_key": ("voip_edge_host_key",),
    "known_hosts_file": ("voip_edge_known_hosts_file",),
    "use_agent": ("voip_edge_use_agent",),
    "jump_host": ("voip_edge_jump_host",),
    "proxy_command": ("ansible_paramiko_proxy_command", "ansible_libssh_proxy_command"),
    "connect_timeout": ("ansible_connect_timeout",),
    "timeout": ("ansible_command_timeout",),
    "profile": ("voip_edge_profile",),
    "name": ("inventory_hostname",),
    "report_dir": ("voip_edge_report_dir",),
}


def target_of(params: Mapping[str, Any]) -> Target:
    """The target that validated options describe. Raises BadInput that names the option."""
    host = params.get("host") or ""
    if not host:
        raise BadInput("host: no address is given (set ansible_host, or the option host)")
    telnet = params["transport"] == "telnet"
    port = params.get("port") or (23 if telnet else 22)
    if not 0 < port < 65536:
        raise BadInput(f"port: {port} is not a port number")
    for name in ("connect_timeout", "timeout"):
        if params[name] <= 0:
            raise BadInput(f"{name}: must be more than 0 seconds")
    if not params.get("user"):
        raise BadInput(f"user: none is given for {host} (set ansible_user, or the option user)")
    login = Login(
        host=host,
        port=port,
        user=params["user"],
        password=params.get("password"),
        private_key_file=_expanded(params.get("private_key_file")),
        private_key_passphrase=params.get("private_key_passphrase"),
        use_agent=params["use_agent"],
        host_key_checking=params["host_key_checking"],
        host_key=params.get("host_key"),
        known_hosts_file=params.get("known_hosts_file"),
        proxy_command=params.get("proxy_command") or _jump(params.get("jump_host")),
        connect_timeout=params["connect_timeout"],
        telnet=telnet,
    )
    return Target(
        name=params.get("name") or host,
        login=login,
        platform=by_name(params["platform"]),
        profile=get_profile(params["profile"]),
        timeout=params["timeout"],
        become_password=params.get("become_password"),
    )


def _expanded(path: str | None) -> str | None:
    return os.path.expanduser(path) if path else None


def _jump(jump_host: str | None) -> str | None:
    """OpenSSH makes the first hop: its own keys, known_hosts and configuration count there."""
    if not jump_host:
        return None
    where, _sep, port = jump_host.partition(":")
    if not where or where.startswith("-") or any(c.isspace() for c in jump_host) or (port and not port.isdigit()):
        raise BadInput(f"jump_host: '{jump_host}' is not [user@]host[:port]")
    return "ssh -o BatchMode=yes {}-W [%h]:%p {}".format(f"-p {port} " if port else "", shlex.quote(where))


def options_of(params: Mapping[str, Any]) -> Options:
    """What the options of sip_alg allow. Raises BadInput."""
    if not 0 <= params["revert_timer"] <= 120:
        raise BadInput("revert_timer: {} is not between 0 (none) and 120 minutes".format(params["revert_timer"]))
    return Options(
        state=params["state"],
        allow_unproven=params["allow_unproven"],
        edit_policies=params["edit_policies"],
        clear_sessions=params["clear_sessions"],
        save=params["save"],
        revert_timer=params["revert_timer"],
    )
