"""What plan, apply and destroy promise, mostly with weir.value, which needs no service."""

import json
import time
from xml.etree import ElementTree

import pytest

from support import Stack, planned

CHAIN = """
    stack: chain
    inputs:
      text: {type: string, default: one}
    resources:
      a: {type: weir.value, value: "${inputs.text}"}
      b: {type: weir.value, value: "${a.value} b"}
      c: {type: weir.value, value: "${b.value} c"}
      alone: {type: weir.value, value: 5}
    outputs:
      c: {value: "${c.value}"}
"""


def test_round(local_stack):
    local_stack.write(CHAIN)
    assert local_stack.plan() == {name: "create" for name in ("a", "b", "c", "alone")}
    local_stack.apply()
    local_stack.assert_settled()
    assert local_stack.outputs() == {"c": "one b c"}
    assert local_stack.plan("-i", "text=two") == {"a": "update", "b": "update", "c": "update"}
    local_stack.apply("-i", "text=two")
    local_stack.assert_settled("-i", "text=two")
    assert local_stack.outputs() == {"c": "two b c"}
    assert local_stack.plan() == {"a": "update", "b": "update", "c": "update"}
    local_stack.destroy()
    assert local_stack.addresses() == []
    assert local_stack.plan() == {name: "create" for name in ("a", "b", "c", "alone")}


