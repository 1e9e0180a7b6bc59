/* Completion for bash, written from the tables of commands and options. */
#include "cmd/options/completion.h"

static void bash_option(
    struct buf *out, const struct option *o, struct str path UNUSED, const char *ctx UNUSED)
{
    if (o->letter)
        buf_addf(out, " -%c", o->letter);
    buf_addf(out, " --%s", o->name);
    if (o->alias)
        buf_addf(out, " --%s", o->alias);
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
        [COMPLETES_CONNECTION] = "connection",
        [COMPLETES_COMMAND] = "command",
        [COMPLETES_CHOICES] = ""};
    buf_addf(out, "kind='%s' words='%s'", kinds[kind], choices ? choices : "");
}

static void bash_value(
    struct buf *out, const struct option *o, struct str path UNUSED, const char *ctx UNUSED)
{
    if (!o->value)
        return;
    buf_addz(out, "        ");
    completion_pattern(out, o);
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
        completion_subs(out, c);
        buf_addz(out, "'");
    }
    buf_addz(out, "\n        options='");
    completion_options(c, path, bash_option, NULL, out);
    buf_addz(out, "'\n        case $previous in\n");
    completion_options(c, path, bash_value, NULL, out);
    buf_addz(out, "        esac ;;\n");
}

void completion_bash(struct buf *out)
{
    buf_addz(out, "# bash completion for weir; made by: weir completion bash\n"
                  "_weir() {\n"
                  "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                  "    local path= words= options= kind= value= word i given=()\n"
                  "    local commands='");
    completion_commands(out);
    /* --env=dev is three words to bash */
    buf_addz(out, "'\n"
                  "    COMPREPLY=()\n"
                  "    if [[ $current == = ]]; then current=; fi\n"
                  "    if [[ $previous == = ]]; then previous=${COMP_WORDS[COMP_CWORD - 2]}; fi\n"
                  "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "        word=${COMP_WORDS[i]}\n"
                  "        case $word in\n"
                  "        ");
    completion_patterns(out, &options_stack, true, "");
    completion_patterns(out, &options_plan, true, " | ");
    completion_patterns(out, &options_change, true, " | ");
    buf_addz(out, ")\n"
                  "            [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))\n"
                  "            ((i++))\n"
                  "            ((i < COMP_CWORD)) && case $word in ");
    completion_patterns(out, &options_stack, true, "");
    buf_addz(out, ")\n"
                  "                given+=(\"$word\" \"$(printf %s \"${COMP_WORDS[i]/#\\~/$HOME}\" | tr -d "
                  "\\\\\\\\\\'\\\")\") ;;\n"
                  "            esac ;;\n"
                  "        ");
    completion_patterns(out, &options_stack, false, "");
    buf_addz(out, ") given+=(\"$word\") ;;\n"
                  "        -*) ;;\n"
                  "        *)\n"
                  "            case $path in\n"
                  "            '') path=$word ;;\n"
                  "            ");
    completion_parents(out);
    buf_addz(out, ") path=\"$path $word\" ;;\n"
                  "            esac ;;\n"
                  "        esac\n"
                  "    done\n"
                  "    case $path in\n"
                  "    '') words=$commands options='--help --version' ;;\n");
    commands_walk(bash_command, out);
    buf_addz(out,
        "    esac\n"
        "    if [[ -z $value && $current == -* ]]; then kind='' words=$options; fi\n"
        "    case $kind in\n"
        "    file) mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
        "    dir) mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
        "    address | job | env | connection)\n"
        "        case $kind in\n"
        "        address) words='state list' ;;\n"
        "        job) words='jobs --names' ;;\n"
        "        env) words='completion environments' ;;\n"
        "        connection) words='completion connections' ;;\n"
        "        esac\n"
        "        while IFS= read -r word; do\n"
        "            [[ $word == \"$current\"* ]] && COMPREPLY+=(\"$word\")\n"
        "        done < <(weir $words \"${given[@]}\" 2>/dev/null) ;;\n"
        "    type)\n" /* AWS::S3::Bucket is five words to bash */
        "        word=${COMP_LINE:0:COMP_POINT} word=${word##* }\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$(weir completion types 2>/dev/null)\" -- \"$word\")\n"
        "        if [[ $word == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
        "            word=${word%\"${word##*:}\"}\n"
        "            COMPREPLY=(\"${COMPREPLY[@]#\"$word\"}\")\n"
        "        fi ;;\n"
        "    command) words=$commands ;;&\n"
        "    '' | command) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
        "    esac\n"
        "}\n"
        "complete -o filenames -F _weir weir\n");
}
