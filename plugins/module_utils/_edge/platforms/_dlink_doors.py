# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How D-Link home routers are recognised, entered, asked and told: three families with nothing in common but the name.

A line is `GET <what>` or `SET <what> <name> "old" -> "new"`. A SET reads the page or document right before, refuses where the value
is no longer the old one, and posts the whole of it with that one value changed: so what somebody else changed meanwhile stays.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import random
import re
import string
import time
from dataclasses import dataclass, field
from typing import Any, Callable
from weakref import WeakKeyDictionary

from ..core.errors import CommandRefused, LoginRefused, Refusal, UnknownReply
from ..core.pages import script_var
from ..core.text import first_match
from ..transports.http import HttpSession, Reply
from . import _dlink_text as text
from .base import Peek

NAMESPACE = "http://purenetworks.com/HNAP1/"
IDENTITY = "GET identity"
CAMEO, ALPHA, HNAP, OTHER = "A", "B", "C", ""


@dataclass
class Box:
    """What a device shows of itself without a login, and what a session with it has to remember."""

    family: str
    model: str | None = None
    firmware: str | None = None
    front: str = ""
    may_change: bool = True
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    moment: int = 0
    challenged: bool = False

    def document(self) -> str:
        """What the platform goes by."""
        known = {"family": self.family, "model": self.model, "firmware": self.firmware, "may_change": self.may_change}
        return json.dumps({"dlink": known})


_BOXES: WeakKeyDictionary[HttpSession, Box] = WeakKeyDictionary()


# -- recognition --------------------------------------------------------------------------------------------------


def seen(peek: Peek) -> Box | None:
    """The family by its own marks; None where nothing shows a D-Link. Raises UnknownReply for marks of two families."""
    front, about = peek("GET /"), peek("GET /HNAP1/")
    server = front.headers.get("server", "") if front is not None else ""
    page = _whole(front) if front is not None else ""
    known = text.answer(about.text(), "GetDeviceSettings") if about is not None else None
    listed = {(e.text or "").strip().rpartition("/")[2] for e in known.iter()} if known is not None else set()
    cameo = _marked(page) == CAMEO
    hnap = _marked(page) == HNAP or "GetFirewallSettings" in listed
    by_server = re.search(r"\bHTTP/1\.1, (DIR-\w+) Ver (\S+)", server)
    ours = known is not None and re.sub("[- ]", "", known.findtext("VendorName") or "").lower() == "dlink"
    if cameo and hnap:
        raise UnknownReply("the device shows marks of two families of D-Link firmware; it is not read")
    if not (cameo or hnap or by_server or ours or re.search(r"d-link", page, re.I)):
        return None
    box = Box(CAMEO if cameo else HNAP if hnap else OTHER, front=page if cameo else "")
    if known is not None and ours:
        box.model, box.firmware = known.findtext("ModelName") or None, known.findtext("FirmwareVersion") or None
    if by_server:
        box.model, box.firmware = box.model or by_server.group(1), box.firmware or by_server.group(2)
    if cameo:
        _header(box, page)
    if box.family == OTHER and known is None and not by_server:
        box.model = None
    return box


def _whole(reply: Reply) -> str:
    """A page, and where it leads."""
    return f"{reply.headers.get('location', '')} {reply.text()}"


def _marked(page: str) -> str:
    """The family that a first page shows, OTHER where it shows none."""
    if "D-LINK CORPORATION, INC | WIRELESS ROUTER" in page or "login_auth.asp" in page:
        return CAMEO
    return HNAP if "/info/Login.html" in page else OTHER


def _header(box: Box, page: str) -> None:
    """Family A: the lines above each page, which have the hardware version, too."""
    shown = html.unescape(re.sub(r"<[^>]*>", " ", page))
    model = first_match(r"Product Page:\s*(\S+)", shown)
    hardware = first_match(r"Hardware Version:[ \xa0]*(\w+)", shown)
    box.firmware = first_match(r"Firmware Version:[ \xa0]*([\w.]+)", shown) or box.firmware
    box.model = " ".join(word for word in (model or box.model, hardware) if word) or None


