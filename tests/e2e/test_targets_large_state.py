"""Plans with targets in a large state, of which they read a part: they are those that are made of the whole state."""

import fcntl
import hashlib
import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent.parent / "tools"))

from statelog import frame  # noqa: E402
from support import Stack, planned  # noqa: E402
from test_deploy import STACK as DEPLOYED  # noqa: E402

KEYS = [f"{word} {i}" for i in range(500) for word in ("a", "b\\", 'c"', "d#old")] + ["é", "[x]", "one", "~"]
LONG = bool(os.environ.get("WEIR_LONG"))
BESIDE = ["one", "one_more", "one2", "oneness", "One", "on"]  # that are near to each other in the order of addresses


def text(numbers, state="", keys=KEYS, gone=()):
    """Each of the small ones refers to some before it; the many to the first; one of the many and of a module's instances have one that refers to them."""
    rnd = random.Random(7)
    resources = {name: {"type": "weir.value", "value": f"{i} ${{{rnd.choice(BESIDE[:i])}.value}}" if i else "${inputs.n}"} for i, name in enumerate(BESIDE)}
    resources |= {f"v{i}": {"type": "weir.value", "value": f"{numbers[i]} ${{v{rnd.randrange(i)}.value}}" if i else str(numbers[0])} for i in range(len(numbers))}
    resources["many"] = {"type": "weir.value", "for_each": keys, "value": "${each.key} ${inputs.n}"}
    resources["single"] = {"type": "weir.value", "value": "${many[\"one\"].value}"}
    for name in gone:
        del resources[name]
    moved = [{"from": "was", "to": "v2"}, {"from": "former", "to": "many"}, {"from": "n", "to": "m"}]
    stack = {"stack": "part", "moved": moved, "inputs": {"n": 0}, "resources": resources, "modules": {"m": {"source": "./m", "for_each": ["x", "y"]}}, "outputs": {"m": "${m}", "v": "${v1.value}"}}
    return json.dumps(stack)[:-1] + (", " + json.dumps("state") + f": {state}" if state else "") + "}"


def place_of(request, stack):
    """What the stack says of its state."""
    if request.param == "s3":
        cloud = request.getfixturevalue("cloud")
        cloud.client("s3").create_bucket(Bucket="weir-state")
        stack.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
        return "{backend: s3, bucket: weir-state}"
    if request.param == "postgres":
        return request.getfixturevalue("state_in_postgres").partition(" ")[2]
    return "{key: 'file:key'}" if request.param == "sealed" else ""


@pytest.fixture(params=["file", "sealed", "postgres", "s3"])
def large(request, local_stack):
    """Written thrice, so that the log has a snapshot."""
    local_stack.write("0123456789abcdef" * 4 + "\n", "key")
    local_stack.state = place_of(request, local_stack)
    local_stack.write("resources: {inner: {type: weir.value, value: inside}}\noutputs: {inner: \"${inner.value}\"}\n", "m/weir.yaml")
    local_stack.write(text([0] * 8, local_stack.state))
    for n in 1, 2, 3:
        local_stack.apply("-i", f"n={n}")
    assert is_part(local_stack, "-i", "n=3", "--target", "one")
    return local_stack


def events(result):
    """Without how many there are that no target means."""
    return [{key: value for key, value in event.items() if key not in ("noop", "resources", "ms")} for event in result.events()]


def assert_alike(stack, *args):
    """With -o all of the state is read."""
    of_part, of_all = (stack.run("plan", "--json", *args, *more, status=None) for more in ((), ("-o", "saved.plan")))
    assert (of_part.status, events(of_part), of_part.err) == (of_all.status, events(of_all), of_all.err), args


def is_part(stack, *args):
    return "; others were left out" in stack.run("plan", *args).out


