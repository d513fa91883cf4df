from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from cc_executor.testing.model_api import (
    Drop,
    ModelApi,
    NoSuchRequest,
    Overload,
    Reply,
    Request,
    Scenario,
    Scenarios,
    Slow,
    Stall,
    Turn,
    prompt_too_long,
    refuse,
    say,
    structured,
    use,
)

BOUND_S = 10.0


def user(*texts: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


STREAMED = {"model": "m", "messages": [user("go")], "stream": True}


def assistant(text: str = "ok") -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def tool_result(text: str, *, is_error: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": "t", "content": text, "is_error": is_error}
    return {"role": "user", "content": [block]}


class Caller:
    """Speaks HTTP with the API, as a CLI would."""

    def __init__(self, api: ModelApi) -> None:
        self.host = api.base_url.removeprefix("http://")

    def call(
        self, method: str, path: str, body: Mapping[str, Any] | bytes | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.host, timeout=BOUND_S)
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        connection.request(method, path, data, {"X-Claude-Code-Session-Id": "s-1"})
        response = connection.getresponse()
        try:
            return response, response.read()
        finally:
            connection.close()

    def ask(
        self, *messages: Mapping[str, Any], tools: Sequence[str] = ("Write",)
    ) -> tuple[int, dict[str, Any]]:
        """Ask without streaming."""
        body = {"model": "m", "messages": list(messages), "tools": [{"name": n} for n in tools]}
        response, data = self.call("POST", "/v1/messages?beta=true", body)
        answer = json.loads(data)
        assert isinstance(answer, dict)
        return response.status, answer

    def text(self, *messages: Mapping[str, Any]) -> str:
        status, answer = self.ask(*messages)
        assert status == 200, answer
        return str(answer["content"][0]["text"])

    def stream(self, *messages: Mapping[str, Any]) -> list[dict[str, Any]]:
        body = {"model": "m", "messages": list(messages), "stream": True}
        response, data = self.call("POST", "/v1/messages", body)
        assert response.status == 200
        assert response.headers["content-type"] == "text/event-stream"
        return events(data)


def events(data: bytes) -> list[dict[str, Any]]:
    found = []
    for frame in data.decode().split("\n\n")[:-1]:
        name, payload = frame.split("\n")
        event = json.loads(payload.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        found.append(event)
    return found


def playing(*turns: Turn) -> ModelApi:
    return ModelApi([Scenario("go", turns)])


def test_a_reply_streams_as_the_api_frames_it() -> None:
    reply = (say("Writing.") & use("Write", file_path="a")).costing(output_tokens=7)
    with playing(reply) as api:
        got = Caller(api).stream(user("go"))

    assert [event["type"] for event in got] == [
        "message_start",
        *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
        "message_delta",
        "message_stop",
    ]
    assert got[0]["message"]["model"] == "m"
    assert got[2]["delta"] == {"type": "text_delta", "text": "Writing."}
    assert got[4]["content_block"]["name"] == "Write"
    assert json.loads(got[5]["delta"]["partial_json"]) == {"file_path": "a"}
    assert got[-2]["delta"]["stop_reason"] == "tool_use"
    assert got[-2]["usage"] == {"output_tokens": 7}


def test_a_long_block_streams_in_several_deltas() -> None:
    with playing(say("x" * 5_000)) as api:
        got = Caller(api).stream(user("go"))

    deltas = [event["delta"]["text"] for event in got if event["type"] == "content_block_delta"]
    assert len(deltas) == 3
    assert "".join(deltas) == "x" * 5_000


def test_a_reply_comes_whole_when_no_stream_is_asked_for() -> None:
    with playing(say("Hi.") & structured({"n": 3})) as api:
        status, answer = Caller(api).ask(user("go"))

    assert status == 200
    text, tool = answer["content"]
    assert text == {"type": "text", "text": "Hi."}
    assert (tool["name"], tool["input"]) == ("StructuredOutput", {"n": 3})
    assert answer["stop_reason"] == "tool_use"
    assert answer["usage"]["input_tokens"] == 1000


def test_the_conversation_decides_the_turn_and_not_the_number_of_requests() -> None:
    with playing(say("first"), say("second"), say("last")) as api:
        caller = Caller(api)
        start = (user("go"),)

        assert [caller.text(*start), caller.text(*start)] == ["first", "first"]
        assert caller.text(*start, assistant(), tool_result("ok")) == "second"
        assert caller.text(*start, *[assistant(), user("more")] * 5) == "last"
        assert caller.text(*start, assistant(), assistant(), tool_result("ok")) == "second"


def test_a_later_prompt_of_the_same_session_starts_its_own_scenario() -> None:
    scenarios = [Scenario("write", [say("w0"), say("w1")]), Scenario("test", [say("t0")])]
    with ModelApi(scenarios) as api:
        caller = Caller(api)

        assert caller.text(user("write it"), assistant(), user("test it")) == "t0"
        assert caller.text(user("test it"), assistant(), user("write it")) == "w0"
        assert caller.text(user("test it"), assistant(), user("write"), assistant()) == "w1"


def test_words_of_a_tool_result_or_of_the_model_choose_nothing() -> None:
    scenarios = [Scenario("write", [say("w")]), Scenario("secret", [say("s")])]
    with ModelApi(scenarios) as api:
        got = Caller(api).text(user("write"), assistant("secret"), tool_result("secret"))

    assert got == "w"


def test_a_system_message_in_the_conversation_counts_when_no_user_message_fits() -> None:
    with playing(say("heard")) as api:
        caller = Caller(api)

        assert caller.text(user("hello"), {"role": "system", "content": "go"}) == "heard"


def test_a_turn_may_be_a_function_of_the_request() -> None:
    def quote(request: Request) -> Reply:
        (result,) = request.tool_results
        return say(f"{result.text} {result.is_error}")

    with playing(use("Bash", command="x"), quote) as api:
        got = Caller(api).text(user("go"), assistant(), tool_result("boom", is_error=True))

    assert got == "boom True"


def test_a_model_may_be_a_function() -> None:
    with ModelApi(lambda request: say(request.messages[-1].texts[-1].upper())) as api:
        assert Caller(api).text(user("hello")) == "HELLO"


def test_a_conversation_without_a_scenario_is_refused_and_quoted() -> None:
    with playing(say("x")) as api:
        status, answer = Caller(api).ask(user("something else"))

    assert status == 400
    assert answer["error"]["type"] == "invalid_request_error"
    assert "no scenario for this conversation: something else" in answer["error"]["message"]


def test_what_is_left_over_may_have_a_reply_of_its_own() -> None:
    with ModelApi(Scenarios([], otherwise=say("whatever"))) as api:
        assert Caller(api).text(user("something")) == "whatever"


def test_a_request_without_tools_gets_a_word_in_any_case() -> None:
    with playing(say("x")) as api:
        status, answer = Caller(api).ask(user("make a title"), tools=())

    assert (status, answer["content"]) == (200, [{"type": "text", "text": "Scripted."}])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (529, "overloaded_error"),
    ],
)
def test_a_refusal_has_the_shape_of_the_api(status: int, kind: str) -> None:
    with playing(refuse(status)) as api:
        got, answer = Caller(api).ask(user("go"))

    assert (got, answer["type"], answer["error"]["type"]) == (status, "error", kind)


def test_a_refusal_strikes_as_often_as_it_says_and_tells_when_to_come_back() -> None:
    with playing(say("at last").after(refuse(429, times=2, retry_after_s=2.5))) as api:
        caller = Caller(api)
        body = {"model": "m", "messages": [user("go")]}
        answers = [caller.call("POST", "/v1/messages", body)[0] for _ in range(4)]

    assert [answer.status for answer in answers] == [429, 429, 200, 200]
    assert answers[0].headers["retry-after"] == "2.5"


def test_faults_strike_one_after_the_other() -> None:
    turn = say("ok").after(refuse(500, times=1), prompt_too_long(times=1))
    with playing(turn) as api:
        caller = Caller(api)

        assert [caller.ask(user("go"))[0] for _ in range(3)] == [500, 400, 200]


def test_an_overload_ends_the_stream_and_is_no_matter_of_whole_answers() -> None:
    with playing(say("ok").after(Overload(times=1))) as api:
        whole = Caller(api).text(user("go"))
        got = Caller(api).stream(user("go"))
        again = Caller(api).stream(user("go"))

    assert whole == "ok"
    assert [event["type"] for event in got] == ["message_start", "error"]
    assert got[1]["error"]["type"] == "overloaded_error"
    assert again[-1]["type"] == "message_stop"


def test_a_dropped_stream_ends_in_the_middle() -> None:
    with playing(say("ok").after(Drop(after_frames=3, times=1))) as api:
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            Caller(api).stream(user("go"))

        assert Caller(api).stream(user("go"))[-1]["type"] == "message_stop"


def test_a_slow_answer_is_the_same_answer() -> None:
    with playing(say("ok").after(Slow(pause_s=0.001))) as api:
        got = Caller(api).stream(user("go"))

    assert (got[2]["delta"]["text"], got[-1]["type"]) == ("ok", "message_stop")


def test_a_stall_with_pings_goes_on_afterwards() -> None:
    with playing(say("ok").after(Stall(for_s=0.03, ping_every_s=0.01))) as api:
        got = [event["type"] for event in Caller(api).stream(user("go"))]

    assert got[:4] == ["message_start", "ping", "ping", "ping"]
    assert got[-1] == "message_stop"


def test_closing_the_api_releases_who_waits() -> None:
    ended: list[BaseException] = []
    begun = threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection(caller.host, timeout=2 * BOUND_S)
        connection.request("POST", "/v1/messages", json.dumps(STREAMED))
        response = connection.getresponse()
        begun.set()
        try:
            response.read()
        except (http.client.HTTPException, OSError) as problem:
            ended.append(problem)
        finally:
            connection.close()

    with playing(Stall()) as api:
        caller = Caller(api)
        asking = threading.Thread(target=ask)
        asking.start()
        assert begun.wait(BOUND_S)

        api.close()

        asking.join(BOUND_S)
    assert [type(problem) for problem in ended] == [http.client.IncompleteRead]
    with pytest.raises(ConnectionRefusedError):
        caller.call("HEAD", "/")


def test_a_stall_ends_when_nobody_listens_any_more() -> None:
    with ModelApi([Scenario("go", [Stall()])], max_connections=1) as api:
        host, _, port = api.base_url.removeprefix("http://").partition(":")
        body = json.dumps(STREAMED)
        with socket.create_connection((host, int(port)), BOUND_S) as impatient:
            head = f"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
            impatient.sendall((head + body).encode())
            assert impatient.recv(1) == b"H"

        # The only thread is free again, or this would not be answered.
        assert Caller(api).call("HEAD", "/")[0].status == 200


def test_more_callers_than_threads_are_served_one_after_the_other() -> None:
    three_at_once = threading.Barrier(3)
    answers: list[str] = []

    def model(_: Request) -> Reply:
        with contextlib.suppress(threading.BrokenBarrierError):
            three_at_once.wait(0.2)
            return say("crowded")
        return say("ok")

    with ModelApi(model, max_connections=2) as api:
        callers = [
            threading.Thread(target=lambda: answers.append(Caller(api).text(user("go"))))
            for _ in range(12)
        ]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(BOUND_S)

    assert answers == ["ok"] * 12


def test_requests_are_recorded_up_to_a_bound() -> None:
    with ModelApi(lambda _: say("x"), max_recorded=3) as api:
        for number in range(5):
            Caller(api).ask(user(f"prompt {number}"), tools=("Bash", "Write"))
        requests = api.wait_for_requests(5)

    assert [request.messages[0].texts[0] for request in requests] == [
        "prompt 2",
        "prompt 3",
        "prompt 4",
    ]
    assert requests[0].tools == ("Bash", "Write")
    assert (requests[0].model, requests[0].streaming, requests[0].session_id) == ("m", False, "s-1")
    assert api.calls == ("POST /v1/messages 200",) * 3


def test_a_request_that_does_not_come_is_an_error() -> None:
    with playing(say("x")) as api, pytest.raises(NoSuchRequest, match="0 of 1 requests"):
        api.wait_for_requests(1, within_s=0.01)


def test_the_other_calls_of_a_cli_get_sane_answers() -> None:
    with playing(say("x")) as api:
        caller = Caller(api)

        assert caller.call("HEAD", "/")[0].status == 200
        assert caller.call("GET", "/v1/models")[0].status == 404
        _, data = caller.call("POST", "/v1/messages/count_tokens", {"messages": [user("x" * 400)]})
        assert json.loads(data)["input_tokens"] > 100
        assert caller.call("POST", "/v1/messages", b"{")[0].status == 400
        assert api.requests == ()
