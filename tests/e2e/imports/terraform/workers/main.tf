resource "aws_vpc" "network" {
  cidr_block = "10.40.0.0/16"
}

resource "aws_subnet" "place" {
  for_each          = { a = "10.40.1.0/24", b = "10.40.2.0/24" }
  vpc_id            = aws_vpc.network.id
  cidr_block        = each.value
  availability_zone = "us-east-1${each.key}"
}

resource "aws_launch_template" "worker" {
  name          = "worker"
  image_id      = "ami-12c6146b"
  instance_type = "t4g.small"
}

resource "aws_autoscaling_group" "workers" {
  name                = "workers"
  min_size            = 0
  max_size            = 4
  desired_capacity    = 1
  force_delete        = true
  vpc_zone_identifier = [for place in aws_subnet.place : place.id]

  launch_template {
    id      = aws_launch_template.worker.id
    version = "$Default"
  }

  tag {
    key                 = "team"
    value               = "data"
    propagate_at_launch = true
  }
  tag {
    key                 = "kept"
    value               = "here"
    propagate_at_launch = false
  }
}

resource "aws_autoscaling_policy" "busy" {
  name                   = "busy"
  autoscaling_group_name = aws_autoscaling_group.workers.name
  policy_type            = "TargetTrackingScaling"

  target_tracking_configuration {
    predefined_metric_specification {
      predefined_metric_type = "ASGAverageCPUUtilization"
    }
    target_value = 60
  }
}

resource "aws_autoscaling_schedule" "nights" {
  scheduled_action_name  = "nights"
  autoscaling_group_name = aws_autoscaling_group.workers.name
  recurrence             = "0 22 * * *"
  min_size               = 0
  max_size               = 4
  desired_capacity       = 0
}

resource "aws_autoscaling_lifecycle_hook" "drained" {
  name                   = "drained"
  autoscaling_group_name = aws_autoscaling_group.workers.name
  lifecycle_transition   = "autoscaling:EC2_INSTANCE_TERMINATING"
  default_result         = "CONTINUE"
  heartbeat_timeout      = 300
}
