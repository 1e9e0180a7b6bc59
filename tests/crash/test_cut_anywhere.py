"""
A connection that is lost at any byte, to a database, an Engine, a broker or a service: whatever had been sent and answered by then, the next
command finds out what there is and finishes: the same objects as without the loss, none twice, none left.
"""

import os

import pytest
from broker import Broker
from cut import Cut
from docker_engine import Engine
from pg import Postgres
from rest_server import RestServer
from support import Stack
from test_docker_engine import INPUTS, SECRET, SMALL, with_app, written
from test_kafka_kill import Sweep as KafkaSweep
from test_postgres_kill import SCENARIOS
from test_postgres_kill import Sweep as PostgresSweep

LONG = bool(os.environ.get("WEIR_LONG"))


def lose(cut, run, at=None):
    """Runs a command and loses its connections at a byte; how many bytes it moved."""
    cut.arm(at)
    result = run()
    assert result.status == 0 or at is not None, str(result)
    moved = cut.moved
    cut.arm(None)
    return moved


def places(total, count):
    """From the first byte to the last, evenly."""
    assert total > count
    return [total * i // (count - 1) - (i == count - 1) for i in range(count)]


def sweep_through(sweep, cut, address, count):
    """Each scenario of a kill sweep, with the provider's address (its text in the stack file) led through the cut."""

    def fresh():
        stack = sweep.fresh()
        text = (stack.folder / "weir.yaml").read_text()
        assert address[0] in text
        stack.write(text.replace(*address))
        return stack

    expected = sweep.finish(fresh())
    stack = fresh()
    total = lose(cut, lambda: stack.run(*sweep.command))
    assert sweep.finish(stack) == expected
    for at in places(total, count):
        stack = fresh()
        lose(cut, lambda: stack.run(*sweep.command, status=None), at)
        assert sweep.finish(stack) == expected, f"{sweep.name}: lost at byte {at} of {total}"
    sweep.clear()


@pytest.mark.long
@pytest.mark.parametrize("name", SCENARIOS)
def test_postgres(tmp_path, name):
    server = Postgres("cut-Admin-1", fsync="off")
    cut = Cut(server.port)
    try:
        sweep_through(PostgresSweep(server, tmp_path, name), cut, (f"port: {server.port}", f"port: {cut.port}"), 40)
    finally:
        cut.stop()
        server.stop()


@pytest.mark.long
def test_kafka(tmp_path):
    server = Broker(secure=True)
    cut = Cut(server.ports["FRONT"], server.front)
    try:
        for name in SCENARIOS:
            sweep_through(KafkaSweep(server, tmp_path, name), cut, (server.address(), f"127.0.0.1:{server.front}"), 20)
    finally:
        cut.stop()
        server.stop()


@pytest.mark.long
@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_docker(tmp_path, command):
    engine = Engine()
    cut = Cut(engine.folder / "docker.sock")
    stack = Stack(tmp_path / "stack")
    stack.env |= {"DOCKER_HOST": f"tcp://127.0.0.1:{cut.port}", "WEIR_CLOCK_SPEED": "20"}
    try:
        with_app(stack, more="0123456789abcdef" * 4_000)
        written(stack, SMALL, INPUTS)
        before = engine.things()

        def once(at):
            if command == "destroy":
                stack.apply()
            moved = lose(cut, lambda: stack.run(command, "--yes", status=None), at)
            if command == "apply":
                stack.apply()
                stack.assert_settled()
                there = engine.things()
                assert (len(there["containers"]), there["volumes"], there["networks"]) == (1, ["shop-data"], ["shop"]), (at, there)
                assert engine.docker("exec", "web", "cat", "/run/secrets/password") == SECRET, at
            stack.destroy("--verify")
            # Layers of a build that was broken off stay with a slow Engine, as its cache; nobody could mark them.
            engine.docker("image", "prune", "--force", "--filter", "label!=weir:stack")
            assert engine.things() == before, at
            return moved

        total = once(None)
        for at in places(total, 24):
            once(at)
    finally:
        cut.stop()
        engine.stop()


NOTES = """
  one: {type: http.resource, path: /api/notes, body: {text: one}, secrets: {key: "${inputs.word}"}, create: {at: data}, find: {at: items, by: [text]}}
  two: {type: http.resource, path: /api/notes, body: {text: "two after ${one.answer.id}"}, create: {at: data}, find: {at: items, by: [text]}}
  named: {type: http.resource, path: /api/things, id: fixed, body: {size: 2}, create: {method: PUT}, update: {method: PUT}}
"""


def test_rest(tmp_path):
    """In `make test` at a few bytes, because it is a matter of milliseconds."""
    server = RestServer("basic")
    cut = Cut(server.server.server_address[1])
    head = f"stack: s\ninputs: {{word: {{type: string, default: hush-hush, sensitive: true}}}}\nproviders: {{http: {{url: 'http://127.0.0.1:{cut.port}', user: ada, password: '${{inputs.word}}'}}}}\n"
    stack = Stack(tmp_path / "s")
    stack.env["WEIR_STATE_KEY"] = "5a" * 32  # what follows from a secret answer is found again by it
    stack.write(head + "resources:\n" + NOTES)

    def once(at):
        server.log.clear()
        moved = lose(cut, lambda: stack.apply(status=None), at)
        stack.apply()
        stack.assert_settled()
        assert sorted(note["text"] for note in server.notes.values()) == ["one", "two after 1"], (at, server.log)
        assert server.things == {"fixed": {"name": "fixed", "size": 2}}, at
        gone = lose(cut, lambda: stack.destroy(status=None), at)
        stack.destroy()
        assert (server.notes, server.things) == ({}, {}), (at, server.log)
        return max(moved, gone)

    try:
        total = once(None)
        for at in places(total, 150 if LONG else 3):
            once(at)
    finally:
        cut.stop()
        server.stop()
