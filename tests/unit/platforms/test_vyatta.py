# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EdgeOS and VyOS: one node with two meanings, answers that are cut off, and the lines that change them."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards, Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms import _vyatta_saved, ubiquiti_edgeos, vyos
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.registry import PLATFORMS, of_backup
from tests.lab import Lab
from tests.unit.conftest import audit, change, lines

EDGEOS = "Version:      v1.9.7+hotfix.4\nCopyright:    2012-2017 Ubiquiti Networks, Inc.\nHW model:     EdgeRouter PoE 5-Port\n"
LOADED = "/sys/module\n/sys/module/nf_conntrack_sip\n/sys/module/nf_nat_sip\n"
GONE = "/sys/module\nls: cannot access /sys/module/nf_conntrack_sip: No such file or directory\n"
TIMER = "/proc/sys/net/netfilter/nf_conntrack_udp_timeout_stream:180\nend\n"
SIP = "set system conntrack modules sip"


def version(text: str) -> str:
    return f"Version:          VyOS {text}\nHardware model:   Standard PC\n"


def answers(identity: str, *more: str, kernel: str = GONE) -> dict[str, str]:
    config = "\n".join(["set system host-name edge", *more, "end", ""])
    return {"version": identity, "config": config, "kernel": kernel + TIMER}


def verdict(given: dict[str, str]) -> str:
    platform = ubiquiti_edgeos.PLATFORM if "Ubiquiti" in given["version"] else vyos.PLATFORM
    return platform.judge(platform.parse(given), DEFAULT).aspects["sip_alg"].verdict


@pytest.mark.parametrize(
    ("identity", "line", "kernel", "found"),
    [
        (EDGEOS, "", LOADED, "active"),
        (EDGEOS, "", GONE, "active"),  # at the next start at the latest
        (EDGEOS, f"{SIP} disable", GONE, "disabled"),
        (EDGEOS, f"{SIP} disable", LOADED, "active"),
        (EDGEOS, f"{SIP} enable-indirect-media", GONE, "active"),
        (version("1.2.9"), "", GONE, "active"),
        (version("1.2.9"), f"{SIP} disable", GONE, "disabled"),
        (version("1.3.0"), "", GONE, "undetermined"),
        (version("1.3.0"), f"{SIP} disable", GONE, "disabled"),
        (version("1.3.0"), SIP, LOADED, "active"),
        (version("1.3.1"), "", GONE, "disabled"),
        (version("1.3.8"), SIP, GONE, "active"),
        (version("1.3.8"), f"{SIP} disable", GONE, "undetermined"),
        (version("1.4.0"), "", GONE, "disabled"),
        (version("1.4.0"), "", LOADED, "active"),
        (version("1.4.0"), SIP, LOADED, "active"),
        (version("1.3-beta-202101091250"), "", GONE, "active"),
        (version("1.3-rolling-202109250117"), "", GONE, "undetermined"),
        (version("1.4-rolling-202105010217"), "", GONE, "undetermined"),
        (version("1.4-rolling-202201010217"), "", GONE, "disabled"),
        (version("1.5-rolling-202407010020"), "", GONE, "disabled"),
        (version("1.6.0"), "", GONE, "undetermined"),
        (version("999.202407"), SIP, LOADED, "active"),
    ],
)
def test_each_line_means_what_its_version_says(identity: str, line: str, kernel: str, found: str) -> None:
    assert verdict(answers(identity, *([line] if line else []), kernel=kernel)) == found


@pytest.mark.parametrize("identity", [EDGEOS, version("1.4.0")])
@pytest.mark.parametrize("name", ["config", "kernel"])
def test_an_answer_that_is_cut_off_never_means_off(identity: str, name: str) -> None:
    off = answers(identity, *([f"{SIP} disable"] if identity == EDGEOS else []))
    assert verdict(off) == "disabled"
    for at in range(len(off[name]) - 1):
        assert verdict({**off, name: off[name][:at]}) != "disabled", off[name][:at]
    for text in ("", "end\n", "Invalid command: [show]\nend\n", "set system host-name edge\nInvalid command\nend\n"):
        assert verdict({**off, name: text}) != "disabled", text


def test_each_is_known_by_its_own_words() -> None:
    for text, name in ((EDGEOS, "ubiquiti_edgeos"), (version("1.4.0"), "vyos")):
        assert [p.name for p in PLATFORMS if p.identify == "show version" and p.recognise(text)] == [name]


def plan(given: dict[str, str], **wanted: Any) -> Any:
    platform = ubiquiti_edgeos.PLATFORM if "Ubiquiti" in given["version"] else vyos.PLATFORM
    return platform.plan(platform.parse(given), Options(**wanted))


