// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/diag.h"

#include "libxinet/diag_message.h"
#include "xinet/error.h"
#include "xinet/family.h"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <exception>
#include <span>

namespace xinet {

namespace {

/// By enum xinet_drop_reason.
constexpr std::array<std::string_view, __XINET_DROP_REASONS> drop_names{
    "None",     "RcvBuf",     "NoMem",    "PfMemalloc", "RingFull",  "FrameOffsets", "VnetHdr",
    "LaneFull", "LaneFrozen", "LaneBusy", "XfrmPolicy", "CgroupBpf", "Security",     "Backlog"};

constexpr std::size_t buffer_bytes = XINET_DIAG_MSG_MAX;

[[noreturn]] void malformed(const char* what) {
    throw Error("understand", what, EBADMSG, "the loaded module may be of another version");
}

/// The value of an attribute that must be at least as long; a newer kernel may
/// have appended to it.
template<class Value>
Value value_of(const nlattr* attribute) {
    Value value{};
    if (mnl_attr_get_payload_len(attribute) < sizeof(value)) {
        malformed("a socket's attribute that is too short");
    }
    std::memcpy(&value, mnl_attr_get_payload(attribute), sizeof(value));
    return value;
}

template<class Value>
std::vector<Value> values_of(const nlattr* attribute) {
    std::vector<Value> result(mnl_attr_get_payload_len(attribute) / sizeof(Value));
    if (!result.empty()) {
        std::memcpy(result.data(), mnl_attr_get_payload(attribute), result.size() * sizeof(Value));
    }
    return result;
}

void take(const nlattr* attribute, SocketRecord& record) {
    switch (mnl_attr_get_type(attribute)) {
    case XINET_DIAG_DROPS:
        record.drops = value_of<std::uint64_t>(attribute);
        break;
    case XINET_DIAG_SHUTDOWN:
        record.shutdown = value_of<std::uint8_t>(attribute);
        break;
    case XINET_DIAG_MARK:
        record.mark = value_of<std::uint32_t>(attribute);
        break;
    case XINET_DIAG_MEMINFO:
        record.memory = value_of<decltype(record.memory)::value_type>(attribute);
        break;
    case XINET_DIAG_FILTER:
        record.filter = values_of<sock_filter>(attribute);
        break;
    case XINET_DIAG_FILTER_PROG_ID:
        record.filter_program_id = value_of<std::uint32_t>(attribute);
        break;
    case XINET_DIAG_ICMP_FILTER:
        record.icmp_filter = value_of<std::uint32_t>(attribute);
        break;
    case XINET_DIAG_PACKET_INFO:
        record.packet = value_of<xinet_diag_packet>(attribute);
        break;
    case XINET_DIAG_RX_RING:
        record.receive_ring = value_of<xinet_diag_ring>(attribute);
        break;
    case XINET_DIAG_TX_RING:
        record.send_ring = value_of<xinet_diag_ring>(attribute);
        break;
    case XINET_DIAG_RX_LANES:
        record.receive_lanes = value_of<xinet_diag_lanes>(attribute);
        break;
    case XINET_DIAG_DROP_REASONS:
        record.drop_reasons = values_of<std::uint64_t>(attribute);
        break;
    case XINET_DIAG_FANOUT:
        record.fanout = value_of<std::uint32_t>(attribute);
        break;
    case XINET_DIAG_MEMBERSHIPS:
        record.membership_count = value_of<std::uint32_t>(attribute);
        break;
    case XINET_DIAG_MEMBERSHIP:
        record.memberships.push_back(value_of<xinet_diag_membership>(attribute));
        break;
    default: // of a newer kernel
        break;
    }
}

struct Request {
    nlmsghdr header{};
    xinet_diag_req body{};
};
static_assert(sizeof(Request) == NLMSG_HDRLEN + sizeof(xinet_diag_req));

Request request_for(const SocketQuery& query, std::uint32_t sequence) {
    Request request;
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.header.nlmsg_seq = sequence;
    request.body.sdiag_family = static_cast<std::uint8_t>(family_number());
    request.body.kinds = query.kinds;
    request.body.states = query.states;
    request.body.show = query.show;
    return request;
}

struct Delivery {
    const std::function<void(const SocketRecord&)>& receiver;
    std::exception_ptr failure;
};

/// Called by C code, which no exception may pass through.
int deliver(const nlmsghdr* header, void* data) {
    auto& delivery = *static_cast<Delivery*>(data);
    try {
        delivery.receiver(
            parse_socket({reinterpret_cast<const std::byte*>(header), header->nlmsg_len}));
        return MNL_CB_OK;
    } catch (...) {
        delivery.failure = std::current_exception();
        return MNL_CB_ERROR;
    }
}

/// An answer that is no socket: what libmnl does by itself it leaves to the
/// caller who handles any control message.
int refuse(const nlmsghdr* header, void* /*data*/) {
    nlmsgerr error{};
    if (mnl_nlmsg_get_payload_len(header) < sizeof(error)) {
        errno = EBADMSG;
        return MNL_CB_ERROR;
    }
    std::memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
    if (error.error == 0) {
        return MNL_CB_STOP;
    }
    errno = -error.error;
    return MNL_CB_ERROR;
}

/// The end of the dump says whether it is complete; libmnl does not look.
int finish(const nlmsghdr* header, void* /*data*/) {
    int error = 0;
    if (mnl_nlmsg_get_payload_len(header) >= sizeof(error)) {
        std::memcpy(&error, mnl_nlmsg_get_payload(header), sizeof(error));
    }
    if (error < 0) {
        errno = -error;
        return MNL_CB_ERROR;
    }
    return MNL_CB_STOP;
}

[[noreturn]] void cannot_list(int code) {
    throw Error("list", "the sockets of PF_XINET", code,
                code == ENOENT ? "the xinet module is not loaded, or it is one without sock_diag"
                               : "");
}

} // namespace

std::string_view drop_reason_name(std::size_t reason) {
    return reason < drop_names.size() ? drop_names.at(reason) : "?";
}

SocketRecord parse_socket(std::span<const std::byte> message) {
    nlmsghdr header{};
    SocketRecord record;
    constexpr std::size_t attributes = MNL_ALIGN(NLMSG_HDRLEN + sizeof(record.base));
    if (message.size() < sizeof(header)) {
        malformed("a netlink message without header");
    }
    std::memcpy(&header, message.data(), sizeof(header));
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY || header.nlmsg_len < attributes ||
        header.nlmsg_len > message.size()) {
        malformed("a message that is not a socket's");
    }
    std::memcpy(&record.base, message.data() + NLMSG_HDRLEN, sizeof(record.base));

