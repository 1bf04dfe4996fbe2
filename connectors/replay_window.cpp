#include "connectors/replay_window.hpp"

#include "runtime/base/check.hpp"

namespace mnema {

void ReplayWindow::forget_old(MonotonicTime now) {
  while (!order_.empty()) {
    const auto oldest = bodies_.find(order_.front());
    if (bodies_.size() <= bodies_max_ && now - oldest->second.since < window_) return;
    bodies_.erase(oldest);
    order_.pop_front();
  }
}

ReplayWindow::Verdict ReplayWindow::begin(const Sha256Digest& body, const std::string& delivery, MonotonicTime now) {
  const std::scoped_lock lock(mutex_);
  forget_old(now);
  const auto [found, is_new] = bodies_.try_emplace(body);
  Entry& entry = found->second;
  if (!is_new) {
    if (entry.delivery == delivery) return Verdict::kNew;
    return entry.taken ? Verdict::kReplay : Verdict::kBusy;
  }
  entry.delivery = delivery;
  entry.since = now;
  entry.place = order_.insert(order_.end(), body);
  forget_old(now);
  return Verdict::kNew;
}

void ReplayWindow::settle(const Sha256Digest& body, const std::string& delivery, bool taken) {
  const std::scoped_lock lock(mutex_);
  const auto found = bodies_.find(body);
  if (found == bodies_.end() || found->second.delivery != delivery) return;
  if (taken) {
    found->second.taken = true;
  } else if (!found->second.taken) {
    order_.erase(found->second.place);
    bodies_.erase(found);
  }
}

void ReplayWindow::check_integrity() const {
  const std::scoped_lock lock(mutex_);
  CHECK(bodies_.size() == order_.size() && bodies_.size() <= bodies_max_, "every body has its place in the order");
  for (const auto& [body, entry] : bodies_) CHECK(*entry.place == body, "the place is the body's own");
}

}  // namespace mnema
