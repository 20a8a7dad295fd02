/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The segments of a TCP packet that was merged, or that the device will cut up, one
 * after the other in one skb: for XINET_PACKET_ORIGINAL.
 */
#ifndef _XINET_PACKET_TAP_ORIGINAL_TCP_H
#define _XINET_PACKET_TAP_ORIGINAL_TCP_H

#include <linux/types.h>

struct sk_buff;
struct xinet_original;

/**
 * struct xinet_original_tcp - a packet while it is cut
 * @packet: clone of the packet; begins at the link-level header
 * @frame: the segment; its headers are a copy, its payload refers to that of @packet
 * @start: bytes in front of where a frame begins for a tap
 * @tag: bytes of the VLAN tag that the frames have and @packet has not
 * @network: offset of the IP header in @packet
 * @transport: offset of the TCP header in @packet
 * @payload: offset of the payload in @packet
 * @size: bytes of payload in all
 * @mss: bytes of payload in each frame but the last
 * @taken: bytes of payload in this frame and those before it
 * @frag: first fragment of @packet that is not used up
 * @frag_taken: bytes of @frag that are used up
 * @seq: sequence number of the packet
 * @id: identification of its IPv4 header
 * @pseudo: checksum of the pseudo-header of the packet, as a sender leaves it to the device
 * @ipv4: else IPv6
 * @fixed_id: the frames have the identification of the packet, all of them
 * @cwr: in the first frame only
 * @fin: in the last frame only
 * @psh: in the last frame only
 */
struct xinet_original_tcp {
	struct sk_buff *packet;
	struct sk_buff *frame;
	u32 start;
	u32 tag;
	u32 network;
	u32 transport;
	u32 payload;
	u32 size;
	u32 mss;
	u32 taken;
	u32 frag;
	u32 frag_taken;
	u32 seq;
	u16 id;
	__sum16 pseudo;
	bool ipv4;
	bool fixed_id;
	bool cwr;
	bool fin;
	bool psh;
};

/**
 * xinet_original_tcp_begin() - begin to cut a TCP packet
 * @tcp: for xinet_original_tcp_next(), to be ended with xinet_original_tcp_end()
 * @skb: a GSO packet as a tap gets it; nothing that it shares is written
 * @most: more frames are not made
 * @done: what will be done; @done->segment is 0
 *
 * Context: softirq, or BH disabled.
 * Return: false if the packet is left to xinet_original_frames(): tunnels, extension
 * headers, fragments in lists, what is damaged, and for lack of memory. Then nothing
 * is to be ended.
 */
bool xinet_original_tcp_begin(struct xinet_original_tcp *tcp, struct sk_buff *skb,
			      u32 most, struct xinet_original *done);

/**
 * xinet_original_tcp_next() - the next frame
 * @tcp: begun
 *
 * Context: softirq, or BH disabled.
 * Return: the frame as a tap gets one. It may be cloned and referred to: then the next
 * one is another skb. NULL behind the last, or for lack of memory.
 */
struct sk_buff *xinet_original_tcp_next(struct xinet_original_tcp *tcp);

/**
 * xinet_original_tcp_end() - free the frame, and forget the packet
 * @tcp: begun
 *
 * Context: softirq, or BH disabled.
 * Return: whether all frames have been made.
 */
bool xinet_original_tcp_end(struct xinet_original_tcp *tcp);

#endif /* _XINET_PACKET_TAP_ORIGINAL_TCP_H */
