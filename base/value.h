/*
 * Values: results of expressions, attributes, responses of services, records of the state.
 *
 * A value is immutable and lives in an arena (or is one of the constants below), so it may be shared freely
 * while the arena lives; value_copy() copies it into another arena. Maps are sorted by key (byte order)
 * without duplicates, which makes equality linear, lookups binary and every output canonical.
 *
 * UNKNOWN is a kind of its own: a value that only the service determines, known after apply. SENSITIVE is a
 * mark on any value: it is never printed, never logged, and encrypted or hashed in the state.
 */
#pragma once

#include "base/arena.h"

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_UNKNOWN,
};

enum value_mark {
    VALUE_SENSITIVE = 1,      /* this value itself */
    VALUE_DEEP_SENSITIVE = 2, /* this value or a value inside it */
    VALUE_DEEP_UNKNOWN = 4,   /* this value or a value inside it is unknown */
};

struct value_entry;

struct value {
    uint8_t kind;   /* enum value_kind */
    uint8_t marks;  /* enum value_mark */
    uint16_t depth; /* levels of nested lists and maps; 0 for scalars */
    uint32_t count; /* items of a list or entries of a map */
    union {
        bool boolean;
        int64_t integer;
        double number;
        struct str string; /* with a NUL after its end */
        struct {
            union {
                const struct value **items;
                const struct value_entry *entries; /* sorted by key */
            };
            uint64_t size; /* see value_size() */
        };
    };
};

struct value_entry {
    struct str key;
    const struct value *value;
};

extern const struct value value_null, value_true, value_false, value_unknown, value_empty_list,
    value_empty_map, value_empty_string;

static inline const struct value *value_bool(bool boolean)
{
    return boolean ? &value_true : &value_false;
}
const struct value *value_int(struct arena *arena, int64_t integer);
const struct value *value_float(struct arena *arena, double number);
/* Copies the text into the arena. */
const struct value *value_string(struct arena *arena, struct str text);
const struct value *value_stringz(struct arena *arena, const char *text);
/* Keeps the pointer: text must live as long as the arena and have a NUL after its end. */
const struct value *value_string_ref(struct arena *arena, struct str text);
/* Copies the pointers, not the items. */
const struct value *value_list(struct arena *arena, const struct value *const *items, size_t n);
/* Sorts the entries; of several with the same key the last one counts. Keys are kept by reference. */
const struct value *value_map(struct arena *arena, const struct value_entry *entries, size_t n);
/* VALUE_MAP(arena, {key, value}, {key, value}) */
#define VALUE_MAP(arena_, ...)                                                                               \
    value_map(arena_, (struct value_entry[]){__VA_ARGS__},                                                   \
        sizeof((struct value_entry[]){__VA_ARGS__}) / sizeof(struct value_entry))

/*
 * Returns about how many bytes the written value has. A shared value counts each time, which detects values
 * that are small in memory but huge when written: a list of the same list twice, nested forty times.
 */
static inline uint64_t value_size(const struct value *v)
{
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        return v->size;
    return v->kind == VALUE_STRING ? 8 + v->string.n : 8;
}

/* Adds a child's marks, depth and size to a list or map that the caller fills in place. */
void value_adopt(struct value *v, const struct value *child);

/* Returns the value with marks added (VALUE_SENSITIVE only). Lists and maps are marked as a whole. */
const struct value *value_mark(struct arena *arena, const struct value *v, unsigned marks);
/* Returns the value without any sensitive mark, at any depth. */
const struct value *value_unmark(struct arena *arena, const struct value *v);
const struct value *value_copy(struct arena *arena, const struct value *v);

static inline bool value_is_null(const struct value *v)
{
    return !v || v->kind == VALUE_NULL;
}
static inline bool value_is_unknown(const struct value *v)
{
    return v && v->kind == VALUE_UNKNOWN;
}
/* True if nothing is unknown at any depth. */
static inline bool value_is_known(const struct value *v)
{
    return !v || !(v->marks & VALUE_DEEP_UNKNOWN);
}
/* True if the value or something inside it is sensitive. */
static inline bool value_is_sensitive(const struct value *v)
{
    return v && (v->marks & VALUE_DEEP_SENSITIVE);
}

static inline bool value_is_number(const struct value *v)
{
    return v && (v->kind == VALUE_INT || v->kind == VALUE_FLOAT);
}
static inline double value_number(const struct value *v) /* v is a number */
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}
/* True if JSON can represent the value: its strings and keys are UTF-8, and no key has a NUL, which json.h
 * does not parse. */
