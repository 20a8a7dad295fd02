// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ping.h"

#include "libxinet/signals.h"
#include "libxinet/socket_io.h"
#include "program/ping_packet.h"
#include "program/ping_report.h"
#include "program/ping_statistics.h"
#include "program/print_error.h"
#include "xinet/capture_writer.h"
#include "xinet/error.h"
#include "xinet/interface.h"
#include "xinet/raw_socket.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/icmp.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <random>
#include <thread>
#include <unordered_map>

namespace xinet {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// Between requests with -i 0 when nothing answers, and between attempts when
/// the device queue is full.
constexpr nanoseconds shortest_pause = milliseconds(10);

struct Destination {
    in_addr address{};
    bool was_name = false;
};

Destination resolve(const std::string& host) {
    Destination destination;
    if (::inet_aton(host.c_str(), &destination.address) != 0) {
        return destination;
    }
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_RAW;
    addrinfo* list = nullptr;
    const int status = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (status != 0) {
        throw Error("find the address of", host, 0, ::gai_strerror(status));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(list, &::freeaddrinfo);
    sockaddr_in found{};
    std::copy_n(reinterpret_cast<const std::byte*>(list->ai_addr), sizeof(found),
                reinterpret_cast<std::byte*>(&found));
    destination.address = found.sin_addr;
    destination.was_name = true;
    return destination;
}

/// Where the name of @p address can be read when it is known; there is nothing to read if it has
/// none. Found by a thread that nobody waits for: a resolver may take minutes.
FileDescriptor look_up(in_addr address) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        throw Error("open", "a pair of sockets", errno);
    }
    FileDescriptor answer(ends[0]);
    std::thread([address, end = FileDescriptor(ends[1])] {
        sockaddr_in key{};
        key.sin_family = AF_INET;
        key.sin_addr = address;
        std::array<char, NI_MAXHOST> name{};
        if (::getnameinfo(as_sockaddr(key), sizeof(key), name.data(), name.size(), nullptr, 0,
                          NI_NAMEREQD) == 0) {
            ::send(end.get(), name.data(), ::strlen(name.data()), MSG_NOSIGNAL);
        }
    }).detach();
    return answer;
}

/// "name (address)" where the resolver knows one; asked once per address.
class NameBook {
public:
    NameBook(bool look_up, const Signals& signals) : look_up_(look_up), signals_(signals) {}

    /// @param patience with the resolver, when it is asked; later, what it has said by then is
    /// taken
    const std::string& describe(in_addr address, nanoseconds patience) {
        const auto [entry, fresh] = names_.try_emplace(address.s_addr);
        Name& name = entry->second;
        if (fresh) {
            name.text = address_text(address);
            name.answer = look_up_ ? look_up(address) : FileDescriptor();
        }
        if (name.answer &&
            signals_.wait(name.answer.get(), fresh ? patience : nanoseconds::zero())) {
            std::array<char, NI_MAXHOST> found{};
            if (::read(name.answer.get(), found.data(), found.size() - 1) > 0) {
                name.text = fmt::format("{} ({})", found.data(), name.text);
            }
            name.answer.reset();
        }
        return name.text;
    }

private:
    struct Name {
        std::string text;
        FileDescriptor answer; ///< none: it has been read
    };

    bool look_up_;
    const Signals& signals_;
    std::unordered_map<in_addr_t, Name> names_;
};

/// Applies -I, which is an address of this host or the name of an interface.
void apply_source(RawSocket& socket, const std::string& source) {
    in_addr address{};
    if (source.empty()) {
        return;
    }
    if (::inet_pton(AF_INET, source.c_str(), &address) == 1) {
        socket.bind_address(address);
    } else {
        socket.bind_device(source);
    }
}

RawSocket open_ping_socket(const PingOptions& options) {
    constexpr auto bit = [](int type) { return std::uint32_t{1} << static_cast<unsigned>(type); };
    constexpr std::uint32_t wanted = bit(ICMP_ECHOREPLY) | bit(ICMP_DEST_UNREACH) |
                                     bit(ICMP_SOURCE_QUENCH) | bit(ICMP_REDIRECT) |
                                     bit(ICMP_TIME_EXCEEDED) | bit(ICMP_PARAMETERPROB);
    RawSocket socket(options.engine, IPPROTO_ICMP);
    if (options.point) {
        socket.set_point(*options.point);
    }
    socket.set_icmp_filter(~wanted);
    if (options.ttl) {
        socket.set_ttl(*options.ttl);
    }
    apply_source(socket, options.source);
    return socket;
}

