service_begin() {
    [ -d /run/systemd/system ] || die "systemd does not run on this host, so it has no services of it"
    case $name in *.*) full=$name ;; *) full=$name.service ;; esac
    file=/etc/systemd/system/$full
}
service_look() {
    service_begin
    [ "$(systemctl show -p LoadState --value -- "$full")" != not-found ] || return 0
    say name "$name"
    systemctl is-enabled --quiet -- "$full" && say enabled true || say enabled false
    systemctl is-active --quiet -- "$full" && say running true || say running false
    [ ! -f "$file" ] || [ -L "$file" ] || say unit_sha256 "$(sum_of "$file")" || exit 1
}
service_make() {
    service_begin
    if [ -n "$payload" ]; then
        put "$file" "$payload"
        systemctl daemon-reload || die "systemd does not take the unit $full"
    fi
    [ -z "$enabled" ] || systemctl enable --quiet -- "$full" >&2 || die "cannot enable $full"
    case $given in *" enabled "*) [ -n "$enabled" ] || systemctl disable --quiet -- "$full" >&2 || die "cannot disable $full" ;; esac
    if [ -n "$running" ]; then
        if changes restart_on || changes unit || changes unit_sha256; then systemctl restart -- "$full"; else systemctl start -- "$full"; fi ||
            { journalctl -n 10 -o cat --no-pager -u "$full" >&2 2> /dev/null; die "$full does not start"; }
    else
        case $given in *" running "*) systemctl stop -- "$full" || die "$full does not stop" ;; esac
    fi
}
service_unmake() {
    service_begin
    [ -n "$unit_sha256" ] || return 0
    systemctl disable --quiet --now -- "$full" >&2
    rm -f -- "$file" && systemctl daemon-reload || die "cannot remove $file"
    systemctl reset-failed -- "$full" 2> /dev/null # systemd would list it as one that failed; where it did not, there is nothing to reset
    return 0
}
