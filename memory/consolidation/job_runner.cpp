#include "memory/consolidation/job_runner.hpp"

#include <algorithm>

#include "runtime/base/log.hpp"

namespace mnema {

void JobRunner::wake() {
  strand_.post([self = shared_from_this()] {
    for (Entry& entry : self->jobs_) entry.has_work = true;
    if (!self->work_since_) self->work_since_ = self->clock_.monotonic_now();
    self->pump();
  });
}

void JobRunner::when_done(Executor& reply_to, std::function<void(Status)> on_done) {
  strand_.post([self = shared_from_this(), &reply_to, on_done = std::move(on_done)]() mutable {
    self->waiting_.emplace_back(&reply_to, std::move(on_done));
    if (self->closed_) return self->answer(fail(ErrorCode::kCancelled, "memory is closed"));
    for (Entry& entry : self->jobs_) entry.has_work = true;
    self->pump();
  });
}

void JobRunner::close() {
  closed_ = true;
  strand_.post([self = shared_from_this()] { self->answer(fail(ErrorCode::kCancelled, "memory is closed")); });
}

Duration JobRunner::until_idle() const {
  if (!waiting_.empty()) return {};
  const MonotonicTime now = clock_.monotonic_now();
  const MonotonicTime idle_at = MonotonicTime(Duration(used_at_.load())) + options_.quiet;
  const MonotonicTime latest = work_since_.value_or(now) + options_.wait_max;
  return std::max(Duration{}, std::min(idle_at, latest) - now);
}

void JobRunner::pump() {
  if (busy_ || closed_) return;
  const auto next = std::find_if(jobs_.begin(), jobs_.end(), [](const Entry& entry) { return entry.has_work; });
  if (next == jobs_.end()) {
    work_since_.reset();
    return answer({});
  }
  if (failed_ > 0 && waits_) return;
  if (const Duration pause = until_idle(); pause > Duration{}) return wait(pause);
  busy_ = true;
  next->has_work = false;  // unless it, or somebody meanwhile, says so
  const auto index = static_cast<std::size_t>(next - jobs_.begin());
  next->job->step(strand_,
                  [self = shared_from_this(), index](const Result<bool>& has_more) { self->on_step(index, has_more); });
}

void JobRunner::wait(Duration pause) {
  if (std::exchange(waits_, true)) return;
  strand_.post_after(pause, [self = shared_from_this()] {
    self->waits_ = false;
    self->pump();
  });
}

void JobRunner::on_step(std::size_t index, const Result<bool>& has_more) {
  busy_ = false;
  ++units_;
  if (!has_more.ok()) {
    jobs_[index].has_work = true;
    // Overtaken is not failed: it reads again where it stands.
    if (has_more.error().code == ErrorCode::kAborted) return pump();
    ++failures_;
    ++failed_;
    if (closed_ || has_more.error().code == ErrorCode::kCancelled) return;
    answer(has_more.error());
    const Duration pause = std::min(options_.pause_max, options_.pause_min * (1 << std::min(failed_ - 1, 6)));
    log_warning("memory", "consolidation waits",
                {{"job", jobs_[index].job->name()}, {"because", has_more.error().message}});
    return wait(pause);
  }
  failed_ = 0;
  jobs_[index].has_work |= *has_more;
  // Not from inside its answer: a long log must not nest as deep.
  strand_.post([self = shared_from_this()] { self->pump(); });
}

void JobRunner::answer(const Status& status) {
  for (const auto& [reply_to, on_done] : std::exchange(waiting_, {})) {
    reply_to->post([on_done = on_done, status] { on_done(status); });
  }
}

}  // namespace mnema
