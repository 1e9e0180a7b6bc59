# A day of Spark without servers: Step Functions runs it, EventBridge starts it, people are told.
provider "aws" { region = "us-east-1" }

variable "name" { default = "spark-day" }
variable "stage" { default = "dev" }

locals { prefix = "${var.name}-${var.stage}" }

resource "aws_s3_bucket" "work" {
  bucket        = "${local.prefix}-work-4711"
  force_destroy = true
}

resource "aws_s3_object" "job" {
  for_each = toset(["clean.py", "join.py"])
  bucket   = aws_s3_bucket.work.id
  key      = "jobs/${each.value}"
  source   = "${path.module}/jobs/${each.value}"
  etag     = filemd5("${path.module}/jobs/${each.value}")
}

resource "aws_iam_role" "spark" {
  name               = "${local.prefix}-spark"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "emr-serverless.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "spark" {
  name   = "work"
  role   = aws_iam_role.spark.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject", "s3:ListBucket"], Resource = [aws_s3_bucket.work.arn, "${aws_s3_bucket.work.arn}/*"] }] })
}

resource "aws_emrserverless_application" "spark" {
  name          = local.prefix
  release_label = "emr-7.1.0"
  type          = "spark"
  architecture  = "ARM64"
  auto_start_configuration { enabled = true }
  auto_stop_configuration {
    enabled              = true
    idle_timeout_minutes = 5
  }
  initial_capacity {
    initial_capacity_type = "Driver"
    initial_capacity_config {
      worker_count = 1
      worker_configuration {
        cpu    = "2 vCPU"
        memory = "8 GB"
      }
    }
  }
  maximum_capacity {
    cpu    = "40 vCPU"
    memory = "160 GB"
  }
  tags = { stage = var.stage }
}

resource "aws_sns_topic" "people" { name = "${local.prefix}-people" }

resource "aws_sns_topic_subscription" "people" {
  topic_arn = aws_sns_topic.people.arn
  protocol  = "email"
  endpoint  = "data@example.com"
}

resource "aws_dynamodb_table" "runs" {
  name         = "${local.prefix}-runs"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "day"
  range_key    = "step"
  attribute {
    name = "day"
    type = "S"
  }
  attribute {
    name = "step"
    type = "S"
  }
  attribute {
    name = "state"
    type = "S"
  }
  global_secondary_index {
    name            = "by_state"
    hash_key        = "state"
    range_key       = "day"
    projection_type = "ALL"
  }
  ttl {
    attribute_name = "until"
    enabled        = true
  }
  point_in_time_recovery { enabled = true }
}

resource "aws_iam_role" "machine" {
  name               = "${local.prefix}-machine"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "states.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "machine" {
  name = "run"
  role = aws_iam_role.machine.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["emr-serverless:StartJobRun", "emr-serverless:GetJobRun", "emr-serverless:CancelJobRun"], Resource = "${aws_emrserverless_application.spark.arn}*" },
    { Effect = "Allow", Action = "iam:PassRole", Resource = aws_iam_role.spark.arn },
    { Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.people.arn },
    { Effect = "Allow", Action = "dynamodb:PutItem", Resource = aws_dynamodb_table.runs.arn },
  { Effect = "Allow", Action = "logs:*", Resource = "*" }] })
}

resource "aws_cloudwatch_log_group" "day" {
  name              = "/aws/vendedlogs/states/${local.prefix}"
  retention_in_days = 30
}

resource "aws_sfn_state_machine" "day" {
  name     = "${local.prefix}-day"
  role_arn = aws_iam_role.machine.arn
  type     = "STANDARD"
  definition = jsonencode({
    Comment = "A day"
    StartAt = "Clean"
    States = {
      Clean = {
        Type     = "Task"
        Resource = "arn:aws:states:::emr-serverless:startJobRun.sync"
        Parameters = {
          ApplicationId    = aws_emrserverless_application.spark.id
          ExecutionRoleArn = aws_iam_role.spark.arn
          JobDriver        = { SparkSubmit = { EntryPoint = "s3://${aws_s3_bucket.work.bucket}/jobs/clean.py" } }
        }
        Retry = [{ ErrorEquals = ["States.TaskFailed"], IntervalSeconds = 60, MaxAttempts = 2, BackoffRate = 2.0 }]
        Catch = [{ ErrorEquals = ["States.ALL"], Next = "Tell" }]
        Next  = "Note"
      }
      Note = {
        Type       = "Task"
        Resource   = "arn:aws:states:::dynamodb:putItem"
        Parameters = { TableName = aws_dynamodb_table.runs.name, Item = { "day" = { "S.$" = "$.day" }, step = { S = "clean" } } }
        End        = true
      }
      Tell   = { Type = "Task", Resource = "arn:aws:states:::sns:publish", Parameters = { TopicArn = aws_sns_topic.people.arn, Message = "the day has failed" }, Next = "Failed" }
      Failed = { Type = "Fail" }
    }
  })
  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.day.arn}:*"
    include_execution_data = true
    level                  = "ERROR"
  }
  tracing_configuration { enabled = true }
}

resource "aws_iam_role" "events" {
  name               = "${local.prefix}-events"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = ["events.amazonaws.com", "scheduler.amazonaws.com"] } }] })
}

resource "aws_iam_role_policy" "events" {
  name   = "start"
  role   = aws_iam_role.events.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "states:StartExecution", Resource = aws_sfn_state_machine.day.arn }] })
}

resource "aws_cloudwatch_event_bus" "data" { name = local.prefix }

resource "aws_cloudwatch_event_rule" "arrived" {
  name           = "${local.prefix}-arrived"
  event_bus_name = aws_cloudwatch_event_bus.data.name
  event_pattern  = jsonencode({ source = ["shops"], detail-type = ["day closed"] })
}

resource "aws_cloudwatch_event_target" "arrived" {
  rule           = aws_cloudwatch_event_rule.arrived.name
  event_bus_name = aws_cloudwatch_event_bus.data.name
  target_id      = "day"
  arn            = aws_sfn_state_machine.day.arn
  role_arn       = aws_iam_role.events.arn
  input_transformer {
    input_paths    = { day = "$.detail.day" }
    input_template = "{\"day\": <day>}"
  }
  retry_policy {
    maximum_event_age_in_seconds = 3600
    maximum_retry_attempts       = 5
  }
  dead_letter_config { arn = aws_sqs_queue.dead.arn }
}

resource "aws_sqs_queue" "dead" { name = "${local.prefix}-dead" }

resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy    = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "events.amazonaws.com" }, Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead.arn }] })
}

resource "aws_scheduler_schedule_group" "days" { name = local.prefix }

resource "aws_scheduler_schedule" "nightly" {
  name                         = "${local.prefix}-nightly"
  group_name                   = aws_scheduler_schedule_group.days.name
  schedule_expression          = "cron(0 5 * * ? *)"
  schedule_expression_timezone = "Europe/Vienna"
  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 15
  }
  target {
    arn      = aws_sfn_state_machine.day.arn
    role_arn = aws_iam_role.events.arn
    input    = jsonencode({ day = "yesterday" })
    retry_policy { maximum_retry_attempts = 3 }
  }
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  alarm_name          = "${local.prefix}-failed"
  namespace           = "AWS/States"
  metric_name         = "ExecutionsFailed"
  dimensions          = { StateMachineArn = aws_sfn_state_machine.day.arn }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  alarm_actions       = [aws_sns_topic.people.arn]
}

output "machine" { value = aws_sfn_state_machine.day.arn }
