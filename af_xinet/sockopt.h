/* SPDX-License-Identifier: GPL-2.0-only */
/* How the value of a socket option gets from and to a program. */
#ifndef _XINET_SOCKOPT_H
#define _XINET_SOCKOPT_H

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/**
 * xinet_sockopt_get_int() - read the value of an int option
 * @val: where it goes
 * @optval: of setsockopt()
 * @optlen: bytes at @optval; may be more than an int has
 *
 * Context: process; reads @optval once.
 * Return: 0; -EINVAL when @optlen is too short; -EFAULT.
 */
static inline int xinet_sockopt_get_int(int *val, sockptr_t optval,
					unsigned int optlen)
{
	if (optlen < sizeof(*val))
		return -EINVAL;
	return copy_from_sockptr(val, optval, sizeof(*val)) ? -EFAULT : 0;
}

/**
 * xinet_sockopt_get_exact_int() - read the value of an int option of exact length
 * @val: where it goes
 * @optval: of setsockopt()
 * @optlen: bytes at @optval
 *
 * Context: process; reads @optval once.
 * Return: 0; -EINVAL when @optlen is not that of an int; -EFAULT.
 */
static inline int xinet_sockopt_get_exact_int(int *val, sockptr_t optval,
					      unsigned int optlen)
{
	if (optlen != sizeof(*val))
		return -EINVAL;
	return xinet_sockopt_get_int(val, optval, optlen);
}

/**
 * xinet_sockopt_put() - write the value of an option
 * @val: the value
 * @size: its bytes
 * @optval: of getsockopt()
 * @optlen: int, in: room at @optval, out: bytes stored
 *
 * A program with less room gets the first bytes.
 *
 * Context: process.
 * Return: 0; -EINVAL when the room is negative; -EFAULT.
 */
static inline int xinet_sockopt_put(const void *val, int size,
				    char __user *optval, int __user *optlen)
{
	int len;

	if (get_user(len, optlen))
		return -EFAULT;
	if (len < 0)
		return -EINVAL;

	len = min(len, size);
	if (put_user(len, optlen) || copy_to_user(optval, val, len))
		return -EFAULT;
	return 0;
}

#endif /* _XINET_SOCKOPT_H */