/// Which address the kernel would send from; throws when no route leads to the
/// destination. A socket of its own, since a connected one is deaf to routers.
in_addr probe_source(const PingOptions& options, in_addr destination) {
    RawSocket probe(options.engine, IPPROTO_ICMP);
    probe.set_icmp_filter(~std::uint32_t{0});
    apply_source(probe, options.source);
    probe.connect(destination);
    return probe.local_address();
}

PingTarget make_target(const PingOptions& options, in_addr destination) {
    PingTarget target{.host = options.host,
                      .address = destination,
                      .source = probe_source(options, destination),
                      .device = {},
                      .show_source = !options.source.empty()};
    if (destination.s_addr == INADDR_ANY) {
        target.address = target.source;
    }
    in_addr ignored{};
    if (::inet_pton(AF_INET, options.source.c_str(), &ignored) != 1) {
        target.device = options.source;
    }
    return target;
}

class PingSession {
public:
    PingSession(const PingOptions& options, const Destination& destination)
        : options_(options), target_(make_target(options, destination.address)),
          names_(destination.was_name && !options.numeric, signals_),
          identity_{.identifier = static_cast<std::uint16_t>(std::random_device{}()),
                    .target = target_.address,
                    .any_source = IN_MULTICAST(ntohl(target_.address.s_addr))},
          socket_(open_ping_socket(options)), buffer_(largest_datagram) {
        output_.wait_by([this](int output) { return signals_.await_room(output); });
    }

    int run();

private:
    static constexpr std::size_t largest_datagram = 65536;

    bool may_send() const;
    bool complete();
    bool back_to_back() const { return options_.interval == nanoseconds::zero(); }
    void send_when_due();
    void send_request();
    void schedule_after(nanoseconds pause);
    Clock::time_point waking_time() const;
    Clock::time_point end_time() const;
    void receive_all();
    void handle(const EchoReply& reply, const RawDatagram& datagram);
    void handle(const EchoError& error, const RawDatagram& datagram);
    void note_in_flight(std::uint16_t sequence);
    const std::string& describe(in_addr address);
    void print(const std::string& text);
    void print_statistics();

    const PingOptions& options_;
    Signals signals_{{SIGINT, SIGTERM}, {SIGQUIT}};
    PingTarget target_;
    NameBook names_;
    EchoIdentity identity_;
    OutputFile output_{"-"};
    RawSocket socket_;
    std::vector<std::byte> buffer_;
    PingCounts counts_;
    SequenceWindow window_;
    Clock::time_point started_ = Clock::now();
    Clock::time_point last_event_ = started_;
    Clock::time_point last_sent_ = started_;
    Clock::time_point next_send_ = started_;
};

/// With a deadline, -c counts replies and requests go on until it passes.
bool PingSession::may_send() const {
    return !options_.count || counts_.transmitted < *options_.count || options_.deadline;
}

bool PingSession::complete() {
    if (signals_.stopped() || (options_.deadline && counts_.errors != 0)) {
        return true;
    }
    return options_.count && counts_.received + counts_.errors >= *options_.count;
}

/// When to give up: at the deadline, or, all requests sent, once an answer to
/// the last one has become unlikely.
Clock::time_point PingSession::end_time() const {
    if (options_.deadline) {
        return started_ + *options_.deadline;
    }
    if (may_send()) {
        return Clock::time_point::max();
    }
    if (counts_.received == 0) {
        return last_sent_ + options_.linger;
    }
    const auto patience = std::max(options_.interval, shortest_pause);
    return last_sent_ + std::max(patience, 2 * counts_.trips.most());
}

Clock::time_point PingSession::waking_time() const {
    return may_send() ? std::min(next_send_, end_time()) : end_time();
}

int PingSession::run() {
    if (!options_.json) {
        print(header_text(target_, options_.payload_bytes));
    }
    while (!complete() && Clock::now() < end_time()) {
        send_when_due();
        const auto limit = waking_time() - Clock::now();
        const bool ready = signals_.wait(socket_.descriptor(), limit);
        if (signals_.request()) {
            print_error("{}", progress_text(counts_));
        }
        if (ready) {
            receive_all();
        }
    }
    print_statistics();
    output_.close();
    const bool too_few = options_.deadline && options_.count && counts_.received < *options_.count;
    return counts_.received == 0 || too_few ? ExitStatus::no_reply : ExitStatus::success;
}

