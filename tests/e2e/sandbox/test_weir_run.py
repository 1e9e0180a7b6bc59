"""weir run, jobs and logs on jobs that really run: in a sandbox that stays, and in one inside the command's own process."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from servers import JobSandbox
from support import PATIENCE_S, Stack, until

STACK = """
    stack: running
    resources:
      store: {type: aws.s3.bucket, name: running-%(suffix)s}
      counts: {type: aws.s3.object, bucket: "${store.name}", key: counts.py, source: counts.py}
      role:
        type: aws.iam.role
        name: running-%(suffix)s
        assume_role_policy: '${trust(["glue.amazonaws.com", "states.amazonaws.com"])}'
        policies:
          own: '${allow(["s3:GetObject", "glue:StartJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:BatchStopJobRun"], "*")}'
      counting:
        type: aws.glue.job
        name: counting-%(suffix)s
        role: ${role.arn}
        command: {name: pythonshell, script_location: "${counts.url}", python_version: "3.9"}
      short:
        type: aws.glue.job
        name: short-%(suffix)s
        role: ${role.arn}
        timeout: 1
        command: {name: pythonshell, script_location: "${counts.url}", python_version: "3.9"}
      flow:
        type: aws.stepfunctions.state_machine
        name: flow-%(suffix)s
        role: ${role.arn}
        definition:
          StartAt: Known
          States:
            Known: {Type: Choice, Choices: [{Variable: $.lines, IsPresent: true, Next: Count}], Default: Refuse}
            Count:
              Type: Task
              Resource: arn:aws:states:::glue:startJobRun.sync
              Parameters: {JobName: "${counting.name}", Arguments: {"--lines.$": "States.Format('{}', $.lines)"}}
              ResultSelector: {state.$: $.JobRunState}
              End: true
            Refuse: {Type: Fail, Error: Unknown, Cause: how many lines}
      fast:
        type: aws.stepfunctions.state_machine
        name: fast-%(suffix)s
        role: ${role.arn}
        workflow_type: EXPRESS
        definition: {StartAt: Done, States: {Done: {Type: Pass, End: true}}}
"""
SCRIPT = """
import sys, time

given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
for i in range(int(given.get("--lines", "2"))):
    print("line", i, flush=True)
    time.sleep(float(given.get("--pause", "0")))
print("last words", file=sys.stderr)
if "--fail" in given:
    raise ValueError(given["--fail"])
"""


def write(stack, suffix):
    return stack.write(STACK % {"suffix": suffix}).write(SCRIPT, "counts.py")


@pytest.fixture(scope="module")
def applied(job_sandbox, tmp_path_factory):
    stack = job_sandbox.stack(tmp_path_factory.mktemp("run") / "stack", TERM="xterm")
    write(stack, "shared").apply()
    return stack


def stop(stack, id):
    """One run goes at a time: the next waits until this has ended."""
    stack.run("run", "--stop", id, "counting")
    stack.run("run", "--follow", id, "counting", status=1)


def run_of(result):
    return re.search(r": run (\S+)", result.err)[1]


def test_a_script_that_succeeds(applied):
    result = applied.run("run", "counting", "lines=3")
    assert result.out.splitlines() == ["line 0", "line 1", "line 2"] and "last words" in result.err.splitlines()
    assert re.search(r"counting: SUCCEEDED in \d", result.err.splitlines()[-1])
    assert applied.run("logs", "counting", "--run", run_of(result)).out.splitlines() == ["line 0", "line 1", "line 2", "last words"]


def test_a_script_that_fails(applied):
    result = applied.run("run", "counting", "fail=no such film", status=1)
    assert "error: counting failed: ValueError: no such film" in result.err and "Traceback" in result.err and "Traceback" not in result.out
    *_, last = applied.run("run", "counting", "fail=again", "--json", status=1).events()
    assert last["event"] == "error" and last["message"] == "counting failed: ValueError: again"


def test_a_run_beyond_the_jobs_own_limit(applied):
    result = applied.run("run", "short", "lines=1000", "pause=0.05", status=1)
    assert "short: TIMEOUT" in result.err and "short failed" in result.err


def test_lines_are_shown_as_they_come(applied):
    process = applied.start("run", "counting", "lines=6000", "pause=0.1")
    assert process.stdout.readline() == "line 0\n"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    id = re.search(r"weir run --stop (\S+) counting", err)[1]
    (listed, *_) = applied.run("jobs", "counting", "--json").events()
    assert listed["id"] == id and listed["state"] == "running"
    follower = applied.start("logs", "counting", "--run", id, "--follow")
    assert follower.stdout.readline() == "line 0\n"
    applied.run("run", "--stop", id, "counting")
    assert follower.stdout.readline() == "line 1\n"
    follower.communicate()
    assert follower.returncode == 0
    assert "counting was stopped" in applied.run("run", "--follow", id, "counting", status=1).err


def test_stopping_what_is_not_there(applied):
    err = applied.run("run", "--stop", "jr_0123", "counting", status=1).err
    assert re.search(r"stopping run jr_0123 of counting: BatchStopJobRun: \w+: there is no such run", err), err


def test_taking_too_long(applied):
    result = applied.run("run", "counting", "lines=6000", "pause=0.1", "--timeout", "700ms", "--stop-on-timeout", status=1)
    assert "counting was still running after 0.7 s (--timeout)" in result.err
    assert "counting was stopped" in applied.run("run", "--follow", run_of(result), "counting", status=1).err


def talk(stack, *args):
    """weir on a terminal of its own: what is typed goes in, what it writes comes out."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(stack.command(*args), cwd=stack.folder, env=stack.env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    seen = b""

    def read_until(text):
        nonlocal seen
        end = time.monotonic() + PATIENCE_S
        while text not in seen.decode(errors="replace"):
            assert time.monotonic() < end, seen
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:
                    assert text in seen.decode(errors="replace"), seen
        return seen.decode(errors="replace")

    return process, ours, read_until


