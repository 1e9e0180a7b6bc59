# Airflow on a machine in a private network: PostgreSQL for what it knows, a balancer in front.
provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { project = var.project, managed_by = "terraform" }
  }
}

variable "project" { default = "airflow" }
variable "cidr" { default = "10.40.0.0/16" }
variable "db_password" { sensitive = true }
variable "office" {
  description = "Where people come from"
  type        = list(string)
  default     = ["203.0.113.0/24"]
}

locals { zones = ["us-east-1a", "us-east-1b"] }

resource "aws_vpc" "main" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = "${var.project}-vpc" }
}

resource "aws_subnet" "public" {
  count                   = length(local.zones)
  vpc_id                  = aws_vpc.main.id
  cidr_block              = cidrsubnet(var.cidr, 8, count.index)
  availability_zone       = local.zones[count.index]
  map_public_ip_on_launch = true
  tags                    = { Name = "${var.project}-public-${count.index}" }
}

resource "aws_subnet" "private" {
  count             = length(local.zones)
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(var.cidr, 8, count.index + 10)
  availability_zone = local.zones[count.index]
  tags              = { Name = "${var.project}-private-${count.index}" }
}

resource "aws_internet_gateway" "out" {
  vpc_id = aws_vpc.main.id
  tags   = { Name = var.project }
}

resource "aws_eip" "nat" { domain = "vpc" }

resource "aws_nat_gateway" "out" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.public[0].id
  depends_on    = [aws_internet_gateway.out]
}

resource "aws_route_table" "public" {
  vpc_id = aws_vpc.main.id
  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.out.id
  }
}

resource "aws_route_table" "private" { vpc_id = aws_vpc.main.id }

resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.out.id
}

resource "aws_route_table_association" "public" {
  count          = length(local.zones)
  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public.id
}

resource "aws_route_table_association" "private" {
  count          = length(local.zones)
  subnet_id      = aws_subnet.private[count.index].id
  route_table_id = aws_route_table.private.id
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.main.id
  service_name      = "com.amazonaws.us-east-1.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
}

resource "aws_security_group" "balancer" {
  name        = "${var.project}-balancer"
  description = "Who reaches the balancer"
  vpc_id      = aws_vpc.main.id
  ingress {
    description = "people"
    from_port   = 80
    to_port     = 80
    protocol    = "tcp"
    cidr_blocks = var.office
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "airflow" {
  name        = "${var.project}-machine"
  description = "Who reaches Airflow"
  vpc_id      = aws_vpc.main.id
}

resource "aws_security_group_rule" "airflow_from_balancer" {
  type                     = "ingress"
  security_group_id        = aws_security_group.airflow.id
  source_security_group_id = aws_security_group.balancer.id
  protocol                 = "tcp"
  from_port                = 8080
  to_port                  = 8080
  description              = "the balancer"
}

resource "aws_vpc_security_group_egress_rule" "airflow_out" {
  security_group_id = aws_security_group.airflow.id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
}

resource "aws_security_group" "database" {
  name        = "${var.project}-database"
  description = "Who reaches the database"
  vpc_id      = aws_vpc.main.id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  security_group_id            = aws_security_group.database.id
  referenced_security_group_id = aws_security_group.airflow.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  description                  = "Airflow"
}

resource "aws_db_subnet_group" "database" {
  name       = var.project
  subnet_ids = aws_subnet.private[*].id
}

resource "aws_db_parameter_group" "database" {
  name   = var.project
  family = "postgres16"
  parameter {
    name  = "log_min_duration_statement"
    value = "500"
  }
}

resource "aws_db_instance" "database" {
  identifier              = "${var.project}-db"
  engine                  = "postgres"
  engine_version          = "16.4"
  instance_class          = "db.t4g.medium"
  allocated_storage       = 20
  storage_type            = "gp3"
  db_name                 = "airflow"
  username                = "airflow"
  password                = var.db_password
  db_subnet_group_name    = aws_db_subnet_group.database.name
  parameter_group_name    = aws_db_parameter_group.database.name
  vpc_security_group_ids  = [aws_security_group.database.id]
  backup_retention_period = 7
  storage_encrypted       = true
  multi_az                = false
  skip_final_snapshot     = true
}

resource "aws_s3_bucket" "dags" {
  bucket        = "${var.project}-dags-of-people"
  force_destroy = true
}

resource "aws_s3_object" "dag" {
  for_each = { daily = "0 5 * * *", hourly = "0 * * * *" }
  bucket   = aws_s3_bucket.dags.id
  key      = "dags/${each.key}.py"
  content  = "# ${each.value}\nfrom airflow import DAG\n"
}

resource "aws_iam_role" "machine" {
  name = "${var.project}-machine"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_policy" "machine" {
  name = "${var.project}-machine"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = ["s3:GetObject", "s3:ListBucket"], Resource = [aws_s3_bucket.dags.arn, "${aws_s3_bucket.dags.arn}/*"] },
      { Effect = "Allow", Action = ["ssm:GetParameter", "ssm:GetParameters"], Resource = aws_ssm_parameter.connection.arn },
    ]
  })
}

