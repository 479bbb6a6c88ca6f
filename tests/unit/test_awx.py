# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files for AWX hold together: with each other, with the roles, and with the variables that the modules read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.voip.edge.plugins.module_utils._edge.options import VARIABLES

ROOT = Path(__file__).resolve().parents[2]
AWX = ROOT / "docs" / "awx"
SURVEYS = {"survey_audit.json": "audit", "survey_onboard.json": "onboard"}
SURVEY_TYPES = {"text": str, "textarea": str, "multiplechoice": str, "integer": int}
ROLE_TYPES = {"str": {"text", "multiplechoice"}, "list": {"text"}, "bool": {"multiplechoice"}, "int": {"integer"}}


class Loader(yaml.SafeLoader):
    """YAML with Ansible's mark for texts that are not templates of its own."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(name: str) -> Any:
    return yaml.load((AWX / name).read_text(encoding="utf-8"), Loader)  # a kind of safe loader


def role_options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    options: dict[str, Any] = specs["argument_specs"]["main"]["options"]
    return options


def names(key: str, file: str) -> list[str]:
    return [item["name"] for item in load(file)[key]]


def test_all_surveys_are_known_here() -> None:
    assert {path.name for path in AWX.glob("survey_*.json")} == set(SURVEYS)


@pytest.mark.parametrize("file", SURVEYS)
def test_a_survey_asks_for_variables_of_its_role(file: str) -> None:
    survey = json.loads((AWX / file).read_text(encoding="utf-8"))
    assert survey.keys() == {"name", "description", "spec"}
    assert survey["spec"]
    options = role_options(SURVEYS[file])
    for question in survey["spec"]:
        needed = {"question_name", "question_description", "variable", "type", "required", "default"}
        assert needed <= question.keys()
        option = options[question["variable"]]
        assert question["type"] in ROLE_TYPES[option["type"]], question["variable"]
        assert isinstance(question["default"], SURVEY_TYPES[question["type"]])
        if question["required"]:
            assert str(option["default"]).lower() == question["default"].lower(), "the survey's default is the role's"
        else:
            assert question["default"] == "", "what is not asked for is left to the inventory and to the role"
        if question["type"] == "multiplechoice":
            assert question["default"] in question["choices"].split("\n")
        else:
            assert question["min"] <= len(question["default"]) <= question["max"]


def test_a_credential_fills_variables_that_the_modules_read() -> None:
    read = {name for candidates in VARIABLES.values() for name in candidates}
    types = load("credential_types.yml")["awx_credential_types"]
    assert types
    for kind in types:
        assert kind["kind"] in ("cloud", "net"), "the kinds that AWX lets users make"
        fields = {field["id"]: field for field in kind["inputs"]["fields"]}
        assert set(kind["inputs"]["required"]) <= set(fields)
        for name, field in fields.items():
            assert field["type"] == "string"
            assert field.get("secret", False) is (name != "username")
        assert kind["injectors"].keys() == {"extra_vars"}
        used = set()
        for variable, text in kind["injectors"]["extra_vars"].items():
            assert variable.startswith(("voip_edge_", "ansible_"))
            assert variable in read
            used.update(re.findall(r"{{ (\w+) }}", text))
        assert used == set(fields), "every field is used, and nothing that is no field"


def test_a_job_template_names_what_is_there() -> None:
    for template in load("templates.yml")["awx_job_templates"]:
        assert {"name", "description", "playbook", "job_type", "extra_vars"} <= template.keys()
        assert template["job_type"] in ("run", "check")
        playbook = yaml.safe_load((AWX / "project" / template["playbook"]).read_text(encoding="utf-8"))
        whole = playbook[0]["ansible.builtin.import_playbook"]
        assert (ROOT / "playbooks" / f"{whole.removeprefix('voip.edge.')}.yml").is_file()
        assert set(template["extra_vars"]) <= set(role_options("onboard"))
        if "survey" in template:
            assert SURVEYS[template["survey"]] == Path(template["playbook"]).stem
            asked = {q["variable"] for q in json.loads((AWX / template["survey"]).read_text())["spec"]}
            assert not asked & set(template["extra_vars"]), "an answer would replace it"


def test_only_what_reads_is_sliced_and_one_report_comes_after_it() -> None:
    templates = {t["name"]: t for t in load("templates.yml")["awx_job_templates"]}
    assert [name for name, t in templates.items() if t.get("job_slice_count", 1) > 1] == ["Edge audit"]
    assert {t["extra_vars"]["voip_edge_report_dir"] for t in templates.values()} == {
        "/var/lib/voip-report/{{ '%Y-%m-%d' | ansible.builtin.strftime }}"
    }
    (workflow,) = load("templates.yml")["awx_workflows"]
    first, last = workflow["workflow_nodes"]
    assert [n["unified_job_template"]["name"] for n in (first, last)] == ["Edge audit", "Edge report"]
    assert first["related"] == {"always_nodes": [{"identifier": last["identifier"]}]}


def test_a_schedule_starts_something_that_is_loaded() -> None:
    known = names("awx_job_templates", "templates.yml") + names("awx_workflows", "templates.yml")
    for schedule in load("schedules.yml")["awx_schedules"]:
        assert schedule["unified_job_template"] in known
        form = r"DTSTART;TZID=[\w/]+:\d{8}T\d{6} RRULE:FREQ=(DAILY|WEEKLY|MONTHLY);INTERVAL=\d+(;[A-Z]+=[\w,]+)*"
        assert re.fullmatch(form, schedule["rrule"])


def test_an_image_gets_the_collection_and_a_runner() -> None:
    image = load("execution-environment.yml")
    assert image["version"] == 3
    assert image["dependencies"]["galaxy"]["collections"] == [{"name": "voip.edge"}]
    assert {"ansible_core", "ansible_runner"} <= image["dependencies"].keys()
    ours = yaml.safe_load((ROOT / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert ours["version"] == 3
    for file in ours["dependencies"].values():
        assert (ROOT / file).read_text(encoding="utf-8").strip(), "relative to the collection's own folder"
