/*
 * Completion for shells, from the tables of commands and options. Addresses, jobs and environments are asked
 * of weir while completing, with the options of the line that pick the stack.
 */
#include "cmd/command.h"
#include "stacks/files.h"

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
        [COMPLETES_ENV] = "env",
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

/* Options of the set, with or without a value, for a `case`. */
static void bash_patterns(struct buf *out, const struct option_set *set, bool value, const char *separator)
{
    for (size_t i = 0; i < set->n; i++)
        if ((set->options[i].value != NULL) == value) {
            buf_addz(out, separator);
            bash_pattern(out, &set->options[i]);
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
                  "    local path= words= options= kind= value= word i given=()\n"
                  "    local commands='");
    add_command_names(out);
    /* --env=dev is three words to bash */
    buf_addz(out, "'\n"
                  "    COMPREPLY=()\n"
                  "    if [[ $current == = ]]; then current=; fi\n"
                  "    if [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        word=${COMP_WORDS[i]}\n"
                  "        case $word in\n"
                  "        ");
    bash_patterns(out, &options_stack, true, "");
    bash_patterns(out, &options_plan, true, " | ");
    bash_patterns(out, &options_change, true, " | ");
    buf_addz(out, ")\n"
                  "            [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))\n"
                  "            ((i++))\n"
                  "            ((i < COMP_CWORD)) && case $word in ");
    bash_patterns(out, &options_stack, true, "");
    buf_addz(out, ")\n"
                  "                given+=(\"$word\" \"$(printf %s \"${COMP_WORDS[i]/#\\~/$HOME}\" | tr -d "
                  "\\\\\\\\\\'\\\")\") ;;\n"
                  "            esac ;;\n"
                  "        ");
    bash_patterns(out, &options_stack, false, "");
    buf_addz(out, ") given+=(\"$word\") ;;\n"
                  "        -*) ;;\n"
                  "        *)\n"
                  "            case $path in\n"
                  "            '') path=$word ;;\n"
                  "            ");
    bash_parents(out);
    buf_addz(out, ") path=\"$path $word\" ;;\n"
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
        "    address | job | env)\n"
        "        case $kind in\n"
        "        address) words='state list' ;;\n"
        "        job) words='jobs --names' ;;\n"
        "        env) words='completion environments' ;;\n"
        "        esac\n"
        "        while IFS= read -r word; do\n"
        "            [[ $word == \"$current\"* ]] && COMPREPLY+=(\"$word\")\n"
        "        done < <(weir $words \"${given[@]}\" 2>/dev/null) ;;\n"
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
        else if (o->completes == COMPLETES_ENV)
            buf_addz(out, "_weir_environments");
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
        [COMPLETES_ENV] = "1:environment:_weir_environments",
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

/* --env=dev, --sandbox: options that pick the stack and are one word, for a `case`. */
static void zsh_inline(struct buf *out)
{
    for (size_t i = 0; i < options_stack.n; i++)
        buf_addf(out, "%s--%s%s", i ? " | " : "", options_stack.options[i].name,
            options_stack.options[i].value ? "=*" : "");
}

static void write_zsh(struct buf *out)
{
    buf_addz(out, "#compdef weir\n# zsh completion for weir; made by: weir completion zsh\n"
                  "_weir_ask() {\n"
                  "    local -a given lines\n"
                  "    local i\n"
                  "    for ((i = 1; i < CURRENT; i++)); do\n"
                  "        case $words[i] in\n"
                  "        ");
    bash_patterns(out, &options_stack, true, "");
    buf_addz(out, ")\n"
                  "            ((i++))\n"
                  "            ((i < CURRENT)) && given+=($words[i-1] \"${(Q)words[i]/#\\~/$HOME}\") ;;\n"
                  "        ");
    zsh_inline(out);
    buf_addz(out, ") given+=(\"${(Q)words[i]}\") ;;\n"
                  "        esac\n"
                  "    done\n"
                  "    lines=(${(f)\"$(weir $* $given 2>/dev/null)\"})\n"
                  "    compadd -a lines\n"
                  "}\n"
                  "_weir_addresses() { _weir_ask state list }\n"
                  "_weir_jobs() { _weir_ask jobs --names }\n"
                  "_weir_environments() { _weir_ask completion environments }\n"
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
        buf_addz(out, " -a '(__weir_ask state list)'");
    else if (o->completes == COMPLETES_ENV)
        buf_addz(out, " -a '(__weir_ask completion environments)'");
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
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask state list)'\n", condition.p);
    if (c->completes == COMPLETES_JOB)
        buf_addf(out, "complete -c weir -n '%s' -a '(__weir_ask jobs --names)'\n", condition.p);
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

/* Options that pick the stack, for a `case`: those whose value is the next word, or those of one word. */
static void fish_words(struct buf *out, bool next)
{
    for (size_t i = 0; i < options_stack.n; i++) {
        const struct option *o = &options_stack.options[i];
        if (next && o->value && o->letter)
            buf_addf(out, " -%c", o->letter);
        if (!next || o->value)
            buf_addf(out, " %s--%s%s", !next && o->value ? "'" : "", o->name, !next && o->value ? "=*'" : "");
    }
}

static void write_fish(struct buf *out)
{
    buf_addz(out, "# fish completion for weir; made by: weir completion fish\n"
                  "function __weir_ask\n"
                  "    set -l given\n"
                  "    set -l option\n"
                  "    for word in (commandline -opc)\n"
                  "        if set -q option[1]\n"
                  "            set given $given $option $word\n"
                  "            set option\n"
                  "            continue\n"
                  "        end\n"
                  "        switch $word\n"
                  "            case");
    fish_words(out, true);
    buf_addz(out, "\n"
                  "                set option $word\n"
                  "            case");
    fish_words(out, false);
    buf_addz(out, "\n"
                  "                set given $given $word\n"
                  "        end\n"
                  "    end\n"
                  "    weir $argv $given 2>/dev/null\n"
                  "end\n"
                  "complete -c weir -f\n");
    struct walk walk = {out, fish_command};
    walk_commands(&walk);
}

/* ---- the command ---- */

static void add_line(void *ctx, struct str name)
{
    struct buf *out = ctx;
    text_add_safe(out, name, false);
    buf_add_char(out, '\n');
}

static int list_environments(struct invocation *inv)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (stack_environments(&inv->arena, inv->settings->dir, &inv->diags, add_line, &out))
        return invocation_diags(inv);
    return invocation_write(inv, buf_str(&out));
}

static int run(struct invocation *inv)
{
    static const struct {
        const char *shell;
        void (*write)(struct buf *out);
    } shells[] = {{"bash", write_bash}, {"zsh", write_zsh}, {"fish", write_fish}};
    if (str_eqz(inv->args.items[0], "environments"))
        return list_environments(inv);
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
    {"weir completion environments", "those of the stack in this folder, a line each"},
    {"weir completion fish > ~/.config/fish/completions/weir.fish", "once"},
    {NULL, NULL},
};

static const struct option_set *const sets[] = {&options_stack, NULL};

const struct command cmd_completion = {
    .name = "completion",
    .args = "bash|zsh|fish|environments",
    .completes = COMPLETES_CHOICES,
    .choices = "bash zsh fish environments",
    .summary = "print a completion script for a shell",
    .details =
        "The script asks weir for what depends on the stack: addresses, jobs and, with `environments`, the "
        "names that -e takes.",
    .sets = sets,
    .min_args = 1,
    .max_args = 1,
    .examples = examples,
    .run = run,
};
