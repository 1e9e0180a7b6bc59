"""The life of what guards the data lake and describes what lies in it (see life_cycle.py)."""

import json

import pytest
from botocore.exceptions import ClientError

from life_cycle import Case, case_table, tags_of, walk
from support import ACCOUNT

CASES, case = case_table()
NOT_ON_MOTO = {}
READER, WRITER = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("reader", "writer"))


@case("lake settings")
def _():
    def settings(cloud):
        return cloud.client("lakeformation").get_data_lake_settings(CatalogId=cloud.client("sts").get_caller_identity()["Account"])["DataLakeSettings"]

    def seen(cloud):
        found = settings(cloud)
        return {"admins": found["DataLakeAdmins"], "databases": found["CreateDatabaseDefaultPermissions"], "owners": found["TrustedResourceOwners"]}

    def outside(cloud):
        account = cloud.client("sts").get_caller_identity()["Account"]
        cloud.client("lakeformation").put_data_lake_settings(CatalogId=account, DataLakeSettings={**settings(cloud), "DataLakeAdmins": []})

    return Case(
        type="aws.lakeformation.settings",
        first={"admins": [{"principal": READER}], "database_defaults": [], "trusted_resource_owners": ["111111111111"]},
        then={"admins": [{"principal": WRITER}], "database_defaults": [{"principal": "IAM_ALLOWED_PRINCIPALS", "permissions": ["ALL"]}], "trusted_resource_owners": []},
        seen=seen,
        gone=lambda cloud: not settings(cloud).get("DataLakeAdmins"),
        outside=outside,
        drifted="admins",
    )


def granted(cloud, **resource):
    found = cloud.client("lakeformation").list_permissions(Resource=resource)["PrincipalResourcePermissions"]
    return sorted((one["Principal"]["DataLakePrincipalIdentifier"], sorted(one["Permissions"])) for one in found)


def permissions(changes):
    database = {"Database": {"Name": "life"}}
    first = {"principal": READER, "resource": {"database": "${db.name}"}, "permissions": ["DESCRIBE", "ALTER"]}

    def outside(cloud):
        cloud.client("lakeformation").revoke_permissions(Principal={"DataLakePrincipalIdentifier": READER}, Resource=database, Permissions=["ALTER"])

    return Case(
        type="aws.lakeformation.permissions",
        around={"db": {"type": "aws.glue.database", "name": "life"}},
        first=first,
        then={**first, "permissions": ["DESCRIBE", "CREATE_TABLE"]} if changes else None,
        seen=lambda cloud: {"granted": granted(cloud, **database)},
        gone=lambda cloud: not granted(cloud, **database),
        outside=outside if changes else None,
        drifted="permissions",
        replaces=[{"principal": WRITER}, {"resource": {"table": {"database": "${db.name}", "all": {}}}}],
    )


CASES["permissions"] = permissions(changes=False)
NOT_ON_MOTO["changed permissions"] = permissions(changes=True)  # moto loses those that were added to, and cannot revoke them


@case("trail")
def _():
    def seen(cloud):
        trails = cloud.client("cloudtrail")
        found = trails.get_trail(Name="life-trail")["Trail"]
        (tags,) = trails.list_tags(ResourceIdList=[found["TrailARN"]])["ResourceTagList"]
        return {"bucket": found["S3BucketName"], "prefix": found.get("S3KeyPrefix"), "regions": found["IsMultiRegionTrail"], "digests": found["LogFileValidationEnabled"],
                "logging": trails.get_trail_status(Name="life-trail")["IsLogging"], "selectors": trails.get_event_selectors(TrailName="life-trail").get("EventSelectors"),
                "tags": tags_of(tags["TagsList"]).get("team")}

    def selected(kind):
        return [{"read_write_type": kind, "data_resources": [{"type": "AWS::S3::Object", "values": ["arn:aws:s3:::life-lake/"]}]}]

    buckets = {name: {"type": "aws.s3.bucket", "name": f"life-{name}"} for name in ("logs", "more")}
    first = {"name": "life-trail", "bucket": "${logs.name}", "prefix": "first", "is_multi_region_trail": True, "enable_log_file_validation": True, "enable_logging": True,
             "event_selectors": selected("WriteOnly"), "tags": {"team": "a"}}
    return Case(
        type="aws.cloudtrail.trail",
        around=buckets,
        first=first,
        then={**first, "bucket": "${more.name}", "prefix": "then", "is_multi_region_trail": False, "enable_log_file_validation": False, "enable_logging": False,
              "event_selectors": selected("All"), "tags": {"team": "b"}},
        less={"name": "life-trail", "bucket": "${more.name}"},
        seen=seen,
        gone=lambda cloud: not cloud.client("cloudtrail").list_trails()["Trails"],
        outside=lambda cloud: cloud.client("cloudtrail").stop_logging(Name="life-trail"),
        drifted="enable_logging",
        replaces=[{"name": "life-other"}],
    )


