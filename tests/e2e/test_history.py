"""What the log remembers: who did what, the stack as it was, and taking things in and over."""

import json
import os
import pty
import re
import subprocess
import sys

from support import ROOT, sealed_plan, until

sys.path.append(str(ROOT / "tests/tools"))
from statelog import rewrite  # noqa: E402

VALUE = """
    stack: past
    inputs: {{word: one}}
    resources:
      a: {{type: weir.value, value: "{text} ${{inputs.word}}"}}
    outputs:
      a: {{value: "${{a.value}}"}}
"""


def runs(stack):
    return [event for event in stack.run("history", "--json").events() if event["event"] == "run"]


def test_history_lists_runs_and_what_they_changed(local_stack):
    local_stack.write(VALUE.format(text="first")).apply()
    local_stack.write(VALUE.format(text="second")).apply()
    local_stack.destroy()
    assert [(r["run"], r["command"], r["status"]) for r in runs(local_stack)] == [
        ("1", "apply", "done"), ("2", "apply", "done"), ("3", "destroy", "done")]
    assert [(r["created"], r["updated"], r["deleted"]) for r in runs(local_stack)] == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    changes = [e for e in local_stack.run("history", "2", "--json").events() if e["event"] == "run_change"]
    assert [(c["address"], c["action"]) for c in changes] == [("a", "update")]
    assert "update  a  weir.value" in local_stack.run("history", "2").out
    assert "no run 9" in local_stack.run("history", "9", status=1).err


def test_moves_are_changes_and_what_was_moved_has_its_past(local_stack):
    text = "stack: past\nresources:\n  {name}: {{type: weir.value, value: 1}}\n{moved}"
    local_stack.write(text.format(name="first", moved="")).apply()
    local_stack.write(text.format(name="second", moved="moved: [{from: first, to: second}]\n")).apply()
    local_stack.run("state", "mv", "second", "third")
    local_stack.write(text.format(name="third", moved=""))
    history = local_stack.run("history").out
    assert [(r["command"], r["created"], r["moved"]) for r in runs(local_stack)] == [("apply", 1, 0), ("apply", 0, 1), ("state mv", 0, 1)]
    assert history.count("1 moved") == 2 and "nothing changed" not in history
    shown = local_stack.run("show", "third").out
    assert re.search(r"move  second -> third .*\n +run 2 .* move  first -> second .*\n +run 1 .* create  first ", shown)
    (said,) = [e for e in local_stack.run("show", "third", "--json").events() if e["event"] == "explained"]
    assert [(one["action"], one["address"], one.get("to")) for one in said["history"]] == [("create", "first", None), ("move", "first", "second"), ("move", "second", "third")]
    local_stack.run("state", "rm", "third")
    assert runs(local_stack)[-1]["forgotten"] == 1


def test_a_state_that_others_write_steers_no_terminal(local_stack):
    local_stack.write("stack: past\nresources:\n  a: {type: weir.value, value: 1}\n")
    local_stack.apply()
    (log,) = (local_stack.folder / ".weir").glob("*.log")
    texts = ("run", "command", "owner", "status", "action", "address")
    rewrite(log, lambda record: record | {key: record[key] + "\x1b]0;mine\x07\u202e" for key in texts if key in record})
    shown = [local_stack.run(*command).out for command in (["history"], ["state", "list"])]
    shown.append(local_stack.run("history", shown[0].split()[0].encode().decode("unicode_escape")).out)
    assert all("mine" in text and "\x1b" not in text and "\u202e" not in text for text in shown), shown
    assert shown[2].count("mine") == 6, shown


