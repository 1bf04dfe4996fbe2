#include "memory/change_trimmer.hpp"

#include "memory/vector_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

void ChangeTrimmer::wake() {
  strand_.post([self = shared_from_this()] {
    for (const auto& [tenant, change] : self->index_->snapshot_changes()) {
      const auto done = self->trimmed_.find(tenant);
      if (done == self->trimmed_.end() || done->second != change) self->due_[tenant] = change;
    }
    if (!self->busy_) self->trim();
  });
}

void ChangeTrimmer::trim() {
  busy_ = false;
  if (closed_ || due_.empty()) return;
  busy_ = true;
  const auto [tenant, change] = *due_.begin();
  database_.write<int>(
      WritePriority::kBackground,
      [name = embedder_, dimensions = dimensions_, of = tenant, before = change,
       rows_max = rows_max_](Transaction& transaction) -> Result<int> {
        ASSIGN_OR_RETURN(const auto embedder, vector_store::find_embedder(transaction, name, dimensions));
        if (!embedder) return 0;
        return vector_store::trim_changes(transaction, of, *embedder, before, rows_max);
      },
      strand_,
      [self = shared_from_this(), of = tenant, before = change](const Result<int>& trimmed) {
        if (!trimmed.ok()) {
          self->busy_ = false;  // the next snapshot or start tries again
          if (!self->closed_) {
            log_warning("memory", "the log of vectors' changes is not trimmed", {{"because", trimmed.error().message}});
          }
          return;
        }
        if (*trimmed < self->rows_max_ && self->due_[of] == before) {
          self->due_.erase(of);
          self->trimmed_[of] = before;
        }
        self->trim();
      });
}

}  // namespace mnema
