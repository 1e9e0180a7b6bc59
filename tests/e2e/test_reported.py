"""What services report otherwise than a specification has it, as recorded answers of real accounts show."""

import io
import re
import zipfile

from support import Stack

# An answer of DescribeEndpoints has it so, whatever CreateEndpoint was given.
UPPER = {"match": "DescribeEndpoints", "times": 1000, "answer": [['"source"', '"SOURCE"'], ['"verify-full"', '"VERIFY-FULL"']]}
ENDPOINT = """stack: reported
inputs: {host: db, type: source}
resources:
  end: {type: aws.dms.endpoint, name: reported, endpoint_type: "${inputs.type}", engine_name: postgres, server_name: "${inputs.host}", ssl_mode: verify-full, port: 5432, username: u, password: p}
"""


def test_enumerations_in_other_case(stack, cloud):
    """A difference of case alone would delete and create the endpoint with every apply."""
    stack.write(ENDPOINT)
    stack.apply()
    cloud.fail(UPPER)
    stack.assert_settled()
    stack.assert_settled("-i", "type=SOURCE")
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "type=target") == {"end": "replace"}
    assert stack.plan("-i", "host=other") == {"end": "update"}


def test_enumerations_are_sent_as_the_service_spells_them(stack, cloud):
    stack.write(ENDPOINT)
    cloud.forget_requests()
    stack.apply("-i", "type=Source")
    assert [one["EndpointType"] for one in cloud.sent("CreateEndpoint")] == ["source"]


FUNCTION = """stack: reported
inputs: {runtime: python3.6, memory: 128, more: false}
resources:
  old: {type: aws.lambda.function, name: old, runtime: "${inputs.runtime}", handler: a.b, memory_size: "${inputs.memory}", role: "arn:aws:iam::123456789012:role/r", code: {s3_bucket: reported, s3_key: k}}
  new: {type: aws.lambda.function, when: "${inputs.more}", name: new, runtime: "${inputs.runtime}", handler: a.b, role: "arn:aws:iam::123456789012:role/r", code: {s3_bucket: reported, s3_key: k}}
"""
RETIRED = "Lambda no longer creates functions with this runtime"


def old_function(cloud):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("a.py", "def b(*_): pass\n")
    cloud.client("s3").create_bucket(Bucket="reported")
    cloud.client("s3").put_object(Bucket="reported", Key="k", Body=archive.getvalue())
    cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    cloud.client("lambda").create_function(
        FunctionName="old", Runtime="python3.6", Handler="a.b", MemorySize=128, Role="arn:aws:iam::123456789012:role/r", Code={"S3Bucket": "reported", "S3Key": "k"}
    )


def test_what_exists_is_not_asked_what_new_ones_are(stack, cloud):
    """A retired runtime in the state stops no plan: it may stay, and other things of the function may change."""
    old_function(cloud)
    stack.write(FUNCTION + "imports: [{address: old, id: old}]\n")
    assert f"warning: old: {RETIRED}" in stack.run("validate").err
    stack.apply()
    stack.write(FUNCTION)
    assert f"warning: old: {RETIRED}" in stack.run("validate").err
    stack.assert_settled()
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "memory=256") == {"old": "update"}
    stack.apply("-i", "memory=256")
    stack.assert_settled("-i", "memory=256")
    assert f"old: {RETIRED}" in stack.run("plan", "-i", "memory=256", "-i", "runtime=python3.7", status=3).err
    refused = stack.run("plan", "-i", "memory=256", "-i", "more=true", status=3).err
    assert f"error: new: {RETIRED}" in refused and "old:" not in refused
    cloud.client("lambda").delete_function(FunctionName="old")
    assert f"error: old: {RETIRED}" in stack.run("plan", status=3).err  # it would be made anew


POOL = """stack: reported
inputs: {length: 8, numbers: true}
resources:
  pool: {type: aws.cognitoidp.user_pool, name: reported, password_policy: {minimum_length: "${inputs.length}", require_numbers: "${inputs.numbers ? true : null}"}}
"""


def test_what_the_file_does_not_mention_survives_its_neighbour(tmp_path, fast_sandbox):
    """Cognito replaces the policy by what it is sent. What was in the file and is taken out goes back to the service's own value."""
    stack, cognito = Stack(tmp_path / "stack", fast_sandbox), fast_sandbox.client("cognito-idp")
    stack.write(POOL).apply()
    pool = cognito.list_user_pools(MaxResults=9)["UserPools"][0]["Id"]
    cognito.update_user_pool(UserPoolId=pool, PoolName="reported", Policies={"PasswordPolicy": {"MinimumLength": 8, "RequireNumbers": True, "RequireSymbols": True, "TemporaryPasswordValidityDays": 3}})
    stack.assert_settled()
    shown = stack.run("plan", "-i", "length=10").out
    outside, update = re.split("~ update +pool", shown)
    assert "Changed outside weir" in outside and "temporary_password_validity_days: 7 -> 3" in outside
    assert re.search(r"minimum_length: +8 -> 10", update) and "symbols" not in update, shown
    stack.apply("-i", "length=10")

    def policy():
        return cognito.describe_user_pool(UserPoolId=pool)["UserPool"]["Policies"]["PasswordPolicy"]

    assert policy() == {"MinimumLength": 10, "RequireNumbers": True, "RequireSymbols": True, "TemporaryPasswordValidityDays": 3}
    less = ("-i", "length=10", "-i", "numbers=false")
    assert re.search("- require_numbers: true +# back to what the service has by itself", stack.run("plan", *less).out)
    stack.apply(*less)
    assert policy() == {"MinimumLength": 10, "RequireSymbols": True, "TemporaryPasswordValidityDays": 3}
    stack.assert_settled(*less)


