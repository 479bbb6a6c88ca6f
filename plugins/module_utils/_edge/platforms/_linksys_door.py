# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a Linksys is entered, asked and written to: by JNAP without a session, or by the old pages with a key in each address."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from ..core.errors import (
    CommandRefused,
    ConnectionLost,
    DeviceTimeout,
    LoginRefused,
    Refusal,
    UnknownReply,
    Unreachable,
)
from ..core.pages import controls, script_var
from ..core.text import first_match
from ..transports.http import HttpSession, Reply
from ._linksys_answers import (
    BOXES,
    FIELDS,
    GATEWAY,
    LOCKED,
    MANAGEMENT,
    RANGE,
    SINGLE,
    action_of,
    boxes_of,
    document,
    family,
    is_login_page,
    output_of,
    refusal,
    services,
    table_of,
    uncommented,
    unlisted,
)
from .base import Peek, Sighting

IDENTIFY = "JNAP core/GetDeviceInfo, or the page with nf_alg_sip"
"""The line that asks a router what it is, in whichever of the two ways it was entered."""
READ_ACTIONS = ("core/GetDeviceInfo", "firewall/GetALGSettings", f"firewall/Get{SINGLE}", f"firewall/Get{RANGE}")
READ_PAGES = (GATEWAY, MANAGEMENT, "Forward.asp", "SingleForward.asp")
WAITS = {"DeviceRestart": (20.0, 10.0, 240.0), "WirelessInterruption": (0.0, 10.0, 120.0)}
"""Side effect of a JNAP write: seconds until the first look, between looks, and in all, as the vendor's app has them."""
LOGIN_FIELDS = ("submit_button", "change_action", "action", "wait_time", "submit_type", "http_username", "http_passwd")

ABOUT: dict[str, Any] = {
    "body": "{}",
    "headers": {
        "X-JNAP-Action": "http://linksys.com/jnap/core/GetDeviceInfo",
        "Content-Type": "application/json; charset=UTF-8",
    },
    "follow": False,
}
"""The request by which JNAP says what a router is, without a login."""


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt. A router that knows JNAP says what it is without a login; the others show a page or ask for Basic."""
    session.kept["root"] = "linksys"
    hello = session.request("POST", "/JNAP/", reads=True, **ABOUT)
    if "result" in document(hello.text()):
        _log_in_jnap(session, hello)
    elif hello.status in (301, 302, 401, 404) or is_login_page(hello.text()):
        _log_in_pages(session)
    else:
        raise UnknownReply(
            f"{hello.asked}: the answer (status {hello.status}) is none of JNAP's: {hello.excerpt()}. "
            "The router is restarting, was never set up, or is none of Linksys"
        )


def _log_in_jnap(session: HttpSession, hello: Reply) -> None:
    if document(hello.text()).get("result") == "_ErrorUnknownAction":
        session.kept["root"] = "cisco"
        hello = _jnap(session, "core/GetDeviceInfo", {}, True, secret=False)
    said = refusal(hello)
    if said is not None:
        raise UnknownReply(f"JNAP core/GetDeviceInfo: {said}")
    session.kept["door"] = "jnap"
    core = [int(n or 1) for n in re.findall(r"/jnap/core/Core(\d*)\b", " ".join(services(hello.text())))]
    number = "3" if max(core, default=1) >= 7 else "2" if max(core, default=1) >= 2 else ""
    body = {"adminPassword": session.login.password or ""}
    checked = _authorised(_jnap(session, f"core/CheckAdminPassword{number}", body, True))
    result = str(document(checked.text()).get("result"))
    # a firmware that cannot check a password says at the first read whether it takes ours
    if result not in ("OK", "_ErrorUnknownAction"):
        raise LoginRefused(f"JNAP core/CheckAdminPassword: {refusal(checked)}")


def _authorised(reply: Reply) -> Reply:
    """Raises LoginRefused: each further request would count as one more wrong password."""
    result = str(document(reply.text()).get("result"))
    if result in LOCKED:
        raise LoginRefused(f"JNAP: {LOCKED[result]}")
    return reply


def _log_in_pages(session: HttpSession) -> None:
    session.kept["door"] = "pages"
    user, password = session.login.user or "admin", session.login.password or ""
    hello = session.request("GET", "/")
    if hello.status == 401:
        if "basic" not in hello.headers.get("www-authenticate", "").lower():
            raise UnknownReply("the router asks for a log-in that is not known here")
        session.use_basic(user, password)
        return
    page = hello.text()
    if not is_login_page(page):
        raise UnknownReply(f"{hello.asked}: neither JNAP nor the log-in page of a Linksys: {hello.excerpt()}")
    fields = {c.name: c.value for c in controls(page) if c.form.endswith("login.cgi")}
    if sorted(fields) != sorted(LOGIN_FIELDS):
        odd = ", ".join(sorted(set(fields) ^ set(LOGIN_FIELDS)))
        raise UnknownReply(f"the log-in page asks for other things than name and password ({odd}); nothing was sent")
    session.kept["hash"] = hashed(password)  # as good as the password, so no message may show it
    fields.update(http_username=user, http_passwd=session.kept["hash"])
    reply = session.request("POST", "/login.cgi", form=fields, reads=True, follow=False)
    _admitted(session, reply)


def hashed(password: str) -> str:
    """The password with its length in two digits, repeated to 64 characters, as MD5: what the log-in page's script sends."""
    unit = f"{password}{len(password):02d}"
    text = (unit * 64)[:64]
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest()


