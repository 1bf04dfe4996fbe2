#include "inference/text/prompt_memo.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstring>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

/// What an entry takes beside its ids and texts: list and map nodes, key, vectors.
constexpr std::int64_t kEntryBytes = 256;

/// Fields one after the other, each with its length and lists with their count, so that no two prompts agree.
class PromptHash {
 public:
  explicit PromptHash(const std::string& model) { hash_.update_field("prompt").update_field(model); }

  Sha256Digest of(const Prompt& prompt) {
    number(prompt.raw_text.has_value() ? 1 : 0);
    if (prompt.raw_text) hash_.update_field(*prompt.raw_text);
    number(prompt.messages.size());
    for (const Message& message : prompt.messages) add(message);
    number(prompt.tools.size());
    for (const ToolDefinition& tool : prompt.tools) {
      hash_.update_field(tool.name).update_field(tool.description);
      hash_.update_field(boost::json::serialize(tool.parameters));
    }
    number(prompt.add_generation_prompt ? 1 : 0);
    number(prompt.template_arguments.size());
    for (const auto& [name, value] : prompt.template_arguments) {
      hash_.update_field(name).update_field(boost::json::serialize(value));
    }
    return hash_.finish();
  }

 private:
  void add(const Message& message) {
    number(static_cast<std::size_t>(message.role));
    number(message.content.size());
    for (const Segment& segment : message.content) {
      hash_.update_field(segment.text);
      number(static_cast<std::size_t>(segment.sharing));
      number(static_cast<std::size_t>(segment.trust));
    }
    hash_.update_field(message.reasoning);
    number(message.tool_calls.size());
    for (const ToolCall& call : message.tool_calls) {
      hash_.update_field(call.id).update_field(call.name).update_field(call.arguments);
    }
    hash_.update_field(message.tool_call_id).update_field(message.name);
  }
  void number(std::size_t value) { hash_.update_field(std::to_string(value)); }

  Sha256 hash_;
};

}  // namespace

PromptMemo::Reader::Reader(PromptMemo& memo, std::string tenant, std::string model)
    : memo_(memo), tenant_(std::move(tenant)), model_(std::move(model)), erasures_([&memo] {
        const std::scoped_lock lock(memo.mutex_);
        return memo.erasures_;
      }()) {}

Sha256Digest PromptMemo::Reader::key_of(std::string_view piece, unsigned variant) const {
  return Sha256()
      .update_field("piece")
      .update_field(model_)
      .update_field(std::to_string(variant))
      .update(piece)
      .finish();
}

PromptMemo::Reader::~Reader() { let_others_prepare(); }

void PromptMemo::Reader::let_others_prepare() {
  if (!preparing_) return;
  preparing_ = false;
  {
    const std::scoped_lock lock(memo_.mutex_);
    memo_.preparing_.erase({tenant_, prompt_key_});
  }
  memo_.prepared_.notify_all();
}

std::shared_ptr<const PreparedPrompt> PromptMemo::Reader::find(const Prompt& prompt) {
  let_others_prepare();
  prompt_key_ = PromptHash(model_).of(prompt);
  std::unique_lock lock(memo_.mutex_);
  memo_.prepared_.wait(lock, [this] { return !memo_.preparing_.contains({tenant_, prompt_key_}); });
  const Entry* known = memo_.find(tenant_, prompt_key_);
  if (known != nullptr) return known->prepared;
  preparing_ = memo_.preparing_.emplace(tenant_, prompt_key_).second;
  return nullptr;
}

void PromptMemo::Reader::keep(const std::shared_ptr<const PreparedPrompt>& prepared) {
  Entry entry;
  entry.key = prompt_key_;
  entry.prepared = prepared;
  entry.bytes = kEntryBytes + static_cast<std::int64_t>(sizeof(PreparedPrompt) + prepared->text.size() +
                                                        prepared->tokens.size() * sizeof(TokenId) +
                                                        prepared->token_ends.size() * sizeof(std::uint32_t));
  memo_.keep(tenant_, erasures_, std::move(entry));
}

