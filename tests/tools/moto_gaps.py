"""What moto 5.2 lacks or does wrong and the tests need, as the services do it: import it before moto serves."""

import collections
import json
import threading

from moto.apigateway.models import APIGatewayBackend
from moto.athena.responses import AthenaResponse
from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.awslambda.policy import Policy
from moto.awslambda.responses import LambdaResponse
from moto.awslambda.urls import url_paths as lambda_paths
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.responses import EC2Response
from moto.ecs.models import EC2ContainerServiceBackend
from moto.emr.responses import ElasticMapReduceResponse
from moto.events.responses import EventsHandler
from moto.glue.exceptions import EntityNotFoundException
from moto.glue.models import Action, FakeConnection, GlueBackend, Predicate
from moto.glue.responses import GlueResponse
from moto.lakeformation.models import PermissionCatalog
from moto.rds.models import RDSBackend
from moto.stepfunctions.responses import StepFunctionResponse


ONE_AT_A_TIME = threading.Lock()  # looking and doing what was looked for


def answers(response, name):
    """The function becomes the handler of an operation; what it returns is the JSON answer."""

    def add(handle):
        setattr(response, name, lambda self: json.dumps(handle(self, json.loads(self.body)) or {}))

    return add


def once_for_a_token(response, name, member, backend):
    """AWS knows a repeated request by its token and answers it as it did the first."""
    make = getattr(response, name)

    def answer(self):
        token, answers = self._get_param(member), backend(self).__dict__.setdefault("answers_by_token", {})
        if not token:
            return make(self)
        with ONE_AT_A_TIME:
            if (name, token) not in answers:
                answers[name, token] = make(self)
            return answers[name, token]

    setattr(response, name, answer)


# ---- Glue ----


def update_job(self: GlueResponse):
    """moto stores a job anew when CreateJob comes twice, which is all that UpdateJob has to do: what is not sent is reset."""
    name = self._get_param("JobName")
    old = self.glue_backend.get_job(name)
    tags, runs, created = self.glue_backend.get_tags(old.arn), old.job_runs, old.created_on
    self.body = json.dumps({**self._get_param("JobUpdate"), "Name": name, "Tags": tags})
    result = self.create_job()
    new = self.glue_backend.get_job(name)
    new.job_runs, new.created_on = runs, created
    return result


GlueResponse.update_job = update_job


@answers(GlueResponse, "update_crawler")
def _(self, sent):
    crawler = self.glue_backend.get_crawler(sent["Name"])
    members = {"Role": "role", "DatabaseName": "database_name", "Description": "description", "Targets": "targets", "Schedule": "schedule", "Classifiers": "classifiers",
               "TablePrefix": "table_prefix", "SchemaChangePolicy": "schema_change_policy", "Configuration": "configuration",
               "CrawlerSecurityConfiguration": "crawler_security_configuration"}
    for member, attribute in members.items():
        if member in sent:
            setattr(crawler, attribute, sent[member])


@answers(GlueResponse, "update_trigger")
def _(self, sent):
    trigger, update = self.glue_backend.get_trigger(sent["Name"]), sent["TriggerUpdate"]
    trigger.description = update.get("Description")
    trigger.schedule = update.get("Schedule")
    trigger.predicate = Predicate(update["Predicate"]) if "Predicate" in update else None
    trigger.actions = [Action(action) for action in update.get("Actions", [])]
    return {"Trigger": trigger.as_dict()}


@answers(GlueResponse, "update_connection")
def _(self, sent):
    connection, new = self.glue_backend.get_connection(None, sent["Name"], None, None), sent["ConnectionInput"]
    connection.connection_input = new
    connection.description = new.get("Description")
    connection.connection_properties = new.get("ConnectionProperties", {})


@answers(GlueResponse, "delete_connection")
def _(self, sent):
    if not self.glue_backend.connections.pop(sent["ConnectionName"], None):
        raise EntityNotFoundException(f"Connection {sent['ConnectionName']} not found.")



