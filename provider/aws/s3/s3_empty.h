/* Emptying a bucket, and counting what that would delete. */
#pragma once

#include "provider/kind.h"

/* Deletes every version, delete marker and unfinished upload of the bucket `name`. */
native_step s3_empty_bucket;
/* Counts them: {objects, versions, delete_markers, uploads, bytes}. */
native_step s3_count_bucket;
