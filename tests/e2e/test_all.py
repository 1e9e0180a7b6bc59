"""--all: the stacks of a repository in the order of their references; what is there is looked at with boto3."""

import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from support import Stack, until

MODULE = """
    inputs: {name: {type: string}, versions: {type: boolean, default: false}}
    resources:
      bucket: {type: aws.s3.bucket, name: "${inputs.name}", versioning: "${inputs.versions}"}
    outputs: {arn: "${bucket.arn}"}
"""
# In three levels: net and data/lake; apps/shop, apps/web; top. apps/admin is alone.
STACKS = {
    "net": """
        stack: net
        resources:
          vpc: {type: aws.ec2.vpc, cidr_block: 10.7.0.0/16}
          subnet: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.7.1.0/24}
        outputs: {vpc: "${vpc.vpc_id}", zone: here}
    """,
    "data/lake": """
        stack: lake
        modules: {b: {source: ../../modules/bucket, name: all-lake}}
        outputs: {bucket: "${b.arn}"}
    """,
    **{
        f"apps/{name}": f"""
        stack: {name}
        data:
          net: {{type: weir.stack, stack: net, dir: ../../net}}
          lake: {{type: weir.stack, stack: lake, dir: ../../data/lake}}
        resources:
          group: {{type: aws.ec2.security_group, name: {name}, description: "of ${{net.outputs.zone}}", vpc_id: "${{net.outputs.vpc}}"}}
          parameter: {{type: aws.ssm.parameter, name: /all/{name}, parameter_type: String, value: "${{lake.outputs.bucket}}"}}
        outputs: {{group: "${{group.group_id}}"}}
        """
        for name in ("shop", "web")
    },
    "apps/admin": """
        stack: admin
        modules: {b: {source: ../../modules/bucket, name: all-admin}}
    """,
    "top": """
        stack: top
        data: {shop: {type: weir.stack, stack: shop, dir: ../apps/shop}}
        resources:
          parameter: {type: aws.ssm.parameter, name: /all/top, parameter_type: String, value: "${shop.outputs.group}"}
    """,
}


def write_stacks(top):
    for folder, text in STACKS.items():
        top.write(text, f"{folder}/weir.yaml")
    return top.write(MODULE, "modules/bucket/weir.yaml")


@pytest.fixture
def repository(tmp_path, place):
    """With a `weir.yaml` that is a module, which is no stack."""
    return write_stacks(Stack(tmp_path / "stack", place))


def there(stack):
    """What the services have, by name."""
    ssm, ec2, s3 = (stack.client(name) for name in ("ssm", "ec2", "s3"))
    names = {p["Name"] for p in ssm.get_parameters_by_path(Path="/all", Recursive=True)["Parameters"]}
    names |= {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "tag-key", "Values": ["weir:stack"]}])["Vpcs"]
    groups = ec2.describe_security_groups(Filters=[{"Name": "tag-key", "Values": ["weir:stack"]}])["SecurityGroups"]
    assert all(group["VpcId"] == vpcs[0]["VpcId"] for group in groups)
    return names | {vpc["CidrBlock"] for vpc in vpcs} | {group["GroupName"] for group in groups}


ALL = {"/all/shop", "/all/web", "/all/top", "all-lake", "all-admin", "10.7.0.0/16", "shop", "web"}


def changes(result):
    return sorted((e["folder"], e["address"], e["action"]) for e in result.events() if e["event"] == "change" and e["action"] != "read")


# The sandbox sees the same, and sooner.
LONG_FORM = {"test_outputs_are_unknown_then_known[moto]"}


