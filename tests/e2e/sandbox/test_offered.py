"""
Which operations the sandbox offers: of those that make, show, change and delete the types that data pipelines are made of (catalogue.txt, with
botocore's names), and of the calls that people make every day. The figures are in docs/sandbox-coverage.md; WEIR_DRAW=1 draws them anew.
"""

from collections import defaultdict
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from servers import Sandbox
from support import ROOT, drawn

HERE = Path(__file__).parent
CATALOGUE = {line.split()[0]: line.split()[1:] for line in (HERE / "catalogue.txt").read_text().splitlines()}
UNKNOWN = {"InvalidAction", "NotImplemented", "UnknownOperationException"}

EVERYDAY = {
    "s3": "list-buckets create-bucket delete-bucket head-bucket list-objects-v2 put-object get-object head-object copy-object delete-object delete-objects get-bucket-location "
    "get-bucket-versioning put-bucket-versioning get-bucket-policy put-bucket-policy list-object-versions list-multipart-uploads get-object-tagging put-object-tagging",
    "sts": "get-caller-identity assume-role get-access-key-info",
    "iam": "list-roles get-role create-role delete-role attach-role-policy detach-role-policy list-attached-role-policies list-role-policies get-role-policy put-role-policy list-policies "
    "get-policy get-policy-version list-users get-user create-access-key list-access-keys list-instance-profiles get-account-summary simulate-principal-policy",
    "ec2": "describe-instances run-instances start-instances stop-instances reboot-instances terminate-instances describe-instance-status describe-images describe-vpcs create-vpc "
    "describe-subnets describe-security-groups authorize-security-group-ingress revoke-security-group-ingress describe-route-tables describe-key-pairs create-key-pair import-key-pair "
    "describe-addresses describe-availability-zones describe-regions describe-network-interfaces describe-tags create-tags get-console-output describe-volumes describe-instance-types "
    "replace-route-table-association create-default-vpc",
    "lambda": "list-functions get-function get-function-configuration invoke update-function-code update-function-configuration list-versions-by-function publish-version list-aliases "
    "list-event-source-mappings get-policy list-layers put-function-concurrency get-function-concurrency get-account-settings",
    "glue": "get-databases get-database get-tables get-table get-partitions get-jobs list-jobs get-job batch-get-jobs start-job-run get-job-run get-job-runs batch-stop-job-run get-job-bookmark "
    "reset-job-bookmark get-crawlers get-crawler start-crawler stop-crawler get-triggers start-trigger stop-trigger list-workflows start-workflow-run get-workflow-runs get-connections "
    "search-tables get-table-versions",
    "athena": "start-query-execution get-query-execution get-query-results stop-query-execution list-query-executions list-work-groups get-work-group list-named-queries list-databases "
    "get-table-metadata list-data-catalogs list-table-metadata",
    "stepfunctions": "list-state-machines describe-state-machine start-execution start-sync-execution describe-execution get-execution-history list-executions stop-execution redrive-execution "
    "send-task-success validate-state-machine-definition test-state",
    "logs": "describe-log-groups describe-log-streams get-log-events filter-log-events put-log-events put-retention-policy start-query get-query-results",
    "cloudwatch": "list-metrics put-metric-data get-metric-statistics get-metric-data describe-alarms set-alarm-state describe-alarm-history",
    "events": "list-rules describe-rule put-rule enable-rule disable-rule list-targets-by-rule put-events list-event-buses test-event-pattern",
    "scheduler": "list-schedules get-schedule create-schedule update-schedule delete-schedule list-schedule-groups",
    "sqs": "list-queues get-queue-url get-queue-attributes send-message receive-message delete-message purge-queue change-message-visibility",
    "sns": "list-topics publish subscribe list-subscriptions list-subscriptions-by-topic get-topic-attributes",
    "kms": "list-keys describe-key list-aliases encrypt decrypt generate-data-key create-grant",
    "secretsmanager": "list-secrets describe-secret get-secret-value put-secret-value update-secret restore-secret list-secret-version-ids get-random-password",
    "ssm": "get-parameter get-parameters get-parameters-by-path put-parameter describe-parameters delete-parameter get-parameter-history",
    "dynamodb": "list-tables describe-table put-item get-item query scan update-item delete-item batch-write-item",
    "kinesis": "list-streams describe-stream-summary put-record put-records get-shard-iterator get-records list-shards",
    "firehose": "list-delivery-streams describe-delivery-stream put-record put-record-batch",
    "rds": "describe-db-instances create-db-instance delete-db-instance modify-db-instance start-db-instance stop-db-instance reboot-db-instance describe-db-snapshots create-db-snapshot "
    "describe-db-engine-versions describe-db-subnet-groups",
    "redshift": "describe-clusters create-cluster delete-cluster pause-cluster resume-cluster reboot-cluster describe-cluster-snapshots get-cluster-credentials",
    "redshift-data": "execute-statement describe-statement get-statement-result list-statements list-databases list-tables",
    "ecr": "describe-repositories create-repository get-authorization-token list-images describe-images batch-delete-image",
    "ecs": "list-clusters describe-clusters list-services describe-services list-tasks describe-tasks run-task stop-task list-task-definitions describe-task-definition update-service",
    "batch": "describe-job-queues describe-job-definitions describe-compute-environments submit-job describe-jobs list-jobs terminate-job cancel-job",
    "emr-serverless": "list-applications get-application start-application stop-application start-job-run get-job-run list-job-runs cancel-job-run",
}


