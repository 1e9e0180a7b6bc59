"""weir.artifact: the commands that make its files. When they run, what is shown of them, and that they end."""

import fcntl
import os
import pty
import signal
import subprocess
import termios

import pytest

from support import SANITIZED, gone, until
from test_artifact import artifact, keys, offline, shas, write


def built(tmp_path, command, more="", files=None, inputs=""):
    """A stack whose artifact `out` comes from the command, which is a script beside it."""
    stack = offline(tmp_path, f"source: out, build: {{command: sh make.sh{inputs}}}{more}", files)
    write(stack.folder, {"make.sh": command})
    return stack


# ---- when it runs ----


def test_inputs_that_match_what_is_made(tmp_path):
    """The pattern names more than it should: the build does not run again on its own account."""
    stack = built(tmp_path, "echo run >> ../runs; mkdir -p all/out; date +%N > all/out/x; cat all/in > all/out/y", files={"all/in": "1"}, inputs=", inputs: [all]")
    stack.write((stack.folder / "weir.yaml").read_text().replace("source: out", "source: all/out"))
    first = shas(stack)
    assert shas(stack) == first
    write(stack.folder, {"all/in": "2"})
    second = shas(stack)
    assert second != first
    assert shas(stack) == second
    assert (tmp_path / "runs").read_text() == "run\n" * 2


def test_inputs_beside_what_could_not_be_packed(tmp_path):
    """They are only looked at: a link may lead anywhere, and what is not a file is none."""
    stack = built(tmp_path, "echo run >> ../runs; cat in/*/*.c > out", files={"in/a/a.c": "1"}, inputs=", inputs: ['in/**/*.c']")
    write(tmp_path, {"elsewhere/b.c": "1", "file": "1"})
    (stack.folder / "in/there").symlink_to(tmp_path / "elsewhere")
    (stack.folder / "in/python").symlink_to("/bin/sh")
    (stack.folder / "in/nowhere.c").symlink_to("nowhere")
    (stack.folder / "in/a/outside.c").symlink_to(tmp_path / "file")
    (stack.folder / "in/a/around").symlink_to("..")
    os.mkfifo(stack.folder / "in/fifo.c")
    os.close(os.open(os.fsencode(stack.folder) + b"/in/caf\xe9.c", os.O_CREAT))
    first = shas(stack)
    assert shas(stack) == first
    for name in ("elsewhere/b.c", "file"):
        write(tmp_path, {name: "2"})
        second = shas(stack)
        assert second != first
        first = second
    assert (tmp_path / "runs").read_text() == "run\n" * 3


def test_input_that_changes_during_the_build(tmp_path):
    """What somebody writes meanwhile is not taken for built."""
    stack = built(tmp_path, "echo run >> ../runs; cp in out; echo late > in", files={"in": "early"}, inputs=", inputs: [in]")
    shas(stack)
    shas(stack)
    shas(stack)
    assert (tmp_path / "runs").read_text() == "run\n" * 2


def test_runs_once_for_all_that_name_it(tmp_path):
    for inputs in ("", ", inputs: [make.sh]"):
        stack = offline(tmp_path, f"for_each: [a, b, c], source: 'out/${{each.key}}', build: {{command: sh make.sh{inputs}}}", name=f"stack{len(inputs)}")
        write(stack.folder, {"make.sh": "echo run >> runs; mkdir -p out; touch out/a out/b out/c; exit $(cat status)", "status": "1"})
        stack.run("plan", status=1)
        assert (stack.folder / "runs").read_text() == "run\n"
        write(stack.folder, {"status": "0"})
        assert len(shas(stack)) == 3
        assert (stack.folder / "runs").read_text() == "run\n" * 2


