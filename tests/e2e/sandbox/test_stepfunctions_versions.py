"""Versions and aliases of state machines: what an ARN with something behind it means; on moto too where it has it."""

import json

import pytest
from servers import code
from support import planned
from test_stepfunctions import ROLE, Machines


def shares(*routing):
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in routing]


class Versioned(Machines):
    def publishing(self, result, **more):
        """A machine that gives this, and the ARN of its first version."""
        made = self.client.create_state_machine(
            name="v-" + result + self.suffix, definition=self.definition(result), roleArn=ROLE, publish=True, versionDescription="the first", **more)
        return made["stateMachineArn"], made["stateMachineVersionArn"]

    def definition(self, result):
        return json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": result, "End": True}}})

    def change(self, machine, result):
        return self.client.update_state_machine(stateMachineArn=machine, definition=self.definition(result), publish=True)["stateMachineVersionArn"]

    def result(self, machine):
        return json.loads(self.end(self.start(machine))["output"])

    def versions(self, machine):
        return [one["stateMachineVersionArn"] for one in self.client.list_state_machine_versions(stateMachineArn=machine)["stateMachineVersions"]]

    def alias(self, name, *routing, **more):
        return self.client.create_state_machine_alias(name=name, routingConfiguration=shares(*routing), **more)["stateMachineAliasArn"]


@pytest.fixture
def here(anywhere, request):
    made = Versioned(anywhere)
    made.kind, made.suffix = anywhere.kind, str(abs(hash(request.node.name)))
    return made


@pytest.fixture
def machines(sandbox, request):
    made = Versioned(sandbox)
    made.suffix = str(abs(hash(request.node.name)))
    return made


def test_a_version_stays_as_it_was(here):
    machine, first = here.publishing("one")
    assert first == machine + ":1"
    shown = here.client.describe_state_machine(stateMachineArn=first)
    assert (shown["stateMachineArn"], shown["status"], shown["description"]) == (first, "ACTIVE", "the first")
    here.client.update_state_machine(stateMachineArn=machine, definition=here.definition("two"))
    assert json.loads(here.client.describe_state_machine(stateMachineArn=first)["definition"])["States"]["P"]["Result"] == "one"
    assert json.loads(here.client.describe_state_machine(stateMachineArn=machine)["definition"])["States"]["P"]["Result"] == "two"
    if here.kind == "moto":
        return  # it gives the number of the version with update_state_machine as if it were published
    second = here.change(machine, "three")
    assert second == machine + ":2"
    assert code(here.client.describe_state_machine, stateMachineArn=machine + ":7") == "StateMachineDoesNotExist"


def test_publishing(machines):
    client = machines.client
    machine = machines.make({"Type": "Pass"})
    assert machines.versions(machine) == []
    first = client.publish_state_machine_version(stateMachineArn=machine, description="d")
    again = client.publish_state_machine_version(stateMachineArn=machine)
    assert (again["stateMachineVersionArn"], again["creationDate"]) == (first["stateMachineVersionArn"], first["creationDate"])
    assert machines.versions(machine) == [first["stateMachineVersionArn"]] == [machine + ":1"]
    revision = "INITIAL"
    changed = client.update_state_machine(stateMachineArn=machine, definition=machines.definition("x"))
    assert code(client.publish_state_machine_version, stateMachineArn=machine, revisionId=revision) == "ConflictException"
    second = client.publish_state_machine_version(stateMachineArn=machine, revisionId=changed["revisionId"])["stateMachineVersionArn"]
    assert machines.versions(machine) == [second, machine + ":1"]
    client.delete_state_machine_version(stateMachineVersionArn=second)
    client.delete_state_machine_version(stateMachineVersionArn=second)
    assert machines.change(machine, "y") == machine + ":3"  # no number comes twice
    assert code(client.update_state_machine, stateMachineArn=machine, definition=machines.definition("z"), versionDescription="d") == "ValidationException"
    assert code(client.publish_state_machine_version, stateMachineArn=machine + "x") == "StateMachineDoesNotExist"


def test_executions_of_versions_and_aliases(machines):
    client = machines.client
    machine, first = machines.publishing("one")
    second = machines.change(machine, "two")
    live = machines.alias("live", (first, 100))
    assert [machines.result(arn) for arn in (machine, first, second, live)] == ["two", "one", "two", "one"]
    client.update_state_machine_alias(stateMachineAliasArn=live, routingConfiguration=shares((second, 100)))
    execution = machines.start(live)
    end = machines.end(execution)
    assert (json.loads(end["output"]), end["stateMachineArn"], end["stateMachineVersionArn"], end["stateMachineAliasArn"]) == ("two", machine, second, live)
    plain = machines.end(machines.start(machine))
    assert "stateMachineVersionArn" not in plain and "stateMachineAliasArn" not in plain

    def listed(arn):
        return [one["executionArn"] for one in client.list_executions(stateMachineArn=arn)["executions"]]

    assert len(listed(machine)) == 6 and len(listed(live)) == 2 and len(listed(second)) == 2 and listed(live)[0] == listed(second)[0] == execution
    found = client.list_executions(stateMachineArn=live)["executions"][0]
    assert (found["stateMachineVersionArn"], found["stateMachineAliasArn"]) == (second, live)
    for nothing in (machine + ":9", machine + ":none"):
        assert code(client.start_execution, stateMachineArn=nothing) == "StateMachineDoesNotExist"


