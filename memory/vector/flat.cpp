#include "memory/vector/flat.hpp"

#include <cstring>

#include "runtime/base/check.hpp"

namespace mnema {

void FlatVectors::add(VectorLabel label, const std::byte* record) {
  if (!positions_.emplace(label, labels_.size()).second) return;
  labels_.push_back(label);
  records_.insert(records_.end(), record, record + codec_.record_bytes());
}

bool FlatVectors::remove(VectorLabel label) {
  const auto found = positions_.find(label);
  if (found == positions_.end()) return false;
  const std::size_t position = found->second;
  const std::size_t last = labels_.size() - 1;
  if (position != last) {
    labels_[position] = labels_[last];
    std::memcpy(records_.data() + position * codec_.record_bytes(), record_at(last), codec_.record_bytes());
    positions_[labels_[position]] = position;
  }
  labels_.pop_back();
  records_.resize(last * codec_.record_bytes());
  positions_.erase(found);
  return true;
}

const std::byte* FlatVectors::find(VectorLabel label) const {
  const auto found = positions_.find(label);
  return found == positions_.end() ? nullptr : record_at(found->second);
}

void FlatVectors::search(const std::byte* query, const VectorFilter& filter, BestMatches& best) const {
  if (filter.nothing) return;
  // A short list of labels is looked up instead of passed over.
  if (!filter.labels.empty() && filter.labels.size() < labels_.size() / 4) {
    for (VectorLabel label : filter.labels) {
      const std::byte* record = find(label);
      if (record != nullptr && filter.admits(label, codec_.group_of(record))) {
        best.offer({label, codec_.similarity(query, record)});
      }
    }
    return;
  }
  const bool all = filter.all();
  for (std::size_t position = 0; position < labels_.size(); ++position) {
    const std::byte* record = record_at(position);
    if (!all && !filter.admits(labels_[position], codec_.group_of(record))) continue;
    best.offer({labels_[position], codec_.similarity(query, record)});
  }
}

std::size_t FlatVectors::memory_bytes() const {
  constexpr std::size_t kMapNodeBytes = 32;
  return labels_.capacity() * sizeof(VectorLabel) + records_.capacity() + positions_.size() * kMapNodeBytes +
         positions_.bucket_count() * sizeof(void*);
}

void FlatVectors::check_integrity() const {
  CHECK(positions_.size() == labels_.size(), "each label has one position");
  CHECK(records_.size() == labels_.size() * codec_.record_bytes(), "each label has one record");
  for (std::size_t position = 0; position < labels_.size(); ++position) {
    const auto found = positions_.find(labels_[position]);
    CHECK(found != positions_.end() && found->second == position, "positions and labels are each other's inverse");
  }
}

}  // namespace mnema