def test_the_same_output_is_no_change(cloud, stack):
    """However often it is made anew, and whatever else the build leaves behind."""
    stack.write(artifact("source: out, build: 'rm -rf out; mkdir out; cat in > out/a; date +%s%N > log; echo run >> runs'"))
    write(stack.folder, {"in": "1"})
    stack.apply()
    before = (stack.folder / "runs").read_text()
    stack.assert_settled()
    assert "No changes" in stack.run("plan").out
    assert len((stack.folder / "runs").read_text()) > len(before)
    stack.run("plan", "-o", "x.plan")
    stack.run("apply", "x.plan")
    write(stack.folder, {"in": "2"})
    assert stack.plan() == {"code": "update"}
    stack.destroy()


@pytest.mark.long
@pytest.mark.parametrize("inputs", ["", ", inputs: [make.sh]"])
def test_slow_without_inputs_is_told_of(tmp_path, inputs):
    stack = built(tmp_path, "sleep 5.1; echo 1 > out", inputs=inputs)
    told = stack.run("plan")
    assert ("code: its build takes 5 s at each plan; with `inputs` it runs only when they have changed" in told.err) == (not inputs), str(told)
    warnings = [event["text"] for event in stack.run("plan", "--json").events() if event["event"] == "warning"]
    assert len(warnings) == (not inputs), warnings


def test_does_not_run_to_take_things_down(cloud, stack):
    stack.write(artifact("source: out, build: 'echo run >> runs; echo 1 > out'")).apply()
    runs = (stack.folder / "runs").read_text()
    stack.run("output")
    stack.run("state", "list")
    stack.destroy("--verify")
    assert (stack.folder / "runs").read_text() == runs
    assert cloud.client("s3").list_buckets()["Buckets"] == []


def test_does_not_run_to_look_at_drift(cloud, stack):
    """A job at night has no compiler."""
    more = "  new: {type: weir.artifact, store: '${lake.name}/new', source: gone, build: exit 1}\n"
    stack.write(artifact("source: out, build: 'echo run >> runs; echo 1 > out'")).apply()
    stack.write(artifact("source: out, build: exit 1", more))
    stack.run("plan", status=1)
    assert stack.run("drift").out.startswith("No drift"), stack.run("drift")
    (key,) = keys(cloud)
    cloud.client("s3").put_object(Bucket="art-lake", Key=key, Body=b"steal()")
    (event,) = [event for event in stack.run("drift", "--json", status=2).events() if event["event"] == "drift"]
    assert event["address"] == "code" and [attribute["name"] for attribute in event["attrs"]] == ["sha256"]
    assert (stack.folder / "runs").read_text() == "run\n"


def test_two_weirs_in_one_folder_build_one_after_the_other(tmp_path):
    stack = built(tmp_path, "echo begin >> log; until [ -e go ]; do sleep 0.01; done; echo end >> log; echo 1 > out")
    first = stack.start("plan")
    until(lambda: (stack.folder / "log").exists(), process=first)
    second = stack.start("plan", "-v")
    assert "waiting for another weir that builds in this folder" in second.stderr.readline()
    write(stack.folder, {"go": ""})
    assert first.communicate() and second.communicate()
    assert first.returncode == second.returncode == 0
    assert (stack.folder / "log").read_text() == "begin\nend\n" * 2


# ---- what is shown ----


def test_what_it_prints_is_shown_on_request(tmp_path):
    stack = built(tmp_path, "echo compiling; printf '10%%\\r50%%\\r\\n\\n'; echo 'a warning' >&2; printf 'no end of line'; echo 1 > out")
    quiet = stack.run("plan")
    assert "compiling" not in quiet.out + quiet.err
    assert [line for line in stack.run("plan", "-v").err.splitlines() if line.startswith("|")] == ["| code: compiling", "| code: 10%", "| code: 50%", "| code: a warning", "| code: no end of line"]
    events = stack.run("plan", "--json").events()
    assert [event["text"] for event in events if event["event"] == "printed"] == ["compiling", "10%", "50%", "a warning", "no end of line"]