@pytest.mark.parametrize(
    ("identity", "have", "state", "do", "undo"),
    [
        (EDGEOS, (), "disabled", (f"{SIP} disable",), (f"delete {SIP[4:]} disable",)),
        (EDGEOS, (f"{SIP} disable",), "enabled", (f"delete {SIP[4:]} disable",), (f"{SIP} disable",)),
        (version("1.2.9"), (), "disabled", (f"{SIP} disable",), (f"delete {SIP[4:]} disable",)),
        (version("1.4.0"), (SIP,), "disabled", (f"delete {SIP[4:]}",), (SIP,)),
        (version("1.4.0"), (), "enabled", (SIP,), (f"delete {SIP[4:]}",)),
    ],
)
def test_no_line_is_sent_that_means_the_opposite(
    identity: str, have: tuple[str, ...], state: str, do: tuple[str, ...], undo: tuple[str, ...]
) -> None:
    on = state == "disabled"
    step = plan(answers(identity, *have, kernel=LOADED if on else GONE), state=state).steps[0]
    assert (step.do, step.undo) == (do, undo)


@pytest.mark.parametrize(
    ("identity", "have", "state", "label"),
    [
        (EDGEOS, (), "disabled", "src"),
        (EDGEOS, (f"{SIP} disable",), "enabled", "inferred"),  # the way back is in no transcript
        (version("1.2.9"), (f"{SIP} disable",), "enabled", "src"),
        (version("1.4.0"), (SIP,), "disabled", "src"),
        (version("1.4-rolling-202201010217"), (SIP,), "disabled", "inferred"),
    ],
)
def test_how_sure_each_line_is(identity: str, have: tuple[str, ...], state: str, label: str) -> None:
    kernel = LOADED if state == "disabled" else GONE
    step = plan(answers(identity, *have, kernel=kernel), state=state).steps[0]
    assert step.label == label
    assert ("By hand: configure; " in step.doubt) is (label != "src")


def test_what_is_read_is_labelled_by_where_it_is_known_from() -> None:
    def labels(identity: str, *more: str) -> dict[str, str]:
        platform = ubiquiti_edgeos.PLATFORM if identity == EDGEOS else vyos.PLATFORM
        seen = platform.assess(platform.parse(answers(identity, *more)), DEFAULT)
        return {m.id: m.label for aspect in seen.aspects.values() for m in aspect.mechanisms}

    rule = ("rule 1 protocol udp", "rule 1 original-port 5060", "rule 1 forward-to address 192.0.2.1")
    edge = labels(EDGEOS, *(f"set port-forward {text}" for text in rule))
    assert edge == {"modules_sip": "src", "sip_modules": "inferred", "udp_stream": "inferred", "port_forward": "user"}
    nat = ("rule 1 protocol udp", "rule 1 destination port 5060", "rule 1 translation address 192.0.2.1")
    new = labels(version("1.4.0"), *(f"set nat destination {text}" for text in nat))
    assert new == {"modules_sip": "src", "sip_modules": "src", "udp_stream": "src", "nat_destination": "doc"}


def test_a_value_in_quotes_is_a_number_all_the_same() -> None:
    given = answers(version("1.4.0"), "set system conntrack timeout udp stream '40'")
    seen = vyos.PLATFORM.assess(vyos.PLATFORM.parse(given), DEFAULT).aspects["udp_timeout"]
    assert (seen.verdict, seen.seconds) == ("low", 40)


BOOT = """\
interfaces {{
    ethernet eth0 {{
        address dhcp
    }}
    loopback lo {{
    }}
}}
{more}system {{
    config-management {{
        commit-revisions 20
    }}
    conntrack {{
        modules {{
            ftp
{sip}            tftp
        }}
        timeout {{
            udp {{
                stream {stream}
            }}
        }}
    }}
    host-name edge
}}

"""
OF_VYOS = '// vyos-config-version: "bgp@5:conntrack@{}:system@27"\n// Release version: {}\n'
OF_EDGEOS = (
    '/* === vyatta-config-version: "conntrack@1:system@4" === */\n/* Release version: v1.10.11.5274269.221221.1042 */\n'
)


def boot(sip: str = "", more: str = "", stream: str = "180") -> str:
    return BOOT.format(
        sip="".join(f"            {line}\n" for line in sip.split("\n") if line), more=more, stream=stream
    )


