"""weir fleet: one stack for many members, each with a state of its own; what stands at the service is counted with boto3."""

import json
import re
import signal
import subprocess
from collections import Counter

import pytest
from support import PATIENCE_S, Stack, traceable, until

LAB = """
    stack: lab
    inputs:
      owner: {type: string}
      bucket: {type: string}
      size: {type: integer, default: 1}
    fleet:
      each: {file: attendees.csv, key: mail_id}
      inputs: {owner: "${each.key}", bucket: "${each.value.bucket}"}
    providers: {aws: {default_tags: {owner: "${inputs.owner}"}}}
    resources:
      lake: {type: aws.s3.bucket, name: "${inputs.bucket}"}
      queue: {type: aws.sqs.queue, name: "${inputs.owner}-events", visibility_timeout: "${30 + inputs.size}"}
      topic: {type: aws.sns.topic, name: "${inputs.owner}-alarms"}
      network: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      half: {type: aws.ec2.subnet, vpc_id: "${network.vpc_id}", cidr_block: 10.0.1.0/24}
    outputs:
      lake: {value: "s3://${lake.name}", description: Where your files are}
      network: ${network.vpc_id}
"""


def attendees(stack, *names):
    stack.write("mail_id,bucket\n" + "".join(f"{name},{name}-lake\n" for name in names), "attendees.csv")


@pytest.fixture
def lab(tmp_path, place):
    stack = Stack(tmp_path / "stack", place)
    stack.write(LAB)
    return stack


def owners(lab):
    """Who has what, as the services say."""
    vpcs = lab.client("ec2").describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["owner"]}])["Vpcs"]
    of_vpc = sorted(tag["Value"] for vpc in vpcs for tag in vpc["Tags"] if tag["Key"] == "owner")
    buckets = sorted(bucket["Name"].removesuffix("-lake") for bucket in lab.client("s3").list_buckets()["Buckets"])
    queues = sorted(url.rsplit("/", 1)[1].removesuffix("-events") for url in lab.client("sqs").list_queues().get("QueueUrls", []))
    assert of_vpc == buckets == queues
    return buckets


# The sandbox sees the same, and sooner.
LONG_FORM = {"test_members_come_and_go[moto]"}


def test_members_come_and_go(lab):
    attendees(lab, "anna", "bob", "carla")
    lab.run("validate")
    assert "Plan: 3 of 3 members: 15 to create" in lab.run("fleet", "plan").out
    made = lab.run("fleet", "apply", "--yes")
    assert owners(lab) == ["anna", "bob", "carla"], str(made)
    assert "Plan: 0 of 3 members" in lab.run("fleet", "plan").out
    lab.assert_settled("-e", "bob")  # to all other commands a member is an environment

    letters = lab.run("fleet", "output", "--format", "markdown").out
    assert "## anna\n" in letters and "- Where your files are: `s3://carla-lake`" in letters
    assert lab.run("fleet", "output", "--format", "csv", "bob").out.splitlines()[0].split(",")[:2] == ["member", "lake"]
    assert [json.loads(line)["resources"] for line in lab.run("fleet", "status", "--json").out.splitlines()] == [5, 5, 5]

    attendees(lab, "anna", "carla", "dave")  # bob has left, and what he had is known although no file says it
    shown = lab.run("fleet", "plan").out
    assert "has left" in shown and "5 to create" in shown and "5 to delete" in shown
    lab.run("fleet", "apply", "--yes")
    assert owners(lab) == ["anna", "carla", "dave"]
    assert "bob" not in lab.run("fleet", "status").out
    assert "such as what somebody made there by hand" in lab.run("fleet", "destroy", "--yes", "--lab", "--verify").out
    assert owners(lab) == []


def test_drift_of_each_is_shown(lab):
    """What somebody did with boto3, and what is gone; one who has left the list is looked at, too."""
    attendees(lab, "anna", "bob", "carla")
    assert "No drift in 3 members; nothing was applied yet to 3 of them.\n" in lab.run("fleet", "drift").out
    assert "Nothing was applied yet." in lab.run("drift", "-e", "anna").err
    lab.run("fleet", "apply", "--yes")
    assert "No drift in 3 members.\n" in lab.run("fleet", "drift").out
    queues = lab.client("sqs")
    queues.set_queue_attributes(QueueUrl=queues.get_queue_url(QueueName="bob-events")["QueueUrl"], Attributes={"VisibilityTimeout": "77"})
    lab.client("s3").delete_bucket(Bucket="carla-lake")
    attendees(lab, "anna", "bob")
    shown = lab.run("fleet", "drift", status=2).out
    assert "Drift in 2 of 3 members.\n" in shown and "visibility_timeout: 31 -> 77" in shown and "- deleted lake" in shown and "anna" not in shown, shown
    events = lab.run("fleet", "drift", "--json", status=2).events()
    assert [(e["member"], e["address"], e.get("deleted", False)) for e in events if e["event"] == "drift"] == [("bob", "queue", False), ("carla", "lake", True)]
    assert "No drift in 1 member.\n" in lab.run("fleet", "drift", "anna").out
    lab.run("fleet", "destroy", "--yes")
    assert owners(lab) == []


