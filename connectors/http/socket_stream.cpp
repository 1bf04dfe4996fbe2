#include "connectors/http/socket_stream.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/container/static_vector.hpp>

namespace mnema {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kPiecesMax = 16;

long result_of(const boost::system::error_code& error, std::size_t bytes) {
  if (!error) return static_cast<long>(bytes);
  // A TLS client that closes without its farewell is as gone as one that says it.
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) return Stream::kEnd;
  return Stream::kClosed;
}

boost::container::static_vector<asio::const_buffer, kPiecesMax> buffers_of(std::span<const std::string_view> pieces) {
  boost::container::static_vector<asio::const_buffer, kPiecesMax> buffers;
  for (std::string_view piece : pieces.first(std::min(pieces.size(), kPiecesMax))) {
    buffers.push_back(asio::buffer(piece.data(), piece.size()));
  }
  return buffers;
}

void prepare(asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  // Tokens are small and must not wait for each other's acknowledgement.
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
}

std::string name_of(const asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  std::string address = endpoint.address().to_string();
  if (endpoint.address().is_v6()) address = "[" + address + "]";
  return address + ":" + std::to_string(endpoint.port());
}

class PlainStream final : public Stream {
 public:
  explicit PlainStream(asio::ip::tcp::socket socket) : socket_(std::move(socket)), peer_(name_of(socket_)) {
    prepare(socket_);
  }
  void open(Done done) override {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done(1); });
  }
  void read_some(std::span<char> into, Done done) override {
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [done = std::move(done)](boost::system::error_code error, std::size_t bytes) {
                              done(result_of(error, bytes));
                            });
  }
  void write_some(std::span<const std::string_view> pieces, Done done) override {
    socket_.async_write_some(buffers_of(pieces),
                             [done = std::move(done)](boost::system::error_code error, std::size_t bytes) {
                               done(error ? kClosed : static_cast<long>(bytes));
                             });
  }
  void finish_sending() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  std::string peer() const override { return peer_; }

 private:
  asio::ip::tcp::socket socket_;
  std::string peer_;
};

class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<TlsSocket> socket, bool is_open)
      : stream_(std::move(socket)), is_open_(is_open), peer_(name_of(stream_->next_layer())) {
    prepare(stream_->next_layer());
  }
  void open(Done done) override {
    if (is_open_) return asio::post(stream_->get_executor(), [done = std::move(done)] { done(1); });
    stream_->async_handshake(asio::ssl::stream_base::server,
                             [done = std::move(done)](boost::system::error_code error) { done(error ? kClosed : 1); });
  }
  void read_some(std::span<char> into, Done done) override {
    stream_->async_read_some(asio::buffer(into.data(), into.size()),
                             [done = std::move(done)](boost::system::error_code error, std::size_t bytes) {
                               done(result_of(error, bytes));
                             });
  }
  void write_some(std::span<const std::string_view> pieces, Done done) override {
    stream_->async_write_some(buffers_of(pieces),
                              [done = std::move(done)](boost::system::error_code error, std::size_t bytes) {
                                done(error ? kClosed : static_cast<long>(bytes));
                              });
  }
  // The close_notify would need a write of its own beside the outstanding read; HTTP frames its bodies, so that a
  // client sees a cut answer without it.
  void finish_sending() override {
    boost::system::error_code ignored;
    stream_->next_layer().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }
  void close() override {
    boost::system::error_code ignored;
    stream_->next_layer().close(ignored);
  }
  std::string peer() const override { return peer_; }

 private:
  const std::unique_ptr<TlsSocket> stream_;
  const bool is_open_;
  std::string peer_;
};

}  // namespace

std::unique_ptr<Stream> plain_stream(asio::ip::tcp::socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<Stream> tls_stream(asio::ip::tcp::socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::make_unique<TlsSocket>(std::move(socket), context), false);
}

std::unique_ptr<Stream> open_tls_stream(std::unique_ptr<TlsSocket> socket) {
  return std::make_unique<TlsStream>(std::move(socket), true);
}

}  // namespace mnema
