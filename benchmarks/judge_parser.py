# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same judgement with ciscoconfparse2: ``judge_parser.py FOLDER RESULT.json``

One process, the SIP ALG only: NAT interfaces, the two NAT lines, rules of the classic firewall that are applied, and
classes of the zone firewall that are applied. It writes no record.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from ciscoconfparse2 import CiscoConfParse

INTERFACE = r"^interface "


def nat_states(parse: Any, version: str) -> set[str]:
    if not parse.find_parent_objects([INTERFACE, r"^\s+ip nat (inside|outside|enable)\s*$"]):
        return {"not_applicable"}
    states = set()
    for transport in ("udp", "tcp") if version >= "15" else ("udp",):  # SIP over TCP is translated from 15.0 on
        line = parse.find_objects(rf"^no ip nat service sip {transport} port 5060\s*$")
        states.add("off" if line else "on")
    return states


def cbac_states(parse: Any) -> set[str]:
    states = set()
    for rule in {obj.text.split()[2] for obj in parse.find_child_objects([INTERFACE, r"^\s+ip inspect \S+ (in|out)"])}:
        states.add("on" if parse.find_objects(rf"^ip inspect name {rule} sip(\s|$)") else "off")
    return states


def zone_states(parse: Any, version: str) -> set[str]:
    states = set()
    for policy in parse.find_child_objects([r"^zone-pair security ", r"^\s+service-policy type inspect "]):
        name = policy.text.split()[-1]
        for klass in parse.find_child_objects([rf"^policy-map type inspect {name}\s*$", r"^\s+class type inspect "]):
            if not any(child.text.strip().startswith("inspect") for child in klass.children):
                continue
            parent = rf"^class-map type inspect .*{klass.text.split()[-1]}\s*$"
            matches = [obj.text.split() for obj in parse.find_child_objects([parent, r"^\s+match "])]
            if any(words[1:3] == ["protocol", "sip"] for words in matches):
                states.add("on")
            elif all(words[1] == "protocol" and words[2] not in ("tcp", "udp") for words in matches):
                states.add("off")
            else:
                states.add("off" if version < "15" else "unknown")
    return states


def verdict(path: Path) -> str:
    parse = CiscoConfParse(path.read_text(encoding="utf-8").splitlines(), syntax="ios")
    version = parse.find_objects(r"^version ")[0].text.split()[1]
    states = nat_states(parse, version) | cbac_states(parse) | zone_states(parse, version)
    for state, word in (("on", "active"), ("unknown", "undetermined"), ("off", "disabled")):
        if state in states:
            return word
    return "not_applicable"


def main(folder: str, result: str) -> int:
    files = sorted(Path(folder).iterdir())
    begun = time.process_time()
    verdicts = {path.stem: verdict(path) for path in files}
    seconds = time.process_time() - begun
    Path(result).write_text(json.dumps({"seconds": seconds / len(files), "verdicts": verdicts}), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
