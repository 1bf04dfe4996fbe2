#include "connectors/http/curl_multi.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace mnema {

Result<std::unique_ptr<CurlMulti>> CurlMulti::open(int idle_connections_max, const Clock& clock) {
  static const bool initialised = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
  std::unique_ptr<CurlMulti> opened(new CurlMulti(clock));
  if (!initialised) return fail(ErrorCode::kInternal, "libcurl cannot be initialised");
  RETURN_IF_ERROR(opened->start(idle_connections_max));
  return opened;
}

Status CurlMulti::start(int idle_connections_max) {
  multi_ = curl_multi_init();
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (multi_ == nullptr || epoll_ < 0 || wake_ < 0) {
    return fail(ErrorCode::kInternal, "no memory or descriptors for outbound calls", "raise the limit of open files");
  }
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(idle_connections_max));
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event);
  return {};
}

CurlMulti::~CurlMulti() {
  if (multi_ != nullptr) curl_multi_cleanup(multi_);
  if (epoll_ >= 0) close(epoll_);
  if (wake_ >= 0) close(wake_);
}

bool CurlMulti::add(CURL* transfer) { return curl_multi_add_handle(multi_, transfer) == CURLM_OK; }
void CurlMulti::remove(CURL* transfer) { curl_multi_remove_handle(multi_, transfer); }

void CurlMulti::set(int descriptor, unsigned events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = descriptor;
  const int change = events == 0 ? EPOLL_CTL_DEL : watched_.contains(descriptor) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  // A number that was closed without our knowledge is not watched any more.
  if (epoll_ctl(epoll_, change, descriptor, &event) != 0 && change == EPOLL_CTL_MOD) {
    epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event);
  }
}

int CurlMulti::on_socket(CURL*, curl_socket_t descriptor, int what, void* self, void*) {
  CurlMulti& multi = *static_cast<CurlMulti*>(self);
  const unsigned events = what == CURL_POLL_REMOVE ? 0U
                                                   : ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) |
                                                         ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
  multi.set(descriptor, events);
  if (events == 0) {
    multi.watched_.erase(descriptor);
  } else {
    multi.watched_[descriptor] = false;
  }
  return 0;
}

int CurlMulti::on_timer(CURLM*, long milliseconds, void* self) {
  CurlMulti& multi = *static_cast<CurlMulti*>(self);
  multi.curl_due_.reset();
  if (milliseconds >= 0) multi.curl_due_ = multi.clock_.monotonic_now() + std::chrono::milliseconds(milliseconds);
  return 0;
}

void CurlMulti::watch(int descriptor, short events) {
  set(descriptor, ((events & POLLIN) != 0 ? EPOLLIN : 0U) | ((events & POLLOUT) != 0 ? EPOLLOUT : 0U));
  if (events == 0) {
    watched_.erase(descriptor);
  } else {
    watched_[descriptor] = true;
  }
}

void CurlMulti::wake() {
  const std::uint64_t one = 1;
  static_cast<void>(!write(wake_, &one, sizeof(one)));  // full: it is awake anyway
}

void CurlMulti::wait(Duration longest, const std::function<void(int descriptor, short events)>& ready) {
  if (curl_due_) longest = std::min(longest, *curl_due_ - clock_.monotonic_now());
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(std::max(Duration::zero(), longest)).count();
  std::array<epoll_event, 64> events{};
  const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), static_cast<int>(milliseconds));
  int running = 0;
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const int descriptor = event.data.fd;
    if (descriptor == wake_) {
      std::uint64_t wakes = 0;
      static_cast<void>(!read(wake_, &wakes, sizeof(wakes)));
      continue;
    }
    const auto found = watched_.find(descriptor);
    if (found == watched_.end()) continue;  // closed by what came before it
    const bool readable = (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0;
    const bool writable = (event.events & EPOLLOUT) != 0;
    if (found->second) {
      ready(descriptor, static_cast<short>((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)));
      continue;
    }
    const int happened = (readable ? CURL_CSELECT_IN : 0) | (writable ? CURL_CSELECT_OUT : 0) |
                         ((event.events & EPOLLERR) != 0 ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi_, descriptor, happened, &running);
  }
  if (curl_due_ && *curl_due_ <= clock_.monotonic_now()) {
    curl_due_.reset();
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

std::optional<CurlMulti::Finished> CurlMulti::take_finished() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) return Finished{message->easy_handle, message->data.result};
  }
  return std::nullopt;
}

}  // namespace mnema
