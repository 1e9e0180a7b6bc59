"""A state that several machines share, in an S3-compatible store and in PostgreSQL: locks, leases, fences, moving it."""

import http.server
import json
import re
import signal
import subprocess
import threading

import boto3
import pytest
from sandbox.servers import MORE_STORES, STORES, Sandbox, Versity, make_bucket
from support import SECRET_KEY, WEIR, Stack, hold_role, until

LEASE_S = 60  # more than a busy machine may stand still
BODY = """
    stack: shared
    {state}
    inputs: {{n: {{type: integer, default: 1}}}}
    resources:
      first: {{type: weir.value, value: "${{inputs.n}}"}}
      role: {{type: aws.iam.role, name: shared-role, assume_role_policy: '${{trust("glue.amazonaws.com")}}', description: "version ${{inputs.n}}"}}
      last: {{type: aws.glue.database, name: shared, description: "${{role.name}}", depends_on: [role]}}
"""


@pytest.fixture(scope="session")
def versitygw():
    server = Versity("e2e", SECRET_KEY)  # what the stacks have for moto, too
    yield server
    server.stop()


@pytest.fixture(scope="session")
def minio():
    server = STORES["minio"]("e2e", SECRET_KEY)
    yield server
    server.stop()


MINIO = [pytest.param("minio", marks=pytest.mark.long)] if "minio" in STORES else []


@pytest.fixture(params=["s3", "postgres", *MORE_STORES, *MINIO])
def place(request, cloud):
    """The `state:` line of a stack."""
    if request.param in ("versitygw", "minio"):
        server = request.getfixturevalue(request.param)
        return f"state: {{backend: s3, bucket: {make_bucket(server)}, prefix: team, endpoint: '{server.url}', lease_seconds: {LEASE_S}}}"
    if request.param == "s3":
        cloud.client("s3").create_bucket(Bucket="weir-state")
        return f"state: {{backend: s3, bucket: weir-state, prefix: team, lease_seconds: {LEASE_S}}}"
    return request.getfixturevalue("state_in_postgres")


def place_of(line):
    """URL and table of a `state:` line."""
    return re.search('url: "([^"]+)", table: ([a-z0-9_]+)', line).groups()


def ask(place, query):
    """What PostgreSQL answers: columns by tabs, rows by record separators; TABLE is the state's own."""
    url, table = place_of(place)
    return subprocess.run(["psql", url, "-AtF", "\t", "-R", "\x1e", "-c", query.replace("TABLE", table)], check=True, stdout=subprocess.PIPE, text=True).stdout


ALL_S3 = pytest.mark.parametrize("place", ["s3", *MORE_STORES, *MINIO], indirect=True)
ONLY_S3 = pytest.mark.parametrize("place", ["s3"], indirect=True)
ONLY_POSTGRES = pytest.mark.parametrize("place", ["postgres"], indirect=True)


@pytest.fixture
def machine(tmp_path, cloud, place):
    """The same stack on one machine after another; the lease of one of them may be another."""
    machines = []

    def make(lease=None):
        state = re.sub(r"lease_seconds: \d+", f"lease_seconds: {lease}", place) if lease else place
        machines.append(Stack(tmp_path / f"machine{len(machines)}", cloud).write(BODY.format(state=state)))
        return machines[-1]

    return make


def hold_with_short_lease(stack, cloud):
    """As hold_role(). On a busy machine the lease may run out before the role is asked for: then from the beginning."""
    cloud.fail({"match": "CreateRole", "hold": True})
    while "CreateRole" not in cloud.requests():
        process = stack.start("apply", "--yes")
        until(lambda process=process: "CreateRole" in cloud.requests() or process.poll() is not None)
    return process


def roles(cloud):
    return [role["RoleName"] for role in cloud.client("iam").list_roles()["Roles"]]


def test_two_machines(machine, cloud):
    one, two = machine(), machine()
    one.apply()
    two.assert_settled()
    assert two.addresses() == ["first", "last", "role"]
    two.apply("-i", "n=2")
    one.assert_settled("-i", "n=2")
    one.destroy()
    assert two.addresses() == [] and roles(cloud) == []
    assert not (one.folder / ".weir").exists() and not (two.folder / ".weir").exists()