@case("schema")
def _():
    number = {"SchemaId": {"RegistryName": "life", "SchemaName": "life"}}

    def seen(cloud):
        glue = cloud.client("glue")
        found = glue.get_schema(**number)
        return {"description": found.get("Description"), "compatibility": found.get("Compatibility"),
                "definition": glue.get_schema_version(**number, SchemaVersionNumber={"LatestVersion": True})["SchemaDefinition"]}

    def record(*names):
        return json.dumps({"type": "record", "namespace": "life", "name": "click", "fields": [{"name": name, "type": "string", "default": ""} for name in names]})

    first = {"registry": "${registry.name}", "name": "life", "data_format": "AVRO", "compatibility": "NONE", "description": "first", "definition": record("a")}
    return Case(
        type="aws.glue.schema",
        around={"registry": {"type": "aws.glue.registry", "name": "life"}, "other": {"type": "aws.glue.registry", "name": "other"}},
        first=first,
        then={**first, "compatibility": "BACKWARD", "description": "then", "definition": record("a", "b")},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").list_schemas()["Schemas"],
        outside=lambda cloud: cloud.client("glue").update_schema(**number, Description="theirs", Compatibility="NONE"),
        drifted="description",
        replaces=[{"name": "other"}, {"data_format": "JSON", "definition": "{}"}],
    )


NOT_ON_MOTO["schema"] = CASES.pop("schema")  # moto lists none, and forgets tags


@case("catalog encryption")
def _():
    def seen(cloud):
        found = cloud.client("glue").get_data_catalog_encryption_settings()["DataCatalogEncryptionSettings"]
        return {"at_rest": found.get("EncryptionAtRest"), "passwords": found.get("ConnectionPasswordEncryption")}

    def outside(cloud):
        cloud.client("glue").put_data_catalog_encryption_settings(DataCatalogEncryptionSettings={
            "EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"}, "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}})

    return Case(
        type="aws.glue.catalog_encryption",
        first={"at_rest": {"mode": "SSE-KMS", "kms_key": "alias/one"}, "connection_passwords": {"encrypted": True, "kms_key": "alias/one"}},
        then={"at_rest": {"mode": "SSE-KMS", "kms_key": "alias/two"}, "connection_passwords": {"encrypted": True, "kms_key": "alias/two"}},
        seen=seen,
        gone=lambda cloud: (seen(cloud)["at_rest"] or {}).get("CatalogEncryptionMode", "DISABLED") == "DISABLED",
        outside=outside,
        drifted="at_rest",
    )


@case("catalog policy")
def _():
    def policy(action):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}, "Action": action, "Resource": "arn:aws:glue:us-east-1:000000000000:catalog"}]}

    def seen(cloud):
        return {"action": json.loads(cloud.client("glue").get_resource_policy()["PolicyInJson"])["Statement"][0]["Action"]}

    def gone(cloud):
        try:
            return not cloud.client("glue").get_resource_policy().get("PolicyInJson")
        except cloud.client("glue").exceptions.EntityNotFoundException:
            return True

    return Case(
        type="aws.glue.resource_policy",
        first={"policy": policy("glue:GetTable")},
        then={"policy": policy("glue:GetDatabase"), "hybrid": True},
        seen=seen,
        gone=gone,
        outside=lambda cloud: cloud.client("glue").put_resource_policy(PolicyInJson=json.dumps(policy("glue:*"))),
        drifted="policy",
    )


NOT_ON_MOTO["catalog policy"] = CASES.pop("catalog policy")  # moto answers with nothing where there is none


