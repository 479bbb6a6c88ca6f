# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated FortiGate's REST interface, and that it and the command line are two doors to one device."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE
POLICY = {
    "name": "voip-in",
    "srcintf": [{"name": "wan1"}],
    "dstintf": [{"name": "internal"}],
    "srcaddr": [{"name": "all"}],
    "dstaddr": [{"name": "voip-sip"}],
    "action": "accept",
    "schedule": "always",
    "service": [{"name": "ALL"}],
}
VIP = {
    "name": "voip-sip",
    "extip": "198.51.100.2",
    "mappedip": [{"range": "192.168.10.20"}],
    "extintf": "wan1",
    "portforward": "enable",
    "protocol": "udp",
    "extport": "5060",
    "mappedport": "5060",
}


class Client:
    """A bare client; ``last`` is the last response, the call gives its JSON or text."""

    def __init__(self, dev: Any) -> None:
        self.dev = dev
        self.link = http.client.HTTPSConnection(dev.host, dev.http_port, context=CONTEXT, timeout=10)
        self.headers: dict[str, str] = {}
        self.last: Any = None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        data = json.dumps(body).encode() if body is not None else None
        self.send(method, "/api/v2" + path, data, {"Content-Type": "application/json", **headers})
        return json.loads(self.text) if self.text.startswith(("{", "[")) else self.text

    def send(self, method: str, target: str, data: bytes | None = None, headers: Any = None) -> str:
        self.link.request(method, target, data, {**self.headers, **(headers or {})})
        self.last = self.link.getresponse()
        self.text = self.last.read().decode()
        return self.text

    def log_in(self, password: str | None = None) -> None:
        """The older way: a form, then cookies."""
        form = {"username": self.dev.user, "secretkey": password or self.dev.password, "ajax": "1"}
        self.send("POST", "/logincheck", urllib.parse.urlencode(form).encode())
        cookies = [value.split(";", maxsplit=1)[0] for name, value in self.last.getheaders() if name == "Set-Cookie"]
        if cookies:
            self.headers["Cookie"] = "; ".join(cookies)

    @property
    def csrf(self) -> str:
        pairs = dict(part.split("=", maxsplit=1) for part in self.headers["Cookie"].split("; "))
        return next(value.strip('"') for name, value in pairs.items() if name.startswith("ccsrftoken"))


@pytest.fixture
def box(lab: Lab) -> Iterator[Any]:
    """``box(variant, *faults)`` gives a served FortiGate and a client with its token."""
    clients = []

    def make(variant: str, *faults: str, token: bool = True) -> tuple[Any, Client]:
        dev = lab.add("fortinet_fortios", variant, faults=list(faults), rest=True)
        client = Client(dev)
        clients.append(client)
        if token:
            client.headers["Authorization"] = f"Bearer {dev.api_token}"
        return dev, client

    yield make
    for client in clients:
        client.link.close()


def test_reading(box: Any) -> None:
    dev, client = box("default-74")
    answer = client("GET", "/monitor/system/status")
    assert (answer["version"], answer["build"], answer["status"], answer["vdom"]) == ("v7.4.7", 2731, "success", "root")
    settings = client("GET", "/cmdb/system/settings?vdom=root")["results"]
    assert settings["default-voip-alg-mode"] == "proxy-based"
    assert settings["sip-udp-port"] == 5060
    helpers = client("GET", "/cmdb/system/session-helper?filter=name==SIP")["results"]
    assert helpers == [{"id": 13, "q_origin_key": 13, "name": "sip", "protocol": 17, "port": 5060}]
    several = client("GET", "/cmdb/system/session-helper?filter=name==sip,name=@pma&filter=protocol==17")["results"]
    assert [item["id"] for item in several] == [12, 13]
    policies = client("GET", "/cmdb/firewall/policy?format=policyid|voip-profile|frobnicate")["results"]
    assert policies[0] == {"policyid": 1, "q_origin_key": 1, "voip-profile": ""}
    assert client("GET", "/cmdb/voip/profile/default")["results"][0]["sip"]["status"] == "enable"
    assert client("GET", "/cmdb/system/global")["results"]["udp-idle-timer"] == 180
    assert client("GET", "/cmdb/system/session-ttl")["results"] == {"default": "3600", "port": []}
    assert client("GET", "/cmdb/firewall.service/custom/SIP")["results"][0]["udp-portrange"] == "5060"
    assert "sip-expectation" in client("GET", "/cmdb/system/settings?action=schema")["results"]["children"]
    assert client("GET", "/cmdb/firewall/policy?action=default")["results"]["inspection-mode"] == "flow"
    assert [item["name"] for item in client("GET", "/cmdb/system/vdom?format=name")["results"]] == ["root"]
    assert isinstance(client("GET", "/cmdb/system/session-helper?global=1"), list)
    backup = client("GET", "/monitor/system/config/backup?scope=global")
    assert backup == dev.running()
    assert any(secret in backup for secret in SECRETS)
    assert client("POST", "/monitor/system/config/backup", {"scope": "global"}) == backup
    assert (dev.journal, dev.login_attempts, dev.open_sessions) == ([], 0, 0)


