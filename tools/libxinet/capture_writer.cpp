// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/capture_writer.h"

#include "xinet/error.h"

#include <fcntl.h>
#include <poll.h>
#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace xinet {

namespace {

constexpr std::size_t buffer_bytes = 1 << 16;
/// A capture has what others have sent: passwords, cookies.
constexpr mode_t file_mode = S_IRUSR | S_IWUSR;

FileDescriptor open_output(const std::string& path) {
    const bool standard_output = path == "-";
    FileDescriptor descriptor(
        standard_output
            ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
            : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, file_mode));
    if (!descriptor) {
        throw Error("open for writing", standard_output ? "standard output" : path, errno);
    }
    return descriptor;
}

} // namespace

OutputFile::OutputFile(const std::string& path)
    : OutputFile(open_output(path), path == "-" ? "standard output" : path) {}

OutputFile::OutputFile(FileDescriptor descriptor, std::string name)
    : descriptor_(std::move(descriptor)), name_(std::move(name)),
      // NOLINTNEXTLINE(modernize-avoid-c-arrays)
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_bytes)), room_(buffer_bytes) {}

void OutputFile::append(std::span<const std::byte> bytes) {
    std::copy_n(bytes.data(), bytes.size(), extend(bytes.size()));
}

void OutputFile::make_room(std::size_t size) {
    flush();
    if (size > room_) {
        // NOLINTNEXTLINE(modernize-avoid-c-arrays)
        buffer_ = std::make_unique_for_overwrite<std::byte[]>(size);
        room_ = size;
    }
}

void OutputFile::wait_by(AwaitRoom await_room) {
    struct stat status {};
    if (::fstat(descriptor_.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        await_room_ = std::move(await_room);
    }
}

/// Of @p size; waits for the room.
std::size_t OutputFile::bytes_at_once(std::size_t size) const {
    if (!await_room_) {
        return size;
    }
    if (!await_room_(descriptor_.get())) {
        throw Error("write to", name_, 0, "nobody reads it: what came last is lost");
    }
    return std::min<std::size_t>(size, PIPE_BUF);
}

void OutputFile::flush() {
    std::span<const std::byte> rest(buffer_.get(), std::exchange(used_, 0));
    while (!rest.empty()) {
        const std::size_t size = bytes_at_once(rest.size());
        const ssize_t written = ::write(descriptor_.get(), rest.data(), size);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            // somebody else who has the file has made it so
            if (errno == EAGAIN) {
                pollfd item{.fd = descriptor_.get(), .events = POLLOUT, .revents = 0};
                if (!await_room_) {
                    ::poll(&item, 1, -1);
                }
                continue;
            }
            const int code = errno;
            throw Error("write to", name_, code,
                        code == ENOSPC ? "free some space; the file is cut short" : "");
        }
        rest = rest.subspan(static_cast<std::size_t>(written));
    }
}

void OutputFile::close() {
    flush();
    if (::close(descriptor_.release()) != 0) {
        throw Error("write to", name_, errno);
    }
}

bool names_pcapng(std::string_view path) {
    constexpr std::string_view suffix = ".pcapng";
    return path.size() >= suffix.size() && ::strncasecmp(path.data() + path.size() - suffix.size(),
                                                         suffix.data(), suffix.size()) == 0;
}

std::unique_ptr<CaptureWriter> make_writer(OutputFile file, const CaptureDescription& description) {
    return names_pcapng(file.name()) ? make_pcapng_writer(std::move(file), description)
                                     : make_pcap_writer(std::move(file), description);
}

} // namespace xinet
