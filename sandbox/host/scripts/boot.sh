# A host's file system: the machine's own with a layer of the host's over it, and nothing of what is its user's.
# Runs in namespaces of its own (mounts, processes, names); its last act is to become the host's first process.
#   sh boot.sh FOLDER NAME HIDDEN
set -e
folder=$1 name=$2 hidden=$3 root=$1/root

mkdir -p "$folder/upper" "$folder/work" "$root" "$folder/own"
if ! mount -t overlay host -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root" 2> "$folder/why"; then
    # Containers have their files on an overlay already, which takes none above it: memory does.
    mkdir -p "$folder/memory" && mount -t tmpfs host "$folder/memory"
    mkdir "$folder/memory/upper" "$folder/memory/work"
    mount -t overlay host -o "lowerdir=/,upperdir=$folder/memory/upper,workdir=$folder/memory/work" "$root" || { cat "$folder/why" >&2; exit 1; }
    echo "host: its files are in memory, and gone when it stops: $folder is on a file system that cannot be laid over another"
fi
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    : > "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd" && ln -s fd/0 "$root/dev/stdin" && ln -s fd/1 "$root/dev/stdout" && ln -s fd/2 "$root/dev/stderr"
mount -t sysfs -o ro sys "$root/sys" 2> "$folder/why" || true
mount -t tmpfs -o mode=755 run "$root/run"
mkdir -m 1777 "$root/run/lock"
for path in home root tmp var/tmp var/log var/lib/cloud; do
    mkdir -p "$folder/own/$path" "$root/$path" && mount --bind "$folder/own/$path" "$root/$path"
done
chmod 700 "$root/root" && chmod 1777 "$root/tmp" "$root/var/tmp"
[ ! -d "$root$hidden" ] || mount -t tmpfs -o mode=700,size=4k hidden "$root$hidden"
hostname "$name"
mkdir "$root/run/weir" && cp "$folder/init.sh" "$folder/settings" "$root/run/weir/"
[ ! -e "$folder/user-data" ] || cp "$folder/user-data" "$root/run/weir/"
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 chroot "$root" /bin/sh /run/weir/init.sh
