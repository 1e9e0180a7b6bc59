"""The life of REST APIs: what they answer, to whom, how often, and under which name (see life_cycle.py)."""

import json

import pytest

from life_cycle import case_table, Case, walk

CASES, case = case_table()
NOT_ON_MOTO = {}

API = {"type": "aws.apigateway.rest_api", "name": "life"}
PING = {"type": "aws.apigateway.resource", "rest_api": "${api.rest_api_id}", "parent": "${api.root_resource_id}", "path_part": "ping"}
MOCK = {"type": "MOCK", "request_templates": {"application/json": '{"statusCode": 200}'}}
METHOD = {"type": "aws.apigateway.method", "rest_api": "${api.rest_api_id}", "resource": "${api.root_resource_id}", "http_method": "GET", "integration": MOCK}
SERVED = {"type": "aws.apigateway.deployment", "rest_api": "${api.rest_api_id}", "triggers": ["${method.id}"]}
STAGE = {"type": "aws.apigateway.stage", "rest_api": "${api.rest_api_id}", "name": "prod", "deployment": "${served.deployment_id}"}
SERVING = {"api": API, "method": METHOD, "served": SERVED, "stage": STAGE}
OF_API = {"rest_api": "${api.rest_api_id}"}


def gateway(cloud):
    return cloud.client("apigateway")


def api_of(cloud):
    (one,) = gateway(cloud).get_rest_apis()["items"]
    return one


def no_api(cloud):
    return not gateway(cloud).get_rest_apis()["items"]


def part_of(cloud, call, key="items"):
    (one,) = getattr(gateway(cloud), call)(restApiId=api_of(cloud)["id"])[key]
    return one


def replace(path, value, op="replace"):
    return [{"op": op, "path": path, "value": value}]


def method_of(cloud):
    api = api_of(cloud)["id"]
    (one,) = [one for one in gateway(cloud).get_resources(restApiId=api)["items"] if "GET" in one.get("resourceMethods", {})]
    return gateway(cloud).get_method(restApiId=api, resourceId=one["id"], httpMethod="GET")


