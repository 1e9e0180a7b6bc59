/* Loopback ports that lead into sessions. */
#include "base/system.h"
#include "provider/ssh/session_internal.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_at(int wanted, int *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
        .sin_port = htons((uint16_t)wanted),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int yes = 1, fd = system_socket(AF_INET, O_NONBLOCK);
    if (fd < 0)
        return err_errno(err, ERR_IO, "no socket");
    if (wanted)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, n) || listen(fd, 64) ||
        getsockname(fd, (struct sockaddr *)&address, &n)) {
        err_errno(err, ERR_IO, "cannot listen on port %d of 127.0.0.1", wanted);
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int tunnel_open(struct net *net, const struct tunnel_options *options, int *port, struct err *err)
{
    int fd = listen_at(options->wanted, port, err);
    if (fd < 0)
        return -1;
    struct tunnel *tunnel = mem_zalloc(sizeof *tunnel);
    tunnel->options = *options;
    tunnel->fd = fd;
    tunnel->polled = -1;
    pthread_mutex_lock(&net->lock);
    tunnel->next = net->new_tunnels;
    net->new_tunnels = tunnel;
    pthread_mutex_unlock(&net->lock);
    net_wake(net);
    return 0;
}

void tunnel_answer(const struct tunnel *tunnel)
{
    for (;;) {
        int yes = 1, fd = system_accept(tunnel->fd, O_NONBLOCK);
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct flow *flow = flow_joint(fd, str_z(tunnel->options.host), tunnel->options.port);
        flow->again = tunnel->options.came;
        flow->again_ctx = tunnel->options.ctx;
        tunnel->options.came(tunnel->options.ctx, flow);
    }
}
