# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A FortiGate with state: configuration per VDOM, device-wide tables, session list."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from .device import Device
from .forti_rest import RestDoor
from .forti_schema import schemas
from .forti_session import FortiSession
from .forti_tree import Node, Obj, make
from .variants.fortinet_fortios import FACTORY_GLOBAL, FACTORY_VDOM, FACTORY_VOIP, HELPERS, FortiVariant

STATUS = """\
Version: {model} v{version},{build}
Virus-DB: 1.00000(2018-04-09 18:07)
IPS-DB: 6.00741(2015-12-01 02:30)
Serial-Number: FGT60FTK00000000
BIOS version: 05000006
System Part-Number: P24286-03
Log hard disk: Not available
Hostname: {hostname}
Operation Mode: NAT
Current virtual domain: {vdom}
Max number of virtual domains: 10
Virtual domains status: {count} in NAT mode, 0 in TP mode
Virtual domain configuration: {vdoms}
FIPS-CC mode: disable
Current HA mode: {ha}
Branch point: {number}
Release Version Information: GA
System time: Wed Nov 25 10:02:11 2026
"""

MANAGER_STATUS = """\
Platform Type                   : FMG-VM64
Platform Full Name              : FortiManager-VM64
Version                         : v7.4.6-build2588 241218 (GA.M)
Serial Number                   : FMG-VMTM20000000
BIOS version                    : 04000002
Hostname                        : {hostname}
Max Number of Admin Domains     : 10
Admin Domain Configuration      : Enabled
HA Mode                         : Stand Alone
Branch Point                    : 2588
Release Version Information     : GA.M
"""


