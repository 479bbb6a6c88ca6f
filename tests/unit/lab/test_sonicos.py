# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated SonicWall, over real HTTPS with the standard library's client."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import ssl
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from ansible_collections.voip.edge.tests.lab import SECRETS, Lab, variants
from ansible_collections.voip.edge.tests.lab.fleet import FLEETS, inventory, start

CONTEXT = ssl.create_default_context()
CONTEXT.check_hostname = False
CONTEXT.verify_mode = ssl.CERT_NONE


class Client:
    """A bare client that keeps its connection; ``headers`` go with every request."""

    def __init__(self, dev: Any, timeout: float = 10) -> None:
        self.dev = dev
        self.link = http.client.HTTPSConnection(dev.host, dev.http_port, context=CONTEXT, timeout=timeout)
        self.headers: dict[str, str] = {}
        self.last: Any = None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The answer as JSON (or text); status and headers are in ``last``."""
        sent = {**self.headers, **headers}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        self.link.request(method, "/api/sonicos" + path, data, sent)
        self.last = self.link.getresponse()
        text = self.last.read().decode()
        return (
            json.loads(text)
            if self.last.getheader("Content-Type", "").startswith("application/json") and text
            else text
        )

    def login(self, override: bool = False, password: str | None = None) -> Any:
        pair = f"{self.dev.user}:{password or self.dev.password}"
        secret = base64.b64encode(pair.encode()).decode()
        return self("POST", "/auth", {"override": override}, Authorization=f"Basic {secret}")

    def digest(self, qop: str, override: bool = False, password: str | None = None, session: str = "") -> Any:
        """Ask for the challenge and answer it."""
        self("POST", "/auth", {"override": override})
        assert self.last.status == 401
        challenge = self.last.getheader("WWW-Authenticate")
        fields = dict(part.split("=", maxsplit=1) for part in challenge[7:].replace('"', "").split(", "))
        name = {"SHA-256": "sha256", "MD5": "md5"}[fields["algorithm"]]

        def mix(*parts: str) -> str:
            return hashlib.new(name, ":".join(parts).encode()).hexdigest()

        body = json.dumps({"override": override})
        first = mix(self.dev.user, fields["realm"], password or self.dev.password)
        if session:
            first = mix(first, fields["nonce"], "c0ffee")
        second = ["POST", "/api/sonicos/auth"] + ([mix(body)] if qop == "auth-int" else [])
        answer = mix(first, fields["nonce"], "00000001", "c0ffee", qop, mix(*second))
        header = (
            f'Digest username="{self.dev.user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", '
            f'uri="/api/sonicos/auth", qop={qop}, nc=00000001, cnonce="c0ffee", response="{answer}", '
            f'algorithm={fields["algorithm"]}{session}, opaque="{fields["opaque"]}"'
        )
        return self("POST", "/auth", {"override": override}, Authorization=header)


@pytest.fixture
def box(lab: Lab) -> Iterator[Any]:
    """``box(variant, *faults)`` gives a served device and a client, by default logged in."""
    clients = []

    def make(variant: str, *faults: str, login: bool = True, **more: Any) -> tuple[Any, Client]:
        dev = lab.add("sonicwall_sonicos", variant, faults=list(faults), **more)
        client = Client(dev)
        clients.append(client)
        if login:
            client.login()
            assert client.last.status == 200
        return dev, client

    yield make
    for client in clients:
        client.link.close()


def good(answer: Any) -> bool:
    return bool(answer["status"]["success"])


def switched_off(client: Client) -> Any:
    value = client("GET", "/voip")
    value["voip"]["consistent_nat"] = True
    value["voip"]["sip"]["enable"] = False
    return value


def rule(**more: Any) -> Any:
    return {"access_rules": [{"ipv4": {"name": "VOIP-IN", "from": "WAN", "to": "LAN", "action": "allow", **more}}]}


# -- reading, staging, committing ---------------------------------------------------------------------------------


def test_an_audit_leaves_no_trace(box: Any) -> None:
    dev, client = box("factory")
    for path in (
        "/version",
        "/reporting/status/system",
        "/config/pending",
        "/voip",
        "/udp",
        "/zones",
        "/interfaces/ipv4",
    ):
        client("GET", path)
        assert client.last.status == 200, path
    for path in ("/access-rules/ipv4", "/nat-policies/ipv4", "/address-objects/ipv4", "/address-groups/ipv4"):
        assert client("GET", path)
    assert client("GET", "/service-objects")["service_objects"]
    assert client("GET", "/service-groups")["service_groups"]
    assert client("GET", "/administration/global")["administration"]["sonicos_api"]["auto_commit"] is False
    assert good(client("DELETE", "/auth"))
    assert dev.journal == []
    assert dev.open_sessions == 0
    assert dev.login_attempts == 1
    assert dev.transcript[0] == "POST /api/sonicos/auth"
    client("GET", "/voip")
    assert client.last.status == 401


def test_writes_wait_for_the_commit(box: Any) -> None:
    dev, client = box("factory")
    before = dev.snapshot()
    assert client("GET", "/config/pending") == ""
    answer = client("PUT", "/voip", switched_off(client))
    assert good(answer)
    assert answer["status"]["cli"]["pending_config"] is True
    assert dev.snapshot() == before
    assert client("GET", "/voip")["voip"]["sip"]["enable"] is False
    assert dev.pending() == ["admin: PUT /voip"]
    assert "voip" in client("GET", "/config/pending")
    client("DELETE", "/config/pending")
    assert client("GET", "/voip")["voip"]["sip"]["enable"] is True
    client("PUT", "/voip", switched_off(client))
    assert good(client("POST", "/config/pending"))
    assert dev.snapshot() != before
    dev.reboot()
    assert json.loads(dev.running())["voip"]["consistent_nat"] is True
    assert [write.path for write in dev.journal if write.accepted] == [
        "/voip",
        "/config/pending",
        "/voip",
        "/config/pending",
    ]


def test_a_put_replaces(box: Any) -> None:
    dev, client = box("factory")
    client("PUT", "/voip", {"voip": {"consistent_nat": True, "sip": {"enable": True, "tcp": False}}})
    sip = client("GET", "/voip")["voip"]["sip"]
    assert (sip["enable"], sip["tcp"], sip["media_timeout"]) == (True, False, 120)
    client("PUT", "/voip", {"voip": {"sip": {"media_timeout": 300}}})
    value = client("GET", "/voip")["voip"]
    assert (value["consistent_nat"], value["sip"]["enable"], value["sip"]["tcp"]) == (False, False, True)
    for bad in ({"voip": {"sip": {"enable": "no"}}}, {"voip": {"sipp": {}}}, {"voip": {"sip": {"on": True}}}, {}):
        answer = client("PUT", "/voip", bad)
        assert client.last.status == 400
        assert not good(answer)
    answer = client("PUT", "/voip", {"voip": {"sip": {"media_timeout": 5}}})
    assert client.last.status == 200
    assert not good(answer)
    assert not dev.journal[-1].accepted
    client("PUT", "/udp", {"udp": {"default_connection_timeout": 120}})
    assert client("GET", "/udp")["udp"]["flood"]["attack_threshold"] == 1000


def test_what_is_not_committed_is_lost(box: Any) -> None:
    dev, client = box("factory")
    client("PUT", "/voip", switched_off(client))
    client("DELETE", "/auth")
    assert dev.pending() == []
    client.login()
    client("PUT", "/voip", switched_off(client))
    client.link.close()
    assert dev.pending() == ["admin: PUT /voip"]  # the session lives on
    client.login()
    assert dev.pending() == ["admin: PUT /voip"]
    dev.tick(10)
    client("GET", "/voip")
    assert client.last.status == 401
    assert (dev.pending(), dev.open_sessions) == ([], 0)


def test_auto_commit(box: Any) -> None:
    dev, client = box("auto-commit")
    before = dev.snapshot()
    client("PUT", "/voip", switched_off(client))
    assert dev.pending() == []
    assert dev.snapshot() != before


# -- rules and objects --------------------------------------------------------------------------------------------


def test_forwards_and_back(box: Any) -> None:
    dev, client = box("factory")
    before = dev.snapshot()
    made = (
        ("/service-objects", {"service_objects": [{"name": "V-RTP", "udp": {"begin": 10000, "end": 20000}}]}),
        ("/service-objects", {"service_objects": [{"name": "V-SIP", "udp": {"begin": 5060, "end": 5060}}]}),
        (
            "/service-groups",
            {"service_groups": [{"name": "V", "service_object": [{"name": "V-SIP"}, {"name": "V-RTP"}]}]},
        ),
        (
            "/address-objects/ipv4",
            {"address_objects": [{"ipv4": {"name": "V-PBX", "zone": "LAN", "host": {"ip": "192.168.10.20"}}}]},
        ),
        (
            "/address-objects/ipv4",
            {
                "address_objects": [
                    {
                        "ipv4": {
                            "name": "V-P1",
                            "zone": "WAN",
                            "network": {"subnet": "203.0.113.0", "mask": "255.255.255.0"},
                        }
                    }
                ]
            },
        ),
        (
            "/address-groups/ipv4",
            {"address_groups": [{"ipv4": {"name": "V-P", "address_object": {"ipv4": [{"name": "V-P1"}]}}}]},
        ),
        (
            "/nat-policies/ipv4",
            {
                "nat_policies": [
                    {
                        "ipv4": {
                            "name": "V",
                            "inbound": "X1",
                            "destination": {"name": "X1 IP"},
                            "translated_destination": {"name": "V-PBX"},
                            "service": {"group": "V"},
                        }
                    }
                ]
            },
        ),
        (
            "/access-rules/ipv4",
            rule(
                source={"address": {"group": "V-P"}},
                service={"group": "V"},
                destination={"address": {"name": "X1 IP"}},
                udp={"timeout": 180},
            ),
        ),
    )
    for path, body in made:
        assert good(client("POST", path, body)), path
    assert good(client("POST", "/config/pending"))
    ours = [item["ipv4"] for item in client("GET", "/access-rules/ipv4")["access_rules"] if item["ipv4"]["to"] == "LAN"]
    assert [item["name"] for item in ours if item["from"] == "WAN"] == ["VOIP-IN", "WAN to LAN"]
    assert [item["priority"]["manual"]["value"] for item in ours if item["from"] == "WAN"] == [1, 2]
    assert (ours[0]["udp"], ours[0]["source"]["port"]) == ({"timeout": 180}, {"any": True})
    answer = client("POST", *made[-1])
    assert "already exists" in answer["status"]["info"][0]["message"]
    copy = json.loads(json.dumps(made[-1][1]).replace("VOIP-IN", "Another"))
    answer = client("POST", "/access-rules/ipv4", copy)
    assert answer["status"]["info"][0]["message"] == "From Zone: Rule overlap, rule not added."
    assert not good(client("DELETE", "/service-objects/name/V-RTP"))  # in use
    nat = next(
        item["ipv4"] for item in client("GET", "/nat-policies/ipv4")["nat_policies"] if item["ipv4"]["name"] == "V"
    )
    client("DELETE", f"/access-rules/ipv4/uuid/{ours[0]['uuid']}")
    client("DELETE", f"/nat-policies/ipv4/uuid/{nat['uuid']}")
    for path in (
        "/address-groups/ipv4/name/V-P",
        "/address-objects/ipv4/name/V-P1",
        "/address-objects/ipv4/name/V-PBX",
    ):
        assert good(client("DELETE", path)), path
    for path in ("/service-groups/name/V", "/service-objects/name/V-RTP", "/service-objects/name/V-SIP"):
        assert good(client("DELETE", path)), path
    assert good(client("POST", "/config/pending"))
    assert dev.snapshot() == before


def test_a_rule_is_replaced_by_its_uuid(box: Any) -> None:
    _dev, client = box("udp-120-rules-30")
    first = client("GET", "/access-rules/ipv4")["access_rules"][0]["ipv4"]
    assert (first["name"], first["udp"]["timeout"]) == ("LAN to WAN", 30)
    path = f"/access-rules/ipv4/uuid/{first['uuid']}"
    first["udp"]["timeout"] = 180
    assert good(client("PUT", path, {"access_rules": [{"ipv4": first}]}))
    assert client("GET", path)["access_rules"][0]["ipv4"] == first
    client("PATCH", path, {"access_rules": [{"ipv4": {"udp": {"timeout": 60}}}]})
    assert client.last.status == 405
    partial = {"from": "LAN", "to": "WAN", "action": "allow"}
    assert good(client("PUT", path, {"access_rules": [{"ipv4": partial}]}))
    fallen = client("GET", path)["access_rules"][0]["ipv4"]
    assert (fallen["name"], fallen["udp"]["timeout"], fallen["uuid"]) == ("", 30, first["uuid"])
    new = rule(service={"name": "SIP TCP"})
    assert good(client("POST", "/access-rules/ipv4", new))
    made = [
        item["ipv4"]
        for item in client("GET", "/access-rules/ipv4")["access_rules"]
        if item["ipv4"]["name"] == "VOIP-IN"
    ]
    assert made[0]["udp"]["timeout"] == 120  # from the global value


def test_refused_entries(box: Any) -> None:
    dev, client = box("full-table")
    refused = (
        ("/access-rules/ipv4", rule(service={"name": "SIP"}), "maximum number"),
        ("/nat-policies/ipv4", {"nat_policies": [{"ipv4": {"name": "V", "inbound": "X1"}}]}, "maximum number"),
        (
            "/address-objects/ipv4",
            {"address_objects": [{"ipv4": {"name": "X1 IP", "zone": "WAN", "host": {"ip": "192.0.2.1"}}}]},
            "already exists",
        ),
        (
            "/service-objects",
            {"service_objects": [{"name": "V", "udp": {"begin": 20000, "end": 10000}}]},
            "end of the port range",
        ),
        ("/service-groups", {"service_groups": [{"name": "V", "service_object": [{"name": "Nothing"}]}]}, "not found"),
        (
            "/service-groups",
            {"service_groups": [{"name": "V", "service_group": [{"name": "SIP"}]}]},
            "should not use as a group",
        ),
    )
    for path, body, text in refused:
        answer = client("POST", path, body)
        assert not good(answer)
        assert client.last.status == 200
        assert text in answer["status"]["info"][0]["message"]
    policy = client("GET", "/nat-policies/ipv4")["nat_policies"][0]["ipv4"]
    assert not any(key.startswith("_") for key in policy)
    answer = client("DELETE", f"/nat-policies/ipv4/uuid/{policy['uuid']}")
    assert "read-only" in answer["status"]["info"][0]["message"]
    auto = next(
        item["ipv4"] for item in client("GET", "/access-rules/ipv4")["access_rules"] if item["ipv4"]["auto_rule"]
    )
    assert not good(client("DELETE", f"/access-rules/ipv4/uuid/{auto['uuid']}"))
    client("GET", "/access-rules/ipv4/uuid/none")
    assert client.last.status == 404
    client("GET", "/frobnicate")
    assert client.last.status == 404
    assert dev.pending() == []


def test_the_export_holds_the_planted_secrets(box: Any) -> None:
    _dev, client = box("factory")
    text = client("GET", "/export/current-config/cli")
    assert 'service-object "SIP UDP" UDP 5060 5061' in text
    assert sum(secret in text for secret in SECRETS) >= 3


def entries(client: Client, path: str) -> list[Any]:
    """The entries of a list, unwrapped."""
    found = next(iter(client("GET", path).values()))
    return [item.get("ipv4", item) for item in found]


def test_where_a_new_rule_stands(box: Any) -> None:
    for variant, order in (("factory", ["VOIP-IN", "WAN to LAN"]), ("auto-last", ["WAN to LAN", "VOIP-IN"])):
        _dev, client = box(variant)
        assert good(client("POST", "/access-rules/ipv4", rule(service={"name": "SIP"}, priority={"auto": True})))
        pair = [item for item in entries(client, "/access-rules/ipv4") if (item["from"], item["to"]) == ("WAN", "LAN")]
        assert [item["name"] for item in pair] == order
        assert [item["priority"]["manual"]["value"] for item in pair] == [1, 2]
    _dev, client = box("auto-shown")
    client("POST", "/access-rules/ipv4", rule(service={"name": "SIP"}))
    shown = {item["name"]: item["priority"] for item in entries(client, "/access-rules/ipv4")}
    assert (shown["VOIP-IN"], shown["WAN to LAN"]) == ({"auto": True}, {"manual": {"value": 2}})


def test_other_interfaces(box: Any) -> None:
    found = {}
    for variant in ("dmz", "two-wans", "dhcp-wan"):
        dev, client = box(variant)
        parts = [item["ip_assignment"] for item in entries(client, "/interfaces/ipv4")]
        found[variant] = sorted((part["zone"], *part["mode"]) for part in parts)
        assert len({item["uuid"] for item in entries(client, "/address-objects/ipv4")}) >= 5
        dev.reboot()
    assert found["dmz"] == [("DMZ", "static"), ("LAN", "static"), ("WAN", "static")]
    assert found["two-wans"] == [("LAN", "static"), ("WAN", "static"), ("WAN", "static")]
    assert found["dhcp-wan"] == [("LAN", "static"), ("WAN", "dhcp")]


def test_rules_of_somebody_else(box: Any) -> None:
    for variant, name, action in (
        ("foreign-deny", "No SIP", "deny"),
        ("foreign-deny-broad", "Stealth", "discard"),
        ("foreign-allow", "SIP in", "allow"),
        ("foreign-forward-pbx", "PBX in", "allow"),
    ):
        dev, client = box(variant)
        first = next(item for item in entries(client, "/access-rules/ipv4") if item["from"] == "WAN")
        assert (first["name"], first["action"], dev.pending()) == (name, action, [])


def test_an_export_that_is_not_given(box: Any) -> None:
    _dev, client = box("no-export")
    assert not good(client("GET", "/export/current-config/cli"))
    assert client.last.status == 403


# -- several administrators ---------------------------------------------------------------------------------------


def test_foreign_edits_are_everybodys(box: Any) -> None:
    dev, client = box("foreign-pending")
    assert dev.pending() == ["jdoe: POST /address-objects/ipv4"]
    assert client("GET", "/config/pending")["address_objects"][0]["ipv4"]["name"] == "Half done"
    client("PUT", "/voip", switched_off(client))
    client("DELETE", "/auth")
    assert dev.pending() == ["jdoe: POST /address-objects/ipv4"]  # ours is lost, theirs is not
    client.login()
    assert good(client("POST", "/config/pending"))
    assert "Half done" in dev.running()


def test_configuration_mode(box: Any) -> None:
    dev, client = box("foreign-lock")
    answer = client("PUT", "/voip", switched_off(client))
    assert (client.last.status, answer["status"]["info"][0]["message"]) == (405, "Non config mode")
    client("DELETE", "/config/pending")
    assert client.last.status == 405
    assert dev.displaced == []
    client("DELETE", "/auth")
    client.login(override=True)
    assert dev.displaced == ["jdoe"]
    assert good(client("PUT", "/voip", switched_off(client)))
    dev, client = box("explicit-mode")
    client("PUT", "/voip", switched_off(client))
    assert client.last.status == 405
    assert good(client("POST", "/config-mode", {}))
    assert good(client("PUT", "/voip", switched_off(client)))
    assert good(client("POST", "/non-config-mode", {}))
    assert dev.lock_holder == ""


def test_one_api_session(box: Any) -> None:
    dev, client = box("foreign-session")
    assert not good(client.login())
    client("GET", "/voip")
    assert client.last.status == 401
    assert good(client.login(override=True))
    assert dev.displaced == ["jdoe"]


# -- logging in ---------------------------------------------------------------------------------------------------


def test_wrong_password_and_lockout(box: Any) -> None:
    dev, client = box("factory", "lockout", login=False)
    for count in (1, 2, 3):
        client.login(password="wrong")
        assert (client.last.status, dev.login_attempts) == (401, count)
    client.login()
    assert client.last.status == 401
    dev.tick(1)
    assert good(client.login())


def test_digest_with_integrity(box: Any) -> None:
    dev, client = box("digest-only", login=False)
    client.login()
    assert (client.last.status, client.last.getheader("Content-Length"), dev.login_attempts) == (401, "0", 0)
    client.digest("auth")
    assert client.last.status == 401
    client.digest("auth-int", password="wrong")
    assert (client.last.status, dev.login_attempts) == (401, 2)
    answer = client.digest("auth-int")
    token = answer["status"]["info"][0]["bearer_token"]
    assert (client.last.status, answer["status"]["info"][0]["code"]) == (200, 0)
    client("GET", "/voip")
    assert client.last.status == 401
    client.headers["Authorization"] = f"Bearer {token}"
    assert client("GET", "/voip")["voip"]["sip"]["enable"] is True
    dev, client = box("digest-auth", login=False)
    assert good(client.digest("auth", session="-sess"))
    dev, client = box("digest-md5", login=False)
    assert good(client.digest("auth"))


def test_chap(box: Any) -> None:
    dev, client = box("chap-only", login=False)
    issued = client("GET", "/auth")
    data = bytes.fromhex(issued["id"]) + dev.password.encode() + bytes.fromhex(issued["challenge"])
    body = {"override": False, "id": issued["id"], "user": dev.user, "digest": hashlib.md5(data).hexdigest()}
    assert good(client("POST", "/auth", body))
    client.headers["Cookie"] = client.last.getheader("Set-Cookie").split(";", maxsplit=1)[0]
    assert client("GET", "/voip")["voip"]
    client("POST", "/auth", body)
    assert client.last.status == 401


def test_one_time_code(box: Any) -> None:
    dev, client = box("totp", login=False)
    assert "TOTP" in client.login()["status"]["info"][0]["message"]
    body = {"user": dev.user, "password": dev.password, "tfa": "000000", "override": False}
    client("POST", "/tfa", body)
    assert client.last.status == 401
    answer = client("POST", "/tfa", {**body, "tfa": dev.totp()})
    client.headers["Authorization"] = "Bearer " + answer["status"]["info"][0]["bearer_token"]
    assert client("GET", "/voip")["voip"]
    assert dev.open_sessions == 1
    assert good(client("DELETE", "/auth"))


@pytest.mark.parametrize(
    ("variant", "status", "text"),
    [
        ("gen6-65", 403, "E_DISABLED"),
        ("gen5", 404, "Not Found"),
        ("read-only-admin", 403, "privileges"),
        ("password-update", 200, "API_AUTH_PASSWORD_UPDATE"),
    ],
)
def test_boxes_that_let_nobody_in(box: Any, variant: str, status: int, text: str) -> None:
    dev, client = box(variant, login=False)
    assert text in json.dumps(client.login())
    assert client.last.status == status
    assert dev.open_sessions == 0


# -- other firmware -----------------------------------------------------------------------------------------------


def test_what_some_firmware_lacks(box: Any) -> None:
    _dev, client = box("tz270-no-rules-api")
    answer = client("GET", "/access-rules/ipv4")
    assert (client.last.status, answer["status"]["info"][0]) == (
        404,
        {"level": "error", "code": 1031, "message": "API not found."},
    )
    _dev, client = box("policy-mode")
    client("POST", "/access-rules/ipv4", rule())
    assert client.last.status == 404
    assert client("GET", "/reporting/status/system")["global_mode"] == "Policy"
    _dev, client = box("gen6-406")
    client.headers["Cookie"] = client.last.getheader("Set-Cookie").split(";", maxsplit=1)[0]
    client("GET", "/voip")
    assert client.last.status == 406
    _dev, client = box("gen6-keyless")
    client.headers["Cookie"] = client.last.getheader("Set-Cookie").split(";", maxsplit=1)[0]
    assert "enable" not in client("GET", "/voip")["voip"]["sip"]
    assert good(client("PUT", "/voip", {"voip": {"sip": None, "consistent_nat": True}}))
    one = {"address_object": {"ipv4": {"name": "V", "zone": "LAN", "host": {"ip": "192.168.10.20"}}}}
    assert not good(client("POST", "/address-objects/ipv4", {"address_objects": [one["address_object"]]}))
    assert good(client("POST", "/address-objects/ipv4", one))
    _dev, client = box("read-only-api")
    assert "Read only" in client("PUT", "/voip", switched_off(client))["status"]["info"][0]["message"]


def test_variants_can_all_be_made(lab: Lab) -> None:
    for name in variants("sonicwall_sonicos"):
        dev = lab.add("sonicwall_sonicos", name)
        assert json.loads(dev.running())["voip"]
        assert dev.journal == []


# -- faults -------------------------------------------------------------------------------------------------------


def test_cut_before_and_after(box: Any) -> None:
    dev, client = box("factory", "cut:2")
    value = switched_off(client)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        client("PUT", "/voip", value)
    assert (dev.pending(), [write.accepted for write in dev.journal]) == ([], [False])
    dev, client = box("factory", "cut_after:2")
    value = switched_off(client)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        client("PUT", "/voip", value)
    assert dev.pending() == ["admin: PUT /voip"]
    client.link.close()
    assert client("GET", "/voip")["voip"]["sip"]["enable"] is False


def test_bad_answers(box: Any) -> None:
    faults = (
        "garble:GET /udp",
        "truncate:/zones",
        "http500:GET /version",
        "short:/service-objects",
        'lie:/voip|"enable": true|"enable": false',
    )
    _dev, client = box("factory", *faults)
    assert client("GET", "/udp").startswith("<!DOCTYPE")
    with pytest.raises(json.JSONDecodeError):
        client("GET", "/service-objects")
    client("GET", "/version")
    assert client.last.status == 500
    assert client("GET", "/voip")["voip"]["sip"]["enable"] is False
    with pytest.raises((http.client.IncompleteRead, ConnectionError, ssl.SSLError)):
        client("GET", "/zones")


def test_swallowed_and_refused_writes(box: Any) -> None:
    dev, client = box("factory", "commit_refused")
    client("PUT", "/voip", switched_off(client))
    assert not good(client("POST", "/config/pending"))
    assert dev.pending() == ["admin: PUT /voip"]
    dev, client = box("factory", "ignore:PUT /udp")
    assert good(client("PUT", "/udp", {"udp": {"default_connection_timeout": 120}}))
    assert good(client("PUT", "/voip", switched_off(client)))
    assert dev.pending() == ["admin: PUT /voip"]
    dev, client = box("factory", "ignore_writes")
    assert good(client("PUT", "/voip", switched_off(client)))
    assert (dev.pending(), len(dev.journal)) == ([], 1)


def test_hang_and_slow(box: Any) -> None:
    _dev, client = box("factory", "hang:GET /udp", "slow:0.05", login=False)
    client.login()
    begin = time.monotonic()
    client("GET", "/voip")
    assert time.monotonic() - begin > 0.04
    client.link.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client("GET", "/udp")


def test_tls(box: Any, lab: Lab) -> None:
    dev, client = box("factory")
    seen = client.link.sock.getpeercert(binary_form=True)
    assert hashlib.sha256(seen).hexdigest() == dev.tls_fingerprint
    trusting = ssl.create_default_context(cadata=dev.tls_certificate)
    link = http.client.HTTPSConnection(dev.host, dev.http_port, context=trusting, timeout=5)
    with contextlib.closing(link):
        link.request("GET", "/api/sonicos/version")
        assert link.getresponse().status == 200  # known by its address
    plain = lab.add("sonicwall_sonicos", "factory", tls=False)
    open_link = http.client.HTTPConnection(plain.host, plain.port, timeout=5)
    with contextlib.closing(open_link):
        open_link.request("GET", "/api/sonicos/version")
        assert open_link.getresponse().status == 401
    own = lab.add("sonicwall_sonicos", "factory", login={"own_host_key": True})
    assert own.tls_fingerprint not in ("", dev.tls_fingerprint)
    old = lab.add("sonicwall_sonicos", "factory", old_tls=True)
    link = http.client.HTTPSConnection(old.host, old.http_port, context=CONTEXT, timeout=5)
    with contextlib.closing(link), pytest.raises(OSError, match="SSL|TLS|ssl|reset"):
        link.request("GET", "/api/sonicos/version")


def test_another_administrator_during_a_run(box: Any) -> None:
    dev, client = box("factory")
    dev.foreign_edit("PUT", "/udp", {"udp": {"default_connection_timeout": 90}})
    dev.foreign_lock()
    assert dev.pending() == ["jdoe: PUT /udp"]
    dev.change(lambda live: live["voip"].update(consistent_nat=True))
    assert client("GET", "/voip")["voip"]["consistent_nat"] is True
    assert client("GET", "/udp")["udp"]["default_connection_timeout"] == 90
    assert dev.journal == []


def test_the_edge_fleet(lab: Lab) -> None:
    served = start(lab, FLEETS["edge"])
    hosts = yaml.safe_load(inventory(served))["all"]["children"]["routers"]["hosts"]
    assert set(hosts) == {member.name for member in FLEETS["edge"]}
    for member, dev in served:
        values = hosts[member.name]
        if not (member.rest or dev.web_only):
            assert (values["ansible_port"], values["voip_edge_host_key"]) == (dev.port, dev.host_key)
            continue
        way = "voip_edge_transport" if member.own_words else "ansible_connection"
        assert values[way] == ("https" if member.own_words else "httpapi")
        assert ("ansible_user" in values) is not member.token
        pin = dev.tls_fingerprint or None  # plain HTTP has none
        assert (values["ansible_httpapi_port"], values.get("voip_edge_tls_fingerprint")) == (dev.http_port, pin)
        assert values.get("ansible_httpapi_use_ssl", True) is bool(pin)
        assert ("ansible_password" in values) is not member.token
        assert ("voip_edge_platform" in values) is member.own_words
