// connectors/kafka/transaction_sink.hpp
//
// Outbox messages as records that a `read_committed` reader sees once each, in order per key, whatever breaks. Messages
// that come together are one transaction, one at a time:
//
//   1  the transaction's number and its messages are written down and on disk (transaction_store.hpp)
//   2  begin; the records; the number as the committed offset of a group of the producer's own, which is part of the
//      transaction and so its commit record; commit
//   3  the messages are answered, and the outbox removes them
//
// After a crash, or when the outcome of 2 is unknown, the producer is opened anew: the broker ends what was begun, and
// then says the number of the last transaction that was committed. Messages of that one and those before are answered
// without being sent, the others are sent again. Those of an aborted transaction are forgotten with step 1 of the next
// one, whose commit would make them look committed.
//
// A second program under the same id (a copied data folder) takes it over: this one is fenced, writes nothing any more
// and says so until it is started again. The group's offset is kept by the broker for as long as it keeps offsets of
// groups without members (a week, by default): if it is not there any more, messages of transactions that were begun
// and whose end is unknown are in doubt, and a person decides: they are marked, and answered `kInDoubt` once.
//
// Threads:   `deliver`, `stop`, `report`, `problem` from any thread; all else on the loop, and what waits for the
//            broker on `blocking`.
// Ownership: borrows its parts, which outlive it. A delivery that runs outlives the sink.
// Invariant: one transaction at a time; a message is in one at most; each delivery is answered once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/kafka/client.hpp"
#include "connectors/kafka/sink.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class KafkaTransactionSink final : public Sink {
 public:
  struct Parts {
    Loop& loop;
    Database& database;
    Random& random;
    KafkaClient::Parts client;
  };
  KafkaTransactionSink(KafkaSinkOptions options, const Parts& parts);
  ~KafkaTransactionSink() override;

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;
  void stop() override;
  void report(MetricsReport& metrics) const override;
  [[nodiscard]] std::optional<std::string> problem() const override;

 private:
  class Core;
  const std::shared_ptr<Core> core_;
};

}  // namespace mnema
