/*
 * What render_value.c (a value as text), render_change.c (two values, and what differs) and render_items.c
 * (two lists or sets) share; nobody else includes it.
 */
#pragma once

#include "cmd/output/render.h"

enum {
    INLINE_MAX = 72,  /* a list or map up to this width stays on its line */
    ENTRIES_MAX = 20, /* entries shown of a map, or of its changes */
    ITEM_MAX = 8,     /* fields of a list's changed item up to which it is told whole */
};

/* `suffix` waits for the end of the first line. */
struct pen {
    struct buf *out;
    bool color, everything, marked;
    const char *suffix;
    struct arena *arena; /* for JSON texts taken apart */
};

void pen_newline(struct pen *pen);
void pen_blanks(struct pen *pen, int n);
/* A line's blanks and its + - ~ */
void pen_sign(struct pen *pen, int indent, char c);
/* "name: ", and as many blanks as align values behind names of that width. */
void pen_name(struct pen *pen, struct str name, int width);
/* The width of a map's longest key that others align to. */
int pen_widest_key(const struct value *map);
void pen_note(struct pen *pen, const char *text);
/* The map or list that a text holds as JSON; NULL: it holds none. */
const struct value *pen_json(struct pen *pen, const struct value *v);

/* How a value is to be looked at: what its type says about it. */
struct look {
    const struct type *type;
    bool policy; /* inside an IAM policy: lists are sets, a list of one is its item */
    bool hidden;
};

struct look look_item(struct look look);
struct look look_entry(struct look look, struct str key);
bool look_hides(struct look look, const struct value *v);
bool look_is_block(const struct value *v);
bool look_has_lines(struct str text);
size_t look_inline_width(const struct value *v); /* more than INLINE_MAX: it is that or more */
void pen_inline(struct pen *pen, struct look look, const struct value *v);
/* On its line where it fits, else as a block whose entries begin at the column; with the newline. */
void pen_block(struct pen *pen, struct look look, const struct value *v, int column);
/* On its line however long it is: cut, with its size; of policies what they allow. With the newline. */
void pen_brief(struct pen *pen, struct look look, const struct value *v);
/* ---- what differs ---- */

struct pen_entry {
    const struct str *name; /* NULL: an item of a list */
    int width, indent;
    struct look look;
    const struct value *before, *after; /* NULL: it comes, it goes */
};

void pen_change(struct pen *pen, const struct pen_entry *e);
/* It stays, and is told all the same. */
void pen_kept(
    struct pen *pen, const struct str *name, int width, struct look look, const struct value *v, int indent);
/* "# 3 unchanged"; nothing of none. */
void pen_unchanged(struct pen *pen, size_t n, int indent);
bool look_same(struct look look, const struct value *a, const struct value *b);
void pen_change_list(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column);
void pen_change_set(
    struct pen *pen, struct look look, const struct value *a, const struct value *b, int column);
/* A pen with the options' colours; `suffix` may be NULL. */
struct pen pen_new(
    const struct render_options *options, const char *suffix, struct arena *arena, struct buf *out);
