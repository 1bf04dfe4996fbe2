#include "memory/folder_job.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace mnema {

void count(IngestReport& report, const DocumentChange& change) {
  report.chunks += change.chunks;
  if (!change.note.empty()) report.notes.push_back(change.note);
  switch (change.outcome) {
    case IngestOutcome::kAdded:
      ++report.added;
      break;
    case IngestOutcome::kUnchanged:
      ++report.unchanged;
      break;
    case IngestOutcome::kChanged:
      ++report.changed;
      break;
    case IngestOutcome::kRetired:
      ++report.retired;
      break;
    case IngestOutcome::kSkipped:
      ++report.skipped;
      break;
  }
}

void FolderJob::start() {
  if (writer_->closed()) return finish(fail(ErrorCode::kCancelled, "memory is closed"));
  std::error_code error;
  if (!std::filesystem::exists(folder_.path, error)) {
    const Result<FolderListing> listing = list_folder(folder_, "");  // says what is wrong
    if (!listing.ok()) return keep_all_as_stale(listing.error());
  }
  claim(1, {});
}

void FolderJob::claim(int attempt, const std::string& gone) {
  sources_store::FolderClaim wanted;
  wanted.path = absolute_path_of(folder_);
  wanted.name = collection_of(folder_);
  wanted.collection = collection_name(folder_, attempt);
  database_.write<sources_store::FolderClaim>(
      WritePriority::kBackground,
      [scope = folder_.scope, wanted, gone](Transaction& transaction) {
        return sources_store::claim_folder(transaction, scope, wanted, gone);
      },
      background_,
      [self = shared_from_this(), attempt](const Result<sources_store::FolderClaim>& claim) {
        self->on_claim(attempt, claim);
      });
}

void FolderJob::on_claim(int attempt, const Result<sources_store::FolderClaim>& claim) {
  if (!claim.ok()) return finish(claim.error());
  if (claim->path == absolute_path_of(folder_)) {
    collection_ = claim->collection;
    return list();
  }
  // A folder that was moved keeps its name: the holder is no more.
  std::error_code error;
  const bool holder_is_there = std::filesystem::exists(claim->path, error) || error;
  this->claim(holder_is_there ? attempt + 1 : attempt, holder_is_there ? std::string() : claim->path);
}

void FolderJob::list() {
  Result<FolderListing> listing = list_folder(folder_, collection_);
  if (!listing.ok()) return keep_all_as_stale(listing.error());
  files_ = std::move(listing->files);
  report_.notes = std::move(listing->notes);
  auto known = database_.read<std::vector<std::string>>(
      [&](Transaction& transaction) { return sources_store::uris(transaction, folder_.scope, collection_); });
  if (!known.ok()) return finish(known.error());
  auto converted = database_.read<std::map<std::string, Time>>([&](Transaction& transaction) {
    return sources_store::converted(transaction, folder_.scope, collection_, writer_->cut_format());
  });
  if (!converted.ok()) return finish(converted.error());
  converted_ = std::move(*converted);
  std::set<std::string> there;
  for (const FolderFile& file : files_) there.insert(file.uri);
  // What could not be looked at is not known to be gone.
  const auto unread = [&](const std::string& uri) {
    return std::any_of(listing->unread.begin(), listing->unread.end(),
                       [&](const std::string& folder) { return uri.starts_with(folder); });
  };
  for (std::string& uri : *known) {
    if (there.contains(uri)) continue;
    (unread(uri) ? unread_ : gone_).push_back(std::move(uri));
  }
  step();
}

