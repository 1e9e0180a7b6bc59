# Secrets, and what is told of them.
variable "admin_password" {
  sensitive = true
  default   = "hunter2-of-warehouse"
}
resource "aws_secretsmanager_secret" "login" {
  name        = "warehouse/login"
  description = "of the administrator"
}
resource "aws_secretsmanager_secret_version" "login" {
  secret_id     = aws_secretsmanager_secret.login.id
  secret_string = var.admin_password
}
resource "aws_kms_key" "data" {
  description         = "encrypts the warehouse"
  enable_key_rotation = true
}
resource "aws_kms_alias" "data" {
  name          = "alias/warehouse"
  target_key_id = aws_kms_key.data.key_id
}
resource "aws_cloudwatch_log_group" "loads" {
  name              = "/warehouse/loads"
  retention_in_days = 30
}
resource "aws_ssm_parameter" "secret" {
  name  = "/warehouse/secret"
  type  = "String"
  value = aws_secretsmanager_secret.login.arn
}
