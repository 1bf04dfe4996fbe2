// memory/vector/flat.hpp
//
// Vectors in one array, compared one by one: exact, nothing to build, and fast enough below some ten thousands. Holds
// everything while a tenant is small, and what is new once it is not.
//
// Threads:   not synchronised; VectorIndex guards it.
// Invariant: positions and labels are each other's inverse   (check_integrity)
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "memory/vector/codec.hpp"
#include "memory/vector/matches.hpp"

namespace mnema {

class FlatVectors {
 public:
  explicit FlatVectors(VectorCodec codec) : codec_(codec) {}

  /// Adds a record of the codec. A label that is there already keeps its record: labels are never reused.
  void add(VectorLabel label, const std::byte* record);
  /// False: not there.
  bool remove(VectorLabel label);
  [[nodiscard]] const std::byte* find(VectorLabel label) const;  // null: not there; valid until the next change

  /// Offers every admitted vector with its similarity to `query`, a record.
  void search(const std::byte* query, const VectorFilter& filter, BestMatches& best) const;

  [[nodiscard]] std::size_t size() const { return labels_.size(); }
  [[nodiscard]] bool empty() const { return labels_.empty(); }
  [[nodiscard]] std::span<const VectorLabel> labels() const { return labels_; }
  [[nodiscard]] const std::byte* record_at(std::size_t position) const {
    return records_.data() + position * codec_.record_bytes();
  }
  [[nodiscard]] std::size_t memory_bytes() const;
  void check_integrity() const;

 private:
  VectorCodec codec_;
  std::vector<VectorLabel> labels_;
  std::vector<std::byte> records_;  // [size, record_bytes]
  std::unordered_map<VectorLabel, std::size_t> positions_;
};

}  // namespace mnema
