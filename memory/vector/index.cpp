#include "memory/vector/index.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <shared_mutex>

#include "memory/vector/byte_stream.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr std::size_t kWidthMin = 256;        // of the candidate list of a walk
constexpr std::size_t kWidthMax = 4'096;      // beyond it a scan of int8 records is as fast
constexpr std::size_t kKeptShare = 2;         // times what is asked for is ranked anew by all that a record says
constexpr std::size_t kRemovedShare = 4;      // one in so many removed: the segment is compacted
constexpr std::size_t kCompactSlice = 2'048;  // records copied under one lock: below a millisecond
constexpr std::size_t kSegmentsMax = 4'096;   // a file that says more is not ours

/// What is not finite counts as 0, as it does in records.
std::vector<float> finite(std::span<const float> vector) {
  std::vector<float> values(vector.begin(), vector.end());
  for (float& value : values) value = std::isfinite(value) ? value : 0.0F;
  return values;
}

bool worn(const HnswSegment& segment) { return segment.removed() * kRemovedShare > segment.size(); }

}  // namespace

VectorIndex::VectorIndex(VectorCodec codec, Options options) : codec_(codec), options_(options), flat_(codec) {
  CHECK(options.exact_max > 0 && options.segment_max > 0, "both bounds are positive");
}

VectorIndex::~VectorIndex() = default;

void VectorIndex::add(VectorLabel label, VectorGroup group, std::span<const float> vector) {
  std::vector<std::byte> record(codec_.record_bytes());
  codec_.encode(vector, group, record.data());
  const std::unique_lock lock(mutex_);
  if (find(label) != nullptr) return;
  flat_.add(label, record.data());
  join_group(label, group);
  out_of_memory_ = false;
}

bool VectorIndex::remove(VectorLabel label) {
  const std::unique_lock lock(mutex_);
  const std::byte* record = find(label);
  if (record == nullptr) return false;
  leave_group(label, codec_.group_of(record));
  if (flat_.remove(label)) return true;
  return std::any_of(segments_.begin(), segments_.end(), [&](auto& segment) { return segment->remove(label); });
}

const std::byte* VectorIndex::find(VectorLabel label) const {
  if (const std::byte* record = flat_.find(label)) return record;
  for (const auto& segment : segments_) {
    if (const std::byte* record = segment->find(label)) return record;
  }
  return nullptr;
}

void VectorIndex::join_group(VectorLabel label, VectorGroup group) {
  Group& joined = groups_[group];
  const bool was_listed = joined.labels.size() == joined.count;
  ++joined.count;
  if (!was_listed || joined.count > static_cast<std::size_t>(options_.exact_max)) {
    std::vector<VectorLabel>().swap(joined.labels);
    return;
  }
  joined.labels.insert(std::upper_bound(joined.labels.begin(), joined.labels.end(), label), label);
}

/// A large group that has become small stays unlisted until the index is read from its file again.
void VectorIndex::leave_group(VectorLabel label, VectorGroup group) {
  const auto left = groups_.find(group);
  const auto place = std::lower_bound(left->second.labels.begin(), left->second.labels.end(), label);
  if (place != left->second.labels.end() && *place == label) left->second.labels.erase(place);
  if (--left->second.count == 0) groups_.erase(left);
}

std::size_t VectorIndex::first_width(std::size_t count, const VectorFilter& filter) const {
  const std::size_t width = std::max(kWidthMin, 4 * count);
  if (filter.groups.empty()) return width;
  std::size_t admitted = 1;
  for (const VectorGroup group : filter.groups) {
    if (const auto found = groups_.find(group); found != groups_.end()) admitted += found->second.count;
  }
  return std::max(width, 2 * count * live() / admitted);
}

std::optional<std::vector<VectorLabel>> VectorIndex::listed(const VectorFilter& filter, std::size_t count_max) const {
  if (filter.groups.empty() || !filter.labels.empty()) return {};
  std::vector<VectorLabel> labels;
  for (const VectorGroup group : filter.groups) {
    const auto found = groups_.find(group);
    if (found == groups_.end()) continue;
    const Group& members = found->second;
    if (members.labels.size() != members.count || labels.size() + members.count > count_max) return {};
    labels.insert(labels.end(), members.labels.begin(), members.labels.end());
  }
  return labels;
}

std::vector<std::optional<float>> VectorIndex::similarities(std::span<const float> query,
                                                            std::span<const VectorLabel> labels,
                                                            const VectorFilter& filter) const {
  const std::vector<float> values = finite(query);
  std::vector<std::optional<float>> found(labels.size());
  const std::shared_lock lock(mutex_);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::byte* other = find(labels[i]);
    if (other == nullptr || !filter.admits(labels[i], codec_.group_of(other))) continue;
    found[i] = codec_.refined_similarity(values, other);
  }
  return found;
}

