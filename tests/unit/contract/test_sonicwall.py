# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SonicWalls over HTTPS: audited, predicted, changed once, proven, and left as they were where something goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import EdgeError, LoginRefused
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from tests.lab import SECRETS, Lab
from tests.unit.conftest import params

BOTH = Options(timeout=Wanted(60, 120))
RULES = ["PUT /access-rules/ipv4/uuid", "PUT /access-rules/ipv4/uuid"]

# The verdicts of SIP and of the UDP timeout as found, and after a change.
EXPECTED = {
    "factory": ("active", "low", "disabled", "ok"),
    "already-right": ("disabled", "ok", "disabled", "ok"),
    "rule-based-idle": ("disabled", "low", "disabled", "ok"),
    "udp-120-rules-30": ("disabled", "low", "disabled", "ok"),
    "timers-differ": ("disabled", "low", "disabled", "ok"),
    "unit-conflict": ("disabled", "ok", "disabled", "ok"),
    "sip-null": ("disabled", "ok", "disabled", "ok"),
    "auto-lan-wan": ("active", "low", "disabled", "ok"),
    "digest-only": ("active", "low", "disabled", "ok"),
    "digest-auth": ("active", "low", "disabled", "ok"),
    "chap-only": ("active", "low", "disabled", "ok"),
    "totp": ("active", "low", "disabled", "ok"),
    "auto-commit": ("active", "low", "disabled", "ok"),
    "restart": ("active", "low", "disabled", "ok"),
    "full-table": ("active", "low", "disabled", "ok"),
    # a rule of the administrator's own switches it on: that rule is theirs
    "rule-based": ("active", "low", "active", "ok"),
}


def target(device: Any, **more: Any) -> engine.Target:
    code = device.totp() if "totp" in device.variant.auth else None
    https = {"platform": "sonicwall_sonicos", "transport": "https", "use_ssl": True, "validate_certs": True}
    trust = {"tls_fingerprint": device.tls_fingerprint, "legacy_tls": False, "second_factor": code}
    return target_of({**params(device), **https, **trust, **more})


def verdicts(outcome: engine.Outcome) -> tuple[str, ...]:
    aspects = outcome.record["aspects"]
    return tuple(aspects[name]["verdict"] for name in ("sip_alg", "udp_timeout") if name in aspects)


def requests(device: Any) -> list[str]:
    """The writes that reached a device, without what is different from run to run."""
    return [write.line.split(" {")[0].split("/0000")[0] for write in device.journal]


@pytest.mark.parametrize("variant", list(EXPECTED))
def test_audited_predicted_changed_and_then_left_alone(lab: Lab, variant: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    expected = EXPECTED[variant]
    before = device.snapshot()
    seen = engine.run(target(device), None)
    predicted = engine.run(target(device), BOTH, True)
    assert device.journal == []
    assert device.snapshot() == before
    assert verdicts(seen) == verdicts(predicted) == expected[:2]
    done = engine.run(target(device), BOTH, False)
    assert done.error is None
    assert verdicts(done) == expected[2:]
    assert [step["do"] for step in done.record["done"]] == [step["do"] for step in predicted.record["plan"]]
    assert not device.pending()
    sent = len(device.journal)
    again = engine.run(target(device), BOTH, False)
    assert again.record["done"] == []
    assert len(device.journal) == sent
    assert verdicts(again) == expected[2:]
    told = json.dumps([o.record for o in (seen, predicted, done, again)])
    assert not [secret for secret in SECRETS if secret in told]


def test_one_commit_makes_all_of_it_live(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory")
    engine.run(target(device), BOTH, False)
    assert requests(device) == ["PUT /voip", *RULES, "POST /config/pending"]


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("foreign-pending", "edits of another administrator are pending"),
        ("gen6-406", "does not show the settings of SIP"),
        ("gen6-keyless", "does not show the settings of SIP"),
    ],
)
def test_what_cannot_be_changed_safely_is_left(lab: Lab, variant: str, words: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    outcome = engine.run(target(device), BOTH, False)
    assert words in str(outcome.error)
    assert device.journal == []
    assert outcome.record["compliance"] != "compliant"


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("gen5", "has no API"),
        ("gen6-65", "API is switched off"),
        ("read-only-admin", "Full administrator privileges"),
        ("password-update", "must change the password first"),
        ("foreign-session", "Another administrator is logged in"),
    ],
)
def test_who_is_not_let_in_says_why(lab: Lab, variant: str, words: str) -> None:
    device = lab.add("sonicwall_sonicos", variant)
    outcome = engine.run(target(device), None)
    assert isinstance(outcome.error, EdgeError)
    assert words in str(outcome.error)
    assert verdicts(outcome) == ()
    assert device.login_attempts <= 1