def _admitted(session: HttpSession, reply: Reply) -> None:
    page, landing = reply.text(), urlsplit(reply.headers.get("location", ""))
    if is_login_page(page) or reply.status == 401 or landing.path.lower().endswith("login.asp"):
        status = script_var(page, "session_status")
        why = {"2": "the session timed out", "3": "name or password is wrong"}.get(
            status or "", "the router does not say why"
        )
        raise LoginRefused(f"the log-in was refused (one attempt was made): {why}")
    query = parse_qs(landing.query)
    keys = {*query.get("session_id", []), *re.findall(r"session_id=([\w.-]+)", page)}
    if script_var(page, "session_key"):
        keys.add(script_var(page, "session_key") or "")
    if reply.status >= 400 or len(keys) > 1:
        session.kept["session_id"] = ""
        log_out(session)  # it may have let us in
        raise UnknownReply(f"{reply.asked}: the answer to the log-in is not understood (status {reply.status})")
    session.kept["session_id"] = keys.pop() if keys else ""


def log_out(session: HttpSession) -> None:
    """JNAP and Basic have no session; the pages have one, which their own link ends by this field."""
    if session.kept.get("session_id") is not None:
        session.request("POST", "/login.cgi", form={"submit_button": "logout"}, reads=True, follow=False)


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """Lines: IDENTIFY, `GET Page.asp`, `JNAP service/Action`, and those that write, which are listed here."""
    words = line.split(" ", 2)
    if line == IDENTIFY:
        jnap = session.kept["door"] == "jnap"
        return _jnap(session, "core/GetDeviceInfo", {}, True, secret=False) if jnap else _switch_page(session)
    if words[0] == "GET" and len(words) == 2 and words[1] in READ_PAGES:
        return _page(session, words[1])
    if words[0] == "JNAP" and len(words) == 2 and words[1] in READ_ACTIONS:
        return _authorised(_jnap(session, words[1], {}, True))
    if not reads:
        if re.fullmatch(r'JNAP firewall/SetALGSettings \{"isSIPEnabled": ?(true|false)\}', line):
            return _settled(session, _jnap(session, words[1], json.loads(words[2]), False))
        edit = re.fullmatch(rf"JNAP firewall/Set({SINGLE}|{RANGE}) (add|remove) (\d+) (\{{.*\}})", line)
        if edit is not None:
            return _edited(session, edit.group(1), edit.group(2), int(edit.group(3)) - 1, json.loads(edit.group(4)))
        if re.fullmatch(rf"POST {GATEWAY} nf_alg_sip=[01]", line):
            return _posted(session, line[-1])
    raise Refusal(f"'{line[:80]}' is no line that is sent to a Linksys{' in order to read' if reads else ''}")


