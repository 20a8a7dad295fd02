// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index over filters: the keys it finds in programs, and, over random
 * programs and packets, that it never leaves out a program that would have
 * accepted.
 *
 * The suite runs a few pairs with a fixed seed. For a longer run, after the
 * suites: modprobe xinet_kunit filter_pairs=10000000. It prints its seed, and
 * fails to load if a program was left out wrongly; filter_seed= repeats a run.
 * Some kernels run suites before the module's parameters are set, so the suite
 * has none.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/filter.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/skbuff.h>
#include <linux/vmalloc.h>

#include "packet/tap/filter_index.h"
#include "packet/tap/filter_keys.h"
#include "suites.h"

static unsigned int filter_pairs;
module_param(filter_pairs, uint, 0444);
MODULE_PARM_DESC(filter_pairs, "how many pairs of a random program and a random packet to compare beside the suites");

static unsigned long long filter_seed;
module_param(filter_seed, ullong, 0444);
MODULE_PARM_DESC(filter_seed, "seed of these, 0 for another each time");

/* Those of the suite, fixed so that every run is the same. */
#define TEST_PAIRS	4000
#define TEST_SEED	6

#define TEST_PROGRAMS	4
#define TEST_PACKETS	50
#define TEST_ROUNDS	20u
#define TEST_INSNS	24
#define TEST_LINEAR	24
#define TEST_PACKET_LEN	64

/* Longest program that is examined, as filter_keys.h documents. */
#define TEST_LEN_MAX	512

struct random_program {
	struct sock_filter insns[TEST_INSNS];
	unsigned int len;
	struct bpf_prog *prog;
	struct xinet_filter_keys keys;
};

struct random_fixture {
	struct rnd_state rnd;
	struct sk_buff *linear;
	struct sk_buff *paged;
	struct random_program programs[TEST_PROGRAMS];
	unsigned int rounds;
	unsigned int pairs;
	unsigned long accepted;
	unsigned long left_out;
	unsigned long missed;
};

static u32 pick(struct random_fixture *f, u32 end)
{
	return prandom_u32_state(&f->rnd) % end;
}

/* Few values, so that random programs sometimes match random packets. */
static u8 pick_byte(struct random_fixture *f)
{
	static const u8 bytes[] = { 0x00, 0x00, 0x01, 0x45 };

	return bytes[pick(f, ARRAY_SIZE(bytes))];
}

static u32 pick_value(struct random_fixture *f)
{
	u32 value = 0;
	u32 i;

	for (i = pick(f, sizeof(value)) + 1; i > 0; i--)
		value = value << 8 | pick_byte(f);
	return value;
}

static u32 pick_offset(struct random_fixture *f)
{
	static const u32 offsets[] = {
		0, 2, 12, 14, 20, 21, 22, 23, 26, 30, 40, 61, 70,
		SKF_NET_OFF + 9, SKF_LL_OFF + 12,
		SKF_AD_OFF + SKF_AD_PROTOCOL, SKF_AD_OFF + SKF_AD_PKTTYPE,
		SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT,
	};

	return offsets[pick(f, ARRAY_SIZE(offsets))];
}

static struct sock_filter pick_load(struct random_fixture *f)
{
	static const u16 sizes[] = { BPF_B, BPF_H, BPF_W };
	u16 size = sizes[pick(f, ARRAY_SIZE(sizes))];

	if (pick(f, 4))
		return (struct sock_filter)BPF_STMT(BPF_LD | BPF_ABS | size,
						    pick_offset(f));
	return (struct sock_filter)BPF_STMT(BPF_LD | BPF_IND | size,
					    pick(f, 20));
}

/* Only M[0] is used; the first instruction of each program writes it. */
static struct sock_filter pick_other(struct random_fixture *f)
{
	static const u16 codes[] = {
		BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_DIV | BPF_X, BPF_ALU | BPF_NEG,
		BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
		BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM,
		BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN,
		BPF_ST, BPF_STX, BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM,
	};
	u16 code = codes[pick(f, ARRAY_SIZE(codes))];
	bool memory = BPF_CLASS(code) == BPF_ST || BPF_CLASS(code) == BPF_STX ||
		      code == (BPF_LD | BPF_MEM) || code == (BPF_LDX | BPF_MEM);

	return (struct sock_filter)BPF_STMT(code, memory ? 0 : pick_value(f));
}

/* @left: number of instructions after it */
static struct sock_filter pick_jump(struct random_fixture *f, u32 left)
{
	static const u16 codes[] = {
		BPF_JEQ | BPF_K, BPF_JEQ | BPF_K, BPF_JEQ | BPF_K,
		BPF_JEQ | BPF_K, BPF_JGT | BPF_K, BPF_JSET | BPF_K,
		BPF_JEQ | BPF_X,
	};
	u16 code = codes[pick(f, ARRAY_SIZE(codes))];

