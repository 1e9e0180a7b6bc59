file_read() {
    seen "$path" || return 0
    [ -f "$path" ] && [ ! -L "$path" ] || die "$path is there, and is no plain file"
    say path "$path"
    say_rights "$path"
    say sha256 "$(sum_of "$path")" || exit 1
}
file_make() {
    [ -z "$parents" ] || mkdir -p -- "${path%/*}/" || die "cannot make ${path%/*}"
    if [ -n "$payload" ]; then put "$path" "$payload"; else set_rights "$path"; fi
}
file_unmake() {
    [ -n "$keep" ] || rm -f -- "$path" || die "cannot remove $path"
}