def _is_alpha(session: HttpSession) -> bool:
    """Asked without a login, and never for accounts: some old builds gave passwords away there."""
    reply = session.request("POST", "/getcfg.php", form={"SERVICES": "ACL"}, reads=True)
    root = text.document(reply.text()) if reply.status == 200 else None
    if root is None:
        return False
    refused = root.findtext("result") == "FAILED" and "Not authorized" in (root.findtext("message") or "")
    return refused or text.module(root, "ACL") is not None


# -- log in and out -----------------------------------------------------------------------------------------------


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt, by the way of the family. To a device whose family is not known no password is sent."""

    def peek(line: str) -> Reply:
        """Where a redirect leads is a mark itself; another one is followed."""
        path = line.split(" ", 1)[1]
        reply = session.request("GET", path, follow=False)
        return (
            reply
            if reply.status < 300 or reply.status >= 400 or _marked(_whole(reply))
            else session.request("GET", path)
        )

    box = seen(peek)
    if box is None:
        raise UnknownReply("neither its first page nor /HNAP1/ shows a D-Link home router; no password was sent")
    if box.family == OTHER and _is_alpha(session):
        box.family = ALPHA
    if box.family == OTHER and box.model is None:
        raise UnknownReply("it is a D-Link of a kind that is not known here; no password was sent")
    _BOXES[session] = box
    enter = {CAMEO: _enter_cameo, ALPHA: _enter_alpha, HNAP: _enter_hnap}.get(box.family)
    if enter is not None:
        enter(session, box, bool(extra.get("take_over")))


def _refused(session: HttpSession, why: str = "") -> LoginRefused:
    tail = f": {why}" if why else ""
    return LoginRefused(f"the login of user '{session.login.user}' was refused (one attempt was made){tail}")


def _odd_base64(secret: str) -> str:
    """As the login page makes it: where two bytes are left over it ends in A and not in =."""
    try:
        plain = base64.b64encode(secret.encode("latin-1")).decode("ascii")
    except UnicodeEncodeError:
        raise LoginRefused("the login page of this device cannot send such a name or password") from None
    return plain[:-1] + "A" if plain.endswith("=") and not plain.endswith("==") else plain


def _enter_cameo(session: HttpSession, box: Box, take_over: bool) -> None:
    if "log_pass" not in box.front and "login_auth.asp" not in box.front and not take_over:
        raise Refusal(
            "somebody is logged in from the address of this controller, and the device tells people apart by their address. "
            "Log out there, or set voip_edge_take_over: true"
        )
    if script_var(box.front, "auth") == "1":
        raise LoginRefused(
            "the login asks for the characters of a picture; switch the graphical authentication off in its pages"
        )
    password = _odd_base64(session.login.password or "")
    form = {
        "html_response_page": "login_fail.asp", "login_name": _odd_base64(session.login.user or ""), "login_pass": password,
        "graph_id": "", "log_pass": password, "graph_code": "", "Login": "Log In",
    }  # fmt: skip
    reply = session.request("POST", "/login.cgi", form=form, reads=True, follow=False)
    if reply.status >= 400 or _is_login_page(_whole(reply)):
        raise _refused(session)
    box.may_change = (session.login.user or "").lower() != "user"


def _is_login_page(page: str) -> bool:
    return any(mark in page for mark in ("log_pass", "login_fail", "login_auth", "WIRELESS ROUTER | LOGIN"))


def _hmac(key: str, message: str) -> str:
    """HMAC-MD5 in capitals: it is what these devices ask for."""
    return hmac.new(key.encode("utf-8"), message.encode("utf-8"), _md5).hexdigest().upper()


def _md5(data: bytes = b"") -> Any:
    return hashlib.md5(data, usedforsecurity=False)


def _json(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.text()) if reply.status == 200 else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _enter_alpha(session: HttpSession, box: Box, _take_over: bool) -> None:
    user, password = session.login.user or "", session.login.password or ""
    box.may_change = user.lower() != "user"
    offer = _json(session.request("GET", f"/authentication.cgi?captcha=&dummy={int(time.time() * 1000)}"))
    uid, challenge = offer.get("uid"), offer.get("challenge")
    if isinstance(uid, str) and uid and isinstance(challenge, str) and challenge:
        box.challenged = True
        box.headers["Cookie"] = f"uid={uid}"
        form = {"id": user, "password": _hmac(password, user + challenge)}
        said = _json(session.request("POST", "/authentication.cgi", form=form, headers=box.headers, reads=True))
        if str(said.get("status", "")).lower() not in ("ok", "success"):
            raise _refused(session)
        return
    # this cookie is a name for the session that the client chooses, as the device's own pages do
    box.headers["Cookie"] = "uid=" + "".join(random.SystemRandom().choices(string.ascii_letters + string.digits, k=10))
    form = {"REPORT_METHOD": "xml", "ACTION": "login_plaintext", "USER": user, "PASSWD": password, "CAPTCHA": ""}
    reply = session.request("POST", "/session.cgi", form=form, headers=box.headers, reads=True)
    root = text.document(reply.text()) if reply.status == 200 else None
    if root is None or root.findtext("RESULT") != "SUCCESS":
        reason = (root.findtext("REASON") or "") if root is not None else ""
        if "captcha" in reason.lower():
            reason = "it asks for the characters of a picture; switch the graphical authentication off in its pages"
        raise _refused(session, reason)
    box.may_change = box.may_change and root.findtext("AUTHORIZED_GROUP") in (None, "0")


def _enter_hnap(session: HttpSession, box: Box, _take_over: bool) -> None:
    user, password = session.login.user or "", session.login.password or ""
    box.key = "withoutloginkey"

    def login(action: str, proof: str) -> Reply:
        inner = (
            f"<Action>{action}</Action><Username>{html.escape(user)}</Username><LoginPassword>{proof}</LoginPassword>"
        )
        inner += "<Captcha></Captcha>"
        return _call(session, box, "Login", inner, reads=True)

    offer = text.answer(login("request", "").text(), "Login")
    values = [
        (offer.findtext(name) or "").strip() if offer is not None else ""
        for name in ("Challenge", "Cookie", "PublicKey")
    ]
    challenge, cookie, public = values
    if not all(re.fullmatch(r"[\x21-\x3a\x3c-\x7e]+", value) for value in values):
        raise LoginRefused("the device offers no challenge for a login; it may ask for the characters of a picture")
    box.key = _hmac(public + password, challenge)
    box.headers["Cookie"] = f"uid={cookie}; PrivateKey={box.key}"
    if text.answer(login("login", _hmac(box.key, challenge)).text(), "Login") is None:
        raise _refused(session)


def log_out(session: HttpSession) -> None:
    """Family C has none that is known: its session ends by itself."""
    box = _BOXES.get(session)
    if box is None or box.family in (HNAP, OTHER):
        return
    if box.family == CAMEO:
        session.request("GET", "/logout.cgi")
    elif box.challenged:
        session.request("GET", "/authentication_logout.cgi", headers=box.headers)
    else:
        form = {"REPORT_METHOD": "xml", "ACTION": "logout"}
        session.request("POST", "/session.cgi", form=form, headers=box.headers, reads=True)


# -- requests -----------------------------------------------------------------------------------------------------

_SET = re.compile(r'^SET (\S+) (\S+) ("(?:[^"\\]|\\.)*") -> ("(?:[^"\\]|\\.)*")$')


def setting(where: str, name: str, old: str, new: str) -> str:
    """The line that changes a value."""
    return f"SET {where} {name} {json.dumps(old)} -> {json.dumps(new)}"


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """Carries out a line. Raises CommandRefused, and what a request raises."""
    box = _BOXES[session]
    if line == IDENTITY:
        return Reply(200, {}, box.document().encode("utf-8"), IDENTITY)
    if line.startswith("GET "):
        return _get(session, box, line.removeprefix("GET "))
    found = _SET.match(line)
    if reads or found is None:
        raise AssertionError(f"this is no line of a D-Link: {line}")
    where, name, old, new = found.group(1), found.group(2), json.loads(found.group(3)), json.loads(found.group(4))
    setters: dict[str, Callable[..., Reply]] = {CAMEO: _set_cameo, ALPHA: _set_alpha, HNAP: _set_hnap}
    if box.family not in setters:
        raise CommandRefused(line, "nothing is known about how this device is changed")
    current = _get(session, box, where)
    said = refusal(current)
    if said is not None:
        raise CommandRefused(line, said)
    try:
        return setters[box.family](session, box, (where, name, old, new), current.text())
    except ValueError as error:
        raise CommandRefused(line, str(error)) from None


Change = tuple[str, str, str, str]
"""Where, name, old value, new value."""


def _get(session: HttpSession, box: Box, what: str) -> Reply:
    if box.family == CAMEO:
        return session.request("GET", "/" + what)
    if box.family == ALPHA:
        return session.request("POST", "/getcfg.php", form={"SERVICES": what}, headers=box.headers, reads=True)
    if box.family == HNAP:
        return _call(session, box, "Get" + what, "", reads=True)
    raise UnknownReply("nothing is read of a device whose family is not known")


def _still(change: Change, current: str | None) -> None:
    _where, name, old, _new = change
    if current != old:
        raise ValueError(f"'{name}' is no longer '{old}': somebody else changed it")


def _set_cameo(session: HttpSession, _box: Box, change: Change, page: str) -> Reply:
    where, name, _old, new = change
    fields = text.form(page, where)
    if where == text.FIREWALL and text.sip_of_page(page) != fields["alg_sip"]:
        raise ValueError(f"{where} says two things about '{name}'")
    _still(change, fields.get(name))
    reply = session.request("POST", "/apply.cgi", form={**fields, name: new}, follow=False)
    if "Only admin account can change the settings" in reply.text():
        raise ValueError("Only admin account can change the settings.")
    return reply


def _set_alpha(session: HttpSession, box: Box, change: Change, document: str) -> Reply:
    """Checked first, then carried out, saved and made live in one: only the second of the two changes anything."""
    _where, name, _old, new = change
    posted = text.acl(document, {name: new})
    _still(change, text.sip_of_module(document))
    headers = {**box.headers, "Content-Type": "text/xml"}
    checked = session.request("POST", "/hedwig.cgi", body=posted, headers=headers)
    if not _said_ok(checked):
        return checked
    done = session.request("POST", "/pigwidgeon.cgi", form={"ACTIONS": "SETCFG,SAVE,ACTIVATE"}, headers=box.headers)
    _said_ok(done)
    return done


def _said_ok(reply: Reply) -> bool:
    """Whether it went well; no is said by `refusal`. Raises ValueError for an answer that is neither."""
    root = text.document(reply.text()) if reply.status == 200 else None
    if root is not None and root.findtext("result") == "OK":
        return True
    if refusal(reply) is None:
        raise ValueError(f"the answer is not understood: {reply.excerpt()}")
    return False


def _set_hnap(session: HttpSession, box: Box, change: Change, document: str) -> Reply:
    """All six elements, always: what is left out is stored as off."""
    where, name, _old, new = change
    values = text.six(document)
    _still(change, values.get(name))
    values[name] = new
    return _call(session, box, "Set" + where, "".join(f"<{key}>{values[key]}</{key}>" for key in text.SIX), reads=False)


def _call(session: HttpSession, box: Box, action: str, inner: str, reads: bool) -> Reply:
    """One HNAP1 call. The time in its signature has to grow."""
    box.moment = max(int(time.time() * 1000), box.moment + 1)
    quoted = f'"{NAMESPACE}{action}"'
    headers = {
        **box.headers,
        "Content-Type": "text/xml; charset=utf-8",
        "SOAPAction": quoted,
        "HNAP_AUTH": f"{_hmac(box.key, f'{box.moment}{quoted}')} {box.moment}",
    }
    body = (
        '<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
        f'<{action} xmlns="{NAMESPACE}">{inner}</{action}></soap:Body></soap:Envelope>'
    )
    return session.request("POST", "/HNAP1/", body=body, headers=headers, reads=reads)


def refusal(reply: Reply) -> str | None:
    """The device's own word for no; a login page that comes instead of what was asked is one, too."""
    if reply.status >= 400:
        return f"HTTP {reply.status} {reply.excerpt()}".strip()
    said = _whole(reply)
    if _is_login_page(said):
        return "the login page came back: there is no session"
    word = first_match(r"<result>\s*(\w+)\s*</result>", said)
    if word == "BUSY":
        return "BUSY: another administrator is saving settings. Nothing was changed; try again later"
    if word not in (None, "OK"):
        details = [first_match(rf"<{tag}>([^<]*)</{tag}>", said) or "" for tag in ("node", "message")]
        return " ".join(part.strip() for part in (str(word), *details) if part.strip())
    result = first_match(r"<\w+Result>\s*(\w+)\s*</\w+Result>", said)
    if result == "REBOOT":
        return "REBOOT: this firmware takes the change only with a restart, which is not made here"
    return None if result in (None, "OK", "success") else f"the device answers {result}"
