/*
 * `aws.s3.directory`: a folder kept the same below a prefix of a bucket. One resource however many files,
 * with a manifest in the state (s3_manifest.h): only what weir put there is ever deleted.
 *
 * The folder is scanned and hashed (remembered digests: unchanged files are not read) when a plan is made,
 * and what was planned is what is sent. A refresh lists the prefix and compares entity tags. What fails
 * half-way is recorded as far as it went; the next run goes on there.
 */
#pragma once

#include "provider/schema.h"

extern const struct schema aws_s3_directory_schema;