def test_two_doors_one_device(box: Any, dialogue: Callable[..., str]) -> None:
    dev, client = box("default-74")
    answer = client("PUT", "/cmdb/system/settings", {"default-voip-alg-mode": "kernel-helper-based"})
    assert answer["revision_changed"] is True
    assert answer["old_revision"] != answer["revision"]
    again = client("PUT", "/cmdb/system/settings", {"default-voip-alg-mode": "kernel-helper-based"})
    assert again["revision_changed"] is False
    client("DELETE", "/cmdb/system/session-helper/13")
    client("PUT", "/cmdb/voip/profile/default", {"sip": {"rtp": "disable"}})
    out = dialogue(dev, "show system settings", "show system session-helper", "show voip profile default")
    assert "set default-voip-alg-mode kernel-helper-based" in out
    assert "set name sip" not in out
    assert "set rtp disable" in out
    dialogue(
        dev,
        "config system session-ttl",
        "config port",
        "edit 7",
        "set protocol 17",
        "set timeout 240",
        "next",
        "end",
        "end",
    )
    ports = client("GET", "/cmdb/system/session-ttl")["results"]["port"]
    assert [(item["id"], item["protocol"], item["timeout"]) for item in ports] == [(7, 17, "240")]
    client(
        "PUT",
        "/cmdb/system/session-ttl",
        {"port": [{"id": 9, "protocol": 17, "start-port": 5060, "end-port": 5060, "timeout": "180"}]},
    )
    out = dialogue(dev, "show system session-ttl")
    assert "edit 9" in out
    assert "edit 7" not in out
    dev.reboot()
    assert "edit 9" in dev.running()


def test_both_doors_make_the_same_configuration(lab: Lab, box: Any, dialogue: Callable[..., str]) -> None:
    dev, client = box("default-74")
    client("POST", "/cmdb/firewall/vip", VIP)
    answer = client("POST", "/cmdb/firewall/policy", {"policyid": 0, **POLICY})
    assert answer["mkey"] == 3
    client("PUT", "/cmdb/firewall/policy/3?action=move&before=1")
    other = lab.add("fortinet_fortios", "default-74", name=dev.name)
    dialogue(
        other,
        *("config firewall vip", 'edit "voip-sip"', "set extip 198.51.100.2", 'set mappedip "192.168.10.20"'),
        *('set extintf "wan1"', "set portforward enable", "set protocol udp", "set extport 5060"),
        *("set mappedport 5060", "next", "end", "config firewall policy", "edit 0", 'set name "voip-in"'),
        *('set srcintf "wan1"', 'set dstintf "internal"', 'set srcaddr "all"', 'set dstaddr "voip-sip"'),
        *("set action accept", 'set schedule "always"', 'set service "ALL"', "next", "move 3 before 1", "end"),
    )
    assert other.running() == dev.running()
    assert [write.method for write in dev.journal] == ["POST", "POST", "PUT"]
    client("DELETE", "/cmdb/firewall/vip/voip-sip")
    assert (client.last.status, json.loads(client.text)["error"]) == (500, -23)
    client("DELETE", "/cmdb/firewall/policy/3")
    client("DELETE", "/cmdb/firewall/vip/voip-sip")
    assert dev.running() == lab.add("fortinet_fortios", "default-74", name=dev.name).running()