def test_outputs_are_unknown_then_known(repository, tmp_path):
    """Planned whole before anything is there; then made level by level, and taken down backwards."""
    shown = repository.run("plan", "--all", "--markdown", "plan.md", "--junit", "plan.xml", "--detailed-exitcode", status=2).out
    assert "Plan: 6 of 6 stacks: 9 to create" in shown and 'description: "of here"' in shown and "vpc_id:      (known after apply)" in shown, shown
    page = (repository.folder / "plan.md").read_text()
    assert page.count("### weir plan: ") == 7 and "| `apps/shop` | 2 |" in page and "known after apply" in page
    suite = ElementTree.parse(repository.folder / "plan.xml").getroot()
    assert [case.get("name") for case in suite] == sorted(STACKS) and suite.get("failures") == "0"
    assert there(repository) == set()

    made = repository.run("apply", "--all", "--yes").out
    assert "Done: 6 of 6 stacks" in made and there(repository) == ALL, made
    ssm = repository.client("ssm")
    group = repository.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["shop"]}])["SecurityGroups"][0]
    assert ssm.get_parameter(Name="/all/top")["Parameter"]["Value"] == group["GroupId"]
    assert "Plan: 0 of 6 stacks" in repository.run("plan", "--all", "--detailed-exitcode").out
    repository.run("plan", "-C", "top", "--detailed-exitcode")  # each by itself sees the same

    repository.write(MODULE.replace("default: false", "default: true"), "modules/bucket/weir.yaml")
    assert changes(repository.run("plan", "--all", "--json")) == [("apps/admin", "b/bucket", "update"), ("data/lake", "b/bucket", "update")]
    repository.write(STACKS["net"].replace("zone: here", "zone: there"), "net/weir.yaml")  # known already: it is no less of a change
    planned = changes(repository.run("plan", "--all", "--json"))
    assert [folder for folder, _, action in planned if action == "replace"] == ["apps/shop", "apps/web"], planned

    ssm.put_parameter(Name="/all/top", Value="by hand", Overwrite=True)
    drift = repository.run("drift", "--all", "--junit", "drift.xml", status=2).out
    assert "Drift in 1 of 6 stacks.\n" in drift and "by hand" not in drift
    failures = {case.get("name"): case.findtext("failure") for case in ElementTree.parse(repository.folder / "drift.xml").getroot() if case.find("failure") is not None}
    assert list(failures) == ["top"] and "parameter" in failures["top"]

    events = repository.run("destroy", "--all", "--yes", "--verify", "--json").events()
    ends = [e["folder"] for e in events if e["event"] == "result"]
    assert sorted(ends) == sorted(STACKS) and there(repository) == set()
    assert ends.index("top") < ends.index("apps/shop") < min(ends.index("net"), ends.index("data/lake"))
    assert "Nothing is left of 6 stacks" in repository.run("destroy", "--all", "--yes", "--verify").out


def test_what_fails_stops_those_that_refer_to_it(repository):
    """The others go on; the same command does the rest when it is put right."""
    repository.client("s3").create_bucket(Bucket="all-lake")  # is there already, and not weir's
    failed = repository.run("apply", "--all", "--yes", "--junit", "apply.xml", status=1)
    assert "data/lake:\nerror: b/bucket: it exists already" in failed.err, str(failed)
    assert "apps/shop, apps/web:\nerror: skipped: it refers to data/lake, which failed" in failed.err, str(failed)
    assert "top:\nerror: skipped: it refers to apps/shop, which was skipped" in failed.err
    assert "Done: 2 of 3 stacks, 1 failed, 3 skipped" in failed.out and there(repository) == {"all-lake", "all-admin", "10.7.0.0/16"}
    cases = {case.get("name"): [part.tag for part in case] for case in ElementTree.parse(repository.folder / "apply.xml").getroot()}
    assert cases["data/lake"] == ["failure"] and cases["top"] == cases["apps/web"] == ["skipped"] and cases["net"] == []
    repository.client("s3").delete_bucket(Bucket="all-lake")
    assert "Done: 4 of 4 stacks" in repository.run("apply", "--all", "--yes").out
    assert there(repository) == ALL

    repository.client("s3").put_object(Bucket="all-lake", Key="kept", Body=b"x")  # may not be deleted, and what it refers to need not wait
    failed = repository.run("destroy", "--all", "--yes", status=3)
    assert "data/lake:\nerror: deletions that are blocked" in failed.err and "Done: 5 of 5 stacks" in failed.out and there(repository) == {"all-lake"}, str(failed)
    repository.run("destroy", "--all", "--yes", "--force-empty")
    assert there(repository) == set()