def test_a_plan_that_others_wrote_steers_no_terminal(local_stack):
    """Its text is in the file; of escapes only the colours are carried out."""
    local_stack.write("stack: past\nresources:\n  a: {type: weir.value, value: 1}\n")
    local_stack.run("plan", "-o", "saved")
    saved = json.loads((local_stack.folder / "saved").read_text())
    assert "+ create  a  weir.value" in local_stack.run("show", "saved").out
    del saved["sha256"]
    (change,) = saved["changes"]
    wild = "\x1b]0;mine\x07\u202e\x1b[2Km"
    change |= {name: change.get(name, "") + wild for name in ("address", "type", "reason", "moved_from", "id")}
    change["attrs"] += [{"name": f"n{wild}", "before": wild, "after": {wild: [wild]}, "replaces": True}]
    saved["outputs"] = [{"name": wild, "after": wild}]
    saved["data_loss"] = {change["address"]: [{"message": wild, "type": wild, "id": wild, "set": wild}]}
    (local_stack.folder / "saved").write_text(sealed_plan(json.dumps(saved)[:-1]))
    for options in ([], ["--full"], ["--format", "markdown"], ["--json"]):
        out = local_stack.run("show", "saved", *options).out
        assert "mine" in out and "\\u001b[2Km" in out and not any(sign in out for sign in "\x1b\x07\u202e"), out
    master, slave = pty.openpty()
    subprocess.run(local_stack.command("show", "saved"), cwd=local_stack.folder, env={**local_stack.env, "TERM": "xterm-256color"}, stdout=slave, check=True)
    colours = os.read(master, 65536)
    os.close(slave)
    os.close(master)
    assert b"\x1b[1m" in colours and b"mine" in colours and b"\x1b]" not in colours and b"\x1b[2K" not in colours, colours


def test_a_failed_change_stands_in_the_history(stack, cloud):
    stack.write('stack: past\nresources:\n  db: {type: aws.glue.database, name: films}\n')
    cloud.fail({"match": "CreateDatabase", "status": 400, "body": '{"__type": "AccessDeniedException", "message": "no"}'})
    stack.apply(status=1)
    (run,) = runs(stack)
    assert (run["status"], run["failed"], run["created"]) == ("failed", 1, 0)


def test_going_back_is_an_ordinary_plan(local_stack):
    local_stack.write(VALUE.format(text="first")).apply("-i", "word=uno")
    local_stack.write(VALUE.format(text="second")).apply()
    assert local_stack.plan("--to", "1") == {"a": "update"}
    local_stack.apply("--to", "1")
    assert "first uno" in local_stack.run("output", "a").out
    assert local_stack.plan() == {"a": "update"}  # the file is still the second one
    local_stack.apply("--to", "2")
    local_stack.assert_settled()
    assert "no run 77" in local_stack.run("plan", "--to", "77", status=None).err


def test_going_back_over_moves(local_stack):
    """What was moved since goes back to its address of then; later files and plans know nothing of that."""
    text = "stack: past\nresources:\n  {}: {{type: weir.value, value: 1}}\n  many: {{type: weir.value, for_each: [{}], value: '${{each.key}}'}}\n{}"
    local_stack.write(text.format("first", "a, b, c", "")).apply()
    local_stack.write(text.format("second", "b, c, d", "moved:\n- {from: first, to: second}\n" + "".join(f"- {{from: 'many[\"{x}\"]', to: 'many[\"{y}\"]'}}\n" for x, y in ("ab", "bc", "cd"))))
    assert local_stack.plan() == {'many["b"]': "update", 'many["c"]': "update", 'many["d"]': "update", "second": "noop"}
    local_stack.apply()
    local_stack.assert_settled()
    local_stack.run("state", "mv", "second", "third")
    local_stack.write(text.format("third", "b, c, d", ""))
    local_stack.assert_settled()
    for to, plan in (("2", {"second": "noop"}), ("1", {'many["a"]': "update", 'many["b"]': "update", 'many["c"]': "update", "first": "noop"})):
        assert local_stack.plan("--to", to) == plan
    local_stack.apply("--to", "1")
    assert sorted(line.split()[0] for line in local_stack.run("state", "list").out.splitlines()) == ["first", 'many["a"]', 'many["b"]', 'many["c"]']
    assert local_stack.plan("--to", "1") == {}
    local_stack.apply("--to", "2")  # and forth again
    assert local_stack.plan("--to", "2") == {}
    local_stack.destroy()


def test_files_with_secrets_are_not_kept_without_a_key(local_stack):
    text = "stack: past\ninputs:\n  pw: {type: string, sensitive: true, default: hunter22}\nresources:\n  a: {type: weir.value, value: \"${inputs.pw}\"}\n"
    local_stack.write(text).apply()
    assert "hunter22" not in local_stack.state_text()
    assert "not kept" in local_stack.run("plan", "--to", "1", status=1).err


