// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Talks over the message protocol of this directory:
 *
 *	msg_talk listen PORT            answers one message, prints it
 *	msg_talk ADDRESS PORT TEXT      sends a message, prints the answer
 *
 * Exit status: 0, 1 when a call failed, 2 for wrong usage.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/xinet.h>

#define MSG_PROTOCOL	253
#define ANSWER_MS	5000

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static int listen_on(int fd, struct sockaddr_in *here)
{
	struct sockaddr_in peer;
	socklen_t len = sizeof(peer);
	char text[2048];
	ssize_t size;

	if (bind(fd, (struct sockaddr *)here, sizeof(*here)) < 0)
		return failed("bind");
	fprintf(stderr, "listening on port %u\n", ntohs(here->sin_port));

	size = recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&peer, &len);
	if (size < 0)
		return failed("recvfrom");
	printf("%s port %u: %.*s\n", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port),
	       (int)size, text);
	if (fflush(stdout) || ferror(stdout))
		return failed("standard output");
	if (sendto(fd, text, size, 0, (struct sockaddr *)&peer, len) < 0)
		return failed("sendto");
	return 0;
}

static int talk_to(int fd, struct sockaddr_in *peer, const char *words)
{
	struct pollfd answer = { .fd = fd, .events = POLLIN };
	char text[2048];
	ssize_t size;

	/* A connected socket gets the errors that the peer reports. */
	if (connect(fd, (struct sockaddr *)peer, sizeof(*peer)) < 0)
		return failed("connect");
	if (send(fd, words, strlen(words), 0) < 0)
		return failed("send");
	if (poll(&answer, 1, ANSWER_MS) == 0) {
		fprintf(stderr, "no answer\n");
		return 1;
	}
	size = recv(fd, text, sizeof(text), 0);
	if (size < 0)
		return failed("recv");
	printf("answer: %.*s\n", (int)size, text);
	return fflush(stdout) || ferror(stdout) ? failed("standard output") : 0;
}

int main(int argc, char **argv)
{
	int listening = argc == 3 && strcmp(argv[1], "listen") == 0;
	struct sockaddr_in address = { .sin_family = AF_INET };
	int fd;

	/* The number of a standard stream that is closed would become that of the socket. */
	for (int standard = STDIN_FILENO; standard <= STDERR_FILENO; standard++)
		if (fcntl(standard, F_GETFD) < 0)
			open("/dev/null", O_RDWR);

	if (!listening && argc != 4) {
		fprintf(stderr, "usage: msg_talk listen PORT | msg_talk ADDRESS PORT TEXT\n");
		return 2;
	}
	if (!listening && inet_pton(AF_INET, argv[1], &address.sin_addr) != 1) {
		fprintf(stderr, "msg_talk: not an IPv4 address: %s\n", argv[1]);
		return 2;
	}
	address.sin_port = htons(atoi(argv[2]));

	fd = socket(PF_XINET, SOCK_DGRAM, MSG_PROTOCOL);
	if (fd < 0)
		return failed("socket");
	return listening ? listen_on(fd, &address) : talk_to(fd, &address, argv[3]);
}
