# A network with a subnet for each zone.
variable "block" { default = "10.20.0.0/16" }
variable "zones" {
  type    = map(string)
  default = { a = "us-east-1a", b = "us-east-1b" }
}
resource "aws_vpc" "main" {
  cidr_block           = var.block
  enable_dns_hostnames = true
  tags                 = { Name = "jobs" }
}
resource "aws_subnet" "private" {
  for_each          = var.zones
  vpc_id            = aws_vpc.main.id
  cidr_block        = cidrsubnet(var.block, 8, index(keys(var.zones), each.key))
  availability_zone = each.value
  tags              = { Name = "private-${each.key}" }
}
resource "aws_internet_gateway" "main" {
  vpc_id = aws_vpc.main.id
}
resource "aws_route_table" "private" {
  vpc_id = aws_vpc.main.id
}
resource "aws_route" "out" {
  route_table_id         = aws_route_table.private.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.main.id
}
resource "aws_security_group" "jobs" {
  name        = "jobs"
  description = "what the jobs may reach"
  vpc_id      = aws_vpc.main.id
  ingress {
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = [var.block]
  }
}
output "subnets" { value = [for s in aws_subnet.private : s.id] }
