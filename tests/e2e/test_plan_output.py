"""What people see: plans in their compact form, saved ones, as Markdown; errors with one cause; habits from other tools."""

import json
import re
import shutil
from xml.etree import ElementTree

import pytest

from support import ROOT, Stack

BUCKET = "stack: shown\nresources: {{lake: {{type: aws.s3.bucket, name: {name}, force_destroy: true{more}}}}}\n"


def test_a_replacement_shows_only_what_changes(stack):
    stack.write(BUCKET.format(name="shown-one", more="")).apply()
    out = stack.write(BUCKET.format(name="shown-two", more="")).run("plan").out
    assert re.search(r'~ name: +"shown-one" -> "shown-two"  # forces replacement', out) and "force_destroy" not in out, out


def test_resources_are_counted_once_each(stack):
    """A replacement is a deletion and a creation, of one resource."""
    stack.write(BUCKET.format(name="shown-count", more="")).apply()
    events = stack.write(BUCKET.format(name="shown-recount", more="")).apply("--json").events()
    assert [e["replace"] for e in events if e["event"] == "result"] == [1]
    assert not [e for e in events if e["event"] == "result"][0]["delete"]


def test_an_import_that_changes_is_an_update_too(stack, cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="shown-there")
    body = BUCKET.format(name="shown-there", more=", versioning: true") + "imports: [{address: lake, id: shown-there}]\n"
    out = stack.write(body).run("plan").out
    assert "# id shown-there, then updated" in out and "versioning" in out, out
    assert "Plan: 0 to create, 1 to update, 0 to replace, 0 to delete, 1 to import." in out, out
    summary = [e for e in stack.run("plan", "--json").events() if e["event"] == "summary"][0]
    assert summary["update"] == summary["adopt"] == 1
    assert "**1** to update, **1** to import" in stack.run("plan", "--format", "markdown").out
    assert "Done: 1 updated, 1 imported" in stack.apply().out
    assert s3.get_bucket_versioning(Bucket="shown-there")["Status"] == "Enabled"
    s3.create_bucket(Bucket="shown-same")
    out = Stack(stack.folder / "same", cloud).write("stack: same\nresources: {lake: {type: aws.s3.bucket, name: shown-same}}\nimports: [{address: lake, id: shown-same}]\n").run("plan").out
    assert "0 to update, 0 to replace, 0 to delete, 1 to import." in out and "updated" not in out, out


def test_a_saved_plan_is_shown_without_its_stack(stack, tmp_path):
    stack.write("""
        stack: kept
        inputs: {password: {type: string, sensitive: true}}
        resources:
          lake: {type: aws.s3.bucket, name: kept-lake}
          secret: {type: aws.secretsmanager.secret, name: kept, secret_string: '${inputs.password}'}
    """)
    given = ["-i", "password=hush-hush"]
    planned = stack.run("plan", "-o", "it.plan", *given).out
    full, page, events = (stack.run("plan", *given, *more).out for more in (["--full"], ["--format", "markdown"], ["--json"]))
    elsewhere = Stack(tmp_path / "elsewhere")
    (elsewhere.folder / "it.plan").write_bytes((stack.folder / "it.plan").read_bytes())
    time = re.compile(r"in [\d.]+ m?s\.")

    def same(a, b):
        return time.sub("", a) == time.sub("", b)
    assert same(elsewhere.run("show", "it.plan").out, planned) and "\033" not in planned
    assert same(elsewhere.run("show", "it.plan", "--full").out, full) and full != planned
    assert same(elsewhere.run("show", "-format=markdown", "it.plan").out, page)
    kinds = [e["event"] for e in elsewhere.run("show", "--json", "it.plan").events()]
    assert kinds == [json.loads(line)["event"] for line in events.splitlines() if not json.loads(line)["event"].startswith("refresh")]
    assert "hush-hush" not in (stack.folder / "it.plan").read_text()
    assert "weir state list" in elsewhere.run("show", status=3).err
    assert "there is no weir.yaml" in elsewhere.run("show", "lake", status=3).err  # an address takes a stack
    assert "not a saved plan" in stack.run("show", "weir.yaml", status=3).err


def test_what_other_tools_write_works(stack, cloud):
    stack.write("stack: habits\ninputs: {name: string}\nresources: {lake: {type: aws.s3.bucket, name: '${inputs.name}'}, other: {type: aws.s3.bucket, name: '${inputs.name}-2'}}\n")
    stack.write("name: habits-lake\n", "vars.yaml")
    stack.run("plan", "-out=tf.plan", "-target=lake", "-var", "name=habits-lake", "-input=false", "-no-color", "-lock-timeout=1s")
    assert {path.name for path in stack.folder.iterdir()} >= {"tf.plan"} and not list(stack.folder.glob("ut=*"))
    stack.run("apply", "-auto-approve", "tf.plan")
    assert stack.addresses() == ["lake"]
    stack.run("apply", "-auto-approve", "-var-file=vars.yaml", "-parallelism=2")
    stack.run("state", "remove", "other")
    stack.run("import", "other", "habits-lake-2", "-var", "name=habits-lake")
    assert stack.addresses() == ["lake", "other"]
    stack.run("-chdir=" + str(stack.folder), "plan", "-detailed-exitcode", "-refresh=false", "-var-file", "vars.yaml")
    stack.run("fmt", "-check", "-recursive", status=None)
    stack.run("destroy", "-auto-approve", "-var-file=vars.yaml", "-force-empty", "-delete-adopted")
    assert not cloud.client("s3").list_buckets()["Buckets"]