bool PromptMemo::Reader::append(std::string_view piece, unsigned variant, std::vector<TokenId>& ids) {
  const Sha256Digest key = key_of(piece, variant);
  const std::scoped_lock lock(memo_.mutex_);
  const Entry* known = memo_.find(tenant_, key);
  if (known == nullptr) return false;
  ids.insert(ids.end(), known->ids.begin(), known->ids.end());
  return true;
}

void PromptMemo::Reader::keep(std::string_view piece, unsigned variant, std::span<const TokenId> ids) {
  bytes_tokenized_ += piece.size();
  Entry entry;
  entry.key = key_of(piece, variant);
  entry.ids.assign(ids.begin(), ids.end());
  entry.bytes = kEntryBytes + static_cast<std::int64_t>(ids.size() * sizeof(TokenId));
  memo_.keep(tenant_, erasures_, std::move(entry));
}

std::size_t PromptMemo::KeyHash::operator()(const Sha256Digest& key) const {
  std::size_t value = 0;
  std::memcpy(&value, key.data(), sizeof value);  // a digest's first bytes are as good a hash as any
  return value;
}

PromptMemo::Entry* PromptMemo::find(const std::string& tenant, const Sha256Digest& key) {
  const auto of = tenants_.find(tenant);
  if (of == tenants_.end()) return nullptr;
  const auto found = of->second.by_key.find(key);
  if (found == of->second.by_key.end()) return nullptr;
  std::list<Entry>& recent = of->second.recent;
  recent.splice(recent.begin(), recent, found->second);
  return &recent.front();
}

void PromptMemo::keep(const std::string& tenant, std::uint64_t erasures_at_begin, Entry entry) {
  const std::scoped_lock lock(mutex_);
  if (erasures_ != erasures_at_begin || entry.bytes > bytes_max_ / 2) return;
  if (find(tenant, entry.key) != nullptr) return;
  const auto of = tenants_.try_emplace(tenant).first;
  of->second.bytes += entry.bytes;
  bytes_ += entry.bytes;
  of->second.recent.push_front(std::move(entry));
  of->second.by_key[of->second.recent.front().key] = of->second.recent.begin();
  while (of->second.bytes > bytes_max_ / 2) drop_oldest(of);
  evict();
}

/// The tenant with most entries' bytes gives way: nobody can push out those of tenants who keep little.
void PromptMemo::evict() {
  while (bytes_ > bytes_max_) {
    drop_oldest(std::max_element(tenants_.begin(), tenants_.end(),
                                 [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; }));
  }
}

void PromptMemo::drop_oldest(std::map<std::string, Tenant>::iterator tenant) {
  const Entry& oldest = tenant->second.recent.back();
  tenant->second.bytes -= oldest.bytes;
  bytes_ -= oldest.bytes;
  tenant->second.by_key.erase(oldest.key);
  tenant->second.recent.pop_back();
  if (tenant->second.recent.empty()) tenants_.erase(tenant);
}

void PromptMemo::erase(const std::string& tenant) {
  const std::scoped_lock lock(mutex_);
  ++erasures_;
  const auto of = tenants_.find(tenant);
  if (of == tenants_.end()) return;
  bytes_ -= of->second.bytes;
  tenants_.erase(of);
}

std::int64_t PromptMemo::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

void PromptMemo::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  std::int64_t all = 0;
  for (const auto& [name, tenant] : tenants_) {
    std::int64_t own = 0;
    for (const Entry& entry : tenant.recent) own += entry.bytes;
    CHECK(own == tenant.bytes && own <= bytes_max_ / 2,
          "a tenant's bytes are those of its entries, at most half of all");
    CHECK(!tenant.recent.empty() && tenant.recent.size() == tenant.by_key.size(), "every entry is found by its key");
    all += own;
  }
  CHECK(all == bytes_ && all <= bytes_max_, "the memo's bytes are those of its tenants, within the bound");
}

}  // namespace mnema
