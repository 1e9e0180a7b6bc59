/* What compile.c and compile_type.c share. */
#pragma once

#include "base/map.h"
#include "provider/cfn/compile.h"

enum mark {
    MARK_READ_ONLY = 1,
    MARK_CREATE_ONLY = 2,
    MARK_WRITE_ONLY = 4,
    MARK_DEPRECATED = 8,
    MARK_NOCASE = 16,
    MARK_ARN = 32,
    MARK_ID = 64,
};

/* A path of property names and stars, as far as it has not been gone yet, and what it is marked as. */
struct marked_path {
    struct str path;
    enum mark mark;
};

struct marks {
    const struct marked_path *items;
    size_t count;
};

struct compile {
    struct arena *arena;
    const struct value *document;
    struct map types; /* definition -> struct type, of those that no mark reaches into */
    struct str tags;  /* the property that holds tags; "" none */
    bool no_marks;    /* weir's cannot be among them */
};

/* An attribute for the property, with all that its schema says. */
void compile_attr(struct compile *c, struct attr *attr, struct str name, const struct value *schema,
    bool required, const struct marks *marks);
/* What oneOf, anyOf and their like say about which of the properties belong together. */
void compile_rules(
    struct compile *c, const struct value *schema, const struct attr_rule **rules, size_t *count);
