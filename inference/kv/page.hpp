// inference/kv/page.hpp
//
// What a KV page is called. A page's key says everything that its bytes depend on: the layout, the model, the tokens
// before it (by the parent's key), its own tokens, and whose they are (by the salt). Equal keys mean equal bytes, in
// every process and after every restart; a key cannot be predicted without the salt.
//
//   key = SHA-256(layout id, fingerprint, salt, parent key, token ids)         each field with its length
//
// Threads: pure functions over plain values.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "inference/kv/page_store.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema::kv {

/// What all pages of one engine's model have in common.
struct PageFormat {
  std::string layout_id;    // PageStore::layout_id
  std::string fingerprint;  // BackendInfo::fingerprint
};

/// Whose tokens a page holds (salts.hpp).
struct Salt {
  Sha256Digest bytes{};
  bool operator==(const Salt&) const = default;
};

/// Whose a page is, and under which tenant; everybody's and a tenant's own pages have the same salt twice.
struct Owner {
  Salt salt, tenant;
};

struct PageKey {
  Sha256Digest digest{};  // all zero: the key of the empty prefix, parent of every first page
  bool operator==(const PageKey&) const = default;
};

struct PageKeyHash {
  std::size_t operator()(const PageKey& key) const {
    std::size_t value;
    std::memcpy(&value, key.digest.data(), sizeof value);  // a digest's first bytes are as good a hash as any
    return value;
  }
};

/// The key of a page with `tokens` after the page called `parent`. Precondition: 1..kPageTokens tokens.
[[nodiscard]] PageKey page_key(const PageFormat& format, const Salt& salt, const PageKey& parent,
                               std::span<const TokenId> tokens);

/// The first bytes of a page that leaves this process's memory. All integers little-endian.
struct PageHeader {
  std::array<char, 8> magic;  // "mnemakv1"
  std::uint32_t page_bytes;   // header included
  std::uint32_t token_count;
  std::array<TokenId, kPageTokens> tokens;  // the rest is 0
  Sha256Digest key;
  Sha256Digest parent;
  Sha256Digest owner;     // the salt's SHA-256: says whose it is without giving the salt away
  Sha256Digest format;    // SHA-256 of layout id and fingerprint
  Sha256Digest checksum;  // SHA-256 of the header with this field zero, then of the payload
};
static_assert(sizeof(PageHeader) == 8 + 8 + 4 * kPageTokens + 5 * 32);
static_assert(sizeof(PageHeader) <= 512, "page_store_cpu.hpp keeps this much free before the payload");

/// Fills in the header of a page whose payload is complete. `header_bytes`: where the payload begins.
void seal_page(std::span<std::byte> page, std::size_t header_bytes, const PageFormat& format, const Salt& salt,
               const PageKey& parent, std::span<const TokenId> tokens);

/// Whether `page` is what its header says, of this format and owner, and was not damaged. Never trusts a length in it.
/// Errors: `kCorrupt` (which check failed).
[[nodiscard]] Status verify_page(std::span<const std::byte> page, std::size_t header_bytes, const PageFormat& format,
                                 const Salt& salt);

}  // namespace mnema::kv