def test_mistakes_are_all_told(tmp_path):
    """Without a service: of every stack; a circle with all its places; what is not for several stacks."""
    top = write_stacks(Stack(tmp_path / "stack"))
    valid = top.run("validate", "--all")
    assert "6 of 6 stacks are valid.\n" in valid.out and "modules" not in valid.out
    assert {e["folder"]: e["resources"] for e in top.run("validate", "--all", "--json").events()}["apps/shop"] == 2
    top.write("stack: admin\nresources: {b: {type: aws.s3.buckt}}\n", "apps/admin/weir.yaml")
    top.write("stack: [\n", "net/weir.yaml")
    wrong = top.run("validate", "--all", "--junit", "v.xml", status=3)
    assert "4 of 6 stacks are valid." in wrong.out and "did you mean" in wrong.err and "net/weir.yaml:2" in wrong.err, str(wrong)
    assert ElementTree.parse(top.folder / "v.xml").getroot().get("failures") == "2"

    write_stacks(top).write(STACKS["net"] + '\n        data: {top: {type: weir.stack, stack: top, dir: ../top}}', "net/weir.yaml")
    for command in (["validate"], ["plan"], ["apply", "--yes"], ["destroy", "--yes"]):
        circle = top.run(*command, "--all", status=3).err
        assert "stacks refer to each other in a circle: apps/shop, net, top, apps/shop" in circle, circle
        assert all(f"{place}/weir.yaml:" in circle for place in ("apps/shop", "net", "top")), circle
    write_stacks(top)
    assert "no stack has an input" in top.run("plan", "--all", "-i", "owner=x", status=3).err
    assert "--target is for one stack" in top.run("plan", "--all", "--target", "x", status=3).err
    assert "-C apps names another folder" in top.run("plan", "apps", status=3).err
    assert "--junit goes with --all" in top.run("plan", "--junit", "x", status=3).err
    assert "no stack is below modules" in top.run("plan", "--all", "modules", status=3).err
    assert "3 of 3 stacks are valid" in top.run("validate", "--all", "apps").out
    assert "there is no folder" in top.run("plan", "--all", "nowhere", status=3).err


def test_inputs_and_environments(tmp_path, cloud):
    """-i reaches those that have it; a stack without environments has one state for all."""
    top = Stack(tmp_path / "stack", cloud)
    top.write("stack: one\nresources: {v: {type: weir.value, value: 1}}\noutputs: {v: one}\n", "one/weir.yaml")
    top.write("""
        stack: two
        inputs: {owner: {type: string}, size: {type: integer}}
        environments: {dev: {size: 1}, prod: {size: 2}}
        data: {one: {type: weir.stack, stack: one, dir: ../one}}
        resources: {v: {type: weir.value, value: "${inputs.owner} ${inputs.size} ${one.outputs.v}"}}
        outputs: {v: "${v.value}"}
    """, "two/weir.yaml")
    top.run("apply", "--all", "-e", "prod", "-i", "owner=ada", "--yes")
    assert "ada 2 one" in top.run("output", "-C", "two", "-e", "prod", "-i", "owner=ada").out
    assert (top.folder / "one/.weir/one.log").exists() and (top.folder / "two/.weir/two.prod.log").exists()
    assert 'there is no environment "test"' in top.run("plan", "--all", "-e", "test", "-i", "owner=ada", status=3).err
    (top.folder / "inputs.yaml").write_text("owner: bob\n")
    assert "Plan: 1 of 2 stacks" in top.run("plan", "--all", "-e", "prod", "--input-file", "inputs.yaml").out


def test_one_sandbox_for_all(tmp_path):
    """No .weir has to be there before; each stack finds it by itself afterwards."""
    top = write_stacks(Stack(tmp_path / "stack"))
    assert "Done: 6 of 6 stacks" in top.run("apply", "--all", "--sandbox", "--yes").out
    assert (top.folder / ".weir/sandbox").is_dir() and not list(top.folder.glob("*/.weir")) and not list(top.folder.glob("*/*/.weir"))
    assert "Plan: 0 of 6 stacks" in top.run("plan", "--all", "--sandbox").out
    assert "No changes" in top.run("plan", "--sandbox", "-C", "apps/web").out
    assert "Nothing is left of 6 stacks" in top.run("destroy", "--all", "--sandbox", "--yes", "--verify").out
    (top.folder / "top/.weir/sandbox").mkdir(parents=True, mode=0o700)
    assert "has another sandbox" in top.run("plan", "--all", "--sandbox", status=3).err


