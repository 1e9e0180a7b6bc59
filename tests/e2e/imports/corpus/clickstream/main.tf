# Clicks from the browser to a table: stream, a function that cleans, delivery, catalogue, queries.
provider "aws" { region = "us-east-1" }

variable "name" { default = "clicks" }
variable "tags" {
  type    = map(string)
  default = { team = "web", cost = "4711" }
}

data "aws_region" "here" {}
data "aws_caller_identity" "me" {}

resource "aws_kinesis_stream" "clicks" {
  name             = var.name
  retention_period = 72
  encryption_type  = "KMS"
  kms_key_id       = "alias/aws/kinesis"
  stream_mode_details { stream_mode = "ON_DEMAND" }
  tags = var.tags
}

resource "aws_s3_bucket" "lake" {
  bucket        = "${var.name}-lake-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
  tags          = var.tags
}

resource "aws_s3_bucket_versioning" "lake" {
  bucket = aws_s3_bucket.lake.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_public_access_block" "lake" {
  bucket                  = aws_s3_bucket.lake.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_intelligent_tiering_configuration" "cold" {
  bucket = aws_s3_bucket.lake.id
  name   = "cold"
  tiering {
    access_tier = "ARCHIVE_ACCESS"
    days        = 120
  }
}

resource "aws_s3_bucket_cors_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://dashboards.example.com"]
    max_age_seconds = 300
  }
}

resource "aws_glue_catalog_database" "lake" { name = "${var.name}_lake" }

resource "aws_glue_catalog_table" "clicks" {
  name          = "clicks"
  database_name = aws_glue_catalog_database.lake.name
  table_type    = "EXTERNAL_TABLE"
  parameters = {
    classification              = "parquet"
    "projection.enabled"        = "true"
    "projection.day.type"       = "date"
    "projection.day.format"     = "yyyy-MM-dd"
    "projection.day.range"      = "2020-01-01,NOW"
    "storage.location.template" = "s3://${aws_s3_bucket.lake.bucket}/clicks/day=$${day}/"
  }
  storage_descriptor {
    location      = "s3://${aws_s3_bucket.lake.bucket}/clicks/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
      parameters            = { "serialization.format" = "1" }
    }
    columns {
      name = "visitor"
      type = "string"
    }
    columns {
      name    = "at"
      type    = "timestamp"
      comment = "when it was clicked"
    }
  }
  partition_keys {
    name = "day"
    type = "string"
  }
}

resource "aws_iam_role" "delivery" {
  name = "${var.name}-delivery"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = "sts:AssumeRole", Principal = { Service = "firehose.amazonaws.com" },
      Condition = { StringEquals = { "sts:ExternalId" = data.aws_caller_identity.me.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "delivery" {
  name = "delivery"
  role = aws_iam_role.delivery.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = ["s3:PutObject", "s3:GetBucketLocation", "s3:ListBucket", "s3:AbortMultipartUpload"], Resource = [aws_s3_bucket.lake.arn, "${aws_s3_bucket.lake.arn}/*"] },
    { Effect = "Allow", Action = ["kinesis:DescribeStream", "kinesis:GetShardIterator", "kinesis:GetRecords", "kinesis:ListShards"], Resource = aws_kinesis_stream.clicks.arn },
    { Effect = "Allow", Action = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"], Resource = "*" },
  { Effect = "Allow", Action = "lambda:InvokeFunction", Resource = "${aws_lambda_function.clean.arn}:*" }] })
}

resource "aws_iam_role" "clean" {
  name                 = "${var.name}-clean"
  path                 = "/service/"
  max_session_duration = 7200
  assume_role_policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "clean" {
  role       = aws_iam_role.clean.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "clean" {
  function_name    = "${var.name}-clean"
  role             = aws_iam_role.clean.arn
  runtime          = "python3.12"
  handler          = "clean.handler"
  filename         = "${path.module}/clean.zip"
  source_code_hash = filebase64sha256("${path.module}/clean.zip")
  timeout          = 60
  memory_size      = 256
  architectures    = ["arm64"]
  environment {
    variables = { LAKE = aws_s3_bucket.lake.bucket, REGION = data.aws_region.here.name }
  }
  depends_on = [aws_cloudwatch_log_group.clean]
  tags       = var.tags
}

resource "aws_cloudwatch_log_group" "clean" {
  name              = "/aws/lambda/${var.name}-clean"
  retention_in_days = 14
  tags              = var.tags
}

resource "aws_cloudwatch_log_group" "delivery" {
  name              = "/aws/kinesisfirehose/${var.name}"
  retention_in_days = 14
}

resource "aws_cloudwatch_log_stream" "delivery" {
  name           = "s3"
  log_group_name = aws_cloudwatch_log_group.delivery.name
}

resource "aws_kinesis_firehose_delivery_stream" "clicks" {
  name        = "${var.name}-to-lake"
  destination = "extended_s3"
  kinesis_source_configuration {
    kinesis_stream_arn = aws_kinesis_stream.clicks.arn
    role_arn           = aws_iam_role.delivery.arn
  }
  extended_s3_configuration {
    role_arn            = aws_iam_role.delivery.arn
    bucket_arn          = aws_s3_bucket.lake.arn
    prefix              = "clicks/day=!{timestamp:yyyy-MM-dd}/"
    error_output_prefix = "errors/!{firehose:error-output-type}/"
    buffering_size      = 128
    buffering_interval  = 300
    cloudwatch_logging_options {
      enabled         = true
      log_group_name  = aws_cloudwatch_log_group.delivery.name
      log_stream_name = aws_cloudwatch_log_stream.delivery.name
    }
    processing_configuration {
      enabled = true
      processors {
        type = "Lambda"
        parameters {
          parameter_name  = "LambdaArn"
          parameter_value = "${aws_lambda_function.clean.arn}:$LATEST"
        }
      }
    }
    data_format_conversion_configuration {
      input_format_configuration {
        deserializer {
          open_x_json_ser_de {}
        }
      }
      output_format_configuration {
        serializer {
          parquet_ser_de { compression = "SNAPPY" }
        }
      }
      schema_configuration {
        database_name = aws_glue_catalog_database.lake.name
        table_name    = aws_glue_catalog_table.clicks.name
        role_arn      = aws_iam_role.delivery.arn
      }
    }
  }
  tags = var.tags
}

resource "aws_athena_workgroup" "people" {
  name          = "${var.name}-people"
  force_destroy = true
  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = 10737418240
    result_configuration {
      output_location = "s3://${aws_s3_bucket.lake.bucket}/results/"
      encryption_configuration { encryption_option = "SSE_S3" }
    }
  }
}

resource "aws_athena_named_query" "today" {
  name        = "today"
  description = "Who was there today"
  workgroup   = aws_athena_workgroup.people.id
  database    = aws_glue_catalog_database.lake.name
  query       = "select visitor, count(*) from clicks where day = cast(current_date as varchar) group by 1"
}

resource "aws_sns_topic" "alarms" { name = "${var.name}-alarms" }

resource "aws_sns_topic_subscription" "alarms" {
  for_each  = toset(["data@example.com", "web@example.com"])
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "${var.name}-late"
  alarm_description   = "Records wait for more than a minute"
  namespace           = "AWS/Kinesis"
  metric_name         = "GetRecords.IteratorAgeMilliseconds"
  dimensions          = { StreamName = aws_kinesis_stream.clicks.name }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = 60000
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
