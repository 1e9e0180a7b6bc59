"""Glue jobs really run: scripts out of the sandbox's S3, against the sandbox's S3, with logs and an end."""

import contextlib
import io
import os
import shutil
import time
import uuid
import zipfile
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from servers import JobSandbox, code
from support import gone, until

ENDED = ("SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED")


class Job:
    def __init__(self, sandbox, script, kind="pythonshell", **more):
        self.sandbox, self.glue, self.name = sandbox, sandbox.client("glue"), f"job-{uuid.uuid4().hex[:8]}"
        location = sandbox.put(f"scripts/{self.name}.py", script)
        self.glue.create_job(Name=self.name, Role="job", Command={"Name": kind, "ScriptLocation": location, "PythonVersion": "3.9"}, **more)
        self.group = "python-jobs" if kind == "pythonshell" else "jobs"

    def start(self, **more):
        return self.glue.start_job_run(JobName=self.name, **more)["JobRunId"]

    def run(self, run):
        return self.glue.get_job_run(JobName=self.name, RunId=run, PredecessorsIncluded=True)["JobRun"]  # as Airflow's operator sends it

    def ended(self, run):
        return until(lambda: (found := self.run(run))["JobRunState"] in ENDED and found)

    def result(self, **more):
        return self.ended(self.start(**more))

    def output(self, run, which="output"):
        return self.sandbox.lines(f"/aws-glue/{self.group}/{which}", run)


UPPER = """
import sys, boto3
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME", "source", "target"])
s3 = boto3.client("s3")
text = s3.get_object(Bucket="lake", Key=args["source"])["Body"].read()
s3.put_object(Bucket="lake", Key=args["target"], Body=text.upper())
print("done by", args["JOB_NAME"])
print("a warning", file=sys.stderr)
"""


def test_a_script_reads_and_writes_the_lake(job_sandbox):
    job_sandbox.put("raw/film.csv", "alien,1979\n")
    job = Job(job_sandbox, UPPER, DefaultArguments={"--source": "raw/film.csv", "--target": "wrong"}, MaxCapacity=0.0625)
    run = job.start(Arguments={"--target": "refined/film.csv"})
    ended = job.ended(run)
    assert ended["JobRunState"] == "SUCCEEDED", ended
    assert job_sandbox.get("refined/film.csv") == "ALIEN,1979\n"
    assert ended["Arguments"] == {"--target": "refined/film.csv"}
    assert ended["StartedOn"] <= ended["LastModifiedOn"] == ended["CompletedOn"]
    assert ended["LogGroupName"] == "/aws-glue/python-jobs"
    assert ended["MaxCapacity"] == 0.0625
    assert "ErrorMessage" not in ended
    assert job.output(run) == [f"done by {job.name}"]
    assert job.output(run, "error") == ["a warning"]


def test_a_run_says_otherwise_than_its_job(job_sandbox):
    job = Job(job_sandbox, "", kind="glueetl", GlueVersion="4.0", WorkerType="G.1X", NumberOfWorkers=2, ExecutionProperty={"MaxConcurrentRuns": 2})
    run = job.run(job.start(WorkerType="G.2X", NumberOfWorkers=5, ExecutionClass="FLEX"))
    assert (run["WorkerType"], run["NumberOfWorkers"], run["ExecutionClass"]) == ("G.2X", 5, "FLEX")
    assert job.run(job.start())["NumberOfWorkers"] == 2
    small = Job(job_sandbox, "", MaxCapacity=0.0625)
    assert small.run(small.start(MaxCapacity=1.0))["MaxCapacity"] == 1
    with pytest.raises(ClientError, match="does not know JobRunId"):
        small.start(JobRunId="jr_1")


def test_an_exception_is_the_error_message(job_sandbox):
    job = Job(job_sandbox, "print('before')\ndef f():\n    raise ValueError('no such film: Alien 9')\nf()\n")
    run = job.start()
    ended = job.ended(run)
    assert (ended["JobRunState"], ended["ErrorMessage"]) == ("FAILED", "ValueError: no such film: Alien 9")
    assert job.output(run) == ["before"]
    assert job.output(run, "error")[0].startswith("Traceback")
    assert Job(job_sandbox, "import sys; sys.exit(3)").result()["ErrorMessage"] == "Command failed with exit code 3"
    assert Job(job_sandbox, "import os; os.kill(os.getpid(), 9)").result()["ErrorMessage"] == "Command was killed by signal 9"