void FolderJob::step() {
  if (files_done_ < files_.size()) {
    const FolderFile& file = files_[files_done_++];
    if (const auto before = converted_.find(file.uri); before != converted_.end() && before->second == modified(file)) {
      ++report_.unchanged;
      return next(file.uri, IngestOutcome::kUnchanged);
    }
    auto document = read_document(folder_, collection_, file, bytes_max_, tools_);
    if (!document.ok()) return skip(file.uri, document.error());
    return writer_->put(std::move(*document),
                        [self = shared_from_this(), uri = file.uri](const Result<DocumentChange>& change) {
                          self->on_file(uri, change);
                        });
  }
  if (!unread_.empty()) {
    std::string uri = std::move(unread_.back());
    unread_.pop_back();
    return keep_as_stale(std::move(uri), "its folder cannot be read",
                         [self = shared_from_this()](bool) { self->step(); });
  }
  if (gone_.empty()) return note_reading();
  const std::string uri = gone_.back();
  gone_.pop_back();
  writer_->retire(folder_.scope, uri, background_, [self = shared_from_this()](const Result<DocumentChange>& change) {
    if (change.ok())
      count(self->report_, *change);
    else if (change.error().code != ErrorCode::kNotFound)  // somebody else retired it: as good
      return self->finish(change.error());
    self->step();
  });
}

void FolderJob::on_file(const std::string& uri, const Result<DocumentChange>& change) {
  if (!change.ok()) {
    if (change.error().code == ErrorCode::kInvalidArgument) return skip(uri, change.error());
    return finish(change.error());
  }
  count(report_, *change);
  next(uri, change->outcome);
}

void FolderJob::skip(const std::string& uri, const Error& why) {
  ++report_.skipped;
  std::string note = why.message + (why.hint.empty() ? "" : " (" + why.hint + ")");
  const bool large = why.code == ErrorCode::kResourceExhausted;
  keep_as_stale(uri, large ? "the file is too large today" : "the file cannot be read today",
                [self = shared_from_this(), uri, note = std::move(note)](bool kept) {
                  self->report_.notes.push_back(
                      note + (kept ? "; what was read from it before is still recalled, marked stale" : ""));
                  self->next(uri, IngestOutcome::kSkipped);
                });
}

/// Then `then`, with whether there was a document to be marked.
void FolderJob::keep_as_stale(std::string uri, std::string why, std::function<void(bool)> then) {
  database_.write<bool>(
      WritePriority::kBackground,
      [scope = folder_.scope, uri = std::move(uri), why = std::move(why)](Transaction& transaction) {
        return sources_store::mark_stale(transaction, scope, uri, why);
      },
      background_,
      [self = shared_from_this(), then = std::move(then)](const Result<bool>& marked) {
        if (!marked.ok()) return self->finish(marked.error());
        then(*marked);
      });
}

/// The folder cannot be read: what it held before is still recalled, and says so.
void FolderJob::keep_all_as_stale(const Error& why) {
  database_.write<bool>(
      WritePriority::kBackground,
      [scope = folder_.scope, path = absolute_path_of(folder_),
       name = collection_of(folder_)](Transaction& transaction) -> Result<bool> {
        ASSIGN_OR_RETURN(const std::string collection,
                         sources_store::claimed_collection(transaction, scope, path, name));
        if (collection.empty()) return false;
        RETURN_IF_ERROR(
            sources_store::mark_collection_stale(transaction, scope, collection, "its folder cannot be read"));
        return true;
      },
      background_,
      [self = shared_from_this(), why](const Result<bool>& marked) {
        self->finish(marked.ok() ? why : marked.error());
      });
}

void FolderJob::note_reading() {
  database_.write<bool>(
      WritePriority::kBackground,
      [scope = folder_.scope, collection = collection_, ttl = folder_.ttl,
       now = clock_.now()](Transaction& transaction) -> Result<bool> {
        RETURN_IF_ERROR(sources_store::note_reading(transaction, scope, collection, now, ttl));
        return true;
      },
      background_,
      [self = shared_from_this()](const Result<bool>& noted) {
        if (!noted.ok()) return self->finish(noted.error());
        self->finish(std::move(self->report_));
      });
}

void FolderJob::next(const std::string& uri, IngestOutcome outcome) {
  if (on_progress_) {
    FolderProgress progress{static_cast<int>(files_done_), static_cast<int>(files_.size()), uri, outcome};
    reply_to_.post([on_progress = on_progress_, progress = std::move(progress)] { on_progress(progress); });
  }
  // Not from inside the callback: a folder of thousands must not nest as deep.
  background_.post([self = shared_from_this()] { self->step(); });
}

void FolderJob::finish(Result<IngestReport> result) {
  reply_to_.post([on_done = on_done_, result = std::move(result)] { on_done(result); });
}

}  // namespace mnema
