"""The life of a type: made, settled, changed in every attribute that can change, changed by others, replaced, taken in, gone.

A case says what to declare, what to change it to (every updatable attribute), which changes force a replacement, how
somebody else would change it and what it looks like with boto3. `walk` lives through it; test_types*.py hold the cases.
"""

import json
from dataclasses import dataclass, field
from typing import Any, Callable

from support import planned


def policy(*actions, resource="*"):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": resource}]}


@dataclass
class Case:
    type: str
    first: dict[str, Any]
    then: dict[str, Any] | None  # the same thing with every updatable attribute changed; None: nothing can change
    gone: Callable  # is nothing of it left?
    seen: Callable  # what boto3 sees, compared between `first` and `then`
    outside: Callable | None  # somebody else changes it, to what it never was (that could be a service behind: weir waits); None: nobody can
    drifted: str = ""  # the attribute that this shows in
    replaces: list[dict[str, Any]] = field(default_factory=list)  # changes that force a replacement
    less: dict[str, Any] | None = None  # attributes taken out again
    around: dict[str, Any] = field(default_factory=dict)  # other resources that it needs
    unchanged: set[str] = field(default_factory=set)  # what boto3 shows and `then` cannot change
    prepare: Callable | None = None  # what has to be in the cloud first
    imports: bool = True  # can be taken in by its id alone
    marks: bool = True  # the tagging service of others tells what bears marks when this is there


def case_table():
    """The cases of a file, and the decorator that puts one in under its name."""
    cases = {}

    def case(name):
        def add(make):
            cases[name] = make()

        return add

    return cases, case


def tags_of(items, key="Key", value="Value"):
    return {item[key]: item[value] for item in items}


def stack_text(case, attributes):
    """JSON is YAML; `it` is the resource under test."""
    resources = {**case.around, "it": {"type": case.type, **attributes}}
    told = [name for name in ("name", "key") if name in attributes]
    outputs = {"id": {"value": "${it.%s}" % told[0]}} if told else {}
    return json.dumps({"stack": "life", "resources": resources, "outputs": outputs}, ensure_ascii=False)


def walk(stack, cloud, case):
    def put(attributes):
        stack.write(stack_text(case, attributes)).apply()
        stack.assert_settled()

    def planned_for(attributes, action):
        stack.write(stack_text(case, attributes))
        result = stack.run("plan", "--json")
        assert planned(result)["it"] == action, str(result)
        (change,) = [event for event in result.events() if event["event"] == "change" and event["address"] == "it"]
        return {attribute["name"] for attribute in change["attrs"]}

    if case.prepare:
        case.prepare(cloud)

    # made, and settled
    planned_for(case.first, "create")
    put(case.first)
    before = case.seen(cloud)

    # every updatable attribute changed, in place
    if case.then:
        assert planned_for(case.then, "update") >= {key for key in case.then if case.then[key] != case.first.get(key)}
        put(case.then)
        after = case.seen(cloud)
        for key in before:
            assert after[key] != before[key] or key in case.unchanged, (key, after[key])

        # and back: the same as it was
        put(case.first)
        assert case.seen(cloud) == before

    # somebody else changes it: shown as drift, mended by an apply
    if case.outside:
        case.outside(cloud)
        drift = stack.run("drift", "--json", status=2)
        (event,) = [event for event in drift.events() if event["event"] == "drift"]
        assert event["address"] == "it"
        assert not case.drifted or case.drifted in {attribute["name"] for attribute in event["attrs"]}
        assert stack.plan()["it"] == "update"
        stack.apply()
        stack.assert_settled()
        stack.run("drift", status=0)
        assert case.seen(cloud) == before

    # attributes taken out of the file go back to what they are without it
    if case.less:
        put(case.then)
        planned_for(case.less, "update")
        put(case.less)
        put(case.first)

    # what cannot be changed is replaced
    for change in case.replaces:
        planned_for({**case.first, **change}, "replace")
        put({**case.first, **change})
        put(case.first)

    # forgotten and taken in again: at most what the service does not tell is recorded anew
    if case.imports:
        before = case.seen(cloud)
        number = json.loads(stack.run("state", "show", "it", "--json").out)["id"]
        stack.run("state", "rm", "it")
        stack.run("state", "import", "it", number)
        changes = [event for event in stack.run("plan", "--json").events() if event["event"] == "change"]
        assert [change["action"] for change in changes] in ([], ["update"])
        assert not [attribute for change in changes for attribute in change["attrs"] if attribute.get("before") is not None]
        stack.apply()
        stack.assert_settled()
        assert case.seen(cloud) == before

    stack.destroy("--delete-adopted", verify=None if case.marks else False)
    assert stack.addresses() == []
    assert case.gone(cloud)
