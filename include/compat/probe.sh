#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Probes the headers of the kernel that xinet.ko is built for and prints one
# -DXINET_HAVE_* per interface found. Called by Kbuild with the source tree of
# the kernel. Probing asks what the headers say, never which version they are:
# distributions backport.

srctree=$1

# has NAME FILE REGEX: NAME is defined when REGEX (awk's) matches in FILE.
# Newlines and tabs count as spaces, so a declaration may span lines.
has() {
	[ -e "$srctree/include/$2" ] || return 0
	if tr -s '\n\t ' '   ' < "$srctree/include/$2" |
	   grep -Eq "$3"; then
		printf ' -DXINET_HAVE_%s' "$1"
	fi
}

has SOCKADDR_UNSIZED linux/socket.h 'struct sockaddr_unsized \{'
has RECV_ERROR_ADDR_LEN net/inet_common.h 'inet_recv_error\([^)]*int \*addr_len'
has IMPORT_NS_STRING linux/module.h \
	'define MODULE_IMPORT_NS\(ns\) MODULE_INFO\(import_ns, ns\)'

# af_xinet/, inet/, ip/
has INET_FLAGS net/inet_sock.h 'unsigned long inet_flags;'
has IPH_TOTLEN linux/ip.h 'unsigned int iph_totlen\('
has ROUTE_INPUT_DSCP net/route.h 'ip_route_input_noref\([^)]*, dscp_t dscp'
has SOCK_CMSG_SEND_MSG net/sock.h \
	'__sock_cmsg_send\(struct sock \*sk, struct msghdr'
has SK_UID net/sock.h 'kuid_t sk_uid\('
has PROTO_ACCEPT_ARG linux/net.h 'struct proto_accept_arg'
has CGROUP_BIND_ADDRLEN linux/bpf-cgroup.h \
	'define BPF_CGROUP_RUN_PROG_INET_BIND_LOCK\(sk, uaddr, uaddrlen,'
has SOCKOPT_INIT_USER linux/net.h 'int sockopt_init_user\('

# packet/
has CUSTOM_SOCKOPT linux/net.h 'SOCK_CUSTOM_SOCKOPT'
has VM_FLAGS_CLEAR linux/mm.h 'void vm_flags_clear\('
has HRTIMER_SETUP linux/hrtimer.h 'void hrtimer_setup\('
has GETSOCKOPT_ITER linux/net.h '\(\*getsockopt_iter\) ?\('
has SKB_FRAGS_READABLE linux/skbuff.h 'bool skb_frags_readable\('
has SK_DROPS_INC net/sock.h 'void sk_drops_inc\('
has VLAN_GET_PROTOCOL_OFFSET_INLINE linux/if_vlan.h \
	'vlan_get_protocol_offset_inline\('
has SOCKCM_PRIORITY net/sock.h 'struct sockcm_cookie \{[^}]* u32 priority;'
has SKB_TSTAMP_TYPE linux/skbuff.h '__u8 tstamp_type:2;'
has SKB_MONO_DELIVERY_TIME linux/skbuff.h '__u8 mono_delivery_time:1;'
has SKB_SET_DELIVERY_TYPE linux/skbuff.h 'skb_set_delivery_type_by_clockid\('
has TX_TIMESTAMP_COOKIE net/sock.h \
	'void skb_setup_tx_timestamp\([^)]*struct sockcm_cookie'
has LOOKUP_WITHOUT_HASHINFO net/inet_hashtables.h \
	'__inet_lookup_established\(const struct net \*net, const __be32 saddr'
has NET_GSO net/gso.h '__skb_gso_segment\('
has SKBUFF_REF linux/skbuff_ref.h 'skb_frag_ref\('
has NETNS_PTYPE_ALL net/net_namespace.h 'struct list_head ptype_all;'
has KFREE_SKB_RX_SK trace/events/skb.h \
	'enum skb_drop_reason reason, struct sock \*rx_sk'
has KFREE_SKB_CONST_RX_SK trace/events/skb.h \
	'enum skb_drop_reason reason, const struct sock \*rx_sk'
has CONSUME_SKB_LOCATION trace/events/skb.h \
	'TP_PROTO\(struct sk_buff \*skb, void \*location\)'
has TRACEPOINT_SRCU linux/tracepoint.h 'srcu_fast_notrace\)\(&tracepoint_srcu'
has DROP_REASON_SUBSYS net/dropreason.h 'struct drop_reason_list \{'