def test_what_fails_for_one_stops_only_that_one(lab):
    attendees(lab, "anna", "bob", "carla")
    lab.client("s3").create_bucket(Bucket="bob-lake")  # is there already, and not weir's
    failed = lab.run("fleet", "apply", "--yes", status=1)
    assert "bob:\nerror: lake: it exists already" in failed.err and "anna" not in failed.err, str(failed)
    assert [json.loads(line)["status"] for line in lab.run("fleet", "status", "--json").out.splitlines()] == ["is up", "its last run failed", "is up"]
    lab.client("s3").delete_bucket(Bucket="bob-lake")
    again = lab.run("fleet", "plan").out
    assert "Plan: 1 of 3 members: 1 to create" in again, again
    lab.run("fleet", "apply", "--yes")
    assert owners(lab) == ["anna", "bob", "carla"]
    events = lab.run("fleet", "plan", "-i", "size=5", "--json").events()
    assert sorted(e["member"] for e in events if e["event"] == "change") == ["anna", "bob", "carla"]
    lab.run("fleet", "apply", "--yes", "bob", "-i", "size=5")
    assert "Plan: 2 of 3 members: 0 to create, 2 to update" in lab.run("fleet", "plan", "-i", "size=5").out
    lab.run("fleet", "destroy", "--yes")
    assert owners(lab) == []


def test_twenty_cost_hardly_more_calls_than_one(stack, cloud):
    lab = stack.write(LAB)
    names = [f"a{n:02}" for n in range(20)]
    attendees(lab, *names)
    lab.run("fleet", "apply", "--yes", "--over-quota")  # moto allows five VPCs
    assert owners(lab) == names

    def calls(*args):
        cloud.forget_requests()
        shown = lab.run(*args).out
        assert "No changes" in shown or "Plan: 0 of 20" in shown
        return cloud.requests()

    one, everybody = calls("plan", "-e", "a07"), calls("fleet", "plan")
    assert max(Counter(one).values()) == 1
    one_by_one = [name for name, n in Counter(everybody).items() if n >= 20]
    assert len(calls("fleet", "plan", "--quick-refresh")) <= 2 * len(calls("plan", "-e", "a07"))
    lab.client("sqs").delete_queue(QueueUrl=lab.client("sqs").list_queues()["QueueUrls"][3])
    assert "1 to create" in lab.run("fleet", "plan", "--quick-refresh").out  # listings show what is gone
    assert one_by_one == ["AmazonSQS.GetQueueAttributes"] and "DescribeVpcs" in everybody, (one, everybody)  # what no listing shows
    lab.run("fleet", "destroy", "--yes", "--verify")
    assert owners(lab) == []


def test_quotas_are_looked_at_before_anything_is_made(stack, cloud):
    """moto's Service Quotas allow five VPCs, and one is there: the default one."""
    lab = stack.write(LAB)
    limit = lab.client("service-quotas").get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"]
    there = len(lab.client("ec2").describe_vpcs()["Vpcs"])
    assert (limit, there) == (5, 1)
    attendees(lab, *(f"a{n}" for n in range(5)))
    refused = lab.run("fleet", "apply", "--yes", status=1)
    assert "VPCs: 5 more in us-east-1" in refused.err and "with 1 there and 5 allowed" in refused.err and "L-F678F1CE (vpc)" in refused.err, str(refused)
    assert owners(lab) == []
    lab.run("fleet", "apply", "--yes", "a0", "a1", "a2", "a3")
    assert owners(lab) == ["a0", "a1", "a2", "a3"]
    assert "the quotas do not allow VPCs: 1 more" in lab.run("fleet", "apply", "--yes", status=1).err
    lab.run("fleet", "apply", "--yes", "--over-quota")
    assert len(owners(lab)) == 5
    lab.run("fleet", "destroy", "--yes")


