// memory/followers.hpp
//
// What follows the rows: once a unit of work is committed, the vector index forgets what it removed, and the queues of
// vectors and words look for what it added.
//
// Threads: `follow` inside a unit of work.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "memory/embedding_queue.hpp"
#include "memory/index_keeper.hpp"
#include "memory/text_index_keeper.hpp"

namespace mnema {

struct Followers {
  std::shared_ptr<IndexKeeper> index;
  std::shared_ptr<EmbeddingQueue> vectors;
  std::shared_ptr<TextIndexKeeper> words;

  /// `removed`: labels of the tenant's vectors that go with this unit.
  [[nodiscard]] Status follow(Transaction& transaction, TenantId tenant, std::vector<VectorLabel> removed) const {
    ASSIGN_OR_RETURN(const bool words_wait, text_index_store::table_is_missing(transaction));
    transaction.after_commit([self = *this, tenant, removed = std::move(removed), words_wait] {
      self.index->removed(tenant, removed);
      self.vectors->wake();
      if (words_wait) self.words->wake();
    });
    return {};
  }
};

}  // namespace mnema