def test_a_missing_code_is_asked_for(lab: Lab) -> None:
    outcome = engine.run(target(lab.add("sonicwall_sonicos", "totp"), second_factor=None), None)
    assert isinstance(outcome.error, LoginRefused)


def test_another_administrator_is_pushed_out_only_when_asked(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "foreign-lock")
    before = device.snapshot()
    refused = engine.run(target(device), BOTH, False)
    assert "set voip_edge_take_over: true" in str(refused.error)
    assert device.snapshot() == before
    assert not device.displaced
    taken = engine.run(target(device, take_over=True), BOTH, False)
    assert taken.error is None
    assert verdicts(taken) == ("disabled", "ok")


def test_a_refused_commit_leaves_nothing(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory", faults=["commit_refused"])
    before = device.snapshot()
    outcome = engine.run(target(device), BOTH, False)
    assert outcome.error is not None
    assert device.snapshot() == before
    assert not device.pending()


@pytest.mark.parametrize("fault", ["cut", "cut_after"])
def test_a_line_cut_at_any_step_is_never_called_done(lab: Lab, fault: str) -> None:
    for step in range(1, 14):
        device = lab.add("sonicwall_sonicos", "factory", faults=[f"{fault}:{step}"])
        outcome = engine.run(target(device), BOTH, False)
        live = device.snapshot()
        assert outcome.error is not None or verdicts(outcome) == ("disabled", "ok")
        clean = engine.run(target(device), None)
        if outcome.error is None:
            assert verdicts(clean) == ("disabled", "ok")
        else:
            assert outcome.record["compliance"] != "compliant"
        assert device.snapshot() == live


def test_one_aspect_is_changed_where_the_other_cannot_be_read(lab: Lab) -> None:
    outcome = engine.run(target(lab.add("sonicwall_sonicos", "policy-mode")), Options(), False)
    assert outcome.error is None
    assert verdicts(outcome) == ("disabled", "undetermined")


def test_a_certificate_that_is_not_the_pinned_one_ends_it(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory")
    outcome = engine.run(target(device, tls_fingerprint="00" * 32), None)
    assert "another device answers there, or its certificate was replaced" in str(outcome.error)
    assert device.tls_fingerprint in str(outcome.error).lower().replace(":", "")
    assert device.login_attempts == 0


STRICT = Options(timeout=Wanted(60, 120), strict=True)


def test_the_options_below_go_only_where_that_is_asked_for(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "factory")
    before = device.snapshot()
    done = engine.run(target(device), BOTH, False)
    seen = {m.id: m for m in done.after.aspects["sip_alg"].mechanisms}  # type: ignore[union-attr]
    assert seen["sip_options"].value == "tcp, non_sip_packets, b2bua_support"
    predicted = engine.run(target(device), STRICT, True)
    strict = engine.run(target(device), STRICT, False)
    assert strict.error is None
    assert [s["do"] for s in strict.record["done"]] == [s["do"] for s in predicted.record["plan"]]
    assert not any(
        json.loads(device.running())["voip"]["sip"][name] for name in ("tcp", "non_sip_packets", "b2bua_support")
    )
    assert not engine.run(target(device), STRICT, False).record["done"]
    assert device.snapshot() != before


def test_a_firmware_that_keeps_them_is_left_as_it_was(lab: Lab) -> None:
    device = lab.add("sonicwall_sonicos", "already-right", faults=["ignore:PUT /voip"])
    before = device.snapshot()
    outcome = engine.run(target(device), STRICT, False)
    assert "sip_options (global) is not_applicable tcp" in str(outcome.error)
    assert device.snapshot() == before
