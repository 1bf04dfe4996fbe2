#include "agents/host/document_folders.hpp"

#include <utility>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

/// A smaller folder is read before anyone asks how far it is.
constexpr int kFilesWithoutProgress = 50;

void read_folder(MemoryStore& memory, const std::string& folder, Scope scope, Duration ttl, Executor& background) {
  FolderSource source;
  source.ttl = ttl;
  source.scope = std::move(scope);
  source.path = folder;
  const auto progress = [folder](const FolderProgress& so_far) {
    // A line for each tenth of a folder that takes a while.
    if (so_far.files < kFilesWithoutProgress || so_far.files_done % (so_far.files / 10) != 0) return;
    log_info("memory", "reading documents", {{"folder", folder}, {"files", so_far.files_done}, {"of", so_far.files}});
  };
  memory.keep_folder(std::move(source), background, progress, [folder](const Result<IngestReport>& report) {
    if (!report.ok()) return log_error("memory", "documents not read: " + report.error().text(), {{"folder", folder}});
    for (const std::string& note : report->notes) log_warning("memory", note);
    log_info("memory", "documents read",
             {{"folder", folder},
              {"added", report->added},
              {"changed", report->changed},
              {"unchanged", report->unchanged},
              {"retired", report->retired}});
  });
}

}  // namespace

void read_document_folders(MemoryStore& memory, const Config& config, Executor& background) {
  const Duration ttl = std::chrono::minutes(config.memory.documents_reread_minutes);
  for (const std::string& folder : config.memory.documents) {
    read_folder(memory, folder, {"local", "", "", ""}, ttl, background);
  }
  for (const auto& [name, agent] : config.agents) {
    for (const std::string& folder : agent.documents) {
      read_folder(memory, folder, {"local", name, "", ""}, ttl, background);
    }
  }
}

}  // namespace mnema
