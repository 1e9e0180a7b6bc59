/*
 * Settings as attributes: what can be said under `providers:` and `state:` is told in tables, so that a
 * mistake there is shown with its place by every command, and editors know them. Types in C have theirs so,
 * too.
 */
#pragma once

#include "provider/schema.h"

extern const struct type setting_text, setting_flag, setting_number, setting_any;
extern const struct type setting_texts; /* a map */

/* Where the service is: requests go there. */
#define SETTING_PLACE(name_, type_, doc_)                                                                    \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .identifies = true,                     \
        .doc = STR_INIT(doc_)                                                                                \
    }
/* What follows the text are more members of struct attr. */
#define SETTING_ATTR(name_, type_, doc_, ...)                                                                \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .settable = true, .doc = STR_INIT(doc_), __VA_ARGS__      \
    }
#define COMPUTED_ATTR(name_, type_, doc_, ...)                                                               \
    {                                                                                                        \
        .name = STR_INIT(name_), .type = &(type_), .computed = true, .doc = STR_INIT(doc_), __VA_ARGS__      \
    }
/* The type of an object with these attributes. */
#define OBJECT_TYPE(attrs_)                                                                                  \
    {                                                                                                        \
        .kind = TYPE_OBJECT, .fields = (attrs_), .field_count = sizeof(attrs_) / sizeof *(attrs_)            \
    }