	if (!pick(f, 12))
		return (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
						    pick(f, left));
	return (struct sock_filter)BPF_JUMP(BPF_JMP | code, pick_value(f),
					    pick(f, left), pick(f, left));
}

static struct sock_filter pick_insn(struct random_fixture *f, u32 left)
{
	u32 kind = pick(f, 20);

	if (!left)
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						    pick(f, 2));
	if (kind < 7)
		return pick_load(f);
	if (kind < 14)
		return pick_jump(f, left);
	if (kind < 16)
		return pick_other(f);
	if (kind < 18)
		return (struct sock_filter)BPF_STMT(BPF_LDX | BPF_B | BPF_MSH,
						    14);
	if (kind < 19)
		return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						    pick(f, 2));
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_A, 0);
}

static int make_program(struct random_fixture *f,
			struct random_program *program)
{
	struct sock_fprog_kern fprog = { .filter = program->insns };
	u32 i;

	program->len = 3 + pick(f, TEST_INSNS - 3);
	program->insns[0] = (struct sock_filter)BPF_STMT(BPF_ST, 0);
	for (i = 1; i < program->len; i++)
		program->insns[i] = pick_insn(f, program->len - 1 - i);
	fprog.len = program->len;
	xinet_filter_keys_derive(program->insns, program->len, &program->keys);
	return bpf_prog_create(&program->prog, &fprog);
}

static struct sk_buff *make_packet(struct random_fixture *f)
{
	struct sk_buff *skb = pick(f, 3) ? f->linear : f->paged;
	u8 bytes[TEST_PACKET_LEN];
	u32 i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = pick_byte(f);
	if (skb == f->linear) {
		skb_trim(skb, 0);
		skb_put(skb, pick(f, 4) ? TEST_PACKET_LEN :
					  pick(f, TEST_PACKET_LEN));
	}
	skb_store_bits(skb, 0, bytes, skb->len);
	return skb;
}

static void try_packet(struct random_fixture *f,
		       const struct xinet_filter_index *index)
{
	DECLARE_BITMAP(run, XINET_FILTER_INDEX_MAX);
	struct sk_buff *skb = make_packet(f);
	u32 i;

	xinet_filter_index_match(index, skb, run);
	for (i = 0; i < TEST_PROGRAMS; i++) {
		u32 res = bpf_prog_run_clear_cb(f->programs[i].prog, skb);

		f->accepted += res != 0;
		f->left_out += !test_bit(i, run);
		f->missed += res && !test_bit(i, run);
	}
}

static void try_packets(struct random_fixture *f,
			const struct xinet_filter_index *index)
{
	u32 i;

	local_bh_disable();
	rcu_read_lock();
	for (i = 0; i < TEST_PACKETS; i++)
		try_packet(f, index);
	rcu_read_unlock();
	local_bh_enable();
	f->pairs += TEST_PROGRAMS * TEST_PACKETS;
}

/* Runs some programs on @f->rounds of packets, if they have an index. */
static int try_programs(struct random_fixture *f)
{
	const struct xinet_filter_keys *keys[TEST_PROGRAMS];
	struct xinet_filter_index *index;
	unsigned int round;
	int err = 0;
	u32 i;

	for (i = 0; i < TEST_PROGRAMS; i++) {
		err = make_program(f, &f->programs[i]);
		if (err)
			goto out_destroy;
		keys[i] = &f->programs[i].keys;
	}
	index = xinet_filter_index_build(keys, TEST_PROGRAMS);
	for (round = 0; index && round < f->rounds; round++)
		try_packets(f, index);
	kvfree(index);
out_destroy:
	while (i-- > 0)
		bpf_prog_destroy(f->programs[i].prog);
	return err;
}

static int make_skbs(struct random_fixture *f)
{
	struct page *page;

	f->linear = alloc_skb(TEST_PACKET_LEN, GFP_KERNEL);
	f->paged = alloc_skb(TEST_PACKET_LEN, GFP_KERNEL);
	if (!f->linear || !f->paged)
		return -ENOMEM;
	page = alloc_page(GFP_KERNEL);
	if (!page)
		return -ENOMEM;
	skb_put(f->paged, TEST_LINEAR);
	skb_add_rx_frag(f->paged, 0, page, 0, TEST_PACKET_LEN - TEST_LINEAR,
			PAGE_SIZE);
	skb_reset_mac_header(f->linear);
	skb_reset_mac_header(f->paged);
	skb_set_network_header(f->linear, ETH_HLEN);
	skb_set_network_header(f->paged, ETH_HLEN);
	return 0;
}

