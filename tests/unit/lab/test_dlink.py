# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated D-Link routers, over plain HTTP with the standard library's client."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from ansible_collections.voip.edge.tests.lab import Lab
from ansible_collections.voip.edge.tests.lab.dlink_pages import odd_base64

NAMESPACE = "http://purenetworks.com/HNAP1/"


class Client:
    """A bare client; ``headers`` go with every request."""

    def __init__(self, dev: Any) -> None:
        self.dev = dev
        self.link = http.client.HTTPConnection(dev.host, dev.http_port, timeout=10)
        self.headers: dict[str, str] = {}
        self.key = "withoutloginkey"
        self.moment = 1000

    def __call__(self, method: str, path: str, form: dict[str, str] | None = None, body: str = "", **more: str) -> str:
        data = urllib.parse.urlencode(form) if form is not None else body
        headers = {key.replace("_", "-"): value for key, value in more.items()}
        self.link.request(method, path, data.encode(), {**self.headers, **headers})
        reply = self.link.getresponse()
        return f"{reply.status} {reply.read().decode()}"

    def call(self, action: str, inner: str = "") -> str:
        self.moment += 1
        quoted = f'"{NAMESPACE}{action}"'
        sign = hmac.new(self.key.encode(), f"{self.moment}{quoted}".encode(), hashlib.md5).hexdigest().upper()
        self.headers.update({"SOAPAction": quoted, "HNAP_AUTH": f"{sign} {self.moment}"})
        return self("POST", "/HNAP1/", body=f'<Envelope><{action} xmlns="{NAMESPACE}">{inner}</{action}></Envelope>')

    def login_hnap(self) -> str:
        offer = self.call("Login", "<Action>request</Action><Username>admin</Username>")
        challenge, cookie, public = (
            re.findall(rf"<{k}>(.*?)</", offer)[0] for k in ("Challenge", "Cookie", "PublicKey")
        )
        self.key = hmac.new((public + self.dev.password).encode(), challenge.encode(), hashlib.md5).hexdigest().upper()
        self.headers["Cookie"] = f"uid={cookie}"
        proof = hmac.new(self.key.encode(), challenge.encode(), hashlib.md5).hexdigest().upper()
        return self.call(
            "Login", f"<Action>login</Action><Username>admin</Username><LoginPassword>{proof}</LoginPassword>"
        )

    def login_cameo(self) -> str:
        secret = odd_base64(self.dev.password)
        return self("POST", "/login.cgi", {"login_name": odd_base64("admin"), "login_pass": secret, "log_pass": secret})

    def login_alpha(self) -> str:
        offer = json.loads(self("GET", "/authentication.cgi?captcha=&dummy=1").split(" ", 1)[1])
        self.headers["Cookie"] = f"uid={offer['uid']}"
        text = "admin" + offer["challenge"]
        proof = hmac.new(self.dev.password.encode(), text.encode(), hashlib.md5).hexdigest().upper()
        return self("POST", "/authentication.cgi", {"id": "admin", "password": proof})


@pytest.fixture
def connect(lab: Lab) -> Iterator[Callable[[str], Client]]:
    """Makes clients of a new device of a variant, and closes them."""
    made: list[Client] = []

    def of(variant: str) -> Client:
        made.append(Client(lab.add("dlink", variant)))
        return made[-1]

    yield of
    for one in made:
        one.link.close()


def test_without_a_login_there_is_the_login_page(connect: Callable[[str], Client]) -> None:
    client = connect("a-factory")
    assert "WIRELESS ROUTER | LOGIN" in client("GET", "/adv_dmz.asp")
    assert 'get_by_id("sip")' not in client("GET", "/adv_dmz.asp")
    client.login_cameo()
    assert 'set_checked("1", get_by_id("sip"))' in client("GET", "/adv_dmz.asp")
    client("GET", "/logout.cgi")
    assert client.dev.open_sessions == 0


def test_a_field_that_is_left_out_is_lost(connect: Callable[[str], Client]) -> None:
    client = connect("a-factory")
    client.login_cameo()
    client("POST", "/apply.cgi", {"html_response_return_page": "adv_dmz.asp", "alg_sip": "0"})
    assert client.dev.live["pptp_pass_through"] == ""
    assert client.dev.sip == "dropped"
    assert [write.path for write in client.dev.journal] == ["/apply.cgi"]


def test_a_node_that_is_left_out_is_lost_and_only_save_lasts(connect: Callable[[str], Client]) -> None:
    client = connect("b-trap")
    assert "Not authorized" in client("POST", "/getcfg.php", {"SERVICES": "ACL"})
    assert '"ok"' in client.login_alpha()
    document = client("POST", "/getcfg.php", {"SERVICES": "ACL"}).split(" ", 1)[1]
    document = document.replace("<sip>1</sip>", "<sip>0</sip>").replace("<pptp>1</pptp>", "")
    assert "<result>OK" in client("POST", "/hedwig.cgi", body=document, Content_Type="text/xml")
    assert client.dev.sip == "rewritten"
    assert "<result>OK" in client("POST", "/pigwidgeon.cgi", {"ACTIONS": "SETCFG,ACTIVATE"})
    assert (client.dev.sip, client.dev.live["alg/pptp"]) == ("dropped", "")
    client.dev.reboot()
    assert client.dev.sip == "rewritten"


def test_what_is_not_true_is_off(connect: Callable[[str], Client]) -> None:
    client = connect("c-factory")
    assert client.call("GetFirewallSettings").startswith("401")
    assert ">success<" in client.login_hnap()
    assert "<ALGSIP>true</ALGSIP>" in client.call("GetFirewallSettings")
    client.moment -= 1  # a time that does not grow
    assert client.call("GetFirewallSettings").startswith("401")
    client.moment += 1
    assert ">OK<" in client.call("SetFirewallSettings", "<ALGPPTP>TRUE</ALGPPTP><ALGIPSec>true</ALGIPSec>")
    stored = {key: client.dev.live[key] for key in ("ALGPPTP", "ALGIPSec", "ALGRTSP", "ALGSIP")}
    assert stored == {"ALGPPTP": "0", "ALGIPSec": "1", "ALGRTSP": "0", "ALGSIP": "0"}


@pytest.mark.parametrize("variant", ["a-captcha", "b-captcha"])
def test_a_picture_is_asked_for(connect: Callable[[str], Client], variant: str) -> None:
    client = connect(variant)
    if variant == "a-captcha":
        assert 'var auth = "1"' in client("GET", "/")
        assert "login_fail.asp" in client.login_cameo()
    else:
        form = {"ACTION": "login_plaintext", "USER": "admin", "PASSWD": client.dev.password}
        assert "ERR_CAPTCHA" in client("POST", "/session.cgi", form)
    assert client.dev.open_sessions == 0
