// SPDX-License-Identifier: GPL-2.0-or-later
// Prints whose the next IPv4 packets on a device are.   usage: whose_packet DEVICE COUNT
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

static struct xinet_owner owner_of(struct msghdr *message)
{
	struct xinet_owner owner = { 0 };

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level == SOL_XINET && c->cmsg_type == XINET_OWNER)
			memcpy(&owner, CMSG_DATA(c), sizeof(owner));
	}
	return owner;
}

int main(int argc, char **argv)
{
	// The number of a standard stream that is closed would become that of the socket.
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (argc != 3) {
		fprintf(stderr, "usage: whose_packet DEVICE COUNT\n");
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
	int one = 1;

	if (fd < 0 || setsockopt(fd, SOL_XINET, XINET_PACKET_OWNER, &one, sizeof(one)) ||
	    bind(fd, (struct sockaddr *)&device, sizeof(device))) {
		perror("whose_packet");
		return 1;
	}
	fprintf(stderr, "listening on %s\n", argv[1]);

	for (int left = atoi(argv[2]); left > 0;) {
		unsigned char frame[128], control[256];
		struct sockaddr_ll from;
		struct iovec part = { frame, sizeof(frame) };
		struct msghdr message = { .msg_name = &from, .msg_namelen = sizeof(from),
					  .msg_iov = &part, .msg_iovlen = 1,
					  .msg_control = control,
					  .msg_controllen = sizeof(control) };

		if (recvmsg(fd, &message, 0) < 0) {
			perror("whose_packet");
			return 1;
		}
		if (from.sll_protocol != htons(ETH_P_IP))
			continue;
		struct xinet_owner owner = owner_of(&message);

		printf("%s: ", from.sll_pkttype == PACKET_OUTGOING ? "sent" : "received");
		if (owner.flags & XINET_OWNER_SOCKET)
			printf("socket %llu of uid %u, network namespace %u\n", owner.cookie,
			       owner.uid, owner.netns);
		else
			printf(owner.flags & XINET_OWNER_SEVERAL ? "several\n" : "nobody's\n");
		if (fflush(stdout) || ferror(stdout)) {
			perror("whose_packet");
			return 1;
		}
		left--;
	}
}
