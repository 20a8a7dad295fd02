// SPDX-License-Identifier: GPL-2.0-or-later
// Prints why and where the kernel drops packets of a device.   usage: why_dropped DEVICE COUNT
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct xinet_dropped dropped_of(struct msghdr *message)
{
	struct xinet_dropped dropped = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_XINET && c->cmsg_type == XINET_DROPPED)
			memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
	}
	return dropped;
}

int main(int argc, char **argv)
{
	// The number of a standard stream that is closed would become that of the socket.
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (argc != 3) {
		fprintf(stderr, "usage: why_dropped DEVICE COUNT\n");
		return 2;
	}
	struct sockaddr_ll device = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = if_nametoindex(argv[1]),
	};
	if (!device.sll_ifindex) {
		perror(argv[1]);
		return 1;
	}

	// Protocol 0: the option is for a socket that receives nothing yet.
	int fd = socket(PF_XINET, SOCK_PACKET, 0);
	int only = XINET_DROPS_ONLY;

	if (fd < 0 || setsockopt(fd, SOL_XINET, XINET_PACKET_DROPS, &only, sizeof(only)) ||
	    bind(fd, (struct sockaddr *)&device, sizeof(device))) {
		perror("why_dropped");
		return 1;
	}
	fprintf(stderr, "listening on %s\n", argv[1]);

	for (int left = atoi(argv[2]); left > 0; left--) {
		unsigned char frame[128], control[256];
		struct sockaddr_ll from;
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from),
					  .msg_iov = &part, .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };
		ssize_t length = recvmsg(fd, &message, MSG_TRUNC);

		if (length < 0) {
			perror("why_dropped");
			return 1;
		}
		struct xinet_dropped dropped = dropped_of(&message);

		printf("%zd bytes, ethertype 0x%04x: %s at %s\n", length, ntohs(from.sll_protocol),
		       dropped.name, dropped.place[0] ? dropped.place : "(not told)");
		if (fflush(stdout) || ferror(stdout)) {
			perror("why_dropped");
			return 1;
		}
	}
}
