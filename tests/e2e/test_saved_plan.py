"""Saved plans: one that was changed is refused, and one that refers to recorded secrets is applied."""

import json

import pytest

from support import Stack, sealed_plan

LAKE = "stack: forged\nresources: {lake: {type: aws.s3.bucket, name: forged-lake}}\n"
KEY = {"WEIR_STATE_KEY": "a passphrase for forged plans"}


def forged(stack, edit, name="it.plan"):
    content = (stack.folder / name).read_text().rsplit(',"sha256":"', 1)[0]
    assert sealed_plan(content) == (stack.folder / name).read_text()
    assert edit(content) != content
    (stack.folder / "forged.plan").write_text(sealed_plan(edit(content)))


def rewritten(**entries):
    """Other entries, and no MAC."""
    def edit(content):
        whole = json.loads(content + "}")
        whole.pop("mac", None)
        return json.dumps(whole | entries)[:-1]
    return edit


def full_bucket(stack, cloud):
    stack.write(LAKE).apply()
    for key in "abc":
        cloud.client("s3").put_object(Bucket="forged-lake", Key=key, Body=b"1")
    shown = stack.run("plan", "--destroy", "-o", "it.plan").out
    assert "Blocking their deletion" in shown and stack.run("show", "it.plan").out.strip() in shown
    return json.loads((stack.folder / "it.plan").read_text())


def objects(cloud):
    return cloud.client("s3").list_objects_v2(Bucket="forged-lake")["KeyCount"]


def test_a_changed_plan_is_refused(stack, cloud):
    full_bucket(stack, cloud)
    text = (stack.folder / "it.plan").read_text()
    for other in text.replace('"teardown":0', '"teardown":1'), text.replace("lake", "lace", 1), text[:-1], text[:1000], text + " ":
        (stack.folder / "forged.plan").write_text(other)
        for command in ["show"], ["apply"], ["show", "--json"]:
            result = stack.run(*command, "forged.plan", status=None)
            assert result.status and other != text and "forged.plan is not " in result.err + result.out, other
    assert objects(cloud) == 3


def test_a_forged_plan_does_what_it_shows_or_nothing(stack, cloud):
    plan = full_bucket(stack, cloud)
    gone = {"lake": [{**item, "counts": {"objects": 1}} for item in plan["data_loss"]["lake"]]}
    for edit, shows in [
        (lambda content: content.replace('"teardown":0', '"teardown":1'), "Blocking their deletion"),
        (rewritten(teardown=1, data_loss={}), "1 to delete"),
        (rewritten(teardown=1, data_loss=gone), "Blocking their deletion"),
        (rewritten(teardown=1, changes=[], counts={}, data_loss={}), "No changes"),
        (rewritten(teardown=1, changes=[], outputs=[{"name": "x", "after": 1}], data_loss={}), "1 to delete"),
    ]:
        forged(stack, edit)
        assert shows in stack.run("show", "forged.plan").out
        refused = stack.run("apply", "forged.plan", status=1).err
        assert "would delete more than this plan shows" in refused or "are not those that this plan shows" in refused, refused
        assert objects(cloud) == 3
    stack.run("apply", "it.plan", status=3)  # as it was reviewed: the bucket is not empty
    assert objects(cloud) == 3
    planned = stack.run("plan", "--destroy", "--force-empty", "-o", "it.plan").out
    assert "3 objects, 3 bytes (--force-empty)" in planned and "3 objects, 3 bytes (--force-empty)" in stack.run("show", "it.plan").out
    stack.run("apply", "it.plan")
    assert not cloud.client("s3").list_buckets()["Buckets"]


DATABASE = """
    stack: forged
    resources:
      db: {type: aws.rds.instance, name: forged, engine: postgres, instance_class: db.t4g.micro, allocated_storage: 20, master_username: weir, master_user_password: long-enough-1,
        final_db_snapshot_identifier: forged-last}
"""