def test_one_writer(machine, cloud):
    one, two = machine(), machine()
    process = hold_role(one, cloud)
    locked = two.apply(status=4)
    assert "locked by" in locked.err and str(process.pid) in locked.err and "apply" in locked.err
    assert "; run 1 has role under way (create since " in locked.err
    two.run("plan")  # needs no lock
    threading.Timer(0.3, cloud.fail).start()
    two.apply("--lock-timeout", "5m")
    process.communicate()
    assert process.returncode == 0
    two.assert_settled()
    assert cloud.requests().count("CreateRole") == 1


def test_killed_writer(machine, cloud):
    """Its lock frees itself, and what it had under way is taken over."""
    one, two = machine(lease=2), machine()
    process = hold_with_short_lease(one, cloud)
    process.kill()
    process.communicate()
    cloud.fail()
    until(lambda: roles(cloud))
    two.apply("--lock-timeout", "5m")
    two.assert_settled()
    assert cloud.requests().count("CreateRole") == 1


def test_many_writers_at_once(machine, cloud):
    """Each gets its turn, from the first command on, which makes the place. What may go wrong in between: test_half_made_place,
    test_places_made_at_once, test_a_lock_that_comes_too_late."""
    machines = [machine() for _ in range(4)]
    running = [stack.start("apply", "--yes", "--lock-timeout", "5m", "-i", f"n={n}") for n, stack in enumerate(machines)]
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, out + err
    assert cloud.requests().count("CreateRole") == 1
    assert machines[0].addresses() == ["first", "last", "role"]
    machines[0].run("state", "doctor")
    machines[1].apply("-i", "n=9")
    machines[2].assert_settled("-i", "n=9")


def test_a_lock_that_comes_too_late(tmp_path, cloud):
    """One sees that the lock is free and is slow to ask for its number: meanwhile it was given and given back, the next has it, and cleared that number away."""
    cloud.client("s3").create_bucket(Bucket="weir-state")
    text = BODY.format(state="state: {backend: s3, bucket: weir-state, lease_seconds: 60}")
    late, first, holder = (Stack(tmp_path / name, cloud).write(text) for name in ("late", "first", "holder"))
    cloud.fail({"match": "^PUT .*/lock/0*1.json", "hold": True}, {"match": "UpdateRole", "hold": True})
    process = late.start("apply", "--yes", "-i", "n=3")
    until(lambda: any(re.match("PUT .*/lock/", label) for label in cloud.requests()), process=process)
    first.apply()
    dead = holder.start("apply", "--yes", "-i", "n=2")  # its lease lasts
    until(lambda: "UpdateRole" in cloud.requests(), process=dead)
    dead.kill()
    dead.communicate()
    cloud.fail()
    out, err = process.communicate()
    assert process.returncode == 4 and "locked by" in err, out + err
    assert f"{dead.pid}" in err


@pytest.mark.parametrize("place", MORE_STORES, indirect=True)
def test_wrong_secret(machine):
    stack = machine()
    stack.apply()
    stack.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
    assert "SignatureDoesNotMatch" in stack.run("state", "list", status=1).err


# A writer that is killed is the harder one.
LONG_FORM = {"test_stopped_writer[s3]"}


@ALL_S3  # a session has no lease: whoever comes waits until it ends
def test_stopped_writer(machine, cloud):
    """A process that slept past its lease must not change anything when it wakes."""
    one, two = machine(lease=2), machine()
    process = hold_with_short_lease(one, cloud)
    process.send_signal(signal.SIGSTOP)
    cloud.fail()
    until(lambda: roles(cloud))
    two.apply("--lock-timeout", "5m", "-i", "n=2")
    cloud.forget_requests()
    process.send_signal(signal.SIGCONT)
    out, err = process.communicate()
    assert process.returncode == 4 and re.search("lock|taken for dead", err), out + err
    changes = [request for request in cloud.requests() if not re.search("weir-state/.*/lock/|^GET|List|Get", request)]
    assert changes == []
    two.assert_settled("-i", "n=2")


