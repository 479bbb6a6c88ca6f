# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux routers: what their answers say, cut off, refused or strange, and the lines that change them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge import doors
from ansible_collections.voip.edge.plugins.module_utils._edge.core.model import Forwards, Options, Wanted
from ansible_collections.voip.edge.plugins.module_utils._edge.core.profiles import DEFAULT
from ansible_collections.voip.edge.plugins.module_utils._edge.platforms.linux_netfilter import PLATFORM
from tests.lab import Lab, make_device
from tests.unit.conftest import audit, change, lines, params

GONE = "grep: /proc/sys/net/netfilter/nf_conntrack_helper: No such file or directory"
MODULES = ("/sys/module/nf_conntrack_sip\n", "/sys/module/nf_nat_sip\n")


PBX = Forwards("192.168.1.20", ("203.0.113.0/24", "198.51.100.7/32"))


def replies(variant: str, **changes: str) -> dict[str, str]:
    """What a router answers to everything that is asked in an audit; `changes` replaces whole answers."""
    device: Any = make_device("linux_netfilter", variant, "box")
    session = device.open(device.user)

    def ask(line: str) -> str:
        return str(session.run(line)) + "\n"

    return {**PLATFORM.look(ask, ask(PLATFORM.identify), DEFAULT), **changes}


def verdict(given: dict[str, str]) -> str:
    return PLATFORM.judge(PLATFORM.parse(given), DEFAULT).aspects["sip_alg"].verdict


def plan(given: dict[str, str], **wanted: Any) -> Any:
    return PLATFORM.plan(PLATFORM.parse(given), Options(**wanted))


ON = ("openwrt-helper", "openwrt-2410", "openwrt-fw3", "openwrt-unloaded", "openwrt-automatic", "openwrt-set-helper", "linux-nft",
      "linux-iptables", "linux-legacy", "linux-automatic", "linux-file-only")  # fmt: skip


@pytest.mark.parametrize("variant", ON)
def test_no_answer_that_is_cut_off_makes_a_router_disabled(variant: str) -> None:
    given = replies(variant)
    assert verdict(given) == "active"
    for name, text in given.items():
        ends = [found.start() for found in re.finditer("\n|$", text)]
        for at in sorted({max(0, end + by) for end in ends for by in (-9, -4, -1, 0, 1)} - {len(text), len(text) - 1}):
            if at >= len(text):
                continue
            assert verdict({**given, name: text[:at]}) != "disabled", (name, text[:at][-60:])
        assert verdict({key: value for key, value in given.items() if key != name}) != "disabled", name


@pytest.mark.parametrize("variant", ["openwrt-auto-off", "linux-idle", "linux-builtin"])
@pytest.mark.parametrize("name", ["kernel", "nft", "iptables"])
def test_where_the_helper_is_in_the_kernel_each_answer_is_needed_to_call_it_off(variant: str, name: str) -> None:
    given = replies(variant)
    assert verdict(given) == "disabled"
    assert verdict({**given, name: ""}) == "undetermined"
    assert verdict({**given, name: given[name][:-5]}) == "undetermined"


@pytest.mark.parametrize(
    "answer",
    [
        "Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\nend\n",
        "netlink: Error: Unable to initialize Netlink socket: Protocol not supported\nend\n",
        "-bash: nft: Permission denied\nend\n",
        "-bash: nft: command not found\nend\n",
    ],
)
def test_a_refusal_is_never_read_as_an_empty_ruleset(answer: str) -> None:
    assert verdict(replies("linux-idle", nft=answer)) == "undetermined"


def test_a_second_kind_of_iptables_that_was_not_heard_leaves_doubt() -> None:
    given = replies("linux-idle")
    warned = given["iptables"].replace(
        "== ip6tables\n",
        "# Warning: iptables-legacy tables present, use iptables-legacy-save to see them\n== ip6tables\n",
    )
    assert warned != given["iptables"]
    assert verdict({**given, "iptables": warned}) == "undetermined"
    heard = warned.replace("-bash: iptables-legacy-save: not found\n", "*raw\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")
    assert verdict({**given, "iptables": heard}) == "disabled"
    found = heard.replace(
        "COMMIT\n== ip6", "-A PREROUTING -p udp -m udp --dport 5060 -j CT --helper sip\nCOMMIT\n== ip6"
    )
    assert verdict({**given, "iptables": found}) == "active"