class FortiDevice(Device):
    platform = "fortinet_fortios"
    telnet_user_prompt = "login: "
    lockout = True

    def __init__(
        self, name: str, variant: FortiVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        self.schemas = schemas(variant.version, variant.flags)
        # Scope name to tables; "" is the device-wide scope.
        self.scopes: dict[str, dict[str, Node]] = {"": self._tables("global")}
        for vdom in variant.vdoms:
            self.scopes[vdom] = self._tables("vdom")
        self.sip_sessions = [
            {
                "vd": "root",
                "proto": 17,
                "src": "192.168.10.21",
                "sport": 5060,
                "dst": "192.0.2.80",
                "dport": 5060,
                "helper": "sip",
            },
            {
                "vd": "root",
                "proto": 17,
                "src": "192.168.10.22",
                "sport": 5062,
                "dst": "192.0.2.80",
                "dport": 5060,
                "helper": "sip",
            },
            {
                "vd": "root",
                "proto": 6,
                "src": "192.168.10.30",
                "sport": 41000,
                "dst": "192.0.2.9",
                "dport": 443,
                "helper": "",
            },
        ]
        self._fill(variant)
        self.saved = copy.deepcopy(self.scopes)

    def add_web_door(self) -> None:
        """The REST interface, beside the command line."""
        RestDoor(self)

    # -- configuration --------------------------------------------------------------------------------------------

    def _tables(self, scope: str) -> dict[str, Node]:
        return {name: make(schema) for name, schema in self.schemas.items() if schema.scope == scope}

    def _fill(self, variant: FortiVariant) -> None:
        helpers = ["config system session-helper"]
        for index, item in enumerate(HELPERS.split(), 1):
            name, protocol, port = item.split("/")
            helpers += [f"edit {index}", f"set name {name}", f"set protocol {protocol}", f"set port {port}", "next"]
        lines = [
            *FACTORY_GLOBAL.splitlines(),
            "config system global",
            f'set hostname "{self.name}"',
            "end",
            *helpers,
            "end",
        ]
        self.type_in("", lines)
        if {"primary", "secondary"} & variant.flags:
            self.type_in("", ["config system ha", "set mode a-p", 'set group-name "branch"', "end"])
        if self.multi:
            mode = "set vdom-mode multi-vdom" if variant.version >= (6, 2, 0) else "set vdom-admin enable"
            names = [line for vdom in variant.vdoms for line in (f'edit "{vdom}"', "set description x", "next")]
            self.type_in("", ["config system global", mode, "end", "config system vdom-property", *names, "end"])
        for vdom, extra in variant.vdoms.items():
            text = FACTORY_VDOM + ("" if "no_voip" in variant.flags else FACTORY_VOIP) + extra
            self.type_in(vdom, text.splitlines())
        if variant.lines:
            self.type_in("root", variant.lines.splitlines())

    def type_in(self, scope: str, lines: Iterable[str]) -> None:
        """Enter lines without a trace; ValueError when one is refused. ``scope`` is a VDOM, or "" for device-wide."""
        session = FortiSession(self, "otheradmin", quiet=True)
        session.scope = scope if self.multi else None
        for line in lines:
            answer = session.run(line.strip())
            if "fail" in answer or "error" in answer:
                raise ValueError(f"{line}: {answer}")

    def change(self, what: Any, vdom: str = "root") -> None:
        """As another administrator: a function of the scopes, or lines typed into a VDOM ("" for device-wide)."""
        with self.lock:
            if callable(what):
                what(self.scopes)
            else:
                self.type_in(vdom, [what] if isinstance(what, str) else what)

    def committed(self) -> None:
        """An object was committed; it is on flash at once unless saving is manual."""
        if self.table("", "system global").value("cfg-save") == "automatic":
            self.saved = copy.deepcopy(self.scopes)

    def save(self) -> None:
        self.saved = copy.deepcopy(self.scopes)

    def _load_startup(self) -> None:
        self.scopes = copy.deepcopy(self.saved)
        self.sip_sessions = []

    def table(self, scope: str, name: str) -> Obj:
        node = self.scopes[scope][name]
        assert isinstance(node, Obj)
        return node

    # -- what it is -----------------------------------------------------------------------------------------------

    @property
    def multi(self) -> bool:
        return "vdoms" in self.variant.flags

    @property
    def vdoms(self) -> list[str]:
        return [name for name in self.scopes if name]

    @property
    def hostname(self) -> str:
        return self.table("", "system global").value("hostname")

    @property
    def pager(self) -> bool:
        return self.table("", "system console").value("output") == "more"

    @property
    def version(self) -> str:
        return "9.9.9" if self.faults.has("unknown_version") else ".".join(str(part) for part in self.variant.version)

    def status(self, vdom: str) -> str:
        if "manager" in self.variant.flags:
            return MANAGER_STATUS.format(hostname=self.hostname)
        old = self.variant.version < (6, 2, 0)
        ha = "standalone"
        for flag in {"primary", "secondary"} & self.variant.flags:
            ha = f"a-p, {flag}"
        return STATUS.format(
            model=self.variant.model,
            version=self.version,
            build=self.variant.build,
            hostname=self.hostname,
            vdom=vdom,
            count=len(self.vdoms),
            vdoms=("enable" if old else "multiple") if self.multi else "disable",
            ha=ha,
            number=self.variant.build[5:9],
        )

    # -- whole configuration --------------------------------------------------------------------------------------

    def running(self) -> str:
        with self.lock:
            return self.whole(self.scopes, self.user)

    def startup(self) -> str:
        with self.lock:
            return self.whole(self.saved, self.user)

    def whole(self, scopes: dict[str, dict[str, Node]], user: str, only: str | None = None, full: bool = False) -> str:
        """The backup form: header, then everything, or one VDOM (``only``; "" is the device-wide part)."""
        build = self.variant.build[5:9]
        model = "FGT" + self.variant.model.split("-")[1]
        part = f"0:vd_name={only}" if only else "1"
        head = [
            f"#config-version={model}-{self.version}-FW-{self.variant.build.split(' ')[0].replace(',', '-')}"
            f":opmode=0:vdom={1 if self.multi else 0}:user={user}",
            "#conf_file_ver=440000000000001",
            f"#buildno={build}",
            f"#global_vdom={part}",
        ]
        if not self.multi or only is not None:
            names = ["", *self.vdoms] if not self.multi else [only or ""]
            return "\n".join(head + [line for name in names for line in self.sections(scopes[name], full)]) + "\n"
        body = ["", "config vdom"]
        for vdom in self.vdoms:
            body += [f"edit {vdom}", "next"]
        body += ["end", "", "config global", *self.sections(scopes[""], full), "", "end"]
        for vdom in self.vdoms:
            body += ["", "config vdom", f"edit {vdom}", *self.sections(scopes[vdom], full), "end"]
        return "\n".join(head + body) + "\n"

    def sections(self, tables: dict[str, Node], full: bool = False) -> list[str]:
        out: list[str] = []
        for name, node in tables.items():
            if full or node.schema.always or not node.is_empty():
                out += [f"config {name}", *node.lines(full, 1), "end"]
        return out

    def open(self, user: str) -> FortiSession:
        return FortiSession(self, user)
