/*
 * The structure of a YAML text, found without a parser by lines, columns and brackets, so that it works while
 * the text is being edited. Completion, hover, definition and rename use it. The loader reports errors.
 *
 * An entry is `key: value`, a list item, or a word that may become a key. Entries are in text order, so the
 * children of an entry follow it.
 */
#pragma once

#include "base/buf.h"
#include "base/value.h"

/* ---- Positions as editors count them: a line from 0, and in the line a number of code units from 0, in the
 * encoding that was negotiated. weir itself counts bytes. A position that does not exist is replaced by the
 * nearest one. */
enum text_unit { TEXT_UTF16, TEXT_UTF8, TEXT_UTF32 };

struct position {
    uint32_t line, character;
};

/* The offsets of the lines of the text that was used last. */
struct positions {
    enum text_unit unit;
    struct str text;
    size_t *lines; /* offsets of the lines from the second on */
    size_t n, cap;
};
/* Must be called before each message, since another text may get the same address. */
void positions_forget(struct positions *positions);
void positions_release(struct positions *positions);

size_t position_offset(struct str text, enum text_unit unit, struct position place);
struct position position_of(struct positions *positions, struct str text, size_t offset);
/* Converts {"line":…,"character":…} of a message. */
size_t position_offset_of(struct str text, enum text_unit unit, const struct value *position);
/* Appends "range":{…}. */
void position_add_range(
    struct buf *out, struct positions *positions, struct str text, size_t from, size_t to);

/* Returns whether c is one of these characters. Unlike strchr() it does not find NUL, which a text may
 * contain. */
static inline bool char_in(const char *these, char c)
{
    return c && strchr(these, c);
}

/* Return the offsets of the start of the line and of its end, before the line break. */
size_t position_line_start(struct str text, size_t offset);
size_t position_line_end(struct str text, size_t offset);

/* ---- outline.c ---- */

enum { OUTLINE_NONE = -1 };

struct entry {
    int parent;     /* index; OUTLINE_NONE: a top-level entry */
    struct str key; /* without quotes; "": a list item */
    bool item;      /* a list item */
    bool flow;      /* within { } or [ ] */
    bool bare;      /* a word at a key's position, without a colon */
    char opens;     /* '{' or '[' if its value begins with that bracket, otherwise 0 */
    uint32_t column;
    size_t key_at, key_end;     /* the key with its quotes; for a list item both are its start */
    size_t value_at, value_end; /* a scalar with its quotes; a flow collection including its brackets, or up
                                   to where it is read. Without a value both are where it would begin */
};

struct outline {
    struct str text;
    struct entry *items;
    int n, cap; /* cap: used only by outline_read() */
};

struct outline outline_read(struct arena *arena, struct str text);
/* Returns the entry with that key within `parent` (OUTLINE_NONE: at the top), or OUTLINE_NONE. */
int outline_find(const struct outline *outline, int parent, struct str key);
/* Returns the next child of `parent` after the child `after`, or the first one for OUTLINE_NONE.
 * OUTLINE_NONE: no more children. */
int outline_next(const struct outline *outline, int parent, int after);
/* Returns the end of an entry with all its children, before following blank lines and comments. */
size_t outline_end(const struct outline *outline, int entry);
/* Returns the value of a scalar without quotes, with escapes unchanged. "" without a scalar. */
struct str outline_value(const struct outline *outline, int entry);
/* Returns whether the entry has that key. False for OUTLINE_NONE. */
bool outline_is(const struct outline *outline, int entry, const char *key);
/* Returns the entry's top-level section and its depth below it (0: the section itself). */
int outline_section(const struct outline *outline, int entry, int *depth);
/* Returns the block entry that would be the parent of a line that begins in this column, before the
 * offset. */
int outline_parent_at(const struct outline *outline, size_t offset, uint32_t column);

/* ---- words.c: the names in expressions: `${lake.arn}`, "${file('a.sql')}", '${[for k in x : k]}'. Like the
 * outline, this does not need a valid text. Offsets are those in the source, including quotes and escapes. */
enum word_kind {
    WORD_NAME,     /* the first name of a reference */
    WORD_STEP,     /* .attr, or ["attr"] after a name */
    WORD_FUNCTION, /* the name of a function call */
    WORD_VARIABLE, /* a variable of a [for …], at its binding and at its uses */
    WORD_TEXT,     /* a string without its quotes */
};

enum { WORD_NONE = -1 };

struct word {
    enum word_kind kind;
    struct str text;
    size_t at, end;
    int before;   /* a step: the word before it; a string: the function whose first argument it is; WORD_NONE:
                     none */
    bool indexed; /* a step: an index [ ] precedes it */
};

struct words {
    struct word *items;
    int n, cap;
    bool open;   /* the range ended within an expression */
    int open_at; /* with `open`: the name or step before the last dot; WORD_NONE: no dot */
    bool open_indexed;
    bool open_text; /* with `open`: the range ended within a string */
};

