# Extraction in containers: images, Fargate by schedule, batches for what is large.
provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { service = "extract" }
  }
}

variable "name" { default = "extract" }
variable "image_tag" { default = "2024-05-01" }

data "aws_availability_zones" "here" { state = "available" }

resource "aws_vpc" "net" {
  cidr_block           = "10.42.0.0/16"
  enable_dns_hostnames = true
}

resource "aws_subnet" "part" {
  count             = 2
  vpc_id            = aws_vpc.net.id
  cidr_block        = "10.42.${count.index}.0/24"
  availability_zone = data.aws_availability_zones.here.names[count.index]
}

resource "aws_internet_gateway" "out" { vpc_id = aws_vpc.net.id }

resource "aws_route_table" "out" {
  vpc_id = aws_vpc.net.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }
}

resource "aws_route_table_association" "out" {
  count          = 2
  subnet_id      = aws_subnet.part[count.index].id
  route_table_id = aws_route_table.out.id
}

resource "aws_security_group" "tasks" {
  name_prefix = "${var.name}-tasks-"
  description = "Tasks reach everybody, nobody them"
  vpc_id      = aws_vpc.net.id
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_ecr_repository" "image" {
  for_each             = toset(["extract", "load"])
  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"
  force_delete         = true
  image_scanning_configuration { scan_on_push = true }
  encryption_configuration { encryption_type = "AES256" }
}

resource "aws_ecr_lifecycle_policy" "image" {
  for_each   = aws_ecr_repository.image
  repository = each.value.name
  policy = jsonencode({ rules = [{
    rulePriority = 1, description = "the last five",
    selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 5 },
    action       = { type = "expire" }
  }] })
}

resource "aws_ecs_cluster" "jobs" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "jobs" {
  cluster_name       = aws_ecs_cluster.jobs.name
  capacity_providers = ["FARGATE", "FARGATE_SPOT"]
  default_capacity_provider_strategy {
    capacity_provider = "FARGATE_SPOT"
    weight            = 1
  }
}

resource "aws_cloudwatch_log_group" "jobs" {
  name              = "/ecs/${var.name}"
  retention_in_days = 7
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy" "task" {
  name   = "lake"
  role   = aws_iam_role.task.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:PutObject"], Resource = "${aws_s3_bucket.lake.arn}/*" }] })
}

resource "aws_s3_bucket" "lake" {
  bucket        = "${var.name}-lake-of-batches"
  force_destroy = true
}

resource "aws_efs_file_system" "shared" {
  encrypted        = true
  throughput_mode  = "elastic"
  performance_mode = "generalPurpose"
}

resource "aws_ecs_task_definition" "extract" {
  family                   = "${var.name}-extract"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "512"
  memory                   = "1024"
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  runtime_platform {
    cpu_architecture        = "ARM64"
    operating_system_family = "LINUX"
  }
  container_definitions = jsonencode([{
    name        = "extract"
    image       = "${aws_ecr_repository.image["extract"].repository_url}:${var.image_tag}"
    essential   = true
    command     = ["python", "-m", "extract"]
    environment = [{ name = "LAKE", value = "s3://${aws_s3_bucket.lake.bucket}" }]
    secrets     = [{ name = "TOKEN", valueFrom = aws_ssm_parameter.token.arn }]
    logConfiguration = {
      logDriver = "awslogs"
      options   = { awslogs-group = aws_cloudwatch_log_group.jobs.name, awslogs-region = "us-east-1", awslogs-stream-prefix = "extract" }
    }
  }])
}

resource "aws_ssm_parameter" "token" {
  name  = "/${var.name}/token"
  type  = "SecureString"
  value = "set-by-hand"
  lifecycle { ignore_changes = [value] }
}

resource "aws_iam_role" "events" {
  name               = "${var.name}-events"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "events.amazonaws.com" } }] })
}

resource "aws_iam_role_policy" "events" {
  name = "run"
  role = aws_iam_role.events.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "ecs:RunTask", Resource = aws_ecs_task_definition.extract.arn },
  { Effect = "Allow", Action = "iam:PassRole", Resource = [aws_iam_role.execution.arn, aws_iam_role.task.arn] }] })
}

resource "aws_cloudwatch_event_rule" "hourly" {
  name                = "${var.name}-hourly"
  description         = "Every hour of the working day"
  schedule_expression = "cron(0 6-20 ? * MON-FRI *)"
}

resource "aws_cloudwatch_event_target" "hourly" {
  rule      = aws_cloudwatch_event_rule.hourly.name
  target_id = "extract"
  arn       = aws_ecs_cluster.jobs.arn
  role_arn  = aws_iam_role.events.arn
  ecs_target {
    launch_type         = "FARGATE"
    task_count          = 1
    task_definition_arn = aws_ecs_task_definition.extract.arn
    network_configuration {
      subnets          = aws_subnet.part[*].id
      security_groups  = [aws_security_group.tasks.id]
      assign_public_ip = true
    }
  }
  input = jsonencode({ containerOverrides = [{ name = "extract", command = ["python", "-m", "extract", "--hour"] }] })
}

resource "aws_iam_role" "batch" {
  name               = "${var.name}-batch"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "batch.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "batch" {
  role       = aws_iam_role.batch.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSBatchServiceRole"
}

resource "aws_batch_compute_environment" "large" {
  compute_environment_name = "${var.name}-large"
  type                     = "MANAGED"
  service_role             = aws_iam_role.batch.arn
  compute_resources {
    type               = "FARGATE_SPOT"
    max_vcpus          = 64
    subnets            = aws_subnet.part[*].id
    security_group_ids = [aws_security_group.tasks.id]
  }
  depends_on = [aws_iam_role_policy_attachment.batch]
}

resource "aws_batch_job_queue" "large" {
  name     = "${var.name}-large"
  state    = "ENABLED"
  priority = 1
  compute_environment_order {
    order               = 1
    compute_environment = aws_batch_compute_environment.large.arn
  }
}

resource "aws_batch_job_definition" "load" {
  name                  = "${var.name}-load"
  type                  = "container"
  platform_capabilities = ["FARGATE"]
  container_properties = jsonencode({
    image            = "${aws_ecr_repository.image["load"].repository_url}:${var.image_tag}"
    command          = ["load", "Ref::day"]
    executionRoleArn = aws_iam_role.execution.arn
    jobRoleArn       = aws_iam_role.task.arn
    resourceRequirements = [
      { type = "VCPU", value = "4" },
      { type = "MEMORY", value = "8192" },
    ]
  })
  retry_strategy { attempts = 3 }
  timeout { attempt_duration_seconds = 7200 }
}
