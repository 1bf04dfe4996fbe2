// connectors/http/request_body.hpp
//
// A request's body for Beast's parser, which grows as bytes come and asks the budget before it allocates. Beast's own
// string_body reserves what Content-Length announces, before anything was sent. A body that is coded (gzip) is decoded
// as it comes, and its bounds are those of what comes out. Included by request_reader.cpp only.
//
// Threads: confined to its connection.
#pragma once

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/http/body_budget.hpp"
#include "connectors/http/content_decoder.hpp"

namespace mnema {

struct RequestBody {
  struct value_type {
    std::string bytes;
    BodyBudget* budget = nullptr;
    std::unique_ptr<BodyBudget::Lease> lease;  // on bytes.capacity(); none before the first byte
    bool over_budget = false;
    std::size_t bytes_max = 0;                // of `bytes`
    std::unique_ptr<ContentDecoder> decoder;  // none: the body is not coded
    bool too_large = false;                   // decoded
    bool broken = false;                      // its coding

    /// Capacity for `size` bytes: doubled, but never more than the `announced` size.
    [[nodiscard]] bool reserve(std::size_t size, std::size_t announced) {
      if (size <= bytes.capacity() && lease) return true;
      const std::size_t wanted = std::max(size, std::min(announced, std::max<std::size_t>(4096, 2 * bytes.size())));
      if (!lease) lease = budget->open();
      if (!lease->grow_to(static_cast<std::int64_t>(wanted))) return false;
      std::string larger;  // a string that grows in place allocates more than it is asked for
      larger.reserve(wanted);
      larger.append(bytes);
      bytes.swap(larger);
      return true;
    }
  };

  class reader {
   public:
    template <bool is_request, class Fields>
    reader(boost::beast::http::header<is_request, Fields>& header, value_type& body)
        : body_(body),
          coding_([&header] { return std::string(header[boost::beast::http::field::content_encoding]); }) {}

    void init(const boost::optional<std::uint64_t>& length, boost::system::error_code& error) {
      body_.decoder = ContentDecoder::for_coding(coding_());  // the header is there by now
      if (length && !body_.decoder) announced_ = static_cast<std::size_t>(*length);
      error = {};
    }

    template <class Buffers>
    std::size_t put(const Buffers& buffers, boost::system::error_code& error) {
      const std::size_t size = boost::asio::buffer_size(buffers);
      if (body_.decoder) return decode(buffers, error);
      if (!body_.reserve(body_.bytes.size() + size, announced_)) {
        body_.over_budget = true;
        error = boost::beast::http::error::body_limit;
        return 0;
      }
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
           ++at) {
        const boost::asio::const_buffer piece(*at);
        body_.bytes.append(static_cast<const char*>(piece.data()), piece.size());
      }
      error = {};
      return size;
    }

    void finish(boost::system::error_code& error) {
      error = {};
      if (!body_.decoder || body_.decoder->is_complete()) return;
      body_.broken = true;
      error = boost::beast::http::error::body_limit;
    }

   private:
    /// Errors all look alike to Beast; the body says which it was.
    template <class Buffers>
    std::size_t decode(const Buffers& buffers, boost::system::error_code& error) {
      error = boost::beast::http::error::body_limit;
      for (auto at = boost::asio::buffer_sequence_begin(buffers); at != boost::asio::buffer_sequence_end(buffers);
           ++at) {
        const boost::asio::const_buffer piece(*at);
        const std::string_view coded(static_cast<const char*>(piece.data()), piece.size());
        body_.broken = !body_.decoder->decode(coded, [this](std::string_view bytes) {
          body_.too_large = bytes.size() > body_.bytes_max - body_.bytes.size();
          if (body_.too_large) return false;
          body_.over_budget = !body_.reserve(body_.bytes.size() + bytes.size(), body_.bytes_max);
          if (body_.over_budget) return false;
          body_.bytes.append(bytes);
          return true;
        });
        if (body_.broken || body_.too_large || body_.over_budget) return 0;
      }
      error = {};
      return boost::asio::buffer_size(buffers);
    }

    value_type& body_;
    const std::function<std::string()> coding_;
    std::size_t announced_ = std::numeric_limits<std::size_t>::max();
  };
};

}  // namespace mnema
