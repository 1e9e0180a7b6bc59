"""The life of what runs pipelines: functions, state machines, workgroups, crawlers and what starts them (see life_cycle.py)."""

import io
import json
import zipfile

import pytest

from life_cycle import Case, case_table, tags_of, walk
from support import ACCOUNT, Stack

CASES, case = case_table()


def trust(*services):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": list(services)}, "Action": "sts:AssumeRole"}]}


def role(name, service="lambda.amazonaws.com"):
    return {"type": "aws.iam.role", "name": f"life-{name}", "assume_role_policy": trust(service)}


def code(cloud):
    """Two zip files for functions and layers."""
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="life-code")
    for name in ("one", "two"):
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as file:
            file.writestr("main.py", f"def handler(event, context):\n    return '{name}'\n")
        s3.put_object(Bucket="life-code", Key=f"{name}.zip", Body=body.getvalue())


def zip_file(name):
    return {"s3_bucket": "life-code", "s3_key": f"{name}.zip"}


FUNCTION = {"type": "aws.lambda.function", "name": "life-function", "role": "${one.arn}", "runtime": "python3.13", "handler": "main.handler", "code": zip_file("one")}


@case("function")
def _():
    def seen(cloud):
        look = cloud.client("lambda")
        (found,) = look.list_functions()["Functions"]
        answer = look.get_function(FunctionName=found["FunctionName"])
        keys = ("Role", "Runtime", "Handler", "Description", "MemorySize", "Timeout", "Environment", "EphemeralStorage", "TracingConfig", "CodeSha256", "Architectures")
        return {**{key: answer["Configuration"].get(key) for key in keys}, "layers": [layer["Arn"] for layer in answer["Configuration"].get("Layers", [])],
                "tags": answer.get("Tags"), "reserved": look.get_function_concurrency(FunctionName=found["FunctionName"]).get("ReservedConcurrentExecutions")}

    def layer(name):
        return {"type": "aws.lambda.layer_version", "name": f"life-{name}", "content": zip_file(name), "compatible_runtimes": ["python3.13"]}

    return Case(
        type="aws.lambda.function",
        prepare=code,
        around={"one": role("one"), "two": role("two"), "layer_one": layer("one"), "layer_two": layer("two")},
        first={"name": "life-function", "role": "${one.arn}", "runtime": "python3.12", "handler": "main.handler", "description": "first", "code": zip_file("one"),
               "memory_size": 128, "timeout": 5, "environment": {"AA": "1"}, "ephemeral_storage": 512, "tracing": "PassThrough", "architectures": ["x86_64"],
               "layers": ["${layer_one.arn}"], "reserved_concurrency": 2, "tags": {"team": "a"}},
        then={"name": "life-function", "role": "${two.arn}", "runtime": "python3.13", "handler": "main.other", "description": "then", "code": zip_file("two"),
              "memory_size": 256, "timeout": 9, "environment": {"AA": "2", "BB": "ü"}, "ephemeral_storage": 1024, "tracing": "Active", "architectures": ["arm64"],
              "layers": ["${layer_two.arn}"], "reserved_concurrency": 5, "tags": {"team": "b"}},
        less={"name": "life-function", "role": "${two.arn}", "runtime": "python3.13", "handler": "main.other", "code": zip_file("two")},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"] and not cloud.client("lambda").list_layers()["Layers"],
        outside=lambda cloud: cloud.client("lambda").update_function_configuration(FunctionName="life-function", MemorySize=512),
        drifted="memory_size",
        replaces=[{"name": "life-other"}],
    )


@case("layer version")
def _():
    def seen(cloud):
        (layer,) = cloud.client("lambda").list_layers()["Layers"]
        return {"description": layer["LatestMatchingVersion"].get("Description")}

    return Case(
        type="aws.lambda.layer_version",
        prepare=code,
        first={"name": "life-layer", "description": "first", "content": zip_file("one"), "compatible_runtimes": ["python3.13"], "license": "MIT"},
        then=None,
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_layers()["Layers"],
        outside=None,
        imports=False,
        replaces=[{"content": zip_file("two")}, {"description": "then"}, {"compatible_runtimes": ["python3.12"]}, {"name": "life-other"}],
    )


