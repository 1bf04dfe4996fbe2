#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <utility>

#include "cli/memory/memory_command.hpp"
#include "cli/models/progress_bar.hpp"
#include "memory/export/exporter.hpp"
#include "memory/import/import_report.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/limits.hpp"

// `mnema memory export | import`.

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::size_t kSliceBytes = 1 << 20;  // of one request of an import
constexpr auto kLineBytesMax = static_cast<std::size_t>(Limits{}.http_body_bytes_max - 1);  // alone it is a request
constexpr std::size_t kRefusedShown = 10;
constexpr std::size_t kRefusedKept = 100;

struct TransferFlags : MemoryFlags {
  std::string agent;
  std::string session;
  std::string file = "-";
  bool vectors = false;
  bool names_tenant = false;
};

json::object sums(const std::map<std::string, std::int64_t>& counts) {
  json::object object;
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

/// To a file beside the one that is meant, so that one that was cut off never has its name.
int write_export(const TransferFlags& flags) {
  const bool to_stdout = flags.file == "-";
  const std::string partial = flags.file + ".part";
  std::FILE* out = to_stdout ? stdout : std::fopen(partial.c_str(), "wb");
  if (out == nullptr) {
    return report(fail(ErrorCode::kStorage, "cannot write '" + partial + "'", "choose another file"), kExitFailed);
  }
  ExportCounts counts;
  const int code = read_memory_file(
      flags,
      [&](Transaction& transaction) -> Status {
        const SystemClock clock;
        std::int64_t bytes = 0;
        std::unique_ptr<ProgressBar> bar;
        if (!to_stdout && !flags.json) bar = std::make_unique<ProgressBar>("export", 0, clock);
        const ExportOptions options{{flags.tenant, flags.agent, flags.user.value_or(""), flags.session}, flags.vectors};
        ASSIGN_OR_RETURN(counts, export_memory(transaction, options, [&](const std::string& line) -> Status {
                           if (std::fwrite(line.data(), 1, line.size(), out) != line.size()) {
                             return fail(ErrorCode::kStorage, "the export cannot be written", "is the disk full?");
                           }
                           bytes += static_cast<std::int64_t>(line.size());
                           if (bar) bar->update(bytes);
                           return {};
                         }));
        return {};
      },
      [] {});
  bool written = std::fflush(out) == 0;
  if (!to_stdout) written = std::fclose(out) == 0 && written;
  std::error_code error;
  if (code != kExitOk || !written) {
    if (!to_stdout) std::filesystem::remove(partial, error);
    if (code != kExitOk) return code;
    return report(fail(ErrorCode::kStorage, "the export cannot be written", "is the disk full?"), kExitFailed);
  }
  if (to_stdout) return kExitOk;
  std::filesystem::rename(partial, flags.file, error);
  if (error) {
    return report(fail(ErrorCode::kStorage, "cannot rename '" + partial + "': " + error.message()), kExitFailed);
  }
  if (flags.json) {
    fmt::print("{}\n", json::serialize(
                           json::object{{"file", flags.file}, {"bytes", counts.bytes}, {"lines", sums(counts.lines)}}));
  } else {
    fmt::print("{}: {} ({} bytes)\n", flags.file, counts_text(sums(counts.lines)), counts.bytes);
  }
  return kExitOk;
}

/// What all slices of an import have come to.
struct Sum {
  std::map<std::string, std::int64_t> imported;
  std::int64_t duplicates = 0;
  json::array refused;
  std::int64_t refused_count = 0;

  void refuse(std::int64_t line, const std::string& why) {
    ++refused_count;
    if (refused.size() < kRefusedKept) refused.push_back(json::object{{"line", line}, {"why", why}});
  }
  void add(const json::value& part) {
    for (const auto& member : part.at("imported").as_object()) {
      imported[std::string(member.key())] += member.value().to_number<std::int64_t>();
    }
    duplicates += part.at("duplicates").to_number<std::int64_t>();
    refused_count += part.at("refused_more").to_number<std::int64_t>() +
                     static_cast<std::int64_t>(part.at("refused").as_array().size());
    for (const json::value& one : part.at("refused").as_array()) {
      if (refused.size() < kRefusedKept) refused.push_back(one);
    }
  }
};

int show(const TransferFlags& flags, const Sum& sum, bool is_whole) {
  if (flags.json) {
    fmt::print("{}\n", json::serialize(json::object{{"imported", sums(sum.imported)},
                                                    {"duplicates", sum.duplicates},
                                                    {"refused", sum.refused_count},
                                                    {"refused_lines", sum.refused},
                                                    {"whole", is_whole}}));
  } else {
    fmt::print("imported: {}\nthere already: {} lines\n", counts_text(sums(sum.imported)), sum.duplicates);
    for (std::size_t i = 0; i < sum.refused.size() && i < kRefusedShown; ++i) {
      fmt::print("line {} is refused: {}\n", sum.refused[i].at("line").to_number<std::int64_t>(),
                 one_line(std::string(sum.refused[i].at("why").as_string())));
    }
    const auto shown = static_cast<std::int64_t>(std::min(sum.refused.size(), kRefusedShown));
    if (sum.refused_count > shown) fmt::print("{} more lines are refused\n", sum.refused_count - shown);
  }
  if (!is_whole) {
    return report(fail(ErrorCode::kCorrupt, "the file ends early: its last line is missing",
                       "export it again; what it has is imported"),
                  kExitFailed);
  }
  return sum.refused_count == 0 ? kExitOk : kExitFailed;
}

struct ReadLine {
  std::string text;  // without its end; of one that is too long, its begin
  std::int64_t bytes = 0;
  bool is_too_long = false;
};
/// None: the file has ended.
std::optional<ReadLine> read_line(std::istream& in) {
  ReadLine line;
  std::streambuf& bytes = *in.rdbuf();
  for (int c = bytes.sbumpc(); c != std::char_traits<char>::eof(); c = bytes.sbumpc()) {
    ++line.bytes;
    if (c == '\n') return line;
    line.is_too_long |= line.text.size() == kLineBytesMax;
    if (!line.is_too_long) line.text += static_cast<char>(c);
  }
  if (line.bytes == 0) return std::nullopt;
  return line;
}

int read_import(const TransferFlags& flags, std::istream& in, std::int64_t size, MemoryRoutes& routes) {
  const std::optional<ReadLine> begin = read_line(in);
  if (!begin) {
    return report(fail(ErrorCode::kInvalidArgument, "'" + flags.file + "' is empty"), kExitUsage);
  }
  const Result<std::string> head = read_export_head(begin->text);
  if (!head.ok()) return report(head.error(), kExitUsage);
  const std::string tenant = flags.names_tenant ? flags.tenant : *head;
  const SystemClock clock;
  std::unique_ptr<ProgressBar> bar;
  if (!flags.json) bar = std::make_unique<ProgressBar>("import", size, clock);
  Sum sum;
  std::string slice;
  std::int64_t first = 2, number = 1, bytes = begin->bytes;
  bool is_whole = false;
  // Up to here; the next line, `next`, begins another slice.
  const auto send = [&](std::int64_t next) -> Status {
    const std::int64_t first_sent = std::exchange(first, next);
    if (slice.empty()) return {};
    const std::string target =
        "/admin/v1/memory/import" + query_of({{"tenant", tenant}, {"line", std::to_string(first_sent)}});
    ASSIGN_OR_RETURN(const json::value part, routes.call("POST", target, slice, "some of these lines"));
    sum.add(part);
    slice.clear();
    if (bar) bar->update(bytes);
    return {};
  };
  while (const std::optional<ReadLine> line = read_line(in)) {
    ++number;
    bytes += line->bytes;
    is_whole = line->text.starts_with("{\"end\":true");
    if (line->is_too_long || slice.size() + line->text.size() >= kSliceBytes) {
      const std::int64_t next = line->is_too_long ? number + 1 : number;
      if (const Status sent = send(next); !sent.ok()) return report(sent.error(), exit_code_in_folder(sent.error()));
    }
    if (line->is_too_long) {
      sum.refuse(number, "the line has more than " + std::to_string(kLineBytesMax) + " bytes");
    } else {
      slice += line->text + "\n";
    }
  }
  if (const Status sent = send(number + 1); !sent.ok()) return report(sent.error(), exit_code_in_folder(sent.error()));
  bar.reset();
  return show(flags, sum, is_whole);
}

int import(const TransferFlags& flags, MemoryRoutes& routes) {
  if (flags.file == "-") return read_import(flags, std::cin, 0, routes);
  std::ifstream in(flags.file, std::ios::binary);
  if (!in) return report(fail(ErrorCode::kNotFound, "cannot read '" + flags.file + "'"), kExitUsage);
  std::error_code error;
  const auto size = std::filesystem::file_size(flags.file, error);
  return read_import(flags, in, error ? 0 : static_cast<std::int64_t>(size), routes);
}

}  // namespace

