# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the modules, said once: the modules, their action plugins and the tests read them here."""

from __future__ import annotations

import ipaddress
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .core.errors import BadInput
from .core.forwards import ANY
from .core.model import DISABLED, Forwards, Options, Wanted
from .core.profiles import Profile, from_mapping, get_profile, network
from .core.text import unique
from .engine import Target
from .history import KEPT
from .platforms.base import Platform
from .platforms.registry import by_name
from .transports.http import HttpLogin
from .transports.ssh import Login

CONNECTION: dict[str, dict[str, Any]] = {
    "host": {"type": "str"},
    "port": {"type": "int"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "api_token": {"type": "str", "no_log": True},
    "private_key_file": {"type": "path", "no_log": False},
    "private_key_passphrase": {"type": "str", "no_log": True},
    "use_agent": {"type": "bool", "default": False},
    "become_password": {"type": "str", "no_log": True},
    "platform": {"type": "str", "default": "auto"},
    "transport": {"type": "str", "choices": ["ssh", "telnet", "https"]},
    "host_key_checking": {"type": "bool", "default": True},
    "host_key": {"type": "str", "no_log": False},
    "known_hosts_file": {"type": "path"},
    "jump_host": {"type": "str"},
    "proxy_command": {"type": "str"},
    "use_ssl": {"type": "bool", "default": True},
    "validate_certs": {"type": "bool", "default": True},
    "tls_fingerprint": {"type": "str", "no_log": False},
    "ca_file": {"type": "path"},
    "legacy_tls": {"type": "bool", "default": False},
    "second_factor": {"type": "str", "no_log": True},
    "take_over": {"type": "bool", "default": False},
    "connect_timeout": {"type": "float", "default": 10.0},
    "timeout": {"type": "float", "default": 30.0},
    "profile": {"type": "raw", "default": "default"},
    "pbx": {"type": "str"},
    "sources": {"type": "list", "elements": "str"},
    "sip_ports": {"type": "list", "elements": "int"},
    "rtp_ports": {"type": "str"},
    "outside_interface": {"type": "str"},
    "inside_interface": {"type": "str"},
    "outside_address": {"type": "str"},
    "name": {"type": "str"},
    "site": {"type": "str"},
    "report_dir": {"type": "path"},
}

EDGE_INFO: dict[str, dict[str, Any]] = {**CONNECTION, "config": {"type": "path"}}

CHANGE: dict[str, dict[str, Any]] = {
    "save": {"type": "bool", "default": True},
    "revert_timer": {"type": "int", "default": 5},
    "edit_policies": {"type": "bool", "default": False},
    "allow_unproven": {"type": "bool", "default": False},
}

_SIP: dict[str, dict[str, Any]] = {
    "clear_sessions": {"type": "bool", "default": False},
    "strict": {"type": "bool", "default": False},
}

_TIMEOUT: dict[str, dict[str, Any]] = {
    "minimum": {"type": "int"},
    "recommended": {"type": "int"},
    "maximum": {"type": "int"},
}

SIP_ALG: dict[str, dict[str, Any]] = {
    **CONNECTION,
    **CHANGE,
    **_SIP,
    "state": {"type": "str", "choices": ["disabled", "enabled"], "default": "disabled"},
}

UDP_TIMEOUT: dict[str, dict[str, Any]] = {**CONNECTION, **CHANGE, **_TIMEOUT}

PORT_FORWARDS: dict[str, dict[str, Any]] = {
    **CONNECTION,
    **CHANGE,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}

UNDO: dict[str, dict[str, Any]] = {
    **CONNECTION,
    "save": CHANGE["save"],
    "revert_timer": CHANGE["revert_timer"],
    "change": {"type": "dict"},
}

BASELINE: dict[str, dict[str, Any]] = {
    **CONNECTION,
    **CHANGE,
    **_SIP,
    **_TIMEOUT,
    "aspects": {"type": "list", "elements": "str", "choices": ["sip_alg", "udp_timeout", "port_forwards"]},
    "show_plan": {"type": "bool", "default": False},
}

_COMPARED: dict[str, dict[str, Any]] = {
    "earlier": {"type": "path"},
    "history_keep": {"type": "int", "default": KEPT},
    "fail_on": {"type": "list", "elements": "str", "default": []},
}

REPORT: dict[str, dict[str, Any]] = {
    "report_dir": {"type": "path", "required": True},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "since": {"type": "str"},
    "begin": {"type": "bool", "default": False},
    **_COMPARED,
}

AUDIT_BACKUPS: dict[str, dict[str, Any]] = {
    "path": {"type": "path", "required": True},
    "report_dir": {"type": "path", "required": True},
    "platform": {"type": "str", "default": "auto"},
    "profile": {"type": "raw", "default": "default"},
    "workers": {"type": "int", "default": 0},
    **_COMPARED,
}

# Which variables of an inventory fill an option that the task leaves out, first found first taken.
# A name with a dot is a key of a variable that is a mapping.
VARIABLES: dict[str, tuple[str, ...]] = {
    "host": ("ansible_host", "inventory_hostname"),
    "port": ("ansible_port", "ansible_ssh_port", "ansible_httpapi_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "password": (
        "ansible_password",
        "ansible_ssh_password",
        "ansible_ssh_pass",
        "ansible_httpapi_password",
        "ansible_httpapi_pass",
    ),
    # The second is where the inventories of fortinet.fortios keep it.
    "api_token": ("voip_edge_api_token", "ansible_httpapi_session_key.access_token"),
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
    "use_ssl": ("ansible_httpapi_use_ssl",),
    "validate_certs": ("ansible_httpapi_validate_certs",),
    "tls_fingerprint": ("voip_edge_tls_fingerprint",),
    "ca_file": ("voip_edge_ca_file", "ansible_httpapi_ca_path"),
    "legacy_tls": ("voip_edge_legacy_tls",),
    "second_factor": ("voip_edge_second_factor",),
    "take_over": ("voip_edge_take_over",),
    "connect_timeout": ("ansible_connect_timeout",),
    "timeout": ("ansible_command_timeout",),
    "profile": ("voip_edge_profile",),
    "pbx": ("voip_edge_pbx",),
    "sources": ("voip_edge_sources",),
    "sip_ports": ("voip_edge_sip_ports",),
    "rtp_ports": ("voip_edge_rtp_ports",),
    "outside_interface": ("voip_edge_outside_interface",),
    "inside_interface": ("voip_edge_inside_interface",),
    "outside_address": ("voip_edge_outside_address",),
    "name": ("inventory_hostname",),
    "site": ("voip_edge_site",),
    "report_dir": ("voip_edge_report_dir",),
}


def target_of(params: Mapping[str, Any]) -> Target:
    """The target that validated options describe. Raises BadInput that names the option."""
    if not params.get("host"):
        raise BadInput("host: no address is given (set ansible_host, or the option host)")
    for name in ("connect_timeout", "timeout"):
        if params[name] <= 0:
            raise BadInput(f"{name}: must be more than 0 seconds")
    platform, transport = _way(params)
    # Without a login a web interface is asked for its marks alone; a change is refused there.
    unknown = transport == "https" and platform is None
    if not params.get("user") and not unknown and not (transport == "https" and params.get("api_token")):
        hint = "; an API token is taken with transport https" if params.get("api_token") else ""
        raise BadInput(
            "user: none is given for {} (set ansible_user, or the option user{})".format(params["host"], hint)
        )
    port = params.get("port") or _PORTS[transport if params.get("use_ssl", True) else "http"]
    if not 0 < port < 65536:
        raise BadInput(f"port: {port} is not a port number")
    return Target(
        name=params.get("name") or params["host"],
        login=_login(params, port, transport == "telnet"),
        platform=platform,
        profile=_profile(params),
        timeout=params["timeout"],
        become_password=params.get("become_password"),
        http=_http(params, port, platform) if transport == "https" else None,
        second_factor=params.get("second_factor"),
        take_over=params.get("take_over", False),
    )


def _way(params: Mapping[str, Any]) -> tuple[Platform | None, str]:
    """The platform and how it is reached: as it is told, else by its command line where it has one."""
    platform = by_name(params["platform"])
    transport = params.get("transport") or ("ssh" if platform is None or platform.has_command_line else "https")
    if transport != "https":
        if platform is not None and not platform.has_command_line:
            raise BadInput(f"transport: {platform.title} is not reached by {transport}")
        return platform, transport
    if platform is None:
        if params.get("api_token"):
            raise BadInput("platform: an API token is sent to a platform that is known only; set voip_edge_platform")
        return None, transport
    platform = platform.over_https or platform
    if platform.door is None:
        raise BadInput("transport: https needs a platform that is reached that way; set voip_edge_platform")
    if params.get("api_token") and not platform.door.takes_token:
        raise BadInput(f"api_token: {platform.title} takes none; leave it out and set user and password")
    return platform, transport


_PORTS = {"ssh": 22, "telnet": 23, "https": 443, "http": 80}


def _login(params: Mapping[str, Any], port: int, telnet: bool) -> Login:
    return Login(
        host=params["host"],
        port=port,
        user=params.get("user") or "",
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


def _http(params: Mapping[str, Any], port: int, platform: Platform | None) -> HttpLogin:
    token = params.get("api_token")
    if not params.get("password") and not token and platform is not None:
        takes = platform is not None and platform.door is not None and platform.door.takes_token
        other = " (set ansible_password, or an API token: the option api_token or voip_edge_api_token)" if takes else ""
        raise BadInput("password: none is given for {}{}".format(params["host"], other))
    return HttpLogin(
        host=params["host"],
        port=port,
        scheme="https" if params["use_ssl"] else "http",
        user=params.get("user"),
        password=params.get("password"),
        token=token,
        verify=params["validate_certs"],
        tls_fingerprint=params.get("tls_fingerprint"),
        ca_file=_expanded(params.get("ca_file")),
        legacy_tls=params["legacy_tls"],
        connect_timeout=params["connect_timeout"],
        timeout=params["timeout"],
    )


def _profile(params: Mapping[str, Any]) -> Profile:
    """The profile with the task's own figures and the site's PBX, so that verdict and change speak of the same."""
    profile = profile_of(params["profile"])
    given = {key: params[key] for key in ("sip_ports", "rtp_ports") if params.get(key)}
    own = profile
    if given:
        data: dict[str, Any] = {"sip_ports": profile.sip_ports, "rtp_ports": "{}-{}".format(*profile.rtp), **given}
        try:
            own = from_mapping(profile.name, data)
        except BadInput as error:
            key = "rtp_ports" if "rtp_ports" in str(error) else "sip_ports"
            raise BadInput(f"{key}: {str(error).removeprefix('profile: ')}") from None
    profile = replace(profile, udp_timeout=_timeout(params, profile), sip_ports=own.sip_ports, rtp=own.rtp)
    return replace(profile, forwards=_forwards(params, profile))


def _forwards(params: Mapping[str, Any], profile: Profile) -> Forwards | None:
    """What the site's PBX needs, or what is to be taken away; None where there is no PBX. Raises BadInput."""
    absent = params.get("state") == "absent"
    if not params.get("pbx"):
        return Forwards("", (), profile.sip_ports, profile.rtp, present=False) if absent else None
    for name in ("pbx", "outside_address"):
        try:
            address = ipaddress.IPv4Address(params.get(name) or "192.0.2.1")
        except ValueError:
            raise BadInput(f"{name}: '{params[name]}' is not an IPv4 address") from None
        if address.is_unspecified or address.is_multicast or address.is_loopback:
            raise BadInput(f"{name}: {address} is not the address of a host")
    for name in ("outside_interface", "inside_interface"):
        if params.get(name) and not _INTERFACE.match(params[name]):
            raise BadInput(f"{name}: '{params[name]}' is not the name of an interface")
    return Forwards(
        pbx=params["pbx"],
        sources=() if absent else _sources(params, profile),
        sip_ports=profile.sip_ports,
        rtp=profile.rtp,
        outside=params.get("outside_interface"),
        inside=params.get("inside_interface"),
        address=params.get("outside_address"),
        present=not absent,
        timer=profile.udp_timeout.recommended,
    )


_INTERFACE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9 ._/:-]{0,62}$")


def _sources(params: Mapping[str, Any], profile: Profile) -> tuple[str, ...]:
    """The networks that may reach the PBX; everybody only where the word is there."""
    given = [str(s).strip() for s in params.get("sources") or profile.networks]
    if not given:
        raise BadInput(
            f"sources: profile '{profile.name}' names no networks. Give the provider's networks, such as 203.0.113.0/24; "
            "the word 'any' lets everybody in"
        )
    if ANY in given:
        if len(given) > 1:
            raise BadInput("sources: 'any' stands alone, beside it no network means anything")
        return (ANY,)
    found = tuple(network("sources", text) for text in given)
    for text in found:
        net = ipaddress.ip_network(text)
        if net.prefixlen == 0:
            raise BadInput(f"sources: {text} is everybody; if that is meant, write the word 'any'")
        if net.version != 4:
            raise BadInput(f"sources: {text} is not an IPv4 network, and a forward translates IPv4 only")
    return unique(found)


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


def profile_of(value: Any) -> Profile:
    """The profile of an option: a name, or a mapping with the figures. Raises BadInput."""
    if isinstance(value, str):
        return get_profile(value)
    return from_mapping(str(value.get("name", "own")) if isinstance(value, dict) else "own", value)


def options_of(params: Mapping[str, Any], aspects: Sequence[str]) -> Options:
    """What a task wants of each aspect, and what it allows. Raises BadInput."""
    if not aspects:
        raise BadInput("aspects: none is given")
    profile = _profile(params)
    if "port_forwards" in aspects and profile.forwards is None:
        raise BadInput("pbx: none is given for port_forwards (set voip_edge_pbx, or the option pbx)")
    return replace(
        allowed_of(params),
        state=params.get("state", DISABLED) if "sip_alg" in aspects else None,
        timeout=profile.udp_timeout if "udp_timeout" in aspects else None,
        forwards=profile.forwards if "port_forwards" in aspects else None,
    )


def allowed_of(params: Mapping[str, Any]) -> Options:
    """What a task allows a change to do. Raises BadInput."""
    if not 0 <= params["revert_timer"] <= 120:
        raise BadInput("revert_timer: {} is not between 0 (none) and 120 minutes".format(params["revert_timer"]))
    return Options(
        allow_unproven=params.get("allow_unproven", False),
        edit_policies=params.get("edit_policies", False),
        clear_sessions=params.get("clear_sessions", False),
        strict=params.get("strict", False),
        save=params["save"],
        revert_timer=params["revert_timer"],
    )


def _timeout(params: Mapping[str, Any], profile: Profile) -> Wanted:
    """The bounds of the profile, with those of the task in their place."""
    base = profile.udp_timeout
    given = {key: params[key] for key in ("minimum", "recommended", "maximum") if params.get(key) is not None}
    if not given:
        return base
    minimum = given.get("minimum", base.minimum)
    merged = {"minimum": minimum, "recommended": given.get("recommended", max(minimum, base.recommended))}
    maximum = given.get("maximum", base.maximum)
    return from_mapping(profile.name, {"udp_timeout": {**merged, "maximum": maximum}}).udp_timeout
