# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ASUS router with state: nvram in memory and on flash, and what the kernel made of it at the last restart of the firewall."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .asus_http import AppDoor
from .device import Device, Session
from .shell import Shell
from .variants.asus_asuswrt import AsusVariant

DEFAULTS = {
    "fw_pt_sip": "1",
    "fw_pt_pptp": "1",
    "fw_pt_l2tp": "1",
    "fw_pt_ipsec": "1",
    "fw_pt_rtsp": "1",
    "fw_pt_h323": "1",
    "fw_pt_pppoerelay": "0",
    "vts_enable_x": "0",
    "vts_rulelist": "",
    "vts1_rulelist": "",
    "game_vts_rulelist": "",
    "ct_udp_timeout": "30 180",
    "http_username": "admin",
    "http_passwd": "PLANTED-SECRET-login",
    "wl0_wpa_psk": "PLANTED-SECRET-psk",
    "snmpd_community": "PLANTED-SECRET-snmp",
    "sshd_enable": "1",
    "sshd_port": "22",
    "ctf_disable": "0",
}
LSMOD = """\
Module                  Size  Used by    Tainted: P
{sip}nf_nat_ftp              1744  0
nf_conntrack_ftp        5904  1 nf_nat_ftp
nf_nat_pptp             2016  0
dhd                  1228864  0
"""
RULES = """\
-P INPUT ACCEPT
-P FORWARD DROP
-P OUTPUT ACCEPT
-N logdrop
-A INPUT -m state --state INVALID -j DROP
-A INPUT -p udp -m udp --sport 67 --dport 68 -j ACCEPT
-A FORWARD -m state --state RELATED,ESTABLISHED -j ACCEPT
{drops}-A FORWARD -i br0 -j ACCEPT
-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT
-A logdrop -j DROP
"""
DROPS = """\
-A FORWARD -o eth0 -p tcp -m tcp --dport 5060 -j DROP
-A FORWARD -o eth0 -p udp -m udp --dport 5060 -j DROP
"""


class AsusDevice(Device):
    platform = "asus_asuswrt"
    tls = False

    def __init__(
        self, name: str, variant: AsusVariant, faults: Iterable[str] = (), login: dict[str, Any] | None = None
    ):
        super().__init__(name, variant, faults, login)
        unknown = self.faults.has("unknown_version")
        self.nvram = {
            "productid": variant.model,
            "firmver": "9.0.0.4" if unknown else variant.firmver,
            "buildno": variant.buildno,
            "extendno": variant.extendno,
            **(DEFAULTS if variant.maker != "padavan" else {"http_passwd": "PLANTED-SECRET-login"}),
            **variant.nvram,
        }
        self.flash = dict(self.nvram)
        self.modules = True
        self.drops = False
        self.live = (30, 180)
        self.late = 0  # seconds until a restart of the firewall takes effect
        self.start_up()
        self.modules = self.modules or "stale_module" in variant.flags

    def add_web_door(self) -> None:
        """The interface of the vendor's app and the pages of browsers, beside the command line."""
        AppDoor(self)

    # -- what a test looks at -------------------------------------------------------------------------------------

    def running(self) -> str:
        """nvram as it is in memory, one value a line."""
        with self.lock:
            return "".join(f"{key}={value}\n" for key, value in sorted(self.nvram.items()))

    def startup(self) -> str:
        with self.lock:
            return "".join(f"{key}={value}\n" for key, value in sorted(self.flash.items()))

    def change(self, what: Any) -> None:
        """As another administrator, who saves: a function of nvram, or ``key=value`` texts."""
        with self.lock:
            if callable(what):
                what(self.nvram)
            else:
                for text in [what] if isinstance(what, str) else what:
                    key, _sep, value = text.partition("=")
                    self.nvram[key] = value
            self.commit()
            self.restart_firewall()

    # -- what the firmware does -----------------------------------------------------------------------------------

    @property
    def helper(self) -> bool:
        """Whether the value asks for the SIP helper; the table of the families."""
        value = self.nvram.get("fw_pt_sip", "")
        if self.variant.maker == "padavan":
            return self.nvram.get("nf_alg_sip") == "1"
        return value == "1" if self.variant.maker in ("merlin", "gnuton") else value != "0"

    @property
    def sip_modules(self) -> tuple[str, ...]:
        if not self.modules:
            return ()
        if self.variant.maker == "brt" and self.nvram.get("fw_pt_sip_mode") == "1":
            return ("cisco_sip",)
        return ("nf_nat_sip", "nf_conntrack_sip")

    def commit(self) -> None:
        self.flash = dict(self.nvram)

    def service(self, name: str) -> None:
        """Done in the background, as the router does it: it may take effect later."""
        if name not in ("restart_firewall", "restart_conntrack"):
            return
        waits = [int(arg) for arg in self.faults.args("late_restart")]
        self.late = waits[0] if waits else 0
        if self.late == 0 and name == "restart_firewall":
            self.restart_firewall()
        elif self.late == 0 and self.variant.maker in ("merlin", "gnuton"):
            self._timers()

    def pass_seconds(self, seconds: int) -> None:
        if self.late:
            self.late = max(0, self.late - seconds)
            if self.late == 0:
                self.restart_firewall()

    def restart_firewall(self) -> None:
        """The rules, the timers, and at the end the modules. A module in use stays."""
        self.drops = self.faults.has("drops_5060") and not self.helper
        self._timers()
        stuck = self.faults.has("module_stays") or "stale_module" in self.variant.flags
        if not (self.modules and stuck):
            self.modules = self.helper

    def _timers(self) -> None:
        if "wan_down" in self.variant.flags:
            self.live = (1, 6)
            return
        words = self.nvram.get("ct_udp_timeout", "").split()
        if len(words) == 2 and all(w.isdigit() for w in words):
            self.live = (int(words[0]), int(words[1]))
        elif "ct_udp_timeout" in self.nvram:
            self.nvram["ct_udp_timeout"] = "{} {}".format(*self.live)

    def start_up(self) -> None:
        self.modules = self.helper
        self.restart_firewall()

    def _load_startup(self) -> None:
        self.nvram = dict(self.flash)
        self.late = 0
        self.start_up()

    def open(self, user: str) -> AsusSession:
        return AsusSession(self, user)


