/*
 * Texts that may stand in a resource's values, each with the code that says it: what the configuration's
 * expressions refer to (terraform_candidates.c), and ARNs and ids of what is imported (terraform_texts.c).
 * terraform_refer.c collects them for one resource at a time and looks for them in its values.
 */
#pragma once

#include "cmd/import/terraform_parts.h"

/* A text that may stand in values, and the code that says it. */
struct candidate {
    struct str text;
    struct said *code;
    struct group *needs; /* NULL: no resource */
};

struct candidates {
    struct candidate *items;
    size_t n, cap;
    bool of_others; /* of two that are the same text the one that is a resource's is meant */
};

/* Nothing where the text is too short, or too common, to tell anything. */
void candidates_add(
    struct terraform *t, struct candidates *list, struct str text, struct said *code, struct group *needs);
/* What expressions of a module refer to; `owner` has them, NULL: nobody. */
void candidates_add_expressions(struct terraform *t, struct candidates *list, struct instance *owner,
    struct str module, const struct value *expressions);
/* The code by which `owner` (or NULL) says an attribute of another. */
struct said *terraform_code(
    struct terraform *t, struct instance *owner, struct instance *target, struct str attr);
/* Has what the target becomes such an attribute? */
bool terraform_can_say(struct terraform *t, const struct instance *target, struct str attr);

/* ---- terraform_texts.c ---- */

/* Which ARNs and ids are whose: before candidates_add_telling(). */
void terraform_index_texts(struct terraform *t);
/* Those that stand in a value. */
void candidates_add_telling(
    struct terraform *t, struct candidates *list, struct instance *owner, const struct said *s);
