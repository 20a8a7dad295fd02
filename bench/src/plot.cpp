// SPDX-License-Identifier: GPL-2.0-or-later
#include "plot.h"

#include "system.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>
#include <utility>

namespace bench {
namespace {

using Group = std::vector<Result>;

std::string file_name(std::string text) {
    std::replace(text.begin(), text.end(), ' ', '-');
    return text;
}

/// Lines of "x xinet peer floor"; NaN where there is no floor.
void write_data(const Group& group, const std::filesystem::path& path) {
    std::ofstream file(path);
    for (const Result& r : group) {
        file << fmt::format("\"{}\" {} {} {} {}\n", r.name, r.x, r.xinet, r.peer,
                            r.floor ? fmt::format("{}", *r.floor) : "NaN");
    }
}

void write_script(const Group& group, const std::filesystem::path& base) {
    const Result& any = group.front();
    const std::string data = base.string() + ".dat";
    const bool lines = !any.axis.empty();
    std::ofstream file(base.string() + ".gp");

    file << "set terminal pngcairo size 900,500\n"
         << fmt::format("set output '{}.png'\n", base.string())
         << fmt::format("set title '{}: {}'\n", any.lane, any.group)
         << fmt::format("set ylabel '{}'\n", any.unit) << "set yrange [0:*]\nset key left top\n";
    if (lines) {
        file << fmt::format("set xlabel '{}'\n", any.axis)
             << fmt::format("plot '{0}' using 2:3 with linespoints title 'xinet', '{0}' using 2:4 "
                            "with linespoints title '{1}', '{0}' using 2:5 with linespoints title "
                            "'floor'\n",
                            data, any.peer_name);
    } else {
        file << "set style data histogram\nset style fill solid 0.6\nset xtics rotate by -20\n"
             << fmt::format("plot '{0}' using 3:xtic(1) title 'xinet', '{0}' using 4 title '{1}'",
                            data, any.peer_name);
        // gnuplot draws no histogram of nothing
        if (std::any_of(group.begin(), group.end(), [](const Result& r) { return r.floor; })) {
            file << fmt::format(", '{}' using 5 title 'floor'", data);
        }
        file << "\n";
    }
}

} // namespace

void draw_plots(const std::vector<Result>& results, const std::filesystem::path& directory) {
    std::map<std::pair<std::string, std::string>, Group> groups;
    for (const Result& r : results) {
        groups[{r.lane, r.group}].push_back(r);
    }

    std::filesystem::create_directories(directory);
    for (const auto& [key, group] : groups) {
        const std::filesystem::path base = directory / file_name(key.first + "-" + key.second);
        write_data(group, base.string() + ".dat");
        write_script(group, base);
        run({"gnuplot", base.string() + ".gp"});
    }
}

} // namespace bench
