/*
 * Putting resources into the document of an answer, and which of them: what control_answer.c is made of.
 * Paths are those at which the client side looks.
 */
#pragma once

#include "sandbox/control/control_document.h"

/* Where objects stand in the answer: the node that `at` leads to, and whether it is a list. */
struct part_node *place_node(struct making *m, struct part_node *root, struct str at, bool *list);
/* An object with these attributes, as the role's call answers with it. */
void place_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs);
/* What the service's answers have beyond the attributes: the spec's `shows`, path by path. */
void place_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs);
void place_entries(struct making *m, struct part_node *node, struct str path, const struct spec_entries *e,
    bool names_only, const struct value *entries);
/* `item_shows`: what the items of a member set have in lists besides the member itself. */
void place_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members);
/* The shape of a value that no spec describes. Of lists it is that of any value; XML wants to know how deep
 * they go. */
const struct shape *place_shape(struct making *m, const struct value *v);

/* ---- control_page.c ---- */

/* The resources of this page, from *first up to what is returned; *sorted is put in the order of pages. */
size_t page_cut(
    struct making *m, struct part_node *root, struct resource *const **sorted, size_t n, size_t *first);
