// SPDX-License-Identifier: GPL-2.0-or-later
// What was measured, on its way from a guest to the report: a line of text.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bench {

struct Result {
    std::string lane; ///< "debian-6.1"
    std::string name;
    std::string group;
    std::string unit; ///< with the clock: "instructions per packet"
    std::string peer_name;
    double xinet = 0; ///< medians
    double peer = 0;
    std::optional<double> floor;
    int runs = 0;
    std::string axis; ///< empty: none
    double x = 0;

    /// None beside a peer for which it costs nothing.
    std::optional<double> ratio() const {
        return peer != 0 ? std::optional(xinet / peer) : std::nullopt;
    }
};

double median(std::vector<double> values);

/// One line, tab-separated, without the newline; and back. Throws xinet::Error
/// for a line that is none.
std::string to_line(const Result& result);
Result from_line(const std::string& line);

/// The list that design documents call latest.json.
std::string to_json(const std::vector<Result>& results);

/// For people: aligned columns, one block a lane.
std::string to_table(const std::vector<Result>& results);

} // namespace bench
