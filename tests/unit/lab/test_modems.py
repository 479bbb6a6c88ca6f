# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated modems and small routers, with the standard library's client."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import time
from typing import Any

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab, variants
from ansible_collections.voip.edge.tests.lab.arris_touchstone import ALGS, APPLY, DOWN, SERVERS, SETTINGS, USER

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
NAMES = ("arris_touchstone", "actiontec_gt784", "peplink", "cisco_rv")


def ask(dev: Any, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, str, Any]:
    """Status, text and headers of one request on a connection of its own."""
    if dev.tls:
        link: Any = http.client.HTTPSConnection(dev.host, dev.http_port, context=CONTEXT, timeout=10)
    else:
        link = http.client.HTTPConnection(dev.host, dev.http_port, timeout=10)
    try:
        link.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = link.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer
    finally:
        link.close()


class Arris:
    """A logged-in client."""

    def __init__(self, dev: Any, password: str | None = None) -> None:
        self.dev = dev
        secret = base64.b64encode(f"{dev.user}:{password or dev.password}".encode()).decode()
        self.token = ask(dev, "GET", f"/login?arg={secret}&_n=41873&_=1700000000000")[1]

    def __call__(self, path: str) -> tuple[int, Any]:
        status, text, _answer = ask(
            self.dev, "GET", f"{path}&_n=41873&_=1700000000000", Cookie=f"credential={self.token}"
        )
        return status, json.loads(text) if text.startswith("{") else text

    def set(self, name: str, value: str, kind: str) -> bool:
        return name in self(f"/snmpSet?oid={name}={value};{kind};")[1]


@pytest.mark.parametrize("platform", NAMES)
def test_secrets_are_planted_and_a_restart_keeps_what_is_stored(lab: Lab, platform: str) -> None:
    for variant in variants(platform):
        device = lab.add(platform, variant)
        before = device.running()
        assert any(secret in before for secret in SECRETS)
        device.reboot()
        assert device.running() == before


def test_an_arris_hands_out_a_token_and_wants_it_back(lab: Lab) -> None:
    dev = lab.add("arris_touchstone", "factory")
    assert ask(dev, "GET", f"/snmpGet?oids={USER};")[0] == 200
    assert ask(dev, "GET", f"/walk?oids={ALGS};")[0] == 401
    client = Arris(dev)
    assert json.loads(base64.b64decode(client.token))["modelname"] == "DG1670A"
    assert client(f"/walk?oids={ALGS};") == (200, {f"{ALGS}.200": "$60F7C0", "1": "Finish"})
    assert dev.open_sessions == 1
    assert client("/logout?x")[0] == 500
    assert dev.open_sessions == 0
    assert client(f"/walk?oids={ALGS};")[0] == 401
    assert Arris(dev, "wrong").token == ""
    assert dev.login_attempts == 2


def test_a_percent_sign_in_the_login_is_not_understood(lab: Lab) -> None:
    dev = lab.add("arris_touchstone", "factory")
    secret = base64.b64encode(f"{dev.user}:{dev.password}".encode()).decode().replace("=", "%3D")
    assert ask(dev, "GET", f"/login?arg={secret}%3D&_n=41873&_=1")[1] == ""
    assert dev.login_attempts == 0


def test_a_set_waits_for_the_apply(lab: Lab) -> None:
    dev = lab.add("arris_touchstone", "factory")
    client, before = Arris(dev), dev.running()
    assert client.set(f"{ALGS}.200", "%2460E7C0", "4")
    assert (dev.running(), dev.pending()) == (before, [f"{ALGS}.200"])
    assert client(f"/snmpGet?oids={ALGS}.200;")[1] == {f"{ALGS}.200": "$60E7C0"}
    assert client.set(SETTINGS, "10", "2")
    assert dev.pending() == []
    assert client.set(f"{ALGS}.200", "%2460E7C0", "4")
    assert client.set(APPLY, "1", "2")
    with pytest.raises((http.client.HTTPException, OSError)):
        ask(dev, "GET", "/")
    time.sleep(DOWN)
    assert client(f"/snmpGet?oids={ALGS}.200;")[0] == 401
    assert json.loads(dev.running())[f"{ALGS}.200"] == "$60E7C0"
    assert [line.split("4115.1.20.1.1.")[1] for line in dev.writes] == [
        "2.2.1.26.200=$60E7C0;4", "2.6.0=10;2", "2.2.1.26.200=$60E7C0;4", "9.0=1;2",
    ]  # fmt: skip