def test_what_a_script_finds_around_it(job_sandbox):
    script = """
import os, sys
print(sorted(k for k in os.environ if k.startswith("AWS_")))
print(os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"])
print(os.getcwd() == os.environ["HOME"], os.path.isdir(os.environ["TMPDIR"]), os.getpgid(0) == os.getpid())
print(sorted(int(fd) for fd in os.listdir("/proc/self/fd"))[:3], len(os.listdir("/proc/self/fd")))
"""
    job = Job(job_sandbox, script)
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED", job.output(run, "error")
    names, endpoint, places, files = job.output(run)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"):
        assert f"'{name}'" in names
    assert "AWS_PROFILE" not in names
    assert endpoint == f"{job_sandbox.url} us-east-1"
    assert places == "True True True"
    assert files == "[0, 1, 2] 4"  # none of the sandbox's: the fourth is the folder that was listed


def test_modules_and_files_that_come_along(job_sandbox, tmp_path):
    import zipfile
    with zipfile.ZipFile(tmp_path / "shared.zip", "w") as archive:
        archive.writestr("shared/__init__.py", "ANSWER = 40")
    job = Job(job_sandbox, "import shared, extra\nprint(shared.ANSWER + extra.MORE, open('list.txt').read())", DefaultArguments={
        "--extra-py-files": job_sandbox.put("lib/shared.zip", (tmp_path / "shared.zip").read_bytes()) + "," + job_sandbox.put("lib/extra.py", "MORE = 2"),
        "--extra-files": job_sandbox.put("conf/list.txt", "films"), "--additional-python-modules": "pandas==2.0"})
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED"
    assert job.output(run) == ["42 films"]
    assert "--additional-python-modules pandas==2.0" in job.output(run, "error")[0]


