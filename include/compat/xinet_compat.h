/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only place that knows how kernels differ. Force-included before every
 * file of the module; XINET_HAVE_* come from probe.sh. What it offers has one
 * meaning on every kernel, that of the newest; nothing here redefines a name
 * of the kernel's own.
 */
#ifndef _XINET_COMPAT_H
#define _XINET_COMPAT_H

/* Every message says whose it is. */
#ifndef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#endif

#include <linux/socket.h>

/* struct xinet_sockaddr: what proto_ops' bind() and connect() take. */
#ifdef XINET_HAVE_SOCKADDR_UNSIZED
#define xinet_sockaddr	sockaddr_unsized
#else
#define xinet_sockaddr	sockaddr
#endif

/* MODULE_IMPORT_NS() of what EXPORT_SYMBOL_IF_KUNIT() exports. */
#ifdef XINET_HAVE_IMPORT_NS_STRING
#define XINET_IMPORT_NS_FOR_KUNIT \
	MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#else
#define XINET_IMPORT_NS_FOR_KUNIT \
	MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#endif

#endif /* _XINET_COMPAT_H */
