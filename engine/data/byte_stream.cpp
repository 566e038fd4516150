// SPDX-License-Identifier: GPL-3.0-or-later
// Plain reading through WatchedFile; gzip through zlib, member after member, with CRC and length checked.
#include "engine/data/byte_stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "engine/data/watched_file.h"

namespace serp {
namespace {

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(const TextFile& file) : file_(file.path, file.size, file.mtimeNs) {}
  std::size_t read(char* out, std::size_t count) override {
    count = std::min<std::uint64_t>(count, file_.size() - at_);
    if (count > 0) file_.read(at_, out, count);
    else file_.checkUnchanged();
    at_ += count;
    return count;
  }

 private:
  WatchedFile file_;
  std::uint64_t at_ = 0;
};

class GzipStream final : public ByteStream {
 public:
  explicit GzipStream(const TextFile& file) : name_(file.path.string()), packed_(file) {
    SERP_CHECK(inflateInit2(&zlib_, 15 + 16) == Z_OK, "zlib");
  }
  ~GzipStream() override { inflateEnd(&zlib_); }

  std::size_t read(char* out, std::size_t count) override {
    zlib_.next_out = reinterpret_cast<Bytef*>(out);
    zlib_.avail_out = static_cast<uInt>(std::min<std::size_t>(count, 1 << 30));
    const uInt wanted = zlib_.avail_out;
    while (zlib_.avail_out == wanted && !ended_) {
      if (zlib_.avail_in == 0 && !refill()) {
        if (!inMember_) break;
        refuse("the gzip data ends in the middle, after " + std::to_string(taken_) + " bytes (" + std::to_string(given_) +
               " unpacked): the file is cut");
      }
      if (!inMember_ && !beginMember()) break;
      step();
    }
    const std::size_t n = wanted - zlib_.avail_out;
    given_ += n;
    return n;
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const { throw Error(fault(ExitCode::BadData, why, name_)); }
  bool refill() {
    const std::size_t n = packed_.read(reinterpret_cast<char*>(input_.data()), input_.size());
    zlib_.next_in = input_.data();
    zlib_.avail_in = static_cast<uInt>(n);
    taken_ += n;
    return n > 0;
  }
  /// Between members: zeros are padding (tar pads so), another member may follow, anything else is refused.
  bool beginMember() {
    while (members_ > 0 && zlib_.avail_in > 0 && *zlib_.next_in == 0) {
      padded_ = true;
      ++zlib_.next_in;
      if (--zlib_.avail_in == 0 && !refill()) {
        ended_ = true;
        return false;
      }
    }
    if (members_ > 0 && (padded_ || *zlib_.next_in != 0x1f))
      refuse("bytes that are no gzip data after the end, at byte " + std::to_string(taken_ - zlib_.avail_in));
    inMember_ = true;
    return true;
  }
  void step() {
    const int status = inflate(&zlib_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      ++members_;
      inMember_ = false;
      SERP_CHECK(inflateReset(&zlib_) == Z_OK, "zlib");
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      refuse("damaged gzip data near byte " + std::to_string(taken_ - zlib_.avail_in) + (zlib_.msg ? std::string(": ") + zlib_.msg : ""));
    }
  }

  std::string name_;
  PlainStream packed_;
  z_stream zlib_{};
  std::array<Bytef, 64 << 10> input_{};
  std::uint64_t taken_ = 0, given_ = 0;
  int members_ = 0;
  bool inMember_ = true, padded_ = false, ended_ = false;  // an empty file is a cut one
};

}  // namespace

std::unique_ptr<ByteStream> ByteStream::open(const TextFile& file) {
  if (file.gzip) return std::make_unique<GzipStream>(file);
  return std::make_unique<PlainStream>(file);
}

}  // namespace serp
