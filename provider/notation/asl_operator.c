/* The names of comparisons in Choice states: StringLessThanEqualsPath and its kin. */
#include "provider/notation/asl_text.h"

static const struct {
    const char *suffix;
    enum asl_compare compare;
} compares[] = {{"GreaterThanEquals", ASL_GREATER_EQUALS}, {"LessThanEquals", ASL_LESS_EQUALS},
    {"GreaterThan", ASL_GREATER}, {"LessThan", ASL_LESS}, {"Equals", ASL_EQUALS}, {"Matches", ASL_MATCHES}};

static const char *const types[] = {"String", "Numeric", "Timestamp", "Boolean"};
static const char *const tests[] = {
    "IsNull", "IsPresent", "IsNumeric", "IsString", "IsBoolean", "IsTimestamp"};

bool asl_operator(struct str name, const char **type, enum asl_compare *compare, bool *path)
{
    *path = false;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        if (str_eqz(name, tests[i])) {
            *type = tests[i];
            *compare = ASL_IS;
            return true;
        }
    if (str_ends(name, STR("Path"))) {
        name = str_slice(name, 0, name.n - 4);
        *path = true;
    }
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (size_t c = 0; c < sizeof compares / sizeof *compares; c++) {
            struct str suffix = str_z(compares[c].suffix);
            if (name.n != strlen(types[t]) + suffix.n || !str_starts(name, str_z(types[t])) ||
                !str_ends(name, suffix))
                continue;
            *type = types[t];
            *compare = compares[c].compare;
            bool matches = *compare == ASL_MATCHES;
            return (!matches || (t == 0 && !*path)) && (t != 3 || *compare == ASL_EQUALS);
        }
    return false;
}
