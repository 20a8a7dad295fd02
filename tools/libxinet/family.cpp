// SPDX-License-Identifier: GPL-2.0-or-later
#include "xinet/family.h"

#include "libxinet/family_number.h"
#include "xinet/error.h"
#include "xinet/module_info.h"

#include <fmt/format.h>
#include <linux/xinet.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>

namespace xinet {

namespace {

constexpr const char* parameter_file = "/sys/module/xinet/parameters/family";

// sysfs first: it costs little and loads nothing. Where it is not mounted, as
// in some containers, the module itself is asked.
std::optional<int> live_family_number() {
    std::ifstream file(parameter_file);
    std::string line;
    if (std::getline(file, line)) {
        return parse_family_number(line);
    }
    if (std::filesystem::exists("/sys/module")) {
        return std::nullopt;
    }
    const std::optional<ModuleInfo> info = query_module_info();
    return info ? std::optional(info->family) : std::nullopt;
}

} // namespace

std::optional<int> parse_family_number(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.remove_suffix(1);
    }
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, status] = std::from_chars(text.data(), end, number);
    if (status != std::errc{} || rest != end || number <= 0 || number >= AF_MAX) {
        return std::nullopt;
    }
    return number;
}

int family_number() {
    return live_family_number().value_or(AF_XINET);
}

bool module_is_loaded() {
    return live_family_number().has_value();
}

std::string socket_hint(int code, Engine engine) {
    if (code == EPERM || code == EACCES) {
        const std::string hint = "this needs CAP_NET_RAW: run as root, or grant it with "
                                 "'setcap cap_net_raw+ep' on the program";
        if (engine == Engine::sibling) {
            return hint;
        }
        return hint + "; for root of a user namespace the machine's root has to write 1 to "
                      "/sys/module/xinet/parameters/userns";
    }
    if (engine == Engine::sibling) {
        return {};
    }
    if (code == EAFNOSUPPORT) {
        return module_is_loaded()
                   ? "the xinet module refuses this kind of socket: it has the parameter engines=0"
                   : "the xinet module is not loaded: 'modprobe xinet', or 'insmod xinet.ko' from "
                     "the build directory";
    }
    if (code == ESOCKTNOSUPPORT || code == EPROTONOSUPPORT) {
        return module_is_loaded()
                   ? "the loaded xinet module does not offer this kind of socket"
                   : "the xinet module does not seem to be loaded: 'modprobe xinet', or "
                     "'insmod xinet.ko' from the build directory";
    }
    return {};
}

FileDescriptor open_socket(int family, int type, int protocol, Engine engine,
                           std::string_view kind) {
    FileDescriptor socket(::socket(family, type | SOCK_CLOEXEC, protocol));
    if (!socket) {
        const int code = errno;
        throw Error("open", fmt::format("a {} (family {})", kind, family), code,
                    socket_hint(code, engine));
    }
    return socket;
}

} // namespace xinet
