#include "runtime/events/event_digest.hpp"

#include <bit>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

std::int64_t first_bits(Sha256& hash) {
  const Sha256Digest digest = hash.finish();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | digest[i];
  return std::bit_cast<std::int64_t>(bits);
}

}  // namespace

EventDigest digest_of(const Event& event) {
  Sha256 identity;
  identity.update_field(event.tenant).update_field(event.source).update_field(event.id);
  Sha256 content;
  content.update_field(event.type).update_field(event.subject).update_field(event.content_type);
  content.update_field(event.data);
  EventDigest digest{first_bits(identity), first_bits(content)};
  if (digest.content == 0) digest.content = 1;
  return digest;
}

}  // namespace mnema