@ONLY_POSTGRES
def test_lost_session(machine, cloud, place):
    one, two = machine(), machine()
    process = hold_role(one, cloud)
    sessions = "from pg_stat_activity where application_name = 'weir'"
    ask(place, f"select pg_terminate_backend(pid) {sessions}")
    until(lambda: not ask(place, f"select pid {sessions}").strip())  # it is asked to end, and ends a little later
    cloud.fail()
    out, err = process.communicate()
    assert process.returncode != 0 and "lock" in err, out + err
    two.apply()
    two.assert_settled()
    assert cloud.requests().count("CreateRole") == 1


@ONLY_POSTGRES
def test_rows_of_another_copy(machine, place):
    """With more records than this one ever had."""
    one = machine()
    one.apply()
    other = machine()
    other.write(BODY.format(state=place).replace("stack: shared", "stack: others").replace("shared-role", "other-role").replace("name: shared,", "name: others,"))
    for n in range(4):
        other.apply("-i", f"n={n}")
    one.assert_settled()
    ask(place, "begin; update TABLE set name = 'kept' where name = 'shared'; update TABLE set name = 'shared' where name = 'others'; commit")
    refused = one.run("plan", status=None)
    assert refused.status and "is not the one that was written there" in refused.err, refused
    assert "FAIL" in one.run("state", "doctor", status=None).out
    ask(place, "begin; update TABLE set name = 'others' where name = 'shared'; update TABLE set name = 'shared' where name = 'kept'; commit")
    one.assert_settled()
    one.run("state", "doctor")


@pytest.mark.full
@ONLY_S3  # PostgreSQL gives them all at once
def test_snapshots(machine, cloud):
    """Many small batches do not make the next start slow: they are summed up."""
    one, two = machine(), machine()
    for n in range(1, 20):
        one.apply("-i", f"n={n}")
    keys = [item["Key"] for item in cloud.client("s3").list_objects_v2(Bucket="weir-state")["Contents"]]
    assert any(key.endswith("newest-snapshot.json") for key in keys)
    cloud.forget_requests()
    assert two.addresses() == ["first", "last", "role"]
    assert len(cloud.requests()) < 80


