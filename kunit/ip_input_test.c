// SPDX-License-Identifier: GPL-2.0-only
/*
 * ip/ip_rx.c and ip_input.c: headers that a host must drop, and that fragments
 * are reassembled only with those collected for xinet sockets.
 */
#include <kunit/test.h>
#include <linux/etherdevice.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/net.h>
#include <net/ip.h>
#include <net/route.h>
#include <net/sock.h>

#include "af_xinet/family.h"
#include "fake_dev.h"
#include "ip/ip_rx.h"
#include "suites.h"

#define TEST_PAYLOAD	32

struct header_case {
	const char *name;
	void (*spoil)(struct sk_buff *skb);
	bool valid;
};

static void sound(struct sk_buff *skb)
{
}

static void padded(struct sk_buff *skb)
{
	ip_hdr(skb)->tot_len = htons(skb->len - 10);
	ip_send_check(ip_hdr(skb));
}

static void with_options(struct sk_buff *skb)
{
	/* The first payload bytes become no-operation options. */
	ip_hdr(skb)->ihl = 15;
	memset(skb->data + sizeof(struct iphdr), IPOPT_NOOP,
	       60 - sizeof(struct iphdr));
	skb_put_zero(skb, 60 - sizeof(struct iphdr));
	ip_hdr(skb)->tot_len = htons(skb->len);
	ip_send_check(ip_hdr(skb));
}

static void header_only(struct sk_buff *skb)
{
	skb_trim(skb, sizeof(struct iphdr));
	ip_hdr(skb)->tot_len = htons(skb->len);
	ip_send_check(ip_hdr(skb));
}

static void empty(struct sk_buff *skb)
{
	skb_trim(skb, 0);
}

static void cut_in_the_header(struct sk_buff *skb)
{
	skb_trim(skb, sizeof(struct iphdr) - 1);
}

static void cut_in_the_options(struct sk_buff *skb)
{
	with_options(skb);
	skb_trim(skb, 59);
}

static void version_6(struct sk_buff *skb)
{
	ip_hdr(skb)->version = 6;
	ip_send_check(ip_hdr(skb));
}

static void version_0(struct sk_buff *skb)
{
	ip_hdr(skb)->version = 0;
	ip_send_check(ip_hdr(skb));
}

static void short_ihl(struct sk_buff *skb)
{
	ip_hdr(skb)->ihl = 4;
	ip_hdr(skb)->check = 0;
	ip_hdr(skb)->check = ip_fast_csum(ip_hdr(skb), 5);
}

static void zero_ihl(struct sk_buff *skb)
{
	ip_hdr(skb)->ihl = 0;
}

static void wrong_checksum(struct sk_buff *skb)
{
	skb->data[offsetof(struct iphdr, check)] ^= 1;
}

static void wrong_ttl(struct sk_buff *skb)
{
	ip_hdr(skb)->ttl++;
}

static void tot_len_beyond_the_packet(struct sk_buff *skb)
{
	ip_hdr(skb)->tot_len = htons(skb->len + 1);
	ip_send_check(ip_hdr(skb));
}

static void tot_len_below_the_header(struct sk_buff *skb)
{
	ip_hdr(skb)->tot_len = htons(sizeof(struct iphdr) - 1);
	ip_send_check(ip_hdr(skb));
}

static void tot_len_zero(struct sk_buff *skb)
{
	ip_hdr(skb)->tot_len = 0;
	ip_send_check(ip_hdr(skb));
}

#define HEADER_CASE(_spoil, _valid)	{ #_spoil, _spoil, _valid }

static const struct header_case header_cases[] = {
	HEADER_CASE(sound, true),
	HEADER_CASE(padded, true),
	HEADER_CASE(with_options, true),
	HEADER_CASE(header_only, true),
	HEADER_CASE(empty, false),
	HEADER_CASE(cut_in_the_header, false),
	HEADER_CASE(cut_in_the_options, false),
	HEADER_CASE(version_6, false),
	HEADER_CASE(version_0, false),
	HEADER_CASE(short_ihl, false),
	HEADER_CASE(zero_ihl, false),
	HEADER_CASE(wrong_checksum, false),
	HEADER_CASE(wrong_ttl, false),
	HEADER_CASE(tot_len_beyond_the_packet, false),
	HEADER_CASE(tot_len_below_the_header, false),
	HEADER_CASE(tot_len_zero, false),
};

