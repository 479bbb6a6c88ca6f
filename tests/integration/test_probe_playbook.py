# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook of the probe as a user runs it: the site is a router that nobody logs in to, another host sends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.conftest import Site
from tests.lab.relay import Behaviour
from tests.unit.probe.conftest import net, way

__all__ = ["net", "way"]

Make = Callable[..., Any]


def site_of(path: Any, folder: Path, collections: str) -> tuple[Site, dict[str, Any]]:
    site = Site(folder, collections)
    site.hosts = {
        "edge1": {"ansible_connection": "network_cli", "voip_edge_probe_host": "box"},
        "box": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
    }
    variables = {
        "voip_edge_hosts": "edge1",
        "voip_edge_reflector": path.options.server.ip,
        "voip_edge_reflector_key": path.options.secret,
        "voip_edge_reflector_proven": True,
        "voip_edge_probe_own_nat": False,
    }
    return site, variables


def test_the_path_of_a_site_is_proven_and_kept(way: Make, tmp_path: Path, collections: str) -> None:
    path = way(Behaviour(("linux",)))
    site, variables = site_of(path, tmp_path, collections)
    done = site.play("voip.edge.probe", **variables)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "verdict: rewritten" in done.stdout
    kept = json.loads((site.report / "probes" / "edge1.json").read_text(encoding="utf-8"))
    assert (kept["host"], kept["verdict"], kept["schema"]) == ("edge1", "rewritten", "voip.edge/probe/1")
    assert any(one["name"] == "via" for one in kept["rewritings"])
    assert path.options.secret not in done.stdout + json.dumps(kept)


def test_a_reflector_that_is_not_there_is_a_failure_and_leaves_nothing(
    way: Make, tmp_path: Path, collections: str
) -> None:
    site, variables = site_of(way(), tmp_path, collections)
    done = site.play("voip.edge.probe", **{**variables, "voip_edge_reflector_key": "x" * 40})

    assert done.returncode != 0
    assert "no authentic answer" in done.stdout
    assert "x" * 40 not in done.stdout
    assert not (site.report / "probes" / "edge1.json").exists()
