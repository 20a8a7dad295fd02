/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _XINET_FAMILY_H
#define _XINET_FAMILY_H

#include <linux/types.h>

/**
 * xinet_family_number() - the live number of PF_XINET
 *
 * Context: any; constant once the module has loaded.
 * Return: what the load parameter family= says.
 */
int xinet_family_number(void);

/**
 * xinet_family_check() - judge the load parameter family=
 *
 * Says why on the kernel log when the number cannot be used.
 *
 * Context: process, module init.
 * Return: 0; -EINVAL when the number is out of range; -EEXIST when it belongs
 * to a family that somebody implements.
 */
int xinet_family_check(void);

/**
 * xinet_family_register() - make socket(PF_XINET, ...) work
 *
 * To be called when everything that a socket needs is in place.
 *
 * Context: process, module init; may sleep.
 * Return: 0, or -EEXIST when the number is taken; says so on the kernel log.
 */
int xinet_family_register(void);

/**
 * xinet_family_unregister() - take socket(PF_XINET, ...) away
 *
 * On return no create call is running and none will start.
 *
 * Context: process; sleeps for an RCU grace period.
 */
void xinet_family_unregister(void);

#endif /* _XINET_FAMILY_H */
