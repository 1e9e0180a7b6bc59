/*
 * Completion for shells, from the tables of commands and options. Addresses are asked of `weir state list`
 * while completing.
 */
#include "cmd/command.h"

/* ---- walking the tables ---- */

struct walk {
    struct buf *out;
    void (*command)(struct buf *out, const struct command *c, struct str path);
};

static void walk_commands(struct walk *walk)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++) {
            walk->command(walk->out, *c, str_z((*c)->name));
            for (const struct command *const *s = (*c)->subs; s && *s; s++)
                walk->command(walk->out, *s, arena_printf(&arena, "%s %s", (*c)->name, (*s)->name));
        }
}

/* `ctx` is whatever the visitor wants to know besides. */
typedef void option_visitor(struct buf *out, const struct option *o, const char *ctx);

static void each_option(const struct command *c, option_visitor *visit, const char *ctx, struct buf *out)
{
    const struct option_set *sets[COMMAND_SETS_MAX];
    command_sets(c, sets);
    for (size_t s = 0; sets[s]; s++)
        for (size_t i = 0; i < sets[s]->n; i++)
            visit(out, &sets[s]->options[i], ctx);
}

/* Text for inside single quotes; `also` are further characters that need a backslash. */
static void add_quoted(struct buf *out, const char *text, const char *also)
{
    for (; *text; text++) {
        if (*text == '\'')
            buf_addz(out, "'\\'");
        else if (strchr(also, *text))
            buf_add_char(out, '\\');
        buf_add_char(out, *text);
    }
}

/* ---- bash ---- */

static void bash_option(struct buf *out, const struct option *o, const char *ctx)
{
    (void)ctx;
    if (o->letter)
        buf_addf(out, " -%c", o->letter);
    buf_addf(out, " --%s", o->name);
    if (o->alias)
        buf_addf(out, " --%s", o->alias);
}

static void add_subs(struct buf *out, const struct command *c)
{
    for (const struct command *const *s = c->subs; s && *s; s++)
        buf_addf(out, " %s", (*s)->name);
}

/* What completes a value: a word for the script's last `case`, or words of its own. */
static void bash_kind(struct buf *out, enum completes kind, const char *choices)
{
    static const char *const kinds[] = {[COMPLETES_NOTHING] = "",
        [COMPLETES_FILE] = "file",
        [COMPLETES_DIR] = "dir",
        [COMPLETES_ADDRESS] = "address",
        [COMPLETES_JOB] = "job",
        [COMPLETES_TYPE] = "type",
        [COMPLETES_COMMAND] = "command",
        [COMPLETES_CHOICES] = ""};
    buf_addf(out, "kind='%s' words='%s'", kinds[kind], choices ? choices : "");
}

/* "-e | --env", for a `case` */
static void bash_pattern(struct buf *out, const struct option *o)
{
    if (o->letter)
        buf_addf(out, "-%c | ", o->letter);
    buf_addf(out, "--%s", o->name);
}

static void bash_value(struct buf *out, const struct option *o, const char *ctx)
{
    (void)ctx;
    if (!o->value)
        return;
    buf_addz(out, "        ");
    bash_pattern(out, o);
    buf_addz(out, ") value=1 ");
    bash_kind(out, o->completes, o->choices);
    buf_addz(out, " ;;\n");
}

static void bash_command(struct buf *out, const struct command *c, struct str path)
{
    buf_addf(out, "    '%.*s') ", STR_ARG(path));
    bash_kind(out, c->completes, c->choices);
    if (c->subs) {
        buf_addz(out, "\n        words='");
        add_subs(out, c);
        buf_addz(out, "'");
    }
    buf_addz(out, "\n        options='");
    each_option(c, bash_option, NULL, out);
    buf_addz(out, "'\n        case $previous in\n");
    each_option(c, bash_value, NULL, out);
    buf_addz(out, "        esac ;;\n");
}

