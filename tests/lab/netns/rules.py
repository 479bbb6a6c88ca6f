# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables rules of a NAT router, as text. ``fwd`` is a reserved word of nft, hence the longer names of chains.

Each table can be loaded again over itself: nft takes the whole text or none of it.
"""

from __future__ import annotations

from collections.abc import Sequence


def _fresh(table: str, body: str) -> str:
    # Deleting a table that is not there is an error; declaring one that is there is not.
    return f"table ip {table}\ndelete table ip {table}\ntable ip {table} {{\n{body}}}\n"


def nat(outside: str, symmetric: bool = False) -> str:
    """Masquerade to the outside. Symmetric: a new random port for each destination."""
    random = " fully-random" if symmetric else ""
    return _fresh(
        "labnat",
        "  chain post {\n    type nat hook postrouting priority srcnat;\n"
        f'    oifname "{outside}" masquerade{random}\n  }}\n'
        "  chain pre {\n    type nat hook prerouting priority dstnat;\n  }\n",
    )


def firewall(inside: str, outside: str) -> str:
    """From the inside everything, from the outside answers and what a port forward or the ALG opened."""
    return _fresh(
        "labfw",
        "  chain fw_forward {\n    type filter hook forward priority filter; policy drop;\n"
        "    ct state established,related accept\n"
        f'    iifname "{inside}" oifname "{outside}" accept\n'
        "    ct status dnat accept\n  }\n"
        "  chain fw_input {\n    type filter hook input priority filter;\n"
        f'    iifname "{outside}" ct state new drop\n  }}\n',
    )


def alg(ports: Sequence[int] = (5060,)) -> str:
    """The kernel's SIP helper for new flows to these ports, UDP and TCP. It translates where NAT is done."""
    listed = ", ".join(str(port) for port in ports)
    return _fresh(
        "labalg",
        '  ct helper sipu {\n    type "sip" protocol udp;\n  }\n'
        '  ct helper sipt {\n    type "sip" protocol tcp;\n  }\n'
        "  chain pre {\n    type filter hook prerouting priority filter;\n"
        f'    udp dport {{ {listed} }} ct helper set "sipu"\n'
        f'    tcp dport {{ {listed} }} ct helper set "sipt"\n  }}\n',
    )
