// SPDX-License-Identifier: GPL-2.0-or-later
// Prints the next frames on a device.   usage: packet_capture DEVICE COUNT
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const direction[] = {
	[PACKET_HOST] = "in",
	[PACKET_BROADCAST] = "broadcast",
	[PACKET_MULTICAST] = "multicast",
	[PACKET_OTHERHOST] = "for another",
	[PACKET_OUTGOING] = "out",
};

int main(int argc, char **argv)
{
	// The number of a standard stream that is closed would become that of the socket.
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (argc != 3) {
		fprintf(stderr, "usage: packet_capture DEVICE COUNT\n");
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

	// Protocol 0: nothing is received before bind() has chosen the device.
	int fd = socket(PF_XINET, SOCK_PACKET, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&device, sizeof(device))) {
		perror("packet_capture");
		return 1;
	}
	fprintf(stderr, "capturing on %s\n", argv[1]);

	for (int left = atoi(argv[2]); left > 0; left--) {
		unsigned char frame[65536];
		struct sockaddr_ll from;
		socklen_t length = sizeof(from);
		ssize_t size = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from,
					&length);

		if (size < 0) {
			perror("packet_capture");
			return 1;
		}
		printf("%zd bytes, ethertype 0x%04x, %s\n", size, ntohs(from.sll_protocol),
		       from.sll_pkttype <= PACKET_OUTGOING ? direction[from.sll_pkttype] : "other");
		if (fflush(stdout) || ferror(stdout)) {
			perror("packet_capture");
			return 1;
		}
	}
}
