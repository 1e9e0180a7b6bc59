"""The types of Metabase against a small server that is made like it (no description of its API is published): numbers for names, an archive, redacted passwords."""

import json

import pytest

from metabase_server import Metabase
from support import Stack


@pytest.fixture
def metabase():
    server = Metabase()
    yield server
    server.stop()


SETTINGS = {"session": {"user": "ada@example.com", "password": "hush-hush"}, "key": {"token": "hush-key"}}
CARD = {"type": "metabase.card", "collection_id": "${films.id}", "display": "bar"}
QUERY = {"database": "${store.id}", "type": "native", "native": {"query": "select 1"}}
FIRST = {
    "store": {"type": "metabase.database", "name": "Films", "engine": "postgres", "host": "db", "port": 5432, "dbname": "films", "user": "metabase", "password": "hush-one"},
    "films": {"type": "metabase.collection", "name": "Films"},
    "years": {**CARD, "name": "Years", "dataset_query": QUERY},
    "board": {"type": "metabase.dashboard", "name": "Films", "collection_id": "${films.id}"},
    "bob": {"type": "metabase.user", "email": "bob@example.com", "first_name": "Bob", "last_name": "B"},
}
THEN = {
    "store": {**FIRST["store"], "name": "Store", "port": 5433, "ssl": True, "password": "hush-two"},
    "films": {"type": "metabase.collection", "name": "All films", "description": "of all years"},
    "years": {**CARD, "name": "All years", "dataset_query": {**QUERY, "native": {"query": "select 2"}}, "display": "line"},
    "board": {**FIRST["board"], "name": "All films", "description": "look"},
    "bob": {**FIRST["bob"], "last_name": "Builder"},
}


@pytest.mark.parametrize("who", SETTINGS)
def test_life_cycle(tmp_path, metabase, who):
    def stack_with(resources):
        return Stack(tmp_path / "s").write(json.dumps({"stack": "questions", "providers": {"metabase": {"url": metabase.url, **SETTINGS[who]}}, "resources": resources}))

    stack = stack_with(FIRST)
    results = [stack.run("apply", "-y", "-vv")]
    stack.assert_settled()
    (store,) = metabase.items["database"].values()
    assert store["details"] == {"host": "db", "port": 5432, "dbname": "films", "user": "metabase", "password": "hush-one"}
    stack_with(THEN)
    assert stack.plan() == dict.fromkeys(THEN, "update")
    results.append(stack.run("apply", "-y", "-vv"))
    stack.assert_settled()
    assert store["details"]["password"] == "hush-two" and store["name"] == "Store"
    next(iter(metabase.items["card"].values()))["display"] = "table"
    next(iter(metabase.items["collection"].values()))["archived"] = True
    assert stack.plan()["films"] == "create" and stack.plan()["years"] == "update"
    stack.run("apply", "-y")
    stack.assert_settled()
    stack.destroy()
    assert not metabase.items["database"] and not metabase.items["card"] and not metabase.items["dashboard"]
    assert all(item["archived"] for item in metabase.items["collection"].values()) and not any(user["is_active"] for user in metabase.items["user"].values())
    shown = "".join(result.out + result.err for result in results)
    assert "hush" not in shown and "hush" not in "".join(path.read_text() for path in stack.folder.rglob("*.log"))


def test_creation_that_is_not_answered(tmp_path, metabase):
    stack = Stack(tmp_path / "s").write(json.dumps({"stack": "q", "providers": {"metabase": {"url": metabase.url, **SETTINGS["key"]}}, "resources": {"films": FIRST["films"]}}))
    answer, lost = metabase.answer, [1]

    def loses(method, target, headers, body):
        done = answer(method, target, headers, body)
        return (None, None) if method == "POST" and lost and lost.pop() else done

    metabase.answer = loses
    stack.run("apply", "-y", status=None)
    stack.apply()
    assert len(metabase.items["collection"]) == 1


def test_what_is_sent_again_is_told(tmp_path, metabase):
    """Of the resource whose call it is."""
    serve, busy = metabase.answer, [429, 429]
    metabase.answer = lambda method, target, *rest: (busy.pop(), {}) if busy and method == "POST" and "collection" in target else serve(method, target, *rest)
    stack = Stack(tmp_path / "s").write(json.dumps({"stack": "questions", "providers": {"metabase": {"url": metabase.url, **SETTINGS["key"]}}, "resources": {"films": FIRST["films"]}}))
    told = [event for event in map(json.loads, stack.apply("--json").out.splitlines()) if "try" in event.get("text", "")]
    assert [event["text"].partition(": ")[2] for event in told] == ["2nd try, throttled", "3rd try, throttled", "done at the 3rd try"]
    assert {event["address"] for event in told} == {"films"}
    stack.destroy()
