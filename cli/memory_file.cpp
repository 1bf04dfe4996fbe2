#include "cli/memory_file.hpp"

#include <CLI/CLI.hpp>

#include "cli/data_folder.hpp"
#include "memory/store.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/store/read_pool.hpp"
#include "runtime/store/schema_versions.hpp"

namespace mnema {

CLI::Validator a_name() {
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? "is empty: name one, or leave it out" : std::string(); },
      "NAME");
}

void add_memory_flags(CLI::App& command, MemoryFlags& flags) {
  command.add_option("--data", flags.data, "Data folder (default: the configuration's, else mnema-data)");
  command.add_option("--config", flags.config, "Configuration that names the data folder");
  command.add_option("--tenant", flags.tenant, "Of this tenant")->check(a_name())->capture_default_str();
  command.add_option("--user", flags.user, "Only what belongs to this user")->check(a_name());
  command.add_flag("--json", flags.json, "As JSON");
}

int read_memory_file(const MemoryFlags& flags, const std::function<Status(Transaction&)>& query,
                     const std::function<void()>& show) {
  // Where --data names the folder, nothing of a configuration is needed.
  return with_data_folder(flags.data.empty() ? flags.config : "", flags.data, [&](const DataFolder& folder) -> int {
    ReadPool readers(folder.file, "", 1);
    const Status read = readers.read([&](Transaction& transaction) -> Status {
      RETURN_IF_ERROR(check_readable(transaction.connection(), memory_migrations(), folder.file));
      return query(transaction);
    });
    if (!read.ok()) return report(read.error(), exit_code_in_folder(read.error()));
    show();
    return kExitOk;
  });
}

Result<Time> parse_point(const std::string& text) {
  Result<Time> time = parse_rfc3339(text.size() == 10 ? text + "T00:00:00Z" : text);
  if (time.ok()) return time;
  return fail(ErrorCode::kInvalidArgument, "'" + text + "' is no time", "e.g. 2025-03-01 or 2025-03-01T09:30:00Z");
}

}  // namespace mnema
