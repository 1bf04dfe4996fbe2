#include "memory/record.hpp"

#include <chrono>
#include <cstdio>

#include "memory/documents/shown_name.hpp"

namespace mnema {
namespace {

std::string date_of(Time time) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(time));
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                static_cast<unsigned>(day.day()));
  return text;
}

}  // namespace

std::string Provenance::citation() const {
  if (kind == EntryKind::kEpisode) {
    return shown_text("conversation " + thread + (role.empty() ? "" : ", " + role) + ", " + date_of(time));
  }
  const std::string file = uri.substr(uri.find_last_of('/') == std::string::npos ? 0 : uri.find_last_of('/') + 1);
  std::string lines;
  if (range.line_end > 0) {
    lines = range.line_end - range.line_begin <= 1
                ? ", line " + std::to_string(range.line_begin)
                : ", lines " + std::to_string(range.line_begin) + "–" + std::to_string(range.line_end - 1);
  }
  return shown_text((file.empty() ? uri : file) +
                    (heading_path.empty() || heading_path == uri ? "" : " › " + heading_path) + lines +
                    (stale.empty() ? "" : " (stale: " + stale + ")"));
}

std::string Provenance::address() const {
  if (kind == EntryKind::kEpisode || uri.empty()) return "";
  const std::string first = "#L" + std::to_string(range.line_begin);
  if (range.line_end - range.line_begin <= 1) return uri + first;
  return uri + first + "-L" + std::to_string(range.line_end - 1);
}

}  // namespace mnema
