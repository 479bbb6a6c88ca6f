# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A FortiGate's REST API: getting in and out, and its documents as the text that the command line would show."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..core.blocks import Block, render
from ..core.blocks import read as read_blocks
from ..core.documents import Editor, Grammar, address, block_of, bones
from ..core.errors import LoginRefused, UnknownReply
from ..core.profiles import Profile
from ..core.text import first_match
from ..transports.http import HttpSession, Reply
from ._fortinet_tree import ADDRESS, GLOBAL, ROLE_HIDDEN, Fortios, forwards_matter
from .base import Ask, Replies

BASE = "/api/v2"
GRAMMAR = Grammar(
    keys={"firewall policy": "policyid", "system session-helper": "id", "port": "id"},
    members={
        "srcintf": "name", "dstintf": "name", "srcaddr": "name", "dstaddr": "name", "service": "name", "mappedip": "range",
    },
    spaced=("udp-portrange", "tcp-portrange", "subnet", "ip"),
    integers=("id", "policyid", "protocol", "port", "start-port", "end-port", "udp-idle-timer"),
    objects=("sip", "sccp", "msrp"),
    cleared=("voip-profile",),
)  # fmt: skip
VDOM_TABLES = (
    "system settings", "voip profile", "firewall policy", "firewall service custom", "system session-ttl", "firewall vip",
)  # fmt: skip
SINGLE = ("system global", "system ha", "system settings", "system session-ttl")
"""Objects; all others are tables."""
MAY_LACK = ("voip profile", "system ha")
"""Small models have the one no more, and where there are no clusters there is no setting for them."""
# The access group of an administrator's profile that each part of the configuration belongs to
GROUPS = {"system": "sysgrp", "voip": "utmgrp", "firewall": "fwgrp"}


def is_fortigate(reply: str) -> bool:
    """A FortiGate says its version beside its serial number, which begins with FG or FW; a FortiManager's with FMG."""
    seen = _mapping(reply)
    version, serial = str(seen.get("version", "")), str(seen.get("serial", ""))
    return re.match(r"v\d+\.\d+\.\d+", version) is not None and re.match(r"F[GW]", serial) is not None


def _mapping(text: str) -> dict[str, Any]:
    """The JSON object of an answer, of a list the first; empty where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return next((part for part in (found if isinstance(found, list) else [found]) if isinstance(part, dict)), {})


class _Reader:
    """Asks for tables and keeps what came. A refused one is not there; an unreadable one spoils the whole."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.refused: list[str] = []
        self.absent: list[str] = []
        self.broken: list[str] = []

    def table(self, name: str, query: str = "") -> dict[str, _Table]:
        """What each VDOM answers. 404 is the device's word for a table that it does not have."""
        reply = self.ask(f"GET /cmdb/{address(name)}{query}")
        if re.match(r"\d{3} ", reply):
            if reply.startswith("404 ") and name in MAY_LACK:
                self.absent.append(name)
            else:
                self.refused.append(f"GET /cmdb/{address(name)}: {reply[4:]}")
            return {}
        try:
            return self._answers(name, json.loads(reply))
        except (ValueError, RecursionError):
            self.broken.append(name)
            return {}

    def only(self, name: str, query: str = "") -> _Table | None:
        """The answer of a table that is there once; None where it was refused or cannot be read."""
        return next(iter(self.table(name, query).values()), None)

    def _answers(self, name: str, document: Any) -> dict[str, _Table]:
        """An answer for several VDOMs, or for the global scope, is a list. Raises ValueError."""
        found = {}
        for part in document if isinstance(document, list) else [document]:
            results = part.get("results") if isinstance(part, dict) and part.get("status") == "success" else None
            if not isinstance(results, dict if name in SINGLE else list):
                raise ValueError(name)
            found[str(part.get("vdom", ""))] = _Table(results, block_of(name, results, GRAMMAR))
        return found


