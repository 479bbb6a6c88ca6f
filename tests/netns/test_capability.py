# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capability check, and what it says of machines that lack something."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.lab.netns import CommandFailed, Lab, Router, capability, openssh, telephony
from tests.netns.conftest import missing


def test_every_feature_has_an_answer() -> None:
    assert list(missing()) == [*capability.FEATURES, *capability.OPTIONAL]


def test_a_missing_program_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "find", lambda program: None if program == "conntrack" else "/bin/true")
    found = capability.check()
    assert found["namespaces"] == "no namespaces: not installed: conntrack (package conntrack)"
    assert found["alg"] == found["namespaces"]


def test_programs_of_telephony_are_named_and_are_no_part_of_the_lab(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(capability, "find", lambda program: None)
    monkeypatch.setattr(capability, "check", lambda: dict.fromkeys(capability.FEATURES, ""))
    assert capability.main() == 0
    said = capsys.readouterr().out.splitlines()
    assert [line for line in said if not line.startswith("ok ")] == [
        "absent  Kamailio, a SIP registrar and proxy: optional, "
        "not installed: kamailio (package kamailio), kamcmd (package kamailio)",
        "absent  SIPp, which plays SIP phones: optional, not installed: sipp (package sip-tester)",
    ]


def test_an_unpacked_program_gets_its_libraries_and_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    libraries = tmp_path / "usr/lib/x86_64-linux-gnu"
    (libraries / "kamailio/modules").mkdir(parents=True)
    program = tmp_path / "usr/sbin/kamailio"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "libown.so.1: cannot open shared object file" >&2; exit 127\n')
    program.chmod(0o755)
    monkeypatch.setattr(telephony, "find", lambda name: str(program))
    line, env = telephony.command("kamailio")
    assert line == [str(program), "-L", str(libraries / "kamailio/modules")]
    assert env["LD_LIBRARY_PATH"].split(":")[0] == str(libraries)
    assert str(libraries / "kamailio") in env["LD_LIBRARY_PATH"].split(":")
    assert telephony.obstacle("kamailio") == "kamailio: libown.so.1: cannot open shared object file"


def test_without_privileges_the_way_in_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise PermissionError(1, "unshare: Operation not permitted")

    monkeypatch.setattr(capability, "find", lambda program: "/bin/true")
    monkeypatch.setattr(capability, "Lab", refuse)
    found = capability.check()
    assert "enter.py" in found["namespaces"]
    assert "Operation not permitted" in found["sshd"]


@pytest.mark.netns
def test_a_kernel_without_the_helper_is_told_from_a_kernel_without_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    load = Router.nft

    def without_helper(self: Router, text: str) -> str:
        if "ct helper" in text:
            raise CommandFailed("Could not process rule: No such file or directory")
        return load(self, text)

    monkeypatch.setattr(Router, "nft", without_helper)
    found = capability.check()
    assert found["alg"].startswith("the kernel has no SIP helper (nf_conntrack_sip: ")
    assert "No such file or directory" in found["alg"]
    assert found["namespaces"] == ""


@pytest.mark.netns
def test_a_helper_that_translates_nothing_is_no_alg(monkeypatch: pytest.MonkeyPatch) -> None:
    # As with nf_conntrack_sip and without nf_nat_sip: the rule loads, and the Via stays.
    monkeypatch.setattr(capability.rules, "alg", lambda: "")
    assert "left the Via of a REGISTER as it was (nf_conntrack_sip: " in capability.check()["alg"]


@pytest.mark.netns
def test_timers_that_cannot_be_set_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Router, single: int, stream: int) -> None:
        raise PermissionError(13, "Permission denied")

    with Lab() as lab:
        monkeypatch.setattr(Router, "timers", refuse)
        assert "cannot be set: [Errno 13]" in capability._timers(lab)


@pytest.mark.netns
def test_an_openssh_that_does_not_start_is_named_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openssh, "GATEWAY", "192.168.77.99")
    found = capability.check()
    assert "Cannot assign requested address" in found["sshd"]
    assert found["namespaces"] == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"CONFIG_NF_NAT_SIP=y\n", "built in"),
        (b"CONFIG_NF_NAT_SIP=m\n", "a module"),
        (b"# CONFIG_NF_NAT_SIP is not set\n", "not built"),
        (gzip.compress(b"CONFIG_NF_NAT_SIP=m\n"), "a module"),
        (None, "not known"),
    ],
)
def test_the_kernel_s_configuration_is_read(
    text: bytes | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    if text is not None:
        config.write_bytes(text)
    monkeypatch.setattr(capability, "config_files", lambda: [config])
    assert capability.kernel_option("NF_NAT_SIP") == said


def test_a_module_that_is_not_loaded_is_told_how_to_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability, "kernel_option", lambda name: "a module")
    monkeypatch.setattr(capability, "MODULES", tmp_path / "modules")
    (tmp_path / "modules").write_text("nf_conntrack_sip 45056 1 - Live 0x0\n")
    assert capability._modules() == (
        "nf_conntrack_sip: a module, loaded, nf_nat_sip: a module, not loaded (on the host: modprobe nf_nat_sip)"
    )
