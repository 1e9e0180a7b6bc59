/* Finds the names in expressions: see outline.h. */
#include "cmd/lsp/outline.h"

#include <ctype.h>

enum { NESTING_MAX = 100, BOUND_MAX = 64 };

/* An open bracket and the word before it. */
struct nest {
    char open;
    int before;   /* the name or step before the bracket; WORD_NONE: none */
    int function; /* the function that it calls; WORD_NONE: none */
    size_t bound; /* number of bound variables before it */
    bool waits;   /* the variables of its `for` are visible only after the colon */
    bool first;   /* nothing in it has been read: a key, a `for` or the first argument may follow */
};

struct reader {
    struct arena *arena;
    struct words *words;
    struct str text; /* up to the end of the range */
    size_t at;
    char style; /* the quote of the scalar; 0: none */
    int depth;
    struct {
        struct str name;
        bool known;
    } bound[BOUND_MAX];
    size_t bound_count;
};

static int add_word(struct reader *r, struct word word)
{
    struct words *w = r->words;
    ARENA_GROW(r->arena, w->items, w->n, w->cap);
    word.text = str_slice(r->text, word.at, word.end);
    w->items[w->n] = word;
    return w->n++;
}

static bool reader_ends(const struct reader *r)
{
    return r->at >= r->text.n;
}

static char ahead(const struct reader *r, size_t n)
{
    return r->at + n < r->text.n ? r->text.p[r->at + n] : '\0';
}

static bool comes(const struct reader *r, struct str word)
{
    return str_starts(str_slice(r->text, r->at, r->text.n), word);
}

static bool begins_name(char c)
{
    return isalpha((unsigned char)c) || c == '_';
}

static void reader_skip_blanks(struct reader *r)
{
    while (!reader_ends(r) && isspace((unsigned char)ahead(r, 0)))
        r->at++;
}

/* Returns how a quote of the expression is written in a scalar of this style: \" in "…", '' in '…'. */
static struct str quote_of(const struct reader *r, char quote)
{
    if (quote == '"')
        return r->style == '"' ? STR("\\\"") : STR("\"");
    return r->style == '\'' ? STR("''") : STR("'");
}

static void read_expression(struct reader *r);

/* Reads a string after its opening quote. Returns false if it is not closed. */
static bool read_text(struct reader *r, struct str quote, int function)
{
    size_t from = r->at;
    bool escapes = quote.p[quote.n - 1] == '"';
    while (!reader_ends(r)) {
        if (comes(r, quote)) {
            add_word(r, (struct word){.kind = WORD_TEXT, .at = from, .end = r->at, .before = function});
            r->at += quote.n;
            return true;
        }
        if (escapes && comes(r, STR("$${"))) {
            r->at += 3;
        } else if (escapes && comes(r, STR("${"))) {
            r->at += 2;
            read_expression(r);
            if (r->words->open)
                return false;
        } else if (escapes && ahead(r, 0) == '\\') {
            r->at += r->style == '"' ? 4 : 2; /* \\\" in a double-quoted scalar, \" elsewhere */
        } else {
            r->at++;
        }
    }
    r->at = r->text.n;
    r->words->open_text = r->words->open = true;
    return false;
}

static size_t name_end(const struct reader *r)
{
    size_t end = r->at;
    while (end < r->text.n && (isalnum((unsigned char)r->text.p[end]) || char_in("_-", r->text.p[end])))
        end++;
    return end;
}

static bool is_bound(const struct reader *r, struct str name)
{
    for (size_t i = 0; i < r->bound_count; i++)
        if (r->bound[i].known && str_eq(r->bound[i].name, name))
            return true;
    return false;
}

/* Reads the variables of `for k, v in`. */
static void read_variables(struct reader *r)
{
    for (;;) {
        reader_skip_blanks(r);
        size_t end = name_end(r);
        struct str name = str_slice(r->text, r->at, end);
        if (end == r->at || str_eqz(name, "in"))
            return;
        add_word(r, (struct word){.kind = WORD_VARIABLE, .at = r->at, .end = end, .before = WORD_NONE});
        if (r->bound_count < BOUND_MAX)
            r->bound[r->bound_count++].name = name;
        r->at = end;
        reader_skip_blanks(r);
        if (ahead(r, 0) == ',')
            r->at++;
    }
}

