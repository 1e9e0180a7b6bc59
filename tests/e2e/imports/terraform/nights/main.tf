# Every night: a state machine, and who starts it.
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
resource "aws_sfn_state_machine" "night" {
  name     = local.name
  role_arn = aws_iam_role.night.arn
  definition = jsonencode({
    StartAt = "Tell"
    States  = { Tell = { Type = "Task", Resource = "arn:aws:states:::sns:publish", Parameters = { TopicArn = aws_sns_topic.told.arn, Message = "done" }, End = true } }
  })
}
resource "aws_scheduler_schedule" "at3" {
  name                = "at-3"
  schedule_expression = "cron(0 3 * * ? *)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_sfn_state_machine.night.arn
    role_arn = aws_iam_role.night.arn
  }
}
