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
void write_curves(const Group& group, const std::filesystem::path& base) {
    const Result& any = group.front();
    const std::string data = base.string() + ".dat";
    std::ofstream rows(data);
    for (const Result& r : group) {
        rows << fmt::format("{} {} {} {}\n", r.x, r.xinet, r.peer,
                            r.floor ? fmt::format("{}", *r.floor) : "NaN");
    }

    std::ofstream script(base.string() + ".gp");
    script << "set terminal svg noenhanced size 800,450\n"
           << fmt::format("set output '{}.svg'\n", base.string())
           << fmt::format("set title '{}: {}'\n", any.lane, any.group)
           << fmt::format("set xlabel '{}'\nset ylabel '{}'\n", any.axis, any.unit)
           << "set yrange [0:*]\nset key left top\n"
           << fmt::format("plot '{0}' using 1:2 with linespoints title 'xinet', '{0}' using 1:3 "
                          "with linespoints title '{1}', '{0}' using 1:4 with linespoints title "
                          "'floor'\n",
                          data, any.peer_name);
}

/// Lines of "name ratio", the first at the top: a bar for each pair, and a line where both
/// sides cost the same; false if no pair has a ratio.
bool write_ratios(const std::vector<Result>& lane, const std::filesystem::path& base) {
    const std::string data = base.string() + ".dat";
    std::ofstream rows(data);
    size_t bars = 0;
    for (const Result& r : lane) {
        if (const auto ratio = r.ratio()) {
            rows << fmt::format("\"{}\" {}\n", r.name, *ratio);
            bars++;
        }
    }

    if (bars == 0) {
        return false;
    }

    std::ofstream script(base.string() + ".gp");
    script << fmt::format("set terminal svg noenhanced size 900,{}\n", 110 + 22 * bars)
           << fmt::format("set output '{}.svg'\n", base.string())
           << fmt::format("set title '{}: cost of xinet, the peer being 1'\n", lane.front().lane)
           << "set style fill solid 0.6\nset xrange [0:*]\nset yrange [*:*] reverse\n"
           << "set lmargin 58\nset arrow from 1, graph 0 to 1, graph 1 nohead\n"
           << fmt::format("plot '{}' using (0):0:(0):2:($0-0.35):($0+0.35):ytic(1) with "
                          "boxxyerror notitle\n",
                          data);
    return true;
}

void draw(const std::filesystem::path& base) {
    run({"gnuplot", base.string() + ".gp"});
}

} // namespace

void draw_plots(const std::vector<Result>& results, const std::filesystem::path& directory) {
    std::map<std::pair<std::string, std::string>, Group> curves;
    std::map<std::string, std::vector<Result>> lanes;
    for (const Result& r : results) {
        lanes[r.lane].push_back(r);
        if (!r.axis.empty()) {
            curves[{r.lane, r.group}].push_back(r);
        }
    }

    std::filesystem::create_directories(directory);
    for (const auto& [key, group] : curves) {
        if (group.size() < 2) {
            continue;
        }
        const std::filesystem::path base = directory / file_name(key.first + "-" + key.second);
        write_curves(group, base);
        draw(base);
    }
    for (const auto& [name, lane] : lanes) {
        const std::filesystem::path base = directory / (name + "-ratios");
        if (write_ratios(lane, base)) {
            draw(base);
        }
    }
}

} // namespace bench
