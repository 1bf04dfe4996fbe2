#include "memory/document_writer.hpp"

#include <algorithm>
#include <utility>

#include "memory/documents/shown_name.hpp"
#include "memory/text_terms.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

// Of a unit of work: under 1 ms for chunks of 1 KB, beside the 2 ms that a unit may take.
constexpr std::size_t kChunksPerUnit = 32;
constexpr int kChunksClearedPerUnit = 32;

Error closed_error() { return fail(ErrorCode::kCancelled, "memory is closed"); }

Result<sources_store::NewDocument> prepared(Document document, int chunk_tokens_max) {
  sources_store::NewDocument made;
  made.content_hash = sha256_hex(document.bytes);
  made.cut_format = cut_format(chunk_tokens_max);
  ASSIGN_OR_RETURN(CutDocument cut, cut_document(document.bytes, document.media_type, chunk_tokens_max));
  made.title = !document.title.empty() ? document.title : !cut.title.empty() ? cut.title : document.uri;
  if (!cut.note.empty()) made.note = shown_text(document.uri) + " was " + cut.note;
  for (Chunk& chunk : cut.chunks) {
    std::string heading = chunk.heading_path.empty() ? made.title : chunk.heading_path;
    made.chunks.push_back({std::move(chunk), std::move(heading), {}});
  }
  document.bytes.clear();
  made.document = std::move(document);
  return made;
}

}  // namespace

/// One document on its way. Changed between units only: a unit that is rolled back has done nothing.
struct DocumentWriter::Put {
  sources_store::NewDocument made;
  TermMaker terms;
  OnDone on_done;
  sources_store::Begun begun;
  std::size_t written = 0;  // chunks

  [[nodiscard]] std::size_t slice_end() const { return std::min(written + kChunksPerUnit, made.chunks.size()); }
};

void DocumentWriter::put(Document document, OnDone on_done) {
  const auto refuse = [&, uri = document.uri](const std::string& message) {
    on_done(fail(ErrorCode::kInvalidArgument, "document '" + shown_text(uri) + "' " + message));
  };
  if (closed_) return on_done(closed_error());
  if (document.uri.empty()) return on_done(fail(ErrorCode::kInvalidArgument, "a document needs a uri to be cited by"));
  if (static_cast<std::int64_t>(document.bytes.size()) > limits_.document_bytes_max) {
    return refuse("has " + std::to_string(document.bytes.size()) + " bytes, more than document_bytes_max (" +
                  std::to_string(limits_.document_bytes_max) + ")");
  }
  Result<TermMaker> terms = TermMaker::make(language_);
  if (!terms.ok()) return on_done(terms.error());
  Result<sources_store::NewDocument> made = prepared(std::move(document), limits_.chunk_tokens_max);
  if (!made.ok()) return refuse(made.error().message);
  begin(std::make_shared<Put>(Put{std::move(*made), std::move(*terms), std::move(on_done), {}}));
}

void DocumentWriter::begin(const std::shared_ptr<Put>& put) {
  // None: the tenant had no table for its words; it has one now, and there is nothing else in that unit.
  using MaybeBegun = std::optional<sources_store::Begun>;
  database_.write<MaybeBegun>(
      WritePriority::kBackground,
      [put = std::shared_ptr<const Put>(put), now = clock_.now()](Transaction& transaction) -> Result<MaybeBegun> {
        ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, put->made.document.scope));
        ASSIGN_OR_RETURN(const bool there, text_index_store::has_table(transaction, where.tenant));
        if (!there) {
          RETURN_IF_ERROR(text_index_store::make_table(transaction, where.tenant, put->terms.format()));
          return MaybeBegun();
        }
        ASSIGN_OR_RETURN(const sources_store::Begun begun, sources_store::begin(transaction, put->made, now));
        return MaybeBegun(begun);
      },
      background_,
      [self = shared_from_this(), put](const Result<MaybeBegun>& begun) {
        if (!begun.ok()) return put->on_done(begun.error());
        if (!*begun) return self->begin(put);
        put->begun = **begun;
        if (put->begun.draft == 0) return put->on_done(DocumentChange{put->begun.outcome, 0, {}});
        self->add_slice(put);
      });
}

