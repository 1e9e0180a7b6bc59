command_try() { (cd -- "${directory:-${HOME:-/}}" && eval "$1") < /dev/null; }
command_read() {
    [ -z "$creates" ] || seen "$creates" || return 0
    [ -z "$unless" ] || command_try "$unless" > /dev/null 2>&1 || return 0
    say id "$id"
}
# Of a change only a `creates` or `unless` that is new says that it has been run already.
command_make() {
    if [ -z "$changed" ] || changes creates; then
        [ -n "$creates" ] && [ -e "$creates" ] && { say skipped true; return 0; }
    fi
    if [ -z "$changed" ] || changes unless; then
        [ -n "$unless" ] && command_try "$unless" > /dev/null 2>&1 && { say skipped true; return 0; }
    fi
    text=$create
    [ -z "$changed" ] || [ -z "$update" ] || text=$update
    output=$(command_try "$text") || die "the command ended with status $?"
    tell output "$output"
}
command_unmake() {
    [ -z "$delete" ] || command_try "$delete" >&2 || die "the command ended with status $?"
}