def flipped(given: dict[str, str], name: str, old: str, new: str) -> str:
    assert old in given[name], (name, old)
    return verdict({**given, name: given[name].replace(old, new)})


@pytest.mark.parametrize(
    ("variant", "name", "old", "new", "after"),
    [
        ("openwrt-auto-off", "uci", "auto_helper='0'", "auto_helper='1'", "active"),
        ("openwrt-auto-off", "uci", "auto_helper='0'", "auto_helper='no'", "disabled"),
        ("openwrt-list-ftp", "uci", "helper='ftp'", "helper='sip'", "active"),
        ("openwrt-list-ftp", "uci", "helper='ftp'", "helper='ftp' 'sip'", "active"),
        ("openwrt-list-ftp", "uci", "firewall.@zone[0].helper='ftp'\n", "", "active"),
        ("openwrt-list-ftp", "uci", "firewall.@zone[1].masq='1'", "firewall.@zone[1].masq='0'", "active"),
        ("openwrt-stock", "uci", "== modules\n", "== modules\nnf_conntrack_sip\n", "active"),
        ("openwrt-list-ftp", "nft", "chain forward {", 'chain prerouting {\n\t\tjump mine\n\t}\n\tchain mine {', "disabled"),
        ("openwrt-auto-off", "kernel", "nf_conntrack_helper:0", "nf_conntrack_helper:1", "active"),
        ("openwrt-stock", "kernel", "nf_conntrack_helper:0", "nf_conntrack_helper:1", "disabled"),
        ("linux-builtin", "kernel", GONE, GONE.replace("No such file or directory", "Permission denied"), "undetermined"),
        ("linux-idle", "nft", "\tchain pre {", "\tchain pre {\n\t\ttype filter hook prerouting priority raw; policy accept;", "active"),
        ("linux-idle", "files", "end", "/etc/nftables.conf:30:udp dport 5060 ct helper set \"x\"\nend", "active"),
        ("linux-idle", "files", "end", "/etc/nftables.conf:30: # udp dport 5060 ct helper set \"x\"\nend", "disabled"),
        ("linux-idle", "iptables", "end", "== iptables\n*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CT --helper sip-1\nCOMMIT\nend",
         "active"),
        ("linux-off", "iptables", "end", "== iptables\n*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CT --helper ftp\nCOMMIT\nend",
         "disabled"),
    ],
)  # fmt: skip
def test_each_value_turns_the_verdict(variant: str, name: str, old: str, new: str, after: str) -> None:
    given = replies(variant)
    assert verdict(given) == "disabled"
    assert flipped(given, name, old, new) == after


def test_a_rule_outweighs_what_the_modules_say() -> None:
    given = replies("linux-nft-by-hand")
    assert flipped(given, "kernel", "".join(MODULES), "") == "active"


def test_without_its_modules_a_router_is_off_whatever_its_zones_say() -> None:
    seen = PLATFORM.assess(PLATFORM.parse(replies("openwrt-stock")), DEFAULT)
    zone = next(m for m in seen.aspects["sip_alg"].mechanisms if m.scope == "zone lan")
    assert zone.state == "off"
    assert "is not in the kernel" in " ".join(zone.evidence)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("0\nLinux 6.1.0\nNAME=\"Debian GNU/Linux\"\nID=debian\nend\n", True),
        ("0\nLinux 5.15.150\nDISTRIB_ID='OpenWrt'\nend\n", True),
        ("0\nLinux 6.1.0\nend\n", False),
        ("Linux RT-AX58U 4.1.52\ncat: can't open '/etc/os-release': No such file or directory\n-sh: ls: not found\nend\n", False),
        ("0\nLinux 4.14.54-UBNT\nID=debian\n/opt/vyatta\nend\n", False),
        ("0\nLinux 6.6.0-vyos\nID=vyos\nend\n", False),
        ("0\nLinux 4.19.152-ui-alpine\nID=debian\n/usr/bin/ubnt-device-info\nend\n", False),
        ("% Invalid input detected at '^' marker.\n", False),
        ("-bash: uname: command not found\nID=debian\n", False),
    ],
)  # fmt: skip
def test_only_a_plain_linux_is_taken_for_one(text: str, known: bool) -> None:
    assert PLATFORM.recognise(text) is known


