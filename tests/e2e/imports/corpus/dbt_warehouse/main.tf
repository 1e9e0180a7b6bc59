# A warehouse without servers, models by dbt in containers, secrets, no way through the internet.
provider "aws" { region = "us-east-1" }

variable "name" { default = "warehouse" }
variable "password" { sensitive = true }

data "aws_caller_identity" "me" {}

resource "aws_vpc" "net" {
  cidr_block           = "10.44.0.0/16"
  enable_dns_hostnames = true
  tags                 = { Name = var.name }
}

resource "aws_subnet" "part" {
  for_each          = { a = 1, b = 2, c = 3 }
  vpc_id            = aws_vpc.net.id
  cidr_block        = cidrsubnet(aws_vpc.net.cidr_block, 8, each.value)
  availability_zone = "us-east-1${each.key}"
  tags              = { Name = "${var.name}-${each.key}" }
}

resource "aws_route_table" "inside" { vpc_id = aws_vpc.net.id }

resource "aws_route_table_association" "inside" {
  for_each       = aws_subnet.part
  subnet_id      = each.value.id
  route_table_id = aws_route_table.inside.id
}

resource "aws_network_acl" "inside" {
  vpc_id     = aws_vpc.net.id
  subnet_ids = [for one in aws_subnet.part : one.id]
  ingress {
    rule_no    = 100
    protocol   = "-1"
    action     = "allow"
    cidr_block = "10.44.0.0/16"
    from_port  = 0
    to_port    = 0
  }
  egress {
    rule_no    = 100
    protocol   = "-1"
    action     = "allow"
    cidr_block = "0.0.0.0/0"
    from_port  = 0
    to_port    = 0
  }
}

resource "aws_security_group" "warehouse" {
  name        = var.name
  description = "Who reaches the warehouse"
  vpc_id      = aws_vpc.net.id
  ingress {
    description = "inside"
    from_port   = 5439
    to_port     = 5439
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.net.cidr_block]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Who reaches the services"
  vpc_id      = aws_vpc.net.id
  ingress {
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = [aws_vpc.net.cidr_block]
  }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.net.id
  service_name      = "com.amazonaws.us-east-1.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.inside.id]
  policy            = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = "*", Action = "s3:*", Resource = [aws_s3_bucket.lake.arn, "${aws_s3_bucket.lake.arn}/*"] }] })
}

resource "aws_vpc_endpoint" "service" {
  for_each            = toset(["secretsmanager", "logs", "ecr.api", "ecr.dkr"])
  vpc_id              = aws_vpc.net.id
  service_name        = "com.amazonaws.us-east-1.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for one in aws_subnet.part : one.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true
}

resource "aws_flow_log" "net" {
  vpc_id               = aws_vpc.net.id
  traffic_type         = "REJECT"
  log_destination_type = "s3"
  log_destination      = aws_s3_bucket.lake.arn
}

resource "aws_s3_bucket" "lake" {
  bucket        = "${var.name}-lake-${data.aws_caller_identity.me.account_id}"
  force_destroy = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lake" {
  bucket = aws_s3_bucket.lake.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
  }
}

resource "aws_iam_role" "spectrum" {
  name               = "${var.name}-spectrum"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "redshift.amazonaws.com" } }] })
}

resource "aws_iam_policy" "spectrum" {
  name        = "${var.name}-spectrum"
  path        = "/data/"
  description = "Reads the lake"
  policy      = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:ListBucket", "glue:Get*"], Resource = "*" }] })
}

resource "aws_iam_role_policy_attachment" "spectrum" {
  role       = aws_iam_role.spectrum.name
  policy_arn = aws_iam_policy.spectrum.arn
}

resource "aws_redshiftserverless_namespace" "warehouse" {
  namespace_name      = var.name
  db_name             = "analytics"
  admin_username      = "admin_user"
  admin_user_password = var.password
  iam_roles           = [aws_iam_role.spectrum.arn]
  log_exports         = ["userlog", "connectionlog"]
}