@case("data quality ruleset")
def _():
    def seen(cloud):
        glue = cloud.client("glue")
        found = glue.get_data_quality_ruleset(Name="life")
        return {"rules": found["Ruleset"], "description": found["Description"], "table": found["TargetTable"],
                "tags": glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{cloud.client('sts').get_caller_identity()['Account']}:dataQualityRuleset/life")["Tags"].get("team")}

    first = {"name": "life", "ruleset": 'Rules = [ IsComplete "a" ]', "description": "first", "target_table": {"database": "films", "table": "ratings"}, "tags": {"team": "a"}}
    return Case(
        type="aws.glue.data_quality_ruleset",
        first=first,
        then={**first, "ruleset": 'Rules = [ IsComplete "b" ]', "description": "then", "tags": {"team": "b"}},
        less={key: first[key] for key in ("name", "ruleset", "target_table")},
        seen=seen,
        unchanged={"table"},
        gone=lambda cloud: not cloud.client("glue").list_data_quality_rulesets()["Rulesets"],
        outside=lambda cloud: cloud.client("glue").update_data_quality_ruleset(Name="life", Ruleset="Rules = []"),
        drifted="ruleset",
        replaces=[{"name": "other"}, {"target_table": {"database": "films", "table": "others"}}],
    )


NOT_ON_MOTO["data quality ruleset"] = CASES.pop("data quality ruleset")  # moto has none


def served(call, what, **more):
    """What S3 shows of a bucket's setting; None where it has none."""
    try:
        return call(Bucket="life-lake", **more).get(what)
    except ClientError as e:
        assert e.response["Error"]["Code"] in ("ReplicationConfigurationNotFoundError", "NoSuchConfiguration"), e
        return None


def bucket_services(on_moto):
    """What a bucket does by itself. moto has no payer and no tiering, shows no filter and never deletes an inventory."""
    def seen(cloud):
        s3 = cloud.client("s3")
        rules = (served(s3.get_bucket_replication, "ReplicationConfiguration") or {}).get("Rules")
        shown = {"log": s3.get_bucket_logging(Bucket="life-lake").get("LoggingEnabled"), "rules": rules, "fast": s3.get_bucket_accelerate_configuration(Bucket="life-lake").get("Status")}
        if on_moto:
            return shown
        return shown | {"payer": s3.get_bucket_request_payment(Bucket="life-lake")["Payer"], "tiers": served(s3.list_bucket_intelligent_tiering_configurations, "IntelligentTieringConfigurationList"),
                        "inventories": served(s3.list_bucket_inventory_configurations, "InventoryConfigurationList")}

    def copied(**more):
        return {"role": "${role.arn}", "rules": [{"id": "all", "priority": 1, "status": "Enabled", "delete_marker_replication": "Disabled", "filter": {"prefix": ""},
                                                  "destination": {"bucket": "${copies.arn}", "storage_class": "STANDARD"}} | more]}

    def listed(name, **more):
        return {name: {"enabled": True, "included_object_versions": "Current", "frequency": "Weekly", "bucket": "${copies.arn}", "format": "Parquet", **more}}

    common = {"name": "life-lake", "versioning": True}
    first = {**common, "logging": {"target_bucket": "${logs.name}", "target_prefix": "first/"}, "replication": copied(), "acceleration": True}
    then = {**common, "logging": {"target_bucket": "${logs.name}", "target_prefix": "then/", **({} if on_moto else {"partition_date_source": "EventTime"})}, "acceleration": False,
            "replication": copied(filter={"prefix": "" if on_moto else "raw/"}, destination={"bucket": "${copies.arn}", "storage_class": "GLACIER_IR"})}
    if not on_moto:
        first |= {"request_payer": "Requester", "inventories": {**listed("all"), **listed("old", sse_s3=True)},
                  "intelligent_tiering": {"cold": {"status": "Enabled", "tierings": [{"days": 90, "access_tier": "ARCHIVE_ACCESS"}]}}}
        then |= {"request_payer": "BucketOwner", "inventories": listed("all", optional_fields=["Size", "ETag"], prefix="lists", filter_prefix="raw/"),
                 "intelligent_tiering": {"cold": {"status": "Disabled", "filter": {"and": {"prefix": "raw/", "tags": {"a": "b"}}},
                                                  "tierings": [{"days": 180, "access_tier": "ARCHIVE_ACCESS"}, {"days": 365, "access_tier": "DEEP_ARCHIVE_ACCESS"}]}}}
    return Case(
        type="aws.s3.bucket",
        around={"copies": {"type": "aws.s3.bucket", "name": "life-copies", "versioning": True}, "logs": {"type": "aws.s3.bucket", "name": "life-logs", "policy": LOG_POLICY, "force_destroy": True},
                "role": {"type": "aws.iam.role", "name": "life-copier", "assume_role_policy": {"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}},
        first=first,
        then=then,
        less=common,
        seen=seen,
        gone=lambda cloud: not cloud.client("s3").list_buckets()["Buckets"],
        outside=lambda cloud: cloud.client("s3").put_bucket_logging(Bucket="life-lake", BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": "life-logs", "TargetPrefix": "theirs/"}}),
        drifted="logging",
    )


LOG_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::life-logs/*"}]}
CASES["bucket services"] = bucket_services(on_moto=True)
NOT_ON_MOTO["all bucket services"] = bucket_services(on_moto=False)


def test_acl(stack, cloud):
    """Canned, and only where the bucket has ACLs at all."""
    def grants():
        return {(grant["Grantee"].get("URI", "").rpartition("/")[2], grant["Permission"]) for grant in cloud.client("s3").get_bucket_acl(Bucket="life-logs")["Grants"]}

    text = {"stack": "life", "resources": {"logs": {"type": "aws.s3.bucket", "name": "life-logs", "ownership": "BucketOwnerPreferred", "acl": "log-delivery-write"}}}
    stack.write(json.dumps(text)).apply()
    stack.assert_settled()
    assert "LogDelivery" in {who for who, _ in grants()}
    del text["resources"]["logs"]["acl"]
    stack.write(json.dumps(text)).apply()
    stack.assert_settled()
    assert grants() == {("", "FULL_CONTROL")}
    wrong = stack.write(json.dumps(text).replace('"name"', '"acl": "everybody", "name"')).run("plan", status=None)
    assert wrong.status in (1, 3) and "log-delivery-write" in wrong.err


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
