# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FortiGates over their REST API: the same verdicts, plans and ends as over SSH, on the same device."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import engine
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import HttpSession
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.rest import RestSession
from tests.lab import SECRETS, Lab, variants
from tests.unit.conftest import audit, change, lines, params
from tests.unit.contract.test_contract import EXPECTED, same_configuration

VARIANTS = variants("fortinet_fortios")
BOTH = Options(timeout=Wanted(minimum=240, recommended=360))
WANTED = pytest.mark.parametrize("options", [Options(), BOTH], ids=["sip_alg", "both"])
EACH = pytest.mark.parametrize("variant", VARIANTS)


def target(device: Any, *, token: bool = True, **more: Any) -> engine.Target:
    """Over HTTPS, with an API token or with the name and the password."""
    secret = {"user": None, "password": None, "api_token": device.api_token} if token else {}
    https = {"transport": "https", "platform": "fortinet_fortios", "use_ssl": True, "validate_certs": True}
    trust = {"port": device.http_port, "tls_fingerprint": device.tls_fingerprint, "legacy_tls": False}
    return target_of({**params(device), **https, **trust, **secret, **more})


def over_rest(device: Any, options: Options | None = None, check: bool = True, **more: Any) -> engine.Outcome:
    return engine.run(target(device, **more), options, check)


def add(lab: Lab, variant: str, *faults: str) -> Any:
    return lab.add("fortinet_fortios", variant, faults=faults, rest=True)


def seen(outcome: engine.Outcome) -> Any:
    """What is compared: model, firmware, each verdict, each mechanism with its state and value, the findings."""
    if outcome.before is None:
        return outcome.error and outcome.error.kind
    found = outcome.before
    aspects = {
        name: (a.verdict, a.compliance, {(m.id, m.scope): (m.state, m.value, m.basis) for m in a.mechanisms})
        for name, a in found.aspects.items()
    }
    return found.model, found.firmware, aspects, [f.id for f in found.findings]


def verdict(outcome: engine.Outcome) -> str:
    """After a change, or what ended it."""
    if outcome.error is not None:
        return outcome.error.kind
    assert outcome.after is not None
    return outcome.after.aspects["sip_alg"].verdict


def no_secret_in(*outcomes: engine.Outcome) -> None:
    for o in outcomes:
        text = json.dumps(o.record) + str(o.error) + str(o.script) + str(o.undo) + str(o.change)
        assert not [secret for secret in SECRETS if secret in text]


@EACH
def test_both_doors_say_the_same_and_write_nothing(lab: Lab, variant: str) -> None:
    device = add(lab, variant)
    by_commands, by_token, by_name = audit(device), over_rest(device), over_rest(device, token=False)
    assert seen(by_commands) == seen(by_token) == seen(by_name)
    assert lines(device) == []
    assert device.login_attempts == (1 if variant == "fortimanager" else 2)  # none of them with the token
    assert device.open_sessions == 0
    no_secret_in(by_token, by_name)


@WANTED
@EACH
def test_both_doors_plan_and_make_the_same(lab: Lab, variant: str, options: Options) -> None:
    device, other = add(lab, variant), add(lab, variant)
    before = device.running()
    predicted = over_rest(device, options)
    assert lines(device) == []
    made = over_rest(device, options, check=False)
    by_commands = change(other, options=options)
    ends = "not saved" if variant == "cfg-save-manual" else EXPECTED["fortinet_fortios", variant][1]
    assert verdict(predicted) == verdict(made) == verdict(by_commands) == ends or ends == "not saved"
    if ends != "unknown_reply":
        assert str(made.error).replace(device.name, "") == str(by_commands.error).replace(other.name, "")
    assert list(predicted.script) == list(made.script)
    assert device.running().replace(device.name, "") == other.running().replace(other.name, "")
    if predicted.after is not None and made.after is not None:
        assert predicted.after.states("sip_alg", "udp_timeout") == made.after.states("sip_alg", "udp_timeout")
    written = lines(device)
    assert written == [line.replace('": ', '":').replace(", ", ",") if "{" in line else line for line in made.script]
    assert seen(audit(device)) == seen(over_rest(device))
    again = over_rest(device, options, check=False)
    assert not again.script
    assert lines(device) == written
    if made.script:
        undo(device, made)
    assert same_configuration(device.running(), before)
    no_secret_in(predicted, made, again)


def undo(device: Any, made: engine.Outcome) -> None:
    """Sends the inverse lines of a result."""
    where = target(device)
    assert where.http is not None
    assert where.platform is not None
    assert where.platform.door is not None
    session = RestSession(HttpSession(where.http), where.platform.door, {})
    session.greet()
    session.may_write = True
    for line in made.undo:
        session.write(line)
    session.close()


