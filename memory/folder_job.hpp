// memory/folder_job.hpp
//
// One reading of a folder: it takes its collection, one file after the other goes to the document writer, and what the
// collection has and the folder no longer does is retired. What is there and cannot be read stays recalled, marked
// stale.
//
// Threads:   `start` on the background executor, where the rest of it runs.
// Ownership: kept by shared_ptr: work in flight holds it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/document_writer.hpp"
#include "memory/folder_ingest.hpp"
#include "memory/store.hpp"

namespace mnema {

/// Adds one document's outcome to the report.
void count(IngestReport& report, const DocumentChange& change);

class FolderJob : public std::enable_shared_from_this<FolderJob> {
 public:
  FolderJob(Database& database, std::shared_ptr<DocumentWriter> writer, Executor& background, const Clock& clock,
            std::int64_t bytes_max, FolderSource folder, Executor& reply_to,
            std::function<void(FolderProgress)> on_progress, std::function<void(Result<IngestReport>)> on_done)
      : database_(database),
        writer_(std::move(writer)),
        background_(background),
        tools_(clock),
        clock_(clock),
        bytes_max_(bytes_max),
        folder_(std::move(folder)),
        reply_to_(reply_to),
        on_progress_(std::move(on_progress)),
        on_done_(std::move(on_done)) {}

  void start();

 private:
  void claim(int attempt, const std::string& gone);
  void on_claim(int attempt, const Result<sources_store::FolderClaim>& claim);
  void list();
  void step();
  void on_file(const std::string& uri, const Result<DocumentChange>& change);
  void skip(const std::string& uri, const Error& why);
  void keep_as_stale(std::string uri, std::string why, std::function<void(bool)> then);
  void next(const std::string& uri, IngestOutcome outcome);
  void keep_all_as_stale(const Error& why);
  void note_reading();
  void finish(Result<IngestReport> result);

  Database& database_;
  const std::shared_ptr<DocumentWriter> writer_;
  Executor& background_;
  const TextTools tools_;
  const Clock& clock_;
  const std::int64_t bytes_max_;
  const FolderSource folder_;
  Executor& reply_to_;
  const std::function<void(FolderProgress)> on_progress_;
  const std::function<void(Result<IngestReport>)> on_done_;
  std::string collection_;  // the name it got
  std::vector<FolderFile> files_;
  std::map<std::string, Time> converted_;  // files that a program has read, and not again while they are the same
  std::size_t files_done_ = 0;
  std::vector<std::string> unread_;  // documents below folders that cannot be looked into
  std::vector<std::string> gone_;
  IngestReport report_;
};

}  // namespace mnema