connection_as_dict = FakeConnection.as_dict
FakeConnection.as_dict = lambda self: {
    **connection_as_dict(self), **{key: self.connection_input[key] for key in ("ConnectionType", "MatchCriteria") if key in self.connection_input}
}

create_workflow = GlueBackend.create_workflow


def create_workflow_with_its_tags(self: GlueBackend, name, properties, description, runs, tags):
    """moto takes the tags of a workflow and forgets them."""
    create_workflow(self, name, properties, description, runs, tags)
    self.tag_resource(f"arn:{self.partition}:glue:{self.region_name}:{self.account_id}:workflow/{name}", tags or {})
    return name


GlueBackend.create_workflow = create_workflow_with_its_tags

# ---- Athena ----


@answers(AthenaResponse, "batch_get_query_execution")
def _(self, sent):
    def one(name):
        execution = self.athena_backend.get_query_execution(name)
        return {"QueryExecutionId": name, "Query": execution.query, "Status": {"State": execution.status, "SubmissionDateTime": execution.start_time}}

    return {"QueryExecutions": [one(name) for name in sent["QueryExecutionIds"]]}


@answers(AthenaResponse, "update_work_group")
def _(self, sent):
    group = self.athena_backend.work_groups[sent["WorkGroup"]]
    group.description = sent.get("Description", group.description)
    group.state = sent.get("State", group.state)
    updates = dict(sent.get("ConfigurationUpdates", {}))
    results = updates.pop("ResultConfigurationUpdates", {})
    kept = group.configuration.setdefault("ResultConfiguration", {})
    for member, value in results.items():
        if member.startswith("Remove"):
            kept.pop(member.removeprefix("Remove"), None)
        else:
            kept[member] = value
    if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
        group.configuration.pop("BytesScannedCutoffPerQuery", None)
    group.configuration.update(updates)


found_work_group = AthenaResponse.get_work_group


def get_work_group(self: AthenaResponse):
    name = self._get_param("WorkGroup")
    if name not in self.athena_backend.work_groups:
        raise JsonRESTError("InvalidRequestException", f"WorkGroup {name} is not found.")
    return found_work_group(self)


AthenaResponse.get_work_group = get_work_group


def named_query(handle):
    def answer(self: AthenaResponse):
        sent = json.loads(self.body)
        if sent["NamedQueryId"] not in self.athena_backend.named_queries:
            raise JsonRESTError("InvalidRequestException", f"NamedQuery {sent['NamedQueryId']} was not found")
        return handle(self, sent)

    return answer


def update_named_query(self: AthenaResponse, sent):
    query = self.athena_backend.named_queries[sent["NamedQueryId"]]
    query.name, query.query_string, query.description = sent["Name"], sent["QueryString"], sent.get("Description", "")
    return "{}"


def delete_named_query(self: AthenaResponse, sent):
    del self.athena_backend.named_queries[sent["NamedQueryId"]]
    return "{}"


for name in ("create_named_query", "start_query_execution"):
    once_for_a_token(AthenaResponse, name, "ClientRequestToken", lambda self: self.athena_backend)
AthenaResponse.update_named_query = named_query(update_named_query)
AthenaResponse.delete_named_query = named_query(delete_named_query)
found_named_query = AthenaResponse.get_named_query
AthenaResponse.get_named_query = named_query(lambda self, sent: found_named_query(self))



def prepared_statement(handle):
    def answer(self: AthenaResponse):
        sent = json.loads(self.body)
        kept = self.athena_backend.prepared_statements.get(sent["StatementName"])
        if not kept or kept.workgroup != sent["WorkGroup"]:
            raise JsonRESTError("ResourceNotFoundException", f"PreparedStatement {sent['StatementName']} was not found in workGroup {sent['WorkGroup']}")
        return handle(self, sent, kept)

    return answer


def update_prepared_statement(self: AthenaResponse, sent, kept):
    kept.query_statement, kept.description = sent["QueryStatement"], sent.get("Description", "")
    return "{}"