@dataclass(frozen=True)
class _Table:
    """A table or object as it came, and as the command line would show it."""

    results: Any
    block: Block


_Tables = Mapping[str, _Table]


def read_documents(ask: Ask, identity: str) -> dict[str, str]:
    """The replies that a command line would have given, out of one request a table for all VDOMs."""
    reader = _Reader(ask)
    settings = reader.only("system global")
    multi, names = _vdom_names(reader, settings)
    helpers = reader.only("system session-helper", "?global=1" if multi else "")
    device = {n: t for n, t in (("system global", settings), ("system session-helper", helpers)) if t is not None}
    query = "?vdom=" + ",".join(quote(n, safe="") for n in names) if multi else ""
    scopes: dict[str, dict[str, _Table]] = {name: {} for name in names}
    for table in VDOM_TABLES:
        for vdom, found in reader.table(table, query).items():
            scopes.setdefault(vdom if multi else "", {})[table] = found
    # an administrator of one VDOM sees its tables without the frame around them, as on the command line
    framed = multi and (len(names) > 1 or settings is not None)
    if not framed:
        scopes = {"": scopes[names[0]]}
    out = {
        "status": _status(_mapping(identity), multi, "" if framed else names[0]),
        "full_global": render(_block({n: t for n, t in device.items() if n == "system global"})),
        "refused": "\n".join(reader.refused),
        "profiles_absent": "404" if "voip profile" in reader.absent else "",
        "documents": json.dumps({name: _bones(tables) for name, tables in {**scopes, GLOBAL: device}.items()}),
    }
    for name, tables in scopes.items():
        out["full:" + name] = render(_block({n: t for n, t in tables.items() if n == "system settings"}))
    if framed:
        vdoms = Block(entries={name: _block(tables) for name, tables in scopes.items()})
        whole = Block(tables={GLOBAL: _block(device), "vdom": vdoms})
    else:
        whole = _block({**device, **scopes[""]})
    # a block that never ends: the text then counts as one that was not read whole
    out["config"] = render(whole) + "".join(f"config (not readable: {name})\n" for name in reader.broken)
    return out


def read_forward_documents(ask: Ask, replies: Replies, profile: Profile) -> dict[str, str]:
    """Addresses and interfaces, as on the command line. An administrator of one VDOM sees no interfaces."""
    documents = json.loads(replies.get("documents", "{}"))
    multi = "configuration: multiple" in replies["status"]
    names = [name for name in documents if name != GLOBAL]
    if not forwards_matter(read_blocks(replies["config"]).root, profile) or (multi and "" in names):
        return {}
    reader = _Reader(ask)
    faces = reader.only("system interface", "?global=1" if multi else "")
    query = "?vdom=" + ",".join(quote(n, safe="") for n in names) if multi else ""
    found = {(vdom if multi else ""): table for vdom, table in reader.table(ADDRESS, query).items()}
    for name, table in found.items():
        documents.setdefault(name, {})[ADDRESS] = bones(ADDRESS, table.results, GRAMMAR)
    device = {"system interface": faces} if faces is not None else {}
    if multi:
        vdoms = Block(entries={name: _block({ADDRESS: table}) for name, table in found.items()})
        whole = Block(tables={GLOBAL: _block(device), "vdom": vdoms})
    else:
        whole = _block(device | {ADDRESS: found[""]} if "" in found else device)
    refused = "\n".join(part for part in (replies.get("refused", ""), *reader.refused) if part)
    return {"forwards": render(whole), "documents": json.dumps(documents), "refused": refused}


