"""Stores that know S3 only: nobody else is asked there, and what they do not have is done without, and said once."""

import os

import pytest
from sandbox.servers import MORE_STORES, STORES
from support import Stack

STACK = """
    stack: stores
    resources:
      lake: {type: aws.s3.bucket, name: stores-lake}
      two: {type: aws.s3.bucket, name: stores-two, depends_on: [lake]}
      one: {type: aws.s3.object, bucket: "${lake.name}", key: one, content: "1"}
      dags: {type: aws.s3.directory, bucket: "${lake.name}", prefix: dags, source: src}
      code: {type: weir.artifact, store: "${lake.name}/code", source: src, package: zip}
      other: {type: aws.s3.directory, bucket: stores-others, prefix: dags, source: src}
"""
UNTAGGED = "<Error><Code>NotImplemented</Code><Message>no tags here</Message></Error>"
LONG = [pytest.param(kind, marks=pytest.mark.long) for kind in STORES if kind not in MORE_STORES]


class Untagged:
    """moto as a store without tags."""

    def __init__(self, cloud):
        self.url, self.client = cloud.url, lambda: cloud.client("s3")
        cloud.fail({"match": r"\?tagging", "status": 501, "body": UNTAGGED, "headers": {"Content-Type": "application/xml"}, "times": 10**9})

    def environment(self):
        return {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": "e2e"}

    def stop(self):
        pass


@pytest.fixture(params=["moto", "moto without tags", *MORE_STORES, *LONG])
def store(request):
    if request.param.startswith("moto"):
        cloud = request.getfixturevalue("cloud")
        server = Untagged(cloud)
        if request.param == "moto":
            cloud.fail()
    else:
        server = STORES[request.param]()
    server.client().create_bucket(Bucket="stores-others")
    yield server
    server.stop()


@pytest.fixture(params=["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def stack(request, store, tmp_path):
    stack = Stack(tmp_path / "stack").write(STACK)
    stack.env |= {name: value for name, value in store.environment().items() if name.startswith("AWS_")}
    stack.env.pop("AWS_ENDPOINT_URL", None)
    stack.env |= {"AWS_REGION": "us-east-1", request.param: store.url}
    return stack.write("a", "src/a.txt").write("b", "src/b.txt")


def test_life_cycle(request, stack, store):
    untagged = "without tags" in request.node.name or getattr(store, "kind", "") == "s3rver"
    said = stack.apply()
    assert said.out.count("has no tags") + said.err.count("has no tags") == untagged, str(said)
    stack.assert_settled()
    alone = "AWS_ENDPOINT_URL_S3" in stack.env
    assert ("an endpoint for S3 alone" in stack.run("state", "doctor").out) == alone
    stack.write(STACK.replace("stores-two", "stores-three"))
    again = stack.apply()
    assert "has no tags" not in again.out + again.err, str(again)
    for _ in range(2):  # with the state, and without: then by names and marks
        found = stack.destroy("--verify")
        assert "Nothing is left" in found.out and f"at {store.url}" in found.out, str(found)
    assert [bucket["Name"] for bucket in store.client().list_buckets()["Buckets"]] == ["stores-others"]


def test_tags_that_are_asked_for(request, stack, store):
    if "without tags" not in request.node.name and getattr(store, "kind", "") != "s3rver":
        pytest.skip("it has tags")
    stack.write(STACK.replace("name: stores-lake", "name: stores-lake, tags: {a: b}"))
    refused = stack.apply(status=1)
    assert "has no tags for it: leave `tags`" in refused.err, str(refused)


def test_what_bears_marks_is_found(request, stack, store):
    """A bucket that the state lost, in a store where nobody can be asked for marks but S3 itself."""
    if "without tags" in request.node.name or getattr(store, "kind", "") == "s3rver":
        pytest.skip("it has no marks")
    stack.apply()
    stack.run("state", "rm", "two")
    stack.write(STACK.replace("stores-two", "stores-three"))
    found = stack.destroy("--verify", status=5)
    assert "stores-two  aws.s3.bucket: has this stack's ownership tags" in found.out, str(found)


@pytest.mark.parametrize("stack", ["AWS_ENDPOINT_URL_S3"], indirect=True)
def test_killed_at_every_step(request, stack, store):
    """The store has the state as well, where it can: s3rver ignores If-None-Match."""
    keeps_state = getattr(store, "kind", "") != "s3rver"
    place = f"state: {{backend: s3, bucket: stores-others, prefix: states, endpoint: '{store.url}', lease_seconds: 2}}"
    stack.write(STACK.replace("stack: stores", f"stack: stores\n    {place}") if keeps_state else STACK)
    points = len(stack.crash_points("apply", "--yes"))
    stack.destroy()
    assert points > 20
    kills = 0
    for at in range(1, points, 1 if os.environ.get("WEIR_LONG") else points // 2 + 1):
        kills += stack.killed_at(at, "apply", "--yes")
        stack.apply("--lock-timeout", "1m")
        stack.assert_settled()
        assert "Nothing is left" in stack.destroy("--verify").out, at
        assert [bucket["Name"] for bucket in store.client().list_buckets()["Buckets"]] == ["stores-others"], at
    assert kills
