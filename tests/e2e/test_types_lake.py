"""The life of what guards the data lake and describes what lies in it (see life.py)."""

import json

import pytest

from life import Case, case_table, tags_of, walk
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


@pytest.mark.parametrize("name", CASES)
def test_life(stack, cloud, name):
    walk(stack, cloud, CASES[name])
