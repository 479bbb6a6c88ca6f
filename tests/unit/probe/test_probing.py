# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the probe: options in, a document out, and no key in any of it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.edge.plugins.module_utils._edge import probing
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import BadInput, Unreachable
from ansible_collections.voip.edge.plugins.module_utils._edge.probe import reflector_settings, ttl
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.compare import Change
from ansible_collections.voip.edge.plugins.module_utils._edge.probe.settings import EVERY_PORT, PROFILES
from ansible_collections.voip.edge.plugins.modules import sip_probe as module
from tests.lab.relay import Behaviour

Make = Callable[..., Any]
DEFAULTS = {name: spec.get("default") for name, spec in probing.SIP_PROBE.items()}
KEY = "another key of enough characters, too"


def params(**more: Any) -> dict[str, Any]:
    return {**DEFAULTS, "reflector": "127.0.0.1", "key": KEY, **more}


def given(way: Any, **more: Any) -> dict[str, Any]:
    """The options of a task for a path of the lab."""
    options = way.options
    own = {"reflector": options.server.ip, "port": options.server.port, "key": options.secret}
    return params(**own, local_address=options.local, reflector_proven=True, own_nat=False, **more)


def test_a_run_as_a_document(way: Make, tmp_path: Path) -> None:
    watched = tmp_path / "progress"
    result = probing.sip_probe(given(way(Behaviour(("linux",))), progress_file=str(watched)))

    assert set(result) == {"changed", "probe"}
    assert result["changed"] is False
    document = json.loads(json.dumps(result["probe"]))
    assert document["schema"] == "voip.edge/probe/1"
    assert document["verdict"] == "rewritten"
    assert document["profile"] == "quick"
    assert document["started"] <= document["finished"]
    assert any(
        one["name"] == "via" and one["inserted"][0]["whose"] == "outermost NAT" for one in document["rewritings"]
    )
    assert watched.read_text(encoding="utf-8").splitlines()[-1].endswith("verdict: rewritten")


def test_a_redacted_document_has_no_address_and_the_same_verdict(way: Make) -> None:
    path = way(Behaviour(("linux",)))
    result = probing.sip_probe(given(path, redact=True))
    text = json.dumps(result)

    assert result["probe"]["verdict"] == "rewritten"
    assert path.options.local + ":" not in text
    assert path.relay.outside not in text
    assert path.options.server.ip not in text
    assert "(LAN address)" in text
    assert "(public address)" in text


