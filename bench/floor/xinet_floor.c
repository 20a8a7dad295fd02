// SPDX-License-Identifier: GPL-2.0-only
/*
 * The floors of a tap: the cost of a packet that is only released, that is
 * stamped and copied, or that is run through filters which reject it, without
 * any other work. Loaded only by xinet-bench in a guest. Does not look for a
 * receiver and delivers to none.
 */
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <net/net_namespace.h>

/* as large as a ring of the compared pairs, for the same cache footprint */
#define FLOOR_BUFFER_SIZE	(32u << 20)

#define FLOOR_MAX_PROGRAMS	64u

static char *dev;
module_param(dev, charp, 0444);
MODULE_PARM_DESC(dev, "the interface to tap; none: all of them");

static unsigned int copies;
module_param(copies, uint, 0444);
MODULE_PARM_DESC(copies, "how often to copy each packet, which is stamped once");

static unsigned int programs;
module_param(programs, uint, 0444);
MODULE_PARM_DESC(programs, "how many filters to run on each packet");

/* Where the next copy on a CPU is stored. */
struct floor_buffer {
	u8 *data;
	size_t offset;
};

static DEFINE_PER_CPU(struct floor_buffer, floor_buffers);
static struct bpf_prog *floor_programs[FLOOR_MAX_PROGRAMS];

/* Returns space for a stamp and @len bytes after it. */
static struct timespec64 *floor_place(struct floor_buffer *buffer,
				      unsigned int len)
{
	const size_t size = ALIGN(sizeof(struct timespec64) + len, 16);
	struct timespec64 *place;

	if (buffer->offset + size > FLOOR_BUFFER_SIZE)
		buffer->offset = 0;
	place = (void *)(buffer->data + buffer->offset);
	buffer->offset += size;
	return place;
}

static int floor_copy(struct sk_buff *skb, struct net_device *in,
		      struct packet_type *pt, struct net_device *orig_dev)
{
	struct floor_buffer *buffer = this_cpu_ptr(&floor_buffers);
	const unsigned int maclen = skb_mac_header_len(skb);
	const unsigned int len = skb->len + maclen;
	struct timespec64 *first, *stamp;
	unsigned int i;

	first = floor_place(buffer, len);
	ktime_get_real_ts64(first);
	skb_copy_bits(skb, -(int)maclen, first + 1, len);
	for (i = 1; i < copies; i++) {
		stamp = floor_place(buffer, len);
		*stamp = *first;
		skb_copy_bits(skb, -(int)maclen, stamp + 1, len);
	}
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

/*
 * All filters get the same skb, as from a tap with one hook. None of them reads
 * the control buffer, so it is not cleared.
 */
static int floor_filter(struct sk_buff *skb, struct net_device *in,
			struct packet_type *pt, struct net_device *orig_dev)
{
	const unsigned int maclen = skb->data - skb_mac_header(skb);
	unsigned int i;

	skb_push(skb, maclen);
	for (i = 0; i < programs; i++)
		WARN_ON_ONCE(bpf_prog_run(floor_programs[i], skb));
	/* other holders of the skb must find it unchanged */
	__skb_pull(skb, maclen);
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static int floor_release(struct sk_buff *skb, struct net_device *in,
			 struct packet_type *pt, struct net_device *orig_dev)
{
	consume_skb(skb);
	return NET_RX_SUCCESS;
}

static struct packet_type floor_hook = {
	.type = htons(ETH_P_ALL),
};

/* Same shape as the filters of the pair's sockets: odd_shape() in bench/src. */
static int __init floor_make_program(unsigned int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 3 + number),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 26),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xdead0000 + number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog_kern program = {
		.len = ARRAY_SIZE(code),
		.filter = code,
	};

	return bpf_prog_create(&floor_programs[number], &program);
}

static void floor_free(void)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < FLOOR_MAX_PROGRAMS; i++) {
		if (floor_programs[i])
			bpf_prog_destroy(floor_programs[i]);
	}
	for_each_possible_cpu(cpu)
		vfree(per_cpu(floor_buffers, cpu).data);
}

static int __init floor_prepare(void)
{
	struct floor_buffer *buffer;
	unsigned int i;
	int cpu, err;

	for_each_possible_cpu(cpu) {
		if (!copies)
			break;
		buffer = per_cpu_ptr(&floor_buffers, cpu);
		buffer->data = vmalloc(FLOOR_BUFFER_SIZE);
		if (!buffer->data)
			return -ENOMEM;
		/* touch all pages now: page faults are not to be measured */
		memset(buffer->data, 0, FLOOR_BUFFER_SIZE);
	}
	for (i = 0; i < programs; i++) {
		err = floor_make_program(i);
		if (err)
			return err;
	}
	return 0;
}

static int __init floor_init(void)
{
	int err;

	if (programs > FLOOR_MAX_PROGRAMS)
		return -EINVAL;
	err = floor_prepare();
	if (err)
		goto free;
	if (dev) {
		/* the module holds a reference: unload before unregistering */
		floor_hook.dev = dev_get_by_name(&init_net, dev);
		err = -ENODEV;
		if (!floor_hook.dev)
			goto free;
	}
	floor_hook.func = copies ? floor_copy :
			  programs ? floor_filter : floor_release;
	dev_add_pack(&floor_hook);
	return 0;

free:
	floor_free();
	return err;
}

static void __exit floor_exit(void)
{
	dev_remove_pack(&floor_hook);
	dev_put(floor_hook.dev);
	floor_free();
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("The floors that the cost of a tap is compared with");
MODULE_AUTHOR("The xinet maintainers");
MODULE_LICENSE("GPL");
