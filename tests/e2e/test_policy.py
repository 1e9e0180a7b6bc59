"""weir policy: what a run sends must be among what it says that a run needs."""

import json

from support import ROOT

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
    local_stack.write((ROOT / "examples/film-lake/weir.yaml").read_text())
    needed = actions(local_stack, "apply")
    assert {"s3:PutLifecycleConfiguration", "s3:PutBucketPublicAccessBlock", "s3:ListBucket", "s3:PutObject"} <= needed
    assert not needed & {"s3:HeadBucket", "s3:PutBucketLifecycleConfiguration", "s3:PutPublicAccessBlock"}
    assert local_stack.run("policy", "sideways", status=3).err
