/* Firehose: records of a Kinesis stream become objects of a bucket. */
#pragma once

#include "sandbox/calls/services.h"

/* To all delivery streams that read the stream with this ARN; `data` is a list of texts in base64. */
void deliveries_from_stream(struct services *services, struct arena *arena, struct str region, struct str arn,
    const struct value *data);
