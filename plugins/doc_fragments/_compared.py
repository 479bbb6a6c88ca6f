# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private: the options of the modules that make a report and compare it with earlier runs."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  earlier:
    description:
      - The folder of an earlier report to compare with. If left out, each host is compared with its last answer in the
        history of the report folder.
      - An aspect that could not be determined in between, and a run that did not reach the host, are passed over. Saved
        configurations are compared with saved configurations only.
    type: path
  history_keep:
    description:
      - How many records of earlier runs are kept of each host; those that judged something, those that did not, and those
        of a host that was not reached are counted apart, so that the last answer of a silent host stays.
    type: int
    default: 30
  fail_on:
    description:
      - For what the module ends with an error, after the report was written. Any of V(noncompliant), V(regression) (what came
        back, is new or worse on a host that was better in an earlier run), V(undetermined), V(not_reached).
      - The hosts that the run is about count, and no others that are in the folder.
    type: list
    elements: str
    default: []
"""
