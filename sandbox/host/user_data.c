/*
 * User data as cloud-init takes it: a script as it is, of a #cloud-config what runs commands and writes
 * files, as a script. What is left out is said on the console.
 */
#include "base/buf.h"
#include "base/yaml.h"
#include "sandbox/host/host_internal.h"

struct converting {
    struct arena *arena;
    struct buf *out, *note;
};

static struct str text_of(const struct converting *c, const struct value *v)
{
    return v ? value_scalar_text(c->arena, v) : STR_EMPTY;
}

/* A command is a line of the shell's, or a list of words. */
static void add_commands(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *command = list->items[i];
        for (uint32_t k = 0; command->kind == VALUE_LIST && k < command->count; k++) {
            buf_add_quoted(c->out, text_of(c, command->items[k]));
            buf_add_char(c->out, ' ');
        }
        if (command->kind != VALUE_LIST)
            buf_add_str(c->out, text_of(c, command));
        buf_add_char(c->out, '\n');
    }
}

static void add_file(const struct converting *c, const struct value *file)
{
    struct str path = value_gets(file, "path"), mode = text_of(c, value_getz(file, "permissions")),
               owner = value_gets(file, "owner"), encoding = value_gets(file, "encoding");
    bool coded = str_eqz(encoding, "b64") || str_eqz(encoding, "base64");
    if (encoding.n && !coded && !str_eqz(encoding, "text/plain")) {
        buf_addf(c->note, "cloud-config: %.*s is not written: its encoding %.*s is not understood here\n",
            STR_ARG(path), STR_ARG(encoding));
        return;
    }
    buf_addz(c->out, "mkdir -p \"$(dirname ");
    buf_add_quoted(c->out, path);
    buf_addz(c->out, ")\" && printf '%s' ");
    buf_add_quoted(c->out, value_gets(file, "content"));
    buf_addz(c->out, coded ? " | base64 -d" : "");
    buf_addz(c->out, value_getb(file, "append") ? " >> " : " > ");
    buf_add_quoted(c->out, path);
    buf_addz(c->out, " && chmod ");
    buf_add_quoted(c->out, mode.n ? mode : STR("0644"));
    buf_add_char(c->out, ' ');
    buf_add_quoted(c->out, path);
    if (owner.n) {
        buf_addz(c->out, " && chown ");
        buf_add_quoted(c->out, owner);
        buf_add_char(c->out, ' ');
        buf_add_quoted(c->out, path);
    }
    buf_add_char(c->out, '\n');
}

static void add_files(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++)
        add_file(c, list->items[i]);
}

/* Nothing can be fetched: what the machine has, the host has too. */
static void add_packages(const struct converting *c, const struct value *list)
{
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        const struct value *item = list->items[i];
        struct str name = text_of(c, item->kind == VALUE_LIST && item->count ? item->items[0] : item);
        buf_addz(c->out, "p=");
        buf_add_quoted(c->out, name);
        buf_addz(c->out,
            "; dpkg-query -W \"$p\" > /dev/null 2>&1 || rpm -q \"$p\" > /dev/null 2>&1 || command -v \"$p\" "
            "> /dev/null || echo \"cloud-config: the package $p is not on this machine, and hosts cannot "
            "fetch any\"\n");
    }
}

/* In the order in which cloud-init goes about it. */
static const struct {
    const char *key;
    void (*add)(const struct converting *c, const struct value *v);
} sections[] = {{"bootcmd", add_commands}, {"write_files", add_files}, {"packages", add_packages},
    {"runcmd", add_commands}};

static bool is_known(struct str key)
{
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (str_eqz(key, sections[i].key))
            return true;
    return str_is_any(key, "package_update package_upgrade output final_message");
}

static struct str user_data_convert(struct arena *arena, struct str data, struct buf *note)
{
    AUTO_BUF struct buf out = BUF_INIT;
    const struct converting c = {arena, &out, note};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    const struct source source = {.path = STR("user data"), .text = data};
    const struct node *root = yaml_parse(arena, &source, &diags);
    const struct value *config = root ? node_value(arena, root) : NULL;
    if (!config || config->kind != VALUE_MAP) {
        buf_addz(note, "cloud-config: this is not a map in YAML: nothing of it is done\n");
        return STR_EMPTY;
    }
    buf_addz(&out, "#!/bin/sh\n");
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (value_getz(config, sections[i].key))
            sections[i].add(&c, value_getz(config, sections[i].key));
    for (uint32_t i = 0; i < config->count; i++)
        if (!is_known(config->entries[i].key))
            buf_addf(note, "cloud-config: %.*s is not carried out here\n", STR_ARG(config->entries[i].key));
    return arena_str(arena, buf_str(&out));
}

struct str user_data_script(struct arena *arena, struct str data, struct str *note)
{
    AUTO_BUF struct buf words = BUF_INIT;
    struct str script = STR_EMPTY;
    if (str_starts(data, STR("#!")))
        script = data;
    else if (str_starts(data, STR("#cloud-config")))
        script = user_data_convert(arena, data, &words);
    else if (data.n)
        buf_addz(&words,
            "user data: it begins neither with #! nor with #cloud-config, and is not carried out here\n");
    *note = arena_str(arena, buf_str(&words));
    return script;
}