def in_terminal(stack, *args):
    master, slave = pty.openpty()
    process = subprocess.Popen(stack.command(*args), cwd=stack.folder, env={**stack.env, "TERM": "xterm"}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    os.close(slave)
    return process, master


def read_terminal(master, process):
    out = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            piece = b""
        if not piece:
            break
        out += piece
    process.wait()
    os.close(master)
    return out.decode(errors="replace")


def test_a_terminal_shows_what_it_is_at(tmp_path):
    stack = built(tmp_path, "echo linking everything; until [ -e go ]; do sleep 0.01; done; echo 1 > out")
    process, master = in_terminal(stack, "plan")
    shown = b""
    while b"code: linking everything" not in shown:
        shown += os.read(master, 65536)
    write(stack.folder, {"go": ""})
    assert "linking" not in read_terminal(master, process).split("\033[J")[-1]
    assert process.returncode == 0


def test_nobody_is_asked_anything(tmp_path):
    """As git does for a password: it gets an error, rather than wait behind weir's back."""
    stack = built(tmp_path, "exec </dev/tty; read answer; echo 1 > out")
    process, master = in_terminal(stack, "plan")
    assert "/dev/tty" in read_terminal(master, process)
    assert process.returncode == 1


def test_only_what_tools_need_is_in_the_environment(tmp_path):
    secrets = {name: "s3cr3t-of-the-environment" for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "WEIR_STATE_KEY", "WEIR_INPUT_PASS", "PGPASSWORD", "GITHUB_TOKEN", "CARGO_REGISTRY_TOKEN", "NPM_CONFIG__AUTHTOKEN", "ANYTHING")}
    tools = {"PIP_INDEX_URL": "https://ada:pass@index/simple", "NPM_CONFIG_REGISTRY": "https://registry/", "https_proxy": "http://proxy:3128", "SSL_CERT_FILE": "/ca.pem", "GOPROXY": "off", "LC_TIME": "C", "TMPDIR": "/tmp", "JAVA_HOME": "/jdk"}
    stack = offline(tmp_path, "source: out, build: 'env > out'")
    stack.env |= secrets | tools
    stack.run("plan")
    seen = dict(line.split("=", 1) for line in (stack.folder / "out").read_text().splitlines())
    assert not set(seen) & set(secrets) and seen["PATH"] == stack.env["PATH"] and seen["HOME"] == stack.env["HOME"]
    assert {name: seen[name] for name in tools} == tools
    (stack.folder / "out").unlink()
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text.replace("'env > out'", "{command: env > out, env: [GITHUB_TOKEN, NOT_SET]}"))
    stack.run("plan")
    assert set(dict(line.split("=", 1) for line in (stack.folder / "out").read_text().splitlines())) - set(seen) == {"GITHUB_TOKEN"}
    stack.write(text.replace("'env > out'", "{command: env > out, env: GITHUB_TOKEN}"))
    assert '"build" is not a command' in stack.run("plan", status=None).err


def test_secrets_are_not_shown(tmp_path):
    script = """
        echo "input $1"; echo "variable $GITHUB_TOKEN"; echo "aws $AWS_SECRET_ACCESS_KEY"; echo "url https://ada:s3cr3t-in-url@host/x"
        echo "db_password: s3cr3t-by-name"; printf '%16000s' 's3cr3t-input' ; echo
        printf -- '-----BEGIN RSA PRIVATE KEY-----\\ns3cr3tkeyline\\n-----END RSA PRIVATE KEY-----\\nafter the key\\n'
        echo fine; exit 1
    """
    stack = offline(tmp_path, "source: out, build: {command: 'sh make.sh ${inputs.pass}', env: [GITHUB_TOKEN, AWS_SECRET_ACCESS_KEY]}")
    text = (stack.folder / "weir.yaml").read_text()
    stack.write(text.replace("resources:", "inputs: {pass: {type: string, sensitive: true}}\nresources:"))
    write(stack.folder, {"make.sh": script})
    stack.env |= {"GITHUB_TOKEN": "s3cr3t-variable", "AWS_SECRET_ACCESS_KEY": "s3cr3t-aws-key"}
    for args in (("plan",), ("plan", "-v"), ("plan", "--json")):
        failed = stack.run(*args, "-i", "pass=s3cr3t-input", status=1)
        said = failed.out + failed.err
        assert "s3cr3t" not in said, said
        assert "the build command failed with status 1" in said and "after the key" in said and "fine" in said, said
    shown = stack.run("plan", "-v", "-i", "pass=s3cr3t-input", status=1).err
    assert "| code: input (redacted)" in shown and "| code: url https://ada:(redacted)@host/x" in shown and "| code: variable (redacted)" in shown, shown


