/* The shape of things that differ in what they have. */
#include "provider/wire/wire.h"

static bool is_same_member(const struct shape_member *a, const struct shape_member *b)
{
    return str_eq(a->wire, b->wire) && a->group == b->group && (!a->spread || str_eq(a->name, b->name));
}

static void add_members(struct arena *arena, struct shape *all, const struct shape *other)
{
    struct shape_member *members =
        ARENA_ARRAY(arena, struct shape_member, all->member_count + other->member_count);
    size_t count = all->member_count;
    if (count)
        memcpy(members, all->members, count * sizeof *members);
    for (size_t i = 0; i < other->member_count; i++) {
        const struct shape_member *member = &other->members[i];
        size_t k = 0;
        while (k < count && !is_same_member(&members[k], member))
            k++;
        if (k < count)
            members[k].shape = wire_shape_union(arena, members[k].shape, member->shape);
        else
            members[count++] = *member;
    }
    all->members = members;
    all->member_count = count;
}

const struct shape *wire_shape_union(
    struct arena *arena, const struct shape *known, const struct shape *other)
{
    if (known == other || known->kind != other->kind)
        return known->kind == SHAPE_ANY ? other : known;
    if (known->kind != SHAPE_STRUCT && known->kind != SHAPE_LIST)
        return known;
    struct shape *all = ARENA_NEW(arena, struct shape);
    *all = *known;
    if (known->kind == SHAPE_STRUCT)
        add_members(arena, all, other);
    else if (other->elem)
        all->elem = known->elem ? wire_shape_union(arena, known->elem, other->elem) : other->elem;
    return all;
}
