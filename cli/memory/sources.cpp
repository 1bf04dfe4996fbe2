#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "cli/memory/memory_command.hpp"
#include "memory/sources_store.hpp"

// `mnema memory sources`.

namespace mnema {
namespace {

struct SourceFlags : MemoryFlags {
  std::string agent;
  bool stale = false;
};

/// Why it may not be what its source holds; empty: it is, as far as anybody looked.
std::string staleness(const SourceInfo& source, Time now) {
  if (!source.stale.empty()) return source.stale;
  if (source.fresh_until && *source.fresh_until < now) return "not read again since " + utc_text(*source.checked);
  return "";
}

boost::json::value time_json(const std::optional<Time>& time) {
  return time ? boost::json::value(utc_text(*time)) : boost::json::value(nullptr);
}

boost::json::object source_json(const SourceInfo& source, Time now) {
  return {{"uri", source.uri},
          {"title", source.title},
          {"collection", source.collection},
          {"content_hash", source.content_hash},
          {"chunks", source.chunks},
          {"modified", utc_text(source.modified)},
          {"ingested", utc_text(source.ingested)},
          {"checked", time_json(source.checked)},
          {"fresh_until", time_json(source.fresh_until)},
          {"stale", staleness(source, now)}};
}

int sources(const SourceFlags& flags) {
  std::vector<SourceInfo> found;
  const Time now = SystemClock().now();
  return read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        ASSIGN_OR_RETURN(
            found, sources_store::list(transaction, Scope{flags.tenant, flags.agent, flags.user.value_or(""), ""}));
        if (flags.stale) {
          std::erase_if(found, [&](const SourceInfo& source) { return staleness(source, now).empty(); });
        }
        return {};
      },
      [&] {
        boost::json::array rows;
        for (const SourceInfo& source : found) {
          if (flags.json) {
            rows.push_back(source_json(source, now));
            continue;
          }
          std::string line = fmt::format("{} · {} chunk{}, read {}", source.uri, source.chunks,
                                         source.chunks == 1 ? "" : "s", utc_text(source.ingested));
          if (source.checked) line += ", looked at " + utc_text(*source.checked);
          if (source.fresh_until) line += ", fresh until " + utc_text(*source.fresh_until);
          if (const std::string why = staleness(source, now); !why.empty()) line += "  [stale: " + why + "]";
          fmt::print("{}\n", one_line(line));
        }
        if (flags.json) return fmt::print("{}\n", boost::json::serialize(rows));
        if (found.empty()) fmt::print("{}\n", flags.stale ? "no stale sources" : "no sources");
      });
}

}  // namespace

void add_memory_sources(CLI::App& memory, int& exit_code) {
  const auto flags = std::make_shared<SourceFlags>();
  CLI::App* command = memory.add_subcommand("sources", "Documents, when they were read, and until when that counts");
  add_memory_flags(*command, *flags);
  command->add_option("--agent", flags->agent, "As this agent sees them; default: those of all agents");
  command->add_flag("--stale", flags->stale, "Only those that may not be what their source holds today");
  command->callback([flags, &exit_code] { exit_code = sources(*flags); });
}

}  // namespace mnema