void DocumentWriter::add_slice(const std::shared_ptr<Put>& put) {
  if (closed_) return put->on_done(closed_error());  // the next start clears the draft away
  for (std::size_t i = put->written; i < put->slice_end(); ++i) {
    sources_store::NewChunk& chunk = put->made.chunks[i];
    chunk.words = put->terms.joined(chunk.heading + "\n" + chunk.chunk.text);
  }
  // None: there is more to write. Else what is to be cleared away, now that all is written.
  using MaybeUnseen = std::optional<std::vector<DocumentId>>;
  database_.write<MaybeUnseen>(
      WritePriority::kBackground,
      [followers = followers_, put = std::shared_ptr<const Put>(put)](Transaction& transaction) -> Result<MaybeUnseen> {
        const DocumentId draft = put->begun.draft;
        ASSIGN_OR_RETURN(const bool wanted,
                         sources_store::add_chunks(transaction, draft, put->made, put->written, put->slice_end()));
        RETURN_IF_ERROR(followers.follow(transaction, 0, {}));
        if (wanted && put->slice_end() < put->made.chunks.size()) return MaybeUnseen();
        ASSIGN_OR_RETURN(std::vector<DocumentId> unseen, sources_store::publish(transaction, draft));
        return MaybeUnseen(std::move(unseen));
      },
      background_,
      [self = shared_from_this(), put](Result<MaybeUnseen> unseen) {
        if (!unseen.ok()) {
          return self->clear({put->begun.draft}, [put, error = unseen.error()] { put->on_done(error); });
        }
        put->written = put->slice_end();
        if (!*unseen) return self->add_slice(put);
        self->clear(std::move(**unseen), [put] {
          put->on_done(DocumentChange{put->begun.outcome, static_cast<int>(put->written), put->made.note});
        });
      });
}

void DocumentWriter::retire(Scope scope, std::string uri, Executor& reply_to, OnDone on_done) {
  if (closed_) return reply_to.post([on_done = std::move(on_done)] { on_done(closed_error()); });
  database_.write<std::vector<DocumentId>>(
      WritePriority::kBackground,
      [scope = std::move(scope), uri = std::move(uri)](Transaction& transaction) {
        return sources_store::retire(transaction, scope, uri);
      },
      background_,
      [self = shared_from_this(), &reply_to, on_done = std::move(on_done)](Result<std::vector<DocumentId>> leaving) {
        if (!leaving.ok()) return reply_to.post([on_done, error = leaving.error()] { on_done(error); });
        self->clear(std::move(*leaving), [&reply_to, on_done] {
          reply_to.post([on_done] { on_done(DocumentChange{IngestOutcome::kRetired, 0, {}}); });
        });
      });
}

void DocumentWriter::clear_left(std::vector<DocumentId> documents) {
  if (documents.empty()) return;
  database_.write<bool>(
      WritePriority::kBackground,
      [documents](Transaction& transaction) -> Result<bool> {
        RETURN_IF_ERROR(sources_store::give_up(transaction, documents));
        return true;
      },
      background_,
      [self = shared_from_this(), documents](const Result<bool>& given_up) {
        if (given_up.ok()) return self->clear(documents, [] {});
        log_warning("memory", "what is left of a document is removed at the next start",
                    {{"because", given_up.error().message}});
      });
}

void DocumentWriter::clear(std::vector<DocumentId> documents, std::function<void()> then) {
  if (documents.empty() || closed_) return then();
  const DocumentId document = documents.back();
  database_.write<bool>(
      WritePriority::kBackground,
      [self = shared_from_this(), document](Transaction& transaction) -> Result<bool> {
        ASSIGN_OR_RETURN(const sources_store::Cleared cleared,
                         sources_store::clear(transaction, document, kChunksClearedPerUnit, self->draw_tag_()));
        RETURN_IF_ERROR(self->followers_.follow(transaction, cleared.tenant, cleared.removed));
        return cleared.done;
      },
      background_,
      [self = shared_from_this(), documents = std::move(documents), then = std::move(then)](Result<bool> done) mutable {
        if (!done.ok()) {
          log_warning("memory", "what is left of a document is removed at the next start",
                      {{"because", done.error().message}});
          return then();
        }
        if (*done) documents.pop_back();
        self->clear(std::move(documents), std::move(then));
      });
}

}  // namespace mnema
