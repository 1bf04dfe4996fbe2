#include "connectors/secrets_store.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "connectors/file_stamp.hpp"

extern "C" char** environ;

namespace mnema {
namespace {

constexpr std::size_t kSecretBytesMax = 64 << 10;
constexpr Duration kFileTimeMax = std::chrono::seconds(5);  // it may be a pipe
constexpr int kExitLookMs = 5;

std::string error_text(int error) { return strerror(error); }

/// A text file and most commands end in a line end that is not meant.
Secret without_line_end(std::string bytes) {
  if (bytes.ends_with('\n')) bytes.pop_back();
  if (bytes.ends_with('\r')) bytes.pop_back();
  Secret secret(bytes);
  explicit_bzero(bytes.data(), bytes.size());
  return secret;
}

int milliseconds_until(const Clock& clock, MonotonicTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock.monotonic_now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

/// All bytes up to the end, which must come by `deadline`.
Result<std::string> read_all(int descriptor, const std::string& what, const Clock& clock, MonotonicTime deadline) {
  std::string bytes;
  std::array<char, 4096> buffer{};
  while (true) {
    pollfd ready{descriptor, POLLIN, 0};
    int polled = poll(&ready, 1, milliseconds_until(clock, deadline));
    if (polled < 0 && errno == EINTR) continue;
    if (polled == 0)
      return fail_retryable(ErrorCode::kDeadlineExceeded, what + " gave no secret in time",
                            "run it by hand to see why");
    ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(ErrorCode::kNotFound, what + " cannot be read: " + error_text(errno), "");
    if (count == 0) break;
    bytes.append(buffer.data(), static_cast<std::size_t>(count));
    if (bytes.size() > kSecretBytesMax) {
      return fail(ErrorCode::kInvalidArgument, what + " gives more than a secret's 64 KiB", "check what it refers to");
    }
  }
  explicit_bzero(buffer.data(), buffer.size());
  return bytes;
}

Result<Secret> read_file(const std::string& path, const Clock& clock) {
  int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    ErrorCode code = errno == EACCES ? ErrorCode::kPermissionDenied : ErrorCode::kNotFound;
    return fail(code, "the secret's file '" + path + "' cannot be opened: " + error_text(errno),
                "create it, readable by this user only");
  }
  const MonotonicTime deadline = clock.monotonic_now() + kFileTimeMax;
  Result<std::string> bytes = read_all(descriptor, "the secret's file '" + path + "'", clock, deadline);
  close(descriptor);
  if (!bytes.ok()) return bytes.error();
  return without_line_end(std::move(*bytes));
}

/// The status of `child` if it ends by `deadline`. It may have closed its output long before.
std::optional<int> wait_for_exit(pid_t child, const Clock& clock, MonotonicTime deadline) {
  int status = 0;
  for (;;) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno != EINTR) return 0;  // the program has asked not to be told (SIGCHLD ignored)
    const int left_ms = milliseconds_until(clock, deadline);
    if (left_ms == 0) return std::nullopt;
    poll(nullptr, 0, std::min(left_ms, kExitLookMs));
  }
}

/// Ends `child` with all that it has started in its process group.
void kill_group(pid_t child) {
  kill(-child, SIGKILL);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Result<Secret> run_command(const std::string& command, const Clock& clock, Duration time_max) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(ErrorCode::kInternal, "no pipe for a secret's command: " + error_text(errno));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // a group of its own, which can be killed whole
  posix_spawnattr_setpgroup(&attributes, 0);
  std::array<std::string, 3> words = {"/bin/sh", "-c", command};
  std::array<char*, 4> arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  pid_t child = 0;
  int spawned = posix_spawn(&child, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (spawned != 0) {
    close(ends[0]);
    return fail(ErrorCode::kNotFound, "the secret's command cannot be started: " + error_text(spawned));
  }
  const std::string what = "the secret's command '" + command + "'";
  const MonotonicTime deadline = clock.monotonic_now() + time_max;
  Result<std::string> bytes = read_all(ends[0], what, clock, deadline);
  close(ends[0]);
  const std::optional<int> status = bytes.ok() ? wait_for_exit(child, clock, deadline) : std::nullopt;
  if (!status) kill_group(child);
  if (!bytes.ok()) return bytes.error();
  if (!status) {
    return fail_retryable(ErrorCode::kDeadlineExceeded, what + " did not end in time", "run it by hand to see why");
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return fail(ErrorCode::kNotFound, what + " ended with status " + std::to_string(*status),
                "run it by hand to see why");
  }
  return without_line_end(std::move(*bytes));
}

}  // namespace

Result<SecretReference> SecretReference::parse(std::string_view text) {
  auto with = [](Kind kind, std::string_view where) { return SecretReference{kind, std::string(where)}; };
  std::string_view where = text.substr(std::min(text.size(), text.find(':') + 1));
  if (text.starts_with("env:") && !where.empty()) return with(Kind::kEnvironment, where);
  if (text.starts_with("file:") && !where.empty()) return with(Kind::kFile, where);
  if (text.starts_with("command:") && !where.empty()) return with(Kind::kCommand, where);
  return fail(ErrorCode::kInvalidArgument, "a secret stands in the configuration itself, or its reference is malformed",
              "write \"env:NAME\", \"file:/path\" or \"command:...\" instead; if it was a real secret, replace it now");
}