@case("rest api")
def _():
    def seen(cloud):
        one = api_of(cloud)
        return {"name": one["name"], "about": one["description"], "kinds": one["binaryMediaTypes"], "key": one["apiKeySource"], "where": one["endpointConfiguration"]["types"],
                "who": "GET" in one["policy"], "tags": one["tags"].get("team")}

    def who(method):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": f"arn:aws:execute-api:us-east-1:*:*/*/{method}/*"}]}

    def api(word, kinds, source, where, method):
        return {"name": f"life-{word}", "description": word, "binary_media_types": kinds, "api_key_source": source, "endpoint": {"types": [where]}, "policy": who(method), "tags": {"team": word}}

    first, then = api("first", ["image/png"], "HEADER", "REGIONAL", "GET"), api("then", ["image/png", "image/jpeg"], "AUTHORIZER", "EDGE", "POST")
    return Case(
        type="aws.apigateway.rest_api",
        first=first,
        then=then,
        less={key: value for key, value in then.items() if key not in ("description", "binary_media_types", "policy")},
        seen=seen,
        gone=no_api,
        outside=lambda cloud: gateway(cloud).update_rest_api(restApiId=api_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
    )


NOT_ON_MOTO["rest api"] = CASES.pop("rest api")  # moto takes media types away by their value, which AWS does not


@case("rest api that is small")
def _():
    first = {"name": "life-first", "description": "first"}
    return Case(
        type="aws.apigateway.rest_api",
        first=first,
        then={"name": "life-then", "description": "then"},
        less={"name": "life-then"},
        seen=lambda cloud: {"name": api_of(cloud)["name"], "about": api_of(cloud)["description"]},
        gone=no_api,
        outside=lambda cloud: gateway(cloud).update_rest_api(restApiId=api_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
    )


def document(path):
    answer = {"responses": {"200": {"description": "well"}}, "x-amazon-apigateway-integration": {"type": "HTTP", "httpMethod": "GET", "uri": "https://life.example"}}
    return {"openapi": "3.0.1", "info": {"title": "theirs", "version": "1"}, "paths": {path: {"get": answer}}}


@case("rest api by a document")
def _():
    """The document's title is not its name: what the stack says of it is said after the document."""

    def seen(cloud):
        return {"name": api_of(cloud)["name"], "about": api_of(cloud)["description"]}

    return Case(
        type="aws.apigateway.rest_api",
        first={"name": "life-first", "description": "first", "body": document("/a")},
        then={"name": "life-then", "description": "then", "body": document("/b")},
        seen=seen,
        gone=no_api,
        outside=lambda cloud: gateway(cloud).update_rest_api(restApiId=api_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
        imports=False,  # what it was made of nobody tells
    )


@case("resource")
def _():
    return Case(
        type="aws.apigateway.resource",
        around={"api": API},
        first={**OF_API, "parent": "${api.root_resource_id}", "path_part": "{id}"},
        then=None,
        seen=lambda cloud: sorted(one["path"] for one in gateway(cloud).get_resources(restApiId=api_of(cloud)["id"])["items"]),
        gone=no_api,
        outside=None,
        replaces=[{"path_part": "orders"}],
    )


@case("method")
def _():
    def seen(cloud):
        one = method_of(cloud)
        integration = one["methodIntegration"]
        return {"uri": integration["uri"], "sends": integration["requestParameters"], "answers": one["methodResponses"]["200"]["responseModels"],
                "templates": integration["integrationResponses"]["200"]["responseTemplates"]}

    def method(word, model):
        return {**OF_API, "resource": "${ping.resource_id}", "http_method": "GET", "request_parameters": {"method.request.querystring.day": True},
                "integration": {"type": "HTTP", "http_method": "GET", "uri": f"https://{word}.example", "request_parameters": {"integration.request.header.day": f"'{word}'"}},
                "responses": {"200": {"models": {"application/json": model}}}, "integration_responses": {"200": {"templates": {"application/json": word}}}}

    return Case(
        type="aws.apigateway.method",
        around={"api": API, "ping": PING},
        first=method("first", "Empty"),
        then=method("then", "Error"),
        seen=seen,
        gone=no_api,
        outside=None,
        replaces=[{"http_method": "POST"}],
    )


@case("method that is asked for")
def _():
    """What UpdateMethod changes, and integrations that bring their answers along."""

    def seen(cloud):
        one = method_of(cloud)
        return {"who": one["authorizationType"], "key": one["apiKeyRequired"], "name": one["operationName"], "asked": one["requestParameters"], "uri": one["methodIntegration"]["uri"],
                "answer": one["methodIntegration"]["integrationResponses"]["200"]["responseTemplates"]}

    def method(word, who, key):
        return {**OF_API, "resource": "${ping.resource_id}", "http_method": "GET", "authorization_type": who, "api_key_required": key, "operation_name": word,
                "request_parameters": {"method.request.header.both": key, f"method.request.header.{word}": False}, "integration": {"type": "HTTP", "http_method": "GET", "uri": f"https://{word}.example"},
                "responses": {"200": {}}, "integration_responses": {"200": {"templates": {"application/json": "it"}}}}

    def outside(cloud):
        api, (one,) = api_of(cloud)["id"], [one for one in gateway(cloud).get_resources(restApiId=api_of(cloud)["id"])["items"] if one["path"] == "/ping"]
        gateway(cloud).update_method(restApiId=api, resourceId=one["id"], httpMethod="GET", patchOperations=replace("/operationName", "theirs"))

    then = method("then", "AWS_IAM", True)
    return Case(
        type="aws.apigateway.method",
        around={"api": API, "ping": PING},
        first=method("first", "NONE", False),
        then=then,
        less={key: value for key, value in then.items() if key not in ("operation_name", "request_parameters", "api_key_required", "integration_responses")},
        seen=seen,
        unchanged={"answer"},
        gone=no_api,
        outside=outside,
        drifted="operation_name",
    )


NOT_ON_MOTO["method that is asked for"] = CASES.pop("method that is asked for")  # moto has no UpdateMethod


@case("deployment")
def _():
    return Case(
        type="aws.apigateway.deployment",
        around={"api": API, "method": METHOD},
        first={**OF_API, "description": "first", "triggers": ["${method.id}"]},
        then=None,
        seen=lambda cloud: part_of(cloud, "get_deployments")["description"],
        gone=no_api,
        outside=None,
        replaces=[{"triggers": ["other"]}],
        imports=False,  # what triggers it nobody tells
    )


@case("stage")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_stages", "item")
        return {"about": one["description"], "variables": one["variables"], "log": one["accessLogSettings"]["format"], "rate": one["methodSettings"]["*/*"]["throttlingRateLimit"],
                "metrics": one["methodSettings"]["*/*"]["metricsEnabled"], "traced": one["tracingEnabled"], "tags": one["tags"].get("team")}

    def stage(word, rate, traced):
        return {**OF_API, "name": "prod", "deployment": "${served.deployment_id}", "description": word, "variables": {"both": word, word: "a/b"}, "tracing_enabled": traced, "tags": {"team": word},
                "access_log": {"destination": "arn:aws:logs:us-east-1:123456789012:log-group:life", "format": f"{word} $context.requestId"},
                "method_settings": {"*/*": {"throttling_rate_limit": rate, "metrics_enabled": traced}}}

    def outside(cloud):
        gateway(cloud).update_stage(restApiId=api_of(cloud)["id"], stageName="prod", patchOperations=replace("/description", "theirs"))

    then = stage("then", 20.5, False)
    return Case(
        type="aws.apigateway.stage",
        around={key: value for key, value in SERVING.items() if key != "stage"},
        first=stage("first", 10.5, True),
        then=then,
        less={key: value for key, value in then.items() if key not in ("access_log", "variables")},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="description",
        replaces=[{"name": "v1"}],
    )


