# A host's place in its network.
#   sh attach.sh HOST-NAMESPACE NETWORK-NAMESPACE NUMBER ADDRESS/BITS GATEWAY
set -e
nsenter --net="$2" sh -ec '
    ip link add "h$1" type veth peer name eth0 netns "$2"
    ip link set "h$1" master net0 up' attach "$3" "$1"
nsenter --net="$1" sh -ec '
    ip link set lo up
    ip addr add 169.254.169.254/32 dev lo
    ip addr add "$1" dev eth0
    ip link set eth0 up
    ip route add default via "$2"' attach "$4" "$5"
