"""Reference pages: what they say of a type as a whole, and where they lead in the service's own documentation.

botocore's models tell which operations there are, what their documentation's identifier is, and link to pages of the same references.
"""

import re
import subprocess
from functools import cache

import botocore.session
import pytest

from support import ROOT, WEIR, spec_of

LOADER = botocore.session.get_session().get_component("data_loader")
SPECS = {spec["service"]: spec for spec in map(spec_of, sorted((ROOT / "provider/aws/specs").glob("*.yaml")))}
# References to which botocore has no link.
UNLINKED = {
    "apigateway": "apigateway/latest/api/", "athena": "athena/latest/APIReference/", "elbv2": "elasticloadbalancing/latest/APIReference/",
    "kinesis": "kinesis/latest/APIReference/", "lakeformation": "lake-formation/latest/APIReference/", "redshift": "redshift/latest/APIReference/",
    "redshiftdata": "redshift-data/latest/APIReference/", "scheduler": "scheduler/latest/APIReference/", "sts": "STS/latest/APIReference/",
}


@cache
def model(service):
    return LOADER.load_service_model(SPECS[service].get("model", service), "service-2")


@cache
def texts(service):
    """All documentation of the service."""
    def walk(node):
        if isinstance(node, dict):
            for key, value in node.items():
                yield from [value] if key == "documentation" and isinstance(value, str) else walk(value)
        elif isinstance(node, list):
            for value in node:
                yield from walk(value)
    return "\n".join(walk(model(service)))


def page(name, *more):
    return subprocess.run([WEIR, "docs", name, *more], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("service", SPECS)
def test_address_of_the_reference(service):
    address = SPECS[service]["reference"]
    form = re.fullmatch(r"https://docs\.aws\.amazon\.com/(?:(.+/)API_\$\{operation\}\.html|goto/WebAPI/(.+)/\$\{operation\})", address)
    assert form, address
    folder, uid = form.groups()
    assert uid == model(service)["metadata"]["uid"] if uid else folder == UNLINKED[service] if service in UNLINKED else f"docs.aws.amazon.com/{folder}API_" in texts(service)


@pytest.mark.parametrize("service", SPECS)
def test_types_lead_to_an_operation(service):
    """The first operation that the type's `create` names, or a data source's `read`, except those that only look."""
    for section, step in (("types", "create"), ("data", "read")):
        for name, one in (SPECS[service].get(section) or {}).items():
            shown = re.search(r"^\| API reference \| \[(\w+)\]\((.+)\) \|$", page(f"{'data.' if section == 'data' else ''}aws.{service}.{name}", "--format", "markdown"), re.M)
            if not shown:
                assert "call" not in str(one.get(step)) and "native" in one, name
                continue
            made = str(one.get(step) or one["run"])  # of what only the state has: how it is started
            assert shown[1] in model(service)["operations"] and shown[2] == SPECS[service]["reference"].replace("${operation}", shown[1])
            assert re.search(rf"\b{shown[1]}\b", made), name
            assert section == "data" or not re.match(r"(Describe|Head|List)[A-Z]", shown[1]), name


def test_page_of_a_type():
    text = page("aws.dms.replication_instance", "--format", "markdown")
    assert """
| | |
| --- | --- |
| Identifier | `name` |
| API reference | [CreateReplicationInstance](https://docs.aws.amazon.com/dms/latest/APIReference/API_CreateReplicationInstance.html) |
| CloudFormation | `AWS::DMS::ReplicationInstance` |
| Refresh | listed in bulk |
| After a lost answer | found by its name |
| Service | `dms` |
| Endpoint variable | `AWS_ENDPOINT_URL_DATABASE_MIGRATION_SERVICE` |
""" in text
    settable, read_only = text.split("## Read-only attributes")
    rows = {row.split("`")[1]: row for row in settable.splitlines() if row.startswith("| `")}
    assert "API name KmsKeyId" in rows["kms_key"] and "computed by the service if not configured" in rows["kms_key"]
    assert "API name" not in rows["allocated_storage"] + rows["multi_az"]  # MultiAZ is the same word
    assert "API name ReplicationInstanceArn" in read_only and "read-only" not in read_only


def test_names_in_the_api():
    """Of a setting with a call of its own, of a member in structures, of a plural."""
    rows = {row.split("`")[1]: row for row in page("aws.s3.bucket", "--format", "markdown").splitlines() if row.startswith("| `")}
    assert "API name VersioningConfiguration.Status" in rows["versioning"]
    assert "API name" not in rows["cors[].allowed_methods"]
    assert "API name networkConfiguration" not in page("aws.ecs.service") and "API name deploymentConfiguration.deploymentCircuitBreaker" in " ".join(page("aws.ecs.service").split())


def test_page_in_the_terminal():
    assert re.search(r"^    API reference +https://docs\.aws\.amazon\.com/glue/latest/webapi/API_CreateJob\.html\n", page("aws.glue.job"), re.M)
    assert re.search(r"^    Refresh +read one at a time\n", page("aws.ecs.service"), re.M)
    assert "After a lost answer" not in page("data.aws.sts.caller_identity")


def test_head_names_an_address(tmp_path):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/shop.yaml").write_text("service: shop\nprotocol: json-1.1\nreference: https://example.org/\ntypes: {}\n")
    (tmp_path / "weir.yaml").write_text("stack: s\nspecs: specs\nresources: {}\n")
    answer = subprocess.run([WEIR, "validate"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 3 and "reference is an address with ${operation} in it" in answer.stderr
