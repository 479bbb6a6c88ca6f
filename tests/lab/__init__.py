# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated routers with state, written from the vendors' facts and never from the code under test."""

from __future__ import annotations

from .device import SECRETS, Device, Write
from .platforms import make_device, variants
from .servers import Lab

__all__ = ["SECRETS", "Device", "Lab", "Write", "make_device", "variants"]
