"""Listings, compared with what a few lines of Python say of the same keys."""

import itertools
import random

import pytest
from servers import STRICT, make_bucket


def expected(keys, prefix, delimiter):
    """Keys and groups as S3 defines them, in one order."""
    out = []
    for key in sorted(keys, key=str.encode):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        item = key if at < 0 else key[: at + len(delimiter)]
        if not out or out[-1] != (item, at >= 0):
            out.append((item, at >= 0))
    return out


def page_items(page):
    items = [(c["Key"], False) for c in page.get("Contents", [])] + [(p["Prefix"], True) for p in page.get("CommonPrefixes", [])]
    return sorted(items, key=lambda item: item[0].encode())


@pytest.fixture(scope="module")
def keys():
    rng = random.Random(7)
    letters = ["a", "b", "-", "/", ".", "é", "A" * 79, "A" * 80, "A" * 81]
    out = {"".join(rng.choice(letters) for _ in range(rng.randint(1, 6))) for _ in range(150)}
    return sorted(out)


@pytest.fixture(scope="module", params=STRICT)
def filled(request, keys):
    server = request.getfixturevalue(f"shared_{request.param}")
    bucket, s3 = make_bucket(server), server.client()
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket, s3


@pytest.mark.full
@pytest.mark.parametrize("operation", [pytest.param("list_objects", marks=pytest.mark.long), "list_objects_v2"])
def test_pages(filled, keys, operation):
    bucket, s3 = filled
    prefixes = ["", "a", "a/", "/", "A" * 79, "A" * 80, "A" * 81, "nothing", "-", "é/"]
    for prefix, delimiter, size in itertools.product(prefixes, ["", "/", "-", "AA"], [1, 3, 1000]):
        if size == 1 and prefix == "":
            continue
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, Prefix=prefix, **({"Delimiter": delimiter} if delimiter else {}), PaginationConfig={"PageSize": size})
        got = [item for page in pages for item in page_items(page)]
        assert got == expected(keys, prefix, delimiter), (prefix, delimiter, size)


def test_start_after(filled, keys):
    bucket, s3 = filled
    for key in [keys[3], keys[20] + "0", "", "\x01", "~", "A" * 80, "a/"]:
        page = s3.list_objects_v2(Bucket=bucket, StartAfter=key)
        assert [c["Key"] for c in page.get("Contents", [])] == [k for k in sorted(keys, key=str.encode) if k.encode() > key.encode()]


def test_same_as_elsewhere(store):
    """Field by field, on moto too."""
    bucket, s3 = make_bucket(store), store.client()
    for key in ("a", "b/1", "b/2", "c/x/y", "d e"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x" * len(key))
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=3)
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"], page["Name"], page["Delimiter"]) == (3, 3, True, bucket, "/")
    assert page_items(page) == [("a", False), ("b/", True), ("c/", True)]
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=3, ContinuationToken=page["NextContinuationToken"])
    assert (page_items(page), page["IsTruncated"]) == ([("d e", False)], False)
    assert page["Contents"][0]["Size"] == 3 and page["Contents"][0]["StorageClass"] == "STANDARD"
    if store.kind != "moto":  # moto has no NextMarker, and a group as marker does not pass over its keys
        page = s3.list_objects(Bucket=bucket, Delimiter="/", MaxKeys=2)
        assert (page["NextMarker"], page["IsTruncated"]) == ("b/", True)
        assert page_items(s3.list_objects(Bucket=bucket, Delimiter="/", Marker="b/")) == [("c/", True), ("d e", False)]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_buckets(store):
    name, s3 = make_bucket(store), store.client()
    assert name in [b["Name"] for b in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None


def test_bucket_pages(strict, s3):
    names = sorted(make_bucket(strict) for _ in range(5))
    got = [b["Name"] for page in s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 2}) for b in page["Buckets"]]
    assert [name for name in got if name in names] == names and got == sorted(got)


def test_what_is_within_a_thing_is_on_its_page(sandbox):
    """Tables of routes with their associations and routes: each once and whole, whatever the page's size."""
    ec2 = sandbox.client("ec2")
    networks, subnets = [], []
    for _ in range(4):
        networks.append(network := ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
        table = ec2.create_route_table(VpcId=network)["RouteTable"]["RouteTableId"]
        for number in range(3):
            subnets.append(ec2.create_subnet(VpcId=network, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"])
            ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[-1])
    paged = ec2.get_paginator("describe_route_tables").paginate(Filters=[{"Name": "vpc-id", "Values": networks}], PaginationConfig={"PageSize": 5})
    pages = [page["RouteTables"] for page in paged]
    tables = [table for page in pages for table in page]
    assert [len(page) for page in pages[:-1]] == [5] * (len(pages) - 1)
    assert len(tables) == len({table["RouteTableId"] for table in tables}) >= 4
    assert sorted(a["SubnetId"] for table in tables for a in table["Associations"] if not a["Main"]) == sorted(subnets)
