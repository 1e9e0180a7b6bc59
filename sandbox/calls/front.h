/* Who answers every service but S3. */
#pragma once

#include "sandbox/http/exchange.h"

extern const struct responder services_responder;

/* ---- front.c: Services that spoke the query protocol before they spoke JSON (botocore:
 * awsQueryCompatible), such as SQS. Older SDKs send forms and read XML; newer ones read the query protocol's
 * error code in a header.
 *
 * query_compatible_request() comes after the signature was verified: it makes a form the JSON request of the
 * same operation. query_compatible_answer() makes every answer of such a service what its client reads. */