def test_killed_in_the_middle(tmp_path, cloud):
    """What was begun is finished by the next run, and nothing is made twice."""
    top = write_stacks(Stack(tmp_path / "stack", cloud))
    cloud.fail({"match": "CreateSecurityGroup", "hold": True})
    process = top.start("apply", "--all", "--yes")
    until(lambda: "CreateSecurityGroup" in cloud.requests(), process=process)
    process.kill()
    process.communicate()
    cloud.fail()
    assert subprocess.run(top.command("plan", "--all"), cwd=top.folder, env=top.env, capture_output=True).returncode == 0
    assert "Done: " in top.run("apply", "--all", "--yes").out
    assert there(top) == ALL and len(cloud.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["shop", "web"]}])["SecurityGroups"]) == 2
    assert "Plan: 0 of 6 stacks" in top.run("plan", "--all").out
    top.run("destroy", "--all", "--yes")
    assert there(top) == set()


def git(top, *words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=top.folder, check=True, capture_output=True)


def chosen(top, *words):
    return [event["folder"] for event in top.run("validate", "--all", "--json", "--changed", *words).events()]


@pytest.mark.full
def test_only_what_has_changed(tmp_path, cloud):
    """Whose modules, job code or configuration differ, and who refers to them; what they read elsewhere counts, what others read does not."""
    top = write_stacks(Stack(tmp_path / "stack", cloud))
    top.write("""
        stack: jobs
        inputs: {size: {type: integer, default: 1}}
        resources:
          code: {type: weir.artifact, source: ../../jobs, store: "s3://all-code/jobs", package: zip, include: ["*.py"]}
          names: {type: weir.value, value: "${join(' ', fileset('../../lists', '*.txt'))} ${file('../../words/one.txt')} ${inputs.size}"}
    """, "apps/jobs/weir.yaml")
    for name in ("jobs/job.py", "jobs/other.py", "lists/a.txt", "words/one.txt", "words/two.txt", "README.md"):
        top.write("x", name)
    git(top, "init", "-q")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    assert top.run("plan", "--all", "--changed", "HEAD").err.endswith("No stack reads a file that differs from HEAD.\n") and chosen(top, "HEAD") == []

    def after(change, *names):
        change()
        assert chosen(top, "HEAD") == list(names)
        git(top, "add", "-A")
        assert chosen(top, "HEAD") == list(names)
        git(top, "commit", "-qm", "next")
        assert chosen(top, "HEAD~1") == list(names) and chosen(top, "HEAD") == []

    after(lambda: top.write(MODULE.replace("false", "true"), "modules/bucket/weir.yaml"), "apps/admin", "apps/shop", "apps/web", "data/lake", "top")
    after(lambda: top.write("y", "jobs/job.py"), "apps/jobs")
    after(lambda: (top.folder / "jobs/other.py").unlink(), "apps/jobs")  # what is not there any more was read
    after(lambda: top.write("x", "lists/b.txt"), "apps/jobs")  # new, and git does not know it yet
    after(lambda: top.write("y", "words/one.txt"), "apps/jobs")
    after(lambda: top.write("y", "words/two.txt"))
    after(lambda: top.write("y", "README.md"))
    after(lambda: top.write(STACKS["apps/shop"].replace("of $", "for $"), "apps/shop/weir.yaml"), "apps/shop", "top")
    top.write("z", "lists/a.txt")
    assert [event["folder"] for event in top.run("validate", "--all", "apps", "--json", "--changed", "HEAD").events()] == ["jobs"]
    top.write("stack: [", "net/weir.yaml")
    assert "4 of 5 stacks are valid" in top.run("validate", "--all", "--changed", "HEAD", status=3).out
    git(top, "checkout", "-q", ".")
    assert "git failed" in top.run("plan", "--all", "--changed", "nowhere", status=1).err and top.run("plan", "--all", "--changed", "--output=x", status=1)
    assert "--changed goes with --all" in top.run("plan", "--changed", "HEAD", status=3).err

    top.run("apply", "--all", "data", "--yes")
    top.run("apply", "--all", "net", "--yes")
    top.write(STACKS["apps/web"].replace("value:", "description: web, value:"), "apps/web/weir.yaml")
    assert "Done: 1 of 1 stack (" in top.run("apply", "--all", "--changed", "HEAD", "--yes").out  # what it refers to is there, and not looked at
    assert there(top) == {"all-lake", "10.7.0.0/16", "web", "/all/web"}


