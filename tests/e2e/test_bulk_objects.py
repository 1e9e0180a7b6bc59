"""Objects of a bucket are refreshed by listing it, as far as a listing tells; on moto, whose log counts the requests."""

import pytest
from test_upload import place, sandbox  # noqa: F401 (fixtures)

STACK = """
    stack: bulk
    locals: {all: "${[for i in range(COUNT) : \\"n${i}\\"]}"}
    resources:
      lake: {type: aws.s3.bucket, name: bulk-lake}
      file:
        type: aws.s3.object
        for_each: ${locals.all}
        bucket: ${lake.name}
        key: "in/ü ${each.key}.txt"
        content: "it is ${each.key}"
        MORE
"""


def text(count, more=""):
    return STACK.replace("COUNT", str(count)).replace("MORE", more)


def refresh(stack, cloud):
    """Method and whether the object itself is asked for, of each request that a plan makes."""
    cloud.forget_requests()
    stack.assert_settled()
    return [(label.split()[0], "/in/" in label) for label in cloud.requests()]


def test_pages_instead_of_objects(stack, cloud):
    s3 = cloud.client("s3")
    stack.write(text(40)).apply()
    assert sorted(refresh(stack, cloud)) == [("GET", False), ("HEAD", False)]

    # what was replaced or deleted is looked at closely
    s3.put_object(Bucket="bulk-lake", Key="in/ü n7.txt", Body=b"evil", Metadata={"weir-sha256": "0" * 64})
    s3.delete_object(Bucket="bulk-lake", Key="in/ü n8.txt")
    drift = stack.run("drift", "--json", status=2).events()
    assert sorted(event["address"] for event in drift if event["event"] == "drift") == ['file["n7"]', 'file["n8"]']
    stack.apply()
    assert s3.get_object(Bucket="bulk-lake", Key="in/ü n7.txt")["Body"].read() == b"it is n7"
    stack.assert_settled()
    stack.destroy()
    assert not s3.list_buckets()["Buckets"]


def test_what_a_listing_does_not_tell(stack, cloud):
    """With metadata in the file each object is asked for it, and changed metadata is found."""
    s3 = cloud.client("s3")
    stack.write(text(5, "metadata: {team: lake}")).apply()
    assert sorted(refresh(stack, cloud)) == [("GET", False), ("HEAD", False)] + 5 * [("HEAD", True)]
    s3.copy_object(Bucket="bulk-lake", Key="in/ü n1.txt", CopySource={"Bucket": "bulk-lake", "Key": "in/ü n1.txt"},
                   Metadata={"team": "pond"}, MetadataDirective="REPLACE", ContentType="text/plain")
    assert stack.plan() == {'file["n1"]': "update"}


@pytest.mark.long
def test_crowded_buckets_are_not_listed_to_the_end(place, sandbox):  # noqa: F811
    s3 = sandbox.client()
    place.write(text(3)).apply()
    for i in range(1010):
        s3.put_object(Bucket="bulk-lake", Key=f"in/ü n0-{i}", Body=b"")
    sandbox.faults({"service": "s3", "operation": "GET /bulk-lake?list-type=2*", "latency": 0}, {"service": "s3", "operation": "HEAD /bulk-lake/in/*", "latency": 0})
    place.assert_settled()
    assert sandbox.struck() == [1, 3]


def test_few_are_asked_for_by_name(stack, cloud):
    stack.write(text(2)).apply()
    assert sorted(refresh(stack, cloud)) == [("HEAD", False), ("HEAD", True), ("HEAD", True)]


def test_without_the_right_to_list(stack, cloud):
    stack.write(text(4)).apply()
    cloud.fail({"match": "list-type=2", "status": 403, "headers": {"Content-Type": "application/xml"}, "body": "<Error><Code>AccessDenied</Code></Error>"})
    assert refresh(stack, cloud).count(("HEAD", True)) == 4


def test_one_key_is_one_object(stack):
    """Two resources would write over each other for ever, and the first that goes would take it away from the other."""
    text = """
        stack: twice
        providers: {{aws: {{region: us-east-1}}, aws.other: {{region: us-east-1{other}}}}}
        resources:
          lake: {{type: aws.s3.bucket, name: twice-lake}}
          one: {{type: aws.s3.object, bucket: "${{lake.name}}", key: a, content: one}}
          two: {{type: aws.s3.object, bucket: "${{lake.name}}", key: {key}, content: two{more}}}
    """
    refused = stack.write(text.format(key="a", more="", other="")).run("plan", status=3)
    assert "one and two would be the same aws.s3.object: s3://twice-lake/a" in refused.err
    stack.write(text.format(key="b", more="", other="")).run("plan")
    elsewhere = ", provider: aws.other"
    assert "would be the same" in stack.write(text.format(key="a", more=elsewhere, other="")).run("plan", status=3).err
    stack.write(text.format(key="a", more=elsewhere, other=', endpoint: "http://127.0.0.1:9"')).run("plan")  # another store