def test_refused_writes(box: Any) -> None:
    dev, client = box("default-74", "table_full:POST /cmdb/firewall/vip")
    before = dev.running()
    refused: tuple[tuple[str, str, Any, int, int], ...] = (
        ("PUT", "/system/settings", {"sip-helper": "disable"}, 500, -61),
        ("PUT", "/system/settings", {"default-voip-alg-mode": "off"}, 424, -651),
        ("PUT", "/firewall/policy/1", {"voip-profile": "none"}, 424, -3),
        ("POST", "/firewall/policy", {"name": "x"}, 424, -651),
        ("POST", "/firewall.service/custom", {"name": "SIP"}, 424, -5),
        ("POST", "/firewall/vip", VIP, 424, -4),
        ("DELETE", "/system/session-helper/99", None, 404, -3),
    )
    for method, path, body, status, code in refused:
        answer = client(method, "/cmdb" + path, body)
        assert (client.last.status, answer["error"], answer["status"]) == (status, code, "error"), path
    for method, path, status in (("POST", "/cmdb/system/settings", 405), ("GET", "/cmdb/system/nothing", 404)):
        client(method, path)
        assert client.last.status == status
    assert dev.running() == before
    assert not any(write.accepted for write in dev.journal)


def test_log_in_by_form(box: Any) -> None:
    dev, client = box("default-64", token=False)
    client("POST", "/authentication", {"username": dev.user, "secretkey": dev.password})
    assert client.last.status == 404
    client.log_in("wrong")
    assert client.text == "0"
    client.log_in()
    assert client.text.startswith("1")
    assert (dev.login_attempts, dev.open_sessions) == (2, 1)
    assert isinstance(client("GET", "/cmdb/voip/profile/default")["results"][0]["sip"], list)
    client("PUT", "/cmdb/system/settings", {"sip-expectation": "enable"})
    assert client.last.status == 403
    answer = client("PUT", "/cmdb/system/settings", {"sip-expectation": "enable"}, **{"X-CSRFTOKEN": client.csrf})
    assert client.last.status == 200
    assert "revision_changed" not in answer
    client.send("POST", "/logout")
    assert dev.open_sessions == 0
    client("GET", "/cmdb/system/settings")
    assert client.last.status == 401


def test_log_in_by_json(box: Any) -> None:
    dev, client = box("default-74", token=False)
    body = {"username": dev.user, "secretkey": dev.password, "request_key": True}
    answer = client("POST", "/authentication", body)
    assert answer["status_message"] == "LOGIN_SUCCESS"
    client.headers["Authorization"] = f"Bearer {answer['session_key']}"
    client("PUT", "/cmdb/system/settings", {"sip-nat-trace": "disable"})
    assert client.last.status == 200
    client("DELETE", "/authentication")
    assert dev.open_sessions == 0
    assert [write.path for write in dev.journal] == ["/cmdb/system/settings"]
    dev, client = box("post-login-banner", token=False)
    assert "DISCLAIMER" in client("POST", "/authentication", body)["status_message"]
    assert client("POST", "/authentication", {**body, "ack_post_disclaimer": True})["session_key"]


def test_blocked_after_failed_log_ins(box: Any) -> None:
    dev, client = box("default-74", token=False)
    for _count in range(3):
        client("POST", "/authentication", {"username": dev.user, "secretkey": "wrong"})
        assert client.last.status == 401
    client("POST", "/authentication", {"username": dev.user, "secretkey": dev.password})
    assert client.last.status == 429
    dev.tick(1)
    client("GET", "/cmdb/system/settings?access_token=" + dev.api_token)
    assert client.last.status == 401
    dev, client = box("default-64", token=False)
    client("GET", "/cmdb/system/settings?access_token=" + dev.api_token)
    assert client.last.status == 200


