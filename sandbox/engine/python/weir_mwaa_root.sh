#!/bin/sh
# A root of its own for what an environment of MWAA runs: the machine's files, the environment's home at /usr/local/airflow as MWAA has it, and
# of the sandbox's folder only the environment's own part. For root a layer over the machine's files takes all that is written; anybody else
# gets the same home where users may make namespaces, and has his own rights in the rest.
#   sh weir_mwaa_root.sh FOLDER DATA HIDDEN PROGRAM WORD…
# Where the machine gives none, the program runs on the machine, and finds why in WEIR_MWAA_ROOT: it has to leave the startup script alone then.
set -eu
PATH=$PATH:/usr/sbin:/sbin
folder=$1 data=$2 hidden=$3
shift 3
root=$folder/root layer=$folder/layer

laid() { # what is written below $1 goes into a layer, which is seen at $root$1; the layer is called $2
    mkdir -p "$layer/$2/upper" "$layer/$2/work"
    mount -t overlay airflow -o "lowerdir=$1,upperdir=$layer/$2/upper,workdir=$layer/$2/work" "$root$1"
}

for_root() {
    if ! laid / root 2> "$folder/why"; then # a container's files are on an overlay already, which takes none above it: memory does
        mount -t tmpfs airflow "$layer"
        laid / root
    fi
    # Other file systems are laid over, too; what is a file is shown as it is. Of the kernel's own the machine's are taken.
    n=0
    while read -r _ place _; do
        place=$(printf '%b' "$place") n=$((n + 1))
        case $place in / | /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run | /run/* | "$layer" | "$root"*) continue ;; esac
        if [ -d "$place" ]; then
            laid "$place" "$n" 2> "$folder/why" || mount --bind -o ro "$place" "$root$place"
        elif [ -e "$root$place" ]; then
            mount --bind "$place" "$root$place"
        fi
    done < /proc/self/mounts
    for place in proc sys dev run; do mount --rbind "/$place" "$root/$place"; done
}

for_anybody() {
    mount --rbind / "$root"
    mount -t tmpfs -o mode=755 local "$root/usr/local"
    for place in /usr/local/*; do
        [ -d "$place" ] || continue
        mkdir "$root$place" && mount --rbind "$place" "$root$place"
    done
}

made() {
    rm -rf "$layer"
    mkdir -p "$root" "$layer"
    "$1"
    mount -t tmpfs -o mode=755,size=64k hidden "$root$hidden"
    mkdir -p "$root$folder" "$root/usr/local/airflow"
    mount --bind "$folder" "$root$folder"
    mount --bind "$data" "$root/usr/local/airflow"
}

if [ "$(id -u)" = 0 ]; then
    alone='unshare --mount --propagation private' kind=for_root
else
    alone='unshare --map-root-user --mount --propagation private' kind=for_anybody
fi
case ${WEIR_MWAA_ROOT-} in
for_*)
    made "$WEIR_MWAA_ROOT"
    export WEIR_MWAA_ROOT=own
    exec chroot "$root" /bin/sh -c 'cd /usr/local/airflow && exec setpriv --pdeathsig KILL -- "$@"' airflow "$@"
    ;;
*)
    export WEIR_MWAA_ROOT=$kind
    if why=$($alone sh "$0" "$folder" "$data" "$hidden" true 2>&1); then
        exec $alone sh "$0" "$folder" "$data" "$hidden" "$@"
    fi
    WEIR_MWAA_ROOT=$(printf '%s' "${why:-there is no unshare}" | head -n 1) exec "$@"
    ;;
esac
