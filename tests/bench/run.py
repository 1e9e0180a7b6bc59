"""make bench: how fast weir is, each figure beside a yardstick measured in the same run.

    run.py [--quick] [--weir build/weir] [SECTION …]      sections: start scan apply rules state locks http moto sandbox transfer download jobs refresh examples mixed hosts database containers fleet stacks terraform; reach is hosts, database and containers

Every figure is the best of several runs of a whole process: wall clock from fork to exit and peak resident memory, both
taken by measure.c. --quick leaves the large sizes out.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BIN = ROOT / "build" / "bench"
ACCOUNT = "123456789012"


class Run:
    """A process and the best of its runs: seconds, CPU seconds, peak memory in MB, and what the last run printed."""

    def __init__(self, command, cwd=None, env=None, stdin=None, runs=1):
        self.command, self.cwd, self.env, self.stdin = command, cwd, env, stdin
        self.seconds = float("inf")
        self.megabytes = 0.0
        self.cpu = float("inf")
        for _ in range(runs):
            self.again()

    def again(self):
        with tempfile.NamedTemporaryFile("r") as result, open(self.stdin or os.devnull) as source:
            child = subprocess.run([BIN / "measure", result.name, *self.command], cwd=self.cwd, env=self.env, stdin=source, capture_output=True, text=True)
            if child.returncode:
                sys.exit(f"{' '.join(map(str, self.command))}: status {child.returncode}\n{child.stdout[-2000:]}{child.stderr[-2000:]}")
            seconds, kilobytes, cpu = map(float, result.read().split())
        self.out = child.stdout
        self.seconds = min(self.seconds, seconds)
        self.megabytes = max(self.megabytes, kilobytes / 1024)
        self.cpu = min(self.cpu, cpu)


def side_by_side(rounds, *runs):
    """Takes turns, so that whatever else the machine does falls on all of them alike."""
    for _ in range(rounds):
        for run in runs:
            run.again()


class Bench:
    def __init__(self, weir, quick):
        self.weir = weir
        self.quick = quick
        self.sizes = (1_000, 10_000) if quick else (1_000, 10_000, 100_000)
        self.missed = []

    def judge(self, what, value, limit, unit=""):
        good = value <= limit
        if not good:
            self.missed.append(f"{what}: {value:.3g}{unit}, target {limit:g}{unit}")
        return "" if good else f"  MISSES {limit:g}{unit}"


def title(text, method):
    print(f"\n{text}\n  method: {method}")


def chains(folder, count):
    """A stack of weir.value resources in chains of ten, each holding what the one before it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "weir.yaml", "w") as out:
        out.write("stack: bench\nresources:\n")
        for i in range(count):
            value = f"chain {i // 10}" if i % 10 == 0 else f"${{v{i - 1}.value}}"
            out.write(f"  v{i}:\n    type: weir.value\n    value: {value}\n")
    return folder


def bench_start(bench, _):
    title("Start", "weir version, best of 20; size of the stripped binary")
    run = Run([bench.weir, "version"], runs=20)
    stripped = Path(tempfile.mkdtemp()) / "weir"
    subprocess.run(["strip", "-o", stripped, bench.weir], check=True)
    size = stripped.stat().st_size / 1e6
    shutil.rmtree(stripped.parent)
    print(f"  weir version   {run.seconds * 1e3:6.1f} ms {run.megabytes:6.1f} MB"
          + bench.judge("start, time", run.seconds * 1e3, 5, " ms") + bench.judge("start, memory", run.megabytes, 10, " MB"))
    print(f"  binary         {size:6.2f} MB" + bench.judge("binary", size, 2, " MB"))


def growth(bench, name, rows):
    """How much more one resource costs at the largest size than at the smallest."""
    (small, first), (large, last) = rows[0], rows[-1]
    times = (last.seconds / large) / (first.seconds / small)
    print(f"  {name:14} {small:,} -> {large:,}: time per resource x {times:.2f}" + bench.judge(f"{name}, growth", times, 1.5))