def test_a_store_that_verifies_signatures(tmp_path):
    """moto takes any signature; the sandbox does not."""
    sandbox = subprocess.Popen([str(WEIR), "sandbox", "--port", "0", "--ephemeral"], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    try:
        env = {}
        while "AWS_DEFAULT_REGION" not in env:
            name, _, value = sandbox.stdout.readline().removeprefix("export ").strip().partition("=")
            env[name] = value
        one, two = (Stack(tmp_path / name).write(BODY.format(state="state: {backend: s3, bucket: weir-state}")) for name in ("one", "two"))
        for stack in one, two:
            stack.env |= {name: value for name, value in env.items() if name.startswith("AWS_")}
        refused = one.apply(status=1).err
        assert "NoSuchBucket" in refused and "make weir-state, with versioning" in refused
        boto3.client(
            "s3", endpoint_url=env["AWS_ENDPOINT_URL"], region_name="us-east-1", aws_access_key_id=env["AWS_ACCESS_KEY_ID"], aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"]
        ).create_bucket(Bucket="weir-state")
        one.run("state", "doctor")
        one.apply()
        two.apply("-i", "n=2")
        one.assert_settled("-i", "n=2")
        one.destroy()
        assert two.addresses() == []
        two.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
        assert "SignatureDoesNotMatch" in two.run("state", "list", status=1).err
    finally:
        sandbox.terminate()
        sandbox.wait()


class Careless(http.server.BaseHTTPRequestHandler):
    """A store that takes every put, whatever its conditions."""

    def do_PUT(self):
        self.server.objects[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b"")

    def do_GET(self):
        if "list-type" in self.path:
            keys = "".join(f"<Contents><Key>{key.split('/', 2)[2]}</Key></Contents>" for key in sorted(self.server.objects) if "/lock/" in key)
            return self.answer(200, f"<ListBucketResult>{keys}</ListBucketResult>".encode())
        body = self.server.objects.get(self.path)
        self.answer(200 if body is not None else 404, body or b"<Error><Code>NoSuchKey</Code></Error>")

    def do_DELETE(self):
        self.server.objects.pop(self.path, None)
        self.answer(204, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_unsafe_store_is_refused(tmp_path, cloud):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    server.objects = {}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state = f"state: {{backend: s3, bucket: b, endpoint: 'http://127.0.0.1:{server.server_port}'}}"
    stack = Stack(tmp_path / "stack", cloud).write(BODY.format(state=state))
    refused = stack.apply(status=3)
    assert "If-None-Match" in refused.err and roles(cloud) == []
    server.shutdown()


def test_nothing_secret_in_messages(tmp_path, cloud):
    state = 'state: {backend: postgres, url: "postgres://weir:open-sesame@127.0.0.1:1/none"}'
    stack = Stack(tmp_path / "stack", cloud).write(BODY.format(state=state))
    failed = stack.apply(status=1)
    assert "open-sesame" not in failed.out + failed.err and "127.0.0.1" in failed.err


def test_settings_are_checked(local_stack):
    for state, word in ("{backend: pigeon}", "pigeon"), ("{backend: s3}", "bucket"), ("{backend: file, pth: x}", "pth"), ("{backend: postgres, table: 'a b'}", "a b"):
        wrong = local_stack.write(BODY.format(state="state: " + state)).apply(status=3)
        assert word in wrong.err, str(wrong)


@ONLY_S3
def test_records_are_objects(machine, cloud):
    machine().apply()
    s3 = cloud.client("s3")
    lines = []
    for item in s3.list_objects_v2(Bucket="weir-state")["Contents"]:
        if re.fullmatch(r"team/shared/\d{20}\.json", item["Key"]):
            text = s3.get_object(Bucket="weir-state", Key=item["Key"])["Body"].read().decode()
            lines += [json.loads(line[9:]) for line in text.splitlines()]
            assert lines[-len(text.splitlines())]["seq"] == int(item["Key"][-25:-5])
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))


@ONLY_POSTGRES
def test_half_made_place(machine, place):
    """As another's first command leaves it for a moment, or for good when it is killed."""
    one, two = machine(), machine()
    one.apply()
    one.destroy()
    ask(place, "drop table TABLE_lock")
    two.apply()
    one.assert_settled()


