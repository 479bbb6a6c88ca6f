# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a fleet that does not exist, as many as are asked for, always the same ones."""

from __future__ import annotations

from typing import Any

SITES = ("Berlin", "Hamburg", "München", "Köln", "Dresden", "Bremen", "Kiel", "Ulm")
WANTED = {"min": 60, "recommended": 120, "max": None}


def mechanism(
    name: str, state: str, *evidence: str, scope: str = "global", basis: str = "configured"
) -> dict[str, Any]:
    return {"id": name, "scope": scope, "state": state, "basis": basis, "evidence": list(evidence), "label": "doc"}


def _aspect(verdict: str, compliance: str, *mechanisms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"verdict": verdict, "compliance": compliance, "mechanisms": list(mechanisms), **more}


def _finding(name: str, aspect: str | None, severity: str, text: str) -> dict[str, Any]:
    return {"id": name, "aspect": aspect, "severity": severity, "text": text}


def _forwards() -> dict[str, Any]:
    return _aspect("none", "compliant")


def _router(host: str) -> dict[str, Any]:
    """A Cisco router as it comes out of the box."""
    ports = [
        mechanism(f"nat_alg_{p}", "on", f"(no line 'no ip nat service sip {p} port 5060')", basis="default")
        for p in ("udp", "tcp")
    ]
    return {
        "platform": "cisco_ios",
        "model": "ISR4321/K9",
        "firmware": "16.9.4",
        "compliance": "noncompliant",
        "aspects": {
            "sip_alg": _aspect("active", "noncompliant", *ports),
            "udp_timeout": _aspect(
                "ok",
                "compliant",
                mechanism("nat_udp", "on", "(no line 'ip nat translation udp-timeout')", basis="default"),
                seconds=300,
                wanted=WANTED,
            ),
            "port_forwards": _forwards(),
        },
        "findings": [
            _finding(
                "SIPALG-ACTIVE", "sip_alg", "high", "the SIP ALG is active: nat_alg_udp(global), nat_alg_tcp(global)"
            )
        ],
        "plan": [
            {"do": f"no ip nat service sip {p} port 5060", "undo": f"ip nat service sip {p} port 5060"}
            for p in ("udp", "tcp")
        ],
        "advice": [
            "After the change: clear ip nat translation * in a maintenance window, because calls that are under way are cut."
        ],
        "not_checked": ["translations that exist: they keep the old behaviour until they end"],
    }


def _firewall(host: str) -> dict[str, Any]:
    """A FortiGate with its session helper and a short timer."""
    mechanisms = [
        mechanism("session_helper", "on", "edit 13", "set name sip", "set protocol 17", "set port 5060"),
        mechanism("voip_alg_mode", "off", "set default-voip-alg-mode kernel-helper-based"),
        mechanism("expectation", "on", "set sip-expectation enable"),
        mechanism("nat_trace", "on", "(no line 'set sip-nat-trace')", basis="default"),
        *[mechanism("voip_profile", "not_applicable", f"edit {n}", scope=f"policy {n}") for n in range(1, 5)],
    ]
    timer = mechanism("udp_ttl", "on", "set default 30", f"set hostname {host}")
    return {
        "platform": "fortinet_fortios",
        "model": "FortiGate-60F",
        "firmware": "7.4.3",
        "compliance": "noncompliant",
        "aspects": {
            "sip_alg": _aspect("active", "noncompliant", *mechanisms),
            "udp_timeout": _aspect("low", "noncompliant", timer, seconds=30, wanted=WANTED),
            "port_forwards": _aspect(
                "present",
                "compliant",
                mechanism("vip", "on", 'edit "old-pbx"', "set extport 5060", "set mappedip 192.0.2.10"),
            ),
        },
        "findings": [
            _finding(
                "SIPALG-ACTIVE", "sip_alg", "high", "the SIP ALG is active: session_helper(global), expectation(global)"
            ),
            _finding(
                "UDP-TIMEOUT-LOW",
                "udp_timeout",
                "medium",
                "UDP flows end after 30 s, wanted are at least 60 s, better 120 s",
            ),
            _finding("FORWARD-PRESENT", "port_forwards", "info", "forwarded to the inside: vip old-pbx, UDP 5060"),
        ],
        "plan": [
            {
                "do": "config system session-helper\ndelete 13\nend",
                "undo": "config system session-helper\nedit 13\nset name sip\nnext\nend",
            },
            {
                "do": "config system session-ttl\nset default 120\nend",
                "undo": "config system session-ttl\nset default 30\nend",
            },
        ],
        "advice": [
            "Ask whoever set up the forward 'old-pbx' whether it is still needed; the provider does not need it.",
            "Restart the phones after the change, or wait until their registration is renewed.",
        ],
        "not_checked": ["what a FortiManager would push"],
    }


def _home(host: str) -> dict[str, Any]:
    """A home router that is right."""
    return {
        "platform": "netgear_genie",
        "model": "R7000",
        "firmware": "1.0.11.134",
        "compliance": "compliant",
        "aspects": {
            "sip_alg": _aspect(
                "disabled",
                "compliant",
                mechanism("disable_sip_alg", "off", "disable_sipalg=1 (Disable SIP ALG is ticked)"),
            ),
            "udp_timeout": _aspect("not_applicable", "compliant", seconds=None, wanted=WANTED),
            "port_forwards": _forwards(),
        },
        "findings": [],
        "plan": [],
        "advice": [],
        "not_checked": ["the UDP timer: the device does not show it"],
    }