OLD_OFF = "sip {\n    disable\n}"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("vyos", boot() + OF_VYOS.format(5, "1.4.0"), "disabled"),
        ("vyos", boot("sip") + OF_VYOS.format(5, "1.4.0"), "active"),
        ("vyos", boot() + OF_VYOS.format(1, "1.3-beta-202101091250"), "active"),
        ("vyos", boot(OLD_OFF) + OF_VYOS.format(1, "1.2.9"), "disabled"),
        ("vyos", boot() + OF_VYOS.format(3, "1.3.0"), "disabled"),  # the syntax tells what the version does not
        ("vyos", boot(OLD_OFF) + OF_VYOS.format(3, "1.3.0"), "undetermined"),
        ("vyos", boot() + OF_VYOS.format(5, "1.6.0"), "undetermined"),
        ("ubiquiti_edgeos", boot() + OF_EDGEOS, "active"),
        ("ubiquiti_edgeos", boot(OLD_OFF) + OF_EDGEOS, "disabled"),
        ("vyos", "# Version:          VyOS 1.4.3\nset interfaces ethernet eth0 mtu '1500'\nset system time-zone 'UTC'\n", "disabled"),
        ("vyos", "# Version:          VyOS 1.4.3\nset interfaces ethernet eth0 mtu '1500'\nset system config-management x\n",
         "undetermined"),
        ("vyos", "# Version:          VyOS 1.4.3\nset system time-zone 'UTC'\nset interfaces ethernet eth0 mtu '1500'\n",
         "undetermined"),  # not in the order of the names, so nothing tells what is missing
    ],
)  # fmt: skip
def test_a_saved_configuration_says_what_it_can(name: str, text: str, found: str) -> None:
    platform = of_backup(text)
    assert platform is not None
    assert platform.name == name
    seen = platform.judge(platform.parse(platform.from_backup(text)), DEFAULT, live=False)
    assert seen.aspects["sip_alg"].verdict == found
    assert [what for what in seen.not_checked if "what the kernel does" in what]


def test_a_saved_configuration_that_names_nobody_has_to_be_named() -> None:
    text = "set interfaces ethernet eth0 address dhcp\nset system conntrack modules sip disable\nset system host-name edge\n"
    assert of_backup(text) is None
    for platform in (ubiquiti_edgeos.PLATFORM, vyos.PLATFORM):
        assert platform.recognise_backup(text)
        seen = platform.judge(platform.parse(platform.from_backup(text)), DEFAULT, live=False)
        assert seen.aspects["sip_alg"].verdict == "disabled"
    absent = text.replace("set system conntrack modules sip disable\n", "")
    parsed = vyos.PLATFORM.parse(vyos.PLATFORM.from_backup(absent))
    assert vyos.PLATFORM.judge(parsed, DEFAULT, live=False).aspects["sip_alg"].verdict == "undetermined"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (boot(stream="40") + OF_VYOS.format(5, "1.4.0"), 40),
        (boot().replace("                stream 180\n", "") + OF_VYOS.format(5, "1.4.0"), 180),
        (boot().partition("conntrack")[0], None),
    ],
)
def test_a_saved_configuration_has_a_timer(text: str, seconds: int | None) -> None:
    seen = vyos.PLATFORM.judge(vyos.PLATFORM.parse(vyos.PLATFORM.from_backup(text)), DEFAULT, live=False)
    aspect = seen.aspects["udp_timeout"]
    assert (None if aspect.verdict == "undetermined" else aspect.seconds) == seconds


def test_a_saved_configuration_has_forwards() -> None:
    rule = (
        'nat {\n    destination {\n        rule 10 {\n            destination {\n                port "5060"\n            }\n'
        '            protocol "udp"\n            translation {\n                address "192.168.1.20"\n            }\n'
        "        }\n    }\n}\n"
    )
    text = boot(more=rule) + OF_VYOS.format(5, "1.4.0")
    seen = vyos.PLATFORM.judge(vyos.PLATFORM.parse(vyos.PLATFORM.from_backup(text)), DEFAULT, live=False)
    assert seen.aspects["port_forwards"].verdict == "present"
    assert "FORWARD-TOO-OPEN" in [finding.id for finding in seen.findings]


@pytest.mark.parametrize("text", [boot("sip") + OF_VYOS.format(5, "1.4.0"), boot() + OF_VYOS.format(2, "1.3.0")])
def test_no_saved_configuration_that_lost_something_is_called_off(text: str) -> None:
    def verdict_of(part: str) -> str:
        parsed = vyos.PLATFORM.parse(vyos.PLATFORM.from_backup(part))
        return vyos.PLATFORM.judge(parsed, DEFAULT, live=False).aspects["sip_alg"].verdict

    assert verdict_of(text) == "active"
    for at in range(len(text)):
        assert verdict_of(text[:at]) != "disabled", text[:at][-40:]
    kept = text.split("\n")
    for at, line in enumerate(kept):
        if line.strip() != "sip":  # without that one it is off
            assert verdict_of("\n".join(kept[:at] + kept[at + 1 :])) != "disabled", line
    assert _vyatta_saved.read(text.replace("    host-name edge", "    ...")).lines is None