def test_a_forged_snapshot(stack, cloud):
    """What stays of it is what `show` says."""
    stack.write(DATABASE).apply()
    stack.run("plan", "--destroy", "-o", "it.plan")
    assert "its final snapshot: aws.rds.snapshot forged-last" in stack.run("show", "it.plan").out
    loss = json.loads((stack.folder / "it.plan").read_text())["data_loss"]["db"]
    forged(stack, rewritten(data_loss={"db": [{**item, "id": "other"} if "id" in item else item for item in loss]}))
    assert "its final snapshot: aws.rds.snapshot other" in stack.run("show", "forged.plan").out
    assert "its final snapshot" in stack.run("apply", "forged.plan", status=1).err
    forged(stack, rewritten(teardown=2))  # none is taken
    assert "no final snapshot is taken" in stack.run("apply", "forged.plan", status=1).err
    stack.run("apply", "it.plan")
    assert [item["DBSnapshotIdentifier"] for item in cloud.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == ["forged-last"]


def test_what_has_come_to_be_lost_is_not_deleted(stack, cloud):
    """It was empty when the plan was reviewed."""
    stack.write(LAKE.replace("forged-lake", "forged-lake, force_destroy: true")).apply()
    stack.run("plan", "--destroy", "-o", "it.plan")
    cloud.client("s3").put_object(Bucket="forged-lake", Key="late", Body=b"1")
    assert "lake: its deletion would delete more than this plan shows" in stack.run("apply", "it.plan", status=1).err
    assert objects(cloud) == 1
    assert "1 object" in stack.run("plan", "--destroy", "-o", "it.plan").out
    stack.run("apply", "it.plan")


def test_what_belongs_to_the_plan_is_refused(local_stack):
    local_stack.write("stack: s\nresources: {a: {type: weir.value, value: 1}}\n").run("plan", "-o", "it.plan")
    for option, *value in (["--to", "1"], ["--changed", "main"], ["--target", "a"], ["--junit", "it.xml"], ["--at-once", "2"]):
        assert option in local_stack.run("apply", "it.plan", "--yes", option, *value, status=3).err
    assert local_stack.run("apply", "it.plan", "--yes") and local_stack.addresses() == ["a"]


def test_a_return_to_an_earlier_run_can_be_saved(local_stack):
    """It is applied with the files and inputs of that run, whatever the files are by then; other files are another plan."""
    text = "stack: s\ninputs: {n: {type: integer, default: 7}}\nresources: {a: {type: weir.value, value: 'one${inputs.n}'}}\n"
    local_stack.write(text).apply("-i", "n=1")
    local_stack.write(text.replace("one", "two")).apply("-i", "n=2")
    assert '"two2" -> "one1"' in local_stack.run("plan", "--to", "1", "-o", "it.plan").out
    local_stack.write("stack: s\nresources: {b: {type: weir.value, value: 3}}\n")
    assert "1 updated" in local_stack.run("apply", "it.plan", "-y").out
    assert '"one1" -> "one3"' in local_stack.run("plan", "--to", "1", "-i", "n=3", "-o", "it.plan").out
    assert "1 updated" in local_stack.run("apply", "it.plan", "-y").out and local_stack.addresses() == ["a"]
    local_stack.run("plan", "--to", "1", "-i", "n=3", "--detailed-exitcode")


def test_with_a_key_a_plan_is_authenticated(stack, cloud):
    stack.env |= KEY
    plan = full_bucket(stack, cloud)
    everything = rewritten(teardown=1, data_loss={"lake": [{"message": "it is not empty", "flag": "force_empty"}]})
    forged(stack, everything)
    assert "--force-empty" in stack.run("show", "forged.plan").out
    assert "made without the state's key" in stack.run("apply", "forged.plan", status=1).err
    forged(stack, lambda content: everything(content) + f',"mac":"{plan["mac"]}"')
    assert "not made with the state's key, or was changed since" in stack.run("apply", "forged.plan", status=1).err
    assert objects(cloud) == 3
    rotated = Stack(stack.folder, cloud)
    rotated.env |= {"WEIR_STATE_KEY": "another passphrase, the new one", "WEIR_STATE_KEY_PREVIOUS": KEY["WEIR_STATE_KEY"]}
    assert "lake (it is not empty)" in rotated.run("apply", "it.plan", status=3).err  # an earlier key will do
    stack.destroy("--force-empty")


SECRETS = """
    stack: music
    inputs: {days: {type: integer, default: 3}}
    locals: {url: "postgres://music:${password.password}@db.internal/music"}
    resources:
      password: {type: weir.random, kind: password, length: 24}
      login: {type: aws.secretsmanager.secret, name: music, secret_string: '${jsonencode({"user": "music", "password": password.password})}'}
      url: {type: aws.ssm.parameter, name: /music/url, parameter_type: SecureString, value: "${locals.url}"}
      copy: {type: aws.ssm.parameter, name: /music/copy, parameter_type: SecureString, value: "${url.value}"}
      jobs: {type: aws.iam.user, name: jobs}
      key: {type: aws.iam.access_key, user: "${jobs.name}"}
      key_secret: {type: aws.secretsmanager.secret, name: music-key, secret_string: "${key.secret_access_key}"}
      etl: {type: aws.sqs.queue, name: music, message_retention_period: "${inputs.days * 86400}"}
    outputs: {url: {value: "${locals.url}", sensitive: true}}
"""


def carried_out(stack, cloud, *options):
    """Planned into a file, looked at, and applied from there: nothing secret is in it."""
    shown = stack.run("plan", "-o", "it.plan", *options).out
    assert stack.run("show", "it.plan").out.strip() in shown
    known = [json.loads(cloud.client("secretsmanager").get_secret_value(SecretId="music")["SecretString"])["password"],
             cloud.client("secretsmanager").get_secret_value(SecretId="music-key")["SecretString"]] if stack.addresses() else []
    result = stack.run("apply", "it.plan")
    text = (stack.folder / "it.plan").read_text() + shown + result.out
    assert not [secret for secret in known if secret in text]
    return result.out


@pytest.mark.full
def test_a_saved_plan_knows_recorded_secrets(stack, cloud):
    stack.env |= KEY
    stack.write(SECRETS)
    assert "8 created" in carried_out(stack, cloud)
    ssm, secrets = cloud.client("ssm"), cloud.client("secretsmanager")
    password = json.loads(secrets.get_secret_value(SecretId="music")["SecretString"])["password"]
    assert "1 updated" in carried_out(stack, cloud, "-i", "days=4")  # something else
    stack.write(SECRETS.replace("db.internal", "db.example"))  # what the secret is a part of
    assert "2 updated" in carried_out(stack, cloud, "-i", "days=4")
    assert ssm.get_parameter(Name="/music/copy", WithDecryption=True)["Parameter"]["Value"] == f"postgres://music:{password}@db.example/music"
    ssm.put_parameter(Name="/music/url", Value="changed outside", Type="SecureString", Overwrite=True)
    assert "1 updated" in carried_out(stack, cloud, "-i", "days=4")
    assert ssm.get_parameter(Name="/music/url", WithDecryption=True)["Parameter"]["Value"] == f"postgres://music:{password}@db.example/music"
    assert "1 replaced" in carried_out(stack, cloud, "-i", "days=4", "--replace", "password")
    assert ssm.get_parameter(Name="/music/copy", WithDecryption=True)["Parameter"]["Value"] != f"postgres://music:{password}@db.example/music"
    assert "No changes" in stack.run("plan", "-i", "days=4").out
    assert "8 deleted" in carried_out(stack, cloud, "-i", "days=4", "--destroy")
    assert not ssm.describe_parameters()["Parameters"] and not cloud.client("iam").list_users()["Users"]


def test_without_a_key_what_services_tell_is_read_again(stack, cloud):
    body = """
        stack: keyless
        inputs: {days: {type: integer, default: 3}}
        resources:
          login: {type: aws.secretsmanager.secret, name: keyless, generate: {length: 24}}
          url: {type: aws.ssm.parameter, name: /keyless, parameter_type: SecureString, value: "postgres://u:${login.password}@db"}
          etl: {type: aws.sqs.queue, name: keyless, message_retention_period: "${inputs.days * 86400}"}
    """
    stack.write(body).run("plan", "-o", "it.plan")
    assert "3 created" in stack.run("apply", "it.plan").out
    password = cloud.client("secretsmanager").get_secret_value(SecretId="keyless")["SecretString"]
    stack.run("plan", "-o", "it.plan", "-i", "days=4")
    assert password not in (stack.folder / "it.plan").read_text()
    assert "1 updated" in stack.run("apply", "it.plan").out
    stack.write(body.replace("@db", "@other")).run("plan", "-o", "it.plan", "-i", "days=4")
    assert "1 updated" in stack.run("apply", "it.plan").out
    assert cloud.client("ssm").get_parameter(Name="/keyless", WithDecryption=True)["Parameter"]["Value"] == f"postgres://u:{password}@other"
    assert "No changes" in stack.run("plan", "-i", "days=4").out
    stack.run("plan", "-o", "it.plan", "-i", "days=5")
    cloud.client("secretsmanager").put_secret_value(SecretId="keyless", SecretString="another-one-since")
    refused = stack.run("apply", "it.plan", "--json", status=None)
    assert refused.status and not [e for e in refused.events() if e["event"] == "done"], refused.out
    stack.destroy("-i", "days=4")