TABLE = """stack: reported
inputs: {words: first}
resources:
  base: {type: aws.glue.database, name: reported, description: "${inputs.words}"}
  table:
    type: aws.glue.table
    database: ${base.name}
    name: films
    description: ${inputs.words}
    storage: {location: s3://reported/films/, columns: [{name: title, type: string}, {name: year, type: int}]}
"""


def test_members_without_an_attribute_survive(stack, cloud):
    """Glue replaces tables and databases by what it is sent; others have set what weir has no attribute for."""
    stack.write(TABLE).apply()
    glue = cloud.client("glue")
    table = glue.get_table(DatabaseName="reported", Name="films")["Table"]
    own = {key: table[key] for key in ("Name", "Description", "StorageDescriptor")}
    sorted_by = [{"Column": "year", "SortOrder": 1}]
    more = {**own, "Owner": "ada", "Retention": 7, "StorageDescriptor": {**own["StorageDescriptor"], "SortColumns": sorted_by, "AdditionalLocations": ["s3://reported/more/"]}}
    glue.update_table(DatabaseName="reported", TableInput=more)
    glue.update_database(Name="reported", DatabaseInput={"Name": "reported", "Description": "first", "CreateTableDefaultPermissions": [], "TargetDatabase": {"CatalogId": "1", "DatabaseName": "d"}})
    stack.assert_settled()
    stack.apply("-i", "words=then")
    table, base = glue.get_table(DatabaseName="reported", Name="films")["Table"], glue.get_database(Name="reported")["Database"]
    assert table["Description"] == base["Description"] == "then"
    assert (table["Owner"], table["Retention"], table["StorageDescriptor"]["SortColumns"], table["StorageDescriptor"]["AdditionalLocations"]) == ("ada", 7, sorted_by, ["s3://reported/more/"])
    assert base["TargetDatabase"] == {"CatalogId": "1", "DatabaseName": "d"} and base["CreateTableDefaultPermissions"] == []


def test_capacity_that_follows_from_workers_is_not_sent_back(stack, cloud):
    """GetJob shows MaxCapacity beside the workers that it follows from, and UpdateJob takes one of them."""
    stack.write("""stack: reported
inputs: {words: first}
resources:
  job: {type: aws.glue.job, name: reported, role: r, description: "${inputs.words}", command: {name: glueetl, script_location: "s3://a/b"}}
""").apply()
    cloud.fail({"match": "GetJobs?$", "times": 99, "answer": [[r'"Name": "reported"', '"Name": "reported", "WorkerType": "G.1X", "NumberOfWorkers": 3, "MaxCapacity": 3.0, "SourceControlDetails": {"Repository": "x"}']]})
    stack.apply("-i", "words=then")
    (sent,) = [one["JobUpdate"] for one in cloud.sent("UpdateJob")]
    assert "MaxCapacity" not in sent and (sent["WorkerType"], sent["NumberOfWorkers"], sent["SourceControlDetails"]) == ("G.1X", 3, {"Repository": "x"})


def test_members_without_an_attribute_go_out_as_forms(stack, cloud):
    """The same where requests are forms and answers XML."""
    stack.write("""stack: reported
inputs: {threshold: 1}
resources:
  alarm: {type: aws.cloudwatch.alarm, name: reported, namespace: n, metric_name: m, extended_statistic: p90, period: 60, evaluation_periods: 1, threshold: "${inputs.threshold}", comparison_operator: GreaterThanThreshold}
""").apply()
    more = "<EvaluateLowSampleCountPercentile>ignore</EvaluateLowSampleCountPercentile><EvaluationCriteria><PromQLCriteria><Query>up</Query></PromQLCriteria></EvaluationCriteria>"
    cloud.fail({"match": "DescribeAlarms", "times": 99, "answer": [["<AlarmName>", more + "<AlarmName>"]]})
    stack.assert_settled()
    stack.apply("-i", "threshold=2")
    (sent,) = cloud.forms("PutMetricAlarm")[-1:]
    assert sent["EvaluateLowSampleCountPercentile"] == "ignore" and sent["EvaluationCriteria.PromQLCriteria.Query"] == "up" and float(sent["Threshold"]) == 2


def test_what_is_reported_beside_what_it_follows_from(stack, cloud):
    """Secrets Manager shows the days that a schedule comes to, and takes one of both; how long it may take stays."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:turn"
    stack.write("""stack: reported