def delete_prepared_statement(self: AthenaResponse, sent, kept):
    del self.athena_backend.prepared_statements[sent["StatementName"]]
    return "{}"


AthenaResponse.update_prepared_statement = prepared_statement(update_prepared_statement)
AthenaResponse.delete_prepared_statement = prepared_statement(delete_prepared_statement)
found_prepared_statement = AthenaResponse.get_prepared_statement
AthenaResponse.get_prepared_statement = prepared_statement(lambda self, sent, kept: found_prepared_statement(self))


@answers(AthenaResponse, "list_prepared_statements")
def _(self, sent):
    return {"PreparedStatements": [{"StatementName": one.statement_name} for one in self.athena_backend.prepared_statements.values() if one.workgroup == sent["WorkGroup"]]}


# ---- EventBridge ----


@answers(EventsHandler, "update_event_bus")
def _(self, sent):
    bus = self.events_backend.describe_event_bus(sent["Name"])
    bus.description = sent.get("Description")
    bus.kms_key_identifier = sent.get("KmsKeyIdentifier")
    bus.dead_letter_config = sent.get("DeadLetterConfig")


# ---- Lambda: moto's updates leave out what it got to know later ----

update_configuration, update_function_code = LambdaFunction.update_configuration, LambdaFunction.update_function_code


def update_all_of_the_configuration(self: LambdaFunction, updates):
    if "EphemeralStorage" in updates:
        self.ephemeral_storage = updates["EphemeralStorage"]["Size"]
    if "TracingConfig" in updates:
        self.tracing_config = updates["TracingConfig"]
    return update_configuration(self, updates)


def update_code_and_architectures(self: LambdaFunction, spec):
    self.architectures = spec.get("Architectures", ["x86_64"])
    return update_function_code(self, spec)


LambdaFunction.update_configuration = update_all_of_the_configuration
LambdaFunction.update_function_code = update_code_and_architectures


# ---- Lambda: whether a loop goes on, moto does not know ----


def recursion_config(self: LambdaResponse):
    function = self.backend.get_function(self.path.split("/")[-2])
    function.recursive_loop = json.loads(self.body or "{}").get("RecursiveLoop", getattr(function, "recursive_loop", "Terminate"))
    return 200, {}, json.dumps({"RecursiveLoop": function.recursive_loop})


