"""The commands beside plan and apply, and what all have in common."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from support import PATIENCE_S, ROOT, WEIR

STACK = """
    stack: show
    inputs: {name: {type: string, default: lake}, key: {type: string, sensitive: true, default: hush-hush-value}}
    locals: {prefix: "${upper(inputs.name)}"}
    resources:
      a: {type: weir.value, value: {text: "${locals.prefix}", list: [1, 2]}}
    outputs:
      all: {value: "${a.value}", description: what there is}
      text: {value: "${a.value.text}"}
"""
COMMANDS = "init fmt validate plan apply destroy drift output state console schema docs version completion".split()


def test_version(local_stack):
    assert re.fullmatch(r"weir \d+\.\d+\.\d+.*", local_stack.run("version").out.splitlines()[0])
    assert local_stack.run("--version").out == local_stack.run("version").out


def test_help(local_stack):
    text = local_stack.run("help").out
    assert local_stack.run("--help").out == text
    for command in COMMANDS:
        assert re.search(rf"^\s+(weir )?{command}\b", text, re.M), command
        assert "Usage" in local_stack.run(command, "--help").out or "usage" in local_stack.run(command, "--help").out
    assert local_stack.run(status=None).status in (0, 3)


def test_output(local_stack):
    local_stack.write(STACK).apply()
    assert json.loads(local_stack.run("output", "--json").out) == {"all": {"text": "LAKE", "list": [1, 2]}, "text": "LAKE"}
    assert local_stack.run("output", "text").out == "LAKE\n"
    assert json.loads(local_stack.run("output", "all", "--json").out) == {"text": "LAKE", "list": [1, 2]}
    assert "what there is" in local_stack.run("output").out or "LAKE" in local_stack.run("output").out


def test_console(local_stack):
    local_stack.write(STACK)
    lines = local_stack.run("console", stdin='1 + 2\nlocals.prefix\n[for x in [1, 2, 3] : x * x if x != 2]\ninputs.key\na.value\n').out.splitlines()
    assert lines[0] == "3" and lines[1] == '"LAKE"'
    assert json.loads("".join(lines[2:-2])) == [1, 9]
    assert lines[-2] == "(sensitive)" and lines[-1].startswith("(known after apply")
    local_stack.apply()
    assert "LAKE" in local_stack.run("console", stdin="a.value.text\n").out
    broken = local_stack.run("console", stdin="1 +\nnope.x\n7\n", status=None)
    assert "error" in broken.err and "7" in broken.out and "hush-hush" not in broken.out


def test_console_outside_a_stack(local_stack):
    assert local_stack.run("console", stdin='cidrsubnet("10.0.0.0/16", 8, 2)\n').out.strip() == '"10.0.2.0/24"'


def test_docs(local_stack):
    assert "versioning" in local_stack.run("docs", "aws.s3.bucket").out
    every = local_stack.run("docs").out
    for name in ("weir.value", "aws.s3.bucket", "aws.s3.object", "aws.iam.role", "aws.iam.policy", "aws.glue.database", "aws.glue.job",
                 "aws.secretsmanager.secret", "aws.rds.instance", "aws.events.rule", "aws.scheduler.schedule", "aws.sts.caller_identity"):
        assert name in every
        assert local_stack.run("docs", name).out.strip()


def test_schema_is_json_schema(local_stack):
    schema = json.loads(local_stack.run("schema").out)
    assert schema["$schema"].startswith("http")
    text = json.dumps(schema)
    assert "aws.s3.bucket" in text and "for_each" in text and "default_arguments" in text


def test_init(local_stack):
    (local_stack.folder / "new").mkdir()
    listed = local_stack.run("init", "--list", status=None)
    made = local_stack.run("init", "film-lake", "-C", "new")
    assert (local_stack.folder / "new" / "weir.yaml").read_bytes() == (ROOT / "examples/film-lake/weir.yaml").read_bytes(), str(made) + str(listed)
    assert (local_stack.folder / "new" / "data" / "movies.csv").exists()
    local_stack.run("validate", "-C", "new")
    before = (local_stack.folder / "new" / "weir.yaml").read_bytes()
    again = local_stack.run("init", "film-lake", "-C", "new", status=None)
    assert again.status == 3 and "exists already" in again.err and (local_stack.folder / "new" / "weir.yaml").read_bytes() == before
    assert "film-lake" in local_stack.run("init", "film-lak", status=3).err
    assert 'no template "film-lake/jobs"' in local_stack.run("init", "film-lake/jobs", status=3).err


def test_what_to_do_next_can_be_pasted(local_stack):
    """A folder and a file whose names a shell would take apart."""
    here = {"cwd": local_stack.folder, "env": local_stack.env, "shell": True, "capture_output": True, "text": True}
    folder = "it's a lake"
    lines = [line.strip() for line in local_stack.run("init", "film-lake", "-C", folder).out.splitlines() if line.startswith("    weir ")]
    assert len(lines) == 2
    assert subprocess.run(lines[0].replace("weir", str(WEIR), 1), **here).returncode == 0
    saved = local_stack.run("plan", "--sandbox", "-C", folder, "-o", "the plan", "-i", "tables=false").err
    command = re.search(r"To apply exactly these changes:  (weir apply .*)", saved)[1]
    assert subprocess.run(command.replace("weir", str(WEIR), 1), **here).returncode == 0
    assert "lake" in local_stack.run("state", "list", "--sandbox", "-C", folder).out
    assert r"-C 'it'\''s a lake' names" in local_stack.run("plan", folder, status=3).err


def test_init_alone_lists_the_examples(local_stack):
    listed = local_stack.run("init").out
    assert re.search(r"^film-lake +Films and series", listed, re.M) and all(len(line.split()) > 3 for line in listed.splitlines())
    assert not list(local_stack.folder.iterdir())


def test_init_names_what_has_to_be_given(local_stack):
    assert "    weir plan -i owner=… --sandbox\n" in local_stack.run("init", "retail-workshop").out


def test_examples_are_completed(local_stack):
    names = [line.split()[0] for line in local_stack.run("init").out.splitlines()]
    assert f"words='{' '.join(names)}'" in local_stack.run("completion", "bash").out


@pytest.mark.parametrize("topic, shown", [
    ("aws.s3.bucket.lifecycle_rules[].status", "    lifecycle_rules[].status  string\n        Whether the rule is active.\n        required, one of \"Enabled\" \"Disabled\"\n"),
    ("aws.s3.bucket.lifecycle_rules.filter.tag.key", "    lifecycle_rules[].filter.tag.key  string\n        Key of the tag.\n        required\n"),
    ("AWS::SQS::Queue.DelaySeconds", "    DelaySeconds  integer\n"),
    ("data.aws.ec2.vpc.vpc_id", "    vpc_id  string\n"),
])
def test_docs_of_an_attribute(local_stack, topic, shown):
    """With its fields, and nothing else."""
    assert local_stack.run("docs", topic).out.startswith(shown)


def test_docs_of_an_attribute_that_is_not_there(local_stack):
    failed = local_stack.run("docs", "aws.s3.bucket.cors.nope", status=3).err
    assert failed.startswith('error: aws.s3.bucket has no attribute "cors.nope"') and '"weir docs aws.s3.bucket" lists' in failed


@pytest.mark.parametrize("topic, hint", [("plan", "weir help plan"), ("bucket", "there are: aws.s3.bucket"), ("s3", "aws.s3.object"), ("aws.s3", "aws.s3.object"), ("zzz", "weir docs functions")])
def test_docs_of_what_is_no_type(local_stack, topic, hint):
    assert hint in local_stack.run("docs", topic, status=1).err


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "--no-execute"])])
def test_completion(local_stack, tmp_path, shell, check):
    script = local_stack.run("completion", shell).out
    assert ("-l detailed-exitcode" if shell == "fish" else "--detailed-exitcode") in script and "destroy" in script
    if shutil.which(check[0]):
        (tmp_path / "script").write_text(script)
        subprocess.run([*check, tmp_path / "script"], check=True)
    local_stack.run("completion", "csh", status=3)


def test_bash_completion_completes(local_stack, tmp_path):
    (tmp_path / "script").write_text(local_stack.run("completion", "bash").out)
    program = f'PATH={WEIR.parent}:$PATH; source {tmp_path}/script; COMP_WORDS=(weir pl); COMP_CWORD=1; ' \
              'f=$(complete -p weir | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $f weir pl weir; echo "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert "plan" in done.stdout.split(), done
    # colons are words of their own to bash: what stands before the last of them is not offered again
    program = f"PATH={WEIR.parent}:$PATH; source {tmp_path}/script; COMP_LINE='weir docs AWS::Kinesis::St'; COMP_POINT=${{#COMP_LINE}}; " \
              'COMP_WORDS=(weir docs AWS :: Kinesis :: St); COMP_CWORD=6; _weir; printf "%s\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    assert "Stream" in done.stdout.split() and "data.aws.kms.key" in local_stack.run("completion", "types").out.split(), done


ZSHRC = r"""
autoload -Uz compinit && compinit -u -D && source %s
compadd() { [[ ${@[1,(i)(-|--)]} == *-[OAD]\ * ]] || { local -a hits; builtin compadd -A hits "$@"; print -rl -- offered:$^hits }; builtin compadd "$@" }
zle-line-init() { print ready }; zle -N zle-line-init
look() { zle list-choices; exit }; zle -N look; bindkey '^X' look
"""


def completed_by_zsh(script, line, env):
    """It completes on a terminal alone."""
    (script.parent / ".zshrc").write_text(ZSHRC % script)
    ours, theirs = pty.openpty()
    with subprocess.Popen(["zsh", "-d", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env={**env, "ZDOTDIR": str(script.parent), "TERM": "dumb"}):
        os.close(theirs)
        seen, typed = b"", False
        with open(ours, "r+b", buffering=0) as terminal, contextlib.suppress(OSError):  # it has ended
            while more := terminal.read(65536):
                seen += more
                if b"ready" in seen and not typed:
                    typed = terminal.write(f"{line}\x18".encode())
    return {found.decode() for found in re.findall(rb"offered:(\S+)", seen)}


def completed(shell, script, words):
    """What is offered for the last of the words."""
    line = " ".join(words)
    env = {"PATH": f"{WEIR.parent}:/usr/bin:/bin", "HOME": str(script.parent)}
    if shell == "zsh":
        return completed_by_zsh(script, line, env)
    programs = {
        "bash": f'COMP_WORDS=({line} ""); COMP_CWORD={len(words) - 1}; COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; _weir; printf "%s\\n" "${{COMPREPLY[@]}}"',
        "fish": f"complete -C '{line}'",
    }
    done = subprocess.run([shell, "-c", f"source {script}; {programs[shell]}"], capture_output=True, text=True, check=True, env=env, timeout=PATIENCE_S)
    return {line.split("\t")[0] for line in done.stdout.splitlines() if line}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_is_completed(local_stack, tmp_path, shell):
    """Commands, also after options; what they take; a word that is another command's name is not taken for that."""
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    (tmp_path / "script").write_text(local_stack.run("completion", shell).out)
    offered = {line: completed(shell, tmp_path / "script", ["weir", *line.split(" ")]) for line in ("pl", "-C / pl", "state m", "-C / state m", "plan --det", "-C / plan --det", "state import ", "graph --format ", "docs aws.kms.al")}
    assert offered == {
        "pl": {"plan"}, "-C / pl": {"plan"}, "state m": {"migrate", "mv"}, "-C / state m": {"migrate", "mv"}, "plan --det": {"--detailed-exitcode"},
        "-C / plan --det": {"--detailed-exitcode"}, "state import ": offered["state import "], "graph --format ": {"dot", "html", "svg"}, "docs aws.kms.al": {"aws.kms.alias"}}
    assert not {"cloudformation", "terraform"} & offered["state import "]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_asks_the_stack_that_is_meant(local_stack, tmp_path, shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    local_stack.write("stack: s\ninclude: [more.yaml]\nenvironments: {dev: {}, prod: {}}\nresources: {a: {type: weir.value, value: 1}}\n")
    local_stack.write("environments: {test: {}}\n", "more.yaml")
    local_stack.apply("--sandbox", "-e", "prod")
    script = tmp_path / "script"
    script.write_text(local_stack.run("completion", shell).out)
    where = ["-C", str(local_stack.folder), "--sandbox"]
    assert completed(shell, script, ["weir", "plan", *where, "-e", ""]) == {"dev", "prod", "test"}
    assert completed(shell, script, ["weir", "plan", *where, "-e", "p"]) == {"prod"}
    assert completed(shell, script, ["weir", "plan", *where, "-e", "prod", "--target", ""]) == {"a"}
    assert completed(shell, script, ["weir", "plan", *where, "-e", "dev", "--target", ""]) == set()
    if shell == "bash":
        assert completed(shell, script, ["weir", "plan", *where, "--env", "=", "t"]) == {"test"}
        local_stack.write("connections: {door: {host: a}, desk: {host: b}}\nenvironments: {test: {}}\n", "more.yaml")
        assert completed(shell, script, ["weir", "ssh", *where, "d"]) == {"door", "desk"}


def documented_events():
    """Of docs/cli.md: event -> its fields."""
    table = (ROOT / "docs" / "cli.md").read_text().split("## JSON events")[1]
    found = {}
    for names, fields in re.findall(r"^\| `([a-z_, ]+)` \| ([^|]*) \|", table, re.M):
        for name in names.split(", "):
            found[name] = set(re.findall(r"[a-z_0-9]+", fields))
    return found


def test_events_are_those_of_the_documentation(local_stack):
    events = documented_events()
    local_stack.write("""
        stack: told
        inputs: {n: 1}
        resources:
          lake: {type: aws.s3.bucket, name: told-lake}
          code: {type: weir.artifact, source: code.txt, store: "${lake.name}/code"}
          v: {type: weir.value, value: "${inputs.n}"}
          role: {type: aws.iam.role, name: told, assume_role_policy: '${trust("states.amazonaws.com")}'}
          flow: {type: aws.stepfunctions.state_machine, name: told-flow, role: "${role.arn}", definition: {StartAt: a, States: {a: {Type: Pass, End: true}}}}
        outputs: {n: "${inputs.n}"}
    """).write("one", "code.txt").write("name: t\nplan: {create: 5}\n", "tests/t.yaml")
    seen = set()
    for command in (["validate"], ["apply", "-y"], ["apply", "-y", "-i", "n=2"], ["console", "-c", "v.value"], ["run", "flow"], ["jobs"], ["state", "show", "v"],
                    ["state", "mv", "v", "w"], ["history", "3"], ["state", "doctor"], ["test"], ["rollback", "code", "--list"], ["state", "rm", "w"], ["run", "nothing"],
                    ["destroy", "-y", "--verify", "--force-empty"]):
        for event in local_stack.run(*command, "--sandbox", "--json", status=None).events():
            assert event["event"] in events, (command, event)
            assert set(event) - {"event"} <= events[event["event"]], (command, set(event) - {"event"} - events[event["event"]], event)
            seen.add(event["event"])
    assert {"change", "summary", "result", "done", "job_run", "job_result", "job", "version", "run", "run_change", "moved", "forgotten", "check", "test", "data_loss", "error",
            "verified", "value", "valid", "resource", "output"} <= seen, seen


def test_stack_elsewhere(local_stack):
    local_stack.write(STACK, "sub/weir.yaml")
    local_stack.apply("-C", "sub")
    assert (local_stack.folder / "sub" / ".weir").is_dir() and not (local_stack.folder / ".weir").exists()
    local_stack.run("plan", "-C", "sub", "--detailed-exitcode")
    local_stack.run("-C", "sub", "plan", "--detailed-exitcode")
    local_stack.run("plan", "-C", "sub/weir.yaml", "--detailed-exitcode")


def test_no_colour_without_a_terminal(local_stack):
    local_stack.write(STACK)
    result = local_stack.apply()
    assert "\x1b" not in result.out + result.err


def test_colours_in_a_terminal(local_stack):
    local_stack.write(STACK)
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        master, slave = pty.openpty()
        process = subprocess.Popen(local_stack.command("plan"), cwd=local_stack.folder, env={**local_stack.env, "TERM": "xterm-256color", **env},
                                   stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        text = b""
        try:
            while chunk := os.read(master, 65536):
                text += chunk
        except OSError:
            pass
        os.close(master)
        assert process.wait() == 0 and b"a" in text
        assert (b"\x1b[" in text) == coloured, text


def test_prompt_in_a_terminal(local_stack):
    local_stack.write(STACK)
    for answer, made in ((b"no\n", []), (b"yes\n", ["a"])):
        master, slave = pty.openpty()
        process = subprocess.Popen(local_stack.command("apply"), cwd=local_stack.folder, env={**local_stack.env, "TERM": "dumb"}, stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        os.write(master, answer)
        try:
            while os.read(master, 65536):
                pass
        except OSError:
            pass
        os.close(master)
        process.wait()
        assert local_stack.addresses() == made


def test_closed_output_is_no_crash(local_stack):
    local_stack.write(STACK)
    process = subprocess.run(f"{WEIR} docs | head -1", shell=True, cwd=local_stack.folder, env=local_stack.env, capture_output=True, text=True)
    assert process.returncode == 0 and process.stdout
    reading, writing = os.pipe()
    os.close(reading)
    for words, told in (("plan", "--sandbox"), False), (("apply", "--yes"), True):
        process = subprocess.run(local_stack.command(*words), cwd=local_stack.folder, env=local_stack.env, stdout=writing, stderr=subprocess.PIPE, text=True)
        assert process.returncode in (1, -signal.SIGPIPE) and told == ("Broken pipe" in process.stderr), process
    os.close(writing)
    assert not local_stack.addresses(), "what could not be shown is not done"


def test_a_full_output_is_an_error(local_stack):
    local_stack.write(STACK)
    with open("/dev/full", "w") as full:
        process = subprocess.run(local_stack.command("docs"), cwd=local_stack.folder, env=local_stack.env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 1 and process.stderr


@pytest.mark.parametrize("words", [["reap", "--dry-run"], ["reap", "--dry-run", "--json"], ["state", "doctor"], ["state", "doctor", "--json"]], ids=" ".join)
def test_a_full_output_of_several_lines_is_an_error(local_stack, words):
    """Told once, whatever else the command has to say."""
    local_stack.write(STACK).apply("--for", "8h")
    with open("/dev/full", "w") as full:
        process = subprocess.run(local_stack.command(*words), cwd=local_stack.folder, env=local_stack.env, stdout=full, stderr=subprocess.PIPE, text=True)
    assert process.returncode == 1 and process.stderr.count("No space left on device") == 1, process


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_nothing(local_stack, closed):
    """What is opened next would get the number of a closed standard stream, and with it what is printed."""
    local_stack.write(STACK)
    made = subprocess.run(f"{WEIR} apply --yes {closed}", shell=True, cwd=local_stack.folder, env=local_stack.env, capture_output=True, text=True)
    assert made.returncode == 0, made
    assert all(re.match(r'[0-9a-f]{8} {"', line) for line in local_stack.log().read_text().splitlines()), local_stack.log().read_text()
    assert local_stack.addresses()
    local_stack.run("state", "doctor")


def test_man_page():
    pages = list((ROOT / "build").glob("**/weir.1"))
    if not pages:
        pytest.skip("the man page is made by make install")
    text = pages[0].read_text()
    assert ".TH" in text and all(command in text for command in COMMANDS)


def test_drift_without_drift(local_stack):
    local_stack.write(STACK)
    assert local_stack.run("drift", status=0)
    local_stack.apply()
    local_stack.run("drift", status=0)
    local_stack.run("drift", "-i", "name=other", status=0)  # a changed file is no drift


@pytest.mark.parametrize("command", [["state", "list"], ["history"], ["output"], ["jobs"], ["destroy", "--yes"]], ids=lambda command: command[0])
def test_an_unused_state_is_told_from_the_sandboxes(local_stack, command):
    local_stack.write(STACK)
    unused = local_stack.run(*command)
    assert "Nothing was applied yet." in unused.err
    local_stack.apply("--sandbox")
    assert "Nothing was applied yet; what was in the sandbox is shown with --sandbox." in local_stack.run(*command).err
    assert "--sandbox" not in local_stack.run(*command, "--json").out
    assert "Nothing was applied" not in local_stack.run(*command, "--sandbox").err


def test_nobody_waits_for_the_sandboxs_databases(local_stack):
    """Three seconds of `creating` and two of `deleting` are for who looks at a served sandbox."""
    local_stack.write("""
        stack: waits
        resources:
          db: {type: aws.rds.instance, name: waits, instance_class: db.t3.micro, engine: postgres, allocated_storage: 20, manage_master_user_password: true, master_username: weir, skip_final_snapshot: true}
    """)
    made, gone = local_stack.apply("--sandbox", "-vv"), local_stack.destroy("--sandbox", "-vv", verify=False)
    looks = made.err.split("rds.DescribeDBInstances")[1:]  # the first may come within the same few milliseconds
    assert sum("<DBInstanceStatus>creating" in look for look in looks) <= 1 and "<DBInstanceStatus>available" in looks[-1], made.err
    after = gone.err[gone.err.index("rds.DeleteDBInstance") :]
    assert "DBInstanceNotFound" in after and after.count("rds.DescribeDBInstances") <= 2, after


def test_a_saved_plan_that_does_nothing_says_so(local_stack):
    local_stack.write(STACK).apply()
    local_stack.run("plan", "-o", "nothing.plan")
    assert "No changes" in local_stack.run("apply", "nothing.plan").out


def test_json_of_the_state_is_a_line_too(local_stack):
    local_stack.write(STACK).apply()
    (whole,) = local_stack.run("state", "pull", "--json").events()
    assert whole == json.loads(local_stack.run("state", "pull").out) and whole["resources"][0]["address"] == "a"
    (key,) = local_stack.run("state", "key", "--json").events()
    assert re.fullmatch("[0-9a-f]{64}", key["key"])


def test_tests_in_a_folder_with_a_name_like_a_pattern(local_stack):
    local_stack.write(STACK, "a[b]/weir.yaml").write("name: t\nplan: {create: 1}\n", "a[b]/tests/t.yaml")
    assert "1 passed" in local_stack.run("test", "-C", "a[b]").out
    local_stack.write(STACK).write("name: t\nplan: {create: 1}\n", "tests/t.yaml")
    assert local_stack.run("test", "--json").events()[0]["file"] == "tests/t.yaml"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_served_sandbox_ends_in_order(local_stack, number):
    """Also when its terminal is closed."""
    process = subprocess.Popen(local_stack.command("sandbox", "--ephemeral", "--port", "0"), env=local_stack.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "unset" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == 0 and not Path(re.search(r", from (\S+)\. Clients", err)[1]).exists(), err


def test_help_on_a_narrow_terminal(local_stack):
    local_stack.write(STACK)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    subprocess.run(local_stack.command("plan", "--help"), env={**local_stack.env, "TERM": "dumb"}, stdout=theirs, check=True)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):
        while more := os.read(ours, 65536):
            text += more
    os.close(ours)
    lines = text.decode().split("\r\nExamples:")[0].splitlines()
    assert max(map(len, lines)) <= 40 and lines[lines.index("      --detailed-exitcode") + 1] == "          status 2 when there is", text.decode()


def test_a_secret_that_is_still_kept_is_restored(local_stack):
    """What this stack itself has deleted and the service still keeps. Another's: test_recovery.py."""
    local_stack.write("stack: kept\nresources: {s: {type: aws.secretsmanager.secret, name: kept, secret_string: abc}}\n").apply("--sandbox")
    local_stack.apply("--sandbox", "--replace", "s")
    local_stack.assert_settled("--sandbox")
    local_stack.run("destroy", "--yes", "--sandbox")
    local_stack.apply("--sandbox")
    local_stack.assert_settled("--sandbox")


def test_a_served_sandbox_is_used_from_another_terminal(local_stack):
    local_stack.write("stack: two\nresources: {a: {type: aws.s3.bucket, name: two-terminals}}\n")
    for number in signal.SIGTERM, signal.SIGKILL:  # what a killed one leaves behind misleads nobody
        serving = local_stack.start("sandbox", "--port", "0")
        while "unset" not in serving.stdout.readline():
            assert serving.poll() is None
        local_stack.apply("--sandbox")
        local_stack.assert_settled("--sandbox")
        serving.send_signal(number)
        serving.communicate()
        local_stack.assert_settled("--sandbox")


def test_sandbox_without_a_stack_leaves_nothing(local_stack):
    assert "weir.yaml" in local_stack.run("plan", "--sandbox", status=3).err
    assert list(local_stack.folder.iterdir()) == []


def test_setup_finds_a_python_that_pyenv_has_not_selected(tmp_path):
    """Its shim for another version fails; an interpreter that is new enough makes LocalStack's environment, though the first download fails."""
    def program(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    new = 'case $1 in -c) exit 0 ;; -m) mkdir -p "$3/bin" && printf "#!/bin/sh\\necho >> \\$0.tried; [ \\$(wc -l < \\$0.tried) = 3 ]\\n" > "$3/bin/pip" && chmod 755 "$3/bin/pip" ;; esac'
    program(tmp_path / "shims/python3.13", "exit 127")
    program(tmp_path / "shims/python3", "exit 1")
    program(tmp_path / "pyenv/versions/3.10.13/bin/python3", "exit 1")
    program(tmp_path / "pyenv/versions/3.13.0/bin/python3", new)
    for name in ("tools/setup", "tests/requirements-localstack.txt"):
        (tmp_path / "weir" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "weir" / name)
    env = {"PATH": f"{tmp_path}/shims:/usr/bin:/bin", "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path / "pyenv"), "SETUP_PAUSES_S": "0 0"}
    done = subprocess.run([tmp_path / "weir/tools/setup", "localstack"], env=env, capture_output=True, text=True)
    assert done.returncode == 0 and "no LocalStack" not in done.stderr, done
    assert (tmp_path / "weir/.venv-localstack/.requirements").read_text() == (ROOT / "tests/requirements-localstack.txt").read_text()
