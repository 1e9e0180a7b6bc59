package_tool() {
    for tool in apt-get dnf apk; do command -v $tool > /dev/null && return 0; done
    die "no apt-get, dnf or apk: it is not known how packages are installed here"
}
# Lines "name version" of those that are installed.
package_installed() {
    case $tool in
    apt-get) dpkg-query -W -f='${Package} ${db:Status-Status} ${Version}\n' $bare 2> /dev/null | sed -n 's/ installed / /p' ;;
    dnf) rpm -q --qf '%{NAME} %{VERSION}-%{RELEASE}\n' $bare 2> /dev/null | grep -v 'not installed' ;;
    apk) for each in $bare; do apk info -e "$each" > /dev/null 2>&1 && echo "$each $(apk list -I "$each" 2> /dev/null | sed "s/^$each-\([^ ]*\).*/\1/")"; done ;;
    esac
}
package_read() {
    package_tool
    bare=$(printf '%s\n' "$names" | sed 's/=.*//')
    installed=$(package_installed)
    printf '%s\n' "$names" | while IFS= read -r each; do
        have=$(printf '%s\n' "$installed" | sed -n "s/^${each%%=*} //p" | head -n 1)
        [ -n "$have" ] || continue
        case $each in
        *=*) [ "${each#*=}" = "$have" ] && say names "$each" || say names "${each%%=*}=$have" ;;
        *) say names "$each" ;;
        esac
    done
}
package_make() {
    package_tool
    before=$(names=$(printf '%s\n%s' "$names" "$p_names"); package_read | sed 's/^=names|//; s/=.*//')
    wanted=$(printf '%s\n' "$names" | sed 's/=.*//')
    present=$(package_read | sed 's/^=names|//')
    lacking=
    for each in $names; do printf '%s\n' "$present" | grep -qxF -- "$each" || lacking="$lacking $each"; done
    [ -z "$lacking" ] || package_add $lacking
    # What was there before stays when this goes.
    for each in $wanted; do
        { printf '%s\n' "$before" | grep -qx -- "$each" && ! printf '%s\n' "$p_installed" | grep -qx -- "$each"; } || say installed "$each"
    done
    gone=
    for each in $p_installed; do printf '%s\n' "$wanted" | grep -qx -- "$each" || gone="$gone $each"; done
    [ -z "$gone" ] || package_remove $gone
}
package_apt() { DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=600 "$@" >&2; }
# Only what is missing: apt-get and dnf upgrade what is installed.
package_add() {
    case $tool in
    apt-get)
        [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mtime -1 2> /dev/null | head -n 1)" ] || package_apt update
        set -- -o Dpkg::Options::=--force-confold install --no-install-recommends --allow-downgrades "$@"
        package_apt "$@" || { package_apt update && package_apt "$@"; } ;;
    dnf) dnf -q -y install $(printf '%s\n' "$@" | sed 's/=/-/') >&2 ;;
    apk) apk add -q "$@" >&2 ;;
    esac || die "$tool does not install$lacking"
}
package_remove() {
    case $tool in
    apt-get) package_apt remove "$@" ;;
    dnf) dnf -q -y remove "$@" >&2 ;;
    apk) apk del -q "$@" >&2 ;;
    esac || die "cannot remove $*"
}
package_unmake() {
    package_tool
    [ -z "$installed" ] || package_remove $installed
}
