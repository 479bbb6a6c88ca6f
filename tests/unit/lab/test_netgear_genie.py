# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated NETGEAR routers, over real HTTP with the standard library's client."""

from __future__ import annotations

import base64
import http.client
import re
import urllib.parse
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab, variants

NAME = "netgear_genie"
WAN = {"A": "/WAN_wan.htm", "B": "/WAN_wan.htm", "C": "/cgi-bin/WAN_wan.asp"}


class Client:
    """A browser without scripts; keeps the cookie it is given."""

    def __init__(self, dev: Any) -> None:
        self.link = http.client.HTTPConnection(dev.host, dev.http_port, timeout=10)
        secret = base64.b64encode(f"{dev.user}:{dev.password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {secret}"}
        self.status = 0

    def __call__(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> str:
        body = urllib.parse.urlencode(form) if form is not None else None
        self.link.request(method, urllib.parse.quote(path, safe="/?=&%"), body, {**self.headers, **headers})
        reply = self.link.getresponse()
        self.status = reply.status
        if reply.getheader("Set-Cookie"):
            self.headers["Cookie"] = reply.getheader("Set-Cookie", "").split(";")[0]
        return reply.read().decode()

    def action(self, path: str) -> str:
        found = re.search(r'action="([^"]+)"', self("GET", path))
        assert found is not None
        return "/" + found.group(1).lstrip("/")


Browse = Callable[[Any], Client]


@pytest.fixture
def browse() -> Iterator[Browse]:
    """Makes clients, and hangs up for them."""
    made: list[Client] = []

    def make(dev: Any) -> Client:
        made.append(Client(dev))
        return made[-1]

    yield make
    for client in made:
        client.link.close()


def test_the_secrets_are_planted() -> None:
    with Lab() as lab:
        for variant in variants(NAME):
            assert any(secret in lab.add(NAME, variant).running() for secret in SECRETS)


@pytest.mark.parametrize("variant", ["factory", "acos-factory", "asp-on"])
def test_a_form_of_an_old_page_is_refused(lab: Lab, browse: Browse, variant: str) -> None:
    dev = lab.add(NAME, variant)
    client, before = browse(dev), dev.running()
    old = client.action(WAN[dev.variant.family])
    client.action(WAN[dev.variant.family])
    client("POST", old, {"submit_flag": "wan", "buttonHit": "apply", "apply": "x", "sipalg_value": "1"})
    assert dev.running() == before
    assert dev.journal[-1].scope == "refused"


def test_an_incomplete_post_of_family_a_restarts_the_wan(lab: Lab, browse: Browse) -> None:
    dev = lab.add(NAME, "busy")
    client = browse(dev)
    client("POST", client.action("/WAN_wan.htm"), {"submit_flag": "wan", "sipalg_value": "1"})
    assert dev.config["wan_endis_sipalg"] == "1"
    assert dev.config["wan_endis_dmz"] == "1"
    assert dev.config["wan_endis_igmp"] == "0"
    assert dev.wan_restarts == 1


def test_a_ticked_box_of_family_a_is_not_read_by_the_server(lab: Lab, browse: Browse) -> None:
    """Its hidden fields are empty in the page: sending it back with one box ticked stores empty values."""
    dev = lab.add(NAME, "factory")
    client = browse(dev)
    page = client("GET", "/WAN_wan.htm")
    assert "checked" not in page.split("<form")[1].replace(".checked", "")
    fields = {"submit_flag": "wan", "disable_sipalg": "disable_sipalg", "sipalg_value": "", "spi_value": ""}
    client("POST", client.action("/WAN_wan.htm"), fields)
    assert dev.config["wan_endis_sipalg"] == dev.config["wan_endis_spi"] == ""


def test_an_incomplete_post_of_family_b_opens_the_router(lab: Lab, browse: Browse) -> None:
    dev = lab.add(NAME, "acos-factory")
    dev.config.update(fw_dmz_enab="1", dmz_ipaddr="192.168.1.44")
    client = browse(dev)
    client("POST", client.action("/WAN_wan.htm"), {"buttonHit": "apply", "apply": "x", "disable_sip": "disable_sip"})
    assert dev.config["fw_sip_enab"] == "0"
    assert (dev.config["nat_inbound_filtering"], dev.config["fw_dmz_enab"], dev.config["dmz_ipaddr"]) == (
        "0",
        "0",
        "0.0.0.0",
    )


def test_the_first_answer_hands_out_the_cookie_that_a_login_needs(lab: Lab, browse: Browse) -> None:
    dev = lab.add(NAME, "cookie")
    client = browse(dev)
    client("GET", "/WAN_wan.htm")
    assert client.status == 401
    assert "endis_sipalg" in client("GET", "/WAN_wan.htm")


def test_one_administrator_at_a_time(lab: Lab, browse: Browse) -> None:
    dev = lab.add(NAME, "held")
    client = browse(dev)
    assert "multi_login.html" in client("GET", "/WAN_wan.htm")
    client("GET", "/change_user.html")
    assert client.status == 401
    assert dev.displaced == ["other"]
    assert "endis_sipalg" in client("GET", "/WAN_wan.htm")
    assert dev.open_sessions == 1
    client("GET", "/LGO_logout.htm")
    assert dev.open_sessions == 0
    assert dev.login_attempts == 1


def test_reading_the_list_of_forwards_stores_something(lab: Lab, browse: Browse) -> None:
    dev = lab.add(NAME, "forwards")
    dev.config["port_forward_trigger"] = "1"
    client = browse(dev)
    assert 'forwardingArray1="Old&harr;PBX TCP/UDP 5060 5060 5060 5060 192.168.1.9 0"' in client(
        "GET", "/forwarding_add.htm"
    )
    assert dev.config["port_forward_trigger"] == "1"
    client("GET", "/forwarding.htm")
    assert dev.config["port_forward_trigger"] == "0"