def test_what_is_read_through_a_submodule_or_a_link(tmp_path):
    """Git says of a submodule, and of a link, only that it differs, not which files are others by that."""
    lists = Stack(tmp_path / "lists")
    lists.write("one", "words/a.txt")
    git(lists, "init", "-q")
    git(lists, "add", ".")
    git(lists, "commit", "-qm", "first")
    top = Stack(tmp_path / "stack")
    for name, path in (("inner", "../lists/words/a.txt"), ("linked", "../shared/a.txt"), ("other", "../two/a.txt")):
        top.write(f"stack: {name}\nresources: {{a: {{type: weir.value, value: \"${{file('{path}')}}\"}}}}\n", f"{name}/weir.yaml")
    for name in ("two", "three"):
        top.write(name, f"{name}/a.txt")
    (top.folder / "shared").symlink_to("two")
    git(top, "init", "-q")
    git(top, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(lists.folder), "lists")
    git(top, "add", ".")
    git(top, "commit", "-qm", "first")
    assert chosen(top, "HEAD") == []
    top.write("two", "lists/words/a.txt")
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "next"], cwd=top.folder / "lists", check=True)
    assert chosen(top, "HEAD") == ["inner"]
    git(top, "commit", "-qam", "next")
    assert chosen(top, "HEAD~1") == ["inner"]
    (top.folder / "shared").unlink()
    (top.folder / "shared").symlink_to("three")
    assert chosen(top, "HEAD") == ["linked"]


def test_a_saved_plan_of_all(repository):
    """One file: shown anywhere, applied exactly or not at all, and no second time."""
    repository.run("plan", "--all", "-o", "all.plan")
    shown = repository.run("show", "all.plan").out
    assert shown.count("Plan: ") == 6 and "vpc_id:      (known after apply)" in shown and "apps/shop\n" in shown
    assert {e["folder"] for e in repository.run("show", "all.plan", "--json").events()} == set(STACKS)
    assert repository.run("show", "all.plan", "--format", "markdown").out.count("### weir plan") == 6
    assert "is for the plan of one stack" in repository.run("show", "all.plan", "--format", "junit", status=3).err
    text = (repository.folder / "all.plan").read_text()
    repository.write(text.replace("all-admin", "all-other"), "changed.plan")
    assert "not as it was saved" in repository.run("apply", "changed.plan", status=None).err
    assert "--target" in repository.run("apply", "all.plan", "--target", "x", status=3).err

    repository.run("apply", "-C", "apps/admin", "--yes")  # one of them has moved on: nothing of all is applied
    refused = repository.run("apply", "all.plan", status=1)
    assert "apps/admin:\nerror: b/bucket, which this plan changes, was added to the state" in refused.err, str(refused)
    assert there(repository) == {"all-admin"}
    note = repository.run("plan", "--all", "-o", "all.plan").err
    assert "weir apply all.plan" in note
    assert "Done: 5 of 5 stacks" in repository.run("apply", "all.plan").out and there(repository) == ALL
    assert "net:\nerror: " in repository.run("apply", "all.plan", status=1).err and there(repository) == ALL
    assert "Plan: 0 of 6 stacks" in repository.run("plan", "--all").out
    repository.run("plan", "--all", "--destroy", "-o", "end.plan")
    assert "Done: 6 of 6 stacks" in repository.run("apply", "end.plan").out and there(repository) == set()


