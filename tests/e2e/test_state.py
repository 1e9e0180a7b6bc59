"""The state log from outside: locked, damaged, torn, unreadable, moved about by the state commands, interrupted."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest
from support import ROOT, begun_to_wait, hold_role, until

sys.path.append(str(ROOT / "tests/tools"))
from statelog import crc32c  # noqa: E402

STACK = """
    stack: kept
    inputs: {n: {type: integer, default: 1}}
    resources:
      a: {type: weir.value, value: "${inputs.n}"}
      b: {type: weir.value, value: "${a.value}"}
    outputs: {b: {value: "${b.value}"}}
"""
# The role's creation hangs until the test says otherwise, so an apply is under way as long as it is needed.
SLOW = """
    stack: kept
    resources:
      first: {type: weir.value, value: 1}
      role: {type: aws.iam.role, name: slow-role, assume_role_policy: '${trust("glue.amazonaws.com")}', depends_on: [first]}
      last: {type: weir.value, value: "${role.name}", depends_on: [role]}
"""


def test_locked(stack, cloud):
    process = hold_role(stack.write(SLOW), cloud)
    locked = stack.apply(status=4)
    assert "locked" in locked.err and str(process.pid) in locked.err and "apply" in locked.err
    assert re.search(r"; run 1 has role under way \(create since 2\d{3}-[-T:0-9]+Z\)\n", locked.err)
    stack.destroy(status=4)
    stack.run("plan")  # reading needs no lock
    waiting = stack.start("apply", "--yes", "--lock-timeout", "5m")  # waits, then finds nothing to do
    assert re.search(rf"is locked by .*process {process.pid}.*; waiting up to 5 m 00 s", begun_to_wait(waiting))
    cloud.fail()
    waiting.communicate()
    assert waiting.returncode == 0
    process.communicate()
    assert process.returncode == 0
    stack.assert_settled()
    assert cloud.requests().count("CreateRole") == 1


@pytest.mark.parametrize(("number", "saved"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_interrupted(stack, cloud, number, saved):
    """What is in flight is finished and recorded, nothing new is begun."""
    if saved:
        stack.write(SLOW).run("plan", "-o", "it.plan")
    process = hold_role(stack.write(SLOW), cloud, *(["it.plan"] if saved else []))
    process.send_signal(number)
    while "stopping" not in (line := process.stdout.readline()):
        assert line
    cloud.fail()
    out, err = process.communicate()
    assert process.returncode == 130, out + err
    assert ("a new plan continues" if saved else "the same command continues") in err
    assert "1 skipped" in out and "skipped last" not in out  # their number is enough
    assert stack.addresses() == ["first", "role"]
    assert stack.plan() == {"last": "create"}
    stack.apply()
    stack.assert_settled()


def test_killed_while_a_role_is_made(stack, cloud):
    process = hold_role(stack.write(SLOW), cloud)
    process.kill()
    process.communicate()
    cloud.fail()
    until(lambda: cloud.client("iam").list_roles()["Roles"])
    stack.apply()
    stack.assert_settled()
    assert len(cloud.client("iam").list_roles()["Roles"]) == 1
    stack.destroy()
    assert cloud.client("iam").list_roles()["Roles"] == []


def test_records_are_checksummed_json(stack):
    stack.write("stack: kept\nresources: {a: {type: weir.value, value: 1}, lake: {type: aws.s3.bucket, name: kept-lake}}\n").apply()
    kinds = []
    for number, line in enumerate(stack.log().read_text().splitlines(), 1):
        checksum, text = line[:8], line[9:]
        assert re.fullmatch("[0-9a-f]{8} ", line[:9])
        assert int(checksum, 16) == crc32c(text.encode())
        record = json.loads(text)
        assert record["seq"] == number
        kinds.append(record["kind"])
    # a value exists only in the log: there is nothing outside that an intent would have to protect
    assert kinds[0] == "run" and kinds[-1] == "end" and kinds.count("intent") == 1 and kinds.count("done") == 2


def test_modules_and_all_instances_are_moved_and_forgotten(local_stack):
    local_stack.write("resources:\n  v: {type: weir.value, value: 1}\n  w: {type: weir.value, for_each: [x], value: 1}\n", "m/weir.yaml")
    text = """
        stack: moving
        resources: {{{many}: {{type: weir.value, for_each: [a, b], value: 1}}, one: {{type: weir.value, value: 1}}}}
        modules: {{{net}: {{source: ./m}}, {nets}: {{source: ./m, for_each: [p, q]}}}}
    """
    local_stack.write(text.format(many="many", net="net", nets="nets")).apply()
    before = local_stack.addresses()
    for words, reason in [(["many", 'x["k"]'], 'many has several, and x["k"] is one'), (["nets", 'x["k"]'], "has several"), (["one", "one"], "already"),
                          (["ne", "other"], 'no resource "ne"'), (["one", 'k["]'], "is not an address"), (["one", ""], "is not an address"), (["", "x"], "no resource")]:
        refused = local_stack.run("state", "mv", *words, status=None)
        assert refused.status and reason in refused.err, str(refused)
    assert local_stack.addresses() == before
    for words in (["many", "few"], ["net", "own"], ["nets", "all"], ['all["p"]', 'all["r"]'], ['few["a"]', 'few["c"]']):
        local_stack.run("state", "mv", *words)
    assert local_stack.addresses() == ['all["q"]/v', 'all["q"]/w["x"]', 'all["r"]/v', 'all["r"]/w["x"]', 'few["b"]', 'few["c"]', "one", "own/v", 'own/w["x"]']
    local_stack.run("state", "mv", 'all["r"]', 'all["p"]')
    local_stack.run("state", "mv", 'few["c"]', 'few["a"]')
    local_stack.write(text.format(many="few", net="own", nets="all")).assert_settled()
    assert local_stack.run("state", "list", "own", 'all["p"]/w').out.split() == ['all["p"]/w["x"]', "own/v", 'own/w["x"]']
    local_stack.run("state", "rm", "all", "few", "own")
    assert local_stack.addresses() == ["one"]


@pytest.mark.parametrize("fields", [{"kind": "run", "run": "9", "version": "9.1.0", "format": 3}, {"kind": "snapshot", "runs": 9, "count": 0, "format": 3}, {"kind": "hologram"}])
def test_what_a_newer_weir_wrote_is_left_alone(local_stack, fields):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    seq = len(log.read_text().splitlines()) + 1
    text = json.dumps({"seq": seq, **fields}, separators=(",", ":"))
    log.write_bytes(log.read_bytes() + f"{crc32c(text.encode()):08x} {text}\n".encode())

    def everything():
        return {path: path.read_bytes() for path in local_stack.folder.rglob("*") if path.is_file() and path.suffix != ".lock"}

    before = everything()
    for command in ("plan",), ("apply", "-y"), ("destroy", "-y"), ("run", "x"), ("jobs",), ("deploy", "-y"), ("drift",), ("output",), ("history",), ("state", "list"), \
            ("state", "rm", "a"), ("state", "doctor"):
        refused = local_stack.run(*command, status=None)
        assert refused.status in (1, 3) and f"record {seq} is " in refused.err and "newer" in refused.err, str(refused)
    assert everything() == before


def test_torn_tail_is_dropped(local_stack):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    log.write_bytes(log.read_bytes() + b'0badc0de {"seq":99,"kind":"do')
    local_stack.assert_settled()
    local_stack.apply("-i", "n=2")
    local_stack.assert_settled("-i", "n=2")


@pytest.mark.parametrize("where", [0, 1, 3])
def test_damage_names_the_record(local_stack, where):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    lines = log.read_bytes().splitlines(keepends=True)
    lines[where] = lines[where].replace(b'"kind"', b'"kinb"')
    log.write_bytes(b"".join(lines))
    for command in (["plan"], ["apply", "--yes"], ["state", "list"]):
        result = local_stack.run(*command, status=1)
        assert f"{log.name}:{where + 1}" in result.err, str(result)
    assert log.read_bytes() == b"".join(lines)


def test_missing_record_is_damage(local_stack):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2] + lines[3:]))
    assert log.name in local_stack.run("plan", status=1).err


@pytest.mark.parametrize("content", [b"", b"\n", b"hello\n", b"{}\n{}\n", b"\x8f\xbf\n\x00H" * 600])
def test_something_else_in_place_of_the_log(local_stack, content):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    log.write_bytes(content)
    result = local_stack.run("plan", status=1)
    assert log.name in result.err and len(result.err) < 5000
    local_stack.apply(status=1)
    assert log.read_bytes() == content


def test_log_is_a_folder(local_stack):
    local_stack.write(STACK).apply()
    log = local_stack.log()
    log.unlink()
    log.mkdir()
    assert log.name in local_stack.run("plan", status=1).err


def test_weir_folder_is_a_file(local_stack):
    local_stack.write(STACK).write("", ".weir")
    assert ".weir" in local_stack.apply(status=1).err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_log(local_stack):
    local_stack.write(STACK).apply()
    local_stack.log().chmod(0)
    assert local_stack.log().name in local_stack.run("plan", status=1).err


def test_full_disk(local_stack):
    """/dev/full stands in for the disk: nothing may be reported as done that was not recorded."""
    local_stack.write(STACK)
    (local_stack.folder / ".weir").mkdir()
    (local_stack.folder / ".weir" / "kept.log").symlink_to("/dev/full")
    result = local_stack.apply(status=1)
    assert "kept.log" in result.err


def test_list_show_mv_rm(local_stack):
    local_stack.write(STACK).apply()
    assert local_stack.addresses() == ["a", "b"]
    assert "weir.value" in local_stack.run("state", "show", "a").out
    shown = local_stack.run("state", "show", "a", "--json").out
    assert json.loads(shown)["address"] == "a"
    local_stack.run("state", "mv", "a", "c")
    assert local_stack.addresses() == ["b", "c"]
    local_stack.run("state", "rm", "c")
    assert local_stack.addresses() == ["b"]
    assert "nope" in local_stack.run("state", "show", "nope", status=None).err
    assert local_stack.run("state", "mv", "nope", "x", status=None).status != 0
    assert local_stack.run("state", "rm", "nope", status=None).status != 0
    assert local_stack.run("state", "mv", "b", 'a["x"', status=3)
    assert "killed" not in local_stack.run("history").out
    assert local_stack.plan() == {"a": "create"}


def test_state_commands_do_not_need_a_right_stack(local_stack):
    local_stack.write(STACK).apply()
    local_stack.write("stack: kept\nresources: {a: {type: no.such.type}}\n")
    assert local_stack.addresses() == ["a", "b"]


def test_history_survives_many_runs(local_stack):
    local_stack.write(STACK)
    for n in range(1, 30):
        local_stack.apply("-i", f"n={n}")
    local_stack.assert_settled("-i", "n=29")
    assert local_stack.outputs() == {"b": 29}


def many(text=""):
    resources = "".join(f"  v{i}: {{type: weir.value, value: {i}}}\n" for i in range(2000))
    return f"stack: kept\n{text}resources:\n{resources}"


def test_long_log_read_ahead_is_only_trusted_where_it_is_the_states(local_stack):
    """A long log in the default place is read while the stack is loaded; which state it is only the stack says."""
    local_stack.folder.joinpath("weir.yaml").write_text(many())
    local_stack.apply()
    log = local_stack.log()
    assert log.stat().st_size > 256 * 1024
    local_stack.assert_settled()
    local_stack.folder.joinpath("weir.yaml").write_text(many("state: {backend: file, path: elsewhere}\n"))
    assert len(local_stack.plan()) == 2000
    local_stack.folder.joinpath("weir.yaml").write_text(many().replace("stack: kept", "stack: another"))
    assert len(local_stack.plan()) == 2000
    local_stack.folder.joinpath("weir.yaml").write_text(many() + "  twice: {type: nothing.there}\n")
    assert "nothing.there" in local_stack.run("plan", status=3).err
    local_stack.folder.joinpath("weir.yaml").write_text(many())
    log.write_bytes(log.read_bytes().replace(b'"kind"', b'"kinb"', 1))
    assert f"{log.name}:1" in local_stack.run("plan", status=1).err


def test_what_was_taken_out_of_the_file_is_out_of_the_state(local_stack):
    """Of a type that no service keeps, so that no refresh puts it right afterwards."""
    text = "stack: kept\nresources:\n  job: {type: aws.emrserverless.job, name: j, application: a, role: r, entry_point: e%s}\n"
    local_stack.env |= {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "us-east-1"}
    local_stack.write(text % ", log_group: /g, attempts: 2").apply()
    local_stack.write(text % ", attempts: 3").apply()
    shown = local_stack.run("state", "show", "job").out
    assert "attempts:    3" in shown and "log_group" not in shown
    local_stack.assert_settled()


def test_full_disk_while_applying(local_stack):
    """What was done and could not be recorded is not said to be; what was begun is known."""
    text = "stack: s\nresources:\n  it: {type: weir.command, for_each: [a, b, c, d, e, f], command: \"echo ${each.key} >> made; head -c 4000 /dev/zero | tr '\\\\0' x\"}\n"
    stack = local_stack.write(text)
    small = "trap '' XFSZ; ulimit -f 24; exec \"$@\""  # 12 KiB, of which a write gives EFBIG
    ended = subprocess.run(["sh", "-c", small, "sh", *stack.command("apply", "-y", "--parallelism", "1")], cwd=stack.folder, env=stack.env, capture_output=True, text=True)
    assert ended.returncode == 1 and "cannot write the state" in ended.stderr, ended.stderr
    assert "what was done is recorded" not in ended.stderr and "the last operation is not recorded; the next command looks up its outcome" in ended.stderr
    made, recorded = (stack.folder / "made").read_text().split(), stack.addresses()
    assert 0 < len(recorded) <= len(made) < 6
    stack.apply()
    assert len(stack.addresses()) == 6


def test_a_type_that_was_renamed(local_stack):
    """States and sandboxes of before call Step Functions' types aws.states; a stack file with that gets the new word."""
    activity = "resources: {wait: {type: aws.SERVICE.activity, name: renamed-wait, tags: {a: b}}}\n"
    local_stack.write("stack: renamed\n" + activity.replace("SERVICE", "stepfunctions"))
    local_stack.run("apply", "--yes", "--sandbox")
    (log,), lines = local_stack.folder.rglob("renamed*.log"), []
    for line in log.read_text().splitlines():
        fields = json.loads(line[9:])
        fields.pop("format", None)
        text = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).replace("aws.stepfunctions.", "aws.states.")
        lines.append(f"{crc32c(text.encode()):08x} {text}\n")
    log.write_text("".join(lines))
    assert "aws.states.activity" in log.read_text()
    records = [path for path in local_stack.folder.rglob("aws.stepfunctions.activity-*.json")]
    assert len(records) == 1
    records[0].rename(records[0].with_name(records[0].name.replace("stepfunctions", "states")))
    before = next(local_stack.folder.rglob("aws.states.activity-*.json"))
    before.write_text(before.read_text().replace("aws.stepfunctions.", "aws.states."))
    assert "No changes" in local_stack.run("plan", "--sandbox").out
    assert not before.exists() and len(list(local_stack.folder.rglob("aws.stepfunctions.activity-*.json"))) == 1
    local_stack.write("stack: renamed\n" + activity.replace("SERVICE", "states"))
    assert 'did you mean "aws.stepfunctions.activity"' in local_stack.run("validate", status=3).err
    local_stack.write("stack: renamed\n" + activity.replace("SERVICE", "stepfunctions").replace("a: b", "a: c"))
    local_stack.run("apply", "--yes", "--sandbox")
    assert '"format":2' in log.read_text()
    local_stack.run("destroy", "--yes", "--verify", "--sandbox")
