/*
 * What somebody means who comes from Terraform or CloudFormation and writes that tool's word: for the hint of
 * a diagnostic. The words are those by which resources are imported (provider/names/names.h).
 */
#pragma once

#include "provider/provider.h"

struct word {
    struct str tool; /* "Terraform", "CloudFormation"; "" where it is only another form of our own word */
    struct str ours; /* what it is here; several where what is one there is several here: "a, b" */
    bool several;
};

/*
 * An attribute. `within` is the path of what holds it without its indices ("ingress", "" for the type
 * itself), `attrs` what can stand there. Reads no more than what is said of the type's own service. False:
 * nobody calls anything so. The texts are in the arena.
 */
bool word_attr(struct arena *arena, struct catalog *catalog, const struct schema *schema, struct str within,
    const struct attr *attrs, size_t n, struct str word, struct word *out);

/* A resource type; `several` says that it is no more than a part of `ours` here. */
bool word_type(struct arena *arena, struct catalog *catalog, struct str word, struct word *out);
/* The same as the hint of catalog_find()'s error; without one it stays as it is. Returns -1. */
int word_hint(struct catalog *catalog, struct str type, struct err *err);
