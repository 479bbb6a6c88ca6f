# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers as data: which system, what is in the kernel, and the files that the rules come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HELPERS = ("nf_conntrack_ftp", "nf_nat_ftp", "nf_conntrack_tftp")
SIP = ("nf_conntrack_sip", "nf_nat_sip")


def tabbed(text: str) -> str:
    """With the tabs that these programs print; they have no place in a file of Python."""
    return text.replace("    ", "\t")


OPENWRT_UCI = tabbed("""\
config defaults
    option syn_flood '1'
    option input 'REJECT'
    option output 'ACCEPT'
    option forward 'REJECT'
{defaults}
config zone
    option name 'lan'
    list network 'lan'
    option input 'ACCEPT'
{lan}
config zone
    option name 'wan'
    list network 'wan'
    list network 'wan6'
    option input 'REJECT'
    option masq '1'

config forwarding
    option src 'lan'
    option dest 'wan'

config rule
    option name 'Allow-Ping'
    option src 'wan'
    option proto 'icmp'
    option target 'ACCEPT'
{more}
""")


def configured(defaults: str = "", lan: str = "", more: str = "") -> str:
    """OpenWrt's configuration as it is shipped, with more options."""
    return OPENWRT_UCI.format(defaults=defaults, lan=lan, more=more)


def openwrt(version: str, name: str = "OpenWrt", model: str = "GL.iNet GL-MT300N-V2") -> dict[str, str]:
    return {
        "/etc/openwrt_release": f"DISTRIB_ID='{name}'\nDISTRIB_RELEASE='{version}'\nDISTRIB_TARGET='ramips/mt76x8'\n"
        f"DISTRIB_DESCRIPTION='{name} {version} r23809'\nDISTRIB_TAINTS=''\n",
        "/etc/os-release": f'NAME="{name}"\nVERSION="{version}"\nID="{name.lower()}"\nID_LIKE="lede openwrt"\n'
        'OPENWRT_BOARD="ramips/mt76x8"\n',
        "/tmp/sysinfo/model": f"{model}\n",
    }


def host(name: str, version: str, ident: str) -> dict[str, str]:
    return {
        "/etc/os-release": f'PRETTY_NAME="{name} {version}"\nNAME="{name}"\nVERSION_ID="{version}"\nID={ident}\n'
        'HOME_URL="https://www.example.org/"\n'
    }


@dataclass(frozen=True)
class LinuxVariant:
    """A router. ``nft``: what a program loads at each start beside the files; ``nft_by_hand``: what is gone after a restart.

    ``automatic``: nf_conntrack_helper, None where the kernel has none. ``stream``: the kernel's timer before any file.
    ``missing``: commands that are not installed. ``flags``: ``late_conntrack`` (the sysctl files are read before the module is
    loaded, unless it is asked for), ``legacy`` (the other kind of iptables), ``builtin`` (the SIP helper is part of the kernel).
    """

    name: str
    doc: str
    openwrt: bool = True
    firewall: str = "fw4"
    kernel: str = "5.15.150"
    release: dict[str, str] = field(default_factory=lambda: openwrt("23.05.3"))
    host: str = "OpenWrt"
    marks: tuple[str, ...] = ("/usr/share/firewall4", "/sbin/fw3")
    modules: tuple[str, ...] = ()
    automatic: str | None = "0"
    stream: str = "120"
    uci: str = field(default_factory=configured)
    pending: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    nft: str = ""
    nft_by_hand: str = ""
    sessions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    root: bool = True
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=lambda: {"user": "root"})