@case("authorizer")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_authorizers")
        return {"name": one["name"], "uri": one["authorizerUri"], "where": one["identitySource"], "time": one["authorizerResultTtlInSeconds"]}

    def authorizer(word, seconds):
        return {**OF_API, "name": word, "authorizer_type": "TOKEN", "identity_source": f"method.request.header.{word}", "result_ttl": seconds,
                "authorizer_uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:{word}/invocations"}

    def outside(cloud):
        gateway(cloud).update_authorizer(restApiId=api_of(cloud)["id"], authorizerId=part_of(cloud, "get_authorizers")["id"], patchOperations=replace("/name", "theirs"))

    return Case(
        type="aws.apigateway.authorizer",
        around={"api": API},
        first=authorizer("first", 60),
        then=authorizer("then", 120),
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="name",
    )


@case("authorizer by pools")
def _():
    pool = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_{}".format
    first = {**OF_API, "name": "life", "authorizer_type": "COGNITO_USER_POOLS", "identity_source": "method.request.header.Authorization", "user_pools": [pool("first"), pool("both")]}

    def outside(cloud):
        gateway(cloud).update_authorizer(restApiId=api_of(cloud)["id"], authorizerId=part_of(cloud, "get_authorizers")["id"], patchOperations=replace("/providerARNs", pool("theirs"), op="add"))

    return Case(
        type="aws.apigateway.authorizer",
        around={"api": API},
        first=first,
        then={**first, "user_pools": [pool("both"), pool("then")]},
        seen=lambda cloud: {"pools": sorted(part_of(cloud, "get_authorizers")["providerARNs"])},
        gone=no_api,
        outside=outside,
        drifted="user_pools",
    )


NOT_ON_MOTO["authorizer by pools"] = CASES.pop("authorizer by pools")  # moto changes no pools


