// SPDX-License-Identifier: GPL-2.0-only
/*
 * The headers that a program can write into a frame to be sent:
 * packet/ring/tx_ring.c, and the virtio-net header after them: packet/vnet.c.
 * With any values the resulting data are inside the frame.
 */
#include <kunit/test.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/netfilter.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sockptr.h>
#include <linux/virtio_byteorder.h>
#include <linux/virtio_net.h>
#include <net/net_namespace.h>

#include "fake_dev.h"
#include "packet/ring/ring.h"
#include "packet/ring/tx_ring.h"
#include "packet/sock.h"
#include "packet/vnet.h"
#include "suites.h"

#define TEST_FRAME_SIZE	2048

struct parse_case {
	const char *name;
	u8 version;
	u32 len;
	u32 next;
	u16 mac;
	u16 net;
	bool off_word;
	bool cooked;
	u32 size_max;
	int err;
	u32 offset;
};

#define V1_FIRST	(TPACKET_HDRLEN - sizeof(struct sockaddr_ll))
#define V2_FIRST	(TPACKET2_HDRLEN - sizeof(struct sockaddr_ll))
#define V3_FIRST	(TPACKET3_HDRLEN - sizeof(struct sockaddr_ll))
#define V2_ROOM		(TEST_FRAME_SIZE - V2_FIRST)

static const struct parse_case parse_cases[] = {
	{ "V1", TPACKET_V1, 60, .size_max = 1518, .offset = V1_FIRST },
	{ "V2", TPACKET_V2, 60, .size_max = 1518, .offset = V2_FIRST },
	{ "V3", TPACKET_V3, 60, .size_max = 1518, .offset = V3_FIRST },
	{ "nothing", TPACKET_V2, 0, .size_max = 1518, .offset = V2_FIRST },
	{ "the most", TPACKET_V2, 1518, .size_max = 1518, .offset = V2_FIRST },
	{ "too much", TPACKET_V2, 1519, .size_max = 1518, .err = -EMSGSIZE },
	{ "a full frame", TPACKET_V2, V2_ROOM, .size_max = V2_ROOM,
	  .offset = V2_FIRST },
	{ "negative", TPACKET_V1, 0x80000000, .size_max = 1518,
	  .err = -EMSGSIZE },
	{ "all ones", TPACKET_V3, ~0u, .size_max = V2_ROOM, .err = -EMSGSIZE },
	{ "chained", TPACKET_V3, 60, .next = 1, .size_max = 1518,
	  .err = -EINVAL },
	{ "offset unused", TPACKET_V2, 60, .mac = 1, .net = 1,
	  .size_max = 1518, .offset = V2_FIRST },
	{ "offset 0", TPACKET_V2, 60, .off_word = true, .size_max = 1518,
	  .err = -EINVAL },
	{ "in the header", TPACKET_V2, 60, .mac = V2_FIRST - 1,
	  .off_word = true, .size_max = 1518, .err = -EINVAL },
	{ "first offset", TPACKET_V2, 60, .mac = V2_FIRST, .off_word = true,
	  .size_max = 1518, .offset = V2_FIRST },
	{ "last offset", TPACKET_V2, 60, .mac = TEST_FRAME_SIZE - 60,
	  .off_word = true, .size_max = 1518, .offset = TEST_FRAME_SIZE - 60 },
	{ "over the end", TPACKET_V2, 60, .mac = TEST_FRAME_SIZE - 59,
	  .off_word = true, .size_max = 1518, .err = -EINVAL },
	{ "far away", TPACKET_V3, 0, .mac = 0xffff, .off_word = true,
	  .size_max = 1518, .err = -EINVAL },
	{ "cooked takes tp_net", TPACKET_V3, 60, .mac = 1, .net = 100,
	  .off_word = true, .cooked = true, .size_max = 1518, .offset = 100 },
	{ "cooked, over the end", TPACKET_V1, 60, .mac = 100, .net = 0xffff,
	  .off_word = true, .cooked = true, .size_max = 1518, .err = -EINVAL },
};