def test_what_is_not_known_is_not_sent() -> None:
    unknown = plan(answers(version("1.3.0"), kernel=LOADED))
    assert not unknown.steps
    assert "is not known" in unknown.unsupported["sip_alg"]
    assert "rmmod" in plan(answers(EDGEOS, f"{SIP} disable", kernel=LOADED)).unsupported["sip_alg"]
    assert "read whole" in plan({**answers(EDGEOS), "config": "set system host-name"}).refusal
    assert "read whole" in plan({**answers(EDGEOS), "config": ""}, state=None, timeout=Wanted(300, 400)).refusal
    usg = answers(EDGEOS.replace("EdgeRouter PoE 5-Port", "UniFi-Gateway-3"), kernel=LOADED)
    assert "controller" in plan(usg).refusal


@pytest.mark.parametrize(
    ("identity", "have", "do"),
    [
        (EDGEOS, "set system conntrack timeout udp stream 60", "set system conntrack timeout udp stream 300"),
        (version("1.4.0"), "", "set system conntrack timeout udp stream 300"),
        (version("1.5.0"), "", "set firewall global-options timeout udp stream 300"),
        (
            version("1.5-rolling-202401010020"),
            "set system conntrack timeout udp stream 60",
            "set system conntrack timeout udp stream 300",
        ),
    ],
)
def test_the_timer_is_written_where_it_stands(identity: str, have: str, do: str) -> None:
    made = plan(answers(identity, *([have] if have else [])), state=None, timeout=Wanted(240, 300))
    assert made.steps[0].do == (do,)
    assert made.steps[0].undo == ((have,) if have else (do.replace("set", "delete").removesuffix(" 300"),))


def test_where_the_timer_stands_may_not_be_known() -> None:
    made = plan(answers(version("1.5-rolling-202401010020")), state=None, timeout=Wanted(240, 300))
    assert not made.steps
    assert "by hand" in made.unsupported["udp_timeout"]


@pytest.mark.parametrize("platform", ["ubiquiti_edgeos", "vyos"])
def test_who_gets_in_by_a_forward(lab: Lab, platform: str) -> None:
    device: Any = lab.add(platform, variant={"ubiquiti_edgeos": "forward-5060", "vyos": "forwards"}[platform])
    findings = [f["id"] for f in audit(device).record["findings"]]
    assert "FORWARD-PRESENT" in findings
    assert ("FORWARD-TOO-OPEN" in findings) is (platform == "ubiquiti_edgeos")
    wanted = Forwards("192.168.1.20", ("203.0.113.0/24",))
    made = change(device, options=Options(state=None, forwards=wanted))
    assert made.error is None
    assert not made.script
    other = change(device, options=Options(state=None, forwards=Forwards("192.168.1.99", ("203.0.113.0/24",))))
    assert "By hand" in str(other.error)
    assert lines(device) == []


@pytest.mark.parametrize(
    "rule",
    [
        "set nat destination rule 5 destination port sip",
        "set nat destination rule 5 translation address 192.0.2.1-192.0.2.9",
    ],
)
def test_a_rule_that_is_not_understood_is_said_so(rule: str) -> None:
    more = ("set nat destination rule 5 protocol udp", "set nat destination rule 5 translation address 192.0.2.1", rule)
    seen = vyos.PLATFORM.assess(vyos.PLATFORM.parse(answers(version("1.4.0"), *more)), DEFAULT)
    assert seen.aspects["port_forwards"].verdict == "undetermined"


def test_a_rule_that_looks_at_more_than_a_network_lets_in_nobody_knows_whom() -> None:
    head = "set nat destination rule 5"
    rule = ("destination port 5060", "protocol udp", "source group network-group VOIP", "translation address 192.0.2.1")
    more = [f"{head} {setting}" for setting in rule]
    seen = vyos.PLATFORM.assess(vyos.PLATFORM.parse(answers(version("1.4.0"), *more)), DEFAULT)
    assert "from not known" in seen.aspects["port_forwards"].mechanisms[0].value


def test_what_is_committed_and_not_saved_is_lost_and_said_so(lab: Lab) -> None:
    device: Any = lab.add("vyos", variant="sagitta-on", faults=["save_fails"])
    made = change(device)
    assert "NOT-SAVED" in [f["id"] for f in made.record["findings"]]
    device.reboot()
    seen = audit(device).before
    assert seen is not None
    assert seen.aspects["sip_alg"].verdict == "active"
