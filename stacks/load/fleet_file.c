/* The members of a fleet that stand in a CSV file, as spreadsheets write them: one line each. */
#include "stacks/load/load.h"

#include "base/csv.h"
#include "base/file.h"

bool names_list_file(const struct value *list)
{
    const struct value *file = list->kind == VALUE_MAP ? value_getz(list, "file") : NULL;
    return file && file->kind == VALUE_STRING;
}

/* ---- the head ---- */

/* A file that is being read. */
struct list_file {
    struct enlisting *e;
    struct str path, key;
    struct csv csv;
    size_t line; /* at which csv.at is */
    struct value_builder head, row;
    size_t column; /* of the names */
};

/* The next line of it that says anything, without blanks around its fields; false: there is none. */
static bool next_row(struct list_file *f, struct value_builder *row, size_t *line)
{
    bool empty = true;
    while (empty && f->csv.at < f->csv.text.n && !f->e->failed) {
        size_t from = f->csv.at;
        *line = f->line;
        if (!csv_row(&f->csv, f->e->loader->arena, row)) {
            enlist_fail(f->e, f->path, f->line, STR("\""), "begins a quote that has no end");
            return false;
        }
        for (size_t i = from; i < f->csv.at && i < f->csv.text.n; i++)
            f->line += f->csv.text.p[i] == '\n';
        for (size_t i = 0; i < row->n; i++) {
            struct str field = str_trim(row->entries[i].value->string);
            row->entries[i].value = value_string_ref(f->e->loader->arena, field);
            empty &= !field.n;
        }
    }
    return !empty;
}

static bool find_column(const struct value_builder *head, struct str name, size_t *column)
{
    for (*column = 0; *column < head->n; (*column)++)
        if (str_eq(head->entries[*column].value->string, name))
            return true;
    return false;
}

static void refuse_head(struct list_file *f)
{
    AUTO_BUF struct buf names = BUF_INIT;
    struct diag *d = enlist_fail(f->e, f->path, 1, f->key, "is not a column of it");
    for (size_t i = 0; i < f->head.n; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(f->head.entries[i].value->string));
    if (names.n)
        diag_hint(f->e->loader->diags, d, "its first line names the columns: %s", names.p);
    else
        diag_hint(f->e->loader->diags, d, "its first line has to name the columns");
}

/* Where the decimal sign is a comma, spreadsheets put semicolons between the fields. */
static bool read_head(struct list_file *f)
{
    static const char separators[] = {',', ';', '\t'};
    struct str text = f->csv.text;
    size_t line;
    for (size_t i = 0; i < sizeof separators; i++) {
        f->csv = (struct csv){.text = text, .separator = separators[i]};
        f->line = 1;
        if (next_row(f, &f->head, &line) && find_column(&f->head, f->key, &f->column))
            return true;
        if (f->e->failed)
            return false;
    }
    refuse_head(f);
    return false;
}

static bool check_columns(struct list_file *f)
{
    for (size_t i = 0; i < f->head.n; i++) {
        struct str name = f->head.entries[i].value->string;
        size_t first;
        if (!name.n || !find_column(&f->head, name, &first) || first == i)
            continue;
        enlist_fail(f->e, f->path, 1, name, "names two columns");
        return false;
    }
    return true;
}

/* ---- the lines below it ---- */

static void enlist_rows(struct list_file *f)
{
    struct arena *arena = f->e->loader->arena;
    size_t line;
    while (next_row(f, &f->row, &line)) {
        if (f->row.n != f->head.n) {
            struct str name = f->row.entries[f->column < f->row.n ? f->column : 0].value->string;
            enlist_fail(f->e, f->path, line, name, "has another number of columns than the head");
            return;
        }
        for (size_t i = 0; i < f->row.n; i++)
            f->row.entries[i].key = f->head.entries[i].value->string;
        enlist(f->e, f->path, line, f->row.entries[f->column].value->string,
            value_map(arena, f->row.entries, f->row.n));
    }
}

/* Services take nothing else, and other bytes would be a name that nobody has. */
static bool check_text(struct list_file *f)
{
    struct str text = f->csv.text;
    size_t good = str_utf8_prefix(text), line = 1;
    if (good == text.n)
        return true;
    for (size_t i = 0; i < good; i++)
        line += text.p[i] == '\n';
    struct diags *diags = f->e->loader->diags;
    struct diag *d = diag_error(
        diags, node_span(f->e->each), "%.*s, line %zu: this is not a UTF-8 text", STR_ARG(f->path), line);
    diag_hint(diags, d, "save it once more as \"CSV UTF-8\"");
    f->e->failed = true;
    return false;
}

static bool check_words(struct enlisting *e, const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct str word = list->entries[i].key;
        if (str_eqz(word, "file") || str_eqz(word, "key"))
            continue;
        struct diag *d = enlist_fail(e, STR_EMPTY, 0, word, "is nothing that a fleet's file has");
        diag_hint(e->loader->diags, d, "{file: attendees.csv, key: COLUMN}");
        return false;
    }
    if (value_gets(list, "key").n)
        return true;
    struct diag *d = diag_error(
        e->loader->diags, node_span(e->each), "which column of the file has the names of the members?");
    diag_hint(e->loader->diags, d, "{file: attendees.csv, key: COLUMN}");
    e->failed = true;
    return false;
}

void enlist_file(struct enlisting *e, struct unit *root, const struct value *list)
{
    static const struct str bom = STR_INIT("\xef\xbb\xbf");
    struct arena *arena = e->loader->arena;
    struct list_file f = {.e = e,
        .path = unit_path(root, value_gets(list, "file")),
        .key = value_gets(list, "key"),
        .head = VALUE_BUILDER(arena),
        .row = VALUE_BUILDER(arena)};
    struct err err = ERR_INIT;
    if (!check_words(e, list))
        return;
    const struct open_files *open = e->loader->options->open;
    if (!(open && open->find(open->ctx, f.path, &f.csv.text)) &&
        file_read(arena, f.path.p, YAML_MAX_SIZE, &f.csv.text, &err)) {
        e->failed = true;
        diag_error(e->loader->diags, node_span(e->each), "%s", err.message);
        return;
    }
    if (str_starts(f.csv.text, bom))
        f.csv.text = str_slice(f.csv.text, bom.n, f.csv.text.n);
    if (check_text(&f) && read_head(&f) && check_columns(&f))
        enlist_rows(&f);
    value_builder_release(&f.head);
    value_builder_release(&f.row);
}
