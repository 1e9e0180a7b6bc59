directory_read() {
    seen "$path" || return 0
    [ -d "$path" ] || die "$path is there, and is no folder"
    say path "$path"
    say_rights "$path"
    [ -z "$source" ] && return 0
    printf '=files\n'
    (cd -- "$path" && find . -type f ! -name '*.weir-new' -exec sha256sum {} +) | sed 's/^/|/'
    printf '=executables\n'
    (cd -- "$path" && find . -type f -perm -100 ! -name '*.weir-new') | sed 's/^/|/'
}
# One on each line, in which a backslash begins what is no plain letter.
remove_doomed() {
    printf '%s\n' "$doomed" | while IFS= read -r each; do
        case $each in *\\*) each=$(printf '%b.' "$each") && each=${each%.} ;; esac
        [ -z "$each" ] || rm -f -- "$path/$each" || exit 1
    done || die "cannot remove files below $path"
}
# The payload is an archive of the files that are to be written; each goes into place by itself.
directory_make() {
    mkdir -p -- "$path" || die "cannot make $path"
    if [ -n "$payload" ]; then
        new=$path/.weir-new
        trap 'rm -rf -- "$new"' EXIT
        rm -rf -- "$new"
        mkdir -m 700 -- "$new" || die "cannot write below $path"
        tar -xmf - -C "$new" || die "cannot unpack below $path"
        (cd -- "$new" && find . -type d) | while IFS= read -r each; do mkdir -p -- "$path/$each" || exit 1; done || die "cannot make folders below $path"
        (cd -- "$new" && find . -type f) | while IFS= read -r each; do
            [ -z "$owner$group" ] || chown -- "$owner${group:+:$group}" "$new/$each" || exit 1
            mv -f -- "$new/$each" "$path/$each" || exit 1
        done || die "cannot put files below $path in place"
        sync
    fi
    remove_doomed
    set_rights "$path"
}
directory_unmake() {
    [ -z "$keep" ] || return 0
    remove_doomed
    # Folders that are empty by now; what others put there stays.
    find "$path" -depth -type d -exec rmdir -- {} \; 2> /dev/null
    [ -z "$force_destroy" ] || rm -rf -- "$path" || die "cannot remove $path"
    return 0
}
