# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nornir with nornir-netmiko as a contender: ``nornir_client.py read|change INVENTORY FORKS``

Does what the peers' Ansible tasks do, in one session a router, with the settings that netmiko comes with.
"""

from __future__ import annotations

import sys
from typing import Any

import yaml
from nornir.core import Nornir
from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.task import Result, Task
from nornir.plugins.runners import ThreadedRunner
from nornir_netmiko.connections import CONNECTION_NAME, Netmiko
from nornir_netmiko.tasks import netmiko_save_config, netmiko_send_command, netmiko_send_config

OFF = ["no ip nat service sip udp port 5060", "no ip nat service sip tcp port 5060"]


def inventory(path: str) -> Inventory:
    """The hosts of the lab's Ansible inventory."""
    with open(path, encoding="utf-8") as stream:
        routers: dict[str, dict[str, Any]] = yaml.safe_load(stream)["all"]["children"]["routers"]["hosts"]
    hosts = {
        name: Host(
            name=name,
            hostname=facts["ansible_host"],
            port=facts["ansible_port"],
            username=facts["ansible_user"],
            password=facts["ansible_password"],
            platform="cisco_ios",
        )
        for name, facts in routers.items()
    }
    return Inventory(hosts=Hosts(hosts), groups=Groups(), defaults=Defaults())


def read(task: Task) -> Result:
    task.run(netmiko_send_command, command_string="show version")
    task.run(netmiko_send_command, command_string="show running-config")
    task.host.close_connection(CONNECTION_NAME)
    return Result(host=task.host)


def change(task: Task) -> Result:
    task.run(netmiko_send_command, command_string="show version")
    task.run(netmiko_send_command, command_string="show running-config")
    task.run(netmiko_send_config, config_commands=OFF)
    shown = task.run(netmiko_send_command, command_string="show running-config")
    if not all(line in shown.result for line in OFF):
        raise RuntimeError(f"{task.host.name}: reading again does not show the change")
    task.run(netmiko_save_config)
    task.host.close_connection(CONNECTION_NAME)
    return Result(host=task.host)


def main(word: str, path: str, forks: str) -> int:
    ConnectionPluginRegister.register(CONNECTION_NAME, Netmiko)
    nornir = Nornir(inventory=inventory(path), runner=ThreadedRunner(num_workers=int(forks)))
    results = nornir.run(task={"read": read, "change": change}[word])
    for name, result in results.failed_hosts.items():
        print(f"{name}: {result[0].exception or result[-1].exception}")
    print(f"ok={len(results) - len(results.failed_hosts)} failed={len(results.failed_hosts)}")
    return 1 if results.failed_hosts else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
