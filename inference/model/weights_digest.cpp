#include "inference/model/weights_digest.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <span>
#include <string_view>

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

std::string_view view_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Every bit of the number counts, so it is written in hexadecimal floating point.
std::string exact(double value) { return fmt::format("{:a}", value); }

std::string describe(const Rope& rope) {
  std::string text = rope.pairing == RopePairing::kHalves ? "halves" : "neighbours";
  for (double frequency : rope.frequencies) text += " " + exact(frequency);
  return text;
}

}  // namespace

void WeightsDigest::add(const HyperParameters& p) {
  record_ += fmt::format("{} layers {} embedding {} ffn {} heads {}/{} dims {}/{} vocabulary {} window {}/{} ",
                         p.architecture, p.layers, p.embedding, p.feed_forward, p.heads, p.kv_heads, p.key_dim,
                         p.value_dim, p.vocabulary, p.window, p.window_pattern);
  record_ += fmt::format("epsilon {} scale {} caps {} {} embedding scale {} gate {}\n", exact(p.norm_epsilon),
                         exact(p.attention_scale), exact(p.attention_soft_cap), exact(p.logit_soft_cap),
                         exact(p.embedding_scale), static_cast<int>(p.activation));
  record_ += describe(p.rope) + "\n" + describe(p.rope_sliding) + "\n";
}

void WeightsDigest::add(const GgufTensor& tensor) {
  constexpr std::size_t kLeafBytes = std::size_t{1} << 20;
  std::size_t count = (tensor.data.size() + kLeafBytes - 1) / kLeafBytes;
  std::vector<Sha256Digest> leaves(count);
  pool_.run([&](int worker) {
    Share share = share_of(count, 1, worker, pool_.threads());
    for (std::size_t i = share.begin; i < share.end; ++i) {
      std::size_t begin = i * kLeafBytes;
      leaves[i] = sha256(view_of(tensor.data.subspan(begin, std::min(kLeafBytes, tensor.data.size() - begin))));
    }
  });
  record_ += fmt::format("{} type {} shape", tensor.name, static_cast<unsigned>(tensor.type));
  for (std::uint64_t dimension : tensor.shape) record_ += fmt::format(" {}", dimension);
  record_ += " " + sha256_hex(view_of(std::as_bytes(std::span(leaves)))) + "\n";
}

std::string WeightsDigest::finish() const { return sha256_hex(record_); }

}  // namespace mnema
