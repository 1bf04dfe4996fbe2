#include "runtime/store/blob_store.hpp"

#include "runtime/base/sha256.hpp"

namespace mnema::blob_store {
namespace {

Error unknown(const std::string& hash) { return fail(ErrorCode::kNotFound, "there is no blob " + hash); }

}  // namespace

Result<std::string> put(Transaction& transaction, std::string_view bytes) {
  std::string hash = sha256_hex(bytes);
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("INSERT INTO blobs (hash, reference_count, bytes) VALUES (?, 1, ?) "
                                       "ON CONFLICT (hash) DO UPDATE SET reference_count = reference_count + 1"));
  RETURN_IF_ERROR(statement.bind(1, hash).bind_blob(2, bytes).run());
  return hash;
}

Result<std::string> get(Transaction& transaction, const std::string& hash) {
  ASSIGN_OR_RETURN(Statement statement, transaction.prepare("SELECT bytes FROM blobs WHERE hash = ?"));
  ASSIGN_OR_RETURN(const bool found, statement.bind(1, hash).step());
  if (!found) return unknown(hash);
  return std::string(statement.blob_view(0));
}

Status release(Transaction& transaction, const std::string& hash) {
  ASSIGN_OR_RETURN(Statement statement,
                   transaction.prepare("UPDATE blobs SET reference_count = reference_count - 1 WHERE hash = ?"));
  RETURN_IF_ERROR(statement.bind(1, hash).run());
  if (transaction.changes() == 0) return unknown(hash);
  ASSIGN_OR_RETURN(Statement unused, transaction.prepare("DELETE FROM blobs WHERE hash = ? AND reference_count <= 0"));
  return unused.bind(1, hash).run();
}

}  // namespace mnema::blob_store
