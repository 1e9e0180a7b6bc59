/*
 * Putting resources into the document of an answer, and which of them: what control_answer.c is made of.
 * Paths are those at which the client side looks.
 */
#pragma once

#include "sandbox/control/control_internal.h"

/* ---- A document under construction, for the answers of the control plane: a tree
 * whose parts are found and made by the paths at which the client side looks. document_put() as often as
 * there is something to say, then document_finish(). All of it lies in the call's arena. */
/* A structure with named parts, a list, or a value with its shape. */
struct part_node {
    struct str name;
    struct part_node *first, *last, *next;
    bool is_list, flat;
    bool is_map; /* of texts, whatever its parts are */
    struct str item;
    const struct shape *shape; /* of a value */
    const struct value *value;
};

struct making {
    struct call *call;
    struct arena *arena;
    bool xml;
};

extern const struct shape document_text, document_flag;

/* The part of this name; a new one if there is none, or where a fresh one is asked for. */
struct part_node *document_child(struct making *m, struct part_node *parent, struct str name, bool fresh);
/* Puts a value where the path leads from this node; each item of a list gets an element of its own. */
void document_put(struct making *m, struct part_node *node, struct str path, const struct shape *shape,
    const struct value *v);
/* Turns the tree into a shape and a value for the codec; the structure's own names are the wire's. */
void document_finish(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value);

/* ---- control_render.c ---- */

/* Where objects stand in the answer: the node that `at` leads to, and whether it is a list. */
struct part_node *render_node(struct making *m, struct part_node *root, struct str at, bool *list);
/* An object with these attributes, as the role's call answers with it. */
void render_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs);
/* What the service's answers have beyond the attributes: the spec's `shows`, path by path. */
void render_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs);
void render_entries(struct making *m, struct part_node *node, struct str path, const struct spec_owned *e,
    bool names_only, const struct value *entries);
/* `item_shows`: what the items of a member set have in lists besides the member itself. */
void render_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members);
/* The shape of a value that no spec describes. Of lists it is that of any value; XML wants to know how deep
 * they go. */
const struct shape *render_shape(struct making *m, const struct value *v);

/* ---- control_list.c ---- */

/* The resources of this page, from *first up to what is returned; *sorted is put in the order of pages. */
size_t page_cut(
    struct making *m, struct part_node *root, struct resource *const **sorted, size_t n, size_t *first);
