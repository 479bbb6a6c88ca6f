# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a sysctl of a Linux host is made to last. Pure.

OpenWrt replaces its own file below /etc/sysctl.d at each upgrade and says so in it: what is to stay goes into /etc/sysctl.conf. That
file is somebody else's, so a line is added to it or one is exchanged, and both come back exactly. Elsewhere it is a file of ours.
Sources: OpenWrt's sysctl-nf-conntrack.conf; the kernel's nf_conntrack-sysctl.rst for the names. That a file below /etc/modules-load.d
makes the module come early enough has no source here, so no such file is written: a person learns the line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ..core.errors import Refusal
from ._linux_host import SYSCTL_CONF, SYSTEMD, Linux, boot_order

OUR_FILE = "/etc/sysctl.d/99-voip-edge-{}.conf"
"""Read after nearly every other: the files are taken in the order of their names."""


@dataclass(frozen=True)
class Kept:
    """The lines that make a sysctl last and take that back, and the host as it will read; `why` says why there are none."""

    linux: Linux
    do: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()
    label: str = "doc"
    advice: str = ""
    why: str = ""


def keep(linux: Linux, key: str, value: int) -> Kept:
    """For nf_conntrack_`key`. Raises Refusal where the files were not read."""
    full = f"net.netfilter.nf_conntrack_{key}"
    if linux.boot is None:
        raise Refusal("the sysctl files were not read, so nobody knows what holds after a restart")
    stored = linux.at_boot(key)
    if stored is not None and stored[1] == str(value):
        return Kept(linux, label=linux.label)
    made = _in_conf(linux, key, f"{full}={value}") if linux.openwrt else _in_our_file(linux, key, full, value)
    path = SYSCTL_CONF if linux.openwrt else OUR_FILE.format(key.replace("_", "-"))
    last = made.linux.at_boot(key)
    if not made.why and (last is None or last != (path, str(value))):
        return replace(
            made, why=f"{last[0] if last else 'another file'} is read later and sets {full}: change it there"
        )
    return made


def _boot(linux: Linux, drop: tuple[str, str], *lines: str) -> Linux:
    """The host whose file `drop[0]` has these lines about the key `drop[1]` and no others."""
    rest = [f"{p}: net.netfilter.nf_conntrack_{k}={v}" for p, k, v in linux.boot or () if (p, k) != drop]
    text = "\n".join([*rest, *(f"{drop[0]}: {line}" for line in lines)])
    return replace(linux, boot=boot_order(text, linux.openwrt))


def _in_conf(linux: Linux, key: str, line: str) -> Kept:
    if linux.conf is None:
        raise Refusal(
            f"{SYSCTL_CONF} was not read whole, or its last line has no end: give it one by hand (echo >> {SYSCTL_CONF})"
        )
    lines = linux.conf.split("\n")
    same = [
        n
        for n, text in enumerate(lines)
        if re.match(rf"\s*-?net[./]netfilter[./]nf_conntrack_{key}\s*=\s*\S+\s*$", text)
    ]
    after = _boot(linux, (SYSCTL_CONF, key), line)
    if not same:
        back = f"sed -i '/^{_literal(line)}$/d' {SYSCTL_CONF}" if linux.conf_there else f"rm -f {SYSCTL_CONF}"
        conf = replace(after, conf=f"{linux.conf}{line}\n", conf_there=True)
        return Kept(conf, (f"echo '{line}' >> {SYSCTL_CONF}",), (back,), linux.label)
    at, old = same[-1], lines[same[-1]]
    if not re.fullmatch(r"[\w ./=-]+", old):
        return Kept(linux, why=f"line {at + 1} of {SYSCTL_CONF} is an odd one: change it there by hand")
    lines[at] = line
    conf = replace(after, conf="\n".join(lines))
    return Kept(conf, (_exchanged(at, old, line),), (_exchanged(at, line, old),), linux.label)


def _literal(text: str) -> str:
    """A line of letters, digits and ` ./=-` as a pattern of sed."""
    return text.replace(".", r"\.")


def _exchanged(at: int, old: str, new: str) -> str:
    """Only where the line is still what was read."""
    return f"sed -i '{at + 1}s|^{_literal(old)}$|{new}|' {SYSCTL_CONF}"


def _in_our_file(linux: Linux, key: str, full: str, value: int) -> Kept:
    path = OUR_FILE.format(key.replace("_", "-"))
    kept = [v for p, k, v in linux.boot or () if (p, k) == (path, key)]
    back = f"echo '{full}={kept[-1]}' > {path}" if kept else f"rm -f {path}"
    systemd = SYSTEMD in linux.marks
    advice = (
        f"{full} is there only once nf_conntrack is loaded: where that is after the files of sysctl are read, it is the kernel's own again "
        "after a restart. If nothing loads it early, put it there by hand (echo nf_conntrack > /etc/modules-load.d/nf_conntrack.conf)"
    )
    return Kept(
        _boot(linux, (path, key), f"{full}={value}"),
        (f"echo '{full}={value}' > {path}",),
        (back,),
        "doc" if systemd else "inferred",  # who reads the file without systemd is not known
        advice if systemd and not linux.early else "",
    )
