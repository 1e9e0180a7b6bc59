user_home() { getent passwd "$name" | cut -d: -f6; }
user_read() {
    line=$(getent passwd "$name") || return 0
    say name "$name"
    say uid "$(printf '%s' "$line" | cut -d: -f3)"
    say comment "$(printf '%s' "$line" | cut -d: -f5)"
    say home "$(printf '%s' "$line" | cut -d: -f6)"
    say shell "$(printf '%s' "$line" | cut -d: -f7)"
    say group "$(id -gn "$name")"
    for each in $(id -Gn "$name"); do [ "$each" = "$(id -gn "$name")" ] || say groups "$each"; done
    keys=$(user_home)/.ssh/authorized_keys
    [ ! -r "$keys" ] || grep -v '^[[:space:]]*\(#\|$\)' "$keys" | sed 's/^/=authorized_keys|/'
}
user_make() {
    if getent passwd "$name" > /dev/null; then
        set --
        ! changes uid || set -- "$@" -u "$uid"
        ! changes group || set -- "$@" -g "$group"
        ! changes groups || set -- "$@" -G "$(printf '%s' "$groups" | tr '\n' ',')"
        ! changes home || set -- "$@" -m -d "$home"
        ! changes shell || set -- "$@" -s "$shell"
        ! changes comment || set -- "$@" -c "$comment"
        [ $# -eq 0 ] || usermod "$@" -- "$name" >&2 || die "cannot change the user $name"
    else
        set -- -m
        [ -z "$system" ] || set -- "$@" -r
        [ -z "$uid" ] || set -- "$@" -u "$uid"
        if [ -n "$group" ]; then set -- "$@" -g "$group"; elif getent group "$name" > /dev/null; then set -- "$@" -g "$name"; else set -- "$@" -U; fi
        [ -z "$groups" ] || set -- "$@" -G "$(printf '%s' "$groups" | tr '\n' ',')"
        [ -z "$home" ] || set -- "$@" -d "$home"
        set -- "$@" -s "${shell:-/bin/sh}"
        [ -z "$comment" ] || set -- "$@" -c "$comment"
        useradd "$@" -- "$name" >&2 || die "cannot make the user $name"
    fi
    [ -z "$password_hash" ] || printf '%s:%s\n' "$name" "$password_hash" | chpasswd -e || die "cannot set the password of $name"
    if changes authorized_keys || { [ -z "$changed" ] && [ -n "$authorized_keys" ]; }; then
        keys=$(user_home)/.ssh
        mkdir -p -- "$keys" && chmod 700 "$keys" || die "cannot make $keys"
        owner=$name group=$(id -gn "$name") mode=0600
        set_rights_of_folder=$(chown -- "$owner:$group" "$keys" 2>&1) || die "$set_rights_of_folder"
        printf '%s\n' "$authorized_keys" > "$keys/authorized_keys.weir-new" && set_rights "$keys/authorized_keys.weir-new" &&
            mv -f -- "$keys/authorized_keys.weir-new" "$keys/authorized_keys" || die "cannot write $keys/authorized_keys"
    fi
}
user_unmake() {
    getent passwd "$name" > /dev/null || return 0
    if [ -n "$remove_home" ]; then userdel -r -- "$name" >&2; else userdel -- "$name" >&2; fi
    getent passwd "$name" > /dev/null && die "cannot remove the user $name"
    return 0
}
