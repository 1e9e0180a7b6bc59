"""What a store that ran full, or somebody else's files, make of a state: a lock and records without bytes, records cut short, the log of another copy."""

import json
import re
import shutil

import pytest
from sandbox.servers import MORE_STORES, STORES, Sandbox, make_bucket
from support import SECRET_KEY, Stack

BODY = """
    stack: cut
    state: {{backend: s3, bucket: {bucket}, prefix: {prefix}, endpoint: '{url}', lease_seconds: {lease}}}
    inputs: {{n: {{type: integer, default: 1}}}}
    resources:
      a: {{type: weir.value, value: "${{inputs.n}}"}}
      b: {{type: weir.value, value: "b ${{a.value}}"}}
"""


class Kept:
    """A state in S3, and what it is made of."""

    def __init__(self, folder, url, s3, env, bucket):
        self.url, self.s3, self.bucket = url, s3, bucket
        self.stack = Stack(folder)
        self.stack.env |= env
        self.write()

    def write(self, lease=60, prefix="team"):
        self.stack.write(BODY.format(bucket=self.bucket, url=self.url, lease=lease, prefix=prefix))

    def keys(self, pattern, prefix="team"):
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=f"{prefix}/cut/")["Contents"]
        return sorted(item["Key"] for item in listed if re.search(pattern, item["Key"]))

    def batches(self, prefix="team"):
        return self.keys(r"/cut/\d{20}\.json$", prefix)

    def get(self, key):
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def put(self, key, body=b""):
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def next_batch(self):
        """The key of what is written next."""
        last = self.batches()[-1]
        number = int(last[-25:-5]) + self.get(last).count(b"\n")
        return f"{last[:-25]}{number:020}.json"


@pytest.fixture(params=["moto", "sandbox", *MORE_STORES, *[pytest.param(kind, marks=pytest.mark.long) for kind in STORES if kind not in MORE_STORES]])
def kept(request, tmp_path):
    if request.param == "moto":
        cloud = request.getfixturevalue("cloud")
        cloud.client("s3").create_bucket(Bucket="weir-state")
        yield Kept(tmp_path / "stack", cloud.url, cloud.client("s3"), {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "us-east-1"}, "weir-state")
        return
    server = Sandbox() if request.param == "sandbox" else STORES[request.param]()
    env = {"AWS_ACCESS_KEY_ID": server.access, "AWS_SECRET_ACCESS_KEY": server.secret, "AWS_REGION": "us-east-1"}
    yield Kept(tmp_path / "stack", server.url, server.client(), env, make_bucket(server))
    server.stop()


@pytest.mark.full
@pytest.mark.parametrize("left", [b"", b'{"owner":"ana@lap', b"[]"], ids=["nothing", "half", "another"])
def test_a_lock_that_cannot_be_read(kept, left):
    """Somebody may hold it. Whoever knows better frees it; and it frees itself."""
    kept.stack.apply()
    lock = kept.keys("/lock/")[-1]
    kept.put(lock, left)
    locked = kept.stack.apply("-i", "n=2", status=4)
    assert f"who holds it is not known: the lock {lock} has {len(left)} bytes" in locked.err and "weir state unlock" in locked.err, locked
    kept.stack.run("plan")  # needs no lock
    assert "held, and its holder cannot be read" in kept.stack.run("state", "doctor").out
    assert "whose holder was unknown" in kept.stack.run("state", "unlock").err
    assert "not locked" in kept.stack.run("state", "unlock").err
    kept.stack.apply("-i", "n=2")
    kept.stack.assert_settled("-i", "n=2")
    kept.write(lease=2)
    kept.put(kept.keys("/lock/")[-1], left)
    kept.stack.apply("-i", "n=3", "--lock-timeout", "5m")
    kept.stack.assert_settled("-i", "n=3")


def test_the_lock_of_a_holder_that_may_be_dead(kept):
    """Killed a moment ago it looks alive: nothing more is said of it than that its lease has not expired."""
    kept.stack.apply()
    lock = kept.keys("/lock/")[-1]
    kept.put(lock, json.dumps({**json.loads(kept.get(lock)), "released": False}).encode())
    assert "its lease has not expired; of a dead holder it does so within " in kept.stack.run("state", "unlock", status=4).err


@pytest.mark.parametrize("half", [False, True], ids=["nothing", "half"])
def test_a_record_that_was_never_acknowledged(kept, half):
    """The store took a part of it, or nothing, and said no. It is left out, and makes room for the next."""
    kept.stack.apply()
    torn = kept.next_batch()
    kept.put(torn, kept.get(kept.batches()[-1])[:30] if half else b"")
    assert kept.stack.addresses() == ["a", "b"]
    kept.stack.assert_settled()
    assert "the newest record is incomplete and is left out" in kept.stack.run("state", "doctor").out
    assert torn in kept.batches()  # whoever only reads removes nothing
    kept.stack.apply("-i", "n=2")
    assert kept.get(torn).endswith(b"\n")  # the number is used again
    kept.stack.run("state", "doctor")
    kept.stack.assert_settled("-i", "n=2")


@pytest.mark.parametrize("half", [False, True], ids=["nothing", "half"])
def test_a_record_that_was_relied_on(kept, half):
    """It is a loss, told as such, and what is left of it stays until that is accepted."""
    kept.stack.apply()
    kept.stack.apply("-i", "n=2")
    last = kept.batches()[-1]
    whole = kept.get(last)
    kept.put(last, whole[:-5] if half else b"")
    for words in ["plan"], ["apply", "--yes"], ["state", "doctor"]:
        refused = kept.stack.run(*words, "-i", "n=2", status=None) if words[0] != "state" else kept.stack.run(*words, status=None)
        assert refused.status and "that were relied on are missing" in refused.out + refused.err, refused
    assert kept.get(last) == (whole[:-5] if half else b"")
    kept.stack.run("state", "doctor", "--accept-loss")
    kept.stack.apply("-i", "n=2")
    kept.stack.run("state", "doctor")
    kept.stack.assert_settled("-i", "n=2")


