#include "connectors/kafka/offset_store.hpp"

namespace mnema::kafka_offset_store {
namespace {

constexpr std::string_view kWhere = " WHERE cluster = ?1 AND consumer_group = ?2 AND topic = ?3 AND partition = ?4";

Result<Statement> prepare(Transaction& transaction, const std::string& sql, const PartitionName& name) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare(sql));
  statement.bind(1, std::string_view(name.cluster)).bind(2, std::string_view(name.group));
  statement.bind(3, std::string_view(name.topic)).bind(4, static_cast<std::int64_t>(name.partition));
  return statement;
}

}  // namespace

// Those of the sinks (transaction_store.hpp), too.
std::vector<Migration> migrations() {
  return {{"kafka", 1, R"sql(
CREATE TABLE kafka_offsets (
  cluster         TEXT NOT NULL,
  consumer_group  TEXT NOT NULL,
  topic           TEXT NOT NULL,
  partition       INTEGER NOT NULL,
  epoch           INTEGER NOT NULL,
  next            INTEGER NOT NULL,
  digest          INTEGER NOT NULL,
  unmarked_commit INTEGER NOT NULL,
  PRIMARY KEY (cluster, consumer_group, topic, partition, epoch)
) WITHOUT ROWID, STRICT;
CREATE TABLE kafka_unfinished (
  cluster        TEXT NOT NULL,
  consumer_group TEXT NOT NULL,
  topic          TEXT NOT NULL,
  partition      INTEGER NOT NULL,
  epoch          INTEGER NOT NULL,
  record_offset  INTEGER NOT NULL,
  sequence       INTEGER NOT NULL,
  PRIMARY KEY (cluster, consumer_group, topic, partition, epoch, record_offset)
) WITHOUT ROWID, STRICT;
CREATE TABLE kafka_producers (
  sink      TEXT PRIMARY KEY,
  id        TEXT NOT NULL,
  committed INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE TABLE kafka_transactions (
  sink            TEXT NOT NULL,
  outbox_row      INTEGER NOT NULL,
  idempotency_key TEXT NOT NULL,
  number          INTEGER NOT NULL,
  in_doubt        INTEGER NOT NULL,
  PRIMARY KEY (sink, outbox_row, idempotency_key)
) WITHOUT ROWID, STRICT;
)sql"}};
}

Result<KafkaStored> load(Transaction& transaction, const PartitionName& name) {
  static const std::string sql = "SELECT epoch, next, digest, unmarked_commit FROM kafka_offsets" +
                                 std::string(kWhere) + " ORDER BY epoch DESC LIMIT 1";
  ASSIGN_OR_RETURN(Statement statement, prepare(transaction, sql, name));
  ASSIGN_OR_RETURN(const bool found, statement.step());
  if (!found) return KafkaStored{};
  return KafkaStored{statement.integer(0), statement.integer(1), statement.integer(2), statement.integer(3)};
}

Status move(Transaction& transaction, const PartitionName& name, std::int64_t expected_next, const KafkaStored& moved) {
  static const std::string update = "UPDATE kafka_offsets SET next = ?6, digest = ?7, unmarked_commit = ?8" +
                                    std::string(kWhere) + " AND epoch = ?5 AND next = ?9";
  static const std::string insert =
      "INSERT INTO kafka_offsets (cluster, consumer_group, topic, partition, epoch, next, digest, unmarked_commit)"
      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
  ASSIGN_OR_RETURN(Statement statement, prepare(transaction, expected_next < 0 ? insert : update, name));
  statement.bind(5, moved.epoch).bind(6, moved.next).bind(7, moved.digest).bind(8, moved.unmarked_commit);
  if (expected_next >= 0) statement.bind(9, expected_next);
  RETURN_IF_ERROR(statement.run());
  if (transaction.changes() == 1) return {};
  return fail(ErrorCode::kAborted, "partition " + std::to_string(name.partition) + " of topic '" + name.topic +
                                       "' is no longer at offset " + std::to_string(expected_next));
}

Status open_epoch(Transaction& transaction, const PartitionName& name, const KafkaStored& begun) {
  return move(transaction, name, -1, begun);
}

Result<std::vector<PartitionName>> list(Transaction& transaction, const std::string& cluster,
                                        const std::string& group) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("SELECT DISTINCT topic, partition FROM kafka_offsets"
                                       " WHERE cluster = ?1 AND consumer_group = ?2 ORDER BY topic, partition"));
  statement.bind(1, std::string_view(cluster)).bind(2, std::string_view(group));
  std::vector<PartitionName> names;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return names;
    names.push_back({cluster, group, std::string(statement.text(0)), static_cast<std::int32_t>(statement.integer(1))});
  }
}

Status add_unfinished(Transaction& transaction, const PartitionName& name, std::int64_t epoch,
                      const std::vector<Unfinished>& events) {
  for (const Unfinished& event : events) {
    ASSIGN_OR_RETURN(Statement statement,
                     prepare(transaction,
                             "INSERT OR REPLACE INTO kafka_unfinished"
                             " (cluster, consumer_group, topic, partition, epoch, record_offset, sequence)"
                             " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                             name));
    RETURN_IF_ERROR(statement.bind(5, epoch).bind(6, event.offset).bind(7, event.sequence).run());
  }
  return {};
}

Result<std::vector<Unfinished>> load_unfinished(Transaction& transaction, const PartitionName& name,
                                                std::int64_t epoch) {
  ASSIGN_OR_RETURN(Statement statement,
                   prepare(transaction,
                           "SELECT u.sequence, u.record_offset FROM kafka_unfinished AS u"
                           " JOIN mailbox AS m ON m.sequence = u.sequence AND m.state <> 3"
                           // An event that joined a batch is dead with the batch's first one.
                           " LEFT JOIN mailbox AS head ON head.sequence = m.batch"
                           " WHERE u.cluster = ?1 AND u.consumer_group = ?2 AND u.topic = ?3 AND u.partition = ?4"
                           " AND u.epoch = ?5 AND coalesce(head.state, 0) <> 3 ORDER BY u.record_offset",
                           name));
  statement.bind(5, epoch);
  std::vector<Unfinished> events;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, statement.step());
    if (!row) return events;
    events.push_back({statement.integer(0), statement.integer(1)});
  }
}

Status remove_finished(Transaction& transaction, const PartitionName& name, std::int64_t epoch, std::int64_t offset) {
  static const std::string sql =
      "DELETE FROM kafka_unfinished" + std::string(kWhere) + " AND (epoch < ?5 OR (epoch = ?5 AND record_offset < ?6))";
  ASSIGN_OR_RETURN(Statement statement, prepare(transaction, sql, name));
  return statement.bind(5, epoch).bind(6, offset).run();
}

}  // namespace mnema::kafka_offset_store
