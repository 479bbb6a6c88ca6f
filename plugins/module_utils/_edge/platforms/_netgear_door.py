# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How one gets into a NETGEAR home router, asks it and posts to it. One administrator at a time; sources as in `netgear_genie`."""

from __future__ import annotations

import re
from typing import Any, Callable
from urllib.parse import parse_qsl, quote, urlencode

from ..core.errors import CommandRefused, EdgeError, LoginRefused, Refusal, UnknownReply
from ..core.pages import Control, forms, script_var
from ..transports.http import HttpLoginRefused, HttpSession, Reply
from ._netgear_pages import (
    ABOUT,
    ASP,
    MECHANISMS,
    NEW_RULE,
    READABLE,
    RULES,
    SIP_OFF,
    WAN,
    Form,
    about,
    held,
    service_line,
    table_of,
    wan_page,
    whole,
)


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """Without the password first: the answer shows the realm, and hands out the cookie that some firmware wants with the login."""
    hello = session.request("GET", "/")
    text = hello.text()
    if "sso_login.cgi" in text:
        return  # the newer login page: recognised, and not entered
    if hello.status != 401 and not held(text):
        raise UnknownReply(
            f"GET / answers {hello.status} and asks for no login as these routers do. No password was sent"
        )
    realm = hello.headers.get("www-authenticate", "")
    if "netgear" not in realm.lower() and about(session.request("GET", ABOUT).text()) is None:
        raise UnknownReply("it does not show itself as a NETGEAR router. No password was sent")
    session.use_basic(session.login.user or "", session.login.password or "")
    try:
        page = session.request("GET", "/").text()
        if held(page) and extra.get("take_over"):
            _take_over(session, held(page) or "")
            page = session.request("GET", "/").text()
    except HttpLoginRefused:
        raise  # not inside: there is nothing to leave
    except EdgeError:
        leave(session)
        raise
    if held(page):
        raise LoginRefused(
            "another administrator is logged in, and the router lets in one at a time. Wait until they are gone, "
            "or set voip_edge_take_over: true to end their session"
        )


def _take_over(session: HttpSession, page: str) -> None:
    """Ends the session of the other administrator, as that was asked for."""
    if page == "multi_login.html":
        try:
            session.request("GET", "/change_user.html")
        except HttpLoginRefused:  # it asks everybody to log in anew
            session.use_basic(session.login.user or "", session.login.password or "")
        return
    question = session.request("GET", f"/{page}").text()
    action = next((a for a in forms(question) if re.fullmatch(r"/?multi_login\.cgi\?id=[0-9A-Za-z]+", a)), None)
    if action is None:
        raise UnknownReply("the page that asks whether to end the other session has no form that is known here")
    session.request("POST", "/" + action.lstrip("/"), form={"yes": "", "act": "yes"}, reads=True)


def leave(session: HttpSession) -> None:
    """Logs out. Raises nothing: the router forgets who is idle by itself, after some minutes."""
    try:
        session.request("GET", "/LGO_logout.htm")
    except EdgeError:
        return


def refusal(reply: Reply) -> str | None:
    text = reply.text()
    if held(text):
        return "another administrator is logged in"
    if _stale(reply):
        return "the token of the page was not accepted"
    return f"HTTP {reply.status}" if reply.status >= 400 else None


def _stale(reply: Reply) -> bool:
    return reply.status == 400 or re.search(r"location\.href\s*=\s*[\"']/?csrf_timeout\.htm", reply.text()) is not None


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """`GET PAGE`; `POST PAGE fields` of the WAN page; `ADD` and `REMOVE` of a service. Tokens are fetched right before a post."""
    verb, _sep, rest = line.partition(" ")
    path, _sep, body = rest.partition(" ")
    if verb == "GET" and path in READABLE and not body:
        return session.request("GET", path)
    fields = dict(parse_qsl(body, keep_blank_values=True))
    if not reads and verb == "POST" and path in (WAN, ASP):
        return _post(session, line, lambda: _wan_post(session, path, fields))
    if not reads and verb in ("ADD", "REMOVE") and path == RULES and set(fields) == {"name", "ports", "host"}:
        make = _add_post if verb == "ADD" else _remove_post
        return _post(session, line, lambda: make(session, fields))
    raise Refusal(f"'{verb} {path}' is no {'read' if reads else 'request'} of this platform")


def _post(session: HttpSession, line: str, make: Callable[[], tuple[str, dict[str, str]]]) -> Reply:
    """Posts what `make` builds of a page that it reads now; a token that is not accepted was refused, so once more with a new one."""
    for _attempt in range(2):
        try:
            action, fields = make()
        except ValueError as error:
            raise CommandRefused(" ".join(line.split(" ")[:2]), f"not sent: {error}") from None
        reply = session.request("POST", action, form=fields)
        if not _stale(reply):
            break
    return reply


