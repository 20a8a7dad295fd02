// SPDX-License-Identifier: GPL-2.0-or-later
// Pictures of results, drawn by gnuplot.
#pragma once

#include "result.h"

#include <filesystem>
#include <vector>

namespace bench {

/// One PNG for each group and lane in @p directory: lines where the group has an
/// axis, bars where it has none.
void draw_plots(const std::vector<Result>& results, const std::filesystem::path& directory);

} // namespace bench