def _gateway(host: str) -> dict[str, Any]:
    """A gateway whose switch is on a page that nobody has seen."""
    return {
        "platform": "arris_touchstone",
        "model": "DG860A",
        "firmware": "7.5.125",
        "compliance": "undetermined",
        "aspects": {
            "sip_alg": _aspect(
                "undetermined", "undetermined", mechanism("operator_firmware", "unknown", "<title>Login</title>")
            )
        },
        "findings": [
            _finding(
                "SIPALG-UNDETERMINED", "sip_alg", "medium", "whether the SIP ALG acts is not known: operator_firmware"
            )
        ],
        "plan": [],
        "not_checked": ["everything behind the operator's own log-in"],
        "advice": [
            "Open http://192.168.0.1 and log in with the technician's account.",
            "Firewall, Firewall Settings, ALG: take the tick from SIP, then Apply.",
            "Gateway, At a Glance: note the firmware version and send it to the provider's help desk.",
            "Restart the gateway and make a call of more than two minutes in each direction.",
        ],
    }


def _silent(host: str) -> dict[str, Any]:
    return {
        "platform": "cisco_asa",
        "model": None,
        "firmware": None,
        "compliance": "not_reached",
        "aspects": {},
        "findings": [],
        "plan": [],
        "advice": [],
        "not_checked": [f"everything: {host} did not answer within 10 s"],
        "error": {
            "kind": "timeout",
            "text": f"{host} (192.0.2.77, port 22) did not answer within 10 s. Is SSH allowed from here?",
        },
    }


def _done(host: str) -> dict[str, Any]:
    """The router after its change, with the proof on the wire."""
    before = _router(host)
    off = [mechanism(f"nat_alg_{p}", "off", f"no ip nat service sip {p} port 5060") for p in ("udp", "tcp")]
    return {
        **before,
        "mode": "apply",
        "compliance": "compliant",
        "findings": [],
        "plan": [],
        "done": before["plan"],
        "aspects": {**before["aspects"], "sip_alg": _aspect("disabled", "compliant", *off)},
        "path": {
            "verdict": "clean",
            "leaning": "clean",
            "profile": "standard",
            "started": "2026-11-26T02:03:05Z",
            "earlier": [
                {
                    "moment": "before",
                    "verdict": "rewritten",
                    "leaning": "rewritten",
                    "finished": "2026-11-26T01:04:05Z",
                    "reasons": [],
                }
            ],
            "current": True,
            "finished": "2026-11-26T02:04:05Z",
            "reasons": ["24 messages in each direction, none was changed"],
            "rewritings": [],
            "not_tested": ["TLS"],
            "keepalive": 50,
        },
    }


def _rewritten(host: str) -> dict[str, Any]:
    """Off by the device's own word, and yet rewritten on the wire."""
    return {
        **_done(host),
        "mode": "check",
        "done": [],
        "compliance": "noncompliant",
        "findings": [
            _finding(
                "SIPALG-ON-PATH",
                None,
                "high",
                "SIP is rewritten on the wire (outbound), likely by the provider's modem in front of it",
            )
        ],
        "advice": ["Switch the SIP ALG off in the modem in front of this router as well, then probe again."],
        "path": {
            "verdict": "rewritten",
            "leaning": "rewritten",
            "profile": "standard",
            "started": "2026-11-26T02:03:05Z",
            "earlier": [],
            "current": True,
            "finished": "2026-11-26T02:04:05Z",
            "reasons": ["the Contact of 12 of 12 REGISTER was changed, over UDP from port 5060"],
            "rewritings": [
                {
                    "direction": "out",
                    "source": "5060",
                    "port": 5060,
                    "inserted": [{"address": "203.0.113.9", "whose": "the outermost NAT"}],
                    "method": "REGISTER",
                    "transport": "udp",
                    "name": "Contact",
                    "times": 12,
                    "before": "<sip:probe@192.168.1.20:5060>",
                    "after": "<sip:probe@203.0.113.9:61022>",
                }
            ],
            "not_tested": ["TLS"],
            "keepalive": None,
        },
    }


KINDS = (_router, _firewall, _home, _done, _gateway, _home, _silent, _home, _rewritten, _done, _home)
CHANGES = ("same", "new", "fixed", "same", "came_back", "same", "unreachable_since", "same", "worse", "fixed", "same")


def records(count: int) -> list[dict[str, Any]]:
    """`count` records: hosts at eight sites, of five kinds."""
    base = {
        "schema": "voip.edge/record/1",
        "collection": "0.1.0",
        "mode": "check",
        "started": "2026-11-26T02:00:00Z",
        "finished": "2026-11-26T02:00:07Z",
        "done": [],
    }
    return [
        {**base, "host": host, "site": SITES[n * 7 % 10 % len(SITES)], **KINDS[n % len(KINDS)](host)}
        for n, host in ((n, f"{SITES[n * 7 % 10 % len(SITES)].lower()}-r{n + 1}") for n in range(count))
    ]


def rows(count: int) -> list[dict[str, Any]]:
    """The same as rows of a report that was held against an earlier one."""
    # imported here: the records alone are also made where the collection is not on the path
    from ansible_collections.voip.edge.plugins.module_utils._edge.core import report
    from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import vendor_of

    made = [report.row_of(record, vendor_of) for record in records(count)]
    for n, row in enumerate(made):
        row["change"] = CHANGES[n % len(CHANGES)]
        if row["change"] == "came_back":
            row["changes"] = [
                {
                    "change": "came_back",
                    "since": "2026-11-25T02:00:07Z",
                    "aspect": "sip_alg",
                    "was": "disabled",
                    "now": "undetermined",
                    "firmware_was": "7.5.63",
                    "firmware_now": "7.5.125",
                }
            ]
    return report.merge(made, ["kiel-r999"])