def test_an_alias_of_two_versions(machines):
    machine, first = machines.publishing("one")
    second = machines.change(machine, "two")
    both = machines.alias("both", (first, 50), (second, 50))
    seen = {machines.client.describe_execution(executionArn=machines.start(both))["stateMachineVersionArn"] for _ in range(40)}
    assert seen == {first, second}
    never = machines.alias("never", (first, 0), (second, 100))
    assert {machines.client.describe_execution(executionArn=machines.start(never))["stateMachineVersionArn"] for _ in range(10)} == {second}


def test_aliases(here):
    client = here.client
    machine, first = here.publishing("one")
    live = here.alias("live", (first, 100), description="d")
    assert live == machine + ":live"
    shown = client.describe_state_machine_alias(stateMachineAliasArn=live)
    routing = shares((first, 100))
    assert (shown["name"], shown["description"], shown["routingConfiguration"]) == ("live", "d", routing)
    assert here.alias("live", (first, 100), description="d") == live
    other = here.alias("other", (first, 100))
    assert {one["stateMachineAliasArn"] for one in client.list_state_machine_aliases(stateMachineArn=machine)["stateMachineAliases"]} == {live, other}
    client.update_state_machine_alias(stateMachineAliasArn=live, description="e")
    shown = client.describe_state_machine_alias(stateMachineAliasArn=live)
    assert (shown["description"], shown["routingConfiguration"]) == ("e", routing) and shown["updateDate"] > shown["creationDate"]
    assert code(client.update_state_machine_alias, stateMachineAliasArn=live) == "ValidationException"
    for wrong in ([(first, 99)], [(first, 50), (machine + "x:1", 50)]):
        assert code(here.client.create_state_machine_alias, name="wrong", routingConfiguration=shares(*wrong)) == "ValidationException"
    client.delete_state_machine_alias(stateMachineAliasArn=other)
    assert code(client.describe_state_machine_alias, stateMachineAliasArn=other) == "ResourceNotFound"


def test_what_is_refused(machines):
    client = machines.client
    machine, first = machines.publishing("one")
    second = machines.change(machine, "two")
    live = machines.alias("live", (first, 100))

    def refusal(name, *routing):
        return code(client.create_state_machine_alias, name=name, routingConfiguration=shares(*routing))

    assert refusal("live", (second, 100)) == "ConflictException"
    assert refusal("5", (first, 100)) == refusal("a b", (first, 100)) == "ValidationException"
    for wrong in ([(first, 99)], [(first, 50), (second, 49)], [(first, 50), (first, 50)], [(first, 50), (machine + "x:1", 50)]):
        assert refusal("wrong", *wrong) == "ValidationException", wrong
    assert refusal("wrong", (machine + ":8", 100)) == "ResourceNotFound"
    assert code(client.delete_state_machine_version, stateMachineVersionArn=first) == "ConflictException"
    assert [one["stateMachineAliasArn"] for one in client.list_state_machine_aliases(stateMachineArn=first)["stateMachineAliases"]] == [live]
    assert client.list_state_machine_aliases(stateMachineArn=second)["stateMachineAliases"] == []
    client.delete_state_machine_alias(stateMachineAliasArn=live)
    client.delete_state_machine_version(stateMachineVersionArn=first)
    assert machines.versions(machine) == [second]


def test_they_go_with_their_machine_and_outlive_the_sandbox(kept_sandbox):
    machines = Versioned(kept_sandbox)
    machines.suffix = ""
    machine, first = machines.publishing("one")
    live = machines.alias("live", (first, 100))
    kept_sandbox.kill()
    kept_sandbox.start()
    machines = Versioned(kept_sandbox)
    machines.suffix = ""
    assert machines.versions(machine) == [first] and machines.result(live) == "one"
    machines.client.delete_state_machine(stateMachineArn=machine)
    assert code(machines.client.describe_state_machine_alias, stateMachineAliasArn=live) == "StateMachineDoesNotExist"


def test_an_alias_of_a_stack_follows_its_machine(stack, cloud):
    machines = Versioned(cloud)

    def write(result, weight=100):
        stack.write(f"""
stack: life
resources:
  etl: {{type: aws.stepfunctions.state_machine, name: etl, role: "{ROLE}", publish: true, definition: {{StartAt: P, States: {{P: {{Type: Pass, Result: {result}, End: true}}}}}}}}
  live: {{type: aws.stepfunctions.alias, state_machine: "${{etl.name}}", name: live, routing: [{{version: "${{etl.published_version}}", weight: {weight}}}]}}
outputs:
  live: {{value: "${{live.arn}}"}}
""")

    for number, result in enumerate(("one", "two"), 1):
        write(result)
        assert planned(stack.run("plan", "--json"))["live"] == ("create" if number == 1 else "update")
        stack.apply()
        stack.assert_settled()
        live = json.loads(stack.run("output", "live", "--json").out)
        end = machines.end(machines.start(live))
        assert (json.loads(end["output"]), end["stateMachineVersionArn"]) == (result, live.replace(":live", f":{number}"))
    *_, last = stack.run("run", "live", "--json").events()
    assert (last["state"], last["result"]) == ("succeeded", "two")
    assert machines.client.describe_execution(executionArn=last["id"])["stateMachineAliasArn"] == live
    write("two", 90)
    assert "routing configuration weights must equal 100" in stack.run("apply", "-y", status=1).err.lower()
    stack.destroy()
    assert not machines.client.list_state_machines()["stateMachines"]