LambdaResponse.get_function_recursion_config = LambdaResponse.put_function_recursion_config = recursion_config
lambda_paths[r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/recursion-config/?$"] = LambdaResponse.dispatch

# ---- Lambda: what there is one of, moto makes twice ----

add_statement, create_event_source_mapping = Policy.add_statement, LambdaBackend.create_event_source_mapping


class AlreadyExists(LambdaClientError):
    code = 409

    def __init__(self, message):
        super().__init__("ResourceConflictException", message)


def add_statement_once(self: Policy, raw, qualifier=None):
    name = json.loads(raw)["StatementId"]
    with ONE_AT_A_TIME:
        if any(statement.get("Sid") == name for statement in self.statements):
            raise AlreadyExists(f"The statement id ({name}) provided already exists. Please provide a new statement id, or remove the existing statement.")
        return add_statement(self, raw, qualifier)


def create_event_source_mapping_once(self: LambdaBackend, spec):
    source, function = spec.get("EventSourceArn"), self._lambdas.get_function_by_name_or_arn_with_qualifier(spec.get("FunctionName", ""))
    with ONE_AT_A_TIME:
        for one in self._event_source_mappings.values():
            if (one.event_source_arn, one.function_arn) == (source, function.function_arn):
                raise AlreadyExists(f'The event source arn ("{source}") and function ("{function.function_name}") provided mapping already exists. '
                                                f"Please update or delete the existing mapping with UUID {one.uuid}")
        return create_event_source_mapping(self, spec)


Policy.add_statement = add_statement_once
LambdaBackend.create_event_source_mapping = create_event_source_mapping_once

# ---- EC2, RDS ----

delete_nat_gateway, modify_db_subnet_group = NatGatewayBackend.delete_nat_gateway, RDSBackend.modify_db_subnet_group


def delete_nat_gateway_and_free_its_address(self, nat_gateway_id):
    gateway = delete_nat_gateway(self, nat_gateway_id)
    for address in gateway.nat_gateway_addresses:
        if address.get("publicIp"):
            self.disassociate_address(address=address["publicIp"])
    return gateway


def modify_db_subnet_group_and_keep_it(self, subnet_name, description, subnets):
    group = modify_db_subnet_group(self, subnet_name, description, subnets)
    self.subnet_groups[subnet_name] = group
    return group


for name in ("create_vpc_endpoint", "create_nat_gateway", "create_route_table", "run_instances"):
    once_for_a_token(EC2Response, name, "ClientToken", lambda self: self.ec2_backend)
NatGatewayBackend.delete_nat_gateway = delete_nat_gateway_and_free_its_address
RDSBackend.modify_db_subnet_group = modify_db_subnet_group_and_keep_it


# ---- Step Functions ----


@answers(StepFunctionResponse, "validate_state_machine_definition")
def _(self, given):
    json.loads(given["definition"])
    return {"result": "OK", "diagnostics": [], "truncated": False}


# ---- DynamoDB ----

set_stream, update_table = Table.set_stream_specification, DynamoHandler.update_table


def set_stream_or_forget_it(self: Table, streams):
    """After it was switched off moto goes on refusing to switch it on again."""
    set_stream(self, streams)
    if not self.stream_specification["StreamEnabled"]:
        self.latest_stream_label = None


def update_table_and_its_key(self: DynamoHandler):
    """moto takes a key only with a new table."""
    if sse := self.body.get("SSESpecification"):
        self.dynamodb_backend.get_table(self.body["TableName"]).sse_specification = sse if sse["Enabled"] else None
    return update_table(self)


Table.set_stream_specification = set_stream_or_forget_it
DynamoHandler.update_table = update_table_and_its_key


# ---- ECS ----


def create_cluster(self, cluster_name, tags=None, *rest, make=EC2ContainerServiceBackend.create_cluster, **more):
    """Of the cluster that Batch makes for a compute environment moto has no list of tags, and GetResources fails with all that there is."""
    return make(self, cluster_name, tags or [], *rest, **more)


EC2ContainerServiceBackend.create_cluster = create_cluster


# ---- RDS ----


def delete_db_cluster(self, cluster_identifier, *rest, delete=RDSBackend.delete_db_cluster, **more):
    """moto keeps its automated snapshots, and a cluster of that name fails within the same minute."""
    deleted = delete(self, cluster_identifier, *rest, **more)
    for name in [name for name in self.cluster_snapshots if name.startswith(f"rds:{cluster_identifier}-")]:
        del self.cluster_snapshots[name]
    return deleted


RDSBackend.delete_db_cluster = delete_db_cluster


# ---- Lake Formation ----


def add_permission(self, permission, add=PermissionCatalog.add_permission):
    """A grant that is repeated has another hash in moto's set, and cannot be revoked."""
    add(self, permission)
    self.permissions = set(self.permissions)


PermissionCatalog.add_permission = add_permission


# ---- API Gateway ----


def begin_gateway(self, *args, begin=APIGatewayBackend.__init__, **more):
    """moto fails with KeyError when it is asked for the paths of a domain name that has none."""
    begin(self, *args, **more)
    self.base_path_mappings = collections.defaultdict(dict)


APIGatewayBackend.__init__ = begin_gateway


# ---- EMR ----


def no_policy(self, sent):
    """moto has no such policies: clusters have none."""


answers(ElasticMapReduceResponse, "get_auto_termination_policy")(no_policy)
answers(ElasticMapReduceResponse, "get_managed_scaling_policy")(no_policy)