static void header_desc(const struct header_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(header, header_cases, header_desc);

static int ip_input_init(struct kunit *test)
{
	test->priv = xinet_fake_dev_create(test);
	return 0;
}

static void ip_input_exit(struct kunit *test)
{
	xinet_fake_dev_destroy(test->priv);
}

static struct sk_buff *test_packet(struct kunit *test)
{
	/* Tail room for the options of with_options(). */
	struct sk_buff *skb = xinet_fake_ip_skb(test, test->priv, IPPROTO_UDP,
						htonl(0x0a4d0001),
						htonl(0x0a4d0002),
						TEST_PAYLOAD + 40);

	skb_trim(skb, sizeof(struct iphdr) + TEST_PAYLOAD);
	sound(skb);
	ip_hdr(skb)->tot_len = htons(skb->len);
	ip_send_check(ip_hdr(skb));
	return skb;
}

static void header_check_drops_what_a_host_must(struct kunit *test)
{
	const struct header_case *c = test->param_value;
	struct sk_buff *skb = test_packet(test);
	const struct iphdr *iph;
	union xinet_ip_header buf;
	unsigned int len = 0;

	c->spoil(skb);
	iph = xinet_ip_header_check(skb, &buf, &len);
	KUNIT_EXPECT_EQ(test, !!iph, c->valid);
	if (iph)
		KUNIT_EXPECT_EQ(test, len, ntohs(ip_hdr(skb)->tot_len));
	kfree_skb(skb);
}

/* The checksum or the length detects every single bit error in a header. */
static void header_check_catches_every_bit_error(struct kunit *test)
{
	struct sk_buff *skb = test_packet(test);
	union xinet_ip_header buf;
	unsigned int bit, len;

	for (bit = 0; bit < sizeof(struct iphdr) * 8; bit++) {
		skb->data[bit / 8] ^= 1 << bit % 8;
		KUNIT_EXPECT_NULL(test, xinet_ip_header_check(skb, &buf, &len));
		skb->data[bit / 8] ^= 1 << bit % 8;
	}
	KUNIT_EXPECT_NOT_NULL(test, xinet_ip_header_check(skb, &buf, &len));
	kfree_skb(skb);
}

/* A header outside the linear part is copied; the skb is unchanged. */
static void header_check_reads_paged_packets(struct kunit *test)
{
	struct sk_buff *skb = test_packet(test);
	unsigned int full = skb->len, len = 0;
	struct page *page = alloc_page(GFP_KERNEL);
	union xinet_ip_header buf;
	struct sk_buff *paged;

	KUNIT_ASSERT_NOT_NULL(test, page);
	memcpy(page_address(page), skb->data, full);
	paged = alloc_skb(0, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, paged);
	skb_add_rx_frag(paged, 0, page, 0, full, PAGE_SIZE);

	KUNIT_EXPECT_PTR_EQ(test, xinet_ip_header_check(paged, &buf, &len),
			    (const struct iphdr *)&buf.iph);
	KUNIT_EXPECT_EQ(test, len, full);
	KUNIT_EXPECT_EQ(test, skb_headlen(paged), 0u);
	kfree_skb(paged);
	kfree_skb(skb);
}

/* An experimental protocol of RFC 3692, otherwise unused. */
#define TEST_PROTOCOL	253
/* Payload of each of two fragments. */
#define TEST_FRAGMENT	32

/* Writes a broadcast frame with half @part, 0 or 1, of datagram @id. */
static void half_frame(struct net_device *dev, u8 *frame, int part, u16 id)
{
	struct ethhdr *eth = (struct ethhdr *)frame;
	struct iphdr *iph = (struct iphdr *)(eth + 1);

	eth_broadcast_addr(eth->h_dest);
	eth_zero_addr(eth->h_source);
	eth->h_source[0] = 2;
	eth->h_proto = htons(ETH_P_IP);
	*iph = (struct iphdr) {
		.version = 4, .ihl = 5, .ttl = 64, .protocol = TEST_PROTOCOL,
		.id = htons(id), .saddr = htonl(0x0a4d0002),
		.daddr = htonl(INADDR_BROADCAST),
		.tot_len = htons(sizeof(*iph) + TEST_FRAGMENT),
		.frag_off = part ? htons(TEST_FRAGMENT / 8) : htons(IP_MF),
	};
	ip_send_check(iph);
	memset(iph + 1, 'a' + part, TEST_FRAGMENT);
}

#define TEST_FRAME_LEN	(ETH_HLEN + sizeof(struct iphdr) + TEST_FRAGMENT)

static void receive_half(struct kunit *test, int part, u16 id)
{
	u8 frame[TEST_FRAME_LEN];

	half_frame(test->priv, frame, part, id);
	xinet_fake_dev_receive(test, test->priv, frame, sizeof(frame));
}

/* Queues a half for the kernel's own reassembly, under the key @user. */
static void collect_half(struct kunit *test, int part, u16 id, u32 user)
{
	struct net_device *dev = test->priv;
	struct sk_buff *skb = netdev_alloc_skb(dev, TEST_FRAME_LEN);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	half_frame(dev, skb_put(skb, TEST_FRAME_LEN), part, id);
	__skb_pull(skb, ETH_HLEN);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, sizeof(struct iphdr));
	skb->protocol = htons(ETH_P_IP);
	memset(IPCB(skb), 0, sizeof(*IPCB(skb)));
	local_bh_disable();
	KUNIT_EXPECT_EQ(test, ip_defrag(&init_net, skb, user), -EINPROGRESS);
	local_bh_enable();
}

