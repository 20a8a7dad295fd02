// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a classic program requires of every packet that it accepts. filter.c
 * derives it once, when it interns a program; filter_index.c uses it to leave
 * programs out. Nothing here runs per packet.
 *
 * The result is a set of conditions "this field has that value", of which every
 * accepted packet fulfils at least one. "host A" needs A in one of the four
 * places where IPv4 and ARP have addresses; "tcp port P" needs P behind the
 * IPv4 or the IPv6 header. A classic program only jumps forward, so two walks
 * are enough:
 *
 *   forward    what A and X hold at each instruction: a field, or anything.
 *              At a merge point, conflicting values become "anything".
 *
 *   backward   what acceptance from this instruction on needs, N(i):
 *                ret #0            {}         nothing is accepted
 *                ret               unknown    anything may be
 *                jeq #v, A: field  N(else) united with the better of
 *                                  { field == v } and N(then)
 *                other jumps       N(then) united with N(else)
 *                the rest          N(i + 1)
 *
 * A load that fails ends the program and rejects the packet, so a missing field
 * is a condition not fulfilled. Other loads (SKF_AD_OFF, SKF_NET_OFF,
 * SKF_LL_OFF: the tag, the device, ...), arithmetic other than a mask and
 * scratch memory give "anything"; a program that compares nothing else is run
 * for every packet. eBPF is always run.
 */
#include <kunit/visibility.h>
#include <linux/bitops.h>
#include <linux/filter.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "packet/tap/filter_keys.h"

/*
 * Longer programs are not analysed but always run: nearly all of them need more
 * conditions than are kept, and the analysis must not cost more than reading
 * the program.
 */
#define PROGRAM_MAX_LEN	512

/* Fields lie in the headers. */
#define FIELD_MAX_OFFSET	1024

/* What a register holds, in the forward walk. */
enum reg_kind {
	REG_UNSEEN,	/* no path leads here yet */
	REG_ANY,
	REG_FIELD,	/* A: a field of the packet */
	REG_IP_LEN,	/* X: length of the IPv4 header at field.base */
};

struct reg {
	enum reg_kind kind;
	struct xinet_filter_field field;
};

struct regs {
	struct reg a;
	struct reg x;
};

/* State of both walks, for each instruction. */
struct walk {
	struct regs before;
	struct xinet_filter_keys need;
};

static void reg_join(struct reg *reg, const struct reg *other)
{
	if (reg->kind == REG_UNSEEN)
		*reg = *other;
	else if (reg->kind != other->kind ||
		 !xinet_filter_field_equal(&reg->field, &other->field))
		*reg = (struct reg){ .kind = REG_ANY };
}

static void regs_join(struct regs *regs, const struct regs *other)
{
	reg_join(&regs->a, &other->a);
	reg_join(&regs->x, &other->x);
}

static struct reg load_field(const struct sock_filter *insn,
			     const struct reg *x)
{
	struct reg reg = { .kind = REG_ANY };
	bool indirect = BPF_MODE(insn->code) == BPF_IND;

	if (insn->k >= FIELD_MAX_OFFSET)
		return reg;
	if (indirect && x->kind != REG_IP_LEN)
		return reg;

	reg.kind = REG_FIELD;
	reg.field.offset = insn->k;
	reg.field.indirect = indirect;
	reg.field.base = indirect ? x->field.base : 0;
	switch (BPF_SIZE(insn->code)) {
	case BPF_W:
		reg.field.size = sizeof(u32);
		reg.field.mask = U32_MAX;
		break;
	case BPF_H:
		reg.field.size = sizeof(u16);
		reg.field.mask = U16_MAX;
		break;
	default:
		reg.field.size = sizeof(u8);
		reg.field.mask = U8_MAX;
		break;
	}
	return reg;
}

/* What an instruction that does not jump leaves in the registers. */
static void regs_step(struct regs *regs, const struct sock_filter *insn)
{
	const struct reg any = { .kind = REG_ANY };

	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		if (BPF_MODE(insn->code) == BPF_ABS ||
		    BPF_MODE(insn->code) == BPF_IND)
			regs->a = load_field(insn, &regs->x);
		else
			regs->a = any;
		break;
	case BPF_LDX:
		regs->x = any;
		if (BPF_MODE(insn->code) == BPF_MSH &&
		    insn->k < FIELD_MAX_OFFSET) {
			regs->x.kind = REG_IP_LEN;
			regs->x.field.base = insn->k;
		}
		break;
	case BPF_ALU:
		if (insn->code == (BPF_ALU | BPF_AND | BPF_K) &&
		    regs->a.kind == REG_FIELD)
			regs->a.field.mask &= insn->k;
		else
			regs->a = any;
		break;
	case BPF_MISC:
		if (BPF_MISCOP(insn->code) == BPF_TAX)
			regs->x = any;
		else
			regs->a = any;
		break;
	}
}