static void ring_of_version(struct xinet_ring *ring, u8 version)
{
	static const u16 hdrlen[] = {
		[TPACKET_V1] = TPACKET_HDRLEN,
		[TPACKET_V2] = TPACKET2_HDRLEN,
		[TPACKET_V3] = TPACKET3_HDRLEN,
	};

	ring->version = version;
	ring->hdrlen = hdrlen[version];
	ring->frame_size = TEST_FRAME_SIZE;
}

static void frame_from_case(union xinet_ring_header *h,
			    const struct parse_case *c)
{
	memset(h, 0, sizeof(*h));
	switch (c->version) {
	case TPACKET_V1:
		h->v1.tp_len = c->len;
		h->v1.tp_mac = c->mac;
		h->v1.tp_net = c->net;
		break;
	case TPACKET_V2:
		h->v2.tp_len = c->len;
		h->v2.tp_mac = c->mac;
		h->v2.tp_net = c->net;
		break;
	default:
		h->v3.tp_next_offset = c->next;
		h->v3.tp_len = c->len;
		h->v3.tp_mac = c->mac;
		h->v3.tp_net = c->net;
		break;
	}
}

static void parse_case_name(const struct parse_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(parse, parse_cases, parse_case_name);

static void header_is_taken_or_refused(struct kunit *test)
{
	const struct parse_case *c = test->param_value;
	struct xinet_tx_slot slot = {};
	union xinet_ring_header h;
	struct xinet_ring *ring;
	int err;

	ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ring);
	ring_of_version(ring, c->version);
	frame_from_case(&h, c);

	err = xinet_tx_ring_parse(ring, &h, c->off_word, c->cooked,
				  c->size_max, &slot);
	KUNIT_EXPECT_EQ(test, err, c->err);
	if (!err) {
		KUNIT_EXPECT_PTR_EQ(test, slot.data,
				    (const void *)&h + c->offset);
		KUNIT_EXPECT_EQ(test, slot.len, c->len);
	}
}

/* Random headers, which no program writes on purpose. */
static void no_header_leads_out_of_its_frame(struct kunit *test)
{
	union xinet_ring_header h;
	struct xinet_tx_slot slot;
	struct xinet_ring *ring;
	const void *end;
	u32 size_max;
	int i;

	ring = kunit_kzalloc(test, sizeof(*ring), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, ring);
	end = (const void *)&h + TEST_FRAME_SIZE;

	for (i = 0; i < 200000; i++) {
		get_random_bytes(&h, sizeof(h));
		ring_of_version(ring, i % 3);
		/* lengths near the limit are the interesting ones */
		if (i & 4)
			h.v1.tp_len &= TEST_FRAME_SIZE | 0xff;
		if (i & 8)
			h.v3.tp_next_offset = 0;
		size_max = ring->frame_size - ring->hdrlen +
			   sizeof(struct sockaddr_ll);
		if (xinet_tx_ring_parse(ring, &h, i & 1, i & 2, size_max,
					&slot))
			continue;
		if (slot.data >= (const void *)&h && slot.data <= end &&
		    slot.len <= end - slot.data)
			continue;
		KUNIT_FAIL(test, "version %d, data at %zd, %u bytes", i % 3,
			   slot.data - (const void *)&h, slot.len);
		break;
	}
}

struct vnet_case {
	const char *name;
	u8 flags;
	u16 hdr_len;
	u16 csum_start;
	u16 csum_offset;
	size_t len;
	int err;
	u16 hdr_len_after;
};