@pytest.mark.parametrize("answer, state", [("yes", "stopped"), ("no", "running")])
def test_ctrl_c_asks(applied, answer, state):
    process, terminal, read_until = talk(applied, "run", "counting", "lines=6000", "pause=0.1")
    id = re.search(r": run (jr_\w+)", read_until("line 0"))[1]
    read_until("counting RUNNING")  # the live line
    process.send_signal(signal.SIGINT)
    read_until("Stop the run?")
    os.write(terminal, f"{answer}\n".encode())
    read_until("being stopped" if answer == "yes" else "To stop it:")
    assert process.wait() == 130
    os.close(terminal)
    if answer == "yes":
        applied.run("run", "--follow", id, "counting", status=1)
    (listed,) = [event for event in applied.run("jobs", "counting", "--json").events() if event["id"] == id]
    assert listed["state"] == state
    if answer == "no":
        stop(applied, id)


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGHUP], [signal.SIGINT, signal.SIGINT]], ids=lambda signals: "-".join(one.name for one in signals))
def test_who_is_not_there_is_not_asked(applied, signals):
    """Only Ctrl-C asks; a second one is an answer."""
    process, terminal, read_until = talk(applied, "run", "counting", "lines=6000", "pause=0.1")
    id = re.search(r": run (jr_\w+)", read_until("line 0"))[1]
    process.send_signal(signals[0])
    if len(signals) > 1:
        read_until("Stop the run?")
        process.send_signal(signals[1])
    text = read_until("To stop it:")
    assert process.wait() == 130
    os.close(terminal)
    assert ("Stop the run?" in text) == (len(signals) > 1), text
    stop(applied, id)


def test_a_state_machine_over_a_job(applied):
    result = applied.run("run", "flow", "lines:=1")
    assert json.loads(result.out) == {"state": "SUCCEEDED"} and "flow: SUCCEEDED" in result.err
    result = applied.run("run", "flow", "--payload", "-", stdin="{}", status=1)
    assert "flow failed: Unknown: how many lines" in result.err and result.out == ""
    (first, second, *_) = applied.run("jobs", "flow", "--json").events()
    assert [first["state"], second["state"]] == ["failed", "succeeded"]


def test_one_that_answers_at_once(applied):
    assert json.loads(applied.run("run", "fast", "a:=[1]").out) == {"a": [1]}
    assert "reports no run of fast" in applied.run("jobs", "fast").err


def test_every_job(applied):
    applied.run("run", "counting")
    events = {event["job"]: event for event in applied.run("jobs", "--json").events()}
    assert set(events) == {"counting", "fast", "flow", "short"} and events["counting"]["last_run"]["status"] == "SUCCEEDED"


# ---- functions ----

