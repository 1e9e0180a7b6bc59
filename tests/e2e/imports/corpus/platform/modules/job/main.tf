variable "name" {}
variable "from" {}
variable "to" {}
variable "code" {}

resource "aws_iam_role" "this" {
  name               = var.name
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "glue.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "this" {
  name   = "layers"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = ["arn:aws:s3:::${var.from}/*", "arn:aws:s3:::${var.to}/*"] }] })
}

resource "aws_glue_job" "this" {
  name              = var.name
  role_arn          = aws_iam_role.this.arn
  glue_version      = "4.0"
  worker_type       = "G.1X"
  number_of_workers = 2
  command {
    script_location = "s3://${var.code}/code/clean.py"
  }
  default_arguments = { "--from" = var.from, "--to" = var.to }
}

resource "aws_glue_trigger" "nightly" {
  name     = "${var.name}-nightly"
  type     = "SCHEDULED"
  schedule = "cron(0 3 * * ? *)"
  actions { job_name = aws_glue_job.this.name }
}
