/* Whose process is at the other end of a connection on this machine? See peer.h. */
#include "sandbox/engine/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

/* A line of proc_pid_net(5): "1: 0100007F:B6C2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 1000
 * …" */
bool peer_is_own(const struct sockaddr *peer, uint16_t port)
{
    char line[512];
    const struct sockaddr_in *from = (const struct sockaddr_in *)(const void *)peer;
    if (peer->sa_family != AF_INET)
        return false;
    FILE *table = fopen("/proc/self/net/tcp", "re");
    if (!table)
        return true;
    bool own = false, found = false;
    while (!found && fgets(line, sizeof line, table)) {
        unsigned local, local_port, remote, remote_port, user;
        found = sscanf(line, " %*u: %x:%x %x:%x %*x %*x:%*x %*x:%*x %*x %u", &local, &local_port, &remote,
                    &remote_port, &user) == 5 &&
                local == from->sin_addr.s_addr && local_port == ntohs(from->sin_port) && remote_port == port;
        own = found && user == geteuid();
    }
    fclose(table);
    return own;
}
