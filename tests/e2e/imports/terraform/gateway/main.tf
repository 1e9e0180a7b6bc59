# Clicks come in over an API and go on into a stream.
resource "aws_kinesis_stream" "clicks" {
  name        = "clicks"
  shard_count = 1
}
resource "aws_iam_role" "writer" {
  name               = "clicks-writer"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "apigateway.amazonaws.com" }, Action = "sts:AssumeRole" }] })
}
resource "aws_api_gateway_rest_api" "clicks" {
  name        = "clicks"
  description = "What comes in"
  endpoint_configuration {
    types = ["REGIONAL"]
  }
}
resource "aws_api_gateway_resource" "events" {
  rest_api_id = aws_api_gateway_rest_api.clicks.id
  parent_id   = aws_api_gateway_rest_api.clicks.root_resource_id
  path_part   = "events"
}
resource "aws_api_gateway_request_validator" "bodies" {
  name                  = "bodies"
  rest_api_id           = aws_api_gateway_rest_api.clicks.id
  validate_request_body = true
}
resource "aws_api_gateway_method" "put" {
  rest_api_id          = aws_api_gateway_rest_api.clicks.id
  resource_id          = aws_api_gateway_resource.events.id
  http_method          = "POST"
  authorization        = "NONE"
  api_key_required     = true
  request_validator_id = aws_api_gateway_request_validator.bodies.id
  request_parameters   = { "method.request.header.X-Shop" = true }
}
resource "aws_api_gateway_integration" "put" {
  rest_api_id             = aws_api_gateway_rest_api.clicks.id
  resource_id             = aws_api_gateway_resource.events.id
  http_method             = aws_api_gateway_method.put.http_method
  type                    = "AWS"
  integration_http_method = "POST"
  uri                     = "arn:aws:apigateway:us-east-1:kinesis:action/PutRecord"
  credentials             = aws_iam_role.writer.arn
  request_templates       = { "application/json" = "{\"StreamName\": \"clicks\"}" }
}
resource "aws_api_gateway_method_response" "taken" {
  rest_api_id     = aws_api_gateway_rest_api.clicks.id
  resource_id     = aws_api_gateway_resource.events.id
  http_method     = aws_api_gateway_method.put.http_method
  status_code     = "200"
  response_models = { "application/json" = "Empty" }
}
resource "aws_api_gateway_integration_response" "taken" {
  rest_api_id        = aws_api_gateway_rest_api.clicks.id
  resource_id        = aws_api_gateway_resource.events.id
  http_method        = aws_api_gateway_method.put.http_method
  status_code        = aws_api_gateway_method_response.taken.status_code
  response_templates = { "application/json" = "{\"taken\": true}" }
  depends_on         = [aws_api_gateway_integration.put]
}
resource "aws_api_gateway_deployment" "now" {
  rest_api_id = aws_api_gateway_rest_api.clicks.id
  triggers    = { made_of = aws_api_gateway_integration.put.uri }
  depends_on  = [aws_api_gateway_integration_response.taken]
  lifecycle {
    create_before_destroy = true
  }
}
resource "aws_api_gateway_stage" "prod" {
  rest_api_id   = aws_api_gateway_rest_api.clicks.id
  deployment_id = aws_api_gateway_deployment.now.id
  stage_name    = "prod"
  variables     = { level = "low" }
}
resource "aws_api_gateway_method_settings" "all" {
  rest_api_id = aws_api_gateway_rest_api.clicks.id
  stage_name  = aws_api_gateway_stage.prod.stage_name
  method_path = "*/*"
  settings {
    metrics_enabled        = true
    throttling_rate_limit  = 50
    throttling_burst_limit = 100
  }
}
resource "aws_api_gateway_api_key" "shop" {
  name = "shop"
}
resource "aws_api_gateway_usage_plan" "shops" {
  name = "shops"
  api_stages {
    api_id = aws_api_gateway_rest_api.clicks.id
    stage  = aws_api_gateway_stage.prod.stage_name
  }
  quota_settings {
    limit  = 10000
    period = "DAY"
  }
}
resource "aws_api_gateway_usage_plan_key" "shop" {
  key_id        = aws_api_gateway_api_key.shop.id
  key_type      = "API_KEY"
  usage_plan_id = aws_api_gateway_usage_plan.shops.id
}
