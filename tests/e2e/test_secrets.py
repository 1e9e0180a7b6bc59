"""A sensitive value shows up nowhere: not in plans, events, traces, the state, nor in saved plans."""

import json

import pytest

STACK = """
    stack: secrets
    inputs: {password: {type: string, sensitive: true}, note: plain}
    resources:
      secret: {type: aws.secretsmanager.secret, name: e2e/db, secret_string: "${inputs.password}", force_destroy: true}
      wrapped: {type: weir.value, value: {text: "postgres://u:${inputs.password}@host", note: "${inputs.note}"}}
      derived: {type: weir.value, value: "${base64encode(inputs.password)}"}
    outputs:
      open: {value: "${inputs.note}"}
      closed: {value: "${inputs.password}", sensitive: true}
"""
FIRST, SECOND = "correct-horse-battery", "staple-of-the-second-kind"


def hidden(stack, *results):
    import base64

    text = "".join(result.out + result.err for result in results) + stack.state_text()
    for secret in (FIRST, SECOND):
        for shape in (secret, base64.b64encode(secret.encode()).decode(), json.dumps(secret)[1:-1]):
            assert shape not in text


def test_never_shown(stack, cloud):
    stack.write(STACK)
    first = ("-i", f"password={FIRST}")
    second = ("-i", f"password={SECOND}")
    results = [stack.run("plan", *first), stack.run("plan", "--json", *first), stack.run("plan", "-o", "p.plan", *first)]
    assert "(sensitive)" in results[0].out
    assert FIRST.encode() not in (stack.folder / "p.plan").read_bytes()
    results += [stack.apply("--json", "-vv", *first)]
    look = cloud.client("secretsmanager")
    assert look.get_secret_value(SecretId="e2e/db")["SecretString"] == FIRST
    stack.assert_settled(*first)
    results += [stack.run("plan", *second), stack.run("plan", "--json", *second)]
    assert stack.plan(*second)["secret"] == "update"
    results += [stack.apply("-vv", *second)]
    assert look.get_secret_value(SecretId="e2e/db")["SecretString"] == SECOND
    stack.assert_settled(*second)
    results += [stack.run("state", "show", "secret"), stack.run("state", "show", "wrapped"), stack.run("output"), stack.run("drift", status=None)]
    results += [stack.destroy("-vv", *second)]
    hidden(stack, *results)


HELD = """
    stack: held
    inputs: {password: {type: string, sensitive: true}}
    resources:
      plain: {type: weir.value, value: 1}
      held: {type: weir.value, value: "${inputs.password}"}
"""
TOLD = """
    stack: told
    inputs: {password: {type: string, sensitive: true}}
    resources:
      parameter: {type: aws.ssm.parameter, name: /e2e/db, parameter_type: SecureString, value: "${inputs.password}"}
      role:
        type: aws.iam.role
        name: e2e-told
        assume_role_policy: ${trust("glue.amazonaws.com")}
        description: for ${inputs.password}
      job:
        type: aws.glue.job
        for_each: [a, b, c]     # enough of them for a listing
        name: told-${each.key}
        role: ${role.arn}
        command: {name: glueetl, script_location: "s3://scripts/x.py"}
        default_arguments: {--password: "${inputs.password}"}
"""


PROPERTIES = """
    stack: names
    inputs: {password: {type: string, sensitive: true}, url: "jdbc:postgresql://a/b", all: {type: map(string), sensitive: true, default: {}}}
    resources:
      link: {type: aws.glue.connection, name: e2e-names, connection_type: JDBC, properties: GIVEN}
"""
GIVEN = '{JDBC_CONNECTION_URL: "${inputs.url}", USERNAME: me, PASSWORD: "${inputs.password}"}'


