/*
 * What no spec can express, by the name that a step's `native:` gives. Each function does one job of a step
 * and has the signature of spec_native.
 */
#ifndef WEIR_PROVIDER_AWS_NATIVE_H
#define WEIR_PROVIDER_AWS_NATIVE_H

#include "provider/spec/spec.h"

/* NULL: no such function. */
spec_native *aws_native_find(struct str name);

/* Deletes every version, delete marker and unfinished upload of the bucket `name`. */
spec_native aws_native_empty_bucket;
/* Counts them: {objects, versions, delete_markers, uploads, bytes}. */
spec_native aws_native_count_bucket;

#endif
