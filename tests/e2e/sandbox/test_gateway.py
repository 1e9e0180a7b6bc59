"""REST APIs of API Gateway: its answers, its refusals word by word, and what lists of changes make of things."""

import json

import pytest
from botocore.exceptions import ClientError
from support import cpu_of

MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}


@pytest.fixture
def gateway(sandbox):
    return sandbox.client("apigateway")


@pytest.fixture
def api(gateway):
    return gateway.create_rest_api(name="films")


@pytest.fixture
def method(gateway, api):
    """GET of the root, answered by itself."""
    place = {"restApiId": api["id"], "resourceId": api["rootResourceId"], "httpMethod": "GET"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(**place, **MOCK)
    return place


def said(call, **given):
    with pytest.raises(ClientError) as refused:
        call(**given)
    return refused.value.response["Error"]["Message"]


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def test_members_of_bodies_are_within_their_input(gateway, api, method):
    types = "Value '[wide]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]"
    assert said(gateway.create_rest_api, name="a", endpointConfiguration={"types": ["wide"]}) == f"1 validation error detected: {types}"
    changes = "Value 'put' at 'updateMethodResponseInput.patchOperations.1.member.op' failed to satisfy constraint: Member must satisfy enum value set: [add, remove, move, test, replace, copy]"
    status = "Value 'ok' at 'statusCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [1-5]\\d\\d"
    assert said(gateway.update_method_response, **method, statusCode="ok", patchOperations=[{"op": "put"}]) == f"2 validation errors detected: {changes}; {status}"
    assert said(gateway.create_rest_api, name="a", description="") == "Description cannot be an empty string"
    assert said(gateway.create_model, restApiId=api["id"], name="A", contentType="application/json") == "Model schema must have at least 1 property or array items defined"


def test_what_is_missing_is_named_from_the_api_down(gateway, api, method):
    other = {**method, "restApiId": "none"}
    assert said(gateway.get_integration, **other) == "Invalid Resource identifier specified"
    assert said(gateway.get_integration, **{**method, "httpMethod": "POST"}) == "Invalid Method identifier specified"
    assert said(gateway.get_integration_response, **method, statusCode="200") == "Invalid Response status code specified"
    gateway.delete_integration(**method)
    assert said(gateway.get_integration_response, **method, statusCode="200") == "Invalid Integration identifier specified"
    assert said(gateway.get_models, restApiId="none").endswith(":none")
    assert said(gateway.create_request_validator, restApiId="none", name="v") == "Invalid REST API identifier specified"
    assert said(gateway.get_rest_api, restApiId=api["id"].upper()).startswith("Invalid API identifier specified")


def test_parts_of_methods(gateway, method):
    gateway.put_integration_response(**method, statusCode="200", selectionPattern="", responseTemplates={"application/json": ""})
    changed = gateway.update_integration(**method, patchOperations=[replace("/timeoutInMillis", "100"), {"op": "add", "path": "/cacheKeyParameters/method.request.path.a"}])
    assert changed["timeoutInMillis"] == 100 and changed["cacheKeyParameters"] == ["method.request.path.a"] and changed["passthroughBehavior"] == "WHEN_NO_MATCH"
    assert gateway.get_integration_response(**method, statusCode="200")["responseTemplates"] == {"application/json": None}
    gateway.put_method_response(**method, statusCode="200", responseParameters={"method.response.header.a": True})
    changed = gateway.update_method_response(**method, statusCode="200", patchOperations=[{"op": "add", "path": "/responseModels/application~1json", "value": "Empty"}])
    assert changed["responseModels"] == {"application/json": "Empty"} and changed["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert said(gateway.update_method_response, **method, statusCode="200", patchOperations=[{"op": "remove", "path": "/responseParameters/b"}]) == "Invalid parameter name specified"
    assert said(gateway.update_method_response, **method, statusCode="200", patchOperations=[replace("/b/c", "d")]) == "Invalid patch path /b/c"
    assert said(gateway.put_integration, **method, type="HTTP", uri="http://a") == "Enumeration value for HttpMethod must be non-empty"
    assert said(gateway.put_integration, **method, type="AWS", integrationHttpMethod="POST", uri="a") == "Invalid ARN specified in the request"


def test_gateway_responses_are_there_by_default(gateway, api):
    place = {"restApiId": api["id"], "responseType": "THROTTLED"}
    usual = gateway.get_gateway_response(**place)
    assert usual["statusCode"] == "429" and usual["defaultResponse"] is True
    gateway.put_gateway_response(restApiId=api["id"], responseType="DEFAULT_4XX", statusCode="499")
    assert gateway.get_gateway_response(**place)["statusCode"] == "499"
    changed = gateway.update_gateway_response(**place, patchOperations=[replace("/statusCode", "420")])
    assert changed["statusCode"] == "420" and changed["defaultResponse"] is False
    assert len(gateway.get_gateway_responses(restApiId=api["id"])["items"]) == 21
    assert said(gateway.update_gateway_response, **place, patchOperations=[{"op": "add", "path": "/statusCode", "value": "1"}]) == "Invalid patch path /statusCode"
    gateway.delete_gateway_response(**place)
    assert said(gateway.delete_gateway_response, **place) == "Gateway response type not defined on api"


def test_resources_move(gateway, api):
    made = lambda parent, part: gateway.create_resource(restApiId=api["id"], parentId=parent, pathPart=part)["id"]
    move = lambda resource, path, value: gateway.update_resource(restApiId=api["id"], resourceId=resource, patchOperations=[replace(path, value)])["path"]
    root = api["rootResourceId"]
    films = made(root, "films")
    one = made(films, "{film}")
    cast = made(one, "cast")
    assert said(gateway.create_resource, restApiId=api["id"], parentId=films, pathPart="{other}") == "A sibling ({film}) of this resource already has a variable path part -- only one is allowed"
    assert move(films, "/pathPart", "movies") == "/movies"
    assert gateway.get_resource(restApiId=api["id"], resourceId=cast)["path"] == "/movies/{film}/cast"
    assert said(move, resource=films, path="/parentId", value=cast) == "Resources cannot be cyclical."
    assert said(move, resource=root, path="/pathPart", value="a") == "Root resource cannot update its pathPart."
    assert said(move, resource=films, path="/id", value="a") == "Invalid patch path  '/id' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"
    assert move(cast, "/parentId", root) == "/cast"
    assert move(cast, "/parentId", made(root, "casting")) == "/casting/cast"  # which only begins like it
    assert move(cast, "/parentId", root) == "/cast"
    gateway.delete_resource(restApiId=api["id"], resourceId=films)
    assert sorted(item["path"] for item in gateway.get_resources(restApiId=api["id"])["items"]) == ["/", "/cast", "/casting"]


def test_methods_refer_to_what_there_is(gateway, api, method):
    put = lambda **more: gateway.put_method(**{**method, "httpMethod": "PUT", "authorizationType": "NONE", **more})
    assert said(put, httpMethod="WRONG").startswith("Invalid HttpMethod specified.")
    assert said(put, authorizationType="CUSTOM").startswith("Invalid authorizer ID specified.")
    assert said(put, requestModels={"application/json": "Film"}) == "Invalid model identifier specified: Film"
    assert said(put, requestParameters={"method.request.header.a": True, "method.request.path.a": True}) == "Parameter names must be unique across querystring, header and path"
    gateway.create_model(restApiId=api["id"], name="Film", contentType="application/json", schema="{}")
    assert put(requestModels={"application/json": "Film"})["requestModels"] == {"application/json": "Film"}
    assert said(gateway.delete_model, restApiId=api["id"], modelName="Film") == "Cannot delete model 'Film', is referenced in method request: //PUT"
    assert gateway.update_method(**method, patchOperations=[replace("/apiKeyRequired", "perhaps"), replace("/authorizerId", "a")])["apiKeyRequired"] is False
    assert said(gateway.update_method, **method, patchOperations=[{"op": "add", "path": "/apiKeyRequired"}]) == "Invalid patch operation specified. Must be one of: [replace]"


def test_settings_of_apis(gateway, api):
    change = lambda *changes: gateway.update_rest_api(restApiId=api["id"], patchOperations=list(changes))
    assert "tags" not in api and gateway.get_rest_api(restApiId=api["id"])["tags"] == {}
    assert change(replace("/endpointConfiguration/types/0", "PRIVATE"))["endpointConfiguration"] == {"types": ["PRIVATE"], "ipAddressType": "dualstack"}
    assert said(lambda: change(replace("/endpointConfiguration/ipAddressType", "ipv4"))) == "Only dualstack ipAddressType is supported for Private APIs."
    assert change(replace("/minimumCompressionSize", "10"))["minimumCompressionSize"] == 10
    assert "minimumCompressionSize" not in change(replace("/minimumCompressionSize", ""))
    assert said(lambda: change(replace("/minimumCompressionSize", "all"))) == "Invalid minimum compression size, must be between 0 and 10485760"
    change({"op": "add", "path": "/binaryMediaTypes/image~1png"}, {"op": "add", "path": "/binaryMediaTypes/image~1gif"})
    assert change(replace("/binaryMediaTypes/image~1png", "a/b"))["binaryMediaTypes"] == ["image/gif", "a/b"]
    assert sorted(model["name"] for model in gateway.get_models(restApiId=api["id"])["items"]) == ["Empty", "Error"]


def test_canaries_and_settings_of_stages(gateway, api, method):
    first = gateway.create_deployment(restApiId=api["id"], stageName="prod", variables={"a": "1"})["id"]
    change = lambda *changes: gateway.update_stage(restApiId=api["id"], stageName="prod", patchOperations=list(changes))
    assert said(lambda: gateway.create_deployment(restApiId=api["id"], stageName="none", canarySettings={})).endswith("Stage none must already be created before making a canary release deployment")
    second = gateway.create_deployment(restApiId=api["id"], stageName="prod", canarySettings={"percentTraffic": 5, "stageVariableOverrides": {"a": "2"}})["id"]
    stage = gateway.get_stages(restApiId=api["id"], deploymentId=first)["item"][0]
    assert stage["canarySettings"] == {"deploymentId": second, "percentTraffic": 5.0, "useStageCache": False, "stageVariableOverrides": {"a": "2"}} and stage["methodSettings"] == {}
    copies = [{"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"}, {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"}]
    stage = change(*copies, {"op": "remove", "path": "/canarySettings"})
    assert stage["deploymentId"] == second and stage["variables"] == {"a": "2"} and "canarySettings" not in stage
    assert said(lambda: change(copies[0])) == "Promotion not available. Canary does not exist."
    settings = change(replace("/*/*/caching/enabled", "true"), replace("/films/GET/throttling/burstLimit", "7"))["methodSettings"]
    assert settings["films/GET"]["cachingEnabled"] is True and settings["films/GET"]["throttlingBurstLimit"] == 7 and settings["*/*"]["throttlingBurstLimit"] == 5000
    assert said(lambda: change({"op": "remove", "path": "/a/GET"})) == "Cannot remove method setting a/GET because there is no method setting for this method "
    assert said(lambda: change(replace("/tags/a", "b"))).endswith("/variables/{variable_name}, /tracingEnabled]")
    assert said(lambda: change(replace("/accessLogSettings/format", ""))) == "Access Log value must not be empty"


def test_keys_and_plans(gateway, api, method):
    keys = [gateway.create_api_key(name=name)["id"] for name in ("gate-a", "gate-b")]
    listed = gateway.get_api_keys(nameQuery="gate-")["items"]
    assert [key["id"] for key in listed] == keys[::-1] and all("value" not in key and not key["enabled"] for key in listed)
    page = gateway.get_api_keys(nameQuery="gate-", limit=1)
    assert gateway.get_api_keys(nameQuery="gate-", limit=1, position=page["position"])["items"][0]["id"] == keys[0]
    assert "value" in gateway.get_api_key(apiKey=keys[0], includeValue=True)
    assert said(gateway.create_api_key, value="short") == "API Key value should be at least 20 characters"
    assert said(gateway.update_api_key, apiKey=keys[0], patchOperations=[replace("/id", "a")]).startswith("Invalid patch path  '/id'")
    gateway.create_deployment(restApiId=api["id"], stageName="prod")
    plan = gateway.create_usage_plan(name="p", apiStages=[{"apiId": api["id"], "stage": "prod"}], quota={"limit": 1, "period": "DAY"})
    assert plan["quota"]["offset"] == 0
    change = lambda value: gateway.update_usage_plan(usagePlanId=plan["id"], patchOperations=[{"op": "add", "path": "/apiStages", "value": value}])
    assert said(change, value="a") == "Invalid API Stage specified"
    assert said(change, value=f"{api['id']}:dev") == f"Invalid API Stage {{api: {api['id']}, stage: dev}} specified for usageplan {plan['id']}"


def test_documentation(gateway, api):
    part = gateway.create_documentation_part(restApiId=api["id"], location={"type": "API"}, properties=json.dumps({"a": "b"}))
    assert part["location"] == {"type": "API"} and gateway.get_documentation_parts(restApiId=api["id"])["items"][0]["id"] == part["id"]
    assert gateway.get_documentation_parts(restApiId=api["id"], type="MODEL")["items"] == []
    assert said(gateway.update_documentation_part, restApiId=api["id"], documentationPartId=part["id"], patchOperations=[{"op": "add", "path": "/properties", "value": "{}"}]).endswith("for op 'add'. Please choose supported operations")
    gateway.create_documentation_version(restApiId=api["id"], documentationVersion="1")
    assert gateway.get_documentation_version(restApiId=api["id"], documentationVersion="1")["version"] == "1"
    gateway.delete_documentation_part(restApiId=api["id"], documentationPartId=part["id"])
    assert said(gateway.get_documentation_part, restApiId=api["id"], documentationPartId=part["id"]) == "Invalid Documentation part identifier specified"


DOCUMENT = {
    "openapi": "3.0.1",
    "info": {"title": "films", "version": "7"},
    "servers": [{"url": "https://example.com/{basePath}", "variables": {"basePath": {"default": "/cinema"}}}],
    "components": {"schemas": {"Film": {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Film"}}}}, "securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
    "x-amazon-apigateway-binary-media-types": ["image/png"],
    "x-amazon-apigateway-request-validators": {"all": {"validateRequestBody": True, "validateRequestParameters": True}},
    "x-amazon-apigateway-gateway-responses": {"THROTTLED": {"statusCode": 420}},
    "x-amazon-apigateway-documentation": {"documentationParts": [{"location": {"type": "METHOD", "method": "GET"}, "properties": {"a": "b"}}]},
    "paths": {
        "/films/{film}": {
            "get": {
                "security": [{"key": []}],
                "x-amazon-apigateway-request-validator": "all",
                "parameters": [{"name": "long", "in": "query", "required": True}],
                "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Film"}}}, "headers": {"X": {}}}},
                "x-amazon-apigateway-integration": {"type": "mock", "passthroughBehavior": "never", "responses": {"default": {"statusCode": 200, "responseParameters": {"method.response.header.X": "'y'"}}}},
            }
        }
    },
}


def test_an_api_from_a_document(gateway):
    api = gateway.import_rest_api(body=json.dumps(DOCUMENT), parameters={"basepath": "prepend"})
    assert api["version"] == "7" and api["binaryMediaTypes"] == ["image/png"] and "tags" not in api
    listed = {item["path"]: item for item in gateway.get_resources(restApiId=api["id"])["items"]}
    assert sorted(listed) == ["/", "/cinema", "/cinema/films", "/cinema/films/{film}"] and listed["/cinema/films/{film}"]["resourceMethods"] == {"GET": {}}
    method = gateway.get_method(restApiId=api["id"], resourceId=listed["/cinema/films/{film}"]["id"], httpMethod="GET")
    assert method["apiKeyRequired"] and method["requestParameters"] == {"method.request.path.film": True, "method.request.querystring.long": True}
    assert method["requestValidatorId"] == gateway.get_request_validators(restApiId=api["id"])["items"][0]["id"]
    assert method["methodResponses"]["200"]["responseModels"] == {"application/json": "Film"}
    assert method["methodIntegration"]["type"] == "MOCK" and method["methodIntegration"]["integrationResponses"]["200"]["responseParameters"] == {"method.response.header.X": "'y'"}
    (model,) = [one for one in gateway.get_models(restApiId=api["id"])["items"] if one["name"] == "Film"]
    assert json.loads(model["schema"])["properties"]["next"]["$ref"].endswith(f"/restapis/{api['id']}/models/Film")
    assert gateway.get_gateway_response(restApiId=api["id"], responseType="THROTTLED")["statusCode"] == "420"
    assert gateway.get_documentation_parts(restApiId=api["id"])["items"][0]["location"] == {"type": "METHOD", "method": "GET", "path": "/"}


def test_a_document_in_place_of_another(gateway, api, method):
    smaller = "swagger: '2.0'\ninfo: {title: less}\npaths: {/a: {x-amazon-apigateway-any-method: {responses: {}}}}\n"
    assert said(gateway.put_rest_api, restApiId=api["id"], mode="overwrite", body="a: b") == "Invalid OpenAPI input."
    assert gateway.put_rest_api(restApiId=api["id"], mode="merge", body=json.dumps(DOCUMENT))["name"] == "films"
    paths = lambda: sorted(item["path"] for item in gateway.get_resources(restApiId=api["id"])["items"])
    assert paths() == ["/", "/films", "/films/{film}"] and gateway.get_method(**method)["httpMethod"] == "GET"
    assert gateway.put_rest_api(restApiId=api["id"], mode="overwrite", body=smaller)["name"] == "less"
    assert paths() == ["/", "/a"] and said(gateway.get_method, **method) == "Invalid Method identifier specified"
    assert gateway.get_rest_api(restApiId=api["id"]).get("binaryMediaTypes") is None
    documentation = json.dumps({"openapi": "3.0.1", "x-amazon-apigateway-documentation": DOCUMENT["x-amazon-apigateway-documentation"]})
    assert len(gateway.import_documentation_parts(restApiId=api["id"], mode="overwrite", body=documentation)["ids"]) == 1


def test_a_document_that_is_merged_again(gateway):
    """What has the same name is changed, and keeps the id that methods refer to."""
    pools = {"type": "apiKey", "in": "header", "name": "Authorization", "x-amazon-apigateway-authorizer": {"type": "cognito_user_pools", "providerARNs": ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_a"]}}
    document = {**DOCUMENT, "components": {**DOCUMENT["components"], "securitySchemes": {**DOCUMENT["components"]["securitySchemes"], "pools": pools}}}
    api = gateway.import_rest_api(body=json.dumps(document))["id"]
    validators, authorizers = gateway.get_request_validators(restApiId=api)["items"], gateway.get_authorizers(restApiId=api)["items"]
    document["x-amazon-apigateway-request-validators"] = {"all": {"validateRequestBody": False, "validateRequestParameters": True}}
    document["components"]["schemas"] = {"Film": {"type": "string"}}
    document["x-amazon-apigateway-documentation"] = {"documentationParts": [{"location": {"type": "METHOD", "method": "GET"}, "properties": {"a": "c"}}]}
    document["paths"]["/films/{film}"]["get"]["operationId"] = "film"
    gateway.put_rest_api(restApiId=api, body=json.dumps(document))  # to merge is the default
    gateway.put_rest_api(restApiId=api, body=json.dumps({"swagger": "2.0", "paths": {"/more": {}}}))
    assert gateway.get_request_validators(restApiId=api)["items"] == [{**validators[0], "validateRequestBody": False}]
    assert gateway.get_authorizers(restApiId=api)["items"] == authorizers
    assert json.loads(gateway.get_model(restApiId=api, modelName="Film")["schema"]) == {"type": "string"}
    (part,) = gateway.get_documentation_parts(restApiId=api)["items"]
    assert json.loads(part["properties"]) == {"a": "c"}
    listed = {item["path"]: item["id"] for item in gateway.get_resources(restApiId=api)["items"]}
    assert sorted(listed) == ["/", "/films", "/films/{film}", "/more"]
    assert gateway.get_method(restApiId=api, resourceId=listed["/films/{film}"], httpMethod="GET")["operationName"] == "film"


@pytest.mark.full
def test_a_large_document_is_faster_than_its_calls(sandbox, gateway, api):
    names = [f"p{number}" for number in range(400)]

    def by_hand():
        for name in names:
            above = gateway.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart=name)
            gateway.create_resource(restApiId=api["id"], parentId=above["id"], pathPart="a")

    document = json.dumps({"swagger": "2.0", "paths": {f"/{name}/a": {"get": {"responses": {}}} for name in names}})
    _, calls_s = cpu_of(by_hand, sandbox.process)
    made, cpu_s = cpu_of(lambda: gateway.import_rest_api(body=document), sandbox.process)
    assert cpu_s < calls_s
    pages = gateway.get_paginator("get_resources").paginate(restApiId=made["id"])
    assert len([item for page in pages for item in page["items"]]) == 801


def test_pages_of_what_there_is(gateway, api, method):
    for number in range(26):
        gateway.create_documentation_part(restApiId=api["id"], location={"type": "RESOURCE", "path": f"/{number}"}, properties="{}")
    page = gateway.get_documentation_parts(restApiId=api["id"])
    assert len(page["items"]) == 25 and len(gateway.get_documentation_parts(restApiId=api["id"], position=page["position"])["items"]) == 1
    assert len(gateway.get_documentation_parts(restApiId=api["id"], limit=500)["items"]) == 26
    assert [one["responseType"] for one in gateway.get_gateway_responses(restApiId=api["id"], limit=1)["items"]] == ["ACCESS_DENIED"]
    assert gateway.get_usage_plan_keys(usagePlanId="none")["items"] == []  # as AWS has it
    plan, key = gateway.create_usage_plan(name="plan")["id"], gateway.create_api_key(name="of-a-plan")["id"]
    gateway.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    assert [one["id"] for one in gateway.get_usage_plan_keys(usagePlanId=plan, nameQuery="of-a", limit=5)["items"]] == [key]
    assert said(gateway.put_method, **method, authorizationType="NONE") == "Method already exists for this resource"


@pytest.mark.full
def test_more_keys_than_a_page_may_have(gateway):
    made = [gateway.create_api_key(name="many")["id"] for _ in range(501)]
    listed = [key["id"] for page in gateway.get_paginator("get_api_keys").paginate(nameQuery="many", PaginationConfig={"PageSize": 500}) for key in page["items"]]
    for key in made:
        gateway.delete_api_key(apiKey=key)
    assert listed == made[::-1]


@pytest.mark.parametrize("part", [
    {"securityDefinitions": {"a": {"x-amazon-apigateway-authorizer": {}}}}, {"securityDefinitions": {"a": {"x-amazon-apigateway-authorizer": "x"}}},
    {"paths": {"/a": {"get": {"x-amazon-apigateway-integration": {"type": "mock", "responses": {"default": [1]}}}}}},
    {"x-amazon-apigateway-documentation": {"documentationParts": ["x", [1]]}},
], ids=["an authorizer without a type", "an authorizer that is a text", "a response that is a list", "documentation that is none"])
def test_documents_that_are_not_what_they_say(sandbox, part):
    """They are refused, and nothing of them is left."""
    api = sandbox.client("apigateway")
    had = {one["id"] for one in api.get_rest_apis(limit=500)["items"]}
    with pytest.raises(ClientError) as refused:
        api.import_rest_api(body=json.dumps({"swagger": "2.0", "info": {"title": "broken"}, **part}))
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert {one["id"] for one in api.get_rest_apis(limit=500)["items"]} == had