def test_detailed_exitcode(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan", status=0)
    local_stack.run("plan", "--detailed-exitcode", status=2)
    local_stack.apply()
    local_stack.run("plan", "--detailed-exitcode", status=0)
    local_stack.run("plan", "--detailed-exitcode", "-i", "text=two", status=2)


def test_plan_writes_nothing(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan")
    local_stack.run("validate")
    assert [path.name for path in local_stack.folder.iterdir()] == ["weir.yaml"]


def test_saved_plan_applies_exactly(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan", "-o", "p.plan", "-i", "text=saved")
    local_stack.run("apply", "p.plan")  # consent was given when it was saved
    assert local_stack.outputs() == {"c": "saved b c"}
    local_stack.assert_settled("-i", "text=saved")


def test_inputs_that_nobody_gave_stay_so(local_stack):
    """A text cannot say null: a saved plan, and a run that is gone back to, must not say "null" for it."""
    local_stack.write("""
        stack: optional
        inputs:
          api: {type: string, default: null, pattern: 'https?://.+'}
          token: {type: string, default: null, sensitive: true}
          n: 1
        resources:
          a: {type: weir.value, value: '${inputs.api == null ? "none" : inputs.api} ${inputs.n}'}
          b: {type: weir.value, value: "${nonsensitive(inputs.token == null)}"}
    """)
    local_stack.run("plan", "-o", "p.plan")
    local_stack.run("apply", "p.plan")
    local_stack.assert_settled()
    local_stack.apply("-i", "n=2")
    local_stack.apply("--to", "1")
    local_stack.assert_settled()


def test_saved_plan_refuses_when_the_state_moved_on(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan", "-o", "p.plan")
    local_stack.apply("-i", "text=other")
    refused = local_stack.run("apply", "p.plan", status=1)
    assert "a, which this plan changes, was added to the state since the plan was made" in refused.err
    assert local_stack.outputs() == {"c": "other b c"}


def test_saved_plan_refuses_after_it_was_applied(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan", "-o", "p.plan")
    local_stack.run("apply", "p.plan")
    local_stack.run("apply", "p.plan", status=1)


def test_saved_plan_refuses_when_the_stack_changed(local_stack):
    local_stack.write(CHAIN)
    local_stack.run("plan", "-o", "p.plan")
    local_stack.write(CHAIN.replace("value: 5", "value: 6"))
    assert "chang" in local_stack.run("apply", "p.plan", status=1).err
    assert not (local_stack.folder / ".weir").exists() or local_stack.addresses() == []


@pytest.mark.parametrize("name, text, message", [
    ("b", "y", 'b differs from this plan: value is now "y", not "x" (1 more differs)'),
    ("b", "y" * 200, "b differs from this plan: value is another (1 more differs)"),
    ("many", "y", "many differs from this plan: value is another"),
    ("list", "x,y", 'list["y"] differs from this plan: it would be created now, and not left as it is'),
    ("list", "y", 'list["y"] differs from this plan: it would be created now, and not left as it is (1 more differs)'),
    ("list", "", 'list["x"] differs from this plan: it would be left as it is now, and not created'),
    ("told", "y", "the outputs differ from this plan"),
])
def test_saved_plan_says_what_is_not_as_it_was(local_stack, name, text, message):
    """Files that are read while planning are no files of the stack."""
    local_stack.write("""
        stack: read
        resources:
          b: {type: weir.value, value: '${file("b.txt")}'}
          a: {type: weir.value, value: "${b.value}"}
          many: {type: weir.value, value: {text: '${file("many.txt")}'}}
          list: {type: weir.value, for_each: '${compact(split(",", file("list.txt")))}', value: 1}
        outputs: {told: '${file("told.txt")}'}
    """)
    for other in ("b", "many", "list", "told"):
        local_stack.write("x", f"{other}.txt")
    local_stack.run("plan", "-o", "p.plan")
    local_stack.write(text, f"{name}.txt")
    refused = local_stack.run("apply", "p.plan", status=1)
    assert f"error: {message}\n" in refused.err, str(refused)
    assert "a file or a data source changed since it was made: run `weir plan` again" in refused.err, str(refused)
    local_stack.write("x", f"{name}.txt")
    local_stack.run("apply", "p.plan")


def test_saved_plan_refuses_what_is_no_plan(local_stack):
    local_stack.write(CHAIN)
    local_stack.write("hello\n", "p.plan")
    assert "p.plan" in local_stack.run("apply", "p.plan", status=None).err
    missing = local_stack.run("apply", "absent.plan", status=None)
    assert missing.status in (1, 3) and "absent.plan" in missing.err


def test_saved_plan_keeps_sensitive_inputs_out(local_stack):
    local_stack.write("""
        stack: secret
        inputs: {password: {type: string, sensitive: true}}
        resources: {a: {type: weir.value, value: "${inputs.password}"}}
    """)
    local_stack.run("plan", "-o", "p.plan", "-i", "password=hunter2secret")
    assert b"hunter2secret" not in (local_stack.folder / "p.plan").read_bytes()
    local_stack.run("apply", "p.plan", "-i", "password=hunter2secret")
    assert local_stack.addresses() == ["a"]


def test_targets(local_stack):
    local_stack.write(CHAIN)
    assert local_stack.plan("--target", "b") == {"a": "create", "b": "create"}
    local_stack.apply("--target", "b")
    assert local_stack.addresses() == ["a", "b"]
    assert local_stack.plan() == {"alone": "create", "c": "create"}
    local_stack.apply()
    local_stack.destroy("--target", "b")
    assert local_stack.addresses() == ["a", "alone"]
    assert "nope" in local_stack.run("plan", "--target", "nope", status=3).err


def test_what_does_not_change_is_listed_where_that_is_wanted(local_stack):
    text = "stack: all\nresources: {a: {type: weir.value, value: 1}, b: {type: weir.value, for_each: [x], value: 1}}\n"
    local_stack.write(text)
    local_stack.apply()
    local_stack.write(text.replace("[x]", "[x, y]"))

    def changes(*words):
        return {event["address"]: event["action"] for event in local_stack.run("plan", "--json", *words).events() if event["event"] == "change"}

    assert changes("--all-resources") == {"a": "noop", 'b["x"]': "noop", 'b["y"]': "create"}
    assert changes("--all-resources", "--target", "a") == {"a": "noop"}
    assert changes() == {'b["y"]': "create"}
    assert "--all-resources goes with --json" in local_stack.run("plan", "--all-resources", status=None).err
    shown = json.loads(local_stack.run("plan", "--format", "terraform-json").out)["resource_changes"]
    same = [one["change"] for one in shown if one["change"]["actions"] == ["no-op"]]
    assert len(same) == 2 and all(change["before"] == change["after"] and change["after_unknown"] == {} for change in same)


def test_targets_that_the_stack_does_not_have_any_more(local_stack):
    text = """
        stack: orphans
        resources:
          a: {type: weir.value, for_each: [x, y], value: 1}
          b: {type: weir.value, value: "${a.x.value}"}
          c: {type: weir.value, value: "${b.value}"}
          beside: {type: weir.value, value: 1}
    """
    local_stack.write(text)
    local_stack.apply()
    # an instance: what refers to others of them stays
    local_stack.write(text.replace("[x, y]", "[x]").replace("beside:", "now:"))
    assert local_stack.plan("--target", "a") == local_stack.plan("--target", 'a["y"]') == {'a["y"]': "delete"}
    assert local_stack.plan("--target", 'a["x"]') == {}
    local_stack.apply("--target", "a")
    assert local_stack.addresses() == ['a["x"]', "b", "beside", "c"]
    assert local_stack.plan("--target", "beside") == {"beside": "delete"}
    # a declaration: what referred to it is changed with it, or before
    gone = "".join(line + "\n" for line in text.splitlines() if " a:" not in line and " b:" not in line).replace("${b.value}", "2")
    local_stack.write(gone)
    refused = local_stack.run("plan", "--target", "a", status=3).err
    assert "c was applied with a reference to b, which this plan deletes" in refused and "apply c first, or with it (--target)" in refused
    assert local_stack.plan("--target", "a", "--target", "c") == {'a["x"]': "delete", "b": "delete", "c": "update"}
    local_stack.write(gone + "\n        removed: [{address: a, destroy: false}]\n")
    local_stack.run("plan", "-o", "p.plan", "--target", "a", "--target", "c")
    assert local_stack.plan("--target", "a", "--target", "c") == {'a["x"]': "forget", "b": "delete", "c": "update"}
    local_stack.apply("p.plan")
    assert local_stack.addresses() == ["beside", "c"]
    local_stack.write(gone)
    local_stack.assert_settled()


def test_target_of_one_instance(local_stack):
    text = """
        stack: many
        inputs: {v: {type: integer, default: 1}, keys: [a, b]}
        resources:
          base: {type: weir.value, value: "${inputs.v}"}
          many: {type: weir.value, for_each: "${inputs.keys}", value: "${each.key} ${base.value}"}
        outputs: {all: "${[for k, v in many : k]}"}
    """
    local_stack.write(text)
    assert local_stack.plan("--target", 'many["a"]') == {"base": "create", 'many["a"]': "create"}
    local_stack.apply("--target", 'many["a"]')
    assert local_stack.addresses() == ["base", 'many["a"]']
    local_stack.apply()
    assert local_stack.plan("-i", "v=2", "--target", 'many["a"]') == {"base": "update", 'many["a"]': "update"}
    local_stack.apply("-i", "v=2", "--target", 'many["a"]')
    assert local_stack.plan("-i", "v=2") == {'many["b"]': "update"}
    local_stack.run("plan", "-i", "v=3", "--target", 'many["b"]', "-o", "p.plan")
    local_stack.apply("p.plan")
    assert local_stack.plan("-i", "v=3") == {'many["a"]': "update"}
    # an instance that goes, and one that never was
    assert local_stack.plan("-i", "v=3", "-i", 'keys=["b"]', "--target", 'many["b"]') == {}
    assert local_stack.plan("-i", "v=3", "--target", 'many["a"]', "--target", "many") == {'many["a"]': "update"}
    wrong = local_stack.run("plan", "--target", 'many["c"]', status=3).err
    assert 'there is no many["c"]' in wrong and 'there are many["a"], many["b"]' in wrong
    local_stack.apply("-i", "v=3")
    local_stack.assert_settled("-i", "v=3")


def test_replace(local_stack):
    local_stack.write(CHAIN)
    local_stack.apply()
    changes = local_stack.plan("--replace", "b")
    assert changes["b"] == "replace" and "alone" not in changes and "a" not in changes
    local_stack.apply("--replace", "b")
    local_stack.assert_settled()
    local_stack.run("plan", "--replace", "nope", status=3)


def test_replace_triggered_by(local_stack):
    text = """
        stack: trigger
        inputs: {n: {type: integer, default: 1}}
        resources:
          a: {type: weir.value, value: "${inputs.n}"}
          b: {type: weir.value, value: fixed, lifecycle: {replace_triggered_by: ["${a.value}"]}}
    """
    local_stack.write(text)
    local_stack.apply()
    local_stack.assert_settled()
    assert local_stack.plan("-i", "n=2") == {"a": "update", "b": "replace"}
    local_stack.apply("-i", "n=2")
    local_stack.assert_settled("-i", "n=2")


def test_replace_triggered_by_long_chain(local_stack):
    """Each value is asked for twice by the next one."""
    chain = "".join(f'  v{i + 1}: "${{locals.v{i} ? locals.v{i} : !locals.v{i}}}"\n' for i in range(40))
    text = (
        "stack: chain\ninputs: {n: {type: integer, default: 1}}\nlocals:\n"
        '  v0: "${a.value == 1}"\n' + chain + "resources:\n"
        '  a: {type: weir.value, value: "${inputs.n}"}\n'
        '  b: {type: weir.value, value: fixed, lifecycle: {replace_triggered_by: ["${locals.v40}"]}}\n'
    )
    local_stack.write(text)
    local_stack.apply()
    assert local_stack.plan("-i", "n=1") == {}
    assert local_stack.plan("-i", "n=2")["a"] == "update"
    local_stack.write(text.replace("value: fixed", 'value: "${locals.v40}"'))
    local_stack.run("plan", "-o", "saved.plan")
    saved = {one["address"]: one["references"] for one in json.loads((local_stack.folder / "saved.plan").read_text())["objects"]}
    assert saved == {"a": {}, "b": {"value": ["a.value"]}}


def order_of(result, kind="done"):
    return [(event["action"], event["address"]) for event in result.events() if event["event"] == kind]


def test_order_follows_references_and_depends_on(local_stack):
    local_stack.write("""
        stack: order
        resources:
          last: {type: weir.value, value: 1, depends_on: [middle]}
          middle: {type: weir.value, value: "${first.value}"}
          first: {type: weir.value, value: 1}
    """)
    made = order_of(local_stack.apply("--json"))
    assert made == [("create", "first"), ("create", "middle"), ("create", "last")]
    gone = order_of(local_stack.destroy("--json"))
    assert gone == [("delete", "last"), ("delete", "middle"), ("delete", "first")]


def test_what_left_the_stack_is_deleted_in_recorded_order(local_stack):
    local_stack.write(CHAIN)
    local_stack.apply()
    local_stack.write("stack: chain\nresources: {alone: {type: weir.value, value: 5}}\n")
    assert local_stack.plan() == {"a": "delete", "b": "delete", "c": "delete"}
    assert order_of(local_stack.apply("--json")) == [("delete", "c"), ("delete", "b"), ("delete", "a")]
    local_stack.assert_settled()


FOR_EACH = """
    stack: each
    inputs: {names: {type: list(string), default: [x, y]}}
    resources:
      one: {type: weir.value, for_each: "${inputs.names}", value: "value of ${each.key}"}
    outputs: {all: {value: "${{for k, v in one : k => v.value}}"}}
"""


def test_for_each_keys_come_and_go(local_stack):
    local_stack.write(FOR_EACH)
    local_stack.apply()
    assert local_stack.outputs() == {"all": {"x": "value of x", "y": "value of y"}}
    assert local_stack.plan("-i", 'names=["y","z"]') == {'one["x"]': "delete", 'one["z"]': "create"}
    local_stack.apply("-i", 'names=["y","z"]')
    local_stack.assert_settled("-i", 'names=["y","z"]')
    assert local_stack.outputs() == {"all": {"y": "value of y", "z": "value of z"}}


def test_for_each_empty(local_stack):
    local_stack.write(FOR_EACH)
    local_stack.apply("-i", "names=[]")
    assert local_stack.addresses() == [] and local_stack.outputs() == {"all": {}}


def test_for_each_awkward_keys(local_stack):
    names = ["a b", 'quo"te', "ünïcode", "dot.ted", "back\\slash", "[x]", "a/b"]
    local_stack.write(FOR_EACH)
    local_stack.apply("-i", "names=" + json.dumps(names))
    local_stack.assert_settled("-i", "names=" + json.dumps(names))
    assert set(local_stack.outputs()["all"]) == set(names)
    local_stack.destroy("-i", "names=" + json.dumps(names))
    assert local_stack.addresses() == []


def test_when(local_stack):
    local_stack.write("""
        stack: whether
        inputs: {on: {type: boolean, default: false}}
        resources: {a: {type: weir.value, when: "${inputs.on}", value: 1}}
    """)
    local_stack.apply()
    assert local_stack.addresses() == []
    local_stack.apply("-i", "on=true")
    assert local_stack.addresses() == ["a"]
    assert local_stack.plan() == {"a": "delete"}
    local_stack.apply()
    assert local_stack.addresses() == []


def test_moved(local_stack):
    local_stack.write("stack: move\nresources: {old: {type: weir.value, value: 1}}\n")
    local_stack.apply()
    local_stack.write("stack: move\nresources: {new: {type: weir.value, value: 1}}\nmoved: [{from: old, to: new}]\n")
    assert set(local_stack.plan().values()) <= {"noop", "move"}
    local_stack.apply()
    assert local_stack.addresses() == ["new"]
    local_stack.assert_settled()


def test_moved_into_for_each_and_module(local_stack):
    local_stack.write("stack: move\nresources: {old: {type: weir.value, value: k}, other: {type: weir.value, value: 2}}\n")
    local_stack.apply()
    local_stack.write("resources: {inside: {type: weir.value, value: 2}}\n", "m/weir.yaml")
    local_stack.write("""
        stack: move
        resources: {many: {type: weir.value, for_each: [k], value: "${each.key}"}}
        modules: {m: {source: ./m}}
        moved: [{from: old, to: 'many["k"]'}, {from: other, to: m/inside}]
    """)
    local_stack.apply()
    assert local_stack.addresses() == ["m/inside", 'many["k"]']
    local_stack.assert_settled()


def test_moved_entries_may_stay(local_stack):
    """They are the history of the names, for a state of any time: of one that became one of many, of one that was renamed twice."""
    local_stack.write("stack: move\nresources: {job: {type: weir.value, value: 1}, first: {type: weir.value, value: 1}}\n")
    local_stack.apply()
    local_stack.write("""
        stack: move
        resources:
          job: {type: weir.value, for_each: [daily, weekly], value: 1}
          third: {type: weir.value, value: 1}
        moved: [{from: second, to: third}, {from: job, to: 'job["daily"]'}, {from: first, to: second}]
    """)
    local_stack.apply()
    assert local_stack.addresses() == ['job["daily"]', 'job["weekly"]', "third"]
    assert local_stack.run("history").out.count("1 created") == 1
    local_stack.assert_settled()


def test_removed_without_destroy(stack, cloud):
    stack.write("stack: keep\nresources: {lake: {type: aws.s3.bucket, name: kept-lake}}\n")
    stack.apply()
    stack.write("stack: keep\nremoved: [{address: lake, destroy: false}]\n")
    assert stack.plan() == {"lake": "forget"}
    stack.apply()
    assert stack.addresses() == []
    assert [b["Name"] for b in cloud.client("s3").list_buckets()["Buckets"]] == ["kept-lake"]
    stack.assert_settled()


def test_prevent_destroy(local_stack):
    local_stack.write("stack: keep\nresources: {a: {type: weir.value, value: 1, lifecycle: {prevent_destroy: true}}}\n")
    local_stack.apply()
    refused = local_stack.destroy(status=None)
    assert refused.status in (1, 3) and "prevent_destroy" in refused.err
    assert local_stack.run("plan", "--replace", "a", status=None).status in (1, 3)
    local_stack.write("stack: keep\n")  # the state remembers what the file said
    assert "prevent_destroy" in local_stack.apply(status=None).err
    assert local_stack.addresses() == ["a"]


def test_ignore_changes(stack, cloud):
    text = """
        stack: ignore
        resources:
          lake: {type: aws.s3.bucket, name: ignore-lake, tags: {team: TEAM}, lifecycle: {ignore_changes: [tags]}}
    """
    stack.write(text.replace("TEAM", "one"))
    stack.apply()
    stack.write(text.replace("TEAM", "two"))
    stack.assert_settled()
    tags = cloud.client("s3").get_bucket_tagging(Bucket="ignore-lake")["TagSet"]
    assert {"Key": "team", "Value": "one"} in tags


def test_create_before_destroy(stack, cloud):
    text = """
        stack: swap
        inputs: {name: swap-1}
        resources:
          role:
            type: aws.iam.role
            name: ${inputs.name}
            assume_role_policy: ${trust("glue.amazonaws.com")}
            lifecycle: {create_before_destroy: CBD}
    """
    stack.write(text.replace("CBD", "true"))
    stack.apply()
    cloud.forget_requests()
    stack.apply("-i", "name=swap-2")
    calls = [call for call in cloud.requests() if call in ("CreateRole", "DeleteRole")]
    assert calls == ["CreateRole", "DeleteRole"]
    stack.write(text.replace("CBD", "false"))
    cloud.forget_requests()
    stack.apply("-i", "name=swap-3")
    calls = [call for call in cloud.requests() if call in ("CreateRole", "DeleteRole")]
    assert calls == ["DeleteRole", "CreateRole"]
    stack.assert_settled("-i", "name=swap-3")
    assert [r["RoleName"] for r in cloud.client("iam").list_roles()["Roles"]] == ["swap-3"]


def test_create_before_destroy_needs_another_name(stack, cloud):
    """The old one, which bears the name, would be taken over as the new one, and then be deleted as the old one."""
    text = """
        stack: swap
        resources:
          role: {type: aws.iam.role, name: swap, path: /PATH/, assume_role_policy: '${trust("glue.amazonaws.com")}', lifecycle: {create_before_destroy: true}}
          queue: {type: aws.sqs.queue, name: swap, lifecycle: {create_before_destroy: true}}
    """
    stack.write(text.replace("PATH", "a")).apply()
    stack.write(text.replace("PATH", "b"))
    refused = stack.run("plan", status=3)
    assert 'both would be "swap"' in refused.err and "weir.yaml:4:" in refused.err and "another name" in refused.err, refused
    stack.write(text.replace("PATH", "a"))
    assert 'the resource that it replaces has this name' in stack.apply("--replace", "queue", status=1).err  # its address only the service says
    assert cloud.client("iam").get_role(RoleName="swap")["Role"]["Path"] == "/a/"
    assert len(cloud.client("sqs").list_queues()["QueueUrls"]) == 1


PARTIAL = """
    stack: partial
    resources:
      good: {type: aws.s3.bucket, name: partial-good}
      bad: {type: aws.iam.role, name: partial-bad, assume_role_policy: '${trust("glue.amazonaws.com")}'}
      after_bad: {type: weir.value, value: "${bad.arn}", depends_on: [bad]}
      after_good: {type: weir.value, value: "${good.name}"}
"""


def test_failure_keeps_what_was_done_and_a_rerun_continues(stack, cloud):
    stack.write(PARTIAL)
    cloud.fail({"match": "CreateRole", "status": 400, "times": 99, "body": error_xml("LimitExceeded", "no more roles")})
    failed = stack.apply("--json", status=1)
    assert order_of(failed, "failed") == [("create", "bad")]
    assert order_of(failed, "skipped") == [("create", "after_bad")]
    assert "LimitExceeded" in failed.err + failed.out
    assert stack.addresses() == ["after_good", "good"]
    cloud.fail()
    assert stack.plan() == {"bad": "create", "after_bad": "create"}
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert cloud.client("iam").list_roles()["Roles"] == [] and cloud.client("s3").list_buckets()["Buckets"] == []


def error_xml(code, message):
    return f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r-1</RequestId></ErrorResponse>"


def test_half_made_is_recorded_and_replaced(stack, cloud):
    """The bucket is there, its versioning is not: nothing may be lost, nothing made twice."""
    stack.write("stack: half\nresources: {lake: {type: aws.s3.bucket, name: half-lake, versioning: true}}\n")
    cloud.fail({"match": r"PUT /half-lake.*versioning", "status": 403, "times": 99, "body": "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"})
    assert "AccessDenied" in stack.apply(status=1).err
    assert stack.addresses() == ["lake"]
    cloud.fail()
    stack.apply()
    stack.assert_settled()
    assert cloud.client("s3").get_bucket_versioning(Bucket="half-lake")["Status"] == "Enabled"
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_gone_outside_is_created_again(stack, cloud):
    stack.write("stack: gone\nresources: {lake: {type: aws.s3.bucket, name: gone-lake}}\n")
    stack.apply()
    cloud.client("s3").delete_bucket(Bucket="gone-lake")
    assert "lake" in stack.run("drift", status=2).out
    assert stack.plan() == {"lake": "create"}
    stack.apply()
    stack.assert_settled()
    cloud.client("s3").delete_bucket(Bucket="gone-lake")
    stack.destroy()
    assert stack.addresses() == []


def test_what_exists_already_is_not_taken(stack, cloud):
    cloud.client("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    stack.write("""
        stack: theirs
        resources: {role: {type: aws.iam.role, name: theirs, assume_role_policy: '${trust("glue.amazonaws.com")}'}}
    """)
    refused = stack.apply(status=1)
    assert "theirs" in refused.err and ("exist" in refused.err.lower())
    assert stack.addresses() == []
    assert "theirs" in stack.destroy(verify=True, status=5).out  # it might be of a state that was lost: that is said
    assert len(cloud.client("iam").list_roles()["Roles"]) == 1


def test_imports(stack, cloud):
    cloud.client("s3").create_bucket(Bucket="imported-lake")
    stack.write("""
        stack: import
        resources: {lake: {type: aws.s3.bucket, name: imported-lake, versioning: true}}
        imports: [{address: lake, id: imported-lake}]
    """)
    assert stack.plan() == {"lake": "adopt"}
    cloud.forget_requests()
    stack.apply()
    assert "PUT /imported-lake" not in cloud.requests()
    assert cloud.client("s3").get_bucket_versioning(Bucket="imported-lake")["Status"] == "Enabled"
    stack.assert_settled()


def test_attributes_of_an_import_are_referred_to_in_the_same_plan(tmp_path, fast_sandbox):
    """Also those that have a call of their own, such as the brokers of a Kafka cluster."""
    ec2, kafka = fast_sandbox.client("ec2"), fast_sandbox.client("kafka")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"]["SubnetId"] for n, zone in enumerate("ab")]
    nodes = {"InstanceType": "kafka.t3.small", "ClientSubnets": subnets}
    arn = kafka.create_cluster_v2(ClusterName="there", Provisioned={"KafkaVersion": "3.8.x", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": nodes})["ClusterArn"]
    while kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]["State"] != "ACTIVE":
        time.sleep(0.05)
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(f"""
        stack: import
        resources:
          cluster: {{type: aws.kafka.cluster, name: there, kafka_version: 3.8.x, number_of_broker_nodes: 2, instance_type: kafka.t3.small, client_subnets: {json.dumps(subnets)}}}
          brokers: {{type: aws.ssm.parameter, name: /brokers, parameter_type: String, value: "${{cluster.bootstrap_brokers_tls}}"}}
        imports: [{{address: cluster, id: "{arn}"}}]
    """)
    assert stack.plan() == {"cluster": "adopt", "brokers": "create"}
    stack.apply()
    told = kafka.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerStringTls"]
    assert fast_sandbox.client("ssm").get_parameter(Name="/brokers")["Parameter"]["Value"] == told
    stack.assert_settled()
    stack.destroy("--delete-adopted")
    assert not kafka.list_clusters_v2()["ClusterInfoList"]


def test_an_object_is_imported_into_no_bucket(stack):
    stack.write("""
        stack: import
        resources:
          lake: {type: aws.s3.bucket, name: absent-lake}
          code: {type: aws.s3.object, bucket: "${lake.name}", key: code.zip, content: x}
        imports: [{address: lake, id: absent-lake}, {address: code, id: code.zip}]
    """)
    refused = stack.run("plan", status=3).err
    assert 'importing lake: there is no aws.s3.bucket "absent-lake"' in refused and "looking for code: its bucket or key is not known before the apply" in refused, refused


def test_consent_is_needed_without_a_terminal(local_stack):
    local_stack.write(CHAIN)
    assert "--yes" in local_stack.run("apply", status=3).err
    assert not (local_stack.folder / ".weir").exists() or local_stack.addresses() == []
    local_stack.apply()
    assert "--yes" in local_stack.run("destroy", status=3).err
    assert len(local_stack.addresses()) == 4


def test_environments_have_states_of_their_own(local_stack):
    local_stack.write("""
        stack: envs
        inputs: {size: {type: integer, default: 1}}
        environments: {dev: {}, prod: {size: 9}}
        resources: {a: {type: weir.value, value: "${stack.env} ${inputs.size}"}}
        outputs: {a: {value: "${a.value}"}}
    """)
    local_stack.apply("-e", "dev")
    local_stack.apply("-e", "prod")
    assert json.loads(local_stack.run("output", "-e", "dev", "--json").out) == {"a": "dev 1"}
    assert json.loads(local_stack.run("output", "-e", "prod", "--json").out) == {"a": "prod 9"}
    local_stack.destroy("-e", "dev")
    local_stack.assert_settled("-e", "prod")
    assert "staging" in local_stack.run("plan", "-e", "staging", status=3).err


def test_inputs_by_all_ways(local_stack):
    local_stack.write("""
        stack: ways
        inputs: {a: one, b: one, c: one, d: one}
        environments: {dev: {a: env, b: env, c: env, d: env}}
        resources: {r: {type: weir.value, value: "${[inputs.a, inputs.b, inputs.c, inputs.d]}"}}
        outputs: {r: {value: "${r.value}"}}
    """)
    local_stack.write("b: file\nc: file\nd: file\n", "in.yaml")
    local_stack.apply("-e", "dev", "--input-file", "in.yaml", "-i", "d=argument", env={"WEIR_INPUT_C": "variable", "WEIR_INPUT_D": "variable"})
    assert json.loads(local_stack.run("output", "-e", "dev", "--json").out) == {"r": ["env", "file", "variable", "argument"]}


def test_modules(local_stack):
    local_stack.write("""
        inputs: {name: {type: string}, count: {type: integer, default: 1}}
        resources: {inner: {type: weir.value, value: "${inputs.name} x${inputs.count}"}}
        outputs: {text: {value: "${inner.value}"}}
    """, "part/weir.yaml")
    local_stack.write("""
        stack: mods
        resources:
          before: {type: weir.value, value: start}
          after: {type: weir.value, value: "${p.text}, ${q.text}"}
        modules:
          p: {source: ./part, name: "${before.value}"}
          q: {source: ./part, name: q, count: 3}
        outputs: {all: {value: "${after.value}"}}
    """)
    local_stack.apply()
    assert local_stack.outputs() == {"all": "start x1, q x3"}
    assert local_stack.addresses() == ["after", "before", "p/inner", "q/inner"]
    local_stack.assert_settled()
    assert "nam" in local_stack.write("stack: mods\nmodules: {p: {source: ./part, nam: x}}\n").run("validate", status=3).err


def test_include(local_stack):
    local_stack.write("resources: {b: {type: weir.value, value: \"${a.value}\"}}\n", "more/part.yaml")
    local_stack.write("stack: inc\ninclude: [more/part.yaml]\nresources: {a: {type: weir.value, value: 1}}\n")
    assert set(local_stack.plan()) == {"a", "b"}


def test_no_refresh_sends_nothing(stack, cloud):
    stack.write("stack: quiet\nresources: {lake: {type: aws.s3.bucket, name: quiet-lake}}\n")
    stack.apply()
    cloud.forget_requests()
    stack.assert_settled("--no-refresh")
    assert cloud.requests() == []


def test_refresh_reads_pages_not_resources(stack, cloud):
    stack.write("""
        stack: pages
        resources:
          role: {type: aws.iam.role, for_each: "${[for i in range(30) : \\"r${i}\\"]}", name: "page-${each.key}", assume_role_policy: '${trust("glue.amazonaws.com")}'}
          job:
            type: aws.glue.job
            for_each: "${[for i in range(30) : \\"j${i}\\"]}"
            name: page-${each.key}
            role: page-r0
            command: {name: glueetl, script_location: "s3://x/y.py"}
    """)
    stack.apply()
    cloud.forget_requests()
    stack.assert_settled()
    assert len(cloud.requests()) <= 10, cloud.requests()


@pytest.mark.parametrize("parallelism", [1, 3])
def test_parallelism(local_stack, parallelism):
    local_stack.write(CHAIN)
    local_stack.apply("--parallelism", parallelism)
    assert local_stack.outputs() == {"c": "one b c"}
    local_stack.run("apply", "--yes", "--parallelism", "0", status=3)


def test_json_events_are_whole(stack):
    stack.write(PARTIAL)
    plan = stack.run("plan", "--json")
    assert planned(plan) == {name: "create" for name in ("good", "bad", "after_good", "after_bad")}
    assert plan.err == ""
    apply = stack.apply("--json")
    events = apply.events()
    assert all("event" in event for event in events)
    assert {a for _, a in order_of(apply)} == {"good", "bad", "after_good", "after_bad"}
    assert apply.err == ""


def test_data_that_waits_for_a_resource(stack):
    """A data source whose input is known only during apply is read then; afterwards it is read by the plan."""
    stack.write("""
        stack: deferred
        resources:
          role: {type: aws.iam.role, name: deferred-role, assume_role_policy: '${trust("glue.amazonaws.com")}'}
          lake: {type: aws.s3.bucket, name: "lake-${lower(substr(role.unique_id, 0, 6))}"}
          after: {type: weir.value, value: "${there.region}"}
        data:
          there: {type: aws.s3.bucket, name: "${lake.name}"}
        outputs: {region: {value: "${after.value}"}}
    """)
    assert stack.plan() == {"role": "create", "lake": "create", "there": "read", "after": "create"}
    stack.apply()
    assert stack.outputs() == {"region": "us-east-1"}
    stack.assert_settled()
    stack.destroy()


def test_data_that_waits_through_what_is_unchanged(stack):
    """As with Terraform 1.11: changes behind an unchanged resource count in the `depends_on` of a module, or if it names a module."""
    there = "{type: aws.s3.bucket, name: deferred-lake"
    stack.write(f"stack: inner\ndata: {{there: {there}}}}}\noutputs: {{region: {{value: '${{there.region}}'}}}}\n", "reads/weir.yaml")
    stack.write("stack: inner\nresources: {kept: {type: weir.value, value: 1}}\n", "keeps/weir.yaml")
    stack.write(f"""
        stack: deferred
        inputs: {{text: one}}
        resources:
          first: {{type: weir.value, value: "${{inputs.text}}"}}
          kept: {{type: weir.value, value: deferred, depends_on: [first]}}
          lake: {{type: aws.s3.bucket, name: deferred-lake}}
        data:
          now: {there}, depends_on: [kept, lake]}}
          after: {there}, depends_on: [keeps, lake]}}
        modules:
          keeps: {{source: ./keeps, depends_on: [kept]}}
          reads: {{source: ./reads, depends_on: [kept, lake]}}
        outputs: {{regions: {{value: "${{[now.region, after.region, reads.region]}}"}}}}
    """).apply()
    stack.assert_settled()
    assert stack.plan("-i", "text=two") == {"first": "update", "after": "read", "reads/there": "read"}
    stack.apply("-i", "text=two")
    assert stack.outputs() == {"regions": ["us-east-1"] * 3}
    assert stack.plan("-i", "text=two") == {}
    stack.destroy()


def test_many_stacks_at_once(tmp_path, cloud):
    """As `weir test` or a workshop's script would run them: processes side by side on one cloud, one folder each."""
    stacks = [Stack(tmp_path / f"s{i}", cloud) for i in range(6)]
    for i, one in enumerate(stacks):
        one.write(f"stack: side{i}\nresources: {{lake: {{type: aws.s3.bucket, name: side-{i}}}, v: {{type: weir.value, value: '${{lake.arn}}'}}}}\n")
    running = [one.start("apply", "--yes") for one in stacks]
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    for one in stacks:
        one.assert_settled()
        one.destroy()
    assert not cloud.client("s3").list_buckets()["Buckets"]


def test_one_state_for_many_at_once(local_stack):
    """Several applies of the same stack: each either waits and finds nothing to do or says that the state is locked."""
    local_stack.write(CHAIN)
    running = [local_stack.start("apply", "--yes", *(["--lock-timeout", "5m"] if i % 2 else [])) for i in range(6)]
    statuses = []
    for i, process in enumerate(running):
        out, err = process.communicate()
        statuses.append(process.returncode)
        assert process.returncode == 0 or (process.returncode == 4 and i % 2 == 0 and "locked" in err), out + err
    assert 0 in statuses
    local_stack.assert_settled()
    assert len(local_stack.addresses()) == 4


def test_default_tags_of_providers_whose_settings_are_known_late(stack, cloud):
    """They are on what is created in the same apply, be it the tags or the region that another resource gives."""
    stack.write("""
        stack: late
        providers:
          aws.region: {region: '${role.unique_id == "" ? "us-east-1" : "eu-west-1"}', default_tags: {team: web}}
          aws.tag: {region: eu-west-1, default_tags: {role: "${role.unique_id}"}}
          aws.tags: {region: eu-west-1, default_tags: '${{for id in [role.unique_id] : "role" => id}}'}
        resources:
          role: {type: aws.iam.role, name: late, assume_role_policy: '${trust("glue.amazonaws.com")}'}
          region: {type: aws.sqs.queue, name: late-region, provider: aws.region}
          tag: {type: aws.sqs.queue, name: late-tag, provider: aws.tag, tags: {own: x}}
          tags: {type: aws.sqs.queue, name: late-tags, provider: aws.tags}
    """)
    stack.apply()
    stack.assert_settled()
    role = cloud.client("iam").get_role(RoleName="late")["Role"]["RoleId"]
    sqs = cloud.client("sqs", "eu-west-1")
    tags = {url.rsplit("/", 1)[1]: sqs.list_queue_tags(QueueUrl=url)["Tags"] for url in sqs.list_queues(QueueNamePrefix="late-")["QueueUrls"]}
    own = {name: {key: value for key, value in found.items() if not key.startswith("weir:")} for name, found in tags.items()}
    assert own == {"late-region": {"team": "web"}, "late-tag": {"role": role, "own": "x"}, "late-tags": {"role": role}}
    stack.destroy()


def test_default_tags_are_no_drift_and_follow_the_file(stack, cloud):
    text = """
        stack: defaults
        providers: {aws: {region: us-east-1, default_tags: {owner: OWNER}}}
        resources: {lake: {type: aws.s3.bucket, name: tagged-lake, tags: {own: "1"}}}
    """

    def tags():
        return {t["Key"]: t["Value"] for t in cloud.client("s3").get_bucket_tagging(Bucket="tagged-lake")["TagSet"] if not t["Key"].startswith("weir:")}

    stack.write(text.replace("OWNER", "ana"))
    stack.apply()
    stack.assert_settled()
    assert tags() == {"owner": "ana", "own": "1"}
    stack.write(text.replace("OWNER", "bo"))
    assert stack.plan() == {"lake": "update"}
    stack.apply()
    assert tags() == {"owner": "bo", "own": "1"}
    cloud.client("s3").put_bucket_tagging(Bucket="tagged-lake", Tagging={"TagSet": [{"Key": "theirs", "Value": "x"}]})
    stack.run("drift", status=2)
    stack.apply()
    assert tags() == {"owner": "bo", "own": "1"}


def test_tags_that_are_left_to_others(stack, cloud):
    text = """
        stack: governed
        providers: {aws: {region: us-east-1, ignore_tags: [made-by, "corp:*"]}}
        resources:
          lake: {type: aws.s3.bucket, name: governed-lake, tags: {own: "1"}}
          queue: {type: aws.sqs.queue, name: governed, tags: {own: "1"}}
    """
    s3, sqs, theirs = cloud.client("s3"), cloud.client("sqs"), {"made-by": "tagger", "corp:cost": "7"}
    stack.write(text)
    stack.apply()
    url = sqs.get_queue_url(QueueName="governed")["QueueUrl"]

    def tags():
        bucket = {t["Key"]: t["Value"] for t in s3.get_bucket_tagging(Bucket="governed-lake")["TagSet"]}
        return [{key: value for key, value in all.items() if not key.startswith("weir:")} for all in (bucket, sqs.list_queue_tags(QueueUrl=url)["Tags"])]

    there = s3.get_bucket_tagging(Bucket="governed-lake")["TagSet"]
    s3.put_bucket_tagging(Bucket="governed-lake", Tagging={"TagSet": there + [{"Key": key, "Value": value} for key, value in theirs.items()]})
    sqs.tag_queue(QueueUrl=url, Tags=theirs)
    stack.assert_settled()
    stack.run("drift")
    stack.write(text.replace('"1"', '"2"'))
    assert stack.plan() == {"lake": "update", "queue": "update"}
    stack.apply()
    assert tags() == [{"own": "2", **theirs}] * 2
    stack.write(text.replace(', tags: {own: "1"}', ""))
    stack.apply()
    assert tags() == [theirs] * 2
    stack.assert_settled()
    stack.write(text.replace("own:", "corp:own:"))
    assert 'the tag "corp:own" is one of the provider\'s `ignore_tags`' in stack.run("plan", status=3).err
    stack.write(text.replace('[made-by, "corp:*"]', "made-by"))
    assert "ignore_tags must be a list of texts, not" in stack.run("plan", status=None).err
    stack.write(text)
    stack.destroy()


def test_the_file_takes_settings_out(stack, cloud):
    """What leaves the file goes back to its default or is deleted; what never was in it is not touched."""
    stack.write("stack: out\nresources: {lake: {type: aws.s3.bucket, name: out-lake, versioning: true, policy: '${policy(statement({actions: \"s3:GetObject\", resources: \"arn:aws:s3:::out-lake/*\", principals: {AWS: \"*\"}}))}'}}\n")
    stack.apply()
    s3 = cloud.client("s3")
    s3.put_bucket_ownership_controls(Bucket="out-lake", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    stack.write("stack: out\nresources: {lake: {type: aws.s3.bucket, name: out-lake}}\n")
    assert stack.plan() == {"lake": "update"}
    stack.apply()
    stack.assert_settled()
    assert s3.get_bucket_versioning(Bucket="out-lake")["Status"] == "Suspended"
    with pytest.raises(s3.exceptions.ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="out-lake")
    assert s3.get_bucket_ownership_controls(Bucket="out-lake")["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "ObjectWriter"}]


def test_markdown_for_pull_requests(local_stack):
    local_stack.write('''
        stack: page
        resources:
          keep: {type: weir.value, value: 1}
          item: {type: weir.value, for_each: ["a|b", plain, "<b>\\u202e", "[x](y)`|"], value: "${each.key}"}
    ''').apply()
    local_stack.write('''
        stack: page
        resources:
          keep: {type: weir.value, value: 2}
          item: {type: weir.value, for_each: [plain], value: "${each.key}"}
          more: {type: weir.value, value: [1, 2]}
    ''')
    result = local_stack.run("plan", "--json", "--markdown", "plan.md")
    page = (local_stack.folder / "plan.md").read_text()
    assert planned(result) == {"keep": "update", "more": "create", 'item["a|b"]': "delete", 'item["<b>\u202e"]': "delete", 'item["[x](y)`|"]': "delete"}
    assert "### weir plan: page" in page and "**1** to create, **1** to update, **3** to delete." in page
    rows = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert rows == [
        r'| delete | `item["<b>\u202e"]` | weir.value | removed from the configuration |',  # in code each sign is itself, in text by a backslash
        r'| delete | item\[\"\[x\]\(y\)\`\|\"\] | weir.value | removed from the configuration |',
        r'| delete | item\[\"a\|b\"\] | weir.value | removed from the configuration |',
        "| update | `keep` | weir.value |  |", "| create | `more` | weir.value |  |"]
    diff = page.split("````diff\n")[1].split("````")[0]
    assert any(line.startswith("+") and "more" in line for line in diff.splitlines())
    assert any(line.startswith("!") and "1 -> 2" in line for line in diff.splitlines())
    assert page == local_stack.run("plan", "--format", "markdown").out


def test_graph(local_stack):
    local_stack.write('''
        stack: drawn
        locals: {through: "${a.value}"}
        resources:
          a: {type: weir.value, value: 1}
          b: {type: weir.value, value: "${locals.through}"}
          c: {type: weir.value, value: "${b.value}", depends_on: [a]}
    ''')
    dot = local_stack.run("graph", "--format", "dot").out
    assert {line.strip() for line in dot.splitlines() if "->" in line} == {'"a" -> "b"', '"b" -> "c"', '"a" -> "c"'}
    drawing = ElementTree.fromstring(local_stack.run("graph").out)
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:6:2] == ["a", "b", "c"] and "resource" in texts[6:]
    assert "#dafbe1" in local_stack.run("graph", "--plan").out  # to be created
    local_stack.apply()
    assert "#dafbe1" not in local_stack.run("graph", "--plan").out


def test_long_chains_and_many_paths(local_stack):
    """Dependencies through 100,000 locals in a row, and through locals with 10^12 paths to the first one, are walked once."""
    chain = [f'  c{i}: "${{locals.c{i - 1}}}"' for i in range(1, 100_000)]
    paths = [f'  p{i}: "${{substr(locals.p{i - 1}, 0, 1)}}${{substr(locals.p{i - 2}, 0, 1)}}"' for i in range(2, 60)]
    start = ["stack: long", "inputs: {s: {type: string, sensitive: true, default: abc}}", "locals:", '  c0: "${inputs.s}"', '  p0: "${inputs.s}"', '  p1: "${inputs.s}"']
    end = ["resources:", '  v: {type: weir.value, value: "${locals.c99999}"}', "outputs:", '  chain: "${locals.c99999}"', '  paths: "${locals.p59}"', '  v: "${v.value}"']
    local_stack.write("\n".join(start + chain + paths + end))
    local_stack.apply()
    local_stack.assert_settled()
    assert local_stack.plan("--target", "v") == {}
    assert "<svg" in local_stack.run("graph").out
    local_stack.destroy()


def test_graph_of_many_layers(local_stack):
    """Edges over many layers would be drawn with a bend in each: two million here."""
    resources = [f'  r{i}: {{type: weir.value, value: "${{length([r{i - 1}.value, r0.value])}}"}}' for i in range(1, 2000)]
    local_stack.write("\n".join(["stack: deep", "resources:", "  r0: {type: weir.value, value: a}", *resources]))
    svg = local_stack.run("graph").out
    ElementTree.fromstring(svg)
    assert svg.count("<rect") >= 2000 and len(svg) < 10_000_000
