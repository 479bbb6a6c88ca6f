# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated Linksys, asked as a bare client would."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as running:
        yield running


def ask(dev: Any, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
    """Status, text and headers of one answer."""
    link: http.client.HTTPConnection
    if dev.tls:
        link = http.client.HTTPSConnection(dev.host, dev.http_port, context=CONTEXT, timeout=5)
    else:
        link = http.client.HTTPConnection(dev.host, dev.http_port, timeout=5)
    link.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    got = link.getresponse()
    text = got.read().decode()
    link.close()
    return got.status, text, got.headers


def jnap(dev: Any, action: str, body: Any = None, password: str | None = "", root: str = "linksys") -> Any:
    headers = {"X_JNAP_Action": f"http://{root}.com/jnap/{action}", "Content_Type": "application/json; charset=UTF-8"}
    if password is not None:
        pair = f"admin:{password or dev.password}"
        headers["X_JNAP_Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    status, text, _headers = ask(dev, "POST", "/JNAP/", json.dumps(body or {}).encode(), **headers)
    assert status == 200
    return json.loads(text)


def form(dev: Any, path: str, **fields: str) -> tuple[int, str, Any]:
    body = urllib.parse.urlencode(fields).encode()
    return ask(dev, "POST", path, body, Content_Type="application/x-www-form-urlencoded")


def enter(dev: Any, password: str = "") -> tuple[int, str, Any]:
    given = password or dev.password
    unit = f"{given}{len(given):02d}"
    digest = hashlib.md5((unit * 64)[:64].encode()).hexdigest()
    return form(dev, "/login.cgi", submit_button="login", action="Apply", http_username="admin", http_passwd=digest)


def test_jnap_says_who_it_is_and_asks_for_the_password_for_all_else(lab: Lab) -> None:
    dev = lab.add("linksys", "velop")
    assert jnap(dev, "core/GetDeviceInfo", password=None)["output"]["modelNumber"] == "WHW03"
    assert jnap(dev, "firewall/GetALGSettings", password="wrong")["result"] == "_ErrorUnauthorized"
    assert jnap(dev, "core/GetDeviceInfo", root="cisco")["result"] == "_ErrorUnknownAction"
    assert jnap(dev, "core/CheckAdminPassword3", {"adminPassword": "x"})["result"] == "ErrorInvalidAdminPassword"
    assert dev.login_attempts == 2
    assert dev.journal == []


def test_jnap_switch_and_lists(lab: Lab) -> None:
    dev = lab.add("linksys", "velop")
    assert jnap(dev, "firewall/GetALGSettings")["output"] == {"isSIPEnabled": True}
    assert jnap(dev, "firewall/SetALGSettings", {})["result"] == "_ErrorInvalidInput"
    assert jnap(dev, "firewall/SetALGSettings", {"isSIPEnabled": False})["result"] == "OK"
    assert jnap(dev, "firewall/GetALGSettings")["output"] == {"isSIPEnabled": False}
    rules = jnap(dev, "firewall/GetPortRangeForwardingRules")["output"]["rules"]
    clash = {**rules[0], "firstExternalPort": 443, "lastExternalPort": 443, "protocol": "TCP"}
    assert jnap(dev, "firewall/SetPortRangeForwardingRules", {"rules": [clash]})["result"] == "ErrorRulesOverlap"
    far = {**rules[0], "internalServerIPAddress": "10.0.0.1"}
    said = jnap(dev, "firewall/SetPortRangeForwardingRules", {"rules": [far]})["result"]
    assert said == "ErrorInvalidDestinationIPAddress"
    assert jnap(dev, "firewall/SetPortRangeForwardingRules", {"rules": []})["result"] == "OK"
    assert [write.accepted for write in dev.journal] == [False, True, False, False, True]
    assert dev.writes[1] == 'JNAP firewall/SetALGSettings {"isSIPEnabled":false}'


def test_pages_have_a_key_in_each_address(lab: Lab) -> None:
    dev = lab.add("linksys", "gateway-on")
    assert "session_status" in ask(dev, "GET", "/Gateway_Function.asp")[1]
    assert 'session_status = "3"' in enter(dev, "wrong")[1]
    status, _text, headers = enter(dev)
    assert status == 302
    key = urllib.parse.parse_qs(urllib.parse.urlsplit(headers["Location"]).query)["session_id"][0]
    page = ask(dev, "GET", f"/Gateway_Function.asp?session_id={key}")[1]
    assert "draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' , 1);" in page
    assert ask(dev, "GET", f"/Management.asp?session_id={key}")[0] == 404
    whole = {"ctm404_enable": "", "upnpEnabled": "1", "upnp_config": "1", "upnp_internet_dis": "0"}
    form(dev, f"/apply.cgi?session_id={key}", submit_button="Gwfunc", gui_action="Apply", nf_alg_sip="0", **whole)
    page = ask(dev, "GET", f"/Gateway_Function.asp?session_id={key}")[1]
    assert "draw_checkbox('_nf_alg_sip', mgt.sipalg, '1', '' );" in page
    assert dev.open_sessions == 1
    form(dev, "/login.cgi", submit_button="logout")
    assert dev.open_sessions == 0


def test_a_post_that_lacks_fields_empties_them(lab: Lab) -> None:
    dev = lab.add("linksys", "gateway-closed-session")
    enter(dev)
    form(dev, "/apply.cgi", submit_button="Gwfunc", gui_action="Apply", nf_alg_sip="0")
    assert dev.live["nf_alg_sip"] == "0"
    assert dev.live["upnpEnabled"] == ""


def test_secrets_are_planted(lab: Lab) -> None:
    for variant in ("velop", "gateway-on"):
        assert any(secret in lab.add("linksys", variant).running() for secret in SECRETS)
