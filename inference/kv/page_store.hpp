// inference/kv/page_store.hpp
//
// The memory that KV pages live in, owned by a backend. Ownership and allocation of pages are
// kv/pool.hpp's; this is only the bytes and how to copy them.
//
// A page holds K and V of kPageTokens consecutive positions for every layer of the model. K is transposed inside a
// page (so that the scores of 32 tokens are computed by contiguous loads), V is row-major:
//   per layer   K  [kv_heads, head_dim, kPageTokens]     f16, or int8 with f16 scales [kv_heads, kPageTokens]
//               V  [kv_heads, kPageTokens, head_dim]     likewise
// The first bytes are a header (kv/page.hpp). `layout_id` identifies this layout: it changes when the layout does.
//
// Threads: `copy` and `bytes` from the scheduler's thread while no forward pass that uses the page is in flight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace mnema {

using PageId = std::int32_t;
inline constexpr PageId kNoPage = -1;
inline constexpr int kPageTokens = 32;

enum class KvType { kF16, kInt8 };

class PageStore {
 public:
  virtual ~PageStore() = default;
  [[nodiscard]] virtual int pages_total() const = 0;
  [[nodiscard]] virtual std::size_t page_bytes() const = 0;
  [[nodiscard]] virtual KvType kv_type() const = 0;
  /// Names layout, KV type and model shape; pages of different ids are never mixed.
  [[nodiscard]] virtual const char* layout_id() const = 0;
  /// Copies the first `tokens` positions of `from` to `to` (fork: copy-on-write of the last page).
  virtual void copy(PageId from, PageId to, int tokens) = 0;
  /// The page's bytes, for lower tiers.
  [[nodiscard]] virtual std::span<std::byte> bytes(PageId page) = 0;
};

}  // namespace mnema