SYSCTL = "# Do not edit, changes to this file will be lost on upgrades\n\nnet.netfilter.nf_conntrack_acct=1\n" + (
    "net.netfilter.nf_conntrack_udp_timeout=60\nnet.netfilter.nf_conntrack_udp_timeout_stream=180\n"
)
AUTOLOAD = {"/etc/modules.d/nf-nathelper-extra": "nf_conntrack_sip\nnf_nat_sip\n"}
CONF = "# Defaults are configured in /etc/sysctl.d/* and can be customized in this file\n"
SHIPPED = {"/etc/sysctl.d/11-nf-conntrack.conf": SYSCTL, "/etc/sysctl.conf": CONF}
OWN_CONF = f"{CONF}net.ipv4.ip_forward=1\nnet.netfilter.nf_conntrack_udp_timeout_stream = 40\nnet.core.somaxconn=128\n"
WITH_HELPER: dict[str, Any] = {"modules": HELPERS + SIP, "files": {**SHIPPED, **AUTOLOAD}}
OLD_PBX = tabbed("""
config redirect
    option name 'Old PBX'
    option src 'wan'
    option dest 'lan'
    option proto 'udp'
    option src_dport '5060'
    option dest_ip '192.168.1.20'
    option target 'DNAT'
""")
PHONES = tabbed("""
config rule
    option name 'Phones'
    option src 'lan'
    option proto 'udp'
    option dest_port '5060'
    option target 'HELPER'
    option set_helper 'sip'""")
WEB = tabbed("""
config redirect
    option name 'Web'
    option src 'wan'
    option dest 'lan'
    list proto 'tcp'
    option src_dport '443'
    option dest_ip '192.168.1.30'
    option target 'DNAT'
""")
ENTRY = (
    "udp      17 3580 src=192.168.1.50 dst=198.51.100.10 sport=5060 dport=5060 src=198.51.100.10 dst=203.0.113.5 sport=5060 "
    "dport=5060 [ASSURED] mark=0 helper=sip use=1"
)
OTHER_ENTRY = (
    "tcp      6 431999 ESTABLISHED src=192.168.1.50 dst=198.51.100.20 sport=40000 dport=443 src=198.51.100.20 "
    "dst=203.0.113.5 sport=443 dport=40000 [ASSURED] mark=0 use=1"
)

HOST: dict[str, Any] = {
    "openwrt": False, "firewall": "", "kernel": "6.1.0-18-amd64", "release": host("Debian GNU/Linux", "12", "debian"),
    "host": "gw1", "marks": ("/run/systemd/system",), "automatic": None, "missing": ("iptables", "iptables-save"),
}  # fmt: skip
BASE = tabbed("""\
#!/usr/sbin/nft -f
flush ruleset

table inet filter {
    chain forward {
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "lan0" accept
    }
}
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan0" masquerade
    }
}
""")
ALG = tabbed("""\
table ip alg {
    ct helper ftp {
        type "ftp" protocol tcp
        l3proto ip
    }
    ct helper sipu {
        type "sip" protocol udp
        l3proto ip
    }
    ct helper sipt {
        type "sip" protocol tcp
        l3proto ip
    }
    chain pre {
        type filter hook prerouting priority filter; policy accept;
        tcp dport 21 ct helper set "ftp"
        udp dport 5060 ct helper set "sipu"
        tcp dport 5060 ct helper set "sipt"
        udp dport 69 counter packets 3 bytes 90 accept
    }
}
""")
ONE_LINE = tabbed("""\
table ip alg {
    ct helper sipu {
        type "sip" protocol udp
    }
    chain pre { type filter hook prerouting priority filter; policy accept; udp dport 5060 ct helper set "sipu"; }
}
""")
IDLE = ALG.replace("\t\ttype filter hook prerouting priority filter; policy accept;\n", "")
FIREWALLD = tabbed("""\
table inet firewalld {
    ct helper helper-sip-udp {
        type "sip" protocol udp
        l3proto inet
    }
    chain filter_PREROUTING {
        type filter hook prerouting priority filter + 10; policy accept;
        jump filter_PRE_public_allow
    }
    chain filter_PRE_public_allow {
        udp dport 5060 ct helper set "helper-sip-udp"
    }
}
""")
DNAT = tabbed("""\
table ip nat2 {
    set provider {
        type ipv4_addr
        flags interval
        elements = { 203.0.113.0/24, 198.51.100.7 }
    }
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan0" ip saddr @provider udp dport { 5060, 10000-20000 } counter packets 4 bytes 400 dnat ip to 192.168.1.20
        iifname "wan0" tcp dport 443 dnat ip to 192.168.1.30
    }
}
""")
RULES_V4 = """\
# Generated by iptables-save v1.8.2 on Thu Mar 7 10:00:00 2024
*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p tcp -m tcp --dport 21 -j CT --helper ftp
-A PREROUTING -i lan0 -p udp -m comment --comment "old phones" -m udp --dport 5060 -j CT --helper sip
-A PREROUTING -i lan0 -p tcp -m tcp --dport 5060 -j CT --helper sip
COMMIT
# Completed on Thu Mar 7 10:00:00 2024
*nat
:PREROUTING ACCEPT [0:0]
-A PREROUTING -s 203.0.113.0/24 -i wan0 -p udp -m udp --dport 10000:20000 -j DNAT --to-destination 192.168.1.20
COMMIT
"""
IPTABLES: dict[str, Any] = {
    **HOST, "kernel": "4.19.0-26-amd64", "release": host("Debian GNU/Linux", "10", "debian"), "automatic": "0", "missing": ("nft",),
    "modules": SIP, "files": {"/etc/iptables/rules.v4": RULES_V4},
}  # fmt: skip

