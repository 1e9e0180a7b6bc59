/*
 * Values: what expressions give, attributes hold, services answer and the state keeps.
 *
 * A value is immutable and lives in an arena (or is one of the constants below), so it may be shared freely
 * within that arena's life; value_copy() takes it into another arena. Maps are sorted by key (byte order)
 * without duplicates, which makes equality linear, lookups binary and every output canonical.
 *
 * Two marks travel with values. UNKNOWN is a kind of its own: a value that only the service can say, known
 * after apply. SENSITIVE is a mark on any value: it is never printed, never logged, and encrypted or hashed
 * in the state.
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
    VALUE_DEEP_SENSITIVE = 2, /* this value or something inside it */
    VALUE_DEEP_UNKNOWN = 4,   /* is unknown, or something inside it is */
};

struct value_entry;

struct value {
    uint8_t kind;   /* enum value_kind */
    uint8_t marks;  /* enum value_mark */
    uint16_t depth; /* of lists and maps below each other; scalars have 0 */
    uint32_t count; /* of a list's items or a map's entries */
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
/* Copies the pointers, not what they point to. */
const struct value *value_list(struct arena *arena, const struct value *const *items, size_t n);
/* Sorts; of entries with the same key the last one counts. Keys are kept by reference. */
const struct value *value_map(struct arena *arena, const struct value_entry *entries, size_t n);
/* VALUE_MAP(arena, {key, value}, {key, value}) */
#define VALUE_MAP(arena_, ...)                                                                               \
    value_map(arena_, (struct value_entry[]){__VA_ARGS__},                                                   \
        sizeof((struct value_entry[]){__VA_ARGS__}) / sizeof(struct value_entry))

/*
 * About how many bytes it takes to write the value out. What is shared counts each time, so this tells a
 * value that is small in memory and endless everywhere else: a list of a list twice, forty times over.
 */
static inline uint64_t value_size(const struct value *v)
{
    if (v->kind == VALUE_LIST || v->kind == VALUE_MAP)
        return v->size;
    return v->kind == VALUE_STRING ? 8 + v->string.n : 8;
}

/* For those who fill a list or map in place: takes over what a child says about the whole. */
void value_adopt(struct value *v, const struct value *child);

/* The same value with marks added (VALUE_SENSITIVE only). Lists and maps are marked as a whole. */
const struct value *value_mark(struct arena *arena, const struct value *v, unsigned marks);
/* The same value without any sensitive mark, at any depth. */
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
/* Known through and through: nothing unknown at any depth. */
static inline bool value_is_known(const struct value *v)
{
    return !v || !(v->marks & VALUE_DEEP_UNKNOWN);
}
/* Sensitive itself or somewhere inside. */
static inline bool value_is_sensitive(const struct value *v)
{
    return v && (v->marks & VALUE_DEEP_SENSITIVE);
}

static inline bool value_is_number(const struct value *v)
{
    return v && (v->kind == VALUE_INT || v->kind == VALUE_FLOAT);
}
static inline double value_number(const struct value *v) /* of a number */
{
    return v->kind == VALUE_INT ? (double)v->integer : v->number;
}
/* Can JSON hold it? Its texts and keys are UTF-8, and no key has a NUL, which json.h does not read. */
bool value_is_json(const struct value *v);
/* Nothing given: null, "", [] or {}. */
bool value_is_empty(const struct value *v);

/* Deep equality; marks are ignored. 1 and 1.0 are equal. Two unknowns are never equal. NULL equals null. */
bool value_equal(const struct value *a, const struct value *b);
/* A total order: by kind, then by content. */
int value_compare(const struct value *a, const struct value *b);
int value_order(const void *a, const void *b); /* likewise, of two const struct value *: for qsort() */
/* The entry's value, or NULL where map is not a map or has no such key. */
const struct value *value_get(const struct value *map, struct str key);
const struct value *value_getz(const struct value *map, const char *key);
/* A string's text, or the fallback where v is no string. */
struct str value_text(const struct value *v, struct str fallback);
/* An entry of a map: its text, "" where it has none; its whole number, or the fallback; is it true? */
struct str value_gets(const struct value *map, const char *key);
int64_t value_geti(const struct value *map, const char *key, int64_t fallback);
bool value_getb(const struct value *map, const char *key);
/* Likewise, a number that counts something: 0 where it is below, or no whole number. */
uint64_t value_get_count(const struct value *map, const char *key);
/* Is the text among the items? NULL and what is no list have none. */
bool value_list_has(const struct value *list, struct str text);
/* The first item whose entry `key` is that text. NULL: none, also where list is no list. */
const struct value *value_list_find(const struct value *list, const char *key, struct str text);
/* With one item more at its end, and without the texts that equal this one; of what is no list, an empty one.
 */
const struct value *value_list_with(struct arena *arena, const struct value *list, const struct value *item);
const struct value *value_list_without(struct arena *arena, const struct value *list, struct str text);
/* Without this very item; NULL: with all of them. */
const struct value *value_list_except(
    struct arena *arena, const struct value *list, const struct value *item);
/* The value itself where it is a list (a map), otherwise an empty one: for what others wrote. */
const struct value *value_as_list(const struct value *v);
const struct value *value_as_map(const struct value *v);
/* The whole number towards zero; what is too far for one is the farthest, what is no number 0: of both the
 * language leaves the conversion undefined. */
int64_t int_within(double number);
/*
 * A boolean, number or string as people write it: `true`, `12`, `1.5`, the text itself; whole numbers have no
 * fraction. Other kinds give an empty slice with p NULL. With a NUL after its end.
 */
struct str value_scalar_text(struct arena *arena, const struct value *v);
/* map with one entry set, or removed where v is NULL. map may be NULL (then: an empty map). */
const struct value *value_with(
    struct arena *arena, const struct value *map, struct str key, const struct value *v);
/* Without these keys, each once or often. */
const struct value *value_without(
    struct arena *arena, const struct value *map, const struct str *keys, size_t n);
/* Entries of `over` replace those of `base`; not deep. Either may be NULL. */
const struct value *value_merge(struct arena *arena, const struct value *base, const struct value *over);
/* "string", "list" … as users know them. */
const char *value_kind_name(enum value_kind kind);
/* "a string", "an integer", "null" … for messages. NULL is null. */
const char *value_with_article(const struct value *v);

/* Collects entries or items one at a time. The pair of arrays lives on the heap until finished or released.
 */
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
const struct value *value_builder_map(struct value_builder *b);
