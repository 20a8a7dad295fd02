/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Put in front of a program of the kernel's selftests (gcc -include) it makes
 * the program's packet sockets PF_XINET ones, and changes nothing else: see
 * scripts/selftests.
 */
#ifndef _XINET_SELFTESTS_FAMILY_H
#define _XINET_SELFTESTS_FAMILY_H

#define _GNU_SOURCE /* before the first header, as the programs themselves do */

#include <errno.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <sys/socket.h>
#include <unistd.h>

/* Cooking comes before the first packet is asked for, hence the bind(). */
static inline int xinet_cook(int fd, int protocol) {
    struct sockaddr_ll any = {.sll_family = AF_PACKET, .sll_protocol = protocol};
    int one = 1, error;

    if (setsockopt(fd, SOL_XINET, XINET_PACKET_COOKED, &one, sizeof(one)) == 0 &&
        (!protocol || bind(fd, (struct sockaddr*)&any, sizeof(any)) == 0))
        return fd;
    error = errno;
    close(fd);
    errno = error;
    return -1;
}

static inline int xinet_socket(int family, int type, int protocol) {
    const int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK);
    int fd;

    if (family != PF_PACKET)
        return socket(family, type, protocol);
    if ((type & ~flags) != SOCK_DGRAM)
        return socket(PF_XINET, SOCK_PACKET | flags, protocol);
    fd = socket(PF_XINET, SOCK_PACKET | flags, 0);
    return fd < 0 ? fd : xinet_cook(fd, protocol);
}

#define socket(family, type, protocol) xinet_socket(family, type, protocol)

#endif /* _XINET_SELFTESTS_FAMILY_H */