/* Reads a name that is not a step. Returns the word that a step may follow. */
static int read_name(struct reader *r, struct nest *nest)
{
    struct word word = {.kind = WORD_NAME, .at = r->at, .end = name_end(r), .before = WORD_NONE};
    struct str name = str_slice(r->text, word.at, word.end);
    bool first = nest->first;
    nest->first = false;
    r->at = word.end;
    if (first && (nest->open == '[' || nest->open == '{') && str_eqz(name, "for")) {
        for (size_t i = r->bound_count; i < BOUND_MAX; i++)
            r->bound[i].known = false;
        nest->waits = true;
        read_variables(r);
        return WORD_NONE;
    }
    size_t next = word.end;
    while (next < r->text.n && r->text.p[next] == ' ')
        next++;
    char after = next < r->text.n ? r->text.p[next] : '\0';
    if (nest->open == '{' && first && after == ':') /* a key */
        return WORD_NONE;
    if (str_is_any(name, "true false null for in if") && word.end < r->text.n)
        return WORD_NONE;
    if (after == '(')
        word.kind = WORD_FUNCTION;
    else if (is_bound(r, name))
        word.kind = WORD_VARIABLE;
    return add_word(r, word);
}

/* Reads `.name`. Returns false if no name follows the dot. */
static bool read_step(struct reader *r, int *chain, bool *indexed)
{
    r->at++;
    size_t end = name_end(r);
    if (end == r->at)
        return false;
    *chain = add_word(
        r, (struct word){.kind = WORD_STEP, .at = r->at, .end = end, .before = *chain, .indexed = *indexed});
    *indexed = false;
    r->at = end;
    return true;
}

/* `inputs["name"]` is equivalent to inputs.name. */
static int text_as_step(struct reader *r, const struct nest *closed)
{
    struct words *w = r->words;
    if (closed->open != '[' || closed->before == WORD_NONE || w->n - 1 != closed->before + 1 ||
        w->items[w->n - 1].kind != WORD_TEXT)
        return WORD_NONE;
    struct str base = w->items[closed->before].text;
    if (w->items[closed->before].kind != WORD_NAME || (!str_eqz(base, "inputs") && !str_eqz(base, "locals")))
        return WORD_NONE;
    w->items[w->n - 1].kind = WORD_STEP;
    w->items[w->n - 1].before = closed->before;
    return w->n - 1;
}

struct walk {
    struct nest nests[NESTING_MAX];
    int depth;
    int chain; /* the last name or step, if a step may follow */
    bool indexed;
};

static void open_bracket(struct reader *r, struct walk *walk)
{
    int function = WORD_NONE, before = walk->chain;
    char c = ahead(r, 0);
    if (c == '(' && before != WORD_NONE && r->words->items[before].kind == WORD_FUNCTION) {
        function = before;
        before = WORD_NONE;
    }
    if (walk->depth + 1 < NESTING_MAX)
        walk->nests[++walk->depth] = (struct nest){c, before, function, r->bound_count, false, true};
    walk->chain = WORD_NONE;
    walk->indexed = false;
    r->at++;
}

static void close_bracket(struct reader *r, struct walk *walk)
{
    struct nest closed = walk->nests[walk->depth];
    if (walk->depth > 0)
        walk->depth--;
    int step = text_as_step(r, &closed);
    r->bound_count = closed.bound;
    walk->indexed = closed.open == '[' && step == WORD_NONE;
    walk->chain = step != WORD_NONE ? step : closed.open == '[' ? closed.before : WORD_NONE;
    r->at++;
}

