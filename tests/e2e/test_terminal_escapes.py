"""Nothing that a service or a job says steers a terminal, also not through a pipe or out of --json."""

import json

STEERING = "\x1b]0;title\x07 \x7f \x9b2J \u202e end"


def harmless(text):
    return not any(sign in text for sign in ("\x1b", "\x07", "\x7f", "\x9b", "\u202e"))


def test_in_json_and_messages(stack, cloud):
    stack.write("stack: s\nresources: {l: {type: aws.s3.bucket, name: steering}}\n")
    for args in ((), ("--json",)):
        cloud.fail({"match": "PUT /steering", "status": 400, "times": 9, "headers": {"Content-Type": "application/xml"}, "body": f"<Error><Code>Bad</Code><Message>{STEERING.replace(chr(27), '').replace(chr(7), '')}</Message></Error>"})
        failed = stack.apply(*args, status=1)
        assert harmless(failed.out + failed.err) and "end" in failed.out + failed.err
        if args:
            assert any(chr(0x202E) in event["error"]["message"] for event in map(json.loads, failed.out.splitlines()) if event["event"] == "failed")


def test_in_ownership_tags(stack, cloud):
    """And JSON stays JSON."""
    stack.write("stack: s\nresources: {q: {type: aws.sqs.queue, name: steering}}\n").apply()
    sqs = cloud.client("sqs")
    url = sqs.list_queues()["QueueUrls"][0]
    lineage = 'lost"\\\u202e'
    sqs.tag_queue(QueueUrl=url, Tags={"weir:stack": 'lo"st\u202e', "weir:state": lineage, "weir:address": "q\u202e"})
    (found,) = [event for event in stack.run("sweep", "--json").events() if event["event"] == "stray"]
    assert (found["stack"], found["lineage"]) == ('lo"st\u202e', lineage)
    shown = stack.run("sweep", "--full")
    assert harmless(shown.out) and 'lo"st\\u' in shown.out


def test_in_names_of_folders(local_stack):
    """Of a repository that somebody else may have written to."""
    local_stack.write("stack: s\nresources: {a: {type: weir.value, value: 1}}\nrules: {r: {for: weir.value, require: '${false}', message: no, level: warning}}\n", "x\x1b]0;t\x07/weir.yaml")
    for words in (["plan", "--full"], ["plan", "--markdown", "it.md"], ["apply", "--yes"], ["drift"], ["destroy", "--yes", "--verify"]):
        shown = local_stack.run(words[0], "--all", *words[1:])
        assert harmless(shown.out + shown.err), str(shown)
        assert "x\\u001b" in shown.out or words == ["drift"]
    assert harmless((local_stack.folder / "it.md").read_text())


def test_in_policies(local_stack):
    """Which --why reads from the account."""
    local_stack.write("""
        stack: s
        resources:
          role: {type: aws.iam.role, name: steered, assume_role_policy: '${trust("glue.amazonaws.com")}', policies: {own: '${allow("s3:GetObject", "arn:aws:s3:::b/\\u202e")}'}}
    """).apply("--sandbox")
    shown = local_stack.run("--sandbox", "policy", "--why", "steered", "s3:GetObject", "arn:aws:s3:::b/x", status=2)
    assert "about other resources: arn:aws:s3:::b/\\u" in shown.out and harmless(shown.out)


def test_in_outputs(local_stack):
    local_stack.write('stack: s\nresources: {a: {type: weir.value, value: "\\x7f \\u009b2J \\u202e end"}}\noutputs: {o: {value: "${a.value}"}}\n')
    said = [local_stack.apply("--json"), local_stack.run("output", "--json"), local_stack.run("output"), local_stack.run("state", "show", "a"), local_stack.run("state", "show", "a", "--json"), local_stack.run("console", "--json", stdin="a.value\n")]
    for result in said:
        assert harmless(result.out + result.err), str(result)
    assert json.loads(said[1].out)["o"] == "\x7f \x9b2J \u202e end"