@EACH
def test_enabled_and_disabled_are_each_others_inverse(lab: Lab, variant: str) -> None:
    device = add(lab, variant)
    over_rest(device, Options(), check=False)
    on = over_rest(device, Options(state="enabled"), check=False)
    if on.error is not None or not on.script:
        return
    assert verdict(on) == "active"
    assert not over_rest(device, Options(state="enabled"), check=False).script
    assert verdict(over_rest(device, Options(), check=False)) in ("disabled", "active")


def test_rules_of_the_customer_are_changed_when_allowed(lab: Lab) -> None:
    options = Options(edit_policies=True, allow_unproven=True)
    for variant in ("policy-voip-profile", "service-helper-sip"):
        device = add(lab, variant)
        before = device.running()
        made = over_rest(device, options, check=False)
        assert made.error is None
        assert verdict(made) == "disabled"
        undo(device, made)
        assert same_configuration(device.running(), before)


def test_a_port_entry_is_raised_in_its_place(lab: Lab) -> None:
    device = add(lab, "default-74")
    entries = ["edit 3", "set protocol 17", "set start-port 5060", "set end-port 5060", "set timeout 60", "next"]
    other = ["edit 1", "set protocol 6", "set start-port 1494", "set end-port 1494", "set timeout 7200", "next"]
    device.change(["config system session-ttl", "config port", *entries, *other, "end", "end"])
    before = device.running()
    made = over_rest(device, Options(state=None, timeout=Wanted(240, 360)), check=False)
    assert made.error is None
    assert before.replace("set timeout 60", "set timeout 360") == device.running()
    undo(device, made)
    assert device.running() == before


def test_an_audit_is_nine_requests_on_one_connection(lab: Lab) -> None:
    device = add(lab, "default-74")
    over_rest(device)
    assert len(device.transcript) == 9
    assert device.web.connections_seen == 1
    assert not [line for line in device.transcript if device.api_token in line]
    with_vdoms = add(lab, "vdoms")
    over_rest(with_vdoms)
    assert len(with_vdoms.transcript) == 10


def test_a_change_that_cannot_be_saved_says_so(lab: Lab) -> None:
    device = add(lab, "cfg-save-manual")
    predicted = over_rest(device, Options())
    assert predicted.plan is not None
    assert "run 'execute cfg save'" in predicted.plan.still_needed[-1]
    made = over_rest(device, Options(), check=False)
    assert made.error is None
    assert made.change is not None
    assert made.change.saved is False
    assert "the API cannot save" in made.change.unsaved
    assert "NOT-SAVED" in [f["id"] for f in made.record["findings"]]
    assert verdict(made) == "disabled"
    device.reboot()
    assert audit(device).record["aspects"]["sip_alg"]["verdict"] == "active"


def test_a_device_that_takes_back_what_is_not_saved_is_left(lab: Lab) -> None:
    device = add(lab, "default-74")
    device.change(["config system global", "set cfg-save revert", "end"])
    outcome = over_rest(device, Options(), check=False)
    assert "its API cannot save: use SSH" in str(outcome.error)
    assert lines(device) == []


HIDDEN = "whether this is the secondary unit of a cluster is not shown"


def test_a_cluster_that_does_not_say_who_leads_is_left(lab: Lab) -> None:
    for variant, fault in (
        ("ha-primary", "forbid:/monitor/system/ha-checksums"),
        ("ha-primary", "short:/monitor/system/ha-checksums"),
        ("default-74", "forbid:/cmdb/system/ha"),
    ):
        device = add(lab, variant, fault)
        assert HIDDEN in str(over_rest(device, Options(), check=False).error), fault
        assert lines(device) == []
    for variant, fault in (
        ("default-74", "http500:/monitor/system/ha-checksums"),  # not asked: it is in no cluster
        ("ha-primary", "forbid:/cmdb/system/ha"),
    ):
        assert verdict(over_rest(add(lab, variant, fault), Options(), check=False)) == "disabled", fault


