"""weir policy: what a run sends must be among what it says that a run needs."""

import json
from fnmatch import fnmatch

from support import cpu_of, example

STACK = """
    stack: allowed
    resources:
      role: {type: aws.iam.role, name: etl, assume_role_policy: '${trust("glue.amazonaws.com")}', policies: {own: '${allow("s3:GetObject", "*")}'}}
      policy: {type: aws.iam.policy, name: shared, policy: '${allow("s3:ListBucket", "*")}'}
      job: {type: aws.glue.job, name: clean, role: "${role.arn}", command: {name: glueetl, script_location: "s3://b/c.py"}, tags: {a: b}}
      db: {type: aws.glue.database, name: films}
      secret: {type: aws.secretsmanager.secret, name: pw, secret_string: hunter22}
"""
TARGETS = {"AWSGlue": "glue", "secretsmanager": "secretsmanager", "ResourceGroupsTaggingAPI_20170126": "tag"}


def actions(stack, phase):
    document = json.loads(stack.run("policy", phase).out)
    assert document["Version"] == "2012-10-17"
    return {a for s in document["Statement"] for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}


def sent(cloud):
    """The requests that weir sent, as IAM actions."""
    found = set()
    for request in cloud.requests():
        label = request if isinstance(request, str) else request["label"]
        target, _, operation = label.rpartition(".")
        if target in TARGETS:
            found.add(f"{TARGETS[target]}:{operation}")
        elif label.isalpha():
            found.add(f"{'sts' if label == 'GetCallerIdentity' else 'iam'}:{label}")
    cloud.forget_requests()
    return found - {"sts:GetCallerIdentity"}


def test_what_is_sent_is_allowed(stack, cloud):
    stack.write(STACK)
    needed = {phase: actions(stack, phase) for phase in ("plan", "apply", "destroy")}
    assert needed["plan"] < needed["apply"] and "iam:PassRole" in needed["apply"] and "iam:PassRole" not in needed["destroy"]
    assert not any(a.split(":")[1].startswith(("Create", "Delete", "Put", "Update")) for a in needed["plan"])
    cloud.forget_requests()
    stack.apply()
    made = sent(cloud)
    assert {"iam:CreateRole", "glue:CreateJob"} <= made and made <= needed["apply"], made - needed["apply"]
    stack.plan()
    looked = sent(cloud)
    assert looked and looked <= needed["plan"], looked - needed["plan"]
    stack.write(STACK.replace("hunter22", "hunter33").replace("tags: {a: b}", "tags: {a: c}, timeout: 9").replace("s3:ListBucket", "s3:GetObject"))
    stack.apply()
    changed = sent(cloud)
    assert changed <= needed["apply"], changed - needed["apply"]
    stack.destroy()
    removed = sent(cloud)
    assert "iam:DeleteRole" in removed and removed <= needed["destroy"], removed - needed["destroy"]


def test_s3_actions_have_iams_own_names(local_stack):
    local_stack = example("film-lake", local_stack.folder / "lake", None)
    needed = actions(local_stack, "apply")
    assert {"s3:PutLifecycleConfiguration", "s3:PutBucketPublicAccessBlock", "s3:ListBucket", "s3:PutObject"} <= needed
    assert not needed & {"s3:HeadBucket", "s3:PutBucketLifecycleConfiguration", "s3:PutPublicAccessBlock"}
    assert local_stack.run("policy", "sideways", status=3).err


def allowed(document, action, arn):
    """Does some statement allow the action on the resource?"""
    for statement in document["Statement"]:
        on = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if action in statement["Action"] and any(fnmatch(arn, pattern) for pattern in on):
            return True
    return False


NAMED = """
    stack: named
    inputs: {owner: {type: string, default: ada}}
    resources:
      lake: {type: aws.s3.bucket, name: "${inputs.owner}-lake"}
      zones: {type: aws.sqs.queue, for_each: [bronze, gold], name: "${inputs.owner}-${each.key}"}
      role: {type: aws.iam.role, name: "${inputs.owner}-etl", assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      f: {type: aws.lambda.function, name: "${inputs.owner}-f", role: "${role.arn}", runtime: python3.13, handler: a.b, code: {s3_bucket: x, s3_key: y}}
      vpc: {type: aws.ec2.vpc, cidr_block: 10.0.0.0/16}
      events: {type: aws.glue.registry, name: "${inputs.owner}-events"}
      clicks: {type: aws.glue.schema, registry: "${events.name}", name: clicks, data_format: JSON, definition: "{}"}
      rules: {type: aws.glue.data_quality_ruleset, name: "${inputs.owner}-rules", ruleset: 'Rules = [ IsComplete "a" ]'}
      best: {type: aws.athena.named_query, name: best, database: d, query: select 1, workgroup: "${inputs.owner}"}
"""


