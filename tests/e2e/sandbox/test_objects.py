"""Objects: keys, conditions, ranges, checksums, copies, versions."""

import base64
import hashlib
import threading

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from checksums import ALGORITHMS
from servers import code, make_bucket

KEYS = ["a", "a/b", "a//b", "a/../b", "../../etc/passwd", "/leading", "trailing/", "//", ".", "..", "./.", "x y", "a+b&c=d;e:f,g@h!$'()*", "%2F%00%", "ü/ñ/漢字/🎬",
        "tab\tnew\nline", "~tilde", "z" * 1024, "s/" * 512, "\x01\x02", "q?uery=1", "#hash", "[brackets]", "back\\slash", "a%", "a%/b", "a%_"]


def keys(s3, bucket, **more):
    return [item["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **more) for item in page.get("Contents", [])]


def test_awkward_keys(strict, bucket, s3):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    assert keys(s3, bucket) == sorted(KEYS, key=str.encode)
    for key in KEYS:
        s3.delete_object(Bucket=bucket, Key=key)
    assert keys(s3, bucket) == []
    s3.delete_bucket(Bucket=bucket)


def test_nothing_escapes(kept_sandbox, tmp_path):
    s3, bucket = kept_sandbox.client(), make_bucket(kept_sandbox)
    before = {path for path in tmp_path.iterdir()}
    for key in KEYS + ["../" * 20 + "tmp/weir-escaped", "/" * 30 + "tmp/weir-escaped"]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    assert {path for path in tmp_path.iterdir()} == before
    buckets = tmp_path / "data" / "s3"
    assert {path.name for path in buckets.iterdir()} == {bucket}
    assert {path.name for path in (buckets / bucket).iterdir()} <= {"bucket.json", "objects", "settings"}
    for name in ("..", ".", "a/b", "%2e%2e", "UPPER", "a..b", "x", "192.168.0.1", "-a-", "a" * 64):
        url = kept_sandbox.client(signature_version="s3v4").generate_presigned_url("create_bucket", {"Bucket": "placeholder"})
        answer = requests.put(url.replace("placeholder", name))
        assert answer.status_code in (400, 403, 404, 405), name
    assert {path.name for path in buckets.iterdir()} == {bucket}


def test_headers_and_metadata(store):
    bucket, s3 = make_bucket(store), store.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"abc", ContentType="text/csv", CacheControl="no-store", ContentDisposition="attachment",
                  ContentEncoding="identity", ContentLanguage="ko", Metadata={"Owner": "me", "note": "a, b"})
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert answer["ContentType"] == "text/csv" and answer["CacheControl"] == "no-store" and answer["ContentLength"] == 3
        assert answer["ContentDisposition"] == "attachment" and answer["ContentLanguage"] == "ko"
        assert answer["Metadata"] == {"owner": "me", "note": "a, b"}
        assert answer["ETag"] == f'"{hashlib.md5(b"abc").hexdigest()}"'


def test_absent(store):
    bucket, s3 = make_bucket(store), store.client()
    assert code(s3.get_object, Bucket=bucket, Key="k") == "NoSuchKey"
    assert code(s3.head_object, Bucket=bucket, Key="k") == "404"
    assert code(s3.get_object, Bucket=bucket + "x", Key="k") == "NoSuchBucket"
    assert code(s3.put_object, Bucket=bucket + "x", Key="k", Body=b"") == "NoSuchBucket"
    assert code(s3.head_bucket, Bucket=bucket + "x") == "404"
    assert code(s3.delete_bucket, Bucket=bucket + "x") == "NoSuchBucket"
    s3.delete_object(Bucket=bucket, Key="k")
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert code(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    assert s3.get_object(Bucket=bucket, Key="k")["ContentLength"] == 0


@pytest.mark.parametrize("header,status,wanted", [
    ("bytes=0-0", 206, b"0"), ("bytes=3-5", 206, b"345"), ("bytes=7-", 206, b"789"), ("bytes=-3", 206, b"789"), ("bytes=5-999", 206, b"56789"),
    ("bytes=-999", 206, b"0123456789"), ("bytes=10-", 416, None), ("bytes=-0", 416, None), ("bytes=5-3", 200, b"0123456789"), ("lines=1-2", 200, b"0123456789"),
])
def test_ranges(strict, bucket, s3, header, status, wanted):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    url = strict.client(signature_version="s3v4").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    answer = requests.get(url, headers={"Range": header})
    assert answer.status_code == status
    if wanted is not None:
        assert answer.content == wanted and answer.headers["content-length"] == str(len(wanted))
    if status != 200:
        assert answer.headers["content-range"].endswith("/10")


# ---- conditions ----


def test_reading_conditions(store):
    bucket, s3 = make_bucket(store), store.client()
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    get = lambda **more: s3.get_object(Bucket=bucket, Key="k", **more)
    assert get(IfMatch=etag)["Body"].read() == b"1"
    assert get(IfNoneMatch='"other"')["Body"].read() == b"1"
    assert code(get, IfMatch='"other"') == "PreconditionFailed"
    assert code(get, IfNoneMatch=etag) == "304"
    assert code(get, IfModifiedSince=modified) == "304"
    assert get(IfUnmodifiedSince=modified)["Body"].read() == b"1"


def test_writing_conditions(store):
    bucket, s3 = make_bucket(store), store.client()
    put = lambda **more: s3.put_object(Bucket=bucket, Key="k", Body=b"x", **more)
    assert code(put, IfMatch='"absent"') == "NoSuchKey"
    etag = put(IfNoneMatch="*")["ETag"]
    assert code(put, IfNoneMatch="*") == "PreconditionFailed"
    assert code(put, IfMatch='"other"') == "PreconditionFailed"
    put(IfMatch=etag)


def test_deleting_conditions(strict, bucket, s3):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"other"') == "PreconditionFailed"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert code(s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag) == "NoSuchKey"


def race(server, attempt):
    """Sixteen at once; how many succeeded, and the errors of the others."""
    barrier, results = threading.Barrier(16), []

    def run(i):
        client = server.client()
        barrier.wait()
        try:
            attempt(client, i)
            results.append("won")
        except ClientError as e:
            results.append(e.response["Error"]["Code"])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(results)


def test_one_writer_wins(strict, bucket, s3):
    results = race(strict, lambda client, i: client.put_object(Bucket=bucket, Key="k", Body=b"%d" % i, IfNoneMatch="*"))
    assert results == ["PreconditionFailed"] * 15 + ["won"]


def test_one_upload_wins(strict, bucket, s3):
    uploads = []
    for i in range(16):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"%d" % i)["ETag"]
        uploads.append((upload, {"Parts": [{"PartNumber": 1, "ETag": etag}]}))
    results = race(strict, lambda client, i: client.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=uploads[i][0], MultipartUpload=uploads[i][1], IfNoneMatch="*"))
    assert results == ["PreconditionFailed"] * 15 + ["won"]


