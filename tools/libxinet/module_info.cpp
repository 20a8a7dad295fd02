// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/module_info.h"

#include "libxinet/netlink_socket.h"

#include <linux/genetlink.h>
#include <linux/xinet.h>

#include <array>
#include <cstdint>
#include <span>

namespace xinet {

namespace {

constexpr std::size_t buffer_size = 8192; // what libmnl wants for a message

/// The attributes of one generic netlink message that are asked for.
struct Answer {
    std::optional<std::uint16_t> genl_family;
    ModuleInfo info;
};

int take_family_id(const nlattr* attribute, void* answer) {
    if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID &&
        mnl_attr_validate(attribute, MNL_TYPE_U16) == 0) {
        static_cast<Answer*>(answer)->genl_family = mnl_attr_get_u16(attribute);
    }
    return MNL_CB_OK;
}

int take_info(const nlattr* attribute, void* answer) {
    ModuleInfo& info = static_cast<Answer*>(answer)->info;
    const int type = mnl_attr_get_type(attribute);
    if (type == XINET_INFO_FAMILY && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
        info.family = static_cast<int>(mnl_attr_get_u32(attribute));
    } else if (type == XINET_INFO_VERSION &&
               mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0) {
        info.version = mnl_attr_get_str(attribute);
    }
    return MNL_CB_OK;
}

template<mnl_attr_cb_t take>
int take_message(const nlmsghdr* message, void* answer) {
    return mnl_attr_parse(message, sizeof(genlmsghdr), take, answer);
}

/// Sends one request and hands the answer to `take`; false when there is none.
bool ask(mnl_socket* socket, std::uint16_t type, std::uint8_t command, const char* name,
         mnl_cb_t take, Answer& answer) {
    std::array<char, buffer_size> buffer{};
    nlmsghdr* const message = mnl_nlmsg_put_header(buffer.data());
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    auto* const header =
        static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(message, sizeof(genlmsghdr)));
    header->cmd = command;
    header->version = XINET_GENL_VERSION;
    if (name != nullptr) {
        mnl_attr_put_strz(message, CTRL_ATTR_FAMILY_NAME, name);
    }
    if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0) {
        return false;
    }
    // The acknowledgement, which ends the run, comes behind the answer.
    int state = MNL_CB_OK;
    while (state == MNL_CB_OK) {
        const auto size = mnl_socket_recvfrom(socket, buffer.data(), buffer.size());
        if (size < 0) {
            return false;
        }
        state = mnl_cb_run(buffer.data(), static_cast<std::size_t>(size), 0,
                           mnl_socket_get_portid(socket), take, &answer);
    }
    return state == MNL_CB_STOP;
}

} // namespace

std::optional<ModuleInfo> query_module_info() {
    const NetlinkSocket socket = open_netlink_socket(NETLINK_GENERIC);
    Answer answer;
    if (!socket ||
        !ask(socket.get(), GENL_ID_CTRL, CTRL_CMD_GETFAMILY, XINET_GENL_NAME,
             take_message<take_family_id>, answer) ||
        !answer.genl_family ||
        !ask(socket.get(), *answer.genl_family, XINET_CMD_GET_INFO, nullptr,
             take_message<take_info>, answer) ||
        answer.info.family == 0) {
        return std::nullopt;
    }
    return answer.info;
}

} // namespace xinet
