# A network (a VPC) in a network namespace: a bridge that its hosts hang on, with the address of its router.
#   sh network.sh NAMESPACE GATEWAY/BITS
exec nsenter --net="$1" sh -ec '
    ip link set lo up
    ip link add net0 type bridge
    ip addr add "$1" dev net0
    ip link set net0 up' network "$2"
