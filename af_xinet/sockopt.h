/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies values of socket options from and to programs. */
#ifndef _XINET_SOCKOPT_H
#define _XINET_SOCKOPT_H

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sockptr.h>
#include <linux/types.h>
#include <linux/uaccess.h>

/**
 * xinet_sockopt_get_int() - read the value of an int option
 * @val: set to the value
 * @optval: of setsockopt()
 * @optlen: bytes at @optval; more than an int is accepted
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
 * xinet_sockopt_get_exact_int() - read an int option of exact length
 * @val: set to the value
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
 * @size: its length in bytes
 * @optval: of getsockopt()
 * @optlen: int, in: bytes available at @optval, out: bytes stored
 *
 * A shorter buffer gets the first bytes.
 *
 * Context: process.
 * Return: 0; -EINVAL when the length is negative; -EFAULT.
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
