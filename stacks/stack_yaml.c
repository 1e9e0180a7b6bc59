/* Stack files as trees, and what is not shown of those that are no YAML. */
#include "stacks/stack.h"

#include "base/file.h"

/* A key at the beginning of a line. */
static bool begins_section(struct str text, size_t line)
{
    static const char *const sections[] = {"inputs:", "environments:", "fleet:"};
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (str_starts(str_slice(text, line, text.n), str_z(sections[i])))
            return true;
    return false;
}

static size_t next_line(struct str text, size_t line)
{
    ptrdiff_t end = str_find_char(text, '\n', line);
    return end < 0 ? text.n : (size_t)end + 1;
}

/* A file that begins with a brace is a section as a whole. */
static void hide_given(struct arena *arena, const struct source *source)
{
    struct str text = source->text;
    bool whole = str_starts(str_trim(text), STR("{")), given = whole;
    for (size_t line = 0, next; line < text.n; line = next) {
        next = next_line(text, line);
        if (!whole && !char_is_among(text.p[line], " \t\r\n#]}"))
            given = begins_section(text, line);
        if (given)
            source_hide(arena, span_at(source, line, next - line));
    }
}

/* Another file may say which are secret. */
static bool may_be_secret(struct str text)
{
    return str_find(text, STR("sensitive"), 0) >= 0 || str_find(text, STR("inputs:"), 0) < 0;
}

struct node *stack_yaml_parse(struct arena *arena, const struct source *source, struct diags *diags)
{
    AUTO_DIAGS struct diags first = DIAGS_INIT;
    struct node *root = yaml_parse(arena, source, &first);
    if (!first.n)
        return root;
    if (may_be_secret(source->text))
        hide_given(&diags->arena, source);
    return yaml_parse(arena, source, diags); /* the same, without what is hidden now */
}

struct node *stack_yaml_load(
    struct arena *arena, const char *path, struct str shown_path, struct diags *diags)
{
    struct source *source = ARENA_NEW(arena, struct source);
    source->path = arena_str(arena, shown_path);
    struct err err = ERR_INIT;
    if (!file_read(arena, path, YAML_MAX_SIZE, &source->text, &err))
        return stack_yaml_parse(arena, source, diags);
    diag_error(diags, (struct span){0}, "%s", err.message);
    return NULL;
}
