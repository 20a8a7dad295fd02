// SPDX-License-Identifier: GPL-2.0-or-later
// Sends one ICMP echo request and waits for its reply.   usage: raw_ping ADDRESS
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/xinet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

// The Internet checksum of RFC 1071, over an even number of bytes.
static uint16_t checksum(const uint16_t *word, size_t bytes)
{
	uint32_t sum = 0;

	for (; bytes; bytes -= 2)
		sum += *word++;
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

int main(int argc, char **argv)
{
	struct sockaddr_in peer = { .sin_family = AF_INET };
	struct icmphdr request = { .type = ICMP_ECHO };
	struct timeval patience = { .tv_sec = 5 };
	union { struct iphdr ip; char bytes[1500]; } reply;

	// The number of a standard stream that is closed would become that of the socket.
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (argc != 2 || inet_pton(AF_INET, argv[1], &peer.sin_addr) != 1) {
		fprintf(stderr, "usage: raw_ping ADDRESS\n");
		return 2;
	}
	request.un.echo.id = htons(getpid() & 0xffff);
	request.checksum = checksum((uint16_t *)&request, sizeof(request));

	// Only the family differs from PF_INET.
	int fd = socket(PF_XINET, SOCK_RAW, IPPROTO_ICMP);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
	    sendto(fd, &request, sizeof(request), 0, (struct sockaddr *)&peer, sizeof(peer)) < 0) {
		perror("raw_ping");
		return 1;
	}

	// A raw socket receives all ICMP packets, with their IP headers: find our reply.
	for (;;) {
		ssize_t size = recv(fd, &reply, sizeof(reply), 0);

		if (size < 0) {
			perror("raw_ping: no reply");
			return 1;
		}
		struct icmphdr *icmp = (void *)(reply.bytes + reply.ip.ihl * 4);

		if (icmp->type == ICMP_ECHOREPLY && icmp->un.echo.id == request.un.echo.id) {
			printf("reply from %s, ttl %d\n", argv[1], reply.ip.ttl);
			if (fflush(stdout) || ferror(stdout)) {
				perror("raw_ping");
				return 1;
			}
			return 0;
		}
	}
}