@case("request validator")
def _():
    def seen(cloud):
        one = part_of(cloud, "get_request_validators")
        return {"name": one["name"], "body": one["validateRequestBody"], "parameters": one["validateRequestParameters"]}

    def outside(cloud):
        gateway(cloud).update_request_validator(restApiId=api_of(cloud)["id"], requestValidatorId=part_of(cloud, "get_request_validators")["id"], patchOperations=replace("/name", "theirs"))

    return Case(
        type="aws.apigateway.request_validator",
        around={"api": API},
        first={**OF_API, "name": "first", "validate_request_body": True, "validate_request_parameters": False},
        then={**OF_API, "name": "then", "validate_request_body": False, "validate_request_parameters": True},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="name",
    )


@case("model")
def _():
    def seen(cloud):
        (one,) = [one for one in gateway(cloud).get_models(restApiId=api_of(cloud)["id"])["items"] if one["name"] == "Order"]
        return {"about": one["description"], "schema": json.loads(one["schema"])["required"]}

    def outside(cloud):
        gateway(cloud).update_model(restApiId=api_of(cloud)["id"], modelName="Order", patchOperations=replace("/description", "theirs"))

    def model(word):
        return {**OF_API, "name": "Order", "content_type": "application/json", "description": word, "schema": {"type": "object", "required": [word]}}

    return Case(
        type="aws.apigateway.model",
        around={"api": API},
        first=model("first"),
        then=model("then"),
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="description",
        replaces=[{"name": "Offer"}],
    )


NOT_ON_MOTO["model"] = CASES.pop("model")  # moto has no UpdateModel


@case("gateway response")
def _():
    def seen(cloud):
        (one,) = [one for one in gateway(cloud).get_gateway_responses(restApiId=api_of(cloud)["id"])["items"] if not one.get("defaultResponse")]
        return {"status": one["statusCode"], "headers": one["responseParameters"], "templates": one["responseTemplates"]}

    def outside(cloud):
        gateway(cloud).put_gateway_response(restApiId=api_of(cloud)["id"], responseType="DEFAULT_4XX", statusCode="418", responseParameters={}, responseTemplates={})

    def answer(word, status):
        return {**OF_API, "response_type": "DEFAULT_4XX", "status_code": status, "parameters": {"gatewayresponse.header.X": f"'{word}'"}, "templates": {"application/json": word}}

    then = answer("then", "404")
    return Case(
        type="aws.apigateway.gateway_response",
        around={"api": API},
        first=answer("first", "400"),
        then=then,
        less={key: value for key, value in then.items() if key not in ("parameters", "templates")},
        seen=seen,
        gone=no_api,
        outside=outside,
        drifted="status_code",
        replaces=[{"response_type": "THROTTLED"}],
    )


