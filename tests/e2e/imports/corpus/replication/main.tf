# An operational database, replicated into files by DMS, loaded into Redshift.
provider "aws" { region = "us-east-1" }

variable "name" { default = "replica" }
variable "source_password" { sensitive = true }
variable "warehouse_password" { sensitive = true }

resource "aws_vpc" "net" { cidr_block = "10.41.0.0/16" }

resource "aws_subnet" "part" {
  for_each          = { a = 0, b = 1 }
  vpc_id            = aws_vpc.net.id
  cidr_block        = cidrsubnet(aws_vpc.net.cidr_block, 8, each.value)
  availability_zone = "us-east-1${each.key}"
}

resource "aws_security_group" "inside" {
  name        = "${var.name}-inside"
  description = "Databases, and who copies them"
  vpc_id      = aws_vpc.net.id
  ingress {
    from_port = 0
    to_port   = 0
    protocol  = "-1"
    cidr_blocks = ["10.41.0.0/16"]
  }
  egress {
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_s3_bucket" "landing" {
  bucket        = "${var.name}-landing-zone"
  force_destroy = true
}

resource "aws_s3_bucket_lifecycle_configuration" "landing" {
  bucket = aws_s3_bucket.landing.id
  rule {
    id     = "loaded"
    status = "Enabled"
    filter {
      and {
        prefix = "cdc/"
        tags   = { loaded = "yes" }
      }
    }
    expiration { days = 7 }
    noncurrent_version_expiration { noncurrent_days = 1 }
  }
}

resource "aws_db_subnet_group" "orders" {
  name       = var.name
  subnet_ids = [for one in aws_subnet.part : one.id]
}

resource "aws_db_parameter_group" "orders" {
  name        = "${var.name}-logical"
  family      = "postgres16"
  description = "What replication takes"
  parameter {
    name         = "rds.logical_replication"
    value        = "1"
    apply_method = "pending-reboot"
  }
  parameter {
    name         = "max_replication_slots"
    value        = "10"
    apply_method = "pending-reboot"
  }
}

resource "aws_db_instance" "orders" {
  identifier                   = "${var.name}-orders"
  engine                       = "postgres"
  engine_version               = "16"
  instance_class               = "db.t4g.medium"
  allocated_storage            = 50
  max_allocated_storage        = 200
  storage_type                 = "gp3"
  db_name                      = "orders"
  username                     = "master"
  password                     = var.source_password
  db_subnet_group_name         = aws_db_subnet_group.orders.name
  parameter_group_name         = aws_db_parameter_group.orders.name
  vpc_security_group_ids       = [aws_security_group.inside.id]
  backup_retention_period      = 7
  backup_window                = "03:00-04:00"
  maintenance_window           = "sun:04:30-sun:05:30"
  performance_insights_enabled = true
  storage_encrypted            = true
  deletion_protection          = false
  skip_final_snapshot          = true
}

resource "aws_iam_role" "dms" {
  for_each           = { dms-vpc-role = "AmazonDMSVPCManagementRole", dms-cloudwatch-logs-role = "AmazonDMSCloudWatchLogsRole" }
  name               = each.key
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "dms.amazonaws.com" } }] })
}

resource "aws_iam_role_policy_attachment" "dms" {
  for_each   = { dms-vpc-role = "AmazonDMSVPCManagementRole", dms-cloudwatch-logs-role = "AmazonDMSCloudWatchLogsRole" }
  role       = aws_iam_role.dms[each.key].name
  policy_arn = "arn:aws:iam::aws:policy/service-role/${each.value}"
}

resource "aws_iam_role" "landing" {
  name               = "${var.name}-landing"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = ["dms.amazonaws.com", "redshift.amazonaws.com"] } }] })
}

