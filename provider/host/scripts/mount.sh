mount_line() { awk -v path="$path" '$1 !~ /^#/ && $2 == path { print; exit }' "$table" 2> /dev/null; }
mount_read() {
    line=$(mount_line)
    [ -n "$line" ] || return 0
    say path "$path"
    say device "$(printf '%s' "$line" | awk '{print $1}')"
    say fstype "$(printf '%s' "$line" | awk '{print $3}')"
    say options "$(printf '%s' "$line" | awk '{print $4}')"
    awk -v path="$path" '$2 == path { found = 1 } END { exit !found }' /proc/self/mounts && say mounted true || say mounted false
}
# One at a time: each writes the whole table. The lock is on its folder, for the table itself is replaced.
mount_table() {
    exec 9< "${table%/*}/" && { ! command -v flock > /dev/null || flock 9; } || die "cannot lock ${table%/*}"
    new=$table.weir-new
    { awk -v path="$path" '$1 ~ /^#/ || $2 != path' "$table" 2> /dev/null; [ -z "$1" ] || printf '%s\n' "$1"; } > "$new" || die "cannot write $new"
    chmod 0644 "$new" && mv -f -- "$new" "$table" || die "cannot write $table"
    exec 9<&-
}
mount_make() {
    mount_table "$device $path $fstype ${options:-defaults} 0 0"
    is=$(awk -v path="$path" '$2 == path { print "yes"; exit }' /proc/self/mounts)
    if [ -n "$mounted" ]; then
        mkdir -p -- "$path" || die "cannot make $path"
        if [ -z "$is" ]; then mount -T "$table" "$path" >&2 || die "cannot mount $path"
        elif changes device || changes fstype; then { umount "$path" && mount -T "$table" "$path"; } >&2 || die "cannot mount $path anew"
        elif [ -n "$changed" ]; then mount -T "$table" -o remount "$path" >&2 || { umount "$path" && mount -T "$table" "$path"; } >&2 || die "cannot mount $path anew"; fi
    elif [ -n "$is" ]; then umount "$path" >&2 || die "cannot unmount $path"; fi
}
mount_unmake() {
    ! awk -v path="$path" '$2 == path { found = 1 } END { exit !found }' /proc/self/mounts || umount "$path" >&2 || die "cannot unmount $path"
    mount_table ""
}