def test_states_in_one_bucket(tmp_path, cloud):
    """Where states are kept in one place elsewhere no folder is named, neither for the order nor for what is planned.
    A folder that is named says in its file, or in one that it includes, where the state is."""
    cloud.client("s3").create_bucket(Bucket="team-state")
    top = Stack(tmp_path / "stack", cloud)
    state = "state: {backend: s3, bucket: team-state%s}\n"
    top.write("stack: a\n" + state % "" + "resources: {v: {type: weir.value, value: '${b.outputs.v} ${c.outputs.v} ${d.outputs.v}'}}\n"
              "data: {b: {type: weir.stack, stack: b}, c: {type: weir.stack, stack: c, state: {backend: s3, bucket: team-state, prefix: c/}},\n"
              "       d: {type: weir.stack, stack: d, dir: ../d}}\n", "a/weir.yaml")
    top.write("stack: b\n" + state % "" + "resources: {q: {type: aws.sqs.queue, name: b}}\noutputs: {v: '${q.arn}'}\n", "b/weir.yaml")
    top.write("stack: c\n" + state % ", prefix: c/" + "resources: {q: {type: aws.sqs.queue, name: c}}\noutputs: {v: '${q.url}'}\n", "c/weir.yaml")
    top.write("stack: d\ninclude: [parts/state.yaml]\nresources: {v: {type: weir.value, value: of-d}}\noutputs: {v: '${v.value}'}\n", "d/weir.yaml")
    top.write(state % ", prefix: d/", "d/parts/state.yaml")
    assert "(known after apply)" in top.run("plan", "--all").out
    assert "Done: 4 of 4 stacks" in top.run("apply", "--all", "--yes").out
    shown = top.run("state", "show", "v", "-C", "a").out
    assert ":b" in shown and "/c" in shown and "of-d" in shown, shown
    assert "team-state/d/d/*" in top.run("policy", "plan", "-C", "a").out
    assert "Done: 4 of 4 stacks" in top.run("destroy", "--all", "--yes").out and not cloud.client("sqs").list_queues().get("QueueUrls")


def shard(top, part, *more, command="apply", **options):
    return top.run(command, "--all", "--json", *(["--yes"] if command != "plan" else []), "--shard", part, *more, **options)


def worked_on(result):
    return {e["folder"] for e in result.events() if e["event"] == "result"}


