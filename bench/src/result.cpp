// SPDX-License-Identifier: GPL-2.0-or-later
#include "result.h"

#include "program/json.h"
#include "xinet/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace bench {
namespace {

constexpr std::size_t fields = 11;

std::string number_or_dash(const std::optional<double>& value, int digits) {
    return value ? fmt::format("{:.{}f}", *value, digits) : "-";
}

} // namespace

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::string to_line(const Result& r) {
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}", r.lane, r.name, r.group,
                       r.unit, r.peer_name, r.xinet, r.peer,
                       r.floor ? fmt::format("{}", *r.floor) : "-", r.runs, r.axis, r.x);
}

Result from_line(const std::string& line) {
    std::vector<std::string> field;
    std::istringstream in(line);
    for (std::string part; std::getline(in, part, '\t');) {
        field.push_back(part);
    }
    if (field.size() != fields) {
        throw xinet::Error("read a result from", line, 0);
    }
    Result r{field[0],
             field[1],
             field[2],
             field[3],
             field[4],
             std::stod(field[5]),
             std::stod(field[6]),
             {},
             std::stoi(field[8]),
             field[9],
             std::stod(field[10])};
    if (field[7] != "-") {
        r.floor = std::stod(field[7]);
    }
    return r;
}

std::string to_json(const std::vector<Result>& results) {
    std::string text = "[";
    for (const Result& r : results) {
        const xinet::Json object{{"name", r.lane + ": " + r.name},
                                 {"unit", r.unit},
                                 {"xinet", r.xinet},
                                 {"peer", r.peer},
                                 {"peer_name", r.peer_name},
                                 {"floor", xinet::or_null(r.floor)},
                                 {"ratio", xinet::or_null(r.ratio())},
                                 {"runs", r.runs}};
        text += (text.size() == 1 ? "\n  " : ",\n  ") + xinet::json_text(object);
    }
    return text + "\n]\n";
}

std::string to_table(const std::vector<Result>& results) {
    std::string text;
    std::string lane;
    for (const Result& r : results) {
        if (r.lane != lane) {
            lane = r.lane;
            text +=
                fmt::format("{}{:<58} {:>12} {:>12} {:>10} {:>7}  {}\n", text.empty() ? "" : "\n",
                            lane, "xinet", "peer", "floor", "ratio", "unit");
        }
        text +=
            fmt::format("{:<58} {:>12.1f} {:>12.1f} {:>10} {:>7}  {}\n", r.name, r.xinet, r.peer,
                        number_or_dash(r.floor, 1), number_or_dash(r.ratio(), 3), r.unit);
    }
    return text;
}

} // namespace bench