FUNCTION = """
    stack: functions
    resources:
      store: {type: aws.s3.bucket, name: functions-of-weir-run}
      code: {type: weir.artifact, source: fn, store: "${store.name}/code"}
      role: {type: aws.iam.role, name: functions, assume_role_policy: '${trust("lambda.amazonaws.com")}', policies: {own: '${allow("s3:*", "*")}'}}
      double:
        type: aws.lambda.function
        name: double
        role: ${role.arn}
        runtime: python3.11
        handler: main.handler
        timeout: 60
        code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}
      live: {type: aws.lambda.alias, function: "${double.name}", name: live, function_version: $LATEST}
"""
HANDLER = """
import time

def handler(event, context):
    print("doubling", event["n"])
    for i in range(event.get("lines", 0)):
        print("line", i)
    time.sleep(event.get("pause", 0))
    return {"doubled": event["n"] * 2, "id": context.aws_request_id}
"""


@pytest.fixture(scope="module")
def function(job_sandbox, tmp_path_factory):
    stack = job_sandbox.stack(tmp_path_factory.mktemp("function") / "stack")
    stack.write(FUNCTION).write(HANDLER, "fn/main.py").apply()
    return stack


def test_a_function_gives_its_answer(function):
    result = function.run("run", "double", "n:=21")
    answer = json.loads(result.out)
    lines = result.err.splitlines()
    assert answer["doubled"] == 42 and lines[0].startswith("double: run ") and "doubling 21" in lines and lines[-1].startswith("double: succeeded in")
    assert answer["id"] == run_of(result)
    assert "doubling 21" in function.run("logs", "double", "--run", answer["id"]).out.splitlines()


def test_a_functions_traceback_has_its_lines(function):
    """Lambda logs it as one event, with CR between its lines."""
    assert "Traceback (most recent call last):" in function.run("run", "double", status=1).err.split("\n")


def test_a_function_by_its_alias(function):
    assert json.loads(function.run("run", "live", "n:=4").out)["doubled"] == 8
    assert "doubling 4" in function.run("logs", "live").out.splitlines()


def test_more_than_an_answer_carries(function):
    result = function.run("run", "double", "n:=1", "lines:=500")
    assert [line for line in result.err.splitlines() if line.startswith("line ")] == [f"line {i}" for i in range(500)]


def test_a_function_that_fails(function):
    result = function.run("run", "double", status=1)
    assert "double failed: KeyError: 'n'" in result.err and json.loads(result.out)["errorType"] == "KeyError"


def test_waiting_for_a_function_no_longer(function):
    process = function.start("run", "double", "n:=55", "pause:=30")
    until(lambda: "doubling 55" in function.run("logs", "double", "--since", "1m").out)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130 and out == "" and "continues at its service" in err
    assert "double was still running after 0.3 s" in function.run("run", "double", "n:=1", "pause:=30", "--timeout", "300ms", status=1).err


def test_a_call_that_nobody_waits_for(function):
    function.run("run", "double", "n:=77", "--detach")
    until(lambda: "doubling 77" in function.run("logs", "double", "--since", "1m").out)


# ---- Batch ----

BATCH = """
    stack: batch
    resources:
      role: {type: aws.iam.role, name: batch-of-weir-run, assume_role_policy: '${trust("batch.amazonaws.com")}'}
      machines: {type: aws.batch.compute_environment, name: weir-run, environment_type: UNMANAGED, service_role: "${role.arn}"}
      queue: {type: aws.batch.job_queue, name: weir-run, priority: 1, compute_environments: [{order: 1, compute_environment: "${machines.arn}"}]}
      greet:
        type: aws.batch.job_definition
        name: greet
        parameters: {name: nobody, status: "0"}
        container: {image: local, command: [sh, -c, "echo hello $0; exit $1", "Ref::name", "Ref::status"], resources: {VCPU: "1", MEMORY: "512"}}
"""


def test_a_batch_job(job_sandbox, tmp_path):
    stack = job_sandbox.stack(tmp_path / "stack")
    stack.write(BATCH).apply()
    assert stack.run("run", "greet", "name=Ada").out == "hello Ada\n"
    result = stack.run("run", "greet", "status=3", status=1)
    assert result.out == "hello nobody\n" and "greet failed: Essential container in task exited: exit code 3" in result.err
    (first, second) = stack.run("jobs", "greet", "--json").events()
    assert [first["state"], second["state"]] == ["failed", "succeeded"] and first["ms"] >= 0
    stack.destroy()


# ---- in one process ----