@pytest.mark.parametrize("line, says", {
    "taint lake": "--replace ADDRESS", "untaint lake": "--replace", "refresh": "weir drift", "workspace list": "-e NAME", "providers": "weir docs",
    "get": "pins and fetches", "state push": "weir state migrate", "force-unlock 1": "weir state unlock", "up": "weir apply", "apply -destroy": "weir destroy",
    "plan -refresh-only": "weir drift", "plan -lock=false": "--lock-timeout", "validate -backend-config=x": "`state:`", "aply": 'did you mean "apply"?',
}.items())
def test_other_habits_get_a_hint(stack, line, says):
    err = stack.run(*line.split(), status=3).err
    assert "unknown " in err and says in err.split("hint:")[1], err


MANY = """
    stack: one-cause
    data: {zones: {type: aws.ec2.availability_zones}}
    resources:
      queue: {type: aws.sqs.queue, name: 'cause-${each.key}', for_each: [a, b, c, d]}
      role: {type: aws.iam.role, name: cause, assume_role_policy: '${trust("glue.amazonaws.com")}'}
      there: {type: aws.sqs.queue, name: 'cause-${zones.names[0]}'}
"""


@pytest.mark.parametrize("env, says", [
    ({"AWS_ENDPOINT_URL": "http://192.168.7.7:5000"}, "will not send requests to 192.168.7.7:5000 over plain HTTP"),
    ({"AWS_ENDPOINT_URL": "192.168.7.7:5000"}, 'endpoint: "192.168.7.7:5000" is not a URL'),
    ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot connect to 127.0.0.1:9: connection refused"),
    ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials"),
    ({"AWS_REGION": "eu-wst-1", "AWS_ENDPOINT_URL": ""}, '"eu-wst-1" is not an AWS region'),
    ({"AWS_PROFILE": "nobody", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, 'no profile "nobody"'),
], ids=["plain HTTP", "no URL", "refused", "no credentials", "no region", "no profile"])
def test_one_cause_is_one_error(stack, env, says):
    stack.env |= {"AWS_MAX_ATTEMPTS": "1", **env}
    for command in ["plan"], ["apply", "--yes"]:
        err = stack.write(MANY).run(*command, status=None).err
        assert err.count("error:") == 1 and err.count(says) == 1 and "index" not in err, err


def test_one_cause_while_applying_is_told_once(stack, cloud):
    stack.write("stack: one-cause\nresources: {queue: {type: aws.sqs.queue, name: 'cause-${each.key}', for_each: [a, b, c, d, e]}}\n")
    denied = {"__type": "com.amazonaws.sqs#AccessDeniedException", "message": "not you"}
    cloud.fail({"match": "CreateQueue", "times": 99, "status": 403, "headers": {"Content-Type": "application/x-amz-json-1.0"}, "body": json.dumps(denied)})
    err = stack.apply(status=1).err
    assert err.count("not you") == 1 and "the same for 4 others: " in err, err


def test_a_large_plan_is_short(tmp_path):
    """61 resources were 1,054 lines."""
    stack = Stack(tmp_path / "ops")
    shutil.copytree(ROOT / "examples/airflow-ops", stack.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".weir"))
    out, full, page = (stack.run("plan", "--sandbox", *more).out for more in ([], ["--full"], ["--format", "markdown"]))
    created = int(re.search(r"Plan: (\d+) to create", out)[1])
    assert out.count("\n") < 6 * created < full.count("\n") and len(page) < 65536
    assert max(map(len, out.splitlines())) < 200
    modules = re.findall(r"^(Module [\w/]+|The stack itself):$", out, re.M)
    assert len(modules) == len(set(modules)) and modules.index("Module network") < min(modules.index("Module warehouse"), modules.index("Module airflow"))
    addresses = re.findall(r"^  \+ create  (\S+)", out, re.M)
    assert addresses.index("network/vpc") < addresses.index("network/nat") and len(addresses) == created == sum(map(int, re.findall(r"^  (?:aws|AWS)\S+ +(\d+) to create$", out, re.M)))
    assert not [line for line in page.splitlines() if line.startswith("-")]


def test_the_graph_has_frames_a_legend_and_nothing_that_is_left_out(local_stack):
    local_stack.write("""
        stack: drawn
        inputs: {nightly: {type: boolean, default: false}}
        modules: {jobs: {source: ./jobs, nightly: "${inputs.nightly}"}}
        data: {me: {type: aws.sts.caller_identity}}
        resources:
          lake: {type: aws.s3.bucket, name: "drawn-${me.account}"}
          mail: {type: aws.sns.topic, name: drawn, when: "${inputs.nightly}"}
          none: {type: aws.s3.bucket, name: "drawn-${each.key}", for_each: []}
    """)
    local_stack.write("""
        inputs: {nightly: {type: boolean}}
        resources:
          queue: {type: aws.sqs.queue, name: drawn}
          timer: {type: aws.sqs.queue, name: drawn-timer, when: "${inputs.nightly}"}
    """, "jobs/weir.yaml")
    for more, boxes in ([], {"me", "lake", "queue"}), (["-i", "nightly=true"], {"me", "lake", "queue", "mail", "timer"}):
        tree = ElementTree.fromstring(local_stack.run("graph", *more).out)
        svg = "{http://www.w3.org/2000/svg}"
        assert {text.text for text in tree.iter(svg + "text") if text.get("font-weight") == "bold"} == boxes
        (frame,) = [rect for rect in tree.iter(svg + "rect") if rect.get("class") == "module"]
        assert "jobs" in [text.text for text in tree.iter(svg + "text")] and float(frame.get("width")) > 0
        (legend,) = [group for group in tree.iter(svg + "g") if group.get("class") == "legend"]
        assert "data source" in [text.text for text in legend.iter(svg + "text")]
        dot = local_stack.run("graph", "--format", "dot", *more).out
        assert "subgraph cluster_" in dot and ('"mail"' in dot) == bool(more) and '"me" -> "lake"' in dot