WRONG = {
    "each: {file: none.csv, key: a}": "none.csv",
    "each: {file: a.csv, key: name}": '"name" is not a column',
    "each: {file: a.csv, kee: id}, inputs: {owner: x}": '"kee" is nothing that a fleet\'s file has',
    "each: {file: a.csv}, inputs: {owner: x}": "which column of the file",
    "each: {file: twice.csv, key: id}, inputs: {owner: x}": 'line 1: "x" names two columns',
    "each: {file: bytes.csv, key: id}, inputs: {owner: x}": "line 3: this is not a UTF-8 text",
    "each: {file: lines.csv, key: id}, inputs: {owner: x}": 'line 5: "a" is a member already',
    "each: [anna, anna]": '"anna" is a member already',
    "each: [a b]": '"a b" is not a name for a member',
    "each: 3": "a list or a map",
    "inputs: {owner: x}": "has no `each`",
    "each: [a], inputs: {owner: '${inputs.owner}'}": "an input that has no value yet",
    "each: [a], inputs: {ovner: x}": 'did you mean "owner"?',
    "each: [a], every: x": '"every"',
}


@pytest.mark.parametrize("fleet", WRONG)
def test_what_is_wrong_with_it(local_stack, fleet):
    local_stack.write("id,x\na,1\n", "a.csv").write("id,x,x\na,1,2\n", "twice.csv").write('id,x\na,"1\n2"\n\na,3\n', "lines.csv")
    (local_stack.folder / "bytes.csv").write_bytes(b"id,x\na,1\nb,\xfc\n")
    local_stack.write(f"stack: lab\ninputs: {{owner: {{type: string}}}}\nfleet: {{{fleet}}}\nresources: {{a: {{type: weir.value, value: '${{inputs.owner}}'}}}}\n")
    result = local_stack.run("fleet", "plan", status=None)
    assert result.status != 0 and WRONG[fleet] in result.err + result.out and ("owner: x" not in fleet or "has no value\n" not in result.err), str(result)


SHEETS = {
    "excel": b'\xef\xbb\xbf"id","note"\r\n"anna","says ""hi"", twice"\r\n bob ,"two\r\nlines"\r\n,\r\n\r\n',
    "comma is a decimal sign": b'id;note\r\nanna;"says ""hi"", twice"\r\nbob;"two\r\nlines"\r\n;\r\n',
    "tabs": b'note\tid\n"says ""hi"", twice"\tanna\n"two\r\nlines"\tbob\n',
}


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_spreadsheets_write(local_stack, sheet):
    """And a letter of access has lines as lines, whatever is in them."""
    (local_stack.folder / "a.csv").write_bytes(SHEETS[sheet])
    lab = local_stack.write("""
        stack: lab
        inputs: {owner: {type: string}, note: {type: string}}
        fleet: {each: {file: a.csv, key: id}, inputs: {owner: "${each.key}", note: "${each.value.note}"}}
        resources: {it: {type: weir.value, value: "${inputs.owner}"}}
        outputs: {note: {value: "${inputs.note}", description: A note}, more: "``` x\\n\\n# y\\n"}
    """)
    assert "Done: 1 of 1 member (" in lab.run("fleet", "apply", "-y", "anna").out
    letters = lab.run("fleet", "output", "--format", "markdown").out
    assert letters.endswith("## bob\n\nNot made yet.\n") and '- A note: `says "hi", twice`\n' in letters and "- more: \n\n  ````\n  ``` x\n\n  # y\n  ````\n" in letters, letters
    events = lab.run("fleet", "apply", "-y", "--json").events()
    assert [(event["member"], event["status"], event["create"], event["outputs"]["note"]) for event in events if event["event"] == "result"] == [("bob", "done", 1, "two\r\nlines")]
    assert all(event["event"] for event in events)


def test_which_member(local_stack):
    local_stack.write("stack: lab\ninputs: {owner: {type: string}}\nfleet: {each: [anna, bob], inputs: {owner: '${each.key}'}}\nresources: {a: {type: weir.value, value: '${inputs.owner}'}}\n")
    assert "-e NAME picks one" in local_stack.run("plan", status=3).err
    assert 'did you mean "anna"?' in local_stack.run("plan", "-e", "ana", status=3).err
    assert 'no member "carl"' in local_stack.run("fleet", "plan", "carl", status=3).err
    assert "named as arguments" in local_stack.run("fleet", "plan", "-e", "anna", status=3).err
    local_stack.write("stack: lab\nresources: {a: {type: weir.value, value: 1}}\n")
    assert "this stack is not a fleet" in local_stack.run("fleet", "plan", status=3).err


