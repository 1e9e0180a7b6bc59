"""What S3 refuses, in its own words and with what it says besides: each answer is one that AWS gave (LocalStack's recorded snapshots)."""

import base64

import botocore
import pytest
from servers import make_bucket


def refusal(call, **arguments):
    """(status, the error without its message, the message)."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    error = dict(caught.value.response["Error"])
    text = error.pop("Message")
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error, text


def test_conditions(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", IfNoneMatch="*")
    put = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.put_object, **put, IfNoneMatch="*")[:2] == (412, {"Code": "PreconditionFailed", "Condition": "If-None-Match"})
    assert refusal(s3.put_object, **put, IfMatch="abc")[:2] == (412, {"Code": "PreconditionFailed", "Condition": "If-Match"})
    assert refusal(s3.put_object, Bucket=bucket, Key="none", IfMatch="abc")[:2] == (404, {"Code": "NoSuchKey", "Key": "none"})
    assert refusal(s3.put_object, **put, IfMatch="*")[1]["Header"] == "If-Match"
    assert refusal(s3.put_object, **put, IfMatch="abc", IfNoneMatch="*")[1]["Header"] == "If-Match,If-None-Match"
    copy = refusal(s3.copy_object, Bucket=bucket, Key="to", CopySource=f"{bucket}/k", CopySourceIfMatch="abc")
    assert copy[:2] == (412, {"Code": "PreconditionFailed", "Condition": "x-amz-copy-source-If-Match"})


def test_writes_beside_an_upload(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
    now = s3.put_object(Bucket=bucket, Key="k", Body=b"y")["ETag"]
    complete = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part}]}}
    assert refusal(s3.complete_multipart_upload, **complete, IfMatch=now)[:2] == (
        409, {"Code": "ConditionalRequestConflict", "Condition": "If-Match", "Key": "k"})
    s3.complete_multipart_upload(**complete)


def test_versions(strict, bucket, s3):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    wrong = refusal(s3.delete_object, Bucket=bucket, Key="k", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert wrong == (400, {"Code": "InvalidArgument", "ArgumentName": "versionId", "ArgumentValue": "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"}, "Invalid version id specified")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert refusal(s3.get_object, Bucket=bucket, Key="k", VersionId=marker)[:2] == (405, {"Code": "MethodNotAllowed", "Method": "GET", "ResourceType": "DeleteMarker"})
    assert refusal(s3.delete_bucket, Bucket=bucket)[1:] == (
        {"Code": "BucketNotEmpty", "BucketName": bucket}, "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")


@pytest.mark.parametrize("call, argument, value, code", [
    ("put_bucket_versioning", "VersioningConfiguration", {"Status": "enabled"}, "MalformedXML"),
    ("put_bucket_versioning", "VersioningConfiguration", {}, "IllegalVersioningConfigurationException"),
    ("put_bucket_accelerate_configuration", "AccelerateConfiguration", {"Status": "random"}, "MalformedXML"),
    ("put_bucket_ownership_controls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "Nobody"}]}, "MalformedXML"),
    ("put_bucket_ownership_controls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "ObjectWriter"}] * 2}, "MalformedXML"),
    ("put_bucket_encryption", "ServerSideEncryptionConfiguration", {"Rules": []}, "MalformedXML"),
    ("put_bucket_encryption", "ServerSideEncryptionConfiguration",
     {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}]}, "InvalidArgument"),
    ("put_object_lock_configuration", "ObjectLockConfiguration", {"ObjectLockEnabled": "Enabled"}, "InvalidBucketState"),
    ("put_object_lock_configuration", "ObjectLockConfiguration",
     {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "Years": 1}}}, "MalformedXML"),
    ("put_bucket_tagging", "Tagging", {"TagSet": [{"Key": "aws:x", "Value": "1"}]}, "InvalidTag"),
])
def test_settings(strict, bucket, s3, call, argument, value, code):
    assert refusal(getattr(s3, call), Bucket=bucket, **{argument: value})[1]["Code"] == code


def test_bucket_and_its_tags(strict, bucket, s3):
    """Tags given with a new bucket are there, and are none to give it again; an empty set is none."""
    name = f"{bucket}-tagged"
    made = s3.create_bucket(Bucket=name, CreateBucketConfiguration={"Tags": [{"Key": "a", "Value": "1"}]})
    try:
        assert made["BucketArn"] == f"arn:aws:s3:::{name}"
        assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "a", "Value": "1"}]
        again = refusal(s3.create_bucket, Bucket=name, CreateBucketConfiguration={"Tags": [{"Key": "b", "Value": "1"}]})
        assert again[:2] == (409, {"Code": "BucketAlreadyOwnedByYou", "BucketName": name})
        s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": []})
        assert refusal(s3.get_bucket_tagging, Bucket=name)[1] == {"Code": "NoSuchTagSet", "BucketName": name}
    finally:
        s3.delete_bucket(Bucket=name)


def test_pages_of_settings(strict, bucket, s3):
    for i in range(102):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=f"{i:03}", MetricsConfiguration={"Id": f"{i:03}"})
    first = s3.list_bucket_metrics_configurations(Bucket=bucket)
    rest = s3.list_bucket_metrics_configurations(Bucket=bucket, ContinuationToken=first["NextContinuationToken"])
    assert (len(first["MetricsConfigurationList"]), first["IsTruncated"], len(rest["MetricsConfigurationList"]), rest["IsTruncated"]) == (100, True, 2, False)


def test_marker_in_a_group(strict, bucket, s3):
    for key in ("a/1", "a/2", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    page = s3.list_objects(Bucket=bucket, Delimiter="/", Marker="a/1")
    assert [c["Key"] for c in page["Contents"]] == ["b"] and "CommonPrefixes" not in page


def test_uploads(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = lambda number, body: s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body)["ETag"]  # noqa: E731
    etag = part(1, b"tiny")
    part(2, b"last")
    complete = lambda *parts, upload=upload: refusal(  # noqa: E731
        s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": n, "ETag": e} for n, e in parts]})
    assert complete((1, etag), (2, etag))[:2] == (400, {"Code": "EntityTooSmall", "PartNumber": "1", "ETag": etag.strip('"'), "MinSizeAllowed": "5242880", "ProposedSize": "4"})
    wrong = complete((1, '"d41d8cd98f00b204e9800998ecf8427e"'))
    assert wrong[1] == {"Code": "InvalidPart", "PartNumber": "1", "ETag": "d41d8cd98f00b204e9800998ecf8427e", "UploadId": upload} and "found.  The part" in wrong[2]
    assert complete((3, etag))[1]["PartNumber"] == "3"
    assert complete((2, etag), (1, etag))[1] == {"Code": "InvalidPartOrder", "UploadId": upload}
    assert refusal(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId=upload)[1:] == ({"Code": "InvalidRequest"}, "You must specify at least one part")
    for gone in (refusal(s3.complete_multipart_upload, Bucket=bucket, Key="k", UploadId="fakeid"), refusal(s3.abort_multipart_upload, Bucket=bucket, Key="k", UploadId="fakeid")):
        assert gone[:2] == (404, {"Code": "NoSuchUpload", "UploadId": "fakeid"})
    assert refusal(s3.copy_object, Bucket=bucket, Key="k", CopySource="wrongformat")[1:] == (
        {"Code": "InvalidArgument", "ArgumentName": "x-amz-copy-source", "ArgumentValue": "x-amz-copy-source"}, "Invalid copy source object key")


def test_objects(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    put = {"Bucket": bucket, "Key": "k"}
    assert refusal(s3.put_object, **put, StorageClass="OUTPOSTS")[1] == {"Code": "InvalidStorageClass", "StorageClassRequested": "OUTPOSTS"}
    s3.put_object(**put, Body=b"x", StorageClass="GLACIER")
    assert refusal(s3.get_object, **put)[1] == {"Code": "InvalidObjectState", "StorageClass": "GLACIER"}
    assert refusal(s3.put_object, **put, Body=b"x", ContentMD5="MTIz")[1] == {"Code": "InvalidDigest", "Content-MD5": "MTIz"}
    assert refusal(s3.put_object, **put, Body=b"something", ContentMD5="CYketZBSTjX8czcs3cXVlg==")[1] == {
        "Code": "BadDigest", "ExpectedDigest": "09891eb590524e35fc73372cddc5d596", "CalculatedDigest": "Q3uTDbhLgHnC3YBKcZNrXw=="}
    part = {**put, "UploadId": s3.create_multipart_upload(**put)["UploadId"], "PartNumber": 1}
    assert refusal(s3.upload_part, **part, Body=b"something", ContentMD5="CYketZBSTjX8czcs3cXVlg==")[1] == {
        "Code": "BadDigest", "ExpectedDigest": "CYketZBSTjX8czcs3cXVlg==", "CalculatedDigest": "Q3uTDbhLgHnC3YBKcZNrXw=="}
    assert refusal(s3.get_object, **put, ExpectedBucketOwner="0000")[1:] == (
        {"Code": "InvalidBucketOwnerAWSAccountID"}, "The value of the expected bucket owner parameter must be an AWS Account ID... [0000]")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(**put)
    assert refusal(s3.put_object_acl, **put, ACL="private")[:2] == (405, {"Code": "MethodNotAllowed", "Method": "PUT", "ResourceType": "DeleteMarker"})
    assert refusal(s3.get_object_acl, **put)[:2] == (404, {"Code": "NoSuchKey", "Key": "k"})


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_wrong_checksums_by_name(sandbox, algorithm):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    wrong = base64.b64encode(bytes({"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}[algorithm])).decode()
    put = lambda value: refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **{f"Checksum{algorithm}": value})  # noqa: E731
    assert put("no") == (400, {"Code": "InvalidRequest"}, f"Value for x-amz-checksum-{algorithm.lower()} header is invalid.")
    assert put(wrong) == (400, {"Code": "BadDigest"}, f"The {algorithm} you specified did not match the calculated checksum.")


def test_lifecycles(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()

    def put(*rules, **more):
        rules = [{"ID": f"r{i}", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 7}} | rule for i, rule in enumerate(rules)]
        return dict(Bucket=bucket, LifecycleConfiguration={"Rules": rules}, **more)

    refused = lambda *rules, **more: refusal(s3.put_bucket_lifecycle_configuration, **put(*rules, **more))  # noqa: E731
    tags = [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]
    for rule in ({"Filter": {"And": {"Prefix": "t"}, "Prefix": ""}}, {"Filter": {"ObjectSizeGreaterThan": 500, "Prefix": ""}}, {"Expiration": {"Days": 1, "ExpiredObjectDeleteMarker": True}}):
        assert refused(rule)[:2] == (400, {"Code": "MalformedXML"}), rule
    assert refused({"Filter": {"And": {"Tags": tags}}}) == (400, {"Code": "InvalidRequest"}, "Duplicate Tag Keys are not allowed.")
    noon = "2030-01-01T12:00:00Z"
    assert refused({"Expiration": {"Date": noon}}) == (400, {"Code": "InvalidArgument", "ArgumentName": "Date", "ArgumentValue": noon}, "'Date' must be at midnight GMT")
    assert refused({}, TransitionDefaultMinimumObjectSize="value") == (400, {"Code": "InvalidRequest"}, "Invalid TransitionDefaultMinimumObjectSize found: value")
    s3.put_bucket_lifecycle_configuration(**put(
        {"Filter": {}}, {"Filter": {"And": {"Prefix": "t", "Tags": tags[:1], "ObjectSizeGreaterThan": 5}}}, {"Expiration": {"Date": "2030-01-01T00:00:00Z"}}, {"Expiration": {"ExpiredObjectDeleteMarker": True}},
        {"Filter": {"Tag": tags[0]}, "Transitions": [{"Date": "2029-01-01T00:00:00Z", "StorageClass": "GLACIER"}]}, TransitionDefaultMinimumObjectSize="varies_by_storage_class"))
    assert len(s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]) == 5


def test_parts_that_are_not_there(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    status, error, _ = refusal(s3.get_object, Bucket=bucket, Key="k", PartNumber=2)
    assert (status, error) == (416, {"Code": "InvalidPartNumber", "PartNumberRequested": "2", "ActualPartCount": "1"})


def test_ids_of_requests(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    seen = s3.list_objects_v2(Bucket=bucket)["ResponseMetadata"]
    assert seen["HostId"] == seen["HTTPHeaders"]["x-amz-id-2"] and seen["RequestId"] == seen["HTTPHeaders"]["x-amz-request-id"]
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="none")
    assert caught.value.response["ResponseMetadata"]["HostId"] not in ("", seen["HostId"])


def test_copies_while_versions_are_suspended(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    copy = lambda: s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"}, MetadataDirective="REPLACE").get("VersionId")  # noqa: E731
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert copy() is None
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert len(copy()) == 32
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert copy() == "null" and "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"x")


def test_places_of_buckets(sandbox):
    new = lambda region, constraint: refusal(  # noqa: E731
        sandbox.client(region=region).create_bucket, Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": constraint})[1]
    for constraint in ("us-east-1", "foo", "aws-global"):
        assert new("us-east-1", constraint) == {"Code": "InvalidLocationConstraint", "LocationConstraint": constraint}
    for region, constraint in (("us-west-1", "us-east-1"), ("eu-west-1", "bar"), ("us-west-1", "EU")):
        assert new(region, constraint) == {"Code": "IllegalLocationConstraintException"}
    sandbox.client(region="eu-west-1").create_bucket(Bucket="in-the-old-eu", CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert sandbox.client().get_bucket_location(Bucket="in-the-old-eu")["LocationConstraint"] == "EU"
    assert sandbox.client().head_bucket(Bucket="in-the-old-eu")["BucketRegion"] == "eu-west-1"
    assert refusal(sandbox.client().create_bucket, Bucket="xn--bad")[1] == {"Code": "InvalidBucketName", "BucketName": "xn--bad"}


def test_ids_of_settings(sandbox):
    bucket, s3 = make_bucket(sandbox), sandbox.client()
    assert refusal(s3.put_bucket_metrics_configuration, Bucket=bucket, Id="a", MetricsConfiguration={"Id": "b"}) == (
        400, {"Code": "IdMismatch"}, "Document ID does not match the specified configuration ID.")