def test_narrowed_to_the_stacks_own(local_stack):
    """On what has a name, and on nothing else; what lists, or makes what the service names, on everything."""
    stack = local_stack.write(NAMED)
    document = json.loads(stack.run("policy", "apply", "-i", "owner=bob").out)
    queue, role = "arn:aws:sqs:us-east-1:123456789012:", "arn:aws:iam::123456789012:role/"
    for action, own, others in (
        ("s3:CreateBucket", "arn:aws:s3:::bob-lake", "arn:aws:s3:::ada-lake"), ("s3:PutBucketVersioning", "arn:aws:s3:::bob-lake", "arn:aws:s3:::bob-lake2"),
        ("sqs:CreateQueue", queue + "bob-gold", queue + "bob-silver"), ("iam:CreateRole", role + "bob-etl", role + "admin"),
        ("lambda:CreateFunction", "arn:aws:lambda:eu-west-1:1:function:bob-f", "arn:aws:lambda:eu-west-1:1:function:g"),
        ("glue:UpdateRegistry", "arn:aws:glue:eu-west-1:1:registry/bob-events", "arn:aws:glue:eu-west-1:1:registry/ada-events"),
        ("glue:CreateSchema", "arn:aws:glue:eu-west-1:1:schema/bob-events/clicks", "arn:aws:glue:eu-west-1:1:schema/ada-events/clicks"),
        ("glue:CreateSchema", "arn:aws:glue:eu-west-1:1:registry/bob-events", "arn:aws:glue:eu-west-1:1:registry/ada-events"),
        ("glue:DeleteDataQualityRuleset", "arn:aws:glue:eu-west-1:1:dataQualityRuleset/bob-rules", "arn:aws:glue:eu-west-1:1:dataQualityRuleset/ada-rules"),
        ("athena:CreateNamedQuery", "arn:aws:athena:eu-west-1:1:workgroup/bob", "arn:aws:athena:eu-west-1:1:workgroup/primary"),
    ):
        assert allowed(document, action, own), action
        assert not allowed(document, action, others), action
    assert allowed(document, "s3:ListAllMyBuckets", "*") and allowed(document, "iam:GetAccountAuthorizationDetails", "*")
    assert allowed(document, "ec2:CreateVpc", "arn:aws:ec2:us-east-1:1:vpc/vpc-1")
    wide = json.loads(stack.run("policy", "apply", "--wide").out)
    assert {str(statement["Resource"]) for statement in wide["Statement"]} == {"*", "arn:*:iam::*:role/*"}


def test_content_is_narrowed_to_where_it_lies(stack, cloud):
    cloud.client("s3").create_bucket(Bucket="others-lake")
    stack.write("code", "code.py").write("dag", "dags/a.py").write("""
        stack: content
        resources:
          lake: {type: aws.s3.bucket, name: content-lake}
          code: {type: weir.artifact, source: code.py, store: "s3://${lake.name}/code"}
          sample: {type: aws.s3.object, bucket: others-lake, key: raw/sample.csv, content: a}
          dags: {type: aws.s3.directory, bucket: "${lake.name}", prefix: dags, source: dags}
    """)
    documents = {phase: json.loads(stack.run("policy", phase).out) for phase in ("plan", "apply", "destroy")}
    bucket, put = "arn:aws:s3:::", "s3:PutObject"
    for key in "content-lake/code/x.py", "others-lake/raw/sample.csv", "content-lake/dags/a.py":
        assert allowed(documents["apply"], put, bucket + key) and allowed(documents["plan"], "s3:GetObject", bucket + key)
        assert allowed(documents["destroy"], "s3:DeleteObject", bucket + key) and not allowed(documents["plan"], put, bucket + key)
    for key in "content-lake/other/x.py", "others-lake/raw/other.csv", "content-lake2/code/x.py":
        assert not allowed(documents["apply"], put, bucket + key), key
    assert allowed(documents["apply"], "s3:ListBucket", bucket + "others-lake") and not allowed(documents["apply"], "s3:ListBucket", bucket + "content-lake2")
    names = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": put, "DELETE": "s3:DeleteObject"}
    for phase, command in [("apply", ["apply", "-y"]), ("plan", ["plan"]), ("destroy", ["destroy", "-y"])]:
        cloud.forget_requests()
        stack.run(*command)
        requests = [request.partition(" ")[::2] for request in cloud.requests() if "lake/" in request.partition("?")[0]]
        assert requests, phase
        for method, path in requests:
            assert method == "POST" or allowed(documents[phase], names[method], bucket + path.partition("?")[0].removeprefix("/")), (phase, method, path)


