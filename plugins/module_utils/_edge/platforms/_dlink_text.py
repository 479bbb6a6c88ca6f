# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What D-Link home routers show and take: the pages of family A, the documents of B and C. Pure.

Every reader says None where a text is not what it must be, and everything that is posted is the whole of what was read with one
value changed: family A stores a page's fields, B a module's nodes, C six elements, and what is left out would be lost.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from ..core.pages import Control, controls

# -- family A: pages ----------------------------------------------------------------------------------------------

FIREWALL, FORWARDS = "adv_dmz.asp", "adv_portforward.asp"
FREE_ROW = "0//0.0.0.0/0/0/Always/Allow_All"
ROWS = tuple(f"port_forward_both_{at:02}" for at in range(24))
RULES = tuple(f"vs_rule_{at:02}" for at in range(24))
_FRAME = {"html_response_page": "back.asp", "reboot_type": "filter"}
_SPOKEN = ("html_response_message", "html_response_return_page")
# What the device stores, by page; and the controls that only the screen has: their scripts copy them into the former. [src]
_STORED = {
    FIREWALL: (
        "dhcp_list", "dmz_schedule", "spi_enable", "udp_nat_type", "tcp_nat_type", "anti_spoof_check", "dmz_enable", "dmz_ipaddr",
        "pptp_pass_through", "ipsec_pass_through", "alg_rtsp", "alg_sip",
    ),
    FORWARDS: ROWS,
}  # fmt: skip
_SCREEN = {
    FIREWALL: r"spiEnable|anti_spoof_check_sel|dmz_host|dhcp|pptp|ipsec|rtsp|sip|button\d*",
    FORWARDS: r"button\d*",
}
_ALONG = {FIREWALL: r"(?!)", FORWARDS: r"dhcp_list|inbound_filter_name_\d\d"}
"""Fields of the form that are sent back as they are, and need not be there."""


def sip_of_page(page: str) -> str | None:
    """The stored `alg_sip`: a hidden field and the script must say the same."""
    fields = [c.value for c in _of_form(page) if c.name == "alg_sip"]
    shown = _by_script(page, "id", "sip")
    return shown if shown is not None and fields == [shown] else None


def _by_script(page: str, how: str, target: str) -> str | None:
    """The value that `set_checked("...", get_by_id("target"))` puts on the screen."""
    pattern = rf'set_checked\(\s*"([^"\n]*)"\s*,\s*get_by_{how}\(\s*"{target}"\s*\)\s*\)'
    found = set(re.findall(pattern, page))
    return found.pop() if len(found) == 1 else None


def _of_form(page: str) -> list[Control]:
    return [c for c in controls(page) if c.form == "apply.cgi"]


def form(page: str, name: str) -> dict[str, str]:
    """Everything that a browser would send for a page. Raises ValueError that says what is not as it must be."""
    fields: dict[str, str] = {}
    for control in _of_form(page):
        known = (*_FRAME, *_SPOKEN, *_STORED[name])
        if control.kind == "radio" and control.name in known:
            value = _by_script(page, "name", control.name)
            if value is None or not value.isdigit():
                raise ValueError(f"{name} does not say the value of '{control.name}'")
        elif control.kind in ("hidden", "text") and (control.name in known or re.fullmatch(_ALONG[name], control.name)):
            if control.name in fields:
                raise ValueError(f"{name} has the field '{control.name}' twice")
            value = control.value
        elif re.fullmatch(_SCREEN[name], control.name) and control.kind != "hidden":
            continue
        else:
            raise ValueError(f"{name} has the field '{control.name}', which is not known")
        fields[control.name] = value
    for key, expected in {**_FRAME, "html_response_return_page": name}.items():
        if fields.get(key) != expected:
            raise ValueError(f"{name} is not the page that is known: '{key}' is not '{expected}'")
    for key in (*_SPOKEN, *_STORED[name]):
        if key not in fields:
            raise ValueError(f"{name} lacks the field '{key}'")
    return fields


def hidden(page: str, names: tuple[str, ...]) -> dict[str, str] | None:
    """The values of hidden fields anywhere on a page; None unless each is there once."""
    found = [(c.name, c.value) for c in controls(page) if c.kind == "hidden" and c.name in names]
    return dict(found) if sorted(name for name, _value in found) == sorted(names) else None


