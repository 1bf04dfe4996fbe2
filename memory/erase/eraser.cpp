#include "memory/erase/eraser.hpp"

#include <algorithm>

#include "memory/erase/erasure_store.hpp"
#include "memory/erase/scope_rows_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

Error closed_error() {
  return fail(ErrorCode::kCancelled, "memory is closed", "the erasure goes on at the next start");
}

}  // namespace

void Eraser::add(std::vector<ErasePart> parts) {
  for (ErasePart& part : parts) parts_.push_back(std::move(part));
}

void Eraser::start() {
  strand_.post([self = shared_from_this()] {
    self->started_ = true;
    self->pump();
  });
}

Status Eraser::check(Transaction& transaction, const EraseTarget& target) const {
  const Scope& scope = target.scope;
  if (scope.tenant.empty()) {
    return fail(ErrorCode::kInvalidArgument, "an erasure needs to know whose: it names no tenant");
  }
  if (target.entry == 0) return {};
  if (target.entry < 0 || !scope.agent.empty() || !scope.user.empty() || !scope.session.empty()) {
    return fail(ErrorCode::kInvalidArgument, "an entry is named by its number alone",
                "leave out agent, user and session, or the entry");
  }
  ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, scope.tenant));
  bool is_there = false;
  if (tenant) {
    ASSIGN_OR_RETURN(is_there, scope_rows_store::has_entry(transaction, *tenant, target.entry));
  }
  if (is_there) return {};
  return fail(ErrorCode::kNotFound,
              "memory has no entry " + std::to_string(target.entry) + " of tenant '" + scope.tenant + "'",
              "'mnema memory search' shows the numbers of entries");
}

void Eraser::request(EraseTarget target, Executor& reply_to, std::function<void(Result<Erasure>)> on_done) {
  database_.write<Erasure>(
      WritePriority::kForeground,
      [self = shared_from_this(), target = std::move(target)](Transaction& transaction) -> Result<Erasure> {
        RETURN_IF_ERROR(self->check(transaction, target));
        ASSIGN_OR_RETURN(const std::int64_t id, erasure_store::add(transaction, target, self->clock_.now()));
        transaction.after_commit([self] { self->strand_.post([self] { self->pump(); }); });
        return erasure_store::find(transaction, id, "");
      },
      reply_to, std::move(on_done));
}

Result<Erasure> Eraser::find(std::int64_t id, const std::string& tenant) {
  return database_.read<Erasure>(
      [&](Transaction& transaction) { return erasure_store::find(transaction, id, tenant); });
}

Result<std::vector<Erasure>> Eraser::list(const std::string& tenant, int count_max) {
  return database_.read<std::vector<Erasure>>(
      [&](Transaction& transaction) { return erasure_store::list(transaction, tenant, count_max); });
}

Result<EraseCounts> Eraser::preview(const EraseTarget& target) {
  return database_.read<EraseCounts>([&](Transaction& transaction) -> Result<EraseCounts> {
    RETURN_IF_ERROR(check(transaction, target));
    EraseCounts all;
    for (const ErasePart& part : parts_) {
      if (!part.count) continue;
      ASSIGN_OR_RETURN(const EraseCounts counts, part.count(transaction, target));
      for (const auto& [name, count] : counts) all[name] += count;
    }
    return all;
  });
}

void Eraser::when_finished(std::int64_t id, Executor& reply_to, std::function<void(Result<Erasure>)> on_done) {
  strand_.post([self = shared_from_this(), id, &reply_to, on_done = std::move(on_done)]() mutable {
    const Result<Erasure> now = self->find(id, "");
    self->waiting_.emplace_back(id, std::pair(&reply_to, std::move(on_done)));
    if (!now.ok() || now->finished) return self->answer(id, now);
    if (self->closed_) self->answer(id, closed_error());
  });
}

void Eraser::close() {
  if (closed_.exchange(true)) return;
  strand_.post([self = shared_from_this()] {
    while (!self->waiting_.empty()) self->answer(self->waiting_.front().first, closed_error());
  });
}

void Eraser::answer(std::int64_t id, const Result<Erasure>& receipt) {
  for (auto one = waiting_.begin(); one != waiting_.end();) {
    if (one->first != id) {
      ++one;
      continue;
    }
    const auto& [reply_to, on_done] = one->second;
    reply_to->post([on_done = on_done, receipt] { on_done(receipt); });
    one = waiting_.erase(one);
  }
}

void Eraser::pump() {
  if (!started_ || busy_ || closed_) return;
  const auto unfinished = database_.read<std::vector<std::int64_t>>(
      [](Transaction& transaction) { return erasure_store::unfinished(transaction); });
  const MonotonicTime now = clock_.monotonic_now();
  if (!unfinished.ok()) {
    log_warning("memory", "erasures wait", {{"because", unfinished.error().text()}});
    return wake(now + options_.error_pause);
  }
  std::optional<MonotonicTime> earliest;
  for (const std::int64_t id : *unfinished) {
    const auto rests = resting_.find(id);
    if ((rests == resting_.end() || rests->second <= now) && begin(id)) return;
    earliest = std::min(earliest.value_or(MonotonicTime::max()), resting_[id]);
  }
  if (earliest) wake(*earliest);
}

/// One whose row cannot be read rests, and holds up no other: false.
bool Eraser::begin(std::int64_t id) {
  const Result<Erasure> erasure = find(id, "");
  if (!erasure.ok()) {
    log_warning("memory", "an erasure waits", {{"erasure", id}, {"because", erasure.error().text()}});
    resting_[id] = clock_.monotonic_now() + options_.error_pause;
    return false;
  }
  busy_ = true;
  pass_ = Pass{id, erasure->target, 0, 0, !gone_through_.contains(id), 0, false, {}};
  step();
  return true;
}

