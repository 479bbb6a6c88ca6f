# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real router: network namespaces, the kernel's own NAT and SIP ALG, and OpenSSH. See README.md."""

from __future__ import annotations

from .kernel import CommandFailed, Namespace
from .lab import PHONE, PUBLIC, SERVER, Lab
from .router import Router

__all__ = ["PHONE", "PUBLIC", "SERVER", "CommandFailed", "Lab", "Namespace", "Router"]