def test_the_key_is_in_no_result(way: Make) -> None:
    path = way()

    assert path.options.secret not in json.dumps(probing.sip_probe(given(path)))
    failed = probing.sip_probe(given(path) | {"key": KEY})
    assert failed["error_kind"] == "unreachable"
    assert failed["failed"] is True
    assert KEY not in json.dumps(failed)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"key": "short"}, "bad_input"),
        ({"key": None}, "bad_input"),
        ({"reflector": None}, "bad_input"),
        ({"reflector": None, "key": None}, "bad_input"),
        ({"port": 0}, "bad_input"),
        ({"provider": "127.0.0.1", "provider_port": 70000}, "bad_input"),
        ({"lifetime_cap": 3601}, "bad_input"),
        ({"forwarded_ports": "20000-10000"}, "bad_input"),
        ({"forwarded_ports": "80"}, "bad_input"),
        ({"forwarded_ports": "all"}, "bad_input"),
        ({"reflector": "name.invalid"}, "unreachable"),
        ({"local_address": "192.0.2.1"}, "unreachable"),
        ({"progress_file": "/nowhere/at/all"}, "unreachable"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_a_failure_of_its_kind(more: dict[str, Any], kind: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("ansible_collections.voip.edge.plugins.module_utils._edge.probe.control.PATIENCE", 0.01)

    assert probing.sip_probe(params(**more))["error_kind"] == kind


def test_a_progress_file_that_cannot_be_written_is_bad_input(way: Make) -> None:
    assert probing.sip_probe(given(way(), progress_file="/nowhere/at/all"))["error_kind"] == "bad_input"


def test_options_follow_the_profile_unless_they_are_given() -> None:
    standard = probing.options_of(params(profile="standard", forwarded_ports="10000-20000", provider="127.0.0.1"))

    assert standard.lifetime_cap == PROFILES["standard"].lifetime_cap == 180
    assert standard.forwarded == (10000, 20000)
    assert standard.provider == ("127.0.0.1", 5060)
    assert probing.options_of(params(profile="full", lifetime_cap=0)).lifetime_cap == 0
    assert probing.options_of(params(forwarded_ports="5060")).forwarded == (5060, 5060)
    assert probing.options_of(params()).provider is None
    assert not probing.options_of(params()).second_phone
    assert probing.options_of(params(profile="full")).second_phone
    assert probing.options_of(params()).media_samples == PROFILES["quick"].media_samples
    assert probing.options_of(params(every_media_port=True)).media_samples == EVERY_PORT
    with pytest.raises(BadInput):
        probing.options_of(params(lifetime_cap=-1))
    with pytest.raises(Unreachable, match="provider: 'name.invalid' has no address here"):
        probing.options_of(params(provider="name.invalid"))


@pytest.mark.parametrize(
    "more",
    [
        {"reflector": "2001:db8::1"},
        {"reflector": "six.example"},
        {"provider": "2001:db8::2"},
        {"local_address": "fe80::1"},
    ],
    ids=str,
)
def test_ipv6_is_refused_in_plain_words(more: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolving(host: str, *rest: Any) -> Any:
        return real("2001:db8::6" if host == "six.example" else host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", resolving)
    result = probing.sip_probe(params(**more))

    assert result["error_kind"] == "bad_input"
    ((name, value),) = more.items()
    assert f"{name}: '{value}' has an IPv6 address and no IPv4 address, and the probe tests IPv4 only" in result["msg"]


def test_a_name_with_both_kinds_of_address_is_asked_over_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [(socket.AF_INET6, 2, 17, "", ("2001:db8::1", 0, 0, 0)), (socket.AF_INET, 2, 17, "", ("192.0.2.1", 0))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_asked: both)

    assert probing.options_of(params()).server.ip == "192.0.2.1"


def finding(changed_by: int | None) -> ttl.Finding:
    change = Change("header", "via", "changed", "a", "b", ("100.64.0.2",))
    return ttl.Finding(changed_by, "192.168.77.1" if changed_by else "", (change,) if changed_by else (), 1, 500)


@pytest.mark.parametrize(
    ("found", "repeated", "verdict"),
    [(finding(1), True, "rewritten"), (finding(1), False, "inconclusive"), (finding(None), False, "inconclusive")],
)
def test_without_a_reflector_only_a_change_is_proof(
    found: ttl.Finding, repeated: bool, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trace_twice(local: str, target: Any) -> tuple[ttl.Finding, bool]:
        return found, repeated

    monkeypatch.setattr(ttl, "trace_twice", trace_twice)
    document = probing.sip_probe(params(reflector=None, key=None, provider="127.0.0.1"))["probe"]
    assert document["verdict"] == verdict
    assert document["facts"]["hops"] == found.as_dict()
    assert any("needs a reflector" in line for line in document["not_tested"])
    hidden = probing.sip_probe(params(reflector=None, key=None, provider="127.0.0.1", redact=True))["probe"]
    assert hidden["verdict"] == verdict
    assert hidden["facts"]["provider"] in ("(server)", "(LAN address)")


def test_the_control_port_is_the_reflectors() -> None:
    assert probing.CONTROL_PORT == reflector_settings.CONTROL_PORT


def test_the_documentation_names_exactly_the_options() -> None:
    documentation = yaml.safe_load(module.DOCUMENTATION)

    assert documentation["module"] == "sip_probe"
    assert set(documentation["options"]) == set(probing.SIP_PROBE)
    for name, spec in probing.SIP_PROBE.items():
        said = documentation["options"][name]
        assert said["type"] == spec["type"]
        assert said.get("default") == spec.get("default")
        assert said.get("choices") == spec.get("choices")
        assert said.get("required", False) == spec.get("required", False)
    assert yaml.safe_load(module.EXAMPLES)
    assert set(yaml.safe_load(module.RETURN)) == {"probe", "error_kind"}


def test_the_module_ends_with_what_the_door_says(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def __init__(self, argument_spec: dict[str, Any], supports_check_mode: bool) -> None:
            assert supports_check_mode
            self.params = params(key="short")
            self.ended: dict[str, Any] = {}
            made.append(self)

        def fail_json(self, **result: Any) -> None:
            self.ended = result

        def exit_json(self, **result: Any) -> None:
            """The real one is not reached after a failure."""

    made: list[Fake] = []
    monkeypatch.setattr(module, "AnsibleModule", Fake)
    module.main()

    assert made[0].ended["error_kind"] == "bad_input"