def test_all_within_one_command(tmp_path):
    stack = write(Stack(tmp_path / "stack"), "alone")
    stack.apply("--sandbox")
    result = stack.run("--sandbox", "run", "counting", "lines=1")
    assert result.out.splitlines() == ["line 0"] and "last words" in result.err
    assert stack.run("--sandbox", "logs", "counting").out.splitlines() == ["line 0", "last words"]  # kept after the process that ran it
    assert stack.run("--sandbox", "jobs", "counting", "--json").events()[0]["state"] == "succeeded"
    assert json.loads(stack.run("--sandbox", "run", "flow", "lines:=1").out) == {"state": "SUCCEEDED"}
    for limit in ("1s", "10s", "100s"):  # a busy machine may take longer to start it
        result = stack.run("--sandbox", "run", "counting", "lines=6000", "pause=0.1", "--timeout", limit, status=1)
        assert "the run continues" not in result.err
        if "is being stopped" in result.err:
            break
    assert "is being stopped" in result.err


SPARK = """
    stack: spark
    resources:
      store: {type: aws.s3.bucket, name: spark-of-weir-run}
      code: {type: aws.s3.object, bucket: "${store.name}", key: clean.py, source: clean.py}
      role: {type: aws.iam.role, name: spark, assume_role_policy: '${trust("emr-serverless.amazonaws.com")}', policies: {own: '${allow("s3:*", "*")}'}}
      spark: {type: aws.emrserverless.application, name: spark, release_label: emr-7.5.0, application_type: SPARK}
      clean: {type: aws.emrserverless.job, name: clean, application: "${spark.application_id}", role: "${role.arn}", entry_point: "${code.url}", log_group: /spark}
"""
FAKE_SPARK = """#!/bin/sh
# Stands for spark-submit: the script is one of the shell.
for word; do shift; case $word in *.py) script=$word; break ;; esac; done
. "$script"
"""


def test_a_spark_job_on_emr_serverless(tmp_path):
    stack = Stack(tmp_path / "stack")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "spark-submit").write_text(FAKE_SPARK)
    (tmp_path / "bin" / "spark-submit").chmod(0o755)
    stack.env |= {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}", "SPARK_HOME": ""}
    stack.write(SPARK).write('echo "cleaning $*"\ntest $# = 2\n', "clean.py").apply("--sandbox")
    assert stack.run("--sandbox", "run", "clean", "day=7").out == "cleaning --day 7\n"
    result = stack.run("--sandbox", "run", "clean", "all", status=1)
    assert result.out == "cleaning all\n" and "clean failed" in result.err
    assert stack.run("--sandbox", "logs", "clean").out == "cleaning all\n"
    assert [run["state"] for run in stack.run("--sandbox", "jobs", "clean", "--json").events()] == ["failed", "succeeded"]


GLUE = """
    stack: glue
    resources: {store: {type: aws.s3.bucket, name: glue-of-weir-run, force_destroy: true}}
    modules: {clean: {source: builtin/glue-job, name: clean, script: clean.py, bucket: "${store.name}", retries: 0, glue_version: "5.0"}}
"""


def test_a_spark_job_of_glue_has_its_own_log_groups(tmp_path):
    """From Glue 5.0 on; what a run writes is found there and goes with the stack. Before, all jobs of an account share them."""
    (tmp_path / "spark-submit").write_text(FAKE_SPARK)
    (tmp_path / "spark-submit").chmod(0o755)
    server = JobSandbox(PATH=f"{tmp_path}:{os.environ['PATH']}", SPARK_HOME="")
    try:
        stack = server.stack(tmp_path / "stack").write(GLUE).write("echo cleaning\necho oh no >&2\n", "clean.py")
        groups = lambda: {group["logGroupName"] for group in server.client("logs").describe_log_groups(logGroupNamePrefix="/aws-glue/")["logGroups"]}  # noqa: E731
        logged = lambda: set(stack.run("logs", "clean/job").out.splitlines())  # noqa: E731
        stack.apply()
        ran = stack.run("run", "clean/job")
        assert ran.out == "cleaning\n" and "oh no" in ran.err
        assert logged() == {"cleaning", "oh no"} and groups() == {"/aws-glue/jobs/clean/error", "/aws-glue/jobs/clean/output"}
        stack.destroy()
        assert groups() == set()
        stack.write(GLUE.replace("5.0", "4.0")).apply()
        stack.run("run", "clean/job")
        assert logged() == {"cleaning", "oh no"}
        stack.destroy()
        assert groups() == {"/aws-glue/jobs/error", "/aws-glue/jobs/output"}
    finally:
        server.stop()


