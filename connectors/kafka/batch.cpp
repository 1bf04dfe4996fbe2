#include "connectors/kafka/batch.hpp"

#include <utility>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

std::size_t headers_max_of(const Limits& limits) { return static_cast<std::size_t>(limits.message_headers_max); }

/// Inside the batch's transaction.
Status write_beside_events(Transaction& transaction, const AcceptResults& results, KafkaBatch& batch,
                           const KafkaBatchRules& rules, Mailbox& mailbox, const Limits& limits) {
  CHECK(results.size() == batch.records.size(), "each record has a result");
  batch.outcome = {};
  for (KafkaBatch::Part& part : batch.parts) part.unfinished.clear();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const KafkaBatch::Record& of = batch.records[i];
    KafkaBatch::Part& part = batch.parts[of.part];
    if (results[i].ok()) {
      ++(results[i]->duplicate ? batch.outcome.duplicates : batch.outcome.accepted);
      if (rules.tracks_unfinished && !results[i]->duplicate && !results[i]->settled) {
        part.unfinished.push_back({results[i]->sequence, of.offset});
      }
    } else if (is_unrouted(results[i].error())) {
      ++batch.outcome.unrouted;  // no agent asks for its type: a topic may have many
    } else {
      ++batch.outcome.dead;
      const KafkaRecord record = of.read(headers_max_of(limits));
      RETURN_IF_ERROR(mailbox.store_dead(
          transaction, undecodable_event_of(record, part.moved.epoch, rules.mapping, limits), results[i].error()));
    }
  }
  for (const KafkaBatch::Part& part : batch.parts) {
    const kafka_offset_store::PartitionName name{rules.cluster, rules.group, part.of.topic, part.of.number};
    RETURN_IF_ERROR(kafka_offset_store::move(transaction, name, part.expected_next, part.moved));
    if (!rules.tracks_unfinished) continue;
    RETURN_IF_ERROR(kafka_offset_store::add_unfinished(transaction, name, part.moved.epoch, part.unfinished));
    RETURN_IF_ERROR(kafka_offset_store::remove_finished(transaction, name, part.moved.epoch, part.finished_below));
  }
  return {};
}

}  // namespace

std::size_t KafkaBatch::part_of(const KafkaPartitionName& of, std::int64_t expected_next, const KafkaStored& stored) {
  for (std::size_t i = parts.size(); i-- > 0;) {
    if (parts[i].of == of) return i;
  }
  parts.push_back({of, expected_next, stored, -1, {}});
  return parts.size() - 1;
}

std::set<SchemaId> KafkaBatch::schema_ids() const {
  std::set<SchemaId> ids;
  for (const Record& record : records) {
    const KafkaRecord read = record.read(0);
    if (!read.value) continue;
    if (const std::optional<SchemaId> id = schema_id_of(*read.value)) ids.insert(*id);
  }
  return ids;
}

void KafkaBatch::drop(const KafkaPartitionName& of, std::int64_t offset) {
  std::erase_if(records, [&](const Record& record) { return parts[record.part].of == of && record.offset < offset; });
  // A part without records would move nothing, and its row is looked for: take it out.
  std::vector<bool> has_records(parts.size(), false);
  for (const Record& record : records) has_records[record.part] = true;
  std::vector<std::size_t> place(parts.size(), 0);
  std::vector<Part> kept;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    place[i] = kept.size();
    if (has_records[i]) kept.push_back(std::move(parts[i]));
  }
  for (Record& record : records) record.part = place[record.part];
  parts = std::move(kept);
}

EventBatch event_batch_of(const std::shared_ptr<KafkaBatch>& batch, const std::shared_ptr<const KafkaBatchRules>& rules,
                          Mailbox& mailbox, const Limits& limits) {
  EventBatch events;
  events.dedupe = rules->dedupe;
  events.key_template = rules->key_template;
  events.events.reserve(batch->records.size());
  for (const KafkaBatch::Record& of : batch->records) {
    KafkaBatch::Part& part = batch->parts[of.part];
    const KafkaRecord record = of.read(headers_max_of(limits));
    events.events.push_back(
        event_of(record, part.moved.epoch, rules->mapping, limits, &batch->schemas, rules->versions.get()));
    part.moved.next = record.offset + 1;
  }
  // Of each partition's last record.
  std::vector<bool> seen(batch->parts.size(), false);
  for (auto of = batch->records.rbegin(); of != batch->records.rend(); ++of) {
    if (seen[of->part]) continue;
    seen[of->part] = true;
    batch->parts[of->part].moved.digest = digest_of(of->read(0));
  }
  events.hook = [batch, rules, &mailbox, &limits](Transaction& transaction, const AcceptResults& results) {
    return write_beside_events(transaction, results, *batch, *rules, mailbox, limits);
  };
  return events;
}

}  // namespace mnema