resource "aws_iam_role_policy" "landing" {
  name   = "files"
  role   = aws_iam_role.landing.name
  policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutObjectTagging"], Resource = [aws_s3_bucket.landing.arn, "${aws_s3_bucket.landing.arn}/*"] }] })
}

resource "aws_dms_replication_subnet_group" "copy" {
  replication_subnet_group_id          = var.name
  replication_subnet_group_description = "Where copies are made"
  subnet_ids                           = [for one in aws_subnet.part : one.id]
  depends_on                           = [aws_iam_role_policy_attachment.dms]
}

resource "aws_dms_replication_instance" "copy" {
  replication_instance_id     = var.name
  replication_instance_class  = "dms.t3.medium"
  allocated_storage           = 50
  engine_version              = "3.5.3"
  multi_az                    = false
  publicly_accessible         = false
  replication_subnet_group_id = aws_dms_replication_subnet_group.copy.id
  vpc_security_group_ids      = [aws_security_group.inside.id]
}

resource "aws_dms_endpoint" "orders" {
  endpoint_id                 = "${var.name}-orders"
  endpoint_type               = "source"
  engine_name                 = "postgres"
  server_name                 = aws_db_instance.orders.address
  port                        = 5432
  database_name               = "orders"
  username                    = "master"
  password                    = var.source_password
  ssl_mode                    = "require"
  extra_connection_attributes = "PluginName=pglogical;"
}

resource "aws_dms_s3_endpoint" "landing" {
  endpoint_id              = "${var.name}-landing"
  endpoint_type            = "target"
  bucket_name              = aws_s3_bucket.landing.bucket
  bucket_folder            = "cdc"
  service_access_role_arn  = aws_iam_role.landing.arn
  data_format              = "parquet"
  compression_type         = "GZIP"
  timestamp_column_name    = "copied_at"
  include_op_for_full_load = true
  date_partition_enabled   = true
  parquet_version          = "parquet-2-0"
}

resource "aws_dms_replication_task" "orders" {
  replication_task_id      = "${var.name}-orders"
  migration_type           = "full-load-and-cdc"
  replication_instance_arn = aws_dms_replication_instance.copy.replication_instance_arn
  source_endpoint_arn      = aws_dms_endpoint.orders.endpoint_arn
  target_endpoint_arn      = aws_dms_s3_endpoint.landing.endpoint_arn
  table_mappings = jsonencode({ rules = [{
    rule-type      = "selection", rule-id = "1", rule-name = "all", rule-action = "include",
    object-locator = { schema-name = "public", table-name = "%" }
  }] })
}

resource "aws_redshift_subnet_group" "warehouse" {
  name        = var.name
  description = "Where the warehouse is"
  subnet_ids  = [for one in aws_subnet.part : one.id]
}

resource "aws_redshift_parameter_group" "warehouse" {
  name        = var.name
  family      = "redshift-1.0"
  description = "Encrypted connections only"
  parameter {
    name  = "require_ssl"
    value = "true"
  }
  parameter {
    name  = "enable_user_activity_logging"
    value = "true"
  }
}

resource "aws_redshift_cluster" "warehouse" {
  cluster_identifier                  = var.name
  database_name                       = "analytics"
  master_username                     = "warehouse"
  master_password                     = var.warehouse_password
  node_type                           = "ra3.xlplus"
  cluster_type                        = "multi-node"
  number_of_nodes                     = 2
  cluster_subnet_group_name           = aws_redshift_subnet_group.warehouse.name
  cluster_parameter_group_name        = aws_redshift_parameter_group.warehouse.name
  vpc_security_group_ids              = [aws_security_group.inside.id]
  iam_roles                           = [aws_iam_role.landing.arn]
  automated_snapshot_retention_period = 3
  enhanced_vpc_routing                = true
  encrypted                           = true
  publicly_accessible                 = false
  skip_final_snapshot                 = true
}

resource "aws_secretsmanager_secret" "warehouse" {
  name                    = "${var.name}/warehouse"
  description             = "How loads log in"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_version" "warehouse" {
  secret_id     = aws_secretsmanager_secret.warehouse.id
  secret_string = jsonencode({ host = aws_redshift_cluster.warehouse.dns_name, user = "warehouse", password = var.warehouse_password })
}

resource "aws_cloudwatch_metric_alarm" "behind" {
  alarm_name          = "${var.name}-behind"
  namespace           = "AWS/DMS"
  metric_name         = "CDCLatencyTarget"
  dimensions          = { ReplicationInstanceIdentifier = aws_dms_replication_instance.copy.replication_instance_id }
  statistic           = "Average"
  period              = 300
  evaluation_periods  = 3
  threshold           = 900
  comparison_operator = "GreaterThanThreshold"
}

output "landing" { value = "s3://${aws_s3_bucket.landing.bucket}/cdc/" }