static const struct vnet_case vnet_cases[] = {
	{ "nothing", 0, 0, 0, 0, 0, 0, 0 },
	{ "headers only", 0, 54, 0, 0, 54, 0, 54 },
	{ "headers too long", 0, 55, 0, 0, 54, -EINVAL, 55 },
	{ "no sum, its words unused", 0, 1, 0xffff, 0xffff, 54, 0, 1 },
	{ "sum is part of the headers", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  0, 34, 6, 54, 0, 42 },
	{ "sum ends the frame", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  0, 46, 6, 54, 0, 54 },
	{ "sum behind the frame", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  0, 47, 6, 54, -EINVAL, 55 },
	{ "longer headers stay", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  54, 34, 6, 54, 0, 54 },
	/* The sum of the words wraps; a later check rejects it. */
	{ "wraps", VIRTIO_NET_HDR_F_NEEDS_CSUM,
	  0, 0xffff, 6, 54, 0, 7 },
};

static void vnet_case_name(const struct vnet_case *c, char *name)
{
	strscpy(name, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(vnet, vnet_cases, vnet_case_name);

static void virtio_header_is_taken_or_refused(struct kunit *test)
{
	const bool le = virtio_legacy_is_little_endian();
	const struct vnet_case *c = test->param_value;
	struct virtio_net_hdr hdr = {
		.flags = c->flags,
		.hdr_len = __cpu_to_virtio16(le, c->hdr_len),
		.csum_start = __cpu_to_virtio16(le, c->csum_start),
		.csum_offset = __cpu_to_virtio16(le, c->csum_offset),
	};

	KUNIT_EXPECT_EQ(test, xinet_vnet_check(&hdr, c->len), c->err);
	KUNIT_EXPECT_EQ(test, xinet_vnet_hdr_len(&hdr),
			(unsigned int)c->hdr_len_after);
}

/*
 * A socket with a V2 send ring that bypasses the qdisc of its device.
 * @hook: egress hook of the device
 * @taken: the skb that it took last
 */
struct send_fixture {
	struct net_device *dev;
	struct socket *sock;
	struct xinet_ring *ring;
	struct nf_hook_ops hook;
	struct sk_buff *taken;
};

static void send_set(struct kunit *test, int option, void *value, size_t len)
{
	struct send_fixture *f = test->priv;
	int err;

	err = f->sock->ops->setsockopt(f->sock, SOL_PACKET, option,
				       KERNEL_SOCKPTR(value), len);
	KUNIT_ASSERT_EQ(test, err, 0);
}

static int send_init(struct kunit *test)
{
	struct tpacket_req req = {
		.tp_block_size	= PAGE_SIZE,
		.tp_block_nr	= 1,
		.tp_frame_size	= PAGE_SIZE / 2,
		.tp_frame_nr	= 2,
	};
	struct send_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	int version = TPACKET_V2, on = 1;

	KUNIT_ASSERT_NOT_NULL(test, f);
	test->priv = f;
	f->dev = xinet_fake_dev_create(test);
	f->sock = xinet_fake_packet_socket(test);
	send_set(test, PACKET_VERSION, &version, sizeof(version));
	send_set(test, PACKET_QDISC_BYPASS, &on, sizeof(on));
	send_set(test, PACKET_TX_RING, &req, sizeof(req));
	xinet_fake_bind(test, f->sock, f->dev, 0);
	f->ring = xinet_packet_sk(f->sock->sk)->tx_ring;
	return 0;
}

static void send_exit(struct kunit *test)
{
	struct send_fixture *f = test->priv;

	if (!f)
		return;
	if (f->sock)
		sock_release(f->sock);
	xinet_fake_dev_destroy(f->dev);
}

/* Writes a frame and requests to send it. */
static void put_frame(struct send_fixture *f, u32 index)
{
	struct tpacket2_hdr *h = xinet_ring_frame(f->ring, index);

	memset((void *)h + V2_FIRST, 0xff, ETH_ZLEN);
	h->tp_len = ETH_ZLEN;
	h->tp_status = TP_STATUS_SEND_REQUEST;
}

static int send_frames(struct send_fixture *f)
{
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT };

	return kernel_sendmsg(f->sock, &msg, NULL, 0, 0);
}

static int send_frame(struct send_fixture *f, u32 index)
{
	put_frame(f, index);
	return send_frames(f);
}

static u32 send_status(const struct send_fixture *f, u32 index)
{
	return xinet_ring_status(TPACKET_V2, xinet_ring_frame(f->ring, index));
}

/* More bytes would make the result of the call an errno. */
static void count_of_bytes_ends_at_the_largest_int(struct kunit *test)
{
	struct send_fixture *f = test->priv;

	put_frame(f, 0);
	put_frame(f, 1);
	xinet_tx_ring_sent_before = INT_MAX - ETH_ZLEN;
	KUNIT_EXPECT_EQ(test, send_frames(f), INT_MAX);
	xinet_tx_ring_sent_before = 0;
	KUNIT_EXPECT_EQ(test, send_status(f, 0), (u32)TP_STATUS_AVAILABLE);

	/* the next call continues there */
	KUNIT_EXPECT_EQ(test, send_status(f, 1), (u32)TP_STATUS_SEND_REQUEST);
	KUNIT_EXPECT_EQ(test, send_frames(f), ETH_ZLEN);
	KUNIT_EXPECT_EQ(test, send_status(f, 1), (u32)TP_STATUS_AVAILABLE);
}

/* Bytes of kernel memory that a reference to @skb keeps. */
static size_t send_held(const struct sk_buff *skb)
{
	size_t data = skb->head_frag ? page_size(virt_to_head_page(skb->head)) :
				       ksize(skb->head);

	return data + sizeof(struct sk_buff);
}

static void expect_charged(struct kunit *test, struct send_fixture *f,
			   size_t len)
{
	struct sk_buff *skb = xinet_fake_dev_sent(f->dev);

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_EXPECT_EQ(test, skb->len, (unsigned int)len);
	KUNIT_EXPECT_GE_MSG(test, skb->truesize, send_held(skb), "%zu bytes",
			    len);
	kfree_skb(skb);
}

/* Sends some frames on a socket of the same device, without a ring. */
static void send_messages(struct kunit *test, struct send_fixture *f,
			  size_t len)
{
	struct sockaddr_ll to = {
		.sll_family	= AF_PACKET,
		.sll_ifindex	= f->dev->ifindex,
	};
	u8 *frame = kunit_kzalloc(test, len, GFP_KERNEL);
	struct kvec iov = { frame, len };
	struct socket *sock;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, frame);
	sock = xinet_fake_packet_socket(test);
	for (i = 0; i < 4; i++) {
		struct msghdr msg = {
			.msg_name	= &to,
			.msg_namelen	= sizeof(to),
		};

		KUNIT_EXPECT_EQ(test, kernel_sendmsg(sock, &msg, &iov, 1, len),
				(int)len);
		expect_charged(test, f, len);
	}
	sock_release(sock);
}

