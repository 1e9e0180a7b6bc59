# Layers that Glue makes of each other every night, and Lake Formation governs.
provider "aws" {
  region = var.region
  default_tags {
    tags = { team = "data", stack = var.name }
  }
}

variable "region" { default = "us-east-1" }
variable "name" { default = "governed" }

locals {
  layers = toset(["raw", "trusted", "refined"])
  steps  = { trusted = "raw", refined = "trusted" }
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "glue_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com", "lakeformation.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "glue" {
  statement {
    sid       = "Layers"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]
    resources = [for layer in aws_s3_bucket.layer : "${layer.arn}/*"]
  }
  statement {
    sid       = "Governed"
    actions   = ["lakeformation:GetDataAccess"]
    resources = ["*"]
  }
}

resource "aws_kms_key" "lake" {
  description             = "Encrypts the layers"
  enable_key_rotation     = true
  deletion_window_in_days = 7
}

resource "aws_kms_alias" "lake" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.lake.key_id
}

resource "aws_s3_bucket" "layer" {
  for_each      = local.layers
  bucket        = "${var.name}-${each.key}-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "layer" {
  for_each = aws_s3_bucket.layer
  bucket   = each.value.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "layer" {
  for_each = aws_s3_bucket.layer
  bucket   = each.value.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.lake.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "layer" {
  for_each                = aws_s3_bucket.layer
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_lifecycle_configuration" "raw" {
  bucket = aws_s3_bucket.layer["raw"].id
  rule {
    id     = "old"
    status = "Enabled"
    filter { prefix = "in/" }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    expiration { days = 365 }
  }
  rule {
    id     = "unfinished"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload { days_after_initiation = 3 }
  }
}

resource "aws_s3_bucket" "logs" {
  bucket        = "${var.name}-logs-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_ownership_controls" "logs" {
  bucket = aws_s3_bucket.logs.id
  rule { object_ownership = "BucketOwnerEnforced" }
}

resource "aws_s3_bucket_logging" "raw" {
  bucket        = aws_s3_bucket.layer["raw"].id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "raw/"
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["s3:GetBucketAcl"]
    resources = [aws_s3_bucket.logs.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
  }
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.logs.arn}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com", "logging.s3.amazonaws.com"]
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket.logs.id
  policy = data.aws_iam_policy_document.logs.json
}

resource "aws_cloudtrail" "lake" {
  name                       = var.name
  s3_bucket_name             = aws_s3_bucket.logs.id
  enable_log_file_validation = true
  event_selector {
    read_write_type           = "All"
    include_management_events = false
    data_resource {
      type   = "AWS::S3::Object"
      values = ["${aws_s3_bucket.layer["refined"].arn}/"]
    }
  }
  depends_on = [aws_s3_bucket_policy.logs]
}

resource "aws_iam_role" "glue" {
  name               = "${var.name}-glue"
  assume_role_policy = data.aws_iam_policy_document.glue_trust.json
}

resource "aws_iam_role_policy" "glue" {
  name   = "layers"
  role   = aws_iam_role.glue.id
  policy = data.aws_iam_policy_document.glue.json
}

resource "aws_iam_role_policy_attachment" "glue" {
  role       = aws_iam_role.glue.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSGlueServiceRole"
}

resource "aws_iam_role" "analyst" {
  name = "${var.name}-analyst"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root" } }]
  })
}

resource "aws_glue_catalog_database" "layer" {
  for_each     = local.layers
  name         = "${var.name}_${each.key}"
  location_uri = "s3://${aws_s3_bucket.layer[each.key].bucket}/"
}

resource "aws_glue_security_configuration" "lake" {
  name = var.name
  encryption_configuration {
    cloudwatch_encryption { cloudwatch_encryption_mode = "DISABLED" }
    job_bookmarks_encryption { job_bookmarks_encryption_mode = "DISABLED" }
    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = aws_kms_key.lake.arn
    }
  }
}

resource "aws_glue_classifier" "semicolons" {
  name = "${var.name}-semicolons"
  csv_classifier {
    delimiter       = ";"
    quote_symbol    = "\""
    contains_header = "PRESENT"
    header          = ["id", "at", "amount"]
  }
}

