#include "memory/document_writer.hpp"

#include "memory/chunker.hpp"
#include "runtime/sha256.hpp"

namespace mnema {
namespace {

Error closed_error() { return fail(ErrorCode::kCancelled, "memory is closed"); }

}  // namespace

void DocumentWriter::put(Document document, OnDone on_done) {
  const auto refuse = [&](std::string message) {
    on_done(fail(ErrorCode::kInvalidArgument, "document '" + document.uri + "' " + std::move(message)));
  };
  if (closed_) return on_done(closed_error());
  if (document.uri.empty()) return on_done(fail(ErrorCode::kInvalidArgument, "a document needs a uri to be cited by"));
  if (static_cast<std::int64_t>(document.bytes.size()) > limits_.document_bytes_max) {
    return refuse("has " + std::to_string(document.bytes.size()) + " bytes, more than document_bytes_max (" +
                  std::to_string(limits_.document_bytes_max) + ")");
  }
  if (document.bytes.find('\0') != std::string::npos) return refuse("is not text: it has zero bytes");
  const std::string hash = sha256_hex(document.bytes);
  document.bytes = valid_utf8(document.bytes);
  const std::string format = std::string(kCutFormat) + "/" + std::to_string(limits_.chunk_tokens_max);
  auto cut = std::make_shared<CutDocument>(cut_document(document.bytes, document.media_type, limits_.chunk_tokens_max));
  document.bytes.clear();
  database_.write<sources_store::Change>(
      WritePriority::kBackground,
      [self = shared_from_this(), document = std::move(document), cut, hash, format,
       now = clock_.now()](Transaction& transaction) -> Result<sources_store::Change> {
        ASSIGN_OR_RETURN(sources_store::Change change, sources_store::put(transaction, document, *cut, hash, format,
                                                                          now, self->draw_tag_(), self->terms_));
        self->follow(transaction, change);
        return change;
      },
      background_, std::move(on_done));
}

void DocumentWriter::retire(Scope scope, std::string uri, Executor& reply_to, OnDone on_done) {
  if (closed_) return reply_to.post([on_done = std::move(on_done)] { on_done(closed_error()); });
  database_.write<sources_store::Change>(
      WritePriority::kBackground,
      [self = shared_from_this(), scope = std::move(scope),
       uri = std::move(uri)](Transaction& transaction) -> Result<sources_store::Change> {
        ASSIGN_OR_RETURN(sources_store::Change change,
                         sources_store::retire(transaction, scope, uri, self->draw_tag_()));
        self->follow(transaction, change);
        return change;
      },
      reply_to, std::move(on_done));
}

/// The rows a unit has changed show in the index and in the queue once they are committed.
void DocumentWriter::follow(Transaction& transaction, const sources_store::Change& change) {
  transaction.after_commit([index = index_, queue = queue_, tenant = change.tenant, removed = change.removed] {
    index->removed(tenant, removed);
    queue->wake();
  });
}

}  // namespace mnema
