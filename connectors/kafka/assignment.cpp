#include "connectors/kafka/assignment.hpp"

namespace mnema {

Result<KafkaPositions> read_kafka_positions(KafkaMember& member, Database& database, const std::string& group,
                                            bool with_unfinished, const std::vector<KafkaPartitionName>& assigned) {
  KafkaPositions positions;
  if (assigned.empty()) return positions;
  ASSIGN_OR_RETURN(const KafkaGroupOffsets offsets, member.committed(assigned));
  positions.cluster = offsets.cluster;
  const Result<bool> read = database.read<bool>([&](Transaction& transaction) -> Result<bool> {
    for (std::size_t i = 0; i < assigned.size(); ++i) {
      const kafka_offset_store::PartitionName name{positions.cluster, group, assigned[i].topic, assigned[i].number};
      ASSIGN_OR_RETURN(const KafkaStored stored, kafka_offset_store::load(transaction, name));
      positions.starts.push_back(start_of(stored, offsets.committed[i]));
      positions.unfinished.emplace_back();
      if (!with_unfinished || !positions.starts.back().alarm.empty()) continue;
      ASSIGN_OR_RETURN(positions.unfinished.back(),
                       kafka_offset_store::load_unfinished(transaction, name, positions.starts.back().epoch));
    }
    return true;
  });
  if (!read.ok()) return read.error();
  return positions;
}

}  // namespace mnema
