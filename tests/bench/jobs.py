"""Job code: packaging many files, and the way from an edit to the registered job, against the sandbox."""

import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "e2e" / "sandbox"))
from servers import Sandbox  # noqa: E402

PACKED = "stack: packed\nresources: {code: {type: weir.artifact, source: src, store: bench/code}}\n"
JOBS = """
stack: jobs
resources:
  lake: {{type: aws.s3.bucket, name: bench-jobs}}
  role: {{type: aws.iam.role, name: bench-jobs, assume_role_policy: '${{trust("glue.amazonaws.com")}}'}}
  script: {{type: weir.artifact, for_each: {names}, source: "jobs/${{each.key}}.py", store: "${{lake.name}}/code"}}
  job:
    type: aws.glue.job
    for_each: {names}
    name: bench-${{each.key}}
    role: ${{role.arn}}
    command: {{name: glueetl, script_location: "${{script[each.key].url}}", python_version: "3"}}
"""


def settled(folder):
    """Times long past: what changed a moment ago is read again to be safe."""
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    time.sleep(0.1)


def plain_zip(source, target):
    """The yardstick: the same files by Python's zipfile, whose work is zlib's."""
    start = time.perf_counter()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path in sorted(source.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(source))
    return time.perf_counter() - start


def packaging(bench, Run, work, files):
    folder = work / "packed"
    for i in range(files):
        path = folder / "src" / f"d{i % 100:02}" / f"file{i:05}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"value_{n} = {i * n}\n" for n in range(200)))
    (folder / "weir.yaml").write_text(PACKED)
    env = {"PATH": os.environ["PATH"], "HOME": str(work), "AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}
    settled(folder / "src")
    yard = min(plain_zip(folder / "src", work / "yard.zip") for _ in range(2))
    packed = ["sh", "-c", 'rm -rf .weir/artifacts; exec "$0" plan', bench.weir]
    runs = {"weir": Run(packed, cwd=folder, env=env)}
    for name, command in {"zip -r": "zip -q -r -6 - src", "tar czf": "tar czf - src"}.items():
        if shutil.which(name.split()[0]):
            runs[name] = Run(["sh", "-c", f"exec {command} > ../yard"], cwd=folder, env=env)
    for run in [*runs.values()] * 2:
        run.again()
    first = runs["weir"]
    again = Run([bench.weir, "plan"], cwd=folder, env=env, runs=3)
    ratio = first.seconds / yard
    print(f"  {files:>6,} files  packed {first.seconds:6.2f} s {first.megabytes:5.1f} MB   zipfile {yard:6.2f} s   {ratio:.2f} of it{bench.judge('packaging of many files', ratio, 1.2)}")
    print("".join(f"  {name}: {run.seconds:.2f} s, {run.cpu:.2f} s of CPU" for name, run in runs.items()))
    print(f"  {files:>6,} files  unchanged {again.seconds:6.3f} s {again.megabytes:5.1f} MB{bench.judge('packaging of unchanged files', again.seconds, 0.3, ' s')}")


def deploying(bench, Run, work, jobs):
    server = Sandbox("-")
    folder = work / "deployed"
    names = [f"j{i}" for i in range(jobs)]
    (folder / "jobs").mkdir(parents=True)
    for name in names:
        (folder / "jobs" / f"{name}.py").write_text(f"print('{name}')\n")
    (folder / "weir.yaml").write_text(JOBS.format(names=names))
    env = server.environment(home=str(work))
    try:
        Run([bench.weir, "apply", "--yes"], cwd=folder, env=env, runs=1)
        best = None
        for i in range(3):
            (folder / "jobs" / "j0.py").write_text(f"print('edited {i}')\n")
            run = Run([bench.weir, "deploy", 'job["j0"]', "--yes"], cwd=folder, env=env)
            best = run if best is None or run.seconds < best.seconds else best
        print(f"  {jobs:>6,} jobs   one edited, until it is registered: {best.seconds:6.3f} s {best.megabytes:5.1f} MB{bench.judge('from edit to registered job', best.seconds, 1, ' s')}")
    finally:
        server.stop()


def run(title, bench, Run, work):
    title("Job code", "weir plan of one artifact beside Python's zipfile over the same files (4 KiB each); weir deploy of one job of many, against the sandbox")
    packaging(bench, Run, work, 1_000 if bench.quick else 10_000)
    deploying(bench, Run, work, 10 if bench.quick else 100)
