// memory/query_vectors.hpp
//
// Questions as the embedder reads them, kept for a while: an event's arrival has its text embedded, and the recall of
// its turn finds the vector there or on its way. A text is known by its digest: an event may be megabytes, and a
// hundred are kept. One longer than a page comes without its tokens. How many are on their way is for the callers to
// bound: turns and prestaging do.
//
// Threads:   any; a mutex guards it.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows embedder and executor.
// Invariant: in `recent_` are exactly the entries that have their vector
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "memory/embedder.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {

class QueryVectors : public std::enable_shared_from_this<QueryVectors> {
 public:
  using Question = Result<EmbeddedText>;
  QueryVectors(Embedder& embedder, Executor& query, Duration timeout)
      : embedder_(embedder), query_(query), timeout_(timeout) {}

  /// `on_done` runs on the query executor, or on this thread when the vector is there. Errors: those of the embedder;
  /// `kDeadlineExceeded`. None is kept: the next who asks has the embedder asked again.
  void get(const std::string& text, std::function<void(Question)> on_done);

 private:
  static constexpr std::size_t kVectorsMax = 128;           // the least recently asked is forgotten
  static constexpr std::size_t kTextWithTokensMax = 2'000;  // bytes
  struct Entry {
    EmbeddedText question;  // no vector: on its way
    std::vector<std::function<void(Question)>> waiting;
    std::list<Sha256Digest>::iterator place;  // in recent_, once the vector is there
  };
  void on_embedded(const Sha256Digest& digest, Result<std::vector<EmbeddedText>> embedded);

  Embedder& embedder_;
  Executor& query_;
  const Duration timeout_;
  std::mutex mutex_;                // guards both below
  std::list<Sha256Digest> recent_;  // most recently asked first
  std::map<Sha256Digest, Entry> entries_;
};

}  // namespace mnema
