"""A role whose trust policy does not let in the service that it is given to: said where both are in the file, before anything is called."""

import pytest
import yaml

from support import ROOT, Stack, spec_of

UNKNOWN = "${u.result}"


def is_list(attr):
    return str(attr.get("type", "")).startswith(("list", "set"))


def assumed(attrs, at=()):
    """Paths of attributes that name a role, each step with what has to stand beside it, and who assumes it."""
    for name, attr in (attrs or {}).items():
        if not isinstance(attr, dict):
            continue
        beside = [other for other, one in attrs.items() if other != name and isinstance(one, dict) and one.get("required")] if at else []
        steps = (*at, (name, beside), *([("[]", [])] if is_list(attr) else []))
        if "assumed_by" in attr:
            services = attr["assumed_by"]
            yield steps, services if isinstance(services, list) else [services]
        yield from assumed(attr.get("fields"), steps)


def every():
    """Of each type all such attributes."""
    for path in sorted((ROOT / "provider/aws/specs").glob("*.yaml")):
        for name, one in spec_of(path).get("types", {}).items():
            for at, services in assumed(one.get("attributes")):
                yield f"aws.{path.stem}.{name}", at, services


EVERY = list(every())


def within(at, value):
    for step, beside in reversed(at):
        value = [value] if step == "[]" else {step: value, **{other: UNKNOWN for other in beside}}
    return value


def stack_of(kind, at, trust):
    """Only the role is of interest: what else is wanted is told besides."""
    it = {"type": kind, **within(at, "${role.arn}")}
    role = {"type": "aws.iam.role", "name": "r", "assume_role_policy": trust}
    return yaml.safe_dump({"stack": "trusts", "resources": {"u": {"type": "weir.random"}, "role": role, "it": it}}, sort_keys=False)


def test_the_reference_says_it(local_stack):
    assert "required, a role that trusts lambda.amazonaws.com" in local_stack.run("docs", "aws.lambda.function").out


def test_there_are_many():
    assert len(EVERY) > 35 and {"aws.lambda.function", "aws.glue.job", "aws.stepfunctions.state_machine", "aws.scheduler.schedule", "aws.firehose.delivery_stream"} <= {kind for kind, _, _ in EVERY}


@pytest.mark.parametrize("kind, at, services", EVERY, ids=[f"{kind}.{'.'.join(step for step, _ in at)}" for kind, at, _ in EVERY])
def test_each(local_stack, kind, at, services):
    wrong = f"it: {services[0]} cannot assume the role role: its trust policy does not allow it"
    err = local_stack.write(stack_of(kind, at, '${trust("ec2.amazonaws.com")}')).run("validate", status=3).err
    assert wrong in err and f'assume_role_policy: ${{trust("{services[0]}")}}' in err, err
    for service in services:
        assert "cannot assume" not in local_stack.write(stack_of(kind, at, f'${{trust("{service}")}}')).run("validate", status=None).err


PASSES = {
    "one of several": '${trust(["ec2.amazonaws.com", "logs.amazonaws.com"])}',
    "of a region": '${trust("logs.eu-west-1.amazonaws.com")}',
    "under a condition": '${trust("logs.amazonaws.com", {StringEquals: {"aws:SourceAccount": "123456789012"}})}',
    "not known yet": '${trust("${u.result}.amazonaws.com")}',
    "a text": '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:*"}}',
}
FAILS = {
    "another action": '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:TagSession"}}',
    "forbidden": '{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"}}',
    "an account": '${trust("123456789012")}',
}
LOGS = next((kind, at) for kind, at, _ in EVERY if kind == "aws.logs.subscription_filter")


@pytest.mark.parametrize("name", [*PASSES, *FAILS])
def test_what_lets_in(local_stack, name):
    err = local_stack.write(stack_of(*LOGS, {**PASSES, **FAILS}[name])).run("validate", status=3).err
    assert ("cannot assume" in err) == (name in FAILS), err


def test_where_it_is_named(local_stack):
    """In a list of objects, by a key, by its name, of CloudFormation's type; a role of nobody's here is not asked."""
    err = local_stack.write(
        """
        stack: trusts
        resources:
          roles: {type: aws.iam.role, for_each: [a, b], name: "r-${each.key}", assume_role_policy: '${trust("ec2.amazonaws.com")}'}
          theirs: {type: "AWS::IAM::Role", RoleName: theirs, AssumeRolePolicyDocument: '${trust("ec2.amazonaws.com")}'}
          queue: {type: aws.sqs.queue, name: q}
          rule: {type: aws.events.rule, name: r, schedule_expression: rate(1 day), targets: {one: {arn: "${queue.arn}", role: '${roles["a"].arn}'}}}
          job: {type: aws.glue.job, name: j, role: '${roles["b"].name}', command: {name: glueetl, script_location: s3://a/b}}
          machine: {type: aws.stepfunctions.state_machine, name: m, role: "${theirs.Arn}", definition: {StartAt: a, States: {a: {Type: Succeed}}}}
          other: {type: aws.glue.job, name: o, role: "arn:aws:iam::123456789012:role/somebody", command: {name: glueetl, script_location: s3://a/b}}
          taken: {type: aws.glue.job, name: t, adopt: existing, role: '${roles["b"].name}', command: {name: glueetl, script_location: s3://a/b}}
        """
    ).run("validate", status=3).err
    said = {line.split()[1].rstrip(":") for line in err.splitlines() if line.startswith("error: ")}
    assert said == {"rule", "job", "machine"} and "AssumeRolePolicyDocument: ${trust(" in err, err
    assert "warning: taken: glue.amazonaws.com cannot assume" in err and "3 errors" in err, err


