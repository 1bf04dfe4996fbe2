// tests/connectors/http/peer.hpp
//
// The other side of an HTTP connection, as bad as a test wants it: plain sockets on loopback, one thread per
// connection, and name servers that answer or do not.
//
// Threads:   scripts run on threads of their own.
// Ownership: the destructors shut the sockets, which ends every script that waits, and join.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema::testing {

inline int bound_socket(int type, int& port) {
  const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  CHECK(bind(descriptor, reinterpret_cast<sockaddr*>(&address), length) == 0, "a port of loopback is free");
  getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length);
  port = ntohs(address.sin_port);
  return descriptor;
}

/// A port of loopback on which nobody listens.
inline int closed_port() {
  int port = 0;
  close(bound_socket(SOCK_STREAM, port));
  return port;
}

class PeerConnection {
 public:
  explicit PeerConnection(int descriptor) : descriptor_(descriptor) {}

  [[nodiscard]] int descriptor() const { return descriptor_; }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Head and body (by its Content-Length) of the next request; "" if the client has gone.
  std::string read_request() {
    std::size_t head = std::string::npos;
    while ((head = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return "";
    }
    std::size_t length = 0;
    if (const std::size_t at = pending_.find("Content-Length: "); at < head)
      length = std::stoul(pending_.substr(at + 16));
    while (pending_.size() < head + 4 + length) {
      if (!read_more()) return "";
    }
    std::string request = pending_.substr(0, head + 4 + length);
    pending_.erase(0, head + 4 + length);
    return request;
  }
  /// Returns when the client has closed.
  void wait_until_closed() {
    while (read_more()) pending_.clear();
  }
  /// What was written arrives, then the connection is reset.
  void reset() {
    const linger now{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    reset_ = true;
  }
  [[nodiscard]] bool is_reset() const { return reset_; }

 private:
  bool read_more() {
    std::array<char, 65536> buffer{};
    const ssize_t count = recv(descriptor_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return false;
    pending_.append(buffer.data(), static_cast<std::size_t>(count));
    return true;
  }

  const int descriptor_;
  std::string pending_;
  bool reset_ = false;
};

class Peer {
 public:
  using Script = std::function<void(PeerConnection&)>;

  explicit Peer(Script script) : script_(std::move(script)) {
    listener_ = bound_socket(SOCK_STREAM, port_);
    listen(listener_, 256);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~Peer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      std::lock_guard lock(mutex_);
      for (const int descriptor : open_) shutdown(descriptor, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int accepted() const { return accepted_; }

 private:
  void accept_all() {
    while (true) {
      const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (descriptor < 0) return;
      ++accepted_;
      std::lock_guard lock(mutex_);
      open_.push_back(descriptor);
      threads_.emplace_back([this, descriptor] {
        PeerConnection connection(descriptor);
        script_(connection);
        std::lock_guard closing(mutex_);
        std::erase(open_, descriptor);
        close(descriptor);
      });
    }
  }

  const Script script_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_{0};
  std::thread acceptor_;
  std::mutex mutex_;  // guards the rest
  std::vector<int> open_;
  std::vector<std::thread> threads_;
};

/// Answers every request with `answer`, on connections that stay open.
inline Peer::Script always(std::string answer) {
  return [answer = std::move(answer)](PeerConnection& connection) {
    while (!connection.read_request().empty()) {
      if (!connection.write(answer)) return;
    }
  };
}

/// A name server. `answers` false: a black hole.
class NameServer {
 public:
  explicit NameServer(bool answers) : answers_(answers) {
    socket_ = bound_socket(SOCK_DGRAM, port_);
    thread_ = std::thread([this] { serve(); });
  }
  ~NameServer() {
    stopping_ = true;
    thread_.join();
    close(socket_);
  }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int questions() const { return questions_; }
  /// Of the last question.
  [[nodiscard]] std::string last_name() {
    std::lock_guard lock(mutex_);
    return last_name_;
  }

 private:
  void serve() {
    std::array<char, 512> buffer{};
    while (!stopping_) {
      pollfd ready{socket_, POLLIN, 0};
      if (poll(&ready, 1, 20) <= 0) continue;
      sockaddr_in from{};
      socklen_t length = sizeof(from);
      const ssize_t count =
          recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      if (count < 12) continue;
      std::string message(buffer.data(), static_cast<std::size_t>(count));
      std::size_t end = 12;
      std::string name;
      while (end < message.size() && message[end] != 0) {
        const std::size_t label = static_cast<unsigned char>(message[end]);
        name += (name.empty() ? "" : ".") + message.substr(end + 1, label);
        end += label + 1;
      }
      {
        std::lock_guard lock(mutex_);
        last_name_ = name;
      }
      ++questions_;
      if (!answers_) continue;
      const bool is_a = message[end + 2] == 1;
      message.resize(end + 5);
      message[2] = static_cast<char>(0x81);
      message[3] = static_cast<char>(0x80);
      for (std::size_t i : {6U, 7U, 8U, 9U, 10U, 11U}) message[i] = 0;
      if (is_a) {
        message[7] = 1;
        message += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x1e\x00\x04\x7f\x00\x00\x01", 16);
      }
      sendto(socket_, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&from), length);
    }
  }

  const bool answers_;
  int socket_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> questions_{0};
  std::mutex mutex_;
  std::string last_name_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace mnema::testing
