/*
 * What no spec of AWS can express, by the name that a step's `native:` gives. Each function does one job of a
 * step.
 */
#ifndef WEIR_PROVIDER_AWS_TYPES_NATIVE_H
#define WEIR_PROVIDER_AWS_TYPES_NATIVE_H

#include "provider/kind.h"

extern const struct native aws_natives[];

/* Deletes every version, delete marker and unfinished upload of the bucket `name`. */
native_step aws_native_empty_bucket;
/* Counts them: {objects, versions, delete_markers, uploads, bytes}. */
native_step aws_native_count_bucket;

#endif