static void walk_forward(const struct sock_filter *insns, unsigned int len,
			 struct walk *walk)
{
	const struct reg any = { .kind = REG_ANY };
	struct regs regs;
	unsigned int i;

	walk[0].before = (struct regs){ .a = any, .x = any };
	for (i = 0; i < len; i++) {
		const struct sock_filter *insn = &insns[i];

		regs = walk[i].before;
		if (regs.a.kind == REG_UNSEEN)
			continue;
		switch (BPF_CLASS(insn->code)) {
		case BPF_RET:
			break;
		case BPF_JMP:
			if (BPF_OP(insn->code) == BPF_JA) {
				regs_join(&walk[i + 1 + insn->k].before, &regs);
				break;
			}
			regs_join(&walk[i + 1 + insn->jt].before, &regs);
			regs_join(&walk[i + 1 + insn->jf].before, &regs);
			break;
		default:
			regs_step(&regs, insn);
			regs_join(&walk[i + 1].before, &regs);
			break;
		}
	}
}

/* How well a field distinguishes programs. */
static unsigned int field_rank(const struct xinet_filter_field *field)
{
	/* offset 12 is the EtherType, which many programs share */
	if (field->size == sizeof(u16) && field->offset == 12 &&
	    !field->indirect)
		return 1;
	return hweight32(field->mask);
}

static unsigned int keys_rank(const struct xinet_filter_keys *keys)
{
	unsigned int rank = UINT_MAX;
	unsigned int i;

	if (!keys->known)
		return 0;
	for (i = 0; i < keys->nr; i++)
		rank = min(rank, field_rank(&keys->key[i].field));
	return rank;
}

static void keys_add(struct xinet_filter_keys *keys,
		     const struct xinet_filter_key *key)
{
	unsigned int i;

	if (!keys->known)
		return;
	for (i = 0; i < keys->nr; i++) {
		if (keys->key[i].value == key->value &&
		    xinet_filter_field_equal(&keys->key[i].field, &key->field))
			return;
	}
	if (keys->nr == XINET_FILTER_KEYS)
		keys->known = false;
	else
		keys->key[keys->nr++] = *key;
}

static void keys_unite(struct xinet_filter_keys *keys,
		       const struct xinet_filter_keys *other)
{
	unsigned int i;

	keys->known = keys->known && other->known;
	for (i = 0; i < other->nr; i++)
		keys_add(keys, &other->key[i]);
}

/* N(i) of a conditional jump. */
static void need_of_branch(const struct sock_filter *insn,
			   const struct regs *before,
			   const struct xinet_filter_keys *then,
			   const struct xinet_filter_keys *other,
			   struct xinet_filter_keys *need)
{
	struct xinet_filter_key key = {
		.field = before->a.field,
		.value = insn->k,
	};

	*need = *other;
	if (insn->code != (BPF_JMP | BPF_JEQ | BPF_K) ||
	    before->a.kind != REG_FIELD) {
		keys_unite(need, then);
		return;
	}
	/* never equal: the value has bits that are masked out */
	if (key.value & ~key.field.mask)
		return;
	if (keys_rank(then) >= max(1u, field_rank(&key.field)))
		keys_unite(need, then);
	else
		keys_add(need, &key);
}

static void walk_backward(const struct sock_filter *insns, unsigned int len,
			  struct walk *walk)
{
	unsigned int i;

	for (i = len; i-- > 0;) {
		const struct sock_filter *insn = &insns[i];
		struct xinet_filter_keys *need = &walk[i].need;

		switch (BPF_CLASS(insn->code)) {
		case BPF_RET:
			need->known = BPF_RVAL(insn->code) == BPF_K &&
				      !insn->k;
			break;
		case BPF_JMP:
			if (BPF_OP(insn->code) == BPF_JA)
				*need = walk[i + 1 + insn->k].need;
			else
				need_of_branch(insn, &walk[i].before,
					       &walk[i + 1 + insn->jt].need,
					       &walk[i + 1 + insn->jf].need,
					       need);
			break;
		default:
			*need = walk[i + 1].need;
			break;
		}
	}
}

void xinet_filter_keys_derive(const struct sock_filter *insns,
			      unsigned int len,
			      struct xinet_filter_keys *keys)
{
	struct walk *walk;

	keys->known = false;
	keys->nr = 0;
	if (len > PROGRAM_MAX_LEN)
		return;
	walk = kvcalloc(len, sizeof(*walk), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!walk)
		return;
	walk_forward(insns, len, walk);
	walk_backward(insns, len, walk);
	*keys = walk[0].need;
	kvfree(walk);
}
EXPORT_SYMBOL_IF_KUNIT(xinet_filter_keys_derive);