@pytest.fixture
def fresh_sandbox():
    server = Sandbox()
    yield server
    server.stop()


def placeholder(shape, depth=0):
    """What a request has to have, in the right form; nothing of it is there, so nothing is done."""
    kind = shape.type_name
    if kind == "structure":
        return {name: placeholder(shape.members[name], depth + 1) for name in shape.required_members} if depth < 6 else {}
    if kind == "list":
        return [placeholder(shape.member, depth + 1)]
    if kind == "map":
        return {"k": placeholder(shape.value, depth + 1)}
    if kind == "string":
        return shape.enum[0] if getattr(shape, "enum", None) else "x" * max(3, shape.metadata.get("min", 0))
    return {"boolean": False, "timestamp": 0, "blob": b"x", "double": 1.0, "float": 1.0}.get(kind, max(1, shape.metadata.get("min", 1)))


def missing(server, operations):
    """{service: operations that are not offered}."""
    found = defaultdict(list)
    for service, names in operations.items():
        client = server.new_client(service, "us-east-1", None, None, parameter_validation=False, inject_host_prefix=False)
        for name in names:
            shape = client.meta.service_model.operation_model(name).input_shape
            try:
                client._make_api_call(name, placeholder(shape) if shape else {})
            except ClientError as error:
                if "is not among it" in str(error) or error.response["Error"]["Code"] in UNKNOWN:
                    found[service].append(name)
    return found


def everyday(server):
    """What is called, and what of it is not offered, as the command line spells it."""
    operations = {}
    for service, commands in EVERYDAY.items():
        names = {xform_name(name, "-"): name for name in server.client(service).meta.service_model.operation_names}
        operations[service] = [names[command] for command in commands.split()]
    left = missing(server, operations)
    return operations, [f"`{service} {xform_name(name, '-')}`" for service, names in left.items() for name in names]


def test_what_people_call_every_day(fresh_sandbox):
    """Nothing is missing that the page does not name; the long form draws it as it is."""
    _, left = everyday(fresh_sandbox)
    page = (ROOT / "docs/sandbox-coverage.md").read_text()
    assert [one for one in left if one not in page] == []


@pytest.mark.long
def test_the_page_says_what_people_call_every_day(fresh_sandbox):
    operations, left = everyday(fresh_sandbox)
    all_of = sum(map(len, operations.values()))
    text = f"Of {all_of} calls that people make every day (`tests/e2e/sandbox/test_offered.py`) {all_of - len(left)} are offered. Not offered: {', '.join(left)}.\n"
    assert drawn("calls of every day", text), f"WEIR_DRAW=1 draws it anew: {text}"


@pytest.mark.long  # 800 calls
def test_what_the_catalogue_names(fresh_sandbox):
    left = missing(fresh_sandbox, CATALOGUE)
    none = sorted(service for service, names in left.items() if names == CATALOGUE[service])
    all_of = sum(map(len, CATALOGUE.values()))
    lines = [f"Of {all_of} operations {all_of - sum(map(len, left.values()))} are offered; {sum(len(CATALOGUE[service]) for service in none)} are of services without types in weir ({', '.join(none)}).\n", "\n"]
    lines += ["| service | offered | not offered |\n", "| --- | --- | --- |\n"]
    for service in sorted(set(CATALOGUE) - set(none)):
        names = left[service]
        lines.append(f"| {service} | {len(CATALOGUE[service]) - len(names)} of {len(CATALOGUE[service])} | {' '.join(names)} |\n")
    assert drawn("operations of the catalogue", "".join(lines)), "WEIR_DRAW=1 draws it anew"