@pytest.mark.full
def test_gigabytes_of_output(tmp_path):
    """With and without ends of lines: bounded in memory, on the disk and on the screen."""
    for i, flood in enumerate(("head -c 150000000 /dev/zero", "yes 'a line of output' | head -c 150000000")):
        stack = built(tmp_path / str(i), f"{flood}; echo; printf '\\033[31mthe end\\033[0m\\n'; exit 1")
        limit = "" if SANITIZED else "ulimit -d 100000; "
        flooded = subprocess.run(["sh", "-c", limit + 'exec "$@"', "sh", *stack.command("plan", "-v")], cwd=stack.folder, env=stack.env, capture_output=True)
        assert flooded.returncode == 1 and flooded.stderr.endswith(b"\nthe end\n"), flooded.stderr[-1000:]
        assert len(flooded.stderr) < 2_000_000


# ---- that it ends ----


@pytest.mark.parametrize("by", ["interrupt", "timeout"])
def test_its_whole_group_ends(tmp_path, by):
    command = "sleep 1000 & echo $! > child; (trap '' TERM; echo at work; sleep 1000) & wait" if by == "interrupt" else "sleep 1000 & echo $! > child; echo at work; wait"
    for seconds in (1, 15, 100):  # where the shell is not at work by then it gets more
        stack = built(tmp_path / str(seconds), command, more=f", timeouts: {{create: {seconds}s}}" if by == "timeout" else "")
        process = stack.start("plan", "-v")
        if "at work" in process.stderr.readline():
            break
    if by == "interrupt":
        process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    child = int((stack.folder / "child").read_text())
    if by == "interrupt":
        assert process.returncode == 130 and "the build command `sh make.sh` was interrupted" in err, err
    else:
        assert process.returncode == 1 and f"took longer than {seconds} seconds and was ended" in err and "timeouts: {create: 1h" in err, err
    until(lambda: gone(child))
    assert not (stack.folder / "out").exists()


