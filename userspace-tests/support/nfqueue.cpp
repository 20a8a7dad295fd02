// SPDX-License-Identifier: GPL-2.0-or-later
#include "nfqueue.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <system_error>

#include "netns.h"
#include "traffic.h"
#include "wire.h"

namespace xt {
namespace {

constexpr size_t buffer_size = 8192; // what libmnl wants for a message
constexpr uint32_t whole_packet = 0xffff;

template<typename Queued>
int take_attribute(const nlattr* attribute, void* data) {
    auto& queued = *static_cast<Queued*>(data);
    const void* const payload = mnl_attr_get_payload(attribute);
    if (mnl_attr_get_type(attribute) == NFQA_PACKET_HDR)
        queued.packet = ntohl(static_cast<const nfqnl_msg_packet_hdr*>(payload)->packet_id);
    else if (mnl_attr_get_type(attribute) == NFQA_PAYLOAD)
        queued.bytes.assign(static_cast<const char*>(payload), mnl_attr_get_payload_len(attribute));
    return MNL_CB_OK;
}

} // namespace

void queue_input(int priority, uint16_t queue) {
    nft("table ip xtqueue { chain hooked { type filter hook input priority " +
        std::to_string(priority) + "; ip protocol " + std::to_string(experimental_protocol) +
        " queue num " + std::to_string(queue) + "; }; }");
}

bool has_nfqueue() {
    try {
        NetNs::create().run([] {
            queue_input(0, 0);
            Nfqueue(0);
        });
    } catch (const std::runtime_error&) {
        return false;
    }
    return true;
}

Nfqueue::Nfqueue(uint16_t number)
    : socket_(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC)), number_(number) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0)
        throw std::system_error(errno, std::generic_category(), "NETLINK_NETFILTER");

    std::array<char, buffer_size> buffer{};
    nlmsghdr* request = put_request(buffer.data(), NFQNL_MSG_CONFIG);
    const nfqnl_msg_config_cmd bind{.command = NFQNL_CFG_CMD_BIND, ._pad = 0, .pf = 0};
    mnl_attr_put(request, NFQA_CFG_CMD, sizeof(bind), &bind);
    const nfqnl_msg_config_params copy{.copy_range = htonl(whole_packet),
                                       .copy_mode = NFQNL_COPY_PACKET};
    mnl_attr_put(request, NFQA_CFG_PARAMS, sizeof(copy), &copy);
    if (const int error = ask(request))
        throw std::system_error(error, std::generic_category(), "NFQNL_CFG_CMD_BIND");
}

nlmsghdr* Nfqueue::put_request(void* buffer, uint16_t message) const {
    nlmsghdr* const request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = uint16_t(NFNL_SUBSYS_QUEUE << 8 | message);
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* const header =
        static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(nfgenmsg)));
    header->nfgen_family = AF_UNSPEC;
    header->version = NFNETLINK_V0;
    header->res_id = htons(number_);
    return request;
}

int Nfqueue::ask(const nlmsghdr* request) {
    if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0)
        return errno;
    for (;;)
        if (const auto answer = receive())
            return *answer;
}

std::optional<int> Nfqueue::receive() {
    std::optional<int> answer;
    const int fd = mnl_socket_get_fd(socket_.get());
    if (!wait_readable(fd))
        throw std::system_error(ETIMEDOUT, std::generic_category(), "NFQUEUE");

    std::array<char, buffer_size> buffer{};
    auto left = int(checked(mnl_socket_recvfrom(socket_.get(), buffer.data(), buffer.size()),
                            "receive from NFQUEUE"));
    const auto* message = reinterpret_cast<const nlmsghdr*>(buffer.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_type == NLMSG_ERROR) {
            const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(message));
            answer = -error->error;
            continue;
        }
        Queued queued{};
        mnl_attr_parse(message, sizeof(nfgenmsg), take_attribute<Queued>, &queued);
        waiting_.push_back(std::move(queued));
    }
    return answer;
}

uint32_t Nfqueue::await(const std::string& mark) {
    for (;;) {
        const auto found = std::find_if(waiting_.begin(), waiting_.end(), [&](const Queued& one) {
            return one.bytes.find(mark) != std::string::npos;
        });
        if (found != waiting_.end()) {
            const uint32_t packet = found->packet;
            waiting_.erase(found);
            return packet;
        }
        receive();
    }
}

int Nfqueue::accept(uint32_t packet) {
    return give_verdict(packet, NF_ACCEPT);
}

int Nfqueue::drop(uint32_t packet) {
    return give_verdict(packet, NF_DROP);
}

int Nfqueue::give_verdict(uint32_t packet, uint32_t verdict) {
    std::array<char, buffer_size> buffer{};
    nlmsghdr* request = put_request(buffer.data(), NFQNL_MSG_VERDICT);
    const nfqnl_msg_verdict_hdr header{.verdict = htonl(verdict), .id = htonl(packet)};
    mnl_attr_put(request, NFQA_VERDICT_HDR, sizeof(header), &header);
    return ask(request);
}

} // namespace xt
