// SPDX-License-Identifier: GPL-2.0-or-later
// Capture files: pcap with nanosecond stamps, and pcapng.
#pragma once

#include "xinet/captured_packet.h"
#include "xinet/file_descriptor.h"
#include "xinet/link_type.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace xinet {

/// Buffered output that reports every short write, with the file's name.
class OutputFile {
public:
    /// @param path "-" is standard output
    explicit OutputFile(const std::string& path);
    OutputFile(FileDescriptor descriptor, std::string name);

    void append(std::span<const std::byte> bytes);

    /// Room for @p size bytes, all of which the caller writes before the next call.
    std::byte* extend(std::size_t size) {
        if (size > room_ - used_) {
            make_room(size);
        }
        std::byte* const place = buffer_.get() + used_;
        used_ += size;
        return place;
    }

    void flush();

private:
    void make_room(std::size_t size);

    FileDescriptor descriptor_;
    std::string name_;
    // A vector would clear what is about to be written.
    std::unique_ptr<std::byte[]> buffer_; // NOLINT(modernize-avoid-c-arrays)
    std::size_t room_;
    std::size_t used_ = 0;
};

/// What the file says about itself.
struct CaptureDescription {
    LinkType link_type = LinkType::ethernet;
    std::uint32_t snapshot_length = 0;
    std::string interface_name;
    std::string filter;
    std::string application;
};

class CaptureWriter {
public:
    CaptureWriter() = default;
    CaptureWriter(const CaptureWriter&) = delete;
    CaptureWriter& operator=(const CaptureWriter&) = delete;
    CaptureWriter(CaptureWriter&&) = delete;
    CaptureWriter& operator=(CaptureWriter&&) = delete;
    virtual ~CaptureWriter() = default;

    virtual void write(const CapturedPacket& packet) = 0;

    /// All written so far reaches the file.
    virtual void flush() = 0;

    /// After the last packet: what the format says at the end, and flush().
    virtual void finish(const CaptureStatistics& statistics) = 0;
};

std::unique_ptr<CaptureWriter> make_pcap_writer(OutputFile file,
                                                const CaptureDescription& description);
std::unique_ptr<CaptureWriter> make_pcapng_writer(OutputFile file,
                                                  const CaptureDescription& description);

/// pcapng when @p path ends in ".pcapng", else pcap.
std::unique_ptr<CaptureWriter> make_writer(const std::string& path,
                                           const CaptureDescription& description);

} // namespace xinet