def test_a_kernel_that_no_source_speaks_of_is_believed_only_where_it_is_on() -> None:
    given = replies("linux-off")
    assert flipped(given, "identity", "Linux 6.1.0", "Linux 7.2.0") == "undetermined"
    assert flipped(replies("linux-nft"), "identity", "Linux 6.1.0", "Linux 7.2.0") == "active"


# ---- timers ----------------------------------------------------------------------------------------------------------


def timer(given: dict[str, str]) -> tuple[str, int | None]:
    aspect = PLATFORM.assess(PLATFORM.parse(given), DEFAULT).aspects["udp_timeout"]
    return aspect.verdict, aspect.seconds


def test_the_shorter_of_now_and_after_the_next_start_counts() -> None:
    given = replies("linux-short")
    assert timer(given) == ("low", 40)
    assert timer({**given, "kernel": given["kernel"].replace("_stream:40", "_stream:300")}) == ("low", 40)
    assert timer({**given, "boot": "end\n", "kernel": given["kernel"].replace("_stream:40", "_stream:300")}) == (
        "ok",
        300,
    )
    assert timer({**given, "boot": "end\n", "kernel": "end\n"}) == ("undetermined", None)


@pytest.mark.parametrize(
    ("variant", "files", "decides"),
    [
        ("linux-off", ["/etc/sysctl.d/10-a.conf", "/usr/lib/sysctl.d/50-b.conf"], "/usr/lib/sysctl.d/50-b.conf"),
        ("linux-off", ["/etc/sysctl.conf", "/etc/sysctl.d/10-a.conf"], "/etc/sysctl.d/10-a.conf"),
        ("openwrt-stock", ["/etc/sysctl.conf", "/etc/sysctl.d/11-nf-conntrack.conf"], "/etc/sysctl.conf"),
        (
            "openwrt-stock",
            ["/usr/lib/sysctl.d/99-z.conf", "/etc/sysctl.d/11-nf-conntrack.conf"],
            "/etc/sysctl.d/11-nf-conntrack.conf",
        ),
    ],
)
def test_the_file_that_is_read_last_decides(variant: str, files: list[str], decides: str) -> None:
    text = "".join(f"{path}:net.netfilter.nf_conntrack_udp_timeout_stream = {n}\n" for n, path in enumerate(files, 200))
    found = PLATFORM.parse(replies(variant, boot=text + "end\n")).at_boot("udp_timeout_stream")
    assert found is not None
    assert found[0] == decides


STREAM = "net.netfilter.nf_conntrack_udp_timeout_stream"
RAISED = Options(state=None, timeout=Wanted(240, 300))


def test_a_file_that_would_undo_the_timer_is_named_and_nothing_is_done() -> None:
    boot = f"/etc/sysctl.d/99-zz.conf:{STREAM}=60\nend\n"
    made = plan(replies("linux-off", boot=boot), state=None, timeout=Wanted(240, 300))
    assert not made.steps
    assert "/etc/sysctl.d/99-zz.conf is read later" in made.unsupported["udp_timeout"]