def test_a_restart_loses_what_was_not_applied(lab: Lab) -> None:
    dev = lab.add("arris_touchstone", "factory")
    assert Arris(dev).set(f"{ALGS}.200", "%2460E7C0", "4")
    dev.reboot()
    assert (dev.pending(), dev.open_sessions) == ([], 0)


def test_rows_are_made_and_destroyed(lab: Lab) -> None:
    dev = lab.add("arris_touchstone", "overlap")
    client = Arris(dev)
    assert not client.set(f"{SERVERS}.2.1", "x", "4"), "the row is not there yet"
    assert not client.set(f"{SERVERS}.11.4", "5", "2"), "it is there already"
    assert client.set(f"{SERVERS}.11.1", "5", "2")
    assert not client.set(f"{SERVERS}.11.1", "1", "2"), "it is not filled"
    assert not client.set(f"{SERVERS}.3.1", "many", "66")
    assert not client.set(f"{SERVERS}.2.1", "seventeen-letters", "4")
    assert client.set(f"{SERVERS}.11.1", "6", "2")
    assert dev.pending() == []


@pytest.mark.parametrize(("variant", "status"), [("encrypted", 200), ("factory", 404), ("php", 404)])
def test_only_one_family_hands_out_a_key(lab: Lab, variant: str, status: int) -> None:
    assert ask(lab.add("arris_touchstone", variant), "GET", "/factory/getPublicKey")[0] == status


def test_an_actiontec_shows_its_page_and_notes_a_restart(lab: Lab) -> None:
    dev = lab.add("actiontec_gt784", "routed")
    path, basic = "/modemstatus_home.html", base64.b64encode(f"{dev.user}:{dev.password}".encode()).decode()
    assert ask(dev, "GET", path)[0] == 401
    assert dev.login_attempts == 0
    status, text, _answer = ask(dev, "GET", path, Authorization=f"Basic {basic}")
    assert status == 200
    assert 'var devinfo = "GT784WN|' in text
    ask(dev, "GET", "/utilities_reboot.html", Authorization=f"Basic {basic}")
    assert len(dev.journal) == 1


def test_a_peplink_gives_a_cookie_and_takes_it_back(lab: Lab) -> None:
    dev = lab.add("peplink", "balance")
    assert json.loads(ask(dev, "GET", "/api/info.firmware")[1])["stat"] == "fail"
    body = {"username": dev.user, "password": dev.password}
    _status, text, answer = ask(dev, "POST", "/api/login", body)
    assert json.loads(text)["stat"] == "ok"
    cookie = answer.getheader("Set-Cookie").split(";")[0]
    assert json.loads(ask(dev, "GET", "/api/info.firmware", Cookie=cookie)[1])["stat"] == "ok"
    assert dev.open_sessions == 1
    ask(dev, "POST", "/api/logout", {}, Cookie=cookie)
    assert dev.open_sessions == 0
    wrong = ask(dev, "POST", "/api/login", {**body, "password": "wrong"})
    assert (wrong[0], json.loads(wrong[1])["stat"]) == (200, "fail")
    assert dev.journal == []


def test_a_small_router_of_cisco_counts_what_is_posted(lab: Lab) -> None:
    dev = lab.add("cisco_rv", "rv042")
    assert "Linksys RV042" in ask(dev, "GET", "/")[1]
    assert dev.login_attempts == 0
    ask(dev, "POST", "/userLogin.cgi", {})
    assert dev.login_attempts == 1
