// SPDX-License-Identifier: GPL-2.0-or-later
// Writers of capture files: pcap with time stamps in nanoseconds, and pcapng.
#pragma once

#include "xinet/captured_packet.h"
#include "xinet/file_descriptor.h"
#include "xinet/link_type.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)
namespace xinet {

/// Buffered output. Every function throws Error if writing fails.
class OutputFile {
public:
    /// Creates the file, for its owner alone to read and write, or truncates it.
    ///
    /// @param path "-" is standard output
    explicit OutputFile(const std::string& path);

    /// @param name what errors call the file
    OutputFile(FileDescriptor descriptor, std::string name);

    /// Waits until the descriptor takes PIPE_BUF bytes. Returns false to give up: then what is
    /// written throws Error.
    using AwaitRoom = std::function<bool(int descriptor)>;

    /// Lets @p await_room do the waiting for who reads the file, unless it is a regular one.
    /// Without it, a write that waits goes on when a signal has been handled.
    void wait_by(AwaitRoom await_room);

    void append(std::span<const std::byte> bytes);
    void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

    /// Returns room for @p size bytes, which the caller has to fill before the next call.
    std::byte* extend(std::size_t size) {
        if (size > room_ - used_) {
            make_room(size);
        }
        std::byte* const place = buffer_.get() + used_;
        used_ += size;
        return place;
    }

    const std::string& name() const noexcept { return name_; }

    /// Writes the buffer to the file. The destructor does not.
    void flush();

    /// flush(), and closes the file; some file systems tell only then what they could not write.
    void close();

private:
    void make_room(std::size_t size);
    std::size_t bytes_at_once(std::size_t size) const;

    FileDescriptor descriptor_;
    std::string name_;
    AwaitRoom await_room_;
    // A vector would clear what is about to be written.
    std::unique_ptr<std::byte[]> buffer_; // NOLINT(modernize-avoid-c-arrays)
    std::size_t room_;
    std::size_t used_ = 0;
};

/// What the header of the file contains.
struct CaptureDescription {
    LinkType link_type = LinkType::ethernet;
    std::uint32_t snapshot_length = 0; ///< in bytes
    std::string interface_name;        ///< these three only in pcapng; may be empty
    std::string filter;
    std::string application;
};

/// Every function throws Error if writing fails.
class CaptureWriter {
public:
    CaptureWriter() = default;
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;
    CaptureWriter(CaptureWriter&&) = delete;
    CaptureWriter& operator=(CaptureWriter&&) = delete;
    virtual ~CaptureWriter() = default;

    virtual void write(const CapturedPacket& packet) = 0;

    /// Whether interface_name, comment and process of a packet make a difference.
    virtual bool describes_packets() const { return false; }

    /// Writes all packets so far to the file.
    virtual void flush() = 0;

    /// Writes the end of the file, after the last packet, and closes it.
    virtual void finish(const CaptureStatistics& statistics) = 0;
};

/// These two write the header of the file. They throw Error if writing fails.
std::unique_ptr<CaptureWriter> make_pcap_writer(OutputFile file,
                                                const CaptureDescription& description);
std::unique_ptr<CaptureWriter> make_pcapng_writer(OutputFile file,
                                                  const CaptureDescription& description);

/// Whether make_writer() writes pcapng to @p path: it ends in ".pcapng", in whatever case.
bool names_pcapng(std::string_view path);

/// Writes pcapng or pcap, by the name of the file, see names_pcapng(). Throws Error if the file
/// cannot be written.
std::unique_ptr<CaptureWriter> make_writer(OutputFile file, const CaptureDescription& description);

} // namespace xinet
#pragma GCC visibility pop
