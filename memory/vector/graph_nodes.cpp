#include "memory/vector/graph_nodes.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "memory/vector/byte_stream.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;
constexpr int kLevelMax = 16;

constexpr std::size_t rounded_up(std::size_t bytes, std::size_t to) { return (bytes + to - 1) / to * to; }

Error corrupt(const char* what) { return fail(ErrorCode::kCorrupt, std::string("vector segment: ") + what); }

/// SplitMix64's mixing of the node's number.
std::uint64_t mixed(std::uint64_t number) {
  number = (number + 1) * 0x9e37'79b9'7f4a'7c15ULL;
  number = (number ^ (number >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
  number = (number ^ (number >> 27)) * 0x94d0'49bb'1331'11ebULL;
  return number ^ (number >> 31);
}

}  // namespace

GraphNodes::GraphNodes(VectorCodec codec, std::size_t links)
    : codec_(codec),
      links_(links),
      label_at_(rounded_up(codec.record_bytes(), alignof(VectorLabel))),
      stride_(rounded_up(label_at_ + sizeof(VectorLabel) + (1 + 2 * links) * sizeof(std::uint32_t), kLineBytes)) {}

int GraphNodes::level_of(GraphNode node) const {
  const double uniform = static_cast<double>((mixed(node) >> 11) + 1) * 0x1p-53;  // in (0, 1]
  return std::min(kLevelMax, static_cast<int>(-std::log(uniform) / std::log(static_cast<double>(links_))));
}

void GraphNodes::set_links(GraphNode node, int level, std::span<const GraphNode> links) {
  DCHECK(links.size() <= links_max(level), "a node's links have a bound");
  std::uint32_t* to = list(node, level);
  *to = static_cast<std::uint32_t>(links.size());
  std::copy(links.begin(), links.end(), to + 1);
}

void GraphNodes::add_link(GraphNode node, int level, GraphNode target) {
  std::uint32_t* to = list(node, level);
  DCHECK(*to < links_max(level), "a node's links have a bound");
  to[1 + (*to)++] = target;
}

std::byte* GraphNodes::take_slot(GraphNode node) {
  if (node / kBlockNodes == blocks_.size()) {
    const std::size_t bytes = kBlockNodes * stride_;
    // Huge pages as far as they are full: a walk jumps about, and small ones would each cost a look-up of their own.
    void* block = std::aligned_alloc(kHugePageBytes, rounded_up(bytes, kHugePageBytes));
    if (block == nullptr) throw std::bad_alloc();
    ::madvise(block, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);
    blocks_.emplace_back(static_cast<std::byte*>(block));
  }
  return record(node);
}

GraphNode GraphNodes::append(VectorLabel label, const std::byte* record) {
  const auto node = static_cast<GraphNode>(size_);
  std::byte* slot = take_slot(node);
  std::memcpy(slot, record, codec_.record_bytes());
  std::memset(slot + codec_.record_bytes(), 0, stride_ - codec_.record_bytes());
  std::memcpy(slot + label_at_, &label, sizeof label);
  if (const int level = level_of(node); level > 0) {
    upper_at_[node] = upper_.size();
    upper_.resize(upper_.size() + static_cast<std::size_t>(level) * (1 + links_));
  }
  labels_.add(node, [this](GraphNode known) { return this->label(known); });
  ++size_;
  return node;
}

std::size_t GraphNodes::memory_bytes() const {
  constexpr std::size_t kMapNodeBytes = 40;
  return size_ * stride_ + upper_.capacity() * sizeof(std::uint32_t) + upper_at_.size() * kMapNodeBytes +
         labels_.memory_bytes();
}

Status GraphNodes::check_links() const {
  for (std::size_t i = 0; i < size_; ++i) {
    const auto node = static_cast<GraphNode>(i);
    for (int level = level_of(node); level >= 0; --level) {
      const std::span<const GraphNode> targets = links(node, level);
      if (targets.size() > links_max(level)) return corrupt("a node has too many links");
      for (const GraphNode target : targets) {
        if (target >= size_ || target == node || level_of(target) < level) return corrupt("a link leads nowhere");
      }
    }
  }
  return {};
}

void GraphNodes::write(ByteSink& sink) const {
  const std::size_t bytes = label_at_ + sizeof(VectorLabel) + (1 + 2 * links_) * sizeof(std::uint32_t);
  for (std::size_t node = 0; node < size_; ++node) sink.write(record(static_cast<GraphNode>(node)), bytes);
  sink.write(upper_.data(), upper_.size() * sizeof(std::uint32_t));
}

Status GraphNodes::read(std::size_t count, ByteSource& source) {
  CHECK(size_ == 0, "a graph is read into an empty one");
  const std::size_t bytes = label_at_ + sizeof(VectorLabel) + (1 + 2 * links_) * sizeof(std::uint32_t);
  if (count > source.remaining() / bytes) return corrupt("shorter than its count says");
  const auto label_of = [this](GraphNode node) { return label(node); };
  try {
    for (std::size_t i = 0; i < count; ++i) {
      const auto node = static_cast<GraphNode>(i);
      std::byte* slot = take_slot(node);
      RETURN_IF_ERROR(source.read(slot, bytes));
      std::memset(slot + bytes, 0, stride_ - bytes);
      if (!codec_.sound(slot)) return corrupt("a record has an impossible scale");
      if (find(label(node))) return corrupt("a label stands twice");
      labels_.add(node, label_of);
      if (const int level = level_of(node); level > 0) {
        upper_at_[node] = upper_.size();
        upper_.resize(upper_.size() + static_cast<std::size_t>(level) * (1 + links_));
      }
      ++size_;
    }
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::kResourceExhausted, "no memory for a vector segment");
  }
  RETURN_IF_ERROR(source.read(upper_.data(), upper_.size() * sizeof(std::uint32_t)));
  return check_links();
}

}  // namespace mnema
