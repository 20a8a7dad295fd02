// SPDX-License-Identifier: GPL-2.0-or-later
// Broadcasts one text in a frame of its own ethertype.   usage: packet_send DEVICE TEXT
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/xinet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOCAL_EXPERIMENTAL 0x88b5 // IEEE 802, for local experiments

int main(int argc, char **argv)
{
	// The number of a standard stream that is closed would become that of the socket.
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (argc != 3) {
		fprintf(stderr, "usage: packet_send DEVICE TEXT\n");
		return 2;
	}

	// Destination: device, link-level address and EtherType.
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(LOCAL_EXPERIMENTAL),
		.sll_ifindex = if_nametoindex(argv[1]),
		.sll_halen = ETH_ALEN,
		.sll_addr = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	};
	if (!to.sll_ifindex) {
		perror(argv[1]);
		return 1;
	}

	// Cooked: the kernel builds the link-level header from the address above.
	int cooked = 1;
	int fd = socket(PF_XINET, SOCK_PACKET, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_XINET, XINET_PACKET_COOKED, &cooked, sizeof(cooked)) ||
	    sendto(fd, argv[2], strlen(argv[2]), 0, (struct sockaddr *)&to, sizeof(to)) < 0) {
		perror("packet_send");
		return 1;
	}
	printf("sent %zu bytes on %s\n", strlen(argv[2]), argv[1]);
	if (fflush(stdout) || ferror(stdout)) {
		perror("packet_send");
		return 1;
	}
}