resource "aws_iam_role_policy_attachment" "machine" {
  for_each   = { own = aws_iam_policy.machine.arn, ssm = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" }
  role       = aws_iam_role.machine.name
  policy_arn = each.value
}

resource "aws_iam_instance_profile" "machine" {
  name = "${var.project}-machine"
  role = aws_iam_role.machine.name
}

resource "aws_ssm_parameter" "connection" {
  name        = "/${var.project}/sql_alchemy_conn"
  description = "How Airflow reaches its database"
  type        = "SecureString"
  value       = "postgresql://airflow:${var.db_password}@${aws_db_instance.database.address}/airflow"
}

resource "aws_key_pair" "people" {
  key_name   = var.project
  public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2Cv8iAVs0XQnL0S8mVuJzk2nM4H0mXrsp4nY2S6K2r people"
}

resource "aws_instance" "airflow" {
  ami                    = "ami-1e749f67"
  instance_type          = "m5.large"
  subnet_id              = aws_subnet.private[0].id
  vpc_security_group_ids = [aws_security_group.airflow.id]
  key_name               = aws_key_pair.people.key_name
  iam_instance_profile   = aws_iam_instance_profile.machine.name
  user_data              = <<-EOT
    #!/bin/sh
    aws s3 sync s3://${aws_s3_bucket.dags.bucket}/dags /opt/airflow/dags
    airflow db migrate && airflow standalone
  EOT
  metadata_options {
    http_tokens   = "required"
    http_endpoint = "enabled"
  }
  root_block_device {
    volume_size = 40
    volume_type = "gp3"
    encrypted   = true
  }
  tags = { Name = "${var.project}-machine" }
}

resource "aws_lb" "airflow" {
  name               = var.project
  load_balancer_type = "application"
  subnets            = aws_subnet.public[*].id
  security_groups    = [aws_security_group.balancer.id]
  idle_timeout       = 120
}

resource "aws_lb_target_group" "airflow" {
  name        = var.project
  port        = 8080
  protocol    = "HTTP"
  vpc_id      = aws_vpc.main.id
  target_type = "instance"
  health_check {
    path                = "/health"
    interval            = 30
    healthy_threshold   = 2
    unhealthy_threshold = 5
    matcher             = "200"
  }
  stickiness {
    type            = "lb_cookie"
    cookie_duration = 3600
  }
}

resource "aws_lb_target_group_attachment" "airflow" {
  target_group_arn = aws_lb_target_group.airflow.arn
  target_id        = aws_instance.airflow.id
  port             = 8080
}

resource "aws_lb_listener" "airflow" {
  load_balancer_arn = aws_lb.airflow.arn
  port              = 80
  protocol          = "HTTP"
  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.airflow.arn
  }
}

resource "aws_cloudwatch_log_group" "airflow" {
  name              = "/${var.project}/tasks"
  retention_in_days = 30
}

resource "aws_cloudwatch_metric_alarm" "full" {
  alarm_name          = "${var.project}-database-full"
  namespace           = "AWS/RDS"
  metric_name         = "FreeStorageSpace"
  dimensions          = { DBInstanceIdentifier = aws_db_instance.database.identifier }
  statistic           = "Minimum"
  period              = 300
  evaluation_periods  = 2
  threshold           = 5000000000
  comparison_operator = "LessThanThreshold"
}

output "url" { value = "http://${aws_lb.airflow.dns_name}" }
