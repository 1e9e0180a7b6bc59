"""What weir stores in S3, on a server that verifies each signature and checksum and is neither moto nor weir's own."""

import os

import pytest
from sandbox.servers import MORE_STORES, Versity, make_bucket
from support import Stack

pytestmark = pytest.mark.skipif(not MORE_STORES, reason="no versitygw: tools/setup s3")

STACK = """
    stack: other
    resources:
      big: {type: aws.s3.object, bucket: BUCKET, key: "data/big file.bin", source: big.bin}
      dags: {type: aws.s3.directory, bucket: BUCKET, prefix: dags, source: src}
      code: {type: weir.artifact, store: "BUCKET/code", source: src, package: zip}
    outputs:
      code: {value: "${code.key}"}
"""
FILES = {"a.py": b"print(1)\n", "sql/b c.sql": b"select 1;\n", "ü+&.txt": b"", **{f"many/{n}": b"%d" % n for n in range(100)}}


@pytest.fixture(scope="module")
def store():
    server = Versity()
    yield server
    server.stop()


@pytest.fixture
def bucket(store):
    return make_bucket(store)


@pytest.fixture
def stack(store, bucket, tmp_path):
    stack = Stack(tmp_path / "stack")
    stack.env |= {name: value for name, value in store.environment().items() if name.startswith("AWS_")}
    for name, data in FILES.items():
        path = stack.folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (stack.folder / "big.bin").write_bytes(os.urandom(40 << 20))
    return stack.write(STACK.replace("BUCKET", bucket))


def listed(s3, bucket, prefix=""):
    return {item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])}


def test_life_cycle(stack, store, bucket):
    s3 = store.client()
    stack.apply()
    stack.assert_settled()
    big = s3.get_object(Bucket=bucket, Key="data/big file.bin", ChecksumMode="ENABLED")
    content = (stack.folder / "big.bin").read_bytes()
    assert big["Body"].read() == content and "-" in big["ETag"] and any(name.startswith("Checksum") for name in big)
    assert not s3.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert listed(s3, bucket, "dags/") == {"dags/" + name for name in FILES}
    assert s3.head_object(Bucket=bucket, Key=stack.outputs()["code"])["ContentLength"] > 0

    (stack.folder / "big.bin").write_bytes(content[:20 << 20] + b"changed" + content[20 << 20:])
    (stack.folder / "src/many/7").unlink()
    (stack.folder / "src/a.py").write_bytes(b"print(2)\n")
    assert stack.plan() == {"big": "update", "dags": "update", "code": "update"}
    stack.apply()
    stack.assert_settled()
    assert s3.head_object(Bucket=bucket, Key="data/big file.bin")["ContentLength"] == len(content) + 7
    assert listed(s3, bucket, "dags/") == {"dags/" + name for name in FILES} - {"dags/many/7"}

    s3.put_object(Bucket=bucket, Key="dags/a.py", Body=b"print(3)\n")
    assert stack.plan() == {"dags": "update"}
    stack.apply()
    assert s3.get_object(Bucket=bucket, Key="dags/a.py")["Body"].read() == b"print(2)\n"
    stack.assert_settled()
    stack.destroy()
    assert listed(s3, bucket) == set()


def test_wrong_secret(stack):
    stack.env["AWS_SECRET_ACCESS_KEY"] = "wrong"
    assert "SignatureDoesNotMatch" in stack.apply(status=1).err
