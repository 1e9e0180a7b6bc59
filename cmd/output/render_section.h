/*
 * What render_plan.c (a plan), render_section.c (one resource of it) and render_order.c (which comes after
 * which) share; nobody else includes it.
 */
#pragma once

#include "base/arena.h"
#include "cmd/output/render.h"

enum { TYPES_WORTH_IT = 8 }; /* from so many changes on they are counted by type, too */

struct section {
    const struct change *change;
    const struct decl *decl; /* NULL: removed from the configuration */
    struct str declared;     /* its address without its key */
    struct str module;       /* the module it is in; "": the stack itself */
    uint32_t rank;  /* what others depend on has a smaller one; UINT32_MAX: removed from the configuration */
    uint32_t group; /* the largest rank in its module: when all that is in it is there */
};

/* The changes that are shown, by module and by what depends on what. */
size_t sections_list(const struct plan *plan, struct arena *arena, struct section **out);
bool sections_in_modules(const struct section *sections, size_t n);
/* "aws.s3.object  24 to create", a line for each type. */
void sections_types(const struct section *sections, size_t n, struct buf *out);
/* The tags that all have which are made: said once. NULL: none. */
const struct value *sections_tags(const struct section *sections, size_t n, struct arena *arena);

/* The signs that a line about a change begins with. */
struct sign {
    const char *text;
    int style; /* enum style */
    const char *verb;
};
struct sign action_sign(const struct change *change);

/* What the compact form leaves out, and what it compares with. */
struct brief {
    const struct decl *decl;   /* which gives its attributes; NULL: not known */
    const struct value *tags;  /* said once for all of them; NULL: none */
    const struct change *like; /* the first instance of the same declaration; NULL: this is it */
    size_t nth;                /* which of them it is, from 0 */
};

void section_header(
    const struct change *change, struct sign sign, const struct render_options *options, struct buf *out);
void section_attrs(
    const struct attr_change *attrs, size_t n, const struct render_options *options, struct buf *out);
void section_change(const struct change *change, const struct brief *brief,
    const struct render_options *options, struct buf *out);
/* Sections of several lines are set apart by empty lines, others stand together. */
bool section_has_block(
    const struct change *change, const struct brief *brief, const struct render_options *options);