def test_what_a_fleet_configures_goes_first(local_stack):
    """A variable or an input file for all would give every member the same names; -i for one of them is a mistake."""
    local_stack.write("stack: lab\ninputs: {owner: {type: string}, size: {type: integer, default: 1}}\nfleet: {each: [anna, bob], inputs: {owner: '${each.key}'}}\nresources: {a: {type: weir.value, value: '${inputs.owner} ${inputs.size}'}}\noutputs: {who: '${a.value}'}\n")
    local_stack.write("owner: ada\nsize: 3\n", "in.yaml")

    def who():
        return dict(line.split(",")[:2] for line in local_stack.run("fleet", "output", "--format", "csv").out.splitlines()[1:])

    shown = local_stack.run("fleet", "apply", "-y", env={"WEIR_INPUT_OWNER": "ada", "WEIR_INPUT_SIZE": "2"})
    assert who() == {"anna": "anna 2", "bob": "bob 2"}
    assert (shown.out + shown.err).count('WEIR_INPUT_OWNER: its value of "owner" is not used: the fleet configures it for each member') == 1, str(shown)
    assert "in.yaml: its value" in local_stack.run("plan", "-e", "anna", "--input-file", "in.yaml").err
    local_stack.run("fleet", "apply", "-y", "--input-file", "in.yaml")
    assert who() == {"anna": "anna 3", "bob": "bob 3"}
    assert '-i owner: the fleet configures "owner" for each member' in local_stack.run("fleet", "plan", "-i", "owner=ada", status=3).err
    # one who has left keeps what it was made with
    local_stack.write((local_stack.folder / "weir.yaml").read_text().replace("[anna, bob]", "[anna]"))
    local_stack.run("fleet", "apply", "-y", env={"WEIR_INPUT_OWNER": "ada", "WEIR_INPUT_SIZE": "3"})
    assert who() == {"anna": "anna 3"}


def test_the_list_is_an_input(local_stack):
    """From the command line, a file or a variable; who is not in it has left."""
    lab = local_stack.write("""
        stack: lab
        inputs: {people: {type: list, default: []}, owner: {type: string}}
        fleet: {each: "${inputs.people}", inputs: {owner: "${each.key}"}}
        resources: {a: {type: weir.value, value: "${inputs.owner}"}}
    """)
    assert "Plan: 2 of 2 members: 2 to create" in lab.run("fleet", "plan", "-i", "people=[ann, ben]").out
    lab.run("fleet", "apply", "-y", "-i", "people=[ann, ben]")
    lab.write("people: [ben, 3]\n", "in.yaml")
    shown = lab.run("fleet", "plan", "--input-file", "in.yaml").out
    assert "has left, is taken down" in shown and "1 to create" in shown and "1 to delete" in shown, shown
    lab.env["WEIR_INPUT_PEOPLE"] = "[ben]"
    lab.run("fleet", "apply", "-y")
    assert [json.loads(line)["member"] for line in lab.run("fleet", "status", "--json").out.splitlines()] == ["ben"]


@pytest.mark.skipif(not traceable(), reason="takes strace")
def test_the_list_is_read_once(local_stack, tmp_path):
    """And not by each member, all of it: a thousand of them would read a million lines."""
    local_stack.write("stack: lab\ninputs: {owner: {type: string}}\nfleet: {each: {file: people.csv, key: name}, inputs: {owner: '${each.key}'}}\nresources: {a: {type: weir.value, value: '${inputs.owner}'}}\n")
    local_stack.write("name\n" + "".join(f"p{n}\n" for n in range(30)), "people.csv")
    trace = tmp_path / "calls"
    subprocess.run(["strace", "-f", "-e", "trace=openat", "-o", trace, *local_stack.command("fleet", "plan")], cwd=local_stack.folder, env={**local_stack.env, "ASAN_OPTIONS": "detect_leaks=0"}, check=True, capture_output=True)
    assert len(re.findall(r"people\.csv", trace.read_text())) == 1


