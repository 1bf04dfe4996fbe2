// connectors/replay_window.hpp
//
// The signed bodies that were taken lately, and under which delivery's id. GitHub signs the body and not the id, so a
// captured delivery can be sent again under another id, which the mailbox takes for another event; here it is known by
// its body. A genuine redelivery keeps its id and goes on to the mailbox, which knows it.
//
// In memory: a stranger needs a captured signed body to get here at all, and a restart forgets the bodies. What lasts
// is the mailbox's memory of ids.
//
// Threads:   any; one mutex.
// Invariant: as many bodies as places in the order of their coming, at most `bodies_max`   (check_integrity)
#pragma once

#include <list>
#include <map>
#include <mutex>
#include <string>

#include "runtime/base/clock.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {

class ReplayWindow {
 public:
  ReplayWindow(Duration window, std::size_t bodies_max) : window_(window), bodies_max_(bodies_max) {}

  enum class Verdict {
    kNew,     // this body did not come within the window, or came under this id: it may go on
    kBusy,    // it is being taken under another id; whether that succeeds is not known yet
    kReplay,  // it was taken under another id
  };
  /// A delivery with a right signature has come. After kNew, `settle` must follow.
  [[nodiscard]] Verdict begin(const Sha256Digest& body, const std::string& delivery, MonotonicTime now);
  /// What became of it: one that was not taken is forgotten, so that it may come again under any id.
  void settle(const Sha256Digest& body, const std::string& delivery, bool taken);

  void check_integrity() const;

 private:
  struct Entry {
    std::string delivery;
    MonotonicTime since;
    bool taken = false;
    std::list<Sha256Digest>::iterator place;
  };
  void forget_old(MonotonicTime now);  // requires mutex_

  const Duration window_;
  const std::size_t bodies_max_;
  mutable std::mutex mutex_;  // guards all below
  std::map<Sha256Digest, Entry> bodies_;
  std::list<Sha256Digest> order_;  // oldest first
};

}  // namespace mnema
