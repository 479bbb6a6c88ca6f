# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection's playbooks on the router of a lab, over OpenSSH, as an administrator in the LAN would run them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab.netns import Lab, rules
from tests.lab.netns.openssh import OpenSSH, environment
from tests.netns.probing import reflecting


class PlayFailed(RuntimeError):
    """A playbook ended with an error; the text is what it printed."""


class Site:
    """A router that is logged in to over OpenSSH, and the collection's playbooks; their files are in ``folder``."""

    def __init__(self, lab: Lab, ssh: OpenSSH, folder: Path) -> None:
        self.lab, self.ssh, self.folder = lab, ssh, folder
        variables = {**ssh.host_vars(), "ansible_network_os": "linux_netfilter"}
        (folder / "inventory.json").write_text(json.dumps({"routers": {"hosts": {"edge1": variables}}}))

    def play(self, name: str, **variables: object) -> dict[str, Any]:
        """The record of the router from a playbook of the collection."""
        self.run(name, **variables)
        record: dict[str, Any] = json.loads((self.folder / "report" / "records" / "edge1.json").read_text())
        return record

    def run(self, name: str, **variables: object) -> None:
        """A playbook of the collection, run in the LAN. Raises PlayFailed."""
        done = self.tried(name, **variables)
        if done.returncode:
            raise PlayFailed(f"voip.edge.{name} ended with {done.returncode}\n{done.stdout}{done.stderr}")

    def tried(self, name: str, **variables: object) -> subprocess.CompletedProcess[str]:
        """A playbook of the collection, run in the LAN, however it ends."""
        given = {"voip_edge_report_dir": str(self.folder / "report"), **variables}
        line = ["ansible-playbook", "-i", "inventory.json", f"voip.edge.{name}", "-e", json.dumps(given)]
        env = {**os.environ, **environment(), "HOME": str(self.folder), "ANSIBLE_LOCALHOST_WARNING": "false"}
        # Ansible would look for the home of the user by name, which is not HOME.
        env["ANSIBLE_REMOTE_TEMP"] = str(self.folder / "tmp")
        # Where the folder of the collections is: with the gates that is a copy of the checkout.
        env.setdefault("ANSIBLE_COLLECTIONS_PATH", str(Path(__file__).parents[5]))
        with self.lab.lan.entered():
            return subprocess.run(
                line, cwd=self.folder, env=env, capture_output=True, text=True, timeout=120, check=False
            )

    def proof(self) -> dict[str, Any]:
        """What voip.edge.probe says of the path, sent from a host of the LAN."""
        with reflecting(self.lab) as (server, key):
            self.run("probe", **_probing(server.ip, key))
        probe: dict[str, Any] = json.loads((self.folder / "report" / "probes" / "edge1.json").read_text())
        return probe

    def onboard(self) -> subprocess.CompletedProcess[str]:
        """Onboarding with a probe host in the LAN."""
        with reflecting(self.lab) as (server, key):
            return self.tried("onboard", **_probing(server.ip, key), voip_edge_aspects=["sip_alg"])

    def joined(self) -> dict[str, Any]:
        """The record as the report has it: with what the probe proved."""
        self.run("report")
        return self.reported()

    def reported(self) -> dict[str, Any]:
        """The record in the report that is there."""
        whole = json.loads((self.folder / "report" / "report.json").read_text())
        found: dict[str, Any] = whole["records"][0]
        return found

    def audit(self) -> str:
        """The verdict about the SIP ALG."""
        return str(self.play("audit")["aspects"]["sip_alg"]["verdict"])

    def file(self) -> list[str]:
        """Lines of the router's nftables.conf that would set the helper at its next start."""
        lines = self.ssh.run(self.lab.lan, "cat /etc/nftables.conf").splitlines()
        return [line.strip() for line in lines if "ct helper set" in line and not line.startswith("#")]


def _probing(reflector: str, key: str) -> dict[str, object]:
    """The variables of a probe that is sent from the host that runs the play."""
    return {
        "voip_edge_reflector": reflector,
        "voip_edge_reflector_key": key,
        "voip_edge_reflector_proven": True,
        "voip_edge_probe_own_nat": False,
        "voip_edge_probe_host": "localhost",
    }


@contextlib.contextmanager
def site_with_alg(lab: Lab, folder: Path, symmetric: bool = False) -> Iterator[Site]:
    """A site whose router has its ALG on, now and at its next start; ``symmetric``: its NAT takes a new port for each destination."""
    if symmetric:
        lab.router.symmetric_nat()
    lab.router.alg_on()
    conf = "flush ruleset\n" + rules.nat("wan0", symmetric) + rules.firewall("lan0", "wan0") + rules.alg()
    with OpenSSH(lab.router.namespace, {"/etc/nftables.conf": conf}, name="edge1") as ssh:
        yield Site(lab, ssh, folder)