resource "aws_redshiftserverless_workgroup" "warehouse" {
  workgroup_name       = var.name
  namespace_name       = aws_redshiftserverless_namespace.warehouse.namespace_name
  base_capacity        = 8
  subnet_ids           = [for one in aws_subnet.part : one.id]
  security_group_ids   = [aws_security_group.warehouse.id]
  publicly_accessible  = false
  enhanced_vpc_routing = true
}

resource "aws_secretsmanager_secret" "dbt" {
  name                    = "${var.name}/dbt"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "dbt" {
  secret_id = aws_secretsmanager_secret.dbt.id
  secret_string = jsonencode({
    host     = aws_redshiftserverless_workgroup.warehouse.endpoint[0].address
    user     = "admin_user"
    password = var.password
  })
}

resource "aws_secretsmanager_secret_policy" "dbt" {
  secret_arn = aws_secretsmanager_secret.dbt.arn
  policy     = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Principal = { AWS = aws_iam_role.dbt.arn }, Action = "secretsmanager:GetSecretValue", Resource = "*" }] })
}

resource "aws_ecr_repository" "dbt" { name = "${var.name}-dbt" }

resource "aws_ecs_cluster" "dbt" { name = "${var.name}-dbt" }

resource "aws_cloudwatch_log_group" "dbt" {
  name              = "/dbt/${var.name}"
  retention_in_days = 30
}

resource "aws_iam_role" "dbt" {
  name               = "${var.name}-dbt"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "dbt" {
  role       = aws_iam_role.dbt.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecs_task_definition" "dbt" {
  family                   = "${var.name}-dbt"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "1024"
  memory                   = "2048"
  execution_role_arn       = aws_iam_role.dbt.arn
  task_role_arn            = aws_iam_role.dbt.arn
  container_definitions = jsonencode([{
    name      = "dbt"
    image     = "${aws_ecr_repository.dbt.repository_url}:latest"
    essential = true
    command   = ["dbt", "build", "--target", "prod"]
    secrets   = [{ name = "DBT_PASSWORD", valueFrom = "${aws_secretsmanager_secret.dbt.arn}:password::" }]
    logConfiguration = {
      logDriver = "awslogs"
      options   = { awslogs-group = aws_cloudwatch_log_group.dbt.name, awslogs-region = "us-east-1", awslogs-stream-prefix = "dbt" }
    }
  }])
}

resource "aws_scheduler_schedule_group" "loads" { name = var.name }

resource "aws_iam_role" "scheduler" {
  name               = "${var.name}-scheduler"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "scheduler.amazonaws.com" } }] })
}

resource "aws_scheduler_schedule" "dbt" {
  name                = "${var.name}-dbt"
  group_name          = aws_scheduler_schedule_group.loads.name
  schedule_expression = "cron(30 4 * * ? *)"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = aws_ecs_cluster.dbt.arn
    role_arn = aws_iam_role.scheduler.arn
    ecs_parameters {
      launch_type         = "FARGATE"
      task_definition_arn = aws_ecs_task_definition.dbt.arn
      network_configuration {
        subnets         = [for one in aws_subnet.part : one.id]
        security_groups = [aws_security_group.warehouse.id]
      }
    }
  }
}

resource "aws_scheduler_schedule" "load" {
  name                = "${var.name}-load"
  group_name          = aws_scheduler_schedule_group.loads.name
  schedule_expression = "rate(1 hours)"
  state               = "DISABLED"
  flexible_time_window { mode = "OFF" }
  target {
    arn      = "arn:aws:scheduler:::aws-sdk:redshiftdata:executeStatement"
    role_arn = aws_iam_role.scheduler.arn
    input    = jsonencode({ WorkgroupName = aws_redshiftserverless_workgroup.warehouse.workgroup_name, Database = "analytics", Sql = "call load_hour()" })
  }
}