def test_what_is_worth_knowing(local_stack):
    """Warnings of members, the same one once; a lease that ends soon; that what is in flight is waited for after a signal."""
    lab = local_stack.write("""
        stack: lab
        inputs: {owner: {type: string}}
        lease: {for: 1h, warn: 2h}
        fleet: {each: [ann, ben], inputs: {owner: "${each.key}"}}
        resources: {a: {type: weir.value, value: "${inputs.owner}"}}
    """)
    made = lab.run("fleet", "apply", "-y")
    assert (made.out + made.err).count("no service reports the time") == 1, str(made)
    lab.run("lease", "end", "-e", "ben")
    shown = lab.run("fleet", "plan")
    assert re.search(r"ann +.*as configured; lease ends in ", shown.out) and re.search(r"ben +.*as configured; lease ended .* ago", shown.out), str(shown)
    warned = [(event["member"], event["text"].split(" ")[3]) for event in lab.run("fleet", "plan", "--json").events() if event["event"] == "warning"]
    assert sorted(warned) == [("ann", "ends"), ("ben", "ended")]

    lab.write((lab.folder / "weir.yaml").read_text().replace('value: "${inputs.owner}"', 'value: "${inputs.owner}s"'))
    assert "`weir lease extend 2h -e ben` extends it" in lab.run("fleet", "apply", "-y", status=1).err
    lab.run("fleet", "destroy", "-y")
    assert [json.loads(line)["lease"] for line in lab.run("fleet", "status", "--json").out.splitlines()] == ["", ""]

    lab.write("""
        stack: slow
        inputs: {owner: {type: string}}
        fleet: {each: [ann, ben], inputs: {owner: "${each.key}"}}
        resources:
          a: {type: weir.command, command: "touch ${inputs.owner}; until [ -e go ]; do sleep 0.02; done"}
          b: {type: weir.command, command: "touch b", depends_on: [a]}
    """)
    busy = lab.start("fleet", "apply", "-y")
    until(lambda: (lab.folder / "ann").exists() and (lab.folder / "ben").exists(), busy)
    busy.send_signal(signal.SIGINT)
    said = ""
    while "stopping" not in said:
        said += busy.stdout.readline()
    (lab.folder / "go").touch()
    busy.communicate(timeout=PATIENCE_S)
    assert busy.returncode == 130 and said.count("stopping: nothing new is started") == 1 and not (lab.folder / "b").exists(), said


@pytest.mark.full
def test_a_job_of_each(tmp_path, fast_sandbox):
    lab = Stack(tmp_path / "stack", fast_sandbox)
    lab.write("import json\n\n\ndef handler(event, context):\n    if event.get('fails') == event['owner']:\n        raise ValueError('no such day')\n    return {'hello': event['owner']}\n", "hello/main.py")
    lab.write("""
        stack: greet
        inputs: {owner: {type: string}}
        fleet: {each: [anna, bob], inputs: {owner: "${each.key}"}}
        resources:
          code: {type: aws.s3.bucket, name: "${inputs.owner}-code", force_destroy: true}
          packed: {type: weir.artifact, source: hello, store: "${code.name}"}
          role:
            type: aws.iam.role
            name: ${inputs.owner}-hello
            assume_role_policy: {Version: "2012-10-17", Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]}
          hello:
            type: aws.lambda.function
            name: ${inputs.owner}-hello
            role: ${role.arn}
            runtime: python3.11
            handler: main.handler
            code: {s3_bucket: "${packed.bucket}", s3_key: "${packed.key}"}
            environment: {OWNER: "${inputs.owner}"}
    """)
    lab.run("fleet", "apply", "--yes")
    ran = lab.run("fleet", "run", "hello", "owner=anna", "--member", "bob")
    assert 'bob: {"hello": "anna"}' in ran.out.replace('{"hello":"anna"}', '{"hello": "anna"}') and "anna: " not in ran.out, str(ran)
    named = lab.run("fleet", "run", "hello", "bob", "owner=ada")  # as the other commands take members
    assert [line.split(":")[0] for line in named.out.splitlines()] == ["bob"] and "ada" in named.out, str(named)
    assert sorted(line.split(":")[0] for line in lab.run("fleet", "run", "hello", "bob", "anna", "owner=x").out.splitlines()) == ["anna", "bob"]
    word = lab.run("fleet", "run", "hello", "anna", "--member", "bob", status=None)  # then it is the job's
    assert word.status and "anna: " not in word.out + word.err and "bob: " in word.err, str(word)
    both = lab.run("fleet", "run", "hello", "owner=x")
    assert sorted(line.split(":")[0] for line in both.out.splitlines()) == ["anna", "bob"]
    failed = lab.run("fleet", "run", "hello", "owner=x", "fails=x", status=1)
    assert "anna: " in failed.err and "no such day" in failed.out + failed.err
    lab.run("fleet", "destroy", "--yes")
    lab.run("fleet", "apply", "--yes", "--sandbox")  # each run is a process of its own, and joins
    inside = lab.run("fleet", "run", "hello", "owner=x", "--sandbox")
    assert sorted(line.split(":")[0] for line in inside.out.splitlines()) == ["anna", "bob"], str(inside)


