// memory/vector/hnsw.hpp
//
// One graph of fixed capacity (Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using
// Hierarchical Navigable Small World graphs"), kept by hnswlib 0.6.2 over our int8 records. Full means full: the index
// then opens another segment. Of hnswlib nothing is used that loses data: no resize, no reuse of deleted places, no
// files of its own.
//
// A removed vector stays as a tombstone and is no longer returned; the index compacts a segment that has too many.
//
// Threads:   `add` and `remove` alone (hnswlib 0.6.2 reads links unlocked while an insert writes them); the const
//            methods beside one another. VectorIndex guards it.
// Invariant: live + removed == size <= capacity, every link points inside   (check_integrity)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "memory/vector/codec.hpp"
#include "memory/vector/matches.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct HnswParameters {
  int links = 16;                // M: per node and level, twice as many on the ground level
  int construction_width = 128;  // efConstruction
};

class ByteSink;
class ByteSource;

class HnswSegment {
 public:
  HnswSegment(VectorCodec codec, std::size_t capacity, HnswParameters parameters);
  ~HnswSegment();
  HnswSegment(const HnswSegment&) = delete;
  HnswSegment& operator=(const HnswSegment&) = delete;

  [[nodiscard]] std::size_t capacity() const;
  [[nodiscard]] std::size_t size() const;  // removed ones included
  [[nodiscard]] std::size_t removed() const;
  [[nodiscard]] std::size_t live() const { return size() - removed(); }
  [[nodiscard]] bool full() const { return size() == capacity(); }

  /// Precondition: not full. False: the label is there already, nothing changed. One that was removed comes back to its
  /// old place: labels are never reused, so it is the same vector.
  bool add(VectorLabel label, const std::byte* record);
  /// False: not there, or removed before.
  bool remove(VectorLabel label);
  [[nodiscard]] const std::byte* find(VectorLabel label) const;  // null: not there or removed

  /// Walks the graph with a candidate list of `width` and offers what it admits. Returns how many were admitted.
  std::size_t search(const std::byte* query, std::size_t width, const VectorFilter& filter, BestMatches& best) const;
  /// Compares with every live vector: exact.
  void scan(const std::byte* query, const VectorFilter& filter, BestMatches& best) const;
  /// The first `count_max` live labels, in order of insertion.
  [[nodiscard]] std::vector<VectorLabel> live_labels(std::size_t count_max) const;

  [[nodiscard]] std::size_t memory_bytes() const;
  void check_integrity() const;

  /// As part of a snapshot (vector/snapshot_file.hpp).
  void write(ByteSink& sink) const;
  /// Takes nothing on trust: sizes, levels and every link are checked. Errors: `kCorrupt`, `kResourceExhausted`.
  [[nodiscard]] static Result<std::unique_ptr<HnswSegment>> read(VectorCodec codec, std::size_t capacity_max,
                                                                 ByteSource& source);

 private:
  struct Graph;
  VectorCodec codec_;
  HnswParameters parameters_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace mnema