def test_an_upload_becomes_an_object_once(sandbox):
    """However often a client that hears nothing completes it: its parts would go with the object that the next one replaces."""
    bucket, s3 = make_bucket(sandbox), sandbox.client(max_pool_connections=16)
    for i in range(20):
        upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
        etag = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"%d" % i)["ETag"]
        asked = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
        assert race(sandbox, lambda _, i: s3.complete_multipart_upload(**asked)) == ["won"] * 16
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"%d" % i


# ---- checksums ----


DATA = bytes(range(256)) * 50 + b"odd"


@pytest.mark.parametrize("name", ALGORITHMS)
def test_checksums(strict, bucket, s3, name):
    right = base64.b64encode(ALGORITHMS[name](DATA)).decode()
    field = f"Checksum{name}"
    assert s3.put_object(Bucket=bucket, Key="k", Body=DATA, **{field: right})[field] == right
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[field] == right
    wrong = base64.b64encode(ALGORITHMS[name](DATA + b"!")).decode()
    assert code(s3.put_object, Bucket=bucket, Key="wrong", Body=DATA, **{field: wrong}) == "BadDigest"
    assert code(s3.put_object, Bucket=bucket, Key="wrong", Body=DATA, **{field: "AAAA"}) == "InvalidRequest"
    assert keys(s3, bucket) == ["k"]
    attributes = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectSize", "ETag"])
    assert attributes["Checksum"][field] == right and attributes["ObjectSize"] == len(DATA)