def test_of_a_map_of_secrets_the_names_tell_what_changes(stack):
    """Which variable of a function changes is what a reviewer wants to know; a map that is a secret as a whole says nothing."""
    stack.write(PROPERTIES.replace("GIVEN", GIVEN))
    first, second = ("-i", f"password={FIRST}"), ("-i", f"password={SECOND}")
    results = [stack.apply(*first)]
    plan = stack.run("plan", *second)
    assert "~ PASSWORD:            (sensitive) -> (sensitive)\n" in plan.out and "# 2 unchanged" in plan.out and "USERNAME" not in plan.out, str(plan)
    events = [json.loads(line) for line in stack.run("plan", "--json", *second, "-i", "url=jdbc:postgresql://a/c").out.splitlines()]
    changed = [attr.get("changed") for event in events if event["event"] == "change" for attr in event["attrs"]]
    assert changed == [["JDBC_CONNECTION_URL", "PASSWORD"]]
    blind = stack.run("plan", "--no-refresh", *second)  # the state has a hash of it all
    assert "properties: (sensitive) -> (sensitive)" in blind.out and "PASSWORD" not in blind.out and "hash" not in blind.out, str(blind)
    stack.write(PROPERTIES.replace("GIVEN", '"${inputs.all}"'))
    whole = ("-i", f"password={FIRST}", "-i", 'all={JDBC_CONNECTION_URL: "jdbc:postgresql://a/b", USERNAME: me, SECRET_NAME: x}')
    closed = stack.run("plan", *whole)
    assert "properties: (sensitive) -> (sensitive)" in closed.out and "SECRET_NAME" not in closed.out, str(closed)
    hidden(stack, *results, plan, blind, closed)


def test_traces_do_not_show_what_answers_repeat(stack):
    """Neither what the type calls sensitive nor what only the file does, in requests, answers and listings."""
    stack.write(TOLD)
    first, second = ("-i", f"password={FIRST}"), ("-i", f"password={SECOND}")
    results = [stack.apply("-vv", *first), stack.run("plan", "-vv", *first), stack.apply("-vv", *second), stack.destroy("-vv", *second)]
    assert all("not shown, they may hold secrets" in result.err for result in results)
    hidden(stack, *results)


def test_hashes_are_announced_before_the_first_secret(local_stack):
    told = "the state has no key"
    local_stack.write(HELD)
    first = local_stack.apply("-i", f"password={FIRST}").out
    assert told in first and first.index(told) < first.index("created held")
    assert told not in local_stack.apply("-i", f"password={SECOND}").out  # once is enough
    local_stack.destroy("-i", f"password={SECOND}")
    local_stack.env["WEIR_STATE_KEY"] = "0f" * 32
    assert told not in local_stack.apply("-i", f"password={FIRST}").out


def test_sensitive_outputs_are_shown_only_on_request(stack):
    stack.write(STACK)
    stack.apply("-i", f"password={FIRST}")
    assert FIRST not in stack.run("output").out
    assert "plain" in stack.run("output").out


def test_what_becomes_sensitive_is_recorded_so(stack, cloud):
    """The value and the service stay as they are: without a change in the plan, outputs and records would go on to show it."""
    text = """
        stack: becomes
        inputs: {{word: {{type: string{mark}, default: "{word}"}}}}
        resources:
          kept: {{type: weir.value, value: "${{inputs.word}}"}}
          topic: {{type: aws.sqs.queue, name: becomes, tags: {{word: "${{inputs.word}}", open: plain}}}}
          lake: {{type: aws.s3.bucket, name: becomes-lake}}
          named: {{type: aws.s3.object, bucket: "${{lake.name}}", key: "k/${{inputs.word}}", content: x}}
        outputs: {{word: "${{inputs.word}}", part: {{value: {{a: "${{inputs.word}}", b: 1}}}}, none: {{value: null{mark}}}, fixed: {{value: shown-in-the-file{mark}}}}}
    """
    stack.write(text.format(mark="", word=FIRST)).apply()
    stack.write(text.format(mark=", sensitive: true", word=FIRST))
    changes = stack.run("plan")
    assert "kept  weir.value  # now sensitive: value" in changes.out and "topic  aws.sqs.queue  # now sensitive: tags" in changes.out, str(changes)
    assert "2 to update" in changes.out and FIRST not in changes.out, str(changes)
    stack.apply()
    shown = [stack.run("output"), stack.run("state", "show", "kept"), stack.run("state", "show", "topic")]
    assert not any(word in str(result) for result in shown for word in (FIRST, "shown-in-the-file")), shown
    stack.assert_settled()
    stack.write(text.format(mark="", word=FIRST)).apply()
    assert stack.outputs() == {"word": FIRST, "part": {"a": FIRST, "b": 1}, "none": None, "fixed": "shown-in-the-file"}
    stack.assert_settled()
    stack.destroy()