/* Options with a value that may stand before the command's name, for a `case`. */
static void bash_leading(struct buf *out)
{
    static const struct option_set *const shared[] = {&options_stack, &options_plan, &options_change};
    const char *separator = "";
    for (size_t s = 0; s < sizeof shared / sizeof *shared; s++)
        for (size_t i = 0; i < shared[s]->n; i++)
            if (shared[s]->options[i].value) {
                buf_addz(out, separator);
                bash_pattern(out, &shared[s]->options[i]);
                separator = " | ";
            }
}

/* Commands that have subcommands, for a `case`. */
static void bash_parents(struct buf *out)
{
    const char *separator = "";
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            if ((*c)->subs) {
                buf_addf(out, "%s%s", separator, (*c)->name);
                separator = " | ";
            }
}

static void add_command_names(struct buf *out)
{
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            buf_addf(out, " %s", (*c)->name);
}

static void write_bash(struct buf *out)
{
    buf_addz(out, "# bash completion for weir; made by: weir completion bash\n"
                  "_weir() {\n"
                  "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "    local path= words= options= kind= value= word i\n"
                  "    local commands='");
    add_command_names(out);
    buf_addz(out, "'\n"
                  "    COMPREPLY=()\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        case ${COMP_WORDS[i]} in\n"
                  "        ");
    bash_leading(out);
    buf_addz(out, ") ((i++)) ;;\n"
                  "        -*) ;;\n"
                  "        *)\n"
                  "            case $path in\n"
                  "            '') path=${COMP_WORDS[i]} ;;\n"
                  "            ");
    bash_parents(out);
    buf_addz(out, ") path=\"$path ${COMP_WORDS[i]}\" ;;\n"
                  "            esac ;;\n"
                  "        esac\n"
                  "    done\n"
                  "    case $path in\n"
                  "    '') words=$commands options='--help --version' ;;\n");
    struct walk walk = {out, bash_command};
    walk_commands(&walk);
    buf_addz(out,
        "    esac\n"
        "    if [[ -z $value && $current == -* ]]; then kind='' words=$options; fi\n"
        "    case $kind in\n"
        "    file) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
        "    dir) mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
        "    address)\n"
        "        while IFS= read -r word; do\n"
        "            [[ $word == \"$current\"* ]] && COMPREPLY+=(\"$word\")\n"
        "        done < <(weir state list 2>/dev/null) ;;\n"
        "    job)\n"
        "        while IFS= read -r word; do\n"
        "            [[ $word == \"$current\"* ]] && COMPREPLY+=(\"$word\")\n"
        "        done < <(weir jobs --names 2>/dev/null) ;;\n"
        "    type) words=$(weir docs 2>/dev/null | sed -n 's/^data /data./; s/^\\([a-z][^ ]*\\).*/\\1/p') "
        ";;&\n"
        "    command) words=$commands ;;&\n"
        "    '' | type | command) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
        "    esac\n"
        "}\n"
        "complete -o filenames -F _weir weir\n");
}

/* ---- zsh ---- */

static void zsh_spec(struct buf *out, const struct option *o, const char *name, char dash_count)
{
    buf_addf(out, " \\\n        '%s%s%s%s[", o->kind == OPTION_LIST || o->kind == OPTION_COUNT ? "*" : "",
        dash_count == 2 ? "--" : "-", name, o->value ? (dash_count == 2 ? "=" : "+") : "");
    add_quoted(out, o->doc, "[]:\\");
    buf_addz(out, "]");
    if (o->value) {
        buf_addz(out, ":");
        add_quoted(out, o->value, ":\\");
        buf_addz(out, ":");
        if (o->completes == COMPLETES_FILE)
            buf_addz(out, "_files");
        else if (o->completes == COMPLETES_DIR)
            buf_addz(out, "_files -/");
        else if (o->completes == COMPLETES_ADDRESS)
            buf_addz(out, "_weir_addresses");
        else if (o->completes == COMPLETES_CHOICES)
            buf_addf(out, "(%s)", o->choices);
    }
    buf_add_char(out, '\'');
}

static void zsh_option(struct buf *out, const struct option *o, const char *ctx)
{
    (void)ctx;
    char letter[2] = {o->letter, 0};
    if (o->letter)
        zsh_spec(out, o, letter, 1);
    zsh_spec(out, o, o->name, 2);
    if (o->alias)
        zsh_spec(out, o, o->alias, 2);
}