/* A receiver behind a veth pair is charged with the truesize of a frame. */
static void frame_is_charged_with_all_that_it_keeps(struct kunit *test)
{
	static const size_t lengths[] = { ETH_ZLEN, 200, 600, 1000, 1514 };
	struct send_fixture *f = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		send_messages(test, f, lengths[i]);
	KUNIT_EXPECT_EQ(test, send_frame(f, 0), ETH_ZLEN);
	expect_charged(test, f, ETH_ZLEN);
}

#ifdef CONFIG_NETFILTER_EGRESS

static unsigned int hook_takes(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	struct send_fixture *f = priv;

	f->taken = skb;
	return NF_STOLEN;
}

/* Orphans it first, as netem on the other device does. */
static unsigned int hook_takes_from_socket(void *priv, struct sk_buff *skb,
					   const struct nf_hook_state *state)
{
	skb_orphan(skb);
	return hook_takes(priv, skb, state);
}

static unsigned int hook_drops(void *priv, struct sk_buff *skb,
			       const struct nf_hook_state *state)
{
	return NF_DROP;
}

static void add_hook(struct kunit *test, nf_hookfn *function)
{
	struct send_fixture *f = test->priv;

	f->hook = (struct nf_hook_ops){
		.hook		= function,
		.dev		= f->dev,
		.priv		= f,
		.pf		= NFPROTO_NETDEV,
		.hooknum	= NF_NETDEV_EGRESS,
	};
	KUNIT_ASSERT_EQ(test, nf_register_net_hook(&init_net, &f->hook), 0);
}

