# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: the jump host in OpenSSH arguments, the way inventories write it (ansible_ssh_common_args)."""

from __future__ import annotations

import shlex


def proxy_command(arguments: str) -> str | None:
    """The proxy command of `-J host`, `-o ProxyJump=host` or `-o ProxyCommand=...`; None when there is none."""
    try:
        words = shlex.split(arguments)
    except ValueError:
        return None
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word == "-J" or (word.startswith("-J") and len(word) > 2):
            return _jump(word[2:] or following)
        option = following if word == "-o" else word[2:] if word.startswith("-o") else ""
        key, separator, value = option.partition("=")
        if " " in key:  # OpenSSH takes a blank as well
            key, separator, value = option.partition(" ")
        if separator and key.lower() == "proxyjump":
            return _jump(value)
        if separator and key.lower() == "proxycommand" and value.lower() != "none":
            return value.strip("\"'")
    return None


def _jump(hops: str) -> str | None:
    """OpenSSH itself walks the hops: its keys and known_hosts count there."""
    listed = [h for h in hops.split(",") if h]
    if not listed:
        return None
    earlier = f"-J {shlex.quote(','.join(listed[:-1]))} " if listed[:-1] else ""
    host, _sep, port = listed[-1].partition(":")
    at_port = f"-p {port} " if port else ""
    return f"ssh -o BatchMode=yes {earlier}{at_port}-W [%h]:%p {shlex.quote(host)}"
