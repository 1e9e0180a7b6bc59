/* Which attributes belong together, and what is said where they do not. */
#include "provider/schema.h"

#include "base/buf.h"

/* "A" or "A and B" */
static void add_group(struct buf *out, const struct name_group *group)
{
    for (size_t i = 0; i < group->count; i++)
        buf_addf(out, "%s\"%.*s\"",
            !i                     ? ""
            : i + 1 < group->count ? ", "
                                   : " and ",
            STR_ARG(group->names[i]));
}

/* Of the group's names the one of which that is least sure. */
static enum given_how group_given(const struct name_group *group, given_asked *given, const void *ctx)
{
    enum given_how least = GIVEN_SURELY;
    for (size_t i = 0; i < group->count; i++) {
        enum given_how one = given(ctx, group->names[i]);
        least = one < least ? one : least;
    }
    return least;
}

static struct str choice_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx)
{
    const struct name_group *first = NULL;
    bool some = false;
    AUTO_BUF struct buf all = BUF_INIT;
    for (size_t i = 0; i < rule->count; i++) {
        const struct name_group *group = &rule->groups[i];
        enum given_how is = group_given(group, given, ctx);
        some |= is != GIVEN_NOT;
        if (is == GIVEN_SURELY && first && rule->kind == RULE_ONE) {
            AUTO_BUF struct buf text = BUF_INIT;
            add_group(&text, first);
            buf_addz(&text, " excludes ");
            add_group(&text, group);
            return arena_str(arena, buf_str(&text));
        }
        first = is == GIVEN_SURELY && !first ? group : first;
        buf_addz(&all, !i ? "" : i + 1 < rule->count ? ", " : " or ");
        add_group(&all, group);
    }
    return some ? STR_EMPTY : arena_printf(arena, "%s is missing", all.p);
}

struct str attr_rule_broken(
    struct arena *arena, const struct attr_rule *rule, given_asked *given, const void *ctx)
{
    if (rule->kind == RULE_SOME || rule->kind == RULE_ONE)
        return choice_broken(arena, rule, given, ctx);
    const struct name_group *who = &rule->groups[0], *what = &rule->groups[1];
    if (group_given(who, given, ctx) != GIVEN_SURELY)
        return STR_EMPTY;
    for (size_t i = 0; i < what->count; i++) {
        enum given_how is = given(ctx, what->names[i]);
        if (rule->kind == RULE_WITH ? is == GIVEN_NOT : is == GIVEN_SURELY)
            return arena_printf(arena,
                rule->kind == RULE_WITH ? "\"%.*s\" needs \"%.*s\" as well"
                                        : "\"%.*s\" and \"%.*s\" exclude each other",
                STR_ARG(who->names[0]), STR_ARG(what->names[i]));
    }
    return STR_EMPTY;
}
