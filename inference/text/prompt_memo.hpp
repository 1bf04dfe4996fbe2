// inference/text/prompt_memo.hpp
//
// What was made of prompts before, so that a prompt that is asked for again is not rendered, and one that begins like
// another is tokenized only from there on. Found by content alone (SHA-256 over the model and every field that ids
// depend on), and never across tenants: how long a preparation takes must tell nobody what another tenant has said.
//
// Threads:   every method from any thread; one mutex, held for look-ups and copies of ids. A `Reader` is confined to
//            one preparation; a thread has one at a time, or two would wait for each other.
// Ownership: owns the entries; a prepared prompt is shared with whoever asked for it.
// Invariant: bytes == sum over tenants == sum over their entries ≤ bytes_max; a tenant ≤ half of it (check_integrity).
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>

#include "inference/prepared_prompt.hpp"
#include "inference/tokenizer/piece_memo.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {

class PromptMemo {
 public:
  /// 0 = keeps nothing.
  explicit PromptMemo(std::int64_t bytes_max) : bytes_max_(bytes_max) {}

  /// One preparation's view of a tenant's entries. What it keeps after its tenant was erased is dropped.
  class Reader final : public PieceMemo {
   public:
    Reader(PromptMemo& memo, std::string tenant, std::string model);
    ~Reader() override;
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    /// Waits where another thread is preparing the same: choices of one chat come together. With none found, who asked
    /// is the one that prepares it, until this reader looks for another or goes.
    [[nodiscard]] std::shared_ptr<const PreparedPrompt> find(const Prompt& prompt);
    /// Under the prompt that `find` was asked for last.
    void keep(const std::shared_ptr<const PreparedPrompt>& prepared);

    [[nodiscard]] bool append(std::string_view piece, unsigned variant, std::vector<TokenId>& ids) override;
    void keep(std::string_view piece, unsigned variant, std::span<const TokenId> ids) override;

    /// Of pieces that were not known.
    [[nodiscard]] std::uint64_t bytes_tokenized() const { return bytes_tokenized_; }

   private:
    [[nodiscard]] Sha256Digest key_of(std::string_view piece, unsigned variant) const;
    void let_others_prepare();

    PromptMemo& memo_;
    const std::string tenant_;
    const std::string model_;
    const std::uint64_t erasures_;  // when it began
    Sha256Digest prompt_key_{};
    bool preparing_ = false;  // `prompt_key_` is in memo_.preparing_
    std::uint64_t bytes_tokenized_ = 0;
  };

  /// Nothing of the tenant can be found any more, and nothing comes that was begun before.
  void erase(const std::string& tenant);
  [[nodiscard]] std::int64_t bytes() const;
  void check_integrity() const;

 private:
  struct Entry {
    Sha256Digest key{};
    std::vector<TokenId> ids;                        // a piece
    std::shared_ptr<const PreparedPrompt> prepared;  // or a whole prompt
    std::int64_t bytes = 0;
  };
  struct KeyHash {
    std::size_t operator()(const Sha256Digest& key) const;
  };
  struct Tenant {
    std::list<Entry> recent;  // newest first
    std::unordered_map<Sha256Digest, std::list<Entry>::iterator, KeyHash> by_key;
    std::int64_t bytes = 0;
  };

  [[nodiscard]] Entry* find(const std::string& tenant, const Sha256Digest& key);       // requires mutex_
  void keep(const std::string& tenant, std::uint64_t erasures_at_begin, Entry entry);  // takes mutex_
  void drop_oldest(std::map<std::string, Tenant>::iterator tenant);                    // requires mutex_
  void evict();                                                                        // requires mutex_

  const std::int64_t bytes_max_;
  mutable std::mutex mutex_;               // guards all below
  std::map<std::string, Tenant> tenants_;  // none without entries
  std::int64_t bytes_ = 0;
  std::uint64_t erasures_ = 0;
  std::set<std::pair<std::string, Sha256Digest>> preparing_;  // (tenant, prompt), each by one reader
  std::condition_variable prepared_;                          // one of those has gone
};

}  // namespace mnema
