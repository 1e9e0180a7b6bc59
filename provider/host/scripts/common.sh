# What every script begins with. What is told goes to standard output, as lines "=name|value" with "|" before each further line of a value;
# everything that programs print goes to standard error.
say() { printf '=%s|%s\n' "$1" "$2"; }
tell() {
    printf '=%s\n' "$1"
    [ -z "$2" ] || printf '%s\n' "$2" | sed 's/^/|/'
}
die() {
    printf '%s\n' "$*" >&2
    exit 1
}
changes() { case " $changed " in *" $1 "*) true ;; *) false ;; esac }

sum_of() {
    sum=$(sha256sum < "$1") || die "cannot read $1"
    printf '%s' "${sum%% *}"
}

# Owner, group and mode of what is there.
say_rights() {
    rights=$(stat -c '%U %G %a' -- "$1") || die "cannot look at $1"
    say owner "${rights%% *}"
    rights=${rights#* }
    say group "${rights%% *}"
    mode_is=${rights#* }
    while [ ${#mode_is} -lt 4 ]; do mode_is=0$mode_is; done
    say mode "$mode_is"
}

set_rights() {
    [ -z "$owner$group" ] || chown -- "$owner${group:+:$group}" "$1" || die "cannot give $1 to $owner${group:+:$group}"
    [ -z "$mode" ] || chmod -- "$mode" "$1" || die "cannot set the mode of $1"
}

# Is there something that may not be looked at? Then it is not absent.
seen() {
    [ -e "$1" ] || [ -L "$1" ] && return 0
    above=${1%/*}
    while [ -n "$above" ] && [ ! -e "$above" ]; do above=${above%/*}; done
    [ -z "$above" ] || [ ! -d "$above" ] || [ -x "$above" ] || die "$above may not be looked into"
    return 1
}

# Standard input becomes the file $1 of $2 bytes: written aside, so that nobody sees half of it.
put() {
    new=$1.weir-new
    [ -d "${1%/*}/" ] || die "there is no folder ${1%/*}"
    [ ! -d "$1" ] || die "$1 is a folder"
    trap 'rm -f -- "$new"' EXIT
    before=$([ ! -f "$1" ] || stat -c '%u:%g %a' -- "$1")
    (umask 077 && cat > "$new") || die "cannot write $1"
    [ "$(wc -c < "$new")" -eq "$2" ] || die "the content of $1 came short"
    if [ -n "$before" ]; then
        chown -- "${before% *}" "$new" 2> /dev/null
        chmod -- "${before#* }" "$new"
    else
        chmod -- 0644 "$new"
    fi
    set_rights "$new"
    sync -- "$new" 2> /dev/null || sync
    mv -f -- "$new" "$1" || die "cannot put $1 in place"
    trap - EXIT
}