@pytest.mark.parametrize("fault", ["forbid", "http500", "garble", "short"])
@pytest.mark.parametrize(
    "path",
    [
        "system/global",
        "system/session-helper",
        "system/settings",
        "voip/profile",
        "firewall/policy",
        "firewall.service/custom",
    ],
)
def test_what_is_not_read_is_never_called_off(lab: Lab, fault: str, path: str) -> None:
    device = add(lab, "off-74", f"{fault}:/cmdb/{path}")
    outcome = over_rest(device)
    assert outcome.error is None
    record = outcome.record
    if path == "voip/profile" and fault in ("forbid", "http500"):
        # nothing brings a profile in where the mode leaves SIP to the helper and no policy names one
        assert record["aspects"]["sip_alg"]["verdict"] == "disabled"
    else:
        assert record["compliance"] != "compliant"
    if path in ("system/session-helper", "system/settings", "firewall/policy", "firewall.service/custom"):
        assert record["aspects"]["sip_alg"]["verdict"] == "undetermined"
    if fault == "forbid":
        group = {"system": "sysgrp", "voip": "utmgrp"}.get(path.split("/", maxsplit=1)[0], "fwgrp")
        assert [line for line in record["not_checked"] if path in line and f"needs read on {group}" in line]
    refused = over_rest(device, Options(state="enabled"), check=False)
    if fault in ("garble", "short"):
        assert "not read whole" in str(refused.error)
        assert lines(device) == []


def test_vdoms_that_were_not_seen_are_not_called_right(lab: Lab) -> None:
    """The device's settings are refused, so nobody knows whether there are more VDOMs than the one that is listed."""
    device = add(lab, "off-74", "forbid:/cmdb/system/global")
    outcome = over_rest(device)
    assert outcome.record["aspects"]["sip_alg"]["verdict"] == "undetermined"
    assert over_rest(device, Options(state="enabled"), check=False).error is not None
    assert lines(device) == []
    listed = add(lab, "vdoms", "forbid:/cmdb/system/vdom")
    assert over_rest(listed).record["compliance"] != "compliant"
    assert over_rest(listed, Options(), check=False).error is not None
    assert lines(listed) == []


def test_a_lie_about_the_identity_is_no_fortigate(lab: Lab) -> None:
    for fault in (
        "garble:/monitor/system/status",
        "short:/monitor/system/status",
        "lie:/monitor/system/status|FGT60F|FMG-VM",
    ):
        outcome = over_rest(add(lab, "default-74", fault), Options(), check=False)
        assert outcome.error is not None
        assert outcome.error.kind == "unknown_reply"


def test_an_unknown_version_is_judged_with_doubt_and_not_changed(lab: Lab) -> None:
    device = add(lab, "default-74", "unknown_version")
    assert seen(audit(device)) == seen(over_rest(device))
    outcome = over_rest(device, Options(), check=False)
    assert outcome.error is not None
    assert outcome.error.kind == "refusal"
    assert lines(device) == []


@pytest.mark.parametrize("variant", ["default-74", "default-64", "post-login-banner"])
@pytest.mark.parametrize("token", [True, False], ids=["token", "password"])
def test_a_refused_login_is_one_attempt(lab: Lab, variant: str, token: bool) -> None:
    device = add(lab, variant, "refuse_login")
    outcome = over_rest(device, Options(), check=False, token=token)
    assert outcome.error is not None
    assert outcome.error.kind == "login_refused"
    assert "one attempt was made" in str(outcome.error)
    assert "api_token" in str(outcome.error)
    assert device.login_attempts == 1
    assert outcome.record["compliance"] == "undetermined"
    assert lines(device) == []
    no_secret_in(outcome)


def test_a_blocked_address_stops_at_once(lab: Lab) -> None:
    device = add(lab, "default-74")
    device.failed_logins = 3
    for token in (True, False):
        outcome = over_rest(device, token=token)
        assert "HTTP 429" in str(outcome.error)
        assert outcome.error is not None
        assert outcome.error.kind == "login_refused"
    assert len(device.transcript) == 2


def test_a_dead_host_is_unreachable_with_a_token_too(lab: Lab) -> None:
    device = add(lab, "default-74")
    outcome = over_rest(device, port=1)
    assert not outcome.opened
    assert outcome.record["compliance"] == "not_reached"


@pytest.mark.parametrize("variant", ["default-74", "default-64"])
def test_a_session_is_left_on_every_path(lab: Lab, variant: str) -> None:
    for fault in (
        "",
        "truncate:/cmdb/voip/profile",
        "cut:11",
        "ignore_writes",
        "http500:PUT /cmdb/voip/profile",
        "read_only",
    ):
        device = add(lab, variant, *([fault] if fault else []))
        outcome = over_rest(device, Options(), check=False, token=False)
        assert (outcome.error is None) == (fault == ""), fault
        deadline = time.monotonic() + 3
        while device.open_sessions and time.monotonic() < deadline:
            time.sleep(0.01)
        assert device.open_sessions == 0, fault
        assert device.login_attempts == 1
        no_secret_in(outcome)


