/* Shared by the files that read JSONPath; see asl_path.c. */
#pragma once

#include "provider/notation/asl_text.h"

enum { PATH_MAX_WORK = 1000000, PATH_MAX_NESTED = 32 };

struct path_nodes {
    const struct value **items;
    size_t n, cap;
};

struct path_reader {
    struct arena *arena;
    struct str text;
    size_t at;
    const struct value *document, *context, *variables;
    bool unknown; /* it names a variable that is not there */
    bool inside;  /* of a filter: names end at operators too */
    int depth;
    size_t work; /* what all steps found together: a filter may scan everything for each of everything */
    const char *why;
};

struct path_search {
    struct path_reader *r;
    struct path_nodes found;
    bool several; /* it may find more than one */
    bool missing;
};

char path_peek(const struct path_reader *r);
void path_spaces(struct path_reader *r);
bool path_take(struct path_reader *r, const char *token);
void path_wrong(struct path_reader *r, const char *why); /* the first counts */
bool path_spend(struct path_reader *r, uint64_t work);   /* false: it was too much, or is wrong */
void path_keep(struct path_search *p, struct path_nodes *to, const struct value *v);
void path_replace_found(struct path_search *p, struct path_nodes *by);
bool path_has_children(const struct value *v);
const struct value *path_child(const struct value *v, uint32_t i);
/* In single or double quotes; \ takes the next character as it is. */
bool path_quoted(struct path_reader *r, struct str *out);
bool path_int(struct path_reader *r, int64_t *out);
bool path_name(struct path_reader *r, struct str *out);
/* At a '$': does a variable's name follow? What it holds. */
bool path_names_variable(const struct path_reader *r);
const struct value *path_variable(struct path_reader *r);
/* "$", "$$" or "$name" at the beginning; the document that it stands for. */
const struct value *path_root(struct path_reader *r);
/* What the steps from here find below root; NULL: one thing that is not there, or r->why. */
const struct value *path_steps(struct path_reader *r, const struct value *root);

/* asl_path_filter.c: after "?(" or "?", everything among the children for which it holds. */
void path_filter(struct path_search *p);