static void read_sign(struct reader *r, struct walk *walk)
{
    struct nest *nest = &walk->nests[walk->depth];
    char c = ahead(r, 0);
    for (size_t i = nest->bound; nest->waits && c == ':' && i < r->bound_count; i++)
        r->bound[i].known = true;
    nest->waits = nest->waits && c != ':';
    nest->first = nest->first ? isspace((unsigned char)c) != 0 : c == ',' && nest->open == '{';
    if (!isspace((unsigned char)c)) {
        walk->chain = WORD_NONE;
        walk->indexed = false;
    }
    r->at++;
}

/* Reads one token of an expression. Returns false if a string in it is not closed. */
static bool words_read_token(struct reader *r, struct walk *walk)
{
    struct nest *nest = &walk->nests[walk->depth];
    char c = ahead(r, 0);
    struct str doubled = quote_of(r, '"'), single = quote_of(r, '\'');
    if (comes(r, doubled) || comes(r, single)) {
        struct str quote = comes(r, doubled) ? doubled : single;
        int function = nest->first ? nest->function : WORD_NONE;
        nest->first = false;
        walk->chain = WORD_NONE;
        r->at += quote.n;
        return read_text(r, quote, function);
    }
    if (begins_name(c)) {
        walk->chain = read_name(r, nest);
        walk->indexed = false;
    } else if (c == '.' && walk->chain != WORD_NONE) {
        int before = walk->chain;
        if (!read_step(r, &walk->chain, &walk->indexed) && reader_ends(r)) {
            r->words->open_at = before;
            r->words->open_indexed = walk->indexed;
        }
    } else if (char_in("([{", c)) {
        nest->first = false;
        open_bracket(r, walk);
    } else if (char_in(")]}", c)) {
        close_bracket(r, walk);
    } else if (isdigit((unsigned char)c)) {
        nest->first = false;
        r->at = name_end(r);
    } else {
        read_sign(r, walk);
    }
    return true;
}

/* Reads an expression after ${, up to and including its }. */
static void read_expression(struct reader *r)
{
    struct walk walk = {.chain = WORD_NONE};
    walk.nests[0] = (struct nest){0, WORD_NONE, WORD_NONE, r->bound_count, false, true};
    if (++r->depth > NESTING_MAX) {
        r->at = r->text.n;
        return;
    }
    while (!reader_ends(r)) {
        if (walk.depth == 0 && ahead(r, 0) == '}') {
            r->at++;
            r->bound_count = walk.nests[0].bound;
            r->depth--;
            return;
        }
        if (!words_read_token(r, &walk))
            return;
    }
    r->words->open = true;
}

struct words words_read(struct arena *arena, struct str text, size_t from, size_t to)
{
    struct words words = {.open_at = WORD_NONE};
    struct reader r = {.arena = arena, .words = &words, .text = str_slice(text, 0, to), .at = from};
    if (from < to && (text.p[from] == '"' || text.p[from] == '\''))
        r.style = text.p[from];
    while (!reader_ends(&r)) {
        if (comes(&r, STR("$${"))) {
            r.at += 3;
        } else if (comes(&r, STR("${"))) {
            r.at += 2;
            r.depth = 0;
            read_expression(&r);
        } else {
            r.at++;
        }
    }
    return words;
}

struct words words_read_bare(struct arena *arena, struct str text, size_t from, size_t to)
{
    struct words words = {.open_at = WORD_NONE};
    struct reader r = {.arena = arena, .words = &words, .at = from};
    if (from + 1 < to && char_in("\"'", text.p[from])) {
        r.style = text.p[from];
        r.at++;
        to--;
    }
    r.text = str_slice(text, 0, to);
    read_expression(&r);
    return words;
}

int words_first(const struct words *words, int word)
{
    while (words->items[word].kind == WORD_STEP && words->items[word].before != WORD_NONE)
        word = words->items[word].before;
    return word;
}

int words_at(const struct words *words, size_t offset)
{
    for (int i = 0; i < words->n; i++)
        if (words->items[i].at <= offset && offset <= words->items[i].end)
            return i;
    return WORD_NONE;
}