def test_a_sensitive_output_is_printed_where_that_is_meant(local_stack):
    """By its name, raw, and with an option besides; not of a hash, and in nothing else that is printed with it."""
    local_stack.write(
        """
        stack: meant
        inputs: {password: {type: string, sensitive: true}}
        outputs:
          one: {value: "${inputs.password}", sensitive: true}
          several: {value: {a: "${inputs.password}"}, sensitive: true}
        """
    )
    local_stack.apply("-i", f"password={FIRST}")
    refused = local_stack.run("output", "--raw", "one", status=1)
    assert "--show-sensitive prints it" in refused.err
    hashed = local_stack.run("output", "--raw", "--show-sensitive", "one", status=1)
    assert "the state keeps only a hash of it" in hashed.err and "weir state key" in hashed.err
    alone = local_stack.run("output", "--show-sensitive", "one", status=3)
    local_stack.env["WEIR_STATE_KEY"] = "0f" * 32
    local_stack.apply("-i", f"password={FIRST}")
    others = [local_stack.run("output", *words, status=None) for words in (["--raw", "one"], ["one"], ["--json"], ["--json", "one"], [], ["--raw", "--show-sensitive", "several"])]
    assert "jsonencode" in others[-1].err
    hidden(local_stack, refused, hashed, alone, *others)
    shown = local_stack.run("output", "-vv", "--raw", "--show-sensitive", "one")
    assert shown.out == FIRST and FIRST not in shown.err


def test_a_wrong_type_does_not_print_the_value(local_stack):
    local_stack.write("stack: s\ninputs: {n: {type: integer, sensitive: true}}\n")
    result = local_stack.run("plan", "-i", f"n={FIRST}", status=3)
    assert FIRST not in result.err


def test_a_mistake_beside_a_secret_of_many_does_not_print_it(local_stack):
    """A map has a login for each registry: a password in it is hidden like one that stands by itself."""
    local_stack.write('stack: s\nproviders:\n  docker:\n    registries: {ghcr.io: {username: x, password: "hunter2-secret", pasword: 3}}\n')
    told = local_stack.run("validate", status=3).err
    assert 'unknown attribute "pasword"' in told and "username: x, password: ****************, pasword" in told


def test_errors_in_expressions_do_not_print_the_value(local_stack):
    local_stack.write("stack: s\ninputs: {p: {type: string, sensitive: true}}\nresources: {a: {type: weir.value, value: '${inputs.p * 2}'}, b: {type: weir.value, value: '${{x: 1}[inputs.p]}'}}\n")
    result = local_stack.run("plan", "-i", f"p={FIRST}", status=3)
    assert FIRST not in result.err


BY_INPUT = """
    stack: byinput
    inputs: {password: {type: string, sensitive: true}}
    resources:
      job:
        type: aws.glue.job
        name: by-input
        role: arn:aws:iam::123456789012:role/glue
        command: {name: glueetl, script_location: "s3://scripts/x.py"}
        default_arguments: {--password: "${inputs.password}"}
"""