@case("function alias")
def _():
    def seen(cloud):
        (found,) = cloud.client("lambda").list_aliases(FunctionName="life-function")["Aliases"]
        return {key: found.get(key) for key in ("Description", "FunctionVersion")}

    return Case(
        type="aws.lambda.alias",
        prepare=code,
        around={"one": role("one"), "run": FUNCTION},
        first={"function": "${run.name}", "name": "live", "function_version": "$LATEST", "description": "first"},
        then={"function": "${run.name}", "name": "live", "function_version": "$LATEST", "description": "then"},
        less={"function": "${run.name}", "name": "live", "function_version": "$LATEST"},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=lambda cloud: cloud.client("lambda").update_alias(FunctionName="life-function", Name="live", Description="others"),
        drifted="description",
        replaces=[{"name": "other"}],
        unchanged={"FunctionVersion"},
    )


@case("permission")
def _():
    def seen(cloud):
        found = json.loads(cloud.client("lambda").get_policy(FunctionName="life-function")["Policy"])
        return {"policy": found["Statement"]}

    return Case(
        type="aws.lambda.permission",
        prepare=code,
        around={"one": role("one"), "run": FUNCTION, "beside": {"type": "aws.lambda.permission", "function": "${run.name}", "statement_id": "beside", "principal": "s3.amazonaws.com"}},
        first={"function": "${run.name}", "statement_id": "nightly", "principal": "events.amazonaws.com", "source_arn": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/nightly"},
        then=None,
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_functions()["Functions"],
        outside=None,
        replaces=[{"statement_id": "other"}, {"principal": "sns.amazonaws.com"}, {"action": "lambda:GetFunction"}],
    )


@case("event source")
def _():
    def seen(cloud):
        look = cloud.client("lambda")
        (found,) = look.list_event_source_mappings()["EventSourceMappings"]
        tags = look.list_tags(Resource=found["EventSourceMappingArn"])["Tags"]
        return {"tags": tags} | {key: found.get(key) for key in ("BatchSize", "FilterCriteria", "FunctionResponseTypes", "ScalingConfig", "State")}

    def outside(cloud):
        look = cloud.client("lambda")
        (found,) = look.list_event_source_mappings()["EventSourceMappings"]
        look.update_event_source_mapping(UUID=found["UUID"], BatchSize=9)

    def queue(name):
        return {"type": "aws.sqs.queue", "name": f"life-{name}"}

    return Case(
        type="aws.lambda.event_source_mapping",
        prepare=code,
        around={"one": role("one"), "run": FUNCTION, "here": queue("here"), "there": queue("there")},
        first={"function": "${run.name}", "event_source": "${here.arn}", "batch_size": 5, "filters": [{"pattern": {"body": {"kind": ["new"]}}}],
               "function_response_types": ["ReportBatchItemFailures"], "maximum_concurrency": 2, "enabled": True, "tags": {"team": "a"}},
        then={"function": "${run.name}", "event_source": "${here.arn}", "batch_size": 7, "filters": [{"pattern": {"body": {"kind": ["old"]}}}],
              "function_response_types": [], "maximum_concurrency": 3, "enabled": False, "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"],
        outside=outside,
        drifted="batch_size",
        replaces=[{"event_source": "${there.arn}"}],
        unchanged={"MaximumBatchingWindowInSeconds"},
    )


@case("state machine")
def _():
    def arn(name):
        return f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:{name}"

    def seen(cloud):
        states = cloud.client("stepfunctions")
        (machine,) = states.list_state_machines()["stateMachines"]
        found = states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
        return {"definition": json.loads(found["definition"]), "role": found["roleArn"], "logging": found.get("loggingConfiguration"), "tracing": found.get("tracingConfiguration"),
                "tags": tags_of(states.list_tags_for_resource(resourceArn=found["stateMachineArn"])["tags"], "key", "value")}

    def definition(comment):
        return {"Comment": comment, "StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}

    def logging(level):
        return {"level": level, "include_execution_data": True, "log_groups": [{"arn": f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/x:*"}]}

    return Case(
        type="aws.stepfunctions.state_machine",
        around={"one": role("one", "states.amazonaws.com"), "two": role("two", "states.amazonaws.com")},
        first={"name": "life-machine", "role": "${one.arn}", "definition": definition("first"), "logging": logging("ALL"), "tracing": True, "tags": {"team": "a"}},
        then={"name": "life-machine", "role": "${two.arn}", "definition": definition("then"), "logging": logging("ERROR"), "tracing": False, "publish": True, "tags": {"team": "b"}},
        less={"name": "life-machine", "role": "${two.arn}", "definition": definition("then"), "logging": logging("ERROR")},
        seen=seen,
        gone=lambda cloud: not cloud.client("stepfunctions").list_state_machines()["stateMachines"],
        outside=lambda cloud: cloud.client("stepfunctions").update_state_machine(stateMachineArn=arn("life-machine"), definition=json.dumps(definition("others"))),
        drifted="definition",
        replaces=[{"name": "life-other"}],
    )


@case("machine_alias")
def _():
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:life-machine"

    def seen(cloud):
        (alias,) = cloud.client("stepfunctions").list_state_machine_aliases(stateMachineArn=machine)["stateMachineAliases"]
        found = cloud.client("stepfunctions").describe_state_machine_alias(stateMachineAliasArn=alias["stateMachineAliasArn"])
        return {key: found.get(key) for key in ("description", "routingConfiguration")}

    run = {"type": "aws.stepfunctions.state_machine", "name": "life-machine", "role": "${one.arn}", "publish": True, "definition": {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}}
    alias = {"state_machine": "${run.name}", "name": "live", "routing": [{"version": "${run.published_version}", "weight": 100}]}
    return Case(
        type="aws.stepfunctions.alias",
        around={"one": role("one", "states.amazonaws.com"), "run": run},
        first={**alias, "description": "first"},
        then={**alias, "description": "then"},
        less=alias,
        seen=seen,
        gone=lambda cloud: not cloud.client("stepfunctions").list_state_machines()["stateMachines"],
        outside=lambda cloud: cloud.client("stepfunctions").update_state_machine_alias(stateMachineAliasArn=machine + ":live", description="others"),
        drifted="description",
        replaces=[{"name": "other"}],
        unchanged={"routingConfiguration"},
    )


@case("activity")
def _():
    def seen(cloud):
        states = cloud.client("stepfunctions")
        (found,) = states.list_activities()["activities"]
        return {"tags": tags_of(states.list_tags_for_resource(resourceArn=found["activityArn"])["tags"], "key", "value")}

    arn = f"arn:aws:states:us-east-1:{ACCOUNT}:activity:life-activity"
    return Case(
        type="aws.stepfunctions.activity",
        first={"name": "life-activity", "tags": {"team": "a"}},
        then={"name": "life-activity", "tags": {"team": "b"}},
        less={"name": "life-activity"},
        seen=seen,
        gone=lambda cloud: not cloud.client("stepfunctions").list_activities()["activities"],
        outside=lambda cloud: cloud.client("stepfunctions").tag_resource(resourceArn=arn, tags=[{"key": "team", "value": "others"}]),
        drifted="tags",
        replaces=[{"name": "life-other"}],
    )


@case("workgroup")
def _():
    def seen(cloud):
        athena = cloud.client("athena")
        found = athena.get_work_group(WorkGroup="life-group")["WorkGroup"]
        return {"state": found["State"], "description": found.get("Description"), "configuration": found["Configuration"],
                "tags": tags_of(athena.list_tags_for_resource(ResourceARN=f"arn:aws:athena:us-east-1:{ACCOUNT}:workgroup/life-group")["Tags"])}

    return Case(
        type="aws.athena.workgroup",
        first={"name": "life-group", "description": "first", "state": "DISABLED", "output_location": "s3://life-lake/one/", "enforce_configuration": True, "publish_metrics": False,
               "bytes_scanned_cutoff": 10_000_000, "requester_pays": False, "tags": {"team": "a"}},
        then={"name": "life-group", "description": "then", "state": "ENABLED", "output_location": "s3://life-lake/two/", "enforce_configuration": False, "publish_metrics": True,
              "bytes_scanned_cutoff": 20_000_000, "requester_pays": True, "tags": {"team": "b"}},
        less={"name": "life-group"},
        seen=seen,
        gone=lambda cloud: [group["Name"] for group in cloud.client("athena").list_work_groups()["WorkGroups"]] == ["primary"],
        outside=lambda cloud: cloud.client("athena").update_work_group(WorkGroup="life-group", Description="others"),
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("named query")
def _():
    def seen(cloud):
        athena = cloud.client("athena")
        (number,) = athena.list_named_queries()["NamedQueryIds"]
        found = athena.get_named_query(NamedQueryId=number)["NamedQuery"]
        return {key: found.get(key) for key in ("Name", "Description", "QueryString")}

    def outside(cloud):
        athena = cloud.client("athena")
        (number,) = athena.list_named_queries()["NamedQueryIds"]
        athena.update_named_query(NamedQueryId=number, Name="first", QueryString="select 9")

    return Case(
        type="aws.athena.named_query",
        first={"name": "first", "description": "first", "database": "films", "query": "select 1"},
        then={"name": "then", "description": "then", "database": "films", "query": "select 2"},
        less={"name": "then", "database": "films", "query": "select 2"},
        seen=seen,
        gone=lambda cloud: not cloud.client("athena").list_named_queries().get("NamedQueryIds"),
        outside=outside,
        drifted="query",
        replaces=[{"database": "songs"}],
    )


@case("prepared statement")
def _():
    def seen(cloud):
        found = cloud.client("athena").get_prepared_statement(StatementName="first", WorkGroup="primary")["PreparedStatement"]
        return {"query": found["QueryStatement"], "description": found.get("Description")}

    return Case(
        type="aws.athena.prepared_statement",
        around={"other": {"type": "aws.athena.workgroup", "name": "life-other"}},
        first={"name": "first", "description": "first", "query": "select ?"},
        then={"name": "first", "description": "then", "query": "select ?, ?"},
        less={"name": "first", "query": "select ?, ?"},
        seen=seen,
        gone=lambda cloud: not cloud.client("athena").list_prepared_statements(WorkGroup="primary").get("PreparedStatements"),
        outside=lambda cloud: cloud.client("athena").update_prepared_statement(StatementName="first", WorkGroup="primary", QueryStatement="select 9"),
        drifted="query",
        replaces=[{"name": "other"}, {"workgroup": "${other.name}"}],
    )


@case("statement")
def _():
    def seen(cloud):
        athena = cloud.client("athena")
        runs = [athena.get_query_execution(QueryExecutionId=number)["QueryExecution"] for number in athena.list_query_executions()["QueryExecutionIds"]]
        return {"view": [run["Query"] for run in runs if run["Query"].startswith("create")][-1]}

    def undone(cloud):
        athena = cloud.client("athena")
        runs = [athena.get_query_execution(QueryExecutionId=number)["QueryExecution"]["Query"] for number in athena.list_query_executions()["QueryExecutionIds"]]
        return sum(run.startswith("create") for run in runs) == sum(run == "drop view top" for run in runs) > 0

    return Case(
        type="aws.athena.statement",
        around={"other": {"type": "aws.athena.workgroup", "name": "life-other"}},
        first={"sql": "create view top as select 1", "undo": "drop view top", "database": "films", "output_location": "s3://life-lake/results/"},
        then=None,
        seen=seen,
        gone=undone,
        outside=None,
        imports=False,
        replaces=[{"sql": "create view top as select 2"}, {"database": "songs"}, {"workgroup": "${other.name}"}],
    )


DATABASE = {"type": "aws.glue.database", "name": "life_db"}


@case("catalog table")
def _():
    def seen(cloud):
        (table,) = cloud.client("glue").get_tables(DatabaseName="life_db")["TableList"]
        return {key: table.get(key) for key in ("Description", "Parameters", "PartitionKeys", "StorageDescriptor")}

    def storage(place, kind):
        return {"location": f"s3://life-lake/{place}/", "columns": [{"name": "title", "type": "string"}, {"name": "votes", "type": kind, "comment": "how many"}],
                "input_format": "org.apache.hadoop.mapred.TextInputFormat", "output_format": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                "serde": {"serialization_library": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe", "parameters": {"field.delim": ","}}}

    def outside(cloud):
        cloud.client("glue").update_table(DatabaseName="life_db", TableInput={"Name": "life_table", "Description": "others"})

    return Case(
        type="aws.glue.table",
        around={"db": DATABASE, "other": {"type": "aws.glue.database", "name": "life_other_db"}},
        first={"database": "${db.name}", "name": "life_table", "description": "first", "table_type": "EXTERNAL_TABLE", "parameters": {"classification": "csv"},
               "partition_keys": [{"name": "year", "type": "int"}], "storage": storage("one", "int")},
        then={"database": "${db.name}", "name": "life_table", "description": "then", "table_type": "EXTERNAL_TABLE", "parameters": {"classification": "json", "x": "y"},
              "partition_keys": [{"name": "year", "type": "string"}], "storage": storage("two", "bigint")},
        less={"database": "${db.name}", "name": "life_table", "table_type": "EXTERNAL_TABLE", "storage": storage("two", "bigint")},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_databases()["DatabaseList"],
        outside=outside,
        drifted="description",
        replaces=[{"name": "life_other"}, {"database": "${other.name}"}],
    )


@case("crawler")
def _():
    def seen(cloud):
        glue = cloud.client("glue")
        (found,) = glue.get_crawlers()["Crawlers"]
        keys = ("Role", "DatabaseName", "Description", "Targets", "Schedule", "Classifiers", "TablePrefix", "SchemaChangePolicy", "Configuration")
        return {**{key: found.get(key) for key in keys}, "tags": glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:crawler/{found['Name']}")["Tags"]}

    def schema(behavior):
        return {"update_behavior": behavior, "delete_behavior": "LOG"}

    return Case(
        type="aws.glue.crawler",
        first={"name": "life-crawler", "role": "role-a", "database": "a", "description": "first", "s3_targets": [{"path": "s3://life-lake/one/", "exclusions": ["*.tmp"]}],
               "schedule": "cron(0 2 * * ? *)", "classifiers": ["a"], "table_prefix": "a_", "configuration": {"Version": 1.0}, "schema_change_policy": schema("LOG"), "tags": {"team": "a"}},
        then={"name": "life-crawler", "role": "role-b", "database": "b", "description": "then", "s3_targets": [{"path": "s3://life-lake/two/"}, {"path": "s3://life-lake/three/"}],
              "schedule": "cron(0 3 * * ? *)", "classifiers": ["b"], "table_prefix": "b_", "configuration": {"Version": 1.0, "CreatePartitionIndex": True},
              "schema_change_policy": schema("UPDATE_IN_DATABASE"), "tags": {"team": "b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_crawlers()["Crawlers"],
        outside=lambda cloud: cloud.client("glue").update_crawler(Name="life-crawler", Description="others"),
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("trigger")
def _():
    def seen(cloud):
        glue = cloud.client("glue")
        (found,) = glue.get_triggers()["Triggers"]
        return {**{key: found.get(key) for key in ("Description", "Schedule", "Actions")}, "waits": found["State"] == "ACTIVATED",
                "tags": glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:trigger/{found['Name']}")["Tags"]}

    def outside(cloud):
        cloud.client("glue").update_trigger(Name="life-trigger", TriggerUpdate={"Schedule": "cron(0 9 * * ? *)", "Description": "first", "Actions": [{"JobName": "a"}]})

    return Case(
        type="aws.glue.trigger",
        first={"name": "life-trigger", "trigger_type": "SCHEDULED", "schedule": "cron(0 2 * * ? *)", "description": "first", "actions": [{"job_name": "a", "arguments": {"--x": "1"}}],
               "tags": {"team": "a"}},
        then={"name": "life-trigger", "trigger_type": "SCHEDULED", "schedule": "cron(0 3 * * ? *)", "description": "then", "actions": [{"job_name": "b"}, {"crawler_name": "c"}],
              "enabled": False, "tags": {"team": "b"}},
        less={"name": "life-trigger", "trigger_type": "SCHEDULED", "schedule": "cron(0 3 * * ? *)", "actions": [{"job_name": "b"}]},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_triggers()["Triggers"],
        outside=outside,
        drifted="schedule",
        replaces=[{"name": "life-other"}],
    )


@case("conditional trigger")
def _():
    def seen(cloud):
        (found,) = cloud.client("glue").get_triggers()["Triggers"]
        return {"predicate": found["Predicate"]}

    def predicate(*jobs):
        return {"logical": "AND", "conditions": [{"job_name": job, "state": "SUCCEEDED"} for job in jobs]}

    return Case(
        type="aws.glue.trigger",
        around={"flow": {"type": "aws.glue.workflow", "name": "life-flow"}},
        first={"name": "life-trigger", "trigger_type": "CONDITIONAL", "workflow": "${flow.name}", "predicate": predicate("a"), "actions": [{"job_name": "c"}]},
        then={"name": "life-trigger", "trigger_type": "CONDITIONAL", "workflow": "${flow.name}", "predicate": predicate("a", "b"), "actions": [{"job_name": "c"}]},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_triggers()["Triggers"] and not cloud.client("glue").list_workflows()["Workflows"],
        outside=lambda cloud: cloud.client("glue").update_trigger(
            Name="life-trigger", TriggerUpdate={"Actions": [{"JobName": "theirs"}], "Predicate": {"Logical": "AND", "Conditions": [
                {"LogicalOperator": "EQUALS", "JobName": "a", "State": "SUCCEEDED"}]}}),
        drifted="actions",
        replaces=[{"trigger_type": "ON_DEMAND"}],
    )


@case("connection")
def _():
    def seen(cloud):
        glue = cloud.client("glue")
        (found,) = glue.get_connections()["ConnectionList"]
        return {**{key: found.get(key) for key in ("Description", "ConnectionProperties", "PhysicalConnectionRequirements")},
                "tags": glue.get_tags(ResourceArn=f"arn:aws:glue:us-east-1:{ACCOUNT}:connection/{found['Name']}")["Tags"]}

    def network(name):
        return {"subnet_id": f"subnet-{name}", "security_group_ids": [f"sg-{name}"], "availability_zone": "us-east-1a"}

    def outside(cloud):
        cloud.client("glue").update_connection(Name="life-connection", ConnectionInput={
            "Name": "life-connection", "ConnectionType": "JDBC", "Description": "others", "ConnectionProperties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://x:5432/a"}})

    return Case(
        type="aws.glue.connection",
        first={"name": "life-connection", "connection_type": "JDBC", "description": "first", "properties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://x:5432/a"}, "network": network("a"),
               "tags": {"team": "a"}},
        then={"name": "life-connection", "connection_type": "JDBC", "description": "then", "properties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://y:5432/b", "SECRET_ID": "s"},
              "network": network("b"), "tags": {"team": "b"}},
        less={"name": "life-connection", "connection_type": "JDBC", "properties": {"JDBC_CONNECTION_URL": "jdbc:postgresql://y:5432/b"}},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").get_connections()["ConnectionList"],
        outside=outside,
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("workflow")
def _():
    def seen(cloud):
        glue = cloud.client("glue")
        (name,) = glue.list_workflows()["Workflows"]
        found = glue.get_workflow(Name=name)["Workflow"]
        return {key: found.get(key) for key in ("Description", "DefaultRunProperties", "MaxConcurrentRuns")}

    return Case(
        type="aws.glue.workflow",
        first={"name": "life-flow", "description": "first", "default_run_properties": {"a": "1"}, "max_concurrent_runs": 1},
        then={"name": "life-flow", "description": "then", "default_run_properties": {"a": "2", "b": "3"}, "max_concurrent_runs": 4},
        seen=seen,
        gone=lambda cloud: not cloud.client("glue").list_workflows()["Workflows"],
        outside=lambda cloud: cloud.client("glue").update_workflow(Name="life-flow", Description="others"),
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("instance profile")
def _():
    def seen(cloud):
        (found,) = cloud.client("iam").list_instance_profiles()["InstanceProfiles"]
        found = cloud.client("iam").get_instance_profile(InstanceProfileName=found["InstanceProfileName"])["InstanceProfile"]
        return {"roles": [role["RoleName"] for role in found["Roles"]], "tags": tags_of(found["Tags"])}

    return Case(
        type="aws.iam.instance_profile",
        around={"one": role("one"), "two": role("two")},
        first={"name": "life-profile", "roles": ["${one.name}"], "tags": {"team": "a"}},
        then={"name": "life-profile", "roles": ["${two.name}"], "tags": {"team": "b"}},
        less={"name": "life-profile"},
        seen=seen,
        gone=lambda cloud: not cloud.client("iam").list_instance_profiles()["InstanceProfiles"] and not cloud.client("iam").list_roles()["Roles"],
        outside=lambda cloud: cloud.client("iam").remove_role_from_instance_profile(InstanceProfileName="life-profile", RoleName="life-one"),
        drifted="roles",
        replaces=[{"name": "life-other"}, {"path": "/deep/"}],
    )


@case("event bus")
def _():
    def seen(cloud):
        events = cloud.client("events")
        found = events.describe_event_bus(Name="life-bus")
        return {**{key: found.get(key) for key in ("Description", "DeadLetterConfig")}, "policy": json.loads(found["Policy"])["Statement"][0]["Sid"], "tags": tags_of(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"])}

    def queue(name):
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def policy(sid):
        statement = {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "events:PutEvents", "Resource": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/life-bus"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    return Case(
        type="aws.events.event_bus",
        first={"name": "life-bus", "description": "first", "dead_letter_queue": queue("a"), "policy": policy("first"), "tags": {"team": "a"}},
        then={"name": "life-bus", "description": "then", "dead_letter_queue": queue("b"), "policy": policy("then"), "tags": {"team": "b"}},
        less={"name": "life-bus"},
        seen=seen,
        gone=lambda cloud: [bus["Name"] for bus in cloud.client("events").list_event_buses()["EventBuses"]] == ["default"],
        outside=lambda cloud: cloud.client("events").update_event_bus(Name="life-bus", Description="others"),
        drifted="description",
        replaces=[{"name": "life-other"}],
    )


@case("rule on a bus of its own")
def _():
    bus = {"bus": {"type": "aws.events.event_bus", "name": "life-bus"}, "other": {"type": "aws.events.event_bus", "name": "life-other-bus"}}

    def seen(cloud):
        events = cloud.client("events")
        found = events.describe_rule(Name="life-bus-rule", EventBusName="life-bus")
        assert found["Arn"] == f"arn:aws:events:us-east-1:{ACCOUNT}:rule/life-bus/life-bus-rule"
        targets = events.list_targets_by_rule(Rule="life-bus-rule", EventBusName="life-bus")["Targets"]
        return {"pattern": json.loads(found["EventPattern"]), **{key: found.get(key) for key in ("Description", "State")}, "targets": {t["Id"]: t for t in targets},
                "tags": tags_of(events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"])}

    def queue(name):
        return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    common = {"name": "life-bus-rule", "event_bus": "${bus.name}"}
    return Case(
        type="aws.events.rule",
        around=bus,
        first={**common, "event_pattern": {"source": ["shop"]}, "description": "first", "targets": {"a": {"arn": queue("a")}, "drop": {"arn": queue("d")}}, "tags": {"team": "a"}},
        then={**common, "event_pattern": {"source": ["shop", "till"]}, "description": "then", "state": "DISABLED", "targets": {"a": {"arn": queue("a"), "input": {"k": 1}}, "new": {"arn": queue("n")},
              "stream": {"arn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:stream/s", "role": f"arn:aws:iam::{ACCOUNT}:role/r", "kinesis_partition_key_path": "$.detail.id"}},
              "tags": {"team": "b"}},
        less={**common, "event_pattern": {"source": ["shop"]}},
        seen=seen,
        gone=lambda cloud: [bus["Name"] for bus in cloud.client("events").list_event_buses()["EventBuses"]] == ["default"],
        outside=lambda cloud: cloud.client("events").put_rule(Name="life-bus-rule", EventBusName="life-bus", EventPattern='{"source": ["others"]}', Description="first"),
        drifted="event_pattern",
        replaces=[{"name": "life-other"}, {"event_bus": "${other.name}"}],
    )


@case("schedule group")
def _():
    def seen(cloud):
        scheduler = cloud.client("scheduler")
        return {"tags": tags_of(scheduler.list_tags_for_resource(ResourceArn=f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/life-group")["Tags"])}

    def outside(cloud):
        cloud.client("scheduler").tag_resource(ResourceArn=f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule-group/life-group", Tags=[{"Key": "team", "Value": "theirs"}])

    return Case(
        type="aws.scheduler.schedule_group",
        first={"name": "life-group", "tags": {"team": "a"}},
        then={"name": "life-group", "tags": {"team": "b", "x": "y"}},
        less={"name": "life-group"},
        seen=seen,
        gone=lambda cloud: [group["Name"] for group in cloud.client("scheduler").list_schedule_groups()["ScheduleGroups"]] == ["default"],
        outside=outside,
        drifted="tags",
        replaces=[{"name": "life-other"}],
    )


# Each has a sibling here that lives through the same, and its own cycle in sandbox/test_every_type.py.
LONG_FORM = {f"test_life_cycle[{name}]" for name in (
    "function alias", "machine_alias", "activity", "prepared statement", "conditional trigger", "schedule group", "rule on a bus of its own", "permission")}


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])


def test_what_others_keep_in_a_table(stack, cloud):
    """Iceberg and crawlers keep their own parameters in a table; without its metadata_location an Iceberg table would be lost."""
    glue = cloud.client("glue")

    def table(**more):
        stack.write(json.dumps({"stack": "life", "resources": {"db": DATABASE, "it": {"type": "aws.glue.table", "database": "${db.name}", "name": "orders", **more}}}))

    def parameters():
        return glue.get_table(DatabaseName="life_db", Name="orders")["Table"]["Parameters"]

    theirs = {"metadata_location": "s3://lake/orders/metadata/2.json", "classification": "parquet"}
    table(parameters={"owner": "a", "classification": "parquet"})
    stack.apply()
    glue.update_table(DatabaseName="life_db", TableInput={"Name": "orders", "Parameters": {"owner": "a", **theirs}})
    stack.assert_settled()
    stack.run("drift", status=0)
    # the update replaces the whole table
    table(parameters={"owner": "b", "classification": "parquet"}, description="orders")
    stack.apply()
    stack.assert_settled()
    assert parameters() == {"owner": "b", **theirs}
    # what was ours goes when it is taken out, the rest stays
    table(parameters={"classification": "parquet"}, description="orders")
    stack.apply()
    assert parameters() == theirs
    table(description="orders")
    stack.apply()
    stack.assert_settled()
    assert parameters() == {"metadata_location": theirs["metadata_location"]}
    # taken in by hand, only what the file names becomes ours
    glue.update_table(DatabaseName="life_db", TableInput={"Name": "orders", "Description": "orders", "Parameters": theirs})
    table(parameters={"classification": "parquet"}, description="orders")
    stack.run("state", "rm", "it")
    stack.run("state", "import", "it", "life_db/orders")
    stack.assert_settled()
    table(parameters={"classification": "csv"}, description="orders")
    stack.apply()
    assert parameters() == {**theirs, "classification": "csv"}
    stack.destroy("--delete-adopted")


def test_columns_of_an_iceberg_table_are_icebergs(stack, cloud):
    """Who writes to it changes them and says so in the catalog; a plan that wants the first ones back would take a column from its readers."""
    glue = cloud.client("glue")
    first, more = [{"name": "id", "type": "int"}], [{"name": "id", "type": "int"}, {"name": "mood", "type": "string"}]

    def table(columns, **extra):
        storage = {"location": "s3://lake/orders", "columns": columns}
        it = {"type": "aws.glue.table", "database": "${db.name}", "name": "orders", "table_type": "EXTERNAL_TABLE", "iceberg": {"version": "2"}, "storage": storage, **extra}
        stack.write(json.dumps({"stack": "life", "resources": {"db": DATABASE, "it": it}}))

    def live():
        found = glue.get_table(DatabaseName="life_db", Name="orders")["Table"]
        return {key: found.get(key) for key in ("Description", "StorageDescriptor", "PartitionKeys", "Parameters")}

    def commit(number, columns):
        """As Iceberg's own catalog does it."""
        own = {"table_type": "ICEBERG", "metadata_location": f"s3://lake/orders/metadata/{number}.json"}
        storage = {"Location": "s3://lake/orders", "Columns": [{"Name": c["name"], "Type": c["type"], "Parameters": {"iceberg.field.current": "true"}} for c in columns]}
        glue.update_table(DatabaseName="life_db", TableInput={"Name": "orders", "TableType": "EXTERNAL_TABLE", "Parameters": own, "StorageDescriptor": storage})

    cloud.client("s3").create_bucket(Bucket="lake")
    table(first, partition_keys=[{"name": "day", "type": "date"}])
    stack.apply()
    commit(1, more)
    there = live()
    stack.assert_settled()
    stack.run("drift", status=0)
    # A column more in the file is Iceberg's to add; an update of something else leaves what is there.
    table([*more, {"name": "late", "type": "int"}], partition_keys=[{"name": "day", "type": "date"}])
    stack.assert_settled()
    table(first, description="orders")
    assert stack.plan() == {"it": "update"}
    stack.apply()
    stack.assert_settled()
    assert live() == {**there, "Description": "orders"}
    # Neither does one that a stack has not made so.
    stack.run("state", "rm", "it")
    stack.run("state", "import", "it", "life_db/orders")
    stack.assert_settled()
    stack.destroy("--delete-adopted")


def test_what_is_ignored_is_not_sent(stack, cloud):
    """An update that replaces all of it sends what is there, not what the file says of it."""
    glue = cloud.client("glue")

    def table(description, kind):
        storage = {"location": "s3://lake/films", "columns": [{"name": "id", "type": kind}]}
        it = {"type": "aws.glue.table", "database": "${db.name}", "name": "films", "description": description, "storage": storage, "lifecycle": {"ignore_changes": ["storage"]}}
        stack.write(json.dumps({"stack": "life", "resources": {"db": DATABASE, "it": it}}))

    table("first", "int")
    stack.apply()
    table("then", "bigint")
    stack.apply()
    stack.assert_settled()
    found = glue.get_table(DatabaseName="life_db", Name="films")["Table"]
    assert found["Description"] == "then" and [column["Type"] for column in found["StorageDescriptor"]["Columns"]] == ["int"]


def test_a_layer_is_taken_over_by_its_arn(tmp_path, fast_sandbox):
    """Whoever knows no more than the ARN asks by that; moto does not answer it."""
    stack, s3 = Stack(tmp_path / "stack", fast_sandbox), fast_sandbox.client("s3")
    s3.create_bucket(Bucket="layer-code")
    s3.put_object(Bucket="layer-code", Key="layer.zip", Body=bytes.fromhex("504b0506" + "00" * 18))
    made = fast_sandbox.client("lambda").publish_layer_version(LayerName="deps", Content={"S3Bucket": "layer-code", "S3Key": "layer.zip"}, CompatibleRuntimes=["python3.13"])
    stack.write(f"""
        stack: layers
        resources:
          deps: {{type: aws.lambda.layer_version, name: deps, content: {{s3_bucket: layer-code, s3_key: layer.zip}}, compatible_runtimes: [python3.13]}}
        imports: [{{address: deps, id: "{made["LayerVersionArn"]}"}}]
        """)
    assert stack.plan() == {"deps": "adopt"}
    stack.apply()
    stack.assert_settled()
    assert len(fast_sandbox.client("lambda").list_layer_versions(LayerName="deps")["LayerVersions"]) == 1
