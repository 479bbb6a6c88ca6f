# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: a LAN, a NAT router, the Internet, and on demand a provider's NAT between the two."""

from __future__ import annotations

import contextlib
from types import TracebackType

from .kernel import Namespace
from .router import Router

PHONE = "192.168.77.10"
SECOND_PHONE = "192.168.77.11"
GATEWAY = "192.168.77.1"
PUBLIC = "203.0.113.1"
SERVER = "203.0.113.10"
SECOND_SERVER = "203.0.113.11"
CARRIER_INSIDE = "100.64.0.1"
BEHIND_CARRIER = "100.64.0.2"


class Lab:
    """Namespaces ``lan``, ``wan`` and one for each router, gone when the ``with`` block ends.

    =========  =========================================  ==========================================
    lan        192.168.77.10, .11                         default route by the router
    router     lan0 192.168.77.1, wan0 203.0.113.1        with a carrier: wan0 100.64.0.2
    carrier    lan0 100.64.0.1, wan0 203.0.113.1          only with ``carrier=True``; double NAT
    wan        203.0.113.10, .11                          no route to 192.168.77.0/24
    =========  =========================================  ==========================================

    Raises OSError when the process may not make namespaces, CommandFailed when a program refuses.
    """

    def __init__(self, carrier: bool = False) -> None:
        self._stack = contextlib.ExitStack()
        self._with_carrier = carrier
        self.carrier: Router | None = None

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _build(self) -> None:
        self.lan = self._namespace("lan")
        self.wan = self._namespace("wan")
        address = BEHIND_CARRIER if self._with_carrier else PUBLIC
        self.router = Router(self._namespace("router"), "lan0", "wan0", address)
        inner = self.router.namespace
        _cable(self.lan, "eth0", [PHONE, SECOND_PHONE], inner, "lan0", [GATEWAY])
        self.lan.run(["ip", "route", "add", "default", "via", GATEWAY])
        if self._with_carrier:
            self.carrier = Router(self._namespace("carrier"), "lan0", "wan0", PUBLIC)
            outer = self.carrier.namespace
            _cable(inner, "wan0", [BEHIND_CARRIER], outer, "lan0", [CARRIER_INSIDE])
            inner.run(["ip", "route", "add", "default", "via", CARRIER_INSIDE])
            _cable(outer, "wan0", [PUBLIC], self.wan, "eth0", [SERVER, SECOND_SERVER])
        else:
            _cable(inner, "wan0", [PUBLIC], self.wan, "eth0", [SERVER, SECOND_SERVER])
        self.reset()

    def _namespace(self, name: str) -> Namespace:
        made = Namespace(name)
        self._stack.callback(made.close)
        return made

    def reset(self) -> None:
        """Every router as it was made, and no way past the NAT."""
        self.wan.run(["ip", "route", "flush", "proto", "static"])
        for router in (self.router, self.carrier):
            if router is not None:
                router.reset()

    def without_nat(self) -> None:
        """The router only routes, and the server knows the way to the LAN. reset() takes it back."""
        if self.carrier is not None:
            raise ValueError("behind a carrier the router cannot go without NAT")
        self.router.stop_nat()
        self.router.flush()
        self.wan.run(["ip", "route", "add", "192.168.77.0/24", "via", PUBLIC, "proto", "static"])


def _cable(
    left: Namespace, left_name: str, left_ips: list[str], right: Namespace, right_name: str, right_ips: list[str]
) -> None:
    left.run(["ip", "link", "add", left_name, "type", "veth", "peer", "name", right_name, "netns", right.path])
    for namespace, name, addresses in ((left, left_name, left_ips), (right, right_name, right_ips)):
        for address in addresses:
            namespace.run(["ip", "addr", "add", f"{address}/24", "dev", name])
        namespace.run(["ip", "link", "set", name, "up"])