def test_md5(store):
    bucket, s3 = make_bucket(store), store.client(request_checksum_calculation="when_required")
    right = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=right)
    if store.kind != "moto":  # moto takes anything
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5=right) == "BadDigest"
        assert code(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5="nonsense") == "InvalidDigest"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_encryption(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"
    key = strict.client("kms").create_key()["KeyMetadata"]["Arn"] if strict.kind == "sandbox" else "arn:aws:kms:us-east-1:000000000000:key/k"  # it has to be there
    kms = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"x", **kms)
    head = s3.head_object(Bucket=bucket, Key="k")
    for answer in (put, head):
        assert {name: answer[name] for name in kms} == kms
    assert code(s3.put_object, Bucket=bucket, Key="own", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="0" * 32) in ("NotImplemented", "501")


# ---- copies ----


def test_copy(store):
    bucket, s3 = make_bucket(store), store.client()
    s3.put_object(Bucket=bucket, Key="from é", Body=b"content", ContentType="text/x", Metadata={"a": "1"}, Tagging="t=1")
    source = {"Bucket": bucket, "Key": "from é"}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    got = s3.get_object(Bucket=bucket, Key="to")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"content", "text/x", {"a": "1"})
    assert s3.get_object_tagging(Bucket=bucket, Key="to")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/y")
    got = s3.head_object(Bucket=bucket, Key="new")
    assert (got["ContentType"], got["Metadata"]) == ("text/y", {"b": "2"})
    assert code(s3.copy_object, Bucket=bucket, Key="from é", CopySource=source) == "InvalidRequest"
    assert code(s3.copy_object, Bucket=bucket, Key="to", CopySource={"Bucket": bucket, "Key": "nothing"}) == "NoSuchKey"


def test_copy_onto_itself(sandbox):
    """It has to change something: LocalStack's tests that AWS passed have each of these."""
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    key = {"Bucket": bucket, "Key": "k"}
    s3.put_object(**key, Body=b"x", ServerSideEncryption="aws:kms")
    s3.copy_object(**key, CopySource=f"{bucket}/k")  # its encryption becomes the bucket's
    assert code(s3.copy_object, **key, CopySource=f"{bucket}/k") == "InvalidRequest"
    s3.copy_object(**key, CopySource=f"{bucket}/k", ServerSideEncryption="AES256")
    s3.copy_object(**key, CopySource=f"{bucket}/k", WebsiteRedirectLocation="/to")
    assert s3.head_object(**key)["WebsiteRedirectLocation"] == "/to"
    s3.copy_object(Bucket=bucket, Key="other", CopySource=f"{bucket}/k")
    assert "WebsiteRedirectLocation" not in s3.head_object(Bucket=bucket, Key="other")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]})
    s3.copy_object(**key, CopySource=f"{bucket}/k")


def test_copy_conditions(strict, bucket, s3):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"content")["ETag"]
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch=etag)
    assert code(s3.copy_object, Bucket=bucket, Key="to", CopySource=source, CopySourceIfMatch='"no"') == "PreconditionFailed"
    assert code(s3.copy_object, Bucket=bucket, Key="to", CopySource=source, CopySourceIfNoneMatch=etag) == "PreconditionFailed"


# ---- tags, several at once ----


def test_tags(store):
    bucket, s3 = make_bucket(store), store.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=%20c")
    tags = lambda: {t["Key"]: t["Value"] for t in s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]}
    assert tags() == {"a": "1", "b": " c"}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "n", "Value": "é"}]})
    assert tags() == {"n": "é"}
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 1
    twice = {"TagSet": [{"Key": "n", "Value": "1"}, {"Key": "n", "Value": "2"}]}
    if store.kind != "moto":
        assert code(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=twice) == "InvalidTag"
    eleven = [{"Key": f"k{n}", "Value": "v"} for n in range(11)]
    with pytest.raises(ClientError, match="Object tags cannot be greater than 10"):
        s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": eleven})
    if store.kind == "sandbox":
        with pytest.raises(ClientError, match="Object tags cannot be greater than 10"):
            s3.put_object(Bucket=bucket, Key="many", Body=b"x", Tagging="&".join(f"k{n}=v" for n in range(11)))
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert tags() == {}
    s3.put_object(Bucket=bucket, Key="k", Body=b"y", Tagging="z=1")
    assert tags() == {"z": "1"}


