"""States call S3 as SDKs name its operations, aws-sdk:s3:listBuckets: with S3's answers, errors, permissions."""

import json
import uuid

import pytest
from servers import make_bucket
from test_stepfunctions import Machines


@pytest.fixture
def call(sandbox):
    machines = Machines(sandbox)

    def call(operation, **parameters):
        end = machines.run({"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:s3:{operation}", "Parameters": parameters})
        return json.loads(end["output"]) if "output" in end else (end["error"], end["cause"])
    return call


def test_buckets_are_listed_made_and_deleted(call, sandbox):
    bucket = make_bucket(sandbox)
    listed = call("listBuckets")
    assert bucket in [one["Name"] for one in listed["Buckets"]] and set(listed["Buckets"][0]) >= {"Name", "CreationDate"}
    assert listed["Owner"]["Id"] == sandbox.client().list_buckets()["Owner"]["ID"]
    made = "b-" + uuid.uuid4().hex[:12]
    call("createBucket", Bucket=made)
    assert call("headBucket", Bucket=made)["BucketRegion"] == "us-east-1"
    call("putBucketTagging", Bucket=made, Tagging={"TagSet": [{"Key": "a", "Value": "1 + 2"}, {"Key": "b", "Value": "true"}, {"Key": "c", "Value": "2026-11-21T00:00:00.000Z"}]})
    assert sandbox.client().get_bucket_tagging(Bucket=made)["TagSet"] == call("getBucketTagging", Bucket=made)["TagSet"]
    assert call("getBucketTagging", Bucket=made)["TagSet"][1:] == [{"Key": "b", "Value": "true"}, {"Key": "c", "Value": "2026-11-21T00:00:00.000Z"}]  # texts all the same
    call("putBucketVersioning", Bucket=made, VersioningConfiguration={"Status": "Enabled"})
    assert call("getBucketVersioning", Bucket=made) == {"Status": "Enabled"}
    call("deleteBucket", Bucket=made)
    assert made not in [one["Name"] for one in call("listBuckets")["Buckets"]]


def test_objects_are_written_read_and_listed(call, sandbox):
    s3, bucket, key = sandbox.client(), make_bucket(sandbox), "a folder/ü&?.json"
    etag = call("putObject", Bucket=bucket, Key=key, Body={"n": 1}, ContentType="application/json", Metadata={"who": "me"})["ETag"]
    found = s3.get_object(Bucket=bucket, Key=key)
    assert found["Body"].read() == b'{"n":1}' and found["ETag"] == etag and found["Metadata"] == {"who": "me"}
    got = call("getObject", Bucket=bucket, Key=key)
    assert (got["Body"], got["ContentLength"], got["ContentType"], got["ETag"], got["Metadata"]) == ('{"n":1}', 7, "application/json", etag, {"who": "me"})
    assert call("getObject", Bucket=bucket, Key=key, Range="bytes=1-3")["Body"] == '"n"'
    assert call("headObject", Bucket=bucket, Key=key)["ContentLength"] == 7
    copied = call("copyObject", Bucket=bucket, Key="copy", CopySource=f"{bucket}/a%20folder/%C3%BC%26%3F.json")
    assert copied["CopyObjectResult"]["ETag"] == etag
    for listing in ("listObjects", "listObjectsV2"):
        page = call(listing, Bucket=bucket, MaxKeys=1)
        assert page["IsTruncated"] is True and [(one["Key"], one["Size"]) for one in page["Contents"]] == [(key, 7)], page
    grouped = call("listObjectsV2", Bucket=bucket, Delimiter="/")
    assert grouped["CommonPrefixes"] == [{"Prefix": "a folder/"}] and grouped["KeyCount"] == 2
    call("putObjectTagging", Bucket=bucket, Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert call("getObjectTagging", Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "k", "Value": "v"}]
    gone = call("deleteObjects", Bucket=bucket, Delete={"Objects": [{"Key": "copy"}, {"Key": key}]})
    assert sorted(one["Key"] for one in gone["Deleted"]) == [key, "copy"] and "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_an_upload_in_parts(call, sandbox):
    bucket = make_bucket(sandbox)
    upload = {"Bucket": bucket, "Key": "k", "UploadId": call("createMultipartUpload", Bucket=bucket, Key="k")["UploadId"]}
    part = call("uploadPart", **upload, PartNumber=1, Body="text")["ETag"]
    assert call("listParts", **upload)["Parts"][0]["PartNumber"] == 1
    call("completeMultipartUpload", **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    assert sandbox.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"text"


def test_errors_are_those_of_s3(call, sandbox):
    assert call("getObject", Bucket=make_bucket(sandbox), Key="none") == ("S3.NoSuchKeyException", "The specified key does not exist.")
    assert call("listObjectsV2", Bucket="b-" + uuid.uuid4().hex)[0] == "S3.NoSuchBucketException"
    name, cause = call("getObject", Bucket=make_bucket(sandbox), Key="k", Sung=True)
    assert "Sung" in cause


def test_the_machines_role_counts(sandbox):
    iam, bucket, machines = sandbox.client("iam"), make_bucket(sandbox), Machines(sandbox)
    name = "narrow-" + uuid.uuid4().hex[:8]
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    machines.role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/open/*"}]}))
    write = lambda key: machines.run({"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:putObject", "Parameters": {"Bucket": bucket, "Key": key, "Body": "x"}})
    assert write("open/a")["status"] == "SUCCEEDED"
    denied = write("shut/a")
    assert denied["error"].startswith("S3.") and "s3:PutObject" in denied["cause"], denied