def _wan_post(session: HttpSession, path: str, wanted: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Raises ValueError where the page is another one than the line was made for: it would put old values back."""
    page = wan_page(session.request("GET", path).text())
    if page.family not in MECHANISMS or page.problem:
        raise ValueError(page.problem or page.evidence)
    own = SIP_OFF[page.family]
    have = {k: v for k, v in page.fields if k not in own}
    want = {k: v for k, v in wanted.items() if k not in own}
    changed = sorted(k for k in {*have, *want} if have.get(k) != want.get(k))
    if changed:
        raise ValueError(f"somebody changed the page meanwhile: {', '.join(changed)}")
    return page.action, wanted


ADD_COMPUTED = (
    "serflag", "service_ip", "hidden_portname", "hidden_port_range", "hidden_port_int_start", "hidden_port_int_end", "port_start",
    "port_end", "portname", "srvtype", "exter_port", "same_range", "internal_port", "server_ip1", "server_ip2", "server_ip3",
    "server_ip4", "submit_flag",
)  # fmt: skip
LIST_KNOWN = {
    "submit_flag", "select_edit", "select_edit_num", "select_del", "select_del_num", "hidden_service_name", "hidden_protocol",
    "hidden_external_portstart", "hidden_external_portend", "hidden_internal_portstart", "hidden_internal_portend", "service_ip",
    "serflag", "real_select", "hidden_same_range", "serv_type", "svs_gm", "SV_IP1", "SV_IP2", "SV_IP3", "SV_IP4", "RouteSelect",
    "Edit Service", "Add Custom Service", "Arrange by Internal IP", "Delete Service", "Add",
}  # fmt: skip


def _rule_page(
    session: HttpSession, path: str, known: set[str], needed: tuple[str, ...]
) -> tuple[str, str, tuple[Control, ...]]:
    """Text, address of the post and controls. Raises ValueError for a page that is not as it is known here."""
    text = session.request("GET", path).text()
    form = Form(text, known, needed)
    action = next((a for a in forms(text) if re.fullmatch(r"/?apply\.cgi\?/forwarding\w*\.htm timestamp=\d+", a)), "")
    if form.faults or not action or not whole(text):
        raise ValueError("; ".join(form.faults) or "the form has no token, or the page did not come to its end")
    return text, quote("/" + action.lstrip("/"), safe="/?=&"), form.found


def _add_post(session: HttpSession, wanted: dict[str, str]) -> tuple[str, dict[str, str]]:
    session.request("GET", RULES)  # a browser comes from there, and it is what makes the token of the next page good
    text, action, _found = _rule_page(
        session, NEW_RULE, {*ADD_COMPUTED, "MacSelect", "Apply", "Cancel"}, ADD_COMPUTED[:-1]
    )
    table = table_of(text)
    spans = [(int(a), int(b or a)) for a, b in re.findall(r"(\d+)(?:-(\d+))?", wanted["ports"])]
    if table is None or any(r.name == wanted["name"] for r in table):
        raise ValueError(
            "the rules cannot be read" if table is None else f"there is a service {wanted['name']} already"
        )
    if any(r.takes_udp and r.first <= last and first <= r.last for r in table for first, last in spans):
        raise ValueError("somebody forwarded some of these ports meanwhile")
    starts, ends = ("".join(f"{span[at]}," for span in spans) for at in (0, 1))
    name, host = wanted["name"].replace("&", "&#38;").replace(" ", "&harr;"), wanted["host"]
    octets = {f"server_ip{n}": octet for n, octet in enumerate(host.split("."), 1)}
    return action, {
        "submit_flag": "forwarding_add_range", "serflag": "0", "service_ip": host, "hidden_portname": name, "hidden_port_range": "1",
        "hidden_port_int_start": starts, "hidden_port_int_end": ends, "port_start": starts, "port_end": ends, "portname": name,
        "srvtype": "UDP", "exter_port": wanted["ports"], "same_range": "same_range", "internal_port": wanted["ports"], **octets,
    }  # fmt: skip


def _remove_post(session: HttpSession, wanted: dict[str, str]) -> tuple[str, dict[str, str]]:
    text, action, found = _rule_page(session, RULES, LIST_KNOWN, ("select_del", "select_del_num"))
    rows = [(at, rule) for at, rule in enumerate(table_of(text) or (), 1) if rule.name == wanted["name"]]
    group = [rule for _at, rule in rows]
    together = rows and rows[-1][0] - rows[0][0] == len(rows) - 1
    if not together or service_line("REMOVE", group) != f"REMOVE {RULES} {urlencode(wanted, safe=',')}":
        raise ValueError(f"the service {wanted['name']} is gone, or not as it was made")
    if any(r.protocol != "UDP" or r.inside_first != r.first for r in group):
        raise ValueError(f"the service {wanted['name']} is not as it was made")
    fields = {
        c.name: c.value for c in found if c.kind in ("hidden", "select", "text") or (c.kind == "radio" and c.checked)
    }
    octets = (script_var(text, "lan_ip") or "").split(".")[:3]
    fields.update({f"SV_IP{n}": octet for n, octet in enumerate(octets, 1)})
    chosen = {"submit_flag": "forwarding_del_range", "select_del": str(rows[0][0]), "select_del_num": str(len(rows))}
    return action, {**fields, **chosen}
