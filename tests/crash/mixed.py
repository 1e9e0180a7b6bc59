"""A stack in which every protocol occurs, and ids that are known beforehand as well as such that the service gives; and what of it is there."""

import json

STACK = """
    stack: mixed
    inputs:
      v: {type: integer, default: 1}
      name: {type: string, default: one}
    locals:
      tags: {version: "${inputs.v}"}
      action: '${inputs.v == 1 ? "s3:PutObject" : "s3:DeleteObject"}'
    resources:
      lake:
        type: aws.s3.bucket
        name: crash-lake-${inputs.name}
        versioning: true
        tags: ${locals.tags}
        force_destroy: true
      film:
        type: aws.s3.object
        bucket: ${lake.name}
        key: raw/films.csv
        content: "id|title|${inputs.v}"
      script:
        type: weir.artifact
        source: jobs/v${inputs.v}.py
        name: script
        store: ${lake.name}/code
      role:
        type: aws.iam.role
        name: crash-role-${inputs.name}
        assume_role_policy: ${trust(["glue.amazonaws.com", "scheduler.amazonaws.com"])}
        description: version ${inputs.v}
        policies:
          lake: '${allow(["s3:GetObject", locals.action], ["arn:aws:s3:::${lake.name}/*"])}'
        tags: ${locals.tags}
      policy:
        type: aws.iam.policy
        name: crash-policy-${inputs.name}
        policy: ${allow(["glue:Get*"], ["*"])}
      catalog: {type: aws.glue.database, name: "crash_${inputs.name}", description: "version ${inputs.v}"}
      bronze:
        type: aws.glue.job
        for_each: [a, b]
        name: crash-${inputs.name}-${each.key}
        role: ${role.arn}
        command: {name: glueetl, script_location: "${script.url}", python_version: "3"}
        number_of_workers: ${inputs.v + 1}
        worker_type: G.1X
      password:
        type: aws.secretsmanager.secret
        name: crash/${inputs.name}
        description: version ${inputs.v}
        secret_string: swordfish-${inputs.v}
      nightly:
        type: aws.scheduler.schedule
        name: crash-${inputs.name}
        schedule_expression: rate(${inputs.v + 1} hours)
        flexible_time_window: {mode: "OFF"}
        target: {arn: 'arn:aws:glue:us-east-1:123456789012:job/${bronze["a"].name}', role: "${role.arn}"}
      rule:
        type: aws.events.rule
        name: crash-${inputs.name}
        schedule_expression: rate(${inputs.v + 1} days)
    outputs:
      lake: {value: "${lake.name}"}
"""
RESOURCES = 11
STATE_BUCKET = "weir-state"


def code(v):
    return f"print({v})\n".encode()


def written(stack, more=""):
    """The stack with the files that it names."""
    for v in (1, 2):
        stack.write(code(v), f"jobs/v{v}.py")
    return stack.write(STACK + more)


def tags_of(tags):
    """Without weir's own marks: the intent in them differs from run to run."""
    return {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("weir:")}


def buckets(s3):
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        if name == STATE_BUCKET:
            continue
        objects = s3.list_objects_v2(Bucket=name).get("Contents", [])
        yield {
            "bucket": name,
            "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
            "tags": tags_of(s3.get_bucket_tagging(Bucket=name)["TagSet"]),
            "objects": {item["Key"]: s3.get_object(Bucket=name, Key=item["Key"])["Body"].read().decode() for item in objects},
        }


def roles(iam):
    for role in iam.list_roles()["Roles"]:
        names = iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
        yield {
            "role": role["RoleName"],
            "description": role.get("Description"),
            "tags": tags_of(iam.list_role_tags(RoleName=role["RoleName"])["Tags"]),
            "policies": {name: iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"] for name in names},
        }


def everything(cloud):
    """All that the services list, looked at with boto3, in one order."""
    glue, secrets, scheduler, events = (cloud.client(name) for name in ("glue", "secretsmanager", "scheduler", "events"))
    iam = cloud.client("iam")
    found = list(buckets(cloud.client("s3"))) + list(roles(iam))
    found += [{"policy": item["PolicyName"]} for item in iam.list_policies(Scope="Local")["Policies"]]
    found += [{"database": item["Name"], "description": item.get("Description")} for item in glue.get_databases()["DatabaseList"]]
    found += [
        {"job": item["Name"], "workers": item["NumberOfWorkers"], "role": item["Role"], "script": item["Command"]["ScriptLocation"]}
        for item in glue.get_jobs()["Jobs"]
    ]
    for item in secrets.list_secrets()["SecretList"]:
        value = secrets.get_secret_value(SecretId=item["ARN"])["SecretString"]
        found.append({"secret": item["Name"], "description": item.get("Description"), "value": value})
    for item in scheduler.list_schedules()["Schedules"]:
        schedule = scheduler.get_schedule(Name=item["Name"])
        found.append({"schedule": item["Name"], "rate": schedule["ScheduleExpression"], "target": schedule["Target"]["Arn"]})
    found += [{"rule": item["Name"], "rate": item.get("ScheduleExpression")} for item in events.list_rules()["Rules"]]
    return sorted(found, key=lambda item: json.dumps(item, sort_keys=True))