def test_vdoms(box: Any) -> None:
    dev, client = box("vdoms")
    names = [item["name"] for item in client("GET", "/cmdb/system/vdom")["results"]]
    assert names == ["root", "cust1", "cust2"]
    answers = client("GET", "/cmdb/system/settings?vdom=*")
    modes = {answer["vdom"]: answer["results"]["default-voip-alg-mode"] for answer in answers}
    assert modes == {"root": "kernel-helper-based", "cust1": "proxy-based", "cust2": "kernel-helper-based"}
    client("PUT", "/cmdb/system/settings?vdom=cust1", {"default-voip-alg-mode": "kernel-helper-based"})
    assert client("GET", "/cmdb/system/settings?vdom=cust1,cust2")[0]["vdom"] == "cust1"
    assert "kernel-helper-based" in str(dev.scopes["cust1"]["system settings"])
    client("GET", "/cmdb/system/settings?vdom=nobody")
    assert client.last.status == 404
    assert client("GET", "/cmdb/system/session-helper?global=1")[0]["results"]
    dev, client = box("vdom-admin")
    assert client("GET", "/cmdb/system/settings")["vdom"] == "cust1"
    for path in ("/cmdb/system/session-helper", "/cmdb/system/settings?vdom=root", "/cmdb/system/global?global=1"):
        client("GET", path)
        assert client.last.status == 403, path


def test_sessions_and_revisions(box: Any) -> None:
    dev, client = box("default-74")
    assert len(client("GET", "/monitor/firewall/session?protocol=udp&destport=5060&count=20")["results"]) == 2
    client("POST", "/monitor/firewall/session/close", {"pro": "udp"})
    assert client.last.status == 424
    client("POST", "/monitor/firewall/session/close-multiple", {"proto": "udp", "dport": 5060})
    assert [item["dport"] for item in dev.sip_sessions] == [443]
    client("POST", "/monitor/system/config-revision/save", {"comments": "before"})
    assert client("GET", "/monitor/system/config-revision")["results"]["revisions"][0]["comment"] == "before"
    assert len(dev.journal) == 3


def test_what_some_units_lack(box: Any) -> None:
    dev, client = box("no-voip-table")
    client("GET", "/cmdb/voip/profile")
    assert client.last.status == 404
    assert "voip-profile" not in client("GET", "/cmdb/firewall/policy/1")["results"][0]
    dev, client = box("ngfw-policy-mode")
    assert client("PUT", "/cmdb/voip/profile/default", {"sip": {"status": "disable"}})["error"] == -7
    dev, client = box("cfg-save-manual")
    client("PUT", "/cmdb/system/settings", {"sip-nat-trace": "disable"})
    dev.reboot()
    assert client("GET", "/cmdb/system/settings")["results"]["sip-nat-trace"] == "enable"
    _dev, client = box("fortimanager")
    client("GET", "/monitor/system/status")
    assert client.last.status == 404


def test_faults(box: Any) -> None:
    dev, client = box("default-74", "ignore:PUT /cmdb/voip/profile", "forbid:/cmdb/firewall/policy", "cut_after:4")
    assert client("PUT", "/cmdb/voip/profile/default", {"sip": {"status": "disable"}})["status"] == "success"
    assert client("GET", "/cmdb/voip/profile/default")["results"][0]["sip"]["status"] == "enable"
    assert client("GET", "/cmdb/firewall/policy")["error"] == -37
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        client("DELETE", "/cmdb/system/session-helper/13")
    assert "name sip" not in dev.running()
    dev, client = box("default-74", "read_only")
    client("DELETE", "/cmdb/system/session-helper/13")
    assert client.last.status == 403
    _dev, client = box("default-74", "hang:/cmdb/system/global")
    client.link.timeout = 0.3
    with pytest.raises(TimeoutError):
        client("GET", "/cmdb/system/global")


@pytest.mark.parametrize(("variant", "leads"), [("ha-primary", True), ("ha-secondary", False)])
def test_a_cluster_says_who_leads(box: Any, variant: str, leads: bool) -> None:
    _dev, client = box(variant)
    serial = client("GET", "/monitor/system/status")["serial"]
    assert client("GET", "/cmdb/system/ha")["results"]["mode"] == "a-p"
    members = {m["serial_no"]: m["is_root_primary"] for m in client("GET", "/monitor/system/ha-checksums")["results"]}
    assert members[serial] is leads
    assert sorted(members.values()) == [False, True]
    _dev, client = box("default-74")
    assert client("GET", "/cmdb/system/ha")["results"]["mode"] == "standalone"
    assert client("GET", "/monitor/system/ha-checksums")["results"] == []