void add_memory_transfer(CLI::App& memory, int& exit_code) {
  {
    const auto flags = std::make_shared<TransferFlags>();
    CLI::App* command =
        memory.add_subcommand("export", "Write what is remembered as lines of JSON, which 'import' takes");
    add_memory_flags(*command, *flags);
    command->add_option("--agent", flags->agent, "Only what this agent has")->check(a_name());
    command->add_option("--session", flags->session, "Only this conversation")->check(a_name());
    command->add_option("--file", flags->file, "Where to; '-' is the standard output")->capture_default_str();
    command->add_flag("--vectors", flags->vectors, "With the vectors, so that they need not be made again");
    command->footer(
        "The same memory gives the same bytes. Works beside a running server.\n\nExamples:\n"
        "  mnema memory export --file memory.ndjson\n"
        "  mnema memory export --user anna --vectors --file anna.ndjson\n"
        "  mnema memory export | zstd > memory.ndjson.zst");
    command->callback([flags, &exit_code] { exit_code = write_export(*flags); });
  }
  const auto flags = std::make_shared<TransferFlags>();
  CLI::App* command = memory.add_subcommand("import", "Take an export in; what is there already is passed over");
  add_memory_flags(*command, *flags);
  command->remove_option(command->get_option("--user"));
  command->add_option("file", flags->file, "The export; '-' is the standard input")->required();
  const CLI::Option* tenant = command->get_option("--tenant");
  command->footer(
      "Numbers of entries are kept where they are free. Without --tenant it goes to the tenant that it is\n"
      "of. Exit code 1: some lines were refused; they are named.\n\nExamples:\n"
      "  mnema memory import memory.ndjson\n"
      "  mnema memory import anna.ndjson --tenant acme --json");
  command->callback([flags, tenant, &exit_code] {
    flags->names_tenant = tenant->count() > 0;
    exit_code = with_memory_routes(*flags, false, [&](MemoryRoutes& routes) { return import(*flags, routes); });
  });
}

}  // namespace mnema
