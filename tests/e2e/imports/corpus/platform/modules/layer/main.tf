variable "name" {}
variable "retention" {}

resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id
  versioning_configuration { status = "Enabled" }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {}
    expiration { days = var.retention }
  }
}

resource "aws_glue_catalog_database" "this" {
  name         = replace(var.name, "-", "_")
  location_uri = "s3://${aws_s3_bucket.this.bucket}/"
}

output "bucket" { value = aws_s3_bucket.this.bucket }
output "database" { value = aws_glue_catalog_database.this.name }