static void remove_hook(struct send_fixture *f)
{
	nf_unregister_net_hook(&init_net, &f->hook);
}

/* As with "fwd" of nft: the frame leaves by another device, later. */
static void frame_that_a_hook_took_comes_back_when_it_is_freed(struct kunit *test)
{
	struct send_fixture *f = test->priv;

	add_hook(test, hook_takes);
	KUNIT_EXPECT_EQ(test, send_frame(f, 0), ETH_ZLEN);
	KUNIT_EXPECT_NOT_NULL(test, f->taken);
	KUNIT_EXPECT_EQ(test, send_status(f, 0), (u32)TP_STATUS_SENDING);
	remove_hook(f);

	/* the ring continues after it */
	KUNIT_EXPECT_EQ(test, send_frame(f, 1), ETH_ZLEN);
	kfree_skb(xinet_fake_dev_sent(f->dev));
	KUNIT_EXPECT_EQ(test, send_status(f, 0), (u32)TP_STATUS_SENDING);
	KUNIT_EXPECT_EQ(test, send_status(f, 1), (u32)TP_STATUS_AVAILABLE);
	kfree_skb(f->taken);
	KUNIT_EXPECT_EQ(test, send_status(f, 0), (u32)TP_STATUS_AVAILABLE);
	KUNIT_EXPECT_EQ(test, send_frame(f, 0), ETH_ZLEN);
}

static void frame_that_a_hook_took_is_not_sent_again(struct kunit *test)
{
	struct send_fixture *f = test->priv;
	u32 i;

	add_hook(test, hook_takes_from_socket);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, send_frame(f, i % 2), ETH_ZLEN);
		KUNIT_EXPECT_EQ(test, send_status(f, i % 2),
				(u32)TP_STATUS_AVAILABLE);
		kfree_skb(f->taken);
	}
	remove_hook(f);
}

static void frame_that_a_hook_dropped_can_be_sent_again(struct kunit *test)
{
	struct send_fixture *f = test->priv;

	add_hook(test, hook_drops);
	KUNIT_EXPECT_EQ(test, send_frame(f, 0), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, send_status(f, 0), (u32)TP_STATUS_SEND_REQUEST);
	remove_hook(f);
	KUNIT_EXPECT_EQ(test, send_frame(f, 0), ETH_ZLEN);
	KUNIT_EXPECT_EQ(test, send_frame(f, 1), ETH_ZLEN);
}

#endif /* CONFIG_NETFILTER_EGRESS */

static struct kunit_case tx_ring_test_cases[] = {
	KUNIT_CASE_PARAM(header_is_taken_or_refused, parse_gen_params),
	KUNIT_CASE(no_header_leads_out_of_its_frame),
	KUNIT_CASE_PARAM(virtio_header_is_taken_or_refused, vnet_gen_params),
	{}
};

struct kunit_suite xinet_tx_ring_suite = {
	.name = "xinet_tx_ring",
	.test_cases = tx_ring_test_cases,
};

static struct kunit_case tx_ring_send_cases[] = {
	KUNIT_CASE(count_of_bytes_ends_at_the_largest_int),
	KUNIT_CASE(frame_is_charged_with_all_that_it_keeps),
#ifdef CONFIG_NETFILTER_EGRESS
	KUNIT_CASE(frame_that_a_hook_took_comes_back_when_it_is_freed),
	KUNIT_CASE(frame_that_a_hook_took_is_not_sent_again),
	KUNIT_CASE(frame_that_a_hook_dropped_can_be_sent_again),
#endif
	{}
};

struct kunit_suite xinet_tx_ring_send_suite = {
	.name = "xinet_tx_ring_send",
	.init = send_init,
	.exit = send_exit,
	.test_cases = tx_ring_send_cases,
};