bool value_is_json(const struct value *v);
/* True for null, "", [] and {}. */
bool value_is_empty(const struct value *v);

/* Deep equality; marks are ignored. 1 and 1.0 are equal. Two unknowns are never equal. NULL equals null. */
bool value_equal(const struct value *a, const struct value *b);
/* A total order: by kind, then by content. */
int value_compare(const struct value *a, const struct value *b);
int value_order(const void *a, const void *b); /* the same for two const struct value *, for qsort() */
/* Returns the entry's value, or NULL if map is not a map or has no such key. */
const struct value *value_get(const struct value *map, struct str key);
const struct value *value_getz(const struct value *map, const char *key);
/* Returns a string's text, or the fallback if v is no string. */
struct str value_text(const struct value *v, struct str fallback);
/* Return an entry of a map: its text or ""; its integer or the fallback; whether it is true. */
struct str value_gets(const struct value *map, const char *key);
int64_t value_geti(const struct value *map, const char *key, int64_t fallback);
bool value_getb(const struct value *map, const char *key);
/* The same for a count: 0 if it is negative or no integer. */
uint64_t value_get_count(const struct value *map, const char *key);
/* True if the list has an item with that text. False for NULL and if it is no list. */
bool value_list_has(const struct value *list, struct str text);
/* Returns the first item whose entry `key` has that text. NULL: none, or not a list. */
const struct value *value_list_find(const struct value *list, const char *key, struct str text);
/* Return the list with the item appended, and without the items with that text. What is not a list counts as
 * empty. */
const struct value *value_list_with(struct arena *arena, const struct value *list, const struct value *item);
/* The string, or null if it is empty. */
const struct value *value_string_or_null(struct arena *arena, struct str text);
/* Return a list of copied strings: the keys of a map, the strings of an array. */
const struct value *value_keys(struct arena *arena, const struct value *map);
const struct value *value_strings(struct arena *arena, const struct str *strings, size_t n);
const struct value *value_list_without(struct arena *arena, const struct value *list, struct str text);
/* Returns the list without this very item (compared by pointer); NULL: with all items. */
const struct value *value_list_except(
    struct arena *arena, const struct value *list, const struct value *item);
/* Returns the value itself if it is a list (a map), otherwise an empty one: for data of others. */
const struct value *value_as_list(const struct value *v);
const struct value *value_as_map(const struct value *v);
/* Returns the integer part, limited to the range of int64_t; 0 for NaN. C leaves both conversions
 * undefined. */
int64_t int_within(double number);
/*
 * Returns a boolean, number or string as plain text: `true`, `12`, `1.5`, the string itself; integral numbers
 * have no fraction. Other kinds return an empty slice with p NULL. With a NUL after its end.
 */
struct str value_scalar_text(struct arena *arena, const struct value *v);
/* Returns the map with one entry set, or removed if v is NULL. map may be NULL (an empty map). */
const struct value *value_with(
    struct arena *arena, const struct value *map, struct str key, const struct value *v);
/* Returns the map without these keys, which may repeat. */
const struct value *value_without(
    struct arena *arena, const struct value *map, const struct str *keys, size_t n);
/* Returns the map with entries of `over` replacing those of `base`; not deep. Either may be NULL. */
const struct value *value_merge(struct arena *arena, const struct value *base, const struct value *over);
/* "string", "list", … as users know them. */
const char *value_kind_name(enum value_kind kind);
/* "a string", "an integer", "null", … for messages. NULL is null. */
const char *value_with_article(const struct value *v);

/* Collects entries or items one at a time. Its array is on the heap until it is finished or released. */
struct value_builder {
    struct arena *arena;
    struct value_entry *entries;
    size_t n, cap;
};
#define VALUE_BUILDER(arena_)                                                                                \
    {                                                                                                        \
        .arena = (arena_)                                                                                    \
    }
#define AUTO_BUILDER __attribute__((cleanup(value_builder_release)))
void value_builder_release(struct value_builder *b);
void value_builder_add(struct value_builder *b, const struct value *item);
void value_builder_set(struct value_builder *b, struct str key, const struct value *v); /* key by reference */
/* Both release the builder. */
const struct value *value_builder_list(struct value_builder *b);
/* Sets a string; an empty one is omitted. */
void value_builder_text(struct value_builder *b, const char *key, struct str text);
const struct value *value_builder_map(struct value_builder *b);