def log_of(text):
    """The lines of the call, without what weir says itself."""
    return [line for line in text.splitlines() if not line.startswith(("double:", "The lines above"))]


WAITS = """
import boto3, os, time

def handler(event, context):
    for i in range(event["lines"]):
        print(event["word"], i)
    store = boto3.client("s3")
    while not store.list_objects_v2(Bucket="functions-of-weir-run", Prefix="go/" + event["word"])["KeyCount"]:
        time.sleep(0.02)
    print("went on")
    return event["word"]
"""


@pytest.fixture
def waiting(function, job_sandbox):
    function.write(WAITS, "fn/main.py").run("deploy", "--yes")
    yield function
    function.write(HANDLER, "fn/main.py").run("deploy", "--yes")


def test_a_functions_log_is_shown_while_it_runs(waiting, job_sandbox):
    for lines in (3, 1000):  # all of it comes with the answer, or only its end
        process = waiting.start("run", "double", f"word=w{lines}", f"lines:={lines}")
        shown = []
        while not shown or shown[-1] != f"w{lines} {lines - 1}\n":
            shown.append(process.stderr.readline())
            assert shown[-1], shown
        assert process.poll() is None
        job_sandbox.client().put_object(Bucket="functions-of-weir-run", Key=f"go/w{lines}", Body=b"")
        out, err = process.communicate()
        assert json.loads(out) == f"w{lines}" and process.returncode == 0
        start, *middle, went, end, report = log_of("".join(shown) + err)
        id = start.split()[2]
        assert middle == [f"w{lines} {i}" for i in range(lines)] and went == "went on"
        assert start.startswith("START RequestId: ") and end == f"END RequestId: {id}" and report.startswith(f"REPORT RequestId: {id}\t")
        assert ("".join(shown) + err).count(f"double: run {id}") == 1


def test_two_calls_at_a_time_are_not_mixed_up(waiting, job_sandbox):
    other = waiting.start("run", "double", "word=other", "lines:=1")
    until(lambda: "other 0" in waiting.run("logs", "double", "--since", "1m").out)
    process = waiting.start("run", "double", "word=mine", "lines:=2")
    until(lambda: "mine 1" in waiting.run("logs", "double", "--since", "1m").out)
    for word in ("other", "mine"):
        job_sandbox.client().put_object(Bucket="functions-of-weir-run", Key=f"go/{word}", Body=b"")
    for process, words in ((other, ["other 0"]), (process, ["mine 0", "mine 1"])):
        out, err = process.communicate()
        after = err.partition("The lines of this call:")[2] or err
        assert log_of(after)[1:-2][-len(words) - 1:] == [*words, "went on"], err


PUBLISHED = """
    stack: answering
    resources:
      store: {type: aws.s3.bucket, name: answering-%(suffix)s, force_destroy: true}
      role: {type: aws.iam.role, name: answering-%(suffix)s, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      code: {type: weir.artifact, source: lib, store: "${store.name}/code"}
      answer:
        type: aws.lambda.function
        name: answer-%(suffix)s
        role: ${role.arn}
        runtime: python3.13
        handler: main.handler
        timeout: 60
        publish: true
        code: {s3_bucket: "${code.bucket}", s3_key: "${code.key}"}
        code_sha256: ${code.sha256_base64}
      live: {type: aws.lambda.alias, function: "${answer.name}", name: live, function_version: "${answer.published_version}"}
"""


@pytest.fixture
def answering(job_sandbox, tmp_path):
    def make(suffix, text):
        stack = job_sandbox.stack(tmp_path / "stack", TERM="xterm")
        (stack.folder / "lib").mkdir(exist_ok=True)
        stack.write(PUBLISHED % {"suffix": suffix}).write(text, "lib/main.py").apply()
        return stack
    return make


def test_a_rollback_brings_back_what_the_alias_answers(answering):
    stack = answering("back", "def handler(event, context): return ['one', context.function_version]")
    assert json.loads(stack.run("run", "live").out) == ["one", "1"]
    stack.write("def handler(event, context): return ['two', context.function_version]", "lib/main.py").run("deploy", "--yes")
    assert json.loads(stack.run("run", "live").out) == ["two", "2"]
    stack.run("rollback", "answer", "--yes")
    assert json.loads(stack.run("run", "live").out) == ["one", "3"]
    stack.assert_settled()
    stack.destroy()