std::string SecretReference::text() const {
  switch (kind) {
    case Kind::kEnvironment:
      return "env:" + where;
    case Kind::kFile:
      return "file:" + where;
    case Kind::kCommand:
      return "command:" + where;
  }
  return where;
}

Result<Secret> SecretsStore::read(const SecretReference& reference) const {
  Result<Secret> secret = Error{};
  switch (reference.kind) {
    case SecretReference::Kind::kEnvironment: {
      const char* value = std::getenv(reference.where.c_str());
      if (value == nullptr) {
        return fail(ErrorCode::kNotFound,
                    "the environment variable " + reference.where + ", which holds a secret, is not set",
                    "export it before starting");
      }
      secret = Secret(value);
      break;
    }
    case SecretReference::Kind::kFile:
      secret = read_file(reference.where, clock_);
      break;
    case SecretReference::Kind::kCommand:
      secret = run_command(reference.where, clock_, options_.command_time_max);
      break;
  }
  if (secret.ok() && secret->empty()) {
    return fail(ErrorCode::kNotFound, "the secret " + reference.text() + " is empty", "put the secret there");
  }
  return secret;
}

Result<Secret> SecretsStore::read_once(std::unique_lock<std::mutex>& lock, const SecretReference& reference,
                                       Entry& entry) {
  if (entry.reading) {
    changed_.wait(lock, [&entry, round = entry.rounds] { return entry.rounds != round; });
    if (entry.failure) return *entry.failure;
    return entry.value;
  }
  entry.reading = true;
  lock.unlock();
  // The stamp is taken before the bytes: a file replaced between the two is then read once more, not once too few.
  std::string stamp = reference.kind == SecretReference::Kind::kFile ? file_stamp(reference.where) : "";
  Result<Secret> secret = read(reference);
  lock.lock();
  entry.reading = false;
  ++entry.rounds;
  entry.failure.reset();
  if (secret.ok()) {
    entry.value = *secret;
    entry.checked_at = clock_.monotonic_now();
    entry.stamp = std::move(stamp);
  } else {
    entry.failure = secret.error();
    entry.failed_at = clock_.monotonic_now();
  }
  changed_.notify_all();
  return secret;
}

bool SecretsStore::may_have_changed(std::unique_lock<std::mutex>& lock, const SecretReference& reference,
                                    Entry& entry) const {
  if (reference.kind != SecretReference::Kind::kFile) return false;
  const MonotonicTime now = clock_.monotonic_now();
  if (now - entry.checked_at < options_.file_check_interval) return false;
  entry.checked_at = now;
  const std::string before = entry.stamp;
  lock.unlock();
  const bool changed = file_stamp(reference.where) != before;  // its disk may hang
  lock.lock();
  return changed;
}

Result<Secret> SecretsStore::get(const SecretReference& reference) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[reference];  // stays where it is: nothing is ever erased
  if (!entry.value.empty() && (entry.reading || !may_have_changed(lock, reference, entry))) return entry.value;
  if (entry.failure && !entry.reading && entry.value.empty() &&
      clock_.monotonic_now() - entry.failed_at < options_.failure_kept) {
    return *entry.failure;
  }
  Result<Secret> secret = read_once(lock, reference, entry);
  // A file that is being replaced just now: the old secret is better than none.
  if (!secret.ok() && !entry.value.empty()) return entry.value;
  return secret;
}

SecretsStore::Known SecretsStore::peek(const SecretReference& reference) {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(reference);
  if (found == entries_.end()) return {};
  Entry& entry = found->second;
  const MonotonicTime now = clock_.monotonic_now();
  if (entry.value.empty()) {
    if (!entry.failure || now - entry.failed_at >= options_.failure_kept) return {};
    return {Result<Secret>(*entry.failure), false};
  }
  const bool due = reference.kind == SecretReference::Kind::kFile && !entry.reading &&
                   now - std::max(entry.checked_at, entry.due_told_at) >= options_.file_check_interval;
  if (due) entry.due_told_at = now;
  return {Result<Secret>(entry.value), due};
}

bool SecretsStore::refresh_after_refusal(const SecretReference& reference, const Secret& refused) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_[reference];
  if (!entry.value.empty() && entry.value.reveal() != refused.reveal()) return true;  // somebody else has re-read it
  const MonotonicTime now = clock_.monotonic_now();
  const bool is_known = entry.refused && entry.refused->reveal() == refused.reveal();
  if (is_known && !entry.reading && now - entry.refused_at < options_.failure_kept) return false;
  entry.refused = refused;
  entry.refused_at = now;
  const Result<Secret> secret = read_once(lock, reference, entry);
  return secret.ok() && secret->reveal() != refused.reveal();
}

}  // namespace mnema
