# A platform for teams: layers and jobs by modules, names and passwords made up, what happens fanned out.
provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { platform = var.name }
  }
}

variable "name" { default = "platform" }
variable "with_bastion" { default = true }
variable "teams" {
  default = {
    sales   = { retention = 30, admins = ["ada", "grace"] }
    finance = { retention = 365, admins = ["edsger"] }
  }
}

module "layer" {
  for_each  = toset(["raw", "clean"])
  source    = "./modules/layer"
  name      = "${var.name}-${each.key}-4711"
  retention = each.key == "raw" ? 30 : 365
}

module "job" {
  source = "./modules/job"
  name   = "${var.name}-clean"
  from   = module.layer["raw"].bucket
  to     = module.layer["clean"].bucket
  code   = module.layer["raw"].bucket
}

resource "aws_sns_topic" "files" { name = "${var.name}-files" }

resource "aws_sns_topic_policy" "files" {
  arn    = aws_sns_topic.files.arn
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "s3.amazonaws.com" }, Action = "sns:Publish", Resource = aws_sns_topic.files.arn }] })
}

resource "aws_s3_bucket_notification" "raw" {
  bucket = module.layer["raw"].bucket
  topic {
    topic_arn     = aws_sns_topic.files.arn
    events        = ["s3:ObjectCreated:*"]
    filter_suffix = ".csv"
  }
  depends_on = [aws_sns_topic_policy.files]
}

resource "aws_sqs_queue" "dead" { name = "${var.name}-dead" }

resource "aws_sqs_queue" "team" {
  for_each                   = var.teams
  name                       = "${var.name}-${each.key}"
  visibility_timeout_seconds = 180
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue_policy" "team" {
  for_each  = aws_sqs_queue.team
  queue_url = each.value.id
  policy    = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { Service = "sns.amazonaws.com" }, Action = "sqs:SendMessage", Resource = each.value.arn, Condition = { ArnEquals = { "aws:SourceArn" = aws_sns_topic.files.arn } } }] })
}

resource "aws_sns_topic_subscription" "team" {
  for_each             = aws_sqs_queue.team
  topic_arn            = aws_sns_topic.files.arn
  protocol             = "sqs"
  endpoint             = each.value.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ team = [each.key] })
}

resource "aws_iam_group" "team" {
  for_each = var.teams
  name     = "${var.name}-${each.key}"
}

resource "aws_iam_user" "admin" {
  for_each = toset(flatten([for team in var.teams : team.admins]))
  name     = "${var.name}-${each.key}"
}

resource "aws_iam_user_policy" "admin" {
  for_each = aws_iam_user.admin
  name     = "read"
  user     = each.value.name
  policy   = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:ListBucket"], Resource = ["arn:aws:s3:::${module.layer["clean"].bucket}", "arn:aws:s3:::${module.layer["clean"].bucket}/*"] }] })
}

resource "aws_iam_group_membership" "team" {
  for_each = var.teams
  name     = each.key
  group    = aws_iam_group.team[each.key].name
  users    = [for one in each.value.admins : aws_iam_user.admin[one].name]
}

resource "aws_cloudwatch_log_group" "team" {
  for_each          = var.teams
  name              = "/${var.name}/${each.key}"
  retention_in_days = each.value.retention
}

resource "aws_athena_workgroup" "team" {
  for_each = var.teams
  name     = "${var.name}-${each.key}"
  configuration {
    result_configuration { output_location = "s3://${module.layer["clean"].bucket}/results/${each.key}/" }
  }
}

resource "aws_vpc" "net" {
  count      = var.with_bastion ? 1 : 0
  cidr_block = "10.45.0.0/16"
}

resource "aws_subnet" "net" {
  count      = var.with_bastion ? 1 : 0
  vpc_id     = aws_vpc.net[0].id
  cidr_block = "10.45.1.0/24"
}

resource "aws_instance" "bastion" {
  count         = var.with_bastion ? 1 : 0
  ami           = "ami-0a1b2c3d4e5f60718"
  instance_type = "m6g.medium"
  subnet_id     = aws_subnet.net[0].id
  tags          = { Name = "${var.name}-bastion" }
}

resource "terraform_data" "release" {
  input = "2024-05"
}

output "layers" { value = { for name, layer in module.layer : name => layer.bucket } }
