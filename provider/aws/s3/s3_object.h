/*
 * `aws.s3.object`: a file or a text as an S3 object. Written in C because its content is streamed from a file
 * and compared by SHA-256, which is kept in the object's metadata (`weir-sha256`).
 */
#pragma once

#include "provider/schema.h"

extern const struct schema aws_s3_object_schema;
