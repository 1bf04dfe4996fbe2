// memory/vector/index.hpp
//
// The vectors of one tenant, searchable. Up to `exact_max` vectors are compared one by one; beyond that they move, in
// slices, into graph segments of fixed capacity, and only what is new is compared one by one. A segment in which a
// quarter is removed goes back the same way. So there is never a rebuild that anybody waits for.
//
//   search:  few labels allowed, few vectors in the groups allowed, or few at all   -> exact, over those alone
//            else the graphs, with a list as long as the groups' share of the vectors asks for, doubled until enough
//            are admitted; where the filter admits too little for that to be worth it   -> exact
//            In the end the best, twice as many as asked for, are ranked by their whole records.
//
// Threads:   `search` and the counts from any thread, beside everything. `add`, `remove`, `upkeep*` and `write` one at
//            a time (the index keeper's strand).
// Ownership: owns its vectors' records, not the rows they stand for.
// Invariant: a label is in the flat part or in exactly one segment, and in the list of its group   (check_integrity)
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "memory/vector/codec.hpp"
#include "memory/vector/fair_shared_mutex.hpp"
#include "memory/vector/flat.hpp"
#include "memory/vector/hnsw.hpp"
#include "memory/vector/matches.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class VectorIndex {
 public:
  struct Options {
    std::int64_t exact_max = 20'000;
    std::int64_t segment_max = 1 << 20;  // vectors; the next begins another segment
    HnswParameters graph;
  };
  struct Found {
    std::vector<VectorMatch> matches;  // best first
    bool exact = true;                 // nothing admitted was passed over
  };

  VectorIndex(VectorCodec codec, Options options);
  ~VectorIndex();
  VectorIndex(const VectorIndex&) = delete;
  VectorIndex& operator=(const VectorIndex&) = delete;

  /// Adds a vector of length 1. A label known already changes nothing.
  void add(VectorLabel label, VectorGroup group, std::span<const float> vector);
  /// False: not there.
  bool remove(VectorLabel label);

  /// The `count` nearest of what `filter` admits; fewer only when it admits fewer. `width` is the list's length in the
  /// first walk; 0: as `count` needs.
  [[nodiscard]] Found search(std::span<const float> query, std::size_t count, const VectorFilter& filter,
                             std::size_t width = 0) const;

  /// Of each label the similarity to `query`; none: it is not there, or not admitted.
  [[nodiscard]] std::vector<std::optional<float>> similarities(std::span<const float> query,
                                                               std::span<const VectorLabel> labels,
                                                               const VectorFilter& filter) const;

  /// True: vectors are not where they belong yet.
  [[nodiscard]] bool upkeep_due() const;
  /// Moves a slice of them: at most `inserts_max` into a graph, or a few thousand out of one. Searches go on beside it.
  void upkeep(int inserts_max);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t in_graphs() const;
  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] std::vector<VectorLabel> labels() const;  // sorted
  [[nodiscard]] const VectorCodec& codec() const { return codec_; }
  void check_integrity() const;

  /// As part of a snapshot (vector/snapshot_file.hpp).
  void write(ByteSink& sink) const;
  /// Errors: `kCorrupt`.
  [[nodiscard]] static Result<std::unique_ptr<VectorIndex>> read(VectorCodec codec, Options options,
                                                                 ByteSource& source);

 private:
  using Segments = std::vector<std::unique_ptr<HnswSegment>>;
  /// The labels of one group, sorted, while they are few enough to be compared one by one.
  struct Group {
    std::vector<VectorLabel> labels;  // empty in a large one
    std::size_t count = 0;
  };

  [[nodiscard]] std::size_t live() const;                                                            // under mutex_
  void search_exactly(const std::byte* query, const VectorFilter& filter, BestMatches& best) const;  // under mutex_
  /// The `count` nearest of `best`, ranked by all that their records say.
  [[nodiscard]] std::vector<VectorMatch> refined(std::span<const float> query, std::size_t count,
                                                 BestMatches& best) const;  // under mutex_
  /// The width at which a walk is likely to meet enough of what `filter` admits.
  [[nodiscard]] std::size_t first_width(std::size_t count, const VectorFilter& filter) const;  // under mutex_
  /// All labels that the groups of `filter` have; none: they are not listed, or more than `count_max`.
  [[nodiscard]] std::optional<std::vector<VectorLabel>> listed(const VectorFilter& filter,
                                                               std::size_t count_max) const;  // under mutex_
  [[nodiscard]] const std::byte* find(VectorLabel label) const;  // under mutex_; null: not there
  void join_group(VectorLabel label, VectorGroup group);         // under mutex_, as the next
  void leave_group(VectorLabel label, VectorGroup group);
  [[nodiscard]] HnswSegment* segment_to_compact() const;  // null: none
  [[nodiscard]] bool graph_due() const;
  void move_to_graph(int inserts_max);
  void compact(HnswSegment& segment);
  HnswSegment* open_segment();  // null: no memory for one

  const VectorCodec codec_;
  const Options options_;
  mutable FairSharedMutex mutex_;  // guards the three below; writers hold it for one insert at a time
  FlatVectors flat_;
  Segments segments_;  // the last one is being filled
  std::unordered_map<VectorGroup, Group> groups_;
  bool out_of_memory_ = false;  // for another segment; tried again after the next add. Of the writer alone
};

}  // namespace mnema
