/*
 * The documents that an editor has open, and files as they are with those in place of what is on disk. A
 * document's path is its real one where it has one, so that a link and what it leads to are one file.
 */
#pragma once

#include "base/arena.h"
#include "cmd/lsp/position.h"

struct document {
    struct document *next;
    struct str uri;  /* as the editor writes it */
    struct str path; /* "" it is no file */
    struct buf text;
    int64_t version;
};

struct documents {
    struct document *first;
    enum text_unit unit;
};

struct document *documents_find(const struct documents *documents, struct str uri);
struct document *documents_at(const struct documents *documents, struct str path);
/* Opens it, or gives it another text. */
struct document *documents_open(
    struct documents *documents, struct str uri, struct str text, int64_t version);
/* The changes of one notification, in their order: whole texts, or what stands in place of a range. */
void document_change(struct document *document, enum text_unit unit, const struct value *changes);
void documents_close(struct documents *documents, struct str uri);
void documents_release(struct documents *documents);

/* The text of a file: of the document that is open, or from disk. False: there is none. The text lives as
 * long as the arena, and has a NUL after its end. */
bool documents_read(
    const struct documents *documents, struct arena *arena, struct str path, struct str *text);
/* The path without links; as it stands where there is no such file. `path` has a NUL after its end. */
struct str documents_real_path(struct arena *arena, struct str path);
/* As the editor writes it, where it is open. */
struct str documents_uri(const struct documents *documents, struct arena *arena, struct str path);
