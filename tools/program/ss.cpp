// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss.h"

#include "program/ss_names.h"
#include "program/ss_processes.h"
#include "program/ss_report.h"
#include "xinet/capture_writer.h"

#include <netinet/tcp.h>

#include <vector>

namespace xinet {

namespace {

/// JSON has everything that costs little.
SocketQuery query_for(const SsOptions& options) {
    SocketQuery query{.kinds = options.kinds};
    if (options.memory || options.json) {
        query.show |= XINET_DIAG_SHOW_MEMINFO;
    }
    if (options.filters || options.json) {
        query.show |= XINET_DIAG_SHOW_FILTER;
    }
    if (options.extended || options.info || options.json) {
        query.show |= XINET_DIAG_SHOW_INFO;
    }
    if (options.extended || options.json) {
        query.show |= XINET_DIAG_SHOW_MEMBERSHIPS;
    }
    return query;
}

} // namespace

bool is_wanted_state(const SocketRecord& socket, const SsOptions& options,
                     const SocketFilter& filter) {
    const auto state = socket.base.state;
    if (filter.states) {
        return (*filter.states >> state & 1U) != 0;
    }
    if (options.all) {
        return true;
    }
    const bool tcp = socket.base.kind == XINET_DIAG_TCP;
    if (options.listening) {
        return state == TCP_LISTEN || (state == TCP_CLOSE && !tcp);
    }
    return socket.base.kind == XINET_DIAG_PACKET || (state != TCP_LISTEN && state != TCP_CLOSE);
}

int run_ss(const SsOptions& options) {
    const SocketFilter filter = parse_socket_filter(options.expression);
    std::vector<SocketRecord> sockets;
    SocketLister().list(query_for(options), [&](const SocketRecord& socket) {
        if (is_wanted_state(socket, options, filter) && filter.accepts(socket)) {
            sockets.push_back(socket);
        }
    });

    const SocketUsers users = options.processes ? find_socket_users() : SocketUsers{};
    SocketNames names(options.numeric);
    OutputFile output("-");
    if (options.json) {
        for (const SocketRecord& socket : sockets) {
            output.append(json_line(socket_json(socket, users, options, names)));
        }
    } else {
        output.append(sockets_text(sockets, users, options, names));
    }
    output.close();
    return ExitStatus::success;
}

} // namespace xinet