def after_failure(device: Any, outcome: engine.Outcome, before: str) -> None:
    """Nothing is left, or what may be left is named."""
    assert outcome.error is not None
    assert outcome.record["compliance"] != "compliant"
    if not same_configuration(device.running(), before):
        assert "MAY STILL BE ON THE DEVICE" in str(outcome.error)
    no_secret_in(outcome)


@WANTED
@pytest.mark.parametrize("variant", ["default-74", "default-64", "vdoms", "helper-at-12-other"])
@pytest.mark.parametrize(
    "fault",
    [
        "read_only",
        "ignore_writes",
        "ignore:DELETE /cmdb/system/session-helper",
        "ignore:PUT /cmdb/system/settings",
        "ignore:PUT /cmdb/voip/profile",
        "http500:PUT /cmdb/voip/profile",
        "http500:PUT /cmdb/system/settings",
        "forbid:PUT /cmdb/voip",
        "forbid:DELETE /cmdb/system",
    ],
)
def test_faults_while_writing_are_undone_or_named(lab: Lab, variant: str, fault: str, options: Options) -> None:
    device = add(lab, variant, fault)
    before = device.running()
    outcome = over_rest(device, options, check=False)
    after_failure(device, outcome, before)
    assert same_configuration(device.running(), before)
    if fault == "forbid:PUT /cmdb/voip":
        assert "needs read-write on utmgrp" in str(outcome.error)


def test_an_ignored_timer_is_undone(lab: Lab) -> None:
    for fault in ("ignore:PUT /cmdb/system/session-ttl", "http500:PUT /cmdb/system/session-ttl"):
        device = add(lab, "default-74", fault)
        before = device.running()
        after_failure(device, over_rest(device, BOTH, check=False), before)
        assert same_configuration(device.running(), before)


def test_a_full_table_leaves_things_as_they_were(lab: Lab) -> None:
    device = add(lab, "off-74", "table_full:POST /cmdb/system/session-helper")
    before = device.running()
    outcome = over_rest(device, Options(state="enabled"), check=False)
    assert "error -4: reached the maximum number of entries" in str(outcome.error)
    assert device.running() == before


@pytest.mark.parametrize("cut", ["cut", "cut_after"])
def test_a_line_cut_at_any_step_is_never_called_done(cut: str) -> None:
    with Lab() as lab:
        for step in range(1, 40):
            device = add(lab, "default-74", f"{cut}:{step}")
            before = device.running()
            outcome = over_rest(device, BOTH, check=False)
            found = seen(over_rest(device))
            if outcome.error is None:
                assert outcome.after is not None
                assert found[2]["sip_alg"][0] == verdict(outcome) == "disabled", step
            else:
                assert outcome.record["compliance"] != "compliant"
                after_failure(device, outcome, before)
            if device.door.since_login < step:
                return
        raise AssertionError("the end was not reached")


@pytest.mark.parametrize("fault", ["hang", "truncate"])
@pytest.mark.parametrize("path", ["GET /cmdb/firewall/policy", "PUT /cmdb/voip/profile", "GET /monitor/system/status"])
def test_answers_that_do_not_come_end_it(lab: Lab, fault: str, path: str) -> None:
    device = add(lab, "default-74", f"{fault}:{path}")
    before = device.running()
    outcome = over_rest(device, Options(), check=False, timeout=0.7)
    after_failure(device, outcome, before)


def test_sessions_are_not_cleared_this_way(lab: Lab) -> None:
    device = add(lab, "default-74")
    made = over_rest(device, Options(clear_sessions=True), check=False)
    assert made.change is not None
    assert "nothing was cleared" in made.change.notes[-1]
    assert len(device.sip_sessions) == 3


PATHS = (
    *(
        "system/global",
        "system/session-helper",
        "system/settings",
        "voip/profile",
        "firewall/policy",
        "firewall.service/custom",
    ),
    *("system/session-ttl", "firewall/vip", "system/ha"),
)


@pytest.mark.parametrize("fault", ["garble", "short", "truncate", "http500", "forbid"])
def test_nothing_is_called_off_that_is_not(fault: str) -> None:
    """Each fault at each address and method: what is then said of the device is no more than what is so."""
    with Lab() as lab:
        for path in PATHS:
            for method in ("GET ", "PUT ", "DELETE ", ""):
                device = add(lab, "default-74", f"{fault}:{method}/cmdb/{path}")
                before = device.running()
                outcome = over_rest(device, BOTH, check=False)
                device.faults.clear(fault)
                found = seen(over_rest(device))
                if outcome.error is not None:
                    after_failure(device, outcome, before)
                else:
                    assert verdict(outcome) in (found[2]["sip_alg"][0], "undetermined"), (method, path)
                assert device.login_attempts == 0
