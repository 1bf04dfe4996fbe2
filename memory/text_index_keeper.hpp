// memory/text_index_keeper.hpp
//
// Gives tenants their text index and entries their words where the unit of work that wrote them could not: a tenant's
// first entries, which come before its table, and all entries when the format of terms has changed. In slices, each a
// small unit of work of its own, beside everything else. Until it is done, what has no words is found by its vector and
// its time. A crash costs the work since the start: it begins again.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows the database.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "memory/text_index_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class TextIndexKeeper : public std::enable_shared_from_this<TextIndexKeeper> {
 public:
  TextIndexKeeper(Database& database, Executor& background, TermMaker terms)
      : database_(database), strand_(background), terms_(std::move(terms)) {}

  /// There may be a tenant without a table, or with outdated words.
  void wake();
  /// Nothing starts any more.
  void close() { closed_ = true; }

 private:
  void pump();
  void make_table(TenantId tenant);
  void renew(const text_index_store::Outdated& outdated, EntryId after);
  void write(std::function<Status(Transaction&)> unit, std::function<void()> then);
  void on_failure(const Error& error);

  Database& database_;
  Strand strand_;
  const TermMaker terms_;  // of the strand
  std::atomic<bool> closed_ = false;
  bool busy_ = false;  // of the strand
};

}  // namespace mnema
