# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Cisco ASA with state: one configuration, or one for each context; also a PIX 6 and an FTD."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from typing import Any, Callable

from .asa_config import AsaConfigMode
from .device import Device
from .tree import Line, begins, parse, pipe
from .variants.cisco_asa import FORMS, AsaVariant, configuration

EXEC_WRITE = re.compile(r"(write|copy|configure|clear|reload|erase|delete|debug|conf)\b")
STANDBY_WARNING = (
    "**** WARNING ****\n\tConfiguration Replication is NOT performed from Standby unit to Active unit.\n"
    "\tConfigurations are no longer synchronized."
)
FTD_WORDS = ("show version", "show running-config", "show failover", "show service-policy", "show mode", "show curpriv")


class AsaDevice(Device):
    platform = "cisco_asa"

    def __init__(self, name: str, variant: AsaVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None):
        super().__init__(name, variant, faults, login)
        names = ["system", *variant.contexts] if variant.contexts else [""]
        self.trees: dict[str, Line] = {item: parse(configuration(variant, name, item)) for item in names}
        self.saved = copy.deepcopy(self.trees)
        self.modified_by: str | None = None

    @property
    def multi(self) -> bool:
        return bool(self.variant.contexts)

    @property
    def hostname(self) -> str:
        root = self.trees["system" if self.multi else ""]
        return root.starting("hostname")[0].text.split()[1]

    @property
    def version(self) -> str:
        return "99.9(9)9" if self.faults.has("unknown_version") else str(self.variant.version)

    def text(self, trees: dict[str, Line], context: str) -> str:
        word = {"pix6": "PIX", "ftd": "NGFW"}.get(self.variant.form, "ASA")
        version = "7.4.2" if word == "NGFW" else self.version
        extra = " <context>" if context not in ("", "system") else ""
        head = [": Saved", "", ": ", ": Serial Number: FCH00AAAAAA", ":", f"{word} Version {version}{extra} ", "!"]
        if self.variant.form == "pix6":
            head = [": Saved", ":", f"PIX Version {version}"]
        tail = ["Cryptochecksum:ea1e58d34590afa6687e169dfc31f4c7", ": end"]
        return "\n".join([*head, *trees[context].render(), *tail]) + "\n"

    def running(self, context: str | None = None) -> str:
        """The running configuration of a context, or of all of them one after the other."""
        with self.lock:
            names = list(self.trees) if context is None else [context]
            return "".join(self.text(self.trees, name) for name in names)

    def startup(self, context: str | None = None) -> str:
        with self.lock:
            names = list(self.saved) if context is None else [context]
            return "".join(self.text(self.saved, name) for name in names)

    def _load_startup(self) -> None:
        self.trees = copy.deepcopy(self.saved)

    def change(self, what: Any, context: str | None = None) -> None:
        with self.lock:
            place_ = context if context is not None else next(iter(self.trees))
            if callable(what):
                what(self.trees[place_])
                return
            session = AsaSession(self, "otheradmin", quiet=True)
            session.privilege, session.context = 15, place_
            session.enter_config()
            for line in [what] if isinstance(what, str) else what:
                answer = session.run(line)
                if "ERROR" in answer:
                    raise ValueError(f"{line}: {answer}")

    def open(self, user: str) -> AsaSession:
        return AsaSession(self, user)