def test_secrets_of_what_is_no_target_are_not_kept_either(local_stack):
    text = "stack: past\nlocals: {pw: hunter22}\nresources:\n  a: {type: weir.value, value: v}\n  b: {type: aws.secretsmanager.secret, name: past, secret_string: \"${locals.pw}\"}\n"
    local_stack.write(text).apply("--target", "a")
    assert "hunter22" not in local_stack.state_text()
    local_stack.write(text.replace("secret_string", "description").replace("value: v", "value: w")).apply("--target", "a")
    assert "hunter22" in local_stack.state_text()


def test_with_a_key_they_are_sealed(local_stack):
    key = {"WEIR_STATE_KEY": "0f" * 32}
    text = "stack: past\ninputs:\n  pw: {type: string, sensitive: true, default: hunter22}\nresources:\n  a: {type: weir.value, value: \"${inputs.pw}\"}\n"
    local_stack.write(text).apply(env=key)
    local_stack.write(text.replace("hunter22", "hunter33")).apply(env=key)
    assert "hunter" not in local_stack.state_text()
    local_stack.apply("--to", "1", env=key)
    assert local_stack.run("plan", "--detailed-exitcode", "--to", "1", env=key).status == 0


def test_state_as_it_was(local_stack):
    local_stack.write(VALUE.format(text="first")).apply()
    seq = runs(local_stack)[0]["last_seq"]
    local_stack.write(VALUE.format(text="second")).apply()
    assert "second" in local_stack.run("state", "show", "a").out
    assert "first" in local_stack.run("state", "show", "a", "--at", seq).out


def test_pull_is_one_json_document_without_secrets(local_stack):
    local_stack.write("stack: past\ninputs:\n  pw: {type: string, sensitive: true}\nresources:\n  a: {type: weir.value, value: \"${inputs.pw}\"}\n")
    local_stack.apply("-i", "pw=hunter22")
    pulled = local_stack.run("state", "pull").out
    assert [r["address"] for r in json.loads(pulled)["resources"]] == ["a"]
    assert "hunter22" not in pulled


def test_import_records_what_is_there_and_changes_nothing(stack, cloud):
    glue = cloud.client("glue")
    glue.create_database(DatabaseInput={"Name": "films", "Description": "made by hand"})
    stack.write('stack: past\nresources:\n  db: {type: aws.glue.database, name: films, description: by weir}\n')
    stack.run("state", "import", "db", "films")
    assert glue.get_database(Name="films")["Database"]["Description"] == "made by hand"
    assert stack.plan() == {"db": "update"}
    stack.apply()
    stack.assert_settled()
    refused = stack.destroy(status=None)
    assert refused.status == 3 and "error: db would be destroyed, but it existed before this stack imported it" in refused.err and "--delete-adopted" in refused.err
    assert glue.get_databases()["DatabaseList"]
    stack.destroy("--delete-adopted")
    assert not glue.get_databases()["DatabaseList"]
    assert "there is no" in stack.run("state", "import", "db", "absent", status=3).err


def test_what_an_import_lacks_was_not_changed_by_anybody(stack, cloud):
    """Nor is it read again and again, as what weir itself has just set would be."""
    cloud.client("s3").create_bucket(Bucket="past-hand")
    stack.write("stack: past\nresources:\n  hand: {type: aws.s3.bucket, name: past-hand, versioning: true}\n")
    stack.run("state", "import", "hand", "past-hand")
    cloud.forget_requests()
    planned = stack.run("plan")
    assert "Changed outside weir" not in planned.out and "+ versioning: true" in planned.out and cloud.requests().count("GetBucketVersioning") <= 2, (cloud.requests(), planned)
    stack.apply()
    stack.assert_settled()