def test_delete_many(store):
    bucket, s3 = make_bucket(store), store.client()
    for i in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{i} <&>", Body=b"x")
    named = [{"Key": f"k{i} <&>"} for i in range(4)] + [{"Key": "nothing"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": named})
    assert sorted(d["Key"] for d in answer["Deleted"]) == sorted(n["Key"] for n in named) and not answer.get("Errors")
    assert keys(s3, bucket) == ["k4 <&>"]


# ---- versions ----


def versions(s3, bucket, **more):
    """[(key, version, latest, is a delete marker)] in the order listed."""
    out = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, **more):
        out += [(v["Key"], v["VersionId"], v["IsLatest"], "Size" not in v) for v in page.get("Versions", []) + page.get("DeleteMarkers", [])]
    return out


def test_versions(store):
    bucket, s3 = make_bucket(store), store.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"two")["VersionId"]
    gone = s3.delete_object(Bucket=bucket, Key="k")
    assert gone["DeleteMarker"] and code(s3.get_object, Bucket=bucket, Key="k") == "NoSuchKey"
    assert keys(s3, bucket) == []
    get = lambda version: s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read()
    assert (get(one), get(two), get("null")) == (b"one", b"two", b"before")
    if store.kind != "moto":
        assert code(s3.get_object, Bucket=bucket, Key="k", VersionId=gone["VersionId"]) == "MethodNotAllowed"
    assert {v[1] for v in versions(s3, bucket)} == {one, two, "null", gone["VersionId"]}
    assert [v[1] for v in versions(s3, bucket) if v[2]] == [gone["VersionId"]]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=gone["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    assert code(s3.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    for key, version, _, _ in versions(s3, bucket):
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
    s3.delete_bucket(Bucket=bucket)


def test_suspended(strict, bucket, s3):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"null 1")
    assert s3.head_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    s3.put_object(Bucket=bucket, Key="k", Body=b"null 2")
    assert [(v[1], v[2]) for v in versions(s3, bucket)] == [("null", True), (one, False)]
    s3.delete_object(Bucket=bucket, Key="k")
    assert [(v[1], v[2], v[3]) for v in versions(s3, bucket)] == [(one, False, False), ("null", True, True)]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"two")["VersionId"]
    assert {(v[1], v[3]) for v in versions(s3, bucket)} == {(two, False), (one, False), ("null", True)}


def test_version_pages(strict, bucket, s3):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    wanted = []
    for key in ("a", "b/1", "b/2", "c"):
        wanted += [(key, v) for v in reversed([s3.put_object(Bucket=bucket, Key=key, Body=b"x")["VersionId"] for _ in range(5)])]
    for size in (1, 2, 3, 7, 20):
        assert [(v[0], v[1]) for v in versions(s3, bucket, PaginationConfig={"PageSize": size})] == wanted
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=6)
    assert page["NextKeyMarker"] == "b/" and "NextVersionIdMarker" not in page
    answer = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in answer["CommonPrefixes"]] == ["b/"] and {v["Key"] for v in answer["Versions"]} == {"a", "c"}


def test_objects_without_a_checksum_get_one(sandbox):
    """The values are AWS's, of LocalStack's recorded answers."""
    bucket, s3 = make_bucket(sandbox), sandbox.client(signature_version="s3v4", request_checksum_calculation="when_required")
    form = s3.generate_presigned_post(bucket, "form")
    answers = [requests.put(s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "link"}), data=b"test-body-tagging"), requests.post(form["url"], data=form["fields"], files={"file": b"test-body-tagging"})]
    for answer in answers:
        assert (answer.headers["x-amz-checksum-crc64nvme"], answer.headers["x-amz-checksum-type"]) == ("L1qdhyEV1JY=", "FULL_OBJECT")
    s3.put_object(Bucket=bucket, Key="plain", Body=b"test-body-tagging")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "plain"})
    for key in ("form", "link", "plain", "copy"):
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == ("L1qdhyEV1JY=", "FULL_OBJECT"), key
    assert {tuple(one["ChecksumAlgorithm"]) for one in s3.list_objects_v2(Bucket=bucket)["Contents"]} == {("CRC64NVME",)}


