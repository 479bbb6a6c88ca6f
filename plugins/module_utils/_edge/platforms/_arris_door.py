# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How ARRIS Touchstone gateways are talked to: objects by OID in GET requests, a log-in that answers with its credential, and an apply.

Sources: two clients of the Virgin Media Hub 3, the scripts of the vendor's own pages, the vendor's MIB.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from ..core.errors import CommandRefused, ConnectionLost, DeviceTimeout, LoginRefused, UnknownReply, Unreachable
from ..core.forwards import OURS
from ..core.pages import forms
from ..transports.http import HttpSession, Reply

IDENTIFY = "GET identity"
"""The line that is answered by what the log-in showed."""
ROOT = "1.3.6.1.4.1.4115.1.20.1.1"
FIRMWARE, USER = f"{ROOT}.5.11.0", f"{ROOT}.5.16.1.2.1"
ALGS, MODES, LOCKS = f"{ROOT}.2.2.1.26", f"{ROOT}.2.2.1.21", f"{ROOT}.2.2.1.28"
"""Columns of the table of LANs: the ALG bits, bridge (1) or routed (2), and whether the operator closed the settings (1)."""
WALL, LEVEL, SERVERS_ON, SERVERS = f"{ROOT}.4.1.0", f"{ROOT}.4.9.0", f"{ROOT}.4.32.0", f"{ROOT}.4.12.1"
APPLY, REVERT = (f"{ROOT}.9.0", "1", "2"), (f"{ROOT}.2.6.0", "10", "2")
SIP_OCTET, SIP_BIT = 1, 0x10
"""SIP is bit 11 of the BITS, counted from the most significant one of the first octet."""
TYPES = {"2": "4", "3": "66", "4": "66", "5": "2", "6": "2", "7": "4", "9": "66", "10": "66", "11": "2"}
"""The columns of a virtual server with the type that a set of each names: name, ports outside, protocol, address, ports inside, state."""
UDP = ("0", "2")
LIVE, CREATE, DESTROY = "1", "5", "6"
WAITS: dict[str, tuple[float, ...]] = {"apply": (5.0, 5.0, 240.0), "busy": (1.0, 2.0, 4.0)}
"""Seconds: after an apply until the first look, between looks, and in all; and the pauses after a 500."""
RETRIES = 5
"""How often a session that broke off is opened again, as the client does it."""


# ---- answers --------------------------------------------------------------------------------------------------------


