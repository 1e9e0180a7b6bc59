# What a host lets in, all rules at once.
#   sh firewall.sh HOST-NAMESPACE RULES
command -v iptables-restore > /dev/null || { echo "there is no iptables: apt-get install iptables"; exit 1; }
printf '%s' "$2" | nsenter --net="$1" iptables-restore
