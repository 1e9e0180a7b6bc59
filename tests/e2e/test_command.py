"""weir.command: a command of the stack's own, what it printed for others, and nothing of what is secret."""

import pytest

SECRET = "command-Kingfisher-5"


def settled(stack):
    result = stack.run("plan")
    assert "No changes" in result.out, str(result)


def test_what_it_prints_is_for_others(local_stack):
    local_stack.write("one\n", "src/a.txt")
    local_stack.write("""
        stack: commands
        resources:
          made:
            type: weir.command
            command: mkdir -p out && cat src/*.txt > out/all && echo made it && echo hello >&2 && echo run >> log
            delete: rm -r out && echo $WHO > gone
            inputs: [src/*.txt]
            creates: out/all
            env: {WHO: me}
          parsed: {type: weir.command, command: "echo '{\\"a\\": [1, 2]}'", output: json, depends_on: [made]}
          kept: {type: weir.value, value: "${made.result}: ${parsed.result.a[1]}"}
        outputs: {all: "${kept.value}"}
    """)
    assert "hello" in local_stack.run("apply", "--yes").out
    assert local_stack.outputs() == {"all": "made it: 2"}
    settled(local_stack)
    runs = lambda: (local_stack.folder / "log").read_text().count("run")
    assert runs() == 1

    local_stack.write("two\n", "src/b.txt")
    assert local_stack.plan() == {"made": "update", "kept": "update"}
    local_stack.apply()
    assert runs() == 2 and (local_stack.folder / "out/all").read_text() == "one\ntwo\n"
    (local_stack.folder / "out/all").unlink()
    assert local_stack.plan()["made"] == "create"
    local_stack.apply()
    settled(local_stack)
    local_stack.destroy()
    assert not (local_stack.folder / "out").exists() and (local_stack.folder / "gone").read_text() == "me\n"


def test_a_dependency_that_is_newer_than_the_record_orders_deletions(local_stack):
    """It changes no attribute, so nothing is applied; Terraform merges both, too. One that contradicts the records does not count."""
    text = """
        stack: newer
        resources:
          base: {type: weir.command, command: "true", delete: test ! -e user%s}
          user: {type: weir.command, command: touch user, delete: rm user%s}
    """
    local_stack.write(text % ("", "")).apply()
    local_stack.write(text % ("", ", depends_on: [base]"))
    local_stack.assert_settled()
    local_stack.destroy("--parallelism", "1")
    local_stack.apply()
    local_stack.write(text % (", depends_on: [user]", ""))
    local_stack.assert_settled()
    local_stack.destroy("--parallelism", "1")


def test_records_that_contradict_each_other(local_stack):
    """`user` waited for `base`, and `base` waits for `user` now: only `base` has changed, and so has its record."""
    text = """
        stack: reversed
        resources:
          base: {type: weir.command, command: echo %s, delete: echo base >> order%s}
          user: {type: weir.command, command: "true", delete: echo user >> order%s}
    """
    local_stack.write(text % ("one", "", ", depends_on: [base]")).apply()
    local_stack.write(text % ("two", ", depends_on: [user]", "")).apply()
    local_stack.assert_settled()
    local_stack.destroy("--parallelism", "1")
    assert (local_stack.folder / "order").read_text().split() == ["base", "user"]


def test_deletions_are_ordered_through_what_stays(local_stack):
    """`base` is deleted after `user`, which depends on it through one, and through several that are not deleted."""
    text = """
        stack: stays
        resources:
          keeper: {type: weir.value, value: 1, depends_on: [base]}
          keepers: {type: weir.value, for_each: [a, b], value: 1, depends_on: [keeper]}
          a_user: {type: weir.command, command: touch user, delete: sleep 0.2; rm user, depends_on: [keepers]}
          base: {type: weir.command, command: "true", delete: test ! -e user}
    """
    for parallelism in "1", "8":
        local_stack.write(text).apply()
        local_stack.write("stack: stays\nresources:\n  keeper: {type: weir.value, value: 1}\n  keepers: {type: weir.value, for_each: [a, b], value: 1}\n")
        assert local_stack.plan() == {"base": "delete", "a_user": "delete"}
        local_stack.apply("--parallelism", parallelism)
        local_stack.assert_settled()


def test_what_comes_later_waits_through_what_is_unchanged(local_stack):
    """`last` waits for `first` through resources and modules that need no change themselves."""
    local_stack.write("stack: inner\nresources: {kept: {type: weir.value, value: 2}}\n", "inner/weir.yaml")
    local_stack.write("""
        stack: through
        inputs: {first: "true", last: "true"}
        resources:
          first: {type: weir.command, command: "${inputs.first}"}
          kept: {type: weir.value, value: 1, depends_on: [first]}
          last: {type: weir.command, command: "${inputs.last}", depends_on: [inner]}
        modules: {inner: {source: ./inner, depends_on: [kept]}}
    """)
    local_stack.apply()
    result = local_stack.apply("-i", "first=false", "-i", "last=touch done", status=1)
    assert not (local_stack.folder / "done").exists(), str(result)
    local_stack.apply("-i", "last=touch done")
    assert (local_stack.folder / "done").exists()