def test_many_that_were_there_are_one_mistake(stack, cloud):
    """There is one answer to all of them."""
    glue, names = cloud.client("glue"), [f"films{i}" for i in range(11)]
    for one in names:
        glue.create_database(DatabaseInput={"Name": one})
    imports = [{"address": f'db["{one}"]', "id": one} for one in names]
    stack.write(f"stack: past\nresources:\n  db: {{type: aws.glue.database, for_each: {json.dumps(names)}, name: '${{each.key}}'}}\nimports: {json.dumps(imports)}\n").apply()
    refused = stack.destroy(status=3).err
    assert 'error: 11 resources (db["films0"], ' in refused and " and 3 more) would be destroyed" in refused and refused.count("error:") == refused.count("weir state rm") == 1
    stack.run("state", "rm", *(f'db["{one}"]' for one in names[1:]))  # as the hint says
    assert 'error: db["films0"] would be destroyed' in stack.destroy(status=3).err
    stack.destroy("--delete-adopted")
    assert len(glue.get_databases()["DatabaseList"]) == 10


def test_adopt_existing_shows_in_the_plan(stack, cloud):
    cloud.client("glue").create_database(DatabaseInput={"Name": "films", "Description": "made by hand"})
    stack.write('stack: past\nresources:\n  db: {type: aws.glue.database, name: films, description: by weir, adopt: existing}\n')
    assert stack.plan() == {"db": "adopt"}
    stack.apply()
    stack.assert_settled()


TAKEN = """
    stack: past
    resources:
      alarm: {type: aws.cloudwatch.alarm, name: taken, namespace: X, metric_name: m, statistic: Sum, period: 60, evaluation_periods: 1, threshold: 9, comparison_operator: GreaterThanThreshold}
      rule: {type: aws.events.rule, name: taken, schedule_expression: rate(1 day)}
      topic: {type: aws.sns.topic, name: taken}
      queue: {type: aws.sqs.queue, name: taken}
      cluster: {type: aws.ecs.cluster, name: taken}
      activity: {type: aws.stepfunctions.activity, name: taken}
      filter: {type: aws.logs.metric_filter, log_group: taken, name: taken, pattern: WARN, transformations: [{metric_name: a, metric_namespace: b, metric_value: "1"}]}
"""


def test_what_others_made_is_not_overwritten(stack, cloud):
    """These services make and change with one call, and say nothing when there is one already."""
    cloud.client("cloudwatch").put_metric_alarm(AlarmName="taken", Namespace="X", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=5, ComparisonOperator="GreaterThanThreshold")
    cloud.client("events").put_rule(Name="taken", ScheduleExpression="rate(5 minutes)")
    cloud.client("sns").create_topic(Name="taken")
    cloud.client("sqs").create_queue(QueueName="taken")
    cloud.client("ecs").create_cluster(clusterName="taken")
    cloud.client("stepfunctions").create_activity(name="taken")
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="taken")
    logs.put_metric_filter(logGroupName="taken", filterName="taken", filterPattern="ERROR", metricTransformations=[{"metricName": "a", "metricNamespace": "b", "metricValue": "1"}])
    stack.write(TAKEN)
    refused = stack.apply(status=1)
    assert "7 resources failed" in refused.err and "did not make it" in refused.err and "adopt: existing" in refused.err, refused.err
    assert cloud.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["Threshold"] == 5
    assert cloud.client("events").describe_rule(Name="taken")["ScheduleExpression"] == "rate(5 minutes)"
    assert logs.describe_metric_filters()["metricFilters"][0]["filterPattern"] == "ERROR"
    assert not stack.addresses()

    cloud.reset()
    cloud.client("logs").create_log_group(logGroupName="taken")
    stack.apply()
    stack.assert_settled()


ALIKE = """
    stack: past
    resources:
      mail: {{type: aws.sns.subscription, topic: "{topic}", protocol: sqs, endpoint: "{queue}", raw_message_delivery: true}}
      other: {{type: aws.sns.subscription, topic: "{topic}", protocol: email, endpoint: a@example.com}}
      json: {{type: aws.sns.subscription, topic: "{topic}", protocol: email-json, endpoint: a@example.com, depends_on: [other]}}
      machine: {{type: aws.stepfunctions.state_machine, name: taken, role: "{role}", definition: {definition}}}
      alias: {{type: aws.stepfunctions.alias, state_machine: other, name: live, routing: [{{version: "{version}", weight: 100}}]}}
      targets: {{type: aws.elbv2.target_group, name: taken, target_type: lambda}}
"""


