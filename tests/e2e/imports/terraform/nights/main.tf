# Every night: who is told, and who may tell.
variable "stage" { default = "test" }
locals { name = "nights-${var.stage}" }
resource "aws_iam_role" "night" {
  name = local.name
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = ["states.amazonaws.com", "scheduler.amazonaws.com"] }, Action = "sts:AssumeRole" }]
  })
}
resource "aws_iam_policy" "publish" {
  name   = "${local.name}-publish"
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sns:Publish", Resource = aws_sns_topic.told.arn }] })
}
resource "aws_iam_role_policy_attachment" "publish" {
  role       = aws_iam_role.night.name
  policy_arn = aws_iam_policy.publish.arn
}
resource "aws_sns_topic" "told" {
  name         = "${local.name}-told"
  display_name = "Nights"
}
resource "aws_cloudwatch_event_rule" "at3" {
  name                = "${local.name}-at-3"
  schedule_expression = "cron(0 3 * * ? *)"
}
resource "aws_cloudwatch_event_target" "at3" {
  rule      = aws_cloudwatch_event_rule.at3.name
  target_id = "told"
  arn       = aws_sns_topic.told.arn
}
