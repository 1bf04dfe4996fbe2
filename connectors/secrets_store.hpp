// connectors/secrets_store.hpp
//
// Where secrets come from: the environment ("env:STRIPE_KEY"), a file ("file:/run/secrets/stripe") or a command
// ("command:pass show stripe"). Never from the configuration itself: a reference that is none of these is refused, and
// the refusal does not repeat it. A secret is read when first needed and read again when its file has changed or when
// the other side answered 401, so that rotation needs no restart. One that cannot be read is tried again no sooner than
// some seconds later, however often it is asked for: requests of strangers must not run commands.
//
// Threads:   every method from any thread. `get` may read a file or run a command: not on the loop, where `peek` gives
//            what is known. The mutex is not held while something is read: who needs another secret goes on, who needs
//            this one gets the old value if there is one, else waits for the one reading.
// Ownership: the host owns it.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

/// A checked reference to a secret; holds no secret itself and may be logged.
struct SecretReference {
  enum class Kind { kEnvironment, kFile, kCommand };
  Kind kind = Kind::kEnvironment;
  std::string where;  // variable, path or command line

  /// Errors: `kInvalidArgument` for anything else, a literal secret included (which the error does not show).
  [[nodiscard]] static Result<SecretReference> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  auto operator<=>(const SecretReference&) const = default;
};

class SecretsStore {
 public:
  struct Options {
    Duration file_check_interval = std::chrono::seconds(5);
    Duration failure_kept = std::chrono::seconds(5);  // an unreadable or refused secret is not read again before
    Duration command_time_max =
        std::chrono::seconds(10);  // from its start to its end; then its process group is killed
  };
  explicit SecretsStore(const Clock& clock) : SecretsStore(clock, Options{}) {}
  SecretsStore(const Clock& clock, Options options) : clock_(clock), options_(options) {}

  /// The secret as it is now. A trailing line end is not part of it. Errors: `kNotFound` (says which variable or file,
  /// and what to do), `kPermissionDenied`, `kDeadlineExceeded` (a command that does not end; retryable).
  [[nodiscard]] Result<Secret> get(const SecretReference& reference);

  struct Known {
    std::optional<Result<Secret>> secret;  // none: nothing is known, `get` must read it
    bool due = false;  // its file should be looked at again: whoever is told so calls `get` where that may block
  };
  /// The secret, or why it cannot be read, as the last reading left it. Never reads and never waits. `due` is told to
  /// one caller per interval.
  [[nodiscard]] Known peek(const SecretReference& reference);

  /// The other side refused `refused`. Reads the source again, for the same value no sooner than `failure_kept` after
  /// the last time, and returns true if it now gives another one: then the call is worth one repeat. So a secret that
  /// is rotated after its refusal is found by a later one, and refusals in a row do not run a command each.
  [[nodiscard]] bool refresh_after_refusal(const SecretReference& reference, const Secret& refused);

 private:
  struct Entry {
    Secret value;  // empty: none yet
    MonotonicTime checked_at{};
    std::string stamp;              // file: device, inode, mtime, size
    std::optional<Secret> refused;  // re-read because of this one
    MonotonicTime refused_at{};     // when it was last
    bool reading = false;           // a thread is at it, without the mutex
    long long rounds = 0;           // readings that have ended
    std::optional<Error> failure;   // of the last one
    MonotonicTime failed_at{};
    MonotonicTime due_told_at{};
  };
  [[nodiscard]] Result<Secret> read(const SecretReference& reference) const;
  /// Reads the source, or waits for the thread that does, and gives what came of it. Opens `lock` meanwhile.
  [[nodiscard]] Result<Secret> read_once(std::unique_lock<std::mutex>& lock, const SecretReference& reference,
                                         Entry& entry);
  /// Looks at a file's stamp, if that is due. Opens `lock` meanwhile.
  [[nodiscard]] bool may_have_changed(std::unique_lock<std::mutex>& lock, const SecretReference& reference,
                                      Entry& entry) const;

  const Clock& clock_;
  const Options options_;
  std::mutex mutex_;  // guards entries_
  std::condition_variable changed_;
  std::map<SecretReference, Entry> entries_;
};

}  // namespace mnema