def bench_scan(bench, work):
    title("Validate and plan weir.value resources in chains of ten",
          "yardstick: libyaml's parser takes every event of the same file (yaml_scan.c); in turns, best of 7, 100,000: best of 3")
    rows = {"validate": [], "plan": []}
    for count in bench.sizes:
        folder = chains(work / f"scan{count}", count)
        yard = Run([BIN / "yaml_scan", folder / "weir.yaml"], runs=0)
        runs = {command: Run([bench.weir, command], cwd=folder, runs=0) for command in rows}
        side_by_side(7 if count < 100_000 else 3, yard, *runs.values())
        print(f"  {count:>7,}  libyaml        {yard.seconds * 1e3:9.1f} ms {yard.megabytes:7.1f} MB")
        for command, run in runs.items():
            report(bench, command, count, run, yard)
            rows[command].append((count, run))
    for command, measured in rows.items():
        growth(bench, command, measured)


def report(bench, name, count, run, yard):
    ratio = run.seconds / yard.seconds
    print(f"  {count:>7,}  {name:14} {run.seconds * 1e3:9.1f} ms {run.megabytes:7.1f} MB  x {ratio:4.1f} of libyaml"
          + (bench.judge(f"{name} {count:,}", ratio, 4, " x") if count > 1_000 else "")
          + (bench.judge(f"{name} {count:,}, memory", run.megabytes, 40, " MB") if count == 10_000 else ""))


def bench_apply(bench, work):
    title("Apply weir.value resources in chains of ten with the durable log, then a plan without changes",
          "apply: one run on an empty state; disk: 100 appends of 4 KiB with fdatasync; plan --no-refresh: in turns with libyaml as above")
    print(f"  disk           {sync_ms(work):.2f} ms for each fdatasync")
    applies, noops = [], []
    for count in bench.sizes:
        folder = chains(work / f"apply{count}", count)
        apply = Run([bench.weir, "apply", "--yes"], cwd=folder)
        print(f"  {count:>7,}  apply          {apply.seconds * 1e3:9.1f} ms {apply.megabytes:7.1f} MB"
              + (bench.judge("apply 10,000", apply.seconds, 1, " s") if count == 10_000 else ""))
        yard = Run([BIN / "yaml_scan", folder / "weir.yaml"], runs=0)
        noop = Run([bench.weir, "plan", "--no-refresh", "--detailed-exitcode"], cwd=folder, runs=0)
        side_by_side(7 if count < 100_000 else 3, yard, noop)
        report(bench, "no-op plan", count, noop, yard)
        applies.append((count, apply))
        noops.append((count, noop))
    growth(bench, "apply", applies)
    growth(bench, "no-op plan", noops)


def rules(count):
    """Each is asked of each resource, and names what it asks about twice."""
    return "rules:\n" + "".join(
        f"  r{i}: {{for: weir.*, where: '${{action != \"delete\"}}', require: '${{length(self.value) < {i + 50} && !startswith(self.value, \"no{i}\")}}', message: m}}\n"
        for i in range(count))


def bench_rules(bench, work):
    title("60 rules of 10,000 weir.value resources, beside the plan of the same without rules", "CPU seconds of plan, in turns")
    body = "stack: ruled\nresources:\n" + "".join(f'  v{i}: {{type: weir.value, value: "{i}"}}\n' for i in range(10_000))
    (work / "plain.yaml").write_text(body)
    (work / "ruled.yaml").write_text(body + rules(60))
    plain, ruled = (Run([bench.weir, "plan", "-C", work / name], cwd=work, runs=0) for name in ("plain.yaml", "ruled.yaml"))
    side_by_side(5, plain, ruled)
    more = ruled.cpu - plain.cpu
    print(f"   10,000  plan           {plain.cpu * 1e3:9.1f} ms, with rules {ruled.cpu * 1e3:.1f} ms  x {ruled.cpu / plain.cpu:.2f} ({more / 600_000 * 1e9:.0f} ns a question)"
          + bench.judge("60 rules of 10,000 resources", more, 0.3, " s more"))


def sync_ms(work):
    with open(work / "sync", "wb") as out:
        begin = time.perf_counter()
        for _ in range(100):
            out.write(b"x" * 4096)
            out.flush()
            os.fdatasync(out.fileno())
        return (time.perf_counter() - begin) * 10


# ---- 300 resources against moto ----

TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"glue.amazonaws.com"},"Action":"sts:AssumeRole"}]}'
INLINE = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bench/*"}]}'
SHARED_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/bench-shared"

MIXED = f"""
stack: bench
locals: {{all: "${{[for i in range(COUNT) : \\"n${{i}}\\"]}}"}}
resources:
  bucket:
    type: aws.s3.bucket
    for_each: ${{locals.all}}
    name: bench-${{each.key}}
    versioning: true
    public_access_block: {{block_public_acls: true, ignore_public_acls: true, block_public_policy: true, restrict_public_buckets: true}}
    tags: {{team: bench, key: "${{each.key}}"}}
  role:
    type: aws.iam.role
    for_each: ${{locals.all}}
    name: bench-${{each.key}}
    assume_role_policy: '{TRUST}'
    policies: {{inline: '{INLINE}'}}
    managed_policies: ["{SHARED_POLICY}"]
  job:
    type: aws.glue.job
    for_each: ${{locals.all}}
    name: bench-${{each.key}}
    role: arn:aws:iam::{ACCOUNT}:role/bench-shared
    command: {{name: glueetl, script_location: "s3://bench/${{each.key}}.py", python_version: "3"}}
    glue_version: "4.0"
    worker_type: G.1X
    number_of_workers: 2
"""


def bare_requests(count):
    """The same resources as plain requests, nine for each bucket, role and job together."""
    from urllib.parse import urlencode

    xmlns = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
    block = "".join(f"<{k}>true</{k}>" for k in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"))

    def iam(action, **fields):
        return "POST", "/", "iam", "", urlencode({"Action": action, "Version": "2010-05-08", **fields})

    for i in range(count):
        key, bucket, role = f"n{i}", f"/bench-n{i}", f"bench-n{i}"
        tags = f"<Tag><Key>team</Key><Value>bench</Value></Tag><Tag><Key>key</Key><Value>{key}</Value></Tag>"
        job = {"Name": role, "Role": f"arn:aws:iam::{ACCOUNT}:role/bench-shared", "GlueVersion": "4.0", "WorkerType": "G.1X", "NumberOfWorkers": 2,
               "Command": {"Name": "glueetl", "ScriptLocation": f"s3://bench/{key}.py", "PythonVersion": "3"}}
        for chain, requests in (
            (f"bucket{i}", [
                ("HEAD", bucket, "s3", "", ""),
                ("PUT", bucket, "s3", "", ""),
                ("PUT", bucket + "?versioning", "s3", "", f"<VersioningConfiguration {xmlns}><Status>Enabled</Status></VersioningConfiguration>"),
                ("PUT", bucket + "?publicAccessBlock", "s3", "", f"<PublicAccessBlockConfiguration {xmlns}>{block}</PublicAccessBlockConfiguration>"),
                ("PUT", bucket + "?tagging", "s3", "", f"<Tagging {xmlns}><TagSet>{tags}</TagSet></Tagging>"),
            ]),
            (f"role{i}", [
                iam("CreateRole", RoleName=role, AssumeRolePolicyDocument=TRUST),
                iam("PutRolePolicy", RoleName=role, PolicyName="inline", PolicyDocument=INLINE),
                iam("AttachRolePolicy", RoleName=role, PolicyArn=SHARED_POLICY),
            ]),
            (f"job{i}", [("POST", "/", "glue", "AWSGlue.CreateJob", json.dumps(job))]),
        ):
            for request in requests:
                yield "\t".join((chain, *request))


class Cloud:
    """A fresh moto with the one policy that all roles attach."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, ROOT / "tests/tools/cloud.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        self.reset()
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def call(self, method, path, body=b"", headers=None):
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def reset(self):
        from urllib.parse import urlencode

        self.call("POST", "/moto-api/reset")
        form = {"Action": "CreatePolicy", "Version": "2010-05-08", "PolicyName": "bench-shared", "PolicyDocument": INLINE}
        self.call("POST", "/", urlencode(form).encode(), {
            "Content-Type": "application/x-www-form-urlencoded",
            "Authorization": "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0"})
        self.call("DELETE", "/e2e/requests")

    def requests(self):
        return len(json.loads(self.call("GET", "/e2e/requests")))

    def env(self):
        return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.url}


def bench_http(bench, work):
    count = 300 if bench.quick else 900
    title("the HTTP engine", f"{count} small calls to moto: a bare curl_multi loop, the engine, the signing client on it; best of 5, alternating (bench_http.c)")
    with Cloud() as cloud:
        for workers in (16, 32):
            rows = Run([BIN / "bench_http", cloud.url, str(count), str(workers)]).out.splitlines()
            print(f"  {workers} workers")
            for row in rows:
                print(f"    {row}")
            bench.judge(f"engine with {workers} workers", float(rows[-1].split()[-1]), 1.15, " x")


def bench_state(bench, work):
    title("the state log as it grows", "records appended in groups and synced, the log opened again, then single synced appends, best of 50 (bench_state.c); best of 3")
    rows = []
    for count in (1_000, 10_000, 100_000):
        runs = []
        for attempt in range(3):
            folder = work / f"state{count}-{attempt}"
            folder.mkdir()
            runs.append([float(field) for field in Run([BIN / "bench_state", folder, str(count)]).out.split()])
            shutil.rmtree(folder)
        append, opened, single = (min(run[i] for run in runs) for i in range(3))
        rows.append((append, opened * 1e3 / count, single))
        print(f"  {count:>7,}  {append:6.2f} us for each append, {opened:7.1f} ms to open ({opened * 1e3 / count:.2f} us for each record), {single:6.1f} us for one more")
    for name, column in (("append", 0), ("open", 1), ("one more", 2)):
        times = rows[-1][column] / rows[1][column]
        print(f"  {name:14} 10,000 -> 100,000: time per record x {times:.2f}" + bench.judge(f"state, {name}, growth", times, 2 if name == "one more" else 1.5))


def bench_moto(bench, work):
    count = 20 if bench.quick else 100
    title(f"{3 * count} mixed resources on moto",
          f"{count} buckets with versioning, access block and tags, {count} roles with an inline and an attached policy, {count} Glue jobs; yardstick: the {9 * count} "
          "requests sent bare by libcurl, 32 at a time (bare_client.c); best of 3, alternating, moto emptied before each")
    folder = work / "mixed"
    folder.mkdir()
    (folder / "weir.yaml").write_text(MIXED.replace("COUNT", str(count)))
    (folder / "requests").write_text("\n".join(bare_requests(count)) + "\n")
    bare, create, create_requests = float("inf"), float("inf"), 0
    with Cloud() as cloud:
        for _ in range(3):
            cloud.reset()
            bare = min(bare, Run([BIN / "bare_client", cloud.url, "32"], stdin=folder / "requests").seconds)
            cloud.reset()
            shutil.rmtree(folder / ".weir", ignore_errors=True)
            create = min(create, Run([bench.weir, "apply", "--yes"], cwd=folder, env=cloud.env()).seconds)
            create_requests = cloud.requests()
        cloud.call("DELETE", "/e2e/requests")
        plan = Run([bench.weir, "plan", "--detailed-exitcode"], cwd=folder, env=cloud.env())
        plan_requests = cloud.requests()
        cloud.call("DELETE", "/e2e/requests")
        destroy = Run([bench.weir, "destroy", "--yes"], cwd=folder, env=cloud.env())
        destroy_requests = cloud.requests()
    limit = 2 * count + 20
    print(f"  bare client    {bare:6.2f} s  {9 * count} requests")
    print(f"  create         {create:6.2f} s  {create_requests} requests  x {create / bare:.2f}" + bench.judge("create on moto", create / bare, 1.15, " x"))
    print(f"  second plan    {plan.seconds:6.2f} s  {plan_requests} requests" + bench.judge("second plan's requests", plan_requests, limit))
    print(f"  destroy        {destroy.seconds:6.2f} s  {destroy_requests} requests")


# ---- Terraform ----

def bench_terraform(bench, work):
    title("Terraform's core on the same chains", "terraform_data resources in chains of ten, best of 1; weir beside it")
    terraform = shutil.which("terraform")
    if not terraform:
        print("  skipped: no terraform on the PATH")
        return
    env = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    version = Run([terraform, "version", "-json"], env=env)
    print(f"  Terraform {json.loads(version.out)['terraform_version']}")
    for count in (200,) if bench.quick else (1_000,):
        theirs, ours = work / f"terraform{count}", chains(work / f"beside{count}", count)
        theirs.mkdir()
        with open(theirs / "main.tf", "w") as out:
            for i in range(count):
                value = f'"chain {i // 10}"' if i % 10 == 0 else f"terraform_data.v{i - 1}.output"
                out.write(f'resource "terraform_data" "v{i}" {{\n  input = {value}\n}}\n')
        Run([terraform, "init", "-no-color"], cwd=theirs, env=env)
        for name, their_command, our_command in (
            ("plan", ["plan", "-no-color", "-input=false"], ["plan"]),
            ("apply", ["apply", "-no-color", "-input=false", "-auto-approve"], ["apply", "--yes"]),
            ("no-op plan", ["plan", "-no-color", "-input=false"], ["plan"]),
        ):
            slow = Run([terraform, *their_command], cwd=theirs, env=env)
            fast = Run([bench.weir, *our_command], cwd=ours)
            print(f"  {count:>6,}  {name:10} terraform {slow.seconds:7.2f} s {slow.megabytes:6.0f} MB   weir {fast.seconds:7.3f} s {fast.megabytes:6.1f} MB   "
                  f"{slow.seconds / fast.seconds:,.0f} times as fast")


def bench_sandbox(bench, work):
    import sandbox  # needs boto3
    sandbox.bench(title, bench.judge, work, bench.quick, bench.weir)


def bench_transfer(bench, work):
    import transfer  # needs boto3
    transfer.bench(title, bench.judge, work, bench.quick, bench.weir, Run, BIN)


def bench_download(bench, work):
    import download  # needs boto3
    download.bench(title, bench.judge, work, bench.quick, bench.weir, Run, BIN)


def bench_jobs(bench, work):
    import jobs  # needs boto3
    jobs.run(title, bench, Run, work)


def bench_database(bench, work):
    import database
    database.run(title, bench, Run, work)


def bench_hosts(bench, work):
    import hosts
    hosts.run(title, bench, Run, work)


def bench_containers(bench, work):
    import containers
    containers.run(title, bench, Run, work)


def bench_refresh(bench, work):
    import services
    services.refresh(title, bench.judge, work, bench.quick)


def bench_examples(bench, work):
    import services
    services.examples_on_moto(bench, Run, title, Cloud, BIN / "bare_client", work)


def bench_fleet(bench, work):
    import fleet  # needs boto3
    fleet.bench(title, bench.judge, work, bench.quick, bench.weir, Run)


def bench_stacks(bench, work):
    import stacks
    stacks.bench(title, bench.judge, work, bench.weir, Run)


def bench_locks(bench, work):
    import locks  # needs boto3
    locks.run(title, bench, Run, work)


def bench_mixed(bench, work):
    import services
    services.mixed(bench, lambda command, **more: Run(command, runs=1, **more), title, work)


def bench_types(bench, work):
    import every_type
    every_type.run(title, bench, Run, work)


SECTIONS = {"start": bench_start, "scan": bench_scan, "apply": bench_apply, "rules": bench_rules, "state": bench_state, "locks": bench_locks, "http": bench_http, "moto": bench_moto, "sandbox": bench_sandbox, "transfer": bench_transfer, "download": bench_download, "jobs": bench_jobs,
            "hosts": bench_hosts, "database": bench_database, "containers": bench_containers, "fleet": bench_fleet, "stacks": bench_stacks,
            "refresh": bench_refresh, "examples": bench_examples, "mixed": bench_mixed, "types": bench_types,
            "terraform": bench_terraform}
GROUPS = {"reach": ["hosts", "database", "containers"]}  # what lies behind the door


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--weir", default=ROOT / "build" / "weir", type=Path)
    parser.add_argument("section", nargs="*")
    args = parser.parse_args()
    sections = [name for given in args.section or SECTIONS for name in GROUPS.get(given, [given])]
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"no section {', '.join(sorted(unknown))}; there are {', '.join([*SECTIONS, *GROUPS])}")
    bench = Bench(args.weir.resolve(), args.quick)
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as work:
        for name in sections:
            SECTIONS[name](bench, Path(work))
    print()
    for miss in bench.missed:
        print(f"misses its target: {miss}")
    print("all targets reached" if not bench.missed else f"{len(bench.missed)} targets missed")


if __name__ == "__main__":
    main()
