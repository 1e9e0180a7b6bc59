# The first process of a host, as cloud-init and the system between them: its name, its user with the key, its
# sshd, and once the user's data.
. /run/weir/settings # NAME, ADDRESS, USERS, KEY, INSTANCE, ENDPOINT, REGION
umask 022

printf '%s\n' "$NAME" > /etc/hostname
printf '127.0.0.1 localhost\n%s %s %s\n' "$ADDRESS" "$NAME.ec2.internal" "$NAME" > /etc/hosts
add_user() {
    if ! grep -q "^$1:" /etc/passwd; then
        id=1000
        while grep -q "^[^:]*:[^:]*:$id:" /etc/passwd /etc/group; do id=$((id + 1)); done
        printf '%s:x:%s:\n' "$1" "$id" >> /etc/group
        printf '%s:x:%s:%s:%s:/home/%s:%s\n' "$1" "$id" "$id" "$1" "$1" "$(command -v bash || echo /bin/sh)" >> /etc/passwd
        printf '%s:*:19000:0:99999:7:::\n' "$1" >> /etc/shadow
    fi
    [ -d "/home/$1/.ssh" ] || mkdir -p -m 700 "/home/$1/.ssh"
    printf '%s\n' "$KEY" > "/home/$1/.ssh/authorized_keys" && chmod 600 "/home/$1/.ssh/authorized_keys"
    chown "$1:$1" "/home/$1" "/home/$1/.ssh" "/home/$1/.ssh/authorized_keys"
    [ ! -d /etc/sudoers.d ] || { printf '%s ALL=(ALL) NOPASSWD:ALL\nDefaults:%s env_keep += "AWS_*"\n' "$1" "$1" > "/etc/sudoers.d/90-$1" && chmod 440 "/etc/sudoers.d/90-$1"; }
}
for user in $USERS; do add_user "$user"; done

mkdir -p -m 755 /run/sshd /etc/weir /usr/local/bin
[ -e /etc/weir/host_key ] || ssh-keygen -q -t ed25519 -N '' -C "root@$NAME" -f /etc/weir/host_key
cat > /etc/weir/sshd_config << END
HostKey /etc/weir/host_key
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UseDNS no
MaxStartups 100
MaxSessions 100
SetEnv AWS_ENDPOINT_URL=$ENDPOINT AWS_REGION=$REGION AWS_DEFAULT_REGION=$REGION
Subsystem sftp internal-sftp
END
# Who waits for cloud-init waits for the user's data.
cat > /usr/local/bin/cloud-init << 'END'
#!/bin/sh
[ "$1" = status ] || { echo "cloud-init: of its commands a host of the sandbox has status only" >&2; exit 2; }
while [ "$2" = --wait ] && [ ! -s /run/weir/status ]; do sleep 0.1; done
status=$(cat /run/weir/status 2> /dev/null || echo running)
echo "status: $status"
[ "$status" != error ]
END
chmod 755 /usr/local/bin/cloud-init
$(command -v sshd || echo /usr/sbin/sshd) -D -e -f /etc/weir/sshd_config &

export HOME=/root AWS_ENDPOINT_URL="$ENDPOINT" AWS_REGION="$REGION" AWS_DEFAULT_REGION="$REGION"
[ -z "$NOTE" ] || printf '%s\n' "$NOTE"
once=/var/lib/cloud/instances/$INSTANCE
mkdir -p "$once/sem"
if [ -e /run/weir/user-data ] && [ ! -e "$once/sem/user-data" ]; then
    cp /run/weir/user-data "$once/user-data" && chmod 700 "$once/user-data"
    (
        status=0
        cd / && "$once/user-data" < /dev/null || status=$?
        echo "user data: it ended with status $status"
        [ "$status" = 0 ] || echo error > "$once/status"
    ) 2>&1 | tee -a /var/log/cloud-init-output.log
    : > "$once/sem/user-data" # one that was cut short is carried out again
fi
# Keys come after the user's data, as modules of cloud-init's last stage do.
echo '-----BEGIN SSH HOST KEY FINGERPRINTS-----'
ssh-keygen -l -f /etc/weir/host_key.pub
echo '-----END SSH HOST KEY FINGERPRINTS-----'
echo '-----BEGIN SSH HOST KEY KEYS-----'
cat /etc/weir/host_key.pub
echo '-----END SSH HOST KEY KEYS-----'
echo "Cloud-init v. 24.4 finished at $(date -u '+%a, %d %b %Y %H:%M:%S +0000'). Datasource DataSourceEc2.  Up $(cut -d ' ' -f 1 /proc/uptime) seconds"
cp "$once/status" /run/weir/status 2> /dev/null || echo done > /run/weir/status
echo "host: $INSTANCE is up"
while :; do wait; sleep 3600 & wait $!; done
