# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same work done with other tools: nornir with netmiko on devices, ciscoconfparse2 on saved configurations.

``python peers.py nornir read|change INVENTORY FORKS`` and ``python peers.py parse FOLDER COUNT``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NAT_OFF = ["no ip nat service sip udp port 5060", "no ip nat service sip tcp port 5060"]


def nornir(work: str, inventory: Path, forks: int) -> int:
    import yaml
    from netmiko import ConnectHandler
    from nornir.core import Nornir
    from nornir.core.inventory import Defaults, Groups, Host, Hosts, Inventory
    from nornir.core.task import Result, Task
    from nornir.plugins.runners import ThreadedRunner

    hosts = Hosts()
    for name, v in yaml.safe_load(inventory.read_text())["all"]["children"]["routers"]["hosts"].items():
        hosts[name] = Host(
            name,
            hostname=v["ansible_host"],
            port=v["ansible_port"],
            username=v["ansible_user"],
            password=v["ansible_password"],
        )

    def task(t: Task) -> Result:
        h = t.host
        with ConnectHandler(
            device_type="cisco_ios", host=h.hostname, port=h.port, username=h.username, password=h.password
        ) as device:
            device.send_command("show version")
            text = device.send_command("show running-config")
            if work == "change" and "no ip nat service sip udp port 5060" not in text:
                device.send_config_set(NAT_OFF)
                text = device.send_command("show running-config")
                if "no ip nat service sip udp port 5060" not in text:
                    raise RuntimeError("not changed")
                device.save_config()
        return Result(host=h, result=len(text))

    runner = Nornir(inventory=Inventory(hosts, Groups(), Defaults()), runner=ThreadedRunner(num_workers=forks))
    result = runner.run(task=task)
    return 1 if result.failed else 0


def judged(text: str) -> str:
    """The judgement on the NAT ALG and the classic firewall, with a general parser."""
    from ciscoconfparse2 import CiscoConfParse

    parse = CiscoConfParse(text.splitlines(), syntax="ios")
    nat = parse.find_objects(r"^ ip nat (?:inside|outside|enable)$")
    udp = parse.find_objects(r"^no ip nat service sip udp port 5060$")
    tcp = parse.find_objects(r"^no ip nat service sip tcp port 5060$")
    extra = parse.find_objects(r"^ip nat service sip ")
    applied = {line.text.split()[2] for line in parse.find_objects(r"^ ip inspect \S+ (?:in|out)$")}
    inspected = {line.text.split()[3] for line in parse.find_objects(r"^ip inspect name \S+ sip")}
    if applied & inspected or (nat and (not udp or not tcp or extra)):
        return "active"
    return "disabled" if nat or applied else "not_applicable"


def parse(folder: Path, count: int) -> int:
    verdicts = {path.stem: judged(path.read_text()) for path in sorted(folder.glob("*.cfg"))[:count]}
    print(json.dumps(verdicts))
    return 0


def main(arguments: list[str]) -> int:
    kind, *rest = arguments
    calls: dict[str, Any] = {
        "nornir": lambda: nornir(rest[0], Path(rest[1]), int(rest[2])),
        "parse": lambda: parse(Path(rest[0]), int(rest[1])),
    }
    return int(calls[kind]())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
