/*
 * The schemas that AWS publishes for CloudFormation's resource types, as they are in the binary: those of
 * us-east-1 that the Cloud Control API can drive, without prose. tools/cfn-schemas writes them in short form,
 * a type a line, one file for all services that begin with the same two letters; a type costs what its file
 * and its own line cost.
 *
 * The short form is JSON. A schema is a text (only a type: "s" string, "i" integer, "n" number, "b" boolean,
 * "o" object, "a" array, "0" null; several letters: any of these), a number (the definition of that place in
 * D), or a map:
 *
 *     t type   P properties ("Name!": required)   Q patternProperties   I items   + additionalProperties
 *     $ definition, with what stands beside it   ! required, of what is no property   e enum   E the same in
 *     any case   p pattern   l L length   c C items   m M minimum, maximum   v V properties   O
 * insertionOrder U uniqueItems   f format   d default   1 2 3 oneOf, anyOf, allOf   q x dependentRequired,
 * -Excluded X R of these names exactly one, at least one   G exclusiveMaximum
 *
 * A map with P is an object, one with I an array, one with any of l L p e and neither of these nor t nor $ a
 * string. A whole type is such a map with, besides: i primary identifier; marks behind a property's name
 * ("Name!:c": r read-only, c create-only, w write-only, k conditionally create-only, d deprecated, a an
 * identifier as well), which are keys of their own, with lists of paths, for what lies further in; T the
 * property with tags
 * ("Tags!": not given with the creation); H the handlers it has, by their first letters; h what its listing
 * has to be given; A permissions, in groups of a character (64 and a bit for each handler and for tagging),
 * service and actions; y paths whose case handlers change; z those of which they make an ARN; D definitions.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

/* "AWS::Kinesis::Stream": three words of letters and digits. */
bool cfn_is_type_name(struct str type);
/*
 * A type's schema as CloudFormation publishes it (a JSON schema with `typeName`, `properties`,
 * `primaryIdentifier`, `handlers` …), definitions under names of our own. NULL: it is not in the binary.
 * What handlers change is in `weir:nocase` and `weir:arn`, lists of paths.
 */
const struct value *cfn_published(struct arena *arena, struct str type);
/* Every name, in order. They live as long as the process. Safe from every thread. */
const struct str *cfn_published_names(size_t *n);
