#include "cli/docs_command.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <string>

#include "cli/exit_code.hpp"
#include "memory/chunker.hpp"
#include "memory/documents/format.hpp"
#include "memory/documents/shown_name.hpp"
#include "memory/documents/text_tools.hpp"
#include "memory/folder_ingest.hpp"
#include "runtime/config/config.hpp"

namespace mnema {
namespace {

struct DocsFlags {
  std::string folder;
  std::string config;
  bool json = false;
};

struct Checked {
  std::string uri;
  std::string format;
  std::string encoding;
  std::string title;
  std::int64_t bytes = 0;
  int chunks = 0;
  std::string note;
  std::string failure;  // why it would not be read; empty: it would
};

Checked check_file(const FolderSource& source, const std::string& collection, const FolderFile& file,
                   const Limits& limits, const TextTools& tools) {
  Checked checked;
  checked.uri = file.uri;
  checked.format = name_of(format_of(file.path).value_or(MediaType::kPlainText));
  const Result<Document> document = read_document(source, collection, file, limits.document_bytes_max, tools);
  if (!document.ok()) {
    checked.failure =
        document.error().message + (document.error().hint.empty() ? "" : " (" + document.error().hint + ")");
    return checked;
  }
  checked.bytes = static_cast<std::int64_t>(document->bytes.size());
  const Result<CutDocument> cut = cut_document(document->bytes, document->media_type, limits.chunk_tokens_max);
  if (!cut.ok()) {
    checked.failure = file.uri + " " + cut.error().message;
    return checked;
  }
  checked.encoding = cut->encoding;
  checked.title = shown_text(cut->title);
  checked.chunks = static_cast<int>(cut->chunks.size());
  checked.note = cut->note;
  return checked;
}

boost::json::object to_json(const Checked& checked) {
  boost::json::object row{{"uri", checked.uri}, {"format", checked.format}};
  if (!checked.failure.empty()) {
    row["failure"] = checked.failure;
    return row;
  }
  row["encoding"] = checked.encoding;
  row["title"] = checked.title;
  row["text_bytes"] = checked.bytes;
  row["chunks"] = checked.chunks;
  if (!checked.note.empty()) row["note"] = checked.note;
  return row;
}

void print(const Checked& checked) {
  if (!checked.failure.empty()) return fmt::print("NOT READ  {}\n", checked.failure);
  fmt::print("{:>5} chunks  {}  ({}, {}{})\n", checked.chunks, checked.uri, checked.format, checked.encoding,
             checked.note.empty() ? "" : ": " + checked.note);
}

int check(const DocsFlags& flags) {
  Limits limits;
  if (!flags.config.empty()) {
    const Result<Config> loaded = load_config(flags.config);
    if (!loaded.ok()) return report(loaded.error(), kExitConfig);
    limits = loaded->limits;
  }
  FolderSource source;
  source.path = flags.folder;
  const std::string collection = collection_of(source);
  const Result<FolderListing> listing = list_folder(source, collection);
  if (!listing.ok()) return report(listing.error(), kExitUsage);
  const SystemClock clock;
  const TextTools tools(clock);
  boost::json::array documents;
  int failures = static_cast<int>(listing->unread.size());
  int chunks = 0;
  for (const FolderFile& file : listing->files) {
    const Checked checked = check_file(source, collection, file, limits, tools);
    failures += checked.failure.empty() ? 0 : 1;
    chunks += checked.chunks;
    if (flags.json)
      documents.push_back(to_json(checked));
    else
      print(checked);
  }
  if (flags.json) {
    boost::json::array notes(listing->notes.begin(), listing->notes.end());
    boost::json::array others(listing->others.begin(), listing->others.end());
    fmt::print("{}\n", boost::json::serialize(boost::json::object{{"documents", std::move(documents)},
                                                                  {"unread_folders", std::move(notes)},
                                                                  {"no_documents", std::move(others)},
                                                                  {"chunks", chunks},
                                                                  {"failures", failures}}));
  } else {
    for (const std::string& note : listing->notes) fmt::print("NOT READ  {}\n", note);
    for (const std::string& uri : listing->others) fmt::print("  no document  {}\n", uri);
    fmt::print("{} documents in {} chunks, {} not read, {} files of other kinds\n",
               listing->files.size() - (static_cast<std::size_t>(failures) - listing->unread.size()), chunks, failures,
               listing->others.size());
  }
  return failures == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void add_docs_command(CLI::App& app, int& exit_code) {
  CLI::App* docs = app.add_subcommand("docs", "Documents that memory reads");
  docs->require_subcommand(1);
  const auto flags = std::make_shared<DocsFlags>();
  CLI::App* command = docs->add_subcommand("check", "What would be read of a folder, and what not and why");
  command->add_option("folder", flags->folder, "Folder, or a single file")->required();
  command->add_option("--config", flags->config, "Configuration whose limits apply");
  command->add_flag("--json", flags->json, "As JSON");
  command->callback([flags, &exit_code] { exit_code = check(*flags); });
}

}  // namespace mnema
