/*
 * Nodes that stand in a template as if somebody had written them. Each has the place of what it was made of,
 * so that whatever is wrong with it is told there; what is copied from the template keeps its own.
 */
#pragma once

#include "base/yaml.h"

struct node *nodes_new(struct arena *arena, enum node_kind kind, const struct node *at);
struct node *nodes_text(struct arena *arena, struct str text, const struct node *at);
struct node *nodes_bool(struct arena *arena, bool yes, const struct node *at);
/* Grow what nodes_new() or nodes_copy() gave. A key that is there already gets the new value. */
void nodes_set(struct arena *arena, struct node *map, struct str key, const struct node *value);
void nodes_set_entry(struct arena *arena, struct node *map, const struct node_entry *entry);
void nodes_add(struct arena *arena, struct node *list, const struct node *item);
/* One that may be grown; what is in it is shared. */
struct node *nodes_copy(struct arena *arena, const struct node *node);
/* {function: argument}, as `!Ref x` is. */
struct node *nodes_call(
    struct arena *arena, const char *function, struct str argument, const struct node *at);

/* Keys with dots between them; NULL: it is not there. */
const struct node *nodes_at(const struct node *map, struct str path);
/* A literal text; p NULL: it is none. */
struct str nodes_literal(const struct node *node);
bool nodes_same(const struct node *a, const struct node *b);
/* Is it a function of CloudFormation's, of which only the stack knows what it gives? */
bool nodes_is_function(const struct node *node);
/* What `Ref` names; p NULL: it is none. */
struct str nodes_referred(const struct node *node);
/* Texts that are literals, or literals joined; p NULL: it is more than that. */
struct str nodes_joined(struct arena *arena, const struct node *node);