/// The next unit of work.
void Eraser::step() {
  if (closed_) return;
  if (pass_->part == parts_.size()) return end_pass();
  const ErasePart& part = parts_[pass_->part];
  if (part.only_after_rows && !pass_->is_whole && !pass_->has_erased) return next_part("");
  if (part.rows) return step_rows(part);
  if (part.slices) return step_slice(part);
  if (!part.elsewhere) return next_part("");
  part.elsewhere(pass_->target, strand_, [self = shared_from_this()](const Result<std::string>& waits_for) {
    if (!waits_for.ok()) return self->fail_pass(waits_for.error());
    self->next_part(*waits_for);
  });
}

void Eraser::step_rows(const ErasePart& part) {
  database_.write<ErasePart::Step>(
      WritePriority::kBackground,
      [rows = part.rows, name = part.name, target = pass_->target, id = pass_->id, cursor = pass_->cursor,
       rows_max = options_.rows_max](Transaction& transaction) -> Result<ErasePart::Step> {
        ASSIGN_OR_RETURN(ErasePart::Step done, rows(transaction, target, cursor, rows_max));
        if (cursor == 0 || !done.counts.empty()) {
          RETURN_IF_ERROR(erasure_store::advance(transaction, id, name, done.counts));
        }
        return done;
      },
      strand_, [self = shared_from_this()](const Result<ErasePart::Step>& done) { self->on_step(done); });
}

void Eraser::step_slice(const ErasePart& part) {
  part.slices(
      pass_->target, pass_->cursor, options_.rows_max,
      [id = pass_->id, name = part.name](Transaction& transaction, const EraseCounts& counts) {
        return erasure_store::advance(transaction, id, name, counts);
      },
      strand_, [self = shared_from_this()](const Result<ErasePart::Step>& done) { self->on_step(done); });
}

void Eraser::on_step(const Result<ErasePart::Step>& done) {
  if (!done.ok()) return fail_pass(done.error());
  pass_->cursor = done->cursor;
  pass_->has_erased |= !done->counts.empty();
  if (!done->waits_for.empty() && (pass_->waits_for.empty() || pass_->waits_for.back() != done->waits_for)) {
    pass_->waits_for.push_back(done->waits_for);
  }
  if (done->done) return next_part("");
  // Not from inside its answer: a long walk must not nest as deep.
  strand_.post([self = shared_from_this()] { self->step(); });
}

void Eraser::next_part(const std::string& waits_for) {
  if (!waits_for.empty()) pass_->waits_for.push_back(waits_for);
  ++pass_->part;
  pass_->cursor = 0;
  strand_.post([self = shared_from_this()] { self->step(); });
}

void Eraser::end_pass() {
  gone_through_.insert(pass_->id);
  if (pass_->waits_for.empty()) {
    const bool finds_nothing = !pass_->is_whole && !pass_->has_erased;
    if (finds_nothing || pass_->repeated + 1 >= options_.passes_max) return finish();
    pass_ = Pass{pass_->id, std::move(pass_->target), 0, 0, false, pass_->repeated + 1, false, {}};
    return strand_.post([self = shared_from_this()] { self->step(); });
  }
  database_.write<int>(
      WritePriority::kBackground,
      [id = pass_->id, pending = pass_->waits_for](Transaction& transaction) -> Result<int> {
        RETURN_IF_ERROR(erasure_store::set_pending(transaction, id, pending));
        return 0;
      },
      strand_, [self = shared_from_this()](const Result<int>&) { self->rest(self->options_.pause); });
}

void Eraser::finish() {
  database_.write<Erasure>(
      WritePriority::kBackground,
      [id = pass_->id, now = clock_.now()](Transaction& transaction) -> Result<Erasure> {
        RETURN_IF_ERROR(erasure_store::finish(transaction, id, now));
        return erasure_store::find(transaction, id, "");
      },
      strand_,
      [self = shared_from_this()](const Result<Erasure>& receipt) {
        if (!receipt.ok()) return self->fail_pass(receipt.error());
        log_info("memory", "erased", {{"erasure", receipt->id}, {"tenant", receipt->target.scope.tenant}});
        self->resting_.erase(receipt->id);
        self->gone_through_.erase(receipt->id);
        self->busy_ = false;
        self->pass_.reset();
        self->answer(receipt->id, receipt);
        self->pump();
      });
}

void Eraser::fail_pass(const Error& because) {
  if (closed_) return;
  log_warning("memory", "an erasure waits", {{"erasure", pass_->id}, {"because", because.text()}});
  gone_through_.erase(pass_->id);
  database_.write<int>(
      WritePriority::kBackground,
      [id = pass_->id, pending = std::vector<std::string>{because.text()}](Transaction& transaction) -> Result<int> {
        RETURN_IF_ERROR(erasure_store::set_pending(transaction, id, pending));
        return 0;
      },
      strand_, [self = shared_from_this()](const Result<int>&) { self->rest(self->options_.error_pause); });
}

/// The present erasure is tried again after a pause; meanwhile others are.
void Eraser::rest(Duration pause) {
  if (closed_) return;
  resting_[pass_->id] = clock_.monotonic_now() + pause;
  pass_.reset();
  busy_ = false;
  strand_.post([self = shared_from_this()] { self->pump(); });
}

/// Pumps at this time, or before: that one posts the next.
void Eraser::wake(MonotonicTime at) {
  if (wakes_at_ && *wakes_at_ <= at) return;
  wakes_at_ = at;
  strand_.post_after(at - clock_.monotonic_now(), [self = shared_from_this(), at] {
    if (self->wakes_at_ == at) self->wakes_at_.reset();
    self->pump();
  });
}

}  // namespace mnema
