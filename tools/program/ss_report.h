// SPDX-License-Identifier: GPL-2.0-or-later
// The words of ss: columns as ss(8) prints them, or JSON, one object per line.
#pragma once

#include "program/json.h"
#include "program/options.h"
#include "program/ss_names.h"
#include "program/ss_processes.h"
#include "xinet/diag.h"

#include <string>
#include <vector>

namespace xinet {

/// The sockets as a table, its columns as wide as they must be.
std::string sockets_text(const std::vector<SocketRecord>& sockets, const SocketUsers& users,
                         const SsOptions& options, SocketNames& names);

/// One object. Names are never looked up but those of interfaces.
Json socket_json(const SocketRecord& socket, const SocketUsers& users, const SsOptions& options,
                 SocketNames& names);

} // namespace xinet