VARIANTS = {
    v.name: v
    for v in (
        LinuxVariant("openwrt-stock", "OpenWrt 23.05 as it is shipped: no SIP helper is installed", files=SHIPPED),
        LinuxVariant("openwrt-helper", "23.05 with the package of helpers: zone lan gives all of them", **WITH_HELPER,
                     sessions=(OTHER_ENTRY, ENTRY)),
        LinuxVariant("openwrt-2410", "24.10, kernel 6.6 without the sysctl, and only the SIP helper", kernel="6.6.73",
                     release=openwrt("24.10.0"), automatic=None, modules=SIP, files={**SHIPPED, **AUTOLOAD}),
        LinuxVariant("openwrt-list", "zone lan lists ftp and sip", **WITH_HELPER,
                     uci=configured(lan="\tlist helper 'ftp'\n\tlist helper 'sip'")),
        LinuxVariant("openwrt-list-sip", "zone lan lists sip alone: an empty list would give all helpers", **WITH_HELPER,
                     uci=configured(lan="\tlist helper 'sip'")),
        LinuxVariant("openwrt-list-ftp", "zone lan lists ftp alone: off", **WITH_HELPER, uci=configured(lan="\tlist helper 'ftp'")),
        LinuxVariant("openwrt-auto-off", "auto_helper 0 in the defaults: off, although the helper is loaded", **WITH_HELPER,
                     uci=configured(defaults="\toption auto_helper '0'"), sessions=(ENTRY,)),
        LinuxVariant("openwrt-auto-off-list", "auto_helper 0, but zone lan lists sip: on", **WITH_HELPER,
                     uci=configured(defaults="\toption auto_helper '0'", lan="\tlist helper 'sip'")),
        LinuxVariant("openwrt-set-helper", "auto_helper 0, but a rule gives the SIP helper", **WITH_HELPER,
                     uci=configured(defaults="\toption auto_helper '0'", more=PHONES)),
        LinuxVariant("openwrt-own-rule", "auto_helper 0, but a file of the user gives the SIP helper",
                     modules=HELPERS + SIP, uci=configured(defaults="\toption auto_helper '0'"),
                     files={**SHIPPED, **AUTOLOAD, "/etc/nftables.d/own.nft": "chain own {\ntype filter hook prerouting priority filter;"
                            " policy accept;\nudp dport 5061 ct helper set \"sip\"\n}"}),
        LinuxVariant("openwrt-unloaded", "the helper was taken out of the kernel by hand, and comes back at the next start",
                     files={**SHIPPED, **AUTOLOAD}),
        LinuxVariant("openwrt-automatic", "nf_conntrack_helper is 1: the kernel gives the helper by itself", **WITH_HELPER,
                     uci=configured(defaults="\toption auto_helper '0'"), automatic="1"),
        LinuxVariant("openwrt-pending", "somebody's changes are not committed", **WITH_HELPER,
                     pending=("firewall.cfg03dc81.input='DROP'",)),
        LinuxVariant("openwrt-fw3", "21.02 with firewall3: rules of iptables for UDP and TCP", firewall="fw3", kernel="5.4.188",
                     release=openwrt("21.02.3"), marks=("/sbin/fw3",), **WITH_HELPER),
        LinuxVariant("openwrt-forward", "somebody's redirect of UDP 5060, open to everybody", files=SHIPPED,
                     uci=configured(more=OLD_PBX)),
        LinuxVariant("openwrt-web", "redirects of others, none of them SIP", files=SHIPPED, uci=configured(more=WEB)),
        LinuxVariant("openwrt-short", "off, but a line in /etc/sysctl.conf makes streams be forgotten after 40 s",
                     files={**SHIPPED, "/etc/sysctl.conf": OWN_CONF}),
        LinuxVariant("nethsecurity", "a derivative of OpenWrt with the helper", **WITH_HELPER,
                     release=openwrt("8.5.2", "NethSecurity", "Protectli VP2420")),
        LinuxVariant("linux-nft", "Debian 12: a file of rules gives the helper, beside that of FTP", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.conf": BASE + ALG}}, sessions=(ENTRY, OTHER_ENTRY)),
        LinuxVariant("linux-nft-by-hand", "the same rules loaded by hand, in no file", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.conf": BASE}}, nft_by_hand=ALG),
        LinuxVariant("linux-file-only", "a file of rules that is not loaded: on after the next start", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.d/alg.nft": ALG, "/etc/nftables.conf": BASE}}),
        LinuxVariant("linux-one-line", "the rule stands in one line with its chain", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.conf": BASE + ONE_LINE}}),
        LinuxVariant("linux-idle", "the rules stand in a chain that nothing leads to", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.conf": BASE}}, nft=IDLE),
        LinuxVariant("linux-firewalld", "firewalld gives the helper", **{**HOST, "modules": SIP}, nft=FIREWALLD),
        LinuxVariant("linux-iptables", "Debian 10: rules.v4 gives the helper", **IPTABLES),
        LinuxVariant("linux-legacy", "the same with the older kind of iptables", **{**IPTABLES, "flags": frozenset({"legacy"})}),
        LinuxVariant("linux-automatic", "kernel 4.4, which gives the helper by itself", **{**IPTABLES, "kernel": "4.4.0-210-generic",
                     "release": host("Ubuntu", "16.04", "ubuntu"), "automatic": "1", "files": {}}),
        LinuxVariant("linux-off", "no SIP helper in the kernel, no rule", **{**HOST, "files": {"/etc/nftables.conf": BASE}}),
        LinuxVariant("linux-builtin", "the helper is part of the kernel and given to nothing", **{**HOST,
                     "files": {"/etc/nftables.conf": BASE}, "flags": frozenset({"builtin"})}),
        LinuxVariant("linux-short", "off, but streams are forgotten after 40 s; the module comes after the sysctl files", **{**HOST,
                     "files": {"/etc/nftables.conf": BASE, "/etc/sysctl.d/50-tuning.conf":
                               "net.netfilter.nf_conntrack_udp_timeout_stream = 40\n"}, "flags": frozenset({"late_conntrack"})},
                     stream="40"),
        LinuxVariant("linux-forwards", "forwards from a set of networks", **{**HOST, "files": {"/etc/nftables.conf": BASE + DNAT}}),
        LinuxVariant("linux-sudo", "a user who becomes root by sudo; before that no rules are seen", **{**HOST, "modules": SIP,
                     "files": {"/etc/nftables.conf": BASE + ALG}, "root": False, "login": {"user": "ops"}}),
        LinuxVariant("edgeos", "an EdgeRouter's shell: Linux as well, and to be left to its own configuration", **{**HOST,
                     "marks": ("/opt/vyatta",), "modules": SIP}),
    )
}  # fmt: skip