def pairs(text: str) -> dict[str, str] | None:
    """The objects of an answer; None where it is no JSON object of texts."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    good = isinstance(found, dict) and all(isinstance(value, str) for value in found.values())
    return found if good else None


def got(text: str, name: str) -> str | None:
    """One object; None where it was not shown."""
    value = (pairs(text) or {}).get(name)
    return None if value is None or value.lower().startswith("no such") else value


def octets(value: str) -> tuple[bytes, str] | None:
    """BITS as they are shown, with the label of that form; None where it is in doubt. SIP needs two octets, there are at most four."""
    for pattern, label in (
        (r"\$([0-9A-Fa-f]+)", "src"),
        (r"0[xX]([0-9A-Fa-f]+)", "inferred"),
        (r"([0-9A-Fa-f]{2}(?: [0-9A-Fa-f]{2})+)", "inferred"),
    ):
        shown = re.fullmatch(pattern, value)
        if shown is not None:
            digits = shown.group(1).replace(" ", "")
            return (bytes.fromhex(digits), label) if len(digits) in (4, 6, 8) else None
    # bytes as they are; what could be text is not taken for bytes
    raw = 2 <= len(value) <= 4 and all(ord(c) < 256 for c in value) and not value.isascii()
    return (value.encode("latin-1"), "inferred") if raw else None


def has_sip(value: str) -> bool | None:
    shown = octets(value)
    return None if shown is None else bool(shown[0][SIP_OCTET] & SIP_BIT)


def turned_to(value: str, on: bool) -> str:
    """The value with the bit of SIP set or cleared, the other bits and the length as they are."""
    bits = bytearray.fromhex(value[1:])
    bits[SIP_OCTET] = bits[SIP_OCTET] | SIP_BIT if on else bits[SIP_OCTET] & ~SIP_BIT
    return f"${bits.hex().upper()}"


# ---- the door -------------------------------------------------------------------------------------------------------


def _stamp(session: HttpSession) -> str:
    """The nonce of the session, and the time against caches."""
    return f"_n={session.kept['nonce']}&_={int(time.time() * 1000)}"


def _firmware(session: HttpSession) -> str:
    """Which family answers, before any password is sent. Raises UnknownReply."""
    reply = session.request("GET", f"/snmpGet?oids={USER};")
    if reply.status == 401 or _says(reply, USER):
        key = session.request("GET", "/factory/getPublicKey")
        return "S2" if is_key(key) else "S"
    page = session.request("GET", "/")
    if any("check.php" in form for form in forms(page.text())):
        return "P"
    raise UnknownReply(
        f"it does not answer like an ARRIS Touchstone ({reply.asked}: status {reply.status} {reply.excerpt()})"
    )


def is_key(reply: Reply) -> bool:
    return reply.status == 200 and re.fullmatch(r"[0-9A-Fa-f]{64,}:[0-9A-Fa-f]+", reply.text().strip()) is not None


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """One attempt, and none where the firmware is not of the family whose log-in is known."""
    session.kept["family"] = _firmware(session)
    session.kept["take_over"] = "yes" if extra.get("take_over") else ""
    if session.kept["family"] == "S":
        _enter(session)


def _enter(session: HttpSession) -> None:
    """Opens a session. Its credential is what the gateway answers. Raises LoginRefused, UnknownReply.

    A secret that was refused, or whose answer was lost, is not sent again.
    """
    if session.kept.get("shut"):
        raise LoginRefused("the gateway ended the session, and the log-in that was then tried did not come through")
    user, password = session.login.user or "", session.login.password or ""
    secret = base64.b64encode(f"{user}:{password}".encode()).decode()
    session.kept.update(nonce=str(10000 + secrets.randbelow(90000)), secret=secret, credential="")
    session.close()  # on a new line a request that is lost is not sent a second time
    session.kept["shut"] = "yes"
    try:
        reply = session.request("GET", f"/login?arg={secret}&{_stamp(session)}")
    except Unreachable:
        session.kept["shut"] = ""  # nothing was sent
        raise
    token = reply.text().strip()
    if reply.status == 401 or (reply.status == 200 and not token):
        raise LoginRefused(f"the login of user '{user}' was refused (one attempt was made)")
    if token == "can_not_login":
        raise LoginRefused(
            "the gateway lets nobody in: another session is open, or there were too many. Nobody is thrown out: try again later"
        )
    try:
        who = json.loads(base64.b64decode(token, validate=True)) if reply.status == 200 else None
    except ValueError:
        who = None
    if not isinstance(who, dict) or "modelname" not in who:
        raise UnknownReply(f"{reply.asked}: the answer (status {reply.status}) is not that of an ARRIS Touchstone")
    other = str(who.get("muti", ""))
    other = other if other in ("LAN", "GW_WAN") and not session.kept["take_over"] else ""
    session.kept.update(shut="", credential=token, model=str(who["modelname"]), other=other)


def log_out(session: HttpSession) -> None:
    """It answers 500, as always."""
    if session.kept.get("credential"):
        session.request("GET", f"/logout?{_stamp(session)}", headers=_cookie(session))


def _cookie(session: HttpSession) -> dict[str, str]:
    return {"Cookie": f"credential={session.kept['credential']}"}


def send(session: HttpSession, line: str, reads: bool) -> Reply:
    """`GET identity`, `GET OID`, `WALK OID` read; `ALG lan sip on|off`, `SET OID=value;type`, `APPLY` and `REVERT` write."""
    word, _sep, rest = line.partition(" ")
    if line == IDENTIFY:
        known = {key: session.kept.get(key, "") for key in ("family", "model", "other")}
        return Reply(200, {}, json.dumps(known).encode())
    if word in ("GET", "WALK"):
        return _read(session, word, rest)
    if reads:
        raise AssertionError(f"not a read: {line}")
    if line == "APPLY":
        return _apply(session)
    if line == "REVERT":
        return _set(session, line, *REVERT)
    if word == "ALG":
        return _turn(session, line)
    name, _sep, value = rest.partition("=")
    value, _sep, kind = value.rpartition(";")
    if word != "SET" or not name.startswith(f"{SERVERS}.") or kind not in TYPES.values():
        raise CommandRefused(line, "this is no line for an ARRIS Touchstone; nothing was sent")
    column, _sep, row = name.removeprefix(f"{SERVERS}.").partition(".")
    if column == "11" and value in (CREATE, DESTROY):
        _check_row(session, line, row, value)
    return _set(session, line, name, value, kind)


def _request(session: HttpSession, path: str, writes: bool = False) -> Reply:
    """A request of the session; one that broke off is opened again, with a secret that was taken before."""
    reply = session.request("GET", f"{path}&{_stamp(session)}", headers=_cookie(session), writes=writes)
    again = int(session.kept.get("again", "0"))
    if reply.status != 401 or again >= RETRIES:
        return reply
    session.kept["again"] = str(again + 1)
    _enter(session)
    return session.request("GET", f"{path}&{_stamp(session)}", headers=_cookie(session), writes=writes)


def _read(session: HttpSession, word: str, name: str) -> Reply:
    """A read; repeated where the gateway was asked too fast, or where a stray line or broken JSON came."""
    path = f"/{'walk' if word == 'WALK' else 'snmpGet'}?oids={name};"
    for pause in (*WAITS["busy"], 0.0):
        reply = _request(session, path)
        if reply.status == 200:
            text = "\n".join(
                line for line in reply.text().split("\n") if not line.startswith("Error in OID formatting")
            )
            if pairs(text) is not None:
                return replace(reply, body=text.encode())
        elif reply.status != 500:
            return reply
        time.sleep(pause)
    return reply


def _set(session: HttpSession, line: str, name: str, value: str, kind: str) -> Reply:
    """Raises CommandRefused unless the answer names the object, or says that it is so already (304)."""
    reply = _request(session, f"/snmpSet?oid={name}={quote(value, safe='')};{kind};", writes=True)
    if reply.status != 304 and not _says(reply, name):
        said = f"status {reply.status} {reply.excerpt()}".strip()
        raise CommandRefused(line, f"the gateway did not take it ({said}); the operator may have closed it")
    return Reply(200, {}, b"")


def _turn(session: HttpSession, line: str) -> Reply:
    """Reads the bits, and sets them with that of SIP changed: whatever else changed meanwhile stays."""
    order = re.fullmatch(r"ALG (\d+) sip (on|off)", line)
    if order is None:
        raise CommandRefused(line, "this is no line for an ARRIS Touchstone; nothing was sent")
    name, on = f"{ALGS}.{order.group(1)}", order.group(2) == "on"
    value = got(_read(session, "GET", name).text(), name) or ""
    if not value.startswith("$") or octets(value) is None:
        raise CommandRefused(line, f"{name} reads '{value}', and how to set that is not known; nothing was sent")
    if has_sip(value) is on:
        return Reply(200, {}, b"")
    return _set(session, line, name, turned_to(value, on), "4")


def _check_row(session: HttpSession, line: str, row: str, order: str) -> None:
    """Raises CommandRefused where the row that would be made is there, or the one that would be destroyed is somebody else's."""
    shown = {c: got(_read(session, "GET", f"{SERVERS}.{c}.{row}").text(), f"{SERVERS}.{c}.{row}") for c in ("2", "11")}
    name, status = shown["2"] or "", shown["11"]
    if order == CREATE and status is None:
        return
    if order == DESTROY and (name.startswith(OURS) or (not name and status != LIVE)):
        return
    raise CommandRefused(line, f"the row {row} ('{name}') is not ours; nothing was sent")