@ONLY_POSTGRES
@pytest.mark.parametrize("half", ["", "_lock"])
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_places_made_at_once(machine, place, half, end):
    """The table is made by somebody else, who is not through with it when weir makes it too."""
    one, two = machine(), machine()
    one.apply()
    one.destroy()
    table = place_of(place)[1] + half
    ask(place, "delete from TABLE_lock")  # nothing that would know of records
    ask(place, f"alter table {table} rename to {table}_gone")
    other = subprocess.Popen(["psql", "-qAt", place_of(place)[0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    print(f"begin; create table {table} (like {table}_gone including all); select 'made';", file=other.stdin, flush=True)
    assert other.stdout.readline() == "made\n"
    process = two.start("apply", "--yes")
    waits = "select count(*) from pg_stat_activity where application_name = 'weir' and wait_event_type = 'Lock'"
    until(lambda: ask(place, waits) == "1\n", process=process)
    other.communicate(f"{end};")
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    one.assert_settled()


@ONLY_POSTGRES
def test_something_else_has_the_tables_name(machine, place):
    """Not every "exists already" means that somebody else has just made the table."""
    lock = place_of(place)[1] + "_lock"
    ask(place, f"create domain {lock} as integer")
    failed = machine().run("apply", "--yes", status=1)
    assert f'type "{lock}" already exists' in failed.err
    ask(place, f"drop domain {lock}")
    machine().apply()


@ONLY_POSTGRES
def test_records_are_rows(machine, place):
    machine().apply()
    found = ask(place, "select first_seq, convert_from(lines, 'UTF8') from TABLE where name = 'shared' order by first_seq")
    lines = []
    for first, text in (row.split("\t", 1) for row in found.strip("\n").split("\x1e")):
        batch = [json.loads(line[9:]) for line in text.splitlines() if line]
        assert batch[0]["seq"] == int(first)
        lines += batch
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize("kind", ["sandbox", *(pytest.param(kind, marks=pytest.mark.long) for kind in MORE_STORES)])
def test_more_than_one_answer_holds(tmp_path, kind, request):
    """A state whose newest snapshot is larger than what the client takes as one answer: it comes in ranges."""
    server = Sandbox() if kind == "sandbox" else request.getfixturevalue(kind)
    stack = Stack(tmp_path / "large")
    stack.env |= {name: value for name, value in server.environment().items() if name.startswith("AWS_")}
    bucket = make_bucket(server)
    stack.write("x" * (1 << 20), "text").write(f"""
        stack: large
        state: {{backend: s3, bucket: {bucket}, prefix: team}}
        resources:
          part: {{type: weir.value, for_each: "${{[for n in range(66): tostring(n)]}}", value: "${{each.key}}${{file('text')}}"}}
          many: {{type: weir.value, for_each: "${{[for n in range(2000): tostring(n)]}}", value: "${{inputs.n}}"}}
        inputs: {{n: 0}}
    """)
    for n in range(3):  # then the log is long enough for a snapshot
        stack.apply("-i", f"n={n}")
    stack.assert_settled("-i", "n=2")
    assert max(item["Size"] for item in server.client().list_objects_v2(Bucket=bucket)["Contents"]) > 64 << 20
    if kind == "sandbox":
        server.stop()


def lose_the_end(request, place, cloud):
    """Takes away what was written last: an object, a row."""
    if "postgres" in place:
        return ask(place, "delete from TABLE where first_seq = (select max(first_seq) from TABLE)")
    server = "minio" if "minio" in request.node.name else "versitygw"
    s3 = request.getfixturevalue(server).client() if "endpoint" in place else cloud.client("s3")
    bucket = re.search("bucket: ([^,}]+)", place)[1]
    keys = sorted(item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="team/shared/0")["Contents"])
    s3.delete_object(Bucket=bucket, Key=keys[-1])


def test_records_lost_at_the_end(request, machine, place, cloud):
    """Whole as far as it goes, and still noticed; nothing is made twice meanwhile."""
    one, two = machine(), machine()
    one.apply()
    lose_the_end(request, place, cloud)
    for command in ("plan",), ("apply", "-y"), ("destroy", "-y"), ("state", "list"), ("state", "doctor"):
        refused = two.run(*command, status=None)
        assert refused.status not in (0, 2) and "that were relied on are missing" in refused.err + refused.out, str(refused)
    assert roles(cloud) == ["shared-role"]
    accepted = two.run("state", "doctor", "--accept-loss")
    assert "goes on at record" in accepted.err
    assert "Nothing is missing" in one.run("state", "doctor", "--accept-loss").err
    two.apply()
    one.assert_settled()
    one.destroy()
    assert roles(cloud) == []


def test_doctor_warns_of_what_should_be_otherwise(tmp_path, cloud):
    """A store without versions works; `ok versioning: off` would say that nothing is to be done."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="weir-state")
    stack = Stack(tmp_path / "one", cloud).write("stack: doctor\nstate: {backend: s3, bucket: weir-state}\nresources: {v: {type: weir.value, value: 1}}\n")
    stack.apply()
    said = stack.run("state", "doctor")
    (line,) = [line for line in said.out.splitlines() if "versioning: " in line]
    assert line.startswith("warn  versioning: off") and "aws s3api put-bucket-versioning --bucket weir-state" in line, str(said)
    (check,) = [event for event in stack.run("state", "doctor", "--json").events() if event.get("name") == "versioning"]
    assert check["ok"] is False and check["warning"] is True
    s3.put_bucket_versioning(Bucket="weir-state", VersioningConfiguration={"Status": "Enabled"})
    assert "ok    versioning: on" in stack.run("state", "doctor").out
