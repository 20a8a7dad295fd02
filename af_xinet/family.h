/* SPDX-License-Identifier: GPL-2.0-only */
/* The family's number and its registration. */
#ifndef _XINET_FAMILY_H
#define _XINET_FAMILY_H

#include <linux/types.h>

/**
 * xinet_family_number() - the live number of PF_XINET
 *
 * Context: any; constant once the module has loaded.
 * Return: the load parameter family=.
 */
int xinet_family_number(void);

/**
 * xinet_family_check() - check the load parameter family=
 *
 * Logs why a number cannot be used.
 *
 * Context: process, module init.
 * Return: 0; -EINVAL when the number is out of range; -EEXIST when it is not a
 * retired one.
 */
int xinet_family_check(void);

/**
 * xinet_family_register() - make socket(PF_XINET, ...) work
 *
 * To be called when everything that a socket needs is ready.
 *
 * Context: process, module init; may sleep.
 * Return: 0, or -EEXIST, which is logged, when the number is taken.
 */
int xinet_family_register(void);

/**
 * xinet_family_unregister() - make socket(PF_XINET, ...) fail
 *
 * On return no create call is running and none will start.
 *
 * Context: process; sleeps for an RCU grace period.
 */
void xinet_family_unregister(void);

#endif /* _XINET_FAMILY_H */
