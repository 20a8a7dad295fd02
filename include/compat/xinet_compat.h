/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between kernels that every file needs; include/compat/ is the
 * only place that handles them. Force-included before every file of the module;
 * XINET_HAVE_* come from probe.sh. Everything here means the same on every
 * kernel, as on the newest; no name of the kernel's own is redefined.
 */
#ifndef _XINET_COMPAT_H
#define _XINET_COMPAT_H

/* The prefix of every kernel message. */
#ifndef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#endif

#include <linux/socket.h>

/* struct xinet_sockaddr: address type of proto_ops' bind() and connect(). */
#ifdef XINET_HAVE_SOCKADDR_UNSIZED
#define xinet_sockaddr	sockaddr_unsized
#else
#define xinet_sockaddr	sockaddr
#endif

/*
 * A variable of per-packet code that is filled in before it is read, and that kernels
 * need not clear (CONFIG_INIT_STACK_ALL_ZERO).
 */
#if __has_attribute(__uninitialized__)
#define xinet_uninitialized	__attribute__((__uninitialized__))
#else
#define xinet_uninitialized
#endif

/* MODULE_IMPORT_NS() for the symbols of EXPORT_SYMBOL_IF_KUNIT(). */
#ifdef XINET_HAVE_IMPORT_NS_STRING
#define XINET_IMPORT_NS_FOR_KUNIT \
	MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#else
#define XINET_IMPORT_NS_FOR_KUNIT \
	MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#endif

#endif /* _XINET_COMPAT_H */
