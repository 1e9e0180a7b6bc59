/* Uniformly distributed random numbers, texts and passwords: see random.h. */
#include "base/random.h"

#include "base/hash.h"
#include "base/mask.h"

enum { DRAWS_MAX = 1000, LEAST_DIFFERENT = 10, CLASSES = 4 };

static const char *const classes[CLASSES] = {"abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "0123456789", "!#$%&()*+,-.:;<=>?[]^_{|}~'\"@/\\`"};

/* Draws again from the last, incomplete range of numbers, which would make small results likelier. */
uint64_t random_below(uint64_t limit)
{
    uint64_t number, uneven = (UINT64_MAX % limit + 1) % limit;
    do
        hash_random(&number, sizeof number);
    while (number > UINT64_MAX - uneven);
    return number % limit;
}

static void draw_text(struct str alphabet, char *out, size_t length)
{
    for (size_t i = 0; i < length; i++)
        out[i] = alphabet.p[random_below(alphabet.n)];
}

struct str random_text(struct arena *arena, struct str alphabet, size_t length)
{
    char *text = arena_alloc(arena, length + 1);
    draw_text(alphabet, text, length);
    text[length] = 0;
    return str_n(text, length);
}

/* Returns the characters that are left, and which classes have any. */
static struct str password_alphabet(struct arena *arena, struct str excluded, bool wanted[CLASSES])
{
    AUTO_BUF struct buf all = BUF_INIT;
    for (size_t c = 0; c < CLASSES; c++) {
        wanted[c] = false;
        for (const char *at = classes[c]; *at; at++)
            if (str_find_char(excluded, *at, 0) < 0) {
                buf_add_char(&all, *at);
                wanted[c] = true;
            }
    }
    return arena_str(arena, buf_str(&all));
}

static bool has_one_of_each(struct str password, const bool wanted[CLASSES])
{
    for (size_t c = 0; c < CLASSES; c++) {
        bool any = !wanted[c];
        for (size_t i = 0; i < password.n && !any; i++)
            any = strchr(classes[c], password.p[i]) != NULL;
        if (!any)
            return false;
    }
    return true;
}

int random_password(struct arena *arena, struct str excluded, size_t length, struct str *out, struct err *err)
{
    bool wanted[CLASSES];
    struct str alphabet = password_alphabet(arena, excluded, wanted);
    if (alphabet.n < LEAST_DIFFERENT)
        return err_set(err, ERR_INVALID, "%zu characters are left to make a password of", alphabet.n);
    if (length < 1 || length > PASSWORD_LENGTH_MAX)
        return err_set(err, ERR_INVALID, "a password has 1 to %d characters", PASSWORD_LENGTH_MAX);
    char *text = arena_alloc(arena, length + 1);
    struct str password = str_n(text, length);
    text[length] = 0;
    for (int tries = 0; tries == 0 || (tries < DRAWS_MAX && !has_one_of_each(password, wanted)); tries++)
        draw_text(alphabet, text, length);
    mask_add(password, MASK_GIVEN);
    *out = password;
    return 0;
}