@pytest.mark.parametrize("secret", ["hunter2 secret!x$", "it's hunter", "hunter2\vsecret", "~hunt#er\"`a'b\\c", "hünt\ter\x01xx\x1bzz"])
def test_shells_spell_secrets_in_their_own_ways(local_stack, secret):
    """As it is, after what is taken out of a line, and as bash and Python write it."""
    local_stack.write("""
        stack: spelt
        inputs: {pw: {type: string, sensitive: true}}
        resources: {a: {type: weir.command, command: sh say.sh, env: {PW: "${inputs.pw}"}}}
    """)
    local_stack.write("""
        printf 'one\\v%s three\\n\\v%s\\n' "$PW" "$PW" >&2
        bash -c 'printf "%q\\n" "$PW"; printf "%s\\n" "${PW@Q}"; declare -p PW; set | grep ^PW=' >&2
        LC_ALL=C bash -xc 'printf "%q\\n" "$PW" >&2; : "$PW"'
        python3 -c 'import os, shlex; print(shlex.quote(os.environ["PW"]))' >&2
        exit 1
    """, "say.sh")
    result = local_stack.run("apply", "-v", "--yes", status=1, env={"WEIR_INPUT_PW": secret})
    lines = [line for line in result.out.splitlines() if line.startswith("| a: ")]
    assert len(lines) == 10 and all("(redacted)" in line for line in lines), result
    assert not [word for word in ("hunt", "secret", "xx", "er") if word in "".join(lines).replace("three", "").replace("declare", "")], lines


def test_secrets_stay_in_the_environment(local_stack):
    local_stack.write(f"""
        stack: commands
        inputs: {{password: {{type: string, sensitive: true, default: {SECRET}}}}}
        resources:
          made: {{type: weir.command, command: 'echo "got $PASSWORD"; echo "$PASSWORD" >&2; ps -eo args > seen', env: {{PASSWORD: "${{inputs.password}}"}}, secret: true}}
          used: {{type: weir.command, command: 'printf %s "$IT" > used', env: {{IT: "${{made.result}}"}}, depends_on: [made]}}
    """)
    shown = local_stack.run("apply", "--yes")
    assert (local_stack.folder / "used").read_text() == f"got {SECRET}"
    state = "".join(path.read_text(errors="replace") for path in (local_stack.folder / ".weir").rglob("*") if path.is_file())
    for where in shown.out + shown.err, state, (local_stack.folder / "seen").read_text():
        assert SECRET not in where
    assert "keeps only a hash" in local_stack.run("plan", status=None).err, "the result is needed again, and there is no key"
    local_stack.env["WEIR_STATE_KEY"] = "0123456789abcdef" * 4
    local_stack.run("apply", "--yes", "--replace", "made")
    settled(local_stack)
    text = (local_stack.folder / "weir.yaml").read_text()
    local_stack.write(text.replace("; ps -eo", "; exit 3; ps -eo"))
    failed = local_stack.run("apply", "--yes", status=1)
    assert "status 3" in failed.err and SECRET not in failed.err + failed.out, str(failed)
    local_stack.write(text.replace('echo "got $PASSWORD"', 'echo ${inputs.password}'))
    refused = local_stack.run("apply", "--yes", status=None)
    assert refused.status != 0 and "whoever lists processes would see it" in refused.err, str(refused)


def test_what_goes_wrong(local_stack):
    for line, says in [("command: echo x; exit 4", "failed with status 4"), ("command: echo x, output: json", "what the command printed"), ("command: 'true', creates: nothing", "nothing does not exist"),
                       ("command: head -c 5000000 /dev/zero", "more than 4 MB"), ("command: 'true', inputs: [none/*]", "match no file")]:
        local_stack.write(f"stack: commands\nresources: {{a: {{type: weir.command, {line}}}}}\n")
        result = local_stack.run("apply", "--yes", status=None)
        assert result.status != 0 and says in result.err, str(result)


def test_what_was_run_is_no_leftover(local_stack):
    """And nobody was asked, which is not called nothing being left."""
    local_stack.write("stack: commands\nresources: {made: {type: weir.command, command: echo it}}\n").apply("--sandbox")
    done = local_stack.run("destroy", "-y", "--verify", "--sandbox")
    assert "Nothing was looked for" in done.out and "is left:" not in done.out and "Looked in" not in done.out
    (told,) = (event for event in local_stack.run("destroy", "-y", "--verify", "--sandbox", "--json").events() if event["event"] == "verified")
    assert (told["left"], told["looked"], told["asked"], "tags" in told) == (0, [], 0, False)