def _vdom_names(reader: _Reader, settings: _Table | None) -> tuple[bool, list[str]]:
    """Whether there are VDOMs, and their names. Only where the device says that there are none it is not asked for them.

    An administrator of one VDOM does not see the device's own settings, but the name of his VDOM.
    """
    seen = settings.results if settings is not None else {}
    mode = str(seen.get("vdom-mode") or seen.get("vdom-admin") or "")
    if mode in ("no-vdom", "disable"):
        return False, [""]
    listed = reader.only("system vdom", "?format=name")
    names = list(listed.block.entries) if listed is not None else []
    if not names or (not mode and names == ["root"]):
        reader.broken.append("system vdom")  # there may be VDOMs that were not seen
        return False, [""]
    return True, names


def _block(tables: _Tables) -> Block:
    return Block(tables={name: table.block for name, table in tables.items()})


def _bones(tables: _Tables) -> dict[str, Any]:
    return {name: bones(name, table.results, GRAMMAR) for name, table in tables.items()}


def _status(seen: Mapping[str, Any], multi: bool, vdom: str) -> str:
    """What `get system status` says in these lines, as far as the API tells it."""
    results = seen.get("results")
    parts = results if isinstance(results, dict) else {}
    model = "-".join(str(parts[key]) for key in ("model_name", "model_number") if parts.get(key)) or "FortiGate"
    lines = [
        f"Version: {model} {seen.get('version')},build{seen.get('build')}",
        f"Serial-Number: {seen.get('serial')}",
        f"Current virtual domain: {vdom or seen.get('vdom') or 'root'}",
        f"Virtual domain configuration: {'multiple' if multi else 'disable'}",
    ]
    return "".join(line + "\n" for line in lines)


def read_role(ask: Ask, replies: Replies) -> dict[str, str]:
    """Before a change: whether this is a cluster's secondary unit. No table for clusters: it cannot be in one.

    The fields are those by which exporters and connectors for this API tell the primary. [src]
    """
    status = replies["status"]
    reader = _Reader(ask)
    settings = reader.only("system ha", "?global=1" if "configuration: multiple" in status else "")
    mode = str(settings.results.get("mode", "")) if settings is not None else ""
    if mode == "standalone" or (not mode and reader.absent):
        return {"status": status + "Current HA mode: standalone\n"}
    serial = first_match(r"^Serial-Number: (\S+)", status)
    members = _mapping(ask("GET /monitor/system/ha-checksums")).get("results")
    role = ROLE_HIDDEN
    for member in members if isinstance(members, list) else []:
        if isinstance(member, dict) and member.get("serial_no") == serial:
            leads = member.get("is_root_primary", member.get("is_root_master"))
            role = ROLE_HIDDEN if leads is None else "primary" if leads in (True, 1) else "secondary"
    return {"status": f"{status}Current HA mode: {mode or 'unknown'}, {role}\n"}


def editor_of(box: Fortios, scope: str) -> Editor:
    """Over the tables of a scope as they were read; with VDOMs each request names the scope that it is for."""
    documents = json.loads(box.documents or "{}")
    if not box.multi:
        return Editor(GRAMMAR, {**documents.get(GLOBAL, {}), **documents.get("", {})}, "/cmdb")
    query = "global=1" if scope == GLOBAL else "vdom=" + quote(scope, safe="")
    return Editor(GRAMMAR, documents.get(scope, {}), "/cmdb", query)


def unsaved(box: Fortios) -> str:
    """The API has no request that does what `execute cfg save` does."""
    if box.cfg_save == "automatic":
        return ""
    return f"cfg-save is {box.cfg_save} and the API cannot save: run 'execute cfg save' on the device's command line"