static void zsh_describe(struct buf *out, const struct command *c)
{
    buf_addf(out, " \\\n        '%s:", c->name);
    add_quoted(out, c->summary, ":\\");
    buf_add_char(out, '\'');
}

static void zsh_args(struct buf *out, const struct command *c)
{
    static const char *const args[] = {[COMPLETES_NOTHING] = "",
        [COMPLETES_FILE] = "*:file:_files",
        [COMPLETES_DIR] = "*:folder:_files -/",
        [COMPLETES_ADDRESS] = "*:address:_weir_addresses",
        [COMPLETES_JOB] = "1:job:_weir_jobs",
        [COMPLETES_TYPE] = "1:type:_weir_types",
        [COMPLETES_COMMAND] = "1:command:_weir_commands",
        [COMPLETES_CHOICES] = ""};
    if (c->completes == COMPLETES_CHOICES)
        buf_addf(out, " \\\n        '1:argument:(%s)'", c->choices);
    else if (c->completes != COMPLETES_NOTHING)
        buf_addf(out, " \\\n        '%s'", args[c->completes]);
}

static void zsh_command(struct buf *out, const struct command *c, struct str path)
{
    buf_addf(out, "    '%.*s') ", STR_ARG(path));
    if (c->subs) {
        buf_addz(out, "subs=(");
        for (const struct command *const *s = c->subs; *s; s++)
            zsh_describe(out, *s);
        buf_addz(out, ")\n        _describe command subs ;;\n");
        return;
    }
    buf_addz(out, "_arguments -s");
    each_option(c, zsh_option, NULL, out);
    zsh_args(out, c);
    buf_addz(out, " ;;\n");
}

static void write_zsh(struct buf *out)
{
    buf_addz(out, "#compdef weir\n# zsh completion for weir; made by: weir completion zsh\n"
                  "_weir_addresses() {\n"
                  "    local -a addresses\n"
                  "    addresses=(${(f)\"$(weir state list 2>/dev/null)\"})\n"
                  "    compadd -a addresses\n"
                  "}\n"
                  "_weir_jobs() {\n"
                  "    local -a jobs\n"
                  "    jobs=(${(f)\"$(weir jobs --names 2>/dev/null)\"})\n"
                  "    compadd -a jobs\n"
                  "}\n"
                  "_weir_types() {\n"
                  "    compadd ${(f)\"$(weir docs 2>/dev/null | sed -n 's/^data /data./; s/^\\([a-z][^ "
                  "]*\\).*/\\1/p')\"}\n"
                  "}\n"
                  "_weir_commands() {\n"
                  "    local -a commands\n"
                  "    commands=(");
    for (const struct command_group *g = command_groups; g->title; g++)
        for (const struct command *const *c = g->commands; *c; c++)
            zsh_describe(out, *c);
    buf_addz(out, ")\n"
                  "    _describe command commands\n"
                  "}\n"
                  "_weir() {\n"
                  "    local -a subs\n"
                  "    local command\n"
                  "    if (( CURRENT == 2 )); then\n"
                  "        _weir_commands\n"
                  "        return\n"
                  "    fi\n"
                  "    command=$words[2]\n"
                  "    case $command in\n"
                  "    ");
    bash_parents(out);
    buf_addz(out, ")\n"
                  "        if (( CURRENT > 3 )); then\n"
                  "            command=\"$command $words[3]\"\n"
                  "            shift words; (( CURRENT-- ))\n"
                  "        fi ;;\n"
                  "    esac\n"
                  "    shift words; (( CURRENT-- ))\n"
                  "    case $command in\n");
    struct walk walk = {out, zsh_command};
    walk_commands(&walk);
    buf_addz(out, "    esac\n}\n"
                  "if [[ $funcstack[1] == _weir ]]; then _weir \"$@\"; else compdef _weir weir; fi\n");
}

/* ---- fish ---- */