class AsusSession(Session):
    device: AsusDevice
    wrong_command = "uname -a"

    def __init__(self, device: AsusDevice, user: str, quiet: bool = False) -> None:
        super().__init__(device, user, quiet)
        self.typed = ""
        self.shell = Shell(
            {
                "nvram": self._nvram, "service": self._service, "lsmod": self._lsmod, "iptables": self._iptables,
                "cat": self._cat, "grep": self._grep, "uname": self._uname, "sleep": self._sleep,
                "echo": lambda words, _given: (0, " ".join(words) + "\n"),
                "exit": self._exit,
            }
        )  # fmt: skip

    def greeting(self) -> str:
        if self.device.faults.has("prompt_like_banner"):
            return "\n*** Maintenance window tonight #\nother@router:/tmp#\nAll actions are logged#\n\n"
        nvram = self.device.nvram
        return f"\n\nASUSWRT {nvram['productid']} {nvram['firmver']}.{nvram['buildno']}\n"

    def prompt(self) -> str:
        return f"{self.user}@{self.device.variant.model}:/tmp/home/root# "

    def run(self, line: str) -> str:
        self.typed = line
        writes = re.match(r"nvram (?:set|unset|commit)|service ", line)
        if writes and (self.faulty("reject", line) or self.faulty("read_only")):
            self.note_write(line, "")
            return "-sh: nvram: Permission denied"
        if writes and (self.faulty("ignore", line) or self.faulty("ignore_writes")):
            self.note_write(line, "")
            return ""
        return self.shell.run(line).removesuffix("\n")

    # -- commands -------------------------------------------------------------------------------------------------

    def _nvram(self, words: list[str], _given: str) -> tuple[int, str]:
        device = self.device
        if words[:1] == ["get"] and len(words) == 2:
            return 0, device.nvram.get(words[1], "") + "\n"
        self.note_write(self.typed, "")
        if words == ["commit"]:
            device.commit()
        elif words[:1] == ["set"] and len(words) == 2 and "=" in words[1]:
            key, _sep, value = words[1].partition("=")
            device.nvram[key] = value
        elif words[:1] == ["unset"] and len(words) == 2:
            device.nvram.pop(words[1], None)
        else:
            return 1, "usage: nvram [get name] [set name=value] [unset name] [show] [commit]\n"
        return 0, ""

    def _service(self, words: list[str], _given: str) -> tuple[int, str]:
        self.note_write(self.typed, "")
        for name in words:
            self.device.service(name)
        return 0, "\nDone.\n"

    def _lsmod(self, _words: list[str], _given: str) -> tuple[int, str]:
        return 0, LSMOD.format(sip="".join(f"{name:<23} 9013  0\n" for name in self.device.sip_modules))

    def _iptables(self, words: list[str], _given: str) -> tuple[int, str]:
        if "-S" in words and "old_iptables" in self.device.variant.flags:
            return (
                2,
                "iptables v1.3.8: Unknown arg `-S'\nTry `iptables -h' or 'iptables --help' for more information.\n",
            )
        if words[:2] == ["-t", "nat"]:
            return 0, "-P PREROUTING ACCEPT\n-N VSERVER\n"
        return 0, RULES.format(drops=DROPS if self.device.drops else "")

    def _cat(self, words: list[str], _given: str) -> tuple[int, str]:
        base = "ipv4/netfilter/ip" if "old_proc" in self.device.variant.flags else "netfilter/nf"
        path = f"/proc/sys/net/{base}_conntrack_udp_timeout"
        files = {path: str(self.device.live[0]), f"{path}_stream": str(self.device.live[1])}
        lines = [files.get(w, f"cat: can't open '{w}': No such file or directory") for w in words]
        return 0 if all(w in files for w in words) else 1, "".join(f"{line}\n" for line in lines)

    def _grep(self, words: list[str], given: str) -> tuple[int, str]:
        pattern = next(w for w in words if not w.startswith("-"))
        pattern = pattern if "-E" in words else re.escape(pattern)
        found = [line for line in given.split("\n") if line and re.search(pattern, line)]
        return 0 if found else 1, "".join(f"{line}\n" for line in found)

    def _uname(self, _words: list[str], _given: str) -> tuple[int, str]:
        return 0, f"Linux {self.device.variant.model} 4.1.52 #1 SMP PREEMPT armv7l ASUSWRT\n"

    def _sleep(self, words: list[str], _given: str) -> tuple[int, str]:
        """Nobody waits for a simulation: only its clock goes on."""
        self.device.pass_seconds(int(words[0]))
        return 0, ""

    def _exit(self, _words: list[str], _given: str) -> tuple[int, str]:
        self.closing = True
        return 0, ""