def _jnap(session: HttpSession, action: str, body: Any, reads: bool, secret: bool = True) -> Reply:
    """One action. Raises UnknownReply where the answer is not JNAP's: a router that restarts or is not set up sends a page."""
    headers = {"X-JNAP-Action": f"http://{session.kept['root']}.com/jnap/{action}"}
    if secret:
        pair = f"admin:{session.login.password or ''}".encode()
        headers["X-JNAP-Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
    headers["Content-Type"] = "application/json; charset=UTF-8"
    reply = session.request("POST", "/JNAP/", body=json.dumps(body), headers=headers, reads=reads, follow=False)
    if "result" not in document(reply.text()):
        raise UnknownReply(
            f"JNAP {action}: the answer (status {reply.status}) is none of JNAP's: {reply.excerpt()}. "
            "The router is restarting, or was never set up"
        )
    return reply


def _page(session: HttpSession, name: str) -> Reply:
    key = session.kept.get("session_id")
    return session.request("GET", f"/{name}" + (f"?session_id={quote(key)}" if key else ""))


def _switch_page(session: HttpSession) -> Reply:
    """The page that holds the switch; where none does, the one after the log-in, which shows what the router is."""
    for name in (MANAGEMENT, GATEWAY):
        reply = _page(session, name)
        if reply.status < 400 and (family(reply.text()) or is_login_page(reply.text())):
            return reply
    return _page(session, "")


def _edited(session: HttpSession, kind: str, verb: str, at: int, rule: dict[str, Any]) -> Reply:
    """Reads a list, changes the one rule, and sends the list whole."""
    now = _jnap(session, f"firewall/Get{kind}", {}, True)
    table = table_of(now.text())
    if table is None:
        raise CommandRefused(f"JNAP firewall/Set{kind}", f"the list could not be read first: {refusal(now)}")
    rules = [json.loads(text) for text in table.rules]
    same = [i for i, have in enumerate(rules) if all(have.get(key) == value for key, value in rule.items())]
    if verb == "add" and not same:
        if table.most is None or len(rules) >= table.most:
            raise CommandRefused(f"JNAP firewall/Set{kind}", "the list is full")
        rules.insert(at, rule)
    elif verb == "remove" and same:
        del rules[same[-1]]
    else:
        return now  # it is as it should be already
    return _settled(session, _jnap(session, f"firewall/Set{kind}", {"rules": rules}, False))


def _settled(session: HttpSession, reply: Reply) -> Reply:
    """The answer to a write, once what the router does because of it is over. Raises DeviceTimeout after its deadline."""
    effects = document(reply.text()).get("sideEffects")
    named = [str(e) for e in (effects if isinstance(effects, list) else [effects]) if e]
    for effect in named:
        first, pause, limit = WAITS.get(effect, (0.0, 0.0, 0.0))
        deadline = time.monotonic() + limit
        time.sleep(first)
        while limit and not _answers(session):
            if time.monotonic() + pause > deadline:
                raise DeviceTimeout(f"the router did not come back within {limit:g} s after the change ({effect})")
            time.sleep(pause)
    return reply


def _answers(session: HttpSession) -> bool:
    try:
        return output_of(_jnap(session, "core/GetDeviceInfo", {}, True, secret=False).text()) is not None
    except (Unreachable, ConnectionLost, DeviceTimeout, UnknownReply):
        return False


def _posted(session: HttpSession, value: str) -> Reply:
    """Reads Gateway_Function.asp and posts it whole: the box as wanted, all else as it was read. Raises Refusal."""
    page = _page(session, GATEWAY).text()
    odd, action = unlisted(page), action_of(page)
    if odd or action is None:
        raise Refusal(f"{GATEWAY} is not as it is known: {odd}; nothing was sent")
    boxes = boxes_of(uncommented(page))
    fields = {c.name: c.value for c in controls(page)}
    fields.update({field: str(int(boxes[box] == "on")) for box, field in BOXES.items()})
    fields.update(submit_button="Gwfunc", gui_action="Apply", nf_alg_sip=value)
    return session.request("POST", action, form={name: fields[name] for name in FIELDS}, follow=False)


def sniff(peek: Peek) -> Sighting | None:
    """The old pages show the model before the log-in, JNAP to whom asks in its words."""
    reply = peek("GET /")
    if reply is None:
        return None
    realm = re.search(r'realm="Linksys ([\w -]+)"', reply.headers.get("www-authenticate", ""))
    if reply.status == 401 and realm:
        return Sighting(realm.group(1))
    page = reply.text()
    names = {c.name for c in controls(page) if c.form.endswith("login.cgi")}
    model = first_match(r"<h3>\s*([\w -]+?)\s*<span>\s*Wi-Fi Router", page)
    if model and names == set(LOGIN_FIELDS):
        return Sighting(model)
    about = peek("POST /JNAP/", **ABOUT)
    output = document(about.text()).get("output") if about is not None else None
    if not isinstance(output, dict) or output.get("manufacturer") != "Linksys":
        return None
    return Sighting(_word(output.get("modelNumber")), _word(output.get("firmwareVersion")))


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
