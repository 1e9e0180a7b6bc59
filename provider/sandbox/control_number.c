/* Numbers of what has many versions of one name: layers, job definitions. */
#include "provider/sandbox/control_internal.h"

static struct str attribute(const struct spec_type *type)
{
    return value_text(value_getz(type->sandbox, "numbered"), STR_EMPTY);
}

static struct str name_of(struct arena *arena, const struct spec_type *type, const struct value *attrs)
{
    struct str name = value_text(value_getz(attrs, "name"), STR_EMPTY);
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(type->schema.name), STR_ARG(name));
}

int64_t number_next(const struct control *control, const struct spec_type *type, const struct value *attrs)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t highest = (intptr_t)map_get(&control->numbers, name_of(&scratch, type, attrs));
    for (size_t i = 0; i < control->thing_count; i++) {
        const struct thing *thing = control->things[i];
        const struct value *number = value_get(thing->attrs, attribute(type));
        if (thing->type == type && number && number->kind == VALUE_INT && number->integer > highest &&
            value_equal(value_getz(thing->attrs, "name"), value_getz(attrs, "name")))
            highest = number->integer;
    }
    return highest + 1;
}

void number_given(struct control *control, const struct thing *thing)
{
    const struct value *number = value_get(thing->attrs, attribute(thing->type));
    if (number && number->kind == VALUE_INT)
        map_set(&control->numbers, name_of(&control->arena, thing->type, thing->attrs),
            (void *)(intptr_t)number->integer);
}
