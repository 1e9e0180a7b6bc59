/*
 * A document under construction, for the answers of the control plane: a tree whose parts are found and made
 * by the paths at which the client side looks. document_place() as often as there is something to say, then
 * document_finish(). All of it lies in the call's arena.
 */
#pragma once

#include "sandbox/control/control_internal.h"

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
/* One step of a path; "Bucket[]" below another name is XML's <Buckets><Bucket/>…, alone it has the protocol's
 * own items. */
struct part_node *document_descend(
    struct making *m, struct part_node *node, const struct wire_segment *segment, bool below_name);
/* Puts a value where the path leads from this node; each item of a list gets an element of its own. */
void document_place(struct making *m, struct part_node *node, struct str path, const struct shape *shape,
    const struct value *v);
/* Turns the tree into a shape and a value for the codec; the structure's own names are the wire's. */
void document_finish(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value);
