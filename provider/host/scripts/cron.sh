cron_read() {
    seen "$folder/$name" || return 0
    say name "$name"
    say sha256 "$(sum_of "$folder/$name")" || exit 1
}
cron_make() {
    [ -d "$folder" ] || die "there is no $folder: is cron installed?"
    mode=0644
    put "$folder/$name" "$payload"
}
cron_unmake() {
    rm -f -- "$folder/$name" || die "cannot remove $folder/$name"
}
