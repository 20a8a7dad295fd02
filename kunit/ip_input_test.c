// SPDX-License-Identifier: GPL-2.0-only
/* What a host must drop: xinet_ip_header_check() of af_xinet/ip_input.c. */
#include <kunit/test.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <net/ip.h>

#include "af_xinet/ip_input.h"
#include "fake_dev.h"
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

/* Every single bit error in a header is caught by its checksum or its length. */
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

/* A header outside the linear part is read through the copy, not the skb. */
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

static struct kunit_case ip_input_cases[] = {
	KUNIT_CASE_PARAM(header_check_drops_what_a_host_must,
			 header_gen_params),
	KUNIT_CASE(header_check_catches_every_bit_error),
	KUNIT_CASE(header_check_reads_paged_packets),
	{}
};

struct kunit_suite xinet_ip_input_suite = {
	.name		= "xinet_ip_input",
	.init		= ip_input_init,
	.exit		= ip_input_exit,
	.test_cases	= ip_input_cases,
};