def test_what_is_there_is_not_asked_again(tmp_path, fast_sandbox):
    """The job is as it was, whatever becomes of its role; where its role changes, the new one has to let Glue in."""
    text = """
        stack: trusts
        resources:
          role: {{type: aws.iam.role, name: r, assume_role_policy: '${{trust("{}.amazonaws.com")}}'}}
          other: {{type: aws.iam.role, name: o, assume_role_policy: '${{trust("ec2.amazonaws.com")}}'}}
          job: {{type: aws.glue.job, name: j, role: "${{{}.arn}}", command: {{name: glueetl, script_location: s3://a/b}}}}
        """
    stack = Stack(tmp_path / "stack", fast_sandbox)
    stack.write(text.format("glue", "role")).apply()
    assert stack.write(text.format("ec2", "role")).plan() == {"role": "update"}
    assert "job: glue.amazonaws.com cannot assume the role other" in stack.write(text.format("glue", "other")).run("plan", status=3).err


@pytest.mark.long
def test_elsewhere_the_service_says_it(local_stack):
    """A role that is not in the file: the wait says what for, and the error what to do."""
    role = """
        stack: trusts
        resources:
          role: {type: aws.iam.role, name: r, assume_role_policy: '${trust("ec2.amazonaws.com")}'}
        """
    local_stack.write(role).apply("--sandbox")
    local_stack.write(
        """
        stack: trusts
        removed: [{address: role, destroy: false}]
        data:
          theirs: {type: aws.iam.role, name: r}
        resources:
          job: {type: aws.glue.job, name: j, role: "${theirs.arn}", command: {name: glueetl, script_location: s3://a/b}, timeouts: {create: 20s}}
        """
    )
    result = local_stack.apply("--sandbox", status=1)
    assert "waiting, the service says InvalidInputException: Role should be given assume role permissions" in result.out, str(result)
    assert "hint: the role has to trust glue.amazonaws.com" in result.err, str(result)


ROLE = "type: aws.iam.role, name: r, assume_role_policy: '${trust(\"ec2.amazonaws.com\")}'"
JOB = "type: aws.glue.job, name: j, command: {name: glueetl, script_location: s3://a/b}"
BY_WAY_OF = {
    "a local": (f"locals: {{theirs: '${{role.arn}}'}}\nresources:\n  role: {{{ROLE}}}\n  job: {{{JOB}, role: '${{locals.theirs}}'}}\n", None),
    "an output of a module": (f"modules: {{lab: {{source: ./lab}}}}\nresources:\n  job: {{{JOB}, role: '${{lab.role_arn}}'}}\n", f"resources:\n  role: {{{ROLE}}}\noutputs: {{role_arn: {{value: '${{role.arn}}'}}}}\n"),
    "an input of a module": (f"modules: {{lab: {{source: ./lab, role: '${{role.arn}}'}}}}\nresources:\n  role: {{{ROLE}}}\n", f"inputs: {{role: {{type: string}}}}\nresources:\n  job: {{{JOB}, role: '${{inputs.role}}'}}\n"),
    "both": (f"modules:\n  one: {{source: ./lab}}\n  two: {{source: ./jobs, role: '${{one.role_arn}}'}}\n", f"resources:\n  role: {{{ROLE}}}\nlocals: {{it: '${{role.arn}}'}}\noutputs: {{role_arn: {{value: '${{locals.it}}'}}}}\n"),
}


@pytest.mark.parametrize("way", BY_WAY_OF)
def test_by_way_of(local_stack, way):
    """Wherever the role is in the stack, and whatever leads to it."""
    text, module = BY_WAY_OF[way]
    for name, written in ("lab/weir.yaml", module), ("jobs/weir.yaml", f"inputs: {{role: {{type: string}}}}\nresources:\n  job: {{{JOB}, role: '${{inputs.role}}'}}\n" if way == "both" else None):
        if written:
            (local_stack.folder / name).parent.mkdir()
            local_stack.write("stack: lab\n" + written, name)
    err = local_stack.write("stack: trusts\n" + text).run("validate", status=3).err
    assert "job: glue.amazonaws.com cannot assume the role " in err and err.count("error: ") == 1, err
    for path in local_stack.folder.rglob("weir.yaml"):
        path.write_text(path.read_text().replace("ec2.amazonaws.com", "glue.amazonaws.com"))
    local_stack.run("validate")


def test_a_role_that_another_stack_gives_out(tmp_path, fast_sandbox):
    """As that one's state has it, by ARN or by name; known when the plan is made, not to validate."""
    theirs, ours = Stack(tmp_path / "theirs", fast_sandbox), Stack(tmp_path / "ours", fast_sandbox)
    text = "stack: theirs\nresources:\n  role: {type: aws.iam.role, name: r, assume_role_policy: '${trust(\"%s\")}'}\noutputs: {arn: {value: '${role.arn}'}, name: {value: '${role.name}'}}\n"
    theirs.write(text % "ec2.amazonaws.com").apply()
    for output in "arn", "name":
        ours.write(f"stack: ours\ndata: {{them: {{type: weir.stack, stack: theirs, dir: ../theirs}}}}\nlocals: {{role: '${{them.outputs.{output}}}'}}\nresources:\n  job: {{{JOB}, role: '${{locals.role}}'}}\n")
        ours.run("validate")
        refused = ours.run("plan", status=3).err
        assert "job: glue.amazonaws.com cannot assume this role of them: its trust policy does not allow it" in refused and "apply that stack first" in refused, refused
    theirs.write(text % "glue.amazonaws.com").apply()
    assert ours.plan() == {"job": "create"}