/* Returns the words of all expressions in the scalar (a value or a key, with its quotes) in that range. */
struct words words_read(struct arena *arena, struct str text, size_t from, size_t to);
/* The same for a scalar that is an expression without ${ }. */
struct words words_read_bare(struct arena *arena, struct str text, size_t from, size_t to);

/* Returns the first word of the reference that contains the word. */
int words_first(const struct words *words, int word);
/* Returns the word at an offset (including its end), or WORD_NONE. */
int words_at(const struct words *words, size_t offset);

/* ---- documents.c: the documents that are open in the editor, and files, which they replace on disk. A
 * document's path is its real path if it exists, so that a link and its target are the same file. */
struct document {
    struct document *next;
    struct str uri;  /* as the editor writes it */
    struct str path; /* "": it is not a file */
    struct buf text;
    int64_t version;
};

struct documents {
    struct document *first;
    struct positions positions;
};

struct document *documents_find(const struct documents *documents, struct str uri);
struct document *documents_at(const struct documents *documents, struct str path);
/* Opens a document, or replaces its text. */
struct document *documents_open(
    struct documents *documents, struct str uri, struct str text, int64_t version);
/* Applies the changes of a notification in order: whole texts, or replacements of a range. */
void document_change(struct document *document, enum text_unit unit, const struct value *changes);
void documents_close(struct documents *documents, struct str uri);
void documents_release(struct documents *documents);

/* Returns the text of a file, from the open document or from disk. Returns false if the file does not exist.
 * The text is allocated in `arena` and NUL-terminated. */
bool documents_read(
    const struct documents *documents, struct arena *arena, struct str path, struct str *text);
/* Returns the path without links, or unchanged if the file does not exist. `path` must be NUL-terminated. */
struct str documents_real_path(struct arena *arena, struct str path);
/* Returns the URI of a path, for an open document as the editor writes it. */
struct str documents_uri(const struct documents *documents, struct arena *arena, struct str path);

/* ---- sketch.c: a module as its files describe it, without loading it: its names, where they are declared,
 * and the files that belong to it. It is read anew for each request, from open documents and from disk. */
struct file {
    struct str path; /* real path; for a built-in module its name */
    struct outline outline;
};

struct spot;

struct sketch {
    const struct documents *documents;
    struct arena *arena;
    struct str dir;
    struct str stack;   /* the stack file whose weir.lock pins remote modules */
    bool builtin;       /* a built-in module, whose files cannot be opened */
    bool foreign;       /* a built-in or fetched module, which must not be changed */
    struct file *files; /* its own file first, then its includes */
    size_t count, cap;
    struct called *called; /* modules that were looked up, by their calls */
    size_t called_count, called_cap;
    struct {
        struct spot *items; /* sorted by name */
        size_t n;
    } * names; /* one index for each kind */
};

/* Kinds of names, by the sections that declare them. */
enum name_kind {
    NAME_RESOURCE, /* also data and modules */
    NAME_INPUT,
    NAME_LOCAL,
    NAME_OUTPUT,
    NAME_PROVIDER,
    NAME_CONNECTION,
    NAME_KINDS
};
/* Returns the kind of names that a section declares, or false if it declares none. */
bool name_kind_of(struct str section, enum name_kind *kind);

/* The place of a declaration. */
struct spot {
    const struct file *file; /* NULL: not found */
    int entry;
    struct str section;
};

/* Reads the module with this file as its own file. Returns NULL if the file does not exist. */
struct sketch *sketch_read(const struct documents *documents, struct arena *arena, struct str path);
/* Returns the module that the file belongs to, or NULL for another YAML file. */
struct sketch *sketch_of(const struct documents *documents, struct arena *arena, struct str path);
/* Returns the module's file with that path, or NULL if it does not belong to the module. */
const struct file *sketch_file(const struct sketch *sketch, struct str path);
/* Returns the module that an entry of the section `modules` calls, or NULL if it is not found. */
struct sketch *sketch_called(struct sketch *sketch, struct spot call);
/* Returns weir.yaml of the stack that uses the module, in a folder above it. If the module is a stack itself,
 * or no stack is found (*alone is set), returns the module's own file. */
struct str sketch_stack(const struct sketch *sketch, bool *alone);

/* Calls `found` once for the module and for each module that it calls. */
void sketch_walk(struct sketch *sketch, void (*found)(void *ctx, struct sketch *sketch), void *ctx);

struct spot sketch_find(const struct sketch *sketch, enum name_kind kind, struct str name);
/* Calls `found` for each declaration of a kind, in file order. */
void sketch_each(const struct sketch *sketch, enum name_kind kind,
    void (*found)(void *ctx, struct spot declared), void *ctx);
/* Returns the value of a declaration's key, such as `type` of a resource, or "". */
struct str spot_value(struct spot declared, const char *key);
struct str spot_name(struct spot declared);
/* Returns the path of a file name in the module, its real path if it exists. */
struct str sketch_path(const struct sketch *sketch, struct str name);
/* Returns weir.yaml or weir.yml in a folder, or "". */
struct str sketch_own_file(const struct documents *documents, struct arena *arena, struct str dir);