def test_what_others_made_alike_is_not_claimed(stack, cloud):
    """These creations answer with what is there already, if it is the same: to destroy the stack would take it from whoever made it."""
    sns, states, definition = cloud.client("sns"), cloud.client("stepfunctions"), '{"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}'
    names = {"topic": sns.create_topic(Name="taken")["TopicArn"], "role": cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]}
    names["queue"] = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.client("sqs").create_queue(QueueName="taken")["QueueUrl"], AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    names["version"] = states.create_state_machine(name="other", definition=definition, roleArn=names["role"], publish=True)["stateMachineVersionArn"]
    states.create_state_machine(name="taken", definition=definition, roleArn=names["role"])
    states.create_state_machine_alias(name="live", routingConfiguration=[{"stateMachineVersionArn": names["version"], "weight": 100}])
    cloud.client("elbv2").create_target_group(Name="taken", TargetType="lambda")
    sns.subscribe(TopicArn=names["topic"], Protocol="sqs", Endpoint=names["queue"])
    stack.write(ALIKE.format(definition=definition, **names))
    refused = stack.apply(status=1)
    assert "4 resources failed" in refused.err and "did not make it" in refused.err and "the same for 3 others: " in refused.err, refused.err
    assert set(stack.addresses()) == {"other", "json"}
    stack.destroy()
    assert len(sns.list_subscriptions()["Subscriptions"]) == 1 and len(states.list_state_machines()["stateMachines"]) == 2
    assert cloud.client("elbv2").describe_target_groups()["TargetGroups"]


def test_what_others_made_is_not_overwritten_after_a_kill(stack, cloud):
    """The first run was killed while it looked: whether it had made something is not known, and what is there is still others'."""
    cloud.client("events").put_rule(Name="taken", ScheduleExpression="rate(5 minutes)")
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="taken")
    logs.put_metric_filter(logGroupName="taken", filterName="taken", filterPattern="ERROR", metricTransformations=[{"metricName": "a", "metricNamespace": "b", "metricValue": "1"}])
    stack.write("\n".join(line for line in TAKEN.splitlines() if not line.lstrip().startswith(("alarm:", "topic:", "queue:", "cluster:", "activity:"))))
    cloud.fail({"match": "Describe", "times": 9, "hold": True})
    process = stack.start("apply", "--yes")
    until(lambda: {"DescribeRule", "DescribeMetricFilters"} <= {label.rpartition(".")[2] for label in cloud.requests()}, process=process)
    process.kill()
    process.communicate()
    cloud.fail()

    refused = stack.apply(status=1)
    assert "2 resources failed" in refused.err and "adopt: existing" in refused.err, refused.err
    assert cloud.client("events").describe_rule(Name="taken")["ScheduleExpression"] == "rate(5 minutes)"
    assert logs.describe_metric_filters()["metricFilters"][0]["filterPattern"] == "ERROR"
    assert not stack.addresses()


def test_a_lost_state_is_found_again_by_its_marks(stack, cloud):
    stack.write('stack: past\nresources:\n  role: {type: aws.iam.role, name: etl, assume_role_policy: \'${trust("glue.amazonaws.com")}\'}\n')
    stack.apply()
    stack.log().unlink()
    stack.run("state", "doctor", "--accept-loss")  # a second place remembers that there was one
    stack.apply()
    stack.assert_settled()
    assert len([r for r in cloud.client("iam").list_roles()["Roles"] if r["RoleName"] == "etl"]) == 1
    stack.destroy()


def test_doctor_and_unlock(local_stack):
    local_stack.write(VALUE.format(text="first")).apply()
    checks = local_stack.run("state", "doctor", "--json").events()
    assert checks and all(check["ok"] for check in checks)
    assert "not locked" in local_stack.run("state", "unlock").err
    log = local_stack.log()
    damaged = log.read_bytes().replace(b'"kind":"done"', b'"kind":"gone"', 1)
    log.write_bytes(damaged)
    assert local_stack.run("state", "doctor", status=1).err