inputs: {schedule: rate(10 days)}
resources:
  one: {type: aws.secretsmanager.secret, name: reported, secret_string: x, rotation: true, rotation_function: "%s", rotation_rules: {schedule: "${inputs.schedule}"}, rotate_immediately: false}
""" % arn)
    rules = '"RotationEnabled": true, "RotationLambdaARN": "%s", "RotationRules": {"AutomaticallyAfterDays": 10, "ScheduleExpression": "rate(10 days)", "Duration": "3h"}, "Name"' % arn
    turned = {"match": "RotateSecret", "times": 99, "status": 200, "body": "{}", "headers": {"Content-Type": "application/x-amz-json-1.1"}}
    cloud.fail(turned, {"match": "DescribeSecret", "times": 99, "answer": [[r'"RotationEnabled": false, ', ""], ['"Name"', rules]]})
    stack.apply()
    stack.assert_settled()
    cloud.forget_requests()
    stack.apply("-i", "schedule=rate(5 days)")
    assert [one["RotationRules"] for one in cloud.sent("RotateSecret")] == [{"ScheduleExpression": "rate(5 days)", "Duration": "3h"}]


def test_what_answers_leave_out(stack, cloud):
    """What was applied and is never told is sent once more; then it counts as it was given. What never changes is not made anew for it."""
    stack.tells = True
    stack.write(ENDPOINT)
    stack.apply()
    cloud.fail({"match": "DescribeEndpoints", "times": 1000, "answer": [['"ServerName": "[^"]*", ', ""], ['"EndpointType": "[^"]*", ', ""]]})
    assert stack.plan() == {"end": "update"}
    cloud.fail(
        {"match": "DescribeEndpoints", "times": 1000, "answer": [['"ServerName": "[^"]*", ', ""], ['"EndpointType": "[^"]*", ', ""]]},
        {"match": "ModifyEndpoint", "times": 9, "status": 200, "body": "{}", "headers": {"Content-Type": "application/x-amz-json-1.1"}},
    )
    assert 'the service does not report "server_name": the configured value counts from now on' in stack.apply().out
    stack.assert_settled()
    assert stack.run("drift").status == 0
    assert stack.plan("-i", "host=other") == {"end": "update"}
    assert stack.plan("-i", "type=target") == {"end": "replace"}
    cloud.fail({"match": "DescribeEndpoints", "times": 1000, "answer": [['"ServerName": "[^"]*"', '"ServerName": "elsewhere"']]})
    assert stack.plan() == {"end": "update"}  # it is told now, and another


TABLES = """stack: reported
inputs: {protected: false}
resources:
  counted: {type: aws.dynamodb.table, name: counted, read_capacity: 5, write_capacity: 5, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}], deletion_protection: "${inputs.protected}"}
  asked: {type: aws.dynamodb.table, name: asked, billing_mode: PAY_PER_REQUEST, attribute_definitions: {id: S}, key_schema: [{attribute_name: id, key_type: HASH}]}
imports: [{address: counted, id: counted}, {address: asked, id: asked}]
"""


def test_tables_that_are_there(stack, cloud):
    """Of provisioned tables DynamoDB leaves the billing mode out, of the others it shows a capacity of 0."""
    keys = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="counted", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}, **keys)
    dynamodb.create_table(TableName="asked", BillingMode="PAY_PER_REQUEST", **keys)
    cloud.fail({"match": "DescribeTable$", "times": 99, "answer": [[r'"BillingModeSummary": \{"BillingMode": "PROVISIONED"[^}]*\}, ', ""]]})
    assert "BillingModeSummary" not in stack.write(TABLES).client("dynamodb").describe_table(TableName="counted")["Table"]
    assert dynamodb.describe_table(TableName="asked")["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"] == 0
    stack.run("validate")
    assert stack.plan() == {"counted": "adopt", "asked": "adopt"}
    cloud.forget_requests()
    stack.apply()
    stack.assert_settled()
    assert stack.run("drift").status == 0 and not cloud.sent("UpdateTable")
    stack.apply("-i", "protected=true")
    assert cloud.sent("UpdateTable") == [{"TableName": "counted", "DeletionProtectionEnabled": True}]


def test_tables_without_capacity_show_none(place):
    """As AWS has it: a table that is paid for by requests has a capacity of 0, and so have its indexes."""
    dynamodb = place.client("dynamodb")
    keys = {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    index = {"IndexName": "again", "KeySchema": keys["KeySchema"], "Projection": {"ProjectionType": "ALL"}}
    dynamodb.create_table(TableName="asked", BillingMode="PAY_PER_REQUEST", GlobalSecondaryIndexes=[index], **keys)
    dynamodb.create_table(TableName="counted", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}, **keys)

    def capacity(one):
        return {name: one["ProvisionedThroughput"][name] for name in ("ReadCapacityUnits", "WriteCapacityUnits")}

    none = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
    table = dynamodb.describe_table(TableName="asked")["Table"]
    assert capacity(table) == none and capacity(table["GlobalSecondaryIndexes"][0]) == none
    assert capacity(dynamodb.describe_table(TableName="counted")["Table"]) == {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}
