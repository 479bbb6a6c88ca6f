# Copyright (c) voip.edge contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session on a device of requests: reads, writes, staging, locks, and always a logout."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.voip.edge.plugins.module_utils._edge.core.errors import CommandRefused, ConnectionLost
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.http import Reply
from ansible_collections.voip.edge.plugins.module_utils._edge.transports.rest import Door, RestSession


class Device:
    """Answers by a table of (status, document) for each request line; everything else succeeds."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.may_write = False
        self.closed = False

    def request(self, method: str, path: str, **more: Any) -> Reply:
        body = f" {more['body']}" if more.get("body") else ""
        line = f"{method} {path}{body}"
        self.asked.append(line)
        answer = self.answers.get(f"{method}{path.replace('/', '_')}", (200, {}))
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer[0], {}, json.dumps(answer[1]).encode())

    def close(self) -> None:
        self.closed = True


DOOR = Door(
    base="/api",
    log_in=lambda session, extra: session.request("POST", "/api/in"),
    log_out=lambda session: session.request("POST", "/api/out"),
    refusal=lambda reply: reply.json().get("word") if reply.status >= 400 else None,
    commit="POST /commit",
    discard="DELETE /commit",
    locked=lambda word: word == "locked",
    seize="POST /seize",
    release="POST /release",
)


def session(device: Device, **extra: Any) -> RestSession:
    made = RestSession(device, DOOR, extra)  # type: ignore[arg-type]
    made.greet()
    return made


def test_a_read() -> None:
    device = Device(GET_api_x=(200, {"a": 1}), GET_api_y=(404, {"word": "not here"}))
    talk = session(device)
    assert json.loads(talk.ask("GET /x")) == {"a": 1}
    assert talk.ask("GET /y") == "404 not here"
    assert talk.is_error("404 not here")
    assert not talk.is_error('{"a": 1}')
    assert talk.prepare(None) == ""
    talk.close()
    assert device.asked == ["POST /api/in", "GET /api/x", "GET /api/y", "POST /api/out"]
    assert device.closed


def test_headers_of_a_door_go_with_writes_alone() -> None:
    seen: list[Any] = []

    class Watched(Device):
        def request(self, method: str, path: str, **more: Any) -> Reply:
            seen.append((method, more.get("headers")))
            return super().request(method, path, **more)

    talk = RestSession(Watched(), replace(DOOR, write_headers=lambda session: {"X-T": "1"}), {})  # type: ignore[arg-type]
    talk.may_write = True
    talk.ask("GET /x")
    talk.write("DELETE /x")
    talk.write("PUT /x {}")
    assert seen == [("GET", None), ("DELETE", {"X-T": "1"}), ("PUT", {"Content-Type": "application/json", "X-T": "1"})]


def test_a_write_needs_permission_and_takes_its_document_along() -> None:
    device = Device()
    talk = session(device)
    with pytest.raises(AssertionError, match="may only read"):
        talk.write("PUT /x {}")
    talk.may_write = True
    talk.write('PUT /x {"a b": 1}')
    talk.write("POST /commit")
    talk.close()
    assert device.asked[1:] == ['PUT /api/x {"a b": 1}', "POST /api/commit", "POST /api/out"]


def test_a_refused_write_is_named_without_its_document() -> None:
    talk = session(Device(PUT_api_x=(409, {"word": "overlap"})))
    talk.may_write = True
    with pytest.raises(CommandRefused, match="'PUT /x': overlap"):
        talk.write('PUT /x {"secret": 1}')


def test_a_read_may_want_another_type() -> None:
    class Typed(Device):
        def request(self, method: str, path: str, **more: Any) -> Reply:
            kinds.append(more.get("accept"))
            return super().request(method, path, **more)

    kinds: list[Any] = []
    talk = session(Typed())
    talk.ask("GET /x")
    talk.ask("GET /export text/plain")
    assert kinds[1:] == ["application/json", "text/plain"]


LISTED = {
    "rows": [{"v4": {"name": "a", "id": "7"}}, {"v4": {"name": "b", "id": "8"}}, {"v4": {"name": "b", "id": "9"}}]
}


def test_an_entry_is_addressed_by_its_name() -> None:
    device = Device(GET_api_rows=(200, LISTED))
    talk = session(device)
    talk.may_write = True
    talk.write("DELETE /rows/id/{name:a}")
    talk.write('PUT /rows/id/{name:a} {"name": "{name:b}"}')
    assert device.asked[1:] == [
        "GET /api/rows",
        "DELETE /api/rows/id/7",
        "GET /api/rows",
        'PUT /api/rows/id/7 {"name": "{name:b}"}',
    ]


@pytest.mark.parametrize(
    ("answer", "name", "why"),
    [
        ((200, LISTED), "c", "nothing there has that name"),
        ((200, LISTED), "b", "2 entries have that name"),
        ((500, {"word": "broken"}), "a", "nothing there has that name"),
        ((200, {"name": "a", "id": "7/../8"}), "a", "nothing there has that name"),
    ],
)
def test_a_name_that_is_not_there_once_is_refused(answer: Any, name: str, why: str) -> None:
    device = Device(GET_api_rows=answer)
    talk = session(device)
    talk.may_write = True
    with pytest.raises(CommandRefused, match=f"'{name}' is not one entry of /rows: {why}"):
        talk.write(f"DELETE /rows/id/{{name:{name}}}")
    assert device.asked[1:] == ["GET /api/rows"]


def test_what_is_staged_is_dropped_on_the_way_out() -> None:
    device = Device()
    talk = session(device)
    talk.may_write = True
    talk.write("PUT /x {}")
    talk.close(polite=False)
    assert device.asked[-2:] == ["DELETE /api/commit", "POST /api/out"]


def test_a_lock_is_taken_over_only_when_that_was_said() -> None:
    locked = [(405, {"word": "locked"}), (200, {})]
    patient = session(Device(PUT_api_x=list(locked)))
    patient.may_write = True
    with pytest.raises(CommandRefused, match="locked"):
        patient.write("PUT /x {}")
    device = Device(PUT_api_x=list(locked))
    bold = session(device, take_over=True)
    bold.may_write = True
    bold.write("PUT /x {}")
    bold.write("POST /commit")
    bold.close()
    assert device.asked[1:] == [
        "PUT /api/x {}",
        "POST /api/seize",
        "PUT /api/x {}",
        "POST /api/commit",
        "POST /api/release",
        "POST /api/out",
    ]


def test_a_broken_connection_still_hangs_up() -> None:
    device = Device(POST_api_out=ConnectionLost("gone"))
    talk = session(device)
    talk.close()
    assert device.closed
    never = Device()
    RestSession(never, DOOR, {}).close()  # type: ignore[arg-type]
    assert never.asked == []
    assert never.closed