def test_migrate_to_another_file_and_back(local_stack, tmp_path):
    local_stack.write(VALUE.format(text="first")).apply()
    there = {"backend": "file", "path": str(tmp_path / "elsewhere")}
    moved = local_stack.run("state", "migrate", json.dumps(there)).err
    assert "records moved" in moved
    assert "moved" in local_stack.apply(status=1).err  # the old place is closed
    for looking in ["plan"], ["drift"], ["output"], ["jobs"]:  # what it says may have been overtaken
        refused = local_stack.run(*looking, status=1)
        assert "the state was moved to" in refused.err and "let `state:` in the stack say so" in refused.err and refused.out == ""
    assert local_stack.run("history").out and local_stack.addresses()
    local_stack.write(VALUE.format(text="first") + f"\n    state: {json.dumps(there)}\n")
    local_stack.assert_settled()
    assert len(runs(local_stack)) >= 1


def test_a_key_that_kms_guards(stack, cloud):
    kms_key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    text = 'stack: past\ninputs:\n  pw: {type: string, sensitive: true}\nresources:\n  a: {type: weir.value, value: "${inputs.pw}"}\noutputs:\n  pw: {value: "${a.value}", sensitive: true}\n'
    key = stack.write(text).run("state", "key", kms_key).out.strip()
    assert key.startswith("kms:")
    stack.write(text + f'state: {{key: "{key}"}}\n').apply("-i", "pw=hunter22")
    assert "$sealed" in stack.state_text() and "hunter22" not in stack.state_text()
    stack.assert_settled("-i", "pw=hunter22")
    assert stack.run("plan", "--detailed-exitcode", "-i", "pw=hunter23", status=2)
    cloud.fail({"match": "Decrypt", "status": 400, "times": 9, "body": '{"__type": "AccessDeniedException", "message": "no"}'})
    assert "opening the state key" in stack.run("output", "-i", "pw=hunter22", status=1).err


def test_a_stack_becomes_two(stack, cloud):
    """What is let go of here and taken over there: a plan there says whose it was, and --verify here that it still bears its marks, which is not a leftover."""
    sqs = cloud.client("sqs")
    queue = "  q: {type: aws.sqs.queue, name: parted-q}\n"
    stack.write("stack: first\nresources:\n  t: {type: aws.sns.topic, name: parted-t}\n" + queue).apply()
    second = "stack: second\nresources:\n" + queue + "imports: [{address: q, id: parted-q}]\n"
    assert 'warning: importing q: it has the ownership tags of the stack "first"' in stack.write(second).run("plan").err
    first = stack.write("stack: first\nresources:\n  t: {type: aws.sns.topic, name: parted-t}\nremoved: [{address: q, destroy: false}]\n")
    first.apply()
    stack.write(second).apply()
    stack.assert_settled()
    first.write("stack: first\nresources:\n  t: {type: aws.sns.topic, name: parted-t}\n")
    url = sqs.get_queue_url(QueueName="parted-q")["QueueUrl"]
    done = first.run("destroy", "--yes", "--verify")  # its id is no part of the ARN that bears the marks
    assert "Nothing is left but what was forgotten: neither" in done.out and re.search(r"Forgotten:\n  \S*parted-q  aws.sqs.queue: has this stack's ownership tags \(q\)\n$", done.out), str(done)
    events = first.run("destroy", "--yes", "--verify", "--json").events()
    assert [(e["event"], e.get("id", e.get("left"))) for e in events if e["event"] in ("leftover", "forgotten", "verified")] == [("forgotten", url), ("verified", 0)]
    first.write("stack: first\nresources:\n" + queue + "imports: [{address: q, id: parted-q}]\n").apply()  # taken in again and lost sight of, it is its own
    first.run("state", "rm", "q")
    first.write("stack: first\nresources:\n  t: {type: aws.sns.topic, name: parted-t}\n")
    assert re.search(r"parted-q  aws.sqs.queue: has this stack's ownership tags \(q\)", first.run("destroy", "--yes", "--verify", status=5).out)
    sqs.delete_queue(QueueUrl=url)
    first.run("destroy", "--yes", "--verify")
