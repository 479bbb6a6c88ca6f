# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SonicOS: what its documents say, and what is sent back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import LoginRefused, UnknownReply
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Assessment, Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import sonicwall_sonicos as sonicos
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpLogin, Reply

SIP = {"enable": True, "access_rule_based": False, "tcp": True, "signaling_timeout": 1800}
LAN_OUT = {
    "uuid": "u1", "name": "LAN out", "from": "LAN", "to": "WAN", "action": "allow", "enable": True,
    "service": {"any": True}, "udp": {"timeout": 30}, "sip": False, "comment": "kept",
}  # fmt: skip
BOTH = Options(timeout=Wanted(60, 120))


def replies(**changes: Any) -> dict[str, str]:
    documents: dict[str, Any] = {
        "version": {"firmware_version": "SonicOS 7.0.1-5151", "model": "TZ 370"},
        "voip": {"voip": {"consistent_nat": False, "sip": SIP, "h323": {"enable": False}}},
        "udp": {"udp": {"default_connection_timeout": 30}},
        "rules": {"access_rules": [{"ipv4": LAN_OUT}]},
        "services": {"service_objects": []},
        "groups": {"service_groups": []},
        "nat": {"nat_policies": []},
        "pending": "",
    }
    documents.update(changes)
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in documents.items()}


def judged(**changes: Any) -> Assessment:
    return sonicos.PLATFORM.judge(sonicos.parse(replies(**changes)), DEFAULT)


def voip(sip: Any, nat: bool = True) -> dict[str, Any]:
    return {"voip": {"consistent_nat": nat, "sip": sip}}


def rules(*more: dict[str, Any]) -> dict[str, Any]:
    return {"access_rules": [{"ipv4": {**LAN_OUT, **rule}} for rule in more]}


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "active"),
        ({"voip": voip({"enable": False, "access_rule_based": False})}, "disabled"),
        ({"voip": voip({"enable": False})}, "undetermined"),
        ({"voip": voip(False)}, "undetermined"),
        ({"voip": voip({"enable": False, "access_rule_based": True}), "rules": rules({"sip": None})}, "undetermined"),
        ({"voip": voip(None)}, "disabled"),
        ({"voip": voip({})}, "disabled"),
        ({"voip": {"voip": {"consistent_nat": True}}}, "undetermined"),
        ({"voip": voip({"tcp": True})}, "undetermined"),
        ({"voip": "404 API not found"}, "undetermined"),
        ({"voip": "<html>"}, "undetermined"),
        ({"voip": voip({"enable": True, "access_rule_based": True})}, "disabled"),
        ({"voip": voip({"enable": True, "access_rule_based": True}), "rules": rules({"sip": True})}, "active"),
        (
            {"voip": voip({"enable": True, "access_rule_based": True}), "rules": rules({"sip": True, "enable": False})},
            "disabled",
        ),
        ({"voip": voip({"enable": True, "access_rule_based": True}), "rules": "404 API not found"}, "undetermined"),
        (
            {
                "voip": voip({"enable": False, "access_rule_based": False}),
                "version": {"firmware_version": "SonicOS 9.9.9"},
            },
            "undetermined",
        ),
    ],
)
def test_verdicts(changes: dict[str, Any], verdict: str) -> None:
    assert judged(**changes).aspects["sip_alg"].verdict == verdict


def test_a_factory_device() -> None:
    seen = judged()
    assert (seen.model, seen.firmware) == ("TZ 370", "7.0.1-5151")
    assert {f.id for f in seen.findings} == {"SIPALG-ACTIVE", "UDP-TIMEOUT-LOW", "CONSISTENT-NAT-OFF"}
    assert "voip.sip.tcp: true" in next(m for m in seen.aspects["sip_alg"].mechanisms if m.id == "sip_options").evidence