def test_openwrt_keeps_its_timer_in_the_file_that_an_upgrade_leaves_alone(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-stock")
    before = dict(device.files)
    made = change(device, options=RAISED)
    assert made.error is None
    assert list(made.script) == [f"sysctl -w {STREAM}=300", f"echo '{STREAM}=300' >> /etc/sysctl.conf"]
    assert device.files["/etc/sysctl.conf"] == before["/etc/sysctl.conf"] + f"{STREAM}=300\n"
    device.reboot()
    seen = audit(device).before
    assert seen is not None
    assert seen.aspects["udp_timeout"].seconds == 300
    assert not change(device, options=RAISED).script
    device.change(made.undo)
    assert device.files == before


def test_a_line_that_stands_there_already_is_exchanged_and_comes_back(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-short")
    before = device.files["/etc/sysctl.conf"]
    made = change(device, options=RAISED)
    assert made.error is None
    assert device.files["/etc/sysctl.conf"] == before.replace(f"{STREAM} = 40", f"{STREAM}=300")
    device.change(made.undo)
    assert device.files["/etc/sysctl.conf"] == before


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_file_and_none_are_not_the_same(lab: Lab, there: bool) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-stock")
    del device.files["/etc/sysctl.conf"]
    device.files.update({"/etc/sysctl.conf": ""} if there else {})
    made = change(device, options=RAISED)
    assert made.error is None
    assert device.files["/etc/sysctl.conf"] == f"{STREAM}=300\n"
    device.change(made.undo)
    assert device.files.get("/etc/sysctl.conf") == ("" if there else None)


def test_a_file_whose_last_line_has_no_end_is_not_added_to(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-stock")
    device.files["/etc/sysctl.conf"] = "net.core.somaxconn=128"
    refused = change(device, options=RAISED)
    assert "its last line has no end" in str(refused.error)
    assert lines(device) == []
    device.change("echo >> /etc/sysctl.conf")
    assert change(device, options=RAISED).error is None


def test_an_odd_line_is_left_to_a_person() -> None:
    given = replies("openwrt-short")
    for name in ("uci", "boot"):
        given[name] = given[name].replace(f"{STREAM} = 40", f"\t{STREAM} = 40")
    made = plan(given, state=None, timeout=Wanted(240, 300))
    assert not made.steps
    assert "line 3 of /etc/sysctl.conf" in made.unsupported["udp_timeout"]


def test_that_the_module_may_come_late_is_said_and_not_settled_by_us(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="linux-short")
    made = change(device, options=RAISED)
    assert made.error is None
    assert not [line for line in lines(device) if "modules-load" in line]
    hand = "echo nf_conntrack > /etc/modules-load.d/nf_conntrack.conf"
    assert [text for text in made.record["advice"] if hand in text]
    assert "SIPALG-STALE-SESSIONS" not in [f["id"] for f in made.record["findings"]]
    assert [text for text in audit(device).record["not_checked"] if "nf_conntrack is loaded before" in text]
    device.reboot()
    assert audit(device).before.aspects["udp_timeout"].seconds == 40  # type: ignore[union-attr]
    device.change(hand)
    device.reboot()
    seen = audit(device)
    assert seen.before is not None
    assert seen.before.aspects["udp_timeout"].seconds == 300
    assert not [text for text in seen.record["not_checked"] if "nf_conntrack is loaded before" in text]


# ---- changing --------------------------------------------------------------------------------------------------------


def test_the_other_helpers_stay() -> None:
    step = plan(replies("openwrt-helper")).steps[0]
    assert step.do == (
        "uci add_list firewall.@zone[0].helper=ftp",
        "uci add_list firewall.@zone[0].helper=tftp",
        "uci commit firewall",
        "/etc/init.d/firewall restart",
    )
    assert step.undo[0] == "uci delete firewall.@zone[0].helper"


def test_an_empty_list_would_give_all_helpers() -> None:
    step = plan(replies("openwrt-list-sip")).steps[0]
    assert step.do[:2] == ("uci delete firewall.@zone[0].helper", "uci set firewall.@zone[0].auto_helper=0")


def test_how_sure_each_line_is() -> None:
    def labels(variant: str, **wanted: Any) -> list[str]:
        return [s.label for s in plan(replies(variant), **{"allow_unproven": True, **wanted}).steps]

    assert labels("openwrt-helper") == ["recall"]
    assert labels("openwrt-set-helper") == ["inferred"]
    assert labels("nethsecurity", timeout=Wanted(240, 300)) == ["inferred", "inferred"]
    assert labels("openwrt-automatic") == ["doc"]
    assert labels("openwrt-helper", forwards=PBX) == ["inferred"]
    assert labels("linux-nft") == ["doc"] * 4
    assert labels("linux-iptables") == ["doc", "doc", "inferred", "inferred"]
    assert labels("linux-short", state=None, timeout=Wanted(240, 300)) == ["doc"]


@pytest.mark.parametrize("fault", ["ignore_writes", "reject:uci add_list", "reject:uci commit", "ignore:/etc/init.d"])
def test_what_uci_does_not_take_is_undone(lab: Lab, fault: str) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-helper", faults=[fault])
    before = device.running()
    made = change(device, options=Options(allow_unproven=True))
    assert made.error is not None
    assert device.running() == before


@pytest.mark.parametrize("variant", ["linux-nft", "linux-nft-by-hand"])
def test_a_rule_that_is_still_there_is_not_put_back_a_second_time(lab: Lab, variant: str) -> None:
    device: Any = lab.add("linux_netfilter", variant=variant)
    before = device.running()
    steps = plan(replies(variant)).steps
    device.change([line for s in steps for line in s.undo])
    assert device.running() == before


def test_neither_is_one_of_iptables(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="linux-iptables")
    before = device.running()
    device.change([line for s in plan(replies("linux-iptables")).steps for line in s.undo])
    assert device.running() == before


def test_what_nobody_committed_is_not_taken_along() -> None:
    assert "not committed" in plan(replies("openwrt-pending")).refusal


def test_rules_go_from_the_last_to_the_first_and_come_back_to_their_places() -> None:
    steps = plan(replies("linux-nft-by-hand")).steps
    assert [s.do[0].split()[0:3] for s in steps] == [["nft", "delete", "rule"]] * 2
    assert [re.search(r"index (\d)", s.undo[0]).group(1) for s in steps] == ["2", "1"]  # type: ignore[union-attr]


def test_a_rule_with_odd_words_cannot_run_a_command() -> None:
    given = replies("linux-iptables")
    evil = given["iptables"].replace('"old phones"', '"$(reboot) `reboot` \'"')
    lines_sent = [line for s in plan({**given, "iptables": evil, "files": "end\n"}).steps for line in (*s.do, *s.undo)]
    assert any("reboot" in line for line in lines_sent)
    for line in lines_sent:
        unquoted = re.sub(r"'[^']*'|\"'\"", "", line)
        assert "$(" not in unquoted
        assert "`" not in unquoted


@pytest.mark.parametrize(
    ("variant", "word"),
    [
        ("linux-firewalld", "firewall-cmd"),
        ("linux-one-line", "a line of its own"),
        ("openwrt-own-rule", "no zone makes"),
    ],
)
def test_what_belongs_to_others_is_left_to_a_person(variant: str, word: str) -> None:
    made = plan(replies(variant))
    assert not made.steps
    assert word in made.unsupported["sip_alg"]


def test_shorewall_makes_its_rules_itself() -> None:
    given = replies("linux-iptables")
    given["identity"] = given["identity"].replace("/run/systemd/system\n", "/run/systemd/system\n/etc/shorewall\n")
    assert "Shorewall" in plan(given).unsupported["sip_alg"]


def test_a_user_who_is_not_root_changes_nothing() -> None:
    given = replies("linux-short")
    given["kernel"] = given["kernel"].replace("0\n", "1000\n", 1)
    assert "only root" in plan(given, state=None, timeout=Wanted(60, 120)).refusal


def test_the_password_for_sudo_is_sent_once(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="linux-sudo")
    for given in ("wrong", None):
        device.forget()
        refused = audit(device, become_password=given)
        assert refused.error is not None
        assert refused.error.kind == "login_refused"
        assert device.transcript.count("(secret)") <= 1
        assert refused.record["compliance"] == "undetermined"
    assert lines(device) == []


def test_a_change_that_is_not_to_be_saved_writes_no_file() -> None:
    made = plan(replies("linux-nft"), timeout=Wanted(240, 300), save=False)
    sent = [line for s in made.steps for line in s.do]
    assert sent
    assert not [line for line in sent if re.search(r"> |sed|rm ", line)]
    labels = {s.label for s in plan(replies("openwrt-helper"), save=False).steps}
    assert labels == {"inferred"}


@pytest.mark.parametrize(
    ("variant", "changes", "wanted", "word"),
    [
        ("openwrt-helper", {"identity": ("/usr/share/firewall4\n/sbin/fw3\n", "")}, {}, "neither firewall3 nor firewall4"),
        ("openwrt-helper", {"uci": ("firewall.@zone[0]=zone", "odd line")}, {}, "uci show firewall was not read"),
        ("openwrt-helper", {"nft": ("end", "")}, {}, "the rules were not read whole"),
        ("linux-nft", {"files": ("end", "")}, {}, "the files of the rules were not read"),
        ("linux-automatic", {"boot": ("end", "")}, {}, "the sysctl files were not read"),
        ("linux-short", {"kernel": ("_stream:40", "_stream:")}, {"state": None, "timeout": Wanted(60, 120)}, "was not read"),
        ("openwrt-web", {"uci": ("firewall.@zone[0]=zone", "odd line")}, {"state": None, "forwards": PBX}, "uci show firewall"),
        ("openwrt-web", {"uci": ("src_dport='443'", "src_dport='sip'\nfirewall.@redirect[0].proto='udp'")},
         {"state": None, "forwards": PBX}, "not all understood"),
    ],
)  # fmt: skip
def test_what_was_not_read_is_not_changed(
    variant: str, changes: dict[str, tuple[str, str]], wanted: dict[str, Any], word: str
) -> None:
    given = replies(variant)
    for name, (old, new) in changes.items():
        assert old in given[name], given[name]
        given[name] = given[name].replace(old, new)
    made = plan(given, **wanted)
    assert word in (made.refusal or "")
    assert not made.steps


@pytest.mark.parametrize(
    ("variant", "wanted", "word"),
    [
        ("linux-off", {"state": "enabled"}, "for a person to say"),
        ("openwrt-stock", {"state": "enabled"}, "kmod-nf-nathelper-extra"),
        ("openwrt-web", {"state": None, "forwards": Forwards("2001:db8::9", ("any",))}, "IPv6 needs no redirect"),
    ],
)
def test_what_cannot_be_had_is_said_and_how_to_have_it(variant: str, wanted: dict[str, Any], word: str) -> None:
    made = plan(replies(variant), **wanted)
    assert word in " ".join(made.unsupported.values())
    assert not made.steps


def test_rules_that_are_not_those_of_the_zones_wait_for_a_restart_by_a_person() -> None:
    given = replies("openwrt-helper")
    off = replies("openwrt-auto-off")
    assert "/etc/init.d/firewall restart" in plan({**given, "uci": off["uci"]}).unsupported["sip_alg"]
    assert "/etc/init.d/firewall restart" in plan({**off, "uci": given["uci"]}, state="enabled").unsupported["sip_alg"]


def test_where_nobody_knows_who_reads_the_sysctl_files_the_step_says_so() -> None:
    given = replies("linux-short")
    given["identity"] = given["identity"].replace("/run/systemd/system\n", "")
    assert [s.label for s in plan(given, state=None, timeout=Wanted(60, 120)).steps] == ["inferred"]


def test_only_the_sip_connections_are_cleared(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-helper")
    made = change(device, options=Options(clear_sessions=True, allow_unproven=True))
    assert made.error is None
    assert made.change is not None
    assert made.change.cleared
    assert [entry.split()[0] for entry in device.sessions_text] == ["tcp"]
    assert "SIPALG-STALE-SESSIONS" not in [f["id"] for f in audit(device).record["findings"]]


def test_connections_that_keep_the_helper_are_seen(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-helper")
    evidence = next(m for m in audit(device).before.aspects["sip_alg"].mechanisms if m.id == "helper_rules").evidence  # type: ignore[union-attr]
    assert "1 tracked connections have it" in evidence[-1]
    change(device, options=Options(allow_unproven=True))
    findings = [f["id"] for f in audit(device).record["findings"]]
    assert findings.count("SIPALG-STALE-SESSIONS") == 1


def test_connections_that_kept_the_helper_can_be_cleared_later(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-auto-off")
    wanted: Any = {**params(device), "clear_sessions": True, "save": True, "revert_timer": 5, "allow_unproven": False}
    wanted.update(state="disabled", edit_policies=False, strict=False, report_dir=None)
    predicted = doors.answer("sip_alg", wanted, check=True)
    assert predicted["changed"], predicted
    assert lines(device) == []
    made = doors.answer("sip_alg", wanted, check=False)
    assert made["changed"]
    assert "were cleared: 1 (-p udp" in made["notes"][0]
    assert lines(device) == ["conntrack -D -p udp --orig-port-dst 5060"]
    assert "SIPALG-STALE-SESSIONS" not in [f["id"] for f in made["record"]["findings"]]
    assert not doors.answer("sip_alg", wanted, check=False)["changed"]


def test_no_session_is_cleared_that_nobody_allowed(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-auto-off")
    for options in (Options(), Options(state=None, timeout=Wanted(1, 2), clear_sessions=True)):
        made = change(device, options=options)
        assert made.error is None
        assert not made.clears
    assert lines(device) == []


# ---- forwards --------------------------------------------------------------------------------------------------------


def forwarding(device: Any, wanted: Forwards, check: bool = False, leave: bool = True) -> Any:
    return change(device, check=check, options=Options(state=None, forwards=wanted, allow_unproven=leave))


def test_no_redirect_is_made_without_leave(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-web")
    for check in (True, False):
        refused = forwarding(device, PBX, check, leave=False)
        assert "a fact labelled 'inferred'" in str(refused.error)
        assert (
            "By hand: Network > Firewall > Port Forwards: UDP 5060, 10000-20000 from wan to lan, 192.168.1.20"
            in str(refused.error)
        )
    assert lines(device) == []


@pytest.mark.parametrize("variant", ["openwrt-web", "openwrt-fw3"])
def test_a_forward_is_made_once_and_goes_again(lab: Lab, variant: str) -> None:
    device: Any = lab.add("linux_netfilter", variant=variant)
    before = device.running()
    predicted = forwarding(device, PBX, check=True)
    assert lines(device) == []
    made = forwarding(device, PBX)
    assert made.error is None, made.error
    assert list(predicted.script) == list(made.script)
    assert len([line for line in made.script if line.endswith("=redirect")]) == 4  # two ranges, two networks
    assert made.after.aspects["port_forwards"].compliance == "compliant"
    assert "FORWARD-TOO-OPEN" not in [f["id"] for f in made.record["findings"]]
    written = lines(device)
    assert not forwarding(device, PBX).script
    assert lines(device) == written
    device.reboot()
    assert not forwarding(device, PBX).script
    assert forwarding(device, replace(PBX, present=False)).error is None
    assert device.running() == before


def test_a_forward_of_somebody_else_is_named_and_stays(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-forward")
    other = forwarding(device, replace(PBX, pbx="192.168.1.99"))
    assert other.error is not None
    assert "already sends UDP 5060" in str(other.error)
    assert lines(device) == []


def test_what_somebody_forwards_already_is_not_made_again(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="openwrt-forward")
    made = forwarding(device, PBX)
    assert made.error is None
    assert not [line for line in made.script if "5060" in line]


def test_without_one_zone_outside_nothing_is_made() -> None:
    given = replies("openwrt-web")
    given["uci"] = given["uci"].replace("firewall.@zone[1].masq='1'", "firewall.@zone[1].masq='0'")
    made = plan(given, state=None, forwards=PBX)
    assert "there are: lan, wan" in made.unsupported["port_forwards"]
    named = plan(given, state=None, forwards=replace(PBX, outside="wan", inside="lan"))
    assert named.steps


def test_a_plain_host_gets_the_lines_for_a_person(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="linux-off")
    made = forwarding(device, PBX)
    assert made.error is not None
    assert (
        "ip saddr { 203.0.113.0/24, 198.51.100.7/32 } udp dport { 5060, 10000-20000 } dnat ip to 192.168.1.20"
        in str(made.error)
    )
    assert lines(device) == []


def test_a_forward_from_a_set_of_networks_is_enough(lab: Lab) -> None:
    device: Any = lab.add("linux_netfilter", variant="linux-forwards")
    made = forwarding(device, PBX)
    assert made.error is None
    assert not made.script
    assert made.before.aspects["port_forwards"].compliance == "compliant"