@pytest.mark.parametrize("key", ["", "0f" * 32], ids=["hashed", "sealed"])
def test_what_only_an_input_makes_secret_stays_so_after_a_lost_answer(stack, cloud, key):
    """The record that recovery writes has the live value: marked as what was about to be, and as what was recorded."""
    stack.env |= {"WEIR_STATE_KEY": key} if key else {}
    stack.write(BY_INPUT)
    stack.apply("-i", f"password={FIRST}")
    cloud.fail({"match": "UpdateJob", "after": True, "close": True, "times": 9})
    results = [stack.apply("-i", f"password={SECOND}", status=None)]
    cloud.fail()
    results += [stack.run("plan", "-i", f"password={SECOND}"), stack.run("state", "show", "job"), stack.run("plan", "-o", "p.plan", "-i", f"password={SECOND}"), stack.run("history")]
    assert "as it is now" in results[1].out + results[1].err, str(results[1])
    assert SECOND.encode() not in (stack.folder / "p.plan").read_bytes()
    hidden(stack, *results)


def test_an_import_keeps_the_secrets_of_the_file(stack, cloud):
    cloud.client("glue").create_job(Name="by-input", Role="arn:aws:iam::123456789012:role/glue", Command={"Name": "glueetl", "ScriptLocation": "s3://scripts/x.py"}, DefaultArguments={"--password": FIRST})
    stack.write(BY_INPUT)
    hidden(stack, stack.run("state", "import", "job", "by-input", "-i", f"password={SECOND}"), stack.run("state", "show", "job"), stack.run("plan", "-i", f"password={SECOND}"))


LINKED = """
    stack: linked
    inputs: {link: {type: any, sensitive: true}, note: one}
    resources:
      secret: {type: aws.secretsmanager.secret, name: linked/db, secret_string: "${inputs.link.password}", force_destroy: true}
      role: {type: aws.iam.role, name: linked, assume_role_policy: '${trust("glue.amazonaws.com")}', tags: {note: "${inputs.note}"}}
      job: {type: aws.glue.job, name: linked, role: "${role.arn}", command: {name: glueetl, script_location: "s3://scripts/x.py"}, tags: {note: "${inputs.note}"}}
      key: {type: aws.kms.key, description: of the link, tags: {note: "${inputs.note}"}}
      bucket: {type: aws.s3.bucket, name: "${inputs.link.bucket}", tags: {note: "${inputs.note}"}}
      group: {type: aws.logs.log_group, name: "/linked/${inputs.link.region}", tags: {note: "${inputs.note}"}}
"""
LINK = {"region": "us-east-1", "account": "123456789012", "bucket": "linked-films-bucket", "password": FIRST}


@pytest.mark.parametrize("key", ["", "0f" * 32], ids=["hashed", "sealed"])
def test_what_identifies_a_resource_is_never_a_hash(stack, key):
    """A sensitive map has words in it that ARNs are made of, and the name of a thing."""
    stack.env |= {"WEIR_INPUT_LINK": json.dumps(LINK)} | ({"WEIR_STATE_KEY": key} if key else {})
    stack.write(LINKED)
    results = [stack.apply("-vv")]
    assert all(arn in stack.state_text() for arn in ("arn:aws:glue:us-east-1:123456789012:job/linked", f"arn:aws:s3:::{LINK['bucket']}"))
    stack.assert_settled()
    results += [stack.apply("-i", "note=two")]
    stack.assert_settled("-i", "note=two")
    results += [stack.run("plan", "--no-refresh", "-i", "note=three"), stack.destroy("-i", "note=two")]
    hidden(stack, *results)


def test_a_thing_with_a_secret_name_is_found_after_a_lost_answer(stack, cloud):
    """Without a key, too: its name stands in the intent."""
    stack.env["WEIR_INPUT_LINK"] = json.dumps(LINK)
    stack.write("""
        stack: linked
        inputs: {link: {type: any, sensitive: true}}
        resources: {bucket: {type: aws.s3.bucket, name: "${inputs.link.bucket}"}}
    """)
    cloud.fail({"match": "CreateBucket", "after": True, "close": True, "times": 9})
    stack.apply(status=None)
    cloud.fail()
    stack.apply()
    stack.assert_settled()
    stack.destroy()
    assert cloud.client("s3").list_buckets()["Buckets"] == []