    std::size_t rest = header.nlmsg_len - attributes;
    const auto* attribute = reinterpret_cast<const nlattr*>(message.data() + attributes);
    while (mnl_attr_ok(attribute, static_cast<int>(rest))) {
        take(attribute, record);
        rest -= std::min<std::size_t>(rest, MNL_ALIGN(attribute->nla_len));
        attribute = mnl_attr_next(attribute);
    }
    if (rest != 0) {
        malformed("a socket's message that ends within an attribute");
    }
    return record;
}

void SocketLister::Closer::operator()(mnl_socket* socket) const {
    mnl_socket_close(socket);
}

SocketLister::SocketLister() : socket_(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC)) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        throw Error("open", "a netlink socket of NETLINK_SOCK_DIAG", errno);
    }
}

void SocketLister::list(const SocketQuery& query,
                        const std::function<void(const SocketRecord&)>& receiver) const {
    const auto sequence = static_cast<std::uint32_t>(std::time(nullptr));
    const Request request = request_for(query, sequence);
    if (mnl_socket_sendto(socket_.get(), &request, sizeof(request)) < 0) {
        cannot_list(errno);
    }

    std::vector<std::byte> buffer(buffer_bytes);
    Delivery delivery{receiver, nullptr};
    std::array<mnl_cb_t, NLMSG_DONE + 1> control{};
    control.at(NLMSG_DONE) = finish;
    control.at(NLMSG_ERROR) = refuse;
    int status = MNL_CB_OK;
    while (status > MNL_CB_STOP) {
        const auto size = mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size());
        if (size < 0) {
            if (errno == EINTR) {
                continue;
            }
            cannot_list(errno);
        }
        status = mnl_cb_run2(buffer.data(), static_cast<std::size_t>(size), sequence,
                             mnl_socket_get_portid(socket_.get()), deliver, &delivery,
                             control.data(), control.size());
    }
    if (delivery.failure) {
        std::rethrow_exception(delivery.failure);
    }
    if (status == MNL_CB_ERROR) {
        cannot_list(errno);
    }
}

} // namespace xinet
