// connectors/file_sink.hpp
//
// Delivers outbox rows as lines of a file (NDJSON): {"idempotency_key","destination","key","content_type","body"},
// where `body` is the JSON value itself if the content type is JSON, else a string. A line is appended with one write
// and synced before the row counts as delivered. A row whose key is already in the file is not written again, so a
// replay after a crash leaves one line; a torn last line of ours (crash inside the write) is cut off at
// open; a file that holds anything else is refused and left as it is.
//
// The keys of the whole file are held in memory as 64-bit hashes (8 MB per million lines); a hash that repeats is
// settled by reading the file. Rotate the file by renaming it while Mnema is stopped.
//
// A disk that hangs holds one thread of `blocking` per sink, no more: rows wait for their turn here.
//
// Threads:   `deliver`, `stop` from any thread; writing on `blocking`, one write at a time.
// Ownership: the host owns it. One process per file (it is locked).
// Invariant: lines in the file == keys known   (check_integrity reads the file)
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "connectors/connector.hpp"

namespace mnema {

class FileSink final : public Sink {
 public:
  /// Opens or creates `path` and reads the keys in it. Errors: `kStorage`, `kFailedPrecondition` (another process
  /// writes it, or it is no regular file: a pipe keeps nothing), `kCorrupt` (a line that is not one of ours, says
  /// which).
  [[nodiscard]] static Result<std::unique_ptr<FileSink>> open(std::string path, Executor& blocking);
  ~FileSink() override;

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;
  /// A row that is being written may still reach the file; its key keeps a repeat out.
  void stop() override;
  void check_integrity() const;

 private:
  struct Shared;
  struct Queue;
  FileSink(std::shared_ptr<Shared> shared, Executor& blocking);
  std::shared_ptr<Shared> shared_;
  std::shared_ptr<Queue> queue_;
};

}  // namespace mnema