# ---- forms: presigned posts ----


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_form(anywhere, version):
    bucket, s3 = make_bucket(anywhere), anywhere.client()
    post = anywhere.client(signature_version=version).generate_presigned_post(
        bucket, "in/${filename}", {"Content-Type": "text/csv", "x-amz-meta-Day": "1", "success_action_status": "201"},
        [{"Content-Type": "text/csv"}, {"x-amz-meta-day": "1"}, {"success_action_status": "201"}, ["content-length-range", 1, 2**20]])
    content = bytes(range(256)) * 1000 + b"\r\n--\r\n"
    answer = requests.post(post["url"], data=post["fields"], files={"file": ("a; b.csv", content)})
    assert answer.status_code == 201
    if anywhere.kind == "sandbox":  # moto answers without a body
        assert "<Key>in/a; b.csv</Key>" in answer.text and f"<Bucket>{bucket}</Bucket>" in answer.text
    seen = s3.get_object(Bucket=bucket, Key="in/a; b.csv")
    assert (seen["Body"].read(), seen["ContentType"], seen["Metadata"]) == (content, "text/csv", {"day": "1"})


def test_form_answers(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    for fields, conditions, status in (({}, [], 204), ({"success_action_status": "200"}, [{"success_action_status": "200"}], 200), ({"success_action_redirect": "http://a.test/x"}, [["starts-with", "$Success_action_redirect", "http://a"]], 303), ({"success_action_redirect": "/x"}, [{"success_action_redirect": "/x"}], 204)):
        post = s3.generate_presigned_post(bucket, "ü/k", fields, conditions)
        answer = requests.post(post["url"], data=post["fields"], files={"file": "abc"}, allow_redirects=False)
        assert (answer.status_code, answer.headers["ETag"]) == (status, f'"{hashlib.md5(b"abc").hexdigest()}"'), answer.text
        assert answer.headers["Location"] == (f"http://a.test/x?bucket={bucket}&key=%C3%BC%2Fk&etag=%22{hashlib.md5(b'abc').hexdigest()}%22" if status == 303 else f"{sandbox.url}/{bucket}/%C3%BC/k")
    tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    post = s3.generate_presigned_post(bucket, "k", {"tagging": tags, "x-amz-storage-class": "STANDARD_IA", "acl": "private"}, [{"tagging": tags}, {"x-amz-storage-class": "STANDARD_IA"}, {"acl": "private"}])
    hosted = {"Host": f"{bucket}.localhost:{sandbox.port}"}
    assert requests.post(sandbox.url, data=post["fields"], files={"file": (None, "abc")}, headers=hosted).status_code == 204
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "STANDARD_IA"


def test_form_refused(sandbox):
    """AWS's errors are those of LocalStack's recorded answers."""
    bucket, s3, key = make_bucket(sandbox), sandbox.client(signature_version="s3v4"), "refused"

    def answer(changes=None, conditions=(), fields=None, seconds=60, content="12345", **more):
        post = s3.generate_presigned_post(bucket, key, fields or {}, list(conditions), ExpiresIn=seconds)
        form = {name: value for name, value in (post["fields"] | (changes or {})).items() if value is not None}
        got = requests.post(post["url"], data=form, files={"file": content} if content else None, **more)
        part = lambda name: got.text.partition(f"<{name}>")[2].partition("<")[0]  # noqa: E731
        return got.status_code, part("Code"), part("Message").replace("&quot;", '"')

    named = "Bucket POST must contain a field named '{}'.  If it is specified, please check the order of the fields."
    failed = "Invalid according to Policy: Policy Condition failed: "
    for wanted, got in [
        ((403, "SignatureDoesNotMatch"), answer({"x-amz-signature": "0" * 64})[:2]),
        ((403, "InvalidAccessKeyId"), answer({"x-amz-credential": "AKIANOBODY/20261127/us-east-1/s3/aws4_request"})[:2]),
        ((400, "InvalidArgument", named.format("X-Amz-Signature")), answer({"x-amz-signature": None})),
        ((400, "InvalidArgument", named.format("X-Amz-Algorithm")), answer({"x-amz-algorithm": None})),
        ((400, "InvalidArgument", named.format("key")), answer({"key": None})),
        ((403, "AccessDenied", "Access Denied"), answer({"policy": None})),
        ((403, "AccessDenied", "Invalid according to Policy: Policy expired."), answer(seconds=-1)),
        ((403, "AccessDenied", failed + f'["eq", "$key", "{key}"]'), answer({"key": "other"})),
        ((403, "AccessDenied", failed + '["eq", "$acl", "private"]'), answer({"acl": "public-read"}, [{"acl": "private"}])),
        ((403, "AccessDenied", failed + '["eq", "acl", "private"]'), answer({"acl": "private"}, [["eq", "acl", "private"]])),
        ((403, "AccessDenied", failed + '["starts-with", "$x-amz-meta-a", "b"]'), answer({"x-amz-meta-a": "a"}, [["starts-with", "$x-amz-meta-a", "b"]])),
        ((403, "AccessDenied", "Invalid according to Policy: Extra input fields: x-amz-meta-a"), answer({"x-amz-meta-a": "b"})),
        ((400, "InvalidPolicyDocument"), answer(conditions=[{"acl": "private", "bucket": bucket}])[:2]),
        ((400, "EntityTooLarge"), answer(conditions=[["content-length-range", 1, 4]])[:2]),
        ((400, "EntityTooSmall"), answer(conditions=[["content-length-range", "6", "10"]])[:2]),
        ((403, "AccessDenied", failed + '["content-length-range", "test", "10"]'), answer(conditions=[["content-length-range", "test", "10"]])),
        ((400, "InvalidStorageClass"), answer({"x-amz-storage-class": "FAST"}, [{"x-amz-storage-class": "FAST"}])[:2]),
        ((400, "MalformedXML"), answer({"tagging": "not-xml"}, [{"tagging": "not-xml"}])[:2]),
        ((400, "MaxPostPreDataLengthExceeded"), answer({"x-ignore-a": "b" * 30000})[:2]),
        ((501, "NotImplemented"), answer({"x-amz-server-side-encryption-customer-algorithm": "AES256"}, [{"x-amz-server-side-encryption-customer-algorithm": "AES256"}])[:2]),
        ((403, "AccessDenied", "Access Denied"), answer({"x-amz-expected-bucket-owner": "1" * 12}, [{"x-amz-expected-bucket-owner": "1" * 12}])),
        ((400, "MaxPostPreDataLengthExceeded"), answer(content=("b" * 30000, "12345"))[:2]),
        ((400, "MalformedPOSTRequest"), answer({"key": "a\0b"})[:2]),
        ((400, "MalformedPOSTRequest"), answer({"key": b"\xff"})[:2]),
        ((400, "MalformedPOSTRequest"), answer(content=None, headers={"Content-Type": "multipart/form-data; boundary=x"})[:2]),
        ((412, "PreconditionFailed"), answer(headers={"Content-Type": "text/html"})[:2]),
    ]:
        assert got == wanted
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    assert answer({"x-ignore-a": "b"}, [["content-length-range", 5, 5]])[0] == 204
    long = s3.generate_presigned_post(bucket, "k" * 1025)
    assert "<Code>KeyTooLongError</Code>" in requests.post(long["url"], data=long["fields"], files={"file": "1"}).text
    assert requests.post(f"{sandbox.url}/{bucket}x", data=s3.generate_presigned_post(bucket, key)["fields"], files={"file": "1"}).status_code in (403, 404)


def test_form_of_a_session(sandbox):
    bucket, keys = make_bucket(sandbox), sandbox.client("sts").get_session_token()["Credentials"]
    session = boto3.client("s3", endpoint_url=sandbox.url, region_name="us-east-1", aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"])
    post = session.generate_presigned_post(bucket, "k")
    assert requests.post(post["url"], data=post["fields"], files={"file": "1"}).status_code == 204
    assert requests.post(post["url"], data=post["fields"] | {"x-amz-security-token": "bm8="}, files={"file": "1"}).status_code == 400
