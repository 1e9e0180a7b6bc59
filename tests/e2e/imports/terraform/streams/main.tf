# Clicks: a stream, a table, and what could not be read.
variable "name" { default = "clicks" }
resource "aws_kinesis_stream" "clicks" {
  name             = var.name
  shard_count      = 2
  retention_period = 48
  tags             = { team = "web" }
}
resource "aws_dynamodb_table" "sessions" {
  name         = "${var.name}-sessions"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {
    name = "id"
    type = "S"
  }
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
}
resource "aws_sqs_queue" "dead" {
  name                      = "${var.name}-dead"
  message_retention_seconds = 1209600
}
resource "aws_sqs_queue_policy" "dead" {
  queue_url = aws_sqs_queue.dead.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = "*", Action = "sqs:SendMessage", Resource = aws_sqs_queue.dead.arn }]
  })
}
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "${var.name}-late"
  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  dimensions          = { StreamName = aws_kinesis_stream.clicks.name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 3
  threshold           = 60000
  comparison_operator = "GreaterThanThreshold"
}
