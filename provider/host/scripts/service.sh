service_begin() {
    [ -d /run/systemd/system ] || die "systemd does not run on this host, and host.service needs it"
    case $name in *.*) full=$name ;; *) full=$name.service ;; esac
    file=/etc/systemd/system/$full
}
service_read() {
    service_begin
    [ "$(systemctl show -p LoadState --value -- "$full")" != not-found ] || return 0
    say name "$name"
    systemctl is-enabled --quiet -- "$full" && say enabled true || say enabled false
    systemctl is-active --quiet -- "$full" && say running true || say running false
    [ ! -f "$file" ] || [ -L "$file" ] || say unit_sha256 "$(sum_of "$file")" || exit 1
}
service_says() { systemctl show -p "$1" --value -- "$full"; }
service_journal() { journalctl -n 10 -o cat --no-pager -u "$full" >&2 2> /dev/null; }
# To systemd one of these types has started when its process is there, whatever that does in its first moments.
service_settle() {
    case $(service_says Type) in simple | exec) ;; *) return 0 ;; esac
    since=$(service_says ActiveEnterTimestampMonotonic)
    for _ in 1 2 3 4; do
        read -r up _ < /proc/uptime
        systemctl is-active --quiet -- "$full" && [ "$(service_says ActiveEnterTimestampMonotonic)" = "$since" ] || {
            service_journal
            die "$full ended right after its start ($(service_says Result), status $(service_says ExecMainStatus))"
        }
        [ $((${up%.*} - since / 1000000)) -lt 3 ] || return 0
        sleep 1
    done
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
            {
                service_journal
                die "$full does not start"
            }
        service_settle
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
