// SPDX-License-Identifier: GPL-2.0-or-later
#include "program/ss_filter.h"

#include "xinet/error.h"
#include "xinet/interface.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace xinet {

namespace {

using Predicate = std::function<bool(const SocketRecord&)>;

constexpr std::uint32_t bit(int state) {
    return 1U << static_cast<unsigned>(state);
}

constexpr std::uint32_t every_state = bit(TCP_CLOSING + 1) - bit(TCP_ESTABLISHED);
constexpr std::uint32_t unconnected = bit(TCP_CLOSE) | bit(TCP_LISTEN);

constexpr std::array<std::pair<std::string_view, std::uint32_t>, 18> state_names{{
    {"established", bit(TCP_ESTABLISHED)},
    {"syn-sent", bit(TCP_SYN_SENT)},
    {"syn-recv", bit(TCP_SYN_RECV)},
    {"fin-wait-1", bit(TCP_FIN_WAIT1)},
    {"fin-wait-2", bit(TCP_FIN_WAIT2)},
    {"time-wait", bit(TCP_TIME_WAIT)},
    {"unconnected", bit(TCP_CLOSE)},
    {"closed", bit(TCP_CLOSE)},
    {"close", bit(TCP_CLOSE)},
    {"close-wait", bit(TCP_CLOSE_WAIT)},
    {"last-ack", bit(TCP_LAST_ACK)},
    {"listening", bit(TCP_LISTEN)},
    {"listen", bit(TCP_LISTEN)},
    {"closing", bit(TCP_CLOSING)},
    {"all", every_state},
    {"connected", every_state & ~unconnected},
    {"synchronized", every_state & ~unconnected & ~bit(TCP_SYN_SENT)},
    {"synchronised", every_state & ~unconnected & ~bit(TCP_SYN_SENT)},
}};

[[noreturn]] void refuse(const std::string& word, const std::string& hint) {
    throw Error("understand", fmt::format("'{}' in the filter", word), 0, hint);
}

bool has_ports(const SocketRecord& record) {
    return record.base.kind != XINET_DIAG_RAW && record.base.kind != XINET_DIAG_PACKET;
}

/// Words, parentheses and operators; blanks separate, but are not needed around
/// parentheses and operators.
std::vector<std::string> tokens_of(const std::vector<std::string>& words) {
    constexpr std::string_view operators = "=!<>&|";
    std::vector<std::string> tokens;
    for (const std::string& word : words) {
        std::size_t at = 0;
        while (at < word.size()) {
            std::size_t end = at + 1;
            if (word[at] == ' ' || word[at] == '\t') {
                at = end;
                continue;
            }
            if (operators.find(word[at]) != std::string_view::npos) {
                end = word.find_first_not_of(operators, at);
            } else if (word[at] != '(' && word[at] != ')') {
                end = word.find_first_of("()=!<>&| \t", at);
            }
            end = std::min(end, word.size());
            tokens.push_back(word.substr(at, end - at));
            at = end;
        }
    }
    return tokens;
}

std::uint16_t port_called(const std::string& token) {
    const std::string name = token.starts_with(':') ? token.substr(1) : token;
    unsigned number = 0;
    const char* const end = name.data() + name.size();
    const auto [rest, status] = std::from_chars(name.data(), end, number);
    if (status == std::errc{} && rest == end && number <= 0xffff) {
        return static_cast<std::uint16_t>(number);
    }
    const servent* service = name.empty() ? nullptr : ::getservbyname(name.c_str(), nullptr);
    if (service == nullptr) {
        refuse(token, "a port is a number up to 65535, or a name in /etc/services");
    }
    return ntohs(static_cast<std::uint16_t>(service->s_port));
}

enum class Relation { equal, unequal, less, at_most, more, at_least };

std::optional<Relation> relation_called(const std::string& token) {
    if (token == "=" || token == "==" || token == "eq") {
        return Relation::equal;
    }
    if (token == "!=" || token == "ne" || token == "neq") {
        return Relation::unequal;
    }
    if (token == "<" || token == "lt") {
        return Relation::less;
    }
    if (token == "<=" || token == "le" || token == "leq") {
        return Relation::at_most;
    }
    if (token == ">" || token == "gt") {
        return Relation::more;
    }
    if (token == ">=" || token == "ge" || token == "geq") {
        return Relation::at_least;
    }
    return std::nullopt;
}

bool holds(Relation relation, std::int64_t left, std::int64_t right) {
    switch (relation) {
    case Relation::equal:
        return left == right;
    case Relation::unequal:
        return left != right;
    case Relation::less:
        return left < right;
    case Relation::at_most:
        return left <= right;
    case Relation::more:
        return left > right;
    case Relation::at_least:
        return left >= right;
    }
    return false;
}

enum class Side { local, peer };

std::uint32_t address_of(const SocketRecord& record, Side side) {
    return ntohl(side == Side::local ? record.base.src : record.base.dst);
}

std::uint16_t port_of(const SocketRecord& record, Side side) {
    return ntohs(side == Side::local ? record.base.sport : record.base.dport);
}

Predicate port_predicate(Side side, Relation relation, std::uint16_t port) {
    return [=](const SocketRecord& record) {
        return has_ports(record) && holds(relation, port_of(record, side), port);
    };
}

Predicate network_predicate(Side side, const std::string& text) {
    const auto slash = text.find('/');
    const std::string address = text.substr(0, slash);
    unsigned length = 32;
    if (slash != std::string::npos) {
        const char* const end = text.data() + text.size();
        const auto [rest, status] = std::from_chars(text.data() + slash + 1, end, length);
        if (status != std::errc{} || rest != end || length > 32) {
            refuse(text, "behind the slash goes the length of the prefix, 0 to 32");
        }
    }
    in_addr parsed{};
    if (::inet_pton(AF_INET, address.c_str(), &parsed) != 1) {
        refuse(text, "it should be ADDRESS, ADDRESS/LENGTH, ADDRESS:PORT or :PORT, with a "
                     "numeric IPv4 address");
    }
    const std::uint32_t mask = length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
    const std::uint32_t network = ntohl(parsed.s_addr) & mask;
    return [=](const SocketRecord& record) {
        return record.base.family == AF_INET && (address_of(record, side) & mask) == network;
    };
}

/// ADDRESS[/LENGTH][:PORT], where each of * and nothing stands for any.
Predicate address_predicate(Side side, const std::string& token) {
    const auto colon = token.rfind(':');
    const std::string host = token.substr(0, colon);
    const std::string port = colon == std::string::npos ? "*" : token.substr(colon + 1);
    Predicate result = [](const SocketRecord&) { return true; };
    if (!host.empty() && host != "*") {
        result = network_predicate(side, host);
    }
    if (!port.empty() && port != "*") {
        result = [first = std::move(result),
                  second = port_predicate(side, Relation::equal, port_called(port))](
                     const SocketRecord& record) { return first(record) && second(record); };
    }
    return result;
}

Predicate device_predicate(Relation relation, const std::string& name) {
    const auto index = static_cast<std::int32_t>(find_interface(name).index);
    return [=](const SocketRecord& record) { return holds(relation, record.base.ifindex, index); };
}

/// A parser by recursive descent: or binds less than and, and that less than not.
class Parser {
public:
    explicit Parser(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {}

    SocketFilter filter() {
        SocketFilter result;
        while (next_is("state") || next_is("exclude")) {
            const bool exclude = take("") == "exclude";
            const std::string name = take("the name of a state");
            const auto states = states_called(name);
            if (!states) {
                refuse(name, "states are established, listening, unconnected, connected, all and "
                             "those of tcp(7)");
            }
            result.states = exclude ? result.states.value_or(every_state) & ~*states
                                    : result.states.value_or(0) | *states;
        }
        result.accepts = at_end() ? [](const SocketRecord&) { return true; } : either();
        if (!at_end()) {
            refuse(tokens_[at_], "nothing was expected there");
        }
        return result;
    }

private:
    bool at_end() const { return at_ == tokens_.size(); }
    bool next_is(std::string_view word) const { return !at_end() && tokens_[at_] == word; }
    bool skip(std::string_view word) {
        const bool found = next_is(word);
        at_ += found ? 1 : 0;
        return found;
    }
    std::string take(const std::string& what) {
        if (at_end()) {
            throw Error("understand", "the filter", 0,
                        fmt::format("after '{}' {} is missing", tokens_[at_ - 1], what));
        }
        return tokens_[at_++];
    }

    Predicate either() {
        Predicate result = both();
        while (skip("or") || skip("||") || skip("|")) {
            result = [left = std::move(result), right = both()](const SocketRecord& record) {
                return left(record) || right(record);
            };
        }
        return result;
    }

    Predicate both() {
        Predicate result = negation();
        while (!at_end() && !next_is(")") && !next_is("or") && !next_is("||") && !next_is("|")) {
            if (!skip("and") && !skip("&&")) {
                skip("&");
            }
            result = [left = std::move(result), right = negation()](const SocketRecord& record) {
                return left(record) && right(record);
            };
        }
        return result;
    }

    Predicate negation() {
        if (skip("not") || skip("!")) {
            return [inner = negation()](const SocketRecord& record) { return !inner(record); };
        }
        return primary();
    }

    Predicate primary() {
        const std::string word = take("a condition");
        if (word == "(") {
            Predicate inner = either();
            if (take("')'") != ")") {
                refuse(tokens_[at_ - 1], "')' was expected there");
            }
            return inner;
        }
        if (word == "src" || word == "dst") {
            const bool unequal = equality() == Relation::unequal;
            auto inner =
                address_predicate(word == "src" ? Side::local : Side::peer, take("an address"));
            return [=](const SocketRecord& record) { return inner(record) != unequal; };
        }
        if (word == "sport" || word == "dport") {
            const Relation relation = any_relation();
            return port_predicate(word == "sport" ? Side::local : Side::peer, relation,
                                  port_called(take("a port")));
        }
        if (word == "dev") {
            const Relation relation = equality();
            return device_predicate(relation, take("an interface"));
        }
        refuse(word, "conditions begin with src, dst, sport, dport, dev, not or '('");
    }

    Relation any_relation() {
        const auto relation = at_end() ? std::nullopt : relation_called(tokens_[at_]);
        at_ += relation ? 1 : 0;
        return relation.value_or(Relation::equal);
    }

    Relation equality() {
        const Relation relation = any_relation();
        if (relation != Relation::equal && relation != Relation::unequal) {
            refuse(tokens_[at_ - 1], "only ports are compared by size");
        }
        return relation;
    }

    std::vector<std::string> tokens_;
    std::size_t at_ = 0;
};

} // namespace

std::optional<std::uint32_t> states_called(const std::string& name) {
    const auto* const found =
        std::ranges::find(state_names, name, [](const auto& entry) { return entry.first; });
    return found == state_names.end() ? std::nullopt : std::optional(found->second);
}

SocketFilter parse_socket_filter(const std::vector<std::string>& words) {
    return Parser(tokens_of(words)).filter();
}

} // namespace xinet