@pytest.mark.full
def test_shards_meet_in_their_states(repository):
    """Each changes its own; what others have to do before is left, or waited for, whoever begins first."""
    parts = [{e["folder"] for e in shard(repository, f"{i}/3", command="plan").events() if e["event"] == "change"} for i in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(STACKS) and all(len(part) < 5 for part in parts), parts
    number = {name: i for i, part in enumerate(parts, 1) for name in part}

    alone = shard(repository, f"{number['top']}/3", status=4)  # its own that need nobody, and no more
    assert worked_on(alone) == parts[number["top"] - 1] & {"net", "data/lake", "apps/admin"}, alone
    assert "another shard has not applied it yet" in alone.out and "belongs to another shard, which has not done it yet" in alone.out, alone

    first = [repository.start("apply", "--all", "--yes", "--shard", f"{i}/3", "--lock-timeout", "5m") for i in (1, 2, 3)]
    for process in first:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert there(repository) == ALL
    assert "Plan: 0 of 6 stacks" in repository.run("plan", "--all", "--detailed-exitcode").out
    for i in (1, 2, 3):
        assert not worked_on(shard(repository, f"{i}/3"))  # twice does nothing

    repository.write(STACKS["net"].replace("zone: here", "zone: there"), "net/weir.yaml")
    group = repository.client("ec2").describe_security_groups(Filters=[{"Name": "group-name", "Values": ["shop"]}])["SecurityGroups"][0]["GroupId"]
    last = repository.start("apply", "--all", "--yes", "--shard", f"{number['top']}/3", "--lock-timeout", "5m", "--at-once", "1")
    for i in {1, 2, 3} - {number["top"]}:
        shard(repository, f"{i}/3", "--lock-timeout", "5m")
    out, err = last.communicate()
    assert last.returncode == 0, out + err
    assert repository.client("ssm").get_parameter(Name="/all/top")["Parameter"]["Value"] != group
    assert "Plan: 0 of 6 stacks" in repository.run("plan", "--all", "--detailed-exitcode").out

    down = [repository.start("destroy", "--all", "--yes", "--shard", f"{i}/3", "--lock-timeout", "5m") for i in (1, 2, 3)]
    for process in down:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert there(repository) == set()
    assert "--shard goes with --all" in repository.run("apply", "--shard", "1/2", status=3).err
    assert '"4/3" is not a part' in repository.run("plan", "--all", "--shard", "4/3", status=3).err


LABS = """
    stack: labs
    fleet: {each: {file: members.csv, key: name}, inputs: {owner: "${each.key}"}}
    inputs: {owner: {type: string}}
    data: {net: {type: weir.stack, stack: net, dir: ../net}}
    resources:
      place: {type: aws.ssm.parameter, name: "/all/labs/${inputs.owner}", parameter_type: String, value: "${net.outputs.zone}"}
"""


def test_members_of_fleets_are_among_them(repository):
    """Each like a stack, after what it refers to; the fleet remembers them, and who leaves the list is taken down."""

    def attend(*names):
        repository.write("name\n" + "".join(f"{name}\n" for name in names), "labs/members.csv")

    def places():
        return {name for name in there(repository) if name.startswith("/all/labs/")}

    repository.write(LABS, "labs/weir.yaml")
    attend("ada", "bob")
    repository.run("plan", "--all", "-o", "all.plan", "--junit", "plan.xml")
    assert {"labs (ada)", "labs (bob)"} <= {case.get("name") for case in ElementTree.parse(repository.folder / "plan.xml").getroot()}
    assert "Done: 8 of 8 stacks" in repository.run("apply", "all.plan").out
    assert places() == {"/all/labs/ada", "/all/labs/bob"}
    status = repository.run("fleet", "status", "-C", "labs").out.splitlines()[1:]
    assert [line.split()[0] for line in status] == ["ada", "bob"]
    attend("bob", "cleo")
    assert "is no member any more" in repository.run("plan", "--all", "-o", "all.plan", status=3).err
    planned = changes(repository.run("plan", "--all", "--json"))
    assert planned == [("labs (ada)", "place", "delete"), ("labs (cleo)", "place", "create")]
    parts = [repository.start("apply", "--all", "--yes", "--shard", f"{i}/2", "--lock-timeout", "5m") for i in (1, 2)]
    for process in parts:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert places() == {"/all/labs/bob", "/all/labs/cleo"}
    assert [line.split()[0] for line in repository.run("fleet", "status", "-C", "labs").out.splitlines()[1:]] == ["bob", "cleo"]
    assert "Plan: 0 of 8 stacks" in repository.run("plan", "--all", "--detailed-exitcode").out
    assert "Plan: 0 of 2 members" in repository.run("fleet", "plan", "-C", "labs").out
    repository.run("validate", "--all")
    repository.write(LABS.replace("resources:", "resources:\n      bad: {type: aws.ssm.parametr}"), "labs/weir.yaml")
    assert "did you mean" in repository.run("plan", "--all", status=3).err
    repository.write(LABS, "labs/weir.yaml")
    repository.run("destroy", "--all", "--yes")
    assert there(repository) == set()


SHARED = """
    stack: common
    state: {backend: file, path: ../states}
    inputs: {zone: {type: string, default: none}}
    resources: {home: {type: aws.ec2.vpc, cidr_block: 10.9.0.0/16, tags: {zone: "${inputs.zone}"}}}
    outputs: {vpc: "${home.vpc_id}", zone: "${inputs.zone}"}
"""
SHARING = """
    stack: labs
    state: {backend: file, path: ../states}
    fleet: {each: [ada, bob], inputs: {owner: "${each.key}"}, shared: {file: %s, inputs: {zone: here}}}
    inputs: {owner: {type: string}}
    resources:
      place: {type: aws.ssm.parameter, name: "/all/labs/${inputs.owner}", parameter_type: String, value: "${shared.vpc} ${shared.zone}"}
"""


@pytest.mark.parametrize("file", ["labs/common.yaml", "base/weir.yaml"])
def test_what_a_fleet_shares_is_among_them(tmp_path, fast_sandbox, file):
    """Before its members and after them, whether it is a folder of its own or not."""
    repository = Stack(tmp_path / "stack", fast_sandbox).write(SHARED, file)
    repository.write(SHARING % ("common.yaml" if file.startswith("labs") else "../base/weir.yaml"), "labs/weir.yaml")
    name = file.removesuffix("/weir.yaml")

    def vpcs():
        return [vpc["VpcId"] for vpc in repository.client("ec2").describe_vpcs(Filters=[{"Name": "tag:zone", "Values": ["here"]}])["Vpcs"]]

    def places():
        return {p["Name"]: p["Value"] for p in repository.client("ssm").get_parameters_by_path(Path="/all/labs")["Parameters"]}

    assert changes(repository.run("plan", "--all", "--json")) == sorted([(name, "home", "create"), ("labs (ada)", "place", "create"), ("labs (bob)", "place", "create")])
    repository.run("plan", "--all", "-o", "all.plan")
    repository.run("apply", "all.plan")
    assert places() == {f"/all/labs/{member}": f"{vpcs()[0]} here" for member in ("ada", "bob")}
    assert "Plan: 0 of 3 stacks" in repository.run("plan", "--all", "--detailed-exitcode").out
    assert "Plan: 0 of 2 members" in repository.run("fleet", "plan", "-C", "labs").out
    refused = repository.run("destroy", "--yes", "-C", file, status=3).err
    assert '2 members of the fleet "labs" use its resources: ada, bob' in refused and "weir fleet destroy" in refused
    repository.write("""
        stack: other
        state: {backend: file, path: ../states}
        fleet: {each: [cleo], inputs: {owner: "${each.key}"}, shared: {file: %s, inputs: {zone: there}}}
        inputs: {owner: {type: string}}
        resources: {place: {type: weir.value, value: "${shared.zone}"}}
    """ % f"../{file}", "other/weir.yaml")
    assert "different inputs" in repository.run("plan", "--all", status=3).err
    repository.write((repository.folder / "other/weir.yaml").read_text().replace("zone: there", "zone: here"), "other/weir.yaml")
    parts = [repository.start("apply", "--all", "--yes", "--shard", f"{i}/2", "--lock-timeout", "5m") for i in (1, 2)]
    for process in parts:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert '"here"' in repository.run("state", "show", "place", "-C", "other", "-e", "cleo").out and "Plan: 0 of 4 stacks" in repository.run("plan", "--all").out
    (repository.folder / "labs/weir.yaml").rename(repository.folder / "labs/kept")
    left = repository.run("destroy", "--all", "--yes", status=None)
    assert left.status and 'of the fleet "labs" use its resources: ada, bob' in left.out + left.err and len(vpcs()) == 1, left
    (repository.folder / "labs/kept").rename(repository.folder / "labs/weir.yaml")
    repository.run("destroy", "--all", "--yes")
    assert places() == {} and vpcs() == []


def test_an_environment_is_not_for_fleets(local_stack):
    """Nor for what they share: only for stacks that have environments."""
    local_stack.write("stack: app\nenvironments: {dev: {}, prod: {}}\nresources: {v: {type: weir.value, value: 1}}\n", "app/weir.yaml")
    local_stack.write("stack: common\nresources: {home: {type: weir.value, value: here}}\noutputs: {home: \"${home.value}\"}\n", "labs/common.yaml")
    local_stack.write("stack: labs\nfleet: {each: [ada], shared: common.yaml}\nresources: {v: {type: weir.value, value: \"${shared.home}\"}}\n", "labs/weir.yaml")
    local_stack.run("apply", "--all", "--yes", "-e", "dev")
    assert "Plan: 0 of 3 stacks" in local_stack.run("plan", "--all", "-e", "dev").out
    assert "Plan: 0 of 1 member" in local_stack.run("fleet", "plan", "-C", "labs").out
    assert '"here"' in local_stack.run("state", "show", "v", "-C", "labs", "-e", "ada").out


def test_fleets_among_them_keep_to_their_budgets(tmp_path, fast_sandbox):
    """Together, not each of its members."""
    repository = Stack(tmp_path / "stack", fast_sandbox).write("stack: alone\nresources: {v: {type: weir.value, value: 1}}\n", "alone/weir.yaml")

    def write(budget):
        repository.write(f"""
            stack: labs
            budget: {budget} USD/day
            fleet: {{each: [ada, bob], inputs: {{owner: "${{each.key}}"}}}}
            inputs: {{owner: {{type: string}}}}
            resources: {{v: {{type: aws.kinesis.stream, name: "${{inputs.owner}}", mode: ON_DEMAND}}}}
        """, "labs/weir.yaml")

    write(1.5)
    for command in ["plan"], ["apply", "--yes"]:
        refused = repository.run(*command, "--all", status=3)
        assert "would cost 1.92 USD a day" in refused.err, refused
    assert repository.client("kinesis").list_streams()["StreamNames"] == []
    write(5)
    repository.run("apply", "--all", "--yes")
    assert sorted(repository.client("kinesis").list_streams()["StreamNames"]) == ["ada", "bob"]
    repository.run("destroy", "--all", "--yes")