@case("api key")
def _():
    def key_of(cloud):
        (one,) = gateway(cloud).get_api_keys(includeValues=True)["items"]
        return one

    first = {"name": "life-first", "description": "first", "enabled": True, "value": "life-first-first-first"}
    return Case(
        type="aws.apigateway.api_key",
        first=first,
        then={**first, "name": "life-then", "description": "then", "enabled": False},
        seen=lambda cloud: {"name": key_of(cloud)["name"], "about": key_of(cloud)["description"], "good": key_of(cloud)["enabled"]},
        gone=lambda cloud: not gateway(cloud).get_api_keys()["items"],
        outside=lambda cloud: gateway(cloud).update_api_key(apiKey=key_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
        replaces=[{"value": "then-then-then-then-then"}],
    )


def plan_of(cloud):
    (one,) = gateway(cloud).get_usage_plans()["items"]
    return one


def no_plan(cloud):
    return not gateway(cloud).get_usage_plans()["items"]


@case("usage plan")
def _():
    def seen(cloud):
        one = plan_of(cloud)
        return {"name": one["name"], "about": one["description"], "burst": one["throttle"]["burstLimit"], "limit": int(one["quota"]["limit"])}

    def plan(word, many):
        return {"name": f"life-{word}", "description": word, "api_stages": [{"api": "${api.rest_api_id}", "stage": "${stage.name}"}], "throttle": {"burst_limit": many, "rate_limit": many},
                "quota": {"limit": many, "period": "DAY"}}

    then = plan("then", 20)
    return Case(
        type="aws.apigateway.usage_plan",
        around=SERVING,
        first=plan("first", 10),
        then=then,
        less={key: value for key, value in then.items() if key not in ("api_stages", "throttle", "quota")},
        seen=seen,
        gone=lambda cloud: no_plan(cloud) and no_api(cloud),
        outside=lambda cloud: gateway(cloud).update_usage_plan(usagePlanId=plan_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
    )


@case("usage plan by methods")
def _():
    """Limits of single methods of a stage."""

    def limits(cloud):
        (one,) = plan_of(cloud)["apiStages"]
        return {"limits": one["throttle"]}

    def plan(path, rate):
        return {"name": "life", "api_stages": [{"api": "${api.rest_api_id}", "stage": "${stage.name}", "throttle": {"/both/GET": {"rate_limit": rate}, path: {"rate_limit": 1, "burst_limit": 2}}}]}

    return Case(
        type="aws.apigateway.usage_plan",
        around=SERVING,
        first=plan("/first/GET", 3),
        then=plan("/then/GET", 4),
        seen=limits,
        gone=lambda cloud: no_plan(cloud) and no_api(cloud),
        outside=lambda cloud: gateway(cloud).update_usage_plan(usagePlanId=plan_of(cloud)["id"], patchOperations=replace("/name", "theirs")),
        drifted="name",
    )


NOT_ON_MOTO["usage plan by methods"] = CASES.pop("usage plan by methods")  # moto knows no limits of methods


@case("key of a usage plan")
def _():
    around = {"plan": {"type": "aws.apigateway.usage_plan", "name": "life"}, "partner": {"type": "aws.apigateway.api_key", "name": "life"}, "other": {"type": "aws.apigateway.api_key", "name": "other"}}
    return Case(
        type="aws.apigateway.usage_plan_key",
        around=around,
        first={"usage_plan": "${plan.usage_plan_id}", "key": "${partner.api_key_id}"},
        then=None,
        seen=lambda cloud: [one["name"] for one in gateway(cloud).get_usage_plan_keys(usagePlanId=plan_of(cloud)["id"])["items"]],
        gone=no_plan,
        outside=None,
        replaces=[{"key": "${other.api_key_id}"}],
    )


CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/{}".format
DOMAIN = {"type": "aws.apigateway.domain_name", "name": "api.life.example", "regional_certificate": CERTIFICATE("first"), "endpoint": {"types": ["REGIONAL"]}}


@case("host name")
def _():
    def host_of(cloud):
        (one,) = gateway(cloud).get_domain_names()["items"]
        return one

    def host(word, policy):
        return {"name": "api.life.example", "regional_certificate": CERTIFICATE(word), "endpoint": {"types": ["REGIONAL"]}, "security_policy": policy, "tags": {"team": word}}

    return Case(
        type="aws.apigateway.domain_name",
        first=host("first", "TLS_1_2"),
        then=host("then", "TLS_1_0"),
        seen=lambda cloud: {"certificate": host_of(cloud)["regionalCertificateArn"], "tls": host_of(cloud)["securityPolicy"], "tags": host_of(cloud)["tags"].get("team")},
        gone=lambda cloud: not gateway(cloud).get_domain_names()["items"],
        outside=lambda cloud: gateway(cloud).update_domain_name(domainName="api.life.example", patchOperations=replace("/regionalCertificateArn", CERTIFICATE("theirs"))),
        drifted="regional_certificate",
        replaces=[{"name": "other.life.example"}],
    )


NOT_ON_MOTO["host name"] = CASES.pop("host name")  # moto changes none


@case("path of a host name")
def _():
    def path_of(cloud):
        (one,) = gateway(cloud).get_base_path_mappings(domainName="api.life.example")["items"]
        return one

    first = {"domain_name": "${host.name}", "base_path": "first", "rest_api": "${api.rest_api_id}", "stage": "${stage.name}"}
    return Case(
        type="aws.apigateway.base_path_mapping",
        around={**SERVING, "host": DOMAIN},
        first=first,
        then={**first, "stage": "${later.name}"},
        seen=lambda cloud: {"stage": path_of(cloud)["stage"]},
        gone=no_api,
        outside=None,
        replaces=[{"base_path": "then"}],
    )


CASES["path of a host name"].around["later"] = {**STAGE, "name": "later"}


@case("link into a network")
def _():
    def link_of(cloud):
        (one,) = gateway(cloud).get_vpc_links()["items"]
        return one

    def link(word, balancer="first"):
        return {"name": f"life-{word}", "description": word, "targets": [f"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/net/{balancer}/0a1b2c3d4e5f6071"]}

    return Case(
        type="aws.apigateway.vpc_link",
        first=link("first"),
        then=link("then"),
        seen=lambda cloud: {"name": link_of(cloud)["name"], "about": link_of(cloud)["description"]},
        gone=lambda cloud: not gateway(cloud).get_vpc_links()["items"],
        outside=lambda cloud: gateway(cloud).update_vpc_link(vpcLinkId=link_of(cloud)["id"], patchOperations=replace("/description", "theirs")),
        drifted="description",
        replaces=[{"targets": link("first", "then")["targets"]}],
    )


NOT_ON_MOTO["link into a network"] = CASES.pop("link into a network")  # moto changes none


@case("account")
def _():
    def role_of(cloud):
        return gateway(cloud).get_account().get("cloudwatchRoleArn")

    role = "arn:aws:iam::123456789012:role/{}".format
    return Case(
        type="aws.apigateway.account",
        first={"cloudwatch_role": role("first")},
        then={"cloudwatch_role": role("then")},
        seen=lambda cloud: {"role": role_of(cloud)},
        gone=lambda cloud: not role_of(cloud),
        outside=lambda cloud: gateway(cloud).update_account(patchOperations=replace("/cloudwatchRoleArn", role("theirs"))),
        drifted="cloudwatch_role",
    )


# Each has a sibling here that lives through the same, and its own cycle in sandbox/test_every_type.py.
LONG_FORM = {f"test_life_cycle[{name}]" for name in CASES if name not in ("rest api that is small", "method", "stage")}


def test_a_deployment_follows_its_methods(stack, cloud):
    """A whole resource triggers when it changes, and not when a refresh shows more of it; the stage moves before the old deployment goes."""

    def put(answer):
        method = {**METHOD, "responses": {"200": {}}, "integration_responses": {"200": {"templates": {"application/json": answer}}}}
        served = {"type": "aws.apigateway.deployment", **OF_API, "lifecycle": {"replace_triggered_by": ["${method}"]}}
        stack.write(json.dumps({"stack": "life", "resources": {"api": API, "method": method, "served": served, "stage": STAGE}}))

    put("first")
    stack.apply()
    stack.assert_settled()
    before = part_of(cloud, "get_stages", "item")["deploymentId"]
    put("then")
    assert stack.plan() == {"method": "update", "served": "replace", "stage": "update"}
    stack.apply()
    stack.assert_settled()
    assert part_of(cloud, "get_stages", "item")["deploymentId"] == part_of(cloud, "get_deployments")["id"] != before


@pytest.mark.long
def test_what_a_document_says_is_answered(stack, cloud):
    """The sandbox keeps documents and answers nothing by them; moto makes resources and methods of them."""
    for path in ("/first", "/then"):
        stack.write(json.dumps({"stack": "life", "resources": {"it": {"type": "aws.apigateway.rest_api", "name": "life", "body": document(path)}}})).apply()
        assert sorted(one["path"] for one in gateway(cloud).get_resources(restApiId=api_of(cloud)["id"])["items"]) == ["/", path]
        assert api_of(cloud)["name"] == "life"


@pytest.mark.parametrize("name", CASES)
def test_life_cycle(stack, cloud, name):
    walk(stack, cloud, CASES[name])
