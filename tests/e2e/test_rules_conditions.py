"""Conditions of one resource: asked before its call, and of what the call brought."""

import pytest

STACK = """
    stack: conditioned
    inputs: {days: {type: number, default: 4}, fine: {type: string, default: "conditioned-queue"}}
    resources:
      queue:
        type: aws.sqs.queue
        name: conditioned-queue
        message_retention_period: ${inputs.days * 3600}
        lifecycle:
          precondition:
            - require: ${inputs.days <= 14}
              message: ${inputs.days} days are more than SQS keeps
          postcondition:
            require: ${endswith(self.url, inputs.fine)}
            message: ${address} has the URL of another
      after: {type: weir.value, value: "${queue.url}"}
      apart: {type: weir.value, value: x}
"""


def findings(result):
    return [(e["rule"], e["address"], e["level"], e["outcome"]) for e in result.events() if e["event"] == "rule"]


def test_a_precondition_stops_the_plan(stack, cloud):
    said = stack.write(STACK).run("plan", "-i", "days=15", status=3)
    assert "error: queue: 15 days are more than SQS keeps\n  --> weir.yaml:11:11" in said.err, said.err
    stack.run("validate", "-i", "days=15", status=3)
    stack.apply("-i", "days=15", status=3)
    assert "QueueUrls" not in cloud.client("sqs").list_queues()
    assert "queue/precondition" in stack.run("rules").out


def test_a_postcondition_is_asked_of_what_the_service_reported(stack, cloud):
    """The resource is made and recorded, what depends on it is not; the next plan still says so."""
    plan = stack.write(STACK).run("plan")
    assert "asked during apply  queue: queue has the URL of another (queue/postcondition, weir.yaml:14)" in plan.out, plan.out
    failed = stack.apply("-i", "fine=other", status=3)
    assert "queue has the URL of another" in failed.err and "the change is made and recorded" in failed.err, failed
    assert sorted(stack.addresses()) == ["apart", "queue"] and len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1
    assert "queue has the URL of another" in stack.run("plan", "-i", "fine=other", status=3).err
    stack.apply()
    assert sorted(stack.addresses()) == ["after", "apart", "queue"]
    stack.assert_settled()


def test_a_postcondition_is_asked_again_of_a_change(stack):
    """Of `self` after an update; a warning stops nothing."""
    rule = STACK.replace("${endswith(self.url, inputs.fine)}", "${self.message_retention_period == 14400}").replace("the URL of another", "${self.message_retention_period} s\n            level: warning")
    stack.write(rule).apply()
    changed = stack.apply("-i", "days=5", "--json")
    assert findings(changed) == [("queue/postcondition", "queue", "warning", "waits")]
    assert any("queue has 18000 s (rule queue/postcondition)" in e.get("message", e.get("text", "")) for e in changed.events() if e["event"] == "warning"), changed.out
    assert findings(stack.run("plan", "-i", "days=5", "--json")) == [("queue/postcondition", "queue", "warning", "broken")]


def test_a_precondition_waits_for_what_it_refers_to(stack):
    """A reference in a condition is one of the resource: it comes later in the apply."""
    stack.write("""
    stack: conditioned
    resources:
      queue: {type: aws.sqs.queue, name: conditioned-queue}
      user:
        type: weir.value
        value: x
        lifecycle: {precondition: {require: "${startswith(queue.url, 'ftp')}", message: "${queue.url} is not FTP"}}
    """)
    assert "asked during apply  user: " in stack.run("plan").out
    failed = stack.apply(status=3)
    assert "conditioned-queue is not FTP" in failed.err and "it was not called" in failed.err
    assert stack.addresses() == ["queue"]


def test_of_each_instance_and_in_a_module(stack):
    stack.write("""
    inputs: {sizes: {type: map}}
    resources:
      kept:
        type: weir.value
        for_each: ${inputs.sizes}
        value: ${each.value}
        lifecycle: {precondition: [{require: "${each.value < 3}", message: "${each.key} is too large"}]}
    """, "lab/weir.yaml")
    said = stack.write("stack: conditioned\nmodules:\n  lab: {source: ./lab, sizes: {a: 2, b: 3, c: 1}}\n").run("plan", status=3).err
    assert said.count("error: ") == 1 and 'lab/kept["b"]: b is too large' in said, said


def test_what_needs_approval(stack):
    asks = STACK.replace("${inputs.days} days", "${inputs.days} days").replace("more than SQS keeps", "many\n              level: approval").replace("<= 14", "< 5")
    refused = stack.write(asks).run("apply", "--yes", "-i", "days=6", status=3).err
    assert "--approve queue/precondition --reason TEXT" in refused
    stack.apply("-i", "days=6", "--approve", "queue/precondition", "--reason", "agreed")


@pytest.mark.parametrize("action", ["destroy", "removed"])
def test_nothing_is_asked_of_what_goes(stack, action):
    stack.write(STACK).apply()
    if action == "destroy":
        stack.run("destroy", "--yes", "-i", "days=15")
    else:
        stack.write("stack: conditioned\nresources: {}\n").apply()
    assert stack.addresses() == []