def test_what_is_sent_back_is_what_was_read_but_for_the_keys_that_count() -> None:
    box = sonicos.parse(replies())
    plan = sonicos.plan(box, BOTH)
    sip, timeout = plan.steps
    sent = json.loads(sip.do[0].split(" ", 2)[2])
    assert sent == {"voip": {"consistent_nat": True, "sip": {**SIP, "enable": False}, "h323": {"enable": False}}}
    assert json.loads(sip.undo[0].split(" ", 2)[2]) == json.loads(replies()["voip"])
    assert timeout.do[0].startswith("PUT /access-rules/ipv4/uuid/u1 ")
    rule = json.loads(timeout.do[0].split(" ", 2)[2])["access_rules"][0]["ipv4"]
    assert rule == {**LAN_OUT, "udp": {"timeout": 120}}
    expected = sonicos.PLATFORM.judge(plan.expected, DEFAULT)
    assert {a.compliance for a in expected.aspects.values()} == {"compliant"}
    assert not sonicos.plan(plan.expected, BOTH).steps


def test_enabling_again() -> None:
    off = sonicos.parse(replies(voip=voip({"enable": False, "access_rule_based": False, "tcp": True})))
    step = sonicos.plan(off, Options(state="enabled")).steps[0]
    assert json.loads(step.do[0].split(" ", 2)[2])["voip"]["sip"] == {
        "enable": True,
        "access_rule_based": False,
        "tcp": True,
    }
    assert not sonicos.plan(sonicos.parse(replies()), Options(state="enabled")).steps


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pending": {"pending": [1], "status": {"success": True}}}, "edits of another administrator are pending"),
        ({"pending": "500 broken"}, "edits of another administrator are pending"),
        ({"voip": "404 API not found"}, "does not show the settings of SIP"),
    ],
)
def test_refusals(changes: dict[str, Any], words: str) -> None:
    plan = sonicos.plan(sonicos.parse(replies(**changes)), BOTH)
    assert not plan.steps
    assert words in str(plan.refusal)


def test_hidden_rules_leave_the_rest_to_be_changed() -> None:
    plan = sonicos.plan(sonicos.parse(replies(rules="404 API not found")), BOTH)
    assert plan.steps
    assert plan.refusal is None
    assert "does not show its access rules" in plan.unsupported["udp_timeout"]


@pytest.mark.parametrize("empty", ["", "{}", "[]", "null", json.dumps({"status": {"success": True, "info": []}})])
def test_nothing_pending(empty: str) -> None:
    assert sonicos.parse(replies(pending=empty)).pending == ""


def test_only_rules_that_let_sip_out_are_timed() -> None:
    others = [
        {"uuid": "u2", "name": "in", "from": "WAN", "to": "LAN"},
        {"uuid": "u3", "name": "deny", "action": "deny"},
        {"uuid": "u4", "name": "dns", "service": {"name": "DNS"}},
        {"uuid": "u5", "name": "off", "enable": False},
        {"uuid": "u6", "name": "phones", "service": {"group": "VOIP"}, "udp": {"timeout": 180}},
    ]
    seen = judged(
        rules=rules({}, *others),
        services={
            "service_objects": [
                {"name": "DNS", "udp": {"begin": 53, "end": 53}},
                {"name": "SIP", "udp": {"begin": 5060, "end": 5061}},
            ]
        },
        groups={"service_groups": [{"name": "VOIP", "service_object": [{"name": "SIP"}]}]},
    )
    scopes = {m.scope: m.value for m in seen.aspects["udp_timeout"].mechanisms if m.state == "on"}
    assert scopes == {"LAN out u1": "30 s", "phones u6": "180 s"}
    assert [f.text for f in seen.findings if f.id == "UDP-TIMEOUT-DIFFERS"] == ["too short in the rules: LAN out u1"]


def test_a_service_that_cannot_be_resolved_leaves_the_timer_open() -> None:
    seen = judged(rules=rules({"service": {"group": "odd"}, "udp": {"timeout": 300}}))
    assert seen.aspects["udp_timeout"].verdict == "undetermined"
    assert judged(rules={"access_rules": []}).aspects["udp_timeout"].verdict == "undetermined"


