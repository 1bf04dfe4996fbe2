#include "connectors/rabbitmq/unfinished_store.hpp"

namespace mnema::rabbitmq_unfinished_store {

Result<bool> is_unfinished(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("SELECT 1 FROM mailbox AS m"
                                       // An event that joined a batch is dead with the batch's first one.
                                       " LEFT JOIN mailbox AS head ON head.sequence = m.batch"
                                       " WHERE m.sequence = ? AND m.state <> 3 AND coalesce(head.state, 0) <> 3"));
  return statement.bind(1, sequence).step();
}

}  // namespace mnema::rabbitmq_unfinished_store
