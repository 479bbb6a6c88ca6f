# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Linksys answers: JNAP's JSON and the old pages, and how each of them says no. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from ..core.pages import controls, forms, script_var
from ..transports.http import Reply

GATEWAY, MANAGEMENT = "Gateway_Function.asp", "Management.asp"
SINGLE, RANGE = "SinglePortForwardingRules", "PortRangeForwardingRules"
# The fields of Gateway_Function.asp and its boxes with the field that each fills. A page with others is not this page.
FIELDS = (
    "submit_button", "change_action", "gui_action", "ctm404_enable", "nf_alg_sip", "upnpEnabled", "upnp_config",
    "upnp_internet_dis", "wait_time", "need_reboot",
)  # fmt: skip
BOXES = {
    "_nf_alg_sip": "nf_alg_sip", "_upnp_enable": "upnpEnabled", "_upnp_config": "upnp_config",
    "_upnp_internet_dis": "upnp_internet_dis",
}  # fmt: skip
LOCKED = {
    "ErrorInvalidAdminPassword": "the password was refused (one attempt was made)",
    "_ErrorUnauthorized": "the password was refused (one attempt was made)",
    "ErrorAdminAccountLocked": "the account is locked after too many wrong passwords",
    "ErrorPasswordCheckDelayed": "the router delays log-ins after wrong passwords: wait before the next run",
}
SAID = {
    "_ErrorUnknownAction": "this firmware does not have it",
    "ErrorDeviceNotInMasterMode": "this is a node of a mesh; the primary one has the settings",
    "ErrorRulesOverlap": "the router finds that a rule overlaps another one",
    "ErrorInvalidDestinationIPAddress": "the address of the PBX is not in the router's LAN",
}


@dataclass(frozen=True)
class Table:
    """A list of forwards as the router holds it: its rules as JSON, in order, and its limits (None: not shown)."""

    rules: tuple[str, ...]
    most: int | None = None
    length: int | None = None


def document(text: str) -> dict[str, Any]:
    """The JSON object of a reply; empty where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def output_of(text: str) -> dict[str, Any] | None:
    """What a JNAP action gave; None where it was not carried out."""
    said = document(text)
    output = said.get("output")
    return output if said.get("result") == "OK" and isinstance(output, dict) else None


def is_login_page(page: str) -> bool:
    """Whether a page asks for the password; routers send it with status 200 in place of any other."""
    asks = any(c.kind == "password" and c.form.split("?")[0].endswith("login.cgi") for c in controls(page))
    return asks or "session_status" in page or "guestnetwork.cgi" in page


def family(identity: str) -> str:
    if output_of(identity) is not None:
        return "jnap"
    bare = uncommented(identity)
    if boxes_of(bare).get("_nf_alg_sip"):
        return "gateway"
    return "management" if radios_of(identity) else ""


def services(identity: str) -> list[str]:
    named = (output_of(identity) or {}).get("services")
    return [str(s) for s in named] if isinstance(named, list) else []


def without_firewall(identity: str) -> bool:
    named = services(identity)
    return bool(named) and not any(re.search(r"/jnap/firewall/Firewall\d*$", s) for s in named)


def table_of(text: str) -> Table | None:
    output = output_of(text)
    rules = output.get("rules") if output is not None else None
    if output is None or not isinstance(rules, list) or not all(isinstance(r, dict) for r in rules):
        return None
    limits = (output.get("maxRules"), output.get("maxDescriptionLength"))
    most, length = (value if isinstance(value, int) else None for value in limits)
    return Table(tuple(json.dumps(rule) for rule in rules), most, length)


def span_of(rule: dict[str, Any]) -> tuple[int, int, str] | None:
    """First and last external port and the protocol of a rule."""
    first = rule.get("firstExternalPort", rule.get("externalPort"))
    last = rule.get("lastExternalPort", first)
    if isinstance(first, int) and isinstance(last, int) and rule.get("protocol") in ("TCP", "UDP", "Both"):
        return first, last, str(rule["protocol"])
    return None


def uncommented(page: str) -> str:
    """Without what a browser does not show; a build without the ALG comments its box out."""
    return re.sub(r"<!--.*?(?:-->|\Z)", "", page, flags=re.DOTALL)


_BOX = re.compile(r"draw_checkbox\(\s*'(\w+)'\s*,[^,()]*,\s*'1'\s*,\s*'[^']*'\s*(,\s*1\s*)?\)\s*;")


def boxes_of(bare: str) -> dict[str, str]:
    """The boxes that a page draws, as on or off; one that is drawn twice says nothing."""
    found: dict[str, str] = {}
    for name, ticked in _BOX.findall(bare):
        found[name] = "" if name in found else "on" if ticked else "off"
    return {name: state for name, state in found.items() if state}


def radios_of(page: str) -> dict[str, bool]:
    """The two buttons of nf_alg_sip, by value; empty unless it is this pair in a page that is posted to apply.cgi."""
    pair = [c for c in controls(page) if c.name == "nf_alg_sip"]
    if sorted(c.value for c in pair) != ["0", "1"] or any(c.kind != "radio" for c in pair):
        return {}
    if not all(c.form.split("?")[0].endswith("apply.cgi") for c in pair):
        return {}
    return {c.value: c.checked for c in pair}


def unlisted(page: str) -> str:
    """Why Gateway_Function.asp is not the page that is known, "" where it is."""
    bare = uncommented(page)
    names = sorted(c.name for c in controls(page))
    drawn = len(re.findall(r"\bdraw_(?:checkbox|radio|select|input|text)\w*\(", bare))
    if is_login_page(page):
        return "the session is gone"
    if names != sorted(FIELDS):
        odd = sorted(set(names) ^ set(FIELDS))
        return f"its fields are others than those that are known ({', '.join(odd) or 'one is there twice'})"
    if set(boxes_of(bare)) != set(BOXES) or drawn != len(BOXES):
        return "its boxes are others than those that are known"
    values = {c.name: c.value for c in controls(page)}
    if not values["wait_time"].isdigit() or values["need_reboot"] != "0":
        return "it asks for a restart, which the known page does not"
    if len(forms(page)) != 1 or not action_of(page):
        return "where it is sent to cannot be read"
    return ""


def action_of(page: str) -> str | None:
    """Where a page is posted to: as its script sets it, with the key of the session or without."""
    closed = script_var(page, "close_session")
    if closed == "1":
        return "/apply.cgi"
    keys = set(re.findall(r"""\.action\s*=\s*"apply\.cgi\?session_id=([\w.-]+)"\s*;""", page))
    return f"/apply.cgi?session_id={keys.pop()}" if closed is not None and len(keys) == 1 else None


def refusal(reply: Reply) -> str | None:
    """JNAP refuses with status 200, and an old router by its log-in page or a sentence that starts with `Invalid`."""
    text = reply.text()
    answer = document(text)
    if "result" in answer:
        result = str(answer["result"])
        words = SAID.get(result) or LOCKED.get(result) or str(answer.get("error") or "")[:120]
        return None if result == "OK" else f"{result}: {words}".strip(": ")
    if is_login_page(text):
        return "the router asks for the log-in again: the session is gone"
    if reply.status >= 400:
        return f"HTTP {reply.status} {reply.excerpt()}".strip()
    found = re.search(r"Invalid <b>[^<]*", text)
    return found.group(0).replace("<b>", "") if found else None
