# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of simulated routers over real SSH: audited, set right by the playbooks, audited again, with what is left to people.

Then the proof on the wire with a real router, where the kernel allows it. Exit code 1 when a part did not show what it has to show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OUTPUT = Path(os.environ.get("VOIP_EDGE_OUTPUT", ".cache/demo")).resolve()
WAIT_SECONDS = 60
# In a process of its own: with it ends whatever it started, and its namespaces with it.
PROOF = [str(HERE / "lab" / "netns" / "enter.py"), sys.executable, "-uB", "-m", "tests.netns.proof"]
IMPOSSIBLE = 3


def say(text: str = "") -> None:
    print(text, flush=True)


def start_fleet(folder: Path) -> subprocess.Popen[bytes]:
    """The lab in a process of its own; it ends with this one."""
    command = [sys.executable, str(HERE / "lab" / "serve.py"), "--fleet", "demo", "--dir", str(folder)]
    log = (folder / "lab.log").open("wb")
    process = subprocess.Popen([*command, "--exit-with", str(os.getpid())], stdout=log, stderr=log)
    deadline = time.monotonic() + WAIT_SECONDS
    while not (folder / "ready").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"the simulated fleet did not start; its log: {folder / 'lab.log'}")
        time.sleep(0.05)
    return process


def play(name: str, inventory: Path, report: Path, *more: str) -> None:
    """One of the collection's playbooks, as a user would run it. Hosts that fail are in the report, not in the exit status here."""
    command = [
        "ansible-playbook",
        "-i",
        str(inventory),
        f"voip.edge.{name}",
        "-e",
        f"voip_edge_report_dir={report}",
        *more,
    ]
    say(f"$ {' '.join(command[:4])} {' '.join(more)}".rstrip())
    log = OUTPUT / f"{report.name}-{name}.log"
    began = time.monotonic()
    with log.open("wb") as stream:
        subprocess.run(command, stdout=stream, stderr=subprocess.STDOUT, check=False)
    if not (report / "report.json").exists():
        sys.exit(f"the playbook left no report; its output: {log}")
    say(f"  {time.monotonic() - began:.1f} s, output in {log}")


def records(report: Path) -> list[dict[str, Any]]:
    with (report / "report.json").open(encoding="utf-8") as stream:
        found: list[dict[str, Any]] = json.load(stream)["records"]
    return found


def show(report: Path) -> dict[str, dict[str, Any]]:
    """The fleet as a table on the terminal."""
    by_host = {r["host"]: r for r in records(report)}
    say(f"  {'host':15} {'platform':17} {'SIP ALG':15} {'UDP timeout':13} {'result':13}")
    for host, record in sorted(by_host.items()):
        aspects = record["aspects"]
        alg = aspects.get("sip_alg", {}).get("verdict", "-")
        timer = aspects.get("udp_timeout", {})
        seconds = (
            f"{timer.get('verdict', '-')} {timer['seconds']} s" if timer.get("seconds") else timer.get("verdict", "-")
        )
        say(f"  {host:15} {record['platform'] or '-':17} {alg:15} {seconds:13} {record['compliance']:13}")
    return by_host


def counted(by_host: dict[str, dict[str, Any]]) -> str:
    words = [r["compliance"] for r in by_host.values()]
    return ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))


def left_over(by_host: dict[str, dict[str, Any]]) -> None:
    for host, record in sorted(by_host.items()):
        if record["compliance"] == "compliant":
            continue
        found = [f["text"] for f in record["findings"] if f["severity"] != "info"]
        open_aspects = [
            f"{n} is {a['compliance']}" for n, a in record["aspects"].items() if a["compliance"] != "compliant"
        ]
        why = record.get("error", {}).get("text") or "; ".join(found or open_aspects)
        say(f"  {host}: {why}")
        for text in record["advice"]:
            say(f"      by hand: {text}")


def writes(folder: Path) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in (folder / "journal").glob("*.jsonl"))


def fleet_part() -> bool:
    """Audit, plan, change and audit the fleet again; whether any router was set right."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="lab-", dir=OUTPUT))
    inventory = folder / "inventory.yml"
    say("Starting a fleet of simulated routers (real SSH and HTTPS, nothing outside this machine)")
    fleet = start_fleet(folder)
    try:
        say("\n1. Audit: reads only")
        play("audit", inventory, OUTPUT / "before")
        before = show(OUTPUT / "before")
        say(f"  {counted(before)}; writes that reached a device: {writes(folder)}")

        say("\n2. The plan, without touching anything")
        play("remediate", inventory, OUTPUT / "plan", "--check", "--diff")
        say(f"  writes that reached a device: {writes(folder)}")
        for record in records(OUTPUT / "plan"):
            for step in record["plan"][:2]:
                say(f"  {record['host']}: {' / '.join(step['do'].splitlines())}")

        say("\n3. Remediate: change, prove by reading again, save")
        play("remediate", inventory, OUTPUT / "change")
        say(f"  writes that reached a device: {writes(folder)}")

        say("\n4. Audit again")
        play("audit", inventory, OUTPUT / "after")
        after = show(OUTPUT / "after")
        say(f"  before: {counted(before)}\n  after:  {counted(after)}")
        say("\n5. What is left to people")
        left_over(after)
    finally:
        fleet.terminate()
        fleet.wait(10)
    say(f"\nreport before: {OUTPUT / 'before' / 'report.html'}\nreport after:  {OUTPUT / 'after' / 'report.html'}")
    fixed = [h for h in before if before[h]["compliance"] == "noncompliant" and after[h]["compliance"] == "compliant"]
    say(f"{len(fixed)} routers went from noncompliant to compliant: {', '.join(sorted(fixed))}")
    return bool(fixed)


def wire_part() -> bool:
    """The proof on the wire, or the reason why this machine cannot bring it; False when it was tried and not brought."""
    say("\n6. The proof on the wire: a real Linux router with the kernel's SIP ALG, in network namespaces")
    began = time.monotonic()
    line = [sys.executable, "-B", *PROOF]
    check = subprocess.run([*line, "--check"], cwd=HERE.parent, capture_output=True, text=True, check=False)
    if check.returncode:
        said = (check.stdout + check.stderr).strip().splitlines() or [f"the check ended with {check.returncode}"]
        say(f"  not on this machine: {said[-1]} (what it needs: tests/lab/netns/README.md)")
        return check.returncode == IMPOSSIBLE
    proven = subprocess.run(line, cwd=HERE.parent, stdin=subprocess.DEVNULL, check=False).returncode == 0
    say(
        f"  {'proven' if proven else 'NOT PROVEN'}, {time.monotonic() - began:.1f} s with the check of what this machine can do"
    )
    return proven


def main() -> int:
    """Both parts, whatever the first one shows; 0 when neither failed."""
    parts = [fleet_part(), wire_part()]
    return 0 if all(parts) else 1


if __name__ == "__main__":
    sys.exit(main())
