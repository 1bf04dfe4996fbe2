// inference/model/page_store_cpu.hpp
//
// KV pages in this machine's memory: one anonymous mapping, advised to use huge pages, touched only when written.
// The layout is kv/page_store.hpp's; this file says at which byte everything stands.
//
//   page        header (kPageHeaderBytes) | layer 0 | layer 1 | ...
//   layer       K, all heads | K scales | V, all heads | V scales          (scales only with int8)
//     K         f16 or i8 [kv_heads, key_dim, kPageTokens]
//     K scales  f16 [kv_heads, kPageTokens]
//     V         f16 or i8 [kv_heads, kPageTokens, value_dim]
//     V scales  f16 [kv_heads, kPageTokens]
//
// Threads: as kv/page_store.hpp; `block` from any worker of a step.
// Invariant: every byte of a page that attention may read is a finite number, written or not: the mapping starts as
//          zeros and kv_write saturates. Masked positions therefore add exactly nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "inference/kernels/attention.hpp"
#include "inference/kv/page_store.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

inline constexpr std::size_t kPageHeaderBytes = 512;  // kv/page.hpp's header fits; keeps the payload aligned

/// What of a model decides the size and place of everything in a page.
struct KvShape {
  int layers = 0;
  int kv_heads = 0;
  int key_dim = 0;
  int value_dim = 0;
  KvType type = KvType::kF16;
};

class PageStoreCpu final : public PageStore {
 public:
  /// Maps space for as many pages as `memory_bytes` holds (at least one). Errors: `kResourceExhausted`.
  [[nodiscard]] static Result<std::unique_ptr<PageStoreCpu>> create(const KvShape& shape, std::size_t memory_bytes);
  ~PageStoreCpu() override;
  PageStoreCpu(const PageStoreCpu&) = delete;
  PageStoreCpu& operator=(const PageStoreCpu&) = delete;

  [[nodiscard]] int pages_total() const override { return pages_total_; }
  [[nodiscard]] std::size_t page_bytes() const override { return page_bytes_; }
  [[nodiscard]] KvType kv_type() const override { return shape_.type; }
  [[nodiscard]] const char* layout_id() const override { return layout_id_.c_str(); }
  void copy(PageId from, PageId to, int tokens) override;
  [[nodiscard]] std::span<std::byte> bytes(PageId page) override;

  [[nodiscard]] const KvShape& shape() const { return shape_; }

  /// K and V of one layer and one KV head in `page`.
  [[nodiscard]] KvBlock block(PageId page, int layer, int kv_head) const;

 private:
  PageStoreCpu() = default;

  KvShape shape_;
  std::string layout_id_;
  int pages_total_ = 0;
  std::size_t page_bytes_ = 0;
  std::size_t layer_bytes_ = 0;
  std::size_t k_scales_offset_ = 0;  // inside a layer
  std::size_t v_offset_ = 0;
  std::size_t v_scales_offset_ = 0;
  std::byte* arena_ = nullptr;
  std::size_t arena_bytes_ = 0;
};

}  // namespace mnema
