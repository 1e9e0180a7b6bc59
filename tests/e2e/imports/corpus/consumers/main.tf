# Events by Kafka, functions that consume them, what failed kept in queues.
provider "aws" { region = "us-east-1" }

variable "name" { default = "events" }
variable "consumers" {
  default = {
    orders   = { batch = 100, memory = 256 }
    payments = { batch = 10, memory = 512 }
  }
}

resource "aws_vpc" "net" {
  cidr_block           = "10.43.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "part" {
  for_each          = { a = "10.43.1.0/24", b = "10.43.2.0/24", c = "10.43.3.0/24" }
  vpc_id            = aws_vpc.net.id
  cidr_block        = each.value
  availability_zone = "us-east-1${each.key}"
}

resource "aws_security_group" "kafka" {
  name        = "${var.name}-kafka"
  description = "Brokers"
  vpc_id      = aws_vpc.net.id
}

resource "aws_security_group" "consumers" {
  name        = "${var.name}-consumers"
  description = "Functions"
  vpc_id      = aws_vpc.net.id
}

resource "aws_vpc_security_group_ingress_rule" "kafka" {
  security_group_id            = aws_security_group.kafka.id
  referenced_security_group_id = aws_security_group.consumers.id
  ip_protocol                  = "tcp"
  from_port                    = 9092
  to_port                      = 9098
}

resource "aws_vpc_security_group_ingress_rule" "brokers" {
  security_group_id            = aws_security_group.kafka.id
  referenced_security_group_id = aws_security_group.kafka.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "consumers" {
  security_group_id = aws_security_group.consumers.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_kms_key" "kafka" {
  description             = "Encrypts what brokers keep"
  deletion_window_in_days = 7
}

resource "aws_cloudwatch_log_group" "kafka" {
  name              = "/msk/${var.name}"
  retention_in_days = 7
}

resource "aws_msk_cluster" "events" {
  cluster_name           = var.name
  kafka_version          = "3.6.0"
  number_of_broker_nodes = 3
  enhanced_monitoring    = "PER_BROKER"
  broker_node_group_info {
    instance_type   = "kafka.m5.large"
    client_subnets  = [for one in aws_subnet.part : one.id]
    security_groups = [aws_security_group.kafka.id]
    storage_info {
      ebs_storage_info { volume_size = 100 }
    }
  }
  client_authentication {
    sasl { iam = true }
  }
  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.kafka.arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }
  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.kafka.name
      }
    }
  }
  tags = { team = "events" }
}

resource "aws_s3_bucket" "code" {
  bucket        = "${var.name}-code-4711"
  force_destroy = true
}

resource "aws_s3_object" "code" {
  bucket = aws_s3_bucket.code.id
  key    = "consume.zip"
  source = "${path.module}/consume.zip"
}

resource "aws_iam_role" "consumer" {
  name               = "${var.name}-consumer"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
  tags               = { team = "events" }
}

resource "aws_iam_role_policy_attachment" "consumer" {
  for_each   = toset(["AWSLambdaMSKExecutionRole", "AWSLambdaVPCAccessExecutionRole"])
  role       = aws_iam_role.consumer.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/${each.key}"
}

resource "aws_iam_role_policy" "consumer" {
  name = "consume"
  role = aws_iam_role.consumer.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["kafka-cluster:Connect", "kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup", "kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], Resource = "*" },
    { Effect = "Allow", Action = "sqs:SendMessage", Resource = [for one in aws_sqs_queue.failed : one.arn] },
  { Effect = "Allow", Action = "dynamodb:UpdateItem", Resource = aws_dynamodb_table.totals.arn }] })
}

resource "aws_dynamodb_table" "totals" {
  name                        = "${var.name}-totals"
  billing_mode                = "PROVISIONED"
  read_capacity               = 5
  write_capacity              = 10
  hash_key                    = "customer"
  stream_enabled              = true
  stream_view_type            = "NEW_IMAGE"
  deletion_protection_enabled = false
  attribute {
    name = "customer"
    type = "S"
  }
}

resource "aws_sqs_queue" "failed" {
  for_each                  = var.consumers
  name                      = "${var.name}-${each.key}-failed"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_cloudwatch_log_group" "consumer" {
  for_each          = var.consumers
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = 30
}

resource "aws_lambda_function" "consumer" {
  for_each      = var.consumers
  function_name = "${var.name}-${each.key}"
  role          = aws_iam_role.consumer.arn
  runtime       = "python3.12"
  handler       = "consume.${each.key}"
  s3_bucket     = aws_s3_object.code.bucket
  s3_key        = aws_s3_object.code.key
  timeout       = 60
  memory_size   = each.value.memory
  publish       = true
  environment { variables = { TABLE = aws_dynamodb_table.totals.name, TOPIC = each.key } }
  tracing_config { mode = "Active" }
  vpc_config {
    subnet_ids         = [for one in aws_subnet.part : one.id]
    security_group_ids = [aws_security_group.consumers.id]
  }
  depends_on = [aws_iam_role_policy_attachment.consumer]
}

resource "aws_lambda_alias" "live" {
  for_each         = aws_lambda_function.consumer
  name             = "live"
  function_name    = each.value.function_name
  function_version = each.value.version
}

resource "aws_lambda_event_source_mapping" "consumer" {
  for_each          = var.consumers
  event_source_arn  = aws_msk_cluster.events.arn
  function_name     = aws_lambda_alias.live[each.key].arn
  topics            = [each.key]
  starting_position = "TRIM_HORIZON"
  batch_size        = each.value.batch
  amazon_managed_kafka_event_source_config { consumer_group_id = "${var.name}-${each.key}" }
  destination_config {
    on_failure { destination_arn = aws_sqs_queue.failed[each.key].arn }
  }
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  for_each       = aws_cloudwatch_log_group.consumer
  name           = "${each.key}-errors"
  log_group_name = each.value.name
  pattern        = "ERROR"
  metric_transformation {
    name          = "Errors"
    namespace     = "Consumers/${each.key}"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  for_each            = aws_sqs_queue.failed
  alarm_name          = "${each.value.name}-alarm"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
}

resource "aws_cloudwatch_dashboard" "events" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ widgets = [{ type = "text", x = 0, y = 0, width = 6, height = 2, properties = { markdown = "# Events" } }] })
}