def test_a_record_without_bytes_before_others(kept):
    kept.stack.apply()
    kept.stack.apply("-i", "n=2")
    middle = kept.batches()[-2]
    whole = kept.get(middle)
    kept.put(middle)
    refused = kept.stack.run("plan", status=None)
    assert refused.status and f"{middle}: it has no bytes, and others follow it" in refused.err, refused
    kept.put(middle, whole)
    kept.stack.assert_settled("-i", "n=2")


def test_the_hint_has_no_bytes(kept):
    """Then nobody knows how far the log goes, and it is read from its beginning."""
    kept.stack.apply()
    hint = kept.keys("newest-snapshot")[0]
    known = json.loads(kept.get(hint))
    assert known["head"] and re.fullmatch("[0-9a-f]{32}", known["lineage"])
    kept.put(hint)
    kept.stack.assert_settled()
    kept.stack.apply("-i", "n=2")
    assert json.loads(kept.get(hint))["lineage"] == known["lineage"]


def test_objects_of_another_copy(kept):
    """With more records than this one ever had."""
    kept.stack.apply()
    kept.write(prefix="other")
    for n in range(4):
        kept.stack.apply("-i", f"n={n}")
    others = {key.replace("other/", "team/"): kept.get(key) for key in kept.batches("other")}
    own = {key: kept.get(key) for key in kept.batches()}
    kept.write()
    for key in own:
        kept.s3.delete_object(Bucket=kept.bucket, Key=key)
    for key, body in others.items():
        kept.put(key, body)
    refused = kept.stack.run("plan", status=None)
    assert refused.status and "is not the one that was written there" in refused.err, refused
    assert "FAIL" in kept.stack.run("state", "doctor", status=None).out
    kept.stack.run("state", "doctor", "--accept-loss")
    kept.stack.assert_settled("-i", "n=3")
    kept.stack.apply("-i", "n=9")
    kept.stack.run("state", "doctor")


@pytest.mark.parametrize("sealed", [False, True], ids=["values", "records"])
def test_the_file_of_another_copy(tmp_path, sealed):
    """Its log has a higher number, so nothing is missing at its end."""
    state = "state: {encrypt: records}\n" if sealed else ""
    copies = [Stack(tmp_path / name) for name in ("ours", "theirs")]
    for copy in copies:
        copy.env["WEIR_STATE_KEY"] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
        copy.write("stack: copied\n" + state + "inputs: {n: {type: integer, default: 1}}\nresources: {a: {type: weir.value, value: '${inputs.n}'}}\n").apply()
    ours, theirs = copies
    for n in range(4):
        theirs.apply("-i", f"n={n}")
    own = ours.log().read_bytes()
    assert ours.log().with_suffix(".head").read_text().split("\n")[1] != theirs.log().with_suffix(".head").read_text().split("\n")[1]
    shutil.copy(theirs.log(), ours.log())
    for words in ["plan"], ["apply", "--yes"], ["state", "list"], ["state", "doctor"]:
        refused = ours.run(*words, status=None)
        assert refused.status and "is not the one that was written there: its lineage is" in refused.out + refused.err, refused
    ours.log().write_bytes(own)
    ours.assert_settled()
    ours.run("state", "doctor")
    # whoever means it says so
    shutil.copy(theirs.log(), ours.log())
    ours.run("state", "doctor", "--accept-loss")
    ours.assert_settled("-i", "n=3")
    ours.apply("-i", "n=5")
    ours.run("state", "doctor")
    # what an earlier version wrote has no lineage
    head = ours.log().with_suffix(".head")
    head.write_text(head.read_text().split("\n")[0] + "\n")
    ours.assert_settled("-i", "n=5")
    ours.apply("-i", "n=6")
    assert len(head.read_text().split("\n")[1]) == 32


@pytest.mark.parametrize("key", [None, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"])
def test_a_copy_that_went_on_is_refused(tmp_path, key):
    """Of one lineage: both went on from where one was copied, and the other one's log has the higher number."""
    ours, text = Stack(tmp_path / "ours"), "stack: copied\ninputs: {n: {type: integer, default: 1}, more: {type: string, default: x}}\nresources: {a: {type: weir.value, value: '${inputs.n} ${inputs.more}'}}\n"
    ours.env |= {"WEIR_STATE_KEY": key} if key else {}
    ours.write(text).apply()
    shutil.copytree(ours.folder, tmp_path / "theirs")
    theirs = Stack(tmp_path / "theirs")
    theirs.env = ours.env
    ours.apply("-i", "n=2")
    own = ours.log().read_bytes()
    for n in range(3, 9):
        theirs.apply("-i", f"n={n}", "-i", f"more={'x' * 40000}")
    for stack in ours, theirs:
        stack.run("state", "doctor")
    shutil.copy(theirs.log(), ours.log())
    for words in ["plan"], ["apply", "--yes"], ["state", "list"], ["state", "doctor"]:
        refused = ours.run(*words, status=None)
        assert refused.status and "a copy that was written to since" in refused.out + refused.err, refused
    ours.log().write_bytes(own)
    ours.assert_settled("-i", "n=2")
    shutil.copy(theirs.log(), ours.log())
    ours.run("state", "doctor", "--accept-loss")
    ours.apply("-i", "n=9")
    ours.run("state", "doctor")
