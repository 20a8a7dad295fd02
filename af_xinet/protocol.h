/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_PROTOCOL_H
#define _XINET_PROTOCOL_H

#include <linux/types.h>

/**
 * xinet_protocol_get() - a socket or handler begins to receive an IP protocol
 * @protocol: IP protocol number
 *
 * While there is one, the kernel does not tell senders that nobody speaks the
 * protocol here (RFC 1122, section 3.2.2.1), unless that is so: no handler, and
 * no raw socket of either family wants the packet.
 *
 * Context: process; may sleep.
 */
void xinet_protocol_get(u8 protocol);

/**
 * xinet_protocol_put() - undo one xinet_protocol_get()
 * @protocol: IP protocol number
 *
 * Context: process; may sleep, never waits for a grace period.
 */
void xinet_protocol_put(u8 protocol);

/**
 * xinet_protocol_exit() - let go of every protocol
 *
 * Context: process, module exit; no socket or handler is left.
 */
void xinet_protocol_exit(void);

#endif /* _XINET_PROTOCOL_H */