void PingSession::send_when_due() {
    if (may_send() && Clock::now() >= next_send_) {
        send_request();
    }
}

void PingSession::schedule_after(nanoseconds pause) {
    // Keep the pace unless we are late by a whole interval.
    next_send_ = std::max(next_send_ + pause, last_event_);
}

void PingSession::send_request() {
    const auto sequence = static_cast<std::uint16_t>(counts_.transmitted + 1);
    const auto message =
        build_echo_request(identity_.identifier, sequence, options_.payload_bytes, now());
    const int code = socket_.send(message, target_.address);
    last_event_ = Clock::now();
    if (code == ENOBUFS || code == ENOMEM || code == EAGAIN) {
        next_send_ = last_event_ + shortest_pause;
        return;
    }
    // What the kernel refused counts as sent and lost.
    last_sent_ = last_event_;
    ++counts_.transmitted;
    window_.sent(sequence);
    schedule_after(back_to_back() ? shortest_pause : options_.interval);
    if (code != 0) {
        print_error("xinet: cannot send icmp_seq={} to {}: {}\n", sequence,
                    address_text(target_.address), errno_text(code));
    }
}

void PingSession::receive_all() {
    while (!complete()) {
        const auto datagram = socket_.receive(buffer_);
        if (!datagram) {
            return;
        }
        const EchoEvent event = parse_echo_event(datagram->data, datagram->source, identity_);
        if (const auto* reply = std::get_if<EchoReply>(&event)) {
            handle(*reply, *datagram);
        } else if (const auto* error = std::get_if<EchoError>(&event)) {
            handle(*error, *datagram);
        }
    }
}

void PingSession::note_in_flight(std::uint16_t sequence) {
    const auto behind = static_cast<std::uint16_t>(counts_.transmitted - sequence);
    counts_.most_in_flight = std::max<std::uint64_t>(counts_.most_in_flight, behind + 1U);
}

void PingSession::handle(const EchoReply& reply, const RawDatagram& datagram) {
    if (!window_.knows(reply.sequence)) {
        return;
    }
    last_event_ = Clock::now();
    ReplyLine line{.from = describe(datagram.source),
                   .reply = reply,
                   .duplicate = false,
                   .trip = std::nullopt};
    if (!reply.checksum_ok) {
        ++counts_.corrupted;
    } else {
        note_in_flight(reply.sequence);
        line.duplicate = window_.answered(reply.sequence) == SequenceWindow::Answer::duplicate;
        ++(line.duplicate ? counts_.duplicates : counts_.received);
        // The clock may have been set back, and the stamp was in other hands.
        if (reply.sent && options_.payload_bytes >= stamp_length &&
            *reply.sent <= datagram.timestamp) {
            line.trip = datagram.timestamp - *reply.sent;
            counts_.trips.add(*line.trip);
        }
        if (back_to_back()) {
            next_send_ = last_event_;
        }
    }
    if (!options_.quiet) {
        print(options_.json ? reply_json(line) : reply_text(line));
    }
}

void PingSession::handle(const EchoError& error, const RawDatagram& datagram) {
    if (!window_.knows(error.sequence)) {
        return;
    }
    last_event_ = Clock::now();
    if (means_loss(error)) {
        note_in_flight(error.sequence);
        ++counts_.errors;
    }
    if (!options_.quiet) {
        const ErrorLine line{.from = describe(datagram.source), .error = error};
        print(options_.json ? error_json(line) : error_text(line));
    }
}

/// Requests and the end do not wait long for a name.
const std::string& PingSession::describe(in_addr address) {
    constexpr nanoseconds patience = std::chrono::seconds(1);
    return names_.describe(address, std::min(patience, nanoseconds(end_time() - Clock::now())));
}

void PingSession::print(const std::string& text) {
    output_.append(text);
    output_.flush();
}

void PingSession::print_statistics() {
    const auto elapsed = last_event_ - started_;
    print(options_.json ? statistics_json(target_, counts_, elapsed)
                        : statistics_text(target_.host, counts_, elapsed));
}

} // namespace

int run_ping(const PingOptions& options) {
    const auto session = std::make_unique<PingSession>(options, resolve(options.host));
    return session->run();
}

} // namespace xinet
