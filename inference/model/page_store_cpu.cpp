#include "inference/model/page_store_cpu.hpp"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace mnema {
namespace {

constexpr std::size_t kAlignment = 64;  // a cache line, and the widest vector
constexpr std::size_t kTokens = kPageTokens;

std::size_t aligned(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
std::size_t value_bytes(KvType type) { return type == KvType::kF16 ? 2 : 1; }

}  // namespace

static_assert(kPageTokens == kAttentionPageTokens);
static_assert(kPageHeaderBytes % kAlignment == 0);

Result<std::unique_ptr<PageStoreCpu>> PageStoreCpu::create(const KvShape& shape, std::size_t memory_bytes) {
  auto store = std::unique_ptr<PageStoreCpu>(new PageStoreCpu());
  store->shape_ = shape;
  store->layout_id_ = fmt::format("cpu2-{}-p{}-l{}-h{}-k{}-v{}", shape.type == KvType::kF16 ? "f16" : "i8", kPageTokens,
                                  shape.layers, shape.kv_heads, shape.key_dim, shape.value_dim);
  auto heads = static_cast<std::size_t>(shape.kv_heads);
  std::size_t scales = shape.type == KvType::kInt8 ? aligned(heads * kTokens * sizeof(std::uint16_t)) : 0;
  std::size_t keys = heads * static_cast<std::size_t>(shape.key_dim) * kTokens * value_bytes(shape.type);
  std::size_t values = heads * static_cast<std::size_t>(shape.value_dim) * kTokens * value_bytes(shape.type);
  store->k_scales_offset_ = aligned(keys);
  store->v_offset_ = store->k_scales_offset_ + scales;
  store->v_scales_offset_ = store->v_offset_ + aligned(values);
  store->layer_bytes_ = store->v_scales_offset_ + scales;
  store->page_bytes_ = kPageHeaderBytes + static_cast<std::size_t>(shape.layers) * store->layer_bytes_;

  constexpr std::size_t kPagesMax = std::size_t{1} << 30;  // PageId stays far from its limit
  std::size_t pages = std::clamp<std::size_t>(memory_bytes / store->page_bytes_, 1, kPagesMax);
  store->pages_total_ = static_cast<int>(pages);
  store->arena_bytes_ = pages * store->page_bytes_;
  void* arena =
      mmap(nullptr, store->arena_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED) {
    store->arena_bytes_ = 0;
    return fail(ErrorCode::kResourceExhausted,
                fmt::format("cannot map {} MiB for KV pages: {}", (pages * store->page_bytes_) >> 20, strerror(errno)),
                "lower kv_memory_bytes");
  }
  store->arena_ = static_cast<std::byte*>(arena);
  // Only advice: attention then touches few TLB entries. Without huge pages it is slower, not wrong.
  madvise(arena, store->arena_bytes_, MADV_HUGEPAGE);
  return store;
}

PageStoreCpu::~PageStoreCpu() {
  if (arena_bytes_ > 0) munmap(arena_, arena_bytes_);
}

std::span<std::byte> PageStoreCpu::bytes(PageId page) {
  CHECK(page >= 0 && page < pages_total_, "a page id names a page of this store");
  return {arena_ + static_cast<std::size_t>(page) * page_bytes_, page_bytes_};
}

KvBlock PageStoreCpu::block(PageId page, int layer, int kv_head) const {
  auto head = static_cast<std::size_t>(kv_head);
  std::byte* base = arena_ + static_cast<std::size_t>(page) * page_bytes_ + kPageHeaderBytes +
                    static_cast<std::size_t>(layer) * layer_bytes_;
  std::size_t value_size = value_bytes(shape_.type);
  KvBlock block{};
  block.k = base + head * static_cast<std::size_t>(shape_.key_dim) * kTokens * value_size;
  block.v = base + v_offset_ + head * static_cast<std::size_t>(shape_.value_dim) * kTokens * value_size;
  if (shape_.type == KvType::kInt8) {
    block.k_scales = reinterpret_cast<std::uint16_t*>(base + k_scales_offset_) + head * kTokens;
    block.v_scales = reinterpret_cast<std::uint16_t*>(base + v_scales_offset_) + head * kTokens;
  }
  return block;
}

void PageStoreCpu::copy(PageId from, PageId to, int tokens) {
  CHECK(from >= 0 && from < pages_total_ && to >= 0 && to < pages_total_ && from != to, "two pages of this store");
  CHECK(tokens >= 0 && tokens <= kPageTokens, "a page holds 0..32 positions");
  auto count = static_cast<std::size_t>(tokens);
  std::size_t value_size = value_bytes(shape_.type);
  auto key_dim = static_cast<std::size_t>(shape_.key_dim), value_dim = static_cast<std::size_t>(shape_.value_dim);
  for (int layer = 0; layer < shape_.layers; ++layer) {
    for (int head = 0; head < shape_.kv_heads; ++head) {
      KvBlock source = block(from, layer, head), target = block(to, layer, head);
      for (std::size_t d = 0; d < key_dim; ++d) {
        std::size_t column = d * kTokens * value_size;
        std::memcpy(static_cast<std::byte*>(target.k) + column, static_cast<std::byte*>(source.k) + column,
                    count * value_size);
      }
      std::memcpy(target.v, source.v, count * value_dim * value_size);
      if (shape_.type == KvType::kInt8) {
        std::memcpy(target.k_scales, source.k_scales, count * sizeof(std::uint16_t));
        std::memcpy(target.v_scales, source.v_scales, count * sizeof(std::uint16_t));
      }
    }
  }
}

}  // namespace mnema
