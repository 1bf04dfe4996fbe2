// connectors/kafka/transaction_store.hpp
//
// What a transactional sink needs to remember over a crash: its name at the broker, and which messages are in which of
// its transactions. A transaction is written down before it is begun; whether it was committed, the broker says
// (transaction_sink.hpp).
//
// Threads: inside a unit of work; `load_begun` also inside Database::read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/base/random.hpp"
#include "runtime/store/database.hpp"

namespace mnema::kafka_transaction_store {

struct Producer {
  std::string id;              // transactional
  std::int64_t committed = 0;  // number of a transaction that is certainly committed; 0: none
};
/// Of `sink`. The id is drawn at first use: another data folder has another one, a copy of this folder the same, so
/// that of the two programs the older one is fenced.
[[nodiscard]] Result<Producer> load_producer(Transaction& transaction, const std::string& sink, Random& random);
[[nodiscard]] Status note_committed(Transaction& transaction, const std::string& sink, std::int64_t number);

/// One message of one transaction.
struct Begun {
  std::int64_t number = 0;  // of the transaction, rising
  std::int64_t row = 0;     // of the outbox
  std::string idempotency_key;
  bool is_in_doubt = false;  // whether it was committed is not known any more, whatever later ones were
};
[[nodiscard]] Status begin(Transaction& transaction, const std::string& sink, const std::vector<Begun>& messages);
/// All that are remembered, by number.
[[nodiscard]] Result<std::vector<Begun>> load_begun(Transaction& transaction, const std::string& sink);
/// Those of transactions above `committed` never happened. To be called before another transaction begins: its commit
/// raises `committed` above theirs.
[[nodiscard]] Status forget_aborted(Transaction& transaction, const std::string& sink, std::int64_t committed);
/// The end of the transactions above `committed` is not known any more. They stay so until their message is begun
/// again.
[[nodiscard]] Status mark_in_doubt(Transaction& transaction, const std::string& sink, std::int64_t committed);
/// Those in doubt whose message is a dead letter by now: it comes again only if a person says so.
[[nodiscard]] Status forget_decided(Transaction& transaction, const std::string& sink);
/// Those of transactions up to `committed`, or in doubt, whose messages have left the outbox are of no more use.
[[nodiscard]] Status forget_settled(Transaction& transaction, const std::string& sink, std::int64_t committed);

}  // namespace mnema::kafka_transaction_store
