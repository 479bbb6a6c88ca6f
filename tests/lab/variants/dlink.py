# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""D-Link home routers as data: the family of the firmware, the model, what differs from the factory settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class DlinkVariant:
    """A D-Link router.

    ``family``: ``A`` (Cameo, ``apply.cgi``), ``B`` (Alpha, ``getcfg.php``), ``C`` (HNAP1), ``old`` (Basic, ``rgdb``), ``json`` (another
    system altogether). ``settings``: stored values that differ from the factory. ``rows``: port forwards as the device stores them.
    ``traps``: whether "off" drops UDP 5060 here. ``flags``: ``captcha``, ``user`` (an account that may only look), ``busy``, ``failed``
    (the check of a write says no), ``save_failed``, ``occupied`` (somebody is logged in from the same address), ``session_cgi`` (B: no
    challenge), ``no_sip`` (no switch for SIP), ``nameless`` (HNAP1 does not answer), ``needs_restart``, ``numbers`` (C: 1 and empty).
    """

    name: str
    doc: str
    family: str
    model: str
    hardware: str = "A1"
    firmware: str = "1.10"
    settings: dict[str, str] = field(default_factory=dict)
    rows: tuple[Any, ...] = ()
    virtual: tuple[str, ...] = ()
    traps: bool | None = False
    flags: frozenset[str] = frozenset()
    login: dict[str, Any] = field(default_factory=dict)


def _a(name: str, doc: str, **more: Any) -> DlinkVariant:
    more = {"model": "DIR-615", "hardware": "C1", "firmware": "3.13", "traps": True, **more}
    return DlinkVariant(name, doc, "A", **more)


def _b(name: str, doc: str, model: str = "DIR-868L", **more: Any) -> DlinkVariant:
    return DlinkVariant(name, doc, "B", model, **more)


def _c(name: str, doc: str, **more: Any) -> DlinkVariant:
    return DlinkVariant(name, doc, "C", **{"model": "DIR-822", "firmware": "1.03", "traps": None, **more})


OLD_PBX = "1/Old PBX/192.168.0.9/0/5060/Always/Allow_All"

_ALL = (
    _a("a-factory", "DIR-615 C: factory settings; the ALG has no off"),
    _a("a-blocked", "SIP was unticked: UDP 5060 is dropped, the ALG is still loaded", settings={"alg_sip": "0"}),
    _a("a-empty", "the value was never stored: the ALG is on", settings={"alg_sip": ""}),
    _a("a-no-row", "a page set without a row for SIP", flags=frozenset({"no_sip"})),
    _a("a-captcha", "the log-in asks for the characters of a picture", flags=frozenset({"captcha"})),
    _a("a-user", "the account that may look and not change", flags=frozenset({"user"}), login={"user": "user"}),
    _a("a-occupied", "somebody is logged in from the same address", flags=frozenset({"occupied"})),
    _a("a-forward", "somebody's own forward of SIP to an old PBX", rows=(OLD_PBX,)),
    _a("a-virtual", "SIP goes to an old PBX through a virtual server", virtual=("1/Old/17/5060/5060/192.168.0.9/Always/Allow_All",)),
    _a("a-full", "all 24 forwards are in use", rows=tuple(f"1/n{i}/192.168.0.{i}/{7000 + i}/0/Always/Allow_All" for i in range(24))),
    _a("a-other", "another model of the family, of which no code was read", model="DIR-655", hardware="B1", firmware="2.07"),
    _b("b-safe", "DIR-868L: off is off"),
    _b("b-off", "DIR-868L, already right", settings={"sip": "0"}),
    _b("b-645", "DIR-645, with the older log-in", model="DIR-645", firmware="1.04", flags=frozenset({"session_cgi"})),
    _b("b-forward", "DIR-868L with a forward of SIP and RTP", rows=(("PBX", "10", "5060,10000:20000"),)),
    _b("b-trap", "DIR-850L: off drops UDP 5060", model="DIR-850L", traps=True),
    _b("b-blocked", "DIR-850L, unticked", model="DIR-850L", traps=True, settings={"sip": "0"}),
    _b("b-unread", "a model of which no code was read", model="DIR-826L", traps=None),
    _b("b-unread-off", "the same, unticked", model="DIR-826L", traps=None, settings={"sip": "0"}),
    _b("b-815", "DIR-815 does not say which hardware it is", model="DIR-815"),
    _b("b-nameless-off", "unticked, and the model is not shown", flags=frozenset({"nameless"}), settings={"sip": "0"}, traps=None),
    _b("b-no-sip", "DIR-815 A1: no switch for SIP", model="DIR-815", firmware="1.01", flags=frozenset({"no_sip"})),
    _b("b-captcha", "the log-in asks for the characters of a picture", flags=frozenset({"captcha", "session_cgi"})),
    _b("b-user", "the account that may look and not change", flags=frozenset({"user", "session_cgi"}), login={"user": "user"}),
    _b("b-busy", "another administrator is saving", flags=frozenset({"busy"})),
    _b("b-failed", "the check of the values says no", flags=frozenset({"failed"})),
    _b("b-save-failed", "accepted, but not applied", flags=frozenset({"save_failed"})),
    _c("c-factory", "DIR-822: on; what off does was not read"),
    _c("c-off", "the same, off", settings={"ALGSIP": "0"}),
    _c("c-numbers", "a build that shows 1 and nothing instead of true and false", flags=frozenset({"numbers"})),
    _c("c-forced", "the same as c-factory, for a change that was insisted on", settings={"SPIIPv4": "1", "AntiSpoof": "1"}),
    _c("c-restart", "a change is live only after a restart", flags=frozenset({"needs_restart"})),
    _c("c-failed", "a write is answered by ERROR", flags=frozenset({"failed"})),
    DlinkVariant("b0-old", "an older Alpha: Basic, other database, no switch for SIP", "old", "DIR-600", "B1", "2.05"),
    DlinkVariant("json", "DIR-846: another system", "json", "DIR-846", "A1", "1.00"),
)  # fmt: skip

VARIANTS = {variant.name: variant for variant in _ALL}
