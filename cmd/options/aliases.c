/* What fingers know from other tools: see aliases.h. */
#include "cmd/options/aliases.h"

static const struct alias options[] = {
    {.name = "var", .option = "input"},
    {.name = "var-file", .option = "input-file"},
    {.name = "chdir", .option = "dir"},
    {.name = "refresh", .value = "false", .option = "no-refresh"},
    {.name = "refresh", .ignored = true},
    {.name = "compact-warnings", .ignored = true},
    {.name = "recursive", .ignored = true}, /* fmt goes through the modules in any case */
    {.name = "write", .value = "false", .option = "check"},
    {.name = "lock", .value = "true", .ignored = true},
    {.name = "lock",
        .hint = "the state is always locked while it is written to; --lock-timeout waits for others"},
    {.name = "lock-timeout", .ignored = true}, /* where nothing is locked */
    {.name = "refresh-only", .hint = "\"weir drift\" shows what changed outside weir"},
    {.name = "destroy", .hint = "\"weir destroy\" does that, \"weir plan --destroy\" shows it"},
    {.name = "state", .hint = "`state:` in the stack says where the state is stored"},
    {.name = "state-out", .hint = "`state:` in the stack says where the state is stored"},
    {.name = "backend-config",
        .hint = "`state:` in the stack says where the state is stored, made of inputs where that differs"},
    {.name = "migrate-state", .hint = "\"weir state migrate\" takes the state to where `state:` says now"},
    {.name = "reconfigure",
        .hint = "nothing has to be set up: `state:` in the stack is read by every command"},
    {.name = "upgrade",
        .hint = "providers are part of weir; \"weir modules update\" brings remote modules up to date"},
    {.name = "generate-config-out", .hint = "\"weir docs TYPE\" has an example of each type to begin with"},
    {.name = "marks", .hint = "\"weir reap\" has --by-tags for that"},
    {.name = "stack", .hint = "-e NAME picks an environment, -C DIR the folder of a stack"},
    {.name = "profile", .hint = "AWS_PROFILE in the environment, or `profile:` in the provider's settings"},
    {.name = "region", .hint = "AWS_REGION in the environment, or `region:` in the provider's settings"},
};

static const struct command_alias commands[] = {
    {.name = "import", .command = "state import"},
    {.name = "force-unlock", .hint = "\"weir state unlock\" does that"},
    {.name = "up", .hint = "\"weir apply\" does that"},
    {.name = "preview", .hint = "\"weir plan\" does that"},
    {.name = "diff", .hint = "\"weir plan\" does that"},
    {.name = "synth", .hint = "\"weir plan\" shows what would be made; there is nothing in between"},
    {.name = "remove", .hint = "\"weir destroy\" takes everything away, \"weir state rm\" only forgets"},
    {.name = "rm", .hint = "\"weir state rm\" forgets a resource, \"weir destroy --target\" deletes it"},
    {.name = "mv", .hint = "\"weir state mv\" does that, or `moved:` in the stack for everybody"},
    {.name = "ls", .hint = "\"weir state list\" lists the resources"},
    {.name = "list", .hint = "\"weir state list\" lists the resources"},
    {.name = "taint", .hint = "\"weir apply --replace ADDRESS\" makes a resource anew"},
    {.name = "untaint",
        .hint = "nothing is marked for later here: --replace is said when it is meant; what a run left "
                "half-made is made anew"},
    {.name = "refresh",
        .hint = "every plan reads the live services; \"weir drift\" shows what changed outside weir"},
    {.name = "workspace",
        .hint = "-e NAME picks one of the stack's `environments:`, each with a state of its own"},
    {.name = "env", .hint = "-e NAME picks one of the stack's `environments:`, each with a state of its own"},
    {.name = "providers", .hint = "providers are part of weir: \"weir docs\" lists their types"},
    {.name = "get", .hint = "\"weir modules update\" pins and fetches remote modules"},
    {.name = "login", .hint = "weir has no accounts; credentials are found as the AWS tools find them"},
    {.name = "logout", .hint = "weir has no accounts; credentials are found as the AWS tools find them"},
    {.name = "metadata", .hint = "\"weir schema\" prints what the types take"},
    {.name = "state push", .hint = "\"weir state migrate\" takes a state to another place"},
    {.name = "state replace-provider",
        .hint = "`provider:` of a resource names its provider's configuration"},
    {.name = "state remove", .command = "state rm"},
    {.name = "state move", .command = "state mv"},
    {.name = "state ls", .command = "state list"},
};

const struct alias *alias_option(struct str name, struct str value)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (str_eqz(name, options[i].name) && (!options[i].value || str_eqz(value, options[i].value)))
            return &options[i];
    return NULL;
}

const struct command_alias *alias_command(const char *parent, struct str name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        struct str rest = str_z(commands[i].name);
        if (parent && !(str_eqz(str_cut(rest, ' ', &rest), parent) && rest.p))
            continue;
        if (str_eq(rest, name))
            return &commands[i];
    }
    return NULL;
}