def test_a_plan_of_a_part_is_that_of_all(large):
    rnd, numbers, gone = random.Random(32), [0] * 8, []
    each = None if LONG or not large.state else 2  # what differs by store is how records are read
    targets = [*BESIDE, *(f"v{i}" for i in range(8)), "single", "many", "m", 'm["y"]', 'm["x"]/inner', *(f"many[{json.dumps(key, ensure_ascii=False)}]" for key in ["one", "é", "[x]", "~", 'c" 7', "b\\ 3", "d#old 499", "none"]), "gone", "v1x"]
    assert is_part(large, "-i", "n=3", "--target", "one") and is_part(large, "-i", "n=3", "--target", 'm["y"]') and not is_part(large, "-i", "n=3")
    for step in range(12):
        n = f"n={rnd.choice([3, 3, 4])}"
        numbers[rnd.randrange(8)] = step
        if step == 8:
            gone = ["v7", "on"]
        large.write(text(numbers, large.state, gone=gone))
        act = rnd.choice(["nothing", "apply", "destroy", "forget", "move"] if step > 2 else ["apply"])
        chosen = rnd.choice([name for name in targets[:15] if name not in gone])
        elsewhere = ["was", "gone", *targets[:14]]
        if act == "apply":
            large.apply("-i", n, "--target", chosen)
        if act == "destroy":
            large.destroy("--target", chosen)
        if act == "forget":
            large.run("state", "rm", chosen, status=None)
        if act == "move":
            large.run("state", "mv", chosen, rnd.choice(elsewhere), status=None)
        for target in rnd.sample(targets, 4)[:each]:
            assert_alike(large, "-i", n, "--target", target, *(["--target", rnd.choice(targets[:14])] if step % 3 == 0 else []))
    large.apply("-i", "n=3")
    large.assert_settled("-i", "n=3")


@pytest.mark.full
@pytest.mark.parametrize("at", ["was", "former[\"one\"]", "n[\"x\"]/inner"])
@pytest.mark.parametrize("large", ["file", "postgres"], indirect=True)
def test_what_is_still_at_a_former_address_takes_all_of_it(large, at):
    now = {"was": "v2", 'former["one"]': 'many["one"]', 'n["x"]/inner': 'm["x"]/inner'}[at]
    large.run("state", "mv", now, at)
    for target in "one", now:
        assert not is_part(large, "-i", "n=3", "--target", target)
        assert_alike(large, "-i", "n=3", "--target", target)
    large.apply("-i", "n=3")
    assert large.plan("-i", "n=3", "--target", now) == {} and is_part(large, "-i", "n=3", "--target", now)