def test_what_cannot_be_started(job_sandbox):
    glue = job_sandbox.client("glue")
    assert code(glue.start_job_run, JobName="nosuch") == "EntityNotFoundException"
    assert code(glue.get_job_runs, JobName="nosuch") == "EntityNotFoundException"
    job = Job(job_sandbox, "", NonOverridableArguments={"--fixed": "1"})
    assert code(job.start, Arguments={"--fixed": "2"}) == "InvalidInputException"
    assert code(glue.get_job_run, JobName=job.name, RunId="jr_none") == "EntityNotFoundException"
    assert glue.get_job_runs(JobName=job.name)["JobRuns"] == []
    glue.update_job(JobName=job.name, JobUpdate={"Role": "job", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://lake/gone.py"}})
    ended = job.result()
    assert (ended["JobRunState"], ended["ErrorMessage"]) == ("FAILED", "the script: there is no object s3://lake/gone.py")


SLOW = "import time\nprint('ready', flush=True)\ntime.sleep(600)"


def test_a_run_is_stopped(job_sandbox):
    job = Job(job_sandbox, SLOW, ExecutionProperty={"MaxConcurrentRuns": 2})
    run, other = job.start(), job.start()
    until(lambda: job.output(run) == ["ready"])
    assert job.run(run)["JobRunState"] == "RUNNING"
    answer = job.glue.batch_stop_job_run(JobName=job.name, JobRunIds=[run, "jr_none"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": job.name, "JobRunId": run}]
    assert [(e["JobRunId"], e["ErrorDetail"]["ErrorCode"]) for e in answer["Errors"]] == [("jr_none", "EntityNotFoundException")]
    assert job.ended(run)["JobRunState"] == "STOPPED"
    assert job.run(other)["JobRunState"] in ("STARTING", "RUNNING")
    again = job.glue.batch_stop_job_run(JobName=job.name, JobRunIds=[run, other])
    assert [e["JobRunId"] for e in again["Errors"]] == [run]
    assert job.ended(other)["JobRunState"] == "STOPPED"


def test_a_run_has_its_time(job_sandbox):
    """A minute of a job is half a second here. Where Python has not begun by then the next run gets more."""
    job = Job(job_sandbox, "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\nimport time; time.sleep(600)", Timeout=1)
    for more in ({}, {"Timeout": 6}, {"Timeout": 36}):
        run = job.start(**more)
        ended = job.ended(run)
        assert (ended["JobRunState"], ended["Timeout"]) == ("TIMEOUT", more.get("Timeout", 1))
        if said := job.output(run):
            break
    child = int(said[0])
    until(lambda: gone(child))
    assert job.ended(job.start(Timeout=2))["Timeout"] == 2


def test_runs_at_a_time(job_sandbox):
    job = Job(job_sandbox, SLOW)
    run = job.start()
    assert code(job.start) == "ConcurrentRunsExceededException"
    job.glue.batch_stop_job_run(JobName=job.name, JobRunIds=[run])
    job.ended(run)
    two = Job(job_sandbox, "import os, sys, time, boto3\ns3 = boto3.client('s3')\nme = sys.argv[sys.argv.index('--me') + 1]\n"
              "s3.put_object(Bucket='lake', Key='meet/' + me, Body=b'')\n"
              "while s3.list_objects_v2(Bucket='lake', Prefix='meet/')['KeyCount'] < 2: time.sleep(0.01)\n", ExecutionProperty={"MaxConcurrentRuns": 2}, Timeout=1200)
    runs = [two.start(Arguments={"--me": name}) for name in ("a", "b")]
    assert [two.ended(r)["JobRunState"] for r in runs] == ["SUCCEEDED", "SUCCEEDED"]  # each waited for the other


def test_more_than_the_machine_takes_wait(job_sandbox):
    job = Job(job_sandbox, "pass", ExecutionProperty={"MaxConcurrentRuns": 50})
    runs = [job.start() for _ in range(12)]
    assert {job.ended(run)["JobRunState"] for run in runs} == {"SUCCEEDED"}
    pages = list(job.glue.get_paginator("get_job_runs").paginate(JobName=job.name, PaginationConfig={"PageSize": 5}))
    assert [len(page["JobRuns"]) for page in pages] == [5, 5, 2]
    assert [r["Id"] for page in pages for r in page["JobRuns"]] == runs[::-1]


def test_a_failed_run_is_repeated(job_sandbox):
    job = Job(job_sandbox, "import boto3\ns3 = boto3.client('s3')\nn = s3.list_objects_v2(Bucket='lake', Prefix='tries/')['KeyCount']\n"
              "s3.put_object(Bucket='lake', Key=f'tries/{n}', Body=b'')\nassert n >= 1, 'not yet'", MaxRetries=2)
    run = job.start()
    again = until(lambda: (r := job.glue.get_job_runs(JobName=job.name)["JobRuns"])[0]["JobRunState"] == "SUCCEEDED" and r)
    assert [(r["Id"], r["Attempt"], r["JobRunState"]) for r in again] == [(f"{run}_attempt_1", 1, "SUCCEEDED"), (run, 0, "FAILED")]
    assert again[0]["PreviousRunId"] == run


def test_a_flood_of_output_is_cut(job_sandbox):
    job = Job(job_sandbox, "import sys\nfor i in range(400):\n    sys.stdout.write(('x' * 99 + '\\n') * 1000)\n", Timeout=1200)
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED"
    assert "23222784 bytes more were left out" in job.output(run, "error")[-1]


def test_memory_is_limited(job_sandbox):
    job = Job(job_sandbox, "x = bytearray(4 << 30)", MaxCapacity=0.0625)
    assert job.result()["ErrorMessage"] == "MemoryError"


def test_memory_that_is_only_set_aside_is_not_taken(job_sandbox):
    """Threads, and libraries like Arrow, have much address space and use little of it."""
    job = Job(job_sandbox, "import mmap, time\nheld = mmap.mmap(-1, 2 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\ntime.sleep(1.5)\nprint(len(held))", MaxCapacity=0.0625)
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED", job.output(run, "error")


def test_the_folder_is_limited(tmp_path):
    server = JobSandbox(ROOM_MIB="16")
    try:
        job = Job(server, "import time\nwith open('big', 'wb') as big: big.write(b'x' * (20 << 20))\ntime.sleep(600)")
        ended = job.result()
        assert (ended["JobRunState"], ended["ErrorMessage"]) == ("FAILED", "the run took more than 16 MiB of the disk in its folder")
    finally:
        server.stop()


def test_no_way_out_by_names(job_sandbox, tmp_path):
    """Keys and archives that would lead elsewhere do not."""
    import zipfile
    escape = tmp_path / "escaped"
    with zipfile.ZipFile(tmp_path / "bad.whl", "w") as archive:
        archive.writestr("../" * 12 + str(escape)[1:], "x")
    files = [job_sandbox.put("a/../../..", "x"), job_sandbox.put("x/.bashrc", "y"), job_sandbox.put("deep/../../../ok.txt", "fine")]
    job = Job(job_sandbox, "import os\nprint(sorted(os.listdir('.')), sorted(os.listdir('..')), open('ok.txt').read())", DefaultArguments={"--extra-files": ",".join(files)})
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED"
    assert job.output(run) == [f"['file', '{job.name}.py', 'ok.txt'] ['conf', 'lib', 'run', 'tmp'] fine"]
    bad = Job(job_sandbox, "pass", DefaultArguments={"--extra-py-files": job_sandbox.put("lib/bad.whl", (tmp_path / "bad.whl").read_bytes())})
    ended = bad.result()
    assert ended["JobRunState"] == "FAILED"
    assert "would be outside of the folder" in ended["ErrorMessage"]
    assert not escape.exists()


def test_spark_is_needed_for_spark_jobs(tmp_path):
    """Where there is none the run says so, and how to get it."""
    (tmp_path / "python3").symlink_to("/usr/bin/python3" if Path("/usr/bin/python3").exists() else os.path.realpath("/usr/bin/env"))
    server = JobSandbox(PATH=f"{tmp_path}:/usr/bin:/bin", SPARK_HOME="")
    try:
        ended = Job(server, "pass", kind="glueetl", GlueVersion="4.0").result()
        assert ended["JobRunState"] == "FAILED"
        assert ended["ErrorMessage"].startswith("no spark-submit was found")
        assert "pip install pyspark" in ended["ErrorMessage"]
    finally:
        server.stop()


def test_a_run_is_stopped_while_spark_is_looked_for(tmp_path):
    (tmp_path / "python3").write_text("#!/bin/sh\ntouch $0.asked\nexec sleep 600\n")
    (tmp_path / "python3").chmod(0o755)
    server = JobSandbox(PATH=f"{tmp_path}:/usr/bin:/bin", SPARK_HOME="")
    try:
        job = Job(server, "pass", kind="glueetl", GlueVersion="4.0")
        run = job.start()
        until((tmp_path / "python3.asked").exists)
        server.client("glue").batch_stop_job_run(JobName=job.name, JobRunIds=[run])
        asked = time.monotonic()
        assert job.ended(run)["JobRunState"] == "STOPPED"
        assert time.monotonic() - asked < 50  # it is looked for a minute long
    finally:
        server.stop()


def children(pid):
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it may end meanwhile
            if (one / "stat").read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(one.name))
    return found


def test_the_sandbox_ends_what_it_started(tmp_path):
    server = JobSandbox(tmp_path / "data")
    job = Job(server, SLOW)
    run = job.start()
    until(lambda: job.output(run) == ["ready"])
    running = children(server.process.pid)
    assert len(running) == 1
    server.stop()
    assert gone(running[0])
    server.start()
    try:
        job.glue = server.client("glue")
        ended = job.run(run)
        assert (ended["JobRunState"], ended["ErrorMessage"]) == ("FAILED", "the sandbox ended while this ran")
        assert job.output(run) == ["ready"]
    finally:
        server.stop()
    assert list((tmp_path / "data" / "jobs" / "work").iterdir()) == []


@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is not installed")
def test_what_runs_ends_when_the_sandbox_is_killed(tmp_path):
    server = JobSandbox(tmp_path / "data")
    job = Job(server, SLOW)
    run = job.start()
    until(lambda: job.output(run) == ["ready"])
    (running,) = children(server.process.pid)
    server.kill()
    until(lambda: gone(running))
    server.start()
    try:
        job.glue = server.client("glue")
        assert job.run(run)["JobRunState"] == "FAILED"
    finally:
        server.stop()


DAEMON = """
import subprocess, sys
one = subprocess.Popen(["setsid", "sh", "-c", "(sleep 600 & echo $!) && exec >&- 2>&-; sleep 600"], stdout=subprocess.PIPE)
print(one.pid, int(one.stdout.readline()), flush=True)
sys.stdin.read() or one.wait()
"""


def test_daemons_end_with_the_job_or_when_the_sandbox_is_there_again(tmp_path):
    server = JobSandbox(tmp_path / "data")
    job = Job(server, DAEMON, ExecutionProperty={"MaxConcurrentRuns": 2})

    def start():
        run = job.start()
        return run, [Path(f"/proc/{pid}/environ") for pid in until(lambda: job.output(run))[0].split()]

    def alive(path):
        try:
            return path.read_bytes() != b""
        except OSError:
            return False

    run, stopped = start()
    _, left = start()
    assert all(map(alive, stopped + left))
    server.client("glue").batch_stop_job_run(JobName=job.name, JobRunIds=[run])
    assert job.ended(run)["JobRunState"] == "STOPPED"
    until(lambda: not any(map(alive, stopped)))
    assert all(map(alive, left))
    server.kill()
    server.start()
    try:
        server.client("glue").get_jobs()  # the service is made when it is first asked
        until(lambda: not any(map(alive, left)))
    finally:
        server.stop()


def test_the_sandbox_keeps_its_surroundings_to_itself(tmp_path):
    server = JobSandbox(tmp_path / "data", AWS_ACCESS_KEY_ID="outside", AWS_SESSION_TOKEN="outside", AWS_PROFILE="outside", DB_PASSWORD="outside", WEIR_KEY="outside")
    try:
        job = Job(server, "import os\nprint([k for k, v in os.environ.items() if 'outside' in v])")
        assert job.output((run := job.result())["Id"]) == ["[]"], run
    finally:
        server.stop()


BOOKMARKED = """
import sys
from awsglue.job import Job
from awsglue.utils import getResolvedOptions
args = getResolvedOptions(sys.argv, ["JOB_NAME"])
job = Job(None)
job.init(args["JOB_NAME"], args)
new = job.bookmark.choose(["s3://lake/marked/"], "source")
print("all" if new is None else sorted(key.rpartition("/")[2] for key in new))
if "--fail" in sys.argv:
    raise ValueError("before the commit")
job.commit()
"""


@pytest.mark.long
def test_bookmarks(job_sandbox):
    job = Job(job_sandbox, BOOKMARKED, DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})

    def read(**arguments):
        run = job.start(Arguments={f"--{name.replace('_', '-')}": value for name, value in arguments.items()})
        job.ended(run)
        return job.output(run)[0]

    with pytest.raises(ClientError, match="EntityNotFoundException"):
        job.glue.get_job_bookmark(JobName=job.name)
    job_sandbox.put("marked/a.csv", "1")
    job_sandbox.put("marked/_ignored", "1")
    assert read(fail="yes") == "['a.csv']"  # nothing was committed
    assert read() == "['a.csv']"
    assert read() == "[]"
    job_sandbox.put("marked/b.csv", "1")
    assert read(job_bookmark_option="job-bookmark-pause") == "['b.csv']"
    job_sandbox.put("marked/a.csv", "changed")
    assert read() == "['a.csv', 'b.csv']"
    assert read(job_bookmark_option="job-bookmark-disable") == "all"
    entry = job.glue.get_job_bookmark(JobName=job.name)["JobBookmarkEntry"]
    assert (entry["JobName"], entry["Run"]) == (job.name, 3) and "lake/marked/b.csv" in entry["JobBookmark"]
    job.glue.reset_job_bookmark(JobName=job.name)
    assert read() == "['a.csv', 'b.csv']"


def test_wheels_among_the_additional_modules(job_sandbox):
    with zipfile.ZipFile(wheel := io.BytesIO(), "w") as made:
        made.writestr("filmlib/__init__.py", "NAME = 'alien'\n")
    place = job_sandbox.put("wheels/filmlib-1.0-py3-none-any.whl", wheel.getvalue())
    job = Job(job_sandbox, "import filmlib\nprint(filmlib.NAME)", DefaultArguments={"--additional-python-modules": f"{place},boto3==1.0,nosuch"})
    run = job.start()
    assert job.ended(run)["JobRunState"] == "SUCCEEDED" and job.output(run) == ["alien"]
    (note,) = job.output(run, "error")
    assert "--additional-python-modules boto3==1.0,nosuch: only wheels in S3 are taken from there" in note
