/*
 * What holds for an attribute besides what it is: required, default, allowed values, what a change does, its
 * name in the service's API. In words with commas, for reference pages and editors.
 */
#pragma once

#include "base/buf.h"
#include "provider/schema.h"

/* Under which the attribute is listed: what the heading says is no note. Arguments are a data source's. */
enum attr_heading { HEADING_NONE, HEADING_ATTRIBUTES, HEADING_ARGUMENTS, HEADING_READ_ONLY };

void attr_notes(const struct attr *attr, enum attr_heading heading, struct buf *out);