def test_what_a_snapshot_has_at_a_former_address_takes_all_of_it(large):
    was = text([0] * 8, large.state).replace('"moved": [', '"imports": [], "removed": [').replace('"resources": {', '"resources": {"was": {"type": "weir.value", "value": "${inputs.n}"}, ')
    start = was.index('"removed": [')
    large.write(was[:start] + was[was.index("]", start) + 3:])
    for n in 5, 6, 3:
        large.apply("-i", f"n={n}")
    assert is_part(large, "-i", "n=3", "--target", "one")
    large.write(text([0] * 8, large.state))
    assert not is_part(large, "-i", "n=3", "--target", "one")
    assert_alike(large, "-i", "n=3", "--target", "v2")


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_what_comes_to_a_former_address_meanwhile_takes_all_of_it(large):
    """Another run with an earlier stack made it, while the lock was waited for."""
    now, log = text([0] * 8, large.state), large.folder / ".weir/part.log"
    moved = now[now.index('"moved": ['):now.index(', "inputs"')]
    before = {path: path.read_bytes() for path in log.parent.iterdir() if path.is_file()}
    large.write(now.replace(moved + ", ", "").replace('"resources": {', '"resources": {"former": {"type": "weir.value", "for_each": ["one"], "value": "former"}, '))
    large.apply("-i", "n=3", "--target", "former")
    after = {path: path.read_bytes() for path in log.parent.iterdir() if path.is_file()}
    assert after[log].startswith(before[log])
    for path in after:
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    large.write(now)
    with open(log.with_suffix(".lock"), "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(large.command("apply", "--yes", "-i", "n=9", "--target", 'many["a 1"]', "--lock-timeout", "1m"), cwd=large.folder, env=large.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "waiting up to" in process.stderr.readline()
        with log.open("ab") as more:
            more.write(after[log][len(before[log]):])
    assert process.wait(30) == 0, process.stderr.read()
    assert "one 3" in large.run("state", "show", 'many["one"]').out and 'former["one"]' in large.addresses()


def test_an_apply_of_a_part_leaves_the_rest(large):
    before = large.addresses()
    large.write(text([5] * 8, large.state))
    large.apply("-i", "n=9", "--target", "v1")
    large.apply("-i", "n=9", "--target", 'many["one"]')
    large.destroy("--target", "v7")
    assert large.addresses() == [address for address in before if address != "v7"]
    assert large.outputs() == {"m": {key: {"inner": "inside"} for key in "xy"}, "v": "5 5"}
    assert is_part(large, "-i", "n=9", "--target", 'many["one"]')
    assert large.plan("-i", "n=3", "--target", "many") == {'many["one"]': "update"}
    assert large.run("state", "doctor").status == 0


def records(stack):
    return int(re.search(r"(\d+) records, all whole", stack.run("state", "doctor").out)[1])


def test_a_run_of_a_part_writes_a_snapshot_where_one_is_due(large):
    """Its changes make the log twice as long as it has to be. Only those of a part ever deploy this stack."""
    before = records(large)
    for n in 5, 4:
        large.apply("-i", f"n={n}", "--target", "many")
    after = records(large)
    assert after - before > 3 * len(KEYS)  # two changes of each, and a record in the snapshot
    large.apply("-i", "n=4", "--target", "v1")
    assert records(large) - after < 20
    assert is_part(large, "-i", "n=3", "--target", "one")
    for target in "one", "v7", 'many["one"]', "m":
        assert_alike(large, "-i", "n=5", "--target", target)
    large.apply("-i", "n=4")
    large.assert_settled("-i", "n=4")


def also(stack, **entries):
    """The stack with more at its top."""
    return stack.write(json.dumps(json.loads(text([0] * 8).partition(", " + json.dumps("state"))[0]) | entries))


RULES = {
    "own": ({"for": "weir.value", "require": '${self.value != "one 3"}', "message": "its own"}, True),
    "links": ({"for": "weir.value", "require": "${length(dependents) + length(dependencies) != 1}", "message": "as many as it has"}, True),
    "others": ({"for": "weir.value", "require": '${v3.value != self.value}', "message": "of others"}, False),
    "plan": ({"for": "plan", "require": "${plan.resources < 100}", "message": "of all"}, False),
}


@pytest.mark.full
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_rules_are_asked_of_what_was_read(large, name):
    """Of those that name what refers to a resource, that is read, too. Those about other resources and about all take all of it."""
    rule, part = RULES[name]
    also(large, rules={name: {**rule, "level": "warning"}})
    for target in "one", "v0", "v3", "single", 'many["one"]':
        assert is_part(large, "-i", "n=3", "--target", target) == part, target
        assert_alike(large, "-i", "n=3", "--target", target)
        assert_alike(large, "-i", "n=4", "--target", target)


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_a_lease_is_no_reason_to_read_all_of_it(large):
    """As long as it stays as it is."""
    also(large, lease={"for": "8h", "warn": "30m"})
    assert not is_part(large, "-i", "n=3", "--target", "one")
    large.apply("-i", "n=3")

    def until():
        return json.loads(large.run("lease", "show", "--json").out)["until"]

    before = until()
    assert is_part(large, "-i", "n=3", "--target", "one")
    large.apply("-i", "n=4", "--target", "one")
    assert until() == before
    also(large, lease={"for": "8h", "warn": "1h"})
    assert not is_part(large, "-i", "n=4", "--target", "one")


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_connections_are_no_reason_to_read_all_of_it(large):
    """But the records of what they refer to are."""
    also(large, connections={"web": {"host": "${v7.value}", "user": "ada"}, "behind": {"host": "inside", "user": "ada", "via": "web"}})
    for target in "one", "v3", 'many["one"]':
        assert is_part(large, "-i", "n=3", "--target", target)
        assert_alike(large, "-i", "n=4", "--target", target)
    log = large.folder / ".weir/part.log"
    log.write_bytes(log.read_bytes().replace(b'"address":"v7"', b'"address":"v8"'))
    assert "damaged" in large.run("plan", "-i", "n=3", "--target", "one", status=1).err


@pytest.mark.parametrize("large", ["file", "sealed"], indirect=True)
def test_damage_is_told_where_it_is_read(large):
    """And what is in a state without a snapshot, or of before, is read as it is."""
    log = large.folder / ".weir/part.log"
    lines = log.read_bytes().splitlines(keepends=True)
    at = next(i for i, line in enumerate(lines) if b'"address":"v3"' in line)
    log.write_bytes(b"".join(lines[:at] + [lines[at].replace(b'"v3"', b'"v4"')] + lines[at + 1:]))
    assert is_part(large, "-i", "n=3", "--target", "one")
    for target in "v3", "v5":
        told = large.run("plan", "-i", "n=3", "--target", target, status=None)
        assert f"the state is damaged at record {at + 1}" in told.err, told
    assert "damaged" in large.run("plan", "-i", "n=3", status=1).err
    log.write_bytes(b"".join(lines[1:]))
    assert "damaged" in large.run("plan", "-i", "n=3", "--target", "one", status=1).err
    log.write_bytes(b"".join(lines[:json.loads(lines[0][9:])["count"] - 5]))  # the end of the snapshot is missing, and nobody knows what followed it
    log.with_suffix(".head").unlink()
    assert "lacks 6 records" in large.run("plan", "-i", "n=3", "--target", "one", status=1).err


def rows(stack):
    """Where the state is in PostgreSQL, its newest snapshot and what follows it there, and what asks the server."""
    place = yaml.safe_load(stack.state)

    def ask(*statements):
        return subprocess.run(["psql", place["url"], "-qAt", *(word for statement in statements for word in ("-c", statement))], check=True, capture_output=True, text=True).stdout.strip()

    return place, f"{place['table']} where first_seq >= (select max(first_seq) from {place['table']} where snapshot)", ask


@pytest.mark.parametrize("large", ["postgres"], indirect=True)
def test_a_snapshot_of_an_earlier_weir(large):
    """All of it was in one row."""
    place, newest, ask = rows(large)
    assert int(ask(f"select count(*) from {newest}")) > 10
    ask(f"create temp table one as select name, min(first_seq), string_agg(lines, ''::bytea order by first_seq), true from {newest} group by name", f"delete from {newest}", f"insert into {place['table']} select * from one")
    assert ask(f"select count(*) from {newest}") == "1"
    assert is_part(large, "-i", "n=3", "--target", "one") and large.plan("-i", "n=3") == {}
    assert_alike(large, "-i", "n=4", "--target", "many", "--target", "v7")


@pytest.mark.parametrize("large", ["postgres"], indirect=True)
def test_a_row_that_is_missing_is_told(large):
    place, newest, ask = rows(large)
    ask(f"delete from {place['table']} where first_seq = (select first_seq from {newest} order by first_seq offset 5 limit 1)")
    assert is_part(large, "-i", "n=3", "--target", "one")
    assert "it should be" in large.run("plan", "-i", "n=3", "--target", "many", status=1).err


@pytest.mark.full
@pytest.mark.parametrize("large", ["file", "postgres"], indirect=True)  # on S3 the lock is somebody's until its lease ends
def test_an_interrupted_run_is_recovered_first(large):
    """Its intents may be about anything."""
    body = text([0] * 8, large.state)
    large.write(body.replace('"resources": {', '"resources": {"made": {"type": "weir.command", "command": "touch made"}, '))
    for at in range(1, 30):
        if not large.killed_at(at, "apply", "--yes", "-i", "n=3", "--target", "made"):
            break
        told = large.run("plan", "-i", "n=3", "--target", "one")
        assert "No changes" in told.out, (at, told)
    else:
        pytest.fail("it is never through")
    assert large.plan("-i", "n=3") == {}


def test_what_is_made_is_looked_for_in_all_of_it(large, cloud):
    """Two addresses of one bucket."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    body = text([0] * 8, large.state)

    def write(**topics):
        large.write(body.replace('"resources": {', "".join(['"resources": {', *(f'"{name}": {json.dumps({"type": "aws.sns.topic", **given})}, ' for name, given in topics.items())])))

    write(a={"name": "part-a"}, b={"name": "part-b"})
    for n in 4, 5, 3:  # a snapshot has them
        large.apply("-i", f"n={n}")
    assert is_part(large, "-i", "n=3", "--target", "a")
    write(a={"name": "part-a", "display_name": "A"}, b={"name": "part-b"})
    assert large.plan("-i", "n=3", "--target", "a") == {"a": "update"}
    write(a={"name": "part-b"}, b={"name": "part-b-2"})
    assert "a and b would be the same aws.sns.topic" in large.run("plan", "-i", "n=3", "--target", "a", status=3).err
    write(a={"name": "part-a"}, c={"name": "part-b"})
    assert "which was removed from the configuration" in large.run("plan", "-i", "n=3", "--target", "c", status=3).err
    write()
    large.apply("-i", "n=3")


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_a_name_that_is_known_later_is_looked_for_in_all_of_it(large, cloud):
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}

    def write(image, b):
        made = {"task": {"type": "aws.ecs.task_definition", "name": "part", "containers": [{"name": "main", "image": image, "memory": 64}]}, "a": {"type": "aws.sns.topic", "name": "part-${task.revision}"}, "b": {"type": "aws.sns.topic", "name": b}}
        large.write(text([0] * 8, large.state).replace('"resources": {', '"resources": {' + json.dumps(made)[1:-1] + ", "))

    write("one", "part-2")
    for n in 4, 5, 3:  # a snapshot has them
        large.apply("-i", f"n={n}")
    assert is_part(large, "-i", "n=3", "--target", "a")
    write("two", "part-2")
    assert "it would be the same aws.sns.topic as b" in large.run("apply", "--yes", "-i", "n=3", "--target", "a", status=None).err
    write("two", "part-b")
    large.apply("-i", "n=3", "--target", "b")
    large.apply("-i", "n=3")
    large.assert_settled("-i", "n=3")


def read(stack, *args):
    """How many resources a plan has read."""
    return next(event["resources"] for event in stack.run("plan", "--json", *args).events() if "resources" in event)


def with_topics(stack, **topics):
    made = {name: {"type": "aws.sns.topic", **given} for name, given in topics.items()}
    return stack.write(text([0] * 8, stack.state).replace('"resources": {', '"resources": {' + json.dumps(made)[1:-1] + (", " if made else "")))


@pytest.mark.full
def test_what_is_made_is_looked_for_by_its_name(large, cloud):
    """Not in all of the state, whether the snapshot has the other or it was made since."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    topics = {name: {"name": f"part-{name}"} for name in "abcde"}
    with_topics(large, **topics)
    for n in 4, 5, 3:
        large.apply("-i", f"n={n}")
    large.destroy("--target", "a")
    for name in "a", "f", "g":  # one that was there before, and new ones, beside which the last one comes
        with_topics(large, **topics, f={"name": "part-f"}, g={"name": "part-g"})
        assert read(large, "-i", "n=3", "--target", name) < 100
        large.apply("-i", "n=3", "--target", name)
    for other in "b", "f":
        gone = {name: given for name, given in topics.items() if name != other}
        with_topics(large, **gone, h={"name": f"part-{other}"})
        assert f"the same aws.sns.topic as {other}, which was removed from the configuration" in large.run("plan", "-i", "n=3", "--target", "h", status=3).err
    with_topics(large, **topics, a2={"name": "part-b-2"}, g={"name": "part-g"}, f={"name": "part-f"})
    large.apply("-i", "n=3", "--target", "a2")
    with_topics(large)
    large.apply("-i", "n=3")
    assert large.run("state", "doctor").status == 0


@pytest.mark.parametrize("without", [True, False])
@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_names_of_another_weir(large, cloud, without):
    """A snapshot that has none, or those of a type that had others then: all of it is read once, and written anew."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    with_topics(large, a={"name": "part-a"})
    for n in 4, 5, 3:
        large.apply("-i", f"n={n}")
    log = large.folder / ".weir/part.log"
    first, names, *rest = log.read_bytes().splitlines(keepends=True)
    assert b'"kind":"names"' in names
    head = json.loads(first[9:])
    if without:
        del head["names"]
        head["seq"] += 1
    else:
        head["names"]["types"]["aws.sns.topic"] = 16 * "0"
    log.write_bytes(frame(head) + b"".join(rest if without else [names, *rest]))
    topics = {name: {"name": f"part-{name}"} for name in "abc"}
    with_topics(large, **topics)
    assert read(large, "-i", "n=3", "--target", "a") < 100 and read(large, "-i", "n=3", "--target", "b") > 2000
    large.apply("-i", "n=3", "--target", "b")
    assert read(large, "-i", "n=3", "--target", "c") < 100
    with_topics(large)
    large.apply("-i", "n=3")


@pytest.mark.full
@pytest.mark.parametrize("large", ["file", "postgres", "s3"], indirect=True)
def test_a_new_one_whose_name_is_known_when_it_is_made(large, cloud):
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}

    task = {"type": "aws.ecs.task_definition", "name": "part", "containers": [{"name": "main", "image": "one", "memory": 64}]}

    def write(**topics):
        made = {"task": task} | {name: {"type": "aws.sns.topic", "name": given} for name, given in topics.items()}
        large.write(text([0] * 8, large.state).replace('"resources": {', '"resources": {' + json.dumps(made)[1:-1] + ", "))

    with_topics(large, b={"name": "part-2"})
    for n in 4, 5, 3:
        large.apply("-i", f"n={n}")
    write(b="part-2", c="part-1", a="part-${task.revision}")
    large.apply("-i", "n=3", "--target", "c")
    assert read(large, "-i", "n=3", "--target", "a") < 100
    assert "it would be the same aws.sns.topic as c" in large.run("apply", "--yes", "-i", "n=3", "--target", "a", status=None).err
    assert "task" in large.addresses() and "a" not in large.addresses()
    write(b="part-2", c="part-1", a="part-x-${task.revision}")
    large.apply("-i", "n=3", "--target", "a")
    large.apply("-i", "n=3")
    large.assert_settled("-i", "n=3")


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_a_name_that_was_looked_for_elsewhere_is_looked_for_here(large, cloud):
    """Where another new one, in another region, gets the same name."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    task = {"task": {"type": "aws.ecs.task_definition", "name": "part-here", "containers": [{"name": "main", "image": "one", "memory": 64}]}}

    def write(made, **parameters):
        resources = made | {name: {"type": "aws.ssm.parameter", "parameter_type": "String", "value": "v", "name": given, **({} if name == "here" else {"provider": "aws.eu"})} for name, given in parameters.items()}
        body = text([0] * 8, large.state).replace('"resources": {', '"resources": {' + json.dumps(resources)[1:-1] + ", ")
        large.write(body.replace('"inputs": {"n"', '"providers": {"aws": {}, "aws.eu": {"region": "eu-west-1"}}, "inputs": {"n"'))

    write({}, b="/part-1")
    for n in 4, 5, 3:
        large.apply("-i", f"n={n}")
    write(task, b="/part-1", here="/part-1", a="/part-${task.revision}")
    targets = ["-i", "n=3", "--target", "a", "--target", "here"]
    assert read(large, *targets) < 100
    assert "it would be the same aws.ssm.parameter as b" in large.run("apply", "--yes", *targets, status=None).err
    write(task, b="/part-1", here="/part-1")
    large.destroy("--target", "b", "--target", "here", "--target", "task")


@pytest.mark.parametrize("large", ["sealed"], indirect=True)
def test_a_snapshot_names_nothing_by_a_secret(large, cloud):
    """Whoever reads the log could try out what it is. All of the state tells who has it."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    hook = "https://hooks.example.com/hunter2"
    made = {"topic": {"type": "aws.sns.topic", "name": "part-hush"}}

    def write(**endpoints):
        resources = made | {name: {"type": "aws.sns.subscription", "topic": "${topic.arn}", "protocol": "https", "endpoint": endpoint} for name, endpoint in endpoints.items()}
        large.write(text([0] * 8, large.state).replace('"resources": {', '"resources": {' + json.dumps(resources)[1:-1] + ", "))

    def names():
        return re.findall(r'"([0-9a-f]{16})","(\w+)"', "".join(line for line in (large.folder / ".weir/part.log").read_text().splitlines() if '"kind":"names"' in line))

    plain, hidden = hook + "-plain", '${sensitive("%s")}' % hook
    write(open=plain, hush=hidden)
    for n in 4, 5, 3:
        large.apply("-i", f"n={n}")
    arn = cloud.client("sns").list_subscriptions()["Subscriptions"][0]["TopicArn"]
    keys = {name: hashlib.sha256(f'aws.sns.subscription = "{arn}" "https" "{endpoint}" '.encode()).hexdigest()[:16] for name, endpoint in (("open", plain), ("hush", hook))}
    assert (keys["open"], "open") in names() and keys["hush"] not in dict(names()) and "hush" in dict(names()).values()
    for name in keys:
        large.destroy("--target", name)
        large.apply("-i", "n=3", "--target", name)
    claims = "".join(path.read_text() for path in (large.folder / ".weir").glob("part*.log"))
    assert "#" + keys["open"] in claims and keys["hush"] not in claims
    for other, endpoint in ("open", plain), ("hush", hidden):
        write(**({"open": plain, "hush": hidden} | {"new": endpoint}))
        assert f"{other} and new would be the same" in large.run("plan", "-i", "n=3", "--target", "new", status=3).err
    write(open=plain, hush=hidden)
    large.destroy("--target", "topic")


@pytest.mark.parametrize("large", ["file"], indirect=True)
def test_a_version_that_another_artifact_keeps(large, cloud):
    """Of two with the same name, in different folders."""
    large.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": cloud.url}
    cloud.client("s3").create_bucket(Bucket="part-lake")
    made = {name: {"type": "weir.artifact", "store": "part-lake/x", "source": f"{name}/main.py"} for name in ("code", "other")}
    large.write(text([0] * 8, large.state).replace('"resources": {', '"resources": {' + json.dumps(made)[1:-1] + ", "))
    large.write("1", "code/main.py")
    large.write("2", "other/main.py")
    for n in 4, 5, 3:  # a snapshot has them
        large.apply("-i", f"n={n}")
    assert is_part(large, "-i", "n=3", "--target", "code")
    large.write("2", "code/main.py")
    for command in ["apply", "--target"], ["deploy"]:
        assert "code and other would be the same weir.artifact" in large.run(*command, "code", "--yes", "-i", "n=3", status=3).err


@pytest.mark.full
def test_a_deploy_of_one_job(tmp_path, cloud, fast_sandbox):
    """In a large state and in a small one the same comes of it."""
    filling = "  many: {type: weir.value, for_each: \"${[for i in range(inputs.many) : tostring(i)]}\", value: \"${each.key} ${inputs.days}\"}\n"
    small, large = stacks = [Stack(tmp_path / name, place).write(DEPLOYED.replace("inputs: {", "inputs: {many: %d, " % many) + filling) for name, place, many in (("small", fast_sandbox, 2), ("large", cloud, 2500))]

    def both(*args):
        results = [stack.run(*args) for stack in stacks]
        assert planned(results[0]) == planned(results[1]), args
        return planned(results[0])

    def edit(name, text):
        for stack in stacks:
            stack.write(text, name)

    for name in "jobs/clean.py", "jobs/join.py", "lib/main.py":
        edit(name, "first = 1\n")
    for days in 3, 5, 7:
        for stack in stacks:
            stack.apply("-i", f"days={days}")
    told = large.run("deploy", "-i", "days=7", 'job["clean"]').out
    assert "; others were left out" in told and "; others were left out" in large.run("deploy", "-i", "days=7", "ingest").out, told
    edit("jobs/clean.py", "second = 2\n")
    assert both("deploy", "--yes", "--json", "-i", "days=14", 'job["clean"]').keys() >= {'script["clean"]', 'job["clean"]', "role"}
    assert "; others were left out" in large.run("deploy", "-i", "days=14", 'job["clean"]').out
    edit("jobs/join.py", "second = 2\n")
    edit("lib/main.py", "second = 2\n")
    assert "ingest" in both("deploy", "--yes", "--json", "-i", "days=14", "lib")
    assert 'script["join"]' in both("deploy", "--yes", "--json", "-i", "days=14", 'script["join"]')
    edit("jobs/join.py", "third = 3\n")
    both("deploy", "--yes", "--json", "-i", "days=14", "jobs-join")
    both("plan", "--json", "-i", "days=14", "--target", "layer", "--target", "ingest", "--target", "job")
    for stack in stacks:
        stack.apply("-i", "days=14")
        stack.assert_settled("-i", "days=14")
        stack.destroy("--force-empty")