VectorIndex::Found VectorIndex::search(std::span<const float> query, std::size_t count, const VectorFilter& filter,
                                       std::size_t width) const {
  std::vector<std::byte> record(codec_.record_bytes());
  codec_.encode(query, 0, record.data());
  Found found;
  if (count == 0 || filter.nothing) return found;

  const std::size_t kept = kKeptShare * count;
  const std::shared_lock lock(mutex_);
  const auto exact_max = static_cast<std::size_t>(options_.exact_max);
  if (width == 0) width = first_width(count, filter);
  // Looking up and comparing one costs as much as comparing this many in a row, and a step of a walk as this many.
  constexpr std::size_t kLookupCost = 4;
  constexpr std::size_t kLookupsPerStep = 8;
  const std::size_t listed_max =
      live() <= exact_max ? live() / kLookupCost : kLookupsPerStep * width * std::max<std::size_t>(1, segments_.size());
  if (const auto labels = listed(filter, listed_max)) {
    BestMatches best(kept);
    for (const VectorLabel label : *labels) {
      if (const std::byte* other = find(label)) best.offer({label, codec_.similarity(record.data(), other)});
    }
    found.matches = refined(query, count, best);
    return found;
  }
  const bool few = live() <= exact_max || (!filter.labels.empty() && filter.labels.size() <= exact_max);
  for (; !few && width <= kWidthMax; width *= 2) {
    BestMatches best(kept);
    flat_.search(record.data(), filter, best);
    bool enough = true;
    std::size_t admitted = 0;
    for (const auto& segment : segments_) {
      const std::size_t here = segment->search(record.data(), width, filter, best);
      // A segment whose walk ended with fewer than asked for may hide better ones behind what the filter passed over.
      enough = enough && (here >= count || width >= segment->size());
      admitted += here;
    }
    if (enough) {
      found.matches = refined(query, count, best);
      found.exact = false;
      return found;
    }
    // So little is admitted that even the widest walk would not reach enough.
    if (admitted * (kWidthMax / width) < count) break;
  }
  BestMatches best(kept);
  search_exactly(record.data(), filter, best);
  found.matches = refined(query, count, best);
  return found;
}

std::vector<VectorMatch> VectorIndex::refined(std::span<const float> query, std::size_t count,
                                              BestMatches& best) const {
  const std::vector<float> values = finite(query);
  std::vector<VectorMatch> matches = best.take();
  for (VectorMatch& match : matches) {
    const float similarity = codec_.refined_similarity(values, find(match.label));
    match.similarity = std::isnan(similarity) ? -1.0F : similarity;  // of a question far from length 1
  }
  std::sort(matches.begin(), matches.end());
  if (matches.size() > count) matches.resize(count);
  return matches;
}

void VectorIndex::search_exactly(const std::byte* query, const VectorFilter& filter, BestMatches& best) const {
  flat_.search(query, filter, best);
  for (const auto& segment : segments_) {
    if (!filter.labels.empty() && filter.labels.size() < segment->size() / 4) {
      for (VectorLabel label : filter.labels) {
        const std::byte* record = segment->find(label);
        if (record != nullptr && filter.admits(label, codec_.group_of(record))) {
          best.offer({label, codec_.similarity(query, record)});
        }
      }
    } else {
      segment->scan(query, filter, best);
    }
  }
}

bool VectorIndex::upkeep_due() const { return segment_to_compact() != nullptr || graph_due(); }

void VectorIndex::upkeep(int inserts_max) {
  if (HnswSegment* leaving = segment_to_compact()) {
    compact(*leaving);
  } else if (graph_due()) {
    move_to_graph(inserts_max);
  }
}

HnswSegment* VectorIndex::segment_to_compact() const {
  // Back to exact only at half the bound, so that an index at the bound does not go to and fro.
  const bool small = live() * 2 <= static_cast<std::size_t>(options_.exact_max);
  const auto leaving =
      std::find_if(segments_.begin(), segments_.end(), [&](const auto& segment) { return small || worn(*segment); });
  return leaving == segments_.end() ? nullptr : leaving->get();
}

bool VectorIndex::graph_due() const {
  return !out_of_memory_ && !flat_.empty() && live() > static_cast<std::size_t>(options_.exact_max);
}

void VectorIndex::move_to_graph(int inserts_max) {
  for (int moved = 0; moved < inserts_max && !flat_.empty(); ++moved) {
    const std::unique_lock lock(mutex_);
    HnswSegment* segment = open_segment();
    if (segment == nullptr) return;
    const std::size_t last = flat_.size() - 1;
    const VectorLabel label = flat_.labels()[last];
    segment->add(label, flat_.record_at(last));
    flat_.remove(label);
  }
}

void VectorIndex::compact(HnswSegment& segment) {
  const std::vector<VectorLabel> leaving = segment.live_labels(kCompactSlice);
  const std::unique_lock lock(mutex_);
  for (VectorLabel label : leaving) {
    flat_.add(label, segment.find(label));
    segment.remove(label);
  }
  std::erase_if(segments_, [](const auto& candidate) { return candidate->live() == 0; });
}

