# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One contract for every platform and every variant of it: what holds whatever the device is."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.engine import Outcome
from ansible_collections.voip.edge.plugins.module_utils._edge.options import target_of
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.cli import CliSession
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.ssh import connect
from tests.lab import SECRETS, Device, Lab, variants
from tests.unit.conftest import audit, change, lines, params

# What the dossiers say of each simulated device: the verdict found, and the verdict after a change.
EXPECTED = {
    ("cisco_ios", "nat-default"): ("active", "disabled"),
    ("cisco_ios", "both-off"): ("disabled", "disabled"),
    ("cisco_ios", "udp-off-only"): ("active", "disabled"),
    ("cisco_ios", "tcp-off-only"): ("active", "disabled"),
    ("cisco_ios", "extra-port"): ("active", "disabled"),
    ("cisco_ios", "no-nat"): ("not_applicable", "not_applicable"),
    ("cisco_ios", "switch"): ("not_applicable", "not_applicable"),
    ("cisco_ios", "cbac-sip"): ("active", "active"),
    ("cisco_ios", "cbac-sip-no-udp"): ("active", "active"),
    ("cisco_ios", "cbac-defined-not-applied"): ("disabled", "disabled"),
    ("cisco_ios", "zbf-sip"): ("active", "active"),
    ("cisco_ios", "zbf-acl-inspect"): ("undetermined", "undetermined"),
    ("cisco_ios", "all-algs-off"): ("undetermined", "disabled"),
    ("cisco_ios", "archive"): ("active", "disabled"),
    ("cisco_ios", "no-archive"): ("active", "disabled"),
    ("cisco_ios", "sip-device"): ("active", "disabled"),
    ("cisco_ios", "classic-15"): ("active", "disabled"),
    ("cisco_ios", "xe-17"): ("active", "disabled"),
    ("cisco_ios", "old-12"): ("active", "disabled"),
    ("cisco_ios", "short-udp-timeout"): ("disabled", "disabled"),
    ("cisco_ios", "static-5060"): ("active", "disabled"),
    ("cisco_ios", "forwards"): ("disabled", "disabled"),
    ("cisco_ios", "forwards-foreign"): ("disabled", "disabled"),
    ("cisco_ios", "outside-acl"): ("disabled", "disabled"),
    ("cisco_ios", "long-name"): ("active", "disabled"),
    ("cisco_asa", "default"): ("active", "disabled"),
    ("cisco_asa", "off"): ("disabled", "disabled"),
    ("cisco_asa", "sip-map"): ("active", "disabled"),
    ("cisco_asa", "sip-map-strict"): ("active", "disabled"),
    ("cisco_asa", "interface-policy"): ("active", "disabled"),
    ("cisco_asa", "two-policies"): ("active", "disabled"),
    ("cisco_asa", "other-class-port"): ("active", "disabled"),
    ("cisco_asa", "definition-only"): ("disabled", "disabled"),
    ("cisco_asa", "no-service-policy"): ("disabled", "disabled"),
    ("cisco_asa", "no-udp-timeout-line"): ("active", "disabled"),
    ("cisco_asa", "multi-context"): ("active", "disabled"),
    ("cisco_asa", "pix6-fixup"): ("active", "refusal"),
    ("cisco_asa", "ftd"): ("active", "refusal"),
    ("cisco_asa", "short-udp"): ("disabled", "disabled"),
    ("cisco_asa", "foreign-forward"): ("disabled", "disabled"),
    ("cisco_asa", "outside-acl-deny"): ("disabled", "disabled"),
    ("cisco_asa", "static-forwards"): ("disabled", "disabled"),
    ("fortinet_fortios", "default-74"): ("active", "disabled"),
    ("fortinet_fortios", "default-64"): ("active", "disabled"),
    ("fortinet_fortios", "default-60"): ("active", "disabled"),
    ("fortinet_fortios", "default-52"): ("active", "disabled"),
    ("fortinet_fortios", "v50"): ("active", "disabled"),
    ("fortinet_fortios", "off-74"): ("disabled", "disabled"),
    ("fortinet_fortios", "off-60"): ("disabled", "disabled"),
    ("fortinet_fortios", "helper-only-off"): ("active", "disabled"),
    ("fortinet_fortios", "mode-only"): ("active", "disabled"),
    ("fortinet_fortios", "helper-at-12-other"): ("active", "disabled"),
    ("fortinet_fortios", "vdoms"): ("active", "disabled"),
    ("fortinet_fortios", "vdom-admin"): ("active", "refusal"),
    ("fortinet_fortios", "policy-voip-profile"): ("active", "active"),
    ("fortinet_fortios", "policy-profile-sip-off"): ("disabled", "disabled"),
    ("fortinet_fortios", "flow-702"): ("active", "disabled"),
    ("fortinet_fortios", "ips-voip-filter-74"): ("disabled", "disabled"),
    ("fortinet_fortios", "service-helper-sip"): ("active", "active"),
    ("fortinet_fortios", "ngfw-policy-mode"): ("active", "disabled"),
    ("fortinet_fortios", "no-voip-table"): ("active", "disabled"),
    ("fortinet_fortios", "cfg-save-manual"): ("active", "disabled"),
    ("fortinet_fortios", "output-more"): ("active", "disabled"),
    ("fortinet_fortios", "post-login-banner"): ("active", "disabled"),
    ("fortinet_fortios", "ha-primary"): ("active", "disabled"),
    ("fortinet_fortios", "ha-secondary"): ("active", "refusal"),
    ("fortinet_fortios", "fortimanager"): ("unknown_reply", "unknown_reply"),
    ("fortinet_fortios", "low-udp"): ("disabled", "disabled"),
    ("fortinet_fortios", "vip-forwards"): ("disabled", "disabled"),
    ("asus_asuswrt", "factory"): ("active", "disabled"),
    ("asus_asuswrt", "already-off"): ("disabled", "disabled"),
    ("asus_asuswrt", "stock-2"): ("active", "disabled"),
    ("asus_asuswrt", "stock-empty"): ("active", "disabled"),
    ("asus_asuswrt", "stock-378"): ("active", "disabled"),
    ("asus_asuswrt", "stock-380"): ("active", "disabled"),
    ("asus_asuswrt", "stock-380-2016"): ("active", "disabled"),
    ("asus_asuswrt", "stock-3006"): ("active", "disabled"),
    ("asus_asuswrt", "merlin"): ("active", "disabled"),
    ("asus_asuswrt", "merlin-0"): ("disabled", "disabled"),
    ("asus_asuswrt", "merlin-2"): ("disabled", "disabled"),
    ("asus_asuswrt", "merlin-empty"): ("disabled", "disabled"),
    ("asus_asuswrt", "merlin-384-empty"): ("undetermined", "disabled"),
    ("asus_asuswrt", "merlin-380"): ("active", "disabled"),
    ("asus_asuswrt", "merlin-3006"): ("disabled", "disabled"),
    ("asus_asuswrt", "gnuton"): ("active", "refusal"),
    ("asus_asuswrt", "brt"): ("active", "refusal"),
    ("asus_asuswrt", "padavan"): ("active", "refusal"),
    ("asus_asuswrt", "old-build"): ("active", "refusal"),
    ("asus_asuswrt", "short-timer"): ("disabled", "disabled"),
    ("asus_asuswrt", "stale-module"): ("active", "active"),
    ("asus_asuswrt", "wan-down"): ("active", "disabled"),
    ("asus_asuswrt", "forward-5060"): ("active", "disabled"),
    ("asus_asuswrt", "forwards"): ("disabled", "disabled"),
    ("asus_asuswrt", "list-off"): ("disabled", "disabled"),
    ("asus_asuswrt", "dual-wan"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-stock"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-helper"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-2410"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-list"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-list-sip"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-list-ftp"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-auto-off"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-auto-off-list"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-set-helper"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-own-rule"): ("active", "unsupported"),
    ("linux_netfilter", "openwrt-unloaded"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-automatic"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-pending"): ("active", "refusal"),
    ("linux_netfilter", "openwrt-fw3"): ("active", "disabled"),
    ("linux_netfilter", "openwrt-forward"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-web"): ("disabled", "disabled"),
    ("linux_netfilter", "openwrt-short"): ("disabled", "disabled"),
    ("linux_netfilter", "nethsecurity"): ("active", "disabled"),
    ("linux_netfilter", "linux-nft"): ("active", "disabled"),
    ("linux_netfilter", "linux-nft-by-hand"): ("active", "disabled"),
    ("linux_netfilter", "linux-file-only"): ("active", "disabled"),
    ("linux_netfilter", "linux-one-line"): ("active", "unsupported"),
    ("linux_netfilter", "linux-idle"): ("disabled", "disabled"),
    ("linux_netfilter", "linux-firewalld"): ("active", "unsupported"),
    ("linux_netfilter", "linux-iptables"): ("active", "disabled"),
    ("linux_netfilter", "linux-legacy"): ("active", "disabled"),
    ("linux_netfilter", "linux-automatic"): ("active", "disabled"),
    ("linux_netfilter", "linux-off"): ("disabled", "disabled"),
    ("linux_netfilter", "linux-builtin"): ("disabled", "disabled"),
    ("linux_netfilter", "linux-short"): ("disabled", "disabled"),
    ("linux_netfilter", "linux-forwards"): ("disabled", "disabled"),
    ("linux_netfilter", "linux-sudo"): ("active", "disabled"),
    ("linux_netfilter", "edgeos"): ("unknown_reply", "unknown_reply"),
    ("ubiquiti_edgeos", "factory"): ("active", "disabled"),
    ("ubiquiti_edgeos", "off"): ("disabled", "disabled"),
    ("ubiquiti_edgeos", "options"): ("active", "disabled"),
    ("ubiquiti_edgeos", "v2"): ("active", "disabled"),
    ("ubiquiti_edgeos", "stale-module"): ("active", "unsupported"),
    ("ubiquiti_edgeos", "short-timer"): ("disabled", "disabled"),
    ("ubiquiti_edgeos", "forward-5060"): ("disabled", "disabled"),
    ("ubiquiti_edgeos", "usg"): ("active", "refusal"),
    ("vyos", "sagitta"): ("disabled", "disabled"),
    ("vyos", "sagitta-on"): ("active", "disabled"),
    ("vyos", "equuleus"): ("active", "disabled"),
    ("vyos", "equuleus-ga"): ("undetermined", "unsupported"),
    ("vyos", "crux"): ("active", "disabled"),
    ("vyos", "crux-off"): ("disabled", "disabled"),
    ("vyos", "circinus"): ("active", "disabled"),
    ("vyos", "forwards"): ("disabled", "disabled"),
}
PLATFORMS = ("cisco_ios", "cisco_asa", "fortinet_fortios", "asus_asuswrt", "linux_netfilter", "ubiquiti_edgeos", "vyos")
CASES = [(platform, variant) for platform in PLATFORMS for variant in variants(platform)]
NEEDS_LEAVE = frozenset(
    ("linux_netfilter", name)
    for name in (
        "openwrt-helper", "openwrt-2410", "openwrt-list", "openwrt-list-sip", "openwrt-auto-off-list", "openwrt-set-helper",
        "openwrt-unloaded", "openwrt-fw3", "nethsecurity", "linux-iptables", "linux-legacy",
    )
)  # fmt: skip
"""Their ALG goes off by lines that no source confirms: without allow_unproven nothing of that is sent."""


def with_leave(platform: str, variant: str, options: Options) -> Options:
    """The options with the leave that a variant needs to be changed at all."""
    return replace(options, allow_unproven=(platform, variant) in NEEDS_LEAVE)


def verdict(outcome: Outcome, after: bool = False) -> str:
    """The verdict on the SIP ALG, or why there is none; `unsupported` where it is not changed although other aspects may be."""
    if after and outcome.plan is not None and "sip_alg" in outcome.plan.unsupported:
        return "unsupported"
    if outcome.error is not None and (after or outcome.before is None):
        return outcome.error.kind
    seen = outcome.after if after else outcome.before
    assert seen is not None
    return seen.aspects["sip_alg"].verdict


def settle(device: Device) -> None:
    """A session that we ended is gone at the device a moment later."""
    deadline = time.monotonic() + 3
    while device.open_sessions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert device.open_sessions == 0


def no_secret_in(outcome: Outcome) -> None:
    text = json.dumps(outcome.record) + str(outcome.error) + str(outcome.script) + str(outcome.undo)
    assert not [secret for secret in SECRETS if secret in text]


def test_every_variant_has_its_expectation() -> None:
    assert set(CASES) == set(EXPECTED)


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_an_audit_finds_it_and_writes_nothing(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    outcome = audit(device)
    assert verdict(outcome) == EXPECTED[platform, variant][0]
    assert lines(device) == []
    assert device.login_attempts == 1
    settle(device)
    no_secret_in(outcome)


BOTH = Options(timeout=Wanted(minimum=240, recommended=300))
WANTED = pytest.mark.parametrize("options", [Options(), BOTH], ids=["sip_alg", "both"])


@WANTED
@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_check_mode_predicts_exactly_and_a_second_run_changes_nothing(
    lab: Lab, platform: str, variant: str, options: Options
) -> None:
    device = lab.add(platform, variant=variant)
    options = with_leave(platform, variant, options)
    predicted = change(device, check=True, options=options)
    assert lines(device) == []
    made = change(device, options=options)
    assert verdict(predicted, after=True) == verdict(made, after=True) == EXPECTED[platform, variant][1]
    assert list(predicted.script) == list(made.script)
    if predicted.after is not None and made.after is not None:
        assert predicted.after.states("sip_alg", "udp_timeout") == made.after.states("sip_alg", "udp_timeout")
        assert options.timeout is None or made.after.aspects["udp_timeout"].verdict != "low"
    written = lines(device)
    assert bool(written) == bool(made.change and made.change.done)
    assert device.login_attempts == 2
    again = change(device, options=options)
    assert lines(device) == written
    assert not again.script
    settle(device)
    no_secret_in(made)


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_a_timer_that_is_long_enough_stays(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    outcome = change(device, options=Options(state=None, timeout=Wanted(minimum=1, recommended=2)))
    assert not outcome.script
    assert lines(device) == []


@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_the_change_survives_a_restart(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    if not change(device, options=with_leave(platform, variant, Options())).script:
        return
    device.reboot()
    assert verdict(audit(device)) == EXPECTED[platform, variant][1]


def same_configuration(one: str, other: str) -> bool:
    """Entries of a table may have changed places, and an ASA shows a default that was written; nothing else may differ."""

    def plain(text: str) -> list[str]:
        return sorted(line.strip() for line in text.split("\n") if line.strip() != "timeout udp 0:02:00")

    return plain(one) == plain(other)


@WANTED
@pytest.mark.parametrize(("platform", "variant"), CASES)
def test_the_inverse_brings_the_device_back(lab: Lab, platform: str, variant: str, options: Options) -> None:
    device = lab.add(platform, variant=variant)
    before = device.running()
    outcome = change(device, options=with_leave(platform, variant, options))
    if not outcome.script:
        assert device.running() == before
        return
    assert not same_configuration(device.running(), before)
    target = target_of(params(device))
    assert outcome.platform is not None
    session = CliSession(connect(target.login), outcome.platform.dialect, 5.0)
    session.greet()
    session.prepare(target.become_password)
    session.may_write = True
    for line in outcome.undo:
        session.write(line)
    session.close()
    assert same_configuration(device.running(), before)


# `no ip nat service all-algs` keeps the effect of a single line undocumented, so there "enabled" cannot be shown.
SWITCHABLE = [case for case in CASES if EXPECTED[case][1] == "disabled" and case[1] != "all-algs-off"]


@pytest.mark.parametrize(("platform", "variant"), SWITCHABLE)
def test_enabled_and_disabled_are_each_others_inverse(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    off = Options(allow_unproven=platform == "linux_netfilter")  # what uci is told needs leave in both directions
    change(device, options=off)
    on = change(device, options=replace(off, state="enabled", allow_unproven=True))
    if on.error is not None or not on.script:
        return  # nothing that could be switched on: no NAT, no policy
    assert verdict(on, after=True) == "active"
    written = lines(device)
    assert not change(device, options=replace(off, state="enabled", allow_unproven=True)).script
    assert lines(device) == written
    assert verdict(change(device, options=off), after=True) == "disabled"


@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
@pytest.mark.parametrize(("platform", "variant"), sorted(NEEDS_LEAVE))
def test_without_leave_nothing_unproven_is_sent(lab: Lab, platform: str, variant: str, check: bool) -> None:
    device = lab.add(platform, variant=variant)
    outcome = change(device, check=check)
    assert outcome.error is not None
    assert outcome.error.kind == "refusal"
    assert re.search(r"a fact labelled '(?:recall|inferred)'.*allow_unproven: true.*By hand: ", str(outcome.error))
    assert outcome.record["aspects"]["sip_alg"]["compliance"] == "noncompliant"
    assert lines(device) == []


@pytest.mark.parametrize(("platform", "variant"), sorted(NEEDS_LEAVE))
def test_what_is_proven_goes_on_without_what_is_not(lab: Lab, platform: str, variant: str) -> None:
    device = lab.add(platform, variant=variant)
    outcome = change(device, options=BOTH)
    if variant == "nethsecurity":  # nothing about a derivative is proven
        assert outcome.error is not None
        assert lines(device) == []
        return
    assert outcome.error is None, outcome.error
    assert [text for text in outcome.record["advice"] if "a fact labelled" in text]
    assert outcome.record["aspects"]["sip_alg"]["compliance"] == "unsupported"
    assert outcome.record["aspects"]["udp_timeout"]["compliance"] == "compliant"
    assert not [line for line in lines(device) if line.startswith("uci") or "iptables" in line]


# The variant of each platform on which the faults are tried: one with several steps.
FAULTY = {
    "cisco_ios": "archive",
    "cisco_asa": "two-policies",
    "fortinet_fortios": "default-74",
    "asus_asuswrt": "merlin",
    "linux_netfilter": "linux-nft",
    "ubiquiti_edgeos": "factory",
    "vyos": "sagitta-on",
}
READS = {
    "cisco_ios": "show running-config",
    "cisco_asa": "show running-config",
    "fortinet_fortios": "show firewall policy",
    "asus_asuswrt": "for k in",
    "linux_netfilter": "nft -a list ruleset",
    "ubiquiti_edgeos": "show configuration commands",
    "vyos": "show configuration commands",
}
IDENTIFIES = {
    "fortinet_fortios": "get system status",
    "asus_asuswrt": "nvram get productid",
    "linux_netfilter": "uname",
}
FIRST_WRITE = {
    "cisco_ios": "no ip nat service sip udp",
    "cisco_asa": "no inspect sip",
    "fortinet_fortios": "delete",
    "asus_asuswrt": "nvram set",
    "linux_netfilter": "nft delete",
    "ubiquiti_edgeos": "set system",
    "vyos": "delete system",
}
LAST_WRITE = {
    "cisco_ios": "no ip nat service sip tcp",
    "cisco_asa": "no inspect sip",
    "fortinet_fortios": "set status",
    "asus_asuswrt": "nvram set",
    "linux_netfilter": "sed -i",
    "ubiquiti_edgeos": "commit",
    "vyos": "commit",
}


def check_after_failure(device: Device, outcome: Outcome, before: str) -> None:
    """Nothing is left, or what may be left is named; the session is gone; no secret is out."""
    settle(device)
    no_secret_in(outcome)
    assert device.login_attempts <= 1
    if not same_configuration(device.running(), before):
        assert outcome.error is not None
        assert "MAY STILL BE ON THE DEVICE" in str(outcome.error)


@pytest.mark.parametrize("check", [True, False], ids=["check", "apply"])
@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "fault",
    ["refuse_login", "hang:READ", "truncate:READ", "garble:READ", "unknown_version", "read_only", "hang:IDENTIFY"],
)
def test_faults_while_reading(lab: Lab, platform: str, fault: str, check: bool) -> None:
    identify = IDENTIFIES.get(platform, "show version")
    fault = fault.replace("READ", READS[platform]).replace("IDENTIFY", identify)
    device = lab.add(platform, variant=FAULTY[platform], faults=[fault])
    before = device.running()
    outcome = change(device, check=check, timeout=0.7)
    if fault != "read_only":
        assert outcome.error is not None
        assert outcome.record["compliance"] in ("undetermined", "noncompliant")
        assert lines(device) == []
    if check:
        assert lines(device) == []
    assert verdict(outcome, after=True) != "disabled" or (fault == "read_only" and check)
    check_after_failure(device, outcome, before)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("step", range(1, 40))
def test_the_line_is_cut_at_every_step(lab: Lab, platform: str, step: int) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=[f"cut:{step}"])
    before = device.running()
    outcome = change(device, timeout=8.0)
    if outcome.error is None:
        assert verdict(outcome, after=True) == "disabled"
        return
    assert outcome.error.kind == "connection_lost"
    settle(device)
    no_secret_in(outcome)
    if not same_configuration(device.running(), before):
        assert "MAY STILL BE ON THE DEVICE" in str(outcome.error) or "not saved" in str(outcome.error)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize(
    "fault", ["ignore_writes", "ignore:FIRST", "ignore:LAST", "reject:FIRST", "reject:LAST", "hang:FIRST"]
)
def test_faults_while_writing_are_undone_or_named(lab: Lab, platform: str, fault: str) -> None:
    fault = fault.replace("FIRST", FIRST_WRITE[platform]).replace("LAST", LAST_WRITE[platform])
    device = lab.add(platform, variant=FAULTY[platform], faults=[fault])
    before = device.running()
    # Only a device that hangs is waited for: a short wait elsewhere would be a race with a busy machine.
    outcome = change(device, timeout=0.7 if fault.startswith("hang") else 10)
    if fault == "reject:no ip nat service sip tcp":
        assert outcome.error is None
        assert outcome.change is not None
        assert "does not know it" in outcome.change.notes[0]
        assert verdict(outcome, after=True) == "disabled"
        return
    assert outcome.error is not None
    check_after_failure(device, outcome, before)
    if not fault.startswith("hang"):
        assert same_configuration(device.running(), before)


@pytest.mark.parametrize("platform", ["cisco_ios", "cisco_asa"])
def test_a_change_that_was_not_saved_is_said_to_be_live_only(lab: Lab, platform: str) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=["save_fails"])
    outcome = change(device)
    assert outcome.change is not None
    assert not outcome.change.saved
    assert outcome.change.done
    if outcome.error is not None:
        assert "not saved" in str(outcome.error)
    else:
        assert "NOT-SAVED" in [f["id"] for f in outcome.record["findings"]]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("fault", ["prompt_like_banner", "slow:0.05"])
def test_odd_devices_are_understood(lab: Lab, platform: str, fault: str) -> None:
    device = lab.add(platform, variant=FAULTY[platform], faults=[fault])
    assert verdict(change(device), after=True) == "disabled"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_wrong_platform_in_the_inventory_is_found_before_any_write(lab: Lab, platform: str) -> None:
    device = lab.add(platform, variant=FAULTY[platform])
    for other in PLATFORMS:
        if other != platform:
            outcome = change(device, platform=other)
            assert outcome.error is not None
            assert outcome.error.kind == "unknown_reply"
            assert "voip_edge_platform" in str(outcome.error)
    assert lines(device) == []