def test_the_state_is_among_what_is_needed(stack, cloud):
    """By the requests that a run sends to the state's bucket."""
    names = {"GET": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}
    cloud.client("s3").create_bucket(Bucket="team-state")
    stack.write("""
        stack: shared
        environments: {dev: {}}
        state: {backend: s3, bucket: team-state, prefix: weir/, region: us-east-1, path_style: true}
        resources: {role: {type: aws.iam.role, name: shared, assume_role_policy: '${trust("glue.amazonaws.com")}'}}
    """)
    for phase, command in [("apply", ["apply", "-y"]), ("plan", ["plan"]), ("destroy", ["destroy", "-y"])]:
        document = json.loads(stack.run("policy", phase, "-e", "dev").out)
        cloud.forget_requests()
        stack.run(*command, "-e", "dev")
        used = [request.partition(" ")[::2] for request in cloud.requests() if "/team-state" in request]
        assert used and (phase == "plan") == (not any(method == "PUT" for method, _ in used))
        for method, path in used:
            bucket, _, key = path.partition("?")[0].removeprefix("/").partition("/")
            action = names[method] if key else "s3:ListBucket"
            assert allowed(document, action, f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")), (phase, method, path)
        assert not allowed(document, "s3:GetObject", "arn:aws:s3:::team-state/weir/other/1.json")
        assert phase != "plan" or not allowed(document, "s3:PutObject", "arn:aws:s3:::team-state/weir/shared.dev/1.json")
    stack.write("stack: sealed\nstate: {backend: file, key: 'kms:AAAA'}\nresources: {q: {type: aws.sqs.queue, name: q}}\n")
    assert "kms:Decrypt" in actions(stack, "plan")


def test_what_services_left_is_among_what_destroy_needs(local_stack):
    local_stack.write(NAMED)
    assert {"logs:DescribeLogGroups", "logs:DeleteLogGroup", "tag:GetResources"} <= actions(local_stack, "destroy")
    assert "logs:DeleteLogGroup" not in actions(local_stack, "apply")


def test_roles_are_passed_on_by_whatever_holds_one(local_stack):
    """At any depth, and by an instance profile too."""
    role = "arn:aws:iam::123456789012:role/x"
    for resource, passes in (
        (f"{{type: aws.scheduler.schedule, name: s, schedule_expression: rate(1 day), target: {{arn: 'arn:aws:sqs:us-east-1:123456789012:q', role: '{role}'}}}}", True),
        ("{type: aws.iam.instance_profile, name: p, roles: [x]}", True), ("{type: aws.iam.instance_profile, name: p}", False),
        ("{type: aws.events.rule, name: r, schedule_expression: rate(1 day)}", False),
    ):
        local_stack.write(f"stack: p\nresources:\n  it: {resource}\n")
        assert ("iam:PassRole" in actions(local_stack, "apply")) == passes, resource


def test_a_name_that_is_also_some_secrets_text(local_stack):
    """Is printed as it is: a policy with (redacted) in it would be of no use."""
    local_stack.write("""
        stack: p
        resources:
          lake: {type: aws.s3.bucket, name: named-like-the-secret}
          secret: {type: aws.secretsmanager.secret, name: pw, secret_string: named-like-the-secret}
    """)
    document = json.loads(local_stack.run("policy", "apply").out)
    assert allowed(document, "s3:CreateBucket", "arn:aws:s3:::named-like-the-secret") and "redacted" not in str(document)


def test_of_a_large_stack(local_stack):
    """Each ARN once, in an order that is always the same, and not much later than `validate`: it was quadratic."""
    buckets = [f"large-{i:04}" for i in range(1200)]
    local_stack.write("stack: large\nresources:\n" + "".join(f"  b{name[6:]}: {{type: aws.s3.bucket, name: {name}}}\n" for name in reversed(buckets)))
    _, validate_s = cpu_of(lambda: local_stack.run("validate"))
    shown, policy_s = cpu_of(lambda: local_stack.run("policy", "apply"))
    assert policy_s < 20 * validate_s
    document = json.loads(shown.out)
    created = [s["Resource"] for s in document["Statement"] if "s3:CreateBucket" in s["Action"]]
    assert created == [[f"arn:*:s3:::{name}{of}" for name in buckets for of in ("", "/*")]]


def test_an_argument_that_is_none(local_stack):
    """Is refused, whatever the stack."""
    local_stack.write("stack: p\nresources: {a: {type: none.such}}\n")
    assert 'it is plan, apply, destroy, run or sweep, not "aply"' in local_stack.run("policy", "aply", status=3).err


WHY = """
    stack: why
    resources:
      lake:
        type: aws.s3.bucket
        name: why-lake
        policy: {Version: "2012-10-17", Statement: [{Sid: Kept, Effect: Deny, Principal: "*", Action: "s3:DeleteObject", Resource: "arn:aws:s3:::why-lake/*"}]}
      bound: {type: aws.iam.policy, name: why-bound, policy: '${allow("s3:*", "*")}'}
      role:
        type: aws.iam.role
        name: why-etl
        assume_role_policy: '${trust("glue.amazonaws.com")}'
        permissions_boundary: ${bound.arn}
        managed_policies: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]
        policies:
          own: '${allow(["s3:PutObject", "s3:DeleteObject"], ["arn:aws:s3:::why-lake/raw/*"])}'
          here: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sqs:SendMessage", Resource: "*", Condition: {StringEquals: {"aws:RequestedRegion": eu-west-1}}}]}
"""


def test_why(local_stack):
    """By the sandbox's own IAM: which statement decides, and what is missing."""
    local_stack.write(WHY).apply("--sandbox")

    def why(action, arn, *more, status=0):
        return local_stack.run("--sandbox", "policy", "--why", "why-etl", action, arn, *more, status=status).out

    bucket, queue = "arn:aws:s3:::why-lake/", "arn:aws:sqs:us-east-1:000000000000:q"
    assert why("s3:GetObject", bucket + "gold/x").startswith(
        f"why-etl may s3:GetObject on {bucket}gold/x: statement 1 of identity-based policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess allows it\n")
    said = why("s3:PutObject", bucket + "gold/x", status=2)
    assert f"why-etl may not s3:PutObject on {bucket}gold/x: no identity-based policy allows it\n" in said
    assert "statement 1: is about other resources: arn:aws:s3:::why-lake/raw/*" in said
    assert f'What is missing from its policies: {{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "{bucket}gold/x"}}' in said
    said = why("s3:DeleteObject", bucket + "raw/x", status=2)
    assert "statement 1 of resource-based policy arn:aws:s3:::why-lake denies it" in said and "* statement 1 (Kept): denies it" in said
    said = why("sqs:SendMessage", queue, status=2)
    assert "its condition fails: StringEquals aws:requestedregion eu-west-1 (not given: --with aws:requestedregion=" in said
    said = why("sqs:SendMessage", queue, "--with", "aws:RequestedRegion=eu-west-1", status=2)
    assert "no permissions boundary allows it" in said and "What is missing from its permissions boundary" in said
    assert "(here: us-east-1)" in why("sqs:SendMessage", queue, "--with", "aws:RequestedRegion=us-east-1", status=2)
    assert 'there is no role "nobody"' in local_stack.run("--sandbox", "policy", "--why", "nobody", "s3:GetObject", "*", status=1).err
    for words, hint in ((["why-etl"], "takes a role, an action and an ARN"), (["why-etl", "GetObject", "*"], "is not an action"), (["why-etl", "s3:GetObject", "lake"], "is not an ARN")):
        assert hint in local_stack.run("policy", "--why", *words, status=3).err
    assert "--with goes with --why" in local_stack.run("policy", "apply", "--with", "a:b=c", status=3).err
