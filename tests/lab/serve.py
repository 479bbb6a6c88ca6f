# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve a fleet of simulated routers until told to stop, and write what a run against it needs into a folder.

The folder gets ``inventory.yml``, ``known_hosts``, ``devices.json``, ``journal/<name>.jsonl`` (every write as it
happens; empty when there was none) and, when all of them answer, ``ready`` with the process id in it. At the end, or
on SIGUSR1, ``running/<name>.cfg``.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

# Old key exchanges are offered on purpose; the warnings about them would hide what matters.
warnings.filterwarnings("ignore", message=".*Diffie-Hellman.*")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lab import Device, Lab, Write, variants  # noqa: E402
from lab.fleet import FLEETS, Member, inventory, start  # noqa: E402
from lab.platforms import KINDS  # noqa: E402


def arguments(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("--fleet", choices=sorted(FLEETS), action="append", default=[], help="a fleet by name")
    parser.add_argument("--clones", action="append", default=[], metavar="PLATFORM:VARIANT:N", help="N equal routers")
    parser.add_argument("--dir", type=Path, help="folder for the inventory, the journals and the sign of readiness")
    parser.add_argument("--latency", default="0,0", metavar="LOGIN,COMMAND", help="seconds a log-in and a command take")
    parser.add_argument("--exit-with", type=int, metavar="PID", help="stop when this process is gone")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=FAULT", help="give a router a fault")
    parser.add_argument("--list", action="store_true", help="print platforms and variants, and end")
    options = parser.parse_args(argv)
    if not options.list and (options.dir is None or not (options.fleet or options.clones)):
        parser.error("--dir and one of --fleet or --clones are needed")
    return options


def members_of(options: argparse.Namespace) -> list[Member]:
    members: list[Member] = [member for name in options.fleet for member in FLEETS[name]]
    for text in options.clones:
        platform, variant, count = text.split(":")
        short = platform.rsplit("_", maxsplit=1)[-1]
        width = len(count)
        members += [Member(f"{short}-{variant}-{n:0{width}}", platform, variant) for n in range(1, int(count) + 1)]
    return members


def write_atomically(path: Path, text: str) -> None:
    """Others wait for these files: they must never see half of one."""
    draft = path.with_name(path.name + ".tmp")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def journal_to(folder: Path) -> Any:
    def listener(device: Device, write: Write) -> None:
        with (folder / f"{device.name}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"host": device.name, **write._asdict()}) + "\n")

    return listener


def dump_running(lab: Lab, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for device in lab.devices:
        write_atomically(folder / f"{device.name}.cfg", device.running())


def alive(pid: int) -> bool:
    """Is the process there and not a zombie?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split(maxsplit=1)[0] != "Z"
    except OSError:
        return True


def prepare(lab: Lab, options: argparse.Namespace) -> None:
    folder: Path = options.dir
    for name in ("journal", "running"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    served = start(lab, members_of(options))
    for member, device in served:
        (folder / "journal" / f"{member.name}.jsonl").write_text("", encoding="utf-8")
        device.on_write.append(journal_to(folder / "journal"))
    for text in options.fault:
        name, _sep, fault = text.partition("=")
        next(device for device in lab.devices if device.name == name).faults.add(fault)
    write_atomically(folder / "inventory.yml", inventory(served))
    host_keys = [device.known_hosts_line for device in lab.devices if device.known_hosts_line]
    write_atomically(folder / "known_hosts", "".join(line + "\n" for line in host_keys))
    facts = {
        device.name: {
            "platform": member.platform,
            "variant": member.variant,
            "port": device.port,
            "twist": member.twist,
        }
        for member, device in served
    }
    write_atomically(folder / "devices.json", json.dumps(facts, indent=1) + "\n")
    write_atomically(folder / "ready", f"{os.getpid()}\n")


def main(argv: list[str] | None = None) -> int:
    options = arguments(argv)
    if options.list:
        for platform in KINDS:
            for name, text in variants(platform).items():
                print(f"{platform}:{name}: {text}")
        return 0
    stop = threading.Event()
    dump = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_args: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_args: dump.set())
    login, command = (float(part) for part in options.latency.split(","))
    with Lab(latency=(login, command)) as lab:
        prepare(lab, options)
        while not stop.wait(0.25):
            if dump.is_set():
                dump.clear()
                dump_running(lab, options.dir / "running")
            if options.exit_with is not None and not alive(options.exit_with):
                break
        dump_running(lab, options.dir / "running")
    (options.dir / "ready").unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