def test_it_ends_with_weir_test(tmp_path):
    """Which an interruption ends at once."""
    stack = built(tmp_path, "echo $$ > pid; exec sleep 1000")
    stack.write("name: one\nplan: {create: 1}\n", "tests/one.yaml")
    process = subprocess.Popen(stack.command("test"), cwd=stack.folder, env=stack.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    until(lambda: (stack.folder / "pid").exists() and (stack.folder / "pid").read_text(), process=process)
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    child = int((stack.folder / "pid").read_text())
    try:
        until(lambda: gone(child))
    finally:
        if not gone(child):
            os.kill(child, signal.SIGKILL)


def test_interrupted_apply_has_begun_nothing(stack, cloud):
    stack.write(artifact("source: out, build: 'echo at work; sleep 1000'"))
    process = stack.start("apply", "--yes", "-v")
    until(lambda: "at work" in process.stderr.readline(), process=process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert stack.addresses() == [] and cloud.client("s3").list_buckets()["Buckets"] == []


LATE = """
    stack: art
    resources:
      lake: {type: aws.s3.bucket, name: art-lake}
      role: {type: aws.iam.role, name: art, assume_role_policy: '${trust("lambda.amazonaws.com")}'}
      code: {type: weir.artifact, store: "${lake.name}/artifacts", source: out, build: "sh make.sh ${role.unique_id}"}
      other: {type: weir.value, value: "${role.unique_id}"}
      more: {type: aws.sqs.queue, name: '${replace(role.unique_id, other.value, "art")}'}
"""


def test_build_that_waits_for_a_resource(stack, cloud):
    """It runs while the stack is applied, and holds up nobody else."""
    write(stack.folder, {"make.sh": "echo begun; until [ -e go ]; do sleep 0.01; done; echo $1 > out"})
    process = stack.write(LATE).start("apply", "--yes", "-v")
    until(lambda: cloud.client("sqs").list_queues().get("QueueUrls"), process=process)
    write(stack.folder, {"go": ""})
    out, err = process.communicate()
    assert process.returncode == 0 and "| code: begun" in out + err, out + err
    stack.assert_settled()
    stack.destroy()


def test_build_while_applying_is_interrupted_by_a_second_signal(stack, cloud):
    write(stack.folder, {"make.sh": "echo $$ > pid; exec sleep 1000"})
    process = stack.write(LATE).start("apply", "--yes")
    until(lambda: (stack.folder / "pid").exists() and (stack.folder / "pid").read_text(), process=process)
    until(lambda: "more" in stack.addresses(), process=process)
    process.send_signal(signal.SIGINT)
    line = ""
    while "stopping" not in line:
        line = process.stdout.readline()
        assert line
    assert not gone(int((stack.folder / "pid").read_text()))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    until(lambda: gone(int((stack.folder / "pid").read_text())))
    assert sorted(stack.addresses()) == ["lake", "more", "other", "role"]
    stack.destroy()


def test_daemon_is_neither_waited_for_nor_ended(tmp_path):
    """As build tools leave them, with the output still open."""
    stack = built(tmp_path, "setsid sh -c 'echo $$ > daemon; exec sleep 1000' & until [ -s daemon ]; do sleep 0.01; done; echo 1 > out")
    try:
        stack.run("plan")
        assert not gone(int((stack.folder / "daemon").read_text()))
    finally:
        os.kill(int((stack.folder / "daemon").read_text()), signal.SIGKILL)


@pytest.mark.parametrize("command", ["rm -r out", "true", "mv out elsewhere"])
def test_what_it_should_make_is_missing(tmp_path, command):
    stack = built(tmp_path, command, files={} if command == "true" else {"out/a": "1"})
    failed = stack.run("plan", status=3)
    assert 'source "out" does not exist' in failed.err and "the build command has not made it" in failed.err, str(failed)
    assert [path for path in (stack.folder / ".weir/artifacts").iterdir() if path.suffix not in (".cache", ".lock")] == []


def test_command_that_cannot_start(tmp_path):
    stack = built(tmp_path, "exec /nowhere/compiler")
    failed = stack.run("plan", status=1)
    assert "failed with status 127" in failed.err and "/nowhere/compiler" in failed.err, str(failed)


def test_started_by_who_ignores_its_children(tmp_path):
    """Then the system would throw away how they ended."""
    stack = built(tmp_path, "echo 1 > out; exit $(cat status)", files={"status": "0"})
    for status in (0, 1):
        write(stack.folder, {"status": str(status)})
        ended = subprocess.run(stack.command("plan"), cwd=stack.folder, env=stack.env, capture_output=True, preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
        assert ended.returncode == status, ended


def test_process_limits_are_those_of_weir(tmp_path):
    """A build may need more files or memory than weir would think of: nothing is changed for it."""
    stack = built(tmp_path, "ulimit -n > out; ulimit -c >> out; umask >> out")
    given = ["sh", "-c", 'ulimit -S -c 2048; exec "$@"', "sh"]  # weir itself goes without
    env = {**stack.env, "ASAN_OPTIONS": stack.env.get("ASAN_OPTIONS", "") + ":disable_coredump=0"}  # its own doing otherwise
    subprocess.run([*given, *stack.command("plan")], cwd=stack.folder, env=env, check=True, capture_output=True)
    here = subprocess.run([*given, "sh", "-c", "ulimit -n; ulimit -c; umask"], capture_output=True, text=True).stdout
    assert (stack.folder / "out").read_text() == here
