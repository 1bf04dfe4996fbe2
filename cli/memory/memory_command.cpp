#include "cli/memory/memory_command.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "cli/dlq/admin_connection.hpp"

namespace mnema {

int with_memory_routes(const MemoryFlags& flags, bool for_vectors, const std::function<int(MemoryRoutes&)>& act) {
  return with_data_folder(flags.config, flags.data, [&](const DataFolder& folder) -> int {
    const auto routes = open_memory_routes({folder.path, folder.config, for_vectors});
    if (!routes.ok()) return report(routes.error(), kExitDatabase);
    return act(**routes);
  });
}

int change_by_routes(const MemoryFlags& flags, const RoutedChange& change, const std::string& done) {
  return with_memory_routes(flags, false, [&](MemoryRoutes& routes) -> int {
    const auto answer = routes.call("POST", change.target, change.body, change.what);
    if (!answer.ok()) return report(answer.error(), exit_code_in_folder(answer.error()));
    fmt::print("{}\n", flags.json ? boost::json::serialize(*answer) : done);
    return kExitOk;
  });
}

std::string query_of(const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!value.empty()) query += (query.empty() ? "?" : "&") + name + "=" + percent_encoded(value);
  }
  return query;
}

std::string counts_text(const boost::json::object& counts) {
  std::string text;
  for (const auto& member : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", member.value().to_number<std::int64_t>(),
                        std::string_view(member.key()));
  }
  return text.empty() ? "nothing" : text;
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

}  // namespace mnema