static struct socket *open_receiver(struct kunit *test)
{
	struct socket *sock = NULL;

	KUNIT_ASSERT_EQ(test,
			sock_create_kern(&init_net, xinet_family_number(),
					 SOCK_RAW, TEST_PROTOCOL, &sock), 0);
	return sock;
}

static void fragments_become_a_datagram_in_any_order(struct kunit *test)
{
	struct socket *sock = open_receiver(test);
	struct sk_buff_head *queue = &sock->sk->sk_receive_queue;

	receive_half(test, 0, 1);
	KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 0u);
	receive_half(test, 1, 1);
	KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 1u);
	receive_half(test, 1, 2);
	receive_half(test, 0, 2);
	KUNIT_EXPECT_EQ(test, skb_queue_len(queue), 2u);
	if (skb_queue_len(queue))
		KUNIT_EXPECT_EQ(test, skb_peek(queue)->len,
				sizeof(struct iphdr) + 2 * TEST_FRAGMENT);
	sock_release(sock);
}

/* Halves queued by other reassembly users do not complete a datagram. */
static void fragments_of_other_users_are_not_met(struct kunit *test)
{
	static const u32 users[] = {
		IP_DEFRAG_LOCAL_DELIVER, IP_DEFRAG_CONNTRACK_IN,
		IP_DEFRAG_AF_PACKET, IP_DEFRAG_MACVLAN,
	};
	struct socket *sock = open_receiver(test);
	struct sk_buff_head *queue = &sock->sk->sk_receive_queue;
	int i;

	for (i = 0; i < ARRAY_SIZE(users); i++) {
		collect_half(test, 0, 10 + i, users[i]);
		receive_half(test, 1, 10 + i);
		KUNIT_EXPECT_EQ(test, skb_queue_len(queue), (u32)i);
		receive_half(test, 0, 10 + i);
		KUNIT_EXPECT_EQ(test, skb_queue_len(queue), i + 1u);
	}
	sock_release(sock);
}

static struct kunit_case ip_input_cases[] = {
	KUNIT_CASE_PARAM(header_check_drops_what_a_host_must,
			 header_gen_params),
	KUNIT_CASE(header_check_catches_every_bit_error),
	KUNIT_CASE(header_check_reads_paged_packets),
	KUNIT_CASE(fragments_become_a_datagram_in_any_order),
	KUNIT_CASE(fragments_of_other_users_are_not_met),
	{}
};

struct kunit_suite xinet_ip_input_suite = {
	.name		= "xinet_ip_input",
	.init		= ip_input_init,
	.exit		= ip_input_exit,
	.test_cases	= ip_input_cases,
};
