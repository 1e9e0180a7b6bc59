# Zones of a lake, a job, and who is told.
variable "owner" { default = "ada" }
variable "password" {
  sensitive = true
  default = "hunter2-tf"
}
locals { prefix = "${var.owner}-lake" }
data "aws_caller_identity" "me" {}
resource "aws_s3_bucket" "zone" {
  for_each = toset(["bronze", "silver"])
  bucket = "${local.prefix}-${each.key}"
  tags = { zone = each.key, team = "data" }
}
resource "aws_s3_bucket_versioning" "zone" {
  for_each = aws_s3_bucket.zone
  bucket = each.value.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_iam_role" "job" {
  name = "${var.owner}-job"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}
data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals { 
      type = "Service" 
      identifiers = ["glue.amazonaws.com"] 
    }
  }
}
resource "aws_iam_role_policy" "lake" {
  name = "lake"
  role = aws_iam_role.job.id
  policy = jsonencode({Version = "2012-10-17", Statement = [{Effect = "Allow", Action = "s3:*", Resource = [for b in aws_s3_bucket.zone : "${b.arn}/*"]}]})
}
resource "aws_sqs_queue" "dead" { name = "${var.owner}-dead" }
resource "aws_sqs_queue" "work" {
  count = 2
  name = "${var.owner}-work-${count.index}"
  visibility_timeout_seconds = 60
  redrive_policy = jsonencode({deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3})
}
resource "aws_ssm_parameter" "pw" {
  name = "/lake/password"
  type = "SecureString"
  value = var.password
}
resource "aws_glue_catalog_database" "db" { name = "lake" }
resource "aws_glue_job" "bronze" {
  name = "bronze"
  role_arn = aws_iam_role.job.arn
  glue_version = "4.0"
  command { script_location = "s3://${aws_s3_bucket.zone["bronze"].bucket}/job.py" }
  default_arguments = { "--db" = aws_glue_catalog_database.db.name }
}
module "told" { 
  source = "./told" 
  name = "${var.owner}-told" 
}
resource "aws_cloudwatch_event_rule" "night" {
  name = "night"
  schedule_expression = "cron(0 3 * * ? *)"
}
resource "aws_cloudwatch_event_target" "night" {
  rule = aws_cloudwatch_event_rule.night.name
  target_id = "told"
  arn = module.told.arn
}
output "buckets" { value = { for k, b in aws_s3_bucket.zone : k => b.arn } }
output "role" { value = aws_iam_role.job.arn }
output "account" { value = data.aws_caller_identity.me.account_id }
