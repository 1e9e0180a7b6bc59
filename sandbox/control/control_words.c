/*
 * Which resources have a text among their attributes: so that what a request names is looked up, however many
 * resources there are. The texts of one resource lie in its arena, and hang in chains by their hash.
 */
#include "sandbox/control/control_internal.h"

#include "base/mem.h"

#include <stdlib.h>

enum { LONGEST = 2048, FIRST_SLOTS = 256 }; /* bytes: no ARN is longer */

struct word {
    struct word *next, **link; /* `link`: what points to this one */
    struct resource *resource;
    uint64_t hash;
};

static bool is_word(struct str text)
{
    return text.n && text.n <= LONGEST;
}

/* The same whatever the case. */
static uint64_t hash_of(struct str text)
{
    char folded[LONGEST];
    for (size_t i = 0; i < text.n; i++)
        folded[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + ('a' - 'A') : text.p[i]);
    return str_hash(str_n(folded, text.n));
}

static struct word **slot_of(const struct words *words, uint64_t hash)
{
    return &words->slots[hash & (words->slot_count - 1)];
}

static void hang(struct words *words, struct word *word)
{
    word->link = slot_of(words, word->hash);
    word->next = *word->link;
    if (word->next)
        word->next->link = &word->next;
    *word->link = word;
}

static void make_room(struct words *words, size_t count)
{
    struct words wider = *words;
    while (wider.slot_count < count)
        wider.slot_count = wider.slot_count ? wider.slot_count * 2 : FIRST_SLOTS;
    if (wider.slot_count == words->slot_count)
        return;
    wider.slots = mem_zalloc(wider.slot_count * sizeof(struct word *));
    for (size_t i = 0; i < words->slot_count; i++)
        for (struct word *word = words->slots[i], *next; word; word = next) {
            next = word->next;
            hang(&wider, word);
        }
    free(words->slots);
    *words = wider;
}

static size_t texts_in(const struct value *v)
{
    size_t n = v->kind == VALUE_STRING && is_word(v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        n += texts_in(v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        n += texts_in(v->entries[i].value);
    return n;
}

static struct word *add_texts(
    struct words *words, struct resource *resource, const struct value *v, struct word *at)
{
    if (v->kind == VALUE_STRING && is_word(v->string)) {
        *at = (struct word){.resource = resource, .hash = hash_of(v->string)};
        hang(words, at++);
    }
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        at = add_texts(words, resource, v->items[i], at);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        at = add_texts(words, resource, v->entries[i].value, at);
    return at;
}

void words_take(struct words *words, struct resource *resource)
{
    resource->word_count = texts_in(resource->attrs);
    resource->words = ARENA_ARRAY(&resource->arena, struct word, resource->word_count + 1);
    words->n += resource->word_count;
    make_room(words, words->n);
    add_texts(words, resource, resource->attrs, resource->words);
}

void words_drop(struct words *words, struct resource *resource)
{
    for (size_t i = 0; i < resource->word_count; i++) {
        struct word *word = &resource->words[i];
        *word->link = word->next;
        if (word->next)
            word->next->link = word->link;
    }
    words->n -= resource->word_count;
    resource->word_count = 0;
}

/* ---- looking up ---- */

static struct word *first_of(const struct words *words, uint64_t hash)
{
    return words->slot_count ? *slot_of(words, hash) : NULL;
}

/* In the order of their creation, each once: it may have the text twice. */
static void put_in_order(struct resources *found)
{
    size_t n = 0;
    if (found->n > 1)
        qsort(found->items, found->n, sizeof(struct resource *), resource_order);
    for (size_t i = 0; i < found->n; i++)
        if (!n || found->items[n - 1] != found->items[i])
            found->items[n++] = found->items[i];
    found->n = n;
}

struct resources words_all(const struct control *control)
{
    return (struct resources){control->resources, control->resource_count};
}

struct resources words_find(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count)
{
    struct resources found = {0};
    size_t cap = 0;
    for (size_t i = 0; i < count; i++) {
        if (texts[i].n > LONGEST)
            return words_all(control);
        uint64_t hash = hash_of(texts[i]);
        for (const struct word *word = first_of(&control->words, hash); word; word = word->next)
            if (word->hash == hash) {
                ARENA_GROW(arena, found.items, found.n, cap);
                found.items[found.n++] = word->resource;
            }
    }
    put_in_order(&found);
    return found;
}

/* So many have it, as far as anybody wants to count. */
static size_t count_of(const struct words *words, struct str text, size_t most)
{
    size_t n = 0;
    uint64_t hash = hash_of(text);
    for (const struct word *word = first_of(words, hash); word && n < most; word = word->next)
        n += word->hash == hash;
    return n;
}

/* Counts no further than it has to: one of them may be what all resources have, the name of a network. */
const struct str *words_rarest(const struct words *words, const struct str *texts, size_t count)
{
    const struct str *rarest = NULL;
    size_t usable = 0;
    for (size_t i = 0; i < count; i++)
        usable += is_word(texts[i]);
    for (size_t most = 4; usable && !rarest; most *= 4)
        for (size_t i = 0; i < count && !rarest; i++)
            if (is_word(texts[i]) && count_of(words, texts[i], most) < most)
                rarest = &texts[i];
    return rarest;
}

struct resources words_find_rarest(
    const struct control *control, struct arena *arena, const struct str *texts, size_t count)
{
    const struct str *rarest = words_rarest(&control->words, texts, count);
    return rarest ? words_find(control, arena, rarest, 1) : words_all(control);
}

struct resources words_naming(
    const struct control *control, struct arena *arena, const struct resource *resource)
{
    const struct str texts[] = {resource->id,
        value_text(value_get(resource->attrs, resource->type->schema.id), STR_EMPTY),
        value_gets(resource->attrs, "arn")};
    return words_find(control, arena, texts, sizeof texts / sizeof *texts);
}