def log_in(session: HttpSession, extra: dict[str, Any]) -> None:
    """With an API token there is nothing to do; else one attempt with the password, at the door that this version has."""
    login = session.login
    if login.token:
        session.use_bearer(
            login.token,
            "the API token (option api_token; it is wrong, has expired, or this address is none of its trusted hosts)",
        )
        session.open()
        return
    body = {
        "username": login.user, "secretkey": login.password, "request_key": True,
        "ack_pre_disclaimer": True, "ack_post_disclaimer": True,
    }  # fmt: skip
    reply = session.request("POST", BASE + "/authentication", json=body, reads=True)
    said = _mapping(reply.text())
    if reply.status == 404 or (reply.status == 401 and not said):
        # An older version: it has no such address, or says 401 to whoever asks below this base without a session. Nobody has
        # judged the password; who judges one answers in JSON, and that answer is final.
        _log_in_by_form(session)
        return
    if reply.status == 200 and not said:
        raise UnknownReply(f"{reply.asked}: the answer to the login is not JSON: {reply.excerpt()}")
    word = str(said.get("status_message", ""))
    if "LOGIN_SUCCESS" not in word:
        raise _not_admitted(session, reply, word)
    if said.get("session_key"):
        session.use_bearer(str(said["session_key"]), "this session")
    elif not session.cookies():
        raise UnknownReply("POST /api/v2/authentication says LOGIN_SUCCESS and gives neither a key nor a cookie")


def _log_in_by_form(session: HttpSession) -> None:
    form = {"username": session.login.user or "", "secretkey": session.login.password or "", "ajax": "1"}
    reply = session.request("POST", "/logincheck", form=form, reads=True)
    text = reply.text().strip()
    if reply.status == 404:
        raise UnknownReply(
            "neither /api/v2/authentication nor /logincheck is there: this is no FortiGate, or not its port"
        )
    if not text.startswith("1") or "disclaimer" in text:
        if text.startswith("1"):
            log_out(session)
        raise _not_admitted(session, reply, "a disclaimer must be accepted" if "disclaimer" in text else "")
    if not any(name.startswith("APSCOOKIE") for name in session.cookies()):
        raise UnknownReply("/logincheck lets us in and gives no cookie")


def _not_admitted(session: HttpSession, reply: Reply, word: str) -> LoginRefused:
    if reply.status == 429:
        return LoginRefused(BLOCKED)
    why = f": {reply.shown(word)}" if word else "" if reply.status in (200, 401) else f": HTTP {reply.status}"
    return LoginRefused(
        f"the login of user '{session.login.user}' was refused{why} (one attempt was made). "
        "An administrator with a second factor needs an API token: set voip_edge_api_token"
    )


BLOCKED = "the device blocks this address after failed logins (HTTP 429). Nothing more was tried; wait until it lets us in again"


def log_out(session: HttpSession) -> None:
    """A token has no session. Cookies end at /logout, a session key where it came from."""
    if session.login.token:
        return
    way = ("DELETE", BASE + "/authentication") if session.bears_secret else ("POST", "/logout")
    session.request(*way, headers=csrf(session), reads=True)


def csrf(session: HttpSession) -> dict[str, str]:
    """What a session by cookies has to show with each write."""
    found = [value.strip('"') for name, value in session.cookies().items() if name.startswith("ccsrftoken")]
    return {"X-CSRFTOKEN": found[0]} if found else {}


def refusal(reply: Reply) -> str | None:
    """The device's own words; for a missing right the access group that the administrator's profile lacks."""
    if reply.status == 429:
        raise LoginRefused(BLOCKED)
    if reply.status == 401:
        raise LoginRefused(f"{reply.asked}: the device does not know our session any more (HTTP 401)")
    reads = reply.asked.startswith("GET ")
    if reply.status < 400 and (reads or not re.search(rb'"status":\s*"error"', reply.body)):
        return None
    said = _mapping(reply.text())
    text = f"HTTP {reply.status}" + (f", error {said['error']}" if "error" in said else "")
    if said.get("cli_error"):
        text += ": " + reply.shown(str(said["cli_error"]))
    elif not said:
        text += f": {reply.excerpt()}" if reply.body else ""
    part = first_match(r"/cmdb/(\w+)", reply.asked)
    if reply.status == 403 and part in GROUPS:
        right = "read" if reads else "read-write"
        text += f"; the administrator's profile needs {right} on {GROUPS[part]}, and scope global where there are VDOMs"
    return text
