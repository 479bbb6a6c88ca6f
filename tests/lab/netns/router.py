# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NAT router of the lab: what its administrator, or a fault, does to it."""

from __future__ import annotations

from collections.abc import Sequence

from . import rules
from .kernel import CommandFailed, Namespace

UDP_TIMER = "net.netfilter.nf_conntrack_udp_timeout"
UDP_STREAM_TIMER = "net.netfilter.nf_conntrack_udp_timeout_stream"
KERNEL_TIMERS = (30, 120)


class Router:
    """A namespace that forwards between two interfaces, with its tables labnat, labfw and, when on, labalg.

    ``inside`` and ``outside`` are interface names, ``address`` is the IPv4 address of the outside. Every method
    raises CommandFailed with nft's own words when the kernel refuses.
    """

    def __init__(self, namespace: Namespace, inside: str, outside: str, address: str) -> None:
        self.namespace = namespace
        self.inside = inside
        self.outside = outside
        self.address = address
        namespace.sysctl("net.ipv4.ip_forward", 1)

    def nft(self, text: str) -> str:
        """Feed nft, as ``nft -f -`` does."""
        return self.namespace.run(["nft", "-f", "-"], text)

    def reset(self) -> None:
        """As it was made: masquerade, firewall, no ALG, the kernel's timers, no entries."""
        self.alg_off()
        self.nft(rules.nat(self.outside) + rules.firewall(self.inside, self.outside))
        self.timers(*KERNEL_TIMERS)
        self.flush()

    def symmetric_nat(self) -> None:
        """Another random port for each destination, from the next flow on; port forwards are lost."""
        self.nft(rules.nat(self.outside, symmetric=True))

    def stop_nat(self) -> None:
        """Forward without translating; see Lab.without_nat for the way back."""
        self.nft("flush chain ip labnat post\n")

    def alg_on(self, ports: Sequence[int] = (5060,)) -> None:
        """New flows to these ports get the SIP helper."""
        self.nft(rules.alg(ports))

    def alg_off(self) -> None:
        """No new flow gets the helper. Entries that have it keep it until they end: see flush()."""
        self.nft("table ip labalg\ndelete table ip labalg\n")

    def flush(self) -> None:
        """End every entry and every expectation, as ``conntrack -F`` does."""
        self.namespace.run(["conntrack", "-F"])
        self.namespace.run(["conntrack", "-F", "expect"])

    def timers(self, single: int, stream: int) -> None:
        """UDP timeouts in seconds: before, and once a flow that is older than two seconds has traffic both ways."""
        self.namespace.sysctl(UDP_TIMER, single)
        self.namespace.sysctl(UDP_STREAM_TIMER, stream)

    def forward(self, ports: str, to: str, protocol: str = "udp") -> None:
        """Forward ports of the outside, such as ``5060, 10000-20000``, to a host of the inside."""
        self.nft(f'add rule ip labnat pre iifname "{self.outside}" {protocol} dport {{ {ports} }} dnat to {to}\n')

    def divert(self, port: int, to: int, protocol: str = "udp") -> None:
        """What the inside sends to ``port`` of any host comes to local port ``to``, where a relay may edit it."""
        self.nft(f'add rule ip labnat pre iifname "{self.inside}" {protocol} dport {port} redirect to :{to}\n')

    def drop(self, match: str) -> None:
        """Drop forwarded packets that an nft expression matches, before any other rule of the firewall."""
        self.nft(f"insert rule ip labfw fw_forward {match} drop\n")

    def block(self, ports: str) -> None:
        """Drop forwarded UDP to these ports, such as ``16384-17000``."""
        self.drop(f"udp dport {{ {ports} }}")

    def lose(self, percent: int) -> None:
        """Drop that many of a hundred forwarded packets, in both directions, at random."""
        self.drop(f"numgen random mod 100 < {percent}")

    def drop_sip(self, word: str, answers: bool = False, port: int = 5060) -> None:
        """Drop UDP to (answers: from) ``port`` whose payload begins with the first four letters of a word.

        ``REGISTER`` for a request, ``SIP/`` for answers. Other payload on the same port passes.
        """
        start = word[:4].encode("ascii")
        if len(start) < 4:
            raise ValueError(f"{word!r} has fewer than four letters")
        self.drop(f"udp {'sport' if answers else 'dport'} {port} @th,64,32 0x{start.hex()}")

    def entries(self, *options: str) -> list[str]:
        """Lines of ``conntrack -L``; options narrow it, such as ``-p udp --dport 5060``."""
        return self.namespace.run(["conntrack", "-L", *options]).splitlines()

    def expectations(self) -> list[str]:
        """Lines of ``conntrack -L expect``: the pinholes that the ALG opened."""
        return self.namespace.run(["conntrack", "-L", "expect"]).splitlines()

    def has_alg(self) -> bool:
        """Whether the table of the ALG is loaded; says nothing about entries that still have the helper."""
        try:
            self.namespace.run(["nft", "list", "table", "ip", "labalg"])
        except CommandFailed:
            return False
        return True
