// SPDX-License-Identifier: GPL-2.0-or-later
// Socket calls exactly as the kernel sees them. No library and no sanitizer looks at the arguments
// first, so that a test may hand over pointers and lengths that no sane program would.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace xt::sys {

inline long bind(int fd, const void* address, long length) {
    return syscall(SYS_bind, fd, address, length);
}

inline long connect(int fd, const void* address, long length) {
    return syscall(SYS_connect, fd, address, length);
}

inline long sendto(int fd, const void* data, size_t size, int flags, const void* address,
                   long length) {
    return syscall(SYS_sendto, fd, data, size, flags, address, length);
}

inline long sendmsg(int fd, const void* message, int flags) {
    return syscall(SYS_sendmsg, fd, message, flags);
}

inline long recvfrom(int fd, void* data, size_t size, int flags, void* address, void* length) {
    return syscall(SYS_recvfrom, fd, data, size, flags, address, length);
}

inline long recvmsg(int fd, void* message, int flags) {
    return syscall(SYS_recvmsg, fd, message, flags);
}

inline long setsockopt(int fd, int level, int name, const void* value, long length) {
    return syscall(SYS_setsockopt, fd, level, name, value, length);
}

inline long getsockopt(int fd, int level, int name, void* value, void* length) {
    return syscall(SYS_getsockopt, fd, level, name, value, length);
}

inline long getsockname(int fd, void* address, void* length) {
    return syscall(SYS_getsockname, fd, address, length);
}

inline long getpeername(int fd, void* address, void* length) {
    return syscall(SYS_getpeername, fd, address, length);
}

} // namespace xt::sys