def test_a_log_shows_that_it_goes_on(stack, cloud):
    """Without a terminal, members that take long are told of now and then: who reads nothing for minutes ends the job."""
    attendees(stack, "anna", "bob")
    stack.write("""
        stack: lab
        inputs: {owner: {type: string}}
        fleet: {each: {file: attendees.csv, key: mail_id}, inputs: {owner: "${each.key}"}}
        resources:
          first: {type: weir.value, value: 1}
          role: {type: aws.iam.role, name: "${inputs.owner}-role", assume_role_policy: '${trust("glue.amazonaws.com")}', depends_on: [first]}
    """)
    cloud.fail({"match": "CreateRole", "hold": True})
    process = stack.start("fleet", "apply", "--yes", env={"WEIR_CLOCK_SPEED": "100"})
    while "running" not in (line := process.stdout.readline()):
        assert line, process.stderr.read()
    cloud.fail()
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert re.fullmatch(r"\d done, \d running, 0 failed of 2; longest: (anna|bob) 1 of 2, create role, [0-9].*\n", line)


@pytest.mark.full
def test_shards_meet_only_in_the_store(stack, cloud):
    """Each takes its part, all at the same time; nobody is left out, nobody moves when others come."""
    lab = stack.write(LAB + "    state: {backend: s3, bucket: lab-state}\n")
    lab.client("s3").create_bucket(Bucket="lab-state")
    names = [f"a{n:02}" for n in range(12)]
    attendees(lab, *names)

    def parts():
        return [{e["member"] for e in lab.run("fleet", "plan", "--json", "--shard", f"{i}/3").events() if e["event"] == "change"} for i in (1, 2, 3)]

    before = parts()
    assert sorted(name for part in before for name in part) == names and all(before)
    shards = [lab.start("fleet", "apply", "--yes", "--over-quota", "--shard", f"{i}/3") for i in (1, 2, 3)]
    for shard in shards:
        out, err = shard.communicate()
        assert shard.returncode == 0, out + err
    made = {bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]} - {"lab-state"}
    assert made == {f"{name}-lake" for name in names}
    assert "Plan: 0 of 12 members" in lab.run("fleet", "plan").out
    assert [line.split()[0] for line in lab.run("fleet", "status").out.splitlines()[1:]] == names
    attendees(lab, *names, "b01", "b02")
    after = [{line.split()[0] for line in lab.run("fleet", "status", "--shard", f"{i}/3").out.splitlines()[1:]} for i in (1, 2, 3)]
    assert all(old <= new for old, new in zip(before, after)) and sum(map(len, after)) == 14
    for i in (3, 1, 2):
        lab.run("fleet", "destroy", "--yes", "--shard", f"{i}/3")
    assert [bucket["Name"] for bucket in lab.client("s3").list_buckets()["Buckets"]] == ["lab-state"]
    for wrong in ("0/3", "4/3", "1", "1/3x", "a/b"):
        assert "is not a part" in lab.run("fleet", "plan", "--shard", wrong, status=3).err


@pytest.mark.parametrize("json", ([], ["--json"]), ids=["text", "json"])
def test_a_full_disk(local_stack, json):
    """What a fleet prints and nobody can read is a failure, and nothing is applied that was not shown."""
    local_stack.write("stack: s\ninputs: {owner: {type: string}}\nfleet: {each: [anna, bob], inputs: {owner: '${each.key}'}}\nresources: {a: {type: weir.value, value: '${inputs.owner}'}}\n")

    def full(*words):
        with open("/dev/full", "w") as disk:
            ended = subprocess.run(local_stack.command("fleet", *words, *json), cwd=local_stack.folder, env=local_stack.env, stdin=subprocess.DEVNULL, stdout=disk, stderr=subprocess.PIPE, text=True)
        assert ended.returncode == 1 and "No space left on device" in ended.stderr, words

    full("plan")
    full("apply", "--yes")
    assert local_stack.run("state", "list", "-e", "anna").out == ""
    local_stack.run("fleet", "apply", "--yes")
    for words in (["drift"], ["status"], ["output"], ["destroy", "--yes"]):
        full(*words)
    assert local_stack.run("state", "list", "-e", "anna").out == "a\n"
