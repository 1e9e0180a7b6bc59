/*
 * What the files of a configuration say and `terraform show -json` does not: how resources are to be changed
 * and destroyed. The lines are looked for and told with their places, not understood.
 */
#include "base/file.h"
#include "cmd/import/terraform.h"

#include <dirent.h>
#include <stdlib.h>

enum { FILE_MAX = 4 * 1024 * 1024, FOLDER_DEPTH_MAX = 8 };

static const struct {
    const char *word, *says;
} words[] = {
    {"prevent_destroy", "lifecycle: {prevent_destroy: true}"},
    {"create_before_destroy", "lifecycle: {create_before_destroy: true}"},
    {"ignore_changes", "lifecycle: {ignore_changes: […]}, with the names that the attributes have here"},
    {"replace_triggered_by", "lifecycle: {replace_triggered_by: […]}"},
    {"precondition", "lifecycle: {precondition: [{require: …, message: …}]}"},
    {"postcondition", "lifecycle: {postcondition: [{require: …, message: …}]}"},
};

/* resource "aws_s3_bucket" "lake" {: its address; "" anything else. */
static struct str line_opens(struct arena *arena, struct str line)
{
    struct str rest, type, name;
    if (!str_starts(line, STR("resource ")))
        return STR_EMPTY;
    str_cut(line, '"', &rest);
    type = str_cut(rest, '"', &rest);
    str_cut(rest, '"', &rest);
    name = str_cut(rest, '"', &rest);
    return rest.p ? arena_printf(arena, "%.*s.%.*s", STR_ARG(type), STR_ARG(name)) : STR_EMPTY;
}

/* What else may have conditions; nothing of that is a resource here. */
static bool line_opens_other(struct str line)
{
    return str_starts(line, STR("data ")) || str_starts(line, STR("output ")) ||
           str_starts(line, STR("check "));
}

static void tell_line(struct draft *d, const struct source *source, struct str line, struct str address)
{
    ptrdiff_t open = str_starts(line, STR("lifecycle")) ? str_find_char(line, '{', 0) : -1;
    line = open < 0 ? line : str_trim(str_slice(line, (size_t)open + 1, line.n));
    struct str value, key = str_trim(str_cut(line, '=', &value));
    if (!value.p && str_ends(key, STR("{"))) { /* a block */
        value = STR("{");
        key = str_trim(str_slice(key, 0, key.n - 1));
    }
    value = str_trim(value.p ? value : STR_EMPTY);
    for (size_t i = 0; value.n && i < sizeof words / sizeof *words; i++)
        if (str_eqz(key, words[i].word) && !str_starts(value, STR("false")))
            diag_warning(d->diags, span_at(source, (size_t)(line.p - source->text.p), key.n),
                "%.*s: what Terraform shows does not tell of `%.*s`: here that is %s", STR_ARG(address),
                STR_ARG(key), words[i].says);
}

static void read_lines(struct draft *d, struct str path)
{
    struct source *source = ARENA_NEW(d->arena, struct source);
    struct str rest, address = STR_EMPTY;
    *source = (struct source){.path = path};
    if (file_read(d->arena, path.p, FILE_MAX, &source->text, ERR_IGNORED))
        return; /* what Terraform can do without */
    for (rest = source->text; rest.n;) {
        struct str line = str_trim(str_cut(rest, '\n', &rest)), opened = line_opens(d->arena, line);
        address = opened.n ? opened : line_opens_other(line) ? STR_EMPTY : address;
        if (address.n)
            tell_line(d, source, line, address);
    }
}

static int is_ours(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_folder(struct draft *d, struct str folder, int depth)
{
    struct dirent **found;
    int n = scandir(folder.p, &found, is_ours, alphasort);
    for (int i = 0; i < n; i++) {
        struct str path = path_join(d->arena, folder, arena_str(d->arena, str_z(found[i]->d_name)));
        if (str_ends(path, STR(".tf")))
            read_lines(d, path);
        else if (depth < FOLDER_DEPTH_MAX && path_is_dir(path.p))
            read_folder(d, path, depth + 1);
        free(found[i]);
    }
    if (n >= 0)
        free(found);
}

void terraform_read_lines(struct draft *draft, struct str folder)
{
    read_folder(draft, folder, 0);
}