def _apply(session: HttpSession) -> Reply:
    """Applies and waits until the gateway answers again, in a session of ours.

    An answer may be lost in the restart. Then only a restart that is seen proves the apply. Raises CommandRefused, DeviceTimeout.
    """
    try:
        _set(session, "APPLY", *APPLY)
        seen = True
    except (ConnectionLost, DeviceTimeout):
        seen = False
    first, between, most = WAITS["apply"]
    deadline = time.monotonic() + most
    time.sleep(first)
    while time.monotonic() < deadline:
        try:
            inside = session.request("GET", f"/snmpGet?oids={FIRMWARE};&{_stamp(session)}", headers=_cookie(session))
            # the secret is only sent once what answers without one is there again
            if inside.status == 401 and _says(session.request("GET", f"/snmpGet?oids={USER};"), USER):
                _enter(session)
                return _applied(seen)
            if _says(inside, FIRMWARE):
                return _applied(seen)
        except (Unreachable, ConnectionLost, DeviceTimeout):
            seen = True
        time.sleep(between)
    raise DeviceTimeout(f"after the apply the gateway did not come back within {most:g} s")


def _says(reply: Reply, name: str) -> bool:
    return reply.status == 200 and name in (pairs(reply.text()) or {})


def _applied(seen: bool) -> Reply:
    if not seen:
        raise CommandRefused("APPLY", "the connection broke, and no restart was seen after it")
    return Reply(200, {}, b"")
