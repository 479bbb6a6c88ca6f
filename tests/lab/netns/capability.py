# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine's kernel and programs can do for the lab, found out by doing it; and what is missing, and why."""

from __future__ import annotations

import gzip
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from . import rules, sip, telephony
from .kernel import CommandFailed, find
from .lab import PHONE, PUBLIC, SERVER, Lab
from .openssh import OpenSSH, OpenSSHFailed

FEATURES = {
    "namespaces": "network namespaces, veth, masquerade, conntrack",
    "alg": "the kernel's SIP ALG",
    "timers": "UDP timeouts by sysctl",
    "sshd": "an OpenSSH server in the router",
}
# Not part of a lab: only the tests of telephony want them.
OPTIONAL = {"kamailio": "Kamailio, a SIP registrar and proxy", "sipp": "SIPp, which plays SIP phones"}
MODULES = Path("/proc/modules")
PROGRAMS = {"ip": "iproute2", "nft": "nftables", "conntrack": "conntrack"}
SSH_PROGRAMS = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
}


def config_files() -> list[Path]:
    """Where distributions keep the configuration of the running kernel."""
    release = os.uname().release
    return [Path(place) for place in ("/proc/config.gz", f"/boot/config-{release}", f"/lib/modules/{release}/config")]


def kernel_option(name: str) -> str:
    """What the kernel's own configuration says of ``CONFIG_<name>``: ``built in``, ``a module``, ``not built`` or ``not known``."""
    for path in config_files():
        if not path.is_file() or not os.access(path, os.R_OK):
            continue
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("ascii", "replace")
        if f"CONFIG_{name}=y\n" in text:
            return "built in"
        return "a module" if f"CONFIG_{name}=m\n" in text else "not built"
    return "not known"


def _absent(programs: dict[str, str]) -> str:
    lost = [f"{name} (package {package})" for name, package in programs.items() if find(name) is None]
    return f"not installed: {', '.join(lost)}" if lost else ""


def _module(name: str, option: str) -> str:
    state = kernel_option(option)
    if state == "a module" and MODULES.is_file():
        there = any(line.startswith(f"{name} ") for line in MODULES.read_text().splitlines())
        state += ", loaded" if there else f", not loaded (on the host: modprobe {name})"
    return f"{name}: {state}"


def _modules() -> str:
    return ", ".join([_module("nf_conntrack_sip", "NF_CONNTRACK_SIP"), _module("nf_nat_sip", "NF_NAT_SIP")])


def _alg(lab: Lab) -> str:
    try:
        lab.router.nft(rules.alg())
    except CommandFailed as error:
        return f"the kernel has no SIP helper ({_modules()}); {error}"
    with lab.wan.udp((SERVER, 5060)) as server, lab.lan.udp((PHONE, 0)) as phone:
        sent = sip.register(phone.getsockname(), (SERVER, 5060))
        phone.sendto(sent, (SERVER, 5060))
        try:
            seen = server.recvfrom(4096)[0]
        except socket.timeout:
            return f"a REGISTER through the SIP helper did not arrive ({_modules()})"
    if f" {PUBLIC}:" not in sip.header(seen, "Via"):
        return f"the SIP helper was set and left the Via of a REGISTER as it was ({_modules()})"
    return ""


def _timers(lab: Lab) -> str:
    try:
        lab.router.timers(6, 12)
    except OSError as error:
        return f"the UDP timeouts of a namespace cannot be set: {error}"
    return ""


def _sshd(lab: Lab) -> str:
    try:
        with OpenSSH(lab.router.namespace) as ssh:
            ssh.run(lab.lan, "true")
    except (OpenSSHFailed, CommandFailed) as error:
        return str(error)
    return ""


def programs() -> dict[str, str]:
    """For each feature of OPTIONAL what is missing and why; an empty text is yes."""
    missing = {}
    for feature, wanted in (("kamailio", ("kamailio", "kamcmd")), ("sipp", ("sipp",))):
        missing[feature] = _absent({name: telephony.PACKAGES[name] for name in wanted}) or telephony.obstacle(feature)
    return missing


def check() -> dict[str, str]:
    """For each feature what is missing and why; an empty text is yes. Leaves nothing behind."""
    missing = dict.fromkeys(FEATURES, "")
    missing["sshd"] = _absent(SSH_PROGRAMS)
    why = _absent(PROGRAMS)
    if not why:
        try:
            with Lab() as lab:
                tests: dict[str, Callable[[Lab], str]] = {"alg": _alg, "timers": _timers, "sshd": _sshd}
                for feature, test in tests.items():
                    missing[feature] = missing[feature] or test(lab)
        except PermissionError as error:
            why = f"this process may not make namespaces ({error}); run it through tests/lab/netns/enter.py"
        except (OSError, CommandFailed) as error:
            why = str(error)
    if why:
        missing = {feature: said or f"no namespaces: {why}" for feature, said in missing.items()}
    return missing


def main() -> int:
    """Print what the check found; 0 when nothing of FEATURES is missing, otherwise 3."""
    found = check()
    for feature, why in found.items():
        print(f"{'MISSING' if why else 'ok':<8}{FEATURES[feature]}{': ' if why else ''}{why}")
    for feature, why in programs().items():
        print(f"{'absent' if why else 'ok':<8}{OPTIONAL[feature]}{': optional, ' if why else ''}{why}")
    return 3 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