resource "aws_glue_crawler" "raw" {
  name          = "${var.name}-raw"
  role          = aws_iam_role.glue.arn
  database_name = aws_glue_catalog_database.layer["raw"].name
  table_prefix  = "in_"
  schedule      = "cron(0 2 * * ? *)"
  classifiers   = [aws_glue_classifier.semicolons.name]
  configuration = jsonencode({ Version = 1.0, Grouping = { TableLevelConfiguration = 3 } })
  s3_target {
    path       = "s3://${aws_s3_bucket.layer["raw"].bucket}/in"
    exclusions = ["**.tmp"]
  }
  schema_change_policy {
    delete_behavior = "LOG"
    update_behavior = "UPDATE_IN_DATABASE"
  }
}

resource "aws_s3_object" "step" {
  for_each = local.steps
  bucket   = aws_s3_bucket.layer["raw"].id
  key      = "code/${each.key}.py"
  content  = "print('${each.value} to ${each.key}')\n"
}

resource "aws_glue_job" "step" {
  for_each               = local.steps
  name                   = "${var.name}-${each.key}"
  role_arn               = aws_iam_role.glue.arn
  glue_version           = "4.0"
  worker_type            = "G.1X"
  number_of_workers      = 4
  timeout                = 120
  max_retries            = 1
  execution_class        = "STANDARD"
  security_configuration = aws_glue_security_configuration.lake.name
  command {
    name            = "glueetl"
    script_location = "s3://${aws_s3_object.step[each.key].bucket}/${aws_s3_object.step[each.key].key}"
    python_version  = "3"
  }
  default_arguments = {
    "--from"                = aws_s3_bucket.layer[each.value].bucket
    "--to"                  = aws_s3_bucket.layer[each.key].bucket
    "--job-bookmark-option" = "job-bookmark-enable"
  }
  execution_property { max_concurrent_runs = 2 }
}

resource "aws_glue_workflow" "night" {
  name                   = "${var.name}-night"
  default_run_properties = { day = "yesterday" }
}

resource "aws_glue_trigger" "start" {
  name          = "${var.name}-start"
  type          = "SCHEDULED"
  schedule      = "cron(0 3 * * ? *)"
  workflow_name = aws_glue_workflow.night.name
  actions { crawler_name = aws_glue_crawler.raw.name }
}

resource "aws_glue_trigger" "trusted" {
  name          = "${var.name}-trusted"
  type          = "CONDITIONAL"
  workflow_name = aws_glue_workflow.night.name
  actions {
    job_name  = aws_glue_job.step["trusted"].name
    arguments = { "--full" = "no" }
  }
  predicate {
    conditions {
      crawler_name = aws_glue_crawler.raw.name
      crawl_state  = "SUCCEEDED"
    }
  }
}

resource "aws_glue_trigger" "refined" {
  name          = "${var.name}-refined"
  type          = "CONDITIONAL"
  workflow_name = aws_glue_workflow.night.name
  actions { job_name = aws_glue_job.step["refined"].name }
  predicate {
    conditions {
      job_name = aws_glue_job.step["trusted"].name
      state    = "SUCCEEDED"
    }
  }
}

resource "aws_glue_registry" "events" { registry_name = var.name }

resource "aws_glue_data_quality_ruleset" "refined" {
  name    = "${var.name}-refined"
  ruleset = "Rules = [ IsComplete \"id\", RowCount > 0 ]"
}

resource "aws_lakeformation_data_lake_settings" "lake" {
  admins = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:root", aws_iam_role.glue.arn]
}

resource "aws_lakeformation_resource" "layer" {
  for_each = aws_s3_bucket.layer
  arn      = each.value.arn
  role_arn = aws_iam_role.glue.arn
}

resource "aws_lakeformation_lf_tag" "zone" {
  key    = "zone"
  values = ["raw", "refined", "trusted"]
}

resource "aws_lakeformation_permissions" "glue" {
  for_each    = aws_glue_catalog_database.layer
  principal   = aws_iam_role.glue.arn
  permissions = ["ALTER", "CREATE_TABLE", "DESCRIBE"]
  database { name = each.value.name }
}

resource "aws_lakeformation_permissions" "analyst" {
  principal   = aws_iam_role.analyst.arn
  permissions = ["DESCRIBE"]
  database { name = aws_glue_catalog_database.layer["refined"].name }
}

resource "aws_lakeformation_permissions" "analyst_tables" {
  principal   = aws_iam_role.analyst.arn
  permissions = ["SELECT"]
  table {
    database_name = aws_glue_catalog_database.layer["refined"].name
    wildcard      = true
  }
}

output "databases" { value = [for one in aws_glue_catalog_database.layer : one.name] }
output "analyst" {
  description = "Who may read what is refined"
  value       = aws_iam_role.analyst.arn
}
