"""A bucket's settings: what is put comes back, and what is absent is absent with S3's own code."""

import json

import pytest
from servers import code, make_bucket

RULE = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 7}}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObjectVersion", "Resource": "arn:aws:s3:::BUCKET/*"}]})
CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
BLOCK = {"BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": True, "RestrictPublicBuckets": False}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}, "BucketKeyEnabled": True}]}
TAGS = {"TagSet": [{"Key": "a", "Value": "1 +-=._:/@ é"}]}
OWNERSHIP = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
WEBSITE = {"IndexDocument": {"Suffix": "index.html"}}

# get, put, put's argument, value, delete, code when absent; on moto too?
CASES = [
    ("get_bucket_lifecycle_configuration", "put_bucket_lifecycle_configuration", "LifecycleConfiguration", {"Rules": [RULE]},
     "delete_bucket_lifecycle", "NoSuchLifecycleConfiguration", True),
    ("get_bucket_policy", "put_bucket_policy", "Policy", POLICY, "delete_bucket_policy", "NoSuchBucketPolicy", True),
    ("get_bucket_cors", "put_bucket_cors", "CORSConfiguration", CORS, "delete_bucket_cors", "NoSuchCORSConfiguration", True),
    ("get_bucket_tagging", "put_bucket_tagging", "Tagging", TAGS, "delete_bucket_tagging", "NoSuchTagSet", True),
    ("get_public_access_block", "put_public_access_block", "PublicAccessBlockConfiguration", BLOCK, "delete_public_access_block",
     "NoSuchPublicAccessBlockConfiguration", True),
    ("get_bucket_encryption", "put_bucket_encryption", "ServerSideEncryptionConfiguration", ENCRYPTION, "delete_bucket_encryption", None, False),
    ("get_bucket_ownership_controls", "put_bucket_ownership_controls", "OwnershipControls", OWNERSHIP, "delete_bucket_ownership_controls",
     "OwnershipControlsNotFoundError", True),
    ("get_bucket_website", "put_bucket_website", "WebsiteConfiguration", WEBSITE, "delete_bucket_website", "NoSuchWebsiteConfiguration", True),
]


def found_in(answer, argument, value):
    """The part of an answer that the put's argument became."""
    if argument in ("LifecycleConfiguration", "CORSConfiguration", "Tagging"):
        return {key: answer[key] for key in value}
    if argument == "WebsiteConfiguration":
        return {key: answer[key] for key in value}
    return answer[argument]


@pytest.mark.parametrize("get,put,argument,value,delete,absent,elsewhere", CASES, ids=[case[0][4:] for case in CASES])
def test_round(store, get, put, argument, value, delete, absent, elsewhere):
    if store.kind == "moto" and not elsewhere:
        pytest.skip("moto has no default encryption")
    bucket, s3 = make_bucket(store), store.client()
    if value is POLICY:
        value = POLICY.replace("BUCKET", bucket)
    getattr(s3, put)(Bucket=bucket, **{argument: value})
    assert found_in(getattr(s3, get)(Bucket=bucket), argument, value) == value
    getattr(s3, delete)(Bucket=bucket)
    if absent:
        assert code(getattr(s3, get), Bucket=bucket) == absent
    else:
        rules = getattr(s3, get)(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    getattr(s3, delete)(Bucket=bucket)
    assert code(getattr(s3, get), Bucket=bucket + "x") == "NoSuchBucket"


@pytest.mark.parametrize("tag", [{"Key": "a", "Value": "1 <&>"}, {"Key": "a,b", "Value": ""}, {"Key": "k" * 129, "Value": ""}])
def test_tags_refused(strict, bucket, s3, tag):
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    for put, target in (s3.put_bucket_tagging, {"Bucket": bucket}), (s3.put_object_tagging, {"Bucket": bucket, "Key": "k"}):
        assert code(put, **target, Tagging={"TagSet": [tag]}) == "InvalidTag"


def test_policy_of_another_bucket(strict, bucket, s3):
    for resource in "arn:aws:s3:::another/*", [f"arn:aws:s3:::{bucket}", "arn:aws:s3:::another"]:
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource}]}
        assert code(s3.put_bucket_policy, Bucket=bucket, Policy=json.dumps(policy)) == "MalformedPolicy"
    assert code(s3.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"


def test_new_bucket(strict, bucket, s3):
    """AWS's defaults since 2023."""
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    assert code(s3.put_bucket_acl, Bucket=bucket, ACL="public-read") == "AccessControlListNotSupported"
    assert code(s3.put_bucket_policy, Bucket=bucket, Policy="not json") == "MalformedPolicy"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")


def test_many(strict, bucket, s3):
    for name in ("one", "../two"):
        s3.put_bucket_metrics_configuration(Bucket=bucket, Id=name, MetricsConfiguration={"Id": name})
    assert [c["Id"] for c in s3.list_bucket_metrics_configurations(Bucket=bucket)["MetricsConfigurationList"]] == ["../two", "one"]
    assert s3.get_bucket_metrics_configuration(Bucket=bucket, Id="../two")["MetricsConfiguration"] == {"Id": "../two"}
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="one")
    assert code(s3.get_bucket_metrics_configuration, Bucket=bucket, Id="one") == "NoSuchConfiguration"
    s3.head_bucket(Bucket=bucket)


def test_regions(store):
    name = make_bucket(store)
    tokyo, home = store.client(region="ap-northeast-1"), store.client()
    assert code(tokyo.create_bucket, Bucket=name + "-t") == "IllegalLocationConstraintException"
    if store.kind != "versitygw":  # boto3 calls the global endpoint, which creates buckets everywhere
        home.create_bucket(Bucket=name + "-e", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert home.get_bucket_location(Bucket=name + "-e")["LocationConstraint"] == "eu-west-1"
        assert home.head_bucket(Bucket=name + "-e")["BucketRegion"] == "eu-west-1"
        assert home.list_objects_v2(Bucket=name + "-e")["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", store.kind) in ("eu-west-1", "moto")
    tokyo.create_bucket(Bucket=name + "-t", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    assert tokyo.get_bucket_location(Bucket=name + "-t")["LocationConstraint"] == "ap-northeast-1"
    assert code(tokyo.create_bucket, Bucket=name + "-t", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"}) == "BucketAlreadyOwnedByYou"
    home.create_bucket(Bucket=name)  # us-east-1 says yes again