/*
 * Counts in @f, zeroed. With many pairs a program gets more packets: programs
 * are mapped memory that is unmapped lazily, and with more of them it would
 * exceed what the host of User Mode Linux can map.
 */
static int compare_pairs(struct random_fixture *f, unsigned int pairs, u64 seed)
{
	int err;

	f->rounds = clamp(pairs / TEST_PAIRS, 1u, TEST_ROUNDS);
	prandom_seed_state(&f->rnd, seed);
	err = make_skbs(f);
	while (!err && f->pairs < pairs) {
		err = try_programs(f);
		cond_resched();
		vm_unmap_aliases();
	}
	kfree_skb(f->linear);
	kfree_skb(f->paged);
	return err;
}

int xinet_filter_index_long_run(void)
{
	struct random_fixture *f;
	int err;

	if (!filter_pairs)
		return 0;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	if (!filter_seed)
		filter_seed = get_random_u64();
	err = compare_pairs(f, filter_pairs, filter_seed);
	pr_info("filter_seed=%llu: %u pairs, %lu accepted, %lu left out, %lu of them wrongly\n",
		filter_seed, f->pairs, f->accepted, f->left_out, f->missed);
	if (!err && f->missed)
		err = -EILSEQ;
	kfree(f);
	return err;
}

static void no_program_that_accepts_is_left_out(struct kunit *test)
{
	struct random_fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);

	KUNIT_ASSERT_EQ(test, compare_pairs(f, TEST_PAIRS, TEST_SEED), 0);

	KUNIT_EXPECT_EQ(test, f->missed, 0ul);
	/* otherwise the test would prove nothing */
	KUNIT_EXPECT_GT(test, f->accepted, (unsigned long)f->pairs / 100);
	KUNIT_EXPECT_GT(test, f->left_out, (unsigned long)f->pairs / 100);
}

/* As libpcap compiles it: IPv4, TCP, no fragment, a port on either side. */
static void a_port_is_found_behind_the_header(struct kunit *test)
{
	static const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x800, 0, 9),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 7),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 5, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 14),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 80, 3, 0),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 80, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 65535),
	};
	struct xinet_filter_keys keys;
	int i;

	xinet_filter_keys_derive(insns, ARRAY_SIZE(insns), &keys);
	KUNIT_EXPECT_TRUE(test, keys.known);
	KUNIT_ASSERT_EQ(test, keys.nr, 2);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, keys.key[i].value, 80u);
		KUNIT_EXPECT_TRUE(test, keys.key[i].field.indirect);
		KUNIT_EXPECT_EQ(test, keys.key[i].field.base, 14);
	}
	KUNIT_EXPECT_EQ(test,
			keys.key[0].field.offset + keys.key[1].field.offset,
			14 + 16);
}

static void an_opaque_program_needs_nothing_known(struct kunit *test)
{
	static const struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct xinet_filter_keys keys;

	xinet_filter_keys_derive(insns, ARRAY_SIZE(insns), &keys);
	KUNIT_EXPECT_FALSE(test, keys.known);
}

/* Loads one field repeatedly, then compares it. */
static struct sock_filter *long_program(struct kunit *test, unsigned int len)
{
	struct sock_filter *insns;
	unsigned int i;

	insns = kunit_kcalloc(test, len, sizeof(*insns), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, insns);
	for (i = 0; i < len - 3; i++)
		insns[i] = (struct sock_filter)
			BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23);
	insns[i++] = (struct sock_filter)
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 1);
	insns[i++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 65535);
	insns[i] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
	return insns;
}

static void a_program_too_long_is_not_looked_through(struct kunit *test)
{
	struct xinet_filter_keys keys;

	xinet_filter_keys_derive(long_program(test, TEST_LEN_MAX), TEST_LEN_MAX,
				 &keys);
	KUNIT_EXPECT_TRUE(test, keys.known);
	KUNIT_EXPECT_EQ(test, keys.nr, 1);

	xinet_filter_keys_derive(long_program(test, TEST_LEN_MAX + 1),
				 TEST_LEN_MAX + 1, &keys);
	KUNIT_EXPECT_FALSE(test, keys.known);
	KUNIT_EXPECT_EQ(test, keys.nr, 0);
}

static struct kunit_case filter_index_cases[] = {
	KUNIT_CASE(a_port_is_found_behind_the_header),
	KUNIT_CASE(an_opaque_program_needs_nothing_known),
	KUNIT_CASE(a_program_too_long_is_not_looked_through),
	KUNIT_CASE(no_program_that_accepts_is_left_out),
	{}
};

struct kunit_suite xinet_filter_index_suite = {
	.name = "xinet_filter_index",
	.test_cases = filter_index_cases,
};
