# Who works with it, as many as there are, and a repository of images.
variable "people" { default = ["ada", "grace"] }
resource "aws_iam_user" "person" {
  for_each = toset(var.people)
  name     = each.key
  path     = "/people/"
}
resource "aws_s3_bucket" "desk" {
  for_each = aws_iam_user.person
  bucket   = "desk-of-${each.value.name}"
}
resource "aws_s3_bucket_public_access_block" "desk" {
  for_each                = aws_s3_bucket.desk
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}
resource "aws_ecr_repository" "loader" {
  name = "loader"
  image_scanning_configuration { scan_on_push = true }
}
