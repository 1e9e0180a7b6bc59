"""What services cost: the requests of a refresh, type by type; the examples on moto beside a bare client; a plan of many kinds of resources."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
sys.path.append(str(ROOT / "tests" / "e2e"))
from test_examples import examples, stack_of, with_stand_ins  # noqa: E402

MANY = 20
REFRESHED = re.compile(r"Refreshed (\d+) resources? with (\d+) requests?")
# Attributes by which several of a type are told apart.
NAMES = ("name", "statement_id", "key", "function_name")


def stack_text(example, count):
    """`count` resources after the type's own example, and one of each thing that it speaks of."""
    text, around = with_stand_ins(stack_of("types", example))
    stack = yaml.safe_load(text)
    it = stack["resources"]["it"]
    it["for_each"] = [f"n{i:02}" for i in range(count)]
    for name in NAMES:
        if isinstance(it.get(name), str):
            it[name] = "${each.key}-" + it[name]
            break
    return yaml.safe_dump(stack), around


def refresh_requests(weir, folder, example, count):
    """Requests of a plan when everything is there; None where the example needs what only a test can prepare."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    text, around = stack_text(example, count)
    (folder / "weir.yaml").write_text(text)
    if subprocess.run([weir, "apply", "--yes", "--sandbox"], cwd=folder, capture_output=True, timeout=120).returncode:
        return None
    plan = subprocess.run([weir, "plan", "--sandbox", "--target", "it"], cwd=folder, capture_output=True, text=True, timeout=120).stdout
    found = REFRESHED.search(plan)
    return int(found[2]) if found and int(found[1]) == count + around else None


def refresh(title, _, work, quick):
    title(f"Requests of a refresh: {MANY} of a type", f"on the sandbox, by weir's own count; beside it {MANY} times what one of the type takes, which is reading one by one")
    left_out, rows = [], []
    for parameter in examples():
        kind, example = parameter.values
        name = parameter.id.split()[-1]
        if kind != "types" or (quick and name.split(".")[1] not in ("s3", "iam", "glue", "sns")):
            continue
        weir = ROOT / "build" / "weir"
        one, many = (refresh_requests(weir, work / "refresh", example, count) for count in (1, MANY))
        if one is None or many is None:
            left_out.append(name)
        else:
            rows.append((name, many, MANY * one))
    for name, many, single in sorted(rows, key=lambda row: row[1] / row[2]):
        print(f"  {name:40} {many:4}  one by one {single:4}")
    print(f"  {sum(row[1] for row in rows):,} requests for {len(rows)} types, one by one {sum(row[2] for row in rows):,}")
    if left_out:
        print(f"  not measured, as their examples need what lies outside of them: {', '.join(left_out)}")


# What moto has not got, or never finishes.
NOT_ON_MOTO = {"airflow-ops": "no MWAA", "ecommerce-lakehouse": "Kafka clusters stay in creation", "module airflow-mwaa": "no MWAA",
               "module redshift-warehouse": "no managed passwords of Redshift Serverless"}


def applied(bench, run, cloud, work, source):
    """One example on an empty moto: seconds and requests of apply and destroy."""
    cloud.reset()
    folder = work / "example"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".weir*"))
    environment = cloud.env()
    options = ["-e", "demo"] if "demo:" in (folder / "weir.yaml").read_text() else []
    result = []
    for command in ("apply", "destroy"):
        cloud.call("DELETE", "/e2e/requests")
        try:
            done = run([bench.weir, command, "--yes", *options], cwd=folder, env=environment)
        except SystemExit as problem:
            return str(problem).strip().splitlines()[-1]
        result.append((done.seconds, cloud.requests()))
    return result


def examples_on_moto(bench, run, title, make_cloud, bare_client, work):
    title("Examples on moto: apply and destroy", "beside the time that a bare client takes for as many small requests, 32 at a time; one run each, in which moto loads the services it has not met before")
    with make_cloud() as cloud:
        line = "\t".join(("{}", "POST", "/", "sts", "", "Action=GetCallerIdentity&Version=2011-06-15"))
        (work / "plain").write_text("\n".join(line.format(i) for i in range(1000)) + "\n")
        rate = 1000 / run([bare_client, cloud.url, "32"], stdin=work / "plain", runs=2).seconds
        print(f"  bare client    {rate:6.0f} requests a second")
        for source in sorted([*(ROOT / "examples").glob("*/"), *(ROOT / "modules").glob("*/example")]):
            if not (source / "weir.yaml").exists():
                continue
            name = source.name if source.parent.name == "examples" else f"module {source.parent.name}"
            if name in NOT_ON_MOTO:
                print(f"  {name:28} not on moto: {NOT_ON_MOTO[name]}")
                continue
            result = applied(bench, run, cloud, work, source)
            if isinstance(result, str):
                print(f"  {name:28} not on moto: {result[:120]}")
                continue
            figures = "   ".join(f"{what} {seconds:6.2f} s {requests:4} requests, x {seconds * rate / requests:4.1f}" for what, (seconds, requests) in zip(("apply", "destroy"), result))
            print(f"  {name:28} {figures}")


MIXED = """
stack: mixed
locals: {all: "${[for i in range(COUNT) : tostring(i)]}"}
resources:
  bucket: {type: aws.s3.bucket, for_each: "${locals.all}", name: "mixed-${each.key}", versioning: true, tags: {n: "${each.key}"}}
  role:
    type: aws.iam.role
    for_each: ${locals.all}
    name: mixed-${each.key}
    assume_role_policy: ${trust("glue.amazonaws.com")}
    policies: {lake: '${allow(["s3:GetObject", "s3:PutObject"], ["${bucket[each.key].arn}/*"])}'}
  job:
    type: aws.glue.job
    for_each: ${locals.all}
    name: mixed-${each.key}
    role: ${role[each.key].arn}
    command: {name: glueetl, script_location: "s3://${bucket[each.key].name}/job.py", python_version: "3"}
  log: {type: aws.logs.log_group, for_each: "${locals.all}", name: "/mixed/${each.key}", retention_in_days: 14}
  schedule:
    type: aws.scheduler.schedule
    for_each: ${locals.all}
    name: mixed-${each.key}
    schedule_expression: rate(1 day)
    target: {arn: "arn:aws:scheduler:::aws-sdk:glue:startJobRun", role: "${role[each.key].arn}", input: {JobName: "${job[each.key].name}"}}
"""


def mixed(bench, run, title, work):
    count = 20 if bench.quick else 200
    title(f"{5 * count:,} resources of five kinds on the sandbox", "the whole process, in turns of plan before, apply, plan after (refreshed), plan after without a refresh; one run each")
    folder = work / "mixed-kinds"
    folder.mkdir()
    (folder / "weir.yaml").write_text(MIXED.replace("COUNT", str(count)))
    for name, command in (("plan, all new", ["plan"]), ("apply", ["apply", "--yes"]), ("plan", ["plan"]), ("plan, no refresh", ["plan", "--no-refresh"]), ("destroy", ["destroy", "--yes"])):
        done = run([bench.weir, *command, "--sandbox"], cwd=folder)
        found = REFRESHED.search(done.out)
        print(f"  {name:18} {done.seconds:7.3f} s {done.megabytes:6.1f} MB" + (f"  {found[2]} requests" if found else ""))
