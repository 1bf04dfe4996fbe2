// memory/erase/eraser.hpp
//
// Erases what somebody wants forgotten, everywhere it may be, while everything else goes on: in units of work of about
// `rows_max` rows, one erasure after the other. An erasure is a row before anything goes (erasure_store.hpp), so a
// process that is killed goes on with it at its next start, and its receipt counts each row once.
//
//   the parts in their order (erase_part.hpp) -> is anything waited for? -> after a pause, again
//                                             -> was anything erased, or was it the first pass? -> at once, again
//                                             -> finished
//
// Everything else goes on between the parts: a timer may become an event behind the part of events, and a turn that
// began meanwhile may remember what it had recalled before it was erased. So an erasure ends with a pass that found
// nothing to erase and nothing to wait for, behind one that went through all parts: a turn that runs ends first, and
// what it wrote goes in the next pass; a reader that holds an older state of the file ends, and the log is cut then.
// Whom somebody writes to without end is done after `passes_max`: what is left is newer than the request. What is
// written for the scope after the request may be erased with it, or stay.
//
// A pass that fails is begun again after a pause, whole, since what it had still to do is not known by then.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows database, executor and clock.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "memory/erase/erase_part.hpp"
#include "memory/erase/erasure.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class Eraser : public std::enable_shared_from_this<Eraser> {
 public:
  struct Options {
    int rows_max = 384;                               // of a unit of work: about 2 ms
    int passes_max = 8;                               // that are begun at once, one after the other
    Duration pause = std::chrono::milliseconds(250);  // before one that waits is tried again
    Duration error_pause = std::chrono::seconds(10);  // after a failure, of the disk for one
  };

  Eraser(Database& database, Executor& background, const Clock& clock, Options options)
      : database_(database), strand_(background), clock_(clock), options_(options) {}

  /// Before `start`: the parts, in their order.
  void add(std::vector<ErasePart> parts);
  /// Goes on with what a crash has left. Until then, requests wait.
  void start();

  /// Answers when the request is on disk: from then on it is carried out, whatever happens. Errors: `kInvalidArgument`
  /// (no tenant; an entry with other names), `kNotFound` (no such entry), `kStorage`.
  void request(EraseTarget target, Executor& reply_to, std::function<void(Result<Erasure>)> on_done);
  /// Calls back with the receipt when it is finished. Errors: `kNotFound`, `kCancelled` (closed: it goes on at the next
  /// start).
  void when_finished(std::int64_t id, Executor& reply_to, std::function<void(Result<Erasure>)> on_done);

  /// Not on the loop. `tenant`: whose it must be; empty: anybody's.
  [[nodiscard]] Result<Erasure> find(std::int64_t id, const std::string& tenant);
  [[nodiscard]] Result<std::vector<Erasure>> list(const std::string& tenant, int count_max);
  /// What a request would erase, if it came now. Not on the loop. Errors: as `request`.
  [[nodiscard]] Result<EraseCounts> preview(const EraseTarget& target);

  /// No unit is begun any more; who waits gets `kCancelled`.
  void close();

 private:
  /// One that is being carried out.
  struct Pass {
    std::int64_t id = 0;
    EraseTarget target;
    std::size_t part = 0;
    std::int64_t cursor = 0;
    bool is_whole = true;     // none before went through all parts: files may hold what was erased
    int repeated = 0;         // so many passes before this one, without a pause
    bool has_erased = false;  // rows, in this pass
    std::vector<std::string> waits_for;
  };

  [[nodiscard]] Status check(Transaction& transaction, const EraseTarget& target) const;
  void pump();
  [[nodiscard]] bool begin(std::int64_t id);
  void step();
  void step_rows(const ErasePart& part);
  void step_slice(const ErasePart& part);
  void on_step(const Result<ErasePart::Step>& done);
  void next_part(const std::string& waits_for);
  void end_pass();
  void finish();
  void fail_pass(const Error& because);
  void rest(Duration pause);
  void wake(MonotonicTime at);
  void answer(std::int64_t id, const Result<Erasure>& receipt);

  Database& database_;
  Strand strand_;
  const Clock& clock_;
  const Options options_;
  std::atomic<bool> closed_ = false;
  // of the strand
  std::vector<ErasePart> parts_;
  bool started_ = false;
  bool busy_ = false;
  std::optional<Pass> pass_;
  std::map<std::int64_t, MonotonicTime> resting_;  // erasures that wait, and until when
  std::set<std::int64_t> gone_through_;            // unfinished ones whose last pass went through all parts
  std::optional<MonotonicTime> wakes_at_;          // the next pump that is posted
  std::vector<std::pair<std::int64_t, std::pair<Executor*, std::function<void(Result<Erasure>)>>>> waiting_;
};

}  // namespace mnema
