#include "memory/text_index_keeper.hpp"

#include <utility>
#include <vector>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kEntriesPerUnit = 32;
constexpr int kPauseMs = 10'000;

}  // namespace

void TextIndexKeeper::wake() {
  strand_.post([self = shared_from_this()] {
    if (!self->busy_) self->pump();
  });
}

void TextIndexKeeper::pump() {
  busy_ = false;
  if (closed_) return;
  const auto outdated = database_.read<std::optional<text_index_store::Outdated>>(
      [&](Transaction& transaction) { return text_index_store::find_outdated(transaction, terms_.format()); });
  if (!outdated.ok()) return on_failure(outdated.error());
  if (!*outdated) return;
  busy_ = true;
  if (!(*outdated)->has_table) return make_table((*outdated)->tenant);
  renew(**outdated, 0);
}

void TextIndexKeeper::make_table(TenantId tenant) {
  write(
      [tenant, format = terms_.format()](Transaction& transaction) -> Status {
        // A document may have come before.
        ASSIGN_OR_RETURN(const bool there, text_index_store::has_table(transaction, tenant));
        return there ? Status() : text_index_store::make_table(transaction, tenant, format);
      },
      [self = shared_from_this()] { self->pump(); });
}

void TextIndexKeeper::renew(const text_index_store::Outdated& outdated, EntryId after) {
  if (closed_) return;
  const auto texts = database_.read<std::vector<text_index_store::Searched>>([&](Transaction& transaction) {
    return text_index_store::searched_texts(transaction, outdated.tenant, after, outdated.last, kEntriesPerUnit);
  });
  if (!texts.ok()) return on_failure(texts.error());
  if (texts->empty()) {
    return write([tenant = outdated.tenant, format = terms_.format()](
                     Transaction& transaction) { return text_index_store::set_format(transaction, tenant, format); },
                 [self = shared_from_this()] { self->pump(); });
  }
  std::vector<text_index_store::Searched> words;  // with their terms for texts
  for (const text_index_store::Searched& searched : *texts) {
    words.push_back({searched.entry, searched.scope, terms_.joined(searched.text)});
  }
  write(
      [tenant = outdated.tenant, words = std::move(words)](Transaction& transaction) -> Status {
        for (const auto& [entry, scope, joined] : words) {
          RETURN_IF_ERROR(text_index_store::replace(transaction, {tenant, scope}, entry, joined));
        }
        return {};
      },
      [self = shared_from_this(), outdated, last = texts->back().entry] { self->renew(outdated, last); });
}

void TextIndexKeeper::write(std::function<Status(Transaction&)> unit, std::function<void()> then) {
  database_.write<int>(
      WritePriority::kBackground,
      [unit = std::move(unit)](Transaction& transaction) -> Result<int> {
        RETURN_IF_ERROR(unit(transaction));
        return 0;
      },
      strand_,
      [self = shared_from_this(), then = std::move(then)](const Result<int>& written) {
        if (!written.ok()) return self->on_failure(written.error());
        then();
      });
}

void TextIndexKeeper::on_failure(const Error& error) {
  if (closed_) return;
  log_warning("memory", "texts wait for their words", {{"because", error.message}, {"again_in_ms", kPauseMs}});
  busy_ = true;  // who wakes it waits for the pause too
  strand_.post_after(std::chrono::milliseconds(kPauseMs), [self = shared_from_this()] { self->pump(); });
}

}  // namespace mnema
