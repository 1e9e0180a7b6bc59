/*
 * Services that spoke the query protocol before they spoke JSON (botocore: awsQueryCompatible), such as SQS.
 * Older SDKs send forms and read XML; newer ones read the former error code in a header.
 *
 *   former_request()  after the signature was verified: a form becomes the JSON request of the same operation
 *   former_answer()   on every answer of such a service: as its client reads it
 */
#ifndef WEIR_SANDBOX_CALLS_FORMER_H
#define WEIR_SANDBOX_CALLS_FORMER_H

#include "sandbox/http/exchange.h"

/* False: the request names no operation, and has been answered. */
bool former_request(struct exchange *x);
void former_answer(struct exchange *x, struct wire_message *answer);

#endif
