// memory/vector/hnsw.hpp
//
// One graph of fixed capacity (Malkov & Yashunin, "Efficient and robust approximate nearest neighbor search using
// Hierarchical Navigable Small World graphs") over vectors encoded as int8 (codec.hpp). A full segment is never
// resized: the index opens another one. The same vectors in the same order make the same graph.
//
// A removed vector stays as a tombstone, through which walks go on, and is no longer returned; the index compacts a
// segment that has too many.
//
// Threads:   `add` and `remove` need exclusive access (an insert writes the links of others); const methods may run
//            concurrently. VectorIndex holds its mutex over both.
// Invariant: removed == tombstones, a label per node, every link refers to a node of its level   (check_integrity)
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
  int links = 16;                // M: per node and level, twice as many on layer 0
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

  /// Precondition: not full. False: the label is there already, nothing changed. A removed label is
  /// restored in its slot, and its record written anew.
  bool add(VectorLabel label, const std::byte* record);
  /// False: not there, or removed before.
  bool remove(VectorLabel label);
  [[nodiscard]] const std::byte* find(VectorLabel label) const;  // null: not there or removed

  /// Walks the graph with a candidate list of `width` (ef) and adds what passes `filter` to `best`, of all that was met
  /// on the way. Returns how many of the list itself pass.
  std::size_t search(const std::byte* query, std::size_t width, const VectorFilter& filter, BestMatches& best) const;
  /// Compares with every live vector: exact.
  void scan(const std::byte* query, const VectorFilter& filter, BestMatches& best) const;
  /// The first `count_max` live labels, in order of insertion.
  [[nodiscard]] std::vector<VectorLabel> live_labels(std::size_t count_max) const;

  [[nodiscard]] std::size_t memory_bytes() const;
  void check_integrity() const;

  /// As part of a snapshot (vector/snapshot_file.hpp).
  void write(ByteSink& sink) const;
  /// Sizes, levels and every link are checked. Errors: `kCorrupt`, `kResourceExhausted`.
  [[nodiscard]] static Result<std::unique_ptr<HnswSegment>> read(VectorCodec codec, std::size_t capacity_max,
                                                                 ByteSource& source);

 private:
  struct Graph;
  VectorCodec codec_;
  std::size_t capacity_;
  HnswParameters parameters_;
  std::unique_ptr<Graph> graph_;
};

}  // namespace mnema
