#include "agents/document_folders.hpp"

#include <utility>

#include "runtime/log.hpp"

namespace mnema {
namespace {

void read_folder(MemoryStore& memory, const std::string& folder, Scope scope, Executor& background) {
  FolderSource source;
  source.scope = std::move(scope);
  source.path = folder;
  memory.ingest_folder(std::move(source), background, {}, [folder](const Result<IngestReport>& report) {
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
  for (const std::string& folder : config.memory.documents)
    read_folder(memory, folder, {"local", "", "", ""}, background);
  for (const auto& [name, agent] : config.agents) {
    for (const std::string& folder : agent.documents) read_folder(memory, folder, {"local", name, "", ""}, background);
  }
}

}  // namespace mnema