HnswSegment* VectorIndex::open_segment() {
  if (!segments_.empty() && !segments_.back()->full()) return segments_.back().get();
  try {
    segments_.push_back(std::make_unique<HnswSegment>(codec_, options_.segment_max, options_.graph));
  } catch (const std::exception& failure) {
    log_error("memory", "no memory for another vector segment; what is new is compared one by one",
              {{"cause", failure.what()}});
    out_of_memory_ = true;
    return nullptr;
  }
  return segments_.back().get();
}

std::size_t VectorIndex::live() const {
  std::size_t count = flat_.size();
  for (const auto& segment : segments_) count += segment->live();
  return count;
}

std::size_t VectorIndex::size() const {
  const std::shared_lock lock(mutex_);
  return live();
}

std::size_t VectorIndex::in_graphs() const {
  const std::shared_lock lock(mutex_);
  return live() - flat_.size();
}

std::size_t VectorIndex::memory_bytes() const {
  const std::shared_lock lock(mutex_);
  std::size_t bytes = flat_.memory_bytes();
  for (const auto& segment : segments_) bytes += segment->memory_bytes();
  return bytes;
}

std::vector<VectorLabel> VectorIndex::labels() const {
  const std::shared_lock lock(mutex_);
  std::vector<VectorLabel> labels(flat_.labels().begin(), flat_.labels().end());
  for (const auto& segment : segments_) {
    const std::vector<VectorLabel> here = segment->live_labels(segment->size());
    labels.insert(labels.end(), here.begin(), here.end());
  }
  std::sort(labels.begin(), labels.end());
  return labels;
}

void VectorIndex::check_integrity() const {
  const std::vector<VectorLabel> all = labels();
  CHECK(std::adjacent_find(all.begin(), all.end()) == all.end(), "a label is in one place");
  const std::shared_lock lock(mutex_);
  CHECK(all.size() == live(), "labels are counted");
  flat_.check_integrity();
  for (const auto& segment : segments_) segment->check_integrity();
  std::size_t grouped = 0;
  for (const auto& [group, members] : groups_) {
    grouped += members.count;
    for (const VectorLabel label : members.labels) {
      const std::byte* record = find(label);
      CHECK(record != nullptr && codec_.group_of(record) == group, "a group lists its own");
    }
  }
  CHECK(grouped == all.size(), "each label is in a group");
}

// flat count u64 | per vector: label i64, record | segments u32 | segments
void VectorIndex::write(ByteSink& sink) const {
  // Readers only look, and nobody else writes: the caller is the one who changes things.
  sink.write_number<std::uint64_t>(flat_.size());
  for (std::size_t position = 0; position < flat_.size(); ++position) {
    sink.write_number<VectorLabel>(flat_.labels()[position]);
    sink.write(flat_.record_at(position), codec_.record_bytes());
  }
  sink.write_number<std::uint32_t>(static_cast<std::uint32_t>(segments_.size()));
  for (const auto& segment : segments_) segment->write(sink);
}

Result<std::unique_ptr<VectorIndex>> VectorIndex::read(VectorCodec codec, Options options, ByteSource& source) {
  auto index = std::make_unique<VectorIndex>(codec, options);
  std::uint64_t count = 0;
  RETURN_IF_ERROR(source.read_number(count));
  if (count > source.remaining() / (codec.record_bytes() + sizeof(VectorLabel))) {
    return fail(ErrorCode::kCorrupt, "vector index: shorter than its count says");
  }
  std::vector<std::byte> record(codec.record_bytes());
  for (std::uint64_t i = 0; i < count; ++i) {
    VectorLabel label = 0;
    RETURN_IF_ERROR(source.read_number(label));
    RETURN_IF_ERROR(source.read(record.data(), record.size()));
    if (!codec.sound(record.data())) return fail(ErrorCode::kCorrupt, "vector index: a record has an impossible scale");
    index->flat_.add(label, record.data());
  }
  const auto segment_max = static_cast<std::size_t>(options.segment_max);
  std::uint32_t segments = 0;
  RETURN_IF_ERROR(source.read_number(segments));
  if (segments > kSegmentsMax) return fail(ErrorCode::kCorrupt, "vector index: impossible number of segments");
  for (std::uint32_t i = 0; i < segments; ++i) {
    ASSIGN_OR_RETURN(std::unique_ptr<HnswSegment> segment, HnswSegment::read(codec, segment_max, source));
    index->segments_.push_back(std::move(segment));
  }
  const std::vector<VectorLabel> labels = index->labels();
  for (const VectorLabel label : labels) {
    if (const std::byte* found = index->find(label)) index->join_group(label, codec.group_of(found));
  }
  if (labels.size() != index->live() || std::adjacent_find(labels.begin(), labels.end()) != labels.end()) {
    return fail(ErrorCode::kCorrupt, "vector index: a label stands twice");
  }
  return index;
}

}  // namespace mnema