def applications_in_use(page: str) -> bool:
    """Whether ports are opened on demand: the page would refuse a forward that overlaps them."""
    return any(re.match(r"application_\d\d$", c.name) and c.value.startswith("1/") for c in controls(page))


# -- families B and C: documents ----------------------------------------------------------------------------------


def document(text: str) -> ET.Element | None:
    """The root of an XML text without name spaces. A text that declares entities is none of theirs."""
    if "<!" in text.replace("<!--", ""):
        return None
    try:
        root = ET.fromstring(text.strip().encode("utf-8"))
    except ET.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    return root


_PARTS = ("dos", "spi", "applications", "alg", "cone", "anti_spoof")
_NODES = (
    "dos/enable", "spi/enable", "alg/pptp", "alg/rtsp", "alg/sip", "alg/ipsec", "cone/udp_cone", "cone/tcp_cone",
    "anti_spoof/enable",
)  # fmt: skip


def module(root: ET.Element | None, service: str) -> ET.Element | None:
    """The one module of that service in an answer of getcfg.php."""
    found = [m for m in root.findall("module") if _text(m, "service") == service] if root is not None else []
    return found[0] if len(found) == 1 and root is not None and root.tag == "postxml" else None


def _text(element: ET.Element, path: str) -> str | None:
    """The text at a path that is there once."""
    found = element.findall(path)
    return (found[0].text or "").strip() if len(found) == 1 else None


def sip_of_module(text: str) -> str | None:
    """`acl/alg/sip` of the module ACL."""
    found = module(document(text), "ACL")
    return _text(found, "acl/alg/sip") if found is not None else None


def acl(text: str, changes: Mapping[str, str] | None = None) -> str:
    """The document to post, with nodes (paths below `acl`) changed. Raises ValueError where it is not whole."""
    root = document(text)
    found = module(root, "ACL")
    body = found.find("acl") if found is not None else None
    if root is None or found is None or body is None:
        raise ValueError("getcfg.php does not give the module ACL")
    for node in _NODES:
        if _text(body, node) is None:
            raise ValueError(f"the module ACL lacks the node '{node}'")
    strange = [part.tag for part in body if part.tag not in _PARTS] + [
        m.tag for m in found if m.tag not in ("service", "acl")
    ]
    if strange:
        raise ValueError(f"the module ACL has the node '{strange[0]}', which is not known")
    for node, value in (changes or {}).items():
        body.findall(node)[0].text = value
    for other in root.findall("module"):
        if other is not found:
            for tag in ("FATLADY", "SETCFG", "ACTIVATE"):
                ET.SubElement(other, tag).text = "ignore"
    return ET.tostring(root, encoding="unicode")


SIX = ("SPIIPv4", "AntiSpoof", "ALGPPTP", "ALGIPSec", "ALGRTSP", "ALGSIP")
TRUE, FALSE = ("true", "1"), ("false", "0", "")


def answer(text: str, action: str) -> ET.Element | None:
    """The answer to an HNAP1 action, if it went well."""
    root = document(text)
    found = root.findall(f".//{action}Response") if root is not None else []
    return found[0] if len(found) == 1 and _text(found[0], f"{action}Result") in ("OK", "success") else None


def six(text: str) -> dict[str, str]:
    """The six elements as `true` and `false`. Raises ValueError where one is missing or says something else."""
    found = answer(text, "GetFirewallSettings")
    if found is None:
        raise ValueError("GetFirewallSettings is not answered")
    values = {}
    for name in SIX:
        value = _text(found, name)
        if value is None or value.lower() not in (*TRUE, *FALSE):
            raise ValueError(f"GetFirewallSettings does not say '{name}'")
        values[name] = "true" if value.lower() in TRUE else "false"
    strange = [e.tag for e in found if e.tag not in (*SIX, "GetFirewallSettingsResult")]
    if strange:
        raise ValueError(f"GetFirewallSettings has the element '{strange[0]}', which is not known")
    return values


def sip_of_six(text: str) -> str | None:
    """`ALGSIP` as `true` or `false`, whatever the others say."""
    found = answer(text, "GetFirewallSettings")
    value = _text(found, "ALGSIP") if found is not None else None
    return (
        None if value is None or value.lower() not in (*TRUE, *FALSE) else "true" if value.lower() in TRUE else "false"
    )