def test_forwards() -> None:
    policy = {"name": "pbx", "service": {"name": "RTP"}, "translated_destination": {"name": "pbx"}, "enable": True}
    services = {"service_objects": [{"name": "RTP", "udp": {"begin": 10000, "end": 20000}}]}
    nat = {
        "nat_policies": [
            {"ipv4": policy},
            {"ipv4": {**policy, "name": "out", "translated_destination": {"original": True}}},
        ]
    }
    seen = judged(nat=nat, services=services).aspects["port_forwards"]
    assert (seen.verdict, [m.scope for m in seen.mechanisms]) == ("present", ["pbx UDP 10000-20000"])
    assert judged(nat=nat).aspects["port_forwards"].verdict == "undetermined"
    assert judged(nat="404 API not found").aspects["port_forwards"].verdict == "undetermined"


class Session:
    """Answers as it is told and remembers what was asked."""

    def __init__(self, *answers: tuple[int, Any, dict[str, str]]) -> None:
        self.login = HttpLogin("192.0.2.1", 443, user="admin", password="sesame")
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Any]] = []
        self.auth: list[str] = []

    def request(self, method: str, path: str, **more: Any) -> Reply:
        self.asked.append((method, path, more.get("json")))
        status, document, headers = self.answers.pop(0)
        text = document if isinstance(document, str) else json.dumps(document)
        return Reply(status, headers, text.encode())

    def __getattr__(self, name: str) -> Any:
        return lambda *args: self.auth.append(name)


OK = {"status": {"success": True, "info": [{"code": "E_OK"}]}}


def test_the_method_that_is_offered_is_used_once() -> None:
    session = Session((401, "", {"www-authenticate": 'Digest realm="x", qop="auth-int"'}), (200, OK, {}))
    sonicos.log_in(session, {})  # type: ignore[arg-type]
    assert session.auth == ["use_digest"]
    assert session.asked == [("GET", "/api/sonicos/auth", None), ("POST", "/api/sonicos/auth", {"override": False})]
    plain = Session((401, "", {}), (200, {"status": {"success": True, "info": [{"bearer_token": "t"}]}}, {}))
    sonicos.log_in(plain, {"take_over": True})  # type: ignore[arg-type]
    assert plain.auth == ["use_basic", "use_bearer"]
    assert plain.asked[1][2] == {"override": True}


def test_a_second_factor_goes_its_own_way() -> None:
    session = Session((200, {"status": {"success": True, "info": [{"bearer_token": "t"}]}}, {}))
    sonicos.log_in(session, {"second_factor": "123456"})  # type: ignore[arg-type]
    assert session.asked[0][1] == "/api/sonicos/tfa"
    assert session.asked[0][2]["tfa"] == "123456"


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ([(404, "", {})], UnknownReply, "SonicOS 5 has no API"),
        (
            [(403, {"status": {"success": False, "info": [{"code": "E_DISABLED"}]}}, {})],
            LoginRefused,
            "API is switched off",
        ),
        ([(401, "", {}), (401, "", {})], LoginRefused, "one attempt was made"),
        (
            [(401, "", {}), (200, {"status": {"info": [{"auth_code": "API_AUTH_PASSWORD_UPDATE"}]}}, {})],
            LoginRefused,
            "change the password",
        ),
        (
            [(401, "", {}), (200, {"status": {"info": [{"message": "TOTP needed"}]}}, {})],
            LoginRefused,
            "voip_edge_second_factor",
        ),
        (
            [(401, "", {}), (200, {"status": {"success": False, "info": [{"message": "no"}]}}, {})],
            LoginRefused,
            "HTTP 200 no",
        ),
    ],
)
def test_logins_that_fail(answers: list[Any], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        sonicos.log_in(Session(*answers), {})  # type: ignore[arg-type]


def test_refused_requests() -> None:
    def word(status: int, document: Any) -> str | None:
        return sonicos.refusal(Reply(status, {}, json.dumps(document).encode()))

    assert word(200, OK) is None
    assert (
        word(200, {"status": {"success": False, "info": [{"code": 1055, "message": "exists"}]}})
        == "HTTP 200 1055 exists"
    )
    assert "voip_edge_take_over" in str(
        word(405, {"status": {"success": False, "info": [{"message": "Non config mode"}]}})
    )
    assert word(500, {}) is not None