static void fish_option(struct buf *out, const struct option *o, const char *condition)
{
    buf_addf(out, "complete -c weir -n '%s' -l %s", condition, o->name);
    if (o->letter)
        buf_addf(out, " -s %c", o->letter);
    if (o->value)
        buf_addz(out, o->completes == COMPLETES_FILE ? " -r -F" : " -x");
    if (o->completes == COMPLETES_DIR)
        buf_addz(out, " -a '(__fish_complete_directories)'");
    else if (o->completes == COMPLETES_ADDRESS)
        buf_addz(out, " -a '(weir state list 2>/dev/null)'");
    else if (o->completes == COMPLETES_CHOICES)
        buf_addf(out, " -a '%s'", o->choices);
    buf_addz(out, " -d '");
    add_quoted(out, o->doc, "\\");
    buf_addz(out, "'\n");
}

static void fish_command(struct buf *out, const struct command *c, struct str path)
{
    struct str rest, first = str_cut(path, ' ', &rest);
    AUTO_BUF struct buf condition = BUF_INIT;
    if (rest.p)
        buf_addf(&condition, "__fish_seen_subcommand_from %.*s; and ", STR_ARG(first));
    buf_addf(out, "complete -c weir -f -n '%s", rest.p ? condition.p : "__fish_use_subcommand");
    if (rest.p) {
        buf_addz(out, "not __fish_seen_subcommand_from");
        add_subs(out, command_find(first));
    }
    buf_addf(out, "' -a %s -d '", c->name);
    add_quoted(out, c->summary, "\\");
    buf_addz(out, "'\n");
    buf_addf(&condition, "__fish_seen_subcommand_from %s", c->name);
    if (c->run)
        each_option(c, fish_option, condition.p, out);
    if (c->completes == COMPLETES_ADDRESS)
        buf_addf(out, "complete -c weir -n '%s' -a '(weir state list 2>/dev/null)'\n", condition.p);
    if (c->completes == COMPLETES_JOB)
        buf_addf(out, "complete -c weir -n '%s' -a '(weir jobs --names 2>/dev/null)'\n", condition.p);
    if (c->completes == COMPLETES_FILE)
        buf_addf(out, "complete -c weir -n '%s' -F\n", condition.p);
    if (c->completes == COMPLETES_TYPE)
        buf_addf(out,
            "complete -c weir -n '%s' -a '(weir docs 2>/dev/null | string match -r \"^[a-z]\\\\S+\")'\n",
            condition.p);
    if (c->completes == COMPLETES_CHOICES)
        buf_addf(out, "complete -c weir -n '%s' -a '%s'\n", condition.p, c->choices);
    if (c->completes == COMPLETES_COMMAND) {
        buf_addf(out, "complete -c weir -n '%s' -a '", condition.p);
        add_command_names(out);
        buf_addz(out, "'\n");
    }
}

static void write_fish(struct buf *out)
{
    buf_addz(out, "# fish completion for weir; made by: weir completion fish\ncomplete -c weir -f\n");
    struct walk walk = {out, fish_command};
    walk_commands(&walk);
}

/* ---- the command ---- */

static int run(struct invocation *inv)
{
    static const struct {
        const char *shell;
        void (*write)(struct buf *out);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
        if (str_eqz(inv->args.items[0], shells[i].shell)) {
            AUTO_BUF struct buf out = BUF_INIT;
            shells[i].write(&out);
            return invocation_write(inv, buf_str(&out));
        }
    return invocation_usage(
        inv, "bash, zsh and fish are known", "no completion for \"%.*s\"", STR_ARG(inv->args.items[0]));
}

static const struct command_example examples[] = {
    {"source <(weir completion bash)", "in ~/.bashrc"},
    {"weir completion fish > ~/.config/fish/completions/weir.fish", "once"},
    {NULL, NULL},
};

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash|zsh|fish",
    .completes = COMPLETES_CHOICES,
    .choices = "bash zsh fish",
    .summary = "print a completion script for a shell",
    .min_args = 1,
    .max_args = 1,
    .examples = examples,
    .run = run,
};