class AsaSession(AsaConfigMode):
    device: AsaDevice
    secret_echo = "*"
    more = "<--- More --->"
    more_erase = "\r              \r"
    wrong_command = "show mode"

    def __init__(self, device: AsaDevice, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.ftd = device.variant.form == "ftd"
        self.privilege = 1 if device.faults.has("read_only") else device.login.privilege
        self.page_length = 0 if quiet or self.ftd else 24
        self.login_user = ""

    # -- text -----------------------------------------------------------------------------------------------------

    def greeting(self) -> str:
        name = self.device.hostname
        if self.ftd:
            return (
                "\nCopyright 2004-2024, Cisco and/or its affiliates. All rights reserved. \n\n"
                "Cisco Firepower Extensible Operating System (FX-OS) v2.14.1 (build 167)\n"
                "Cisco Firepower 1010 Threat Defense v7.4.2 (build 172)\n\n"
            )
        fake = (
            "\nNotice for all #\nfw99# \nother/context> \nEverything is logged#\n"
            if self.faulty("prompt_like_banner")
            else "\n"
        )
        return (
            f"{fake}User {self.user} logged in to {name}\n"
            "Logins over the last 91 days: 21.  Last login: 20:01:14 CEST Oct 21 2026 from 192.0.2.17\n"
            "Failed logins since the last login: 0.  \nType help or '?' for a list of available commands.\n"
        )

    def prompt(self) -> str:
        if self.ftd:
            return "> "
        name = self.device.hostname
        if self.context not in ("", "system"):
            name += "/" + self.context
        if self.modes:
            return f"\r{name}({self.modes[-1]})# "
        return f"\r{name}{'#' if self.privilege == 15 else '>'} "

    # -- dispatch -------------------------------------------------------------------------------------------------

    def run(self, line: str) -> str:
        clean = expand(" ".join(line.split()))
        if self.ftd:
            return self._ftd(clean)
        if begins(clean, "show"):
            return self._show(clean)
        if begins(clean, "changeto"):
            return self._changeto(clean)
        if self.modes and clean not in ("write memory", "write"):
            return self._config(clean)
        return self._exec(clean)

    def _ftd(self, line: str) -> str:
        if line in ("exit", "logout", "quit"):
            self.closing = True
            return ""
        if any(begins(line, word) for word in FTD_WORDS):
            return self._show(line)
        if begins(line, "configure"):
            self.note_write(line, "exec")
            match = re.match(r"configure inspection sip (disable|enable)$", line)
            if match and not self.faulty("ignore_writes"):
                self._set_ftd(match.group(1) == "enable")
            if match:
                return ""
        return f"                ^\nSyntax error: Illegal parameter: {line}"

    def _set_ftd(self, on: bool) -> None:
        for policy in self.root.starting("policy-map global_policy"):
            for clazz in policy.children:
                self.path, self.modes = [self.root, policy, clazz], ["config", "config-pmap", "config-pmap-c"]
                self._inspect(clazz, "inspect sip", not on)
        self.path, self.modes = [], []

    def _exec(self, line: str) -> str:
        if EXEC_WRITE.match(line):
            self.note_write(line, "exec" + (f" {self.context}" if self.context else ""))
            if self.faulty("reject", line):
                return self.invalid(line)
            if self.faulty("ignore", line):
                return ""
        if line in ("exit", "logout", "quit"):
            self.closing = True
            return "\nLogoff\n"
        if line in ("terminal pager 0", "terminal pager lines 0", "no terminal pager"):
            self.page_length = 0
            return ""
        match = re.match(r"terminal pager (?:lines )?(\d+)$", line)
        if match:
            self.page_length = int(match.group(1))
            return ""
        if line in ("enable", "login", "disable"):
            return self._privilege(line)
        if self.privilege < 15:
            return self.invalid(line)
        return self._privileged(line)

    def _privilege(self, line: str) -> str:
        if line == "disable":
            self.privilege = 1
            return ""
        if line == "login":
            return self.question("Username: ", self._login_user)
        if self.privilege == 15:
            return ""
        return self.question("Password: ", self._enable_answer(3), secret=True)

    def _enable_answer(self, tries: int) -> Callable[[str], str]:
        def answer(typed: str) -> str:
            if typed == self.device.enable_secret and not self.faulty("read_only"):
                self.privilege = 15
                return ""
            if tries > 1:
                self.question("Password: ", self._enable_answer(tries - 1), secret=True)
                return "Invalid password"
            return "Invalid password\nAccess denied."

        return answer

    def _login_user(self, typed: str) -> str:
        self.login_user = typed.strip()
        return self.question("Password: ", self._login_password, secret=True)

    def _login_password(self, typed: str) -> str:
        if self.device.check_password(self.login_user, typed) and not self.faulty("read_only"):
            self.privilege = 15
            return ""
        return "Login failed"

    def _privileged(self, line: str) -> str:
        if line == "configure terminal":
            if self.faulty("read_only"):
                return "Command authorization failed"
            self.enter_config()
            return STANDBY_WARNING if self.faulty("standby") else ""
        if line in ("write memory", "write", "copy running-config startup-config", "write memory all"):
            return self._save(everything=line.endswith("all"))
        if re.match(r"clear (conn|xlate|local-host|configure)\b", line):
            return ""
        if line.startswith("reload"):
            return self.question("Proceed with reload? [confirm]", self._reload)
        return self.invalid(line)

    def _reload(self, typed: str) -> str:
        if typed.strip().lower() in ("", "y", "yes"):
            self.device.reboot()
        return ""

    def _save(self, everything: bool = False) -> str:
        if self.faulty("save_fails"):
            return "Building configuration...\n%Error writing disk0:/startup-config (No space left on device)\nERROR: write failed"
        if not self.faulty("ignore_writes"):
            for name in list(self.device.trees) if everything else [self.context]:
                self.device.saved[name] = copy.deepcopy(self.device.trees[name])
        return (
            "Building configuration...\nCryptochecksum: ea1e58d3 4590afa6 687e169d fc31f4c7 \n\n"
            "8512 bytes copied in 0.70 secs\n[OK]"
        )

    def _changeto(self, line: str) -> str:
        words = line.split()
        if not self.device.multi or self.privilege < 15:
            return self.invalid(line)
        target = (
            "system" if words[1:] == ["system"] else (words[2] if words[1:2] == ["context"] and len(words) == 3 else "")
        )
        if target not in self.device.trees:
            return f"ERROR: Context {target or '?'} does not exist" if target else self.invalid(line, 1)
        self.context = target
        if self.modes:
            self.enter_config()
        return ""

    # -- show -----------------------------------------------------------------------------------------------------

    def _show(self, line: str) -> str:
        command, _sep, filter_text = (part.strip() for part in line.partition("|"))
        body = self._show_body(command)
        if body is None:
            return self.invalid(line, 1)
        return "\n".join(pipe(body.split("\n"), filter_text)) if filter_text else body

    def _show_body(self, command: str) -> str | None:
        device = self.device
        if begins(command, "show version"):
            modified = f"Configuration last modified by {device.modified_by} at 10:02:11.123 UTC Wed Nov 25 2026"
            if device.modified_by is None:
                modified = "Configuration has not been modified since last system restart."
            form = FORMS[device.variant.form]
            return form.format(version=device.version, hostname=device.hostname, modified=modified)
        if command == "show curpriv":
            mode = "P_PRIV" if self.privilege == 15 else "P_UNPR"
            return f"Username : {self.user}\nCurrent privilege level : {self.privilege}\nCurrent Mode/s : {mode}"
        if self.privilege < 15:
            return None
        if command == "show mode" and device.variant.form != "pix6":
            return f"Security context mode: {'multiple' if device.multi else 'single'} "
        if begins(command, "show running-config"):
            return self._show_running(command.split()[2:])
        if command == "show startup-config":
            return device.text(device.saved, self.context)
        if command == "show context" and device.multi:
            return self._show_context()
        if command == "show failover":
            return self._show_failover()
        if command == "show service-policy":
            return self._show_live()
        if command == "show fixup" and device.variant.form == "pix6":
            return "\n".join(item.text for item in self.root.starting("fixup"))
        return None

    def _show_running(self, rest: list[str]) -> str | None:
        if not rest or rest == ["all"]:
            return self.device.text(self.device.trees, self.context)
        if self.device.variant.form == "pix6":
            return "Type help or '?' for a list of available commands."
        words = " ".join(word for word in rest if word != "all")
        kinds = ("service-policy", "policy-map", "class-map", "timeout", "nat", "object", "access-list", "access-group")
        if words.split()[0] not in (*kinds, "hostname", "interface"):
            return None
        blocks = [item for item in self.root.children if self._belongs(item, words)]
        text = "\n".join(line for item in blocks for line in item.render(0))
        return f"!\n{text}\n!" if words == "policy-map" and blocks else text

    def _belongs(self, item: Line, words: str) -> bool:
        holds_nat = item.text.startswith("object network") and any(begins(sub.text, "nat") for sub in item.children)
        if words == "nat":
            return begins(item.text, "nat") or holds_nat
        return begins(item.text, words) and not holds_nat

    def _show_context(self) -> str:
        rows = ["Context Name      Class      Interfaces           Mode         URL"]
        for name in self.device.variant.contexts:
            star = "*" if name == "admin" else " "
            rows.append(f"{star}{name:<16} default    GigabitEthernet0/0   Routed       disk0:/{name}.cfg")
        return "\n".join([*rows, "", f"Total active Security Contexts: {len(rows) - 1}"])

    def _show_failover(self) -> str:
        if not self.faulty("standby"):
            return "Failover Off \nFailover unit Secondary\nFailover LAN Interface: not Configured"
        return (
            "Failover On \nFailover unit Secondary\nFailover LAN Interface: folink GigabitEthernet0/3 (up)\n"
            "Version: Ours 9.12(4)67, Mate 9.12(4)67\n\tThis host: Secondary - Standby Ready \n\t\tActive time: 0 (sec)\n"
            "\tOther host: Primary - Active \n\t\tActive time: 14000000 (sec)"
        )

    def _show_live(self) -> str:
        out: list[str] = []
        for service in self.root.starting("service-policy"):
            words = service.text.split()
            out += [
                "",
                "Global policy: " if words[2] == "global" else f"Interface {words[3]}:",
                f"  Service-policy: {words[1]}",
            ]
            policy = self.root.child("policy-map " + words[1])
            for clazz in policy.children if policy else []:
                out.append(f"    Class-map: {clazz.text.split()[-1]}")
                for item in clazz.starting("inspect"):
                    out.append(
                        f"      Inspect: {item.text.strip()[8:]} , packet 0, lock fail 0, drop 0, reset-drop 0, "
                        "5-min-pkt-rate 0 pkts/sec, v6-fail-close 0 sctp-drop-override 0"
                    )
        return "\n".join(out)


def expand(line: str) -> str:
    """Write out the usual abbreviations."""
    pairs = (
        (r"^(sh|sho)\b", "show"),
        (r"^show (run|runn|running)\b(?!-)", "show running-config"),
        (r"^show ver\b", "show version"),
        (r"^(conf|config|configure) (t|term|terminal)\b", "configure terminal"),
        (r"^(wr|write) (mem|m)\b", "write memory"),
        (r"^wr$", "write memory"),
        (r"^en$", "enable"),
        (r"^term\b", "terminal"),
    )
    for pattern, full in pairs:
        line = re.sub(pattern, full, line)
    return line
